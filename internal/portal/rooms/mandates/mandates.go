// Package mandates is the room where the right to read another person's page is recorded: who
// represents whom now, until when, and who signed? Two people sign.
package mandates

import (
	"context"
	"embed"
	"errors"
	"net/http"
	"time"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/person"
	"poterne/internal/portal"
	"poterne/internal/register"
	"poterne/internal/roster"
)

//go:embed pages
var pageFiles embed.FS

// Deps is what the room relies on.
type Deps struct {
	Mandates Mandates
	Gate     Gate
	Roster   portal.Names
}

// Mandates records who may read another person's page.
type Mandates interface {
	// All returns every mandate of which who has it is kept, the last first.
	All(context.Context) ([]person.MandateView, error)
	// Ask asks for one; fault.Refused to those who may not.
	Ask(context.Context, roster.AccountID, person.Typed) error
	// Approve has a second person sign for one.
	Approve(ctx context.Context, number ledger.Number, by roster.AccountID) error
	// End ends one at once, or takes back what was asked for.
	End(ctx context.Context, number ledger.Number, by roster.AccountID) error
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

const path = "/mandates"

// Routes implements portal.Room.
func (h *Handlers) Routes() []portal.Route {
	return []portal.Route{
		{Pattern: "GET " + path, Serve: h.signing(h.list)},
		{Pattern: "POST " + path, Serve: h.signing(h.ask)},
		{Pattern: "POST " + path + "/{number}/approve", Serve: h.signing(h.approve)},
		{Pattern: "POST " + path + "/{number}/end", Serve: h.signing(h.end)},
	}
}

// Links implements portal.Room: the pages of withheld lines and of the directory lead here.
func (h *Handlers) Links() []portal.Link { return nil }

// signing lets in those who sign, unless they are suspended.
func (h *Handlers) signing(serve func(*portal.Visit) error) func(*portal.Visit) error {
	return h.shell.LetIn(portal.Viewer.Oversees, h.deps.Gate.Orders, "this room is for the security desk and the data-protection officer", serve)
}

// mandate is a mandate, as those who sign see it.
type mandate struct {
	person.MandateView
	AskedBy, ApprovedBy string
	Own                 bool      // the viewer asked for it: another approves
	Running             bool      // the representative is shown the lines now
	Born                string    // the represented, in words
	Last                time.Time // its last day
}

// page answers those who sign: who represents whom now, and until when?
type page struct {
	portal.Page
	Lasting, Waiting []mandate
	ToSign           int // of those that wait, by the viewer
	MaySign          bool
	Again            string // where to come back to from a confirmation
	Kinds            []ledger.State
	Typed            typed
	Wrong            portal.Mends
}

// party is one of the two that a mandate is between, as the form asks for it.
type party struct {
	Side string // begins the names of its fields
	register.Civil
}

// Parties are the represented and the representative.
func (p page) Parties() []party {
	return []party{{"of", p.Typed.Represented}, {"with", p.Typed.Representative}}
}

// typed is a mandate as it was typed.
type typed struct {
	Represented, Representative register.Civil
	Kind                        ledger.State
	Reference, Begins, Until    string
}

func (h *Handlers) list(v *portal.Visit) error { return h.show(v, http.StatusOK, page{}) }

func (h *Handlers) show(v *portal.Visit, status int, shown page) error {
	shown.Page, shown.MaySign, shown.Again, shown.Kinds = v.Page(path, "mandates.title"), v.MaySign(), path, person.MandateKinds
	if shown.Typed.Represented.Country == "" {
		shown.Typed.Represented.Country, shown.Typed.Representative.Country = "99100", "99100"
	}
	all, err := h.deps.Mandates.All(v.Context())
	if err != nil {
		return err
	}
	labels, _, err := h.shell.LabelsOf(v, h.deps.Roster)
	if err != nil {
		return err
	}
	now := h.shell.Now()
	for _, m := range all {
		one := mandate{m, labels.Account(m.By), labels.Account(m.Approver), m.By == v.Viewer.ID, m.InForce(now), "", m.Until.Add(-time.Second)}
		if born, err := time.Parse(time.DateOnly, m.Parties.Represented.Birth); err == nil {
			one.Born = v.Speaker.Birthday(born)
		}
		switch {
		case m.Waits(now):
			if shown.Waiting = append(shown.Waiting, one); !one.Own {
				shown.ToSign++
			}
		case m.Lasts(now):
			shown.Lasting = append(shown.Lasting, one)
		}
	}
	h.pages.Show(v, status, "mandates.html", shown)
	return nil
}

// civil is a civil status as the form has it.
func civil(v *portal.Visit, of string) register.Civil {
	text := func(field string) string { return portal.Tidy(v.PostFormValue(of + "-" + field)) }
	return register.Civil{
		Family: text("family"), Given: text("given"), Birth: text("birth"), Gender: text("gender"), Birthplace: text("birthplace"), Country: text("country"),
	}
}

// mends are the field and the words of each thing that was typed wrong.
var mends = map[error]portal.Wrong{
	person.MandateUntil: {Field: "until", Key: "mandates.until-wrong"},
	person.MandateMinor: {Field: "until", Key: "mandates.minor-wrong"},
	person.MandateSame:  {Field: "with-family", Key: "mandates.same-wrong"},
	person.MandateWho:   {Field: "of-family", Key: "mandates.who-wrong"},
	person.MandateWith:  {Field: "with-birthplace", Key: "mandates.with-wrong"},
	person.MandateNone:  {Field: "of-family", Key: "mandates.none-wrong"},
}

func (h *Handlers) ask(v *portal.Visit) error {
	shown := page{Typed: typed{
		Represented: civil(v, "of"), Representative: civil(v, "with"), Kind: ledger.State(v.PostFormValue("kind")), Reference: portal.Tidy(v.PostFormValue("because")),
		Begins: v.PostFormValue("begins"), Until: v.PostFormValue("until"),
	}}
	if !v.MaySign() {
		return h.show(v, http.StatusForbidden, shown)
	}
	begins, err := time.ParseInLocation(time.DateOnly, shown.Typed.Begins, v.Speaker.Zone())
	if err != nil {
		shown.Wrong = append(shown.Wrong, portal.Wrong{Field: "begins", Key: "mandates.begins-wrong"})
	}
	last, err := time.ParseInLocation(time.DateOnly, shown.Typed.Until, v.Speaker.Zone())
	if err != nil {
		shown.Wrong = append(shown.Wrong, portal.Wrong{Field: "until", Key: "mandates.until-wrong"})
	}
	for _, wrong := range portal.MendTyped("because", shown.Typed.Reference) {
		if wrong.Key == "order.because-missing" {
			wrong.Key = "mandates.reference-wrong"
		}
		shown.Wrong = append(shown.Wrong, wrong)
	}
	if len(shown.Wrong) > 0 {
		return h.show(v, http.StatusUnprocessableEntity, shown)
	}
	if confirmed, err := v.Confirm(path, "confirm.mandate"); !confirmed {
		return err
	}
	err = h.deps.Mandates.Ask(v.Context(), v.Viewer.ID, person.Typed{
		Represented: shown.Typed.Represented, Representative: shown.Typed.Representative, Kind: shown.Typed.Kind, Reference: shown.Typed.Reference,
		Begins: begins, Until: last.AddDate(0, 0, 1),
	})
	for reason, mend := range mends {
		if errors.Is(err, reason) {
			shown.Wrong = append(shown.Wrong, mend)
			return h.show(v, http.StatusUnprocessableEntity, shown)
		}
	}
	return h.done(v, err)
}

func (h *Handlers) approve(v *portal.Visit) error {
	return h.sign(v, "confirm.mandate-approve", h.deps.Mandates.Approve)
}

func (h *Handlers) end(v *portal.Visit) error {
	return h.sign(v, "confirm.mandate-end", h.deps.Mandates.End)
}

// sign does what the viewer signs for, once they have confirmed it.
func (h *Handlers) sign(v *portal.Visit, sentence string, act func(context.Context, ledger.Number, roster.AccountID) error) error {
	number, err := v.Number(&fault.Error{Kind: fault.Absent, Public: "there is no such mandate"})
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
