// Package rights is the room where people ask for a habilitation that they lack, from a service's
// card, and where two people who sign for others give it: what does somebody wait for, and for
// whom?
package rights

import (
	"context"
	"embed"
	"net/http"
	"slices"

	"poterne/internal/accounts"
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
	Requests Requests
	Gate     interface {
		// Orders returns the orders placed and not lifted.
		Orders() order.Set
	}
	Roster portal.Names
}

// Requests are the habilitations that people asked for. An error is fault.Refused to those who may
// not.
type Requests interface {
	// Waiting returns those that wait for somebody, oldest first.
	Waiting(context.Context) ([]accounts.RightRequest, error)
	// Ask asks for one of one's own.
	Ask(ctx context.Context, by roster.AccountID, right accounts.Right, because string) error
	// Give signs for one; the second who does gives it.
	Give(ctx context.Context, number ledger.Number, by roster.AccountID) error
	// Drop takes one back, or refuses it.
	Drop(ctx context.Context, number ledger.Number, by roster.AccountID) error
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

const path = "/rights"

// Routes implements portal.Room.
func (h *Handlers) Routes() []portal.Route {
	return []portal.Route{
		{Pattern: "POST " + path, Serve: h.asking(h.ask)},
		{Pattern: "POST " + path + "/{number}/withdraw", Serve: h.asking(h.withdraw)},

		{Pattern: "GET " + path, Serve: h.signing(h.list)},
		{Pattern: "POST " + path + "/{number}/sign", Serve: h.signing(h.sign)},
		{Pattern: "POST " + path + "/{number}/refuse", Serve: h.signing(h.refuse)},
	}
}

// Links implements portal.Room.
func (h *Handlers) Links() []portal.Link {
	return []portal.Link{{Path: path, Name: "right.link", For: func(v portal.Viewer) bool { return v.Vouches() && !v.AtDesk() }}} // the desk comes from its portal
}

// signing lets in those who sign for others, unless they are suspended.
func (h *Handlers) signing(serve func(*portal.Visit) error) func(*portal.Visit) error {
	return h.shell.LetIn(portal.Viewer.Vouches, h.deps.Gate.Orders, "this room is for those who sign for others", serve)
}

// asking lets in those who read files, unless they are suspended.
func (h *Handlers) asking(serve func(*portal.Visit) error) func(*portal.Visit) error {
	return h.shell.LetIn(func(v portal.Viewer) bool { return v.Role.ReadsFiles() }, h.deps.Gate.Orders, "a habilitation is for those who read files", serve)
}

// one is a request as those who sign see it.
type one struct {
	accounts.RightRequest
	Who, Organisation, Service, First string
	Role                              roster.Role
	Own                               bool // the viewer signed first: another gives it
}

// page answers those who sign: who waits for which habilitation?
type page struct {
	portal.Page
	Asked   []one
	MaySign bool
	Again   string
}

func (h *Handlers) list(v *portal.Visit) error {
	asked, err := h.theirs(v)
	if err != nil {
		return err
	}
	h.pages.Show(v, http.StatusOK, "rights.html", page{Page: v.Page(path, "right.title"), Asked: asked, MaySign: v.MaySign(), Again: path})
	return nil
}

// theirs are the requests that the viewer may answer.
func (h *Handlers) theirs(v *portal.Visit) (asked []one, err error) {
	all, err := h.deps.Requests.Waiting(v.Context())
	if err != nil {
		return nil, err
	}
	labels, _, err := h.shell.LabelsOf(v, h.deps.Roster)
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		of, known := labels.Accounts[r.Of]
		if !known || !v.Viewer.AtDesk() && of.Organisation != v.Viewer.Organisation.ID {
			continue
		}
		o := one{RightRequest: r, Who: of.Name, Role: of.Role, Organisation: labels.Organisation(of.Organisation), Service: h.shell.ServiceName(r.Right.Service), Own: r.First == v.Viewer.ID}
		if r.First != "" {
			o.First = labels.Account(r.First)
		}
		asked = append(asked, o)
	}
	return asked, nil
}

// ask asks for a habilitation of the viewer's own.
func (h *Handlers) ask(v *portal.Visit) error {
	because := portal.Tidy(v.PostFormValue("because"))
	right := accounts.Right{Service: roster.ServiceID(v.PostFormValue("service")), Purpose: roster.Purpose(v.PostFormValue("purpose"))}
	if wrong := portal.MendTyped("because", because); len(wrong) > 0 {
		return &fault.Error{Kind: fault.Invalid, Public: "say in a few words what the habilitation is for, and name nobody"}
	}
	err := h.deps.Requests.Ask(v.Context(), v.Viewer.ID, right, because)
	if err != nil && !fault.Is(err, fault.Invalid) { // what is so already is no news
		return err
	}
	v.Back("/#services")
	return nil
}

var absent = &fault.Error{Kind: fault.Absent, Public: "this request waits no more"}

func (h *Handlers) withdraw(v *portal.Visit) error {
	of, err := v.Number(absent)
	if err != nil {
		return err
	}
	all, err := h.deps.Requests.Waiting(v.Context())
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(r accounts.RightRequest) bool { return r.Number == of && r.Of == v.Viewer.ID }) {
		return absent
	}
	if err := h.deps.Requests.Drop(v.Context(), of, v.Viewer.ID); err != nil {
		return err
	}
	v.Back("/#services")
	return nil
}

// mine is the request in the address, if the viewer may answer it.
func (h *Handlers) mine(v *portal.Visit) (one, error) {
	of, err := v.Number(absent)
	if err != nil {
		return one{}, err
	}
	all, err := h.theirs(v)
	if err != nil {
		return one{}, err
	}
	i := slices.IndexFunc(all, func(o one) bool { return o.Number == of })
	if i < 0 {
		return one{}, absent
	}
	return all[i], nil
}

func (h *Handlers) sign(v *portal.Visit) error {
	o, err := h.mine(v)
	if err != nil {
		return err
	}
	if confirmed, err := v.Confirm(path, "confirm.right", "who", o.Who, "service", o.Service, "purpose", string(o.Right.Purpose)); !confirmed {
		return err
	}
	if err := h.deps.Requests.Give(v.Context(), o.Number, v.Viewer.ID); err != nil {
		return err
	}
	v.Back(path)
	return nil
}

func (h *Handlers) refuse(v *portal.Visit) error {
	o, err := h.mine(v)
	if err != nil {
		return err
	}
	if err := h.deps.Requests.Drop(v.Context(), o.Number, v.Viewer.ID); err != nil {
		return err
	}
	v.Back(path)
	return nil
}
