package index

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"iter"
	"maps"
	"math"
	"math/bits"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"poterne/internal/ledger"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Shown is the answer to "who was shown to these accounts between these times", in
// counts; All yields the people.
type Shown struct {
	Question
	Also   []Question    // what else was asked at once: each person counts once
	From   ledger.Number // the answer holds for the entries from this one on
	Begun  time.Time     // the time of that entry
	Before ledger.Number // and before this one
	Last   time.Time     // the time of the last of them

	People      int
	Unexplained int // of those people: shown at least once without a reason
	Disclosures int
	Names       register.Categories
	Categories  []Category // those that were shown of any person, in the order of their bits

	search *search
}

// Category is how many people were shown one category of fields of.
type Category struct {
	Field  register.Fields
	People int
}

// ShownTo counts the people shown to some accounts, from since on and before until; a
// zero time is no bound. It holds for every entry written when it is called.
func (x *Index) ShownTo(ctx context.Context, accounts []roster.AccountID, since, until time.Time) (Shown, error) {
	return x.ShownToAny(ctx, Question{accounts, since, until})
}

// ShownToAny counts the people whom one question asks about, or another: each person once,
// and each disclosure.
func (x *Index) ShownToAny(ctx context.Context, first Question, also ...Question) (Shown, error) {
	now, err := x.now(ctx)
	if err != nil {
		return Shown{}, err
	}
	s := newSearch(now, append([]Question{first}, also...))
	if err := s.gather(ctx); err != nil {
		return Shown{}, err
	}
	shown := Shown{
		Names: x.Names, Question: first, Also: also, From: now.base, Begun: now.begun(), Before: now.open.next, Last: now.open.last, search: s,
	}
	all, err := s.count(ctx, false)
	if err != nil {
		return Shown{}, err
	}
	shown.People, shown.Unexplained, shown.Disclosures = all.people, all.unexplained(), all.disclosures
	for bit, people := range all.categories {
		if people > 0 && 1<<bit != unexplained {
			shown.Categories = append(shown.Categories, Category{1 << bit, people})
		}
	}
	return shown, nil
}

// Concerned is one person in an answer to "who was shown".
type Concerned struct {
	Person      register.PersonID
	Fields      register.Fields // everything shown of them
	Unexplained bool            // at least once without a reason
	Times       int
	First, Last time.Time
}

// All yields each person once, in the order of their pseudonyms, with everything
// that was shown of them. It needs the memory of one page, and of a piece for each
// account and segment, however many people there are.
func (s Shown) All(ctx context.Context) iter.Seq2[Concerned, error] {
	return func(yield func(Concerned, error) bool) {
		w, err := s.search.window(ctx, 0, true)
		if err != nil {
			yield(Concerned{}, err)
			return
		}
		for page := range s.search.shape.Pages {
			if !w.each(ctx, page, yield) {
				return
			}
		}
	}
}

// search is a question about accounts and where its answer is.
type search struct {
	snapshot
	accounts map[roster.AccountID]bool
	periods  map[roster.AccountID][]period // that are asked about
	whole    period                        // from the first of them to the last
	runs     []run
	open     [][]disclosure // of the open segment, by page, in the order of pseudonyms
}

// period is a time, in microseconds: from one on and before another.
type period struct{ since, until int64 }

func (p period) has(at int64) bool { return p.since <= at && at < p.until }

// run is the postings of one account in one segment.
type run struct {
	listed
	page    int
	segment *Segment
	bounded bool // only some of the segment's times are asked about
}

func newSearch(now snapshot, questions []Question) *search {
	s := &search{
		snapshot: now, accounts: make(map[roster.AccountID]bool), periods: make(map[roster.AccountID][]period),
		whole: period{math.MaxInt64, math.MinInt64},
	}
	for _, q := range questions {
		asked := period{math.MinInt64, math.MaxInt64}
		// Times are kept to the microsecond: a bound inside one leaves it out.
		if !q.Since.IsZero() {
			asked.since = ceilMicro(q.Since)
		}
		if !q.Until.IsZero() {
			asked.until = ceilMicro(q.Until)
		}
		for _, account := range q.Accounts {
			s.accounts[account] = true
			s.periods[account] = append(s.periods[account], asked)
		}
		s.whole = period{min(s.whole.since, asked.since), max(s.whole.until, asked.until)}
	}
	return s
}

func ceilMicro(t time.Time) int64 {
	us := t.UnixMicro()
	if time.UnixMicro(us).Before(t) {
		us++
	}
	return us
}

// asksAbout reports whether what an account was shown at a time is asked about.
func (s *search) asksAbout(account roster.AccountID, at int64) bool {
	return slices.ContainsFunc(s.periods[account], func(p period) bool { return p.has(at) })
}

// asksAboutAll reports whether all that an account was shown in a segment is.
func (s *search) asksAboutAll(account roster.AccountID, segment *Segment) bool {
	return slices.ContainsFunc(s.periods[account], func(p period) bool {
		return p.has(segment.First.UnixMicro()) && p.has(segment.Last.UnixMicro())
	})
}

// gather finds the postings of the accounts, and sorts those of the open segment.
func (s *search) gather(ctx context.Context) error {
	from, to := s.segments()
	pages := make(map[int]bool)
	for account := range s.accounts {
		pages[s.shape.accountPage(account)] = true
	}
	for _, page := range slices.Sorted(maps.Keys(pages)) {
		for row, err := range s.pages(ctx, Accounts, page, from, to, true) {
			if err != nil {
				return err
			}
			found, err := openAccounts(row, s.shape, s.accounts)
			if err != nil {
				return err
			}
			segment := &s.sealed[row.Segment]
			for _, l := range found {
				s.runs = append(s.runs, run{l, page, segment, !s.asksAboutAll(l.account, segment)})
			}
		}
	}
	s.sortOpen()
	return nil
}

// sortOpen finds what the open segment has, and sorts it as pages are.
func (s *search) sortOpen() {
	open := s.snapshot.open
	wanted := make([]bool, len(open.names))
	for i, name := range open.names {
		wanted[i] = s.accounts[name]
	}
	s.open = make([][]disclosure, s.shape.Pages)
	for i := range open.shown {
		if shown := &open.shown[i]; wanted[shown.account] && s.asksAbout(open.names[shown.account], shown.at) {
			page := s.shape.personPage(shown.person)
			s.open[page] = append(s.open[page], *shown)
		}
	}
	for _, shown := range s.open {
		slices.SortFunc(shown, func(a, b disclosure) int { return bytes.Compare(a.person[:], b.person[:]) })
	}
}

// segments returns the sealed segments that may have something of the time asked
// about: from one up to and without another.
func (s *search) segments() (from, to int) {
	for from < len(s.sealed) && s.sealed[from].Last.UnixMicro() < s.whole.since {
		from++
	}
	to = from
	for to < len(s.sealed) && s.sealed[to].First.UnixMicro() < s.whole.until {
		to++
	}
	return from, to
}

// counted is how many people, how many disclosures of them, and of how many each
// category, by its bit.
type counted struct {
	people, disclosures int
	categories          [32]int
	first, last         int64 // only where times are wanted
}

// unexplained is of how many people something was shown without a reason.
func (c counted) unexplained() int { return c.categories[bits.TrailingZeros32(uint32(unexplained))] }

func (c *counted) add(t *tally) {
	if c.people == 0 || t.first < c.first {
		c.first = t.first
	}
	c.last = max(c.last, t.last)
	c.people++
	c.disclosures += t.times
	for fields := t.fields; fields != 0; fields &= fields - 1 {
		c.categories[bits.TrailingZeros32(uint32(fields))]++
	}
}

// count counts on every core; timed, if first and last times are wanted.
func (s *search) count(ctx context.Context, timed bool) (all counted, err error) {
	parts := make([]counted, min(runtime.GOMAXPROCS(0), s.shape.Pages))
	group, ctx := errgroup.WithContext(ctx)
	for i := range parts {
		group.Go(func() (err error) {
			parts[i], err = s.countPages(ctx, timed, i*s.shape.Pages/len(parts), (i+1)*s.shape.Pages/len(parts))
			return err
		})
	}
	err = group.Wait()
	for _, part := range parts {
		if all.people == 0 || part.people > 0 && part.first < all.first {
			all.first = part.first
		}
		all.last = max(all.last, part.last)
		all.people += part.people
		all.disclosures += part.disclosures
		for bit, people := range part.categories {
			all.categories[bit] += people
		}
	}
	return all, err
}

func (s *search) countPages(ctx context.Context, timed bool, from, to int) (c counted, err error) {
	w, err := s.window(ctx, from, timed)
	if err != nil {
		return c, err
	}
	w.counts = true
	for page := from; page < to && err == nil; page++ {
		if err = w.move(ctx, page); err == nil {
			w.count(&c)
		}
	}
	return c, err
}

// tally is what was shown of one person.
type tally struct {
	first, last int64
	times       int
	fields      register.Fields
}

func (t *tally) add(at int64, fields register.Fields) {
	if t.times == 0 || at < t.first {
		t.first = at
	}
	if t.times == 0 || at > t.last {
		t.last = at
	}
	t.times++
	t.fields |= fields
}

// window goes over the people page by page, and over all postings beside them.
type window struct {
	*search
	cursors []*cursor
	known   []tally     // of the page, by place
	earlier []newcomers // the people of the page; empty while not needed
	order   []placed
	counts  bool // people are counted, and none of them named
}

// window begins at a page; timed, if first and last times are wanted.
func (s *search) window(ctx context.Context, from int, timed bool) (*window, error) {
	w := &window{search: s}
	for i := range s.runs {
		c := newCursor(s, &s.runs[i], timed)
		if err := c.seek(ctx, uint64(from)<<placeBits); err != nil {
			return nil, err
		}
		w.cursors = append(w.cursors, c)
	}
	return w, nil
}

// move adds up everything about the people of a page. Pages come in order.
func (w *window) move(ctx context.Context, page int) error {
	clear(w.known)
	w.known, w.earlier = w.known[:0], w.earlier[:0]
	end := uint64(page+1) << placeBits
	for _, c := range w.cursors {
		for c.number < end {
			place := int(c.number - uint64(page)<<placeBits)
			if !c.bounded || w.asksAbout(c.account, c.at) {
				w.at(place).add(c.at, c.fields)
			}
			if err := c.step(ctx); err != nil {
				return err
			}
		}
	}
	return w.addOpen(ctx, page)
}

func (w *window) at(place int) *tally {
	if place >= len(w.known) {
		w.known = slices.Grow(w.known, place+1-len(w.known))[:place+1]
	}
	return &w.known[place]
}

// addOpen adds what the open segment has of a page. To count who is in nothing else of the window, they need
// not be looked for among all people of the page.
func (w *window) addOpen(ctx context.Context, page int) error {
	shown := w.search.open[page]
	if len(shown) == 0 {
		return nil
	}
	var people []register.PersonID
	var of []int
	for _, d := range shown {
		if len(people) == 0 || people[len(people)-1] != d.person {
			people = append(people, d.person)
		}
		of = append(of, len(people)-1)
	}
	places := slices.Repeat([]int{nowhere}, len(people))
	if alone := w.counts && len(w.known) == 0; !alone {
		if err := w.read(ctx, page); err != nil {
			return err
		}
		for _, n := range w.earlier {
			n.find(people, places)
		}
	}
	end := 0
	if last := len(w.earlier) - 1; last >= 0 {
		end = w.earlier[last].end()
	}
	w.earlier = append(w.earlier, welcome(end, people, places))
	for i, d := range shown {
		w.at(places[of[i]]).add(d.at, d.fields)
	}
	return nil
}

// read reads the people of a page.
func (w *window) read(ctx context.Context, page int) error {
	if len(w.earlier) > 0 {
		return nil
	}
	for row, err := range w.pages(ctx, People, page, 0, len(w.sealed), false) {
		if err != nil {
			return err
		}
		n, err := openNewcomers(row)
		if err != nil {
			return err
		}
		w.earlier = append(w.earlier, n)
	}
	return nil
}

// shown is how many people of the page were shown.
func (w *window) shown() (people int) {
	for i := range w.known {
		if w.known[i].times > 0 {
			people++
		}
	}
	return people
}

func (w *window) count(c *counted) {
	for i := range w.known {
		if t := &w.known[i]; t.times > 0 {
			c.add(t)
		}
	}
}

// each yields the people of a page who were shown, in the order of pseudonyms. It reports
// whether more is wanted.
func (w *window) each(ctx context.Context, page int, yield func(Concerned, error) bool) bool {
	err := w.move(ctx, page)
	if err == nil && len(w.known) > 0 {
		err = w.read(ctx, page)
	}
	if err != nil {
		yield(Concerned{}, err)
		return false
	}
	w.order = w.order[:0]
	for _, n := range w.earlier {
		for i := range n.len() {
			if place := n.base + i; place < len(w.known) && w.known[place].times > 0 {
				id := n.id(i)
				w.order = append(w.order, placed{binary.BigEndian.Uint64(id), binary.BigEndian.Uint64(id[8:]), place})
			}
		}
	}
	if len(w.order) != w.shown() { // an account lists a place that no person has
		yield(Concerned{}, Damage{Key{Side: People, Page: page, Segment: len(w.sealed)}})
		return false
	}
	slices.SortFunc(w.order, func(a, b placed) int {
		if a.high != b.high {
			return cmp.Compare(a.high, b.high)
		}
		return cmp.Compare(a.low, b.low)
	})
	for _, p := range w.order {
		if !yield(w.known[p.place].concerned(p.person()), nil) {
			return false
		}
	}
	return true
}

// placed is a pseudonym, as numbers because they are sorted faster, and its place.
type placed struct {
	high, low uint64
	place     int
}

func (p placed) person() (id register.PersonID) {
	binary.BigEndian.PutUint64(id[:], p.high)
	binary.BigEndian.PutUint64(id[8:], p.low)
	return id
}

func (t tally) concerned(person register.PersonID) Concerned {
	return Concerned{Person: person, Fields: t.fields &^ unexplained, Unexplained: t.fields&unexplained != 0, Times: t.times, First: fromMicro(t.first), Last: fromMicro(t.last)}
}

// cursor goes over the postings of a run in the order of numbers. It holds one
// piece at a time.
type cursor struct {
	search *search
	*run
	timed bool

	number uint64 // of the posting it stands at; atEnd after the last
	fields register.Fields
	at     int64

	whom, when reader
	sets       []register.Fields
	left       int // postings of the piece that are still to come
	piece      int // the next to be read, from 0
}

const atEnd = math.MaxUint64

func newCursor(s *search, r *run, timed bool) *cursor {
	return &cursor{search: s, run: r, timed: timed || r.bounded}
}

// seek goes to the first posting with at least this number.
func (c *cursor) seek(ctx context.Context, from uint64) error {
	earlier, _ := slices.BinarySearch(c.firsts, from)
	c.piece = max(0, earlier-1) // what begins before may go on until there
	if err := c.step(ctx); err != nil {
		return err
	}
	for c.number < from {
		if err := c.step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// step goes to the next posting.
func (c *cursor) step(ctx context.Context) error {
	if c.left == 0 {
		if err := c.load(ctx); err != nil || c.number == atEnd {
			return err
		}
	}
	c.left--
	c.number += c.whom.number()
	set := uint64(0)
	if len(c.sets) > 1 {
		set = c.whom.number()
	}
	if c.timed {
		c.at = c.segment.First.UnixMicro() + int64(c.when.number())
	}
	if c.whom.bad || c.when.bad || set >= uint64(len(c.sets)) {
		return c.damage()
	}
	c.fields = c.sets[set]
	return nil
}

// load reads the next piece, or goes to the end.
func (c *cursor) load(ctx context.Context) error {
	if c.whom.left() > 0 || c.when.left() > 0 {
		return c.damage()
	}
	if c.piece == max(1, len(c.firsts)) {
		c.number = atEnd
		return nil
	}
	whom, when := c.listed.whom, c.listed.when
	c.left = c.postings
	if len(c.firsts) > 0 {
		key := Key{Accounts, c.page, c.segment.Number, c.listed.piece + c.piece}
		row, err := c.search.row(ctx, key, c.timed)
		if err != nil {
			return err
		}
		whom, when = row.Body, row.More
		c.left = min(c.postings-c.piece*c.search.shape.Piece, c.search.shape.Piece)
	}
	c.piece++
	c.number = 0
	c.whom, c.when = reader{data: whom}, reader{}
	if c.timed {
		c.when.data = when
	}
	c.sets = c.sets[:0]
	for range c.whom.number() {
		c.sets = append(c.sets, register.Fields(c.whom.number()))
		if c.whom.bad {
			return c.damage()
		}
	}
	return nil
}

func (c *cursor) damage() error {
	return Damage{Key{Accounts, c.page, c.segment.Number, max(0, c.listed.piece+c.piece-1)}}
}
