package siem

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"poterne/internal/ledger"
)

const (
	patience    = 20 * time.Second // for a receiver
	mostRefused = 1 << 10          // of an answer that is read
	facility    = 13<<3 | 6        // log audit, informational
)

// File appends to a file. What was written is on the disk when it returns; a line that a
// crash cut short stays, and its event comes again.
type File struct{ Path string }

// Send implements Sink.
func (f File) Send(_ context.Context, entries []ledger.Entry) error {
	body, err := joined(entries)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(f.Path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	if cut(file) {
		body = append([]byte("\n"), body...)
	}
	_, err = file.Write(body)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// cut reports whether the last line of a file has no end.
func cut(file *os.File) bool {
	info, err := file.Stat()
	if err != nil || info.Size() == 0 {
		return false
	}
	last := make([]byte, 1)
	_, err = file.ReadAt(last, info.Size()-1)
	return err == nil && last[0] != '\n'
}

// Post posts lines to an address, as NDJSON. An answer of 2xx means that they were taken.
type Post struct {
	URL    string
	Token  string // a bearer's; empty for none
	Client *http.Client
}

// NewPost posts to an address, and to no other that it may name.
func NewPost(address string) Post {
	return Post{URL: address, Client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// Send implements Sink.
func (p Post) Send(ctx context.Context, entries []ledger.Entry) error {
	body, err := joined(entries)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-ndjson")
	if p.Token != "" {
		r.Header.Set("Authorization", "Bearer "+p.Token)
	}
	answer, err := p.Client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, mostRefused)
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("the collector answers %s", answer.Status)
	}
	return nil
}

// Syslog sends messages of RFC 5424 over TCP, or over TLS as RFC 5425 says, each with its
// length before it. Syslog acknowledges nothing: each batch has a connection of its own, whose
// sending half is closed; that the receiver then closes the other says that it has read all.
type Syslog struct {
	Address string
	TLS     *tls.Config // nil: TCP, which is for the same machine
	Host    string      // ours
}

// Send implements Sink.
func (s Syslog) Send(ctx context.Context, entries []ledger.Entry) error {
	list, err := lines(entries)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	conn, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, bounded := ctx.Deadline(); bounded {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	var body bytes.Buffer
	for _, line := range list {
		message := fmt.Sprintf("<%d>1 %s %s poterne - ocsf - %s", facility, time.Now().UTC().Format("2006-01-02T15:04:05.000000Z"), s.host(), line)
		fmt.Fprintf(&body, "%d %s", len(message), message)
	}
	if _, err := conn.Write(body.Bytes()); err != nil {
		return err
	}
	half, can := conn.(interface{ CloseWrite() error })
	if !can {
		return errors.New("the connection has no half to close")
	}
	if err := half.CloseWrite(); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, conn); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) { // some close without TLS's own goodbye
		return fmt.Errorf("the receiver did not read to the end: %w", err)
	}
	return nil
}

func (s Syslog) dial(ctx context.Context) (net.Conn, error) {
	if s.TLS == nil {
		return new(net.Dialer).DialContext(ctx, "tcp", s.Address)
	}
	return (&tls.Dialer{Config: s.TLS}).DialContext(ctx, "tcp", s.Address)
}

func (s Syslog) host() string {
	if s.Host == "" || strings.ContainsFunc(s.Host, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "-"
	}
	return s.Host
}
