package person_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"poterne/internal/incident/mailing"
	"poterne/internal/lab/mailbox"
	"poterne/internal/lab/town"
	"poterne/internal/ledger"
	"poterne/internal/mail"
	"poterne/internal/notice/pdf"
	"poterne/internal/person"
	"poterne/internal/portal/portaltest"
	"poterne/internal/register"
	"poterne/internal/store"
)

// reached is a site where people change their contact details: a register, a mail server and
// letter boxes, all of them real.
type reached struct {
	*portaltest.Site
	t       *testing.T
	town    *town.Register
	box     *mailbox.Box
	people  http.Handler
	service *person.ContactService
	sender  *sender
	address *addresses
	post    *post
	ended   []register.PersonID
}

// post is the printer's folder, which can be away; it keeps what was written last.
type post struct {
	mailing.Post
	away  bool
	to    []string
	parts []pdf.LetterPart
}

func (p *post) Write(ctx context.Context, name string, address []string, parts []pdf.LetterPart) error {
	if p.away {
		return errors.New("away")
	}
	p.to, p.parts = address, parts
	return p.Post.Write(ctx, name, address, parts)
}

// code is what the last letter has to type.
func (p *post) code() string { return p.parts[0].Paragraphs[2] }

// sender is the mail server, which can be away.
type sender struct {
	mail.Server
	away string // to whom nothing is taken
}

func (s *sender) Send(ctx context.Context, m mail.Message) error {
	if s.away == m.To || s.away == "everybody" {
		return errors.New("away")
	}
	return s.Server.Send(ctx, m)
}

// addresses is the register, which can be away and can know of a recovery.
type addresses struct {
	person.Remote
	recovered time.Time
	away      bool
	odd       func(*person.Held) // what it says otherwise than it should
}

func (a *addresses) Contacts(ctx context.Context, identifier string) (person.Held, error) {
	held, err := a.Remote.Contacts(ctx, identifier)
	held.Recovered = a.recovered
	if a.odd != nil {
		a.odd(&held)
	}
	return held, err
}

func (a *addresses) SetContacts(ctx context.Context, identifier string, number ledger.Number, to person.Contacts) error {
	if a.away {
		return errors.New("away")
	}
	return a.Remote.SetContacts(ctx, identifier, number, to)
}

func startReached(t *testing.T) *reached {
	t.Helper()
	h := &reached{Site: portaltest.New(t), t: t, box: new(mailbox.Box)}
	var err error
	if h.town, err = town.NewRegister("contacts", 500); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(town.NewCivilStatus(h.town, "token"))
	t.Cleanup(server.Close)
	at, err := url.Parse(server.URL + "/contacts")
	if err != nil {
		t.Fatal(err)
	}
	smtp, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- h.box.Serve(ctx, smtp) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	h.sender = &sender{Server: mail.Server{Host: "127.0.0.1", Port: smtp.Addr().(*net.TCPAddr).Port, Security: mail.Plain, From: "poterne@agence.example"}}
	h.address = &addresses{Remote: person.Remote{Address: at, Token: "token"}}
	h.post = &post{Post: mailing.Post{Settings: mailing.Settings{Letters: t.TempDir(), Now: h.Now}, From: portaltest.Controller}}
	h.service = h.node()
	h.Contacts = h.service
	h.people = h.People(h.Now)
	return h
}

// node is a service of another node, which remembers nothing.
func (h *reached) node() *person.ContactService {
	return &person.ContactService{
		Writer: h.Gate.Journal, Ledger: store.NewLedger(h.DB), Rows: store.NewContacts(h.DB), Register: h.address, Sender: h.sender,
		Key: portaltest.Key(h.t), Tag: portaltest.Tag, Page: "https://mine.example/contacts", Stop: "https://mine.example/contacts/link", Letter: "mine.example/contacts/letter", Post: h.post, Now: h.Now, Log: slog.New(slog.DiscardHandler),
		EndAll: func(_ context.Context, of register.PersonID) error {
			h.ended = append(h.ended, of)
			return nil
		},
	}
}

// citizen is a person of the town, signed in.
type citizen struct {
	*reached
	i  int
	id register.PersonID
}

func (h *reached) citizen(i int) citizen {
	return citizen{h, i, portaltest.Key(h.t).Person(h.town.Dossier(i))}
}

func (c citizen) goes(method, path string, form url.Values) (int, string) {
	code, raw := c.sends(method, path, form)
	return code, portaltest.Read(c.t, raw)
}

// sends is goes, with the page as it is sent.
func (c citizen) sends(method, path string, form url.Values) (int, string) {
	c.t.Helper()
	reference, err := c.service.Reference(c.id, c.town.Dossier(c.i))
	if err != nil {
		c.t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(c.t.Context(), method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Accept-Language", "en")
	r.Header.Set(portaltest.Actor, c.id.Hex())
	r.Header.Set(portaltest.Reference, person.Visitor{Own: true, Contacts: reference}.Reference())
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	c.people.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func (c citizen) asks(address string) int {
	c.t.Helper()
	code, _ := c.goes(http.MethodPost, "/contacts", url.Values{"mail": {address}})
	return code
}

// follows opens a link of a mail as somebody who is signed in nowhere: by GET, then by POST.
func (h *reached) follows(link string) (int, string) {
	h.t.Helper()
	at, err := url.Parse(link)
	if err != nil {
		h.t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(h.t.Context(), http.MethodGet, at.RequestURI(), nil)
	w := httptest.NewRecorder()
	h.people.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		h.t.Errorf("the link's page: %d", w.Code)
	}
	return h.posts(at.Query().Get("token"))
}

func (h *reached) posts(token string) (int, string) {
	h.t.Helper()
	r := httptest.NewRequestWithContext(h.t.Context(), http.MethodPost, "/contacts/link", strings.NewReader(url.Values{"token": {token}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept-Language", "en")
	w := httptest.NewRecorder()
	h.people.ServeHTTP(w, r)
	return w.Code, portaltest.Read(h.t, w.Body.String())
}

var linkForm = regexp.MustCompile(`https://mine\.example/contacts/link\?token=\S+`)

// link is the one in the newest mail to an address; empty when there is none.
func (h *reached) link(to string) string {
	for _, letter := range h.box.Letters(to) {
		return linkForm.FindString(letter.Text)
	}
	return ""
}

// after moves the clock on, and has what is due done.
func (h *reached) after(d time.Duration) error {
	h.Moved.Add(int64(d))
	return h.service.Settle(h.t.Context())
}

func (c citizen) mail() string {
	mail, _ := c.town.Reached(c.i)
	return mail
}

func (c citizen) is(want, when string) {
	c.t.Helper()
	if got := c.mail(); got != want {
		c.t.Errorf("%s, the register has %q, not %q", when, got, want)
	}
}

// Whoever changes contact details waits, while both addresses are told and each can stop it; the
// former one puts itself back for a month.
//
// Promise: PERSON-4
func TestPERSON_4_ContactDetailsChangeInAWayThatIsSafeFromAThief(t *testing.T) {
	h := startReached(t)

	t.Run("the page hides what a thief wants", func(t *testing.T) {
		me := h.citizen(0)
		_, phone := h.town.Reached(0)
		code, said := me.goes(http.MethodGet, "/contacts", nil)
		if code != http.StatusOK || strings.Contains(said, me.mail()) || strings.Contains(said, phone) || !strings.Contains(said, "•••@") {
			t.Errorf("%d: %s", code, said)
		}
		if _, said := me.goes(http.MethodGet, "/", nil); !strings.Contains(said, "My contact details") {
			t.Error("the file does not lead there")
		}
	})

	t.Run("the former address stops it, without signing in", func(t *testing.T) {
		me := h.citizen(1)
		former := me.mail()
		if code := me.asks("thief@ailleurs.example"); code != http.StatusSeeOther {
			t.Fatalf("asking: %d", code)
		}
		stop, other := h.link(former), h.link("thief@ailleurs.example")
		if stop == "" || other == "" || stop == other {
			t.Fatalf("the mails have %q and %q", stop, other)
		}
		if _, said := me.goes(http.MethodGet, "/contacts", nil); !strings.Contains(said, "A change is under way") || strings.Contains(said, "thief@") {
			t.Errorf("the page says: %s", said)
		}
		if code := me.asks("again@ailleurs.example"); code != http.StatusConflict {
			t.Errorf("a second change: %d", code)
		}
		token, err := url.QueryUnescape(strings.SplitN(stop, "token=", 2)[1])
		if err != nil {
			t.Fatal(err)
		}
		for name, forged := range map[string]string{
			"nothing": "", "cut short": token[:len(token)-1], "of the other address": strings.Replace(token, "former", "new", 1), "of another change": "9" + token,
			"a number spelt otherwise": "0" + token, "with more": token + "A", "in capitals": strings.ToUpper(token), "of no address": strings.Replace(token, "former", "", 1),
		} {
			if code, _ := h.posts(forged); code != http.StatusNotFound {
				t.Errorf("a token %s: %d", name, code)
			}
		}
		if code, said := h.follows(stop); code != http.StatusOK || !strings.Contains(said, "The change is stopped.") {
			t.Fatalf("stopping: %d %s", code, said)
		}
		if !slices.Contains(h.ended, me.id) {
			t.Error("the thief's session goes on")
		}
		if code, _ := h.follows(stop); code != http.StatusNotFound {
			t.Errorf("stopping twice: %d", code)
		}
		if code := me.asks("thief@ailleurs.example"); code != http.StatusConflict {
			t.Errorf("asking on the day after: %d", code)
		}
		if err := h.after(73 * time.Hour); err != nil {
			t.Error(err)
		}
		me.is(former, "after it was stopped")
		if code, _ := h.follows(other); code != http.StatusNotFound {
			t.Errorf("the other link, then: %d", code)
		}
	})

	t.Run("the new address stops it, and so does the person", func(t *testing.T) {
		me := h.citizen(2)
		former := me.mail()
		me.asks("somebody@ailleurs.example")
		if code, _ := h.follows(h.link("somebody@ailleurs.example")); code != http.StatusOK {
			t.Errorf("the new address: %d", code)
		}
		if err := h.after(25 * time.Hour); err != nil {
			t.Error(err)
		}
		if code := me.asks("mine@ailleurs.example"); code != http.StatusSeeOther {
			t.Errorf("two days later: %d", code)
		}
		if code, _ := me.goes(http.MethodPost, "/contacts/stop", nil); code != http.StatusSeeOther {
			t.Errorf("the person stops it: %d", code)
		}
		if err := h.after(80 * time.Hour); err != nil {
			t.Error(err)
		}
		me.is(former, "after the person stopped it")
	})

	t.Run("it takes effect after 72 hours, and not before", func(t *testing.T) {
		me := h.citizen(3)
		former := me.mail()
		me.asks("moi@ailleurs.example")
		if err := h.after(71 * time.Hour); err != nil {
			t.Error(err)
		}
		me.is(former, "after 71 hours")
		if err := h.after(61 * time.Minute); err != nil {
			t.Error(err)
		}
		me.is("moi@ailleurs.example", "after 72 hours")
		if _, phone := h.town.Reached(3); phone != h.town.Person(3).Phone {
			t.Error("what was left empty has changed")
		}
		if letters := h.box.Letters(former); len(letters) != 2 || !strings.Contains(letters[0].Text, "have changed") {
			t.Errorf("the former address has %d mails", len(letters))
		}
		if code, _ := h.follows(h.link("moi@ailleurs.example")); code != http.StatusNotFound {
			t.Errorf("the new address's link, then: %d", code)
		}
		me.is("moi@ailleurs.example", "after the new address's link")
		if err := h.after(30 * 24 * time.Hour); err != nil {
			t.Error(err)
		}
		if code, _ := h.follows(h.link(former)); code != http.StatusNotFound {
			t.Errorf("the former address's link after 30 days: %d", code)
		}
		me.is("moi@ailleurs.example", "after 30 days")
	})

	t.Run("whoever waits it out is undone for 30 days, whatever they changed since", func(t *testing.T) {
		me := h.citizen(4)
		former := me.mail()
		me.asks("thief@un.example")
		if err := h.after(73 * time.Hour); err != nil {
			t.Error(err)
		}
		me.is("thief@un.example", "after the thief waited")
		first := h.link(former)
		me.asks("thief@deux.example") // of this one, the thief has both addresses
		if err := h.after(73 * time.Hour); err != nil {
			t.Error(err)
		}
		me.is("thief@deux.example", "after the thief waited again")
		second := h.link("thief@un.example")
		me.asks("thief@trois.example")
		if err := h.after(20 * 24 * time.Hour); err != nil {
			t.Error(err)
		}
		me.is("thief@trois.example", "after the thief's third")
		h.address.away = true // the register cannot be told at once
		if code, said := h.follows(first); code != http.StatusOK || !strings.Contains(said, "are put back") {
			t.Fatalf("putting back: %d %s", code, said)
		}
		if code := me.asks("thief@quatre.example"); code != http.StatusConflict {
			t.Errorf("the thief asks on the day after: %d", code)
		}
		h.address.away = false
		if err := h.after(0); err != nil {
			t.Error(err)
		}
		me.is(former, "after the former address put itself back")
		for _, link := range []string{second, h.link("thief@deux.example"), first} {
			if code, _ := h.follows(link); code != http.StatusNotFound {
				t.Errorf("a link of the thief's changes: %d", code)
			}
		}
		if err := h.after(80 * time.Hour); err != nil {
			t.Error(err)
		}
		me.is(former, "four days later")
	})

	t.Run("nor does whoever owns the database have a thief's address speak after the former one did", func(t *testing.T) {
		for i, undoes := range map[int][]string{
			14: {`delete from contact_change where state = 'put-back'`},
			15: {`delete from contact_change where number in (select number from older)`, `insert into contact_change select * from older`},
		} {
			me := h.citizen(i)
			former := me.mail()
			for _, address := range []string{"thief@un.example", "thief@deux.example"} {
				me.asks(address)
				if err := h.after(73 * time.Hour); err != nil {
					t.Error(err)
				}
				me.is(address, "after the thief waited")
			}
			second := h.link("thief@un.example")
			h.Tamper(fmt.Sprintf(`create table older as select * from contact_change where person = x'%s'`, me.id.Hex()))
			if code, _ := h.follows(h.link(former)); code != http.StatusOK {
				t.Fatalf("putting back: %d", code)
			}
			h.Tamper(undoes...)
			for name, service := range map[string]*person.ContactService{"this node": h.service, "another node": h.node()} {
				h.Contacts = service
				if code, _ := h.follows(second); code != http.StatusNotFound {
					t.Errorf("%s: the thief's address speaks: %d", name, code)
				}
				me.is(former, "after the thief's address spoke, by "+name)
			}
			h.Contacts = h.service
			h.Tamper(fmt.Sprintf(`delete from contact_change where person = x'%s'`, me.id.Hex()), `drop table older`)
		}
	})

	t.Run("a change that was under way when the former address spoke is overtaken", func(t *testing.T) {
		me := h.citizen(5)
		former := me.mail()
		me.asks("thief@un.example")
		if err := h.after(73 * time.Hour); err != nil {
			t.Error(err)
		}
		first := h.link(former)
		me.asks("thief@deux.example")
		if code, _ := h.follows(first); code != http.StatusOK {
			t.Fatalf("putting back: %d", code)
		}
		if err := h.after(73 * time.Hour); err != nil {
			t.Error(err)
		}
		me.is(former, "after the thief's second change was due")
	})

	t.Run("none on the day after a recovery", func(t *testing.T) {
		me := h.citizen(6)
		h.address.recovered = h.Now().Add(-23 * time.Hour)
		defer func() { h.address.recovered = time.Time{} }()
		if code, said := me.goes(http.MethodPost, "/contacts", url.Values{"mail": {"thief@ailleurs.example"}}); code != http.StatusConflict || !strings.Contains(said, "wait for a day") {
			t.Errorf("within a day: %d %s", code, said)
		}
		h.address.recovered = h.Now().Add(-25 * time.Hour)
		if code := me.asks("moi@ailleurs.example"); code != http.StatusSeeOther {
			t.Errorf("a day later: %d", code)
		}
	})

	t.Run("nothing runs unless both addresses were told", func(t *testing.T) {
		me := h.citizen(17)
		former := me.mail()
		for i, away := range []string{former, "thief@ailleurs.example"} {
			h.sender.away = away
			if code := me.asks("thief@ailleurs.example"); code != http.StatusConflict {
				t.Errorf("%d: asking while a mail is not taken: %d", i, code)
			}
			h.sender.away = ""
			if err := h.after(73 * time.Hour); err != nil {
				t.Error(err)
			}
			me.is(former, "after nobody was told")
		}
	})

	t.Run("what the mail server did not take is asked again once it does, and is no day of rest", func(t *testing.T) {
		me := h.citizen(18)
		says := func(want, not string) {
			t.Helper()
			code, said := me.goes(http.MethodPost, "/contacts", url.Values{"mail": {"moi@ailleurs.example"}})
			if code != http.StatusConflict || !strings.Contains(said, want) || strings.Contains(said, not) {
				t.Errorf("%d, and the page does not say %q, or says %q: %s", code, want, not, said)
			}
		}
		const (
			now, lately, rests = "We could not write to the addresses", "a moment ago", "wait for a day"
			first, most        = time.Minute, time.Hour
		)
		h.sender.away = "everybody"
		defer func() { h.sender.away = "" }()
		for range 8 { // more than are asked in 30 days
			says(now, lately)
			before := h.Gate.Next()
			says(lately, rests)
			if _, raw := me.sends(http.MethodPost, "/contacts", url.Values{"mail": {"moi@ailleurs.example"}}); !strings.Contains(raw, `value="moi@ailleurs.example"`) {
				t.Error("what was typed has to be typed again")
			}
			if h.Gate.Next() != before {
				t.Error("what is not asked yet is written")
			}
			if err := h.after(most); err != nil {
				t.Error(err)
			}
		}
		h.sender.away = ""
		if code := me.asks("moi@ailleurs.example"); code != http.StatusSeeOther {
			t.Errorf("once the mail server is back: %d", code)
		}
		if code, _ := h.follows(h.link("moi@ailleurs.example")); code != http.StatusOK {
			t.Errorf("stopping it: %d", code)
		}
		says(rests, lately) // whoever stops it is taken at their word

		other := h.citizen(19) // of whom it happened once, and was over at once
		h.sender.away = other.mail()
		other.asks("moi@ailleurs.example")
		h.sender.away = ""
		if err := h.after(first); err != nil {
			t.Error(err)
		}
		if code := other.asks("moi@ailleurs.example"); code != http.StatusSeeOther {
			t.Errorf("a minute later: %d", code)
		}
	})

	t.Run("what is typed", func(t *testing.T) {
		me := h.citizen(8)
		before := h.Gate.Next()
		for _, form := range []url.Values{
			{},
			{"mail": {" "}},
			{"mail": {"nobody"}},
			{"mail": {"a@b"}},
			{"mail": {"Alix <a@b.example>"}},
			{"mail": {"a@b.example\r\nBcc: c@d.example"}},
			{"mail": {"a@b.example,c@d.example"}},
			{"mail": {strings.Repeat("a", 65) + "@b.example"}},
			{"mail": {"é@b.example"}},
			{"phone": {"1"}},
			{"post": {"1 rue seule"}},
			{"post": {"rue sans chiffre\r\nVille"}},
			{"post": {"1 rue\r\n01000 Bourg\r\na\r\nb\r\nc\r\nd"}},
			{"post": {"1 rue " + strings.Repeat("a", 40) + "\r\n01000 Bourg"}},
			{"post": {"=1 rue\r\n01000 Bourg"}},
			{"post": {"1 rue \x00\r\n01000 Bourg"}},
			{"phone": {"call me"}},
			{"phone": {strings.Repeat("1", 40)}},
			{"mail": {"a@b.example"}, "phone": {"06 39 98 00 0x"}},
		} {
			if code, said := me.goes(http.MethodPost, "/contacts", form); code != http.StatusUnprocessableEntity || !strings.Contains(said, "Ask for the change") {
				t.Errorf("%v: %d", form, code)
			}
		}
		if h.Gate.Next() != before {
			t.Error("something was written")
		}
		for i := range 6 {
			code := me.asks("moi@ailleurs.example")
			if want := map[bool]int{true: http.StatusSeeOther, false: http.StatusConflict}[i < 5]; code != want {
				t.Errorf("change %d within 30 days: %d", i+1, code)
			}
			_, _ = me.goes(http.MethodPost, "/contacts/stop", nil)
			h.Moved.Add(int64(25 * time.Hour))
		}
	})

	t.Run("a guess is told from a miss by nothing", func(t *testing.T) {
		right, wrong := h.citizen(12), h.citizen(13)
		said := make(map[string]string)
		for name, me := range map[string]citizen{right.mail(): right, "x" + wrong.mail(): wrong} {
			code, page := me.goes(http.MethodPost, "/contacts", url.Values{"mail": {name}})
			said[fmt.Sprint(code, page)] = name
			_, _ = me.goes(http.MethodPost, "/contacts/stop", nil)
		}
		if len(said) != 1 {
			t.Errorf("they are told apart: %v", said)
		}
	})

	t.Run("a row that is put back brings nothing about", func(t *testing.T) {
		me, other := h.citizen(9), h.citizen(10)
		former := me.mail()
		me.asks("thief@ailleurs.example")
		other.asks("moi@ailleurs.example")
		h.Tamper(`create table old as select * from contact_change where state = 'told'`)
		if code, _ := h.follows(h.link(former)); code != http.StatusOK {
			t.Fatalf("stopping: %d", code)
		}
		h.Tamper(`delete from contact_change where number in (select number from old)`, `insert into contact_change select * from old`)
		h.Moved.Add(int64(73 * time.Hour))
		for name, service := range map[string]*person.ContactService{"this node": h.service, "another node": h.node()} {
			if err := service.Settle(t.Context()); err == nil {
				t.Errorf("%s says nothing of it", name)
			}
			me.is(former, "after its old row was put back, by "+name)
		}
		other.is("moi@ailleurs.example", "beside it")
		h.Tamper(`update contact_change set due_us = 1 where state = 'told'`, `update contact_change set state = 'in-force', decided = 1, delivered = 0 where state = 'stopped'`)
		if err := h.service.Settle(t.Context()); err != nil {
			t.Error(err)
		}
		me.is(former, "after rows without a seal")
	})

	t.Run("what nothing can come of any more is forgotten", func(t *testing.T) {
		h.Tamper(`delete from contact_change where number in (select number from old)`, `drop table old`)
		me := h.citizen(11)
		me.asks("moi@ailleurs.example")
		if err := h.after(73 * time.Hour); err != nil {
			t.Error(err)
		}
		if err := h.after(29 * 24 * time.Hour); err != nil {
			t.Error(err)
		}
		if open, err := store.NewContacts(h.DB).Open(t.Context()); err != nil || len(open) != 1 || open[0].Person != me.id {
			t.Errorf("29 days after it took effect, %d changes hide something: %v", len(open), err)
		}
		if err := h.after(25 * time.Hour); err != nil {
			t.Error(err)
		}
		if open, err := store.NewContacts(h.DB).Open(t.Context()); err != nil || len(open) != 0 {
			t.Errorf("after 30 days, %d changes do: %v", len(open), err)
		}
		if all, err := store.NewContacts(h.DB).Of(t.Context(), me.id); err != nil || len(all) != 1 || all[0].State != person.ContactsInForce {
			t.Errorf("and what came of it is not kept: %v, %v", all, err)
		}
	})

	entries := 0
	for e, err := range store.NewLedger(h.DB).Entries(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == ledger.Contacted {
			entries++
			if strings.Contains(e.Note+e.Target+string(e.Account), "@") {
				t.Errorf("entry %d has an address", e.Number)
			}
		}
	}
	if entries < 30 {
		t.Errorf("the ledger has %d entries of it", entries)
	}
}

// typesCode types the code of a letter, as somebody who is signed in nowhere.
func (h *reached) typesCode(code string) (int, string) {
	h.t.Helper()
	r := httptest.NewRequestWithContext(h.t.Context(), http.MethodPost, "/contacts/letter", strings.NewReader(url.Values{"code": {code}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept-Language", "en")
	w := httptest.NewRecorder()
	h.people.ServeHTTP(w, r)
	return w.Code, portaltest.Read(h.t, w.Body.String())
}

// A first mail address, and another postal address, wait for as long as a letter needs to be read, and
// the letter's code stops them.
//
// Promise: PERSON-4
func TestPERSON_4_AFirstMailAddressAndAPostalAddressWaitForALetter(t *testing.T) {
	h := startReached(t)
	const days = 24 * time.Hour

	t.Run("a first mail address is set from the page", func(t *testing.T) {
		me := h.citizen(23)
		me.is("", "at first")
		if code := me.asks("moi@ailleurs.example"); code != http.StatusSeeOther {
			t.Fatalf("asking: %d", code)
		}
		if p := h.town.Person(23); h.post.to[0] != p.Name() || h.post.to[1] != p.Street {
			t.Error("the letter goes elsewhere")
		}
		for _, part := range h.post.parts {
			if strings.Contains(fmt.Sprint(part), "ailleurs") {
				t.Error("the letter has the new address")
			}
		}
		if files, err := filepath.Glob(filepath.Join(h.post.Letters, "contacts-*.zip")); err != nil || len(files) != 1 {
			t.Errorf("the printer has %v, %v", files, err)
		}
		if letters := h.box.Letters("moi@ailleurs.example"); len(letters) != 1 || !strings.Contains(letters[0].Text, "in 10 days") {
			t.Error("the new address is not told of ten days")
		}
		if err := h.after(9*days + 23*time.Hour); err != nil {
			t.Error(err)
		}
		me.is("", "before ten days")
		if err := h.after(2 * time.Hour); err != nil {
			t.Error(err)
		}
		me.is("moi@ailleurs.example", "after ten days")
	})

	t.Run("the code of the letter stops a thief's, without signing in", func(t *testing.T) {
		me := h.citizen(39)
		me.asks("thief@ailleurs.example")
		code := h.post.code()
		for name, forged := range map[string]string{
			"nothing": "", "cut short": code[:len(code)-1], "with more": code + "0", "of another change": string(code[0]^1) + code[1:], "long": strings.Repeat("A", 70),
			"the token of its mail": strings.TrimPrefix(h.link("thief@ailleurs.example"), "https://mine.example/contacts/link?token="),
		} {
			if status, said := h.typesCode(forged); status != http.StatusNotFound || !strings.Contains(said, "This code stops nothing") {
				t.Errorf("a code %s: %d", name, status)
			}
		}
		if status, said := h.typesCode(strings.ToLower(strings.ReplaceAll(code, "0", "o"))); status != http.StatusOK || !strings.Contains(said, "The change is stopped") {
			t.Fatalf("the code: %d %s", status, said)
		}
		if !slices.Contains(h.ended, me.id) {
			t.Error("the thief's session goes on")
		}
		if err := h.after(11 * days); err != nil {
			t.Error(err)
		}
		me.is("", "after it was stopped")
	})

	t.Run("and puts back what a thief waited out", func(t *testing.T) {
		me := h.citizen(55)
		me.asks("thief@ailleurs.example")
		code := h.post.code()
		if err := h.after(11 * days); err != nil {
			t.Error(err)
		}
		me.is("thief@ailleurs.example", "after ten days")
		me.asks("thief@deux.example") // of this one the thief has both addresses, and no letter goes
		if err := h.after(4 * days); err != nil {
			t.Error(err)
		}
		if status, said := h.typesCode(code); status != http.StatusOK || !strings.Contains(said, "are put back") {
			t.Errorf("the code: %d %s", status, said)
		}
		me.is("", "after the letter spoke")
		if status, _ := h.typesCode(code); status != http.StatusNotFound {
			t.Errorf("the code again: %d", status)
		}
	})

	moved := url.Values{"post": {"2  rue   Neuve\r\n\r\n01000 Valbourg\r\n"}}
	t.Run("a postal address changes, told to the former mail and the former postal address", func(t *testing.T) {
		me := h.citizen(40)
		former := h.town.Post(40)
		if code, said := me.goes(http.MethodGet, "/contacts", nil); code != http.StatusOK || strings.Contains(said, former) || !strings.Contains(said, "New postal address") {
			t.Errorf("%d: %s", code, said)
		}
		for name, stop := range map[string]func() (int, string){
			"the mail": func() (int, string) { return h.follows(h.link(me.mail())) }, "the letter": func() (int, string) { return h.typesCode(h.post.code()) },
		} {
			if code, _ := me.goes(http.MethodPost, "/contacts", moved); code != http.StatusSeeOther {
				t.Fatalf("asking: %d", code)
			}
			if err := h.after(9 * days); err != nil {
				t.Error(err)
			}
			if code, _ := stop(); code != http.StatusOK {
				t.Errorf("%s does not stop it: %d", name, code)
			}
			if code, _ := me.goes(http.MethodPost, "/contacts", moved); code != http.StatusConflict {
				t.Errorf("asking on the day after: %d", code)
			}
			if err := h.after(2 * days); err != nil {
				t.Error(err)
			}
			if h.town.Post(40) != former {
				t.Errorf("it changed, though %s stopped it", name)
			}
		}
		if code, _ := me.goes(http.MethodPost, "/contacts", moved); code != http.StatusSeeOther {
			t.Fatalf("asking: %d", code)
		}
		if err := h.after(10*days + time.Hour); err != nil {
			t.Error(err)
		}
		if got := h.town.Post(40); got != "2 rue Neuve\n01000 Valbourg" {
			t.Errorf("after ten days the register has %q", got)
		}
		if err := h.after(29 * days); err != nil {
			t.Error(err)
		}
		if code, _ := h.typesCode(h.post.code()); code != http.StatusOK || h.town.Post(40) != former {
			t.Errorf("after 29 days the letter puts nothing back: %d", code)
		}
	})

	t.Run("of whom the register has a mail address that nobody can write to, the letter is the notice", func(t *testing.T) {
		me := h.citizen(44)
		h.address.odd = func(held *person.Held) {
			if held.Mail == me.town.Mail(44) {
				held.Mail, held.Name, held.Post = "NON COMMUNIQUÉ", "Camille\nAUBRY", "12 rue  du Puits\r\n\r\n99100 VALBOURG\r\n"
			}
		}
		defer func() { h.address.odd = nil }()
		if code := me.asks("moi@ailleurs.example"); code != http.StatusSeeOther {
			t.Fatalf("asking: %d", code)
		}
		if want := []string{"Camille AUBRY", "12 rue du Puits", "99100 VALBOURG"}; !slices.Equal(h.post.to, want) {
			t.Errorf("the letter goes to %q, want %q", h.post.to, want)
		}
		if err := h.after(9*days + 23*time.Hour); err != nil {
			t.Error(err)
		}
		me.is(me.town.Mail(44), "before ten days")
		if err := h.after(2 * time.Hour); err != nil {
			t.Error(err)
		}
		me.is("moi@ailleurs.example", "after ten days")
		h.address.odd = nil
		if code, _ := h.typesCode(h.post.code()); code != http.StatusOK {
			t.Errorf("the code of the letter: %d", code)
		}
	})

	t.Run("no letter, no change", func(t *testing.T) {
		h.post.away = true
		defer func() { h.post.away = false }()
		before := h.town.Post(41)
		for _, c := range []struct {
			who  citizen
			form url.Values
		}{{h.citizen(71), url.Values{"mail": {"moi@ailleurs.example"}}}, {h.citizen(41), moved}} {
			if code, _ := c.who.goes(http.MethodPost, "/contacts", c.form); code != http.StatusConflict {
				t.Errorf("asking while no letter is written: %d", code)
			}
		}
		if err := h.after(11 * days); err != nil {
			t.Error(err)
		}
		h.citizen(71).is("", "after no letter was written")
		if h.town.Post(41) != before {
			t.Error("the postal address changed without a letter")
		}
	})

	t.Run("none on the day after a recovery", func(t *testing.T) {
		h.address.recovered = h.Now().Add(-23 * time.Hour)
		defer func() { h.address.recovered = time.Time{} }()
		if code, _ := h.citizen(42).goes(http.MethodPost, "/contacts", moved); code != http.StatusConflict {
			t.Errorf("within a day: %d", code)
		}
	})

	t.Run("whoever has no address at all goes to the counter, as everybody where no letters are written", func(t *testing.T) {
		if code, said := h.citizen(7).goes(http.MethodPost, "/contacts", url.Values{"mail": {"moi@ailleurs.example"}}); code != http.StatusConflict || !strings.Contains(said, "The first one is given in person") {
			t.Errorf("without any address: %d", code)
		}
		h.service.Post = nil
		before := h.Gate.Next()
		for _, c := range []struct {
			who  citizen
			form url.Values
		}{{h.citizen(87), url.Values{"mail": {"moi@ailleurs.example"}}}, {h.citizen(43), moved}} {
			if code, _ := c.who.goes(http.MethodPost, "/contacts", c.form); code != http.StatusConflict {
				t.Errorf("where no letters are written: %d", code)
			}
		}
		if _, said := h.citizen(43).goes(http.MethodGet, "/contacts", nil); strings.Contains(said, "New postal address") {
			t.Error("the page offers what cannot be done")
		}
		if h.Gate.Next() != before {
			t.Error("something was written")
		}
	})
}
