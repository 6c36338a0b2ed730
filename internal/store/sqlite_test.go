package store_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"poterne/internal/audit"
	"poterne/internal/seal"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

func openSQLite(t *testing.T) *store.DB {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "poterne.db"))
}

func openAt(t *testing.T, path string) *store.DB {
	t.Helper()
	s, err := store.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestSQLite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *store.DB { return sealed(t, openSQLite(t)) })
}

// keys are those of the nodes of a test.
var keys = seal.New()

// sealed is a database whose rows are sealed.
func sealed(t *testing.T, s *store.DB) *store.DB {
	t.Helper()
	if err := s.Seal(t.Context(), keys); err != nil {
		t.Fatal(err)
	}
	s.OnBroken(func(row audit.Row) { t.Errorf("no seal: %s", row) })
	return s
}

// Promise: LEDGER-5
func TestLEDGER_5_RowsOfTheLedgerRefuseUpdateAndDelete(t *testing.T) {
	path := filepath.Join(t.TempDir(), "poterne.db")
	s := openAt(t, path)
	storetest.Write(t, s, 3, storetest.At)
	direct, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close()
	for _, statement := range []string{
		`update turn set body = x'00' where first = 0`, `update turn set count = 9`, `update turn set first = 9 where first = 0`,
		`delete from turn where first = 0`, `delete from turn`, `replace into turn (first, count, body) values (0, 3, x'00')`, `insert into turn (first, count, body) values (1, 1, x'00')`,
	} {
		if _, err := direct.Exec(statement); err == nil || !strings.Contains(err.Error(), "entry") {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

func TestTheDatabaseIsItsOwnersOnlyAndDurable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "poterne.db")
	openAt(t, path)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// Promise: RUN-4
func TestRUN_4_ANewerSchemaIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "poterne.db")
	openAt(t, path)
	direct, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := direct.Exec(`insert into schema_version (version) values (9999)`); err != nil {
		t.Fatal(err)
	}
	_ = direct.Close()
	if _, err := store.OpenSQLite(t.Context(), path); err == nil || !strings.Contains(err.Error(), "run the newer program") {
		t.Errorf("opened with %v", err)
	}
}

func TestAnOlderSchemaIsBroughtUpToDateOnSQLite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "poterne.db")
	openAt(t, path)
	store.AddMigrations(t, 2, 4)
	openAt(t, path)
	direct, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close()
	var versions, added string
	const query = `
		select (select group_concat(version) from (select version from schema_version order by version)),
			(select group_concat(name) from (select name from sqlite_schema where name like 'added%' order by name))`
	if err := direct.QueryRow(query).Scan(&versions, &added); err != nil || versions != "1,2,4" || added != "added_2,added_4" {
		t.Errorf("the file has the schemas %s and the tables %s, %v", versions, added, err)
	}
}

func TestAFileThatIsNoDatabaseIsSaidToBeOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "poterne.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.OpenSQLite(t.Context(), path); err == nil {
		t.Error("opened")
	}
	if _, err := store.OpenSQLite(t.Context(), filepath.Join(path, "under", "a", "file")); err == nil {
		t.Error("opened under a file")
	}
}

// A batch of certificates and a roster look up as many addresses as they have lines, while everybody
// waits: no such look-up reads all accounts.
//
// Promise: RIGHTS-6
func TestRIGHTS_6_AnAccountIsFoundByItsAddressWithoutReadingAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "poterne.db")
	openAt(t, path)
	direct, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close()
	var id, parent, unused int
	var plan string
	if err := direct.QueryRowContext(t.Context(), `explain query plan select a.id from account a where a.mail = $1`, "pauline@staff.example").Scan(&id, &parent, &unused, &plan); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(plan, "SEARCH") {
		t.Errorf("it is found by %q", plan)
	}
}
