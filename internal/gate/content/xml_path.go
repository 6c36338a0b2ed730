package content

import (
	"errors"
	"fmt"
	"strings"
)

// xmlPath is a path to elements, or to an attribute of them.
type xmlPath struct {
	steps []xmlStep
	attr  xmlName // local is empty for the element itself
}

// xmlStep is one element down, or however many.
type xmlStep struct {
	name    xmlName
	any     bool // every name
	descend bool // at any depth
}

var errXMLPath = errors.New("a path of XML goes by names, * and @attribute, as in /list/person or, in a row, address/city")

// parseXMLPath reads /soap:Envelope/soap:Body/p:people/p:person or, in a row, @id, name, . and
// .//name. Names are matched with their namespaces.
func parseXMLPath(path string, known Namespaces, inRow bool) (p xmlPath, err error) {
	rest, absolute := strings.CutPrefix(path, "/")
	switch {
	case inRow && (absolute || path == ""):
		return p, fmt.Errorf("in a row a path begins at the row: %w", errXMLPath)
	case !inRow && !absolute:
		return p, fmt.Errorf("it begins with /: %w", errXMLPath)
	case inRow && path == ".":
		return p, nil
	}
	descend := false
	if inRow {
		if deep, is := strings.CutPrefix(rest, ".//"); is {
			rest, descend = deep, true
		}
	} else if deep, is := strings.CutPrefix(rest, "/"); is {
		rest, descend = deep, true
	}
	for part := range strings.SplitSeq(rest, "/") {
		switch {
		case part == "" && !descend:
			descend = true
			continue
		case p.attr.local != "":
			return p, fmt.Errorf("nothing is in an attribute: %w", errXMLPath)
		}
		attribute := false
		if part, attribute = strings.CutPrefix(part, "@"); attribute && descend {
			return p, fmt.Errorf("say which element has it: %w", errXMLPath)
		}
		step := xmlStep{any: part == "*", descend: descend}
		if !step.any {
			if step.name, err = known.name(part); err != nil {
				return p, err
			}
		}
		switch {
		case attribute && step.any:
			return p, fmt.Errorf("say which attribute: %w", errXMLPath)
		case attribute:
			p.attr = step.name
		default:
			p.steps = append(p.steps, step)
		}
		descend = false
	}
	if descend || !inRow && len(p.steps) == 0 {
		return p, errXMLPath
	}
	return p, nil
}

// name reads person or p:person.
func (n Namespaces) name(text string) (xmlName, error) {
	prefix, local, prefixed := strings.Cut(text, ":")
	if !prefixed {
		prefix, local = "", text
	}
	if !plainXMLName.MatchString(local) {
		return xmlName{}, errXMLPath
	}
	if prefix == "" {
		return xmlName{local: local}, nil
	}
	uri, known := n[prefix]
	if !known {
		return xmlName{}, fmt.Errorf("the prefix %s is not declared; write namespaces = { %s = \"…\" }", prefix, prefix)
	}
	return xmlName{uri, local}, nil
}

// xmlState is how far a pattern has come on the way to an element.
type xmlState struct {
	pattern *xmlPattern
	next    int // of its steps
	row     int32
}

// xmlPattern is a path and what it means.
type xmlPattern struct {
	xmlPath
	relative bool
	meaning  xmlMeaning
}

// advance returns how far patterns have come within an element, and those that mean it.
func advance(states []xmlState, name xmlName) (inside, here []xmlState) {
	for _, s := range states {
		step := s.pattern.steps[s.next]
		if step.descend {
			inside = append(inside, s)
		}
		if !step.any && step.name != name {
			continue
		}
		s.next++
		if s.next == len(s.pattern.steps) {
			here = append(here, s)
		} else {
			inside = append(inside, s)
		}
	}
	return inside, here
}
