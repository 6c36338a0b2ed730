package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// manualOf is what poterne manual writes, also as a file.
func manualOf(t *testing.T, form string) (text, file string) {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"manual", form}, &streams{Out: &out, Err: &errs}); code != 0 || errs.Len() > 0 {
		t.Fatalf("poterne manual %s: %d %s", form, code, errs.String())
	}
	file = filepath.Join(t.TempDir(), "poterne."+form)
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return out.String(), file
}

// asks runs a program that is at hand, and says what it printed.
func asks(t *testing.T, name string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	command.Dir = t.TempDir() // without a file that shells would offer
	out, err := command.CombinedOutput()
	if err != nil {
		t.Errorf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// The README says that the page of what is there has every command.
func TestTheStatusPagesNameEveryCommand(t *testing.T) {
	for page, heading := range map[string]string{"status.md": "\n## Commands\n", "status.fr.md": "\n## Commandes\n"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "docs", page))
		if err != nil {
			t.Fatal(err)
		}
		_, table, _ := strings.Cut(string(text), heading)
		for _, leaf := range kong.Must(&commands{}, kong.Name("poterne")).Model.Leaves(true) {
			named := false
			first, last, _ := strings.Cut(strings.TrimSpace(leaf.Path()), " ")
			for row := range strings.Lines(table) {
				row = strings.ReplaceAll(row, "`", " ")
				named = named || strings.Contains(row, " "+first) && (last == "" || first == "keys" || strings.Contains(row, " "+last))
			}
			if !named {
				t.Errorf("%s has no %s", page, leaf.Path())
			}
		}
	}
}

// Promise: RUN-11
func TestRUN_11_TheManualHasEveryCommandAndOptionThatHelpHas(t *testing.T) {
	parser := kong.Must(&commands{}, kong.Name("poterne"))
	page, file := manualOf(t, "man")
	plain := strings.NewReplacer(`\-`, "-", `\e`, `\`, `\&`, "").Replace(page)
	leaves := parser.Model.Leaves(true)
	if len(leaves) < 40 {
		t.Fatalf("%d commands", len(leaves))
	}
	for _, leaf := range leaves {
		_, about, found := strings.Cut(plain, "\n.SS poterne "+strings.TrimSpace(leaf.Path())+" ")
		about, _, _ = strings.Cut(about, "\n.SS ")
		if !found || !strings.Contains(about, leaf.Help) {
			t.Errorf("%s is not in the manual, or not what it does", leaf.Path())
		}
		for _, f := range leaf.Flags {
			if !f.Hidden && f.Name != "help" && !strings.Contains(about, "--"+f.Name) {
				t.Errorf("%s --%s is not in the manual", leaf.Path(), f.Name)
			}
		}
	}
	_, example := manualOf(t, "toml")
	for _, page := range []string{file, example} {
		if _, err := exec.LookPath("man"); err == nil {
			command := exec.CommandContext(t.Context(), "man", "--warnings", "-l", page)
			var complaints bytes.Buffer
			command.Stderr = &complaints
			if out, err := command.Output(); err != nil || complaints.Len() > 0 || len(out) < 1000 {
				t.Errorf("man: %v %s, %d bytes", err, complaints.String(), len(out))
			}
		}
	}
}

// Promise: RUN-11
func TestRUN_11_ThreeShellsCompleteWhatCanBeAsked(t *testing.T) {
	_, bash := manualOf(t, "bash")
	_, zsh := manualOf(t, "zsh")
	_, fish := manualOf(t, "fish")
	for asked, want := range map[string]string{
		"poterne led":                   "ledger",
		"poterne ledger ver":            "verify verify-copy verify-proof",
		"poterne order pl":              "place",
		"poterne ledger tail --con":     "--config",
		"poterne demo --lang ":          "en fr",
		"poterne manual b":              "bash",
		"poterne --config x ledger who": "who-saw",
	} {
		words := strings.Split(asked, " ")
		args := append([]string{"-c", `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _poterne; printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd ' '`, "bash", bash}, words...)
		if got := strings.TrimSpace(asks(t, "bash", args...)); got != want {
			t.Errorf("bash completes %q by %q, want %q", asked, got, want)
		}
		if _, err := exec.LookPath("fish"); err == nil {
			var got []string
			for line := range strings.Lines(asks(t, "fish", "--no-config", "-c", `source $argv[1]; complete -C $argv[2]`, fish, asked)) {
				word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
				got = append(got, word)
			}
			if strings.Join(got, " ") != want {
				t.Errorf("fish completes %q by %q, want %q", asked, got, want)
			}
		}
	}
	if _, err := exec.LookPath("zsh"); err == nil {
		got := asks(t, "zsh", "-f", "-c", `compdef() { :; }; _describe() { print -l -- "${(@P)2}"; }; source "$1"; words=(poterne ledger ver) CURRENT=3 _poterne`, "zsh", zsh)
		if !strings.Contains(got, "verify-proof:Verify such a proof") {
			t.Errorf("zsh is offered %q", got)
		}
	}
}
