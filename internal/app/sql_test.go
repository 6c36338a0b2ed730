package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"poterne/internal/accounts"
	"poterne/internal/fault"
	"poterne/internal/gate/pggate"
	"poterne/internal/lab/town/life"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/signin"
	"poterne/internal/store/storetest"
)

// reports is the program before an application and a database that know the same people: 1, 2, 3…
type reports struct {
	*connected
	owner      string // the database, as the role that may everything
	host, port string // of the door for SQL
}

func newReports(t *testing.T) *reports {
	t.Helper()
	cluster := storetest.StartPostgreSQL(t)
	server := cluster.Empty(t)
	owner, err := pgx.Connect(t.Context(), cluster.Superuser(server))
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close(context.Background())
	if _, err := owner.Exec(t.Context(), `create table person (id int primary key, surname text, born date, updated date);
		insert into person select n, 'Fictive-' || n, '1990-01-01', '2026-03-01' from generate_series(1, 99) n; grant select on person to poterne`); err != nil {
		t.Fatal(err)
	}
	application := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.URL.Path[len("/users/"):]
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"id": id, "name": "Fictive-" + id, "version": 1})
	}))
	t.Cleanup(application.Close)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	x := &reports{owner: cluster.Superuser(server)}
	x.host, x.port, _ = net.SplitHostPort(listener.Addr().String())
	x.connected = connect(t, func(o *Opened) {
		if o.Services[0].Upstream, err = url.Parse(application.URL); err != nil {
			t.Fatal(err)
		}
		o.SQL.Services[0].Server = server
		o.SQL.Services[0].Statements = []pggate.Statement{{
			Name: "between", SQL: "select id, surname, updated from person where id between $1 and $2 order by id", Purpose: "accompany",
			Person: []pggate.Column{{Name: "id", Scheme: o.Schemes.Own()}}, Plain: []string{"updated"},
			Fields: []pggate.Field{{Name: "surname", Field: register.Name}},
		}, {
			Name: "sleeps", SQL: "select count(*) as n from pg_sleep(600)", Purpose: "accompany", Plain: []string{"n"},
		}}
		o.Rules.Allowances[roster.Adviser] = meter.Allowance{Short: meter.People(5), Long: meter.People(20)}
		delete(o.Rules.Watches, roster.Adviser) // which would take this for the sweep that it is
		o.Rules.Probation, o.Rules.Cold, o.Rules.Trains = meter.Allowance{}, false, nil
	})
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		_ = x.s.answerSQL(listener)
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-answered
	})
	var rights []roster.Habilitation
	for _, service := range []roster.ServiceID{"people", "reports"} {
		rights = append(rights, roster.Habilitation{Account: "pauline", Service: service, Purpose: "accompany", From: x.Now().Add(-time.Hour), Until: x.Now().AddDate(0, 1, 0)})
	}
	number := x.imports(accounts.List{Habilitations: rights})
	if err := x.p.Journal.Record(t.Context(), ledger.Entry{Kind: ledger.SteppedUp, Account: "samir"}); err != nil {
		t.Fatal(err)
	}
	if err := x.Accounts(x.p.Journal).Admit(t.Context(), number, "samir"); err != nil {
		t.Fatal(err)
	}
	return x
}

var onePassword = regexp.MustCompile(`psq_[A-Z2-7]{52}`)

// password is one that the portal gives in a browser.
func (x *reports) password(b *life.Browser) string {
	x.t.Helper()
	page, err := b.Post(x.t.Context(), "/databases", nil)
	if err != nil {
		x.t.Fatal(err)
	}
	found := onePassword.FindString(string(page.Body))
	if found == "" || page.Header.Get("Cache-Control") != "no-store" {
		x.t.Fatalf("%d: no password in %s", page.Status, page.Body)
	}
	return found
}

// inside is a browser that has confirmed.
func (x *reports) browser() *life.Browser {
	x.t.Helper()
	b, err := x.signsIn()
	if err == nil {
		err = confirms(x.t.Context(), b, "0")
	}
	if err != nil {
		x.t.Fatal(err)
	}
	return b
}

func (x *reports) connection(password string) string {
	return fmt.Sprintf("host=%s port=%s dbname=reports user=pauline password=%s sslmode=disable", x.host, x.port, password)
}

// shown is who was shown to pauline, each once, by the ledger.
func (x *reports) shown() int {
	x.t.Helper()
	met := make(map[register.PersonID]bool)
	for n := ledger.Number(1); n < x.p.Journal.Next(); n++ {
		e, err := x.p.Journal.Entry(x.t.Context(), n)
		if err != nil {
			x.t.Fatal(err)
		}
		if e.Disclosed() {
			met[e.Person] = true
		}
	}
	return len(met)
}

// What a client asks that nobody declared is refused, kept from one start to the next, and drafted with its columns;
// and no value of it is.
//
// Promise: RUN-9
func TestRUN_9_WhatIsAskedInSQLIsDrafted(t *testing.T) {
	x := newReports(t)
	if none, err := x.Drafts(t.Context(), "reports"); err != nil || !strings.Contains(none, "nothing was refused") {
		t.Errorf("%v\n%s", err, none)
	}
	psql := exec.Command("psql", "-X", "-v", "ON_ERROR_STOP=1", x.connection(x.password(x.browser())), "-c", "select id, surname, born, updated from person where surname = 'Fictive-7' -- for Fictive-8")
	psql.Env = append(os.Environ(), "HOME="+t.TempDir())
	if out, err := psql.CombinedOutput(); err == nil || strings.Contains(string(out), "1990") {
		t.Fatalf("psql: %v\n%s", err, out)
	}
	until := time.Now().Add(long)
	draft := ""
	for !strings.Contains(draft, "[[sql.service.statement]]") {
		if time.Now().After(until) {
			t.Fatalf("nothing is drafted:\n%s", draft)
		}
		time.Sleep(50 * time.Millisecond)
		var err error
		if draft, err = x.Drafts(t.Context(), "reports"); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"after its [[sql.service]]", `sql = "select id, surname, born, updated from person where surname = $1"`, `person = { id = "` + x.Schemes.Own() + `" }`, `fields = { name = "surname", birth = "born"`} {
		if !strings.Contains(draft, want) {
			t.Errorf("the draft lacks %s:\n%s", want, draft)
		}
	}
	if strings.Contains(draft, "Fictive") || strings.Contains(draft, "plain =") {
		t.Errorf("it says too much:\n%s", draft)
	}
}

// By pages and by SQL at once, with real clients, as many people are shown as one of them alone
// would show, and the same person counts once.
//
// Promises: RUN-6, METER-3
func TestMETER_3_PagesAndSQLShareOneMeter(t *testing.T) {
	x := newReports(t)
	b := x.browser()
	page, err := b.Get(t.Context(), "/people/users/1")
	if err != nil || page.Status != http.StatusOK {
		t.Fatalf("%d %s, %v", page.Status, page.Body, err)
	}
	psql := exec.Command("psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", x.connection(x.password(b)), "-c", "execute between(1, 2)")
	psql.Env = append(os.Environ(), "HOME="+t.TempDir())
	if out, err := psql.CombinedOutput(); err != nil || !strings.Contains(string(out), "|Fictive-1|2026-03-01\n|Fictive-2|2026-03-01\n") {
		t.Fatalf("psql: %v\n%s", err, out)
	}
	if n := x.shown(); n != 2 {
		t.Fatalf("%d people are shown, not 2: one by both ways", n)
	}
	c, err := pgx.Connect(t.Context(), x.connection(x.password(b)))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	var mu sync.Mutex
	out := map[string]bool{}
	saw := func(text string) {
		mu.Lock()
		defer mu.Unlock()
		for _, who := range regexp.MustCompile(`Fictive-[0-9]+`).FindAllString(text, -1) {
			out[who] = true
		}
	}
	var group sync.WaitGroup
	group.Go(func() {
		for n := 1; n < 20; n += 2 {
			rows, err := c.Query(context.Background(), "execute between("+strconv.Itoa(n)+", "+strconv.Itoa(n+2)+")")
			if err != nil {
				t.Error(err)
				return
			}
			for rows.Next() {
				for _, value := range rows.RawValues() {
					saw(string(value))
				}
			}
			rows.Close()
		}
	})
	group.Go(func() {
		for n := 20; n > 1; n -= 2 {
			page, err := b.Get(context.Background(), "/people/users/"+strconv.Itoa(n))
			if err != nil {
				t.Error(err)
				return
			}
			if page.Status == http.StatusOK {
				saw(string(page.Body))
			}
		}
	})
	group.Wait()
	if n := x.shown(); n != 5 {
		t.Errorf("%d people are shown, and 5 may be", n)
	}
	if len(out) > 5 {
		t.Errorf("%v came out", out)
	}
}

// The sign-in is an entry; a password that was used ends what it began; and so does signing out.
func TestRUN_6_AConnectionIsASignInAndEndsWithTheBrowsersSession(t *testing.T) {
	x := newReports(t)
	b, err := x.signsIn()
	if err != nil {
		t.Fatal(err)
	}
	if page, err := b.Post(t.Context(), "/databases", nil); err != nil || onePassword.Match(page.Body) {
		t.Fatalf("without a confirmation: %d, %v", page.Status, err)
	}
	if err := confirms(t.Context(), b, "0"); err != nil {
		t.Fatal(err)
	}
	asks := func(c *pgx.Conn) error {
		_, err := c.Exec(t.Context(), "execute between(1, 1)")
		return err
	}
	first := x.password(b)
	c, err := pgx.Connect(t.Context(), x.connection(first))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	if err := asks(c); err != nil {
		t.Fatal(err)
	}
	if page, err := b.Get(t.Context(), "/sessions"); err != nil || !strings.Contains(string(page.Body), "Mot de passe d’une connexion") || strings.Contains(string(page.Body), first) {
		t.Errorf("her sessions: %v %s", err, page.Body)
	}
	other, err := pgx.Connect(t.Context(), x.connection(first))
	if err == nil {
		t.Error("a password serves twice")
		other.Close(t.Context())
	}
	if err := asks(c); err == nil {
		t.Error("somebody else has the password, and the connection goes on")
	}
	if c, err = pgx.Connect(t.Context(), x.connection(x.password(b))); err != nil {
		t.Fatal(err)
	}
	if err := asks(c); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Post(t.Context(), signin.LeavePath, nil); err != nil {
		t.Fatal(err)
	}
	if err := asks(c); err == nil {
		t.Error("she has signed out, and the connection goes on")
	}
	var states []string
	for n := ledger.Number(1); n < x.p.Journal.Next(); n++ {
		if e, err := x.p.Journal.Entry(t.Context(), n); err == nil && e.Kind == ledger.SignIn && e.Factor == string(signin.BySQL) {
			states = append(states, string(e.State))
		}
	}
	if got := strings.Join(states, " "); got != "granted replayed granted" {
		t.Errorf("the ledger has %s", got)
	}
}

// A program that leaves takes no more pages while a statement is still being answered: pages under
// way have as long to end as statements have, and are not cut because of one.
func TestRUN_6_AStatementUnderWayTakesNoTimeFromPagesAtTheEnd(t *testing.T) {
	x := newReports(t)
	c, err := pgx.Connect(t.Context(), x.connection(x.password(x.browser())))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	owner, err := pgx.Connect(t.Context(), x.owner)
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = c.Exec(context.Background(), "execute sleeps")
	}()
	const sleeping = "from pg_stat_activity where state = 'active' and pid <> pg_backend_pid() and query like '%pg_sleep%'"
	for busy := false; !busy; time.Sleep(10 * time.Millisecond) {
		if err := owner.QueryRow(t.Context(), "select exists (select 1 "+sleeping+")").Scan(&busy); err != nil {
			t.Fatal(err)
		}
	}
	x.leave()
	for {
		conn, err := net.Dial("tcp", strings.TrimPrefix(x.origin, "http://"))
		if err != nil {
			break
		}
		_ = conn.Close()
		time.Sleep(10 * time.Millisecond)
	}
	select {
	case <-ended:
		t.Error("pages were taken until the statement was cut")
	default:
	}
	if _, err := owner.Exec(t.Context(), "select pg_terminate_backend(pid) "+sleeping); err != nil {
		t.Fatal(err)
	}
	<-ended
}

// When another program takes over, who waits is told, what is under way ends, and the next connection
// is the other's; a password that was given before is good.
func TestRUN_6_AConnectionIsOfTheProgramInCharge(t *testing.T) {
	x := newReports(t)
	b := x.browser()
	connects := func(password string) *pgx.Conn {
		t.Helper()
		c, err := pgx.Connect(t.Context(), x.connection(password))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close(context.Background()) })
		if _, err := c.Exec(t.Context(), "execute between(1, 1)"); err != nil {
			t.Fatal(err)
		}
		return c
	}
	before, later := connects(x.password(b)), x.password(b)
	second := next(t, x.Opened, x.p)
	x.s.take(second)
	_, err := before.PgConn().ReceiveMessage(t.Context())
	if said, ok := errors.AsType[*pgconn.PgError](err); !ok || said.Code != "57P01" {
		t.Errorf("who waited is told %v", err)
	}
	c := connects(later)
	if err := x.p.sql.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if n, m := x.p.sql.Connections(), second.sql.Connections(); n != 0 || m != 1 {
		t.Errorf("%d connections are of the first, %d of the second", n, m)
	}
	if _, err := c.Exec(t.Context(), "execute between(2, 2)"); err != nil {
		t.Error(err)
	}
	x.p = second
	if n := x.shown(); n != 2 {
		t.Errorf("%d people are shown, not 2", n)
	}
}

// A programme connects with its token, as its own account only, for as long as the token is good.
func TestRUN_6_AProgrammeConnectsWithItsToken(t *testing.T) {
	p := newPartner(t)
	p.joins()
	token, _ := p.token(p.assertion(nil))
	connections := signin.ConnectionsOf(p.p.door)
	if _, err := connections.Connect(t.Context(), "192.0.2.7:1", "pauline", token); !fault.Is(err, fault.Anonymous) {
		t.Errorf("as another account: %v", err)
	}
	session, err := connections.Connect(t.Context(), "192.0.2.7:1", p.account, token)
	if err != nil || session.Account != p.account || session.Factor != signin.ByKey {
		t.Fatalf("%+v, %v", session, err)
	}
	if err := connections.Disconnect(t.Context(), session); err != nil {
		t.Error(err)
	}
	if err := connections.Goes(t.Context(), session); err != nil {
		t.Errorf("one connection is over, and the token is good for others: %v", err)
	}
	p.offset.Store(int64(5 * time.Minute))
	if err := connections.Goes(t.Context(), session); !fault.Is(err, fault.Anonymous) {
		t.Errorf("after five minutes: %v", err)
	}
}
