package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poterne/internal/archive"
	"poterne/internal/config"
	"poterne/internal/config/configtest"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/roster"
	"poterne/internal/store"
)

// Promise: PERSON-6, ENTRY-6
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
	want("names on the line", 2, "unknown flag --by", "read", "100", "--by", "samir", "--approved-by", "nadia")
	want("no request", 2, "--request", "read", "100")
	want("a request that nobody made", 1, "there is no request to the archive under 7", "read", "100", "--request", "7")
	number := agreed(t, dir, "100")
	want("of somebody else", 1, "is of another person", "read", "101", "--request", number)
	want("as two people agreed", 0, "", "read", "100", "--request", number)
	want("again", 1, "ask for it anew in the portal", "read", "100", "--request", number)
	if _, out, _ := asked(t, dir, "ledger", "tail", "--as", "samir"); !strings.Contains(out, "archive-read  samir") {
		t.Errorf("the reading is not in the ledger:\n%s", out)
	}
}

// agreed has two people ask for a reading of the archive and approve it, as the portal does, and
// returns the request's number.
func agreed(t *testing.T, dir, identifier string) string {
	t.Helper()
	o := openedIn(t, dir)
	defer o.Close()
	readings := archive.Readings{Writer: o.Writer(), Rows: store.NewArchive(o.DB), Person: o.Person, Now: time.Now}
	for _, id := range []roster.AccountID{"samir", "nadia"} {
		if err := journal.Record(t.Context(), o.Writer(), ledger.Entry{Kind: ledger.SteppedUp, Account: id}); err != nil {
			t.Fatal(err)
		}
	}
	if err := readings.Ask(t.Context(), "samir", identifier, "demande 12"); err != nil {
		t.Fatal(err)
	}
	all, err := readings.All(t.Context())
	if err == nil {
		err = readings.Approve(t.Context(), all[0].Number, "nadia", identifier)
	}
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(uint64(all[0].Number))
}
