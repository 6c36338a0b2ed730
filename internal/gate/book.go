// Package gate is the one way to a person. Nothing is handed over that is not
// durably written: allowance, record and release are one step, taken under the
// ledger's head, and an outcome that is not known stops the program.
package gate

import (
	"context"
	"errors"
	"iter"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// ErrOutcomeUnknown is in the error of a turn whose commit may or may not have
// taken place. Whoever sees it must stop: only a restart can tell.
var ErrOutcomeUnknown = errors.New("it is not known whether the ledger was written")

// Book is the ledger and the orders in force. It may be shared between nodes.
type Book interface {
	// Turn takes the ledger's head, so that no other turn on any node runs at the
	// same time, lets act use it, and commits. When Turn returns nil everything act
	// wrote is durable; when it returns an error nothing is, unless the error is
	// ErrOutcomeUnknown.
	Turn(ctx context.Context, act func(Head) error) error
	// Entries yields the entries from a number on, in order.
	Entries(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error]
	// Entry returns one entry.
	Entry(ctx context.Context, number ledger.Number) (ledger.Entry, error)
	// FirstAt returns the number of the first entry at or after a time; the next
	// number to be written when there is none.
	FirstAt(ctx context.Context, at time.Time) (ledger.Number, error)
}

// Head is the ledger's head, held for one turn.
type Head interface {
	// Next is the number of the next entry to be written.
	Next() ledger.Number
	// Last is the time of the last entry; entries never go back in time.
	Last() time.Time
	// Generation changes whenever an order is placed or lifted, or the roster or a
	// cover changes.
	Generation() uint64
	// Orders returns the orders placed and not lifted, oldest first.
	Orders() (order.Book, error)
	// Entries yields the entries from a number up to the head, in order.
	Entries(from ledger.Number) iter.Seq2[ledger.Entry, error]
	// Write seals entries, which carry the next numbers, and appends them; the last
	// was made at.
	Write(entries []ledger.Entry, at time.Time) error
	// Place puts an order in force.
	Place(order.Order) error
	// Lift takes an order out of force; fault.Absent when there is none.
	Lift(id order.ID, by string, at time.Time) (order.Order, error)
	Keeper
}

// Files is what the roster and other systems say. What it returns may be a moment
// old: it is gathered before the head is taken.
type Files interface {
	// Asker returns an account as the roster has it. One that is no more has no
	// role. A change of what it returns advances the head's generation.
	Asker(ctx context.Context, account roster.AccountID) (Asker, error)
	// Facts returns the facts about these people that hold at a moment, whoever has
	// to do with them: that nobody has is worth knowing too.
	Facts(ctx context.Context, asker Asker, people []register.PersonID, at time.Time) ([]reason.Fact, error)
}

// AskerOf is an account without what it may use.
func AskerOf(account roster.Account) Asker {
	return Asker{Account: account.ID, Organisation: account.Organisation, Role: account.Role, Opened: account.Opened}
}

// Asker is an account with what it may use, and whom it covers.
type Asker struct {
	Account       roster.AccountID
	Organisation  roster.OrganisationID
	Role          roster.Role
	Opened        time.Time // since when there is this account
	Habilitations []roster.Habilitation
	Covers        []reason.CoverDuty // past and to come included
}
