package gate

import (
	"context"
	"fmt"
	"time"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// This file holds what somebody proves, and what another person allows: a touch, a
// raise, a co-signature, the undoing of a freeze. Each is an entry of the ledger,
// and counts from there.

// Touch writes down that whoever holds the account proved to be there.
func (g *Gate) Touch(ctx context.Context, account roster.AccountID, session roster.SessionID, device, network string) error {
	return g.Record(ctx, ledger.Entry{Kind: ledger.Touched, Account: account, Session: session, Device: device, Network: network})
}

// The most that one raise can give, and for how long.
const (
	MostRaised   = 50
	LongestRaise = 24 * time.Hour
)

// mostRaisedInAll is what one account can be allowed within 28 days, however many
// raises it takes: two accounts that work together shall not take the register by
// fifties.
const mostRaisedInAll = 150

// Raise allows an account some more people without a reason, until a time. Who
// raises is another person: its organisation's manager, or the security desk.
func (g *Gate) Raise(ctx context.Context, by, of Asker, people int, until time.Time, because string) error {
	switch now := g.now(); {
	case !vouchesFor(by, of.Account, of.Organisation):
		return notTheirs
	case people < 1 || people > MostRaised:
		return &fault.Error{Kind: fault.Invalid, Public: fmt.Sprintf("a raise is of 1 to %d people", MostRaised)}
	case !until.After(now) || until.After(now.Add(LongestRaise)):
		return &fault.Error{Kind: fault.Invalid, Public: fmt.Sprintf("a raise ends within %d hours", int(LongestRaise.Hours()))}
	}
	if err := typed.Check("a raise", because); err != nil {
		return err
	}
	return g.do(ctx, 1, func(t *turn) error {
		if err := t.allows(of.Account, people); err != nil {
			return err
		}
		t.record(ledger.Entry{
			Kind: ledger.Raised, Account: by.Account, Organisation: by.Organisation, Subject: of.Account,
			Cost: meter.People(people), Until: ledger.Cut(until), Detail: because,
		})
		return nil
	})
}

// allows says no when an account would be allowed more people within 28 days than
// anybody can be, by raises and by signatures.
func (t *turn) allows(account roster.AccountID, people int) error {
	draft := t.draft(account)
	before := draft.Raised(t.now) + meter.People(draft.Signed(t.now))
	if before+meter.People(people) > meter.People(mostRaisedInAll) {
		return &fault.Error{Kind: fault.Refused, Public: fmt.Sprintf("this account was allowed %d people within 28 days; at most %d can be: connect the system that knows the reason", before/meter.Whole, mostRaisedInAll)}
	}
	return nil
}

// cosignable is how long a refusal can be co-signed.
const cosignable = 24 * time.Hour

// What a signature is not given for.
var (
	// ManyWait is that a passage was about several people. One signature is for one.
	ManyWait = &fault.Error{Kind: fault.Refused, Public: "a signature is for one person: have each of them opened by themself, and sign for each"}
	// SignedAlready is that the opening was signed for, and the signature is good still.
	SignedAlready = &fault.Error{Kind: fault.Refused, Public: "this opening is signed for already"}
	// SignedForMost is that the account reached what it can be signed for.
	SignedForMost = &fault.Error{Kind: fault.Refused, Public: "as many people as can be were signed for, for this account within 28 days: connect the system that knows the reason"}
)

// Waiting returns the entry of an opening that waits for a co-signature which this
// person may give; fault.Absent when none does, ManyWait when it is not one person
// who was to be opened. It names nobody but the asker.
func (g *Gate) Waiting(ctx context.Context, by Asker, receipt ledger.Number) (waiting ledger.Entry, err error) {
	none := &fault.Error{Kind: fault.Absent, Public: "no opening under this number waits for a co-signature"}
	people := 0
	for entry, err := range g.book.Entries(ctx, receipt) {
		if err != nil {
			return ledger.Entry{}, unavailable(err)
		}
		if entry.Receipt != receipt {
			break
		}
		if entry.Why == policy.LongEmpty && !entry.Observed && !entry.Person.IsZero() && entry.Time.After(g.now().Add(-cosignable)) {
			waiting = entry
		}
		if people++; people > 1 {
			break
		}
	}
	switch {
	case waiting.Person.IsZero() || !vouchesFor(by, waiting.Account, waiting.Organisation):
		return ledger.Entry{}, none
	case people > 1 || !waiting.Signs.Opens():
		return ledger.Entry{}, ManyWait
	default:
		return waiting, nil
	}
}

// Cosign signs for the one person whose opening was refused under this receipt: the
// same account may open them through the same service within the hour, and nobody
// else.
func (g *Gate) Cosign(ctx context.Context, by Asker, receipt ledger.Number) error {
	waiting, err := g.Waiting(ctx, by, receipt)
	if err != nil {
		return err
	}
	return g.do(ctx, 1, func(t *turn) error {
		switch draft := t.draft(waiting.Account); {
		case draft.Vouched(waiting.Person, waiting.Service, t.now):
			return SignedAlready
		case draft.Signed(t.now) >= g.rules.Signed:
			return SignedForMost
		}
		if err := t.allows(waiting.Account, 1); err != nil {
			return err
		}
		t.record(ledger.Entry{
			Kind: ledger.Cosigned, Account: by.Account, Organisation: by.Organisation, Subject: waiting.Account,
			Service: waiting.Service, Person: waiting.Person, Detail: fmt.Sprintf("receipt %d", receipt),
		})
		return nil
	})
}

// Undo lifts a freeze that the rules placed on an account. After the first within a
// week only the national security desk may.
func (g *Gate) Undo(ctx context.Context, by, of Asker, id order.ID, because string) error {
	switch {
	case !vouchesFor(by, of.Account, of.Organisation):
		return notTheirs
	case by.Role != roster.Security && g.Standing(of, "").Undone > 0:
		return &fault.Error{Kind: fault.Refused, Public: "a freeze of this account was undone within a week: the security desk looks at it"}
	}
	for _, o := range g.Orders() {
		if o.ID == id && o.By == Itself && o.Effect == order.Frozen && o.Reach == order.Account && o.Target == string(of.Account) {
			return g.Lift(ctx, id, string(by.Account), because)
		}
	}
	return &fault.Error{Kind: fault.Absent, Public: "no freeze of this account is in force under this number"}
}

// vouchesFor reports whether somebody may sign for what an account does: nobody for
// themself, a manager within the organisation, security everywhere.
func vouchesFor(by Asker, account roster.AccountID, organisation roster.OrganisationID) bool {
	switch {
	case by.Account == account || by.Account == "":
		return false
	case by.Role == roster.Security:
		return true
	default:
		return by.Role == roster.Manager && by.Organisation == organisation
	}
}

var notTheirs = &fault.Error{Kind: fault.Refused, Public: "another person signs for it: a manager of the same organisation, or the security desk"}
