// Package terms is the room of those who oversee: until when is each month of the ledger kept, which
// are held and why, and what was dropped? One of the security desk asks for a hold, or for the
// release of one, and another approves it.
package terms

import (
	"context"
	"embed"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"poterne/internal/custody"
	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/ledger/retention"
	"poterne/internal/order"
	"poterne/internal/portal"
	"poterne/internal/roster"
)

//go:embed pages
var pageFiles embed.FS

// Deps is what the room relies on.
type Deps struct {
	Keeping Keeping
	Gate    Gate
	Roster  portal.Names
	// Prove makes the proof that an entry is in the ledger, with the entry.
	Prove func(context.Context, ledger.Number) ([]byte, error)
}

// Keeping is what is kept until when, and what is asked for.
type Keeping interface {
	// Kept says until when each month is kept.
	Kept(context.Context) (custody.Kept, error)
	// Waiting returns the requests that wait for a second person, the oldest first.
	Waiting(context.Context) ([]custody.Request, error)
	// Ask asks for what a request says: fault.Refused to those who may not.
	Ask(context.Context, custody.Request) error
	// Approve does what another person asked for.
	Approve(ctx context.Context, number ledger.Number, by roster.AccountID) error
	// Drop takes a request back, or refuses it.
	Drop(ctx context.Context, number ledger.Number, by roster.AccountID) error
}

// Gate is what is in force.
type Gate interface {
	// Orders returns the orders placed and not lifted.
	Orders() order.Set
}

// Handlers serve the room.
type Handlers struct {
	deps  Deps
	shell *portal.Shell
	pages portal.Writer
}

// New returns the room.
func New(shell *portal.Shell, deps Deps) *Handlers {
	return &Handlers{deps: deps, shell: shell, pages: shell.Writer(pageFiles)}
}

const path = "/terms"

// Routes implements portal.Room.
func (h *Handlers) Routes() []portal.Route {
	return []portal.Route{
		{Pattern: "GET " + path, Serve: h.overseeing(h.list)},
		{Pattern: "GET " + path + "/{month}/proof", Serve: h.overseeing(h.proof)},
		{Pattern: "POST " + path, Serve: h.overseeing(h.ask)},
		{Pattern: "POST " + path + "/{number}/approve", Serve: h.overseeing(h.approve)},
		{Pattern: "POST " + path + "/{number}/drop", Serve: h.overseeing(h.drop)},
	}
}

// Links implements portal.Room: the pages of incidents, of the month and of the directory lead here.
func (h *Handlers) Links() []portal.Link { return nil }

// overseeing lets in those who oversee, unless they are suspended. Of what is kept, the security
// desk alone asks and approves.
func (h *Handlers) overseeing(serve func(*portal.Visit) error) func(*portal.Visit) error {
	return h.shell.LetIn(portal.Viewer.Oversees, h.deps.Gate.Orders, "this room is for the security desk and the data-protection officer", serve)
}

// page answers those who oversee: until when is each month kept, and what keeps it longer?
type page struct {
	portal.Page
	Months  []month
	Holds   []hold
	Waiting []request
	Held    int // months that are kept beyond their term by a hold, or would be
	Term    int // months that entries are kept, as set now
	Why     string
	Altered bool
	AtDesk  bool // the viewer may ask and approve
	MaySign bool // and has confirmed lately
	Again   string
	Form    form
	Wrong   portal.Mends
}

// month is a month of the ledger.
type month struct {
	retention.Month
	Entries int
	At      time.Time // when it was dropped; zero when that is not known, or it was not
}

// hold is what keeps months beyond their term.
type hold struct {
	retention.Hold
	Months              string
	At                  time.Time // zero when the ledger no longer says it
	AskedBy, ApprovedBy string
	Asked               bool // its release is
}

// request waits for a second person.
type request struct {
	custody.Request
	AskedBy string
	Months  string
	Own     bool // the viewer asked for it: another approves
}

// form is what was typed.
type form struct{ Since, Until, Because string }

func (h *Handlers) list(v *portal.Visit) error { return h.show(v, http.StatusOK, page{}) }

func (h *Handlers) show(v *portal.Visit, status int, shown page) error {
	shown.Page, shown.AtDesk, shown.MaySign, shown.Again = v.Page(path, "terms.title"), v.Viewer.AtDesk(), v.MaySign(), path
	kept, err := h.deps.Keeping.Kept(v.Context())
	if err != nil {
		return err
	}
	waiting, err := h.deps.Keeping.Waiting(v.Context())
	if err != nil {
		return err
	}
	labels, _, err := h.shell.LabelsOf(v, h.deps.Roster)
	if err != nil {
		return err
	}
	shown.Term, shown.Why = kept.Schedule.Now().Months, kept.Schedule.Now().Reason
	if kept.Altered != nil {
		shown.Altered = true
		h.shell.Log().ErrorContext(v.Context(), "the terms and holds are not as the ledger says", "err", kept.Altered)
	}
	for _, m := range slices.Backward(kept.Months) {
		one := month{Month: m, Entries: int(m.Period.Entries())}
		if m.Dropped {
			one.At = kept.At[m.By]
		}
		if len(m.Holds) > 0 && !m.Dropped {
			shown.Held++
		}
		shown.Months = append(shown.Months, one)
	}
	for _, r := range waiting {
		shown.Waiting = append(shown.Waiting, request{r, labels.Account(r.By), h.months(v, r.Since, r.Until), r.By == v.Viewer.ID})
	}
	for _, one := range slices.Backward(kept.Schedule.Holds) {
		if !one.Released {
			asked := slices.ContainsFunc(waiting, func(r custody.Request) bool { return r.Hold == one.Number })
			shown.Holds = append(shown.Holds, hold{one, h.months(v, one.Since, one.Until), kept.At[one.Number], labels.Account(one.By), labels.Account(one.Approver), asked})
		}
	}
	h.pages.Show(v, status, "terms.html", shown)
	return nil
}

// months says a range of months.
func (h *Handlers) months(v *portal.Visit, since, until ledger.Month) string {
	switch {
	case since == 0:
		return ""
	case until == 0:
		return v.Speaker.Say("terms.from", "month", v.Speaker.MonthOf(since.Begins()))
	case since == until:
		return v.Speaker.MonthOf(since.Begins())
	default:
		return v.Speaker.Say("terms.between", "since", v.Speaker.MonthOf(since.Begins()), "until", v.Speaker.MonthOf(until.Begins()))
	}
}

// ask asks another person for a hold, or for the release of one. Nothing changes yet.
func (h *Handlers) ask(v *portal.Visit) error {
	shown := page{Form: form{v.PostFormValue("since"), v.PostFormValue("until"), portal.Tidy(v.PostFormValue("because"))}}
	if !v.Viewer.AtDesk() {
		return errNotDesk
	}
	if !v.MaySign() {
		return h.show(v, http.StatusForbidden, shown)
	}
	r := custody.Request{By: v.Viewer.ID, Because: shown.Form.Because}
	key, values := "confirm.release", []any{}
	if released := v.PostFormValue("hold"); released != "" {
		number, err := strconv.ParseUint(released, 10, 63)
		if err != nil || number == 0 {
			return errNone
		}
		r.Hold = ledger.Number(number)
		shown.Form, values = form{}, []any{"hold", number}
		if wrong := portal.MendTyped("because", r.Because); len(wrong) > 0 {
			shown.Wrong = portal.Mends{{Field: fmt.Sprintf("because-%d", number), Key: wrong[0].Key}}
		}
	} else {
		var err error
		if r.Since, err = ledger.ParseMonth(shown.Form.Since); err != nil {
			shown.Wrong = append(shown.Wrong, portal.Wrong{Field: "since", Key: "terms.no-month"})
		}
		if shown.Form.Until != "" {
			if r.Until, err = ledger.ParseMonth(shown.Form.Until); err != nil || r.Until < r.Since {
				shown.Wrong = append(shown.Wrong, portal.Wrong{Field: "until", Key: "terms.no-month"})
			}
		}
		shown.Wrong = append(shown.Wrong, portal.MendTyped("because", r.Because)...)
		if len(shown.Wrong) == 0 {
			key, values = "confirm.hold", []any{"months", h.months(v, r.Since, r.Until)}
		}
	}
	if len(shown.Wrong) > 0 {
		return h.show(v, http.StatusUnprocessableEntity, shown)
	}
	if confirmed, err := v.Confirm(path, key, append(values, "because", r.Because)...); !confirmed {
		return err
	}
	return h.done(v, h.deps.Keeping.Ask(v.Context(), r))
}

var (
	errNotDesk = fault.Errorf(fault.Refused, "what is kept is asked for and approved by the security desk")
	errNone    = &fault.Error{Kind: fault.Absent, Public: "there is no such request of what is kept"}
)

// approve does what another person asked for, once the viewer has confirmed.
func (h *Handlers) approve(v *portal.Visit) error {
	number, err := v.Number(errNone)
	switch {
	case err != nil:
		return err
	case !v.Viewer.AtDesk():
		return errNotDesk
	case !v.MaySign():
		return h.show(v, http.StatusForbidden, page{})
	}
	if confirmed, err := v.Confirm(path, "confirm.keeping", "number", uint64(number)); !confirmed {
		return err
	}
	return h.done(v, h.deps.Keeping.Approve(v.Context(), number, v.Viewer.ID))
}

// drop takes back what the viewer asked for, or refuses what another did.
func (h *Handlers) drop(v *portal.Visit) error {
	number, err := v.Number(errNone)
	switch {
	case err != nil:
		return err
	case !v.Viewer.AtDesk():
		return errNotDesk
	}
	return h.done(v, h.deps.Keeping.Drop(v.Context(), number, v.Viewer.ID))
}

// proof hands over the proof that the ledger says a month was dropped. That it was read is written.
func (h *Handlers) proof(v *portal.Visit) error {
	asked, err := ledger.ParseMonth(v.PathValue("month"))
	if err != nil {
		return errNone
	}
	kept, err := h.deps.Keeping.Kept(v.Context())
	if err != nil {
		return err
	}
	i := slices.IndexFunc(kept.Months, func(m retention.Month) bool { return m.Period.Month == asked && m.Dropped })
	if i < 0 {
		return errNone
	}
	by := kept.Months[i].By
	if err := v.Record(ledger.Entry{State: ledger.Proof, From: by, End: by + 1}); err != nil {
		return err
	}
	proof, err := h.deps.Prove(v.Context(), by)
	if err != nil {
		return err
	}
	v.Protect()
	v.Writer.Header().Set("Cache-Control", "no-store")
	v.Writer.Header().Set("Content-Type", "text/plain; charset=utf-8")
	v.Writer.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", asked.String()+".tlog-proof"))
	_, err = v.Writer.Write(proof)
	return err
}

func (h *Handlers) done(v *portal.Visit, err error) error {
	if err == nil {
		v.Back(path)
	}
	return err
}
