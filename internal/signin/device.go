package signin

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"poterne/internal/fault"
)

// A browser with Device Bound Session Credentials (W3C) keeps the key itself, in hardware where
// there is some, where no script reaches it. The answer to a sign-in offers it to bind the
// session: it makes a key and registers it. From then on it shows with each request a cookie
// that lasts minutes, and asks for the next one by signing a challenge, without any page of
// ours. So a copy of all its cookies shows nobody once that one is Settings.Bound old, whether
// or not the browser itself goes on.
//
//   - What registers a key is a challenge that stands in the answer to the sign-in, or to the
//     passkey that lets a session go on, and nowhere else: a copy of the cookies has none.
//   - Such a session wants no proof by a script (proof.go); a browser without these credentials
//     never answers the offer, and is bound by a key of its scripts.
//   - A browser may skip asking for the next cookie, and says so: it signs a few times in nine
//     minutes only, and gives up on a server that does not answer. The person then uses a
//     passkey, or where there is none signs in anew. No session ends for it.
//   - A request that another site began is sent without the next cookie. It is led by way of a
//     page of ours, from which the browser asks.
//   - A challenge that is old or was used brings another one. A wrong signature is somebody
//     with the cookie and without the key: the session ends, for both.
//   - Whoever shows the session without the cookie, from a browser that would have asked for
//     it, has a copy, or has lost its key: nobody is shown, and the holder is told.

// Where browsers register keys and ask for the next cookie, on every origin.
const (
	RegisterPath = Prefix + "device"
	RefreshPath  = Prefix + "device/refresh"
)

// BoundCookie is what a browser shows that has proved its key lately.
const BoundCookie = "__Host-poterne-bound"

// What browsers and we say in headers.
const (
	registrationHeader = "Secure-Session-Registration"
	challengeHeader    = "Secure-Session-Challenge"
	responseHeader     = "Secure-Session-Response"
	sessionIDHeader    = "Sec-Secure-Session-Id"
	skippedHeader      = "Secure-Session-Skipped"
)

const (
	byDevice    = "device " // begins what such a session is bound to: a name, and the key
	boundGrace  = 10 * time.Second
	sealsDevice = "poterne/signin/device/v1"
	sealsBound  = "poterne/signin/bound/v1"
)

// device is the name under which the browser knows the credential that the session is bound to,
// and its key; false when there is none.
func (row Row) device() (name, key string, ok bool) {
	rest, ok := strings.CutPrefix(row.Bound, byDevice)
	if !ok {
		return "", "", false
	}
	name, key, ok = strings.Cut(rest, " ")
	return string(row.ID) + "." + name, key, ok
}

// deviceChallenge is what the browser signs, sealed.
type deviceChallenge struct {
	Session   []byte    `json:"s"` // the key of the session
	Registers bool      `json:"r,omitempty"`
	Begun     time.Time `json:"b"`
}

func (d *Door) sealDevice(c deviceChallenge) (string, error) {
	return d.sealText(sealsDevice, c)
}

// sealText seals a value under the secret that the nodes share.
func (d *Door) sealText(purpose string, value any) (string, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	box, err := d.box("", purpose)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(box.Seal(nil, nil, text, nil)), nil
}

// openText opens what sealText sealed.
func (d *Door) openText(purpose, sealed string, value any) error {
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return err
	}
	box, err := d.box("", purpose)
	if err != nil {
		return err
	}
	text, err := box.Open(nil, nil, raw, nil)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, value)
}

// offer has a browser that can bind a session to a key of its device. The session is the one
// that this very answer opens, or lets go on.
func (d *Door) offer(w http.ResponseWriter, session Digest) {
	if !d.binds() {
		return
	}
	challenge, err := d.sealDevice(deviceChallenge{session[:], true, instant(d.settings.Now())})
	if err == nil {
		w.Header().Set(registrationHeader, `(ES256);path="`+RegisterPath+`";challenge="`+challenge+`"`)
	}
}

// asking is the open session whose cookie r shows, whatever its token: a key proves more.
func (d *Door) asking(r *http.Request) (Row, error) {
	key, _, ok := d.shownSession(r)
	if !ok {
		return Row{}, anonymous
	}
	row, err := d.change(r.Context(), digest(key), d.expire)
	return row, stands(row, err)
}

// registers receives the key that a browser has made. The challenge says of which session: the
// browser sends no cookie along where the sign-in came from another site, as the provider's does.
func (d *Door) registers(w http.ResponseWriter, r *http.Request) {
	noStore(w)
	row, err := d.register(r)
	if err != nil {
		d.settings.Log.WarnContext(r.Context(), "a device's key is not taken", slog.Any("err", err))
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	d.instructs(w, r, row)
}

func (d *Door) register(r *http.Request) (row Row, err error) {
	said, err := responseOf(r)
	if err != nil {
		return row, err
	}
	var c deviceChallenge
	now := instant(d.settings.Now())
	if err := d.openText(sealsDevice, said.challenge, &c); err != nil || !c.Registers || len(c.Session) != len(row.Key) || !now.Before(c.Begun.Add(proofLife)) {
		return row, errors.New("the challenge is old, or none that registers a key")
	}
	key := Digest(c.Session)
	if !d.binds() || said.own == nil {
		return row, errors.New("no key is registered here, or there is none")
	}
	point, err := said.own.Bytes()
	if err != nil {
		return row, err
	}
	if err := said.signedBy(said.own); err != nil {
		return row, err
	}
	first, err := d.sessions.Once(r.Context(), digest("device "+said.challenge), c.Begun.Add(proofLife))
	if err == nil && !first {
		err = errors.New("the challenge was used already")
	}
	if err != nil {
		return row, err
	}
	bound := byDevice + rand.Text()[:8] + " " + base64.RawURLEncoding.EncodeToString(point)
	row, err = d.change(r.Context(), key, func(row Row, now time.Time) Row {
		if row = d.expire(row, now); row.Why == "" {
			row.Bound, row.Proven = bound, now
		}
		return row
	})
	return row, stands(row, err)
}

// instructs tells a browser what its key is for, and gives it the first cookie.
func (d *Door) instructs(w http.ResponseWriter, r *http.Request, row Row) {
	name, _, _ := row.device()
	type scope struct {
		Origin  string `json:"origin"`
		AllSite bool   `json:"include_site"`
	}
	type credential struct {
		Type       string `json:"type"`
		Name       string `json:"name"`
		Attributes string `json:"attributes"`
	}
	if err := d.covers(w, row); err != nil {
		d.settings.Log.ErrorContext(r.Context(), "no cookie could be given", slog.Any("err", err))
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	answerJSON(w, struct {
		Name        string       `json:"session_identifier"`
		Refresh     string       `json:"refresh_url"`
		Scope       scope        `json:"scope"`
		Credentials []credential `json:"credentials"`
	}{name, RefreshPath, scope{d.ownOrigin(r), false}, []credential{{"cookie", BoundCookie, "Path=/; Secure; HttpOnly; SameSite=Lax"}}})
}

// covers gives the browser the cookie for what comes, and what to sign for the next one.
func (d *Door) covers(w http.ResponseWriter, row Row) error {
	now := instant(d.settings.Now())
	cookie, err := d.sealText(sealsBound, boundUntil{row.Key[:16], now})
	if err != nil {
		return err
	}
	setCookie(w, BoundCookie, cookie, d.settings.Bound)
	return d.challenges(w, row, now)
}

func (d *Door) challenges(w http.ResponseWriter, row Row, now time.Time) error {
	name, _, ok := row.device()
	if !ok { // by a passkey, before a key was registered
		return nil
	}
	challenge, err := d.sealDevice(deviceChallenge{Session: row.Key[:], Begun: now})
	if err == nil {
		w.Header().Set(challengeHeader, `"`+challenge+`";id="`+name+`"`)
	}
	return err
}

// boundUntil is what a bound cookie says, sealed.
type boundUntil struct {
	Session []byte    `json:"s"`
	Since   time.Time `json:"t"`
}

// refreshes gives a browser the next cookie, once it has signed.
func (d *Door) refreshes(w http.ResponseWriter, r *http.Request) {
	noStore(w)
	row, err := d.asking(r)
	switch {
	case fault.Is(err, fault.Anonymous):
		ceases(w, r)
		return
	case err != nil:
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	name, key, ok := row.device()
	if !ok || textOf(r.Header.Get(sessionIDHeader)) != name {
		ceases(w, r) // another key took its place
		return
	}
	switch err := d.refresh(r, row, key); {
	case errors.Is(err, errAnotherChallenge):
		if err := d.challenges(w, row, instant(d.settings.Now())); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusForbidden)
	case fault.Is(err, fault.Anonymous):
		d.settings.Log.WarnContext(r.Context(), "a device's proof does not count", slog.Any("err", err))
		ceases(w, r)
	case err != nil:
		d.settings.Log.ErrorContext(r.Context(), "a device's proof could not be taken", slog.Any("err", err))
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		if err := d.covers(w, row); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}
}

var errAnotherChallenge = errors.New("there was no proof, or one of a challenge that is old or was used")

// refresh takes what a browser signed. A challenge lasts as long as the cookie that came with
// it and a little longer: it is signed when the cookie ends.
func (d *Door) refresh(r *http.Request, row Row, key string) error {
	said, err := responseOf(r)
	if err != nil {
		return errAnotherChallenge
	}
	var c deviceChallenge
	now := instant(d.settings.Now())
	life := d.settings.Bound + proofLife
	if err := d.openText(sealsDevice, said.challenge, &c); err != nil || c.Registers || string(c.Session) != string(row.Key[:]) || !now.Before(c.Begun.Add(life)) {
		return errAnotherChallenge
	}
	public, err := pointOf(key)
	if err != nil {
		return err
	}
	if err := said.signedBy(public); err != nil {
		row, changed := d.change(r.Context(), row.Key, func(row Row, now time.Time) Row { return row.end(Copied, now) })
		if changed == nil {
			changed = stands(row, nil)
		}
		return changed
	}
	switch first, err := d.sessions.Once(r.Context(), digest("device "+said.challenge), c.Begun.Add(life)); {
	case err != nil:
		return err
	case !first: // its answer was lost
		return errAnotherChallenge
	}
	row, err = d.change(r.Context(), row.Key, func(row Row, now time.Time) Row {
		if now.After(row.Proven) {
			row.Proven = now
		}
		return row
	})
	return stands(row, err)
}

// ceases has a browser forget a key that serves no more.
func ceases(w http.ResponseWriter, r *http.Request) {
	answerJSON(w, map[string]any{"session_identifier": textOf(r.Header.Get(sessionIDHeader)), "continue": false})
}

// response is what a browser signed.
type response struct {
	challenge string
	own       *ecdsa.PublicKey // that it brings along; nil when it brings none
	signed    *jwt.JSONWebToken
}

// responseOf reads what r brings, and checks no signature.
func responseOf(r *http.Request) (said response, err error) {
	values := r.Header.Values(responseHeader)
	if len(values) != 1 || len(values[0]) > 4<<10 {
		return said, errors.New("no proof, or several")
	}
	said.signed, err = jwt.ParseSigned(textOf(values[0]), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return said, err
	}
	if len(said.signed.Headers) != 1 || said.signed.Headers[0].ExtraHeaders["typ"] != "dbsc+jwt" {
		return said, errors.New("it is no proof of a device")
	}
	if own := said.signed.Headers[0].JSONWebKey; own != nil {
		public, ok := own.Key.(*ecdsa.PublicKey)
		if !ok || public.Curve != elliptic.P256() {
			return said, errors.New("the key is not on P-256")
		}
		said.own = public
	}
	var claims jwt.Claims
	if err := said.signed.UnsafeClaimsWithoutVerification(&claims); err != nil {
		return said, err
	}
	said.challenge = claims.ID
	return said, nil
}

func (s response) signedBy(key *ecdsa.PublicKey) error {
	var claims jwt.Claims
	return s.signed.Claims(key, &claims)
}

func pointOf(key string) (*ecdsa.PublicKey, error) {
	point, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil {
		return nil, err
	}
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
}

// textOf reads a structured field's string, without its parameters. None of ours has a sign
// in it that would be escaped.
func textOf(field string) string {
	rest, ok := strings.CutPrefix(strings.TrimSpace(field), `"`)
	if !ok {
		return ""
	}
	text, _, ok := strings.Cut(rest, `"`)
	if !ok || strings.Contains(text, `\`) {
		return ""
	}
	return text
}

// uncovered reports whether the session is bound to a device and r shows no cookie that its
// key brought lately.
func (d *Door) uncovered(row Row, r *http.Request, now time.Time) bool {
	_, _, ok := row.device()
	return ok && !now.Before(d.coveredUntil(row, r))
}

// coveredUntil is until when the bound cookie that r shows is good for the session; zero when it
// shows none of it.
func (d *Door) coveredUntil(row Row, r *http.Request) time.Time {
	var said boundUntil
	shown, ok := shownCookie(r, BoundCookie, 512)
	if !ok || d.openText(sealsBound, shown, &said) != nil || string(said.Session) != string(row.Key[:16]) {
		return time.Time{}
	}
	return said.Since.Add(d.settings.Bound + boundGrace)
}

// unknown is the error for a session whose browser shows no such cookie. It drops one that
// ended, so that the browser asks for the next.
func (d *Door) unknown(w http.ResponseWriter, r *http.Request, row Row) error {
	shown, ended := shownCookie(r, BoundCookie, 512)
	if ended {
		dropCookie(w, BoundCookie)
	}
	if r.Header.Get(skippedHeader) != "" {
		return d.touchable(r, row)
	}
	if d.odd(r, row, shown) {
		d.keyless(r.Context(), row)
	}
	return unproven
}

// odd reports whether a browser that has the key would not have sent r. It asks for the next
// cookie before what its own pages or the person send, not before what another site has it
// send. One that ended is kept where a clock was set back, until it is dropped: the same once
// more is a copy.
func (d *Door) odd(r *http.Request, row Row, shown string) bool {
	if shown == "" {
		site := r.Header.Get("Sec-Fetch-Site")
		return site == "" || site == "none" || site == "same-origin"
	}
	var said boundUntil
	if d.openText(sealsBound, shown, &said) != nil { // nobody fills the store with others
		return true
	}
	first, err := d.sessions.Once(r.Context(), digest("ended "+shown), row.Started.Add(d.settings.Life))
	if err != nil {
		d.settings.Log.WarnContext(r.Context(), "a cookie that ended could not be remembered", slog.Any("err", err))
	}
	return err == nil && !first
}

// keyless tells, once, that a session was shown without the key that it is bound to.
func (d *Door) keyless(ctx context.Context, row Row) {
	first, err := d.sessions.Once(ctx, digest("keyless "+string(row.Key[:])), row.Started.Add(d.settings.Life))
	switch {
	case err != nil:
		d.settings.Log.WarnContext(ctx, "a session without its key could not be told of", slog.Any("err", err))
	case first:
		d.settings.Keyless(ctx, row.session())
	}
}
