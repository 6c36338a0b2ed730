package accounts

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/roster"
)

// An account is bound to its identity (issuer, provider, subject) and to the SIRET of its
// organisation. A sign-in with the account's subject that differs in the provider or in the
// SIRET is of the same person, whom something has changed for: the account is suspended, with
// its sessions, until two people approve it as it was. What differs in both is somebody else,
// and so is another subject: they open nothing, and suspend nobody, or anybody at the same
// provider who writes a colleague's address into their own profile could. No SIRET is none
// that differs: a provider that forgets it lets nobody in. The last two of the security desk
// are not suspended, since the desk approves again; such a sign-in lets them in no more than
// others.

// BindingRows are accounts and what they are bound to, in this turn.
type BindingRows interface {
	ProposalRows
	// OfSubject returns the accounts of an issuer's subject, whichever provider vouches for it.
	OfSubject(issuer, subject string) ([]Rights, error)
}

// Diverge suspends the account that a sign-in shows to be somebody's whose provider or
// organisation has changed; Unchanged when there is none.
type Diverge struct {
	Identity roster.Identity
	SIRET    string // as asserted
	Cause    ledger.Number

	rights Rights
}

// Decide implements journal.Act.
func (d *Diverge) Decide(tx *journal.Tx, rows BindingRows) (ledger.Entry, error) {
	near, err := rows.OfSubject(d.Identity.Issuer, d.Identity.Subject)
	if err != nil {
		return ledger.Entry{}, err
	}
	for _, r := range near {
		a := r.Account
		bodies, err := rows.Organisations([]roster.OrganisationID{a.Organisation})
		if err != nil {
			return ledger.Entry{}, err
		}
		if !a.Open() || len(bodies) == 0 || !d.changed(a, bodies[0]) {
			continue
		}
		if a.Role == roster.Security {
			if guards, err := rows.Guards(); err != nil || len(guards) <= lastGuards {
				return ledger.Entry{}, cmp.Or(err, journal.Unchanged)
			}
		}
		d.rights = r
		d.rights.Account.Diverged = uint64(tx.Next())
		return ledger.Entry{
			Kind: ledger.Diverged, Account: journal.Itself, Organisation: a.Organisation, Subject: a.ID, Identity: d.Identity, SIRET: d.SIRET, Cause: d.Cause,
		}, nil
	}
	return ledger.Entry{}, journal.Unchanged
}

// lastGuards is how many of the security desk stay whatever happens.
const lastGuards = 2

// changed reports whether the sign-in is an account's but for its provider or its SIRET.
func (d *Diverge) changed(a roster.Account, of roster.Organisation) bool {
	provider := a.Identity.Provider != d.Identity.Provider
	siret := d.SIRET != "" && d.SIRET != of.SIRET
	return provider != siret
}

// Apply implements journal.Act.
func (d *Diverge) Apply(rows BindingRows, _ ledger.Entry) error {
	return rows.PutAccount(d.rights.Account)
}

// Details implements journal.Details.
func (d *Diverge) Details() []ledger.Entry { return changed{d.rights}.assigned(journal.Itself) }

// Changes implements journal.Changes.
func (*Diverge) Changes() bool { return true }

// Readmit lets one of two people approve an account again that was suspended since its
// identity or its organisation changed: it is as it was, bound to what it was bound to. One
// of them is of the security desk; both may sign when the second does, within ReadmitWaits of the first. Whoever has moved for good is closed, and proposed anew.
type Readmit struct {
	Of, By roster.AccountID

	rights Rights
}

// ReadmitWaits is how long the first of two signatures waits for the second.
const ReadmitWaits = 14 * 24 * time.Hour

// readmitting is an account that waits to be approved again, as the second of two people does it. It
// waits for nobody while nobody has signed, or once the first signature has lapsed.
func readmitting(a roster.Account) approval.Asked {
	return approval.Asked{
		By: a.Voucher, Ends: a.Vouched.Add(ReadmitWaits), Answered: a.Voucher == "",
		Demand: approval.Demand{For: "an account that was suspended", Of: a.ID, Confirmed: true},
	}
}

// Readmitting returns who has approved a suspended account again and waits for a second person;
// nobody when nobody has, or not lately.
func Readmitting(a roster.Account, now time.Time) roster.AccountID {
	if !readmitting(a).Waits(now) {
		return ""
	}
	return a.Voucher
}

// Decide implements journal.Act.
func (r *Readmit) Decide(tx *journal.Tx, rows ProposalRows) (ledger.Entry, error) {
	demand := readmitting(roster.Account{ID: r.Of}).Demand
	by, err := approval.One(tx, rows, r.By, demand)
	if err != nil {
		return ledger.Entry{}, err
	}
	there, err := rows.Rights([]roster.AccountID{r.Of})
	if err != nil {
		return ledger.Entry{}, err
	}
	if len(there) == 0 || there[0].Account.Diverged == 0 || !there[0].Account.Closed.IsZero() {
		return ledger.Entry{}, NotWaiting
	}
	r.rights = there[0]
	a := &r.rights.Account
	entry := ledger.Entry{Kind: ledger.Readmitted, Account: by.ID, Organisation: a.Organisation, Subject: a.ID, Cause: ledger.Number(a.Diverged), State: ledger.SignedFor}
	if a.Voucher = Readmitting(*a, tx.Now()); a.Voucher != "" {
		may := demand
		may.Confirmed = false
		if _, err := approval.One(tx, rows, a.Voucher, may); fault.Is(err, fault.Refused) {
			a.Voucher = "" // whoever signed first may sign no more, and it waits for them no longer
		} else if err != nil {
			return entry, err
		}
	}
	if a.Voucher == "" {
		a.Voucher, a.Vouched = by.ID, tx.Now()
		return entry, nil
	}
	first, second, err := approval.Later(tx, rows, a.Voucher, by.ID, demand)
	if err != nil {
		return entry, err
	}
	if first.Role != roster.Security && second.Role != roster.Security {
		return entry, fault.Errorf(fault.Refused, "of the two who approve it again, one is of the security desk")
	}
	entry.Approver, entry.State = first.ID, ledger.Granted
	a.Diverged, a.Voucher, a.Vouched = 0, "", time.Time{}
	return entry, nil
}

// Apply implements journal.Act.
func (r *Readmit) Apply(rows ProposalRows, _ ledger.Entry) error {
	return rows.PutAccount(r.rights.Account)
}

// Details implements journal.Details.
func (r *Readmit) Details() []ledger.Entry { return changed{r.rights}.assigned(r.By) }

// Changes implements journal.Changes.
func (*Readmit) Changes() bool { return true }

// Barred writes a sign-in down that was refused, and suspends the account whose provider
// or organisation it shows to have changed. It returns that account; none when there
// is none.
func (s Service) Barred(ctx context.Context, signIn ledger.Entry) (suspended roster.AccountID, err error) {
	err = s.Writer.Turn(ctx, 3, func(tx *journal.Tx) error {
		suspended = ""
		written, err := journal.Within(tx, journal.Note(signIn))
		if err != nil {
			return err
		}
		entry, err := journal.Within(tx, &Diverge{Identity: signIn.Identity, SIRET: signIn.SIRET, Cause: written.Number})
		if errors.Is(err, journal.Unchanged) {
			return nil
		}
		suspended = entry.Subject
		return err
	})
	return suspended, err
}

// Readmit approves an account again.
func (s Service) Readmit(ctx context.Context, of, by roster.AccountID) error {
	_, err := journal.Do(ctx, s.Writer, &Readmit{Of: of, By: by})
	return err
}

// moved returns the organisations of a list whose SIRET changes, of those that there are.
func (l List) moved(rows Rows) (ids []roster.OrganisationID, err error) {
	var named []roster.OrganisationID
	siret := make(map[roster.OrganisationID]string)
	for _, o := range l.Organisations {
		named = append(named, o.ID)
		siret[o.ID] = o.SIRET
	}
	there, err := rows.Organisations(named)
	for _, o := range there {
		if o.SIRET != siret[o.ID] {
			ids = append(ids, o.ID)
		}
	}
	return ids, err
}

// ErrNobodyToAdmit refuses a roster after which nobody of the security desk could admit it.
var ErrNobodyToAdmit = fault.Errorf(fault.Invalid, "this would leave nobody at the security desk who could admit it: change them in two rosters, one after the other")

// stays reports whether one of the security desk's accounts is left as it is by a list, so
// that it can admit it.
func (l List) stays(guards []Rights) bool {
	for _, g := range guards {
		after := g
		for _, a := range l.Accounts {
			if a.ID == g.Account.ID {
				after.Account = a
			}
		}
		if after.Digest() == g.Digest() && !slices.ContainsFunc(l.Habilitations, func(h roster.Habilitation) bool { return h.Account == g.Account.ID }) {
			return true
		}
	}
	return false
}

// one is the account that the rows speak of.
func (r Rights) one() assigned { return assigned{order.Account, string(r.Account.ID)} }
