package socket

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Tag is the member of a JSON message that says of what type it is, such as $.type or
// $.header.kind.
type Tag struct{ names []string }

var tagForm = regexp.MustCompile(`^\$(\.[A-Za-z_][A-Za-z0-9_-]*)+$`)

// NewTag reads the path of a tag. It goes by names only.
func NewTag(path string) (*Tag, error) {
	if !tagForm.MatchString(path) {
		return nil, fmt.Errorf("%q is not the path of one member; write it as $.type", path)
	}
	return &Tag{strings.Split(path, ".")[1:]}, nil
}

var (
	errNoJSON = errors.New("a message is not one JSON text in UTF-8, or has a name twice")
	errNoTag  = errors.New("a message does not say its type, which is a text")
)

// Of returns the type that a message says. The message is read to its end: what is not strict
// JSON has none. The error quotes nothing of it.
func (t *Tag) Of(message []byte) (string, error) {
	d := jsontext.NewDecoder(bytes.NewReader(message))
	if _, err := d.ReadValue(); err != nil {
		return "", errNoJSON
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return "", errNoJSON
	}
	value, err := jsontext.Value(bytes.TrimSpace(message)), error(nil)
	for _, name := range t.names {
		if value, err = member(value, name); err != nil {
			return "", err
		}
	}
	if value.Kind() != '"' {
		return "", errNoTag
	}
	text, err := jsontext.AppendUnquote(nil, value)
	if err != nil {
		return "", errNoJSON
	}
	return string(text), nil
}

// member is what stands in an object, which is well formed, under a name.
func member(value jsontext.Value, name string) (jsontext.Value, error) {
	if value.Kind() != '{' {
		return nil, errNoTag
	}
	d := jsontext.NewDecoder(bytes.NewReader(value))
	_, _ = d.ReadToken()
	for d.PeekKind() == '"' {
		key, err := d.ReadToken()
		if err != nil {
			return nil, errNoJSON
		}
		found := key.String() == name
		inside, err := d.ReadValue()
		if err != nil {
			return nil, errNoJSON
		}
		if found {
			return bytes.TrimSpace(inside), nil
		}
	}
	return nil, errNoTag
}
