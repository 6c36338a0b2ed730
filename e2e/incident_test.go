package e2e

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"golang.org/x/mod/sumdb/note"

	"poterne/internal/incident/evidence"
)

// A stolen session takes what it can. The desk stops it and opens a file; the
// data-protection officer is counted exactly those whom the thief received, sends the
// initial notice, and has the message that people will read: by what the pages suggest.
//
// Promises: TELL-1, TELL-2, TELL-3, TELL-4, TELL-5
func TestTELL_2_FromATheftToTheNoticeAndTheMessageInABrowser(t *testing.T) {
	t.Parallel()
	d := startDemo(t, t.TempDir())
	thief, own, strangers := d.browser("pauline.mercier"), make(map[string]bool), make(map[string]bool)
	caseload := d.staff.Caseload("pauline.mercier")
	people := slices.Clone(caseload[:2])
	for n := range 6 {
		people = append(people, d.staff.Stranger(n))
	}
	for _, person := range people {
		for _, mail := range anyMail.FindAllString(string(d.get(thief, d.file(person)).Body), -1) {
			whose, known := d.register.ByMail(mail)
			if !known {
				t.Fatalf("%s is nobody's address", mail)
			}
			into := strangers
			if slices.Contains(caseload, whose) {
				into = own
			}
			into[d.register.Dossier(whose)] = true
		}
	}
	if len(own) == 0 || len(strangers) == 0 {
		t.Fatalf("the thief received %d of the caseload and %d strangers", len(own), len(strangers))
	}

	samir := newScreen(t, d.origin, "en-GB")
	samir.signIn(d.button("samir.cohen"))
	samir.open("/desk/accounts/pauline.mercier")
	samir.click("main a[href='/incidents/new?account=pauline.mercier']")
	samir.says("main", "Open an incident", "It tells nobody by itself.")
	samir.click("main form button.main")
	samir.says("main", "Account of Pauline Mercier", "1 account has not been stopped.")
	samir.click("main a[href^='/desk/orders/new?reach=account&effect=suspended']")
	samir.do(chromedp.SendKeys(chromedp.CSS("#because"), "a theft"))
	samir.click("main form button.grave")

	claire := newScreen(t, d.origin, "en-GB")
	claire.signIn(d.button("claire.aubry"))
	claire.open("/incidents")
	claire.says("main", "1 open file.", "Account of Pauline Mercier")
	claire.click("main table a")
	claire.says("main", "Every account has been stopped.", "The people have not been counted yet.")
	file := claire.evaluate(`location.pathname`)
	claire.click("main form[action$='/count'] button")
	claire.says("main", fmt.Sprintf("%d %s concerned without a reason", len(strangers), plural(len(strangers), "person", "people")), fmt.Sprintf("%d with a reason to be checked.", len(own)), "NIR, benefits, health")

	// The moment is a minute ago by the clock of the pages.
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	moment := func(at time.Time) string { return at.In(paris).Format("2006-01-02T15:04") }
	claire.do(chromedp.SetValue(chromedp.CSS("#at"), moment(time.Now().Add(-2*time.Minute))))
	claire.do(chromedp.SendKeys(chromedp.CSS("#aware-because"), "the desk's alert"))
	claire.click("main form[action$='/aware'] button")
	claire.says("main", "Initial notice to the CNIL (72 hours)", "71 h 5")
	claire.keep("incident")

	claire.click("main .tasks a[href$='/notices/cnil']")
	claire.says("main", fmt.Sprintf("%d distinct people, exactly", len(own)+len(strangers)), "Agence de Valbourg (démonstration)", "Measures taken in Poterne", "suspended")
	claire.do(
		chromedp.Click(chromedp.CSS("input[name=nature][value=confidentiality]")), chromedp.Click(chromedp.CSS("input[name=harms][value=fraud]")),
		chromedp.SendKeys(chromedp.CSS("#description"), "An adviser's session was stolen."),
	)
	claire.click("main form[action$='/cnil'] button.main")
	claire.says("main", "An adviser's session was stolen.", "Fraud, swindles, targeted phishing")
	claire.keep("notice")
	begins := claire.evaluate(`(async () => {
		const answer = await fetch(document.querySelector("a[href*='/pdf?']").href);
		return String.fromCharCode(...new Uint8Array(await answer.arrayBuffer()).slice(0, 8));
	})()`)
	if begins != "%PDF-1.7" {
		t.Errorf("the PDF begins %q", begins)
	}
	claire.do(chromedp.SetValue(chromedp.CSS("#sent"), moment(time.Now().Add(-time.Minute))))
	claire.click("main form[action$='/sent'] button")
	claire.says("main", "Initial notice, sent ")

	bundle, err := base64.StdEncoding.DecodeString(claire.evaluate(`(async () => {
		const answer = await fetch(document.querySelector("form[action$='/evidence']").action, {method: "POST"});
		return btoa(Array.from(new Uint8Array(await answer.arrayBuffer()), byte => String.fromCharCode(byte)).join(""));
	})()`))
	if err != nil {
		t.Fatal(err)
	}
	public, err := os.ReadFile(filepath.Join(d.dir, "checkpoint.pub"))
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(public)))
	if err != nil {
		t.Fatal(err)
	}
	if r, err := evidence.Verify(bundle, verifier); err != nil || r.Lines < 5 || r.Disclosures < len(own)+len(strangers) || r.Orders == 0 {
		t.Errorf("the evidence proves %+v, %v", r, err)
	}

	claire.click("main .tasks a[href$='/message']")
	claire.says("main", "Agence de Valbourg (démonstration) is writing to you", "That account has been stopped.", "Easy to read: a draft")
	if found := regexp.MustCompile(`https?:|www\.|@`).FindString(claire.text("main")); found != "" {
		t.Errorf("the message has %q", found)
	}
	claire.keep("message")

	// Two persons have the people named, and those are told: each of what was seen of them, where
	// the register says that they can be reached, which is read through the gate.
	listed, _ := poterne(t, "name", "--incident", strings.TrimPrefix(file, "/incidents/"), "--config", filepath.Join(d.dir, "poterne.toml"), "--register", filepath.Join(d.dir, "identifiers.csv"),
		"--out", filepath.Join(d.dir, "missing.csv"), "--because", "art. 34", "--by", "claire.aubry", "--approved-by", "samir.cohen")
	if want := fmt.Sprintf("%d people are listed; the register does not have 0", len(own)+len(strangers)); !strings.Contains(listed, want) {
		t.Fatalf("it says %q, not %q", listed, want)
	}
	claire.open(file + "/message")
	claire.click("main form[action$='/begin'] button")
	claire.says("main", "Under way")
	for range 100 {
		if claire.open(file + "/message"); strings.Contains(claire.text("main"), "100 % of the people dealt with") {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	claire.says("main", "100 % of the people dealt with")
	claire.keep("told")
	samir.open("/desk/accounts/messages")
	samir.says("main", "person told of an incident")
}

func plural(n int, one, other string) string {
	if n == 1 {
		return one
	}
	return other
}
