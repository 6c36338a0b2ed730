package provision

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"poterne/internal/fault"
)

// What a filter may be: more is refused before it is read.
const (
	longestFilter = 2048 // bytes
	deepestFilter = 16   // parentheses, brackets and nots within each other
)

// filter is a filter of RFC 7644, section 3.4.2.2.
type filter struct {
	op    string   // and, or, not; a comparison; pr; "[" for a filter on the values of an attribute
	of    []filter // of and, or, not and [
	name  string   // the attribute, in any case
	value any      // string, float64, bool or nil
}

var badFilter = fault.Errorf(fault.Invalid, "the filter cannot be read")

// reader reads a filter from left to right; it goes nowhere twice.
type reader struct {
	text string
	at   int
	deep int
}

// parseFilter reads a filter.
func parseFilter(text string) (filter, error) {
	if len(text) > longestFilter || !utf8.ValidString(text) {
		return filter{}, badFilter
	}
	r := &reader{text: text}
	f, err := r.or()
	if err == nil {
		if r.space(); r.at < len(r.text) {
			err = badFilter
		}
	}
	return f, err
}

func (r *reader) space() {
	for r.at < len(r.text) && r.text[r.at] == ' ' {
		r.at++
	}
}

// word takes a word that is spelt so, in any case, and ends there.
func (r *reader) word(word string) bool {
	r.space()
	end := r.at + len(word)
	if end > len(r.text) || !strings.EqualFold(r.text[r.at:end], word) || end < len(r.text) && nameRune(rune(r.text[end])) {
		return false
	}
	r.at = end
	return true
}

func (r *reader) sign(sign byte) bool {
	r.space()
	if r.at < len(r.text) && r.text[r.at] == sign {
		r.at++
		return true
	}
	return false
}

func nameRune(c rune) bool {
	return c == '_' || c == '-' || c == '$' || c == ':' || c == '.' || c < utf8.RuneSelf && (unicode.IsLetter(c) || unicode.IsDigit(c))
}

func (r *reader) or() (filter, error) { return r.chain("or", r.and) }

func (r *reader) and() (filter, error) { return r.chain("and", r.one) }

func (r *reader) chain(op string, next func() (filter, error)) (filter, error) {
	first, err := next()
	all := []filter{first}
	for err == nil && r.word(op) {
		var f filter
		f, err = next()
		all = append(all, f)
	}
	if err != nil || len(all) == 1 {
		return first, err
	}
	return filter{op: op, of: all}, nil
}

// within reads a filter between two signs.
func (r *reader) within(end byte) (filter, error) {
	if r.deep++; r.deep > deepestFilter {
		return filter{}, badFilter
	}
	f, err := r.or()
	if err == nil && !r.sign(end) {
		err = badFilter
	}
	r.deep--
	return f, err
}

func (r *reader) one() (filter, error) {
	if r.word("not") {
		if !r.sign('(') {
			return filter{}, badFilter
		}
		f, err := r.within(')')
		return filter{op: "not", of: []filter{f}}, err
	}
	if r.sign('(') {
		return r.within(')')
	}
	name, err := r.name()
	if err != nil {
		return filter{}, err
	}
	if r.at < len(r.text) && r.text[r.at] == '[' {
		r.at++
		f, err := r.within(']')
		return filter{op: "[", name: name, of: []filter{f}}, err
	}
	if r.word("pr") {
		return filter{op: "pr", name: name}, nil
	}
	for _, op := range []string{"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"} {
		if r.word(op) {
			value, err := r.value()
			return filter{op: op, name: name, value: value}, err
		}
	}
	return filter{}, badFilter
}

// name reads an attribute: of the core schema, and without its URN.
func (r *reader) name() (string, error) {
	r.space()
	begun := r.at
	for r.at < len(r.text) && nameRune(rune(r.text[r.at])) {
		r.at++
	}
	name := r.text[begun:r.at]
	if name == "" || !unicode.IsLetter(rune(name[0])) {
		return "", badFilter
	}
	return plainName(name), nil
}

// plainName is an attribute's name without the URN of its schema.
func plainName(name string) string {
	if len(name) > 4 && strings.EqualFold(name[:4], "urn:") {
		if i := strings.LastIndexByte(name, ':'); i >= 0 {
			name = name[i+1:]
		}
		if _, after, found := strings.Cut(name, "0:"); found { // …:2.0:User
			name = after
		}
	}
	return name
}

func (r *reader) value() (any, error) {
	switch {
	case r.word("true"):
		return true, nil
	case r.word("false"):
		return false, nil
	case r.word("null"):
		return nil, nil
	}
	r.space()
	rest := r.text[r.at:]
	if strings.HasPrefix(rest, `"`) {
		for i := 1; i < len(rest); i++ {
			switch rest[i] {
			case '\\':
				i++
			case '"':
				text, err := unquote(rest[:i+1])
				r.at += i + 1
				return text, err
			}
		}
		return nil, badFilter
	}
	i := 0
	for i < len(rest) && strings.IndexByte("+-.eE0123456789", rest[i]) >= 0 {
		i++
	}
	n, err := strconv.ParseFloat(rest[:i], 64)
	if err != nil {
		return nil, badFilter
	}
	r.at += i
	return n, nil
}
