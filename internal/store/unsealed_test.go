package store_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"poterne/internal/audit"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// otherwise is the tables of which an audit's search for rows that no node wrote reads nothing, and what
// else is against such a row.
var otherwise = map[string]string{
	"head":           "nobody is served on a head without its seal",
	"turn":           "nobody is served on entries without their seal",
	"period":         "a month is only dropped where the entries say so, and entries that are missing stop the program",
	"condensed":      "the tree of the entries is signed and witnessed",
	"tile":           "the tree of the entries is signed and witnessed",
	"checkpoint":     "it is signed",
	"cosignature":    "it is signed",
	"epoch":          "a mark that is not of a node's key stops the node",
	"once":           "a mark that is there refuses; one that is gone is no row",
	"incident_line":  "its entry has its digest",
	"mailing_hold":   "it says which node tells the people of a list; a part that was told is sealed",
	"archived":       "it is encrypted under keys that the database has not",
	"archived_key":   "it is wrapped under keys that the database has not",
	"inventory":      "it is encrypted, and the head has the digest of all; another stops the program",
	"kept":           "it is encrypted, and derived: another is made anew from the ledger",
	"schema_version": "it says which release made the tables",
}

// forged is what a row of some tables needs that is not of any value, as SQL.
var forged = map[string]map[string]string{
	"archive_reading": {"person": "sixteen"},
	"configuration":   {"by_two": "1"},
	"contact_change":  {"person": "sixteen", "state": "'asked'"},
	"export_list":     {"people": "sixteen"},
	"export_permit":   {"list": "thirty-two"},
	"hold":            {"number": "1000000", "until": "1000000", "approved_by": "'another'"},
	"mandate":         {"person": "sixteen", "representative": "sixteen", "kind": "'guardianship'"},
	"mandate_look":    {"what": "'page'"},
	"proposal":        {"state": "'joined'"},
	"question":        {"person": "sixteen"},
	"retention":       {"since": "1000000", "months": "6"},
	"standing_order":  {"effect": "'frozen'", "reach": "'account'"},
	"fact":            {"person": "sixteen", "account": "'x'"},
	"habilitation":    {"account": "'pauline'", "until_us": "2"},
	"alias":           {"alias": "sixteen", "person": "sixteen"},
}

// column is one that a row MUST have a value for.
type column struct{ name, kind string }

// Promise: RIGHTS-9
func TestRIGHTS_9_AnAuditNamesARowThatNoNodeWroteOfEveryTable(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "poterne.db")
		s := openAt(t, path)
		raw, err := sql.Open("sqlite", path+"?_pragma=foreign_keys(0)&_pragma=busy_timeout(10000)")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = raw.Close() })
		everyTable(t, s, raw, `x'%s'`, `
			select t.name, c.name, lower(c.type) from sqlite_master t, pragma_table_info(t.name) c
			where t.type = 'table' and t.name not like 'sqlite_%' and c."notnull" = 1 and c.dflt_value is null order by t.name`)
	})
	t.Run("postgres", func(t *testing.T) {
		cluster := storetest.StartPostgreSQL(t)
		connection := cluster.Database(t)
		s := openPostgreSQL(t, connection)
		raw := direct(t, cluster.Superuser(connection))
		raw.SetMaxOpenConns(1)
		if _, err := raw.ExecContext(t.Context(), `set session_replication_role = replica`); err != nil { // rows need not lead to others
			t.Fatal(err)
		}
		everyTable(t, s, raw, `'\x%s'`, `
			select c.table_name, c.column_name, c.data_type from information_schema.columns c join pg_class on pg_class.oid = format('%I.%I', c.table_schema, c.table_name)::regclass
			where c.table_schema not in ('pg_catalog', 'information_schema') and not pg_class.relispartition and pg_class.relkind in ('r', 'p')
				and c.is_nullable = 'NO' and c.column_default is null order by c.table_name`)
	})
}

// everyTable puts a row that no node wrote into each table, and holds what an audit names against that.
func everyTable(t *testing.T, s *store.DB, raw *sql.DB, bytes, columns string) {
	t.Helper()
	if err := s.Seal(t.Context(), keys); err != nil {
		t.Fatal(err)
	}
	if err := storetest.TakeRoster(t, s, storetest.Staff()); err != nil {
		t.Fatal(err)
	}
	rows := audit.New(store.NewLedger(s), store.NewAudit(s), time.Now)
	if found, err := rows.Every(t.Context()); err != nil || len(found) > 0 {
		t.Fatalf("before: %v, %v", found, err)
	}
	tables := tablesOf(t, raw, columns)
	if len(tables) < 40 {
		t.Fatalf("only %d tables are known: %v", len(tables), tables)
	}
	for table, columns := range tables {
		if otherwise[table] != "" {
			continue
		}
		var names, values []string
		for _, c := range columns {
			names, values = append(names, c.name), append(values, valueOf(c, forged[table][c.name], bytes))
		}
		for name, value := range forged[table] { // columns that may be null
			if !slices.Contains(names, name) {
				names, values = append(names, name), append(values, valueOf(column{name: name}, value, bytes))
			}
		}
		insert := fmt.Sprintf(`insert into %s (%s) values (%s)`, table, strings.Join(names, ", "), strings.Join(values, ", "))
		if _, err := raw.ExecContext(t.Context(), insert); err != nil {
			t.Errorf("%s: %v: write in forged what a row of %s needs", insert, err, table)
		}
	}
	found, err := rows.Every(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for table := range tables {
		named := slices.ContainsFunc(found, func(f audit.Finding) bool { return f.Table == table && f.Fault == audit.NoSeal })
		if !named && otherwise[table] == "" {
			t.Errorf("an audit names no row of %s: have package store read it, or say in otherwise what is against such a row", table)
		}
		if named && otherwise[table] != "" {
			t.Errorf("an audit names a row of %s, of which nothing was forged", table)
		}
	}
	for table := range otherwise {
		if tables[table] == nil {
			t.Errorf("%s is no table", table)
		}
	}
}

func tablesOf(t *testing.T, raw *sql.DB, query string) map[string][]column {
	t.Helper()
	rows, err := raw.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	tables := make(map[string][]column)
	for rows.Next() {
		var table string
		var c column
		if err := rows.Scan(&table, &c.name, &c.kind); err != nil {
			t.Fatal(err)
		}
		tables[table] = append(tables[table], c)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return tables
}

// valueOf is a value of a column, as SQL.
func valueOf(c column, said, bytes string) string {
	switch {
	case said == "sixteen":
		return fmt.Sprintf(bytes, strings.Repeat("07", 16))
	case said == "thirty-two":
		return fmt.Sprintf(bytes, strings.Repeat("07", 32))
	case said != "":
		return said
	case c.kind == "text":
		return `'x'`
	case c.kind == "blob" || c.kind == "bytea":
		return fmt.Sprintf(bytes, "07")
	default:
		return "1"
	}
}
