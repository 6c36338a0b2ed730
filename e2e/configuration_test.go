package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"poterne/internal/lab/proof"
	"poterne/internal/ledger"
	"poterne/internal/roster"
)

// Whoever runs the machine edits the file, and nothing comes of it: neither reading it anew nor a
// start, nor leaving the setting out, nor a command with that file changes by what nodes go, until two people
// have allowed it in the portal. The older file that is put back afterwards waits for two people, too.
//
// Promises: RIGHTS-1, RUN-11
func TestRIGHTS_1_AChangedConfigurationWaitsForTwoPeople(t *testing.T) {
	t.Parallel()
	const adviser = "adviser     = { hour = 20, month = 20 }"
	h := newHouse(t, "application", nil)
	plain := readFile(t, h.config)
	if strings.Count(plain, adviser) != 1 {
		t.Fatal("the house's configuration has no such line")
	}
	byTwo := strings.Replace(plain, "[public]", "[configuration]\nby_two = true\n\n[public]", 1)
	wide := strings.Replace(byTwo, adviser, "adviser = { hour = 500, month = 500 }", 1)
	reload := func(code int, says ...string) string {
		t.Helper()
		said, got := poterne(t, "reload", "--config", h.config)
		for _, words := range says {
			if got != code || !strings.Contains(said, words) {
				t.Fatalf("reload exits with %d, not %d, and says, without %q:\n%s", got, code, words, said)
			}
		}
		return said
	}
	of := func(kind ledger.Kind) (list []ledger.Entry) {
		t.Helper()
		return slices.DeleteFunc(h.entries(0), func(e ledger.Entry) bool { return e.Kind != kind })
	}

	rewrite(t, h.config, byTwo)
	p := start(t, "serve", "--config", h.config)
	p.ready(h.origin)
	if set := of(ledger.ConfigurationSet); len(set) != 1 || set[0].State != ledger.First {
		t.Fatalf("the first configuration is written as %+v", set)
	}
	reload(0, "the configuration was read anew")

	button := func(account roster.AccountID) string {
		return fmt.Sprint(slices.IndexFunc(proof.Members, func(m proof.Member) bool { return m.Account == account }))
	}
	samir := newScreen(t, h.origin, "fr-FR")
	samir.signIn(button("samir.cohen"))
	samir.tries()
	samir.open("/installation/configuration")
	samir.says("h1", "Aucune configuration n’attend de réponse")
	hour := "[...document.querySelectorAll('tbody tr')].find(tr => tr.textContent.includes('Conseil')).querySelectorAll('td')[1].textContent.trim()"
	usual := func() {
		t.Helper()
		samir.open("/installation")
		if n := samir.evaluate(hour); n != "20" {
			t.Fatalf("an adviser is shown %s people an hour without a reason", n)
		}
	}
	usual()

	// What a machine has of its own, and comments, are its operator's alone.
	rewrite(t, h.config, strings.Replace(byTwo, "[public]", "# of ours\n[memory]\nfacts = 33554432\n\n[public]", 1))
	reload(0, "the configuration was read anew")

	rewrite(t, h.config, wide)
	where := h.origin + "/installation/configuration (entry "
	said := reload(1, waits, "two people have not allowed this configuration", where)
	usual()
	if again := reload(1, waits); again != said { // it is asked once
		t.Errorf("the second time it says %s", again)
	}
	p.stop()
	p = start(t, "serve", "--config", h.config) // nor by a start
	p.ready(h.origin)
	p.says("this node goes by what two people allowed last")
	p.says(where)
	usual()
	if proposed := h.poterne("config", "propose", h.config); !strings.Contains(proposed, "waits for two people at "+where) {
		t.Errorf("a proposal says %s", proposed)
	}
	if asked := of(ledger.ConfigurationAsked); len(asked) != 1 || asked[0].State != ledger.Found {
		t.Errorf("it is asked as %+v", asked)
	}

	// Nor by a command: a source that the file alone declares tells nothing.
	told := h.write("forged.csv", "id,kind,account,scheme,person,from,until\n1,caseload,pauline.mercier,dossier,100001,2026-01-01T00:00:00Z,2026-12-01T00:00:00Z\n")
	rewrite(t, h.config, byTwo+"\n[[source]]\nname = \"forged\"\nkinds = [\"caseload\"]\nlongest = \"8760h\"\nsilent_after = \"36h\"\n")
	if output, code := poterne(t, "facts", "import", "--config", h.config, "--as", "operator", "forged", told); code == 0 {
		t.Errorf("a source that nobody allowed is taken in:\n%s", output)
	}
	// Nor by leaving the setting out.
	rewrite(t, h.config, strings.Replace(wide, "by_two = true", "by_two = false", 1))
	reload(1, waits)
	samir.open("/installation/configuration")
	samir.says("main", "Ensuite, une seule personne changera la configuration.")
	rewrite(t, h.config, wide)
	reload(1, waits)

	// One signs, and cannot allow it; another does.
	samir.open("/installation/configuration")
	samir.says("h1", "Une configuration attend deux personnes")
	samir.says("table", "allowance.adviser.hour", "20", "500", "2 clés changent")
	samir.keep("configuration")
	samir.confirms("/installation/configuration", button("samir.cohen"))
	samir.do(chromedp.SendKeys(chromedp.CSS("input[name=because]"), "convenu en réunion"))
	samir.click("form[action$='/sign'] button")
	samir.says("main", "Vous avez signé")
	number := samir.evaluate(`document.querySelector("form[action$='/drop']").getAttribute("action").split("/")[3]`)
	allow := "/installation/configuration/" + number + "/allow"
	if status, said := samir.posts(allow, nil); status != http.StatusForbidden {
		t.Errorf("who signed allows it: %d, %s", status, said)
	}
	usual()
	nora := newScreen(t, h.origin, "en-GB")
	nora.signIn(button("nora.garde"))
	nora.tries()
	nora.open("/installation/configuration")
	if status, said := nora.posts(allow, nil); status != http.StatusForbidden {
		t.Errorf("who has not confirmed allows it: %d, %s", status, said)
	}
	pauline := h.browser("pauline.mercier")
	if page := h.get(pauline, "/installation/configuration"); page.Status != http.StatusForbidden {
		t.Errorf("an adviser sees what waits: %d", page.Status)
	}
	nora.confirms("/installation/configuration", button("nora.garde"))
	nora.says("main", "allowance.adviser.hour", "Samir Cohen", "convenu en réunion")
	nora.keep("configuration-signed")
	nora.click("form[action$='/allow'] button")
	nora.says("main", "No configuration waits for an answer", "Samir Cohen signed, Nora Garde allowed it", "still goes by another")
	nora.keep("configuration-allowed")
	usual()
	reload(0, "the configuration was read anew")
	samir.open("/installation")
	if n := samir.evaluate(hour); n != "500" {
		t.Errorf("after it was allowed an adviser is shown %s people an hour", n)
	}
	set := of(ledger.ConfigurationSet)
	if last := set[len(set)-1]; len(set) != 2 || last.Account != "samir.cohen" || last.Approver != "nora.garde" || last.Note != "convenu en réunion" {
		t.Errorf("the ledger says %+v", set)
	}

	// The file from before, which was good once, waits like any other.
	rewrite(t, h.config, byTwo)
	reload(1, waits, where)
	samir.open("/installation")
	if n := samir.evaluate(hour); n != "500" {
		t.Errorf("an older file brings %s back", n)
	}
	h.verified()
}
