package provision

import (
	"encoding/json"
	"strings"
)

// unquote reads a JSON string.
func unquote(text string) (string, error) {
	var s string
	if json.Unmarshal([]byte(text), &s) != nil {
		return "", badFilter
	}
	return s, nil
}

// resource is a JSON object; attributes are found in any case.
type resource = map[string]any

// key is how an object spells an attribute's name; the name itself when it has none.
func key(in resource, name string) string {
	if _, there := in[name]; there {
		return name
	}
	for k := range in {
		if strings.EqualFold(k, name) {
			return k
		}
	}
	return name
}

// values are those of an attribute, or of a part of it: of a list, each of its elements.
func values(in any, path string) (all []any) {
	name, rest, deeper := strings.Cut(path, ".")
	switch in := in.(type) {
	case resource:
		value, there := in[key(in, name)]
		switch {
		case !there:
			return nil
		case deeper:
			return values(value, rest)
		}
		if list, ok := value.([]any); ok {
			return list
		}
		return []any{value}
	case []any:
		for _, one := range in {
			all = append(all, values(one, path)...)
		}
	}
	return all
}

// holds reports whether a filter holds for a value: of a list, for one of its elements. Nothing
// holds for an attribute that is not there.
func (f filter) holds(in any) bool {
	switch f.op {
	case "and":
		for _, one := range f.of {
			if !one.holds(in) {
				return false
			}
		}
		return true
	case "or":
		for _, one := range f.of {
			if one.holds(in) {
				return true
			}
		}
		return false
	case "not":
		return !f.of[0].holds(in)
	case "[":
		for _, value := range values(in, f.name) {
			if f.of[0].holds(value) {
				return true
			}
		}
		return false
	}
	all := values(in, f.name)
	if len(all) == 0 && strings.EqualFold(f.name, "value") { // of a list of plain values
		if _, object := in.(resource); !object {
			all = []any{in}
		}
	}
	for _, value := range all {
		if f.compares(value) {
			return true
		}
	}
	return false
}

func same(a, b any) bool {
	one, text := a.(string)
	other, too := b.(string)
	if text && too {
		return strings.EqualFold(one, other)
	}
	switch a.(type) {
	case resource, []any:
		return false
	}
	return a == b
}

func (f filter) compares(value any) bool {
	if f.op == "pr" {
		switch value := value.(type) {
		case nil:
			return false
		case string:
			return value != ""
		case []any:
			return len(value) > 0
		}
		return true
	}
	switch f.op {
	case "eq":
		return same(value, f.value)
	case "ne":
		return !same(value, f.value)
	}
	one, text := value.(string)
	other, too := f.value.(string)
	if text && too {
		one, other = strings.ToLower(one), strings.ToLower(other)
		switch f.op {
		case "co":
			return strings.Contains(one, other)
		case "sw":
			return strings.HasPrefix(one, other)
		case "ew":
			return strings.HasSuffix(one, other)
		}
		return ordered(f.op, strings.Compare(one, other))
	}
	n, number := value.(float64)
	m, also := f.value.(float64)
	if !number || !also {
		return false
	}
	switch {
	case n < m:
		return ordered(f.op, -1)
	case n > m:
		return ordered(f.op, 1)
	}
	return ordered(f.op, 0)
}

func ordered(op string, sign int) bool {
	switch op {
	case "gt":
		return sign > 0
	case "ge":
		return sign >= 0
	case "lt":
		return sign < 0
	case "le":
		return sign <= 0
	}
	return false
}
