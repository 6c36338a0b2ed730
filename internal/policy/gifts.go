package policy

import (
	"time"

	"poterne/internal/meter"
	"poterne/internal/roster"
)

// Gives is the default of Rules.Gives, within an hour and within 28 days: whoever talks a manager into signing MUST
// NOT empty the register by many hands.
var Gives = meter.Allowance{Short: meter.People(100), Long: meter.People(200)}

// MostGiven bounds how many people one account can be given within 28 days by all raises
// and signatures together: two accounts that collude MUST NOT take the register by fifties.
const MostGiven = 100

// Beyond so many people within 28 days, an organisation's managers are told of what one of its
// accounts was given, and of what it gave.
const (
	ReceivedTold = 10
	GivenTold    = 50
)

// youngShare is by how much less an account is given, and finds by searches, that is younger
// than Young.
const youngShare = 10

// Gifts is how many people others may give one account within 28 days.
type Gifts struct {
	Signed int // by signatures
	Given  int // by signatures and raises together
}

// GiftsOf returns what an account may be given where so many people can be signed for. A
// young one has a tenth: whoever made it may be who signs for it.
func GiftsOf(signed int, young bool) Gifts {
	g := Gifts{signed, MostGiven}
	if young {
		g.Signed, g.Given = (g.Signed+youngShare-1)/youngShare, g.Given/youngShare
	}
	return g
}

// RowsOf returns how many people without a reason an account of a role may find in the rows
// of searches within 28 days; zero for any number. A young one has a tenth: probation bounds
// whom it opens, and MUST NOT be walked around by rows.
func (r Rules) RowsOf(role roster.Role, young bool) int {
	if young {
		return (r.Rows[role] + youngShare - 1) / youngShare
	}
	return r.Rows[role]
}

// Listed returns how many people with a reason rows of lists and searches showed an account within a
// day, new to it, and how many they may before more is asked for; zero for any number.
func (r Rules) Listed(role roster.Role, m *meter.Draft, now time.Time) (people, most int) {
	people, proved := meter.FirstInRows(m, now)
	if most = r.Lists[role]; proved {
		most *= proven
	}
	return people, most
}

// StrangersOf returns how many people without a reason an account of a role may be shown within
// 28 days, in all ways together; zero for any number. A young one has a tenth, or what it may
// open by itself where that is more, and one more for each of whom another system told the reason
// afterwards: whatever its role, whoever had it made for a theft finds nobody who tells.
func (r Rules) StrangersOf(role roster.Role, young bool, m *meter.Draft, now time.Time) int {
	most := r.Strangers[role]
	if !young || most == 0 {
		return most
	}
	own := r.Allowances[role]
	if r.Probation.Long > 0 {
		own = own.Least(r.probation(role))
	}
	part := max((most+youngShare-1)/youngShare, int(own.Long/meter.Whole))
	return min(most, part+m.Confirmed(now))
}
