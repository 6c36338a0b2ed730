package store

import (
	"context"
	"database/sql"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/archive"
	"poterne/internal/incident"
	"poterne/internal/ledger"
	"poterne/internal/roster"
	"poterne/internal/store/calendar"
)

// names are the accounts of people that were closed and say whose they were.
var names = holding{
	"account a", accountColumns, `closed_us`, `closed_us is not null and erased_us is null and role not in ('programme', 'messages')`,
	[]string{"id"},
	func(key string) []any { return []any{key} },
	func(db *DB, rows *sql.Rows) (archive.Item, any, error) {
		var a roster.Account
		var at accountTimes
		var seal []byte
		err := rows.Scan(accountPlaces(&a, &at, &seal)...)
		if at.set(&a); err == nil && !db.accountHolds(a, seal) {
			err = sql.ErrNoRows
		}
		return archive.Item{Key: string(a.ID), Ended: a.Closed}, nil, err
	},
}

// needed is whose accounts must be known still, although they were closed.
type needed struct {
	since   time.Time                 // of every account that was open at this time: the ledger says what it did
	accused map[roster.AccountID]bool // by the file of an incident that is open
}

func namesNeeded(ctx context.Context, db querier) (n needed, err error) {
	months, err := calendar.Periods(ctx, db)
	if err != nil {
		return n, err
	}
	for _, p := range months {
		if !p.Dropped {
			n.since = p.Begins()
			break
		}
	}
	lines, err := incidentLines(ctx, db, incidentColumns+` order by number`)
	if err != nil {
		return n, err
	}
	files, err := incident.Fold(lines)
	n.accused = make(map[roster.AccountID]bool)
	for _, f := range files {
		if !f.Closed.IsZero() {
			continue
		}
		for _, scope := range append(f.Also, f.Scope) {
			for _, id := range scope.Accounts {
				n.accused[id] = true
			}
		}
	}
	return n, err
}

// keeps reports whether an account that was closed at a time must be known still.
func (n needed) keeps(id roster.AccountID, closed time.Time) bool {
	return !closed.Before(n.since) || n.accused[id]
}

// Unname implements archive.Rows.
func (r archiveRows) Unname(items []archive.Item, at time.Time) (map[roster.AccountID]ledger.Digest, error) {
	need, err := namesNeeded(r.ctx, r.tx)
	if err != nil {
		return nil, doing("reading whose accounts must be known", err)
	}
	digests := make(map[roster.AccountID]ledger.Digest, len(items))
	as := rosterRows(r)
	for _, item := range items {
		found, err := as.accounts(`a.id = $1 and `+names.where+` and closed_us <= $2`, item.Key, item.Ended.UnixMicro())
		if err != nil {
			return nil, err
		}
		if len(found) == 0 || need.keeps(found[0].Account.ID, found[0].Account.Closed) {
			continue
		}
		of := found[0]
		of.Account = of.Account.Nameless(at)
		if err := as.unname(of); err != nil {
			return nil, err
		}
		digests[of.Account.ID] = of.Digest()
	}
	return digests, nil
}

// unname stores an account that has no name any more; nor have its passkeys. The proposals by which
// it came to be, and was bound anew, say whose it was, and go.
func (r rosterRows) unname(of accounts.Rights) error {
	if err := r.PutAccount(of.Account); err != nil {
		return err
	}
	if _, err := r.exec(`delete from proposal where account = $1 or recovers = $1`, string(of.Account.ID)); err != nil {
		return doing("removing the proposals of an account", err)
	}
	keys, err := r.db.passkeys(r.ctx, r.tx, `account = $1`, string(of.Account.ID))
	if err != nil {
		return doing("reading passkeys", err)
	}
	for _, k := range keys {
		k.Name = ""
		if err := r.PutPasskey(k); err != nil {
			return err
		}
	}
	return nil
}
