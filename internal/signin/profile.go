package signin

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"poterne/internal/fault"
)

// Profile is how an identity provider is spoken to, what it calls things, and how far it is
// believed. Providers differ in all of these; a deviation from what is declared here is
// refused, never guessed at.
type Profile struct {
	Scopes     []string          // asked for besides openid
	Claims     ClaimNames        // where it says who somebody is
	UserInfo   UserInfo          // how it answers questions about them
	ClientAuth ClientAuth        // how it wants our secret
	ACRValues  []string          // the levels that are asked for, the best first; none: no level is
	Essential  bool              // those levels are asked for as essential: the provider is to refuse anything else
	AskAMR     bool              // it says the means only when asked
	Parameters map[string]string // added to each request for a sign-in
	Strong     []Assurance       // what counts as a strong factor; none: nothing does
	SIRET      bool              // a sign-in without a SIRET is refused
}

// ClaimNames are the names of the claims that say who somebody is. An empty name is of no
// claim: nothing is known of that.
type ClaimNames struct {
	GivenName string
	UsualName string
	Email     string
	SIRET     string // of the organisation that the person is of
	Provider  string // which provider behind a federation vouched: a subject is unique within it only
}

// UserInfo is how a provider answers at its userinfo endpoint.
type UserInfo string

const (
	SignedUserInfo UserInfo = "signed" // by a JWT, which is verified like an ID token
	PlainUserInfo  UserInfo = "plain"  // by JSON that only TLS vouches for, or by a JWT
	NoUserInfo     UserInfo = "none"   // it is not asked: the ID token says all
)

// ClientAuth is how a provider's token endpoint is shown the client's secret.
type ClientAuth string

const (
	SecretPost  ClientAuth = "secret-post"  // in the body
	SecretBasic ClientAuth = "secret-basic" // in the Authorization header
	PrivateKey  ClientAuth = "private-key"  // never: a key that only we have signs what it is shown
)

// Assurance is levels and means that together are a strong factor.
type Assurance struct {
	ACR   []string // one of these levels; none: any level, or none at all
	AMR   []string // and one of these means; none: any
	Never []string // and none of these
}

// holds reports whether a sign-in has the assurance.
func (a Assurance) holds(acr string, amr []string) bool {
	used := func(means []string) bool {
		return slices.ContainsFunc(means, func(m string) bool { return slices.Contains(amr, m) })
	}
	return (len(a.ACR) == 0 || slices.Contains(a.ACR, acr)) && (len(a.AMR) == 0 || used(a.AMR)) && !used(a.Never)
}

// judge weighs the level that was reached and the means that were used, both together: a
// level alone may stand for a code sent by e-mail, a means alone for a person whom nobody
// identified.
func (p Profile) judge(acr string, amr []string) Factor {
	if slices.ContainsFunc(p.Strong, func(a Assurance) bool { return a.holds(acr, amr) }) {
		return Strong
	}
	return Weak
}

// The means that RFC 8176 names for a key that is in the person's hands, and for a one-time
// code; and those that tell that the code was sent, and so can be talked out of a person.
var (
	keys = []string{"hwk", "swk", "pop"}
	code = []string{"otp"}
	sent = []string{"mail", "sms", "tel"}
)

// ProConnect is the profile of the French State's federation for public agents, as it is in
// 2026: userinfo is a signed JWT, means are said only when asked for, a subject is unique
// for each provider behind it, and eidas1-mfa may stand for a code sent by mail.
func ProConnect() Profile {
	levels := []string{"eidas0-mfa", "eidas1-mfa", "eidas2", "eidas3"} // that claim several factors
	return Profile{
		Scopes:   []string{"given_name", "usual_name", "email", "siret", "idp_id"},
		Claims:   ClaimNames{GivenName: "given_name", UsualName: "usual_name", Email: "email", SIRET: "siret", Provider: "idp_id"},
		UserInfo: SignedUserInfo, ClientAuth: SecretPost, AskAMR: true, SIRET: true,
		Strong: []Assurance{{ACR: levels, AMR: keys}, {ACR: levels, AMR: code, Never: sent}},
	}
}

// OIDC is the profile of any other provider of OpenID Connect, as its specification has it:
// userinfo is JSON, names are the standard's, and no claim tells a SIRET. A means counts
// whatever the level, since levels are each provider's own.
func OIDC() Profile {
	return Profile{
		Scopes:   []string{"email", "profile"},
		Claims:   ClaimNames{GivenName: "given_name", UsualName: "family_name", Email: "email"},
		UserInfo: PlainUserInfo, ClientAuth: SecretBasic,
		Strong: []Assurance{{AMR: keys}, {AMR: code, Never: sent}},
	}
}

// FranceConnect is the profile of the French State's federation for private persons, version
// 2: nonce, state and the level are wanted in every request, userinfo is a signed JWT, and
// who somebody is, is their civil status. It says nothing of means.
func FranceConnect() Profile {
	return Profile{
		Scopes:   []string{"given_name", "family_name", "birthdate", "gender", "birthplace", "birthcountry"},
		Claims:   ClaimNames{GivenName: "given_name", UsualName: "family_name"},
		UserInfo: SignedUserInfo, ClientAuth: SecretPost, ACRValues: []string{"eidas1"},
		Strong: []Assurance{{ACR: []string{"eidas1", "eidas2", "eidas3"}}},
	}
}

// Profiles are those that have a name.
var Profiles = map[string]func() Profile{"proconnect": ProConnect, "oidc": OIDC}

// sameOrganisation reports whether the SIRET that a provider asserts, if any, is that of an
// account's organisation. Where a profile needs none, a provider that asserts one is held
// to it all the same.
func (p Profile) sameOrganisation(asserted, known string) bool {
	if asserted == "" {
		return !p.SIRET
	}
	return asserted == known
}

// check says everything that is wrong with the profile.
func (p Profile) check(wrong *fault.Complaints) {
	if !slices.Contains([]UserInfo{SignedUserInfo, PlainUserInfo, NoUserInfo}, p.UserInfo) {
		wrong.Add("userinfo", "%q is not a way to answer; write %q, %q or %q", p.UserInfo, SignedUserInfo, PlainUserInfo, NoUserInfo)
	}
	if !slices.Contains([]ClientAuth{SecretPost, SecretBasic, PrivateKey}, p.ClientAuth) {
		wrong.Add("client_auth", "%q is not a way to show who we are; write %q, %q or %q", p.ClientAuth, SecretPost, SecretBasic, PrivateKey)
	}
	if p.SIRET && p.Claims.SIRET == "" {
		wrong.Add("siret", "a SIRET is needed, and no claim is named that tells it")
	}
	if p.Essential && len(p.ACRValues) == 0 {
		wrong.Add("essential", "no level is asked for; write acr_values too")
	}
	for name := range p.Parameters {
		if slices.Contains(reserved, name) {
			wrong.Add("parameters", "%q is written by Poterne itself", name)
		}
	}
	for _, a := range p.Strong {
		if len(a.ACR) == 0 && len(a.AMR) == 0 {
			wrong.Add("strong", "every sign-in would count as strong; name levels (acr) or means (amr)")
		}
	}
}

// reserved are the parameters that make an answer one to our question.
var reserved = []string{
	"response_type", "response_mode", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method",
	"claims", "acr_values", "prompt", "max_age", "request", "request_uri",
}

// asks is what a request for a sign-in has besides what every one has.
func (p Profile) asks() (with []oauth2.AuthCodeOption) {
	for name, value := range p.Parameters {
		with = append(with, oauth2.SetAuthURLParam(name, value))
	}
	idToken := map[string]any{}
	if p.AskAMR {
		idToken["amr"] = nil
	}
	switch {
	case len(p.ACRValues) > 0 && !p.Essential:
		with = append(with, oauth2.SetAuthURLParam("acr_values", strings.Join(p.ACRValues, " ")))
	case p.Essential:
		idToken["acr"] = map[string]any{"essential": true, "values": p.ACRValues}
	}
	if len(idToken) > 0 {
		claims, err := json.Marshal(map[string]any{"id_token": idToken})
		if err != nil {
			panic(err) // strings, a list and a truth
		}
		with = append(with, oauth2.SetAuthURLParam("claims", string(claims)))
	}
	return with
}

func (p Profile) scopes() []string { return append([]string{oidc.ScopeOpenID}, p.Scopes...) }
