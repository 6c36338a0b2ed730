package httpgate

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"poterne/internal/gate/address"
	"poterne/internal/gate/shape"
	"poterne/internal/gate/socket"
	"poterne/internal/policy"
	"poterne/internal/roster"
)

// Shapes keeps what undeclared requests looked like; *shape.Book does.
type Shapes interface {
	Saw(service roster.ServiceID, by roster.AccountID, s shape.Shape)
}

// undeclared are the refusals that a declaration would end.
var undeclared = []policy.Why{
	policy.NotDeclared, policy.UndeclaredMethod, policy.UndeclaredParameter, policy.UndeclaredField, policy.ValueNotListed, policy.UndeclaredBody, policy.UndeclaredAnswer,
	policy.NotUnderstood, policy.Unnamed,
}

// mostSketched is how many bytes of a body that nobody declared are looked at.
const mostSketched = 64 << 10

// sketch notes what a request that is refused looks like, and the answer if there is
// one. Nothing of either is kept but words that everybody uses, and what kinds of
// values there are.
func (x *exchange) sketch(ctx context.Context, why policy.Why) {
	if x.proxy.Shapes == nil || !slices.Contains(undeclared, why) || len(x.request.address.Segments) == 0 {
		return
	}
	var panicked error
	defer x.recovered(&panicked)
	q := &x.request
	s := shape.Shape{Method: "another method", Path: shape.Path(q.address.Segments), Why: why.String(), Last: x.proxy.Now().Unix()}
	if socket.Asked(x.r) || x.odd != nil {
		x.sketchSocket(s)
		return
	}
	if slices.Contains(methods, q.method) || q.method == http.MethodHead {
		s.Method = q.method
	}
	more := false
	s.Query, more = partsOf(q.address.Query)
	s.More = more
	var spaces shape.Spaces
	if !q.asks() {
		s.Media, s.Body, more = x.sketchBody(&spaces)
		s.More = s.More || more
		s.Operation = shape.Operation(s.Body)
		if s.Media == jsonMedia {
			if document, variables, ok := shape.GraphQL(q.body); ok {
				s.Document, s.Body, s.More = document, variables, document == ""
			}
		}
	}
	response := x.response
	if response == nil && x.service.Learn != "" && q.asks() && (why == policy.NotDeclared || why == policy.UndeclaredParameter) {
		response, s.Status = x.peek(ctx)
		defer response.free()
	}
	if response != nil {
		for _, line := range response.header["Set-Cookie"] {
			if c, err := http.ParseSetCookie(line); err == nil && !slices.Contains(x.service.Cookies, c.Name) {
				if name := shape.Word(c.Name); !slices.Contains(s.Cookies, name) {
					s.Cookies = append(s.Cookies, name)
				}
			}
		}
		if response.buffer == nil && response.rest == nil {
			s.Status = response.status
		}
	}
	if response != nil && response.media != "" {
		s.Answer = shape.OtherMedia
		if media, known := mediaType(response.header); known && isMedia(media) && len(media) < 64 && slices.Contains(sketched, media) {
			s.Answer = media
		}
		if response.buffer != nil && response.decodeText("") == nil {
			s.Parts, more = spaces.Read(s.Answer, response.body())
			s.More = s.More || more
		}
	}
	s.Spaces = spaces.Words()
	if s.IsEngine() && (s.Answer == "" || s.Answer == textMedia) { // whoever asks can add the parameters to any address
		s = shape.Shape{Method: http.MethodGet, Path: s.Path, Query: s.Query, Why: s.Why, Socket: shape.Handshake, More: s.More, Last: s.Last}
		if response != nil && response.media == textMedia && response.buffer != nil && response.decodeText("") == nil {
			all := socket.InText(response.body())
			for _, text := range all[:min(len(all), mostBeside)] {
				x.sketchMessage(s, shape.Message(shape.Sends, text, nil))
			}
		}
	}
	x.proxy.Shapes.Saw(x.service.ID, x.session.Account, s)
}

// sketchSocket notes that a WebSocket is asked for, or what a message of one looks like, and those beside it.
func (x *exchange) sketchSocket(like shape.Shape) {
	like.Method = http.MethodGet
	odd := x.odd
	switch {
	case odd == nil:
		like.Socket = shape.Handshake
		like.Query, like.More = partsOf(x.request.address.Query)
		x.proxy.Shapes.Saw(x.service.ID, x.session.Account, like)
		return
	case odd.question != "":
		x.sketchMessage(like, shape.Answer(odd.question, odd.text))
	default:
		x.sketchMessage(like, shape.Message(odd.from, odd.text, odd.by.packets.Tag))
	}
	for _, text := range odd.beside[:min(len(odd.beside), mostBeside)] {
		_, _, name, err := odd.by.packets.Apart(text)
		declared := err == nil && odd.by.sends[name] != nil || slices.Contains(odd.by.declared.Words, string(text))
		if _, _, _, answers := odd.by.packets.Answers(text); !declared && !answers { // the question of an answer is not known here
			x.sketchMessage(like, shape.Message(odd.from, text, odd.by.packets.Tag))
		}
	}
}

// sketchMessage notes what a message looks like that came where a request did.
func (x *exchange) sketchMessage(like, s shape.Shape) {
	s.Method, s.Path, s.Why, s.Last = like.Method, like.Path, like.Why, like.Last
	x.proxy.Shapes.Saw(x.service.ID, x.session.Account, s)
}

// mostBeside is how many messages are looked at of those that come at once.
const mostBeside = 20

// oddMessage is a message of a WebSocket that is being decided.
type oddMessage struct {
	from     string // shape.Sends or shape.Takes
	text     []byte
	by       *sockets // where it was said
	beside   [][]byte // messages that came with it, and were not decided
	question string   // that it answers, by the name it is declared by
}

// sketched are the content types that are called by their names.
var sketched = []string{
	"application/json", "application/problem+json", "application/fhir+json", "application/vnd.api+json", "application/ld+json", "application/hal+json",
	"application/x-ndjson", "application/ndjson", "application/jsonl", "application/xml", "application/soap+xml", "application/fhir+xml", "application/atom+xml", "application/pdf", "application/zip", "application/octet-stream",
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/javascript", "application/csv", formMedia, multipartMedia,
	"text/html", "text/csv", "text/plain", "text/css", "text/javascript", "text/xml", "text/event-stream", "image/png", "image/jpeg", "image/svg+xml", "image/gif", "image/webp", "image/x-icon", "image/vnd.microsoft.icon", "font/woff", "font/woff2",
}

func partsOf(pairs []address.Pair) ([]shape.Part, bool) {
	var names, values []string
	for _, p := range pairs {
		names, values = append(names, p.Name), append(values, p.Value)
	}
	return shape.Pairs(names, values)
}

// sketchBody is what a request's body looks like, which may not have been read yet.
func (x *exchange) sketchBody(spaces *shape.Spaces) (media string, parts []shape.Part, more bool) {
	q := &x.request
	media, ok := mediaType(q.header)
	if !ok || !slices.Contains(sketched, media) {
		return shape.OtherMedia, nil, false
	}
	if q.body == nil && x.r.ContentLength > 0 && x.r.ContentLength <= mostSketched {
		q.body, _ = io.ReadAll(io.LimitReader(x.r.Body, mostSketched))
	}
	switch media {
	case formMedia:
		pairs := q.form
		if pairs == nil {
			pairs, _ = address.ReadPairs(string(q.body), "\r\n\t")
		}
		parts, more = partsOf(pairs)
	case multipartMedia:
		probe := request{body: q.body, header: http.Header{"Content-Type": q.header["Content-Type"]}, route: &route{}}
		pairs, _ := probe.readMultipart()
		if q.form != nil {
			pairs = q.form
		}
		parts, more = partsOf(pairs)
	default:
		parts, more = spaces.Read(media, q.body)
	}
	return media, parts, more
}

// peek asks the application for what nobody declared, where its service says so, by an
// account that may use it. Nothing of the answer goes out: what it looks like is noted, or the
// status of an error.
func (x *exchange) peek(ctx context.Context) (_ *response, status int) {
	probe := &exchange{proxy: x.proxy, service: x.service, w: x.w, r: x.r, began: x.began, arrived: x.arrived, session: x.session, learning: true}
	probe.request = request{method: http.MethodGet, header: x.request.header, address: x.request.address, route: &route{
		Route: Route{Kind: Page, Purpose: x.service.Learn, Path: "/"}, name: x.request.routeName(), method: http.MethodGet,
	}}
	const long = 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	if decision, err := x.proxy.Gate.Check(ctx, probe.ask(policy.Attempt)); err != nil || !decision.Shown() {
		return nil, 0
	}
	response, err := probe.forward(ctx)
	if failure, failed := errors.AsType[*failure](err); failed {
		return nil, failure.status
	}
	if err != nil {
		return nil, 0
	}
	return response, 0
}
