package dbms_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	"poterne/internal/store/dbms"
	"poterne/internal/store/storetest"
)

// executes is a pool, or one connection of it.
type executes interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// A primary that hangs takes connections and says nothing on any, and no time-out ends
// that here. Whoever looks for the primary finds the standby as soon as it is promoted,
// and what waits for an answer of the old one is let go then.
//
// Promise: RUN-3
func TestRUN_3_APrimaryThatHangsHoldsNobodyUpOnceItIsReplaced(t *testing.T) {
	dbms.WaitForEver(t)
	primary := storetest.StartPostgreSQL(t)
	connection := primary.Database(t)
	standby := primary.Standby(t)
	both, wire := primary.Over(t, primary.Either(standby, connection))
	both = strings.Replace(both, "connect_timeout=5", "connect_timeout=3600", 1)
	open := func() *sql.DB {
		config, err := dbms.Connection(both)
		if err != nil {
			t.Fatal(err)
		}
		_, write, read := dbms.OpenPostgreSQL(config)
		t.Cleanup(func() {
			_ = write.Close()
			_ = read.Close()
		})
		return read
	}
	running, starting := open(), open()
	held, err := running.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	asked := func(db executes) <-chan error {
		said := make(chan error, 1)
		go func() {
			_, err := db.ExecContext(t.Context(), `select 1`)
			said <- err
		}()
		return said
	}
	wire.Cut()
	waiting, started := asked(held), asked(starting)
	time.Sleep(time.Second) // both meet the one that hangs, and a standby that takes nothing
	standby.Promote(t)
	for _, each := range []struct {
		who   string
		said  <-chan error
		fails bool
	}{
		{"a node that starts", started, false},
		{"a node that runs", asked(running), false},
		{"what waits for the old primary", waiting, true},
	} {
		select {
		case err := <-each.said:
			if (err != nil) != each.fails {
				t.Errorf("%s ends with %v", each.who, err)
			}
		case <-time.After(2 * time.Minute):
			t.Fatalf("%s waits for the server that hangs", each.who)
		}
	}
}
