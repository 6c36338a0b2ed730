package config

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/roster"
	"poterne/internal/signin"

	"github.com/go-jose/go-jose/v4"
)

// signinTable is the OpenID Connect provider, and others that people may choose in its place. Each is
// trusted to say who somebody is, and for nothing else. An account is bound to one of them.
type signinTable struct {
	providerTable
	Name         string        `toml:"name"` // what people call the provider, where there are others
	Other        []otherTable  `toml:"other"`
	Idle         time.Duration `toml:"idle"` // 10m
	Life         time.Duration `toml:"life"` // 10h
	AdmitWeak    bool          `toml:"admit_weak"`
	PasskeysOnly bool          `toml:"passkeys_only"`
	BindBrowsers bool          `toml:"bind_browsers"`
}

// otherTable is a further provider.
type otherTable struct {
	Name string `toml:"name" need:"name = \"…\", what people call it"`
	providerTable
}

// providerTable is a provider, and who we are to it.
type providerTable struct {
	Issuer           string `toml:"issuer" need:"issuer = \"https://…\", the provider's issuer URL"`
	ClientID         string `toml:"client_id" need:"client_id = \"…\", as registered with the provider"`
	ClientSecretFile string `toml:"client_secret_file" need:"client_secret_file = \"/etc/poterne/client.secret\""`

	Profile    string            `toml:"profile"` // "proconnect"; what follows is its own when left out
	Scopes     []string          `toml:"scopes"`
	Claims     *claimsTable      `toml:"claims"`
	UserInfo   signin.UserInfo   `toml:"userinfo"`
	ClientAuth signin.ClientAuth `toml:"client_auth"`
	ACRValues  []string          `toml:"acr_values"`
	Essential  bool              `toml:"essential"`
	Parameters map[string]string `toml:"parameters"`
	Strong     *[]assuranceTable `toml:"strong"`
	SIRET      *bool             `toml:"siret"`
}

// claimsTable names the claims that say who somebody is.
type claimsTable struct {
	GivenName string `toml:"given_name"`
	UsualName string `toml:"usual_name"`
	Email     string `toml:"email"`
	SIRET     string `toml:"siret"`
	Provider  string `toml:"provider"`
}

// assuranceTable is levels and means that together are a strong factor.
type assuranceTable struct {
	ACR   []string `toml:"acr"`
	AMR   []string `toml:"amr"`
	Never []string `toml:"never"`
}

// profile is the profile that the table names, with what it says otherwise.
func (t providerTable) profile(path string, wrong *document) signin.Profile {
	named, known := signin.Profiles[cmp.Or(t.Profile, "proconnect")]
	if !known {
		wrong.Add(path+".profile", "%q is no profile; write one of %v", t.Profile, slices.Sorted(maps.Keys(signin.Profiles)))
		named = signin.ProConnect
	}
	p := named()
	if t.Scopes != nil {
		p.Scopes = t.Scopes
	}
	if t.Claims != nil {
		p.Claims = signin.ClaimNames(*t.Claims)
	}
	p.UserInfo, p.ClientAuth = cmp.Or(t.UserInfo, p.UserInfo), cmp.Or(t.ClientAuth, p.ClientAuth)
	p.ACRValues, p.Essential, p.Parameters = t.ACRValues, t.Essential, t.Parameters
	if t.Strong != nil {
		p.Strong = nil
		for _, a := range *t.Strong {
			p.Strong = append(p.Strong, signin.Assurance(a))
		}
	}
	if t.SIRET != nil {
		p.SIRET = *t.SIRET
	}
	return p
}

func (c *config) signin(s *Settings, files secretFiles) {
	text := func(raw []byte) (string, error) { return string(raw), nil }
	secret := readSecret(files, "signin.client_secret_file", c.SignIn.ClientSecretFile, text)
	s.SignIn = signin.Settings{
		Issuer: c.SignIn.Issuer, ClientID: c.SignIn.ClientID, ClientSecret: secret,
		Origins: []string{c.Public.Origin}, Idle: c.SignIn.Idle, Life: c.SignIn.Life, Profile: c.SignIn.profile("signin", files.wrong), Name: c.SignIn.Name, AdmitWeak: c.SignIn.AdmitWeak, PasskeysOnly: c.SignIn.PasskeysOnly, Bind: c.SignIn.BindBrowsers,
	}
	for i, t := range c.SignIn.Other {
		path := index("signin.other", i)
		other := signin.Party{Name: t.Name, Issuer: t.Issuer, ClientID: t.ClientID, Profile: t.profile(path, files.wrong)}
		other.ClientSecret = readSecret(files, path+".client_secret_file", t.ClientSecretFile, text)
		if t.Name == "" || t.Issuer == "" || t.ClientID == "" || other.ClientSecret == "" {
			return // complained of already
		}
		s.SignIn.Others = append(s.SignIn.Others, other)
	}
	if c.Public.Origin == "" || c.SignIn.Issuer == "" || c.SignIn.ClientID == "" || secret == "" || s.Pseudonym.IsZero() {
		return // complained of already
	}
	var err error
	if s.SignIn.Secret, err = s.Pseudonym.Signin(); err != nil {
		files.wrong.Add("keys.pseudonym", "%v", err)
		return
	}
	files.wrong.In("signin", s.SignIn.Check())
}

// awarenessTable is whose access takes a certificate of security awareness, of which module
// and for how many months: 6. The module "poterne" is the portal's own. A learning platform
// signs its certificates with the private half of platform_key, a JWK, or sends xAPI
// statements with the secret in xapi_secret_file: it can open what ran out, and nothing else.
type awarenessTable struct {
	Months      int64             `toml:"months"`
	Modules     map[string]string `toml:"modules" need:"modules = { adviser = \"poterne\" }, the module of each role"`
	PlatformKey string            `toml:"platform_key"`
	XAPISecret  string            `toml:"xapi_secret_file"`
}

const usualAwareness int64 = 6

func (t *awarenessTable) compile(s *Settings, readers []roster.Role, files secretFiles) {
	if t == nil {
		return
	}
	wrong := files.wrong
	months := cmp.Or(t.Months, usualAwareness)
	if months < 1 || months > 24 {
		wrong.Add("awareness.months", "not from 1 to 24; write how many months a certificate lasts, such as 6")
	}
	s.Awareness = accounts.Awareness{Modules: make(map[roster.Role]string), Valid: time.Duration(months) * month}
	s.Rules.Trains = make(map[roster.Role]bool)
	for name, module := range t.Modules {
		role := roster.Role(name)
		if !slices.Contains(readers, role) || module == "" {
			wrong.Add("awareness.modules."+name, "not a role that reads files, with a module; write the id of a [[role]], such as adviser = \"poterne\"")
			continue
		}
		s.Awareness.Modules[role], s.Rules.Trains[role] = module, true
	}
	if t.XAPISecret != "" {
		s.RecordStore = readSecret(files, "awareness.xapi_secret_file", t.XAPISecret, longSecret)
	}
	if t.PlatformKey == "" {
		return
	}
	if err := s.Platform.UnmarshalJSON([]byte(t.PlatformKey)); err != nil || !s.Platform.Valid() || !s.Platform.IsPublic() {
		s.Platform = jose.JSONWebKey{}
		wrong.Add("awareness.platform_key", "not a public key as JWK; write the platform's, such as '{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"…\"}'")
	}
}
