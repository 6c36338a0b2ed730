package provision_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"poterne/internal/order"
	"poterne/internal/provision"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// marks are kept in memory.
type marks struct {
	mu  sync.Mutex
	set map[[sha256.Size]byte]bool
}

func (m *marks) Once(_ context.Context, mark [sha256.Size]byte, _ time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	fresh := !m.set[mark]
	m.set[mark] = true
	return fresh, nil
}

func (m *marks) Marked(_ context.Context, mark [sha256.Size]byte) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.set[mark], nil
}

// hearing is a body that a transmitter signals to.
type hearing struct {
	*body
	signals *provision.Signals
}

func hears(t *testing.T) hearing {
	t.Helper()
	b := open(t)
	public := b.key.Public().(ed25519.PublicKey)
	return hearing{b, &provision.Signals{
		Transmitters: []provision.Transmitter{{
			Name: "entra", Issuer: "https://signals.example", Keys: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: public, KeyID: "k"}}}, People: "https://idp.example", Provider: "p",
		}},
		Audience: "https://poterne.example", Writer: b.writer(), Roster: store.NewRoster(b.s),
		EndAll: b.EndAll, Marks: &marks{set: make(map[[sha256.Size]byte]bool)}, Now: func() time.Time { return b.at }, Log: slog.New(slog.DiscardHandler),
	}}
}

const (
	revoked  = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
	changed  = "https://schemas.openid.net/secevent/caep/event-type/credential-change"
	disabled = "https://schemas.openid.net/secevent/risc/event-type/account-disabled"
)

// event is a token's claims about one person.
func (h hearing) event(id, kind, subject string) map[string]any {
	return map[string]any{
		"iss": "https://signals.example", "aud": "https://poterne.example", "jti": id, "iat": h.at.Unix(),
		"sub_id": map[string]any{"format": "iss_sub", "iss": "https://idp.example", "sub": subject}, "events": map[string]any{kind: map[string]any{}},
	}
}

// pushes sends a token, signed by a key, and returns the answer.
func (h hearing) pushes(key ed25519.PrivateKey, kind string, claims map[string]any) *httptest.ResponseRecorder {
	h.t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: key}, (&jose.SignerOptions{}).WithType(jose.ContentType(kind)))
	if err != nil {
		h.t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		h.t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/.poterne/signals/entra", strings.NewReader(text))
	r.Header.Set("Content-Type", "application/secevent+jwt")
	mux, answer := http.NewServeMux(), httptest.NewRecorder()
	mux.Handle(provision.SignalsPattern, h.signals)
	mux.ServeHTTP(answer, r)
	return answer
}

func (h hearing) told(claims map[string]any) int {
	h.t.Helper()
	return h.pushes(h.key, "secevent+jwt", claims).Code
}

// stopped reports whether an order stops an account, as any node reads it.
func (h hearing) stopped(id roster.AccountID) bool {
	set, err := store.NewOrders(h.s).InForce(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	_, stopped := set.Stop(order.Use{Account: id}, h.at)
	return stopped
}

func TestRUN_5_ASignalEndsSessionsAndSuspendsWhoeverWasDisabled(t *testing.T) {
	h := hears(t)
	for i, kind := range []string{revoked, changed} {
		if code := h.told(h.event(kind, kind, "p1")); code != http.StatusAccepted || len(h.ended) != i+1 || h.ended[i] != "pauline" || h.stopped("pauline") {
			t.Errorf("%s: %d, sessions of %v ended", kind, code, h.ended)
		}
	}
	if code := h.told(h.event(revoked, revoked, "p1")); code != http.StatusAccepted || len(h.ended) != 2 {
		t.Errorf("the same again: %d, %d", code, len(h.ended))
	}
	if code := h.told(h.event("3", disabled, "p1")); code != http.StatusAccepted || !h.stopped("pauline") || len(h.ended) != 3 {
		t.Errorf("disabled: %d, %t, %d", code, h.stopped("pauline"), len(h.ended))
	}
	if code := h.told(h.event("4", disabled, "signs-samir")); code != http.StatusAccepted || h.stopped("samir") || len(h.ended) != 4 {
		t.Errorf("somebody of the desk: %d, %t, %d", code, h.stopped("samir"), len(h.ended))
	}
	if code := h.told(h.event("5", disabled, "nobody")); code != http.StatusAccepted || len(h.ended) != 4 {
		t.Errorf("nobody: %d, %d", code, len(h.ended))
	}
	before := h.event("6", revoked, "k1")
	before["events"] = map[string]any{revoked: map[string]any{"subject": before["sub_id"]}}
	delete(before, "sub_id")
	if code := h.told(before); code != http.StatusAccepted || h.ended[4] != "karim" {
		t.Errorf("with the subject in the event: %d, %v", code, h.ended)
	}
	if code := h.told(map[string]any{
		"iss": "https://signals.example", "aud": []string{"https://poterne.example"}, "jti": "7", "iat": h.at.Unix(),
		"sub_id": map[string]any{"format": "opaque", "id": "stream"}, "events": map[string]any{"https://schemas.openid.net/secevent/ssf/event-type/verification": map[string]any{"state": "x"}},
	}); code != http.StatusAccepted {
		t.Errorf("a verification: %d", code)
	}
}

// A process that dies between a signal's effect and its mark is told again; so is one whose
// database did not answer.
func TestRUN_5_ASignalThatWasHalfDoneIsDoneWhenItIsToldAgain(t *testing.T) {
	h := hears(t)
	h.signals.EndAll = func(context.Context, roster.AccountID) error { return errors.New("the database does not answer") }
	if code := h.told(h.event("1", disabled, "p1")); code != http.StatusServiceUnavailable {
		t.Errorf("half done: %d", code)
	}
	h.signals.EndAll = h.EndAll
	if code := h.told(h.event("1", disabled, "p1")); code != http.StatusAccepted || !h.stopped("pauline") || len(h.ended) != 1 {
		t.Errorf("again: %d, %v", code, h.ended)
	}
}

func TestRUN_5_ASignalThatIsNotTheTransmittersDoesNothing(t *testing.T) {
	h := hears(t)
	_, other, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	with := func(name string, value any) map[string]any {
		e := h.event(name, disabled, "p1")
		if value == nil {
			delete(e, name)
		} else {
			e[name] = value
		}
		return e
	}
	for name, test := range map[string]struct {
		key    ed25519.PrivateKey
		kind   string
		claims map[string]any
		want   string
	}{
		"another key":       {other, "secevent+jwt", h.event("1", disabled, "p1"), "invalid_key"},
		"an ID token":       {h.key, "JWT", h.event("1", disabled, "p1"), "invalid_request"},
		"another issuer":    {h.key, "secevent+jwt", with("iss", "https://other.example"), "invalid_issuer"},
		"for somebody else": {h.key, "secevent+jwt", with("aud", "https://other.example"), "invalid_audience"},
		"without a name":    {h.key, "secevent+jwt", with("jti", nil), "invalid_request"},
		"without a time":    {h.key, "secevent+jwt", with("iat", nil), "invalid_request"},
		"old":               {h.key, "secevent+jwt", with("iat", h.at.AddDate(0, 0, -8).Unix()), "invalid_request"},
		"to come":           {h.key, "secevent+jwt", with("iat", h.at.Add(time.Hour).Unix()), "invalid_request"},
		"expired":           {h.key, "secevent+jwt", with("exp", h.at.Add(-time.Second).Unix()), "invalid_request"},
		"of other people":   {h.key, "secevent+jwt", with("sub_id", map[string]any{"format": "iss_sub", "iss": "https://other.example", "sub": "p1"}), "invalid_request"},
		"of nobody":         {h.key, "secevent+jwt", with("sub_id", nil), "invalid_request"},
	} {
		if answer := h.pushes(test.key, test.kind, test.claims); answer.Code != http.StatusBadRequest || !strings.Contains(answer.Body.String(), test.want) {
			t.Errorf("%s: %d %s", name, answer.Code, answer.Body)
		}
	}
	if h.stopped("pauline") || len(h.ended) > 0 {
		t.Errorf("sessions of %v ended", h.ended)
	}
	if code := h.told(h.event("1", disabled, "p1")); code != http.StatusAccepted || !h.stopped("pauline") {
		t.Error("what was refused spoils what comes after it", code)
	}
}

// Whoever has a transmitter's key does not close the house.
func TestRUN_5_ATransmitterSuspendsAFewWithinAnHour(t *testing.T) {
	h := hears(t)
	staff := storetest.Staff()
	staff.Accounts = nil
	staff.Habilitations = nil
	for i := range 25 {
		id := "many-" + string(rune('a'+i))
		staff.Accounts = append(staff.Accounts, roster.Account{ID: roster.AccountID(id), Organisation: "mlv", Role: roster.Adviser, Name: id, Identity: roster.Identity{Issuer: "https://idp.example", Provider: "p", Subject: id}, Opened: h.at})
	}
	if err := storetest.TakeRoster(t, h.s, staff); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	h.signals.EndAll = func(ctx context.Context, of roster.AccountID) error {
		mu.Lock()
		defer mu.Unlock()
		return h.EndAll(ctx, of)
	}
	var all sync.WaitGroup
	for _, a := range staff.Accounts { // all at once
		all.Go(func() {
			if code := h.told(h.event(string(a.ID), disabled, a.Identity.Subject)); code != http.StatusAccepted {
				t.Error(code)
			}
		})
	}
	all.Wait()
	suspended := 0
	for _, a := range staff.Accounts {
		if h.stopped(a.ID) {
			suspended++
		}
	}
	if suspended != 20 || len(h.ended) != 25 {
		t.Errorf("%d are suspended, the sessions of %d ended", suspended, len(h.ended))
	}
}
