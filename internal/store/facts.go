package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/intake"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store/factload"
	"poterne/internal/store/stock"
)

// Facts is what other systems say, and who asks for what they say. It implements
// gate.Files.
type Facts struct{ db *DB }

// NewFacts returns the facts in a database.
func NewFacts(db *DB) Facts { return Facts{db} }

// Asker implements gate.Files.
func (f Facts) Asker(ctx context.Context, account roster.AccountID) (gate.Asker, error) {
	asker := gate.Asker{Account: account}
	rows, err := f.db.statements.asker.QueryContext(ctx, string(account))
	if err != nil {
		return asker, fmt.Errorf("reading an account: %w", f.db.engine.classify(err))
	}
	defer rows.Close()
	for rows.Next() {
		a, h, err := f.db.scanRight(rows)
		if errors.Is(err, sql.ErrNoRows) {
			return gate.Asker{Account: account}, nil
		}
		if err != nil {
			return asker, fmt.Errorf("reading a habilitation: %w", f.db.engine.classify(err))
		}
		asker.Organisation, asker.Role, asker.Opened, asker.Review, asker.Trained = a.Organisation, a.Role, a.Opened, a.Review, a.Trained
		if h.Account != "" && a.Open() {
			asker.Habilitations = append(asker.Habilitations, h)
		}
	}
	if err := rows.Err(); err != nil {
		return asker, f.db.engine.classify(err)
	}
	if asker.Covers, err = f.covers(ctx, account); err != nil {
		return asker, err
	}
	asker.Exports, err = f.db.exports(ctx, account)
	return asker, err
}

// covers returns the covers of a substitute, with where their accounts are.
func (f Facts) covers(ctx context.Context, substitute roster.AccountID) ([]reason.Duty, error) {
	rows, err := f.db.statements.covers.QueryContext(ctx, string(substitute))
	covers, err := f.db.scanCovers(rows, err)
	if err != nil {
		return nil, fmt.Errorf("reading covers: %w", f.db.engine.classify(err))
	}
	duties := make([]reason.Duty, len(covers))
	for i, c := range covers {
		absent, err := f.named(ctx, c.Absent)
		if err != nil {
			return nil, err
		}
		by, err := f.named(ctx, c.DeclaredBy)
		if err != nil {
			return nil, err
		}
		duties[i] = c.Between(absent, by)
	}
	return duties, nil
}

// named returns an account that a cover names; the zero account when there is none.
func (f Facts) named(ctx context.Context, id roster.AccountID) (roster.Account, error) {
	a, _, err := NewRoster(f.db).Account(ctx, id)
	if fault.Is(err, fault.Absent) {
		return roster.Account{}, nil
	}
	return a, err
}

const coversOf = `select ` + coverColumns + ` from cover where substitute = $1 order by source, id`

// scanCovers reads covers, but those that no node wrote.
func (db *DB) scanCovers(rows *sql.Rows, err error) (covers []reason.CoverDuty, _ error) {
	err = eachOf(rows, err, func(row scanner) error {
		c, _, err := db.scanCover(row)
		if err == nil {
			covers = append(covers, c)
		}
		return err
	})
	return covers, err
}

const coverColumns = `source, id, absent, substitute, declared_by, from_us, until_us, told, seal`

// scanCover reads a cover, and by which entry it was told; sql.ErrNoRows when no node wrote it.
func (db *DB) scanCover(rows scanner) (c reason.CoverDuty, told ledger.Number, err error) {
	var from, until sql.NullInt64
	var seal []byte
	err = rows.Scan(&c.Source, &c.ID, &c.Absent, &c.Substitute, &c.DeclaredBy, &from, &until, &told, &seal)
	c.From, c.Until = fromMicro(from), fromMicro(until)
	return c, told, db.seals.admit(err, seal, coverRow(c, told), func() string { return c.Source + " " + c.ID })
}

const factColumns = `person, source, id, kind, coalesce(account, ''), coalesce(organisation, ''), from_us, until_us, author, waits, told, seal`

// scanFact reads a fact, and by which entry it was told; sql.ErrNoRows when no node wrote it.
func (db *DB) scanFact(row scanner) (f reason.Fact, told ledger.Number, err error) {
	var person, seal []byte
	var from, until int64
	if err := row.Scan(&person, &f.Source, &f.ID, &f.Kind, &f.Account, &f.Organisation, &from, &until, &f.Author, &f.Waits, &told, &seal); err != nil {
		return f, told, err
	}
	f.Person, f.From, f.Until = register.PersonID(person), time.UnixMicro(from).UTC(), time.UnixMicro(until).UTC()
	if !db.factHolds(f, told, seal) {
		return f, told, sql.ErrNoRows
	}
	return f, told, nil
}

func (db *DB) factHolds(f reason.Fact, told ledger.Number, seal []byte) bool {
	return db.seals.holds(seal, factRow(f, told), func() string { return f.Source + " " + f.ID })
}

// Facts implements gate.Files.
func (f Facts) Facts(ctx context.Context, _ gate.Asker, people []register.PersonID, at time.Time) ([]reason.Fact, error) {
	facts, err := f.db.loader.Ask(ctx, people, at)
	if err != nil {
		return nil, fmt.Errorf("reading facts: %w", f.db.engine.classify(err))
	}
	return facts, nil
}

// About implements refund.Facts.
func (f Facts) About(ctx context.Context, people []register.PersonID, at time.Time) ([]reason.Fact, error) {
	return f.Facts(ctx, gate.Asker{}, people, at)
}

// ChangedBy implements refund.Facts.
func (f Facts) ChangedBy(ctx context.Context, number ledger.Number) (people []register.PersonID, known bool, err error) {
	_, all, err := f.db.scanFactChange(f.db.read.QueryRowContext(ctx, `select `+factChangeColumns+` from fact_change where number = $1`, int64(number)))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("reading whose facts changed: %w", f.db.engine.classify(err))
	}
	for person := range slices.Chunk(all, len(register.PersonID{})) {
		people = append(people, register.PersonID(person))
	}
	return people, true, nil
}

// factsAbout is what an inquiry asks.
func (db *DB) factsAbout(ctx context.Context, people []register.PersonID, at time.Time) ([]factload.Told, error) {
	rows, err := queryList(ctx, db.engine, db.statements.facts, people, at.UnixMicro())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	facts := make([]factload.Told, 0, len(people))
	for rows.Next() { // plain types are scanned without reflection
		var place, kind, from, until, told int64
		var source, id, account, organisation, author string
		var seal []byte
		if err := rows.Scan(&place, &source, &id, &kind, &account, &organisation, &from, &until, &author, &told, &seal); err != nil {
			return nil, err
		}
		f := reason.Fact{
			Kind: reason.FactKind(kind), Account: roster.AccountID(account), Organisation: roster.OrganisationID(organisation),
			Person: people[place-1], From: time.UnixMicro(from).UTC(), Until: time.UnixMicro(until).UTC(),
			Source: source, ID: id, Author: roster.AccountID(author),
		}
		if db.factHolds(f, ledger.Number(told), seal) {
			facts = append(facts, factload.Told{Place: int(place - 1), Fact: f})
		}
	}
	return facts, rows.Err()
}

// Heard returns when each source was last heard. One whose row no node wrote was never.
func (f Facts) Heard(ctx context.Context) (map[string]time.Time, error) {
	heard, err := f.db.heard(ctx, f.db.read)
	if err != nil {
		err = fmt.Errorf("reading sources: %w", f.db.engine.classify(err))
	}
	return heard, err
}

func (db *DB) heard(ctx context.Context, q querier) (map[string]time.Time, error) {
	heard := make(map[string]time.Time)
	err := each(ctx, q, func(row scanner) error {
		var name string
		var at sql.NullInt64
		var seal []byte
		err := row.Scan(&name, &at, &seal)
		if err = db.seals.admit(err, seal, sourceRow(name, fromMicro(at)), func() string { return name }); err == nil {
			heard[name] = fromMicro(at)
		}
		return err
	}, `select name, heard_us, seal from source`)
	return heard, err
}

// factRows is what other systems say, in a turn.
type factRows struct{ *turn }

// Covers implements intake.FactRows.
func (r factRows) Covers(substitute roster.AccountID) ([]reason.CoverDuty, error) {
	rows, err := r.tx.QueryContext(r.ctx, coversOf, string(substitute))
	covers, err := r.db.scanCovers(rows, err)
	return covers, doing("reading covers", err)
}

// Declared implements intake.FactRows.
func (r factRows) Declared(by roster.AccountID, now time.Time) ([]reason.CoverDuty, error) {
	rows, err := r.tx.QueryContext(r.ctx, `select `+coverColumns+` from cover where declared_by = $1 and until_us > $2`, string(by), now.UnixMicro())
	covers, err := r.db.scanCovers(rows, err)
	return covers, doing("reading covers", err)
}

// Heard implements containment.BypassRows.
func (r factRows) Heard() (map[string]time.Time, error) {
	heard, err := r.db.heard(r.ctx, r.tx)
	return heard, doing("reading sources", err)
}

// UpsertFacts implements intake.FactRows.
func (r factRows) UpsertFacts(batch intake.FactBatch, entry ledger.Entry) error {
	const heard = `
		insert into source (name, heard_us, seal) values ($1, $2, $3)
		on conflict (name) do update set heard_us = excluded.heard_us, seal = excluded.seal`
	const cover = `
		insert into cover (source, id, absent, substitute, declared_by, from_us, until_us, told, seal) values `
	const coverAgain = `
		on conflict (source, id) do update set absent = excluded.absent, substitute = excluded.substitute,
			declared_by = excluded.declared_by, from_us = excluded.from_us, until_us = excluded.until_us, told = excluded.told, seal = excluded.seal`
	if _, err := r.exec(heard, batch.Source, entry.Time.UnixMicro(), r.db.seals.seal(sourceRow(batch.Source, entry.Time))); err != nil {
		return fmt.Errorf("noting that a source was heard: %w", err)
	}
	if err := r.PutFacts(batch.Source, batch.Facts, entry.Number); err != nil {
		return err
	}
	covers := lastOfEach(batch.Covers, func(c reason.CoverDuty) string { return c.ID })
	ids := make([]any, len(covers))
	for i, c := range covers {
		ids[i] = c.ID
	}
	if _, err := r.leave(replaced, "cover", ids, batch.Source); err != nil {
		return err
	}
	err := upsert(r.turn, cover, coverAgain, covers, func(c reason.CoverDuty) []any {
		c.Source = batch.Source
		r.stock(stock.Cover(coverRow(c, entry.Number), c, false))
		return []any{
			batch.Source, c.ID, string(c.Absent), string(c.Substitute), string(c.DeclaredBy),
			c.From.UnixMicro(), c.Until.UnixMicro(), int64(entry.Number), r.db.seals.seal(coverRow(c, entry.Number)),
		}
	})
	return doing("storing covers", err)
}

// PutFacts implements intake.WaitingRows.
func (r factRows) PutFacts(source string, facts []reason.Fact, number ledger.Number) error {
	facts = lastOfEach(facts, func(f reason.Fact) string { return f.ID })
	if err := r.leaving(replaced, source, facts, number); err != nil {
		return err
	}
	if err := r.retold(source, facts); err != nil {
		return err
	}
	return r.store(source, facts, number)
}

// store writes facts of one source, told by an entry.
func (r factRows) store(source string, facts []reason.Fact, told ledger.Number) error {
	const fact = `
		insert into fact (source, id, kind, account, organisation, person, from_us, until_us, author, waits, told, seal) values `
	const again = `
		on conflict (source, id) do update set kind = excluded.kind, account = excluded.account,
			organisation = excluded.organisation, person = excluded.person, from_us = excluded.from_us,
			until_us = excluded.until_us, author = excluded.author, waits = excluded.waits, told = excluded.told, seal = excluded.seal`
	err := upsert(r.turn, fact, again, facts, func(f reason.Fact) []any {
		f.Source = source
		r.stock(stock.Fact(factRow(f, told), f, false))
		return []any{
			source, f.ID, int(f.Kind), orNull(string(f.Account)), orNull(string(f.Organisation)),
			f.Person[:], f.From.UnixMicro(), f.Until.UnixMicro(), string(f.Author), int64(f.Waits), int64(told), r.db.seals.seal(factRow(f, told)),
		}
	})
	return doing("storing facts", err)
}

// changesKept is how many batches are kept in fact_change, and none from before the last month. A
// node that has not taken the head for longer forgets all facts.
const changesKept = 256

// leaving has facts leave, and notes whom they are about, and whom others are about of the same ids.
func (r factRows) leaving(how, source string, facts []reason.Fact, number ledger.Number) error {
	people, ids := []byte{}, make([]any, len(facts)) // not null
	for i, f := range facts {
		people, ids[i] = append(people, f.Person[:]...), f.ID
	}
	before, err := r.leave(how, "fact", ids, source)
	if err != nil {
		return err
	}
	for _, c := range before {
		people = append(people, c.Item.Of[:]...)
	}
	return r.notePeople(people, number)
}

// notePeople notes whose facts an entry changes.
func (r factRows) notePeople(people []byte, number ledger.Number) error {
	if _, err := r.exec(`insert into fact_change (number, people, seal) values ($1, $2, $3)`, int64(number), people, r.db.seals.seal(factChangeRow(number, people))); err != nil {
		return doing("noting whose facts change", err)
	}
	const forget = `delete from fact_change where number <= (select number from fact_change order by number desc limit 1 offset $1)`
	if _, err := r.exec(forget, changesKept); err != nil {
		return doing("forgetting whose facts changed", err)
	}
	_, err := r.exec(`delete from fact_change where number < (select first from period order by month desc limit 1 offset 1)`)
	return doing("forgetting whose facts changed", err)
}

// FactsChanged implements journal.Head.
func (t *turn) FactsChanged(from ledger.Number) ([]journal.FactChange, error) {
	return collect(t.ctx, t.tx, func(row scanner) (journal.FactChange, error) {
		change := journal.FactChange{People: make(map[register.PersonID]struct{})}
		number, people, err := t.db.scanFactChange(row) // one that is left out is missing: all facts are forgotten
		change.Number = number
		for person := range slices.Chunk(people, len(register.PersonID{})) {
			change.People[register.PersonID(person)] = struct{}{}
		}
		return change, err
	}, `select `+factChangeColumns+` from fact_change where number >= $1 order by number`, int64(from))
}

const factChangeColumns = `number, people, seal`

// scanFactChange reads whom a batch was about; sql.ErrNoRows when no node wrote it.
func (db *DB) scanFactChange(rows scanner) (number ledger.Number, people []byte, err error) {
	var seal []byte
	err = rows.Scan(&number, &people, &seal)
	return number, people, db.seals.admitNumber(err, seal, factChangeRow(number, people), number)
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}
