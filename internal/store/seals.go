package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"poterne/internal/audit"
	"poterne/internal/containment"
	"poterne/internal/intake"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/reason"
	"poterne/internal/roster"
	"poterne/internal/seal"
	"poterne/internal/signin"
)

// seals is which rows are believed: those that a node wrote.
type seals struct {
	keys   atomic.Pointer[seal.Keys]
	broken atomic.Pointer[func(audit.Row)]

	audited bool // every row is read to be looked at, and decides nothing: see demand
}

// Seal has every row sealed that is written from now on, and a row that none of the keys
// sealed decide nothing. A ledger that was begun without seals is refused. It is called
// before anything is written or read, and again when keys are rotated.
func (db *DB) Seal(ctx context.Context, keys seal.Keys) error {
	h, err := scanHead(db.read.QueryRowContext(ctx, headColumns))
	if err != nil {
		return fmt.Errorf("reading the ledger's head: %w", db.engine.classify(err))
	}
	if err := h.check(&keys); err != nil {
		return err
	}
	db.seals.keys.Store(&keys)
	return nil
}

// OnBroken has fn called with each row that is met without its seal, each time.
func (db *DB) OnBroken(fn func(audit.Row)) { db.seals.broken.Store(&fn) }

// seal seals a row; it has no seal where there is no key.
func (s *seals) seal(row *seal.Row) []byte {
	if keys := s.keys.Load(); keys != nil {
		return keys.Seal(row)
	}
	return []byte{}
}

// holds reports whether a row may decide, and tells of one that may not. Where there is
// no key, rows are read as they are: nothing is decided there.
func (s *seals) holds(of []byte, row *seal.Row, key func() string) bool {
	keys, table := s.keys.Load(), row.Table()
	if keys == nil || keys.Check(of, row) == nil {
		return true
	}
	s.tell(table, key())
	return false
}

// tell tells of a row that no node wrote.
func (s *seals) tell(table, key string) {
	if tell := s.broken.Load(); tell != nil {
		(*tell)(audit.Row{Table: table, Key: key})
	}
}

// What each table's seal covers.

func organisationRow(o roster.Organisation) *seal.Row {
	return seal.NewRow("organisation").Text(string(o.ID)).Text(o.SIRET).Text(o.Name).Text(o.Mail).
		Int(int64(o.Quota)).Time(o.Until).Time(o.Closed).Int(int64(o.Set))
}

func accountRow(a roster.Account) *seal.Row {
	return seal.NewRow("account").Text(string(a.ID)).Text(string(a.Organisation)).Text(string(a.Role)).Text(a.Name).
		Text(a.Identity.Issuer).Text(a.Identity.Provider).Text(a.Identity.Subject).Time(a.Opened).Text(string(a.Proposer)).Text(string(a.Approver)).Text(string(a.Recoverer)).
		Text(a.Mail).Time(a.Until).Time(a.Closed).Time(a.Review).Time(a.Trained).Int(int64(a.Waits)).Int(int64(a.Diverged)).Text(string(a.Voucher)).Time(a.Vouched).Time(a.Erased)
}

func habilitationRow(h roster.Habilitation) *seal.Row {
	return seal.NewRow("habilitation").Text(string(h.Account)).Text(string(h.Service)).Text(string(h.Purpose)).Time(h.From).Time(h.Until)
}

func factRow(f reason.Fact, told ledger.Number) *seal.Row {
	return seal.NewRow("fact").Text(f.Source).Text(f.ID).Int(int64(f.Kind)).Text(string(f.Account)).Text(string(f.Organisation)).
		Bytes(f.Person[:]).Time(f.From).Time(f.Until).Text(string(f.Author)).Int(int64(f.Waits)).Int(int64(told))
}

func cameRow(to roster.AccountID, day int64, people int) *seal.Row {
	return seal.NewRow("came").Text(string(to)).Int(day).Int(int64(people))
}

func factChangeRow(number ledger.Number, people []byte) *seal.Row {
	return seal.NewRow("fact_change").Int(int64(number)).Bytes(people)
}

func coverRow(c reason.CoverDuty, told ledger.Number) *seal.Row {
	return seal.NewRow("cover").Text(c.Source).Text(c.ID).Text(string(c.Absent)).Text(string(c.Substitute)).Text(string(c.DeclaredBy)).
		Time(c.From).Time(c.Until).Int(int64(told))
}

func aliasRow(a intake.Alias, told time.Time) *seal.Row {
	return seal.NewRow("alias").Bytes(a.Alias[:]).Bytes(a.Person[:]).Time(told)
}

// orderRow is an order that is in force, or was until somebody lifted it.
func orderRow(o order.Order, lifted time.Time, by string) *seal.Row {
	return seal.NewRow("standing_order").Text(string(o.ID)).Text(string(o.Effect)).Text(string(o.Reach)).Text(o.Target).
		Time(o.Placed).Time(o.Ends).Time(o.Since).Text(o.By).Int(int64(o.Cause)).Text(o.Because).Text(o.Message.French).Text(o.Message.English).Text(string(o.Spares)).Time(lifted).Text(by)
}

func sourceRow(name string, heard time.Time) *seal.Row {
	return seal.NewRow("source").Text(name).Time(heard)
}

func orderLineRow(l containment.Line) *seal.Row {
	return seal.NewRow("order_line").Int(int64(l.Number)).Text(string(l.Order)).Text(string(l.What)).Text(string(l.Spares)).
		Text(string(l.By)).Time(l.At).Text(l.Because)
}

func sessionRow(table string, s signin.Row) *seal.Row {
	return seal.NewRow(table).Bytes(s.Key[:]).Text(string(s.ID)).Text(string(s.Account)).Text(string(s.Organisation)).
		Text(string(s.Factor)).Bytes(s.Agent[:]).Bytes(s.Browser[:]).Bytes(s.Subject[:]).Bytes(s.Named[:]).Time(s.Started).
		Int(int64(s.Version)).Bytes(s.Current[:]).Bytes(s.Next[:]).Bytes(s.Previous[:]).Text(s.Seed).Time(s.Rotated).Time(s.Seen).
		Time(s.SteppedUp).Text(s.Hint).Text(string(s.Why)).Time(s.Ended).Text(s.Bound).Time(s.Proven)
}

func turnRow(t ledger.Turn, previous []byte) *seal.Row {
	return seal.NewRow("turn").Int(int64(t.First)).Int(int64(t.Count)).Bytes(t.Body).Bytes(previous)
}

// keptRow is what a kept state is sealed with: tip is the seal of the row that holds the last entry before
// its number, so that it fits no other ledger, and none that went another way.
func keptRow(whose, what string, number ledger.Number, tip []byte) *seal.Row {
	return seal.NewRow("kept").Text(whose).Text(what).Int(int64(number)).Bytes(tip)
}

// head is the ledger's head. tip is the seal of the newest row of entries, so that a head
// from before does not fit the entries that came after it.
type head struct {
	next       ledger.Number
	last       time.Time
	generation uint64
	tip, seal  []byte
	inventory  []byte        // the digest of the inventories of rows
	installed  ledger.Number // the configuration that nodes go by, where it takes two people; 0 for none
}

const headColumns = `select next, last_us, generation, tip, inventory, installed, seal from head`

func scanHead(row scanner) (h head, err error) {
	var last int64
	err = row.Scan(&h.next, &last, &h.generation, &h.tip, &h.inventory, &h.installed, &h.seal)
	h.last = time.UnixMicro(last).UTC()
	h.tip = append([]byte{}, h.tip...) // not nil, which is null
	return h, err
}

func (h head) row() *seal.Row {
	return seal.NewRow("head").Int(int64(h.next)).Time(h.last).Int(int64(h.generation)).Bytes(h.tip).Bytes(h.inventory).Int(int64(h.installed))
}

// check says why nothing may be written after this head. One that nothing came after yet
// has no seal.
func (h head) check(keys *seal.Keys) error {
	begun := h.next > 0 || h.generation > 0
	switch {
	case keys == nil && len(h.seal) > 0:
		return errors.New("the rows of this ledger are sealed, and there is no key for it here: write seal = \"seal.key\" under [keys], with the file that its other nodes have")
	case keys == nil || !begun && len(h.seal) == 0:
		return nil
	case len(h.seal) == 0:
		return fmt.Errorf("%w: the head of this ledger has none: either it was begun without a seal key, or its database was changed", seal.ErrBroken)
	}
	if err := keys.Check(h.seal, h.row()); err != nil {
		return fmt.Errorf("%w; use the seal key that the ledger's other nodes have; if this is that key, the ledger's head was changed in the database", err)
	}
	return nil
}

// chain checks rows of entries as they are read one after another. Each one's seal covers
// the seal of the row before it.
type chain struct {
	db   *DB
	keys *seal.Keys    // nil: rows are read as they are
	end  ledger.Number // the number after the row before
	seal []byte        // of the row before; nil when none was read
}

// chainFrom begins with the row that has an entry.
func (db *DB) chainFrom(from ledger.Number) *chain {
	return &chain{db: db, keys: db.seals.keys.Load(), end: from}
}

// follows says what is wrong with the next row, if anything is.
func (c *chain) follows(ctx context.Context, row storedTurn) error {
	if c.keys == nil {
		return nil
	}
	if err := c.keys.Check(row.seal, turnRow(row.Turn, row.previous)); err != nil {
		return fmt.Errorf("the entries from %d to %d were not written by a node of this ledger: %w", row.First, row.End()-1, err)
	}
	linked, err := c.seal == nil || bytes.Equal(row.previous, c.seal), error(nil)
	if row.First > c.end {
		linked, err = c.db.dropped(ctx, c.end, row.First)
	}
	if err != nil {
		return err
	}
	if !linked {
		return fmt.Errorf("%w: the entries from %d on do not follow those before %d: some are missing, or were written by no node", seal.ErrBroken, row.First, c.end)
	}
	c.end, c.seal = row.End(), row.seal
	return nil
}

// reaches says what is wrong when these are all rows up to a head.
func (c *chain) reaches(h head) error {
	if c.keys == nil || c.end >= h.next && (c.seal == nil || bytes.Equal(c.seal, h.tip)) {
		return nil
	}
	return fmt.Errorf("%w: the entries from %d to %d are missing", seal.ErrBroken, c.end, h.next-1)
}
