package config

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"poterne/internal/campaign"
	"poterne/internal/intake"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/roster"
)

// allowancesTable is how many people without a known reason may be opened: by an
// account, by its role; by any account younger than 28 days; and by all accounts
// together, in one organisation, through one service, and in the whole register.
type allowancesTable struct {
	ByRole map[string]allowanceTable `toml:"*"` // a programme's is nobody, where it is left out

	Probation    allowanceTable `toml:"probation" need:"probation = { hour = 1, month = 5 }, for accounts younger than 28 days"`
	Organisation allowanceTable `toml:"organisation" need:"organisation = { hour = 100, month = 2000 }, for all accounts of one organisation together"`
	Service      allowanceTable `toml:"service" need:"service = { hour = 500, month = 20000 }, for all accounts through one service together"`
	Register     allowanceTable `toml:"register" need:"register = { hour = 1000, month = 40000 }, for all accounts together"`

	// Together is how many people beyond its month an organisation may be shown, at most, and half
	// of the month: one for every two of whom another system told the reason afterwards.
	Together *int64 `toml:"together"` // 1000

	// Share is what part of each of these three one account may spend: one in so many.
	Share int64 `toml:"share"` // 3

	// Ceiling is how many people with a reason an account may be shown within 28 days, in
	// whatever way.
	Ceiling peopleTable `toml:"ceiling"`

	// Arrivals is how many people may come to an account's caseload within a day without a
	// second person.
	Arrivals peopleTable `toml:"arrivals"`

	// Rows is how many people without a reason an account may find in the rows of searches
	// within 28 days.
	Rows peopleTable `toml:"rows"`

	// Lists is how many people with a reason an account may be shown within a day in rows of lists
	// and searches, new to it, before it confirms that somebody is there.
	Lists peopleTable `toml:"lists"`

	// Strangers is how many people without a reason an account may be shown within 28 days, in
	// all ways together.
	Strangers peopleTable `toml:"strangers"`

	// Earned is how many people beyond the month's allowance an account may be shown, at most:
	// one for every two of whom another system told the reason afterwards.
	Earned peopleTable `toml:"earned"`

	// Signed is how many people others may sign for, for one account within 28 days.
	Signed int64 `toml:"signed"` // 40

	// Gives is how many people one account may give to all others together, by signatures and
	// raises.
	Gives givesTable `toml:"gives"`

	// Cold says whether people with whom no system has anything to do cost twice.
	Cold bool `toml:"cold" need:"cold = false, or true: people with whom no system has anything to do cost twice"`
}

type givesTable struct {
	Hour  int64 `toml:"hour"`  // 100
	Month int64 `toml:"month"` // 200
}

type allowanceTable struct {
	Hour  int64 `toml:"hour" need:"hour = 3, how many people without a reason within an hour"`
	Month int64 `toml:"month" need:"month = 20, how many people without a reason within 28 days"`
}

// peopleTable is by role. A role that is left out has the default of package policy, if
// there is one.
type peopleTable map[string]int64

// The largest allowance of an account, and of many together; and how many people
// a day a CUSUM may forgive.
const (
	mostOfAccount = 10_000
	mostOfAll     = 10_000_000
	mostForgiven  = 100
	mostSigned    = 100
	mostAbsent    = 10
	mostParts     = 100
)

// watchesTable is how each role's work is watched; a programme's as usualProgramme, where it is
// left out.
type watchesTable struct {
	ByRole map[string]watchTable `toml:"*"`
}

var usualProgramme = watchTable{Forgiven: 0.25, Line: 8, Pace: 120, Wall: 200}

type watchTable struct {
	Forgiven float64 `toml:"forgiven" need:"forgiven = 1, how many people without a reason a day's work honestly opens, and a little more"`
	Line     int64   `toml:"line" need:"line = 18, how many beyond that add up before new ones are frozen"`
	Pace     int64   `toml:"pace" need:"pace = 20, how many of one's own people within an hour, without writing, before a step-up is asked for"`
	Wall     int64   `toml:"wall" need:"wall = 200, how many people whom a fact explains within a day"`
}

// observeTable is what is decided and written down without stopping anybody.
// Whoever sets it switches off what it names: the ledger then says who was taken,
// and nothing keeps a thief from taking them.
type observeTable struct {
	Everything bool     `toml:"everything"`
	Services   []string `toml:"services"`
	Roles      []string `toml:"roles"`
	Rules      []string `toml:"rules"`
	Most       int64    `toml:"most"` // 500
}

// coverTable bounds covers.
type coverTable struct {
	Absent  int64         `toml:"absent"`  // 2
	Longest time.Duration `toml:"longest"` // 672h
}

func (c coverTable) compile(wrong *document) reason.CoverBounds {
	bounds := reason.CoverBounds{
		Absent: int(cmp.Or(c.Absent, int64(reason.Covers.Absent))), Longest: cmp.Or(c.Longest, reason.Covers.Longest),
	}
	if bounds.Absent < 1 || bounds.Absent > mostAbsent {
		wrong.Add("cover.absent", "must be between 1 and %d: how many absent colleagues one account may cover at once", mostAbsent)
	}
	if bounds.Longest < time.Hour || bounds.Longest > meter.Memory {
		wrong.Add("cover.longest", "must be between \"1h\" and \"672h\", which is 28 days")
	}
	return bounds
}

// campaignTable is what a confirmed theft does to the accounts that share something
// with it: they keep a quarter of their allowances for so long.
type campaignTable struct {
	Narrowed time.Duration `toml:"narrowed"` // 72h
}

// Between these, a theft narrows its neighbours.
const (
	shortestNarrowed = time.Hour
	longestNarrowed  = 28 * 24 * time.Hour
)

// rules turns what the operator sets into rules, and complains about what they
// cannot mean.
func (c *config) rules(s *Settings, wrong *document) {
	s.Rules = policy.Rules{
		Purposes: roster.Purposes{}, Allowances: map[roster.Role]meter.Allowance{}, Watches: map[roster.Role]policy.Watch{},
		Cold: c.Allowance.Cold, Observed: c.observed(wrong),
	}
	c.fields(s, wrong)
	s.Rules.Theirs = c.theirs(s.Rules.Categories)
	for i, p := range c.Purpose {
		path := index("purpose", i)
		if _, twice := s.Rules.Purposes[roster.Purpose(p.Name)]; twice {
			wrong.Add(path+".name", "this purpose is declared twice; write its fields in one place")
		}
		s.Rules.Purposes[roster.Purpose(p.Name)] = categories(wrong, s.Rules.Categories, path+".fields", p.Fields)
	}
	c.roles(s, wrong)
	a, readers := c.Allowance, c.readers()
	s.Rules.Probation = a.Probation.compile(wrong, "allowance.probation", 1, mostOfAccount)
	s.Rules.Wider.Organisation = a.Organisation.compile(wrong, "allowance.organisation", 1, mostOfAll)
	s.Rules.Wider.Service = a.Service.compile(wrong, "allowance.service", 1, mostOfAll)
	s.Rules.Wider.Register = a.Register.compile(wrong, "allowance.register", 1, mostOfAll)
	s.Rules.Together = policy.Together
	if a.Together != nil {
		s.Rules.Together = int(*a.Together)
	}
	if s.Rules.Together < 0 || s.Rules.Together > mostOfAll {
		wrong.Add("allowance.together", "must be between 0 and %d: how many people more one organisation may open within 28 days, for those of whom other systems tell the reason", mostOfAll)
	}
	if s.Rules.Share = int(cmp.Or(a.Share, policy.Share)); s.Rules.Share < 1 || s.Rules.Share > mostParts {
		wrong.Add("allowance.share", "must be between 1 and %d: 3 lets one account spend a third of what an organisation, a service or the register may", mostParts)
	}
	if s.Rules.Signed = int(cmp.Or(a.Signed, policy.Signed)); s.Rules.Signed < 1 || s.Rules.Signed > mostSigned {
		wrong.Add("allowance.signed", "must be between 1 and %d: for how many people others may sign, for one account within 28 days", mostSigned)
	}
	hour, month := cmp.Or(a.Gives.Hour, int64(policy.Gives.Short/meter.Whole)), cmp.Or(a.Gives.Month, int64(policy.Gives.Long/meter.Whole))
	if hour < 1 || month < hour || month > mostOfAccount {
		wrong.Add("allowance.gives", "hour must be at least 1, and month between hour and %d: how many people one account may sign for and raise, for all others together", mostOfAccount)
	}
	s.Rules.Gives = meter.Allowance{Short: meter.People(int(hour)), Long: meter.People(int(month))}
	s.Rules.Ceilings = a.Ceiling.compile(wrong, readers, "allowance.ceiling", policy.Ceilings, "how many people with a reason one account may be shown within 28 days")
	s.Arrivals = a.Arrivals.compile(wrong, readers, "allowance.arrivals", aDay, "how many people may come to one account's caseload within a day without a second person")
	s.Rules.Rows = a.Rows.compile(wrong, readers, "allowance.rows", policy.Rows, "how many people one account may find in searches within 28 days")
	s.Rules.Lists = a.Lists.compile(wrong, readers, "allowance.lists", policy.Lists, "how many new people with a reason rows of lists and searches may show one account within a day before it confirms")
	s.Rules.Strangers = a.Strangers.compile(wrong, readers, "allowance.strangers", policy.Strangers, "how many people without a reason one account may be shown within 28 days, in all ways together")
	s.Rules.Earned = a.Earned.compileFrom(0, wrong, readers, "allowance.earned", policy.Earned, "how many people beyond the month one account may be shown at most, for what other systems confirm")
	s.Rules.Covers = c.Cover.compile(wrong)
	s.Narrowed = cmp.Or(c.Campaign.Narrowed, campaign.NarrowedFor)
	if s.Narrowed < shortestNarrowed || s.Narrowed > longestNarrowed {
		wrong.Add("campaign.narrowed", "must be between \"1h\" and \"672h\", which is 28 days")
	}
}

// aDay is what a role's day brings when the operator says nothing else.
var aDay = map[roster.Role]int{roster.Adviser: intake.ADay, roster.Desk: intake.ADay, roster.CallCentre: intake.ADay, roster.Training: intake.ADay, roster.Programme: intake.ADay}

func (p peopleTable) compile(wrong *document, readers []roster.Role, path string, byDefault map[roster.Role]int, what string) map[roster.Role]int {
	return p.compileFrom(1, wrong, readers, path, byDefault, what)
}

// compileFrom reads what may be as little as least; where that is nothing, a role need not say.
func (p peopleTable) compileFrom(least int64, wrong *document, readers []roster.Role, path string, byDefault map[roster.Role]int, what string) map[roster.Role]int {
	most := map[roster.Role]int{}
	for _, role := range append(slices.Clip(readers), roster.Programme) {
		n, there := p[string(role)]
		switch usual, known := byDefault[role]; {
		case !there && known:
			n = int64(usual)
		case !there && least == 0: // it is not allowed, then
		case !there:
			wrong.Add(path, "nothing for the role %s; write %s = …, %s", role, role, what)
			continue
		case n < least || n > mostOfAccount:
			wrong.Add(path+"."+string(role), "must be between %d and %d: %s", least, mostOfAccount, what)
		}
		most[role] = int(n)
	}
	known(wrong, path, p, readers)
	return most
}

func (a allowanceTable) compile(wrong *document, path string, least, most int64) meter.Allowance {
	if wrong.About(path) {
		return meter.Allowance{}
	}
	if a.Hour < least || a.Month < a.Hour || a.Month > most {
		wrong.Add(path, "the hour's allowance must be between %d and the month's, and the month's at most %d", least, most)
		return meter.Allowance{}
	}
	return meter.Allowance{Short: meter.People(int(a.Hour)), Long: meter.People(int(a.Month))}
}

func (w watchTable) compile(wrong *document, path string) policy.Watch {
	if wrong.About(path) {
		return policy.Watch{}
	}
	for _, limit := range []struct {
		key string
		n   int64
	}{{"line", w.Line}, {"pace", w.Pace}, {"wall", w.Wall}} {
		if limit.n < 1 || limit.n > mostOfAccount {
			wrong.Add(path+"."+limit.key, "must be between 1 and %d; what shall stop nobody for now is named under [observe]", mostOfAccount)
		}
	}
	if !(w.Forgiven >= 0 && w.Forgiven <= mostForgiven) { // nor is it not a number
		wrong.Add(path+".forgiven", "must be between 0 and %d people a day", mostForgiven)
		return policy.Watch{}
	}
	return policy.Watch{
		Forgiven: meter.Cost(math.Round(w.Forgiven * float64(meter.Whole))), Line: meter.People(int(w.Line)),
		Pace: int(w.Pace), Wall: int(w.Wall), Evidence: true,
	}
}

// observed reads what is only observed. A name that means nothing is complained
// about, lest somebody believe that it does.
func (c *config) observed(wrong *document) policy.Observed {
	o := policy.Observed{
		Everything: c.Observe.Everything,
		Services:   map[roster.ServiceID]bool{}, Roles: map[roster.Role]bool{}, Grounds: map[policy.Why]bool{},
		Most: int(cmp.Or(c.Observe.Most, policy.ObservedMost)),
	}
	if o.Most < 1 || o.Most > mostOfAccount {
		wrong.Add("observe.most", "must be between 1 and %d: how many people without a reason one account is shown within a day while rules are only observed", mostOfAccount)
	}
	for i, name := range c.Observe.Services {
		sql := c.SQL != nil && slices.ContainsFunc(c.SQL.Service, func(s sqlServiceTable) bool { return s.ID == name })
		if !sql && !slices.ContainsFunc(c.Service, func(s serviceTable) bool { return s.ID == name }) {
			wrong.Add(index("observe.services", i), "no service %q is declared; write the id of a [[service]]", name)
		}
		o.Services[roster.ServiceID(name)] = true
	}
	for i, name := range c.Observe.Roles {
		role := roster.Role(name)
		if readers := append(c.readers(), roster.Programme); !slices.Contains(readers, role) {
			wrong.Add(index("observe.roles", i), "%q is no role that reads files; write one of %v", name, readers)
		}
		o.Roles[role] = true
	}
	for i, name := range c.Observe.Rules {
		why, known := policy.ParseWhy(name)
		if !known || !why.Counts() {
			wrong.Add(index("observe.rules", i), "%q is no rule that can be observed; write one of %s", name, strings.Join(observable(), ", "))
		}
		o.Grounds[why] = true
	}
	return o
}

// observable names the rules that can be observed.
func observable() (names []string) {
	for why := range policy.Why(math.MaxUint8) {
		if why.Counts() {
			names = append(names, why.String())
		}
	}
	return names
}
