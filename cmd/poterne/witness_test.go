package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"poterne/internal/config"
	"poterne/internal/config/configtest"
	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/gate/httpgate"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/ledger/tiles"
	"poterne/internal/ledger/witness"
	"poterne/internal/ledger/witness/witnesstest"
	"poterne/internal/policy"
	"poterne/internal/store"
)

// witnessedBy is the example's settings with a witness, that witness, and where the
// keys are.
func witnessedBy(t *testing.T) (s settings, w *witnesstest.Witness, dir string) {
	t.Helper()
	dir = configtest.Secrets(t)
	s, err := parsed(dir, config.Example)
	if err != nil {
		t.Fatal(err)
	}
	w = witnesstest.New(t, "witness.example/w1", s.Verifier)
	key, err := witness.ParseKey(w.Key())
	if err != nil {
		t.Fatal(err)
	}
	s.Witnessing = config.Witnessing{Witnesses: []witness.Witness{{Key: key, Address: w.Serve(t)}}, Need: 1}
	return s, w, dir
}

// worked runs a program over a database until it has written some entries, and
// leaves in order.
func worked(t *testing.T, s settings, path string, entries int) {
	t.Helper()
	db, err := store.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := assemble(t.Context(), s, db, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	_, ended := serving(ctx, t, p)
	for range entries {
		if err := p.journal.Record(t.Context(), ledger.Entry{Kind: ledger.Read, Account: "samir"}); err != nil {
			t.Fatal(err)
		}
	}
	leave()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// Promise: LEDGER-4
func TestLEDGER_4_AnOlderCopyIsNotRunAndNothingIsWrittenToIt(t *testing.T) {
	s, w, _ := witnessedBy(t)
	dir := t.TempDir()
	path, copied := filepath.Join(dir, "poterne.db"), filepath.Join(dir, "copy.db")
	worked(t, s, path, 10)
	before, err := os.ReadFile(path)
	if err != nil || os.WriteFile(copied, before, 0o600) != nil {
		t.Fatal(err)
	}
	worked(t, s, path, 1)
	worked(t, s, path, 0) // the newest is run again
	known := w.Knows(t, s.Verifier.Name())

	for _, lost := range []string{copied, filepath.Join(dir, "empty.db")} {
		db, err := store.OpenSQLite(t.Context(), lost)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		_, err = assemble(t.Context(), s, db, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), "an older copy was put in its place. Restore the newest copy there is") {
			t.Errorf("it is run: %v", err)
		}
		next, err := store.NewLedger(db).FirstAt(t.Context(), time.Now().Add(time.Hour))
		if size := sizeIn(t, db, s); err != nil || int64(next) != size || size >= known {
			t.Errorf("%d entries, %d under a checkpoint, %v", next, size, err)
		}
	}
	if again := w.Knows(t, s.Verifier.Name()); again != known {
		t.Errorf("the witness knew %d entries and knows %d", known, again)
	}
}

// sizeIn is the size of the newest checkpoint.
func sizeIn(t *testing.T, db *store.DB, s settings) int64 {
	t.Helper()
	signed, err := store.NewLedger(db).Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if signed == nil {
		return 0
	}
	head, err := ledger.OpenCheckpoint(signed, s.Verifier)
	if err != nil {
		t.Fatal(err)
	}
	return head.Size
}

// open is a gate that shows everything.
type open struct{ httpgate.Gate }

func (open) Commit(context.Context, policy.Ask, *gate.FactCache) (gate.Passage, error) {
	return gate.Passage{Written: 1}, nil
}

// Promise: LEDGER-4
func TestAStrictProgramServesOnlyWhatIsWitnessed(t *testing.T) {
	s, w, _ := witnessedBy(t)
	db, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "poterne.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	now := time.Now()
	s.now, w.Now = func() time.Time { return now }, func() time.Time { return now }
	council := s.council(db, slog.New(slog.DiscardHandler))
	strict := attendance{council, time.Minute, s.now}
	lenient := attendance{council, 0, s.now}
	sequencer, err := ledger.NewSequencer(t.Context(), store.NewLedger(db), s.Signer, s.Verifier, nil)
	if err != nil {
		t.Fatal(err)
	}
	write := func() {
		t.Helper()
		if err := journal.Record(t.Context(), journal.Outside{DB: store.NewLedger(db), Now: s.now}, ledger.Entry{Kind: ledger.Read, Account: "samir"}); err != nil {
			t.Fatal(err)
		}
		if _, err := sequencer.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(served bool, when string) {
		t.Helper()
		if err := council.Attend(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, a := range []attendance{strict, lenient} {
			want := served || a.strict == 0
			_, err := witnessed{open{}, a}.Commit(t.Context(), policy.Ask{}, nil)
			if (err == nil) != want || err != nil && !fault.Is(err, fault.Unavailable) {
				t.Errorf("%s, strict %v: %v", when, a.strict, err)
			}
			answer := httptest.NewRecorder()
			(&health{db: db, verifier: s.Verifier, now: time.Now, witnesses: a}).ready(answer, httptest.NewRequest(http.MethodGet, "/readyz", nil))
			if (answer.Code == http.StatusOK) != want {
				t.Errorf("%s, strict %v: ready says %d %s", when, a.strict, answer.Code, answer.Body)
			}
		}
	}
	w.Down(true)
	write()
	expect(false, "before the witness has answered")
	w.Down(false)
	now = now.Add(time.Minute)
	expect(true, "when it has")
	w.Down(true)
	expect(true, "without it, while nothing is new")
	write()
	now = now.Add(2 * time.Second)
	expect(true, "without it for a moment")
	now = now.Add(59 * time.Second)
	expect(true, "without it for a minute less a second")
	now = now.Add(3 * time.Second)
	expect(false, "without it for too long")
	w.Down(false)
	now = now.Add(2 * time.Minute)
	expect(true, "with it again")
}

func TestWitnessesAreToldToProbesAndMetricsAndUnderThePublishedCheckpoint(t *testing.T) {
	s, w, keys := witnessedBy(t)
	path := filepath.Join(t.TempDir(), "poterne.db")
	worked(t, s, path, 3)
	db, err := store.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	p, err := assemble(t.Context(), s, db, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	body := func(handler http.Handler, path string) string {
		t.Helper()
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Host = "poterne.example"
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, r)
		text, err := io.ReadAll(answer.Body)
		if err != nil || answer.Code != http.StatusOK {
			t.Errorf("%s: %d %s", path, answer.Code, text)
		}
		return string(text)
	}
	if said := body(p.private, "/readyz"); said != `{"status":"ready","witnesses":{"need":1,"cosign":1,"lacking_seconds":0}}`+"\n" {
		t.Errorf("the probe reads %s", said)
	}
	metrics := body(p.private, "/metrics")
	for _, line := range []string{
		`poterne_witness_cosigns{witness="witness.example/w1"} 1`, `poterne_witness_entries{witness="witness.example/w1"} 4`, `poterne_witness_quorum_lacking_seconds 0`,
	} {
		if !strings.Contains(metrics, "\n"+line+"\n") {
			t.Errorf("the metrics do not say %s", line)
		}
	}
	signed := body(p.public, "/.poterne/ledger/checkpoint")
	if !p.council.Met([]byte(signed)) || !strings.Contains(signed, "\n4\n") {
		t.Errorf("published is\n%s", signed)
	}

	// Whoever has a copy or a proof finds the signature, and misses another's.
	dir := t.TempDir()
	folder, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	if _, err := tiles.Publish(t.Context(), s.published(db), s.Verifier, folder); err != nil {
		t.Fatal(err)
	}
	proved, err := tiles.Prove(t.Context(), s.published(db), s.Verifier, 2)
	if err != nil {
		t.Fatal(err)
	}
	key, proof := filepath.Join(keys, "checkpoint.pub"), filepath.Join(t.TempDir(), "2.tlog-proof")
	if err := os.WriteFile(proof, proved, 0o600); err != nil {
		t.Fatal(err)
	}
	other := witnesstest.New(t, "witness.example/w2").Key()
	for _, command := range [][]string{{"ledger", "verify-copy", dir, "--key", key}, {"ledger", "verify-proof", proof, "--key", key}} {
		for code, more := range map[int][]string{
			0: {"--witness", w.Key(), "--witness", other, "--need", "1"}, 1: {"--witness", w.Key(), "--witness", other}, 2: {"--witness", "nobody"},
		} {
			if got, out := bare(t, append(slices.Clone(command), more...)...); got != code {
				t.Errorf("%s %s: exit %d in place of %d, printed %s", command[1], more, got, code, out)
			}
		}
	}

	w.Down(true)
	if err := journal.Record(t.Context(), journal.Outside{DB: store.NewLedger(db), Now: time.Now}, ledger.Entry{Kind: ledger.Read, Account: "samir"}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.sequencer.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.council.Attend(t.Context()); err != nil {
		t.Fatal(err)
	}
	if said := body(p.private, "/readyz"); !strings.Contains(said, `"cosign":0`) {
		t.Errorf("without the witness the probe reads %s", said)
	}
	if again := body(p.public, "/.poterne/ledger/checkpoint"); again != signed {
		t.Errorf("before the new checkpoint has waited, published is\n%s", again)
	}
}
