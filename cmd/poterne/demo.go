package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"golang.org/x/sync/errgroup"

	"poterne/internal/config"
	"poterne/internal/gate/httpgate"
	"poterne/internal/i18n"
	"poterne/internal/lab/town"
	"poterne/internal/lab/town/proconnect"
	"poterne/internal/roster"
	"poterne/internal/signin"
)

// Demo shows the whole product: the program that serve runs, under an ordinary
// configuration, in front of an invented town and its identity provider.
type Demo struct {
	Dir       string        `help:"Where to keep its files; a temporary folder when empty." type:"path"`
	Listen    string        `default:"localhost:8080" help:"Where the portal listens. What the town needs listens on free ports of this machine."`
	QuietTown bool          `help:"Let nobody work in the background."`
	People    int           `default:"100000" help:"How many people the register has."`
	Seed      uint64        `default:"1" help:"What the town is grown from."`
	Attack    string        `help:"Play an attack once it runs; list says which there are." placeholder:"NAME"`
	Lang      i18n.Language `default:"fr" enum:"fr,en" help:"Language of what is printed: fr or en."`
}

//go:embed demo.toml
var demoConfig string

// Run serves until it is told to stop.
func (d *Demo) Run(ctx context.Context, on *streams) error {
	if d.Attack == "list" {
		listAttacks(on.Out, d.Lang)
		return nil
	}
	attack, err := attackNamed(d.Attack)
	if err != nil {
		return err
	}
	dir, err := d.folder()
	if err != nil {
		return err
	}
	if d.Dir == "" {
		defer os.RemoveAll(dir)
	}
	place, err := d.settle(ctx)
	if err != nil {
		return err
	}
	defer place.close()
	if err := place.furnish(dir); err != nil {
		return err
	}
	s, err := readConfig(filepath.Join(dir, "poterne.toml"))
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(on.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	db, err := s.open(ctx)
	if err != nil {
		return err
	}
	shelf, err := s.openIndex(ctx, db)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	defer shelf.Close()
	invented, err := newDemoTown(d.Seed, d.People, place.issuer(), time.Now(), s.Reserved)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	invented.creates(attack.created)
	if err := invented.fill(ctx, db, s.Pseudonym); err != nil {
		return errors.Join(fmt.Errorf("filling the town: %w", err), db.Close())
	}
	if attack.elsewhere {
		if err := invented.lived(ctx, db, attack.thieves(invented)); err != nil {
			return errors.Join(fmt.Errorf("letting two weeks pass: %w", err), db.Close())
		}
	}
	program, err := assemble(ctx, s, db, log)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	provider, err := place.provider(invented)
	if err != nil {
		return errors.Join(err, db.Close())
	}

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return program.Serve(ctx, &listening{Listener: place.portal}, nil) })
	group.Go(func() error { return serveUntil(ctx, place.idp, provider) })
	for service, handler := range invented.applications(place.origin(), town.KeysFrom(place.origin()+httpgate.JWKSPath, &http.Client{Timeout: 5 * time.Second})) {
		group.Go(func() error { return serveUntil(ctx, place.applications[service], handler) })
	}
	group.Go(func() error { return invented.keepTelling(ctx, db, s.Pseudonym) })
	if !d.QuietTown {
		group.Go(func() error { return invented.work(ctx, place.origin(), d.Seed) })
	}
	d.greet(on.Out, dir, place, invented, s)
	if attack.thieves != nil {
		group.Go(func() error { return attack.commit(ctx, on.Out, d.Lang, invented, place.origin(), program.journal) })
	}
	if err := group.Wait(); err != nil {
		return err // what the database holds is not known any more: leave it as it is
	}
	return db.Close()
}

// folder is where the demonstration keeps its files.
func (d *Demo) folder() (string, error) {
	if d.Dir == "" {
		return os.MkdirTemp("", "poterne-demo-")
	}
	return d.Dir, os.MkdirAll(d.Dir, 0o700)
}

// demoPlace is where everything listens.
type demoPlace struct {
	portal, idp  net.Listener
	applications map[roster.ServiceID]net.Listener
}

// settle listens for the portal where it is asked to, and for the town on this
// machine only. The identity provider is reached by another name than the portal,
// so that browsers keep their cookies apart.
func (d *Demo) settle(ctx context.Context) (*demoPlace, error) {
	p := &demoPlace{applications: make(map[roster.ServiceID]net.Listener)}
	var failed error
	listen := func(address string) net.Listener {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%w; choose another place with --listen", err))
		}
		return l
	}
	p.portal = listen(d.Listen)
	p.idp = listen("127.0.0.1:0")
	for _, service := range []roster.ServiceID{"dossier", "kairos", "ouiform"} {
		p.applications[service] = listen("127.0.0.1:0")
	}
	if failed != nil {
		p.close()
		return nil, failed
	}
	return p, nil
}

func (p *demoPlace) close() {
	for _, l := range p.applications {
		if l != nil {
			_ = l.Close()
		}
	}
	for _, l := range []net.Listener{p.portal, p.idp} {
		if l != nil {
			_ = l.Close()
		}
	}
}

func portOf(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

func (p *demoPlace) origin() string { return fmt.Sprintf("http://localhost:%d", portOf(p.portal)) }
func (p *demoPlace) issuer() string { return fmt.Sprintf("http://127.0.0.1:%d/api/v2", portOf(p.idp)) }

func (p *demoPlace) application(service roster.ServiceID) string {
	return "http://" + p.applications[service].Addr().String()
}

// furnish writes the configuration, and what secrets are not there yet.
func (p *demoPlace) furnish(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "pseudonym.key")); errors.Is(err, os.ErrNotExist) {
		keys := keysCommand{Dir: dir, Origin: "demo.poterne.example"}
		if err := keys.Run(&streams{Out: io.Discard}); err != nil {
			return err
		}
	} else if _, err := os.Stat(filepath.Join(dir, config.EpochFile)); errors.Is(err, os.ErrNotExist) { // a demonstration from before
		if err := (&keysEpoch{Dir: dir}).Run(&streams{Out: io.Discard}); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "client.secret"), []byte(demoSecret), 0o600); err != nil {
		return err
	}
	var text bytes.Buffer
	err := template.Must(template.New("").Parse(demoConfig)).Execute(&text, map[string]string{
		"Origin": p.origin(), "Listen": p.portal.Addr().String(), "Issuer": p.issuer(), "Client": demoClient, "Rules": sharedRules(),
		"Dossier": p.application("dossier"), "Kairos": p.application("kairos"), "Ouiform": p.application("ouiform"),
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

// demoSecret is no secret: the provider is part of the demonstration, and listens
// to this machine only.
const demoSecret = "the-demonstration-has-no-secrets"

func (p *demoPlace) provider(invented *demoTown) (http.Handler, error) {
	provider, err := proconnect.New(proconnect.Settings{
		Issuer: p.issuer(), People: invented.people(),
		Clients: []proconnect.Client{{
			ID: demoClient, Secret: demoSecret, Name: "Poterne",
			Redirects: []string{p.origin() + signin.CallbackPath}, Exits: []string{p.origin() + signin.LeftPath},
			Recall: p.origin() + signin.RecallPath,
		}},
	})
	if err != nil {
		return nil, fmt.Errorf("starting the identity provider: %w", err)
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
func (d *Demo) greet(out io.Writer, dir string, place *demoPlace, invented *demoTown, s settings) {
	file := func(dossier string) string { return place.origin() + "/dossier/files/" + dossier }
	var strangers, canary string
	for n := range 5 {
		strangers += "     " + file(invented.register.Dossier(invented.staff.Stranger(n))) + "\n"
	}
	if dossier := invented.canary(func(dossier string) bool { return s.Canaries.Live(s.Pseudonym.Person(dossier), time.Now()) }); dossier != "" {
		canary = d.Lang.Say("demo.canary", "file", file(dossier))
	}
	fmt.Fprint(out, d.Lang.Say("demo.greeting", "portal", place.origin(), "dir", dir, "people", d.People, "kairos", place.origin()+"/kairos/api/candidates?count=1000",
		"mine", file(invented.register.Dossier(invented.staff.Caseload("pauline.mercier")[0])), "strangers", strangers, "canary", canary))
}
