package intake

import (
	"slices"
	"time"

	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Arrivals is how many people may come to an account within a day, to stay with it for weeks,
// before a second person admits more: by the account's role. A role that is not in it has
// no bound. Days are of UTC.
type Arrivals map[roster.Role]int

// ADay is what a role's day brings when the operator says nothing else.
const ADay = 30

// remembered is how long somebody who was an account's is not new to it.
const remembered = 28 * 24 * time.Hour

// ArrivalRows are who is whose already, and who came today, in this turn.
type ArrivalRows interface {
	// Guarded reports whether an account of the security desk gives rights.
	Guarded() (bool, error)
	// StandingFacts returns the facts that hold for weeks and that accounts have about some
	// people: those that have ended, and those that wait, too.
	StandingFacts(people []register.PersonID) ([]reason.Fact, error)
	// Came returns how many people came to an account in a day, days since 1970.
	Came(to roster.AccountID, day int64) (int, error)
	// PutCame replaces that.
	PutCame(to roster.AccountID, day int64, people int) error
}

// pair is a person who is an account's.
type pair struct {
	account roster.AccountID
	person  register.PersonID
}

// came is who came to an account with a batch.
type came struct {
	account     roster.AccountID
	today       int // before
	bound       int
	taken, wait int
}

// hold has the people of a batch wait for a second person who are new to an account beyond
// what a day of its role brings. Before there is a security desk nobody waits: the
// installation is under way.
func (b *FactBatch) hold(tx *journal.Tx, rows FactRows) error {
	b.came = nil
	if b.Arrivals == nil || len(b.Facts) == 0 {
		return nil
	}
	if guarded, err := rows.Guarded(); err != nil || !guarded {
		return err
	}
	var people []register.PersonID
	for _, f := range b.Facts {
		if f.Account != "" && f.Kind.Standing() {
			people = append(people, f.Person)
		}
	}
	if len(people) == 0 {
		return nil
	}
	whose, err := whose(rows, people, tx.Now())
	if err != nil {
		return err
	}
	b.Facts = slices.Clone(b.Facts)
	places := make(map[roster.AccountID]int)
	for i := range b.Facts {
		f := &b.Facts[i]
		if f.Account == "" || !f.Kind.Standing() {
			continue
		}
		who := pair{f.Account, f.Person}
		if waits, known := whose[who]; known {
			if f.Waits = waits; waits != 0 && f.Author == "" {
				f.Author = b.By
			}
			continue
		}
		place, met := places[f.Account]
		if !met {
			c, err := b.comes(rows, f.Account, day(tx.Now()))
			if err != nil {
				return err
			}
			place = len(b.came)
			places[f.Account], b.came = place, append(b.came, c)
		}
		if c := &b.came[place]; c.bound == 0 || c.today+c.taken < c.bound {
			c.taken++
		} else {
			c.wait++
			f.Waits = uint64(tx.Next())
			if f.Author == "" {
				f.Author = b.By // who takes a file in admits nobody of it
			}
		}
		whose[who] = f.Waits
	}
	return nil
}

// whose says of people whose they are already, and since which entry that waits; 0 when it
// does not.
func whose(rows FactRows, people []register.PersonID, now time.Time) (map[pair]uint64, error) {
	facts, err := rows.StandingFacts(people)
	known := make(map[pair]uint64, len(facts))
	for _, f := range facts {
		who := pair{f.Account, f.Person}
		if before, met := known[who]; f.Until.After(now.Add(-remembered)) && (!met || before != 0) {
			known[who] = f.Waits
		}
	}
	return known, err
}

// comes is what may come to an account on a day.
func (b *FactBatch) comes(rows FactRows, to roster.AccountID, day int64) (came, error) {
	account, err := rows.Account(to)
	if err != nil {
		return came{}, err
	}
	today, err := rows.Came(to, day)
	return came{account: to, today: today, bound: b.Arrivals[account.Role]}, err
}

// day is the day of a moment, in UTC.
func day(at time.Time) int64 { return at.Unix() / (24 * 60 * 60) }

// arrive writes down how many came.
func (b *FactBatch) arrive(rows FactRows, at time.Time) error {
	for _, c := range b.came {
		if err := rows.PutCame(c.account, day(at), c.today+c.taken); err != nil {
			return err
		}
	}
	return nil
}

// Details implements journal.Details: who came to whom, and who waits.
func (b *FactBatch) Details() (entries []ledger.Entry) {
	for _, c := range b.came {
		entries = append(entries, ledger.Entry{
			Kind: ledger.Entrusted, Account: b.By, Subject: c.account, Target: b.Source, Count: uint64(c.taken), Rejected: uint64(c.wait),
		})
	}
	return entries
}
