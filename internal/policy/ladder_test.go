package policy_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// shipped are the rules as an operator gets them.
var shipped = policy.Rules{
	Purposes: rules.Purposes, Allowances: rules.Allowances, Watches: policy.Watches, Cold: true,
	Probation: meter.Allowance{Short: meter.People(1), Long: meter.People(5)},
	Signed:    policy.Signed,
}

// post is an account at work under rules: whatever is decided counts.
type post struct {
	t     *testing.T
	rules policy.Rules
	meter *meter.Meter
	now   time.Time
	next  uint64 // answer
	facts []reason.Fact
	more  func(*policy.Facts)
	asks  func(*policy.Ask)
}

func newPost(t *testing.T) *post {
	return &post{t: t, rules: shipped, meter: meter.New(), now: now}
}

// after lets time pass.
func (p *post) after(d time.Duration) *post {
	p.now = p.now.Add(d)
	return p
}

func (p *post) event(e meter.Event) {
	p.next++
	e.At, e.Answer = p.now, p.next
	p.meter.Record(e)
}

func (p *post) opens(n int) policy.Ruling {
	p.t.Helper()
	a := ask(n)
	a.About = true
	if n == 0 {
		a.People[0].Person = register.PersonID{}
	}
	if p.asks != nil {
		p.asks(&a)
	}
	f := facts(p.meter)
	p.next++
	f.Answer, f.Opened, f.Evidence.Facts = p.next, p.now.AddDate(-1, 0, 0), p.facts
	if p.more != nil {
		p.more(&f)
	}
	rulings := p.rules.Decide(a, f, p.now).People
	for i, ruling := range rulings {
		p.meter.Record(policy.Event(a, a.People[i].Person, ruling, p.next, p.now))
	}
	return rulings[0]
}

// told has a system tell facts of a kind about people.
func (p *post) told(kind reason.FactKind, people ...int) {
	for _, n := range people {
		p.facts = append(p.facts, reason.Fact{Kind: kind, Account: "pauline", Person: person(n), From: p.now.Add(-time.Minute), Until: p.now.AddDate(0, 6, 0), Source: "cases", ID: "1"})
	}
}

// followed has a colleague accompany people, so that they are not cold.
func (p *post) followed(from, until int) {
	for n := from; n < until; n++ {
		p.facts = append(p.facts, reason.Fact{Kind: reason.Caseload, Account: "colleague", Person: person(n), From: p.now.AddDate(0, -1, 0), Until: p.now.AddDate(0, 6, 0), Source: "cases", ID: "2"})
	}
}

func (p *post) want(what string, got policy.Ruling, verdict policy.Verdict, why policy.Why) {
	p.t.Helper()
	if got.Verdict != verdict || got.Why != why {
		p.t.Errorf("%s: %v for %v, want %v for %v", what, got.Verdict, got.Why, verdict, why)
	}
}

// Promise: METER-1
func TestMETER_1_ATouchRefillsHalfAndBeyondTheMonthAnotherPersonSigns(t *testing.T) {
	p := newPost(t)
	p.followed(100, 200)
	for n := 100; n < 103; n++ {
		p.want("within the hour's three", p.after(time.Minute).opens(n), policy.Shown, policy.Counted)
	}
	p.want("the fourth", p.after(time.Minute).opens(103), policy.AskStepUp, policy.ShortEmpty)
	p.after(time.Minute).event(meter.Event{Kind: meter.SteppedUp})
	p.want("the fourth after a step-up", p.after(time.Minute).opens(103), policy.Shown, policy.Counted)
	p.want("the fifth: half of three is one and a half", p.after(time.Minute).opens(104), policy.AskStepUp, policy.ShortEmpty)
	next := 110
	for day := 0; p.meter.Draft().Spent(meter.Memory, 0, p.now) < meter.People(20); day++ {
		p.rules.Watches = nil // the CUSUM is tried elsewhere
		p.want("one a day", p.after(24*time.Hour).opens(next), policy.Shown, policy.Counted)
		next++
	}
	p.want("the twenty-first in 28 days", p.after(time.Hour).opens(next), policy.AskCosign, policy.LongEmpty)
	p.after(time.Minute).event(meter.Event{Kind: meter.SteppedUp})
	p.want("a step-up does not help", p.after(time.Minute).opens(next), policy.AskCosign, policy.LongEmpty)
	p.after(time.Minute).event(meter.Event{Kind: meter.Cosigned, Person: person(next), Service: "dossier"})
	p.want("somebody else than was signed for", p.after(time.Minute).opens(next+1), policy.AskCosign, policy.LongEmpty)
	p.want("who was signed for", p.after(time.Minute).opens(next), policy.Shown, policy.Vouched)
}

// Promise: METER-5
func TestMETER_5_OwnPeopleArePacedAndWalled(t *testing.T) {
	p := newPost(t)
	all := make([]int, 700)
	for i := range all {
		all[i] = i + 1
	}
	p.told(reason.Caseload, all...)
	for n := 1; n <= 20; n++ {
		p.want("twenty within an hour", p.after(time.Second).opens(n), policy.Shown, policy.Explained)
	}
	p.want("the twenty-first, nothing written", p.after(time.Second).opens(21), policy.AskStepUp, policy.PaceReached)
	p.want("one of the twenty again", p.after(time.Second).opens(3), policy.Shown, policy.Explained)
	p.event(meter.Event{Kind: meter.Shown, Person: person(3), Ground: meter.Own, Writes: true})
	for n := 21; n <= 24; n++ {
		p.want("something was written, which stands for four", p.after(time.Second).opens(n), policy.Shown, policy.Explained)
	}
	p.want("and not for five", p.after(time.Second).opens(25), policy.AskStepUp, policy.PaceReached)

	p.rules.Watches = map[roster.Role]policy.Watch{roster.Adviser: {Wall: 200}}
	for n := 25; n <= 200; n++ {
		p.want("two hundred a day", p.after(time.Minute).opens(n), policy.Shown, policy.Explained)
	}
	p.want("beyond the wall", p.after(time.Minute).opens(201), policy.AskStepUp, policy.WallReached)
	p.event(meter.Event{Kind: meter.SteppedUp})
	for n := 201; n <= 600; n++ {
		p.want("after a step-up", p.after(time.Second).opens(n), policy.Shown, policy.Explained)
	}
	p.want("three times the wall", p.after(time.Second).opens(601), policy.Refused, policy.WallReached)
}

func TestAListOfOnesOwnPeopleIsWhereWorkBegins(t *testing.T) {
	p := newPost(t)
	all := make([]int, 250)
	for i := range all {
		all[i] = i + 1
	}
	p.told(reason.Caseload, all...)
	p.asks = func(a *policy.Ask) { a.About, a.Signs = false, meter.Listed }
	for _, n := range all {
		p.want("a row of the caseload", p.opens(n), policy.Shown, policy.Explained)
	}
	p.asks = nil
	for n := 1; n <= 20; n++ {
		p.want("then opened", p.after(time.Second).opens(n), policy.Shown, policy.Explained)
	}
	p.want("and one more within the hour", p.after(time.Second).opens(21), policy.AskStepUp, policy.PaceReached)
}

// Promise: METER-6
func TestMETER_6_ARaiseIsSpentAndEndsByItself(t *testing.T) {
	p := newPost(t)
	p.followed(100, 200)
	p.event(meter.Event{Kind: meter.Raised, Cost: meter.People(4), Until: p.now.Add(time.Hour)})
	for n := 100; n < 104; n++ {
		p.want("within the raise", p.after(time.Minute).opens(n), policy.Shown, policy.Raised)
	}
	if spent := p.meter.Spent(meter.Memory, 0, p.now); spent != 0 {
		t.Errorf("a raise pays by itself, the allowance was charged %d", spent)
	}
	p.want("beyond it the allowance pays", p.after(time.Minute).opens(104), policy.Shown, policy.Counted)
	p.event(meter.Event{Kind: meter.Raised, Cost: meter.People(4), Until: p.now.Add(time.Minute)})
	p.want("a raise that has ended", p.after(time.Hour).opens(105), policy.Shown, policy.Counted)
}

// Promise: RIGHTS-3
func TestRIGHTS_3_AnAccountIsOnProbationForFourWeeksAndUntilItHasNotUsedItUp(t *testing.T) {
	p := newPost(t)
	p.followed(100, 300)
	opened := p.now
	p.more = func(f *policy.Facts) { f.Opened = opened }
	p.want("the first", p.opens(100), policy.Shown, policy.Counted)
	p.want("a second within the hour", p.after(time.Minute).opens(101), policy.AskStepUp, policy.ShortEmpty)
	for n := 101; n < 105; n++ {
		p.want("five in all", p.after(24*time.Hour).opens(n), policy.Shown, policy.Counted)
	}
	p.want("a sixth", p.after(24*time.Hour).opens(105), policy.AskCosign, policy.LongEmpty)
	p.now = opened.Add(policy.Young - 24*time.Hour)
	p.want("still within 28 days", p.opens(106), policy.AskCosign, policy.LongEmpty)
	p.now = opened.Add(policy.Young + 48*time.Hour)
	for n := 110; n < 112; n++ {
		p.want("after 28 days, with room again", p.after(time.Minute).opens(n), policy.Shown, policy.Counted)
	}
}

// Promise: RIGHTS-10
func TestRIGHTS_10_AYoungAccountIsAskedForNoSignatureThatItCannotBeGiven(t *testing.T) {
	p := newPost(t)
	p.followed(100, 300)
	opened := p.now
	p.more = func(f *policy.Facts) { f.Opened = opened }
	for n := 100; n < 105; n++ {
		p.want("five in all", p.after(24*time.Hour).opens(n), policy.Shown, policy.Counted)
	}
	n := 105
	for range policy.Signed / 10 {
		p.want("one more", p.after(24*time.Hour).opens(n), policy.AskCosign, policy.LongEmpty)
		p.event(meter.Event{Kind: meter.Cosigned, Person: person(n), Service: "dossier"})
		p.want("that was signed", p.after(time.Minute).opens(n), policy.Shown, policy.Vouched)
		n++
	}
	full := p.after(24 * time.Hour).opens(n)
	p.want("beyond a tenth of what others are given", full, policy.Refused, policy.SignedEmpty)
	if full.Counted != meter.People(policy.Signed/10) || full.Limit != full.Counted {
		t.Errorf("it is told %d of %d", full.Counted, full.Limit)
	}
	p.now = opened.Add(policy.Young + time.Hour)
	p.event(meter.Event{Kind: meter.Raised, Cost: meter.People(policy.MostGiven), Until: p.now.Add(time.Minute)})
	p.now = p.now.Add(24 * time.Hour)
	for ; p.opens(n).Why == policy.Counted; n++ {
		p.now = p.now.Add(30 * time.Minute)
	}
	given := p.after(time.Minute).opens(n)
	p.want("after raises that were all it can be given", given, policy.Refused, policy.SignedEmpty)
	if given.Limit != meter.People(policy.MostGiven) || given.Counted < given.Limit {
		t.Errorf("it is told %d of %d", given.Counted, given.Limit)
	}
}

// Promise: WATCH-1
func TestWATCH_1_TheRequestThatCrossesTheLineIsTheOneThatIsStopped(t *testing.T) {
	p := newPost(t)
	p.followed(100, 400)
	p.rules.Allowances = map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(50), Long: meter.People(500)}}
	line := policy.Watches[roster.Adviser].Line
	for n := 100; ; n++ {
		ruling := p.after(11*time.Minute + time.Duration(n%5)*10*time.Minute).opens(n)
		if !ruling.Verdict.Shows() {
			p.want("the one that crosses", ruling, policy.Freeze, policy.Drifting)
			if got := meter.People(n - 100); got != line {
				t.Errorf("%d people were shown before it, the line is %d", got/meter.Whole, line/meter.Whole)
			}
			break
		}
	}
}

// Promise: WATCH-2
func TestWATCH_2_WhatLooksLikeEnumerationEndsInAFreeze(t *testing.T) {
	signed := func(signs meter.Signs) func(*post, int) policy.Ruling {
		return func(p *post, i int) policy.Ruling {
			p.asks = func(a *policy.Ask) { a.Signs = signs }
			return p.after(5*time.Minute + time.Duration(i*i)*time.Second).opens(100 + i)
		}
	}
	for name, test := range map[string]struct {
		does func(*post, int) policy.Ruling
		most int // openings until it is sure
	}{
		"references that lead to nobody":    {func(p *post, _ int) policy.Ruling { return p.after(time.Minute).opens(0) }, 6},
		"another stranger every second":     {func(p *post, i int) policy.Ruling { return p.after(time.Second).opens(100 + i) }, 4},
		"asked for a step-up, and on":       {func(p *post, i int) policy.Ruling { return p.after(50 * time.Second).opens(100 + i) }, 9},
		"page after page":                   {signed(meter.NextPage), 8},
		"one birth date under many names":   {signed(meter.SameBirth), 6},
		"one name with many birth dates":    {signed(meter.SameName), 9},
		"references in ascending order":     {signed(meter.InOrder), 20},
		"strangers like clockwork, knocked": {func(p *post, i int) policy.Ruling { return p.after(10 * time.Minute).opens(100 + i) }, 40},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPost(t)
			p.followed(100, 300)
			if test.most > 9 {
				p.rules.Allowances = map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(500), Long: meter.People(500)}}
			}
			w := p.rules.Watches[roster.Adviser]
			w.Line = 0
			p.rules.Watches = map[roster.Role]policy.Watch{roster.Adviser: w}
			for i := range test.most {
				if ruling := test.does(p, i); ruling.Verdict == policy.Freeze {
					p.want("it is sure", ruling, policy.Freeze, policy.Enumerating)
					return
				}
			}
			t.Errorf("after %d it is not sure yet: evidence %d", test.most, p.meter.Draft().EvidenceNow(0, p.now))
		})
	}
}

// Promise: WATCH-2
func TestWATCH_2_CircumstancesMakeStrangersDearerAndBlockNobodyByThemselves(t *testing.T) {
	known := func(p *post) { // a fortnight on one device, in one network
		for range 14 {
			p.after(24 * time.Hour).event(meter.Event{Kind: meter.Looked, Device: "own", Network: "agency"})
		}
		p.after(24 * time.Hour)
		p.asks = func(a *policy.Ask) { a.Device, a.Network = "own", "agency" }
	}
	for name, test := range map[string]struct {
		change func(*post)
		want   meter.Cost
	}{
		"nothing unusual":       {func(*post) {}, meter.Whole},
		"a new device":          {func(p *post) { p.asks = func(a *policy.Ask) { a.Device, a.Network = "other", "agency" } }, 2 * meter.Whole},
		"no device known":       {func(p *post) { p.asks = func(a *policy.Ask) { a.Network = "agency" } }, 2 * meter.Whole},
		"an unfamiliar network": {func(p *post) { p.asks = func(a *policy.Ask) { a.Device, a.Network = "own", "hosting" } }, 2 * meter.Whole},
		"a cold file":           {func(p *post) { p.facts = nil }, 2 * meter.Whole},
		"somebody protected":    {func(p *post) { p.facts = append(p.facts, protected(100)) }, 2 * meter.Whole},
		"everything at once": {func(p *post) {
			p.facts = []reason.Fact{protected(100)}
			p.asks = func(a *policy.Ask) { a.Device, a.Network = "other", "hosting" }
		}, 4 * meter.Whole},
		"all of it, and a step-up": {func(p *post) {
			p.facts = nil
			p.asks = func(a *policy.Ask) { a.Device, a.Network = "other", "hosting" }
			p.event(meter.Event{Kind: meter.SteppedUp, Device: "other", Network: "hosting"})
		}, 2 * meter.Whole},
		"long unused": {func(p *post) {
			p.more = func(f *policy.Facts) { f.Watched = p.now.AddDate(-1, 0, 0) }
			p.after(40 * 24 * time.Hour)
		}, 2 * meter.Whole},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPost(t)
			known(p)
			p.followed(100, 101)
			p.rules.Allowances = map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(5), Long: meter.People(20)}}
			test.change(p)
			got := p.after(time.Minute).opens(100)
			p.want("somebody without a reason", got, policy.Shown, policy.Counted)
			if got.Cost != test.want {
				t.Errorf("costs %d, want %d", got.Cost, test.want)
			}
		})
	}
}

func protected(n int) reason.Fact {
	return reason.Fact{Kind: reason.Protected, Organisation: reason.Everybody, Person: person(n), From: now.AddDate(-1, 0, 0), Until: now.AddDate(1, 0, 0)}
}

// Promise: WATCH-5
func TestWATCH_5_TheLadderFromANoteToTheEndOfSessions(t *testing.T) {
	p := newPost(t)
	p.followed(100, 300)
	p.told(reason.Caseload, 1)
	p.want("noted", p.after(time.Minute).opens(100), policy.Shown, policy.Counted)
	p.want("nobody", p.after(time.Minute).opens(0), policy.Refused, policy.NobodyKnown)
	p.want("nobody", p.after(time.Minute).opens(0), policy.Refused, policy.NobodyKnown)
	p.want("doubted: an identity is asked", p.after(time.Minute).opens(101), policy.AskIdentity, policy.Doubted)
	p.asks = func(a *policy.Ask) { a.About, a.Signs = false, meter.SearchRow }
	p.want("found by name and birth date", p.after(time.Minute).opens(101), policy.Shown, policy.Counted)
	p.asks = nil
	p.want("then opened", p.after(time.Minute).opens(101), policy.Shown, policy.Counted)
	p.event(meter.Event{Kind: meter.SteppedUp})
	var last policy.Ruling
	for n := 102; n < 108 && last.Verdict != policy.AskStepUp; n++ {
		last = p.after(time.Minute).opens(n)
	}
	p.want("the hour is used up: a step-up is asked", last, policy.AskStepUp, policy.ShortEmpty)
	for n := 110; n < 120 && last.Verdict != policy.Freeze; n++ {
		last = p.after(20 * time.Second).opens(n)
	}
	p.want("on to one after the other instead: a freeze", last, policy.Freeze, policy.Enumerating)

	p.more = func(f *policy.Facts) { f.Orders = ordered(order.Frozen, order.Account, "pauline") }
	p.want("frozen: one's own stay open", p.after(time.Minute).opens(1), policy.Shown, policy.Explained)
	p.want("frozen: who was seen stays open", p.after(time.Minute).opens(100), policy.Shown, policy.AlreadySeen)
	for n := 120; n < 140 && last.Why != policy.Expelled; n++ {
		last = p.after(20 * time.Second).opens(n)
	}
	p.want("and at it still: the sessions end", last, policy.Refused, policy.Expelled)

	p.more = nil
	p.after(time.Minute).event(meter.Event{Kind: meter.Thawed})
	p.want("undone by another person: work goes on", p.after(2*time.Hour).opens(150), policy.Shown, policy.Counted)
	if undone := p.meter.Draft().Undone(p.now); undone != 1 {
		t.Errorf("%d freezes undone within a week, want one", undone)
	}
}

func TestAQuarterIsLeftNextToATheft(t *testing.T) {
	p := newPost(t)
	p.followed(100, 200)
	p.more = func(f *policy.Facts) { f.Orders = ordered(order.Narrowed, order.Organisation, "mlv") }
	p.want("a quarter of three is nobody", p.opens(100), policy.AskStepUp, policy.ShortEmpty)
	p.event(meter.Event{Kind: meter.SteppedUp})
	p.want("but for who proves to be there", p.after(time.Second).opens(100), policy.Shown, policy.Counted)
}

func neverOpens(t *rapid.T) {
	d := suspicious.Draw(t, "doing")
	d.ask.People[0].Canary = false // whose listing stays open as any stranger's does
	free := d.under(watching(policy.Observed{}))
	d.facts.Orders = ordered(order.Frozen, order.Everything, "")
	held := d.under(watching(policy.Observed{}))
	for i := range held.People {
		was, is := free.People[i], held.People[i]
		if is.Verdict.Shows() && (!was.Verdict.Shows() || !was.Fields.Has(is.Fields)) {
			t.Fatalf("shown %v under a freeze, %v for %v without", is.Fields, was.Verdict, was.Why)
		}
	}
}

func TestAFreezeNeverOpensADoorWhateverHappened(t *testing.T) { rapid.Check(t, neverOpens) }

func FuzzFreeze(f *testing.F) { f.Fuzz(rapid.MakeFuzz(neverOpens)) }

func TestAnotherFactIsNeverDearerWhateverHappened(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := suspicious.Draw(t, "doing")
		without := d.under(watching(policy.Observed{}))
		d.facts.Evidence.Facts = append(d.facts.Evidence.Facts, reason.Fact{
			Kind:    rapid.SampledFrom([]reason.FactKind{reason.Caseload, reason.Call, reason.Enrolment}).Draw(t, "kind"),
			Account: rapid.SampledFrom([]roster.AccountID{"pauline", "colleague"}).Draw(t, "whose"), Author: rapid.SampledFrom([]roster.AccountID{"", "pauline"}).Draw(t, "author"),
			Person: person(rapid.IntRange(1, 40).Draw(t, "about")), From: now.Add(-time.Minute), Until: now.Add(time.Hour), Source: "cases", ID: "9",
		})
		with := d.under(watching(policy.Observed{}))
		for i := range with.People {
			if was, is := without.People[i], with.People[i]; was.Verdict.Shows() && is.Cost > was.Cost {
				t.Fatalf("costs %d, and %d without the fact", is.Cost, was.Cost)
			}
		}
	})
}

// Promise: METER-9
func TestMETER_9_BeyondTheCeilingAnotherPersonSignsThenAllowsMore(t *testing.T) {
	p := newPost(t)
	p.rules.Ceilings = map[roster.Role]int{roster.Adviser: 5}
	p.told(reason.Caseload, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	for n := 1; n <= 5; n++ {
		p.want("within the ceiling", p.after(time.Minute).opens(n), policy.Shown, policy.Explained)
	}
	p.want("one more", p.after(time.Minute).opens(6), policy.AskCosign, policy.CeilingReached)
	p.want("one of those shown", p.after(time.Minute).opens(5), policy.Shown, policy.Explained)
	for range 30 {
		p.want("asked again", p.after(time.Second).opens(6), policy.AskCosign, policy.CeilingReached)
	}
	p.event(meter.Event{Kind: meter.Cosigned, Person: person(6), Service: "dossier"})
	p.want("signed for", p.after(time.Minute).opens(6), policy.Shown, policy.Vouched)
	p.want("and opened again", p.after(2*time.Hour).opens(6), policy.Shown, policy.AlreadySeen)
	p.want("another one", p.after(time.Minute).opens(7), policy.AskCosign, policy.CeilingReached)
	p.event(meter.Event{Kind: meter.Raised, Cost: meter.People(2), Until: p.now.Add(time.Hour)})
	p.want("raised", p.after(time.Minute).opens(7), policy.Shown, policy.Raised)
	p.want("raised", p.after(time.Minute).opens(8), policy.Shown, policy.Raised)
	p.want("and the raise is spent", p.after(time.Minute).opens(9), policy.AskCosign, policy.CeilingReached)
	p.event(meter.Event{Kind: meter.Cosigned, Person: person(9), Service: "dossier"})
	p.asks = func(a *policy.Ask) { a.About, a.Signs = false, meter.Listed }
	p.want("a signature is never for a row", p.after(time.Minute).opens(9), policy.Withheld, policy.CeilingReached)
	p.asks, p.rules.Observed.Grounds = nil, map[policy.Why]bool{policy.CeilingReached: true}
	p.told(reason.Caseload, 10)
	if r := p.after(time.Minute).opens(10); r.Verdict != policy.Shown || !r.Observed || r.Why != policy.CeilingReached {
		t.Errorf("only observed: %+v", r)
	}
	p.rules.Observed.Grounds = nil
	p.told(reason.Caseload, 11)
	p.want("enforced again", p.after(time.Minute).opens(11), policy.AskCosign, policy.CeilingReached)
}

// What was seen without a reason stays open at the ceiling, and takes nobody's place below it.
func TestMETER_9_WhatWasSeenWithoutAReasonStaysOpen(t *testing.T) {
	p := newPost(t)
	p.followed(7, 9)
	p.want("without a reason", p.opens(7), policy.Shown, policy.Counted)
	p.rules.Ceilings = map[roster.Role]int{roster.Adviser: 2}
	p.told(reason.Caseload, 1, 2, 3, 7)
	for n := 1; n <= 2; n++ {
		p.want("within the ceiling", p.after(time.Minute).opens(n), policy.Shown, policy.Explained)
	}
	p.want("seen before", p.after(time.Minute).opens(7), policy.Shown, policy.AlreadySeen)
	p.want("beyond", p.after(time.Minute).opens(3), policy.AskCosign, policy.CeilingReached)
	if n := p.meter.Draft().Reasons(0, p.now); n != 2 {
		t.Errorf("%d people with a reason, want 2", n)
	}
}

// Promise: METER-10
func TestMETER_10_PeopleFoundInSearchesAreBounded(t *testing.T) {
	p := newPost(t)
	p.followed(100, 400)
	p.told(reason.Caseload, 1)
	p.rules.Rows, p.rules.Watches = map[roster.Role]int{roster.Adviser: 10}, nil
	p.rules.Allowances = map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(20), Long: meter.People(20)}}
	search := func(a *policy.Ask) { a.About, a.Signs = false, meter.SearchRow }
	p.asks = search
	for n := 100; n < 110; n++ {
		p.want("ten are found", p.after(time.Minute).opens(n), policy.Shown, policy.Counted)
	}
	got := p.after(time.Minute).opens(110)
	p.want("an eleventh", got, policy.Withheld, policy.RowsReached)
	if got.Counted != meter.People(10) || got.Limit != meter.People(10) {
		t.Errorf("ten people in rows are told as %v of %v", got.Counted.People(), got.Limit.People())
	}
	if nobody := p.opens(0); nobody.Verdict != got.Verdict || nobody.Why != got.Why || nobody.Counted != got.Counted {
		t.Errorf("who does not exist is told apart: %+v, %+v", nobody, got)
	}
	p.want("somebody found before", p.after(time.Minute).opens(100), policy.Shown, policy.AlreadySeen)
	p.want("of the caseload", p.after(time.Minute).opens(1), policy.Shown, policy.Explained)
	p.asks = nil
	p.want("found, then opened", p.after(time.Minute).opens(100), policy.Shown, policy.Counted)
	p.asks = search
	p.want("which makes room for one", p.after(time.Minute).opens(111), policy.Shown, policy.Counted)
	p.want("and for one only", p.after(time.Minute).opens(112), policy.Withheld, policy.RowsReached)

	p.event(meter.Event{Kind: meter.Raised, Cost: meter.People(2), Until: p.now.Add(time.Hour)})
	for n := 113; n < 115; n++ {
		if got := p.after(time.Minute).opens(n); got.Why != policy.Raised || got.Cost != meter.Whole {
			t.Errorf("a raise pays %d for a row beyond the limit, for %v; want a whole person", got.Cost, got.Why)
		}
	}
	p.want("and for no more than it has", p.after(time.Minute).opens(115), policy.Withheld, policy.RowsReached)
	p.rules.Observed.Grounds = map[policy.Why]bool{policy.RowsReached: true}
	if got := p.after(time.Minute).opens(116); !got.Verdict.Shows() || !got.Observed || got.Why != policy.RowsReached || got.Cost != meter.Row {
		t.Errorf("while it is only observed: %+v", got)
	}
	p.rules.Observed.Grounds = nil
	p.want("in 28 days", p.after(meter.Memory).opens(117), policy.Shown, policy.Counted)
}

// Probation holds whom a young account opens; rows at a fifth each MUST NOT be the way round.
//
// Promise: METER-10
func TestMETER_10_AYoungAccountFindsATenthInSearches(t *testing.T) {
	p := newPost(t)
	p.followed(100, 400)
	p.rules.Rows, p.rules.Watches = map[roster.Role]int{roster.Adviser: 15}, nil
	p.rules.Allowances = map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(20), Long: meter.People(20)}}
	opened := p.now.AddDate(0, 0, -3)
	p.more = func(f *policy.Facts) { f.Opened = opened }
	p.asks = func(a *policy.Ask) { a.About, a.Signs = false, meter.SearchRow }
	for n := 100; n < 102; n++ {
		p.want("two are found", p.after(time.Minute).opens(n), policy.Shown, policy.Counted)
	}
	got := p.after(time.Minute).opens(102)
	p.want("a third", got, policy.Withheld, policy.RowsReached)
	if got.Counted != meter.People(2) || got.Limit != meter.People(2) {
		t.Errorf("two people in rows are told as %v of %v", got.Counted.People(), got.Limit.People())
	}
	opened = p.now.AddDate(0, 0, -29)
	p.want("no longer young", p.after(time.Minute).opens(102), policy.Shown, policy.Counted)
}

// A thief who finds whom he can, by searches alone, and is never stopped for his pace.
func TestMETER_10_AThiefFindsNoMorePeopleInSearchesThanARoleMay(t *testing.T) {
	for role, most := range policy.Rows {
		p := newPost(t)
		p.followed(1, 2000)
		p.rules.Rows = policy.Rows
		p.rules.Allowances = map[roster.Role]meter.Allowance{role: {Short: meter.People(80), Long: meter.People(80)}}
		p.asks = func(a *policy.Ask) { a.Role, a.About, a.Signs = role, false, meter.SearchRow }
		shown := 0
		for n := 1; n < 2000; n++ {
			if p.after(19 * time.Minute).opens(n).Verdict.Shows() {
				shown++
			}
		}
		if shown > most || most > 150 {
			t.Errorf("%s: %d people in rows within 28 days, of at most %d", role, shown, most)
		}
	}
}

// A thief with a persuaded manager takes the rows, the gifts and the month, in whatever order: what
// bounds each of them MUST NOT add up.
//
// Promise: RIGHTS-10
func TestRIGHTS_10_PeopleWithoutAReasonAreBoundedInAllWaysTogether(t *testing.T) {
	search := func(a *policy.Ask) { a.About, a.Signs = false, meter.SearchRow }
	for what, order := range map[string][]string{
		"rows first":  {"rows", "gifts", "month"},
		"gifts first": {"gifts", "rows", "month"},
		"month first": {"month", "gifts", "rows"},
	} {
		p := newPost(t)
		p.followed(1000, 2000)
		p.rules.Watches, p.rules.Signed = nil, policy.MostGiven
		p.rules.Rows, p.rules.Strangers = policy.Rows, policy.Strangers
		p.rules.Allowances = map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(80), Long: meter.People(80)}}
		shown, next := 0, 1000
		for _, way := range order {
			for range 130 {
				next++
				p.after(time.Minute).asks = nil
				switch way {
				case "rows":
					p.asks = search
				case "gifts":
					p.event(meter.Event{Kind: meter.Cosigned, Person: person(next), Service: "dossier"})
				}
				got := p.opens(next)
				if got.Verdict.Shows() {
					shown++
				} else if shown == 150 {
					if got.Verdict == policy.AskCosign {
						t.Errorf("%s, by the %s: a signature is asked for that would open nothing", what, way)
					}
					if got.Why == policy.StrangersReached && (got.Counted != meter.People(150) || got.Limit != meter.People(150)) {
						t.Errorf("%s: told as %v of %v people", what, got.Counted.People(), got.Limit.People())
					}
				}
			}
		}
		if shown != 150 {
			t.Errorf("%s: %d people in all ways together, want 150", what, shown)
		}
		p.asks = nil
		if got := p.after(24 * time.Hour).opens(1001); !got.Verdict.Shows() {
			t.Errorf("%s: somebody shown before: %v for %v", what, got.Verdict, got.Why)
		}
		p.told(reason.Caseload, 1)
		p.want("of the caseload", p.after(time.Minute).opens(1), policy.Shown, policy.Explained)
		if nobody, stranger := p.after(time.Minute).opens(0), p.opens(1999); nobody.Why != stranger.Why || nobody.Counted != stranger.Counted {
			t.Errorf("%s: who does not exist is told apart: %+v, %+v", what, nobody, stranger)
		}
		p.rules.Observed.Grounds = map[policy.Why]bool{policy.StrangersReached: true, policy.LongEmpty: true, policy.SignedEmpty: true}
		if got := p.after(24 * time.Hour).opens(1998); !got.Verdict.Shows() || !got.Observed {
			t.Errorf("%s: while it is only observed: %+v", what, got)
		}
		p.rules.Observed.Grounds = nil
		p.want("in 28 days", p.after(meter.Memory).opens(1997), policy.Shown, policy.Counted)
	}
}

// The application chooses whom a search shows beside the one who was looked for.
//
// Promise: SCOPE-4
func TestSCOPE_4_ARowCostsAFifthWhoeverStandsInIt(t *testing.T) {
	p := newPost(t)
	p.rules.Cold = true
	p.told(reason.Protected, 2)
	p.followed(1, 2)
	p.asks = func(a *policy.Ask) { a.About, a.Signs = false, meter.SearchRow }
	for what, n := range map[string]int{"followed": 1, "protected": 2, "cold": 3} {
		if got := p.after(time.Minute).opens(n); got.Cost != meter.Row {
			t.Errorf("somebody %s costs %v in a row, want a fifth", what, got.Cost.People())
		}
	}
}

// Hundreds of accounts that search at once take no more people within the hour than they could
// open.
//
// Promise: METER-4
func TestMETER_4_InTheHourOfAllARowIsAPerson(t *testing.T) {
	p := newPost(t)
	p.followed(1, 100)
	p.rules.Watches, p.rules.Allowances = nil, map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(80), Long: meter.People(80)}}
	p.rules.Wider.Service = meter.Allowance{Short: meter.People(10), Long: meter.People(20)}
	var wider policy.Wider
	p.more = func(f *policy.Facts) { f.Wider = wider }
	p.asks = func(a *policy.Ask) { a.About, a.Signs = false, meter.SearchRow }
	shown := 0
	for n := 1; n < 60; n++ {
		if got := p.after(time.Second).opens(n); got.Verdict.Shows() {
			shown++
			wider.Add(meter.CommonOf(got.Cost, meter.SearchRow), 0, p.now)
		}
	}
	if _, month := wider.Service.Spent(false, p.now); shown != 10 || month != 10*meter.Row {
		t.Errorf("%d rows within an hour of ten people, and %v people of 28 days; want 10, and 2", shown, month.People())
	}
}

// A training organisation reads its own list each morning, by pages: with a reason for all who stand on it, that
// is no sign of going through the register. One who is nobody's among them makes it one.
//
// Promise: WATCH-2
func TestWATCH_2_PagingThroughOnesOwnListIsNoEvidence(t *testing.T) {
	pages := func(p *post, days int, people ...int) {
		for range days {
			p.after(24 * time.Hour)
			p.asks = func(a *policy.Ask) {
				a.About, a.Signs, a.People = false, meter.Listed|meter.NextPage, nil
				for _, n := range people {
					a.People = append(a.People, policy.Opening{Person: person(n), Fields: register.Name})
				}
			}
			p.opens(people[0])
		}
		p.asks = nil
	}
	honest := newPost(t)
	honest.told(reason.Caseload, 1, 2, 3, 4, 5)
	honest.followed(100, 200)
	pages(honest, 20, 1, 2, 3, 4, 5)
	honest.want("a stranger after twenty mornings", honest.after(time.Hour).opens(100), policy.Shown, policy.Counted)

	thief := newPost(t)
	thief.told(reason.Caseload, 1, 2)
	thief.followed(100, 200)
	pages(thief, 20, 1, 2, 101)
	if got := thief.after(time.Hour).opens(100); got.Verdict != policy.Freeze {
		t.Errorf("after twenty pages with a stranger behind two own people: %v for %v", got.Verdict, got.Why)
	}
}

// Promise: WATCH-2
func TestWATCH_2_OpeningOneOwnPersonAgainDoesNotWashEvidenceAway(t *testing.T) {
	for what, between := range map[string]func(*post){
		"one person": func(p *post) {
			for range 20 {
				p.after(time.Minute).opens(1)
			}
		},
		"lists of the caseload": func(p *post) {
			p.asks = func(a *policy.Ask) { a.About, a.Signs = false, meter.Listed }
			for n := range 20 {
				p.after(time.Minute).opens(1 + n%10)
			}
			p.asks = nil
		},
		"refusals out of order": func(p *post) {
			p.asks = func(a *policy.Ask) { a.Signs = meter.OutOfOrder }
			for n := range 5 {
				p.after(4 * time.Minute).opens(5000 + n)
			}
			p.asks = nil
		},
	} {
		p := newPost(t)
		p.told(reason.Caseload, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
		p.rules.Watches = map[roster.Role]policy.Watch{roster.Adviser: {Evidence: true}}
		if what == "refusals out of order" {
			p.rules.Allowances = map[roster.Role]meter.Allowance{roster.Adviser: {}}
		}
		guesses, began := 0, p.now
		for ; p.now.Sub(began) < 24*time.Hour; guesses++ {
			if got := p.after(time.Minute).opens(0); got.Why.Freezes() || got.Why == policy.Expelled {
				break
			}
			between(p)
		}
		if guesses > 20 {
			t.Errorf("%s: %d guesses in %v", what, guesses, p.now.Sub(began))
		}
	}
}

// Promise: WATCH-2
func TestWATCH_2_ARefusalAtAnEmptyMonthIsAKnockAndASignatureTakesItBack(t *testing.T) {
	empty := func() *post {
		p := newPost(t)
		p.followed(100, 2000)
		p.rules.Allowances = map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(3)}}
		p.rules.Watches = map[roster.Role]policy.Watch{roster.Adviser: {Evidence: true}}
		return p
	}
	p, knocks := empty(), 0
	var last policy.Ruling
	for n := 100; n < 1000 && last.Why != policy.Enumerating; n++ {
		last = p.after(5 * time.Minute).opens(n)
		knocks++
	}
	if knocks > 10 {
		t.Errorf("%d refusals at an empty month before %v for %v", knocks, last.Verdict, last.Why)
	}
	p = empty()
	for n := 100; n < 130; n++ {
		p.want("the next caller", p.after(time.Duration(1+n%2*20)*time.Minute).opens(n), policy.AskCosign, policy.LongEmpty)
		p.after(time.Minute).event(meter.Event{Kind: meter.Cosigned, Person: person(n), Service: "dossier"})
		p.want("and back, once signed for", p.after(time.Minute).opens(n), policy.Shown, policy.Vouched)
	}
	p = empty()
	p.asks = func(a *policy.Ask) { a.About, a.Signs = false, meter.SearchRow }
	for n := 100; n < 106; n++ {
		p.want("rows are the application's choice", p.after(5*time.Minute).opens(n), policy.Withheld, policy.LongEmpty)
	}
}

// Promise: WATCH-2
func TestWATCH_2_WhoCanDoNothingAboutARefusalIsNotTakenForAThief(t *testing.T) {
	spent := func() *post { // a young account at a desk, with nothing left that others can sign for
		p := newPost(t)
		p.asks = func(a *policy.Ask) { a.Role = roster.Desk }
		p.followed(100, 5000)
		opened := p.now.AddDate(0, 0, -14)
		p.more = func(f *policy.Facts) { f.Opened = opened }
		p.event(meter.Event{Kind: meter.Raised, Cost: meter.People(10), Until: p.now.Add(time.Minute)})
		for n := 100; p.after(time.Hour).opens(n).Verdict == policy.Shown; n++ {
		}
		return p
	}
	p := spent()
	for n := 1; n < 100; n++ {
		p.told(reason.Caseload, n)
	}
	next := 200
	for range 8 { // days of the monthly declaration: three who come without a reason in each hour, between twice as many with one
		for range 7 * 3 {
			p.after(7 * time.Minute).opens(1 + 2*next%98)
			p.want("somebody whom nobody can sign for", p.after(4*time.Minute).opens(next), policy.Refused, policy.SignedEmpty)
			p.want("the same one again", p.after(5*time.Minute).opens(next), policy.Refused, policy.SignedEmpty)
			p.after(4 * time.Minute).opens(2 + 2*next%98)
			next++
		}
		p.after(17 * time.Hour)
	}
	p, refusals := spent(), 0
	for last := (policy.Ruling{}); last.Why != policy.Enumerating && refusals < 100; refusals++ {
		last = p.after(5 * time.Minute).opens(1000 + refusals)
	}
	if refusals > 20 {
		t.Errorf("whoever knocks there and does nothing else is frozen after %d refusals", refusals)
	}
}

// Promise: WATCH-6
func TestWATCH_6_NobodyIsAskedForWhatWouldOpenNothing(t *testing.T) {
	for what, test := range map[string]struct {
		change  func(*policy.Rules)
		verdict policy.Verdict
		why     policy.Why
	}{
		"an empty month":        {func(r *policy.Rules) { r.Allowances = nil }, policy.AskCosign, policy.LongEmpty},
		"an empty organisation": {func(r *policy.Rules) { r.Wider.Organisation = meter.Allowance{Short: 1, Long: 1} }, policy.Refused, policy.OrganisationEmpty},
		"an empty month in an empty organisation": {func(r *policy.Rules) {
			r.Allowances, r.Wider.Organisation = nil, meter.Allowance{Short: 1, Long: 1}
		}, policy.Refused, policy.OrganisationEmpty},
		"an empty hour in an empty organisation": {func(r *policy.Rules) {
			r.Allowances = map[roster.Role]meter.Allowance{roster.Adviser: {Short: 1, Long: meter.People(20)}}
			r.Wider.Organisation = meter.Allowance{Short: 1, Long: 1}
		}, policy.Refused, policy.OrganisationEmpty},
	} {
		p := newPost(t)
		p.followed(100, 200)
		for range 2 {
			p.want("guessed", p.after(time.Minute).opens(0), policy.Refused, policy.NobodyKnown)
		}
		before := p.rules
		test.change(&p.rules)
		p.want(what+" is told, and no identity asked for", p.after(time.Minute).opens(100), test.verdict, test.why)
		p.rules = before
		p.want("with room", p.after(time.Hour).opens(101), policy.AskIdentity, policy.Doubted)
	}
}

// Whoever has the reasons and has reached the ceiling is stopped, and not suspected; and is sent for no signature that
// would open nothing.
//
// Promise: METER-9
func TestMETER_9_AtTheCeilingNobodyIsSuspectedNorSentForASignatureInVain(t *testing.T) {
	p := newPost(t)
	for n := range 40 {
		p.told(reason.DeskTicket, n+1)
	}
	p.followed(100, 200)
	p.rules.Ceilings = map[roster.Role]int{roster.Adviser: 3}
	p.rules.Wider.Organisation, p.rules.Share = meter.Allowance{Short: meter.People(2), Long: meter.People(2)}, 0
	var wider policy.Wider
	p.more = func(f *policy.Facts) { f.Wider = wider }
	for n := 1; n < 4; n++ {
		p.want("below the ceiling", p.after(time.Second).opens(n), policy.Shown, policy.Explained)
	}
	p.want("beyond it", p.after(time.Second).opens(4), policy.AskCosign, policy.CeilingReached)
	wider.Add(meter.CommonOf(meter.People(2), 0), 0, p.now)
	for n := 5; n < 40; n++ {
		p.want("beyond it, and what all may be charged is used up", p.after(time.Second).opens(n), policy.Refused, policy.OrganisationEmpty)
	}
	wider = policy.Wider{}
	p.want("a stranger afterwards", p.after(time.Hour).opens(100), policy.Shown, policy.Counted)
}

// Promise: METER-2
func TestMETER_2_WhatWasSeenStaysOpenWhateverIsEmpty(t *testing.T) {
	full := meter.Allowance{Short: 1, Long: 1}
	for why, empty := range map[policy.Why]func(*policy.Rules, *policy.Facts){
		policy.ShortEmpty: func(r *policy.Rules, _ *policy.Facts) {
			r.Allowances = map[roster.Role]meter.Allowance{roster.Adviser: {Long: meter.People(9)}}
		},
		policy.LongEmpty:         func(r *policy.Rules, _ *policy.Facts) { r.Allowances = nil },
		policy.SignedEmpty:       func(r *policy.Rules, _ *policy.Facts) { r.Allowances, r.Signed = nil, 0 },
		policy.ShareReached:      func(r *policy.Rules, _ *policy.Facts) { r.Wider.Register, r.Share = full, 1 },
		policy.OrganisationEmpty: func(r *policy.Rules, _ *policy.Facts) { r.Wider.Organisation = full },
		policy.ServiceEmpty:      func(r *policy.Rules, _ *policy.Facts) { r.Wider.Service = full },
		policy.RegisterEmpty:     func(r *policy.Rules, _ *policy.Facts) { r.Wider.Register = full },
		policy.Frozen:            func(_ *policy.Rules, f *policy.Facts) { f.Orders = ordered(order.Frozen, order.Account, "pauline") },
	} {
		p := newPost(t)
		p.followed(100, 200)
		p.asks = func(a *policy.Ask) { a.People[0].Fields = register.Name }
		p.want("before", p.after(time.Minute).opens(100), policy.Shown, policy.Counted)
		p.more = func(f *policy.Facts) { empty(&p.rules, f) }
		empty(&p.rules, new(policy.Facts))
		p.asks = func(a *policy.Ask) { a.People[0].Fields = register.Name | register.Birth }
		got := p.after(time.Minute).opens(100)
		p.want("what was seen, of "+why.String(), got, policy.Masked, why)
		if got.Fields != register.Name || got.Cost != 0 {
			t.Errorf("%s: %b is shown at %d", why, got.Fields, got.Cost)
		}
	}
}
