package tiles_test

import (
	"net/http"
	"strings"
	"testing"

	"poterne/internal/ledger"
	"poterne/internal/ledger/tiles"
	"poterne/internal/store/storetest"
)

// drop drops a month as the retention run does, and signs that it was.
func (l *log) drop(t *testing.T, month ledger.Month) {
	t.Helper()
	dropped := storetest.NewLedger(t, l.DB, l.DB)
	dropped.Signer, dropped.Verifier = l.signer, l.verifier
	dropped.Drop(t, month)
}

// Promise: LEDGER-6
func TestLEDGER_6_ADroppedMonthStaysPublished(t *testing.T) {
	l := newLog(t)
	for n, entries := range []int{300, 5, 700, 100} { // months meet inside bundles
		storetest.Write(t, l.DB, entries, storetest.At.AddDate(0, n, 0))
		l.write(t, 1)
	}
	before := tree(t, l.folder(t))
	address := l.serve(t)
	first := ledger.MonthOf(storetest.At)
	for n := range 3 {
		l.drop(t, first.Plus(n))
		dir := l.folder(t)
		if said := l.verified(t, dir); said != "" {
			t.Errorf("%d months gone, a new copy: %s", n+1, said)
		}
		after := tree(t, dir)
		for file, data := range before {
			if file == "checkpoint" || strings.Contains(file, ".p/") { // those grow
				continue
			}
			if after[file] != data {
				t.Errorf("%d months gone, %s is another", n+1, file)
			}
		}
		for file, data := range after {
			if code, _, body := get(t, address+file); code != http.StatusOK || string(body) != data {
				t.Errorf("%d months gone, %s is served as something else (%d)", n+1, file, code)
			}
		}
	}
	proof, err := tiles.Prove(t.Context(), l.Ledger, l.verifier, 1109)
	if err != nil {
		t.Fatal(err)
	}
	if entry, _, err := tiles.OpenProof(proof, l.verifier); err != nil || entry.Kind != ledger.Dropped || entry.End != 301 {
		t.Errorf("the proof of erasure says %+v, %v", entry, err)
	}
	if _, err := tiles.Prove(t.Context(), l.Ledger, l.verifier, 7); err == nil || !strings.Contains(err.Error(), "entry 7 was dropped at its term") {
		t.Errorf("an entry that is gone is proved: %v", err)
	}
}

// What is kept of a month is published only where it is what the tree has.
//
// Promise: LEDGER-3
func TestWhatIsKeptOfADroppedMonthCannotBeForged(t *testing.T) {
	for name, tamper := range map[string]string{
		"changed": `update condensed set commitments = zeroblob(length(commitments)) where first = 256`,
		"removed": `delete from condensed where first = 256`,
		"shorter": `update condensed set commitments = substr(commitments, 1, 32) where first = 256`,
		"longer":  `update condensed set commitments = zeroblob(20000) where first = 256`,
	} {
		t.Run(name, func(t *testing.T) {
			l := newLog(t)
			storetest.Write(t, l.DB, 512, storetest.At)
			storetest.Write(t, l.DB, 1, storetest.At.AddDate(0, 1, 0))
			l.write(t, 1)
			l.drop(t, ledger.MonthOf(storetest.At))
			l.tamper(t, tamper)
			address := l.serve(t)
			if code, _, _ := get(t, address+"tile/entries/001"); code != http.StatusInternalServerError {
				t.Errorf("its bundle is answered %d", code)
			}
			if code, _, _ := get(t, address+"tile/entries/000"); code != http.StatusOK {
				t.Errorf("the bundle before is answered %d", code)
			}
			if _, err := l.publish(t, t.TempDir(), l.Ledger); err == nil {
				t.Error("it was published")
			}
		})
	}
}
