package httpgate

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"poterne/internal/fault"
	"poterne/internal/gate/content"
	"poterne/internal/policy"
	"poterne/internal/register"
)

// inVariables is what paths in the variables of GraphQL begin with.
const inVariables = "$.variables."

// compileDocument reads the document of GraphQL that a route is for. It comes before whatever asks
// whether the route changes something.
func (t *route) compileDocument(c *fault.Complaints) {
	if t.Document == "" {
		return
	}
	var err error
	if t.document, err = content.CompileDocument(t.Document); err != nil {
		c.Add("document", "%v", err)
		return
	}
	switch {
	case t.document.Changes && t.Reads:
		c.Add("reads", "its document is a mutation, which changes something; leave it out")
	case !t.document.Changes && (t.Writes != 0 || len(t.Written) > 0 || t.Partial):
		c.Add("writes", "its document is a query, which changes nothing; leave out writes, written and partial")
	}
	t.Reads = !t.document.Changes
	if t.Operation == "" && t.document.Name == "" {
		c.Add("operation", "its document does not name its operation; say with operation what the ledger calls it")
	}
}

// checkDocument complains about what an operation of GraphQL cannot have.
func (t *route) checkDocument(c *fault.Complaints) {
	if t.document == nil {
		return
	}
	if t.method != http.MethodPost || len(t.query) > 0 {
		c.Add("document", "an operation of GraphQL is asked for by POST, at an address without parameters: some applications take a document from there as well")
	}
	if len(t.form)+len(t.files)+len(t.Takes) > 0 || t.xml != nil {
		c.Add("document", "its body is JSON and nothing else; leave out form, files, takes and what is of XML")
	}
	if t.Kind == Static || len(t.Unread) > 0 || t.Header != nil || t.Export {
		c.Add("document", "its answer is JSON, and read; leave out static, unread, header and export")
	}
	t.checkVariables(c)
	t.checkAnswers(c, "answers", t.Answers)
	if t.Invalid != nil {
		t.checkAnswers(c, "invalid", t.Invalid.Answers)
	}
}

// checkAnswers complains about answers that are none of the document.
func (t *route) checkAnswers(c *fault.Complaints, where string, answers []Answer) {
	for i, a := range answers {
		at := fmt.Sprintf("%s[%d]", where, i)
		if a.Layout.Format != content.JSON {
			c.Add(at, "an operation of GraphQL answers in JSON; leave out %s", a.Layout.Format)
			continue
		}
		c.In(at, t.document.CheckLayout(a.Layout))
	}
}

// checkVariables wants whatever is listed of the body to be in a variable that the document has, and
// every variable that it cannot do without to be listed.
func (t *route) checkVariables(c *fault.Complaints) {
	listed := slices.Clone(t.Members)
	for _, n := range t.Request {
		if n.In == InJSON {
			listed = append(listed, n.Name)
		}
	}
	for _, w := range t.Written {
		listed = append(listed, w.Name)
	}
	all, needed := t.document.Variables()
	var met []string
	for _, path := range listed {
		name, inside := strings.CutPrefix(path, inVariables)
		if end := strings.IndexAny(name, ".["); end >= 0 {
			name = name[:end]
		}
		if !inside || !slices.Contains(all, name) {
			c.Add("members", "%q is in no variable of its document; write %sNAME, and what is inside it after that", path, inVariables)
			continue
		}
		met = append(met, name)
	}
	for _, name := range needed {
		if !slices.Contains(met, name) {
			c.Add("members", "its document needs the variable %s; list %s%s under members, or under request or written", name, inVariables, name)
		}
	}
}

// freely finds, of two routes of one path, the one that would let whoever asks write the document,
// where the other is for a declared one.
func (t *route) freely(other *route) (one *route, free bool) {
	if t.Path != other.Path || (t.document == nil) == (other.document == nil) {
		return nil, false
	}
	if one = t; t.document != nil {
		one = other
	}
	_, inQuery := one.query["query"]
	_, inForm := one.form["query"]
	return one, inQuery || inForm || slices.Contains(one.Members, "$.query") || len(one.Takes) > 0
}

// chooseDocument finds the route of the document that the body asks for, among those of the address.
// What is not such a document to the token is not declared, whatever it is called.
func (q *request) chooseDocument(w http.ResponseWriter, r *http.Request) error {
	first := q.route
	q.route = nil
	if media, ok := mediaType(q.header); !ok || media != jsonMedia {
		return &objection{policy.UndeclaredBody, "the content type of a request of GraphQL"}
	}
	if err := q.takeBody(w, r); err != nil {
		return err
	}
	asked, err := content.ReadGraphQL(q.body)
	if err != nil {
		return unreadable("the request of GraphQL: " + err.Error())
	}
	for _, t := range append([]*route{first}, first.others...) {
		if asked.For(t.document) {
			q.route, q.asked = t, asked
			return nil
		}
	}
	return &objection{policy.NotDeclared, "no such operation"}
}

// readVariables reads the variables of a document, and has the document sent as it is declared.
func (q *request) readVariables(refs []register.Ref) (_ []register.Ref, err error) {
	switch {
	case q.route.json != nil:
		var sent content.Sent
		if sent, err = q.route.json.Read(q.asked.Variables()); err != nil {
			return nil, notRead(err, "the variables", "a variable")
		}
		refs, err = q.takeSent(sent, refs)
	case !q.asked.NoVariables():
		err = notRead(content.ErrUnlisted, "the variables", "a variable")
	}
	if err != nil {
		return nil, err
	}
	q.header["Content-Type"] = []string{jsonMedia}
	q.body, err = q.route.document.Request(q.asked)
	return refs, err
}

// refusedIn refuses an answer of GraphQL that has errors and no data, as a status would be. Whether a
// change took place is not known once it was begun.
func (x *exchange) refusedIn(body []byte) error {
	outcome, err := content.ReadGraphQLOutcome(body)
	switch {
	case err != nil:
		return notUnderstood("the response: " + err.Error())
	case outcome == content.GraphQLAnswered:
		return nil
	case outcome == content.GraphQLFailed && x.request.changes():
		return x.answeredError(http.StatusInternalServerError)
	default:
		return x.answeredError(http.StatusBadRequest)
	}
}
