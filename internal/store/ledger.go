package store

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sort"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"poterne/internal/ledger"
	"poterne/internal/seal"
	"poterne/internal/store/calendar"
)

// Ledger is the entries, and the tree that is published over them. It implements
// journal.DB, ledger.Storage, index.Ledger and witness.Catalogue.
type Ledger struct{ db *DB }

// NewLedger returns the ledger in a database.
func NewLedger(db *DB) Ledger { return Ledger{db} }

// Sealed implements ledger.Storage. Rows are read as they are: the tree tells which of
// their entries were changed.
func (l Ledger) Sealed(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Sealed, error] {
	return entriesOf(l.turns(ctx, from, &chain{db: l.db}), from)
}

// checked is Sealed where a row that no node wrote is an error, which is seal.ErrBroken.
func (l Ledger) checked(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Sealed, error] {
	return entriesOf(l.turns(ctx, from, l.db.chainFrom(from)), from)
}

// entriesOf yields the entries of rows, from a number on.
func entriesOf(turns iter.Seq2[ledger.Turn, error], from ledger.Number) iter.Seq2[ledger.Sealed, error] {
	return func(yield func(ledger.Sealed, error) bool) {
		for turn, err := range turns {
			if err != nil {
				yield(ledger.Sealed{}, err)
				return
			}
			for entry := range turn.Entries() {
				if entry.Number >= from && !yield(entry, nil) {
					return
				}
			}
		}
	}
}

// turns reads the rows from the one with an entry on. It reads in portions that grow:
// PostgreSQL sends whatever was asked for, also to a caller that needs the first few only.
// A portion is whole before its first row is handed on: whoever takes them may ask the
// database for something else, or wait for somebody far away, and no connection is held
// meanwhile.
func (l Ledger) turns(ctx context.Context, from ledger.Number, rows *chain) iter.Seq2[ledger.Turn, error] {
	return func(yield func(ledger.Turn, error) bool) {
		for portion := firstPortion; ; portion = min(4*portion, largestPortion) {
			read := make([]storedTurn, 0, portion)
			first, last, end := l.db.periods.Holding(from)
			for row, err := range l.db.portionOfTurns(ctx, l.db.read, from, end, first, last, portion) {
				if err != nil {
					yield(ledger.Turn{}, err)
					return
				}
				read = append(read, row)
			}
			for _, row := range read {
				if err := rows.follows(ctx, row); err != nil {
					yield(ledger.Turn{}, l.db.engine.classify(err))
					return
				}
				if !yield(row.Turn, nil) {
					return
				}
				from = max(from, row.End())
			}
			switch {
			case len(read) == portion:
			case end == calendar.NoEnd:
				return
			default: // the next month's lie elsewhere
				from = end
			}
		}
	}
}

// How many rows are read at once: a row has from one to some 256 entries, and at most 32
// KiB.
const (
	firstPortion   = 32
	largestPortion = 1 << 8
)

// Entries implements journal.DB.
func (l Ledger) Entries(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error] {
	return l.db.pseudonyms.Entries(l.checked(ctx, from))
}

// storedTurn is a row of entries, and what chains it to the one before.
type storedTurn struct {
	ledger.Turn
	previous, seal []byte
}

// portionOfTurns reads the rows, up to a portion of them, that begin before end and lie in
// some months: from the row with the entry from on, or at the latest the one after it. It
// holds them against nothing.
func (db *DB) portionOfTurns(ctx context.Context, q querier, from, end ledger.Number, first, last ledger.Month, portion int) iter.Seq2[storedTurn, error] {
	return func(yield func(storedTurn, error) bool) {
		months := db.engine.OfMonths(first, last)
		query := `
			select first, count, body, previous, seal from turn
			where first >= coalesce((select first from turn where first <= $1 and ` + months + ` order by first desc limit 1), $1)
				and first + count > $1 and first < $2 and ` + months + ` order by first limit $3`
		rows, err := q.QueryContext(ctx, query, int64(from), int64(end), portion)
		if err != nil {
			yield(storedTurn{}, db.engine.classify(err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			var row storedTurn
			err := rows.Scan(&row.First, &row.Count, &row.Body, &row.previous, &row.seal)
			if !yield(row, db.engine.classify(err)) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(storedTurn{}, db.engine.classify(err))
		}
	}
}

// FirstAt implements journal.DB. Entries never go back in time, so it halves. It needs
// to know nobody.
func (l Ledger) FirstAt(ctx context.Context, at time.Time) (ledger.Number, error) {
	first, next, err := l.db.ends(ctx)
	if err != nil {
		return 0, err
	}
	var failed error
	found := sort.Search(int(next-first), func(i int) bool {
		body, err := l.body(ctx, first+ledger.Number(i))
		var entry ledger.Entry
		if err == nil {
			entry, err = ledger.Decode(body)
		}
		if err != nil {
			failed = err
		}
		return err != nil || !entry.Time.Before(at)
	})
	return first + ledger.Number(found), failed
}

// Entry implements journal.DB.
func (l Ledger) Entry(ctx context.Context, number ledger.Number) (ledger.Entry, error) {
	body, err := l.body(ctx, number)
	if err != nil {
		return ledger.Entry{}, err
	}
	return l.db.pseudonyms.Reveal(body)
}

func (l Ledger) body(ctx context.Context, number ledger.Number) ([]byte, error) {
	var turn *sql.Row
	if first, last, _ := l.db.periods.Holding(number); l.db.engine.Apart() {
		turn = l.db.read.QueryRowContext(ctx, turnOf+l.db.engine.OfMonths(first, last)+newestTurn, int64(number))
	} else {
		turn = l.db.statements.turn.QueryRowContext(ctx, int64(number))
	}
	entry, err := l.db.sealed(ctx, number, turn)
	if err != nil {
		return nil, fmt.Errorf("reading entry %d: %w", number, l.db.engine.classify(err))
	}
	return entry.Body, nil
}

// turnOf and newestTurn ask for the turn of an entry, which lies in some months.
const turnOf, newestTurn = `select first, count, body, previous, seal from turn where first <= $1 and `, ` order by first desc limit 1`

// sealed reads one entry out of its turn.
func (db *DB) sealed(ctx context.Context, number ledger.Number, turn *sql.Row) (ledger.Sealed, error) {
	var row storedTurn
	if err := turn.Scan(&row.First, &row.Count, &row.Body, &row.previous, &row.seal); err != nil {
		return ledger.Sealed{}, err
	}
	if err := db.chainFrom(row.First).follows(ctx, row); err != nil {
		return ledger.Sealed{}, err
	}
	for entry := range row.Entries() {
		if entry.Number == number {
			return entry, nil
		}
	}
	return ledger.Sealed{}, sql.ErrNoRows
}

// First returns the number of the first entry that is still there; the next to be
// written when there is none.
func (l Ledger) First(ctx context.Context) (first ledger.Number, err error) {
	first, _, err = l.db.ends(ctx)
	return first, err
}

// ends returns the numbers of the first entry that is there and of the next to be written.
// All before the first MUST have been dropped; otherwise the error is seal.ErrBroken.
func (db *DB) ends(ctx context.Context) (first, next ledger.Number, err error) {
	const ends = `select coalesce((select min(first) from turn), next), next from head`
	if err := db.read.QueryRowContext(ctx, ends).Scan(&first, &next); err != nil {
		return 0, 0, db.engine.classify(err)
	}
	if first == 0 || db.seals.keys.Load() == nil {
		return first, next, nil
	}
	gone, err := db.dropped(ctx, 0, first)
	if err == nil && !gone {
		err = fmt.Errorf("%w: the entries before %d are missing, and no entry says that they were dropped", seal.ErrBroken, first)
	}
	return first, next, err
}

// Tile implements ledger.Storage.
func (l Ledger) Tile(ctx context.Context, tile tlog.Tile) ([]byte, error) {
	var hashes []byte
	err := l.db.read.QueryRowContext(ctx, `select hashes from tile where level = $1 and position = $2`, tile.L, tile.N).Scan(&hashes)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", tile.Path(), l.db.engine.classify(err))
	}
	return hashes, nil
}

// Checkpoint implements ledger.Storage.
func (l Ledger) Checkpoint(ctx context.Context) ([]byte, error) {
	var note []byte
	err := l.db.read.QueryRowContext(ctx, `select note from checkpoint order by size desc limit 1`).Scan(&note)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return note, l.db.engine.classify(err)
}

// Before implements witness.Catalogue.
func (l Ledger) Before(ctx context.Context, size int64) ([][]byte, error) {
	notes, err := collect(ctx, l.db.read, column[[]byte], `select note from checkpoint where size < $1 order by size desc limit 64`, size)
	return notes, l.db.engine.classify(err)
}

// Cosigned implements witness.Ledger.
func (l Ledger) Cosigned(ctx context.Context, size int64) ([][]byte, error) {
	lines, err := collect(ctx, l.db.read, column[[]byte], `select line from cosignature where size = $1 order by witness`, size)
	return lines, l.db.engine.classify(err)
}

// Cosign implements witness.Ledger.
func (l Ledger) Cosign(ctx context.Context, size int64, witness string, line []byte) error {
	const insert = `
		insert into cosignature (size, witness, line) values ($1, $2, $3)
		on conflict (size, witness) do nothing`
	if _, err := l.db.write.ExecContext(ctx, insert, size, witness, line); err != nil {
		return fmt.Errorf("storing a co-signature: %w", l.db.engine.classify(err))
	}
	return nil
}

// Checkpoints implements ledger.Storage.
func (l Ledger) Checkpoints(ctx context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for after := int64(-1); ; {
			notes, last, err := l.checkpointsAfter(ctx, after)
			if err != nil {
				yield(nil, l.db.engine.classify(err))
				return
			}
			for _, note := range notes {
				if !yield(note, nil) {
					return
				}
			}
			if len(notes) < checkpointPortion {
				return
			}
			after = last
		}
	}
}

// checkpointPortion is how many checkpoints are read at once.
const checkpointPortion = 1 << 10

// checkpointsAfter returns the next checkpoints over more entries than a size, and the size
// of the last.
func (l Ledger) checkpointsAfter(ctx context.Context, size int64) (notes [][]byte, last int64, err error) {
	notes, err = collect(ctx, l.db.read, func(row scanner) (note []byte, err error) {
		err = row.Scan(&last, &note)
		return note, err
	}, `select size, note from checkpoint where size > $1 order by size limit $2`, size, checkpointPortion)
	return notes, last, err
}

// Publish implements ledger.Storage. A tile that has grown takes its own place; one
// that another process has grown further stays. The last entry under the checkpoint
// must be the one that the tiles were made of: it may have been read from a server
// that was replaced meanwhile, and that showed what no standby has. Tiles are stored in one
// order by every node: in two orders, two nodes would each wait for the other.
func (l Ledger) Publish(ctx context.Context, tiles map[tlog.Tile][]byte, checkpoint ledger.Checkpoint) error {
	const insert = `
		insert into tile (level, position, hashes) values ($1, $2, $3)
		on conflict (level, position) do update set hashes = excluded.hashes
		where length(excluded.hashes) > length(tile.hashes)`
	return l.db.within(ctx, func(tx *sql.Tx) error {
		for _, tile := range slices.SortedFunc(maps.Keys(tiles), byPlace) {
			if _, err := tx.ExecContext(ctx, insert, tile.L, tile.N, tiles[tile]); err != nil {
				return fmt.Errorf("storing %s: %w", tile.Path(), err)
			}
		}
		if err := l.db.stillThere(ctx, tx, ledger.Number(checkpoint.Size-1), tiles); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `insert into checkpoint (size, note) values ($1, $2)`, checkpoint.Size, checkpoint.Note)
		return err
	})
}

func byPlace(a, b tlog.Tile) int { return cmp.Or(cmp.Compare(a.L, b.L), cmp.Compare(a.N, b.N)) }

// stillThere wants an entry to be the one whose leaf ends the tiles.
func (db *DB) stillThere(ctx context.Context, tx *sql.Tx, last ledger.Number, tiles map[tlog.Tile][]byte) error {
	entry, err := db.sealed(ctx, last, tx.QueryRowContext(ctx, turnOf+"true"+newestTurn, int64(last)))
	if err != nil {
		return fmt.Errorf("reading entry %d again: %w", last, err)
	}
	leaf := entry.Leaf()
	for tile, hashes := range tiles {
		if tile.L == 0 && tile.N == int64(last>>ledger.TileHeight) && bytes.HasSuffix(hashes, leaf[:]) {
			return nil
		}
	}
	return fmt.Errorf("entry %d is not the one that was read", last)
}

// Condensed implements tiles.Source.
func (l Ledger) Condensed(ctx context.Context, from, end ledger.Number) ([]ledger.Condensed, error) {
	const query = `select first, commitments from condensed where first >= $1 and first < $2 order by first`
	pieces, err := collect(ctx, l.db.read, func(row scanner) (piece ledger.Condensed, err error) {
		err = row.Scan(&piece.First, &piece.Commitments)
		return piece, err
	}, query, int64(from), int64(end))
	return pieces, l.db.engine.classify(err)
}
