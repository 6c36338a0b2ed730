package content

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"poterne/internal/fault"
	"poterne/internal/register"
)

// XMLRequest lists what an XML request may hold: its elements and attributes, each by its whole
// path. It is safe to share.
type XMLRequest struct {
	known Namespaces
	root  *xmlMember
	list  []Member
}

// xmlMember is a place in a request, and what may be there.
type xmlMember struct {
	inside map[xmlName]*xmlMember
	attrs  map[xmlName]int // members
	value  int             // a member, or nothing
	must   bool            // it or something in it names somebody, and may not be missing
}

const noMember = -1

func newXMLMember() *xmlMember {
	return &xmlMember{inside: make(map[xmlName]*xmlMember), attrs: make(map[xmlName]int), value: noMember}
}

// CompileXMLRequest checks what an XML body may hold. All complaints come at once.
func CompileXMLRequest(members []Member, namespaces Namespaces) (*XMLRequest, error) {
	var wrong fault.Complaints
	known, err := namespaces.with()
	if err != nil {
		wrong.Add("namespaces", "%v", err)
		return nil, wrong
	}
	r := &XMLRequest{known: known, root: newXMLMember(), list: slices.Clone(members)}
	for i, m := range members {
		err := r.add(m, i)
		if err == nil {
			err = CheckTemplate(m.Template)
		}
		if err != nil {
			wrong.Add("", "%q: %v", m.Path, err)
		}
	}
	r.sum(r.root)
	return r, wrong.Err()
}

// sum notes at each place whether somebody must be named there.
func (r *XMLRequest) sum(at *xmlMember) {
	named := func(member int) bool { return r.list[member].Scheme != "" && !r.list[member].Optional }
	at.must = at.value != noMember && named(at.value)
	for _, member := range at.attrs {
		at.must = at.must || named(member)
	}
	for _, inside := range at.inside {
		r.sum(inside)
		at.must = at.must || inside.must
	}
}

// add makes a place for a member.
func (r *XMLRequest) add(m Member, order int) error {
	path, err := parseXMLPath(m.Path, r.known, false)
	if err != nil {
		return err
	}
	at := r.root
	for _, step := range path.steps {
		if step.any || step.descend {
			return errors.New("a request is listed element by element; write names only")
		}
		if at.value != noMember {
			return errors.New("what is above it is a value of its own")
		}
		if at.inside[step.name] == nil {
			at.inside[step.name] = newXMLMember()
		}
		at = at.inside[step.name]
	}
	if path.attr.local != "" {
		if _, twice := at.attrs[path.attr]; twice {
			return errors.New("it is listed twice")
		}
		at.attrs[path.attr] = order
		return nil
	}
	switch {
	case at.value != noMember:
		return errors.New("it is listed twice")
	case len(at.inside) > 0:
		return errors.New("what is in it is listed too; list one or the other")
	}
	at.value = order
	return nil
}

// SentXML is what was read of an XML request, and the request as it is passed on: written anew
// from what was read, so that the application reads nothing else.
type SentXML struct {
	Sent
	Operation string // the one element in the body of a SOAP envelope; empty where there is none
	Body      []byte
}

// Read reads a body whole. An element or attribute that is not listed is ErrUnlisted, empty or not:
// what an application does may go by its being there.
func (r *XMLRequest) Read(body []byte) (SentXML, error) {
	tree, err := parseXML(body, r.known, false)
	if err != nil {
		return SentXML{}, err
	}
	s := &xmlSending{XMLRequest: r}
	if err := s.inside(r.root, &xmlNode{kids: []*xmlNode{tree}}); err != nil {
		return SentXML{}, err
	}
	slices.SortStableFunc(s.found, func(a, b placedRef) int { return cmp.Compare(a.order, b.order) })
	for _, found := range s.found {
		s.sent.Refs = append(s.sent.Refs, found.ref)
	}
	w := newXMLWriter(r.known, nil)
	w.element(tree, w.begin(tree))
	return SentXML{Sent: s.sent, Operation: operationOf(tree), Body: w.out.Bytes()}, nil
}

// xmlSending reads one request.
type xmlSending struct {
	*XMLRequest
	sent  Sent
	found []placedRef
}

// inside reads what is in an element, at the place where that is listed.
func (s *xmlSending) inside(at *xmlMember, n *xmlNode) error {
	met := make(map[xmlName]bool)
	n.kids = slices.DeleteFunc(n.kids, func(kid *xmlNode) bool { return emptyHeader(at, kid) })
	for _, kid := range n.kids {
		if kid.isText() {
			if strings.TrimSpace(kid.text) != "" {
				return ErrUnlisted
			}
			continue
		}
		place := at.inside[kid.name]
		if place == nil {
			return ErrUnlisted
		}
		met[kid.name] = true
		for name, member := range place.attrs {
			there := slices.ContainsFunc(kid.attrs, func(a xmlAttr) bool { return a.name == name })
			if m := s.list[member]; m.Scheme != "" && !m.Optional && !there {
				return ErrUnnamed
			}
		}
		for _, a := range kid.attrs {
			member, listed := place.attrs[a.name]
			if !listed {
				return ErrUnlisted
			}
			if err := s.says(member, a.value); err != nil {
				return err
			}
		}
		if place.value == noMember {
			if err := s.inside(place, kid); err != nil {
				return err
			}
			continue
		}
		text, only := kid.says()
		if !only {
			return ErrUnlisted
		}
		if err := s.says(place.value, text); err != nil {
			return err
		}
	}
	for name, place := range at.inside {
		if place.must && !met[name] {
			return ErrUnnamed // in each element of its kind: the application could take another's
		}
	}
	return nil
}

// emptyHeader reports whether an element is the header of a SOAP envelope with nothing in it: it says
// nothing and is left out.
func emptyHeader(at *xmlMember, n *xmlNode) bool {
	soap := n.name.space == usualNamespaces["soap"] || n.name.space == usualNamespaces["soap12"]
	return soap && n.name.local == "Header" && at.inside[n.name] == nil && len(n.attrs) == 0 && n.empty()
}

// says takes up what a member says.
func (s *xmlSending) says(member int, text string) error {
	m := s.list[member]
	s.sent.Writes |= m.Writes
	s.sent.Masks = s.sent.Masks || strings.Contains(text, Mask)
	s.sent.Texts = append(s.sent.Texts, Text{m.Path, text})
	if m.Scheme == "" {
		return nil
	}
	if text != strings.TrimSpace(text) {
		return errors.New("an identifier has space around it") // readers differ about it
	}
	identifier, fits := Within(m.Template, text)
	if !fits || identifier == "" {
		return ErrUnnamed
	}
	s.found = append(s.found, placedRef{order: member, ref: register.Ref{Scheme: m.Scheme, Value: identifier}})
	return nil
}

// operationOf is the name of the one element in the body of a SOAP envelope.
func operationOf(root *xmlNode) (operation string) {
	soap := root.name.space
	if root.name.local != "Envelope" || soap != usualNamespaces["soap"] && soap != usualNamespaces["soap12"] {
		return ""
	}
	for _, body := range root.kids {
		if body.name != (xmlName{soap, "Body"}) {
			continue
		}
		for _, one := range body.kids {
			switch {
			case one.isText():
			case operation != "":
				return ""
			default:
				operation = one.name.local
			}
		}
	}
	return operation
}

// Operation reads of a body only which operation of SOAP it asks for, with a name that is matched
// as it is listed; an error where that is not one.
func Operation(body []byte, namespaces Namespaces) (string, error) {
	known, err := namespaces.with()
	if err != nil {
		return "", err
	}
	root, err := parseXML(body, known, false)
	if err != nil {
		return "", err
	}
	if one := operationOf(root); one != "" {
		return one, nil
	}
	return "", fmt.Errorf("no operation: %w", ErrUnlisted)
}
