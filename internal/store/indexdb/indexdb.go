// Package indexdb keeps the index of a ledger in a database.
package indexdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

	"poterne/internal/fault"
	"poterne/internal/ledger/index"
)

// DB keeps the index of a ledger. It is derived: whatever is in it can be
// dropped and made again, so it has tables of its own, apart from the ledger's and
// its migrations, and commits that need not be durable at once.
type DB struct {
	engine      dialect
	write, read *sql.DB

	pages, pagesWithMore, row, rowWithMore *sql.Stmt
}

// dialect is what differs between the two databases.
type dialect interface {
	// create makes the tables where there are none.
	create() string
	// alone keeps other processes from sealing until a transaction ends; empty when
	// its beginning does.
	alone() string
	// empty drops all rows.
	empty() string
	// size is the query for the bytes they take.
	size() string
	classify(error) error
}

const insertPage = `insert into page (side, page, piece, segment, body, more) values ($1, $2, $3, $4, $5, $6)`

// The rows of one page, and one row; with and without what few need.
const (
	selectPages         = `select segment, body, null from page where side = $1 and page = $2 and piece = 0 and segment >= $3 and segment < $4 order by segment`
	selectPagesWithMore = `select segment, body, more from page where side = $1 and page = $2 and piece = 0 and segment >= $3 and segment < $4 order by segment`
	selectRow           = `select body, null from page where side = $1 and page = $2 and piece = $3 and segment = $4`
	selectRowWithMore   = `select body, more from page where side = $1 and page = $2 and piece = $3 and segment = $4`
)

func (x *DB) ready(ctx context.Context) error {
	if _, err := x.write.ExecContext(ctx, x.engine.create()); err != nil {
		return fmt.Errorf("making its tables: %w", x.engine.classify(err))
	}
	for query, prepared := range map[string]**sql.Stmt{
		selectPages: &x.pages, selectPagesWithMore: &x.pagesWithMore, selectRow: &x.row, selectRowWithMore: &x.rowWithMore,
	} {
		var err error
		if *prepared, err = x.read.PrepareContext(ctx, query); err != nil {
			return fmt.Errorf("preparing to read: %w", x.engine.classify(err))
		}
	}
	return nil
}

// Close ends every connection, and the statements prepared on it.
func (x *DB) Close() error { return errors.Join(x.read.Close(), x.write.Close()) }

// Segments implements index.Segments.
func (x *DB) Segments(ctx context.Context) (segments [][]byte, err error) {
	rows, err := x.read.QueryContext(ctx, `select number, body from segment order by number`)
	if err != nil {
		return nil, x.engine.classify(err)
	}
	defer rows.Close()
	for rows.Next() {
		var number int
		var body []byte
		if err := rows.Scan(&number, &body); err != nil {
			return nil, x.engine.classify(err)
		}
		if number != len(segments) {
			return nil, fmt.Errorf("segment %d of the index is missing; run poterne ledger audit-index --rebuild", len(segments))
		}
		segments = append(segments, body)
	}
	return segments, x.engine.classify(rows.Err())
}

// Seal implements index.Segments.
func (x *DB) Seal(ctx context.Context, number int, write func(index.Sealing) ([]byte, error)) error {
	tx, err := x.write.BeginTx(ctx, nil)
	if err != nil {
		return x.engine.classify(err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if alone := x.engine.alone(); alone != "" {
		if _, err := tx.ExecContext(ctx, alone); err != nil {
			return fmt.Errorf("waiting for others who seal: %w", x.engine.classify(err))
		}
	}
	var next int
	if err := tx.QueryRowContext(ctx, `select coalesce(max(number) + 1, 0) from segment`).Scan(&next); err != nil {
		return x.engine.classify(err)
	}
	switch {
	case number < next:
		return nil
	case number > next:
		return fmt.Errorf("segment %d comes first", next)
	}
	s, err := newSealing(ctx, x, tx)
	if err != nil {
		return err
	}
	body, err := write(s)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `insert into segment (number, body) values ($1, $2)`, number, body); err != nil {
		return x.engine.classify(err)
	}
	if _, err := tx.ExecContext(ctx, `delete from page where side = 'open' and segment <= $1`, number); err != nil {
		return x.engine.classify(err)
	}
	return x.engine.classify(tx.Commit())
}

// Keep implements index.Segments.
func (x *DB) Keep(ctx context.Context, portion index.Row) error {
	const insert = insertPage + ` on conflict (side, page, piece, segment) do nothing`
	_, err := x.write.ExecContext(ctx, insert, string(portion.Side), portion.Page, portion.Piece, portion.Segment, portion.Body, portion.More)
	return x.engine.classify(err)
}

// sealing implements index.Sealing inside one transaction.
type sealing struct {
	engine        dialect
	people, write *sql.Stmt
}

func newSealing(ctx context.Context, x *DB, tx *sql.Tx) (*sealing, error) {
	people, err := tx.PrepareContext(ctx, selectPages)
	if err != nil {
		return nil, x.engine.classify(err)
	}
	write, err := tx.PrepareContext(ctx, insertPage)
	return &sealing{x.engine, people, write}, x.engine.classify(err)
}

// People implements index.Sealing.
func (s *sealing) People(ctx context.Context, page int) iter.Seq2[index.Row, error] {
	return pages(ctx, s.people, s.engine, index.People, page, 0, 1<<30)
}

// Put implements index.Sealing.
func (s *sealing) Put(ctx context.Context, row index.Row) error {
	_, err := s.write.ExecContext(ctx, string(row.Side), row.Page, row.Piece, row.Segment, row.Body, row.More)
	return s.engine.classify(err)
}

// Pages implements index.Segments.
func (x *DB) Pages(ctx context.Context, side index.Side, page, from, to int, more bool) iter.Seq2[index.Row, error] {
	query := x.pages
	if more {
		query = x.pagesWithMore
	}
	return pages(ctx, query, x.engine, side, page, from, to)
}

func pages(ctx context.Context, query *sql.Stmt, engine dialect, side index.Side, page, from, to int) iter.Seq2[index.Row, error] {
	return func(yield func(index.Row, error) bool) {
		rows, err := query.QueryContext(ctx, string(side), page, from, to)
		if err != nil {
			yield(index.Row{}, engine.classify(err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			row := index.Row{Key: index.Key{Side: side, Page: page}}
			err := rows.Scan(&row.Segment, &row.Body, &row.More)
			if !yield(row, engine.classify(err)) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(index.Row{}, engine.classify(err))
		}
	}
}

// Row implements index.Segments.
func (x *DB) Row(ctx context.Context, key index.Key, more bool) (index.Row, error) {
	query := x.row
	if more {
		query = x.rowWithMore
	}
	row := index.Row{Key: key}
	err := query.QueryRowContext(ctx, string(key.Side), key.Page, key.Piece, key.Segment).Scan(&row.Body, &row.More)
	if errors.Is(err, sql.ErrNoRows) {
		return row, &fault.Error{Kind: fault.Absent, Err: err}
	}
	return row, x.engine.classify(err)
}

// Rows implements index.Segments.
func (x *DB) Rows(ctx context.Context) (count int, err error) {
	err = x.read.QueryRowContext(ctx, `select count(*) from page where side <> 'open'`).Scan(&count)
	return count, x.engine.classify(err)
}

// Drop implements index.Segments.
func (x *DB) Drop(ctx context.Context) error {
	_, err := x.write.ExecContext(ctx, x.engine.empty())
	return x.engine.classify(err)
}

// Bytes returns how much room the index takes.
func (x *DB) Bytes(ctx context.Context) (bytes int64, err error) {
	err = x.read.QueryRowContext(ctx, x.engine.size()).Scan(&bytes)
	return bytes, x.engine.classify(err)
}
