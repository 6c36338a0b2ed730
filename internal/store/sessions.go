package store

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"sync"
	"time"

	"poterne/internal/fault"
	"poterne/internal/roster"
	"poterne/internal/signin"
)

// Sessions is the sessions of people and what serves once. A session that was just read is not
// read again for a moment: a page asks for its style and its fonts at once, and
// each of them shows the session. What this process writes is seen at once; what
// another node wrote, within rememberSession, or once Told.
type Sessions struct {
	db     *DB
	table  string
	mu     sync.Mutex
	recent map[signin.Digest]seenSession // guarded by mu
	writes int                           // guarded by mu
}

type seenSession struct {
	row  signin.Row
	read time.Time
}

const (
	rememberSession  = time.Second
	rememberSessions = 10_000 // at most
)

// NewSessions returns the sessions of accounts in a database.
func NewSessions(db *DB) *Sessions { return sessionsIn(db, accountSessions) }

// NewPersonSessions returns the sessions of people of the register. They lie in a table of
// their own, and their seals name it: no row of one table serves in the other.
func NewPersonSessions(db *DB) *Sessions { return sessionsIn(db, personSessions) }

// The tables of sessions, which have the same columns.
const (
	accountSessions = "session"
	personSessions  = "person_session"
)

func sessionsIn(db *DB, table string) *Sessions {
	return &Sessions{db: db, table: table, recent: make(map[signin.Digest]seenSession)}
}

// remembered returns a session that was read a moment ago, and the count of
// writes so far, for remember.
func (s *Sessions) remembered(key signin.Digest) (row signin.Row, ok bool, writes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen, ok := s.recent[key]
	return seen.row, ok && time.Since(seen.read) < rememberSession, s.writes
}

// remember keeps a session that was just read, unless something was written since
// the reading began.
func (s *Sessions) remember(row signin.Row, writes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if writes != s.writes {
		return
	}
	if len(s.recent) >= rememberSessions {
		clear(s.recent)
	}
	s.recent[row.Key] = seenSession{row, time.Now()}
}

// forget makes the next look at a session a look at the table. It comes after the
// write, whatever came of that.
func (s *Sessions) forget(key signin.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	delete(s.recent, key)
}

// Told forgets what is remembered: another node may have ended a session.
func (s *Sessions) Told() { s.forgetAll() }

// forgetAll is forget for every session.
func (s *Sessions) forgetAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	clear(s.recent)
}

// Once implements signin.Sessions.
func (s *Sessions) Once(ctx context.Context, mark signin.Digest, until time.Time) (bool, error) {
	const insert = `insert into once (mark, until_us) values ($1, $2) on conflict (mark) do nothing`
	result, err := s.db.write.ExecContext(ctx, insert, mark[:], until.UnixMicro())
	if err != nil {
		return false, s.db.engine.classify(err)
	}
	marked, err := result.RowsAffected()
	return marked == 1, s.db.engine.classify(err)
}

// Marked reports whether a mark is set.
func (s *Sessions) Marked(ctx context.Context, mark signin.Digest) (there bool, err error) {
	err = s.db.write.QueryRowContext(ctx, `select exists (select 1 from once where mark = $1)`, mark[:]).Scan(&there)
	return there, s.db.engine.classify(err)
}

// Forget takes a mark back that Once set.
func (s *Sessions) Forget(ctx context.Context, mark signin.Digest) error {
	_, err := s.db.write.ExecContext(ctx, `delete from once where mark = $1`, mark[:])
	return s.db.engine.classify(err)
}

// absent sorts the error of a look-up that may find nothing.
func (s *Sessions) absent(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return &fault.Error{Kind: fault.Absent}
	}
	return s.db.engine.classify(err)
}

const sessionColumns = `key, id, account, organisation, factor, agent, browser, started_us,
	version, current, next, previous, seed, rotated_us, seen_us, hint, why, ended_us, stepped_up_us,
	subject, provider_session, bound, proven_us, seal`

// Open implements signin.Sessions.
func (s *Sessions) Open(ctx context.Context, row signin.Row) error {
	insert := `insert into ` + s.table + ` (` + sessionColumns + `)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)`
	_, err := s.db.write.ExecContext(ctx, insert, row.Key[:], string(row.ID), string(row.Account), string(row.Organisation),
		string(row.Factor), row.Agent[:], row.Browser[:], row.Started.UnixMicro(),
		row.Version, row.Current[:], row.Next[:], row.Previous[:], row.Seed, row.Rotated.UnixMicro(), row.Seen.UnixMicro(),
		row.Hint, string(row.Why), micro(row.Ended), micro(row.SteppedUp), row.Subject[:], row.Named[:],
		row.Bound, micro(row.Proven), s.db.seals.seal(sessionRow(s.table, row)))
	return s.db.engine.classify(err)
}

// Find implements signin.Sessions.
func (s *Sessions) Find(ctx context.Context, key signin.Digest) (signin.Row, error) {
	row, ok, writes := s.remembered(key)
	if ok {
		return row, nil
	}
	row, err := s.db.scanSession(s.table, s.db.statements.sessions[s.table].QueryRowContext(ctx, key[:]))
	if err == nil {
		s.remember(row, writes)
	}
	return row, s.absent(err)
}

// Of implements signin.Sessions.
func (s *Sessions) Of(ctx context.Context, account roster.AccountID) (list []signin.Row, err error) {
	list, err = s.db.sessions(ctx, s.table, s.db.read, `account = $1 and why = '' order by started_us desc, id`, string(account))
	return list, s.db.engine.classify(err)
}

// scanSession reads a session; sql.ErrNoRows when no node wrote it.
func (db *DB) scanSession(table string, from scanner) (row signin.Row, err error) {
	var key, agent, browser, current, next, previous, subject, named, seal []byte
	var started, rotated, seen, ended, steppedUp, proven sql.NullInt64
	err = from.Scan(&key, &row.ID, &row.Account, &row.Organisation, &row.Factor, &agent, &browser, &started,
		&row.Version, &current, &next, &previous, &row.Seed, &rotated, &seen, &row.Hint, &row.Why, &ended, &steppedUp,
		&subject, &named, &row.Bound, &proven, &seal)
	for into, hash := range map[*signin.Digest][]byte{
		&row.Key: key, &row.Agent: agent, &row.Browser: browser, &row.Current: current, &row.Next: next, &row.Previous: previous,
		&row.Subject: subject, &row.Named: named,
	} {
		copy(into[:], hash)
	}
	row.Started, row.Rotated, row.Seen, row.Ended = fromMicro(started), fromMicro(rotated), fromMicro(seen), fromMicro(ended)
	row.SteppedUp, row.Proven = fromMicro(steppedUp), fromMicro(proven)
	return row, db.seals.admit(err, seal, sessionRow(table, row), func() string { return string(row.ID) })
}

// Swap implements signin.Sessions.
func (s *Sessions) Swap(ctx context.Context, row signin.Row) (bool, error) {
	defer s.forget(row.Key)
	swapped, err := s.db.swap(ctx, s.table, s.db.write, row)
	return swapped, s.db.engine.classify(err)
}

// executor is a database, or a transaction in it.
type executor interface {
	querier
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// swap replaces the version of a session that was read.
func (db *DB) swap(ctx context.Context, table string, in executor, row signin.Row) (bool, error) {
	update := `
		update ` + table + ` set version = version + 1, current = $1, next = $2, previous = $3, seed = $4,
			rotated_us = $5, seen_us = $6, hint = $7, why = $8, ended_us = $9, stepped_up_us = $10, bound = $11, proven_us = $12, seal = $13
		where key = $14 and version = $15`
	after, err := db.scanSession(table, in.QueryRowContext(ctx, `select `+sessionColumns+` from `+table+` where key = $1 and version = $2`, row.Key[:], row.Version))
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	after.Version++
	after.Current, after.Next, after.Previous, after.Seed = row.Current, row.Next, row.Previous, row.Seed
	after.Rotated, after.Seen, after.Hint, after.Why, after.Ended, after.SteppedUp = row.Rotated, row.Seen, row.Hint, row.Why, row.Ended, row.SteppedUp
	after.Bound, after.Proven = row.Bound, row.Proven
	result, err := in.ExecContext(ctx, update, row.Current[:], row.Next[:], row.Previous[:], row.Seed,
		row.Rotated.UnixMicro(), row.Seen.UnixMicro(), row.Hint, string(row.Why), micro(row.Ended), micro(row.SteppedUp), row.Bound, micro(row.Proven),
		db.seals.seal(sessionRow(table, after)), row.Key[:], row.Version)
	if err != nil {
		return false, err
	}
	swapped, err := result.RowsAffected()
	return swapped == 1, err
}

// End implements signin.Sessions.
func (s *Sessions) End(ctx context.Context, whose signin.Whose, why signin.Why, at time.Time) (ended []signin.Row, err error) {
	meant, args := "", []any{}
	add := func(condition string, value any) {
		args = append(args, value)
		if meant != "" {
			meant += " and "
		}
		meant += condition + " $" + strconv.Itoa(len(args))
	}
	if whose.Account != "" {
		add("account =", string(whose.Account))
	}
	if whose.Subject != (signin.Digest{}) {
		add("subject =", whose.Subject[:])
	}
	if whose.Named != nil {
		add("provider_session =", whose.Named[:])
	}
	if meant == "" || whose == (signin.Whose{Named: whose.Named, Until: whose.Until}) && *whose.Named == (signin.Digest{}) {
		return nil, errors.New("nobody is said whose sessions are to end")
	}
	if !whose.Until.IsZero() {
		add("started_us <=", whose.Until.UnixMicro())
	}
	defer s.forgetAll()
	for range endTries {
		var missed bool
		err = s.db.within(ctx, func(tx *sql.Tx) (err error) {
			if ended, err = s.db.sessions(ctx, s.table, tx, `why = '' and `+meant, args...); err != nil {
				return err
			}
			for i := range ended {
				row := &ended[i]
				row.Why, row.Ended, row.Hint = why, at, ""
				swapped, err := s.db.swap(ctx, s.table, tx, *row)
				if err != nil {
					return err
				}
				if missed = !swapped; missed {
					return errMoved
				}
				row.Version++
			}
			return nil
		})
		if !missed {
			return ended, err
		}
	}
	return nil, &fault.Error{Kind: fault.Unavailable, Err: errMoved}
}

// endTries is how often End begins anew because a session that it ends was used meanwhile.
const endTries = 20

var errMoved = errors.New("a session was used while it was to end")

// sessions returns the sessions that meet a condition, without those that no node wrote.
func (db *DB) sessions(ctx context.Context, table string, q querier, condition string, args ...any) ([]signin.Row, error) {
	scan := func(row scanner) (signin.Row, error) { return db.scanSession(table, row) }
	return collect(ctx, q, scan, `select `+sessionColumns+` from `+table+` where `+condition, args...)
}

// Sweep implements signin.Sessions.
func (s *Sessions) Sweep(ctx context.Context, marks, sessions time.Time) error {
	defer s.forgetAll()
	return s.db.within(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `delete from once where until_us < $1`, marks.UnixMicro()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `delete from `+s.table+` where started_us < $1`, sessions.UnixMicro())
		return err
	})
}
