package store

import (
	"context"
	"database/sql"

	"poterne/internal/fault"
	"poterne/internal/roster"
	"poterne/internal/seal"
)

const passkeyColumns = `select id, account, name, public_key, transports, syncable, synced, counter, enrolled_us, used_us, ended_us, seal from passkey`

func passkeyRow(k roster.Passkey) *seal.Row {
	return seal.NewRow("passkey").Bytes(k.ID).Text(string(k.Account)).Text(k.Name).Bytes(k.Key).Text(k.Transports).Int(flag(k.Syncable)).Int(flag(k.Synced)).
		Int(int64(k.Counter)).Time(k.Enrolled).Time(k.Used).Time(k.Ended)
}

// passkeys reads those that meet a condition, the oldest first, without those that no node
// wrote.
func (db *DB) passkeys(ctx context.Context, q querier, condition string, args ...any) ([]roster.Passkey, error) {
	return collect(ctx, q, db.scanPasskey, passkeyColumns+` where `+condition+` order by enrolled_us, id`, args...)
}

// scanPasskey reads a passkey; sql.ErrNoRows when no node wrote it.
func (db *DB) scanPasskey(row scanner) (k roster.Passkey, err error) {
	var syncable, synced int64
	var enrolled, used, ended sql.NullInt64
	var seal []byte
	err = row.Scan(&k.ID, &k.Account, &k.Name, &k.Key, &k.Transports, &syncable, &synced, &k.Counter, &enrolled, &used, &ended, &seal)
	k.Syncable, k.Synced = syncable == 1, synced == 1
	k.Enrolled, k.Used, k.Ended = fromMicro(enrolled), fromMicro(used), fromMicro(ended)
	return k, db.seals.admit(err, seal, passkeyRow(k), func() string { return string(k.Account) + " " + k.Print() })
}

const passkeysServing = `account = $1 and account <> '' and ended_us is null`

// Passkeys returns the passkeys of an account that serve, the oldest first.
func (r Roster) Passkeys(ctx context.Context, of roster.AccountID) ([]roster.Passkey, error) {
	list, err := r.db.passkeys(ctx, r.db.read, passkeysServing, string(of))
	return list, doing("reading passkeys", r.db.engine.classify(err))
}

// Passkeys implements accounts.PasskeyRows.
func (r rosterRows) Passkeys(of roster.AccountID) ([]roster.Passkey, error) {
	list, err := r.db.passkeys(r.ctx, r.tx, passkeysServing, string(of))
	return list, doing("reading passkeys", err)
}

// Passkey implements accounts.PasskeyRows.
func (r rosterRows) Passkey(id []byte) (roster.Passkey, error) {
	list, err := r.db.passkeys(r.ctx, r.tx, `id = $1`, id)
	return first(list, doing("reading a passkey", err), fault.Errorf(fault.Absent, "no such passkey"))
}

// PutPasskey implements accounts.PasskeyRows.
func (r rosterRows) PutPasskey(k roster.Passkey) error {
	const query = `
		insert into passkey (id, account, name, public_key, transports, syncable, synced, counter, enrolled_us, used_us, ended_us, seal)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		on conflict (id) do update set account = excluded.account, name = excluded.name, synced = excluded.synced, counter = excluded.counter,
			enrolled_us = excluded.enrolled_us, used_us = excluded.used_us, ended_us = excluded.ended_us, seal = excluded.seal`
	_, err := r.exec(query, k.ID, string(k.Account), k.Name, k.Key, k.Transports, flag(k.Syncable), flag(k.Synced), int64(k.Counter),
		k.Enrolled.UnixMicro(), micro(k.Used), micro(k.Ended), r.db.seals.seal(passkeyRow(k)))
	return doing("storing a passkey", err)
}
