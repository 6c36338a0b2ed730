package store_test

import (
	"database/sql"
	"log/slog"
	"slices"
	"strconv"
	"testing"
	"time"

	"poterne/internal/archive"
	"poterne/internal/audit"
	"poterne/internal/grants"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// Promise: RIGHTS-9. An export permit or a reading of the archive that was answered, or read, and whose
// older row is put back, is found by the ledger and ended: nobody allows what was refused, and what was
// read once is not read again.
func TestRIGHTS_9_APermitOrAReadingThatIsPutBackGivesNothing(t *testing.T) {
	type reading = journal.Act[archive.ReadingRows]
	type permit = journal.Act[grants.PermitRows]
	permitted := func(a permit) func(journal.Writer) error {
		return func(w journal.Writer) error { _, err := journal.Do(t.Context(), w, a); return err }
	}
	read := func(a reading) func(journal.Writer) error {
		return func(w journal.Writer) error { _, err := journal.Do(t.Context(), w, a); return err }
	}
	const approved = askedReading + 1
	for name, c := range map[string]struct {
		table         string
		number        ledger.Number
		answer, again func(journal.Writer) error
	}{
		"a permit that was taken back": {
			"export_permit", askedPermit, permitted(grants.DropPermit{Number: askedPermit, By: "chief"}), permitted(grants.ApprovePermit{Number: askedPermit, By: "samir"}),
		},
		"a permit that was given": {
			"export_permit", askedPermit, permitted(grants.ApprovePermit{Number: askedPermit, By: "samir"}), permitted(grants.ApprovePermit{Number: askedPermit, By: "samir"}),
		},
		"a reading that was refused": {
			"archive_reading", askedReading, read(&archive.DropReading{Number: askedReading, By: "samir"}), read(&archive.ApproveReading{Number: askedReading, By: "samir", Person: storetest.Person(6)}),
		},
		"a reading that was stopped once it was approved": {
			"archive_reading", approved, read(&archive.DropReading{Number: approved, By: "samir"}), read(&archive.Reading{Request: approved, Person: storetest.Person(6)}),
		},
		"a reading that was done": {
			"archive_reading", approved, read(&archive.Reading{Request: approved, Person: storetest.Person(6)}), read(&archive.Reading{Request: approved, Person: storetest.Person(6)}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, s *store.DB, by *sql.DB) {
				prepared(t, s)
				does := func(statement string) {
					t.Helper()
					if _, err := by.ExecContext(t.Context(), statement); err != nil {
						t.Fatal(err)
					}
				}
				found := func() bool {
					t.Helper()
					findings, err := audit.New(store.NewLedger(s), store.NewAudit(s), func() time.Time { return actAt }).Rights(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					return slices.ContainsFunc(findings, func(f audit.Finding) bool {
						return f.Table == c.table && f.Key == strconv.Itoa(int(c.number)) && f.Fault == audit.PutBack
					})
				}
				does(`create table older as select * from ` + c.table)
				if err := c.answer(later(s)); err != nil || found() {
					t.Fatalf("%v, or what was answered is called put back", err)
				}
				back := `approved_by = older.approved_by, given_us = older.given_us, dropped_us = older.dropped_us, seal = older.seal`
				if c.table == "archive_reading" {
					back += `, read_us = older.read_us`
				}
				does(`update ` + c.table + ` set ` + back + ` from older where older.number = ` + c.table + `.number`)
				if !found() {
					t.Error("no audit finds it")
				}
				watch := audit.NewWatch(audit.New(store.NewLedger(s), store.NewAudit(s), func() time.Time { return actAt }), later(s), nil, slog.New(slog.DiscardHandler))
				if err := watch.Look(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := c.again(later(s)); err == nil {
					t.Error("it gives what it gave")
				}
				if found() {
					t.Error("it waits still")
				}
			})
		})
	}
}
