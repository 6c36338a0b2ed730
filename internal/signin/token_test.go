package signin_test

import (
	"crypto/elliptic"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"poterne/internal/signin"
)

// A code that another sign-in was given is bound to that one's PKCE verifier: whoever listened
// to it, or has it left over, gets nothing for it.
func TestENTRY_1_ACodeServesTheSignInThatItWasGivenTo(t *testing.T) {
	h := newHouse(t)
	h.browser().signIn()
	before := len(h.sessions.Rows())
	h.forger.answer = func(v url.Values) { v.Set("code", "code 0") }
	b := h.browser()
	b.does("GET", b.begin("/"))
	if !slices.Equal(h.shown, []string{"failed: unverified"}) || len(h.sessions.Rows()) != before {
		t.Errorf("shown %v, %d sessions", h.shown, len(h.sessions.Rows())-before)
	}
	b.isOut("")
}

// The provider changes its key: what the new one signs is believed without a restart, and what
// the old one signs is not any more.
func TestENTRY_1_AProvidersNewKeyIsTakenUpAndItsOldOneGivenUp(t *testing.T) {
	h := newHouse(t)
	h.browser().signIn()
	old := h.forger.idSign
	h.forger.mu.Lock()
	next := ecdsaKey(t, elliptic.P256())
	h.forger.keys = map[jose.SignatureAlgorithm]any{jose.ES256: next}
	h.forger.names = map[jose.SignatureAlgorithm]string{jose.ES256: "the next"}
	h.forger.idSign = signing{jose.ES256, next}
	h.forger.uiSign = h.forger.idSign
	h.forger.mu.Unlock()
	h.browser().signIn().isSignedIn()

	h.forger.idSign, h.forger.names = old, nil
	sessions := len(h.sessions.Rows())
	b := h.browser()
	b.does("GET", b.begin("/"))
	if !slices.Equal(h.shown, []string{"failed: unverified"}) || len(h.sessions.Rows()) != sessions {
		t.Errorf("a token of the old key: shown %v", h.shown)
	}
	b.isOut("")
}

// The provider's clock is five minutes off: its tokens still last a minute by it. One that is
// fast lets people in, and vouches for no step-up of the future; by one that is slow its tokens
// are over.
func TestENTRY_1_AClockThatIsFiveMinutesOffOpensNothingThatIsOver(t *testing.T) {
	for name, test := range map[string]struct {
		off time.Duration
		in  bool
	}{"fast": {5 * time.Minute, true}, "right": {0, true}, "slow": {-5 * time.Minute, false}} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.forger.token = func(said claims) {
				for _, claim := range []string{"iat", "exp"} {
					said[claim] = said[claim].(int64) + int64(test.off/time.Second)
				}
				said["nbf"] = said["iat"]
				said["auth_time"] = said["iat"]
			}
			b := h.browser()
			b.does("GET", b.begin("/"))
			if !test.in {
				h.check("failed: unverified")
				return
			}
			b.isSignedIn()
			asked := b.does("POST", signin.StepUpPath)
			b.does("GET", signin.CallbackPath+"?"+h.forger.authorize(asked.Header.Get("Location")).Encode())
			if stepped := len(h.stepUp) == 1; stepped != (test.off == 0) {
				t.Errorf("stepped up: %t, shown %v", stepped, h.shown)
			}
		})
	}
}
