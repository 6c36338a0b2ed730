package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"poterne/internal/accounts"
	"poterne/internal/config"
	"poterne/internal/config/configtest"
	"poterne/internal/containment"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/seal"
	"poterne/internal/signin"
	"poterne/internal/store/storetest"
)

// assembled is the program that the example configuration comes to, over a new
// database.
func assembled(t *testing.T) (*Program, *Opened) {
	t.Helper()
	s, err := config.Parse(filepath.Join(configtest.Secrets(t), "poterne.toml"), []byte(config.Example))
	if err != nil {
		t.Fatal(err)
	}
	s.Database = filepath.Join(t.TempDir(), "poterne.db")
	o, err := Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Close() })
	p, err := Assemble(t.Context(), o, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return p, o
}

// long is how long a test waits for what must come: only a failure takes so long,
// however busy the machine is.
const long = time.Minute

// ask asks once; no answer is code 0.
func ask(address string) (code int, body string) {
	client := http.Client{Timeout: long, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Get(address)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text)
}

// serving runs the program on a free port until ctx ends.
func serving(ctx context.Context, t *testing.T, p *Program) (address string, ended <-chan error) {
	t.Helper()
	public, err := listen(ctx, "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- p.Serve(ctx, public, nil) }()
	return "http://" + public.Addr().String(), done
}

// hanging is a handler that says when it was reached, and answers when it is let.
func hanging() (handler http.Handler, reached, release chan struct{}) {
	reached, release = make(chan struct{}), make(chan struct{})
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(reached)
		<-release
		_, _ = io.WriteString(w, "whole")
	}), reached, release
}

func TestAPassageUnderWayEndsBeforeTheProgramLeaves(t *testing.T) {
	p, o := assembled(t)
	var reached, release chan struct{}
	p.Public, reached, release = hanging()
	ctx, leave := context.WithCancel(t.Context())
	address, ended := serving(ctx, t, p)
	answered := make(chan string, 1)
	go func() {
		_, body := ask(address)
		answered <- body
	}()
	<-reached
	leave()
	<-p.leaving
	if code, _ := ask(address); code != 0 {
		t.Errorf("the program is leaving and still answers %d", code)
	}
	close(release)
	if body := <-answered; body != "whole" {
		t.Errorf("the passage under way came to %q", body)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	lag, err := o.checkpointLag(t.Context())
	if err != nil || lag != 0 {
		t.Errorf("the last checkpoint is %v behind (%v)", lag, err)
	}
}

// Promise: LEDGER-1
func TestAnUnknownOutcomeStopsTheProgramAtOnce(t *testing.T) {
	p, _ := assembled(t)
	var reached, release chan struct{}
	p.Public, reached, release = hanging()
	defer close(release)
	unknown, fail := errors.New("it is not known whether the ledger was written"), make(chan struct{})
	p.parts[0] = func(context.Context) error { // where the gate runs
		<-fail
		return unknown
	}
	address, ended := serving(t.Context(), t, p)
	answered := make(chan string, 1)
	go func() {
		_, body := ask(address)
		answered <- body
	}()
	<-reached
	close(fail)
	select {
	case err := <-ended:
		if !errors.Is(err, unknown) {
			t.Errorf("it stopped because of %v", err)
		}
	case <-time.After(long):
		t.Fatal("a passage under way holds the program up")
	}
	if body := <-answered; strings.Contains(body, "whole") {
		t.Error("an answer went out after the ledger's state was lost")
	}
}

func TestAFlowEndsWhenTheProgramLeaves(t *testing.T) {
	p, _ := assembled(t)
	flowing := make(chan struct{})
	p.Public = p.untilLeaving(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		close(flowing)
		<-r.Context().Done()
	}))
	ctx, leave := context.WithCancel(t.Context())
	address, ended := serving(ctx, t, p)
	go ask(address)
	<-flowing
	leave()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(long):
		t.Error("the desk's flow holds the program up")
	}
}

func TestNothingRunsOnAfterTheProgram(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	p, o := assembled(t)
	ctx, leave := context.WithCancel(t.Context())
	address, ended := serving(ctx, t, p)
	if code, _ := ask(address + "/healthz"); code != http.StatusOK {
		t.Errorf("/healthz answers %d", code)
	}
	leave()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := o.Close(); err != nil {
		t.Error(err)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

func TestANodeIsReadyOnlyWhenPassagesCanBeSettledAndProven(t *testing.T) {
	p, o := assembled(t)
	ready := func() int {
		w := httptest.NewRecorder()
		p.Private.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
		return w.Code
	}
	if code := ready(); code != http.StatusOK {
		t.Errorf("a fresh node answers %d", code)
	}
	later := *o
	later.Now = func() time.Time { return time.Now().Add(longestLag + time.Second) }
	late := &health{Opened: &later}
	w := httptest.NewRecorder()
	late.handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("with entries that nobody signed it answers %d", w.Code)
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	if code := ready(); code != http.StatusServiceUnavailable {
		t.Errorf("without its database it answers %d", code)
	}
}

func TestMetricsCountDecisionsAndNameNobody(t *testing.T) {
	p, o := assembled(t)
	if err := storetest.TakeRosterBy(t, o.Writer(), accounts.List{
		Organisations: []roster.Organisation{{ID: "ml", SIRET: "12345678901234", Name: "Mission locale"}},
		Accounts:      []roster.Account{{ID: "pauline.mercier", Organisation: "ml", Role: roster.Adviser, Opened: time.Now().AddDate(-1, 0, 0), Trained: time.Now().AddDate(0, 1, 0)}},
		Habilitations: []roster.Habilitation{{
			Account: "pauline.mercier", Service: "people", Purpose: "accompany",
			From: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour),
		}},
	}); err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	_, ended := serving(ctx, t, p)
	ask := policy.Ask{Act: policy.Show, Account: "pauline.mercier", Service: "people", Purpose: "accompany", Route: "GET /users"}
	for _, dossier := range []string{"1", "2", "3", "4", "5"} {
		ask.People = append(ask.People, policy.Opening{Person: o.Pseudonym.Person(dossier), Fields: register.Name})
	}
	if _, err := p.metrics.settling(p.Gate).Commit(t.Context(), ask); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	p.Private.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	for _, line := range []string{
		`poterne_decisions_total{service="people",verdict="shown"} 1`, `poterne_decisions_total{service="people",verdict="step-up"} 4`,
		`poterne_settle_seconds_count 1`, `poterne_ledger_entries_total 10`, `poterne_audit_findings 0`, `poterne_usage_noticed 0`, `poterne_arrivals_noticed 0`, `poterne_source_silent{source="agenda"} 1`,
	} {
		if !strings.Contains(w.Body.String(), line+"\n") {
			t.Errorf("the metrics do not say %s", line)
		}
	}
	if strings.Contains(w.Body.String(), "pauline") || strings.Contains(w.Body.String(), ask.People[0].Person.Hex()) {
		t.Error("the metrics name somebody")
	}
	leave()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestAnUndeclaredNameIsNotAnswered(t *testing.T) {
	p, _ := assembled(t)
	for host, want := range map[string]int{
		"poterne.example": http.StatusUnauthorized, "POTERNE.example": http.StatusUnauthorized, "courses.example": http.StatusUnauthorized,
		"127.0.0.1:8080": http.StatusMisdirectedRequest, "": http.StatusMisdirectedRequest, "poterne.example:81": http.StatusMisdirectedRequest,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/people/users", nil)
		if host == "courses.example" {
			r.URL.Path = "/trainees"
		}
		r.Host = host
		w := httptest.NewRecorder()
		p.Public.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("as %q it answers %d, want %d", host, w.Code, want)
		}
		if w.Header().Get("Strict-Transport-Security") == "" {
			t.Errorf("as %q it does not insist on TLS", host)
		}
	}
}

// Promise: ENTRY-9
func TestASessionThatTwoBrowsersHeldIsInTheLedger(t *testing.T) {
	p, o := assembled(t)
	ctx, leave := context.WithCancel(t.Context())
	_, ended := serving(ctx, t, p)
	told := p.signIn(o, accounts.Service{}).Told
	told(t.Context(), signin.Ended{Account: "pauline.mercier", Why: signin.Doubled})
	told(t.Context(), signin.Ended{Account: "pauline.mercier", Why: signin.Idle})
	leave()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	var details []string
	for entry, err := range o.Ledger.Entries(t.Context(), 2) { // after the beginning, and what the start declares
		if err != nil || entry.Kind != ledger.Session || entry.Account != "pauline.mercier" {
			t.Errorf("entry %d is %v (%v)", entry.Number, entry.Kind, err)
		}
		details = append(details, string(entry.State))
	}
	if len(details) != 1 || details[0] != "doubled" {
		t.Errorf("the ledger says %q", details)
	}
}

// Promise: LEDGER-3
func TestTheLedgerIsServedToWhoeverAsks(t *testing.T) {
	p, o := assembled(t)
	ctx, leave := context.WithCancel(t.Context())
	_, ended := serving(ctx, t, p)
	if err := p.Journal.Record(t.Context(), ledger.Entry{Kind: ledger.Read, Account: "samir"}); err != nil {
		t.Fatal(err)
	}
	leave()
	if err := <-ended; err != nil { // and everything is signed
		t.Fatal(err)
	}
	signed, err := o.Ledger.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	head, err := ledger.OpenCheckpoint(signed, o.Verifier)
	if err != nil || head.Size != 3 {
		t.Fatal(head.Size, err)
	}
	for _, host := range []string{"poterne.example", "courses.example"} {
		for path, want := range map[string]int{"checkpoint": len(signed), "tile/0/000.p/3": 96, "tile/entries/000.p/3": 102} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/.poterne/ledger/"+path, nil)
			r.Host = host
			w := httptest.NewRecorder()
			p.Public.ServeHTTP(w, r)
			if w.Code != http.StatusOK || w.Body.Len() != want {
				t.Errorf("%s on %s is answered %d, %d bytes", path, host, w.Code, w.Body.Len())
			}
			if strings.Contains(w.Body.String(), "samir") {
				t.Errorf("%s names somebody", path)
			}
		}
	}
}

func TestSealKeysAreRotatedWhileTheProgramRuns(t *testing.T) {
	p, o := assembled(t)
	ctx, leave := context.WithCancel(t.Context())
	_, ended := serving(ctx, t, p)
	before := o.Seals
	rotated := before.Rotated()
	promoted := rotated.Promoted()
	for _, keys := range []seal.Keys{rotated, promoted} {
		if err := os.WriteFile(o.SealFile, []byte(keys.Text()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wait := time.Now().Add(time.Minute)
	for n := 0; ; n++ { // until a row is sealed by the new key, which the old one cannot check
		if _, err := (containment.Service{Writer: p.Journal}).Place(t.Context(), order.Order{Effect: order.Narrowed, Reach: order.Organisation, Target: strconv.Itoa(n), By: "samir"}); err != nil {
			t.Fatal(err)
		}
		other, err := OpenConcealed(t.Context(), o.Settings)
		if err != nil {
			t.Fatal(err)
		}
		old, both := other.DB.Seal(t.Context(), before), other.DB.Seal(t.Context(), promoted)
		if err := other.Close(); err != nil {
			t.Fatal(err)
		}
		if both != nil {
			t.Fatal(both)
		}
		if old != nil {
			break
		}
		if time.Now().After(wait) {
			t.Fatal("the new key seals nothing")
		}
		time.Sleep(100 * time.Millisecond)
	}
	leave()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

// A browser registers a device's key in the name of whoever led it here, which is its provider:
// that is let through, and refused for want of a challenge of ours. Nothing else of another site is.
//
// Promise: ENTRY-9
func TestENTRY_9_ADevicesKeyIsRegisteredOnTheWayFromTheProvider(t *testing.T) {
	p, _ := assembled(t)
	for path, want := range map[string]int{
		signin.RegisterPath: http.StatusBadRequest, signin.RefreshPath: http.StatusForbidden, signin.LeavePath: http.StatusForbidden, signin.RegisterPath + "/": http.StatusForbidden,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, nil)
		r.Host = "poterne.example"
		r.Header.Set("Origin", "https://provider.example")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		w := httptest.NewRecorder()
		p.Public.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}
