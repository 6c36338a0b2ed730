package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poterne/internal/custody"

	"poterne/internal/accounts"
	"poterne/internal/config"
	"poterne/internal/config/configtest"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store/storetest"
)

// onEachEngine tries something on a folder with the example configuration, once with
// a file and once with a server, whose owner's connection comes along. The ledger has
// so many months, the last of them this one.
func onEachEngine(t *testing.T, months int, try func(t *testing.T, dir string, oldest ledger.Month, owner []string)) {
	t.Run("sqlite", func(t *testing.T) {
		dir := configtest.Secrets(t)
		if err := os.WriteFile(filepath.Join(dir, "poterne.toml"), []byte(config.Example), 0o600); err != nil {
			t.Fatal(err)
		}
		try(t, dir, rememberedMonths(t, dir, months), nil)
	})
	t.Run("postgres", func(t *testing.T) {
		cluster := storetest.StartPostgreSQL(t)
		connection := cluster.Database(t)
		dir := configtest.Secrets(t)
		onServer(t, dir, "poterne.toml", connection)
		try(t, dir, rememberedMonths(t, dir, months), []string{"--owner", cluster.Owner(connection)})
	})
}

// rememberedMonths writes a ledger of so many months: in each, two people are shown
// to Pauline, and a checkpoint is signed. Samir and Nadia are of the security desk.
func rememberedMonths(t *testing.T, dir string, months int) (oldest ledger.Month) {
	t.Helper()
	now := time.Now()
	oldest = ledger.MonthOf(now).Plus(1 - months)
	epoch := fmt.Sprintf("%s %s\n", oldest, base64.StdEncoding.EncodeToString(make([]byte, 32))) // people of all these months can be read
	if err := os.WriteFile(filepath.Join(dir, "epoch.key"), []byte(epoch), 0o600); err != nil {
		t.Fatal(err)
	}
	o := openedIn(t, dir)
	defer o.Close()
	staff := accounts.List{Organisations: []roster.Organisation{{ID: "garde", Name: "Poste de garde"}}}
	for id, role := range map[roster.AccountID]roster.Role{"samir": roster.Security, "nadia": roster.Security, "pauline": roster.Adviser} {
		staff.Accounts = append(staff.Accounts, roster.Account{
			ID: id, Organisation: "garde", Role: role, Name: string(id), Identity: roster.Identity{Issuer: "https://connect.example", Subject: string(id)},
		})
	}
	if err := storetest.TakeRosterBy(t, journal.Outside{DB: o.Ledger, Now: func() time.Time { return oldest.Begins().Add(time.Second) }}, staff); err != nil {
		t.Fatal(err)
	}
	sequencer, err := ledger.NewSequencer(t.Context(), o.Ledger, o.Signer, o.Verifier, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for n := range months {
		at := oldest.Plus(n).Begins().Add(time.Minute)
		for i := range 2 {
			if n == 0 && i == 0 {
				continue // the roster was taken in
			}
			if err := journal.Record(t.Context(), journal.Outside{DB: o.Ledger, Now: func() time.Time { return at }}, ledger.Entry{
				Kind: ledger.Consulted, Account: "pauline", Organisation: "garde", Service: "people", Purpose: "accompany", Route: "GET /users",
				Person: o.Pseudonym.Person(fmt.Sprint(10*n + i)), Fields: register.Name, Verdict: policy.Shown, Why: policy.Counted,
			}); err != nil {
				t.Fatal(err)
			}
		}
		for advanced := true; advanced; {
			if advanced, err = sequencer.Step(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	return oldest
}

// Promise: LEDGER-6
func TestLEDGER_6_MonthsAreHeldByTwoPeopleAndSeen(t *testing.T) {
	onEachEngine(t, 15, func(t *testing.T, dir string, oldest ledger.Month, _ []string) {
		hold := func(more ...string) []string {
			return append([]string{"retention", "hold", "--because", "une enquête", "--by", "samir", "--approved-by", "nadia"}, more...)
		}
		since, until := oldest.String(), oldest.Plus(2).String()
		held := fmt.Sprintf("hold 35 keeps %s to %s\n", since, until)
		for _, step := range []struct {
			what string
			args []string
			code int
			says []string
		}{
			{"before", []string{"retention", "status"}, 0, []string{
				oldest.String() + "  7        due since " + oldest.Plus(13).Begins().Format(time.DateOnly), // entry 0 opens the ledger
				oldest.Plus(1).String() + "  2        due since ",
				oldest.Plus(2).String() + "  2        closed, due on " + oldest.Plus(15).Begins().Format(time.DateOnly),
				oldest.Plus(14).String() + "  2        open\n", "what is written now is kept 12 months\n",
			}},
			{"with sizes", []string{"retention", "status", "--sizes"}, 0, []string{"MONTH    ENTRIES  BYTES  STATE"}},
			{"by one person", []string{"retention", "hold", "--because", "a", "--by", "samir", "--approved-by", "samir", "--since", since}, 1, []string{"nothing is held: what is kept takes two people"}},
			{"by nobody known", []string{"retention", "hold", "--because", "a", "--by", "samir", "--approved-by", "nobody", "--since", since}, 1, []string{`"nobody" is no account`}},
			{"by an adviser", []string{"retention", "hold", "--because", "a", "--by", "pauline", "--approved-by", "nadia", "--since", since}, 1, []string{`"pauline" may not sign for what is kept`}},
			{"of no month", hold("--since", "March"), 2, []string{`"March" is not a month; write it like 2026-11`}},
			{"that ends before", hold("--since", until, "--until", since), 1, []string{"cannot end with " + since}},
			{"that is right", hold("--since", since, "--until", until), 0, []string{held}},
			{"another, without an end", hold("--since", until), 0, []string{"hold 36 keeps " + until + " and after\n"}},
			{"held", []string{"retention", "status"}, 0, []string{
				since + "  7        held by 35; its term ends on ", until + "  2        held by 35, 36; its term ends on ",
				"hold 35, by samir: " + since + " to " + until + "; approved by nadia; une enquête\n",
			}},
			{"releasing what is not", []string{"retention", "release", "3", "--because", "a", "--by", "samir", "--approved-by", "nadia"}, 1, []string{"nothing is released: no hold 3 is in force"}},
			{"releasing alone", []string{"retention", "release", "35", "--because", "a", "--by", "nadia", "--approved-by", "nadia"}, 1, []string{"takes two people"}},
			{"releasing", []string{"retention", "release", "35", "--because", "close", "--by", "nadia", "--approved-by", "samir"}, 0, []string{"hold 35 is released\n"}},
			{"releasing again", []string{"retention", "release", "35", "--because", "close", "--by", "nadia", "--approved-by", "samir"}, 1, []string{"no hold 35 is in force"}},
			{"after", []string{"retention", "status"}, 0, []string{since + "  7        due since ", until + "  2        held by 36; its term"}},
			{"the ledger", []string{"ledger", "tail", "--as", "samir"}, 0, []string{"held  samir  " + since + " to " + until + " approved by nadia – une enquête", "released  nadia  entries from 35 approved by samir – close"}},
		} {
			code, out, errs := asked(t, dir, step.args...)
			for _, says := range step.says {
				if code != step.code || !strings.Contains(out+errs, says) {
					t.Errorf("%s: exit %d, and %q is not in\n%s%s", step.what, code, says, out, errs)
				}
			}
		}
		code, out, errs := asked(t, dir, "retention", "status", "--json")
		var told custody.ToldSchedule
		if err := json.Unmarshal([]byte(out), &told); code != 0 || err != nil {
			t.Fatal(code, err, errs)
		}
		if len(told.Months) != 15 || told.Term != 12 || len(told.Holds) != 2 || told.Holds[0].Release != 37 || told.Months[0].State != "due" || told.Months[2].Holds[0] != 36 {
			t.Errorf("it is told as %s", out)
		}
	})
}
