package content

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"poterne/internal/fault"
	"poterne/internal/register"
)

// ownName is the path that leads from a row to the name of its own member.
const ownName = "@~"

// MaxDepth is how deep declared parts of a JSON answer may lie.
const MaxDepth = 100

type jsonReader struct {
	start *state
	words words // the names that the layout mentions
}

func compileJSON(l Layout) (*jsonReader, error) {
	var wrong fault.Complaints
	parse := func(at, path string, root byte) []step {
		steps, err := parsePath(path, root)
		if err != nil {
			wrong.Add(at, "%q: %v", path, err)
		}
		return steps
	}
	var patterns []pattern
	for i, group := range l.People {
		at := fmt.Sprintf("people[%d]", i)
		row := &rowKind{first: len(patterns)}
		for j, naming := range group.Person {
			place := &namePlace{j, naming.Scheme, naming.Template}
			if naming.Path == ownName {
				row.keys = append(row.keys, place)
				continue
			}
			patterns = append(patterns, pattern{
				steps:    parse(fmt.Sprintf("%s.person[%d].path", at, j), naming.Path, '@'),
				relative: true, meaning: meaning{name: place},
			})
		}
		for j, part := range group.Fields {
			if part.Path == ownName {
				row.keyNeeds |= part.Field
				continue
			}
			patterns = append(patterns, pattern{
				steps:    parse(fmt.Sprintf("%s.fields[%d].path", at, j), part.Path, '@'),
				relative: true, meaning: meaning{fields: part.Field},
			})
		}
		row.last = len(patterns)
		steps := parse(at+".row", group.Row, '$')
		patterns = append(patterns, pattern{steps: steps, meaning: meaning{row: row}})
		switch named := len(row.keys) > 0; {
		case named != (row.keyNeeds != 0):
			wrong.Add(at, "%s is the name under which a row stands: where it names the person it goes out with the row, so write it under person and under fields, such as identifier = %q", ownName, ownName)
		case named && (len(steps) == 0 || !steps[len(steps)-1].any && len(steps[len(steps)-1].filters) == 0):
			wrong.Add(at+".row", "%s names people where each member of an object is a row, as in $.people[*]", ownName)
		}
	}
	for i, path := range l.Plain {
		patterns = append(patterns, pattern{steps: parse(fmt.Sprintf("plain[%d]", i), path, '$'), meaning: meaning{plain: true}})
	}
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	start, err := compilePatterns(patterns)
	names := make(words)
	for _, text := range l.Keep {
		names.of(text)
	}
	for _, p := range patterns {
		for _, s := range p.steps {
			for _, name := range s.names {
				names[name] = true
			}
		}
	}
	return &jsonReader{start, names}, err
}

// jsonReading is what of an answer may go out at best, in document order.
type jsonReading struct {
	body  []byte
	nodes []node
	keys  map[int32]register.Fields // what the names need of rows whose names name people
	empty string                    // what is left of the answer when nothing of it is declared
}

// emptied returns the empty value of the same kind as a body that was read.
func emptied(body []byte) string {
	switch bytes.TrimSpace(body)[0] {
	case '{':
		return "{}"
	case '[':
		return "[]"
	default:
		return "null"
	}
}

// node is a value that is declared, or that leads to one.
type node struct {
	name  span // of a member, with its quotes
	value span
	next  int32 // the node after this one's last descendant
	row   int32 // or nobody
	needs register.Fields
	shape shape
}

type span struct{ from, to int32 }

func (s span) of(body []byte) []byte { return body[s.from:s.to] }

// shape says how a node is written.
type shape uint8

const (
	whole shape = iota // its bytes as they came
	object
	array
	tuple // an array whose elements mean different things by their index: what is cut leaves a hole
	hole
)

func (r *jsonReader) read(body []byte) ([]Row, releaser, error) {
	s, err := scan(r.start, r.words, body)
	if err != nil {
		return nil, nil, err
	}
	if err := nameRows(s.rows, s.refs); err != nil {
		return nil, nil, err
	}
	return s.rows, &jsonReading{body: body, nodes: s.nodes, keys: s.keys, empty: emptied(body)}, nil
}

// scanner reads one body from start to end, once.
type scanner struct {
	decoder *jsontext.Decoder
	body    []byte
	words   words // nil: whatever is found may keep its names
	nodes   []node
	keys    map[int32]register.Fields
	rows    []Row
	refs    []placedRef
	unquote []byte
}

var decoders = sync.Pool{New: func() any { return new(jsontext.Decoder) }}

func scan(start *state, names words, body []byte) (*scanner, error) {
	if len(body) > math.MaxInt32 {
		return nil, errors.New("larger than 2 GiB")
	}
	decoder := decoders.Get().(*jsontext.Decoder)
	defer func() {
		decoder.Reset(new(bytes.Buffer)) // keep nothing of the answer
		decoders.Put(decoder)
	}()
	decoder.Reset(bytes.NewBuffer(body))
	s := &scanner{decoder: decoder, body: body, words: names, nodes: make([]node, 0, 16+len(body)/32)}
	err := s.value(start, place{row: nobody})
	if err == nil {
		err = s.end()
	}
	if err != nil {
		return nil, s.sayWhere(err)
	}
	return s, nil
}

// end makes sure that nothing follows the first value.
func (s *scanner) end() error {
	_, err := s.decoder.ReadToken()
	switch err {
	case io.EOF:
		return nil
	case nil:
		return errors.New("a second value follows the first")
	default:
		return err
	}
}

// sayWhere replaces the decoder's errors, which quote names of the answer.
func (s *scanner) sayWhere(err error) error {
	at := s.decoder.InputOffset()
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		at = syntax.ByteOffset
		err = errors.New("not strict JSON")
		if errors.Is(syntax, jsontext.ErrDuplicateName) {
			err = errors.New("a name comes twice in one object")
		}
	} else if errors.Is(err, io.EOF) {
		err = errors.New("empty where JSON was expected")
	}
	return fmt.Errorf("%w (after byte %d)", err, at)
}

// place is where a value was met.
type place struct {
	name  span
	row   int32
	whole bool // what encloses it is declared, and it with it
	depth int
}

// value reads one value, of which the declared paths say st.
func (s *scanner) value(st *state, at place) error {
	kind := s.decoder.PeekKind()
	if st == nil {
		_, err := s.take(at, 0, nobody)
		return err
	}
	row := int32(nobody)
	if st.row != nil {
		if at.whole = kind == 'n'; at.whole { // nobody is there, and may be said to be
			at.whole = len(st.row.keys) == 0
			_, err := s.take(at, 0, nobody)
			return err
		}
		if st.torn {
			return errTwoGroups
		}
		row = int32(len(s.rows))
		s.rows = append(s.rows, Row{})
		at.row = row
		if len(st.row.keys) > 0 && kind != '{' && kind != '[' && !st.declared() {
			return errUnnamed // nothing of it would go out
		}
		if err := s.ownName(st.row, at); err != nil {
			return err
		}
	}
	switch {
	case st.declared():
		at.whole = true
	case st.names != nil:
		at.whole = false // what only names a person does not go out with what encloses it
	}
	if (kind == '{' || kind == '[') && !st.leaf() {
		return s.descend(st, at, row, kind)
	}
	raw, err := s.take(at, st.fields, row)
	if err != nil {
		return err
	}
	if raw[0] != 'n' { // null says nothing of anybody, shown or masked
		s.found(st, at)
	}
	return s.refer(st, at, raw)
}

// ownName notes the name of a row's own member as a reference, if it names its person.
func (s *scanner) ownName(kind *rowKind, at place) error {
	if len(kind.keys) == 0 {
		return nil
	}
	if at.name.to == 0 {
		return errNoName
	}
	name, err := s.unquoted(at.name.of(s.body))
	if err != nil {
		return err
	}
	if bytes.Contains(name, []byte(Mask)) {
		return errBadName
	}
	for _, key := range kind.keys {
		ref, err := reference(key.scheme, key.template, string(name))
		if err != nil {
			return err
		}
		s.refs = append(s.refs, placedRef{at.row, key.order, ref})
	}
	if s.keys == nil {
		s.keys = make(map[int32]register.Fields)
	}
	s.keys[at.row] = kind.keyNeeds
	s.rows[at.row].Fields |= kind.keyNeeds
	return nil
}

var errNoName = errors.New("a row that is named by its member's name is an element of a list")

// take reads a value without looking inside, and keeps it when it is to be whole.
func (s *scanner) take(at place, needs register.Fields, row int32) (jsontext.Value, error) {
	raw, err := s.decoder.ReadValue()
	if err != nil {
		return nil, err
	}
	if at.whole {
		s.nodes = append(s.nodes, node{at.name, s.span(raw), int32(len(s.nodes)) + 1, row, needs, whole})
	}
	return raw, nil
}

// span says where the value lies that was just read.
func (s *scanner) span(raw []byte) span {
	end := s.decoder.InputOffset()
	return span{int32(end) - int32(len(raw)), int32(end)}
}

// found notes the categories of a part that is there. An empty one counts: that
// somebody has no telephone is of the category, too.
func (s *scanner) found(st *state, at place) {
	if st.fields != 0 {
		s.rows[at.row].Fields |= st.fields
	}
}

// refer notes the value as a reference, if it names its row's person. A null
// names nobody.
func (s *scanner) refer(st *state, at place, raw jsontext.Value) error {
	if st.names == nil || raw[0] == 'n' {
		return nil
	}
	var text string
	switch raw.Kind() {
	case '"':
		plain, err := s.unquoted(raw)
		if err != nil {
			return err
		}
		text = string(plain)
	case '0':
		if bytes.ContainsAny(raw, ".eE") {
			return errBadName
		}
		text = string(raw)
	default:
		return errBadName
	}
	for _, name := range st.names {
		ref, err := reference(name.scheme, name.template, text)
		if err != nil {
			return err
		}
		s.refs = append(s.refs, placedRef{at.row, name.order, ref})
	}
	return nil
}

// unquoted returns a string's text, valid until the next call.
func (s *scanner) unquoted(raw []byte) (_ []byte, err error) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], nil
	}
	s.unquote, err = jsontext.AppendUnquote(s.unquote[:0], raw)
	return s.unquote, err
}

// descend reads the members or elements of a value. A value that is not itself
// declared stays when a declared path leads through it step by step, so that an
// empty list stays a list, or when something inside it stays.
func (s *scanner) descend(st *state, at place, row int32, kind jsontext.Kind) error {
	if st.names != nil {
		return errBadName
	}
	if at.depth == MaxDepth {
		return fmt.Errorf("nested deeper than %d", MaxDepth)
	}
	if _, err := s.decoder.ReadToken(); err != nil {
		return err
	}
	i := len(s.nodes)
	s.nodes = append(s.nodes, node{name: at.name, row: row, needs: st.fields})
	inside := place{row: at.row, whole: at.whole, depth: at.depth + 1}
	var err error
	if kind == '{' {
		s.nodes[i].shape = object
		err = s.members(st, inside)
	} else {
		s.nodes[i].shape = array
		if st.tuple {
			s.nodes[i].shape = tuple
		}
		err = s.elements(st, inside)
	}
	if err != nil {
		return err
	}
	s.found(st, at)
	s.nodes[i].next = int32(len(s.nodes))
	if empty := len(s.nodes) == i+1; empty && row == nobody && !at.whole && !st.expected {
		s.nodes = s.nodes[:i]
	}
	_, err = s.decoder.ReadToken()
	return err
}

func (s *scanner) members(st *state, at place) error {
	for s.decoder.PeekKind() != '}' {
		raw, err := s.decoder.ReadValue()
		if err != nil {
			return err
		}
		at.name = s.span(raw)
		name, err := s.unquoted(raw)
		if err != nil {
			return err
		}
		beneath, err := st.of(s.ahead(st))
		if err != nil {
			return err
		}
		next, known := beneath.members[string(name)]
		if !known {
			next = beneath.member
		}
		known = known || next != nil && next.row != nil && len(next.row.keys) > 0
		said := s.words == nil || at.whole || known || s.words[string(name)] // before the name's bytes are used again
		before := len(s.nodes)
		if err := s.value(next, at); err != nil {
			return err
		}
		if !said && len(s.nodes) > before {
			return errUnsaidName
		}
	}
	return nil
}

// errUnsaidName is an object where a list was meant, as [*] does: its names are
// data, such as somebody's number, and nobody declared them.
var errUnsaidName = errors.New("what is declared lies under a name that no path mentions; if it is not a list, write the names, or list them under keep")

// ahead is the body from the next value on, for filters to look at.
func (s *scanner) ahead(st *state) []byte {
	if len(st.filters) == 0 {
		return nil
	}
	return bytes.TrimLeft(s.body[s.decoder.InputOffset():], " \t\r\n,:")
}

func (s *scanner) elements(st *state, at place) error {
	for count := 0; s.decoder.PeekKind() != ']'; count++ {
		before := len(s.nodes)
		beneath, err := st.of(s.ahead(st))
		if err != nil {
			return err
		}
		if err := s.value(beneath.at(count), at); err != nil {
			return err
		}
		if st.tuple && len(s.nodes) == before {
			s.nodes = append(s.nodes, node{shape: hole, row: nobody, next: int32(before) + 1})
		}
	}
	return nil
}

func (r *jsonReading) release(dst []byte, keep Keep) ([]byte, error) {
	w := jsonWriter{jsonReading: r, keep: keep, out: dst}
	if len(r.nodes) == 0 {
		return append(dst, r.empty...), nil
	}
	root := &r.nodes[0]
	show, allowed := w.shown(root, 0)
	if !show {
		return append(dst, "null"...), nil
	}
	w.value(0, allowed)
	return w.out, nil
}

// jsonWriter writes an answer anew, leaving out what may not go.
type jsonWriter struct {
	*jsonReading
	keep Keep
	out  []byte
}

// shown says whether a node goes out, and what may be seen in it.
func (w *jsonWriter) shown(n *node, allowed register.Fields) (bool, register.Fields) {
	if n.row == nobody {
		return true, allowed
	}
	return w.keep(int(n.row))
}

func (w *jsonWriter) value(i int32, allowed register.Fields) {
	n := &w.nodes[i]
	switch {
	case !allowed.Has(n.needs) || n.shape == hole:
		w.out = append(w.out, "null"...)
	case n.shape == whole:
		w.out = append(w.out, n.value.of(w.body)...)
	case n.shape == object:
		w.out = append(w.out, '{')
		w.inside(i, allowed)
		w.out = append(w.out, '}')
	default:
		w.out = append(w.out, '[')
		w.inside(i, allowed)
		w.out = append(w.out, ']')
	}
}

func (w *jsonWriter) inside(i int32, allowed register.Fields) {
	parent := &w.nodes[i]
	first := true
	for c := i + 1; c < parent.next; c = w.nodes[c].next {
		child := &w.nodes[c]
		show, allowed := w.shown(child, allowed)
		if !show && parent.shape != tuple {
			continue
		}
		if !first {
			w.out = append(w.out, ',')
		}
		first = false
		if needs := w.keys[child.row]; !allowed.Has(needs) {
			w.out = append(strconv.AppendInt(append(append(w.out, '"'), Mask...), int64(c), 10), `":`...)
		} else if parent.shape == object {
			w.out = append(append(w.out, child.name.of(w.body)...), ':')
		}
		if !show {
			w.out = append(w.out, "null"...)
			continue
		}
		w.value(c, allowed)
	}
}
