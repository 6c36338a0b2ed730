package seal_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"poterne/internal/seal"
)

// rowOf is a row, and what is said of it.
func rowOf(n int) (*seal.Row, seal.Item) {
	item := seal.Item{Key: seal.KeyOf(fmt.Sprint(n)), Kind: byte(n), Until: int64(n)}
	item.Of[0] = byte(n)
	return seal.NewRow("fact").Int(int64(n)), item
}

func put(v *seal.Inventory, n int) seal.Item {
	row, item := rowOf(n)
	item.Row = v.Put(row, item)
	return item
}

func take(v *seal.Inventory, n int) seal.Item {
	row, item := rowOf(n)
	item.Row = v.Take(row, item)
	return item
}

func compareItems(a, b seal.Item) int { return slices.Compare(a.Row[:], b.Row[:]) }

func sorted(items []seal.Item) []seal.Item {
	slices.SortFunc(items, compareItems)
	return items
}

// Promise: RIGHTS-9
func TestRIGHTS_9_AnInventoryNamesTheRowsThatCameAndTheRowsThatWent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		same := rapid.IntRange(0, 300).Draw(t, "rows of both")
		others := rapid.SliceOfN(rapid.Bool(), 0, seal.Names).Draw(t, "others, that came")
		for range 5 { // one key in some thousands has two rows that hide each other
			v := seal.NewInventory()
			there := v.Empty()
			for n := range same {
				put(v, n)
				put(there, n)
			}
			var more, fewer []seal.Item
			for n, came := range others {
				if came {
					more = append(more, put(there, 1000+n))
				} else {
					fewer = append(fewer, put(v, 1000+n))
				}
			}
			difference := v.Against(there)
			gotMore, gotFewer, all := difference.Rows()
			put(v, 5000) // what is written meanwhile stays
			put(there, 5000)
			v.Turn(difference)
			if !v.Against(there).None() || v.Turned() != 1 {
				t.Fatal("it does not say what rows there are")
			}
			if !all {
				continue
			}
			if difference.None() != (len(others) == 0) || !slices.Equal(sorted(gotMore), sorted(more)) || !slices.Equal(sorted(gotFewer), sorted(fewer)) {
				t.Fatalf("more %v, fewer %v, and not %v and %v", gotMore, gotFewer, more, fewer)
			}
			return
		}
		t.Fatal("rows are not named")
	})
}

func TestAnInventoryOfTooManyOthersSaysSo(t *testing.T) {
	v := seal.NewInventory()
	there := v.Empty()
	for n := range 300 {
		put(there, n)
	}
	if _, _, all := v.Against(there).Rows(); all {
		t.Error("300 rows are named")
	}
}

func TestAnInventoryIsReadAsItWasWritten(t *testing.T) {
	v := seal.NewInventory()
	for n := range 20 {
		put(v, n)
	}
	gone := take(v, 7)
	read, err := seal.ParseInventory(v.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if put(read, 7) != gone {
		t.Error("rows are hashed under another key")
	}
	more, fewer, all := v.Against(read).Rows()
	if !all || len(fewer) != 0 || !slices.Equal(more, []seal.Item{gone}) {
		t.Errorf("more %v, fewer %v", more, fewer)
	}
	if _, err := seal.ParseInventory(v.Bytes()[1:]); err == nil {
		t.Error("half of one is read")
	}
}

func BenchmarkInventory(b *testing.B) {
	v := seal.NewInventory()
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		put(v, n)
	}
}
