package desk

import (
	"net/http"
	"time"

	"poterne/internal/gate"
	"poterne/internal/ledger"
	"poterne/internal/ledger/index"
	"poterne/internal/order"
	"poterne/internal/portal"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// accounts are the pages that find an account and say what it did.
type accounts struct {
	base
	journal Journal
	exact   exact

	networks []string
	calendar Calendar
}

// accountPage answers the security desk: what did this account do, opening by
// opening?
type accountPage struct {
	portal.Page
	Said         string
	Account      roster.Account
	Organisation roster.Organisation
	Meter        portal.Meter
	Score        score
	Undo         *liftPage // of the freeze that the rules placed; nil when there is none
	Services     []portal.ServiceState
	Permits      []portal.Permit // the exports it may take now
	Measures     []measureState  // the others in force against the account or its organisation
	Frozen       bool            // the account itself is
	Suspended    bool
	Total        *index.Shown // to the account since the ledger begins; nil when that is not known now
	Strip        strip
	Openings     []opening
	Times        int  // disclosures among the openings
	More         bool // older entries than these are in the ledger
	Lineage      portal.Lineage
}

// opening is one entry of the account as the desk reads it.
type opening struct {
	portal.Line
	Person int // its number on this page; zero when it is about no one person
	Fields register.Fields
}

// page shows an account.
func (a accounts) page(v visit) error {
	account, organisation, err := a.roster.Account(v.Context(), roster.AccountID(v.PathValue("id")))
	if err != nil {
		return err
	}
	if err := v.Record(ledger.Entry{State: ledger.AccountRead, Target: string(account.ID)}); err != nil {
		return err
	}
	entries, err := a.journal.RecentBy(v.Context(), account.ID, portal.EntriesRead)
	if err != nil {
		return err
	}
	habilitations, err := a.roster.Habilitations(v.Context(), account.ID)
	if err != nil {
		return err
	}
	said, err := outcome(v)
	if err != nil {
		return err
	}
	now := a.shell.Now()
	standing := a.gate.Standing(gate.AskerOf(account), "")
	shown := accountPage{
		Page: v.Page(path, "account.title", "name", v.labels.Account(account.ID)), Said: said,
		Account: account, Organisation: organisation,
		Meter: portal.DrawMeter(standing, entries, now), Score: scoreOf(standing, account), Strip: drawStrip(entries),
		Services: a.habilitationsOf(habilitations, now), Permits: a.shell.Permits(standing),
		More: len(entries) == portal.EntriesRead,
	}
	shown.Lineage = a.lineage(v.labels, account.ID)
	shown.Openings = openings(entries, v.labels)
	for _, e := range entries {
		if e.Disclosed() {
			shown.Times++
		}
	}
	shown.Total = a.exact.total(v, account.ID)
	for _, m := range a.measures(v) {
		mine := m.Reach == order.Account && m.Target == string(account.ID)
		switch {
		case mine && m.Itself() && shown.Undo == nil:
			lifting, err := a.lifting(v, m)
			if err != nil {
				return err
			}
			lifting.Field, lifting.Return, shown.Undo = "undo", about(m.Order), &lifting
		case mine, m.Reach == order.Organisation && m.Target == string(organisation.ID), m.Reach == order.Everything:
			shown.Measures = append(shown.Measures, m)
		}
		shown.Frozen = shown.Frozen || mine && m.Effect == order.Frozen
		shown.Suspended = shown.Suspended || mine && m.Effect == order.Suspended
	}
	a.pages.Show(v.Visit, http.StatusOK, "account.html", shown)
	return nil
}

// habilitationsOf says what an account is habilitated to, whatever the orders.
func (a accounts) habilitationsOf(habilitations []roster.Habilitation, now time.Time) []portal.ServiceState {
	var states []portal.ServiceState
	for _, s := range a.shell.Services() {
		state := portal.ServiceState{Service: s}
		if state.State, state.Until = portal.Habilitated(s.ID, habilitations, now); state.State != "none" {
			states = append(states, state)
		}
	}
	return states
}

// openings numbers people in the order they are met, oldest first, so that a
// page can speak of them without saying who they are. It takes and returns
// entries newest first.
func openings(entries []ledger.Entry, labels portal.Labels) []opening {
	numbers, people := make(map[register.PersonID]int), 0
	list := make([]opening, len(entries))
	for i := len(entries) - 1; i >= 0; i-- {
		e := entries[i]
		o := opening{Line: labels.Line(portal.Activity{Entry: e, People: 1}), Fields: e.Fields}
		if !e.Person.IsZero() {
			if numbers[e.Person] == 0 {
				people++
				numbers[e.Person] = people
			}
			o.Person = numbers[e.Person]
		}
		list[i] = o
	}
	return list
}
