package store_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"poterne/internal/gate"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// BenchmarkSettle measures durable decisions from 64 askers at once, each shown
// people of their own caseload, one at a time and in lists.
func BenchmarkSettle(b *testing.B) {
	for _, people := range []int{1, 20, 100} {
		b.Run(fmt.Sprintf("people=%d/clients=64", people), func(b *testing.B) {
			const clients = 64
			s, err := store.OpenSQLite(b.Context(), filepath.Join(b.TempDir(), "poterne.db"))
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			staff := storetest.Staff()
			staff.Accounts, staff.Habilitations = nil, nil
			var facts []reason.Fact
			for c := range clients {
				id := roster.AccountID(fmt.Sprint("adviser", c))
				staff.Accounts = append(staff.Accounts, roster.Account{ID: id, Organisation: "mlv", Role: roster.Adviser, Identity: roster.Identity{Subject: string(id)}, Opened: storetest.At})
				staff.Habilitations = append(staff.Habilitations, roster.Habilitation{Account: id, Service: "dossier", Purpose: "accompany", From: storetest.At.AddDate(-1, 0, 0), Until: storetest.At.AddDate(1, 0, 0)})
				for p := range people {
					facts = append(facts, reason.Fact{Kind: reason.Caseload, Account: id, Person: storetest.Person(c*people + p), From: storetest.At.AddDate(-1, 0, 0), Until: storetest.At.AddDate(1, 0, 0), ID: fmt.Sprint(c*people + p)})
				}
			}
			if err := s.TakeRoster(b.Context(), staff); err != nil {
				b.Fatal(err)
			}
			if err := s.TakeFacts(b.Context(), "cases", facts, nil, storetest.At); err != nil {
				b.Fatal(err)
			}
			g, err := gate.Open(b.Context(), s, s, rules, func() time.Time { return storetest.At })
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() { ended <- g.Run(ctx) }()
			defer func() {
				cancel()
				<-ended
			}()
			var client atomic.Int64
			b.SetParallelism(clients / 2)
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				c := int(client.Add(1)-1) % clients
				ask := policy.Ask{Act: policy.Show, Account: roster.AccountID(fmt.Sprint("adviser", c)), Session: "s", Service: "dossier", Purpose: "accompany", Route: "GET /files"}
				for p := range people {
					ask.People = append(ask.People, policy.Opening{Person: storetest.Person(c*people + p), Fields: register.Name})
				}
				for pb.Next() {
					passage, err := g.Settle(ctx, ask)
					if err != nil || !passage.Decision.People[0].Verdict.Shows() {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N*people)/b.Elapsed().Seconds(), "disclosures/s")
		})
	}
}
