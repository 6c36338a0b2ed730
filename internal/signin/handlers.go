package signin

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"

	"poterne/internal/fault"
	"poterne/internal/roster"
)

// Begin sends the browser to the identity provider. The address may say where to
// return to, as a local path.
func (d *Door) Begin(w http.ResponseWriter, r *http.Request) {
	d.send(w, r, Digest{}, localPath(r.URL.Query().Get("return")))
}

// send sends the browser to the identity provider, to open a session or to touch
// the one kept under a key, and then back to a local path.
func (d *Door) send(w http.ResponseWriter, r *http.Request, session Digest, back string) {
	origin, ok := d.origin(r)
	if !ok {
		d.fail(w, r, Unverified, errors.New("the request came to an origin that is not declared"))
		return
	}
	// Tabs of one browser sign in side by side: they share its mark.
	browser, ok := shownCookie(r, PendingCookie)
	if !ok {
		browser = rand.Text()
	}
	state := longText()
	pending := Pending{
		State: digest(state), Browser: digest(browser),
		Nonce: longText(), Verifier: oauth2.GenerateVerifier(),
		Origin: origin, Return: back, Session: session,
		Begun: instant(d.settings.Now()),
	}
	address, err := d.provider.begin(r.Context(), state, pending)
	if err == nil {
		err = d.shelf.Expect(r.Context(), pending, pendingMost)
	}
	if err != nil {
		d.fail(w, r, Unreachable, err)
		return
	}
	setCookie(w, PendingCookie, browser, pendingLife)
	redirect(w, address)
}

// Callback receives the browser back from the identity provider, and opens or
// touches a session if what the provider says holds and an account is bound to it.
func (d *Door) Callback(w http.ResponseWriter, r *http.Request) {
	answer := r.URL.Query()
	pending, err := d.take(r, answer.Get("state"))
	switch {
	case fault.Of(err) == fault.Absent:
		d.fail(w, r, Stale, err)
		return
	case err != nil:
		d.fail(w, r, Unreachable, err)
		return
	case pending.Session != Digest{}:
		d.touched(w, r, pending, answer)
		return
	}
	said, reason, err := d.prove(r, pending, answer)
	if err != nil {
		d.fail(w, r, reason, err)
		return
	}
	account, bar, err := d.admit(r, said)
	switch {
	case err != nil:
		d.fail(w, r, Unreachable, err)
	case bar != "":
		noStore(w)
		d.pages.Stranger(w, r, Visitor{
			GivenName: said.GivenName, UsualName: said.UsualName,
			Email: said.Email, SIRET: said.SIRET, Bar: bar,
		})
	default:
		d.enter(w, r, account, said, pending.Return)
	}
}

// prove turns what the provider sent back into a proof, or says why it is none.
func (d *Door) prove(r *http.Request, pending Pending, answer url.Values) (proof, Reason, error) {
	if answer.Has("error") {
		code := answer.Get("error")
		return proof{}, unanswered(code), fmt.Errorf("the identity provider answered %.40q", code)
	}
	said, err := d.provider.finish(r.Context(), pending, answer)
	return said, reason(err), err
}

// take returns the sign-in that state stands for, once, to the browser that
// began it, while it lasts. Otherwise the error is fault.Absent.
func (d *Door) take(r *http.Request, state string) (Pending, error) {
	pending, err := d.shelf.Take(r.Context(), digest(state))
	if err != nil {
		return Pending{}, err
	}
	browser, _ := shownCookie(r, PendingCookie)
	origin, _ := d.origin(r)
	mark := digest(browser)
	switch {
	case subtle.ConstantTimeCompare(mark[:], pending.Browser[:]) != 1:
		return Pending{}, stale("begun in another browser")
	case origin != pending.Origin:
		return Pending{}, stale("begun at another origin")
	case !d.settings.Now().Before(pending.Begun.Add(pendingLife)):
		return Pending{}, stale("begun too long ago")
	}
	return pending, nil
}

func stale(why string) error { return &fault.Error{Kind: fault.Absent, Err: errors.New(why)} }

// admit finds the account of the one whom the provider vouches for, or what keeps them out.
func (d *Door) admit(r *http.Request, by proof) (roster.Account, Bar, error) {
	account, organisation, err := d.accounts.ByIdentity(r.Context(), roster.Identity{
		Issuer: by.Issuer, Provider: by.Provider, Subject: by.Subject,
	})
	switch {
	case fault.Of(err) == fault.Absent:
		return roster.Account{}, NoAccount, nil
	case err != nil:
		return roster.Account{}, "", err
	case organisation.SIRET == "" || by.SIRET != organisation.SIRET || account.Organisation != organisation.ID:
		return roster.Account{}, OtherOrganisation, nil
	}
	return account, "", nil
}

// enter opens the session, in place of the one this browser may still have.
func (d *Door) enter(w http.ResponseWriter, r *http.Request, account roster.Account, by proof, target string) {
	if _, err := d.close(r, Replaced); err != nil && fault.Of(err) != fault.Anonymous {
		d.fail(w, r, Unreachable, err)
		return
	}
	key, token, err := d.open(r, account, by)
	if err != nil {
		d.fail(w, r, Unreachable, err)
		return
	}
	setSession(w, key, token)
	nameDevice(w, r)
	redirect(w, target)
}

// Leave ends the session here, then sends the browser to end it with the
// identity provider.
func (d *Door) Leave(w http.ResponseWriter, r *http.Request) {
	hint, err := d.close(r, Left)
	if err != nil && fault.Of(err) != fault.Anonymous {
		d.fail(w, r, Unreachable, err)
		return
	}
	dropSession(w)
	origin, declared := d.origin(r)
	if address := d.provider.end(r.Context(), hint, longText(), origin); declared && address != "" {
		redirect(w, address)
		return
	}
	d.Left(w, r)
}

// Left says that the session is over.
func (d *Door) Left(w http.ResponseWriter, r *http.Request) {
	noStore(w)
	d.pages.SignedOut(w, r)
}

// fail tells the person in one word, and the operator why. Neither err nor the
// log names anybody.
func (d *Door) fail(w http.ResponseWriter, r *http.Request, reason Reason, err error) {
	d.settings.Log.WarnContext(r.Context(), "sign-in failed", slog.String("reason", string(reason)), slog.Any("err", err))
	noStore(w)
	d.pages.Failed(w, r, reason)
}

// longText is an unguessable text; ProConnect wants 32 characters at least.
func longText() string { return rand.Text() + rand.Text() }

// redirect sends the browser on by GET, to an address that is written as it is.
func redirect(w http.ResponseWriter, address string) {
	noStore(w)
	w.Header().Set("Location", address)
	w.WriteHeader(http.StatusSeeOther)
}

func noStore(w http.ResponseWriter) { w.Header().Set("Cache-Control", "no-store") }

// localPath returns raw if a browser would take it for a path on this very
// origin, and outside the door itself; otherwise the front page.
func localPath(raw string) string {
	const front = "/"
	odd := func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' }
	if len(raw) > 2048 || !strings.HasPrefix(raw, "/") || strings.HasPrefix(raw, "//") || strings.ContainsFunc(raw, odd) {
		return front
	}
	u, err := url.Parse(raw)
	if err != nil || u.IsAbs() || u.Host != "" || strings.HasPrefix(u.Path, Prefix) {
		return front
	}
	return raw
}
