package signin_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"poterne/internal/fault"
	"poterne/internal/roster"
	"poterne/internal/signin"
	"poterne/internal/signin/signintest"
)

func TestTheShelfInMemoryConforms(t *testing.T) {
	signintest.Conformance(t, func() signin.Sessions { return signintest.NewSessions() })
}

func TestENTRY_9_ASessionIsKeptOnTheServerBehindAHostCookie(t *testing.T) {
	h := newHouse(t)
	b := h.browser()
	answer := b.does("GET", b.begin("/"))
	cookies := slices.DeleteFunc(answer.Cookies(), func(c *http.Cookie) bool { return c.MaxAge < 0 })
	if len(cookies) != 3 {
		t.Fatalf("%d cookies, want the session's, the browser's name and where it led back to", len(cookies))
	}
	c := cookies[0]
	if c.Name != "__Host-poterne" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 0 {
		t.Errorf("the cookie is %s", c.Raw)
	}
	row := h.sessions.Rows()[0]
	key, token, _ := strings.Cut(c.Value, ".")
	if len(key) < 26 || len(token) < 26 {
		t.Errorf("a secret of %d and %d characters", len(key), len(token))
	}
	for _, kept := range []string{string(row.ID), row.Seed, row.Hint, string(row.Key[:]), string(row.Current[:]), string(row.Next[:])} {
		if strings.Contains(kept, key) || strings.Contains(kept, token) {
			t.Error("the cookie's secret is stored")
		}
	}
	who := b.isSignedIn()
	if who.Account != "ninon" || who.Organisation != "mission" || who.ID != row.ID || !who.Started.Equal(h.now) {
		t.Errorf("signed in as %+v", who)
	}
}

func TestENTRY_9_ACookieNobodyGaveIsNobody(t *testing.T) {
	h := newHouse(t)
	b := h.browser().signIn()
	key, token, _ := strings.Cut(b.jar[signin.SessionCookie], ".")
	other := "A" + key[1:]
	if other == key {
		other = "B" + key[1:]
	}
	for name, value := range map[string]string{
		"none": "", "the key alone": key, "no token": key + ".", "no key": "." + token, "another key": other + "." + token,
		"much too long": key + "." + strings.Repeat(token, 20),
	} {
		t.Run(name, func(t *testing.T) {
			other := h.browser()
			other.jar[signin.SessionCookie] = value
			other.isOut("")
		})
	}
	t.Run("twice", func(t *testing.T) {
		r := b.request("GET", "/")
		r.Header.Add("Cookie", signin.SessionCookie+"="+b.jar[signin.SessionCookie])
		if _, err := h.door.Who(httptest.NewRecorder(), r); !fault.Is(err, fault.Anonymous) {
			t.Errorf("error = %v, want anonymous", err)
		}
	})
	b.isSignedIn()
}

func TestENTRY_9_ASessionEndsWhenIdleAndWhenOld(t *testing.T) {
	t.Run("idle", func(t *testing.T) {
		h := newHouse(t)
		b := h.browser().signIn()
		h.pass(10*time.Minute - time.Microsecond)
		b.isSignedIn()
		h.pass(10 * time.Minute)
		b.isOut(signin.Idle)
	})
	t.Run("never later than ten minutes after its last use", func(t *testing.T) {
		h := newHouse(t)
		b := h.browser().signIn()
		h.pass(20 * time.Second) // too soon to be written down
		b.isSignedIn()
		h.pass(10 * time.Minute)
		b.isOut(signin.Idle)
	})
	t.Run("old, although in use", func(t *testing.T) {
		h := newHouse(t)
		b := h.browser().signIn()
		for range 119 {
			h.pass(5 * time.Minute)
			b.isSignedIn()
		}
		h.pass(5*time.Minute - time.Microsecond)
		b.isSignedIn()
		h.pass(time.Microsecond)
		b.isOut(signin.Aged)
		if len(h.told) != 1 || h.told[0].Why != signin.Aged || h.sessions.Rows()[0].Hint != "" {
			t.Errorf("told %v, kept %+v", h.told, h.sessions.Rows())
		}
	})
	t.Run("a WebSocket that is opened again and again is no use", func(t *testing.T) {
		h := newHouse(t)
		b := h.browser().signIn()
		for _, unsaid := range []string{"Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Fetch-Dest", "Sec-CH-UA-Platform", "Sec-CH-UA-Mobile"} { // as in Chromium
			b.header.Del(unsaid)
		}
		b.header.Set("Upgrade", "websocket")
		for range 9 {
			h.pass(time.Minute)
			b.isSignedIn()
		}
		h.pass(time.Minute)
		b.isOut(signin.Idle)
	})
	t.Run("an answer that lasts is no use", func(t *testing.T) {
		h := newHouse(t)
		b := h.browser().signIn()
		who := b.isSignedIn()
		h.pass(9 * time.Minute)
		if err := h.door.Still(t.Context(), who); err != nil {
			t.Fatal(err)
		}
		h.pass(time.Minute)
		if err := h.door.Still(t.Context(), who); !fault.Is(err, fault.Anonymous) {
			t.Errorf("error = %v, want anonymous", err)
		}
		b.isOut(signin.Idle)
	})
}

func TestENTRY_9_TheTokenChangesEveryMinuteOfUse(t *testing.T) {
	h := newHouse(t)
	b := h.browser().signIn()
	seen := map[string]bool{}
	for range 20 {
		seen[b.jar[signin.SessionCookie]] = true
		b.isSignedIn()
		h.pass(30 * time.Second)
	}
	if len(seen) < 7 {
		t.Errorf("%d tokens in ten minutes of use", len(seen))
	}
}

func TestENTRY_9_ALostAnswerDoesNotEndTheSession(t *testing.T) {
	h := newHouse(t)
	b := h.browser().signIn()
	for range 60 {
		h.pass(7 * time.Second)
		if _, _, err := b.sends(); err != nil { // and the answer never arrives
			t.Fatal(err)
		}
	}
	b.isSignedIn()
	h.pass(time.Second)
	b.isSignedIn()
}

func TestENTRY_9_RequestsInParallelAgreeOnTheNextToken(t *testing.T) {
	h := newHouse(t)
	b := h.browser().signIn()
	for range 5 {
		h.pass(time.Minute)
		var (
			group   sync.WaitGroup
			answers [32]*httptest.ResponseRecorder
		)
		for i := range answers {
			group.Go(func() {
				w, _, err := b.sends()
				if err != nil {
					t.Error(err)
				}
				answers[i] = w
			})
		}
		group.Wait()
		given := map[string]bool{}
		for _, w := range answers {
			b.receive(w)
			given[b.jar[signin.SessionCookie]] = true
		}
		if len(given) != 1 {
			t.Fatalf("%d different tokens were given", len(given))
		}
		for range 8 { // the new token is first shown by several at once
			group.Go(func() {
				if _, _, err := b.sends(); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
}

func TestENTRY_9_RequestsUnderWayAreServedForTheGraceTime(t *testing.T) {
	h := newHouse(t)
	b := h.browser().signIn()
	h.pass(time.Minute)
	late := b.copied() // what the same browser has already sent
	b.isSignedIn()     // is given the next token
	b.isSignedIn()     // shows it
	h.pass(10*time.Second - time.Microsecond)
	w, _, err := late.sends()
	if err != nil || len(w.Result().Cookies()) != 0 {
		t.Errorf("a request under way: %v, with %d cookies", err, len(w.Result().Cookies()))
	}
	b.isSignedIn()
}

func TestENTRY_9_ASessionInTwoBrowsersEndsForBoth(t *testing.T) {
	for name, play := range map[string]func(h *house, owner, thief *browser) (caught *browser){
		"the owner goes on first": func(h *house, owner, thief *browser) *browser {
			owner.isSignedIn()
			owner.isSignedIn()
			return thief
		},
		"the thief goes on first": func(h *house, owner, thief *browser) *browser {
			thief.isSignedIn()
			thief.isSignedIn()
			return owner
		},
		"the thief waits for an hour": func(h *house, owner, thief *browser) *browser {
			for range 60 {
				h.pass(time.Minute)
				owner.isSignedIn()
			}
			return thief
		},
		"both are given the same next token": func(h *house, owner, thief *browser) *browser {
			for _, b := range []*browser{owner, thief, owner, thief} {
				b.isSignedIn()
			}
			h.pass(time.Minute)
			thief.isSignedIn()
			thief.isSignedIn()
			return owner
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			owner := h.browser().signIn()
			thief := owner.copied()
			h.pass(time.Minute)
			caught := play(h, owner, thief)
			h.pass(10 * time.Second)
			caught.isOut(signin.Doubled)
			owner.isOut(signin.Doubled)
			thief.isOut(signin.Doubled)
			if len(h.told) != 1 || h.told[0].Why != signin.Doubled || h.told[0].Account != "ninon" || h.told[0].Organisation != "mission" {
				t.Errorf("told %v, want one end by two browsers", h.told)
			}
		})
	}
}

func TestENTRY_9_ASessionStaysInTheBrowserItBeganIn(t *testing.T) {
	for name, test := range map[string]struct {
		header, value, mode string
		want                signin.Why
	}{
		"another browser":                                   {"User-Agent", "curl/8", "navigate", signin.Moved},
		"another browser, by script":                        {"User-Agent", "curl/8", "cors", signin.Moved},
		"another language":                                  {"Accept-Language", "en", "navigate", signin.Moved},
		"another language, from a browser that says little": {"Accept-Language", "en", "", signin.Moved},
		"another platform":                                  {"Sec-Ch-Ua-Platform", `"Windows"`, "navigate", signin.Moved},
		"a page's script that chose a language":             {"Accept-Language", "en", "cors", ""},
		"a page's image":                                    {"Sec-Ch-Ua-Platform", "", "no-cors", ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			b := h.browser().signIn()
			other := b.copied()
			other.header.Set(test.header, test.value)
			other.header.Set("Sec-Fetch-Mode", test.mode)
			if test.want == "" {
				other.isSignedIn()
				return
			}
			other.isOut(test.want)
			b.isOut(test.want)
		})
	}
}

func TestENTRY_9_SigningOutEndsTheSessionHereAndAtTheProvider(t *testing.T) {
	h := newHouse(t)
	b := h.browser().signIn()
	copied := b.copied()
	hint := h.sessions.Rows()[0].Hint
	answer := b.does("POST", signin.LeavePath)
	to, err := answer.Location()
	if err != nil {
		t.Fatal(err)
	}
	q := to.Query()
	if !strings.HasPrefix(to.String(), h.forger.server.URL+"/end?") || q.Get("id_token_hint") != hint ||
		q.Get("post_logout_redirect_uri") != origin+signin.LeftPath || len(q.Get("state")) < 32 {
		t.Errorf("sent to %s", to)
	}
	if _, kept := b.jar[signin.SessionCookie]; kept {
		t.Error("the browser keeps the cookie")
	}
	copied.isOut(signin.Left)
	if answer := b.does("GET", signin.LeavePath); answer.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("a link signs people out: status %d", answer.StatusCode)
	}
	b.does("POST", signin.LeavePath)
	if len(h.shown) != 1 || h.shown[0] != "signed out" {
		t.Errorf("shown %v", h.shown)
	}
}

func TestENTRY_9_EndingAllSessionsOfAnAccountEndsThemAtOnce(t *testing.T) {
	h := newHouse(t)
	one, two := h.browser().signIn(), h.browser().signIn()
	who := one.isSignedIn()
	if err := h.door.EndAll(t.Context(), "somebody else"); err != nil {
		t.Fatal(err)
	}
	one.isSignedIn()
	if err := h.door.EndAll(t.Context(), "ninon"); err != nil {
		t.Fatal(err)
	}
	one.isOut(signin.Dismissed)
	two.isOut(signin.Dismissed)
	if err := h.door.Still(t.Context(), who); !fault.Is(err, fault.Anonymous) {
		t.Errorf("an answer under way goes on: %v", err)
	}
	if len(h.told) != 2 {
		t.Errorf("told %v, want two ends", h.told)
	}
}

func TestRecognisingASessionCostsOneReadAndRarelyAWrite(t *testing.T) {
	h := newHouse(t)
	b := h.browser().signIn()
	finds, writes := h.sessions.Effort()
	const requests = 600
	for range requests {
		h.pass(time.Second)
		b.isSignedIn()
	}
	finds2, writes2 := h.sessions.Effort()
	if finds2-finds > requests+20 {
		t.Errorf("%d reads for %d requests", finds2-finds, requests)
	}
	if writes2-writes > 30 {
		t.Errorf("%d writes in ten minutes of use, want three a minute at most", writes2-writes)
	}
}

func TestNobodyIsRecognisedWhileTheShelfIsAway(t *testing.T) {
	h := newHouse(t)
	b := h.browser().signIn()
	away := &fault.Error{Kind: fault.Unavailable, Err: errors.New("no database")}
	h.sessions.Break(away)
	if _, err := b.asks(); !fault.Is(err, fault.Unavailable) {
		t.Errorf("error = %v, want unavailable", err)
	}
	if answer := b.does("POST", signin.LeavePath); answer.StatusCode == http.StatusSeeOther {
		t.Error("a session that could not be ended was said to be over")
	}
	h.sessions.Break(nil)
	b.isSignedIn()
}

func TestWhatIsOverIsForgotten(t *testing.T) {
	h := newHouse(t)
	h.now = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // when synctest's clock begins
	h.browser().signIn()
	synctest.Test(t, func(t *testing.T) {
		s := h.settings()
		s.Now = nil
		door, err := signin.New(s, h.sessions, h, h)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			if err := door.Run(t.Context()); err != nil {
				t.Error(err)
			}
		}()
		time.Sleep(10 * time.Hour)
		synctest.Wait()
		if n := len(h.sessions.Rows()); n != 1 {
			t.Fatalf("%d sessions kept, want the one that ends now", n)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if n := len(h.sessions.Rows()); n != 0 {
			t.Errorf("%d sessions kept after their time", n)
		}
	})
}

// An honest browser sends requests side by side, and their answers arrive in any
// order, late, or never. As long as none takes longer than the grace time, the
// session goes on.
func TestENTRY_9_AnHonestBrowserIsNeverTakenForTwo(t *testing.T) {
	h := newHouse(t)
	rapid.Check(t, func(t *rapid.T) {
		b := h.browser().signIn()
		type underWay struct {
			r    *http.Request
			sent time.Time
		}
		var (
			requests []underWay
			answers  []*httptest.ResponseRecorder
		)
		serve := func(i int) {
			w := httptest.NewRecorder()
			if _, err := h.door.Who(w, requests[i].r); err != nil {
				t.Fatalf("an honest request was refused: %v", err)
			}
			requests = append(requests[:i], requests[i+1:]...)
			answers = append(answers, w)
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				requests = append(requests, underWay{b.request("GET", "/"), h.clock()})
			case 1:
				if len(requests) > 0 {
					serve(rapid.IntRange(0, len(requests)-1).Draw(t, "which arrives"))
				}
			case 2:
				if len(answers) > 0 {
					i := rapid.IntRange(0, len(answers)-1).Draw(t, "which answer")
					if rapid.Bool().Draw(t, "arrives") {
						b.receive(answers[i])
					}
					answers = append(answers[:i], answers[i+1:]...)
				}
			case 3:
				pause := time.Duration(rapid.IntRange(1, 90).Draw(t, "seconds")) * time.Second
				for i := len(requests) - 1; i >= 0; i-- {
					if h.clock().Add(pause).Sub(requests[i].sent) >= 10*time.Second {
						serve(i)
					}
				}
				if pause >= 10*time.Second { // answers do not travel for so long
					for _, w := range answers {
						b.receive(w)
					}
					answers = nil
				}
				h.pass(pause)
			}
		}
		if _, err := b.asks(); err != nil {
			t.Fatalf("an honest browser was refused: %v", err)
		}
	})
}

// Two browsers that both go on using a session, each pausing now and then for
// longer than a rotation and its grace, are told apart.
func TestENTRY_9_TwoBrowsersAreAlwaysToldApart(t *testing.T) {
	h := newHouse(t)
	rapid.Check(t, func(t *rapid.T) {
		owner := h.browser().signIn()
		for range rapid.IntRange(0, 10).Draw(t, "before the theft") {
			h.pass(time.Duration(rapid.IntRange(1, 90).Draw(t, "seconds")) * time.Second)
			owner.isSignedIn()
		}
		both := []*browser{owner, owner.copied()}
		for range 20 {
			h.pass(time.Duration(rapid.IntRange(1, 90).Draw(t, "seconds")) * time.Second)
			_, _ = both[rapid.IntRange(0, 1).Draw(t, "who")].asks()
		}
		for i := range 6 { // and each has its turn
			h.pass(70 * time.Second)
			_, _ = both[i%2].asks()
			h.pass(11 * time.Second)
			_, _ = both[i%2].asks()
		}
		for _, b := range both {
			if _, err := b.asks(); !fault.Is(err, fault.Anonymous) {
				t.Fatalf("a browser still holds the session: %v", err)
			}
		}
	})
}

// Promise: RIGHTS-9
func TestRIGHTS_9_ASessionThatIsKnownToHaveEndedIsNobodyWhateverItsRowSays(t *testing.T) {
	h := newHouse(t)
	s := h.settings()
	over := map[roster.SessionID]bool{}
	s.Over = func(session roster.SessionID) bool { return over[session] }
	h.build(s)
	one, two := h.browser().signIn(), h.browser().signIn()
	under := one.isSignedIn()
	over[under.ID] = true
	if list, err := h.door.Sessions(t.Context(), "ninon"); err != nil || len(list) != 1 {
		t.Errorf("they are told of %d sessions, %v", len(list), err)
	}
	if err := h.door.Still(t.Context(), under); !fault.Is(err, fault.Anonymous) {
		t.Errorf("an answer under way goes on: %v", err)
	}
	one.isOut(signin.PutBack)
	two.isSignedIn()
	if len(h.told) != 1 || h.told[0].Why != signin.PutBack || h.told[0].Session != under.ID {
		t.Errorf("told %v", h.told)
	}
}
