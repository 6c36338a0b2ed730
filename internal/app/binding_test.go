package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"poterne/internal/accounts"
	"poterne/internal/config"
	"poterne/internal/config/configtest"
	"poterne/internal/containment"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/lab/town/life"
	"poterne/internal/lab/town/proconnect"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/roster"
)

// connected is the program with the embedded provider before it, which knows Pauline, of
// whom it can be made to say something else, and Karim, for whom another provider answers
// than the one that his account is bound to.
type connected struct {
	*Opened
	t       *testing.T
	p       *Program
	s       *succession        // which the program is the first of
	leave   context.CancelFunc // has the program leave
	origin  string
	pauline *proconnect.Person
	log     shared
}

const mission, elsewhere, guards = "90000000000017", "90000000000025", "90000000000033" // SIRETs

func connect(t *testing.T, change ...func(*Opened)) *connected {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	public, err := listen(ctx, "localhost:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(public.Addr().String(), "]:")
	if port == "" {
		_, port, _ = strings.Cut(public.Addr().String(), ":")
	}
	origin := "http://localhost:" + port
	people := []proconnect.Person{{
		Subject: "pauline", GivenName: "Pauline", UsualName: "Mercier", Email: "pauline@mission.example", SIRET: mission, Idp: "idp-1", ACR: "eidas1-mfa", AMR: []string{"pwd", "otp", "mfa"},
	}}
	for _, subject := range []string{"karim", "chief", "deputy", "samir", "nadia", "claire"} { // the button of each is its place
		people = append(people, people[0])
		people[len(people)-1].Subject, people[len(people)-1].SIRET = subject, mission
	}
	for i := range people[4:] {
		people[4+i].SIRET = guards
	}
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	settings, err := config.Parse(filepath.Join(configtest.Secrets(t), "poterne.toml"), []byte(config.Example))
	if err != nil {
		t.Fatal(err)
	}
	provider, err := proconnect.New(proconnect.Settings{
		Issuer: server.URL + "/api/v2", People: people,
		Clients: []proconnect.Client{{ID: settings.SignIn.ClientID, Secret: settings.SignIn.ClientSecret, Name: "Poterne", Redirects: []string{origin + "/.poterne/callback"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	handler = provider.Handler()
	settings.Database = filepath.Join(t.TempDir(), "poterne.db")
	settings.Origin, settings.SignIn.Origins, settings.SignIn.Issuer = origin, []string{origin}, server.URL+"/api/v2"
	settings.Mail, settings.Messages = nil, nil
	o, err := Open(t.Context(), settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Close() })
	c := &connected{Opened: o, t: t, leave: leave, origin: origin, pauline: &people[0]}
	bound := func(subject string) roster.Identity {
		return roster.Identity{Issuer: settings.SignIn.Issuer, Provider: "idp-1", Subject: proconnect.Subject(settings.SignIn.ClientID, "idp-1", subject)}
	}
	c.imports(accounts.List{
		Organisations: []roster.Organisation{{ID: "mission", SIRET: mission, Name: "Mission locale"}, {ID: "garde", SIRET: guards, Name: "Poste de garde"}},
		Accounts: []roster.Account{
			{ID: "pauline", Organisation: "mission", Role: roster.Adviser, Name: "Pauline Mercier", Opened: o.Now(), Identity: bound("pauline")},
			{ID: "karim", Organisation: "mission", Role: roster.Adviser, Name: "Karim Benali", Mail: "karim@mission.example", Opened: o.Now(), Identity: roster.Identity{
				Issuer: settings.SignIn.Issuer, Provider: "idp-0", Subject: proconnect.Subject(settings.SignIn.ClientID, "idp-1", "karim"),
			}},
			{ID: "chief", Organisation: "mission", Role: roster.Manager, Name: "Chief", Opened: o.Now(), Identity: bound("chief")},
			{ID: "deputy", Organisation: "mission", Role: roster.Manager, Name: "Deputy", Opened: o.Now(), Identity: bound("deputy")},
			{ID: "samir", Organisation: "garde", Role: roster.Security, Name: "Samir", Opened: o.Now(), Identity: bound("samir")},
			{ID: "nadia", Organisation: "garde", Role: roster.Security, Name: "Nadia", Mail: "nadia@registre.example", Opened: o.Now(), Identity: bound("nadia")},
			{ID: "claire", Organisation: "garde", Role: roster.Privacy, Name: "Claire", Opened: o.Now(), Identity: bound("claire")},
		},
	})
	for _, change := range change {
		change(o)
	}
	if c.p, err = Assemble(t.Context(), o, slog.New(slog.NewTextHandler(&c.log, nil))); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	c.s = &succession{log: c.p.log}
	go func() { ended <- c.s.serve(ctx, c.p, doors{public: public}, nil) }()
	t.Cleanup(func() {
		leave()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return c
}

func (c *connected) imports(list accounts.List) ledger.Number {
	c.t.Helper()
	e, err := journal.Do(c.t.Context(), c.Writer(), &accounts.Import{By: "operator", List: list})
	if err != nil {
		c.t.Fatal(err)
	}
	return e.Number
}

// signsIn signs Pauline in at the provider, as that says she is now, and returns her browser.
func (c *connected) signsIn() (*life.Browser, error) {
	b := life.NewBrowser(c.origin)
	return b, b.SignIn(c.t.Context(), "0")
}

// inside reports whether a browser is signed in.
func (c *connected) inside(b *life.Browser) bool {
	c.t.Helper()
	page, err := b.Get(c.t.Context(), "/sessions")
	if err != nil {
		c.t.Fatal(err)
	}
	return page.Status == http.StatusOK && page.Address.Path == "/sessions"
}

func (c *connected) account(id roster.AccountID) roster.Account {
	c.t.Helper()
	a, _, err := c.Roster.Account(c.t.Context(), id)
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

func (c *connected) readmits(by roster.AccountID) error {
	if err := c.p.Journal.Record(c.t.Context(), ledger.Entry{Kind: ledger.SteppedUp, Account: by}); err != nil {
		c.t.Fatal(err)
	}
	return c.Accounts(c.p.Journal).Readmit(c.t.Context(), "pauline", by)
}

func TestENTRY_5_AChangeOfProviderOrOrganisationSuspendsTheAccountUntilTwoPeopleApproveIt(t *testing.T) {
	c := connect(t)
	before, err := c.signsIn()
	if err != nil || !c.inside(before) {
		t.Fatalf("she is not signed in: %v", err)
	}
	was := *c.pauline
	c.pauline.SIRET = elsewhere
	if _, err := c.signsIn(); err == nil {
		t.Fatal("she is let in as somebody else")
	}
	if c.inside(before) {
		t.Error("the session that she had goes on")
	}
	if a := c.account("pauline"); a.Gives(c.Now()) || a.Diverged == 0 {
		t.Fatalf("the account is not suspended: %+v", a)
	}
	*c.pauline = was
	if _, err := c.signsIn(); err == nil {
		t.Error("she is let in before anybody approved it again")
	}
	for _, step := range []struct {
		by     roster.AccountID
		passes bool
		opens  bool
	}{{"pauline", false, false}, {"chief", true, false}, {"chief", false, false}, {"deputy", false, false}, {"samir", true, true}, {"nadia", false, true}} {
		if err := c.readmits(step.by); (err == nil) != step.passes {
			t.Errorf("%s approves: %v", step.by, err)
		}
		b, err := c.signsIn()
		if in := err == nil && c.inside(b); in != step.opens {
			t.Errorf("after %s, signed in: %t (%v)", step.by, in, err)
		}
	}
	if a := c.account("pauline"); a.Diverged != 0 || a.Voucher != "" || a.Identity.Provider != "idp-1" {
		t.Errorf("the account is %+v", a)
	}
	var written []string
	for e, err := range c.Ledger.Entries(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == ledger.Diverged || e.Kind == ledger.Readmitted {
			written = append(written, fmt.Sprintf("%v of %s by %s and %s: %s %s", e.Kind, e.Subject, e.Account, e.Approver, e.State, e.SIRET))
		}
	}
	if got := strings.Join(written, "; "); got != "diverged of pauline by poterne and :  "+elsewhere+"; readmitted of pauline by chief and : signed-for ; readmitted of pauline by samir and chief: granted " {
		t.Errorf("the ledger says %q", got)
	}
	if found, err := c.Audit().Rights(t.Context()); err != nil || len(found) != 0 {
		t.Errorf("the audit finds %v, %v", found, err)
	}

	if err := life.NewBrowser(c.origin).SignIn(t.Context(), "1"); err == nil || c.account("karim").Diverged == 0 {
		t.Errorf("his subject, for which another provider answers: %v, %+v", err, c.account("karim"))
	}
}

// Promise: ENTRY-5 (who signed first and may no more). The next who signs is the first: two who may sign
// now approve the account, and it does not wait for ever.
func TestENTRY_5_AnAccountDoesNotWaitForSomebodyWhoMaySignNoMore(t *testing.T) {
	c := connect(t)
	was := *c.pauline
	c.pauline.SIRET = elsewhere
	if _, err := c.signsIn(); err == nil {
		t.Fatal("she is let in as somebody else")
	}
	*c.pauline = was
	if err := c.readmits("chief"); err != nil {
		t.Fatal(err)
	}
	stop := containment.Place{Order: order.Order{Effect: order.Suspended, Reach: order.Account, Target: "chief", By: "samir", Because: "vol"}}
	if _, err := journal.Do(t.Context(), c.p.Journal, journal.Act[containment.Rows](stop)); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ by, first roster.AccountID }{{"samir", "samir"}, {"deputy", ""}} {
		if err := c.readmits(step.by); err != nil {
			t.Errorf("%s approves: %v", step.by, err)
		}
		if a := c.account("pauline"); a.Voucher != step.first || (a.Diverged == 0) != (step.first == "") {
			t.Errorf("after %s, the account is %+v", step.by, a)
		}
	}
	if found, err := c.Audit().Rights(t.Context()); err != nil || len(found) != 0 {
		t.Errorf("the audit finds %v, %v", found, err)
	}
}

// Promise: ENTRY-5 (what suspends nobody)
func TestENTRY_5_SomebodyElseAndAProviderThatForgetsSuspendNobody(t *testing.T) {
	c := connect(t)
	was := *c.pauline
	for name, change := range map[string]func(){
		"no SIRET": func() { c.pauline.SIRET = "" },
		"a colleague who writes her address in their profile": func() { c.pauline.Subject = "noor" },
		"a subject of another provider and organisation":      func() { c.pauline.Idp, c.pauline.SIRET = "idp-2", elsewhere },
	} {
		*c.pauline = was
		change()
		if _, err := c.signsIn(); err == nil {
			t.Errorf("%s is let in", name)
		}
		if !c.account("pauline").Gives(c.Now()) {
			t.Errorf("%s suspends her", name)
		}
	}
	*c.pauline = was
	if _, err := c.signsIn(); err != nil {
		t.Error(err)
	}
}

// Promise: ENTRY-5 (a roster that changes a SIRET)
func TestENTRY_5_ARosterThatChangesASIRETSuspendsItsAccountsUntilTheDeskAdmitsThem(t *testing.T) {
	c := connect(t)
	number := c.imports(accounts.List{Organisations: []roster.Organisation{{ID: "mission", SIRET: elsewhere, Name: "Mission locale"}}})
	c.pauline.SIRET = elsewhere
	if _, err := c.signsIn(); err == nil {
		t.Fatal("whoever runs Poterne moves an account to another organisation alone")
	}
	if err := c.p.Journal.Record(t.Context(), ledger.Entry{Kind: ledger.SteppedUp, Account: "samir"}); err != nil {
		t.Fatal(err)
	}
	if err := c.Accounts(c.p.Journal).Admit(t.Context(), number, "samir"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.signsIn(); err != nil {
		t.Errorf("after the desk admitted it: %v", err)
	}
	if found, err := c.Audit().Rights(t.Context()); err != nil || len(found) != 0 {
		t.Errorf("the audit finds %v, %v", found, err)
	}
	var desk accounts.List
	for _, id := range []roster.AccountID{"samir", "nadia"} {
		a, _, err := c.Roster.Account(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		a.Name += " bis"
		desk.Accounts = append(desk.Accounts, a)
	}
	if _, err := journal.Do(t.Context(), c.Writer(), &accounts.Import{By: "operator", List: desk}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a roster that suspends all of the desk, after which the next would need nobody: %v", err)
	}
}
