package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestTheListOfPromisesTestsIsUpToDate(t *testing.T) {
	found, err := scanPromises(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if found != promiseTests {
		t.Error("tests of promises came or went: run go -C tools generate ./promises")
	}
}

func TestEveryTestedPromiseIsListed(t *testing.T) {
	promises, err := readPromises()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, p := range promises {
		if p.ID == "" || p.Sentence == "" || slices.Contains(ids, p.ID) {
			t.Errorf("promise %q has no name of its own, or no sentence", p.ID)
		}
		ids = append(ids, p.ID)
	}
	for id := range indexOfTests(promiseTests) {
		if !slices.Contains(ids, id) {
			t.Errorf("a test speaks of %s, which is not promised", id)
		}
	}
}

func TestTestsOfPromisesAreFoundByNameAndByComment(t *testing.T) {
	source := fstest.MapFS{
		"internal/a/a_test.go": {Data: []byte(strings.Join([]string{
			"func TestMETER_3_Exactly(t *testing.T) {", "}", "",
			"// TestBoth does both.", "//", "// Promises: LEDGER-1, SCOPE-7", "func TestBoth(t *testing.T) {",
			"// Promise: RUN-1", "x := 1", "func TestNothing(t *testing.T) {", "func testMETER_1_x() {",
		}, "\n"))},
		"internal/a/a.go":            {Data: []byte("func TestMETER_4_NotATest(t *testing.T) {")},
		".hidden/internal/x_test.go": {Data: []byte("func TestMETER_5_Hidden(t *testing.T) {")},
	}
	found, err := scanPromises(source)
	if err != nil {
		t.Fatal(err)
	}
	want := "LEDGER-1 internal/a TestBoth\nMETER-3 internal/a TestMETER_3_Exactly\nSCOPE-7 internal/a TestBoth\n"
	if found != want {
		t.Errorf("found:\n%s", found)
	}
}

// A promise without a test is absent; the others say how many they have and, from
// results, how each went.
func TestPromisesAreListedWithTheirTestsAndResults(t *testing.T) {
	var said strings.Builder
	if err := run(&said, "", ""); err != nil {
		t.Fatal(err)
	}
	for pattern, times := range map[string]int{`(?m)^METER-3 `: 1, `results`: 1, `\.TestRUN_4`: 0, `(?m)tests: [0-9]+$`: -1} {
		if found := len(regexp.MustCompile(pattern).FindAllString(said.String(), -1)); found != times && (times >= 0 || found == 0) {
			t.Errorf("%s is listed %d times", pattern, found)
		}
	}

	failing := indexOfTests(promiseTests)["RUN-4"][0]
	results := func(text string) string {
		file := filepath.Join(t.TempDir(), "results.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	said.Reset()
	err := run(&said, results(fmt.Sprintf(`{"Action":"run","Package":"poterne/%[1]s","Test":"%[2]s"}
{"Action":"fail","Package":"poterne/%[1]s","Test":"%[2]s"}
{"Action":"pass","Package":"poterne/internal/meter"}
`, failing.pkg, failing.name)), "")
	if err == nil || err.Error() != "1 tests of promises failed" {
		t.Errorf("a failed test is answered with %v", err)
	}
	if !strings.Contains(said.String(), failing.String()+": fail\n") || !strings.Contains(said.String(), "tests without a result: ") {
		t.Errorf("with results it is said:\n%s", said.String())
	}
	if err := run(&said, results("FAIL"), ""); err == nil || !strings.Contains(err.Error(), "not what go test -json prints") {
		t.Errorf("what is no result is answered with %v", err)
	}
}
