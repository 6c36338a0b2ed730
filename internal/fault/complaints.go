package fault

import (
	"fmt"
	"slices"
	"strings"
)

// Complaint is what is wrong with one part of what a person has declared, and what to
// write instead.
type Complaint struct {
	Where string // the file and the line, where they are known
	Path  string // the part, such as route[1].takes; empty for all of it
	Text  string
}

// Complaints is everything that is wrong with a declaration, as one error.
type Complaints []Complaint

// Add complains about a part.
func (c *Complaints) Add(path, format string, args ...any) {
	*c = append(*c, Complaint{Path: path, Text: fmt.Sprintf(format, args...)})
}

// In takes over what is wrong with a part, if anything is.
func (c *Complaints) In(path string, err error) {
	inside, ok := err.(Complaints)
	if !ok && err != nil {
		inside = Complaints{{Text: err.Error()}}
	}
	for _, one := range inside {
		one.Path = strings.Trim(path+"."+one.Path, ".")
		*c = append(*c, one)
	}
}

// Covers reports whether a part, or what it is a member of, was complained about: what is
// said of it then only follows. What lies deeper is wrong for itself.
func (c Complaints) Covers(path string) bool {
	return slices.ContainsFunc(c, func(one Complaint) bool {
		return within(path, one.Path) && strings.Count(path[len(one.Path):], ".") <= 1
	})
}

// About reports whether a part, something in it, or what it is part of was complained
// about: what it holds then means nothing.
func (c Complaints) About(path string) bool {
	return slices.ContainsFunc(c, func(one Complaint) bool { return within(path, one.Path) || within(one.Path, path) })
}

// within reports whether a part is another, or in it.
func within(path, whole string) bool {
	rest, found := strings.CutPrefix(path, whole)
	return found && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// Err is an error unless nothing is wrong.
func (c Complaints) Err() error {
	if len(c) == 0 {
		return nil
	}
	return c
}

// Error implements error, with a line for each complaint.
func (c Complaints) Error() string {
	lines := make([]string, len(c))
	for i, one := range c {
		for _, part := range []string{one.Where, one.Path} {
			if part != "" {
				lines[i] += part + ": "
			}
		}
		lines[i] += one.Text
	}
	return strings.Join(lines, "\n")
}
