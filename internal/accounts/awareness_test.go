package accounts_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"poterne/internal/accounts"
	"poterne/internal/ledger"
	"poterne/internal/policy"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

const halfYear = 180 * 24 * time.Hour

var awareness = accounts.Awareness{Modules: map[roster.Role]string{roster.Adviser: accounts.OwnModule, roster.Training: "securite"}, Valid: halfYear}

// aware is a node that asks for certificates.
func (p *post) aware() *accounts.Notices {
	n := p.node()
	n.Awareness, n.Module = awareness, "https://poterne.example/awareness"
	return n
}

// opens is what the rules say when pauline opens a file, as the gate reads her account.
func (p *post) opens() policy.Why {
	p.t.Helper()
	a, err := store.NewFacts(p.s).Asker(p.t.Context(), "pauline")
	if err != nil {
		p.t.Fatal(err)
	}
	ask := policy.Ask{Act: policy.Show, Account: "pauline", Organisation: "mlv", Role: roster.Adviser, Service: "dossier", Purpose: "accompany"}
	rules := policy.Rules{Trains: map[roster.Role]bool{roster.Adviser: true}}
	return rules.Decide(ask, policy.Facts{Habilitations: a.Habilitations, Review: a.Review, Trained: a.Trained, Meter: newDraft()}, p.at).Whole.Why
}

// Promise: RIGHTS-6 (awareness)
func TestRIGHTS_6_AccessClosesSixMonthsAfterACertificateAndOpensWithTheNext(t *testing.T) {
	p := posted(t)
	service := p.aware().Service
	if why := p.opens(); why != policy.NotTrained {
		t.Errorf("who never passed reads: %v", why)
	}
	passed := p.at
	if err := service.Pass(t.Context(), "pauline", passed); err != nil {
		t.Fatal(err)
	}
	if why := p.opens(); why != policy.Granted {
		t.Errorf("who has just passed: %v", why)
	}
	for p.at = passed.Add(halfYear).AddDate(0, 0, -33); p.at.Before(passed.Add(halfYear)); p.at = p.at.AddDate(0, 0, 1) {
		p.upkeep(p.aware())
		p.upkeep(p.aware())
	}
	for words, want := range map[string]int{"certificate of awareness ends in 30 days": 1, "certificate of awareness ends in 7 days": 1, "certificate of awareness ends in a day": 1, "/awareness": 3} {
		if n := p.letters("pauline@staff.example", words); n != want {
			t.Errorf("%d letters say %q", n, words)
		}
	}
	p.at = passed.Add(halfYear).Add(-time.Microsecond)
	if why := p.opens(); why != policy.Granted {
		t.Errorf("before six months have passed: %v", why)
	}
	p.at = passed.Add(halfYear)
	if why := p.opens(); why != policy.NotTrained {
		t.Errorf("after six months: %v", why)
	}
	if err := service.Pass(t.Context(), "pauline", p.at); err != nil || p.opens() != policy.Granted {
		t.Errorf("the next certificate: %v, %v", err, p.opens())
	}
	made := p.entries(ledger.Certified)
	if len(made) != 2 || made[1].Account != "pauline" || made[1].State != ledger.ByModule || made[1].Count != 1 || made[1].Digest.IsZero() {
		t.Errorf("it is written as %+v", made)
	}
	if err := service.Pass(t.Context(), "lucas", p.at); err == nil || service.Pass(t.Context(), chief, p.at) == nil {
		t.Error("the portal's module certifies a role that has another, or none")
	}
}

// Promise: RIGHTS-6 (awareness): what a file says is held against the roster.
func TestRIGHTS_6_CertificatesComeByFileAndTheWrongOnesAreNamed(t *testing.T) {
	p := posted(t)
	service := p.aware().Service
	day := p.at.Format(time.DateOnly)
	file := "account,module,passed\n" +
		"pauline," + "poterne," + day + "\n" +
		"Karim@Staff.example,poterne," + day + "\n" + // by mail
		"pauline,securite," + day + "\n" + // not hers
		"ghost,poterne," + day + "\n" +
		"lucas,securite," + p.at.AddDate(0, 0, 2).Format(time.DateOnly) + "\n" + // to come
		"lucas,securite," + p.at.AddDate(-1, 0, 0).Format(time.DateOnly) + "\n" + // too old
		"lucas,securite,yesterday\n"
	taken, refused, err := service.CertifyCSV(t.Context(), strings.NewReader(file), "operator")
	if err != nil || taken != 2 || len(refused) != 5 {
		t.Fatalf("%d taken, %v, %v", taken, refused, err)
	}
	for _, r := range refused {
		if r.Line < 4 {
			t.Errorf("line %d is refused: %s", r.Line, r.Why)
		}
	}
	midnight, _ := time.Parse(time.DateOnly, day)
	if until := p.account("karim").Trained; !until.Equal(midnight.Add(halfYear)) || p.opens() != policy.Granted {
		t.Errorf("a certificate lasts until %s, and she may: %v", until, p.opens())
	}
	older := "account,module,passed\npauline,poterne," + p.at.AddDate(0, -2, 0).Format(time.DateOnly) + "\n"
	if _, refused, err := service.CertifyCSV(t.Context(), strings.NewReader(older), "operator"); err != nil || len(refused) > 0 || !p.account("pauline").Trained.Equal(midnight.Add(halfYear)) {
		t.Errorf("an older certificate: %v, %v, until %s", refused, err, p.account("pauline").Trained)
	}
	spreadsheet := "\ufeffaccount;module;passed\r\n" +
		"lucas;securite;" + day + "\r\n" +
		"karim;poterne;" + day + ";again\r\n" +
		"ka\"rim;poterne;" + day + "\r\n" +
		"pauline;poterne;" + day + "\r\n"
	taken, refused, err = service.CertifyCSV(t.Context(), strings.NewReader(spreadsheet), "operator")
	if err != nil || taken != 2 || len(refused) != 2 || refused[0].Line != 3 || refused[1].Line != 4 {
		t.Errorf("as a spreadsheet saves it, with two broken lines: %d taken, %v, %v", taken, refused, err)
	}
	if _, _, err := service.CertifyCSV(t.Context(), strings.NewReader("who,what\n"), "operator"); err == nil {
		t.Error("another table is taken in")
	}
}

// Promise: RIGHTS-6 (awareness): a learning platform's word is signed, and is for us.
func TestRIGHTS_6_ALearningPlatformSignsItsCertificates(t *testing.T) {
	p := posted(t)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, other, _ := ed25519.GenerateKey(rand.Reader)
	platform := &accounts.Platform{Service: p.aware().Service, Key: jose.JSONWebKey{Key: public}, Audience: "https://poterne.example", Log: slog.New(slog.DiscardHandler)}
	say := func(key any, alg jose.SignatureAlgorithm, claims map[string]any) int {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, nil)
		if err != nil {
			t.Fatal(err)
		}
		payload, _ := json.Marshal(claims)
		signed, err := signer.Sign(payload)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := signed.CompactSerialize()
		w := httptest.NewRecorder()
		platform.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/.poterne/awareness", strings.NewReader(text)))
		return w.Code
	}
	claims := func(account, aud string) map[string]any {
		return map[string]any{"aud": aud, "account": account, "module": accounts.OwnModule, "passed": storetest.At}
	}
	if code := say(other, jose.EdDSA, claims("pauline", "https://poterne.example")); code != http.StatusUnauthorized {
		t.Errorf("another key: %d", code)
	}
	if code := say([]byte(public), jose.HS256, claims("pauline", "https://poterne.example")); code != http.StatusUnauthorized {
		t.Errorf("HMAC with the public key: %d", code)
	}
	if code := say(private, jose.EdDSA, claims("pauline", "https://other.example")); code != http.StatusBadRequest {
		t.Errorf("for another audience: %d", code)
	}
	if code := say(private, jose.EdDSA, claims("ghost", "https://poterne.example")); code != http.StatusUnprocessableEntity {
		t.Errorf("nobody's: %d", code)
	}
	if p.opens() != policy.NotTrained || len(p.entries(ledger.Certified)) != 1 {
		t.Error("what is refused opens something, or is not in the ledger")
	}
	if code := say(private, jose.EdDSA, claims("pauline", "https://poterne.example")); code != http.StatusNoContent || p.opens() != policy.Granted {
		t.Errorf("the platform's own: %d, %v", code, p.opens())
	}
	if code := say(private, jose.EdDSA, claims("pauline", "https://poterne.example")); code != http.StatusNoContent || len(p.entries(ledger.Certified)) != 2 {
		t.Errorf("the same again: %d", code)
	}
}
