package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"poterne/internal/config"
	"poterne/internal/i18n"
	"poterne/internal/journal"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/roster"
	"poterne/internal/store"
)

var update = flag.Bool("update", false, "write the golden table anew")

// rules are those of the example configuration.
var rules = func() policy.Rules {
	rules, err := config.ReadRules("")
	if err != nil {
		panic(err)
	}
	return rules
}()

// small is a replay that takes seconds.
func small(scenario Scenario) Settings {
	return Settings{Scenario: scenario, Preset: Town, Rules: rules, Agents: 40, Days: 14, Seed: 101, Seeds: 1}
}

func replayed(t *testing.T, s Settings) Report {
	t.Helper()
	report, err := Replay(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// whole is the replay that several tests read: everything, for long enough that the
// targets mean something.
var whole = sync.OnceValues(func() (Report, error) {
	s := small(Everything)
	s.Agents, s.Days = 80, 28
	return Replay(context.Background(), s)
})

func wholeReport(t *testing.T) Report {
	t.Helper()
	report, err := whole()
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func townspeople(t testing.TB) people {
	t.Helper()
	p, err := newPeople()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTheSameSeedGivesTheSameTable(t *testing.T) {
	var table bytes.Buffer
	if err := wholeReport(t).WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/table.golden"
	if *update {
		if err := os.WriteFile(golden, table.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(table.Bytes(), want) {
		t.Errorf("the table has changed; go test -update writes it anew:\n%s", table.String())
	}
}

func TestAnotherSeedGivesAnotherTown(t *testing.T) {
	one, other := small(Honest), small(Honest)
	other.Seed = 7
	if reflect.DeepEqual(replayed(t, one).Honest, replayed(t, other).Honest) {
		t.Error("two seeds gave the same honest days")
	}
}

func TestNoThiefIsChargedMoreThanTheAllowance(t *testing.T) {
	for _, attack := range Attacks {
		t.Run(attack.Name, func(t *testing.T) {
			plot := attack.plot(townspeople(t), Trades, 1, Thieves[worst])
			through := newCore(rules, plot.scenes...)
			if err := play(t.Context(), through, plot.scenes...); err != nil {
				t.Fatal(err)
			}
			asked := 0
			for account, thefts := range plot.byAccount() {
				var now time.Time
				alone := true
				for _, stolen := range thefts {
					asked, now = asked+stolen.beat+stolen.stepUps+bit(stolen.frozen), later(now, stolen.at)
					alone = alone && stolen.manager == ""
				}
				for _, s := range plot.scenes {
					if s.agent.asker.Account != account || len(s.walks) > len(thefts) { // owners have co-signatures
						continue
					}
					spent := through.meter(account).Spent(meter.Memory, 0, now)
					if most := rules.Allowances[s.agent.asker.Role].Long; spent > most && alone {
						t.Errorf("%s: %d spent in 28 days, the allowance is %d", account, spent, most)
					}
				}
			}
			if asked == 0 {
				t.Error("the thief asked for nobody")
			}
		})
	}
}

// short are the targets of which the rules are known to fall short here; docs/detection.md says
// why. The replay says so each time.
var short = map[string]bool{
	"others desk":   true, // of seven agents, one of them new, in 28 days. Over 84 days and 4 seeds it is met
	"step-ups desk": true, // likewise
}

// Promise: WATCH-7
func TestWATCH_7_AttacksEndWhereTheyShouldAndHonestWorkIsLeftAlone(t *testing.T) {
	for _, target := range wholeReport(t).Targets() {
		if known := short[string(target.Kind)+" "+target.About]; !target.Met() && !known {
			t.Errorf("%s: %v, at most %v", i18n.English.Sentence(target), target.Figure, target.Most)
		}
	}
}

// Each trade's co-signatures and raises have a target, and what colleagues take from each other
// is measured: agents are played together through the gate over a ledger, where they share an
// organisation's allowance. One who is played alone meets no such refusal.
func TestWATCH_10_OthersAskedHaveATargetAndHonestPeopleArePlayedTogether(t *testing.T) {
	report := wholeReport(t)
	asked := make(map[string]Target)
	for _, target := range report.Targets() {
		if target.Kind == OthersAsked {
			asked[target.About] = target
		}
	}
	if len(report.Honest) != len(Trades) {
		t.Errorf("%d of %d trades are played", len(report.Honest), len(Trades))
	}
	others := 0
	for _, trade := range report.Honest {
		target, there := asked[trade.Trade]
		if want := trade.PerMonth(trade.Cosigns + trade.Raises); !there || target.Most != 1 || target.Figure != want {
			t.Errorf("%s: others are asked %v times in a month of one agent, and the target says %+v", trade.Trade, want, target)
		}
		if known := short[string(OthersAsked)+" "+trade.Trade]; !target.Met() && !known {
			t.Errorf("%s: others are asked %v times in a month of one agent", trade.Trade, target.Figure)
		}
		others += trade.Cosigns
	}
	if others == 0 {
		t.Error("nobody was ever asked for a signature: the target shows nothing")
	}

	s := small(Honest)
	s.Agents, s.Days = 30, 5
	s.Rules.Wider.Organisation = meter.Allowance{Short: meter.People(3), Long: meter.People(9)}
	alone := 0
	for i := range s.Agents {
		c := townsman(townspeople(t), Trades, s.Seed, i, s.Agents, s.Days)
		own := scene{c.agent, c.walks()}
		if err := play(t.Context(), newCore(s.Rules, own), own); err != nil {
			t.Fatal(err)
		}
		alone += c.result(own.walks[0].(*day)).Colleagues
	}
	s.Book = scratch(t)
	together := replayed(t, s)
	if alone != 0 || together.All.Colleagues == 0 {
		t.Errorf("%d openings of agents alone are stopped by colleagues, and %d of the same together", alone, together.All.Colleagues)
	}
	missed := slices.ContainsFunc(together.Targets(), func(target Target) bool { return target.Kind == ByColleagues && !target.Met() })
	if !missed {
		t.Error("what colleagues stopped is not said to miss its aim")
	}
}

func TestATargetThatIsMissedIsSaid(t *testing.T) {
	s := small(AllAttacks)
	s.only = []string{"drip"}
	s.Rules = dialed(rules, 20)
	s.Rules.Watches = nil
	var out bytes.Buffer
	missed, err := WriteTargets(&out, replayed(t, s))
	if err != nil || missed == 0 || !bytes.Contains(out.Bytes(), []byte("MISSED")) {
		t.Errorf("without a watch and with twenty times the allowances %d are missed, %v:\n%s", missed, err, out.String())
	}
}

// Four freezes in 32,000 agent-days are 0.12 in 1,000 and tell nothing of an aim of 0.1: they are
// neither met nor missed. Eighteen are missed, and so are as few more in the days that the aim is for.
func TestARateIsMissedWhereEnoughWasPlayedToTell(t *testing.T) {
	for _, c := range []struct {
		of     int
		figure float64
		within Interval
		state  string
	}{
		{32_000, 0.09, Interval{0.02, 0.2}, "met"},
		{32_000, 0.12, Interval{0.03, 0.28}, "OPEN"},
		{32_000, 0.56, Interval{0.3, 0.9}, "MISSED"},
		{300_000, 0.12, Interval{0.08, 0.16}, "MISSED"},
	} {
		target := Target{Kind: FalseFreezes, Of: c.of, Figure: c.figure, Most: MostFreezes, Within: c.within}
		if met, open := c.state == "met", c.state == "OPEN"; target.Met() != met || target.Open() != open {
			t.Errorf("%v in 1,000 over %d days: met %t, open %t, and it is %s", c.figure, c.of, target.Met(), target.Open(), c.state)
		}
	}
	others := Target{Kind: OthersAsked, Figure: 4, Most: 3}
	if others.Open() {
		t.Error("a figure without an interval is open")
	}
}

func TestAReplayThatIsKeptGoesOnWhereItStood(t *testing.T) {
	s := small(Everything)
	s.Agents, s.Days, s.only = 10, 3, []string{"kairos-2025", "drip"}
	plain := replayed(t, s)
	kept := &memory{results: map[string][]byte{}}
	s.Kept = kept
	first := replayed(t, s)
	saved := kept.saved
	again := replayed(t, s)
	if !reflect.DeepEqual(plain, first) || !reflect.DeepEqual(plain, again) || saved == 0 || kept.saved != saved {
		t.Errorf("%d results were kept, then %d more", saved, kept.saved-saved)
	}
}

// memory is a Keeper.
type memory struct {
	mu      sync.Mutex
	results map[string][]byte
	saved   int
}

func (m *memory) Load(name string, result any) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	body, ok := m.results[name]
	return ok && json.Unmarshal(body, result) == nil
}

func (m *memory) Save(name string, result any) (err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.saved++
	m.results[name], err = json.Marshal(result)
	return err
}

func TestAnExplainedHonestOpeningIsNeverStopped(t *testing.T) {
	oddities, honest := wholeReport(t).Oddities, replayed(t, small(Honest)).Honest
	for _, o := range oddities {
		if o.Told != 0 || o.Openings == 0 || o.Freezes != 0 {
			t.Errorf("%s: %d of %d openings were explained and stopped, %d freezes", o.Name, o.Told, o.Openings, o.Freezes)
		}
	}
	for _, trade := range honest {
		if trade.Trade != "benefits" && trade.Told != 0 || trade.Openings <= trade.Unexplained { // the wall is for such days as theirs
			t.Errorf("%s: %d of %d openings were explained and stopped", trade.Trade, trade.Told, trade.Openings)
		}
	}
	if len(oddities) != len(Oddities) || len(honest) != len(Trades) {
		t.Error("not everything was replayed")
	}
}

// scratch opens an empty ledger in SQLite.
func scratch(t *testing.T) func(context.Context) (journal.DB, func() error, error) {
	return func(ctx context.Context) (journal.DB, func() error, error) {
		db, err := store.OpenSQLite(ctx, filepath.Join(t.TempDir(), "poterne.db"))
		if err != nil {
			return nil, nil, err
		}
		return store.NewLedger(db), db.Close, nil
	}
}

func TestTheGateOverALedgerDecidesTheSame(t *testing.T) {
	for _, scenario := range []Scenario{AllAttacks, AllOddities, Honest} {
		t.Run(string(scenario), func(t *testing.T) {
			s := small(scenario)
			s.Agents, s.Days, s.Seeds = 20, 3, 1
			s.only = []string{"kairos-2025", "rule-reader", "caseload-sweep", "drip", "persuaded-manager"}
			alone := replayed(t, s)
			s.Book = scratch(t)
			if settled := replayed(t, s); !reflect.DeepEqual(alone, settled) {
				t.Errorf("the decision alone says\n%+v\nthe gate over a ledger\n%+v", alone, settled)
			}
		})
	}
}

func TestReferencesCountAsTheySay(t *testing.T) {
	people := townspeople(t)
	var openings []opening
	for i := range 130 { // 130 people, one a second, each twice
		at := after(0, 9*time.Hour).Add(time.Duration(i) * time.Second)
		openings = append(openings, opening{at: at, person: people.number(uint64(i)), told: true}, opening{at: at, person: people.number(uint64(i)), told: true})
	}
	if got := beyondCap(openings, 100); got != 2*30 {
		t.Errorf("a cap of 100 people stops %d openings of 130 people, want those of 30", got)
	}
	if got := beyondRate(openings, 60); got != 60+60 {
		t.Errorf("a limit of 60 a minute stops %d of 120, 120 and 20 openings, want 60 and 60", got)
	}
	tomorrow := []opening{openings[0], {at: after(1, 0), person: people.number(1), told: true}}
	if got := beyondCap(tomorrow, 1); got != 0 {
		t.Errorf("a cap of one a day stops %d of one a day", got)
	}
	fast := theft{from: after(0, 0), until: after(2, 0), every: time.Second / 10}
	if got := fast.underRate(60); got != 2*24*60*60 {
		t.Errorf("a limit of 60 a minute lets %d out in two days", got)
	}
	if got := fast.underCap(100); got != 200 {
		t.Errorf("a cap of 100 lets %d out in two days", got)
	}
}

func TestCountsHaveTheMeanAndSpreadTheyAreGiven(t *testing.T) {
	for _, trade := range Trades {
		rng := stream(1, trade.Name)
		const n = 200_000
		var sum, squares float64
		for range n {
			x := float64(NegativeBinomial(rng, trade.Unexplained, trade.Dispersion))
			sum, squares = sum+x, squares+x*x
		}
		mean := sum / n
		dispersion := (squares/n - mean*mean) / mean
		if math.Abs(mean/trade.Unexplained-1) > 0.05 || math.Abs(dispersion/trade.Dispersion-1) > 0.1 {
			t.Errorf("%s: mean %.3f and dispersion %.2f, want %.3f and %.2f", trade.Name, mean, dispersion, trade.Unexplained, trade.Dispersion)
		}
	}
}

func TestTwoAccountsOfAnAttackAreNotTheSame(t *testing.T) {
	for _, attack := range Attacks {
		plot := attack.plot(townspeople(t), Trades, 1, Thieves[worst])
		if got := len(staffOf(plot.scenes)); got != len(plot.scenes) {
			t.Errorf("%s: %d scenes are played by %d accounts", attack.Name, len(plot.scenes), got)
		}
	}
}

// BenchmarkHonestDays measures openings through the decision, their making
// included, on one core.
func BenchmarkHonestDays(b *testing.B) {
	people, openings := townspeople(b), 0
	for i := 0; b.Loop(); i++ {
		c := townsman(people, Trades, uint64(i), i%100, 100, 28)
		s := scene{c.agent, c.walks()}
		if err := play(b.Context(), newCore(rules, s), s); err != nil {
			b.Fatal(err)
		}
		openings += len(c.openings)
	}
	b.ReportMetric(float64(openings)/b.Elapsed().Seconds(), "openings/s")
}

// BenchmarkDecision measures the decision alone on openings made before.
func BenchmarkDecision(b *testing.B) {
	c := townsman(townspeople(b), Trades, 1, 0, 100, 364)
	s := scene{agent: c.agent}
	through, ask := newCore(rules, s), policy.Ask{
		Act: policy.Show, Account: c.agent.asker.Account, Service: "dossier", Purpose: "accompany", About: true, People: make([]policy.Opening, 1),
	}
	i := 0
	for b.Loop() {
		o := c.openings[i%len(c.openings)]
		at := o.at.AddDate(0, 0, 364*(i/len(c.openings)))
		ask.People[0] = policy.Opening{Person: o.person, Fields: useOf(roster.Adviser).fields}
		if _, err := through.Decide(b.Context(), at, ask); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

// BenchmarkMeters measures how much memory a meter takes, by trade, after two months
// of honest work.
func BenchmarkMeters(b *testing.B) {
	const accounts = 100
	people := townspeople(b)
	for _, trade := range Trades {
		b.Run(trade.Name, func(b *testing.B) {
			for b.Loop() {
				var meters []*meter.Meter
				before := inUse()
				for i := range accounts {
					c := newCareer(people, uint64(i), "agent", "house", trade, 60)
					s := scene{c.agent, c.walks()}
					through := newCore(rules, s)
					if err := play(b.Context(), through, s); err != nil {
						b.Fatal(err)
					}
					meters = append(meters, through.meter("agent"))
				}
				b.ReportMetric(float64(inUse()-before)/accounts, "B/account")
				runtime.KeepAlive(meters)
			}
		})
	}
}

// inUse is how many bytes are in use, once nothing is in use that need not be.
func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkSettledDays measures honest openings settled by the gate over SQLite,
// each written durably before it counts, by as many agents at once as there are.
// The clock stands at the latest of them, so it measures pace and not rules.
func BenchmarkSettledDays(b *testing.B) {
	const agents = 512
	people := townspeople(b)
	var scenes []scene
	var days []*day
	for i := range agents {
		c := townsman(people, Trades, 1, i, agents, 28)
		days = append(days, newDay("manager", c.openings))
		scenes = append(scenes, scene{agent: c.agent})
	}
	db, err := store.OpenSQLite(b.Context(), filepath.Join(b.TempDir(), "poterne.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	through, stop, err := throughGate(b.Context(), store.NewLedger(db), rules, scenes...)
	if err != nil {
		b.Fatal(err)
	}
	through.us.Store(after(28, 0).UnixMicro())
	var next atomic.Int64
	var group sync.WaitGroup
	b.ResetTimer()
	for i, s := range scenes {
		group.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				o := days[i].openings[int(n/agents)%len(days[i].openings)]
				if _, err := through.gate.Commit(b.Context(), s.agent.ask(o.deed(o.at))); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "openings/s")
	if err := stop(); err != nil {
		b.Fatal(err)
	}
}

// Nobody is put through to an agent who is held up: a call, or a number at the desk, begins when they are free, and what
// explains it with it.
func TestACallWaitsForAnAgentWhoIsHeldUp(t *testing.T) {
	people := townspeople(t)
	c := newCareer(people, 1, "agent", "house", tradeNamed(Trades, "call-centre"), 0)
	at := Beginning.Add(10 * time.Hour)
	caller, stranger := people.number(1), people.number(2)
	c.agent.tell(reason.Call, caller, at)
	c.openings = []opening{{at: at, person: caller, told: true, waits: reason.Call}, {at: at, person: stranger}}
	d := c.walks()[0].(*day)
	d.now = at.Add(2 * time.Hour) // of waiting for signatures
	next, _ := d.next()
	if _, again := d.next(); !again || len(c.agent.facts[caller]) != 2 {
		t.Errorf("asked twice what is next, and %d facts are told of the caller, want one of before and one of now", len(c.agent.facts[caller]))
	}
	if facts := c.agent.about(caller); !facts[len(facts)-1].From.Before(next.at) || !facts[len(facts)-1].Until.After(next.at) || next.at.Before(d.now) {
		t.Errorf("at %v the caller has %v", next.at, facts)
	}
	d.goOn()
	d.now = next.at
	if _, _ = d.next(); len(c.agent.facts[stranger]) != 0 {
		t.Error("a fact is told of whom nothing brings")
	}
}

func TestEveryAttackAndOddityIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../docs/detection.md")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, a := range Attacks {
		names = append(names, a.Name)
	}
	for _, o := range Oddities {
		names = append(names, o.Name)
	}
	for _, name := range names {
		sentence := i18n.English.Say("scenario." + name)
		if !bytes.Contains(page, []byte("- `"+name+"`: "+sentence+"\n")) {
			t.Errorf("docs/detection.md does not say that %s is: %s", name, sentence)
		}
	}
}
