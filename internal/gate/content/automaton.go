package content

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"poterne/internal/register"
)

// pattern is one declared path and what it declares.
type pattern struct {
	steps    []step
	relative bool // it starts at a row, and ends where an inner row begins
	meaning
}

// meaning is what a path declares of the values it leads to.
type meaning struct {
	row    *rowKind
	name   *namePlace
	fields register.Fields
	plain  bool
}

// rowKind is a group of people, with the paths that start at its rows.
type rowKind struct {
	first, last int
	keys        []*namePlace    // by which the name of the row's own member names its person
	keyNeeds    register.Fields // of that name
}

// namePlace is one way in which rows of a group name their person.
type namePlace struct {
	order    int
	scheme   string
	template string
}

// state is what all the declared paths together say about one value, however
// many of them lead to it: the paths are compiled into one automaton, so that
// reading costs the same for one path and for fifty.
type state struct {
	row      *rowKind
	torn     bool // rows of two groups begin here
	names    []*namePlace
	fields   register.Fields
	plain    bool
	expected bool // a declared path leads through here, step by step

	beneath            // of whatever no filter chooses
	filters  []*filter // of what is beneath
	filtered map[uint64]*beneath
	tuple    bool // elements mean different things by their index
}

// beneath is what is said of members and elements.
type beneath struct {
	members  map[string]*state
	member   *state // any other member
	elements []elements
}

// elements says in which state the elements from an index on are.
type elements struct {
	from int
	next *state
}

// leaf reports whether nothing is declared beneath.
func (s *state) leaf() bool {
	return s.members == nil && s.member == nil && s.elements == nil && s.filters == nil
}

// declared reports whether the value itself may go out.
func (s *state) declared() bool { return s.fields != 0 || s.plain }

// at returns the state of the element with this index.
func (b *beneath) at(index int) *state {
	var next *state
	for _, run := range b.elements {
		if run.from > index {
			break
		}
		next = run.next
	}
	return next
}

// positional reports whether elements mean different things by their index.
func (b *beneath) positional() bool {
	return len(b.elements) > 1 || len(b.elements) == 1 && b.elements[0].from > 0
}

// errFiltered is of a value that two filters choose which exclude each other.
var errFiltered = errors.New("a value cannot be told by the filters")

// of returns what is said of a member or element, given the text that begins with it.
func (s *state) of(text []byte) (*beneath, error) {
	var chosen uint64
	for i, f := range s.filters {
		if f.holds(text) {
			chosen |= 1 << i
		}
	}
	if chosen == 0 {
		return &s.beneath, nil
	}
	b, known := s.filtered[chosen]
	if !known {
		return nil, errFiltered
	}
	return b, nil
}

// position is how far a path has been followed.
type position struct {
	pattern, step int
	passing       bool // only on the way to a descendant, perhaps in vain
}

// What descendants with many names, and filters, could multiply into.
const (
	maxStates  = 1000
	maxFilters = 32  // at one place
	maxChosen  = 128 // ways in which filters at one place can hold together
)

// automaton builds the states by following all paths at once.
type automaton struct {
	patterns []pattern
	states   map[string]*state
}

func compilePatterns(patterns []pattern) (*state, error) {
	a := &automaton{patterns: patterns, states: make(map[string]*state)}
	var start []position
	for i, p := range patterns {
		if !p.relative {
			start = append(start, position{pattern: i})
		}
	}
	return a.state(start)
}

func (a *automaton) state(at []position) (*state, error) {
	at, torn := a.enterRow(at)
	if len(at) == 0 {
		return nil, nil
	}
	slices.SortFunc(at, func(p, q position) int {
		return cmp.Or(cmp.Compare(p.pattern, q.pattern), cmp.Compare(p.step, q.step), cmp.Compare(bit(p.passing), bit(q.passing)))
	})
	at = slices.CompactFunc(at, func(p, q position) bool { return p.pattern == q.pattern && p.step == q.step })
	key := keyOf(at, torn)
	if known, found := a.states[key]; found {
		return known, nil
	}
	if len(a.states) == maxStates {
		return nil, errors.New("the paths are too many to be followed together; use fewer descendants (..)")
	}
	s := &state{torn: torn}
	a.states[key] = s
	for _, p := range at {
		a.say(s, p)
	}
	return s, a.lead(s, at)
}

// keyOf tells sets of positions apart.
func keyOf(at []position, torn bool) string {
	key := make([]byte, 0, 4*len(at)+1)
	for _, p := range at {
		key = binary.AppendUvarint(key, uint64(p.pattern))
		key = binary.AppendUvarint(key, uint64(p.step)<<1|bit(p.passing))
	}
	return string(append(key, byte(bit(torn))))
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// enterRow adds the paths that start at a row, when a row begins here. Those of
// an outer row end: what is inside the inner row is the inner person's.
func (a *automaton) enterRow(at []position) (_ []position, torn bool) {
	var row *rowKind
	for _, p := range at {
		if begun := a.patterns[p.pattern].row; begun != nil && a.ended(p) {
			torn = torn || row != nil && row != begun
			row = begun
		}
	}
	if row == nil {
		return at, false
	}
	at = slices.DeleteFunc(slices.Clone(at), func(p position) bool { return a.patterns[p.pattern].relative })
	for i := row.first; i < row.last; i++ {
		at = append(at, position{pattern: i})
	}
	return at, torn
}

func (a *automaton) ended(p position) bool { return p.step == len(a.patterns[p.pattern].steps) }

// say adds to s what a position means.
func (a *automaton) say(s *state, p position) {
	if !a.ended(p) {
		s.expected = s.expected || !p.passing
		return
	}
	meant := a.patterns[p.pattern].meaning
	if meant.row != nil {
		s.row = meant.row
	}
	if meant.name != nil {
		s.names = append(s.names, meant.name)
	}
	s.fields |= meant.fields
	s.plain = s.plain || meant.plain
}

// lead finds the states of the members and elements of a value at these positions,
// for each way in which filters can hold.
func (a *automaton) lead(s *state, at []position) (err error) {
	for _, p := range at {
		if a.ended(p) {
			continue
		}
		for _, f := range a.patterns[p.pattern].steps[p.step].filters {
			if !slices.ContainsFunc(s.filters, func(known *filter) bool { return known.text == f.text }) {
				s.filters = append(s.filters, f)
			}
		}
	}
	if len(s.filters) > maxFilters {
		return fmt.Errorf("there are more than %d different filters at one place", maxFilters)
	}
	together := []uint64{0}
	for i, f := range s.filters {
		for _, chosen := range together {
			apart := false
			for j := range i {
				apart = apart || chosen&(1<<j) != 0 && f.excludes(s.filters[j])
			}
			if !apart {
				together = append(together, chosen|1<<i)
			}
		}
		if len(together) > maxChosen {
			return errors.New("the filters at one place can hold in too many ways together; compare the same member in each of them")
		}
	}
	if len(s.filters) > 0 {
		s.filtered = make(map[uint64]*beneath, len(together))
	}
	for _, chosen := range together {
		b := &s.beneath
		if chosen != 0 {
			b = &beneath{}
			s.filtered[chosen] = b
		}
		var holds []string
		for i, f := range s.filters {
			if chosen&(1<<i) != 0 {
				holds = append(holds, f.text)
			}
		}
		if err := a.leadTo(b, at, holds); err != nil {
			return err
		}
		s.tuple = s.tuple || b.positional()
	}
	return nil
}

// leadTo finds them for one way.
func (a *automaton) leadTo(s *beneath, at []position, holds []string) (err error) {
	filtered := func(s step) bool {
		return slices.ContainsFunc(s.filters, func(f *filter) bool { return slices.Contains(holds, f.text) })
	}
	var names []string
	bounds := []int{0}
	for _, p := range at {
		if a.ended(p) {
			continue
		}
		next := a.patterns[p.pattern].steps[p.step]
		names = append(names, next.names...)
		for _, run := range next.indices {
			bounds = append(bounds, run.from, run.to)
		}
	}
	for _, name := range names {
		next, err := a.state(a.move(at, func(s step) bool { return slices.Contains(s.names, name) || filtered(s) }))
		if err != nil {
			return err
		}
		if s.members == nil {
			s.members = make(map[string]*state)
		}
		s.members[name] = next
	}
	if s.member, err = a.state(a.move(at, filtered)); err != nil {
		return err
	}
	slices.Sort(bounds)
	for _, from := range slices.Compact(bounds) {
		next, err := a.state(a.move(at, func(s step) bool {
			return filtered(s) || slices.ContainsFunc(s.indices, func(run interval) bool { return run.from <= from && from < run.to })
		}))
		if err != nil {
			return err
		}
		var before *state
		if n := len(s.elements); n > 0 {
			before = s.elements[n-1].next
		}
		if next == before {
			continue
		}
		s.elements = append(s.elements, elements{from, next})
	}
	return nil
}

// move follows every path by one step, to a child that the named selectors match.
func (a *automaton) move(at []position, matches func(step) bool) []position {
	var next []position
	for _, p := range at {
		if a.ended(p) {
			continue
		}
		s := a.patterns[p.pattern].steps[p.step]
		if s.descend {
			next = append(next, position{p.pattern, p.step, true})
		}
		if s.any || matches(s) {
			next = append(next, position{p.pattern, p.step + 1, false})
		}
	}
	return next
}
