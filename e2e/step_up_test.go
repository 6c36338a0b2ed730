package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"poterne/internal/ledger"
	"poterne/internal/policy"
	"poterne/internal/roster"
)

// An adviser opens strangers until she is stopped, presses the one button, signs in
// again, and is back on the file, which opens. Her manager then allows her a few
// more for an hour. The desk follows.
//
// Promises: METER-1, METER-6, METER-7, ENTRY-6
func TestMETER_1_AnAdviserWhoIsStoppedConfirmsThatItIsHerAndGoesOn(t *testing.T) {
	t.Parallel()
	d := startDemo(t, t.TempDir())
	pauline, samir := newScreen(t, d.origin, "fr-FR"), newScreen(t, d.origin, "en-GB")
	samir.signIn(d.button("samir.cohen"))
	samir.click("main a[href='/desk']")
	samir.comesToSay("[data-live]", "Live", patience)
	samir.do(chromedp.Click(chromedp.CSS("#events summary")))

	t.Log("She opens strangers until her allowance is empty.")
	pauline.signIn(d.button("pauline.mercier"))
	for n := range 3 {
		if status := pauline.open(d.file(d.stranger(n))); status != http.StatusOK {
			t.Fatalf("stranger %d of 3: status %d", n+1, status)
		}
	}
	fourth := d.file(d.stranger(3))
	if status := pauline.open(fourth); status != http.StatusForbidden {
		t.Fatalf("the fourth stranger: status %d", status)
	}
	pauline.says("main", "La limite est de 3, et cette ouverture la dépasserait.", "Confirmez que c’est bien vous qui demandez", "Confirmer que c’est bien moi", "tient lieu de clé d’accès")
	if n := pauline.count("main .main"); n != 1 {
		t.Errorf("%d buttons stand out on the page", n)
	}
	pauline.keep("stopped")

	t.Log("A script is told the same.")
	var said struct {
		Note string
		Ask  struct{ Kind, Method, Address string }
	}
	text := pauline.evaluate(fmt.Sprintf(`fetch(%q, {headers: {Accept: "application/json"}}).then(answer => answer.text())`, fourth))
	if err := json.Unmarshal([]byte(text), &said); err != nil || said.Ask.Kind != "step-up" || said.Ask.Method != "POST" || said.Ask.Address != "/.poterne/step-up" {
		t.Errorf("the script is told %s", text)
	}

	t.Log("She presses the button, signs in again, and is back on the file.")
	pauline.click("main button.main")
	pauline.says("h1", "Est-ce toujours vous")
	begun := time.Now()
	if status := pauline.click("button[name=person][value='" + d.button("pauline.mercier") + "']"); status != http.StatusOK {
		t.Fatalf("back on the file: status %d", status)
	}
	pauline.arrivesAt(fourth)
	if pauline.count("article.file") != 1 {
		t.Error("the file did not open")
	}
	samir.comesToSay("#lines", "Pauline Mercier", aSecondOr(time.Since(begun)))
	samir.open("/desk/accounts/pauline.mercier")
	samir.says("#openings ~ table", "confirmation")
	samir.keep("desk")
	if status := pauline.open(d.file(d.stranger(4))); status != http.StatusForbidden {
		t.Errorf("one step-up opened a second stranger: status %d", status)
	}

	t.Log("Her manager allows her two more, with a step-up of her own.")
	helene := newScreen(t, d.origin, "fr-FR")
	helene.signIn(d.button("helene.roux"))
	helene.click("main a[href='/manager']")
	if helene.count("form[action='/manager/raise']") != 0 {
		t.Error("there is a form before she confirmed that it is her")
	}
	helene.click("main button.main")
	helene.click("button[name=person][value='" + d.button("helene.roux") + "']")
	helene.arrivesAt("/manager")
	helene.do(
		chromedp.SetValue(chromedp.CSS("#account"), "pauline.mercier"),
		chromedp.SendKeys(chromedp.CSS("#people"), "2"), chromedp.SendKeys(chromedp.CSS("#hours"), "1"),
		chromedp.SendKeys(chromedp.CSS("#because"), "Forum de l’emploi."),
	)
	helene.click("form[action='/manager/raise'] button.main")
	helene.says("main", "C’est fait", "Pauline Mercier : il reste 2 personnes")
	helene.keep("manager")
	for n, want := range []int{http.StatusOK, http.StatusOK, http.StatusForbidden} {
		if status := pauline.open(d.file(d.stranger(5 + n))); status != want {
			t.Errorf("stranger %d after the raise: status %d, want %d", n+1, status, want)
		}
	}

	t.Log("All of it is in the ledger, by browser and network, without an address.")
	stepUps, signIns := map[roster.AccountID]ledger.Entry{}, map[roster.AccountID]ledger.Entry{}
	device := ""
	for _, e := range entries(t, filepath.Join(d.dir, "poterne.db"), 0) {
		switch {
		case e.Kind == ledger.SteppedUp:
			stepUps[e.Account] = e
		case e.Kind == ledger.SignIn:
			signIns[e.Account] = e
		case e.Account == "pauline.mercier" && e.Kind == ledger.Consulted:
			device = e.Device
		}
		if e.Why == policy.Raised && e.Account != "pauline.mercier" {
			t.Errorf("%s was shown somebody under her raise", e.Account)
		}
		if strings.Contains(e.Network, "127.0.0.1") || strings.Contains(e.Note, "127.0.0.1") {
			t.Errorf("an address is in entry %d", e.Number)
		}
	}
	hers, theirs := stepUps["pauline.mercier"], stepUps["helene.roux"]
	if !regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(hers.Device) || hers.Device != device || hers.Device == theirs.Device || hers.Network == "" {
		t.Errorf("her browser is %q, and %q when she stepped up, in %q; her manager's is %q", device, hers.Device, hers.Network, theirs.Device)
	}
	if in := signIns["pauline.mercier"]; in.State != ledger.Granted || in.Device != device || in.Session == "" || in.ACR == "" || in.AMR == "" || in.Factor == "" || in.Identity.Subject == "" || in.SIRET == "" {
		t.Errorf("her sign-in is written as %+v", in)
	}
	output, code := poterne(t, "ledger", "verify", "--config", filepath.Join(d.dir, "poterne.toml"))
	if code != 0 {
		t.Errorf("the ledger does not verify: %s", output)
	}
}
