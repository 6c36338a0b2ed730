// Package breakglass is the room that is left when nobody can sign in: whoever breaks the seal
// stops what must be stopped, and reads nobody. From a page of it the security desk ends what
// is open, and unlocks what wrong tries locked.
package breakglass

import (
	"context"
	"embed"
	"net/http"
	"slices"
	"strings"
	"time"

	"poterne/internal/breakglass"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/order"
	"poterne/internal/portal"
	"poterne/internal/roster"
)

//go:embed pages
var pageFiles embed.FS

// Deps is what the room relies on.
type Deps struct {
	Access *breakglass.Service
	Stop   func(context.Context, journal.Writer, order.Order) error // puts an order in force, once
	Gate   interface {
		// Orders returns the orders placed and not lifted.
		Orders() order.Set
	}
	Roster interface {
		// Account returns an account and its organisation; fault.Absent when there is none.
		Account(context.Context, roster.AccountID) (roster.Account, roster.Organisation, error)
		// Organisations returns every organisation, by name.
		Organisations(context.Context) ([]roster.Organisation, error)
	}
	Networks []string                   // the classes that it is reached from
	Network  func(*http.Request) string // the class that a request comes from
	Classes  []string                   // all that there are
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

// Path is where it is.
const Path = "/break-glass"

const deskPath = Path + "/desk"

// Cookie has the token of a session, and nothing else believes it.
const Cookie = "__Host-poterne-break-glass"

// Routes implements portal.Room.
func (h *Handlers) Routes() []portal.Route {
	return []portal.Route{
		{Pattern: "GET " + Path, Serve: h.from(h.show), Open: true},
		{Pattern: "POST " + Path, Serve: h.from(h.open), Open: true},
		{Pattern: "POST " + Path + "/orders", Serve: h.from(h.inside(h.place)), Open: true},
		{Pattern: "POST " + Path + "/leave", Serve: h.from(h.inside(h.leave)), Open: true},

		{Pattern: "GET " + deskPath, Serve: h.watching(h.desk)},
		{Pattern: "POST " + deskPath, Serve: h.watching(h.secure)},
	}
}

// Links implements portal.Room.
func (h *Handlers) Links() []portal.Link {
	return []portal.Link{{Path: deskPath, Name: "break-glass.link", For: portal.Viewer.AtDesk}}
}

// from answers the networks that the access is for; elsewhere it is not there.
func (h *Handlers) from(serve func(*portal.Visit) error) func(*portal.Visit) error {
	return func(v *portal.Visit) error {
		if !slices.Contains(h.deps.Networks, h.deps.Network(v.Request)) {
			return &fault.Error{Kind: fault.Absent}
		}
		return serve(v)
	}
}

// session is the session that a visit shows; fault.Anonymous when there is none.
func (h *Handlers) session(v *portal.Visit) (breakglass.State, error) {
	cookie, err := v.Cookie(Cookie)
	if err != nil {
		return breakglass.State{}, &fault.Error{Kind: fault.Anonymous}
	}
	return h.deps.Access.Who(v.Context(), cookie.Value)
}

// inside lets in whoever has a session; others see the way in.
func (h *Handlers) inside(serve func(*portal.Visit, breakglass.State) error) func(*portal.Visit) error {
	return func(v *portal.Visit) error {
		state, err := h.session(v)
		if fault.Is(err, fault.Anonymous) {
			v.Back(Path)
			return nil
		}
		if err != nil {
			return err
		}
		return serve(v, state)
	}
}

// page answers whoever broke the seal: what can I stop, and what did I?
type page struct {
	portal.Page
	In     bool
	Shut   bool // the last try opened nothing
	Until  time.Time
	Kinds  []kind
	Placed []order.Order // by this access, in force
	Typed  order.Order
	Wrong  portal.Mends
}

// kind is a measure that the access places.
type kind struct {
	Effect order.Effect
	Reach  order.Reach
}

// Key names it in a form, and its text.
func (k kind) Key() string { return string(k.Effect) + "-" + string(k.Reach) }

// kinds are all of them, each of which only takes away.
var kinds = []kind{
	{order.Suspended, order.Account},
	{order.Frozen, order.Account},
	{order.Suspended, order.Organisation},
	{order.Frozen, order.Organisation},
	{order.Closed, order.Network},
	{order.Closed, order.Service},
	{order.Frozen, order.Everything},
	{order.Reduced, order.Everything},
	{order.Closed, order.Everything},
}

func (h *Handlers) show(v *portal.Visit) error {
	state, err := h.session(v)
	if err != nil && !fault.Is(err, fault.Anonymous) {
		return err
	}
	return h.write(v, http.StatusOK, page{In: err == nil, Until: state.Until})
}

func (h *Handlers) write(v *portal.Visit, status int, shown page) error {
	shown.Page, shown.Kinds = v.Page(Path, "break-glass.title"), kinds
	if shown.In {
		for _, o := range h.deps.Gate.Orders() {
			if o.By == string(breakglass.ID) {
				shown.Placed = append(shown.Placed, o)
			}
		}
	}
	h.pages.Show(v, status, "break-glass.html", shown)
	return nil
}

// open opens a session by the sealed password. Whatever keeps it shut, the page is the same.
func (h *Handlers) open(v *portal.Visit) error {
	token, err := h.deps.Access.Open(v.Context(), v.PostFormValue("password"), h.deps.Network(v.Request))
	switch {
	case fault.Is(err, fault.Refused):
		return h.write(v, http.StatusForbidden, page{Shut: true})
	case err != nil:
		return err
	}
	h.keep(v, token, int(breakglass.Life.Seconds()))
	v.Back(Path)
	return nil
}

func (h *Handlers) keep(v *portal.Visit, token string, life int) {
	http.SetCookie(v.Writer, &http.Cookie{
		Name: Cookie, Value: token, Path: "/", MaxAge: life, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

// place puts a measure in force until the desk lifts it.
func (h *Handlers) place(v *portal.Visit, state breakglass.State) error {
	o := order.Order{
		By: string(breakglass.ID), Placed: h.shell.Now(), Target: strings.TrimSpace(v.PostFormValue("target")), Because: portal.Tidy(v.PostFormValue("because")),
	}
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.Key() == v.PostFormValue("effect") })
	if i < 0 {
		return &fault.Error{Kind: fault.Invalid, Public: "a measure is one of those that the page offers"}
	}
	o.Effect, o.Reach = kinds[i].Effect, kinds[i].Reach
	wrong := portal.MendTyped("because", o.Because)
	there, err := h.there(v.Context(), o)
	if err != nil {
		return err
	}
	switch {
	case o.Reach == order.Everything && o.Target != "": // somebody in a hurry meant one
		wrong = append(wrong, portal.Wrong{Field: "target", Key: "break-glass.target-none"})
	case !there:
		wrong = append(wrong, portal.Wrong{Field: "target", Key: "break-glass.target-wrong"})
	}
	if len(wrong) > 0 {
		return h.write(v, http.StatusUnprocessableEntity, page{In: true, Until: state.Until, Typed: o, Wrong: wrong})
	}
	err = h.deps.Stop(v.Context(), h.deps.Access.Inside(state.Session), o)
	if err != nil && !fault.Is(err, fault.Anonymous) { // who was put out meanwhile sees the way in
		return err
	}
	v.Back(Path)
	return nil
}

// there reports whether what an order is on is known.
func (h *Handlers) there(ctx context.Context, o order.Order) (bool, error) {
	switch o.Reach {
	case order.Account:
		_, _, err := h.deps.Roster.Account(ctx, roster.AccountID(o.Target))
		if fault.Is(err, fault.Absent) {
			return false, nil
		}
		return err == nil, err
	case order.Organisation:
		list, err := h.deps.Roster.Organisations(ctx)
		return slices.ContainsFunc(list, func(of roster.Organisation) bool { return string(of.ID) == o.Target }), err
	case order.Service:
		return slices.ContainsFunc(h.shell.Services(), func(s portal.Service) bool { return string(s.ID) == o.Target }), nil
	case order.Network:
		return slices.Contains(h.deps.Classes, o.Target), nil
	}
	return true, nil
}

func (h *Handlers) leave(v *portal.Visit, state breakglass.State) error {
	if err := h.deps.Access.Leave(v.Context(), state.Session); err != nil {
		return err
	}
	h.keep(v, "", -1)
	v.Back(Path)
	return nil
}

// watching lets in the security desk, unless it is suspended.
func (h *Handlers) watching(serve func(*portal.Visit) error) func(*portal.Visit) error {
	return h.shell.LetIn(portal.Viewer.AtDesk, h.deps.Gate.Orders, "this room is for the security desk", serve)
}

// deskPage answers the desk: is anybody in, and can anybody be?
type deskPage struct {
	portal.Page
	State  breakglass.State
	Open   bool
	Most   int
	StepUp bool // the viewer has to confirm that they are there first
}

func (h *Handlers) desk(v *portal.Visit) error {
	state, err := h.deps.Access.State(v.Context())
	if err != nil {
		return err
	}
	h.pages.Show(v, http.StatusOK, "desk.html", deskPage{
		Page: v.Page(deskPath, "break-glass.title"), State: state, Open: state.Open(h.shell.Now()), Most: breakglass.Tries, StepUp: !v.MaySign(),
	})
	return nil
}

func (h *Handlers) secure(v *portal.Visit) error {
	if confirmed, err := v.Confirm(deskPath, "break-glass.confirm"); !confirmed {
		return err
	}
	if err := h.deps.Access.Secure(v.Context(), v.Viewer.ID); err != nil {
		return err
	}
	v.Back(deskPath)
	return nil
}
