// Package withheld is the room where lines are left out of what people are told, for an
// enquiry: what is withheld now, until when, and who signed? Two people sign.
package withheld

import (
	"context"
	"embed"
	"net/http"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/person"
	"poterne/internal/portal"
	"poterne/internal/roster"
)

//go:embed pages
var pageFiles embed.FS

// Deps is what the room relies on.
type Deps struct {
	Withholdings Withholdings
	Gate         Gate
	Roster       portal.Names
}

// Withholdings are what is withheld.
type Withholdings interface {
	// All returns every withholding, in the order of their numbers.
	All(context.Context) ([]person.Withholding, error)
	// Ask asks for one; fault.Refused to those who may not.
	Ask(context.Context, person.AskWithholding) error
	// Approve puts one in force.
	Approve(ctx context.Context, number ledger.Number, by roster.AccountID) error
	// Stop ends one, or takes back what was asked for.
	Stop(ctx context.Context, number ledger.Number, by roster.AccountID) error
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

const path = "/withheld"

// Routes implements portal.Room.
func (h *Handlers) Routes() []portal.Route {
	return []portal.Route{
		{Pattern: "GET " + path, Serve: h.signing(h.list)},
		{Pattern: "POST " + path, Serve: h.signing(h.ask)},
		{Pattern: "POST " + path + "/{number}/approve", Serve: h.signing(h.approve)},
		{Pattern: "POST " + path + "/{number}/stop", Serve: h.signing(h.stop)},
	}
}

// Links implements portal.Room.
func (h *Handlers) Links() []portal.Link {
	return []portal.Link{{Path: path, Name: "withheld.link", For: portal.Viewer.Oversees}}
}

// signing lets in those who sign, unless they are suspended.
func (h *Handlers) signing(serve func(*portal.Visit) error) func(*portal.Visit) error {
	return h.shell.LetIn(portal.Viewer.Oversees, h.deps.Gate.Orders, "this room is for the security desk and the data-protection officer", serve)
}

// withheld is a withholding, as those who sign see it.
type withheld struct {
	person.Withholding
	Who, AskedBy, ApprovedBy, StoppedBy string
	Own                                 bool // the viewer asked for it: another approves
}

// page answers those who sign: what is withheld now, and until when?
type page struct {
	portal.Page
	Force, Waiting, Past          []withheld
	MaySign                       bool
	Again                         string // where to come back to from a confirmation
	Account, Since, Until, Reason string // as they were typed
	Wrong                         portal.Mends
}

// mostPast is how many that are over the page shows.
const mostPast = 20

func (h *Handlers) list(v *portal.Visit) error { return h.show(v, http.StatusOK, page{}) }

func (h *Handlers) show(v *portal.Visit, status int, shown page) error {
	shown.Page, shown.MaySign, shown.Again = v.Page(path, "withheld.title"), v.MaySign(), path
	all, err := h.deps.Withholdings.All(v.Context())
	if err != nil {
		return err
	}
	labels, _, err := h.shell.LabelsOf(v, h.deps.Roster)
	if err != nil {
		return err
	}
	now := h.shell.Now()
	for i := range all {
		w := all[len(all)-1-i]
		one := withheld{w, labels.Account(w.Account), labels.Account(w.By), labels.Account(w.Approver), labels.Account(w.StoppedBy), w.By == v.Viewer.ID}
		switch {
		case w.InForce(now):
			shown.Force = append(shown.Force, one)
		case w.Waits(now):
			shown.Waiting = append(shown.Waiting, one)
		case len(shown.Past) < mostPast:
			shown.Past = append(shown.Past, one)
		}
	}
	h.pages.Show(v, status, "withheld.html", shown)
	return nil
}

func (h *Handlers) ask(v *portal.Visit) error {
	shown := page{Account: portal.Tidy(v.PostFormValue("account")), Since: v.PostFormValue("since"), Until: v.PostFormValue("until"), Reason: portal.Tidy(v.PostFormValue("because"))}
	if !v.MaySign() {
		return h.show(v, http.StatusForbidden, shown)
	}
	now := h.shell.Now()
	since, err := v.Speaker.Typed(shown.Since)
	if err != nil || since.IsZero() || since.After(now) {
		shown.Wrong = append(shown.Wrong, portal.Wrong{Field: "since", Key: "withheld.since-wrong"})
	}
	until, err := v.Speaker.Typed(shown.Until)
	if err != nil || !until.After(now) || until.After(now.AddDate(0, person.WithheldMonths, 0)) {
		shown.Wrong = append(shown.Wrong, portal.Wrong{Field: "until", Key: "withheld.until-wrong"})
	}
	if roster.CheckID(shown.Account) != nil || shown.Account == "" {
		shown.Wrong = append(shown.Wrong, portal.Wrong{Field: "account", Key: "withheld.account-wrong"})
	}
	if shown.Wrong = append(shown.Wrong, portal.MendTyped("because", shown.Reason)...); len(shown.Wrong) > 0 {
		return h.show(v, http.StatusUnprocessableEntity, shown)
	}
	if confirmed, err := v.Confirm(path, "confirm.withhold", "who", shown.Account); !confirmed {
		return err
	}
	act := person.AskWithholding{By: v.Viewer.ID, Account: roster.AccountID(shown.Account), Since: since, Until: until, Because: shown.Reason}
	return h.done(v, h.deps.Withholdings.Ask(v.Context(), act))
}

func (h *Handlers) approve(v *portal.Visit) error {
	return h.sign(v, "confirm.withhold-approve", h.deps.Withholdings.Approve)
}

func (h *Handlers) stop(v *portal.Visit) error {
	return h.sign(v, "confirm.withhold-stop", h.deps.Withholdings.Stop)
}

// sign does what the viewer signs for, once they have confirmed it.
func (h *Handlers) sign(v *portal.Visit, sentence string, act func(context.Context, ledger.Number, roster.AccountID) error) error {
	number, err := v.Number(&fault.Error{Kind: fault.Absent, Public: "there is no such withholding"})
	if err != nil {
		return err
	}
	if !v.MaySign() {
		return h.show(v, http.StatusForbidden, page{})
	}
	if confirmed, err := v.Confirm(path, sentence, "number", uint64(number)); !confirmed {
		return err
	}
	return h.done(v, act(v.Context(), number, v.Viewer.ID))
}

func (h *Handlers) done(v *portal.Visit, err error) error {
	if err == nil {
		v.Back(path)
	}
	return err
}
