// Package tamper changes what the ledger holds, as somebody who owns the database can.
package tamper

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"modernc.org/sqlite"

	"poterne/internal/ledger"
)

// Entries does to entries what statements say: see With.
func Entries(ctx context.Context, db *sql.DB, statements string) error {
	return With(ctx, db, func(conn *sql.Conn) error {
		for statement := range strings.SplitSeq(statements, ";") {
			if _, err := conn.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	})
}

// With changes entries without a guard. Meanwhile they lie in the table entry
// (number, month, salt, body); on SQLite their month is 0. Afterwards each that was
// changed, and those it shared a row with, is a row of the ledger of its own.
func With(ctx context.Context, db *sql.DB, change func(*sql.Conn) error) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, sqlite := db.Driver().(*sqlite.Driver)
	a := &attacker{ctx: ctx, conn: conn, postgres: !sqlite}
	lock := a.unlock()
	rows := a.layOut()
	if a.failed == nil {
		a.failed = change(conn)
	}
	a.layIn(rows)
	lock()
	return a.failed
}

// attacker does one thing after another, until one fails.
type attacker struct {
	ctx      context.Context
	conn     *sql.Conn
	postgres bool
	failed   error
}

func (a *attacker) exec(statement string, args ...any) {
	if a.failed != nil {
		return
	}
	if _, err := a.conn.ExecContext(a.ctx, statement, args...); err != nil {
		a.failed = fmt.Errorf("%s: %w", statement, err)
	}
}

// column reads one column.
func column[T any](a *attacker, query string) (values []T) {
	for row := range a.rows(query, 1) {
		values = append(values, row[0].(T))
	}
	return values
}

func (a *attacker) rows(query string, width int) func(func([]any) bool) {
	return func(yield func([]any) bool) {
		if a.failed != nil {
			return
		}
		rows, err := a.conn.QueryContext(a.ctx, query)
		if err != nil {
			a.failed = fmt.Errorf("%s: %w", query, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			row := make([]any, width)
			places := make([]any, width)
			for i := range row {
				places[i] = &row[i]
			}
			if err := rows.Scan(places...); err != nil {
				a.failed = fmt.Errorf("%s: %w", query, err)
				return
			}
			if !yield(row) {
				return
			}
		}
		a.failed = errors.Join(a.failed, rows.Err())
	}
}

// unlock takes the triggers away, and returns what puts them back.
func (a *attacker) unlock() (lock func()) {
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

// row is a row of the ledger, and the entries that it holds.
type row struct {
	columns []any // first, count, body, previous, seal, month
	entries []string
}

// layOut puts the ledger's entries into the table entry, and returns the rows they lay in.
func (a *attacker) layOut() (rows []row) {
	a.exec(`create table entry (number bigint, month integer, salt ` + a.bytes() + `, body ` + a.bytes() + `)`)
	for _, columns := range slices.Collect(a.rows(`select first, count, body, previous, seal, `+a.month()+` from turn order by first`, 6)) {
		one := row{columns: columns}
		turn := ledger.Turn{First: ledger.Number(columns[0].(int64)), Count: int(columns[1].(int64)), Body: columns[2].([]byte)}
		for entry := range turn.Entries() {
			a.exec(`insert into entry (number, month, salt, body) values ($1, $2, $3, $4)`, int64(entry.Number), columns[5], entry.Salt[:], entry.Body)
			one.entries = append(one.entries, fmt.Sprint(entry.Number, columns[5], entry.Salt, entry.Body))
		}
		rows = append(rows, one)
	}
	return rows
}

// layIn puts what is in that table into the ledger's place. A row of which every entry is
// there as it was stays as it was.
func (a *attacker) layIn(before []row) {
	left := make(map[string][]any)
	var order []string
	for _, e := range slices.Collect(a.rows(`select number, salt, body, month from entry order by number`, 4)) {
		name := fmt.Sprint(e[0], e[3], ledger.Salt(e[1].([]byte)), e[2])
		left[name], order = e, append(order, name)
	}
	a.exec(`delete from turn`)
	for _, one := range before {
		if slices.ContainsFunc(one.entries, func(name string) bool { return left[name] == nil }) {
			continue
		}
		a.insert(notNull(one.columns)...)
		for _, name := range one.entries {
			delete(left, name)
		}
	}
	for _, name := range order {
		if e, changed := left[name]; changed {
			turn := ledger.Turns([]ledger.Sealed{{Number: ledger.Number(e[0].(int64)), Salt: ledger.Salt(e[1].([]byte)), Body: e[2].([]byte)}})[0]
			a.insert(int64(turn.First), turn.Count, turn.Body, []byte{}, []byte{}, e[3])
		}
	}
	a.exec(`drop table entry`)
}

// insert inserts a row of the ledger.
func (a *attacker) insert(columns ...any) {
	if !a.postgres {
		a.exec(`insert into turn (first, count, body, previous, seal) values ($1, $2, $3, $4, $5)`, columns[:5]...)
		return
	}
	a.exec(`insert into turn (first, count, body, previous, seal, month) values ($1, $2, $3, $4, $5, $6)`, columns...)
}

func (a *attacker) month() string {
	if a.postgres {
		return `month`
	}
	return `0`
}

func (a *attacker) bytes() string {
	if a.postgres {
		return `bytea`
	}
	return `blob`
}

// notNull gives empty bytes back what a driver made of them.
func notNull(columns []any) []any {
	for i, column := range columns {
		if bytes, ok := column.([]byte); ok && bytes == nil || column == nil {
			columns[i] = []byte{}
		}
	}
	return columns
}
