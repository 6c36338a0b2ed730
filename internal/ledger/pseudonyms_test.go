package ledger_test

import (
	"fmt"
	"iter"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"poterne/internal/ledger"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
)

var variants = map[string]ledger.Pseudonyms{"bare": {}, "concealed": ledger.NewPseudonyms(202601, register.EpochKey{1})}

func consulted(number ledger.Number, at time.Time) ledger.Entry {
	return ledger.Entry{
		Number: number, Time: at, Kind: ledger.Consulted, Receipt: number, Account: "karim", Service: "dossier",
		Person: register.PersonID{9}, Fields: register.Name, Verdict: policy.Shown, Why: policy.Explained,
		Reason: reason.Reason{Kind: reason.Caseload, Source: "agenda", ID: "portfolio-17"},
	}
}

func stored(t testing.TB, pseudonyms ledger.Pseudonyms, entry ledger.Entry) ledger.Entry {
	t.Helper()
	stored, err := ledger.Decode(seal(t, pseudonyms, entry).Body)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

// Promise: LEDGER-2
func TestLEDGER_2_APersonLooksAnotherInEachMonth(t *testing.T) {
	pseudonyms := variants["concealed"]
	march := consulted(1, at)
	one, again := stored(t, pseudonyms, march), stored(t, pseudonyms, consulted(2, at.AddDate(0, 0, 7)))
	april := stored(t, pseudonyms, consulted(3, at.AddDate(0, 1, 0)))
	if one.Epoch != 202603 || april.Epoch != 202604 {
		t.Errorf("the epochs are %v and %v", one.Epoch, april.Epoch)
	}
	if one.Person != again.Person {
		t.Error("within a month, one person counts twice")
	}
	if one.Person == march.Person || one.Person == april.Person {
		t.Error("the person is recognised from one month to another")
	}
	if one.Reason.ID == march.Reason.ID || one.Reason.ID == april.Reason.ID || one.Reason.ID == again.Reason.ID {
		t.Error("the person is recognised by the fact that explains them")
	}
	one.Person, one.Reason.ID, one.Epoch = march.Person, march.Reason.ID, 0
	if one != march {
		t.Error("more than the person and the fact is hidden")
	}
}

// What is revealed is what was written, whoever reads: one entry or
// many, on a node that began with a later key.
func TestWhatIsRevealedIsWhatWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := register.EpochKey(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key"))
		pseudonyms := ledger.NewPseudonyms(202611, key)
		late := ledger.NewPseudonyms(202612, key.Next())
		var entries []ledger.Entry
		for i := range rapid.IntRange(1, 20).Draw(t, "entries") {
			entry := consulted(ledger.Number(i), ledger.Month(202611).Begins().AddDate(0, 0, rapid.IntRange(0, 500).Draw(t, "day")))
			entry.Person = register.PersonID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "person"))
			entry.Reason.ID = rapid.StringN(0, 80, -1).Draw(t, "fact")
			entries = append(entries, entry)
		}
		sealed, err := pseudonyms.Seal(entries)
		if err != nil {
			t.Fatal(err)
		}
		var back []ledger.Entry
		for entry, err := range pseudonyms.Entries(each(sealed)) {
			if err != nil {
				t.Fatal(err)
			}
			back = append(back, entry)
		}
		if !reflect.DeepEqual(back, entries) {
			t.Fatalf("%+v came back as %+v", entries, back)
		}
		for i, row := range sealed {
			entry, err := late.Reveal(row.Body)
			if month := ledger.MonthOf(entries[i].Time); month == 202611 && !entries[i].Person.IsZero() {
				if err == nil {
					t.Fatal("a later key opens an earlier month")
				}
			} else if err != nil || entry != entries[i] {
				t.Fatalf("%+v came back as %+v, %v", entries[i], entry, err)
			}
		}
	})
}

func each(sealed []ledger.Sealed) iter.Seq2[ledger.Sealed, error] {
	return func(yield func(ledger.Sealed, error) bool) {
		for _, row := range sealed {
			if !yield(row, nil) {
				return
			}
		}
	}
}

func TestWhatWasWrittenWithoutPseudonymsIsReadAsItIs(t *testing.T) {
	for name, entry := range samples {
		if entry.Epoch != 0 {
			continue
		}
		back, err := variants["concealed"].Reveal(seal(t, ledger.Pseudonyms{}, entry).Body)
		if err != nil || back != entry {
			t.Errorf("%s came back as %+v, %v", name, back, err)
		}
	}
}

func TestAnEntryWhoseKeyIsNotThereIsToldSo(t *testing.T) {
	body := seal(t, variants["concealed"], consulted(7, at)).Body
	absurd := consulted(8, at)
	absurd.Epoch = 999912
	for what, test := range map[string]struct {
		pseudonyms ledger.Pseudonyms
		body       []byte
		want       string
	}{
		"without a key":            {ledger.Pseudonyms{}, body, "entry 7 cannot be read: people are hidden under the key of 2026-03, and there is none here: write epoch ="},
		"with a later key":         {ledger.NewPseudonyms(202604, register.EpochKey{1}), body, "people of 2026-03 are asked for, and the epoch key begins with 2026-04"},
		"that claims to be absurd": {variants["concealed"], absurd.Append(nil), "entry 8 cannot be read: there is no key of month 999912"},
	} {
		if _, err := test.pseudonyms.Reveal(test.body); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", what, err)
		}
		for _, err := range test.pseudonyms.Entries(each([]ledger.Sealed{{Body: test.body}})) {
			if err == nil {
				t.Errorf("%s, among others: it is read", what)
			}
		}
	}
	early := consulted(9, ledger.Month(202512).Begins())
	if hidden := stored(t, variants["concealed"], early); hidden.Epoch != 202601 || hidden.Person == early.Person {
		t.Errorf("by a clock that is behind the first key, somebody is hidden under %s", hidden.Epoch)
	}
	long := consulted(10, at)
	long.Reason.ID = strings.Repeat("x", 5000)
	if back, err := variants["concealed"].Reveal(seal(t, variants["concealed"], long).Body); err != nil || back.Reason.ID != long.Reason.ID[:3072] {
		t.Errorf("an endless fact came back with %d characters, %v", len(back.Reason.ID), err)
	}
}

func BenchmarkOpen(b *testing.B) {
	for name, pseudonyms := range variants {
		rows, err := pseudonyms.Seal([]ledger.Entry{samples["consulted"]})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(name), func(b *testing.B) {
			b.ReportAllocs()
			sealed := func(yield func(ledger.Sealed, error) bool) {
				for yield(rows[0], nil) {
				}
			}
			next, stop := iter.Pull2(pseudonyms.Entries(sealed))
			defer stop()
			for b.Loop() {
				if _, err, _ := next(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What an entry shares with those read before it is the same text.
func TestEntriesReadTogetherAreThoseReadAlone(t *testing.T) {
	for name, pseudonyms := range variants {
		var entries []ledger.Entry
		for _, sample := range samples {
			sample.Epoch = 0
			other := sample
			other.Account, other.Note, other.Reason.ID = "someone.else", "x", "other"
			entries = append(entries, sample, other, sample)
		}
		rows, err := pseudonyms.Seal(entries)
		if err != nil {
			t.Fatal(err)
		}
		together, err := pseudonyms.Open(rows)
		if err != nil {
			t.Fatal(err)
		}
		for i, row := range rows {
			if alone, err := pseudonyms.Reveal(row.Body); err != nil || alone != together[i] {
				t.Errorf("%v: read together %+v, alone %+v, %v", name, together[i], alone, err)
			}
		}
	}
}
