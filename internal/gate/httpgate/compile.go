package httpgate

import (
	"cmp"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"poterne/internal/fault"
	"poterne/internal/gate/content"
	"poterne/internal/register"
)

// service is a Service that was found to be right.
type service struct {
	Service
	mux      *http.ServeMux // its handlers are *route
	declared []*route
	cookie   string // what the names of its cookies begin with

	keptBack sync.Once // said of a cookie that is not declared
}

// route is a Route for one of its methods.
type route struct {
	Route
	place    int    // among the routes of its service
	name     string // "GET /files/{dossier}", as it is written down
	method   string
	pattern  string // as ServeMux has it
	wild     []wildcard
	query    map[string]string // every allowed parameter, and the scheme of those that name people
	form     map[string]string
	around   map[string]string // what is around the identifier in parameters and fields
	files    map[string][]string
	document *content.Document          // of GraphQL; nil if it is for none
	json     *content.Request           // nil if no JSON body is taken
	xml      *content.XMLRequest        // nil if no XML body is
	others   []*route                   // other operations at its address; only of the one that is found
	written  map[string]register.Fields // by each field of a form
	mayLack  map[string]bool            // of these fields, those that a browser leaves out when they are not chosen
	fields   register.Fields            // that everything it takes can write
	answers  map[string]*reader
	invalid  map[string]*reader        // of what the application says of a request that it finds wrong
	leads    map[string]*regexp.Regexp // what a redirection may say in a part of the address
	events   map[string]*messageReader // by type; nil when its answers are not a stream
	eventID  *regexp.Regexp            // nil when events have no ids
	socket   *sockets                  // nil when it is none
	answer   *messageReader            // of a message that is numbered; nil when it is not
	only     map[string]*regexp.Regexp // the values that a parameter or a field may have
	schemes  register.Schemes
}

// ServeHTTP makes a route a handler that ServeMux can find. It is never called.
func (*route) ServeHTTP(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }

// wildcard is a part of a path that names people.
type wildcard struct {
	segment int
	scheme  string
}

// reader reads the answers of one content type.
type reader struct {
	Answer
	*content.Reader
}

// namesSomebody reports whether requests of the route say whom they are about.
func (t *route) namesSomebody() bool { return len(t.Request) > 0 }

var (
	serviceIDs = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
	prefixes   = regexp.MustCompile(`^(/[A-Za-z0-9_-]+)+$`)
	hosts      = regexp.MustCompile(`^[a-z0-9.\[\]:-]+$`)
	methods    = []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
)

// Check says everything that is wrong with services, as fault.Complaints about their
// parts. Reading is how many bytes the answers being read at any moment may take; the
// usual bound when 0.
func Check(services []Service, schemes register.Schemes, reading int64) error {
	_, err := compile(services, schemes, cmp.Or(reading, Reading))
	return err
}

// compile checks all services.
func compile(services []Service, schemes register.Schemes, reading int64) ([]*service, error) {
	var wrong fault.Complaints
	var compiled []*service
	for i, s := range services {
		at := fmt.Sprintf("service[%d]", i)
		for _, other := range services[:i] {
			if other.ID == s.ID {
				wrong.Add(at+".id", "there are two of the name %s", s.ID)
			}
			if other.Host == s.Host && other.Prefix == s.Prefix {
				wrong.Add(at, "it has the same address as service %s", other.ID)
			}
		}
		one, err := compileService(s, schemes, reading)
		wrong.In(at, err)
		compiled = append(compiled, one)
	}
	ownCookies(compiled)
	return compiled, wrong.Err()
}

// ownCookies lets a service that has a host name to itself keep its cookies' names:
// scripts look for them. Ports do not keep cookies apart.
func ownCookies(all []*service) {
	name := func(s *service) string {
		host, _, err := net.SplitHostPort(s.Host)
		if err != nil {
			return s.Host
		}
		return host
	}
	for i, s := range all {
		shared := slices.ContainsFunc(all[:i], func(other *service) bool { return name(other) == name(s) }) ||
			slices.ContainsFunc(all[i+1:], func(other *service) bool { return name(other) == name(s) })
		if s.Host != "" && !shared {
			s.cookie = ""
		}
	}
}

func compileService(s Service, schemes register.Schemes, reading int64) (*service, error) {
	var c fault.Complaints
	if !serviceIDs.MatchString(string(s.ID)) {
		c.Add("id", "write small letters, digits and hyphens")
	}
	s.Host = strings.ToLower(s.Host)
	switch {
	case (s.Host == "") == (s.Prefix == ""):
		c.Add("", "it has either a host or a prefix")
	case s.Prefix != "" && (!prefixes.MatchString(s.Prefix) || strings.HasPrefix(s.Prefix+"/", "/.poterne/")):
		c.Add("prefix", "%q is not one; write it as /dossier", s.Prefix)
	case s.Host != "" && !hosts.MatchString(s.Host):
		c.Add("host", "%q is not a host name", s.Host)
	}
	if u := s.Upstream; u == nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || *u != (url.URL{Scheme: u.Scheme, Host: u.Host}) {
		c.Add("upstream", "write a scheme and a host only, such as http://127.0.0.1:3000")
	}
	for _, name := range s.Cookies {
		if strings.HasPrefix(name, "__Host-") || strings.HasPrefix(name, "__Secure-") || strings.HasPrefix(name, "svc-") {
			c.Add("cookies", "%q begins as the gate's own do; have the application call it otherwise", name)
		}
	}
	if s.Uploads > largestUploads {
		c.Add("uploads", "a request is held whole while it is read; write %d at most", largestUploads)
	}
	if s.Uploads == 0 {
		s.Uploads = LargestRequest
	}
	if s.Largest < 0 || s.Downloads < 0 || s.Timeout < 0 || s.Uploads < 0 {
		c.Add("", "a limit is negative")
	}
	if s.Largest == 0 {
		s.Largest = LargestAnswer
	}
	if s.Timeout == 0 {
		s.Timeout = AnswerTime
	}
	if s.Downloads != 0 && s.Downloads <= s.Largest {
		c.Add("downloads", "files of up to largest = %d bytes pass without it; write more, or leave it out", s.Largest)
	}
	s.Headers = slices.Clone(s.Headers)
	for i, name := range s.Headers {
		s.Headers[i] = textproto.CanonicalMIMEHeaderKey(name)
		if ours(s.Headers[i]) {
			c.Add("headers", "%s is never passed on", name)
		}
	}
	if len(s.Routes) == 0 && s.Learn == "" {
		c.Add("route", "no route is declared, so nothing could go out")
	}
	compiled := &service{Service: s, mux: http.NewServeMux(), cookie: "svc-" + string(s.ID) + "."}
	for i, r := range s.Routes {
		r.Answers = under(s.Prefix, r.Answers)
		if r.Invalid != nil {
			r.Invalid = &Invalid{r.Invalid.Status, under(s.Prefix, r.Invalid.Answers)}
		}
		c.In(fmt.Sprintf("route[%d]", i), compiled.compileRoute(r, i, schemes))
	}
	compiled.checkForms(&c)
	if needs := compiled.needs(); needs > reading {
		c.Add("largest", "its largest answer takes %d bytes while it is read, and never fits in reading = %d; raise that, or lower largest", needs, reading)
	}
	return compiled, c.Err()
}

// largestUploads bounds what one request may take.
const largestUploads = 64 << 20

// under says of pages below which path browsers see them.
func under(prefix string, answers []Answer) []Answer {
	answers = slices.Clone(answers)
	for i := range answers {
		if answers[i].Layout.Format == content.HTML {
			answers[i].Layout.Under = prefix
		}
	}
	return answers
}

// methods are those that a route is declared for. Who polls says what it has to say by POST.
func (r Route) methods() []string {
	all := r.Methods
	if len(all) == 0 {
		all = []string{http.MethodGet}
	}
	if r.Socket != nil && r.Socket.Polling && !slices.Contains(all, http.MethodPost) {
		all = append(slices.Clip(all), http.MethodPost)
	}
	return all
}

// called is what the ledger calls a route when it is asked by a method.
func (r Route) called(method string) string {
	name := method + " " + strings.TrimSuffix(r.Path, "{$}")
	if operation := r.operation(); operation != "" {
		name += " " + operation
	}
	return name
}

// operation is what the ledger calls the operation that a route is for.
func (r Route) operation() string {
	if r.Operation != "" || r.Document == "" {
		return r.Operation
	}
	document, err := content.CompileDocument(r.Document)
	if err != nil {
		return ""
	}
	return document.Name
}

// Names are what the ledger calls a route, by each of its methods.
func (r Route) Names() (names []string) {
	for _, method := range r.methods() {
		names = append(names, r.called(method))
	}
	return names
}

// compileRoute declares a route for each of its methods.
func (s *service) compileRoute(r Route, i int, schemes register.Schemes) error {
	var c fault.Complaints
	r.Path, r.Methods = strings.TrimSuffix(r.Path, "{$}"), r.methods() // an address is exact without it
	for _, method := range r.Methods {
		t := &route{Route: r, place: i, name: r.called(method), method: method, schemes: schemes}
		t.Reads = t.Reads || method == http.MethodPost && r.Socket != nil // what is said is decided message by message
		c.In("", t.compile())
		if !slices.Contains(methods, method) {
			c.Add("methods", "%q cannot be declared; write any of %v", method, methods)
		} else if err := s.declare(t); err != nil {
			c.Add("path", "%v", err)
		}
	}
	var once fault.Complaints // of what its methods share
	for _, one := range c {
		if !slices.Contains(once, one) {
			once = append(once, one)
		}
	}
	return once.Err()
}

// declare adds a route, unless it cannot be told from another one.
func (s *service) declare(t *route) error {
	pattern, err := patternOf(t.Path)
	if err != nil {
		return err
	}
	if t.Kind == People && t.Subtree() {
		return errors.New("all below an address can only be pages that speak of nobody, or static; declare each address that shows people")
	}
	for _, other := range s.declared {
		if other.pattern == t.method+" "+pattern && other.besides(t) {
			if slices.ContainsFunc(slices.Concat(other.others, []*route{other}), t.same) {
				return fmt.Errorf("%s is declared twice", t.name)
			}
			t.pattern = other.pattern
			other.others = append(other.others, t)
			s.declared = append(s.declared, t)
			return nil
		}
		if one, free := t.freely(other); free {
			return fmt.Errorf("%s would take any document of GraphQL, at the address of those that are declared; leave query out", one.name)
		}
		if !apart(other.pattern, t.method+" "+pattern) {
			if other.pattern == t.method+" "+pattern && t.method == http.MethodGet {
				return fmt.Errorf("%s is declared twice; where a parameter tells the two apart, write for each what the ledger calls it, such as operation = \"one\"", t.name)
			}
			if other.pattern == t.method+" "+pattern {
				return fmt.Errorf("%s is declared twice", t.name)
			}
			return fmt.Errorf("%s and %s can mean the same address, and neither is the narrower one; write them so that no address is both", t.name, other.name)
		}
	}
	t.pattern = t.method + " " + pattern
	s.declared = append(s.declared, t)
	s.mux.Handle(t.pattern, t)
	return nil
}

// besides reports whether two routes of one address are told apart by what their body asks for, or
// their parameters.
func (t *route) besides(other *route) bool {
	if t.document != nil || other.document != nil {
		return t.document != nil && other.document != nil
	}
	return t.Operation != "" && other.Operation != ""
}

// same reports whether two operations of one address cannot be told apart, there or in the ledger.
func (t *route) same(other *route) bool {
	return t.name == other.name || t.document != nil && t.document.Same(other.document)
}

// apart reports whether ServeMux can tell two patterns from each other. It panics
// if it cannot, and says where in the source.
func apart(one, other string) (can bool) {
	defer func() { can = recover() == nil }()
	mux := http.NewServeMux()
	mux.Handle(one, http.NotFoundHandler())
	mux.Handle(other, http.NotFoundHandler())
	return true
}

var wildcards = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// patternOf is what ServeMux calls a path. A path is exactly one address, whether
// it ends in a slash or not; all below one is written out: /assets/{path...}.
func patternOf(path string) (string, error) {
	if !strings.HasPrefix(path, "/") {
		return "", errors.New("it begins with a slash, without method or host")
	}
	var names []string
	segments := strings.Split(path[1:], "/")
	for i, segment := range segments {
		last := i == len(segments)-1
		name, opens := strings.CutPrefix(segment, "{")
		name, closes := strings.CutSuffix(name, "}")
		name, all := strings.CutSuffix(name, "...")
		switch {
		case segment == "" && last:
		case segment == "":
			return "", errors.New("it has an empty part: //")
		case segment == "." || segment == "..":
			return "", fmt.Errorf("it has the part %s, which no browser sends", segment)
		case opens != closes || !opens && strings.ContainsAny(segment, "{}") || strings.ContainsAny(segment, " ?#%;\\"):
			return "", fmt.Errorf("%q is no part of a path; write what the address has, without escapes, or a name in braces for a part of its own: {number}", segment)
		case opens && (!wildcards.MatchString(name) || slices.Contains(names, name)):
			return "", fmt.Errorf("%q: between the braces stands a name of its own, of letters, digits and _", segment)
		case opens && all && !last:
			return "", fmt.Errorf("%q means all below an address, and comes last", segment)
		case opens:
			names = append(names, name)
		}
	}
	if segments[len(segments)-1] == "" {
		path += "{$}"
	}
	return path, nil
}

// Broad reports whether the route passes on more than anybody can have looked at:
// all there is, or whatever pages lie below an address.
func (r Route) Broad() bool {
	return r.Subtree() && (r.Kind == Page || strings.HasPrefix(r.Path, "/{"))
}

// Subtree reports whether the route is all below an address.
func (r Route) Subtree() bool { return strings.HasSuffix(r.Path, "...}") }

// compile prepares to judge requests and to read answers.
func (t *route) compile() error {
	var c fault.Complaints
	t.query, t.form = allowed(t.Query), allowed(t.Form)
	t.compileDocument(&c)
	if t.Purpose == "" {
		c.Add("purpose", "say what it is used for")
	}
	if !register.AllFields.Has(t.Shows) {
		c.Add("shows", "there are categories nobody knows")
	}
	t.compileRequest(&c)
	t.compileLeads(&c)
	t.compileAnswers(&c)
	t.compileEvents(&c)
	t.compileSocket(&c)
	t.checkWaits(&c)
	t.checkInvalid(&c)
	t.checkReads(&c)
	t.checkPages(&c)
	t.checkSchemes(&c)
	switch t.Kind {
	case Static:
		if len(t.Request) > 0 || len(t.Answers) > 0 || t.Invalid != nil || t.Header != nil || !slices.Equal(t.Methods, []string{"GET"}) {
			c.Add("", "a static route is asked by GET and speaks of nobody; leave out request, answers and header")
		}
		if len(t.Unread) == 0 {
			c.Add("unread", "declare the content types of what is static, such as text/css")
		}
		for _, media := range t.Unread {
			if !harmless(media) {
				c.Add("unread", "%q is not a style sheet, a font, an image or a script", media)
			}
		}
	case Page:
		if len(t.Request) > 0 || t.Header != nil || slices.ContainsFunc(t.all(), func(a Answer) bool { return len(a.Layout.People) > 0 }) {
			c.Add("", "a page speaks of nobody; declare a route of people")
		}
		if len(t.Unread) > 0 && (strings.Contains(t.Path, "{") || len(t.query) > 0) {
			c.Add("unread", "what passes unread may be about whomever the address names: say with request where it names a person, and with shows what the file tells of them")
		}
	case People:
		if t.Header == nil && len(t.Unread) > 0 && (!t.namesSomebody() || t.Shows == 0) {
			c.Add("unread", "an answer about people is read, unless its header names them, or the request does and shows says what it tells of them")
		}
		t.checkNaming(&c)
		if t.Header != nil && (len(t.Answers) > 0 || len(t.Unread) == 0) {
			c.Add("header", "say which content types pass unread, and leave out answers")
		}
	default:
		c.Add("kind", "%q is not one; write %q, %q or %q", t.Kind, People, Page, Static)
	}
	if h := t.Header; h != nil && (h.Name == "" || len(h.Schemes) == 0) {
		c.Add("header", "say its name, and which schemes it names people in")
	}
	t.checkSearch(&c)
	t.checkExport(&c)
	return c.Err()
}

// checkNaming complains about answers that would tell something of whom the
// request names without saying what: they would be written as if nothing had been.
func (t *route) checkNaming(c *fault.Complaints) {
	if !t.namesSomebody() {
		if t.Shows != 0 {
			c.Add("shows", "it is about whom the request names; declare request, or leave it out")
		}
		return
	}
	plain := slices.IndexFunc(t.all(), func(a Answer) bool { return len(a.Layout.People) == 0 })
	switch {
	case plain < 0 || t.Shows != 0 || !t.onlyReads() && t.fields != 0:
	case t.onlyReads():
		c.Add(fmt.Sprintf("answers[%d]", plain), "the request names somebody, and the answer is plain: say with shows which categories it tells of them, or declare their row, person and fields")
	default:
		c.Add(fmt.Sprintf("answers[%d]", plain), "the request names somebody, and the answer is plain: say with writes which categories the change touches, or with shows which the answer tells of them")
	}
}

// all is every answer, those about a request that was wrong and what goes out message by message included.
func (t *route) all() []Answer {
	all := t.Answers
	if t.Invalid != nil {
		all = slices.Concat(all, t.Invalid.Answers)
	}
	for _, e := range t.messages() {
		all = append(slices.Clip(all), Answer{Layout: e.Layout, About: e.About})
	}
	return all
}

// onlyReads reports whether the route's requests change nothing.
func (t *route) onlyReads() bool { return t.method == http.MethodGet || t.Reads }

// checkReads complains about a reading that would write.
func (t *route) checkReads(c *fault.Complaints) {
	if !t.Reads || t.document != nil {
		return
	}
	if t.method != http.MethodPost {
		c.Add("reads", "it is said of a POST that changes nothing, such as a search with a body; GET needs no word, and %s changes something", t.method)
	}
	if t.fields != 0 || t.Partial || len(t.Files) > 0 || len(t.Takes) > 0 {
		c.Add("reads", "it changes nothing: leave out writes, written, partial, files and takes, or leave out reads")
	}
}

// checkInvalid complains about answers to requests that are wrong.
func (t *route) checkInvalid(c *fault.Complaints) {
	if t.Invalid == nil {
		return
	}
	if len(t.Invalid.Status) == 0 || len(t.Invalid.Answers) == 0 {
		c.Add("invalid", "say for which status, and how the answer is read: invalid = { status = [422], json = { plain = \"$.errors[*].message\" } }")
	}
	for _, status := range t.Invalid.Status {
		if !slices.Contains(mayBeInvalid, status) {
			c.Add("invalid.status", "%d is not said of a request that is wrong; write any of %v. What is not there or not allowed, the gate says itself", status, mayBeInvalid)
		}
	}
}

// checkPages complains about headers of a list where there is none.
func (t *route) checkPages(c *fault.Complaints) {
	if t.Total == "" && !t.Links {
		return
	}
	if !slices.ContainsFunc(t.Answers, func(a Answer) bool { return !a.About }) {
		c.Add("total", "total and links are of lists; declare the rows of one")
	}
	if t.Search != nil && t.Total != "" {
		c.Add("total", "a search would tell by its total of people whom it does not show; leave it out")
	}
	if t.Total != "" && !totals.MatchString(t.Total) {
		c.Add("total", "%q is not the name of a header such as X-Total-Count", t.Total)
	}
}

var totals = regexp.MustCompile(`^X-[A-Za-z-]+$`)

// checkExport complains about an export that could not be marked, or that something
// else than its permit would decide about.
func (t *route) checkExport(c *fault.Complaints) {
	if !t.Export {
		return
	}
	noTable := func(a Answer) bool {
		return a.Layout.Format != content.CSV && a.Layout.Format != content.XLSX || a.About
	}
	if t.Kind != People || len(t.Answers) == 0 || slices.ContainsFunc(t.Answers, noTable) {
		c.Add("export", "an export is CSV or XLSX: declare a list of people in it, and no other answer")
	}
	if !slices.Equal(t.Methods, []string{http.MethodGet}) || t.Search != nil {
		c.Add("export", "an export is asked by GET, and is no search")
	}
}

// checkSearch complains about a search that could not be one.
func (t *route) checkSearch(c *fault.Complaints) {
	s := t.Search
	if s == nil {
		return
	}
	if t.Kind != People || !slices.ContainsFunc(t.Answers, func(a Answer) bool { return !a.About }) {
		c.Add("search", "a search answers with a list of people; declare the rows of one")
	}
	if s.Most < 1 || s.Most > MostFound {
		c.Add("search.most", "write how many rows an answer may have, 1 to %d", MostFound)
	}
	for _, name := range slices.Concat(s.Name, []string{s.Birth}) {
		_, inQuery := t.query[name]
		_, inForm := t.form[name]
		inJSON := slices.Contains(t.Members, name) || slices.ContainsFunc(t.Request, func(n Naming) bool { return (n.In == InJSON || n.In == InXML) && n.Name == name })
		if name != "" && !inQuery && !inForm && !inJSON {
			c.Add("search", "%q is neither a parameter, nor a field of the form, nor a member of the JSON", name)
		}
	}
	if (len(s.Name) == 0) != (s.Birth == "") {
		c.Add("search", "say where the name is and where the birth date is, or neither")
	}
}

func allowed(names []string) map[string]string {
	set := make(map[string]string, len(names))
	for _, name := range names {
		set[name] = ""
	}
	return set
}

// checkSchemes wants every scheme that the route uses to have a form: without one,
// somebody could be named so that the application sees somebody else.
func (t *route) checkSchemes(c *fault.Complaints) {
	var used []string
	for _, n := range t.Request {
		used = append(used, n.Scheme)
	}
	for _, a := range t.all() {
		for _, group := range a.Layout.People {
			for _, n := range group.Person {
				used = append(used, n.Scheme)
			}
		}
	}
	if t.Header != nil {
		used = append(used, t.Header.Schemes...)
	}
	slices.Sort(used)
	for _, scheme := range slices.Compact(used) {
		if scheme != "" && !t.schemes.Knows(scheme) {
			c.Add("scheme", "how %s identifiers are written is not declared; write [register.schemes.%s] with their pattern, such as pattern = \"[0-9]{8}\"", scheme, scheme)
		}
	}
}

func (t *route) compileRequest(c *fault.Complaints) {
	var inJSON, inXML []content.Member
	t.written, t.mayLack = make(map[string]register.Fields), make(map[string]bool)
	t.around, t.files = make(map[string]string), make(map[string][]string)
	t.fields = t.Writes
	required := len(t.Request) == 0
	for i, n := range t.Request {
		at := fmt.Sprintf("request[%d]", i)
		if n.Name == "" || n.Scheme == "" {
			c.Add(at, "say where it names somebody, and in which scheme")
		}
		required = required || !n.Optional
		if err := content.CheckTemplate(n.Template); err != nil {
			c.Add(at, "%v", err)
		}
		if n.Template != "" && n.In != InJSON && n.In != InXML {
			if t.around[n.Name] = n.Template; n.In != InQuery && n.In != InForm {
				c.Add(at, "in a %s an identifier stands alone; leave out what follows as", n.In)
			}
		}
		switch n.In {
		case InPath:
			segment := slices.Index(strings.Split(t.Path[min(1, len(t.Path)):], "/"), "{"+n.Name+"}")
			if segment < 0 {
				c.Add(at, "the path has no {%s}", n.Name)
			}
			t.wild = append(t.wild, wildcard{segment, n.Scheme})
		case InQuery:
			t.query[n.Name] = n.Scheme
		case InForm:
			t.form[n.Name] = n.Scheme
		case InJSON:
			inJSON = append(inJSON, content.Member{Path: n.Name, Scheme: n.Scheme, Template: n.Template, Optional: n.Optional})
		case InXML:
			inXML = append(inXML, content.Member{Path: n.Name, Scheme: n.Scheme, Template: n.Template, Optional: n.Optional})
		case InHeader:
			if ours(textproto.CanonicalMIMEHeaderKey(n.Name)) {
				c.Add(at, "%s is never passed on", n.Name)
			}
		default:
			c.Add(at+".in", "%q is not a part of a request; write path, query, form, json, xml or header", n.In)
		}
	}
	if !required {
		c.Add("optional", "then a change could name nobody; one place at least must name somebody")
	}
	for _, path := range t.Members {
		if strings.HasPrefix(path, "/") {
			inXML = append(inXML, content.Member{Path: path})
			continue
		}
		inJSON = append(inJSON, content.Member{Path: path})
	}
	for _, w := range t.Written {
		t.fields |= w.Field
		if strings.HasPrefix(w.Name, "/") {
			inXML = append(inXML, content.Member{Path: w.Name, Writes: w.Field})
			continue
		}
		if strings.HasPrefix(w.Name, "$") {
			inJSON = append(inJSON, content.Member{Path: w.Name, Writes: w.Field})
			continue
		}
		if t.form[w.Name] != "" {
			c.Add("written", "%q names somebody; what it writes stands in writes", w.Name)
			continue
		}
		t.form[w.Name] = ""
		t.written[w.Name] |= w.Field
		t.mayLack[w.Name] = w.Optional
	}
	for _, f := range t.Files {
		if _, field := t.form[f.Name]; field || t.files[f.Name] != nil {
			c.Add("files", "%q is declared twice", f.Name)
		}
		if len(f.Types) == 0 || slices.ContainsFunc(f.Types, func(media string) bool { return !isMedia(media) }) {
			c.Add("files", "%q: list the content types of its files, such as image/jpeg", f.Name)
		}
		t.files[f.Name] = f.Types
	}
	if !register.AllFields.Has(t.fields) {
		c.Add("writes", "there are categories nobody knows")
	}
	if (len(t.form) > 0 || len(t.files) > 0 || len(inJSON)+len(inXML) > 0) && len(t.Takes) > 0 {
		c.Add("takes", "a body that is read cannot pass unread as well")
	}
	for _, media := range t.Takes {
		switch {
		case !isMedia(media):
			c.Add("takes", "%q is not a content type", media)
		case media == formMedia || media == multipartMedia:
			c.Add("takes", "a form is read; list its fields under form, and its files under files")
		case media == "application/json" || strings.HasSuffix(media, "+json"):
			c.Add("takes", "JSON is read; list what it holds under members, such as members = [\"$.text\"]")
		case isXML(media):
			c.Add("takes", "XML is read; list what it holds under members, such as members = [\"/note/text\"]")
		}
	}
	t.compileOnly(c, inJSON)
	var err error
	if len(inJSON) > 0 {
		t.json, err = content.CompileRequest(inJSON)
		c.In("request", err)
	}
	if len(inXML) > 0 {
		t.xml, err = content.CompileXMLRequest(inXML, t.Namespaces)
		c.In("request", err)
	}
	t.checkOverrides(c)
	t.checkOperation(c)
	t.checkDocument(c)
}

// overrides are the names under which frameworks take another method than the request's
// from its address or its form: Rails, Laravel and Symfony from the first.
var overrides = []string{"_method", "_httpmethod", "x-http-method", "x-http-method-override", "x-method-override"}

// compileOnly reads which values parameters, fields and members of a JSON body may have.
func (t *route) compileOnly(c *fault.Complaints, inJSON []content.Member) {
	t.only = make(map[string]*regexp.Regexp, len(t.Only))
	for _, v := range t.Only {
		_, asked := t.query[v.Name]
		_, sent := t.form[v.Name]
		member := slices.IndexFunc(inJSON, func(m content.Member) bool { return m.Path == v.Name })
		if !asked && !sent && member < 0 {
			c.Add("only", "%q is neither a parameter nor a field, nor a member of JSON that is listed, written as it is there", v.Name)
		}
		if len(v.Texts)+len(v.Exact) == 0 {
			c.Add("only", "%q is given no value; list those that it may have", v.Name)
		}
		if (asked || sent) && len(v.Exact) > 0 {
			c.Add("only", "%q is a text wherever it comes; write its values between quotation marks", v.Name)
		}
		texts := anyText(c, v.Texts)
		if asked || sent {
			t.only[v.Name] = texts
		}
		if member >= 0 {
			inJSON[member].Only = &content.Only{Texts: texts, Exact: v.Exact}
		}
	}
}

// anyText is what one of the patterns fits as a whole; nil where there is none, or one is wrong.
func anyText(c *fault.Complaints, patterns []string) *regexp.Regexp {
	var whole []string
	for _, pattern := range patterns {
		if _, err := regexp.Compile(pattern); err != nil {
			c.Add("only", "%q is not a regular expression", pattern)
			continue
		}
		whole = append(whole, `(?:`+pattern+`)`)
	}
	if len(whole) == 0 {
		return nil
	}
	all, err := regexp.Compile(`^(?:` + strings.Join(whole, "|") + `)$`)
	if err != nil { // each fits, and all of them are too large
		c.Add("only", "there are too many patterns, or they are too large together")
	}
	return all
}

// checkOverrides wants what replaces the method to be bounded: a deletion would pass as what the
// route was declared for. A body that carries methods and addresses of its own is not declared:
// whom those name, nobody decides.
func (t *route) checkOverrides(c *fault.Complaints) {
	for where, names := range map[string]map[string]string{"query": t.query, "form": t.form} {
		for name := range names {
			if slices.Contains(overrides, strings.ToLower(name)) && t.only[name] == nil {
				c.Add(where, "an application may take %q for the method, and delete where it should save; say which values it may have, such as only = { %s = \"patch\" }", name, name)
			}
		}
	}
	if t.json == nil {
		return
	}
	for _, name := range t.json.Names() {
		if slices.Contains(overrides, strings.ToLower(name)) {
			c.Add("members", "an application may take %q for the method; leave it out, under request and written too, or say which values it may have, such as only = { \"$.%s\" = \"patch\" }", name, name)
		}
		if name == "atomic:operations" {
			c.Add("members", "%q are changes with addresses of their own, whom nobody decides; leave it out", name)
		}
	}
	if slices.ContainsFunc(t.Members, func(path string) bool { return strings.HasPrefix(path, "$.entry[*].request.") }) {
		c.Add("members", "a bundle's entries are changes with addresses of their own, whom nobody decides; leave them out")
	}
}

// compileLeads reads what a redirection may say in parts of the address.
func (t *route) compileLeads(c *fault.Complaints) {
	t.leads = make(map[string]*regexp.Regexp, len(t.Leads))
	for _, v := range t.Leads {
		_, asked := t.query[v.Name]
		if !asked && !strings.Contains(t.Path, "{"+v.Name+"}") && !strings.Contains(t.Path, "{"+v.Name+"...}") {
			c.Add("redirect", "%q is neither a part of the path nor a parameter", v.Name)
		}
		pattern, err := regexp.Compile(`^(?:` + v.Pattern + `)$`)
		if err != nil {
			c.Add("redirect", "%q is not a regular expression", v.Pattern)
			continue
		}
		t.leads[v.Name] = pattern
	}
}

const (
	xlsxMedia      = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	jsonMedia      = "application/json"
	formMedia      = "application/x-www-form-urlencoded"
	multipartMedia = "multipart/form-data"
)

func (t *route) compileAnswers(c *fault.Complaints) {
	t.answers = t.compileReaders(c, "answers", t.Answers)
	if t.Invalid != nil {
		t.invalid = t.compileReaders(c, "invalid", t.Invalid.Answers)
	}
	if t.Kind != Static && len(t.Answers) == 0 && len(t.Unread) == 0 && t.Events == nil && t.Socket == nil {
		c.Add("", "no answer is declared, so nothing could go out")
	}
	for _, media := range t.Unread {
		switch {
		case !isMedia(media):
			c.Add("unread", "%q is not a content type", media)
		case media == eventsMedia:
			c.Add("unread", "a stream of events is read, event by event: declare events")
		}
	}
}

// compileReaders prepares to read answers, each by its content type.
func (t *route) compileReaders(c *fault.Complaints, where string, answers []Answer) map[string]*reader {
	readers := make(map[string]*reader)
	for i, a := range answers {
		at := fmt.Sprintf("%s[%d]", where, i)
		if a.Type == "" {
			a.Type = usual[a.Layout.Format]
		}
		if a.Type != "" && !fits(a.Type, a.Layout.Format) {
			c.Add(at+".type", "%q is not a content type of %s", a.Type, a.Layout.Format)
		}
		if readers[a.Type] != nil {
			c.Add(at+".type", "%s is declared twice", a.Type)
		}
		if strings.ContainsFunc(a.Download, func(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune(`"\/%`, r) }) {
			c.Add(at+".download", "%q is not a plain file name", a.Download)
		}
		if t.Export && a.Layout.Declares(watermark) {
			c.Add(at, "export: the column %s is the watermark's; leave it out", watermark)
		}
		if !slices.Contains(charsets, a.Charset) {
			c.Add(at+".charset", "%q is not one that is read; write one of %q", a.Charset, charsets[1:])
		}
		if a.Charset != "" && a.Layout.Format == content.XLSX {
			c.Add(at+".charset", "a workbook says its own; leave it out")
		}
		if a.Layout.Format == content.XML {
			a.Layout.Namespaces, a.Layout.Charset = t.Namespaces, a.Charset
		}
		compiled, err := content.Compile(a.Layout)
		c.In(at, err)
		readers[a.Type] = &reader{a, compiled}
	}
	return readers
}

var usual = map[content.Format]string{content.JSON: jsonMedia, content.NDJSON: "application/x-ndjson", content.HTML: "text/html", content.CSV: "text/csv", content.XLSX: xlsxMedia, content.XML: "application/xml"}

// fits keeps a browser from reading an answer as something else than we did.
func fits(media string, format content.Format) bool {
	switch format {
	case content.JSON:
		return media == "application/json" || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")
	case content.NDJSON:
		return media == "application/x-ndjson" || media == "application/ndjson" || media == "application/jsonl"
	case content.XML:
		return isXML(media)
	case content.CSV:
		return media == "text/csv" || media == "application/csv"
	default:
		return media == usual[format]
	}
}

// isXML reports whether a content type is of XML that no browser shows as a page.
func isXML(media string) bool {
	return media == "text/xml" || media == "application/xml" || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+xml") && media != "application/xhtml+xml"
}

func isMedia(media string) bool {
	parsed, parameters, err := mime.ParseMediaType(media)
	return err == nil && parsed == media && len(parameters) == 0 && strings.Contains(media, "/")
}

// harmless reports whether a content type is of what pages are made with, not of
// what they say.
func harmless(media string) bool {
	switch media {
	case "text/css", "text/javascript", "application/javascript":
		return true
	default:
		return strings.HasPrefix(media, "font/") || strings.HasPrefix(media, "image/")
	}
}
