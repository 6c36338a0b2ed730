package intake

import (
	"time"

	"poterne/internal/approval"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// FactRows are facts, covers and when each source was heard, in this turn.
type FactRows interface {
	approval.Rows
	ArrivalRows
	// Covers returns the covers of a substitute, past and to come included.
	Covers(substitute roster.AccountID) ([]reason.CoverDuty, error)
	// Declared returns the covers that an account declared and that have not ended.
	Declared(by roster.AccountID, now time.Time) ([]reason.CoverDuty, error)
	// UpsertFacts stores a batch, and the time of its entry as that when its source was last
	// heard. What has the identifier of another line of its source replaces it, in the
	// batch, too. It notes whose facts changed: see journal.Head.
	UpsertFacts(batch FactBatch, entry ledger.Entry) error
}

// FactBatch takes in some of what a source tells, all of it or nothing.
type FactBatch struct {
	By       roster.AccountID
	Source   string
	Facts    []reason.Fact
	Covers   []reason.CoverDuty
	Bounds   reason.CoverBounds
	Arrivals Arrivals
	Rejected int // lines among them that were not taken

	came []came
}

// Decide implements journal.Act. It refuses covers with Undue.
func (b *FactBatch) Decide(tx *journal.Tx, rows FactRows) (ledger.Entry, error) {
	if err := b.due(tx, rows); err != nil {
		return ledger.Entry{}, err
	}
	if err := b.hold(tx, rows); err != nil {
		return ledger.Entry{}, err
	}
	return ledger.Entry{
		Kind: ledger.Imported, Account: b.By, State: ledger.Facts, Target: b.Source,
		Count: uint64(len(b.Facts) + len(b.Covers)), Rejected: uint64(b.Rejected), Digest: b.digest(),
	}, nil
}

func (b *FactBatch) digest() ledger.Digest {
	return ledger.DigestRows(func(row func(...any)) {
		for _, f := range b.Facts {
			row("fact", b.Source, f.ID, f.Kind, f.Account, f.Organisation, string(f.Person[:]), f.From.UnixMicro(), f.Until.UnixMicro(), f.Author)
		}
		for _, c := range b.Covers {
			row("cover", b.Source, c.ID, c.Absent, c.Substitute, c.DeclaredBy, c.From.UnixMicro(), c.Until.UnixMicro())
		}
	})
}

// Apply implements journal.Act.
func (b *FactBatch) Apply(rows FactRows, entry ledger.Entry) error {
	if err := b.arrive(rows, entry.Time); err != nil {
		return err
	}
	return rows.UpsertFacts(*b, entry)
}

// Changes implements journal.Changes: covers are read with the account that asks.
func (b *FactBatch) Changes() bool { return len(b.Covers) > 0 }

// AliasRows are whom the identifiers of other systems lead to, in this turn.
type AliasRows interface {
	// UpsertAliases stores aliases that were told at a time. One told again is replaced, in the
	// same list, too.
	UpsertAliases(told []Alias, at time.Time) error
}

// Alias is an identifier of another system, and the person it leads to.
type Alias struct {
	Alias  register.Alias
	Person register.PersonID
}

// AliasBatch takes in some aliases, all of them or nothing.
type AliasBatch struct {
	By       roster.AccountID
	Aliases  []Alias
	Rejected int // lines among them that were not taken
}

// Decide implements journal.Act.
func (b AliasBatch) Decide(*journal.Tx, AliasRows) (ledger.Entry, error) {
	digest := ledger.DigestRows(func(row func(...any)) {
		for _, a := range b.Aliases {
			row("alias", string(a.Alias[:]), string(a.Person[:]))
		}
	})
	return ledger.Entry{
		Kind: ledger.Imported, Account: b.By, State: ledger.Aliases,
		Count: uint64(len(b.Aliases)), Rejected: uint64(b.Rejected), Digest: digest,
	}, nil
}

// Apply implements journal.Act.
func (b AliasBatch) Apply(rows AliasRows, e ledger.Entry) error {
	return rows.UpsertAliases(b.Aliases, e.Time)
}
