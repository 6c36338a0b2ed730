package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"poterne/internal/app"
	"poterne/internal/config"
	"poterne/internal/config/configtest"
	"poterne/internal/custody"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/ledger/retention"
	"poterne/internal/store/storetest"
)

// Promise: LEDGER-6
// Promise: LEDGER-5
func TestLEDGER_6_MonthsAreDroppedAtTheirTermAndThatIsProved(t *testing.T) {
	onEachEngine(t, 15, func(t *testing.T, dir string, oldest ledger.Month, owner []string) {
		proofs := t.TempDir()
		due := func(more ...string) []string {
			return slices.Concat([]string{"retention", "run", "--as", "timer"}, owner, more)
		}
		first, second := oldest.String(), oldest.Plus(1).String()
		steps := func(list ...lifeStep) {
			t.Helper()
			for _, step := range list {
				code, out, errs := asked(t, dir, step.args...)
				for _, says := range step.says {
					if code != step.code || !strings.Contains(out+errs, says) {
						t.Errorf("%s: exit %d, and %q is not in\n%s%s", step.what, code, says, out, errs)
					}
				}
			}
		}
		steps(
			lifeStep{"without doing it", []string{"retention", "run", "--as", "timer", "--dry-run"}, 0, []string{first + ": 7 entries would be dropped, which are due since ", second + ": 2 entries would be dropped"}},
			lifeStep{"holding the second", []string{"retention", "hold", "--since", second, "--until", second, "--because", "une enquête", "--by", "samir", "--approved-by", "nadia"}, 0, []string{"hold 35 keeps " + second + "\n"}},
		)
		if got := monthsDue(t, dir); got != 1 {
			t.Errorf("the metric says %v months", got)
		}
		steps(
			lifeStep{"dropping the first", due("--proofs", proofs), 0, []string{first + ": 7 entries are dropped, as entry 37 says\n", first + ".tlog-proof proves it\n"}},
			lifeStep{"dropping nothing twice", due("--proofs", proofs), 0, []string{"nothing is due\n"}},
			lifeStep{"its state", []string{"retention", "status"}, 0, []string{first + "  7        dropped by entry 37 on ", second + "  2        held by 35"}},
			lifeStep{"holding what is gone", []string{"retention", "hold", "--since", first, "--until", first, "--because", "une enquête", "--by", "samir", "--approved-by", "nadia"}, 1, []string{"nothing is held: " + first + " was dropped already, by entry 37"}},
			lifeStep{"releasing the second", []string{"retention", "release", "35", "--because", "close", "--by", "nadia", "--approved-by", "samir"}, 0, []string{"hold 35 is released\n"}},
			lifeStep{"dropping the second", due(), 0, []string{second + ": 2 entries are dropped, as entry 39 says\n"}},
			lifeStep{"proving it later", due("--proofs", proofs), 0, []string{"nothing is due\n", second + ".tlog-proof proves it\n"}},
		)
		if got := monthsDue(t, dir); got != 0 {
			t.Errorf("the metric says %v months", got)
		}
		code, out := bare(t, "ledger", "verify-proof", filepath.Join(proofs, first+".tlog-proof"), "--key", filepath.Join(dir, "checkpoint.pub"))
		for _, says := range []string{`"kind":"dropped"`, `"account":"timer"`, `"first":"` + first, `"from":0,"end":7`} {
			if code != 0 || !strings.Contains(out, says) {
				t.Errorf("the proof of erasure: exit %d, and %s is not in %s", code, says, out)
			}
		}
		steps(
			lifeStep{"verifying", []string{"ledger", "verify"}, 0, []string{"40 under the newest checkpoint", "entries 0 to 6: dropped at their term (entry 37)"}},
			lifeStep{"reading on", []string{"ledger", "tail", "--as", "samir"}, 0, []string{"dropped  timer  " + first, "dropped  timer  " + second}},
			lifeStep{"who was shown", []string{"ledger", "shown-to", "--account", "pauline", "--as", "samir"}, 0, []string{"26 people"}},
		)
		if got := reopened(t, dir); got != 42 {
			t.Errorf("served again, the ledger goes up to %d", got)
		}
	})
}

type lifeStep struct {
	what string
	args []string
	code int
	says []string
}

// monthsDue is what Prometheus reads.
func monthsDue(t *testing.T, dir string) float64 {
	t.Helper()
	var due float64
	assembledAgain(t, dir, func(p *app.Program) {
		w := httptest.NewRecorder()
		p.Private.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
		_, line, told := strings.Cut(w.Body.String(), "\npoterne_ledger_months_due ")
		if _, err := fmt.Sscan(line, &due); err != nil || !told {
			t.Fatal(err, w.Body)
		}
	})
	return due
}

// reopened starts the program, lets it leave, and says how far the gate has read.
func reopened(t *testing.T, dir string) (next ledger.Number) {
	t.Helper()
	assembledAgain(t, dir, func(p *app.Program) {
		ctx, leave := context.WithCancel(t.Context())
		_, ended := serving(ctx, t, p)
		next = p.Journal.Next()
		leave()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	})
	return next
}

// openedIn is a configuration of a folder with its database open.
func openedIn(t *testing.T, dir string) *app.Opened {
	t.Helper()
	s, err := config.Read(filepath.Join(dir, "poterne.toml"))
	if err != nil {
		t.Fatal(err)
	}
	o, err := app.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func assembledAgain(t *testing.T, dir string, try func(*app.Program)) {
	t.Helper()
	o := openedIn(t, dir)
	defer o.Close()
	p, err := app.Assemble(t.Context(), o, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	try(p)
}

// Promise: LEDGER-5
func TestLEDGER_5_DamageIsNotDropped(t *testing.T) {
	for sentence, test := range map[string]struct{ tamper, says string }{
		"an entry was changed":        {`update entry set salt = zeroblob(16) where number = 1`, "entry 1: changed"},
		"an entry is gone":            {`delete from entry where number = 1`, "entry 1: removed"},
		"a setting was written in":    {`drop trigger retention_is_new; insert into retention (since, months, reason) values (2, 6, '')`, "the database has a setting as entry 2, and the ledger does not"},
		"a hold was taken for ended":  {`drop trigger hold_is_new; insert into hold values (3, 200001, null, 'a', 'samir', 'nadia', 4)`, "the database has a hold as entry 3, and the ledger does not"},
		"a setting of an entry ahead": {`insert into retention (since, months, reason) values (1000, 6, '')`, "holding a setting against the ledger"},
	} {
		t.Run(sentence, func(t *testing.T) {
			dir := configtest.Secrets(t)
			if err := os.WriteFile(filepath.Join(dir, "poterne.toml"), []byte(config.Example), 0o600); err != nil {
				t.Fatal(err)
			}
			oldest := rememberedMonths(t, dir, 15)
			db, err := sql.Open("sqlite", filepath.Join(dir, "poterne.db"))
			if err != nil {
				t.Fatal(err)
			}
			storetest.Tamper(t, db, test.tamper)
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				code, out, errs := asked(t, dir, "retention", "run", "--as", "timer")
				if code != 1 || !strings.Contains(out+errs, test.says) || strings.Contains(out, "dropped") {
					t.Errorf("exit %d, printed\n%s%s", code, out, errs)
				}
			}
			if _, out, _ := asked(t, dir, "retention", "status"); strings.Contains(out, "dropped") || !strings.Contains(out, oldest.String()+"  7        due since") {
				t.Errorf("it stands\n%s", out)
			}
		})
	}
}

// Promise: LEDGER-5
func TestLEDGER_5_WhatIsNotDueWhenItsEntriesWereReadIsNotDropped(t *testing.T) {
	dir := configtest.Secrets(t)
	if err := os.WriteFile(filepath.Join(dir, "poterne.toml"), []byte(config.Example), 0o600); err != nil {
		t.Fatal(err)
	}
	rememberedMonths(t, dir, 15)
	o := openedIn(t, dir)
	defer o.Close()
	log := slog.New(slog.DiscardHandler)
	_, err := custody.Erasure{
		Ledger: o.Ledger, Months: setMeanwhile{o.Months, t, o.Writer()}, By: "timer", Council: o.Council(log), Published: o.Published(), Signer: o.Signer, Verifier: o.Verifier,
		Progress: func(ledger.Month, int64, int64) {}, Now: time.Now, Log: log,
	}.Run(t.Context())
	if err == nil || !strings.HasSuffix(err.Error(), " is kept: it is not due") {
		t.Errorf("set to be kept meanwhile: %v", err)
	}
	if first, err := o.Ledger.First(t.Context()); first != 0 || err != nil {
		t.Errorf("the ledger begins with %d, %v", first, err)
	}
}

// setMeanwhile is a ledger that is to be kept longer, as is set while a month of it is
// read.
type setMeanwhile struct {
	custody.Eraser
	t *testing.T
	w journal.Writer
}

func (s setMeanwhile) Condense(ctx context.Context, month ledger.Month, tell func(done, total int64)) ([]ledger.Finding, error) {
	longer := custody.Retain{Setting: retention.Setting{Months: 36, Reason: "une enquête"}}
	if _, err := journal.Do(ctx, s.w, longer); err != nil {
		s.t.Error(err)
	}
	return s.Eraser.Condense(ctx, month, tell)
}

// Promise: LEDGER-4
func TestLEDGER_4_NothingIsDroppedFromAnOlderCopy(t *testing.T) {
	s, _, dir := configtest.Witnessed(t)
	configFile := filepath.Join(dir, "poterne.toml")
	if err := os.WriteFile(configFile, []byte(config.Example), 0o600); err != nil {
		t.Fatal(err)
	}
	rememberedMonths(t, dir, 15)
	again, err := config.Read(configFile) // now that it reads these months
	if err != nil {
		t.Fatal(err)
	}
	s.Pseudonyms = again.Pseudonyms
	older, err := os.ReadFile(s.Database)
	if err != nil {
		t.Fatal(err)
	}
	o, err := app.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	p, err := app.Assemble(t.Context(), o, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	_, ended := serving(ctx, t, p)
	if err := p.Journal.Record(t.Context(), ledger.Entry{Kind: ledger.Read, Account: "samir"}); err != nil {
		t.Fatal(err)
	}
	leave()
	if err := errors.Join(<-ended, o.Close()); err != nil { // the witness has co-signed all of it
		t.Fatal(err)
	}
	run := func() (said string, first ledger.Number) {
		o, err := app.Open(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		defer o.Close()
		var out bytes.Buffer
		err = (&retentionRun{actor: actor{"timer"}}).run(t.Context(), &streams{Out: &out, Err: io.Discard}, o)
		first, failed := o.Ledger.First(t.Context())
		if failed != nil {
			t.Fatal(failed)
		}
		return out.String() + fmt.Sprint(err), first
	}
	if said, first := run(); first != 9 || !strings.Contains(said, "7 entries are dropped") {
		t.Errorf("the newest begins with %d: %s", first, said)
	}
	if err := os.WriteFile(s.Database, older, 0o600); err != nil {
		t.Fatal(err)
	}
	if said, first := run(); first != 0 || !strings.Contains(said, "nothing is dropped from this ledger: ") || !strings.Contains(said, "an older copy was put in its place") {
		t.Errorf("an older copy begins with %d: %s", first, said)
	}
}

// Promise: LEDGER-6
func TestLEDGER_6_HowLongTheLedgerIsKeptIsConfiguredAndWritten(t *testing.T) {
	dir := configtest.Secrets(t)
	for sentence, test := range map[string]struct{ table, says string }{
		"too short":            {"[retention]\nmonths = 5", "retention: entries are kept 6 to 36 months, not 5"},
		"nothing":              {"[retention]\nmonths = 0", "retention: entries are kept 6 to 36 months, not 0"},
		"too long":             {"[retention]\nmonths = 37\nreason = \"a\"", "retention: entries are kept 6 to 36 months, not 37"},
		"without a reason":     {"[retention]\nmonths = 24", "retention: keeping entries 24 months takes a reason"},
		"a reason for nothing": {"[retention]\nreason = \"a\"", "retention.months: missing; write months = 12"},
	} {
		t.Run(sentence, func(t *testing.T) {
			if _, err := config.Parse(filepath.Join(dir, "poterne.toml"), []byte(configured(test.table))); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("it says %v", err)
			}
		})
	}
	path := filepath.Join(dir, "poterne.toml")
	oldest := func() ledger.Month {
		if err := os.WriteFile(path, []byte(config.Example), 0o600); err != nil {
			t.Fatal(err)
		}
		return rememberedMonths(t, dir, 15)
	}()
	for _, step := range []struct{ table, says, due string }{
		{"", "kept 12 months\n", "due since " + oldest.Plus(13).Begins().Format("2006-01-02")},
		{"[retention]\nmonths = 24\nreason = \"une enquête\"", "kept 24 months: une enquête\n", "closed, due on " + oldest.Plus(25).Begins().Format("2006-01-02")},
		{"[retention]\nmonths = 6", "kept 6 months\n", "closed, due on " + oldest.Plus(25).Begins().Format("2006-01-02")}, // it does not reach back
		{"", "kept 12 months\n", "closed, due on " + oldest.Plus(25).Begins().Format("2006-01-02")},
	} {
		if err := os.WriteFile(path, []byte(configured(step.table)), 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 { // started again, it is written once
			assembledAgain(t, dir, func(*app.Program) {})
		}
		_, out, _ := asked(t, dir, "retention", "status")
		if !strings.Contains(out, "what is written now is "+step.says) || !strings.Contains(out, oldest.String()+"  7        "+step.due) {
			t.Errorf("with %q it stands\n%s", step.table, out)
		}
	}
	_, out, _ := asked(t, dir, "ledger", "tail", "--as", "samir")
	if strings.Count(out, "retained  poterne  ") != 3 || !strings.Contains(out, "retained  poterne  count 24 – une enquête") {
		t.Errorf("the ledger says\n%s", out)
	}
}

// configured is the example with another table for how long the ledger is kept.
func configured(table string) string {
	const there = "[retention]\nmonths = 12\nreason = \"\"                 # why longer than 12\n"
	if !strings.Contains(config.Example, there) {
		panic("the example has changed")
	}
	return strings.Replace(config.Example, there, table+"\n", 1)
}

func TestARunSaysWhatItWants(t *testing.T) {
	onEachEngine(t, 2, func(t *testing.T, dir string, _ ledger.Month, owner []string) {
		code, out, errs := asked(t, dir, slices.Concat([]string{"retention", "run", "--as", "timer"}, owner)...)
		if code != 0 || out != "nothing is due\n" {
			t.Errorf("exit %d, printed %s%s", code, out, errs)
		}
		wrong := map[string][]string{"such a folder": {"--proofs", filepath.Join(dir, "nowhere")}}
		if owner == nil {
			wrong["which has no other owner: leave --owner out"] = []string{"--owner", "dbname=poterne"}
		} else {
			wrong[`write --owner "host=… dbname=… user=… passfile=…"`] = nil
			wrong["a password is a secret"] = []string{"--owner", "dbname=poterne password=x"}
			wrong["would own the tables and use them"] = []string{"--owner", strings.Replace(owner[1], "user=poterne_owner", "user=poterne", 1)}
		}
		for says, args := range wrong {
			code, out, errs := asked(t, dir, append([]string{"retention", "run", "--as", "timer"}, args...)...)
			if code == 0 || !strings.Contains(errs, says) && !strings.Contains(errs, "no such file") {
				t.Errorf("%s: exit %d, printed %s%s", fmt.Sprint(args), code, out, errs)
			}
		}
	})
}
