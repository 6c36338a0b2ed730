package sim

import (
	"context"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"text/tabwriter"

	"poterne/internal/i18n"
	"poterne/internal/roster"
)

// Target is one figure that is aimed at.
type Target struct {
	Kind   TargetKind
	About  string // an attack or a role
	Of     int    // how much was replayed
	Figure float64
	Most   float64
	Within Interval // of FalseFreezes, with 95 % confidence
}

// TargetKind is what a figure counts.
type TargetKind string

const (
	Failed       TargetKind = "failed"        // people of an attack at the 95th percentile: see Aim
	EachAccount  TargetKind = "each"          // likewise
	Strangers    TargetKind = "strangers"     // likewise
	Rows         TargetKind = "rows"          // likewise
	Given        TargetKind = "given"         // likewise
	AllPeople    TargetKind = "people"        // likewise
	OwnPeople    TargetKind = "own-people"    // likewise
	Swept        TargetKind = "swept"         // likewise
	ListedWithin TargetKind = "listed-within" // days
	OddFreezes   TargetKind = "odd-freezes"   // over the oddities
	FalseFreezes TargetKind = "false-freezes" // in 1,000 agent-days
	StepUpsAsked TargetKind = "step-ups"      // in a month of one agent of a role
	OthersAsked  TargetKind = "others"        // for a signature or a raise, in a month of one agent of a trade
	ByColleagues TargetKind = "colleagues"    // openings that colleagues stopped
	HonestListed TargetKind = "honest-listed" // on the short list, of 1,000 agents in a month
)

// Message is what the figure counts.
func (t Target) Message() (key string, values []any) {
	switch t.Kind {
	case StepUpsAsked, OthersAsked:
		return "target." + string(t.Kind) + "-" + t.About, nil
	case FalseFreezes:
		return "target." + string(t.Kind), []any{"of", t.Of, "low", math.Round(1000*t.Within.Low) / 1000, "high", math.Round(1000*t.Within.High) / 1000}
	default:
		return "target." + string(t.Kind), []any{"about", t.About, "of", t.Of}
	}
}

// Met reports whether the figure is within its aim.
func (t Target) Met() bool { return t.Figure <= t.Most }

// Open reports whether a rate is beyond its aim and too little was played to tell: the aim lies
// within the interval, and is for Enough agent-days.
func (t Target) Open() bool {
	return t.Kind == FalseFreezes && !t.Met() && t.Of < Enough && t.Within.Low <= t.Most
}

// Enough is over how many agent-days the aim of false freezes is meant; there the figure counts as it is.
const Enough = 300_000

// What honest work may be asked, at most.
const (
	MostFreezes     = 0.1 // in 1,000 agent-days
	MostStepUps     = 1.0 // in a month of one agent
	MostStepUpsDesk = 3.0 // likewise at a desk or in a call centre
	MostOthers      = 1.0 // others, for a signature or a raise, in a month of one agent of any trade
	MostOthersHard  = 3.0 // likewise in the hard preset
	MostListed      = 2.0 // on the short list, of 1,000 agents in a month
)

// Targets lists every figure of the report that is aimed at.
func (r Report) Targets() (targets []Target) {
	for _, a := range r.Attacks {
		targets = slices.AppendSeq(targets, a.targets())
	}
	if len(r.Oddities) > 0 {
		var odd met
		for _, o := range r.Oddities {
			odd = odd.add(o.met)
		}
		targets = append(targets, Target{Kind: OddFreezes, Of: len(r.Oddities), Figure: float64(odd.Freezes)})
	}
	if all := r.All; all.AgentDays > 0 {
		targets = append(targets, Target{Kind: FalseFreezes, Of: all.AgentDays, Figure: all.Per1000(all.Freezes), Most: MostFreezes, Within: all.FreezesWithin})
	}
	if all := r.All; all.AgentDays > 0 {
		targets = append(targets, Target{Kind: ByColleagues, Of: all.AgentDays, Figure: float64(all.Colleagues)})
		if all.Months > 0 {
			targets = append(targets, Target{Kind: HonestListed, Of: all.Months, Figure: 1000 * float64(all.Listed) / float64(all.Months), Most: MostListed})
		}
	}
	for _, trade := range r.Honest {
		most := MostOthers
		if r.Preset == Hard {
			most = MostOthersHard
		}
		targets = append(targets, Target{Kind: OthersAsked, About: trade.Trade, Figure: trade.PerMonth(trade.Cosigns + trade.Raises), Most: most})
	}
	for role, sum := range r.byRole() {
		most := MostStepUps
		if role == roster.Desk || role == roster.CallCentre {
			most = MostStepUpsDesk
		}
		targets = append(targets, Target{Kind: StepUpsAsked, About: string(role), Figure: sum.PerMonth(sum.StepUps), Most: most})
	}
	return targets
}

// targets yields the figures of an attack that are aimed at.
func (a AttackResult) targets() iter.Seq[Target] {
	return func(yield func(Target) bool) {
		for _, t := range []struct {
			kind         TargetKind
			figure, most int
		}{
			{Failed, a.By[0].P95, a.Aim.Failed},
			{EachAccount, a.Each.P95, a.Aim.Each},
			{Strangers, a.Outside.P95, a.Aim.Outside},
			{Rows, a.Rows.P95, a.Aim.Rows},
			{Given, a.Given.P95, a.Aim.Given},
			{AllPeople, a.People.P95, a.Aim.People},
			{OwnPeople, a.Inside.P95, a.Aim.Inside},
			{Swept, a.Swept.P95, a.Aim.Swept},
		} {
			if t.most > 0 && !yield(Target{Kind: t.kind, About: a.Name, Figure: float64(t.figure), Most: float64(t.most)}) {
				return
			}
		}
		if a.Aim.Listed > 0 {
			days := a.Listed
			if days == 0 {
				days = takesAllDays + 1 // never
			}
			yield(Target{Kind: ListedWithin, About: a.Name, Figure: float64(days), Most: float64(a.Aim.Listed)})
		}
	}
}

// byRole yields the honest results of each role, in the order of roles.
func (r Report) byRole() func(yield func(roster.Role, TradeResult) bool) {
	return func(yield func(roster.Role, TradeResult) bool) {
		for _, role := range roster.Readers {
			var sum TradeResult
			for _, t := range r.Honest {
				if t.Role == role {
					sum = sum.add(t)
				}
			}
			if sum.AgentDays > 0 && !yield(role, sum) {
				return
			}
		}
	}
}

// WriteTargets prints the figures of a report beside their aims, and how many fall short. One that
// is open is neither met nor missed.
func WriteTargets(out io.Writer, report Report) (missed int, err error) {
	targets := report.Targets()
	fmt.Fprintf(out, "%s\n", i18n.English.Say("report.preset-"+string(report.Preset)))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	open := 0
	for _, t := range targets {
		state := "met"
		switch {
		case t.Open():
			state = "OPEN"
			open++
		case !t.Met():
			state = "MISSED"
			missed++
		}
		fmt.Fprintf(w, "%s\t%s\tat most %s\t%s\n", state, figure(i18n.English, t.Figure), figure(i18n.English, t.Most), i18n.English.Sentence(t))
	}
	if err := w.Flush(); err != nil {
		return missed, err
	}
	_, err = fmt.Fprintf(out, "%d of %d targets are met, %d missed, %d open: more seeds tell\n", len(targets)-missed-open, len(targets), missed, open)
	return missed, err
}

// Check replays everything, and a hard town beside it, long enough to see a rule that broke;
// prints the figures beside their aims, and fails when one falls short.
func (s Settings) Check(ctx context.Context, out io.Writer) error {
	s.Scenario, s.Preset, s.Agents, s.Days, s.Seeds = Everything, Town, 300, 84, 4
	town, err := Replay(ctx, s)
	if err != nil {
		return err
	}
	s.Scenario, s.Preset, s.Seeds = Honest, Hard, 8
	hard, err := Replay(ctx, s)
	if err != nil {
		return err
	}
	s.Scenario, s.only = AllAttacks, listedAttacks()
	thieves, err := Replay(ctx, s)
	hard.Attacks = thieves.Attacks
	if err != nil {
		return err
	}
	missed := 0
	for _, report := range []Report{town, hard} {
		n, err := WriteTargets(out, report)
		if err != nil {
			return err
		}
		missed += n
	}
	if missed > 0 {
		return fmt.Errorf("the rules fall short of %d of their targets", missed)
	}
	return nil
}

// listedAttacks are those whose account is to be on the short list: among busy colleagues too.
func listedAttacks() (names []string) {
	for _, a := range Attacks {
		if a.Aim.Listed > 0 {
			names = append(names, a.Name)
		}
	}
	return names
}
