package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// Promise: RUN-4
// Promise: LEDGER-5
func TestRUN_4_PostgreSQLIsMigratedByItsOwnerAndServedInARoleThatOwnsNothing(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	connection := cluster.Empty(t)
	dir := secrets(t)
	config := func(name, server string) string {
		text := strings.Replace(example, `path = "poterne.db"`, fmt.Sprintf("server = %q", server), 1)
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	program, owner := config("program.toml", connection), config("owner.toml", cluster.Owner(connection))
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
		{"the program may read and write", []string{"ledger", "tail", "--as", "nadia", "--config", program}, 0, "the newest entries"},
		{"it does not run as the owner", []string{"serve", "--config", owner}, 1, `the role "poterne_owner" could alter what was written`},
	} {
		var out, complaints bytes.Buffer
		code := run(t.Context(), step.args, &streams{Out: &out, Err: &complaints})
		if said := out.String() + complaints.String(); code != step.code || !strings.Contains(said, step.says) {
			t.Errorf("%s: %d, %s", step.name, code, said)
		}
	}
}
