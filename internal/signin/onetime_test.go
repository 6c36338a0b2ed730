package signin_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"poterne/internal/fault"
	"poterne/internal/roster"
	"poterne/internal/signin"
)

// gives is a password that the browser is given in its session.
func (b *browser) gives() string {
	b.h.t.Helper()
	who := b.isSignedIn()
	password, until, err := signin.ConnectionsOf(b.h.door).Password(b.request("POST", "/databases"), who.Account, who.ID)
	if err != nil || !until.Equal(b.h.clock().Add(5*time.Minute)) {
		b.h.t.Fatalf("no password: %v, until %v", err, until)
	}
	return password
}

const client = "192.0.2.7:5432"

// connects shows a password as an account, and is let in or not.
func (h *house) connects(as roster.AccountID, password string, want bool) (session signin.Session) {
	h.t.Helper()
	session, err := signin.ConnectionsOf(h.door).Connect(h.t.Context(), client, as, password)
	if (err == nil) != want || err != nil && !fault.Is(err, fault.Anonymous) {
		h.t.Errorf("%s connects: %v", as, err)
	}
	return session
}

func (h *house) goes(session signin.Session, want bool) {
	h.t.Helper()
	if err := signin.ConnectionsOf(h.door).Goes(h.t.Context(), session); (err == nil) != want || err != nil && !fault.Is(err, fault.Anonymous) {
		h.t.Errorf("it goes on: %v", err)
	}
}

// bars are what became of the sign-ins by password.
func (h *house) bars() (list []signin.Bar) {
	for _, attempt := range h.tried {
		if attempt.Factor == signin.BySQL {
			list = append(list, attempt.Bar)
		}
	}
	return list
}

func TestRUN_6_APasswordServesForOneConnectionOfItsAccount(t *testing.T) {
	h := newHouse(t)
	b := h.browser().signIn()
	who := b.isSignedIn()
	password := b.gives()
	h.connects("somebody-else", password, false)
	h.connects(who.Account, password+"x", false)
	h.connects(who.Account, "", false)
	if session := h.connects(who.Account, password, true); session.Account != who.Account || session.ID == who.ID || session.Factor != signin.BySQL || session.Organisation != who.Organisation {
		t.Errorf("%+v", session)
	}
	if last := h.tried[len(h.tried)-1]; last.Factor != signin.BySQL || last.Bar != "" || last.Account != who.Account || last.Session == "" || last.Identity.Subject == "" {
		t.Errorf("it is written as %+v", last)
	}
	b.isSignedIn() // and the browser's session is as it was
	if _, _, err := signin.ConnectionsOf(h.door).Password(b.request("POST", "/databases"), who.Account, "no such session"); !fault.Is(err, fault.Anonymous) {
		t.Errorf("without a session: %v", err)
	}
}

func TestRUN_6_APasswordShownTwiceEndsWhatItBegan(t *testing.T) {
	h := newHouse(t)
	b := h.browser().signIn()
	who, password := b.isSignedIn().Account, ""
	password = b.gives()
	session := h.connects(who, password, true)
	h.goes(session, true)
	h.connects(who, password, false)
	h.goes(session, false)
	h.connects(who, password, false) // and is not written each time
	if got := h.bars(); !slices.Equal(got, []signin.Bar{"", signin.Replayed}) || h.told[len(h.told)-1].Why != signin.Doubled {
		t.Errorf("written: %q, told %+v", got, h.told)
	}
	b.isSignedIn()

	password = b.gives()
	var group sync.WaitGroup
	var mu sync.Mutex
	var let []signin.Session
	for range 8 {
		group.Go(func() {
			if session, err := signin.ConnectionsOf(h.door).Connect(t.Context(), client, who, password); err == nil {
				mu.Lock()
				defer mu.Unlock()
				let = append(let, session)
			}
		})
	}
	group.Wait()
	if len(let) > 1 {
		t.Fatalf("%d are let in at once", len(let))
	}
	for _, session := range let {
		h.goes(session, false)
	}
}

// overtaken is a store in which something happens just before the next swap.
type overtaken struct {
	signin.Sessions
	before func()
}

func (o *overtaken) Swap(ctx context.Context, row signin.Row) (bool, error) {
	if before := o.before; before != nil {
		o.before = nil
		before()
	}
	return o.Sessions.Swap(ctx, row)
}

// Who was the first to show a password, and was overtaken by two others, is let in no more than they.
func TestRUN_6_WhoIsOvertakenIsNotLetIn(t *testing.T) {
	h := newHouse(t)
	b := h.browser().signIn()
	who, password := b.isSignedIn().Account, b.gives()
	sessions := &overtaken{Sessions: h.sessions}
	door, err := signin.New(h.settings(), sessions, h, h)
	if err != nil {
		t.Fatal(err)
	}
	sessions.before = func() {
		h.connects(who, password, true)
		h.connects(who, password, false)
	}
	if _, err := signin.ConnectionsOf(door).Connect(t.Context(), client, who, password); !fault.Is(err, fault.Anonymous) {
		t.Errorf("a third is let in: %v", err)
	}
	if got := h.bars(); !slices.Equal(got, []signin.Bar{"", signin.Replayed, signin.Replayed}) {
		t.Errorf("written: %q", got)
	}
	password = b.gives()
	sessions.before = func() { _ = h.door.EndAll(t.Context(), who) }
	if _, err := signin.ConnectionsOf(door).Connect(t.Context(), client, who, password); !fault.Is(err, fault.Anonymous) {
		t.Errorf("who was dismissed is let in: %v", err)
	}
	if got := h.bars(); got[len(got)-1] != signin.NotOpen {
		t.Errorf("written: %q", got)
	}
}

func TestRUN_6_WhatAPasswordBeganEndsWithItsSessionAndItsTime(t *testing.T) {
	for name, test := range map[string]struct {
		does func(h *house, b *browser, s signin.Session)
		goes bool
	}{
		"nothing":                {func(*house, *browser, signin.Session) {}, true},
		"the browser signs out":  {func(_ *house, b *browser, _ signin.Session) { b.does("POST", signin.LeavePath) }, false},
		"all sessions are ended": {func(h *house, _ *browser, s signin.Session) { _ = h.door.EndAll(h.t.Context(), s.Account) }, false},
		"it is not used":         {func(h *house, _ *browser, _ signin.Session) { h.pass(10 * time.Minute) }, false},
		"it is left": {func(h *house, _ *browser, s signin.Session) {
			_ = signin.ConnectionsOf(h.door).Disconnect(h.t.Context(), s)
		}, false},
		"used for hours": {func(h *house, _ *browser, s signin.Session) {
			for range 60 {
				h.pass(9 * time.Minute)
				h.goes(s, true)
			}
		}, true},
		"used until it is old": {func(h *house, _ *browser, s signin.Session) {
			for range 66 {
				h.pass(9 * time.Minute)
				h.goes(s, true)
			}
			h.pass(9 * time.Minute)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			b := h.browser().signIn()
			s := h.connects(b.isSignedIn().Account, b.gives(), true)
			test.does(h, b, s)
			h.goes(s, test.goes)
			h.goes(s, test.goes)
		})
	}
}

func TestRUN_6_APasswordIsGoodForMinutesAndInASession(t *testing.T) {
	h := newHouse(t)
	b := h.browser().signIn()
	who := b.isSignedIn().Account
	late, left := b.gives(), b.gives()
	h.pass(5 * time.Minute)
	h.connects(who, late, false)
	h.connects(who, late, false)
	if got := h.bars(); !slices.Equal(got, []signin.Bar{signin.Late}) {
		t.Errorf("written: %q", got)
	}
	h.connects(who, left, false)
	left = b.gives()
	b.does("POST", signin.LeavePath)
	h.connects(who, left, false)
	if got := h.bars(); !slices.Equal(got, []signin.Bar{signin.Late, signin.Late}) { // what has ended with its session is said no more
		t.Errorf("written: %q", got)
	}

	b = h.browser().signIn()
	for range 5 {
		b.gives()
	}
	who2 := b.isSignedIn()
	if _, _, err := signin.ConnectionsOf(h.door).Password(b.request("POST", "/databases"), who2.Account, who2.ID); !fault.Is(err, fault.Invalid) {
		t.Errorf("a sixth password: %v", err)
	}
	h.pass(5 * time.Minute)
	password := b.gives()
	h.full = errWritten
	if _, err := signin.ConnectionsOf(h.door).Connect(t.Context(), client, who, password); err == nil {
		t.Error("a sign-in that cannot be written lets in")
	}
	h.full = nil
	h.connects(who, password, false)
}

var errWritten = fault.Errorf(fault.Unavailable, "the ledger is full")
