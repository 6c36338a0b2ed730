// Package signin says who is asking. It opens a session only on an OpenID
// Connect ID token that it verified itself, ties the session to the browser it
// began in, and ends it when it is left, idle, too old, called off, or held by
// two browsers. Being signed in gives no right: that is roster's and policy's.
//
// All that must be remembered is in Sessions, so that any node can answer for
// any session, and every change of a session is one compare-and-swap.
package signin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"poterne/internal/fault"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Where the door's handlers are mounted, on every origin.
const (
	Prefix       = "/.poterne/"
	BeginPath    = Prefix + "begin"      // GET, ?return=/where/to/go/back
	CallbackPath = Prefix + "callback"   // GET, registered with the identity provider; further providers have one each below it
	StepUpPath   = Prefix + "step-up"    // POST, return=/where/to/go/back
	LeavePath    = Prefix + "leave"      // POST
	LeftPath     = Prefix + "left"       // GET, registered with the identity provider
	InvitedPath  = Prefix + "invitation" // GET shows, and changes nothing; POST, token=…, goes to the identity provider
	RecallPath   = Prefix + "recall"     // POST by the identity provider, registered there as the back-channel logout URI

	EnrolPath   = Prefix + "passkey"            // POST, in a session
	RemovePath  = Prefix + "passkey/remove"     // POST, passkey=…
	PasskeyPath = Prefix + "passkey/sign-in"    // POST, after a sign-in that was too weak
	AcceptPath  = Prefix + "passkey/invitation" // POST, in accepting an invitation
	AtHomePath  = Prefix + "passkey/step-up"    // GET, ?return=…, for services on hosts of their own

	OwnPath = "/sessions" // where people see their sessions and passkeys
)

// Settings configure a Door. A zero duration takes its default.
type Settings struct {
	Issuer       string   // the identity provider's issuer URL
	ClientID     string   // as registered with it
	ClientSecret string   // as registered with it; or the private key whose other half is
	Profile      Profile  // how it is spoken to and believed; ProConnect's when empty
	Name         string   // what people call it, where there are others to choose from
	Others       []Party  // further providers
	AdmitWeak    bool     // lets in who proved who they are by a password or a code that was sent
	Secret       []byte   // random, SecretBytes at least, and the same on every node: seals sign-ins under way
	Algorithms   []string // asymmetric only; RS256 and ES256 when empty
	Origins      []string // how people reach Poterne, such as https://poterne.example

	Idle   time.Duration // a session unused this long waits for a passkey, or ends: 10 minutes
	Life   time.Duration // a session ends at this age: 10 hours
	Rotate time.Duration // a token in use is replaced after this: 1 minute
	Grace  time.Duration // a replaced token serves requests under way: 10 seconds
	Proof  time.Duration // a bound session shows nobody this long after its last proof: 2 minutes

	Bound time.Duration // a session bound to its device shows nobody to a cookie this old: 5 minutes

	Client *http.Client                 // reaches the identity provider; nil: one with a time limit
	Now    func() time.Time             // nil: time.Now
	Log    *slog.Logger                 // nil: nothing is logged
	Told   func(context.Context, Ended) // hears of each session that was ended, once; may be nil
	// Over reports whether it is known from elsewhere that a session has ended, whatever its row
	// says. Nil: from nowhere.
	Over func(roster.SessionID) bool

	// Tried writes a sign-in down before it counts, granted or refused, on the request that
	// brought the browser back. Nil: nobody signs in.
	Tried func(*http.Request, Attempt) error
	// Invited binds an invitation, by its token, to who signed in to accept it: of says
	// whether what the provider asserts fits an organisation's SIRET. It reports whether
	// there is an account at once. Nil: nobody is invited.
	Invited func(r *http.Request, token string, by Attempt, mail string, of func(siret string) bool) (Welcome, error)
	// Match finds the person of the register whose civil status a provider asserts, and writes
	// down that it did; fault.Absent when exactly one is not found. The reference is what their
	// session keeps of them beside their pseudonym. With it the door lets in people who see their
	// own file, and no account: MountPeople is for it. Nil: accounts.
	Match func(r *http.Request, civil register.Civil) (person register.PersonID, reference string, err error)
	// SteppedUp writes a step-up down before it counts, on the request that brought the
	// proof: by a passkey, or by a fresh sign-in when there is no touch. It is fault.Refused
	// when the passkey serves no more. Nil: there are no step-ups.
	SteppedUp func(*http.Request, Session, *Touch) error
	// Passkeys returns the passkeys of an account that serve. Nil: there are none, and
	// nobody enrols one.
	Passkeys func(context.Context, roster.AccountID) ([]roster.Passkey, error)
	// Enrol gives the account of a session a passkey, and Remove takes one away: the last,
	// if so said.
	Enrol  func(*http.Request, Session, roster.Passkey) error
	Remove func(r *http.Request, s Session, id []byte, last bool) error
	// PasskeysOnly has no fresh sign-in stand in for a passkey.
	PasskeysOnly bool
	// Bind has sessions bound to a key of their browser.
	Bind bool
	// NotBound hears, once, of a session that was not bound to its browser in time; may be nil.
	NotBound func(context.Context, Session)
	// Keyless hears, once, of a session that was shown without the key of its device; may be nil.
	Keyless func(context.Context, Session)
	// Device returns the name that a browser has in the ledger, from its secret. Nil: no
	// browser has one.
	Device func(secret string) string

	callback string // the path that the provider answers at: see at
}

// Party is a further identity provider, and who we are to it.
type Party struct {
	Name         string // what people call it
	Issuer       string
	ClientID     string
	ClientSecret string
	Profile      Profile
}

// unsaid is what of a provider's name its address does not say.
var unsaid = regexp.MustCompile(`[^a-z0-9]+`)

// at are the settings as they are for each provider, the first first. Each answers at an
// address of its own, so that the answer of one that names no issuer is not taken for another's.
func (s Settings) at() []Settings {
	s.callback = CallbackPath
	all := []Settings{s}
	for _, o := range s.Others {
		one := s
		one.Name, one.Issuer, one.ClientID, one.ClientSecret, one.Profile = o.Name, o.Issuer, o.ClientID, o.ClientSecret, o.Profile
		one.callback = CallbackPath + "/" + unsaid.ReplaceAllString(strings.ToLower(o.Name), "-")
		if one.Profile.UserInfo == "" {
			one.Profile = ProConnect()
		}
		all = append(all, one)
	}
	return all
}

// Issuers are those of all providers.
func (s Settings) Issuers() (list []string) {
	for _, one := range s.at() {
		list = append(list, one.Issuer)
	}
	return list
}

// Accounts finds accounts.
type Accounts interface {
	// ByIdentity returns the account bound to identity and its organisation.
	// The error is fault.Absent when there is none.
	ByIdentity(ctx context.Context, identity roster.Identity) (roster.Account, roster.Organisation, error)
	// Account returns an account and its organisation; fault.Absent when there is none.
	Account(context.Context, roster.AccountID) (roster.Account, roster.Organisation, error)
}

// Pages shows people the outcome of signing in. Each method MUST write a whole response,
// status included.
type Pages interface {
	// Stranger tells a person the identity provider vouches for why they have no access
	// here, and who can give it.
	Stranger(w http.ResponseWriter, r *http.Request, visitor Visitor)
	// Invitation shows an invitation, which is accepted by POST: programs that look at
	// mail follow links.
	Invitation(w http.ResponseWriter, r *http.Request, token string)
	// Welcomed says what came of accepting an invitation.
	Welcomed(w http.ResponseWriter, r *http.Request, visitor Visitor, welcome Welcome)
	// Choose has the person choose the provider that they sign in with.
	Choose(w http.ResponseWriter, r *http.Request, among Choice)
	// Failed tells why signing in did not work and offers to begin again.
	Failed(w http.ResponseWriter, r *http.Request, reason Reason)
	// Unconfirmed tells why a step-up did not work, and offers to try again on the way
	// to target. The session goes on.
	Unconfirmed(w http.ResponseWriter, r *http.Request, reason Reason, target string)
	// Passkey shows what a passkey is asked for, or made for.
	Passkey(w http.ResponseWriter, r *http.Request, asked Asked)
	// Prove has the browser prove that the session is its own, and go on to target: bound says
	// that it must, or be bound to a key of the browser's if it can.
	Prove(w http.ResponseWriter, r *http.Request, target string, bound bool)
	// SignedOut says that the session is over.
	SignedOut(w http.ResponseWriter, r *http.Request)
}

// Choice is the providers that a person may sign in with: each by a form's field "with".
type Choice struct {
	Action string // where the form goes: by POST where it has a token, else by GET
	Fields []Field
	Names  []string
}

// Visitor is a person the identity provider vouches for and who has no access here. It is
// for the page they see, and MUST NOT be stored.
type Visitor struct {
	GivenName string
	UsualName string
	Email     string
	SIRET     string
	Code      string // what they read out to whoever manages accounts: see roster.Identity
	Bar       Bar
}

// Welcome is what came of accepting an invitation.
type Welcome string

const (
	Begun      Welcome = "begun"      // there is an account
	Confirming Welcome = "confirming" // a second person confirms who accepted it
	Over       Welcome = "over"       // the invitation serves no more
	NotTheirs  Welcome = "not-theirs" // it is for another identity, or of another organisation, or this one has an account
)

// Attempt is a sign-in that an identity provider vouched for, and what came of it.
type Attempt struct {
	Identity     roster.Identity
	SIRET        string // as asserted
	ACR          string
	AMR          []string
	Factor       Factor
	Bar          Bar                   // what kept the person out; empty when nothing did
	Account      roster.AccountID      // empty when the identity has none
	Organisation roster.OrganisationID // of the account
	Session      roster.SessionID      // that is about to open; empty when none is
	Device       string                // the browser, by its name in the ledger; empty when it has none yet
	Touch        *Touch                // the passkey that was used, too
	Passkey      *roster.Passkey       // that was enrolled in accepting an invitation
	Until        time.Time             // when the certificate ends that a programme showed; zero where it showed none
}

// Bar says what keeps a visitor out.
type Bar string

const (
	NoAccount         Bar = "no-account"         // this identity has no account
	TooWeak           Bar = "too-weak"           // the factor is weak, and the door admits none
	NotOpen           Bar = "not-open"           // the account is closed, has ended, or waits for a second person
	OtherOrganisation Bar = "other-organisation" // the account belongs to another SIRET than the one asserted
	NotOnePerson      Bar = "not-one-person"     // the register has not exactly one person of this civil status
)

// Reason says why signing in, or a step-up, did not work.
type Reason string

const (
	Stale       Reason = "stale"       // begun too long ago, already used, or in another browser
	Declined    Reason = "declined"    // the identity provider said no, or the person did
	Unverified  Reason = "unverified"  // what the identity provider sent does not hold
	Unreachable Reason = "unreachable" // the identity provider or our own store did not answer

	SomebodyElse Reason = "somebody-else" // another person answered for the step-up
	Weaker       Reason = "weaker"        // the step-up used a weaker factor than the sign-in
	NotAsked     Reason = "not-asked"     // the identity provider did not have the person sign in anew

	AnotherAct Reason = "another-act" // the passkey was asked for another act
	Disabled   Reason = "disabled"    // the passkey serves no more: it was removed, or two authenticators have it
	NotStrong  Reason = "not-strong"  // no strong factor was proved in the last minutes
	NoPasskey  Reason = "no-passkey"  // the account has none, and nothing stands in
	NotAllowed Reason = "not-allowed" // the passkey may not be enrolled or removed
	NotKept    Reason = "not-kept"    // the passkey is one too many, or has no name
)

// Door is where people sign in, are recognised and leave. It is safe to share.
type Door struct {
	settings  Settings
	sessions  Sessions
	accounts  Accounts
	pages     Pages
	providers []*provider        // one at least
	party     *webauthn.WebAuthn // nil where there can be no passkeys
}

const (
	seenEvery = 30 * time.Second // how often the use of a session is written down
)

// New returns a door for one identity provider or several. Its error lists everything that is wrong
// with the settings. It makes no network request.
func New(s Settings, sessions Sessions, accounts Accounts, pages Pages) (*Door, error) {
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("sign-in: %w", err)
	}
	s = s.withDefaults()
	party, err := relyingParty(s)
	if err != nil {
		return nil, fmt.Errorf("passkeys: %w", err)
	}
	d := &Door{settings: s, sessions: sessions, accounts: accounts, pages: pages, party: party}
	for _, one := range s.at() {
		d.providers = append(d.providers, newProvider(one))
	}
	return d, nil
}

// from returns the provider of an issuer; nil when there is none.
func (d *Door) from(issuer string) *provider {
	for _, p := range d.providers {
		if p.settings.Issuer == issuer {
			return p
		}
	}
	return nil
}

// profile is how the provider that a proof is from is believed.
func (d *Door) profile(by proof) Profile {
	if p := d.from(by.Issuer); p != nil {
		return p.settings.Profile
	}
	return Profile{} // nothing counts: it was sealed before the provider was removed
}

// withDefaults fills in what may be left out.
func (s Settings) withDefaults() Settings {
	s.Idle = orDefault(s.Idle, 10*time.Minute)
	s.Life = orDefault(s.Life, roster.SessionLife)
	s.Rotate = orDefault(s.Rotate, time.Minute)
	s.Grace = orDefault(s.Grace, 10*time.Second)
	s.Proof = orDefault(s.Proof, 2*time.Minute)
	s.Bound = orDefault(s.Bound, 5*time.Minute)
	if len(s.Algorithms) == 0 {
		s.Algorithms = []string{"RS256", "ES256"}
	}
	if s.Profile.UserInfo == "" {
		s.Profile = ProConnect()
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	if s.Told == nil {
		s.Told = func(context.Context, Ended) {}
	}
	if s.NotBound == nil {
		s.NotBound = func(context.Context, Session) {}
	}
	if s.Keyless == nil {
		s.Keyless = func(context.Context, Session) {}
	}
	if s.Tried == nil {
		s.Tried = func(*http.Request, Attempt) error { return errors.New("sign-ins are not kept here") }
	}
	if s.Invited == nil {
		s.Invited = func(*http.Request, string, Attempt, string, func(string) bool) (Welcome, error) { return Over, nil }
	}
	if s.SteppedUp == nil {
		s.SteppedUp = func(*http.Request, Session, *Touch) error { return errors.New("step-ups are not kept here") }
	}
	if s.Device == nil {
		s.Device = func(string) string { return "" }
	}
	return s
}

func orDefault(d, standard time.Duration) time.Duration {
	if d == 0 {
		return standard
	}
	return d
}

// Check says everything that is wrong with the settings, as fault.Complaints.
func (s Settings) Check() error {
	s = s.withDefaults()
	var wrong fault.Complaints
	if len(s.Secret) < SecretBytes {
		wrong.Add("", "the secret that the nodes share has %d bytes, not %d at least", len(s.Secret), SecretBytes)
	}
	for _, alg := range s.Algorithms {
		if !slices.Contains(asymmetric, alg) {
			wrong.Add("", "algorithm %q is not one of %v", alg, asymmetric)
		}
	}
	for i, one := range s.at() {
		one.checkProvider(&wrong)
		for _, other := range s.at()[:i] {
			if other.Issuer == one.Issuer || other.Name == one.Name {
				wrong.Add("other", "two providers have one issuer, or one name by which people choose")
			} else if other.callback == one.callback {
				wrong.Add("other", "two providers would answer at %s: have their names differ in more than signs and accents", one.callback)
			}
		}
		if len(s.Others) > 0 && one.Name == "" {
			wrong.Add("name", "people choose a provider by its name; write one")
		}
	}
	if len(s.Origins) == 0 {
		wrong.Add("", "at least one origin is needed, such as https://poterne.example")
	}
	for _, origin := range s.Origins {
		if err := confidential(origin); err != nil {
			wrong.Add("", "origin: %v", err)
		} else if u, _ := url.Parse(origin); u.Scheme+"://"+u.Host != origin {
			wrong.Add("", "origin %q is more than a scheme and a host", origin)
		}
	}
	if min(s.Idle, s.Life, s.Rotate, s.Grace, s.Proof, s.Bound) < 0 {
		wrong.Add("", "a duration is negative")
	}
	if s.Life > roster.SessionLife {
		wrong.Add("", "a session cannot live for %v: for %v it is known that one has ended", s.Life, roster.SessionLife)
	}
	if s.Idle > s.Life {
		wrong.Add("", "a session cannot be idle (%v) for longer than it lives (%v)", s.Idle, s.Life)
	}
	if s.Idle <= seenEvery {
		wrong.Add("", "idle time must be more than %v, how often use is written down", seenEvery)
	}
	if s.Grace >= s.Rotate {
		wrong.Add("", "grace (%v) must be shorter than rotation (%v)", s.Grace, s.Rotate)
	}
	return wrong.Err()
}

// checkProvider says what is wrong with how a provider is reached and believed.
func (s Settings) checkProvider(wrong *fault.Complaints) {
	if err := confidential(s.Issuer); err != nil {
		wrong.Add("issuer", "%v", err)
	}
	if s.ClientID == "" || s.ClientSecret == "" {
		wrong.Add("", "the client identifier and its secret are both needed")
	}
	s.Profile.check(wrong)
	if s.Profile.ClientAuth == PrivateKey && s.ClientSecret != "" {
		if _, err := clientKey(s.ClientSecret); err != nil {
			wrong.Add("client_secret_file", "%v", err)
		}
	}
}

// confidential accepts the URLs over which a secret may travel: https, or this
// very machine.
func confidential(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return fmt.Errorf("%q is not an absolute URL", raw)
	}
	if Confidential(u) {
		return nil
	}
	return fmt.Errorf("%q is not https", raw)
}

// Confidential reports whether nobody on the way can listen or meddle: it is https, or
// stays on this very machine.
func Confidential(u *url.URL) bool {
	return u.Scheme == "https" || u.Scheme == "http" && Loopback(u.Hostname())
}

// Loopback reports whether a host is this machine as only itself can reach it.
func Loopback(host string) bool {
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(host).IsLoopback()
}

// Mount puts the door's handlers on mux.
func (d *Door) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET "+BeginPath, d.Begin)
	mux.HandleFunc("GET "+CallbackPath, d.Callback)
	mux.HandleFunc("GET "+CallbackPath+"/{provider}", d.Callback)
	mux.HandleFunc("POST "+StepUpPath, d.StepUp)
	mux.HandleFunc("GET "+InvitedPath, d.Invitation)
	mux.HandleFunc("POST "+InvitedPath, d.AcceptInvitation)
	mux.HandleFunc("POST "+EnrolPath, d.beginEnrolment)
	mux.HandleFunc("POST "+RemovePath, d.removePasskey)
	mux.HandleFunc("POST "+PasskeyPath, d.signedInByPasskey)
	mux.HandleFunc("POST "+AcceptPath, d.acceptedByPasskey)
	mux.HandleFunc("GET "+AtHomePath, d.stepUpAtHome)
	mux.HandleFunc("GET "+UnlockPath, d.askUnlock)
	mux.HandleFunc("POST "+UnlockPath, d.unlock)
	mux.HandleFunc("GET "+ProofPath, d.proving)
	mux.HandleFunc("POST "+ProofPath, d.takesProof)
	mux.HandleFunc("GET "+ChallengePath, d.challenge)
	mux.HandleFunc("POST "+RegisterPath, d.registers)
	mux.HandleFunc("POST "+RefreshPath, d.refreshes)
	mux.HandleFunc("POST "+LeavePath, d.Leave)
	mux.HandleFunc("GET "+LeftPath, d.Left)
	mux.HandleFunc("POST "+RecallPath, d.BackchannelLogout)
	mux.HandleFunc("POST "+TokenPath, d.token)
}

// MountPeople puts on mux the handlers of a door for people of the register.
func (d *Door) MountPeople(mux *http.ServeMux) {
	mux.HandleFunc("GET "+BeginPath, d.Begin)
	mux.HandleFunc("GET "+CallbackPath, d.Callback)
	mux.HandleFunc("POST "+LeavePath, d.Leave)
	mux.HandleFunc("GET "+LeftPath, d.Left)
}

// Run forgets sessions that are over and marks that are no longer needed, until ctx ends.
func (d *Door) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now := d.settings.Now()
		if err := d.sessions.Sweep(ctx, now, now.Add(-d.settings.Life)); err != nil && ctx.Err() == nil {
			d.settings.Log.WarnContext(ctx, "sweeping sessions failed", slog.Any("err", err))
		}
	}
}

// EndAll ends every session of account, on every node, from the next request.
func (d *Door) EndAll(ctx context.Context, account roster.AccountID) error {
	return d.end(ctx, Whose{Account: account}, Dismissed)
}

// end ends the sessions that are meant, and tells of each.
func (d *Door) end(ctx context.Context, whose Whose, why Why) error {
	rows, err := d.sessions.End(ctx, whose, why, instant(d.settings.Now()))
	if err != nil {
		return fmt.Errorf("ending sessions: %w", err)
	}
	for _, row := range rows {
		d.settings.Told(ctx, *row.ending())
	}
	return nil
}

// origin returns the declared origin that r came to.
func (d *Door) origin(r *http.Request) (string, bool) {
	for _, origin := range d.settings.Origins {
		if _, host, _ := strings.Cut(origin, "://"); strings.EqualFold(host, r.Host) {
			return origin, true
		}
	}
	return "", false
}

// instant is a time as Sessions stores it.
func instant(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
