package lines

import (
	"bufio"
	"cmp"
	"container/list"
	"context"
	"errors"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"time"

	"poterne/internal/roster"
)

// plain is the connections for what is read by HTTP/1.1 without TLS, which is nearly all that is asked. Whoever asks writes
// the request and reads the response; net/http hands both over to two goroutines of each connection, which takes a tenth of
// the processor time of a passage. These requests have no body: none is answered before it is written whole, and each may be asked
// once more.
type plain struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)

	mu    sync.Mutex // guards what follows
	idle  map[owner][]*line
	all   list.List   // of *line, all that are idle, the one that is for longest in front
	sweep *time.Timer // ends what is idle for long; nil while nothing is
}

// owner is whose requests a line carries, and where it leads.
type owner struct {
	address string
	account roster.AccountID
}

// line is a connection. It is one request's, or idle.
type line struct {
	conn  net.Conn
	of    owner
	look  func() (quiet, more bool) // whether it is open and nothing came that nobody waits for, and if not, whether something did
	in    *bufio.Reader
	out   *bufio.Writer
	left  int64         // bytes that may come before the next response's body
	since time.Time     // it is idle
	place *list.Element // among all that are
}

// Read implements io.Reader for the line's own buffer.
func (l *line) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errors.New("the header of the response is too large")
	}
	n, err := l.conn.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}

// asks reports whether a request goes out here.
func (p *plain) asks(out *http.Request) bool {
	return out.URL.Scheme == "http" && out.Body == nil && out.Method == http.MethodGet
}

// ask sends a request and returns its response, of which the header was read. The line is the account's
// again once the body was read to its end. What ends the request's context is the error that it ends with.
func (p *plain) ask(out *http.Request, reuse bool, account roster.AccountID) (*http.Response, error) {
	ctx, to := out.Context(), owner{upstream{out.URL}.address(), account}
	for reuse {
		l := p.take(to)
		if l == nil {
			break
		}
		incoming, err := p.over(l, out, true)
		if err == nil || l.left < largestHeader || ctx.Err() != nil {
			return incoming, err
		}
		// The application closed it just now, and has said nothing: what only reads is asked once more.
	}
	conn, err := p.dial(ctx, "tcp", to.address)
	if err != nil {
		return nil, cmp.Or(context.Cause(ctx), err)
	}
	l := &line{conn: conn, of: to, look: lookAt(conn), out: bufio.NewWriter(conn)}
	l.in = bufio.NewReader(l)
	return p.over(l, out, reuse)
}

// over sends a request on a line, and ends the line if that fails.
func (p *plain) over(l *line, out *http.Request, reuse bool) (*http.Response, error) {
	ctx := out.Context()
	goesOn := context.AfterFunc(ctx, func() { _ = l.conn.SetDeadline(time.Unix(1, 0)) })
	l.left = largestHeader
	incoming, err := l.exchange(out, !reuse)
	if err != nil {
		goesOn()
		_ = l.conn.Close()
		return nil, cmp.Or(context.Cause(ctx), err)
	}
	l.left = math.MaxInt64
	incoming.Body = &body{ReadCloser: incoming.Body, ends: func(whole bool) {
		if goesOn() && whole && reuse && !incoming.Close {
			p.putBack(l)
		} else {
			_ = l.conn.Close()
		}
	}}
	return incoming, nil
}

// exchange writes a request and reads the header of its response.
func (l *line) exchange(out *http.Request, last bool) (*http.Response, error) {
	out.Close = last
	if err := out.Write(l.out); err != nil {
		return nil, err
	}
	if err := l.out.Flush(); err != nil {
		return nil, err
	}
	const mostHints = 5 // responses that come before the one that counts
	for range mostHints {
		switch incoming, err := http.ReadResponse(l.in, out); {
		case err != nil || incoming.StatusCode >= http.StatusOK:
			return incoming, err
		case incoming.StatusCode == http.StatusSwitchingProtocols: // what comes after it is not HTTP
			incoming.Close = true
			return incoming, nil
		}
	}
	return nil, errors.New("no response after all that came before it")
}

// body gives a line back as soon as it was read to its end. It may be closed while another goroutine
// waits for what comes.
type body struct {
	io.ReadCloser
	once sync.Once
	ends func(whole bool)
}

func (b *body) end(whole bool) { b.once.Do(func() { b.ends(whole) }) }

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.end(true)
	}
	return n, err
}

// Close implements io.Closer. What was not read is not waited for.
func (b *body) Close() error {
	b.end(b.ReadCloser == http.NoBody)
	return nil
}

// take returns a line on which nothing came that nobody waits for; nil when there is none.
func (p *plain) take(to owner) *line {
	for {
		p.mu.Lock()
		lines := p.idle[to]
		if len(lines) == 0 {
			p.mu.Unlock()
			return nil
		}
		l := lines[len(lines)-1]
		p.remove(l, len(lines)-1)
		p.mu.Unlock()
		quiet, more := l.look()
		if quiet {
			return l
		}
		l.end(more)
	}
}

// end ends a line on which more came than the response that was waited for, or did not.
func (l *line) end(more bool) {
	if more { // as net/http does, on the standard logger, and without a word of it
		log.Print("bytes that nobody waited for, after a response")
	}
	_ = l.conn.Close()
}

// putBack keeps a line for its owner, who has no more than enough, unless something came after the response. If that is too
// many, the one that is idle for longest is ended.
func (p *plain) putBack(l *line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if more := l.in.Buffered() > 0; more || len(p.idle[l.of]) >= mostIdleOfOne {
		l.end(more)
		return
	}
	if p.all.Len() >= mostIdle {
		p.endOldest()
	}
	l.since = time.Now()
	l.place = p.all.PushBack(l)
	p.idle[l.of] = append(p.idle[l.of], l)
	if p.sweep == nil {
		p.sweep = time.AfterFunc(longestIdle, p.closeOld)
	}
}

// remove takes out the line at a place among its owner's. The caller holds mu.
func (p *plain) remove(l *line, at int) {
	p.all.Remove(l.place)
	if p.idle[l.of] = slices.Delete(p.idle[l.of], at, at+1); len(p.idle[l.of]) == 0 {
		delete(p.idle, l.of)
	}
}

// endOldest ends the line that is idle for longest; it is so among its owner's too. The caller holds mu.
func (p *plain) endOldest() {
	l := p.all.Front().Value.(*line)
	p.remove(l, 0)
	_ = l.conn.Close()
}

// closeOld ends the lines that are idle for long.
func (p *plain) closeOld() { p.closeSince(time.Now().Add(-longestIdle)) }

// closeSince ends the lines that are idle since then, or longer.
func (p *plain) closeSince(then time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.all.Len() > 0 && !p.all.Front().Value.(*line).since.After(then) {
		p.endOldest()
	}
	p.sweep = nil
	if p.all.Len() > 0 {
		p.sweep = time.AfterFunc(longestIdle/2, p.closeOld)
	}
}

// lookAt returns what looks whether a connection is open and says nothing, and if not, whether more came.
func lookAt(conn net.Conn) func() (quiet, more bool) {
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return func() (quiet, more bool) { return false, false }
	}
	var came int
	var failed error
	look := func(fd uintptr) bool {
		var one [1]byte
		came, failed = syscall.Read(int(fd), one[:])
		return true
	}
	return func() (quiet, more bool) {
		err := raw.Read(look)
		return err == nil && errors.Is(failed, syscall.EAGAIN), err == nil && came > 0
	}
}
