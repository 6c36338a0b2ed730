package sim

import (
	"slices"
	"time"

	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// This file holds every figure of the simulated town and says where it comes
// from. A figure without a source is an assumption, shaped on published logs of
// case work (a bank's loan desk, municipal permits, an IT help desk): replace it
// as soon as a real one is known. docs/detection.md discusses them.

// Beginning is the first day that is replayed: a Monday. Hours are the clock's
// on the wall.
var Beginning = time.Date(2026, time.March, 2, 0, 0, 0, 0, time.UTC)

// Size is how many people the register addresses. They are not stored: a number
// and a key make a person.
const Size = 43_000_000

// Limits of the two guards that others would put in Poterne's place.
const (
	RatePerMinute = 60  // openings a minute, as request limits go
	CapPerDay     = 100 // distinct people a day; stops one working day in a thousand at a loan desk
)

// Trade is how one kind of staff works on an ordinary day.
type Trade struct {
	Name  string
	Role  roster.Role
	Share float64 // of the staff that reads files

	People  float64 // median of distinct people a day with a reason; log-normal
	Between float64 // σ of its logarithm from one agent to another
	Within  float64 // σ of its logarithm from one day to another
	Idle    float64 // share of days without opening anybody

	Caseload float64 // median of people accompanied; log-normal, 0 for none
	Spread   float64 // σ of its logarithm

	Reasons []Share // what brings people up, normalised

	Unexplained float64 // λ: mean of people a day without any reason
	Dispersion  float64 // φ: variance over mean of that count, a negative binomial

	Rush float64 // factor on the days around the monthly declaration

	Searches float64 // share of people who are looked for by name and birth date before they are opened
	House    int     // staff of one organisation; one trade's only, or all that share the size
}

// Preset is how hard the town is.
type Preset string

const (
	Town Preset = "town" // as its figures say
	Hard Preset = "hard" // as over-dispersed, and as little explained, as the real logs are
)

// What the real logs have: a permit office, where 95 % is explained by what was live within 14 days; a loan
// desk, over 99 %; a help desk whose tickets were not connected, 69 %.
const (
	unexplainedPermits  = 0.05
	unexplainedHelpDesk = 0.31
	overDispersed       = 1.5 // φ is so many times as far from one
)

// trades is the staff of a town of this preset.
func (p Preset) trades() []Trade {
	if p != Hard {
		return Trades
	}
	trades := slices.Clone(Trades)
	for i := range trades {
		t := &trades[i]
		t.Between, t.Within = max(t.Between, 0.44), max(t.Within, 0.57) // those of the help desk
		t.Dispersion = 1 + overDispersed*(t.Dispersion-1)
		switch t.Name {
		case "benefits": // work like the loan desk's
			t.Between, t.Within = max(t.Between, 0.52), max(t.Within, 1.15)
		default:
			t.Unexplained = max(t.Unexplained, unexplainedPermits*t.People*(1-t.Idle))
		}
	}
	return append(trades, Trade{
		Name: "help-desk", Role: roster.Desk, Share: 0.05, People: 2, Between: 0.44, Within: 0.57,
		Reasons: []Share{{reason.DeskTicket, 1}}, Unexplained: unexplainedHelpDesk / (1 - unexplainedHelpDesk) * 2.4, Dispersion: 2.4,
		Rush: 1, Searches: 0.3, House: 30,
	})
}

// Share is how often a kind of reason brings somebody up.
type Share struct {
	Kind reason.FactKind
	Part float64
}

// Trades is the town's staff. Managers and security are left out: they read no
// file. Published caseloads run from 45 (reinforced) to 350 (followed) people.
var Trades = []Trade{
	{
		Name: "adviser", Role: roster.Adviser, Share: 0.55, People: 12, Between: 0.35, Within: 0.50, Caseload: 150, Spread: 0.45,
		Reasons:     []Share{{reason.Caseload, 0.70}, {reason.Appointment, 0.12}, {reason.Cover, 0.10}, {reason.Message, 0.05}},
		Unexplained: 0.3, Dispersion: 2, Rush: 1, Searches: 0.1, House: 30,
	},
	{ // a month of this work has more people with a reason than an adviser's ceiling holds
		Name: "benefits", Role: roster.CallCentre, Share: 0.06, People: 40, Between: 0.50, Within: 0.60,
		Reasons: []Share{{reason.Message, 1}}, Unexplained: 0.5, Dispersion: 4, Rush: 1, House: 30,
	},
	{
		Name: "desk", Role: roster.Desk, Share: 0.08, People: 32, Between: 0.30, Within: 0.45,
		Reasons: []Share{{reason.DeskTicket, 0.95}, {reason.Appointment, 0.05}}, Unexplained: 2, Dispersion: 3, Rush: 1.4, Searches: 0.3, House: 30,
	},
	{
		Name: "call-centre", Role: roster.CallCentre, Share: 0.10, People: 55, Between: 0.20, Within: 0.35,
		Reasons: []Share{{reason.Call, 0.97}, {reason.Message, 0.03}}, Unexplained: 2, Dispersion: 2, Rush: 1.4, Searches: 0.1, House: 100,
	},
	{
		Name: "training", Role: roster.Training, Share: 0.15, People: 2, Between: 0.70, Within: 0.80, Idle: 0.40, Caseload: 60, Spread: 0.60,
		Reasons: []Share{{reason.Enrolment, 1}}, Unexplained: 0.05, Dispersion: 3, Rush: 1, Searches: 0.1, House: 5,
	},
}

// Of whom somebody has to do with somebody: 6 of 43 million people are followed
// today; whom an agent opens without a reason are mostly colleagues' people.
const (
	followed      = 0.14
	doubtFollowed = 0.7
)

// What happens to agents now and then.
const (
	noted       = 0.35 // share of openings of one's own people after which something is written
	newDevice   = 0.2  // share of agents who get another device in sixty days
	teleworks   = 0.3  // share of agents who work at home one day a week
	onTheRoad   = 0.03 // share of days on a network of the road
	partTime    = 0.20 // share of agents who are away one day a week
	sick        = 0.05 // share of days
	onLeave     = 0.30 // share of agents who take one of the weeks off; a colleague covers them
	newJoiner   = 0.05 // share of agents in their first month
	joinerPace  = 0.5  // of an ordinary day
	joinerDoubt = 1.5  // of the ordinary unexplained
	deskDuty    = 0.20 // share of an adviser's days with half a day at the desk
	dutyPeople  = 12.5 // median of people received in that half-day; σ 0.5
	dutyDoubt   = 0.5  // unexplained people more, on such a day
	again       = 0.25 // share of people who are opened a second time that day

	homonyms     = 0.2              // rows of others in a search by name and birth date, in the mean: 2,000 people share a birth date, and two in ten thousand pairs a name
	homonymsOver = 2                // their variance over mean
	mistyped     = 0.005            // share of people whose reference is mistyped first, so that it leads to nobody
	late         = 0.01             // share of tickets that their system tells only after the opening; those it never tells are among the unexplained
	lateBy       = 10 * time.Minute // in the mean
	followUp     = 0.5              // share of people without a reason of whom another system tells something within a week: of a help desk's, half do within a month
	ownPage      = 25               // people on a page of one's own list, opened each morning,
	ownPages     = 0.2              // and another page now and then
)

// canariesIn says that one identifier in so many is a canary's, as in the example
// configuration.
const canariesIn = 1_000_000

// live is how long a fact of each kind stands, before and after the moment it is
// about.
var live = map[reason.FactKind]struct{ before, after time.Duration }{
	reason.Appointment: {3 * 24 * time.Hour, 3 * 24 * time.Hour},
	reason.Call:        {time.Minute, 15 * time.Minute},
	reason.DeskTicket:  {5 * time.Minute, 30 * time.Minute},
	reason.Message:     {24 * time.Hour, 14 * 24 * time.Hour},
	reason.Enrolment:   {24 * time.Hour, 90 * 24 * time.Hour},
	reason.Caseload:    {24 * time.Hour, 365 * 24 * time.Hour},
}

// hours is how a day's openings fall on the clock, from eight in the morning:
// published for a loan desk, without its evening shift and with a noon dip.
var hours = []float64{4, 12, 14, 13, 6, 8, 13, 12, 11, 5}

const firstHour = 8

// rush tells the days on which the monthly declaration brings people in: it opens
// on the 28th and closes on the 15th.
func rush(day time.Time) bool {
	d := day.Day()
	return d >= 28 || d <= 2 || d >= 11 && d <= 15
}

// use is what an account of a role opens: a service, for a purpose, with fields
// that the example configuration grants.
type use struct {
	service roster.ServiceID
	purpose roster.Purpose
	fields  register.Fields
}

func useOf(role roster.Role) use {
	if role == roster.Training {
		return use{"kairos", "train", register.Name | register.Contact | register.Training}
	}
	return use{"dossier", "accompany", register.Name | register.Birth | register.Contact | register.Status}
}
