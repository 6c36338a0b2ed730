package e2e

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"poterne/internal/ledger"
	"poterne/internal/portal/portaltest"
)

// A stolen session takes what it can; then the desk asks exactly who, in a browser,
// and hands over the list of those whom the thief received, nobody else and nobody
// less, sealed.
//
// Promise: LEDGER-7
func TestLEDGER_7_TheDeskSaysExactlyWhomAThiefReceived(t *testing.T) {
	t.Parallel()
	d := startDemo(t, t.TempDir())
	thief, received := d.browser("pauline.mercier"), make(map[string]bool)
	key := pseudonymKey(t, d.dir)
	people := d.staff.Caseload("pauline.mercier")[:2:2]
	for n := range 6 {
		people = append(people, d.staff.Stranger(n))
	}
	for _, person := range people {
		for _, mail := range anyMail.FindAllString(string(d.get(thief, d.file(person)).Body), -1) {
			whose, known := d.register.ByMail(mail)
			if !known {
				t.Fatalf("%s is nobody's address", mail)
			}
			received[key.Person(d.register.Dossier(whose)).Hex()] = true
		}
	}
	if len(received) <= 2 {
		t.Fatalf("the thief received %d people", len(received))
	}
	t.Logf("The thief received %d people.", len(received))

	samir := newScreen(t, d.origin, "en-GB")
	samir.signIn(d.button("samir.cohen"))
	samir.open("/desk/accounts/pauline.mercier")
	samir.click("main p > a[href^='/desk/exactly?']")
	samir.says("main", fmt.Sprintf("Exactly %d people", len(received)), "Pauline Mercier", "It holds for every entry from number 0")
	samir.keep("exactly")

	packed, err := base64.StdEncoding.DecodeString(samir.evaluate(`(async () => {
		const form = document.querySelector("form[action='/desk/exactly/list']");
		const answer = await fetch(form.action, {method: "POST", body: new URLSearchParams(new FormData(form))});
		return btoa(String.fromCharCode(...new Uint8Array(await answer.arrayBuffer())));
	})()`))
	if err != nil {
		t.Fatal(err)
	}
	list, seal := sealedList(t, packed)
	lines := strings.Split(strings.TrimSpace(list), "\n")[1:]
	for _, line := range lines {
		person, _, _ := strings.Cut(line, ",")
		if !received[person] {
			t.Error("somebody is in the list whom the thief did not receive")
		}
	}
	if len(lines) != len(received) {
		t.Errorf("%d people in the list, %d received", len(lines), len(received))
	}
	sum := sha256.Sum256([]byte(list))
	if !strings.Contains(seal, "\nsha256 "+hex.EncodeToString(sum[:])+"\n") || !strings.HasPrefix(seal, "shown to pauline.mercier, from ") || !strings.Contains(seal, "checkpoint:\n") {
		t.Errorf("the seal is\n%s", seal)
	}

	t.Log("Who saw one of them, without a script in the page.")
	samir.withoutScripts()
	samir.open("/desk/who-saw")
	samir.do(chromedp.SendKeys(chromedp.CSS("#identifier"), d.register.Dossier(d.staff.Caseload("pauline.mercier")[0])))
	samir.do(chromedp.SendKeys(chromedp.CSS("#because"), "A complaint."))
	samir.click("main form button.main")
	samir.says("main", "Shown once, to 1 account.", "Pauline Mercier")
	samir.keep("who-saw")

	asked := 0
	for _, e := range entries(t, filepath.Join(d.dir, "poterne.db"), 0) {
		if e.Kind == ledger.Read && e.Account == "samir.cohen" && strings.Contains(e.Route, "/desk/exactly") || strings.Contains(e.Route, "/desk/who-saw") {
			asked++
		}
	}
	if asked != 3 {
		t.Errorf("%d questions are written, not three", asked)
	}
}

// sealedList takes the list and its seal out of an archive.
func sealedList(t *testing.T, packed []byte) (list, seal string) {
	t.Helper()
	for name, body := range portaltest.Unpack(t, string(packed)) {
		if strings.HasSuffix(name, ".seal") {
			seal = body
		} else {
			list = body
		}
	}
	return list, seal
}
