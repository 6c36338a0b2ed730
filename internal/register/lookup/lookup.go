// Package lookup goes through lists of a register's identifiers: for people whose
// pseudonyms are known, and for identifiers that are reserved to canaries. Every core
// looks; what it needs does not grow with the register. What is wrong with a list is
// told by its line, never by what stands there: it may be a person's.
package lookup

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"poterne/internal/register"
	"poterne/internal/typed"
)

// Column is one column of a CSV file.
type Column struct {
	file  string
	cells *csv.Reader
	place int
}

// NewColumn finds a column by its name in the first line.
func NewColumn(file string, from io.Reader, name string) (*Column, error) {
	c := &Column{file: file, cells: typed.Table(from)}
	c.cells.ReuseRecord = true
	names, err := c.cells.Read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s is empty", file)
	}
	if c.place = slices.Index(names, name); err != nil || c.place < 0 {
		return nil, fmt.Errorf("the first line of %s names no column %q", file, name)
	}
	return c, nil
}

// next returns the next cell; io.EOF at the end.
func (c *Column) next() (string, error) {
	row, err := c.cells.Read()
	if errors.Is(err, io.EOF) {
		return "", io.EOF
	}
	if damaged, ok := errors.AsType[*csv.ParseError](err); ok {
		return "", fmt.Errorf("%s:%d: not a line of CSV with as many cells as the first", c.file, damaged.Line)
	}
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", c.file, err)
	}
	return strings.TrimSpace(row[c.place]), nil
}

// Pseudonyms reads the rest of a column of pseudonyms: each once, and sorted.
func (c *Column) Pseudonyms() (people []register.PersonID, err error) {
	for {
		text, err := c.next()
		if errors.Is(err, io.EOF) {
			slices.SortFunc(people, compare)
			return slices.Compact(people), nil
		}
		if err != nil {
			return nil, err
		}
		person, err := register.ParsePersonID(text)
		if err != nil || person.IsZero() {
			line, _ := c.cells.FieldPos(0)
			return nil, fmt.Errorf("%s:%d: not a pseudonym, which is 32 hexadecimal digits; nobody is named", c.file, line)
		}
		people = append(people, person)
	}
}

func compare(a, b register.PersonID) int { return bytes.Compare(a[:], b[:]) }

// Directory leads identifiers to people; to the zero PersonID when it knows none.
type Directory interface {
	People(context.Context, []register.Ref) ([]register.PersonID, error)
}

// Search is for the people whose pseudonyms are wanted.
type Search struct {
	directory Directory
	scheme    string              // of the identifiers
	wanted    []register.PersonID // sorted
	found     []bool              // each of them
}

// NewSearch is for people, each of whom comes once. It keeps the slice.
func NewSearch(wanted []register.PersonID, directory Directory, scheme string) *Search {
	slices.SortFunc(wanted, compare)
	return &Search{directory: directory, scheme: scheme, wanted: wanted, found: make([]bool, len(wanted))}
}

// Run goes through the identifiers and writes those of wanted people to to. It tells
// how many it has read.
func (s *Search) Run(ctx context.Context, identifiers *Column, to io.Writer, tell func(read int)) error {
	out := csv.NewWriter(to)
	if err := out.Write([]string{"person", "identifier"}); err != nil {
		return err
	}
	const each = 1 << 13
	refs := make([]register.Ref, 0, each*runtime.GOMAXPROCS(0))
	places := make([]int, cap(refs))
	read := 0
	for ended := false; !ended; {
		for refs = refs[:0]; len(refs) < cap(refs); {
			identifier, err := identifiers.next()
			if ended = errors.Is(err, io.EOF); ended {
				break
			}
			if err != nil {
				return err
			}
			refs = append(refs, register.Ref{Scheme: s.scheme, Value: identifier})
		}
		group, ctx := errgroup.WithContext(ctx)
		for start := 0; start < len(refs); start += each {
			end := min(start+each, len(refs))
			group.Go(func() error { return s.look(ctx, refs[start:end], places[start:end]) })
		}
		if err := group.Wait(); err != nil {
			return err
		}
		for i, place := range places[:len(refs)] {
			if place < 0 {
				continue
			}
			s.found[place] = true
			if err := out.Write([]string{s.wanted[place].Hex(), refs[i].Value}); err != nil {
				return err
			}
		}
		read += len(refs)
		tell(read)
	}
	out.Flush()
	return out.Error()
}

// look says for each identifier which of those wanted it leads to, or -1.
func (s *Search) look(ctx context.Context, refs []register.Ref, places []int) error {
	people, err := s.directory.People(ctx, refs)
	if err != nil {
		return err
	}
	for i, person := range people {
		place, wanted := slices.BinarySearchFunc(s.wanted, person, compare)
		if !wanted {
			place = -1
		}
		places[i] = place
	}
	return ctx.Err()
}

// Missing returns those that were not found.
func (s *Search) Missing() (people []register.PersonID) {
	for i, found := range s.found {
		if !found {
			people = append(people, s.wanted[i])
		}
	}
	return people
}

// WritePseudonyms writes a list as Pseudonyms reads it.
func WritePseudonyms(to io.Writer, people []register.PersonID) error {
	if _, err := io.WriteString(to, "person\n"); err != nil {
		return err
	}
	return AppendPseudonyms(to, people)
}

// AppendPseudonyms writes more people to a list.
func AppendPseudonyms(to io.Writer, people []register.PersonID) error {
	for _, person := range people {
		if _, err := io.WriteString(to, person.Hex()+"\n"); err != nil {
			return err
		}
	}
	return nil
}
