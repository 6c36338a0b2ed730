package pggate_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"poterne/internal/accounts"
	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/gate/assert"
	"poterne/internal/gate/httpgate"
	"poterne/internal/gate/pggate"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/signin"
	"poterne/internal/store"
	"poterne/internal/store/storetest"

	"poterne/internal/intake"
)

// world is a real gate over a real ledger, in front of a real server of PostgreSQL. People are
// called p1, p2…; p1 to p9 are in pauline's caseload. Whatever the database tells of somebody
// has a secret, such as ‹p12›, and check looks for it in every byte that came out.
type world struct {
	t       *testing.T
	key     register.Key
	store   *store.DB
	node    *storetest.Node
	door    *pggate.Door
	who     *keeper
	address string // of the door
	server  string // the database behind it
	roots   string // the file of the door's certificate; empty without TLS
	log     *lines
	notices []string

	mu       sync.Mutex // guards what follows
	received bytes.Buffer
	outcomes []pggate.Outcome
	held     chan struct{} // what is large goes out once it is closed; nil: at once
}

// one server is enough for all tests of the package: each has a database of its own.
var cluster = struct {
	sync.Mutex
	made *storetest.Cluster
}{}

var schemes = register.NewSchemes("dossier", map[string]register.Form{"dossier": form(`p[0-9]+|none`), "number": form(`[0-9]{1,10}`)})

func form(pattern string) register.Form {
	f, err := register.NewForm(pattern)
	if err != nil {
		panic(err)
	}
	return f
}

const account = roster.AccountID("pauline")

var rules = policy.Rules{
	Purposes: roster.Purposes{
		"accompany": register.Name | register.Birth | register.Contact | register.Identifier | register.Note,
		"train":     register.Name,
	},
	Allowances: map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(3), Long: meter.People(20)}},
	Signed:     policy.Signed,
}

var statements = []pggate.Statement{
	{
		Name: "between", SQL: "select id, surname, phone, updated from person where n between $1 and $2 order by n", Purpose: "accompany",
		Person: []pggate.Column{{Name: "id", Scheme: "dossier"}}, Plain: []string{"updated"}, Most: 40,
		Fields: []pggate.Field{{Name: "id", Field: register.Identifier}, {Name: "surname", Field: register.Name}, {Name: "phone", Field: register.Contact}},
	},
	{
		Name: "trainees", SQL: "select id, surname, phone from person where n between $1 and $2 order by n", Purpose: "train",
		Person: []pggate.Column{{Name: "id", Scheme: "dossier"}},
		Fields: []pggate.Field{{Name: "surname", Field: register.Name}, {Name: "phone", Field: register.Contact}},
	},
	{
		Name: "file", SQL: "select id, surname from person where id = $1", Purpose: "accompany", About: true,
		Request: []pggate.Parameter{{Number: 1, Scheme: "dossier"}}, Person: []pggate.Column{{Name: "id", Scheme: "dossier"}},
		Fields: []pggate.Field{{Name: "id", Field: register.Identifier}, {Name: "surname", Field: register.Name}},
	},
	{
		Name: "notes", SQL: "select note from note where person = $1", Purpose: "accompany",
		Request: []pggate.Parameter{{Number: 1, Scheme: "dossier"}}, Shows: register.Note, Plain: []string{"note"},
	},
	{
		Name: "how_many", SQL: "select count(*) as n from person", Purpose: "accompany", Plain: []string{"n"},
	},
	{
		Name: "numbered", SQL: "select n, surname from person where n = $1", Purpose: "accompany",
		Request: []pggate.Parameter{{Number: 1, Scheme: "number"}}, Person: []pggate.Column{{Name: "n", Scheme: "number"}},
		Fields: []pggate.Field{{Name: "n", Field: register.Identifier}, {Name: "surname", Field: register.Name}},
	},
	{
		Name: "breaks", SQL: "select id, surname from person where id = 'p1' and (surname || $1)::int = 1", Purpose: "accompany",
		Person: []pggate.Column{{Name: "id", Scheme: "dossier"}}, Fields: []pggate.Field{{Name: "surname", Field: register.Name}},
	},
	{
		Name: "shouts", SQL: "select id, surname from shouting()", Purpose: "accompany",
		Person: []pggate.Column{{Name: "id", Scheme: "dossier"}}, Fields: []pggate.Field{{Name: "surname", Field: register.Name}},
	},
	{
		Name: "writes", SQL: "with gone as (delete from person returning id) select id from gone", Purpose: "accompany",
		Person: []pggate.Column{{Name: "id", Scheme: "dossier"}}, Fields: []pggate.Field{{Name: "id", Field: register.Identifier}},
	},
	{
		Name: "sleeps", SQL: "select id, surname from person, pg_sleep(600) where id = 'p1'", Purpose: "accompany",
		Person: []pggate.Column{{Name: "id", Scheme: "dossier"}}, Fields: []pggate.Field{{Name: "surname", Field: register.Name}},
	},
	{
		Name: "nobodys", SQL: "select case when n = 1 then null else id end as id, surname from person where n in (1, 2)", Purpose: "accompany",
		Person: []pggate.Column{{Name: "id", Scheme: "dossier"}}, Fields: []pggate.Field{{Name: "surname", Field: register.Name}},
	},
	{
		Name: "large", SQL: "select id, repeat(surname, 100000) as surname from person where n between 1 and 5", Purpose: "accompany",
		Person: []pggate.Column{{Name: "id", Scheme: "dossier"}}, Fields: []pggate.Field{{Name: "surname", Field: register.Name}},
	},
	{
		Name: "long", SQL: "select id, repeat(surname, 10000) as surname from person where n between 1 and 9", Purpose: "accompany",
		Person: []pggate.Column{{Name: "id", Scheme: "dossier"}}, Fields: []pggate.Field{{Name: "surname", Field: register.Name}},
	},
	{
		Name: "as_one", SQL: "select id, surname from person where n between $1 and $2 order by id", Purpose: "accompany", About: true,
		Person: []pggate.Column{{Name: "id", Scheme: "dossier"}}, Fields: []pggate.Field{{Name: "surname", Field: register.Name}},
	},
	{
		Name: "aside", SQL: "select who from aside", Purpose: "accompany", Plain: []string{"who"},
	},
	{
		Name: "changes", SQL: "select * from changing", Purpose: "accompany",
		Person: []pggate.Column{{Name: "id", Scheme: "dossier"}}, Fields: []pggate.Field{{Name: "surname", Field: register.Name}},
	},
	{
		Name: "misdeclared", SQL: "select id, surname, phone from person", Purpose: "accompany",
		Person: []pggate.Column{{Name: "id", Scheme: "dossier"}}, Fields: []pggate.Field{{Name: "surname", Field: register.Name}},
	},
}

// newWorld puts a database behind the door, in the clear on this very machine, or with TLS.
func newWorld(t *testing.T, secure bool, change ...func(*pggate.Deps)) *world {
	t.Helper()
	t.Parallel()
	w := &world{t: t, who: &keeper{passwords: make(map[string]roster.AccountID)}, log: new(lines)}
	w.key, _ = register.NewKey(bytes.Repeat([]byte{7}, register.KeyBytes))
	w.fill()
	var err error
	if w.node, err = storetest.OpenNode(t.Context(), store.NewLedger(w.store), store.NewFacts(w.store), rules, time.Now); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- w.node.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the gate ended: %v", err)
		}
	})
	t.Cleanup(w.check)
	w.server = behind(t)
	deps := pggate.Deps{
		Gate: w.node, Directory: gate.NewDirectory(w.key, schemes, store.NewAliases(w.store)), Schemes: schemes, Who: w.who, Trail: w.trail(), Network: func(string) string { return "office" },
		Log: slog.New(slog.NewTextHandler(w.log, nil)),
		Observe: func(_ roster.ServiceID, outcome pggate.Outcome, _ time.Duration) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.outcomes = append(w.outcomes, outcome)
		},
	}
	if secure {
		deps.Certificate, w.roots = certificate(t)
	}
	for _, change := range change {
		change(&deps)
	}
	if w.door, err = pggate.New([]pggate.Service{
		{ID: "reports", Name: "Reports", Server: w.server + " search_path=apart,public", Statements: statements, Largest: 1 << 20, Timeout: time.Minute, Learn: "accompany"},
		{ID: "quiet", Name: "Quiet", Server: w.server, Statements: statements},
	}, deps); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.address = listener.Addr().String()
	served := make(chan struct{})
	go func() {
		defer close(served)
		for {
			raw, err := listener.Accept()
			if err != nil {
				return
			}
			w.door.Answer(&tapped{Conn: raw, w: w})
		}
	}()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := w.door.Shutdown(ctx); err != nil {
			t.Errorf("the door: %v", err)
		}
		_ = listener.Close()
		<-served
	})
	return w
}

// trail is that of a door for HTTP, as the program has it.
func (w *world) trail() pggate.Trail {
	w.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	signer, err := assert.New(key, "https://poterne.example", store.NewRoster(w.store), time.Now)
	if err != nil {
		w.t.Fatal(err)
	}
	proxy, err := httpgate.New(nil, httpgate.Deps{
		Gate: w.node, Directory: gate.NewDirectory(w.key, schemes, store.NewAliases(w.store)), Schemes: schemes, Pages: noPages{}, Assertions: signer,
		Who: func(http.ResponseWriter, *http.Request) (signin.Session, error) { return signin.Session{}, nil },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return proxy.Trail()
}

type noPages struct{ httpgate.Pages }

// TestMain ends the server that all tests share.
func TestMain(m *testing.M) {
	code := m.Run()
	if cluster.made != nil {
		cluster.made.Stop()
	}
	os.Exit(code)
}

// behind makes a database with people in it, and returns how it is reached in a role that only
// reads.
func behind(t *testing.T) string {
	t.Helper()
	cluster.Lock()
	defer cluster.Unlock()
	if cluster.made == nil {
		cluster.made = storetest.StartShared(t)
	}
	made := cluster.made.Empty(t)
	conn, err := pgx.Connect(t.Context(), cluster.made.Superuser(made))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	_, err = conn.Exec(t.Context(), `
		create table person (n int primary key, id text, surname text, phone text, updated date);
		insert into person select n, 'p' || n, '‹p' || n || '›', case when n % 2 = 0 then null else 'tel ‹p' || n || '›' end, '2026-03-01' from generate_series(0, 63) n;
		insert into person values (100, 'nobody at all', '‹x›', null, null), (101, 'none', '‹none›', null, null);
		create table note (person text, note text);
		insert into note select 'p' || n, 'note of ‹p' || n || '›' from generate_series(0, 63) n;
		create function shouting() returns setof person language plpgsql as $$ begin
			raise notice 'there is ‹p30›';
			raise exception 'it fails for ‹p30›' using detail = 'Key (id)=(‹p30›) already exists.', hint = '‹p30›';
		end $$;
		create view changing as select id, surname from person where n = 1;
		create schema apart; grant usage on schema apart to poterne; create table apart.aside as select 'apart' as who; create table aside as select 'public' as who;
		grant select on apart.aside, aside to poterne; alter default privileges grant select on tables to poterne;
		grant select on person, note, changing to poterne; grant delete on person to poterne;`)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// behindTheDoor changes the database by another way.
func (w *world) behindTheDoor(sql string) {
	w.t.Helper()
	conn, err := pgx.Connect(w.t.Context(), cluster.made.Superuser(w.server))
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(w.t.Context(), sql); err != nil {
		w.t.Fatal(err)
	}
}

// fill stores the roster and pauline's caseload.
func (w *world) fill() {
	t := w.t
	var err error
	if w.store, err = store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "poterne.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.store.Close() })
	from, until := time.Now().AddDate(0, -1, 0), time.Now().AddDate(0, 1, 0)
	list := accounts.List{
		Organisations: []roster.Organisation{{ID: "mlv", SIRET: "90000000000001", Name: "Mission locale"}},
		Accounts: []roster.Account{
			{ID: account, Organisation: "mlv", Role: roster.Adviser, Name: "Pauline", Identity: roster.Identity{Subject: "p"}, Opened: from},
			{ID: "lea", Organisation: "mlv", Role: roster.Adviser, Name: "Léa", Identity: roster.Identity{Subject: "l"}, Opened: from},
			{ID: "karim", Organisation: "mlv", Role: roster.Adviser, Name: "Karim", Identity: roster.Identity{Subject: "k"}, Opened: from},
			{ID: "samir", Organisation: "mlv", Role: roster.Security, Name: "Samir", Identity: roster.Identity{Subject: "s"}, Opened: from},
		},
	}
	for _, purpose := range []roster.Purpose{"accompany", "train"} {
		list.Habilitations = append(list.Habilitations, roster.Habilitation{Account: account, Service: "reports", Purpose: purpose, From: from, Until: until})
	}
	list.Habilitations = append(list.Habilitations, roster.Habilitation{Account: account, Service: "quiet", Purpose: "accompany", From: from, Until: until})
	list.Habilitations = append(list.Habilitations, roster.Habilitation{Account: "lea", Service: "reports", Purpose: "accompany", From: from, Until: until})
	outside := journal.Outside{DB: store.NewLedger(w.store), Now: time.Now}
	if err := storetest.TakeRosterBy(t, outside, list); err != nil {
		t.Fatal(err)
	}
	var facts []reason.Fact
	var aliases []intake.Alias
	for n := range 64 {
		who := "p" + strconv.Itoa(n)
		aliases = append(aliases, intake.Alias{Alias: w.key.Alias(register.Ref{Scheme: "number", Value: strconv.Itoa(n)}), Person: w.key.Person(who)})
		if n >= 1 && n <= 9 {
			facts = append(facts, reason.Fact{Person: w.key.Person(who), From: from, Until: until, ID: who, Kind: reason.Caseload, Account: account})
		}
	}
	if _, err := journal.Do(t.Context(), outside, &intake.FactBatch{Source: "cases", Facts: facts}); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Do(t.Context(), outside, intake.AliasBatch{Aliases: aliases}); err != nil {
		t.Fatal(err)
	}
}

// keeper stands for the sign-in, whose own tests are elsewhere: a password is good once, for its
// account.
type keeper struct {
	mu        sync.Mutex
	passwords map[string]roster.AccountID
	over      map[roster.SessionID]bool
}

func (k *keeper) gives(password string, to roster.AccountID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.passwords[password] = to
}

func (k *keeper) Connect(_ context.Context, _ string, account roster.AccountID, password string) (signin.Session, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.passwords[password] != account || password == "" {
		return signin.Session{}, &fault.Error{Kind: fault.Anonymous}
	}
	delete(k.passwords, password)
	return signin.Session{ID: roster.SessionID(password), Account: account, Organisation: "mlv", Device: "laptop"}, nil
}

func (k *keeper) Goes(_ context.Context, s signin.Session) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over[s.ID] {
		return &fault.Error{Kind: fault.Anonymous}
	}
	return nil
}

func (k *keeper) Disconnect(_ context.Context, s signin.Session) error {
	k.ends(s.ID)
	return nil
}

func (k *keeper) ends(id roster.SessionID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over == nil {
		k.over = make(map[roster.SessionID]bool)
	}
	k.over[id] = true
}

// tapped is a connection that keeps what goes out to a client, as far as it is in the clear.
type tapped struct {
	net.Conn
	w *world
}

func (t *tapped) Write(b []byte) (int, error) {
	t.w.mu.Lock()
	t.w.received.Write(b)
	held := t.w.held
	t.w.mu.Unlock()
	if held != nil && len(b) > 32<<10 { // a client that reads slowly
		<-held
	}
	return t.Conn.Write(b)
}

// lines is a log that is looked at.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// certificate makes one for 127.0.0.1, and the file that clients know it by.
func certificate(t *testing.T) (*tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "poterne"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.ParseIP("127.0.0.1")}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	roots := filepath.Join(t.TempDir(), "root.crt")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// connection is how a client reaches the door, as somebody with a password of their own.
func (w *world) connection(as roster.AccountID, more string) string {
	password := rand.Text()
	w.who.gives(password, as)
	return w.with(as, password, more)
}

func (w *world) with(as roster.AccountID, password, more string) string {
	host, port, _ := net.SplitHostPort(w.address)
	mode := "sslmode=disable"
	if w.roots != "" {
		mode = "sslmode=verify-full sslrootcert=" + w.roots
	}
	return fmt.Sprintf("host=%s port=%s user=%s password=%s dbname=reports %s options='-c lc_messages=en' %s", host, port, as, password, mode, more)
}

// client is a driver that is connected as pauline.
func (w *world) client(more ...string) *pgx.Conn {
	w.t.Helper()
	config, err := pgx.ParseConfig(w.connection(account, strings.Join(more, " ")))
	if err != nil {
		w.t.Fatal(err)
	}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.notices = append(w.notices, n.Message)
	}
	conn, err := pgx.ConnectConfig(w.t.Context(), config)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// psql runs the real client, and returns what it prints and whether it was content.
func (w *world) psql(connection string, commands ...string) (string, error) {
	w.t.Helper()
	cmd := exec.Command("psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", connection)
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	cmd.Env = append(os.Environ(), "PGCONNECT_TIMEOUT=60", "HOME="+w.t.TempDir())
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// people lists who is spoken of in what a statement answered.
func people(t *testing.T, rows pgx.Rows, err error) (who []string, failed error) {
	t.Helper()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		for _, value := range rows.RawValues() {
			for _, secret := range secrets.FindAllStringSubmatch(string(value), -1) {
				if len(who) == 0 || who[len(who)-1] != secret[1] {
					who = append(who, secret[1])
				}
			}
		}
	}
	return who, rows.Err()
}

// refused asks that an error is a refusal, and that it was written down.
func (w *world) refused(err error, why policy.Why) {
	w.t.Helper()
	var said *pgconn.PgError
	if e, ok := err.(*pgconn.PgError); ok {
		said = e
	}
	if said == nil || said.Code != "42501" {
		w.t.Errorf("got %v, want it refused as %v", err, why)
		return
	}
	if last := w.last(); last.Why != why || last.Verdict.Shows() || !strings.HasSuffix(said.Message, fmt.Sprintf("Receipt %d.", last.Receipt)) {
		w.t.Errorf("%s; the ledger ends with %v %v, receipt %d", said.Message, last.Verdict, last.Why, last.Receipt)
	}
}

func (w *world) last() (last ledger.Entry) {
	w.t.Helper()
	for entry, err := range w.node.Entries(context.WithoutCancel(w.t.Context()), 1) {
		if err != nil {
			w.t.Fatal(err)
		}
		last = entry
	}
	return last
}

// disclosed is who was shown, by the ledger.
func (w *world) disclosed() (list []register.PersonID) {
	for entry, err := range store.NewLedger(w.store).Entries(context.Background(), 1) {
		if err != nil {
			w.t.Error(err)
			return nil
		}
		if entry.Disclosed() {
			list = append(list, entry.Person)
		}
	}
	return list
}

var secrets = regexp.MustCompile(`‹(\w+)›`)

// check is the promise: whoever is spoken of in anything that came out was written down as
// disclosed, and nobody is named in the log. It runs at the end of every test.
func (w *world) check() {
	disclosed := w.disclosed()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, secret := range secrets.FindAllStringSubmatch(w.received.String(), -1) {
		if !slices.Contains(disclosed, w.key.Person(secret[1])) {
			w.t.Errorf("%s came out and is not in the ledger", secret[1])
		}
	}
	if secrets.MatchString(w.log.String()) {
		w.t.Errorf("somebody is named in the log: %s", w.log.String())
	}
}

// Short names for what tests say often.
type (
	deps          = pggate.Deps
	gateLike      = pggate.Gate
	person        = register.PersonID
	signinSession = roster.SessionID
)
