package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"poterne/internal/intake"
	"poterne/internal/ledger"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// factsWhere reads facts that meet a condition, but those that no node wrote.
func (r factRows) factsWhere(condition string, args ...any) ([]reason.Fact, error) {
	return collect(r.ctx, r.tx, func(row scanner) (reason.Fact, error) {
		f, _, err := r.db.scanFact(row)
		return f, err
	}, `select `+factColumns+` from fact where `+condition, args...)
}

// Guarded implements intake.ArrivalRows.
func (r factRows) Guarded() (bool, error) {
	guards, err := rosterRows(r).Guards()
	return len(guards) > 0, err
}

// StandingFacts implements intake.ArrivalRows.
func (r factRows) StandingFacts(people []register.PersonID) (list []reason.Fact, err error) {
	for portion := range slices.Chunk(people, idsAtOnce) {
		args := make([]any, len(portion))
		for i := range portion {
			args[i] = portion[i][:]
		}
		condition := fmt.Sprintf(`person in %s and account is not null and kind in (%d, %d)`, places(1, len(args)), reason.Caseload, reason.Enrolment)
		some, err := r.factsWhere(condition, args...)
		if err != nil {
			return nil, doing("reading whose people are", err)
		}
		list = append(list, some...)
	}
	return list, nil
}

// InArchive implements grants.ApartRows.
func (r factRows) InArchive(of register.PersonID, now time.Time) (bool, error) {
	condition := fmt.Sprintf(`person = $1 and kind = %d and waits = 0 and from_us <= $2 and until_us > $2`, reason.Archived)
	list, err := r.factsWhere(condition, of[:], now.UnixMicro())
	return len(list) > 0, doing("reading whether a file is archived", err)
}

// Waiting implements intake.WaitingRows.
func (r factRows) Waiting(w intake.Waiting) ([]reason.Fact, error) {
	list, err := r.factsWhere(`waits <> 0 and source = $1 and account = $2 and author = $3 and waits <= $4 order by id`, w.Source, string(w.Account), string(w.Author), int64(w.UpTo))
	return list, doing("reading who waits", err)
}

// Assigned implements intake.WaitingRows.
func (r factRows) Assigned(to roster.AccountID, since time.Time) (n int, err error) {
	err = r.tx.QueryRowContext(r.ctx, `select count(*) from fact where source = $1 and account = $2 and from_us > $3`, intake.ByHand, string(to), since.UnixMicro()).Scan(&n)
	return n, doing("counting whom an account was assigned", err)
}

// DropFacts implements intake.WaitingRows.
func (r factRows) DropFacts(source string, facts []reason.Fact, number ledger.Number) error {
	return r.leaving(removed, source, facts, number)
}

// Came implements intake.ArrivalRows.
func (r factRows) Came(to roster.AccountID, day int64) (people int, err error) {
	var seal []byte
	err = r.tx.QueryRowContext(r.ctx, `select people, seal from came where account = $1 and day = $2`, string(to), day).Scan(&people, &seal)
	if err == sql.ErrNoRows {
		return 0, nil
	}
	if err == nil && !r.db.seals.holds(seal, cameRow(to, day, people), func() string { return fmt.Sprint(to, " ", day) }) {
		people = mostCame // whoever wrote it wanted fewer
	}
	return people, doing("reading who came", err)
}

// mostCame is more than any bound.
const mostCame = 1 << 30

// PutCame implements intake.ArrivalRows.
func (r factRows) PutCame(to roster.AccountID, day int64, people int) error {
	if _, err := r.exec(`delete from came where account = $1 and day < $2`, string(to), day); err != nil {
		return fmt.Errorf("forgetting who came before: %w", err)
	}
	const query = `insert into came (account, day, people, seal) values ($1, $2, $3, $4)
		on conflict (account, day) do update set people = excluded.people, seal = excluded.seal`
	_, err := r.exec(query, string(to), day, people, r.db.seals.seal(cameRow(to, day, people)))
	return doing("noting who came", err)
}

// readCame looks at every row of arrivals.
func (db *DB) readCame(ctx context.Context) error {
	return each(ctx, db.read, func(row scanner) error {
		var to roster.AccountID
		var day int64
		var people int
		var seal []byte
		err := row.Scan(&to, &day, &people, &seal)
		return db.seals.admit(err, seal, cameRow(to, day, people), func() string { return fmt.Sprint(to, " ", day) })
	}, `select account, day, people, seal from came`)
}

// Waiting implements intake.CaseloadRows.
func (f Facts) Waiting(ctx context.Context, of roster.OrganisationID) (list []intake.Waiting, err error) {
	list, err = collect(ctx, f.db.read, func(row scanner) (w intake.Waiting, err error) {
		err = row.Scan(&w.Source, &w.Account, &w.Author, &w.UpTo, &w.People)
		return w, err
	}, `
		select f.source, f.account, f.author, max(f.waits), count(*) from fact f join account a on a.id = f.account
		where f.waits <> 0 and ($1 = '' or a.organisation = $1) group by f.source, f.account, f.author order by max(f.waits) desc, f.account, f.author`, string(of))
	return list, doing("reading who waits", f.db.engine.classify(err))
}
