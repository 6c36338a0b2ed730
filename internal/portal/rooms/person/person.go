// Package person is the room of people of the register, on a host name of its own: who
// looked at my file, and should I worry? Whoever has an account here is nobody there, and
// the reverse. It shows the lines of one person, in words, and no name of a member of staff.
package person

import (
	"context"
	"embed"
	"log/slog"
	"net/http"
	"strconv"

	"poterne/internal/fault"
	"poterne/internal/incident"
	"poterne/internal/ledger"
	"poterne/internal/notice"
	"poterne/internal/person"
	"poterne/internal/portal"
	"poterne/internal/register"
	"poterne/internal/signin"
)

//go:embed pages
var pageFiles embed.FS

// Deps is what the room needs.
type Deps struct {
	Door   Door
	Reader Reader
	// Questions are what the person asked about lines.
	Questions Questions
	// Concerns answers whether incidents concerned the person.
	Concerns Concerns
	// Contacts changes where the person is reached; nil where nobody does it here.
	Contacts Contacts
	// Mandates are who may read another person's page; nil where nobody may.
	Mandates Mandates
	// Network is the class of network that a request comes from; nil for none.
	Network func(*http.Request) string
	// Codes opens the codes of letters; nil where letters have none.
	Codes Codes
	// Controller is who answers for the register: whom people call.
	Controller notice.Controller
	// Prove makes the proof that an entry is in the ledger, for the person it is about.
	Prove func(context.Context, ledger.Number) ([]byte, error)
	// Key is the public half of the key that signs the ledger's checkpoints.
	Key string
}

// Door is who is asking.
type Door interface {
	// Who returns the session that a request shows; fault.Anonymous when none.
	Who(http.ResponseWriter, *http.Request) (signin.Session, error)
	// MountPeople puts on a mux where people sign in and leave.
	MountPeople(*http.ServeMux)
}

// Reader reads people their lines.
type Reader interface {
	// Read returns the lines of a person.
	Read(context.Context, register.PersonID) (person.Lines, error)
	// One returns one of them; fault.Absent when the entry is no line of the person's.
	One(context.Context, register.PersonID, ledger.Number) (person.Line, error)
}

// Questions are what people ask about lines.
type Questions interface {
	// Ask asks about a line; fault.Absent when it is no line of the person's.
	Ask(ctx context.Context, person register.PersonID, line ledger.Number, what ledger.State) error
	// Of returns the questions of a person, by line.
	Of(context.Context, register.PersonID) (map[ledger.Number]person.Question, error)
}

// Concerns answers whether incidents concerned somebody.
type Concerns interface {
	// Of answers about every incident that people are answered about.
	Of(context.Context, register.PersonID) ([]incident.Concern, error)
	// In answers about one; fault.Absent when people are not answered about it.
	In(ctx context.Context, person register.PersonID, file ledger.Number) (incident.Concern, error)
}

// Mandates are who may read another person's page.
type Mandates interface {
	// Of returns the mandates of a person, the last first.
	Of(context.Context, register.PersonID) ([]person.MandateView, error)
	// To returns those in force that somebody has.
	To(context.Context, person.Identity) ([]person.MandateView, error)
	// Look returns one that somebody has, once there finds what they ask for, and it is written down; else fault.Absent.
	Look(ctx context.Context, who person.Identity, number ledger.Number, what ledger.State, network string, there func(register.PersonID) error) (person.MandateView, error)
	// Revoke ends one that the person gave; any other is fault.Absent.
	Revoke(ctx context.Context, of register.PersonID, number ledger.Number) error
}

// Codes opens the codes of letters.
type Codes interface {
	// Open returns whom the letter with a code told, and of which incident; fault.Absent for
	// every code that opens nothing.
	Open(ctx context.Context, code string) (register.PersonID, ledger.Number, error)
}

// Handlers serve the room.
type Handlers struct {
	deps  Deps
	pages portal.Apart
}

// New returns the room.
func New(pages *portal.Pages, deps Deps) *Handlers { return &Handlers{deps, pages.Apart(pageFiles)} }

// Handler serves the room, which is everything at its origin.
func (h *Handlers) Handler(shared *portal.Pages) http.Handler {
	mux := http.NewServeMux()
	h.deps.Door.MountPeople(mux)
	shared.Mount(mux)
	for pattern, serve := range map[string]func(visit) error{
		"GET /{$}":                  h.file,
		"GET /easy":                 h.easy,
		"GET /lines.csv":            h.csv,
		"GET /lines.json":           h.json,
		"GET /lines/{number}":       h.line,
		"GET /lines/{number}/proof": h.proof,
		"POST /lines/{number}/ask":  h.ask,

		"GET /concerned":                    h.concerned,
		"GET /concerned/{number}/complaint": h.complaint,
	} {
		mux.Handle(pattern, h.signedIn(own(serve)))
	}
	if h.deps.Mandates != nil {
		h.mountMandates(mux)
	}
	if h.deps.Contacts != nil {
		mux.Handle("GET "+ContactsPath, h.signedIn(own(h.contacts)))
		mux.Handle("POST "+ContactsPath, h.signedIn(own(h.change)))
		mux.Handle("POST "+ContactsPath+"/stop", h.signedIn(own(h.stopOwn)))
		mux.HandleFunc("GET "+StopPath, h.askStop)
		mux.HandleFunc("POST "+StopPath, h.stop)
		mux.HandleFunc("GET "+LetterPath, h.askLetter)
		mux.HandleFunc("POST "+LetterPath, h.stopByLetter)
	}
	if h.deps.Codes != nil {
		mux.HandleFunc("GET /code", h.askCode)
		mux.HandleFunc("POST /code", h.typedCode)
		mux.HandleFunc("POST /code/complaint", h.codeComplaint)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { h.failed(w, r, fault.Absent) })
	return http.NewCrossOriginProtection().Handler(mux)
}

// visit is a request of a person of the register.
type visit struct {
	*http.Request
	Writer  http.ResponseWriter
	Person  register.PersonID
	Visitor person.Visitor
	Speaker portal.Speaker
	Base    string // below which the pages of the person lie, where another reads them; else empty
	For     string // whose they are, then
}

// signedIn serves an address to whoever signed in, and shows the way in to others.
func (h *Handlers) signedIn(serve func(visit) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		v := visit{Request: r, Writer: w, Speaker: h.pages.Speaker(r)}
		session, err := h.deps.Door.Who(w, r)
		if err == nil {
			v.Visitor = person.ReadVisitor(session.Reference())
			v.Person, err = session.Person()
		}
		if fault.Is(err, fault.Anonymous) {
			h.pages.Write(w, r, http.StatusUnauthorized, "welcome.html", welcomePage{h.page(r, "mine.welcome"), h.deps.Codes != nil})
			return
		}
		if err == nil {
			err = serve(v)
		}
		if err != nil {
			h.fails(w, r, err)
		}
	})
}

// fails is the only place where an error becomes a status, and is logged.
func (h *Handlers) fails(w http.ResponseWriter, r *http.Request, err error) {
	kind := fault.KindOf(err)
	if kind == fault.Broken || kind == fault.Unavailable {
		h.pages.Settings().Log.ErrorContext(r.Context(), "request failed", slog.String("route", r.Pattern), slog.Any("err", err))
	}
	h.failed(w, r, kind)
}

// welcomePage shows the way in.
type welcomePage struct {
	page
	Codes bool // or by the code of a letter, to less
}

// page is what every page of the room is given.
type page struct {
	portal.Page
	In         bool   // somebody is signed in
	Base, For  string // of a page that another reads: below which path, and whose it is
	Controller notice.Controller
}

func (h *Handlers) page(r *http.Request, title string, pairs ...any) page {
	return page{Page: h.pages.Page(r, title, pairs...), Controller: h.deps.Controller}
}

// titlesFor are the titles of what a representative reads of another's.
var titlesFor = map[string]string{"mine.title": "mine.title-for", "mine.line": "mine.line-for"}

// mine is a page for whoever is signed in.
func (h *Handlers) mine(v visit, title string, pairs ...any) page {
	if of, is := titlesFor[title]; is && v.For != "" {
		title, pairs = of, append(pairs, "name", v.For)
	}
	begun := h.page(v.Request, title, pairs...)
	begun.In, begun.Base, begun.For = true, v.Base, v.For
	return begun
}

// statuses of what fails; whatever is not there, and whatever is somebody else's, are alike.
var statuses = map[fault.Kind]int{
	fault.Absent: http.StatusNotFound, fault.Invalid: http.StatusNotFound, fault.Refused: http.StatusTooManyRequests, fault.Unavailable: http.StatusServiceUnavailable,
}

// failedPage says why a page is not shown.
type failedPage struct {
	page
	Why string
}

func (h *Handlers) failed(w http.ResponseWriter, r *http.Request, kind fault.Kind) {
	status, known := statuses[kind]
	why := "broken"
	switch kind {
	case fault.Absent, fault.Invalid:
		why = "absent"
	case fault.Refused:
		why = "refused"
	}
	if !known {
		status = http.StatusInternalServerError
	}
	h.pages.Write(w, r, status, "failed.html", failedPage{h.page(r, "mine.failed-"+why), why})
}

// The door's pages: package signin says what each is for. Only people come by it.

// Doorstep is what people read who sign in. It implements signin.Pages, of which a door for
// people needs three.
type Doorstep struct {
	*portal.Pages
	pages portal.Apart
	help  notice.Controller
}

// NewDoorstep returns the pages of a door.
func NewDoorstep(pages *portal.Pages, help notice.Controller) Doorstep {
	return Doorstep{pages, pages.Apart(pageFiles), help}
}

// Stranger says how to go on when exactly one person is not found: the same to everybody.
func (d Doorstep) Stranger(w http.ResponseWriter, r *http.Request, _ signin.Visitor) {
	d.pages.Write(w, r, http.StatusForbidden, "stranger.html", page{Page: d.pages.Page(r, "mine.stranger"), Controller: d.help})
}

// Failed says that signing in did not work.
func (d Doorstep) Failed(w http.ResponseWriter, r *http.Request, why signin.Reason) {
	status := http.StatusBadRequest
	if why == signin.Unreachable {
		status = http.StatusServiceUnavailable
	}
	d.pages.Write(w, r, status, "unsigned.html", page{Page: d.pages.Page(r, "mine.unsigned"), Controller: d.help})
}

// SignedOut says that the session is over.
func (d Doorstep) SignedOut(w http.ResponseWriter, r *http.Request) {
	d.pages.Write(w, r, http.StatusOK, "left.html", page{Page: d.pages.Page(r, "mine.left"), Controller: d.help})
}

// numberOf is the entry that an address names; what names none is absent.
func numberOf(v visit) (ledger.Number, error) {
	number, err := strconv.ParseUint(v.PathValue("number"), 10, 63)
	if err != nil || strconv.FormatUint(number, 10) != v.PathValue("number") {
		return 0, &fault.Error{Kind: fault.Absent}
	}
	return ledger.Number(number), nil
}
