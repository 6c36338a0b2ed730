package ssf_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"poterne/internal/accounts"
	"poterne/internal/gate/assert"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/seal"
	"poterne/internal/siem"
	"poterne/internal/ssf"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

const token = "a-token-of-the-receiver"

// house is a real ledger with accounts, whose acts are told.
type house struct {
	t    *testing.T
	db   *store.DB
	node *storetest.Node
	sign *assert.Signer
}

func newHouse(t *testing.T) *house {
	t.Helper()
	db, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "poterne.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.Seal(t.Context(), seal.New()); err != nil { // else no position is kept
		t.Fatal(err)
	}
	staff := storetest.Staff()
	staff.Accounts[0].Mail = "pauline@mission.example"
	for _, list := range []accounts.List{staff, storetest.Signers()} {
		if err := storetest.TakeRoster(t, db, list); err != nil {
			t.Fatal(err)
		}
	}
	h := &house{t: t, db: db}
	if h.node, err = storetest.OpenNode(t.Context(), store.NewLedger(db), store.NewFacts(db), policy.Rules{}, time.Now); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	wait.Go(func() { _ = h.node.Run(ctx) })
	t.Cleanup(func() { stop(); wait.Wait() })
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err == nil {
		h.sign, err = assert.New(key, "https://poterne.example", store.NewRoster(db), nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// suspends suspends an account, and returns the order.
func (h *house) suspends(of, by roster.AccountID, long time.Duration) order.ID {
	h.t.Helper()
	o := order.Order{Effect: order.Suspended, Reach: order.Account, Target: string(of), By: string(by), Because: "doute sur Audrey Lemoine"}
	if long > 0 {
		o.Ends = time.Now().Add(long)
	}
	placed, err := h.node.Place(h.t.Context(), o)
	if err != nil {
		h.t.Fatal(err)
	}
	return placed.ID
}

// lifts lifts an order within minutes of its placing, which whoever placed it does alone.
func (h *house) lifts(id order.ID, by roster.AccountID) {
	h.t.Helper()
	if err := h.node.Lift(h.t.Context(), id, by, "vérifié"); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) records(e ledger.Entry) {
	h.t.Helper()
	if err := journal.Record(h.t.Context(), h.node, e); err != nil {
		h.t.Fatal(err)
	}
}

// entries are all that the ledger has.
func (h *house) entries() (all []ledger.Entry) {
	h.t.Helper()
	end := h.node.Next()
	for e, err := range h.node.Follow(h.t.Context(), 0) {
		if err != nil {
			h.t.Fatal(err)
		}
		if all = append(all, e); e.Number+1 == end {
			break
		}
	}
	return all
}

// heard is a token that a receiver took in.
type heard struct {
	ID, Aud, Iss string
	Sub          map[string]string
	Kind         string
	By           string
}

// receiver is another system.
type receiver struct {
	*httptest.Server
	t     *testing.T
	keys  jose.JSONWebKeySet
	mu    sync.Mutex
	came  int
	all   []heard
	raw   []string
	after func(w http.ResponseWriter, came int) bool // answers instead; what came is kept all the same
}

func (h *house) receives() *receiver {
	r := &receiver{t: h.t}
	served := httptest.NewRecorder()
	h.sign.JWKS().ServeHTTP(served, nil)
	if err := json.Unmarshal(served.Body.Bytes(), &r.keys); err != nil {
		h.t.Fatal(err)
	}
	r.Server = httptest.NewServer(r)
	h.t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	parsed, err := jwt.ParseSigned(string(body), []jose.SignatureAlgorithm{jose.ES256})
	var claims struct {
		Iss    string            `json:"iss"`
		Aud    string            `json:"aud"`
		Jti    string            `json:"jti"`
		Iat    int64             `json:"iat"`
		Sub    *string           `json:"sub"`
		Exp    *int64            `json:"exp"`
		SubID  map[string]string `json:"sub_id"`
		Events map[string]struct {
			At int64  `json:"event_timestamp"`
			By string `json:"initiating_entity"`
		} `json:"events"`
	}
	payload := ""
	if err == nil {
		var raw json.RawMessage
		err = parsed.Claims(r.keys.Keys[0], &claims, &raw)
		payload = string(raw)
	}
	kind, _ := parsed.Headers[0].ExtraHeaders["typ"].(string)
	if err != nil || q.Header.Get("Content-Type") != "application/secevent+jwt" || q.Header.Get("Authorization") != "Bearer "+token || kind != "secevent+jwt" || len(claims.Events) != 1 || claims.Sub != nil || claims.Exp != nil || claims.Iat == 0 {
		r.t.Errorf("%v: %v %s", err, q.Header, payload)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.came++
	for uri, e := range claims.Events {
		r.all = append(r.all, heard{claims.Jti, claims.Aud, claims.Iss, claims.SubID, uri[strings.LastIndex(uri, "/")+1:], e.By})
		if e.At == 0 {
			r.t.Errorf("%s: when?", payload)
		}
	}
	r.raw = append(r.raw, payload)
	if r.after == nil || !r.after(w, r.came) {
		w.WriteHeader(http.StatusAccepted)
	}
}

// said are what came, each as its kind and whom it is about, in order.
func (r *receiver) said() (list []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.all {
		list = append(list, one.Kind+" "+one.Sub["sub"]+one.Sub["email"]+one.Sub["id"])
	}
	return list
}

func (h *house) teller(to *receiver, format ssf.Format, of roster.OrganisationID, counted map[ssf.Outcome]int) *ssf.Teller {
	return ssf.New(ssf.Receiver{Name: "idp", URL: to.URL, Token: token, Audience: "https://idp.example", Format: format, Organisation: of}, ssf.Deps{
		Issuer: "https://poterne.example", Sign: h.sign.SecurityEvent, Roster: store.NewRoster(h.db), Orders: store.NewOrders(h.db),
		Client:  &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		Counted: func(o ssf.Outcome) { counted[o]++ }, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
}

// Promise: RUN-5
func TestRUN_5_OthersAreToldWhatPoterneDoesToAnAccountAndNobodyOfTheRegister(t *testing.T) {
	h := newHouse(t)
	h.lifts(h.suspends("pauline", "samir", 0), "samir") // and is closed below: nobody is enabled
	h.lifts(h.suspends("lucas", "samir", 0), "samir")   // and is suspended below
	h.suspends("karim", "samir", time.Hour)             // ends by itself, of which nothing would tell
	h.records(ledger.Entry{Kind: ledger.Session, Account: "karim", Organisation: "mlv", Session: "s", State: "copied"})
	h.records(ledger.Entry{Kind: ledger.Session, Account: "karim", Organisation: "mlv", Session: "s", State: ledger.Unbound})
	h.records(ledger.Entry{Kind: ledger.Session, Account: "karim", Organisation: "mlv", Session: "s", State: ledger.Keyless})
	h.records(ledger.Entry{Kind: ledger.Heard, Account: "signals/entra", Organisation: "mlv", Subject: "karim", State: ledger.SessionRevoked})
	h.records(ledger.Entry{Kind: ledger.Recovery, Account: journal.Itself, Organisation: "mlv", Subject: "karim", State: ledger.Begun, Identity: roster.Identity{Issuer: "https://idp.example", Provider: "p", Subject: "lost"}})
	h.suspends("lucas", "signals/idp", 0) // by what the receiver itself told
	h.suspends("lucas", "signals/entra", 0)
	if err := h.node.StepUp(t.Context(), "samir", "s", "d", "agency"); err != nil {
		t.Fatal(err)
	}
	if err := (accounts.Service{Writer: h.node}).Close(t.Context(), "pauline", "samir", "partie"); err != nil {
		t.Fatal(err)
	}
	all := h.entries()
	all = append(all, // what the ledger says of people is not even looked at
		ledger.Entry{Number: 9001, Kind: ledger.Consulted, Account: "karim", Person: register.PersonID{1}, Verdict: policy.Shown, Note: "Audrey"},
		ledger.Entry{Number: 9002, Kind: ledger.Placed, Account: "samir", Reach: order.Organisation, Effect: order.Suspended, Target: "mlv"},
		ledger.Entry{Number: 9003, Kind: ledger.Placed, Account: "samir", Reach: order.Account, Effect: order.Frozen, Target: "karim"},
		ledger.Entry{Number: 9004, Kind: ledger.Ended, Account: "samir", Subject: "nobody"})
	const d, s, e = "account-disabled ", "session-revoked ", "account-enabled "
	for format, want := range map[ssf.Format][]string{
		ssf.IssSub: {d + "p1", s + "p1", d + "l1", s + "l1", s + "k1", s + "k1", "credential-change lost", s + "lost", d + "l1", s + "l1", d + "p1", s + "p1"},
		ssf.Opaque: {d + "pauline", s + "pauline", d + "lucas", s + "lucas", s + "karim", s + "karim", "credential-change karim", s + "karim", d + "lucas", s + "lucas", d + "pauline", s + "pauline"},
		ssf.Email:  {d + "pauline@mission.example", s + "pauline@mission.example", d + "pauline@mission.example", s + "pauline@mission.example"},
	} {
		to, counted := h.receives(), make(map[ssf.Outcome]int)
		if err := h.teller(to, format, "", counted).Send(t.Context(), all); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(to.said(), want) || counted[ssf.Told] != len(want) || (counted[ssf.Unnamed] > 0) != (format == ssf.Email) {
			t.Errorf("%s: %q, %v", format, to.said(), counted)
		}
		seen := make(map[string]bool)
		for i, one := range to.all {
			if seen[one.ID] || one.Aud != "https://idp.example" || one.Iss != "https://poterne.example" || one.Sub["format"] != string(format) {
				t.Errorf("%+v", one)
			}
			seen[one.ID] = true
			for _, never := range []string{"Audrey", "doute", "partie", "vérifié", "Mercier", "samir", "nadia"} {
				if strings.Contains(to.raw[i], never) {
					t.Errorf("%s is told: %s", never, to.raw[i])
				}
			}
		}
	}
	only := h.receives()
	if err := h.teller(only, ssf.Opaque, "ofh", make(map[ssf.Outcome]int)).Send(t.Context(), all); err != nil || !slices.Equal(only.said(), []string{d + "lucas", s + "lucas", d + "lucas", s + "lucas"}) {
		t.Errorf("of one organisation: %q, %v", only.said(), err)
	}
}

// Whoever is opened again is enabled where it was disabled.
func TestRUN_5_OthersAreToldWhenAnAccountIsOpenedAgain(t *testing.T) {
	h := newHouse(t)
	h.lifts(h.suspends("pauline", "samir", 0), "samir")
	to := h.receives()
	if err := h.teller(to, ssf.IssSub, "", make(map[ssf.Outcome]int)).Send(t.Context(), h.entries()); err != nil || !slices.Equal(to.said(), []string{"account-disabled p1", "session-revoked p1", "account-enabled p1"}) {
		t.Errorf("%q, %v", to.said(), err)
	}
}

// A receiver that is down, points elsewhere, is something else, or does not know Poterne yet is
// told again, and nobody else is; one that refuses a token for its own sake is not.
func TestRUN_5_AReceiverThatTakesNothingIsToldAgain(t *testing.T) {
	h := newHouse(t)
	h.suspends("pauline", "samir", 0)
	entries := h.entries()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it goes where it is sent") }))
	t.Cleanup(elsewhere.Close)
	to, counted := h.receives(), make(map[ssf.Outcome]int)
	says := func(status int, text string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
		}
	}
	odd := []func(http.ResponseWriter){
		says(http.StatusTemporaryRedirect, ""), says(http.StatusSeeOther, ""), says(http.StatusServiceUnavailable, ""), says(http.StatusOK, "<html>"), says(http.StatusUnauthorized, ""),
		says(http.StatusBadRequest, "no"), says(http.StatusBadRequest, `{"err":"invalid_key"}`), says(http.StatusBadRequest, `{"err":"invalid_audience"}`),
		func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, // it has it, and nobody heard
	}
	to.after = func(w http.ResponseWriter, came int) bool {
		if came <= len(odd) {
			odd[came-1](w)
		}
		return came <= len(odd)
	}
	teller := h.teller(to, ssf.IssSub, "", counted)
	for i := range odd {
		if err := teller.Send(t.Context(), entries); err == nil {
			t.Errorf("%d is taken for an acceptance", i)
		}
	}
	if err := teller.Send(t.Context(), entries); err != nil || to.came != len(odd)+2 || counted[ssf.Failed] != len(odd) || counted[ssf.Told] != 2 {
		t.Errorf("%v after %d, %v", err, to.came, counted)
	}

	to.came, to.after = 0, func(w http.ResponseWriter, came int) bool {
		switch came {
		case 1:
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"err":"invalid_request"}`)
		case 2:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return came <= 2
	}
	if err := teller.Send(t.Context(), entries); err == nil {
		t.Error("the second token was lost")
	}
	if err := teller.Send(t.Context(), entries); err != nil || to.came != 3 || counted[ssf.Refused] != 1 {
		t.Errorf("%v after %d, %v: what was refused, or taken, is sent again", err, to.came, counted)
	}
}

// The program stops in the middle of telling, over and over; it goes on from the last entry
// that was taken.
func TestRUN_5_AfterARestartOthersAreToldFromTheLastThatWasTaken(t *testing.T) {
	h := newHouse(t)
	h.suspends("pauline", "samir", 0)
	first := h.entries()
	kept := store.NewKept(h.db, "ssf idp")
	runs := func(to *receiver, until func() bool) {
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
		defer stop()
		sender := siem.New(h.teller(to, ssf.Opaque, "", make(map[ssf.Outcome]int)), siem.Deps{
			Name: "ssf idp", Journal: h.node, Ledger: store.NewLedger(h.db), Kept: kept, Now: time.Now, Log: slog.New(slog.DiscardHandler),
			Once: func(context.Context, [sha256.Size]byte, time.Time) (bool, error) { return true, nil },
		})
		var wait sync.WaitGroup
		wait.Go(func() { _ = sender.Run(ctx) })
		for !until() && ctx.Err() == nil {
			time.Sleep(5 * time.Millisecond)
		}
		if ctx.Err() != nil {
			t.Error("it did not come about")
		}
		stop()
		wait.Wait()
	}
	position := func() ledger.Number { at, _ := kept.UpTo(t.Context(), "position"); return at }

	down := h.receives()
	down.after = func(w http.ResponseWriter, came int) bool {
		if came > 1 { // one of the two is taken
			w.WriteHeader(http.StatusBadGateway)
		}
		return came > 1
	}
	runs(down, func() bool { return len(down.said()) > 1 })
	if position() != 0 {
		t.Errorf("at %d although not all was taken", position())
	}
	up := h.receives()
	runs(up, func() bool { return position() == ledger.Number(len(first)) })
	if !slices.Equal(up.said(), []string{"account-disabled pauline", "session-revoked pauline"}) || up.all[0].ID != down.all[0].ID {
		t.Errorf("after the restart: %q", up.said())
	}
	h.suspends("karim", "samir", 0) // while nothing runs
	later := h.receives()
	runs(later, func() bool { return len(later.said()) == 2 && position() == h.node.Next() })
	if !slices.Equal(later.said(), []string{"account-disabled karim", "session-revoked karim"}) {
		t.Errorf("after another: %q", later.said())
	}
}
