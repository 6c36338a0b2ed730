package httpgate

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"poterne/internal/fault"
	"poterne/internal/policy"
)

// said is what an application answered, collected and decoded.
type said struct {
	status int
	header http.Header
	media  string // of the body, if there is one
	buffer *bytes.Buffer
	taken  share // of what may be read at this moment
}

func (s *said) body() []byte {
	if s.buffer == nil {
		return nil
	}
	return s.buffer.Bytes()
}

// free gives the buffer back. Nothing that was read from it may be used any more.
func (s *said) free() {
	putBuffer(s.buffer)
	s.taken.giveBack()
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func getBuffer() *bytes.Buffer {
	b := buffers.Get().(*bytes.Buffer)
	b.Reset()
	return b
}

func putBuffer(b *bytes.Buffer) {
	const worthKeeping = 1 << 20
	if b != nil && b.Cap() <= worthKeeping {
		buffers.Put(b)
	}
}

// forward asks the application, and collects the whole of its answer.
func (g *passage) forward() (*said, error) {
	ctx, cancel := context.WithTimeout(g.ctx, g.service.Timeout)
	defer cancel()
	out, err := g.request(ctx)
	if err != nil {
		return nil, err
	}
	g.act = policy.Show // the application is asked: from here on, what is refused is an answer
	answer, err := g.proxy.lines.ask(out, g.service.Reuse, g.session.Account)
	if err != nil {
		return nil, g.unanswered(err)
	}
	defer answer.Body.Close()
	s := &said{status: answer.StatusCode, header: answer.Header}
	switch {
	case s.status == http.StatusOK, s.status == http.StatusCreated, s.status == http.StatusAccepted:
	case s.status == http.StatusNoContent,
		s.status == http.StatusNotModified && g.route.Kind == Static,
		slices.Contains(redirections, s.status):
		drain(answer.Body)
		return s, nil
	case s.status >= 400:
		drain(answer.Body)
		return nil, g.answeredError(s.status)
	default:
		return nil, notUnderstood("the application answered with a status that is not passed on")
	}
	if err := g.collect(s, answer); err != nil {
		if ctx.Err() != nil {
			err = g.unanswered(ctx.Err())
		}
		s.free()
		return nil, err
	}
	return s, nil
}

// failure is why an application that was asked gave nothing that can be passed on.
type failure struct {
	kind    fault.Kind
	why     policy.Why
	because string // for the operator's log; it holds nothing of the answer
}

func (f *failure) Error() string { return f.because }

// Unwrap sorts the failure.
func (f *failure) Unwrap() error { return &fault.Error{Kind: f.kind} }

// unanswered forgets the error's text, which may quote what the application sent.
func (g *passage) unanswered(err error) error {
	f := &failure{fault.Unavailable, policy.NotAnswered, "no connection, or no answer that is HTTP"}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		f.why, f.because = policy.NotInTime, "no answer in time"
	}
	if g.changes() {
		f.why = policy.NotConfirmed
	}
	return f
}

// drain reads what is left of a body that is not passed on, if it is short, so
// that its connection can be used again.
func drain(body io.Reader) { _, _ = io.CopyN(io.Discard, body, 16<<10) }

// answeredError sorts an error page by its status; the page itself never goes
// out. Where a request names somebody, "there is no such file", "it is not for you"
// and whatever else an application finds wrong with it are one and the same: only
// the ledger has been asked for them, and nobody was charged.
func (g *passage) answeredError(status int) error {
	f := &failure{fault.Invalid, policy.AnsweredNo, fmt.Sprintf("the application answered with status %d", status)}
	switch status {
	case http.StatusNotFound, http.StatusGone, http.StatusForbidden:
		if g.route.namesSomebody() {
			return &objection{policy.NotThere, "the application says so"}
		}
		f.kind, f.why = fault.Absent, policy.AnsweredAbsent
		if status == http.StatusForbidden {
			f.kind, f.why = fault.Refused, policy.AnsweredNo
		}
	case http.StatusUnauthorized:
		f.kind = fault.Refused
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		f.kind, f.why = fault.Unavailable, policy.AnsweredLater
		if g.changes() && status > 500 {
			f.why = policy.NotConfirmed
		}
	default:
		switch {
		case status >= 500 && g.changes():
			f.kind, f.why = fault.Broken, policy.NotConfirmed
		case status >= 500:
			f.kind, f.why = fault.Broken, policy.AnsweredError
		case len(g.named) > 0 && !g.changes():
			return &objection{policy.NotThere, "the application finds something wrong with the request"}
		}
	}
	return f
}

// collect takes in the body, whole and decoded, or fails.
func (g *passage) collect(s *said, answer *http.Response) error {
	var ok bool
	if s.media, ok = mediaType(answer.Header); !ok {
		return notUnderstood("the content type of the answer")
	}
	if answer.ProtoMajor == 1 && answer.ContentLength < 0 && !slices.Contains(answer.TransferEncoding, "chunked") {
		return notUnderstood("the answer does not say where it ends")
	}
	if answer.ContentLength > g.service.Largest {
		return notUnderstood("the answer is too large")
	}
	body, closeAll, err := decode(answer.Body, answer.Header["Content-Encoding"])
	if err != nil {
		return err
	}
	defer closeAll()
	s.buffer, s.taken = getBuffer(), share{of: &g.proxy.reading, weight: g.route.weight(s.media)}
	if answer.ContentLength > 0 {
		if err := s.taken.grow(answer.ContentLength); err != nil {
			return g.tooMuch(err)
		}
		s.buffer.Grow(int(answer.ContentLength) + bytes.MinRead)
	}
	switch n, err := s.buffer.ReadFrom(&taking{io.LimitReader(body, g.service.Largest+1), &s.taken, 0}); {
	case errors.Is(err, errTooMuch):
		return g.tooMuch(err)
	case err != nil:
		return notUnderstood("the answer is cut short, or not in its coding")
	case n > g.service.Largest:
		return notUnderstood("the answer is too large")
	}
	return nil
}

// decode undoes the content codings, the last one first.
func decode(body io.Reader, header []string) (_ io.Reader, closeAll func(), err error) {
	const mostCodings = 3
	closers := []func(){}
	closeAll = func() {
		for _, c := range closers {
			c()
		}
	}
	if len(header) == 0 {
		return body, closeAll, nil
	}
	codings := strings.Split(strings.ToLower(strings.Join(header, ",")), ",")
	if len(codings) > mostCodings {
		return nil, nil, notUnderstood("the answer has too many codings")
	}
	for _, coding := range slices.Backward(codings) {
		switch strings.TrimSpace(coding) {
		case "", "identity":
		case "gzip", "x-gzip":
			body, err = gzip.NewReader(body)
		case "br":
			body = brotli.NewReader(body)
		case "zstd":
			var z *zstd.Decoder
			if z, err = zstd.NewReader(body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(LargestAnswer)); err == nil {
				body, closers = z, append(closers, z.Close)
			}
		default:
			err = errors.New("unknown")
		}
		if err != nil {
			closeAll()
			return nil, nil, notUnderstood("the coding of the answer")
		}
	}
	return body, closeAll, nil
}

// note tells the operator why something was not understood or not reached.
func (g *passage) note(message string, err error) {
	name := ""
	if g.route != nil {
		name = g.route.name
	}
	g.proxy.Log.WarnContext(g.r.Context(), message,
		slog.String("service", string(g.service.ID)), slog.String("route", name), slog.Any("err", err))
}
