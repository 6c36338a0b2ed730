package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"poterne/internal/breakglass"
	"poterne/internal/seal"
)

// BreakGlass is the state of the break-glass access.
type BreakGlass struct{ db *DB }

// NewBreakGlass returns it in a database.
func NewBreakGlass(db *DB) BreakGlass { return BreakGlass{db} }

// BreakGlass returns the state as it is now.
func (b BreakGlass) BreakGlass(ctx context.Context) (breakglass.State, error) {
	state, err := b.db.breakGlass(ctx, b.db.read)
	return state, doing("reading the break-glass access", b.db.engine.classify(err))
}

// breakGlass reads the row; the zero state while there is none. One that no node wrote is an
// error: what it hides may be that the access is locked.
func (db *DB) breakGlass(ctx context.Context, from querier) (state breakglass.State, err error) {
	var sealed, token, sealing []byte
	var until sql.NullInt64
	err = from.QueryRowContext(ctx, `select sealed, wrong, session, token, until_us, seal from break_glass`).
		Scan(&sealed, &state.Wrong, &state.Session, &token, &until, &sealing)
	if errors.Is(err, sql.ErrNoRows) {
		return breakglass.State{}, nil
	}
	copy(state.Sealed[:], sealed)
	copy(state.Token[:], token)
	state.Until = fromMicro(until)
	if err == nil && !db.seals.holds(sealing, breakGlassRow(state), func() string { return "one" }) {
		err = fmt.Errorf("the break-glass access: %w", seal.ErrBroken)
	}
	return state, err
}

func breakGlassRow(s breakglass.State) *seal.Row {
	return seal.NewRow("break_glass").Bytes(s.Sealed[:]).Int(int64(s.Wrong)).Text(string(s.Session)).Bytes(s.Token[:]).Time(s.Until)
}

// breakGlassRows is that state, in a turn.
type breakGlassRows struct{ *turn }

// BreakGlass implements breakglass.Rows.
func (r breakGlassRows) BreakGlass() (breakglass.State, error) {
	state, err := r.db.breakGlass(r.ctx, r.tx)
	return state, doing("reading the break-glass access", err)
}

// PutBreakGlass implements breakglass.Rows.
func (r breakGlassRows) PutBreakGlass(s breakglass.State) error {
	const put = `insert into break_glass (one, sealed, wrong, session, token, until_us, seal) values (1, $1, $2, $3, $4, $5, $6)
		on conflict (one) do update set sealed = excluded.sealed, wrong = excluded.wrong, session = excluded.session, token = excluded.token,
			until_us = excluded.until_us, seal = excluded.seal`
	_, err := r.exec(put, s.Sealed[:], s.Wrong, string(s.Session), s.Token[:], micro(s.Until), r.db.seals.seal(breakGlassRow(s)))
	return doing("writing the break-glass access", err)
}
