package desk

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/portal"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// hour is what the desk remembers of the last hour: how many people were shown
// and stopped in each second, who went beyond their allowance, and the newest
// activity worth a line. Of an account that is held it remembers the hour before as
// well. It is safe to share.
type hour struct {
	mu      sync.Mutex // guards what follows
	seconds [3600]second
	tallies map[roster.AccountID]*tally
	lines   []portal.Activity // oldest first
	uses    map[use]time.Time // when each was last
	upTo    ledger.Number     // everything before it is in the picture
	begun   bool
	board   []watched // as it was at boardAt
	boardAt time.Time
}

// use is that an account looks people up by a route, from a network.
type use struct {
	account roster.AccountID
	service roster.ServiceID
	route   string
	network string
}

type second struct {
	at int64 // since 1970
	Figures
}

// Figures count look-ups: a person in an answer is one, each time.
type Figures struct {
	Shown       int
	Unexplained int // of those shown, without a reason
	Stopped     int
}

func (f *Figures) add(other Figures) {
	f.Shown += other.Shown
	f.Unexplained += other.Unexplained
	f.Stopped += other.Stopped
}

// figuresOf is what one entry adds.
func figuresOf(e ledger.Entry) (f Figures) {
	switch {
	case e.Kind != ledger.Consulted && e.Kind != ledger.Changed && e.Kind != ledger.Attempted:
	case e.Disclosed():
		f.Shown = 1
		if e.Cost > 0 {
			f.Unexplained = 1
		}
	case !e.Verdict.Shows():
		f.Stopped = 1
	}
	return f
}

// tally is what one account did lately that nothing explains.
type tally struct {
	organisation roster.OrganisationID
	held         time.Time // since when an order on the account holds it; zero when none does
	moves        []move
	last         ledger.Entry // the last that was stopped, of a person if there was one
	lastKind     moveKind
	canary       bool // it opened a person who exists for Poterne only
	more         bool // there were more than are counted
}

type move struct {
	at     time.Time
	person register.PersonID
	kind   moveKind
}

type moveKind uint8

const (
	counted moveKind = iota // shown without a reason
	beyond                  // stopped: the allowance was empty, or frozen
	own                     // stopped: too many of the account's own people
	missed                  // asked for what is not there, or not declared
)

const (
	keptLines = 40
	mostMoves = 20_000 // that are remembered of one account
	mostUses  = 50_000 // those of more than an hour ago are forgotten then
)

func newHour() *hour {
	return &hour{tallies: make(map[roster.AccountID]*tally), uses: make(map[use]time.Time)}
}

// begin returns where to read on from, and whether this is the first time: what was
// read already is not read twice.
func (h *hour) begin(from ledger.Number) (ledger.Number, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	first := !h.begun
	h.begun, h.upTo = true, max(h.upTo, from)
	return h.upTo, first
}

// recall takes in what an account did before it was held, oldest first, which is longer
// ago than the picture goes back.
func (h *hour) recall(account roster.AccountID, held time.Time, entries []ledger.Entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.tallyOf(account)
	t.held = held
	for _, e := range entries {
		if !e.Time.Before(held.Add(-time.Hour)) {
			h.judge(e)
		}
	}
}

// take adds a passage to the picture; notable is what of it is worth a line.
func (h *hour) take(passage []ledger.Entry, notable []portal.Activity) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, entry := range passage {
		h.count(entry)
		h.upTo = entry.Number + 1
	}
	h.lines = append(h.lines, notable...)
	h.lines = h.lines[max(0, len(h.lines)-keptLines):]
}

// count adds one entry to its second and to its account's tally. The caller
// holds mu.
func (h *hour) count(e ledger.Entry) {
	h.holds(e)
	if f := figuresOf(e); f != (Figures{}) {
		at := e.Time.Unix()
		s := &h.seconds[at%int64(len(h.seconds))]
		if s.at != at {
			*s = second{at: at}
		}
		s.add(f)
		h.uses[use{e.Account, e.Service, e.Route, e.Network}] = e.Time
		if len(h.uses) > mostUses {
			maps.DeleteFunc(h.uses, func(_ use, last time.Time) bool { return last.Before(e.Time.Add(-time.Hour)) })
		}
	}
	h.judge(e)
}

// holds notes that an account is held, or is not any more: then a person has looked at
// it. The caller holds mu.
func (h *hour) holds(e ledger.Entry) {
	if e.Reach != order.Account || e.Effect == order.Narrowed {
		return
	}
	account := roster.AccountID(e.Target)
	switch e.Kind {
	case ledger.Placed:
		h.boardAt = time.Time{}
		if t := h.tallyOf(account); t.held.IsZero() {
			t.held = e.Time
		}
	case ledger.Lifted:
		h.boardAt = time.Time{}
		if e.Effect == order.Frozen {
			delete(h.tallies, account)
		} else if t := h.tallies[account]; t != nil {
			t.held = time.Time{}
		}
	}
}

// working counts the accounts among some that looked somebody up in the last hour, by what
// an order reaches.
func (h *hour) working(among map[roster.AccountID]bool, o order.Order, now time.Time) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	found := make(map[roster.AccountID]bool)
	for u, last := range h.uses {
		byIt := true
		switch {
		case o.Reach == order.Service:
			byIt = string(u.service) == o.Target
		case o.Reach == order.Network:
			byIt = u.network == o.Target
		case o.Reach == order.Function && !slices.Contains(order.Functions, o.Target):
			byIt = order.RouteOf(u.service, u.route) == o.Target
		}
		if byIt && among[u.account] && now.Sub(last) < time.Hour {
			found[u.account] = true
		}
	}
	return len(found)
}

func (h *hour) tallyOf(account roster.AccountID) *tally {
	t, ok := h.tallies[account]
	if !ok {
		t = &tally{lastKind: missed}
		h.tallies[account] = t
	}
	return t
}

// judge adds an entry to its account's tally. The caller holds mu.
func (h *hour) judge(e ledger.Entry) {
	if e.Kind != ledger.Consulted && e.Kind != ledger.Changed && e.Kind != ledger.Attempted {
		return
	}
	switch {
	case e.Guessed():
		h.move(e, missed)
	case !e.Verdict.Shows() && (e.Why == policy.PaceReached || e.Why == policy.WallReached || e.Why == policy.ListsReached):
		h.move(e, own)
	case !e.Verdict.Shows() && (e.Why.Counts() || e.Why == policy.Frozen || e.Why == policy.Expelled):
		h.move(e, beyond)
	case e.Why == policy.NotThere, e.Why == policy.NotDeclared:
		h.move(e, missed)
	case e.Cost > 0:
		h.move(e, counted)
	}
}

func (h *hour) move(e ledger.Entry, kind moveKind) {
	t := h.tallyOf(e.Account)
	t.organisation = e.Organisation
	t.forget(e.Time)
	if !e.Verdict.Shows() && (kind != missed || t.lastKind == missed) {
		t.last, t.lastKind = e, kind
	}
	t.canary = t.canary || e.Why == policy.CanaryOpened
	if t.more = t.more || len(t.moves) >= mostMoves; !t.more {
		t.moves = append(t.moves, move{e.Time, e.Person, kind})
	}
}

// forget drops what is more than an hour old, or was an hour before the account was
// held.
func (t *tally) forget(now time.Time) {
	if !t.held.IsZero() {
		now = t.held
	}
	old := 0
	for old < len(t.moves) && t.moves[old].at.Before(now.Add(-time.Hour)) {
		old++
	}
	if t.moves = append(t.moves[:0], t.moves[old:]...); len(t.moves) == 0 {
		t.canary, t.more = false, false
	}
}

// boardOf returns the accounts that are held or ask for a look, the gravest first. Whoever
// makes do with what was so a second ago gets it at the cost of a look.
func (h *hour) boardOf(orders order.Set, now time.Time, makesDo bool) []watched {
	h.mu.Lock()
	defer h.mu.Unlock()
	if makesDo && now.Sub(h.boardAt) < refreshEvery {
		return h.board
	}
	holds := make(map[roster.AccountID]order.Order)
	for _, o := range orders {
		account := roster.AccountID(o.Target)
		if o.Reach != order.Account || !o.Stops(order.Use{Account: account}, now) {
			continue
		}
		if before, held := holds[account]; !held || before.Effect == order.Frozen && o.Effect != order.Frozen {
			holds[account] = o
		}
	}
	h.board = nil
	for account, t := range h.tallies {
		hold, held := holds[account]
		if !held {
			t.held = time.Time{}
		}
		if t.forget(now); len(t.moves) == 0 && !held {
			delete(h.tallies, account)
			continue
		}
		if w := t.sum(account, hold); held || w.beyondOrdinary() {
			h.board = append(h.board, w)
		}
		delete(holds, account)
	}
	for account, hold := range holds {
		h.board = append(h.board, watched{Account: account, Hold: hold})
	}
	slices.SortFunc(h.board, watched.compare)
	h.boardAt = now
	return h.board
}

// sum counts each person once.
func (t *tally) sum(account roster.AccountID, hold order.Order) watched {
	w := watched{Account: account, Organisation: t.organisation, Hold: hold, Last: t.last, Canary: t.canary, More: t.more}
	asked, seen := make(map[register.PersonID]bool), make(map[move]bool)
	for _, m := range t.moves {
		if m.kind == missed {
			w.Missed++
			continue
		}
		asked[m.person] = true
		if m.at = (time.Time{}); seen[m] {
			continue
		}
		seen[m] = true
		switch m.kind {
		case counted:
			w.Shown++
		case own:
			w.Own++
		default:
			w.Beyond++
		}
	}
	w.Asked = len(asked)
	return w
}

// minute is how many people were shown and stopped in sixty seconds.
type minute struct {
	From time.Time
	Figures
}

// minutes returns the sixty minutes up to now, oldest first.
func (h *hour) minutes(now time.Time) [60]minute {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all [60]minute
	last := now.Unix()
	for i := range all {
		all[i].From = time.Unix(last-int64(60*(60-i))+1, 0)
	}
	for _, s := range h.seconds {
		age := last - s.at
		if age < 0 || age >= 3600 {
			continue
		}
		all[59-age/60].add(s.Figures)
	}
	return all
}

// recent returns the newest activity, newest first, and the number that
// follows all that is in the picture.
func (h *hour) recent() ([]portal.Activity, ledger.Number) {
	h.mu.Lock()
	defer h.mu.Unlock()
	newest := make([]portal.Activity, len(h.lines))
	for i, l := range h.lines {
		newest[len(h.lines)-1-i] = l
	}
	return newest, h.upTo
}

// caughtUp waits a moment for the picture to hold every entry before next, and
// reports whether it does.
func (h *hour) caughtUp(ctx context.Context, next ledger.Number) bool {
	return caughtUp(ctx, next, func() ledger.Number {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.upTo
	})
}

// caughtUp waits a moment for what follows the ledger to have taken in every entry before
// next, and reports whether it has.
func caughtUp(ctx context.Context, next ledger.Number, upTo func() ledger.Number) bool {
	const patience = 500 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for upTo() < next {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(5 * time.Millisecond):
		}
	}
	return true
}
