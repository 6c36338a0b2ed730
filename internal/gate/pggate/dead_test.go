package pggate

import (
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"poterne/internal/dial/dialtest"
	"poterne/internal/store/storetest"
)

// Of a database whose name has several addresses, those that never answer hold nobody up who asks it.
//
// Promise: RUN-6
func TestRUN_6_AnAddressThatNeverAnswersHoldsNobodyUp(t *testing.T) {
	dead := []string{"127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"}
	dialtest.Named(t, append(dead, "127.0.0.1")...) // a configuration keeps who resolves names
	config, err := pgconn.ParseConfig(storetest.StartPostgreSQL(t).Database(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range dead {
		dialtest.Deaf(t, net.JoinHostPort(address, strconv.Itoa(int(config.Port))))
	}
	config.Host = "database.example"
	server, err := (&service{Service: Service{Timeout: time.Minute}, server: config}).connect(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
