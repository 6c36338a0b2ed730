// Package lines keeps the gate's connections to the applications, each for one request. HTTP/1.1 tells which request an
// answer belongs to by nothing but its place on the connection: bytes that an
// application sends after a response are, to whoever asks next on this connection,
// the response to what they asked. So a connection carries one request. Where a
// service asks for more, all of them are one account's, and a connection on which
// something came that nobody waits for is closed.
package lines

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"net"
	"net/http"
	"net/url"
	"time"

	"poterne/internal/dial"
	"poterne/internal/roster"
)

// Lines are the connections to all applications. They are safe to share.
type Lines struct {
	once, kept *http.Transport
	plain      plain
}

// New has no connection yet.
func New() *Lines {
	l := &Lines{once: newTransport(), kept: newTransport()}
	l.plain = plain{dial: l.once.DialContext, idle: make(map[owner][]*line)}
	l.once.DisableKeepAlives = true
	// Its addresses are names of lines. Where one leads is in the request.
	connect := l.kept.DialContext
	l.kept.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return connect(ctx, network, upstreamOf(ctx).address())
	}
	l.kept.DialTLSContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		to := upstreamOf(ctx)
		plain, err := connect(ctx, network, to.address())
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, l.kept.TLSHandshakeTimeout)
		defer cancel()
		secure := tls.Client(plain, &tls.Config{ServerName: to.Hostname(), NextProtos: []string{"h2", "http/1.1"}})
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = plain.Close()
			return nil, err
		}
		return secure, nil
	}
	return l
}

// newTransport reaches applications: no proxy from the environment, no decoding
// behind our back.
func newTransport() *http.Transport {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	return &http.Transport{
		DialContext:            dial.Any(dialer.DialContext),
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConns:           mostIdle,
		MaxIdleConnsPerHost:    mostIdleOfOne,
		IdleConnTimeout:        longestIdle,
		TLSHandshakeTimeout:    5 * time.Second,
		MaxResponseHeaderBytes: largestHeader,
	}
}

// What any connection may have.
const (
	mostIdle      = 4096 // connections
	mostIdleOfOne = 8    // of one account, as many as a browser opens
	longestIdle   = 90 * time.Second
	largestHeader = 256 << 10 // bytes, of a response
)

// Close ends the connections on which nobody waits for anything.
func (l *Lines) Close() {
	l.once.CloseIdleConnections()
	l.kept.CloseIdleConnections()
	l.plain.closeSince(time.Now())
}

// Once sends a request on a connection that carries no other.
func (l *Lines) Once(out *http.Request) (*http.Response, error) { return l.once.RoundTrip(out) }

// Ask sends a request. With reuse it goes out on a line of the account's own.
func (l *Lines) Ask(out *http.Request, reuse bool, account roster.AccountID) (*http.Response, error) {
	if l.plain.asks(out) {
		return l.plain.ask(out, reuse, account)
	}
	if !reuse {
		return l.Once(out)
	}
	to := upstream{out.URL}
	out = out.WithContext(context.WithValue(out.Context(), upstreamKey{}, to))
	out.URL = new(*out.URL)
	out.URL.Host = lineName(to, account)
	return l.kept.RoundTrip(out)
}

// lineName keeps connections of different accounts, and to different applications,
// apart. A connection is only ever taken for a request with the same name.
func lineName(to upstream, account roster.AccountID) string {
	name := sha256.Sum256([]byte(to.Scheme + "://" + to.Host + " " + string(account)))
	return hex.EncodeToString(name[:16]) + ".invalid"
}

type upstreamKey struct{}

// upstream is where an application listens.
type upstream struct{ *url.URL }

func upstreamOf(ctx context.Context) upstream { return ctx.Value(upstreamKey{}).(upstream) }

func (u upstream) address() string {
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}
