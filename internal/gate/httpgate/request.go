package httpgate

import (
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"poterne/internal/gate/address"
	"poterne/internal/gate/content"
	"poterne/internal/gate/socket"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/register"
)

// request is what was understood of a request.
type request struct {
	method  string
	route   *route // nil while none is matched
	address address.Address
	header  http.Header
	largest int64 // bytes of the body
	body    []byte
	form    []address.Pair // in the body
	json    []address.Pair // in the body, by path
	asked   content.AskedGraphQL
	writes  register.Fields     // what it changes
	changed bool                // something, by a message in it that is decided
	refs    []register.Ref      // by which it names people
	named   []register.PersonID // whom they lead to, each once
	signs   meter.Signs         // of going through the register one after the other
}

// read matches a request to a declared route and finds the references by which it
// names people. What was read before an error stays.
func (q *request) read(w http.ResponseWriter, r *http.Request, s *service) error {
	q.method, q.header, q.largest = r.Method, r.Header, s.Uploads
	a, err := address.Read(strings.TrimPrefix(r.URL.EscapedPath(), s.Prefix), r.URL.RawQuery)
	if err != nil {
		return unreadable(err.Error())
	}
	q.address = a
	if q.route, err = s.find(q.method, a); err != nil {
		return err
	}
	switch {
	case r.URL.IsAbs(), q.route.socket == nil && socket.Asked(r):
		return unreadable("another protocol is asked for")
	case q.route.socket != nil && !q.polls():
		err = q.route.socket.opens(r)
	}
	if err != nil {
		return err
	}
	switch {
	case q.route.document != nil:
		err = q.chooseDocument(w, r)
	case q.route.Operation != "" && !q.route.byQuery():
		err = q.chooseOperation(w, r)
	}
	if err != nil {
		return err
	}
	if err := q.resumes(); err != nil {
		return err
	}
	refs, err := q.route.refsIn(a)
	if err != nil {
		return err
	}
	for _, n := range q.route.Request {
		if n.In != InHeader {
			continue
		}
		for _, value := range q.header[textproto.CanonicalMIMEHeaderKey(n.Name)] {
			if refs, err = q.route.appendRef(refs, n.Scheme, value); err != nil {
				return err
			}
		}
	}
	if q.polls() {
		err = q.takeMessages(w, r)
	} else {
		refs, err = q.readBody(w, r, refs)
	}
	if err != nil {
		return err
	}
	q.refs = refs
	return q.mustName()
}

// pairs are the parameters of the request, and the fields of its form.
func (q *request) pairs() []address.Pair { return slices.Concat(q.address.Query, q.form, q.json) }

// changes reports whether the request may change something.
func (q *request) changes() bool { return q.changed || !q.asks() && (q.route == nil || !q.route.Reads) }

// asks reports whether the request is by a method that has no body.
func (q *request) asks() bool { return q.method == http.MethodGet || q.method == http.MethodHead }

// function is what the request does, as orders name it; empty when it shows what the route
// is about.
func (q *request) function() string {
	switch {
	case q.route == nil:
		return ""
	case q.route.Search != nil:
		return order.Searches
	case q.route.Export:
		return order.Exports
	case q.changes():
		return order.Changes
	default:
		return ""
	}
}

// mustName wants a change to name somebody wherever its route declares it: what is
// left out, the application may find elsewhere. So it may of a reading whose answer does not say who
// is in it. The body's names are wanted as it is
// read.
func (q *request) mustName() error {
	if len(q.refs) == 0 && !q.changes() && q.route.tellsOfNamed() {
		return unnamed("what is answered is about whom the request names, and it names nobody")
	}
	if !q.changes() || !q.route.namesSomebody() {
		return nil
	}
	for _, n := range q.route.Request {
		missing := false
		switch n.In {
		case InQuery:
			missing = lacks(q.address.Query, n.Name)
		case InHeader:
			missing = len(q.header[textproto.CanonicalMIMEHeaderKey(n.Name)]) == 0
		case InForm, InJSON, InXML:
			missing = len(q.body) == 0
		}
		if missing && !n.Optional {
			return unnamed("a change does not name somebody where it must")
		}
	}
	if len(q.refs) == 0 {
		return unnamed("a change names nobody")
	}
	return nil
}

// tellsOfNamed reports whether an answer may be about whom the request names with nothing in it that says who.
func (t *route) tellsOfNamed() bool {
	return t.namesSomebody() && (len(t.Unread) > 0 || slices.ContainsFunc(t.all(), func(a Answer) bool { return len(a.Layout.People) == 0 }))
}

// lacks reports whether a parameter is missing, or empty once.
func lacks(pairs []address.Pair, name string) bool {
	there := false
	for _, p := range pairs {
		if p.Name != name {
			continue
		}
		if p.Value == "" {
			return true
		}
		there = true
	}
	return !there
}

// readBody takes in the request's body, adds the people it names, and notes what it
// changes.
func (q *request) readBody(w http.ResponseWriter, r *http.Request, refs []register.Ref) ([]register.Ref, error) {
	q.writes = q.route.Writes
	if !q.route.Partial {
		q.writes = q.route.fields // what is not sent may be emptied
	}
	if r.ContentLength == 0 {
		return refs, q.leavesOut(nil)
	}
	if q.asks() || len(q.header["Content-Encoding"]) > 0 {
		return nil, unreadable("a body where none is expected, or an encoded one")
	}
	if err := q.takeBody(w, r); err != nil {
		return nil, err
	}
	if len(q.body) == 0 {
		return refs, q.leavesOut(nil)
	}
	media, ok := mediaType(q.header)
	switch {
	case !ok:
		return nil, unreadable("the content type of the request")
	case slices.Contains(q.route.Takes, media):
		return refs, nil
	case media == formMedia && len(q.route.form) > 0:
		fields, err := address.ReadPairs(string(q.body), "\r\n\t")
		if err != nil {
			return nil, unreadable(err.Error())
		}
		return q.readForm(refs, fields)
	case media == multipartMedia && len(q.route.form)+len(q.route.files) > 0:
		fields, err := q.readMultipart()
		if err != nil {
			return nil, err
		}
		return q.readForm(refs, fields)
	case media == jsonMedia && q.route.document != nil:
		return q.readVariables(refs)
	case isJSON(media) && q.route.json != nil:
		return q.readJSON(refs)
	case isXML(media) && q.route.xml != nil:
		return q.readXML(refs, media)
	default:
		return nil, &objection{policy.UndeclaredBody, "the content type of the request"}
	}
}

// isJSON reports whether a body is read as JSON: that of JSON:API and FHIR too. What a JSON
// patch writes stands in its values, not in its members.
func isJSON(media string) bool {
	return media == "application/json" || strings.HasSuffix(media, "+json") && media != "application/json-patch+json"
}

// takeBody reads the body whole, once.
func (q *request) takeBody(w http.ResponseWriter, r *http.Request) (err error) {
	if q.body != nil {
		return nil
	}
	if q.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, q.largest)); err == nil {
		return nil
	}
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return unreadable("the request is too large")
	}
	return unreadable("the request is cut short")
}

func (q *request) readForm(refs []register.Ref, fields []address.Pair) (_ []register.Ref, err error) {
	masks := false
	for _, f := range fields {
		if _, ok := q.route.form[f.Name]; !ok {
			return nil, &objection{policy.UndeclaredField, "a field of the form"}
		}
		if !q.route.mayBe(f) {
			return nil, &objection{policy.ValueNotListed, "a field of the form has a value that only does not list"}
		}
		q.writes |= q.route.written[f.Name]
		masks = masks || strings.Contains(f.Value, content.Mask)
	}
	q.form = fields
	for _, n := range q.route.Request {
		if n.In == InForm && !n.Optional && lacks(fields, n.Name) {
			return nil, unnamed("the form does not name somebody where it must")
		}
	}
	if refs, err = q.route.appendRefs(refs, q.route.form, fields); err != nil {
		return nil, err
	}
	if err := q.leavesOut(fields); err != nil {
		return nil, err
	}
	return refs, unmasked(masks)
}

// leavesOut refuses a form that lacks a field, where the application takes what is
// not sent for empty: it was masked when the form was asked for, and may be anything.
func (q *request) leavesOut(fields []address.Pair) error {
	if !q.changes() || q.method == http.MethodDelete || q.route.Partial || len(q.body) == 0 && (q.route.json != nil || q.route.xml != nil) {
		return nil
	}
	for name := range q.route.written {
		if !q.route.mayLack[name] && !slices.ContainsFunc(fields, func(f address.Pair) bool { return f.Name == name }) {
			return &objection{policy.Overwrites, "the form lacks a field that would be emptied"}
		}
	}
	return nil
}

func (q *request) readJSON(refs []register.Ref) ([]register.Ref, error) {
	sent, err := q.route.json.Read(q.body)
	if err != nil {
		return nil, notRead(err, "the JSON", "a member")
	}
	return q.takeSent(sent, refs)
}

// notRead is what is wrong with a body of which a part is not listed, or that is not understood.
func notRead(err error, body, part string) error {
	switch {
	case errors.Is(err, content.ErrUnlisted):
		return &objection{policy.UndeclaredField, part + " of " + body + " of the request"}
	case errors.Is(err, content.ErrOnly):
		return &objection{policy.ValueNotListed, part + " of " + body + " of the request has a value that only does not list"}
	case errors.Is(err, content.ErrUnnamed):
		return unnamed(err.Error())
	default:
		return unreadable(body + " of the request: " + err.Error())
	}
}

// takeSent takes over what was read of a body, and appends whom it names.
func (q *request) takeSent(sent content.Sent, refs []register.Ref) (_ []register.Ref, err error) {
	q.writes |= sent.Writes
	for _, text := range sent.Texts {
		q.json = append(q.json, address.Pair{Name: text.Path, Value: text.Text})
	}
	for _, ref := range sent.Refs {
		if refs, err = q.route.appendRef(refs, ref.Scheme, ref.Value); err != nil {
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

// routeName names the route, as it is written down: one that is not declared by
// nothing the asker made up.
func (q *request) routeName() string {
	switch {
	case q.route != nil:
		return q.route.name
	case slices.Contains(methods, q.method) || q.method == http.MethodHead:
		return q.method + " (not declared)"
	default:
		return "(not declared)"
	}
}
