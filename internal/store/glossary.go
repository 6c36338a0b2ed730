package store

import (
	"context"
	"fmt"
	"time"

	"poterne/internal/glossary"
	"poterne/internal/i18n"
	"poterne/internal/register"
	"poterne/internal/seal"
)

// Glossary is what each category of fields means.
type Glossary struct{ db *DB }

// NewGlossary returns it in a database.
func NewGlossary(db *DB) Glossary { return Glossary{db} }

// Known returns what was declared.
func (g Glossary) Known(ctx context.Context) (glossary.Known, error) {
	known, err := g.db.glossary(ctx, g.db.read)
	return known, doing("reading the categories of fields", err)
}

const glossaryColumns = `number, id, class, confirmed, gone, name_fr, name_en, yours_fr, yours_en, entry, said_us, seal`

// glossary reads what was declared. A row that no node wrote is an error: entries would be read
// as what somebody put there. So is one that is missing or of an older declaration: each act writes
// all of them, and the seal of each says how many they are.
func (db *DB) glossary(ctx context.Context, from querier) (known glossary.Known, err error) {
	rows, err := from.QueryContext(ctx, `select `+glossaryColumns+` from field_category order by number`)
	if err != nil {
		return known, db.engine.classify(err)
	}
	defer rows.Close()
	var seals [][]byte
	for rows.Next() {
		var c register.Category
		var names, yours [2]string
		var confirmed, gone, said int64
		var sealed []byte
		of := glossary.Known{}
		if err := rows.Scan(&c.Number, &c.ID, &c.Class, &confirmed, &gone, &names[0], &names[1], &yours[0], &yours[1], &of.Entry, &said, &sealed); err != nil {
			return known, db.engine.classify(err)
		}
		c.Confirmed, c.Gone, c.Names, c.Yours = confirmed != 0, gone != 0, wordsOf(names), wordsOf(yours)
		of.At = time.UnixMicro(said).UTC()
		mixed := len(seals) > 0 && (of.Entry != known.Entry || !of.At.Equal(known.At))
		if mixed && !db.seals.holds(nil, categoryRow(c, of), func() string { return c.ID }) {
			return known, fmt.Errorf("the categories of fields are of two declarations: %w", seal.ErrBroken)
		}
		known.Entry, known.At = of.Entry, of.At
		known.Categories, seals = append(known.Categories, c), append(seals, sealed)
	}
	if err := rows.Err(); err != nil {
		return known, db.engine.classify(err)
	}
	for i, c := range known.Categories {
		if !db.seals.holds(seals[i], categoryRow(c, known), func() string { return c.ID }) {
			return known, fmt.Errorf("the category of fields %q: %w", c.ID, seal.ErrBroken)
		}
	}
	return known, nil
}

func wordsOf(said [2]string) register.Words {
	var words register.Words
	for i, in := range []i18n.Language{i18n.French, i18n.English} {
		if said[i] == "" {
			continue
		}
		if words == nil {
			words = make(register.Words)
		}
		words[in] = said[i]
	}
	return words
}

func categoryRow(c register.Category, of glossary.Known) *seal.Row {
	row := seal.NewRow("field_category").Int(int64(c.Number)).Text(c.ID).Text(string(c.Class)).Int(truth(c.Confirmed)).Int(truth(c.Gone))
	for _, in := range []i18n.Language{i18n.French, i18n.English} {
		row.Text(c.Names[in]).Text(c.Yours[in])
	}
	return row.Int(int64(len(of.Categories))).Int(int64(of.Entry)).Time(of.At)
}

func (db *DB) readGlossary(ctx context.Context) error {
	_, err := db.glossary(ctx, db.read)
	return unlessBroken(err)
}

// glossaryRows is what each category means, in a turn.
type glossaryRows struct{ *turn }

// Glossary implements glossary.Rows.
func (r glossaryRows) Glossary() (glossary.Known, error) {
	known, err := r.db.glossary(r.ctx, r.tx)
	return known, doing("reading the categories of fields", err)
}

// PutGlossary implements glossary.Rows.
func (r glossaryRows) PutGlossary(known glossary.Known) error {
	const put = `insert into field_category (` + glossaryColumns + `) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		on conflict (number) do update set class = excluded.class, confirmed = excluded.confirmed, gone = excluded.gone, name_fr = excluded.name_fr,
			name_en = excluded.name_en, yours_fr = excluded.yours_fr, yours_en = excluded.yours_en, entry = excluded.entry, said_us = excluded.said_us, seal = excluded.seal`
	for _, c := range known.Categories {
		if _, err := r.exec(put, c.Number, c.ID, string(c.Class), truth(c.Confirmed), truth(c.Gone), c.Names[i18n.French], c.Names[i18n.English], c.Yours[i18n.French], c.Yours[i18n.English],
			int64(known.Entry), known.At.UnixMicro(), r.db.seals.seal(categoryRow(c, known))); err != nil {
			return doing("writing the categories of fields", err)
		}
	}
	return nil
}

func truth(is bool) int64 { return map[bool]int64{true: 1}[is] }
