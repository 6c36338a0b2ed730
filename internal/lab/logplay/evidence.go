package logplay

import (
	"context"
	"fmt"
	"slices"
	"time"

	"poterne/internal/gate"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// The only service and purpose of a log, and what it shows.
const (
	service roster.ServiceID = "log"
	purpose roster.Purpose   = "log"
	fields                   = register.Name
)

// evidence is what a log tells of reasons so far: the gate's files. It keeps accounts,
// people, and pairs of both within the rules' days, and no events.
type evidence struct {
	rules    rules
	accounts map[roster.AccountID]gate.Asker
	handled  map[pair]time.Time // when the account last did, for a reason or by writing
	assigned map[pair]touch     // to the account
	items    map[item]*touched
	sweptAt  int           // how many pairs there were after the last sweep
	present  []reason.Fact // of the event that is being played only
}

type pair struct {
	account roster.AccountID
	person  register.PersonID
}

type item struct {
	organisation roster.OrganisationID
	person       register.PersonID
}

// touch is an account writing, or assigning, at a moment.
type touch struct {
	by roster.AccountID
	at time.Time
}

// touched is a person within an organisation: since when it has to do with them, and who
// wrote about them last, of two different accounts.
type touched struct {
	first time.Time
	last  [2]touch
}

// The rules, as the identifiers of their facts.
const (
	byHistory  = "history"
	byItem     = "live-item"
	byArrival  = "just-arrived"
	byAssigned = "assigned"
	byColumn   = "told"
)

// Rule is a rule for reasons, and how long it explains; zero when it is off.
type Rule struct {
	Name string        `json:"name"`
	For  time.Duration `json:"nanoseconds"`
}

// list is the rules in the order of the report.
func (r rules) list() []Rule {
	return []Rule{{byHistory, r.history}, {byAssigned, r.assigned}, {byItem, r.liveItem}, {byArrival, r.justArrived}, {byColumn, day}}
}

func newEvidence(rules rules) *evidence {
	return &evidence{
		rules: rules, accounts: make(map[roster.AccountID]gate.Asker),
		handled: make(map[pair]time.Time), assigned: make(map[pair]touch), items: make(map[item]*touched),
	}
}

// meet takes in an account, with the role and the organisation that it has now.
func (e *evidence) meet(account roster.AccountID, organisation roster.OrganisationID, role roster.Role) {
	if known := e.accounts[account]; known.Role == role && known.Organisation == organisation {
		return
	}
	e.accounts[account] = gate.Asker{
		Account: account, Organisation: organisation, Role: role,
		Habilitations: []roster.Habilitation{{Account: account, Service: service, Purpose: purpose, From: firstTime, Until: lastTime.AddDate(100, 0, 0)}},
	}
}

// Asker implements gate.Files.
func (e *evidence) Asker(_ context.Context, account roster.AccountID) (gate.Asker, error) {
	asker, ok := e.accounts[account]
	if !ok {
		return asker, fmt.Errorf("the account %q is not in the log", account)
	}
	return asker, nil
}

// Facts implements gate.Files.
func (e *evidence) Facts(_ context.Context, asker gate.Asker, people []register.PersonID, now time.Time) (facts []reason.Fact, _ error) {
	for _, one := range people {
		facts = append(facts, e.present...)
		mine := pair{asker.Account, one}
		if at, ok := e.handled[mine]; ok {
			facts = append(facts, reason.Fact{Kind: reason.Caseload, Account: asker.Account, Person: one, From: at, Until: at.Add(e.rules.history), Source: "log", ID: byHistory})
		}
		if t, ok := e.assigned[mine]; ok {
			facts = append(facts, reason.Fact{Kind: reason.Caseload, Account: asker.Account, Author: t.by, Person: one, From: t.at, Until: t.at.Add(e.rules.assigned), Source: "log", ID: byAssigned})
		}
		known, ok := e.items[item{asker.Organisation, one}]
		if !ok {
			continue
		}
		facts = append(facts, reason.Fact{Kind: reason.Appointment, Organisation: asker.Organisation, Person: one, From: known.first, Until: known.first.Add(e.rules.justArrived), Source: "log", ID: byArrival})
		for _, t := range known.last {
			if !t.at.IsZero() {
				facts = append(facts, reason.Fact{Kind: reason.Message, Organisation: asker.Organisation, Author: t.by, Person: one, From: t.at, Until: t.at.Add(e.rules.liveItem), Source: "log", ID: byItem})
			}
		}
	}
	return facts, nil
}

// arrive takes in that an organisation has to do with a person, before what it does is
// decided.
func (e *evidence) arrive(ev event) {
	where := item{ev.organisation, ev.person}
	if _, known := e.items[where]; !known {
		e.items[where] = &touched{first: ev.at}
	}
	e.present = e.present[:0]
	if ev.reason == reason.None {
		return
	}
	told := reason.Fact{Kind: ev.reason, Account: ev.account, Person: ev.person, From: ev.at, Until: ev.at.Add(day), Source: "log", ID: byColumn}
	if ev.reason == reason.Enrolment {
		told.Account, told.Organisation = "", ev.organisation
	}
	e.present = append(e.present, told)
}

// done takes in what an event did, once it is decided.
func (e *evidence) done(ev event, explained bool) {
	e.present = e.present[:0]
	switch {
	case ev.does == assigns:
		e.assigned[pair{ev.assignee, ev.person}] = touch{ev.account, ev.at}
	case explained || ev.does == writes:
		e.handled[pair{ev.account, ev.person}] = ev.at
	}
	if ev.does == writes || ev.does == assigns {
		e.items[item{ev.organisation, ev.person}].touch(touch{ev.account, ev.at})
	}
	if pairs := len(e.handled) + len(e.assigned); pairs > 1000 && pairs > 2*e.sweptAt {
		e.sweep(ev.at)
	}
}

func (t *touched) touch(by touch) {
	if t.last[0].by != by.by {
		t.last[1] = t.last[0]
	}
	t.last[0] = by
}

// sweep forgets what explains nothing any more.
func (e *evidence) sweep(now time.Time) {
	for of, at := range e.handled {
		if now.Sub(at) >= e.rules.history {
			delete(e.handled, of)
		}
	}
	for of, t := range e.assigned {
		if now.Sub(t.at) >= e.rules.assigned {
			delete(e.assigned, of)
		}
	}
	e.sweptAt = len(e.handled) + len(e.assigned)
}

// candidates are the people of whom a log still tells anything, by whom it may explain.
func (e *evidence) candidates(now time.Time) (of map[roster.AccountID][]register.PersonID, within map[roster.OrganisationID][]register.PersonID) {
	of, within = make(map[roster.AccountID][]register.PersonID), make(map[roster.OrganisationID][]register.PersonID)
	for p, at := range e.handled {
		if now.Sub(at) < e.rules.history {
			of[p.account] = append(of[p.account], p.person)
		}
	}
	for p := range e.assigned {
		of[p.account] = append(of[p.account], p.person)
	}
	longest := max(e.rules.liveItem, e.rules.justArrived)
	for where, t := range e.items {
		if now.Sub(t.first) < longest || now.Sub(t.last[0].at) < longest {
			within[where.organisation] = append(within[where.organisation], where.person)
		}
	}
	for _, list := range of {
		sortPeople(list)
	}
	for _, list := range within {
		sortPeople(list)
	}
	return of, within
}

func sortPeople(list []register.PersonID) {
	slices.SortFunc(list, func(a, b register.PersonID) int { return slices.Compare(a[:], b[:]) })
}
