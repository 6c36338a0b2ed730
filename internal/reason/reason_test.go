package reason_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"poterne/internal/reason"
	"poterne/internal/register"
)

var (
	now    = time.Date(2026, 3, 3, 10, 0, 0, 0, time.UTC)
	person = register.PersonID{1}
)

func fact(change func(*reason.Fact)) reason.Fact {
	f := reason.Fact{
		Kind: reason.Caseload, Account: "pauline", Person: person,
		From: now.Add(-time.Hour), Until: now.Add(time.Hour), Source: "cases", ID: "17",
	}
	if change != nil {
		change(&f)
	}
	return f
}

func duty(change func(*reason.Duty)) reason.Duty {
	c := reason.Duty{
		CoverDuty: reason.CoverDuty{
			Absent: "karim", Substitute: "pauline", DeclaredBy: "helene",
			From: now.Add(-time.Hour), Until: now.Add(time.Hour), Source: "planning", ID: "3",
		},
		AbsentIn: "mlv", DeclaredIn: "mlv", Managed: true,
	}
	if change != nil {
		change(&c)
	}
	return c
}

// Promise: SCOPE-2
func TestSCOPE_2_WhatExplainsAnOpening(t *testing.T) {
	karims := fact(func(f *reason.Fact) { f.Account = "karim" })
	for name, test := range map[string]struct {
		evidence reason.Evidence
		want     reason.FactKind
	}{
		"nothing known":               {reason.Evidence{}, reason.None},
		"own caseload":                {reason.Evidence{Facts: []reason.Fact{fact(nil)}}, reason.Caseload},
		"somebody else's caseload":    {reason.Evidence{Facts: []reason.Fact{karims}}, reason.None},
		"a caseload no longer":        {reason.Evidence{Facts: []reason.Fact{fact(func(f *reason.Fact) { f.Until = now })}}, reason.None},
		"a caseload not yet":          {reason.Evidence{Facts: []reason.Fact{fact(func(f *reason.Fact) { f.From = now.Add(1) })}}, reason.None},
		"another person's":            {reason.Evidence{Facts: []reason.Fact{fact(func(f *reason.Fact) { f.Person = register.PersonID{2} })}}, reason.None},
		"a live appointment":          {reason.Evidence{Facts: []reason.Fact{fact(func(f *reason.Fact) { f.Kind = reason.Appointment })}}, reason.Appointment},
		"enrolled with us":            {reason.Evidence{Facts: []reason.Fact{fact(func(f *reason.Fact) { f.Kind, f.Account, f.Organisation = reason.Enrolment, "", "mlv" })}}, reason.Enrolment},
		"enrolled elsewhere":          {reason.Evidence{Facts: []reason.Fact{fact(func(f *reason.Fact) { f.Kind, f.Account, f.Organisation = reason.Enrolment, "", "other" })}}, reason.None},
		"a ticket typed by the asker": {reason.Evidence{Facts: []reason.Fact{fact(func(f *reason.Fact) { f.Kind, f.Author = reason.DeskTicket, "pauline" })}}, reason.None},
		"covered by the manager":      {reason.Evidence{Facts: []reason.Fact{karims}, Covers: []reason.Duty{duty(nil)}}, reason.Cover},
		"covered by oneself":          {reason.Evidence{Facts: []reason.Fact{karims}, Covers: []reason.Duty{duty(func(c *reason.Duty) { c.DeclaredBy = "pauline" })}}, reason.None},
		"covered by nobody named":     {reason.Evidence{Facts: []reason.Fact{karims}, Covers: []reason.Duty{duty(func(c *reason.Duty) { c.DeclaredBy = "" })}}, reason.None},
		"a cover that ended":          {reason.Evidence{Facts: []reason.Fact{karims}, Covers: []reason.Duty{duty(func(c *reason.Duty) { c.Until = now })}}, reason.None},
		"a cover of somebody else":    {reason.Evidence{Facts: []reason.Fact{karims}, Covers: []reason.Duty{duty(func(c *reason.Duty) { c.Absent = "ines" })}}, reason.None},
		"covered by the absent":       {reason.Evidence{Facts: []reason.Fact{karims}, Covers: []reason.Duty{duty(func(c *reason.Duty) { c.DeclaredBy = "karim" })}}, reason.None},
		"covered by no manager":       {reason.Evidence{Facts: []reason.Fact{karims}, Covers: []reason.Duty{duty(func(c *reason.Duty) { c.Managed = false })}}, reason.None},
		"covered from elsewhere":      {reason.Evidence{Facts: []reason.Fact{karims}, Covers: []reason.Duty{duty(func(c *reason.Duty) { c.DeclaredIn = "other" })}}, reason.None},
		"covering elsewhere":          {reason.Evidence{Facts: []reason.Fact{karims}, Covers: []reason.Duty{duty(func(c *reason.Duty) { c.AbsentIn, c.DeclaredIn = "other", "other" })}}, reason.None},
		"the absent is no more":       {reason.Evidence{Facts: []reason.Fact{karims}, Covers: []reason.Duty{duty(func(c *reason.Duty) { c.AbsentIn, c.DeclaredIn = "", "" })}}, reason.None},
		"their manager is stopped":    {reason.Evidence{Facts: []reason.Fact{karims}, Covers: []reason.Duty{duty(func(c *reason.Duty) { c.Stopped = true })}}, reason.None},
		"the absent is at work":       {reason.Evidence{Facts: []reason.Fact{karims}, Covers: []reason.Duty{duty(func(c *reason.Duty) { c.Worked = true })}}, reason.None},
		"a cover that is too long":    {reason.Evidence{Facts: []reason.Fact{karims}, Covers: []reason.Duty{duty(func(c *reason.Duty) { c.Until = c.From.Add(28*24*time.Hour + 1) })}}, reason.None},
		"a cover as long as it may":   {reason.Evidence{Facts: []reason.Fact{karims}, Covers: []reason.Duty{duty(func(c *reason.Duty) { c.Until = c.From.Add(28 * 24 * time.Hour) })}}, reason.Cover},
		"the third absent at once": {reason.Evidence{Facts: []reason.Fact{karims}, Covers: []reason.Duty{
			duty(nil), duty(func(c *reason.Duty) { c.Absent, c.From = "ines", c.From.Add(-1) }), duty(func(c *reason.Duty) { c.Absent, c.From = "jo", c.From.Add(-1) }),
		}}, reason.None},
		"the third, while one is at work": {reason.Evidence{Facts: []reason.Fact{karims}, Covers: []reason.Duty{
			duty(nil), duty(func(c *reason.Duty) { c.Absent, c.From = "ines", c.From.Add(-1) }), duty(func(c *reason.Duty) { c.Absent, c.From, c.Worked = "jo", c.From.Add(-1), true }),
		}}, reason.Cover},
		"a colleague's appointment while covering": {reason.Evidence{
			Facts:  []reason.Fact{fact(func(f *reason.Fact) { f.Kind, f.Account = reason.Appointment, "karim" })},
			Covers: []reason.Duty{duty(nil)},
		}, reason.None},
		"caseload before ticket": {reason.Evidence{Facts: []reason.Fact{
			fact(func(f *reason.Fact) { f.Kind = reason.Call }), fact(nil),
		}}, reason.Caseload},
	} {
		t.Run(name, func(t *testing.T) {
			got := reason.Explain("pauline", "mlv", test.evidence, reason.Covers, now).Of(person)
			if got.Kind != test.want {
				t.Errorf("explained by %v, want %v", got.Kind, test.want)
			}
			if got.Explained() && got.ID == "" {
				t.Error("a reason must name the fact behind it")
			}
		})
	}
}

func TestTheOrderOfFactsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := rapid.SliceOf(rapid.Custom(func(t *rapid.T) reason.Fact {
			return fact(func(f *reason.Fact) {
				f.Kind = reason.FactKind(rapid.IntRange(1, 6).Draw(t, "kind"))
				f.ID = rapid.StringMatching("[a-c]").Draw(t, "id")
				f.Source = rapid.StringMatching("[xy]").Draw(t, "source")
			})
		})).Draw(t, "facts")
		want := reason.Explain("pauline", "mlv", reason.Evidence{Facts: facts}, reason.Covers, now).Of(person)
		shuffled := rapid.Permutation(facts).Draw(t, "shuffled")
		if got := reason.Explain("pauline", "mlv", reason.Evidence{Facts: shuffled}, reason.Covers, now).Of(person); got != want {
			t.Fatalf("%v in one order, %v in another", want, got)
		}
	})
}

func TestKindsOfFactsAreNamed(t *testing.T) {
	for k := reason.Caseload; k < reason.Cover; k++ {
		if got, err := reason.ParseFactKind(k.String()); err != nil || got != k {
			t.Errorf("%v reads back as %v, %v", k, got, err)
		}
	}
	for _, name := range []string{"none", "cover", "because"} {
		if _, err := reason.ParseFactKind(name); err == nil {
			t.Errorf("%q is not a fact about a person", name)
		}
	}
}

// In a bypass, an account's own caseload holds as it did when its source fell silent: not
// what had ended by then or began later, not what another source told, and nothing else.
func TestInABypassACaseloadHoldsAsItDidWhenItsSourceFellSilent(t *testing.T) {
	silent := now.Add(-24 * time.Hour)
	lapsed := func(change func(*reason.Fact)) reason.Fact {
		return fact(func(f *reason.Fact) {
			f.From, f.Until = now.Add(-48*time.Hour), now.Add(-time.Hour)
			if change != nil {
				change(f)
			}
		})
	}
	evidence := func(f reason.Fact, more ...reason.Fact) reason.Evidence {
		return reason.Evidence{Facts: append(more, f), Silent: map[string]time.Time{fact(nil).Source: silent}}
	}
	for name, test := range map[string]struct {
		evidence reason.Evidence
		want     bool
	}{
		"it ended since":                 {evidence(lapsed(nil)), true},
		"it holds":                       {evidence(fact(nil)), true},
		"it had ended":                   {evidence(lapsed(func(f *reason.Fact) { f.Until = silent })), false},
		"it held to the last moment":     {evidence(lapsed(func(f *reason.Fact) { f.Until = silent.Add(1) })), true},
		"it began later":                 {evidence(lapsed(func(f *reason.Fact) { f.From = silent.Add(1) })), false},
		"it began then":                  {evidence(lapsed(func(f *reason.Fact) { f.From = silent })), true},
		"it waits for a second person":   {evidence(lapsed(func(f *reason.Fact) { f.Waits = 7 })), false},
		"it is a colleague's":            {evidence(lapsed(func(f *reason.Fact) { f.Account = "karim" })), false},
		"another source told it":         {evidence(lapsed(func(f *reason.Fact) { f.Source = "another" })), false},
		"it is an appointment":           {evidence(lapsed(func(f *reason.Fact) { f.Kind = reason.Appointment })), false},
		"it is an enrolment":             {evidence(lapsed(func(f *reason.Fact) { f.Kind, f.Account, f.Organisation = reason.Enrolment, "", "mlv" })), false},
		"no bypass is in force":          {reason.Evidence{Facts: []reason.Fact{lapsed(nil)}}, false},
		"a cover of whose it was, alone": {reason.Evidence{Facts: []reason.Fact{lapsed(func(f *reason.Fact) { f.Account = "karim" })}, Covers: []reason.Duty{duty(nil)}, Silent: map[string]time.Time{fact(nil).Source: silent}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := reason.Explain("pauline", "mlv", test.evidence, reason.Covers, now).Of(person); got.Explained() != test.want {
				t.Errorf("explained by %v", got)
			}
		})
	}
}
