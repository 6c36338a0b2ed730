package tune

import (
	"context"
	"math"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/roster"
)

// Alpha is how many false freezes there may be in an agent-day: 0.1 in 1,000.
const Alpha = 1e-4

// MostCosigns is how many signatures of another person there may be in an
// agent-month: they take a second person's time.
const MostCosigns = 0.1

// MostStepUps is how many step-ups there may be in an agent-month of a role.
func MostStepUps(role roster.Role) float64 {
	if role == roster.Desk || role == roster.CallCentre {
		return 3
	}
	return 1
}

// What is tried, in whole people.
var (
	hours  = []int{1, 2, 3, 4, 5, 6, 8, 10, 12}
	months = []int{3, 5, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 130, 160, 200}
	lines  = []int{4, 6, 8, 10, 12, 15, 20, 25, 30, 35, 40, 50, 60, 80, 100}
)

// Study is what a period teaches.
type Study struct {
	Since, Until time.Time
	Now          policy.Rules // those in force; what is not proposed stays as it is
	Roles        []RoleStudy
	Wider        []WiderStudy
	Told         time.Duration // how long the ledger has told what accounts do
	Enforced     int           // openings that were stopped: their people are in no figure
	Unknown      int           // accounts that no roster knows any more
}

// RoleStudy is what it teaches of one role.
type RoleStudy struct {
	Role        roster.Role
	Accounts    int
	Days        int // of their work: agent-days
	Explained   float64
	Mean        float64 // people without a reason a day: λ
	Dispersion  float64 // their variance over λ: φ
	Floor       float64 // people that nothing keeps from a patient thief in 28 days
	Hours       []Point // allowances of the hour that were tried, with nothing else
	Months      []Point // likewise of 28 days
	Lines       []Point // likewise of the CUSUM
	Default     Point
	Proposed    Point
	Why         Judgement
	OtherStepUp float64 // asked for by pace and by canaries, an agent-month
	Identity    float64 // asked for before a doubtful opening, an agent-month
	OtherFrozen float64 // by enumeration and by canaries, in 1,000 agent-days
}

// Point is one choice of allowance and line, with its outcome.
type Point struct {
	Allowance meter.Allowance
	Watch     policy.Watch
	StepUps   float64 // an agent-month
	Cosigns   float64 // likewise
	Freezes   float64 // in 1,000 agent-days
	Leak      int     // people without a reason, to a thief who alone uses the account for 28 days
	FirstHour int     // of them
	most      float64 // freezes in an agent-day, at most, with 95 % confidence
}

// Judgement says why a point is proposed.
type Judgement string

const (
	Tightest Judgement = "the tightest that keeps what honest work meets within its limits"
	Nobody   Judgement = "nobody of this role worked: the default, or what is configured where that is tighter"
	TooFew   Judgement = "too few agent-days to claim 0.1 false freeze in 1,000: the default, or what is configured where that is tighter"
	TooShort Judgement = "less than 28 days: the month's allowance was never whole: the default, or what is configured where that is tighter"
	TooRough Judgement = "nothing that was tried keeps what honest work meets within its limits: the default, or what is configured where that is tighter"
)

// WiderStudy is what all accounts of one kind were charged together.
type WiderStudy struct {
	Name        string // organisation, service or register: the largest of them
	Most        meter.Allowance
	Proposed    meter.Allowance
	IsTheConfig bool // proposed is what is in force
}

// needed is how many agent-days without a false freeze it takes to claim Alpha, with
// 95 % confidence: the rule of three.
var needed = int(math.Ceil(upper(0) / Alpha))

// Study replays the period. now holds the rules in force; byDefault holds what is proposed
// when a period teaches too little. Add MUST NOT be called afterwards.
func (p *Period) Study(ctx context.Context, now, byDefault policy.Rules) (Study, error) {
	p.end()
	s := Study{Since: p.Since, Until: p.Until, Now: now, Told: p.told(), Enforced: p.enforced, Unknown: len(p.unknown)}
	total := 0
	for _, role := range now.Roles() {
		study, err := p.study(ctx, role, fallback(role, now, byDefault), now.Earned[role])
		if err != nil {
			return Study{}, err
		}
		s.Roles = append(s.Roles, study)
		total += study.Days
	}
	s.Wider = p.wider(now, total)
	return s, nil
}

// fallback is the default of a role, or what is in force where that is tighter:
// what a period does not teach is no reason to loosen anything.
func fallback(role roster.Role, now, byDefault policy.Rules) Point {
	p := Point{Allowance: byDefault.Allowances[role].Least(now.Allowances[role]), Watch: byDefault.Watches[role]}
	if inForce := now.Watches[role]; inForce.Line > 0 && inForce.Line <= p.Watch.Line && inForce.Forgiven <= p.Watch.Forgiven {
		p.Watch.Line, p.Watch.Forgiven = inForce.Line, inForce.Forgiven
	}
	return p
}

// IsEmpty reports whether the period has no work.
func (s Study) IsEmpty() bool {
	return !slices.ContainsFunc(s.Roles, func(r RoleStudy) bool { return r.Days > 0 })
}

func (p *Period) study(ctx context.Context, role roster.Role, byDefault Point, earned int) (RoleStudy, error) {
	works := p.ofRole(role)
	m := measured(works)
	s := RoleStudy{
		Role: role, Accounts: m.accounts, Days: m.days, Mean: m.mean, Dispersion: m.dispersion, Floor: m.floor(Alpha),
		Explained: over(m.explained, m.days), OtherStepUp: workDays * over(m.stepUps, m.days),
		Identity: workDays * over(m.identity, m.days), OtherFrozen: 1000 * over(m.frozen, m.days),
		Why: Tightest,
	}
	s.Default = byDefault
	watch := byDefault.Watch
	watch.Forgiven = m.forgiven()
	if m.days > 0 {
		s.Hours = tried(hours, byDefault.Allowance.Short, func(p *Point, n meter.Cost) { p.Allowance.Short = n })
		s.Months = tried(months, byDefault.Allowance.Long, func(p *Point, n meter.Cost) { p.Allowance.Long = n })
		s.Lines = tried(lines, byDefault.Watch.Line, func(p *Point, n meter.Cost) { p.Watch, p.Watch.Line = watch, n })
	}
	t := trial{works: works, since: p.Since, days: m.days, earned: earned}
	if err := t.all(ctx, s.Hours, s.Months, s.Lines); err != nil {
		return s, err
	}
	s.Proposed, s.Why = s.propose(p.told())
	last := []Point{s.Default, s.Proposed}
	err := t.all(ctx, last)
	s.Default, s.Proposed = last[0], last[1]
	return s, err
}

// tried sets one dial to some numbers of people and to its default, and leaves the
// others open: a step-up halves only the hour, and the line does not count a person who is
// signed for, so together they stop honest staff no more often than each by itself.
func tried(people []int, byDefault meter.Cost, set func(*Point, meter.Cost)) (points []Point) {
	costs := []meter.Cost{max(byDefault, meter.Whole)}
	for _, n := range people {
		costs = append(costs, meter.People(n))
	}
	slices.Sort(costs)
	for _, cost := range slices.Compact(costs) {
		p := Point{Allowance: unlimited}
		set(&p, cost)
		points = append(points, p)
	}
	return points
}

// unlimited is an allowance that no account empties.
var unlimited = meter.Allowance{Short: math.MaxInt32 / 2, Long: math.MaxInt32 / 2}

// propose takes the tightest of each dial that keeps what honest work meets within
// its limits.
func (s RoleStudy) propose(told time.Duration) (Point, Judgement) {
	switch {
	case s.Days == 0:
		return s.Default, Nobody
	case s.Days < needed:
		return s.Default, TooFew
	case told < meter.Memory:
		return s.Default, TooShort
	}
	hour, hours := tightest(s.Hours, func(p Point) bool { return p.StepUps+s.OtherStepUp <= MostStepUps(s.Role) })
	month, months := tightest(s.Months, func(p Point) bool { return p.Cosigns <= MostCosigns })
	line, lines := tightest(s.Lines, func(p Point) bool { return p.most <= Alpha })
	if !hours || !months || !lines {
		return s.Default, TooRough
	}
	allowance := meter.Allowance{Short: min(hour.Allowance.Short, month.Allowance.Long), Long: month.Allowance.Long}
	return Point{Allowance: allowance, Watch: line.Watch}, Tightest
}

// tightest is the first point within limits; points are tried from the tightest on.
func tightest(points []Point, within func(Point) bool) (Point, bool) {
	i := slices.IndexFunc(points, within)
	if i < 0 {
		return Point{}, false
	}
	return points[i], true
}

// trial is a role's work, to be replayed.
type trial struct {
	works  []*work
	since  time.Time
	days   int
	earned int // people that what came back makes room for, beyond a month, at most
}

// all replays the work under every point, on every core.
func (t trial) all(ctx context.Context, dials ...[]Point) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, points := range dials {
		for i := range points {
			group.Go(func() error { return t.try(ctx, &points[i]) })
		}
	}
	return group.Wait()
}

func (t trial) try(ctx context.Context, p *Point) error {
	var met friction
	for _, w := range t.works {
		if err := ctx.Err(); err != nil {
			return err
		}
		met = met.plus(w.under(p.Watch, p.Allowance, t.earned, t.since))
	}
	p.StepUps, p.Cosigns = workDays*over(met.stepUps, t.days), workDays*over(met.cosigns, t.days)
	p.Freezes, p.most = 1000*over(met.freezes, t.days), upper(met.freezes)/float64(max(t.days, 1))
	p.Leak = leak(p.Watch, p.Allowance)
	p.FirstHour = min(p.Leak, int(p.Allowance.Short/meter.Whole))
	return nil
}

func over(count, of int) float64 { return float64(count) / float64(max(of, 1)) }

// upper is the largest mean under which seeing no more than n is not unlikely: the
// upper end of a 95 % confidence interval for a count. For none it is 3.
func upper(n int) float64 {
	unlikely := func(mean float64) bool {
		term, sum := math.Exp(-mean), 0.0
		for k := range n + 1 {
			sum += term
			term *= mean / float64(k+1)
		}
		return sum < 0.05
	}
	low, high := 0.0, 10+2*float64(n)+10*math.Sqrt(float64(n))
	if n > 500 { // exp underflows; a normal is close
		return float64(n) + 1.645*math.Sqrt(float64(n)) + 2
	}
	for range 60 {
		if middle := (low + high) / 2; unlikely(middle) {
			high = middle
		} else {
			low = middle
		}
	}
	return high
}

// wider proposes what all accounts together may open: twice the most they ever did, so
// that a busier week stops no account.
func (p *Period) wider(now policy.Rules, days int) []WiderStudy {
	study := func(name string, inForce meter.Allowance, pools ...*pool) WiderStudy {
		w := WiderStudy{Name: name, Proposed: inForce, IsTheConfig: true}
		for _, one := range pools {
			w.Most = meter.Allowance{Short: max(w.Most.Short, one.hour), Long: max(w.Most.Long, one.month)}
		}
		if days >= needed && p.told() >= meter.Memory && w.Most.Short > 0 {
			w.Proposed, w.IsTheConfig = meter.Allowance{Short: twice(w.Most.Short), Long: max(twice(w.Most.Long), twice(w.Most.Short))}, false
		}
		return w
	}
	return []WiderStudy{
		study("organisation", now.Wider.Organisation, values(p.organisations)...),
		study("service", now.Wider.Service, values(p.services)...),
		study("register", now.Wider.Register, &p.register),
	}
}

func values[ID comparable](pools map[ID]*pool) (list []*pool) {
	for _, p := range pools {
		list = append(list, p)
	}
	return list
}

// twice doubles a cost, in whole people.
func twice(c meter.Cost) meter.Cost { return (2*c + meter.Whole - 1) / meter.Whole * meter.Whole }
