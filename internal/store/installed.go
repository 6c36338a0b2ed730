package store

import (
	"context"
	"fmt"
	"time"

	"poterne/internal/fault"
	"poterne/internal/installed"
	"poterne/internal/ledger"
	"poterne/internal/roster"
	"poterne/internal/seal"
	"poterne/internal/store/settings"
)

// Installed is by which configuration nodes go, and what waits to be it.
type Installed struct{ db *DB }

// NewInstalled returns it in a database.
func NewInstalled(db *DB) Installed { return Installed{db} }

// Installed implements the rows of installed.Changes.
func (i Installed) Installed(ctx context.Context) (installed.Change, error) {
	h, err := scanHead(i.db.read.QueryRowContext(ctx, headColumns))
	if err == nil {
		err = h.check(i.db.seals.keys.Load())
	}
	if err != nil {
		return installed.Change{}, doing("reading the ledger's head", i.db.engine.classify(err))
	}
	return i.db.installed(ctx, i.db.read, h.installed)
}

// Said is the change that the database says nodes go by, also where no seal can be checked: to be said to
// whoever uses a command, and gone by nowhere.
func (i Installed) Said(ctx context.Context) (installed.Change, error) {
	h, err := scanHead(i.db.read.QueryRowContext(ctx, headColumns))
	if err != nil {
		return installed.Change{}, doing("reading the ledger's head", i.db.engine.classify(err))
	}
	return i.db.installed(ctx, i.db.read, h.installed)
}

// Changes implements the rows of installed.Changes.
func (i Installed) Changes(ctx context.Context, since time.Time) ([]installed.Change, error) {
	return i.db.configurations(ctx, i.db.read, `found_us >= $1`, since.UnixMicro())
}

// installed reads the change that nodes go by, which the head names under its seal: an older one
// that is put back, or a row that is gone, is an error, and never taken for a ledger that has none.
func (db *DB) installed(ctx context.Context, from querier, number ledger.Number) (installed.Change, error) {
	if number == 0 {
		return installed.Change{}, nil
	}
	list, err := db.configurations(ctx, from, `number = $1`, int64(number))
	return first(list, err, fmt.Errorf("%w: the configuration of entry %d is gone, by which nodes are to go", seal.ErrBroken, number))
}

func (db *DB) configurations(ctx context.Context, from querier, where string, args ...any) ([]installed.Change, error) {
	list, err := settings.Read(ctx, from, db.seals.holds, where, args...)
	return list, doing("reading configurations", db.engine.classify(err))
}

// installedRows is by which configuration nodes go, in a turn.
type installedRows struct{ *turn }

// Signers implements installed.Rows.
func (r installedRows) Signers() (list []roster.Account, err error) {
	rights, err := r.db.rights(r.ctx, r.tx, `a.role in ($1, $2) and a.closed_us is null`, string(roster.Security), string(roster.Privacy))
	for _, one := range rights {
		list = append(list, one.Account)
	}
	return list, doing("reading who signs for a configuration", err)
}

// Installed implements installed.Rows.
func (r installedRows) Installed() (installed.Change, error) {
	return r.db.installed(r.ctx, r.tx, r.turn.installed)
}

// Change implements installed.Rows.
func (r installedRows) Change(number ledger.Number) (installed.Change, error) {
	list, err := r.db.configurations(r.ctx, r.tx, `number = $1`, int64(number))
	return first(list, err, fault.Errorf(fault.Absent, "no configuration was found under %d", number))
}

// Changes implements installed.Rows.
func (r installedRows) Changes(since time.Time) ([]installed.Change, error) {
	return r.db.configurations(r.ctx, r.tx, `found_us >= $1`, since.UnixMicro())
}

// PutChange implements installed.Rows.
func (r installedRows) PutChange(c installed.Change) error {
	return doing("writing a configuration", settings.Put(r.exec, r.db.seals.seal, c))
}

// Install implements installed.Rows. The head's seal, which the entry of this turn brings, is over it.
func (r installedRows) Install(number ledger.Number) error {
	r.turn.installed = number
	_, err := r.exec(`update head set installed = $1`, int64(number))
	return doing("writing by which configuration nodes go", err)
}
