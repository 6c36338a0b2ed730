package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"poterne/internal/ledger"
)

// statements are those of the hot path. What is asked of every request is
// parsed once.
type statements struct {
	head, move             *sql.Stmt // take the ledger's head, and move it on; nil where the insert does
	asker, covers, session *sql.Stmt
	facts, people          *sql.Stmt // about a list
	inserts                []insert  // of entries, the one for the most first
}

// insert writes rows entries at once, member by member; or, when rows is 0, all of
// a turn's as three arrays, into the part of one month, and moves the head on.
type insert struct {
	*sql.Stmt
	rows int
}

// insertSizes are the lengths that statements are prepared for where entries are
// written member by member: another length costs more to parse than it saves.
var insertSizes = []int{64, 8, 1}

func (db *DB) prepare(ctx context.Context) (err error) {
	if err := db.periods.look(ctx, db.read); err != nil {
		return err
	}
	prepare := func(to *sql.DB, query string) (statement *sql.Stmt) {
		if err != nil {
			return nil
		}
		if statement, err = to.PrepareContext(ctx, query); err != nil {
			err = fmt.Errorf("preparing %q: %w", query, db.engine.classify(err))
		}
		return statement
	}
	const entry = `insert into entry (number, salt, body`
	p := &db.statements
	p.head = prepare(db.write, db.engine.takeHead())
	p.session = prepare(db.read, `select `+sessionColumns+` from session where key = $1`)
	p.asker = prepare(db.read, `
		select a.organisation, a.role, a.opened_us, h.service, h.purpose, h.from_us, h.until_us
		from account a left join habilitation h on h.account = a.id where a.id = $1`)
	p.covers = prepare(db.read, `
		select source, id, absent, substitute, declared_by, from_us, until_us
		from cover where substitute = $1 order by source, id`)
	p.facts = prepare(db.read, `
		select place, source, id, kind, coalesce(account, ''), coalesce(organisation, ''), from_us, until_us, author
		from `+db.engine.found("fact", "person")+` where from_us <= $2 and until_us > $3`)
	p.people = prepare(db.read, `select place, person from `+db.engine.found("alias", "alias"))
	db.loader.about = db.factsAbout
	if db.engine.arrays() {
		p.inserts = []insert{{prepare(db.write, `with moved as (update head set next = $5, last_us = $6) `+
			entry+`, month) select *, $4::integer from unnest($1::bigint[], $2::bytea[], $3::bytea[])`), 0}}
		return err
	}
	p.move = prepare(db.write, `update head set next = $1, last_us = $2`)
	for _, n := range insertSizes { // numbered placeholders would each be looked for among all
		rows := strings.TrimSuffix(strings.Repeat(`(?, ?, ?), `, n), `, `)
		p.inserts = append(p.inserts, insert{prepare(db.write, entry+`) values `+rows), n})
	}
	return err
}

// write writes the first entries that the statement takes into a month, and says
// how many they are. The last of all was made at.
func (i insert) write(ctx context.Context, tx *sql.Tx, entries []ledger.Sealed, month ledger.Month, at time.Time) (count int, err error) {
	var args []any
	if i.rows == 0 {
		numbers, salts, bodies := make([]int64, len(entries)), make([][]byte, len(entries)), make([][]byte, len(entries))
		for n := range entries {
			numbers[n], salts[n], bodies[n] = int64(entries[n].Number), entries[n].Salt[:], entries[n].Body
		}
		args = []any{numbers, pgtype.FlatArray[[]byte](salts), pgtype.FlatArray[[]byte](bodies), month}
		count = len(entries)
		args = append(args, int64(entries[count-1].Number+1), at.UnixMicro())
	} else {
		for n := range entries[:i.rows] {
			args = append(args, int64(entries[n].Number), entries[n].Salt[:], entries[n].Body)
		}
		count = i.rows
	}
	_, err = tx.StmtContext(ctx, i.Stmt).ExecContext(ctx, args...)
	return count, err
}

// queryList asks a statement about a list, and the arguments that come after it.
func queryList[T ~[16]byte](ctx context.Context, engine engine, statement *sql.Stmt, list []T, more ...any) (*sql.Rows, error) {
	members := make([][]byte, len(list))
	for i := range list {
		member := [16]byte(list[i])
		members[i] = member[:]
	}
	return statement.QueryContext(ctx, append([]any{engine.list(members)}, more...)...)
}

// places writes n rows of width placeholders: ($1, $2), ($3, $4)…
func places(n, width int) string {
	var text strings.Builder
	for i := range n * width {
		switch {
		case i == 0:
			text.WriteString("(")
		case i%width == 0:
			text.WriteString("), (")
		default:
			text.WriteString(", ")
		}
		fmt.Fprintf(&text, "$%d", i+1)
	}
	text.WriteString(")")
	return text.String()
}
