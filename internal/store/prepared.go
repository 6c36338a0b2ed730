package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// prepared is the statements of the hot path. What is asked of every request is
// parsed once.
type prepared struct {
	head, move             *sql.Stmt                     // take the ledger's head, and move it on
	entries                [len(entriesAtOnce)]*sql.Stmt // insert that many
	asker, covers, session *sql.Stmt
	facts, people          [len(atOnce)]*sql.Stmt
}

// entriesAtOnce is how many entries one statement inserts, the most first.
var entriesAtOnce = [...]int{64, 8, 1}

// atOnce are the lengths of the lists that are asked about; a shorter list is
// filled up with its last member.
var atOnce = [...]int{1, 8, 32, mostAtOnce}

const mostAtOnce = 128

func (s *Store) prepare(ctx context.Context) (err error) {
	prepare := func(into **sql.Stmt, db *sql.DB, query string) {
		if err != nil {
			return
		}
		if *into, err = db.PrepareContext(ctx, query); err != nil {
			err = fmt.Errorf("preparing %q: %w", query, s.engine.classify(err))
		}
	}
	p := &s.prepared
	prepare(&p.head, s.write, s.engine.takeHead())
	prepare(&p.move, s.write, `update head set next = $1, last_us = $2`)
	for i, n := range entriesAtOnce {
		prepare(&p.entries[i], s.write, `insert into entry (number, salt, body) values `+places(n, 3))
	}
	prepare(&p.session, s.read, `select `+sessionColumns+` from session where key = $1`)
	prepare(&p.asker, s.read, `
		select a.organisation, a.role, h.service, h.purpose, h.from_us, h.until_us
		from account a left join habilitation h on h.account = a.id where a.id = $1`)
	prepare(&p.covers, s.read, `
		select source, id, absent, substitute, declared_by, from_us, until_us
		from cover where substitute = $1 order by source, id`)
	for i, n := range atOnce {
		prepare(&p.facts[i], s.read, `
			select source, id, kind, account, organisation, person, from_us, until_us, author
			from fact where person in `+places(1, n)+fmt.Sprintf(` and from_us <= $%d and until_us > $%[1]d`, n+1))
		prepare(&p.people[i], s.read, `select alias, person from alias where alias in `+places(1, n))
	}
	return err
}

// queryList asks about a list of at most mostAtOnce members, and about the
// arguments that come after it.
func queryList[T ~[16]byte](ctx context.Context, statements [len(atOnce)]*sql.Stmt, list []T, more ...any) (*sql.Rows, error) {
	size := 0
	for atOnce[size] < len(list) {
		size++
	}
	args := make([]any, 0, atOnce[size]+len(more))
	for i := range atOnce[size] {
		member := [16]byte(list[min(i, len(list)-1)])
		args = append(args, member[:])
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
