package content

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"poterne/internal/fault"
	"poterne/internal/register"
)

// Request lists what a JSON request may hold, so that whom it names is known before
// the application is asked. It is safe to share.
type Request struct{ root *member }

// Member is a value that a JSON request may hold: a text, a number, true, false or
// null. Its path begins with $ and goes by names, [*] and positions, as in $.people[*].id and $[1].id.
type Member struct {
	Path     string
	Scheme   string          // of one that names somebody
	Template string          // what is around the identifier, such as Patient/{id}; nothing when empty
	Writes   register.Fields // what it changes
	Optional bool            // it names somebody and may be missing
	Only     *Only           // the values that it may have; nil for all
}

// Only says which values a member may have. A text is not the value that it spells: programs take "false" for true.
type Only struct {
	Texts *regexp.Regexp // texts; nil for none
	Exact []string       // numbers, true and false, as JSON writes them
}

// allows reports whether a value, whose text is given where it is one, is listed.
func (o *Only) allows(raw jsontext.Value, text string) bool {
	if raw.Kind() != '"' {
		return slices.Contains(o.Exact, string(raw))
	}
	return o.Texts != nil && o.Texts.MatchString(text)
}

// mostPlaces bounds the positions of an array that are told apart.
const mostPlaces = 15

// member is a place in a request, and what may be there.
type member struct {
	members map[string]*member
	each    *member   // of an array
	places  []*member // of an array whose elements are told apart by where they stand; nil where nothing may
	value   *Member
	order   int
	must    bool            // it or something in it names somebody, and may not be missing
	writes  register.Fields // of all that is in it
}

// CompileRequest checks what a JSON body may hold. All complaints come at once.
func CompileRequest(members []Member) (*Request, error) {
	var wrong fault.Complaints
	if len(members) == 0 {
		wrong.Add("members", "say what the body may hold")
	}
	root := &member{}
	for i := range members {
		m := &members[i]
		steps, err := parsePath(m.Path, '$')
		if err == nil {
			err = root.add(steps, m, i)
		}
		if err == nil {
			err = CheckTemplate(m.Template)
		}
		if err != nil {
			wrong.Add("", "%q: %v", m.Path, err)
		}
	}
	root.sum()
	return &Request{root}, wrong.Err()
}

// add makes a place for a member.
func (at *member) add(steps []step, m *Member, order int) error {
	for _, s := range steps {
		if at.value != nil {
			return errors.New("what is above it is a value of its own")
		}
		switch {
		case s.descend, len(s.names) > 1, len(s.filters) > 0, len(s.indices) > 1, len(s.indices) == 1 && (s.any || len(s.names) > 0 || s.indices[0].to != s.indices[0].from+1):
			return errors.New("a request is listed member by member; write names, [*] and positions such as [1]")
		case len(s.indices) == 1:
			place := s.indices[0].from
			if place > mostPlaces || at.each != nil {
				return fmt.Errorf("positions go up to %d, and where they are listed [*] is not", mostPlaces)
			}
			for len(at.places) <= place {
				at.places = append(at.places, nil)
			}
			if at.places[place] == nil {
				at.places[place] = &member{}
			}
			at = at.places[place]
		case s.any:
			if at.places != nil {
				return errors.New("where positions are listed, [*] is not")
			}
			if at.each == nil {
				at.each = &member{}
			}
			at = at.each
		default:
			if at.members == nil {
				at.members = make(map[string]*member)
			}
			if at.members[s.names[0]] == nil {
				at.members[s.names[0]] = &member{}
			}
			at = at.members[s.names[0]]
		}
	}
	if at.value != nil {
		return errors.New("it is listed twice")
	}
	if at.members != nil || at.each != nil || at.places != nil {
		return errors.New("what is in it is listed too; list one or the other")
	}
	at.value, at.order = m, order
	return nil
}

// sum notes at each place what is beneath it.
func (at *member) sum() {
	if at.value != nil {
		at.must, at.writes = at.value.Scheme != "" && !at.value.Optional, at.value.Writes
	}
	inside := at.each
	for _, m := range slices.AppendSeq(slices.Clone(at.places), maps.Values(at.members)) {
		if m != nil {
			m.sum()
			at.must, at.writes = at.must || m.must, at.writes|m.writes
		}
	}
	if inside != nil {
		inside.sum()
		at.must, at.writes = at.must || inside.must, at.writes|inside.writes
	}
}

// Names are those of the body's own members that may have any value, in order.
func (r *Request) Names() (names []string) {
	for name, m := range r.root.members {
		if m.value == nil || m.value.Only == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Sent is what was read of a request.
type Sent struct {
	Refs   []register.Ref  // as they are spelled, in the order of the members
	Writes register.Fields // what its members change
	Masks  bool            // some text has the mask in it
	Texts  []Text          // what its members say
}

// Text is what a member of a request says, as a search compares it with others.
type Text struct{ Path, Text string }

// Why a request is not read. The texts hold nothing of it.
var (
	ErrUnlisted = errors.New("the body has a member that is not listed")
	ErrUnnamed  = errors.New("the body does not name somebody where it must")
	ErrOnly     = errors.New("the body has a value that is not one of those listed")
)

// Read reads a body whole.
func (r *Request) Read(body []byte) (Sent, error) {
	s := sending{decoder: jsontext.NewDecoder(bytes.NewReader(body))}
	err := s.value(r.root)
	if err == nil {
		if _, err = s.decoder.ReadToken(); err == nil {
			err = errors.New("a second value follows the first")
		} else if err == io.EOF {
			err = nil
		}
	}
	if _, syntax := errors.AsType[*jsontext.SyntacticError](err); syntax || err == io.EOF || err == io.ErrUnexpectedEOF {
		err = errors.New("not strict JSON, or a name comes twice") // the decoder's own words quote the body
	}
	if err != nil {
		return Sent{}, err
	}
	slices.SortStableFunc(s.found, func(a, b placedRef) int { return cmp.Compare(a.order, b.order) })
	for _, found := range s.found {
		s.sent.Refs = append(s.sent.Refs, found.ref)
	}
	return s.sent, nil
}

// sending is a request that is being read.
type sending struct {
	decoder *jsontext.Decoder
	sent    Sent
	found   []placedRef
}

// value reads what is at a place.
func (s *sending) value(at *member) error {
	kind := s.decoder.PeekKind()
	listed := at.value != nil && kind != '{' && kind != '['
	switch {
	case kind == '{' && at.members != nil:
		return s.object(at)
	case kind == '[' && (at.each != nil || at.places != nil):
		return s.array(at)
	}
	raw, err := s.decoder.ReadValue()
	switch {
	case err != nil:
		return err
	case !listed && at.must:
		return ErrUnnamed
	case !listed:
		return ErrUnlisted
	}
	s.sent.Writes |= at.writes
	text := ""
	if raw.Kind() == '"' {
		plain, err := jsontext.AppendUnquote(nil, raw)
		if err != nil {
			return err
		}
		text = string(plain)
		s.sent.Masks = s.sent.Masks || strings.Contains(text, Mask)
	}
	if at.value.Only != nil && !at.value.Only.allows(raw, text) {
		return ErrOnly
	}
	s.sent.Texts = append(s.sent.Texts, Text{at.value.Path, cmp.Or(text, string(raw))})
	if at.value.Scheme == "" {
		return nil
	}
	// Beyond fifteen digits programs begin to round.
	const exact = 15
	if raw.Kind() == '0' && len(raw) <= exact && !bytes.ContainsAny(raw, "-.eE") {
		text = string(raw)
	}
	text, fits := Within(at.value.Template, text)
	if text == "" || !fits {
		return ErrUnnamed
	}
	s.found = append(s.found, placedRef{order: at.order, ref: register.Ref{Scheme: at.value.Scheme, Value: text}})
	return nil
}

func (s *sending) object(at *member) error {
	if _, err := s.decoder.ReadToken(); err != nil {
		return err
	}
	met := make(map[string]bool, len(at.members))
	for s.decoder.PeekKind() != '}' {
		name, err := s.decoder.ReadToken()
		if err != nil {
			return err
		}
		text := name.String()
		inside, listed := at.members[text]
		if !listed {
			return ErrUnlisted
		}
		met[text] = true
		if err := s.value(inside); err != nil {
			return err
		}
	}
	for name, inside := range at.members {
		if inside.must && !met[name] {
			return ErrUnnamed
		}
	}
	_, err := s.decoder.ReadToken()
	return err
}

func (s *sending) array(at *member) error {
	s.sent.Writes |= at.writes // it takes the place of another one
	if _, err := s.decoder.ReadToken(); err != nil {
		return err
	}
	n := 0
	for ; s.decoder.PeekKind() != ']'; n++ {
		inside := at.each
		if inside == nil && n < len(at.places) {
			inside = at.places[n]
		}
		if inside == nil {
			return ErrUnlisted
		}
		if err := s.value(inside); err != nil {
			return err
		}
	}
	lacks := func(m *member) bool { return m != nil && m.must }
	if n == 0 && at.must || n < len(at.places) && slices.ContainsFunc(at.places[n:], lacks) {
		return ErrUnnamed
	}
	_, err := s.decoder.ReadToken()
	return err
}
