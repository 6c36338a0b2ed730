// Package intake takes in what other systems say about people: facts, covers,
// and the identifiers their applications use. A line that cannot be taken is
// rejected with its number and the column at fault, never with what it holds;
// the other lines are kept. Taking the same lines in twice changes nothing.
package intake

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"poterne/internal/reason"
	"poterne/internal/register"
)

// Shelf is where what was taken in is kept. When a method returns nil, all of
// it is durable; otherwise none of it is. What is told again replaces itself.
type Shelf interface {
	// TakeFacts keeps what source said at a moment, and that it was heard then.
	TakeFacts(ctx context.Context, source string, facts []reason.Fact, covers []reason.CoverDuty, at time.Time) error
}

// Directory finds the person behind each reference: the zero PersonID for a
// reference that leads to nobody.
type Directory interface {
	People(ctx context.Context, refs []register.Ref) ([]register.PersonID, error)
}

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

// batch is how many lines are kept in one transaction.
const batch = 1000

// Facts takes in facts and covers.
type Facts struct {
	shelf     Shelf
	directory Directory
	as        register.Schemes
	now       func() time.Time
}

// NewFacts returns an intake of facts and covers.
func NewFacts(shelf Shelf, directory Directory, as register.Schemes, now func() time.Time) *Facts {
	return &Facts{shelf, directory, as, now}
}

// Take reads facts and covers that source tells. The report is right even when
// there is an error: that many lines were kept before it.
func (in *Facts) Take(ctx context.Context, source string, format Format, from io.Reader, said Said) (Report, error) {
	heard := false
	report, err := take(ctx, format, factColumns, from, said, func(records []record) ([]Rejection, error) {
		heard = true
		return in.keep(ctx, source, records)
	})
	if err == nil && !heard { // a source with nothing new was still heard
		err = in.shelf.TakeFacts(ctx, source, nil, nil, in.now())
	}
	return report, err
}

func (in *Facts) keep(ctx context.Context, source string, records []record) (rejected []Rejection, err error) {
	var refs []register.Ref
	var lines []int // of facts
	var facts []reason.Fact
	var covers []reason.CoverDuty
	for _, r := range records {
		if r.text("kind") == reason.Cover.String() {
			cover := readCover(&r, source)
			if r.wrong == "" {
				covers = append(covers, cover)
			}
		} else {
			fact, ref := readFact(&r, source, in.as)
			if r.wrong == "" {
				facts, refs, lines = append(facts, fact), append(refs, ref), append(lines, r.line)
			}
		}
		if r.wrong != "" {
			rejected = append(rejected, Rejection{r.line, r.wrong})
		}
	}
	people, err := in.directory.People(ctx, refs)
	if err != nil {
		return nil, fmt.Errorf("finding the people that facts are about: %w", err)
	}
	known := facts[:0]
	for i, fact := range facts {
		if people[i].IsZero() {
			rejected = append(rejected, Rejection{lines[i], "person: this identifier leads to nobody; take its alias in first"})
			continue
		}
		fact.Person = people[i]
		known = append(known, fact)
	}
	if err := in.shelf.TakeFacts(ctx, source, known, covers, in.now()); err != nil {
		return nil, fmt.Errorf("keeping facts: %w", err)
	}
	return rejected, nil
}

var factColumns = []string{
	"id", "kind", "account", "organisation", "scheme", "person", "from", "until", "author",
	"absent", "substitute", "declared_by",
}

// take reads lines and keeps them batch by batch.
func take(ctx context.Context, format Format, columns []string, from io.Reader, said Said, keep func([]record) ([]Rejection, error)) (Report, error) {
	var report Report
	var records []record
	var rejected []Rejection
	flush := func() error {
		more, err := keep(records)
		if err != nil {
			return err
		}
		rejected = append(rejected, more...)
		slices.SortFunc(rejected, func(a, b Rejection) int { return cmp.Compare(a.Line, b.Line) })
		report.Kept += len(records) - len(more)
		report.Rejected += len(rejected)
		for _, r := range rejected {
			if said.Rejected != nil {
				said.Rejected(r)
			}
		}
		if said.Progress != nil {
			said.Progress(report)
		}
		records, rejected = records[:0], rejected[:0]
		return nil
	}
	for r, err := range read(format, columns, from) {
		if err != nil {
			return report, err
		}
		if err := ctx.Err(); err != nil {
			return report, err
		}
		if r.wrong != "" {
			rejected = append(rejected, Rejection{r.line, r.wrong})
		} else {
			records = append(records, r)
		}
		if len(records)+len(rejected) >= batch {
			if err := flush(); err != nil {
				return report, err
			}
		}
	}
	if len(records)+len(rejected) == 0 {
		return report, nil
	}
	return report, flush()
}
