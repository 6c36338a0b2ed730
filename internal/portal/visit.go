package portal

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/roster"
	"poterne/internal/signin"
)

// Visit is a request of an account that is signed in.
type Visit struct {
	*http.Request
	Writer  http.ResponseWriter
	Viewer  Viewer
	Speaker Speaker // of the viewer's language
	session signin.Session
	shell   *Shell
}

// Viewer is who reads a page; the zero viewer is not signed in.
type Viewer struct {
	ID           roster.AccountID
	Name         string
	Organisation roster.Organisation
	Role         roster.Role
	Opened       time.Time
}

// Account is the viewer as the roster has them.
func (v Viewer) Account() roster.Account {
	return roster.Account{ID: v.ID, Organisation: v.Organisation.ID, Role: v.Role, Name: v.Name, Opened: v.Opened}
}

// Asker is the viewer as the gate knows them.
func (v Viewer) Asker() gate.Asker { return gate.AskerOf(v.Account()) }

// AtDesk reports whether the viewer watches and contains.
func (v Viewer) AtDesk() bool { return v.Role == roster.Security }

// Oversees reports whether the viewer is of the security desk, or the data-protection officer.
func (v Viewer) Oversees() bool { return v.AtDesk() || v.Role == roster.Privacy }

// Suspended reports whether an order in force suspends the viewer. One that closes
// everything does not: whoever contains an incident is needed in the middle of it.
func (v Viewer) Suspended(in order.Set, now time.Time) bool {
	var suspensions order.Set
	for _, o := range in {
		if o.Effect == order.Suspended {
			suspensions = append(suspensions, o)
		}
	}
	_, suspended := suspensions.Against(order.Use{Account: v.ID, Organisation: v.Organisation.ID, Role: v.Role}, now)
	return suspended
}

// Vouches reports whether the viewer may sign for what others do.
func (v Viewer) Vouches() bool { return v.Role == roster.Manager || v.AtDesk() }

// serve serves an address of a room to those who are signed in, or to all where it is open;
// it is the only place where an error of a room becomes a status, and is logged.
func (s *Shell) serve(route Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, cmp.Or(route.Largest, 64<<10))
		v, err := s.visit(w, r, route.Open)
		if fault.Is(err, fault.Anonymous) {
			s.pages.Stops().SignIn(w, r, err)
			return
		}
		if err == nil {
			err = route.Serve(v)
		}
		if err == nil {
			return
		}
		kind := fault.KindOf(err)
		if kind == fault.Broken || kind == fault.Unavailable {
			s.pages.settings.Log.ErrorContext(r.Context(), "request failed", slog.String("route", r.Pattern), slog.Any("err", err))
		}
		switch kind {
		case fault.Absent:
			s.pages.notFound(w, r)
		case fault.Broken:
			s.pages.Stops().Broke(w, r)
		default:
			s.pages.Stops().Failed(w, r, kind, policy.Granted)
		}
	})
}

// visit recognises who asks, as the roster has them now.
func (s *Shell) visit(w http.ResponseWriter, r *http.Request, open bool) (*Visit, error) {
	if open {
		return &Visit{Request: r, Writer: w, Speaker: s.pages.speakers[languageOf(r)], shell: s}, nil
	}
	session, err := s.Door.Who(w, r)
	if err != nil {
		return nil, err
	}
	v := &Visit{Request: r, Writer: w, Speaker: s.pages.speakers[languageOf(r)], session: session, shell: s}
	if v.Viewer, err = s.viewer(r.Context(), session.Account); fault.Is(err, fault.Absent) { // gone since they signed in
		return nil, &fault.Error{Kind: fault.Refused, Err: err}
	}
	return v, err
}

func (s *Shell) viewer(ctx context.Context, id roster.AccountID) (Viewer, error) {
	account, organisation, err := s.Roster.Account(ctx, id)
	if err == nil && !account.Gives(s.pages.settings.Now()) { // closed since they signed in
		err = &fault.Error{Kind: fault.Absent}
	}
	return Viewer{account.ID, account.Name, organisation, account.Role, account.Opened}, err
}

// Again returns the viewer as the roster has them by now, of a visit that lasts. It
// is an error that the session is over.
func (v *Visit) Again(ctx context.Context) (Viewer, error) {
	if err := v.Still(ctx); err != nil {
		return Viewer{}, err
	}
	return v.shell.viewer(ctx, v.Viewer.ID)
}

// Still returns an error once the session is over.
func (v *Visit) Still(ctx context.Context) error { return v.shell.Door.Still(ctx, v.session) }

// Session names the session of the visit.
func (v *Visit) Session() roster.SessionID { return v.session.ID }

// steppedUp reports whether the viewer has signed in anew lately enough to sign.
func (v *Visit) steppedUp() bool {
	return v.session.SteppedUpWithin(meter.Fresh, v.shell.pages.settings.Now())
}

// MaySign reports whether the viewer is shown what to sign: they have signed in anew, or a
// passkey is asked for with each act. What takes a signature MUST call Confirm too.
func (v *Visit) MaySign() bool { return v.MaySignSince(time.Time{}) }

// Confirm reports whether the viewer has confirmed the act that the request is: by a passkey,
// asked for this very act, or by having signed in anew. If not, it has asked for a passkey,
// with a sentence that says what the act allows; back is where to go without it.
func (v *Visit) Confirm(back, sentence string, pairs ...any) (bool, error) {
	if v.steppedUp() {
		return true, nil
	}
	return v.touch(back, sentence, pairs...)
}

// touch reports whether the request brings a passkey's answer for the very act that it is; if
// not, it has asked for one.
func (v *Visit) touch(back, sentence string, pairs ...any) (bool, error) {
	asked, err := v.shell.Door.Confirm(v.Request, v.session)
	if err != nil || asked == nil {
		return err == nil, err
	}
	asked.Return = back
	pages := v.shell.pages
	pages.show(v.Writer, v.Request, http.StatusForbidden, "passkey.html", passkeyPage{v.Page(back, "passkey.title-act"), *asked, v.Speaker.Say(sentence, pairs...)})
	return false, nil
}

// MaySignSince is MaySign of an act that takes a confirmation of its own: a fresh sign-in
// counts if it came after a moment, at which the last was spent.
func (v *Visit) MaySignSince(spent time.Time) bool {
	if v.steppedUp() && v.session.SteppedUp.After(spent) {
		return true
	}
	holds, err := v.shell.Door.Holds(v.Context(), v.Viewer.ID)
	if err != nil {
		v.shell.Log().ErrorContext(v.Context(), "the passkeys of an account could not be read", slog.Any("err", err))
	}
	return holds
}

// ConfirmSince is Confirm of such an act.
func (v *Visit) ConfirmSince(spent time.Time, back, sentence string, pairs ...any) (bool, error) {
	if v.steppedUp() && v.session.SteppedUp.After(spent) {
		return true, nil
	}
	return v.touch(back, sentence, pairs...)
}

// Page begins a page, found below a link of the portal; its title is said by key.
func (v *Visit) Page(below, title string, pairs ...any) Page {
	begun := v.shell.pages.page(v.Request, v.Viewer, title, pairs...)
	begun.Below = below
	for _, link := range v.shell.links {
		if v.Viewer.ID != "" && link.For(v.Viewer) {
			begun.Links = append(begun.Links, link)
		}
	}
	return begun
}

// Number is that of the entry which the address names; absent, where it names none.
func (v *Visit) Number(absent error) (ledger.Number, error) {
	number, err := strconv.ParseUint(v.PathValue("number"), 10, 63)
	if err != nil {
		return 0, absent
	}
	return ledger.Number(number), nil
}

// Back sends the browser on by GET to a path of this origin.
func (v *Visit) Back(to string) { back(v.Writer, to) }

// Record writes down that the viewer reads what the ledger says of others. What
// cannot be written is not shown.
func (v *Visit) Record(what ledger.Entry) error {
	what.Kind, what.Account, what.Organisation = ledger.Read, v.Viewer.ID, v.Viewer.Organisation.ID
	what.Session, what.Route = v.session.ID, v.Pattern
	return v.shell.Journal.Record(v.Context(), what)
}

// Just reports whether the viewer has just written an entry. An address only says
// what was done; the ledger must have it, so that no link can claim what was not.
func (v *Visit) Just(done func(ledger.Entry) bool) (bool, error) {
	const justNow, fewEntries = time.Minute, 5
	entries, err := v.shell.Journal.RecentBy(v.Context(), v.Viewer.ID, fewEntries)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if v.shell.pages.settings.Now().Sub(e.Time) < justNow && done(e) {
			return true, nil
		}
	}
	return false, nil
}

// Protect sets the headers that every answer has: a browser loads nothing that is not
// served here.
func (v *Visit) Protect() { v.shell.pages.protect(v.Writer) }
