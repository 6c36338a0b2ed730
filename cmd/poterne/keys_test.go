package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poterne/internal/app"
	"poterne/internal/config"
	"poterne/internal/config/configtest"
	"poterne/internal/ledger"
	"poterne/internal/register"
)

// concealed is written under a key that begins with January.
func concealed(t *testing.T) (dir string, s config.Settings, key string) {
	t.Helper()
	dir = configtest.Secrets(t)
	key = filepath.Join(dir, config.EpochFile)
	if err := os.WriteFile(key, []byte(ledger.NewPseudonyms(202601, register.EpochKey{1}).Text()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, writtenIn(t, dir), key
}

func TestTheKeysOfMonthsThatAreGoneAreThrownAway(t *testing.T) {
	dir, s, file := concealed(t)
	question := []string{"ledger", "shown-to", "--as", "samir", "--account", "pauline.mercier", "--csv"}
	_, before, _ := asked(t, dir, question...)
	for _, refused := range []struct{ until, want string }{
		{"2026-12", "the epoch key stays as it is: the ledger still has entries of 2026-11, which nobody could read any more; drop them first"},
		{"2025-12", "it begins with 2026-01, and nothing leads back to earlier months"},
		{"november", `"november" is not a month; write it like 2026-11`},
	} {
		if code, out, errs := asked(t, dir, "keys", "advance", "--until", refused.until); code == 0 || !strings.Contains(errs, refused.want) {
			t.Errorf("until %s: exit %d, printed\n%s%s", refused.until, code, out, errs)
		}
	}
	for i, step := range []struct {
		args []string
		want ledger.Month
	}{
		{nil, 202611},
		{nil, 202611}, // the second time there is nothing to do
		{[]string{"--until", "2026-11"}, 202611},
	} {
		if i == 0 {
			if code, _, errs := asked(t, dir, "keys", "advance", "--until", "2026-03"); code != 0 {
				t.Fatal(errs)
			}
		}
		if code, out, errs := asked(t, dir, append([]string{"keys", "advance"}, step.args...)...); code != 0 || out != "the epoch key begins with "+step.want.String()+"\n" {
			t.Errorf("exit %d, printed\n%s%s", code, out, errs)
		}
	}
	want, err := s.Pseudonyms.Key(202611)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != ledger.NewPseudonyms(202611, want).Text()+"\n" {
		t.Errorf("the file is not the key of November, %v", err)
	}
	if about, err := os.Stat(file); err != nil || about.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", about.Mode(), err)
	}
	if left, _ := filepath.Glob(file + ".*"); len(left) > 0 {
		t.Errorf("%d files with keys are left over", len(left))
	}
	if code, after, errs := asked(t, dir, question...); code != 0 || after != before {
		t.Errorf("with the later key, exit %d, printed\n%swant\n%s%s", code, after, before, errs)
	}
	other, err := app.Open(t.Context(), s) // another node, which has the earlier key still
	if err != nil {
		t.Fatal(err)
	}
	_ = other.Close()
}

// Promise: LEDGER-2
func TestLEDGER_2_AProofHandsOutAPseudonymOfItsMonth(t *testing.T) {
	dir, s, _ := concealed(t)
	code, proof, errs := asked(t, dir, "ledger", "prove", "--as", "samir", "1")
	if code != 0 {
		t.Fatal(errs)
	}
	file := filepath.Join(dir, "1.tlog-proof")
	if err := os.WriteFile(file, []byte(proof), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out := bare(t, "ledger", "verify-proof", file, "--key", filepath.Join(dir, "checkpoint.pub"))
	said, line, _ := strings.Cut(out, "\n{")
	var entry ledger.Line
	if err := json.Unmarshal([]byte("{"+line), &entry); err != nil || code != 0 {
		t.Fatalf("exit %d, printed %s, %v", code, out, err)
	}
	hidden := s.Pseudonym.Person("1")
	if key, err := s.Pseudonyms.Key(202611); err != nil {
		t.Fatal(err)
	} else {
		key.Pseudonyms().Conceal(&hidden)
	}
	if entry.Epoch != 202611 || entry.Person != hidden.Hex() || entry.Account != "pauline.mercier" || !strings.Contains(said, "the person is a pseudonym of 2026-11") {
		t.Errorf("printed %s", out)
	}
	if _, told, _ := asked(t, dir, "ledger", "tail", "--json", "--as", "samir"); !strings.Contains(told, s.Pseudonym.Person("1").Hex()) || strings.Contains(told, "epoch") {
		t.Error("whoever has the key does not find the person")
	}
}

func TestALedgerWhoseKeyIsLostIsVerifiedAndNotServed(t *testing.T) {
	dir, _, key := concealed(t)
	configFile := filepath.Join(dir, "poterne.toml")
	without := strings.Replace(config.Example, `epoch      = "epoch.key"`, "", 1)
	if without == config.Example {
		t.Fatal("the example has no epoch key")
	}
	if err := os.WriteFile(configFile, []byte(without), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := asked(t, dir, "ledger", "verify"); code != 0 {
		t.Errorf("exit %d, printed\n%s%s", code, out, errs)
	}
	for _, command := range [][]string{{"serve"}, {"ledger", "tail", "--as", "samir"}, {"ledger", "who-saw", "--because", "a complaint", "--as", "samir", "1"}} {
		if code, out, errs := asked(t, dir, command...); code != 1 || !strings.Contains(errs, `since 2026-01, people in this ledger are hidden under a key, and there is none here: write epoch = "epoch.key" under [keys]`) {
			t.Errorf("%v: exit %d, printed\n%s%s", command, code, out, errs)
		}
	}
	if err := os.WriteFile(configFile, []byte(config.Example), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{
		"the epoch key is not the one that this ledger was written under": ledger.NewPseudonyms(202601, register.EpochKey{2}).Text() + "\n",
		"keys.epoch: an epoch key is a month and a key":                   "2026-01",
		"an epoch key is a month and a key":                               ledger.NewPseudonyms(202601, register.EpochKey{1}).Text()[:40],
		"such as 2026-11 and 44 characters":                               strings.Replace(ledger.NewPseudonyms(202601, register.EpochKey{1}).Text()+"\n", "2026-01", "2026-13", 1),
		"epoch.key is empty":                                              "",
	} {
		if err := os.WriteFile(key, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, out, errs := asked(t, dir, "ledger", "tail", "--as", "samir"); code != 1 || !strings.Contains(errs, what) {
			t.Errorf("exit %d, printed\n%s%swant %s", code, out, errs, what)
		}
	}
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := asked(t, dir, "ledger", "tail", "--as", "samir"); code != 1 || !strings.Contains(errs, "may be read by others") {
		t.Errorf("a key for everybody: exit %d, %s", code, errs)
	}
}

// Promise: LEDGER-6
func TestLEDGER_6_WhatABackupHasOfDroppedMonthsIsNobodysAnyMore(t *testing.T) {
	onEachEngine(t, 15, func(t *testing.T, dir string, oldest ledger.Month, owner []string) {
		must := func(want string, args ...string) {
			t.Helper()
			if code, out, errs := asked(t, dir, args...); code != 0 || !strings.Contains(out, want) {
				t.Fatalf("exit %d, and %q is not in\n%s%s", code, want, out, errs)
			}
		}
		copied := filepath.Join(dir, "copy.db")
		if owner == nil {
			must("", "backup", copied, "--as", "samir")
		}
		must("are dropped", append([]string{"retention", "run", "--as", "timer"}, owner...)...)
		left := oldest.Plus(2)
		must("the epoch key begins with "+left.String(), "keys", "advance")
		must("26 people", "ledger", "shown-to", "--account", "pauline", "--as", "samir")
		if owner != nil {
			return
		}
		if err := os.Rename(copied, filepath.Join(dir, "poterne.db")); err != nil {
			t.Fatal(err)
		}
		for _, beside := range []string{"-wal", "-shm"} {
			_ = os.Remove(filepath.Join(dir, "poterne.db"+beside))
		}
		code, out, errs := asked(t, dir, "ledger", "tail", "--last", "100", "--as", "samir")
		if want := "people of " + oldest.String() + " are asked for, and the epoch key begins with " + left.String(); code != 1 || !strings.Contains(errs, want) {
			t.Errorf("from the copy, exit %d, printed\n%s%s", code, out, errs)
		}
		must("entries, ", "ledger", "verify")
		must("are dropped", "retention", "run", "--as", "timer") // and then it goes on
		must("consulted", "ledger", "tail", "--last", "100", "--as", "samir")
	})
}
