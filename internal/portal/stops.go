package portal

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/policy"
	"poterne/internal/roster"
	"poterne/internal/signin"
)

// Stops is what somebody reads whom the gate stops on the way to an application:
// a page, or a short JSON answer for a script.
type Stops struct{ pages *Pages }

// Stops returns what the gate shows to whoever it stops.
func (p *Pages) Stops() Stops { return Stops{p} }

// Refusal is a passage that was refused.
type Refusal struct {
	Service roster.ServiceID
	Ruling  policy.Ruling
	Receipt ledger.Number
	Message string // what the order that stops them says; may be empty
}

type stoppedPage struct {
	page
	Refusal
	Class    string // what kind of stop it is, for the title and the next step
	Service  string
	Sentence string
	Short    bool // it is the hour's allowance that is empty
	Again    bool // it is known when asking again may help
}

// classes sorts the grounds by what they mean for whoever is stopped. A person
// nobody knows and a file that is not there look alike, and like a limit.
var classes = map[policy.Why]string{
	policy.ShortEmpty: "limit", policy.LongEmpty: "limit", policy.Frozen: "frozen",
	policy.NobodyKnown: "file", policy.NotThere: "file",
	policy.NotForPurpose: "rights", policy.NotHabilitated: "rights", policy.RoleReadsNothing: "rights",
	policy.Suspended: "suspended", policy.Closed: "closed",
	policy.NotDeclared: "unread", policy.NotUnderstood: "unread",
}

// classOf is "unread" for a ground we do not know: nothing was passed on.
func classOf(why policy.Why) string {
	if class, ok := classes[why]; ok {
		return class
	}
	return "unread"
}

// Refused says why nothing was shown, when it may be, and the receipt's number.
func (s Stops) Refused(w http.ResponseWriter, r *http.Request, refusal Refusal) {
	class := classOf(refusal.Ruling.Why)
	shown := stoppedPage{
		page: s.pages.page(r, viewer{}, "stopped.title-"+class), Refusal: refusal,
		Class: class, Service: s.pages.service(refusal.Service),
		Sentence: refusal.Ruling.Sentence(languageOf(r)),
		Short:    refusal.Ruling.Why == policy.ShortEmpty,
		Again:    !refusal.Ruling.Again.IsZero(),
	}
	if !readsPages(r) {
		s.json(w, r, http.StatusForbidden, notice{shown.Title, shown.Sentence, fmt.Sprint(refusal.Receipt)})
		return
	}
	s.pages.show(w, r, http.StatusForbidden, "stopped.html", shown)
}

// SignIn asks somebody whose session is missing or over to sign in. A page that
// was only asked for is asked for again afterwards.
func (s Stops) SignIn(w http.ResponseWriter, r *http.Request, err error) {
	if fault.Of(err) != fault.Anonymous {
		s.Failed(w, r, fault.Of(err))
		return
	}
	ended, over := errors.AsType[*signin.Ended](err)
	odd := over && (ended.Why == signin.Doubled || ended.Why == signin.Moved)
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case !readsPages(r):
		begun := s.pages.page(r, viewer{}, "ended.title")
		s.json(w, r, http.StatusUnauthorized, notice{Title: begun.Title, Why: s.pages.speakers[begun.Lang].must("ended.plain")})
	case reads && !odd:
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Location", begin(r.URL.RequestURI()))
		w.WriteHeader(http.StatusSeeOther)
	default:
		begun := s.pages.page(r, viewer{}, "ended.title")
		s.pages.show(w, r, http.StatusUnauthorized, "ended.html", endedPage{begun, odd, begin(begun.Here)})
	}
}

type endedPage struct {
	page
	Odd   bool // the session was seen in two browsers
	Begin string
}

// begin is where signing in starts, on the way to a page.
func begin(to string) string { return signin.BeginPath + "?return=" + url.QueryEscape(to) }

type failedPage struct {
	page
	Kind fault.Kind
}

// statuses is what each kind of fault is over HTTP.
var statuses = map[fault.Kind]int{
	fault.Invalid: http.StatusBadRequest, fault.Anonymous: http.StatusUnauthorized, fault.Refused: http.StatusForbidden,
	fault.Absent: http.StatusNotFound, fault.Unavailable: http.StatusServiceUnavailable, fault.Broken: http.StatusBadGateway,
}

// Failed says that something did not work, and that nothing was passed on.
func (s Stops) Failed(w http.ResponseWriter, r *http.Request, kind fault.Kind) {
	shown := failedPage{s.pages.page(r, viewer{}, "failed.title"), kind}
	if !readsPages(r) {
		s.json(w, r, statuses[kind], notice{Title: shown.Title, Why: s.pages.speakers[shown.Lang].must("failed." + kind.String())})
		return
	}
	s.pages.show(w, r, statuses[kind], "failed.html", shown)
}

// readsPages reports whether an answer to r is read by a person.
func readsPages(r *http.Request) bool {
	return strings.Contains(strings.Join(r.Header.Values("Accept"), ","), "text/html")
}

// notice is what a script is told.
type notice struct {
	Title   string `json:"title"`
	Why     string `json:"why"`
	Receipt string `json:"receipt,omitempty"`
}

func (s Stops) json(w http.ResponseWriter, r *http.Request, status int, n notice) {
	s.pages.protect(w)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Language", string(languageOf(r)))
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(n) // the script may have left
}
