package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"poterne/internal/journal"
	"poterne/internal/lab/town"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// sum is the sentence that ends an attack.
var sum = regexp.MustCompile(`End of the attack: ([\d,]+) (?:people|person) seen without a reason, ([\d,]+) openings? asked for, nobody more after [\d.]+ s\. With a reason: ([\d,]+)\. Accounts frozen: ([\d,]+) of ([\d,]+)\.`)

// attackedTown is how many people the town has that is attacked: some of them live
// where nobody in it has to do with them, as most do in the whole one.
const attackedTown = 30_000

// attack starts a demonstration in which an attack is played, and waits for its end.
func attack(t *testing.T, name string) (d *demo, seen, asked, inside, frozen, accounts int) {
	t.Helper()
	grown, err := town.NewRegister("1", attackedTown)
	if err != nil {
		t.Fatal(err)
	}
	dir, port := t.TempDir(), freePort(t)
	d = &demo{
		process: start(t, "demo", "--quiet-town", "--lang", "en", "--people", fmt.Sprint(attackedTown), "--dir", dir, "--listen", fmt.Sprintf("localhost:%d", port), "--attack", name),
		dir:     dir, port: port, origin: fmt.Sprintf("http://localhost:%d", port), register: grown, staff: town.NewStaff(grown),
	}
	d.ready(d.origin)
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		said := sum.FindStringSubmatch(d.output.String())
		if said == nil {
			continue
		}
		for i, figure := range []*int{&seen, &asked, &inside, &frozen, &accounts} {
			if _, err := fmt.Sscan(strings.ReplaceAll(said[i+1], ",", ""), figure); err != nil {
				t.Fatal(err)
			}
		}
		t.Logf("%s: %s", name, said[0])
		return d, seen, asked, inside, frozen, accounts
	}
	t.Fatalf("the attack has no end:\n%s", d.output)
	return d, 0, 0, 0, 0, 0
}

// reported is how many people without a reason an attack got in the replay that
// docs/detection.md prints, at the 95th percentile: by the worst thief, and in rows.
func reported(t *testing.T, attack string) (people int) {
	t.Helper()
	page, err := os.ReadFile("../docs/detection.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^ *` + attack + ` +\d+ +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) `).FindSubmatch(page)
	if row == nil {
		t.Fatalf("docs/detection.md has no figures of %s", attack)
	}
	var figures [5]int
	for i := range figures {
		if figures[i], err = strconv.Atoi(string(row[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	return slices.Max(figures[:4]) + figures[4]
}

// Every attack that the demonstration plays is stopped where the report says that
// it is, and what it says of it is what the ledger holds.
//
// Promise: WATCH-1
func TestWATCH_1_TheDemonstrationsAttacksAreStopped(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, replayed  string // here and in the report
		atLeast         int    // openings asked for
		frozen, thieves int    // accounts, at least
	}{
		{"kairos-2025", "kairos-2025", 1000, 1, 1},
		{"france-2024", "france-2024", 6 * 3, 6, 6},
		{"missions-2025", "missions-2025", 6, 2, 3},
		{"flat-sweep", "flat-sweep", 3, 1, 1},
		{"caseload-sweep", "caseload-sweep", 20, 0, 1},
		{"guessing", "identifier-probing", 3, 1, 1},
		{"birth-comb", "birth-date-comb", 3, 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			begun := time.Now()
			d, seen, asked, inside, frozen, accounts := attack(t, c.name)
			if most := reported(t, c.replayed); seen > most {
				t.Errorf("%d people seen, and the report has %d\n%s", seen, most, d.output)
			}
			if asked < c.atLeast || frozen < c.frozen || accounts != c.thieves {
				t.Errorf("%d people seen, %d asked for, %d of %d accounts frozen\n%s", seen, asked, frozen, accounts, d.output)
			}
			strangers, known, freezes := make(map[register.PersonID]bool), make(map[register.PersonID]bool), make(map[string]bool)
			for _, e := range entries(t, filepath.Join(d.dir, "poterne.db"), 0) {
				switch {
				case e.Disclosed() && e.Cost > 0:
					strangers[e.Person] = true
				case e.Disclosed():
					known[e.Person] = true
				case e.Kind == ledger.Placed && e.Account == journal.Itself:
					if e.Effect == order.Frozen {
						freezes[e.Target] = true
					}
				}
			}
			if strings.HasSuffix(c.name, "-2024") || strings.HasSuffix(c.name, "-2025") {
				deskNamesTheThief(t, d, freezes)
				deskFitsItsScreens(t, d)
			}
			incidentListsTheLoot(t, d, begun, freezes)
			if len(strangers) != seen || len(known) != inside || len(freezes) != frozen {
				t.Errorf("the ledger holds %d people without a reason, %d with one, and %d freezes", len(strangers), len(known), len(freezes))
			}
		})
	}
}

// incidentListsTheLoot holds the list of an incident about the thieves' accounts against
// what the thieves have, by the answers that they were given: the same people, and the same of
// them without a reason by what the town knows.
func incidentListsTheLoot(t *testing.T, d *demo, begun time.Time, thieves map[string]bool) {
	t.Helper()
	loot, err := os.ReadFile(filepath.Join(d.dir, "loot.csv"))
	if err != nil {
		t.Fatal(err)
	}
	rows := readCSV(t, loot, "account", "identifier")
	want, key, accounts := make(map[string]string), pseudonymKey(t, d.dir), maps.Clone(thieves)
	for _, row := range rows {
		account, identifier := roster.AccountID(row[0]), row[1]
		accounts[row[0]] = true
		person, known := d.register.ByDossier(identifier)
		if !known {
			if person, known = d.register.ByFT(identifier); !known {
				t.Fatalf("a thief has %q, which is nobody's identifier", identifier)
			}
		}
		agent, _ := d.staff.Agent(account)
		mine := slices.Contains(d.staff.Caseload(account), person) || slices.Contains(d.staff.Enrolments(agent.Organisation), person)
		id := key.Person(d.register.Dossier(person)).Hex()
		if !mine {
			want[id] = "none"
		} else if want[id] == "" {
			want[id] = "known"
		}
	}
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	officer := d.browser("claire.aubry")
	file := d.post(officer, "/incidents", url.Values{
		"title": {"the attack"}, "accounts": {strings.Join(slices.Sorted(maps.Keys(accounts)), "\n")}, "since": {begun.In(paris).Format("2006-01-02T15:04")},
	})
	at := file.Address.Path
	if page := d.post(officer, at+"/count", nil); page.Status != http.StatusOK {
		t.Fatalf("the people of %s are not counted: %d", at, page.Status)
	}
	packed := d.post(officer, at+"/list", nil)
	archive, err := zip.NewReader(bytes.NewReader(packed.Body), int64(len(packed.Body)))
	if err != nil {
		t.Fatalf("%s: %v\n%s", at, err, packed.Body)
	}
	names, err := fs.Glob(archive, "*.csv")
	if err != nil || len(names) != 1 {
		t.Fatalf("the list has the files %v: %v", names, err)
	}
	list, err := fs.ReadFile(archive, names[0])
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, row := range readCSV(t, list, "person", "reason") {
		got[row[0]] = row[1]
	}
	if !maps.Equal(got, want) {
		t.Errorf("the list has %d people, and the thieves have %d:\n%v\n%v", len(got), len(want), got, want)
	}
	t.Logf("the list of %v has the %d people whom the thieves have", slices.Sorted(maps.Keys(accounts)), len(got))
}

// readCSV returns some columns of a file.
func readCSV(t *testing.T, raw []byte, columns ...string) (rows [][]string) {
	t.Helper()
	all, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
	if err != nil || len(all) == 0 {
		t.Fatalf("no file of rows: %v\n%s", err, raw)
	}
	for _, row := range all[1:] {
		var some []string
		for _, column := range columns {
			some = append(some, row[slices.Index(all[0], column)])
		}
		rows = append(rows, some)
	}
	return rows
}

// deskNamesTheThief holds the desk's headline and its figures against the ledger: the
// account it begins with is one that the rules froze, and each number is what the entries
// say.
func deskNamesTheThief(t *testing.T, d *demo, thieves map[string]bool) {
	t.Helper()
	page := strings.ReplaceAll(string(d.get(d.browser("samir.cohen"), "/desk").Body), "\u202f", "")
	headline := regexp.MustCompile(`(?s)<section class="gravest".*?</section>`).FindString(page)
	named := regexp.MustCompile(`href="/desk/accounts/([^"]+)"`).FindStringSubmatch(headline)
	if named == nil || !thieves[named[1]] {
		t.Fatalf("the desk begins with %q, and the rules froze %v", named, thieves)
	}
	asked, shown := make(map[register.PersonID]bool), make(map[register.PersonID]bool)
	var lookups, unexplained, stopped int
	for _, e := range entries(t, filepath.Join(d.dir, "poterne.db"), 0) {
		if e.Kind != ledger.Consulted && e.Kind != ledger.Changed && e.Kind != ledger.Attempted {
			continue
		}
		mine := string(e.Account) == named[1] && !e.Person.IsZero()
		switch {
		case e.Disclosed():
			lookups++
			if e.Cost > 0 {
				unexplained++
			}
			if mine && e.Cost > 0 {
				asked[e.Person], shown[e.Person] = true, true
			}
		case !e.Verdict.Shows():
			stopped++
			asked[e.Person] = asked[e.Person] || mine
		}
	}
	delete(asked, register.PersonID{})
	people := 0
	for _, is := range asked {
		if is {
			people++
		}
	}
	said := regexp.MustCompile(`(\d+) personnes? demandées?: <strong>(\d+) montrées? sans motif</strong>, (\d+) non\.`).FindStringSubmatch(headline)
	if want := []string{fmt.Sprint(people), fmt.Sprint(len(shown)), fmt.Sprint(people - len(shown))}; len(said) != 4 || !slices.Equal(said[1:], want) {
		t.Errorf("the headline says %q, the ledger %v:\n%s", said, want, headline)
	}
	var figures []string
	for _, found := range regexp.MustCompile(`<li(?: class="[^"]*")?><strong>(\d+)</strong>`).FindAllStringSubmatch(page, -1) {
		figures = append(figures, found[1])
	}
	if want := []string{fmt.Sprint(lookups), fmt.Sprint(unexplained), fmt.Sprint(stopped), fmt.Sprint(len(thieves))}; !slices.Equal(figures, want) {
		t.Errorf("the figures are %v, the ledger says %v", figures, want)
	}
}

// deskFitsItsScreens holds the desk to two screens of a laptop, and the wall to its one.
func deskFitsItsScreens(t *testing.T, d *demo) {
	t.Helper()
	samir := newScreen(t, d.origin, "fr-FR")
	samir.signIn(d.button("samir.cohen"))
	for _, look := range []struct {
		path                  string
		width, height, atMost int64
	}{{"/desk", 1280, 800, 1600}, {"/desk/wall", 1920, 1080, 1080}} {
		samir.do(chromedp.EmulateViewport(look.width, look.height))
		samir.open(look.path)
		samir.comesToSay("main", "En direct.", patience)
		tall, err := chromedp.Run(samir.tab, chromedp.Evaluate[int64]("document.documentElement.scrollHeight"))
		if err != nil || tall > look.atMost {
			t.Errorf("%s is %d tall in a window of %d, and may be %d: %v", look.path, tall, look.height, look.atMost, err)
		}
		samir.keep(t.Name()[strings.LastIndex(t.Name(), "/")+1:] + strings.ReplaceAll(look.path, "/", "-"))
	}
}

// The desk says that Lucas's account is frozen, and why; Samir undoes it only with a
// step-up.
//
// Promise: WATCH-6
func TestWATCH_6_TheDeskShowsTheAttackStopped(t *testing.T) {
	t.Parallel()
	d, _, _, _, _, _ := attack(t, "kairos-2025")
	samir := d.browser("samir.cohen")
	desk := string(d.get(samir, "/desk").Body)
	if !strings.Contains(desk, "Poterne a gelé Lucas Ferrand (Organisme de formation Horizon).") {
		t.Errorf("the desk does not say who is frozen:\n%s", desk)
	}
	page := string(d.get(samir, "/desk/accounts/lucas.ferrand").Body)
	for _, said := range []string{"Poterne a gelé ce compte", "Plus aucune nouvelle personne sans motif n’est montrée à ce compte.", "gelé", `action="/.poterne/step-up"`} {
		if !strings.Contains(page, said) {
			t.Errorf("the account’s page does not say %q", said)
		}
	}
	if strings.Contains(page, ">Dégeler</button>") {
		t.Error("the freeze can be undone without a step-up")
	}
}

func TestAnAttackThatIsNotThereIsSaid(t *testing.T) {
	t.Parallel()
	output, code := poterne(t, "demo", "--attack", "nonsense")
	if code != 2 || !strings.Contains(output, "--attack list says which there are") {
		t.Errorf("exit %d: %s", code, output)
	}
	output, code = poterne(t, "demo", "--attack", "list", "--lang", "en")
	if code != 0 || !strings.Contains(output, "kairos-2025 ") || !strings.Contains(output, "missions-2025 ") {
		t.Errorf("exit %d: %s", code, output)
	}
}
