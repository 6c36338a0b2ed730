package main

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poterne/internal/app"
	"poterne/internal/config"
	"poterne/internal/config/configtest"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store/storetest"
)

// written is a folder with the example configuration, and a ledger in which
// Pauline was shown dossier 1 twice and 2 once, Marc dossier 1, and Pauline was
// refused dossier 3; three checkpoints were signed.
func written(t *testing.T) (dir string, s config.Settings) {
	t.Helper()
	dir = configtest.Secrets(t)
	return dir, writtenIn(t, dir)
}

// writtenIn is written in a folder that has its secrets.
func writtenIn(t *testing.T, dir string) config.Settings {
	t.Helper()
	configFile := filepath.Join(dir, "poterne.toml")
	if err := os.WriteFile(configFile, []byte(config.Example), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := config.Read(configFile)
	if err != nil {
		t.Fatal(err)
	}
	o, err := app.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	sequencer, err := ledger.NewSequencer(t.Context(), o.Ledger, s.Signer, s.Verifier, nil)
	if err != nil {
		t.Fatal(err)
	}
	clock := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	for i, shown := range []struct {
		account roster.AccountID
		dossier string
		fields  register.Fields
		verdict policy.Verdict
	}{
		{"pauline.mercier", "1", register.Name, policy.Shown},
		{"marc.petit", "1", register.Name, policy.Shown},
		{"pauline.mercier", "2", register.Name, policy.Masked},
		{"pauline.mercier", "3", 0, policy.Withheld},
		{"pauline.mercier", "1", register.Contact, policy.Shown},
	} {
		clock = clock.Add(time.Hour)
		if err := journal.Record(t.Context(), journal.Outside{DB: o.Ledger, Now: func() time.Time { return clock }}, ledger.Entry{
			Kind: ledger.Consulted, Account: shown.account, Organisation: "ml", Service: "people", Purpose: "accompany", Route: "GET /users",
			Person: s.Pseudonym.Person(shown.dossier), Fields: shown.fields, Verdict: shown.verdict, Why: policy.Explained,
			Reason: reason.Reason{Kind: reason.Caseload, Source: "caseloads", ID: "7"},
		}); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			if _, err := sequencer.Step(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	return s
}

// asked runs one command on the folder.
func asked(t *testing.T, dir string, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	args = append(args, "--config", filepath.Join(dir, "poterne.toml"))
	code = run(t.Context(), args, &streams{strings.NewReader(""), &stdout, &stderr})
	return code, stdout.String(), stderr.String()
}

func TestNobodyActsUnderANameThatIsReadAsAnothers(t *testing.T) {
	dir, _ := written(t)
	for as, cause := range map[string]string{"sa\u200bmir": "cannot be seen", "s\u0430mir": "several alphabets", "ｓamir": "another way of writing one", "poterne": "is the program itself", "samir cohen": "holds a space"} {
		if code, out, errs := asked(t, dir, "ledger", "tail", "--as", as); code != 2 || out != "" || !strings.Contains(errs, cause) {
			t.Errorf("--as %q: exit %d\n%s%s", as, code, out, errs)
		}
	}
}

func TestLEDGER_5_ReadingTheLedgerIsWrittenFirst(t *testing.T) {
	dir, s := written(t)
	if code, _, errs := asked(t, dir, "ledger", "who-saw", "--because", "a complaint", "--as", "samir", "1"); code != 0 {
		t.Fatal(errs)
	}
	code, out, errs := asked(t, dir, "ledger", "tail", "--json", "--last", "2", "--as", "samir")
	if code != 0 || strings.Count(out, `"kind":"read"`) != 2 || strings.Count(out, `"account":"samir"`) != 2 || !strings.Contains(out, s.Pseudonym.Person("1").Hex()) {
		t.Errorf("exit %d, printed\n%s%s", code, out, errs)
	}
}

func TestFollowingPrintsEachNewEntry(t *testing.T) {
	dir, _ := written(t)
	ctx, stop := context.WithCancel(t.Context())
	var out lockedBuffer
	ended := make(chan int, 1)
	go func() {
		args := []string{"ledger", "tail", "--follow", "--lang", "fr", "--as", "samir", "--config", filepath.Join(dir, "poterne.toml")}
		ended <- run(ctx, args, &streams{strings.NewReader(""), &out, &out})
	}()
	out.waitFor(t, "Consultation expliquée")
	if code, _, errs := asked(t, dir, "ledger", "tail", "--as", "marc"); code != 0 {
		t.Fatal(errs)
	}
	out.waitFor(t, "  marc  ")
	stop()
	if code := <-ended; code != 0 {
		t.Errorf("exit %d:\n%s", code, out.String())
	}
}

// Promise: LEDGER-3
func TestVerifyNamesWhatWasTamperedWith(t *testing.T) {
	for sentence, c := range map[string]struct{ tamper, says string }{
		"untouched":      {`select 1`, "6 entries, 6 under the newest checkpoint, 3 checkpoints\n"},
		"changed":        {`update entry set body = (select body from entry where number = 2) where number = 2; update entry set salt = zeroblob(16) where number = 3`, "entry 3: changed\n"},
		"removed":        {`delete from entry where number = 4`, "entry 4: removed\n"},
		"tree rewritten": {`update tile set hashes = zeroblob(length(hashes)) where level = 0`, "changed\n"},
	} {
		t.Run(sentence, func(t *testing.T) {
			dir, s := written(t)
			db, err := sql.Open("sqlite", s.Database)
			if err != nil {
				t.Fatal(err)
			}
			storetest.Tamper(t, db, c.tamper)
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			code, out, errs := asked(t, dir, "ledger", "verify")
			if !strings.Contains(out, c.says) || (code == 0) != (sentence == "untouched") {
				t.Errorf("exit %d, printed\n%s%s", code, out, errs)
			}
		})
	}
}

// Promise: LEDGER-3
func TestACheckpointKeptElsewhereShowsThatTheLedgerWasReplaced(t *testing.T) {
	dir, s := written(t)
	o, err := app.OpenConcealed(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := o.Ledger.Checkpoint(t.Context())
	if err != nil || o.Close() != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(dir, "kept-elsewhere")
	if err := os.WriteFile(elsewhere, signed, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := asked(t, dir, "ledger", "verify", "--checkpoint", elsewhere); code != 0 {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	files, err := filepath.Glob(s.Database + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	if code, out, _ := asked(t, dir, "ledger", "verify", "--checkpoint", elsewhere); code != 1 || !strings.Contains(out, "removed") {
		t.Errorf("an empty ledger in its place: exit %d, printed %s", code, out)
	}
}
