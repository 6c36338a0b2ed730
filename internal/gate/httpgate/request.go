package httpgate

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"poterne/internal/gate/content"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
)

// readRequest matches the request and finds the people it names.
func (g *passage) readRequest() error {
	a, err := readAddress(strings.TrimPrefix(g.r.URL.EscapedPath(), g.service.Prefix), g.r.URL.RawQuery)
	if err != nil {
		return err
	}
	if g.route, err = g.service.find(g.r.Method, a); err != nil {
		return err
	}
	g.address = a
	if g.r.URL.IsAbs() || len(g.r.Header["Upgrade"]) > 0 {
		return unreadable("another protocol is asked for")
	}
	refs, err := g.route.refsIn(a)
	if err != nil {
		return err
	}
	for _, n := range g.route.Request {
		if n.In != InHeader {
			continue
		}
		for _, value := range g.r.Header[textproto.CanonicalMIMEHeaderKey(n.Name)] {
			if refs, err = g.route.appendRef(refs, n.Scheme, value); err != nil {
				return err
			}
		}
	}
	if g.refs, err = g.readBody(refs); err != nil {
		return err
	}
	if err := g.mustName(); err != nil {
		return err
	}
	if g.named, err = g.people(g.refs); err != nil {
		return err
	}
	g.signs = g.notice()
	return nil
}

// changes reports whether the request may change something.
func (g *passage) changes() bool {
	return g.r.Method != http.MethodGet && g.r.Method != http.MethodHead
}

// mustName wants a change to name somebody wherever its route declares it: what is
// left out, the application may find elsewhere. The body's names are wanted as it is
// read.
func (g *passage) mustName() error {
	if !g.changes() || !g.route.namesSomebody() {
		return nil
	}
	for _, n := range g.route.Request {
		missing := false
		switch n.In {
		case InQuery:
			missing = lacks(g.address.query, n.Name)
		case InHeader:
			missing = len(g.r.Header[textproto.CanonicalMIMEHeaderKey(n.Name)]) == 0
		case InForm, InJSON:
			missing = len(g.body) == 0
		}
		if missing && !n.Optional {
			return unnamed("a change does not name somebody where it must")
		}
	}
	if len(g.refs) == 0 {
		return unnamed("a change names nobody")
	}
	return nil
}

// lacks reports whether a parameter is missing, or empty once.
func lacks(pairs []pair, name string) bool {
	there := false
	for _, p := range pairs {
		if p.name != name {
			continue
		}
		if p.value == "" {
			return true
		}
		there = true
	}
	return !there
}

// readBody takes in the request's body, adds the people it names, and notes what it
// changes.
func (g *passage) readBody(refs []register.Ref) ([]register.Ref, error) {
	g.writes = g.route.Writes
	if !g.route.Partial {
		g.writes = g.route.fields // what is not sent may be emptied
	}
	if g.r.ContentLength == 0 {
		return refs, g.leavesOut(nil)
	}
	if !g.changes() || len(g.r.Header["Content-Encoding"]) > 0 {
		return nil, unreadable("a body where none is expected, or an encoded one")
	}
	var err error
	if g.body, err = io.ReadAll(http.MaxBytesReader(g.w, g.r.Body, LargestRequest)); err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return nil, unreadable("the request is too large")
		}
		return nil, unreadable("the request is cut short")
	}
	if len(g.body) == 0 {
		return refs, g.leavesOut(nil)
	}
	media, ok := mediaType(g.r.Header)
	switch {
	case !ok:
		return nil, unreadable("the content type of the request")
	case slices.Contains(g.route.Takes, media):
		return refs, nil
	case media == formMedia && len(g.route.form) > 0:
		return g.readForm(refs)
	case media == "application/json" && g.route.json != nil:
		return g.readJSON(refs)
	default:
		return nil, &objection{policy.UndeclaredBody, "the content type of the request"}
	}
}

func (g *passage) readForm(refs []register.Ref) ([]register.Ref, error) {
	fields, err := readPairs(string(g.body), "\r\n\t")
	if err != nil {
		return nil, err
	}
	masks := false
	for _, f := range fields {
		if _, ok := g.route.form[f.name]; !ok {
			return nil, &objection{policy.UndeclaredField, "a field of the form"}
		}
		g.writes |= g.route.written[f.name]
		masks = masks || strings.Contains(f.value, content.Mask)
	}
	g.form = fields
	for _, n := range g.route.Request {
		if n.In == InForm && !n.Optional && lacks(fields, n.Name) {
			return nil, unnamed("the form does not name somebody where it must")
		}
	}
	if refs, err = g.route.appendRefs(refs, g.route.form, fields); err != nil {
		return nil, err
	}
	if err := g.leavesOut(fields); err != nil {
		return nil, err
	}
	return refs, unmasked(masks)
}

// leavesOut refuses a form that lacks a field, where the application takes what is
// not sent for empty: it was masked when the form was asked for, and may be anything.
func (g *passage) leavesOut(fields []pair) error {
	if !g.changes() || g.r.Method == http.MethodDelete || g.route.Partial || len(g.body) == 0 && g.route.json != nil {
		return nil
	}
	for name := range g.route.written {
		if !g.route.mayLack[name] && !slices.ContainsFunc(fields, func(f pair) bool { return f.name == name }) {
			return &objection{policy.Overwrites, "the form lacks a field that would be emptied"}
		}
	}
	return nil
}

func (g *passage) readJSON(refs []register.Ref) ([]register.Ref, error) {
	sent, err := g.route.json.Read(g.body)
	switch {
	case errors.Is(err, content.ErrUnlisted):
		return nil, &objection{policy.UndeclaredField, "a member of the JSON of the request"}
	case errors.Is(err, content.ErrUnnamed):
		return nil, unnamed(err.Error())
	case err != nil:
		return nil, unreadable("the JSON of the request: " + err.Error())
	}
	g.writes |= sent.Writes
	for _, ref := range sent.Refs {
		if refs, err = g.route.appendRef(refs, ref.Scheme, ref.Value); err != nil {
			return nil, err
		}
	}
	return refs, unmasked(sent.Masks)
}

// unmasked refuses what comes back with a mask in it: it would be written over what
// the mask stands for.
func unmasked(masks bool) error {
	if masks {
		return &objection{policy.Overwrites, "the request has a mask in it"}
	}
	return nil
}

// people finds whom references stand for, each once.
func (g *passage) people(refs []register.Ref) ([]register.PersonID, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	people, err := g.proxy.Directory.People(g.ctx, refs)
	if err != nil {
		return nil, err
	}
	var distinct []register.PersonID
	for _, person := range people {
		if !slices.Contains(distinct, person) {
			distinct = append(distinct, person)
		}
	}
	return distinct, nil
}

// ask is what the gate is asked: about the people the request names, until others
// are found. They stay in it whatever the application answers, since whatever goes
// out tells of them, if only that they are there.
func (g *passage) ask(act policy.Act) policy.Ask {
	ask := policy.Ask{
		Act: act, Account: g.session.Account, Organisation: g.session.Organisation, Session: g.session.ID,
		Service: g.service.ID, About: true, Whole: act == policy.Change, Route: g.undeclared(), Signs: g.signs,
		Device: g.session.Device, Network: g.proxy.Networks.Of(g.r),
		People: make([]policy.Opening, len(g.named), len(g.named)+1),
	}
	var told register.Fields
	if g.route != nil {
		ask.Purpose, ask.Route, told = g.route.Purpose, g.route.name, g.route.Shows
		if act == policy.Change {
			told |= g.writes
		}
		if g.route.Export {
			ask.Signs |= meter.Exported
		}
	}
	for i, person := range g.named {
		ask.People[i] = g.opening(person, told)
		ask.People[i].Named, ask.People[i].Uncut = true, told
	}
	return ask
}

// askAnswer is what the gate is asked about an answer, before it is read. A change
// was decided, counted and written before it was forwarded: its answer is about
// whom it shows.
func (g *passage) askAnswer() policy.Ask {
	ask := g.ask(policy.Show)
	if g.changes() {
		ask.People = nil
	}
	return ask
}

// opening is a person about to be shown. Whether they exist is asked of everybody,
// and takes as long for each.
func (g *passage) opening(person register.PersonID, fields register.Fields) policy.Opening {
	return policy.Opening{Person: person, Fields: fields, Canary: g.proxy.Canaries.Live(person, g.at)}
}

// undeclared names a route that is not declared by nothing the asker made up.
func (g *passage) undeclared() string {
	if slices.Contains(methods, g.r.Method) || g.r.Method == http.MethodHead {
		return g.r.Method + " (not declared)"
	}
	return "(not declared)"
}

// request is what the application is sent: what was matched, to the byte. HEAD is
// sent as GET, so that its answer is read and decided like any other.
func (g *passage) request(ctx context.Context) (*http.Request, error) {
	assertion, err := g.proxy.Assertions.assert(ctx, g.session, g.service.ID, g.route.Purpose)
	if err != nil {
		return nil, err
	}
	plain, err := url.PathUnescape(g.address.path)
	if err != nil {
		return nil, err
	}
	method := g.r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	out := &http.Request{
		Method: method, Header: g.outgoing(assertion), Host: g.service.Upstream.Host,
		URL: &url.URL{
			Scheme: g.service.Upstream.Scheme, Host: g.service.Upstream.Host,
			Path: plain, RawPath: g.address.path, RawQuery: g.address.rawQuery,
		},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if len(g.body) > 0 {
		out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(g.body)), int64(len(g.body))
	} else {
		delete(out.Header, "Content-Type")
	}
	return out.WithContext(ctx), nil
}
