package content

import (
	"errors"
	"fmt"
	"slices"

	"poterne/internal/fault"
	"poterne/internal/register"
)

// xmlReader reads answers in XML, SOAP among them.
type xmlReader struct {
	known    Namespaces
	decoded  bool // the caller makes UTF-8 of another charset
	absolute []*xmlPattern
	groups   []*xmlGroup
	words    map[string]bool // local names that may stay around what is declared
}

// xmlGroup is what is declared within one kind of row.
type xmlGroup struct{ inside []*xmlPattern }

// xmlMeaning is what a pattern says of what it leads to.
type xmlMeaning struct {
	group  *xmlGroup // a row of it
	naming *Naming
	order  int
	fields register.Fields
	plain  bool
}

// declared reports whether what it leads to may go out.
func (m xmlMeaning) declared() bool { return m.fields != 0 || m.plain }

func compileXML(l Layout) (*xmlReader, error) {
	var wrong fault.Complaints
	known, err := l.Namespaces.with()
	if err != nil {
		wrong.Add("namespaces", "%v", err)
		return nil, wrong
	}
	r := &xmlReader{known: known, decoded: l.Charset != "" && l.Charset != "utf-8", words: make(map[string]bool)}
	pattern := func(at, path string, inRow bool, means xmlMeaning) *xmlPattern {
		parsed, err := parseXMLPath(path, known, inRow)
		if err != nil {
			wrong.Add(at, "%q: %v", path, err)
		}
		for _, step := range parsed.steps {
			r.words[step.name.local] = true
		}
		return &xmlPattern{xmlPath: parsed, relative: inRow, meaning: means}
	}
	for i, group := range l.People {
		at := fmt.Sprintf("people[%d]", i)
		g := &xmlGroup{}
		r.groups = append(r.groups, g)
		row := pattern(at+".row", group.Row, false, xmlMeaning{group: g})
		if row.attr.local != "" {
			wrong.Add(at+".row", "%q: a row is an element", group.Row)
		}
		r.absolute = append(r.absolute, row)
		for j := range group.Person {
			naming := group.Person[j]
			g.inside = append(g.inside, pattern(fmt.Sprintf("%s.person[%d].path", at, j), naming.Path, true, xmlMeaning{naming: &naming, order: j}))
		}
		for j, part := range group.Fields {
			g.inside = append(g.inside, pattern(fmt.Sprintf("%s.fields[%d].path", at, j), part.Path, true, xmlMeaning{fields: part.Field}))
		}
	}
	for i, path := range l.Plain {
		r.absolute = append(r.absolute, pattern(fmt.Sprintf("plain[%d]", i), path, false, xmlMeaning{plain: true}))
	}
	for _, text := range l.Keep {
		words := make(words)
		words.of(text)
		for word := range words {
			r.words[word] = true
		}
	}
	return r, wrong.Err()
}

var (
	errXMLAround = errors.New("what is declared is in an element whose name is not; name it in the path, or keep it")
	errXMLRow    = errors.New("a row names its person by an element that has others in it")
)

// xmlReading is a document as it was read.
type xmlReading struct {
	root  *xmlNode
	known Namespaces
}

// xmlScan finds what is declared in one tree.
type xmlScan struct {
	*xmlReader
	rows []Row
	refs []placedRef
}

func (r *xmlReader) read(body []byte) ([]Row, releaser, error) {
	root, err := parseXML(body, r.known, r.decoded)
	if err != nil {
		return nil, nil, err
	}
	s := &xmlScan{xmlReader: r}
	var states []xmlState
	for _, p := range r.absolute {
		states = append(states, xmlState{pattern: p, row: nobody})
	}
	if err := s.element(root, states, within{row: nobody}); err != nil {
		return nil, nil, err
	}
	if !root.known && !root.whole {
		return nil, nil, errXMLAround
	}
	if err := nameRows(s.rows, s.refs); err != nil {
		return nil, nil, err
	}
	return s.rows, &xmlReading{root: root, known: r.known}, nil
}

// within is what is known of what encloses an element.
type within struct {
	row   int32
	needs register.Fields
	whole bool
}

// element finds what is declared in an element, and marks it.
func (s *xmlScan) element(n *xmlNode, states []xmlState, at within) error {
	inside, here := advance(states, n.name)
	n.row, n.known = at.row, s.words[n.name.local]
	var group *xmlGroup
	for _, one := range here {
		if means := one.pattern.meaning; means.group != nil {
			if group != nil && group != means.group {
				return errTwoGroups
			}
			group = means.group
		}
	}
	if group != nil {
		if n.empty() { // nobody is there
			n.drop = true
			return nil
		}
		// What is in a row is its person's: nothing that encloses it reaches into it.
		n.row, n.begin = int32(len(s.rows)), true
		s.rows = append(s.rows, Row{})
		at = within{row: n.row}
		inRow := func(one xmlState) bool { return one.pattern.relative }
		inside, here = slices.DeleteFunc(inside, inRow), slices.DeleteFunc(here, inRow)
		for _, p := range group.inside {
			if state := (xmlState{pattern: p, row: n.row}); len(p.steps) == 0 {
				here = append(here, state)
			} else {
				inside = append(inside, state)
			}
		}
	}
	if err := s.mark(n, here, &at); err != nil {
		return err
	}
	n.needs, n.whole = at.needs, at.whole
	for _, kid := range n.kids {
		if kid.isText() {
			continue
		}
		if err := s.element(kid, inside, at); err != nil {
			return err
		}
		n.leads = n.leads || !kid.drop && (kid.leads || kid.whole)
	}
	if (n.leads || n.begin) && !n.whole && !n.known {
		return errXMLAround
	}
	return nil
}

// mark notes what patterns say of an element and its attributes.
func (s *xmlScan) mark(n *xmlNode, here []xmlState, at *within) error {
	named, declared := false, false
	for _, one := range here {
		if one.pattern.attr.local != "" {
			continue
		}
		means := one.pattern.meaning
		if means.naming != nil {
			text, only := n.says()
			if !only {
				return errXMLRow
			}
			if err := s.name(n.row, means, text); err != nil {
				return err
			}
			named = true
		}
		if means.declared() {
			declared, at.whole = true, true
			at.needs |= means.fields
			s.tells(n.row, means.fields)
		}
	}
	n.drop = named && !declared
	for _, one := range here {
		if one.pattern.attr.local == "" {
			continue
		}
		i := slices.IndexFunc(n.attrs, func(a xmlAttr) bool { return a.name == one.pattern.attr })
		if i < 0 {
			continue
		}
		means := one.pattern.meaning
		if means.naming != nil {
			if err := s.name(n.row, means, n.attrs[i].value); err != nil {
				return err
			}
			n.attrs[i].drop = true
		}
		if means.declared() {
			n.attrs[i].shown, n.leads = true, true
			n.attrs[i].needs |= means.fields
			s.tells(n.row, means.fields)
		}
	}
	return nil
}

func (s *xmlScan) name(row int32, means xmlMeaning, text string) error {
	ref, err := reference(means.naming.Scheme, means.naming.Template, text)
	if err != nil {
		return err
	}
	s.refs = append(s.refs, placedRef{row, means.order, ref})
	return nil
}

func (s *xmlScan) tells(row int32, fields register.Fields) {
	if row != nobody {
		s.rows[row].Fields |= fields
	}
}

func (r *xmlReading) release(dst []byte, keep Keep) ([]byte, error) {
	w := newXMLWriter(r.known, dst)
	left := r.left(r.root, register.AllFields, keep)
	if left == nil {
		left = &xmlNode{name: r.root.name}
	}
	w.element(left, w.begin(left))
	return append(w.out.Bytes(), '\n'), nil
}

// left is what goes out of an element; nil for nothing.
func (r *xmlReading) left(n *xmlNode, allowed register.Fields, keep Keep) *xmlNode {
	if n.drop {
		return nil
	}
	if n.begin {
		show, fields := keep(int(n.row))
		if !show {
			return nil
		}
		allowed = fields
	}
	if !n.whole && !n.leads && !n.begin {
		return nil
	}
	out := &xmlNode{name: n.name}
	switch hidden := !allowed.Has(n.needs); {
	case hidden && !n.known:
		return nil // its name may say what it is
	case hidden:
		return out // an empty place
	}
	for _, a := range n.attrs {
		switch {
		case a.shown && allowed.Has(a.needs|n.needs):
			out.attrs = append(out.attrs, a)
		case a.shown:
			out.attrs = append(out.attrs, xmlAttr{name: a.name})
		case n.whole && !a.drop:
			out.attrs = append(out.attrs, a)
		}
	}
	for _, kid := range n.kids {
		switch {
		case kid.isText() && n.whole:
			out.kids = append(out.kids, kid)
		case kid.isText():
		default:
			if one := r.left(kid, allowed, keep); one != nil {
				out.kids = append(out.kids, one)
			}
		}
	}
	return out
}
