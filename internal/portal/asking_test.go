package portal_test

import (
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"poterne/internal/i18n"
	"poterne/internal/order"
	"poterne/internal/portal"
	"poterne/internal/portal/portaltest"
)

func TestAPageThatAsksSaysNothingIsDoneYet(t *testing.T) {
	every(t, func(t *testing.T, in i18n.Language, _ *http.Response, page *html.Node, _ string) {
		var asks bool
		for _, form := range portaltest.All(page, "form") {
			asks = asks || portaltest.Attr(form, "action") == "/desk/orders"
		}
		if !asks {
			return
		}
		if heading := portaltest.Text(portaltest.All(page, "h1")[0]); !strings.HasSuffix(heading, "?") {
			t.Errorf("the page that asks is headed %q, which is no question", heading)
		}
		said := portaltest.Text(portaltest.All(page, "main")[0])
		portaltest.Visited(in, func(v *portal.Visit, shell *portal.Shell) {
			labels := shell.Labels(v, portaltest.Accounts, portaltest.Organisations)
			for _, o := range []string{"everything closed ", "everything frozen ", "service closed dossier", "organisation suspended ml-bourg", "organisation frozen ml-bourg", "account suspended theo.marchand", "account frozen theo.marchand"} {
				reach, rest, _ := strings.Cut(o, " ")
				effect, target, _ := strings.Cut(rest, " ")
				if done := labels.Measure(order.Order{Reach: order.Reach(reach), Effect: order.Effect(effect), Target: target}); strings.Contains(said, done) {
					t.Errorf("the page asks, and says already: %s", done)
				}
			}
		})
	})
}

func TestEnterInAFieldStopsNobody(t *testing.T) {
	every(t, func(t *testing.T, _ i18n.Language, _ *http.Response, page *html.Node, _ string) {
		for _, form := range portaltest.All(page, "form") {
			if action := portaltest.Attr(form, "action"); action != "/desk/orders" && !strings.HasSuffix(action, "/lift") && action != "/manager/thaw" {
				continue
			}
			for _, field := range portaltest.All(form, "input") {
				if kind := portaltest.Attr(field, "type"); kind != "hidden" {
					t.Errorf("Enter in %q does at once what %q does", portaltest.Attr(field, "name"), portaltest.Text(portaltest.All(form, "button")[0]))
				}
			}
		}
	})
}
