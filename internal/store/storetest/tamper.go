package storetest

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"testing"

	"modernc.org/sqlite"

	"poterne/internal/ledger"
)

// Tamper does to entries what statements say, as one who owns the database may: see
// TamperWith.
func Tamper(t testing.TB, db *sql.DB, statements string) {
	t.Helper()
	TamperWith(t, db, func(conn *sql.Conn) {
		for statement := range strings.SplitSeq(statements, ";") {
			if _, err := conn.ExecContext(context.Background(), statement); err != nil {
				t.Fatal(statement, err)
			}
		}
	})
}

// TamperWith changes entries without a guard. Meanwhile they lie in the table entry
// (number, month, salt, body); on SQLite their month is 0. Afterwards each is a row of the
// ledger of its own.
func TamperWith(t testing.TB, db *sql.DB, change func(*sql.Conn)) {
	t.Helper()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, sqlite := db.Driver().(*sqlite.Driver)
	a := attacker{t, conn, !sqlite}
	lock := a.unlock()
	a.layOut()
	change(conn)
	a.layIn()
	lock()
}

type attacker struct {
	t        testing.TB
	conn     *sql.Conn
	postgres bool
}

func (a attacker) exec(statement string, args ...any) {
	a.t.Helper()
	if _, err := a.conn.ExecContext(context.Background(), statement, args...); err != nil {
		a.t.Fatal(statement, err)
	}
}

// column reads one column.
func column[T any](a attacker, query string) (values []T) {
	a.t.Helper()
	for row := range a.rows(query, 1) {
		values = append(values, row[0].(T))
	}
	return values
}

func (a attacker) rows(query string, width int) func(func([]any) bool) {
	return func(yield func([]any) bool) {
		a.t.Helper()
		rows, err := a.conn.QueryContext(context.Background(), query)
		if err != nil {
			a.t.Fatal(query, err)
		}
		defer rows.Close()
		for rows.Next() {
			row := make([]any, width)
			places := make([]any, width)
			for i := range row {
				places[i] = &row[i]
			}
			if err := rows.Scan(places...); err != nil {
				a.t.Fatal(query, err)
			}
			if !yield(row) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			a.t.Fatal(query, err)
		}
	}
}

// unlock takes the triggers away, and returns what puts them back.
func (a attacker) unlock() (lock func()) {
	if a.postgres {
		a.exec(`set session_replication_role = replica`)
		return func() { a.exec(`reset session_replication_role`) }
	}
	triggers := column[string](a, `select sql from sqlite_master where type = 'trigger' and tbl_name = 'turn'`)
	for _, name := range column[string](a, `select name from sqlite_master where type = 'trigger' and tbl_name = 'turn'`) {
		a.exec(`drop trigger ` + name)
	}
	return func() {
		for _, trigger := range triggers {
			a.exec(trigger)
		}
	}
}

// layOut puts the ledger's entries into the table entry.
func (a attacker) layOut() {
	a.exec(`create table entry (number bigint, month integer, salt ` + a.bytes() + `, body ` + a.bytes() + `)`)
	month := `0`
	if a.postgres {
		month = `month`
	}
	turns := slices.Collect(a.rows(`select first, count, body, `+month+` from turn order by first`, 4))
	for _, row := range turns {
		turn := ledger.Turn{First: ledger.Number(row[0].(int64)), Count: int(row[1].(int64)), Body: row[2].([]byte)}
		for entry := range turn.Entries() {
			a.exec(`insert into entry (number, month, salt, body) values ($1, $2, $3, $4)`, int64(entry.Number), row[3], entry.Salt[:], entry.Body)
		}
	}
}

// layIn puts what is in that table into the ledger's place.
func (a attacker) layIn() {
	a.exec(`delete from turn`)
	insert := `insert into turn (first, count, body) values ($1, $2, $3)`
	if a.postgres {
		insert = `insert into turn (first, count, body, month) values ($1, $2, $3, $4)`
	}
	for _, row := range slices.Collect(a.rows(`select number, salt, body, month from entry order by number`, 4)) {
		turn := ledger.Turns([]ledger.Sealed{{Number: ledger.Number(row[0].(int64)), Salt: ledger.Salt(row[1].([]byte)), Body: row[2].([]byte)}})[0]
		args := []any{int64(turn.First), turn.Count, turn.Body, row[3]}
		a.exec(insert, args[:strings.Count(insert, "$")]...)
	}
	a.exec(`drop table entry`)
}

func (a attacker) bytes() string {
	if a.postgres {
		return `bytea`
	}
	return `blob`
}
