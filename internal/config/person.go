package config

import (
	"net/url"
	"regexp"
	"strings"
	"time"

	"poterne/internal/person"
	"poterne/internal/register"
	"poterne/internal/signin"
)

// personTable is where people of the register see who looked at their own file, on a host
// name of its own: they sign in with FranceConnect (version 2), and the register is asked
// who has their civil status, at an address that nobody but Poterne reaches. Whoever runs
// that application can show a person's lines to another.
type personTable struct {
	Host              string        `toml:"host" need:"host = \"mon-dossier.poterne.example\", a name that nothing else is served at"`
	Issuer            string        `toml:"issuer" need:"issuer = \"https://…\", FranceConnect's issuer URL"`
	ClientID          string        `toml:"client_id" need:"client_id = \"…\", as registered with FranceConnect"`
	ClientSecretFile  string        `toml:"client_secret_file" need:"client_secret_file = \"/etc/poterne/franceconnect.secret\""`
	Idle              time.Duration `toml:"idle"` // 10m
	Life              time.Duration `toml:"life"` // 1h
	Register          string        `toml:"register" need:"register = \"http://127.0.0.1:3000/civil-status\", where the register says who has a civil status"`
	RegisterTokenFile string        `toml:"register_token_file" need:"register_token_file = \"/etc/poterne/register.token\", what Poterne shows there"`
	Contacts          string        `toml:"contacts"` // where the register keeps how people are reached; without it they do not change it here
}

// People is where and how people of the register see their own file.
type People struct {
	Origin   string
	SignIn   signin.Settings
	Register person.Remote
	Contacts *person.Remote // nil: people do not change their contact details here
}

var hostNames = regexp.MustCompile(`^[a-z0-9.-]+(:[0-9]{1,5})?$`)

// person reads where people of the register see their own file.
func (c *config) person(s *Settings, files secretFiles) {
	if c.Person == nil {
		return
	}
	t := *c.Person
	scheme, home, _ := strings.Cut(c.Public.Origin, "://")
	p := People{Origin: scheme + "://" + t.Host}
	switch {
	case t.Host == "":
	case !hostNames.MatchString(t.Host):
		files.wrong.Add("person.host", "not a host name; write one such as \"mon-dossier.poterne.example\", in small letters")
	case t.Host == home:
		files.wrong.Add("person.host", "this is the portal's own, where staff sign in; write another")
	}
	address, err := url.Parse(t.Register)
	if t.Register != "" && (err != nil || address.Host == "" || !signin.Confidential(address)) {
		files.wrong.Add("person.register", "civil statuses would travel unprotected; write an address that begins with https://, or one on this very machine")
	}
	text := func(raw []byte) (string, error) { return string(raw), nil }
	p.Register = person.Remote{Address: address, Token: readSecret(files, "person.register_token_file", t.RegisterTokenFile, text)}
	if t.Contacts != "" {
		at, err := url.Parse(t.Contacts)
		switch {
		case err != nil || at.Host == "" || !signin.Confidential(at):
			files.wrong.Add("person.contacts", "contact details would travel unprotected; write an address that begins with https://, or one on this very machine")
		case c.Mail == nil:
			files.wrong.Add("person.contacts", "nobody could be told of a change; write [mail], the server that delivers mail")
		}
		p.Contacts = &person.Remote{Address: at, Token: p.Register.Token}
	}
	secret := readSecret(files, "person.client_secret_file", t.ClientSecretFile, text)
	life := t.Life
	if life == 0 {
		life = time.Hour
	}
	p.SignIn = signin.Settings{
		Issuer: t.Issuer, ClientID: t.ClientID, ClientSecret: secret, Origins: []string{p.Origin}, Idle: t.Idle, Life: life,
		Profile: signin.FranceConnect(), Secret: s.SignIn.Secret,
	}
	s.People = &p
	if t.Host != "" && t.Issuer != "" && t.ClientID != "" && secret != "" && len(p.SignIn.Secret) > 0 {
		files.wrong.In("person", p.SignIn.Check())
	}
}

// theirs are the fields that only people themselves change.
func (c *config) theirs(known register.Categories) register.Fields {
	if c.Person == nil || c.Person.Contacts == "" {
		return 0
	}
	return known.Declared(register.Contacts)
}
