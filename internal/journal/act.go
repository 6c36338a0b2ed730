package journal

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"poterne/internal/fault"
	"poterne/internal/ledger"
)

// Act is anything that is done other than showing people. R is the rows that it reads and
// writes: a small interface of its own package, which Head.Rows implements.
type Act[R any] interface {
	// Decide returns the act's entry, with the state as it is under the head. It MUST
	// change nothing. An error refuses the act; Unchanged says that there is nothing to do.
	Decide(tx *Tx, rows R) (ledger.Entry, error)
	// Apply writes the act's rows, in the transaction that writes its entry, which has its
	// number and time. An error undoes the whole turn, so whatever can be refused MUST be
	// refused by Decide.
	Apply(rows R, entry ledger.Entry) error
}

// Changes is an act that may change orders, accounts or covers. When it reports so, every
// node reads them again before its next decision.
type Changes interface{ Changes() bool }

// Details is an act that makes rows of which each has an entry of its own: of what, it says
// after Apply. They are of the act's passage, and it is the cause of those that name no other.
type Details interface{ Details() []ledger.Entry }

// NoRows is the R of an act that writes nothing but its entry.
type NoRows any

// Unchanged is returned by Decide when there is nothing to do: nothing is written.
var Unchanged error = &fault.Error{Kind: fault.Invalid, Public: "it is so already"}

// Writer does turns: a running Journal, or Outside beside it.
type Writer interface {
	// Turn calls do under the head, and returns once what it entered is durable. size is
	// about how many entries it makes.
	Turn(ctx context.Context, size int, do func(*Tx) error) error
}

// Do does an act, and returns its entry once it is durable. fault.Unavailable says
// that nothing was done.
func Do[R any](ctx context.Context, w Writer, act Act[R]) (entry ledger.Entry, err error) {
	err = w.Turn(ctx, 1, func(tx *Tx) (err error) {
		entry, err = Within(tx, act)
		return err
	})
	return entry, err
}

// Within does an act in a turn that is under way.
func Within[R any](tx *Tx, act Act[R]) (ledger.Entry, error) {
	rows, ok := tx.head.Rows().(R)
	if !ok {
		return ledger.Entry{}, fmt.Errorf("the database keeps no rows of a %T", act)
	}
	entry, err := act.Decide(tx, rows)
	if err != nil {
		return entry, err
	}
	if entry, err = tx.record(entry, tx.Next()); err != nil {
		return entry, tx.spoil(err)
	}
	if err := act.Apply(rows, entry); err != nil {
		return entry, tx.spoil(fmt.Errorf("leaving the rows of entry %d: %w", entry.Number, err))
	}
	if act, more := act.(Details); more {
		for _, detail := range act.Details() {
			detail.Cause = cmp.Or(detail.Cause, entry.Number)
			if _, err := tx.record(detail, entry.Number); err != nil {
				return entry, tx.spoil(err)
			}
		}
	}
	if changes, may := act.(Changes); may && changes.Changes() {
		return entry, tx.spoil(tx.advance())
	}
	return entry, nil
}

// Note is an act that is its entry: a reading of the ledger, a confirmation, the end
// of a session.
type Note ledger.Entry

// Decide implements Act.
func (n Note) Decide(*Tx, NoRows) (ledger.Entry, error) { return ledger.Entry(n), nil }

// Apply implements Act.
func (Note) Apply(NoRows, ledger.Entry) error { return nil }

// Record writes an act down that leaves no rows.
func Record(ctx context.Context, w Writer, entry ledger.Entry) error {
	_, err := Do(ctx, w, Note(entry))
	return err
}

// Outside writes beside the running program, as the command line does: each act is a
// turn of its own. Running nodes take it in from their next turn.
type Outside struct {
	DB  DB
	Now func() time.Time
}

// Turn implements Writer. The entries of the last weeks are read only for an act that
// asks a meter.
func (o Outside) Turn(ctx context.Context, _ int, do func(*Tx) error) error {
	return o.DB.Turn(ctx, func(head Head) error {
		j := newJournal(o.DB, o.Now)
		if err := j.readOrders(head); err != nil {
			return err
		}
		tx := newTx(j, head)
		tx.rebuild = func() error { return j.read(ctx, head.Entries) }
		if err := tx.begin(); err != nil {
			return err
		}
		if err := do(tx); err != nil {
			return err
		}
		return tx.write()
	})
}

// Record writes an act down that leaves no rows.
func (j *Journal) Record(ctx context.Context, entry ledger.Entry) error { return Record(ctx, j, entry) }
