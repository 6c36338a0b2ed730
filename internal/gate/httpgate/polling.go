package httpgate

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"poterne/internal/fault"
	"poterne/internal/gate/shape"
	"poterne/internal/gate/socket"
	"poterne/internal/policy"
)

// Engine.IO, which socket.io is built on, begins by polling: a GET is answered when there are messages,
// a POST brings some, and both have them in one text.
const (
	textMedia = "text/plain"
	silence   = "6"  // a message that says nothing, where none is left
	heard     = "ok" // the answer to what a page says
)

// isPolled reports whether a page may ask and say by polling what others do by a WebSocket.
func (t *route) isPolled() bool { return t.Socket != nil && t.Socket.Polling }

// polls reports whether a request does so.
func (q *request) polls() bool {
	return q.route != nil && q.route.isPolled() && len(q.header["Upgrade"]) == 0
}

// takeMessages reads what a page says by polling.
func (q *request) takeMessages(w http.ResponseWriter, r *http.Request) error {
	if q.method != http.MethodPost {
		if q.method != http.MethodGet || r.ContentLength != 0 {
			return unreadable("messages are asked for by GET, without a body")
		}
		return nil
	}
	if media, ok := mediaType(q.header); !ok || media != textMedia || len(q.header["Content-Encoding"]) > 0 {
		return &objection{policy.UndeclaredBody, "the content type of messages"}
	}
	return q.takeBody(w, r)
}

// saysByPolling decides each message of a page, before the application hears of any.
func (x *exchange) saysByPolling(ctx context.Context) (Outcome, error) {
	whole, outcome := x.request, Plain
	var passes [][]byte
	all, err := socket.Polled(whole.body, min(largestMessage, largestAsked))
	if err != nil {
		return "", unreadable(err.Error())
	}
	for _, text := range all {
		x.odd = &oddMessage{from: shape.Takes, text: text, by: whole.route.socket}
		became, passed, err := x.asked(ctx, text)
		if err != nil {
			return "", err // of the message's own request
		}
		passes = append(passes, passed)
		whole.changed = whole.changed || x.request.changes()
		x.request, x.odd, outcome = whole, nil, outcome.heavier(became)
	}
	x.asking.PassedOn()
	x.request.body = socket.Together(passes)
	return outcome, nil
}

// answerPolling answers a page that polls: that it was heard, or with what may go out of the messages that the
// application has for it, each of which is decided and written.
func (x *exchange) answerPolling(ctx context.Context, outcome Outcome) Outcome {
	s, out := x.response, []byte(heard)
	switch {
	case s.status != http.StatusOK:
		return x.stop(ctx, policy.Show, notUnderstood("messages are answered with another status"))
	case x.request.method == http.MethodPost && string(s.body()) != heard:
		return x.stop(ctx, policy.Show, notUnderstood("the application answers what a page says with more than that it heard it"))
	case x.request.method == http.MethodGet:
		if s.media != textMedia || !slices.Contains([]string{"", "utf-8"}, s.coded) {
			return x.stop(ctx, policy.Show, &objection{policy.UndeclaredAnswer, "the content type of messages"})
		}
		all, err := socket.Polled(s.body(), min(largestMessage, x.service.Largest))
		if err != nil {
			return x.stop(ctx, policy.Show, notUnderstood(err.Error()))
		}
		opened := false
		if outcome, opened = x.opens(ctx); !opened {
			return outcome
		}
		var goes [][]byte
		for i, text := range all {
			x.odd = &oddMessage{from: shape.Sends, text: text, by: x.request.route.socket, beside: all[i+1:]}
			t, err := x.said(ctx, text)
			if err != nil {
				return x.stopPolling(ctx, policy.Show, err)
			}
			x.odd, outcome = nil, outcome.heavier(t.outcome)
			if t.goes {
				goes = append(goes, t.body)
			}
		}
		if out = socket.Together(goes); len(out) == 0 {
			out = []byte(silence)
		}
	}
	// An order that came since still stops it all.
	if err := context.Cause(ctx); err != nil {
		return x.stop(ctx, policy.Show, &fault.Error{Kind: fault.Unavailable, Err: err})
	}
	x.release(ctx, contents{contentType: withCharset(textMedia)}, out)
	return outcome
}

// stopPolling answers that messages are not passed on, of which one is refused already, or is wrong.
func (x *exchange) stopPolling(ctx context.Context, act policy.Act, err error) Outcome {
	if refused, ok := errors.AsType[*refusedMessage](err); ok {
		return x.refuse(refused.ruling)
	}
	return x.stop(ctx, act, err)
}
