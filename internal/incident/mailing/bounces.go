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
// that it came back to (VERP), and that it failed for good by its report (RFC 3464). A mail
// that is none of ours, or was only delayed, changes nothing.
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
		file, err := root.Open(name.Name())
		if err != nil {
			return err
		}
		raw, err := io.ReadAll(io.LimitReader(file, largestBounce))
		if err := errors.Join(err, file.Close()); err != nil {
			return err
		}
		if at, failed := s.bounce(raw); failed {
			if err := s.cameBack(ctx, at); errors.Is(err, Lost) {
				return nil // another node reads these
			} else if err != nil {
				return err
			}
		} else {
			s.Log.InfoContext(ctx, "a mail in the folder of those that came back is none, or was only delayed", slog.String("file", name.Name()))
		}
		if err := root.Rename(name.Name(), seen+"/"+name.Name()); err != nil {
			return err
		}
	}
	return nil
}

// cameBack writes down that the mail to somebody came back.
func (s *Sender) cameBack(ctx context.Context, at place) error {
	_, fates, err := s.Rows.Part(ctx, at.list, at.part)
	if err != nil || at.place >= len(fates) {
		return err
	}
	if fate := Fate(fates[at.place]); fate != Taken && fate != Doubted { // a mail that came back was taken
		return nil
	}
	fates[at.place] = byte(Bounced)
	return s.Rows.Save(ctx, at.list, s.hold(), map[int][]byte{at.part: fates})
}

// bounce reads whose mail failed for good by a report; false of anything else.
func (s *settings) bounce(raw []byte) (at place, failed bool) {
	message, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return at, false
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
		return at, false
	}
	parts := multipart.NewReader(message.Body, parameters["boundary"])
	for {
		part, err := parts.NextPart()
		if err != nil {
			return at, false
		}
		if kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); kind != "message/delivery-status" {
			continue
		}
		for fields := textproto.NewReader(bufio.NewReader(part)); ; {
			one, err := fields.ReadMIMEHeader()
			if strings.EqualFold(one.Get("Action"), "failed") {
				return at, true
			}
			if err != nil {
				return at, false
			}
		}
	}
}
