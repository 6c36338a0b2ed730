package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poterne/internal/config"
	"poterne/internal/config/configtest"
)

// Promise: PERSON-6
func TestPERSON_6_PeopleAreKeptAsTheRulesSayAndTwoReadTheArchive(t *testing.T) {
	dir := configtest.Secrets(t)
	table := "\n[archive]\nkeys = \"archive-keys\"\n[[archive.rule]]\nof = \"questions\"\narchive = 3\nerase = 12\n"
	write := func(more string) {
		if err := os.WriteFile(filepath.Join(dir, "poterne.toml"), []byte(config.Example+more), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("")
	rememberedMonths(t, dir, 2)
	want := func(what string, code int, says string, args ...string) {
		t.Helper()
		got, out, errs := asked(t, dir, append([]string{"retention"}, args...)...)
		if got != code || !strings.Contains(out+errs, says) {
			t.Errorf("%s: exit %d, and %q is not in\n%s%s", what, got, says, out, errs)
		}
	}
	want("a node that keeps no archive", 1, "this configuration keeps no archive", "people")
	write(table)
	want("without the folder", 1, "the folder of the archive's keys", "people")
	if err := os.Mkdir(filepath.Join(dir, "archive-keys"), 0o700); err != nil {
		t.Fatal(err)
	}
	want("with it", 0, "nothing is due\n", "people", "--dry-run")
	read := []string{"read", "100", "--because", "demande 12", "--by", "samir", "--approved-by"}
	want("one person", 1, "a reading of the archive takes two people", append(read, "samir")...)
	want("an adviser", 1, `"pauline" may not sign for a reading of the archive`, append(read, "pauline")...)
	want("two people", 0, "", append(read, "nadia")...)
	if _, out, _ := asked(t, dir, "ledger", "tail", "--as", "samir"); !strings.Contains(out, "archive-read  samir") {
		t.Errorf("the reading is not in the ledger:\n%s", out)
	}
}
