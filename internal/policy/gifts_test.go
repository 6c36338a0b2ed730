package policy_test

import (
	"testing"
	"time"

	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/roster"
)

// hasBack has people come back whom the account opened, as when another system tells why.
func (p *post) hasBack(opened time.Time, people ...int) {
	for _, n := range people {
		p.event(meter.Event{Kind: meter.Refunded, Person: person(n), Cost: p.meter.Draft().Refundable(person(n), opened, p.now), Since: opened})
	}
}

// Honest work is confirmed in the days after it, and a thief's is not: for every two people of
// whom another system tells why, one more can be opened, up to a limit.
//
// Promise: METER-1
func TestMETER_1_WhatIsConfirmedAfterwardsMakesRoom(t *testing.T) {
	fill := func(p *post, first int) (opened map[int]time.Time, last policy.Ruling) {
		opened = make(map[int]time.Time)
		for n := first; ; n++ {
			if last = p.after(time.Minute).opens(n); last.Verdict != policy.Shown {
				return opened, last
			}
			opened[n] = p.now
		}
	}
	p := newPost(t)
	p.followed(100, 400)
	p.rules.Watches, p.rules.Earned = nil, map[roster.Role]int{roster.Adviser: 4}
	p.rules.Allowances = map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(100), Long: meter.People(20)}}
	opened, last := fill(p, 100)
	p.want("of whoever is never confirmed", last, policy.AskCosign, policy.LongEmpty)
	if len(opened) != 20 {
		t.Errorf("%d people are shown of whom nothing is told, want 20", len(opened))
	}
	p.after(time.Hour)
	for n := 100; n < 106; n++ {
		p.hasBack(opened[n], n)
	}
	if more, last := fill(p, 200); len(more) != 6+6/policy.EarnedBy || last.Limit != meter.People(23) {
		t.Errorf("six came back, and %d more are shown, of %v", len(more), last.Limit.People())
	}
	for n := 106; n < 120; n++ {
		p.hasBack(opened[n], n)
	}
	if more, last := fill(p, 300); len(more) != 14+4-3 || last.Limit != meter.People(24) {
		t.Errorf("twenty came back, and %d more are shown, of %v: four are earned at most", len(more), last.Limit.People())
	}
	p.after(meter.Memory)
	if more, _ := fill(p, 400); len(more) > 20 {
		t.Errorf("28 days later %d are shown for what came back", len(more))
	}
}

// A newcomer at a desk meets in a day what a month of probation holds elsewhere. What they may
// open is a quarter of what their role may, and grows by what is confirmed; in all ways together
// whoever had the account made for a theft is shown a tenth of what a role may be.
//
// Promise: RIGHTS-10, METER-1
func TestRIGHTS_10_AYoungAccountIsShownATenthInAllWaysAndWhatIsConfirmed(t *testing.T) {
	p := newPost(t)
	p.followed(100, 400)
	opened := p.now
	p.more = func(f *policy.Facts) { f.Opened = opened }
	p.rules.Watches, p.rules.Strangers = nil, map[roster.Role]int{roster.Adviser: 150}
	p.rules.Earned, p.rules.Rows = map[roster.Role]int{roster.Adviser: 45}, map[roster.Role]int{roster.Adviser: 120}
	p.rules.Allowances = map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(20), Long: meter.People(45)}}
	p.rules.Probation = meter.Allowance{Short: meter.People(20), Long: meter.People(5)}
	search := func(a *policy.Ask) { a.About, a.Signs = false, meter.SearchRow }
	shown, first := 0, p.now
	for n := 100; n < 115; n++ {
		if got := p.after(time.Second); got.opens(n).Verdict == policy.Shown {
			shown++
		}
		if n == 100 {
			first = p.now
		}
	}
	if shown != 11 {
		t.Errorf("a young account of a role that may open 45 is shown %d, want a quarter", shown)
	}
	p.event(meter.Event{Kind: meter.Raised, Cost: meter.People(10), Until: p.now.Add(time.Hour)})
	p.asks = search
	for n := 200; n < 240; n++ {
		if p.after(time.Minute).opens(n).Verdict == policy.Shown {
			shown++
		}
	}
	p.asks = nil
	p.want("opened, raised and found together", p.after(time.Minute).opens(300), policy.Refused, policy.StrangersReached)
	if shown != 15 {
		t.Errorf("a young account is shown %d people without a reason, want a tenth of 150", shown)
	}
	p.hasBack(first, 100)
	p.want("one who is confirmed makes room for another", p.after(time.Minute).opens(301), policy.Shown, policy.Raised)
}

// Whoever wants no probation, or a wide one, has decided what a young account may open: the tenth
// takes nothing of it.
//
// Promise: RIGHTS-10
func TestRIGHTS_10_AYoungAccountIsShownWhatItMayOpenByItself(t *testing.T) {
	r := policy.Rules{
		Allowances: map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(20), Long: meter.People(20)}},
		Strangers:  map[roster.Role]int{roster.Adviser: 150},
	}
	for probation, want := range map[int]int{0: 20, 5: 15, 18: 18, 20: 20, 40: 20} {
		r.Probation = meter.Allowance{Short: meter.People(probation), Long: meter.People(probation)}
		if got := r.StrangersOf(roster.Adviser, true, new(meter.Meter).Draft(), time.Now()); got != want {
			t.Errorf("with %d on probation it is shown %d in all", probation, got)
		}
	}
}

// Whoever opens people from a new device, or people whom no system knows, pays for several; once
// one of them is confirmed, that is one person, and a young account is shown one more.
//
// Promise: RIGHTS-10
func TestRIGHTS_10_OneWhoCostSeveralMakesRoomForOne(t *testing.T) {
	p := newPost(t)
	p.followed(100, 400)
	opened := p.now
	p.more = func(f *policy.Facts) { f.Opened = opened }
	p.rules.Watches, p.rules.Cold = nil, true
	p.rules.Strangers = map[roster.Role]int{roster.Adviser: 150}
	p.rules.Allowances = map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(500), Long: meter.People(8)}}
	p.rules.Probation = p.rules.Allowances[roster.Adviser]
	fill := func(first int) (n int) {
		for p.after(time.Minute).opens(first+n).Verdict == policy.Shown {
			n++
		}
		return n
	}
	var moments []time.Time
	for n := 500; n < 504; n++ {
		p.want("somebody whom nobody knows", p.after(time.Minute).opens(n), policy.Shown, policy.Counted)
		if cost := p.meter.Draft().Refundable(person(n), p.now, p.now); cost != 2*meter.Whole {
			t.Fatalf("they cost %v", cost)
		}
		moments = append(moments, p.now)
	}
	p.event(meter.Event{Kind: meter.Raised, Cost: meter.People(100), Until: p.now.Add(24 * time.Hour)})
	if n := fill(100); n != 11 {
		t.Errorf("%d more are shown before anybody is confirmed, want 11", n)
	}
	for i, at := range moments {
		p.hasBack(at, 500+i)
	}
	if more := fill(300); more != 4+4 { // the four are no strangers any more, and make room for one each
		t.Errorf("four are confirmed, and %d more are shown, want 8", more)
	}
}

// A house of many is confirmed by its own work, and many stolen accounts are not: for every two people of whom another
// system tells why, its accounts together may open one more within 28 days, up to half as many again. Its hour stays,
// and so does what one account may take of it.
//
// Promise: METER-4
func TestMETER_4_WhatIsConfirmedMakesRoomForTheOrganisation(t *testing.T) {
	p := newPost(t)
	p.followed(1, 2000)
	p.rules.Watches = nil
	p.rules.Allowances = map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(500), Long: meter.People(500)}}
	p.rules.Wider.Organisation, p.rules.Together = meter.Allowance{Short: meter.People(30), Long: meter.People(40)}, 1000
	var wider policy.Wider
	p.more = func(f *policy.Facts) { f.Wider = wider }
	next := 1
	fill := func() (opened int) { // one an hour
		for ; p.after(time.Hour).opens(next).Verdict.Shows(); next++ {
			wider.Add(meter.CommonOf(meter.Whole, 0), 0, p.now)
			opened++
		}
		return opened
	}
	if n := fill(); n != 40 {
		t.Errorf("%d people are opened by a house of whom nothing is told, want 40", n)
	}
	back := func(n int) {
		for range n {
			wider.Refund(meter.Whole, 0, p.now.Add(-2*time.Hour), p.now)
		}
	}
	back(10)
	if n := fill(); n != 10+10/policy.EarnedBy {
		t.Errorf("ten came back, and %d more are opened", n)
	}
	back(40)
	if n := fill(); n != 40+20-5 {
		t.Errorf("fifty came back, and %d more are opened: half of the month is earned at most", n)
	}
	p.rules.Together = 7
	back(20)
	if n := fill(); n != 20+7-20 {
		t.Errorf("with seven to earn at most, %d more are opened", n)
	}
	p.rules.Together = 1000
	p.after(meter.Memory)
	wider.Add(meter.CommonOf(meter.People(30), 0), 0, p.now)
	p.want("an empty hour", p.opens(next), policy.Refused, policy.OrganisationEmpty)
	if n := fill(); n != 10 {
		t.Errorf("28 days later %d are opened for what came back, want the 10 that are left", n)
	}

	wider, p.rules.Share = policy.Wider{}, policy.Share
	p.meter = meter.New()
	for range 200 {
		wider.Refund(meter.Whole, 0, p.now, p.now)
	}
	if n := fill(); n != 40/policy.Share {
		t.Errorf("one account opens %d, want its share of the month without what is earned", n)
	}
}

// An account that stands for weeks at its ceiling, at the wall of a day, or at its ceiling in an
// organisation that is empty still shows, by whom it asks for, that it works: who has a reason and
// is stopped there relieves the evidence as an opening would, and being asked for a step-up never does.
//
// Promise: WATCH-2
func TestWATCH_2_WorkAtTheCeilingIsWorkStill(t *testing.T) {
	p := newPost(t)
	all := make([]int, 90)
	for i := range all {
		all[i] = i + 1
	}
	p.told(reason.Caseload, all...)
	p.rules.Ceilings = map[roster.Role]int{roster.Adviser: 10}
	p.rules.Watches = map[roster.Role]policy.Watch{roster.Adviser: {Evidence: true, Pace: 15}}
	for n := 1; n <= 10; n++ {
		p.want("up to the ceiling", p.after(time.Minute).opens(n), policy.Shown, policy.Explained)
	}
	evidence := func() meter.Evidence { return p.meter.Draft().EvidenceNow(0, p.now) }
	p.after(time.Hour).opens(0)
	p.after(time.Minute).opens(0)
	before := evidence()
	for n := 11; n <= 13; n++ {
		p.want("beyond it", p.after(time.Minute).opens(n), policy.AskCosign, policy.CeilingReached)
	}
	if after := evidence(); before == 0 || after != before-150 {
		t.Errorf("three people with a reason are stopped at the ceiling, and the evidence goes from %d to %d", before, after)
	}
	p.after(time.Minute).opens(13)
	if after := evidence(); after != before-150 {
		t.Errorf("the same person again, and the evidence is %d", after)
	}
	p.rules.Wider.Organisation = meter.Allowance{Short: 1, Long: 1}
	before = evidence()
	p.want("beyond it in an empty organisation", p.after(time.Minute).opens(14), policy.Refused, policy.OrganisationEmpty)
	if after := evidence(); after != before-50 {
		t.Errorf("one who has a reason is stopped there, and the evidence goes from %d to %d", before, after)
	}
	p.rules.Wider.Organisation, p.rules.Ceilings = meter.Allowance{}, nil
	p.rules.Watches = map[roster.Role]policy.Watch{roster.Adviser: {Evidence: true, Pace: 15, Wall: 2}}
	before = evidence()
	p.want("at the wall", p.after(time.Minute).opens(15), policy.AskStepUp, policy.WallReached)
	if after := evidence(); after != before {
		t.Errorf("being asked for a step-up at the wall moves the evidence from %d to %d", before, after)
	}
	p.event(meter.Event{Kind: meter.SteppedUp})
	for range 2 {
		p.after(time.Minute).opens(0)
	}
	before = evidence()
	p.want("beyond the wall", p.after(time.Minute).opens(16), policy.Refused, policy.WallReached)
	if after := evidence(); before == 0 || after != before-50 {
		t.Errorf("one who has a reason is stopped beyond the wall, and the evidence goes from %d to %d", before, after)
	}
	p.rules.Watches = map[roster.Role]policy.Watch{roster.Adviser: {Evidence: true, Pace: 15}}
	p.after(24 * time.Hour)
	for n := 20; n < 40; n++ {
		p.after(time.Second).opens(n)
	}
	before = evidence()
	p.want("one more within the hour", p.after(time.Second).opens(50), policy.AskStepUp, policy.PaceReached)
	if after := evidence(); after != before {
		t.Errorf("being asked for a step-up moves the evidence from %d to %d", before, after)
	}
}

// What comes back is bounded: whoever can have reasons told of whom they open has so much, and its people take a place
// under the ceiling.
//
// Promise: METER-1
func TestMETER_1_WhatComesBackIsBoundedInADayAndInAMonth(t *testing.T) {
	p := newPost(t)
	p.followed(1, 2000)
	p.rules.Watches = nil
	p.rules.Allowances = map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(200), Long: meter.People(20)}}
	p.rules.Ceilings = map[roster.Role]int{roster.Adviser: 90}
	account := roster.Account{ID: "pauline", Role: roster.Adviser}
	next := 1
	comesBack := func() (n int) { // one opened, and back as soon
		for ; n < 200; n, next = n+1, next+1 {
			p.want("with room", p.after(time.Minute).opens(next), policy.Shown, policy.Counted)
			if !p.rules.Refunds(account, p.meter.Draft(), person(next), meter.Whole, p.now) {
				return n
			}
			p.hasBack(p.now, next)
		}
		return n
	}
	for day, want := range []int{20, 20, 20, 20, 0} {
		if n := comesBack(); n != want {
			t.Errorf("on day %d %d come back, want %d", day, n, want)
		}
		next++
		p.after(24 * time.Hour)
	}
	p.after(meter.Memory)
	p.rules.Ceilings = map[roster.Role]int{roster.Adviser: 5}
	if n := comesBack(); n != 5 {
		t.Errorf("%d come back, where the ceiling holds 5", n)
	}
}
