package config

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"poterne/internal/accounts"
	"poterne/internal/provision"
	"poterne/internal/roster"
	"poterne/internal/signin"
	"poterne/internal/ssf"
)

// provisioningTable is a system that proposes and closes the accounts of an organisation, by
// SCIM 2.0 at /.poterne/scim/NAME/v2: whoever has its token, or its key, can close every
// account there that reads files, and propose others, which a person approves.
type provisioningTable struct {
	Name         string        `toml:"name" need:"name = \"entra\", its name in addresses"`
	Organisation string        `toml:"organisation" need:"organisation = \"…\", whose accounts it knows"`
	TokenFile    string        `toml:"token_file"` // its bearer token, of 32 characters at least
	Key          string        `toml:"key"`        // or the public half of the key that signs its assertions, a JWK
	Issuer       string        `toml:"issuer" need:"issuer = \"https://…\", the identity provider that vouches for its people"`
	Provider     string        `toml:"provider"` // idp_id behind a federation
	Role         string        `toml:"role" need:"role = \"adviser\", of whom it says none"`
	Services     []string      `toml:"services" need:"services = [\"dossier\"], what its people may use"`
	Lasts        time.Duration `toml:"lasts"` // 8760h
}

// provisioning reads the systems that provision accounts.
func (c *config) provisioning(s *Settings, files secretFiles) {
	named := make(map[string]bool)
	for i, t := range c.Provisioning {
		path, wrong := index("provisioning", i), files.wrong
		identifier(wrong, path+".name", t.Name)
		if named[t.Name] {
			wrong.Add(path+".name", "this system is declared twice")
		}
		named[t.Name] = true
		role, err := roster.ParseRole(t.Role, c.readers())
		if t.Role != "" && (err != nil || !role.ReadsFiles() || role == roster.Messages) {
			wrong.Add(path+".role", "not a role of people who read files; whoever signs for others is proposed by a person")
		}
		client := provision.Client{
			Name: t.Name, Organisation: roster.OrganisationID(t.Organisation), Issuer: t.Issuer, Provider: t.Provider, Role: role,
			Until: cmp.Or(t.Lasts, accounts.LongestAccount-24*time.Hour),
		}
		if client.Until <= 0 || client.Until >= accounts.LongestAccount {
			wrong.Add(path+".lasts", "must be between \"1h\" and \"8760h\", which is a year")
		}
		if (t.TokenFile == "") == (t.Key == "") {
			wrong.Add(path, "a system has either a token_file or a key")
		}
		if t.TokenFile != "" {
			client.Token = [sha256.Size]byte(readSecret(files, path+".token_file", t.TokenFile, parseToken))
		}
		if t.Key != "" {
			key := new(jose.JSONWebKey)
			if err := key.UnmarshalJSON([]byte(t.Key)); err != nil || !key.Valid() || !key.IsPublic() {
				wrong.Add(path+".key", "not a public key as JWK")
			} else {
				client.Key = key
			}
		}
		for j, id := range t.Services {
			if !s.Declares(roster.ServiceID(id)) {
				wrong.Add(index(path+".services", j), "no such service is declared in the configuration")
				continue
			}
			client.Services = append(client.Services, roster.ServiceID(id))
		}
		s.Provisioning = append(s.Provisioning, client)
	}
}

// transmitterTable is a system that tells of revoked sessions, changed credentials and disabled
// accounts, by Shared Signals (SET, CAEP, RISC) pushed to /.poterne/signals/NAME: whoever has its
// key ends the sessions of the people that it speaks of, and suspends up to 20 within an hour,
// none of them of the security desk.
type transmitterTable struct {
	Name     string `toml:"name" need:"name = \"entra\", its name in addresses"`
	Issuer   string `toml:"issuer" need:"issuer = \"https://…\", iss of its tokens"`
	Keys     string `toml:"keys" need:"keys = '{\"keys\":[…]}', the public keys that sign its tokens, a JWK Set"`
	People   string `toml:"people" need:"people = \"https://…\", the issuer of the identities that it speaks of"`
	Provider string `toml:"provider"` // idp_id behind a federation

	Poll      string `toml:"poll"`       // where its tokens are fetched, beside those that it pushes
	TokenFile string `toml:"token_file"` // a bearer's, for that address
}

// transmitters reads the systems that signal.
func (c *config) transmitters(s *Settings, files secretFiles) {
	named, wrong := make(map[string]bool), files.wrong
	for i, t := range c.Transmitter {
		path := index("transmitter", i)
		identifier(wrong, path+".name", t.Name)
		if named[t.Name] {
			wrong.Add(path+".name", "this system is declared twice")
		}
		named[t.Name] = true
		one := provision.Transmitter{Name: t.Name, Issuer: t.Issuer, People: t.People, Provider: t.Provider}
		err := json.Unmarshal([]byte(t.Keys), &one.Keys)
		private := slices.ContainsFunc(one.Keys.Keys, func(k jose.JSONWebKey) bool { return !k.Valid() || !k.IsPublic() })
		if t.Keys != "" && (err != nil || len(one.Keys.Keys) == 0 || private) {
			wrong.Add(path+".keys", "not a set of public keys as JWK Set")
		}
		if one.Poll = t.Poll; t.Poll == "" && t.TokenFile != "" {
			wrong.Add(path+".token_file", "a token is sent to an address only; write poll")
		}
		signalAddress(wrong, path+".poll", t.Poll)
		one.PollToken = readSecret(files, path+".token_file", t.TokenFile, parseSignalToken)
		s.Transmitters = append(s.Transmitters, one)
	}
}

// receiverTable is a system that is told when an account is suspended, opened again, closed or
// bound anew, and when its sessions end: by Shared Signals (SET, CAEP, RISC) pushed to url, signed
// by the key of keys.assertion. Whoever reads them learns that of these accounts, and nobody of
// the register.
type receiverTable struct {
	Name         string `toml:"name" need:"name = \"entra\", its name in the log"`
	URL          string `toml:"url" need:"url = \"https://…\", where tokens are pushed"`
	TokenFile    string `toml:"token_file"` // a bearer's
	Audience     string `toml:"audience" need:"audience = \"https://…\", aud of the tokens, as the receiver expects it"`
	Subject      string `toml:"subject" need:"subject = \"iss_sub\", or email or opaque: how accounts are named"`
	Organisation string `toml:"organisation"` // of whose accounts alone it is told; of all where left out
}

// receivers reads the systems that are signalled to.
func (c *config) receivers(s *Settings, files secretFiles) {
	named, wrong := make(map[string]bool), files.wrong
	for i, t := range c.Receiver {
		path := index("receiver", i)
		identifier(wrong, path+".name", t.Name)
		if named[t.Name] {
			wrong.Add(path+".name", "this system is declared twice")
		}
		named[t.Name] = true
		signalAddress(wrong, path+".url", t.URL)
		if s.Declares(roster.ServiceID(t.Audience)) {
			wrong.Add(path+".audience", "a service has this name: what is signed for one would be meant for the other")
		}
		if formats := []string{"", string(ssf.IssSub), string(ssf.Email), string(ssf.Opaque)}; !slices.Contains(formats, t.Subject) {
			wrong.Add(path+".subject", "not a way to name accounts; write iss_sub, email or opaque")
		}
		s.Receivers = append(s.Receivers, ssf.Receiver{
			Name: t.Name, URL: t.URL, Token: readSecret(files, path+".token_file", t.TokenFile, parseSignalToken), Audience: t.Audience,
			Format: ssf.Format(t.Subject), Organisation: roster.OrganisationID(t.Organisation),
		})
	}
}

// signalAddress complains of an address at which signals would travel unprotected.
func signalAddress(wrong *document, path, text string) {
	address, err := url.Parse(text)
	if text != "" && (err != nil || address.Host == "" || !signin.Confidential(address)) {
		wrong.Add(path, "signals would travel unprotected; write an address that begins with https://")
	}
}

func parseSignalToken(text []byte) (string, error) {
	if len(text) < leastSIEMToken {
		return "", fmt.Errorf("it has fewer than %d characters", leastSIEMToken)
	}
	return string(text), nil
}
