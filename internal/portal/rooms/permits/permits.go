// Package permits is the room where two people allow an account to take people along in a file:
// which exports are allowed now, until when, and who still has to say yes? One asks, another
// approves, and it ends by itself.
package permits

import (
	"context"
	"embed"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/grants"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/portal"
	"poterne/internal/register"
	"poterne/internal/roster"
)

//go:embed pages
var pageFiles embed.FS

// Deps is what the room relies on.
type Deps struct {
	Permits Permits
	Gate    Gate
	Roster  portal.Names
	Person  func(identifier string) (register.PersonID, error) // of the register
}

// Permits are the export permits. An error is fault.Refused to those who may not.
type Permits interface {
	// All returns every permit that may be in force or wait, in the order of their numbers.
	All(context.Context) ([]grants.Permit, error)
	// Ask asks for one.
	Ask(context.Context, grants.AskPermit) error
	// Approve gives one that another person asked for.
	Approve(ctx context.Context, number ledger.Number, by roster.AccountID) error
	// Drop takes one back that waits, or refuses it.
	Drop(ctx context.Context, number ledger.Number, by roster.AccountID) error
	// End ends one that is in force; fault.Absent when there is none.
	End(context.Context, grants.EndPermit) error
}

// Gate is what is in force.
type Gate interface {
	// Orders returns the orders placed and not lifted.
	Orders() order.Set
	// Standing returns where an account stands now.
	Standing(gate.Asker, roster.ServiceID) gate.Standing
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

const path = "/permits"

// longestLine is how many bytes of a form a line of a list has on average, at most: an identifier of
// 34 bytes, and its end, which a form writes as %0D%0A.
const longestLine = 40

// Routes implements portal.Room.
func (h *Handlers) Routes() []portal.Route {
	return []portal.Route{
		{Pattern: "GET " + path, Serve: h.signing(h.list)},
		{Pattern: "POST " + path, Serve: h.signing(h.ask), Largest: grants.MostExported * longestLine},
		{Pattern: "POST " + path + "/{number}/approve", Serve: h.signing(h.approve)},
		{Pattern: "POST " + path + "/{number}/drop", Serve: h.signing(h.drop)},
		{Pattern: "POST " + path + "/end", Serve: h.signing(h.end)},
	}
}

// Links implements portal.Room.
func (h *Handlers) Links() []portal.Link {
	manages := func(v portal.Viewer) bool { return v.Vouches() && !v.AtDesk() && len(h.exports()) > 0 } // the desk comes from its portal
	return []portal.Link{{Path: path, Name: "permit.link", For: manages}}
}

// signing lets in those who sign for others, unless they are suspended.
func (h *Handlers) signing(serve func(*portal.Visit) error) func(*portal.Visit) error {
	return h.shell.LetIn(portal.Viewer.Vouches, h.deps.Gate.Orders, "this room is for those who sign for others", serve)
}

// export is a declared route that is off without a permit.
type export struct {
	Service portal.Service
	Route   string
}

// Value names it in a form: no service has a space in its name.
func (x export) Value() string { return string(x.Service.ID) + " " + x.Route }

func (h *Handlers) exports() (list []export) {
	for _, service := range h.shell.Services() {
		for _, route := range service.Exports {
			list = append(list, export{service, route})
		}
	}
	return list
}

// exportOf is what a form names; false when no service declares it.
func (h *Handlers) exportOf(value string) (export, bool) {
	list := h.exports()
	i := slices.IndexFunc(list, func(x export) bool { return x.Value() == value })
	if i < 0 {
		return export{}, false
	}
	return list[i], true
}

// one is a permit, or the request for one, as those who sign see it.
type one struct {
	grants.Permit
	Who, Organisation   string
	Name                string // of the service
	Hash                string // of the list
	AskedBy, ApprovedBy string
	Own                 bool // the viewer asked for it: another approves
	May                 bool // the viewer is one who may: of the two, one is of the desk
	Left                int  // people, of one that is in force
}

// Value names the export in a form.
func (o one) Value() string { return string(o.Service) + " " + o.Route }

// page answers those who sign: which exports are allowed, and who still has to say yes?
type page struct {
	portal.Page
	In, Asked                                     []one
	Accounts                                      []roster.Account // for whom the viewer can ask
	Exports                                       []export
	Account, Export, People, Until, List, Because string // as they were typed
	Most, Days                                    int
	MaySign, AtDesk                               bool
	Again                                         string
	Wrong                                         portal.Mends
}

func (h *Handlers) list(v *portal.Visit) error { return h.show(v, http.StatusOK, page{}) }

func (h *Handlers) show(v *portal.Visit, status int, shown page) error {
	shown.Page, shown.MaySign, shown.AtDesk, shown.Again = v.Page(path, "permit.title"), v.MaySign(), v.Viewer.AtDesk(), path
	shown.Exports, shown.Most, shown.Days = h.exports(), grants.MostExported, int(grants.LongestPermit.Hours()/24)
	labels, accounts, err := h.shell.LabelsOf(v, h.deps.Roster)
	if err != nil {
		return err
	}
	theirs := make(map[roster.AccountID]roster.Account)
	for _, a := range accounts {
		if !v.Viewer.AtDesk() && a.Organisation != v.Viewer.Organisation.ID {
			continue
		}
		theirs[a.ID] = a
		if a.Role.ReadsFiles() && a.ID != v.Viewer.ID && a.Gives(h.shell.Now()) {
			shown.Accounts = append(shown.Accounts, a)
		}
	}
	all, err := h.deps.Permits.All(v.Context())
	if err != nil {
		return err
	}
	slices.SortStableFunc(all, func(a, b grants.Permit) int { return b.Given.Compare(a.Given) }) // the last takes the place of those before
	told := make(map[string]bool)
	for _, p := range all {
		of, known := theirs[p.Of]
		if !known {
			continue
		}
		o := one{
			Permit: p, Who: labels.Account(p.Of), Organisation: labels.Organisation(of.Organisation), Name: h.shell.ServiceName(p.Service), Hash: hex.EncodeToString(p.List[:]),
			AskedBy: labels.Account(p.By), ApprovedBy: labels.Account(p.Approver), Own: p.By == v.Viewer.ID,
		}
		o.May = !o.Own && (v.Viewer.AtDesk() || labels.Accounts[p.By].Role == roster.Security)
		switch name := string(p.Of) + " " + o.Value(); {
		case p.Waits(h.shell.Now()):
			shown.Asked = append(shown.Asked, o)
		case p.Given.IsZero() || told[name]:
		default:
			told[name] = true
			for _, open := range h.shell.Permits(h.deps.Gate.Standing(gate.AskerOf(of), "")) { // the ledger says what is in force
				if open.Service.ID == p.Service && open.Route == p.Route {
					o.Left = open.Left
					shown.In = append(shown.In, o)
				}
			}
		}
	}
	h.pages.Show(v, status, "permits.html", shown)
	return nil
}

// ask asks another person for a permit. Nothing is allowed yet.
func (h *Handlers) ask(v *portal.Visit) error {
	if err := v.ParseForm(); err != nil { // nothing of it is read
		return h.show(v, http.StatusUnprocessableEntity, page{Wrong: portal.Mends{{Field: "list", Key: "permit.list-long"}}})
	}
	typed := page{
		Account: portal.Tidy(v.PostFormValue("account")), Export: v.PostFormValue("export"), People: strings.TrimSpace(v.PostFormValue("people")),
		Until: v.PostFormValue("until"), List: v.PostFormValue("list"), Because: portal.Tidy(v.PostFormValue("because")),
	}
	if !v.MaySign() {
		return h.show(v, http.StatusForbidden, typed)
	}
	asked, who, err := h.read(v, &typed)
	if err != nil {
		return err
	}
	if len(typed.Wrong) > 0 {
		return h.show(v, http.StatusUnprocessableEntity, typed)
	}
	if confirmed, err := v.Confirm(path, "confirm.permit-ask", "who", who, "people", asked.People, "service", h.shell.ServiceName(asked.Service)); !confirmed {
		return err
	}
	if err := h.deps.Permits.Ask(v.Context(), grants.AskPermit{Export: asked, By: v.Viewer.ID}); err != nil {
		return err
	}
	v.Back(path)
	return nil
}

// read turns what was typed into an export, with the name of who is to take it, and notes what is
// to be mended.
func (h *Handlers) read(v *portal.Visit, typed *page) (asked grants.Export, who string, err error) {
	wrong := func(field, key string) { typed.Wrong = append(typed.Wrong, portal.Wrong{Field: field, Key: key}) }
	accounts, err := h.deps.Roster.Accounts(v.Context())
	if err != nil {
		return asked, "", err
	}
	i := slices.IndexFunc(accounts, func(a roster.Account) bool {
		return string(a.ID) == typed.Account && a.Role.ReadsFiles() && a.ID != v.Viewer.ID && (v.Viewer.AtDesk() || a.Organisation == v.Viewer.Organisation.ID)
	})
	if i < 0 {
		wrong("account", "manager.not-theirs")
	} else {
		asked.Of, who = accounts[i].ID, accounts[i].Name
	}
	x, declared := h.exportOf(typed.Export)
	if !declared {
		wrong("export", "permit.export-wrong")
	}
	asked.Service, asked.Route, asked.Purpose = x.Service.ID, x.Route, typed.Because
	if asked.People, err = strconv.Atoi(typed.People); err != nil || asked.People < 1 || asked.People > grants.MostExported {
		wrong("people", "permit.people-wrong")
	}
	now := h.shell.Now()
	if asked.Until, err = v.Speaker.Typed(typed.Until); err != nil || !asked.Until.After(now) || asked.Until.After(now.Add(grants.LongestPermit)) {
		wrong("until", "permit.until-wrong")
	}
	var lines []string
	for line := range strings.Lines(typed.List) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	if asked.List, asked.Listed, err = grants.ListOf(lines, h.deps.Person); err != nil || len(asked.Listed) == 0 || len(asked.Listed) > grants.MostExported {
		wrong("list", "permit.list-wrong")
	}
	typed.Wrong = append(typed.Wrong, portal.MendTyped("because", typed.Because)...)
	return asked, who, nil
}

// waiting is the request with the number in the address, and the account that it is about, as far
// as the viewer may see it.
func (h *Handlers) waiting(v *portal.Visit) (grants.Permit, roster.Account, error) {
	var nobody roster.Account
	absent := &fault.Error{Kind: fault.Absent, Public: "nobody asks for this permit any more: ask for it anew"}
	number, err := v.Number(absent)
	if err != nil {
		return grants.Permit{}, nobody, err
	}
	all, err := h.deps.Permits.All(v.Context())
	if err != nil {
		return grants.Permit{}, nobody, err
	}
	i := slices.IndexFunc(all, func(p grants.Permit) bool { return p.Number == number && p.Waits(h.shell.Now()) })
	if i < 0 {
		return grants.Permit{}, nobody, absent
	}
	accounts, err := h.deps.Roster.Accounts(v.Context())
	if err != nil {
		return grants.Permit{}, nobody, err
	}
	of := slices.IndexFunc(accounts, func(a roster.Account) bool {
		return a.ID == all[i].Of && (v.Viewer.AtDesk() || a.Organisation == v.Viewer.Organisation.ID)
	})
	if of < 0 {
		return grants.Permit{}, nobody, absent
	}
	return all[i], accounts[of], nil
}

// approve gives what another person asked for, once the viewer has confirmed.
func (h *Handlers) approve(v *portal.Visit) error {
	p, of, err := h.waiting(v)
	switch {
	case err != nil:
		return err
	case !v.MaySign():
		return h.show(v, http.StatusForbidden, page{})
	}
	if confirmed, err := v.Confirm(path, "confirm.permit", "who", of.Name, "people", p.People, "service", h.shell.ServiceName(p.Service), "route", p.Route,
		"until", v.Speaker.Language.Moment(p.Until, h.shell.Now().In(v.Speaker.Zone())), "because", p.Purpose, "list", hex.EncodeToString(p.List[:])); !confirmed {
		return err
	}
	if err := h.deps.Permits.Approve(v.Context(), p.Number, v.Viewer.ID); err != nil {
		return err
	}
	v.Back(path)
	return nil
}

// drop takes back what the viewer asked for, or refuses what another did.
func (h *Handlers) drop(v *portal.Visit) error {
	p, _, err := h.waiting(v)
	if err != nil {
		return err
	}
	if err := h.deps.Permits.Drop(v.Context(), p.Number, v.Viewer.ID); err != nil {
		return err
	}
	v.Back(path)
	return nil
}

// end ends a permit before its time.
func (h *Handlers) end(v *portal.Visit) error {
	x, declared := h.exportOf(v.PostFormValue("export"))
	if !declared {
		return &fault.Error{Kind: fault.Absent, Public: "no such permit is in force"}
	}
	if err := h.deps.Permits.End(v.Context(), grants.EndPermit{
		By: v.Viewer.ID, Of: roster.AccountID(v.PostFormValue("account")), Service: x.Service.ID, Route: x.Route,
	}); err != nil {
		return err
	}
	v.Back(path)
	return nil
}
