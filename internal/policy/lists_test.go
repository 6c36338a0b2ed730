package policy_test

import (
	"testing"
	"time"

	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/roster"
)

// lists asks for people as rows, and returns how many are shown and the last ruling.
func (p *post) lists(signs meter.Signs, from, until int) (shown int, last policy.Ruling) {
	p.t.Helper()
	a := ask()
	a.Signs = signs
	for n := from; n <= until; n++ {
		a.People = append(a.People, ask(n).People...)
	}
	f := facts(p.meter)
	p.next++
	f.Answer, f.Opened, f.Evidence.Facts = p.next, p.now.AddDate(-1, 0, 0), p.facts
	for i, ruling := range p.rules.Decide(a, f, p.now).People {
		p.meter.Record(policy.Event(a, a.People[i].Person, ruling, p.next, p.now))
		if last = ruling; ruling.Verdict.Shows() {
			shown++
		}
	}
	return shown, last
}

func (p *post) wantListed(what string, signs meter.Signs, from, until, want int, verdict policy.Verdict, why policy.Why) {
	p.t.Helper()
	shown, last := p.lists(signs, from, until)
	if shown != want {
		p.t.Errorf("%s: %d of %d are shown, want %d", what, shown, until-from+1, want)
	}
	p.want(what, last, verdict, why)
}

// Promise: METER-5. Rows of lists and searches show so many new people with a reason within a day, then
// so many more to whoever confirms, and the rest the next day.
func TestMETER_5_NewPeopleInRowsAreBoundedADay(t *testing.T) {
	p := newPost(t)
	p.rules.Lists = map[roster.Role]int{roster.Adviser: 100}
	all := make([]int, 2000)
	for i := range all {
		all[i] = i + 1
	}
	p.told(reason.Caseload, all...)
	p.wantListed("a caseload of 2,000 in one answer", meter.Listed, 1, 2000, 100, policy.AskStepUp, policy.ListsReached)
	p.after(time.Second).wantListed("another one", meter.Listed, 101, 2000, 0, policy.AskStepUp, policy.ListsReached)
	p.after(time.Second).wantListed("in the rows of a search", meter.SearchRow, 101, 110, 0, policy.AskStepUp, policy.ListsReached)
	p.wantListed("one's own list again", meter.Listed, 1, 100, 100, policy.Shown, policy.Explained)
	p.want("a file is opened all the same", p.after(time.Minute).opens(101), policy.Shown, policy.Explained)
	p.wantListed("and then stands in a list", meter.Listed, 101, 101, 1, policy.Shown, policy.Explained)
	if n, most := p.rules.Listed(roster.Adviser, p.meter.Draft(), p.now); n != 100 || most != 100 {
		t.Errorf("%d of %d are told to the agent", n, most)
	}

	p.event(meter.Event{Kind: meter.SteppedUp})
	p.after(time.Second).wantListed("it was confirmed", meter.Listed, 102, 2000, 200, policy.Withheld, policy.ListsReached)
	p.after(23*time.Hour).wantListed("within the day", meter.Listed, 302, 2000, 0, policy.AskStepUp, policy.ListsReached)
	p.after(2*time.Hour).wantListed("the next day", meter.Listed, 302, 2000, 100, policy.AskStepUp, policy.ListsReached)
	p.wantListed("those of the day before", meter.Listed, 1, 301, 301, policy.Shown, policy.Explained)
}

// A short answer each, in many sessions, is as one long one; what others gave at a ceiling does not lift it.
func TestMETER_5_ManyShortListsAreAsOneLong(t *testing.T) {
	p := newPost(t)
	p.rules.Lists = map[roster.Role]int{roster.Adviser: 100}
	p.rules.Ceilings = map[roster.Role]int{roster.Adviser: 100}
	all := make([]int, 300)
	for i := range all {
		all[i] = i + 1
	}
	p.told(reason.Caseload, all...)
	for n := 1; n <= 100; n += 5 {
		p.wantListed("five at a time", meter.Listed, n, n+4, 5, policy.Shown, policy.Explained)
	}
	p.event(meter.Event{Kind: meter.Raised, Cost: meter.People(50), Until: p.now.Add(time.Hour)})
	p.wantListed("a raise lifts the ceiling, and not the day", meter.Listed, 101, 105, 0, policy.AskStepUp, policy.ListsReached)
	p.rules.Observed.Grounds = map[policy.Why]bool{policy.ListsReached: true}
	if _, last := p.lists(meter.Listed, 106, 106); !last.Verdict.Shows() || !last.Observed || last.Why != policy.ListsReached {
		t.Errorf("only observed: %+v", last)
	}
}
