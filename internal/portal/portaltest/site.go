package portaltest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"poterne/internal/accounts"
	"poterne/internal/archive"
	"poterne/internal/audit"
	"poterne/internal/campaign"
	"poterne/internal/containment"
	"poterne/internal/custody"
	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/grants"
	"poterne/internal/i18n"
	"poterne/internal/incident"
	"poterne/internal/incident/mailing"
	"poterne/internal/intake"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/ledger/index"
	"poterne/internal/ledger/tiles"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/person"
	"poterne/internal/policy"
	"poterne/internal/portal"
	"poterne/internal/portal/rooms/bypass"
	"poterne/internal/portal/rooms/desk"
	incidentroom "poterne/internal/portal/rooms/incident"
	"poterne/internal/portal/rooms/installation"
	"poterne/internal/portal/rooms/manager"
	"poterne/internal/portal/rooms/mandates"
	"poterne/internal/portal/rooms/permits"
	personroom "poterne/internal/portal/rooms/person"
	"poterne/internal/portal/rooms/questions"
	"poterne/internal/portal/rooms/readings"
	"poterne/internal/portal/rooms/rights"
	"poterne/internal/portal/rooms/staff"
	"poterne/internal/portal/rooms/terms"
	"poterne/internal/portal/rooms/withheld"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/seal"
	"poterne/internal/signin"
	"poterne/internal/signin/strangers"
	"poterne/internal/store"
	"poterne/internal/store/indexdb"
	"poterne/internal/store/storetest"
	"poterne/internal/usage"
)

// Site is a real gate over a real ledger, with a door that believes a header, and
// every room served over HTTP.
type Site struct {
	Gate      *storetest.Node
	Door      *Door
	DB        *store.DB
	Handler   http.Handler // what it serves at URL
	URL       string
	Verifier  note.Verifier // of its checkpoints
	Strangers *strangers.List
	Campaigns *campaign.Detector // knows nothing until a test runs it
	Usage     *usage.Watch       // likewise
	Arrivals  *usage.Arrivals    // likewise
	Moved     *atomic.Int64      // by how many nanoseconds its ledger's clock is ahead
	Now       func() time.Time   // that clock
	Contacts  personroom.Contacts
	Mandates  *person.Mandates // nil: nobody represents anybody

	t     testing.TB
	path  string // of the database
	pages *portal.Pages
	desk  desk.Deps
	index *index.Index
	rules policy.Rules
}

// The people whom most tests are about.
const (
	Camille  = roster.AccountID("camille.aubry")
	Theo     = roster.AccountID("theo.marchand")
	Jeanne   = roster.AccountID("jeanne.vidal") // manages their organisation
	Remi     = roster.AccountID("remi.fort")    // manages another
	Sacha    = roster.AccountID("sacha.olive")  // of that other
	Security = roster.AccountID("noa.lambert")
)

// Door knows people by a header, and can be told to break or to close.
type Door struct {
	Closed atomic.Bool
	Ended  atomic.Int32 // accounts whose sessions were ended
	Broken atomic.Bool

	HasPasskey atomic.Bool // whoever visits has one

	SteppedUp atomic.Int64 // when the visitor proved to be there, in seconds since 1970
}

func (d *Door) Who(_ http.ResponseWriter, r *http.Request) (signin.Session, error) {
	if who := r.Header.Get(Actor); who != "" {
		session := signin.Session{ID: "s-1", Account: roster.AccountID(who)}
		if at := d.SteppedUp.Load(); at != 0 {
			session.SteppedUp = time.Unix(at, 0)
		}
		return session, nil
	}
	return signin.Session{}, &fault.Error{Kind: fault.Anonymous}
}

// Sessions are two, of which the second is the one that visitors have.
func (d *Door) Sessions(_ context.Context, account roster.AccountID) ([]signin.Session, error) {
	now := time.Now()
	return []signin.Session{{ID: "s-2", Account: account, Started: now, Seen: now, Factor: signin.Weak}, {ID: "s-1", Account: account, Started: now, Seen: now, Factor: signin.Strong}}, nil
}

// Holds, Confirm and Passkeys are of a door where nobody has a passkey, unless a test gives
// them one.
func (d *Door) Holds(context.Context, roster.AccountID) (bool, error) {
	return d.HasPasskey.Load(), nil
}

// Confirm takes any answer for one.
func (d *Door) Confirm(r *http.Request, _ signin.Session) (*signin.Asked, error) {
	if r.PostFormValue("passkey-answer") != "" {
		return nil, nil
	}
	return &signin.Asked{For: signin.ToAct, Action: r.URL.RequestURI(), Options: "{}", Challenge: "sealed", SignIn: true}, nil
}

func (d *Door) Passkeys(context.Context, roster.AccountID) ([]roster.Passkey, error) {
	if !d.HasPasskey.Load() {
		return nil, nil
	}
	return []roster.Passkey{{ID: []byte("one"), Name: "Laptop", Enrolled: time.Now()}}, nil
}

func (d *Door) Still(context.Context, signin.Session) error {
	if d.Closed.Load() {
		return &fault.Error{Kind: fault.Anonymous}
	}
	return nil
}

func (d *Door) EndAll(context.Context, roster.AccountID) error {
	d.Ended.Add(1)
	if d.Broken.Load() {
		return errors.New("the database is gone")
	}
	return nil
}

// Allowing are rules under which advisers may open so many without a reason.
func Allowing(short, long int) policy.Rules {
	return policy.Rules{
		Allowances: map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(short), Long: meter.People(long)}}, Signed: policy.Signed,
	}
}

// New opens a site whose advisers may open a few without a reason.
func New(t testing.TB) *Site {
	t.Helper()
	return Open(t, Allowing(3, 20), desk.Settings{})
}

// Open opens a site under rules, with a desk that knows what the settings say.
func Open(t testing.TB, rules policy.Rules, settings desk.Settings) *Site {
	t.Helper()
	return Over(t, filepath.Join(t.TempDir(), "poterne.db"), seal.New(), rules, settings)
}

// Over opens a site over a database of SQLite, which may hold a ledger already, under its
// seal keys.
func Over(t testing.TB, path string, seals seal.Keys, rules policy.Rules, settings desk.Settings) *Site {
	t.Helper()
	signer, verifier := storetest.Notary(t)
	return over(t, path, seals, signer, verifier, rules, settings, func(*store.DB, string) journal.Keeper { return nil })
}

// Keeping opens a site as Over does, where the journal and what follows it carry on what the one
// before kept, as they do in the program. The journal keeps when a test has it do so. The key of its
// checkpoints lies beside the database.
func Keeping(t testing.TB, path string, seals seal.Keys, rules policy.Rules, settings desk.Settings) *Site {
	t.Helper()
	signer, verifier := storetest.NotaryIn(t, path+"-notary")
	return over(t, path, seals, signer, verifier, rules, settings, func(db *store.DB, whose string) journal.Keeper { return store.NewKept(db, whose) })
}

func over(t testing.TB, path string, seals seal.Keys, signer note.Signer, verifier note.Verifier, rules policy.Rules, settings desk.Settings, keeper func(db *store.DB, whose string) journal.Keeper) *Site {
	t.Helper()
	db, err := store.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.Seal(t.Context(), seals); err != nil {
		t.Fatal(err)
	}
	segments, err := indexdb.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = segments.Close() })
	if err := storetest.TakeRosterBy(t, journal.Outside{DB: store.NewLedger(db), Now: time.Now}, list()); err != nil {
		t.Fatal(err)
	}
	rules.Purposes = roster.Purposes{"accompany": register.Name | register.Birth | register.NIR}
	moved := new(atomic.Int64)
	now := func() time.Time { return time.Now().Add(time.Duration(moved.Load())) }
	kept := func(whose string) journal.Keeper { return keeper(db, whose) }
	written, err := journal.Open(t.Context(), store.NewLedger(db), kept("journal"), now)
	if err != nil {
		t.Fatal(err)
	}
	node := &storetest.Node{Gate: gate.New(written, store.NewFacts(db), rules, gate.Remembered, now), Journal: written}
	s := &Site{t: t, Moved: moved, Now: now, path: path, Gate: node, Door: &Door{}, DB: db, rules: rules, pages: portal.NewPages(portal.Settings{Services: Services, Now: now})}
	s.Campaigns = campaign.New(campaign.Deps{Journal: node, Ledger: store.NewLedger(db), Roster: store.NewRoster(db), Kept: kept("campaign")}, campaign.Rules{Watches: policy.Watches, Narrowed: campaign.NarrowedFor}, time.Now, slog.New(slog.DiscardHandler))
	s.Arrivals = usage.NewArrivals(usage.Deps{Journal: node, Ledger: store.NewLedger(db), Kept: kept("arrivals")}, store.NewFacts(db), time.Now, slog.New(slog.DiscardHandler))
	s.Usage = usage.New(usage.Deps{Journal: node, Ledger: store.NewLedger(db), Roster: store.NewRoster(db), Kept: kept("usage")}, usage.RulesOf(rules), time.Now, slog.New(slog.DiscardHandler))
	s.Strangers = strangers.New(strangers.Deps{Journal: node, Ledger: store.NewLedger(db), Kept: kept("strangers")}, time.Now, slog.New(slog.DiscardHandler))
	s.Verifier = verifier
	s.index = index.New(index.Standard, store.NewLedger(db), segments)
	s.desk = desk.Deps{
		Gate: node, Journal: node, Calendar: store.NewLedger(db), Roster: store.NewRoster(db), Containment: containment.Service{Writer: node.Journal}, Reopenings: store.NewOrders(db), Sessions: s.Door, Sources: store.NewFacts(db),
		Campaigns: s.Campaigns, Usage: s.Usage, Arrivals: s.Arrivals, Audit: audit.NewWatch(nil, nil, nil, nil), Index: s.index, Covering: func(ctx context.Context, before ledger.Number) ([]byte, error) {
			return index.Covering(ctx, store.NewLedger(db), signer, verifier, before)
		},
		Witnesses: func() (cosigned, all int) { return 0, 0 }, Kept: kept("desk"),
		Directory: gate.NewDirectory(Key(t), register.NewSchemes("dossier", nil), store.NewAliases(db)),
	}
	s.desk.Incidents = s.Incidents()
	settings.Scheme = "dossier"
	var run func(context.Context) error
	s.Handler, run = s.rooms(settings, s.desk)
	ctx, cancel := context.WithCancel(context.Background())
	parts := []func(context.Context) error{node.Run, run, s.Strangers.Run}
	ended := make(chan error, len(parts))
	for _, part := range parts {
		go func() { ended <- part(ctx) }()
	}
	server := httptest.NewServer(s.Handler)
	s.URL = server.URL
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		cancel()
		for range parts {
			if err := <-ended; err != nil {
				t.Errorf("running ended with %v", err)
			}
		}
	})
	return s
}

// list is who has an account, and may open files.
func list() accounts.List {
	all := accounts.List{Organisations: Organisations}
	for _, a := range Accounts {
		a.Identity = roster.Identity{Issuer: "https://id.example", Subject: string(a.ID)}
		a.Opened, a.Review = time.Now().AddDate(-1, 0, 0), time.Time{} // the stage's moment is long past here
		all.Accounts = append(all.Accounts, a)
		if a.Role.ReadsFiles() {
			all.Habilitations = append(all.Habilitations, roster.Habilitation{
				Account: a.ID, Service: "dossier", Purpose: "accompany", From: time.Now().Add(-time.Hour), Until: time.Now().AddDate(1, 0, 0),
			})
		}
	}
	return all
}

// rooms are all of them, and what keeps the desk's picture.
func (s *Site) rooms(settings desk.Settings, deps desk.Deps) (http.Handler, func(context.Context) error) {
	shell := portal.NewShell(s.pages, portal.Deps{Door: s.Door, Roster: store.NewRoster(s.DB), Journal: s.Gate})
	watching := desk.New(shell, settings, deps)
	return shell.Handler(
		staff.New(shell, staff.Deps{Reopened: store.NewOrders(s.DB).Reopened, Gate: s.Gate, Journal: s.Gate, Roster: store.NewRoster(s.DB), Sessions: s.Door, Containment: containment.Service{Writer: s.Gate.Journal}, Awareness: Awareness, Certifier: accounts.Service{Writer: s.Gate.Journal, Awareness: Awareness}, Recovery: accounts.Service{Writer: s.Gate.Journal}, NIRs: grants.NIRs{Journal: s.Gate, Purposes: s.rules.Purposes, Confirmed: s.rules.Categories.Confirmed(), Now: s.Now}, Waiting: s.Rights().Waiting}),
		rights.New(shell, rights.Deps{Requests: s.Rights(), Gate: s.Gate, Roster: store.NewRoster(s.DB)}),
		watching,
		manager.New(shell, manager.Deps{
			Gate: s.Gate, Grants: grants.Service{Journal: s.Gate, Most: s.rules.Signed, Now: time.Now}, Freezes: containment.Service{Writer: s.Gate.Journal}, Journal: s.Gate, Roster: store.NewRoster(s.DB), Strangers: s.Strangers,
			Accounts: accounts.Service{Writer: s.Gate.Journal}, Caseloads: intake.Caseloads{Writer: s.Gate.Journal, Rows: store.NewFacts(s.DB), Key: Key(s.t), Schemes: register.NewSchemes("dossier", nil)}, Sessions: s.Door, Quota: func(roster.OrganisationID) int { return 40 },
		}),
		incidentroom.New(shell, s.incidents(deps.Index != nil)),
		mandates.New(shell, mandates.Deps{Mandates: siteMandates{s}, Gate: s.Gate, Roster: store.NewRoster(s.DB)}),
		withheld.New(shell, withheld.Deps{Withholdings: s.Withholdings(), Gate: s.Gate, Roster: store.NewRoster(s.DB)}),
		terms.New(shell, terms.Deps{Keeping: s.Keeping(), Gate: s.Gate, Roster: store.NewRoster(s.DB), Prove: func(ctx context.Context, number ledger.Number) ([]byte, error) {
			return tiles.Prove(ctx, store.NewLedger(s.DB), s.Verifier, number)
		}}),
		readings.New(shell, readings.Deps{Readings: s.Readings(), Gate: s.Gate, Roster: store.NewRoster(s.DB)}),
		bypass.New(shell, bypass.Deps{Gate: s.Gate, Journal: s.Gate, Sources: store.NewFacts(s.DB), Containment: containment.Service{Writer: s.Gate.Journal}, Roster: store.NewRoster(s.DB)}),
		permits.New(shell, permits.Deps{Permits: s.Permits(), Gate: s.Gate, Roster: store.NewRoster(s.DB), Person: s.Person}),
		installation.New(shell, installation.Deps{
			Configured: Installed, Gate: s.Gate, Roster: store.NewRoster(s.DB), Sources: store.NewFacts(s.DB), Quota: func(roster.OrganisationID) int { return 40 }, Requests: s.Bodies(), Sessions: s.Door, Changes: s.Changes(), Differences: stageDifferences,
		}),
		questions.New(shell, questions.Deps{Questions: s.questions(), Gate: s.Gate, Roster: store.NewRoster(s.DB), Journal: s.Gate}),
	), watching.Run
}

// reader reads people their lines.
func (s *Site) reader(now func() time.Time) person.Reader {
	return person.Reader{Index: s.desk.Index, Roster: store.NewRoster(s.DB), Withheld: store.NewWithholdings(s.DB), Now: now}
}

// Withholdings are what is withheld from people.
func (s *Site) Withholdings() person.Withholdings {
	return person.Withholdings{Writer: s.Gate.Journal, Rows: store.NewWithholdings(s.DB)}
}

// Keeping is what is kept of the ledger until when.
func (s *Site) Keeping() custody.Keeping {
	return custody.Keeping{Writer: s.Gate.Journal, Months: store.NewMonths(s.DB), Ledger: store.NewLedger(s.DB), Journal: s.Gate, Now: s.Now}
}

// Readings are what is asked of the archive.
func (s *Site) Readings() archive.Readings {
	return archive.Readings{Writer: s.Gate.Journal, Rows: store.NewArchive(s.DB), Person: s.Person, Now: time.Now}
}

// Person is who has an identifier in the register.
func (s *Site) Person(identifier string) (register.PersonID, error) {
	schemes := register.NewSchemes("dossier", nil)
	ref, err := schemes.Told(schemes.Own(), identifier)
	return Key(s.t).Person(ref.Value), err
}

// Permits are the export permits.
func (s *Site) Permits() grants.Permits {
	return grants.Permits{Writer: s.Gate.Journal, Rows: store.NewPermits(s.DB), Now: time.Now}
}

// questions are what people ask, of lines that the site's index has.
func (s *Site) questions() person.Questions {
	return person.Questions{Writer: s.Gate.Journal, Reader: s.reader(time.Now), Ledger: s.Gate, Rows: store.NewQuestions(s.DB)}
}

// People serves where people of the register see their own file, to whom the header names
// by their pseudonym.
func (s *Site) People(now func() time.Time) http.Handler {
	pages, asking := portal.NewPages(portal.Settings{Now: now}), s.questions()
	asking.Reader = s.reader(now)
	deps := personroom.Deps{
		Door: peopleDoor{}, Reader: s.reader(now), Questions: asking, Controller: Controller,
		Concerns: incident.Concerns{Files: s.Incidents(), Lines: s.reader(now)},
		Codes: &mailing.Codes{
			Settings: mailing.Settings{Now: now, Tag: Tag}, Files: s.Incidents(), Rows: store.NewMailings(s.DB), Typed: store.NewMailings(s.DB), Writer: s.Gate.Journal,
		},
		Contacts: s.Contacts,
		Prove: func(ctx context.Context, number ledger.Number) ([]byte, error) {
			return tiles.ProveToPerson(ctx, store.NewLedger(s.DB), s.Verifier, number)
		},
	}
	if s.Mandates != nil {
		deps.Mandates = s.Mandates
	}
	return personroom.New(pages, deps).Handler(pages)
}

// Reference is the header that says what the session of a person of the register keeps of them.
const Reference = "X-Reference"

// peopleDoor knows people by headers.
type peopleDoor struct{}

func (peopleDoor) Who(_ http.ResponseWriter, r *http.Request) (signin.Session, error) {
	if who := r.Header.Get(Actor); who != "" {
		return signin.Session{ID: "p-1", Account: roster.AccountID(who), Organisation: roster.OrganisationID(r.Header.Get(Reference))}, nil
	}
	return signin.Session{}, &fault.Error{Kind: fault.Anonymous}
}

func (peopleDoor) MountPeople(*http.ServeMux) {}

// Index is the index of its ledger.
func (s *Site) Index() *index.Index { return s.index }

// Cover signs a checkpoint over all entries of a site, as the program does all the time: a page that needs
// one would make it first.
func Cover(ctx context.Context, s *Site) error {
	_, err := s.desk.Covering(ctx, s.Gate.Next())
	return err
}

// Incidents are the files of the site.
func (s *Site) Incidents() incident.Service {
	return incident.Service{Writer: s.Gate.Journal, Rows: store.NewIncidents(s.DB), Ledger: s.Gate}
}

// Tag is the keyed hash of a site.
func Tag(text string) (tag [16]byte) {
	sum := sha256.Sum256([]byte("key " + text))
	copy(tag[:], sum[:])
	return tag
}

// incidents is what the room of incidents relies on.
func (s *Site) incidents(counting bool) incidentroom.Deps {
	deps := incidentroom.Deps{
		Files: s.Incidents(), Gate: s.Gate, Roster: store.NewRoster(s.DB),
		Controller: Controller, Covering: s.desk.Covering,
		Evidence: incidentroom.Evidence{Journal: s.Gate, Program: "poterne", Known: store.NewGlossary(s.DB).Known, Prove: func(ctx context.Context, number ledger.Number) ([]byte, error) {
			return tiles.Prove(ctx, store.NewLedger(s.DB), s.Verifier, number)
		}},
	}
	if counting {
		deps.Index = s.index
	}
	return deps
}

// WithoutIndex returns what an account reads at a path of a site without an index.
func (s *Site) WithoutIndex(who roster.AccountID, path string) string {
	s.t.Helper()
	deps := s.desk
	deps.Index = nil
	rooms, _ := s.rooms(desk.Settings{}, deps)
	r := httptest.NewRequestWithContext(s.t.Context(), http.MethodGet, path, nil)
	r.Header.Set(Actor, string(who))
	answer := httptest.NewRecorder()
	rooms.ServeHTTP(answer, Spoken(r, i18n.English))
	return Read(s.t, answer.Body.String())
}

// Key makes the pseudonyms of a site's people.
func Key(t testing.TB) register.Key {
	t.Helper()
	key, err := register.NewKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Opens makes an account ask for people, by number.
func (s *Site) Opens(who roster.AccountID, people ...int) gate.Passage {
	s.t.Helper()
	ask := policy.Ask{Act: policy.Show, Account: who, Session: "s-1", Service: "dossier", Purpose: "accompany", Route: "GET /files/{dossier}"}
	for _, n := range people {
		ask.People = append(ask.People, policy.Opening{Person: register.PersonID{1, byte(n)}, Fields: register.Name})
	}
	passage, err := s.Gate.Commit(s.t.Context(), ask)
	if err != nil {
		s.t.Fatal(err)
	}
	return passage
}

// Goes asks for a page as an account, without following where it leads.
func (s *Site) Goes(who roster.AccountID, method, path string, form url.Values) (*http.Response, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Accept-Language", "en")
	r.Header.Set(Actor, string(who))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	var body strings.Builder
	if _, err := bufio.NewReader(answer.Body).WriteTo(&body); err != nil {
		s.t.Fatal(err)
	}
	return answer, body.String()
}

// StepsUp writes a step-up of an account down, as the door does.
func (s *Site) StepsUp(who roster.AccountID) {
	s.t.Helper()
	if err := s.Gate.Record(s.t.Context(), ledger.Entry{Kind: ledger.SteppedUp, Account: who, Session: "s-1"}); err != nil {
		s.t.Fatal(err)
	}
}

// StepUp has the visitor prove to be there now.
func (s *Site) StepUp() { s.Door.SteppedUp.Store(time.Now().Unix()) }

// Writes counts the entries of a kind that an account made.
func (s *Site) Writes(who roster.AccountID, kind ledger.Kind) (n int) {
	s.t.Helper()
	entries, err := s.Gate.RecentBy(s.t.Context(), who, 100)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// Places puts an order in force.
func (s *Site) Places(o order.Order) {
	s.t.Helper()
	if _, err := (containment.Service{Writer: s.Gate.Journal}).Place(s.t.Context(), o); err != nil {
		s.t.Fatal(err)
	}
}

// Tamper does to the database what whoever can write its file can do.
func (s *Site) Tamper(statements ...string) {
	s.t.Helper()
	db, err := sql.Open("sqlite", s.path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.ExecContext(s.t.Context(), statement); err != nil {
			s.t.Fatalf("%s: %v", statement, err)
		}
	}
}

// Freeze places the freeze that the rules place, and returns its number.
func (s *Site) Freeze(who roster.AccountID) order.ID {
	s.t.Helper()
	placed, err := journal.Do(s.t.Context(), s.Gate.Journal, journal.Act[containment.Rows](containment.Place{
		Order:  order.Order{Reach: order.Account, Target: string(who), Effect: order.Frozen, By: journal.Itself},
		Ground: policy.Ruling{Verdict: policy.Freeze, Why: policy.Enumerating},
	}))
	if err != nil {
		s.t.Fatal(err)
	}
	return containment.IDOf(placed.Number)
}
