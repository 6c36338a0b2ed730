package desk

import (
	"net/http"
	"slices"
	"strings"

	"poterne/internal/order"
	"poterne/internal/portal"
	"poterne/internal/roster"
)

// directoryPage is where the desk finds accounts, organisations and services.
type directoryPage struct {
	portal.Page
	Sought        string
	People        bool // who saw a person can be asked
	Accounts      []accountState
	More          bool // there are more accounts than are shown
	Organisations []organisationState
	MoreBodies    bool        // there are more organisations than are shown
	Functions     []namedHeld // and roles
	Roles         []namedHeld
	Networks      []namedHeld
	Services      []serviceHeld
	Everything    []measureState
}

type accountState struct {
	roster.Account
	OrganisationName string
	Measures         []measureState
}

type organisationState struct {
	roster.Organisation
	Accounts int
	Measures []measureState
}

type serviceHeld struct {
	portal.Service
	Measures []measureState
}

// namedHeld is a function or a role, by the name people know.
type namedHeld struct {
	Target, Name string
	Measures     []measureState
}

// mostListed is how many accounts are shown, and how many organisations: those that are held
// first.
const mostListed = 100

// listed gathers as many as are shown of a long list.
type listed[T any] struct {
	held, others []T
	more         bool // there are more than are shown
}

func (l *listed[T]) add(one T, held bool) {
	list := &l.others
	if held {
		list = &l.held
	}
	if len(*list) == mostListed {
		l.more = true
		return
	}
	*list = append(*list, one)
}

// first are those that are held, and others while there is room.
func (l *listed[T]) first() (list []T, more bool) {
	list = slices.Concat(l.held, l.others)
	return list[:min(len(list), mostListed)], l.more || len(list) > mostListed
}

func (a accounts) directory(v visit) error {
	known, err := a.names.known(v.Context())
	if err != nil {
		return err
	}
	shown := directoryPage{Page: v.Page(directoryPath, "directory.title"), Sought: strings.TrimSpace(v.URL.Query().Get("q")), People: a.exact.index != nil}
	inForce := a.measures(v)
	type target struct {
		reach order.Reach
		name  string
	}
	by := make(map[target][]measureState)
	for _, m := range inForce {
		at := target{m.Reach, m.Target}
		by[at] = append(by[at], m)
	}
	against := func(reach order.Reach, name string) []measureState { return by[target{reach, name}] }
	counts := make(map[roster.OrganisationID]int)
	var matching listed[accountState]
	for _, a := range known.accounts {
		counts[a.Organisation]++
		if name := v.labels.Organisation(a.Organisation); contains(shown.Sought, a.Name, string(a.ID), name) {
			measures := against(order.Account, string(a.ID))
			matching.add(accountState{a, name, measures}, len(measures) > 0)
		}
	}
	shown.Accounts, shown.More = matching.first()
	for i := range shown.Accounts {
		shown.Accounts[i].Name = v.labels.Account(shown.Accounts[i].ID)
	}
	var bodies listed[organisationState]
	for _, o := range known.organisations {
		if contains(shown.Sought, o.Name, string(o.ID)) {
			measures := against(order.Organisation, string(o.ID))
			bodies.add(organisationState{o, counts[o.ID], measures}, len(measures) > 0)
		}
	}
	shown.Organisations, shown.MoreBodies = bodies.first()
	held := func(reach order.Reach, target string) namedHeld {
		return namedHeld{target, v.labels.Target(order.Order{Reach: reach, Target: target}), against(reach, target)}
	}
	for _, function := range order.Functions {
		shown.Functions = append(shown.Functions, held(order.Function, function))
	}
	for _, m := range inForce { // on a route
		if m.Reach == order.Function && !slices.Contains(order.Functions, m.Target) {
			shown.Functions = append(shown.Functions, held(order.Function, m.Target))
		}
	}
	for _, role := range append(a.shell.Readers(), roster.Programme) {
		shown.Roles = append(shown.Roles, held(order.Role, string(role)))
	}
	for _, m := range inForce { // on a role that is no longer named
		if m.Reach == order.Role && !slices.ContainsFunc(shown.Roles, func(h namedHeld) bool { return h.Target == m.Target }) {
			shown.Roles = append(shown.Roles, held(order.Role, m.Target))
		}
	}
	for _, network := range a.networks {
		shown.Networks = append(shown.Networks, held(order.Network, network))
	}
	for _, s := range a.shell.Services() {
		shown.Services = append(shown.Services, serviceHeld{s, against(order.Service, string(s.ID))})
	}
	shown.Functions, shown.Roles, shown.Networks = sought(shown.Sought, shown.Functions), sought(shown.Sought, shown.Roles), sought(shown.Sought, shown.Networks)
	shown.Services = slices.DeleteFunc(shown.Services, func(s serviceHeld) bool { return !contains(shown.Sought, s.Name, string(s.ID)) })
	shown.Everything = against(order.Everything, "")
	a.pages.Show(v.Visit, http.StatusOK, "directory.html", shown)
	return nil
}

// sought are those that have what is sought in their name.
func sought(what string, list []namedHeld) []namedHeld {
	return slices.DeleteFunc(list, func(h namedHeld) bool { return !contains(what, h.Name, h.Target) })
}

// contains reports whether one of the texts has sought in it, in any case.
func contains(sought string, texts ...string) bool {
	sought = strings.ToLower(sought)
	return sought == "" || slices.ContainsFunc(texts, func(text string) bool {
		return strings.Contains(strings.ToLower(text), sought)
	})
}
