package signin_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"poterne/internal/fault"
	"poterne/internal/signin"
)

// binding is a house whose sessions are bound to a key of their browser.
func binding(t *testing.T) *house {
	h := newHouse(t)
	s := h.settings()
	s.Bind = true
	h.build(s)
	return h
}

// challenged is what the door asks a browser to sign; nothing when it asks nothing.
func (b *browser) challenged() string {
	b.h.t.Helper()
	var said signin.Challenged
	answer := b.does("GET", signin.ChallengePath)
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil || answer.StatusCode != http.StatusOK {
		b.h.t.Fatalf("asked for a challenge: %d, %v", answer.StatusCode, err)
	}
	return said.Challenge
}

// sendsProof signs a challenge with a key, and reports whether the session is proven.
func (b *browser) sendsProof(key *ecdsa.PrivateKey, challenge string) bool {
	b.h.t.Helper()
	return b.postsProof(url.Values{"challenge": {challenge}, "key": {point(b.h.t, key)}, "signature": {signs(b.h.t, key, signin.ProofText(b.origin, challenge))}})
}

func (b *browser) postsProof(form url.Values) bool {
	b.h.t.Helper()
	r := b.request("POST", signin.ProofPath)
	posted := httptest.NewRequest("POST", b.origin+signin.ProofPath, strings.NewReader(form.Encode()))
	posted.Header = r.Header
	posted.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	mux, w := http.NewServeMux(), httptest.NewRecorder()
	b.h.door.Mount(mux)
	mux.ServeHTTP(w, posted)
	var said map[string]bool
	if err := json.NewDecoder(b.receive(w).Body).Decode(&said); err != nil {
		b.h.t.Fatal(err)
	}
	return said["proven"]
}

func (b *browser) proves(key *ecdsa.PrivateKey) bool {
	b.h.t.Helper()
	return b.sendsProof(key, b.challenged())
}

func point(t *testing.T, key *ecdsa.PrivateKey) string {
	raw, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

func signs(t *testing.T, key *ecdsa.PrivateKey, text string) string {
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, 64)
	r.FillBytes(raw[:32])
	s.FillBytes(raw[32:])
	return base64.RawURLEncoding.EncodeToString(raw)
}

// isAsked wants the session to show nobody before its browser proves that it is its own.
func (b *browser) isAsked() {
	b.h.t.Helper()
	if _, err := b.asks(); !fault.Is(err, fault.Anonymous) || !errors.Is(err, signin.ErrUnproven) {
		b.h.t.Fatalf("error = %v, want one that asks for a proof", err)
	}
}

func TestENTRY_9_ACookieThatWasCopiedShowsNobodyOnceTheProofIsTwoMinutesOld(t *testing.T) {
	h := binding(t)
	b := h.browser().signIn()
	key := ecdsaKey(t, elliptic.P256())
	if !b.proves(key) {
		t.Fatal("the session is not bound")
	}
	thief := b.copied()
	h.pass(2*time.Minute - time.Millisecond)
	thief.isSignedIn() // what the last proof still covers
	h.pass(time.Millisecond)
	thief.isAsked()
	b.isAsked()
	if !b.proves(key) {
		t.Fatal("its own browser proves nothing any more")
	}
	b.isSignedIn()

	t.Log("Without the key, whoever tries ends the session for both, and its holder is told.")
	if thief.proves(ecdsaKey(t, elliptic.P256())) {
		t.Error("another key proves it")
	}
	b.isOut(signin.Copied)
	thief.isOut(signin.Copied)
	if len(h.told) != 1 || h.told[0].Why != signin.Copied || h.told[0].Account != "ninon" {
		t.Errorf("told %+v", h.told)
	}
}

func TestENTRY_9_AProofIsOfThisSessionThisOriginAndThisMoment(t *testing.T) {
	for name, test := range map[string]struct {
		proof func(h *house, b *browser, key *ecdsa.PrivateKey) bool
		ends  bool // it is a sign of a thief
	}{
		"a proof that was listened to": {func(h *house, b *browser, key *ecdsa.PrivateKey) bool {
			challenge := b.challenged()
			form := url.Values{"challenge": {challenge}, "signature": {signs(h.t, key, signin.ProofText(b.origin, challenge))}}
			h.pass(time.Millisecond)
			if !b.postsProof(form) {
				h.t.Fatal("the first time it counts")
			}
			h.pass(2*time.Minute - 2*time.Millisecond)
			b.postsProof(form)
			h.pass(time.Millisecond)
			return b.postsProof(form)
		}, false},
		"a challenge that is two minutes old": {func(h *house, b *browser, key *ecdsa.PrivateKey) bool {
			challenge := b.challenged()
			h.pass(2 * time.Minute)
			return b.sendsProof(key, challenge)
		}, false},
		"another session's challenge": {func(h *house, b *browser, key *ecdsa.PrivateKey) bool {
			return b.sendsProof(key, h.browser().signIn().challenged())
		}, false},
		"a challenge of nobody": {func(_ *house, b *browser, key *ecdsa.PrivateKey) bool { return b.sendsProof(key, "AAAA") }, false},
		"signed for another origin": {func(h *house, b *browser, key *ecdsa.PrivateKey) bool {
			challenge := b.challenged()
			return b.postsProof(url.Values{"challenge": {challenge}, "signature": {signs(h.t, key, signin.ProofText("https://else.example", challenge))}})
		}, true},
		"another key, sent along": {func(h *house, b *browser, _ *ecdsa.PrivateKey) bool { return b.proves(ecdsaKey(h.t, elliptic.P256())) }, true},
		"r and s of nothing": {func(_ *house, b *browser, _ *ecdsa.PrivateKey) bool {
			return b.postsProof(url.Values{"challenge": {b.challenged()}, "signature": {base64.RawURLEncoding.EncodeToString(new(big.Int).Lsh(big.NewInt(1), 511).Bytes())}})
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			h := binding(t)
			b, key := h.browser().signIn(), ecdsaKey(t, elliptic.P256())
			if !b.proves(key) {
				t.Fatal("the session is not bound")
			}
			h.pass(2 * time.Minute)
			if test.proof(h, b, key) {
				t.Error("it counts as a proof")
			}
			if ended := len(h.told) > 0; ended != test.ends {
				t.Errorf("the session ended: %t (%+v)", ended, h.told)
			}
			if !test.ends {
				if b.proves(key); b.isSignedIn().Account != "ninon" {
					t.Error("its own browser is locked out")
				}
			}
		})
	}
}

func TestENTRY_9_ASessionIsBoundSoonAfterItsBeginningOrNeverAndThatIsSaid(t *testing.T) {
	h := newHouse(t)
	s := h.settings()
	var unbound []signin.Session
	s.Bind, s.NotBound = true, func(_ context.Context, session signin.Session) { unbound = append(unbound, session) }
	h.build(s)
	b, bound := h.browser().signIn(), h.browser().signIn()
	key := ecdsaKey(t, elliptic.P256())
	bound.proves(key)
	h.pass(5*time.Minute - time.Millisecond)
	b.isSignedIn()
	bound.proves(key)
	if len(unbound) > 0 {
		t.Fatalf("said too early: %+v", unbound)
	}
	h.pass(time.Millisecond)
	for range 3 {
		b.isSignedIn()
	}
	if b.challenged() != "" || b.proves(key) {
		t.Error("a thief who comes later binds it to a key of their own")
	}
	b.isSignedIn()
	bound.isSignedIn()
	if len(unbound) != 1 || unbound[0].Account != "ninon" {
		t.Errorf("said of %+v", unbound)
	}
}

func TestENTRY_9_HonestUseOfABoundSessionIsNeverEnded(t *testing.T) {
	h := binding(t)
	for n := range 200 {
		at := []string{origin, "https://kairos.example"}[n%2]
		b, key := h.browser(), ecdsaKey(t, elliptic.P256())
		b.origin = at
		b.signIn()
		one, two := b.challenged(), b.challenged() // two tabs at once
		if !b.sendsProof(key, one) || !b.sendsProof(key, two) {
			t.Fatalf("session %d: two tabs bind it to one key", n)
		}
		for i := range 6 {
			switch (n + i) % 4 {
			case 0: // it is read
				h.pass(30 * time.Second)
			case 1: // a laptop sleeps, for less than idleness
				h.pass(9 * time.Minute)
			case 2: // a proof is lost on its way, with its answer
				h.pass(50 * time.Second)
				b.challenged()
			case 3: // a proof is late
				challenge := b.challenged()
				h.pass(3 * time.Minute)
				b.sendsProof(key, challenge)
			}
			if _, err := b.asks(); errors.Is(err, signin.ErrUnproven) {
				if !b.proves(key) {
					t.Fatalf("session %d, step %d: its own browser's proof does not count", n, i)
				}
			}
			b.isSignedIn()
		}
	}
	if len(h.told) > 0 {
		t.Errorf("%d sessions ended: %+v", len(h.told), h.told[0])
	}
}

func TestENTRY_9_ProofsKeepNoIdleSessionOpen(t *testing.T) {
	h := binding(t)
	b, key := h.browser().signIn(), ecdsaKey(t, elliptic.P256())
	for range 12 {
		b.proves(key)
		h.pass(50 * time.Second)
	}
	b.isOut(signin.Idle)
}

func TestENTRY_9_AServiceOnAHostOfItsOwnIsReachedByWayOfTheProof(t *testing.T) {
	h := binding(t)
	b := h.browser()
	b.origin = "https://kairos.example"
	b.header.Set("Sec-Fetch-Dest", "document")
	answer := b.does("GET", b.begin("/notes?page=2"))
	want := signin.ProofPath + "?return=" + url.QueryEscape("/notes?page=2")
	if got := answer.Header.Get("Location"); got != want {
		t.Fatalf("after signing in it goes to %s, want %s", got, want)
	}
	b.does("GET", want)
	if got := h.shown[len(h.shown)-1]; got != "prove: false, on the way to /notes?page=2" {
		t.Errorf("shown: %s", got)
	}
	key := ecdsaKey(t, elliptic.P256())
	b.proves(key)
	if got := b.does("GET", want).Header.Get("Location"); got != "/notes?page=2" {
		t.Errorf("once bound it goes to %s", got)
	}
	h.pass(2 * time.Minute)
	b.does("GET", want)
	if got := h.shown[len(h.shown)-1]; got != "prove: true, on the way to /notes?page=2" {
		t.Errorf("shown: %s", got)
	}

	t.Log("Another site has no address opened by way of it.")
	b.header.Set("Sec-Fetch-Site", "cross-site")
	delete(b.jar, signin.ArrivalCookie)
	b.does("GET", want)
	if got := h.shown[len(h.shown)-1]; got != "prove: true, on the way to /" {
		t.Errorf("shown: %s", got)
	}
}
