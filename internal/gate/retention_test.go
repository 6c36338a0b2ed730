package gate_test

import (
	"strings"
	"testing"

	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/ledger"
	"poterne/internal/ledger/retention"
	"poterne/internal/order"
	"poterne/internal/roster"
)

var nadia = gate.Asker{Account: "nadia", Organisation: "garde", Role: roster.Security}

// Promise: LEDGER-6
func TestLEDGER_6_ASettingIsWrittenOnceInTheLedger(t *testing.T) {
	h := newHouse(t)
	s := h.store()
	for _, step := range []struct {
		setting retention.Setting
		changed bool
	}{
		{retention.Setting{Months: 12}, false}, // nobody needs to say what holds anyway
		{retention.Setting{Months: 24, Reason: "une enquête"}, true},
		{retention.Setting{Months: 24, Reason: "une enquête"}, false},
		{retention.Setting{Months: 24, Reason: "une autre"}, true},
		{retention.Setting{Months: 12}, true},
		{retention.Setting{Months: 12}, false},
	} {
		changed, err := gate.Retain(t.Context(), s, h.clock.now, step.setting)
		if err != nil || changed != step.changed {
			t.Errorf("%s: %v, %v", step.setting, changed, err)
		}
	}
	book, err := s.Retention(t.Context())
	if err != nil || len(book.Settings) != 3 || book.Now().Months != 12 {
		t.Fatalf("%+v, %v", book, err)
	}
	if err := book.Vouch(0, func(number ledger.Number) (ledger.Entry, error) { return s.Entry(t.Context(), number) }); err != nil {
		t.Error(err)
	}
	if changed, err := gate.Retain(t.Context(), s, h.clock.now, retention.Setting{Months: 24}); changed || fault.Of(err) != fault.Invalid {
		t.Errorf("without a reason: %v, %v", changed, err)
	}
}

// Promise: LEDGER-5
// Promise: LEDGER-6
func TestLEDGER_6_TwoOfTheDeskHoldAndRelease(t *testing.T) {
	h := newHouse(t)
	s := h.store()
	suspended := gate.Asker{Account: "suspended", Organisation: "garde", Role: roster.Security}
	for _, o := range []order.Order{
		{Effect: order.Suspended, Reach: order.Account, Target: "suspended", By: "samir", Because: "vol"},
		{Effect: order.Closed, Reach: order.Everything, By: "samir", Because: "vol"}, // evidence is held all the same
	} {
		if _, err := gate.Place(t.Context(), s, h.clock.now, o); err != nil {
			t.Fatal(err)
		}
	}
	good := retention.Hold{Since: 202603, Until: 202605, Because: "une enquête"}
	signers := map[string]struct {
		by, approver gate.Asker
		says         string
	}{
		"one person":           {samir, samir, "one person signs and another approves"},
		"nobody":               {gate.Asker{}, samir, `"" is not of the security desk`},
		"a manager":            {chief, samir, `"chief" is not of the security desk`},
		"approved by an agent": {samir, pauline, `"pauline" is not of the security desk`},
		"who is suspended":     {samir, suspended, `"suspended" cannot sign while order 1 is in force`},
	}
	for who, test := range signers {
		if _, err := gate.Hold(t.Context(), s, h.clock.now, test.by, test.approver, good); fault.Of(err) != fault.Refused || !strings.Contains(fault.Public(err), test.says) {
			t.Errorf("held by %s: %v", who, err)
		}
	}
	if _, err := gate.Hold(t.Context(), s, h.clock.now, samir, nadia, retention.Hold{Since: 202603}); fault.Of(err) != fault.Invalid {
		t.Errorf("without a reason: %v", err)
	}
	hold, err := gate.Hold(t.Context(), s, h.clock.now, samir, nadia, good)
	if err != nil {
		t.Fatal(err)
	}
	written, err := s.Entry(t.Context(), hold.Number)
	if err != nil || written.Kind != ledger.Held || written.Account != "samir" || written.Detail != "2026-03 to 2026-05; approved by nadia; une enquête" {
		t.Errorf("the ledger says %+v, %v", written, err)
	}

	for who, test := range signers {
		if err := gate.Release(t.Context(), s, h.clock.now, test.by, test.approver, hold.Number, "c’est fini"); fault.Of(err) != fault.Refused || !strings.Contains(fault.Public(err), test.says) {
			t.Errorf("released by %s: %v", who, err)
		}
	}
	if err := gate.Release(t.Context(), s, h.clock.now, samir, nadia, hold.Number, " "); fault.Of(err) != fault.Invalid {
		t.Errorf("released without a reason: %v", err)
	}
	if err := gate.Release(t.Context(), s, h.clock.now, samir, nadia, hold.Number+1, "c’est fini"); fault.Of(err) != fault.Absent {
		t.Errorf("released what is not: %v", err)
	}
	if book, err := s.Retention(t.Context()); err != nil || len(book.Holds) != 1 || len(book.Keeping(202604)) != 1 {
		t.Fatalf("%+v, %v", book, err)
	}
	if err := gate.Release(t.Context(), s, h.clock.now, nadia, samir, hold.Number, "c’est fini"); err != nil {
		t.Fatal(err)
	}
	book, err := s.Retention(t.Context())
	if err != nil || len(book.Keeping(202604)) != 0 {
		t.Errorf("%+v, %v", book, err)
	}
	written, err = s.Entry(t.Context(), book.Holds[0].Release)
	if err != nil || written.Kind != ledger.Released || written.From != hold.Number || written.End != hold.Number+1 || !strings.Contains(written.Detail, "approved by samir; c’est fini") {
		t.Errorf("the ledger says %+v, %v", written, err)
	}
	if err := book.Vouch(0, func(number ledger.Number) (ledger.Entry, error) { return s.Entry(t.Context(), number) }); err != nil {
		t.Error(err)
	}
	g, _ := h.gate() // who was not running catches up
	if _, err := g.Place(t.Context(), order.Order{Effect: order.Suspended, Reach: order.Account, Target: "pauline", By: "samir", Because: "vol"}); err != nil {
		t.Error(err)
	}
}
