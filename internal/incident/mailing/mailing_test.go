package mailing_test

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"poterne/internal/fault"
	"poterne/internal/incident"
	"poterne/internal/incident/mailing"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/mail"
	"poterne/internal/notice"
	"poterne/internal/notice/pdf"
	"poterne/internal/register"
	"poterne/internal/seal"
	"poterne/internal/store"
)

const (
	theList     = ledger.Number(7)
	connections = 4
)

// people is how many are told: a few, or as many as POTERNE_TOLD says, which are then told
// through as many deaths more. deaths is how often the program dies as it sends.
var people, deaths = func() (int, int) {
	if n, err := strconv.Atoi(os.Getenv("POTERNE_TOLD")); err == nil {
		return n, 19
	}
	return 2000, 5
}()

// patience is longer than everybody takes to be told, on a busy machine.
func patience() time.Duration { return time.Minute + time.Duration(people)*time.Millisecond }

// keptWhole is how many mails the sink keeps whole.
const keptWhole = 5000

// sink is a mail server that writes down each mail once it has it.
type sink struct {
	listener net.Listener
	offered  atomic.Int32 // mails; now and then it hangs up, before it has one or after
	cuts     atomic.Int32 // how often it hung up

	mu    sync.Mutex     // guards what follows
	got   map[string]int // by address
	froms map[string]string
	ids   map[string]string
	raw   map[string][]byte
}

func newSink(t testing.TB) *sink {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &sink{listener: l, got: make(map[string]int), froms: make(map[string]string), ids: make(map[string]string), raw: make(map[string][]byte)}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &visit{sink: s, conn: c}, nil }))
	server.Domain, server.ErrorLog = "localhost", quiet{}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return s
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

func (s *sink) server() mail.Server {
	at := s.listener.Addr().(*net.TCPAddr)
	return mail.Server{Host: "127.0.0.1", Port: at.Port, Security: mail.Plain}
}

// visit is one connection.
type visit struct {
	sink     *sink
	conn     *smtp.Conn
	from, to string
}

func (v *visit) Mail(from string, _ *smtp.MailOptions) error { v.from = from; return nil }

func (v *visit) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "refused") {
		return &smtp.SMTPError{Code: 550, Message: "no such user"}
	}
	v.to = to
	return nil
}

func (v *visit) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	nth := v.sink.offered.Add(1)
	every := int32(people) / 4
	if nth%every == 0 {
		v.sink.cuts.Add(1)
		_ = v.conn.Close()
		return errors.New("it hung up before it had the mail")
	}
	message, err := netmail.ReadMessage(strings.NewReader(string(raw)))
	if err != nil {
		return err
	}
	v.sink.mu.Lock()
	v.sink.got[v.to]++
	v.sink.froms[v.to], v.sink.ids[v.to] = v.from, message.Header.Get("Message-ID")
	if len(v.sink.raw) < keptWhole {
		v.sink.raw[v.to] = raw
	}
	v.sink.mu.Unlock()
	if nth%every == every/2 {
		v.sink.cuts.Add(1)
		_ = v.conn.Close()
	}
	return nil
}

func (v *visit) Reset()        {}
func (v *visit) Logout() error { return nil }

// address is a person's; empty of some.
func address(i int) mailing.Contact {
	c := mailing.Contact{Name: fmt.Sprintf("Personne %d", i), Mail: fmt.Sprintf("p%d@maison.example", i), Address: []string{"=1+1 rue du Puits", "99100 VALBOURG"}}
	switch i % 100 {
	case 7:
		c.Mail = ""
	case 8:
		c.Mail, c.Address = "", nil
	case 9:
		c.Mail = fmt.Sprintf("refused%d@maison.example", i)
	}
	return c
}

// house is a database with a list of people.
type house struct {
	rows mailing.Rows
	file incident.File
	mu   sync.Mutex
}

func (h *house) Files(context.Context) ([]incident.File, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return []incident.File{h.file}, nil
}

func message() notice.Message {
	at := time.Date(2026, time.March, 3, 2, 12, 0, 0, time.UTC)
	return notice.Message{
		Reference:  notice.Reference(2026, 3),
		Controller: notice.Controller{Name: "Agence du registre de Valbourg", Officer: "Claire Aubry, 01 99 00 12 03", Helpline: "01 99 00 10 12", Counter: "1 place du Marché, 99100 Valbourg"},
		First:      at, Last: at, Shown: register.Name, Held: register.AllFields, Harms: []string{"fraud"}, Contained: true, Notified: true,
	}
}

func running() incident.File {
	return incident.File{Number: 5, Telling: incident.Telling{List: theList, Begun: &incident.Beginning{Message: message()}}}
}

// open opens a database; it makes the list when there is none.
func open(t testing.TB, path string, count int) *house {
	t.Helper()
	db, err := store.OpenSQLite(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	keyed(t, db, filepath.Dir(path))
	h := &house{rows: store.NewMailings(db), file: running()}
	if count > 0 {
		if err := mailing.PutForTest(context.Background(), h.rows, theList, count, func(i int) mailing.Person {
			return mailing.Person{ID: id(i), Identifier: strconv.Itoa(i), Fields: register.Name | register.Fields(1<<(i%3)), First: message().First, Last: message().First.Add(time.Hour)}
		}); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func id(i int) register.PersonID {
	sum := sha256.Sum256([]byte(strconv.Itoa(i)))
	return register.PersonID(sum[:16])
}

// keyed seals a database under the key beside it.
func keyed(t testing.TB, db *store.DB, dir string) {
	t.Helper()
	file := filepath.Join(dir, "seal.key")
	if _, err := os.Stat(file); err != nil {
		if err := os.WriteFile(file, []byte(seal.New().Text()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := seal.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Seal(context.Background(), keys); err != nil {
		t.Fatal(err)
	}
}

// sender tells the people of a house; rows may be in front of its own.
func (h *house) sender(t testing.TB, server mail.Server, rows mailing.Rows, letters string) *mailing.Sender {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	return mailing.NewSender(mailing.Settings{
		From: "Agence <agence@valbourg.example>", Return: "retours@valbourg.example", Connections: connections, Letters: letters, Bounces: filepath.Join(letters, "bounces"), Zone: zone,
		Holder: "one node", HeldFor: time.Second, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Tag: func(text string) [16]byte { sum := sha256.Sum256([]byte("key" + text)); return [16]byte(sum[:16]) },
	}, mailing.Deps{
		Files: h, Rows: rows, Server: server,
		Explain: func(context.Context, ledger.Number, int, []register.PersonID) error { return nil },
		Contact: func(_ context.Context, identifier string) (mailing.Contact, error) {
			i, err := strconv.Atoi(identifier)
			if i%500 == 10 {
				return mailing.Contact{}, fault.Errorf(fault.Absent, "gone")
			}
			return address(i), err
		},
	})
}

// dying is rows of a program that is killed at a save: it is durable or not, and nothing is
// after it.
type dying struct {
	mailing.Rows
	at     func(fates map[int][]byte) bool
	before bool
	dead   atomic.Bool
	died   chan struct{}
}

var errDead = errors.New("the program is dead")

func (d *dying) Save(ctx context.Context, list ledger.Number, h mailing.Hold, fates map[int][]byte) error {
	switch {
	case d.dead.Load():
		return errDead
	case !d.at(fates):
		return d.Rows.Save(ctx, list, h, fates)
	case !d.before:
		_ = d.Rows.Save(ctx, list, h, fates)
	}
	if !d.dead.Swap(true) {
		close(d.died)
	}
	return errDead
}

// dies has a program run until it is killed at a save.
func (h *house) dies(t *testing.T, s *sink, dir string, before bool, at func(map[int][]byte) bool) {
	t.Helper()
	rows := &dying{Rows: h.rows, before: before, at: at, died: make(chan struct{})}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = h.sender(t, s.server(), rows, dir).Run(ctx)
	}()
	select {
	case <-rows.died:
	case <-time.After(patience()):
		t.Error("it does not get as far as its death")
	}
	stop()
	<-ended
}

func counts(t testing.TB, s *mailing.Sender) mailing.Counts {
	t.Helper()
	c, _, err := s.Counts(t.Context(), theList)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// until runs a sender until done says so.
func until(t testing.TB, s *mailing.Sender, done func() bool) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), patience())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	for !done() && ctx.Err() == nil {
		time.Sleep(20 * time.Millisecond)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

// The people are told while the program dies five times and the server hangs up now and
// then, and once more after the program was killed by the system. At the server nobody has
// two mails; nobody is missing who is not in doubt; those in doubt are no more than the
// connections that were open each time.
//
// Promise: TELL-4
func TestTELL_4_NobodyIsToldTwiceAndNobodyIsForgottenHoweverOftenTheProgramIsKilled(t *testing.T) {
	if path := os.Getenv(childEnv); path != "" {
		tells(t, path)
		return
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "poterne.db")
	h, s := open(t, path, people), newSink(t)
	for death := range deaths {
		var saves atomic.Int32
		h.dies(t, s, dir, death%2 == 0, func(map[int][]byte) bool { return int(saves.Add(1)) == 60+10*death })
	}
	broken := (deaths + 1) * connections // that ended while a mail may have been on its way
	killed(t, path, s)

	alive := h.sender(t, s.server(), h.rows, dir)
	for _, before := range []bool{true, false} { // the server has what it takes; the program dies as letters are written down
		h.dies(t, s, dir, before, func(fates map[int][]byte) bool {
			for _, some := range fates {
				if bytes.Contains(some, []byte{byte(mailing.Printed)}) {
					return true
				}
			}
			return false
		})
	}
	named := func() bool { left, _ := filepath.Glob(filepath.Join(dir, "*.part")); return len(left) == 0 }
	until(t, alive, func() bool { c := counts(t, alive); return c[mailing.Waiting]+c.Letters() == 0 && named() })
	c := counts(t, alive)
	t.Logf("%+v", c)
	if c[mailing.Intended] != 0 || c[mailing.Doubted] > broken+int(s.cuts.Load()) || c.People() != people {
		t.Errorf("of %d people %d are in doubt, after %d connections were cut; %d may still be sent to", c.People(), c[mailing.Doubted], broken, c[mailing.Intended])
	}
	want, mailed := 0, 0
	for i := range people {
		if contact := address(i); i%500 != 10 && contact.Mail != "" && !strings.HasPrefix(contact.Mail, "refused") {
			want++
			if s.got[contact.Mail] > 1 {
				t.Errorf("person %d has %d mails", i, s.got[contact.Mail])
			}
		}
	}
	for _, n := range s.got {
		mailed += n
	}
	if mailed < c[mailing.Taken] || mailed > c[mailing.Taken]+c[mailing.Doubted] || c[mailing.Taken]+c[mailing.Doubted] != want {
		t.Errorf("the server has %d mails; %d are said to be there and %d in doubt, of %d", mailed, c[mailing.Taken], c[mailing.Doubted], want)
	}
	if c[mailing.NoAddress] != people/100 || c[mailing.Gone] != people/500 || c[mailing.Printed] != 2*people/100 {
		t.Errorf("without a mail: %+v", c)
	}

	// What is in doubt is listed by Message-ID; the server's log says what it had of these.
	ids, err := alive.Doubts(t.Context(), h.file.Number, theList)
	if err != nil || len(ids) != c[mailing.Doubted] {
		t.Fatalf("%d are listed of %d in doubt: %v", len(ids), c[mailing.Doubted], err)
	}
	held := 0
	for _, of := range s.ids {
		for _, doubted := range ids {
			if of == "<"+doubted+">" {
				held++
			}
		}
	}
	if held != mailed-c[mailing.Taken] {
		t.Errorf("by their Message-IDs the server has %d of those in doubt; it has %d", held, mailed-c[mailing.Taken])
	}

	// Each letter is in one batch. What comes back by mail goes out by letter, once.
	h.printed(t, dir, 2*people/100)
	if err := os.MkdirAll(filepath.Join(dir, "bounces"), 0o700); err != nil {
		t.Fatal(err)
	}
	returns := func(name, from, action string) {
		t.Helper()
		report := "Delivered-To: " + from + "\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n" +
			"--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; maison.example\r\n\r\n" +
			"Final-Recipient: rfc822; somebody\r\nAction: " + action + "\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
		if err := os.WriteFile(filepath.Join(dir, "bounces", name), []byte(report), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	some := slices.Sorted(maps.Keys(s.froms))
	returns("1", s.froms[some[0]], "failed")
	returns("2", s.froms[some[1]], "delayed")
	returns("3", strings.Replace(s.froms[some[2]], "+", "+0", 1), "failed") // of another
	returns("4", "somebody@maison.example", "failed")
	until(t, alive, func() bool { return counts(t, alive)[mailing.Printed] == 2*people/100+1 && named() })
	h.printed(t, dir, 2*people/100+1)
	if c := counts(t, alive); c[mailing.Bounced] != 0 {
		t.Errorf("then %+v", c)
	}

	// Nobody is asked for anything by what came, and it says whose it is to no other.
	for _, want := range []string{"List-Id: <incident-2026-003-", "Auto-Submitted: auto-generated", "To: <p", "Content-Type: text/plain"} {
		if one := string(s.raw[some[0]]); !strings.Contains(one, want) {
			t.Errorf("a mail has no %q:\n%s", want, one)
		}
	}
}

// Whoever posts letters is told of each address that is not printed as it is written, or does not fit its window.
//
// Promise: TELL-4
func TestTELL_4_AnAddressThatIsNotPrintedWholeIsSaid(t *testing.T) {
	dir := t.TempDir()
	post := mailing.Post{Settings: mailing.Settings{Letters: dir, Now: time.Now}, From: message().Controller}
	for name, want := range map[string]string{
		"He\u0301le\u0300ne Nguyễn": "", "Zoë d’Août": "", "محمد": "address", "Anne 王": "address", strings.Repeat("a", 39): "address", "Anne;=1+1": "",
	} {
		if err := post.Write(t.Context(), "one", []string{name, "99100 VALBOURG"}, []pdf.LetterPart{{Heading: "Bonjour", Paragraphs: []string{"Voilà."}}}); err != nil {
			t.Fatal(err)
		}
		packed, err := zip.OpenReader(filepath.Join(dir, "one.zip"))
		if err != nil {
			t.Fatal(err)
		}
		sheet, err := packed.Open("manifest.csv")
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(sheet).ReadAll()
		if err != nil || len(rows) != 2 {
			t.Fatal(rows, err)
		}
		if got := rows[1][4]; got != want {
			t.Errorf("%q: the manifest says %q, want %q", name, got, want)
		}
		_ = packed.Close()
	}
}

// printed reads the batches of letters: so many, to nobody twice.
func (h *house) printed(t *testing.T, dir string, want int) {
	t.Helper()
	if left, _ := filepath.Glob(filepath.Join(dir, "*.part")); len(left) > 0 {
		t.Errorf("batches have no name: %v", left)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.zip"))
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, file := range files {
		packed, err := zip.OpenReader(file)
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := packed.Open("addresses.csv")
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(manifest).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows[1:] {
			if strings.HasPrefix(row[2], "=") {
				t.Fatalf("a spreadsheet takes an address for a formula: %q", row)
			}
			if seen[row[1]] {
				t.Errorf("%s has two letters", row[1])
			}
			seen[row[1]] = true
		}
		_ = packed.Close()
	}
	if len(seen) != want {
		t.Errorf("%d letters are in %d batches; want %d", len(seen), len(files), want)
	}
}

const (
	childEnv = "POTERNE_MAILING_CHILD"
	portEnv  = "POTERNE_MAILING_PORT"
)

// killed has another process go on telling, and kills it.
func killed(t *testing.T, path string, s *sink) {
	t.Helper()
	before := s.count()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), childEnv+"="+path, portEnv+"="+strconv.Itoa(s.server().Port))
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadByte(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); s.count() < before+150; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Error("the other process tells nobody")
			break
		}
	}
	_ = child.Process.Kill()
	_ = child.Wait()
	if s.count() > people*95/100 {
		t.Error("the other process was killed after it had told everybody")
	}
}

func (s *sink) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.got)
}

// tells is what the process does that is killed.
func tells(t *testing.T, path string) {
	t.Helper()
	port, err := strconv.Atoi(os.Getenv(portEnv))
	if err != nil {
		t.Fatal(err)
	}
	h := open(t, path, 0)
	fmt.Println("ready")
	_ = h.sender(t, mail.Server{Host: "127.0.0.1", Port: port, Security: mail.Plain}, h.rows, t.TempDir()).Run(t.Context())
}

// Four people are told by the mail server what of theirs was seen, and when, in plain and in
// easy French and in English; none is told of what was another's. Two had the same fields
// seen, two on the same days; one day ends in Paris before it does in UTC.
//
// Promise: TELL-3
func TestTELL_3_EachIsSentTheListOfWhatWasTheirsAndWhenAndNoneOfAnothers(t *testing.T) {
	day := func(day, hour int) time.Time { return time.Date(2026, time.March, day, hour, 30, 0, 0, time.UTC) }
	told := []struct {
		fields      register.Fields
		first, last time.Time
		lines       []string // what was seen and when: plain, easy, English
	}{
		{register.Name | register.Contact, day(3, 9), day(3, 10), []string{
			"Cela s’est passé le mardi 3 mars 2026, par un compte professionnel détourné.",
			"Ont été vus : votre nom et vos prénoms, vos coordonnées (téléphone, courriel, adresse).",
			"Cela s’est passé le mardi 3 mars 2026.",
			"Cette personne a vu : votre nom et vos prénoms, vos coordonnées (téléphone, courriel, adresse).",
			"It happened on Tuesday 3 March 2026, through a professional account that had been taken over.",
			"These were seen: your surname and first names, your contact details (telephone, e-mail, address).",
		}},
		{register.NIR | register.Health, day(4, 9), day(9, 10), []string{
			"Cela s’est passé entre le mercredi 4 mars 2026 et le lundi 9 mars 2026, par un compte professionnel détourné.",
			"Ont été vus : votre numéro de sécurité sociale, des informations sur votre santé.",
			"Cela s’est passé entre le mercredi 4 mars 2026 et le lundi 9 mars 2026.",
			"Cette personne a vu : votre numéro de sécurité sociale, des informations sur votre santé.",
			"It happened between Wednesday 4 March 2026 and Monday 9 March 2026, through a professional account that had been taken over.",
			"These were seen: your social-security number, information about your health.",
		}},
		{register.NIR | register.Health, day(5, 23), day(5, 23), []string{
			"Cela s’est passé le vendredi 6 mars 2026, par un compte professionnel détourné.",
			"Ont été vus : votre numéro de sécurité sociale, des informations sur votre santé.",
			"Cela s’est passé le vendredi 6 mars 2026.",
			"Cette personne a vu : votre numéro de sécurité sociale, des informations sur votre santé.",
			"It happened on Friday 6 March 2026, through a professional account that had been taken over.",
			"These were seen: your social-security number, information about your health.",
		}},
		{register.Benefit, day(4, 9), day(9, 10), []string{
			"Cela s’est passé entre le mercredi 4 mars 2026 et le lundi 9 mars 2026, par un compte professionnel détourné.",
			"Ont été vus : vos droits et vos paiements.",
			"Cela s’est passé entre le mercredi 4 mars 2026 et le lundi 9 mars 2026.",
			"Cette personne a vu : vos droits et vos paiements.",
			"It happened between Wednesday 4 March 2026 and Monday 9 March 2026, through a professional account that had been taken over.",
			"These were seen: your rights and payments.",
		}},
	}
	dir := t.TempDir()
	h, s := open(t, filepath.Join(dir, "poterne.db"), 0), newSink(t)
	if err := mailing.PutForTest(t.Context(), h.rows, theList, len(told), func(i int) mailing.Person {
		return mailing.Person{ID: id(i), Identifier: strconv.Itoa(i), Fields: told[i].fields, First: told[i].first, Last: told[i].last}
	}); err != nil {
		t.Fatal(err)
	}
	teller := h.sender(t, s.server(), h.rows, dir)
	until(t, teller, func() bool { return counts(t, teller)[mailing.Taken] == len(told) })
	facts := regexp.MustCompile(`^(Cela s’est passé|Ont été vus|Cette personne a vu|It happened|These were seen)`)
	for i, person := range told {
		mail, err := netmail.ReadMessage(bytes.NewReader(s.raw[address(i).Mail]))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(mail.Body))
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for line := range strings.Lines(string(body)) {
			if line = strings.TrimRight(strings.NewReplacer("\u202f", " ", "\u00a0", " ").Replace(line), "\r\n"); facts.MatchString(line) {
				lines = append(lines, line)
			}
		}
		if !slices.Equal(lines, person.lines) {
			t.Errorf("person %d is told\n%s\nwant\n%s", i, strings.Join(lines, "\n"), strings.Join(person.lines, "\n"))
		}
	}
}

// What a letter says is the code that opens, for its reader and no other, once it is printed.
//
// Promise: PERSON-3
func TestPERSON_3_ALetterCarriesTheCodeOfItsReader(t *testing.T) {
	if _, err := exec.LookPath("pdftotext"); err != nil {
		t.Skip("pdftotext is not installed: it is in Debian's poppler-utils")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "poterne.db")
	h, s := open(t, path, 60), newSink(t)
	h.file.Telling.At = time.Now()
	teller := h.sender(t, s.server(), h.rows, dir)
	teller.Site = "mon-dossier.example"
	until(t, teller, func() bool {
		c := counts(t, teller)
		return c[mailing.Waiting]+c.Letters() == 0 && c[mailing.Printed] > 0
	})
	batches, err := filepath.Glob(filepath.Join(dir, "*.zip"))
	if err != nil || len(batches) != 1 {
		t.Fatalf("%v, %v", batches, err)
	}
	packed, err := zip.OpenReader(batches[0])
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	letters, err := packed.Open("letters.pdf")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(letters)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "letters.pdf")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := exec.CommandContext(t.Context(), "pdftotext", "-layout", file, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^ *((?:[0-9A-HJKMNP-TV-Z]{4} ){4,}[0-9A-HJKMNP-TV-Z]{1,4}) *$`).FindAllStringSubmatch(string(text), -1)
	if len(found) != counts(t, teller)[mailing.Printed] || !strings.Contains(string(text), "mon-dossier.example/code") || strings.Contains(string(text), "http") {
		t.Fatalf("%d codes in %d letters:\n%s", len(found), counts(t, teller)[mailing.Printed], text)
	}
	db, err := store.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	keyed(t, db, dir)
	codes := &mailing.Codes{Settings: teller.Settings, Files: h, Rows: h.rows, Typed: store.NewMailings(db), Writer: journal.Outside{DB: store.NewLedger(db), Now: time.Now}}
	met := make(map[register.PersonID]bool)
	for _, code := range found {
		person, of, err := codes.Open(t.Context(), code[1])
		if err != nil || of != h.file.Number || met[person] {
			t.Errorf("%q opens incident %d, %v, or somebody twice", code[1], of, err)
		}
		met[person] = true
	}
	if len(met) != 2 || !met[id(7)] || !met[id(9)] {
		t.Errorf("the codes are of %d people", len(met))
	}
	for i := range 60 {
		if _, _, err := codes.Open(t.Context(), teller.Code(theList, 0, i)); met[id(i)] != (err == nil) {
			t.Errorf("the place of person %d, who has a letter or not (%v): %v", i, met[id(i)], err)
		}
	}
}
