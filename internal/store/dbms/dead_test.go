package dbms_test

import (
	"context"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"poterne/internal/dial/dialtest"
	"poterne/internal/store/dbms"
	"poterne/internal/store/storetest"
)

// Of a database whose name has several addresses, those that never answer hold nobody up, however long each may take.
//
// Promise: RUN-3
func TestRUN_3_AnAddressThatNeverAnswersHoldsNobodyUp(t *testing.T) {
	primary := storetest.StartPostgreSQL(t)
	connection := primary.Database(t)
	dead := []string{"127.0.0.2", "127.0.0.3"}
	dialtest.Named(t, append(dead, "127.0.0.1")...) // a configuration keeps who resolves names
	config, err := dbms.Connection(strings.Replace(connection, "connect_timeout=5", "connect_timeout=3600", 1))
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range dead {
		dialtest.Deaf(t, net.JoinHostPort(address, strconv.Itoa(int(config.Port))))
	}
	config.Host = "database.example"
	for i := range config.Fallbacks {
		config.Fallbacks[i].Host = config.Host
	}
	_, write, read := dbms.OpenPostgreSQL(config)
	t.Cleanup(func() {
		_ = write.Close()
		_ = read.Close()
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := write.ExecContext(ctx, `select 1`); err != nil {
		t.Error(err)
	}
}
