package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"poterne/internal/campaign"
	"poterne/internal/config"
	"poterne/internal/containment"
	"poterne/internal/gate"
	"poterne/internal/gate/httpgate"
	"poterne/internal/grants"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	ledgerindex "poterne/internal/ledger/index"
	"poterne/internal/ledger/tiles"
	"poterne/internal/ledger/witness"
	"poterne/internal/policy"
	"poterne/internal/portal"
	"poterne/internal/portal/rooms/desk"
	"poterne/internal/portal/rooms/manager"
	"poterne/internal/portal/rooms/staff"
	"poterne/internal/reason/intake"
	"poterne/internal/signin"
	"poterne/internal/store"
)

// settings are what a program is assembled from.
type settings struct {
	config.Settings
	now   func() time.Time   // time.Now when nil
	index *ledgerindex.Index // of the ledger; nil where nobody asks it
}

// readConfig reads a configuration and the secrets it names.
func readConfig(file string) (settings, error) {
	s, err := config.Read(file)
	return settings{Settings: s}, err
}

// open opens the database.
func (s settings) open(ctx context.Context) (*store.DB, error) {
	db, err := s.openSealed(ctx)
	if err != nil {
		return nil, err
	}
	if err := db.Veil(ctx, s.Veil); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// openSealed opens the database for what needs to know nobody: it can do without the
// epoch key.
func (s settings) openSealed(ctx context.Context) (db *store.DB, err error) {
	if s.Server != "" {
		db, err = store.OpenPostgreSQL(ctx, s.Server)
	} else {
		db, err = store.OpenSQLite(ctx, s.Database)
	}
	if err != nil {
		return nil, fmt.Errorf("the database cannot be opened: %w", err)
	}
	return db, nil
}

// program is everything that runs, wired together.
type program struct {
	journal   *journal.Journal
	gate      *gate.Gate
	sequencer *ledger.Sequencer
	council   *witness.Council
	door      *signin.Door
	metrics   *metrics
	public    http.Handler     // the portal, sign-in, pushes and the guarded services
	private   http.Handler     // metrics and health
	failed    http.HandlerFunc // says of a request that it failed on our side
	parts     []func(context.Context) error
	leaving   chan struct{} // closed when the program is asked to leave
	log       *slog.Logger
}

// assemble wires a program together over an open store. It reads the ledger, and
// serves nobody before Serve.
func assemble(ctx context.Context, from settings, db *store.DB, log *slog.Logger) (*program, error) {
	if from.now == nil {
		from.now = time.Now
	}
	p := &program{leaving: make(chan struct{}), log: log}
	if told := toldObservations(from.Rules.Observed); len(told) > 0 {
		log.Warn("only observing: what these would stop is written down and handed over", slog.Any("observed", told))
	}
	directory := gate.NewDirectory(from.Pseudonym, from.Schemes, store.NewAliases(db))
	p.council = from.council(db, log)
	if err := p.council.Attend(ctx); err != nil { // before anything is written or signed
		return nil, fmt.Errorf("this ledger is not run: %w", err)
	}
	var err error
	if p.journal, err = journal.Open(ctx, store.NewLedger(db), from.now); err != nil {
		return nil, fmt.Errorf("opening the journal: %w", err)
	}
	p.gate = gate.New(p.journal, store.NewFacts(db), from.Rules, from.now)
	if err = from.retain(ctx, db, log); err != nil {
		return nil, err
	}
	if p.sequencer, err = ledger.NewSequencer(ctx, store.NewLedger(db), from.Signer, from.Verifier, log); err != nil {
		return nil, fmt.Errorf("taking up the tree: %w", err)
	}
	p.metrics = newMetrics(from, p.journal, db)
	present := attendance{p.council, from.Witnessing.Strict, from.now}
	p.metrics.registry.MustRegister(present, overdue{db, from.now})

	pages := portal.NewPages(from.portal(log))
	sessions := store.NewSessions(db)
	if p.door, err = signin.New(p.signIn(from), sessions, store.NewRoster(db), pages); err != nil {
		return nil, err
	}
	detector := campaign.New(campaign.Deps{Journal: p.journal, Ledger: store.NewLedger(db), Roster: store.NewRoster(db)},
		campaign.Rules{Watches: from.Rules.Watches, Narrowed: from.Narrowed}, from.now, log)
	orders := containment.Service{Writer: p.journal}
	shell := portal.NewShell(pages, portal.Deps{Door: p.door, Roster: store.NewRoster(db), Journal: p.journal})
	watch := desk.Deps{
		Gate: p.gate, Journal: p.journal, Calendar: store.NewLedger(db), Roster: store.NewRoster(db), Containment: orders, Sessions: p.door, Sources: store.NewFacts(db), Campaigns: detector,
		Notary: notary{store.NewLedger(db), from.Signer, from.Verifier}, Directory: directory,
	}
	if from.index != nil {
		watch.Index = from.index
	}
	watching := desk.New(shell, desk.Settings{Silence: from.Silence, Observed: from.Rules.Observed, Scheme: from.Schemes.Own()}, watch)
	rooms := shell.Handler(
		staff.New(shell, staff.Deps{Gate: p.gate, Journal: p.journal, Roster: store.NewRoster(db)}),
		watching,
		manager.New(shell, manager.Deps{
			Gate: p.gate, Grants: grants.Service{Journal: p.journal, Most: from.Rules.Signed, Now: from.now}, Freezes: orders, Journal: p.journal, Roster: store.NewRoster(db),
		}),
	)

	assertions, err := httpgate.NewSigner(from.Assertion, from.Origin, store.NewRoster(db), from.now)
	if err != nil {
		return nil, err
	}
	proxy, err := httpgate.New(from.Services, httpgate.Deps{
		Gate: witnessed{p.metrics.settling(p.gate), present}, Directory: directory, Schemes: from.Schemes, Who: p.door.Who,
		Pages: stops{pages.Stops(), p.gate}, Assertions: assertions, Networks: from.Networks, Expel: p.door.EndAll,
		Insecure: strings.HasPrefix(from.Origin, "http://"), Observe: p.metrics.observe, Log: log, Now: from.now,
		Canaries: from.Canaries, Reading: from.Reading,
	})
	if err != nil {
		return nil, err
	}

	ours := http.NewServeMux() // on every origin
	p.door.Mount(ours)
	pages.Mount(ours)
	ours.Handle("GET "+httpgate.JWKSPath, assertions.JWKS())
	ours.Handle(tiles.Pattern, tiles.NewHandler(from.published(db), from.Verifier, log))
	ours.Handle(intake.PushPattern, intake.NewPush(intake.NewFacts(store.NewFacts(db), directory, from.Schemes, store.NewRoster(db), from.Sources, from.now), from.Tokens, p.pushed, log))
	health := &health{db: db, verifier: from.Verifier, now: from.now, witnesses: present}
	p.public = switchboard{
		origin: from.Origin, hosts: from.hosts(), services: proxy, ours: http.NewCrossOriginProtection().Handler(ours),
		rooms: p.untilLeaving(rooms), health: health.handler(),
		asks: func(next http.Handler) http.Handler { return pages.AskFirst(p.door.FromElsewhere, next) },
	}
	private := http.NewServeMux()
	private.Handle("GET /metrics", p.metrics.handler(log))
	private.Handle("GET /", health.handler())
	p.private = private
	p.failed = pages.Stops().Broke
	p.parts = []func(context.Context) error{p.journal.Run, p.sequencer.Run, p.council.Run, p.door.Run, watching.Run, detector.Run}
	if from.index != nil {
		p.parts = append(p.parts, func(ctx context.Context) error { return from.index.Run(ctx, log) })
	}
	p.parts = append(p.parts, func(ctx context.Context) error {
		return db.Listen(ctx, log, func() {
			sessions.Told()
			_ = p.journal.Look(ctx) // a node that cannot look now looks again within a second
		})
	})
	return p, nil
}

// hosts are the names that we answer to.
func (from settings) hosts() map[string]bool {
	_, home, _ := strings.Cut(from.Origin, "://")
	hosts := map[string]bool{strings.ToLower(home): true}
	for _, service := range from.Services {
		hosts[strings.ToLower(service.Host)] = true
	}
	delete(hosts, "")
	return hosts
}

// portal is how the portal speaks of what is guarded.
func (from settings) portal(log *slog.Logger) portal.Settings {
	s := portal.Settings{Home: from.Origin + "/", Help: from.Help, Now: from.now, Log: log, Zone: paris()}
	scheme, _, _ := strings.Cut(from.Origin, "://")
	for _, service := range from.Services {
		address := from.Origin + service.Prefix + "/"
		if service.Host != "" {
			address = scheme + "://" + service.Host + "/"
		}
		s.Services = append(s.Services, portal.Service{
			ID: service.ID, Name: service.Name, About: from.About[service.ID], Address: address, Search: searchOf(service, address),
		})
	}
	if issuer, err := url.Parse(from.SignIn.Issuer); err == nil && issuer.Host != "" {
		s.FormTo = append(s.FormTo, issuer.Scheme+"://"+issuer.Host)
	}
	return s
}

// searchOf is where a service that opens at an address finds people by what is
// known of them; empty when nowhere.
func searchOf(service httpgate.Service, address string) string {
	for _, route := range service.Routes {
		reads := len(route.Methods) == 0 || slices.Contains(route.Methods, http.MethodGet)
		if route.Search != nil && reads && !strings.Contains(route.Path, "{") {
			return address + strings.TrimPrefix(route.Path, "/")
		}
	}
	return ""
}

// paris is where people read clocks.
func paris() *time.Location {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		panic(err) // it is part of the program
	}
	return zone
}

// signIn writes a touch in the ledger, and a session that two browsers held.
func (p *program) signIn(from settings) signin.Settings {
	s := from.SignIn
	s.Now, s.Log, s.Device = from.now, p.log, from.Pseudonym.Device
	s.Touched = func(r *http.Request, session signin.Session) error {
		return journal.Record(r.Context(), p.journal, ledger.Entry{
			Kind: ledger.Touched, Account: session.Account, Session: session.ID, Device: session.Device, Network: from.Networks.Of(r),
		})
	}
	s.Told = func(ctx context.Context, ended signin.Ended) {
		p.metrics.sessionEnded(ended.Why)
		if ended.Why != signin.Doubled && ended.Why != signin.Moved {
			return
		}
		err := journal.Record(context.WithoutCancel(ctx), p.journal, ledger.Entry{
			Kind: ledger.Session, Account: ended.Account, Organisation: ended.Organisation, Session: ended.Session, State: ledger.State(ended.Why),
		})
		if err != nil {
			p.log.ErrorContext(ctx, "the end of a session is not in the ledger", slog.String("why", string(ended.Why)), slog.Any("err", err))
		}
	}
	return s
}

// pushed writes in the ledger what a source has sent.
func (p *program) pushed(ctx context.Context, source string, report intake.Report) error {
	return journal.Record(ctx, p.journal, imported(ledger.Facts, source, report))
}

// stops is what the gate shows to whoever it stops.
type stops struct {
	portal.Stops
	gate *gate.Gate
}

// Refused implements httpgate.Pages, with the message of the order behind it.
func (s stops) Refused(w http.ResponseWriter, r *http.Request, refusal httpgate.Refusal) {
	said := portal.Refusal{Service: refusal.Service, Ruling: refusal.Ruling, Receipt: refusal.Receipt}
	if why := refusal.Ruling.Why; why == policy.Suspended || why == policy.Closed || why == policy.Frozen {
		standing := s.gate.Standing(gate.Asker{Account: refusal.Session.Account, Organisation: refusal.Session.Organisation}, refusal.Service)
		said.Message = standing.Held.Message
	}
	s.Stops.Refused(w, r, said)
}

// switchboard sends each request to whoever answers it.
type switchboard struct {
	origin   string
	hosts    map[string]bool
	services *httpgate.Proxy
	ours     http.Handler
	rooms    http.Handler
	health   http.Handler
	asks     func(http.Handler) http.Handler // before what another site has a browser read
}

// ServeHTTP answers for the origins that are declared, and for no other name this
// machine may be reached by.
func (s switchboard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(s.origin, "https://") {
		w.Header().Set("Strict-Transport-Security", "max-age=31536000")
	}
	switch path := r.URL.Path; {
	case path == "/healthz" || path == "/readyz":
		s.health.ServeHTTP(w, r)
	case !s.hosts[strings.ToLower(r.Host)]:
		http.Error(w, "This is "+s.origin, http.StatusMisdirectedRequest)
	case strings.HasPrefix(path, signin.Prefix):
		s.ours.ServeHTTP(w, r)
	case s.services.Serves(r):
		s.asks(s.services).ServeHTTP(w, r)
	case path == "/": // the front page shows what is the asker's own, and counts nothing
		s.rooms.ServeHTTP(w, r)
	default:
		s.asks(s.rooms).ServeHTTP(w, r)
	}
}

// untilLeaving ends what would never end by itself, such as the desk's flow, when
// the program is asked to leave.
func (p *program) untilLeaving(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		go func() {
			select {
			case <-p.leaving:
				cancel()
			case <-ctx.Done():
			}
		}()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// patience is how long passages under way may take to end.
const patience = 10 * time.Second

// Serve serves until ctx ends; then it stops accepting, lets passages end, and
// signs a last checkpoint. When the ledger's state is not known any more it
// returns at once: the program must then stop. The private listener may be nil.
func (p *program) Serve(ctx context.Context, public, private *listening) error {
	living, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	group, living := errgroup.WithContext(living)
	for _, run := range p.parts {
		group.Go(func() error { return run(living) })
	}
	servers := []*http.Server{public.start(group, recovering(p.public, p.failed, p.log), p.log)}
	if private != nil {
		servers = append(servers, private.start(group, recovering(p.private, p.failed, p.log), p.log))
	}
	group.Go(func() error {
		select {
		case <-ctx.Done():
			err := p.leave(servers)
			end()
			return err
		case <-living.Done():
			var all []error
			for _, server := range servers {
				all = append(all, server.Close())
			}
			return errors.Join(all...)
		}
	})
	if err := group.Wait(); err != nil {
		return err
	}
	for advanced := true; advanced; {
		var err error
		if advanced, err = p.sequencer.Step(context.WithoutCancel(ctx)); err != nil {
			return fmt.Errorf("signing the last checkpoint: %w", err)
		}
	}
	return p.council.Attend(context.WithoutCancel(ctx)) // it is co-signed, too
}

func (p *program) leave(servers []*http.Server) error {
	close(p.leaving)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var all []error
	for _, server := range servers {
		if err := server.Shutdown(ctx); err != nil {
			p.log.Warn("passages were cut short at the end")
			all = append(all, server.Close())
		}
	}
	return errors.Join(all...)
}

// listening is an open listener, and whether it speaks TLS.
type listening struct {
	net.Listener
	tls func(*http.Server)
}

func (l *listening) start(group *errgroup.Group, handler http.Handler, log *slog.Logger) *http.Server {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       2 * time.Minute,
		WriteTimeout:      2 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // it speaks of connections only
	}
	group.Go(func() error {
		var err error
		if l.tls != nil {
			l.tls(server)
			err = server.ServeTLS(l, "", "")
		} else {
			err = server.Serve(l)
		}
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return fmt.Errorf("serving: %w", err)
	})
	return server
}
