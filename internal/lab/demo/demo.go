// Package demo shows the whole product: the program that serve runs, under an ordinary
// configuration, in front of an invented town and its identity provider.
package demo

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
	"time"

	"golang.org/x/sync/errgroup"

	"poterne/internal/app"
	"poterne/internal/config"
	"poterne/internal/gate/assert"
	"poterne/internal/i18n"
	"poterne/internal/lab/mailbox"
	"poterne/internal/lab/town"
	"poterne/internal/lab/town/proconnect"
	"poterne/internal/roster"
	"poterne/internal/signin"
)

// Demo is a demonstration.
type Demo struct {
	Dir       string        // where it keeps its files; a temporary folder when empty
	Listen    string        // where the portal listens
	QuietTown bool          // nobody works in the background
	People    int           // how many the register has
	Seed      uint64        // what the town is grown from
	Attack    string        // which is played once it runs; none when empty
	Exercise  bool          // a whole incident is played in front of it, and it ends with a sheet
	Lang      i18n.Language // of what is printed

	clock clock
}

//go:embed demo.toml
var configuration string

// Run serves until it is told to stop.
func (d *Demo) Run(ctx context.Context, out, logs io.Writer) error {
	theft, err := theftNamed(d.Attack)
	if err != nil {
		return err
	}
	if d.Exercise {
		d.clock.leap(time.Until(exerciseBegins(time.Now())))
	}
	dir, err := d.folder()
	if err != nil {
		return err
	}
	if d.Dir == "" {
		defer os.RemoveAll(dir)
	}
	lived, err := livedIn(dir)
	if err != nil {
		return err
	}
	if lived != "" && (d.Attack != "" || d.Exercise) {
		return fmt.Errorf("%s holds a demonstration already: a theft is played in a folder of its own", dir)
	}
	at, err := d.settle(ctx, lived)
	if err != nil {
		return err
	}
	defer at.close()
	if err := at.furnish(dir); err != nil {
		return err
	}
	s, err := config.Read(filepath.Join(dir, "poterne.toml"))
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelWarn}))
	o, err := app.Open(ctx, s)
	if err != nil {
		return err
	}
	o.Now = d.clock.now
	if err := o.WithIndex(ctx); err != nil {
		return errors.Join(err, o.Close())
	}
	invented, err := newWorld(ctx, filepath.Join(dir, "services"), d.Seed, d.People, at.issuer(), d.clock.now(), s.Reserved)
	if err != nil {
		return errors.Join(err, o.Close())
	}
	defer invented.kept.Close()
	invented.creates(theft.created)
	invented.archives = theft.thieves == nil && !d.Exercise // thefts are played in the town in which they were measured
	invented.lang = d.Lang
	if lived == "" {
		if err := invented.fill(ctx, o); err != nil {
			return errors.Join(fmt.Errorf("filling the town: %w", err), o.Close())
		}
		if invented.archives {
			if err := invented.mandate(ctx, o, log); err != nil {
				return errors.Join(fmt.Errorf("recording a mandate: %w", err), o.Close())
			}
		}
		if err := os.WriteFile(filepath.Join(dir, identifiers), []byte(invented.identifiers()), 0o600); err != nil {
			return errors.Join(err, o.Close())
		}
	}
	if theft.elsewhere {
		if err := invented.lived(ctx, o, theft.thieves(invented)); err != nil {
			return errors.Join(fmt.Errorf("letting two weeks pass: %w", err), o.Close())
		}
	}
	if err := invented.tell(ctx, o, d.clock.now()); err != nil {
		return errors.Join(fmt.Errorf("telling what the town knows: %w", err), o.Close())
	}
	program, err := app.Assemble(ctx, o, log)
	if err != nil {
		return errors.Join(err, o.Close())
	}
	provider, err := at.provider(invented, d.clock.now)
	if err != nil {
		return errors.Join(err, o.Close())
	}
	ofPeople, err := at.providerOfPeople(invented, d.clock.now)
	if err != nil {
		return errors.Join(err, o.Close())
	}

	client := &http.Client{Timeout: 5 * time.Second}
	applications, err := invented.applications(ctx, at.origin(), at.token, town.KeysFrom(at.origin()+assert.JWKSPath, client), d.clock.now)
	if err != nil {
		return errors.Join(err, o.Close())
	}

	ctx, leave := context.WithCancel(ctx)
	defer leave()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return program.Serve(ctx, &app.Listening{Listener: at.portal}, nil) })
	group.Go(func() error { return serveUntil(ctx, at.idp, provider) })
	group.Go(func() error { return serveUntil(ctx, at.people, ofPeople) })
	group.Go(func() error { return serveUntil(ctx, at.civil, town.NewCivilStatus(invented.register, secret)) })
	letters := new(mailbox.Box)
	group.Go(func() error { return letters.Serve(ctx, at.smtp) })
	group.Go(func() error { return serveUntil(ctx, at.mail, letters) })
	for _, from := range []*town.Database{invented.kept.Dossier, invented.kept.Training} {
		outbox := town.NewOutbox(from, at.origin()+"/.poterne/facts", at.token, client, log)
		group.Go(func() error { return outbox.Run(ctx) })
	}
	for service, handler := range applications {
		group.Go(func() error { return serveUntil(ctx, at.applications[service], handler) })
	}
	group.Go(func() error { return invented.keepTelling(ctx, o, d.clock.now) })
	if !d.QuietTown && !d.Exercise { // honest work by such a clock would look like going through the register
		group.Go(func() error { return invented.work(ctx, at.origin(), d.Seed) })
	}
	if d.Exercise {
		group.Go(func() error {
			defer leave()
			e := exercise{clock: &d.clock, world: invented, opened: o, portal: at.origin(), dir: dir, letters: letters, out: out, in: d.Lang}
			return e.play(ctx)
		})
	} else {
		d.greet(out, dir, at, invented, s)
	}
	if theft.thieves != nil {
		group.Go(func() error { return theft.commit(ctx, dir, out, d.Lang, invented, at.origin(), program.Journal) })
	}
	if err := group.Wait(); err != nil {
		return err // what the database holds is not known any more: leave it as it is
	}
	return o.Close()
}

// folder is where the demonstration keeps its files.
func (d *Demo) folder() (string, error) {
	if d.Dir == "" {
		return os.MkdirTemp("", "poterne-demo-")
	}
	return d.Dir, os.MkdirAll(d.Dir, 0o700)
}

// identifiers is the register's own list of them. It is written once the town is filled:
// a folder that holds it is not filled again, since whoever is in it would change, and
// wait to be admitted.
const identifiers = "identifiers.csv"

// livedIn returns where the identity provider listened of a demonstration that a folder
// holds already: its accounts are bound to that address. It is empty when there is none.
func livedIn(dir string) (provider string, err error) {
	if _, err := os.Stat(filepath.Join(dir, identifiers)); errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	s, err := config.Read(filepath.Join(dir, "poterne.toml"))
	if err != nil {
		return "", err
	}
	issuer, err := url.Parse(s.SignIn.Issuer)
	if err != nil {
		return "", err
	}
	return issuer.Host, nil
}

// listeners are where everything listens.
type listeners struct {
	portal, idp  net.Listener
	people       net.Listener // the identity provider of people of the register
	civil        net.Listener // where the register says who has a civil status
	smtp, mail   net.Listener // where mail arrives, and where it is shown
	applications map[roster.ServiceID]net.Listener
	token        string // of the town's applications as sources, and of who runs them
}

// settle listens for the portal where it is asked to, and for the town on this
// machine only. The identity provider is reached by another name than the portal,
// so that browsers keep their cookies apart; it listens where it did before, if it did.
func (d *Demo) settle(ctx context.Context, provider string) (*listeners, error) {
	p := &listeners{applications: make(map[roster.ServiceID]net.Listener)}
	var failed error
	listen := func(address, remedy string) net.Listener {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%w; %s", err, remedy))
		}
		return l
	}
	const anywhere = "127.0.0.1:0"
	p.portal = listen(d.Listen, "choose another place with --listen")
	p.idp = listen(cmp.Or(provider, anywhere), "this folder's accounts sign in there: stop what has taken it, or choose another folder")
	for _, l := range []*net.Listener{&p.people, &p.civil, &p.smtp, &p.mail} {
		*l = listen(anywhere, "this machine has no port left")
	}
	for _, service := range []roster.ServiceID{"dossier", "kairos", "ouiform", "suivi"} {
		p.applications[service] = listen(anywhere, "this machine has no port left")
	}
	if failed != nil {
		p.close()
		return nil, failed
	}
	return p, nil
}

func (p *listeners) close() {
	for _, l := range p.applications {
		if l != nil {
			_ = l.Close()
		}
	}
	for _, l := range []net.Listener{p.portal, p.idp, p.people, p.civil, p.smtp, p.mail} {
		if l != nil {
			_ = l.Close()
		}
	}
}

func portOf(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

func (p *listeners) origin() string { return fmt.Sprintf("http://localhost:%d", portOf(p.portal)) }
func (p *listeners) issuer() string { return fmt.Sprintf("http://127.0.0.1:%d/api/v2", portOf(p.idp)) }

// ofPeople is where people of the register see their own file: browsers take every name
// below localhost for this machine.
func (p *listeners) ofPeople() string {
	return fmt.Sprintf("mon-dossier.localhost:%d", portOf(p.portal))
}

func (p *listeners) franceConnect() string {
	return fmt.Sprintf("http://127.0.0.1:%d/api/v2", portOf(p.people))
}

func (p *listeners) application(service roster.ServiceID) string {
	return "http://" + p.applications[service].Addr().String()
}

// furnish writes the configuration, and what secrets are not there yet.
func (p *listeners) furnish(dir string) error {
	var keys []config.Key
	var err error
	if _, missing := os.Stat(filepath.Join(dir, "pseudonym.key")); errors.Is(missing, os.ErrNotExist) {
		if keys, err = config.NewKeys("demo.poterne.example", nil); err != nil {
			return err
		}
	}
	for _, key := range keys {
		if err := key.Write(dir); err != nil {
			return err
		}
	}
	p.token = rand.Text() + rand.Text() // whoever reaches the portal reaches where sources push
	if err := os.WriteFile(filepath.Join(dir, "sources.token"), []byte(p.token), 0o600); err != nil {
		return err
	}
	for _, file := range []string{"client.secret", "register.token"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(secret), 0o600); err != nil {
			return err
		}
	}
	var text bytes.Buffer
	err = template.Must(template.New("").Parse(configuration)).Execute(&text, map[string]string{
		"Origin": p.origin(), "Listen": p.portal.Addr().String(), "Issuer": p.issuer(), "Client": client, "Rules": sharedRules(), "Mail": strconv.Itoa(portOf(p.smtp)),
		"People": p.ofPeople(), "FranceConnect": p.franceConnect(), "CivilStatus": "http://" + p.civil.Addr().String() + "/civil-status", "Contacts": "http://" + p.civil.Addr().String() + "/contacts",
		"Dossier": p.application("dossier"), "Kairos": p.application("kairos"), "Ouiform": p.application("ouiform"), "Suivi": p.application("suivi"),
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "poterne.toml"), text.Bytes(), 0o600)
}

// sharedRules are what the example configuration allows and watches, as it says it:
// the demonstration has the same, and so has the replay.
func sharedRules() string {
	_, rules, _ := strings.Cut(config.Example, "\n[allowance]\n")
	rules, _, _ = strings.Cut(rules, "\n[campaign]\n")
	return "[allowance]\n" + rules[:strings.LastIndex(rules, "\n\n")]
}

// secret is no secret: the provider is part of the demonstration, and listens
// to this machine only.
const secret = "the-demonstration-has-no-secrets"

func (p *listeners) provider(invented *world, now func() time.Time) (http.Handler, error) {
	provider, err := proconnect.New(proconnect.Settings{
		Issuer: p.issuer(), People: invented.people(), Now: now,
		Clients: []proconnect.Client{{
			ID: client, Secret: secret, Name: "Poterne",
			Redirects: []string{p.origin() + signin.CallbackPath}, Exits: []string{p.origin() + signin.LeftPath},
			Recall: p.origin() + signin.RecallPath,
		}},
	})
	if err != nil {
		return nil, fmt.Errorf("starting the identity provider: %w", err)
	}
	return provider.Handler(), nil
}

// providerOfPeople is the identity provider of people of the register.
func (p *listeners) providerOfPeople(invented *world, now func() time.Time) (http.Handler, error) {
	somebody, err := invented.somebody()
	if err != nil {
		return nil, err
	}
	origin := "http://" + p.ofPeople()
	provider, err := proconnect.New(proconnect.Settings{
		Issuer: p.franceConnect(), People: somebody, Now: now, Imitates: proconnect.FranceConnect, Algorithm: "ES256",
		Clients: []proconnect.Client{{
			ID: client, Secret: secret, Name: "Mon dossier", Redirects: []string{origin + signin.CallbackPath}, Exits: []string{origin + signin.LeftPath},
		}},
	})
	if err != nil {
		return nil, fmt.Errorf("starting the identity provider of people: %w", err)
	}
	return provider.Handler(), nil
}

// serveUntil serves one of the town's own applications until ctx ends.
func serveUntil(ctx context.Context, l net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// greet says where everything is, and what to try.
func (d *Demo) greet(out io.Writer, dir string, at *listeners, invented *world, s config.Settings) {
	file := func(dossier string) string { return at.origin() + "/dossier/files/" + dossier }
	var strangers, canary string
	for n := range 5 {
		strangers += "     " + file(invented.register.Dossier(invented.staff.Stranger(n))) + "\n"
	}
	if dossier := invented.canary(func(dossier string) bool { return s.Canaries.Live(s.Pseudonym.Person(dossier), d.clock.now()) }); dossier != "" {
		canary = d.Lang.Say("demo.canary", "file", file(dossier))
	}
	closed, archived, received := invented.apart()
	var apart string
	if len(closed) > 0 && archived >= 0 && received >= 0 {
		apart = d.Lang.Say("demo.apart", "closed", file(invented.register.Dossier(closed[0])), "archived", file(invented.register.Dossier(archived)), "received", file(invented.register.Dossier(received)))
	}
	if people, err := invented.somebody(); err == nil && invented.archives {
		of, by := people[represented].Civil, people[representative].Civil
		apart += d.Lang.Say("demo.mandate", "of", of.Given+" "+of.Family, "by", by.Given+" "+by.Family, "people-page", "http://"+at.ofPeople(), "portal", at.origin())
	}
	fmt.Fprint(out, d.Lang.Say("demo.greeting", "portal", at.origin(), "people-page", "http://"+at.ofPeople(), "mail", "http://"+at.mail.Addr().String(), "dir", dir, "people", d.People, "kairos", at.origin()+"/kairos/api/candidates?count=1000",
		"mine", file(invented.register.Dossier(invented.staff.Caseload("pauline.mercier")[0])), "strangers", strangers, "canary", canary, "apart", apart))
}
