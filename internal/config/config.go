// Package config reads the configuration: TOML in, settings out, or everything that
// is wrong with it at once, each with its line and what to write instead.
package config

import (
	"crypto/ecdsa"
	"crypto/tls"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/alert"
	"poterne/internal/archive"
	"poterne/internal/gate/httpgate"
	"poterne/internal/gate/network"
	"poterne/internal/i18n"
	"poterne/internal/intake"
	"poterne/internal/ledger"
	"poterne/internal/ledger/retention"
	"poterne/internal/mail"
	"poterne/internal/notice"
	"poterne/internal/policy"
	"poterne/internal/provision"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/seal"
	"poterne/internal/siem"
	"poterne/internal/signin"
	"poterne/internal/ssf"
	"poterne/internal/trace"

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
	Pair        Pair             // the files that the certificate was read from
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
	c.accounts(&s, wrong)
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

var plainName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// identifier wants a name that can stand in an address, a header and a metric.
func identifier(wrong *document, path, name string) {
	if name != "" && !plainName.MatchString(name) {
		wrong.Add(path, "not a plain name; write small letters, digits and - only")
	}
}
