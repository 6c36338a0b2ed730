// Package portal is the rooms people see: the portal of those who consult, the
// page that says why something was stopped, and the desk that watches and
// contains. Each page answers one question, in words before numbers, in French
// and in English, without scripts, and under a policy that lets in nothing that
// is not served here. What a room shows of an account's entries is written in
// the ledger before it is shown.
package portal

import (
	"context"
	"iter"
	"log/slog"
	"net/http"
	"time"

	"poterne/internal/containment"
	"poterne/internal/gate"
	"poterne/internal/grants"
	"poterne/internal/i18n"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/roster"
	"poterne/internal/signin"
)

// Settings are what the pages cannot guess.
type Settings struct {
	Services []Service
	Home     string                   // where the portal is: "/", or an origin when services have hosts of their own
	FormTo   []string                 // other origins that a form may lead to: the identity provider's, for signing out
	Help     map[i18n.Language]string // whom to ask, in a few words; may be empty
	Silence  map[string]time.Duration // how long each source may be silent
	Observed policy.Observed          // what is decided and written down without stopping anybody
	Scheme   string                   // of the register's own identifiers
	Zone     *time.Location           // nil: UTC
	Now      func() time.Time         // nil: time.Now
	Log      *slog.Logger             // nil: nothing is logged
}

// Service is an application behind the gate, as people know it.
type Service struct {
	ID      roster.ServiceID
	Name    string
	About   map[i18n.Language]string // what it is for, in one sentence; may be empty
	Address string                   // where it opens: a path or an origin
	Search  string                   // where it finds people by name and birth date; empty when nowhere
}

// Gate is where accounts stand.
type Gate interface {
	// Standing returns where an account stands now.
	Standing(gate.Asker, roster.ServiceID) gate.Standing
	// Orders returns the orders placed and not lifted.
	Orders() order.Book
}

// Journal is the ledger, as it is written.
type Journal interface {
	// Record writes an act down that leaves no rows; it is durable when Record returns nil.
	Record(context.Context, ledger.Entry) error
	// RecentBy returns an account's newest entries, newest first.
	RecentBy(ctx context.Context, account roster.AccountID, limit int) ([]ledger.Entry, error)
	// Follow yields the entries from a number on, then each new one, until ctx ends.
	Follow(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error]
	// Entry returns one entry.
	Entry(context.Context, ledger.Number) (ledger.Entry, error)
	// Next is the number of the next entry.
	Next() ledger.Number
}

// Containment places orders and lifts them.
type Containment interface {
	// Place puts an order in force for every decision after it returns.
	Place(context.Context, order.Order) (order.Order, error)
	// Lift takes an order out of force; fault.Absent when it is not.
	Lift(context.Context, containment.Lift) error
	// Undo lifts a freeze that the rules placed on an account; fault.Refused to whoever
	// may not.
	Undo(context.Context, containment.Undo) error
}

// Grants is what one person allows another.
type Grants interface {
	// Waiting returns the opening that waits under a receipt for a signature which
	// somebody may give: grants.NoneWaits when none does, grants.ManyWait when it is not
	// one person's.
	Waiting(ctx context.Context, by roster.Account, receipt ledger.Number) (ledger.Entry, error)
	// Cosign signs for what waits under a receipt's number.
	Cosign(ctx context.Context, by roster.AccountID, receipt ledger.Number) error
	// Raise allows an account some more people without a reason, until a time.
	Raise(context.Context, grants.Raise) error
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

// Sources are the systems that tell facts.
type Sources interface {
	// Heard returns when each was last heard.
	Heard(context.Context) (map[string]time.Time, error)
}

// Book is where the entries of a moment begin.
type Book interface {
	// FirstAt returns the number of the first entry at or after a time.
	FirstAt(context.Context, time.Time) (ledger.Number, error)
}

// Door is who is asking.
type Door interface {
	// Who returns the session that a request shows; fault.Anonymous when none.
	Who(http.ResponseWriter, *http.Request) (signin.Session, error)
	// Still returns nil while a session goes on.
	Still(context.Context, signin.Session) error
	// EndAll ends every session of an account.
	EndAll(context.Context, roster.AccountID) error
}

// House is everybody the rooms rely on.
type House struct {
	Door      Door
	Gate      Gate
	Journal   Journal
	Contain   Containment
	Grants    Grants
	Roster    Roster
	Sources   Sources
	Book      Book
	Campaigns Campaigns
	Directory Directory
	Notary    Notary
	Index     Index // nil where nobody asks it
}

// Rooms are the portal and the desk. They are safe to share once made.
type Rooms struct {
	House
	pages *Pages
	hour  *hour
}

// New returns the rooms. The desk's picture of the last hour is empty until Run
// runs.
func New(pages *Pages, house House) *Rooms {
	return &Rooms{House: house, pages: pages, hour: newHour()}
}

// route is an address of the rooms and who answers there.
type route struct {
	pattern string
	serve   func(*visit) error
}

// routes are all the rooms' addresses.
func (rooms *Rooms) routes() []route {
	all := []route{
		{"GET /{$}", rooms.front},
		{"GET /desk", rooms.atDesk(rooms.desk)},
		{"GET /desk/flow", rooms.atDesk(rooms.flow)},
		{"GET /desk/campaigns", rooms.atDesk(rooms.campaigns)},
		{"GET /desk/directory", rooms.atDesk(rooms.directory)},
		{"GET /desk/curve", rooms.atDesk(rooms.curve)},
		{"GET /desk/accounts/{id}", rooms.atDesk(rooms.account)},
		{"GET /desk/orders/new", rooms.atDesk(rooms.proposeOrder)},
		{"POST /desk/orders", rooms.atDesk(rooms.placeOrder)},
		{"GET /desk/orders/{id}", rooms.atDesk(rooms.proposeLift)},
		{"POST /desk/orders/{id}/lift", rooms.atDesk(rooms.liftOrder)},
		{"GET /manager", rooms.vouching(rooms.manage)},
		{"POST /manager/cosign", rooms.vouching(rooms.cosign)},
		{"POST /manager/thaw", rooms.vouching(rooms.thaw)},
		{"POST /manager/raise", rooms.vouching(rooms.raise)},
	}
	if rooms.Index == nil {
		return all
	}
	return append(all,
		route{"GET /desk/exactly", rooms.atDesk(rooms.exactly)},
		route{"POST /desk/exactly/list", rooms.atDesk(rooms.exactList)},
		route{"GET /desk/who-saw", rooms.atDesk(rooms.proposeWhoSaw)},
		route{"POST /desk/who-saw", rooms.atDesk(rooms.whoSaw)},
	)
}

// Handler serves the rooms, at the origin the portal is reached at. Other paths
// are said not to exist.
func (rooms *Rooms) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range rooms.routes() {
		mux.Handle(r.pattern, rooms.room(r.serve))
	}
	mux.HandleFunc("/", rooms.pages.notFound)
	// Browsers ask for it on behalf of guarded applications without an icon.
	mux.Handle("GET /favicon.ico", http.RedirectHandler(rooms.pages.assets["favicon.svg"], http.StatusFound))
	rooms.pages.Mount(mux)
	return http.NewCrossOriginProtection().Handler(mux)
}
