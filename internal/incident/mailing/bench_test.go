package mailing_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"iter"
	"net"
	"net/smtp"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"poterne/internal/incident"
	"poterne/internal/incident/mailing"
	"poterne/internal/ledger"
	"poterne/internal/ledger/index"
	"poterne/internal/mail"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/register/lookup"
	"poterne/internal/roster"
	"poterne/internal/store/indexdb"
)

// counter is a mail server that counts what it is given and keeps nothing: it costs as
// little as one can.
type counter struct {
	listener net.Listener
	mails    atomic.Int64
}

func newCounter(b *testing.B) *counter {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	c := &counter{listener: l}
	b.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go c.visit(conn)
		}
	}()
	return c
}

// visit speaks as much of SMTP as a client needs that makes no mistake.
func (c *counter) visit(conn net.Conn) {
	defer conn.Close()
	in, out := bufio.NewReaderSize(conn, 64<<10), bufio.NewWriter(conn)
	say := func(line string) {
		_, _ = out.WriteString(line + "\r\n")
		if in.Buffered() == 0 {
			_ = out.Flush()
		}
	}
	say("220 localhost")
	text := false
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return
		}
		switch {
		case text:
			if string(line) == ".\r\n" {
				text = false
				c.mails.Add(1)
				say("250 taken")
			}
		case string(line) == "DATA\r\n":
			text = true
			say("354 go on")
		case strings.HasPrefix(string(line), "EHLO"):
			say("250-localhost\r\n250 PIPELINING")
		default:
			say("250 ok")
		}
	}
}

func (c *counter) server() mail.Server {
	return mail.Server{Host: "127.0.0.1", Port: c.listener.Addr().(*net.TCPAddr).Port, Security: mail.Plain}
}

// BenchmarkHandedOver tells people by mail: that each is about to go is durable in SQLite
// before its last byte, and what became of it after. x-net-smtp is how many times the rate of
// a program that hands over mails as long, over as many connections, with the standard library
// and writes nothing down. Where people can be reached is known: reading it through the gate
// is Passage's to measure.
func BenchmarkHandedOver(b *testing.B) {
	const many = 40_000
	for _, connections := range []int{4, 64, 128} {
		b.Run(fmt.Sprintf("connections=%d", connections), func(b *testing.B) {
			for b.Loop() {
				rate := many / naive(b, newCounter(b), many, connections).Seconds()
				ours := many / handsOver(b, newCounter(b), many, connections).Seconds()
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(ours, "mails/s")
				b.ReportMetric(ours/rate, "x-net-smtp")
			}
		})
	}
}

// handsOver returns how long the sender takes.
func handsOver(b *testing.B, s *counter, many int64, connections int) time.Duration {
	b.Helper()
	dir := b.TempDir()
	h := open(b, filepath.Join(dir, "poterne.db"), int(many))
	sender := h.sender(b, s.server(), h.rows, dir)
	sender.Connect(connections)
	sender.Deps.Contact = func(_ context.Context, identifier string) (mailing.Contact, error) {
		return mailing.Contact{Name: "Personne", Mail: "p" + identifier + "@maison.example"}, nil
	}
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	began := time.Now()
	go func() { ended <- sender.Run(ctx) }()
	for s.mails.Load() < many {
		time.Sleep(time.Millisecond)
	}
	took := time.Since(began)
	stop()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	if got := s.mails.Load(); got != many {
		b.Fatalf("%d mails for %d people", got, many)
	}
	return took
}

// naive returns how long the standard library takes to hand mails over.
func naive(b *testing.B, s *counter, many, connections int) time.Duration {
	b.Helper()
	text := []byte("Subject: x\r\n\r\n" + strings.Repeat(strings.Repeat("x", 70)+"\r\n", 60))
	hand := func(c *smtp.Client, i int) error {
		if err := c.Mail("retours@valbourg.example"); err != nil {
			return err
		}
		if err := c.Rcpt("p" + strconv.Itoa(i) + "@maison.example"); err != nil {
			return err
		}
		w, err := c.Data()
		if err != nil {
			return err
		}
		_, _ = w.Write(text)
		return w.Close()
	}
	next := atomic.Int64{}
	began := time.Now()
	var clients sync.WaitGroup
	for range connections {
		clients.Go(func() {
			c, err := smtp.Dial(s.listener.Addr().String())
			if err != nil {
				b.Error(err)
				return
			}
			defer c.Close()
			for i := next.Add(1); i <= int64(many); i = next.Add(1) {
				if err := hand(c, int(i)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	clients.Wait()
	return time.Since(began)
}

// BenchmarkListed makes the list of the people of an incident, out of a register of as many:
// MB-live is the most that was alive in memory after a collection, sampled, above what was
// before. POTERNE_LISTED says how many people the larger one has; the smaller has a third.
// Both look for a third at once, so that the ratio says whether the memory grows.
func BenchmarkListed(b *testing.B) {
	people := 90_000
	if n, err := strconv.Atoi(os.Getenv("POTERNE_LISTED")); err == nil {
		people = n
	}
	for _, n := range []int{people / 3, people} {
		b.Run(fmt.Sprintf("people=%d", n), func(b *testing.B) {
			for b.Loop() {
				listed(b, n, people/3)
			}
		})
	}
}

// sweep is a ledger that is computed: one account was shown everybody.
type sweep int

func (s sweep) First(context.Context) (ledger.Number, error) { return 0, nil }

func (s sweep) Newest(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error] {
	return s.Entries(ctx, from)
}

func (s sweep) Entries(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for i := int(from); i < int(s); i++ {
			if e, err := s.Entry(ctx, ledger.Number(i)); !yield(e, err) {
				return
			}
		}
	}
}

func (s sweep) Entry(_ context.Context, n ledger.Number) (ledger.Entry, error) {
	return ledger.Entry{
		Number: n, Time: message().First.Add(time.Duration(n) * time.Millisecond), Kind: ledger.Consulted, Verdict: policy.Shown,
		Account: "thief", Person: id(int(n)), Fields: register.Name,
	}, nil
}

// People implements lookup.Directory: the n-th person has the number n.
func (s sweep) People(_ context.Context, refs []register.Ref) ([]register.PersonID, error) {
	people := make([]register.PersonID, len(refs))
	for i, ref := range refs {
		n, err := strconv.Atoi(ref.Value)
		if err != nil {
			return nil, err
		}
		people[i] = id(n)
	}
	return people, nil
}

// numbersOf reads as the numbers of everybody, a line each.
type numbersOf struct {
	next, end int
	left      []byte
}

func (n *numbersOf) Read(into []byte) (int, error) {
	for len(n.left) == 0 {
		if n.next == n.end {
			return 0, io.EOF
		}
		for until := min(n.end, n.next+1000); n.next < until; n.next++ {
			n.left = append(strconv.AppendInt(n.left, int64(n.next), 10), '\n')
		}
	}
	read := copy(into, n.left)
	n.left = n.left[read:]
	return read, nil
}

// counted is the files of a house whose people were counted.
type counted struct{ file incident.File }

func (c counted) Files(context.Context) ([]incident.File, error) { return []incident.File{c.file}, nil }

func (c counted) Do(context.Context, incident.Write) (ledger.Number, error) { return theList, nil }

func listed(b *testing.B, people, portion int) {
	b.Helper()
	dir := b.TempDir()
	shelf, err := indexdb.OpenSQLite(b.Context(), filepath.Join(dir, "index.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer shelf.Close()
	x := index.New(index.Standard, sweep(people), shelf)
	if err := x.CatchUp(b.Context(), nil); err != nil {
		b.Fatal(err)
	}
	h := open(b, filepath.Join(dir, "poterne.db"), 0)
	h.file.Count = &incident.Count{Scope: incident.Scope{Accounts: []roster.AccountID{"thief"}}, People: people}
	lister := mailing.Lister{
		Files: counted{h.file}, Index: x, Rows: h.rows, Directory: sweep(people), Scheme: "dossier",
		Reserved: func(register.PersonID) bool { return false }, Portion: portion,
	}
	identifiers := func() (*lookup.Column, error) {
		return lookup.NewColumn("register", io.MultiReader(strings.NewReader("number\n"), &numbersOf{end: people}), "number")
	}
	before, most := live(), uint64(0)
	began := time.Now()
	l, err := lister.List(b.Context(), h.file.Number, "by", "approver", identifiers, io.Discard, func(read int) {
		if read/(people/10) != (read-1<<14)/(people/10) { // ten times a reading
			most = max(most, live())
		}
	})
	if err != nil || l.Found != people || l.Missing != 0 {
		b.Fatalf("of %d people: %+v, %v", people, l, err)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(people)/time.Since(began).Seconds(), "people/s")
	b.ReportMetric(float64(most-min(before, most))/1e6, "MB-live")
}

// live is how many bytes are reachable.
func live() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
