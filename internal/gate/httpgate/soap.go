package httpgate

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"poterne/internal/fault"
	"poterne/internal/gate/content"
	"poterne/internal/policy"
	"poterne/internal/register"
)

// operations are the names that an operation may have.
var operations = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)

// checkOperation complains about an operation where there is none.
func (t *route) checkOperation(c *fault.Complaints) {
	switch {
	case t.Operation == "":
	case !operations.MatchString(t.Operation) && t.Document != "":
		c.Add("operation", "%q is no name of an operation", t.Operation)
	case t.Document != "":
	case !operations.MatchString(t.Operation):
		c.Add("operation", "%q is no name of an element", t.Operation)
	case t.method == http.MethodGet && t.Socket == nil:
		if len(t.around) == 0 && !slices.ContainsFunc(t.Only, func(v Choice) bool { _, asked := t.query[v.Name]; return asked }) {
			c.Add("operation", "routes of one address that are asked for by GET are told apart by a parameter: say with only which values it has here, as in only = { folder = \"/people/\" }, or with as, under request, what is around an identifier in it")
		}
	case t.method != http.MethodPost || t.xml == nil:
		c.Add("operation", "an operation is asked for by POST, in the body of a SOAP envelope; list what that holds under request or members, such as members = [\"/soap:Envelope/soap:Body/%s\"]", t.Operation)
	case len(t.query) > 0:
		c.Add("operation", "its address has no parameters: routes of one address are told apart by the body alone")
	case t.json != nil || len(t.form)+len(t.files) > 0:
		c.Add("operation", "its body is XML and nothing else")
	}
}

// chooseOperation finds the route of the operation that the body asks for, among those of the
// address.
func (q *request) chooseOperation(w http.ResponseWriter, r *http.Request) error {
	if err := q.takeBody(w, r); err != nil {
		return err
	}
	first := q.route
	asked, err := content.Operation(q.body, first.Namespaces)
	by := first.Namespaces
	for _, t := range append([]*route{first}, first.others...) {
		if !maps.Equal(t.Namespaces, by) { // the body is read once where all have the same
			asked, err = content.Operation(q.body, t.Namespaces)
			by = t.Namespaces
		}
		if err == nil && asked == t.Operation {
			q.route = t
			return nil
		}
	}
	q.route = nil
	return &objection{policy.NotDeclared, "no such operation"}
}

// readXML reads a body of XML, and has what was read of it sent in its place.
func (q *request) readXML(refs []register.Ref, media string) ([]register.Ref, error) {
	sent, err := q.route.xml.Read(q.body)
	if err != nil {
		return nil, notRead(err, "the XML", "an element")
	}
	if err := q.oneAction(sent.Operation); err != nil {
		return nil, err
	}
	q.body = sent.Body
	q.header["Content-Type"] = []string{media + "; charset=utf-8"}
	return q.takeSent(sent.Sent, refs)
}

// oneAction refuses a request whose header asks for another operation than its body: an application
// may go by either.
func (q *request) oneAction(operation string) error {
	values := q.header["Soapaction"]
	if len(values) == 0 {
		return nil
	}
	action := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(values[0]), `"`), `"`)
	if len(values) > 1 || action != "" && action[strings.LastIndexAny(action, "/#:")+1:] != operation {
		return unreadable("SOAPAction names another operation than the body")
	}
	return nil
}
