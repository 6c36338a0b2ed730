package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"poterne/internal/accounts"
	"poterne/internal/app"
	"poterne/internal/config"
	"poterne/internal/config/configtest"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store/storetest"
)

// observed fills a ledger with what a number of advisers did on so many days from
// a moment on: each day one person whom a fact explains, and nobody or somebody
// without a reason, by the toss of a coin.
func observed(o *app.Opened, advisers, days int, from time.Time) error {
	list := accounts.List{Organisations: []roster.Organisation{{ID: "ml", SIRET: "12345678901234", Name: "Mission locale"}}}
	for n := range advisers {
		id := roster.AccountID(fmt.Sprintf("adviser-%d", n))
		list.Accounts = append(list.Accounts, roster.Account{
			ID: id, Organisation: "ml", Role: roster.Adviser, Name: string(id), Opened: from,
			Identity: roster.Identity{Issuer: "https://connect.example", Subject: string(id)},
		})
	}
	ctx := context.Background()
	w := journal.Outside{DB: o.Ledger, Now: func() time.Time { return from }}
	if _, err := journal.Do(ctx, w, &accounts.Import{By: "samir", List: list}); err != nil {
		return err
	}
	coin := rand.New(rand.NewPCG(1, 2))
	met := 0
	for day := range days {
		err := o.Ledger.Turn(ctx, func(head journal.Head) error {
			at, next := from.AddDate(0, 0, day), head.Next()
			var entries []ledger.Entry
			for _, a := range list.Accounts {
				opened := []ledger.Entry{{Why: policy.Explained, Reason: reason.Reason{Kind: reason.Caseload, Source: "cases", ID: "1"}}}
				if coin.IntN(2) == 0 {
					opened = append(opened, ledger.Entry{Why: policy.Counted, Cost: meter.Whole})
				}
				for _, e := range opened {
					met++
					at = at.Add(time.Millisecond)
					e.Number, e.Receipt, e.Time, e.Kind, e.Verdict = next, next, at, ledger.Consulted, policy.Shown
					e.Account, e.Organisation, e.Service, e.Purpose, e.Route = a.ID, "ml", "people", "accompany", "GET /users/{id}"
					e.Person, e.Fields = register.PersonID{byte(met >> 16), byte(met >> 8), byte(met), 9}, register.Name
					entries, next = append(entries, e), next+1
				}
			}
			return head.Write(entries, at)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// workedIn fills the database of a script: worked poterne.db ADVISERS DAYS 2026-03-02.
func workedIn(ts *testscript.TestScript, _ bool, args []string) {
	var advisers, days int
	_, err := fmt.Sscan(args[1]+" "+args[2], &advisers, &days)
	ts.Check(err)
	from, err := time.Parse(time.DateOnly, args[3])
	ts.Check(err)
	keys, err := config.ParseSealKeys([]byte(ts.ReadFile(config.SealFile)))
	ts.Check(err)
	secret, err := hex.DecodeString(strings.TrimSpace(ts.ReadFile("pseudonym.key")))
	ts.Check(err)
	pseudonym, err := register.NewKey(secret)
	ts.Check(err)
	o, err := app.Open(context.Background(), config.Settings{Database: ts.MkAbs(args[0]), Seals: keys, Pseudonym: pseudonym})
	ts.Check(err)
	ts.Check(errors.Join(observed(o, advisers, days, from.Add(9*time.Hour)), o.Close()))
}

// Both engines give the same study of the same work, and its patch is a
// configuration.
func TestTuneProposesFromEitherEngineWhatAConfigurationAccepts(t *testing.T) {
	dir, from := configtest.Secrets(t), time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	embedded := filepath.Join(dir, "poterne.toml")
	if err := os.WriteFile(embedded, []byte(config.Example), 0o600); err != nil {
		t.Fatal(err)
	}
	tables := make(map[string]string)
	for name, file := range map[string]string{"SQLite": embedded, "PostgreSQL": ""} {
		t.Run(name, func(t *testing.T) {
			if file == "" {
				file = onServer(t, dir, "server.toml", storetest.StartPostgreSQL(t).Database(t))
			}
			s, err := config.Read(file)
			if err != nil {
				t.Fatal(err)
			}
			o, err := app.Open(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(observed(o, 1100, 30, from), o.Close()); err != nil {
				t.Fatal(err)
			}
			picture, patch := filepath.Join(t.TempDir(), "tuned.svg"), filepath.Join(t.TempDir(), "tuned.toml")
			said := printed(t, 0, "tune", "--config", file, "--as", "nadia", "--since", "2026-03-02", "--until", "2026-04-01", "--picture", picture, "--patch", patch)
			tables[name] = said
			for _, want := range []string{
				`Work from 2026-03-02 00:00 to 2026-04-01 00:00: 33,000 agent-days`,
				`adviser +1,100 +33,000 +1\.0 +0\.(49|50)\d +0\.50 +9\.6\n`, // a coin: variance ¼, so φ is ½
				`adviser +proposed +1 +20 +0\.75 +4 +0\.00 +0\.0\d\d +0\.00 +1 +18\n`,
				`desk: nobody of this role worked: the default`, `organisation +\d+ +\d{5} +\d+ +\d{5}`,
			} {
				if !regexp.MustCompile(want).MatchString(said) {
					t.Errorf("the table does not say %s:\n%s", want, said)
				}
			}
			if said := printed(t, 0, "config", "check", file, "--patch", patch); !strings.Contains(said, "nothing is missing") {
				t.Errorf("the patch is not accepted: %s", said)
			}
			drawn, err := os.Open(picture)
			if err != nil {
				t.Fatal(err)
			}
			defer drawn.Close()
			for tokens := xml.NewDecoder(drawn); err == nil; {
				_, err = tokens.Token()
			}
			if !errors.Is(err, io.EOF) {
				t.Errorf("the picture is no XML: %v", err)
			}
			if tail := printed(t, 0, "ledger", "tail", "--config", file, "--as", "nadia", "--last", "2"); !strings.Contains(tail, "tuning since 2026-03-02T00:00:00Z until 2026-04-01T00:00:00Z") {
				t.Errorf("the reading is not written: %s", tail)
			}
		})
	}
	if tables["SQLite"] != tables["PostgreSQL"] && tables["PostgreSQL"] != "" {
		t.Errorf("SQLite says\n%s\nPostgreSQL says\n%s", tables["SQLite"], tables["PostgreSQL"])
	}
}

// printed runs a command, and returns what it prints.
func printed(t *testing.T, want int, args ...string) string {
	t.Helper()
	var out, complaints bytes.Buffer
	if code := run(t.Context(), args, &streams{Out: &out, Err: &complaints}); code != want {
		t.Fatalf("%v: %d, %s%s", args, code, out.String(), complaints.String())
	}
	return out.String()
}
