package content

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// filter chooses members and elements by what is in them: [?@.type=='people']. All of
// its comparisons hold.
type filter struct {
	text string // tells it from others
	all  []comparison
}

// comparison is of what lies at a place, by names and indices only, with one value.
type comparison struct {
	names []child
	want  string // a text with a quote before it, or a number, true, false or null as JSON writes it
}

// child is what is called by a name in an object, or, where it has none, stands at an index in a list.
type child struct {
	name  string
	index int // from 0; -1 where it has a name
}

var errFilter = errors.New("a filter compares what lies at a place with one value, as in [?@.type=='people']; several are joined by &&, and there are no others")

// filter reads the comparisons after a question mark.
func (p *pathParser) filter() (*filter, error) {
	if p.inside {
		return nil, errFilter
	}
	p.inside = true
	defer func() { p.inside = false }()
	from := p.rest
	p.blanks()
	enclosed := p.take("(")
	f := &filter{}
	for {
		one, err := p.comparison()
		if err != nil {
			return nil, err
		}
		f.all = append(f.all, one)
		if p.blanks(); !p.take("&&") {
			break
		}
	}
	if enclosed && !p.take(")") {
		return nil, errFilter
	}
	f.text = strings.TrimSpace(from[:len(from)-len(p.rest)])
	return f, nil
}

func (p *pathParser) comparison() (c comparison, err error) {
	if p.blanks(); !p.take("@") {
		return c, errFilter
	}
	for strings.HasPrefix(p.rest, ".") || strings.HasPrefix(p.rest, "[") {
		s, err := p.step()
		if err != nil {
			return c, err
		}
		switch {
		case s.descend || s.any || len(s.filters) > 0:
			return c, errFilter
		case len(s.names) == 1 && len(s.indices) == 0:
			c.names = append(c.names, child{s.names[0], -1})
		case len(s.names) == 0 && len(s.indices) == 1 && s.indices[0].to == s.indices[0].from+1:
			c.names = append(c.names, child{"", s.indices[0].from})
		default:
			return c, errFilter
		}
	}
	if p.blanks(); !p.take("==") {
		return c, errFilter
	}
	if p.blanks(); p.rest == "" {
		return c, errFilter
	}
	if p.rest[0] == '\'' || p.rest[0] == '"' {
		text, err := p.quoted(p.rest[0])
		c.want = `"` + text
		return c, err
	}
	end := strings.IndexFunc(p.rest, func(r rune) bool { return strings.ContainsRune(" \t\r\n&)],", r) })
	if end < 0 {
		return c, errFilter
	}
	c.want, p.rest = p.rest[:end], p.rest[end:]
	value := jsontext.Value(c.want)
	if !value.IsValid() || value.Kind() == '0' && strings.ContainsAny(c.want, ".eE") {
		return c, errFilter
	}
	return c, nil
}

// excludes reports whether two filters never hold of one value.
func (f *filter) excludes(other *filter) bool {
	for _, a := range f.all {
		for _, b := range other.all {
			if slices.Equal(a.names, b.names) && a.want != b.want {
				return true
			}
		}
	}
	return false
}

// holds reports whether the filter holds of the value that text begins with. Where
// that is not strict JSON it may say anything: it is refused when it is read.
func (f *filter) holds(text []byte) bool {
	return !slices.ContainsFunc(f.all, func(c comparison) bool { return !c.holds(text) })
}

func (c comparison) holds(text []byte) bool {
	decoder := decoders.Get().(*jsontext.Decoder)
	defer func() {
		decoder.Reset(new(bytes.Buffer)) // keep nothing of the answer
		decoders.Put(decoder)
	}()
	decoder.Reset(bytes.NewBuffer(text))
	for _, m := range c.names {
		object := m.index < 0
		if object && (decoder.PeekKind() != '{' || !find(decoder, m.name)) || !object && (decoder.PeekKind() != '[' || !skip(decoder, m.index)) {
			return false
		}
	}
	found, err := decoder.ReadValue()
	if err != nil {
		return false
	}
	if found.Kind() != '"' {
		return string(found) == c.want
	}
	plain, err := jsontext.AppendUnquote([]byte{'"'}, found)
	return err == nil && string(plain) == c.want
}

// skip leads a decoder into a list, to its element at an index.
func skip(decoder *jsontext.Decoder, index int) bool {
	if _, err := decoder.ReadToken(); err != nil {
		return false
	}
	for range index {
		if decoder.PeekKind() == ']' || decoder.SkipValue() != nil {
			return false
		}
	}
	return decoder.PeekKind() != ']'
}

// find leads a decoder into an object, to its first member of a name.
func find(decoder *jsontext.Decoder, name string) bool {
	if _, err := decoder.ReadToken(); err != nil {
		return false
	}
	for decoder.PeekKind() == '"' {
		token, err := decoder.ReadToken()
		if err != nil {
			return false
		}
		if token.String() == name {
			return true
		}
		if decoder.SkipValue() != nil {
			return false
		}
	}
	return false
}
