package httpgate

import (
	"context"
	"errors"
	"slices"
	"strings"

	"poterne/internal/fault"
	"poterne/internal/gate/asked"
	"poterne/internal/gate/content"
	"poterne/internal/gate/socket"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
)

// question is what decides the answer to a message of a page that is numbered.
type question struct {
	name  string // of the message
	route *route
	refs  []register.Ref
	named []register.PersonID // whom its answer is about
	signs meter.Signs
}

const (
	weighsRef  = 64  // bytes of somebody whom a question names, beside what they are called by
	longestSID = 128 // bytes of what names a connection
)

// connection is the one that a request, or each message of it, belongs to.
func (x *exchange) connection() asked.Connection {
	c := asked.Connection{Account: x.session.Account, Session: x.session.ID, Service: x.service.ID, Path: strings.Clone(x.request.address.Path)}
	times := 0
	for _, p := range x.request.address.Query {
		if p.Name == "sid" {
			times, c.SID = times+1, strings.Clone(p.Value)
		}
	}
	if times != 1 || len(c.SID) > longestSID {
		c.SID = ""
	}
	return c
}

// compileAnswer prepares to read the answer to a message, and reports whether it says whom it is about.
func (t *route) compileAnswer(a *Answer, c *fault.Complaints) (says bool) {
	if a == nil {
		return false
	}
	a.Layout.Format = content.JSON
	t.Answers = []Answer{*a} // where what is said of a request is checked
	t.answer = &messageReader{about: a.About, people: len(a.Layout.People) > 0, answers: true, after: !t.Reads || t.Shows != 0}
	if len(a.Layout.People)+len(a.Layout.Plain) > 0 {
		var err error
		t.answer.Reader, err = content.Compile(a.Layout)
		c.In("answer", err)
	}
	return t.answer.people
}

// opensQuestion keeps what a message asks, which was read, until it is answered, and returns it as it is passed on.
func (x *exchange) opensQuestion(one *asked.Question[question], name string, json []byte) ([]byte, error) {
	q := &x.request
	one.Kept = question{name, q.route, slices.Clone(q.refs), q.named, q.signs}
	for i, ref := range q.refs {
		one.Kept.refs[i].Value = strings.Clone(ref.Value) // without the request that it stood in
		one.Weight += weighsRef + len(ref.Value)
	}
	switch err := x.asking.Ask(one); {
	case errors.Is(err, asked.ErrTwice):
		return nil, unreadable(err.Error())
	case errors.Is(err, asked.ErrTooMuch):
		return nil, &failure{kind: fault.Unavailable, why: policy.TooMuchAtOnce, because: err.Error()}
	case err != nil:
		return nil, err
	}
	return socket.Number(one.Asks, one.Passed, json), nil
}

// answered decides the answer to a question, with whom that named, as the response to a request is. On an error, the request stays
// the question.
func (x *exchange) answered(ctx context.Context, before string, number uint64, json []byte) (told, error) {
	one, open := x.asking.Take(before, number)
	if !open {
		return told{}, &objection{policy.UndeclaredAnswer, "an answer to what nobody asks on this connection"}
	}
	whole, q, by := x.request, one.Kept, one.Kept.route.answer
	x.request = request{method: q.route.method, route: q.route, address: whole.address, header: whole.header, refs: q.refs, named: q.named, signs: q.signs}
	x.odd.question = q.name
	if len(json) == 0 {
		return told{}, notUnderstood("an answer without JSON")
	}
	if by.Reader == nil && !socket.IsEmptyList(json) {
		return told{}, &objection{policy.UndeclaredAnswer, "an answer of which nothing is declared has something in it"}
	}
	t, err := x.message(ctx, by, json)
	if err != nil {
		return told{}, err
	}
	if by.Reader == nil || !t.goes { // whoever waits is told that it was answered
		t.goes, t.body = true, []byte("[]")
	}
	t.body = socket.Number(before, one.Number, t.body)
	x.request = whole
	return t, nil
}
