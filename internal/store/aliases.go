package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"poterne/internal/register"
)

// Named is an alias and whom it leads to.
type Named struct {
	Alias  register.Alias
	Person register.PersonID
}

// Aliases is whom the identifiers of other systems lead to.
type Aliases struct{ db *DB }

// NewAliases returns the aliases in a database.
func NewAliases(db *DB) Aliases { return Aliases{db} }

// TakeAliases stores aliases; one told again is replaced.
func (a Aliases) TakeAliases(ctx context.Context, aliases []Named) error {
	const rowsAtOnce = 100
	const keep = ` on conflict (alias) do update set person = excluded.person`
	return a.db.within(ctx, func(tx *sql.Tx) error {
		for portion := range slices.Chunk(lastOfEach(aliases), rowsAtOnce) {
			args := make([]any, 0, 2*len(portion))
			for i := range portion {
				args = append(args, portion[i].Alias[:], portion[i].Person[:])
			}
			if _, err := tx.ExecContext(ctx, `insert into alias (alias, person) values `+places(len(portion), 2)+keep, args...); err != nil {
				return fmt.Errorf("storing aliases: %w", err)
			}
		}
		return nil
	})
}

// lastOfEach leaves out what a later line of the same list replaces: one statement
// cannot store the same alias twice.
func lastOfEach(aliases []Named) []Named {
	last := make(map[register.Alias]int, len(aliases))
	for i, named := range aliases {
		last[named.Alias] = i
	}
	if len(last) == len(aliases) {
		return aliases
	}
	kept := make([]Named, 0, len(last))
	for i, named := range aliases {
		if last[named.Alias] == i {
			kept = append(kept, named)
		}
	}
	return kept
}

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
		var person []byte
		if err := rows.Scan(&place, &person); err != nil {
			return nil, fmt.Errorf("reading an alias: %w", a.db.engine.classify(err))
		}
		people[aliases[place-1]] = register.PersonID(person)
	}
	return people, a.db.engine.classify(rows.Err())
}
