package portal

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"poterne/internal/fault"
	"poterne/internal/i18n"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/roster"
	"poterne/internal/signin"
)

// Stops are what people read when the gate stops them on the way to an application:
// a page, or a short JSON answer for a script.
type Stops struct{ pages *Pages }

// Stops returns what the gate shows to those it stops.
func (p *Pages) Stops() Stops { return Stops{p} }

// Refusal is a passage that was refused.
type Refusal struct {
	Service roster.ServiceID
	Ruling  policy.Ruling
	Receipt ledger.Number
	Message order.Message // what the order that stops them says; may be empty
	Until   time.Time     // when that order ends by itself; zero: it is lifted

	Programme bool // whoever asks is nobody's account, and cannot prove to be there
}

type stoppedPage struct {
	Page
	Refusal
	Class    string // what kind of stop it is, for the title and the next step
	Service  string
	Sentence string
	Short    bool // it is the hour's allowance that is empty
	Again    bool // it is known when asking again may help
	Told     Told
	Ask      ask    // what would open the way; empty for nothing
	Return   string // where to come back to then
	Search   string // where the service finds people by name and birth date; empty when nowhere
}

// Told is a message of whoever placed an order, in the language it was written in.
type Told struct {
	Text string
	Lang i18n.Language
}

// Tell is a message as it is shown to somebody who reads a language.
func Tell(m order.Message, in i18n.Language) Told {
	text, lang := m.In(string(in))
	return Told{text, i18n.Language(lang)}
}

// ask is what a person who is stopped can do about it.
type ask string

const (
	askStepUp   ask = "step-up"  // prove to be there
	askCosign   ask = "cosign"   // have another person sign for it
	askIdentity ask = "identity" // find the person by name and birth date
	askSlow     ask = "slow"     // of a programme: ask for fewer people, and for these later
)

// askOf says what would open the way. What is refused whole because of a part of
// it opens by the same means as the part.
func askOf(r policy.Ruling) ask {
	switch {
	case r.Why == policy.ShortEmpty && r.Limit == 0: // nothing opens what is closed
		return ""
	case r.Verdict == policy.AskStepUp, r.Verdict == policy.Refused && r.Why == policy.ShortEmpty:
		return askStepUp
	case r.Verdict == policy.AskCosign, r.Verdict == policy.Refused && (r.Why == policy.LongEmpty || r.Why == policy.CeilingReached || r.Why == policy.FileClosed):
		return askCosign
	case r.Verdict == policy.AskIdentity:
		return askIdentity
	}
	return ""
}

// classes sorts the grounds by what they mean for the person who is stopped. A person
// who is not known and a file that is not there look alike, and like a limit.
var classes = map[policy.Why]string{
	policy.ShortEmpty: "limit", policy.LongEmpty: "limit", policy.SignedEmpty: "limit", policy.CanaryListed: "limit", policy.Doubted: "limit",
	policy.CaseloadOnly: "bypass", policy.PaceReached: "pace", policy.WallReached: "wall", policy.CeilingReached: "ceiling", policy.RowsReached: "rows", policy.ListsReached: "wall", policy.StrangersReached: "strangers",
	policy.Frozen: "frozen", policy.Enumerating: "freeze", policy.Drifting: "freeze", policy.CanaryOpened: "canary",
	policy.ShareReached: "share", policy.OrganisationEmpty: "shared", policy.ServiceEmpty: "shared", policy.RegisterEmpty: "shared",
	policy.FileClosed: "closed-file", policy.FileArchived: "archived-file",
	policy.NobodyKnown: "file", policy.NotThere: "file", policy.TooMany: "search",
	policy.NotForPurpose: "rights", policy.Overwrites: "rights", policy.NotHabilitated: "rights", policy.RoleReadsNothing: "rights", policy.NotReviewed: "rights", policy.NotTrained: "training",
	policy.Suspended: "suspended", policy.Closed: "closed", policy.NetworkClosed: "network", policy.OnlyRead: "only-read", policy.Expelled: "expelled",
	policy.NotToBeChanged: "rights", policy.OnlyTheirs: "rights",
	policy.NotDeclared: "unread", policy.NotUnderstood: "unread", policy.UndeclaredMethod: "unread", policy.UndeclaredParameter: "unread",
	policy.UndeclaredField: "unread", policy.ValueNotListed: "unread", policy.UndeclaredBody: "unread", policy.UndeclaredAnswer: "unread", policy.RequestUnreadable: "unread",
	policy.Unnamed: "unread",
}

// classOf is "unread" for a ground we do not know: nothing was passed on.
func classOf(why policy.Why) string {
	if class, ok := classes[why]; ok {
		return class
	}
	return "unread"
}

// passes reports whether waiting opens the way: a person lifts a freeze, and an exact
// identity a doubt.
func passes(why policy.Why) bool {
	class := classOf(why)
	return class != "freeze" && class != "canary" && why != policy.Doubted
}

// Refused says why nothing was shown, when it may be, what opens the way, and the
// receipt's number.
func (s Stops) Refused(w http.ResponseWriter, r *http.Request, refusal Refusal) {
	class, service := classOf(refusal.Ruling.Why), s.pages.service(refusal.Service)
	shown := stoppedPage{
		Page: s.pages.page(r, Viewer{}, "stopped.title-"+class), Refusal: refusal,
		Class: class, Service: service.Name, Told: Tell(refusal.Message, languageOf(r)),
		Sentence: languageOf(r).Sentence(refusal.Ruling),
		Short:    refusal.Ruling.Why == policy.ShortEmpty,
		Again:    !refusal.Ruling.Again.IsZero() && passes(refusal.Ruling.Why),
		Ask:      askOf(refusal.Ruling), Return: cameFrom(r), Search: service.Search,
	}
	if refusal.Programme && shown.Ask == askStepUp {
		say := s.pages.speakers[languageOf(r)].Say
		shown.Ask, shown.Title, shown.Sentence = askSlow, say("stopped.title-slow"), say("stopped.slow", "counted", refusal.Ruling.Counted.People(), "limit", refusal.Ruling.Limit.People())
		if shown.Again {
			w.Header().Set("Retry-After", refusal.Ruling.Again.UTC().Format(http.TimeFormat))
		}
	}
	if !readsPages(r) || shown.Ask == askSlow {
		s.problem(w, r, problem{
			Title: shown.Title, Status: http.StatusForbidden, Detail: shown.Sentence,
			Receipt: fmt.Sprint(refusal.Receipt), Ask: shown.wayOn(),
		})
		return
	}
	s.pages.show(w, r, http.StatusForbidden, "stopped.html", shown)
}

// cameFrom is the page to come back to: the one they asked for or,
// when they sent a form, the one that the form was on.
func cameFrom(r *http.Request) string {
	if reads(r) {
		return r.URL.RequestURI()
	}
	if from, err := url.Parse(r.Referer()); err == nil && from.Host == r.Host {
		return from.RequestURI()
	}
	return "/"
}

// wayOn tells a script what would open the way.
func (p stoppedPage) wayOn() *wayOn {
	switch p.Ask {
	case askStepUp:
		return &wayOn{Kind: p.Ask, Method: http.MethodPost, Address: signin.StepUpPath}
	case askIdentity:
		return &wayOn{Kind: p.Ask, Method: http.MethodGet, Address: p.Search}
	case askSlow:
		way := &wayOn{Kind: p.Ask}
		if p.Again {
			way.Until = p.Ruling.Again.UTC()
		}
		return way
	case askCosign:
		return &wayOn{Kind: p.Ask}
	}
	return nil
}

// SignIn asks for a sign-in when a session is missing or over. A page that
// was only asked for is asked for again afterwards.
func (s Stops) SignIn(w http.ResponseWriter, r *http.Request, err error) {
	if !fault.Is(err, fault.Anonymous) {
		s.Failed(w, r, fault.KindOf(err), policy.Granted)
		return
	}
	ended, over := errors.AsType[*signin.Ended](err)
	odd := over && (ended.Why == signin.Doubled || ended.Why == signin.Moved || ended.Why == signin.Copied)
	switch {
	case errors.Is(err, signin.ErrUnproven):
		s.prove(w, r)
	case errors.Is(err, signin.ErrLocked) && readsPages(r) && reads(r):
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Location", signin.UnlockPath+"?return="+url.QueryEscape(r.URL.RequestURI()))
		w.WriteHeader(http.StatusSeeOther)
	case errors.Is(err, signin.ErrLocked) && readsPages(r):
		s.pages.show(w, r, http.StatusUnauthorized, "ended.html", endedPage{Page: s.pages.page(r, Viewer{}, "ended.title-locked"), Locked: true, Begin: signin.UnlockPath})
	case !readsPages(r):
		begun := s.pages.page(r, Viewer{}, "ended.title")
		s.problem(w, r, problem{Title: begun.Title, Status: http.StatusUnauthorized, Detail: s.pages.speakers[begun.Lang].Say("ended.plain")})
	case reads(r) && !odd:
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Location", begin(r.URL.RequestURI()))
		w.WriteHeader(http.StatusSeeOther)
	default:
		begun := s.pages.page(r, Viewer{}, "ended.title")
		s.pages.show(w, r, http.StatusUnauthorized, "ended.html", endedPage{Page: begun, Odd: odd, Begin: begin(begun.Here)})
	}
}

// prove has the browser prove that its session is its own, before what it asked for. What a
// form sent is sent again afterwards, if it is a form of texts; otherwise the person sends it
// again, which then works.
func (s Stops) prove(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	switch {
	case !readsPages(r):
		begun := s.pages.page(r, Viewer{}, "bound.title")
		s.problem(w, r, problem{Title: begun.Title, Status: http.StatusUnauthorized, Detail: s.pages.speakers[begun.Lang].Say("bound.lead")})
	case reads(r):
		w.Header().Set("Location", signin.ProofPath+"?return="+url.QueryEscape(r.URL.RequestURI()))
		w.WriteHeader(http.StatusSeeOther)
	default:
		shown := provePage{Page: s.pages.page(r, Viewer{}, "bound.title"), Bound: true, To: r.URL.RequestURI(), Begin: begin("/"), Lost: true}
		r.Body = http.MaxBytesReader(w, r.Body, resent)
		kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if kind == "application/x-www-form-urlencoded" && r.ParseForm() == nil {
			shown.Sends, shown.Lost = true, false
			for _, name := range slices.Sorted(maps.Keys(r.PostForm)) {
				for _, value := range r.PostForm[name] {
					shown.Fields = append(shown.Fields, signin.Field{Name: name, Value: value})
				}
			}
		}
		s.pages.show(w, r, http.StatusUnauthorized, "prove.html", shown)
	}
}

// resent is how much of a form is sent again.
const resent = 256 << 10

type endedPage struct {
	Page
	Odd    bool // the session was seen in two browsers
	Locked bool // it waits for a passkey
	Begin  string
}

// begin is where signing in starts, on the way to a page.
func begin(to string) string { return signin.BeginPath + "?return=" + url.QueryEscape(to) }

type failedPage struct {
	Page
	Sentence string
	Kept     bool // what was saved before is, and nothing else
	Here     bool // it failed in Poterne itself, where something may have been written already
}

// statuses is what each kind of fault is over HTTP.
var statuses = map[fault.Kind]int{
	fault.Invalid: http.StatusBadRequest, fault.Anonymous: http.StatusUnauthorized, fault.Refused: http.StatusForbidden,
	fault.Absent: http.StatusNotFound, fault.Unavailable: http.StatusServiceUnavailable, fault.Broken: http.StatusBadGateway,
}

// Failed says that something did not work, and that nothing was passed on. Why is
// the application's failure; when it is none, ours is told by its kind.
func (s Stops) Failed(w http.ResponseWriter, r *http.Request, kind fault.Kind, why policy.Why) {
	shown := failedPage{Sentence: s.failing(r, kind), Kept: reads(r) || why == policy.Granted || why == policy.OtherSite}
	if why != policy.Granted {
		shown.Sentence = languageOf(r).Sentence(policy.Ruling{Verdict: policy.Refused, Why: why})
	}
	s.failed(w, r, statuses[kind], shown)
}

// Broke says that a request failed here, and nowhere behind the gate.
func (s Stops) Broke(w http.ResponseWriter, r *http.Request) {
	s.failed(w, r, http.StatusInternalServerError, failedPage{Sentence: s.failing(r, fault.Broken), Here: true})
}

// failing is what failed here, in the asker's language.
func (s Stops) failing(r *http.Request, kind fault.Kind) string {
	return s.pages.speakers[languageOf(r)].Say("failed." + kind.String())
}

func (s Stops) failed(w http.ResponseWriter, r *http.Request, status int, shown failedPage) {
	shown.Page = s.pages.page(r, Viewer{}, "failed.title")
	if !readsPages(r) {
		s.problem(w, r, problem{Title: shown.Title, Status: status, Detail: shown.Sentence})
		return
	}
	s.pages.show(w, r, status, "failed.html", shown)
}

// reads reports whether r changes nothing.
func reads(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// readsPages reports whether an answer to r is read by a person.
func readsPages(r *http.Request) bool {
	return strings.Contains(strings.Join(r.Header.Values("Accept"), ","), "text/html")
}

// problem is what a script is told, as RFC 9457 has it.
type problem struct {
	Title   string `json:"title"`
	Status  int    `json:"status"`
	Detail  string `json:"detail"`
	Receipt string `json:"receipt,omitempty"`
	Ask     *wayOn `json:"ask,omitempty"`
}

// wayOn is what the person before the script can do: be sent to an address, or
// give the receipt's number to those who may sign for it. A programme can wait.
type wayOn struct {
	Kind    ask       `json:"kind"`
	Method  string    `json:"method,omitempty"`
	Address string    `json:"address,omitempty"`
	Until   time.Time `json:"until,omitzero"` // not before; zero: it is not known
}

func (s Stops) problem(w http.ResponseWriter, r *http.Request, p problem) {
	s.pages.protect(w)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Content-Language", string(languageOf(r)))
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the script may have left
}
