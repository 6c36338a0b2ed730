package config

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"poterne/internal/gate/content"
	"poterne/internal/gate/httpgate"
	"poterne/internal/gate/pggate"
	"poterne/internal/gate/socket"
	"poterne/internal/i18n"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// serviceTable is an application to guard, by a path prefix or a host name of its
// own. Its routes are everything it can be asked. Services under one host share
// one origin: applications that do not trust each other get hosts of their own.
type serviceTable struct {
	ID        string        `toml:"id" need:"id = \"dossier\""`
	Name      string        `toml:"name"` // as people know it; the id when left out
	Prefix    string        `toml:"prefix"`
	Host      string        `toml:"host"`
	Upstream  string        `toml:"upstream" need:"upstream = \"http://127.0.0.1:3000\", where the application listens; nobody else may reach it"`
	About     wordsTable    `toml:"about"`     // what it is for, in a sentence
	Purpose   string        `toml:"purpose"`   // of routes that name none
	Headers   []string      `toml:"headers"`   // request headers it may have besides the usual ones
	Cookies   []string      `toml:"cookies"`   // names of the cookies that the application may set
	Sources   []string      `toml:"sources"`   // hosts that its content security policy may name
	Largest   int64         `toml:"largest"`   // bytes of an answer; 8 MiB
	Downloads int64         `toml:"downloads"` // bytes of a file that passes unread: beyond largest it goes out as it comes; as largest
	Uploads   int64         `toml:"uploads"`   // bytes of a request; 1 MiB
	Timeout   time.Duration `toml:"timeout"`   // for an answer to be whole; 30s
	Reuse     bool          `toml:"reuse"`     // connections carry more than one request, all of one account
	Learn     string        `toml:"learn"`     // purpose for which it is asked for what nobody declared, to note what its answers look like
	Route     []routeTable  `toml:"route"`
}

// wordsTable is a sentence in both languages.
type wordsTable struct {
	French  string `toml:"fr"`
	English string `toml:"en"`
}

func (w wordsTable) said() map[i18n.Language]string {
	return map[i18n.Language]string{i18n.French: w.French, i18n.English: w.English}
}

// routeTable is one kind of request. It is written get = "/files/{dossier}", or
// with methods and path.
type routeTable struct {
	Get      string                          `toml:"get"`
	Post     string                          `toml:"post"`
	Methods  []string                        `toml:"methods"`
	Path     string                          `toml:"path"`
	Purpose  string                          `toml:"purpose"`
	Request  map[string]map[string]oneOrMore `toml:"request"`  // path, query, form, json, xml or header; scheme; where. A change must name somebody by each
	Optional []string                        `toml:"optional"` // those of them, and fields of a form under written, that a change may leave out
	Query    []string                        `toml:"query"`    // other parameters
	Form     []string                        `toml:"form"`     // other fields
	Files    map[string]oneOrMore            `toml:"files"`    // fields in which files are sent; their content types
	Reads    bool                            `toml:"reads"`    // a POST that changes nothing
	Invalid  *invalidTable                   `toml:"invalid"`  // what the application says of a request that is wrong
	Total    string                          `toml:"total"`    // header that says how many rows a list has on all pages
	Links    bool                            `toml:"links"`    // the header Link leads to other pages
	Leads    map[string]string               `toml:"redirect"` // what a redirection here may say besides what was asked: part of the path or parameter, regular expression
	Only     map[string]choice               `toml:"only"`     // the only values of a parameter, a field or a member of JSON: its name or path, regular expressions for texts, numbers and truth values of JSON
	Members  []string                        `toml:"members"`  // other members of a JSON body
	Takes    []string                        `toml:"takes"`    // content types of bodies that pass unread; neither forms nor JSON
	Writes   []string                        `toml:"writes"`   // categories that a change touches, whatever it carries
	Written  map[string]oneOrMore            `toml:"written"`  // category; the fields and members that change it
	Partial  bool                            `toml:"partial"`  // the application leaves alone what a change does not carry
	Shows    []string                        `toml:"shows"`    // categories that plain or unread answers tell of whom the request names
	JSON     *answerTable                    `toml:"json"`
	NDJSON   *answerTable                    `toml:"ndjson"`
	HTML     *answerTable                    `toml:"html"`
	CSV      *answerTable                    `toml:"csv"`
	XLSX     *answerTable                    `toml:"xlsx"`
	XML      *answerTable                    `toml:"xml"`
	Search   *searchTable                    `toml:"search"`
	Export   bool                            `toml:"export"` // CSV or XLSX that is kept: off without a permit, then capped and watermarked
	Static   []string                        `toml:"static"` // content types of style sheets, fonts, images, scripts
	Unread   []string                        `toml:"unread"` // content types that pass unread: a deliberate choice
	Header   *headerTable                    `toml:"header"`
	Waits    time.Duration                   `toml:"waits"`     // for an answer that comes when something happens; as timeout
	Events   *eventsTable                    `toml:"events"`    // its answer is a stream of server-sent events
	Socket   *socketTable                    `toml:"websocket"` // it is a WebSocket, message by message

	Operation  string            `toml:"operation"`  // of SOAP: the one element in the body, which tells routes of one address apart; of GraphQL: what the ledger calls it, its own name when left out; of GET: what the ledger calls it, where a parameter tells routes of one address apart
	Document   string            `toml:"document"`   // of GraphQL: the one operation that is asked for, to the word, which tells routes of one address apart
	Namespaces map[string]string `toml:"namespaces"` // of XML, by the prefixes that paths use
}

// invalidTable says how an application's words about a wrong request are read.
type invalidTable struct {
	Status []int64      `toml:"status" need:"status = [422]"` // of 400, 409, 412, 422
	JSON   *answerTable `toml:"json"`
	HTML   *answerTable `toml:"html"`
	XML    *answerTable `toml:"xml"`
}

// eventsTable says how a stream of events is read: each event by itself, as JSON.
type eventsTable struct {
	ID string                 `toml:"id"` // regular expression for ids of events, which name nobody; they have none when left out
	Of map[string]answerTable `toml:"of"` // by type: message for events that name none. One in which nothing is declared goes out without its data
}

func (e *eventsTable) compile(wrong *document, known register.Categories, path string) *httpgate.Events {
	if e == nil {
		return nil
	}
	return &httpgate.Events{ID: e.ID, Of: messages(e.Of, wrong, known, path+".of")}
}

// messages are what an application sends message by message, by their types.
func messages(tables map[string]answerTable, wrong *document, known register.Categories, path string) (all []httpgate.Event) {
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		table := tables[name]
		answer := table.message(wrong, known, path+"."+name)
		all = append(all, httpgate.Event{Name: name, Layout: answer.Layout, About: answer.About})
	}
	return all
}

// message is how one message is read, which is JSON.
func (a *answerTable) message(wrong *document, known register.Categories, path string) httpgate.Answer {
	answer := a.compile(wrong, known, path, content.JSON)
	if answer.Type != "" || answer.Charset != "" || answer.Download != "" {
		wrong.Add(path, "a message has no type, charset or download of its own; leave them out")
	}
	return answer
}

// socketTable says how a WebSocket is read: each message by itself, as JSON.
type socketTable struct {
	Origins   []string               `toml:"origins"`   // of pages that may open it besides the service's own
	Protocols []string               `toml:"protocols"` // subprotocols that may be spoken
	Codes     []int64                `toml:"codes"`     // of 3001 to 4999, by which a side may close it so that the other is told
	Words     []string               `toml:"words"`     // messages that are exactly this text, and say nothing; both ways
	Prefixes  []string               `toml:"prefixes"`  // what stands before the JSON of a message, word for word; it is part of its type
	Polling   bool                   `toml:"polling"`   // a page may ask and say the same by requests, as socket.io does
	Numbered  map[string]string      `toml:"numbered"`  // what stands before the number under which a page asks; what stands before it in the answer
	Type      oneOrMore              `toml:"type"`      // members by which messages are told apart: $.type or $[0]; none when there is one each way
	Sends     map[string]answerTable `toml:"sends"`     // messages of the application, by their type
	Takes     map[string]takenTable  `toml:"takes"`     // messages of the page, by their type
}

// takenTable is what a page may say. What names somebody, and what is written, is said as of a request.
type takenTable struct {
	Request  map[string]oneOrMore `toml:"request"`  // scheme; members that name somebody
	Optional []string             `toml:"optional"` // those of them that a message may leave out
	Members  []string             `toml:"members"`  // other members
	Written  map[string]oneOrMore `toml:"written"`  // category; the members that change it
	Partial  bool                 `toml:"partial"`  // the application leaves alone what is not sent
	Writes   []string             `toml:"writes"`   // categories that it changes, whatever it carries
	Reads    bool                 `toml:"reads"`    // it changes nothing; without it, a message is a change
	Shows    []string             `toml:"shows"`    // categories that the application tells, from then on, of whom it names
	Answer   *answerTable         `toml:"answer"`   // of a message that is numbered
}

func (w *socketTable) compile(wrong *document, known register.Categories, path string) *httpgate.Socket {
	if w == nil {
		return nil
	}
	s := &httpgate.Socket{Origins: w.Origins, Protocols: w.Protocols, Words: w.Words, Prefixes: w.Prefixes, Polling: w.Polling, Type: w.Type, Sends: messages(w.Sends, wrong, known, path+".sends")}
	for _, asks := range slices.Sorted(maps.Keys(w.Numbered)) {
		s.Numbered = append(s.Numbered, socket.Numbered{Asks: asks, Answers: w.Numbered[asks]})
	}
	for _, code := range w.Codes {
		s.Codes = append(s.Codes, int(code))
	}
	for _, name := range slices.Sorted(maps.Keys(w.Takes)) {
		taken, at := w.Takes[name], path+".takes."+name
		m := httpgate.Message{
			Name: name, Members: taken.Members, Partial: taken.Partial, Reads: taken.Reads,
			Writes: categories(wrong, known, at+".writes", taken.Writes), Shows: categories(wrong, known, at+".shows", taken.Shows),
		}
		if taken.Answer != nil {
			m.Answer = new(taken.Answer.message(wrong, known, at+".answer"))
		}
		for _, scheme := range slices.Sorted(maps.Keys(taken.Request)) {
			for _, place := range taken.Request[scheme] {
				member, template := templateOf(place)
				m.Request = append(m.Request, httpgate.Naming{In: httpgate.InJSON, Name: member, Scheme: scheme, Template: template, Optional: slices.Contains(taken.Optional, member)})
			}
		}
		for i, name := range taken.Optional {
			if !slices.ContainsFunc(m.Request, func(n httpgate.Naming) bool { return n.Name == name }) {
				wrong.Add(index(at+".optional", i), "%q is no member by which request names somebody", name)
			}
		}
		for _, category := range slices.Sorted(maps.Keys(taken.Written)) {
			field, err := known.Parse(category)
			if err != nil {
				wrong.Add(at+".written."+category, "%v", err)
			}
			for _, where := range taken.Written[category] {
				m.Written = append(m.Written, httpgate.Writing{Name: where, Field: field})
			}
		}
		s.Takes = append(s.Takes, m)
	}
	return s
}

// searchTable makes a route a search: for one known person, with few rows. Who
// sweeps names over a birth date, or the reverse, is noticed if it says where they
// are.
type searchTable struct {
	Most  int64     `toml:"most"`  // rows of an answer; 10. One with more is refused
	Name  oneOrMore `toml:"name"`  // parameters or fields with the name
	Birth string    `toml:"birth"` // the one with the birth date
}

// usualMost is how many rows a search may have that does not say.
const usualMost = 10

// answerTable says where people are in an answer. Paths are JSONPath, CSS
// selectors (with @attribute at the end for an attribute) or columns.
type answerTable struct {
	Row      string               `toml:"row"`      // what stands for one person
	Person   map[string]oneOrMore `toml:"person"`   // scheme; where the row names its person
	Fields   map[string]oneOrMore `toml:"fields"`   // category; where its parts are
	People   []groupTable         `toml:"people"`   // instead of these three, when rows are of several kinds
	Plain    oneOrMore            `toml:"plain"`    // parts that speak of nobody
	Keep     oneOrMore            `toml:"keep"`     // words that may stay around what is declared: classes, ids, JSON names
	About    bool                 `toml:"about"`    // all of it or nothing, not a list
	Fragment bool                 `toml:"fragment"` // HTML that a script puts into a page
	Charset  string               `toml:"charset"`  // of an answer that does not say: windows-1252
	Type     string               `toml:"type"`     // content type, when it is not the usual one
	Comma    string               `toml:"comma"`    // of CSV
	Sheet    string               `toml:"sheet"`    // of XLSX; the only one when left out
	Download string               `toml:"download"`
}

type groupTable struct {
	Row    string               `toml:"row"`
	Person map[string]oneOrMore `toml:"person"`
	Fields map[string]oneOrMore `toml:"fields"`
}

// headerTable trusts an application to name, in a header of its answer, everybody
// who is in it.
type headerTable struct {
	Name    string   `toml:"name" need:"name = \"Poterne-People\""`
	Schemes []string `toml:"schemes" need:"schemes = [\"dossier\"]"`
}

// ownPaths are where a service cannot be: the portal's rooms and the probes.
var ownPaths = []string{"desk", "manager", "healthz", "readyz", ".poterne"}

// services turns the declared services into the gate's, and complains of each
// route on its line.
func (c *config) services(s *Settings, wrong *document) {
	s.About = make(map[roster.ServiceID]map[i18n.Language]string)
	for i, table := range c.Service {
		path := index("service", i)
		service := httpgate.Service{
			ID: roster.ServiceID(table.ID), Categories: s.Rules.Categories, Name: table.Name, Host: table.Host, Prefix: table.Prefix,
			Headers: table.Headers, Cookies: table.Cookies, Sources: table.Sources, Largest: table.Largest, Downloads: table.Downloads, Uploads: table.Uploads, Learn: roster.Purpose(table.Learn), Timeout: table.Timeout, Reuse: table.Reuse,
		}
		if service.Name == "" {
			service.Name = table.ID
		}
		if _, declared := s.Rules.Purposes[service.Learn]; !declared && service.Learn != "" {
			wrong.Add(path+".learn", "no purpose %q is declared; write the name of a [[purpose]]", service.Learn)
		}
		service.Host = atPort(service.Host, s.Origin)
		if upstream, err := url.Parse(table.Upstream); err != nil && table.Upstream != "" {
			wrong.Add(path+".upstream", "not a URL; write one such as http://127.0.0.1:3000")
		} else if table.Upstream != "" {
			service.Upstream = upstream
		}
		for j, route := range table.Route {
			service.Routes = append(service.Routes, route.compile(wrong, index(path+".route", j), table.Purpose, s))
		}
		if first, _, _ := strings.Cut(strings.TrimPrefix(service.Prefix, "/"), "/"); slices.Contains(ownPaths, first) {
			wrong.Add(path+".prefix", "/%s is the portal's own; write another", first)
		}
		if service.Host != "" && strings.HasSuffix(s.Origin, "://"+service.Host) {
			wrong.Add(path+".host", "this is the portal's own; write another, or a prefix")
		}
		if s.People != nil && service.Host != "" && strings.HasSuffix(s.People.Origin, "://"+service.Host) {
			wrong.Add(path+".host", "people of the register see their own file there; write another, or a prefix")
		}
		s.Services = append(s.Services, service)
		s.About[service.ID] = table.About.said()
		if service.Host != "" {
			scheme, _, _ := strings.Cut(s.Origin, "://")
			s.SignIn.Origins = append(s.SignIn.Origins, scheme+"://"+service.Host)
		}
	}
	wrong.object("", httpgate.Check(s.Services, s.Schemes, s.Reading))
}

func (r *routeTable) compile(wrong *document, path, purpose string, s *Settings) httpgate.Route {
	if r.Purpose == "" {
		r.Purpose = purpose
	}
	route := httpgate.Route{
		Methods: r.Methods, Path: r.Path, Purpose: roster.Purpose(r.Purpose), Query: r.Query, Form: r.Form, Members: r.Members, Takes: r.Takes, Partial: r.Partial,
		Unread: r.Unread, Export: r.Export, Writes: categories(wrong, s.Rules.Categories, path+".writes", r.Writes),
		Shows: categories(wrong, s.Rules.Categories, path+".shows", r.Shows), Reads: r.Reads, Total: r.Total, Links: r.Links,
		Operation: r.Operation, Document: r.Document, Namespaces: r.Namespaces, Waits: r.Waits,
	}
	for _, name := range slices.Sorted(maps.Keys(r.Files)) {
		route.Files = append(route.Files, httpgate.File{Name: name, Types: r.Files[name]})
	}
	for _, name := range slices.Sorted(maps.Keys(r.Only)) {
		route.Only = append(route.Only, httpgate.Choice{Name: name, Texts: r.Only[name].texts, Exact: r.Only[name].exact})
	}
	for _, name := range slices.Sorted(maps.Keys(r.Leads)) {
		route.Leads = append(route.Leads, httpgate.Value{Name: name, Pattern: r.Leads[name]})
	}
	r.address(wrong, path, &route)
	if _, declared := s.Rules.Purposes[route.Purpose]; !declared {
		wrong.Add(path+".purpose", "no purpose %q is declared; write a [[purpose]] with this name, or the name of one", r.Purpose)
	}
	for _, in := range slices.Sorted(maps.Keys(r.Request)) {
		for _, scheme := range slices.Sorted(maps.Keys(r.Request[in])) {
			for _, place := range r.Request[in][scheme] {
				name, template := templateOf(place)
				naming := httpgate.Naming{In: httpgate.Place(in), Name: name, Scheme: scheme, Template: template, Optional: slices.Contains(r.Optional, name)}
				route.Request = append(route.Request, naming)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Written)) {
		field, err := s.Rules.Categories.Parse(name)
		if err != nil {
			wrong.Add(path+".written."+name, "%v", err)
		}
		for _, where := range r.Written[name] {
			route.Written = append(route.Written, httpgate.Writing{Name: where, Field: field, Optional: slices.Contains(r.Optional, where)})
		}
	}
	for i, name := range r.Optional {
		named := slices.ContainsFunc(route.Request, func(n httpgate.Naming) bool { return n.Name == name && n.In != httpgate.InPath })
		written := slices.ContainsFunc(route.Written, func(w httpgate.Writing) bool {
			return w.Name == name && !strings.HasPrefix(name, "$") && !strings.HasPrefix(name, "/")
		})
		if !named && !written {
			wrong.Add(index(path+".optional", i), "%q is neither a parameter, field, member or header by which request names somebody, nor a field of a form under written", name)
		}
	}
	route.Answers = answers(wrong, s.Rules.Categories, path, map[content.Format]*answerTable{content.JSON: r.JSON, content.NDJSON: r.NDJSON, content.HTML: r.HTML, content.CSV: r.CSV, content.XLSX: r.XLSX, content.XML: r.XML})
	if r.Invalid != nil {
		route.Invalid = &httpgate.Invalid{Answers: answers(wrong, s.Rules.Categories, path+".invalid", map[content.Format]*answerTable{content.JSON: r.Invalid.JSON, content.HTML: r.Invalid.HTML, content.XML: r.Invalid.XML})}
		for _, status := range r.Invalid.Status {
			route.Invalid.Status = append(route.Invalid.Status, int(status))
		}
	}
	route.Events = r.Events.compile(wrong, s.Rules.Categories, path+".events")
	route.Socket = r.Socket.compile(wrong, s.Rules.Categories, path+".websocket")
	if r.Header != nil {
		route.Header = &httpgate.HeaderNaming{Name: r.Header.Name, Schemes: r.Header.Schemes, Categories: s.Rules.Categories}
	}
	if search := r.Search; search != nil {
		route.Search = &httpgate.Search{Most: int(cmp.Or(search.Most, usualMost)), Name: search.Name, Birth: search.Birth}
	}
	route.Kind = r.kind(route)
	if route.Kind == httpgate.Static {
		route.Unread = append(route.Unread, r.Static...)
	}
	return route
}

// atPort is a host at which browsers find a service: at the port of the origin, unless it
// says another. They name the port in each request.
func atPort(host, origin string) string {
	at, err := url.Parse(origin)
	if host == "" || strings.Contains(host, ":") || err != nil || at.Port() == "" {
		return host
	}
	return net.JoinHostPort(host, at.Port())
}

// answers are those that are declared, in the order of content.Formats.
func answers(wrong *document, known register.Categories, path string, tables map[content.Format]*answerTable) (all []httpgate.Answer) {
	for _, format := range content.Formats {
		if table := tables[format]; table != nil {
			all = append(all, table.compile(wrong, known, path+"."+string(format), format))
		}
	}
	return all
}

// address reads the short forms of methods and path.
func (r *routeTable) address(wrong *document, path string, route *httpgate.Route) {
	forms := 0
	for _, short := range []struct{ method, path string }{{http.MethodGet, r.Get}, {http.MethodPost, r.Post}, {"", r.Path}} {
		if short.path == "" {
			continue
		}
		forms++
		route.Path = short.path
		if short.method != "" {
			route.Methods = []string{short.method}
		}
	}
	if forms != 1 || r.Path == "" && r.Methods != nil {
		wrong.Add(path, "write one address: get = \"/…\", post = \"/…\", or methods and path")
	}
}

// kind goes by what the route declares: what could name somebody is about people.
func (r *routeTable) kind(route httpgate.Route) httpgate.Kind {
	people := func(a httpgate.Answer) bool { return len(a.Layout.People) > 0 }
	switch {
	case len(r.Static) > 0:
		return httpgate.Static
	case len(route.Request) > 0 || route.Header != nil || slices.ContainsFunc(route.Answers, people),
		route.Invalid != nil && slices.ContainsFunc(route.Invalid.Answers, people),
		route.Events != nil && slices.ContainsFunc(route.Events.Of, func(e httpgate.Event) bool { return len(e.Layout.People) > 0 }),
		route.Socket != nil && route.Socket.People():
		return httpgate.People
	default:
		return httpgate.Page
	}
}

func (a *answerTable) compile(wrong *document, known register.Categories, path string, format content.Format) httpgate.Answer {
	layout := content.Layout{Format: format, Fragment: a.Fragment, Sheet: a.Sheet, Plain: a.Plain, Keep: a.Keep}
	groups := a.People
	if a.Row != "" || len(a.Person) > 0 || len(a.Fields) > 0 {
		if len(groups) > 0 {
			wrong.Add(path, "write either row, person and fields, or a list of people that have them")
		}
		groups = []groupTable{{a.Row, a.Person, a.Fields}}
	}
	for _, g := range groups {
		layout.People = append(layout.People, g.compile(wrong, known, path, format))
	}
	if comma := []rune(a.Comma); len(comma) == 1 {
		layout.Comma = comma[0]
	} else if len(comma) > 1 {
		wrong.Add(path+".comma", "not a single character")
	}
	return httpgate.Answer{Type: a.Type, Charset: a.Charset, Layout: layout, About: a.About, Download: a.Download}
}

func (g groupTable) compile(wrong *document, known register.Categories, path string, format content.Format) content.Group {
	group := content.Group{Row: g.Row}
	for _, scheme := range slices.Sorted(maps.Keys(g.Person)) {
		for _, place := range g.Person[scheme] {
			place, template := templateOf(place)
			at, attribute := attributeOf(place, format)
			group.Person = append(group.Person, content.Naming{Scheme: scheme, Path: at, Attribute: attribute, Template: template})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(g.Fields)) {
		field, err := known.Parse(name)
		if err != nil {
			wrong.Add(path+".fields."+name, "%v", err)
			continue
		}
		for _, place := range g.Fields[name] {
			at, attribute := attributeOf(place, format)
			group.Fields = append(group.Fields, content.Part{Field: field, Path: at, Attribute: attribute})
		}
	}
	return group
}

var templateEnd = regexp.MustCompile(`^(.*) as (\S*\{id\}\S*)$`)

// templateOf takes "@.subject.reference as Patient/{id}" apart.
func templateOf(place string) (path, template string) {
	if parts := templateEnd.FindStringSubmatch(place); parts != nil {
		return parts[1], parts[2]
	}
	return place, ""
}

var attributeEnd = regexp.MustCompile(`^(.*)@([A-Za-z][A-Za-z0-9_:-]*)$`)

// attributeOf takes "td.id@data-ref" apart; only HTML has attributes.
func attributeOf(place string, format content.Format) (path, attribute string) {
	if parts := attributeEnd.FindStringSubmatch(place); parts != nil && format == content.HTML {
		return parts[1], parts[2]
	}
	return place, ""
}

// Declares reports whether a service is declared.
func (s *Settings) Declares(id roster.ServiceID) bool {
	if s.SQL != nil && slices.ContainsFunc(s.SQL.Services, func(service pggate.Service) bool { return service.ID == id }) {
		return true
	}
	return slices.ContainsFunc(s.Services, func(service httpgate.Service) bool { return service.ID == id })
}

func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }
