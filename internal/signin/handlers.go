package signin

import (
	"crypto/rand"
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
// return to, as a local path; another site may not.
func (d *Door) Begin(w http.ResponseWriter, r *http.Request) {
	back := "/"
	if !d.FromElsewhere(r) {
		back = localPath(r.URL.Query().Get("return"))
	}
	p := d.chosen(r.URL.Query().Get("with"))
	if p == nil {
		d.choose(w, r, Choice{Action: BeginPath, Fields: []Field{{"return", back}}})
		return
	}
	d.send(w, r, SigninCookie, p, pending{Return: back})
}

// chosen is the provider that a person chose by its name, or the only one; nil when they have
// yet to choose.
func (d *Door) chosen(name string) *provider {
	if len(d.providers) == 1 {
		return d.providers[0]
	}
	for _, p := range d.providers {
		if p.settings.Name == name {
			return p
		}
	}
	return nil
}

func (d *Door) choose(w http.ResponseWriter, r *http.Request, among Choice) {
	for _, p := range d.providers {
		among.Names = append(among.Names, p.settings.Name)
	}
	noStore(w)
	d.pages.Choose(w, r, among)
}

// send sends the browser to an identity provider, to open a session, to step up the one
// that begun names or to accept its invitation, and then back to its local path.
func (d *Door) send(w http.ResponseWriter, r *http.Request, kind string, to *provider, begun pending) {
	origin, ok := d.origin(r)
	if !ok {
		d.fail(w, r, Unverified, errors.New("the request came to an origin that is not declared"))
		return
	}
	state := longText()
	begun.Issuer = to.settings.Issuer
	begun.Nonce, begun.Verifier, begun.Origin, begun.Begun = longText(), oauth2.GenerateVerifier(), origin, instant(d.settings.Now())
	address, err := to.begin(r.Context(), state, begun)
	if err != nil {
		d.fail(w, r, Unreachable, err)
		return
	}
	name := cookieOf(kind, state)
	sealed, err := d.seal(name, state, begun)
	if err != nil {
		d.fail(w, r, Unreachable, err)
		return
	}
	keep(w, r, kind, name, sealed)
	redirect(w, address)
}

// Callback receives the browser back from the identity provider, and opens or
// steps up a session if what the provider says holds and an account is bound to it.
func (d *Door) Callback(w http.ResponseWriter, r *http.Request) {
	answer := r.URL.Query()
	begun, cookie, err := d.unseal(r, answer.Get("state"))
	if cookie != "" {
		dropCookie(w, cookie) // whatever comes of it, it is over
	}
	switch {
	case fault.Is(err, fault.Absent):
		d.fail(w, r, Stale, err)
		return
	case err != nil:
		d.fail(w, r, Unreachable, err)
		return
	case begun.Session != nil:
		d.steppedUp(w, r, begun, answer)
		return
	}
	said, reason, err := d.prove(r, begun, answer)
	if err != nil {
		d.fail(w, r, reason, err)
		return
	}
	if begun.Invited != "" {
		d.invited(w, r, begun.Invited, said)
		return
	}
	if d.settings.Match != nil {
		d.matched(w, r, said, begun.Return)
		return
	}
	account, bar, err := d.admit(r, said)
	weak := d.profile(said).judge(said.ACR, said.AMR) == Weak
	if err == nil && weak && (bar == "" || bar == TooWeak) && d.signInByPasskey(w, r, account, said, begun.Return) {
		return
	}
	if err == nil && bar != "" {
		err = d.tried(r, said, Attempt{Bar: bar, Account: account.ID, Organisation: account.Organisation, Device: d.device(r)})
	}
	switch {
	case err != nil:
		d.fail(w, r, Unreachable, err)
	case bar != "":
		noStore(w)
		d.pages.Stranger(w, r, said.visitor(bar))
	default:
		d.enter(w, r, account, said, begun.Return)
	}
}

// visitor is whom the provider vouches for, for the page that says what bars them.
func (p proof) visitor(bar Bar) Visitor {
	return Visitor{GivenName: p.GivenName, UsualName: p.UsualName, Email: p.Email, SIRET: p.SIRET, Code: p.identity().Code(), Bar: bar}
}

// factor is how strong a proof is: the provider's word, and the passkey that was used too.
func (d *Door) factor(p proof) Factor {
	factor := d.profile(p).judge(p.ACR, p.AMR)
	if factor == Weak && p.touch != nil {
		return Passkey
	}
	return factor
}

// prove turns what the provider sent back into a proof, once for each state, or says
// why it is none.
func (d *Door) prove(r *http.Request, begun pending, answer url.Values) (proof, Reason, error) {
	if answer.Has("error") {
		code := answer.Get("error")
		return proof{}, unanswered(code), fmt.Errorf("the identity provider answered %.40q", code)
	}
	from := d.from(begun.Issuer)
	if from == nil {
		return proof{}, Stale, errors.New("the provider that was asked is none any more")
	}
	if r.URL.Path != from.settings.callback { // the code is another's: it must not be shown to this one
		return proof{}, Unverified, errors.New("the answer came to another provider's address")
	}
	said, err := from.finish(r.Context(), begun, answer)
	if err != nil {
		return proof{}, reason(err), err
	}
	// Only now: what an anonymous flood begins must not be able to fill the store.
	first, err := d.sessions.Once(r.Context(), digest("state "+answer.Get("state")), begun.Begun.Add(pendingLife))
	switch {
	case err != nil:
		return proof{}, Unreachable, err
	case !first:
		return proof{}, Stale, errors.New("the state was used already")
	}
	return said, "", nil
}

// tried writes down what came of a sign-in.
func (d *Door) tried(r *http.Request, by proof, what Attempt) error {
	what.Identity, what.SIRET = by.identity(), by.SIRET
	what.ACR, what.AMR, what.Factor, what.Touch = by.ACR, by.AMR, d.factor(by), by.touch
	if err := d.settings.Tried(r, what); err != nil {
		return fmt.Errorf("writing a sign-in down: %w", err)
	}
	return nil
}

// admit finds the account of a person the provider vouches for, or what bars them. The
// account is returned also when it is of another organisation, or the factor is too weak.
func (d *Door) admit(r *http.Request, by proof) (roster.Account, Bar, error) {
	account, organisation, err := d.accounts.ByIdentity(r.Context(), by.identity())
	switch {
	case fault.Is(err, fault.Absent):
		return roster.Account{}, NoAccount, nil
	case err != nil:
		return roster.Account{}, "", err
	case account.Organisation != organisation.ID || !d.profile(by).sameOrganisation(by.SIRET, organisation.SIRET):
		return account, OtherOrganisation, nil
	case !account.Gives(d.settings.Now()):
		return account, NotOpen, nil
	case !d.settings.AdmitWeak && d.profile(by).judge(by.ACR, by.AMR) == Weak:
		return account, TooWeak, nil
	}
	return account, "", nil
}

// enter opens the session, in place of the one this browser may still have.
func (d *Door) enter(w http.ResponseWriter, r *http.Request, account roster.Account, by proof, target string) {
	if err := d.close(r, Replaced); err != nil && !fault.Is(err, fault.Anonymous) {
		d.fail(w, r, Unreachable, err)
		return
	}
	device := deviceSecretOf(r)
	key, token, err := d.open(r, account, by, d.settings.Device(device))
	if err != nil {
		reason, err := written(err)
		d.fail(w, r, reason, err)
		return
	}
	d.setSession(w, key, token)
	d.offer(w, digest(key))
	if d.settings.Match == nil {
		setCookie(w, DeviceCookie, device, deviceLife)
	}
	d.enters(w, r, target)
}

// Leave ends every session of the account, since each host has one of its own. Then it
// sends the browser to end the session with the identity provider.
func (d *Door) Leave(w http.ResponseWriter, r *http.Request) {
	row, _, _, err := d.recognise(r)
	if err == nil {
		err = d.end(r.Context(), Whose{Account: row.Account}, Left)
	}
	if err != nil && !fault.Is(err, fault.Anonymous) {
		d.fail(w, r, Unreachable, err)
		return
	}
	dropCookie(w, d.sessionCookie())
	if d.binds() {
		dropCookie(w, BoundCookie)
	}
	if d.idle(row, d.settings.Now()) { // who a locked session is of is not said to whoever has its cookie
		row.Hint = ""
	}
	origin, declared := d.origin(r)
	if p := d.from(issuerOf(row.Hint)); p != nil && declared {
		if address := p.end(r.Context(), row.Hint, longText(), origin); address != "" {
			redirect(w, address)
			return
		}
	}
	d.Left(w, r)
}

// Left says that the session is over.
func (d *Door) Left(w http.ResponseWriter, r *http.Request) {
	noStore(w)
	d.pages.SignedOut(w, r)
}

// fail tells the person in one word, and the operator why. Neither err nor the log names
// a person.
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
	if len(raw) > longestReturn || !strings.HasPrefix(raw, "/") || strings.HasPrefix(raw, "//") || strings.ContainsFunc(raw, odd) {
		return front
	}
	u, err := url.Parse(raw)
	if err != nil || u.IsAbs() || u.Host != "" || strings.HasPrefix(u.Path, Prefix) && u.Path != AtHomePath {
		return front
	}
	return raw
}
