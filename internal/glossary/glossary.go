// Package glossary remembers what each category of fields means: entries keep its number alone,
// and are read years later under another configuration. What a number meant once it means for
// ever; what people call it may change.
package glossary

import (
	"time"

	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/register"
)

// Known is what the database remembers.
type Known struct {
	Categories register.Categories // none: nothing was declared yet
	Entry      ledger.Number       // that declared them last, and has the digest of all
	At         time.Time           // when that was
}

// Digest is that of all categories, as the entry has it that declares them.
func Digest(c register.Categories) ledger.Digest { return ledger.DigestRows(c.Rows) }

// Again is after how long what did not change is declared again: the entry of it is dropped with
// its month, and evidence of later ones is to have it.
const Again = 30 * 24 * time.Hour

// Rows is what is remembered, in this turn.
type Rows interface {
	// Glossary returns it.
	Glossary() (Known, error)
	// PutGlossary replaces it.
	PutGlossary(Known) error
}

// Declare says what the categories are from now on. One that was known and is not among them
// stays, as gone. Neither a number nor an id may come to mean another thing.
type Declare struct {
	Categories register.Categories

	next register.Categories
}

// Decide implements journal.Act.
func (d *Declare) Decide(tx *journal.Tx, rows Rows) (ledger.Entry, error) {
	known, err := rows.Glossary()
	if err != nil {
		return ledger.Entry{}, err
	}
	if d.next, err = d.Categories.After(known.Categories); err != nil {
		return ledger.Entry{}, fault.Errorf(fault.Refused, "%w", err)
	}
	if len(known.Categories) > 0 && d.next.Equal(known.Categories) && tx.Now().Sub(known.At) < Again {
		return ledger.Entry{}, journal.Unchanged
	}
	return ledger.Entry{Kind: ledger.Glossed, Account: journal.Itself, Count: uint64(len(d.next)), Digest: Digest(d.next)}, nil
}

// Apply implements journal.Act.
func (d *Declare) Apply(rows Rows, e ledger.Entry) error {
	return rows.PutGlossary(Known{Categories: d.next, Entry: e.Number, At: e.Time})
}
