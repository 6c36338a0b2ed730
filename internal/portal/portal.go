// Package portal is the shell of the rooms people see: the layout of their pages,
// the headers, the errors, the pictures and words that rooms share, and who visits.
// Each room is a folder of rooms/ with its addresses, its pages and the few things it
// needs; none knows another. A new room is its folder, a line where the rooms are
// assembled, and its words. Each page answers one question, in words before numbers,
// in French and in English, without scripts, and under a policy that lets in nothing
// that is not served here. What a room shows of an account's entries is written in the
// ledger before it is shown.
package portal

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"poterne/internal/fault"
	"poterne/internal/i18n"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/signin"
)

// Settings are what the pages cannot guess.
type Settings struct {
	Services   []Service
	Roles      []Role                          // of people who read files; nil: roster.Readers
	Home       string                          // where the portal is: "/", or an origin when services have hosts of their own
	Categories register.Categories             // of fields, as the operator declares them
	Binds      bool                            // sessions are bound to their browsers: pages prove from time to time that they are theirs
	FormTo     []string                        // other origins that a form may lead to: the identity provider's, for signing out
	Help       map[i18n.Language]string        // whom to ask, in a few words; may be empty
	Zone       *time.Location                  // nil: UTC
	Now        func() time.Time                // nil: time.Now
	Log        *slog.Logger                    // nil: nothing is logged
	Broken     func(context.Context) time.Time // until when somebody is in by the break-glass access, which they are all told; zero when nobody is
	Bypass     func() time.Time                // until when a bypass is in force, which every page of staff says; zero when none is
}

// Role is a role of people who read files, as the operator names it.
type Role struct {
	ID    roster.Role
	Names map[i18n.Language]string // empty: the program's own
}

// Service is an application behind the gate, as people know it.
type Service struct {
	ID      roster.ServiceID
	Name    string
	About   map[i18n.Language]string // what it is for, in one sentence; may be empty
	Address string                   // where it opens: a path or an origin
	For     []roster.Purpose         // what a habilitation for it is for
	Search  string                   // where it finds people by name and birth date; empty when nowhere
	Exports []string                 // its routes that are off without a permit: "GET /export"
}

// Deps is what the shell needs to let anybody into a room.
type Deps struct {
	Door    Door
	Roster  Roster
	Journal Journal
}

// Door is who is asking.
type Door interface {
	// Who returns the session that a request shows; fault.Anonymous when none.
	Who(http.ResponseWriter, *http.Request) (signin.Session, error)
	// Still returns nil while a session goes on.
	Still(context.Context, signin.Session) error
	// Holds reports whether an account confirms what it does by a passkey.
	Holds(context.Context, roster.AccountID) (bool, error)
	// Confirm returns nil if a request brings a passkey's answer for itself, or what is to
	// be asked.
	Confirm(*http.Request, signin.Session) (*signin.Asked, error)
}

// Roster is who has an account.
type Roster interface {
	// Account returns an account and its organisation; fault.Absent when there is none.
	Account(context.Context, roster.AccountID) (roster.Account, roster.Organisation, error)
}

// Journal is the ledger, as visits write it.
type Journal interface {
	// Record writes an act down that leaves no rows; it is durable when Record returns nil.
	Record(context.Context, ledger.Entry) error
	// RecentBy returns an account's newest entries, newest first.
	RecentBy(ctx context.Context, account roster.AccountID, limit int) ([]ledger.Entry, error)
}

// Room is a part of the portal.
type Room interface {
	// Routes are the room's addresses.
	Routes() []Route
	// Links are the ways in that every page offers.
	Links() []Link
}

// Route is an address and the handler that answers there.
type Route struct {
	Pattern string
	Serve   func(*Visit) error
	Open    bool  // it answers those who are not signed in, and everybody as if they were not
	Largest int64 // bytes of what is sent to it; 0: 64 KiB, which is enough for what a person types
}

// Link is a way into a room.
type Link struct {
	Path string
	Name string            // said by key
	For  func(Viewer) bool // who may enter
}

// Shell lets visitors into rooms. It is safe to share once it serves.
type Shell struct {
	Deps
	pages *Pages
	links []Link
}

// NewShell returns a shell without rooms.
func NewShell(pages *Pages, deps Deps) *Shell { return &Shell{Deps: deps, pages: pages} }

// LetIn serves the viewers whom a room is for, unless an order in force suspends them; others are
// told whom it is for.
func (s *Shell) LetIn(whom func(Viewer) bool, inForce func() order.Set, roomFor string, serve func(*Visit) error) func(*Visit) error {
	return func(v *Visit) error {
		if !whom(v.Viewer) || v.Viewer.Suspended(inForce(), s.Now()) {
			return &fault.Error{Kind: fault.Refused, Public: roomFor}
		}
		return serve(v)
	}
}

// Handler serves rooms, at the origin the portal is reached at. Other paths are said
// not to exist.
func (s *Shell) Handler(rooms ...Room) http.Handler {
	mux := http.NewServeMux()
	for _, room := range rooms {
		s.links = append(s.links, room.Links()...)
		for _, route := range room.Routes() {
			mux.Handle(route.Pattern, s.serve(route))
		}
	}
	mux.HandleFunc("/", s.pages.notFound)
	// Browsers ask for it on behalf of guarded applications without an icon.
	mux.Handle("GET /favicon.ico", http.RedirectHandler(s.pages.assets["favicon.svg"], http.StatusFound))
	s.pages.Mount(mux)
	return http.NewCrossOriginProtection().Handler(mux)
}

// Services are the applications behind the gate.
func (s *Shell) Services() []Service { return s.pages.settings.Services }

// ServiceName returns what people call a service.
func (s *Shell) ServiceName(id roster.ServiceID) string { return s.pages.service(id).Name }

// Service returns a service as people call it.
func (s *Shell) Service(id roster.ServiceID) Service { return s.pages.service(id) }

// Readers are the roles of people who read files, as the operator lists them.
func (s *Shell) Readers() (readers []roster.Role) {
	for _, role := range s.pages.settings.Roles {
		readers = append(readers, role.ID)
	}
	return readers
}

// Categories are those of fields, as the operator declares them.
func (s *Shell) Categories() register.Categories { return s.pages.settings.Categories }

// Now is the time by the portal's clock.
func (s *Shell) Now() time.Time { return s.pages.settings.Now() }

// Log is where a room logs what it does not show.
func (s *Shell) Log() *slog.Logger { return s.pages.settings.Log }
