package portaltest

import (
	"cmp"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/audit"
	"poterne/internal/campaign"
	"poterne/internal/containment"
	"poterne/internal/glossary"
	"poterne/internal/i18n"
	"poterne/internal/incident"
	"poterne/internal/installed"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/ledger/index"
	"poterne/internal/meter"
	"poterne/internal/notice"
	"poterne/internal/order"
	"poterne/internal/person"
	"poterne/internal/policy"
	"poterne/internal/portal"
	breakglassroom "poterne/internal/portal/rooms/breakglass"
	"poterne/internal/portal/rooms/bypass"
	"poterne/internal/portal/rooms/databases"
	"poterne/internal/portal/rooms/desk"
	incidentroom "poterne/internal/portal/rooms/incident"
	"poterne/internal/portal/rooms/installation"
	"poterne/internal/portal/rooms/manager"
	"poterne/internal/portal/rooms/mandates"
	"poterne/internal/portal/rooms/permits"
	"poterne/internal/portal/rooms/questions"
	"poterne/internal/portal/rooms/readings"
	"poterne/internal/portal/rooms/rights"
	"poterne/internal/portal/rooms/staff"
	"poterne/internal/portal/rooms/terms"
	"poterne/internal/portal/rooms/withheld"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/signin/strangers"
	"poterne/internal/usage"
)

// Spoken is a request of a browser that asks for pages in a language.
func Spoken(r *http.Request, in i18n.Language) *http.Request {
	r = r.Clone(r.Context())
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Accept-Language", string(in))
	r.Header.Del("Cookie")
	return r
}

// Now is what time it is on the stage.
var Now = time.Date(2026, time.March, 3, 13, 32, 7, 0, time.UTC)

// Unsigned is an opening that waits for a signature.
var Unsigned = ledger.Entry{
	Kind: ledger.Attempted, Account: "leo.perrin", Organisation: "ml-bourg", Session: "s-1", Service: "dossier", Purpose: "accompagner",
	Route: "GET /files/{dossier}", Person: register.PersonID{250}, Verdict: policy.AskCosign, Why: policy.LongEmpty, Counted: meter.People(20), Limit: meter.People(20),
}

// Stage is a small invented body of people at work. It is not safe to share.
type Stage struct {
	Pages *portal.Pages
	Rooms []portal.Room

	OpenAgain map[string]time.Time // services, and since when
	Steps     []containment.Line   // proposed and ticked about orders
	InForce   order.Set
	Written   []ledger.Entry
	SteppedUp time.Time // when the visitor proved to be there
	Broken    error     // what everything answers, if anything
	Shared    campaign.Picture
	Noticed   []usage.Notice

	Refused    []strangers.Stranger           // at the door
	Lines      []incident.Line                // of incidents
	Altered    ledger.Number                  // of those, the one that is not as the ledger says
	Rights     []accounts.RightRequest        // that people asked for
	Bodies     []accounts.OrganisationRequest // that wait for another person
	Goes       installed.Change               // by which nodes go
	Changed    []installed.Change             // that wait for two people
	Asked      []person.Question              // by people of the register
	Damaged    []audit.Finding                // rows that are not as the ledger says
	recording  sync.Mutex                     // guards Recorded: a gallery is looked at by two browsers
	Recorded   []ledger.Entry                 // what was written down of readings
	Unwritable error                          // what writing them down answers, if anything
	Dropped    ledger.Number                  // the first entry that is still there
	Crowd      int                            // accounts besides those that have a part
	Glass      time.Time                      // until when somebody is in by the break-glass access; zero when nobody is
	Tries      int                            // wrong ones of its password
	Unread     ledger.Number                  // how many entries more there seem to be than the index has read

	handler http.Handler
	desk    *desk.Handlers
	watched ledger.Number // the desk has read so far
	read    func()        // called when a follower has come to the end; may be nil
}

// Services are the applications on the stage.
var Services = []portal.Service{
	{ID: "dossier", Name: "Dossier", About: both("Les dossiers des personnes que vous suivez.", "The files of the people you accompany."), Address: "/dossier/", Search: "/dossier/search", Exports: []string{"GET /export"}},
	{ID: "kairos", Name: "Kairos", About: both("Le suivi des stagiaires en formation.", "Following trainees."), Address: "/kairos/"},
	{ID: "ouiform", Name: "Ouiform", About: both("Le catalogue des formations.", "The training catalogue."), Address: "/ouiform/", For: []roster.Purpose{"former"}},
}

// Installed is what the stage's configuration says.
var Installed = installation.Configured{
	Digest: ledger.Digest{0x3f, 0x9a, 0x07}, Read: Now.Add(-26 * time.Hour),
	Rules: policy.Rules{
		Allowances: map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(5), Long: meter.People(20)}, roster.Desk: {Short: meter.People(20), Long: meter.People(45)}},
		Earned:     policy.Earned, Ceilings: policy.Ceilings, Rows: policy.Rows, Watches: policy.Watches,
		Strangers: map[roster.Role]int{roster.Adviser: 150},
		Observed:  policy.Observed{Services: map[roster.ServiceID]bool{"kairos": true}, Roles: map[roster.Role]bool{roster.Desk: true}},
	},
	Providers: []string{"https://proconnect.example", "https://sso.mission.example"}, Sources: []string{"agenda", "paie", "telephonie"},
	Others:    []installation.Other{{Does: installation.Proposes, Name: "annuaire"}, {Does: installation.Alerted, Name: "astreinte@poterne.example"}, {Does: installation.Delivers, Name: "smtp.poterne.example"}},
	Witnesses: 3, Quorum: 2,
}

// Databases are behind the door for SQL.
var Databases = []databases.Database{{ID: "kairos", Statements: []databases.Statement{{Name: "trainees", Purpose: "former"}}}, {ID: "dossier", Statements: []databases.Statement{{Name: "caseload", Purpose: "accompagner"}, {Name: "appointments", Purpose: "accompagner"}}}}

// Controller is the body that answers for the register.
var Controller = notice.Controller{
	Name: "Agence du registre de Valbourg", SIREN: "900000000", Sector: "Emploi", Headcount: "120", Address: "1 place du Marché\n99100 Valbourg", Country: "France",
	Representative: "Ariane Colin, directrice", Contact: "Paul Noir, 01 99 00 10 10", Officer: "Claire Aubry, 01 99 00 10 11",
	Helpline: "01 99 00 10 12", Counter: "1 place du Marché, Valbourg",
}

// NewStage returns a stage on which nothing has happened, whose people find help
// where it says, if anywhere.
func NewStage() *Stage {
	return NewStageWith(both("poste de garde, 01 99 00 12 34", "security desk, 01 99 00 12 34"))
}

// NewStageWith returns a stage whose people find help where it says, or nowhere.
func NewStageWith(help map[i18n.Language]string) *Stage {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		zone = time.FixedZone("UTC+1", 3600)
	}
	s := new(Stage)
	s.Pages = portal.NewPages(portal.Settings{
		Services: Services, Help: help, Zone: zone, Now: func() time.Time { return Now },
		Bypass: func() time.Time { return stageGate{s}.Orders().BypassedUntil(Now) },
		Broken: func(context.Context) time.Time { return s.Glass },
	})
	shell := portal.NewShell(s.Pages, s.Deps())
	s.desk = desk.New(shell, desk.Settings{Silence: map[string]time.Duration{"agenda": 6 * time.Hour, "telephonie": 2 * time.Hour}}, desk.Deps{
		Gate: stageGate{s}, Journal: stageLedger{s}, Calendar: stageLedger{s}, Roster: stageRoster{s}, Containment: stageGate{s}, Reopenings: stageGate{s}, Sessions: stageDoor{s},
		Sources: stageRoster{s}, Campaigns: stageCampaigns{s}, Usage: stageUsage{s}, Arrivals: stageArrivals{s}, Audit: stageAudit{s},
		Index: stageIndex{index.New(index.Standard, stageLedger{s}, stageShelf{s})}, Covering: stageLedger{s}.Covering, Directory: stageRoster{s},
		Witnesses: func() (cosigned, all int) { return 2, 2 }, Undeclared: stageShapes{s}, Incidents: stageFiles{s},
	})
	s.Rooms = []portal.Room{
		staff.New(shell, staff.Deps{Reopened: stageGate{s}.Reopened, Gate: stageGate{s}, Journal: stageLedger{s}, Roster: stageRoster{s}, Sessions: stageDoor{s}, Containment: stageGate{s}, Awareness: Awareness, Certifier: stageAccounts{s}, Recovery: stageAccounts{s}, NIRs: stageNIRs{s}, Waiting: stageRights{s}.Waiting}),
		rights.New(shell, rights.Deps{Requests: stageRights{s}, Gate: stageGate{s}, Roster: stageRoster{s}}),
		s.desk,
		manager.New(shell, manager.Deps{
			Gate: stageGate{s}, Grants: stageGate{s}, Freezes: stageGate{s}, Journal: stageLedger{s}, Roster: stageRoster{s}, Strangers: stageStrangers{s},
			Accounts: stageAccounts{s}, Caseloads: stageCaseloads{s}, Sessions: stageDoor{s}, Quota: func(roster.OrganisationID) int { return 40 },
		}),
	}
	s.Rooms = append(s.Rooms, incidentroom.New(shell, incidentroom.Deps{
		Files: stageFiles{s}, Gate: stageGate{s}, Roster: stageRoster{s}, Controller: Controller, Covering: stageLedger{s}.Covering,
		Evidence: incidentroom.Evidence{Journal: stageLedger{s}, Known: func(context.Context) (glossary.Known, error) { return glossary.Known{}, s.Broken }, Prove: func(context.Context, ledger.Number) ([]byte, error) { return []byte("proof"), s.Broken }},
		Index:    stageIndex{index.New(index.Standard, stageLedger{s}, stageShelf{s})},
		Messages: stageMessages{s},
	}),
		mandates.New(shell, mandates.Deps{Mandates: stageMandates{s}, Gate: stageGate{s}, Roster: stageRoster{s}}),
		withheld.New(shell, withheld.Deps{Withholdings: stageWithholdings{s}, Gate: stageGate{s}, Roster: stageRoster{s}}),
		terms.New(shell, terms.Deps{Keeping: stageKeeping{s}, Gate: stageGate{s}, Roster: stageRoster{s}, Prove: func(context.Context, ledger.Number) ([]byte, error) { return []byte("proof"), s.Broken }}),
		readings.New(shell, readings.Deps{Readings: stageReadings{s}, Gate: stageGate{s}, Roster: stageRoster{s}}),
		bypass.New(shell, bypass.Deps{Gate: stageGate{s}, Journal: stageLedger{s}, Containment: stageGate{s}, Sources: stageRoster{s}, Roster: stageRoster{s}}),
		permits.New(shell, permits.Deps{Permits: stagePermits{s}, Gate: stageGate{s}, Roster: stageRoster{s}, Person: func(string) (register.PersonID, error) { return register.PersonID{1}, s.Broken }}),
		questions.New(shell, questions.Deps{Questions: stageQuestions{s}, Gate: stageGate{s}, Roster: stageRoster{s}, Journal: stageLedger{s}}),
		breakglassroom.New(shell, s.glass()))
	s.Rooms = append(s.Rooms, installation.New(shell, installation.Deps{
		Configured: Installed, Gate: stageGate{s}, Roster: stageRoster{s}, Sources: stageRoster{s}, Quota: func(roster.OrganisationID) int { return 4 },
		Requests: stageBodies{s}, Sessions: stageDoor{s}, Changes: stageChanges{s}, Differences: stageDifferences,
	}), databases.New(shell, databases.Deps{
		Host: "poterne.example", Port: "6432", Databases: Databases, Passwords: stageDoor{s}, Gate: stageGate{s}, Roster: stageRoster{s},
	}))
	s.handler = shell.Handler(s.Rooms...)
	return s
}

// Deps is what a shell needs on the stage.
func (s *Stage) Deps() portal.Deps {
	return portal.Deps{Door: stageDoor{s}, Roster: stageRoster{s}, Journal: stageLedger{s}}
}

// Incident opens a file about an account, and has its people counted and a few things
// answered.
func (s *Stage) Incident(who roster.AccountID) {
	s.files([]incident.Step{
		&incident.Opening{Title: "Kairos, compte de Théo Marchand", Scope: incident.Scope{Accounts: []roster.AccountID{who}, Since: Now.Add(-26 * time.Hour)}},
		&incident.Awareness{At: Now.Add(-11 * time.Hour), From: "ourselves", Because: "Alerte du poste de garde"},
		&incident.Count{
			Scope: incident.Scope{Accounts: []roster.AccountID{who}}, People: 12, WithoutReason: 2, Disclosures: 15, First: Now.Add(-25 * time.Hour), Last: Now.Add(-20 * time.Minute),
			Data: []incident.Category{{Field: register.Name, People: 12}, {Field: register.Contact, People: 10}}, Before: 120, List: strings.Repeat("0a1b", 16),
		},
		&incident.Answers{"nature": {Values: []string{"confidentiality"}}, "harms": {Values: []string{"fraud", "identity-theft"}}, "origin": {Unknown: notice.NotYet}},
		&incident.Decision{What: "Prévenir les douze personnes", Because: "On ne sait pas encore où sont leurs données"},
		&incident.Sent{Sending: notice.Sending{Form: notice.ANSSI, Stage: notice.Initial, At: Now.Add(-2 * time.Hour), Receipt: "A-2026-118"}, Document: []byte("{}")},
	})
}

// Play opens a file as an exercise.
func (s *Stage) Play(title string, accounts ...roster.AccountID) {
	s.files([]incident.Step{&incident.Opening{Title: title, Exercise: true, Scope: incident.Scope{Accounts: accounts, Since: Now.Add(-26 * time.Hour)}, Stopped: accounts}})
}

// Escalate has the exercise of a stage go on as a real file.
func Escalate(s *Stage) {
	aware := incident.Awareness{At: Now.Add(-11 * time.Hour), From: "ourselves", Because: "Alerte du poste de garde"}
	s.files([]incident.Step{&aware, &incident.Escalation{Into: s.Lines[0].Number + 3, Because: "Personne ne joue"}})
	played := s.Lines[0].Step().(*incident.Opening)
	real := incident.Write{By: "noa.lambert", Step: &incident.Opening{Title: played.Title, Scope: played.Scope, Played: &incident.Played{File: s.Lines[0].File, Aware: &aware}}}
	if _, err := (stageFiles{s}).Do(context.Background(), real); err != nil {
		panic(err) // the stage is ours
	}
}

// Merging opens a second file, and proposes to merge that one into the first; another was merged
// into it before.
func (s *Stage) Merging() {
	do := func(file ledger.Number, step incident.Step) ledger.Number {
		number, err := (stageFiles{s}).Do(context.Background(), incident.Write{File: file, By: "noa.lambert", Step: step})
		if err != nil {
			panic(err) // the stage is ours
		}
		return number
	}
	scope := incident.Scope{Accounts: []roster.AccountID{"camille.aubry"}, Since: Now.Add(-20 * time.Hour)}
	ended := do(0, &incident.Opening{Title: "Dossier, compte de Camille Aubry", Scope: scope})
	first := s.Lines[0].File
	do(ended, &incident.Merged{Into: first})
	do(first, &incident.Joined{Files: []ledger.Number{ended}, Scopes: []incident.Scope{scope}, Reference: notice.Reference(2026, 1), Count: incident.Count{
		Scope: incident.Scope{Accounts: []roster.AccountID{"theo.marchand"}, Since: Now.Add(-26 * time.Hour)}, Also: []incident.Scope{scope}, People: 15, WithoutReason: 4, Disclosures: 21,
		First: Now.Add(-25 * time.Hour), Last: Now.Add(-20 * time.Minute), Data: []incident.Category{{Field: register.Name, People: 15}}, Before: 140,
	}})
	second := do(0, &incident.Opening{Title: "Ouiform, compte de Théo Marchand", Scope: scope})
	do(second, &incident.MergeProposal{Into: first, Because: "La même adresse de réseau"})
}

// Tell has the people of that file told, as far as some mails that are in doubt.
func (s *Stage) Tell() {
	s.files([]incident.Step{
		&incident.Naming{People: 12, List: strings.Repeat("0a1b", 16)}, &incident.Listing{Found: 11, Missing: 1, List: strings.Repeat("0a1b", 16)},
		&incident.Beginning{Rate: 20, Message: notice.Message{
			Reference: notice.Reference(2026, 1), Controller: Controller, First: Now.Add(-25 * time.Hour), Last: Now.Add(-20 * time.Minute),
			Shown: register.Name | register.Contact, Held: register.AllFields, Harms: []string{"fraud"}, Contained: true, Notified: true,
		}},
		new(incident.Pause),
		&incident.Publication{People: 12, Message: notice.Message{
			Reference: notice.Reference(2026, 1), Controller: Controller, First: Now.Add(-25 * time.Hour), Last: Now.Add(-20 * time.Minute),
			Shown: register.Name | register.Contact, Held: register.AllFields, Harms: []string{"fraud"}, Contained: true, Notified: true,
		}},
	})
}

// Told ends the telling of its people, whose list was erased since.
func (s *Stage) Told() {
	s.Tell()
	s.files([]incident.Step{&incident.Ending{People: 11, Mailed: 9, Lettered: 2}})
}

func (s *Stage) files(steps []incident.Step) {
	for _, step := range steps {
		write := incident.Write{By: "noa.lambert", Step: step}
		if len(s.Lines) > 0 {
			write.File = s.Lines[0].File
		}
		if _, err := (stageFiles{s}).Do(context.Background(), write); err != nil {
			panic(err) // the stage is ours
		}
	}
}

// Watch lets the desk read all that is written so far.
func (s *Stage) Watch() {
	ctx, cancel := context.WithCancel(context.Background())
	var reading atomic.Int32
	reading.Store(2) // the last hour, and the last weeks
	s.watched, s.read = ledger.Number(len(s.Written)), func() {
		if reading.Add(-1) == 0 {
			cancel()
		}
	}
	if err := s.desk.Run(ctx); err != nil {
		panic(err)
	}
	s.read = nil
}

func both(french, english string) map[i18n.Language]string {
	return map[i18n.Language]string{i18n.French: french, i18n.English: english}
}

// Visits is the scene of an account asking for one of the rooms.
func (s *Stage) Visits(who roster.AccountID, method, target string, form url.Values) func(http.ResponseWriter, *http.Request, i18n.Language) {
	return func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
		asked, err := http.NewRequestWithContext(r.Context(), method, target, strings.NewReader(form.Encode()))
		if err != nil {
			panic(err) // the scenes are ours
		}
		asked.RequestURI = target
		if method == http.MethodPost {
			asked.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		asked.Header.Set(Actor, string(who))
		s.handler.ServeHTTP(w, Spoken(asked, in))
	}
}

// Actor is the header by which doors in tests know people.
const Actor = "Poterne-Stage-Actor"

// Contain places an order of the security desk.
func (s *Stage) Contain(reach order.Reach, target string, effect order.Effect, message string) {
	_, _ = stageGate{s}.Place(context.Background(), order.Order{Reach: reach, Target: target, Effect: effect, By: "noa.lambert", Because: "Connexion depuis un lieu inhabituel", Message: order.Message{French: message}})
}

// Freeze places the freeze that the rules placed some time ago, and returns its name.
func (s *Stage) Freeze(who roster.AccountID, ago time.Duration) order.ID {
	_, _ = stageGate{s}.Place(context.Background(), order.Order{Reach: order.Account, Target: string(who), Effect: order.Frozen, By: journal.Itself})
	entry, placed := &s.Written[len(s.Written)-1], &s.InForce[len(s.InForce)-1]
	entry.Why, entry.Time, placed.Placed = policy.Enumerating, Now.Add(-ago), Now.Add(-ago)
	return placed.ID
}

// Write appends an entry that was made some time ago.
func (s *Stage) Write(ago time.Duration, e ledger.Entry) {
	e.Number, e.Time = ledger.Number(len(s.Written)), ledger.Cut(Now.Add(-ago))
	e.Receipt = e.Number
	s.Written = append(s.Written, e)
}

// Fill plays an hour: honest people at work, and one who is not.
func (s *Stage) Fill() {
	decided := func(ago time.Duration, who roster.AccountID, organisation roster.OrganisationID, person byte, ruling policy.Ruling) {
		e := ledger.Entry{
			Kind: ledger.Consulted, Account: who, Organisation: organisation, Session: "s-1", Service: "dossier", Purpose: "accompagner",
			Route: "GET /files/{dossier}/health-and-disability", Verdict: ruling.Verdict, Why: ruling.Why, Reason: ruling.Reason, Fields: ruling.Fields,
			Cost: ruling.Cost, Counted: ruling.Counted, Limit: ruling.Limit,
		}
		if person != 0 {
			e.Person = register.PersonID{person}
		}
		s.Write(ago, e)
	}
	explained := policy.Ruling{Verdict: policy.Shown, Why: policy.Explained, Reason: reason.Reason{Kind: reason.Caseload, Source: "agenda"}, Fields: register.Name | register.Status | register.Contact}
	s.Write(27*time.Hour, ledger.Entry{Kind: ledger.Opened})
	for i := range 6 {
		decided(26*time.Hour-time.Duration(i)*time.Minute, "camille.aubry", "ml-bourg", byte(1+i), explained)
	}
	s.Contain(order.Organisation, "of-rive", order.Suspended, "Votre structure est suspendue le temps d’une vérification.")
	for i := range 58 {
		decided(time.Duration(59-i)*time.Minute, "camille.aubry", "ml-bourg", byte(10+i), explained)
		for range i % 4 {
			decided(time.Duration(59-i)*time.Minute-10*time.Second, "leo.perrin", "ml-bourg", byte(80+i), explained)
		}
	}
	decided(40*time.Minute, "camille.aubry", "ml-bourg", 200, policy.Ruling{Verdict: policy.Shown, Why: policy.Counted, Cost: meter.Whole, Counted: meter.Whole, Limit: meter.People(3), Fields: register.Name})
	for i := range 3 {
		decided(time.Duration(20-i)*time.Minute, "theo.marchand", "ml-bourg", byte(210+i), policy.Ruling{Verdict: policy.Shown, Why: policy.Counted, Cost: meter.Whole, Counted: meter.People(i + 1), Limit: meter.People(3), Fields: register.Name | register.Birth | register.NIR})
	}
	for i := range 9 {
		decided(time.Duration(16-i)*time.Minute, "theo.marchand", "ml-bourg", byte(220+i), policy.Ruling{Verdict: policy.Refused, Why: policy.ShortEmpty, Counted: meter.People(3), Limit: meter.People(3)})
	}
	decided(4*time.Minute, "theo.marchand", "ml-bourg", 0, policy.Ruling{Verdict: policy.Refused, Why: policy.NotDeclared})
	s.Contain(order.Account, "leo.perrin", order.Frozen, "")
	slices.SortStableFunc(s.Written, func(a, b ledger.Entry) int { return cmp.Compare(a.Time.UnixMicro(), b.Time.UnixMicro()) })
	for i := range s.Written {
		s.Written[i].Number, s.Written[i].Receipt = ledger.Number(i), ledger.Number(i)
	}
	s.InForce[0].ID, s.InForce[0].Placed = "7", Now.Add(-25*time.Hour)
	s.Watch()
}

// Drift plays four weeks of an account whom nothing explains every so often, and
// who goes through the register in the end; the rules freeze it. An earlier freeze
// was undone some time ago, if ever.
func (s *Stage) Drift(who roster.AccountID, undone time.Duration) {
	const day = 24 * time.Hour
	at := func(ago time.Duration, person byte, device string, ruling policy.Ruling) {
		s.Write(ago, ledger.Entry{
			Kind: ledger.Consulted, Account: who, Organisation: "ml-bourg", Session: "s-1", Service: "dossier", Purpose: "accompagner", Route: "GET /files/{dossier}",
			Person: register.PersonID{person, 7}, Verdict: ruling.Verdict, Why: ruling.Why, Reason: ruling.Reason, Fields: ruling.Fields, Cost: ruling.Cost, Counted: ruling.Counted, Limit: ruling.Limit,
			Device: device, Network: "office", Observed: ruling.Observed,
		})
	}
	counted := policy.Ruling{Verdict: policy.Shown, Why: policy.Counted, Cost: meter.Whole, Counted: meter.Whole, Limit: meter.People(3), Fields: register.Name}
	s.Write(26*day, ledger.Entry{Kind: ledger.Opened})
	person := byte(0)
	for ago := 25; ago > 0; ago-- {
		if undone/day == time.Duration(ago) {
			s.Write(undone, ledger.Entry{Kind: ledger.Lifted, Account: "noa.lambert", Subject: who, Effect: order.Frozen, Reach: order.Account, Target: string(who), From: 1, End: 2, Note: "vérifié"})
		}
		for range []int{1, 0, 3, 2, 1, 0, 0}[ago%7] {
			person++
			at(time.Duration(ago)*day, person, "b1", counted)
		}
		at(time.Duration(ago)*day-time.Hour, 200, "b1", policy.Ruling{Verdict: policy.Shown, Why: policy.AlreadySeen, Fields: register.Name})
	}
	s.Write(50*time.Minute, ledger.Entry{Kind: ledger.Raised, Account: "jeanne.vidal", Subject: who, Cost: meter.People(2), Until: Now.Add(2 * time.Hour), Note: "accueil du salon"})
	at(30*time.Minute, 240, "b2", policy.Ruling{Verdict: policy.Shown, Why: policy.ShortEmpty, Observed: true, Cost: meter.Whole, Counted: meter.People(3), Limit: meter.People(3), Fields: register.Name})
	for i := range 3 {
		at(time.Duration(10-i)*time.Minute, 0, "b2", policy.Ruling{Verdict: policy.Withheld, Why: policy.NobodyKnown})
	}
	at(6*time.Minute, 241, "b2", counted)
	at(6*time.Minute-time.Second, 242, "b2", counted)
	at(5*time.Minute, 243, "b2", policy.Ruling{Verdict: policy.Freeze, Why: policy.Enumerating})
	s.Freeze(who, 5*time.Minute)
	s.Watch()
}

// Spend makes an account open people without a reason this hour.
func (s *Stage) Spend(who roster.AccountID, people int) {
	for i := range people {
		s.Write(time.Duration(people-i)*time.Minute, ledger.Entry{
			Kind: ledger.Consulted, Account: who, Organisation: "ml-bourg", Service: "dossier", Person: register.PersonID{240, byte(i)},
			Verdict: policy.Shown, Why: policy.Counted, Cost: meter.Whole, Counted: meter.People(i + 1), Limit: meter.People(3), Fields: register.Name,
		})
	}
}

// Conspire has accounts act together, in every way there is.
func (s *Stage) Conspire() {
	many := []roster.AccountID{"camille.aubry", "leo.perrin", "theo.marchand", "sacha.olive"}
	for i := range 11 {
		many = append(many, roster.AccountID("compte-"+strconv.Itoa(i)))
	}
	today, monday := Now.Truncate(24*time.Hour), Now.Truncate(24*time.Hour).AddDate(0, 0, -4)
	s.Shared = campaign.Picture{
		Alarms: []campaign.Alarm{
			{Bond: campaign.Bond{Shared: campaign.Organisation, Name: "ml-bourg"}, Accounts: many[:3], People: 61, Usual: 12, Since: monday, Days: 5},
			{Bond: campaign.Bond{Shared: campaign.Device, Name: "k3vq7mzx2a9c"}, Accounts: many, People: 48, Usual: 7, Since: today, Days: 1},
			{Bond: campaign.Bond{Shared: campaign.Network, Name: "hebergeur"}, Accounts: many[1:4], People: 33, Usual: 3, Since: today, Days: 1},
			{Bond: campaign.Bond{Shared: campaign.Rhythm, Name: "20s"}, Accounts: many[:2], People: 29, Usual: 2, Since: today, Days: 1},
			{Bond: campaign.Bond{Shared: campaign.Proposer, Name: "jeanne.vidal"}, Accounts: many[:2], People: 21, Usual: 1, Since: today, Days: 1},
		},
		Thefts: []campaign.Theft{
			{Account: "theo.marchand", At: Now.Add(-2 * time.Hour), Proof: campaign.Suspended},
			{Account: "leo.perrin", At: Now.Add(-3 * time.Hour), Proof: campaign.Together},
		},
		Surges:   []campaign.Surge{{Role: roster.Desk, From: Now.Add(-2 * time.Hour).Truncate(time.Hour), People: 142, Usual: 61, Weeks: 4}},
		Compares: true,
	}
	s.Noticed = []usage.Notice{
		{Account: "camille.aubry", Role: roster.Adviser, Uses: []usage.Use{
			{Limit: usage.Explained, Used: meter.People(1150), Allowed: meter.People(1200), Usual: meter.People(380), Before: meter.People(402), Known: true},
			{Limit: usage.Unexplained, Used: meter.People(40), Allowed: meter.People(40), Usual: meter.People(21), Before: meter.People(19), Known: true},
		}},
		{Account: "sacha.olive", Role: roster.Training, Uses: []usage.Use{
			{Limit: usage.Found, Used: meter.People(28), Allowed: meter.People(30), Usual: meter.People(4)},
			{Limit: usage.Given, Used: meter.People(120), Allowed: meter.People(200)},
		}},
	}
	for _, o := range []order.Order{
		{Reach: order.Organisation, Target: "ml-bourg", Cause: 7},
		{Reach: order.Account, Target: "sacha.olive", Cause: 7},
	} {
		o.Effect, o.By, o.Ends = order.Narrowed, journal.Itself, Now.Add(70*time.Hour).Truncate(time.Hour)
		_, _ = stageGate{s}.Place(context.Background(), o)
		placed := &s.Written[len(s.Written)-1]
		placed.Cause = ledger.Number(o.Cause)
		if placed.State = ledger.State(campaign.Organisation); o.Reach == order.Account {
			placed.State = ledger.State(campaign.Device)
		}
	}
}

// Organisations are the bodies on the stage.
var Organisations = []roster.Organisation{
	{ID: "ml-bourg", SIRET: "90000000000017", Name: "Mission locale du Bourg"},
	{ID: "of-rive", SIRET: "90000000000025", Name: "Formation de la Rive"},
	{ID: "garde", SIRET: "90000000000033", Name: "Poste de garde du registre"},
}

// Accounts are the people on the stage.
var Accounts = []roster.Account{
	{ID: "camille.aubry", Organisation: "ml-bourg", Role: roster.Adviser, Name: "Camille Aubry"},
	{ID: "jeanne.vidal", Organisation: "ml-bourg", Role: roster.Manager, Name: "Jeanne Vidal"},
	{ID: "leo.perrin", Organisation: "ml-bourg", Role: roster.Adviser, Name: "Léo Perrin", Review: Now.AddDate(0, 0, 6)},
	{ID: "theo.marchand", Organisation: "ml-bourg", Role: roster.Adviser, Name: "Théo Marchand", Review: Now.AddDate(0, 0, 20)},
	{ID: "sacha.olive", Organisation: "of-rive", Role: roster.Training, Name: "Sacha Olive"},
	{ID: "remi.fort", Organisation: "of-rive", Role: roster.Manager, Name: "Rémi Fort"},
	{ID: "claire.noir", Organisation: "garde", Role: roster.Privacy, Name: "Claire Noir"},
	{ID: "noa.lambert", Organisation: "garde", Role: roster.Security, Name: "Noa Lambert"},
}

// Visited has the security desk visit a room that does as it is told.
func Visited(in i18n.Language, visit func(*portal.Visit, *portal.Shell)) {
	stage := NewStage()
	shell := portal.NewShell(stage.Pages, stage.Deps())
	room := bare(func(v *portal.Visit) error {
		visit(v, shell)
		return nil
	})
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set(Actor, string(Security))
	shell.Handler(room).ServeHTTP(httptest.NewRecorder(), Spoken(r, in))
}

// bare is a room with one address.
type bare func(*portal.Visit) error

func (b bare) Routes() []portal.Route { return []portal.Route{{Pattern: "GET /{$}", Serve: b}} }

func (bare) Links() []portal.Link { return nil }

// Damage is rows that somebody changed in the database.
func (s *Stage) Damage() {
	s.Damaged = []audit.Finding{
		{Row: audit.Row{Table: "account", Key: "theo.marchand"}, Fault: audit.PutBack, Entry: 3},
		{Row: audit.Row{Table: "fact", Key: "agenda 20260303-1174"}, Fault: audit.NoSeal},
		{Row: audit.Row{Table: "habilitation", Key: "leo.perrin kairos train"}, Fault: audit.NoSeal},
		{Row: audit.Row{Table: "standing_order", Key: "7"}, Fault: audit.Missing, Entry: 7},
	}
}
