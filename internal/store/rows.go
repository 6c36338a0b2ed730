package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/seal"
)

// querier is a database, or a transaction in it.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// scanner is a row that is read.
type scanner interface{ Scan(...any) error }

// each reads rows one after another; scan returns sql.ErrNoRows of one without its seal, and goes on.
func each(ctx context.Context, from querier, scan func(scanner) error, query string, args ...any) error {
	rows, err := from.QueryContext(ctx, query, args...)
	return eachOf(rows, err, scan)
}

// eachOf does the same of rows that were asked for.
func eachOf(rows *sql.Rows, err error, scan func(scanner) error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
	}
	return rows.Err()
}

// collect lists what rows hold, without those of which scan returns sql.ErrNoRows. With another error
// come those before it.
func collect[T any](ctx context.Context, from querier, scan func(scanner) (T, error), query string, args ...any) (list []T, _ error) {
	err := each(ctx, from, func(row scanner) error {
		one, err := scan(row)
		if err == nil {
			list = append(list, one)
		}
		return err
	}, query, args...)
	return list, err
}

// column reads the one column of a row.
func column[T any](row scanner) (value T, err error) {
	err = row.Scan(&value)
	return value, err
}

// only is the one row of a number; fault.Absent when there is none.
func only[T any](list []T, err error, what string, number ledger.Number) (T, error) {
	return first(list, doing("reading a "+what, err), fault.Errorf(fault.Absent, "there is no %s under %d", what, number))
}

// first is the first of a list, which is absent when there is none.
func first[T any](list []T, err, absent error) (one T, _ error) {
	if err == nil && len(list) == 0 {
		err = absent
	}
	if err != nil {
		return one, err
	}
	return list[0], nil
}

// admit is sql.ErrNoRows of a row that was read and may not decide: see holds.
func (s *seals) admit(err error, of []byte, row *seal.Row, key func() string) error {
	if err == nil && !s.holds(of, row, key) {
		return sql.ErrNoRows
	}
	return err
}

// admitNumber does the same where a number is the key.
func (s *seals) admitNumber(err error, of []byte, row *seal.Row, number ledger.Number) error {
	return s.admit(err, of, row, func() string { return fmt.Sprint(number) })
}

// demand is seal.ErrBroken of a row that was read and may not decide, where nobody may go on as if
// there were none. An audit goes on, to tell of all that there are.
func (s *seals) demand(err error, of []byte, row *seal.Row, what string, number ledger.Number) error {
	if err = s.admitNumber(err, of, row, number); errors.Is(err, sql.ErrNoRows) && !s.audited {
		return fmt.Errorf("%s %d: %w", what, number, seal.ErrBroken)
	}
	return err
}
