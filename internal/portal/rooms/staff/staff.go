// Package staff is the room of those who consult: what they can open, where they
// stand, and what was written about them.
package staff

import (
	"context"
	"embed"
	"iter"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/gate"
	"poterne/internal/ledger"
	"poterne/internal/portal"
	"poterne/internal/roster"
	"poterne/internal/signin"
)

//go:embed pages
var pageFiles embed.FS

// Deps is what the room relies on.
type Deps struct {
	Gate    Gate
	Journal Journal
	Roster  Roster

	Sessions    Sessions
	Containment Containment
	Awareness   accounts.Awareness
	Certifier   Certifier
	Recovery    Recovery
	NIRs        NIRs
	// Waiting returns the habilitations that people asked for, and wait for.
	Waiting func(context.Context) ([]accounts.RightRequest, error)
	// Reopened returns which services were opened again since a time, by identifier, and when.
	Reopened func(ctx context.Context, since time.Time) (map[string]time.Time, error)
}

// Recovery is of accounts that are to be bound anew.
type Recovery interface {
	// StopOwn ends the recovery of an account at its person's word.
	StopOwn(context.Context, roster.AccountID) error
}

// Certifier takes in that somebody has passed the portal's own module.
type Certifier interface {
	Pass(ctx context.Context, who roster.AccountID, at time.Time) error
}

// Sessions are those that go on.
type Sessions interface {
	// Sessions returns the open sessions of an account, the last begun first.
	Sessions(context.Context, roster.AccountID) ([]signin.Session, error)
	// Passkeys returns the passkeys of an account that serve, the oldest first.
	Passkeys(context.Context, roster.AccountID) ([]roster.Passkey, error)
	// EndAll ends every session of an account.
	EndAll(context.Context, roster.AccountID) error
}

// Containment puts orders in force.
type Containment interface {
	// FreezeOwn freezes an account at its holder's word.
	FreezeOwn(context.Context, roster.AccountID) error
}

// Gate is where accounts stand.
type Gate interface {
	// Standing returns where an account stands now.
	Standing(gate.Asker, roster.ServiceID) gate.Standing
}

// Journal is the ledger, as it is read.
type Journal interface {
	// RecentBy returns an account's newest entries, newest first.
	RecentBy(ctx context.Context, account roster.AccountID, limit int) ([]ledger.Entry, error)
	// Follow yields the entries from a number on, then each new one, until ctx ends.
	Follow(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error]
}

// Roster is who may use what.
type Roster interface {
	// Habilitations returns an account's habilitations, past and to come included.
	Habilitations(context.Context, roster.AccountID) ([]roster.Habilitation, error)
	// Proposals returns the proposals of an organisation that wait for something.
	Proposals(context.Context, roster.OrganisationID) ([]accounts.Proposal, error)
	// Account returns an account and its organisation; fault.Absent when there is none.
	Account(context.Context, roster.AccountID) (roster.Account, roster.Organisation, error)
}

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
	return []portal.Route{
		{Pattern: "GET /{$}", Serve: h.front},
		{Pattern: "POST " + recoveryPath + "/stop", Serve: h.stopRecovery},
		{Pattern: "GET " + ModulePath, Serve: h.module},
		{Pattern: "POST " + ModulePath, Serve: h.answer},
		{Pattern: "GET " + nirPath, Serve: h.nir},
		{Pattern: "POST " + nirPath, Serve: h.askNIR},
		{Pattern: "GET " + sessionsPath, Serve: h.sessions},
		{Pattern: "POST " + sessionsPath + "/not-me", Serve: h.notMe},
	}
}

// Links implements portal.Room.
func (h *Handlers) Links() []portal.Link {
	atWork := func(v portal.Viewer) bool { return !v.AtDesk() } // whose portal, behind the mark, leads on
	return []portal.Link{{Path: "/", Name: "layout.front", For: atWork}, {Path: sessionsPath, Name: "layout.sessions", For: atWork}}
}
