package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poterne/internal/app"
	"poterne/internal/config"
	"poterne/internal/config/configtest"
	"poterne/internal/order"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// onServer writes the example configuration, with a database on PostgreSQL.
func onServer(t *testing.T, dir, name, server string) (file string) {
	t.Helper()
	text := strings.Replace(config.Example, `path = "poterne.db"`, fmt.Sprintf("server = %q", server), 1)
	file = filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Promise: RUN-4
// Promise: LEDGER-5
func TestRUN_4_PostgreSQLIsMigratedByItsOwnerAndServedInARoleThatOwnsNothing(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	connection := cluster.Empty(t)
	dir := configtest.Secrets(t)
	program, owner := onServer(t, dir, "program.toml", connection), onServer(t, dir, "owner.toml", cluster.Owner(connection))
	for _, step := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"nothing is made by looking", []string{"ledger", "tail", "--as", "nadia", "--config", program}, 1, `there are no tables that the role "poterne" may use: run poterne migrate`},
		{"nor by serving", []string{"serve", "--config", program}, 1, "run poterne migrate"},
		{"the program cannot migrate", []string{"migrate", "--config", program, "--owner", connection}, 1, `the role "poterne" would own the tables and use them`},
		{"the owner migrates", []string{"migrate", "--config", program, "--owner", cluster.Owner(connection)}, 0, fmt.Sprintf("has schema %d", store.Schema())},
		{"and again", []string{"migrate", "--config", program, "--owner", cluster.Owner(connection)}, 0, "has schema"},
		{"the program may read and write", []string{"ledger", "tail", "--as", "nadia", "--config", program}, 0, "read  nadia  tail"},
		{"it does not run as the owner", []string{"serve", "--config", owner}, 1, `the role "poterne_owner" could alter what was written`},
	} {
		var out, complaints bytes.Buffer
		code := run(t.Context(), step.args, &streams{Out: &out, Err: &complaints})
		if said := out.String() + complaints.String(); code != step.code || !strings.Contains(said, step.says) {
			t.Errorf("%s: %d, %s", step.name, code, said)
		}
	}
}

// Promise: ACT-1
func TestACT_1_AnOrderOfTheCommandLineCutsAnswersUnderWayAtOnceOnPostgreSQL(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	connection := cluster.Database(t)
	configFile := onServer(t, configtest.Secrets(t), "poterne.toml", connection)
	s, err := config.Read(configFile)
	if err != nil {
		t.Fatal(err)
	}
	o, err := app.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	p, err := app.Assemble(t.Context(), o, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	_, ended := serving(ctx, t, p)
	listens(t, cluster.Superuser(connection)) // so that it need not look every second
	for range 3 {
		under, out := p.Gate.Enter(t.Context(), order.Use{Account: "pauline.mercier", Organisation: "ml", Service: "people"})
		var said bytes.Buffer
		if code := run(t.Context(), []string{"order", "place", "close", "service", "people", "--because", "a drill", "--as", "samir", "--config", configFile}, &streams{Out: &said, Err: &said}); code != 0 {
			t.Fatal(said.String())
		}
		select {
		case <-under.Done():
		case <-time.After(long):
			t.Fatal("the answer goes on")
		}
		out()
	}
	leave()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// listens waits until the program hears of orders from its database.
func listens(t *testing.T, connection string) {
	t.Helper()
	db, err := sql.Open("pgx", connection)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const query = `select count(*) from pg_stat_activity where datname = current_database() and application_name = 'poterne, listening' and query ilike 'listen%'`
	for end := time.Now().Add(long); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var n int
		if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n == 1 {
			return
		}
	}
	t.Fatal("the program does not listen")
}
