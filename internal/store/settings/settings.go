// Package settings keeps the configurations that nodes found in their files, those that wait for two
// people and those that nodes went by, where each change takes two.
package settings

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"poterne/internal/installed"
	"poterne/internal/seal"
)

const columns = `number, node, text, digest, by_two, base, found_us, signed_by, because, signed_us, approved_by, allowed_us, dropped_us, seal`

// querier reads; *sql.DB and *sql.Tx do.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Read reads configurations, oldest first. One that holds does not take for a node's is an error, which is
// seal.ErrBroken; those before it are returned.
func Read(ctx context.Context, from querier, holds func(of []byte, row *seal.Row, key func() string) bool, where string, args ...any) (list []installed.Change, err error) {
	rows, err := from.QueryContext(ctx, `select `+columns+` from configuration where `+where+` order by number`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var c installed.Change
		var byTwo, found int64
		var signed, allowed, dropped sql.NullInt64
		var digest, sealed []byte
		if err := rows.Scan(&c.Number, &c.Node, &c.Text, &digest, &byTwo, &c.Base, &found, &c.By, &c.Because, &signed, &c.Second, &allowed, &dropped, &sealed); err != nil {
			return nil, err
		}
		copy(c.Digest[:], digest)
		c.ByTwo, c.Found = byTwo != 0, time.UnixMicro(found).UTC()
		for to, us := range map[*time.Time]sql.NullInt64{&c.Signed: signed, &c.Allowed: allowed, &c.Dropped: dropped} {
			if us.Valid {
				*to = time.UnixMicro(us.Int64).UTC()
			}
		}
		if !holds(sealed, row(c), func() string { return fmt.Sprint(c.Number) }) {
			return list, fmt.Errorf("the configuration of entry %d: %w", c.Number, seal.ErrBroken)
		}
		list = append(list, c)
	}
	return list, rows.Err()
}

// row is what the seal covers.
func row(c installed.Change) *seal.Row {
	return seal.NewRow("configuration").Int(int64(c.Number)).Text(c.Node).Text(c.Text).Bytes(c.Digest[:]).Int(truth(c.ByTwo)).Int(int64(c.Base)).Time(c.Found).
		Text(string(c.By)).Text(c.Because).Time(c.Signed).Text(string(c.Second)).Time(c.Allowed).Time(c.Dropped)
}

func truth(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// Put adds a configuration, or changes who signed for it, and when it was allowed or dropped.
func Put(exec func(query string, args ...any) (sql.Result, error), seals func(*seal.Row) []byte, c installed.Change) error {
	const put = `insert into configuration (` + columns + `) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		on conflict (number) do update set signed_by = excluded.signed_by, because = excluded.because, signed_us = excluded.signed_us,
			approved_by = excluded.approved_by, allowed_us = excluded.allowed_us, dropped_us = excluded.dropped_us, seal = excluded.seal`
	micro := func(t time.Time) sql.NullInt64 { return sql.NullInt64{Int64: t.UnixMicro(), Valid: !t.IsZero()} }
	_, err := exec(put, int64(c.Number), c.Node, c.Text, c.Digest[:], truth(c.ByTwo), int64(c.Base), c.Found.UnixMicro(), string(c.By), c.Because, micro(c.Signed),
		string(c.Second), micro(c.Allowed), micro(c.Dropped), seals(row(c)))
	return err
}
