package httpgate

import (
	"encoding/binary"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// trails remembers of each session just enough of its last requests to notice that
// somebody goes through the register one after the other. It is this node's memory
// and no more than a help: what a restart or another node forgets, the allowances
// still count. Nothing in it is a reference: keyed short hashes, and numbers
// blinded by a key that nothing else knows.
type trails struct {
	seed maphash.Seed
	mu   sync.Mutex // guards what follows
	of   map[roster.SessionID]*trail
}

// What is remembered is bounded: so many sessions on a node, and of each so many
// rows of its last list, numbers in its address and references that led nowhere.
const (
	mostTrails = 1 << 16
	trailIdle  = time.Hour
	mostListed = 128
	mostPages  = 8
	mostMissed = 16
)

func newTrails() *trails {
	return &trails{seed: maphash.MakeSeed(), of: make(map[roster.SessionID]*trail)}
}

// trail is one session's.
type trail struct {
	used        time.Time
	name, birth tag    // that the last search was for
	list        tag    // the last list or search, whatever its page
	pages       []int  // the numbers in its address, none of them longer than mostDigits
	listed      []tag  // the people in the last list, in its order
	ref, person tag    // that the last request named
	scheme      string // of that reference
	place       uint64 // where it stands among all of its scheme, blinded
	missed      []tag  // references that led to nobody
}

// tag is a keyed short hash; 0 stands for nothing.
type tag uint64

func (t *trails) tag(parts ...string) tag {
	var h maphash.Hash
	h.SetSeed(t.seed)
	empty := true
	for _, part := range parts {
		empty = empty && part == ""
		_, _ = h.WriteString(part)
		_ = h.WriteByte(0)
	}
	if empty {
		return 0
	}
	return tag(h.Sum64() | 1)
}

// person is a person's tag; nobody has none.
func (t *trails) person(p register.PersonID) tag {
	if p.IsZero() {
		return 0
	}
	return t.tag(string(p[:]))
}

// session returns a session's trail. The caller holds mu.
func (t *trails) session(id roster.SessionID, now time.Time) *trail {
	s, known := t.of[id]
	if !known {
		if len(t.of) >= mostTrails {
			for other, old := range t.of {
				if now.Sub(old.used) > trailIdle {
					delete(t.of, other)
				}
			}
		}
		if len(t.of) >= mostTrails {
			clear(t.of)
		}
		s = &trail{}
		t.of[id] = s
	}
	s.used = now
	return s
}

// notice returns the signs of a request that was read, and remembers it.
func (g *passage) notice() (signs meter.Signs) {
	if g.route.Kind != People {
		return 0
	}
	t := g.proxy.trails
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.session(g.session.ID, g.at)
	if search := g.route.Search; search != nil {
		signs |= s.searched(t.tag(g.valuesOf(search.Name)...), t.tag(g.valuesOf([]string{search.Birth})...))
	}
	if len(g.refs) == 0 {
		list, pages := t.listAsked(g.route.name, g.pairs())
		signs |= s.turned(list, pages)
	}
	if len(g.refs) == 1 && len(g.named) == 1 {
		ref := g.refs[0]
		signs |= s.follows(ref.Scheme, t.tag(ref.Scheme, ref.Value), t.person(g.named[0]), placeOf(ref.Value), uint64(t.tag(string(g.session.ID))))
	}
	return signs
}

// pairs are the parameters of the request, and the fields of its form.
func (g *passage) pairs() []pair { return slices.Concat(g.address.query, g.form) }

// valuesOf returns what the request says under some names, folded as searches
// usually are.
func (g *passage) valuesOf(names []string) (values []string) {
	for _, p := range g.pairs() {
		if slices.Contains(names, p.name) {
			values = append(values, strings.ToLower(strings.TrimSpace(p.value)))
		}
	}
	return values
}

// searched compares a search with the last one.
func (s *trail) searched(name, birth tag) (signs meter.Signs) {
	if name == 0 || birth == 0 {
		return 0
	}
	switch {
	case s.birth == birth && s.name != name:
		signs = meter.SameBirth
	case s.name == name && s.birth != birth:
		signs = meter.SameName
	}
	s.name, s.birth = name, birth
	return signs
}

// mostDigits is how long the number of a page can be.
const mostDigits = 6

// listAsked takes an address apart into what it lists and the numbers in it, one of
// which may be a page.
func (t *trails) listAsked(route string, pairs []pair) (list tag, pages []int) {
	parts := []string{route}
	for _, p := range pairs {
		if n, err := strconv.Atoi(p.value); err == nil && n >= 0 && len(p.value) <= mostDigits && len(pages) < mostPages {
			pages = append(pages, n)
			continue
		}
		parts = append(parts, p.name, p.value)
	}
	return t.tag(parts...), pages
}

// turned compares a list with the last one: the same further on is one with a
// larger number, or with one at all, since first pages often have none.
func (s *trail) turned(list tag, pages []int) (signs meter.Signs) {
	if list == s.list && (len(pages) > len(s.pages) || len(pages) == len(s.pages) && furtherOn(s.pages, pages)) {
		signs = meter.NextPage
	}
	s.list, s.pages = list, pages
	return signs
}

// furtherOn reports whether some number grew and none shrank.
func furtherOn(before, now []int) (grew bool) {
	for i := range now {
		if now[i] < before[i] {
			return false
		}
		grew = grew || now[i] > before[i]
	}
	return grew
}

// follows says how a reference follows the last one. Asking again for the same
// person is no sign, unless the reference led to nobody.
func (s *trail) follows(scheme string, ref, person tag, place, blind uint64) (signs meter.Signs) {
	if slices.Contains(s.missed, ref) {
		signs = meter.Repeated
	}
	if s.ref != 0 && s.ref != ref && (s.person != person || person == 0) {
		before := slices.Index(s.listed, s.person)
		next := before >= 0 && before+1 < len(s.listed) && s.listed[before+1] == person
		if next || s.scheme == scheme && place > s.place^blind {
			signs |= meter.InOrder
		} else {
			signs |= meter.OutOfOrder
		}
	}
	s.scheme, s.ref, s.person, s.place = scheme, ref, person, place^blind
	return signs
}

// placeOf is where a reference stands among those of its scheme: by the number it
// begins with, or else by its first letters.
func placeOf(value string) uint64 {
	value = strings.ToUpper(strings.TrimSpace(value))
	end := strings.IndexFunc(value, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(value)
	}
	if n, err := strconv.ParseUint(value[:end], 10, 64); err == nil {
		return n
	}
	var first [8]byte
	copy(first[:], value)
	return binary.BigEndian.Uint64(first[:])
}

// listed remembers who was shown in a list, in its order.
func (g *passage) listed(people []policy.Opening, decided []policy.Ruling) {
	t := g.proxy.trails
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.session(g.session.ID, g.at)
	s.listed = s.listed[:0]
	for i, opening := range people {
		if decided[i].Verdict.Shows() && len(s.listed) < mostListed {
			s.listed = append(s.listed, t.person(opening.Person))
		}
	}
}

// missed remembers references that led to nobody.
func (g *passage) missed() {
	t := g.proxy.trails
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.session(g.session.ID, g.at)
	for _, ref := range g.refs {
		if is := t.tag(ref.Scheme, ref.Value); !slices.Contains(s.missed, is) {
			s.missed = append(s.missed, is)
		}
	}
	if over := len(s.missed) - mostMissed; over > 0 {
		s.missed = slices.Delete(s.missed, 0, over)
	}
}
