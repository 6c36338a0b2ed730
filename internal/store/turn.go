package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"poterne/internal/accounts"
	"poterne/internal/approval"
	"poterne/internal/archive"
	"poterne/internal/audit"
	"poterne/internal/breakglass"
	"poterne/internal/containment"
	"poterne/internal/custody"
	"poterne/internal/glossary"
	"poterne/internal/grants"
	"poterne/internal/incident"
	"poterne/internal/incident/mailing"
	"poterne/internal/installed"
	"poterne/internal/intake"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/person"
	"poterne/internal/roster"
	"poterne/internal/seal"
	"poterne/internal/store/calendar"
	"poterne/internal/store/recent"
	"poterne/internal/store/stock"
)

// Turn implements journal.DB.
func (l Ledger) Turn(ctx context.Context, act func(journal.Head) error) error {
	tx, err := l.db.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("beginning a turn: %w", l.db.engine.classify(err))
	}
	t := &turn{ctx: ctx, db: l.db, tx: tx}
	if err = t.take(); err == nil {
		err = act(t)
	}
	if err == nil && len(t.changed)+len(t.found) > 0 {
		err = errors.New("rows were changed without an entry")
	}
	if err != nil || !t.dirty {
		if err != nil { // another server may answer by now
			l.db.newest.Forget()
		}
		if undone := l.db.rollback(tx); undone != nil { // what the connection still holds is not known
			return errors.Join(err, journal.ErrOutcomeUnknown, undone)
		}
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("%w: %w", journal.ErrOutcomeUnknown, err)
	}
	if l.db.engine.Doubtful() {
		return fmt.Errorf("%w: no standby has it", journal.ErrOutcomeUnknown)
	}
	if t.wrote.Sealed != nil {
		l.db.newest.Add(t.wrote)
	}
	return nil
}

// turn implements journal.Head inside one transaction.
type turn struct {
	ctx context.Context
	db  *DB
	tx  *sql.Tx
	head
	dirty bool
	wrote recent.Run

	changed []stock.Change                 // rows that have an inventory
	found   map[stock.Part]*seal.Inventory // what sets rows apart from theirs, to be added
}

func (t *turn) take() (err error) {
	if t.head, err = scanHead(t.tx.StmtContext(t.ctx, t.db.statements.head).QueryRowContext(t.ctx)); err == nil {
		err = t.head.check(t.db.seals.keys.Load())
	}
	if err == nil && t.next > 0 && !t.db.periods.Knows(ledger.MonthOf(t.last)) {
		err = t.db.periods.Look(t.ctx, t.tx)
	}
	return doing("taking the head", err)
}

func (t *turn) Next() ledger.Number { return t.next }
func (t *turn) Last() time.Time     { return t.last }
func (t *turn) Generation() uint64  { return t.generation }

func (t *turn) Entries(from ledger.Number) iter.Seq2[ledger.Entry, error] {
	first, _, _ := t.db.periods.Holding(from)
	rows := t.db.chainFrom(from)
	turns := t.db.portionOfTurns(t.ctx, t.tx, from, calendar.NoEnd, first, ledger.MonthOf(t.last), math.MaxInt)
	return func(yield func(ledger.Entry, error) bool) {
		for row, err := range turns {
			if err == nil {
				err = t.db.engine.classify(rows.follows(t.ctx, row))
			}
			if err != nil {
				yield(ledger.Entry{}, err)
				return
			}
			read := recent.Run{Sealed: make([]ledger.Sealed, 0, min(row.Count, ledger.TurnEntries))}
			for entry := range row.Entries() {
				read.Sealed = append(read.Sealed, entry)
			}
			if read.Entries, err = t.db.pseudonyms.Open(read.Sealed); err != nil {
				yield(ledger.Entry{}, err)
				return
			}
			t.db.newest.Add(read) // it is another node's, and committed: the head is held
			for _, entry := range read.Entries {
				if entry.Number >= from && !yield(entry, nil) {
					return
				}
			}
		}
		if err := rows.reaches(t.head); err != nil {
			yield(ledger.Entry{}, err)
		}
	}
}

// rows is what acts read and leave in a turn.
type rows struct {
	orderRows
	rosterRows
	proposalRows
	factRows
	aliasRows
	monthRows
	incidentRows
	questionRows
	codeRows
	withholdingRows
	permitRows
	contactRows
	mandateRows
	archiveRows
	breakGlassRows
	glossaryRows
	rightRows
	organisationRows
	installedRows
}

var _ interface {
	accounts.ProposalRows
	accounts.AdmitRows
	approval.Rows
	containment.LineageRows
	containment.ReopenRows
	containment.BypassRows
	custody.DropRows
	intake.WaitingRows
	intake.AliasRows
	audit.StockRows
	incident.Rows
	person.QuestionRows
	mailing.CodeRows
	person.WithholdingRows
	person.ContactRows
	person.MandateRows
	archive.Rows
	archive.ReadingRows
	grants.ArchiveRows
	grants.ApartRows
	grants.PermitRows
	breakglass.Rows
	glossary.Rows
	accounts.RightRows
	accounts.OrganisationRows
	installed.Rows
} = rows{}

func (t *turn) Rows() any {
	return rows{orderRows{t}, rosterRows{t}, proposalRows{t}, factRows{t}, aliasRows{t}, monthRows{t}, incidentRows{t}, questionRows{t}, codeRows{t}, withholdingRows{t}, permitRows{t}, contactRows{t}, mandateRows{t}, archiveRows{t}, breakGlassRows{t}, glossaryRows{t}, rightRows{t}, organisationRows{t}, installedRows{t}}
}

// exec changes rows in the turn's transaction.
func (t *turn) exec(query string, args ...any) (sql.Result, error) {
	t.dirty = true
	return t.tx.ExecContext(t.ctx, query, args...)
}

// asked counts the rows of a table of requests that an account asked for after a time.
func (t *turn) asked(table string, by roster.AccountID, since time.Time) (n int, err error) {
	err = t.tx.QueryRowContext(t.ctx, `select count(*) from `+table+` where asked_by = $1 and asked_us > $2`, string(by), since.UnixMicro()).Scan(&n)
	return n, doing("counting rows of "+table, err)
}

// upsert inserts rows, many in one statement, or does what again says with those that are
// there. No two rows may be in conflict with each other: see lastOfEach.
func upsert[T any](t *turn, insert, again string, rows []T, columns func(T) []any) error {
	const rowsAtOnce = 100
	for portion := range slices.Chunk(rows, rowsAtOnce) {
		var args []any
		for _, row := range portion {
			args = append(args, columns(row)...)
		}
		if _, err := t.exec(insert+places(len(portion), len(args)/len(portion))+again, args...); err != nil {
			return err
		}
	}
	return nil
}

// lastOfEach leaves out what a later row of the same list replaces: one statement cannot
// store the same row twice.
func lastOfEach[T any, K comparable](rows []T, key func(T) K) []T {
	last := make(map[K]int, len(rows))
	for i, row := range rows {
		last[key(row)] = i
	}
	if len(last) == len(rows) {
		return rows
	}
	kept := make([]T, 0, len(last))
	for i, row := range rows {
		if last[key(row)] == i {
			kept = append(kept, row)
		}
	}
	return kept
}

func (t *turn) Write(entries []ledger.Entry, at time.Time) error {
	rows, err := t.db.pseudonyms.Seal(entries)
	if err != nil {
		return err
	}
	t.wrote = recent.Run{Entries: entries, Sealed: rows}
	return t.write(rows, at)
}

func (t *turn) write(entries []ledger.Sealed, at time.Time) error {
	t.dirty = true
	next := max(t.next, entries[0].Number) // a number left out is found by whoever verifies
	for i, entry := range entries {
		if expected := next + ledger.Number(i); entry.Number != expected {
			return fmt.Errorf("entry %d is written where %d is next", entry.Number, expected)
		}
	}
	month, err := t.enter(ledger.MonthOf(at))
	if err != nil {
		return err
	}
	if err := t.takeStock(); err != nil {
		return err
	}
	turns := ledger.Turns(entries)
	previous, of := make([][]byte, len(turns)), make([][]byte, len(turns))
	for i, turn := range turns {
		previous[i] = t.tip
		t.tip = t.db.seals.seal(turnRow(turn, t.tip))
		of[i] = t.tip
	}
	t.next = entries[len(entries)-1].Number + 1
	t.last = at
	t.seal = t.db.seals.seal(t.head.row())
	if t.db.engine.Apart() {
		err = t.insertAtOnce(turns, previous, of, month)
	} else {
		err = t.insert(turns, previous, of)
	}
	return doing("writing entries", err)
}

// insertAtOnce inserts rows as three arrays, into the table of a month, and moves the head
// on in the same statement.
func (t *turn) insertAtOnce(turns []ledger.Turn, previous, seals [][]byte, month ledger.Month) error {
	firsts, counts, bodies := make([]int64, len(turns)), make([]int32, len(turns)), make([][]byte, len(turns))
	for i, turn := range turns {
		firsts[i], counts[i], bodies[i] = int64(turn.First), int32(turn.Count), turn.Body
	}
	done, err := t.tx.StmtContext(t.ctx, t.db.statements.turns).ExecContext(t.ctx,
		firsts, counts, pgtype.FlatArray[[]byte](bodies), pgtype.FlatArray[[]byte](previous), pgtype.FlatArray[[]byte](seals), month,
		int64(t.next), t.last.UnixMicro(), t.tip, t.seal)
	return changed(done, err, len(turns))
}

// insert inserts rows one by one, and moves the head on.
func (t *turn) insert(turns []ledger.Turn, previous, seals [][]byte) error {
	insert := t.tx.StmtContext(t.ctx, t.db.statements.turns)
	for i, turn := range turns {
		if err := oneRow(insert.ExecContext(t.ctx, int64(turn.First), turn.Count, turn.Body, previous[i], seals[i])); err != nil {
			return err
		}
	}
	_, err := t.tx.StmtContext(t.ctx, t.db.statements.move).ExecContext(t.ctx, int64(t.next), t.last.UnixMicro(), t.tip, t.seal)
	return err
}

func (t *turn) Orders() (order.Set, error) {
	orders, err := t.db.ordersInForce(t.ctx, t.tx)
	return orders, doing("reading orders", err)
}

// oneRow wants a statement to have changed one row.
func oneRow(done sql.Result, err error) error { return changed(done, err, 1) }

// changed wants a statement to have changed so many rows: the database's owner may have
// it leave some out.
func changed(done sql.Result, err error, rows int) error {
	if err != nil {
		return err
	}
	if count, err := done.RowsAffected(); err != nil || count != int64(rows) {
		return fmt.Errorf("%d rows were changed, not %d: %w", count, rows, err)
	}
	return nil
}

func (t *turn) Advance() error {
	t.generation++
	t.seal = t.db.seals.seal(t.head.row())
	_, err := t.exec(`update head set generation = $1, seal = $2`, int64(t.generation), t.seal)
	return doing("advancing the generation", err)
}

// doing says what an error met. It is left unsorted: an error in a turn is never
// the asker's, and spoils the turn.
func doing(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
