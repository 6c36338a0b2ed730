package store_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"poterne/internal/audit"
	"poterne/internal/intake"
	"poterne/internal/journal"
	"poterne/internal/reason"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// A source tells its whole caseload each night, in batches of a thousand: each row takes the place of
// the one before.
func BenchmarkANightOfFacts(b *testing.B) {
	onEach := map[string]func(*testing.B) (*store.DB, error){
		"sqlite": func(b *testing.B) (*store.DB, error) {
			return store.OpenSQLite(b.Context(), filepath.Join(b.TempDir(), "poterne.db"))
		},
		"postgres": func(b *testing.B) (*store.DB, error) {
			return store.OpenPostgreSQL(b.Context(), storetest.StartPostgreSQL(b).Database(b))
		},
	}
	for engine, open := range onEach {
		b.Run(engine, func(b *testing.B) {
			s, err := open(b)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			if err := s.Seal(b.Context(), keys); err != nil {
				b.Fatal(err)
			}
			w := journal.Outside{DB: store.NewLedger(s), Now: time.Now}
			const batches, rows = 50, 1000
			night := func(until time.Time, from int) {
				batch := intake.FactBatch{Source: "cases"}
				for i := range rows {
					n := from + i
					batch.Facts = append(batch.Facts, reason.Fact{Kind: reason.Caseload, ID: fmt.Sprint(n), Account: "pauline", Person: storetest.Person(n), From: time.Now(), Until: until})
				}
				if err := act(&batch)(b.Context(), w); err != nil {
					b.Fatal(err)
				}
			}
			for n := range batches {
				night(time.Now().AddDate(0, 1, 0), n*rows)
			}
			n := 0
			for b.Loop() {
				night(time.Now().AddDate(0, 2, 0), n%batches*rows)
				n++
			}
			b.StopTimer()
			before := time.Now()
			if _, err := audit.New(store.NewLedger(s), store.NewAudit(s), time.Now).Every(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(time.Since(before).Seconds()*1e6/batches/rows, "s/million-audited")
		})
	}
}
