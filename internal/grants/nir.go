package grants

import (
	"context"
	"iter"
	"time"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// A NIR is masked in every file. Whoever opened one may ask to be shown the NIR of that one
// person: it is their own act, confirmed for it alone, and the next opening of the person
// through the same service shows the NIR, once.

// nirAskable is how long after an opening its NIR can be asked for.
const nirAskable = 15 * time.Minute

var (
	// ErrNoFile: no file of one person, with a NIR that is masked, was just opened under the receipt.
	ErrNoFile = fault.Errorf(fault.Absent, "no file that you just opened under this number has a NIR to show")
	// ErrNIRWaits: it was asked for already, and can still be shown.
	ErrNIRWaits = fault.Errorf(fault.Refused, "this NIR is asked for already: open the file again")
	// ErrNotConfirmed: nothing was confirmed since the last NIR was asked for.
	ErrNotConfirmed = fault.Errorf(fault.Refused, "each NIR takes a confirmation of its own: confirm that it is you")
)

// NIRs are shown one at a time, each to whoever confirmed it.
type NIRs struct {
	Journal   Journal
	Purposes  roster.Purposes
	Confirmed register.Fields // that are shown of one person at a time: the NIR, or what the operator declares so
	Now       func() time.Time
}

// Masked are the categories that a purpose has and every file masks.
func (n NIRs) Masked(purpose roster.Purpose) register.Fields {
	return n.Purposes[purpose] & n.Confirmed
}

// Offers reports whether the NIR of the person of an entry, who alone was opened, may be asked for.
func (n NIRs) Offers(e ledger.Entry) bool {
	opened := e.Kind == ledger.Consulted && e.Signs.Opens() && !e.Person.IsZero() && !e.Observed
	masked := e.Verdict.Shows() || e.Why == policy.NotForPurpose // an answer of which nothing can be masked is not shown
	return opened && masked && n.Masked(e.Purpose) != 0 && e.Time.After(n.Now().Add(-nirAskable))
}

// Opened returns the opening under a receipt whose NIR an account may ask for; ErrNoFile when
// there is none, whether it is another's or does not exist.
func (n NIRs) Opened(ctx context.Context, by roster.AccountID, receipt ledger.Number) (ledger.Entry, error) {
	e, people, err := passage(n.Journal.Entries(ctx, receipt), receipt)
	if err == nil && (people != 1 || e.Account != by || !n.Offers(e)) {
		err = ErrNoFile
	}
	return e, err
}

// passage returns the last entry of a passage, and how many there are, two at most.
func passage(entries iter.Seq2[ledger.Entry, error], receipt ledger.Number) (last ledger.Entry, n int, err error) {
	for e, err := range entries {
		if err != nil {
			return e, n, err
		}
		if e.Receipt != receipt || n == 2 {
			break
		}
		last, n = e, n+1
	}
	return last, n, nil
}

// Ask has the NIR shown of the person who was opened under a receipt.
func (n NIRs) Ask(ctx context.Context, by roster.AccountID, session roster.SessionID, receipt ledger.Number) error {
	opened, err := n.Opened(ctx, by, receipt)
	if err != nil {
		return err
	}
	_, err = journal.Do(ctx, n.Journal, journal.Act[approval.Rows](AskNIR{by, session, opened, n.Masked(opened.Purpose)}))
	return err
}

// AskNIR has the NIR of one person be shown once, to an account that has confirmed just that. A
// confirmation serves for one NIR.
type AskNIR struct {
	By      roster.AccountID
	Session roster.SessionID
	Opened  ledger.Entry // an entry does not change, so it is read before the head is taken
	Fields  register.Fields
}

// Decide implements journal.Act.
func (a AskNIR) Decide(tx *journal.Tx, rows approval.Rows) (ledger.Entry, error) {
	account, err := rows.Account(a.By)
	if err != nil {
		return ledger.Entry{}, err
	}
	nirs := meter.NIRsOf(tx.Meter(a.By))
	switch {
	case !account.Gives(tx.Now()):
		return ledger.Entry{}, ErrNoFile
	case nirs.Waiting(a.Opened.Person, a.Opened.Service, tx.Now()) != 0:
		return ledger.Entry{}, ErrNIRWaits
	case !nirs.MayAsk(tx.Now()):
		return ledger.Entry{}, ErrNotConfirmed
	}
	return ledger.Entry{
		Kind: ledger.NIRAsked, Account: account.ID, Organisation: account.Organisation, Session: a.Session,
		Service: a.Opened.Service, Person: a.Opened.Person, Cause: a.Opened.Receipt, Fields: a.Fields,
	}, nil
}

// Apply implements journal.Act: what was asked is its entry.
func (AskNIR) Apply(approval.Rows, ledger.Entry) error { return nil }
