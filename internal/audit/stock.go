package audit

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/seal"
)

// Part is a part of a table of which there is an inventory: what no entry tells of row by row.
type Part struct {
	Table string
	Of    int
}

// Difference is what sets the rows of a part of a table apart from its inventory.
type Difference struct {
	Table  string
	Part   int
	Next   ledger.Number   // of the entry that came next when the rows were read
	Last   time.Time       // of the one before
	Turned uint64          // how often that inventory had been corrected
	Found  *seal.Inventory // what corrects it
	More   []Stray         // rows that are there, and should not be
	Fewer  []seal.Item     // rows that should be there, and are not
	Retold []bool          // of each of these: another row has its place by now, that should be there
	All    bool            // these are all
}

// Stray is a row that its inventory does not have.
type Stray struct {
	Key string
	seal.Item
}

// findings says what is wrong with which rows. A row that is gone is known by the hash of its key.
func (d Difference) findings() (findings []Finding) {
	for _, stray := range d.More {
		findings = append(findings, Finding{Row: Row{d.Table, stray.Key}, Fault: PutBack})
	}
	for i, item := range d.Fewer {
		replaced := d.Retold[i] || slices.ContainsFunc(d.More, func(stray Stray) bool { return stray.Item.Key == item.Key })
		if !replaced {
			findings = append(findings, Finding{Row: Row{d.Table, "#" + hex.EncodeToString(item.Key[:])}, Fault: Missing})
		}
	}
	if !d.All {
		findings = append(findings, Finding{Row: Row{d.Table, fmt.Sprintf("part %d", d.Part)}, Fault: Many})
	}
	return findings
}

// opens reports whether it is not known of whom rows are gone that said that files are closed or
// archived.
func (d Difference) opens() bool { return !d.All && d.Table == "fact" }

// StockRows are the rows of which there are inventories, in a turn.
type StockRows interface {
	// Turned returns how often the inventory of a part was corrected.
	Turned(table string, part int) (uint64, error)
	// Reconcile ends the rows that should not be there: every row of the part but those that say that
	// files are closed or archived, when they are not all known. What was told since the rows were read
	// stays. It puts a row that said so back that is gone, unless its source has told it since, and has
	// the inventory be of what rows there are.
	Reconcile(Difference, ledger.Entry) error
}

// Reconcile ends rows that were put back, and puts back what closed a file. The program does it by
// itself.
type Reconcile struct{ Difference }

// Decide implements journal.Act.
func (r Reconcile) Decide(_ *journal.Tx, rows StockRows) (ledger.Entry, error) {
	turned, err := rows.Turned(r.Table, r.Part)
	if err == nil && turned != r.Turned { // another node was quicker
		err = journal.Unchanged
	}
	e := ledger.Entry{
		Kind: ledger.Reconciled, Account: journal.Itself, State: ledger.Audited, Target: r.Table, Count: uint64(len(r.More)), Rejected: uint64(len(r.Fewer)),
	}
	if !r.All {
		e.State = ledger.Uncounted
	}
	return e, err
}

// Apply implements journal.Act.
func (r Reconcile) Apply(rows StockRows, e ledger.Entry) error {
	return rows.Reconcile(r.Difference, e)
}

// Changes implements journal.Changes: covers are read with the account that asks.
func (r Reconcile) Changes() bool { return r.Table == "cover" }

// takeStock holds the rows of a part against its inventory.
func (a *Audit) takeStock(ctx context.Context, part Part) (findings []Finding, d *Difference, err error) {
	unsealed, d, err := a.rows.Stock(ctx, part)
	for _, row := range unsealed {
		findings = append(findings, Finding{Row: row, Fault: NoSeal})
	}
	if d != nil {
		findings = append(findings, d.findings()...)
	}
	return findings, d, err
}
