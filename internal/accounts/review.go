package accounts

import (
	"slices"
	"time"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/roster"
)

// Review confirms that accounts are still needed. What its managers have not confirmed by
// its date gives no right until they have.
type Review struct {
	By  roster.AccountID
	Of  []roster.AccountID
	For time.Duration // until they must be confirmed again

	reviewed changed
}

// mostReviewed bounds how many accounts are confirmed in one act.
const mostReviewed = 500

// Decide implements journal.Act.
func (r *Review) Decide(tx *journal.Tx, rows ProposalRows) (ledger.Entry, error) {
	by, err := approval.One(tx, rows, r.By, approval.Demand{For: "confirming accounts", Confirmed: true})
	if err != nil {
		return ledger.Entry{}, err
	}
	of := slices.Compact(slices.Sorted(slices.Values(r.Of)))
	if len(of) == 0 || len(of) > mostReviewed {
		return ledger.Entry{}, fault.Errorf(fault.Invalid, "between one and %d accounts are confirmed at once", mostReviewed)
	}
	if r.reviewed, err = rows.Rights(of); err != nil {
		return ledger.Entry{}, err
	}
	if len(r.reviewed) != len(of) {
		return ledger.Entry{}, noAccount
	}
	for i := range r.reviewed {
		a := &r.reviewed[i].Account
		switch {
		case by.Role != roster.Security && by.Organisation != a.Organisation:
			return ledger.Entry{}, noAccount // one of another organisation looks like one that does not exist
		case !a.Open() || a.Review.IsZero():
			return ledger.Entry{}, fault.Errorf(fault.Invalid, "%q waits for no confirmation", a.ID)
		case a.ID == by.ID:
			return ledger.Entry{}, fault.Errorf(fault.Refused, "another person confirms an account")
		}
		a.Review = tx.Now().Add(r.For)
	}
	return ledger.Entry{Kind: ledger.Reviewed, Account: by.ID, Organisation: by.Organisation, Count: uint64(len(of))}, nil
}

// Apply implements journal.Act.
func (r *Review) Apply(rows ProposalRows, _ ledger.Entry) error {
	return r.reviewed.put(rows)
}

// Details implements journal.Details.
func (r *Review) Details() []ledger.Entry { return r.reviewed.assigned(r.By) }

// Changes implements journal.Changes.
func (*Review) Changes() bool { return true }

// Lapse writes down that an account is suspended since its managers did not confirm it. Its
// row says so already.
type Lapse struct{ Of roster.AccountID }

// Decide implements journal.Act.
func (l Lapse) Decide(tx *journal.Tx, rows approval.Rows) (ledger.Entry, error) {
	a, err := rows.Account(l.Of)
	if err != nil {
		return ledger.Entry{}, err
	}
	if !a.Open() || !a.Lapsed(tx.Now()) {
		return ledger.Entry{}, journal.Unchanged
	}
	return ledger.Entry{Kind: ledger.Lapsed, Account: journal.Itself, Organisation: a.Organisation, Subject: a.ID, Until: a.Review}, nil
}

// Apply implements journal.Act.
func (Lapse) Apply(approval.Rows, ledger.Entry) error { return nil }
