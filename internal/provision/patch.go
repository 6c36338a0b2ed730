package provision

import (
	"reflect"
	"slices"
	"strings"

	"poterne/internal/fault"
)

// operation is one of a PATCH, RFC 7644, section 3.5.2.
type operation struct {
	Op    string `json:"op"` // in any case: Entra writes Replace
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// mostOperations bounds one PATCH.
const mostOperations = 50

// target is what a path leads to: an attribute, of its values those for which a filter holds,
// and a part of them.
type target struct {
	name  string
	only  *filter
	inner string
}

var badPath = fault.Errorf(fault.Invalid, "the path of an operation cannot be read")

func parsePath(text string) (t target, err error) {
	if strings.TrimSpace(text) == "" {
		return t, badPath
	}
	if open := strings.IndexByte(text, '['); open >= 0 {
		end := strings.LastIndexByte(text, ']')
		if end < open {
			return t, badPath
		}
		f, err := parseFilter(text[open+1 : end])
		if err != nil {
			return t, err
		}
		t.only = &f
		rest := text[end+1:]
		if text = text[:open]; rest != "" {
			if !strings.HasPrefix(rest, ".") || len(rest) == 1 {
				return t, badPath
			}
			t.inner = rest[1:]
		}
	}
	if strings.ContainsFunc(text, func(r rune) bool { return !nameRune(r) }) {
		return t, badPath
	}
	name := plainName(text)
	if t.only == nil {
		name, t.inner, _ = strings.Cut(name, ".")
	}
	if t.name = name; t.name == "" || strings.Contains(t.name, ".") || strings.Contains(t.inner, ".") {
		return t, badPath
	}
	return t, nil
}

// patch applies operations to a resource, in their order.
func patch(of resource, operations []operation) error {
	if len(operations) > mostOperations {
		return fault.Errorf(fault.Invalid, "a patch has %d operations at most", mostOperations)
	}
	for _, o := range operations {
		op := strings.ToLower(o.Op)
		switch {
		case op != "add" && op != "replace" && op != "remove":
			return fault.Errorf(fault.Invalid, "an operation is add, replace or remove")
		case o.Path != "":
			t, err := parsePath(o.Path)
			if err == nil {
				err = t.apply(of, op, o.Value)
			}
			if err != nil {
				return err
			}
			continue
		case op == "remove":
			return fault.Errorf(fault.Invalid, "what is removed has a path")
		}
		all, ok := o.Value.(resource)
		if !ok {
			return fault.Errorf(fault.Invalid, "an operation without a path has an object for its value")
		}
		for name, value := range all { // also with the path as a name, as Entra sends it
			t, err := parsePath(name)
			if err == nil {
				err = t.apply(of, op, value)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (t target) apply(of resource, op string, value any) error {
	k := key(of, t.name)
	if t.only == nil && t.inner == "" {
		switch {
		case op == "remove":
			delete(of, k)
		case op == "add":
			of[k] = added(of[k], value)
		default:
			of[k] = replaced(of[k], value)
		}
		return nil
	}
	if t.only == nil {
		return t.part(of, k, op, value)
	}
	list, there := of[k].([]any)
	matched := op == "remove" && t.inner == "" && there
	kept := make([]any, 0, len(list))
	for _, one := range list {
		if !t.only.holds(one) {
			kept = append(kept, one)
			continue
		}
		matched = true
		object, isObject := one.(resource)
		switch {
		case t.inner == "" && op == "remove":
			continue
		case t.inner == "" && isObject:
			if more, ok := value.(resource); ok {
				for name, v := range more {
					object[key(object, name)] = v
				}
				break
			}
			one = value
		case t.inner == "":
			one = value
		case isObject && op == "remove":
			delete(object, key(object, t.inner))
		case isObject:
			object[key(object, t.inner)] = value
		}
		kept = append(kept, one)
	}
	if !matched && op != "remove" && t.inner != "" && t.only.op == "eq" { // as Entra fills in an address
		kept, matched = append(kept, resource{t.only.name: t.only.value, t.inner: value}), true
	}
	if !matched {
		return fault.Errorf(fault.Invalid, "no value is as the path of an operation says")
	}
	if of[k] = kept; len(kept) == 0 {
		delete(of, k)
	}
	return nil
}

// part changes a part of an attribute that has parts.
func (t target) part(of resource, k, op string, value any) error {
	switch whole := of[k].(type) {
	case nil:
		if op != "remove" {
			of[k] = resource{t.inner: value}
		}
	case resource:
		if inner := key(whole, t.inner); op == "remove" {
			delete(whole, inner)
		} else if op == "add" {
			whole[inner] = added(whole[inner], value)
		} else {
			whole[inner] = value
		}
	case []any:
		for _, one := range whole {
			if object, ok := one.(resource); ok {
				if op == "remove" {
					delete(object, key(object, t.inner))
				} else {
					object[key(object, t.inner)] = value
				}
			}
		}
	default:
		return badPath
	}
	return nil
}

// replaced is a value in the place of another: an object keeps the parts that the new one does
// not have.
func replaced(before, value any) any {
	if _, object := before.(resource); object {
		return added(before, value)
	}
	return value
}

// added is a value with more: a list grows by what it does not have, an object by its parts.
func added(before, value any) any {
	switch before := before.(type) {
	case []any:
		more, list := value.([]any)
		if !list {
			more = []any{value}
		}
		for _, one := range more {
			if !slices.ContainsFunc(before, func(b any) bool { return reflect.DeepEqual(b, one) }) {
				before = append(before, one)
			}
		}
		return before
	case resource:
		if more, ok := value.(resource); ok {
			for name, v := range more {
				before[key(before, name)] = v
			}
			return before
		}
	}
	return value
}
