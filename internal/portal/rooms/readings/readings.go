// Package readings is the room where two people agree that what the archive keeps of one person is
// read: what is asked for now, and who still has to say yes? One asks, another approves, and it is
// read once, where the archive's keys are.
package readings

import (
	"context"
	"embed"
	"net/http"

	"poterne/internal/archive"
	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/portal"
	"poterne/internal/roster"
)

//go:embed pages
var pageFiles embed.FS

// Deps is what the room relies on.
type Deps struct {
	Readings Readings
	Gate     Gate
	Roster   portal.Names
}

// Readings are the requests. An error is fault.Refused to those who may not, and fault.Invalid for
// an identifier that is none.
type Readings interface {
	// All returns those that wait or may be read, the newest first.
	All(context.Context) ([]archive.Request, error)
	// Ask asks for a reading of the person with an identifier.
	Ask(ctx context.Context, by roster.AccountID, identifier, because string) error
	// Approve approves a request that is of the person with an identifier.
	Approve(ctx context.Context, number ledger.Number, by roster.AccountID, identifier string) error
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

const path = "/readings"

// Routes implements portal.Room.
func (h *Handlers) Routes() []portal.Route {
	return []portal.Route{
		{Pattern: "GET " + path, Serve: h.signing(h.list)},
		{Pattern: "POST " + path, Serve: h.signing(h.ask)},
		{Pattern: "POST " + path + "/{number}/approve", Serve: h.signing(h.approve)},
		{Pattern: "POST " + path + "/{number}/drop", Serve: h.signing(h.drop)},
	}
}

// Links implements portal.Room.
func (h *Handlers) Links() []portal.Link {
	return []portal.Link{{Path: path, Name: "reading.link", For: portal.Viewer.Oversees}}
}

// signing lets in those who sign, unless they are suspended.
func (h *Handlers) signing(serve func(*portal.Visit) error) func(*portal.Visit) error {
	return h.shell.LetIn(portal.Viewer.Oversees, h.deps.Gate.Orders, "this room is for the security desk and the data-protection officer", serve)
}

// one is a request, as those who sign see it.
type one struct {
	archive.Request
	AskedBy, ApprovedBy string
	Own                 bool // the viewer asked for it: another approves
}

// page answers those who sign: what is asked for, and who still has to say yes?
type page struct {
	portal.Page
	Waiting, Ready []one
	MaySign        bool
	Again          string // where to come back to from a confirmation
	Person, Reason string // as they were typed
	Wrong          portal.Mends
}

func (h *Handlers) list(v *portal.Visit) error { return h.show(v, http.StatusOK, page{}) }

func (h *Handlers) show(v *portal.Visit, status int, shown page) error {
	shown.Page, shown.MaySign, shown.Again = v.Page(path, "reading.title"), v.MaySign(), path
	all, err := h.deps.Readings.All(v.Context())
	if err != nil {
		return err
	}
	labels, _, err := h.shell.LabelsOf(v, h.deps.Roster)
	if err != nil {
		return err
	}
	for _, r := range all {
		o := one{r, labels.Account(r.By), labels.Account(r.Approver), r.By == v.Viewer.ID}
		if r.Given.IsZero() {
			shown.Waiting = append(shown.Waiting, o)
		} else {
			shown.Ready = append(shown.Ready, o)
		}
	}
	h.pages.Show(v, status, "readings.html", shown)
	return nil
}

// ask asks another person for a reading. Nothing is read yet.
func (h *Handlers) ask(v *portal.Visit) error {
	typed := page{Person: portal.Tidy(v.PostFormValue("person")), Reason: portal.Tidy(v.PostFormValue("because"))}
	if !v.MaySign() {
		return h.show(v, http.StatusForbidden, typed)
	}
	if typed.Person == "" {
		typed.Wrong = append(typed.Wrong, portal.Wrong{Field: "person", Key: "reading.person-wrong"})
	}
	if typed.Wrong = append(typed.Wrong, portal.MendTyped("because", typed.Reason)...); len(typed.Wrong) > 0 {
		return h.show(v, http.StatusUnprocessableEntity, typed)
	}
	if confirmed, err := v.Confirm(path, "confirm.reading-ask", "because", typed.Reason); !confirmed {
		return err
	}
	err := h.deps.Readings.Ask(v.Context(), v.Viewer.ID, typed.Person, typed.Reason)
	if fault.Is(err, fault.Invalid) {
		typed.Wrong = append(typed.Wrong, portal.Wrong{Field: "person", Key: "reading.person-wrong"})
		return h.show(v, http.StatusUnprocessableEntity, typed)
	}
	return h.done(v, err)
}

// approve approves what another person asked for, once the viewer has said of whom and confirmed.
func (h *Handlers) approve(v *portal.Visit) error {
	number, err := v.Number(absent)
	switch {
	case err != nil:
		return err
	case !v.MaySign():
		return h.show(v, http.StatusForbidden, page{})
	}
	if confirmed, err := v.Confirm(path, "confirm.reading", "number", uint64(number)); !confirmed {
		return err
	}
	return h.done(v, h.deps.Readings.Approve(v.Context(), number, v.Viewer.ID, portal.Tidy(v.PostFormValue("person"))))
}

// drop takes back what the viewer asked for, or refuses what another did.
func (h *Handlers) drop(v *portal.Visit) error {
	number, err := v.Number(absent)
	if err != nil {
		return err
	}
	return h.done(v, h.deps.Readings.Drop(v.Context(), number, v.Viewer.ID))
}

var absent = &fault.Error{Kind: fault.Absent, Public: "there is no such request of the archive"}

func (h *Handlers) done(v *portal.Visit, err error) error {
	if err == nil {
		v.Back(path)
	}
	return err
}
