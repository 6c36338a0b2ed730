package custody

import (
	"context"
	"errors"
	"slices"
	"time"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/ledger/retention"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// Request is a hold, or the release of one, that one person of the security desk asked for in the
// portal; another approves it there. It is the entry that asked for it, and no row: entries say that
// it was answered.
type Request struct {
	Number       ledger.Number // of that entry
	Asked        time.Time
	By           roster.AccountID
	Because      string
	Since, Until ledger.Month  // of the hold that is asked for
	Hold         ledger.Number // that is to be released; zero when one is asked for
}

// RequestWaits is how long a request waits for a second person.
const RequestWaits = 7 * 24 * time.Hour

// requestOf is the request that an entry asks; false of any other entry.
func requestOf(e ledger.Entry) (Request, bool) {
	if !e.Asks() {
		return Request{}, false
	}
	return Request{Number: e.Number, Asked: e.Time, By: e.Account, Because: e.Note, Since: e.First, Until: e.Last, Hold: e.From}, true
}

// hold is the hold that is asked for, once a second person has approved it.
func (r Request) hold(approver roster.AccountID) retention.Hold {
	return retention.Hold{Since: r.Since, Until: r.Until, Because: r.Because, By: r.By, Approver: approver}
}

// Releases reports whether it asks for the release of a hold.
func (r Request) Releases() bool { return r.Hold != 0 }

// asked is the request as another person approves it, with what other nodes and this turn have
// written.
func (r Request) asked(tx *journal.Tx) approval.Asked {
	return approval.Asked{By: r.By, Ends: r.Asked.Add(RequestWaits), Answered: tx.Answered(r.Number), Demand: signs}
}

// check says what is wrong with a request, as things are now.
func (r Request) check(schedule retention.Schedule) error {
	switch {
	case r.Releases() && !schedule.InForce(r.Hold):
		return fault.Errorf(fault.Absent, "no hold %d is in force", r.Hold)
	case r.Releases():
		return typed.Check("a release", r.Because)
	}
	return r.hold("").Check()
}

// signs is who signs in the portal: each confirms when their own turn comes.
var signs = approval.Demand{For: "what is kept", Desk: true, Confirmed: true}

// over reports whether a request that nothing has answered waits for nobody any more.
func over(w journal.Waiting, schedule retention.Schedule, now time.Time) bool {
	return !now.Before(w.At.Add(RequestWaits)) || w.Of != 0 && !schedule.InForce(w.Of)
}

// AskRequest asks another person for a hold, or for the release of one. Nothing changes yet. As many of
// one person's wait at once as one asks for of other kinds within a day.
type AskRequest struct{ Request Request }

// Decide implements journal.Act.
func (a AskRequest) Decide(tx *journal.Tx, rows Rows) (ledger.Entry, error) {
	r := a.Request
	schedule, err := rows.Retention()
	if err != nil {
		return ledger.Entry{}, err
	}
	if err := r.check(schedule); err != nil {
		return ledger.Entry{}, err
	}
	by, err := approval.One(tx, rows, r.By, signs)
	if err != nil {
		return ledger.Entry{}, err
	}
	waiting := slices.DeleteFunc(tx.Waiting(), func(w journal.Waiting) bool { return w.By != by.ID || over(w, schedule, tx.Now()) })
	if len(waiting) >= approval.MostADay {
		return ledger.Entry{}, approval.Often
	}
	e := ledger.Entry{Kind: ledger.HoldAsked, Account: by.ID, Organisation: by.Organisation, State: ledger.Asked, First: r.Since, Last: r.Until, Note: r.Because}
	if r.Releases() {
		e.Kind, e.From, e.End, e.First, e.Last = ledger.ReleaseAsked, r.Hold, r.Hold+1, 0, 0
	}
	return e, nil
}

// Apply implements journal.Act.
func (AskRequest) Apply(Rows, ledger.Entry) error { return nil }

// ApproveRequest does what another person asked for.
type ApproveRequest struct {
	Request Request // as its entry has it
	By      roster.AccountID
}

// Decide implements journal.Act.
func (a ApproveRequest) Decide(tx *journal.Tx, rows Rows) (ledger.Entry, error) {
	r := a.Request
	first, second, err := r.asked(tx).Allow(tx, rows, a.By)
	if err != nil {
		return ledger.Entry{}, err
	}
	schedule, err := rows.Retention()
	if err != nil {
		return ledger.Entry{}, err
	}
	if err := r.check(schedule); err != nil {
		return ledger.Entry{}, err
	}
	e := ledger.Entry{Kind: ledger.Held, Account: first.ID, Organisation: first.Organisation, Approver: second.ID, First: r.Since, Last: r.Until, Cause: r.Number, Note: r.Because}
	if r.Releases() {
		e.Kind, e.From, e.End, e.First, e.Last = ledger.Released, r.Hold, r.Hold+1, 0, 0
	}
	return e, nil
}

// Apply implements journal.Act.
func (a ApproveRequest) Apply(rows Rows, e ledger.Entry) error {
	if a.Request.Releases() {
		return rows.ReleaseHold(a.Request.Hold, e.Number)
	}
	hold := a.Request.hold(a.By)
	hold.Number = e.Number
	return rows.InsertHold(hold)
}

// DropRequest takes back what the person asked for, or refuses what another did.
type DropRequest struct {
	Request Request
	By      roster.AccountID
}

// Decide implements journal.Act.
func (d DropRequest) Decide(tx *journal.Tx, rows Rows) (ledger.Entry, error) {
	by, state, err := d.Request.asked(tx).Drop(tx, rows, d.By)
	e := ledger.Entry{Kind: ledger.HoldAsked, State: state, Account: by.ID, Organisation: by.Organisation, Cause: d.Request.Number}
	if d.Request.Releases() {
		e.Kind = ledger.ReleaseAsked
	}
	return e, err
}

// Apply implements journal.Act.
func (DropRequest) Apply(Rows, ledger.Entry) error { return nil }

// Keeping is what is kept until when, and what is asked for, as people read it in the portal.
type Keeping struct {
	Writer journal.Writer
	Months Calendar
	Ledger interface {
		// First is the number of the first entry that is there.
		First(context.Context) (ledger.Number, error)
		// Entry returns one entry; fault.Absent when it was dropped at its term.
		Entry(context.Context, ledger.Number) (ledger.Entry, error)
	}
	Journal interface {
		// Look takes in what other nodes wrote.
		Look(context.Context) error
		// Read lets fn ask which requests wait, as far as this node has seen.
		Read(fn func(*journal.State))
	}
	Now func() time.Time
}

// Kept is where each month of the ledger stands, and what was set and held.
type Kept struct {
	Schedule retention.Schedule
	Months   []retention.Month
	At       map[ledger.Number]time.Time // when holds were placed and months dropped, as far as the ledger still says it
	Altered  error                       // what a row says and the ledger does not; nil when all are as the ledger says
}

// Kept says until when each month is kept.
func (k Keeping) Kept(ctx context.Context) (kept Kept, err error) {
	if kept.Schedule, kept.Months, err = Months(ctx, k.Months, k.Now()); err != nil {
		return kept, err
	}
	first, err := k.Ledger.First(ctx)
	if err != nil {
		return kept, err
	}
	kept.At = make(map[ledger.Number]time.Time)
	look := func(number ledger.Number) error {
		e, err := k.Ledger.Entry(ctx, number)
		if err == nil {
			kept.At[number] = e.Time
		} else if fault.Is(err, fault.Absent) {
			err = nil
		}
		return err
	}
	for _, h := range kept.Schedule.Holds {
		if !h.Released {
			err = errors.Join(err, look(h.Number))
		}
	}
	for _, m := range kept.Months {
		if m.Dropped {
			err = errors.Join(err, look(m.By))
		}
	}
	kept.Altered = kept.Schedule.Vouch(first, func(number ledger.Number) (ledger.Entry, error) { return k.Ledger.Entry(ctx, number) })
	return kept, err
}

// Waiting returns the requests that wait for a second person, the oldest first.
func (k Keeping) Waiting(ctx context.Context) (asked []Request, err error) {
	if err := k.Journal.Look(ctx); err != nil {
		return nil, err
	}
	schedule, err := k.Months.Retention(ctx)
	if err != nil {
		return nil, err
	}
	var waiting []journal.Waiting
	k.Journal.Read(func(s *journal.State) { waiting = s.Waiting() })
	for _, w := range waiting {
		if over(w, schedule, k.Now()) {
			continue
		}
		e, err := k.Ledger.Entry(ctx, w.Number)
		if err != nil {
			return nil, err
		}
		if r, is := requestOf(e); is && r.check(schedule) == nil {
			asked = append(asked, r)
		}
	}
	return asked, nil
}

// Ask asks for what a request says.
func (k Keeping) Ask(ctx context.Context, r Request) error {
	if !r.Releases() {
		if _, err := Gone(ctx, k.Months, r.Since, r.Until); err != nil {
			return err
		}
	}
	_, err := journal.Do(ctx, k.Writer, journal.Act[Rows](AskRequest{r}))
	return err
}

// Approve does what another person asked for.
func (k Keeping) Approve(ctx context.Context, number ledger.Number, by roster.AccountID) error {
	r, err := k.waiting(ctx, number)
	if err == nil {
		_, err = journal.Do(ctx, k.Writer, journal.Act[Rows](ApproveRequest{r, by}))
	}
	return err
}

// Drop takes a request back, or refuses it.
func (k Keeping) Drop(ctx context.Context, number ledger.Number, by roster.AccountID) error {
	r, err := k.waiting(ctx, number)
	if err == nil {
		_, err = journal.Do(ctx, k.Writer, journal.Act[Rows](DropRequest{r, by}))
	}
	return err
}

// waiting is a request that waits; fault.Absent of any other.
func (k Keeping) waiting(ctx context.Context, number ledger.Number) (Request, error) {
	all, err := k.Waiting(ctx)
	if err != nil {
		return Request{}, err
	}
	i := slices.IndexFunc(all, func(r Request) bool { return r.Number == number })
	if i < 0 {
		return Request{}, fault.Errorf(fault.Absent, "no request %d waits for a second person", number)
	}
	return all[i], nil
}

// Gone returns the last of the months to be held that was dropped already. When all of them were,
// there is nothing to hold, which is an error.
func Gone(ctx context.Context, db Calendar, since, until ledger.Month) (last string, err error) {
	periods, err := db.Periods(ctx)
	if err != nil {
		return "", err
	}
	for _, p := range periods {
		if !p.Dropped || p.Month < since {
			continue
		}
		if last = p.String(); until != 0 && p.Month >= until {
			return last, fault.Errorf(fault.Refused, "nothing is held: %s was dropped already, by entry %d, with all before it", last, p.By)
		}
	}
	return last, nil
}
