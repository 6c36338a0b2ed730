package signin

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"poterne/internal/fault"
	"poterne/internal/roster"
)

// A client of PostgreSQL has no browser, and shows neither a cookie nor a passkey: all that it
// can send is a name and a password. Nobody has a password of their own here. Whoever is signed
// in is given one in the portal, after a step-up: it is random, is kept as its digest, serves
// for one connection, begun within minutes, and by nobody but their account. From the moment it
// is given it is a session of the account, which ends with all of them, with the browser's
// session that it was given in, when it is not used, and at the age that any session ends at.
// Shown a second time, it ends what it began: two have it.
//
// A programme sends the token that it was given for its assertion.

// BySQL is the factor of who connected with a password that served once. It is as strong as the
// session that it was given in, and as the step-up before it.
const BySQL Factor = "sql"

// Late bars a password that was not used in time.
const Late Bar = "late"

const (
	oneTimeMark = "psq_" // begins every such password
	oneTimeLife = 5 * time.Minute
	mostOneTime = 5 // of an account, used or good still, at once
)

// Connections are the sessions of clients without a browser, which a door keeps.
type Connections struct{ d *Door }

// ConnectionsOf returns those of a door.
func ConnectionsOf(d *Door) Connections { return Connections{d} }

// oneTimeKey finds the session of a password: never one that a cookie or a token finds.
func oneTimeKey(password string) Digest { return digest("sql\x00" + password) }

// Password gives the account of a session, which the browser of r is in, a password that serves
// for one connection, until a time. The caller MUST have had the act confirmed.
func (c Connections) Password(r *http.Request, account roster.AccountID, in roster.SessionID) (password string, until time.Time, err error) {
	d := c.d
	rows, err := d.sessions.Of(r.Context(), account)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("reading an account's sessions: %w", err)
	}
	now := instant(d.settings.Now())
	var parent Row
	given := 0
	for _, row := range rows {
		switch {
		case d.expire(row, now).Why != "":
		case row.Factor == BySQL && !d.idle(row, now):
			given++
		case row.ID == in && row.Factor != BySQL && row.Factor != ByKey:
			parent = row
		}
	}
	switch {
	case parent.ID == "":
		return "", time.Time{}, anonymous
	case given >= mostOneTime:
		return "", time.Time{}, fault.Errorf(fault.Invalid, "%d of this account's passwords and connections are open: close one", given)
	}
	password = oneTimeMark + longText()
	row := Row{
		Key: oneTimeKey(password), ID: roster.SessionID(rand.Text()[:16]), Account: account, Organisation: parent.Organisation, Factor: BySQL,
		Browser: parent.Key, Seed: d.device(r), Subject: parent.Subject, Named: parent.Named,
		Started: now, Rotated: now, Seen: now, Bound: neverBound,
	}
	row.Current, row.Next = digest(longText()), digest(longText()) // no cookie has these
	return password, now.Add(oneTimeLife), d.sessions.Open(r.Context(), row)
}

// Connect returns the session that a client of another protocol begins: who says to be an
// account, from an address, and shows a password that was given for one connection, or a
// programme's token. Otherwise the error is fault.Anonymous, the same in every case. That
// somebody was let in, or shows what nobody may, is written first.
func (c Connections) Connect(ctx context.Context, from string, account roster.AccountID, password string) (Session, error) {
	d := c.d
	r := (&http.Request{Method: http.MethodGet, URL: &url.URL{}, Header: http.Header{}, RemoteAddr: from}).WithContext(ctx)
	if ours(password) {
		r.Header.Set("Authorization", "Bearer "+password)
		session, err := d.Programme(r)
		if err == nil && session.Account != account {
			err = anonymous
		}
		return session, err
	}
	key := oneTimeKey(password)
	before, err := d.sessions.Find(ctx, key)
	switch {
	case !strings.HasPrefix(password, oneTimeMark), fault.Is(err, fault.Absent), err == nil && (before.Account != account || before.Factor != BySQL):
		return Session{}, anonymous
	case err != nil:
		return Session{}, fmt.Errorf("looking for a password: %w", err)
	}
	won := false
	row, err := d.change(ctx, key, func(row Row, now time.Time) Row {
		row = d.expire(row, now)
		won = row.Why == "" && row.Proven.IsZero()
		switch {
		case won:
			row.Proven, row.Seen = now, now
		case row.Why == "":
			row = row.end(Doubled, now)
		}
		return row
	})
	if err != nil {
		return Session{}, fmt.Errorf("using a password: %w", err)
	}
	won = won && row.Why == "" // another may have ended it before it was kept
	attempt := Attempt{Factor: BySQL, Account: row.Account, Organisation: row.Organisation, Device: row.Seed}
	holder, organisation, err := d.accounts.Account(ctx, row.Account)
	switch {
	case fault.Is(err, fault.Absent):
		return Session{}, anonymous
	case err != nil:
		return Session{}, err
	}
	attempt.Identity = holder.Identity
	switch err := c.parent(ctx, row); {
	case !won && before.Why != "": // said already, or ended elsewhere: whoever has it shows it again at will
		return Session{}, anonymous
	case !won && row.Why == Aged:
		attempt.Bar = Late
	case !won && row.Why == Doubled:
		attempt.Bar = Replayed
	case !won:
		attempt.Bar = NotOpen
	case err != nil && !fault.Is(err, fault.Anonymous):
		return Session{}, errors.Join(err, c.Disconnect(ctx, row.session()))
	case err != nil, !holder.Gives(d.settings.Now()), holder.Organisation != organisation.ID, row.Organisation != holder.Organisation:
		attempt.Bar = NotOpen
	default:
		attempt.Session = row.ID
	}
	if err := d.settings.Tried(r, attempt); err != nil {
		return Session{}, errors.Join(fmt.Errorf("writing a sign-in down: %w", err), c.Disconnect(ctx, row.session()))
	}
	if attempt.Bar != "" {
		if won {
			err = c.Disconnect(ctx, row.session())
		}
		return Session{}, errors.Join(anonymous, err)
	}
	session := row.session()
	session.Device = row.Seed
	return session, nil
}

// Goes is Still for a session that Connect returned, and counts as use of it.
func (c Connections) Goes(ctx context.Context, session Session) error {
	d := c.d
	row, err := d.change(ctx, session.key, func(row Row, now time.Time) Row {
		row = d.expire(row, now)
		switch {
		case row.Why != "":
		case d.idle(row, now):
			row = row.end(Idle, now)
		case !now.Before(row.Seen.Add(seenEvery)):
			row.Seen = now
		}
		return row
	})
	if err = stands(row, err); err != nil || row.Factor != BySQL {
		return err
	}
	return c.parent(ctx, row)
}

// parent returns nil while the browser's session goes on in which a password was given. Where it
// is over, so is what the password began.
func (c Connections) parent(ctx context.Context, row Row) error {
	d := c.d
	parent, err := d.change(ctx, row.Browser, d.expire)
	err = stands(parent, err)
	if fault.Is(err, fault.Anonymous) {
		_, ends := d.change(ctx, row.Key, func(row Row, now time.Time) Row { return row.end(Left, now) })
		return errors.Join(err, ends)
	}
	return err
}

// Disconnect ends a session that Connect returned: its connection is over. A programme's token
// is good for others.
func (c Connections) Disconnect(ctx context.Context, session Session) error {
	d := c.d
	if session.Factor != BySQL {
		return nil
	}
	_, err := d.change(ctx, session.key, func(row Row, now time.Time) Row { return row.end(Left, now) })
	if fault.Is(err, fault.Absent) {
		return nil
	}
	return err
}
