package main

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poterne/internal/config"
	"poterne/internal/config/configtest"
	"poterne/internal/seal"
)

// Promise: RIGHTS-9
func TestRIGHTS_9_AnAuditNamesTheRowsThatNobodyMade(t *testing.T) {
	dir := configtest.Secrets(t)
	if err := os.WriteFile(filepath.Join(dir, "poterne.toml"), []byte(config.Example), 0o600); err != nil {
		t.Fatal(err)
	}
	rememberedMonths(t, dir, 1)
	if code, out, errs := asked(t, dir, "audit"); code != 0 || out != "every row is as the ledger says\n" {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, "poterne.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{`update account set role = 'security' where id = 'pauline'`, `insert into organisation (id, siret, name) values ('new', '1', 'N')`} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	for number := 901; number <= 1010; number++ {
		if _, err := db.Exec(`insert into archive_reading (number, person, because, asked_by, approved_by, asked_us) values ($1, zeroblob(16), 'x', 'a', '', 1)`, number); err != nil {
			t.Fatal(err)
		}
	}
	code, out, errs := asked(t, dir, "audit")
	for _, says := range []string{"account          pauline  is gone", "account          pauline  has no seal: no node wrote it as it is", "organisation     new      has no seal", "archive_reading  901 ", "archive_reading  1000 ", "archive_reading  10 more", "113 rows are not as the ledger says"} {
		if code != 1 || !strings.Contains(out+errs, says) {
			t.Errorf("exit %d, and %q is not in\n%s%s", code, says, out, errs)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "seal.key"), []byte(seal.New().Text()), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := asked(t, dir, "audit"); code != 1 || !strings.Contains(errs, "use the seal key that the ledger's other nodes have") {
		t.Errorf("with another key: exit %d\n%s%s", code, out, errs)
	}
}
