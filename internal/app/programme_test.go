package app

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"poterne/internal/accounts"
	"poterne/internal/containment"
	"poterne/internal/fault"
	"poterne/internal/intake"
	"poterne/internal/ledger"
	"poterne/internal/mail"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/roster"
	"poterne/internal/signin"
)

// partner is a programme of the mission's before the program: its key, and its account once it
// has one.
type partner struct {
	*connected
	life    accounts.Service
	offset  *atomic.Int64 // of the clock
	reached *atomic.Int64 // requests that the application was asked
	leaked  *atomic.Bool  // it was sent the programme's token
	key     ed25519.PrivateKey
	account roster.AccountID
}

// unsent takes every mail.
type unsent struct{}

func (unsent) Send(context.Context, mail.Message) error { return nil }

func newPartner(t *testing.T, change ...func(*Opened)) *partner {
	t.Helper()
	p := &partner{offset: new(atomic.Int64), reached: new(atomic.Int64), leaked: new(atomic.Bool)}
	application := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.reached.Add(1)
		if r.Header.Get("Authorization") != "" {
			p.leaked.Store(true)
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"id": r.URL.Path[len("/users/"):], "name": "Nina Fictive", "version": 1})
	}))
	t.Cleanup(application.Close)
	p.connected = connect(t, func(o *Opened) {
		upstream, err := url.Parse(application.URL)
		if err != nil {
			t.Fatal(err)
		}
		o.Services[0].Upstream = upstream
		o.Services[0].Headers = append(o.Services[0].Headers, "Authorization") // which it may want of people's browsers
		o.Rules.Allowances[roster.Programme] = meter.Allowance{Short: meter.People(2), Long: meter.People(2)}
		o.Rules.Ceilings[roster.Programme], o.Rules.Cold = 2, false
		o.Now = func() time.Time { return time.Now().Add(time.Duration(p.offset.Load())) }
		for _, change := range change {
			change(o)
		}
	})
	p.life = p.Accounts(p.p.Journal)
	p.life.Sender = unsent{}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p.key = key
	return p
}

// identity is the public half of a key, as an identity.
func identity(t *testing.T, public any) roster.Identity {
	t.Helper()
	text, err := jose.JSONWebKey{Key: public}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	of, err := roster.KeyIdentity(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return of
}

// confirms has people prove that they are there.
func (p *partner) confirm(who ...roster.AccountID) {
	p.t.Helper()
	for _, id := range who {
		if err := p.p.Journal.Record(p.t.Context(), ledger.Entry{Kind: ledger.SteppedUp, Account: id}); err != nil {
			p.t.Fatal(err)
		}
	}
}

// proposed has one person propose the programme.
func (p *partner) proposed() ledger.Number {
	p.t.Helper()
	p.confirm("chief", "deputy")
	number, err := p.life.Propose(p.t.Context(), accounts.Proposal{
		By: "chief", Organisation: "mission", Role: roster.Programme, Name: "Agenda de la mission", Mail: "agenda@mission.example", Because: "rendez-vous",
		Rights: []accounts.Right{{Service: "people", Purpose: "accompany"}}, Until: ledger.Cut(p.Now().AddDate(0, 6, 0)), Identity: identity(p.t, p.key.Public()),
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.account = roster.AccountID("a" + strconv.FormatUint(uint64(number), 10))
	return number
}

// joins proposes the programme and has it approved.
func (p *partner) joins() {
	p.t.Helper()
	number := p.proposed()
	if token, _ := p.token(p.assertion(nil)); token != "" {
		p.t.Error("a programme that one person proposed is given a token")
	}
	if err := p.life.Approve(p.t.Context(), number, "chief"); err == nil {
		p.t.Error("one person proposes and approves")
	}
	if err := p.life.Approve(p.t.Context(), number, "deputy"); err != nil {
		p.t.Fatal(err)
	}
}

// assertion is one that is in order but for a change, signed by the programme's key.
func (p *partner) assertion(change func(*jwt.Claims)) string {
	p.t.Helper()
	return p.signedBy(jose.SigningKey{Algorithm: jose.EdDSA, Key: p.key}, nil, change)
}

func (p *partner) signedBy(key jose.SigningKey, options *jose.SignerOptions, change func(*jwt.Claims)) string {
	p.t.Helper()
	signer, err := jose.NewSigner(key, options)
	if err != nil {
		p.t.Fatal(err)
	}
	claims := jwt.Claims{
		Issuer: string(p.account), Subject: string(p.account), Audience: jwt.Audience{p.origin}, ID: rand.Text(),
		IssuedAt: jwt.NewNumericDate(p.Now()), Expiry: jwt.NewNumericDate(p.Now().Add(2 * time.Minute)),
	}
	if change != nil {
		change(&claims)
	}
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

// token asks for a token, with an assertion and whatever else a form has.
func (p *partner) token(assertion string, more ...string) (token string, status int) {
	p.t.Helper()
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion},
	}
	for i := 0; i+1 < len(more); i += 2 {
		form[more[i]] = append(form[more[i]], more[i+1])
	}
	answer, err := http.PostForm(p.origin+signin.TokenPath, form)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	var said struct {
		Token string `json:"access_token"`
		Type  string `json:"token_type"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil {
		p.t.Fatal(err)
	}
	if (said.Token != "") != (answer.StatusCode == http.StatusOK) || said.Token != "" && said.Type != "Bearer" || answer.Header.Get("Cache-Control") != "no-store" {
		p.t.Errorf("%d: %+v, %v", answer.StatusCode, said, answer.Header)
	}
	return said.Token, answer.StatusCode
}

// asks asks for an address with a token, and returns the status and what was shown.
func (p *partner) asks(token, address string) (int, string) {
	p.t.Helper()
	host := ""
	if at, rest, elsewhere := strings.Cut(strings.TrimPrefix(address, "//"), "/"); elsewhere && strings.HasPrefix(address, "//") {
		host, address = at, "/"+rest
	}
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.origin+address, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Host = host
	r.Header.Set("Authorization", "Bearer "+token)
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if shown := strings.Contains(string(text), "Fictive"); shown != (answer.StatusCode == http.StatusOK) {
		p.t.Errorf("%s: %d %s", address, answer.StatusCode, text)
	}
	return answer.StatusCode, string(text)
}

func (p *partner) is(want int, token, address, what string) {
	p.t.Helper()
	if status, body := p.asks(token, address); status != want {
		p.t.Errorf("%s: %s is answered %d: %s", what, address, status, body)
	}
}

// entries are the programme's in the ledger, of some kinds.
func (p *partner) entries(kinds ...ledger.Kind) (list []ledger.Entry) {
	p.t.Helper()
	for n := ledger.Number(1); n < p.p.Journal.Next(); n++ {
		e, err := p.p.Journal.Entry(p.t.Context(), n)
		if err != nil {
			p.t.Fatal(err)
		}
		if e.Account == p.account && slices.Contains(kinds, e.Kind) {
			list = append(list, e)
		}
	}
	return list
}

// A programme's account is made by two people, and is shown what its habilitation, its allowance
// and its ceiling let it be shown: each an entry, as of people.
func TestSCOPE_8_AProgrammeHasAScopeAnAllowanceAndACeilingOfItsOwn(t *testing.T) {
	p := newPartner(t)
	p.joins()
	account := p.connected.account(p.account)
	if account.Proposer != "chief" || account.Approver != "deputy" || account.Role != roster.Programme || !account.Gives(p.Now()) {
		t.Fatalf("%+v", account)
	}
	token, status := p.token(p.assertion(nil))
	if token == "" {
		t.Fatalf("no token: %d", status)
	}

	// Its allowance, which on probation is of one person.
	p.is(http.StatusOK, token, "/people/users/4711", "the first without a reason")
	if status, said := p.asks(token, "/people/users/90210"); status != http.StatusForbidden || !strings.Contains(said, `"ask":{"kind":"slow","until":"`) {
		t.Errorf("the second without a reason, on probation, is not told to slow down, and until when: %d, %s", status, said)
	}
	p.is(http.StatusOK, token, "/people/users/4711", "somebody shown already")

	// Its reasons, up to its ceiling.
	var lines strings.Builder
	for _, person := range []string{"10", "11", "12"} {
		from, until := p.Now().Add(-time.Hour).UTC().Format(time.RFC3339), p.Now().AddDate(0, 1, 0).UTC().Format(time.RFC3339)
		_ = json.NewEncoder(&lines).Encode(map[string]string{"id": person, "kind": "caseload", "account": string(p.account), "scheme": "dossier", "person": person, "from": from, "until": until})
	}
	report, err := p.TakesFacts(p.p.Journal, "operator").Take(t.Context(), "caseloads", intake.NDJSON, strings.NewReader(lines.String()), intake.Said{})
	if err != nil || report.Kept != 3 {
		t.Fatal(report, err)
	}
	p.is(http.StatusOK, token, "/people/users/10", "of its caseload")
	p.is(http.StatusOK, token, "/people/users/11", "of its caseload")
	p.is(http.StatusForbidden, token, "/people/users/12", "beyond its ceiling")

	// Its scope.
	p.is(http.StatusForbidden, token, "/people/contacts/10", "a purpose that it has no habilitation for")
	p.is(http.StatusForbidden, token, "//courses.example/trainees", "a service that it has no habilitation for")
	p.is(http.StatusForbidden, token, "/people/elsewhere", "what nobody declared")

	whys := make(map[policy.Why]int)
	for _, e := range p.entries(ledger.Consulted, ledger.Attempted) {
		whys[e.Why]++
		if e.Session == "" || e.Organisation != "mission" {
			t.Errorf("an entry of nobody's session: %+v", e)
		}
	}
	for why, n := range map[policy.Why]int{policy.AlreadySeen: 1, policy.Explained: 2, policy.CeilingReached: 1, policy.ShortEmpty: 1, policy.NotHabilitated: 2} {
		if whys[why] != n {
			t.Errorf("%d entries say %s, of %v", whys[why], why, whys)
		}
	}
	if p.leaked.Load() {
		t.Error("the application is sent the programme's token")
	}

	// What an order stops, it stops at the next decision; the sign-ins are all written.
	orders := containment.Service{Writer: p.p.Journal}
	for _, o := range []order.Order{
		{Effect: order.Suspended, Reach: order.Account, Target: string(p.account)},
		{Effect: order.Suspended, Reach: order.Role, Target: string(roster.Programme)},
		{Effect: order.Suspended, Reach: order.Organisation, Target: "mission"},
		{Effect: order.Closed, Reach: order.Service, Target: "people"},
	} {
		o.By, o.Because, o.Ends = "samir", "doute", ledger.Cut(p.Now().Add(time.Minute))
		if _, err := orders.Place(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		p.is(http.StatusForbidden, token, "/people/users/4711", "under an order on the "+string(o.Reach))
		p.offset.Add(int64(time.Minute))
		p.is(http.StatusOK, token, "/people/users/4711", "once it is over")
	}
	if err := p.p.door.EndAll(t.Context(), p.account); err != nil {
		t.Fatal(err)
	}
	p.is(http.StatusUnauthorized, token, "/people/users/4711", "once its sessions are ended")
	if token, status = p.token(p.assertion(nil)); token == "" {
		t.Fatalf("no token: %d", status)
	}
	p.offset.Add(int64(6 * time.Minute))
	p.is(http.StatusUnauthorized, token, "/people/users/4711", "with a token of six minutes")
	if token, _ = p.token(p.assertion(nil)); token == "" {
		t.Fatal("no token")
	}
	p.confirm("chief", "deputy")
	if err := p.life.Recover(t.Context(), p.account, "chief", "clé perdue"); !fault.Is(err, fault.Refused) {
		t.Errorf("a programme's account is recovered: %v", err)
	}
	if err := p.life.Close(t.Context(), p.account, "deputy", "plus utile"); err != nil {
		t.Fatal(err)
	}
	p.is(http.StatusForbidden, token, "/people/users/4711", "once the account is closed")
	if token, status = p.token(p.assertion(nil)); token != "" || status != http.StatusUnauthorized {
		t.Errorf("a closed account is given a token: %d", status)
	}
	var states []string
	for _, e := range p.entries(ledger.SignIn) {
		states = append(states, string(e.State)+" "+e.Factor)
	}
	if want := []string{"granted key", "granted key", "granted key", "not-open key"}; !slices.Equal(states, want) {
		t.Errorf("the ledger has the sign-ins %q", states)
	}
}

// Whoever has not the key, or has an assertion that was used, shows nobody.
func TestSCOPE_8_AnAssertionThatIsNotTheProgrammesOwnAndFreshShowsNobody(t *testing.T) {
	p := newPartner(t)
	p.joins()
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	number := p.imports(accounts.List{Accounts: []roster.Account{
		{ID: "other", Organisation: "mission", Role: roster.Programme, Name: "Autre programme", Opened: p.Now(), Identity: identity(t, other.Public())},
	}})
	p.confirm("samir")
	asOther := func(c *jwt.Claims) { c.Issuer, c.Subject = "other", "other" }
	byOther := jose.SigningKey{Algorithm: jose.ES256, Key: other}
	if token, _ := p.token(p.signedBy(byOther, nil, asOther)); token != "" {
		t.Error("a programme that a file made is given a token before the desk admits it")
	}
	if err := p.life.Admit(t.Context(), number, "samir"); err != nil {
		t.Fatal(err)
	}
	if token, status := p.token(p.signedBy(byOther, nil, asOther)); token == "" {
		t.Errorf("the other programme is given none: %d", status)
	}
	public, err := jose.JSONWebKey{Key: p.key.Public()}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	part := func(text string) string { return strings.TrimRight(text, "=") }
	none := func() string {
		parts := strings.Split(p.assertion(nil), ".")
		return "eyJhbGciOiJub25lIn0." + part(parts[1]) + "."
	}
	for name, assertion := range map[string]string{
		"alg none":                     none(),
		"HS256 with the public key":    p.signedBy(jose.SigningKey{Algorithm: jose.HS256, Key: public}, nil, nil),
		"HS256 with its raw bytes":     p.signedBy(jose.SigningKey{Algorithm: jose.HS256, Key: []byte(p.key.Public().(ed25519.PublicKey))}, nil, nil),
		"another account's key":        p.signedBy(byOther, nil, nil),
		"its own key for another":      p.assertion(asOther),
		"a key of its own in it":       p.signedBy(byOther, &jose.SignerOptions{EmbedJWK: true}, nil),
		"another issuer":               p.assertion(func(c *jwt.Claims) { c.Issuer = "other" }),
		"a person":                     p.assertion(func(c *jwt.Claims) { c.Issuer, c.Subject = "pauline", "pauline" }),
		"nobody":                       p.assertion(func(c *jwt.Claims) { c.Issuer, c.Subject = "a0", "a0" }),
		"no one at all":                p.assertion(func(c *jwt.Claims) { c.Issuer, c.Subject = "", "" }),
		"another audience":             p.assertion(func(c *jwt.Claims) { c.Audience = jwt.Audience{"https://other.example"} }),
		"two audiences":                p.assertion(func(c *jwt.Claims) { c.Audience = jwt.Audience{p.origin, "https://other.example"} }),
		"no audience":                  p.assertion(func(c *jwt.Claims) { c.Audience = nil }),
		"expired":                      p.assertion(func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(p.Now().Add(-2 * time.Minute)) }),
		"for ever":                     p.assertion(func(c *jwt.Claims) { c.Expiry = nil }),
		"for a day":                    p.assertion(func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(p.Now().AddDate(0, 0, 1)) }),
		"not yet":                      p.assertion(func(c *jwt.Claims) { c.NotBefore = jwt.NewNumericDate(p.Now().Add(3 * time.Minute)) }),
		"of a time to come":            p.assertion(func(c *jwt.Claims) { c.IssuedAt = jwt.NewNumericDate(p.Now().Add(3 * time.Minute)) }),
		"without a name":               p.assertion(func(c *jwt.Claims) { c.ID = "" }),
		"with a name without end":      p.assertion(func(c *jwt.Claims) { c.ID = strings.Repeat("a", 2000) }),
		"of a signal, by the same key": p.signedBy(jose.SigningKey{Algorithm: jose.EdDSA, Key: p.key}, (&jose.SignerOptions{}).WithType("secevent+jwt"), nil),
		"that is none":                 "a.b.c",
		"that is empty":                "",
		"that is long":                 strings.Repeat("a", 9<<10) + ".b.c",
	} {
		if token, status := p.token(assertion); token != "" || status != http.StatusUnauthorized {
			t.Errorf("an assertion %s: %d", name, status)
		}
	}
	for name, more := range map[string][]string{
		"two assertions": {"client_assertion", "x"}, "a scope": {"scope", "everything"}, "a secret": {"client_secret", "x"}, "another grant": {"grant_type", "password"},
	} {
		if token, status := p.token(p.assertion(nil), more...); token != "" || status != http.StatusBadRequest {
			t.Errorf("a form with %s: %d", name, status)
		}
	}
	if token, status := p.token(p.assertion(nil), "client_id", "other"); token != "" || status != http.StatusUnauthorized {
		t.Errorf("a form of another client: %d", status)
	}

	// One that is stolen was used: of many at once, one is given a token.
	stolen := p.assertion(func(c *jwt.Claims) { c.Audience = jwt.Audience{p.origin + signin.TokenPath} })
	tokens := make(chan string)
	for range 8 {
		go func() {
			token, _ := p.token(stolen)
			tokens <- token
		}()
	}
	var given []string
	for range 8 {
		if token := <-tokens; token != "" {
			given = append(given, token)
		}
	}
	if len(given) != 1 {
		t.Fatalf("one assertion gives %d tokens", len(given))
	}
	replayed := 0
	for _, e := range p.entries(ledger.SignIn) {
		if e.State == "replayed" {
			replayed++
		}
	}
	if replayed != 1 {
		t.Errorf("the ledger tells %d times of what was shown again and again", replayed)
	}

	// A token is for services, in its one place: no room, no cookie, none that is made up.
	good := given[0]
	p.is(http.StatusOK, good, "/people/users/4711", "the token that was given")
	for _, token := range []string{"", "ptn_", "ptn_" + strings.Repeat("A", 52), good[:len(good)-1], good + "A", strings.ToLower(good), stolen} {
		if status, _ := p.asks(token, "/people/users/4711"); status == http.StatusOK {
			t.Errorf("%.20q shows somebody", token)
		}
	}
	for _, room := range []string{"/", "/desk", "/manager", "/sessions"} {
		if status, body := p.asks(good, room); status == http.StatusOK {
			t.Errorf("%s is shown to a programme: %.200s", room, body)
		}
	}
	status := http.StatusOK
	for n := 1; status == http.StatusOK && n < 30; n++ {
		_, status = p.token(p.assertion(nil))
	}
	if status != http.StatusTooManyRequests {
		t.Errorf("a programme has tokens without end: %d", status)
	}
	reached := p.reached.Load()
	for name, set := range map[string]func(*http.Request){
		"two tokens":          func(r *http.Request) { r.Header["Authorization"] = []string{"Bearer " + good, "Bearer " + good} },
		"a cookie":            func(r *http.Request) { r.Header.Set("Cookie", "poterne-session="+good+"."+good) },
		"another scheme":      func(r *http.Request) { r.Header.Set("Authorization", "Basic "+good) },
		"a token in the path": func(r *http.Request) { r.URL.RawQuery = "access_token=" + good },
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.origin+"/people/users/4711", nil)
		if err != nil {
			t.Fatal(err)
		}
		set(r)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, answer.StatusCode)
		}
	}
	if p.reached.Load() != reached {
		t.Error("the application was asked")
	}
}
