package sim

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"poterne/internal/gate"
	"poterne/internal/policy"
)

// Scenario is what is replayed.
type Scenario string

const (
	FrenchCases Scenario = "french-cases"
	AllAttacks  Scenario = "attacks"
	AllOddities Scenario = "oddities"
	Honest      Scenario = "honest"
	Everything  Scenario = "all"
)

// Settings is what is replayed, and through what.
type Settings struct {
	Scenario Scenario
	Rules    policy.Rules
	Agents   int // at honest work
	Days     int // of it
	Seed     uint64
	Seeds    int
	// Book opens an empty ledger, and closes it; then every opening is settled by
	// the gate over it. Nil replays the decision alone.
	Book func(context.Context) (book gate.Book, closed func() error, err error)
	// Progress is told how many of the replays are done, one call at a time. It may
	// be nil.
	Progress func(done, of int)
}

// Report is what came of a replay.
type Report struct {
	Scenario Scenario       `json:"scenario"`
	Agents   int            `json:"agents"`
	Days     int            `json:"days"`
	Seeds    []uint64       `json:"seeds"`
	Attacks  []AttackResult `json:"attacks,omitempty"`
	Oddities []OddityResult `json:"oddities,omitempty"`
	Honest   []TradeResult  `json:"honest,omitempty"`
	All      TradeResult    `json:"honest_all"`
	Curve    []CurvePoint   `json:"curve,omitempty"`
}

// AttackResult is how many people one attack came to see.
type AttackResult struct {
	Name     string `json:"name"`
	Sentence string `json:"sentence"`
	French   bool   `json:"french,omitempty"`
	Aim      Aim    `json:"aim"`
	Accounts int    `json:"accounts"` // in thieves’ hands

	Outside Spread `json:"outside"` // people shown without a reason; five rows of a search are one
	Inside  Spread `json:"inside"`  // people shown whom a fact explains

	Openings int           `json:"openings_until_stopped"` // of the account that held out longest, in the median; 0: never stopped
	Time     time.Duration `json:"nanoseconds_until_stopped"`
	Frozen   float64       `json:"frozen"`  // share of the accounts
	Touches  int           `json:"touches"` // that a thief passed, in the median

	Bare   int `json:"bare"`    // people an application without a guard hands over
	ByRate int `json:"by_rate"` // with a limit of RatePerMinute
	ByCap  int `json:"by_cap"`  // with a cap of CapPerDay

	Owners met `json:"owners_met"` // over all seeds: what the owners, who work meanwhile, came upon
}

// Met reports whether the attack stays within its aim.
func (a AttackResult) Met() bool {
	return (a.Aim.Outside == 0 || a.Outside.P95 <= a.Aim.Outside) && (a.Aim.Inside == 0 || a.Inside.P95 <= a.Aim.Inside)
}

// Spread is a figure over the seeds.
type Spread struct {
	Median int `json:"median"`
	P95    int `json:"p95"`
}

// OddityResult is what honest but unusual work met, over all seeds.
type OddityResult struct {
	Name     string `json:"name"`
	Sentence string `json:"sentence"`
	Openings int    `json:"openings"`
	met
}

// TradeResult is what ordinary work of one trade met, over all seeds.
type TradeResult struct {
	Trade       string `json:"trade"`
	AgentDays   int    `json:"agent_days"`
	Openings    int    `json:"openings"`
	Unexplained int    `json:"unexplained"` // openings that no fact was told for
	met
	ByRate  int `json:"stopped_by_rate"`
	ByCap   int `json:"stopped_by_cap"`
	Agents  int `json:"agents"`
	Touched int `json:"agents_asked"` // for anything, at least once

	FreezesWithin Interval `json:"freezes_per_1000_agent_days_within"` // 95 %, resampling agents
}

// Per1000 is a count in a thousand agent-days.
func (t TradeResult) Per1000(count int) float64 {
	return 1000 * float64(count) / float64(max(t.AgentDays, 1))
}

// Month is how many days an agent works in a month.
const Month = 20

// PerMonth is a count in a month of one agent.
func (t TradeResult) PerMonth(count int) float64 {
	return Month * float64(count) / float64(max(t.AgentDays, 1))
}

// add puts two results of one trade together.
func (t TradeResult) add(o TradeResult) TradeResult {
	t.AgentDays, t.Openings, t.Unexplained = t.AgentDays+o.AgentDays, t.Openings+o.Openings, t.Unexplained+o.Unexplained
	t.met, t.ByRate, t.ByCap = t.met.add(o.met), t.ByRate+o.ByRate, t.ByCap+o.ByCap
	t.Agents, t.Touched = t.Agents+o.Agents, t.Touched+o.Touched
	return t
}

// Replay replays a scenario. The same settings give the same report.
func Replay(ctx context.Context, s Settings) (Report, error) {
	if s.Agents < 1 || s.Days < 1 || s.Seeds < 1 {
		return Report{}, fmt.Errorf("a replay needs at least one agent, one day and one seed")
	}
	people, err := newPeople()
	if err != nil {
		return Report{}, err
	}
	r := replay{Settings: s, people: people}
	report := Report{Scenario: s.Scenario, Agents: s.Agents, Days: s.Days, Seeds: r.seeds()}
	r.attacks(&report)
	r.oddities(&report)
	r.honest(&report)
	if err := r.run(ctx); err != nil {
		return Report{}, err
	}
	for _, sum := range r.sums {
		sum()
	}
	return report, nil
}

// replay is a replay being set up: what is to be played, and what is added up
// once it was.
type replay struct {
	Settings
	people people
	plays  []func(context.Context) error
	sums   []func()
}

func (r *replay) seeds() []uint64 {
	seeds := make([]uint64, r.Seeds)
	for i := range seeds {
		seeds[i] = r.Seed + uint64(i)
	}
	return seeds
}

// run plays everything, on every core when nothing is written down.
func (r *replay) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	if r.Book != nil {
		group.SetLimit(1) // one ledger at a time
	}
	var progress sync.Mutex
	done := 0
	for _, play := range r.plays {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := play(ctx); err != nil {
				return err
			}
			progress.Lock()
			defer progress.Unlock()
			if done++; r.Progress != nil {
				r.Progress(done, len(r.plays))
			}
			return nil
		})
	}
	return group.Wait()
}

// play plays scenes. Today's rules know of nothing that two accounts share, so
// without a ledger each account is played by itself.
func (r *replay) play(ctx context.Context, scenes ...scene) error {
	if r.Book == nil {
		for _, s := range scenes {
			if err := play(ctx, newCore(r.Rules, s), s); err != nil {
				return err
			}
		}
		return nil
	}
	book, closed, err := r.Book(ctx)
	if err != nil {
		return err
	}
	through, stop, err := throughGate(ctx, book, r.Rules, scenes...)
	if err == nil {
		err = cmp.Or(play(ctx, through, scenes...), stop())
	}
	return cmp.Or(err, closed())
}

func (r *replay) attacks(report *Report) {
	if r.Scenario != AllAttacks && r.Scenario != FrenchCases && r.Scenario != Everything {
		return
	}
	for _, attack := range Attacks {
		if r.Scenario == FrenchCases && !attack.French {
			continue
		}
		i, plots := len(report.Attacks), make([]*plot, r.Seeds)
		report.Attacks = append(report.Attacks, AttackResult{})
		for j, seed := range r.seeds() {
			r.plays = append(r.plays, func(ctx context.Context) error {
				plots[j] = attack.plot(r.people, seed)
				return r.play(ctx, plots[j].scenes...)
			})
		}
		r.sums = append(r.sums, func() { report.Attacks[i] = attack.sum(plots) })
	}
}

// sum adds up what came of an attack under each seed.
func (a Attack) sum(plots []*plot) AttackResult {
	over := func(figure func(*plot) int) (each []int) {
		for _, p := range plots {
			each = append(each, figure(p))
		}
		slices.Sort(each)
		return each
	}
	total := func(figure func(*theft) int) func(*plot) int {
		return func(p *plot) (sum int) {
			for _, t := range p.thefts {
				sum += figure(t)
			}
			return sum
		}
	}
	longest := func(figure func(*theft) int) func(*plot) int {
		return func(p *plot) (most int) {
			for _, t := range p.thefts {
				if !t.refused {
					return 0
				}
				most = max(most, figure(t))
			}
			return most
		}
	}
	register := func(sum []int) int { return min(median(sum), Size) }
	outside, inside := over(total((*theft).strangers)), over(total(func(t *theft) int { return len(t.inside) }))
	return AttackResult{
		Name: a.Name, Sentence: a.Sentence, French: a.French, Aim: a.Aim, Accounts: len(plots[0].thefts),
		Outside: Spread{median(outside), p95(outside)}, Inside: Spread{median(inside), p95(inside)},
		Openings: median(over(longest(func(t *theft) int { return t.stoppedAt }))),
		Time:     time.Duration(median(over(longest(func(t *theft) int { return int(t.stoppedFor) })))),
		Bare:     register(over(total((*theft).bare))),
		ByRate:   register(over(total(func(t *theft) int { return t.underRate(RatePerMinute) }))),
		ByCap:    register(over(total(func(t *theft) int { return t.underCap(CapPerDay) }))),
		Frozen:   float64(sumOf(over(total(func(t *theft) int { return bit(t.frozen) })))) / float64(len(plots)*len(plots[0].thefts)),
		Touches:  median(over(total(func(t *theft) int { return t.touched }))),
		Owners:   ownersMet(plots),
	}
}

func ownersMet(plots []*plot) (sum met) {
	for _, p := range plots {
		for _, s := range p.scenes {
			if owner, ok := s.walks[0].(*day); ok {
				sum = sum.add(owner.met)
			}
		}
	}
	return sum
}

func sumOf(all []int) (sum int) {
	for _, n := range all {
		sum += n
	}
	return sum
}

func bit(is bool) int {
	if is {
		return 1
	}
	return 0
}

// median and p95 read sorted figures; of few, p95 is the largest.
func median(sorted []int) int { return sorted[len(sorted)/2] }

func p95(sorted []int) int { return sorted[int(math.Ceil(0.95*float64(len(sorted))))-1] }

func (r *replay) oddities(report *Report) {
	if r.Scenario != AllOddities && r.Scenario != Everything {
		return
	}
	for _, oddity := range Oddities {
		i, lives := len(report.Oddities), make([][]scene, r.Seeds)
		report.Oddities = append(report.Oddities, OddityResult{Name: oddity.Name, Sentence: oddity.Sentence})
		for j, seed := range r.seeds() {
			r.plays = append(r.plays, func(ctx context.Context) error {
				lives[j] = oddity.scenes(r.people, seed)
				return r.play(ctx, lives[j]...)
			})
		}
		r.sums = append(r.sums, func() {
			result := &report.Oddities[i]
			for _, life := range slices.Concat(lives...) {
				lived := life.walks[1].(*day)
				result.Openings += len(lived.openings)
				result.met = result.add(lived.met)
			}
		})
	}
}

func (r *replay) honest(report *Report) {
	if r.Scenario != Honest && r.Scenario != Everything {
		return
	}
	results := make([]TradeResult, r.Seeds*r.Agents)
	for j, seed := range r.seeds() {
		for i, group := range r.groups() {
			r.plays = append(r.plays, func(ctx context.Context) error {
				return r.live(ctx, seed, group, results[j*r.Agents+i*perPlay:])
			})
		}
	}
	r.sums = append(r.sums, func() {
		for _, trade := range Trades {
			sum := TradeResult{Trade: trade.Name}
			var each []TradeResult
			for _, result := range results {
				if result.Trade == trade.Name {
					sum, each = sum.add(result), append(each, result)
				}
			}
			if sum.Agents > 0 {
				sum.FreezesWithin = within(each)
				report.Honest = append(report.Honest, sum)
			}
		}
		report.All = everybody(results)
	})
}

// perPlay is how many agents are played together.
const perPlay = 100

// groups cuts the agents into plays.
func (r *replay) groups() (groups [][]int) {
	for i := range r.Agents {
		if i%perPlay == 0 {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], i)
	}
	return groups
}

// live has agents work, and notes what they met. Without a ledger nobody waits
// for anybody, so each is forgotten before the next.
func (r *replay) live(ctx context.Context, seed uint64, agents []int, results []TradeResult) error {
	var careers []*career
	var scenes []scene
	for n, i := range agents {
		c := townsman(r.people, seed, i, r.Agents, r.Days)
		careers, scenes = append(careers, c), append(scenes, scene{c.agent, []walk{&day{openings: c.openings}}})
		if r.Book == nil {
			if err := r.play(ctx, scenes[0]); err != nil {
				return err
			}
			results[n] = c.result(scenes[0].walks[0].(*day))
			careers, scenes = careers[:0], scenes[:0]
		}
	}
	if r.Book == nil {
		return nil
	}
	if err := r.play(ctx, scenes...); err != nil {
		return err
	}
	for n, c := range careers {
		results[n] = c.result(scenes[n].walks[0].(*day))
	}
	return nil
}

// result is what an agent met.
func (c *career) result(met *day) TradeResult {
	result := TradeResult{
		Trade: c.trade.Name, AgentDays: c.worked, Agents: 1, Openings: len(met.openings), met: met.met,
		ByRate: beyondRate(met.openings, RatePerMinute), ByCap: beyondCap(met.openings, CapPerDay),
	}
	for _, o := range met.openings {
		result.Unexplained += bit(!o.told)
	}
	result.Touched = bit(met.met.Touches+met.met.Cosigns+met.met.Identities+met.met.Freezes+met.met.Stopped > 0)
	return result
}
