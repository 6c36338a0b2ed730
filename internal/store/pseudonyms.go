package store

import (
	"context"
	"database/sql"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/store/epochs"
)

// Conceal has people concealed in every entry that is written from now on, and read where
// they were concealed before. It refuses pseudonyms with other keys than those that this
// ledger was written under, and none at all where there was one. It is called before
// anything is written or read.
func (db *DB) Conceal(ctx context.Context, pseudonyms ledger.Pseudonyms) error {
	missing, err := epochs.Admit(ctx, db.read, pseudonyms, ledger.MonthOf(time.Now()))
	if err != nil {
		return db.engine.classify(err)
	}
	// What is missing is of the very epochs that admitted the key: those that another node adds
	// meanwhile are met by Mark.
	if len(missing) > 0 {
		if err := db.within(ctx, func(tx *sql.Tx) error { return epochs.Mark(ctx, tx, pseudonyms, missing) }); err != nil {
			return err
		}
	}
	db.pseudonyms = pseudonyms
	return nil
}

// Admits says what is wrong with pseudonyms for this ledger, and has entries read by them. It
// changes nothing that is kept.
func (db *DB) Admits(ctx context.Context, pseudonyms ledger.Pseudonyms) error {
	_, err := epochs.Admit(ctx, db.read, pseudonyms, ledger.MonthOf(time.Now()))
	if err == nil {
		db.pseudonyms = pseudonyms
	}
	return db.engine.classify(err)
}

// Holds says whether a key of pseudonyms, of which a mark tells it from others, is not the one
// that this ledger was begun under, and changes nothing.
func (db *DB) Holds(ctx context.Context, mark [16]byte) error {
	_, err := epochs.AdmitKey(ctx, db.read, mark)
	return err
}

// Hold is Holds, and keeps the mark where there was none.
func (db *DB) Hold(ctx context.Context, mark [16]byte) error {
	unknown, err := epochs.AdmitKey(ctx, db.read, mark)
	if err == nil && unknown {
		err = db.within(ctx, func(tx *sql.Tx) error { return epochs.MarkKey(ctx, tx, mark) })
	}
	return err
}
