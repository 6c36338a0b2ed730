// Package intake takes in what other systems say about people: facts, covers,
// and the identifiers their applications use. A line that cannot be taken is
// rejected with its number and the column at fault, never with what it holds;
// the other lines are kept. Taking the same lines in twice changes nothing.
// Lines are kept batch by batch: each is an act, whose rows and entry commit together.
package intake

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"poterne/internal/journal"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Directory finds the person behind each reference, in their order; the zero PersonID for
// a reference to no person.
type Directory interface {
	People(ctx context.Context, refs []register.Ref) ([]register.PersonID, error)
}

// Roster says which of these accounts exist. Ids MUST be compared letter by letter.
type Roster interface {
	Known(ctx context.Context, accounts []roster.AccountID) (map[roster.AccountID]bool, error)
}

// Source is what a source may tell: its kinds of facts, and how long at most one
// holds from its beginning or, when it is told later, from then. The zero Source
// tells nothing.
type Source map[reason.FactKind]time.Duration

// Format is how lines are written.
type Format string

const (
	CSV    Format = "csv"    // a header, then cells separated as the header is, by commas or semicolons
	NDJSON Format = "ndjson" // one JSON object on each line
)

// Rejection is a line that was not taken in.
type Rejection struct {
	Line   int    `json:"line"`
	Reason string `json:"reason"` // names a column, never what was in it
}

// Report counts lines.
type Report struct {
	Kept     int
	Rejected int
}

// Said is called while lines are taken in. Either part may be nil.
type Said struct {
	Rejected func(Rejection) // each rejected line, in the order of lines
	Progress func(Report)    // after each batch
}

// Batch is how many lines are kept in one act: the ledger's head is not held for long.
const Batch = 1000

// Facts takes in facts and covers.
type Facts struct {
	Writer    journal.Writer
	By        roster.AccountID // who takes in; empty when the source pushes
	Directory Directory
	Schemes   register.Schemes
	Roster    Roster
	Sources   map[string]Source // one that is not here tells nothing
	Covers    reason.CoverBounds
	Arrivals  Arrivals
	Now       func() time.Time
}

// Take reads facts and covers that source tells; one with nothing new was heard all the
// same. The report is right even when there is an error: that many lines were kept before
// it.
func (in Facts) Take(ctx context.Context, source string, format Format, from io.Reader, said Said) (Report, error) {
	return take(ctx, format, factColumns, from, said, func(records []record) ([]Rejection, error) {
		return in.keep(ctx, source, records)
	})
}

// told is a line as it was read: a fact about a person still to be found, or a
// cover.
type told struct {
	record
	fact   reason.Fact
	person register.Ref
	cover  *reason.CoverDuty
}

func (in Facts) keep(ctx context.Context, source string, records []record) (rejected []Rejection, err error) {
	now, declared := in.Now(), in.Sources[source]
	var lines []told
	for _, r := range records {
		line := told{record: r}
		if r.text("kind") == reason.Cover.String() {
			cover := readCover(&line.record, source)
			line.cover = &cover
			declared.hold(&line.record, reason.Cover, cover.From, cover.Until, now)
		} else {
			line.fact, line.person = readFact(&line.record, source, in.Schemes)
			declared.hold(&line.record, line.fact.Kind, line.fact.From, line.fact.Until, now)
		}
		lines = append(lines, line)
	}
	// An account in another spelling than the roster's would pass for another account than
	// the asker's.
	if err := in.recognise(ctx, lines); err != nil {
		return nil, err
	}
	if err := in.find(ctx, lines); err != nil {
		return nil, err
	}
	batch := &FactBatch{By: in.By, Source: source, Bounds: in.Covers, Arrivals: in.Arrivals}
	var covers []*told // of batch
	for i, line := range lines {
		switch {
		case line.wrong != "":
			batch.Rejected++
		case line.cover != nil:
			batch.Covers, covers = append(batch.Covers, *line.cover), append(covers, &lines[i])
		default:
			batch.Facts = append(batch.Facts, line.fact)
		}
	}
	err = in.Writer.Turn(ctx, len(records), func(tx *journal.Tx) error { return batch.within(tx, covers) })
	for _, line := range lines {
		if line.wrong != "" {
			rejected = append(rejected, Rejection{line.line, line.wrong})
		}
	}
	return rejected, err
}

// recognise rejects the lines that name an account which the roster does not have.
func (in Facts) recognise(ctx context.Context, lines []told) error {
	var accounts []roster.AccountID
	for _, line := range lines {
		for _, column := range accountColumns {
			if id := line.text(column); id != "" && line.wrong == "" {
				accounts = append(accounts, roster.AccountID(id))
			}
		}
	}
	slices.Sort(accounts)
	known, err := in.Roster.Known(ctx, slices.Compact(accounts))
	if err != nil {
		return fmt.Errorf("looking up the accounts that facts name: %w", err)
	}
	for i := range lines {
		for _, column := range accountColumns {
			if id := lines[i].text(column); id != "" && !known[roster.AccountID(id)] {
				lines[i].reject(column, "not in the roster; import the roster first, or spell it as it is there")
			}
		}
	}
	return nil
}

// find leads facts to their people, and rejects those about no person.
func (in Facts) find(ctx context.Context, lines []told) error {
	var refs []register.Ref
	var places []int
	for i, line := range lines {
		if line.wrong == "" && line.cover == nil {
			refs, places = append(refs, line.person), append(places, i)
		}
	}
	people, err := in.Directory.People(ctx, refs)
	if err != nil {
		return fmt.Errorf("finding the people that facts are about: %w", err)
	}
	for i, place := range places {
		lines[place].fact.Person = people[i]
		if people[i].IsZero() {
			lines[place].reject("person", "this identifier leads to nobody; take its alias in first")
		}
	}
	return nil
}

var factColumns = []string{
	"id", "kind", "account", "organisation", "scheme", "person", "from", "until", "author",
	"absent", "substitute", "declared_by",
}

// accountColumns hold accounts of the roster, or nothing.
var accountColumns = []string{"account", "author", "absent", "substitute", "declared_by"}

// take reads lines and keeps them batch by batch; when there are none, an empty one.
func take(ctx context.Context, format Format, columns []string, from io.Reader, said Said, keep func([]record) ([]Rejection, error)) (Report, error) {
	var report Report
	var records []record
	flush := func() error {
		rejected, err := keep(records)
		if err != nil {
			return err
		}
		report.Kept += len(records) - len(rejected)
		report.Rejected += len(rejected)
		for _, r := range rejected {
			if said.Rejected != nil {
				said.Rejected(r)
			}
		}
		if said.Progress != nil {
			said.Progress(report)
		}
		records = records[:0]
		return nil
	}
	for r, err := range read(format, columns, from) {
		if err != nil {
			return report, err
		}
		if err := ctx.Err(); err != nil {
			return report, err
		}
		if records = append(records, r); len(records) == Batch {
			if err := flush(); err != nil {
				return report, err
			}
		}
	}
	if len(records) == 0 && report != (Report{}) {
		return report, nil
	}
	return report, flush()
}
