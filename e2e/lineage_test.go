package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// confirms has somebody confirm that they are there, from a page that asks for it.
func (s *screen) confirms(path, button string) {
	s.t.Helper()
	s.open(path)
	s.click("form[action='/.poterne/step-up'] button")
	s.click("button[name=person][value='" + button + "']")
	s.arrivesAt(path)
}

// posts sends a form as a page would, and returns the status and the page.
func (s *screen) posts(path string, form map[string]string) (status int, said string) {
	s.t.Helper()
	fields, err := json.Marshal(form)
	if err != nil {
		s.t.Fatal(err)
	}
	answer := s.evaluate(fmt.Sprintf(`fetch(%q, {method: "POST", redirect: "manual", body: new URLSearchParams(%s)}).then(async a => (a.type === "opaqueredirect" ? 303 : a.status) + " " + await a.text())`, path, fields))
	code, said, _ := strings.Cut(answer, " ")
	status, _ = strconv.Atoi(code)
	return status, said
}

// letters waits until the demonstration's mail page says something, and returns the page.
func (d *demo) letters(to, want string) string {
	d.t.Helper()
	found := regexp.MustCompile(`Mail +(http://\S+)/`).FindStringSubmatch(d.output.String())
	if found == nil {
		d.t.Fatal("the demonstration does not say where mail is")
	}
	for begun := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		answer, err := http.Get(found[1] + "/?to=" + to)
		if err != nil {
			d.t.Fatal(err)
		}
		raw, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil {
			d.t.Fatal(err)
		}
		if strings.Contains(string(raw), want) {
			return string(raw)
		}
		if time.Since(begun) > patience {
			d.t.Fatalf("%s is not told %q but %s", to, want, raw)
		}
	}
}

// December 2025, through the real program: whoever has an account manager's session, freshly
// confirmed, tries to make accounts that read. Nobody is shown; the head and the other
// manager are told by mail; and one act freezes all that came of it.
//
// Promises: RIGHTS-1, ACT-1
func TestDecember2025AStolenManagerMakesNoAccountThatReads(t *testing.T) {
	t.Parallel()
	d := startDemo(t, t.TempDir())
	const room, home = "/manager/accounts", "mission-locale-valbourg"
	newcomer := strconv.Itoa(len(d.staff.Agents())) // Alix, who has no account
	refused := func(what string, s *screen, path string, form map[string]string) {
		t.Helper()
		if status, said := s.posts(path, form); status < 400 || status >= 500 {
			t.Errorf("%s: status %d, %s", what, status, said)
		}
	}

	t.Log("Whoever runs the program brings a second manager by a file, who gives no right before the desk admits it.")
	file := filepath.Join(d.dir, "more.toml")
	roster := fmt.Sprintf(`
[[account]]
id = "marc.second"
organisation = "%[1]s"
role = "manager"
name = "Marc Second"
mail = "marc.second@%[1]s.example"
issuer = "https://elsewhere.example"
subject = "marc"
`, home)
	if err := os.WriteFile(file, []byte(roster), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, err := exec.Command(binary, "roster", "import", "--config", filepath.Join(d.dir, "poterne.toml"), "--as", "operator", file).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	samir := newScreen(t, d.origin, "en-GB")
	samir.signIn(d.button("samir.cohen"))
	samir.confirms(room, d.button("samir.cohen"))
	samir.says("main", "Accounts of a roster, to be admitted", "Marc Second")
	samir.click("button[value=admit]")
	samir.says(".said", "admitted")

	t.Log("A session without a confirmation proposes nothing.")
	helene := newScreen(t, d.origin, "en-GB")
	helene.signIn(d.button("helene.roux"))
	proposal := func(name, mail, role string) map[string]string {
		form := map[string]string{"name": name, "mail": mail, "role": role, "until": time.Now().AddDate(0, 6, 0).Format(time.DateOnly), "because": "Hired this week."}
		if role != "manager" {
			form["service"] = "dossier"
		}
		return form
	}
	helene.open("/manager/propose")
	refused("without a confirmation", helene, "/manager/propose", proposal("A", "a@"+home+".example", "adviser"))

	t.Log("With one, she proposes a reader, and a manager who is to approve it.")
	helene.confirms("/manager/propose", d.button("helene.roux"))
	for _, form := range []map[string]string{proposal("A Reader", "reader@"+home+".example", "adviser"), proposal("Alix Morel", "alix.morel@"+home+".example", "manager")} {
		if status, said := helene.posts("/manager/propose", form); status != http.StatusSeeOther {
			t.Fatalf("proposing: status %d, %s", status, said)
		}
	}
	refused("her own address", helene, "/manager/propose", proposal("Me", "helene.roux@"+home+".example", "adviser"))
	refused("her own address, otherwise", helene, "/manager/propose", proposal("Me", "helene.roux+2@"+home+".example", "adviser"))
	refused("one of the desk", helene, "/manager/propose", proposal("D", "d@"+home+".example", "security"))
	helene.open(room)
	helene.says("main", "A Reader", "Another person approves it.")
	actions := helene.evaluate(`JSON.stringify([...document.querySelectorAll("form[action^='/manager/proposals/']")].map(f => f.getAttribute("action")))`)
	var waiting []string // the newest first: Alix, the reader
	if err := json.Unmarshal([]byte(actions), &waiting); err != nil || len(waiting) != 2 {
		t.Fatalf("%s, %v", actions, err)
	}
	for _, path := range waiting {
		refused("approving her own", helene, path, map[string]string{"do": "approve"})
		refused("confirming her own", helene, path, map[string]string{"do": "confirm"})
	}
	refused("admitting", helene, waiting[1], map[string]string{"do": "admit"})

	t.Log("The head and the other manager hold a notice of each.")
	for _, to := range []string{"direction@" + home + ".example", "marc.second@" + home + ".example"} {
		if page := d.letters(to, "Hélène Roux proposes an account"); strings.Count(page, "proposes an account") < 2 {
			d.letters(to, "proposes an account")
		}
	}

	t.Log("The desk is fooled: it approves the manager, who follows the link. Looking at the link accepts nothing.")
	samir.open(room)
	if status, said := samir.posts(waiting[0], map[string]string{"do": "approve"}); status != http.StatusSeeOther {
		t.Fatalf("approving: status %d, %s", status, said)
	}
	link := regexp.MustCompile(`href="([^"]*token=[^"]*)"`).FindStringSubmatch(d.letters("alix.morel@"+home+".example", "invitation?token="))[1]
	if answer, err := http.Get(link); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal("looking at the link", err)
	}
	alix := newScreen(t, d.origin, "en-GB")
	alix.open(strings.TrimPrefix(link, d.origin))
	alix.click("form[action='/.poterne/invitation'] button")
	alix.click("button[name=person][value='" + newcomer + "']")
	alix.says("h1", "Accepted: somebody has yet to recognise you")
	code := alix.text("dd.mono:last-of-type")
	samir.open(room)
	samir.says("main", code, "The identity service gives the same address.")
	if status, said := samir.posts(waiting[0], map[string]string{"do": "confirm"}); status != http.StatusSeeOther {
		t.Fatalf("confirming: status %d, %s", status, said)
	}

	t.Log("The creature approves nothing of hers, and reads no file.")
	alix.open("/")
	if alix.count("button[name=person]") > 0 {
		alix.click("button[name=person][value='" + newcomer + "']")
	}
	alix.confirms(room, newcomer)
	refused("its creature approves", alix, waiting[1], map[string]string{"do": "approve"})
	for who, s := range map[string]*screen{"its creature": alix, "she": helene} {
		if status := s.open(d.file(d.staff.Stranger(0))); status != http.StatusForbidden {
			t.Errorf("%s opens a file: status %d", who, status)
		}
	}

	t.Log("One act freezes the lineage.")
	samir.open("/desk/accounts/helene.roux")
	samir.says("main", "Lineage", "Alix Morel")
	samir.keep("lineage")
	samir.click("a[href*='lineage=1']")
	if status, said := samir.posts("/desk/orders", map[string]string{"reach": "account", "effect": "frozen", "target": "helene.roux", "because": "stolen", "lineage": "1"}); status != http.StatusSeeOther {
		t.Fatalf("freezing: status %d, %s", status, said)
	}
	for who, s := range map[string]*screen{"she": helene, "its creature": alix} {
		if status := s.open(room); status != http.StatusForbidden {
			t.Errorf("%s still manages: status %d", who, status)
		}
	}
	samir.open(room)
	refused("what she proposed is approved", samir, waiting[1], map[string]string{"do": "approve"})
}
