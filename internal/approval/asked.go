package approval

import (
	"time"

	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/roster"
)

// Asked is what one person asks for and another allows, as its row says it in this turn. It is answered
// once: allowed by another person, taken back, or refused; or it lapses.
type Asked struct {
	By       roster.AccountID // who asked, or signed first; empty while nobody did
	Ends     time.Time        // when it has waited for as long as it does
	Answered bool
	Demand   Demand // on whoever signs for it
}

// NotWaiting is the error of what was answered, or waited for too long.
var NotWaiting = fault.Errorf(fault.Refused, "this waits for nobody any more: it was answered, replaced, or not answered in time. Ask for it anew where it is still needed")

// MostADay is how many requests of one kind one person makes within a day, answered or not: more would
// hide the one that matters.
const MostADay = 50

// Often is the error of who has made as many.
var Often = fault.Errorf(fault.Refused, "one person asks for at most %d of these within a day: another person asks for more", MostADay)

// Seldom refuses whoever has asked for as many of one kind as one person may within a day; asked says how many
// one asked for since a time.
func Seldom(tx *journal.Tx, by roster.AccountID, asked func(by roster.AccountID, since time.Time) (int, error)) error {
	n, err := asked(by, tx.Now().Add(-24*time.Hour))
	if err == nil && n >= MostADay {
		err = Often
	}
	return err
}

// Waits reports whether it waits for somebody.
func (a Asked) Waits(at time.Time) bool { return !a.Answered && at.Before(a.Ends) }

// Sign lets the first of two people sign who are to allow what neither of them asked for. Here as in
// what follows, whoever may not sign is told nothing else of it.
func (a Asked) Sign(tx *journal.Tx, rows Rows, by roster.AccountID) (roster.Account, error) {
	signer, err := One(tx, rows, by, a.Demand)
	return signer, a.unless(err, tx)
}

// Allow lets a person allow what another asked for, or signed for first: see Later. It returns both.
func (a Asked) Allow(tx *journal.Tx, rows Rows, by roster.AccountID) (first, second roster.Account, err error) {
	first, second, err = Later(tx, rows, a.By, by, a.Demand)
	return first, second, a.unless(err, tx)
}

// Drop lets whoever asked take it back, and whoever could allow it refuse it; the state says which. It
// takes no confirmation, since it allows nothing. The program itself refuses what was answered by the
// ledger's word and waits by its row, lapsed or not; it is journal.Unchanged where another node did.
func (a Asked) Drop(tx *journal.Tx, rows Rows, by roster.AccountID) (dropper roster.Account, as ledger.State, err error) {
	if by == journal.Itself {
		if a.Answered {
			return roster.Account{}, "", journal.Unchanged
		}
		return roster.Account{ID: by}, ledger.Refused, nil
	}
	may := a.Demand
	may.Confirmed = false
	if as = ledger.Refused; by == a.By {
		as = ledger.Withdrawn
	}
	dropper, err = One(tx, rows, by, may)
	return dropper, as, a.unless(err, tx)
}

// unless is an error, or that it waits no more.
func (a Asked) unless(err error, tx *journal.Tx) error {
	if err == nil && !a.Waits(tx.Now()) {
		return NotWaiting
	}
	return err
}
