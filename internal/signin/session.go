package signin

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"time"

	"poterne/internal/fault"
	"poterne/internal/roster"
)

// A session's cookie is "key.token". The key finds the session and stays; the
// token changes every minute of use. Each token is derived from the one before
// and a seed that only the server has, so every answer given while the next
// token is due carries the same one, whichever node gives it, and nothing is
// written until the browser shows it. What can happen:
//
//   - Requests in parallel, sent with the old token, answered with the new one:
//     all carry the same new token, so their order does not matter.
//   - An answer that carried the new token is lost: the old token stays good until
//     the new one is shown, and the next answer carries it again.
//   - Requests under way when the new token is first shown: they hold the old one
//     and are served for the grace time. They are given no cookie.
//   - Two requests show the new token first, at once, on two nodes: one swap wins;
//     the other reads again and finds its token to be the current one.
//   - The session is ended while a request is judged: its swap loses, it reads
//     again and finds the end. A request that needed no swap was before the end.
//   - A thief copies the cookie: the first of the two to go on leaves the other
//     with a token that is too old, and showing it ends the session for both. A
//     thief who follows the browser's every change within the grace time is not
//     seen, until the browser pauses for longer than that.
//   - An answer that took longer than a whole rotation brings an old token back
//     into the jar, as does a browser that crashed before it wrote its cookies
//     down: the session ends, and the person signs in again. Applications must
//     answer faster than a rotation.

// Session is a person signed in with an account.
type Session struct {
	ID           roster.SessionID
	Account      roster.AccountID
	Organisation roster.OrganisationID
	Started      time.Time
	Seen         time.Time // when it was last used, to half a minute
	Factor       Factor
	SteppedUp    time.Time // when the person last proved to be there; zero before they did
	Device       string    // the browser that shows it, by its name in the ledger; empty when it has none

	key     Digest
	home    bool      // it is the portal's, where passkeys answer
	covered time.Time // until when a cookie of its device covers what is asked; zero where none is needed
}

// Why says why a session ended.
type Why string

const (
	Left      Why = "left"      // the person signed out, here or on another host
	Recalled  Why = "recalled"  // the identity provider said that the person has left
	Replaced  Why = "replaced"  // the person signed in again in the same browser
	Idle      Why = "idle"      // it was not used
	Aged      Why = "aged"      // it reached the longest life a session may have
	Moved     Why = "moved"     // its token came from a browser that says other things of itself
	Doubled   Why = "doubled"   // two browsers held it
	Dismissed Why = "dismissed" // it was called off, with all sessions of the account
	Copied    Why = "copied"    // its cookie was shown by a browser without its key
	PutBack   Why = "put-back"  // it had ended, and somebody put its row back as it was before
)

// Ended is a session that is over. It is the error for a request that shows it.
type Ended struct {
	Session      roster.SessionID
	Account      roster.AccountID
	Organisation roster.OrganisationID
	Why          Why
	At           time.Time
}

func (e *Ended) Error() string { return "the session ended: " + string(e.Why) }

// Who returns the session that r shows, and puts a new token on w when one is
// due. Otherwise the error is fault.Anonymous, and wraps *Ended if there was a
// session, ErrLocked if there is one that waits for a passkey, or ErrUnproven if one shows nobody
// before its browser proves that it is its own. It MUST be called once a request, before w's header is written.
func (d *Door) Who(w http.ResponseWriter, r *http.Request) (Session, error) {
	row, key, token, err := d.recognise(r)
	if err != nil {
		return Session{}, err
	}
	if err := d.awake(r.Context(), row, d.atHome(r)); err != nil {
		return Session{}, err
	}
	switch now := d.settings.Now(); {
	case d.uncovered(row, r, now):
		return Session{}, d.unknown(w, r, row)
	case d.lapsed(row, now):
		return Session{}, unproven
	}
	return d.shown(w, r, row, key, token), nil
}

// shown is the session that r shows, with a new token on w when one is due.
func (d *Door) shown(w http.ResponseWriter, r *http.Request, row Row, key, token string) Session {
	if digest(token) == row.Current && !d.settings.Now().Before(row.Rotated.Add(d.settings.Rotate)) {
		d.setSession(w, key, nextToken(token, row.Seed))
	}
	session := row.session()
	session.Device, session.home = d.device(r), d.atHome(r)
	if _, _, ok := row.device(); ok {
		session.covered = d.coveredUntil(row, r)
	}
	return session
}

// Sessions returns the open sessions of an account, the last begun first.
func (d *Door) Sessions(ctx context.Context, account roster.AccountID) (list []Session, err error) {
	rows, err := d.sessions.Of(ctx, account)
	if err != nil {
		return nil, fmt.Errorf("reading an account's sessions: %w", err)
	}
	now := instant(d.settings.Now())
	for _, row := range rows {
		if d.expire(row, now).Why == "" && !d.idle(row, now) && !d.over(row) {
			list = append(list, row.session())
		}
	}
	return list, nil
}

// recognise returns the open session that r shows, and what it showed.
func (d *Door) recognise(r *http.Request) (row Row, key, token string, err error) {
	key, token, ok := d.shownSession(r)
	if !ok {
		return Row{}, "", "", anonymous
	}
	row, err = d.change(r.Context(), digest(key), func(row Row, now time.Time) Row {
		return d.weigh(row, token, r, now)
	})
	return row, key, token, stands(row, err)
}

// Still says whether a session that Who returned goes on, for answers that last:
// nil, or the error Who would give. It does not count as use.
func (d *Door) Still(ctx context.Context, session Session) error {
	row, err := d.change(ctx, session.key, d.expire)
	if err = stands(row, err); err == nil {
		err = d.awake(ctx, row, session.home)
	}
	now := d.settings.Now()
	ended := !session.covered.IsZero() && !now.Before(session.covered) // a copy's answer MUST NOT last by its owner's proofs
	if err == nil && (d.lapsed(row, now) || ended) {
		err = unproven
	}
	return err
}

var unproven = &fault.Error{Kind: fault.Anonymous, Public: "nobody is signed in", Err: ErrUnproven}

var anonymous = &fault.Error{Kind: fault.Anonymous, Public: "nobody is signed in"}

// over reports whether a session has ended, whatever its row says.
func (d *Door) over(row Row) bool { return d.settings.Over != nil && d.settings.Over(row.ID) }

// stands sorts what change returned: nil if row is an open session.
func stands(row Row, err error) error {
	switch {
	case fault.Is(err, fault.Absent):
		return anonymous
	case err != nil:
		return fmt.Errorf("recognising a session: %w", err)
	case row.Why != "":
		return &fault.Error{Kind: fault.Anonymous, Public: anonymous.Public, Err: row.ending()}
	}
	return nil
}

// change turns the open session kept under key into what next makes of it, and
// returns it as it then is. A session that has ended does not change.
func (d *Door) change(ctx context.Context, key Digest, next func(Row, time.Time) Row) (Row, error) {
	// Each lost swap means that another request won its own, so requests always make
	// progress; the bound is for a store that lets no swap succeed.
	for range 100 {
		before, err := d.sessions.Find(ctx, key)
		if err != nil || before.Why != "" {
			return before, err
		}
		after := next(before, instant(d.settings.Now()))
		if d.over(before) { // by its row it goes on
			after = before.end(PutBack, instant(d.settings.Now()))
		}
		if after == before {
			return after, nil
		}
		swapped, err := d.sessions.Swap(ctx, after)
		if err != nil {
			return Row{}, err
		}
		if swapped {
			if after.Why != "" {
				d.settings.Told(ctx, *after.ending())
			}
			if before.Bound == "" && after.Bound == neverBound {
				d.settings.NotBound(ctx, after.session())
			}
			return after, nil
		}
	}
	return Row{}, &fault.Error{Kind: fault.Unavailable, Public: "too many requests at once"}
}

// weigh returns what row becomes when r shows token at now.
func (d *Door) weigh(row Row, token string, r *http.Request, now time.Time) Row {
	shown := digest(token)
	graced := shown == row.Previous && now.Before(row.Rotated.Add(d.settings.Grace))
	if shown != row.Current && shown != row.Next && !graced {
		return row.end(Doubled, now)
	}
	if !row.sameBrowser(r) {
		return row.end(Moved, now)
	}
	row = d.unboundFrom(d.expire(row, now), now)
	used := d.uses(row, r, now)
	switch {
	case row.Why != "":
	case shown == row.Next:
		seen := row.Seen
		if row = row.advance(token, now); !used {
			row.Seen = seen
		}
	case used && !now.Before(row.Seen.Add(seenEvery)):
		row.Seen = now
	}
	return row
}

// uses reports whether r is use of a session, which keeps it from being idle: a proof is none,
// nor is what shows nobody for want of one, or of a passkey. Nor is a WebSocket, which a page opens
// again by itself whenever it is closed.
func (d *Door) uses(row Row, r *http.Request, now time.Time) bool {
	return len(r.Header["Upgrade"]) == 0 && r.URL.Path != ProofPath && r.URL.Path != ChallengePath && !d.lapsed(row, now) && !d.uncovered(row, r, now) && !d.idle(row, now)
}

// expire ends row if it is too old.
func (d *Door) expire(row Row, now time.Time) Row {
	life := d.settings.Life
	switch {
	case row.Factor == ByKey:
		life = tokenLife
	case row.Factor == BySQL && row.Proven.IsZero():
		life = oneTimeLife
	}
	if !now.Before(row.Started.Add(life)) {
		return row.end(Aged, now)
	}
	return row
}

// advance makes token, shown at now, the current one.
func (row Row) advance(token string, now time.Time) Row {
	row.Previous = row.Current
	row.Current = digest(token)
	row.Seed = rand.Text()
	row.Next = digest(nextToken(token, row.Seed))
	row.Rotated, row.Seen = now, now
	return row
}

func (row Row) end(why Why, now time.Time) Row {
	row.Why, row.Ended, row.Hint = why, now, ""
	return row
}

func (row Row) session() Session {
	return Session{
		ID: row.ID, Account: row.Account, Organisation: row.Organisation,
		Started: row.Started, Seen: row.Seen, Factor: row.Factor, SteppedUp: row.SteppedUp, key: row.Key,
	}
}

func (row Row) ending() *Ended {
	return &Ended{
		Session: row.ID, Account: row.Account, Organisation: row.Organisation,
		Why: row.Why, At: row.Ended,
	}
}

// nextToken follows token in a session's chain. An attacker needs both the token, which
// only the browser has, and the seed, which only the database has.
func nextToken(token, seed string) string {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte("poterne/session/next/v1\x00" + seed))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// open starts a session for account in the browser that sent r, which has a name in the
// ledger, and returns its cookie's two parts.
func (d *Door) open(r *http.Request, account roster.Account, by proof, device string) (key, token string, err error) {
	key, token = rand.Text(), rand.Text()
	now := instant(d.settings.Now())
	row := Row{
		Key: digest(key), ID: roster.SessionID(rand.Text()[:16]),
		Account: account.ID, Organisation: account.Organisation,
		Factor: d.factor(by),
		Agent:  agentOf(r), Browser: browserOf(r),
		Started: now, Hint: by.Hint,
		Subject: subjectMark(by.Issuer, by.Subject), Named: sessionMark(by.Issuer, by.Session),
	}
	row = row.advance(token, now)
	row.Previous = Digest{} // nothing came before
	err = d.tried(r, by, Attempt{Account: account.ID, Organisation: account.Organisation, Session: row.ID, Device: device})
	if err != nil {
		return "", "", err
	}
	return key, token, d.sessions.Open(r.Context(), row)
}

// close ends the session that r shows, if it shows one that is open.
func (d *Door) close(r *http.Request, why Why) error {
	row, _, _, err := d.recognise(r)
	if err != nil {
		return err
	}
	_, err = d.change(r.Context(), row.Key, func(row Row, now time.Time) Row { return row.end(why, now) })
	return err
}
