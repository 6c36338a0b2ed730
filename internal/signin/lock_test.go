package signin_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/signin"
)

// isLocked holds that a browser's session shows nobody and waits for a passkey.
func (b *browser) isLocked() {
	b.h.t.Helper()
	if _, err := b.asks(); !fault.Is(err, fault.Anonymous) || !errors.Is(err, signin.ErrLocked) {
		b.h.t.Fatalf("error = %v, want a session that waits for a passkey", err)
	}
}

// unlocking is what the page asks that lets a locked session go on.
func (h *keyHouse) unlocking(b *browser) *signin.Asked {
	h.t.Helper()
	h.asked = nil
	if answer := b.does("GET", signin.UnlockPath+"?return=%2Fpeople"); h.asked == nil || h.asked.For != signin.ToGoOn || h.asked.Return != "/people" {
		h.t.Fatalf("%s: asked %+v, shown %v", answer.Status, h.asked, h.shown)
	}
	return h.asked
}

// A session of ten idle minutes shows nobody, in any tab and however often it asks, until its
// account's passkey is touched once; then it goes on.
func TestENTRY_9_AnIdleSessionGoesOnWithOneTouchOfItsPasskey(t *testing.T) {
	h := newKeyHouse(t)
	b, a := h.browser().signIn(), newAuthenticator(virtualwebauthn.KeyTypeEC2)
	h.enrols(b, a)
	who := b.isSignedIn()
	h.pass(10*time.Minute - time.Microsecond)
	b.isSignedIn()
	for range 20 {
		h.pass(10 * time.Minute)
		b.isLocked()
		b.isLocked() // another tab, or the same again
		if err := h.door.Still(t.Context(), who); !errors.Is(err, signin.ErrLocked) {
			t.Fatalf("an answer that lasts: %v", err)
		}
		if open, err := h.door.Sessions(t.Context(), "ninon"); err != nil || len(open) != 0 {
			t.Fatalf("%d sessions show somebody (%v)", len(open), err)
		}
	}
	other := b.copied() // the other tab asks before the first is answered
	asked := h.unlocking(b)
	second := h.unlocking(other)
	if answer := b.posts(signin.UnlockPath, a.answers(t, asked)); answer.Header.Get("Location") != "/people" {
		t.Fatalf("a touch: %s, shown %v", answer.Status, h.shown)
	}
	if now := b.isSignedIn(); now.ID != who.ID || !now.Seen.Equal(h.clock()) {
		t.Errorf("it goes on as %+v, and was %+v", now, who)
	}
	if answer := other.does("GET", signin.UnlockPath+"?return=%2Fpeople"); answer.Header.Get("Location") != "/people" {
		t.Errorf("the other tab is asked again: %s", answer.Status)
	}
	if answer := b.posts(signin.UnlockPath, a.answers(t, second)); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("a second touch, of the other tab: %s", answer.Status)
	}
	if entries := h.entries(ledger.SteppedUp); len(entries) != 2 || entries[0].Account != "ninon" || entries[0].Digest == (ledger.Digest{}) {
		t.Errorf("the ledger has %+v", entries)
	}
	for range 32 { // up to its ten hours, and no longer
		h.pass(10 * time.Minute)
		b.isLocked()
		b.posts(signin.UnlockPath, a.answers(t, h.unlocking(b)))
		b.isSignedIn()
	}
	h.pass(time.Hour + 30*time.Minute)
	b.isOut(signin.Aged)
}

// What is not that touch, of that passkey, now, in that session, unlocks nothing.
func TestENTRY_9_NothingElseUnlocksASession(t *testing.T) {
	for name, try := range map[string]func(h *keyHouse, b *browser, a *authenticator) *http.Response{
		"nothing": func(_ *keyHouse, b *browser, _ *authenticator) *http.Response { return b.posts(signin.UnlockPath, nil) },
		"no answer": func(h *keyHouse, b *browser, _ *authenticator) *http.Response {
			return b.posts(signin.UnlockPath, url.Values{"passkey-challenge": {h.unlocking(b).Challenge}})
		},
		"one too old": func(h *keyHouse, b *browser, a *authenticator) *http.Response {
			form := a.answers(h.t, h.unlocking(b))
			h.pass(2 * time.Minute)
			return b.posts(signin.UnlockPath, form)
		},
		"one that was used": func(h *keyHouse, b *browser, a *authenticator) *http.Response {
			form := a.answers(h.t, h.unlocking(b))
			b.posts(signin.UnlockPath, form)
			h.pass(10 * time.Minute)
			return b.posts(signin.UnlockPath, form)
		},
		"another's passkey": func(h *keyHouse, b *browser, _ *authenticator) *http.Response {
			h.forger.sub = "subject-2"
			stranger := newAuthenticator(virtualwebauthn.KeyTypeEC2)
			h.enrols(h.browser().signIn(), stranger)
			return b.posts(signin.UnlockPath, stranger.answers(h.t, h.unlocking(b)))
		},
		"an answer to another session of the same account": func(h *keyHouse, b *browser, a *authenticator) *http.Response {
			elsewhere := h.browser().signIn()
			h.pass(10 * time.Minute)
			return b.posts(signin.UnlockPath, a.answers(h.t, h.unlocking(elsewhere)))
		},
		"an answer to an act": func(h *keyHouse, b *browser, a *authenticator) *http.Response {
			awake := h.browser().signIn()
			return b.posts(signin.UnlockPath, a.answers(h.t, h.confirms(awake, "/manager/raise", raise)))
		},
		"asking to go on, again and again": func(h *keyHouse, b *browser, _ *authenticator) *http.Response {
			for range 20 {
				h.pass(time.Minute)
				h.unlocking(b)
				b.isLocked()
			}
			return b.posts(signin.UnlockPath, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newKeyHouse(t)
			b, a := h.browser().signIn(), newAuthenticator(virtualwebauthn.KeyTypeEC2)
			h.enrols(b, a)
			h.pass(10 * time.Minute)
			b.isLocked()
			if answer := try(h, b, a); answer.StatusCode == http.StatusSeeOther {
				t.Errorf("it is answered %s %s", answer.Status, answer.Header.Get("Location"))
			}
			b.isLocked()
			if answer := b.does("POST", signin.LeavePath); strings.Contains(answer.Header.Get("Location"), "id_token_hint=e") {
				t.Error("whose session it was is said to whoever has its cookie")
			}
		})
	}
}

// Without a passkey, or once it is gone, or where none answers, an idle session ends.
func TestENTRY_9_AnIdleSessionThatNoPasskeyUnlocksEnds(t *testing.T) {
	h := newKeyHouse(t)
	b, a := h.browser().signIn(), newAuthenticator(virtualwebauthn.KeyTypeEC2)
	h.enrols(b, a)
	kairos := h.browser()
	kairos.origin = "https://kairos.example"
	kairos.signIn()
	h.pass(10 * time.Minute)
	b.isLocked()
	kairos.isOut(signin.Idle)
	if err := h.life.Remove(t.Context(), "ninon", a.key.ID, true, ledger.Entry{}); err != nil {
		t.Fatal(err)
	}
	b.isOut(signin.Idle)
}
