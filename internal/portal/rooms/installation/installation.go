// Package installation is the room of those who answer for what Poterne does here: by which
// configuration does it go, who may be shown how much, and what else does it speak to? A
// configuration is changed in its files, each version is an entry, and two people allow it here
// where it says so. Organisations are added, changed and closed here, by two people.
package installation

import (
	"cmp"
	"context"
	"embed"
	"net/http"
	"net/url"
	"slices"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/portal"
	"poterne/internal/roster"
)

//go:embed pages
var pageFiles embed.FS

// Path is where the room is.
const Path = "/installation"

// Deps is what the room relies on.
type Deps struct {
	Configured Configured
	Gate       Gate
	Roster     portal.Names
	Sources    Sources
	Quota      func(roster.OrganisationID) int // how many accounts an organisation may have that has no quota of its own
	Requests   Requests
	Sessions   Sessions
	Changes    Changes

	// Differences returns what differs between two configurations' texts.
	Differences func(is, would string) ([]Difference, error)
}

// Gate is what is in force.
type Gate interface {
	// Orders returns the orders placed and not lifted.
	Orders() order.Set
}

// Sources are the systems that tell facts.
type Sources interface {
	// Heard returns when each source was last heard.
	Heard(context.Context) (map[string]time.Time, error)
}

// Configured is what this node's configuration says.
type Configured struct {
	Digest    ledger.Digest // of its files
	Deciding  ledger.Digest // of what two people allow of it
	Read      time.Time
	Rules     policy.Rules
	Providers []string // that vouch for people
	Sources   []string // that tell facts
	Others    []Other
	Witnesses int
	Quorum    int // of witnesses
}

// Other is a system, or a person's address, that Poterne speaks to or listens to besides.
type Other struct {
	Does Does
	Name string
}

// Does is what another system does here.
type Does string

// What other systems do.
const (
	Proposes Does = "proposes" // accounts, and closes them, by SCIM
	Signals  Does = "signals"  // that a session or an account ended
	IsTold   Does = "told"     // of what was suspended
	Collects Does = "collects" // security events
	Alerted  Does = "alerted"  // by mail or a signed call
	Delivers Does = "delivers" // mail
	Teaches  Does = "teaches"  // and certifies awareness
)

// Handlers serve the room.
type Handlers struct {
	deps  Deps
	shell *portal.Shell
	pages portal.Writer
}

// New returns the room.
func New(shell *portal.Shell, deps Deps) *Handlers {
	return &Handlers{deps: deps, shell: shell, pages: shell.Writer(pageFiles)}
}

// Routes implements portal.Room.
func (h *Handlers) Routes() []portal.Route {
	overseeing := func(serve func(*portal.Visit) error) func(*portal.Visit) error {
		return h.shell.LetIn(portal.Viewer.Oversees, h.deps.Gate.Orders, "this room is for the security desk and the data-protection officer", serve)
	}
	return []portal.Route{
		{Pattern: "GET " + Path, Serve: overseeing(h.show)},
		{Pattern: "GET " + BodiesPath, Serve: overseeing(h.bodies)},
		{Pattern: "POST " + BodiesPath, Serve: overseeing(h.ask)},
		{Pattern: "GET " + bodyPath, Serve: overseeing(h.one)},
		{Pattern: "POST " + BodiesPath + "/{number}/allow", Serve: overseeing(h.allow)},
		{Pattern: "POST " + BodiesPath + "/{number}/drop", Serve: overseeing(h.drop)},
		{Pattern: "GET " + ConfigurationPath, Serve: overseeing(h.configuration)},
		{Pattern: "POST " + ConfigurationPath + "/{number}/sign", Serve: overseeing(h.sign)},
		{Pattern: "POST " + ConfigurationPath + "/{number}/allow", Serve: overseeing(h.allowChange)},
		{Pattern: "POST " + ConfigurationPath + "/{number}/drop", Serve: overseeing(h.dropChange)},
	}
}

// Links implements portal.Room.
func (h *Handlers) Links() []portal.Link {
	officer := func(who portal.Viewer) bool { return who.Role == roster.Privacy } // the desk comes from its directory
	return []portal.Link{{Path: Path, Name: "installation.link", For: officer}}
}

// page answers those who answer for the installation: what is in force here?
type page struct {
	portal.Page
	Configured
	Short     string // of the digest
	Limits    []limits
	Guarded   []guarded
	Full      []filled // organisations, the fullest first
	More      int      // organisations that are not among them
	Asked     int      // organisations that wait for another person's word
	Heard     []heard
	Observing bool // everything is only observed
	ByTwo     bool // two people allow each change of the configuration
	Waiting   int  // configurations that wait for them
}

// limits are how much a role may be shown.
type limits struct {
	Role                             roster.Role
	Hour, Month                      meter.Cost // people without a reason
	Earned, Reasons, Rows, Strangers int        // within 28 days; none where it is zero
	Pace, Wall                       int
	Observed                         bool
}

// guarded is a service, as the page shows it.
type guarded struct {
	portal.Service
	Observed bool
}

// filled is an organisation and how much of its quota is taken.
type filled struct {
	roster.Organisation
	Taken, Quota int
}

// Link leads to the organisation's page.
func (f filled) Link() string { return bodyPath + "?id=" + url.QueryEscape(string(f.ID)) }

// heard is a source and when it was heard last.
type heard struct {
	Name string
	Last time.Time
}

// mostFilled is how many organisations the page lists.
const mostFilled = 20

func (h *Handlers) show(v *portal.Visit) error {
	c := h.deps.Configured
	shown := page{Page: v.Page(Path, "installation.title"), Configured: c, Short: c.Digest.String()[:12], Observing: c.Rules.Observed.Everything}
	for _, role := range append(slices.Clone(c.Rules.Roles()), roster.Programme) {
		if allowance, there := c.Rules.Allowances[role]; there {
			shown.Limits = append(shown.Limits, limits{
				Role: role, Hour: allowance.Short, Month: allowance.Long, Earned: c.Rules.Earned[role], Reasons: c.Rules.Ceilings[role], Rows: c.Rules.Rows[role],
				Strangers: c.Rules.Strangers[role], Pace: c.Rules.Watches[role].Pace, Wall: c.Rules.Watches[role].Wall, Observed: c.Rules.Observed.Roles[role],
			})
		}
	}
	for _, s := range h.shell.Services() {
		shown.Guarded = append(shown.Guarded, guarded{s, c.Rules.Observed.Services[s.ID]})
	}
	last, err := h.deps.Sources.Heard(v.Context())
	if err != nil {
		return err
	}
	for _, name := range c.Sources {
		shown.Heard = append(shown.Heard, heard{name, last[name]})
	}
	all, err := h.filled(v.Context())
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(o filled) bool { return !o.Closed.IsZero() })
	waiting, err := h.deps.Requests.Waiting(v.Context())
	if err != nil {
		return err
	}
	shown.Asked = len(waiting)
	is, err := h.deps.Changes.Installed(v.Context())
	if err != nil {
		return err
	}
	changes, err := h.deps.Changes.Waiting(v.Context())
	if err != nil {
		return err
	}
	shown.ByTwo, shown.Waiting = is.ByTwo, len(changes)
	shown.Full = all[:min(len(all), mostFilled)]
	shown.More = len(all) - len(shown.Full)
	h.pages.Show(v, http.StatusOK, "installation.html", shown)
	return nil
}

// filled returns all organisations, those first that have taken most of their quota.
func (h *Handlers) filled(ctx context.Context) ([]filled, error) {
	organisations, err := h.deps.Roster.Organisations(ctx)
	if err != nil {
		return nil, err
	}
	accounts, err := h.deps.Roster.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	open := make(map[roster.OrganisationID]int)
	for _, a := range accounts {
		if a.Closed.IsZero() {
			open[a.Organisation]++
		}
	}
	all := make([]filled, len(organisations))
	for i, o := range organisations {
		all[i] = filled{o, open[o.ID], cmp.Or(o.Quota, h.deps.Quota(o.ID))}
	}
	slices.SortStableFunc(all, func(a, b filled) int { return cmp.Compare(b.Taken*a.Quota, a.Taken*b.Quota) })
	return all, nil
}
