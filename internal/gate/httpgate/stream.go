package httpgate

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"poterne/internal/gate"
	"poterne/internal/policy"
)

// rest is a file that passes unread, of which nothing was read yet. What an application
// sends goes out portion by portion: neither memory nor a disk holds it.
type rest struct {
	body    io.Reader
	decoder func()
	closes  io.Closer
	length  int64 // as it goes out; -1 when that is not known
	last    time.Duration
	timer   *time.Timer // ends the wait for the next portion
	cancel  context.CancelCauseFunc
}

func (r *rest) close() {
	r.timer.Stop()
	r.cancel(nil)
	r.decoder()
	_ = r.closes.Close()
}

// streams reports whether a response goes out as it comes: a file that nobody looks into,
// and that is larger than what is collected, or does not say how large it is. Text in
// another charset than UTF-8 is collected, to be turned into it.
func (x *exchange) streams(s *response, incoming *http.Response) bool {
	asItIs := !isText(s.media) || slices.Contains([]string{"", "utf-8", "us-ascii"}, s.coded)
	return x.service.Downloads > 0 && asItIs && x.request.route.passesUnread(s) &&
		(incoming.ContentLength < 0 || incoming.ContentLength > x.service.Largest)
}

// begin prepares to pass a file on.
func (x *exchange) begin(s *response, incoming *http.Response) error {
	if incoming.ContentLength > x.service.Downloads {
		return notUnderstood("the response is too large")
	}
	s.taken = x.proxy.reading.Share(asIs)
	if err := s.taken.Grow(portion); err != nil {
		return x.unavailable(policy.TooMuchAtOnce, err.Error())
	}
	body, closeAll, err := decode(incoming.Body, incoming.Header["Content-Encoding"])
	if err != nil {
		return err
	}
	length := incoming.ContentLength
	if body != io.Reader(incoming.Body) {
		length = -1
	}
	s.rest = &rest{body: body, decoder: closeAll, closes: incoming.Body, length: length}
	return nil
}

// stream sends a file as it comes. An order, an application that stops in the middle and
// one that sends too much break it off; the browser sees that it is not whole. What waits
// longer than the service's timeout for either side is broken off too.
func (x *exchange) stream(ctx context.Context) {
	r := x.response.rest
	if r.length >= 0 {
		x.w.Header()["Content-Length"] = []string{strconv.FormatInt(r.length, 10)}
	}
	// What the server allows for a request and its response as a whole, a file may exceed.
	deadlines := http.NewResponseController(x.w)
	_ = deadlines.SetReadDeadline(time.Time{})
	x.w.WriteHeader(x.response.status)
	if x.r.Method == http.MethodHead {
		return
	}
	buffer := make([]byte, portion)
	for sent := int64(0); ; {
		r.timer.Reset(r.last)
		n, err := fill(r.body, buffer)
		r.timer.Stop()
		ends := err == io.EOF
		sent += int64(n)
		if errors.Is(context.Cause(ctx), gate.ErrCut) || err != nil && !ends || sent > x.service.Downloads {
			panic(http.ErrAbortHandler)
		}
		_ = deadlines.SetWriteDeadline(time.Now().Add(r.last))
		if _, err := x.w.Write(buffer[:n]); err != nil {
			return // the browser has gone
		}
		if ends {
			return
		}
	}
}

// fill reads until a buffer is full, or as far as it gets. io.EOF is the end of the whole:
// io.ReadFull does not tell that from one that was cut short.
func fill(from io.Reader, buffer []byte) (n int, err error) {
	for n < len(buffer) && err == nil {
		var more int
		more, err = from.Read(buffer[n:])
		n += more
	}
	return n, err
}
