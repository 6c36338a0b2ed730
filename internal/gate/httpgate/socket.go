package httpgate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"poterne/internal/fault"
	"poterne/internal/gate/address"
	"poterne/internal/gate/asked"
	"poterne/internal/gate/budget"
	"poterne/internal/gate/content"
	"poterne/internal/gate/shape"
	"poterne/internal/gate/socket"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/signin"
	"poterne/internal/trace"
)

// sockets is how the messages of a WebSocket are read.
type sockets struct {
	declared *Socket
	packets  *socket.Packets
	sends    map[string]*messageReader
	takes    map[string]*route // what a page sends is a request of its own, by what it carries
}

// People reports whether any message names somebody.
func (d *Socket) People() bool {
	return slices.ContainsFunc(d.Sends, func(e Event) bool { return len(e.Layout.People) > 0 }) ||
		slices.ContainsFunc(d.Takes, func(m Message) bool {
			return len(m.Request) > 0 || m.Answer != nil && len(m.Answer.Layout.People) > 0
		})
}

// largestAsked is how many bytes a page's message may have. Whoever sends slowly holds them, as often as
// an account may have streams.
const largestAsked = 64 << 10

var (
	pageOrigins  = regexp.MustCompile(`^https?://[a-z0-9.\[\]:-]+$`)
	subprotocols = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
)

// compileSocket prepares to read the messages that are declared.
func (t *route) compileSocket(c *fault.Complaints) {
	d := t.Socket
	if d == nil {
		return
	}
	none := len(t.Answers)+len(t.Unread)+len(t.Takes)+len(t.Members)+len(t.Form)+len(t.Files)+len(t.Written) == 0 && t.Writes == 0
	if t.method != http.MethodGet && (t.method != http.MethodPost || !d.Polling) || !none || t.Export || t.Search != nil || t.Header != nil || t.Invalid != nil || t.Events != nil || t.Operation != "" || t.document != nil {
		c.Add("websocket", "a WebSocket is opened by GET, and says everything in its messages: leave out what is said of answers, bodies, searches and exports")
	}
	if slices.ContainsFunc(t.Request, func(n Naming) bool { return n.In != InPath && n.In != InQuery && n.In != InHeader }) {
		c.Add("websocket", "a handshake has no body: whom a message names is said under takes")
	}
	if slices.ContainsFunc(d.Origins, func(origin string) bool { return !pageOrigins.MatchString(origin) }) {
		c.Add("websocket.origins", "write the origins of pages, such as https://other.example; the service's own may open it anyway")
	}
	if slices.ContainsFunc(d.Protocols, func(name string) bool { return !subprotocols.MatchString(name) }) {
		c.Add("websocket.protocols", "a subprotocol is one word, such as graphql-transport-ws")
	}
	if slices.ContainsFunc(d.Codes, func(code int) bool { return code <= socket.SignIn || code > 4999 }) {
		c.Add("websocket.codes", "write numbers of 3001 to 4999; others are the protocol's own, and need no word")
	}
	if t.Kind == Static || t.Kind == Page && d.People() {
		c.Add("websocket", "its messages name somebody; declare a route of people")
	}
	s := &sockets{declared: d, packets: socket.NewPackets(d.Prefixes, d.Numbered, d.Type, c), sends: make(map[string]*messageReader), takes: make(map[string]*route)}
	t.socket = s
	if len(d.Type)+len(d.Prefixes) == 0 && (len(d.Sends) > 1 || len(d.Takes) > 1) {
		c.Add("websocket.type", "say which member tells messages of several types apart, such as type = \"$.type\"")
	}
	named := func(where, name string, twice bool) bool {
		err := s.packets.CheckName(name, where == "takes")
		if err == nil && twice {
			err = errors.New("comes twice")
		}
		if err != nil {
			c.Add("websocket."+where, "%q %v", name, err)
		}
		return err == nil
	}
	for _, e := range d.Sends {
		name := s.packets.Called(e.Name)
		if !named("sends", name, s.sends[name] != nil) {
			continue
		}
		by := &messageReader{about: e.About, people: len(e.Layout.People) > 0}
		e.Layout.Format = content.JSON
		e.Layout.Plain = slices.Concat(e.Layout.Plain, s.packets.Says(name)) // it is one of those that are declared
		var err error
		by.Reader, err = content.Compile(e.Layout)
		c.In("websocket.sends."+e.Name, err)
		s.sends[name] = by
	}
	for _, m := range d.Takes {
		if name := s.packets.Called(m.Name); named("takes", name, s.takes[name] != nil) {
			s.takes[name] = t.taking(m, c)
		}
	}
}

// taking is the route of a message that a page sends: a request without an answer of its own, at the
// address where the WebSocket was opened.
func (t *route) taking(m Message, c *fault.Complaints) *route {
	at := "websocket.takes." + m.Name
	one := &route{place: t.place, name: strings.TrimSpace(t.name + " " + m.Name), method: http.MethodPost, schemes: t.schemes, Route: Route{
		Path: t.Path, Kind: t.Kind, Purpose: t.Purpose, Query: t.Query, Request: slices.Concat(t.Request, m.Request), Members: slices.Clone(m.Members),
		Written: m.Written, Partial: m.Partial, Writes: m.Writes, Shows: t.Shows | m.Shows, Reads: m.Reads,
	}}
	one.Members = append(one.Members, t.socket.packets.Says(m.Name)...)
	var wrong fault.Complaints
	told := one.compileAnswer(m.Answer, &wrong)
	one.query, one.form = allowed(one.Query), make(map[string]string)
	one.compileRequest(&wrong)
	one.checkSchemes(&wrong)
	one.checkReads(&wrong)
	switch {
	case slices.ContainsFunc(m.Request, func(n Naming) bool { return n.In != InJSON }) || slices.ContainsFunc(m.Written, func(w Writing) bool { return !strings.HasPrefix(w.Name, "$") }) || one.xml != nil:
		wrong.Add("", "a message is JSON: write members by their paths, such as $.id")
	case one.json == nil:
		wrong.Add("", "list what the message may hold: members = [\"$.text\"]")
	case m.Answer != nil && !t.socket.packets.MayAsk(m.Name):
		wrong.Add("answer", "only what is numbered is answered; list what stands before the number: numbered = { 42 = \"43\" }")
	case len(m.Request) > 0 && one.Reads && m.Shows == 0 && !told:
		wrong.Add("shows", "the message names somebody and changes nothing: say with shows what the application tells of them from then on")
	case !register.AllFields.Has(m.Shows):
		wrong.Add("shows", "there are categories nobody knows")
	}
	c.In(at, wrong.Err())
	return one
}

// messages are those that the application sends by itself: events, and what comes by a WebSocket.
func (t *route) messages() []Event {
	switch {
	case t.Events != nil:
		return t.Events.Of
	case t.Socket != nil:
		all := slices.Clone(t.Socket.Sends)
		for _, m := range t.Socket.Takes {
			if m.Answer != nil {
				all = append(all, Event{m.Name, m.Answer.Layout, m.Answer.About})
			}
		}
		return all
	default:
		return nil
	}
}

// opens refuses a handshake that can be read in two ways, or offers what is not declared: a
// subprotocol can say as much as a text.
func (s *sockets) opens(r *http.Request) error {
	if err := socket.Handshake(r); err != nil {
		return unreadable(err.Error())
	}
	for _, name := range socket.Protocols(r.Header) {
		if !slices.Contains(s.declared.Protocols, name) {
			return &objection{policy.UndeclaredParameter, "a subprotocol"}
		}
	}
	return nil
}

// fromItsPage refuses a handshake of another site's page: browsers send them with the cookie, and ask nobody.
func (x *exchange) fromItsPage() error {
	if !x.proxy.itsPage(x.r, x.request.route) {
		return &failure{kind: fault.Refused, why: policy.OtherSite, because: "a page of another site opens a WebSocket"}
	}
	return nil
}

// itsPage reports whether a page that may has a handshake sent. One without an origin is no page's: a
// programme's, with its token.
func (p *Proxy) itsPage(r *http.Request, t *route) bool {
	scheme := "https://"
	if p.Insecure {
		scheme = "http://"
	}
	switch origins := r.Header["Origin"]; len(origins) {
	case 0:
		return signin.Bears(r)
	case 1:
		return strings.EqualFold(origins[0], scheme+r.Host) || slices.Contains(t.Socket.Origins, origins[0])
	default:
		return false
	}
}

// Opens reports whether a request opens a WebSocket that is declared, from a page that may. Of such a request a
// browser does not say which site it is from otherwise than by its origin.
func (p *Proxy) Opens(r *http.Request) bool {
	s, ok := p.serviceOf(r)
	if !ok || socket.Handshake(r) != nil {
		return false
	}
	a, err := address.Read(strings.TrimPrefix(r.URL.EscapedPath(), s.Prefix), r.URL.RawQuery)
	if err != nil {
		return false
	}
	t, err := s.find(r.Method, a)
	return err == nil && t.socket != nil && p.itsPage(r, t)
}

// shake hands the handshake on. What the application answers otherwise than by taking it does not
// go out.
func (x *exchange) shake(ctx context.Context) (*response, error) {
	ctx, cancel := context.WithTimeout(ctx, x.patience())
	defer cancel()
	out, err := x.toApplication(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(x.service.Headers, "Origin") {
		out.Header["Origin"] = []string{x.service.Upstream.Scheme + "://" + x.service.Upstream.Host} // whose page it is was looked at here
	}
	_, span := trace.Call(ctx, "application")
	if span != nil {
		out.Header["Traceparent"] = []string{span.Traceparent()}
	}
	line, answer, err := socket.Dial(ctx, socket.Protocols(x.r.Header), func(handshake http.Header) (*http.Response, error) {
		maps.Copy(out.Header, handshake)
		return x.proxy.lines.Once(out) // a connection that is taken over is nobody else's again
	})
	span.Fail(err)
	span.End()
	switch {
	case err == nil:
		return &response{status: answer.StatusCode, header: answer.Header, line: line}, nil
	case ctx.Err() != nil:
		return nil, x.unanswered(ctx.Err())
	case answer == nil:
		return nil, x.unanswered(err)
	case answer.StatusCode >= http.StatusBadRequest:
		return nil, x.answeredError(answer.StatusCode)
	default:
		return nil, notUnderstood("the application answered a handshake otherwise than by taking it")
	}
}

// talk passes the messages of a WebSocket on, each of which is decided and written before it is.
// Nothing but this function writes to either side, and one message of each is held at a time.
func (x *exchange) talk(ctx context.Context) Outcome {
	application := x.response.line
	outcome, opened := x.opens(ctx)
	if !opened {
		return outcome
	}
	x.sendHeader(x.response, contents{})
	x.sendReceipt()
	x.flowing = x.proxy.Now()
	page, err := socket.Accept(x.w, x.r, application.Protocol())
	if err != nil {
		x.response.free()
		x.log("a WebSocket was not opened", errors.New("its connection cannot be taken over"))
		return Failed
	}
	defer page.Close(socket.Failed, "") // of what panics

	handshake, act, code := x.request, policy.Show, 0
	said, heldSaid := x.hears(application, x.service.Largest)
	asked, heldAsked := x.hears(page, min(largestAsked, x.service.Uploads))
	look := time.NewTicker(x.proxy.flows.every)
	defer look.Stop()
	for err == nil {
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-x.proxy.Leaving:
			err = errLeaving
		case <-look.C:
			if err = x.goesOn(ctx); err == nil && page.Silent() {
				err = errGone
			}
		case m := <-said:
			x.odd = &oddMessage{from: shape.Sends, text: m.Text, by: handshake.route.socket}
			var became Outcome
			code = m.Code
			if became, err = x.says(ctx, page, m); err == nil {
				outcome = outcome.heavier(became)
				x.odd = nil
				heldSaid.GiveBack()
				application.Next()
				page.Lives() // while one is decided, nobody hears of it
			}
		case m := <-asked:
			x.arrived, act, code = time.Now(), policy.Attempt, m.Code
			x.odd = &oddMessage{from: shape.Takes, text: m.Text, by: handshake.route.socket}
			var became Outcome
			if became, err = x.asks(ctx, application, m); err == nil {
				x.request, x.odd, act = handshake, nil, policy.Show
				outcome = outcome.heavier(became)
				heldAsked.GiveBack()
				page.Next()
				page.Lives()
			}
		}
	}
	why := err
	outcome, err = x.ended(ctx, act, outcome, err)
	toPage, reason := x.parting(outcome, err, why, handshake.route.passable(code, socket.Failed))
	var both sync.WaitGroup
	both.Go(func() { page.Close(toPage, reason) })
	both.Go(func() { application.Close(handshake.route.passable(code, socket.Leaving), "") })
	both.Wait()
	heldSaid.GiveBack()
	heldAsked.GiveBack()
	return outcome
}

// hears are the messages of a side. What one takes of what may be read at this moment is given
// back once nothing holds it any more.
func (x *exchange) hears(line *socket.Line, most int64) (<-chan socket.Message, *budget.Share) {
	held := new(budget.Share)
	return line.Messages(min(largestMessage, most), x.service.Timeout, func(from io.Reader) io.Reader {
		*held = x.proxy.reading.Share(asCopy)
		return budget.NewReader(from, held)
	}), held
}

// wrongMessage sorts why no message could be read: odd is what the one who sent it is told by.
func (x *exchange) wrongMessage(err error, odd policy.Why) error {
	switch {
	case errors.Is(err, socket.ErrBinary), errors.Is(err, socket.ErrLong):
		return &objection{odd, err.Error()}
	case errors.Is(err, budget.ErrTooMuch):
		return x.unavailable(policy.TooMuchAtOnce, err.Error())
	default:
		return err
	}
}

// says decides one message of the application, and sends the page what of it may go out.
func (x *exchange) says(ctx context.Context, page *socket.Line, m socket.Message) (Outcome, error) {
	if m.Err != nil {
		return "", x.wrongMessage(m.Err, policy.NotUnderstood)
	}
	t, err := x.said(ctx, m.Text)
	if err != nil || !t.goes {
		return t.outcome, err
	}
	return t.outcome, x.hand(ctx, page, t.body)
}

// said decides one message of the application. When it returns, that is written.
func (x *exchange) said(ctx context.Context, text []byte) (told, error) {
	s := x.request.route.socket
	if slices.Contains(s.declared.Words, string(text)) {
		t, err := x.message(ctx, &messageReader{}, nil)
		t.body = text
		return t, err
	}
	if before, number, json, ok := s.packets.Answers(text); ok {
		return x.answered(ctx, before, number, json)
	}
	before, json, name, err := s.packets.Apart(text)
	switch {
	case errors.Is(err, socket.ErrPrefix):
		return told{}, &objection{policy.UndeclaredAnswer, err.Error()}
	case err != nil:
		return told{}, notUnderstood(err.Error())
	}
	by := s.sends[name]
	if by == nil {
		return told{}, &objection{policy.UndeclaredAnswer, "a message of a type that is not declared"}
	}
	if len(json) == 0 {
		return told{}, notUnderstood("a message without JSON")
	}
	t, err := x.message(ctx, by, json)
	t.body = append([]byte(before), t.body...)
	return t, err
}

// hand gives a message to a side, to whoever takes it in time, unless an order came since it was
// decided.
func (x *exchange) hand(ctx context.Context, to *socket.Line, text []byte) error {
	if err := to.Send(ctx, text, x.service.Timeout); err != nil {
		return cmp.Or(context.Cause(ctx), errGone)
	}
	return nil
}

// asks decides one message of the page as a request of its own, and passes it on. If it names
// somebody or changes something, that is written before it goes. On an error, the request stays
// that of the message.
func (x *exchange) asks(ctx context.Context, application *socket.Line, m socket.Message) (Outcome, error) {
	if m.Err != nil {
		return "", x.wrongMessage(m.Err, policy.RequestUnreadable)
	}
	became, passed, err := x.asked(ctx, m.Text)
	if err != nil {
		return "", err
	}
	x.asking.PassedOn()
	return became, x.hand(ctx, application, passed)
}

// asked decides one message of the page, and returns what is passed on of it. When it returns, that is written where it names
// somebody or changes something, but for a question of which its answer alone will tell, and with which it is written; and the request is that
// of the message.
func (x *exchange) asked(ctx context.Context, text []byte) (became Outcome, passed []byte, err error) {
	if err := x.goesOn(ctx); err != nil {
		return "", nil, err
	}
	handshake := x.request
	s := handshake.route.socket
	if slices.Contains(s.declared.Words, string(text)) {
		return Plain, text, nil
	}
	text, around, number, asks := s.packets.Asks(text)
	_, json, name, err := s.packets.Apart(text)
	if errors.Is(err, socket.ErrPrefix) {
		return "", nil, &objection{policy.UndeclaredBody, err.Error()}
	}
	if err != nil {
		return "", nil, unreadable(err.Error())
	}
	by := s.takes[name]
	if by == nil || (by.answer != nil) != asks {
		return "", nil, &objection{policy.UndeclaredBody, "a message of a type that is not declared"}
	}
	x.request = request{method: by.method, route: by, address: handshake.address, header: handshake.header, largest: handshake.largest, body: json}
	q := &x.request
	if q.writes = by.Writes; !by.Partial {
		q.writes = by.fields
	}
	var refs []register.Ref
	late := x.inTurn(ctx, len(json), func() {
		defer x.recovered(&err)
		refs, err = q.readJSON(slices.Clone(handshake.refs))
	})
	if err = cmp.Or(late, err); err != nil {
		return "", nil, err
	}
	q.refs = refs
	if err := q.mustName(); err != nil {
		return "", nil, err
	}
	if q.named, err = x.people(ctx, q.refs); err != nil {
		return "", nil, err
	}
	if len(q.refs) > 0 || by.answer != nil && by.answer.people { // a heartbeat that counts is no list that is turned over
		q.signs = x.proxy.notice(x.session.Account, q)
	}
	if passed = text; asks {
		one := &asked.Question[question]{Numbered: around, Number: number}
		if passed, err = x.opensQuestion(one, name, json); err != nil {
			return "", nil, err
		}
	}
	var decision policy.Decision
	became = Plain
	switch ask := x.ask(policy.Show); {
	case q.changes():
		decision, err = x.commit(ctx, x.ask(policy.Change))
	case len(ask.People) > 0 && (!asks || by.answer.after):
		became = Shown
		decision, err = x.commit(ctx, ask)
	case asks: // it will be written with its answer, as a reading is with its response
		decision, err = x.foresee(ctx)
	default:
		return Plain, passed, nil
	}
	if err == nil && !decision.Shown() {
		err = &refusedMessage{decision.Whole, x.receipt}
	}
	return became, passed, err
}

// parting is the code and the words by which a page is told why its WebSocket ends. Of a refusal they
// are its ground and the number of its entry, by which whoever is signed in finds its sentence.
// theirs is the code for a WebSocket that ended by itself.
func (x *exchange) parting(outcome Outcome, err, why error, theirs int) (code int, reason string) {
	if refused, ok := errors.AsType[*refusedMessage](err); ok {
		ruling := refused.ruling
		if ruling.Why == policy.NotThere || ruling.Why.Untold() || slices.ContainsFunc(x.request.named, register.PersonID.IsZero) {
			x.proxy.trails.Missed(x.session.Account, x.request.refs)
		}
		if ruling.Why.Untold() { // nothing outside the ledger tells it from a reference to nobody
			ruling.Why = policy.NobodyKnown
		}
		if len(x.request.refs) > 0 {
			x.proxy.Even(x.r.Context(), time.Since(x.arrived))
		}
		return socket.Refused, fmt.Sprintf("%v; Poterne-Receipt %d", ruling.Why, refused.receipt)
	}
	failed, _ := errors.AsType[*failure](why)
	switch {
	case errors.Is(why, errLeaving):
		return socket.Restart, ""
	case outcome == Anonymous:
		return socket.SignIn, "signed out"
	case failed != nil && failed.why == policy.TooMuchAtOnce:
		return socket.Later, ""
	case outcome == Failed:
		return socket.Failed, ""
	default:
		return theirs, ""
	}
}

// passable is the code by which the other side is told that one has closed: its own, if that says
// nothing or is declared.
func (t *route) passable(code, otherwise int) int {
	if slices.Contains(t.Socket.Codes, code) || slices.Contains([]int{socket.Done, socket.Leaving, socket.Restart, socket.Later}, code) {
		return code
	}
	return otherwise
}
