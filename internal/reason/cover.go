package reason

import (
	"cmp"
	"slices"
	"time"

	"poterne/internal/roster"
)

// CoverDuty is declared by a manager of an agent who is away: until a date, the substitute
// accompanies the absent agent's caseload.
type CoverDuty struct {
	Absent      roster.AccountID
	Substitute  roster.AccountID
	DeclaredBy  roster.AccountID
	From, Until time.Time
	Source      string
	ID          string
}

// CoverBounds is what the operator sets of covers. The zero bounds allow none.
type CoverBounds struct {
	Absent   int           // colleagues whom one substitute covers at once
	Longest  time.Duration // of one cover
	Declared int           // covers that one manager has declared and that have not ended; zero for any number
}

// Covers are the bounds when the operator says nothing else.
var Covers = CoverBounds{Absent: 2, Longest: 28 * 24 * time.Hour, Declared: 20}

// Duty is a cover as it stands at a moment.
type Duty struct {
	CoverDuty
	AbsentIn   roster.OrganisationID // where the absent account is; empty when there is none
	DeclaredIn roster.OrganisationID // likewise the account that declared it
	Managed    bool                  // by a manager
	Stopped    bool                  // an order stops the account that declared it
	Worked     bool                  // the absent account was shown somebody since the cover began
}

// Between is the cover with the accounts that it names, as the roster has them; the zero
// account for one that is no more.
func (c CoverDuty) Between(absent, by roster.Account) Duty {
	return Duty{CoverDuty: c, AbsentIn: absent.Organisation, DeclaredIn: by.Organisation, Managed: by.Role == roster.Manager}
}

// Objection is what stands against a cover, whenever it is used.
type Objection uint8

const (
	NoObjection     Objection = iota
	OfThemself                // the substitute is the absent agent
	ByThemself                // the substitute or the absent agent declared it
	NotByManager              // no manager declared it, or one of another organisation
	ElsewhereAbsent           // absent agent and substitute are of two organisations
	TooLong                   // it lasts for longer than a cover may
)

// Objection returns what stands against a cover of a substitute in an organisation.
func (b CoverBounds) Objection(d Duty, organisation roster.OrganisationID) Objection {
	switch {
	case d.Absent == "" || d.Absent == d.Substitute:
		return OfThemself
	case d.DeclaredBy == d.Substitute || d.DeclaredBy == d.Absent:
		return ByThemself
	case d.DeclaredBy == "" || !d.Managed || d.DeclaredIn == "" || d.DeclaredIn != d.AbsentIn:
		return NotByManager
	case d.AbsentIn != organisation:
		return ElsewhereAbsent
	case d.Until.Sub(d.From) > b.Longest:
		return TooLong
	default:
		return NoObjection
	}
}

// In reports whether the cover's time has come and has not ended.
func (c CoverDuty) In(now time.Time) bool { return !now.Before(c.From) && now.Before(c.Until) }

// absent returns the covers that explain the caseloads of absent colleagues at now. Of
// more than may be absent at once, those whose cover began first are.
func (b CoverBounds) absent(covers []Duty, substitute roster.AccountID, organisation roster.OrganisationID, now time.Time) []Duty {
	var held []Duty
	for _, d := range covers {
		if d.Substitute == substitute && d.In(now) && !d.Stopped && !d.Worked && b.Objection(d, organisation) == NoObjection {
			held = append(held, d)
		}
	}
	slices.SortFunc(held, func(a, b Duty) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Absent, b.Absent), cmp.Compare(a.Source, b.Source), cmp.Compare(a.ID, b.ID))
	})
	absent := make(map[roster.AccountID]bool)
	return slices.DeleteFunc(held, func(d Duty) bool {
		if len(absent) < b.Absent {
			absent[d.Absent] = true
		}
		return !absent[d.Absent]
	})
}

// Crowded reports whether a substitute would cover more colleagues at once with one more
// cover than the bound, beside others of the same substitute.
func (b CoverBounds) Crowded(c CoverDuty, others []CoverDuty) bool {
	begins := []time.Time{c.From} // the most are absent when some cover begins
	for _, o := range others {
		if o.From.After(c.From) && o.From.Before(c.Until) {
			begins = append(begins, o.From)
		}
	}
	return slices.ContainsFunc(begins, func(at time.Time) bool {
		absent := map[roster.AccountID]bool{c.Absent: true}
		for _, o := range others {
			if o.In(at) {
				absent[o.Absent] = true
			}
		}
		return len(absent) > b.Absent
	})
}
