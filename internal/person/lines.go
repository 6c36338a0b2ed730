package person

import (
	"context"
	"slices"
	"time"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/ledger/index"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Line is one time somebody was shown the person's file, as the person reads it.
type Line struct {
	Number  ledger.Number
	At      time.Time
	Body    roster.OrganisationID // where whoever looked worked then
	Name    string                // of the body, as people know it
	Role    roster.Role           // of whoever looked, as their account has it now; empty when it is gone
	Reason  reason.FactKind       // by which another system explained it
	Fields  register.Fields       // that were shown
	Changed bool                  // what was shown was changed, too
}

// Lines are all of a person, the newest first.
type Lines struct {
	Lines []Line
	Since time.Time // when records begin
}

// Index answers in which entries a person was shown.
type Index interface {
	WhoSaw(context.Context, register.PersonID) (index.Seen, error)
}

// Roster is who has an account.
type Roster interface {
	// Account returns an account and its organisation; fault.Absent when there is none.
	Account(context.Context, roster.AccountID) (roster.Account, roster.Organisation, error)
	// Organisation returns an organisation; fault.Absent when there is none.
	Organisation(context.Context, roster.OrganisationID) (roster.Organisation, error)
}

// Withheld is what is left out of what people are told.
type Withheld interface {
	// Withholdings returns every withholding.
	Withholdings(context.Context) ([]Withholding, error)
}

// Reader reads people their lines.
type Reader struct {
	Index    Index
	Roster   Roster
	Withheld Withheld
	Now      func() time.Time
}

// Shown returns the entries in which a person was shown, but for those that are withheld now,
// the newest first, and since when the ledger has them. Whatever people are told of their file
// is made of these.
func (r Reader) Shown(ctx context.Context, person register.PersonID) (shown []ledger.Entry, since time.Time, err error) {
	seen, err := r.Index.WhoSaw(ctx, person)
	if err != nil {
		return nil, time.Time{}, err
	}
	withheld, err := r.Withheld.Withholdings(ctx)
	if err != nil {
		return nil, time.Time{}, err
	}
	now := r.Now()
	slices.Reverse(seen.Numbers)
	for e, err := range seen.Entries(ctx) {
		if err != nil {
			return nil, time.Time{}, err
		}
		if !slices.ContainsFunc(withheld, func(w Withholding) bool { return w.Hides(e, now) }) {
			shown = append(shown, e)
		}
	}
	return shown, seen.Begun, nil
}

// Read returns the lines of a person, as the ledger has them now.
func (r Reader) Read(ctx context.Context, person register.PersonID) (Lines, error) {
	shown, since, err := r.Shown(ctx, person)
	if err != nil {
		return Lines{}, err
	}
	read := Lines{Since: since}
	type looker struct {
		account roster.AccountID
		body    roster.OrganisationID
	}
	known := make(map[looker]Line)
	for _, e := range shown {
		who := looker{e.Account, e.Organisation}
		line, met := known[who]
		if !met {
			if line, err = r.whose(ctx, e); err != nil {
				return Lines{}, err
			}
			known[who] = line
		}
		line.Number, line.At, line.Reason, line.Fields, line.Changed = e.Number, e.Time, e.Reason.Kind, e.Fields, e.Kind == ledger.Changed
		read.Lines = append(read.Lines, line)
	}
	return read, nil
}

// whose is the body of an entry, and the role of its account.
func (r Reader) whose(ctx context.Context, e ledger.Entry) (Line, error) {
	line := Line{Body: e.Organisation, Name: string(e.Organisation)}
	account, organisation, err := r.Roster.Account(ctx, e.Account)
	if err == nil {
		line.Role = account.Role
	}
	if err == nil && organisation.ID != e.Organisation { // they work elsewhere since
		organisation, err = r.Roster.Organisation(ctx, e.Organisation)
	}
	switch {
	case fault.Is(err, fault.Absent):
		return line, nil
	case err != nil:
		return Line{}, err
	}
	line.Name = organisation.Name
	return line, nil
}

// One returns the line of an entry in which the person was shown. Any other entry is
// fault.Absent, whether it is somebody else's, an act, or not there.
func (r Reader) One(ctx context.Context, person register.PersonID, number ledger.Number) (Line, error) {
	all, err := r.Read(ctx, person)
	if err != nil {
		return Line{}, err
	}
	for _, line := range all.Lines {
		if line.Number == number {
			return line, nil
		}
	}
	return Line{}, &fault.Error{Kind: fault.Absent, Public: "you have no line of this number"}
}
