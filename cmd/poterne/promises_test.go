package main

import (
	"os"
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
		t.Error("tests of promises came or went: run go generate ./cmd/poterne")
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
