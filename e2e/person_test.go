package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"poterne/internal/lab/town/life"
	"poterne/internal/ledger/tiles"
)

// ofPeople is where people of the register see their own file.
func (d *demo) ofPeople() string { return fmt.Sprintf("http://mon-dossier.localhost:%d", d.port) }

// The buttons of people on their identity provider's page.
const (
	accompanied = "0" // by Pauline Mercier
	stranger    = "1" // whom she has nothing to do with
	fileless    = "3"
	represents  = "4" // has no file, and represents the first
)

// person returns a browser in which a person of the register is signed in.
func (d *demo) person(button string) *life.Browser {
	d.t.Helper()
	b := life.NewBrowser(d.ofPeople())
	if err := b.SignIn(context.Background(), button); err != nil {
		d.t.Fatal(err)
	}
	return b
}

// seen is the lines that a person is told of.
func (d *demo) seen(b *life.Browser) (file struct {
	Since time.Time
	Lines []struct {
		Entry                   uint64
		At                      time.Time
		Body, Role, Did, Reason string
		Data                    []string
	}
},
) {
	d.t.Helper()
	page := d.get(b, "/lines.json")
	if err := json.Unmarshal(page.Body, &file); err != nil {
		d.t.Fatalf("%d, %v: %s", page.Status, err, page.Body)
	}
	return file
}

// An adviser opens a file, and within a second the person's page has the line, in words,
// without the adviser's name.
//
// Promise: PERSON-1
func TestPERSON_1_APersonSeesWhoLookedAndWhyWithinASecond(t *testing.T) {
	t.Parallel()
	d := startDemo(t, t.TempDir())
	own := d.staff.Caseload("pauline.mercier")[0]
	me, other := d.person(accompanied), d.person(stranger)
	if page := d.get(me, "/"); page.Status != http.StatusOK || !strings.Contains(string(page.Body), "personne n’a consulté votre dossier") {
		t.Fatalf("before anybody looked: %d %s", page.Status, page.Body)
	}
	pauline := d.browser("pauline.mercier")
	if page := d.get(pauline, d.file(own)); page.Status != http.StatusOK {
		t.Fatalf("the file is not shown: %d", page.Status)
	}
	shown := time.Now()
	page := d.get(me, "/")
	if took := time.Since(shown); took > time.Second {
		t.Errorf("the page came after %v", took)
	}
	for _, want := range []string{"une fois", "par une structure", "Chaque fois, nous savons pourquoi.", "Mission locale de Valbourg", "Une personne qui conseille", "vos coordonnées", "Elle vous accompagne."} {
		if !strings.Contains(string(page.Body), want) {
			t.Errorf("the page does not say %q: %s", want, page.Body)
		}
	}
	if strings.Contains(strings.ToLower(string(page.Body)), "mercier") {
		t.Error("the page names the adviser")
	}
	file := d.seen(me)
	if len(file.Lines) != 1 || file.Lines[0].Body != "Mission locale de Valbourg" || file.Lines[0].Role != "adviser" || file.Lines[0].Reason != "caseload" || file.Since.IsZero() || file.Lines[0].At.Before(shown.Add(-time.Minute)) {
		t.Errorf("the file has %+v", file)
	}
	if lines := d.seen(other).Lines; len(lines) != 0 {
		t.Errorf("another person is told of %+v", lines)
	}

	// The line has a proof, which anybody holds against the public key; nobody else has either.
	line := fmt.Sprintf("/lines/%d", file.Lines[0].Entry)
	proof := d.get(me, line+"/proof")
	for wait := time.Now(); proof.Status != http.StatusOK && time.Since(wait) < 20*time.Second; proof = d.get(me, line+"/proof") {
		time.Sleep(100 * time.Millisecond)
	}
	public, err := os.ReadFile(filepath.Join(d.dir, "checkpoint.pub"))
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(public)))
	if err != nil {
		t.Fatal(err)
	}
	proven, _, err := tiles.OpenProofToPerson(proof.Body, verifier)
	if err != nil || uint64(proven.Number) != file.Lines[0].Entry || !proven.Time.Equal(file.Lines[0].At) || proven.Organisation != "mission-locale-valbourg" || proven.Account != "" {
		t.Errorf("%d: the proof proves %+v, %v", proof.Status, proven, err)
	}
	for _, path := range []string{line, line + "/proof", "/lines/1", "/lines/99999999", "/lines/0" + line[len("/lines/"):]} {
		if theirs, nobodys := d.get(other, path), d.get(other, "/lines/88888888"); theirs.Status != http.StatusNotFound || string(theirs.Body) != strings.ReplaceAll(string(nobodys.Body), "/lines/88888888", path) {
			t.Errorf("%s of another person: %d", path, theirs.Status)
		}
	}
	if page := d.get(me, line); page.Status != http.StatusOK || !strings.Contains(html.UnescapeString(string(page.Body)), strings.TrimSpace(string(public))) {
		t.Errorf("the line's page, %d, has no public key", page.Status)
	}

	// Whoever has no file learns nothing; a session of staff is nobody there, nor the reverse.
	none := life.NewBrowser(d.ofPeople())
	_ = none.SignIn(context.Background(), fileless)
	if page := d.get(none, "/lines.json"); page.Status != http.StatusUnauthorized {
		t.Errorf("somebody without a file reads %d %s", page.Status, page.Body)
	}
	for _, try := range []struct {
		from   *life.Browser
		origin string
		path   string
	}{{pauline, d.ofPeople(), "/lines.json"}, {me, d.origin, "/dossier/mine"}, {me, d.origin, "/"}} {
		for _, cookie := range try.from.Cookies() {
			for _, name := range []string{cookie.Name, "__Host-poterne", "__Host-dossier"} {
				r, err := http.NewRequest(http.MethodGet, try.origin+try.path, nil)
				if err != nil {
					t.Fatal(err)
				}
				r.AddCookie(&http.Cookie{Name: name, Value: cookie.Value})
				page, err := life.NewBrowser(try.origin).Do(r)
				if err != nil {
					t.Fatal(err)
				}
				if page.Status == http.StatusOK && !strings.Contains(page.Address.Path, "authorize") {
					t.Errorf("the cookie %s as %s at %s%s: %d", cookie.Name, name, try.origin, try.path, page.Status)
				}
			}
		}
	}
}

// post sends a form, whatever the answer's status.
func (d *demo) post(b *life.Browser, path string, form url.Values) life.Page {
	d.t.Helper()
	page, err := b.Post(context.Background(), path, form)
	if err != nil {
		d.t.Fatal(err)
	}
	return page
}

// A person asks for other contact details, and their former address stops it; whom the
// application would let write over them is refused.
//
// Promise: PERSON-4
func TestPERSON_4_StaffChangeNobodysContactDetailsAndAPersonsChangeIsStoppedByMail(t *testing.T) {
	t.Parallel()
	d := startDemo(t, t.TempDir())
	own := d.staff.Caseload("pauline.mercier")[0]
	former, _ := d.register.Reached(own)
	me, pauline := d.person(accompanied), d.browser("pauline.mercier")

	for what, page := range map[string]life.Page{
		"of her own people": d.post(pauline, d.file(own)+"/contact", url.Values{"mail": {"thief@ailleurs.example"}, "phone": {"06 39 98 00 00"}}),
		"of a stranger":     d.post(pauline, d.file(d.staff.Stranger(0))+"/contact", url.Values{"mail": {"thief@ailleurs.example"}, "phone": {""}}),
		"of nobody":         d.post(pauline, "/dossier/files/00000000000A/contact", url.Values{"mail": {"thief@ailleurs.example"}, "phone": {""}}),
	} {
		if page.Status != http.StatusForbidden || !strings.Contains(html.UnescapeString(string(page.Body)), "Seule la personne change ses coordonnées") {
			t.Errorf("an adviser changes contact details %s: %d %s", what, page.Status, page.Body)
		}
	}
	if page := d.get(pauline, d.file(own)); !strings.Contains(string(page.Body), former) {
		t.Error("the file does not have the former address any more")
	}

	if page := d.post(me, "/contacts", url.Values{"mail": {"nouvelle@ailleurs.example"}}); page.Status != http.StatusOK || !strings.Contains(string(page.Body), "Un changement est en cours") {
		t.Fatalf("asking: %d %s", page.Status, page.Body)
	}
	d.letters("nouvelle@ailleurs.example", "token=")
	link := regexp.MustCompile(`href="([^"]*token=[^"]*)"`).FindStringSubmatch(d.letters(former, "token="))[1]
	at, err := url.Parse(html.UnescapeString(link))
	if err != nil || at.Scheme+"://"+at.Host != d.ofPeople() {
		t.Fatalf("the link leads to %v, %v", at, err)
	}
	nobody := life.NewBrowser(d.ofPeople())
	if page := d.get(nobody, at.RequestURI()); page.Status != http.StatusOK || !strings.Contains(string(page.Body), "tout arrêter") {
		t.Fatalf("the link: %d %s", page.Status, page.Body)
	}
	if page := d.post(nobody, at.Path, url.Values{"token": {at.Query().Get("token")}}); page.Status != http.StatusOK || !strings.Contains(string(page.Body), "Le changement est arrêté.") {
		t.Errorf("stopping: %d %s", page.Status, page.Body)
	}
	if page := d.get(me, "/contacts"); page.Status != http.StatusUnauthorized {
		t.Errorf("the session that asked goes on: %d", page.Status)
	}
}

// Who is in no register reads, in a browser, the page of the person whom they represent, and that person
// sees that they did, and takes the power back: from then on they are shown nothing, in the session that
// is open.
//
// Promise: PERSON-1
func TestPERSON_1_ARepresentativeReadsInABrowserAndThePersonSeesItAndTakesItBack(t *testing.T) {
	t.Parallel()
	d := startDemo(t, t.TempDir())
	pauline := d.browser("pauline.mercier")
	if page := d.get(pauline, d.file(d.staff.Caseload("pauline.mercier")[0])); page.Status != http.StatusOK {
		t.Fatalf("the file is not shown: %d", page.Status)
	}
	enters := func(button, at string) *screen {
		s := newScreen(t, d.ofPeople(), "fr-FR")
		s.open("/.poterne/begin?return=/") // where the welcoming page leads, whose 401 the console would complain of
		s.click("button[name=person][value='" + button + "']")
		s.arrivesAt(at)
		return s
	}
	proxy := enters(represents, "/represented")
	proxy.says("h1", "Les personnes que je représente")
	proxy.click("main ul a[href^='/represented/']")
	proxy.says("h1", "Qui a consulté le dossier de")
	proxy.says("main", "une fois, par une structure", "Ici, « vous » désigne", "Mission locale de Valbourg")
	if n := proxy.count("a[href='/contacts'], a[href='/concerned'], a[href='/mandates']"); n != 0 {
		t.Errorf("%d links lead to what is the person's alone", n)
	}
	page := strings.TrimPrefix(proxy.evaluate(`Promise.resolve(location.href)`), d.ofPeople())
	proxy.click(".seen a[href*='/lines/']")
	proxy.says("h1", "Une consultation du dossier de")

	open := d.person(represents)
	if answer := d.get(open, page); answer.Status != http.StatusOK {
		t.Errorf("while it is in force: %d", answer.Status)
	}

	me := enters(accompanied, "/")
	me.says("aside", "Une autre personne peut lire cette page.")
	me.click("a[href='/mandates']")
	me.says("main", "Procuration", "La page a été lue", "Une ligne a été lue")
	me.click("form[action$='/revoke'] button.main")
	me.says(".lead", "Personne d’autre que vous ne peut lire cette page.")
	me.says("main", "Terminé")

	if answer := d.get(open, page); answer.Status != http.StatusNotFound {
		t.Errorf("once it is taken back: %d", answer.Status)
	}
}
