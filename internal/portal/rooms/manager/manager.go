// Package manager is the room of those who sign for others: whom the rules froze, who
// waits for a signature, who needs more room today.
package manager

import (
	"context"
	"embed"

	"poterne/internal/accounts"
	"poterne/internal/containment"
	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/grants"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/portal"
	"poterne/internal/roster"
	"poterne/internal/signin/strangers"
)

//go:embed pages
var pageFiles embed.FS

// Deps is what the room relies on.
type Deps struct {
	Gate    Gate
	Grants  Grants
	Freezes Freezes
	Journal Journal
	Roster  Roster

	Strangers Strangers
	Accounts  Accounts
	Caseloads Caseloads
	Sessions  Sessions
	Trains    map[roster.Role]string          // whose access takes a certificate of awareness, by module
	Quota     func(roster.OrganisationID) int // how many accounts an organisation may have
}

// Gate is where accounts stand.
type Gate interface {
	// Standing returns where an account stands now.
	Standing(gate.Asker, roster.ServiceID) gate.Standing
	// Orders returns the orders placed and not lifted.
	Orders() order.Set
}

// Grants is what one person allows another.
type Grants interface {
	// Waiting returns the opening that waits under a receipt for a signature that this
	// account may give: grants.NoneWaits when none does, grants.ManyWait when it is not
	// one person's.
	Waiting(ctx context.Context, by roster.AccountID, receipt ledger.Number) (ledger.Entry, error)
	// Cosign signs for what waits under a receipt's number.
	Cosign(ctx context.Context, by roster.AccountID, receipt ledger.Number) error
	// OpenArchive opens the archived file that waits under a receipt's number, for so many hours.
	OpenArchive(ctx context.Context, by roster.AccountID, receipt ledger.Number, ticket string, hours int) error
	// Raise allows an account some more people without a reason, until a time.
	Raise(context.Context, grants.Raise) error
}

// Freezes ends what the rules froze.
type Freezes interface {
	// Undo lifts a freeze that the rules placed on an account; fault.Refused to those
	// who may not.
	Undo(context.Context, containment.Undo) error
}

// Journal is the ledger, as it is read.
type Journal interface {
	// Entry returns one entry.
	Entry(context.Context, ledger.Number) (ledger.Entry, error)
}

// Roster is who has an account.
type Roster interface {
	// Account returns an account and its organisation; fault.Absent when there is none.
	Account(context.Context, roster.AccountID) (roster.Account, roster.Organisation, error)
	// Accounts returns every account, by organisation and name.
	Accounts(context.Context) ([]roster.Account, error)
	// Organisations returns every organisation, by name.
	Organisations(context.Context) ([]roster.Organisation, error)
	// Proposals returns the proposals of an organisation that wait, or did when they lapsed;
	// of all organisations when it is empty.
	Proposals(context.Context, roster.OrganisationID) ([]accounts.Proposal, error)
}

// Strangers is whom an identity provider vouches for and who has no account.
type Strangers interface {
	// Of returns those of the organisation with a SIRET, or all when it is empty: the
	// last who tried first.
	Of(siret string) []strangers.Stranger
}

// Handlers serve the room.
type Handlers struct {
	deps    Deps
	shell   *portal.Shell
	pages   portal.Writer
	grounds *portal.Grounds
}

// New returns the room.
func New(shell *portal.Shell, deps Deps) *Handlers {
	return &Handlers{deps: deps, shell: shell, pages: shell.Writer(pageFiles), grounds: portal.NewGrounds(deps.Journal.Entry)}
}

const path = "/manager"

// Routes implements portal.Room.
func (h *Handlers) Routes() []portal.Route {
	return []portal.Route{
		{Pattern: "GET " + path, Serve: h.vouching(h.manage)},
		{Pattern: "POST " + path + "/cosign", Serve: h.vouching(h.cosign)},
		{Pattern: "POST " + path + "/archive", Serve: h.vouching(h.openArchive)},
		{Pattern: "POST " + path + "/thaw", Serve: h.vouching(h.thaw)},
		{Pattern: "POST " + path + "/raise", Serve: h.vouching(h.raise)},
		{Pattern: "GET " + PeoplePath, Serve: h.vouching(h.people)},
		{Pattern: "POST " + PeoplePath + "/{id}/close", Serve: h.vouching(h.closing)},
		{Pattern: "POST " + PeoplePath + "/{id}/recover", Serve: h.vouching(h.recovering)},
		{Pattern: "POST " + PeoplePath + "/{id}/readmit", Serve: h.vouching(h.readmitting)},
		{Pattern: "POST " + path + "/review", Serve: h.vouching(h.review)},
		{Pattern: "GET " + CaseloadsPath, Serve: h.vouching(h.caseloads)},
		{Pattern: "POST " + CaseloadsPath, Serve: h.vouching(h.assign)},
		{Pattern: "POST " + CaseloadsPath + "/entrust", Serve: h.vouching(h.entrust)},
		{Pattern: "GET " + proposePath, Serve: h.vouching(h.proposing)},
		{Pattern: "POST " + proposePath, Serve: h.vouching(h.propose)},
		{Pattern: "POST " + path + "/proposals/{number}", Serve: h.vouching(h.decide)},
	}
}

// Links implements portal.Room.
func (h *Handlers) Links() []portal.Link {
	manages := func(v portal.Viewer) bool { return v.Vouches() && !v.AtDesk() } // the security desk comes from its portal
	return []portal.Link{{Path: path, Name: "layout.manager", For: manages}, {Path: PeoplePath, Name: "people.link", For: manages}, {Path: CaseloadsPath, Name: "caseload.link", For: manages}}
}

// vouching lets in those who may sign for others, unless an order is in force
// against them.
func (h *Handlers) vouching(serve func(*portal.Visit) error) func(*portal.Visit) error {
	return func(v *portal.Visit) error {
		if !v.Viewer.Vouches() || h.deps.Gate.Standing(v.Viewer.Asker(), "").IsHeld {
			return &fault.Error{Kind: fault.Refused, Public: "this room is for those who sign for others"}
		}
		return serve(v)
	}
}
