package app

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/signin"
	"poterne/internal/store"
)

// shut is a ledger that cannot be written for a while.
type shut struct {
	journal.Writer
	away atomic.Bool
	went chan struct{} // when somebody has tried
}

func (s *shut) Turn(ctx context.Context, size int, do func(*journal.Tx) error) error {
	if s.away.Load() {
		select {
		case s.went <- struct{}{}:
		default:
		}
		return &fault.Error{Kind: fault.Unavailable}
	}
	return s.Writer.Turn(ctx, size, do)
}

// Promise: RIGHTS-9
func TestRIGHTS_9_WhoLeavesWhileTheLedgerCannotBeWrittenIsWrittenDownOnceItCan(t *testing.T) {
	db, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "poterne.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	w := &shut{Writer: journal.Outside{DB: store.NewLedger(db), Now: time.Now}, went: make(chan struct{}, 1)}
	w.away.Store(true)
	e := newEndings(w, slog.New(slog.DiscardHandler))
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	for _, session := range []string{"one", "two"} {
		entry, _ := endingOf(signin.Ended{Session: "K7QWZ", Account: "pauline", Why: signin.Left})
		entry.Note = session
		e.write(t.Context(), entry)
	}
	<-w.went
	w.away.Store(false)
	var notes []string
	for deadline := time.Now().Add(time.Minute); len(notes) < 2 && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		notes = nil
		for entry, err := range store.NewLedger(db).Entries(t.Context(), 0) {
			if err != nil {
				t.Fatal(err)
			}
			if session, over := entry.Over(); over && session == "K7QWZ" && entry.Kind == ledger.SignedOut {
				notes = append(notes, entry.Note)
			}
		}
	}
	if end(); <-ended != nil || len(notes) != 2 || notes[0] != "one" || notes[1] != "two" {
		t.Errorf("the ledger says %q", notes)
	}
}
