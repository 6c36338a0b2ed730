// Package httpgate is the gate's door for HTTP: a reverse proxy in front of any
// application, by host name or by path prefix.
//
// What it promises:
//
//   - Nothing of an application's answer goes out before it was collected whole,
//     read, decided and written down. What is not declared, or not understood, is
//     refused, and the refusal is written too. Only of a large file that passes unread
//     is the beginning decided and written alone: nothing in it would be looked at.
//     Of a stream of events, each event is collected, read, decided and written by itself; so is
//     each message of a WebSocket, whoever sends it.
//   - A request that changes something is written down before it is forwarded,
//     and a request about somebody whom the asker may not open is not forwarded.
//   - Whoever a request names is decided, counted and written with whatever goes
//     out, be it an empty list, a redirection or no body at all; or nothing does.
//   - The application is sent exactly the address that was matched, and nothing of
//     Poterne's: not its session, not a header that somebody else made up.
//   - Of the application's answer, only the declared body and a short list of
//     headers go out; its error pages never do.
//   - An order stops a response under way.
package httpgate

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/gate/asked"
	"poterne/internal/gate/assert"
	"poterne/internal/gate/budget"
	"poterne/internal/gate/content"
	"poterne/internal/gate/lines"
	"poterne/internal/gate/network"
	"poterne/internal/gate/socket"
	"poterne/internal/gate/trail"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/signin"
	"poterne/internal/trace"
)

// What a service may be sent and answer, unless it says otherwise.
const (
	LargestAnswer  = 8 << 20
	LargestRequest = 1 << 20
	AnswerTime     = 30 * time.Second
)

// Reading is what the responses that are being read at any moment may take, unless
// something else is said.
const Reading = 256 << 20

// Service is an application behind the gate. It has a Host or a Prefix. Services
// under one host share one origin: a page of one can then ask for pages of
// another in the agent's name, so applications that do not trust each other
// belong under hosts of their own.
type Service struct {
	ID         roster.ServiceID
	Name       string
	Host       string   // "kairos.example", with its port if it has one
	Prefix     string   // "/kairos"; the application is asked without it
	Upstream   *url.URL // scheme and host
	Routes     []Route
	Headers    []string            // request headers the application may have besides the usual ones, such as X-CSRF-Token
	Cookies    []string            // names of the cookies the application may set and get back
	Sources    []string            // hosts its content security policy may name
	Largest    int64               // bytes of a response, decoded; LargestAnswer when 0
	Downloads  int64               // bytes of a file that passes unread: a larger one than Largest goes out as it comes, once it is decided; Largest when 0
	Uploads    int64               // bytes of a request; LargestRequest when 0
	Timeout    time.Duration       // for a response to be whole, or for each portion of one that goes out as it comes; AnswerTime when 0
	Learn      roster.Purpose      // it is asked, for this purpose, for what nobody declared, so that it can be: what its answers look like is noted, and nothing of them goes out; not asked when empty
	Categories register.Categories // of fields
	Reuse      bool                // a connection carries more than one request, all of one account: only for an application that never sends a byte too many
}

// Kind is what a route's answers are.
type Kind string

// The kinds of routes.
const (
	People Kind = "people" // answers that may show people: read, decided, written, cut
	Page   Kind = "page"   // answers that speak of nobody: read for their declared parts
	Static Kind = "static" // style sheets, fonts, images, scripts: passed on by content type
)

// Route is one kind of request that a service answers. What is not declared is
// refused: the address, the method, a parameter, a content type.
type Route struct {
	Methods []string // GET when empty; HEAD comes with GET
	Path    string   // without the prefix: "/files/{dossier}", exactly that. Static and Page may have all below one: "/assets/{path...}"
	Kind    Kind
	Purpose roster.Purpose
	Request []Naming        // where the request names people
	Query   []string        // other parameters the address may carry
	Form    []string        // other fields a form may carry
	Files   []File          // files that a form may carry
	Reads   bool            // it changes nothing, though it is asked by POST: a search with a body
	Invalid *Invalid        // what the application says of a request that it finds wrong
	Total   string          // the header that says how many rows there are on all pages of a list
	Links   bool            // the header Link leads to other pages of a list
	Leads   []Value         // what a redirection here may say besides what was asked
	Only    []Choice        // the only values that a parameter of the address, a field of a form or a member of a JSON body may have
	Members []string        // other members a JSON body may carry, JSONPaths of names and [*]; or elements and attributes of XML, as /list/person/@id
	Written []Writing       // fields and members that each write a category
	Partial bool            // the application leaves alone what is not sent, so that only what is counts as written
	Takes   []string        // content types of bodies that pass unread; neither forms nor JSON, and only where no body is read
	Writes  register.Fields // what a request that changes something touches, whatever it carries
	Shows   register.Fields // what every response tells of whom the request names, beyond what its rows show; it cannot be masked
	Answers []Answer
	Search  *Search       // it finds people by what is known of them
	Export  bool          // its answer, a table, is kept: off without a permit, then capped and watermarked
	Unread  []string      // content types whose bodies pass unread: on Static, on Page, with Header, or about whom the request names with Shows
	Header  *HeaderNaming // the application itself says who is in its response

	Waits  time.Duration // for a response to be whole, where the application answers when something happens (long polling); the service's Timeout when 0
	Events *Events       // its answer is a stream of server-sent events, which goes out event by event
	Socket *Socket       // it is a WebSocket, which goes message by message both ways

	Operation  string             // of SOAP: the name of the one element in the body, which tells routes of one address apart; of GraphQL: what the ledger calls it, its own name when empty; of GET: what the ledger calls it, where a parameter tells routes of one address apart
	Document   string             // of GraphQL: the one operation that is asked for, with its fragments, which tells routes of one address apart
	Namespaces content.Namespaces // that its XML may use, asked and answered, besides the usual ones
}

// Value is what may stand in a part of an address that names nobody, a wildcard or a
// parameter. The pattern is a regular expression for all of it.
type Value struct{ Name, Pattern string }

// Choice is what a parameter of the address, a field of a form or a member of a JSON body may be.
type Choice struct {
	Name  string
	Texts []string // regular expressions, of which one fits all of a text
	Exact []string // of a member, numbers, true and false, as JSON writes them
}

// File is a field of a form in which a browser sends a file. It passes unread.
type File struct {
	Name  string
	Types []string // its content types
}

// Invalid is how an application's own words about a request that it finds wrong are
// read. They go out decided and written like any answer.
type Invalid struct {
	Status  []int // of 400, 409, 412 and 422
	Answers []Answer
}

// mayBeInvalid are the statuses that speak of the request. Those that speak of whom it
// names, such as 404, are the gate's to say.
var mayBeInvalid = []int{http.StatusBadRequest, http.StatusConflict, http.StatusPreconditionFailed, http.StatusUnprocessableEntity}

// Search makes a route one that finds people by what is known of them. Its rows
// cost less than files do, there are few of them, and who sweeps it is noticed.
type Search struct {
	Most  int      // rows a response may have; one with more is refused whole
	Name  []string // parameters, form fields or members of a JSON body with the name that is looked for
	Birth string   // the one with the birth date
}

// MostFound is how many rows any search may have.
const MostFound = 25

// Naming says where a request names a person, and in which scheme. A change must
// name somebody by each, but for those that are optional, and by one at least.
type Naming struct {
	In       Place
	Name     string // of the wildcard, parameter, field or header; a JSONPath in JSON
	Scheme   string
	Template string // what is around the identifier in a query, a form or JSON, such as Patient/{id}; nothing when empty
	Optional bool
}

// Writing is what a field of a form or a member of a JSON body changes. Where the
// application takes what is not sent for empty, a form must have the field, unless it
// is optional: a box that is not ticked is not sent.
type Writing struct {
	Name     string // of the field; a JSONPath in JSON
	Field    register.Fields
	Optional bool
}

// Place is a part of a request.
type Place string

// The parts of a request where people are named.
const (
	InPath   Place = "path"
	InQuery  Place = "query"
	InForm   Place = "form"
	InJSON   Place = "json"
	InXML    Place = "xml"
	InHeader Place = "header"
)

// Answer is how answers of one content type are read.
type Answer struct {
	Type     string         // content type; the usual one of Layout's format when empty
	Layout   content.Layout // where people and their fields are
	Charset  string         // of an answer that does not say; UTF-8 when empty
	About    bool           // it is about the people in it as a whole: all are shown, or it is refused; otherwise it is a list
	Download string         // name it is saved under, in place of the application's; empty if it is looked at
}

// HeaderNaming is the promise of an application that co-operates: every response
// carries a header that names the people in it and their fields, such as
//
//	Poterne-People: dossier=4711; fields=name+birth, dossier=4712; fields=name
//
// or "nobody". Values are percent-encoded. The body then passes unread, all of it
// or nothing. Trusting the header is trusting the application not to forget
// anybody: prefer Answers where the response can be read.
type HeaderNaming struct {
	Name       string
	Schemes    []string
	Categories register.Categories // by whose ids it says what is shown
}

// Events is how a stream of server-sent events is read: each event by itself. It is decided
// and written before it goes out.
type Events struct {
	ID string // regular expression for all of the id of an event, and so of Last-Event-ID; events have none when empty
	Of []Event
}

// Event is one type of events.
type Event struct {
	Name   string         // content.MessageEvent for events that name none
	Layout content.Layout // of its data, which is JSON; with nothing in it, the event goes out without data
	About  bool           // as of an Answer: who may not be shown ends the stream; otherwise an event shows as much as it may, as a list does
}

// Socket is how a WebSocket is read: each message by itself, as JSON, with or without something before it. It is decided and written
// before it goes on to the other side.
type Socket struct {
	Origins   []string // of pages that may open it besides the service's own, such as https://other.example
	Protocols []string // subprotocols that may be spoken
	Codes     []int    // of 3000 to 4999, by which a side may close it so that the other is told
	Words     []string // messages that are exactly this text, and say nothing: a heartbeat. They go both ways
	Prefixes  []string // what stands before the JSON of a message, word for word: part of its type, as in "42 moved", or all of it where it says no other
	Type      []string // members by which messages are told apart, such as $.type, or $[0] and $[1]; none when there is one message each way
	Polling   bool     // a page may ask and say the same by requests, as Engine.IO does before it opens a WebSocket
	Numbered  []socket.Numbered
	Sends     []Event // messages of the application, by their type
	Takes     []Message
}

// Message is one type of messages that a page may send to the application. What it names and
// writes is said as of a request. One that writes is a change.
type Message struct {
	Name    string   // its type; any when there is one only
	Request []Naming // InJSON
	Members []string
	Written []Writing
	Partial bool
	Writes  register.Fields
	Reads   bool            // it changes nothing
	Shows   register.Fields // what the application tells, from then on, of whom it names
	Answer  *Answer         // how its answer is read, where it is numbered: its Layout, which is of JSON, and About. An answer in which nothing is declared is an empty list
}

// Gate decides and writes down; *gate.Gate does.
type Gate interface {
	Enter(ctx context.Context, use order.Use) (under context.Context, leave func())
	Check(ctx context.Context, ask policy.Ask) (policy.Decision, error)
	Commit(ctx context.Context, ask policy.Ask) (gate.Passage, error)
}

// Directory finds the person behind each reference; *gate.Directory does.
type Directory interface {
	People(ctx context.Context, refs []register.Ref) ([]register.PersonID, error)
}

// Pages speaks to whoever asked, in their language. Each method writes a whole
// answer, status included, as a page or as JSON.
type Pages interface {
	// Refused says why nothing is shown.
	Refused(w http.ResponseWriter, r *http.Request, refusal Refusal)
	// SignIn sends somebody who is not signed in to sign in.
	SignIn(w http.ResponseWriter, r *http.Request, err error)
	// Failed says that the application or the gate could not answer, and that
	// nothing was passed on. Why is the application's failure; Granted when the
	// gate itself could not.
	Failed(w http.ResponseWriter, r *http.Request, kind fault.Kind, why policy.Why)
}

// Refusal is a refusal that was written down.
type Refusal struct {
	Service roster.ServiceID
	Route   string
	Ruling  policy.Ruling
	Receipt ledger.Number
	Session signin.Session
	Use     order.Use // as orders reach it
}

// Outcome is what became of a request, for counting.
type Outcome string

// Every outcome there is.
const (
	Shown     Outcome = "shown"     // all that was declared went out
	Cut       Outcome = "cut"       // people or fields were cut out of what went out
	Plain     Outcome = "plain"     // what went out speaks of nobody
	Refused   Outcome = "refused"   // the refusal was written
	Failed    Outcome = "failed"    // the application or the gate could not answer
	Anonymous Outcome = "anonymous" // nobody was signed in
	Aborted   Outcome = "aborted"   // an order stopped it while it went out
)

// Passed is what may be told of a request by whoever counts them. Nothing of it comes from the
// request.
type Passed struct {
	Service roster.ServiceID
	Route   string // as it is declared: GET /files/{dossier}
	Outcome Outcome
	Took    time.Duration // until the first byte of what goes out message by message
	Trace   string        // the trace's name; empty when there is none
	Receipt ledger.Number // the first entry of what was written last; 0 when nothing was
}

// Deps is what the proxy works with. All are needed but those that say
// what they are otherwise.
type Deps struct {
	Gate       Gate
	Directory  Directory
	Schemes    register.Schemes // how people are named
	Who        func(http.ResponseWriter, *http.Request) (signin.Session, error)
	Pages      Pages
	Assertions *assert.Signer
	Canaries   register.Canaries // who exists for Poterne only; nobody when zero
	Networks   network.Map
	Shapes     Shapes        // keeps what undeclared requests look like; nothing is kept when nil
	Reading    int64         // bytes that the responses being read at any moment may take; Reading when 0
	Insecure   bool          // browsers reach us by http: only for a demonstration on this very machine
	Traces     *trace.Tracer // none are begun when nil
	Observe    func(context.Context, Passed)
	Expel      func(context.Context, roster.AccountID) error // ends an account's sessions; nobody's when nil
	Still      func(context.Context, signin.Session) error   // nil while a session goes on, for what lasts; each does when nil
	Leaving    <-chan struct{}                               // closed when what would never end by itself is to end
	Log        *slog.Logger                                  // nothing is logged when nil
	Now        func() time.Time                              // time.Now when nil
	Even       func(context.Context, time.Duration)          // holds a refusal that took so long so far, so that the clock does not tell whom it is about; a wait to the next 20 ms when nil
}

// Proxy passes requests on to applications, and hands over of their responses what
// may be shown.
type Proxy struct {
	Deps
	services []*service
	origins  *http.CrossOriginProtection
	trails   *trail.Memory
	lines    *lines.Lines
	reading  *budget.Budget
	turns    turns
	flows    flows
	late     time.Duration

	questions *asked.Memory[question] // that pages asked by numbered messages
}

// New checks every service and is ready to serve. All complaints come at once.
func New(services []Service, d Deps) (*Proxy, error) {
	if d.Reading == 0 {
		d.Reading = Reading
	}
	var wrong fault.Complaints
	if d.Gate == nil || d.Directory == nil || d.Who == nil || d.Pages == nil || d.Assertions == nil {
		wrong.Add("", "httpgate: a gate, a directory, who is asking, pages and assertions are all needed")
	}
	compiled, err := compile(services, d.Schemes, d.Reading)
	if wrong.In("", err); len(wrong) > 0 {
		return nil, wrong
	}
	if d.Observe == nil {
		d.Observe = func(context.Context, Passed) {}
	}
	if d.Expel == nil {
		d.Expel = func(context.Context, roster.AccountID) error { return nil }
	}
	if d.Still == nil {
		d.Still = func(context.Context, signin.Session) error { return nil }
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Even == nil {
		d.Even = gate.Even
	}
	p := &Proxy{Deps: d, services: compiled, origins: http.NewCrossOriginProtection(), trails: trail.New(), lines: lines.New(), flows: newFlows(), late: lateAnswer, questions: asked.New[question](d.Now)}
	p.reading = budget.New(d.Reading)
	p.turns = newTurns()
	return p, nil
}

// Follow goes on from what another proxy, which this one takes over from, has noticed of each
// account. It MUST be called before anything is served.
func (p *Proxy) Follow(before *Proxy) { p.trails = before.trails }

// Trail is what the proxy remembers of each account's last requests, for another door.
func (p *Proxy) Trail() *trail.Memory { return p.trails }

// notice returns the signs of a request that was read, and remembers it.
func (p *Proxy) notice(account roster.AccountID, q *request) meter.Signs {
	if q.route.Kind != People || q.polls() && len(q.refs) == 0 { // a poll is no list that is turned over
		return 0
	}
	asked := trail.Asked{Route: q.route.name, Refs: q.refs, Named: q.named}
	for _, one := range q.pairs() {
		asked.Pairs = append(asked.Pairs, trail.Pair{Name: one.Name, Value: one.Value})
	}
	if search := q.route.Search; search != nil {
		asked.Search, asked.Name, asked.Birth = true, search.Name, search.Birth
	}
	return p.trails.Asks(account, asked)
}

// Close ends the connections to applications that wait to be used again.
func (p *Proxy) Close() {
	p.lines.Close()
}

// Serves reports whether a request is for one of the services.
func (p *Proxy) Serves(r *http.Request) bool {
	_, ok := p.serviceOf(r)
	return ok
}

// ServeHTTP takes one request through the gate.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	service, ok := p.serviceOf(r)
	if !ok {
		http.NotFound(w, r)
		return
	}
	asked := r.Context()
	var x *exchange
	started, passed := p.Now(), Passed{Service: service.ID, Outcome: Aborted} // unless it comes to a good end
	defer func() {
		passed.Took = p.Now().Sub(started)
		if x != nil && !x.flowing.IsZero() {
			passed.Took = x.flowing.Sub(started)
		}
		p.Observe(asked, passed)
	}()
	ctx, span := p.Traces.Begin(r.Context(), "passage")
	if span != nil {
		r = r.WithContext(ctx)
		passed.Trace = span.TraceID()
		span.Set(trace.Service, string(service.ID))
		defer func() {
			span.Set(trace.Outcome, string(passed.Outcome))
			span.End()
		}()
	}
	if r.URL.EscapedPath() == service.Prefix && service.Prefix != "" {
		http.Redirect(w, r, service.Prefix+"/", http.StatusTemporaryRedirect)
		passed.Outcome = Plain
		return
	}
	x = &exchange{proxy: p, service: service, w: w, r: r, began: started, arrived: time.Now()}
	defer func() { // also of what an order broke off
		passed.Receipt = x.receipt
		if x.request.method != "" { // it was looked for
			passed.Route = x.request.routeName()
			span.Set(trace.Route, passed.Route)
		}
	}()
	passed.Outcome = x.serve()
}
