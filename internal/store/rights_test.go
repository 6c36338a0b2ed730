package store_test

import (
	"database/sql"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/audit"
	"poterne/internal/journal"
	"poterne/internal/store"
)

// Promise: RIGHTS-9. A request that was answered, and whose older row is put back, half signed, is
// found by the ledger and ended: one more signature gives nothing.
func TestRIGHTS_9_ARequestForAHabilitationThatIsPutBackGivesNothing(t *testing.T) {
	for name, answer := range map[string]journal.Act[accounts.RightRows]{
		"given":   &accounts.GiveRight{Number: signedRight, By: "samir", Bounds: rightBounds},
		"refused": &accounts.DropRight{Number: signedRight, By: "chief"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "poterne.db")
			s := openAt(t, path)
			prepared(t, s)
			raw, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = raw.Close() })
			does := func(statement string) {
				t.Helper()
				if _, err := raw.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			found := func() bool {
				t.Helper()
				findings, err := audit.New(store.NewLedger(s), store.NewAudit(s), func() time.Time { return actAt }).Rights(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				return slices.ContainsFunc(findings, func(f audit.Finding) bool { return f.Table == "right_request" && f.Fault == audit.PutBack })
			}
			does(`create table older as select * from right_request`)
			if _, err := journal.Do(t.Context(), later(s), answer); err != nil || found() {
				t.Fatalf("%v, or what was answered is called put back", err)
			}
			does(`delete from right_request`)
			does(`insert into right_request select * from older`)
			if !found() {
				t.Error("no audit finds it")
			}
			watch := audit.NewWatch(audit.New(store.NewLedger(s), store.NewAudit(s), func() time.Time { return actAt }), later(s), nil, slog.New(slog.DiscardHandler))
			if err := watch.Look(t.Context()); err != nil {
				t.Fatal(err)
			}
			_, err = journal.Do(t.Context(), later(s), journal.Act[accounts.RightRows](&accounts.GiveRight{Number: signedRight, By: "nadia", Bounds: rightBounds}))
			if err == nil {
				t.Error("one more signature gives it")
			}
		})
	}
}
