// Package journal is the only way anything is written in the ledger. Whatever is
// decided or done is done in a turn under the ledger's head: with the state as it is
// at that moment, in one transaction with the rows it leaves, and durable when the
// call returns. An outcome that is not known stops the program.
package journal

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"sync"
	"time"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/roster"
	"poterne/internal/seal"
)

// ErrOutcomeUnknown is in the error of a turn whose commit may or may not have
// taken place. A caller that gets it MUST stop: only a restart can tell.
var ErrOutcomeUnknown = errors.New("it is not known whether the ledger was written")

// Itself is the account of what the program does by itself.
const Itself = roster.Itself

// DB is the ledger and the orders in force. Several nodes may share it.
type DB interface {
	// Turn takes the ledger's head, calls do with it, and commits. No other turn on any
	// node MUST run at the same time. When Turn returns nil, everything written MUST be
	// durable; when it returns an error nothing MUST be, unless it is ErrOutcomeUnknown.
	Turn(ctx context.Context, do func(Head) error) error
	// Entries yields the entries from a number on, in order.
	Entries(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error]
	// Newest yields what Entries does. It may remember the newest entries instead of reading
	// them back.
	Newest(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error]
	// Entry returns one entry.
	Entry(ctx context.Context, number ledger.Number) (ledger.Entry, error)
	// FirstAt returns the number of the first entry at or after a time; the next
	// number to be written when there is none.
	FirstAt(ctx context.Context, at time.Time) (ledger.Number, error)
}

// Head is the ledger's head, held for one turn.
type Head interface {
	// Next is the number of the next entry to be written.
	Next() ledger.Number
	// Last is the time of the last entry; entries never go back in time.
	Last() time.Time
	// Generation changes whenever an order is placed or lifted, or the roster or a
	// cover changes.
	Generation() uint64
	// Advance makes a new generation, so that every node reads again what it
	// remembers of orders and accounts.
	Advance() error
	// Orders returns the orders placed and not lifted, oldest first.
	Orders() (order.Set, error)
	// Entries yields the entries from a number up to the head, in order.
	Entries(from ledger.Number) iter.Seq2[ledger.Entry, error]
	// FactsChanged returns whose facts the batches changed that were entered from a number
	// on, this turn's included; those of a while ago may be left out.
	FactsChanged(from ledger.Number) ([]FactChange, error)
	// Rows is the rows that acts read and leave, in the transaction that writes the
	// entries. It MUST implement the Rows of every act that is done: see Act.
	Rows() any
	// Write seals entries, which carry the next numbers, and appends them; the last
	// was made at.
	Write(entries []ledger.Entry, at time.Time) error
}

// Journal does turns one after the other, each for all calls that wait. It is safe for
// concurrent use while Run runs.
type Journal struct {
	db   DB
	kept Keeper
	now  func() time.Time

	jobs    chan *job
	stopped chan struct{} // closed when Run has ended

	onOrders  func(uint64, order.Set) // called with each new generation, and its orders
	onFacts   func(ledger.Number, []FactChange)
	onSilence func() // called when orders could not be read for a while

	mu     sync.RWMutex // guards what follows, which Run alone writes
	state  *State
	recent recent
	news   chan struct{} // closed when the ledger has grown
	told   time.Time     // when followers were woken last
	tells  bool          // they will be again

	resumed *resumed // the kept state that this node began with; nil when there was none
	anew    error    // why there was none

	unsure bool // a turn failed since the last that did not: another server may answer by now; Run's own
}

// Open takes up the state that was kept, reads the ledger from there on, or as far back as
// meters reach, and begins it if it is empty. The journal writes once Run runs. A nil keeper
// keeps nothing.
func Open(ctx context.Context, db DB, kept Keeper, now func() time.Time) (*Journal, error) {
	j := newJournal(db, now)
	j.kept = kept
	if err := j.read(ctx, func(from ledger.Number) iter.Seq2[ledger.Entry, error] { return db.Entries(ctx, from) }); err != nil {
		return nil, err
	}
	if err := j.take(ctx, []*job{{ctx: ctx, do: (*Tx).begin, done: make(chan error, 1)}}); err != nil {
		return nil, fmt.Errorf("taking the ledger's head: %w", err)
	}
	return j, nil
}

func newJournal(db DB, now func() time.Time) *Journal {
	return &Journal{
		db: db, now: now, jobs: make(chan *job, 1024), stopped: make(chan struct{}),
		onOrders: func(uint64, order.Set) {}, onFacts: func(ledger.Number, []FactChange) {}, onSilence: func() {},
		state: newState(), news: make(chan struct{}),
	}
}

// rebuild reads the entries of the last weeks, which begin with from.
func (j *Journal) rebuild(from ledger.Number, entries iter.Seq2[ledger.Entry, error]) error {
	j.state.watched = j.now().Add(-meter.Reach)
	j.recent.upTo = from
	for entry, err := range entries {
		if err != nil {
			return fmt.Errorf("reading the entries of the last weeks: %w", err)
		}
		if entry.Number == 0 {
			j.state.watched = entry.Time
		}
		j.count(&entry)
	}
	if j.recent.upTo == 0 { // the ledger begins now
		j.state.watched = j.now()
	}
	return nil
}

// OnOrders calls fn with the generation and its orders, under a lock, whenever orders,
// accounts or covers change on any node, and silence when for some seconds they could not
// be read. It MUST be called before Run.
func (j *Journal) OnOrders(fn func(generation uint64, orders order.Set), silence func()) {
	j.onOrders, j.onSilence = fn, silence
}

// How a running journal writes.
const (
	// largestTurn bounds the people decided in one turn, so that no turn holds the
	// head for long.
	largestTurn = 4096
	// poll is how often a node looks for orders and entries of other nodes when it has
	// nothing to write itself.
	poll = time.Second
	// gathering is how long after they were woken followers are not woken again: ten of them, each woken
	// by each turn, cost more than half a turn of one entry does.
	gathering = 25 * time.Millisecond
	// unheard is how long a node may not have been told of orders: an order against
	// what is under way could not be heard.
	unheard = 5 * time.Second
)

// job is something to be done under the ledger's head.
type job struct {
	ctx  context.Context
	size int
	do   func(*Tx) error
	done chan error // buffered: the caller may have left
}

// Turn implements Writer: do shares a turn with the other waiting calls.
func (j *Journal) Turn(ctx context.Context, size int, do func(*Tx) error) error {
	one := &job{ctx: ctx, size: max(size, 1), do: do, done: make(chan error, 1)}
	select {
	case j.jobs <- one:
	case <-j.stopped:
		return errStopped
	case <-ctx.Done():
		return unavailable(ctx.Err())
	}
	select {
	case err := <-one.done:
		return err
	case <-j.stopped:
		select {
		case err := <-one.done:
			return err
		default:
			return errStopped
		}
	}
}

// Look takes in what other nodes have written and ordered, at once. Without it a
// node that has nothing to write looks every second.
func (j *Journal) Look(ctx context.Context) error {
	return j.Turn(ctx, 1, func(*Tx) error { return nil })
}

// Run does turns until ctx ends. It returns an error when the ledger's state is not
// known any more, or it holds what no node wrote: the program MUST then stop.
func (j *Journal) Run(ctx context.Context) error {
	defer close(j.stopped)
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	listening := time.AfterFunc(unheard, j.onSilence)
	defer listening.Stop()
	for {
		var batch []*job
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case first := <-j.jobs:
			runtime.Gosched() // calls about to be made join
			batch = []*job{first}
		}
		// A turn that has begun is ended even while the program stops.
		switch err := j.take(context.WithoutCancel(ctx), batch); {
		case err == nil:
			listening.Reset(unheard)
		case errors.Is(err, ErrOutcomeUnknown), errors.Is(err, seal.ErrBroken):
			return err
		}
	}
}

// waiting adds the calls that wait, up to a bounded turn.
func (j *Journal) waiting(batch []*job) (all []*job, size int) {
	for _, one := range batch {
		size += one.size
	}
	for size < largestTurn {
		select {
		case next := <-j.jobs:
			batch, size = append(batch, next), size+next.size
		default:
			return batch, size
		}
	}
	return batch, size
}

// take does jobs in one turn, and whatever else waits once the head is taken: while other
// nodes have it, the turn grows. It tells each how it ended. Read it from top to bottom:
// the order is what makes a turn hold.
func (j *Journal) take(ctx context.Context, batch []*job) error {
	var tx *Tx
	var outcomes []error
	err := j.db.Turn(ctx, func(head Head) error {
		// What other nodes did comes first: nothing is decided with an old state.
		if err := j.catchUp(head); err != nil {
			return err
		}
		var size int
		batch, size = j.waiting(batch)
		outcomes = make([]error, len(batch))
		tx = newTx(j, head)
		tx.entries = make([]ledger.Entry, 0, size)
		for i, one := range batch {
			if outcomes[i] = one.ctx.Err(); outcomes[i] != nil {
				continue // its caller has left
			}
			outcomes[i] = one.do(tx)
			if fault.Is(outcomes[i], fault.Broken) {
				return outcomes[i] // the turn itself is spoilt, not only this job
			}
			if tx.spoilt != nil {
				return tx.spoilt
			}
		}
		if err := tx.readChanges(); err != nil {
			return err
		}
		// Entries last: until here nothing of the ledger was touched.
		return tx.write()
	})
	// From here on the entries are durable, or they never were; a crash in between is
	// told apart by the next start.
	j.unsure = err != nil
	if err != nil {
		for _, one := range batch {
			one.done <- unavailable(err)
		}
		return err
	}
	tx.keep()
	for i, one := range batch {
		one.done <- outcomes[i]
	}
	return nil
}

// catchUp takes in what other nodes have written since this one last looked.
func (j *Journal) catchUp(head Head) error {
	if head.Next() < j.recent.upTo {
		return fmt.Errorf("%w: the ledger ends at entry %d, this node has seen %d", ErrOutcomeUnknown, head.Next(), j.recent.upTo)
	}
	if j.unsure {
		if err := j.recognise(head); err != nil {
			return err
		}
		j.mu.Lock()
		j.forgetFacts(head.Next())
		j.mu.Unlock()
	}
	if head.Next() == j.recent.upTo && head.Generation() == j.state.generation {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if from, batches := j.recent.upTo, 0; head.Next() > from {
		for entry, err := range head.Entries(from) {
			if err != nil {
				return fmt.Errorf("reading entries from %d: %w", j.recent.upTo, err)
			}
			j.count(&entry)
			if changesFacts(&entry) {
				batches++
			}
		}
		j.tell()
		if batches > 0 {
			if err := j.changeFacts(head, from, batches); err != nil {
				return err
			}
		}
	}
	if head.Generation() != j.state.generation {
		return j.readOrders(head)
	}
	return nil
}

// recognise fails unless the newest entry that this node has seen is in the ledger
// still. A database server that crashed or was replaced may have lost entries that no
// standby had, and other nodes may have written others in their place: the meters of this
// node would be wrong.
func (j *Journal) recognise(head Head) error {
	seen := j.recent.last
	if seen.at.IsZero() {
		return nil
	}
	for entry, err := range head.Entries(seen.number) {
		if err != nil {
			return fmt.Errorf("reading entry %d again: %w", seen.number, err)
		}
		if again := seenOf(&entry); again.at.Equal(seen.at) && again.account == seen.account && again.session == seen.session && again.person == seen.person {
			return nil
		}
		break
	}
	return fmt.Errorf("%w: entry %d is not the one that this node has seen", ErrOutcomeUnknown, seen.number)
}

// readOrders takes over the orders of a new generation. The caller holds mu.
func (j *Journal) readOrders(head Head) error {
	orders, err := head.Orders()
	if err != nil {
		return fmt.Errorf("reading the orders in force: %w", err)
	}
	j.state.orders, j.state.generation = orders, head.Generation()
	j.onOrders(j.state.generation, orders)
	return nil
}

// count takes in an entry that the ledger holds. The caller holds mu, or is alone.
func (j *Journal) count(entry *ledger.Entry) {
	j.recent.know(entry)
	j.state.count(entry)
}

// tell wakes the followers: at once, or with whatever else is written until they may be woken
// again. The caller holds mu.
func (j *Journal) tell() {
	if j.tells {
		return
	}
	if early := gathering - time.Since(j.told); early > 0 {
		j.tells = true
		time.AfterFunc(early, func() {
			j.mu.Lock()
			defer j.mu.Unlock()
			j.tells = false
			j.wake()
		})
		return
	}
	j.wake()
}

// wake wakes the followers. The caller holds mu.
func (j *Journal) wake() {
	close(j.news)
	j.news, j.told = make(chan struct{}), time.Now()
}

func unavailable(err error) error {
	return &fault.Error{Kind: fault.Unavailable, Public: "nothing could be written down, so nothing is shown", Err: err}
}

// errStopped is what callers meet once the journal has stopped.
var errStopped = unavailable(errors.New("the journal has stopped"))
