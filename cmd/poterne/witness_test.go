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

	"poterne/internal/app"
	"poterne/internal/config"
	"poterne/internal/config/configtest"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/ledger/tiles"
	"poterne/internal/ledger/witness/witnesstest"
)

// worked runs a program over a database until it has written some entries, and
// leaves in order.
func worked(t *testing.T, s config.Settings, path string, entries int) {
	t.Helper()
	s.Database = path
	o, err := app.OpenConcealed(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	p, err := app.Assemble(t.Context(), o, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	_, ended := serving(ctx, t, p)
	for range entries {
		if err := p.Journal.Record(t.Context(), ledger.Entry{Kind: ledger.Read, Account: "samir"}); err != nil {
			t.Fatal(err)
		}
	}
	leave()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
}

// Promise: LEDGER-4
func TestLEDGER_4_AnOlderCopyIsNotRunAndNothingIsWrittenToIt(t *testing.T) {
	s, w, _ := configtest.Witnessed(t)
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
		s.Database = lost
		o, err := app.OpenConcealed(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		defer o.Close()
		_, err = app.Assemble(t.Context(), o, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), "an older copy was put in its place. Restore the newest copy there is") {
			t.Errorf("it is run: %v", err)
		}
		next, err := o.Ledger.FirstAt(t.Context(), time.Now().Add(time.Hour))
		if size := sizeIn(t, o); err != nil || int64(next) != size || size >= known {
			t.Errorf("%d entries, %d under a checkpoint, %v", next, size, err)
		}
	}
	if again := w.Knows(t, s.Verifier.Name()); again != known {
		t.Errorf("the witness knew %d entries and knows %d", known, again)
	}
}

// sizeIn is the size of the newest checkpoint.
func sizeIn(t *testing.T, o *app.Opened) int64 {
	t.Helper()
	signed, err := o.Ledger.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if signed == nil {
		return 0
	}
	head, err := ledger.OpenCheckpoint(signed, o.Verifier)
	if err != nil {
		t.Fatal(err)
	}
	return head.Size
}

func TestWitnessesAreToldToProbesAndMetricsAndUnderThePublishedCheckpoint(t *testing.T) {
	s, w, keys := configtest.Witnessed(t)
	path := filepath.Join(t.TempDir(), "poterne.db")
	worked(t, s, path, 3)
	s.Database = path
	o, err := app.OpenConcealed(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	p, err := app.Assemble(t.Context(), o, slog.New(slog.DiscardHandler))
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
	if said := body(p.Private, "/readyz"); said != `{"status":"ready","witnesses":{"need":1,"cosign":1,"lacking_seconds":0}}`+"\n" {
		t.Errorf("the probe reads %s", said)
	}
	metrics := body(p.Private, "/metrics")
	for _, line := range []string{
		`poterne_witness_cosigns{witness="witness.example/w1"} 1`, `poterne_witness_entries{witness="witness.example/w1"} 5`, `poterne_witness_quorum_lacking_seconds 0`,
	} {
		if !strings.Contains(metrics, "\n"+line+"\n") {
			t.Errorf("the metrics do not say %s", line)
		}
	}
	signed := body(p.Public, "/.poterne/ledger/checkpoint")
	if !p.Council.Met([]byte(signed)) || !strings.Contains(signed, "\n5\n") {
		t.Errorf("published is\n%s", signed)
	}

	// Whoever has a copy or a proof finds the signature, and misses another's.
	dir := t.TempDir()
	folder, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	if _, err := tiles.Publish(t.Context(), o.Published(), s.Verifier, folder); err != nil {
		t.Fatal(err)
	}
	proved, err := tiles.Prove(t.Context(), o.Published(), s.Verifier, 2)
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
	if err := journal.Record(t.Context(), o.Writer(), ledger.Entry{Kind: ledger.Read, Account: "samir"}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Sequencer.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.Council.Attend(t.Context()); err != nil {
		t.Fatal(err)
	}
	if said := body(p.Private, "/readyz"); !strings.Contains(said, `"cosign":0`) {
		t.Errorf("without the witness the probe reads %s", said)
	}
	if again := body(p.Public, "/.poterne/ledger/checkpoint"); again != signed {
		t.Errorf("before the new checkpoint has waited, published is\n%s", again)
	}
}
