// Package app assembles the program from its parts over an open database, and serves
// it; and opens a database for commands beside it.
package app

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"poterne/internal/accounts"
	"poterne/internal/alert"
	"poterne/internal/audit"
	"poterne/internal/campaign"
	"poterne/internal/containment"
	"poterne/internal/custody"
	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/gate/assert"
	"poterne/internal/gate/httpgate"
	"poterne/internal/gate/pggate"
	"poterne/internal/gate/shape"
	"poterne/internal/grants"
	"poterne/internal/incident"
	"poterne/internal/intake"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	ledgerindex "poterne/internal/ledger/index"
	"poterne/internal/ledger/tiles"
	"poterne/internal/ledger/witness"
	"poterne/internal/person"
	"poterne/internal/policy"
	"poterne/internal/portal"
	breakglassroom "poterne/internal/portal/rooms/breakglass"
	"poterne/internal/portal/rooms/bypass"
	"poterne/internal/portal/rooms/desk"
	incidentroom "poterne/internal/portal/rooms/incident"
	"poterne/internal/portal/rooms/manager"
	"poterne/internal/portal/rooms/mandates"
	"poterne/internal/portal/rooms/permits"
	"poterne/internal/portal/rooms/questions"
	"poterne/internal/portal/rooms/readings"
	"poterne/internal/portal/rooms/rights"
	"poterne/internal/portal/rooms/staff"
	"poterne/internal/portal/rooms/terms"
	"poterne/internal/portal/rooms/withheld"
	"poterne/internal/provision"
	"poterne/internal/refund"
	"poterne/internal/roster"
	"poterne/internal/siem"
	"poterne/internal/signin"
	"poterne/internal/signin/strangers"
	"poterne/internal/store"
	"poterne/internal/usage"
)

// Program is everything that runs, wired together.
type Program struct {
	Journal    *journal.Journal
	Gate       *gate.Gate
	Sequencer  *ledger.Sequencer
	Council    *witness.Council
	door       *signin.Door
	endings    *endings
	metrics    *metrics
	proxy      *httpgate.Proxy
	access     *accessLog       // nil when none is written
	Public     http.Handler     // the portal, sign-in, pushes and the guarded services
	Programmes http.Handler     // the same, for programmes that show a client certificate
	Private    http.Handler     // metrics and health
	failed     http.HandlerFunc // says of a request that it failed on our side
	sql        *pggate.Door     // nil: no database is behind the gate
	parts      []func(context.Context) error
	begins     func()        // takes over what one program alone hears, when it is put in charge
	told       []func()      // hear that another node may have ended a session
	leaving    chan struct{} // closed when the program is asked to leave
	log        *slog.Logger
}

// Assemble wires a program together over an open database, and writes down what its configuration
// changes of the ledger. It reads the ledger, and serves nobody before Serve.
func Assemble(ctx context.Context, o *Opened, log *slog.Logger) (*Program, error) {
	p, err := assemble(ctx, o, nil, log)
	if err != nil {
		return nil, err
	}
	if err := o.settle(ctx, log); err != nil {
		return nil, errors.Join(err, p.access.Close())
	}
	return p, nil
}

// settle writes down what a configuration changes of the ledger: how long it is kept, and what the
// categories of fields are. It comes once the program is assembled, so that a configuration that is
// refused leaves nothing behind. Another node may have declared categories meanwhile, so these come first.
func (o *Opened) settle(ctx context.Context, log *slog.Logger) error {
	if err := o.declare(ctx, log); err != nil {
		return err
	}
	return o.retain(ctx, log)
}

// assemble wires a program together, and writes nothing in the ledger. A program that takes over from
// another counts on where that one is.
func assemble(ctx context.Context, o *Opened, before *Program, log *slog.Logger) (*Program, error) {
	p := &Program{leaving: make(chan struct{}), log: log}
	if told := toldObservations(o.Rules.Observed); len(told) > 0 {
		log.Warn("only observing: what these would stop is written down and handed over", slog.Any("observed", told))
	}
	if err := o.warnOfRoles(ctx, log); err != nil {
		return nil, err
	}
	directory := o.Directory()
	err := p.takeUpLedger(ctx, o)
	if err != nil {
		return nil, err
	}
	auditing := audit.NewWatch(o.Audit(), p.Journal, store.NewKept(o.DB, "audit"), log)
	var counted *metrics
	if before != nil {
		counted = before.metrics
	}
	p.metrics = newMetrics(o, p.Journal, p.Gate, counted)
	p.metrics.audited(auditing)
	if before == nil { // else the one in charge hears of them until this one is
		o.DB.OnBroken(auditing.Met)
	}
	present := attendance{p.Council, o.Witnessing.Strict, o.Now}
	p.metrics.registry.MustRegister(present)

	said := o.portal(log)
	glass := o.breakGlass(p.Journal)
	if glass != nil {
		said.Broken = p.brokenUntil(glass, o.Now)
	}
	said.Bypass = func() time.Time { return p.Gate.Orders().BypassedUntil(o.Now()) }
	pages := portal.NewPages(said)
	sessions := store.NewSessions(o.DB)
	life := o.Accounts(p.Journal)
	if p.door, err = signin.New(p.signIn(o, life), sessions, o.Roster, pages); err != nil {
		return nil, err
	}
	detector := campaign.New(campaign.Deps{Journal: p.Journal, Ledger: o.Ledger, Roster: o.Roster, Kept: store.NewKept(o.DB, "campaign")},
		campaign.Rules{Watches: o.Rules.Watches, Narrowed: o.Narrowed}, o.Now, log)
	refused := strangers.New(strangers.Deps{Journal: p.Journal, Ledger: o.Ledger, Kept: store.NewKept(o.DB, "strangers")}, o.Now, log)
	used := usage.New(usage.Deps{Journal: p.Journal, Ledger: o.Ledger, Roster: o.Roster, Kept: store.NewKept(o.DB, "usage")},
		usage.RulesOf(o.Rules), o.Now, log)
	arrivals := usage.NewArrivals(usage.Deps{Journal: p.Journal, Ledger: o.Ledger, Kept: store.NewKept(o.DB, "arrivals")}, o.Facts, o.Now, log)
	p.metrics.noticed(used, arrivals)
	refunds := refund.New(refund.Deps{Journal: p.Journal, Ledger: o.Ledger, Facts: o.Facts}, o.Rules, o.Now, log)
	orders := containment.Service{Writer: p.Journal}
	entered := accounts.NewUsed(p.Journal, o.Ledger, store.NewKept(o.DB, "used"), o.Now, log)
	notices := &accounts.Notices{
		Service: life, Journal: p.Journal, Ledger: o.Ledger, Roster: o.Roster, EndAll: p.door.EndAll, Now: o.Now, Log: log,
		Marks: marks{sessions}, Requests: store.NewOrganisationRequests(o.DB), Certificate: entered.Certificate,
	}
	telling := o.Alerts
	telling.Silence, telling.Origin = o.Silence, o.Origin
	alerts := alert.New(telling, alert.Deps{
		Journal: p.Journal, Ledger: o.Ledger, Roster: o.Roster, Sources: o.Facts, Once: marks{sessions}.Once, Client: &http.Client{CheckRedirect: witness.StayPut}, Now: o.Now, Log: log,
	})
	if o.Mail != nil {
		alerts.Deps.Mail = o.Mail.Send
	}
	shell := portal.NewShell(pages, portal.Deps{Door: p.door, Roster: o.Roster, Journal: p.Journal})
	seen := shape.NewBook()
	files := incident.Service{Writer: p.Journal, Rows: store.NewIncidents(o.DB), Ledger: p.Journal}
	watch := desk.Deps{
		Undeclared: seen, Incidents: files,
		Gate: p.Gate, Journal: p.Journal, Calendar: o.Ledger, Roster: o.Roster, Containment: orders, Reopenings: o.Orders, Sessions: p.door, Sources: o.Facts, Campaigns: detector, Usage: used, Arrivals: arrivals, Audit: auditing,
		Witnesses: present.holding, Kept: store.NewKept(o.DB, "desk"), Directory: directory, Covering: func(ctx context.Context, before ledger.Number) ([]byte, error) {
			return ledgerindex.Covering(ctx, o.Ledger, o.Signer, o.Verifier, before)
		},
	}
	if o.Index != nil {
		watch.Index = o.Index
	}
	var proxy *httpgate.Proxy
	sender, err := o.sender(ctx, files, p.Journal, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { proxy.ServeHTTP(w, r) }), log)
	if err != nil {
		return nil, err
	}
	incidents := incidentroom.Deps{
		Files: files, Gate: p.Gate, Roster: o.Roster, Client: o.Networks.Client,
		Controller: o.Controller, Covering: watch.Covering,
		Evidence: incidentroom.Evidence{
			Journal: p.Journal, Key: o.PublicKey, Program: Version(), Known: store.NewGlossary(o.DB).Known, Prove: func(ctx context.Context, number ledger.Number) ([]byte, error) {
				return tiles.Prove(ctx, o.Published(), o.Verifier, number)
			},
		},
	}
	if o.Index != nil {
		incidents.Index = o.Index
	}
	if sender != nil {
		incidents.Messages = sender
	}
	represented := p.mandates(o, sender)
	asked := accounts.RightRequests{Writer: p.Journal, Rows: store.NewRightRequests(o.DB), Bounds: life.Bounds, Now: o.Now}
	watching := desk.New(shell, desk.Settings{Silence: o.Silence, Observed: o.Rules.Observed, Scheme: o.Schemes.Own(), Networks: o.Networks.Names()}, watch)
	all := []portal.Room{
		staff.New(shell, staff.Deps{Gate: p.Gate, Journal: p.Journal, Roster: o.Roster, Sessions: p.door, Containment: orders, Reopened: o.Orders.Reopened, Awareness: life.Awareness, Certifier: life, Recovery: life, NIRs: grants.NIRs{Journal: p.Journal, Purposes: o.Rules.Purposes, Confirmed: o.Rules.Categories.Confirmed(), Now: o.Now}, Waiting: asked.Waiting}),
		watching,
		manager.New(shell, manager.Deps{
			Gate: p.Gate, Grants: grants.Service{Journal: p.Journal, Most: o.Rules.Signed, Gives: o.Rules.Gives, Now: o.Now}, Freezes: orders, Journal: p.Journal, Roster: o.Roster, Strangers: refused,
			Accounts: life, Caseloads: intake.Caseloads{Writer: p.Journal, Rows: store.NewFacts(o.DB), Key: o.Pseudonym, Schemes: o.Schemes}, Sessions: p.door, Quota: o.Quota, Trains: o.Awareness.Modules,
		}),
		incidentroom.New(shell, incidents),
		withheld.New(shell, withheld.Deps{Withholdings: person.Withholdings{Writer: p.Journal, Rows: store.NewWithholdings(o.DB)}, Gate: p.Gate, Roster: o.Roster}),
		terms.New(shell, terms.Deps{
			Keeping: custody.Keeping{Writer: p.Journal, Months: o.Months, Ledger: o.Ledger, Journal: p.Journal, Now: o.Now}, Gate: p.Gate, Roster: o.Roster,
			Prove: incidents.Evidence.Prove,
		}),
		readings.New(shell, readings.Deps{Readings: o.readings(p.Journal), Gate: p.Gate, Roster: o.Roster}),
		bypass.New(shell, bypass.Deps{Gate: p.Gate, Journal: p.Journal, Sources: store.NewFacts(o.DB), Containment: orders, Roster: o.Roster}),
		permits.New(shell, permits.Deps{Permits: grants.Permits{Writer: p.Journal, Rows: store.NewPermits(o.DB), Now: o.Now}, Gate: p.Gate, Roster: o.Roster, Person: o.Person}),
		rights.New(shell, rights.Deps{Requests: asked, Gate: p.Gate, Roster: o.Roster}),
		p.installation(o, shell),
		questions.New(shell, questions.Deps{Questions: p.questions(o), Gate: p.Gate, Roster: o.Roster, Journal: p.Journal}),
	}
	if represented != nil {
		all = append(all, mandates.New(shell, mandates.Deps{Mandates: represented, Gate: p.Gate, Roster: o.Roster}))
	}

	if glass != nil {
		all = append(all, breakglassroom.New(shell, breakglassroom.Deps{
			Access: glass, Stop: stop, Gate: p.Gate, Roster: o.Roster, Networks: o.BreakGlass.Networks, Network: o.Networks.Of, Classes: o.Networks.Names(),
		}))
	}
	if o.SQL != nil {
		all = append(all, p.databases(o, shell))
	}
	rooms := shell.Handler(all...)

	p.parts = []func(context.Context) error{p.Journal.Run, p.Sequencer.Run, p.Council.Run, p.door.Run, p.endings.Run, watching.Run, detector.Run, used.Run, arrivals.Run, refunds.Run, auditing.Run, refused.Run, entered.Run, notices.Run, siem.New(o.SIEM, siem.Deps{Name: "siem", Journal: p.Journal, Ledger: o.Ledger, Kept: store.NewKept(o.DB, "siem"), Once: marks{sessions}.Once, Now: o.Now, Log: log}).Run, alerts.Run}
	p.begins = func() { o.DB.OnBroken(auditing.Met) }
	if o.Traces != nil {
		p.parts = append(p.parts, func(ctx context.Context) error { return o.Traces.Run(ctx, log) })
	}

	assertions, err := assert.New(o.Assertion, o.Origin, o.Roster, o.Now)
	if err != nil {
		return nil, err
	}
	proxy, err = httpgate.New(o.Services, httpgate.Deps{
		Gate: witnessed{p.metrics.settling(p.Gate), present}, Directory: directory, Schemes: o.Schemes, Who: p.who,
		Pages: stops{pages.Stops(), p.Gate}, Assertions: assertions, Networks: o.Networks, Expel: p.door.EndAll, Still: p.still, Leaving: p.leaving,
		Insecure: strings.HasPrefix(o.Origin, "http://"), Observe: p.metrics.observe, Traces: o.Traces, Log: log, Now: o.Now,
		Canaries: o.Canaries, Reading: o.Reading, Shapes: seen,
	})
	if err != nil {
		return nil, err
	}

	if p.proxy = proxy; before != nil {
		proxy.Follow(before.proxy)
	}
	if err := p.serveSQL(o, present, directory, proxy.Trail(), seen); err != nil {
		return nil, err
	}

	ours := p.onEveryOrigin(o, life, pages, assertions, marks{sessions})
	health := &health{o, present}
	people, err := p.people(o, files, sender, represented, marks{sessions})
	if err != nil {
		return nil, err
	}
	if p.access, err = openAccessLog(o.AccessLog, o.Now, log); err != nil {
		return nil, err
	}
	p.metrics.loses(p.access)
	protection := http.NewCrossOriginProtection()
	protection.AddInsecureBypassPattern("POST " + signin.RegisterPath) // a browser registers a key in the name of whoever led it here, its provider; the challenge is its secret
	p.Public = p.access.handler(switchboard{
		origin: o.Origin, hosts: o.hosts(), people: people, peopleAt: o.peopleAt(), services: proxy, ours: protection.Handler(ours),
		rooms: p.untilLeaving(rooms), health: health.handler(), known: o.wellKnown(),
		asks: func(next http.Handler) http.Handler { return pages.AskFirst(p.door.FromElsewhere, next) },
	})
	p.Programmes = forProgrammes(o.hosts(), proxy.Serves, p.Public)
	private := http.NewServeMux()
	private.Handle("GET /metrics", p.metrics.handler(log))
	private.Handle("GET /", health.handler())
	p.Private = private
	p.failed = pages.Stops().Broke
	p.parts = append(p.parts,
		func(ctx context.Context) error { return p.Journal.RunKeeping(ctx, log) },
		func(ctx context.Context) error { return p.Journal.Recount(ctx, log) })
	p.parts = append(p.parts, func(ctx context.Context) error { return notices.RunUpkeep(ctx, entered.Of) })
	p.parts = append(p.parts, func(ctx context.Context) error {
		return seen.Run(ctx, store.NewKept(o.DB, shapes), p.Journal.Next, log)
	})
	if sender != nil {
		p.parts = append(p.parts, sender.Run)
	}
	if o.Mail != nil {
		p.parts = append(p.parts, o.reminders(p.Gate.Orders, files, log).Run)
	}
	switch archive, err := o.archive(p.Journal, log); {
	case err == nil:
		p.parts = append(p.parts, func(ctx context.Context) error {
			return errors.Join(archive.Watch(ctx, marks{sessions}), archive.Keys.Close())
		})
	case !fault.Is(err, fault.Absent):
		return nil, errors.Join(err, p.access.Close())
	}
	if o.SealFile != "" {
		p.parts = append(p.parts, func(ctx context.Context) error { return o.followSeals(ctx, log) })
	}
	if o.Index != nil {
		p.parts = append(p.parts, func(ctx context.Context) error { return o.Index.Run(ctx, log) })
	}
	p.parts = append(p.parts, func(ctx context.Context) error { return p.hearNodes(ctx, o, sessions) })
	return p, nil
}

// takeUpLedger takes up a ledger where it stands, once its witnesses do not contradict it: the journal, the
// gate that decides from it, and its tree.
func (p *Program) takeUpLedger(ctx context.Context, o *Opened) error {
	p.Council = o.Council(p.log)
	if err := p.Council.Attend(ctx); err != nil { // before anything is written or signed
		return fmt.Errorf("this ledger is not run: %w", err)
	}
	o.DB.Remember(o.Settings.Entries)
	var err error
	if p.Journal, err = journal.Open(ctx, o.Ledger, store.NewKept(o.DB, "journal"), o.Now); err != nil {
		return fmt.Errorf("opening the journal: %w", err)
	}
	p.endings = newEndings(p.Journal, p.log)
	switch from, anew := p.Journal.Resumed(); {
	case anew != nil:
		p.log.Warn("the state that was kept is not used: it was made anew from the ledger", slog.Any("err", anew))
	case from > 0:
		p.log.Info("the state was kept: the ledger was read from there on", slog.Uint64("entry", uint64(from)))
	}
	p.Gate = gate.New(p.Journal, o.Facts, o.Rules, o.Settings.Facts, o.Now)
	if err = Glossed(ctx, o); err != nil {
		return notRun(err)
	}
	if p.Sequencer, err = ledger.NewSequencer(ctx, o.Ledger, o.Signer, o.Verifier, p.log); err != nil {
		return fmt.Errorf("taking up the tree: %w", err)
	}
	return nil
}

// onEveryOrigin answers what is Poterne's own on the portal's origin and on each service's: sign-in, and what
// other systems ask and push.
func (p *Program) onEveryOrigin(o *Opened, life accounts.Service, pages *portal.Pages, assertions *assert.Signer, once marks) *http.ServeMux {
	ours := http.NewServeMux()
	p.door.Mount(ours)
	pages.Mount(ours)
	pages.MountHalt(ours, life.Stop)
	ours.Handle("GET "+assert.JWKSPath, assertions.JWKS())
	ours.Handle(tiles.Pattern, tiles.NewHandler(o.Published(), o.Verifier, p.log))
	if o.Platform.Valid() {
		ours.Handle(accounts.PlatformPattern, &accounts.Platform{Service: life, Key: o.Platform, Audience: o.Origin, Log: p.log})
	}
	if len(o.RecordStore) > 0 {
		(&accounts.RecordStore{Service: life, Secret: o.RecordStore, Origin: o.Origin, Now: o.Now, Log: p.log}).Mount(ours)
	}
	ours.Handle(intake.PushPattern, intake.NewPush(o.TakesFacts(p.Journal, ""), o.Tokens, p.log))
	if len(o.Provisioning) > 0 {
		ours.Handle(provision.Prefix, provision.New(o.Provisioning, provision.Deps{
			Life: life, Roster: o.Roster, Sessions: p.door, Rights: slices.Collect(maps.Keys(life.Bounds.Rights)), Roles: life.Bounds.Roles, Origin: o.Origin, Once: once.Once, Now: o.Now, Log: p.log,
		}))
	}
	if heard := p.signals(o, once, assertions.SecurityEvent); len(o.Transmitters) > 0 {
		ours.Handle(provision.SignalsPattern, heard)
	}
	return ours
}

// hearNodes does at once what another node tells: orders cut answers under way, and sessions end.
func (p *Program) hearNodes(ctx context.Context, o *Opened, sessions *store.Sessions) error {
	return o.DB.Listen(ctx, p.log, func() {
		if orders, err := o.Orders.InForce(ctx); err == nil { // what is under way does not wait for the head
			p.Gate.Cut(orders)
		}
		sessions.Told()
		for _, told := range p.told {
			told()
		}
		_ = p.Journal.Look(ctx) // a node that cannot look now looks again within a second
	})
}

// marks are what was mailed already.
type marks struct{ sessions *store.Sessions }

func (m marks) Once(ctx context.Context, mark [sha256.Size]byte, until time.Time) (bool, error) {
	return m.sessions.Once(ctx, signin.Digest(mark), until)
}

func (m marks) Marked(ctx context.Context, mark [sha256.Size]byte) (bool, error) {
	return m.sessions.Marked(ctx, signin.Digest(mark))
}

func (m marks) Forget(ctx context.Context, mark [sha256.Size]byte) error {
	return m.sessions.Forget(ctx, signin.Digest(mark))
}

// Accounts does the acts of an account's life.
func (o *Opened) Accounts(w journal.Writer) accounts.Service {
	s := accounts.Service{Writer: w, Invite: o.Origin + signin.InvitedPath, StopLink: o.Origin + portal.HaltPath, Home: o.Origin + manager.PeoplePath, Module: o.Origin + staff.ModulePath, Awareness: o.Awareness, Bounds: accounts.Bounds{Quota: o.Quota, Review: o.Review, Roles: o.Rules.Roles(), Rights: make(map[accounts.Right]bool)}}
	for _, service := range o.Services {
		for _, purpose := range purposes(service) {
			s.Bounds.Rights[accounts.Right{Service: service.ID, Purpose: purpose}] = true
		}
	}
	for _, database := range o.databases() {
		for _, purpose := range database.For {
			s.Bounds.Rights[accounts.Right{Service: database.ID, Purpose: purpose}] = true
		}
	}
	if o.Mail != nil {
		s.Sender = o.Mail
	}
	return s
}

// purposes are what a service is used for, each once.
func purposes(service httpgate.Service) (list []roster.Purpose) {
	for _, route := range service.Routes {
		if !slices.Contains(list, route.Purpose) && route.Purpose != "" {
			list = append(list, route.Purpose)
		}
	}
	return list
}

// hosts are the names that we answer to.
func (o *Opened) hosts() map[string]bool {
	_, home, _ := strings.Cut(o.Origin, "://")
	hosts := map[string]bool{strings.ToLower(home): true}
	for _, service := range o.Services {
		hosts[strings.ToLower(service.Host)] = true
	}
	delete(hosts, "")
	return hosts
}

// peopleAt is the host name at which people of the register see their own file.
func (o *Opened) peopleAt() string {
	if o.People == nil {
		return ""
	}
	_, host, _ := strings.Cut(o.People.Origin, "://")
	return host
}

// portal is how the portal speaks of what is guarded.
func (o *Opened) portal(log *slog.Logger) portal.Settings {
	s := portal.Settings{Categories: o.Rules.Categories, Home: o.Origin + "/", Binds: o.SignIn.Bind, Help: o.Help, Now: o.Now, Log: log, Zone: paris()}
	for _, role := range o.Rules.Roles() {
		s.Roles = append(s.Roles, portal.Role{ID: role, Names: o.RoleNames[role]})
	}
	scheme, _, _ := strings.Cut(o.Origin, "://")
	for _, service := range o.Services {
		address := o.Origin + service.Prefix + "/"
		if service.Host != "" {
			address = scheme + "://" + service.Host + "/"
		}
		s.Services = append(s.Services, portal.Service{
			ID: service.ID, For: purposes(service), Name: service.Name, About: o.About[service.ID], Address: address, Search: searchOf(service, address), Exports: exportsOf(service),
		})
	}
	s.Services = append(s.Services, o.databases()...)
	if len(o.SignIn.Origins) > 1 { // a service on a host of its own sends people to the portal for their passkey
		s.FormTo = append(s.FormTo, o.Origin)
	}
	for _, issuer := range o.SignIn.Issuers() {
		if at, err := url.Parse(issuer); err == nil && at.Host != "" {
			s.FormTo = append(s.FormTo, at.Scheme+"://"+at.Host)
		}
	}
	return s
}

// exportsOf are the routes of a service that are off without a permit.
func exportsOf(service httpgate.Service) (routes []string) {
	for _, r := range service.Routes {
		if r.Export {
			routes = append(routes, r.Names()...)
		}
	}
	return routes
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

// signIn writes sign-ins and step-ups in the ledger, and a session that two browsers held.
func (p *Program) signIn(o *Opened, life accounts.Service) signin.Settings {
	s := o.SignIn
	s.Now, s.Log, s.Device = o.Now, p.log, o.Pseudonym.Device
	s.Tried = func(r *http.Request, a signin.Attempt) error {
		entry := ledger.Entry{
			Kind: ledger.SignIn, Account: a.Account, Organisation: a.Organisation, Session: a.Session, Device: a.Device, Network: o.Networks.Of(r),
			State: cmp.Or(ledger.State(a.Bar), ledger.Granted), Identity: a.Identity, SIRET: a.SIRET, ACR: a.ACR, AMR: strings.Join(a.AMR, " "), Factor: string(a.Factor), Until: ledger.Cut(a.Until),
		}
		if a.Touch != nil {
			return life.Use(r.Context(), used(a.Touch, a.Account, entry))
		}
		if a.Bar != signin.NoAccount && a.Bar != signin.OtherOrganisation {
			return journal.Record(r.Context(), p.Journal, entry)
		}
		suspended, err := life.Barred(r.Context(), entry)
		if err != nil || suspended == "" {
			return err
		}
		return p.door.EndAll(r.Context(), suspended)
	}
	s.Passkeys = o.Roster.Passkeys
	s.Enrol = func(r *http.Request, session signin.Session, k roster.Passkey) error {
		return life.Enrol(r.Context(), k, ledger.Entry{Session: session.ID, Device: session.Device, Network: o.Networks.Of(r), Factor: string(session.Factor)})
	}
	s.Remove = func(r *http.Request, session signin.Session, id []byte, last bool) error {
		return life.Remove(r.Context(), session.Account, id, last, ledger.Entry{Session: session.ID, Device: session.Device, Network: o.Networks.Of(r)})
	}
	s.Invited = func(r *http.Request, token string, a signin.Attempt, mail string, of func(string) bool) (signin.Welcome, error) {
		made, err := life.Accept(r.Context(), token, accounts.Visitor{
			Identity: a.Identity, Mail: mail, SIRET: a.SIRET, ACR: a.ACR, AMR: strings.Join(a.AMR, " "), Factor: string(a.Factor),
			Device: a.Device, Network: o.Networks.Of(r), Of: of, Passkey: a.Passkey,
		})
		switch {
		case errors.Is(err, accounts.NoInvitation):
			return signin.Over, nil
		case fault.Is(err, fault.Refused) || fault.Is(err, fault.Invalid):
			return signin.NotTheirs, nil
		case err == nil && made.Stage == accounts.HasBegun:
			return signin.Begun, nil
		}
		return signin.Confirming, err
	}
	s.SteppedUp = func(r *http.Request, session signin.Session, touch *signin.Touch) error {
		entry := ledger.Entry{
			Kind: ledger.SteppedUp, Account: session.Account, Organisation: session.Organisation, Session: session.ID, Device: session.Device, Network: o.Networks.Of(r),
			Factor: signin.BySignIn,
		}
		if touch == nil {
			return journal.Record(r.Context(), p.Journal, entry)
		}
		entry.Factor, entry.Route, entry.Digest = string(signin.Passkey), touch.Route, ledger.Digest(touch.Act)
		return life.Use(r.Context(), used(touch, session.Account, entry))
	}
	noted := func(state ledger.State) func(context.Context, signin.Session) {
		return func(ctx context.Context, session signin.Session) {
			err := journal.Record(context.WithoutCancel(ctx), p.Journal, ledger.Entry{
				Kind: ledger.Session, Account: session.Account, Organisation: session.Organisation, Session: session.ID, State: state,
			})
			if err != nil {
				p.log.ErrorContext(ctx, "what is to be known of a session is not in the ledger", slog.String("what", string(state)), slog.Any("err", err))
			}
		}
	}
	s.NotBound, s.Keyless = noted(ledger.Unbound), noted(ledger.Keyless)
	s.Told = func(ctx context.Context, ended signin.Ended) {
		p.metrics.sessionEnded(ended.Why)
		if entry, said := endingOf(ended); said {
			p.endings.write(ctx, entry)
		}
	}
	s.Over = p.Journal.Ended
	return s
}

// used is a passkey's use that an entry is about.
func used(touch *signin.Touch, account roster.AccountID, entry ledger.Entry) accounts.Use {
	return accounts.Use{ID: touch.ID, Account: account, Counter: touch.Counter, Synced: touch.Synced, Entry: entry}
}

// who is asking: the session that a request shows, a programme by its token, or the program
// itself.
func (p *Program) who(w http.ResponseWriter, r *http.Request) (signin.Session, error) {
	if e := insider(r); e != nil {
		return e.session, nil
	}
	if signin.Bears(r) {
		return p.door.Programme(r)
	}
	return p.door.Who(w, r)
}

// still says whether a session that who returned goes on; the program's own does.
func (p *Program) still(ctx context.Context, session signin.Session) error {
	if e, _ := ctx.Value(inside{}).(*errand); e != nil {
		return nil
	}
	return p.door.Still(ctx, session)
}

// stops is what the gate shows to whoever it stops.
type stops struct {
	portal.Stops
	gate *gate.Gate
}

// Refused implements httpgate.Pages, with the message of the order behind it.
func (s stops) Refused(w http.ResponseWriter, r *http.Request, refusal httpgate.Refusal) {
	if e := insider(r); e != nil {
		e.why, e.denied = refusal.Ruling.Why, true
		return
	}
	said := portal.Refusal{Service: refusal.Service, Ruling: refusal.Ruling, Receipt: refusal.Receipt, Programme: signin.Bears(r)}
	switch refusal.Ruling.Why {
	case policy.Suspended, policy.Closed, policy.NetworkClosed, policy.OnlyRead, policy.Frozen:
		held, _ := s.gate.Against(r.Context(), refusal.Use)
		said.Message, said.Until = held.Message, held.Ends
	}
	s.Stops.Refused(w, r, said)
}

// SignIn implements httpgate.Pages: a programme is told that its token is over.
func (s stops) SignIn(w http.ResponseWriter, r *http.Request, err error) {
	if signin.Bears(r) && fault.Is(err, fault.Anonymous) {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	}
	s.Stops.SignIn(w, r, err)
}

// switchboard sends each request to whoever answers it.
type switchboard struct {
	origin   string
	hosts    map[string]bool
	people   http.Handler // serves everything at peopleAt; nil when nothing is served there
	peopleAt string
	services *httpgate.Proxy
	ours     http.Handler
	rooms    http.Handler
	health   http.Handler
	known    map[string]http.HandlerFunc     // what everybody may read, by its path
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
	case s.public(r) != nil:
		s.public(r).ServeHTTP(w, r)
	case s.people != nil && strings.EqualFold(r.Host, s.peopleAt):
		s.people.ServeHTTP(w, r)
	case !s.hosts[strings.ToLower(r.Host)]:
		http.Error(w, "This is "+s.origin, http.StatusMisdirectedRequest)
	case strings.HasPrefix(path, signin.Prefix):
		s.ours.ServeHTTP(w, r)
	case s.services.Opens(r):
		s.services.ServeHTTP(w, r)
	case s.services.Serves(r):
		s.asks(s.services).ServeHTTP(w, r)
	case path == "/": // the front page shows what is the asker's own, and counts nothing
		s.rooms.ServeHTTP(w, r)
	default:
		s.asks(s.rooms).ServeHTTP(w, r)
	}
}

// untilLeaving ends what would never end by itself, such as the desk's flow, when
// the program is asked to leave. A page that is being made is ended like any other answer.
func (p *Program) untilLeaving(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		flowing := sync.OnceFunc(func() {
			go func() {
				select {
				case <-p.leaving:
					cancel()
				case <-ctx.Done():
				}
			}()
		})
		next.ServeHTTP(&flow{w, flowing}, r.WithContext(ctx))
	})
}

// flow is an answer, and hears when a part of it is sent before it is whole.
type flow struct {
	http.ResponseWriter
	flowing func()
}

// FlushError is for http.ResponseController.
func (f *flow) FlushError() error {
	f.flowing()
	return http.NewResponseController(f.ResponseWriter).Flush()
}

// Unwrap is for http.ResponseController.
func (f *flow) Unwrap() http.ResponseWriter { return f.ResponseWriter }

// patience is how long passages under way may take to end.
const patience = 10 * time.Second

// Serve serves until ctx ends; then it stops accepting, lets passages end, keeps the
// journal's state, and signs a last checkpoint. When the ledger's state is not known any more it
// returns at once: the program must then stop. The private listener may be nil.
func (p *Program) Serve(ctx context.Context, public, private *Listening) error {
	return (&succession{log: p.log}).serve(ctx, p, doors{public: public, private: private}, nil)
}

func (p *Program) leave(servers []*http.Server) error {
	close(p.leaving)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var all []error
	shut := make(chan error, 1)
	go func() { shut <- p.shutSQL(ctx) }() // beside the pages, which have as long
	for _, server := range servers {
		if err := server.Shutdown(ctx); err != nil {
			p.log.Warn("passages were cut short at the end")
			all = append(all, server.Close())
		}
	}
	if err := <-shut; err != nil {
		p.log.Warn("answers in SQL were cut short at the end")
	}
	return errors.Join(all...)
}

// Listening is an open listener, and whether it speaks TLS.
type Listening struct {
	net.Listener
	tls func(*http.Server)
}

func (l *Listening) start(group *errgroup.Group, handler http.Handler, log *slog.Logger) *http.Server {
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
