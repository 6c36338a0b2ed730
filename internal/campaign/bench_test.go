package campaign_test

import (
	"testing"
	"time"

	"poterne/internal/ledger"
)

// BenchmarkTake takes in a month of 100 organisations, and BenchmarkAlarms adds it up.
func BenchmarkTake(b *testing.B) {
	town, entries := month()
	for b.Loop() {
		aggregatesOf(town, entries)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(entries)), "ns/entry")
}

func BenchmarkAlarms(b *testing.B) {
	town, entries := month()
	aggregates := aggregatesOf(town, entries)
	for b.Loop() {
		aggregates.Alarms(monday.AddDate(0, 0, 27))
	}
	b.ReportMetric(float64(len(town.staff)), "accounts")
}

func month() (*town, []*ledger.Entry) {
	town := newTown(9)
	town.hire(100)
	var entries []*ledger.Entry
	for d := range 28 {
		for _, e := range town.write(town.day(monday.Add(time.Duration(d) * 24 * time.Hour))) {
			e.Device = "device-of-" + string(e.Account)
			entries = append(entries, e)
		}
	}
	return town, entries
}
