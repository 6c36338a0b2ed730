// Package approval is the two-person rule, once. A second person MUST have an active
// account that is not the first person's, that neither proposed nor was proposed by it,
// that is not another account of somebody in its lineage, and that no order stops. The rule
// is checked under the ledger's head, as the act is done.
package approval

import (
	"slices"

	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/order"
	"poterne/internal/roster"
)

// Rows are the accounts as they are in this turn.
type Rows interface {
	// Account returns an account and its organisation; fault.Absent when there is none.
	Account(id roster.AccountID) (roster.Account, error)
}

// Demand is what an act asks of the people who sign for it.
type Demand struct {
	For       string           // what they sign for, as it is said to them: "a hold"
	Of        roster.AccountID // the account that it is about, which MUST NOT sign; may be empty
	Desk      bool             // only the security desk signs
	OneOfDesk bool             // of two, one is of the security desk
	Officer   bool             // the data-protection officer signs, too
	Confirmed bool             // each has confirmed within a quarter of an hour
}

// One lets another person than the account it is about sign for an act: its
// organisation's manager, or the security desk. It returns the signing account.
func One(tx *journal.Tx, rows Rows, by roster.AccountID, d Demand) (roster.Account, error) {
	signer, err := d.signer(tx, rows, by)
	if err != nil {
		return signer, err
	}
	return signer, d.apart(rows, signer)
}

// Two lets one person do an act and another approve it.
func Two(tx *journal.Tx, rows Rows, by, approver roster.AccountID, d Demand) (roster.Account, error) {
	first, err := One(tx, rows, by, d)
	if err != nil {
		return first, err
	}
	second, err := One(tx, rows, approver, d)
	if err != nil {
		return first, err
	}
	return first, pair(rows, first, second, d)
}

// Later lets a second person approve what a first one did some time ago: both may still
// sign, the second has confirmed now, and they are of two lineages. It returns both.
func Later(tx *journal.Tx, rows Rows, by, approver roster.AccountID, d Demand) (first, second roster.Account, err error) {
	if second, err = One(tx, rows, approver, d); err != nil {
		return first, second, err
	}
	d.Confirmed = false
	if first, err = One(tx, rows, by, d); err != nil {
		return first, second, err
	}
	return first, second, pair(rows, first, second, d)
}

// pair reports whether two who may sign may do it together: they are two, of two lineages, and
// one is of the desk where that is asked for.
func pair(rows Rows, first, second roster.Account, d Demand) error {
	switch {
	case first.ID == second.ID:
		return fault.Errorf(fault.Refused, "%s takes two people: %q cannot do it and approve it", d.For, first.ID)
	case d.OneOfDesk && first.Role != roster.Security && second.Role != roster.Security:
		return fault.Errorf(fault.Refused, "of those who sign for %s, one is of the security desk", d.For)
	}
	return unrelated(rows, first, second, d)
}

// signer returns the account if it may sign at all, now.
func (d Demand) signer(tx *journal.Tx, rows Rows, id roster.AccountID) (roster.Account, error) {
	account, err := rows.Account(id)
	switch {
	case fault.Is(err, fault.Absent):
		return account, fault.Errorf(fault.Refused, "%q is no account: people of the roster sign for %s", id, d.For)
	case err != nil:
		return account, err
	case !account.Gives(tx.Now()):
		return account, fault.Errorf(fault.Refused, "%q is closed, or waits for a second person: it signs for nothing", id)
	case !d.takes(account.Role):
		return account, fault.Errorf(fault.Refused, "%q may not sign for %s: %s do", id, d.For, d.who())
	}
	// An order on everything stops no signature: signatures are needed in the middle of an
	// incident.
	if o, stopped := tx.Orders().Stop(order.Use{Account: account.ID, Organisation: account.Organisation, Role: account.Role}, tx.Now()); stopped {
		return account, fault.Errorf(fault.Refused, "%q cannot sign while order %s is in force", id, o.ID)
	}
	if d.Confirmed && !tx.Meter(id).SteppedUp(tx.Now()) {
		return account, fault.Errorf(fault.Refused, "%q has not confirmed that they are there within a quarter of an hour", id)
	}
	return account, nil
}

// takes reports whether people of a role sign.
func (d Demand) takes(role roster.Role) bool {
	switch role {
	case roster.Security:
		return true
	case roster.Manager:
		return !d.Desk
	case roster.Privacy:
		return d.Officer
	default:
		return false
	}
}

func (d Demand) who() string {
	switch {
	case d.Officer:
		return "the data-protection officer and people of the security desk"
	case d.Desk:
		return "people of the security desk"
	default:
		return "managers and people of the security desk"
	}
}

// apart fails when the signer is the account that the act is about, is of its lineage, or
// is a manager of another organisation.
func (d Demand) apart(rows Rows, signer roster.Account) error {
	if d.Of == "" {
		return nil
	}
	if signer.ID == d.Of {
		return notTheirs
	}
	of, err := rows.Account(d.Of)
	switch {
	case fault.Is(err, fault.Absent):
		return notTheirs // one of another organisation looks like one that does not exist
	case err != nil:
		return err
	case signer.Role != roster.Security && signer.Organisation != of.Organisation:
		return notTheirs
	}
	return unrelated(rows, signer, of, d)
}

var notTheirs = fault.Errorf(fault.Refused, "another person signs for it: a manager of the same organisation, or the security desk")

// Apart refuses two accounts of one lineage.
func Apart(rows Rows, one, other roster.Account, what string) error {
	return unrelated(rows, one, other, Demand{For: what})
}

// unrelated refuses two accounts of one lineage: one made the other, or a third made
// both, at any distance.
func unrelated(rows Rows, one, other roster.Account, d Demand) error {
	lineage, err := lineageOf(rows, one)
	if err != nil {
		return err
	}
	others, err := lineageOf(rows, other)
	if err != nil {
		return err
	}
	for _, a := range lineage {
		for _, b := range others {
			switch {
			case a.ID == b.ID:
				return fault.Errorf(fault.Refused, "%q and %q come from one account: for %s, people of two lineages sign", one.ID, other.ID, d.For)
			case a.SamePerson(b):
				return fault.Errorf(fault.Refused, "%q and %q are one person's: for %s, people of two lineages sign", a.ID, b.ID, d.For)
			}
		}
	}
	return nil
}

// Stranger refuses somebody who is to have an account and who, by another account, is in the
// lineage of whoever makes it: nobody has two accounts in one chain.
func Stranger(rows Rows, candidate, maker roster.Account) error {
	lineage, err := lineageOf(rows, maker)
	if err == nil && slices.ContainsFunc(lineage, func(a roster.Account) bool { return a.ID == candidate.ID || a.SamePerson(candidate) }) {
		err = fault.Errorf(fault.Refused, "whoever makes an account has none under it: this is the name or the address of somebody in the lineage of %q", maker.ID)
	}
	return err
}

// deepest bounds the length of a lineage.
const deepest = 64

// lineageOf returns an account and its proposers, the nearest first: its proposer, the
// proposer's proposer, and so on. Of one who is no more, only the id is known.
func lineageOf(rows Rows, of roster.Account) ([]roster.Account, error) {
	lineage := []roster.Account{of}
	for of.Proposer != "" {
		if len(lineage) == deepest || slices.ContainsFunc(lineage, func(a roster.Account) bool { return a.ID == of.Proposer }) {
			return nil, fault.Errorf(fault.Refused, "the lineage of %q leads nowhere: the roster is damaged", lineage[0].ID)
		}
		above, err := rows.Account(of.Proposer)
		switch {
		case fault.Is(err, fault.Absent):
			return append(lineage, roster.Account{ID: of.Proposer}), nil
		case err != nil:
			return nil, err
		}
		of = above
		lineage = append(lineage, of)
	}
	return lineage, nil
}
