package signin

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"poterne/internal/fault"
)

// A step-up is the proof that the person is there now, at this browser: by a passkey, see
// passkey.go, or where the account has none, or its holder cannot use it, by the identity
// provider, unless only passkeys count. The provider is asked to have the person sign in
// anew, and its answer counts only if
//
//   - it comes back to the session that asked, which goes on meanwhile;
//   - it is about the account of that session, and no weaker than its sign-in;
//   - it says that the person signed in after we asked, within the last minute. A
//     provider that answers from a session of its own is not believed.
//
// The step-up is written down before the session remembers it, and before the
// browser is sent back to where it was.

const (
	stepUpFresh = time.Minute      // how long ago the person may have signed in anew
	stepUpSkew  = 10 * time.Second // how far the provider's clock may be from ours
)

// StepUp sends the browser to the identity provider to step up its session. The form
// may say where to return to, as a local path. A person whose session is over signs in
// instead.
func (d *Door) StepUp(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	back := d.backTo(r.PostFormValue("return"))
	session, err := d.Who(w, r)
	holds := false
	if err == nil {
		holds, err = d.Holds(r.Context(), session.Account)
	}
	switch {
	case fault.Is(err, fault.Anonymous):
		redirect(w, BeginPath+"?"+url.Values{"return": {back}}.Encode())
	case err != nil:
		d.fail(w, r, Unreachable, err)
	case holds && (d.settings.PasskeysOnly || r.PostFormValue("by") != BySignIn):
		if !d.atHome(r) {
			redirect(w, d.settings.Origins[0]+AtHomePath+"?"+url.Values{"return": {d.ownOrigin(r) + back}}.Encode())
			return
		}
		d.confirmedStepUp(w, r, session, back)
	case d.settings.PasskeysOnly:
		noStore(w)
		d.pages.Unconfirmed(w, r, NoPasskey, back)
	default:
		account, _, err := d.accounts.Account(r.Context(), session.Account)
		if err != nil {
			d.fail(w, r, Unreachable, err)
			return
		}
		to := d.from(account.Identity.Issuer)
		if to == nil { // nobody answers for them there
			to = d.providers[0]
		}
		d.send(w, r, StepUpCookie, to, pending{Session: session.key[:], Return: back})
	}
}

// BySignIn is the value of a form's field "by" that asks for a fresh sign-in in place of a
// passkey.
const BySignIn = "sign-in"

// steppedUp receives the browser back with the answer to a step-up.
func (d *Door) steppedUp(w http.ResponseWriter, r *http.Request, begun pending, answer url.Values) {
	reason, err := d.stepUp(w, r, begun, answer)
	switch {
	case err == nil:
		returns(w, begun.Return)
	case reason == Stale: // the session itself is over, or this step-up is
		d.fail(w, r, Stale, err)
	default:
		d.settings.Log.WarnContext(r.Context(), "a step-up failed", slog.String("reason", string(reason)), slog.Any("err", err))
		noStore(w)
		d.pages.Unconfirmed(w, r, reason, begun.Return)
	}
}

// stepUp makes the session remember a step-up, or says why there was none.
func (d *Door) stepUp(w http.ResponseWriter, r *http.Request, begun pending, answer url.Values) (Reason, error) {
	row, key, token, err := d.recognise(r) // the person may have been at the provider for long, and proves more there
	if err == nil {
		err = d.awake(r.Context(), row, d.atHome(r))
	}
	switch {
	case fault.Is(err, fault.Anonymous):
		return Stale, err
	case err != nil:
		return Unreachable, err
	}
	session := d.shown(w, r, row, key, token)
	switch {
	case !bytes.Equal(session.key[:], begun.Session):
		return Stale, errors.New("the browser is in another session than the one that asked")
	}
	said, reason, err := d.prove(r, begun, answer)
	if err != nil {
		return reason, err
	}
	if reason, err := d.confirms(r, session, begun, said); err != nil {
		return reason, err
	}
	if err := d.settings.SteppedUp(r, session, nil); err != nil {
		return Unreachable, fmt.Errorf("writing a step-up down: %w", err)
	}
	err = stands(d.change(r.Context(), session.key, func(row Row, now time.Time) Row {
		row.SteppedUp = now
		return row
	}))
	if fault.Is(err, fault.Anonymous) {
		return Stale, err
	}
	return Unreachable, err
}

// confirms says what keeps a proof from being a step-up of the session, if anything.
func (d *Door) confirms(r *http.Request, session Session, begun pending, said proof) (Reason, error) {
	account, bar, err := d.admit(r, said)
	if err == nil && (bar == NoAccount || bar == OtherOrganisation) { // as a sign-in is, it is written down
		err = d.tried(r, said, Attempt{Bar: bar, Account: account.ID, Organisation: account.Organisation, Device: d.device(r)})
	}
	now := d.settings.Now()
	switch {
	case err != nil:
		return Unreachable, err
	case bar == TooWeak && account.ID == session.Account:
		return Weaker, errors.New("the factor is weak")
	case bar != "" || account.ID != session.Account || account.Organisation != session.Organisation:
		return SomebodyElse, errors.New("somebody else signed in")
	case session.Factor != Weak && d.profile(said).judge(said.ACR, said.AMR) != Strong:
		return Weaker, errors.New("the factor is weaker than the session's")
	case said.At.Before(now.Add(-stepUpFresh)) || said.At.Before(begun.Begun.Add(-stepUpSkew)) || said.At.After(now.Add(stepUpSkew)):
		return NotAsked, errors.New("auth_time is not of this moment")
	}
	return "", nil
}

// SteppedUpWithin reports whether the session was stepped up within span before now.
func (s Session) SteppedUpWithin(span time.Duration, now time.Time) bool {
	return !s.SteppedUp.IsZero() && now.Sub(s.SteppedUp) < span
}
