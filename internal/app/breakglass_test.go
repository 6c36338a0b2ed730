package app

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"poterne/internal/breakglass"
	"poterne/internal/config"
	"poterne/internal/fault"
	"poterne/internal/lab/mailbox"
	"poterne/internal/ledger"
	"poterne/internal/mail"
	"poterne/internal/order"
	"poterne/internal/portal/portaltest"
	breakglassroom "poterne/internal/portal/rooms/breakglass"
	"poterne/internal/roster"
)

// The sealed password of tests, and what is kept of it, twice: hashed with as little as is believed, so
// that tests are quick.
const (
	sealed     = "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$vQrDBCHpnQ1nFI4wLXMiP30RYm1OhoNeQdoQBYxcjDs"
	sealedAnew = "$argon2id$v=19$m=19456,t=2,p=1$ZmVkY2JhOTg3NjU0MzIxMA$ll8lj7gOFQ5qBZvpc5d7nd4U/k+EoQp5StnuE89ICxo"
	inEnvelope = "ABCD EFGH IJKL MNOP QRST UVWX YZ"
)

// envelope is the program with the break-glass access, for the counter, and with its identity
// provider gone.
type envelope struct {
	*connected
	box     mailbox.Box
	offset  atomic.Int64 // of the clock
	cookie  string
	network string // an address
	lang    string
}

func newEnvelope(t *testing.T) *envelope {
	t.Helper()
	e := &envelope{network: "10.20.30.5", lang: "en"}
	letters, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = e.box.Serve(t.Context(), letters) }()
	hashed, err := breakglass.Parse([]byte(sealed))
	if err != nil {
		t.Fatal(err)
	}
	e.connected = connect(t, func(o *Opened) {
		o.SignIn.Issuer = "http://127.0.0.1:1/gone"
		o.BreakGlass = &config.BreakGlass{Sealed: hashed, Networks: []string{"counter"}}
		o.Mail = &mail.Server{Host: "127.0.0.1", Port: letters.Addr().(*net.TCPAddr).Port, Security: mail.Plain, From: "poterne@mission.example"}
		o.Now = func() time.Time { return time.Now().Add(time.Duration(e.offset.Load())) }
	})
	return e
}

// asks asks for an address, in a browser that keeps the access's cookie.
func (e *envelope) asks(method, path string, form url.Values) (status int, body string) {
	e.t.Helper()
	r := httptest.NewRequestWithContext(e.t.Context(), method, path, strings.NewReader(form.Encode()))
	_, r.Host, _ = strings.Cut(e.origin, "://")
	r.RemoteAddr = "127.0.0.1:9" // what ends TLS
	r.Header.Set("X-Forwarded-For", e.network)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", e.origin)
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Accept-Language", e.lang)
	if e.cookie != "" {
		r.AddCookie(&http.Cookie{Name: breakglassroom.Cookie, Value: e.cookie})
	}
	w := httptest.NewRecorder()
	e.p.Public.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if c.Name == breakglassroom.Cookie {
			e.cookie = c.Value
		}
	}
	return w.Code, w.Body.String()
}

// written are the entries about the access, and what it did.
func (e *envelope) written() (list []string) {
	e.t.Helper()
	if err := e.p.Journal.Look(e.t.Context()); err != nil { // another node wrote, too
		e.t.Fatal(err)
	}
	for n := ledger.Number(1); n < e.p.Journal.Next(); n++ {
		entry, err := e.p.Journal.Entry(e.t.Context(), n)
		if err != nil {
			e.t.Fatal(err)
		}
		if entry.Account == breakglass.ID || entry.Kind == ledger.Secured {
			list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s %s", entry.Kind, entry.State, entry.Target)))
		}
	}
	return list
}

func (e *envelope) opens(password string) int {
	status, _ := e.asks(http.MethodPost, breakglassroom.Path, url.Values{"password": {password}})
	return status
}

// With the identity provider gone, the sealed password stops an account, and reads nobody;
// everybody is told.
func TestENTRY_8_TheSealedPasswordStopsAndReadsNobodyWhenTheProviderIsGone(t *testing.T) {
	e := newEnvelope(t)
	everything := served(t)
	before := make(map[string]int) // what nobody is answered
	for _, pattern := range everything {
		if method, path, _ := strings.Cut(pattern, " "); method == http.MethodGet && !strings.HasPrefix(path, breakglassroom.Path) {
			before[path], _ = e.asks(method, strings.ReplaceAll(wildcard.ReplaceAllString(path, "karim"), "{$}", ""), nil)
		}
	}
	before["/people/users/4711"], _ = e.asks(http.MethodGet, "/people/users/4711", nil)
	e.network = "192.0.2.7"
	if status, _ := e.asks(http.MethodGet, breakglassroom.Path, nil); status != http.StatusNotFound || e.opens(inEnvelope) != http.StatusNotFound {
		t.Errorf("from another network it answers %d", status)
	}
	e.network = "10.20.30.5"
	if status, page := e.asks(http.MethodGet, breakglassroom.Path, nil); status != http.StatusOK || !strings.Contains(page, `type="password"`) || strings.Contains(page, `name="effect"`) {
		t.Errorf("the way in is %d: %s", status, page)
	}
	if status := e.opens("ABCD"); status != http.StatusForbidden || e.cookie != "" {
		t.Errorf("a wrong password: %d", status)
	}
	e.reads()
	stop := url.Values{"effect": {"suspended-account"}, "target": {"pauline"}, "because": {"vol de session"}}
	if status, _ := e.asks(http.MethodPost, breakglassroom.Path+"/orders", stop); status != http.StatusSeeOther || len(e.p.Gate.Orders()) != 0 {
		t.Fatalf("nobody is in, and stops an account: %d", status)
	}
	if status := e.opens(strings.ToLower(inEnvelope)); status != http.StatusSeeOther || e.cookie == "" {
		t.Fatalf("the sealed password: %d", status)
	}
	for path, was := range before {
		if status, _ := e.asks(http.MethodGet, strings.ReplaceAll(wildcard.ReplaceAllString(path, "karim"), "{$}", ""), nil); status != was {
			t.Errorf("GET %s is answered %d to the break-glass access, and %d to nobody", path, status, was)
		}
	}
	for name, wrong := range map[string]url.Values{
		"somebody unknown": {"effect": {"suspended-account"}, "target": {"nobody"}, "because": {"x"}}, "everything, and somebody": {"effect": {"closed-everything"}, "target": {"karim"}, "because": {"x"}}, "no reason": {"effect": {"suspended-account"}, "target": {"karim"}},
		"a bypass": {"effect": {"bypassed-source"}, "target": {"agenda"}, "because": {"x"}}, "a network that there is not": {"effect": {"closed-network"}, "target": {"x"}, "because": {"x"}},
	} {
		if status, _ := e.asks(http.MethodPost, breakglassroom.Path+"/orders", wrong); status == http.StatusSeeOther {
			t.Errorf("%s: %d", name, status)
		}
	}
	if status, _ := e.asks(http.MethodPost, breakglassroom.Path+"/orders", stop); status != http.StatusSeeOther {
		t.Fatalf("it stops an account: %d", status)
	}
	if _, stopped := e.p.Gate.Orders().Stop(order.Use{Account: "pauline"}, e.Now()); !stopped {
		t.Error("the account goes on")
	}
	if _, page := e.asks(http.MethodGet, breakglassroom.Path, nil); !strings.Contains(page, "pauline") {
		t.Errorf("the page does not say what it stopped: %s", page)
	}
	e.reads()
	copied := e.cookie
	if status, _ := e.asks(http.MethodPost, breakglassroom.Path+"/leave", nil); status != http.StatusSeeOther {
		t.Errorf("leaving: %d", status)
	}
	if e.cookie = copied; e.in() {
		t.Error("the session goes on after leaving")
	}
	if e.opens(inEnvelope); !e.in() {
		t.Error("it does not open again")
	}
	e.offset.Store(int64(breakglass.Life - time.Second))
	if !e.in() {
		t.Error("a session ends before its hour")
	}
	e.offset.Store(int64(breakglass.Life))
	if e.in() {
		t.Error("a session lasts beyond its hour")
	}
	want := []string{"broke-glass wrong-password", "broke-glass granted", "placed  pauline", "broke-glass ceased", "broke-glass granted"}
	if got := e.written(); !slices.Equal(got, want) {
		t.Errorf("the ledger has %q", got)
	}
	for end := time.Now().Add(long); ; time.Sleep(10 * time.Millisecond) { // each by mail to who is not looking
		told := 0
		for _, letter := range e.box.Letters("garde@registre.example") {
			if strings.Contains(letter.Subject, "break-glass") {
				told++
			}
		}
		if told == len(want) && len(e.box.Letters("nadia@registre.example")) == 2 { // who is in, by mail to each of the desk
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d of %d are told, and the desk by %v", told, len(want), e.box.Letters("nadia@registre.example"))
		}
	}
}

// reads holds that the page is in both languages, each field with its label.
func (e *envelope) reads() {
	e.t.Helper()
	for _, e.lang = range []string{"fr", "en"} {
		_, body := e.asks(http.MethodGet, breakglassroom.Path, nil)
		page := portaltest.Parse(e.t, body)
		labelled, offered := make(map[string]bool), make(map[string]string)
		for _, option := range portaltest.All(page, "option") {
			text, value := portaltest.Text(option), portaltest.Attr(option, "value")
			if other, twice := offered[text]; twice {
				e.t.Errorf("%s: %s and %s are one to who reads: %q", e.lang, value, other, text)
			}
			offered[text] = value
		}
		for _, label := range portaltest.All(page, "label") {
			labelled[portaltest.Attr(label, "for")] = portaltest.Text(label) != ""
		}
		for _, field := range portaltest.All(page, "input", "select") {
			if portaltest.Attr(field, "type") != "hidden" && !labelled[portaltest.Attr(field, "id")] {
				e.t.Errorf("%s: the field %q has no label", e.lang, portaltest.Attr(field, "name"))
			}
		}
		if top := portaltest.All(page, "html"); portaltest.Attr(top[0], "lang") != e.lang || len(portaltest.All(page, "h1")) != 1 {
			e.t.Errorf("the page is not one in %s: %s", e.lang, body)
		}
	}
}

// in reports whether the browser is in.
func (e *envelope) in() bool {
	e.t.Helper()
	_, page := e.asks(http.MethodGet, breakglassroom.Path, nil)
	return strings.Contains(page, `name="effect"`)
}

// Of many tries at once, on two nodes, five are answered; then the right password opens nothing
// either, until somebody of the security desk who is there unlocks it, or another is sealed.
func TestENTRY_8_FiveWrongTriesLockItHoweverManyComeAtOnce(t *testing.T) {
	e := newEnvelope(t)
	nodes := []*breakglass.Service{e.breakGlass(e.p.Journal), e.breakGlass(e.Writer())}
	var tries sync.WaitGroup
	for i := range 9 {
		tries.Go(func() {
			if _, err := nodes[i%2].Open(t.Context(), fmt.Sprint("WRONG ", i), "counter"); !fault.Is(err, fault.Refused) {
				t.Error(err)
			}
		})
	}
	tries.Wait()
	counts := make(map[string]int)
	for _, line := range e.written() {
		counts[line]++
	}
	if counts["broke-glass wrong-password"] != 5 || counts["broke-glass locked"] != 4 {
		t.Errorf("the ledger has %v", counts)
	}
	for _, node := range nodes {
		if _, err := node.Open(t.Context(), inEnvelope, "counter"); err != breakglass.Refused {
			t.Errorf("locked, and the right password: %v", err)
		}
	}
	for _, step := range []struct {
		by         roster.AccountID
		there, may bool
	}{{"samir", false, false}, {"chief", true, false}, {"pauline", true, false}, {breakglass.ID, true, false}, {"samir", true, true}} {
		if step.there {
			if err := e.p.Journal.Record(t.Context(), ledger.Entry{Kind: ledger.SteppedUp, Account: step.by}); err != nil {
				t.Fatal(err)
			}
		}
		if err := nodes[0].Secure(t.Context(), step.by); (err == nil) != step.may {
			t.Errorf("%s unlocks it: %v", step.by, err)
		}
	}
	token, err := nodes[1].Open(t.Context(), inEnvelope, "counter")
	if err != nil {
		t.Fatal(err)
	}
	in, err := nodes[0].Who(t.Context(), token)
	if err != nil {
		t.Errorf("a session of another node: %v", err)
	}
	closing := order.Order{By: string(breakglass.ID), Effect: order.Closed, Reach: order.Network, Target: "counter", Because: "a theft"}
	for range 2 { // a form sent twice
		if err := stop(t.Context(), nodes[0].Inside(in.Session), closing); err != nil || len(e.p.Gate.Orders()) != 1 {
			t.Errorf("it stops, once: %v, %v", err, e.p.Gate.Orders())
		}
	}
	closing.Target = "elsewhere"
	if err := nodes[0].Secure(t.Context(), "samir"); err != nil {
		t.Fatal(err)
	}
	if _, err := nodes[1].Who(t.Context(), token); !fault.Is(err, fault.Anonymous) {
		t.Errorf("the desk ended it, and it goes on: %v", err)
	}
	if err := stop(t.Context(), nodes[1].Inside(in.Session), closing); !fault.Is(err, fault.Anonymous) || len(e.p.Gate.Orders()) != 1 {
		t.Errorf("the desk ended it, and what was on its way still stops: %v, %v", err, e.p.Gate.Orders())
	}
	for range breakglass.Tries {
		_, _ = nodes[0].Open(t.Context(), "WRONG", "counter")
	}
	if e.BreakGlass.Sealed, err = breakglass.Parse([]byte(sealedAnew)); err != nil {
		t.Fatal(err)
	}
	anew := e.breakGlass(e.p.Journal)
	if _, err := anew.Open(t.Context(), inEnvelope, "counter"); err != nil {
		t.Errorf("another password is sealed: %v", err)
	}
	if found, err := e.Audit().Rights(t.Context()); err != nil || len(found) != 0 {
		t.Errorf("the audit finds %v, %v", found, err)
	}
}
