package portal

import (
	"context"
	"net/http"
	"time"

	"poterne/internal/gate"
	"poterne/internal/ledger"
	"poterne/internal/ledger/index"
	"poterne/internal/order"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// accountPage answers whoever watches: what did this account do, opening by
// opening?
type accountPage struct {
	page
	Said         string
	Account      roster.Account
	Organisation roster.Organisation
	Meter        meterPicture
	Score        score
	Undo         *liftPage // of the freeze that the rules placed; nil when there is none
	Services     []serviceState
	Measures     []measureState // the others in force against the account or its organisation
	Frozen       bool           // the account itself is
	Suspended    bool
	Total        *index.Shown // to the account since the ledger begins; nil when that is not known now
	Strip        strip
	Openings     []opening
	Times        int  // disclosures among the openings
	More         bool // older entries than these are in the ledger
}

// opening is one entry of the account as the desk reads it.
type opening struct {
	line
	Person int // its number on this page; zero when it is about no one person
	Fields []string
}

func (rooms *Rooms) account(v *visit) error {
	account, organisation, err := rooms.Roster.Account(v.Context(), roster.AccountID(v.PathValue("id")))
	if err != nil {
		return err
	}
	if err := rooms.reading(v, ledger.Entry{State: ledger.AccountRead, Target: string(account.ID)}); err != nil {
		return err
	}
	entries, err := rooms.Journal.RecentBy(v.Context(), account.ID, entriesRead)
	if err != nil {
		return err
	}
	habilitations, err := rooms.Roster.Habilitations(v.Context(), account.ID)
	if err != nil {
		return err
	}
	naming, err := rooms.naming(v)
	if err != nil {
		return err
	}
	said, err := rooms.outcome(v)
	if err != nil {
		return err
	}
	now := rooms.pages.settings.Now()
	standing := rooms.Gate.Standing(gate.AskerOf(account), "")
	shown := accountPage{
		page: rooms.page(v, "desk", "account.title", "name", naming.account(account.ID)), Said: said,
		Account: account, Organisation: organisation,
		Meter: pictureMeter(standing, entries, now), Score: scoreOf(standing, account, now), Strip: drawStrip(entries),
		Services: rooms.habilitationsOf(habilitations, now),
		More:     len(entries) == entriesRead,
	}
	shown.Openings = openings(entries, naming)
	for _, e := range entries {
		if e.Disclosed() {
			shown.Times++
		}
	}
	shown.Total = rooms.total(v, account.ID)
	for _, m := range rooms.measures(v, naming) {
		mine := m.Reach == order.Account && m.Target == string(account.ID)
		switch {
		case mine && m.Itself() && shown.Undo == nil:
			lifting, err := rooms.lifting(v, m)
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
	rooms.show(v, http.StatusOK, "account.html", shown)
	return nil
}

// totalWait is how long a page waits for the index, when it could do without.
const totalWait = 3 * time.Second

// total counts what an account was shown, or returns nil when the index is not
// there, is behind or does not answer: a part is never told as the whole.
func (rooms *Rooms) total(v *visit, account roster.AccountID) *index.Shown {
	if rooms.Index == nil || rooms.behind("") != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(v.Context(), totalWait)
	defer cancel()
	shown, err := rooms.Index.ShownTo(ctx, []roster.AccountID{account}, time.Time{}, time.Time{})
	if err != nil {
		rooms.notAnswered(v, err)
		return nil
	}
	return &shown
}

// habilitationsOf says what an account is habilitated to, whatever the orders.
func (rooms *Rooms) habilitationsOf(habilitations []roster.Habilitation, now time.Time) []serviceState {
	var states []serviceState
	for _, s := range rooms.pages.settings.Services {
		state := serviceState{Service: s}
		if state.State, state.Until = habilitated(s.ID, habilitations, now); state.State != "none" {
			states = append(states, state)
		}
	}
	return states
}

// openings numbers people in the order they are met, oldest first, so that a
// page can speak of them without saying who they are. It takes and returns
// entries newest first.
func openings(entries []ledger.Entry, naming namer) []opening {
	numbers, people := make(map[register.PersonID]int), 0
	list := make([]opening, len(entries))
	for i := len(entries) - 1; i >= 0; i-- {
		e := entries[i]
		o := opening{line: naming.line(happening{e, 1}), Fields: e.Fields.Names()}
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
