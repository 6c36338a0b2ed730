package store

import (
	"context"
	"iter"

	"poterne/internal/ledger"
	"poterne/internal/store/recent"
)

// Remembered is how many bytes the newest entries take at most when nothing else is said.
const Remembered = 64 << 20

// Newest implements journal.DB and index.Ledger.
func (l Ledger) Newest(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error] {
	return recent.Remembering(&l.db.newest, from, func(r recent.Run) []ledger.Entry { return r.Entries },
		func(e *ledger.Entry) ledger.Number { return e.Number },
		func(from ledger.Number) iter.Seq2[ledger.Entry, error] { return l.Entries(ctx, from) })
}

// NewestSealed implements ledger.Storage. A row that no node wrote is an error, which is
// seal.ErrBroken.
func (l Ledger) NewestSealed(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Sealed, error] {
	return recent.Remembering(&l.db.newest, from, func(r recent.Run) []ledger.Sealed { return r.Sealed },
		func(e *ledger.Sealed) ledger.Number { return e.Number },
		func(from ledger.Number) iter.Seq2[ledger.Sealed, error] { return l.checked(ctx, from) })
}

// Remember bounds the bytes that the newest entries take.
func (db *DB) Remember(most int64) { db.newest.Remember(most) }

// RememberedBytes is what the newest entries take now.
func (db *DB) RememberedBytes() int64 { return db.newest.Bytes() }
