package httpgate

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"poterne/internal/gate/budget"
	"poterne/internal/gate/socket"
	"poterne/internal/policy"
)

// response is what an application answered, collected and decoded.
type response struct {
	status int
	header http.Header
	media  string // of the body, if there is one
	coded  string // its charset, as it says; UTF-8 when empty
	buffer *bytes.Buffer
	rest   *rest // what goes out as it comes, in place of the buffer
	events bool  // rest is a stream of declared events, not a file
	line   *socket.Line
	taken  budget.Share // of what may be read at this moment
}

func (s *response) body() []byte {
	if s.buffer == nil {
		return nil
	}
	return s.buffer.Bytes()
}

// free gives the buffer back, if it is there still. Nothing that was read from it may be
// used any more.
func (s *response) free() {
	if s == nil {
		return
	}
	putBuffer(s.buffer)
	s.buffer = nil
	if s.rest != nil {
		s.rest.close()
		s.rest = nil
	}
	if s.line != nil {
		go s.line.Close(socket.Leaving, "") // nobody waits for an application to say farewell
	}
	s.taken.GiveBack()
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

// collect takes in the body, whole and decoded, or fails.
func (x *exchange) collect(s *response, incoming *http.Response) error {
	var ok bool
	if s.media, s.coded, ok = mediaAndCharset(incoming.Header); !ok {
		return notUnderstood("the content type of the response")
	}
	if s.media == eventsMedia {
		return x.beginEvents(s, incoming)
	}
	ended := incoming.TLS != nil && incoming.TLS.NegotiatedProtocol == "h2" // by the protocol; a status line can say any version
	if !ended && incoming.ContentLength < 0 && !slices.Contains(incoming.TransferEncoding, "chunked") {
		return notUnderstood("the response does not say where it ends")
	}
	if x.streams(s, incoming) {
		return x.begin(s, incoming)
	}
	if incoming.ContentLength > x.service.Largest {
		return notUnderstood("the response is too large")
	}
	body, closeAll, err := decode(incoming.Body, incoming.Header["Content-Encoding"])
	if err != nil {
		return err
	}
	defer closeAll()
	s.buffer, s.taken = getBuffer(), x.proxy.reading.Share(x.request.route.weight(s.status, s.media))
	if incoming.ContentLength > 0 {
		if err := s.taken.Grow(incoming.ContentLength); err != nil {
			return x.unavailable(policy.TooMuchAtOnce, err.Error())
		}
		s.buffer.Grow(int(incoming.ContentLength) + bytes.MinRead)
	}
	switch n, err := s.buffer.ReadFrom(budget.NewReader(io.LimitReader(body, x.service.Largest+1), &s.taken)); {
	case errors.Is(err, budget.ErrTooMuch):
		return x.unavailable(policy.TooMuchAtOnce, err.Error())
	case err != nil:
		return notUnderstood("the response is cut short, or not in its coding")
	case n > x.service.Largest:
		return notUnderstood("the response is too large")
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
		return nil, nil, notUnderstood("the response has too many codings")
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
			return nil, nil, notUnderstood("the coding of the response")
		}
	}
	return body, closeAll, nil
}
