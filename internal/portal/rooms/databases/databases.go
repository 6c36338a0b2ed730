// Package databases is the room of those who ask databases by SQL: which ones may I use, how do
// I connect, and with which password? It gives one for each connection.
package databases

import (
	"context"
	"embed"
	"net/http"
	"slices"
	"time"

	"poterne/internal/fault"
	"poterne/internal/order"
	"poterne/internal/portal"
	"poterne/internal/roster"
)

//go:embed pages
var pageFiles embed.FS

// Path is where the room is.
const Path = "/databases"

// Database is one behind the door for SQL.
type Database struct {
	ID         roster.ServiceID
	Statements []Statement
}

// Statement is one that a database runs.
type Statement struct {
	Name    string
	Purpose roster.Purpose
}

// Deps is what the room relies on.
type Deps struct {
	Host, Port string // where clients connect to
	Databases  []Database
	Passwords  Passwords
	Gate       Gate
	Roster     Roster
}

// Passwords serve for one connection each.
type Passwords interface {
	// Password gives an account a password, in a session of its own, until a time.
	Password(r *http.Request, account roster.AccountID, in roster.SessionID) (password string, until time.Time, err error)
}

// Gate is what is in force.
type Gate interface {
	// Orders returns the orders placed and not lifted.
	Orders() order.Set
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
	letIn := func(serve func(*portal.Visit) error) func(*portal.Visit) error {
		return h.shell.LetIn(reads, h.deps.Gate.Orders, "this room is for those who read files", serve)
	}
	return []portal.Route{{Pattern: "GET " + Path, Serve: letIn(h.show)}, {Pattern: "POST " + Path, Serve: letIn(h.give)}}
}

// Links implements portal.Room.
func (h *Handlers) Links() []portal.Link {
	return []portal.Link{{Path: Path, Name: "layout.databases", For: reads}}
}

func reads(v portal.Viewer) bool { return !v.Vouches() }

// databasesPage answers whoever asks by SQL: how do I connect?
type databasesPage struct {
	portal.Page
	Own        []ownDatabase
	Host, Port string
	Account    roster.AccountID
	Password   string // just given; empty when none was
	Until      time.Time
}

// ownDatabase is one that the viewer may use, and what they may ask it.
type ownDatabase struct {
	ID         roster.ServiceID
	Name       string
	Statements []string
}

func (h *Handlers) page(v *portal.Visit) (databasesPage, error) {
	shown := databasesPage{Page: v.Page(Path, "databases.title"), Host: h.deps.Host, Port: h.deps.Port, Account: v.Viewer.ID}
	held, err := h.deps.Roster.Habilitations(v.Context(), v.Viewer.ID)
	if err != nil {
		return shown, err
	}
	for _, d := range h.deps.Databases {
		own := ownDatabase{ID: d.ID, Name: h.shell.ServiceName(d.ID)}
		for _, s := range d.Statements {
			if slices.ContainsFunc(held, func(r roster.Habilitation) bool { return r.Covers(d.ID, s.Purpose, h.shell.Now()) }) {
				own.Statements = append(own.Statements, s.Name)
			}
		}
		if own.Statements != nil {
			shown.Own = append(shown.Own, own)
		}
	}
	return shown, nil
}

func (h *Handlers) show(v *portal.Visit) error {
	shown, err := h.page(v)
	if err == nil {
		h.pages.Show(v, http.StatusOK, "databases.html", shown)
	}
	return err
}

// give gives a password for one connection, once the viewer has proved to be there.
func (h *Handlers) give(v *portal.Visit) error {
	shown, err := h.page(v)
	switch {
	case err != nil:
		return err
	case len(shown.Own) == 0:
		return &fault.Error{Kind: fault.Refused, Public: "no habilitation for a database"}
	}
	if confirmed, err := v.Confirm(Path, "confirm.database"); !confirmed {
		return err
	}
	shown.Password, shown.Until, err = h.deps.Passwords.Password(v.Request, v.Viewer.ID, v.Session())
	if err == nil {
		h.pages.Show(v, http.StatusOK, "databases.html", shown)
	}
	return err
}
