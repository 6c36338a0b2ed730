package pggate_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"poterne/internal/gate"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
)

const between = "select id, surname, phone, updated from person where n between $1 and $2 order by n"

// A driver asks by the text that is declared, in the extended protocol, in text and in binary.
func TestRUN_6_RowsOfPeopleAreDecidedCountedAndWritten(t *testing.T) {
	w := newWorld(t, false)
	c := w.client()
	for _, format := range []int16{pgx.TextFormatCode, pgx.BinaryFormatCode} {
		rows, err := c.Query(t.Context(), between, pgx.QueryResultFormats{format}, 7, 9)
		if who, err := people(t, rows, err); err != nil || !slices.Equal(who, []string{"p7", "p8", "p9"}) {
			t.Fatalf("%v, %v", who, err)
		}
	}
	w.mu.Lock()
	said := strings.Join(w.notices, "|")
	w.mu.Unlock()
	if !strings.Contains(said, "Receipt") {
		t.Errorf("the receipt is not told: %s", said)
	}
	if last := w.last(); last.Service != "reports" || last.Route != "SQL between" || last.Device != "laptop" || last.Network != "office" || last.Session == "" {
		t.Errorf("it is written as %+v", last)
	}
}

// Of whom the asker may not be shown, nothing goes out, and the count agrees.
func TestRUN_6_PeopleWhoMayNotBeShownAreCutOut(t *testing.T) {
	w := newWorld(t, false)
	c := w.client()
	rows, err := c.Query(t.Context(), between, 8, 20)
	who, err := people(t, rows, err)
	if err != nil || !slices.Equal(who, []string{"p8", "p9", "p10", "p11", "p12"}) {
		t.Fatalf("shown %v, %v: two of the caseload, and three without a reason", who, err)
	}
	if tag := rows.CommandTag(); tag.RowsAffected() != 5 {
		t.Errorf("it says %s", tag)
	}
	if who, err := psqlPeople(w, "execute between(10, 14);"); err != nil || !slices.Equal(who, []string{"p10", "p11", "p12"}) {
		t.Errorf("shown again: %v, %v", who, err)
	}
	rows, err = c.Query(t.Context(), between, 100, 101)
	if who, err := people(t, rows, err); err != nil || len(who) > 0 {
		t.Errorf("who is nobody's: %v, %v", who, err)
	}
}

func psqlPeople(w *world, commands ...string) (who []string, err error) {
	out, err := w.psql(w.connection(account, ""), commands...)
	if err != nil {
		return nil, errors.New(out)
	}
	for _, secret := range secrets.FindAllStringSubmatch(out, -1) {
		if !slices.Contains(who, secret[1]) {
			who = append(who, secret[1])
		}
	}
	return who, nil
}

// What does not belong to the purpose is null, and so is what only names the person.
func TestRUN_6_FieldsOutsideThePurposeAreNull(t *testing.T) {
	w := newWorld(t, false)
	var id, surname, phone *string
	if err := w.client().QueryRow(t.Context(), "execute trainees(3, 3)").Scan(&id, &surname, &phone); err != nil {
		t.Fatal(err)
	}
	if id != nil || surname == nil || *surname != "‹p3›" || phone != nil {
		t.Errorf("%v, %v, %v", id, surname, phone)
	}
}

// Whoever a parameter names is in the decision, whatever the rows are.
func TestRUN_6_WhoeverAParameterNamesIsDecidedAndCounted(t *testing.T) {
	w := newWorld(t, false)
	c := w.client()
	asks := func(sql string, values ...any) ([]string, error) {
		rows, err := c.Query(t.Context(), sql, values...)
		return people(t, rows, err)
	}
	if who, err := asks("select note from note where person = $1", "p1"); err != nil || !slices.Equal(who, []string{"p1"}) {
		t.Errorf("%v, %v", who, err)
	}
	_, err := asks("select id, surname from person where id = $1", "p900")
	w.refused(err, policy.NotThere)
	for _, who := range []string{"p20", "p21", "p22"} {
		if got, err := asks("select id, surname from person where id = $1", who); err != nil || !slices.Equal(got, []string{who}) {
			t.Errorf("%v, %v", got, err)
		}
	}
	_, err = asks("select note from note where person = $1", "p23")
	w.refused(err, policy.ShortEmpty)
	for _, odd := range []any{nil, "", " p1", "P1 ", "p1; drop table person", "p1\x00"} {
		if _, err := asks("select note from note where person = $1", odd); err == nil {
			t.Errorf("%q was answered", odd)
		}
	}
	if who, err := asks("select n, surname from person where n = $1", 4); err != nil || !slices.Equal(who, []string{"p4"}) {
		t.Errorf("%v, %v", who, err)
	}
	for _, spelling := range []string{"04", "+4", " 4", "4 ", "0x4", "4_0"} { // of which a server makes 4, or 40
		if _, err := c.Exec(t.Context(), "execute numbered('"+spelling+"')"); err == nil {
			t.Errorf("%q was answered", spelling)
		}
	}
}

// What nobody declared never reaches the server, in either protocol, and is written.
func TestRUN_6_WhatIsNotDeclaredIsRefused(t *testing.T) {
	w := newWorld(t, false)
	for _, mode := range []string{"default_query_exec_mode=simple_protocol", "default_query_exec_mode=exec", "default_query_exec_mode=cache_statement"} {
		c := w.client(mode)
		for _, sql := range []string{
			"select * from person", "select 1", "table person", "SELECT id, surname, phone, updated FROM person WHERE n BETWEEN 1 AND 2 ORDER BY n",
			"select id, surname, phone, updated from person where n between $1 and $2 order by n limit 1", "select id,surname from person where id = 'p1'",
			"select count(*) as n from person; select * from person", "select count(*) as n from person; ;", "execute how_many; select * from person", "execute nothing", "execute how_many(1)",
			"execute file('p1'", "execute file('p1' || '')", "execute file(E'p1')", "execute file('p\\1')", "execute file($$p1$$)", "execute file(current_user)", "execute file('p1',)",
			"copy person to stdout", "copy (select * from person) to stdout", "listen person", "declare c cursor for select * from person", "fetch all from c",
			"set role postgres", "set transaction_read_only = off", "set default_transaction_read_only = off", "set search_path = x", "set application_name = 'x'; select * from person", "reset all",
			"begin read write", "start transaction isolation level serializable", "explain select * from person", "do $$ begin end $$", "prepare x as select 1", "show all", "delete from person",
			"select count(*) as n from person /* */", "select count(*) as n\u00a0from person", "-- select", "select note from note where person = 'p1'",
		} {
			_, err := c.Exec(t.Context(), sql)
			said, ok := errors.AsType[*pgconn.PgError](err)
			if !ok || said.Code != "42501" {
				t.Errorf("%s: %s: %v", mode, sql, err)
				continue
			}
			if last := w.last(); last.Why != policy.NotDeclared || last.Route != "SQL (not declared)" || last.Account != account {
				t.Errorf("%s is written as %v %s", sql, last.Why, last.Route)
			}
		}
		for _, sql := range []string{"select count(*) as n from person", " \n select count(*) as n from person ; \n", "execute how_many", "EXECUTE how_many()", "execute how_many;"} {
			var n int
			if err := c.QueryRow(t.Context(), sql).Scan(&n); err != nil || n != 66 {
				t.Errorf("%s: %s: %d, %v", mode, sql, n, err)
			}
		}
	}
}

// What drivers say besides is answered here, and the server never hears of it.
func TestRUN_6_TransactionsAndSettingsAreAnsweredHere(t *testing.T) {
	w := newWorld(t, false)
	c := w.client()
	if err := c.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	for _, sql := range []string{"set application_name = 'report''s'", "SET extra_float_digits = 3", "set application_name to ''; drop"} {
		_, err := c.Exec(t.Context(), sql)
		if odd := strings.ContainsAny(sql, ";\""); (err != nil) != (odd || strings.Contains(sql, "''s")) {
			t.Errorf("%s: %v", sql, err)
		}
	}
	tx, err := c.BeginTx(t.Context(), pgx.TxOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := tx.QueryRow(t.Context(), "select count(*) as n from person").Scan(&n); err != nil || n != 66 {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := tx.Exec(t.Context(), "select * from person"); err == nil {
		t.Error("what is not declared was run in a transaction")
	}
	_, err = tx.Exec(t.Context(), "select count(*) as n from person")
	if said, ok := errors.AsType[*pgconn.PgError](err); !ok || said.Code != "25P02" {
		t.Errorf("a failed transaction goes on: %v", err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Error(err)
	}
	if err := c.QueryRow(t.Context(), "select count(*) as n from person").Scan(&n); err != nil {
		t.Error(err)
	}
}

// An error of the server tells nothing but that there was one, nor does a notice.
func TestRUN_6_ErrorsAndNoticesOfTheServerTellNothing(t *testing.T) {
	w := newWorld(t, false)
	c := w.client()
	for _, sql := range []string{"execute breaks('x')", "execute shouts", "execute writes", "execute nobodys", "execute misdeclared", "execute large"} {
		_, err := c.Exec(t.Context(), sql)
		said, ok := errors.AsType[*pgconn.PgError](err)
		if !ok || strings.Contains(said.Message+said.Detail+said.Hint+said.Where+said.TableName+said.ColumnName+said.DataTypeName, "person") || said.Detail != "" || said.Hint != "" || said.Where != "" {
			t.Errorf("%s: %+v", sql, said)
		}
	}
	var n int
	if err := c.QueryRow(t.Context(), "execute how_many").Scan(&n); err != nil || n != 66 {
		t.Errorf("after all that there are %d people, %v", n, err)
	}
	_, err := c.Exec(t.Context(), "execute between(0, 63)")
	w.refused(err, policy.TooMany)
}

// Who connects without TLS where there is one, or with a password that is not theirs or was used,
// is told the same, and asks nothing of the database.
func TestRUN_6_SignInIsInsideTLSAndByAPasswordOfOnesOwn(t *testing.T) {
	w := newWorld(t, true)
	out, err := w.psql(strings.Replace(w.connection(account, ""), "sslmode=verify-full", "sslmode=disable", 1), "execute how_many;")
	if err == nil || !strings.Contains(out, "TLS is required") {
		t.Errorf("without TLS: %v %s", err, out)
	}
	good := w.connection(account, "")
	if out, err := w.psql(good, "execute how_many;"); err != nil || !strings.Contains(out, "66") {
		t.Errorf("with TLS: %v %s", err, out)
	}
	w.who.gives("karims", "karim")
	w.who.gives("paulines", account)
	var refusals []string
	for name, connection := range map[string]string{
		"used": good, "wrong": w.with(account, "wrong", ""), "another's": w.with(account, "karims", ""), "as another": w.with("karim", "paulines", ""),
		"no such service": strings.Replace(w.with(account, "paulines", ""), "dbname=reports", "dbname=postgres", 1), "nobody": w.with("nobody", "paulines", ""),
	} {
		out, err := w.psql(connection, "execute how_many;")
		_, said, _ := strings.Cut(out, "FATAL:")
		if err == nil || said == "" {
			t.Errorf("%s: %v %s", name, err, out)
		}
		refusals = append(refusals, said)
	}
	if slices.Sort(refusals); refusals[0] != refusals[len(refusals)-1] {
		t.Errorf("refusals differ: %q", refusals)
	}
	for _, more := range []string{"client_encoding=LATIN1", "options='-c statement_timeout=0'", "replication=database"} {
		if _, err := pgx.Connect(t.Context(), strings.Replace(w.connection(account, ""), "options='-c lc_messages=en'", more, 1)); err == nil {
			t.Errorf("%s is taken", more)
		}
	}
}

// A session that is over asks nothing more, and an order holds at the next statement.
func TestRUN_6_OrdersAndTheEndOfTheSessionHoldAtTheNextStatement(t *testing.T) {
	w := newWorld(t, false)
	c := w.client()
	asks := func() error {
		_, err := c.Exec(t.Context(), "execute between(1, 2)")
		return err
	}
	if err := asks(); err != nil {
		t.Fatal(err)
	}
	for _, o := range []order.Order{
		{Reach: order.Account, Target: string(account), Effect: order.Suspended},
		{Reach: order.Service, Target: "reports", Effect: order.Closed},
		{Reach: order.Function, Target: "reports SQL between", Effect: order.Closed},
		{Reach: order.Everything, Effect: order.Closed},
	} {
		o.By, o.Because = "samir", "a test"
		placed, err := w.node.Place(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if err := asks(); err == nil {
			t.Errorf("%v %s: answered", o.Effect, o.Reach)
		}
		if err := w.node.Lift(t.Context(), placed.ID, "samir", "over"); err != nil {
			t.Fatal(err)
		}
		if err := asks(); err != nil {
			t.Errorf("once it is lifted: %v", err)
		}
	}
	w.who.mu.Lock()
	w.who.over = map[signinSession]bool{}
	w.who.mu.Unlock()
	w.who.ends(w.last().Session)
	if err := asks(); err == nil || !c.IsClosed() {
		t.Errorf("the session is over: %v", err)
	}
}

// An order stops an answer that is still being made, and one that is going out.
func TestRUN_6_AnOrderCutsWhatIsUnderWay(t *testing.T) {
	w := newWorld(t, false)
	c := w.client()
	ended := make(chan error, 1)
	go func() {
		_, err := c.Exec(context.Background(), "execute sleeps")
		ended <- err
	}()
	w.waits(func() bool { return w.busy("pg_sleep") })
	if _, err := w.node.Place(t.Context(), order.Order{Reach: order.Account, Target: string(account), Effect: order.Suspended, By: "samir", Because: "a test"}); err != nil {
		t.Fatal(err)
	}
	err := <-ended
	w.refused(err, policy.Suspended)
}

// waits waits until something is so.
func (w *world) waits(until func() bool) {
	w.t.Helper()
	for range 6000 {
		if until() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatal("it did not come about")
}

// busy reports whether the server runs something with a word in it.
func (w *world) busy(word string) (is bool) {
	conn, err := pgx.Connect(context.Background(), w.server)
	if err != nil {
		w.t.Error(err)
		return true
	}
	defer conn.Close(context.Background())
	if err := conn.QueryRow(context.Background(), "select exists (select 1 from pg_stat_activity where state = 'active' and pid <> pg_backend_pid() and query like '%' || $1 || '%' and datname = current_database())", word).Scan(&is); err != nil {
		w.t.Error(err)
	}
	return is
}

// Many at once, in many connections, are shown exactly the allowance.
func TestMETER_3_StatementsAtOnceDiscloseExactlyTheAllowance(t *testing.T) {
	w := newWorld(t, false)
	var group sync.WaitGroup
	for i := range 4 {
		c := w.client()
		group.Go(func() {
			for n := 10 + i; n < 30; n += 4 {
				_, err := c.Exec(context.Background(), between, n, n+1)
				if _, refused := errors.AsType[*pgconn.PgError](err); err != nil && !refused {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	shown := w.disclosed()
	slices.SortFunc(shown, func(a, b person) int { return slices.Compare(a[:], b[:]) })
	if n := len(slices.Compact(shown)); n != 3 {
		t.Errorf("%d people without a reason were shown, not 3", n)
	}
}

// Whatever breaks at the ledger, nothing goes out that is not written.
func TestRUN_6_NothingGoesOutThatIsNotWritten(t *testing.T) {
	breaks := &broken{}
	w := newWorld(t, false, func(d *deps) {
		breaks.Gate = d.Gate
		d.Gate = breaks
	})
	for _, at := range []string{"check", "before", "after"} {
		breaks.at = at
		c := w.client()
		rows, err := c.Query(t.Context(), between, 1, 9)
		if who, err := people(t, rows, err); err == nil || len(who) > 0 {
			t.Errorf("%s: %v, %v", at, who, err)
		}
	}
}

// broken is a gate that fails.
type broken struct {
	Gate gateLike
	at   string
}

func (b *broken) Enter(ctx context.Context, use order.Use) (context.Context, func()) {
	return b.Gate.Enter(ctx, use)
}

func (b *broken) Check(ctx context.Context, ask policy.Ask) (policy.Decision, error) {
	if b.at == "check" {
		return policy.Decision{}, errors.New("no facts")
	}
	return b.Gate.Check(ctx, ask)
}

func (b *broken) Commit(ctx context.Context, ask policy.Ask) (gate.Passage, error) {
	if b.at == "before" {
		return gate.Passage{}, errors.New("not written")
	}
	passage, err := b.Gate.Commit(ctx, ask)
	if b.at == "after" && err == nil {
		return gate.Passage{}, errors.New("written, and nobody heard")
	}
	return passage, err
}

// Who goes from number to number is noticed as at any other door.
func TestRUN_6_ASweepIsNoticed(t *testing.T) {
	w := newWorld(t, false)
	c := w.client()
	for _, n := range []int{1, 2, 3} {
		if _, err := c.Exec(t.Context(), "select n, surname from person where n = $1", n); err != nil {
			t.Fatal(err)
		}
	}
	if last := w.last(); !last.Signs.Has(meter.InOrder) {
		t.Errorf("one number after the other: the signs are %v", last.Signs)
	}
	for _, n := range []int{1, 3, 5} {
		if _, err := c.Exec(t.Context(), between, n, n+1); err != nil {
			t.Fatal(err)
		}
	}
	if last := w.last(); !last.Signs.Has(meter.NextPage | meter.Listed) {
		t.Errorf("one page after the other: the signs are %v", last.Signs)
	}
}
