// Package address reads the address of a request, and whatever is written as its parameters are, in one way or not at all.
package address

import (
	"errors"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Address is where a request goes within a service, as it was written and as it
// was understood.
type Address struct {
	Path     string // escaped, without the prefix of the service
	Segments []string
	RawQuery string
	Query    []Pair
}

// Pair is a parameter of an address, or a field of a form.
type Pair struct{ Name, Value string }

// Read understands an address, or refuses it: where two programs could
// read an address differently, the application might see another than we did.
func Read(path, rawQuery string) (Address, error) {
	a := Address{Path: path, RawQuery: rawQuery}
	if !strings.HasPrefix(path, "/") {
		return a, errors.New("the path does not begin with a slash")
	}
	raw := strings.Split(path[1:], "/")
	a.Segments = make([]string, len(raw))
	for i, segment := range raw {
		if segment == "" && i < len(raw)-1 {
			return a, errors.New("the path has an empty part")
		}
		plain, err := url.PathUnescape(segment)
		if err != nil || overescaped(segment) || plain == "." || plain == ".." || !utf8.ValidString(plain) ||
			strings.ContainsAny(plain, `/\;%?#`) || strings.ContainsFunc(plain, unicode.IsControl) {
			return a, errors.New("the path can be read in two ways")
		}
		a.Segments[i] = plain
	}
	var err error
	a.Query, err = ReadPairs(rawQuery, "")
	return a, err
}

// overescaped reports whether a character that needs no escape has one.
func overescaped(segment string) bool {
	for i := 0; i+2 < len(segment); i++ {
		if segment[i] != '%' {
			continue
		}
		c, err := url.PathUnescape(segment[i : i+3])
		if err == nil && (c[0] >= 'a' && c[0] <= 'z' || c[0] >= 'A' && c[0] <= 'Z' || c[0] >= '0' && c[0] <= '9' || strings.ContainsAny(c, "-._~")) {
			return true
		}
	}
	return false
}

// ReadPairs understands a query or a form, in which the given control characters
// may stand.
func ReadPairs(raw, controls string) ([]Pair, error) {
	if raw == "" {
		return nil, nil
	}
	var pairs []Pair
	for part := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(part, "=")
		var err, alsoErr error
		name, err = url.QueryUnescape(name)
		value, alsoErr = url.QueryUnescape(value)
		odd := func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune(controls, r) }
		if err != nil || alsoErr != nil || name == "" || strings.Contains(part, ";") ||
			!utf8.ValidString(name+value) || strings.ContainsFunc(name, unicode.IsControl) || strings.ContainsFunc(value, odd) {
			return nil, errors.New("the parameters can be read in two ways")
		}
		pairs = append(pairs, Pair{name, value})
	}
	return pairs, nil
}
