package accounts

import (
	"cmp"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// Close ends an account for good: it gives no right from the next decision on. Its identity
// can be proposed again.
type Close struct {
	By      roster.AccountID // journal.Itself when its end came, or it was unused
	Of      roster.AccountID
	Why     ledger.State
	Because string
	Within  roster.OrganisationID // of a system that provisions accounts: whose it closes

	rights Rights
}

// Decide implements journal.Act.
func (c *Close) Decide(tx *journal.Tx, rows ProposalRows) (ledger.Entry, error) {
	there, err := rows.Rights([]roster.AccountID{c.Of})
	if err != nil || len(there) == 0 {
		return ledger.Entry{}, cmp.Or(err, noAccount)
	}
	c.rights = there[0]
	of := c.rights.Account
	if !of.Closed.IsZero() {
		return ledger.Entry{}, journal.Unchanged
	}
	if err := c.may(tx, rows, of); err != nil {
		return ledger.Entry{}, err
	}
	c.rights.Account.Closed = tx.Now()
	return ledger.Entry{Kind: ledger.Ended, Account: c.By, Organisation: of.Organisation, Subject: of.ID, State: c.Why, Note: c.Because}, nil
}

var noAccount = fault.Errorf(fault.Absent, "no such account")

// may lets a manager close accounts of their organisation that read files, and the security
// desk all but their own. The program closes what has ended or is unused.
func (c *Close) may(tx *journal.Tx, rows approval.Rows, of roster.Account) error {
	if c.By == journal.Itself {
		if c.Why == ledger.Expired && of.Gives(tx.Now()) {
			return fault.Errorf(fault.Refused, "the end of %q has not come", of.ID)
		}
		return nil
	}
	if c.By.Client() {
		if c.Why != ledger.ByHand || of.Organisation != c.Within || !of.Role.ReadsFiles() || of.Role == roster.Programme {
			return noAccount
		}
		return client(tx, c.By)
	}
	if err := typed.Check("closing an account", c.Because); err != nil {
		return err
	}
	by, err := approval.One(tx, rows, c.By, approval.Demand{For: "closing an account", Confirmed: true})
	switch {
	case err != nil:
		return err
	case c.Why != ledger.ByHand || of.ID == by.ID:
		return fault.Errorf(fault.Refused, "another person closes an account, by hand")
	case by.Role != roster.Security && (by.Organisation != of.Organisation || !of.Role.ReadsFiles()):
		return noAccount
	}
	return nil
}

// Apply implements journal.Act.
func (c *Close) Apply(rows ProposalRows, _ ledger.Entry) error {
	return rows.PutAccount(c.rights.Account)
}

// Details implements journal.Details.
func (c *Close) Details() []ledger.Entry {
	return changed{c.rights}.assigned(c.By)
}

// Changes implements journal.Changes.
func (*Close) Changes() bool { return true }

// Admit lets a person of the security desk admit the accounts that a roster made or changed:
// who runs the program makes no account alone.
type Admit struct {
	By     roster.AccountID
	Import ledger.Number

	waiting changed
}

// AdmitRows are the accounts that wait, in this turn.
type AdmitRows interface {
	Rows
	approval.Rows
	// AwaitingAdmission returns the accounts that a roster made and that wait.
	AwaitingAdmission(ledger.Number) ([]Rights, error)
}

// Decide implements journal.Act.
func (a *Admit) Decide(tx *journal.Tx, rows AdmitRows) (ledger.Entry, error) {
	by, err := approval.One(tx, rows, a.By, approval.Demand{For: "a roster", Desk: true, Confirmed: true})
	if err != nil {
		return ledger.Entry{}, err
	}
	a.waiting, err = rows.AwaitingAdmission(a.Import)
	switch {
	case err != nil:
		return ledger.Entry{}, err
	case len(a.waiting) == 0:
		return ledger.Entry{}, NotWaiting
	}
	for i := range a.waiting {
		made := &a.waiting[i].Account
		if err := approval.Apart(rows, by, *made, "a roster"); err != nil {
			return ledger.Entry{}, err
		}
		made.Waits = 0
	}
	return ledger.Entry{Kind: ledger.Admitted, Account: by.ID, Organisation: by.Organisation, Cause: a.Import, Count: uint64(len(a.waiting))}, nil
}

// Apply implements journal.Act.
func (a *Admit) Apply(rows AdmitRows, _ ledger.Entry) error {
	return a.waiting.put(rows)
}

// Details implements journal.Details.
func (a *Admit) Details() []ledger.Entry { return a.waiting.assigned(a.By) }

// Changes implements journal.Changes.
func (*Admit) Changes() bool { return true }
