package policy_test

import (
	"testing"
	"time"

	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// apart has the register say of people that their file is closed or archived.
func (p *post) apart(kind reason.FactKind, people ...int) {
	for _, n := range people {
		p.facts = append(p.facts, reason.Fact{Kind: kind, Organisation: reason.Everybody, Person: person(n), From: p.now.Add(-time.Hour), Until: p.now.AddDate(20, 0, 0), Source: "register", ID: kind.String()})
	}
}

// in asks for a person in a list or a file.
func (p *post) in(signs meter.Signs, n int) policy.Ruling {
	p.t.Helper()
	p.asks = func(a *policy.Ask) { a.About, a.Signs = false, signs }
	defer func() { p.asks = nil }()
	return p.after(time.Minute).opens(n)
}

// Promise: SCOPE-6
func TestSCOPE_6_AClosedFileOpensToALiveTicketOrASignatureAndToNoCaseload(t *testing.T) {
	p := newPost(t)
	p.told(reason.Caseload, 1, 2)
	p.want("before it is closed", p.opens(1), policy.Shown, policy.Explained)
	p.apart(reason.Closed, 1, 2)
	p.want("closed, in the own caseload, seen a minute ago", p.after(time.Minute).opens(1), policy.AskCosign, policy.FileClosed)
	p.want("in a list of the own people", p.in(meter.Listed, 2), policy.Withheld, policy.FileClosed)
	p.want("in a search", p.in(meter.SearchRow, 2), policy.Withheld, policy.FileClosed)
	p.event(meter.Event{Kind: meter.Cosigned, Person: person(1), Service: "dossier"})
	p.want("signed for", p.after(time.Minute).opens(1), policy.Shown, policy.AlreadySeen)
	p.want("another one is not", p.opens(2), policy.AskCosign, policy.FileClosed)
	p.want("a signature is for no list", p.in(meter.Listed, 1), policy.Withheld, policy.FileClosed)
	p.want("nor for ever", p.after(2*time.Hour).opens(1), policy.AskCosign, policy.FileClosed)

	p.facts = append(p.facts, reason.Fact{Kind: reason.DeskTicket, Organisation: "mlv", Account: "", Person: person(2), From: p.now, Until: p.now.AddDate(0, 0, 1), Source: "queue", ID: "7", Author: "pauline"})
	p.want("a ticket that the asker typed", p.after(time.Minute).opens(2), policy.AskCosign, policy.FileClosed)
	p.facts[len(p.facts)-1].Author = ""
	p.facts[len(p.facts)-1].From = p.now
	p.want("a ticket of now", p.after(time.Minute).opens(2), policy.Shown, policy.Explained)
	p.want("finds its person in a search", p.in(meter.SearchRow, 2), policy.Shown, policy.Explained)
	p.want("and ends", p.after(time.Hour).opens(2), policy.AskCosign, policy.FileClosed)
}

// Promise: SCOPE-6
func TestSCOPE_6_AnArchivedFileIsInNoEverydayPathAndOpensToTwoPeopleForAWhile(t *testing.T) {
	p := newPost(t)
	p.told(reason.Caseload, 1)
	p.told(reason.Appointment, 1)
	p.apart(reason.Archived, 1)
	p.want("a caseload and a ticket", p.opens(1), policy.Refused, policy.FileArchived)
	p.event(meter.Event{Kind: meter.Cosigned, Person: person(1), Service: "dossier"})
	p.want("a signature", p.after(time.Minute).opens(1), policy.Refused, policy.FileArchived)
	opening := reason.Fact{Kind: reason.ArchiveOpening, Account: "pauline", Person: person(1), From: p.now, Until: p.now.Add(3 * time.Hour), Source: "archive", ID: reason.OpeningID(9, "dossier")}
	p.facts = append(p.facts, opening)
	if r := p.after(time.Minute).opens(1); r.Verdict != policy.Shown || r.Reason.Kind != reason.ArchiveOpening {
		t.Errorf("opened by two people: %v for %v", r.Verdict, r.Reason)
	}
	for _, sign := range []meter.Signs{meter.Listed, meter.SearchRow} {
		p.want("open, and in no list", p.in(sign, 1), policy.Withheld, policy.FileArchived)
	}
	p.event(meter.Event{Kind: meter.Permitted, Cost: meter.People(10), Until: p.now.Add(time.Hour), Export: meter.ExportOf("dossier", ask(1).Route)})
	p.want("open, and in no export", p.in(meter.Exported, 1), policy.Withheld, policy.NoPermit)
	p.asks = func(a *policy.Ask) { a.Service = "statistics" }
	p.more = func(f *policy.Facts) { f.Habilitations[0].Service = "statistics" }
	p.want("through another service it is not open", p.opens(1), policy.Refused, policy.FileArchived)
	p.asks, p.more = nil, nil
	archived := p.facts
	p.facts = p.facts[len(p.facts)-1:] // the file was taken out of the archive again
	p.want("an opening takes nobody into an export, even then", p.in(meter.Exported, 1), policy.Withheld, policy.NoPermit)
	if r := p.in(meter.SearchRow, 1); r.Why == policy.Explained {
		t.Errorf("and into no search: %v", r.Why)
	}
	p.facts = archived
	p.want("it ends by itself", p.after(3*time.Hour).opens(1), policy.Refused, policy.FileArchived)
	p.facts[len(p.facts)-1].Account, p.facts[len(p.facts)-1].From, p.facts[len(p.facts)-1].Until = "colleague", p.now, p.now.Add(time.Hour)
	p.want("it is the one account's", p.after(time.Minute).opens(1), policy.Refused, policy.FileArchived)
}

// Whoever does not know a person gets, step by step, what somebody gets who guesses: the
// sentence, the figures, and the freeze at the end.
//
// Promise: SCOPE-5, SCOPE-6
func TestSCOPE_6_OfAClosedOrArchivedFileAStrangerLearnsNothing(t *testing.T) {
	for kind, why := range map[reason.FactKind]policy.Why{reason.Closed: policy.ClosedUntold, reason.Archived: policy.ArchivedUntold} {
		guesses, opens := newPost(t), newPost(t)
		untold := 0
		for n := range 40 {
			opens.apart(kind, n+1)
			if n%4 == 3 { // some work between
				guesses.told(reason.Caseload, 1000+n)
				opens.told(reason.Caseload, 1000+n)
				guesses.opens(1000 + n)
				opens.opens(1000 + n)
			}
			nobody, somebody := guesses.after(time.Minute).opens(0), opens.after(time.Minute).opens(n+1)
			if somebody.Why == why {
				somebody.Why, untold = policy.NobodyKnown, untold+1
			}
			if nobody != somebody {
				t.Fatalf("%v, the %dth: a guess gets %+v, a stranger %+v", kind, n, nobody, somebody)
			}
		}
		if last := opens.opens(100); untold == 0 || last.Why == policy.Counted {
			t.Errorf("%v: %d were said to be nobody's, and then %v", kind, untold, last.Why)
		}
	}
}

// Promise: SCOPE-3
func TestSCOPE_3_ANIRIsShownOnceOfThePersonItWasAskedOfAndInNoList(t *testing.T) {
	p := newPost(t)
	p.rules.Purposes = roster.Purposes{"accompany": register.Name | register.NIR}
	p.told(reason.Caseload, 1, 2)
	shown := func(signs meter.Signs, people ...int) register.Fields {
		t.Helper()
		p.asks = func(a *policy.Ask) {
			one := a.People[0]
			a.About, a.Signs, a.People = false, signs, nil
			for _, n := range people {
				one.Person, one.Fields = person(n), register.Name|register.NIR
				a.People = append(a.People, one)
			}
		}
		defer func() { p.asks = nil }()
		return p.after(time.Minute).opens(people[0]).Fields
	}
	const masked, whole = register.Name, register.Name | register.NIR
	asked := func(n int, service roster.ServiceID) func() {
		return func() {
			p.event(meter.Event{Kind: meter.SteppedUp})
			p.event(meter.Event{Kind: meter.NIRAsked, Person: person(n), Service: service, Fields: register.NIR})
		}
	}
	for _, step := range []struct {
		what   string
		want   register.Fields
		signs  meter.Signs
		people []int
		before func()
	}{
		{"a file, before a step-up", masked, 0, []int{1}, nil},
		{"after one that was for something else", masked, 0, []int{1}, func() { p.event(meter.Event{Kind: meter.SteppedUp}) }},
		{"asked of somebody else", masked, 0, []int{1}, asked(2, "dossier")},
		{"asked through another service", masked, 0, []int{1}, asked(1, "kairos")},
		{"a list of one's own people", masked, meter.Listed, []int{1}, asked(1, "dossier")},
		{"the rows of a search", masked, meter.SearchRow, []int{1}, nil},
		{"two people in one answer", masked, 0, []int{1, 2}, asked(1, "dossier")},
		{"the one of them, a moment later", whole, 0, []int{1}, asked(1, "dossier")},
		{"the same once more", masked, 0, []int{1}, nil},
		{"too late", masked, 0, []int{2}, func() { asked(2, "dossier")(); p.after(meter.NIRWaits) }},
		{"asked again", whole, 0, []int{1}, asked(1, "dossier")},
	} {
		if step.before != nil {
			step.before()
		}
		if got := shown(step.signs, step.people...); got != step.want {
			t.Errorf("%s: %v", step.what, got)
		}
	}
	p.rules.Allowances, p.facts = nil, nil // nothing new is shown, and what was seen stays
	if got := shown(0, 1); got.Has(register.NIR) {
		t.Errorf("what was seen stays: %v", got)
	}
	asked(1, "dossier")()
	if got := shown(0, 1); !got.Has(register.NIR) {
		t.Errorf("asked of somebody who stays open: %v", got)
	}
}

// Promise: SCOPE-6
func TestSCOPE_6_WhoIsToldOfAnIncidentIsReachedInTheArchiveToo(t *testing.T) {
	p := newPost(t)
	p.apart(reason.Archived, 1)
	p.apart(reason.Closed, 2)
	p.told(reason.Told, 1, 2)
	for n := 1; n <= 2; n++ {
		p.want("told of an incident", p.after(time.Minute).opens(n), policy.Shown, policy.Explained)
	}
}
