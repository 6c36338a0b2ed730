package content

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// step is one segment of a JSONPath: which children of a value are meant, and
// whether also those of every value beneath it.
type step struct {
	descend bool
	any     bool // every member and every element
	names   []string
	indices []interval
	filters []*filter
}

// interval is the half-open range of element indices that an index or a slice means.
type interval struct{ from, to int }

const endless = math.MaxInt

// parsePath reads a JSONPath that begins with root, '$' or '@'. Of RFC 9535 it
// knows names, wildcards, non-negative indices and slices, unions, descendants, and
// filters that compare with a value: what can be matched while reading on, without
// looking back.
func parsePath(text string, root byte) ([]step, error) {
	if text == "" || text[0] != root {
		return nil, fmt.Errorf("a path here begins with %c, as in %c.id", root, root)
	}
	p := pathParser{rest: text[1:]}
	var steps []step
	for p.rest != "" {
		s, err := p.step()
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
	}
	return steps, nil
}

type pathParser struct {
	rest   string
	inside bool // a filter, where more than a step may follow a name
}

func (p *pathParser) take(prefix string) bool {
	rest, found := strings.CutPrefix(p.rest, prefix)
	p.rest = rest
	return found
}

func (p *pathParser) step() (step, error) {
	var s step
	switch {
	case p.take(".."):
		s.descend = true
		if p.take("[") {
			err := p.bracket(&s)
			if err == nil && len(s.filters) > 0 {
				err = errors.New("a filter follows a list or an object, not ..; write the path to it")
			}
			return s, err
		}
		return s, p.dotted(&s)
	case p.take("."):
		return s, p.dotted(&s)
	case p.take("["):
		return s, p.bracket(&s)
	default:
		return s, fmt.Errorf("a step begins with a dot or a bracket, not with %q", p.rest)
	}
}

// dotted reads a wildcard or a name in short form.
func (p *pathParser) dotted(s *step) error {
	if p.take("*") {
		s.any = true
		return nil
	}
	end := strings.IndexFunc(p.rest, func(r rune) bool {
		return r < utf8.RuneSelf && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	if end < 0 {
		end = len(p.rest)
	}
	name := p.rest[:end]
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		return fmt.Errorf("a name is missing before %q; other names than letters, digits and _ are written ['the name']", p.rest)
	}
	if p.rest = p.rest[end:]; !p.inside && p.rest != "" && p.rest[0] != '.' && p.rest[0] != '[' {
		return fmt.Errorf("%q cannot follow the name %q; other names than letters, digits and _ are written ['the name']", p.rest[:1], name)
	}
	s.names = append(s.names, name)
	return nil
}

// bracket reads one or several selectors up to the closing bracket.
func (p *pathParser) bracket(s *step) error {
	for {
		p.blanks()
		if err := p.selector(s); err != nil {
			return err
		}
		p.blanks()
		switch {
		case p.take(","):
		case p.take("]"):
			return nil
		default:
			return errors.New("a bracket is not closed; write ] after its last selector")
		}
	}
}

func (p *pathParser) blanks() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

func (p *pathParser) selector(s *step) error {
	switch {
	case p.rest == "":
		return errors.New("a bracket is not closed; write ] after its last selector")
	case p.take("*"):
		s.any = true
		return nil
	case p.rest[0] == '\'' || p.rest[0] == '"':
		name, err := p.quoted(p.rest[0])
		s.names = append(s.names, name)
		return err
	case p.take("?"):
		f, err := p.filter()
		s.filters = append(s.filters, f)
		return err
	default:
		wanted, err := p.interval()
		s.indices = append(s.indices, wanted)
		return err
	}
}

// quoted reads a name between quotes; between single ones, \' is an escape and "
// is not.
func (p *pathParser) quoted(quote byte) (string, error) {
	double := []byte{'"'}
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == quote:
			p.rest = p.rest[i+1:]
			name, err := jsontext.AppendUnquote(nil, append(double, '"'))
			if err != nil {
				return "", errors.New("a quoted name has an escape that JSON does not know")
			}
			return string(name), nil
		case c == '\\' && i+1 < len(p.rest):
			i++
			if quote != '\'' || p.rest[i] != '\'' {
				double = append(double, '\\')
			}
			double = append(double, p.rest[i])
		case c == '"':
			double = append(double, '\\', '"')
		default:
			double = append(double, c)
		}
	}
	return "", errors.New("a quoted name is not closed")
}

// interval reads an index or a slice.
func (p *pathParser) interval() (interval, error) {
	from, given, err := p.number()
	if err != nil {
		return interval{}, err
	}
	p.blanks()
	if !p.take(":") {
		if !given {
			return interval{}, fmt.Errorf("%q is not a selector; write a quoted name, an index, a slice or *", p.rest)
		}
		return interval{from, from + 1}, nil
	}
	p.blanks()
	to, given, err := p.number()
	if err != nil {
		return interval{}, err
	}
	if !given {
		to = endless
	}
	p.blanks()
	if p.take(":") {
		p.blanks()
		if every, given, err := p.number(); err != nil || given && every != 1 {
			return interval{}, errors.New("a slice cannot skip elements; write their indices one by one, as in [0,2,4]")
		}
	}
	return interval{from, max(from, to)}, nil
}

// number reads a non-negative integer, if there is one.
func (p *pathParser) number() (n int, given bool, err error) {
	if strings.HasPrefix(p.rest, "-") {
		return 0, false, errors.New("an index counts from the start; negative ones cannot be used")
	}
	end := 0
	for end < len(p.rest) && p.rest[end] >= '0' && p.rest[end] <= '9' {
		end++
	}
	digits := p.rest[:end]
	if digits == "" {
		return 0, false, nil
	}
	n, err = strconv.Atoi(digits)
	if err != nil || n > math.MaxInt32 || digits[0] == '0' && digits != "0" {
		return 0, false, fmt.Errorf("%q is not an index", digits)
	}
	p.rest = p.rest[end:]
	return n, true, nil
}
