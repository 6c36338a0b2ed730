package typed_test

import (
	"testing"

	"poterne/internal/typed"
)

func TestAReasonThatSaysTheIdentifierIsFound(t *testing.T) {
	for _, c := range []struct {
		text, identifier string
		says             bool
	}{
		{"a complaint", "471100815", false},
		{"a complaint of 471100815", "471100815", true},
		{"of 47-11 00 815, as told", "471100815", true},
		{"of DOSSIER a-12b4.", "A-12B4", true},
		{"a 1st look", "1", false},
		{"about 1, again", "1", true},
		{"a complaint", "", false},
		{"of 47-11 ０0 ８15, in full width", "471100815", true},
		{"of 9 90 01 75 001 001", "990017500100197", true}, // a NIR without its key
		{"of 9 90 01 2A 001 001", "990012A00100197", true},
		{"of 9 90 01 75 001 002", "990017500100197", false},
	} {
		if typed.Says(c.text, c.identifier) != c.says {
			t.Errorf("%q and %q: not %v", c.text, c.identifier, c.says)
		}
	}
}
