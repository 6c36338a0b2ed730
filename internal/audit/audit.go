package audit

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/containment"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/roster"
)

// Row names a row of the database.
type Row struct {
	Table string
	Key   string // what tells it from other rows of the table; of an alias its keyed hash, in hexadecimal
}

func (r Row) String() string { return r.Table + " " + r.Key }

// Fault is what is wrong with a row.
type Fault string

const (
	NoSeal  Fault = "no-seal"  // no node wrote it as it is
	Unmade  Fault = "unmade"   // no entry made it
	Changed Fault = "changed"  // it is not as the entry says that made it
	PutBack Fault = "put-back" // it is as an older entry says
	Missing Fault = "missing"  // an entry made it, and it is gone
	Many    Fault = "many"     // of rows of a part: more are wrong than can be named
)

// faults says what is wrong with a row.
var faults = map[Fault]string{
	NoSeal:  "has no seal: no node wrote it as it is",
	Unmade:  "no entry made it",
	Changed: "is not as its entry says",
	PutBack: "is as an older entry says: it was put back",
	Missing: "is gone",
	Many:    "has more rows that were put back or are gone than can be named",
}

// Said says what is wrong, to an operator.
func (f Fault) Said() string { return faults[f] }

// Finding is a row that is not as the ledger says.
type Finding struct {
	Row
	Fault Fault
	Entry ledger.Number // the newest that made it; 0 when none did
}

func (f Finding) compare(g Finding) int {
	return cmp.Or(cmp.Compare(f.Table, g.Table), cmp.Compare(f.Key, g.Key), cmp.Compare(f.Fault, g.Fault))
}

// Rows are the rows as they are.
type Rows interface {
	// Rights returns every account and what it may use, without what has no seal.
	Rights(context.Context) ([]accounts.Rights, error)
	// Organisations returns every organisation, without those that have no seal.
	Organisations(context.Context) ([]roster.Organisation, error)
	// Passkeys returns the passkeys of accounts that have not ended, without those that have
	// no seal.
	Passkeys(context.Context) ([]roster.Passkey, error)
	// InForce returns the orders placed and not lifted.
	InForce(context.Context) (order.Set, error)
	// Waiting returns, of each table of what one person asks for and another allows, the requests that
	// nobody has answered, or of which something may still come; without those that have no seal.
	Waiting(context.Context) (map[string][]ledger.Number, error)
	// Sessions returns, of each table of sessions, those that go on.
	Sessions(context.Context) (map[string][]roster.SessionID, error)
	// Unsealed yields every row without the seal that it must have, of every table but those of Stock.
	Unsealed(context.Context) iter.Seq2[Row, error]
	// Parts returns the parts of tables of which there are inventories.
	Parts() []Part
	// Stock returns the rows of a part without their seal, and what sets the others apart from its
	// inventory; nil when nothing does.
	Stock(context.Context, Part) ([]Row, *Difference, error)
}

// Ledger is the entries as they are stored.
type Ledger interface {
	// First returns the number of the first entry that is still there.
	First(context.Context) (ledger.Number, error)
	// NewestSealed yields the entries from a number on. A row that no node wrote is an error,
	// which is seal.ErrBroken.
	NewestSealed(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Sealed, error]
}

// Audit compares rows with the ledger. It remembers what it has read of that, and reads
// on. It is not safe for concurrent use.
type Audit struct {
	ledger  Ledger
	rows    Rows
	now     func() time.Time
	history *history
}

// New returns an audit that has read nothing.
func New(l Ledger, rows Rows, now func() time.Time) *Audit {
	return &Audit{ledger: l, rows: rows, now: now}
}

// passes is how often a row is looked at before it counts as a finding: it may have been
// changed by an act between the reading of the rows and that of the ledger.
const passes = 3

// Rights returns what is wrong with accounts, habilitations, organisations, orders and sessions.
// Its error is seal.ErrBroken when the ledger itself holds what no node wrote.
func (a *Audit) Rights(ctx context.Context) (findings []Finding, err error) {
	for pass := range passes {
		found, err := a.pass(ctx)
		if err != nil {
			return nil, err
		}
		if pass > 0 {
			found = slices.DeleteFunc(found, func(f Finding) bool { return !slices.Contains(findings, f) })
		}
		if findings = found; len(findings) == 0 {
			break
		}
	}
	return findings, nil
}

// Every looks at every row of every table: for its seal, and whether it was put back or is gone.
func (a *Audit) Every(ctx context.Context) ([]Finding, error) {
	findings, err := a.unsealed(ctx)
	if err != nil {
		return nil, err
	}
	for _, part := range a.rows.Parts() {
		some, _, err := a.takeStock(ctx, part)
		if err != nil {
			return nil, err
		}
		findings = append(findings, some...)
	}
	return findings, nil
}

// unsealed looks at the seals of all tables but those that have inventories.
func (a *Audit) unsealed(ctx context.Context) (findings []Finding, err error) {
	for row, err := range a.rows.Unsealed(ctx) {
		if err != nil {
			return nil, fmt.Errorf("looking for rows without a seal: %w", err)
		}
		findings = append(findings, Finding{Row: row, Fault: NoSeal})
	}
	return findings, nil
}

// pass compares once. The ledger is read after the rows: whatever act made one of them is
// in it.
func (a *Audit) pass(ctx context.Context) (findings []Finding, err error) {
	rights, err := a.rows.Rights(ctx)
	if err != nil {
		return nil, err
	}
	organisations, err := a.rows.Organisations(ctx)
	if err != nil {
		return nil, err
	}
	passkeys, err := a.rows.Passkeys(ctx)
	if err != nil {
		return nil, err
	}
	orders, err := a.rows.InForce(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading orders: %w", err)
	}
	waiting, err := a.rows.Waiting(ctx)
	if err != nil {
		return nil, err
	}
	sessions, err := a.rows.Sessions(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading sessions: %w", err)
	}
	if err := a.readOn(ctx); err != nil {
		return nil, err
	}
	h := a.history
	findings = append(findings, holdRows(h, "account", h.Accounts, rights, func(r accounts.Rights) (roster.AccountID, ledger.Digest) {
		return r.Account.ID, r.Digest()
	})...)
	findings = append(findings, holdRows(h, "organisation", h.Organisations, organisations, func(o roster.Organisation) (roster.OrganisationID, ledger.Digest) {
		return o.ID, accounts.DigestOrganisation(o)
	})...)
	findings = append(findings, holdPasskeys(h, passkeys)...)
	findings = append(findings, holdOrders(h, orders, a.now())...)
	for table, requests := range waiting {
		for _, number := range requests {
			if entry, answered := h.Answered[number]; answered {
				findings = append(findings, Finding{Row{table, strconv.FormatUint(uint64(number), 10)}, PutBack, entry})
			}
		}
	}
	for table, open := range sessions {
		for _, session := range open {
			if over, ended := h.Over[session]; ended {
				findings = append(findings, Finding{Row{table, string(session)}, PutBack, over.Entry})
			}
		}
	}
	slices.SortFunc(findings, Finding.compare)
	return findings, nil
}

// readOn takes in the entries since it last did.
func (a *Audit) readOn(ctx context.Context) error {
	if a.history == nil {
		h, err := a.begun(ctx)
		if err != nil {
			return err
		}
		a.history = h
	}
	return a.read(ctx, a.history, func() {})
}

// begun is a history that has read nothing.
func (a *Audit) begun(ctx context.Context) (*history, error) {
	first, err := a.ledger.First(ctx)
	if err != nil {
		return nil, fmt.Errorf("looking for the first entry: %w", err)
	}
	return newHistory(first), nil
}

// atOnce is how many entries are read between two calls of a reader's pause.
const atOnce = 4096

// read has a history take in what the ledger has beyond it.
func (a *Audit) read(ctx context.Context, h *history, pause func()) error {
	for stored, err := range a.ledger.NewestSealed(ctx, h.UpTo) {
		if err != nil {
			return fmt.Errorf("reading the ledger: %w", err)
		}
		entry, err := ledger.Decode(stored.Body)
		if err != nil {
			return fmt.Errorf("entry %d: %w", stored.Number, err)
		}
		if h.count(entry); entry.Number%atOnce == atOnce-1 {
			pause()
		}
	}
	return nil
}

// holdRows compares the rows of accounts or organisations with what the ledger says.
func holdRows[ID ~string, R any](h *history, table string, known map[ID]*made, rows []R, of func(R) (ID, ledger.Digest)) (findings []Finding) {
	there := make(map[ID]bool, len(rows))
	for _, row := range rows {
		id, digest := of(row)
		there[id] = true
		if fault, wrong := h.judge(known[id], digest); wrong {
			_, entry := known[id].newest()
			findings = append(findings, Finding{Row{table, string(id)}, fault, entry})
		}
	}
	for id, m := range known {
		if !there[id] {
			_, entry := m.newest()
			findings = append(findings, Finding{Row{table, string(id)}, Missing, entry})
		}
	}
	return findings
}

// holdPasskeys compares the passkeys that serve with what the ledger says.
func holdPasskeys(h *history, rows []roster.Passkey) (findings []Finding) {
	find := func(k passkey, fault Fault, entry ledger.Number) {
		findings = append(findings, Finding{Row{"passkey", string(k.Account) + " " + k.Print}, fault, entry})
	}
	there := make(map[passkey]bool, len(rows))
	for _, row := range rows {
		k := passkey{row.Account, row.Print(), accounts.DigestPasskey(row)}
		there[k] = true
		if _, serves := h.Passkeys[k]; serves {
			continue
		}
		if entry, removed := h.Removed[k]; removed {
			find(k, PutBack, entry)
		} else if h.complete() {
			find(k, Unmade, 0)
		}
	}
	for k, entry := range h.Passkeys {
		if !there[k] {
			find(k, Missing, entry)
		}
	}
	return findings
}

// holdOrders compares the orders in force with what the ledger says.
func holdOrders(h *history, rows order.Set, now time.Time) (findings []Finding) {
	find := func(id order.ID, fault Fault, entry ledger.Number) {
		findings = append(findings, Finding{Row{"standing_order", string(id)}, fault, entry})
	}
	there := make(map[order.ID]bool, len(rows))
	for _, o := range rows {
		there[o.ID] = true
		number, err := containment.NumberOf(o.ID)
		said, known := h.Orders[number]
		switch {
		case o.Broken && err == nil && known:
			find(o.ID, Changed, number)
		case o.Broken || err != nil:
			find(o.ID, Unmade, 0)
		case known && !sameOrder(o, said):
			find(o.ID, Changed, number)
		case !known && h.Lifted[number]:
			find(o.ID, PutBack, number)
		case !known && (h.complete() || number >= h.First):
			find(o.ID, Unmade, 0)
		}
	}
	for number, o := range h.Orders {
		if !there[o.ID] && (o.Ends.IsZero() || o.Ends.After(now)) {
			find(o.ID, Missing, number)
		}
	}
	return findings
}

// sameOrder reports whether a row is as its entry says, which has not its message.
func sameOrder(row, said order.Order) bool {
	return row.Placed.Equal(said.Placed) && row.Ends.Equal(said.Ends) && row.Since.Equal(said.Since) && row.ID == said.ID && row.Effect == said.Effect &&
		row.Reach == said.Reach && row.Target == said.Target && row.By == said.By && row.Cause == said.Cause && row.Because == said.Because && row.Spares == said.Spares
}
