// Package grants is what one person allows another: more people without a reason for some
// hours, one person beyond the allowance of 28 days, an export, the names behind
// pseudonyms. Each is an entry, and meters count it from there.
package grants

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// The most that one raise can give, and for how long.
const (
	MostRaised   = 50
	LongestRaise = 24 * time.Hour
)

// Raise allows an account some more people without a reason, until a time.
type Raise struct {
	By, Of  roster.AccountID
	People  int
	Until   time.Time
	Because string
	Gives   meter.Allowance // what one account may give to all others together; policy.Gives when zero
}

// Decide implements journal.Act.
func (r Raise) Decide(tx *journal.Tx, rows approval.Rows) (ledger.Entry, error) {
	signer, err := approval.One(tx, rows, r.By, approval.Demand{For: "a raise", Of: r.Of})
	switch {
	case err != nil:
		return ledger.Entry{}, err
	case r.People < 1 || r.People > MostRaised:
		return ledger.Entry{}, fault.Errorf(fault.Invalid, "a raise is of 1 to %d people", MostRaised)
	case !r.Until.After(tx.Now()) || r.Until.After(tx.Now().Add(LongestRaise)):
		return ledger.Entry{}, fault.Errorf(fault.Invalid, "a raise ends within %d hours", int(LongestRaise.Hours()))
	}
	if err := typed.Check("a raise", r.Because); err != nil {
		return ledger.Entry{}, err
	}
	may, err := gifts(tx, rows, r.Of, 0)
	if err != nil {
		return ledger.Entry{}, err
	}
	if err := Bounded(tx.Given(r.By), r.Gives, tx.Meter(r.Of), r.People, may.Given, tx.Now()); err != nil {
		return ledger.Entry{}, err
	}
	return ledger.Entry{
		Kind: ledger.Raised, Account: signer.ID, Organisation: signer.Organisation, Subject: r.Of,
		Cost: meter.People(r.People), Until: ledger.Cut(r.Until), Note: r.Because,
	}, nil
}

// Apply implements journal.Act: a raise is its entry.
func (Raise) Apply(approval.Rows, ledger.Entry) error { return nil }

// gifts is what an account may be given where so many people can be signed for.
func gifts(tx *journal.Tx, rows approval.Rows, of roster.AccountID, signed int) (policy.Gifts, error) {
	account, err := rows.Account(of)
	return policy.GiftsOf(signed, policy.Facts{Opened: account.Opened}.Young(tx.Now())), err
}

// GaveMost: whoever signs or raises has given as many people to others as one account may.
var GaveMost = fault.Errorf(fault.Refused, "you have allowed and signed for as many people as one person may: another manager, or the security desk, looks at this one")

// Bounded fails when an account would be given more people within 28 days, by raises and
// by signatures, than most, or when its giver, who gave so many, would give more than one
// account may.
func Bounded(gave meter.Tally, gives meter.Allowance, draft *meter.Draft, people, most int, now time.Time) error {
	if given := gave.Weigh(meter.CommonOf(meter.People(people), 0), cmp.Or(gives, policy.Gives), false, now); given.Empty != meter.Fits {
		return GaveMost
	}
	before := draft.Raised(now) + meter.People(draft.Signed(now))
	if before+meter.People(people) > meter.People(most) {
		return fault.Errorf(fault.Refused, "this account was allowed %d people within 28 days; at most %d can be: connect the system that knows the reason", before/meter.Whole, most)
	}
	return nil
}

// cosignable is how long a refusal can be co-signed.
const cosignable = 24 * time.Hour

// Why an opening cannot be co-signed.
var (
	// NoneWaits: no opening waits under the receipt.
	NoneWaits = fault.Errorf(fault.Absent, "no opening under this number waits for a co-signature")
	// ManyWait: the passage was about several people, and a signature is for one.
	ManyWait = fault.Errorf(fault.Refused, "a signature is for one person: have each of them opened by themself, and sign for each")
	// SignedAlready: the opening was signed for, and the signature can still be used.
	SignedAlready = fault.Errorf(fault.Refused, "this opening is signed for already")
	// SignedForMost: the account has reached the most signatures within 28 days.
	SignedForMost = fault.Errorf(fault.Refused, "as many people as can be were signed for, for this account within 28 days: connect the system that knows the reason")
)

// signable are the grounds that another person lets through, for one person.
var signable = []policy.Why{policy.LongEmpty, policy.CeilingReached, policy.FileClosed, policy.ClosedUntold, policy.FileArchived, policy.ArchivedUntold}

// waits reports whether an entry is an opening that a co-signature would let through.
func waits(e ledger.Entry, now time.Time) bool {
	return slices.Contains(signable, e.Why) && !e.Observed && !e.Person.IsZero() && e.Time.After(now.Add(-cosignable))
}

// Waiting returns, of the entries from a receipt on, the opening that waits for a
// co-signature: NoneWaits when none does, ManyWait when it is not one person who was
// to be opened. It names no account but the asker.
func Waiting(entries iter.Seq2[ledger.Entry, error], receipt ledger.Number, now time.Time) (waiting ledger.Entry, err error) {
	people := 0
	for entry, err := range entries {
		if err != nil {
			return ledger.Entry{}, fmt.Errorf("reading what waits: %w", err)
		}
		if entry.Receipt != receipt {
			break
		}
		if waits(entry, now) {
			waiting = entry
		}
		if people++; people > 1 {
			break
		}
	}
	switch {
	case waiting.Person.IsZero():
		return ledger.Entry{}, NoneWaits
	case people > 1 || !waiting.Signs.Opens():
		return waiting, ManyWait
	default:
		return waiting, nil
	}
}

// signing is the demand on an account that signs for an opening of another account.
func signing(of roster.AccountID) approval.Demand { return approval.Demand{For: "an opening", Of: of} }

// ApartRows are the accounts, and whose files are archived, in this turn.
type ApartRows interface {
	approval.Rows
	// InArchive reports whether a source says that a person's file is archived now.
	InArchive(of register.PersonID, now time.Time) (bool, error)
}

// maySign is a Cosign that only checks the right to sign: an opening that waits MUST be
// shown only to accounts that may sign for it. It finds out whether the file is archived.
type maySign struct {
	by       roster.AccountID
	waiting  ledger.Entry
	archived bool
}

// Decide implements journal.Act.
func (m *maySign) Decide(tx *journal.Tx, rows ApartRows) (_ ledger.Entry, err error) {
	if _, err := approval.One(tx, rows, m.by, signing(m.waiting.Account)); err != nil {
		return ledger.Entry{}, err
	}
	if m.archived, err = rows.InArchive(m.waiting.Person, tx.Now()); err != nil {
		return ledger.Entry{}, err
	}
	return ledger.Entry{}, journal.Unchanged
}

// Apply implements journal.Act: nothing is done.
func (*maySign) Apply(ApartRows, ledger.Entry) error { return nil }

// Cosign signs for the one person whose opening was refused under a receipt: only the
// same account may open them, through the same service, within the hour.
type Cosign struct {
	By      roster.AccountID
	Refused ledger.Entry    // what Waiting returned: an entry does not change, so it is read before the head is taken
	Most    int             // people that one account can be signed for within 28 days
	Gives   meter.Allowance // what one account may give to all others together; policy.Gives when zero
}

// Decide implements journal.Act.
func (c Cosign) Decide(tx *journal.Tx, rows approval.Rows) (ledger.Entry, error) {
	if waits(c.Refused, tx.Now()) && Archived(c.Refused) {
		return ledger.Entry{}, InArchive
	}
	return c.signed(tx, rows, signing(c.Refused.Account))
}

// signed is the entry of a signature, as far as it may be given.
func (c Cosign) signed(tx *journal.Tx, rows approval.Rows, demand approval.Demand) (ledger.Entry, error) {
	waiting := c.Refused
	signer, err := approval.One(tx, rows, c.By, demand)
	if err != nil {
		return ledger.Entry{}, err
	}
	may, err := gifts(tx, rows, waiting.Account, c.Most)
	if err != nil {
		return ledger.Entry{}, err
	}
	draft := tx.Meter(waiting.Account)
	switch {
	case !waits(waiting, tx.Now()):
		return ledger.Entry{}, NoneWaits
	case draft.Vouched(waiting.Person, waiting.Service, tx.Now()):
		return ledger.Entry{}, SignedAlready
	case draft.Signed(tx.Now()) >= may.Signed:
		return ledger.Entry{}, SignedForMost
	}
	if err := Bounded(tx.Given(c.By), c.Gives, draft, 1, may.Given, tx.Now()); err != nil {
		return ledger.Entry{}, err
	}
	return ledger.Entry{
		Kind: ledger.Cosigned, Account: signer.ID, Organisation: signer.Organisation, Subject: waiting.Account,
		Service: waiting.Service, Person: waiting.Person, Cause: waiting.Receipt,
	}, nil
}

// Apply implements journal.Act: a signature is its entry.
func (Cosign) Apply(approval.Rows, ledger.Entry) error { return nil }

// Naming leads pseudonyms back to people of the register. It MUST be written before a
// person is named. Two people sign for it: managers or the security desk, at least one of
// them of the desk.
type Naming struct {
	By, Approver roster.AccountID
	People       int               // how many are asked for
	List         [sha256.Size]byte // SHA-256 of the list they are in
	Because      string
}

// Decide implements journal.Act.
func (n Naming) Decide(tx *journal.Tx, rows approval.Rows) (ledger.Entry, error) {
	if n.People < 1 || n.List == [sha256.Size]byte{} {
		return ledger.Entry{}, fault.Errorf(fault.Invalid, "people are named from a list that has somebody in it")
	}
	if err := typed.Check("the naming of people", n.Because); err != nil {
		return ledger.Entry{}, err
	}
	signer, err := approval.Two(tx, rows, n.By, n.Approver, approval.Demand{For: "naming people", OneOfDesk: true})
	if err != nil {
		return ledger.Entry{}, err
	}
	return ledger.Entry{
		Kind: ledger.Named, Account: signer.ID, Organisation: signer.Organisation, Approver: n.Approver,
		Count: uint64(n.People), Digest: n.List, Note: n.Because,
	}, nil
}

// Apply implements journal.Act: a naming is its entry.
func (Naming) Apply(approval.Rows, ledger.Entry) error { return nil }

// Journal is the ledger, as it is written and read.
type Journal interface {
	journal.Writer
	// Entries yields the entries from a number on that are written now.
	Entries(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error]
}

// Service does the acts of grants, and answers what waits for them.
type Service struct {
	Journal Journal
	Most    int             // people that one account can be signed for within 28 days
	Gives   meter.Allowance // what one account may give to all others together; policy.Gives when zero
	Now     func() time.Time
}

// Waiting returns the opening under a receipt that waits for a co-signature which
// this person may give: NoneWaits when none does, ManyWait when it is not one
// person's. Where the asker was refused for another reason, and the file is archived all the
// same, it says so: a signature that opens nothing MUST NOT be spent.
func (s Service) Waiting(ctx context.Context, by roster.AccountID, receipt ledger.Number) (ledger.Entry, error) {
	waiting, err := Waiting(s.Journal.Entries(ctx, receipt), receipt, s.Now())
	if waiting.Account == "" {
		return waiting, err
	}
	may := maySign{by: by, waiting: waiting}
	switch _, asked := journal.Do(ctx, s.Journal, journal.Act[ApartRows](&may)); {
	case fault.Is(asked, fault.Refused):
		return ledger.Entry{}, NoneWaits
	case !errors.Is(asked, journal.Unchanged):
		return ledger.Entry{}, asked
	default:
		if may.archived {
			waiting.Why = policy.FileArchived
		}
		return waiting, err
	}
}

// Cosign signs for the one person whose opening waits under a receipt. It refuses as
// Waiting does: an account that may not sign learns nothing of the receipt.
func (s Service) Cosign(ctx context.Context, by roster.AccountID, receipt ledger.Number) error {
	waiting, err := s.Waiting(ctx, by, receipt)
	if err != nil {
		return err
	}
	return s.do(ctx, Cosign{By: by, Refused: waiting, Most: s.Most, Gives: s.Gives})
}

// Raise allows an account some more people without a reason, until a time.
func (s Service) Raise(ctx context.Context, raise Raise) error {
	raise.Gives = s.Gives
	return s.do(ctx, raise)
}

func (s Service) do(ctx context.Context, act journal.Act[approval.Rows]) error {
	_, err := journal.Do(ctx, s.Journal, act)
	return err
}
