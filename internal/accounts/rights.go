package accounts

import (
	"context"
	"time"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// RightRequest is a habilitation that an account asks for itself, and that two other people give.
type RightRequest struct {
	Number  ledger.Number // of the entry that asked
	Of      roster.AccountID
	Right   Right
	Because string
	Asked   time.Time

	First   roster.AccountID // who signed for it first; empty while nobody has
	Second  roster.AccountID
	Given   time.Time // zero while it waits
	Dropped time.Time // zero unless it was taken back or refused
}

// RightWaits is how long a request waits for two people.
const RightWaits = 14 * 24 * time.Hour

// mostRightsAsked is how many requests of one account wait at once, and mostRightsLately how many
// it makes within RightWaits, answered or not: more would hide the one that matters, in the room
// and in the managers' mail.
const (
	mostRightsAsked  = 5
	mostRightsLately = 10
)

// Waits reports whether it waits for somebody.
func (r RightRequest) Waits(at time.Time) bool { return r.asked().Waits(at) }

// asked is the request, as two people sign for it: managers of the account's organisation or the
// security desk, neither of them the account's own or made by it.
func (r RightRequest) asked() approval.Asked {
	return approval.Asked{
		By: r.First, Ends: r.Asked.Add(RightWaits), Answered: !r.Given.IsZero() || !r.Dropped.IsZero(),
		Demand: approval.Demand{For: "a habilitation", Of: r.Of, Confirmed: true},
	}
}

// RightRows are the requests, in this turn.
type RightRows interface {
	Rows
	approval.Rows
	// RightRequest returns one; fault.Absent when there is none.
	RightRequest(ledger.Number) (RightRequest, error)
	// RightRequests returns those asked since a time, oldest first.
	RightRequests(since time.Time) ([]RightRequest, error)
	// PutRightRequest adds one, or changes who signed, and when it was given or dropped.
	PutRightRequest(RightRequest) error
}

// rightsOf returns an account that reads files, gives rights now and is not stopped, with what it
// may use.
func rightsOf(tx *journal.Tx, rows RightRows, of roster.AccountID) (Rights, error) {
	list, err := rows.Rights([]roster.AccountID{of})
	if err != nil {
		return Rights{}, err
	}
	if len(list) == 0 || !list[0].Account.Gives(tx.Now()) {
		return Rights{}, noAccount
	}
	if a := list[0].Account; !a.Role.ReadsFiles() || a.Role == roster.Programme {
		return Rights{}, fault.Errorf(fault.Refused, "only somebody who reads files uses a service")
	}
	a := list[0].Account
	if o, stopped := tx.Orders().Stop(order.Use{Account: a.ID, Organisation: a.Organisation, Role: a.Role}, tx.Now()); stopped {
		return Rights{}, fault.Errorf(fault.Refused, "nothing is given to %q while order %s is in force", a.ID, o.ID)
	}
	return list[0], nil
}

// may refuses what is no right, or what the account has until its end.
func (r Right) may(bounds Bounds, of Rights, until time.Time) error {
	if !bounds.Rights[r] {
		return fault.Errorf(fault.Invalid, "no service %q is declared for that purpose", r.Service)
	}
	for _, h := range of.Habilitations {
		if h.Service == r.Service && h.Purpose == r.Purpose && !h.Until.Before(until) {
			return fault.Errorf(fault.Invalid, "this account has that habilitation until it ends")
		}
	}
	return nil
}

// ends is until when a habilitation is given: a year at most, and never longer than the account.
func ends(of roster.Account, now time.Time) time.Time {
	until := ledger.Cut(now.Add(LongestAccount))
	if !of.Until.IsZero() && of.Until.Before(until) {
		until = of.Until
	}
	return until
}

// AskRight asks for a habilitation. Nothing comes of it before two other people sign.
type AskRight struct {
	By      roster.AccountID // for whom it is
	Right   Right
	Because string
	Bounds  Bounds
}

// Decide implements journal.Act.
func (a AskRight) Decide(tx *journal.Tx, rows RightRows) (ledger.Entry, error) {
	if err := typed.Check("a request", a.Because); err != nil {
		return ledger.Entry{}, err
	}
	of, err := rightsOf(tx, rows, a.By)
	if err != nil {
		return ledger.Entry{}, err
	}
	if err := a.Right.may(a.Bounds, of, tx.Now().Add(time.Second)); err != nil {
		return ledger.Entry{}, err
	}
	all, err := rows.RightRequests(tx.Now().Add(-RightWaits))
	if err != nil {
		return ledger.Entry{}, err
	}
	waiting, lately := 0, 0
	for _, other := range all {
		if other.Of != a.By {
			continue
		}
		if lately++; !other.Waits(tx.Now()) {
			continue
		}
		if waiting++; other.Right == a.Right {
			return ledger.Entry{}, journal.Unchanged
		}
	}
	if waiting >= mostRightsAsked {
		return ledger.Entry{}, fault.Errorf(fault.Refused, "%d of your requests wait: have one answered or take one back first", waiting)
	}
	if lately >= mostRightsLately {
		return ledger.Entry{}, fault.Errorf(fault.Refused, "you have asked for as many habilitations as one person may within two weeks: talk to your manager")
	}
	return ledger.Entry{
		Kind: ledger.RightAsked, State: ledger.Asked, Account: a.By, Organisation: of.Account.Organisation, Subject: a.By, Service: a.Right.Service, Purpose: a.Right.Purpose, Note: a.Because,
	}, nil
}

// Apply implements journal.Act.
func (a AskRight) Apply(rows RightRows, e ledger.Entry) error {
	return rows.PutRightRequest(RightRequest{Number: e.Number, Of: a.By, Right: a.Right, Because: a.Because, Asked: e.Time})
}

// GiveRight signs for a habilitation that somebody asked for. The second who signs gives it: two
// people of two lineages, neither of them the account's own or made by it, managers of its
// organisation or the security desk, each there now.
type GiveRight struct {
	Number ledger.Number
	By     roster.AccountID
	Bounds Bounds

	request RightRequest
	given   changed
}

// Decide implements journal.Act.
func (g *GiveRight) Decide(tx *journal.Tx, rows RightRows) (ledger.Entry, error) {
	r, err := rows.RightRequest(g.Number)
	if err != nil {
		return ledger.Entry{}, err
	}
	by, err := r.asked().Sign(tx, rows, g.By)
	if err != nil {
		return ledger.Entry{}, err
	}
	of, err := rightsOf(tx, rows, r.Of)
	if err != nil {
		return ledger.Entry{}, err
	}
	until := ends(of.Account, tx.Now())
	if err := r.Right.may(g.Bounds, of, until); err != nil {
		return ledger.Entry{}, err
	}
	if err := g.few(tx.Now(), rows, by); err != nil {
		return ledger.Entry{}, err
	}
	entry := ledger.Entry{Account: by.ID, Organisation: of.Account.Organisation, Subject: r.Of, Service: r.Right.Service, Purpose: r.Right.Purpose, Cause: r.Number}
	if r.First == "" {
		r.First = by.ID
		g.request = r
		entry.Kind, entry.State = ledger.RightAsked, ledger.SignedFor
		return entry, nil
	}
	first, second, err := r.asked().Allow(tx, rows, by.ID)
	if err != nil {
		return ledger.Entry{}, err
	}
	r.Second, r.Given = second.ID, ledger.Cut(tx.Now())
	g.request, g.given = r, changed{of}
	entry.Kind, entry.Account, entry.Approver, entry.Until = ledger.RightGiven, first.ID, second.ID, until
	return entry, nil
}

// few refuses somebody who has signed for as many as one person may within 28 days.
func (g *GiveRight) few(now time.Time, rows RightRows, by roster.Account) error {
	all, err := rows.RightRequests(now.Add(-28*24*time.Hour - RightWaits))
	if err != nil {
		return err
	}
	signed, most := 0, mostApproved
	if by.Role == roster.Security {
		most = mostDeskApproves
	}
	for _, r := range all {
		if r.First == by.ID || r.Second == by.ID {
			signed++
		}
	}
	if signed >= most {
		return fault.Errorf(fault.Refused, "you have signed for as many habilitations as one person may within some weeks: another person looks at this one")
	}
	return nil
}

// Apply implements journal.Act.
func (g *GiveRight) Apply(rows RightRows, e ledger.Entry) error {
	if len(g.given) > 0 {
		r := g.request
		h := roster.Habilitation{Account: r.Of, Service: r.Right.Service, Purpose: r.Right.Purpose, From: e.Time, Until: e.Until}
		if err := rows.UpsertRoster(List{Habilitations: []roster.Habilitation{h}}); err != nil {
			return err
		}
		after, err := rows.Rights([]roster.AccountID{r.Of})
		if err != nil {
			return err
		}
		g.given = after
	}
	return rows.PutRightRequest(g.request)
}

// Details implements journal.Details.
func (g *GiveRight) Details() []ledger.Entry { return g.given.assigned(g.By) }

// Changes implements journal.Changes.
func (g *GiveRight) Changes() bool { return len(g.given) > 0 }

// DropRight takes a request back, by whoever asked, or refuses it, by whoever could give it.
type DropRight struct {
	Number ledger.Number
	By     roster.AccountID

	request RightRequest
}

// Decide implements journal.Act.
func (d *DropRight) Decide(tx *journal.Tx, rows RightRows) (ledger.Entry, error) {
	r, err := rows.RightRequest(d.Number)
	if err != nil {
		return ledger.Entry{}, err
	}
	of, err := rows.Account(r.Of)
	if err != nil {
		return ledger.Entry{}, err
	}
	by, state := of, ledger.Withdrawn
	if d.By != r.Of {
		by, _, err = r.asked().Drop(tx, rows, d.By)
		state = ledger.Refused // also by whoever signed first: it is somebody else's
	} else if !r.Waits(tx.Now()) {
		err = approval.NotWaiting
	}
	if err != nil {
		return ledger.Entry{}, err
	}
	r.Dropped = ledger.Cut(tx.Now())
	d.request = r
	return ledger.Entry{
		Kind: ledger.RightAsked, State: state, Account: by.ID, Organisation: of.Organisation, Subject: r.Of, Service: r.Right.Service, Purpose: r.Right.Purpose, Cause: r.Number,
	}, nil
}

// Apply implements journal.Act.
func (d *DropRight) Apply(rows RightRows, _ ledger.Entry) error {
	return rows.PutRightRequest(d.request)
}

// RightRequests asks for habilitations and gives them.
type RightRequests struct {
	Writer journal.Writer
	Rows   interface {
		// RightRequests returns those asked since a time, oldest first.
		RightRequests(ctx context.Context, since time.Time) ([]RightRequest, error)
	}
	Bounds Bounds
	Now    func() time.Time
}

// Waiting returns the requests that wait for somebody, oldest first.
func (r RightRequests) Waiting(ctx context.Context) (list []RightRequest, err error) {
	all, err := r.Rows.RightRequests(ctx, r.Now().Add(-RightWaits))
	for _, one := range all {
		if one.Waits(r.Now()) {
			list = append(list, one)
		}
	}
	return list, err
}

// Ask asks for a habilitation of one's own.
func (r RightRequests) Ask(ctx context.Context, by roster.AccountID, right Right, because string) error {
	_, err := journal.Do(ctx, r.Writer, AskRight{By: by, Right: right, Because: because, Bounds: r.Bounds})
	return err
}

// Give signs for one; the second who does gives it.
func (r RightRequests) Give(ctx context.Context, number ledger.Number, by roster.AccountID) error {
	_, err := journal.Do(ctx, r.Writer, &GiveRight{Number: number, By: by, Bounds: r.Bounds})
	return err
}

// Drop takes one back, or refuses it.
func (r RightRequests) Drop(ctx context.Context, number ledger.Number, by roster.AccountID) error {
	_, err := journal.Do(ctx, r.Writer, &DropRight{Number: number, By: by})
	return err
}
