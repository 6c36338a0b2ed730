package desk

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/roster"
)

// past is what the desk knows of the last weeks: what is usual at an hour, who is on
// which account, and what this month says. It follows from the ledger alone, and is safe
// to share.
type past struct {
	follower *journal.Follower[weeks]
	now      func() time.Time

	mu    sync.Mutex // guards what follows
	known weeks
}

// weeks is what is kept of the entries.
type weeks struct {
	Begun    time.Time // of the first entry that was read
	Quarters map[int64]quarter
	Freezes  map[ledger.Number]freeze
	Taken    map[roster.AccountID]taking
}

// quarter is what happened in a quarter of an hour.
type quarter struct {
	Figures
	Freezes int // that the rules placed
	Asked   int // proofs of presence that were given, which is what the rules cost
	Signed  int // people and allowances that somebody signed for
}

func (q *quarter) also(other quarter) {
	q.add(other.Figures)
	q.Freezes += other.Freezes
	q.Asked += other.Asked
	q.Signed += other.Signed
}

// freeze is one that the rules placed on an account.
type freeze struct {
	Account roster.AccountID
	Placed  time.Time
	Undone  time.Time // zero: it is not, or another order took its place
}

// taking is that somebody is on an account.
type taking struct {
	By    roster.AccountID
	Since time.Time
	Until time.Time
}

const (
	reachOfPast = 63 * 24 * time.Hour // this month, and the whole of the one before
	formOfPast  = 2                   // changes with what is kept, and with what is made of an entry
	quarterLong = 15 * time.Minute
	weeksBack   = 4
)

func newPast(j Journal, c Calendar, kept journal.Keeper, now func() time.Time, log *slog.Logger) *past {
	none := func() weeks {
		return weeks{Quarters: make(map[int64]quarter), Freezes: make(map[ledger.Number]freeze), Taken: make(map[roster.AccountID]taking)}
	}
	p := &past{now: now, known: none()}
	p.follower = &journal.Follower[weeks]{
		Journal: j, Ledger: c, Kept: kept, Form: formOfPast, Reach: reachOfPast, Now: now, Log: log,
		Mu: &p.mu, State: &p.known, Empty: none, Take: p.take,
	}
	return p
}

func quarterOf(at time.Time) int64 { return at.Unix() / int64(quarterLong/time.Second) }

// take takes in one entry. The caller holds mu.
func (p *past) take(_ context.Context, e *ledger.Entry) error {
	k := &p.known
	if k.Begun.IsZero() {
		k.Begun = e.Time
	}
	q := quarter{Figures: figuresOf(*e)}
	frozen := e.Reach == order.Account && e.Effect == order.Frozen
	switch {
	case e.Kind == ledger.Placed && frozen && e.Account == journal.Itself:
		q.Freezes = 1
		k.Freezes[e.Number] = freeze{Account: roster.AccountID(e.Target), Placed: e.Time}
	case e.Kind == ledger.Lifted && frozen:
		if f, known := k.Freezes[e.From]; known {
			f.Undone = e.Time
			k.Freezes[e.From] = f
		}
	case e.Kind == ledger.SteppedUp:
		q.Asked = 1
	case e.Kind == ledger.Raised, e.Kind == ledger.Cosigned, e.Kind == ledger.ArchiveOpened:
		q.Signed = 1
	case e.Kind == ledger.TakenUp:
		k.Taken[e.Subject] = taking{e.Account, e.Time, e.Until}
	}
	if q == (quarter{}) {
		return nil
	}
	number := quarterOf(e.Time)
	before, known := k.Quarters[number]
	q.also(before)
	k.Quarters[number] = q
	if !known {
		k.forget(e.Time.Add(-reachOfPast))
	}
	return nil
}

// forget drops what was before a time.
func (k *weeks) forget(before time.Time) {
	maps.DeleteFunc(k.Quarters, func(number int64, _ quarter) bool { return number < quarterOf(before) })
	maps.DeleteFunc(k.Freezes, func(_ ledger.Number, f freeze) bool { return f.Placed.Before(before) })
	maps.DeleteFunc(k.Taken, func(_ roster.AccountID, t taking) bool { return t.Until.Before(before) })
}

// takenBy returns who is on an account now.
func (p *past) takenBy(account roster.AccountID, now time.Time) (taking, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t, taken := p.known.Taken[account]
	return t, taken && now.Before(t.Until)
}

// isOnOne reports whether somebody is on an account now.
func (p *past) isOnOne(who roster.AccountID, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.known.Taken {
		if t.By == who && now.Before(t.Until) {
			return true
		}
	}
	return false
}

// usual is what the same hour of past weeks came to.
type usual struct {
	Weeks                                int // that the ledger covers, at most four
	Shown, Unexplained, Stopped, Freezes span
	Minute                               [60]float64 // people shown in each minute up to now, oldest first
}

// span is from the least to the most.
type span struct{ Least, Most int }

func spanOf(all []int) span {
	if len(all) == 0 {
		return span{}
	}
	return span{slices.Min(all), slices.Max(all)}
}

// usualAt is what is usual in the hour up to now: that of the same day of the last weeks.
func (p *past) usualAt(now time.Time) (u usual) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var shown, unexplained, stopped, freezes []int
	for week := 1; week <= weeksBack; week++ {
		then := now.AddDate(0, 0, -7*week)
		if k := p.known; k.Begun.IsZero() || then.Add(-time.Hour).Before(k.Begun) {
			break
		}
		var hour quarter
		for back := range int64(4) {
			q := p.known.Quarters[quarterOf(then)-back]
			hour.also(q)
		}
		shown, unexplained, stopped, freezes = append(shown, hour.Shown), append(unexplained, hour.Unexplained), append(stopped, hour.Stopped), append(freezes, hour.Freezes)
		for i := range u.Minute {
			q := p.known.Quarters[quarterOf(then.Add(time.Duration(i-59)*time.Minute))]
			u.Minute[i] += float64(q.Shown) / quarterLong.Minutes()
		}
		u.Weeks++
	}
	for i := range u.Minute {
		u.Minute[i] /= float64(max(1, u.Weeks))
	}
	u.Shown, u.Unexplained, u.Stopped, u.Freezes = spanOf(shown), spanOf(unexplained), spanOf(stopped), spanOf(freezes)
	return u
}
