// Package mailbox takes mail in by SMTP and shows it on a page: everybody's letter box, for
// the demonstration and for tests.
package mailbox

import (
	"context"
	_ "embed"
	"errors"
	"html/template"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http"
	netmail "net/mail"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// Letter is a mail that came.
type Letter struct {
	At            time.Time
	To            string
	Subject, Text string
}

// Box keeps the newest letters. It is safe to share.
type Box struct {
	mu      sync.Mutex // guards what follows
	letters []Letter
}

const (
	most    = 200      // letters that are kept
	longest = 64 << 10 // bytes of one
)

// Serve takes mail in until ctx ends.
func (b *Box) Serve(ctx context.Context, l net.Listener) error {
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{box: b}, nil }))
	server.Domain, server.MaxMessageBytes = "localhost", longest
	server.ReadTimeout, server.WriteTimeout = time.Minute, time.Minute
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); err != nil && !errors.Is(err, smtp.ErrServerClosed) && ctx.Err() == nil {
		return err
	}
	return nil
}

// Letters returns those to an address, or all when it is empty: the newest first.
func (b *Box) Letters(to string) (list []Letter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, letter := range slices.Backward(b.letters) {
		if to == "" || letter.To == to {
			list = append(list, letter)
		}
	}
	return list
}

func (b *Box) take(to []string, raw io.Reader) error {
	message, err := netmail.ReadMessage(raw)
	if err != nil {
		return err
	}
	body := io.Reader(message.Body)
	if strings.EqualFold(message.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject"))
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, one := range to {
		b.letters = append(b.letters, Letter{time.Now(), one, subject, strings.ReplaceAll(string(text), "\r\n", "\n")})
	}
	b.letters = b.letters[max(0, len(b.letters)-most):]
	return nil
}

// session is one connection.
type session struct {
	box *Box
	to  []string
}

func (s *session) Mail(string, *smtp.MailOptions) error { s.to = nil; return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error { s.to = append(s.to, to); return nil }

func (s *session) Data(r io.Reader) error { return s.box.take(s.to, r) }

func (s *session) Reset() { s.to = nil }

func (s *session) Logout() error { return nil }

//go:embed mailbox.html
var page string

var shown = template.Must(template.New("").Funcs(template.FuncMap{"lines": lines}).Parse(page))

// Line is a line of a letter, and the address that it is.
type line struct{ Text, Link string }

func lines(text string) (list []line) {
	for one := range strings.Lines(text) {
		one = strings.TrimRight(one, "\n")
		l := line{Text: one}
		if strings.HasPrefix(one, "http://") || strings.HasPrefix(one, "https://") {
			l.Link = one
		}
		list = append(list, l)
	}
	return list
}

// ServeHTTP shows the letters to the address that is asked for, or all.
func (b *Box) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'")
	w.Header().Set("Referrer-Policy", "no-referrer")
	_ = shown.Execute(w, b.Letters(r.URL.Query().Get("to"))) // the browser may have left
}
