// Package bypass is the room where two persons let people go on with their own caseload while
// a source of reasons is silent: is a bypass in force, until when, and who still has to say
// yes? One asks, another approves, and it ends by itself.
package bypass

import (
	"cmp"
	"context"
	"embed"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"poterne/internal/containment"
	"poterne/internal/fault"
	"poterne/internal/intake"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/portal"
	"poterne/internal/roster"
)

//go:embed pages
var pageFiles embed.FS

// Deps is what the room relies on.
type Deps struct {
	Gate        Gate
	Journal     Journal
	Sources     Sources
	Containment Containment
	Roster      portal.Names
}

// Gate is what is in force.
type Gate interface {
	// Orders returns the orders placed and not lifted.
	Orders() order.Set
}

// Journal is the ledger, as it is read.
type Journal interface {
	// Entry returns one entry.
	Entry(context.Context, ledger.Number) (ledger.Entry, error)
}

// Sources are the systems that tell facts.
type Sources interface {
	// Heard returns when each source was last heard.
	Heard(context.Context) (map[string]time.Time, error)
}

// Containment places bypasses and ends them. An error is fault.Refused to those who may not.
type Containment interface {
	// AskBypass asks another person for a bypass.
	AskBypass(context.Context, containment.AskBypass) (order.Order, error)
	// ApproveBypass puts in force what another person asked for.
	ApproveBypass(context.Context, containment.ApproveBypass) error
	// Lift takes an order out of force; fault.Absent when it is not.
	Lift(context.Context, containment.Lift) error
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

const path = "/bypass"

// Routes implements portal.Room.
func (h *Handlers) Routes() []portal.Route {
	return []portal.Route{
		{Pattern: "GET " + path, Serve: h.signing(h.list)},
		{Pattern: "POST " + path, Serve: h.signing(h.ask)},
		{Pattern: "POST " + path + "/{id}/approve", Serve: h.signing(h.approve)},
		{Pattern: "POST " + path + "/{id}/end", Serve: h.signing(h.end)},
	}
}

// Links implements portal.Room.
func (h *Handlers) Links() []portal.Link {
	officer := func(who portal.Viewer) bool { return who.Role == roster.Privacy } // the desk has a way of its own to it
	return []portal.Link{{Path: path, Name: "bypass.link", For: officer}}
}

// signing lets in those who sign for a bypass, unless they are suspended.
func (h *Handlers) signing(serve func(*portal.Visit) error) func(*portal.Visit) error {
	return h.shell.LetIn(portal.Viewer.Oversees, h.deps.Gate.Orders, "this room is for those who sign for a bypass", serve)
}

// one is a bypass, or what asks for one.
type one struct {
	order.Order
	AskedBy, ApprovedBy string
	Own                 bool // the viewer asked for it: another approves
}

// source is a system that tells facts, and when it did last.
type source struct {
	Name  string
	Heard time.Time
}

// page answers those who sign: is a bypass in force, and who still has to say yes?
type page struct {
	portal.Page
	In, Asked              []one
	Sources                []source // for which one can be asked for, the longest silent first
	Source, Hours, Because string   // as they were typed
	Most                   int
	StepUp                 bool // the viewer has to confirm that they are there before they approve
	Wrong                  portal.Mends
}

func (h *Handlers) list(v *portal.Visit) error {
	return h.show(v, http.StatusOK, page{Hours: "4"})
}

func (h *Handlers) show(v *portal.Visit, status int, shown page) error {
	labels, _, err := h.shell.LabelsOf(v, h.deps.Roster)
	if err != nil {
		return err
	}
	if shown.Sources, err = h.sources(v.Context()); err != nil {
		return err
	}
	shown.Page, shown.Most, shown.StepUp = v.Page(path, "bypass.title"), int(order.LongestBypass.Hours()), !v.MaySign()
	in, asked := h.deps.Gate.Orders().Bypasses(h.shell.Now())
	for _, o := range in {
		number, err := containment.NumberOf(o.ID)
		if err != nil {
			return err
		}
		entry, err := h.deps.Journal.Entry(v.Context(), number)
		if err != nil {
			return err
		}
		shown.In = append(shown.In, one{Order: o, AskedBy: labels.Account(roster.AccountID(o.By)), ApprovedBy: labels.Account(entry.Approver)})
	}
	for _, o := range asked {
		shown.Asked = append(shown.Asked, one{Order: o, AskedBy: labels.Account(roster.AccountID(o.By)), Own: o.By == string(v.Viewer.ID)})
	}
	h.pages.Show(v, status, "bypass.html", shown)
	return nil
}

// sources lists those that a bypass can be asked for. What managers assign in the portal never
// falls silent.
func (h *Handlers) sources(ctx context.Context) (list []source, err error) {
	heard, err := h.deps.Sources.Heard(ctx)
	if err != nil {
		return nil, err
	}
	delete(heard, intake.ByHand)
	for _, name := range slices.Sorted(maps.Keys(heard)) {
		if h.shell.Now().Sub(heard[name]) < order.LongestSilence {
			list = append(list, source{name, heard[name]})
		}
	}
	slices.SortStableFunc(list, func(a, b source) int { return cmp.Or(a.Heard.Compare(b.Heard), cmp.Compare(a.Name, b.Name)) })
	return list, nil
}

// ask asks another person for a bypass. Nothing changes yet.
func (h *Handlers) ask(v *portal.Visit) error {
	typed := page{Source: v.PostFormValue("source"), Hours: v.PostFormValue("hours"), Because: portal.Tidy(v.PostFormValue("because"))}
	list, err := h.sources(v.Context())
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(list, func(s source) bool { return s.Name == typed.Source }) {
		typed.Wrong = append(typed.Wrong, portal.Wrong{Field: "source", Key: "bypass.source-wrong"})
	}
	hours, err := strconv.Atoi(typed.Hours)
	if err != nil || hours < 1 || hours > int(order.LongestBypass.Hours()) {
		typed.Wrong = append(typed.Wrong, portal.Wrong{Field: "hours", Key: "bypass.hours-wrong"})
	}
	if typed.Wrong = append(typed.Wrong, portal.MendTyped("because", typed.Because)...); len(typed.Wrong) > 0 {
		return h.show(v, http.StatusUnprocessableEntity, typed)
	}
	if _, err := h.deps.Containment.AskBypass(v.Context(), containment.AskBypass{
		Source: typed.Source, For: time.Duration(hours) * time.Hour, By: v.Viewer.ID, Because: typed.Because,
	}); err != nil {
		return err
	}
	v.Back(path)
	return nil
}

// approve puts in force what another person asked for, once the viewer has confirmed.
func (h *Handlers) approve(v *portal.Visit) error {
	_, asked := h.deps.Gate.Orders().Bypasses(h.shell.Now())
	i := slices.IndexFunc(asked, func(o order.Order) bool { return string(o.ID) == v.PathValue("id") })
	if i < 0 {
		return &fault.Error{Kind: fault.Absent, Public: "nobody has asked for this bypass within half an hour: ask for it anew"}
	}
	if confirmed, err := v.Confirm(path, "bypass.confirm", "source", asked[i].Target); !confirmed {
		return err
	}
	if err := h.deps.Containment.ApproveBypass(v.Context(), containment.ApproveBypass{Asked: asked[i].ID, By: v.Viewer.ID}); err != nil {
		return err
	}
	v.Back(path)
	return nil
}

// end ends a bypass before its time, or takes back what was asked for. One person is enough.
func (h *Handlers) end(v *portal.Visit) error {
	in, asked := h.deps.Gate.Orders().Bypasses(h.shell.Now())
	id := order.ID(v.PathValue("id"))
	if !slices.ContainsFunc(append(in, asked...), func(o order.Order) bool { return o.ID == id }) {
		return &fault.Error{Kind: fault.Absent, Public: "no such bypass is in force"}
	}
	if err := h.deps.Containment.Lift(v.Context(), containment.Lift{ID: id, By: v.Viewer.ID}); err != nil {
		return err
	}
	v.Back(path)
	return nil
}
