package accounts

import (
	"strings"
	"time"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// PasskeyRows are passkeys and the accounts there are, in this turn.
type PasskeyRows interface {
	approval.Rows
	// Passkeys returns the passkeys of an account that have not ended.
	Passkeys(roster.AccountID) ([]roster.Passkey, error)
	// Passkey returns a passkey, also one that has ended; fault.Absent when there is none.
	Passkey(id []byte) (roster.Passkey, error)
	// PutPasskey replaces a passkey, or makes it.
	PutPasskey(roster.Passkey) error
}

// DigestPasskey is what the ledger has of a passkey's row: what never changes of it.
func DigestPasskey(k roster.Passkey) ledger.Digest {
	return ledger.DigestRows(func(row func(...any)) { row("passkey", k.ID, k.Account, k.Key, k.Syncable) })
}

var (
	// ManyPasskeys is the error of an account that has as many passkeys as it may have.
	ManyPasskeys = fault.Errorf(fault.Invalid, "an account has %d passkeys at most: remove one first", roster.MostPasskeys)
	// NoPasskey is the error of a passkey that is not the account's, or serves no more.
	NoPasskey = fault.Errorf(fault.Refused, "this passkey is not the account's, or serves no more")
	// Cloned is the error of a passkey whose counter went back: two authenticators have it.
	// It has been disabled.
	Cloned = fault.Errorf(fault.Refused, "this passkey is in two authenticators: it is disabled")
	// LastPasskey is the error of removing the only passkey of an account whose identity
	// provider proves no strong factor.
	LastPasskey = fault.Errorf(fault.Refused, "this is the only proof that the account has: enrol another passkey first")
)

// Enrol gives an account a passkey. Who may is for package signin to say: the holder only,
// who has just proved who they are.
type Enrol struct {
	Passkey roster.Passkey
	Entry   ledger.Entry // where it was done, and by which factor
}

// Decide implements journal.Act.
func (e *Enrol) Decide(tx *journal.Tx, rows PasskeyRows) (ledger.Entry, error) {
	account, err := keyHolder(tx, rows, e.Passkey.Account)
	if err != nil {
		return ledger.Entry{}, err
	}
	if err := newPasskey(rows, e.Passkey); err != nil {
		return ledger.Entry{}, err
	}
	e.Passkey.Enrolled = ledger.Cut(tx.Now())
	entry := e.Entry
	entry.Kind, entry.Account, entry.Organisation, entry.Subject = ledger.Enrolled, account.ID, account.Organisation, account.ID
	entry.Target, entry.Digest = e.Passkey.Print(), DigestPasskey(e.Passkey)
	return entry, nil
}

// keyHolder returns the account of a passkey's holder, unless it gives nothing or an order
// stops it.
func keyHolder(tx *journal.Tx, rows PasskeyRows, id roster.AccountID) (roster.Account, error) {
	account, err := rows.Account(id)
	if err != nil {
		return account, err
	}
	if !account.Gives(tx.Now()) {
		return account, NoPasskey
	}
	if o, stopped := tx.Orders().Stop(order.Use{Account: account.ID, Organisation: account.Organisation, Role: account.Role}, tx.Now()); stopped {
		return account, fault.Errorf(fault.Refused, "nothing is enrolled or removed while order %s is in force", o.ID)
	}
	return account, nil
}

// newPasskey refuses a passkey that there is, one that cannot be kept, and one too many.
func newPasskey(rows PasskeyRows, k roster.Passkey) error {
	if name := strings.TrimSpace(k.Name); name == "" || len(name) > 60 || typed.Wrong(name) != typed.Nothing {
		return fault.Errorf(fault.Invalid, "a passkey needs a name that can be read, of 60 characters at most")
	}
	if len(k.ID) < 16 || len(k.ID) > 1023 || len(k.Key) == 0 || len(k.Key) > 2048 {
		return fault.Errorf(fault.Invalid, "this passkey is none that can be kept")
	}
	switch _, err := rows.Passkey(k.ID); {
	case err == nil:
		return fault.Errorf(fault.Refused, "this passkey is known already")
	case !fault.Is(err, fault.Absent):
		return err
	}
	if k.Account == "" {
		return nil
	}
	list, err := rows.Passkeys(k.Account)
	if err == nil && len(list) >= roster.MostPasskeys {
		err = ManyPasskeys
	}
	return err
}

// Apply implements journal.Act.
func (e *Enrol) Apply(rows PasskeyRows, _ ledger.Entry) error { return rows.PutPasskey(e.Passkey) }

// Remove takes a passkey of one's own away.
type Remove struct {
	Account roster.AccountID
	ID      []byte
	Last    bool         // it may be the only one: the identity provider proves a strong factor
	Entry   ledger.Entry // where it was done

	passkey roster.Passkey
}

// Decide implements journal.Act.
func (r *Remove) Decide(tx *journal.Tx, rows PasskeyRows) (ledger.Entry, error) {
	account, err := keyHolder(tx, rows, r.Account)
	if err != nil {
		return ledger.Entry{}, err
	}
	list, err := rows.Passkeys(r.Account)
	if err != nil {
		return ledger.Entry{}, err
	}
	var known bool
	if r.passkey, known = roster.PasskeyIn(list, r.ID); !known {
		return ledger.Entry{}, fault.Errorf(fault.Absent, "no such passkey")
	}
	if len(list) == 1 && !r.Last {
		return ledger.Entry{}, LastPasskey
	}
	r.passkey.Ended = ledger.Cut(tx.Now())
	entry := r.Entry
	entry.Kind, entry.Account, entry.Organisation, entry.Subject = ledger.Unenrolled, account.ID, account.Organisation, account.ID
	entry.State, entry.Target, entry.Digest = ledger.ByHand, r.passkey.Print(), DigestPasskey(r.passkey)
	return entry, nil
}

// Apply implements journal.Act.
func (r *Remove) Apply(rows PasskeyRows, _ ledger.Entry) error { return rows.PutPasskey(r.passkey) }

// Use is a passkey that has just proved that its holder is there: of what the proof is for,
// the entry says, which is written with it. A counter that went back disables the passkey
// instead.
type Use struct {
	ID      []byte
	Account roster.AccountID
	Counter uint32
	Synced  bool
	Entry   ledger.Entry

	Cloned  bool // it was disabled
	passkey roster.Passkey
}

// Decide implements journal.Act.
func (u *Use) Decide(tx *journal.Tx, rows PasskeyRows) (ledger.Entry, error) {
	k, err := rows.Passkey(u.ID)
	switch {
	case fault.Is(err, fault.Absent) || err == nil && (!k.Serves() || k.Account != u.Account):
		return ledger.Entry{}, NoPasskey
	case err != nil:
		return ledger.Entry{}, err
	}
	entry := u.Entry
	entry.Target = k.Print()
	if u.Counter <= k.Counter && (u.Counter != 0 || k.Counter != 0) {
		u.Cloned, k.Ended = true, ledger.Cut(tx.Now())
		entry = ledger.Entry{
			Kind: ledger.Unenrolled, Account: journal.Itself, Organisation: entry.Organisation, Subject: u.Account, Device: entry.Device, Network: entry.Network,
			State: ledger.Cloned, Target: k.Print(), Digest: DigestPasskey(k),
		}
	} else {
		k.Counter, k.Synced, k.Used = u.Counter, u.Synced, ledger.Cut(tx.Now())
	}
	u.passkey = k
	return entry, nil
}

// Apply implements journal.Act.
func (u *Use) Apply(rows PasskeyRows, _ ledger.Entry) error { return rows.PutPasskey(u.passkey) }

// settled is the passkey that came with an invitation, once there is the account; nil when
// none came.
func settled(rows PasskeyRows, p Proposal, now time.Time) (*roster.Passkey, error) {
	if len(p.Passkey) == 0 {
		return nil, nil
	}
	k, err := rows.Passkey(p.Passkey)
	switch {
	case fault.Is(err, fault.Absent), err == nil && (k.Account != "" || !k.Ended.IsZero()):
		return nil, fault.Errorf(fault.Refused, "the passkey that came with the invitation is not as it was: invite anew")
	case err != nil:
		return nil, err
	}
	k.Account, k.Enrolled = p.Account, ledger.Cut(now)
	return &k, nil
}
