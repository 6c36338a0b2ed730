package portal

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"poterne/internal/i18n"
	"poterne/internal/order"
)

func TestAPageThatAsksSaysNothingIsDoneYet(t *testing.T) {
	every(t, func(t *testing.T, in i18n.Language, _ *http.Response, page *html.Node, _ string) {
		var asks bool
		for _, form := range all(page, "form") {
			asks = asks || attr(form, "action") == "/desk/orders"
		}
		if !asks {
			return
		}
		if heading := text(all(page, "h1")[0]); !strings.HasSuffix(heading, "?") {
			t.Errorf("the page that asks is headed %q, which is no question", heading)
		}
		s := newStage()
		accounts, organisations, err := s.rooms.accountNames(&visit{Request: httptest.NewRequest(http.MethodGet, "/", nil)})
		if err != nil {
			t.Fatal(err)
		}
		naming := namer{speaker: s.pages.speakers[in], services: s.pages.service, accounts: accounts, organisations: organisations}
		said := text(all(page, "main")[0])
		for _, o := range []string{"everything closed ", "everything frozen ", "service closed dossier", "organisation suspended ml-bourg", "organisation frozen ml-bourg", "account suspended theo.marchand", "account frozen theo.marchand"} {
			reach, rest, _ := strings.Cut(o, " ")
			effect, target, _ := strings.Cut(rest, " ")
			if done := naming.measure(order.Order{Reach: order.Reach(reach), Effect: order.Effect(effect), Target: target}); strings.Contains(said, done) {
				t.Errorf("the page asks, and says already: %s", done)
			}
		}
	})
}

func TestEnterInAFieldStopsNobody(t *testing.T) {
	every(t, func(t *testing.T, _ i18n.Language, _ *http.Response, page *html.Node, _ string) {
		for _, form := range all(page, "form") {
			if action := attr(form, "action"); action != "/desk/orders" && !strings.HasSuffix(action, "/lift") && action != "/manager/thaw" {
				continue
			}
			for _, field := range all(form, "input") {
				if kind := attr(field, "type"); kind != "hidden" {
					t.Errorf("Enter in %q does at once what %q does", attr(field, "name"), text(all(form, "button")[0]))
				}
			}
		}
	})
}
