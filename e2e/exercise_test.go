package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// A whole incident on the demonstration, with the clock running fast, by the pages that
// people use: from the theft to the file that two persons close. It ends by itself, with a
// sheet: each step's time, what the program took of it, and what is known of the real cases.
//
// Promises: TELL-1, TELL-2, TELL-3, TELL-4
func TestTELL_6_AnExerciseGoesFromTheTheftToTheClosedFileAndEndsWithItsSheet(t *testing.T) {
	t.Parallel()
	output, code := poterne(t, "demo", "--exercise", "--people", fmt.Sprint(townSize), "--lang", "en", "--listen", fmt.Sprintf("localhost:%d", freePort(t)))
	_, sheet, ends := strings.Cut(output, "The sheet of the exercise")
	if code != 0 || !ends {
		t.Fatalf("it ended with %d:\n%s", code, output)
	}
	at := 0
	for _, said := range []string{
		"Theft: the thief is shown the first person.", "Alert: the account is frozen.", "+ ", "2024: 23 days.",
		"Contained: who is on call suspends the account.", "+ 25 minutes", "2024: 28 days.",
		"Exact list: the incident’s file is opened and the people counted.", "+ 30 minutes",
		"Initial notice sent to the CNIL.", "+ 16 hours", "2024: 31 days after the beginning",
		"people named by two persons", "the program took", "2024: a public notice after 36 days.",
		"Complementary notice, complete, sent to the CNIL.", "+ 4 days", "Closed by two persons.", "+ 6 days", "People’s times are written beforehand",
	} {
		found := strings.Index(sheet[at:], said)
		if found < 0 {
			t.Fatalf("the sheet does not go on with %q:\n%s", said, sheet)
		}
		at += found
	}
	if both, code := poterne(t, "demo", "--exercise", "--attack", "burst"); code != 2 {
		t.Errorf("an attack and the exercise at once: %d\n%s", code, both)
	}
}
