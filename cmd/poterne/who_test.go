package main

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"poterne/internal/app"
	"poterne/internal/ledger"
	ledgerindex "poterne/internal/ledger/index"
	"poterne/internal/store/indexdb"
)

func TestLEDGER_7_WhoWasShownIsExact(t *testing.T) {
	dir, s := written(t)
	one, two, three := s.Pseudonym.Person("1").Hex(), s.Pseudonym.Person("2").Hex(), s.Pseudonym.Person("3").Hex()
	csv := func(lines ...string) string {
		slices.Sort(lines) // by pseudonym
		return "person,fields,reason,times,first,last\n" + strings.Join(lines, "")
	}
	for sentence, c := range map[string]struct {
		args []string
		want string
	}{
		"everything, as CSV": {
			[]string{"--csv"},
			csv(one+",name+contact,known,2,2026-11-20T09:00:00Z,2026-11-20T13:00:00Z\n", two+",name,known,1,2026-11-20T11:00:00Z,2026-11-20T11:00:00Z\n"),
		},
		"from the second hour, the last excluded": {
			[]string{"--csv", "--since", "2026-11-20T11:00:00+01:00", "--until", "2026-11-20T13:00:00Z"},
			csv(two + ",name,known,1,2026-11-20T11:00:00Z,2026-11-20T11:00:00Z\n"),
		},
		"both accounts, as JSON": {
			[]string{"--json", "--account", "marc.petit", "--until", "2026-11-20T11:00:00Z"},
			`{"person":"` + one + `","fields":["name"],"reason":"known","times":2,"first":"2026-11-20T09:00:00Z","last":"2026-11-20T10:00:00Z"}` + "\n",
		},
		"another day": {[]string{"--csv", "--since", "2026-11-21"}, csv()},
	} {
		t.Run(sentence, func(t *testing.T) {
			code, out, errs := asked(t, dir, append([]string{"ledger", "shown-to", "--as", "samir", "--account", "pauline.mercier"}, c.args...)...)
			if code != 0 || out != c.want {
				t.Errorf("exit %d, printed\n%swant\n%s%s", code, out, c.want, errs)
			}
			if strings.Contains(out, three) {
				t.Error("somebody who was withheld is said to have been shown")
			}
		})
	}
}

// An answer counts first and ends with the checkpoint it rests on, which verifies
// the ledger later.
//
// Promise: LEDGER-7
func TestAnAnswerIsSealed(t *testing.T) {
	dir, s := written(t)
	file := filepath.Join(dir, "people.csv")
	question := []string{"ledger", "shown-to", "--as", "samir", "--account", "pauline.mercier", "--out", file}
	code, out, errs := asked(t, dir, question...)
	if code != 0 || !strings.HasPrefix(out, "shown to pauline.mercier\n2 people, 3 times\nname of 2\ncontact of 1\nfrom entry 0, which was written at 2026-11-20T09:00:00Z, and before entry 7; the last was written at 20") {
		t.Fatalf("exit %d, printed\n%s%s", code, out, errs)
	}
	list, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	seal, err := os.ReadFile(file + ".seal")
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(list)
	if !strings.Contains(string(seal), "\nsha256 "+hex.EncodeToString(digest[:])+"\n") || strings.Count(string(list), "\n") != 3 {
		t.Errorf("the seal is\n%s", seal)
	}
	_, signed, _ := strings.Cut(string(seal), "checkpoint:\n")
	head, err := ledger.OpenCheckpoint([]byte(signed), s.Verifier)
	if err != nil || head.Size < 7 {
		t.Fatalf("a checkpoint of %d entries, %v", head.Size, err)
	}
	kept := filepath.Join(dir, "checkpoint")
	if err := os.WriteFile(kept, []byte(signed), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := asked(t, dir, "ledger", "verify", "--checkpoint", kept); code != 0 {
		t.Errorf("exit %d, printed\n%s%s", code, out, errs)
	}
	if code, _, errs := asked(t, dir, question...); code != 1 || !strings.Contains(errs, "people.csv") {
		t.Errorf("the file was written over: exit %d, %s", code, errs)
	}
}

func TestLEDGER_7_WhoSawAPersonIsExact(t *testing.T) {
	dir, s := written(t)
	for _, args := range [][]string{{"1"}, {"--pseudonym", s.Pseudonym.Person("1").Hex()}, {"--scheme", "dossier", "1"}} {
		code, out, errs := asked(t, dir, append([]string{"ledger", "who-saw", "--json", "--because", "a complaint", "--as", "samir"}, args...)...)
		if code != 0 || strings.Count(out, "\n") != 3 || strings.Count(out, "marc.petit") != 1 || strings.Count(out, "pauline.mercier") != 2 {
			t.Errorf("%v: exit %d, printed\n%s%s", args, code, out, errs)
		}
	}
	for _, spelled := range []string{" 1", "01", "1.0", "1a"} { // another spelling is nobody's name, which is not the same as nobody
		if code, _, errs := asked(t, dir, "ledger", "who-saw", "--because", "a complaint", "--as", "samir", spelled); code != 1 || !strings.Contains(errs, "not a dossier identifier as they are written") {
			t.Errorf("%q: exit %d, %s", spelled, code, errs)
		}
	}
}

func TestWhoSawSaysThatItFindsNobody(t *testing.T) {
	dir, _ := written(t)
	code, out, errs := asked(t, dir, "ledger", "who-saw", "--because", "a complaint", "--as", "samir", "404")
	if code != 0 || out != "nobody was shown this person: is the identifier right?\n" {
		t.Errorf("exit %d, printed\n%s%s", code, out, errs)
	}
}

// Promise: LEDGER-7
func TestTheAuditOfTheIndexNamesWhatDiffers(t *testing.T) {
	dir, s := written(t)
	if code, out, errs := asked(t, dir, "ledger", "audit-index"); code != 0 || out != "0 segments of 1048576 entries are what the ledger makes of them\n" {
		t.Fatalf("exit %d, printed\n%s%s", code, out, errs)
	}
	// Segments of three entries, as if the ledger were large.
	o, err := app.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	shelf, err := indexdb.OpenSQLite(t.Context(), s.Database)
	if err != nil {
		t.Fatal(err)
	}
	shape := ledgerindex.Shape{Segment: 3, Pages: 2, Piece: 10, Portion: 2}
	if err := ledgerindex.New(shape, o.Ledger, shelf).CatchUp(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", s.Database+"-index")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), `delete from page where segment = 1 and side = 'people'`); err != nil {
		t.Fatal(err)
	}
	for _, end := range []func() error{db.Close, shelf.Close, o.Close} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
	standard := ledgerindex.Standard
	ledgerindex.Standard = shape
	defer func() { ledgerindex.Standard = standard }()
	code, out, errs := asked(t, dir, "ledger", "audit-index")
	if code != 1 || out != "segment 1, entries 3 to 5: page 0 of 2 of people: missing\n" || !strings.Contains(errs, "--rebuild") {
		t.Errorf("exit %d, printed\n%s%s", code, out, errs)
	}
	if code, _, errs := asked(t, dir, "ledger", "who-saw", "--because", "a complaint", "--as", "samir", "1"); code != 1 || !strings.Contains(errs, "audit-index") {
		t.Errorf("a damaged index answers: exit %d, %s", code, errs)
	}
	if code, out, errs := asked(t, dir, "ledger", "audit-index", "--rebuild"); code != 0 || out != "the index is made anew\n" {
		t.Errorf("exit %d, printed\n%s%s", code, out, errs)
	}
	if code, out, errs := asked(t, dir, "ledger", "audit-index"); code != 0 || out != "2 segments of 3 entries are what the ledger makes of them\n" {
		t.Errorf("exit %d, printed\n%s%s", code, out, errs)
	}
}
