package socket

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Tag is the member of a JSON message that says of what type it is, such as $.type,
// $.header.kind or $[0], or several, each of which says a part of it.
type Tag struct {
	paths  []string
	places [][]tagStep
}

// String is the paths, with a blank between them.
func (t *Tag) String() string { return strings.Join(t.paths, " ") }

// tagStep is a name in an object, or, where that is empty, a position in an array.
type tagStep struct {
	name  string
	place int
}

var tagForm = regexp.MustCompile(`^\$(\.[A-Za-z_][A-Za-z0-9_-]*|\[[0-9]\])+$`)

// Joint stands between two parts of a type, none of which has a comma in it.
const Joint = ", "

// NewTag reads the paths of a tag. They go by names and positions below ten.
func NewTag(paths ...string) (*Tag, error) {
	t := &Tag{paths: paths}
	for i, path := range paths {
		if !tagForm.MatchString(path) {
			return nil, fmt.Errorf("%q is not the path of one member; write it as $.type", path)
		}
		if slices.Contains(paths[:i], path) {
			return nil, fmt.Errorf("%q says two parts of a type", path)
		}
		var steps []tagStep
		for _, part := range strings.FieldsFunc(path[1:], func(r rune) bool { return r == '.' || r == '[' }) {
			if digit, is := strings.CutSuffix(part, "]"); is {
				steps = append(steps, tagStep{place: int(digit[0] - '0')})
			} else {
				steps = append(steps, tagStep{name: part})
			}
		}
		t.places = append(t.places, steps)
	}
	return t, nil
}

// Split takes a message apart into what stands before its JSON, and that: it begins with the first
// bracket or brace. Without one it is all before.
func Split(message []byte) (before string, json []byte) {
	at := bytes.IndexAny(message, "{[")
	if at < 0 {
		at = len(message)
	}
	return string(message[:at]), message[at:]
}

// Why a message has no type: ErrNoTag where it is strict JSON otherwise.
var (
	errNoJSON = errors.New("a message is not one JSON text in UTF-8, or has a name twice")
	errComma  = errors.New("a part of a message's type has a comma in it")
	ErrNoTag  = errors.New("a message does not say its type, which is a text")
)

// Of returns the type that a message says: where it has several parts, as many as are texts, up to the first that is none. The
// message is read to its end: what is not strict JSON has none. The error quotes nothing of it.
func (t *Tag) Of(message []byte) (string, error) {
	d := jsontext.NewDecoder(bytes.NewReader(message))
	if _, err := d.ReadValue(); err != nil {
		return "", errNoJSON
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return "", errNoJSON
	}
	var parts []string
	for _, steps := range t.places {
		text, err := said(bytes.TrimSpace(message), steps)
		if err == ErrNoTag && len(parts) > 0 {
			break
		}
		if err == nil && len(t.places) > 1 && strings.Contains(text, ",") {
			err = errComma
		}
		if err != nil {
			return "", err
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, Joint), nil
}

// said is the text at a place in a value, which is well formed.
func said(value jsontext.Value, steps []tagStep) (string, error) {
	var err error
	for _, step := range steps {
		if value, err = step.in(value); err != nil {
			return "", err
		}
	}
	if value.Kind() != '"' {
		return "", ErrNoTag
	}
	text, err := jsontext.AppendUnquote(nil, value)
	if err != nil {
		return "", errNoJSON
	}
	return string(text), nil
}

// in is what stands at the step in a value, which is well formed.
func (s tagStep) in(value jsontext.Value) (jsontext.Value, error) {
	wanted := jsontext.Kind('{')
	if s.name == "" {
		wanted = '['
	}
	if value.Kind() != wanted {
		return nil, ErrNoTag
	}
	d := jsontext.NewDecoder(bytes.NewReader(value))
	_, _ = d.ReadToken()
	for n := 0; wanted == '[' && d.PeekKind() != ']'; n++ {
		inside, err := d.ReadValue()
		if err != nil {
			return nil, errNoJSON
		}
		if n == s.place {
			return bytes.TrimSpace(inside), nil
		}
	}
	for wanted == '{' && d.PeekKind() == '"' {
		key, err := d.ReadToken()
		if err != nil {
			return nil, errNoJSON
		}
		found := key.String() == s.name
		inside, err := d.ReadValue()
		if err != nil {
			return nil, errNoJSON
		}
		if found {
			return bytes.TrimSpace(inside), nil
		}
	}
	return nil, ErrNoTag
}
