package dbms_test

import (
	"context"
	"database/sql"
	"errors"
	"net"
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

// own is in the context of whoever wants a connection, and in none of a search.
type own struct{}

// A search ends once each server has been heard, and whoever joined it late may still wait for the primary,
// which is only slow: it answers them as long as the connection allows.
func TestRUN_3_WhoeverWaitsForASlowPrimaryIsNotRefusedBecauseASearchEnds(t *testing.T) {
	primary := storetest.StartPostgreSQL(t)
	connection := strings.Replace(primary.Either(primary, primary.Database(t)), "connect_timeout=5", "connect_timeout=3600", 1)
	connection = strings.Replace(connection, "127.0.0.1,127.0.0.1", "127.0.0.1,127.0.0.2", 1) // two servers to look for
	config, err := dbms.Connection(connection)
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan struct{})
	searched := make(chan string, 1000)
	dial := config.DialFunc
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if ctx.Value(own{}) == nil {
			searched <- address
			return nil, errors.New("it does not answer the search")
		}
		select {
		case <-answers:
			return dial(ctx, network, address)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	_, write, read := dbms.OpenPostgreSQL(config)
	defer write.Close()
	defer read.Close()
	go func() {
		for first := <-searched; <-searched == first; {
		}
		time.Sleep(100 * time.Millisecond) // the search ends
		close(answers)
	}()
	conn, err := read.Conn(context.WithValue(t.Context(), own{}, true))
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}
