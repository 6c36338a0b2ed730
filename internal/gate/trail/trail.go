// Package trail notices that somebody goes through the register one after the other, at whatever door of a node: who
// takes turns at several is in order at each. It decides nothing.
package trail

import (
	"container/list"
	"encoding/binary"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
	"sync"

	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Memory remembers of each account just enough of its last requests to notice that
// somebody goes through the register one after the other, in however many sessions
// and at however many places at once. It is this node's memory and no more than a
// help: what a restart or another node forgets, the allowances and the ledger's
// evidence still count. Nothing in it is a reference: keyed short hashes, and numbers
// blinded by a key that nothing else knows. It is safe to share.
type Memory struct {
	seed   maphash.Seed
	mu     sync.Mutex // guards what follows
	of     map[roster.AccountID]*list.Element
	recent *list.List // of *trail, the one used last in front
	most   int        // accounts
}

// What is remembered is bounded: so many accounts on a node, of which the one that
// was idle for longest is forgotten, and of each so many of its last requests.
const (
	mostTrails   = 1 << 16
	mostSearches = 16
	mostLists    = 8
	mostPages    = 16 // of a list
	mostNumbers  = 8  // in an address
	mostNamed    = 32
	mostListed   = 256
	mostMissed   = 16
)

// New remembers nothing yet.
func New() *Memory {
	return &Memory{seed: maphash.MakeSeed(), of: make(map[roster.AccountID]*list.Element), recent: list.New(), most: mostTrails}
}

// trail is one account's. Each list has the oldest first.
type trail struct {
	account  roster.AccountID
	searches []searched
	lists    []turned
	listed   []tag // the people in the last lists, in their order; 0 between two lists
	named    []named
	missed   []tag // references that led to nobody
}

// searched is what a search was for.
type searched struct{ name, birth tag }

// turned is a list or search, whatever its page.
type turned struct {
	list  tag
	first [mostNumbers]int // the smallest numbers in its address
	pages []tag            // that were asked for
}

// named is somebody whom a request named.
type named struct {
	ref, person tag
	scheme      string
	place       uint64 // among all of its scheme, blinded
	counts      bool   // the place is a number
}

// tag is a keyed short hash; 0 stands for nothing.
type tag uint64

func (t *Memory) tag(parts ...string) tag {
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
func (t *Memory) person(p register.PersonID) tag {
	if p.IsZero() {
		return 0
	}
	return t.tag(string(p[:]))
}

// account returns an account's trail. The caller holds mu.
func (t *Memory) account(id roster.AccountID) *trail {
	if known, ok := t.of[id]; ok {
		t.recent.MoveToFront(known)
		return known.Value.(*trail)
	}
	if len(t.of) >= t.most {
		idle := t.recent.Remove(t.recent.Back()).(*trail)
		delete(t.of, idle.account)
	}
	s := &trail{account: id}
	t.of[id] = t.recent.PushFront(s)
	return s
}

// keep appends to what is remembered, of which so many of the newest are kept.
func keep[T any](all []T, most int, more ...T) []T {
	all = append(all, more...)
	return slices.Delete(all, 0, max(0, len(all)-most))
}

// Pair is a parameter of a request, or a field or member of its body.
type Pair struct{ Name, Value string }

// Asked is what is looked at of a request that was read.
type Asked struct {
	Route string // among all of the node's, or of the door's service
	Pairs []Pair
	Refs  []register.Ref
	Named []register.PersonID // whom they lead to, each once

	Search bool     // for what Name and Birth say
	Name   []string // names of pairs
	Birth  string
}

// Asks returns the signs of a request, and remembers it.
func (t *Memory) Asks(account roster.AccountID, q Asked) (signs meter.Signs) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.account(account)
	if q.Search {
		signs |= s.search(searched{t.tag(q.valuesOf(q.Name)...), t.tag(q.valuesOf([]string{q.Birth})...)})
	}
	return signs | t.follows(s, q.Route, q.Pairs, q.Refs, q.Named)
}

// Notice is Asks for a door whose requests have values without names.
func (t *Memory) Notice(account roster.AccountID, service roster.ServiceID, route string, values []string, refs []register.Ref, named []register.PersonID) meter.Signs {
	pairs := make([]Pair, len(values))
	for i, value := range values {
		pairs[i] = Pair{strconv.Itoa(i), value}
	}
	return t.Asks(account, Asked{Route: string(service) + " " + route, Pairs: pairs, Refs: refs, Named: named})
}

// follows says how a request follows the last ones: one that names nobody by what it lists, one
// that names somebody by whom. The caller holds mu.
func (t *Memory) follows(s *trail, route string, pairs []Pair, refs []register.Ref, people []register.PersonID) (signs meter.Signs) {
	if len(refs) == 0 {
		signs |= s.turn(t.listAsked(route, pairs))
	}
	if len(refs) == 1 && len(people) == 1 {
		ref := refs[0]
		blind := uint64(t.tag(string(s.account)))
		place, counts := placeOf(ref.Value)
		signs |= s.follow(named{t.tag(ref.Scheme, ref.Value), t.person(people[0]), ref.Scheme, place ^ blind, counts}, blind)
	}
	return signs
}

// valuesOf returns what the request says under some names, folded as searches
// usually are.
func (q Asked) valuesOf(names []string) (values []string) {
	for _, p := range q.Pairs {
		if slices.Contains(names, p.Name) {
			values = append(values, strings.ToLower(strings.TrimSpace(p.Value)))
		}
	}
	return values
}

// search compares a search with the last ones: combs that take turns are found too.
func (s *trail) search(now searched) (signs meter.Signs) {
	if now.name == 0 || now.birth == 0 || slices.Contains(s.searches, now) {
		return 0
	}
	for _, before := range s.searches {
		switch {
		case before.birth == now.birth:
			signs |= meter.SameBirth
		case before.name == now.name:
			signs |= meter.SameName
		}
	}
	s.searches = keep(s.searches, mostSearches, now)
	return signs
}

// mostDigits is how long the number of a page can be.
const mostDigits = 6

// listAsked takes an address apart into what it lists and the numbers in it, one of
// which may be a page. First pages have the number 0, 1 or none.
func (t *Memory) listAsked(route string, pairs []Pair) (list tag, numbers [mostNumbers]int) {
	parts, found := []string{route}, 0
	for _, p := range pairs {
		n, err := strconv.Atoi(p.Value)
		if err != nil || n < 0 || len(p.Value) > mostDigits || found == len(numbers) {
			parts = append(parts, p.Name, p.Value)
			continue
		}
		if n > 1 {
			numbers[found] = n
		}
		found++
	}
	return t.tag(parts...), numbers
}

// turn compares a list with the last ones: the same further on is a page that was
// not asked for yet, beyond the first that was.
func (s *trail) turn(list tag, numbers [mostNumbers]int) (signs meter.Signs) {
	page := pageOf(numbers)
	i := slices.IndexFunc(s.lists, func(before turned) bool { return before.list == list })
	if i < 0 {
		s.lists = keep(s.lists, mostLists, turned{list, numbers, []tag{page}})
		return 0
	}
	known := s.lists[i]
	if furtherOn(known.first, numbers) && !slices.Contains(known.pages, page) {
		signs = meter.NextPage
	}
	for n := range known.first {
		known.first[n] = min(known.first[n], numbers[n])
	}
	if !slices.Contains(known.pages, page) {
		known.pages = keep(known.pages, mostPages, page)
	}
	s.lists = append(slices.Delete(s.lists, i, i+1), known)
	return signs
}

// pageOf names a page by its numbers.
func pageOf(numbers [mostNumbers]int) (page tag) {
	for _, n := range numbers {
		page = page*1_000_003 + tag(n) + 1
	}
	return page
}

// furtherOn reports whether some number grew and none shrank.
func furtherOn(before, now [mostNumbers]int) (grew bool) {
	for i := range now {
		if now[i] < before[i] {
			return false
		}
		grew = grew || now[i] > before[i]
	}
	return grew
}

// beside is how close together references are that one walk through the register
// takes, though it be walked by many at once.
const beside = 8

// follow says how a reference follows the last ones. It is in order if it comes
// after the very last, or beside any of them, or after any of them in a list that
// was shown: whoever walks at several places at once is in order at each. Asking
// again for the same person is no sign, unless the reference led to nobody.
func (s *trail) follow(now named, blind uint64) (signs meter.Signs) {
	if slices.Contains(s.missed, now.ref) {
		signs = meter.Repeated
		if s.missed[len(s.missed)-1] == now.ref {
			signs |= meter.Again
		}
	}
	if len(s.named) > 0 {
		last := s.named[len(s.named)-1]
		switch {
		case last.ref == now.ref, last.person == now.person && now.person != 0:
			s.named[len(s.named)-1] = now
			return signs
		case s.inOrder(last, now, blind):
			signs |= meter.InOrder
		default:
			signs |= meter.OutOfOrder
		}
	}
	s.named = keep(s.named, mostNamed, now)
	return signs
}

func (s *trail) inOrder(last, now named, blind uint64) bool {
	place := now.place ^ blind
	if last.scheme == now.scheme && place > last.place^blind {
		return true
	}
	var ahead tag // of the person, in the list that was shown last of those they are in
	if now.person != 0 {
		for i, person := range slices.Backward(s.listed) {
			if person == now.person {
				ahead = s.listed[max(0, i-1)]
				break
			}
		}
	}
	return slices.ContainsFunc(s.named, func(before named) bool {
		other := before.place ^ blind
		near := before.scheme == now.scheme && before.counts && now.counts && place != other && max(place, other)-min(place, other) <= beside
		return near || ahead != 0 && before.person == ahead
	})
}

// placeOf is where a reference stands among those of its scheme: by the number it
// begins with, or else by its first letters.
func placeOf(value string) (place uint64, counts bool) {
	value = strings.ToUpper(strings.TrimSpace(value))
	end := strings.IndexFunc(value, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(value)
	}
	if n, err := strconv.ParseUint(value[:end], 10, 64); err == nil {
		return n, true
	}
	var first [8]byte
	copy(first[:], value)
	return binary.BigEndian.Uint64(first[:]), false
}

// Listed remembers who was shown in a list, in the order of its rows, each at a place
// in people.
func (t *Memory) Listed(account roster.AccountID, places []int, people []policy.Opening, decided []policy.Ruling) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.account(account)
	met := make([]bool, len(people))
	shown := []tag{0}
	for _, place := range places {
		if !met[place] && decided[place].Verdict.Shows() && len(shown) < mostListed/2 {
			shown = append(shown, t.person(people[place].Person))
		}
		met[place] = true
	}
	s.listed = keep(s.listed, mostListed, shown...)
}

// Missed remembers references that led to nobody.
func (t *Memory) Missed(account roster.AccountID, refs []register.Ref) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.account(account)
	for _, ref := range refs {
		is := t.tag(ref.Scheme, ref.Value)
		s.missed = slices.DeleteFunc(s.missed, func(other tag) bool { return other == is })
		s.missed = keep(s.missed, mostMissed, is)
	}
}
