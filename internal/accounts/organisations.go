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
	"poterne/internal/typed"
)

// OrganisationRequest is an organisation that one person asks to add, to change or to close, and
// another allows.
type OrganisationRequest struct {
	Number  ledger.Number // of the entry that asked
	By      roster.AccountID
	Does    ledger.State        // Adding, Altering or Closing
	As      roster.Organisation // as it would be; of one that is to be closed only the ID counts
	Because string

	Before  ledger.Digest // of the row that it is about; zero of one that is added
	Former  string        // the address of its head as it was
	Asked   time.Time
	Second  roster.AccountID // who allowed it
	Allowed time.Time        // zero while it waits
	Dropped time.Time        // zero unless it was taken back or refused
}

// OrganisationWaits is how long a request waits for another person.
const OrganisationWaits = 14 * 24 * time.Hour

// How many requests of one person wait at once, and how many one person makes within
// OrganisationWaits, answered or not: each is told to others by mail.
const (
	mostOrganisationsAsked  = 10
	mostOrganisationsLately = 30
)

// MostQuota is the largest quota that an organisation may have of its own.
const MostQuota = 100_000

// furthestEnd is how far ahead an organisation's end may be.
const furthestEnd = 10 * 366 * 24 * time.Hour

// Waits reports whether it waits for another person.
func (r OrganisationRequest) Waits(at time.Time) bool { return r.asked().Waits(at) }

// asked is the request, as two people sign for it: of the security desk, or one of them and the
// data-protection officer.
func (r OrganisationRequest) asked() approval.Asked {
	return approval.Asked{By: r.By, Ends: r.Asked.Add(OrganisationWaits), Answered: !r.Allowed.IsZero() || !r.Dropped.IsZero(), Demand: settingOrganisations}
}

var settingOrganisations = approval.Demand{For: "an organisation", Desk: true, Officer: true, OneOfDesk: true, Confirmed: true}

// OrganisationRows are the requests and the organisations, in this turn.
type OrganisationRows interface {
	Rows
	approval.Rows
	// EveryOrganisation returns all that there are.
	EveryOrganisation() ([]roster.Organisation, error)
	// OrganisationRequest returns one; fault.Absent when there is none.
	OrganisationRequest(ledger.Number) (OrganisationRequest, error)
	// OrganisationRequests returns those asked since a time, oldest first.
	OrganisationRequests(since time.Time) ([]OrganisationRequest, error)
	// PutOrganisationRequest adds one, or changes who allowed it, and when it was allowed or dropped.
	PutOrganisationRequest(OrganisationRequest) error
}

var (
	// OrganisationMoved is the error of a request that no longer fits what there is.
	OrganisationMoved = fault.Errorf(fault.Refused, "this organisation has changed since that was asked: refuse it, and ask anew")
	// OrganisationKeepsDesk is the error of an organisation to be closed in which people who oversee
	// have accounts.
	OrganisationKeepsDesk = fault.Errorf(fault.Refused, "people of the security desk, or the data-protection officer, have accounts in this organisation: close those first, one by one")
	// OrganisationTwin is the error of an organisation that is taken for another.
	OrganisationTwin = fault.Errorf(fault.Invalid, "another organisation has this name, this id or this SIRET, or one that reads the same")
	// OrganisationShut is the error of what would come into an organisation that is closed.
	OrganisationShut = fault.Errorf(fault.Refused, "this organisation is closed: nobody comes into it")
)

// fits returns the row that a request is about as it is now, and an error unless it can be done.
func (r OrganisationRequest) fits(now time.Time, rows OrganisationRows) (is roster.Organisation, err error) {
	all, err := rows.EveryOrganisation()
	if err != nil {
		return is, err
	}
	i := slices.IndexFunc(all, func(o roster.Organisation) bool { return o.ID == r.As.ID })
	switch {
	case r.Does == ledger.Adding && i >= 0:
		return is, OrganisationTwin
	case r.Does != ledger.Adding && i < 0:
		return is, fault.Errorf(fault.Absent, "there is no such organisation")
	case i >= 0:
		is = all[i]
	}
	if !is.Closed.IsZero() {
		return is, fault.Errorf(fault.Refused, "this organisation is closed for good: add another")
	}
	if r.Does == ledger.Closing || r.Does == ledger.Altering && !r.As.Until.IsZero() {
		staff, err := rows.OfOrganisation(is.ID)
		if err != nil {
			return is, err
		}
		if slices.ContainsFunc(staff, oversees) {
			return is, OrganisationKeepsDesk
		}
	}
	if r.Does == ledger.Closing {
		return is, nil
	}
	if err := r.check(now, all); err != nil {
		return is, err
	}
	if r.Does == ledger.Altering && r.altered(is) == is {
		return is, fault.Errorf(fault.Invalid, "this is how it is already")
	}
	return is, nil
}

// oversees reports whether an account is of those who sign for organisations: none takes them away
// with it.
func oversees(r Rights) bool {
	return r.Account.Role == roster.Security || r.Account.Role == roster.Privacy
}

// altered is a row as the request would have it.
func (r OrganisationRequest) altered(is roster.Organisation) roster.Organisation {
	is.Name, is.Mail, is.Quota, is.Until = r.As.Name, r.As.Mail, r.As.Quota, r.As.Until
	return is
}

// check says what is wrong with what was typed, beside all organisations that there are.
func (r OrganisationRequest) check(now time.Time, all []roster.Organisation) error {
	if r.Does == ledger.Adding {
		if err := roster.CheckID(string(r.As.ID)); err != nil || r.As.ID == "" || len(r.As.ID) > 64 {
			return fault.Errorf(fault.Invalid, "the id %w", cmp.Or(err, errors.New("is empty, or has more than 64 characters")))
		}
		if err := roster.CheckSIRET(r.As.SIRET); err != nil {
			return fault.Errorf(fault.Invalid, "%q %w", r.As.SIRET, err)
		}
	}
	if err := roster.CheckTypedName(r.As.Name); err != nil {
		return fault.Errorf(fault.Invalid, "the organisation's name %w", err)
	}
	if mail, err := roster.Mail(r.As.Mail); err != nil || mail != r.As.Mail {
		return fault.Errorf(fault.Invalid, "the address of its head is no mail address in its one spelling")
	}
	if r.As.Quota < 0 || r.As.Quota > MostQuota {
		return fault.Errorf(fault.Invalid, "a quota is between 1 and %d accounts, or none of its own", MostQuota)
	}
	if !r.As.Until.IsZero() && (!r.As.Until.After(now) || r.As.Until.Sub(now) > furthestEnd) {
		return fault.Errorf(fault.Invalid, "an organisation ends in the future, within ten years")
	}
	for _, o := range all {
		same := o.Closed.IsZero() && (o.SIRET == r.As.SIRET && r.Does == ledger.Adding || roster.Alike(o.Name) == roster.Alike(r.As.Name))
		if o.ID != r.As.ID && (same || roster.Alike(string(o.ID)) == roster.Alike(string(r.As.ID))) {
			return OrganisationTwin
		}
	}
	return nil
}

// digest is what the ledger has of what is asked for.
func (r OrganisationRequest) digest() ledger.Digest {
	return ledger.DigestRows(func(row func(...any)) {
		row(columns(r.As)...)
		row("request", string(r.Does), r.Before[:], r.Former)
	})
}

// AskOrganisation asks for an organisation to be added, changed or closed. Nothing comes of it
// before another person allows it.
type AskOrganisation struct {
	By      roster.AccountID
	Does    ledger.State
	As      roster.Organisation
	Because string

	request OrganisationRequest
}

// Decide implements journal.Act.
func (a *AskOrganisation) Decide(tx *journal.Tx, rows OrganisationRows) (ledger.Entry, error) {
	r := OrganisationRequest{By: a.By, Does: a.Does, Because: a.Because, Asked: ledger.Cut(tx.Now())}
	by, err := approval.One(tx, rows, a.By, settingOrganisations)
	if err != nil {
		return ledger.Entry{}, err
	}
	switch a.Does {
	case ledger.Adding:
		r.As = roster.Organisation{ID: a.As.ID, SIRET: a.As.SIRET, Name: a.As.Name, Mail: a.As.Mail, Quota: a.As.Quota, Until: a.As.Until}
	case ledger.Altering:
		r.As = roster.Organisation{ID: a.As.ID, Name: a.As.Name, Mail: a.As.Mail, Quota: a.As.Quota, Until: a.As.Until}
	case ledger.Closing:
		r.As = roster.Organisation{ID: a.As.ID}
	default:
		return ledger.Entry{}, fault.Errorf(fault.Invalid, "an organisation is added, changed or closed")
	}
	if err := typed.Check("a request", a.Because); err != nil {
		return ledger.Entry{}, err
	}
	is, err := r.fits(tx.Now(), rows)
	if err != nil {
		return ledger.Entry{}, err
	}
	if a.Does != ledger.Adding {
		r.Before, r.Former = DigestOrganisation(is), is.Mail
	}
	all, err := rows.OrganisationRequests(tx.Now().Add(-OrganisationWaits))
	if err != nil {
		return ledger.Entry{}, err
	}
	waiting, lately := 0, 0
	for _, other := range all {
		if other.Waits(tx.Now()) && roster.Alike(string(other.As.ID)) == roster.Alike(string(r.As.ID)) {
			return ledger.Entry{}, fault.Errorf(fault.Invalid, "something is asked for this organisation already: have that answered, or taken back, first")
		}
		if other.By != a.By {
			continue
		}
		if lately++; other.Waits(tx.Now()) {
			waiting++
		}
	}
	if waiting >= mostOrganisationsAsked || lately >= mostOrganisationsLately {
		return ledger.Entry{}, fault.Errorf(fault.Refused, "you have asked for as many organisations as one person may within two weeks: another person asks")
	}
	a.request = r
	return ledger.Entry{Kind: ledger.OrganisationAsked, State: a.Does, Account: by.ID, Organisation: r.As.ID, Digest: r.digest(), Note: a.Because}, nil
}

// Apply implements journal.Act.
func (a *AskOrganisation) Apply(rows OrganisationRows, e ledger.Entry) error {
	a.request.Number, a.request.Asked = e.Number, e.Time
	return rows.PutOrganisationRequest(a.request)
}

// set is an organisation as an act leaves it, with the accounts that it closes.
type set struct {
	by           roster.AccountID
	organisation roster.Organisation
	closed       changed
}

// shut closes an organisation and its accounts; those of people who oversee stay.
func (s *set) shut(now time.Time, rows Rows) error {
	staff, err := rows.OfOrganisation(s.organisation.ID)
	if err != nil {
		return err
	}
	s.organisation.Closed = ledger.Cut(now)
	s.closed = slices.DeleteFunc(staff, oversees)
	for i := range s.closed {
		s.closed[i].Account.Closed = s.organisation.Closed
	}
	return nil
}

// put writes the rows.
func (s *set) put(rows Rows, e ledger.Entry) error {
	s.organisation.Set = uint64(e.Number)
	if err := rows.UpsertRoster(List{Organisations: []roster.Organisation{s.organisation}}); err != nil {
		return err
	}
	return s.closed.put(rows)
}

// Details implements journal.Details.
func (s *set) Details() []ledger.Entry {
	entries := []ledger.Entry{{Kind: ledger.Assigned, Account: s.by, Reach: order.Organisation, Target: string(s.organisation.ID), Digest: DigestOrganisation(s.organisation)}}
	for _, r := range s.closed {
		entries = append(entries, ledger.Entry{Kind: ledger.Ended, Account: s.by, Organisation: s.organisation.ID, Subject: r.Account.ID, State: ledger.Closing})
	}
	return append(entries, s.closed.assigned(s.by)...)
}

// Changes implements journal.Changes.
func (*set) Changes() bool { return true }

// AllowOrganisation does what another person asked for: neither of the two made the other, or comes
// from the same account. The organisation MUST be as it was when that was asked.
type AllowOrganisation struct {
	Number ledger.Number
	By     roster.AccountID

	request OrganisationRequest
	set
}

// Decide implements journal.Act.
func (a *AllowOrganisation) Decide(tx *journal.Tx, rows OrganisationRows) (ledger.Entry, error) {
	r, err := rows.OrganisationRequest(a.Number)
	if err != nil {
		return ledger.Entry{}, err
	}
	first, second, err := r.asked().Allow(tx, rows, a.By)
	if err != nil {
		return ledger.Entry{}, err
	}
	is, err := r.fits(tx.Now(), rows)
	if err != nil {
		return ledger.Entry{}, err
	}
	a.set = set{by: first.ID}
	switch r.Does {
	case ledger.Adding:
		a.organisation = r.As
	case ledger.Altering:
		a.organisation = r.altered(is)
	default:
		a.organisation = is
		if err := a.shut(tx.Now(), rows); err != nil {
			return ledger.Entry{}, err
		}
	}
	if r.Does != ledger.Adding && DigestOrganisation(is) != r.Before {
		return ledger.Entry{}, OrganisationMoved
	}
	r.Second, r.Allowed = second.ID, ledger.Cut(tx.Now())
	a.request = r
	return ledger.Entry{
		Kind: ledger.OrganisationSet, State: r.Does, Account: first.ID, Approver: second.ID, Organisation: r.As.ID, Cause: r.Number, Count: uint64(len(a.closed)), Note: r.Because,
	}, nil
}

// Apply implements journal.Act.
func (a *AllowOrganisation) Apply(rows OrganisationRows, e ledger.Entry) error {
	if err := a.put(rows, e); err != nil {
		return err
	}
	return rows.PutOrganisationRequest(a.request)
}

// DropOrganisation takes a request back, by whoever asked, or refuses it, by whoever could allow it.
type DropOrganisation struct {
	Number ledger.Number
	By     roster.AccountID

	request OrganisationRequest
}

// Decide implements journal.Act.
func (d *DropOrganisation) Decide(tx *journal.Tx, rows OrganisationRows) (ledger.Entry, error) {
	r, err := rows.OrganisationRequest(d.Number)
	if err != nil {
		return ledger.Entry{}, err
	}
	by, state, err := r.asked().Drop(tx, rows, d.By)
	if err != nil {
		return ledger.Entry{}, err
	}
	r.Dropped = ledger.Cut(tx.Now())
	d.request = r
	return ledger.Entry{Kind: ledger.OrganisationAsked, State: state, Account: by.ID, Organisation: r.As.ID, Cause: r.Number}, nil
}

// Apply implements journal.Act.
func (d *DropOrganisation) Apply(rows OrganisationRows, _ ledger.Entry) error {
	return rows.PutOrganisationRequest(d.request)
}

// EndOrganisation closes one whose end has come, and its accounts; those of people who oversee stay.
type EndOrganisation struct {
	Of roster.OrganisationID

	set
}

// Decide implements journal.Act.
func (a *EndOrganisation) Decide(tx *journal.Tx, rows Rows) (ledger.Entry, error) {
	list, err := rows.Organisations([]roster.OrganisationID{a.Of})
	if err != nil {
		return ledger.Entry{}, err
	}
	if len(list) != 1 || !list[0].Closed.IsZero() || list[0].Until.IsZero() || tx.Now().Before(list[0].Until) {
		return ledger.Entry{}, journal.Unchanged
	}
	a.set = set{by: journal.Itself, organisation: list[0]}
	if err := a.shut(tx.Now(), rows); err != nil {
		return ledger.Entry{}, err
	}
	return ledger.Entry{Kind: ledger.OrganisationSet, State: ledger.Expired, Account: journal.Itself, Organisation: a.Of, Count: uint64(len(a.closed))}, nil
}

// Apply implements journal.Act.
func (a *EndOrganisation) Apply(rows Rows, e ledger.Entry) error { return a.put(rows, e) }

// Organisations asks for organisations and allows them.
type Organisations struct {
	Writer journal.Writer
	Rows   interface {
		// OrganisationRequests returns those asked since a time, oldest first.
		OrganisationRequests(ctx context.Context, since time.Time) ([]OrganisationRequest, error)
	}
	EndAll func(context.Context, roster.AccountID) error // ends an account's sessions
	Now    func() time.Time
}

// Waiting returns the requests that wait for another person, oldest first.
func (o Organisations) Waiting(ctx context.Context) (list []OrganisationRequest, err error) {
	all, err := o.Rows.OrganisationRequests(ctx, o.Now().Add(-OrganisationWaits))
	for _, one := range all {
		if one.Waits(o.Now()) {
			list = append(list, one)
		}
	}
	return list, err
}

// Ask asks for an organisation to be added, changed or closed.
func (o Organisations) Ask(ctx context.Context, a AskOrganisation) error {
	_, err := journal.Do(ctx, o.Writer, &a)
	return err
}

// Allow does what another person asked for. The sessions of the accounts that it closes end; they
// show nobody anything from the act on.
func (o Organisations) Allow(ctx context.Context, number ledger.Number, by roster.AccountID) error {
	act := &AllowOrganisation{Number: number, By: by}
	if _, err := journal.Do(ctx, o.Writer, act); err != nil {
		return err
	}
	return endAll(context.WithoutCancel(ctx), act.closed, o.EndAll)
}

// endAll ends the sessions of accounts.
func endAll(ctx context.Context, of changed, end func(context.Context, roster.AccountID) error) (err error) {
	for _, r := range of {
		err = errors.Join(err, end(ctx, r.Account.ID))
	}
	return err
}

// Drop takes a request back, or refuses it.
func (o Organisations) Drop(ctx context.Context, number ledger.Number, by roster.AccountID) error {
	_, err := journal.Do(ctx, o.Writer, &DropOrganisation{Number: number, By: by})
	return err
}
