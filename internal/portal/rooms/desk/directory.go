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
	Accounts      []accountState
	More          bool // there are more accounts than are shown
	Organisations []organisationState
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

const accountsShown = 100

func (a accounts) directory(v visit) error {
	known, err := a.names.known(v.Context())
	if err != nil {
		return err
	}
	shown := directoryPage{Page: v.Page(directoryPath, "directory.title"), Sought: strings.TrimSpace(v.URL.Query().Get("q"))}
	inForce := a.measures(v)
	against := func(reach order.Reach, target string) (found []measureState) {
		for _, m := range inForce {
			if m.Reach == reach && m.Target == target {
				found = append(found, m)
			}
		}
		return found
	}
	counts := make(map[roster.OrganisationID]int)
	for _, a := range known.accounts {
		counts[a.Organisation]++
		name := v.labels.Organisation(a.Organisation)
		if !contains(shown.Sought, a.Name, string(a.ID), name) {
			continue
		}
		if shown.More = len(shown.Accounts) == accountsShown; !shown.More {
			shown.Accounts = append(shown.Accounts, accountState{a, name, against(order.Account, string(a.ID))})
		}
	}
	for _, o := range known.organisations {
		if contains(shown.Sought, o.Name, string(o.ID)) {
			shown.Organisations = append(shown.Organisations, organisationState{o, counts[o.ID], against(order.Organisation, string(o.ID))})
		}
	}
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
	shown.Everything = against(order.Everything, "")
	a.pages.Show(v.Visit, http.StatusOK, "directory.html", shown)
	return nil
}

// contains reports whether one of the texts has sought in it, in any case.
func contains(sought string, texts ...string) bool {
	return slices.ContainsFunc(texts, func(text string) bool {
		return strings.Contains(strings.ToLower(text), strings.ToLower(sought))
	})
}
