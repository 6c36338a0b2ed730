package pggate_test

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/roster"
)

// raw is a client that speaks the protocol as it likes.
type raw struct {
	*pgproto3.Frontend
	conn net.Conn
	w    *world
}

func (w *world) dial() *raw {
	w.t.Helper()
	conn, err := net.Dial("tcp", w.address)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	return &raw{pgproto3.NewFrontend(conn, conn), conn, w}
}

// enters is raw, signed in as pauline.
func (w *world) enters() *raw { return w.entersAs(account) }

func (w *world) entersAs(account roster.AccountID) *raw {
	w.t.Helper()
	r := w.dial()
	password := rand.Text()
	w.who.gives(password, account)
	r.says(&pgproto3.StartupMessage{ProtocolVersion: 3 << 16, Parameters: map[string]string{"user": string(account), "database": "reports"}})
	r.until("AuthenticationCleartextPassword")
	r.says(&pgproto3.PasswordMessage{Password: password})
	r.until("ReadyForQuery")
	return r
}

func (r *raw) says(messages ...pgproto3.FrontendMessage) {
	r.w.t.Helper()
	for _, m := range messages {
		r.Send(m)
	}
	if err := r.Flush(); err != nil {
		r.w.t.Fatal(err)
	}
}

// until reads up to a message of a name, or the end, and returns the names of all, with the codes
// of errors.
func (r *raw) until(name string) (names []string) {
	r.w.t.Helper()
	for {
		m, err := r.Receive()
		if err != nil {
			return append(names, "end")
		}
		called := strings.TrimPrefix(fmt.Sprintf("%T", m), "*pgproto3.")
		if e, ok := m.(*pgproto3.ErrorResponse); ok {
			called = e.Code
		}
		if names = append(names, called); called == name {
			return names
		}
	}
}

// The extended protocol, in whatever order a client says it.
func TestRUN_6_OddMessagesAreRefused(t *testing.T) {
	w := newWorld(t, false)
	sync := &pgproto3.Sync{}
	parse := &pgproto3.Parse{Name: "s", Query: "execute between"}
	two := [][]byte{[]byte("1"), []byte("2")}
	for name, test := range map[string]struct {
		says []pgproto3.FrontendMessage
		want []string
	}{
		"in order":                  {[]pgproto3.FrontendMessage{parse, &pgproto3.Bind{PreparedStatement: "s", Parameters: two}, &pgproto3.Execute{}, sync}, []string{"ParseComplete", "BindComplete", "DataRow", "DataRow", "NoticeResponse", "CommandComplete", "ReadyForQuery"}},
		"a portion":                 {[]pgproto3.FrontendMessage{parse, &pgproto3.Bind{PreparedStatement: "s", Parameters: two}, &pgproto3.Execute{MaxRows: 1}, &pgproto3.Execute{}, sync}, []string{"ParseComplete", "BindComplete", "0A000", "ReadyForQuery"}},
		"a portal read twice":       {[]pgproto3.FrontendMessage{parse, &pgproto3.Bind{PreparedStatement: "s", Parameters: two}, &pgproto3.Execute{}, &pgproto3.Execute{}, sync}, []string{"ParseComplete", "BindComplete", "DataRow", "DataRow", "NoticeResponse", "CommandComplete", "55000", "ReadyForQuery"}},
		"nothing prepared":          {[]pgproto3.FrontendMessage{&pgproto3.Bind{PreparedStatement: "s"}, &pgproto3.Execute{}, sync}, []string{"26000", "ReadyForQuery"}},
		"nothing bound":             {[]pgproto3.FrontendMessage{parse, &pgproto3.Execute{Portal: "p"}, sync}, []string{"ParseComplete", "34000", "ReadyForQuery"}},
		"too few values":            {[]pgproto3.FrontendMessage{parse, &pgproto3.Bind{PreparedStatement: "s", Parameters: two[:1]}, sync}, []string{"ParseComplete", "08P01", "ReadyForQuery"}},
		"an unknown format":         {[]pgproto3.FrontendMessage{parse, &pgproto3.Bind{PreparedStatement: "s", Parameters: two, ResultFormatCodes: []int16{7}}, sync}, []string{"ParseComplete", "08P01", "ReadyForQuery"}},
		"formats of other columns":  {[]pgproto3.FrontendMessage{parse, &pgproto3.Bind{PreparedStatement: "s", Parameters: two, ResultFormatCodes: []int16{0, 1}}, sync}, []string{"ParseComplete", "08P01", "ReadyForQuery"}},
		"another type of parameter": {[]pgproto3.FrontendMessage{&pgproto3.Parse{Query: "execute between", ParameterOIDs: []uint32{20, 700}}, sync}, []string{"22023", "ReadyForQuery"}},
		"undeclared, then declared": {[]pgproto3.FrontendMessage{&pgproto3.Parse{Query: "select * from person"}, parse, &pgproto3.Bind{PreparedStatement: "s", Parameters: two}, &pgproto3.Execute{}, sync}, []string{"42501", "ReadyForQuery"}},
		"a function":                {[]pgproto3.FrontendMessage{&pgproto3.FunctionCall{Function: 1}}, []string{"42501", "ReadyForQuery"}},
		"rows to copy":              {[]pgproto3.FrontendMessage{&pgproto3.CopyData{Data: []byte("x")}, &pgproto3.CopyDone{}, sync}, []string{"ReadyForQuery"}},
		"a second password":         {[]pgproto3.FrontendMessage{&pgproto3.Query{String: ""}}, []string{"EmptyQueryResponse", "ReadyForQuery"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := w.enters()
			r.says(test.says...)
			if got := r.until("ReadyForQuery"); !slices.Equal(got, test.want) {
				t.Errorf("it says %q", got)
			}
		})
	}
	r := w.enters()
	if r.says(&pgproto3.Query{String: strings.Repeat("x", 1<<18)}); !slices.Contains(r.until(""), "end") {
		t.Error("a message without bounds is taken")
	}
}

// What comes before the sign-in: nothing is answered, and nobody waits.
func TestRUN_6_WhoHasNotSignedInIsAnsweredNothing(t *testing.T) {
	w := newWorld(t, true)
	hello := func(code uint32, body string) []byte {
		b := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
		return append(binary.BigEndian.AppendUint32(b, code), body...)
	}
	startup := hello(3<<16, "user\x00pauline\x00database\x00reports\x00\x00")
	query, _ := (&pgproto3.Query{String: "execute how_many"}).Encode(nil)
	for name, sent := range map[string][]byte{
		"in the clear":                startup,
		"a query":                     query,
		"cancel":                      hello(80877102, "12345678"),
		"TLS, and more behind it":     append(hello(80877103, ""), startup...),
		"for ever asking for GSS":     slices.Repeat(hello(80877104, ""), 50),
		"too long":                    binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 1<<30), 3<<16),
		"too short":                   {0, 0, 0, 4, 0, 3, 0, 0},
		"a name twice":                hello(3<<16, "user\x00a\x00user\x00b\x00\x00"),
		"not ended":                   hello(3<<16, "user\x00a"),
		"another version":             hello(2<<16, "user\x00a\x00\x00"),
		"HTTP":                        []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"TLS at once, without asking": {22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3},
	} {
		conn, err := net.Dial("tcp", w.address)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		_, _ = conn.Write(sent)
		_ = conn.(*net.TCPConn).CloseWrite()
		answer, _ := io.ReadAll(conn)
		_ = conn.Close()
		if strings.Contains(string(answer), "66") || len(answer) > 200 {
			t.Errorf("%s: answered %q", name, answer)
		}
	}
	if n := len(w.disclosed()); n > 0 {
		t.Errorf("%d people were shown", n)
	}
}

// A client that reads slowly is sent no more once an order stops its account.
func TestRUN_6_AnOrderCutsAnAnswerThatGoesOut(t *testing.T) {
	w := newWorld(t, false)
	held := make(chan struct{})
	w.mu.Lock()
	w.held = held
	w.mu.Unlock()
	r := w.enters()
	r.says(&pgproto3.Query{String: "execute long"})
	w.waits(func() bool { return len(w.disclosed()) == 9 })
	if _, err := w.node.Place(t.Context(), order.Order{Reach: order.Account, Target: string(account), Effect: order.Suspended, By: "samir", Because: "a test"}); err != nil {
		t.Fatal(err)
	}
	close(held)
	if names := r.until("ReadyForQuery"); names[len(names)-1] != "end" || slices.Contains(names, "CommandComplete") || len(names) > 4 {
		t.Errorf("it goes on: %q", names)
	}
	r = w.enters()
	r.says(&pgproto3.Query{String: "execute long"})
	if got := r.until("ReadyForQuery"); !slices.Equal(got, []string{"42501", "ReadyForQuery"}) {
		t.Errorf("afterwards it says %q", got)
	}
}

// A client that goes away in the middle, and a server that does, leave nothing that is not
// written; the door goes on.
func TestRUN_6_WhoGoesAwayInTheMiddleLeavesNothingUnwritten(t *testing.T) {
	w := newWorld(t, false)
	for range 3 {
		r := w.enters()
		r.says(&pgproto3.Query{String: "execute long"})
		_, _ = r.Receive()
		_ = r.conn.Close()
	}
	c := w.client()
	ended := make(chan error, 1)
	go func() {
		_, err := c.Exec(context.Background(), "execute sleeps")
		ended <- err
	}()
	w.waits(func() bool { return w.busy("pg_sleep") })
	w.ends("pg_sleep")
	err := <-ended
	if said, ok := errors.AsType[*pgconn.PgError](err); !ok || said.Code != "58000" {
		t.Errorf("the server went away: %v", err)
	}
	if _, err := c.Exec(t.Context(), "execute how_many"); err != nil {
		t.Errorf("and does not come back: %v", err)
	}
}

// ends has the server end whoever runs something with a word in it.
func (w *world) ends(word string) {
	conn, err := pgx.Connect(context.Background(), w.server)
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(context.Background(), "select pg_terminate_backend(pid) from pg_stat_activity where state = 'active' and pid <> pg_backend_pid() and query like '%' || $1 || '%' and datname = current_database()", word); err != nil {
		w.t.Fatal(err)
	}
}

// By another's habilitation, and without one, the server runs nothing.
func TestRUN_6_WhoHasNoHabilitationIsRefused(t *testing.T) {
	w := newWorld(t, false)
	password := rand.Text()
	w.who.gives(password, "karim")
	c, err := pgconn.Connect(t.Context(), w.with("karim", password, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	for _, sql := range []string{"execute how_many", "execute file('p1')", "execute notes('p900')", "execute between(1, 2)"} {
		_, err := c.Exec(t.Context(), sql).ReadAll()
		w.refused(err, policy.NotHabilitated)
	}
}
