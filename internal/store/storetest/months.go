package storetest

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"poterne/internal/custody"
	"poterne/internal/journal"

	"golang.org/x/mod/sumdb/note"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/store"
)

// Ledger is a ledger of several months, with the key that signs it.
type Ledger struct {
	*store.DB
	store.Ledger
	store.Months
	Owner    *store.DB // who may drop months; on SQLite the same
	Signer   note.Signer
	Verifier note.Verifier
}

// NewLedger gives a store a key of its own.
func NewLedger(t testing.TB, s, owner *store.DB) *Ledger {
	t.Helper()
	l := &Ledger{DB: s, Ledger: store.NewLedger(s), Months: store.NewMonths(s), Owner: owner}
	l.Signer, l.Verifier = Notary(t)
	return l
}

// Notary returns a ledger's key that is made for one test.
func Notary(t testing.TB) (note.Signer, note.Verifier) {
	t.Helper()
	private, public, err := note.GenerateKey(nil, "ledger.poterne.example")
	if err != nil {
		t.Fatal(err)
	}
	return notary(t, private, public)
}

// NotaryIn returns the ledger's key in a file, which it makes where there is none: of a ledger that
// one test leaves to the next.
func NotaryIn(t testing.TB, path string) (note.Signer, note.Verifier) {
	t.Helper()
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		var private, public string
		if private, public, err = note.GenerateKey(nil, "ledger.poterne.example"); err == nil {
			text = []byte(private + "\n" + public)
			err = os.WriteFile(path, text, 0o600)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	private, public, _ := strings.Cut(string(text), "\n")
	return notary(t, private, public)
}

func notary(t testing.TB, private, public string) (note.Signer, note.Verifier) {
	t.Helper()
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	return signer, verifier
}

// Sign signs a checkpoint of what was written.
func (l *Ledger) Sign(t testing.TB) {
	t.Helper()
	sequencer, err := ledger.NewSequencer(t.Context(), store.NewLedger(l.DB), l.Signer, l.Verifier, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for advanced := true; advanced; {
		if advanced, err = sequencer.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// Lived writes entries in months that follow each other, so many in each, and signs
// a checkpoint after each month.
func (l *Ledger) Lived(t *testing.T, from ledger.Month, entries ...int) {
	t.Helper()
	for n, count := range entries {
		Write(t, l.DB, count, from.Plus(n).Begins().Add(time.Hour))
		l.Sign(t)
	}
}

// Drop drops a month as the retention run does.
func (l *Ledger) Drop(t testing.TB, month ledger.Month) {
	t.Helper()
	if findings, err := store.NewMonths(l.Owner).Condense(t.Context(), month, nil); err != nil || len(findings) > 0 {
		t.Fatalf("condensing %s: %v, %v", month, findings, err)
	}
	if err := l.drop(t, month, At); err != nil {
		t.Fatal(err)
	}
	l.Sign(t)
}

// drop drops a month that was condensed, at a moment.
func (l *Ledger) drop(t testing.TB, month ledger.Month, at time.Time) error {
	t.Helper()
	return DropMonth(t.Context(), l.Owner, month, at)
}

// DropMonth drops a month that was condensed, at a moment, as the retention run does.
func DropMonth(ctx context.Context, owner *store.DB, month ledger.Month, at time.Time) error {
	w := journal.Outside{DB: store.NewLedger(owner), Now: func() time.Time { return at }}
	return custody.DropMonth(ctx, w, store.NewMonths(owner), custody.Drop{By: "samir", Month: month})
}

// Verified verifies the ledger; said is what was dropped and what is found.
func (l *Ledger) Verified(t testing.TB) (said string) {
	t.Helper()
	report, err := ledger.Verify(t.Context(), store.NewLedger(l.DB), l.Verifier, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, dropped := range report.Dropped {
		lines = append(lines, dropped.String())
	}
	for _, finding := range report.Findings {
		lines = append(lines, finding.String())
	}
	return strings.Join(lines, "; ")
}

// Months asks an engine about months. open returns a new, empty store, as the
// program has it and as the owner does.
func Months(t *testing.T, open func(*testing.T) (program, owner *store.DB)) {
	for name, ask := range map[string]func(*testing.T, *Ledger){
		"months are ranges of one ledger":                monthsAreRanges,
		"a month is dropped whole, or not at all":        dropRefused,
		"what remains is read by every way":              whatRemains,
		"a ledger of which all but the newest is gone":   nearlyAllGone,
		"any months, dropped at any time":                anyMonths,
		"what does not hold is not condensed or dropped": unsound,
	} {
		t.Run(name, func(t *testing.T) {
			program, owner := open(t)
			ask(t, NewLedger(t, program, owner))
		})
	}
}

func monthsAreRanges(t *testing.T, l *Ledger) {
	periods, err := l.Periods(t.Context())
	if first, failed := l.First(t.Context()); len(periods) != 0 || err != nil || first != 0 || failed != nil {
		t.Errorf("an empty ledger has %v, %v, and begins at %d, %v", periods, err, first, failed)
	}
	at := func(month, day int) time.Time { return time.Date(2026, time.Month(month), day, 0, 0, 0, 0, time.UTC) }
	Write(t, l.DB, 10, at(2, 28).Add(24*time.Hour-time.Microsecond))
	Write(t, l.DB, 1, at(3, 1))
	Write(t, l.DB, 70, at(3, 31))
	Write(t, l.DB, 5, at(6, 1)) // nobody was there for two months
	Write(t, l.DB, 1, at(5, 1)) // a clock went back: the month does not
	want := []ledger.Period{
		{Month: 202602, First: 0, End: 10},
		{Month: 202603, First: 10, End: 81},
		{Month: 202606, First: 81, End: 87, Open: true},
	}
	if periods, err = l.Periods(t.Context()); err != nil || !slices.Equal(periods, want) {
		t.Errorf("the months are %+v, %v", periods, err)
	}
	if periods[1].Entries() != 71 {
		t.Errorf("March has %d entries", periods[1].Entries())
	}
	for _, s := range []*store.DB{l.DB, l.Owner} { // also who has heard of none of them
		if entries := all(t, s, 0); len(entries) != 87 || entries[80].Number != 80 {
			t.Errorf("%d entries", len(entries))
		}
		for _, number := range []ledger.Number{0, 9, 10, 80, 81, 86} {
			if entry, err := store.NewLedger(s).Entry(t.Context(), number); err != nil || entry.Number != number {
				t.Errorf("entry %d is read as %d, %v", number, entry.Number, err)
			}
		}
	}
}

// Promise: LEDGER-6
func dropRefused(t *testing.T, l *Ledger) {
	Write(t, l.DB, 300, At)
	Write(t, l.DB, 200, At.AddDate(0, 1, 0))
	Write(t, l.DB, 100, At.AddDate(0, 2, 0))
	refused := func(month ledger.Month, kind fault.Kind, why string) {
		t.Helper()
		err := l.drop(t, month, At)
		if fault.KindOf(err) != kind || !strings.Contains(fault.Public(err), why) {
			t.Errorf("%s: dropped with %v, want %q", month, err, why)
		}
	}
	refused(202601, fault.Absent, "nothing was written in 2026-01")
	refused(202605, fault.Invalid, "2026-05 is still open")
	refused(202604, fault.Invalid, "2026-03 is still there, and is older: drop it first")
	refused(202603, fault.Invalid, "2026-03 was not condensed")
	if findings, err := store.NewMonths(l.Owner).Condense(t.Context(), 202603, nil); len(findings) != 1 || findings[0].String() != "entries 0 to 299: unproven" || err != nil {
		t.Errorf("condensed without a tree: %v, %v", findings, err)
	}
	refused(202603, fault.Invalid, "2026-03 was not condensed")
	l.Sign(t)
	var told []int64
	if findings, err := store.NewMonths(l.Owner).Condense(t.Context(), 202603, func(done, total int64) { told = append(told, done, total) }); len(findings) != 0 || err != nil {
		t.Errorf("condensing: %v, %v", findings, err)
	}
	for _, month := range []ledger.Month{202601, 202605} {
		if _, err := store.NewMonths(l.Owner).Condense(t.Context(), month, nil); err == nil {
			t.Errorf("%s was condensed", month)
		}
	}
	if len(all(t, l.DB, 0)) != 600 {
		t.Error("something is gone")
	}
	if err := l.drop(t, 202603, At.AddDate(0, 2, 1)); err != nil {
		t.Fatal(err)
	}
	periods, err := l.Periods(t.Context())
	if want := (ledger.Period{Month: 202603, End: 300, Dropped: true, By: 600}); err != nil || periods[0] != want {
		t.Errorf("dropped, it is %+v, %v", periods[0], err)
	}
	entry, err := l.Entry(t.Context(), 600)
	want := ledger.Entry{Number: 600, Receipt: 600, Time: At.AddDate(0, 2, 1), Kind: ledger.Dropped, Account: "samir", From: 0, End: 300, First: 202603}
	if err != nil || entry != want {
		t.Errorf("its entry is %+v, %v", entry, err)
	}
	if err := l.drop(t, 202603, At); err != nil { // what was interrupted goes on
		t.Error(err)
	}
	if findings, err := store.NewMonths(l.Owner).Condense(t.Context(), 202603, nil); len(findings) != 0 || err != nil {
		t.Errorf("condensed again: %v, %v", findings, err)
	}
	if entries := all(t, l.DB, 0); len(entries) != 301 || entries[0].Number != 300 {
		t.Errorf("%d entries remain", len(entries))
	}
}

// Promise: LEDGER-6
func whatRemains(t *testing.T, l *Ledger) {
	l.Lived(t, 202601, 300, 5, 1000, 256, 40)
	for _, month := range []ledger.Month{202601, 202602, 202603} {
		l.Drop(t, month)
		remains(t, l)
	}
	const want = "entries 0 to 299: dropped at their term (entry 1601); entries 300 to 304: dropped at their term (entry 1602); entries 305 to 1304: dropped at their term (entry 1603)"
	if said := l.Verified(t); said != want {
		t.Errorf("verified: %s", said)
	}
	if said := notes(t, l); said != "300 305 1305 1561 1601 1602 1603 1604" {
		t.Errorf("there are checkpoints of %s", said)
	}
	Write(t, l.DB, 500, At.AddDate(0, 4, 0))
	l.Sign(t)
	remains(t, l)
}

// notes lists the sizes that there are checkpoints of.
func notes(t testing.TB, l *Ledger) string {
	t.Helper()
	var sizes []string
	for signed, err := range l.Checkpoints(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, strings.Split(string(signed), "\n")[1])
	}
	return strings.Join(sizes, " ")
}

// remains reads what is there by every way there is, and nothing else.
func remains(t testing.TB, l *Ledger) {
	t.Helper()
	periods, err := l.Periods(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var there []ledger.Number
	next := periods[len(periods)-1].End
	for _, period := range periods {
		for _, number := range []ledger.Number{period.First, (period.First + period.End) / 2, period.End - 1} {
			if entry, err := l.Entry(t.Context(), number); (err != nil) != period.Dropped || err == nil && entry.Number != number {
				t.Fatalf("entry %d of %+v is read as %d, %v", number, period, entry.Number, err)
			}
		}
		for number := period.First; !period.Dropped && number < period.End; number++ {
			there = append(there, number)
		}
	}
	first, err := l.First(t.Context())
	if err != nil || first != there[0] {
		t.Errorf("the first entry is %d, %v", first, err)
	}
	var read []ledger.Number // by who did not write, and has not heard of the newest months
	for entry, err := range store.NewLedger(l.Owner).Entries(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		read = append(read, entry.Number)
	}
	if newest, err := store.NewLedger(l.Owner).Entry(t.Context(), next-1); err != nil || newest.Number != next-1 || !slices.Equal(read, there) {
		t.Errorf("another node reads %d entries, and of the newest %d, %v; want %d, and %d", len(read), newest.Number, err, len(there), next-1)
	}
	begun := make(map[time.Time]ledger.Number)
	for _, from := range []ledger.Number{0, first, first + 1, (first + next) / 2, next - 1, next} {
		after := there[max(from, first)-first:]
		var read, held []ledger.Number
		for entry, err := range l.Entries(t.Context(), from) {
			if err != nil {
				t.Fatal(err)
			}
			read = append(read, entry.Number)
			if _, known := begun[entry.Time]; !known {
				begun[entry.Time] = entry.Number
			}
		}
		err := l.Turn(t.Context(), func(head journal.Head) error {
			for entry, err := range head.Entries(from) {
				if err != nil {
					return err
				}
				held = append(held, entry.Number)
			}
			return nil
		})
		if err != nil || !slices.Equal(read, after) || !slices.Equal(held, after) {
			t.Errorf("from %d on, %d entries are read and %d under the head, %v; want %d", from, len(read), len(held), err, len(after))
		}
	}
	begun[time.Time{}], begun[At.AddDate(100, 0, 0)] = first, next
	for at, want := range begun {
		if found, err := l.FirstAt(t.Context(), at); err != nil || found != want {
			t.Errorf("the first entry at %v is %d, %v; want %d", at, found, err, want)
		}
	}
}

func nearlyAllGone(t *testing.T, l *Ledger) {
	l.Lived(t, 202601, 10, 10, 1)
	l.Drop(t, 202601) // its entry lies in the month of the newest
	l.Drop(t, 202602)
	Write(t, l.DB, 1, At.AddDate(1, 0, 0))
	l.Sign(t)
	l.Drop(t, 202603) // with what said that the others were dropped
	remains(t, l)
	if said := l.Verified(t); said != "entries 0 to 22: dropped at their term (entry 24)" {
		t.Errorf("verified: %s", said)
	}
}

// Promise: LEDGER-6
func anyMonths(t *testing.T, l *Ledger) {
	month := ledger.Month(202601)
	for seed := range 5 {
		r := rand.New(rand.NewPCG(uint64(seed), 6))
		for range 1 + r.IntN(3) {
			Write(t, l.DB, 1+r.IntN(600), month.Begins())
			if r.IntN(2) == 0 {
				l.Sign(t)
			}
			month = month.Plus(1 + r.IntN(2))
		}
		l.Sign(t)
		periods, err := l.Periods(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, period := range periods[:len(periods)-1] {
			if !period.Dropped && r.IntN(3) > 0 {
				l.Drop(t, period.Month)
			} else if !period.Dropped {
				break
			}
		}
		remains(t, l)
		report, err := ledger.Verify(t.Context(), store.NewLedger(l.DB), l.Verifier, nil, nil)
		if err != nil || !report.Sound() {
			t.Errorf("verified: %+v, %v", report, err)
		}
	}
}

func unsound(t *testing.T, l *Ledger) {
	l.Lived(t, 202601, 10)
	err := l.Turn(t.Context(), func(head journal.Head) error {
		wrong := entry(11, At) // a number was left out
		return head.Write([]ledger.Entry{wrong}, At)
	})
	if err != nil {
		t.Fatal(err)
	}
	Write(t, l.DB, 1, At.AddDate(0, 1, 0))
	findings, err := store.NewMonths(l.Owner).Condense(t.Context(), 202603, nil)
	if err != nil || len(findings) == 0 {
		t.Errorf("condensed with %v, %v", findings, err)
	}
	if err := l.drop(t, 202603, At); err == nil {
		t.Error("dropped")
	}
}
