package mailing

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"net/textproto"
	"os"
	"strings"
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
	for _, name := range names {
		if !name.Type().IsRegular() {
			continue
		}
		if strings.HasSuffix(strings.ToLower(name.Name()), logEnding) {
			read, err := s.relayLog(ctx, root, name.Name())
			if err == nil && read {
				err = root.Rename(name.Name(), seen+"/"+name.Name())
			}
			if err != nil && !errors.Is(err, Lost) { // Lost: another node reads it
				return err
			}
			continue
		}
		file, err := root.Open(name.Name())
		if err != nil {
			return err
		}
		raw, err := io.ReadAll(io.LimitReader(file, largestBounce))
		if err := errors.Join(err, file.Close()); err != nil {
			return err
		}
		at, action := s.report(raw)
		switch {
		case action == "failed":
			err = s.becomes(ctx, at, Bounced, Taken, Doubted, Intended) // a mail that came back was taken
		case action != "": // it is on its way, or there: the server had it
			err = s.had(ctx, at)
		default:
			s.Log.InfoContext(ctx, "a mail in the folder of those that came back is none of ours", slog.String("file", name.Name()))
		}
		if errors.Is(err, Lost) {
			return nil // another node reads these
		} else if err != nil {
			return err
		}
		if err := root.Rename(name.Name(), seen+"/"+name.Name()); err != nil {
			return err
		}
	}
	return nil
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
