package accounts_test

import (
	"context"
	"crypto/sha256"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/containment"
	"poterne/internal/gate"
	"poterne/internal/intake"
	"poterne/internal/journal"
	"poterne/internal/lab/mailbox"
	"poterne/internal/ledger"
	"poterne/internal/mail"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/roster"
	"poterne/internal/signin"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// marks are the real ones, of the database.
type marks struct{ *store.Sessions }

func (m marks) Once(ctx context.Context, mark [sha256.Size]byte, until time.Time) (bool, error) {
	return m.Sessions.Once(ctx, signin.Digest(mark), until)
}

func (m marks) Forget(ctx context.Context, mark [sha256.Size]byte) error {
	return m.Sessions.Forget(ctx, signin.Digest(mark))
}

// year is the length of a moved clock's walk.
const year = 365 * 24 * time.Hour

// post is a house whose mail arrives in real letter boxes, over SMTP.
type post struct {
	*house
	box    *mailbox.Box
	server mail.Server
	ended  []roster.AccountID // whose sessions were ended
	used   map[roster.AccountID]time.Time
	down   bool
}

func posted(t *testing.T) *post {
	t.Helper()
	p := &post{house: open(t), box: new(mailbox.Box), used: make(map[roster.AccountID]time.Time)}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = p.box.Serve(t.Context(), l) }()
	p.server = mail.Server{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, Security: mail.Plain, From: "poterne@garde.example"}
	list := accounts.List{Organisations: []roster.Organisation{{ID: "mlv", SIRET: "90000000000017", Name: "Mission locale", Mail: "direction@mlv.example"}}}
	for _, id := range []roster.AccountID{chief, deputy, samir, nadia, "pauline", "karim"} {
		a := p.account(id)
		a.Mail = string(id) + "@staff.example"
		list.Accounts = append(list.Accounts, a)
	}
	made := p.must(do(p.house, &accounts.Import{By: "setup", List: list}))
	p.there("suspended")
	p.must(do(p.house, &accounts.Admit{By: "suspended", Import: made.Number}))
	return p
}

// Send implements accounts.Sender.
func (p *post) Send(ctx context.Context, m mail.Message) error {
	if p.down {
		return io.ErrClosedPipe
	}
	return p.server.Send(ctx, m)
}

// node is a node that has just started.
func (p *post) node() *accounts.Notices {
	return &accounts.Notices{
		Service: accounts.Service{Writer: p.writer(), Sender: p, Bounds: accounts.Bounds{Quota: bounds.Quota, Rights: bounds.Rights, Roles: bounds.Roles, Review: year / 2}, Home: "https://poterne.example/manager/accounts"},
		Roster:  store.NewRoster(p.s), Requests: store.NewOrganisationRequests(p.s), Marks: marks{store.NewSessions(p.s)}, Now: func() time.Time { return p.at },
		EndAll: func(_ context.Context, id roster.AccountID) error { p.ended = append(p.ended, id); return nil },
		Log:    slog.New(slog.DiscardHandler),
	}
}

// upkeep is one of a node.
func (p *post) upkeep(n *accounts.Notices) {
	p.t.Helper()
	err := n.Upkeep(p.t.Context(), func(id roster.AccountID) (last, since time.Time) {
		if used, known := p.used[id]; known {
			return used, storetest.At
		}
		return p.at, storetest.At // everybody else is at work
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// letters are those to an address whose text or subject holds some words.
func (p *post) letters(to, words string) (n int) {
	for _, l := range p.box.Letters(to) {
		if strings.Contains(l.Subject+l.Text, words) {
			n++
		}
	}
	return n
}

// entries are those of a kind.
func (p *post) entries(kind ledger.Kind) (list []ledger.Entry) {
	p.t.Helper()
	for e, err := range store.NewLedger(p.s).Entries(p.t.Context(), 0) {
		if err != nil {
			p.t.Fatal(err)
		}
		if e.Kind == kind {
			list = append(list, e)
		}
	}
	return list
}

// Promise: RIGHTS-6 (reminders): pauline's right ends by itself, without a day set on her
// account.
func TestRIGHTS_6_AnEndIsRemindedOf30And7And1DaysBeforeOnceEachOnWhicheverNode(t *testing.T) {
	p := posted(t)
	right := storetest.Staff().Habilitations[0]
	end := right.Until
	one, other := p.node(), p.node()
	for p.at = end.AddDate(0, 0, -40); p.at.Before(end.AddDate(0, 0, 10)); p.at = p.at.Add(12 * time.Hour) {
		p.upkeep(one)
		p.upkeep(other)
		if err := store.NewSessions(p.s).Sweep(t.Context(), p.at, p.at.AddDate(-1, 0, 0)); err != nil {
			t.Fatal(err)
		}
		one = p.node() // it starts again
	}
	for words, want := range map[string]int{"in 30 days": 1, "in 7 days": 1, "in a day": 1, "ends soon": 3} {
		if n := p.letters("pauline@staff.example", words); n != want {
			t.Errorf("%d letters say %q", n, words)
		}
	}
	if p.letters("karim@staff.example", "ends soon") != 0 || p.may("pauline") {
		t.Error("somebody without an end is reminded of one, or the right goes on")
	}
}

// Promise: SCOPE-8 (certificates): a programme's mail address is told before its certificate ends.
func TestSCOPE_8_TheEndOfAProgrammesCertificateIsRemindedOfOnceForEachMark(t *testing.T) {
	p := posted(t)
	end := p.at.AddDate(0, 0, 33)
	node := p.node()
	node.Certificate = func(id roster.AccountID) time.Time {
		if id == "karim" {
			return end
		}
		return time.Time{}
	}
	for ; p.at.Before(end.AddDate(0, 0, 3)); p.at = p.at.Add(12 * time.Hour) {
		p.upkeep(node)
	}
	for words, want := range map[string]int{"certificate that the programme karim shows ends in 30 days": 1, "shows ends in 7 days": 1, "shows ends in a day": 1, "certificate ends soon": 3} {
		if n := p.letters("karim@staff.example", words); n != want {
			t.Errorf("%d letters say %q", n, words)
		}
	}
	if p.letters("pauline@staff.example", "certificate ends soon") != 0 {
		t.Error("others are told")
	}
}

// Promise: RIGHTS-6 (reminders), after a week in which nothing ran, and another without mail.
func TestRIGHTS_6_AReminderThatWasMissedIsSentOnceAndSaysHowManyDaysAreLeft(t *testing.T) {
	p := posted(t)
	end := storetest.Staff().Habilitations[0].Until
	p.at = end.AddDate(0, 0, -31)
	p.upkeep(p.node())
	p.at = end.AddDate(0, 0, -24) // nothing ran when there were 30
	p.upkeep(p.node())
	p.upkeep(p.node())
	p.at, p.down = end.AddDate(0, 0, -7), true
	n := p.node()
	p.upkeep(n)
	for p.at = end.AddDate(0, 0, -6); p.at.Before(end.AddDate(0, 0, -2)); p.at = p.at.AddDate(0, 0, 1) {
		p.upkeep(n)
	}
	p.down = false
	p.upkeep(p.node())
	p.upkeep(n)
	for words, want := range map[string]int{"in 24 days": 1, "in 2 days": 1, "ends soon": 2} {
		if n := p.letters("pauline@staff.example", words); n != want {
			t.Errorf("%d letters say %q", n, words)
		}
	}
}

// Promise: RIGHTS-6 (unused accounts)
func TestRIGHTS_6_AnAccountThatIsUnusedFor90DaysIsClosedWithItsCause(t *testing.T) {
	p := posted(t)
	p.used["karim"], p.used[samir] = storetest.At.AddDate(0, 0, 5), storetest.At
	p.at = p.used["karim"].AddDate(0, 0, 90).Add(-time.Minute)
	p.upkeep(p.node())
	if !p.account("karim").Gives(p.at) {
		t.Fatal("it is closed before 90 days have passed")
	}
	p.at = p.at.Add(time.Minute)
	p.upkeep(p.node())
	p.upkeep(p.node())
	ended := p.entries(ledger.Ended)
	karim := 0
	for _, e := range ended {
		if e.Subject == "karim" && e.State == ledger.Unused && e.Account == journal.Itself {
			karim++
		}
	}
	if karim != 1 || p.account("karim").Gives(p.at) || len(p.ended) == 0 {
		t.Errorf("it is written as %+v, and gives rights: %t", ended, p.account("karim").Gives(p.at))
	}
	if !p.account(nadia).Gives(p.at) {
		t.Error("a person of the desk who is at work is closed")
	}
}

// Promise: RIGHTS-5
func TestRIGHTS_5_WhatAManagerDoesIsToldAtOnceAndASecondProposalInADayIsASignal(t *testing.T) {
	p := posted(t)
	n := p.node()
	tell := func() {
		for _, e := range p.entries(ledger.Proposed) {
			if err := n.Tell(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		for _, e := range p.entries(ledger.Signalled) {
			if err := n.Tell(t.Context(), e); err != nil {
				t.Fatal(err)
			}
			if e.Account != chief || e.State != ledger.ManyProposals || e.Count != 2 || e.Cause == 0 {
				t.Errorf("the signal is %+v", e)
			}
		}
	}
	p.there(chief)
	p.must(do(p.house, p.proposal(chief, "alix")))
	tell()
	for _, to := range []string{"direction@mlv.example", "deputy@staff.example", "chief@staff.example"} {
		if p.letters(to, "An account is proposed: Mission locale") != 1 {
			t.Errorf("%s is not told, or not once", to)
		}
	}
	if len(p.entries(ledger.Signalled)) != 0 || p.letters("pauline@staff.example", "") != 0 {
		t.Error("one proposal is a signal, or a reader is told")
	}
	if _, err := do(p.house, p.proposal(deputy, "bea")); err == nil {
		t.Error("a proposal needs no confirmation")
	}
	p.at = p.at.Add(23 * time.Hour)
	if _, err := do(p.house, p.proposal(chief, "bea")); err == nil {
		t.Error("the second proposal needs no confirmation of its own")
	}
	p.there(chief)
	p.must(do(p.house, p.proposal(chief, "bea")))
	tell()
	for _, to := range []string{"direction@mlv.example", "deputy@staff.example", "samir@staff.example", "nadia@staff.example"} {
		if p.letters(to, "several accounts proposed within a day") != 1 {
			t.Errorf("%s is not told of the signal, or not once", to)
		}
	}
	p.at = p.at.Add(25 * time.Hour)
	p.there(chief)
	p.must(do(p.house, p.proposal(chief, "cid")))
	if n := len(p.entries(ledger.Signalled)); n != 1 {
		t.Errorf("a proposal of another day makes %d signals", n)
	}
}

// reviewed is a house whose pauline and karim must be confirmed within half a year.
func reviewed(t *testing.T) *post {
	p := posted(t)
	list := accounts.List{}
	for _, id := range []roster.AccountID{"pauline", "karim", chief} {
		a := p.account(id)
		a.ID, a.Identity.Subject, a.Mail, a.Review = a.ID+"2", a.Identity.Subject+"2", string(a.ID)+"2@staff.example", p.at.Add(year/2)
		list.Accounts = append(list.Accounts, a)
	}
	list.Habilitations = []roster.Habilitation{{Account: "pauline2", Service: "dossier", Purpose: "accompany", From: p.at, Until: p.at.Add(2 * year)}}
	made := p.must(do(p.house, &accounts.Import{By: "setup", List: list}))
	p.there(samir)
	p.must(do(p.house, &accounts.Admit{By: samir, Import: made.Number}))
	return p
}

// Promise: RIGHTS-7
func TestRIGHTS_7_WhatManagersDoNotConfirmIsSuspendedAfterNotice(t *testing.T) {
	p := reviewed(t)
	by := p.at.Add(year / 2)
	for p.at = by.AddDate(0, 0, -35); p.at.Before(by.AddDate(0, 0, -10)); p.at = p.at.AddDate(0, 0, 1) {
		p.upkeep(p.node())
	}
	for _, to := range []string{"direction@mlv.example", "deputy@staff.example"} {
		if p.letters(to, "Accounts are to be confirmed") != 1 || p.letters(to, "30 days are left") != 1 {
			t.Errorf("%s holds no notice of what is to be confirmed, or several", to)
		}
	}
	review := func(who roster.AccountID, of ...roster.AccountID) error {
		return second(do(p.house, &accounts.Review{By: who, Of: of, For: year / 2}))
	}
	if review(chief, "karim2") == nil {
		t.Error("confirming needs no step-up")
	}
	p.there(chief, "chief2", other, samir, "pauline2")
	for name, err := range map[string]error{
		"a reader confirms": review("pauline2", "karim2"), "another organisation's manager does": review(other, "karim2"),
		"a manager confirms themself": review("chief2", "chief2"), "one with others": review("chief2", "karim2", "chief2"),
		"nobody is confirmed": review(chief), "one who is not there": review(chief, "ghost"),
	} {
		if err == nil {
			t.Errorf("%s", name)
		}
	}
	if err := review(chief, "karim2"); err != nil {
		t.Fatal(err)
	}
	p.at = by.Add(-time.Second)
	if !p.may("pauline2") || !p.account("chief2").Gives(p.at) {
		t.Error("it is suspended too early")
	}
	p.at = by
	asker, err := store.NewFacts(p.s).Asker(t.Context(), "pauline2")
	if err != nil {
		t.Fatal(err)
	}
	ask := policy.Ask{Act: policy.Show, Account: "pauline2", Organisation: "mlv", Role: roster.Adviser, Service: "dossier", Purpose: "accompany"}
	decide := func(a gate.Asker) policy.Why {
		return policy.Rules{}.Decide(ask, policy.Facts{Habilitations: a.Habilitations, Review: a.Review, Meter: newDraft()}, p.at).Whole.Why
	}
	if why := decide(asker); why != policy.NotReviewed {
		t.Errorf("what was not confirmed reads: %v", why)
	}
	p.upkeep(p.node())
	p.upkeep(p.node())
	lapsed := p.entries(ledger.Lapsed)
	if len(lapsed) != 2 || !lapsed[0].Until.Equal(by) || len(p.ended) != 2 {
		t.Errorf("it is written as %+v, and sessions of %v end", lapsed, p.ended)
	}
	if !p.account("karim2").Gives(p.at) || p.account("pauline2").Gives(p.at) || p.account("chief2").Gives(p.at) {
		t.Error("another is suspended than who was not confirmed")
	}
	p.there("chief2", chief)
	if review("chief2", "pauline2") == nil {
		t.Error("a manager who is suspended confirms")
	}
	if err := review(chief, "pauline2", "chief2"); err != nil {
		t.Fatal(err)
	}
	if asker, err = store.NewFacts(p.s).Asker(t.Context(), "pauline2"); err != nil || decide(asker) != policy.Granted {
		t.Errorf("confirmed, it does not read: %v", err)
	}
}

func newDraft() *meter.Draft { return meter.New().Draft() }

// Everybody is under a bypass: the desk hears that one is asked for, and the heads and managers
// of every organisation that it is in force, until when, and that it has ended.
func TestABypassIsToldToTheDeskAndToEveryOrganisation(t *testing.T) {
	p := posted(t)
	p.must(do(p.house, &intake.FactBatch{Source: "cases", Rejected: 1}))
	p.must(do(p.house, &containment.AskBypass{Source: "cases", For: time.Hour, By: samir, Because: "muet"}))
	made := p.must(do(p.house, &containment.AskBypass{Source: "cases", For: 4 * time.Hour, By: samir, Approver: nadia, Because: "muet"}))
	p.must(do(p.house, containment.Lift{ID: containment.IDOf(made.Number), By: samir, Because: "de retour"}))
	for _, kind := range []ledger.Kind{ledger.Placed, ledger.Lifted} {
		for _, e := range p.entries(kind) {
			for range 2 { // on two nodes
				if err := p.node().Tell(t.Context(), e); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	const asked, inForce, ended = "bypass is asked for: cases", "For 4 hours at most, each account consults its own caseload, as cases told it last", "The bypass has ended: cases"
	for to, want := range map[string][3]int{
		"samir@staff.example": {1, 1, 1}, "nadia@staff.example": {1, 1, 1}, "direction@mlv.example": {0, 1, 1}, "chief@staff.example": {0, 1, 1},
		"deputy@staff.example": {0, 1, 1}, "pauline@staff.example": {0, 0, 0},
	} {
		if got := [3]int{p.letters(to, asked), p.letters(to, inForce), p.letters(to, ended)}; got != want {
			t.Errorf("%s has %v letters, want %v", to, got, want)
		}
	}
}
