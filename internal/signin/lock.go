package signin

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"poterne/internal/fault"
)

// A session that was not used for Settings.Idle shows nobody, in any tab. Where its account has
// a passkey it is locked: one touch in that browser, and it goes on, up to Settings.Life. A
// thief who copied the cookie, or sits down at the computer, has not got it. Without a passkey, and on services
// with a host of their own, where no passkey answers, it ends, and the person signs in anew.
//
// A locked session is not used by what is refused, so that it stays locked; tokens change
// and browsers are told apart as ever.

// UnlockPath is where a locked session goes on: GET, ?return=…, asks for a passkey; POST brings
// its answer.
const UnlockPath = Prefix + "unlock"

// ErrLocked is the error of a request that shows a session which waits for a passkey.
var ErrLocked = errors.New("the session was not used for a while, and waits for a passkey")

var locked = &fault.Error{Kind: fault.Anonymous, Public: anonymous.Public, Err: ErrLocked}

// idle reports whether the session was not used for too long. Use is written down late, so it
// may be a little early, never late. A programme's token is never idle.
func (d *Door) idle(row Row, now time.Time) bool {
	return row.Factor != ByKey && !now.Before(row.Seen.Add(d.settings.Idle))
}

// awake returns nil if an open session is not idle. One that is, is locked if a passkey can
// unlock it, and ends otherwise.
func (d *Door) awake(ctx context.Context, row Row, home bool) error {
	if !d.idle(row, instant(d.settings.Now())) {
		return nil
	}
	if home {
		switch holds, err := d.Holds(ctx, row.Account); {
		case err != nil:
			return err
		case holds:
			return locked
		}
	}
	return stands(d.change(ctx, row.Key, func(row Row, now time.Time) Row {
		if d.idle(row, now) {
			row = row.end(Idle, now)
		}
		return row
	}))
}

// askUnlock shows the page that asks for the passkey, unless the session goes on.
func (d *Door) askUnlock(w http.ResponseWriter, r *http.Request) {
	back := "/"
	if !d.FromElsewhere(r) {
		back = localPath(r.URL.Query().Get("return"))
	}
	row, _, _, err := d.recognise(r)
	if err == nil {
		err = d.awake(r.Context(), row, d.atHome(r))
	}
	if err == nil && d.uncovered(row, r, d.settings.Now()) {
		err = d.touchable(r, row)
	}
	switch {
	case err == nil: // in another tab
		returns(w, back)
	case errors.Is(err, ErrLocked):
		d.showLocked(w, r, row, back, "")
	case fault.Is(err, fault.Anonymous):
		redirect(w, BeginPath+"?"+url.Values{"return": {back}}.Encode())
	default:
		d.fail(w, r, Unreachable, err)
	}
}

// showLocked asks for a passkey of the session's account; reason is why the last did not count.
func (d *Door) showLocked(w http.ResponseWriter, r *http.Request, row Row, back string, reason Reason) {
	account, why, err := d.holding(r.Context(), row.session())
	if err != nil {
		d.fail(w, r, why, err)
		return
	}
	asked, err := d.asks(r.Context(), account, challenge{For: ToGoOn, Session: row.Key[:], Return: back})
	if err != nil {
		d.fail(w, r, Unreachable, err)
		return
	}
	asked.Action, asked.Return, asked.Reason = UnlockPath, back, reason
	if !d.idle(row, d.settings.Now()) {
		asked.About = "device"
	}
	noStore(w)
	d.pages.Passkey(w, r, *asked)
}

// unlock lets a locked session go on, by a passkey's answer.
func (d *Door) unlock(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	row, _, _, err := d.recognise(r)
	if err != nil || !d.atHome(r) {
		d.fail(w, r, over(err), err)
		return
	}
	c, err := d.unwrap(r, ToGoOn)
	reason := Stale
	if err == nil && !bytes.Equal(c.Session, row.Key[:]) {
		err = errors.New("it was asked of another session")
	}
	if err == nil {
		reason, err = d.goesOn(r, row, c)
	}
	if _, _, ok := row.device(); ok && err == nil { // the person is there: the browser may have another key
		d.offer(w, row.Key)
		err = d.covers(w, row)
	}
	switch {
	case err == nil:
		returns(w, c.Return)
	case fault.Is(err, fault.Anonymous):
		d.fail(w, r, Stale, err)
	default:
		d.settings.Log.WarnContext(r.Context(), "a session stays locked", slog.String("reason", string(reason)), slog.Any("err", err))
		d.showLocked(w, r, row, localPath(c.Return), reason)
	}
}

// goesOn checks the answer, writes it down, and has the session be used from now on.
func (d *Door) goesOn(r *http.Request, row Row, c challenge) (Reason, error) {
	session := row.session()
	session.Device = d.device(r)
	account, reason, err := d.holding(r.Context(), session)
	if err != nil {
		return reason, err
	}
	touch, reason, err := d.touched(r, c, account)
	if err != nil {
		return reason, err
	}
	touch.Act, touch.Route = act{address: UnlockPath}.digest(), UnlockPath
	if reason, err := written(d.settings.SteppedUp(r, session, touch)); err != nil {
		return reason, err
	}
	return Unreachable, stands(d.change(r.Context(), row.Key, func(row Row, now time.Time) Row {
		row.Seen = now
		if _, _, ok := row.device(); ok {
			row.Proven = now
		}
		return row
	}))
}

// touchable is the error for a session of which a passkey is asked, or that takes a sign-in
// where none answers.
func (d *Door) touchable(r *http.Request, row Row) error {
	if !d.atHome(r) {
		return anonymous
	}
	switch holds, err := d.Holds(r.Context(), row.Account); {
	case err != nil:
		return err
	case holds:
		return locked
	}
	return anonymous
}
