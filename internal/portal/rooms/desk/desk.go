// Package desk is the room of those who watch and contain: whether anything is wrong
// now, what an account did, what is in force against whom, and exactly who was shown.
package desk

import (
	"context"
	"embed"
	"iter"
	"time"

	"poterne/internal/audit"
	"poterne/internal/campaign"
	"poterne/internal/containment"
	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/incident"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/ledger/index"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/portal"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/signin"
	"poterne/internal/usage"
)

//go:embed pages
var pageFiles embed.FS

// Settings are what the desk cannot guess.
type Settings struct {
	Silence  map[string]time.Duration // how long each source may be silent
	Observed policy.Observed          // what is decided and written down without stopping anybody
	Networks []string                 // every class that the gate tells apart
	Scheme   string                   // of the register's own identifiers
}

// Deps is what the desk relies on.
type Deps struct {
	Gate        Gate
	Journal     Journal
	Calendar    Calendar
	Roster      Roster
	Containment Containment
	Reopenings  Reopenings
	Sessions    Sessions
	Sources     Sources
	Campaigns   Campaigns
	Usage       Usage
	Arrivals    Arrivals
	Audit       Audit
	Index       Index // nil: there are no pages that say exactly who, and what follows is not needed
	Directory   Directory
	// Covering returns a signed checkpoint that covers every entry before one.
	Covering func(ctx context.Context, before ledger.Number) ([]byte, error)
	// Witnesses returns how many witnesses hold with the ledger now, of all there are.
	Witnesses  func() (cosigned, all int)
	Undeclared Undeclared // nil: nothing is seen of undeclared requests
	Incidents  Incidents
	Kept       journal.Keeper // nil keeps nothing of what the desk reads of the last weeks
}

// Gate is where accounts stand.
type Gate interface {
	// Standing returns where an account stands now.
	Standing(gate.Asker, roster.ServiceID) gate.Standing
	// Orders returns the orders placed and not lifted.
	Orders() order.Set
}

// Journal is the ledger, as it is read.
type Journal interface {
	// RecentBy returns an account's newest entries, newest first.
	RecentBy(ctx context.Context, account roster.AccountID, limit int) ([]ledger.Entry, error)
	// By returns the entries from a number on that an account is the author of, oldest first,
	// and whether these are all.
	By(ctx context.Context, account roster.AccountID, from ledger.Number) (entries []ledger.Entry, all bool, err error)
	// Follow yields the entries from a number on, then each new one, until ctx ends.
	Follow(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error]
	// Entry returns one entry.
	Entry(context.Context, ledger.Number) (ledger.Entry, error)
	// Next is the number of the next entry.
	Next() ledger.Number
	// Generation changes whenever the roster does, among others.
	Generation() uint64
}

// Incidents are the files of incidents, of which exercises are some.
type Incidents interface {
	// Files returns every file, the last opened first.
	Files(context.Context) ([]incident.File, error)
	// Check holds a file against the ledger; incident.Altered when a line differs.
	Check(context.Context, incident.File) error
}

// Calendar is when the ledger's entries were written.
type Calendar interface {
	// FirstAt returns the number of the first entry at or after a time.
	FirstAt(context.Context, time.Time) (ledger.Number, error)
}

// Roster is who may use what.
type Roster interface {
	// Account returns an account and its organisation; fault.Absent when there is none.
	Account(context.Context, roster.AccountID) (roster.Account, roster.Organisation, error)
	// Accounts returns every account, by organisation and name.
	Accounts(context.Context) ([]roster.Account, error)
	// Organisations returns every organisation, by name.
	Organisations(context.Context) ([]roster.Organisation, error)
	// Habilitations returns an account's habilitations, past and to come included.
	Habilitations(context.Context, roster.AccountID) ([]roster.Habilitation, error)
}

// Containment places orders and lifts them.
type Containment interface {
	// Place puts an order in force for every decision after it returns.
	Place(context.Context, order.Order) (order.Order, error)
	// PlaceLineage does so for an account and every account that came of it, and returns the
	// orders.
	PlaceLineage(context.Context, order.Order) ([]order.Order, error)
	// Lift takes an order out of force; fault.Absent when it is not.
	Lift(context.Context, containment.Lift) error
	// Propose proposes a step of a reopening, and Confirm takes what another person proposed.
	Propose(context.Context, containment.Propose) error
	Confirm(context.Context, containment.Confirm) error
	// Drop takes back what the person proposed, or refuses what another did.
	Drop(context.Context, containment.Drop) error
	// Tick ticks a line of its checklist.
	Tick(context.Context, containment.Tick) error
	// Undo lifts a freeze that the rules placed on an account; fault.Refused to those
	// who may not.
	Undo(context.Context, containment.Undo) error
}

// Reopenings is what was proposed and ticked about orders.
type Reopenings interface {
	// LinesOf returns the lines about one, oldest first.
	LinesOf(context.Context, order.ID) ([]containment.Line, error)
}

// Sessions are those that go on.
type Sessions interface {
	// EndAll ends every session of an account.
	EndAll(context.Context, roster.AccountID) error
	// Sessions returns the sessions of an account.
	Sessions(context.Context, roster.AccountID) ([]signin.Session, error)
}

// Audit holds rows of the database against the ledger.
type Audit interface {
	// Findings returns the rows that are not as the ledger says.
	Findings() []audit.Finding
	// Looked returns when rights and orders were last held against the ledger.
	Looked() time.Time
}

// Sources are the systems that tell facts.
type Sources interface {
	// Heard returns when each was last heard.
	Heard(context.Context) (map[string]time.Time, error)
}

// Campaigns is what is known of accounts that share something.
type Campaigns interface {
	// Picture returns how things stand now.
	Picture() campaign.Picture
	// Alarms returns the alarms of a moment ago.
	Alarms() []campaign.Alarm
}

// Usage is who uses nearly all that every limit allows.
type Usage interface {
	// List returns the accounts to look at, the furthest beyond first, and whether the list
	// rests on the whole ledger.
	List(context.Context) (list []usage.Notice, whole bool, err error)
}

// Arrivals is to whom a source told many people in a day.
type Arrivals interface {
	// List returns what to look at of the last 28 days, the most people first.
	List() []usage.Arrival
}

// Index answers exactly who was shown, and who saw somebody.
type Index interface {
	// ShownTo counts who was shown to some accounts, from one time on and before
	// another; a zero time is no bound.
	ShownTo(ctx context.Context, accounts []roster.AccountID, since, until time.Time) (index.Shown, error)
	// WhoSaw finds every entry in which a person was shown.
	WhoSaw(ctx context.Context, person register.PersonID) (index.Seen, error)
	// Read is the number of the next entry to take in.
	Read() ledger.Number
	// Failing reports whether the index cannot follow the ledger.
	Failing() bool
}

// Directory finds the person behind a reference.
type Directory interface {
	// People returns the person behind each reference, in their order: nobody for a
	// reference that leads nowhere.
	People(ctx context.Context, refs []register.Ref) ([]register.PersonID, error)
}

// Handlers serve the desk, each group its pages. The picture of the last hour is
// empty until Run runs.
type Handlers struct {
	base
	live       live
	orders     orders
	accounts   accounts
	campaigns  campaigns
	exact      exact
	undeclared undeclared
}

// New returns the desk.
func New(shell *portal.Shell, settings Settings, deps Deps) *Handlers {
	all := base{
		shell: shell, pages: shell.Writer(pageFiles), gate: deps.Gate, roster: deps.Roster,
		names:   newNames(deps.Roster, deps.Journal.Generation),
		grounds: portal.NewGrounds(deps.Journal.Entry), reopenings: deps.Reopenings,
	}
	h := &Handlers{
		base: all,
		live: live{
			all, settings, deps.Journal, deps.Calendar, &hearing{Sources: deps.Sources}, deps.Campaigns, deps.Audit, deps.Witnesses, newHour(), newNews(),
			newPast(deps.Journal, deps.Calendar, deps.Kept, shell.Now, shell.Log()), deps.Incidents, new(exercises),
			&drawn{last: make(map[readers]drawing)},
		},
		orders:     orders{base: all, containment: deps.Containment, sessions: deps.Sessions, networks: settings.Networks},
		campaigns:  campaigns{all, deps.Campaigns, deps.Usage, deps.Arrivals, deps.Journal},
		undeclared: undeclared{all, deps.Undeclared},
		exact:      exact{all, deps.Index, deps.Covering, deps.Directory, deps.Journal, settings.Scheme, &totals{last: make(map[roster.AccountID]*counting)}},
	}
	h.orders.hour = h.live.hour
	h.accounts = accounts{all, deps.Journal, h.exact, settings.Networks, deps.Calendar}
	return h
}

// Run keeps the desk's picture of the last hour, until ctx ends.
func (h *Handlers) Run(ctx context.Context) error { return h.live.run(ctx) }

const (
	path          = "/desk"
	directoryPath = path + "/directory"
	monthPath     = path + "/month"
	wallPath      = path + "/wall"
)

// Routes implements portal.Room.
func (h *Handlers) Routes() []portal.Route {
	all := []portal.Route{
		{Pattern: "GET " + path, Serve: h.watching(h.live.page)},
		{Pattern: "GET " + monthPath, Serve: h.watching(h.live.month)},
		{Pattern: "GET " + path + "/flow", Serve: h.watching(h.live.flow)},
		{Pattern: "GET " + wallPath, Serve: h.watching(h.live.wall)},
		{Pattern: "GET " + wallPath + "/flow", Serve: h.watching(h.live.wallFlow)},
		{Pattern: "POST " + path + "/mine", Serve: h.watching(h.live.takeUp)},
		{Pattern: "GET " + path + "/campaigns", Serve: h.watching(h.campaigns.page)},
		{Pattern: "GET " + path + "/undeclared", Serve: h.watching(h.undeclared.page)},
		{Pattern: "GET " + directoryPath, Serve: h.watching(h.accounts.directory)},
		{Pattern: "GET " + path + "/curve", Serve: h.watching(h.curve)},
		{Pattern: "GET " + path + "/accounts/{id}", Serve: h.watching(h.accounts.page)},
		{Pattern: "GET " + path + "/accounts/{id}/back", Serve: h.watching(h.accounts.lookBack)},
		{Pattern: "GET " + path + "/orders/new", Serve: h.watching(h.orders.propose)},
		{Pattern: "POST " + path + "/orders", Serve: h.watching(h.orders.place)},
		{Pattern: "GET " + path + "/orders/{id}", Serve: h.watching(h.orders.proposeLift)},
		{Pattern: "POST " + path + "/orders/{id}/lift", Serve: h.watching(h.orders.lift)},
		{Pattern: "POST " + path + "/orders/{id}/propose", Serve: h.watching(h.orders.proposeStep)},
		{Pattern: "POST " + path + "/orders/{id}/confirm", Serve: h.watching(h.orders.confirmStep)},
		{Pattern: "POST " + path + "/orders/{id}/drop", Serve: h.watching(h.orders.dropStep)},
		{Pattern: "POST " + path + "/orders/{id}/tick", Serve: h.watching(h.orders.tick)},
	}
	if h.exact.index != nil {
		all = append(all,
			portal.Route{Pattern: "GET " + exactlyPath, Serve: h.watching(h.exact.page)},
			portal.Route{Pattern: "POST " + exactlyPath + "/list", Serve: h.watching(h.exact.list)},
			portal.Route{Pattern: "GET " + whoSawPath, Serve: h.watching(h.exact.proposeWhoSaw)},
			portal.Route{Pattern: "POST " + whoSawPath, Serve: h.watching(h.exact.whoSaw)},
		)
	}
	return all
}

// Links implements portal.Room.
func (h *Handlers) Links() []portal.Link {
	return []portal.Link{
		{Path: path, Name: "layout.desk", For: portal.Viewer.AtDesk},
		{Path: directoryPath, Name: "layout.directory", For: portal.Viewer.AtDesk},
	}
}

// base is what every page of the desk needs.
type base struct {
	shell   *portal.Shell
	pages   portal.Writer
	gate    Gate
	roster  Roster
	names   *names
	grounds *portal.Grounds

	reopenings Reopenings
}

// watching lets in those who watch and contain, unless they are suspended
// themselves. Closing everything does not shut the desk, which reopens it.
func (b base) watching(serve func(visit) error) func(*portal.Visit) error {
	return func(v *portal.Visit) error {
		if !b.mayWatch(v.Viewer) {
			return errMayNotWatch
		}
		labels, err := b.labels(v)
		if err != nil {
			return err
		}
		return serve(visit{v, labels})
	}
}

// visit is a visit of the desk, where all accounts and organisations have names.
type visit struct {
	*portal.Visit
	labels portal.Labels
}

var errMayNotWatch = fault.Errorf(fault.Refused, "the desk is for those who watch")

func (b base) mayWatch(who portal.Viewer) bool {
	return who.AtDesk() && !who.Suspended(b.gate.Orders(), b.shell.Now())
}

// stillWatches returns nil while the viewer's session goes on and they may watch.
func (b base) stillWatches(ctx context.Context, v *portal.Visit) error {
	who, err := v.Again(ctx)
	if err == nil && !b.mayWatch(who) {
		return errMayNotWatch
	}
	return err
}

// labels are the names of all accounts and organisations.
func (b base) labels(v *portal.Visit) (portal.Labels, error) {
	known, err := b.names.known(v.Context())
	if err != nil {
		return portal.Labels{}, err
	}
	return b.shell.LabelsBy(v, known.Named), nil
}
