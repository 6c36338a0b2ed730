package pggate_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
)

// Strangers who say nothing keep nobody out, however many they are.
//
// Promise: RUN-6
func TestRUN_6_StrangersTakeNobodysPlace(t *testing.T) {
	w := newWorld(t, false)
	first := w.client()
	for range 250 {
		conn, err := net.Dial("tcp", w.address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	w.waits(func() bool { return w.door.Connections() >= 65 })
	for range 3 {
		if _, err := w.client().Exec(t.Context(), "execute how_many"); err != nil {
			t.Error(err)
		}
	}
	if _, err := first.Exec(t.Context(), "execute how_many"); err != nil {
		t.Errorf("who was there is not any more: %v", err)
	}
	if n := w.door.Connections(); n > 100 {
		t.Errorf("%d connections are there", n)
	}
}

// Whoever asks for ever and never lets the door say what it answers does not fill its memory.
//
// Promise: RUN-6
func TestRUN_6_WhatIsAnsweredDoesNotPileUp(t *testing.T) {
	w := newWorld(t, false)
	r := w.enters()
	for range 1000 {
		r.Send(&pgproto3.Close{ObjectType: 'S', Name: "x"})
	}
	if err := r.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := r.until("CloseComplete"); !slices.Equal(got, []string{"CloseComplete"}) {
		t.Errorf("it says %q", got)
	}
}

// What is prepared and bound is kept within bounds, however it is spread.
//
// Promise: RUN-6
func TestRUN_6_WhatIsPreparedAndBoundDoesNotPileUp(t *testing.T) {
	w := newWorld(t, false)
	r := w.enters()
	long := strings.Repeat("x", 100_000)
	refusals := 0
	for i := range 30 {
		name := strconv.Itoa(i)
		for _, m := range []pgproto3.FrontendMessage{
			&pgproto3.Parse{Name: name, Query: "execute notes('" + long + "')"},
			&pgproto3.Parse{Query: "execute notes"},
		} {
			r.says(&pgproto3.Query{String: "begin"}, m, &pgproto3.Bind{DestinationPortal: name, Parameters: [][]byte{[]byte(long)}}, &pgproto3.Sync{})
			r.until("ReadyForQuery")
			if slices.Contains(r.until("ReadyForQuery"), "53400") {
				refusals++
			}
		}
		r.says(&pgproto3.Query{String: "rollback"})
		r.until("ReadyForQuery")
	}
	if refusals == 0 {
		t.Error("three million bytes are kept")
	}
	r.says(&pgproto3.Query{String: "execute how_many"})
	if got := r.until("ReadyForQuery"); !slices.Contains(got, "DataRow") {
		t.Errorf("it says %q", got)
	}
}

// What the server's connection sets is what the statements run in.
//
// Promise: RUN-6
func TestRUN_6_TheConnectionsOwnSettingsHold(t *testing.T) {
	w := newWorld(t, false)
	var who string
	if err := w.client().QueryRow(t.Context(), "execute aside").Scan(&who); err != nil || who != "apart" {
		t.Errorf("%q, %v", who, err)
	}
}

// A refusal of somebody leaves when every other does, whether there is such a person or not, and
// nothing of it leaves before.
//
// Promise: SCOPE-5
func TestSCOPE_5_ARefusalOfSQLLeavesWhenEveryOtherDoes(t *testing.T) {
	waits := 0
	var w *world
	w = newWorld(t, false, func(d *deps) {
		d.Even = func(_ context.Context, took time.Duration) {
			waits++
			if took <= 0 {
				t.Errorf("it took %v", took)
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			if bytes.Contains(w.received.Bytes(), []byte("42501")) {
				t.Error("it has left before its time")
			}
		}
	})
	c := w.client("default_query_exec_mode=exec")
	w.place(order.Order{Reach: order.Service, Target: "reports", Effect: order.Closed})
	for i, who := range []string{"p1", "p30", "p900"} {
		if _, err := c.Exec(t.Context(), "select note from note where person = $1", who); err == nil || waits != i+1 {
			t.Errorf("%s: %v, %d waits", who, err, waits)
		}
		w.mu.Lock()
		w.received.Reset()
		w.mu.Unlock()
	}
	if _, err := c.Exec(t.Context(), "select * from person"); err == nil || waits != 3 {
		t.Errorf("what says nothing of anybody: %v, %d waits", err, waits)
	}
}

// What stands before TLS begins, a password included, is taken for nothing that comes inside.
//
// Promise: RUN-6
func TestRUN_6_WhatComesBeforeTLSIsNotTakenForWhatComesInside(t *testing.T) {
	w := newWorld(t, true)
	hello := func(code uint32, body string) []byte {
		b := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
		return append(binary.BigEndian.AppendUint32(b, code), body...)
	}
	password := rand.Text()
	w.who.gives(password, account)
	sent := hello(3<<16, "user\x00pauline\x00database\x00reports\x00\x00")
	sent, _ = (&pgproto3.PasswordMessage{Password: password}).Encode(sent)
	sent, _ = (&pgproto3.Query{String: "execute how_many"}).Encode(sent)
	for name, before := range map[string][]byte{"TLS": hello(80877103, ""), "GSS": hello(80877104, ""), "nothing": nil, "GSS, then TLS": append(hello(80877104, ""), hello(80877103, "")...)} {
		conn, err := net.Dial("tcp", w.address)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		_, _ = conn.Write(append(slices.Clone(before), sent...))
		_ = conn.(*net.TCPConn).CloseWrite()
		answer, _ := io.ReadAll(conn)
		_ = conn.Close()
		if bytes.Contains(answer, []byte("server_version")) {
			t.Errorf("%s: answered %q", name, answer)
		}
	}
	out, err := w.psql(w.with(account, password, ""), "execute how_many;")
	if err != nil || !strings.Contains(out, "66") {
		t.Errorf("the password was used on the way: %v %s", err, out)
	}
}

// Whoever waits is told that the program leaves.
//
// Promise: RUN-6
func TestRUN_6_WhoWaitsIsToldThatTheProgramLeaves(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(map[bool]string{false: "in the clear", true: "TLS"}[secure], func(t *testing.T) {
			w := newWorld(t, secure)
			c := w.client()
			if _, err := c.Exec(t.Context(), "execute how_many"); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := w.door.Shutdown(ctx); err != nil {
				t.Fatal(err)
			}
			_, err := c.PgConn().ReceiveMessage(ctx)
			if err == nil || !strings.Contains(err.Error(), "57P01") {
				t.Errorf("it says %v", err)
			}
		})
	}
}

// However a statement is bound, what it names is one person: odd values, formats and types of
// parameters lead to nobody else.
//
// Promise: RUN-6
func TestRUN_6_OddValuesNameNobodyElse(t *testing.T) {
	w := newWorld(t, false)
	for name, test := range map[string]struct {
		sql    string
		types  []uint32
		format int16
		value  []byte
	}{
		"null":                      {"execute notes", nil, 0, nil},
		"an array":                  {"execute notes", nil, 0, []byte("{p20,p21}")},
		"an array's type":           {"execute notes", []uint32{1009}, 0, []byte("{p20}")},
		"blanks":                    {"execute notes", nil, 1, []byte("p20 ")},
		"another case":              {"execute notes", nil, 1, []byte("P20")},
		"full width":                {"execute notes", nil, 1, []byte("p２０")},
		"a soft hyphen":             {"execute notes", nil, 1, []byte("p\u00ad20")},
		"not UTF-8":                 {"execute notes", nil, 1, []byte("p20\xff")},
		"a zero byte":               {"execute notes", nil, 1, []byte("p20\x00")},
		"an integer of eight bytes": {"execute numbered", nil, 1, []byte{0, 0, 0, 0, 0, 0, 0, 20}},
		"an integer's type":         {"execute numbered", []uint32{20}, 1, []byte{0, 0, 0, 0, 0, 0, 0, 20}},
		"a negative integer":        {"execute numbered", nil, 1, []byte{255, 255, 255, 236}},
		"an integer with a point":   {"execute numbered", nil, 0, []byte("20.0")},
		"an integer in letters":     {"execute numbered", nil, 0, []byte("2e1")},
		"very long":                 {"execute notes", nil, 0, bytes.Repeat([]byte("p20"), 40000)},
	} {
		t.Run(name, func(t *testing.T) {
			r := w.enters()
			r.says(&pgproto3.Parse{Query: test.sql, ParameterOIDs: test.types}, &pgproto3.Bind{Parameters: [][]byte{test.value}, ParameterFormatCodes: []int16{test.format}}, &pgproto3.Execute{}, &pgproto3.Sync{})
			got := r.until("ReadyForQuery")
			if slices.Contains(got, "DataRow") || slices.Contains(got, "CommandComplete") {
				t.Errorf("it says %q", got)
			}
		})
	}
	if n := len(w.disclosed()); n > 0 {
		t.Errorf("%d people were shown", n)
	}
}

// A table that is made anew under a prepared statement shows nothing that was not declared.
//
// Promise: RUN-6
func TestRUN_6_ATableThatChangesUnderAPreparedStatementIsRefused(t *testing.T) {
	w := newWorld(t, false)
	r := w.enters()
	r.says(&pgproto3.Parse{Name: "s", Query: "execute changes"}, &pgproto3.Bind{PreparedStatement: "s"}, &pgproto3.Execute{}, &pgproto3.Sync{})
	if got := r.until("ReadyForQuery"); !slices.Contains(got, "DataRow") {
		t.Fatalf("it says %q", got)
	}
	for _, change := range []string{
		"drop view changing; create view changing as select surname as id, id as surname from person where n = 1",
		"drop view changing; create view changing as select id, surname, phone from person where n = 30",
		"drop view changing; create view changing as select id, n as surname from person where n = 30",
		"drop view changing; create view changing as select id, surname as first from person where n = 30",
		"drop view changing",
	} {
		w.behindTheDoor(change)
		r.says(&pgproto3.Bind{PreparedStatement: "s"}, &pgproto3.Execute{}, &pgproto3.Sync{})
		if got := r.until("ReadyForQuery"); slices.Contains(got, "DataRow") {
			t.Errorf("%s: it says %q", change, got)
		}
	}
	if last := w.last(); last.Verdict.Shows() || last.Why == policy.Granted {
		t.Errorf("it is written as %v", last)
	}
}

// One account that takes its answers slowly leaves place for the others', and so do the others.
//
// Promise: RUN-6
func TestRUN_6_OneAccountDoesNotTakeThePlaceOfAllAnswers(t *testing.T) {
	w := newWorld(t, false, func(d *deps) { d.Holding = 3 << 19 })
	held := make(chan struct{})
	w.mu.Lock()
	w.held = held
	w.mu.Unlock()
	slow, again, other := w.enters(), w.enters(), w.entersAs("lea")
	slow.says(&pgproto3.Query{String: "execute long"})
	w.waits(func() bool { return len(w.disclosed()) == 9 })
	again.says(&pgproto3.Query{String: "execute long"})
	if got := again.until("ReadyForQuery"); !slices.Equal(got, []string{"53400", "ReadyForQuery"}) {
		t.Errorf("a second answer of hers: %q", got)
	}
	again.says(&pgproto3.Query{String: "execute how_many"})
	if got := again.until("ReadyForQuery"); !slices.Contains(got, "DataRow") {
		t.Errorf("a small one: %q", got)
	}
	other.says(&pgproto3.Query{String: "execute long"})
	w.waits(func() bool { return len(w.disclosed()) == 12 }) // three of the nine, without a reason
	close(held)
	for _, r := range []*raw{slow, other} {
		if got := r.until("ReadyForQuery"); !slices.Contains(got, "CommandComplete") {
			t.Errorf("it says %q", got)
		}
	}
	slow.says(&pgproto3.Query{String: "execute long"})
	if got := slow.until("ReadyForQuery"); !slices.Contains(got, "CommandComplete") {
		t.Errorf("once it is over: %q", got)
	}
}

// An answer of several people whom nobody named is a list to the rules, all or nothing as it may be.
//
// Promise: RUN-6
func TestRUN_6_SeveralPeopleAsAWholeAreListed(t *testing.T) {
	w := newWorld(t, false)
	c := w.client()
	for sql, listed := range map[string]bool{"execute as_one(1, 1)": false, "execute as_one(2, 3)": true} {
		if _, err := c.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
		if last := w.last(); !last.Disclosed() || last.Signs.Has(meter.Listed) != listed {
			t.Errorf("%s is written with the signs %v", sql, last.Signs)
		}
	}
}

// Whoever asks whether there is somebody is told the same, whether they are left out or are not there.
//
// Promise: SCOPE-5
func TestSCOPE_5_WhoIsLeftOutOfAListIsNotTold(t *testing.T) {
	w := newWorld(t, false)
	c := w.client()
	said := func(sql string) string {
		t.Helper()
		w.mu.Lock()
		w.notices = nil
		w.mu.Unlock()
		tag, err := c.Exec(t.Context(), sql)
		if err != nil {
			t.Fatal(err)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		return tag.String() + ": " + regexp.MustCompile(`[0-9]+`).ReplaceAllString(strings.Join(w.notices, "|"), "#")
	}
	if got := said("execute between(10, 12)"); !strings.HasPrefix(got, "SELECT 3") {
		t.Fatal(got)
	}
	there, absent := said("execute between(20, 20)"), said("execute between(900, 900)")
	if there != absent || !strings.HasPrefix(there, "SELECT 0") {
		t.Errorf("of somebody it says %q, of nobody %q", there, absent)
	}
	if got := said("execute trainees(3, 3)"); !strings.Contains(got, "Columns") {
		t.Errorf("that a column is withheld is not said: %q", got)
	}
}

func (w *world) place(o order.Order) {
	w.t.Helper()
	o.By, o.Because = "samir", "a test"
	if _, err := w.node.Place(w.t.Context(), o); err != nil {
		w.t.Fatal(err)
	}
}
