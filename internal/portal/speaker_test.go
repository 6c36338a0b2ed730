package portal_test

import (
	"html/template"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"poterne/internal/i18n"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/portal"
	"poterne/internal/roster"
)

// Promise: RUN-10. Pages call a role what the operator calls it, in both languages; a role
// that was dropped, and an old line of the ledger about it, go by its id.
func TestRUN_10_PagesCallRolesWhatTheOperatorDoes(t *testing.T) {
	shell := portal.NewShell(portal.NewPages(portal.Settings{Roles: []portal.Role{
		{ID: "inspector", Names: map[i18n.Language]string{i18n.French: "Inspection <b>", i18n.English: "Inspector"}}, {ID: roster.Adviser},
	}}), portal.Deps{})
	for in, want := range map[i18n.Language]map[roster.Role]string{
		i18n.French:  {"inspector": "Inspection <b>", roster.Adviser: "Conseil", roster.Manager: "Gestion des comptes", "dropped": "dropped"},
		i18n.English: {"inspector": "Inspector", roster.Adviser: "Adviser", roster.Manager: "Account manager", "dropped": "dropped"},
	} {
		asked := room(func(visit *portal.Visit) error {
			labels := shell.Labels(visit, nil, nil)
			for role, name := range want {
				if got := visit.Speaker.Role(role); got != name {
					t.Errorf("in %s the role %s is called %q", in, role, got)
				}
				if got := labels.Target(order.Order{Reach: order.Role, Target: string(role)}); got != name {
					t.Errorf("in %s an order reaches %q, which is %s", in, got, role)
				}
				line := labels.Sentence(portal.Activity{Entry: ledger.Entry{Kind: ledger.Proposed, State: ledger.State(role), Subject: "a"}})
				if !strings.Contains(line, name) {
					t.Errorf("in %s a proposal of a %s is told as %q", in, role, line)
				}
				page := httptest.NewRecorder()
				visit.Writer = page
				shell.Writer(fstest.MapFS{"pages/one.html": {Data: []byte(`{{role .}}`)}}).Show(visit, 200, "one.html", role)
				if page.Body.String() != template.HTMLEscapeString(name) {
					t.Errorf("in %s a page says %q of the role %s", in, page.Body, role)
				}
			}
			return nil
		})
		request := httptest.NewRequest("GET", "/roles", nil)
		request.Header.Set("Accept-Language", string(in))
		answer := httptest.NewRecorder()
		if shell.Handler(asked).ServeHTTP(answer, request); answer.Code != http.StatusOK {
			t.Errorf("in %s: %d", in, answer.Code)
		}
	}
}

// room answers one visit of somebody who is not signed in.
type room func(*portal.Visit) error

func (r room) Routes() []portal.Route {
	return []portal.Route{{Pattern: "GET /roles", Serve: r, Open: true}}
}
func (room) Links() []portal.Link { return nil }
