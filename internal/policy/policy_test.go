package policy_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"poterne/internal/i18n"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

var now = time.Date(2026, 3, 3, 10, 0, 0, 0, time.UTC)

var rules = policy.Rules{
	Purposes: roster.Purposes{
		"accompany": register.Name | register.Birth | register.Contact,
		"train":     register.Name | register.Training,
	},
	Allowances: map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(3), Long: meter.People(20)}},
	Signed:     policy.Signed,
}

func person(n int) register.PersonID { return register.PersonID{byte(n), byte(n >> 8), 7} }

func ask(people ...int) policy.Ask {
	a := policy.Ask{
		Act: policy.Show, Account: "pauline", Organisation: "mlv", Role: roster.Adviser,
		Service: "dossier", Purpose: "accompany", Route: "GET /files/{dossier}",
	}
	for _, n := range people {
		a.People = append(a.People, policy.Opening{Person: person(n), Fields: register.Name | register.Birth})
	}
	return a
}

func facts(m *meter.Meter) policy.Facts {
	return policy.Facts{
		Habilitations: []roster.Habilitation{{Account: "pauline", Service: "dossier", Purpose: "accompany", From: now.AddDate(0, -1, 0), Until: now.AddDate(0, 11, 0)}},
		Evidence: reason.Evidence{Facts: []reason.Fact{{
			Kind: reason.Caseload, Account: "pauline", Person: person(1), From: now.AddDate(0, -1, 0), Until: now.AddDate(0, 1, 0), Source: "cases", ID: "17",
		}}},
		Meter: m.Draft(),
	}
}

// Promise: RUN-10. Whoever has a role that the operator does not name, or dropped, is shown
// nobody, even of their own caseload; a role of the operator's own is decided like any other.
func TestRUN_10_ARoleThatIsNotNamedIsShownNobody(t *testing.T) {
	own := rules
	own.Readers, own.Allowances = []roster.Role{"inspector"}, map[roster.Role]meter.Allowance{"inspector": {Short: meter.People(1), Long: meter.People(1)}}
	for role, want := range map[roster.Role][3]policy.Why{
		"inspector":    {policy.Explained, policy.Counted, policy.LongEmpty},
		roster.Adviser: {policy.RoleReadsNothing, policy.RoleReadsNothing, policy.RoleReadsNothing},
		"dropped":      {policy.RoleReadsNothing, policy.RoleReadsNothing, policy.RoleReadsNothing},
	} {
		a := ask(1, 2, 3)
		a.Role = role
		for i, ruling := range own.Decide(a, facts(meter.New()), now).People {
			if ruling.Why != want[i] || ruling.Verdict.Shows() != (role == "inspector" && i < 2) {
				t.Errorf("%s, person %d: %s for %s, want %s", role, i+1, ruling.Verdict, ruling.Why, want[i])
			}
		}
	}
}

// Promise: SCOPE-1
func TestSCOPE_1_AnAskIsRefusedAsAWhole(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*policy.Ask, *policy.Facts)
		want   policy.Why
	}{
		"no habilitation":          {func(_ *policy.Ask, f *policy.Facts) { f.Habilitations = nil }, policy.NotHabilitated},
		"one for another service":  {func(a *policy.Ask, _ *policy.Facts) { a.Service = "kairos" }, policy.NotHabilitated},
		"one for another purpose":  {func(a *policy.Ask, _ *policy.Facts) { a.Purpose = "train" }, policy.NotHabilitated},
		"somebody else's":          {func(_ *policy.Ask, f *policy.Facts) { f.Habilitations[0].Account = "karim" }, policy.NotHabilitated},
		"one that has ended":       {func(_ *policy.Ask, f *policy.Facts) { f.Habilitations[0].Until = now }, policy.NotHabilitated},
		"a manager":                {func(a *policy.Ask, _ *policy.Facts) { a.Role = roster.Manager }, policy.RoleReadsNothing},
		"a suspended account":      {func(_ *policy.Ask, f *policy.Facts) { f.Orders = ordered(order.Suspended, order.Account, "pauline") }, policy.Suspended},
		"a suspended organisation": {func(_ *policy.Ask, f *policy.Facts) { f.Orders = ordered(order.Suspended, order.Organisation, "mlv") }, policy.Suspended},
		"a closed service":         {func(_ *policy.Ask, f *policy.Facts) { f.Orders = ordered(order.Closed, order.Service, "dossier") }, policy.Closed},
		"everything closed":        {func(_ *policy.Ask, f *policy.Facts) { f.Orders = ordered(order.Closed, order.Everything, "") }, policy.Closed},
		"what the gate objects to": {func(a *policy.Ask, _ *policy.Facts) { a.Objection = policy.NotUnderstood }, policy.NotUnderstood},
	} {
		t.Run(name, func(t *testing.T) {
			a, f := ask(1, 2), facts(meter.New())
			test.change(&a, &f)
			decision := rules.Decide(a, f, now)
			if decision.Shown() || decision.Whole.Why != test.want {
				t.Errorf("decided %v %v, want refused for %v", decision.Whole.Verdict, decision.Whole.Why, test.want)
			}
			for i, ruling := range decision.People {
				if ruling != decision.Whole {
					t.Errorf("person %d is %v for %v although the ask is refused", i, ruling.Verdict, ruling.Why)
				}
			}
			if f.Meter.Len() != 0 {
				t.Error("a refusal must cost nothing")
			}
		})
	}
}

func ordered(effect order.Effect, reach order.Reach, target string) order.Set {
	return order.Set{{ID: "1", Effect: effect, Reach: reach, Target: target, Placed: now.Add(-time.Minute), By: "samir"}}
}

// Promise: METER-1
func TestMETER_1_StrangersAreCountedUntilTheAllowanceIsEmpty(t *testing.T) {
	f := facts(meter.New())
	decision := rules.Decide(ask(1, 2, 3, 4, 5, 2), f, now)
	want := []struct {
		verdict policy.Verdict
		why     policy.Why
	}{
		{policy.Shown, policy.Explained},
		{policy.Shown, policy.Counted},
		{policy.Shown, policy.Counted},
		{policy.Shown, policy.Counted},
		{policy.AskStepUp, policy.ShortEmpty},
		{policy.Shown, policy.AlreadySeen},
	}
	for i, ruling := range decision.People {
		if ruling.Verdict != want[i].verdict || ruling.Why != want[i].why {
			t.Errorf("person %d: %v for %v, want %v for %v", i, ruling.Verdict, ruling.Why, want[i].verdict, want[i].why)
		}
	}
	if f.Meter.Len() != 0 {
		t.Error("the decision is not entered yet, and the meter moved")
	}
	stopped := decision.People[4]
	if stopped.Counted != meter.People(3) || stopped.Limit != meter.People(3) || !stopped.Again.Equal(now.Add(meter.Hour)) {
		t.Errorf("the refusal must say what was counted, the limit and when: %+v", stopped)
	}
}

func TestAnAnswerAboutPeopleIsAllOrNothing(t *testing.T) {
	f := facts(meter.New())
	a := ask(2, 3, 4, 5)
	a.About = true
	decision := rules.Decide(a, f, now)
	if decision.Shown() || decision.Whole.Why != policy.ShortEmpty || f.Meter.Len() != 0 {
		t.Errorf("the fourth stranger refuses the whole answer and nobody is charged: %v %v, %d charged", decision.Whole.Verdict, decision.Whole.Why, f.Meter.Len())
	}
}

// Promise: SCOPE-3
func TestSCOPE_3_FieldsFollowThePurpose(t *testing.T) {
	a := ask(1, 1)
	a.People[0].Fields = register.Name | register.NIR | register.Contact
	a.People[1].Fields = register.NIR
	decision := rules.Decide(a, facts(meter.New()), now)
	if got := decision.People[0]; got.Verdict != policy.Masked || got.Fields != register.Name|register.Contact {
		t.Errorf("the NIR must be masked: %v %v", got.Verdict, got.Fields)
	}
	if got := decision.People[1]; got.Verdict != policy.Withheld || got.Why != policy.NotForPurpose {
		t.Errorf("somebody of whom only a NIR would be shown is withheld: %v %v", got.Verdict, got.Why)
	}
}

// Promise: METER-2
func TestMETER_2_SomebodySeenStaysOpenWithWhatWasSeen(t *testing.T) {
	m := meter.New()
	for i := 2; i <= 4; i++ {
		m.Record(meter.Event{Kind: meter.Shown, Person: person(i), Fields: register.Name | register.Birth, Cost: meter.Whole, At: now.Add(-time.Minute)})
	}
	seen, more := ask(2), ask(2)
	more.People[0].Fields |= register.Contact
	if got := rules.Decide(seen, facts(m), now).People[0]; got.Verdict != policy.Shown || got.Cost != 0 {
		t.Errorf("somebody already seen: %v, cost %d", got.Verdict, got.Cost)
	}
	got := rules.Decide(more, facts(m), now).People[0]
	if got.Verdict != policy.Masked || got.Fields != register.Name|register.Birth || got.Why != policy.ShortEmpty {
		t.Errorf("new fields beyond the allowance are masked, the seen ones stay: %v %v %v", got.Verdict, got.Fields, got.Why)
	}
	got = rules.Decide(more, facts(m), now.Add(meter.Hour)).People[0]
	if got.Verdict != policy.Shown || got.Cost != meter.Reveal {
		t.Errorf("within the allowance new fields cost a reveal: %v, cost %d", got.Verdict, got.Cost)
	}
}

func TestAFreezeStopsNewUnexplainedPeopleAndNothingElse(t *testing.T) {
	m := meter.New()
	m.Record(meter.Event{Kind: meter.Shown, Person: person(2), Fields: register.AllFields, Cost: meter.Whole, At: now.Add(-time.Hour)})
	f := facts(m)
	f.Orders = ordered(order.Frozen, order.Account, "pauline")
	decision := rules.Decide(ask(1, 2, 3), f, now)
	for i, want := range []policy.Verdict{policy.Shown, policy.Shown, policy.Withheld} {
		if got := decision.People[i]; got.Verdict != want {
			t.Errorf("person %d under a freeze: %v for %v, want %v", i, got.Verdict, got.Why, want)
		}
	}
}

func TestAReferenceThatLeadsToNobodyIsWithheld(t *testing.T) {
	a := ask(1)
	a.People = append(a.People, policy.Opening{Fields: register.Name})
	if got := rules.Decide(a, facts(meter.New()), now).People[1]; got.Verdict != policy.Withheld || got.Why != policy.NobodyKnown {
		t.Errorf("nobody: %v for %v", got.Verdict, got.Why)
	}
}

// drawn is an ask, its facts and a meter with some history.
func drawn(t *rapid.T) (policy.Ask, policy.Facts, *meter.Meter) {
	m := meter.New()
	for range rapid.IntRange(0, 6).Draw(t, "history") {
		m.Record(meter.Event{
			Kind: meter.Shown, Person: person(rapid.IntRange(1, 6).Draw(t, "seen")), Fields: register.Name,
			Cost: meter.Whole, At: now.Add(-time.Duration(rapid.IntRange(1, 120).Draw(t, "minutes")) * time.Minute),
		})
	}
	a := ask()
	a.About = rapid.Bool().Draw(t, "about")
	for range rapid.IntRange(0, 8).Draw(t, "people") {
		a.People = append(a.People, policy.Opening{
			Person: person(rapid.IntRange(1, 8).Draw(t, "person")),
			Fields: register.Fields(rapid.Uint32Range(0, 15).Draw(t, "fields")),
		})
	}
	return a, facts(m), m
}

func shown(d policy.Decision) (fields []register.Fields) {
	for _, ruling := range d.People {
		fields = append(fields, ruling.Fields)
	}
	return fields
}

func TestMoreOrdersNeverShowMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, f, m := drawn(t)
		a.About = false
		free := rules.Decide(a, f, now)
		f.Meter = m.Draft()
		f.Orders = ordered(rapid.SampledFrom([]order.Effect{order.Frozen, order.Suspended, order.Closed}).Draw(t, "effect"), order.Everything, "")
		held := rules.Decide(a, f, now)
		for i, fields := range shown(held) {
			if held.People[i].Verdict.Shows() && (!free.People[i].Verdict.Shows() || !free.People[i].Fields.Has(fields)) {
				t.Fatalf("person %d is shown %v under an order, %v without", i, fields, free.People[i].Fields)
			}
		}
	})
}

func TestAnotherFactNeverCostsMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, f, m := drawn(t)
		without := rules.Decide(a, f, now)
		f.Meter = m.Draft()
		about := person(rapid.IntRange(1, 8).Draw(t, "explained"))
		f.Evidence.Facts = append(f.Evidence.Facts, reason.Fact{
			Kind: reason.Appointment, Account: "pauline", Person: about,
			From: now.Add(-time.Hour), Until: now.Add(time.Hour), Source: "agenda", ID: "1",
		})
		with := rules.Decide(a, f, now)
		for i, opening := range a.People { // what one no longer costs, another may be shown for
			if opening.Person == about && without.People[i].Verdict.Shows() && (!with.People[i].Verdict.Shows() || !with.People[i].Fields.Has(without.People[i].Fields)) {
				t.Fatalf("person %d was shown %v, and with another fact %v", i, without.People[i].Fields, with.People[i].Fields)
			}
		}
	})
}

// Promise: METER-3
func TestMETER_3_NeverMoreThanTheAllowanceInWhateverPortions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, f, m := drawn(t)
		allowed := rules.Allowances[roster.Adviser]
		before := f.Meter.Spent(meter.Hour, 0, now)
		for len(a.People) > 0 {
			n := rapid.IntRange(1, len(a.People)).Draw(t, "portion")
			portion := a
			portion.People, a.People = a.People[:n], a.People[n:]
			f.Meter = m.Draft()
			f.Answer++
			decision := rules.Decide(portion, f, now)
			for i, opening := range portion.People {
				m.Record(policy.Event(portion, opening.Person, decision.People[i], f.Answer, now))
			}
		}
		if spent := m.Spent(meter.Hour, 0, now); spent > allowed.Short && spent > before {
			t.Fatalf("%d spent in an hour, %d allowed", spent, allowed.Short)
		}
	})
}

func TestTheSameFactsGiveTheSameDecision(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, f, m := drawn(t)
		one := rules.Decide(a, f, now)
		f.Meter = m.Draft()
		if other := rules.Decide(a, f, now); !reflect.DeepEqual(one, other) {
			t.Fatalf("%+v then %+v", one, other)
		}
	})
}

// Promise: WATCH-6
func TestWATCH_6_EveryGroundHasASentenceInBothLanguages(t *testing.T) {
	for why := range policy.Why(255) {
		if strings.HasPrefix(why.String(), "unknown") {
			continue
		}
		ruling := policy.Ruling{Why: why, Counted: meter.People(3), Limit: meter.People(3), Reason: reason.Reason{Kind: reason.Caseload}}
		french, english := i18n.French.Sentence(ruling), i18n.English.Sentence(ruling)
		if french == "Refusé." || english == "Refused." || french == english {
			t.Errorf("%v says %q and %q", why, french, english)
		}
	}
	stopped := policy.Ruling{Why: policy.ShortEmpty, Counted: 320, Limit: meter.People(3)}
	if got, want := i18n.French.Sentence(stopped), "Vous avez ouvert 3,2 personnes sans motif connu en une heure. La limite est de 3, et cette ouverture la dépasserait. Ni portefeuille"; !strings.HasPrefix(got, want) {
		t.Errorf("French says %q", got)
	}
	if got, want := i18n.English.Sentence(stopped), "You opened 3.2 people without a known reason within an hour. The limit is 3, and this opening would pass it. No caseload"; !strings.HasPrefix(got, want) {
		t.Errorf("English says %q", got)
	}
	stopped.Observed = true
	if got, want := i18n.French.Sentence(stopped), "En observation : cette ouverture aurait été retenue. Vous avez ouvert"; !strings.HasPrefix(got, want) {
		t.Errorf("observed, French says %q", got)
	}
	if got, want := i18n.English.Sentence(stopped), "Only observed: this opening would have been withheld. You opened"; !strings.HasPrefix(got, want) {
		t.Errorf("observed, English says %q", got)
	}
}
