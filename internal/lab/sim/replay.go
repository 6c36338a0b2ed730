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
	"poterne/internal/register"
	"poterne/internal/roster"
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
	Preset   Preset // of the town
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
	Preset   Preset         `json:"preset"`
	Agents   int            `json:"agents"`
	Days     int            `json:"days"`
	Seeds    []uint64       `json:"seeds"`
	Attacks  []AttackResult `json:"attacks,omitempty"`
	Oddities []OddityResult `json:"oddities,omitempty"`
	Honest   []TradeResult  `json:"honest,omitempty"`
	All      TradeResult    `json:"honest_all"`
	Curve    []CurvePoint   `json:"curve,omitempty"`
}

// Thief is what a thief has beside the account.
type Thief struct {
	Proves   bool // passes every confirmation: holds the password and the passkey
	Followed bool // has a bought list of people whom somebody accompanies, with their names; else draws people out of the whole register
}

// Thieves are who commits each attack. The last has all there is to have.
var Thieves = [...]Thief{{}, {Proves: true}, {Followed: true}, {Proves: true, Followed: true}}

// notPlayed stands for a thief who does not commit an attack.
var notPlayed = Spread{-1, -1}

// worst is the place of the thief who has all.
const worst = len(Thieves) - 1

// AttackResult is how many people one attack came to see.
type AttackResult struct {
	Name     string `json:"name"`
	French   bool   `json:"french,omitempty"`
	Aim      Aim    `json:"aim"`
	Accounts int    `json:"accounts"` // in thieves’ hands

	By [len(Thieves)]Spread `json:"outside_by_thief"` // of Outside, one of each of Thieves

	Swept Spread `json:"swept"` // Inside, to those thieves who fail the confirmation

	// Each at its worst over the thieves.
	Each    Spread `json:"each"`    // Outside, in the account that gets most
	Outside Spread `json:"outside"` // people opened without a reason that nobody signed for
	Rows    Spread `json:"rows"`    // people found in the rows of searches, and not opened
	Given   Spread `json:"given"`   // people whom others signed for or allowed
	People  Spread `json:"people"`  // these three together
	Inside  Spread `json:"inside"`  // people shown whom a fact explains, but for the account's own list
	Own     Spread `json:"own"`     // people of the account's own list
	All     Spread `json:"all"`     // everybody

	// Of the thief who has all.
	Openings int           `json:"openings_until_stopped"` // of the account that held out longest, in the median; 0: never stopped
	Time     time.Duration `json:"nanoseconds_until_stopped"`
	Frozen   float64       `json:"frozen"`            // share of the accounts
	StepUps  int           `json:"step_ups"`          // that a thief passed, in the median
	Listed   int           `json:"days_until_listed"` // until the last account is on the short list, at the 95th percentile; 0: not each of them ever is

	Bare   int `json:"bare"`    // people an application without a guard hands over
	ByRate int `json:"by_rate"` // with a limit of RatePerMinute
	ByCap  int `json:"by_cap"`  // with a cap of CapPerDay

	Owners met `json:"owners_met"` // over all seeds and thieves: what the owners, who work meanwhile, came upon
}

// Met reports whether the attack stays within its aims.
func (a AttackResult) Met() bool {
	for target := range a.targets() {
		if !target.Met() {
			return false
		}
	}
	return true
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
	Trade       string      `json:"trade"`
	Role        roster.Role `json:"role"`
	AgentDays   int         `json:"agent_days"`
	Openings    int         `json:"openings"`
	Unexplained int         `json:"unexplained"` // openings that no fact was told for
	met
	ByRate int `json:"stopped_by_rate"`
	ByCap  int `json:"stopped_by_cap"`
	Agents int `json:"agents"`
	Asked  int `json:"agents_asked"`  // for anything, at least once
	Months int `json:"list_months"`   // of 28 days, of one agent each, for which there was a short list
	Listed int `json:"listed_months"` // those of them in which the agent was on it

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
	t.Months, t.Listed = t.Months+o.Months, t.Listed+o.Listed
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
	r := replay{Settings: s, people: people, trades: s.Preset.trades()}
	report := Report{Scenario: s.Scenario, Preset: s.Preset, Agents: s.Agents, Days: s.Days, Seeds: r.seeds()}
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
	trades []Trade
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

// play plays scenes together, and tells on which short lists each account was.
func (r *replay) play(ctx context.Context, scenes ...scene) (listed, error) {
	if r.Book == nil {
		core, list := newCore(r.Rules, scenes...), newShortList(r.Rules, scenes)
		core.Heard = list.hear
		return list.listed, play(ctx, core, scenes...)
	}
	book, closed, err := r.Book(ctx)
	if err != nil {
		return nil, err
	}
	through, stop, err := throughGate(ctx, book, r.Rules, scenes...)
	if err == nil {
		err = cmp.Or(play(ctx, through, scenes...), stop())
	}
	return nil, cmp.Or(err, closed())
}

func (r *replay) attacks(report *Report) {
	if r.Scenario != AllAttacks && r.Scenario != FrenchCases && r.Scenario != Everything {
		return
	}
	for _, attack := range Attacks {
		if r.Scenario == FrenchCases && attack.sort != french || r.only != nil && !slices.Contains(r.only, attack.Name) {
			continue
		}
		i, loots := len(report.Attacks), [len(Thieves)][]loot{}
		report.Attacks = append(report.Attacks, AttackResult{})
		for n, thief := range Thieves {
			if attack.sort == large && n != worst {
				continue
			}
			loots[n] = make([]loot, r.Seeds)
			for j, seed := range r.seeds() {
				r.plays = append(r.plays, func(ctx context.Context) (err error) {
					loots[n][j], err = kept(r, fmt.Sprintf("attack-%s-%s-%d-%d", r.Preset, attack.Name, n, seed), func() (loot, error) {
						plot := attack.plot(r.people, r.trades, seed, thief)
						listed, err := r.play(ctx, plot.scenes...)
						return plot.loot(listed), err
					})
					return err
				})
			}
		}
		r.sums = append(r.sums, func() { report.Attacks[i] = attack.sum(loots) })
	}
}

// loot is what an attack came to under one seed.
type loot struct {
	Accounts                          int
	Each                              int // the most of Outside in one account
	Outside, Rows, Given, Inside, Own int
	Openings                          int // until the last account was first refused; 0 when one never was
	Time                              time.Duration
	Frozen, StepUps                   int
	Listed                            int // days until the last account was on the short list; 0 when one never was
	Bare, ByRate, ByCap               int
	Owners                            met
}

func (p *plot) loot(listed listed) loot {
	l := loot{Owners: p.owners()}
	refused, all := true, true
	for account, thefts := range p.byAccount() {
		frozen := false
		shown := make(map[register.PersonID]way)
		for _, t := range thefts {
			for person, how := range t.shown {
				shown[person] = max(shown[person], how)
			}
			l.Openings, l.Time = max(l.Openings, t.stoppedAt), max(l.Time, t.stoppedFor)
			l.StepUps += t.stepUps
			l.Bare, l.ByRate, l.ByCap = l.Bare+t.bare(), l.ByRate+t.underRate(RatePerMinute), l.ByCap+t.underCap(CapPerDay)
			refused, frozen = refused && t.refused, frozen || t.frozen
		}
		before := l.Outside
		for _, how := range shown {
			*[...]*int{inRow: &l.Rows, given: &l.Given, explained: &l.Inside, ofOwnList: &l.Own, opened: &l.Outside}[how]++
		}
		l.Each = max(l.Each, l.Outside-before)
		l.Accounts, l.Frozen = l.Accounts+1, l.Frozen+bit(frozen)
		if first, ever := listed.first(account); ever {
			l.Listed = max(l.Listed, first)
		} else {
			all = false
		}
	}
	if !refused {
		l.Openings, l.Time = 0, 0
	}
	if !all {
		l.Listed = 0
	}
	return l
}

// byAccount returns the thefts by the account that each uses.
func (p *plot) byAccount() map[roster.AccountID][]*theft {
	by := make(map[roster.AccountID][]*theft)
	for _, t := range p.thefts {
		by[t.account] = append(by[t.account], t)
	}
	return by
}

// owners is what the owners of stolen accounts, who work on meanwhile, met.
func (p *plot) owners() (sum met) {
	for _, s := range p.scenes {
		for _, w := range s.walks {
			if owner, ok := w.(*day); ok {
				sum = sum.add(owner.met)
			}
		}
	}
	return sum
}

// sum adds up what came of an attack under each seed, by each thief.
func (a Attack) sum(loots [len(Thieves)][]loot) AttackResult {
	over := func(loots []loot, figure func(loot) int) []int {
		each := make([]int, len(loots))
		for i, l := range loots {
			each[i] = figure(l)
		}
		slices.Sort(each)
		return each
	}
	spread := func(figure func(loot) int) (most Spread) {
		for _, by := range loots {
			if len(by) == 0 {
				continue
			}
			each := over(by, figure)
			most = Spread{max(most.Median, median(each)), max(most.P95, p95(each))}
		}
		return most
	}
	middle := func(figure func(loot) int) int { return median(over(loots[worst], figure)) }
	register := func(figure func(loot) int) int { return min(middle(figure), Size) }
	result := AttackResult{
		Name: a.Name, French: a.sort == french, Aim: a.Aim, Accounts: loots[worst][0].Accounts,
		Each:     spread(func(l loot) int { return l.Each }),
		Outside:  spread(func(l loot) int { return l.Outside }),
		Rows:     spread(func(l loot) int { return l.Rows }),
		Given:    spread(func(l loot) int { return l.Given }),
		People:   spread(func(l loot) int { return l.Outside + l.Rows + l.Given }),
		Inside:   spread(func(l loot) int { return l.Inside }),
		Own:      spread(func(l loot) int { return l.Own }),
		All:      spread(func(l loot) int { return l.Outside + l.Rows + l.Given + l.Inside + l.Own }),
		Openings: middle(func(l loot) int { return l.Openings }),
		Time:     time.Duration(middle(func(l loot) int { return int(l.Time) })),
		StepUps:  middle(func(l loot) int { return l.StepUps }),
		Bare:     register(func(l loot) int { return l.Bare }),
		ByRate:   register(func(l loot) int { return l.ByRate }),
		ByCap:    register(func(l loot) int { return l.ByCap }),
	}
	for n, by := range loots {
		if len(by) == 0 {
			result.By[n] = notPlayed
			continue
		}
		each := over(by, func(l loot) int { return l.Outside })
		result.By[n] = Spread{median(each), p95(each)}
		if inside := over(by, func(l loot) int { return l.Inside }); !Thieves[n].Proves {
			result.Swept = Spread{max(result.Swept.Median, median(inside)), max(result.Swept.P95, p95(inside))}
		}
		for _, l := range by {
			result.Owners = result.Owners.add(l.Owners)
		}
	}
	if days := over(loots[worst], func(l loot) int { return l.Listed }); days[0] > 0 {
		result.Listed = p95(days)
	}
	frozen, accounts := 0, 0
	for _, l := range loots[worst] {
		frozen, accounts = frozen+l.Frozen, accounts+l.Accounts
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
					_, err = r.play(ctx, scenes...)
					for _, s := range scenes {
						lived := s.walks[len(s.walks)-1].(*day)
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
	towns := make([][]TradeResult, r.Seeds)
	for j, seed := range r.seeds() {
		r.plays = append(r.plays, func(ctx context.Context) (err error) {
			towns[j], err = kept(r, fmt.Sprintf("honest-%s-%d", r.Preset, seed), func() ([]TradeResult, error) { return r.live(ctx, seed) })
			return err
		})
	}
	r.sums = append(r.sums, func() {
		results := slices.Concat(towns...)
		for _, trade := range r.trades {
			sum := TradeResult{Trade: trade.Name, Role: trade.Role}
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

// live has all agents of a town work together, and notes what each met.
func (r *replay) live(ctx context.Context, seed uint64) ([]TradeResult, error) {
	var careers []*career
	var scenes []scene
	for i := range r.Agents {
		c := townsman(r.people, r.trades, seed, i, r.Agents, r.Days)
		careers, scenes = append(careers, c), append(scenes, scene{c.agent, c.walks()})
	}
	listed, err := r.play(ctx, scenes...)
	results := make([]TradeResult, len(careers))
	for i, c := range careers {
		results[i] = c.result(scenes[i].walks[0].(*day))
		results[i].Months = max(0, r.Days-listable) / 28
		results[i].Listed = listed.months(c.agent.asker.Account, results[i].Months)
	}
	return results, err
}

// result is what an agent met.
func (c *career) result(met *day) TradeResult {
	result := TradeResult{
		Trade: c.trade.Name, Role: c.trade.Role, AgentDays: c.worked, Agents: 1, Openings: len(met.openings), met: met.met,
		ByRate: beyondRate(met.openings, RatePerMinute), ByCap: beyondCap(met.openings, CapPerDay),
	}
	for _, o := range met.openings {
		result.Unexplained += bit(!o.told && o.kind != misses)
	}
	result.Asked = bit(met.met.StepUps+met.met.Cosigns+met.met.Identities+met.met.Freezes+met.met.Stopped+met.met.Raises > 0)
	return result
}
