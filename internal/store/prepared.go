package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"poterne/internal/ledger"
)

// prepared is the statements of the hot path. What is asked of every request is
// parsed once.
type prepared struct {
	head, move             *sql.Stmt // take the ledger's head, and move it on
	asker, covers, session *sql.Stmt
	inserts                []insert // of entries, the one for the most first
	facts, people          []listed
}

// insert writes rows entries at once, member by member; or, when rows is 0, any
// number of them as three arrays, into the part of one month.
type insert struct {
	*sql.Stmt
	rows int
}

// listed asks about a list of rows members, or, when rows is 0, of any length as
// one array.
type listed struct {
	*sql.Stmt
	rows int
}

// insertSizes and listSizes are the lengths that statements are prepared for where
// a list is no argument: another length costs more to parse than it saves.
var (
	insertSizes = []int{64, 8, 1}
	listSizes   = []int{1, 8, 32, mostAtOnce}
)

// mostAtOnce bounds a list that is asked about.
const mostAtOnce = 128

func (s *Store) prepare(ctx context.Context) (err error) {
	prepare := func(db *sql.DB, query string) (statement *sql.Stmt) {
		if err != nil {
			return nil
		}
		if statement, err = db.PrepareContext(ctx, query); err != nil {
			err = fmt.Errorf("preparing %q: %w", query, s.engine.classify(err))
		}
		return statement
	}
	const (
		entry = `insert into entry (number, salt, body`
		facts = `select source, id, kind, account, organisation, person, from_us, until_us, author from fact where person `
		alive = ` and from_us <= $%d and until_us > $%[1]d`
		alias = `select alias, person from alias where alias `
	)
	p := &s.prepared
	p.head = prepare(s.write, s.engine.takeHead())
	p.move = prepare(s.write, `update head set next = $1, last_us = $2`)
	p.session = prepare(s.read, `select `+sessionColumns+` from session where key = $1`)
	p.asker = prepare(s.read, `
		select a.organisation, a.role, a.opened_us, h.service, h.purpose, h.from_us, h.until_us
		from account a left join habilitation h on h.account = a.id where a.id = $1`)
	p.covers = prepare(s.read, `
		select source, id, absent, substitute, declared_by, from_us, until_us
		from cover where substitute = $1 order by source, id`)
	if s.engine.arrays() {
		p.inserts = []insert{{prepare(s.write, entry+`, month) select *, $4::integer from unnest($1::bigint[], $2::bytea[], $3::bytea[])`), 0}}
		p.facts = []listed{{prepare(s.read, facts+`= any($1)`+fmt.Sprintf(alive, 2)), 0}}
		p.people = []listed{{prepare(s.read, alias+`= any($1)`), 0}}
		return err
	}
	for _, n := range insertSizes {
		p.inserts = append(p.inserts, insert{prepare(s.write, entry+`) values `+places(n, 3)), n})
	}
	for _, n := range listSizes {
		p.facts = append(p.facts, listed{prepare(s.read, facts+`in `+places(1, n)+fmt.Sprintf(alive, n+1)), n})
		p.people = append(p.people, listed{prepare(s.read, alias+`in `+places(1, n)), n})
	}
	return err
}

// write writes the first entries that the statement takes into a month, and says
// how many they are.
func (i insert) write(ctx context.Context, tx *sql.Tx, entries []ledger.Sealed, month ledger.Month) (count int, err error) {
	var args []any
	if i.rows == 0 {
		numbers, salts, bodies := make([]int64, len(entries)), make([][]byte, len(entries)), make([][]byte, len(entries))
		for n := range entries {
			numbers[n], salts[n], bodies[n] = int64(entries[n].Number), entries[n].Salt[:], entries[n].Body
		}
		args, count = []any{numbers, salts, bodies, month}, len(entries)
	} else {
		for n := range entries[:i.rows] {
			args = append(args, int64(entries[n].Number), entries[n].Salt[:], entries[n].Body)
		}
		count = i.rows
	}
	_, err = tx.StmtContext(ctx, i.Stmt).ExecContext(ctx, args...)
	return count, err
}

// queryList asks about a list of at most mostAtOnce members, and about the
// arguments that come after it. Where a list is no argument, the statement for the
// next greater length is filled up with the last member.
func queryList[T ~[16]byte](ctx context.Context, statements []listed, list []T, more ...any) (*sql.Rows, error) {
	members := make([][]byte, len(list))
	for i := range list {
		member := [16]byte(list[i])
		members[i] = member[:]
	}
	if statements[0].rows == 0 {
		return statements[0].QueryContext(ctx, append([]any{members}, more...)...)
	}
	size := 0
	for statements[size].rows < len(list) {
		size++
	}
	args := make([]any, 0, statements[size].rows+len(more))
	for i := range statements[size].rows {
		args = append(args, members[min(i, len(list)-1)])
	}
	return statements[size].QueryContext(ctx, append(args, more...)...)
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
