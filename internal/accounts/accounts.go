// Package accounts is how accounts, organisations and habilitations come to be.
package accounts

import (
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/roster"
)

// Rows are the roster, in this turn.
type Rows interface {
	// UpsertRoster takes organisations, accounts and habilitations in. What is named
	// again is replaced; what is not named stays.
	UpsertRoster(List) error
}

// List is organisations, accounts and habilitations to be taken in.
type List struct {
	Organisations []roster.Organisation
	Accounts      []roster.Account
	Habilitations []roster.Habilitation
}

// Digest is of every row that the list makes, in its order.
func (l List) Digest() ledger.Digest {
	return ledger.DigestRows(func(row func(...any)) {
		for _, o := range l.Organisations {
			row("organisation", o.ID, o.SIRET, o.Name)
		}
		for _, a := range l.Accounts {
			row("account", a.ID, a.Organisation, a.Role, a.Name, a.Identity.Issuer, a.Identity.Provider, a.Identity.Subject, a.Proposer)
		}
		for _, h := range l.Habilitations {
			row("habilitation", h.Account, h.Service, h.Purpose, h.From.UnixMicro(), h.Until.UnixMicro())
		}
	})
}

// Import takes a roster in, all of it or nothing.
type Import struct {
	By   roster.AccountID
	List List
}

// Decide implements journal.Act.
func (i Import) Decide(*journal.Tx, Rows) (ledger.Entry, error) {
	rows := len(i.List.Organisations) + len(i.List.Accounts) + len(i.List.Habilitations)
	if rows == 0 {
		return ledger.Entry{}, fault.Errorf(fault.Invalid, "the roster is empty: nothing was taken in")
	}
	return ledger.Entry{Kind: ledger.Imported, Account: i.By, State: ledger.Roster, Count: uint64(rows), Digest: i.List.Digest()}, nil
}

// Apply implements journal.Act.
func (i Import) Apply(rows Rows, _ ledger.Entry) error { return rows.UpsertRoster(i.List) }

// Changes implements journal.Changes.
func (Import) Changes() bool { return true }
