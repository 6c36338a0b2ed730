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

	"poterne/internal/journal"
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
	Book func(context.Context) (book journal.DB, closed func() error, err error)
	// Kept keeps what was played, so that a long replay that was interrupted goes on
	// where it stood. It may be nil; it belongs to these settings only.
	Kept Keeper
	// Curve has the leak/friction curve drawn too.
	Curve bool
	// Progress is told how many of the replays are done, one call at a time. It may
	// be nil.
	Progress func(done, of int)

	only []string // of the attacks
}

// Sensible reports whether there is anything to replay, and no more than a year of it.
func (s Settings) Sensible() bool {
	return s.Agents >= 1 && s.Days >= 1 && s.Days <= 364 && s.Seeds >= 1
}

// Check makes the replay one of everything, long enough to see a rule that broke, in less
// than a minute.
func (s *Settings) Check() { s.Scenario, s.Agents, s.Days, s.Seeds = Everything, 240, 60, 2 }

// Keeper keeps results by a name that is safe as a file's.
type Keeper interface {
	// Load fills in what was kept under the name; false when nothing was.
	Load(name string, result any) bool
	Save(name string, result any) error
}

// kept plays something, unless it was played and kept before.
func kept[T any](r *replay, name string, play func() (T, error)) (result T, err error) {
	if r.Kept != nil && r.Kept.Load(name, &result) {
		return result, nil
	}
	if result, err = play(); err == nil && r.Kept != nil {
		err = r.Kept.Save(name, result)
	}
	return result, err
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
	French   bool   `json:"french,omitempty"`
	Aim      Aim    `json:"aim"`
	Accounts int    `json:"accounts"` // in thieves’ hands

	Outside Spread `json:"outside"` // people shown without a reason; five rows of a search are one
	Inside  Spread `json:"inside"`  // people shown whom a fact explains

	Openings int           `json:"openings_until_stopped"` // of the account that held out longest, in the median; 0: never stopped
	Time     time.Duration `json:"nanoseconds_until_stopped"`
	Frozen   float64       `json:"frozen"`   // share of the accounts
	StepUps  int           `json:"step_ups"` // that a thief passed, in the median

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
	ByRate int `json:"stopped_by_rate"`
	ByCap  int `json:"stopped_by_cap"`
	Agents int `json:"agents"`
	Asked  int `json:"agents_asked"` // for anything, at least once

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
	t.Agents, t.Asked = t.Agents+o.Agents, t.Asked+o.Asked
	return t
}

// Replay replays a scenario. The same settings give the same report.
func Replay(ctx context.Context, s Settings) (Report, error) {
	if !s.Sensible() {
		return Report{}, fmt.Errorf("a replay needs at least one agent and one seed, and between 1 and 364 days")
	}
	people, err := newPeople()
	if err != nil {
		return Report{}, err
	}
	s.Rules.Wider = policy.Rules{}.Wider // accounts are played by themselves: what they take together is not seen
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
	if s.Curve {
		report.Curve, err = s.curve(ctx)
	}
	return report, err
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
		if r.Scenario == FrenchCases && !attack.French || r.only != nil && !slices.Contains(r.only, attack.Name) {
			continue
		}
		i, loots := len(report.Attacks), make([]loot, r.Seeds)
		report.Attacks = append(report.Attacks, AttackResult{})
		for j, seed := range r.seeds() {
			r.plays = append(r.plays, func(ctx context.Context) (err error) {
				loots[j], err = kept(r, fmt.Sprintf("attack-%s-%d", attack.Name, seed), func() (loot, error) {
					plot := attack.plot(r.people, seed)
					err := r.play(ctx, plot.scenes...)
					return plot.loot(), err
				})
				return err
			})
		}
		r.sums = append(r.sums, func() { report.Attacks[i] = attack.sum(loots) })
	}
}

// loot is what an attack came to under one seed.
type loot struct {
	Accounts, Outside, Inside int
	Openings                  int // until the last account was first refused; 0 when one never was
	Time                      time.Duration
	Frozen, StepUps           int
	Bare, ByRate, ByCap       int
	Owners                    met
}

func (p *plot) loot() loot {
	l := loot{Accounts: len(p.thefts), Owners: p.owners()}
	refused := true
	for _, t := range p.thefts {
		l.Outside, l.Inside = l.Outside+t.strangers(), l.Inside+len(t.inside)
		l.Openings, l.Time = max(l.Openings, t.stoppedAt), max(l.Time, t.stoppedFor)
		l.Frozen, l.StepUps = l.Frozen+bit(t.frozen), l.StepUps+t.stepUps
		l.Bare, l.ByRate, l.ByCap = l.Bare+t.bare(), l.ByRate+t.underRate(RatePerMinute), l.ByCap+t.underCap(CapPerDay)
		refused = refused && t.refused
	}
	if !refused {
		l.Openings, l.Time = 0, 0
	}
	return l
}

// owners is what the owners of stolen accounts, who work on meanwhile, met.
func (p *plot) owners() (sum met) {
	for _, s := range p.scenes {
		if owner, ok := s.walks[0].(*day); ok {
			sum = sum.add(owner.met)
		}
	}
	return sum
}

// sum adds up what came of an attack under each seed.
func (a Attack) sum(loots []loot) AttackResult {
	over := func(figure func(loot) int) []int {
		each := make([]int, len(loots))
		for i, l := range loots {
			each[i] = figure(l)
		}
		slices.Sort(each)
		return each
	}
	spread := func(figure func(loot) int) Spread { return Spread{median(over(figure)), p95(over(figure))} }
	register := func(figure func(loot) int) int { return min(median(over(figure)), Size) }
	result := AttackResult{
		Name: a.Name, French: a.French, Aim: a.Aim, Accounts: loots[0].Accounts,
		Outside:  spread(func(l loot) int { return l.Outside }),
		Inside:   spread(func(l loot) int { return l.Inside }),
		Openings: median(over(func(l loot) int { return l.Openings })),
		Time:     time.Duration(median(over(func(l loot) int { return int(l.Time) }))),
		StepUps:  median(over(func(l loot) int { return l.StepUps })),
		Bare:     register(func(l loot) int { return l.Bare }),
		ByRate:   register(func(l loot) int { return l.ByRate }),
		ByCap:    register(func(l loot) int { return l.ByCap }),
	}
	frozen, accounts := 0, 0
	for _, l := range loots {
		frozen, accounts = frozen+l.Frozen, accounts+l.Accounts
		result.Owners = result.Owners.add(l.Owners)
	}
	result.Frozen = float64(frozen) / float64(accounts)
	return result
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
		i, lives := len(report.Oddities), make([]OddityResult, r.Seeds)
		report.Oddities = append(report.Oddities, OddityResult{Name: oddity.Name})
		for j, seed := range r.seeds() {
			r.plays = append(r.plays, func(ctx context.Context) (err error) {
				lives[j], err = kept(r, fmt.Sprintf("oddity-%s-%d", oddity.Name, seed), func() (result OddityResult, err error) {
					scenes := oddity.scenes(r.people, seed)
					err = r.play(ctx, scenes...)
					for _, s := range scenes {
						lived := s.walks[1].(*day)
						result.Openings += len(lived.openings)
						result.met = result.add(lived.met)
					}
					return result, err
				})
				return err
			})
		}
		r.sums = append(r.sums, func() {
			for _, life := range lives {
				report.Oddities[i].Openings += life.Openings
				report.Oddities[i].met = report.Oddities[i].add(life.met)
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
				lived, err := kept(r, fmt.Sprintf("honest-%d-%d", seed, i), func() ([]TradeResult, error) {
					results := make([]TradeResult, len(group))
					return results, r.live(ctx, seed, group, results)
				})
				copy(results[j*r.Agents+i*perPlay:], lived)
				return err
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
	result.Asked = bit(met.met.StepUps+met.met.Cosigns+met.met.Identities+met.met.Freezes+met.met.Stopped > 0)
	return result
}
