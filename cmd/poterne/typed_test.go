package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"poterne/internal/app"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/policy"
)

// Whatever a database holds: one that other hands have written to, too.
func TestWhatIsPrintedMovesNoTerminal(t *testing.T) {
	dir, s := written(t)
	const bad = "x\x1b]0;owned\x07\u009b2J\u202ey\r\nz"
	o, err := app.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range []ledger.Entry{
		{Kind: ledger.Raised, Account: bad, Subject: bad, Note: bad},
		{Kind: ledger.Consulted, Account: bad, Organisation: bad, Service: bad, Purpose: bad, Route: bad, Device: bad, Network: bad, Person: s.Pseudonym.Person("1"), Verdict: policy.Shown, Why: policy.Counted, Fields: 1},
	} {
		if err := journal.Record(t.Context(), o.Writer(), entry); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"ledger", "tail", "--last", "3", "--as", "samir"},
		{"ledger", "tail", "--json", "--last", "3", "--as", "samir"},
		{"ledger", "who-saw", "--because", "a complaint", "--as", "samir", "1"},
		{"order", "list"},
	} {
		_, out, errs := asked(t, dir, args...)
		if said := out + errs; strings.ContainsAny(said, "\x1b\x07\r\u009b\u202e") || strings.Contains(said, "\nz") {
			t.Errorf("%v prints %q", args, said)
		}
		if args[1] == "tail" && !strings.Contains(out, `\u001b]0;owned\u0007`) {
			t.Errorf("%v does not tell what is there: %q", args, out)
		}
	}
}

func TestAReasonThatCannotBeReadIsRefusedByEachCommand(t *testing.T) {
	dir, _ := written(t)
	for what, because := range map[string]string{
		"control": "seen\x1b[2J", "around": "paid \u202egpj", "zero width": "\u200b\u2060", "5 kB": strings.Repeat("why ", 1280),
	} {
		for _, args := range [][]string{
			{"order", "place", "close", "service", "people", "--because", because, "--as", "samir"},
			{"order", "place", "close", "service", "people", "--because", "drill", "--message", because, "--as", "samir"},
		} {
			if what == "zero width" && strings.Contains(strings.Join(args, " "), "--message") {
				continue
			}
			if code, out, errs := asked(t, dir, args...); code == 0 || !strings.Contains(errs, "reason") && !strings.Contains(errs, "message") {
				t.Errorf("%s: exit %d, said %q %q", what, code, out, errs)
			}
		}
	}
}

// The built program, as it is run in a terminal.
func TestTheProgramItselfPrintsNoEscape(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	dir, s := written(t)
	o, err := app.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if err := journal.Record(t.Context(), o.Writer(), ledger.Entry{Kind: ledger.Raised, Account: "chief", Note: "a\x1b]0;owned\x07"}); err != nil {
		t.Fatal(err)
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "poterne")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as a release is built
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	command := exec.CommandContext(t.Context(), program, "ledger", "tail", "--last", "3", "--as", "samir", "--config", filepath.Join(dir, "poterne.toml"))
	command.Env = os.Environ()
	out, err := command.CombinedOutput()
	if err != nil || bytes.ContainsAny(out, "\x1b\x07") || !bytes.Contains(out, []byte(`a\u001b]0;owned\u0007`)) {
		t.Errorf("%v: %q", err, out)
	}
}
