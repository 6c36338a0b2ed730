package journal

import (
	"errors"
	"fmt"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/roster"
)

// Tx is one turn under the ledger's head. Nothing of it touches the journal's state
// until it is durable.
type Tx struct {
	journal  *Journal
	head     Head
	first    ledger.Number // of this turn
	now      time.Time
	orders   order.Set
	advanced bool // orders or accounts changed in this turn
	drafts   map[roster.AccountID]*meter.Draft
	meters   map[roster.AccountID]*meter.Meter // of accounts that had none
	wider    wider
	entries  []ledger.Entry
	rebuild  func() error // reads the state when it is first needed; nil when it is there
	spoilt   error        // why nothing of the turn may be kept

	changes []FactChange // of facts, by this turn
	unread  bool         // there are more of them in the tables
}

func newTx(j *Journal, head Head) *Tx {
	now := ledger.Cut(j.now())
	if now.Before(head.Last()) { // another node's clock is ahead
		now = head.Last()
	}
	return &Tx{
		journal: j, head: head, first: head.Next(), now: now, orders: j.state.orders,
		drafts: make(map[roster.AccountID]*meter.Draft), meters: make(map[roster.AccountID]*meter.Meter), wider: j.state.wider.draft(),
	}
}

// Now is the time of everything that is done in this turn.
func (tx *Tx) Now() time.Time { return tx.now }

// Next is the number of the next entry.
func (tx *Tx) Next() ledger.Number { return tx.first + ledger.Number(len(tx.entries)) }

// Orders returns the orders in force, those of this turn included.
func (tx *Tx) Orders() order.Set { return tx.orders }

// Generation changes whenever orders, accounts or covers do, in this turn too.
func (tx *Tx) Generation() uint64 { return tx.head.Generation() }

// FactsChanged reports whether the facts about any of these people may have changed since
// the ledger had so many entries, by what this turn did too.
func (tx *Tx) FactsChanged(since ledger.Number, people []policy.Opening) (bool, error) {
	if err := tx.readChanges(); err != nil {
		return false, tx.spoil(err)
	}
	return tx.journal.state.changes.touch(since, people) || touch(tx.changes, since, people), nil
}

// readChanges reads whose facts this turn has changed.
func (tx *Tx) readChanges() (err error) {
	if tx.unread {
		tx.changes, err = tx.head.FactsChanged(tx.first)
		tx.unread = false
	}
	if err != nil {
		return fmt.Errorf("reading whose facts changed: %w", err)
	}
	return nil
}

// Watched is the time from which on the ledger tells what accounts do.
func (tx *Tx) Watched() time.Time { return tx.journal.state.watched }

// Wider returns what an organisation, a service and all accounts were charged.
func (tx *Tx) Wider(organisation roster.OrganisationID, service roster.ServiceID) policy.Wider {
	return tx.wider.of(organisation, service)
}

// Given returns what an account has given to others by raises and signatures.
func (tx *Tx) Given(by roster.AccountID) meter.Tally {
	tx.know()
	return tx.wider.giver(by)
}

// Entrusted returns how many people an account let come to others' caseloads.
func (tx *Tx) Entrusted(by roster.AccountID) meter.Tally {
	tx.know()
	return tx.wider.entruster(by)
}

// Meter returns an account's meter, with the entries of this turn. The caller MUST NOT
// record in it: Append does.
func (tx *Tx) Meter(account roster.AccountID) *meter.Draft {
	if draft, ok := tx.drafts[account]; ok {
		return draft
	}
	tx.know()
	m := tx.journal.state.meters.of(account)
	if m == nil {
		m = meter.New()
		tx.meters[account] = m
	}
	draft := m.Draft()
	tx.drafts[account] = draft
	return draft
}

// know reads the state where it is not there yet.
func (tx *Tx) know() {
	if tx.rebuild != nil {
		_ = tx.spoil(tx.rebuild()) // nothing is written: see write
		tx.rebuild = nil
	}
}

// Append enters what was decided, which carries its number and time already, and
// moves the state on.
func (tx *Tx) Append(entry ledger.Entry) {
	tx.entries = append(tx.entries, entry)
	tx.wider.count(&entry)
	if event := entry.Event(); event.Kind != meter.Nothing && entry.Whose() != "" && tx.rebuild == nil {
		tx.Meter(entry.Whose()).Record(event)
	}
}

// record numbers an entry of an act whose first entry is receipt, and enters it.
func (tx *Tx) record(entry ledger.Entry, receipt ledger.Number) (ledger.Entry, error) {
	if err := entry.Check(); err != nil {
		return entry, err
	}
	entry.Number, entry.Receipt, entry.Time = tx.Next(), receipt, tx.now
	tx.Append(entry)
	tx.unread = tx.unread || changesFacts(&entry)
	return entry, nil
}

// spoil returns an error as it is. If there is one, nothing of the turn is kept, whatever
// the caller makes of it.
func (tx *Tx) spoil(err error) error {
	tx.spoilt = errors.Join(tx.spoilt, err)
	return err
}

// begin begins a ledger that is empty.
func (tx *Tx) begin() error {
	if tx.Next() > 0 {
		return nil
	}
	_, err := tx.record(ledger.Entry{Kind: ledger.Opened}, 0)
	return err
}

// advance makes a new generation and reads the orders again, for everything decided
// after it in this turn too.
func (tx *Tx) advance() (err error) {
	if err := tx.head.Advance(); err != nil {
		return fmt.Errorf("advancing the generation: %w", err)
	}
	if tx.orders, err = tx.head.Orders(); err != nil {
		return fmt.Errorf("reading the orders in force: %w", err)
	}
	tx.advanced = true
	return nil
}

func (tx *Tx) write() error {
	if tx.spoilt != nil || len(tx.entries) == 0 {
		return tx.spoilt
	}
	if err := tx.head.Write(tx.entries, tx.now); err != nil {
		return fmt.Errorf("writing %d entries: %w", len(tx.entries), err)
	}
	return nil
}

// keep makes the journal know what the ledger now holds.
func (tx *Tx) keep() {
	if len(tx.entries) == 0 {
		return
	}
	j := tx.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	for account, draft := range tx.drafts {
		if draft.Len() == 0 {
			continue
		}
		draft.Keep()
		if m, ok := tx.meters[account]; ok {
			j.state.meters.set(account, m)
		}
	}
	j.state.wider.keep(tx.wider)
	j.state.next = tx.Next()
	for i := range tx.entries {
		j.recent.know(&tx.entries[i])
		j.state.ended.count(&tx.entries[i])
		j.state.requests.count(&tx.entries[i])
	}
	if tx.advanced {
		j.state.orders, j.state.generation = tx.orders, tx.head.Generation()
		j.onOrders(j.state.generation, tx.orders)
	}
	if len(tx.changes) > 0 {
		j.state.changes.add(tx.changes)
		j.onFacts(tx.Next(), tx.changes)
	}
	j.tell()
}
