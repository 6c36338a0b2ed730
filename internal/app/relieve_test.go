package app

import (
	"context"
	"database/sql"
	"log/slog"
	"net/http"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"poterne/internal/audit"
	"poterne/internal/containment"
	"poterne/internal/order"
)

// A configuration that is refused late leaves the program in charge as it was: it still hears of
// rows that no node wrote.
//
// Promise: RUN-5
func TestRUN_5_AConfigurationThatIsRefusedLeavesTheProgramInCharge(t *testing.T) {
	first, o := assembled(t)
	heard := 0
	o.DB.OnBroken(func(audit.Row) { heard++ })
	if _, err := (containment.Service{Writer: o.Writer()}).Place(t.Context(), order.Order{Effect: order.Narrowed, Reach: order.Organisation, Target: "ccas", By: "samir"}); err != nil {
		t.Fatal(err)
	}
	bad := o.under(o.Settings)
	bad.AccessLog = filepath.Join(t.TempDir(), "nowhere", "access.log")
	if _, err := assemble(t.Context(), bad, first, slog.New(slog.DiscardHandler)); err == nil {
		t.Fatal("a log that cannot be written is written")
	}
	db, err := sql.Open("sqlite", o.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "update standing_order set seal = x'00'"); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Orders.InForce(t.Context()); err != nil {
		t.Fatal(err)
	}
	if heard != 1 {
		t.Errorf("the program in charge hears %d times of a row that no node wrote", heard)
	}
}

// Promise: RUN-5
func TestRUN_5_NothingStaysOfProgramsThatWereRelieved(t *testing.T) {
	first, o := assembled(t)
	public, err := listen(t.Context(), "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	s := &succession{log: slog.New(slog.DiscardHandler)}
	take, done := make(chan *Program), make(chan error, 1)
	go func() {
		done <- s.serve(ctx, first, public, nil, nil, func(ctx context.Context) error {
			for {
				select {
				case <-ctx.Done():
					return nil
				case p := <-take:
					s.take(p)
				}
			}
		})
	}()
	last := first
	relieve := func(times int) {
		for range times {
			last = next(t, o, last)
			take <- last
			if code, _ := ask("http://" + public.Addr().String() + "/healthz"); code != http.StatusOK {
				t.Errorf("a program that took over answers %d", code)
			}
		}
	}
	relieve(2)
	settled := func() (count int) { // once nothing ends any more
		for same := 0; same < 40; time.Sleep(10 * time.Millisecond) {
			http.DefaultClient.CloseIdleConnections()
			if now := runtime.NumGoroutine(); now == count {
				same++
			} else {
				count, same = now, 0
			}
		}
		return count
	}
	before := settled()
	const reloads = 50
	relieve(reloads)
	if after := settled(); after > before+reloads/2 {
		text := make([]byte, 1<<20)
		t.Errorf("%d goroutines after %d reloads, %d before:\n%s", after, reloads, before, text[:runtime.Stack(text, true)])
	}
	leave()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
