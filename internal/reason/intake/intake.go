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
	"poterne/internal/roster"
)

// FactStore stores what was taken in. When a method returns nil, all of it MUST be
// durable; otherwise none of it. A fact told again replaces the former one.
type FactStore interface {
	// TakeFacts stores what source said, and at as the time when it was last heard.
	TakeFacts(ctx context.Context, source string, facts []reason.Fact, covers []reason.CoverDuty, at time.Time) error
}

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

// batch is how many lines are kept in one transaction.
const batch = 1000

// Facts takes in facts and covers.
type Facts struct {
	store     FactStore
	directory Directory
	as        register.Schemes
	roster    Roster
	sources   map[string]Source
	now       func() time.Time
}

// NewFacts returns an intake of facts and covers. A source that is not among sources
// tells nothing.
func NewFacts(store FactStore, directory Directory, as register.Schemes, roster Roster, sources map[string]Source, now func() time.Time) *Facts {
	return &Facts{store, directory, as, roster, sources, now}
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
		err = in.store.TakeFacts(ctx, source, nil, nil, in.now())
	}
	return report, err
}

// told is a line that could be read: a fact about a person still to be found, or a
// cover.
type told struct {
	record
	fact   reason.Fact
	person register.Ref
	cover  *reason.CoverDuty
}

func (in *Facts) keep(ctx context.Context, source string, records []record) (rejected []Rejection, err error) {
	now, declared := in.now(), in.sources[source]
	var lines []told
	for _, r := range records {
		line := told{record: r}
		if r.text("kind") == reason.Cover.String() {
			cover := readCover(&line.record, source)
			line.cover = &cover
			declared.hold(&line.record, reason.Cover, cover.From, cover.Until, now)
		} else {
			line.fact, line.person = readFact(&line.record, source, in.as)
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
	var facts []reason.Fact
	var covers []reason.CoverDuty
	for _, line := range lines {
		switch {
		case line.wrong != "":
			rejected = append(rejected, Rejection{line.line, line.wrong})
		case line.cover != nil:
			covers = append(covers, *line.cover)
		default:
			facts = append(facts, line.fact)
		}
	}
	if err := in.store.TakeFacts(ctx, source, facts, covers, now); err != nil {
		return nil, fmt.Errorf("keeping facts: %w", err)
	}
	return rejected, nil
}

// recognise rejects the lines that name an account which the roster does not have.
func (in *Facts) recognise(ctx context.Context, lines []told) error {
	var accounts []roster.AccountID
	for _, line := range lines {
		for _, column := range accountColumns {
			if id := line.text(column); id != "" && line.wrong == "" {
				accounts = append(accounts, roster.AccountID(id))
			}
		}
	}
	slices.Sort(accounts)
	known, err := in.roster.Known(ctx, slices.Compact(accounts))
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
func (in *Facts) find(ctx context.Context, lines []told) error {
	var refs []register.Ref
	var places []int
	for i, line := range lines {
		if line.wrong == "" && line.cover == nil {
			refs, places = append(refs, line.person), append(places, i)
		}
	}
	people, err := in.directory.People(ctx, refs)
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
