package desk

import (
	"context"
	"sync"
	"time"

	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/portal"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// hour is what the desk remembers of the last hour: how many people were shown
// and stopped in each second, who went beyond their allowance, and the newest
// activity worth a line. It is safe to share.
type hour struct {
	mu      sync.Mutex // guards what follows
	seconds [3600]second
	tallies map[roster.AccountID]*tally
	lines   []portal.Activity // oldest first
	upTo    ledger.Number     // everything before it is in the picture
}

type second struct {
	at             int64 // since 1970
	shown, stopped int
}

// tally is what one account did in the last hour that nothing explains.
type tally struct {
	organisation roster.OrganisationID
	moves        []move
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

const keptLines = 40

func newHour() *hour {
	return &hour{tallies: make(map[roster.AccountID]*tally)}
}

// begin returns where to read on from: what was read already is not read twice.
func (h *hour) begin(from ledger.Number) ledger.Number {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.upTo = max(h.upTo, from)
	return h.upTo
}

// take adds a passage to the picture.
func (h *hour) take(passage []ledger.Entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, entry := range passage {
		h.count(entry)
		h.upTo = entry.Number + 1
	}
	for _, happened := range portal.Gather(passage) {
		if happened.Notable() {
			h.lines = append(h.lines, happened)
		}
	}
	h.lines = h.lines[max(0, len(h.lines)-keptLines):]
}

// count adds one entry to its second and to its account's tally. The caller
// holds mu.
func (h *hour) count(e ledger.Entry) {
	if e.Kind == ledger.Lifted { // a person has looked at the account
		delete(h.tallies, e.Subject)
	}
	decided := e.Kind == ledger.Consulted || e.Kind == ledger.Changed || e.Kind == ledger.Attempted
	if !decided {
		return
	}
	at := e.Time.Unix()
	s := &h.seconds[at%int64(len(h.seconds))]
	if s.at != at {
		*s = second{at: at}
	}
	switch {
	case e.Disclosed():
		s.shown++
	case !e.Verdict.Shows():
		s.stopped++
	}
	switch {
	case e.Guessed():
		h.move(e, missed)
	case !e.Verdict.Shows() && (e.Why == policy.PaceReached || e.Why == policy.WallReached):
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
	t, ok := h.tallies[e.Account]
	if !ok {
		t = &tally{organisation: e.Organisation}
		h.tallies[e.Account] = t
	}
	t.forget(e.Time.Add(-time.Hour))
	t.moves = append(t.moves, move{e.Time, e.Person, kind})
}

// forget drops what was before a time.
func (t *tally) forget(before time.Time) {
	old := 0
	for old < len(t.moves) && t.moves[old].at.Before(before) {
		old++
	}
	t.moves = append(t.moves[:0], t.moves[old:]...)
}

// concern is an account to look at, and why.
type concern struct {
	Account      roster.AccountID
	Organisation roster.OrganisationID
	Shown        int // people shown without a reason
	Beyond       int // people asked for beyond the allowance
	Own          int // people of the account's own asked for beyond the pace of work
	Missed       int // references that led nowhere
}

// manyMisses is how many references that lead nowhere make an account one to
// look at: fewer are slips of the pen.
const manyMisses = 10

// lookAt returns the account that asked for most people beyond its allowance in
// the last hour, then the one that went through most of its own people, then the
// one that searched in vain most. Those that are
// suspended already, or frozen by Poterne itself, are left out.
func (h *hour) lookAt(orders order.Set, now time.Time) (worst concern, found bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for account, t := range h.tallies {
		t.forget(now.Add(-time.Hour))
		if len(t.moves) == 0 {
			delete(h.tallies, account)
			continue
		}
		c := t.sum(account)
		held, stopped := orders.Against(account, t.organisation, "", now)
		if stopped && (held.Effect == order.Suspended || held.By == journal.Itself) || c.Beyond == 0 && c.Own == 0 && c.Missed < manyMisses {
			continue
		}
		if !found || c.worseThan(worst) {
			worst, found = c, true
		}
	}
	return worst, found
}

func (c concern) worseThan(other concern) bool {
	switch {
	case c.Beyond != other.Beyond:
		return c.Beyond > other.Beyond
	case c.Own != other.Own:
		return c.Own > other.Own
	case c.Missed != other.Missed:
		return c.Missed > other.Missed
	default:
		return c.Account < other.Account // the same on every node
	}
}

// sum counts each person once.
func (t *tally) sum(account roster.AccountID) concern {
	c := concern{Account: account, Organisation: t.organisation}
	seen := make(map[move]bool)
	for _, m := range t.moves {
		m.at = time.Time{}
		if m.kind == missed {
			c.Missed++
			continue
		}
		if seen[m] {
			continue
		}
		seen[m] = true
		switch m.kind {
		case counted:
			c.Shown++
		case own:
			c.Own++
		default:
			c.Beyond++
		}
	}
	return c
}

// minute is how many people were shown and stopped in sixty seconds.
type minute struct {
	From           time.Time
	Shown, Stopped int
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
		m := &all[59-age/60]
		m.Shown += s.shown
		m.Stopped += s.stopped
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
	const patience = 500 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		h.mu.Lock()
		upTo := h.upTo
		h.mu.Unlock()
		if upTo >= next {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(5 * time.Millisecond):
		}
	}
}
