package mailing

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"strconv"
	"strings"
	"time"

	"poterne/internal/i18n"
	"poterne/internal/ledger"
	"poterne/internal/mail"
	"poterne/internal/notice"
	"poterne/internal/register"
)

// writer writes the mails of one list. It is used by one goroutine.
type writer struct {
	*settings
	list    ledger.Number
	file    ledger.Number
	message notice.Message
	began   time.Time       // when people began to be told
	texts   map[said][]byte // encoded; what many people are told alike
	out     bytes.Buffer
	date    string
	dated   int64
}

// said is what differs between the texts of two people.
type said struct {
	fields      register.Fields
	first, last int64 // days
}

func (s *settings) writer(list, file ledger.Number, m notice.Message, began time.Time) *writer {
	return &writer{settings: s, list: list, file: file, message: m, began: began, texts: make(map[said][]byte)}
}

// to is the message to one person.
func (w *writer) to(p Person) notice.Message {
	m := w.message
	m.Shown, m.First, m.Last = p.Fields, p.First, p.Last
	return m
}

// mostTexts bounds how many different texts are remembered.
const mostTexts = 4096

// text is what a person is told, encoded: in plain French, in easy French, in English.
func (w *writer) text(p Person) []byte {
	day := func(t time.Time) int64 {
		t = t.In(w.Zone)
		return int64(t.Year()*1000 + t.YearDay())
	}
	key := said{p.Fields, day(p.First), day(p.Last)}
	if text, known := w.texts[key]; known {
		return text
	}
	m := w.to(p)
	var out bytes.Buffer
	encoded := quotedprintable.NewWriter(&out)
	for i, part := range [...]struct {
		in      i18n.Language
		version notice.Version
	}{{i18n.French, notice.Plain}, {i18n.French, notice.Easy}, {i18n.English, notice.Plain}} {
		if i > 0 {
			_, _ = encoded.Write([]byte("\r\n— " + part.in.Say("mailing."+string(part.version)) + " —\r\n\r\n"))
		}
		for _, paragraph := range m.Paragraphs(part.version, notice.Words{In: part.in, Zone: w.Zone, Categories: w.Categories}) {
			_, _ = encoded.Write([]byte(paragraph + "\r\n\r\n")) // a buffer takes everything
		}
	}
	_ = encoded.Close()
	if len(w.texts) >= mostTexts {
		clear(w.texts)
	}
	w.texts[key] = out.Bytes()
	return out.Bytes()
}

// mailTo is the mail to one person, with its headers. It holds until the next call.
func (w *writer) mailTo(p Person, address string) []byte {
	now := w.Now()
	if now.Unix() != w.dated {
		w.dated, w.date = now.Unix(), now.Format("Mon, 02 Jan 2006 15:04:05 -0700")
	}
	w.out.Reset()
	for _, line := range [...][2]string{
		{"Date", w.date},
		{"From", w.From},
		{"To", "<" + address + ">"},
		{"Subject", w.subject()},
		{"Message-ID", "<" + w.MessageID(w.file, p.ID) + ">"},
		{"List-Id", "<incident-" + strings.ToLower(w.message.Reference) + "." + w.domain() + ">"},
		{"Auto-Submitted", "auto-generated"},
		{"X-Auto-Response-Suppress", "OOF, AutoReply"},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		w.out.WriteString(line[0])
		w.out.WriteString(": ")
		w.out.WriteString(line[1])
		w.out.WriteString("\r\n")
	}
	w.out.WriteString("\r\n")
	w.out.Write(w.text(p))
	return w.out.Bytes()
}

// subjectOf is what a mail and a letter are headed by.
func subjectOf(m notice.Message) string {
	if m.Exercise {
		return i18n.French.Say("mailing.subject-exercise", "reference", m.Reference)
	}
	return i18n.French.Say("mailing.subject", "reference", m.Reference)
}

func (w *writer) subject() string {
	return mime.QEncoding.Encode("utf-8", subjectOf(w.message))
}

func (s *settings) domain() string {
	_, domain, _ := strings.Cut(s.Return, "@")
	return domain
}

// MessageID names the mail about an incident to a person. It tells nothing of them to
// those who have no key.
func (s *settings) MessageID(file ledger.Number, person register.PersonID) string {
	tag := s.Tag(fmt.Sprintf("mail %d %s", file, person.Hex()))
	return hex.EncodeToString(tag[:]) + "@" + s.domain()
}

// place is where in a list a person is.
type place struct {
	list        ledger.Number
	part, place int
}

// envelope is where a mail to a person comes back to: to an address that says whose it was.
func (s *settings) envelope(at place, to string) mail.Envelope {
	local, domain, _ := strings.Cut(s.Return, "@")
	return mail.Envelope{From: local + "+" + s.returning(at) + "@" + domain, To: to}
}

func (s *settings) returning(at place) string {
	text := fmt.Sprintf("%x.%x.%x", uint64(at.list), at.part, at.place)
	tag := s.Tag("return " + text)
	return text + "." + hex.EncodeToString(tag[:6])
}

// returned reads whose mail came back to an address; false of one that was never made.
func (s *settings) returned(address string) (at place, made bool) {
	local, domain, _ := strings.Cut(strings.ToLower(strings.Trim(address, "<> ")), "@")
	ours, ourDomain, _ := strings.Cut(s.Return, "@")
	text, is := strings.CutPrefix(local, strings.ToLower(ours)+"+")
	figures := strings.Split(text, ".")
	if !is || domain != strings.ToLower(ourDomain) || len(figures) != 4 {
		return at, false
	}
	list, err1 := strconv.ParseUint(figures[0], 16, 63)
	part, err2 := strconv.ParseUint(figures[1], 16, 31)
	in, err3 := strconv.ParseUint(figures[2], 16, 31)
	at = place{ledger.Number(list), int(part), int(in)}
	return at, cmp.Or(err1, err2, err3) == nil && s.returning(at) == text
}
