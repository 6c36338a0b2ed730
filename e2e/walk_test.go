package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Acceptance A2 of the spine: an adviser works, opens strangers until she is
// stopped, is suspended by the desk and reopened, in browsers, on the real program.
//
// Promises: METER-7, WATCH-6, ACT-1, RUN-1
func TestA2_AnAdviserIsCountedStoppedSuspendedAndReopened(t *testing.T) {
	t.Parallel()
	d := startDemo(t, t.TempDir())
	pauline, samir := newScreen(t, d.origin, "fr-FR"), newScreen(t, d.origin, "en-GB")
	const desk, account = "/desk", "/desk/accounts/pauline.mercier"

	t.Log("She opens three people of her caseload, by the links of Dossier.")
	pauline.signIn(d.button("pauline.mercier"))
	pauline.says("#meter ~ .lead", "0 personne sans motif sur 20 en 28 jours, 0 sur 3 cette heure-ci.")
	pauline.click(".services a")
	pauline.click("nav a[href='/dossier/mine']")
	for _, link := range pauline.links("tr.person a")[:3] {
		pauline.open("/dossier/mine")
		if status := pauline.click("a[href='" + link + "']"); status != http.StatusOK {
			t.Fatalf("a person of her caseload: status %d", status)
		}
		if pauline.count("article.file") != 1 {
			t.Fatal("the file is not there")
		}
		pauline.says("article.file", "•••") // the NIR
	}
	pauline.keep("dossier")

	t.Log("At the desk, all is quiet.")
	samir.signIn(d.button("samir.cohen"))
	samir.click("main a[href='/desk']")
	samir.comesToSay("[data-live]", "Live", patience)
	samir.says(".headline", "All quiet")
	samir.do(chromedp.Click(chromedp.CSS("#events summary")))

	t.Log("She opens strangers until her allowance is empty.")
	for n := range 3 {
		if status := pauline.open(d.file(d.stranger(n))); status != http.StatusOK {
			t.Fatalf("stranger %d of 3: status %d", n+1, status)
		}
	}
	fourth := d.file(d.stranger(3))
	begun := time.Now()
	if status := pauline.open(fourth); status != http.StatusForbidden {
		t.Fatalf("the fourth stranger: status %d", status)
	}
	took := samir.comesToSay("#lines", "beyond the hour’s allowance (3 of 3)", aSecondOr(time.Since(begun)))
	t.Logf("The desk shows it after %v.", took)
	pauline.says("main", "Vous avez ouvert 3 personnes sans motif connu en une heure.", "La limite est de 3, et cette ouverture la dépasserait.",
		"Ni portefeuille, ni rendez-vous, ni appel, ni ticket d’accueil, ni message, ni inscription, ni relais n’explique cette ouverture.", "Reçu n°")
	pauline.keep("stopped")
	samir.says("#lines tr:first-child", "Pauline Mercier", "Dossier", "confirmation asked")
	samir.keep("desk")
	pauline.click("main a[href='" + d.origin + "/']")
	pauline.says("#meter ~ .lead", "3 personnes sans motif sur 20 en 28 jours, 3 sur 3 cette heure-ci.")
	pauline.says("#meter ~ .notice", "Votre franchise de l’heure est épuisée.")
	for dots, want := range map[string]int{".free": 23, ".used": 6} { // 3 of 3 this hour, 3 of 20 in 28 days
		if n := pauline.count(".dots " + dots); n != want {
			t.Errorf("%d dots %s, not %d", n, dots, want)
		}
	}
	pauline.keep("portal")
	if status := pauline.open(d.file(d.staff.Caseload("pauline.mercier")[5])); status != http.StatusOK {
		t.Errorf("her caseload is closed to her: status %d", status)
	}

	t.Log("The desk looks at her openings one by one, and suspends her, by keyboard alone.")
	samir.click("#lines tr:first-child a[href='" + account + "']")
	samir.says("h1", "Pauline Mercier")
	samir.says("#openings ~ .lead", "people")
	if shown, stopped := samir.count("main tr.masked"), samir.count("main tr.step-up"); shown < 7 || stopped != 1 {
		t.Errorf("her page lists %d disclosures and %d stops", shown, stopped)
	}
	samir.keep("account")
	samir.tabTo("a[href*='effect=suspended']")
	samir.press(kb.Enter)
	samir.says("h1", "Suspend the account of Pauline Mercier?")
	samir.tabTo("#because")
	samir.do(chromedp.KeyEvent("Her password was read out on the telephone."))
	samir.do(chromedp.KeyEvent(kb.Enter)) // a new line, and nothing else
	samir.says("h1", "Suspend the account of Pauline Mercier?")
	samir.tabTo("main form button.grave")
	samir.press(kb.Enter)
	samir.says("#measures ~ .measures", "account suspended", "Her password was read out on the telephone.")
	samir.keep("suspended")

	t.Log("Her next click leads out; whom the identity provider lets in again finds everything suspended.")
	mine := d.file(d.staff.Caseload("pauline.mercier")[0])
	pauline.open(mine)
	if pauline.count("article.file") != 0 || pauline.count("button[name=person]") == 0 {
		t.Error("she still has her session after she was suspended")
	}
	pauline.signInAgain(d.button("pauline.mercier"))
	pauline.says("main", "Votre accès est suspendu.")
	if status := pauline.open(mine); status != http.StatusForbidden {
		t.Errorf("a file for a suspended account: status %d", status)
	}
	pauline.says("main", "L’accès de ce compte ou de sa structure est suspendu.")
	pauline.keep("refused")
	samir.open(desk)
	samir.says("#orders ~ [data-part=orders]", "Pauline Mercier")

	t.Log("She is reopened, and works again.")
	samir.click("#orders ~ [data-part=orders] li:has(.state.suspended) a.button") // beside it, her colleagues' allowances are narrowed
	samir.do(chromedp.SendKeys(chromedp.CSS("#because"), "Her password is new."))
	samir.click("main form button.main")
	if status := pauline.open(mine); status != http.StatusOK || pauline.count("article.file") != 1 {
		t.Errorf("after she was reopened: status %d", status)
	}

	output, code := poterne(t, "ledger", "verify", "--config", filepath.Join(d.dir, "poterne.toml"))
	if code != 0 {
		t.Errorf("the ledger does not verify: %s", output)
	}
}

// Promises: RUN-7, WATCH-6
func TestA2_TheWalkNeedsNoScript(t *testing.T) {
	t.Parallel()
	d := startDemo(t, t.TempDir())
	pauline, samir := newScreen(t, d.origin, "en-GB"), newScreen(t, d.origin, "fr-FR")
	pauline.withoutScripts()
	samir.withoutScripts()
	pauline.signIn(d.button("pauline.mercier"))
	for n := range 3 {
		pauline.open(d.file(d.stranger(n)))
	}
	if status := pauline.open(d.file(d.stranger(3))); status != http.StatusForbidden {
		t.Fatalf("the fourth stranger: status %d", status)
	}
	pauline.says("main", "You opened 3 people without a known reason within an hour. The limit is 3, and this opening would pass it.", "No caseload, appointment, call, desk ticket, message, enrolment or cover explains this opening.")
	pauline.click("main a[href='" + d.origin + "/']")
	pauline.says("#meter ~ .lead", "3 people without a reason of 20 in 28 days, 3 of 3 this hour.")

	samir.signIn(d.button("samir.cohen"))
	samir.click("main a[href='/desk']")
	samir.says("[data-live]", "Cette page montre l’instant où elle a été ouverte.")
	samir.do(chromedp.Click(chromedp.CSS("#events summary")))
	samir.says("#lines tr:first-child", "Pauline Mercier", "confirmation demandée", "au-delà de la franchise de l’heure (3 sur 3)")
	samir.keep("desk-without-scripts")
	samir.click("#lines tr:first-child td a")
	samir.click("a[href*='effect=suspended']")
	samir.do(chromedp.SendKeys(chromedp.CSS("#because"), "Mot de passe donné au téléphone."))
	samir.click("main form button.grave")
	samir.says("#measures ~ .measures", "compte suspendu", "Mot de passe donné au téléphone.")
	pauline.open(d.file(d.staff.Caseload("pauline.mercier")[0]))
	if pauline.count("article.file") != 0 {
		t.Error("she was shown a file after she was suspended")
	}
}

// Promise: ACT-1
func TestA2_ACT_1_AnswersUnderWayAreCut(t *testing.T) {
	t.Parallel()
	const megabytes = 48 // more than everything between the gate and a page can hold
	application, asked := slowApplication(t, megabytes)
	h := newHouse(t, "application", map[string]string{
		"http://127.0.0.1:3000": application,
		`prefix = "/people"`:    fmt.Sprintf("prefix = \"/people\"\nlargest = %d\ntimeout = \"10m\"", (megabytes+1)<<20), // no time is over before the order
	})
	h.serve()
	pauline, samir := newScreen(t, h.origin, "en-GB"), newScreen(t, h.origin, "en-GB")
	pauline.signIn("0")
	samir.signIn("3")
	samir.open("/desk/orders/new?reach=account&effect=suspended&target=pauline.mercier")
	samir.do(chromedp.SendKeys(chromedp.CSS("#because"), "A stolen session."))

	// One answer waits behind the counter for its second half; another is on its way
	// to a browser that reads it slowly.
	pauline.open("/people/list")
	pauline.evaluate(`(async () => {
		window.held = fetch("/people/files/000001", {headers: {Accept: "text/html"}}).then(async answer =>
			answer.status + " " + await answer.text() + " " + Date.now());
		const answer = await fetch("/people/list?from=large");
		window.slow = answer.body.getReader();
		window.received = (await slow.read()).value.length;
	})().then(() => "")`)
	for range 3 { // the short list, the large one, and the file
		select {
		case <-asked:
		case <-time.After(patience):
			t.Fatal("the application was not asked")
		}
	}
	begun := time.Now()
	samir.click("main form button.grave")
	held := pauline.evaluate("held")
	t.Logf("the answer behind the counter was refused after %v", time.Since(begun).Round(time.Millisecond)) // the application never ends it
	if !strings.HasPrefix(held, "403 ") || !strings.Contains(held, "suspended") || strings.Contains(held, "Durand") {
		t.Errorf("what was behind the counter became %q", held)
	}
	rest := pauline.evaluate(`(async () => {
		try {
			for (;;) {
				const part = await slow.read();
				if (part.done) return "all of it";
				received += part.value.length;
			}
		} catch {
			return "cut after " + received;
		}
	})()`)
	var received int
	if _, err := fmt.Sscanf(rest, "cut after %d", &received); err != nil || received >= megabytes<<20 {
		t.Errorf("what was on its way arrived: %s", rest)
	}
	t.Log("What was on its way was", rest)
	h.verified()
}

// slowApplication is one that never ends its answers about files, and whose large
// list is of so many megabytes. It says when it is asked.
func slowApplication(t *testing.T, megabytes int) (address string, asked <-chan struct{}) {
	requests := make(chan struct{}, 3)
	over := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasPrefix(r.URL.Path, "/files/"):
			_, _ = io.WriteString(w, `{"id": "000001", "name": "Durand", `)
			_ = http.NewResponseController(w).Flush()
			requests <- struct{}{}
			select {
			case <-r.Context().Done():
			case <-over:
			}
			return
		case r.URL.Query().Get("from") == "large":
			_, _ = fmt.Fprintf(w, `[{"id": "000002", "name": "Petit", "note": "%s"}]`, strings.Repeat("n", megabytes<<20))
		default:
			_, _ = io.WriteString(w, "[]")
		}
		requests <- struct{}{}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(over) })
	return server.URL, requests
}
