package mail

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Envelope is from whom a mail comes back and to whom it goes.
type Envelope struct{ From, To string }

// Relay is a connection to the server over which one mail follows another. The envelope
// of the next mail travels with the text of the one before (RFC 2920), so that a mail
// takes one round trip. It is used by one goroutine.
//
// The order of calls is Begin, then for each mail Ready, and Finish, which begins the
// next, and Taken. A server that was given the last byte of Finish may have the mail,
// whatever happens then; before Finish it cannot have it.
type Relay struct {
	server Server
	conn   net.Conn
	in     *textproto.Reader
	out    *bufio.Writer
}

// Reply is what a server said.
type Reply struct {
	Code int
	Text string
}

// Taken reports whether the server has what it was given.
func (r Reply) Taken() bool { return r.Code/100 == 2 }

// Later reports whether the server may take it another time.
func (r Reply) Later() bool { return r.Code/100 == 4 }

// Open connects to the server.
func (s Server) Open(ctx context.Context) (*Relay, error) {
	r, err := s.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("reaching the mail server %s: %w", s.Host, err)
	}
	return r, nil
}

func (s Server) open(ctx context.Context) (*Relay, error) {
	dialer := net.Dialer{Timeout: patience}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(s.Host, strconv.Itoa(s.Port)))
	if err != nil {
		return nil, err
	}
	r := &Relay{server: s}
	if s.Security == TLS {
		conn = s.secured(conn)
	}
	r.over(conn)
	if err := r.greet(); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return r, nil
}

func (s Server) secured(conn net.Conn) net.Conn {
	return tls.Client(conn, &tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12})
}

func (r *Relay) over(conn net.Conn) {
	r.conn, r.in, r.out = conn, textproto.NewReader(bufio.NewReader(conn)), bufio.NewWriterSize(conn, 16<<10)
}

func (r *Relay) greet() error {
	if _, err := r.expect(220, ""); err != nil {
		return err
	}
	offered, err := r.expect(250, "EHLO localhost")
	if err != nil {
		return err
	}
	if r.server.Security != TLS && r.server.Security != Plain {
		if _, err := r.expect(220, "STARTTLS"); err != nil {
			return err
		}
		r.over(r.server.secured(r.conn))
		if offered, err = r.expect(250, "EHLO localhost"); err != nil {
			return err
		}
	}
	if !slices.ContainsFunc(strings.Split(offered.Text, "\n"), func(line string) bool { return strings.EqualFold(strings.TrimSpace(line), "PIPELINING") }) {
		return fmt.Errorf("the server does not take mails one after another (PIPELINING)")
	}
	if r.server.User != "" {
		plain := base64.StdEncoding.EncodeToString([]byte("\x00" + r.server.User + "\x00" + r.server.Password))
		if _, err := r.expect(235, "AUTH PLAIN "+plain); err != nil {
			return fmt.Errorf("the server does not let us in: %w", err)
		}
	}
	return nil
}

// expect says a line, unless it is empty, and fails on another answer than the one that
// is wanted.
func (r *Relay) expect(code int, line string) (Reply, error) {
	r.wait()
	if line != "" {
		if _, err := r.out.WriteString(line + "\r\n"); err != nil {
			return Reply{}, err
		}
		if err := r.out.Flush(); err != nil {
			return Reply{}, err
		}
	}
	reply, err := r.reply()
	if err == nil && reply.Code != code {
		err = fmt.Errorf("the server says %d", reply.Code)
	}
	return reply, err
}

func (r *Relay) wait() { _ = r.conn.SetDeadline(time.Now().Add(patience)) }

func (r *Relay) reply() (Reply, error) {
	code, text, err := r.in.ReadResponse(0)
	if _, said := err.(*textproto.Error); said {
		err = nil
	}
	return Reply{code, text}, err
}

// Begin sends the envelope of the first mail, or of one after a mail that was refused.
func (r *Relay) Begin(e Envelope) error {
	r.wait()
	r.envelope(e)
	return r.out.Flush()
}

func (r *Relay) envelope(e Envelope) {
	for _, part := range [...]string{"MAIL FROM:<", e.From, ">\r\nRCPT TO:<", e.To, ">\r\nDATA\r\n"} {
		_, _ = r.out.WriteString(part) // Flush tells of it
	}
}

// Ready reads whether the server waits for the text of the mail that was begun: its code is
// then 354. After any other the mail is over. It is an error that the server takes no mail
// from us, whoever it is to.
func (r *Relay) Ready() (Reply, error) {
	r.wait()
	sender, err := r.reply()
	if err != nil || !sender.Taken() {
		return sender, cmp.Or(err, fmt.Errorf("the server takes no mail from us: %d", sender.Code))
	}
	refused, err := r.reply()
	if err != nil {
		return refused, err
	}
	reply, err := r.reply()
	if err != nil || refused.Taken() {
		return reply, err
	}
	if reply.Code == 354 { // it waits although it has nobody to give the text to: it is given none
		if _, err := r.out.WriteString(".\r\n"); err != nil {
			return refused, err
		}
		if err := r.out.Flush(); err != nil {
			return refused, err
		}
		_, err = r.reply()
	}
	return refused, err
}

// Finish sends the text of the mail, of lines that end with CR LF, and the envelope of the
// next; nil when none follows at once.
func (r *Relay) Finish(text []byte, next *Envelope) error {
	r.wait()
	for line := range bytes.Lines(text) {
		if line[0] == '.' {
			_ = r.out.WriteByte('.')
		}
		_, _ = r.out.Write(line)
	}
	_, _ = r.out.WriteString(".\r\n")
	if next != nil {
		r.envelope(*next)
	}
	return r.out.Flush()
}

// Taken reads what became of the mail that was finished.
func (r *Relay) Taken() (Reply, error) {
	r.wait()
	return r.reply()
}

// Close ends the connection, after a last word when the server waits for one.
func (r *Relay) Close() error {
	_ = r.conn.SetDeadline(time.Now().Add(time.Second))
	_, _ = r.out.WriteString("QUIT\r\n")
	_ = r.out.Flush()
	return r.conn.Close()
}
