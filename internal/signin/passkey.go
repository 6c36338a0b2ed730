package signin

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"poterne/internal/fault"
	"poterne/internal/roster"
)

// A passkey proves that its holder is there now: nobody can be talked into sending it on, a
// page of another origin gets none of its answers, and a stolen session has not got it.
//
// What it is asked is a challenge that serves once, for two minutes. The page carries the
// challenge sealed under the secret that the nodes share, with what the answer will be good
// for: one act of one session, one sign-in that was too weak by itself, one passkey to be
// enrolled. An answer to anything else is refused.
//
//   - An act is the request that does it: its address and every field of its form. The page
//     that shows the act posts that very request again, with the answer.
//   - A passkey is enrolled by its holder only: in accepting an invitation, in a session that
//     has just proved a strong factor, or by another passkey of theirs.
//   - Each use is written down before it counts, in the turn that keeps the authenticator's
//     counter: of two answers with one count, on any nodes, the second disables the passkey.

// What a form has besides the act's own fields.
const (
	challengeField = "passkey-challenge"
	answerField    = "passkey-answer"
)

const (
	challengeLife = 2 * time.Minute
	strongFor     = 5 * time.Minute // after a strong proof, a passkey may be enrolled
)

// Purpose is what a passkey is asked for, or made for.
type Purpose string

const (
	ToAct    Purpose = "act"     // one act of a session
	ToSignIn Purpose = "sign-in" // a sign-in that was too weak
	ToGoOn   Purpose = "unlock"  // a session that was not used for a while goes on
	ToEnrol  Purpose = "enrol"   // a passkey is made, in a session
	ToAccept Purpose = "accept"  // a passkey is made, in accepting an invitation
)

// Asked is what a page asks of a passkey, or of an authenticator that is to make one.
type Asked struct {
	For       Purpose
	About     string // which act, where it is one of this package, or why it is asked; empty otherwise
	Action    string // where the answer is posted
	Fields    []Field
	Options   string // for the browser, in JSON
	Challenge string // what the form brings back, sealed
	Reason    Reason // why the last answer did not count; empty when there was none
	SignIn    bool   // a fresh sign-in may stand in
	Return    string // where the person comes back to, whatever comes of it
}

// Makes reports whether a passkey is to be made.
func (a Asked) Makes() bool { return a.For == ToEnrol || a.For == ToAccept }

// Field is a field of a form that is sent again as it was.
type Field struct{ Name, Value string }

// Touch is a passkey's proof, of which everything but the counter was checked.
type Touch struct {
	ID      []byte
	Counter uint32
	Synced  bool
	Act     Digest // what it allows
	Route   string // the address of that
}

// challenge is what a page asks a passkey, and what the answer is good for.
type challenge struct {
	For     Purpose              `json:"f"`
	Data    webauthn.SessionData `json:"d"`
	Session []byte               `json:"s,omitempty"` // the key of the session that is to act
	Act     []byte               `json:"a,omitempty"`
	Proof   *proof               `json:"p,omitempty"` // of whoever signs in or accepts
	Invited string               `json:"i,omitempty"` // the invitation's token
	Return  string               `json:"r,omitempty"`
	Begun   time.Time            `json:"b"`
}

// holder is whoever a passkey belongs to, as authenticators are told.
type holder struct {
	handle []byte
	name   string
	keys   []roster.Passkey
}

func (h holder) WebAuthnID() []byte          { return h.handle }
func (h holder) WebAuthnName() string        { return h.name }
func (h holder) WebAuthnDisplayName() string { return h.name }

func (h holder) WebAuthnCredentials() (list []webauthn.Credential) {
	for _, k := range h.keys {
		c := webauthn.Credential{ID: k.ID, PublicKey: k.Key, Flags: webauthn.CredentialFlags{BackupEligible: k.Syncable, BackupState: k.Synced}}
		for transport := range strings.FieldsSeq(k.Transports) {
			c.Transport = append(c.Transport, protocol.AuthenticatorTransport(transport))
		}
		list = append(list, c)
	}
	return list
}

// relyingParty is how authenticators know the portal; nil where there can be no passkeys:
// they are bound to a name, which a bare address is not.
func relyingParty(s Settings) (*webauthn.WebAuthn, error) {
	home, err := url.Parse(s.Origins[0])
	if err != nil || s.Passkeys == nil || net.ParseIP(home.Hostname()) != nil {
		return nil, err
	}
	return webauthn.New(&webauthn.Config{
		RPID: home.Hostname(), RPDisplayName: "Poterne", RPOrigins: []string{s.Origins[0]},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification: protocol.VerificationRequired,
		},
	})
}

// atHome reports whether r came to the portal, where passkeys are.
func (d *Door) atHome(r *http.Request) bool {
	origin, _ := d.origin(r)
	return origin == d.settings.Origins[0]
}

// Holds reports whether an account has a passkey, by which it confirms what it does.
func (d *Door) Holds(ctx context.Context, account roster.AccountID) (bool, error) {
	list, err := d.Passkeys(ctx, account)
	return len(list) > 0, err
}

// Passkeys returns the passkeys of an account that serve.
func (d *Door) Passkeys(ctx context.Context, account roster.AccountID) ([]roster.Passkey, error) {
	if d.party == nil {
		return nil, nil
	}
	list, err := d.settings.Passkeys(ctx, account)
	if err != nil {
		return nil, fmt.Errorf("reading an account's passkeys: %w", err)
	}
	return list, nil
}

// Confirm returns nil if r brings a passkey's answer for the very act that r is, in this
// session; and has then written it down. Otherwise it returns what is to be asked.
func (d *Door) Confirm(r *http.Request, s Session) (*Asked, error) {
	if err := r.ParseForm(); err != nil {
		return nil, &fault.Error{Kind: fault.Invalid, Err: err}
	}
	act := actOf(r)
	var reason Reason
	if r.PostForm.Has(challengeField) {
		var err error
		if reason, err = d.confirm(r, s, act); err == nil {
			return nil, nil
		}
		d.settings.Log.WarnContext(r.Context(), "a passkey's answer does not count", slog.String("reason", string(reason)), slog.Any("err", err))
		if reason == Unreachable {
			return nil, err
		}
	}
	asked, err := d.ask(r.Context(), s, act)
	if err == nil {
		asked.Reason = reason
	}
	return asked, err
}

// act is a request that does something.
type act struct {
	address string
	form    url.Values
}

// actOf is the act that r is, without what a passkey adds to it.
func actOf(r *http.Request) act {
	a := act{address: r.URL.RequestURI(), form: make(url.Values)}
	for name, values := range r.PostForm {
		if name != challengeField && name != answerField {
			a.form[name] = values
		}
	}
	return a
}

func (a act) digest() Digest { return digest("act POST " + a.address + "\n" + a.form.Encode()) }

// confirm checks a passkey's answer, and writes it down.
func (d *Door) confirm(r *http.Request, s Session, a act) (Reason, error) {
	c, err := d.unwrap(r, ToAct)
	switch asked := a.digest(); {
	case err != nil:
		return Stale, err
	case !bytes.Equal(c.Session, s.key[:]):
		return Stale, errors.New("it was asked of another session")
	case !bytes.Equal(c.Act, asked[:]):
		return AnotherAct, errors.New("it was asked for another act")
	}
	account, reason, err := d.holding(r.Context(), s)
	if err != nil {
		return reason, err
	}
	touch, reason, err := d.touched(r, c, account)
	if err != nil {
		return reason, err
	}
	touch.Act, touch.Route = a.digest(), a.address
	return written(d.settings.SteppedUp(r, s, touch))
}

// written sorts the error of writing a passkey's use down.
func written(err error) (Reason, error) {
	if fault.Is(err, fault.Refused) {
		return Disabled, err
	}
	return Unreachable, err
}

// holding returns a session's account, if it still gives anything.
func (d *Door) holding(ctx context.Context, s Session) (roster.Account, Reason, error) {
	account, _, err := d.accounts.Account(ctx, s.Account)
	switch {
	case err != nil && !fault.Is(err, fault.Absent):
		return account, Unreachable, err
	case err != nil || !account.Gives(d.settings.Now()):
		return account, Stale, errors.New("the account gives nothing any more")
	}
	return account, "", nil
}

// ask is what a page asks a passkey before an act.
func (d *Door) ask(ctx context.Context, s Session, a act) (*Asked, error) {
	account, _, err := d.holding(ctx, s)
	if err != nil {
		return nil, err
	}
	mark := a.digest()
	asked, err := d.asks(ctx, account, challenge{For: ToAct, Session: s.key[:], Act: mark[:]})
	if err != nil {
		return nil, err
	}
	asked.Action, asked.SignIn = a.address, !d.settings.PasskeysOnly
	for name, values := range a.form {
		for _, value := range values {
			asked.Fields = append(asked.Fields, Field{name, value})
		}
	}
	return asked, nil
}

// asks begins a challenge for the passkeys of an account.
func (d *Door) asks(ctx context.Context, account roster.Account, c challenge) (*Asked, error) {
	list, err := d.Passkeys(ctx, account.ID)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, fault.Errorf(fault.Refused, "this takes a confirmation, and the account has no passkey")
	}
	assertion, data, err := d.party.BeginLogin(holder{account.Identity.Handle(), account.Name, list}, webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, fmt.Errorf("asking for a passkey: %w", err)
	}
	c.Data = *data
	return d.wrap(c, assertion.Response)
}

// makes begins the making of a passkey.
func (d *Door) makes(h holder, c challenge) (*Asked, error) {
	creation, data, err := d.party.BeginRegistration(h, webauthn.WithExclusions(webauthn.Credentials(h.WebAuthnCredentials()).CredentialDescriptors()),
		webauthn.WithCredentialParameters(webauthn.CredentialParametersRecommendedL3()))
	if err != nil {
		return nil, fmt.Errorf("asking for a new passkey: %w", err)
	}
	c.Data = *data
	return d.wrap(c, creation.Response)
}

// wrap seals a challenge for the page that asks it.
func (d *Door) wrap(c challenge, options any) (*Asked, error) {
	c.Begun = instant(d.settings.Now())
	text, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	box, err := d.box("", sealsChallenges)
	if err != nil {
		return nil, err
	}
	said, err := json.Marshal(options)
	return &Asked{For: c.For, Options: string(said), Challenge: base64.RawURLEncoding.EncodeToString(box.Seal(nil, nil, text, []byte(c.For)))}, err
}

// unwrap returns the challenge that r brings back, if it was asked for a purpose and lasts.
func (d *Door) unwrap(r *http.Request, purpose Purpose) (c challenge, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(r.PostFormValue(challengeField))
	if err != nil {
		return c, errors.New("its challenge is not one of ours")
	}
	box, err := d.box("", sealsChallenges)
	if err != nil {
		return c, err
	}
	text, err := box.Open(nil, nil, raw, []byte(purpose))
	if err != nil {
		return c, errors.New("its challenge is not sealed by us, for this")
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, err
	}
	if now := d.settings.Now(); !now.Before(c.Begun.Add(challengeLife)) {
		return c, errors.New("it was asked too long ago")
	}
	return c, nil
}

// touched checks the answer that r brings of a passkey of an account.
func (d *Door) touched(r *http.Request, c challenge, account roster.Account) (*Touch, Reason, error) {
	list, err := d.Passkeys(r.Context(), account.ID)
	if err != nil {
		return nil, Unreachable, err
	}
	answer, err := protocol.ParseCredentialRequestResponseBytes([]byte(r.PostFormValue(answerField)))
	if err != nil {
		return nil, Unverified, said(err)
	}
	if _, err := d.party.ValidateLogin(holder{account.Identity.Handle(), account.Name, list}, c.Data, answer); err != nil {
		return nil, Unverified, said(err)
	}
	if reason, err := d.once(r, c); err != nil {
		return nil, reason, err
	}
	data := answer.Response.AuthenticatorData
	return &Touch{ID: answer.RawID, Counter: data.Counter, Synced: data.Flags.HasBackupState()}, "", nil
}

// once lets an answer serve once. It comes after the proof: a flood of wrong answers must
// not be able to fill the store.
func (d *Door) once(r *http.Request, c challenge) (Reason, error) {
	first, err := d.sessions.Once(r.Context(), digest("passkey "+c.Data.Challenge), c.Begun.Add(challengeLife))
	switch {
	case err != nil:
		return Unreachable, err
	case !first:
		return Stale, errors.New("the answer was used already")
	}
	return "", nil
}

// made checks the passkey that r brings.
func (d *Door) made(r *http.Request, c challenge, h holder) (roster.Passkey, Reason, error) {
	answer, err := protocol.ParseCredentialCreationResponseBytes([]byte(r.PostFormValue(answerField)))
	if err != nil {
		return roster.Passkey{}, Unverified, said(err)
	}
	credential, err := d.party.CreateCredential(h, c.Data, answer)
	if err != nil {
		return roster.Passkey{}, Unverified, said(err)
	}
	if reason, err := d.once(r, c); err != nil {
		return roster.Passkey{}, reason, err
	}
	k := roster.Passkey{
		ID: credential.ID, Key: credential.PublicKey, Counter: credential.Authenticator.SignCount, Name: strings.Join(strings.Fields(r.PostFormValue("name")), " "),
		Syncable: credential.Flags.BackupEligible, Synced: credential.Flags.BackupState,
	}
	for _, transport := range credential.Transport {
		if len(k.Transports) < 60 {
			k.Transports = strings.TrimSpace(k.Transports + " " + string(transport))
		}
	}
	return k, "", nil
}

// said is a library's error with all that it says of itself, which names nobody.
func said(err error) error {
	var told *protocol.Error
	if errors.As(err, &told) {
		return fmt.Errorf("%s: %s", told.Details, told.DevInfo)
	}
	return err
}

// confirmedStepUp steps a session up by a passkey, for no other act than that: what an
// empty allowance lets out is a step-up's own.
func (d *Door) confirmedStepUp(w http.ResponseWriter, r *http.Request, s Session, back string) {
	asked, err := d.Confirm(r, s)
	switch {
	case err != nil:
		d.fail(w, r, Unreachable, err)
	case asked != nil:
		asked.Return, asked.About = back, "refill"
		noStore(w)
		d.pages.Passkey(w, r, *asked)
	default:
		returns(w, back)
	}
}

// stepUpAtHome asks for a passkey at the portal, where a service on a host of its own sent
// the browser: a passkey answers the portal only.
func (d *Door) stepUpAtHome(w http.ResponseWriter, r *http.Request) {
	back := d.backTo(r.URL.Query().Get("return"))
	session, err := d.Who(w, r)
	if fault.Is(err, fault.Anonymous) {
		redirect(w, BeginPath+"?"+url.Values{"return": {r.URL.RequestURI()}}.Encode())
		return
	}
	var asked *Asked
	if err == nil {
		asked, err = d.ask(r.Context(), session, act{StepUpPath, url.Values{"return": {back}}})
	}
	if err != nil {
		d.fail(w, r, Unreachable, err)
		return
	}
	asked.Return, asked.About = back, "refill"
	noStore(w)
	d.pages.Passkey(w, r, *asked)
}

// backTo returns raw if it is a local path, or one of an origin of ours; otherwise the
// front page.
func (d *Door) backTo(raw string) string {
	for _, origin := range d.settings.Origins {
		if path, ours := strings.CutPrefix(raw, origin+"/"); ours && localPath("/"+path) == "/"+path {
			return raw
		}
	}
	return localPath(raw)
}

// beginEnrolment lets the person of a session enrol a passkey: first the proof that it is them, then
// the passkey itself.
func (d *Door) beginEnrolment(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	session, err := d.Who(w, r)
	if err != nil {
		d.fail(w, r, over(err), err)
		return
	}
	account, reason, err := d.holding(r.Context(), session)
	if err != nil || d.party == nil || !d.atHome(r) {
		d.fail(w, r, cmp.Or(reason, Unverified), err)
		return
	}
	list, err := d.Passkeys(r.Context(), account.ID)
	if err != nil {
		d.fail(w, r, Unreachable, err)
		return
	}
	h := holder{account.Identity.Handle(), account.Name, list}
	if c, err := d.unwrap(r, ToEnrol); err == nil {
		d.finishEnrolment(w, r, session, c, h)
		return
	}
	if !d.proved(session, list) {
		if len(list) == 0 {
			d.unconfirmed(w, r, NotStrong, errors.New("a passkey is enrolled after a strong factor"))
			return
		}
		asked, err := d.Confirm(r, session)
		if err != nil || asked != nil {
			d.show(w, r, asked, "another", err)
			return
		}
	}
	asked, err := d.makes(h, challenge{For: ToEnrol, Session: session.key[:]})
	if err == nil {
		asked.Action = EnrolPath
	}
	d.show(w, r, asked, "", err)
}

// proved reports whether the person of a session has proved who they are by a strong factor
// in the last minutes. Once they have a passkey, only a fresh sign-in counts: a session's
// beginning may have been seen by a thief.
func (d *Door) proved(s Session, list []roster.Passkey) bool {
	now := d.settings.Now()
	switch {
	case s.Factor != Strong:
		return false
	case s.SteppedUpWithin(strongFor, now):
		return true
	}
	return len(list) == 0 && now.Sub(s.Started) < strongFor
}

// finishEnrolment gives the session's account the passkey that r brings.
func (d *Door) finishEnrolment(w http.ResponseWriter, r *http.Request, s Session, c challenge, h holder) {
	if !bytes.Equal(c.Session, s.key[:]) {
		d.unconfirmed(w, r, Stale, errors.New("it was begun in another session"))
		return
	}
	k, reason, err := d.made(r, c, h)
	if err != nil {
		d.unconfirmed(w, r, reason, err)
		return
	}
	k.Account = s.Account
	if err := d.settings.Enrol(r, s, k); err != nil {
		d.unconfirmed(w, r, refusal(err), err)
		return
	}
	returns(w, OwnPath+"?said=enrolled")
}

// removePasskey takes a passkey away from the account of a session.
func (d *Door) removePasskey(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	session, err := d.Who(w, r)
	if err != nil {
		d.fail(w, r, over(err), err)
		return
	}
	list, err := d.Passkeys(r.Context(), session.Account)
	if err != nil {
		d.fail(w, r, Unreachable, err)
		return
	}
	var meant []byte
	for _, k := range list {
		if k.Print() == r.PostFormValue("passkey") {
			meant = k.ID
		}
	}
	if meant == nil {
		d.unconfirmed(w, r, Stale, errors.New("there is no such passkey"))
		return
	}
	if !session.SteppedUpWithin(strongFor, d.settings.Now()) {
		asked, err := d.Confirm(r, session)
		if err != nil || asked != nil {
			d.show(w, r, asked, "removal", err)
			return
		}
	}
	if err := d.settings.Remove(r, session, meant, session.Factor == Strong); err != nil {
		d.unconfirmed(w, r, refusal(err), err)
		return
	}
	returns(w, OwnPath+"?said=unenrolled")
}

// show shows what is asked on the way to one's own page.
func (d *Door) show(w http.ResponseWriter, r *http.Request, asked *Asked, about string, err error) {
	if err != nil {
		d.fail(w, r, Unreachable, err)
		return
	}
	asked.Return, asked.About = OwnPath, about
	noStore(w)
	d.pages.Passkey(w, r, *asked)
}

func (d *Door) unconfirmed(w http.ResponseWriter, r *http.Request, reason Reason, err error) {
	d.settings.Log.WarnContext(r.Context(), "a passkey was not enrolled or removed", slog.String("reason", string(reason)), slog.Any("err", err))
	noStore(w)
	d.pages.Unconfirmed(w, r, reason, OwnPath)
}

// refusal is the reason of an act about passkeys that did not come to be.
func refusal(err error) Reason {
	switch {
	case fault.Is(err, fault.Refused), fault.Is(err, fault.Absent):
		return NotAllowed
	case fault.Is(err, fault.Invalid):
		return NotKept
	}
	return Unreachable
}

// signInByPasskey asks for a passkey where the identity provider vouched by a weak factor,
// and reports whether it did: the account has one, and this is the portal.
func (d *Door) signInByPasskey(w http.ResponseWriter, r *http.Request, account roster.Account, by proof, back string) bool {
	holds, err := d.Holds(r.Context(), account.ID)
	if err == nil && (!holds || !d.atHome(r)) {
		return false
	}
	var asked *Asked
	if err == nil {
		asked, err = d.asks(r.Context(), account, challenge{For: ToSignIn, Proof: &by, Return: back})
	}
	if err != nil {
		d.fail(w, r, Unreachable, err)
		return true
	}
	asked.Action = PasskeyPath
	noStore(w)
	d.pages.Passkey(w, r, *asked)
	return true
}

// signedInByPasskey opens a session for whom the identity provider vouched by a weak factor,
// and who has now used a passkey.
func (d *Door) signedInByPasskey(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	c, err := d.unwrap(r, ToSignIn)
	if err != nil || c.Proof == nil {
		d.fail(w, r, Stale, err)
		return
	}
	by := *c.Proof
	account, bar, err := d.admit(r, by)
	if err == nil && bar != "" && bar != TooWeak {
		err = d.tried(r, by, Attempt{Bar: bar, Account: account.ID, Organisation: account.Organisation, Device: d.device(r)})
		if err == nil {
			noStore(w)
			d.pages.Stranger(w, r, by.visitor(bar))
			return
		}
	}
	if err != nil {
		d.fail(w, r, Unreachable, err)
		return
	}
	touch, reason, err := d.touched(r, c, account)
	if err != nil {
		d.fail(w, r, reason, err)
		return
	}
	by.touch = touch
	d.enter(w, r, account, by, c.Return)
}

// acceptByPasskey asks whoever accepts an invitation by a weak factor for a passkey of their
// own, and reports whether it did.
func (d *Door) acceptByPasskey(w http.ResponseWriter, r *http.Request, token string, by proof) bool {
	if d.party == nil || !d.atHome(r) {
		return false
	}
	asked, err := d.makes(by.holder(), challenge{For: ToAccept, Proof: &by, Invited: token})
	if err != nil {
		d.fail(w, r, Unreachable, err)
		return true
	}
	asked.Action = AcceptPath
	noStore(w)
	d.pages.Passkey(w, r, *asked)
	return true
}

// acceptedByPasskey accepts an invitation for whom the identity provider vouched by a weak
// factor, and who has now made a passkey.
func (d *Door) acceptedByPasskey(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	c, err := d.unwrap(r, ToAccept)
	if err != nil || c.Proof == nil {
		d.fail(w, r, Stale, err)
		return
	}
	k, reason, err := d.made(r, c, c.Proof.holder())
	if err != nil {
		d.fail(w, r, reason, err)
		return
	}
	d.accept(w, r, c.Invited, *c.Proof, &k)
}

// holder is whom the provider vouches for, who may have no account yet.
func (p proof) holder() holder {
	name := strings.TrimSpace(p.GivenName + " " + p.UsualName)
	if name == "" {
		name = p.identity().Code()
	}
	return holder{handle: p.identity().Handle(), name: name}
}

// over is why a session is not there: it ended, or cannot be read.
func over(err error) Reason {
	if fault.Is(err, fault.Anonymous) {
		return Stale
	}
	return Unreachable
}
