package usage_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"poterne/internal/journal"
	"poterne/internal/meter"
	"poterne/internal/roster"
	"poterne/internal/seal"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
	"poterne/internal/usage"
)

// BenchmarkKeep keeps what 60,000 accounts come to. For that time the follower takes in nothing; nobody else
// waits: see TestNobodyWaitsForAStateThatIsKept.
func BenchmarkKeep(b *testing.B) {
	db, err := store.OpenSQLite(b.Context(), filepath.Join(b.TempDir(), "poterne.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if err := db.Seal(b.Context(), seal.New()); err != nil {
		b.Fatal(err)
	}
	const accounts = 60_000
	sums := usage.NewSums()
	for i := range accounts {
		id := roster.AccountID(fmt.Sprintf("a%05d", i))
		for week := range 8 {
			sums.Add(id, storetest.At.AddDate(0, 0, -7*week), usage.Returned, meter.Cost(1000*(1+i%7)))
		}
		for tag := range uint64(40) { // an adviser's people with a reason, one in eight
			sums.Accounts[id].Sample = append(sums.Accounts[id].Sample, tag<<56|uint64(i))
		}
	}
	storetest.Write(b, db, 1, storetest.At)
	kept := store.NewKept(db, "usage")
	for b.Loop() {
		if err := errors.Join(kept.Discard(b.Context()), journal.NewSnapshots(kept, 1).Save(b.Context(), &sums, 1, time.Now())); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(accounts, "accounts")
}
