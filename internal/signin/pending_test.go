package signin_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"poterne/internal/signin"
)

// pending returns the cookies of what is under way in a browser, by kind.
func (b *browser) pending(kind string) map[string]string {
	kept := maps.Clone(b.jar)
	maps.DeleteFunc(kept, func(name, _ string) bool { return !strings.HasPrefix(name, kind) })
	return kept
}

// A copy of the cookie and of the way back serves no other browser, on no node: one of
// those who come back gets in, though the provider here gives tokens for a code as
// often as it is shown.
func TestENTRY_1_AStateServesOnceOnAllNodesThoughEverythingIsCopied(t *testing.T) {
	h := newHouse(t)
	b := h.browser()
	back := b.begin("/")
	copied := b.copied()
	b.does("GET", back)
	b.isSignedIn()
	h.build(h.settings()) // another node, on the same sessions
	copied.does("GET", back)
	copied.isOut("")
	if !slices.Equal(h.shown, []string{"failed: stale"}) || len(h.sessions.Rows()) != 1 || h.sessions.Marks() != 1 {
		t.Errorf("shown %v with %d sessions and %d marks", h.shown, len(h.sessions.Rows()), h.sessions.Marks())
	}
}

// Any node takes up what another began: they share the secret and nothing else.
func TestENTRY_1_ASignInBegunOnOneNodeEndsOnAnother(t *testing.T) {
	h := newHouse(t)
	b := h.browser()
	back := b.begin("/dossier/7")
	h.build(h.settings())
	if got := b.does("GET", back).Header.Get("Location"); got != "/dossier/7" {
		t.Errorf("went to %q, shown %v", got, h.shown)
	}
	b.isSignedIn()
}

// What strangers begin, and the answers that they make up, leave nothing stored.
func TestENTRY_1_WhatStrangersBeginLeavesNothing(t *testing.T) {
	h := newHouse(t)
	h.forger.answer = func(v url.Values) { v.Set("code", "made up") }
	for range 50 {
		b := h.browser()
		b.does("GET", b.begin("/"))
	}
	if n := h.sessions.Marks(); n != 0 || len(h.sessions.Rows()) != 0 {
		t.Errorf("%d marks and %d sessions are kept", n, len(h.sessions.Rows()))
	}
}

func TestENTRY_1_AnUnderwayCookieHoldsWholeOrNotAtAll(t *testing.T) {
	for name, spoil := range map[string]func(h *house, jar map[string]string, name string){
		"cut short":                     func(_ *house, jar map[string]string, name string) { jar[name] = jar[name][:len(jar[name])-4] },
		"with another second":           func(_ *house, jar map[string]string, name string) { jar[name] = "z" + jar[name][1:] },
		"in another alphabet":           func(_ *house, jar map[string]string, name string) { jar[name] += "=" },
		"empty":                         func(_ *house, jar map[string]string, name string) { jar[name] = "" },
		"too long":                      func(_ *house, jar map[string]string, name string) { jar[name] += strings.Repeat("A", 4000) },
		"of another of its sign-ins":    func(h *house, jar map[string]string, name string) { jar[name] = another(h, signin.SigninCookie) },
		"under the name of a step-up":   func(_ *house, jar map[string]string, name string) { move(jar, name, signin.StepUpCookie) },
		"sealed under another's secret": func(h *house, _ map[string]string, _ string) { rebuild(h) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			b := h.browser()
			back := b.begin("/")
			for name := range b.pending(signin.SigninCookie) {
				spoil(h, b.jar, name)
			}
			b.does("GET", back)
			h.check("failed: stale")
		})
	}
}

func another(h *house, kind string) string {
	other := h.browser()
	other.begin("/")
	for _, value := range other.pending(kind) {
		return value
	}
	return ""
}

func move(jar map[string]string, name, kind string) {
	jar[kind+strings.TrimPrefix(name, signin.SigninCookie)] = jar[name]
	delete(jar, name)
}

func rebuild(h *house) {
	s := h.settings()
	s.Secret = []byte("thirty-two bytes of another house")
	h.build(s)
}

// A browser that begins without end keeps its newest sign-ins, within what any server
// takes as headers, and its step-up, which no sign-in pushes out.
func TestENTRY_6_ABrowserKeepsItsTouchAndItsNewestSignIns(t *testing.T) {
	for name, path := range map[string]string{"short addresses": "/dossier/7", "long addresses": "/" + strings.Repeat("a", 1000)} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.forger.token = func(said claims) { said["auth_time"] = h.clock().Unix() }
			b := h.browser().signIn()
			stepUp := b.stepUps("/dossier/7")
			var newest string
			for range 30 {
				newest = b.begin(path)
				h.pass(time.Second)
			}
			size := 0
			for name, value := range b.jar {
				size += len(name) + len(value) + 3
			}
			if n := len(b.pending(signin.SigninCookie)); n < 1 || n > 4 || size > 6<<10 {
				t.Errorf("%d sign-ins are kept, and %d bytes of cookies", n, size)
			}
			if got := b.does("GET", stepUp).Header.Get("Location"); got != "/dossier/7" {
				t.Errorf("the step-up came to %q, shown %v", got, h.shown)
			}
			if got := b.does("GET", newest).Header.Get("Location"); got != path {
				t.Errorf("the newest sign-in came to %q, shown %v", got, h.shown)
			}
			if n := len(b.pending(signin.StepUpCookie)); n != 0 {
				t.Errorf("%d cookies are left of a step-up that is over", n)
			}
		})
	}
}

// A reader of the cookie does not learn where it leads.
func TestENTRY_1_TheAddressToComeBackToIsSealed(t *testing.T) {
	h := newHouse(t)
	b := h.browser()
	answer := b.does("GET", signin.BeginPath+"?return=/search?name=Mirabeau")
	said := fmt.Sprint(answer.Header)
	if answer.StatusCode != http.StatusSeeOther || len(b.pending(signin.SigninCookie)) != 1 || strings.Contains(said, "Mirabeau") {
		t.Errorf("status %d, %s", answer.StatusCode, said)
	}
	h.sessions.Break(errors.New("no database"))
	if answer := b.does("GET", signin.BeginPath); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("beginning needs the database: status %d", answer.StatusCode)
	}
}
