package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// statements are those of the hot path. What is asked of every request is
// parsed once.
type statements struct {
	head, move    *sql.Stmt // take the ledger's head, and move it on; nil where turns does
	turns         *sql.Stmt // insert rows of the ledger
	turn          *sql.Stmt // of an entry; nil where months lie apart
	account       *sql.Stmt // and its organisation
	asker, covers *sql.Stmt
	sessions      map[string]*sql.Stmt // by table
	facts, people *sql.Stmt            // about a list
}

func (db *DB) prepare(ctx context.Context) (err error) {
	if err := db.periods.Look(ctx, db.read); err != nil {
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
	p := &db.statements
	p.head = prepare(db.write, headColumns+db.engine.ForUpdate())
	p.sessions = make(map[string]*sql.Stmt)
	for _, table := range []string{accountSessions, personSessions} {
		p.sessions[table] = prepare(db.read, `select `+sessionColumns+` from `+table+` where key = $1`)
	}
	p.asker = prepare(db.read, `
		select `+accountColumns+`, h.service, h.purpose, h.from_us, h.until_us, h.seal
		from account a left join habilitation h on h.account = a.id where a.id = $1`)
	p.account = prepare(db.read, accountAndOrganisation+` where a.id = $1`)
	p.covers = prepare(db.read, coversOf)
	p.facts = prepare(db.read, `
		select place, source, id, kind, coalesce(account, ''), coalesce(organisation, ''), from_us, until_us, author, told, seal
		from `+db.engine.Found("fact", "person")+` where until_us > $2 and waits = 0`)
	p.people = prepare(db.read, `select place, person, told_us, seal from `+db.engine.Found("alias", "alias"))
	db.loader.About = db.factsAbout
	db.Remember(Remembered)
	if db.engine.Apart() {
		p.turns = prepare(db.write, `with moved as (update head set next = $7, last_us = $8, tip = $9, seal = $10)
			insert into turn (first, count, body, previous, seal, month)
			select *, $6::integer from unnest($1::bigint[], $2::integer[], $3::bytea[], $4::bytea[], $5::bytea[])`)
		return err
	}
	p.turns = prepare(db.write, `insert into turn (first, count, body, previous, seal) values ($1, $2, $3, $4, $5)`)
	p.turn = prepare(db.read, turnOf+`true`+newestTurn)
	p.move = prepare(db.write, `update head set next = $1, last_us = $2, tip = $3, seal = $4`)
	return err
}

// queryList asks a statement about a list, and the arguments that come after it.
func queryList[T ~[16]byte](ctx context.Context, engine engine, statement *sql.Stmt, list []T, more ...any) (*sql.Rows, error) {
	members := make([][]byte, len(list))
	for i := range list {
		member := [16]byte(list[i])
		members[i] = member[:]
	}
	return statement.QueryContext(ctx, append([]any{engine.List(members)}, more...)...)
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
