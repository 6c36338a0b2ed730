// Package accounts is how accounts, organisations and habilitations come to be.
package accounts

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/roster"
)

// Rows are the roster, in this turn.
type Rows interface {
	// Organisations returns those of some organisations that there are.
	Organisations(ids []roster.OrganisationID) ([]roster.Organisation, error)
	// Rights returns those of some accounts that there are, with what each may use.
	Rights(ids []roster.AccountID) ([]Rights, error)
	// ByMail returns the accounts with a mail address.
	ByMail(mail string) ([]roster.Account, error)
	// Guards returns the accounts of the security desk that can admit what a roster makes.
	Guards() ([]Rights, error)
	// OfOrganisation returns the accounts of an organisation that are not closed.
	OfOrganisation(roster.OrganisationID) ([]Rights, error)
	// PutAccount replaces an account, or makes it.
	PutAccount(roster.Account) error
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
			row(columns(o)...)
		}
		for _, a := range l.Accounts {
			row("account", a.ID, a.Organisation, a.Role, a.Name, a.Identity.Issuer, a.Identity.Provider, a.Identity.Subject, a.Proposer, a.Mail)
		}
		for _, h := range l.Habilitations {
			row("habilitation", h.Account, h.Service, h.Purpose, h.From.UnixMicro(), h.Until.UnixMicro())
		}
	})
}

// Rights is an account and what it may use, by service and purpose.
type Rights struct {
	Account       roster.Account
	Habilitations []roster.Habilitation
}

// Digest is what the ledger has of these rows: see ledger.Assigned.
func (r Rights) Digest() ledger.Digest {
	return ledger.DigestRows(func(row func(...any)) {
		a := r.Account
		row("account", a.ID, a.Organisation, a.Role, a.Name, a.Identity.Issuer, a.Identity.Provider, a.Identity.Subject, a.Opened.UnixMicro(), a.Proposer,
			a.Approver, a.Recoverer, a.Mail, a.Until.UnixMicro(), a.Closed.UnixMicro(), a.Review.UnixMicro(), a.Trained.UnixMicro(), a.Waits, a.Diverged, a.Voucher, a.Vouched.UnixMicro(), a.Erased.UnixMicro())
		for _, h := range r.Habilitations {
			row("habilitation", h.Service, h.Purpose, h.From.UnixMicro(), h.Until.UnixMicro())
		}
	})
}

// changed are accounts as an act leaves them.
type changed []Rights

// put writes their rows.
func (c changed) put(rows interface{ PutAccount(roster.Account) error }) error {
	for _, r := range c {
		if err := rows.PutAccount(r.Account); err != nil {
			return err
		}
	}
	return nil
}

// assigned are the entries by which the ledger holds those rows.
func (c changed) assigned(by roster.AccountID) (entries []ledger.Entry) {
	for _, r := range c {
		entries = append(entries, ledger.Entry{Kind: ledger.Assigned, Account: by, Reach: order.Account, Target: string(r.Account.ID), Digest: r.Digest()})
	}
	return entries
}

// DigestOrganisation is what the ledger has of an organisation's row.
func DigestOrganisation(o roster.Organisation) ledger.Digest {
	return ledger.DigestRows(func(row func(...any)) { row(columns(o)...) })
}

// columns are what a digest has of an organisation.
func columns(o roster.Organisation) []any {
	return []any{"organisation", o.ID, o.SIRET, o.Name, o.Mail, o.Quota, o.Until.UnixMicro(), o.Closed.UnixMicro(), o.Set}
}

// Import takes a roster in, all of it or nothing. Each account and organisation that it
// changes has an entry with the digest of its rows: see package audit. Once there is a
// security desk, an account that it makes or changes, and one outside that desk whose
// organisation has another SIRET from then on, gives no right before a person of the desk
// admits it: see Admit. It
// opens no account that was closed, and makes nobody who manages a reader, nor the reverse. It
// undoes nothing that two people did about an organisation: a list that would is refused, and the
// error says each difference.
type Import struct {
	By   roster.AccountID
	List List // as it was told

	taken         List                       // as it is taken in
	before, after map[assigned]ledger.Digest // of what the list names
	guarded       bool
	moved         []roster.OrganisationID // whose SIRET changes
}

// assigned is an account or an organisation that rows speak of.
type assigned struct {
	reach order.Reach
	id    string
}

// Decide implements journal.Act.
func (i *Import) Decide(_ *journal.Tx, rows Rows) (ledger.Entry, error) {
	i.taken = i.List // an act is done anew where its turn failed
	count := len(i.taken.Organisations) + len(i.taken.Accounts) + len(i.taken.Habilitations)
	if count == 0 {
		return ledger.Entry{}, fault.Errorf(fault.Invalid, "the roster is empty: nothing was taken in")
	}
	for _, a := range i.taken.Accounts {
		if !a.Role.Fits(a.Identity) {
			return ledger.Entry{}, fault.Errorf(fault.Invalid, "%q: a programme is bound to a public key, and nobody else is", a.ID)
		}
	}
	guards, err := rows.Guards()
	if err != nil {
		return ledger.Entry{}, err
	}
	i.guarded = len(guards) > 0
	if i.before, err = i.taken.digests(rows); err != nil {
		return ledger.Entry{}, err
	}
	if i.taken.Organisations, err = i.taken.bodies(rows, i.guarded); err != nil {
		return ledger.Entry{}, err
	}
	if i.taken.Accounts, err = i.taken.kept(rows, i.guarded); err != nil {
		return ledger.Entry{}, err
	}
	if err := i.taken.apart(rows); err != nil {
		return ledger.Entry{}, err
	}
	if i.moved, err = i.taken.moved(rows); err != nil {
		return ledger.Entry{}, err
	}
	if i.guarded && !i.taken.stays(guards) {
		return ledger.Entry{}, ErrNobodyToAdmit
	}
	return ledger.Entry{Kind: ledger.Imported, Account: i.By, State: ledger.Roster, Count: uint64(count), Digest: i.taken.Digest()}, nil
}

// Apply implements journal.Act.
func (i *Import) Apply(rows Rows, e ledger.Entry) (err error) {
	if err = rows.UpsertRoster(i.taken); err != nil {
		return err
	}
	if i.after, err = i.taken.digests(rows); err != nil || !i.guarded {
		return err
	}
	there, err := rows.Rights(i.taken.accounts())
	if err != nil {
		return err
	}
	there = slices.DeleteFunc(there, func(r Rights) bool { return i.after[r.one()] == i.before[r.one()] })
	for _, o := range i.moved {
		staff, err := rows.OfOrganisation(o)
		if err != nil {
			return err
		}
		for _, r := range staff {
			if r.Account.Role != roster.Security { // it admits them
				there = append(there, r)
			}
		}
	}
	for _, r := range there {
		r.Account.Waits = uint64(e.Number)
		if err := rows.PutAccount(r.Account); err != nil {
			return err
		}
		i.after[r.one()] = r.Digest()
	}
	return nil
}

// bodies returns the list's organisations with what a roster does not say of those that there are.
// Once there is a security desk, what two people set about one stays as it is.
func (l List) bodies(rows Rows, guarded bool) ([]roster.Organisation, error) {
	var ids []roster.OrganisationID
	for _, o := range l.Organisations {
		ids = append(ids, o.ID)
	}
	for _, a := range l.Accounts {
		ids = append(ids, a.Organisation)
	}
	there, err := rows.Organisations(slices.Compact(slices.Sorted(slices.Values(ids))))
	if err != nil {
		return nil, err
	}
	before := make(map[roster.OrganisationID]roster.Organisation, len(there))
	for _, o := range there {
		before[o.ID] = o
	}
	list := slices.Clone(l.Organisations)
	var undone []string
	for i, o := range list {
		old, known := before[o.ID]
		if !known {
			continue
		}
		o.Quota, o.Closed, o.Set = cmp.Or(o.Quota, old.Quota), old.Closed, old.Set
		if o.Until.IsZero() {
			o.Until = old.Until
		}
		if list[i] = o; guarded && old.Set != 0 {
			undone = append(undone, differences(old, o)...)
		}
	}
	if len(undone) > 0 {
		return nil, fault.Errorf(fault.Refused, "two people set this in the portal since, and a roster does not undo it: %s. Write it as it is (poterne roster export does), or change it in the portal", strings.Join(undone, "; "))
	}
	return list, l.enters(rows, before)
}

// differences says what of an organisation would be another, each with what it is and what it would be.
func differences(is, would roster.Organisation) (list []string) {
	differ := func(what, now, then string) {
		if now != then {
			list = append(list, fmt.Sprintf("the %s of %q is %q and would be %q", what, is.ID, now, then))
		}
	}
	differ("name", is.Name, would.Name)
	differ("mail address", is.Mail, would.Mail)
	differ("quota", strconv.Itoa(is.Quota), strconv.Itoa(would.Quota))
	if !is.Until.Equal(would.Until) {
		differ("end", is.Until.Format(time.RFC3339), would.Until.Format(time.RFC3339))
	}
	return list
}

// enters refuses an account that would come into an organisation that is closed.
func (l List) enters(rows Rows, bodies map[roster.OrganisationID]roster.Organisation) error {
	there, err := rows.Rights(l.accounts())
	if err != nil {
		return err
	}
	stays := make(map[roster.AccountID]bool) // closed, or there already
	for _, r := range there {
		stays[r.Account.ID] = !r.Account.Closed.IsZero()
		if i := slices.IndexFunc(l.Accounts, func(a roster.Account) bool { return a.ID == r.Account.ID }); i >= 0 && l.Accounts[i].Organisation == r.Account.Organisation {
			stays[r.Account.ID] = true
		}
	}
	for _, a := range l.Accounts {
		if o := bodies[a.Organisation]; !o.Closed.IsZero() && !stays[a.ID] {
			return fault.Errorf(fault.Refused, "%q would come into %q, which is closed", a.ID, o.ID)
		}
	}
	return nil
}

// kept returns the list's accounts with what a roster does not say of those that there are.
// Once there is a security desk, none that may be used goes from reading to managing or
// watching, or back: who gave and who receives would be one account.
func (l List) kept(rows Rows, guarded bool) ([]roster.Account, error) {
	there, err := rows.Rights(l.accounts())
	before := make(map[roster.AccountID]roster.Account, len(there))
	for _, r := range there {
		before[r.Account.ID] = r.Account
	}
	list := slices.Clone(l.Accounts)
	for i, a := range list {
		if old, known := before[a.ID]; known && !old.Erased.IsZero() {
			list[i] = old // a roster from before does not say again whose it was
		} else if known {
			if guarded && old.Open() && old.Role.ReadsFiles() != a.Role.ReadsFiles() {
				return nil, fault.Errorf(fault.Refused, "%q is %s and would be %s: managing and reading are two accounts; close this one, and propose another", a.ID, old.Role, a.Role)
			}
			a.Opened, a.Approver, a.Recoverer, a.Until, a.Closed, a.Waits = old.Opened, old.Approver, old.Recoverer, old.Until, old.Closed, old.Waits
			a.Review, a.Trained, a.Mail = old.Review, old.Trained, cmp.Or(a.Mail, old.Mail)
			a.Diverged, a.Voucher, a.Vouched = old.Diverged, old.Voucher, old.Vouched
			list[i] = a
		}
	}
	return list, err
}

// apart refuses a mail address of somebody who would manage or watch by one account and read
// by another.
func (l List) apart(rows Rows) error {
	named := make(map[roster.AccountID]bool, len(l.Accounts))
	of := make(map[string][]roster.Account)
	for _, a := range l.Accounts {
		named[a.ID] = true
		if a.Mail != "" {
			of[a.Mail] = append(of[a.Mail], a)
		}
	}
	for mail, people := range of {
		there, err := rows.ByMail(mail)
		if err != nil {
			return err
		}
		for _, a := range there {
			if !named[a.ID] {
				people = append(people, a)
			}
		}
		people = slices.DeleteFunc(people, func(a roster.Account) bool { return !a.Closed.IsZero() })
		for _, a := range people {
			if a.Role.ReadsFiles() != people[0].Role.ReadsFiles() {
				return fault.Errorf(fault.Refused, "%q and %q have one mail address: one of them reads files and the other does not, so that they are two people's", a.ID, people[0].ID)
			}
		}
	}
	return nil
}

// accounts returns the accounts that the list names.
func (l List) accounts() (ids []roster.AccountID) {
	for _, one := range l.named() {
		if one.reach == order.Account {
			ids = append(ids, roster.AccountID(one.id))
		}
	}
	return ids
}

// Details implements journal.Details.
func (i *Import) Details() (entries []ledger.Entry) {
	named := i.taken.named()
	moved := slices.Collect(maps.Keys(i.after))
	moved = slices.DeleteFunc(moved, func(one assigned) bool { return slices.Contains(named, one) })
	slices.SortFunc(moved, func(a, b assigned) int { return cmp.Compare(a.id, b.id) })
	for _, one := range append(named, moved...) {
		if digest := i.after[one]; digest != i.before[one] {
			entries = append(entries, ledger.Entry{Kind: ledger.Assigned, Account: i.By, Reach: one.reach, Target: one.id, Digest: digest})
		}
	}
	return entries
}

// Changes implements journal.Changes.
func (*Import) Changes() bool { return true }

// named returns what the list names, each once.
func (l List) named() (list []assigned) {
	known := make(map[assigned]bool)
	add := func(reach order.Reach, id string) {
		if one := (assigned{reach, id}); !known[one] {
			known[one] = true
			list = append(list, one)
		}
	}
	for _, o := range l.Organisations {
		add(order.Organisation, string(o.ID))
	}
	for _, a := range l.Accounts {
		add(order.Account, string(a.ID))
	}
	for _, h := range l.Habilitations {
		add(order.Account, string(h.Account))
	}
	return list
}

// digests returns what the rows that there are of what the list names are now.
func (l List) digests(rows Rows) (map[assigned]ledger.Digest, error) {
	var organisations []roster.OrganisationID
	for _, one := range l.named() {
		if one.reach == order.Organisation {
			organisations = append(organisations, roster.OrganisationID(one.id))
		}
	}
	digests := make(map[assigned]ledger.Digest)
	there, err := rows.Organisations(organisations)
	if err != nil {
		return nil, err
	}
	for _, o := range there {
		digests[assigned{order.Organisation, string(o.ID)}] = DigestOrganisation(o)
	}
	rights, err := rows.Rights(l.accounts())
	for _, r := range rights {
		digests[assigned{order.Account, string(r.Account.ID)}] = r.Digest()
	}
	return digests, err
}
