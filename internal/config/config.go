// Package config reads the configuration: TOML in, settings out, or everything that
// is wrong with it at once, each with its line and what to write instead.
package config

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/tls"
	_ "embed"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/alert"
	"poterne/internal/archive"
	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/gate/httpgate"
	"poterne/internal/gate/network"
	"poterne/internal/grants"
	"poterne/internal/i18n"
	"poterne/internal/intake"
	"poterne/internal/ledger"
	"poterne/internal/ledger/retention"
	"poterne/internal/mail"
	"poterne/internal/notice"
	"poterne/internal/policy"
	"poterne/internal/provision"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/seal"
	"poterne/internal/siem"
	"poterne/internal/signin"
	"poterne/internal/ssf"
	"poterne/internal/store"
	"poterne/internal/trace"
	"poterne/internal/typed"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/mod/sumdb/note"
)

// Example is a configuration with everything in it; a test keeps it whole.
//
//go:embed example.toml
var Example string

// config is the configuration file; `poterne config example` prints one with
// everything in it. A need tag says what to write when the key is missing: no
// protective setting has a silent default. Secrets are paths to files that only
// their owner may read. Relative paths start at the configuration file.
type config struct {
	// Include names further files with tables of this one: they are read after it, in the order in
	// which they are named, and by name where a word such as "services/*.toml" stands for several.
	// [[lists]] go on in them; a key is written once in all of them.
	Include []string `toml:"include"`

	Configuration configurationTable `toml:"configuration"`

	Public     publicTable     `toml:"public"`
	Metrics    metricsTable    `toml:"metrics"`
	Control    controlTable    `toml:"control"`
	Access     *accessTable    `toml:"access_log"`
	Memory     memoryTable     `toml:"memory"`
	Database   databaseTable   `toml:"database"`
	Network    []networkTable  `toml:"network"`
	Keys       keysTable       `toml:"keys"`
	Quorum     quorumTable     `toml:"quorum"`
	Witness    []witnessTable  `toml:"witness"`
	SignIn     signinTable     `toml:"signin"`
	Person     *personTable    `toml:"person"`
	Mail       *mailTable      `toml:"mail"`
	Alerts     alertsTable     `toml:"alerts"`
	BreakGlass *glassTable     `toml:"break_glass"`
	SIEM       siemTable       `toml:"siem"`
	Traces     *tracesTable    `toml:"traces"`
	Messages   *messagesTable  `toml:"messages"`
	Accounts   accountsTable   `toml:"accounts"`
	Awareness  *awarenessTable `toml:"awareness"`
	Register   registerTable   `toml:"register"`
	Canaries   *canariesTable  `toml:"canaries"`
	Role       []roleTable     `toml:"role"`
	Field      []fieldTable    `toml:"field"`
	Purpose    []purposeTable  `toml:"purpose" need:"[[purpose]] with name and fields: what a habilitation for it may be shown"`
	Allowance  allowancesTable `toml:"allowance"`
	Watch      watchesTable    `toml:"watch" need:"[watch] with each role: how its work is watched; poterne config example has one"`
	Observe    observeTable    `toml:"observe"`
	Cover      coverTable      `toml:"cover"`
	Campaign   campaignTable   `toml:"campaign"`
	Retention  *retentionTable `toml:"retention"`
	Archive    *archiveTable   `toml:"archive"`
	Controller controllerTable `toml:"controller"`
	Source     []sourceTable   `toml:"source"`

	Provisioning []provisioningTable `toml:"provisioning"`
	Transmitter  []transmitterTable  `toml:"transmitter"`
	Receiver     []receiverTable     `toml:"receiver"`

	SQL     *sqlTable      `toml:"sql"`
	Service []serviceTable `toml:"service" need:"[[service]] with id, upstream and routes: an application to guard"`
}

// publicTable is how people reach Poterne. Without cert and key it listens on
// this machine only, behind something that ends TLS: whoever runs that sees
// everything.
type publicTable struct {
	Origin string `toml:"origin" need:"origin = \"https://poterne.example\", the address people type"`
	Listen string `toml:"listen" need:"listen = \"127.0.0.1:8080\", or \":443\" with cert and key"`
	Cert   string `toml:"cert"`
	Key    string `toml:"key"`

	// Programmes is where partners' programmes connect that prove themselves by a client
	// certificate of their account's key, with the same cert and key. Nothing that ends TLS may
	// stand before it.
	Programmes string `toml:"programmes"`

	// Proxies are what stands between Poterne and browsers. The last address that
	// they write in X-Forwarded-For is taken for the browser's.
	Proxies []string `toml:"proxies"`

	Reading int64 `toml:"reading"` // bytes that the answers being read at any moment may take; 256 MiB

	Help wordsTable `toml:"help"` // whom to ask, in a few words

	// SecurityContact is whom to tell of a weakness, at /.well-known/security.txt on every host:
	// "mailto:…" or "https://…". Nothing is served there when it is left out.
	SecurityContact string `toml:"security_contact"`
}

// networkTable names the addresses that people work from. The first that has an
// address is its class; only the class is kept. Whoever asks from within looks
// familiar.
type networkTable struct {
	Name   string   `toml:"name" need:"name = \"agency\""`
	Ranges []string `toml:"ranges" need:"ranges = [\"10.20.0.0/16\"], the addresses it has"`
}

// controlTable is where poterne reload finds the node of its machine. Whoever may open the
// socket may have it read its configuration anew: its owner, and root.
type controlTable struct {
	Socket string `toml:"socket"` // beside an SQLite database, with ".control"; else /run/poterne/control.sock
}

// path is where the socket is.
func (t controlTable) path(files secretFiles, database string) string {
	switch {
	case t.Socket != "":
		return files.path(t.Socket)
	case database != "":
		return database + ".control"
	}
	return "/run/poterne/control.sock"
}

// Control returns where the node listens that runs by a configuration. What is wrong with that
// otherwise does not matter.
func Control(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s cannot be read: %w", file, err)
	}
	var c config
	wrong, err := readConfig(file, text, &c)
	if err != nil {
		return "", err
	}
	files := secretFiles{filepath.Dir(file), wrong}
	if c.Control.Socket == "" && c.Database.Path == "" && c.Database.Server == "" {
		c.kept(wrong)
		return "", fmt.Errorf("it does not say where the node listens: nothing was done\n%w", wrong.Err())
	}
	return c.Control.path(files, files.path(c.Database.Path)), nil
}

// Socket is where a node listens for its operator.
type Socket struct {
	Path  string
	Given bool // the configuration names it: a node that cannot listen there does not start
}

// metricsTable is where Prometheus reads; nobody else should reach it.
type metricsTable struct {
	Listen string `toml:"listen"`
}

// memoryTable bounds what is remembered, in bytes. It costs time where it is little, and
// changes no decision.
type memoryTable struct {
	Facts   int64 `toml:"facts"`   // about accounts and people; 64 MiB
	Entries int64 `toml:"entries"` // of the ledger, the newest; 64 MiB
}

// databaseTable is where everything is kept: path is an SQLite file, for one node;
// server is a PostgreSQL database that several nodes share, as libpq writes a
// connection, without its password (passfile=… names the file that has it), in a
// role that owns nothing: `poterne migrate` makes the tables as another. A server
// on another machine is reached with sslmode=verify-full. Whoever can write the
// database can stop Poterne, and will be found out by the checkpoints kept
// elsewhere.
type databaseTable struct {
	Path   string `toml:"path"`
	Server string `toml:"server"`
}

// keysTable is made by `poterne keys`. Whoever has pseudonym and the database
// can tell who the people in the ledger are; whoever has checkpoint can sign
// another history; whoever has assertion can pass for Poterne before the
// applications; whoever has seal can write rows into the database that decide. With epoch, whoever has the database alone cannot follow anybody
// from one month of the ledger to another; without it they can. With sign, a command
// that signs in place of the key, checkpoint is checkpoint.pub.
type keysTable struct {
	Pseudonym  string `toml:"pseudonym" need:"pseudonym = \"/etc/poterne/pseudonym.key\"; poterne keys makes one"`
	Checkpoint string `toml:"checkpoint" need:"checkpoint = \"/etc/poterne/checkpoint.key\"; poterne keys makes one"`
	Assertion  string `toml:"assertion" need:"assertion = \"/etc/poterne/assertion.key\"; poterne keys makes one"`
	Seal       string `toml:"seal" need:"seal = \"/etc/poterne/seal.key\"; poterne keys makes one"`

	Epoch string   `toml:"epoch"`
	Sign  []string `toml:"sign"`
}

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

// mailTable is the SMTP server that delivers invitations and notices. It reads what it
// delivers: an invitation that it steals still needs the identity provider's word for
// somebody of the organisation, and a second person's.
type mailTable struct {
	Host         string        `toml:"host" need:"host = \"smtp.example\", the server that delivers mail"`
	Port         int64         `toml:"port" need:"port = 587, or 465 with security = \"tls\""`
	Security     mail.Security `toml:"security" need:"security = \"starttls\", \"tls\", or \"none\" on this very machine"`
	From         string        `toml:"from" need:"from = \"poterne@structure.example\", the sender's address"`
	User         string        `toml:"user"`
	PasswordFile string        `toml:"password_file"`
}

// alertsTable is who is told without looking at the desk. Whoever reads what is sent learns
// which account was frozen and why, and nobody of the register.
type alertsTable struct {
	Mail       []string `toml:"mail"`
	URL        string   `toml:"url"`
	SecretFile string   `toml:"secret_file"`
}

// alerts reads who is told.
func (c *config) alerts(s *Settings, files secretFiles) {
	t := c.Alerts
	for _, address := range t.Mail {
		if _, err := roster.Mail(address); err != nil {
			files.wrong.Add("alerts.mail", "it %v", err)
		}
	}
	if len(t.Mail) > 0 && c.Mail == nil {
		files.wrong.Add("alerts.mail", "there is no server to send it; write [mail]")
	}
	if (t.URL == "") != (t.SecretFile == "") {
		files.wrong.Add("alerts", "url and secret_file come together; write both or neither")
	}
	s.Alerts = alert.Settings{Mail: t.Mail, URL: t.URL}
	if t.URL == "" {
		return
	}
	address, err := url.Parse(t.URL)
	if err != nil || address.Host == "" || address.Scheme != "https" && !(address.Scheme == "http" && signin.Loopback(address.Hostname())) {
		files.wrong.Add("alerts.url", "alerts would travel unprotected; write url = \"https://…\"")
	}
	s.Alerts.Secret = readSecret(files, "alerts.secret_file", t.SecretFile, longSecret)
}

const leastSecret = 32

// longSecret reads a secret that nobody chose by heart.
func longSecret(text []byte) ([]byte, error) {
	if len(text) < leastSecret {
		return nil, fmt.Errorf("it has fewer than %d characters", leastSecret)
	}
	return text, nil
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

// accountsTable is how many accounts an organisation may have, those included that are
// invited: 200 where nothing is said; and after how many months its managers must have
// confirmed each: 6.
type accountsTable struct {
	Review int64            `toml:"review_months"`
	Quota  int64            `toml:"quota"`
	Quotas map[string]int64 `toml:"quotas"` // by organisation
}

const (
	usualQuota  int64 = 200
	usualReview int64 = 6
	month             = 30 * 24 * time.Hour
)

// mail reads the mail server, where there is one, and how many accounts there may be.
func (c *config) mail(s *Settings, files secretFiles) {
	usual, quotas := cmp.Or(c.Accounts.Quota, usualQuota), c.Accounts.Quotas
	if usual < 0 {
		files.wrong.Add("accounts.quota", "a number of accounts is negative; write how many an organisation may have, such as 200")
	}
	for id, quota := range quotas {
		if quota < 1 {
			files.wrong.Add("accounts.quotas."+id, "an organisation has one account at least; write how many it may have")
		}
	}
	review := cmp.Or(c.Accounts.Review, usualReview)
	if review < 1 || review > 12 {
		files.wrong.Add("accounts.review_months", "not from 1 to 12; write after how many months managers must have confirmed each account, such as 6")
	}
	s.Review = time.Duration(review) * month
	s.Quota = func(of roster.OrganisationID) int { return int(cmp.Or(quotas[string(of)], usual)) }
	if c.Mail == nil {
		return
	}
	t := *c.Mail
	server := mail.Server{Host: t.Host, Port: int(t.Port), Security: t.Security, From: t.From, User: t.User}
	server.Password = readSecret(files, "mail.password_file", t.PasswordFile, func(text []byte) (string, error) { return string(text), nil })
	switch {
	case !slices.Contains([]mail.Security{mail.TLS, mail.StartTLS, mail.Plain}, t.Security):
		files.wrong.Add("mail.security", "%q is none; write \"starttls\", \"tls\", or \"none\" on this very machine", t.Security)
	case t.Security == mail.Plain && !signin.Loopback(t.Host):
		files.wrong.Add("mail.security", "invitations would travel unprotected; write \"starttls\" or \"tls\"")
	case t.Security == mail.Plain && t.User != "":
		files.wrong.Add("mail.user", "a password would travel unprotected; write \"starttls\" or \"tls\"")
	}
	if t.Port < 1 || t.Port > 65535 {
		files.wrong.Add("mail.port", "no port; write 587, or 465 with security = \"tls\"")
	}
	if (t.User == "") != (t.PasswordFile == "") {
		files.wrong.Add("mail", "user and password_file come together; write both or neither")
	}
	if _, err := roster.Mail(t.From); t.From != "" && err != nil {
		files.wrong.Add("mail.from", "it %v", err)
	}
	s.Mail = &server
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

// registerTable names the register's own identifiers, the ones that need no alias,
// and says how identifiers are written. What a request spells otherwise is refused:
// the application could take it for somebody else's.
type registerTable struct {
	Scheme  string                 `toml:"scheme" need:"scheme = \"dossier\", the name of the register's own identifiers"`
	Schemes map[string]schemeTable `toml:"schemes"` // by name; the register's own are whole numbers without leading zeros when left out
}

// schemeTable is how the identifiers of one scheme are written.
type schemeTable struct {
	Pattern string    `toml:"pattern" need:"pattern = \"[0-9]{8}\", a regular expression that the whole identifier matches"`
	Fold    oneOrMore `toml:"fold"` // what makes no difference: "case", "spaces", or "none"
}

// canariesTable reserves identifiers of the register for people who exist only for
// Poterne. It is safe as long as no person is ever given one: `poterne canaries
// check` looks. Another set has other canaries.
type canariesTable struct {
	Set   string `toml:"set" need:"set = \"2026\", any name; another name gives other canaries"`
	OneIn int64  `toml:"one_in" need:"one_in = 1000000: of all identifiers that can be written, one in so many is reserved"`
}

// purposeTable says which categories of fields a purpose may be shown.
type purposeTable struct {
	Name   string   `toml:"name" need:"name = \"accompany\""`
	Fields []string `toml:"fields" need:"fields = [\"name\", \"contact\"]"`
}

// sourceTable is a system that tells facts, by file or, with a token, by push: only
// of its kinds, and only such as hold for no more than longest, from their beginning
// or from when they are told. Tickets have a life of their own, which is longest
// where it is not written: a call 15m, a desk-ticket 30m, an appointment 168h, a
// message 336h. Whoever has the token can explain any opening in these ways.
type sourceTable struct {
	Name        string         `toml:"name" need:"name = \"agenda\""`
	Kinds       []string       `toml:"kinds" need:"kinds = [\"call\"], what it may tell: caseload, appointment, call, desk-ticket, message, enrolment, cover or protected"`
	Longest     *time.Duration `toml:"longest"`
	SilentAfter time.Duration  `toml:"silent_after" need:"silent_after = \"24h\", after which the desk shows it as silent"`
	TokenFile   string         `toml:"token_file"`
}

// Settings are what a configuration comes to, with its secrets read.
type Settings struct {
	Files    []string      // that it was read from
	Digest   ledger.Digest // of the file; of several, of the digest of each
	Deciding Deciding      // what two people allow of it, where they do

	Origin      string // where people reach the portal: https, or http on this very machine
	Control     Socket
	Listen      string
	Programmes  string           // where programmes with certificates connect; empty when nowhere
	Certificate *tls.Certificate // nil: TLS ends before Poterne
	Reading     int64            // bytes that the answers being read at any moment may take; the gate's own bound when 0
	Facts       int64            // bytes of facts that are remembered
	Entries     int64            // bytes of the newest entries that are
	Help        map[i18n.Language]string

	SecurityContact string // whom to tell of a weakness; empty: nobody says
	Metrics         string // where they listen; nobody reads them when empty
	AccessLog       string // its file, or StandardOutput; none is written when empty
	Database        string // the SQLite file; empty when there is a server
	Server          string

	Pseudonym  register.Key
	Canaries   register.Canaries
	Schemes    register.Schemes // how people are named
	Signer     note.Signer
	Verifier   note.Verifier
	PublicKey  string // what Verifier is made of
	Assertion  *ecdsa.PrivateKey
	Pseudonyms ledger.Pseudonyms // over people in the ledger, if there is an epoch key
	EpochFile  string            // where that key is
	Seals      seal.Keys         // of the rows that decide
	SealFile   string            // where those keys are

	Networks    network.Map
	SignIn      signin.Settings
	People      *People      // nil: people of the register are shown nothing
	Mail        *mail.Server // nil: nobody can be invited, and nobody is told by mail
	Alerts      alert.Settings
	BreakGlass  *BreakGlass   // nil: nobody comes in but by the identity provider
	SIEM        siem.Sink     // nil: nobody collects events
	Traces      *trace.Tracer // nil: nobody collects them
	Messages    *Messages     // nil: the people of incidents are told by other means
	Quota       func(roster.OrganisationID) int
	Awareness   accounts.Awareness
	Platform    jose.JSONWebKey                          // that signs certificates of awareness; none where it is not valid
	RecordStore []byte                                   // the secret of the platform that sends xAPI statements
	Review      time.Duration                            // after which an organisation's managers must have confirmed an account
	RoleNames   map[roster.Role]map[i18n.Language]string // what people call roles of the operator's own
	Rules       policy.Rules
	Narrowed    time.Duration // how long a theft narrows its neighbours' allowances
	Retention   retention.Setting

	ArchiveKeys  string         // the folder of the archive's keys; empty on a node that keeps no archive
	ArchiveRules []archive.Rule // how long what is held of people is kept

	Controller notice.Controller // who answers for the register, to authorities and people
	Witnessing Witnessing
	Services   []httpgate.Service
	SQL        *SQL                                          // nil: no database is behind the gate
	About      map[roster.ServiceID]map[i18n.Language]string // what each is for, in a sentence
	Silence    map[string]time.Duration                      // of each source
	Sources    map[string]intake.Source                      // what each may tell
	Tokens     map[string]intake.Token                       // of each source that may push
	Arrivals   intake.Arrivals                               // who may come to an account within a day

	Transmitters []provision.Transmitter // systems that signal
	Receivers    []ssf.Receiver          // systems that are signalled to
	Provisioning []provision.Client      // systems that propose and close accounts
}

// Read reads a configuration and the secrets it names. The error holds every
// complaint there is, with its line and what to write instead.
func Read(file string) (Settings, error) { return ReadPatched(file, "") }

// ReadPatched is Read with the tables of a patch, if there is one.
func ReadPatched(file, patch string) (Settings, error) {
	if patch == "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return Settings{}, fmt.Errorf("%s cannot be read: %w", file, err)
		}
		return Parse(file, text)
	}
	return settings(file, func(into *config) (*document, error) { return readPatched(file, patch, into) })
}

// Parse is Read for what a file would hold.
func Parse(file string, text []byte) (Settings, error) {
	return settings(file, func(into *config) (*document, error) { return readConfig(file, text, into) })
}

func settings(file string, read func(*config) (*document, error)) (Settings, error) {
	var c config
	wrong, err := read(&c)
	if err != nil {
		return Settings{}, err
	}
	s := c.compile(wrong, filepath.Dir(file))
	s.Files, s.Digest = wrong.files, wrong.digest
	err = wrong.Err()
	if err == nil && wrong.tree != nil {
		s.Deciding, err = decidingOf(file, wrong.tree, c.Configuration.ByTwo)
	}
	return s, err
}

// ReadRules reads the rules of a configuration, or of the example when no file is
// named. The secrets of the configuration are not needed, and not read.
func ReadRules(file string) (policy.Rules, error) {
	text := []byte(Example)
	if file == "" {
		file = "the example configuration"
	} else {
		var err error
		if text, err = os.ReadFile(file); err != nil {
			return policy.Rules{}, fmt.Errorf("%s cannot be read: %w", file, err)
		}
	}
	var c config
	wrong, err := readConfig(file, text, &c)
	if err != nil {
		return policy.Rules{}, err
	}
	var s Settings
	c.rules(&s, wrong)
	return s.Rules, wrong.Err()
}

// compile turns a configuration into settings, and complains about what it
// cannot mean.
func (c *config) compile(wrong *document, base string) Settings {
	files := secretFiles{base, wrong}
	s := Settings{Listen: c.Public.Listen, Programmes: c.Public.Programmes, Metrics: c.Metrics.Listen, Database: files.path(c.Database.Path), Server: c.Database.Server}
	s.Control = Socket{c.Control.path(files, s.Database), c.Control.Socket != ""}
	s.Help = c.Public.Help.said()
	s.Origin = c.Public.Origin
	c.schemes(&s, wrong)
	s.Pseudonym = readSecret(files, "keys.pseudonym", c.Keys.Pseudonym, parsePseudonymKey)
	s.Assertion = readSecret(files, "keys.assertion", c.Keys.Assertion, parseAssertionKey)
	s.Pseudonyms, s.EpochFile = readSecret(files, "keys.epoch", c.Keys.Epoch, parseEpochKey), files.path(c.Keys.Epoch)
	s.Seals, s.SealFile = readSecret(files, "keys.seal", c.Keys.Seal, ParseSealKeys), files.path(c.Keys.Seal)
	pair := readSecret(files, "keys.checkpoint", c.Keys.Checkpoint, c.Keys.parseCheckpoint)
	s.Signer, s.Verifier, s.PublicKey = pair.signer, pair.verifier, pair.public
	c.kept(wrong)
	c.witnesses(&s, wrong)
	c.public(&s, files)
	c.networks(&s, wrong)
	c.signin(&s, files)
	c.person(&s, files)
	c.mail(&s, files)
	c.alerts(&s, files)
	c.breakGlass(&s, files)
	c.siem(&s, files)
	c.Traces.compile(&s, files)
	c.Access.compile(&s, files)
	c.canaries(&s, wrong)
	c.rules(&s, wrong)
	c.Awareness.compile(&s, c.readers(), files)
	c.retention(&s, wrong)
	c.archive(&s, files)
	c.controller(&s, wrong)
	c.sources(&s, files)
	c.services(&s, wrong)
	c.sql(&s, files)
	c.provisioning(&s, files)
	c.transmitters(&s, files)
	c.receivers(&s, files)
	c.messages(&s, files)
	return s
}

// schemes reads how identifiers are written.
func (c *config) schemes(s *Settings, wrong *document) {
	declared := make(map[string]register.Form)
	for _, name := range slices.Sorted(maps.Keys(c.Register.Schemes)) {
		table, path := c.Register.Schemes[name], "register.schemes."+name
		if !schemeNames.MatchString(name) {
			wrong.Add(path, "not a plain name; write letters, digits, - and _ only")
		}
		var folds []register.Fold
		for _, fold := range table.Fold {
			folds = append(folds, register.Fold(fold))
		}
		if table.Pattern == "" {
			continue // complained of already
		}
		form, err := register.NewForm(table.Pattern, folds...)
		if err != nil {
			key, said, _ := strings.Cut(err.Error(), ": ")
			wrong.Add(path+"."+key, "%s", said)
			continue
		}
		declared[name] = form
	}
	s.Schemes = register.NewSchemes(c.Register.Scheme, declared)
}

var schemeNames = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// canaries derives the function that knows them.
func (c *config) canaries(s *Settings, wrong *document) {
	if c.Canaries == nil || s.Pseudonym.IsZero() || c.Canaries.Set == "" || c.Canaries.OneIn == 0 {
		return // none are wanted, or what is missing was complained of
	}
	var err error
	if s.Canaries, err = s.Pseudonym.Canaries(c.Canaries.Set, c.Canaries.OneIn); err != nil {
		wrong.Add("canaries", "%v", err)
	}
}

// kept wants one database, and no password in the configuration.
func (c *config) kept(wrong *document) {
	const path, server = `path = "/var/lib/poterne/poterne.db"`, `server = "host=/run/postgresql dbname=poterne"`
	switch {
	case c.Database.Path == "" && c.Database.Server == "":
		wrong.Add("database", "missing; write %s for SQLite, or %s for PostgreSQL", path, server)
	case c.Database.Path != "" && c.Database.Server != "":
		wrong.Add("database", "path and server are two databases; write one of them")
	case c.Database.Server != "":
		if err := CheckServer(c.Database.Server); err != nil {
			wrong.Add("database.server", "%v", err)
		}
	}
}

// Person returns the pseudonym of one of the register's own identifiers, as somebody
// wrote it.
func (s Settings) Person(identifier string) (register.PersonID, error) {
	ref, err := s.Schemes.Told(s.Schemes.Own(), identifier)
	if err != nil {
		return register.PersonID{}, err
	}
	return s.Pseudonym.Person(ref.Value), nil
}

// Reserved reports whether one of the register's own identifiers is kept for
// canaries.
func (s Settings) Reserved(identifier string) bool {
	person, err := s.Person(identifier)
	return err == nil && s.Canaries.Reserved(person)
}

func (c *config) public(s *Settings, files secretFiles) {
	wrong := files.wrong
	if c.Public.Origin != "" {
		if origin, err := url.Parse(c.Public.Origin); err != nil || origin.Host == "" || origin.Scheme+"://"+origin.Host != c.Public.Origin {
			wrong.Add("public.origin", "not an origin; write a scheme and a host only, such as https://poterne.example")
		} else if !signin.Confidential(origin) {
			wrong.Add("public.origin", "cookies and people would travel unprotected; write https://%s", origin.Host)
		}
	}
	if s.SecurityContact = c.Public.SecurityContact; s.SecurityContact != "" {
		contact, err := url.Parse(s.SecurityContact)
		if err != nil || (contact.Scheme != "https" || contact.Host == "") && (contact.Scheme != "mailto" || contact.Opaque == "") || typed.Wrong(s.SecurityContact) != typed.Nothing {
			wrong.Add("public.security_contact", "not an address to write to; write \"mailto:…\" or \"https://…\"")
		}
	}
	if s.Reading = max(0, c.Public.Reading); c.Public.Reading < 0 {
		wrong.Add("public.reading", "a limit is negative; write how many bytes the answers being read at any moment may take, such as 268435456")
	}
	if s.Facts = cmp.Or(c.Memory.Facts, gate.Remembered); s.Facts < 0 {
		wrong.Add("memory.facts", "a bound is negative; write how many bytes of facts are remembered, such as 67108864")
	}
	if s.Entries = cmp.Or(c.Memory.Entries, store.Remembered); s.Entries < 0 {
		wrong.Add("memory.entries", "a bound is negative; write how many bytes of the newest entries are remembered, such as 67108864")
	}
	address(wrong, "public.listen", c.Public.Listen)
	address(wrong, "public.programmes", c.Public.Programmes)
	switch {
	case c.Public.Programmes == "":
	case c.Public.Programmes == c.Public.Listen:
		wrong.Add("public.programmes", "browsers connect there; write another address, such as \":8444\"")
	case c.Public.Cert == "":
		wrong.Add("public.programmes", "certificates are shown where Poterne itself speaks TLS; write cert and key as well, or leave it out")
	}
	address(wrong, "metrics.listen", c.Metrics.Listen)
	host, _, err := net.SplitHostPort(c.Public.Listen)
	switch {
	case (c.Public.Cert == "") != (c.Public.Key == ""):
		wrong.Add("public", "cert and key come together; write both, or neither behind something that ends TLS")
	case c.Public.Cert != "":
		if _, err := PrivateFile(files.path(c.Public.Key)); err != nil {
			wrong.Add("public.key", "%v", err)
		}
		pair, err := tls.LoadX509KeyPair(files.path(c.Public.Cert), files.path(c.Public.Key))
		if err != nil {
			wrong.Add("public.cert", "%v", err)
		}
		s.Certificate = &pair
	case err == nil && !signin.Loopback(host):
		wrong.Add("public.listen", "other machines would reach it without TLS; write cert and key, or listen on 127.0.0.1 behind something that ends TLS")
	}
}

// networks wants to know the browsers' own addresses wherever it is to class them.
func (c *config) networks(s *Settings, wrong *document) {
	s.Networks.Proxies = addressRanges(wrong, "public.proxies", c.Public.Proxies)
	if len(c.Network) > 0 && len(c.Public.Proxies) == 0 && c.Public.Cert == "" && strings.HasPrefix(c.Public.Origin, "https://") {
		wrong.Add("network", "all requests come from what ends TLS before Poterne; write its address under [public], such as proxies = [\"127.0.0.1\"]")
	}
	for i, n := range c.Network {
		path := index("network", i)
		identifier(wrong, path+".name", n.Name)
		twice := slices.ContainsFunc(s.Networks.Classes, func(known network.Class) bool { return known.Name == n.Name })
		if twice || n.Name == network.Elsewhere {
			wrong.Add(path+".name", "%q is taken; write another name, or all ranges in one place", n.Name)
		}
		s.Networks.Classes = append(s.Networks.Classes, network.Class{Name: n.Name, Ranges: addressRanges(wrong, path+".ranges", n.Ranges)})
	}
}

// addressRanges reads addresses and ranges of them.
func addressRanges(wrong *document, path string, texts []string) (ranges []netip.Prefix) {
	for i, text := range texts {
		if ip, err := netip.ParseAddr(text); err == nil {
			text = netip.PrefixFrom(ip, ip.BitLen()).String()
		}
		switch prefix, err := netip.ParsePrefix(text); {
		case err != nil || prefix.Addr().Is4In6():
			wrong.Add(index(path, i), "not a range of addresses; write one such as \"10.20.0.0/16\" or \"192.0.2.7\"")
		case prefix != prefix.Masked():
			wrong.Add(index(path, i), "the address is longer than its range; write %q", prefix.Masked())
		default:
			ranges = append(ranges, prefix)
		}
	}
	return ranges
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

// ownSources are names of facts that Poterne says itself: one of another system under the same name
// would replace them, or be replaced.
var ownSources = map[string]string{
	intake.ByHand: "managers assign in the portal", grants.Archive: "two people open in the archive", intake.ByIncident: "the messages about an incident are sent by",
	intake.Restored: "an audit puts back",
}

func (c *config) sources(s *Settings, files secretFiles) {
	s.Silence, s.Tokens, s.Sources = map[string]time.Duration{}, map[string]intake.Token{}, map[string]intake.Source{}
	for i, source := range c.Source {
		path := index("source", i)
		if _, twice := s.Silence[source.Name]; twice {
			files.wrong.Add(path+".name", "this source is declared twice")
		}
		identifier(files.wrong, path+".name", source.Name)
		if what, ours := ownSources[source.Name]; ours {
			files.wrong.Add(path+".name", "%q is what %s; choose another name", source.Name, what)
		}
		if source.SilentAfter < 0 {
			files.wrong.Add(path+".silent_after", "not a time to wait; write one such as \"24h\"")
		}
		s.Silence[source.Name] = source.SilentAfter
		s.Sources[source.Name] = source.compile(files.wrong, path)
		if source.TokenFile == "" {
			continue
		}
		s.Tokens[source.Name] = readSecret(files, path+".token_file", source.TokenFile, parseToken)
	}
}

// compile says what the source may tell.
func (source sourceTable) compile(wrong *document, path string) intake.Source {
	may := make(intake.Source, len(source.Kinds))
	if len(source.Kinds) == 0 && !wrong.About(path+".kinds") {
		wrong.Add(path+".kinds", "a source tells something; write kinds = [\"call\"], or what it is")
	}
	written := source.Longest != nil && !wrong.About(path+".longest")
	if written && *source.Longest <= 0 {
		wrong.Add(path+".longest", "not a time that a fact can hold; write one such as \"15m\"")
	}
	var lifeless []string
	for i, name := range source.Kinds {
		kind, err := reason.ParseFactKind(name)
		if name == reason.Cover.String() {
			kind, err = reason.Cover, nil
		}
		if err != nil {
			wrong.Add(index(path+".kinds", i), "%q is not a kind of fact; write caseload, appointment, call, desk-ticket, message, enrolment, cover, protected, closed or archived", name)
			continue
		}
		if _, twice := may[kind]; twice {
			wrong.Add(index(path+".kinds", i), "this kind is written twice; write it once")
		}
		life, ticket := kind.Life()
		if written {
			life = *source.Longest
		} else if !ticket && !kind.Apart() {
			lifeless = append(lifeless, name)
		}
		may[kind] = life
	}
	if len(lifeless) > 0 && source.Longest == nil {
		wrong.Add(path+".longest", "missing; write longest = \"2160h\": nothing else says how long %s may hold", strings.Join(lifeless, ", "))
	}
	return may
}

func categories(wrong *document, known register.Categories, path string, names []string) (fields register.Fields) {
	for i, name := range names {
		field, err := known.Parse(name)
		if err != nil {
			wrong.Add(index(path, i), "%v", err)
		}
		fields |= field
	}
	return fields
}

var plainName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// identifier wants a name that can stand in an address, a header and a metric.
func identifier(wrong *document, path, name string) {
	if name != "" && !plainName.MatchString(name) {
		wrong.Add(path, "not a plain name; write small letters, digits and - only")
	}
}

func address(wrong *document, path, listen string) {
	if listen == "" {
		return
	}
	if _, port, err := net.SplitHostPort(listen); err != nil || port == "" {
		wrong.Add(path, "not an address to listen on; write one such as \"127.0.0.1:8080\"")
	}
}

// secretFiles reads the files that hold secrets.
type secretFiles struct {
	base  string
	wrong *document
}

// path is where a file is: what ${NAME} stands for comes from the environment, such as
// ${CREDENTIALS_DIRECTORY} from systemd, and no other part of a configuration does.
func (f secretFiles) path(path string) string {
	path = variables.ReplaceAllStringFunc(path, func(name string) string {
		value := os.Getenv(name[2 : len(name)-1])
		if said := fmt.Sprintf("the environment has no %s, which a path names; set it, or write the path", name); value == "" {
			if !slices.ContainsFunc(f.wrong.Complaints, func(one fault.Complaint) bool { return one.Text == said }) {
				f.wrong.Add("", "%s", said)
			}
			return name
		}
		return value
	})
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(f.base, path)
}

var variables = regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z0-9_]*\}`)

// readSecret reads one secret, or complains; a path that is not given was
// complained of before.
func readSecret[T any](files secretFiles, key, path string, parse func([]byte) (T, error)) (secret T) {
	if path == "" {
		return secret
	}
	text, err := PrivateFile(files.path(path))
	if err == nil && len(text) == 0 {
		files.wrong.Add(key, "%s is empty", path)
		return secret
	}
	if err == nil {
		secret, err = parse(text)
	}
	if err != nil {
		files.wrong.Add(key, "%v", err)
	}
	return secret
}
