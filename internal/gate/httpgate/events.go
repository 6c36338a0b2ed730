package httpgate

import (
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"poterne/internal/fault"
	"poterne/internal/gate/budget"
	"poterne/internal/gate/content"
	"poterne/internal/ledger"
	"poterne/internal/policy"
)

const (
	eventsMedia = "text/event-stream"
	lastEventID = "Last-Event-Id" // as it is in a header that was read
)

// When a browser asks again for a stream that ended: soon, but for one that is refused, since
// each refusal is written. The application's own wish is left out: it is a number.
const (
	again = "retry: 3000\n\n"
	later = "retry: 60000\n\n"
)

// compileEvents prepares to read the events that are declared.
func (t *route) compileEvents(c *fault.Complaints) {
	if t.Events == nil {
		return
	}
	if t.method != http.MethodGet || t.Export || t.Search != nil || t.Header != nil {
		c.Add("events", "a stream of events is asked for by GET, and is no search and no export; leave out search, export and header")
	}
	if len(t.Events.Of) == 0 {
		c.Add("events", "no event is declared, so nothing could go out: events = { of = { message = { … } } }")
	}
	if t.Events.ID != "" {
		var err error
		if t.eventID, err = regexp.Compile(`^(?:` + t.Events.ID + `)$`); err != nil {
			c.Add("events", "the id %q is not a regular expression", t.Events.ID)
		}
	}
	t.events = make(map[string]*messageReader)
	for _, e := range t.Events.Of {
		if e.Name == "" || strings.ContainsFunc(e.Name, func(r rune) bool { return r < ' ' || r == 0x7f }) || t.events[e.Name] != nil {
			c.Add("events", "%q is not the name of a type, or comes twice", e.Name)
			continue
		}
		by := &messageReader{about: e.About, people: len(e.Layout.People) > 0}
		if len(e.Layout.People)+len(e.Layout.Plain) > 0 {
			var err error
			by.Reader, err = content.Compile(e.Layout)
			c.In("events."+e.Name, err)
		}
		t.events[e.Name] = by
	}
}

// resumes refuses a Last-Event-ID that could say anything but where the stream goes on.
func (q *request) resumes() error {
	values := q.header[lastEventID]
	if q.route.eventID == nil || len(values) == 0 {
		return nil // it is not passed on
	}
	if len(values) > 1 || !q.route.eventID.MatchString(values[0]) {
		return unreadable("Last-Event-ID has not the form that events declares for ids")
	}
	return nil
}

// beginEvents prepares to read a stream of events, if its route declares one.
func (x *exchange) beginEvents(s *response, incoming *http.Response) error {
	if x.request.route.events == nil || s.status != http.StatusOK {
		s.buffer = getBuffer() // it may never end: that it is not declared is said of its type
		if x.learning && s.status == http.StatusOK {
			const while = time.Second
			enough := time.AfterFunc(while, func() { _ = incoming.Body.Close() })
			_, _ = io.CopyN(s.buffer, incoming.Body, mostSketched)
			enough.Stop()
		}
		_ = incoming.Body.Close()
		return nil
	}
	if !slices.Contains([]string{"", "utf-8"}, s.coded) {
		return notUnderstood("the charset of the stream: events are UTF-8")
	}
	if coded := strings.Join(incoming.Header["Content-Encoding"], ","); coded != "" && coded != "identity" {
		return notUnderstood("the stream is in a coding that was not asked for")
	}
	s.events = true
	s.rest = &rest{body: incoming.Body, decoder: func() {}, closes: incoming.Body}
	return nil
}

// pulled is an event of the application, or why there is no other.
type pulled struct {
	content.Event
	err error
}

// flow sends a stream of events, each of which is decided and written before it goes out. The
// beginning is a response of its own: that the stream was opened is written, with whom the
// request names. Then nothing but this function writes to the asker, and one event at a
// time is held.
func (x *exchange) flow(ctx context.Context) Outcome {
	outcome, opened := x.opens(ctx)
	if !opened {
		return outcome
	}
	x.sendHeader(x.response, contents{contentType: withCharset(eventsMedia)})
	x.w.Header()["X-Accel-Buffering"] = []string{"no"}
	x.sendReceipt()
	x.flowing = x.proxy.Now()
	x.w.WriteHeader(http.StatusOK)
	if x.r.Method == http.MethodHead {
		return outcome
	}

	under, end := context.WithCancel(ctx)
	defer end()
	w := x.newWire(under)
	defer w.over()
	events, next, over := x.pull(under)
	err := w.send(under, []byte(again))
	look := time.NewTicker(x.proxy.flows.every)
	defer look.Stop()
	for err == nil {
		select {
		case <-under.Done():
			err = under.Err()
		case <-x.proxy.Leaving:
			err = errLeaving
		case <-look.C:
			if err = x.goesOn(under); err == nil {
				err = w.send(under, []byte(":\n\n"))
			}
		case event := <-events:
			if err = event.err; err == nil {
				var became Outcome
				if became, err = x.event(under, w, event.Event); err == nil {
					outcome = outcome.heavier(became)
					select {
					case next <- struct{}{}:
					case <-under.Done():
					}
				}
			}
		}
	}
	w.over()
	end()
	x.response.rest.close() // whoever waits for the application waits no more
	over()
	outcome, err = x.ended(ctx, policy.Show, outcome, err)
	if refused, ok := errors.AsType[*refusedMessage](err); ok && ctx.Err() == nil {
		last := x.newWire(ctx)
		defer last.over()
		_ = last.send(ctx, append(appendReceipt(nil, refused.receipt), later...))
	}
	return outcome
}

// pull reads the application's events: one, and the next when it is told that nothing holds
// the one before any more. What is held is taken of what may be read at this moment.
func (x *exchange) pull(ctx context.Context) (events <-chan pulled, next chan<- struct{}, over func()) {
	out, on := make(chan pulled), make(chan struct{})
	var reading sync.WaitGroup
	reading.Go(func() {
		taken := x.proxy.reading.Share(asCopy)
		defer taken.GiveBack()
		in := budget.NewReader(x.response.rest.body, &taken)
		from := content.NewEvents(in, int(min(largestMessage, x.service.Largest)))
		from.Drops = in.Drop
		for {
			event, err := from.Next()
			select {
			case out <- pulled{event, x.wrong(err)}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
			select {
			case <-on:
			case <-ctx.Done():
				return
			}
		}
	})
	return out, on, reading.Wait
}

// wrong sorts why no event could be read. An application that ends its stream, in whatever way,
// ends it: what it had begun to say is no event.
func (x *exchange) wrong(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, content.ErrLongEvent):
		return notUnderstood(err.Error())
	case errors.Is(err, budget.ErrTooMuch):
		return x.unavailable(policy.TooMuchAtOnce, err.Error())
	default:
		return io.EOF
	}
}

// event decides one event, and sends what of it may go out.
func (x *exchange) event(ctx context.Context, w *wire, event content.Event) (Outcome, error) {
	route := x.request.route
	if event.ID != "" && (route.eventID == nil || !route.eventID.MatchString(event.ID)) {
		return "", &objection{policy.UndeclaredAnswer, "the id of an event has not the form that events declares"}
	}
	if event.Bare {
		if err := x.goesOn(ctx); err != nil {
			return "", err
		}
		return Plain, w.send(ctx, event.Append(nil))
	}
	by, declared := route.events[event.Name]
	if !declared {
		return "", &objection{policy.UndeclaredAnswer, "an event of a type that is not declared"}
	}
	t, err := x.message(ctx, by, event.Data)
	if err != nil {
		return "", err
	}
	if t.hides {
		event.ID = "" // an application may number its events after whom they are about
	}
	text := appendReceipt(nil, t.receipt)
	switch event.Data = t.body; {
	case t.goes:
		text = event.Append(text)
	case len(text) > 0:
		text = append(text, '\n')
	}
	return t.outcome, w.send(ctx, text)
}

// appendReceipt appends, as a comment, the number of the first entry that was written of a
// message. It stands alone where the message is withheld.
func appendReceipt(dst []byte, receipt ledger.Number) []byte {
	if receipt == 0 {
		return dst
	}
	dst = append(dst, ": Poterne-Receipt "...)
	return append(strconv.AppendUint(dst, uint64(receipt), 10), '\n')
}
