package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/app"
	"poterne/internal/config"
	"poterne/internal/installed"
	"poterne/internal/journal"
	"poterne/internal/roster"
	"poterne/internal/store/storetest"
)

// A command says on its standard error when its file says what two people have not allowed, and by which of the
// two it goes, whether it knows people or only reads; what it prints on its standard output is as before. It says
// nothing where they allowed it, nor where that takes nobody.
//
// Promise: RIGHTS-1
func TestRIGHTS_1_ACommandSaysThatNobodyAllowedItsFile(t *testing.T) {
	dir, _ := written(t)
	file := filepath.Join(dir, "poterne.toml")
	runs := func(args ...string) (code int, said, warned string) {
		t.Helper()
		var out, errs bytes.Buffer
		code = run(t.Context(), append(args, "--config", file), &streams{strings.NewReader(""), &out, &errs})
		return code, out.String(), errs.String()
	}
	says := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const warning = "warning: "
	if code, _, warned := runs("ledger", "verify"); code != 0 || strings.Contains(warned, warning) {
		t.Errorf("where one person changes the configuration: %d, %s", code, warned)
	}

	byTwo := strings.Replace(config.Example, "# [configuration]\n# by_two = true", "[configuration]\nby_two = true", 1)
	says(byTwo)
	s, err := config.Read(file)
	if err != nil || !s.Deciding.ByTwo {
		t.Fatalf("%v, %v", s.Deciding.ByTwo, err)
	}
	o, err := app.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	desk := accounts.List{Organisations: []roster.Organisation{{ID: "garde", SIRET: "90000000000017", Name: "Poste de garde"}}}
	for _, id := range []roster.AccountID{"samir", "nadia"} {
		desk.Accounts = append(desk.Accounts, roster.Account{ID: id, Organisation: "garde", Role: roster.Security, Name: string(id), Opened: time.Now().AddDate(-1, 0, 0), Identity: roster.Identity{Issuer: "https://connect.example", Subject: string(id)}})
	}
	if err := storetest.TakeRosterBy(t, o.Writer(), desk); err != nil {
		t.Fatal(err)
	}
	first := installed.Take{Proposal: installed.Proposal{Node: "north", Text: s.Deciding.Text, Digest: s.Deciding.Digest, ByTwo: true}}
	if _, err := journal.Do(t.Context(), o.Writer(), journal.Act[installed.Rows](first)); err != nil {
		t.Fatal(err)
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}

	commands := map[string][]string{
		"this command goes by what they allowed last": {"order", "list"},
		"this command goes by it all the same":        {"ledger", "verify"},
	}
	printed := make(map[string]string)
	for by, args := range commands {
		code, said, warned := runs(args...)
		if code != 0 || strings.Contains(warned, warning) {
			t.Errorf("%v, with what they allowed: %d, %s", args, code, warned)
		}
		printed[by] = said
	}
	says(strings.Replace(byTwo, `mail = ["garde@registre.example"]`, `mail = ["thief@registre.example"]`, 1))
	changed, err := config.Read(file)
	if err != nil || changed.Deciding.Digest == s.Deciding.Digest {
		t.Fatalf("the file says the same: %v", err)
	}
	for by, args := range commands {
		code, said, warned := runs(args...)
		if code != 0 || said != printed[by] || strings.Count(warned, warning) != 1 || !strings.Contains(warned, by) ||
			!strings.Contains(warned, s.Deciding.Digest.String()) || !strings.Contains(warned, changed.Deciding.Digest.String()) {
			t.Errorf("%v, with what nobody allowed: %d, it warns %q", args, code, warned)
		}
	}
}
