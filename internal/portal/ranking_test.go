package portal_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"poterne/internal/i18n"
	"poterne/internal/portal/portaltest"
)

// No table sets accounts side by side with how many people each opened, but two: of
// accounts that are stopped or went beyond their limits within the hour, the desk reads whom
// nothing explains; and "exactly who" tells of accounts that it chose, in its own order. The
// short list of accounts near their limits is no table, and is in no manager's page.
func TestNoPageRanksAgentsByTheirWork(t *testing.T) {
	every(t, func(t *testing.T, in i18n.Language, _ *http.Response, page *html.Node, _ string) {
		for _, table := range portaltest.All(page, "table") {
			figures := figuresOfAccounts(in, table)
			if exactly := strings.Contains(t.Name(), "/exactly-"); len(figures) > 0 && !exactly {
				t.Errorf("a table of accounts has the figures %q", figures)
			}
		}
	})
	full := portaltest.NewStage()
	full.Fill()
	for _, order := range [][]string{{"theo.marchand", "camille.aubry"}, {"camille.aubry", "theo.marchand"}} {
		answer := httptest.NewRecorder()
		full.Visits("noa.lambert", "GET", "/desk/exactly?period=today&account="+strings.Join(order, "&account="), nil)(
			answer, httptest.NewRequest(http.MethodGet, "/", nil), i18n.French)
		page, err := html.Parse(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, table := range portaltest.All(page, "table") {
			if len(figuresOfAccounts(i18n.French, table)) == 0 {
				continue
			}
			for _, link := range portaltest.All(table, "a") {
				told = append(told, strings.TrimPrefix(portaltest.Attr(link, "href"), "/desk/accounts/"))
			}
		}
		if !slices.Equal(told, order) {
			t.Errorf("accounts that were chosen in the order %q are told in the order %q", order, told)
		}
	}
}

// figuresOfAccounts are the columns of figures of a table whose rows are of accounts,
// but for receipts and people whom nothing explains.
func figuresOfAccounts(in i18n.Language, table *html.Node) (figures []string) {
	accounts, allowed := false, []string{in.Say("table.receipt"), in.Say("desk.asked-column"), in.Say("desk.shown-column")}
	for _, head := range portaltest.All(table, "th") {
		switch text := portaltest.Text(head); {
		case text == in.Say("table.account"):
			accounts = true
		case portaltest.Attr(head, "class") == "figure" && !slices.Contains(allowed, text):
			figures = append(figures, text)
		}
	}
	if !accounts {
		return nil
	}
	return figures
}
