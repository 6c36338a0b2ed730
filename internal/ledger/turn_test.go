package ledger_test

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"poterne/internal/ledger"
)

func TestEntriesComeOutOfTheirRowsAsTheyWentIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := ledger.Number(rapid.Uint32().Draw(t, "first"))
		var entries []ledger.Sealed
		for i, length := range rapid.SliceOfN(rapid.OneOf(rapid.IntRange(0, 200), rapid.IntRange(0, 40_000)), 0, 600).Draw(t, "lengths") {
			entries = append(entries, ledger.Sealed{Number: first + ledger.Number(i), Salt: ledger.Salt{byte(i)}, Body: bytes.Repeat([]byte{byte(i)}, length)})
		}
		next := 0
		for _, turn := range ledger.Turns(entries) {
			if turn.First != first+ledger.Number(next) || turn.Count == 0 || turn.Count > 256 || turn.Count > 1 && len(turn.Body) > 33<<10 {
				t.Fatalf("a row begins with %d and has %d entries in %d bytes", turn.First, turn.Count, len(turn.Body))
			}
			for entry := range turn.Entries() {
				want := entries[next]
				if entry.Number != want.Number || entry.Salt != want.Salt || !bytes.Equal(entry.Body, want.Body) {
					t.Fatalf("entry %d became %d", want.Number, entry.Number)
				}
				next++
			}
			if turn.End() != first+ledger.Number(next) {
				t.Fatalf("a row ends at %d", turn.End())
			}
		}
		if next != len(entries) {
			t.Fatalf("%d of %d came out", next, len(entries))
		}
	})
}

// turn is three entries in a row.
func turn() ledger.Turn {
	return ledger.Turns([]ledger.Sealed{{Number: 7, Body: []byte("one")}, {Number: 8, Body: []byte("two")}, {Number: 9, Body: []byte("three")}})[0]
}

// Whatever is done to a row, an entry that is not as it was written has another body or
// none, and those that are have theirs.
func TestDamageToARowIsDamageToItsEntries(t *testing.T) {
	was := slices.Collect(turn().Entries())
	for name, test := range map[string]struct {
		damage func(*ledger.Turn)
		intact int
	}{
		"a byte more at its end":         {func(d *ledger.Turn) { d.Body = append(d.Body, 0) }, 2},
		"a byte less":                    {func(d *ledger.Turn) { d.Body = d.Body[:len(d.Body)-1] }, 2},
		"an entry less":                  {func(d *ledger.Turn) { d.Body = d.Body[:40] }, 2},
		"nothing left":                   {func(d *ledger.Turn) { d.Body = nil }, 0},
		"a length of another":            {func(d *ledger.Turn) { d.Body[20] = 200 }, 1},
		"a length shorter than its salt": {func(d *ledger.Turn) { d.Body[0] = 3 }, 0},
		"a length without an end":        {func(d *ledger.Turn) { d.Body = bytes.Repeat([]byte{0xff}, 12) }, 0},
		"a count of one more":            {func(d *ledger.Turn) { d.Count++ }, 3},
		"a count of one less":            {func(d *ledger.Turn) { d.Count-- }, 1},
	} {
		damaged := turn()
		test.damage(&damaged)
		now := slices.Collect(damaged.Entries())
		if len(now) != damaged.Count {
			t.Errorf("%s: %d entries", name, len(now))
		}
		for i, entry := range now {
			if intact := i < test.intact; intact != (i < len(was) && bytes.Equal(entry.Body, was[i].Body)) || entry.Number != ledger.Number(7+i) || !intact && entry.Body != nil {
				t.Errorf("%s: entry %d is %q", name, entry.Number, entry.Body)
			}
		}
	}
}

// Reading whatever a row holds ends, with as many entries as it says, and never more
// than a row takes.
func FuzzTurn(f *testing.F) {
	f.Add(3, turn().Body)
	f.Add(1, []byte{16})
	f.Add(-1, []byte{})
	f.Add(1<<31, bytes.Repeat([]byte{0xff}, 12))
	f.Fuzz(func(t *testing.T, count int, body []byte) {
		read := 0
		for range (ledger.Turn{First: 7, Count: count, Body: body}).Entries() {
			read++
		}
		if read != min(max(count, 0), 256) {
			t.Errorf("%d entries of %d", read, count)
		}
	})
}
