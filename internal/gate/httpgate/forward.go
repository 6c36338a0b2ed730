package httpgate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"poterne/internal/fault"
	"poterne/internal/policy"
	"poterne/internal/trace"
)

// forward asks the application, and collects the whole of its response, but for a large
// file that passes unread: that is begun.
func (x *exchange) forward(ctx context.Context) (s *response, err error) {
	if x.request.route.socket != nil && !x.request.polls() {
		return x.shake(ctx)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(x.patience(), func() { cancel(context.DeadlineExceeded) })
	arrives := x.waits(ctx, cancel)
	var incoming *http.Response
	defer func() {
		arrives()
		if s != nil && s.rest != nil {
			timer.Stop() // until the first portion is waited for
			s.rest.last, s.rest.timer, s.rest.cancel = x.service.Timeout, timer, cancel
			return
		}
		if incoming != nil {
			_ = incoming.Body.Close()
		}
		timer.Stop()
		cancel(nil)
	}()
	out, err := x.toApplication(ctx)
	if err != nil {
		return nil, err
	}
	_, span := trace.Call(ctx, "application")
	if span != nil {
		out.Header["Traceparent"] = []string{span.Traceparent()}
	}
	incoming, err = x.proxy.lines.Ask(out, x.service.Reuse, x.session.Account)
	span.Fail(err)
	span.End()
	if err != nil {
		return nil, x.unanswered(err)
	}
	s = &response{status: incoming.StatusCode, header: incoming.Header}
	switch {
	case s.status == http.StatusOK, s.status == http.StatusCreated, s.status == http.StatusAccepted:
	case s.status == http.StatusNoContent,
		s.status == http.StatusNotModified && x.request.route.Kind == Static,
		slices.Contains(redirections, s.status):
		drain(incoming.Body)
		return s, nil
	case x.request.route.Invalid != nil && slices.Contains(x.request.route.Invalid.Status, s.status):
	case s.status >= 400:
		drain(incoming.Body)
		return nil, x.answeredError(s.status)
	default:
		return nil, notUnderstood("the application answered with a status that is not passed on")
	}
	if err := x.collect(s, incoming); err != nil {
		if ctx.Err() != nil {
			err = x.unanswered(ctx.Err())
		}
		s.free()
		return nil, err
	}
	return s, nil
}

// toApplication is what the application is sent: what was matched, to the byte. HEAD
// is sent as GET, so that its response is read and decided like any other.
func (x *exchange) toApplication(ctx context.Context) (*http.Request, error) {
	q := &x.request
	assertion, err := x.proxy.Assertions.Assert(ctx, x.session, x.service.ID, q.route.Purpose)
	if err != nil {
		return nil, err
	}
	plain, err := url.PathUnescape(q.address.Path)
	if err != nil {
		return nil, err
	}
	method := q.method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	out := &http.Request{
		Method: method, Header: x.outgoingHeader(assertion), Host: x.service.Upstream.Host,
		URL: &url.URL{
			Scheme: x.service.Upstream.Scheme, Host: x.service.Upstream.Host,
			Path: plain, RawPath: q.address.Path, RawQuery: q.address.RawQuery,
		},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if len(q.body) > 0 {
		out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(q.body)), int64(len(q.body))
	} else {
		delete(out.Header, "Content-Type")
	}
	return out.WithContext(ctx), nil
}

// failure is why an application that was asked gave nothing that can be passed on.
type failure struct {
	kind    fault.Kind
	why     policy.Why
	because string // for the operator's log; it holds nothing of the response
	status  int    // of the error it answered with; 0 when there was no answer
}

func (f *failure) Error() string { return f.because }

// Unwrap sorts the failure.
func (f *failure) Unwrap() error { return &fault.Error{Kind: f.kind} }

// unanswered forgets the error's text, which may quote what the application sent.
func (x *exchange) unanswered(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return x.unavailable(policy.NotInTime, "no response in time")
	}
	return x.unavailable(policy.NotAnswered, "no connection, or no response that is HTTP")
}

// unavailable is a failure after which the same may be asked again, but for a change:
// whether that took place is not known.
func (x *exchange) unavailable(why policy.Why, because string) error {
	if x.request.changes() {
		why = policy.NotConfirmed
	}
	return &failure{kind: fault.Unavailable, why: why, because: because}
}

// drain reads what is left of a body that is not passed on, if it is short, so
// that its connection can be used again.
func drain(body io.Reader) { _, _ = io.CopyN(io.Discard, body, 16<<10) }

// answeredError sorts an error page by its status; the page itself never goes
// out. Where a request names somebody, "there is no such file", "it is not for you"
// and whatever else an application finds wrong with it are one and the same: only
// the ledger has been asked for them, and nobody was charged.
func (x *exchange) answeredError(status int) error {
	f := &failure{kind: fault.Invalid, why: policy.AnsweredNo, because: fmt.Sprintf("the application answered with status %d", status), status: status}
	switch status {
	case http.StatusNotFound, http.StatusGone, http.StatusForbidden:
		if x.request.route.namesSomebody() {
			return &objection{policy.NotThere, "the application says so"}
		}
		f.kind, f.why = fault.Absent, policy.AnsweredAbsent
		if status == http.StatusForbidden {
			f.kind, f.why = fault.Refused, policy.AnsweredNo
		}
	case http.StatusUnauthorized:
		f.kind = fault.Refused
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		if status > 500 {
			return x.unavailable(policy.AnsweredLater, f.because)
		}
		f.kind, f.why = fault.Unavailable, policy.AnsweredLater
	default:
		switch {
		case status >= 500 && x.request.changes():
			f.kind, f.why = fault.Broken, policy.NotConfirmed
		case status >= 500:
			f.kind, f.why = fault.Broken, policy.AnsweredError
		case len(x.request.named) > 0 && !x.request.changes():
			return &objection{policy.NotThere, "the application finds something wrong with the request"}
		}
	}
	return f
}
