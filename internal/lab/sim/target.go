package sim

import (
	"fmt"
	"io"
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
}

// TargetKind is what a figure counts.
type TargetKind string

const (
	Strangers    TargetKind = "strangers"     // without a reason, at the 95th percentile
	OwnPeople    TargetKind = "own-people"    // explained, likewise
	OddFreezes   TargetKind = "odd-freezes"   // over the oddities
	FalseFreezes TargetKind = "false-freezes" // in 1,000 agent-days
	StepUpsAsked TargetKind = "step-ups"      // in a month of one agent of a role
)

// Message is what the figure counts.
func (t Target) Message() (key string, values []any) {
	if t.Kind == StepUpsAsked {
		return "target.step-ups-" + t.About, nil
	}
	return "target." + string(t.Kind), []any{"about", t.About, "of", t.Of}
}

// Met reports whether the figure is within its aim.
func (t Target) Met() bool { return t.Figure <= t.Most }

// What honest work may be asked, at most.
const (
	MostFreezes     = 0.1 // in 1,000 agent-days
	MostStepUps     = 1.0 // in a month of one agent
	MostStepUpsDesk = 3.0 // likewise at a desk or in a call centre
)

// Targets lists every figure of the report that is aimed at.
func (r Report) Targets() (targets []Target) {
	for _, a := range r.Attacks {
		if a.Aim.Outside > 0 {
			targets = append(targets, Target{Kind: Strangers, About: a.Name, Figure: float64(a.Outside.P95), Most: float64(a.Aim.Outside)})
		}
		if a.Aim.Inside > 0 {
			targets = append(targets, Target{Kind: OwnPeople, About: a.Name, Figure: float64(a.Inside.P95), Most: float64(a.Aim.Inside)})
		}
	}
	if len(r.Oddities) > 0 {
		var odd met
		for _, o := range r.Oddities {
			odd = odd.add(o.met)
		}
		targets = append(targets, Target{Kind: OddFreezes, Of: len(r.Oddities), Figure: float64(odd.Freezes)})
	}
	if all := r.All; all.AgentDays > 0 {
		targets = append(targets, Target{Kind: FalseFreezes, Of: all.AgentDays, Figure: all.Per1000(all.Freezes), Most: MostFreezes})
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

// byRole yields the honest results of each role, in the order of roles.
func (r Report) byRole() func(yield func(roster.Role, TradeResult) bool) {
	return func(yield func(roster.Role, TradeResult) bool) {
		for _, role := range roster.Roles {
			var sum TradeResult
			for _, t := range r.Honest {
				if tradeNamed(t.Trade).Role == role {
					sum = sum.add(t)
				}
			}
			if sum.AgentDays > 0 && !yield(role, sum) {
				return
			}
		}
	}
}

// WriteTargets prints the figures beside their aims, and how many fall short.
func WriteTargets(out io.Writer, targets []Target) (missed int, err error) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, t := range targets {
		state := "met"
		if !t.Met() {
			state = "MISSED"
			missed++
		}
		fmt.Fprintf(w, "%s\t%s\tat most %s\t%s\n", state, figure(i18n.English, t.Figure), figure(i18n.English, t.Most), i18n.English.Sentence(t))
	}
	if err := w.Flush(); err != nil {
		return missed, err
	}
	_, err = fmt.Fprintf(out, "%d of %d targets are met\n", len(targets)-missed, len(targets))
	return missed, err
}

// Check prints the figures beside their aims, and fails when one falls short.
func (r Report) Check(out io.Writer) error {
	missed, err := WriteTargets(out, r.Targets())
	if err == nil && missed > 0 {
		err = fmt.Errorf("the rules fall short of %d of their targets", missed)
	}
	return err
}
