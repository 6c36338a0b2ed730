package campaign_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"poterne/internal/campaign"
	"poterne/internal/i18n"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/roster"
)

// house is five accounts of two organisations, and what they and orders do.
type house struct {
	*town
	at      time.Time
	entries []*ledger.Entry
	staff   map[string]roster.Account
}

func newHouse() *house {
	h := &house{town: newTown(1), at: friday, staff: make(map[string]roster.Account)}
	for i, name := range []string{"anna", "ben", "carla", "dora", "emil"} {
		h.staff[name] = h.join([]roster.OrganisationID{"north", "south"}[i/3], advising, 1)
	}
	for i := range 100 { // others, who have nothing to do with it
		h.works(string(h.join(roster.OrganisationID(fmt.Sprint("far-", i)), advising, 1).ID), "", "agency")
	}
	return h
}

func (h *house) add(e *ledger.Entry) {
	h.entries = append(h.entries, h.write([]*ledger.Entry{e})...)
}

// works has an account open a person of its own, from a device and a network.
func (h *house) works(name, device, network string) {
	account, known := h.staff[name]
	if !known {
		account = roster.Account{ID: roster.AccountID(name), Organisation: "far"}
	}
	e := h.shown(account, h.at, 0)
	e.Device, e.Network = device, network
	h.add(e)
}

// orders places an order on an account or an organisation, and returns its number.
func (h *house) orders(effect order.Effect, reach order.Reach, name, by string) ledger.Number {
	if account, known := h.staff[name]; known {
		name = string(account.ID)
	}
	number := ledger.Number(h.town.written)
	h.add(&ledger.Entry{Kind: ledger.Placed, Time: h.at, Account: roster.AccountID(by), Effect: effect, Reach: reach, Target: name, Note: "a test: of orders"})
	return number
}

func (h *house) lifts(number ledger.Number) {
	for _, e := range h.entries {
		if e.Kind == ledger.Placed && e.Number == number {
			h.add(&ledger.Entry{Kind: ledger.Lifted, Time: h.at, Account: "samir", Effect: e.Effect, Reach: e.Reach, Target: e.Target, From: number, End: number + 1})
		}
	}
}

// due is whom the orders narrow that are due now, wherever the aggregates were kept and
// resumed.
func (h *house) due(t *testing.T) (narrowed []string) {
	t.Helper()
	places := aggregatesOf(h.town, h.entries).Due(h.at)
	for after := len(h.entries); after >= 0 && after > len(h.entries)-10; after-- {
		if resumed := resumedAt(t, h.town, h.entries, after).Due(h.at); !reflect.DeepEqual(resumed, places) {
			t.Errorf("kept after %d entries, these are due: %+v, otherwise %+v", after, resumed, places)
		}
	}
	for _, place := range places {
		o := place.Order
		name := o.Target
		for known, account := range h.staff {
			if string(account.ID) == o.Target {
				name = known
			}
		}
		narrowed = append(narrowed, name)
		if err := o.Check(); err != nil || o.Effect != order.Narrowed || o.By != journal.Itself {
			t.Errorf("%+v: %v", o, err)
		}
		if left := o.Ends.Sub(h.at); left <= 0 || left > campaign.NarrowedFor+time.Hour {
			t.Errorf("it would last %s more", left)
		}
	}
	return narrowed
}

// Promise: WATCH-4
func TestWATCH_4_AConfirmedTheftNarrowsItsNeighboursAndNobodyElse(t *testing.T) {
	for name, test := range map[string]struct {
		play func(*house)
		want []string
	}{
		"a person suspends an account: its organisation": {func(h *house) {
			h.orders(order.Suspended, order.Account, "anna", "samir")
		}, []string{"north"}},
		"and whoever was on its device, wherever they belong": {func(h *house) {
			h.works("anna", "d1", "agency")
			h.works("dora", "d1", "agency")
			h.orders(order.Suspended, order.Account, "anna", "samir")
		}, []string{"north", "dora"}},
		"and whoever comes to it later": {func(h *house) {
			h.works("anna", "d1", "agency")
			h.orders(order.Suspended, order.Account, "anna", "samir")
			h.at = h.at.Add(70 * time.Hour)
			h.works("emil", "d1", "agency")
			h.works("dora", "d2", "agency")
		}, []string{"north", "emil"}},
		"and whoever was on its network, if it is a rare one": {func(h *house) {
			h.works("anna", "d1", "hosting")
			h.works("emil", "d2", "hosting")
			h.works("dora", "d3", "agency")
			h.orders(order.Suspended, order.Account, "anna", "samir")
		}, []string{"north", "emil"}},
		"the program suspends nobody; its freezes alone are not thefts": {func(h *house) {
			h.orders(order.Frozen, order.Account, "anna", journal.Itself)
			h.orders(order.Frozen, order.Account, "dora", journal.Itself)
			h.orders(order.Suspended, order.Account, "emil", journal.Itself)
		}, nil},
		"two freezes within the hour, of one organisation": {func(h *house) {
			h.orders(order.Frozen, order.Account, "anna", journal.Itself)
			h.at = h.at.Add(59 * time.Minute)
			h.orders(order.Frozen, order.Account, "ben", journal.Itself)
		}, []string{"north"}},
		"two freezes within the hour, on one device": {func(h *house) {
			h.works("anna", "d1", "agency")
			h.works("dora", "d1", "agency")
			h.orders(order.Frozen, order.Account, "anna", journal.Itself)
			h.orders(order.Frozen, order.Account, "dora", journal.Itself)
		}, []string{"north", "south"}},
		"two freezes that are further apart": {func(h *house) {
			h.orders(order.Frozen, order.Account, "anna", journal.Itself)
			h.at = h.at.Add(61 * time.Minute)
			h.orders(order.Frozen, order.Account, "ben", journal.Itself)
		}, nil},
		"one account that is frozen twice": {func(h *house) {
			h.lifts(h.orders(order.Frozen, order.Account, "anna", journal.Itself))
			h.orders(order.Frozen, order.Account, "anna", journal.Itself)
		}, nil},
		"two freezes, of which one was undone": {func(h *house) {
			h.lifts(h.orders(order.Frozen, order.Account, "anna", journal.Itself))
			h.orders(order.Frozen, order.Account, "ben", journal.Itself)
		}, nil},
		"a freeze that a person ordered": {func(h *house) {
			h.orders(order.Frozen, order.Account, "anna", "samir")
			h.orders(order.Frozen, order.Account, "ben", "samir")
		}, nil},
		"a suspended organisation": {func(h *house) {
			h.orders(order.Suspended, order.Organisation, "north", "samir")
		}, nil},
		"a suspension that was lifted before anybody was narrowed": {func(h *house) {
			h.lifts(h.orders(order.Suspended, order.Account, "anna", "samir"))
		}, nil},
		"a theft three days ago": {func(h *house) {
			h.orders(order.Suspended, order.Account, "anna", "samir")
			h.at = h.at.Add(campaign.NarrowedFor + time.Hour)
		}, nil},
		"neighbours that are narrowed already": {func(h *house) {
			h.works("anna", "d1", "agency")
			h.works("dora", "d1", "agency")
			h.orders(order.Suspended, order.Account, "anna", "samir")
			h.orders(order.Narrowed, order.Organisation, "north", journal.Itself)
		}, []string{"dora"}},
		"neighbours whom a person has widened again": {func(h *house) {
			h.orders(order.Suspended, order.Account, "anna", "samir")
			h.lifts(h.orders(order.Narrowed, order.Organisation, "north", journal.Itself))
			h.at = h.at.Add(time.Hour)
		}, nil},
		"another theft later": {func(h *house) {
			h.orders(order.Suspended, order.Account, "anna", "samir")
			h.orders(order.Narrowed, order.Organisation, "north", journal.Itself)
			h.at = h.at.Add(2 * time.Hour)
			h.orders(order.Suspended, order.Account, "ben", "samir")
		}, []string{"north"}},
		"many thefts of one hour": {func(h *house) {
			h.orders(order.Suspended, order.Account, "anna", "samir")
			h.orders(order.Suspended, order.Account, "ben", "samir")
			h.orders(order.Narrowed, order.Organisation, "north", journal.Itself)
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse()
			test.play(h)
			if got := h.due(t); !slices.Equal(got, test.want) {
				t.Errorf("narrowed: %v, want %v", got, test.want)
			}
		})
	}
}

// Promise: WATCH-4
func TestWATCH_4_ASuspendedManagerNarrowsThoseItProposed(t *testing.T) {
	h := newHouse()
	manager := h.join("garden", trade{role: roster.Manager}, 1)
	h.staff["jeanne"] = manager
	h.works("dora", "d1", "agency")
	h.works("emil", "d2", "agency")
	h.orders(order.Suspended, order.Account, "jeanne", "samir")
	rules := h.rules()
	known := rules.Account
	rules.Account = func(id roster.AccountID) roster.Account {
		a := known(id)
		if id == h.staff["dora"].ID {
			a.Proposer = manager.ID
		}
		return a
	}
	aggregates := campaign.NewAggregates(rules)
	for _, e := range h.entries {
		aggregates.Take(e)
	}
	var got []string
	for _, place := range aggregates.Due(h.at) {
		got = append(got, place.Order.Target)
	}
	if want := []string{"garden", string(h.staff["dora"].ID)}; !slices.Equal(got, want) {
		t.Errorf("narrowed: %v, want %v", got, want)
	}
}

func TestTheftsAreListedOnceWithTheirProof(t *testing.T) {
	h := newHouse()
	h.orders(order.Frozen, order.Account, "anna", journal.Itself)
	h.orders(order.Frozen, order.Account, "ben", journal.Itself)
	h.at = h.at.Add(time.Minute)
	h.orders(order.Suspended, order.Account, "ben", "samir")
	thefts := aggregatesOf(h.town, h.entries).Thefts(h.at)
	if len(thefts) != 2 || thefts[0].Account != h.staff["ben"].ID || thefts[0].Proof != campaign.Suspended || thefts[1].Account != h.staff["anna"].ID || thefts[1].Proof != campaign.Together {
		t.Errorf("%+v", thefts)
	}
	if left := aggregatesOf(h.town, h.entries).Thefts(h.at.Add(campaign.NarrowedFor + time.Hour)); len(left) != 0 {
		t.Errorf("after three days: %+v", left)
	}
	if i18n.Language("fr").Sentence(thefts[0]) == i18n.Language("fr").Sentence(thefts[1]) || i18n.Language("en").Sentence(thefts[0]) == i18n.Language("fr").Sentence(thefts[0]) {
		t.Error("the proofs are not told apart")
	}
}
