package socket

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// Why a side is told that the connection ends (RFC 6455, section 7.4).
const (
	Done    = int(websocket.StatusNormalClosure)
	Leaving = int(websocket.StatusGoingAway)
	Refused = int(websocket.StatusPolicyViolation)
	Failed  = int(websocket.StatusInternalError)
	Restart = int(websocket.StatusServiceRestart)
	Later   = int(websocket.StatusTryAgainLater)
	SignIn  = 3000 // registered with IANA as Unauthorized
)

// How long is waited for what answers nothing.
const (
	farewell = time.Second      // for a side to confirm that the connection ends
	Silence  = time.Minute      // for a sign of life of a page, which is asked for it
	pong     = 10 * time.Second // for one answer to that
)

// What a message cannot be. The errors quote nothing of it.
var (
	ErrBinary = errors.New("a message is binary")
	ErrLong   = errors.New("a message is longer than it may be")
)

// Line is the connection to one side.
type Line struct {
	conn  *websocket.Conn
	raw   io.Closer    // what it goes over
	heard atomic.Int64 // when there was a sign of life, in nanoseconds since 1970
	next  chan struct{}
	over  chan struct{}
	ends  sync.Once
	reads sync.WaitGroup
}

func newLine(conn *websocket.Conn, raw io.Closer) *Line {
	conn.SetReadLimit(-1) // Messages has its own, of what may be read over all requests
	l := &Line{conn: conn, raw: raw, next: make(chan struct{}), over: make(chan struct{})}
	l.Lives()
	return l
}

// Accept answers the handshake of a page. Nothing MUST be written to w afterwards. A protocol
// that is not empty is one that the page offered.
func Accept(w http.ResponseWriter, r *http.Request, protocol string) (*Line, error) {
	var line *Line
	options := &websocket.AcceptOptions{
		InsecureSkipVerify: true, // whose page may ask was looked at by whoever declared that
		OnPongReceived:     func(context.Context, []byte) { line.Lives() },
	}
	if protocol != "" {
		options.Subprotocols = []string{protocol}
	}
	taken := &taken{ResponseWriter: w}
	conn, err := websocket.Accept(taken, r, options)
	if err != nil {
		return nil, err
	}
	line = newLine(conn, taken.conn)
	return line, nil
}

// taken is a response whose connection is taken over.
type taken struct {
	http.ResponseWriter
	conn net.Conn
}

func (t *taken) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(t.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	t.conn = conn
	return &pageSide{conn}, buffered, nil
}

// errCut is the end of a connection. The protocol has its own way to end one: to whoever puts frames together
// io.EOF would be the end of a message, which was cut short.
var errCut = errors.New("the connection is cut")

func cut(err error) error {
	if err == io.EOF {
		return errCut
	}
	return err
}

// pageSide and applicationSide are connections that end by errCut.
type (
	pageSide        struct{ net.Conn }
	applicationSide struct{ io.ReadWriteCloser }
)

func (s *pageSide) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	return n, cut(err)
}

func (s *applicationSide) Read(p []byte) (int, error) {
	n, err := s.ReadWriteCloser.Read(p)
	return n, cut(err)
}

// Dial has ask send a handshake, of which h has the header fields, and returns the connection
// if the application took it. The response is what it answered, nil when it did not; its body is
// not to be read. Errors may quote the application.
func Dial(ctx context.Context, protocols []string, ask func(h http.Header) (*http.Response, error)) (*Line, *http.Response, error) {
	via := &via{ask: ask}
	conn, response, err := websocket.Dial(ctx, "ws://application.invalid/", &websocket.DialOptions{
		Subprotocols: protocols,
		HTTPClient:   &http.Client{Transport: via, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	})
	if err != nil {
		return nil, response, err
	}
	return newLine(conn, via.body), response, nil
}

// via sends the handshake where it is to go.
type via struct {
	ask  func(http.Header) (*http.Response, error)
	body io.Closer
}

func (v *via) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := v.ask(r.Header)
	if err != nil {
		return nil, err
	}
	v.body = response.Body
	if both, ok := response.Body.(io.ReadWriteCloser); ok {
		response.Body = &applicationSide{both}
	}
	return response, nil
}

// Protocol is the subprotocol that is spoken; none when empty.
func (l *Line) Protocol() string { return l.conn.Subprotocol() }

// Message is what one side said, or why it says no more: ErrBinary, ErrLong, that of the reader
// it was taken by, or io.EOF, with the code by which it closed if it did.
type Message struct {
	Text []byte
	Err  error
	Code int
}

// Messages reads what comes from a side: one message, and the next once Next says that nothing
// holds the one before any more. Each has so many bytes at most, is whole so soon after it has
// begun, and goes through take, which bounds what all that is read holds.
func (l *Line) Messages(most int64, within time.Duration, take func(io.Reader) io.Reader) <-chan Message {
	out := make(chan Message)
	l.reads.Go(func() {
		for {
			m := l.read(most, within, take)
			select {
			case out <- m:
			case <-l.over:
				return
			}
			if m.Err != nil {
				return
			}
			select {
			case <-l.next:
			case <-l.over:
				return
			}
		}
	})
	return out
}

// Next has the next message be read.
func (l *Line) Next() {
	select {
	case l.next <- struct{}{}:
	case <-l.over:
	}
}

func (l *Line) read(most int64, within time.Duration, take func(io.Reader) io.Reader) Message {
	kind, from, err := l.conn.Reader(context.Background()) // the end of the connection ends it
	if err != nil {
		return Message{Err: io.EOF, Code: max(0, int(websocket.CloseStatus(err)))}
	}
	l.Lives()
	late := time.AfterFunc(within, func() { _ = l.raw.Close() })
	defer late.Stop()
	if kind != websocket.MessageText {
		return Message{Err: ErrBinary}
	}
	lost := &lost{from: from}
	text, err := io.ReadAll(io.LimitReader(take(lost), most+1))
	switch {
	case lost.err != nil:
		return Message{Err: io.EOF, Code: max(0, int(websocket.CloseStatus(lost.err)))}
	case err != nil:
		return Message{Err: err}
	case int64(len(text)) > most:
		return Message{Err: ErrLong}
	default:
		return Message{Text: text}
	}
}

// lost tells that the connection failed from what a reader over it objects to.
type lost struct {
	from io.Reader
	err  error
}

func (f *lost) Read(p []byte) (int, error) {
	n, err := f.from.Read(p)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}

// Send hands a message over, unless ctx ends first: then the connection is closed.
func (l *Line) Send(ctx context.Context, text []byte, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	err := l.conn.Write(ctx, websocket.MessageText, text)
	l.Lives()
	return err
}

// Lives notes a sign of life.
func (l *Line) Lives() { l.heard.Store(time.Now().UnixNano()) }

// Silent reports whether there was none for too long, and asks for one. It is called by whoever closes.
func (l *Line) Silent() bool {
	l.reads.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), pong)
		defer cancel()
		_ = l.conn.Ping(ctx)
	})
	return time.Since(time.Unix(0, l.heard.Load())) > Silence
}

// Close ends the connection, and says why to whoever is there to hear it: no more than 123
// bytes. Nothing of what comes meanwhile is given to anybody. Only the first call counts.
func (l *Line) Close(code int, reason string) {
	l.ends.Do(func() {
		close(l.over)
		late := time.AfterFunc(farewell, func() { _ = l.raw.Close() })
		defer late.Stop()
		_ = l.conn.Close(websocket.StatusCode(code), reason)
		l.reads.Wait()
	})
}
