package person

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"time"

	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/register"
)

// Tally counts, every day and on one node, whether people are shown what the ledger has of
// them: each line since the last count, but for those that it says are withheld. It reads the
// ledger itself, and holds against it what the reader of people's pages returns, and the rows
// of withholdings. A difference is an entry that the desk shows.
type Tally struct {
	Reader  Reader
	Journal journal.Writer
	Ledger  interface {
		// FirstAt returns the number of the first entry at or after a time.
		FirstAt(context.Context, time.Time) (ledger.Number, error)
		// Entries yields the entries from a number on, in order, without gaps.
		Entries(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error]
	}
	Marks journal.Marks
	Now   func() time.Time
	Log   *slog.Logger

	mu   sync.Mutex // guards what follows
	last Tallied
}

// Tallied is what a count came to.
type Tallied struct {
	At          time.Time
	From, End   ledger.Number // of the entries
	Lines       int           // that the ledger has for people to see
	Differences int           // lines that people miss, or see and should not; and rules that are not as the ledger says
}

const (
	talliedAtMost = 8 * 24 * time.Hour                              // what is older is not counted, where nothing was for long
	withheldReach = 31*24*time.Hour*WithheldMonths + 4*24*time.Hour // within which a rule in force was asked for
)

// Run counts until ctx ends, once a day.
func (t *Tally) Run(ctx context.Context) error {
	return journal.Hourly(ctx, t.Log, "what people are shown could not be held against the ledger; it is tried again within the hour", t.Daily)
}

// Daily counts, unless a node has today.
func (t *Tally) Daily(ctx context.Context) error {
	day := t.Now().UTC().Format(time.DateOnly)
	return journal.Once(ctx, t.Marks, "people are counted "+day, t.Now().Add(talliedAtMost), func() error {
		_, err := t.Count(ctx)
		return err
	})
}

// Last is the last count of this node; the zero Tallied before there was one.
func (t *Tally) Last() Tallied {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

// Count counts now, and writes down what came of it. It counts once more where there is a
// difference: a rule may have begun or ended meanwhile.
func (t *Tally) Count(ctx context.Context) (Tallied, error) {
	came, err := t.count(ctx)
	if err == nil && came.Differences > 0 {
		came, err = t.count(ctx)
	}
	if err != nil {
		return Tallied{}, err
	}
	err = journal.Record(ctx, t.Journal, ledger.Entry{
		Kind: ledger.Tallied, Account: journal.Itself, From: came.From, End: came.End, Count: uint64(came.Lines), Rejected: uint64(came.Differences),
	})
	if err != nil {
		return Tallied{}, err
	}
	if came.Differences > 0 {
		t.Log.ErrorContext(ctx, "what people are shown is not what the ledger has", slog.Int("differences", came.Differences))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = came
	return came, nil
}

// count holds what people are shown against the ledger.
func (t *Tally) count(ctx context.Context) (Tallied, error) {
	now := t.Now()
	rules, from, err := t.rules(ctx, now)
	if err != nil {
		return Tallied{}, err
	}
	came := Tallied{At: now, From: from, End: from}
	owed, err := t.owed(ctx, &came)
	if err != nil {
		return Tallied{}, err
	}
	pause := journal.Pauses(ctx)
	for person, numbers := range owed {
		pause()
		seen, err := t.Reader.Read(ctx, person)
		if err != nil {
			return Tallied{}, err
		}
		came.hold(numbers, seen.Lines, func(e ledger.Entry) bool {
			return slices.ContainsFunc(rules, func(w Withholding) bool { return w.Hides(e, now) })
		})
	}
	rows, err := t.Reader.Withheld.Withholdings(ctx)
	if err != nil {
		return Tallied{}, err
	}
	came.Differences += different(rules, rows, now)
	return came, nil
}

// rules are the withholdings that the ledger itself says are in force, in the order of their
// numbers, and the first entry that was not counted.
func (t *Tally) rules(ctx context.Context, now time.Time) (rules []Withholding, from ledger.Number, err error) {
	began, err := t.Ledger.FirstAt(ctx, now.Add(-withheldReach))
	if err != nil {
		return nil, 0, err
	}
	if from, err = t.Ledger.FirstAt(ctx, now.Add(-talliedAtMost)); err != nil {
		return nil, 0, err
	}
	said := make(map[ledger.Number]Withholding)
	pause := journal.Pauses(ctx)
	for e, err := range t.Ledger.Entries(ctx, began) {
		if err != nil {
			return nil, 0, fmt.Errorf("reading what is withheld: %w", err)
		}
		if e.Number%1024 == 0 {
			pause()
		}
		switch {
		case e.Kind == ledger.Tallied:
			from = max(from, e.End)
		case e.Kind != ledger.Withheld:
		case e.State == ledger.Asked:
			said[e.Number] = Withholding{Number: e.Number, Account: e.Subject, Since: e.Since, Until: e.Until, By: e.Account}
		default:
			w := said[e.Cause]
			if e.State == ledger.SignedFor {
				w.Approver = e.Account
			} else {
				w.Stopped = e.Time
			}
			said[e.Cause] = w
		}
	}
	for _, w := range said {
		if w.InForce(now) {
			rules = append(rules, w)
		}
	}
	slices.SortFunc(rules, func(a, b Withholding) int { return int(a.Number) - int(b.Number) })
	return rules, from, nil
}

// owed are the entries that people are to see, from the first that was not counted on.
func (t *Tally) owed(ctx context.Context, came *Tallied) (map[register.PersonID][]ledger.Entry, error) {
	owed := make(map[register.PersonID][]ledger.Entry)
	for e, err := range t.Ledger.Entries(ctx, came.From) {
		if err != nil {
			return nil, fmt.Errorf("reading what people are to see: %w", err)
		}
		if came.End = e.Number + 1; e.Disclosed() {
			owed[e.Person] = append(owed[e.Person], ledger.Entry{Number: e.Number, Time: e.Time, Account: e.Account})
		}
	}
	return owed, nil
}

// hold holds the lines of one person against the entries that they are to see.
func (c *Tallied) hold(entries []ledger.Entry, lines []Line, hidden func(ledger.Entry) bool) {
	shown := make(map[ledger.Number]bool)
	for _, line := range lines {
		if line.Number >= c.From && line.Number < c.End {
			shown[line.Number] = true
		}
	}
	for _, e := range entries {
		visible := !hidden(e)
		if visible {
			c.Lines++
		}
		if visible != shown[e.Number] {
			c.Differences++
		}
		delete(shown, e.Number)
	}
	c.Differences += len(shown) // lines of no entry of theirs
}

// different counts the rules in force that only one of the ledger and the rows has, or that
// each has otherwise.
func different(said, rows []Withholding, now time.Time) (n int) {
	there := make(map[ledger.Number]Withholding)
	for _, w := range rows {
		if w.InForce(now) {
			there[w.Number] = w
		}
	}
	for _, w := range said {
		row, is := there[w.Number]
		if !is || row.Account != w.Account || !row.Since.Equal(w.Since) || !row.Until.Equal(w.Until) || row.Approver != w.Approver {
			n++
		}
		delete(there, w.Number)
	}
	return n + len(there)
}
