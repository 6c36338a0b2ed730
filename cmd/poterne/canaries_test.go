package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"poterne/internal/config"
	"poterne/internal/config/configtest"
	"poterne/internal/lab/town"
)

// trapped is a folder with the example configuration, in which one identifier in a
// hundred is reserved, and a file of identifiers.
func trapped(t *testing.T, identifiers int) (dir string, s config.Settings) {
	t.Helper()
	dir = configtest.Secrets(t)
	configFile := filepath.Join(dir, "poterne.toml")
	if err := os.WriteFile(configFile, []byte(strings.Replace(config.Example, "one_in = 1000000", "one_in = 100", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := config.Read(configFile)
	if err != nil {
		t.Fatal(err)
	}
	var free strings.Builder
	for i := range identifiers {
		fmt.Fprintf(&free, " 1%07d \n", i)
	}
	if err := os.WriteFile(filepath.Join(dir, "free.txt"), []byte("\n"+free.String()+"\n10000000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, s
}

// files asks for canaries' files and returns them without the names of the columns.
func files(t *testing.T, dir string, args ...string) [][]string {
	t.Helper()
	code, out, errs := asked(t, dir, append([]string{"canaries", "export", "--as", "nadia", filepath.Join(dir, "free.txt")}, args...)...)
	if code != 0 {
		t.Fatalf("%d: %s", code, errs)
	}
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || !slices.Equal(rows[0], town.ParticularNames) {
		t.Fatalf("%v: %v", err, rows[0])
	}
	return rows[1:]
}

// Promise: WATCH-3
func TestWATCH_3_TheFilesOfCanariesAreMadeUpAliveAndTheSameEachTime(t *testing.T) {
	dir, s := trapped(t, 20_000)
	rows := files(t, dir, "--on", "2026-11-22")
	// One in a hundred, by a new key each time: six standard deviations.
	if len(rows) < 110 || len(rows) > 290 {
		t.Fatalf("%d of 20000 identifiers are reserved", len(rows))
	}
	later := files(t, dir, "--on", "2026-12-22")
	column := func(name string) int { return slices.Index(town.ParticularNames, name) }
	last, next, since := column("last_activity"), column("next_appointment"), column("since")
	surnames, appointments, moved := make(map[string]bool), 0, 0
	for i, row := range rows {
		if !s.Reserved(row[0]) {
			t.Fatal("a file has an identifier that somebody could have")
		}
		if !regexp.MustCompile(`^(01 99 00|02 61 91|03 53 01|04 65 71|05 36 49|06 39 98) `).MatchString(row[column("phone")]) || !strings.HasSuffix(row[column("mail")], ".example") {
			t.Error("a canary can be reached, so somebody real could be")
		}
		if row[column("birthplace_code")] == "03999" || row[column("commune_code")] == "03999" {
			t.Error("a canary lives in a town that does not exist")
		}
		surnames[row[column("surname")]] = true
		if row[last] > "2026-10-31" || row[last] < "2024-11-01" && row[last] != row[since] || row[last] < row[since] {
			t.Errorf("last seen on %s, known since %s", row[last], row[since])
		}
		if row[next] != "" {
			appointments++
			if at, err := time.Parse(time.DateOnly, row[next]); err != nil || row[next] < "2026-12-01" || at.Weekday() == time.Sunday || row[column("status")] != string(town.Registered) {
				t.Errorf("expected on %s", row[next])
			}
		}
		if later[i][last] < row[last] {
			t.Error("an activity goes back in time")
		}
		if later[i][last] > row[last] {
			moved++
		}
		if !slices.Equal(row[:last], later[i][:last]) {
			t.Error("another month makes another person")
		}
	}
	if len(surnames) < 60 || appointments < len(rows)/20 || moved < len(rows)/10 {
		t.Errorf("%d surnames, %d appointments, %d moved on, of %d", len(surnames), appointments, moved, len(rows))
	}
	if few := files(t, dir, "--number", "3", "--on", "2026-11-22"); len(few) != 3 || !slices.Equal(few[2], rows[2]) {
		t.Errorf("three are %d", len(few))
	}
}

func TestWhatIsLookedForIsWrittenDownAndNamesNobody(t *testing.T) {
	dir, s := trapped(t, 2000)
	free := filepath.Join(dir, "free.txt")
	code, out, errs := asked(t, dir, "canaries", "check", "--as", "nadia", free)
	if code != 1 || !strings.Contains(errs, "of 2001 identifiers are reserved") {
		t.Errorf("%d: %s", code, errs)
	}
	at := regexp.MustCompile(`(?m)^.*free\.txt:(\d+)$`).FindAllStringSubmatch(out, -1)
	var line int
	if len(at) == 0 || strings.Count(out, "\n") != len(at) {
		t.Fatalf("found %s", out)
	}
	if _, err := fmt.Sscan(at[0][1], &line); err != nil || !s.Reserved(fmt.Sprintf("1%07d", line-2)) {
		t.Errorf("line %d is not reserved", line)
	}
	asked(t, dir, "canaries", "export", "--as", "nadia", "--number", "2", free)

	var rest strings.Builder
	for i := range 2000 {
		if identifier := fmt.Sprintf("1%07d", i); !s.Reserved(identifier) {
			fmt.Fprintln(&rest, identifier)
		}
	}
	if err := os.WriteFile(free, []byte(rest.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := asked(t, dir, "canaries", "check", "--as", "nadia", free); code != 0 || !strings.Contains(out, "none is reserved") {
		t.Errorf("%d: %s%s", code, out, errs)
	}
	if code, out, errs := asked(t, dir, "canaries", "export", "--as", "nadia", "--number", "1", free); code != 1 || out != "" || !strings.Contains(errs, "only 0 of") {
		t.Errorf("%d: %s%s", code, out, errs)
	}

	code, out, _ = asked(t, dir, "ledger", "tail", "--as", "nadia")
	for _, want := range []string{`read +nadia +canaries-check count \d+`, `read +nadia +canaries-files count 2`} {
		if code != 0 || !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("the ledger does not say %q:\n%s", want, out)
		}
	}
	if regexp.MustCompile(`\b0000\d{4}\b`).MatchString(out) {
		t.Error("the ledger names an identifier")
	}
}

func TestCanariesAreNotPrintedOntoADisk(t *testing.T) {
	dir, _ := trapped(t, 2000)
	file, err := os.Create(filepath.Join(t.TempDir(), "canaries.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var errs bytes.Buffer
	code := run(t.Context(), []string{"canaries", "export", "--as", "nadia", "--config", filepath.Join(dir, "poterne.toml"), filepath.Join(dir, "free.txt")}, &streams{Out: file, Err: &errs})
	if about, err := file.Stat(); code != 2 || err != nil || about.Size() > 0 || !strings.Contains(errs.String(), "pipe it into") {
		t.Errorf("%d: %s", code, errs.String())
	}
}

func TestAPlanForCanariesAddsUp(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		code int
		want []string
	}{
		"the nation's": {[]string{"--people", "43e6", "--identifiers", "1e11"}, 0, []string{
			`live canaries +21500 `, `files to make +28667 `, `one_in +1000000 +100000 identifiers are reserved`, `people who have one +43\.0 `, `or, issued +1500 `,
		}},
		"too few identifiers":          {[]string{"--people", "60000", "--identifiers", "60001", "--share", "0.01"}, 0, []string{`one_in +none +too few`, `or, issued +75 `}},
		"more people than identifiers": {[]string{"--people", "10", "--identifiers", "9"}, 2, nil},
		"too many":                     {[]string{"--people", "10", "--identifiers", "90", "--share", "0.5"}, 2, nil},
	} {
		var out, errs bytes.Buffer
		code := run(t.Context(), append([]string{"canaries", "plan"}, test.args...), &streams{Out: &out, Err: &errs})
		if code != test.code {
			t.Errorf("%s: %d: %s", name, code, errs.String())
		}
		for _, want := range test.want {
			if !regexp.MustCompile(want).MatchString(out.String()) {
				t.Errorf("%s: no %q in\n%s", name, want, out.String())
			}
		}
	}
}
