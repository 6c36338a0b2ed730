package signin

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"

	"poterne/internal/fault"
)

// A cookie can be copied out of a browser. A key that the browser keeps to itself cannot: its
// scripts may sign with it, and nobody reads it. Soon after a sign-in the browser makes such
// a key for the origin, and its session is bound to it. From then on the browser proves from
// time to time that it still has the key, by signing a challenge; a session whose last proof
// is older than Settings.Proof shows nobody, whoever shows its cookie, until the next one.
//
//   - A page is led by way of ProofPath, which signs and goes on; what a form sent is kept in
//     a page that signs and sends it again; a script's request is made good by the worker
//     that those pages leave in the browser. Nothing of an application's pages is touched.
//   - A challenge is for one session, for two minutes, and counts for the time at which it
//     was made: a proof that was listened to makes nothing newer.
//   - A wrong proof is somebody with the cookie and without the key: the session ends, for
//     both, and its holder is told.
//   - A laptop that slept, or was without network, proves when it wakes; no session ends for
//     want of a proof.
//   - Where no script runs, or the browser keeps no key, a session is never bound, and is
//     watched as the others are otherwise. The ledger says so.

// Where proofs are given, on every origin.
const (
	ProofPath     = Prefix + "proof"           // GET, ?return=/where/to/go/on, shows a page that signs; POST brings a proof
	ChallengePath = Prefix + "proof/challenge" // GET
	WorkerPath    = Prefix + "proof/worker.js" // GET, of the worker that proves for scripts
)

const (
	bindWithin = 5 * time.Minute // after its beginning, a session may be bound
	proofLife  = 2 * time.Minute // of a challenge
	neverBound = "never"         // what an unbound session is bound to from then on

	sealsProofs = "poterne/signin/proof/v1"
)

// ErrUnproven is the error of a request that shows a bound session without a proof lately.
var ErrUnproven = errors.New("the browser has not proved lately that the session is its own")

// lapsed reports whether the session is bound and its last proof is too old.
func (d *Door) lapsed(row Row, now time.Time) bool {
	life := d.settings.Proof
	if _, _, ok := row.device(); ok {
		life = d.settings.Bound + boundGrace
	}
	return row.bound() && !now.Before(row.Proven.Add(life))
}

// bound reports whether the session is bound to a key of its browser; a programme has none.
func (row Row) bound() bool {
	return row.Bound != "" && row.Bound != neverBound && row.Factor != ByKey
}

// byScript reports whether the session is bound to a key that the browser's scripts use.
func (row Row) byScript() bool { return row.bound() && !strings.HasPrefix(row.Bound, byDevice) }

// bindable reports whether a session that is not bound may still be.
func (d *Door) bindable(row Row, now time.Time) bool {
	return d.binds() && row.Bound == "" && now.Before(row.Started.Add(bindWithin))
}

// binds reports whether sessions of this door are bound.
func (d *Door) binds() bool { return d.settings.Bind && d.settings.Match == nil }

// proofChallenge is what a browser signs, sealed.
type proofChallenge struct {
	Session []byte    `json:"s"` // the key of the session
	Begun   time.Time `json:"b"`
}

// Challenged is what a script is told before it signs.
type Challenged struct {
	Challenge string `json:"challenge"` // empty: there is nothing to prove by a script
	Unlock    string `json:"unlock"`    // where a session goes on of whose device no proof came; empty otherwise
}

// challenge hands a script what to sign, if the session is bound or may be.
func (d *Door) challenge(w http.ResponseWriter, r *http.Request) {
	noStore(w)
	row, _, _, err := d.recognise(r)
	now := instant(d.settings.Now())
	var said Challenged
	switch {
	case err != nil:
	case d.uncovered(row, r, now):
		said.Unlock = UnlockPath
		_ = d.unknown(w, r, row)
	case row.byScript() || d.bindable(row, now):
		said.Challenge, err = d.sealProof(proofChallenge{row.Key[:], now})
	}
	if err != nil && !fault.Is(err, fault.Anonymous) {
		d.settings.Log.WarnContext(r.Context(), "no challenge could be given", slog.Any("err", err))
	}
	answerJSON(w, said)
}

func (d *Door) sealProof(c proofChallenge) (string, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	box, err := d.box("", sealsProofs)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(box.Seal(nil, nil, text, nil)), nil
}

// openProof returns when a challenge was made, if it is the session's and lasts.
func (d *Door) openProof(text string, row Row, now time.Time) (time.Time, error) {
	old := errors.New("the challenge is old, or another session's")
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return time.Time{}, old
	}
	box, err := d.box("", sealsProofs)
	if err != nil {
		return time.Time{}, err
	}
	opened, err := box.Open(nil, nil, raw, nil)
	if err != nil {
		return time.Time{}, old
	}
	var c proofChallenge
	if err := json.Unmarshal(opened, &c); err != nil || string(c.Session) != string(row.Key[:]) || !now.Before(c.Begun.Add(proofLife)) {
		return time.Time{}, old
	}
	return c.Begun, nil
}

// takesProof receives a proof. It says whether the session is proven, so that no browser has
// anything to complain of in its console.
func (d *Door) takesProof(w http.ResponseWriter, r *http.Request) {
	noStore(w)
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	err := d.provesNow(r)
	if err != nil && !fault.Is(err, fault.Anonymous) {
		d.settings.Log.WarnContext(r.Context(), "a proof does not count", slog.Any("err", err))
	}
	answerJSON(w, map[string]bool{"proven": err == nil})
}

// provesNow binds a session, or makes it newly proven, by the proof that r brings.
func (d *Door) provesNow(r *http.Request) error {
	row, _, _, err := d.recognise(r)
	if err != nil {
		return err
	}
	if row.bound() && !row.byScript() {
		return errors.New("the session is bound to its device, and to no key of a script")
	}
	now, origin := instant(d.settings.Now()), d.ownOrigin(r)
	challenge, key := r.PostFormValue("challenge"), row.Bound
	begun, err := d.openProof(challenge, row, now)
	if err != nil {
		return err // it is not the session's, or was kept too long: no sign of a thief
	}
	if d.bindable(row, now) {
		key = r.PostFormValue("key")
	}
	if !signed(key, ProofText(origin, challenge), r.PostFormValue("signature")) {
		if !row.bound() {
			return errors.New("the key that a session was to be bound to signed nothing")
		}
		row, err := d.change(r.Context(), row.Key, func(row Row, now time.Time) Row { return row.end(Copied, now) })
		return errors.Join(errors.New("signed by another key than the session's"), stands(row, err))
	}
	row, err = d.change(r.Context(), row.Key, func(row Row, now time.Time) Row {
		if d.bindable(row, now) {
			row.Bound = key
		}
		if row.Bound == key && begun.After(row.Proven) {
			row.Proven = begun
		}
		return row
	})
	if err = stands(row, err); err == nil && (row.Bound != key || d.lapsed(row, now)) {
		err = errors.New("another tab was quicker, or the proof was used")
	}
	return err
}

// ProofText is what a browser signs.
func ProofText(origin, challenge string) string {
	return "poterne/proof/v1\n" + origin + "\n" + challenge
}

// signed reports whether a key (a point of P-256, uncompressed) signed a text: r and s, as
// Web Cryptography writes them. Both are written in base64url.
func signed(key, text, signature string) bool {
	point, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil {
		return false
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return false
	}
	raw, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || len(raw) != 64 {
		return false
	}
	sum := sha256.Sum256([]byte(text))
	return ecdsa.Verify(public, sum[:], new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:]))
}

// proving shows the page that signs, on the way to an address of this origin.
func (d *Door) proving(w http.ResponseWriter, r *http.Request) {
	back := "/"
	if !d.FromElsewhere(r) { // or another site would have any address opened by way of this page
		back = localPath(r.URL.Query().Get("return"))
	}
	row, _, _, err := d.recognise(r)
	now := instant(d.settings.Now())
	switch {
	case fault.Is(err, fault.Anonymous):
		redirect(w, BeginPath+"?"+url.Values{"return": {back}}.Encode())
	case err != nil:
		d.fail(w, r, Unreachable, err)
	case !d.lapsed(row, now) && !d.uncovered(row, r, now) && !d.bindable(row, now):
		returns(w, back)
	default:
		setCookie(w, ArrivalCookie, arrivalAt(back), arrivalLife)
		noStore(w)
		d.pages.Prove(w, r, back, row.bound())
	}
}

// enters sends a browser on that has just signed in. On a host of its own a service has no
// page of ours that would bind the session: there the way leads by one.
func (d *Door) enters(w http.ResponseWriter, r *http.Request, target string) {
	if d.binds() && !d.atHome(r) && r.Header.Get("Sec-Fetch-Dest") == "document" {
		returns(w, ProofPath+"?"+url.Values{"return": {target}}.Encode())
		return
	}
	returns(w, target)
}

// unboundFrom is a session that was not bound in time: it never is from then on.
func (d *Door) unboundFrom(row Row, now time.Time) Row {
	if d.binds() && row.Bound == "" && !d.bindable(row, now) && row.Why == "" {
		row.Bound = neverBound
	}
	return row
}

func answerJSON(w http.ResponseWriter, said any) {
	text, err := json.Marshal(said)
	if err != nil {
		panic(fmt.Sprintf("signin: %v", err)) // texts and truths
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text)
}
