package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"poterne/internal/intake"
	"poterne/internal/register"
	"poterne/internal/store/stock"
)

// Aliases is whom the identifiers of other systems lead to.
type Aliases struct{ db *DB }

// NewAliases returns the aliases in a database.
func NewAliases(db *DB) Aliases { return Aliases{db} }

// People returns whom each alias leads to; one that leads nowhere is left out.
func (a Aliases) People(ctx context.Context, aliases []register.Alias) (map[register.Alias]register.PersonID, error) {
	rows, err := queryList(ctx, a.db.engine, a.db.statements.people, aliases)
	if err != nil {
		return nil, fmt.Errorf("reading aliases: %w", a.db.engine.classify(err))
	}
	defer rows.Close()
	people := make(map[register.Alias]register.PersonID, len(aliases))
	for rows.Next() {
		var place int
		var person, seal []byte
		var at int64
		if err := rows.Scan(&place, &person, &at, &seal); err != nil {
			return nil, fmt.Errorf("reading an alias: %w", a.db.engine.classify(err))
		}
		told := intake.Alias{Alias: aliases[place-1], Person: register.PersonID(person)}
		if a.db.aliasHolds(told, time.UnixMicro(at), seal) {
			people[told.Alias] = told.Person
		}
	}
	return people, a.db.engine.classify(rows.Err())
}

const aliasColumns = `alias, person, told_us, seal`

// scanAlias reads an alias; sql.ErrNoRows when no node wrote it.
func (db *DB) scanAlias(row scanner) (a intake.Alias, told time.Time, err error) {
	var alias, person, seal []byte
	var at int64
	if err := row.Scan(&alias, &person, &at, &seal); err != nil {
		return a, told, err
	}
	a, told = intake.Alias{Alias: register.Alias(alias), Person: register.PersonID(person)}, time.UnixMicro(at).UTC()
	if !db.aliasHolds(a, told, seal) {
		return a, told, sql.ErrNoRows
	}
	return a, told, nil
}

// aliasHolds names an alias that is told of by its keyed hash.
func (db *DB) aliasHolds(a intake.Alias, at time.Time, seal []byte) bool {
	return db.seals.holds(seal, aliasRow(a, at), func() string { return fmt.Sprintf("%x", a.Alias[:]) })
}

// aliasRows is whom the identifiers of other systems lead to, in a turn.
type aliasRows struct{ *turn }

// UpsertAliases implements intake.AliasRows.
func (r aliasRows) UpsertAliases(told []intake.Alias, at time.Time) error {
	const alias = `insert into alias (alias, person, told_us, seal) values `
	const again = ` on conflict (alias) do update set person = excluded.person, told_us = excluded.told_us, seal = excluded.seal`
	last := lastOfEach(told, func(a intake.Alias) register.Alias { return a.Alias })
	keys := make([]any, len(last))
	for i := range last {
		keys[i] = last[i].Alias[:]
	}
	if _, err := r.leave(replaced, "alias", keys); err != nil {
		return err
	}
	err := upsert(r.turn, alias, again, last, func(a intake.Alias) []any {
		r.stock(stock.Alias(aliasRow(a, at), a, at, false))
		return []any{a.Alias[:], a.Person[:], at.UnixMicro(), r.db.seals.seal(aliasRow(a, at))}
	})
	return doing("storing aliases", err)
}
