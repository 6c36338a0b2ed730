package signin

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"poterne/internal/fault"
)

// A sign-in or a step-up under way is kept by the browser that began it, in a cookie
// of its own, and nowhere else: no stranger can fill a table or push another's out of it,
// and the address to come back to, which may name a person, lies in no database. The
// cookie is sealed under a key made of the secret that the nodes share and of the
// state, which goes by the identity provider: any node opens it, and an attacker with the
// cookie alone cannot. Keys are used once, so there are none to replace.
//
// A state serves once. The cookie is taken back when the browser returns; a copy of
// it is refused because a state that came back with a proof is marked in Sessions,
// and nothing but a proof marks one.

// pending is a sign-in or a step-up under way: a browser was sent to the identity
// provider.
type pending struct {
	Nonce    string    `json:"n"`           // what the ID token must carry
	Verifier string    `json:"v"`           // PKCE's proof that the code comes back to us
	Origin   string    `json:"o"`           // where the browser set out from
	Return   string    `json:"r"`           // where it goes afterwards, a local path
	Issuer   string    `json:"p"`           // of the provider that it was sent to
	Invited  string    `json:"i,omitempty"` // the token of the invitation that is being accepted
	Session  []byte    `json:"s,omitempty"` // the key of the session to be stepped up; nothing to open one
	Begun    time.Time `json:"b"`
}

// SecretBytes is the least length of the secret that the nodes share.
const SecretBytes = 32

const (
	pendingLife   = 10 * time.Minute // a sign-in not finished by then starts again
	pendingMost   = 4                // sign-ins, and step-ups, that one browser keeps; the newest
	pendingBytes  = 3 << 10          // that they may have together, each kind
	longestReturn = 1 << 10          // a longer address is not come back to
)

// cookieOf is the name of the cookie that keeps a sign-in, or a step-up, under state.
func cookieOf(kind, state string) string {
	mark := digest(state)
	return kind + hex.EncodeToString(mark[:8])
}

// seal returns the cookie's value. It begins with the second in which the sign-in
// began, so that a browser's oldest can be told without their states.
func (d *Door) seal(name, state string, u pending) (string, error) {
	begun := strconv.FormatInt(u.Begun.Unix(), 36)
	text, err := json.Marshal(u)
	if err != nil {
		return "", err
	}
	box, err := d.box(state, sealsPending)
	if err != nil {
		return "", err
	}
	return begun + "." + base64.RawURLEncoding.EncodeToString(box.Seal(nil, nil, text, []byte(name+"="+begun))), nil
}

// unseal returns the sign-in that r's state stands for, if r comes from the browser
// that began it, where it began, while it lasts. Otherwise the error is fault.Absent.
// The name is that of its cookie; empty when there is none.
func (d *Door) unseal(r *http.Request, state string) (u pending, name string, err error) {
	value, found := "", false
	for _, kind := range []string{SigninCookie, StepUpCookie} {
		name = cookieOf(kind, state)
		if value, found = shownCookie(r, name, pendingBytes); found {
			break
		}
	}
	if !found {
		return pending{}, "", stale("not begun in this browser, or used already")
	}
	begun, sealed, _ := strings.Cut(value, ".")
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return pending{}, name, stale("its cookie is not one of ours")
	}
	box, err := d.box(state, sealsPending)
	if err != nil {
		return pending{}, name, err
	}
	text, err := box.Open(nil, nil, raw, []byte(name+"="+begun))
	if err != nil {
		return pending{}, name, stale("its cookie is not sealed by us")
	}
	if err := json.Unmarshal(text, &u); err != nil {
		return pending{}, name, err
	}
	origin, _ := d.origin(r)
	switch {
	case origin != u.Origin:
		return pending{}, name, stale("begun at another origin")
	case !d.settings.Now().Before(u.Begun.Add(pendingLife)):
		return pending{}, name, stale("begun too long ago")
	}
	return u, name, nil
}

// What the keys are for that are made of the secret that the nodes share.
const (
	sealsPending    = "poterne/signin/pending/v1"
	sealsChallenges = "poterne/signin/passkey/v1"
)

// box seals and opens what is kept under state, for a purpose.
func (d *Door) box(state, purpose string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, d.settings.Secret, []byte(state), purpose, 32)
	if err != nil {
		return nil, fmt.Errorf("making the key of a sign-in: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("making the seal of a sign-in: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func stale(why string) error { return &fault.Error{Kind: fault.Absent, Err: errors.New(why)} }

// keep gives the browser the cookie of a sign-in or a step-up, and takes back the
// oldest of the same kind when it has too many. Sign-ins, which another site may have
// the browser begin, push out no step-up.
func keep(w http.ResponseWriter, r *http.Request, kind, name, value string) {
	var kept []*http.Cookie
	for _, c := range r.Cookies() {
		if strings.HasPrefix(c.Name, kind) {
			kept = append(kept, c)
		}
	}
	slices.SortStableFunc(kept, func(a, b *http.Cookie) int { return strings.Compare(b.Value, a.Value) }) // newest first
	room := pendingBytes - len(value)
	for i, c := range kept {
		if room -= len(c.Value); room < 0 || i >= pendingMost-1 {
			dropCookie(w, c.Name)
		}
	}
	setCookie(w, name, value, pendingLife)
}
