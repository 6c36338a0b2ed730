package grants

import (
	"context"
	"time"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// Archive is what facts are said by that two people bring about by opening an archived file. No
// system has this name.
const Archive = "archive"

// LongestArchive is how long an archived file stays open at most.
const LongestArchive = 24 * time.Hour

var (
	// InArchive: a signature does not open what is archived: OpenArchive does.
	InArchive = fault.Errorf(fault.Refused, "this file is archived: it is opened with the reference of a request, and an end")
	// NotInArchive: the opening under the receipt is of a file that is not archived.
	NotInArchive = fault.Errorf(fault.Refused, "this file is not archived: a signature opens it")
)

// Archived reports whether an opening was refused because its file is archived.
func Archived(e ledger.Entry) bool { return e.Why.Told() == policy.FileArchived }

// ArchiveRows are the accounts, and where it is kept who may open an archived file, in this turn.
type ArchiveRows interface {
	approval.Rows
	// PutFacts stores facts of a source, told by the entry with a number.
	PutFacts(source string, facts []reason.Fact, number ledger.Number) error
}

// OpenArchive opens the archived file of the one person whose opening was refused under a
// receipt, for the account that asked, through the same service, until a time. Whoever asked
// is the first of two people, and By the second, who has confirmed that they are there.
type OpenArchive struct {
	Cosign
	Ticket string // the reference of the request that it is for
	Until  time.Time
}

// Decide implements journal.Act.
func (o OpenArchive) Decide(tx *journal.Tx, rows ArchiveRows) (ledger.Entry, error) {
	switch {
	case waits(o.Refused, tx.Now()) && !Archived(o.Refused):
		return ledger.Entry{}, NotInArchive
	case !o.Until.After(tx.Now()) || o.Until.After(tx.Now().Add(LongestArchive)):
		return ledger.Entry{}, fault.Errorf(fault.Invalid, "an archived file is open for %d hours at most", int(LongestArchive.Hours()))
	}
	if err := typed.Check("the opening of an archived file", o.Ticket); err != nil {
		return ledger.Entry{}, err
	}
	e, err := o.signed(tx, rows, approval.Demand{For: "the opening of an archived file", Of: o.Refused.Account, Confirmed: true})
	if err != nil {
		return ledger.Entry{}, err
	}
	e.Kind, e.Note, e.Until = ledger.ArchiveOpened, o.Ticket, ledger.Cut(o.Until)
	return e, nil
}

// Apply implements journal.Act: the reason for opening the file ends by itself.
func (o OpenArchive) Apply(rows ArchiveRows, e ledger.Entry) error {
	return rows.PutFacts(Archive, []reason.Fact{{
		Kind: reason.ArchiveOpening, Account: e.Subject, Person: e.Person, From: e.Time, Until: e.Until, Source: Archive,
		ID: reason.OpeningID(uint64(e.Number), e.Service),
	}}, e.Number)
}

// OpenArchive opens the archived file that waits under a receipt, for so long. It refuses as
// Waiting does.
func (s Service) OpenArchive(ctx context.Context, by roster.AccountID, receipt ledger.Number, ticket string, hours int) error {
	waiting, err := s.Waiting(ctx, by, receipt)
	if err != nil {
		return err
	}
	act := OpenArchive{Cosign{By: by, Refused: waiting, Most: s.Most, Gives: s.Gives}, ticket, s.Now().Add(time.Duration(hours) * time.Hour)}
	_, err = journal.Do(ctx, s.Journal, journal.Act[ArchiveRows](act))
	return err
}
