package mailing

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"net/textproto"
	"os"
	"strings"

	"poterne/internal/ledger"
)

const (
	largestBounce = 1 << 20
	seen          = "seen" // the folder below that of bounces for those that were read
)

// bounces reads the mails that came back, one a file: whose each was is said by the address
// that it came back to (VERP), and what became of it by its report (RFC 3464): that it failed
// for good, or that the server had it, which settles one that was in doubt. A mail that is none of
// ours changes nothing. Logs of the mail server lie there, too.
func (s *Sender) bounces(ctx context.Context) error {
	root, err := os.OpenRoot(s.Bounces)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer root.Close()
	folder, err := root.Open(".")
	if err != nil {
		return err
	}
	names, err := folder.ReadDir(-1)
	if err := errors.Join(err, folder.Close()); err != nil {
		return err
	}
	if err := root.Mkdir(seen, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	open, err := s.open(ctx)
	if err != nil {
		return err
	}
	var wrong error
	for _, name := range names {
		if !name.Type().IsRegular() {
			continue
		}
		read := s.bounce
		if strings.HasSuffix(strings.ToLower(name.Name()), logEnding) {
			read = s.relayLog
		}
		done, err := read(ctx, root, name.Name(), open)
		if err == nil && done {
			err = root.Rename(name.Name(), seen+"/"+name.Name())
		}
		if err != nil && !errors.Is(err, ErrLost) { // ErrLost: another node reads it
			wrong = errors.Join(wrong, fmt.Errorf("%s: %w", name.Name(), err)) // it MUST NOT keep the others from being read
		}
	}
	return wrong
}

// bounce reads a mail that came back. One about a list whose sending has ended changes nothing:
// what became of each was sealed then.
func (s *Sender) bounce(ctx context.Context, root *os.Root, name string, open map[ledger.Number]bool) (read bool, err error) {
	file, err := root.Open(name)
	if err != nil {
		return false, err
	}
	raw, err := io.ReadAll(io.LimitReader(file, largestBounce))
	if err := errors.Join(err, file.Close()); err != nil {
		return false, err
	}
	switch at, action := s.report(raw); {
	case action == "":
		s.Log.InfoContext(ctx, "a mail in the folder of those that came back is none of ours", slog.String("file", name))
	case !open[at.list]:
		s.Log.InfoContext(ctx, "a mail came back about a sending that has ended", slog.String("file", name))
	case action == "failed":
		err = s.becomes(ctx, at, Bounced, Taken, Doubted, Intended) // a mail that came back was taken
	default: // it is on its way, or there: the server had it
		err = s.had(ctx, at)
	}
	return err == nil, err
}

// open are the lists whose people are told, or will be again: until the sending has ended.
func (s *Sender) open(ctx context.Context) (map[ledger.Number]bool, error) {
	files, err := s.Files.Files(ctx)
	if err != nil {
		return nil, err
	}
	open := make(map[ledger.Number]bool)
	for _, f := range files {
		if f.Telling.Begun != nil && f.Telling.Ended == nil {
			open[f.Telling.List] = true
		}
	}
	return open, nil
}

// report reads what a report says of whose mail: that it failed for good, or is delayed, relayed or
// delivered; empty of anything else.
func (s *settings) report(raw []byte) (at place, action string) {
	message, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return at, ""
	}
	ours := false
	for _, header := range []string{"Delivered-To", "X-Original-To", "To"} {
		for _, address := range message.Header[header] {
			if !ours {
				at, ours = s.returned(address)
			}
		}
	}
	kind, parameters, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if !ours || err != nil || kind != "multipart/report" || !strings.EqualFold(parameters["report-type"], "delivery-status") {
		return at, ""
	}
	parts := multipart.NewReader(message.Body, parameters["boundary"])
	for {
		part, err := parts.NextPart()
		if err != nil {
			return at, ""
		}
		if kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); kind != "message/delivery-status" {
			continue
		}
		for fields := textproto.NewReader(bufio.NewReader(part)); ; {
			one, err := fields.ReadMIMEHeader()
			switch said := strings.ToLower(strings.TrimSpace(one.Get("Action"))); said {
			case "failed":
				return at, said
			case "delayed", "delivered", "relayed", "expanded":
				action = said
			}
			if err != nil {
				return at, action
			}
		}
	}
}
