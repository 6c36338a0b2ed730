// Package staff is the room of those who consult: what they can open, where they
// stand, and what was written about them.
package staff

import (
	"context"
	"embed"
	"iter"

	"poterne/internal/gate"
	"poterne/internal/ledger"
	"poterne/internal/portal"
	"poterne/internal/roster"
)

//go:embed pages
var pageFiles embed.FS

// Deps is what the room relies on.
type Deps struct {
	Gate    Gate
	Journal Journal
	Roster  Roster
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
	return []portal.Route{{Pattern: "GET /{$}", Serve: h.front}}
}

// Links implements portal.Room.
func (h *Handlers) Links() []portal.Link {
	return []portal.Link{{Path: "/", Name: "layout.front", For: func(portal.Viewer) bool { return true }}}
}
