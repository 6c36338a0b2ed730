package accounts_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/roster"
	"poterne/internal/store"
)

// recovering is a service with every link.
func (p *post) recovering() *accounts.Notices {
	n := p.node()
	n.StopLink, n.Invite = "https://poterne.example/.poterne/recovery", "https://poterne.example/.poterne/invitation"
	return n
}

var token = regexp.MustCompile(`\?token=([A-Z2-7]+)`)

// newest is the token of the newest letter to pauline.
func (p *post) newest() string {
	p.t.Helper()
	letters := p.box.Letters("pauline@staff.example")
	found := token.FindStringSubmatch(letters[0].Text)
	if found == nil {
		p.t.Fatalf("the newest letter has no link: %s", letters[0].Subject)
	}
	return found[1]
}

// asked is a recovery of pauline that chief asks for.
func (p *post) asked() (*accounts.Notices, ledger.Number) {
	p.t.Helper()
	n := p.recovering()
	p.there(chief)
	if err := n.Recover(p.t.Context(), "pauline", chief, "clé perdue"); err != nil {
		p.t.Fatal(err)
	}
	return n, p.only()
}

// Promise: ENTRY-7
func TestENTRY_7_RecoveryTakesTwoApproversADayAndNoticesAndEndsInAnInvitationToTheKnownAddress(t *testing.T) {
	p := posted(t)
	before := p.account("pauline")
	n, number := p.asked()
	if p.letters("pauline@staff.example", "Somebody asks for your access") != 1 {
		t.Error("the person is not told when it is asked for")
	}
	p.there(deputy, samir, nadia, other, "pauline")
	approve := func(by roster.AccountID) error { return n.Approve(t.Context(), number, by) }
	for name, by := range map[string]roster.AccountID{"who asked": chief, "the person": "pauline", "another organisation's manager": other} {
		if err := approve(by); err == nil {
			t.Errorf("%s approves", name)
		}
	}
	if err := approve(deputy); err != nil {
		t.Fatal(err)
	}
	if err := approve(deputy); !fault.Is(err, fault.Refused) {
		t.Errorf("one person approves twice: %v", err)
	}
	p.at = p.at.Add(25 * time.Hour)
	p.upkeep(n)
	if p.account("pauline").Identity != before.Identity || len(p.ended) > 0 {
		t.Fatal("it begins with one approval")
	}
	p.there(samir)
	if err := approve(samir); err != nil {
		t.Fatal(err)
	}
	if p.letters("pauline@staff.example", "will be restored in 24 hours") != 1 {
		t.Error("the person is not told when the day begins")
	}
	p.at = p.at.Add(accounts.RecoveryWaits - time.Second)
	p.upkeep(n)
	if p.account("pauline").Identity != before.Identity || p.letters("pauline@staff.example", "invitation?token=") != 0 {
		t.Fatal("it begins before 24 hours have passed")
	}
	p.at = p.at.Add(time.Second)
	p.upkeep(n)
	p.upkeep(p.recovering())
	if p.letters("pauline@staff.example", "invitation?token=") != 1 || p.letters("", "invitation?token=") != 1 {
		t.Error("not one invitation is sent, to the address that was known")
	}
	if len(p.ended) != 1 || p.ended[0] != "pauline" {
		t.Errorf("the sessions of %v end", p.ended)
	}
	if _, _, err := store.NewRoster(p.s).ByIdentity(t.Context(), before.Identity); !fault.Is(err, fault.Absent) {
		t.Errorf("the identity of before still opens the account: %v", err)
	}
	invitation := p.newest()
	accept := accepting("pauline-anew")
	accept.Token, accept.Visitor.Mail = invitation, "pauline@staff.example"
	p.must(do(p.house, accept))
	if a := p.account("pauline"); a.Identity == identity("pauline-anew") {
		t.Error("it is bound before a second person has heard the code")
	}
	p.there(chief, nadia)
	if err := n.Confirm(t.Context(), number, chief); err == nil {
		t.Error("who asked for it confirms it")
	}
	if err := n.Confirm(t.Context(), number, nadia); err != nil {
		t.Fatal(err)
	}
	after := p.account("pauline")
	if after.Identity != identity("pauline-anew") || !after.Opened.Equal(p.at) || !gate.AskerOf(after).Opened.Equal(p.at) || after.Proposer != before.Proposer || after.Role != before.Role || !p.may("pauline") {
		t.Errorf("the account is %+v", after)
	}
	var states []ledger.State
	for _, e := range p.entries(ledger.Recovery) {
		if states = append(states, e.State); e.Subject != "pauline" {
			t.Errorf("a line is about %q", e.Subject)
		}
	}
	if len(states) != 4 || states[0] != ledger.Asked || states[3] != ledger.Begun {
		t.Errorf("the ledger has %v", states)
	}
}

// Promise: ENTRY-7 (the person's stop), by each of the two links and from the portal, at each stage.
func TestENTRY_7_ItsOwnerStopsARecoveryFromTheOldMailboxWithoutSigningIn(t *testing.T) {
	for name, when := range map[string]struct {
		approvals []roster.AccountID
		waits     time.Duration
		later     bool // by the link of the second letter
	}{
		"as soon as it is asked for":   {},
		"after one approval":           {approvals: []roster.AccountID{deputy}},
		"in its last second, early":    {approvals: []roster.AccountID{deputy, samir}, waits: accounts.RecoveryWaits - time.Second},
		"in its last second, late one": {approvals: []roster.AccountID{samir, nadia}, waits: accounts.RecoveryWaits - time.Second, later: true},
	} {
		t.Run(name, func(t *testing.T) {
			p := posted(t)
			before := p.account("pauline")
			n, number := p.asked()
			link := p.newest()
			for _, by := range when.approvals {
				p.there(by)
				if err := n.Approve(t.Context(), number, by); err != nil {
					t.Fatal(err)
				}
			}
			if when.later {
				link = p.newest()
			}
			p.at = p.at.Add(when.waits)
			if err := n.Stop(t.Context(), "guessed"); !fault.Is(err, fault.Absent) {
				t.Errorf("a guess: %v", err)
			}
			if err := n.Stop(t.Context(), ""); !fault.Is(err, fault.Absent) {
				t.Errorf("nothing: %v", err)
			}
			if err := n.Stop(t.Context(), link); err != nil {
				t.Fatal(err)
			}
			if err := n.Stop(t.Context(), link); !fault.Is(err, fault.Absent) {
				t.Errorf("it stops twice: %v", err)
			}
			p.at = p.at.Add(48 * time.Hour)
			p.upkeep(n)
			if p.account("pauline") != before || len(p.ended) > 0 || p.letters("pauline@staff.example", "invitation?token=") > 0 {
				t.Error("it goes on, or something else changed")
			}
			p.there(samir)
			if err := n.Approve(t.Context(), number, samir); err == nil {
				t.Error("what was stopped is approved")
			}
		})
	}
	t.Run("from the portal", func(t *testing.T) {
		p := posted(t)
		n, _ := p.asked()
		if err := n.StopOwn(t.Context(), "karim"); !fault.Is(err, fault.Absent) {
			t.Errorf("another stops it: %v", err)
		}
		if err := n.StopOwn(t.Context(), "pauline"); err != nil {
			t.Fatal(err)
		}
	})
}

// Promise: ENTRY-7: who may ask and approve.
func TestENTRY_7_NobodyRecoversAnAccountThatTheyCouldThenHold(t *testing.T) {
	p := posted(t)
	n := p.recovering()
	ask := func(of, by roster.AccountID) error { return n.Recover(t.Context(), of, by, "clé perdue") }
	if err := ask("pauline", chief); err == nil {
		t.Error("asking needs no confirmation")
	}
	p.there(chief, other, "karim", samir, nadia)
	for name, err := range map[string]error{
		"one's own": ask(chief, chief), "another organisation's": ask("pauline", other), "a reader asks": ask("pauline", "karim"),
		"one whose person cannot be told": ask("lucas", samir), "nobody's": ask("ghost", samir),
	} {
		if err == nil {
			t.Errorf("%s is recovered", name)
		}
	}
	p.down = true
	if err := ask("pauline", chief); !errors.Is(err, accounts.NotTold) {
		t.Errorf("the person could not be told: %v", err)
	}
	p.down = false
	if list, err := store.NewRoster(p.s).Proposals(t.Context(), ""); err != nil || len(list) != 0 {
		t.Errorf("it goes on all the same: %d, %v", len(list), err)
	}

	if err := ask("pauline", samir); err != nil { // the desk asks: of two of the desk, one is not enough
		t.Fatal(err)
	}
	if err := ask("pauline", chief); !errors.Is(err, accounts.RecoveryWaitsAlready) {
		t.Errorf("a second one: %v", err)
	}
	p.there("suspended")
	number := p.only()
	if err := n.Approve(t.Context(), number, nadia); err != nil {
		t.Fatal(err)
	}
	if err := n.Approve(t.Context(), number, "suspended"); !fault.Is(err, fault.Refused) {
		t.Errorf("three people of one organisation recover: %v", err)
	}
	if err := n.Approve(t.Context(), number, chief); err != nil {
		t.Fatal(err)
	}
	p.stop(chief, order.Frozen) // a thief's approval is not finished
	p.at = p.at.Add(48 * time.Hour)
	p.upkeep(n)
	if len(p.ended) > 0 || p.letters("", "invitation?token=") > 0 {
		t.Error("what a stopped account approved begins")
	}
	for _, l := range p.box.Letters("") {
		if strings.Contains(l.Text, "token=") && l.To != "pauline@staff.example" {
			t.Errorf("%s is sent a secret of pauline's", l.To)
		}
	}
}
