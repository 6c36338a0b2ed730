package intake_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/gate"
	"poterne/internal/intake"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func now() time.Time { return noon }

// schemes is how people are named here.
var schemes = register.NewSchemes("dossier", map[string]register.Form{"mail": form(`[a-z]+@[a-z.]+`, register.FoldCase), "ft": form(`[0-9]{7}[A-Z]`)})

func form(pattern string, folds ...register.Fold) register.Form {
	f, err := register.NewForm(pattern, folds...)
	if err != nil {
		panic(err)
	}
	return f
}

// everyKind is a source that may tell everything, for half a year.
var everyKind = intake.Source{}

func init() {
	for kind := reason.Caseload; kind <= reason.Archived; kind++ {
		everyKind[kind] = 182 * 24 * time.Hour
	}
}

// town is a real store with three accounts, and a directory that knows the scheme
// "dossier" as the register's own.
type town struct {
	*store.DB
	key       register.Key
	directory *gate.Directory
	facts     intake.Facts
	aliases   intake.Aliases
}

func newTown(t testing.TB) *town {
	t.Helper()
	db, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "poterne.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := storetest.TakeRoster(t, db, accounts.List{
		Organisations: []roster.Organisation{{ID: "ml", SIRET: "12345678901234", Name: "Mission locale"}},
		Accounts: []roster.Account{
			{ID: "pauline", Organisation: "ml", Role: roster.Adviser, Opened: noon, Identity: roster.Identity{Subject: "p"}},
			{ID: "marc", Organisation: "ml", Role: roster.Adviser, Opened: noon, Identity: roster.Identity{Subject: "m"}},
			{ID: "nadia", Organisation: "ml", Role: roster.Manager, Opened: noon, Identity: roster.Identity{Subject: "n"}},
		},
	}); err != nil {
		t.Fatal(err)
	}
	key, err := register.NewKey(bytes.Repeat([]byte{7}, register.KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	tn := &town{DB: db, key: key, directory: gate.NewDirectory(key, schemes, store.NewAliases(db))}
	w := journal.Outside{DB: store.NewLedger(db), Now: now}
	tn.facts = intake.Facts{
		Writer: w, By: "nadia", Directory: tn.directory, Schemes: schemes, Roster: store.NewRoster(db), Sources: map[string]intake.Source{"cases": everyKind}, Covers: reason.Covers, Now: now,
	}
	tn.aliases = intake.Aliases{Writer: w, By: "nadia", Key: key, Schemes: schemes}
	return tn
}

// known is the evidence the gate would see about these dossiers.
func (tn *town) known(t *testing.T, dossiers ...string) reason.Evidence {
	t.Helper()
	people := make([]register.PersonID, len(dossiers))
	for i, dossier := range dossiers {
		people[i] = tn.key.Person(dossier)
	}
	asker, err := store.NewFacts(tn.DB).Asker(t.Context(), "pauline")
	if err != nil {
		t.Fatal(err)
	}
	facts, err := store.NewFacts(tn.DB).Facts(t.Context(), asker, people, noon)
	if err != nil {
		t.Fatal(err)
	}
	return reason.Evidence{Facts: facts, Covers: asker.Covers}
}

const fortnight = "2026-11-21T09:00:00+01:00,2026-12-05T09:00:00+01:00"

const period = "2026-11-21T09:00:00+01:00,2026-12-21T09:00:00+01:00"

// Promise: SCOPE-6
func TestSCOPE_6_AFileIsClosedUntilItsSourceSaysOtherwiseAndForEverybody(t *testing.T) {
	tn := newTown(t)
	columns := "id,kind,account,scheme,person,from,until\r\n"
	report, err := tn.facts.Take(t.Context(), "cases", intake.CSV, strings.NewReader(columns+
		"1,closed,,dossier,100,2020-01-01T00:00:00Z,\r\n2,archived,,dossier,101,2020-01-01T00:00:00Z,2046-01-01T00:00:00Z\r\n3,closed,pauline,dossier,102,2020-01-01T00:00:00Z,"), intake.Said{})
	if err != nil || report.Kept != 2 || report.Rejected != 1 {
		t.Fatalf("two are kept, and not what one account would be told: %+v, %v", report, err)
	}
	state := func(dossier string, now time.Time) reason.FactKind {
		return reason.Explain("marc", "ml", tn.known(t, dossier), reason.Covers, now).Apart(tn.key.Person(dossier))
	}
	if state("100", noon.AddDate(60, 0, 0)) != reason.Closed || state("101", noon.AddDate(5, 0, 0)) != reason.Archived || state("102", noon) != reason.None {
		t.Error("the states are not as they were told")
	}
	if _, err := tn.facts.Take(t.Context(), "cases", intake.CSV, strings.NewReader(columns+"1,closed,,dossier,100,2020-01-01T00:00:00Z,2026-11-21T11:00:00Z"), intake.Said{}); err != nil {
		t.Fatal(err)
	}
	if state("100", noon) != reason.None {
		t.Error("a file that was opened again is closed")
	}
}

func TestGoodLinesAreKeptAndBadOnesAreNamed(t *testing.T) {
	tn := newTown(t)
	file := strings.Join([]string{
		"\ufeffid,kind,account,organisation,scheme,person,from,until,author,absent,substitute,declared_by",
		"1,caseload,pauline,,dossier,100," + period + ",,,,",
		"2,holiday,pauline,,dossier,101," + period + ",,,,",
		"3,call,pauline,ml,dossier,102," + period + ",,,,",
		"4,call,pauline,,dossier,103,yesterday,2026-12-21T09:00:00Z,,,,",
		"5,call,pauline,,dossier,104,2026-12-21T09:00:00Z,2026-12-21T09:00:00Z,,,,",
		"6,call,pauline,,ft,0000105A," + period + ",,,,",
		`7,call,"pauline,dossier`,
		"8,call",
		"",
		"9,enrolment,,ml,dossier,106," + period + ",,,,",
		"10,cover,,,,," + fortnight + ",,marc,pauline,nadia",
		"11,cover,,,,," + fortnight + ",,marc,pauline,pauline",
		",call,pauline,,dossier,107," + period + ",,,,",
		"15,call,pauline,,dossier,0108," + period + ",,,,",
		"16,call,pauline,,stranger,1," + period + ",,,,",
	}, "\r\n")
	var rejected []string
	var told intake.Report
	report, err := tn.facts.Take(t.Context(), "cases", intake.CSV, strings.NewReader(file), intake.Said{
		Rejected: func(r intake.Rejection) { rejected = append(rejected, fmt.Sprintf("%d %s", r.Line, r.Reason)) },
		Progress: func(r intake.Report) { told = r },
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := (intake.Report{Kept: 3, Rejected: 11}); report != want || told != want {
		t.Errorf("report %+v, progress %+v, want %+v", report, told, want)
	}
	want := []string{
		"3 kind: not a kind of fact: caseload, appointment, call, desk-ticket, message, enrolment, cover, protected, closed or archived",
		"4 account: a fact has either an account or an organisation",
		"5 from: not a date and time such as 2026-11-21T09:30:00+01:00",
		"6 until: not after from",
		"7 person: this identifier leads to nobody; take its alias in first",
		"8 not a line of CSV: a quotation mark is not where it belongs",
		"9 2 cells, the header has 12",
		"13 declared_by: a cover is declared by somebody else than the substitute and the absent agent",
		"14 id: missing",
		"15 person: not a dossier identifier as they are written: 0|[1-9][0-9]{0,14}",
		`16 scheme: no scheme "stranger" is declared; write [register.schemes.stranger] with its pattern`,
	}
	if got := strings.Join(rejected, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("rejected:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
	evidence := tn.known(t, "100", "101", "102", "103", "104", "105", "106", "107")
	if len(evidence.Facts) != 2 || len(evidence.Covers) != 1 {
		t.Errorf("%d facts and %d covers are known, want 2 and 1", len(evidence.Facts), len(evidence.Covers))
	}
}

func TestASourceIsHeldToWhatItIsDeclaredWith(t *testing.T) {
	tn := newTown(t)
	tn.facts.Sources = map[string]intake.Source{
		"phone": {reason.Call: 15 * time.Minute}, "cases": {reason.Caseload: 90 * 24 * time.Hour, reason.Cover: 36 * time.Hour}, "none": {},
	}
	const limit = "until: longer than this source may say; kind "
	for sentence, c := range map[string]struct{ source, kind, from, until, says string }{
		"as long as a call can be":         {"phone", "call", "2026-11-21T12:00:00Z", "2026-11-21T12:15:00Z", ""},
		"a second longer":                  {"phone", "call", "2026-11-21T12:00:00Z", "2026-11-21T12:15:01Z", limit + "call holds for at most 15 minutes, from its beginning or from now"},
		"an old one, counted from now":     {"phone", "call", "2026-11-01T12:00:00Z", "2026-11-21T12:15:00Z", ""},
		"clocks that are not quite alike":  {"phone", "call", "2026-11-21T12:05:00Z", "2026-11-21T12:20:00Z", ""},
		"a call to come":                   {"phone", "call", "2026-11-21T12:05:01Z", "2026-11-21T12:20:00Z", "from: in the future; what happened is told once it has"},
		"a caseload of an old beginning":   {"cases", "caseload", "2020-01-01T00:00:00Z", "2027-02-19T12:00:00Z", ""},
		"a caseload to come":               {"cases", "caseload", "2027-01-01T00:00:00Z", "2027-04-01T00:00:00Z", ""},
		"a caseload until 2999":            {"cases", "caseload", "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z", limit + "caseload holds for at most 90 days, from its beginning or from now"},
		"a caseload of the year 2999":      {"cases", "caseload", "2999-01-01T00:00:00Z", "2999-02-01T00:00:00Z", "from: more than a year ahead"},
		"a kind that is another source's":  {"cases", "call", "2026-11-21T12:00:00Z", "2026-11-21T12:15:00Z", "kind: this source does not tell call; the kinds that it is declared with are caseload, cover"},
		"a list of protected people":       {"cases", "protected", "2026-11-21T12:00:00Z", "2026-11-21T12:15:00Z", "kind: this source does not tell protected; the kinds that it is declared with are caseload, cover"},
		"a source that tells nothing":      {"none", "call", "2026-11-21T12:00:00Z", "2026-11-21T12:15:00Z", "kind: this source does not tell call; the kinds that it is declared with are none"},
		"a source that is not declared":    {"stranger", "call", "2026-11-21T12:00:00Z", "2026-11-21T12:15:00Z", "kind: this source does not tell call; the kinds that it is declared with are none"},
		"a cover that is too long":         {"cases", "cover", "2026-11-21T12:00:00Z", "2026-11-23T00:00:01Z", limit + "cover holds for at most 36 hours, from its beginning or from now"},
		"a cover as long as it can be":     {"cases", "cover", "2026-11-21T12:00:00Z", "2026-11-23T00:00:00Z", ""},
		"the last moment that can be said": {"cases", "caseload", "2026-11-21T12:00:00Z", "9000-12-31T23:59:59Z", limit + "caseload holds for at most 90 days, from its beginning or from now"},
	} {
		line := "1," + c.kind + ",pauline,dossier,100," + c.from + "," + c.until + ",,,"
		if c.kind == "cover" {
			line = "1,cover,,,," + c.from + "," + c.until + ",marc,pauline,nadia"
		}
		said := ""
		_, err := tn.facts.Take(t.Context(), c.source, intake.CSV, strings.NewReader("id,kind,account,scheme,person,from,until,absent,substitute,declared_by\n"+line+"\n"), intake.Said{
			Rejected: func(r intake.Rejection) { said += r.Reason },
		})
		if err != nil || said != c.says {
			t.Errorf("%s: %q, %v; want %q", sentence, said, err, c.says)
		}
	}
}

func TestTheSameLinesTwiceChangeNothing(t *testing.T) {
	tn := newTown(t)
	const lines = `{"id":"1","kind":"caseload","account":"pauline","scheme":"dossier","person":100,"from":"2026-11-21T08:00:00Z","until":"2026-12-21T08:00:00Z"}
{"id":"1","kind":"caseload","account":"pauline","scheme":"dossier","person":"200","from":"2026-11-21T08:00:00Z","until":"2026-12-21T08:00:00Z","author":null}
`
	for range 2 {
		if report, err := tn.facts.Take(t.Context(), "cases", intake.NDJSON, strings.NewReader(lines), intake.Said{}); err != nil || report.Kept != 2 {
			t.Fatal(report, err)
		}
		evidence := tn.known(t, "100", "200")
		if len(evidence.Facts) != 1 || evidence.Facts[0].Person != tn.key.Person("200") {
			t.Fatalf("%d facts, want the last told under one identifier", len(evidence.Facts))
		}
	}
}

func TestBrokenObjectsAreRejectedWithoutWhatTheyHold(t *testing.T) {
	const rest = `"kind":"call","account":"pauline","scheme":"dossier","from":"2026-11-21T08:00:00Z","until":"2026-12-21T08:00:00Z"`
	for sentence, line := range map[string]string{
		"a name twice":             `{"id":"1","person":"SECRET","person":"SECRET2",` + rest + `}`,
		"two objects":              `{"id":"1","person":"SECRET",` + rest + `}{"id":"SECRET"}`,
		"cut short":                `{"id":"1","person":"SECRET",` + rest,
		"an array":                 `["SECRET"]`,
		"a fraction":               `{"id":"1","person":1.5,` + rest + `}`,
		"an object inside":         `{"id":"1","person":{"SECRET":1},` + rest + `}`,
		"a name nobody knows":      `{"id":"1","SECRET":"x","person":"1",` + rest + `}`,
		"a control character":      `{"id":"1","person":"SECRET\u0000",` + rest + `}`,
		"not UTF-8":                "{\"id\":\"1\",\"person\":\"SECRET\xff\"," + rest + "}",
		"a line beyond all bounds": `{"id":"1","person":"` + strings.Repeat("SECRET", 20_000) + `",` + rest + `}`,
	} {
		t.Run(sentence, func(t *testing.T) {
			tn := newTown(t)
			var reasons []string
			report, err := tn.facts.Take(t.Context(), "cases", intake.NDJSON, strings.NewReader(line+"\n"), intake.Said{
				Rejected: func(r intake.Rejection) { reasons = append(reasons, r.Reason) },
			})
			if err != nil || report != (intake.Report{Rejected: 1}) || len(reasons) != 1 {
				t.Fatal(report, reasons, err)
			}
			if strings.Contains(reasons[0], "SECRET") {
				t.Errorf("the reason tells what the line holds: %s", reasons[0])
			}
		})
	}
}

// failing does a number of turns, and no more.
type failing struct {
	journal.Writer
	left int
}

func (f *failing) Turn(ctx context.Context, size int, do func(*journal.Tx) error) error {
	if f.left--; f.left < 0 {
		return errors.New("the disk is full")
	}
	return f.Writer.Turn(ctx, size, do)
}

func TestALargeFileIsSeveralActsAndWhatWasKeptBeforeAFailureIsSaid(t *testing.T) {
	tn := newTown(t)
	tn.facts.Writer = &failing{tn.facts.Writer, 2}
	file := "id,kind,account,from,until,scheme,person\n"
	for i := range 2500 {
		if i%100 == 0 {
			file += fmt.Sprintf("%d,walk\n", i)
			continue
		}
		file += fmt.Sprintf("%d,call,pauline,%s,dossier,%d\n", i, period, 100+i)
	}
	last := 0
	report, err := tn.facts.Take(t.Context(), "cases", intake.CSV, strings.NewReader(file), intake.Said{Rejected: func(r intake.Rejection) { last = r.Line }})
	if err == nil || report != (intake.Report{Kept: 1980, Rejected: 20}) || last != 1902 {
		t.Errorf("%+v, the last line rejected is %d, %v", report, last, err)
	}
	if written := tn.written(t); fmt.Sprint(written) != "[facts cases 990 10 facts cases 990 10]" {
		t.Errorf("written down: %v", written)
	}
	if known := len(tn.known(t, "101", "2099", "2101").Facts); known != 2 {
		t.Errorf("%d facts of the batches before the failure, not 2", known)
	}
}

func TestAHeaderThatIsNotKnownStopsTheFile(t *testing.T) {
	for _, first := range []string{"id,kind,SECRET", "id,id", `"id`, ""} {
		_, err := newTown(t).facts.Take(t.Context(), "cases", intake.CSV, strings.NewReader(first+"\n1,call\n"), intake.Said{})
		if err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("header %q: %v", first, err)
		}
	}
}

func TestALineCutOffByAnErrorIsNotTakenIn(t *testing.T) {
	tn := newTown(t)
	cut := io.MultiReader(
		strings.NewReader("id,kind,account,from,until,scheme,person\n1,call,pauline,"+period+",dossier,100\n2,call,pauline,"+period+",dossier,10"),
		iotest.ErrReader(errors.New("connection lost")))
	if _, err := tn.facts.Take(t.Context(), "cases", intake.CSV, cut, intake.Said{}); err == nil {
		t.Fatal("a lost connection must be an error")
	}
	if evidence := tn.known(t, "10"); len(evidence.Facts) != 0 {
		t.Error("half an identifier was taken for a whole one")
	}
}

func TestAnAliasLeadsToItsPerson(t *testing.T) {
	tn := newTown(t)
	var rejected []int
	const file = "scheme;identifier;register_identifier\nmail;a@b.example;100\nmail;A@B.example;200\ndossier;1;2\nmail;;3\n"
	report, err := tn.aliases.Take(t.Context(), intake.CSV, strings.NewReader(file), intake.Said{
		Rejected: func(r intake.Rejection) { rejected = append(rejected, r.Line) },
	})
	if err != nil || report != (intake.Report{Kept: 2, Rejected: 2}) || fmt.Sprint(rejected) != "[4 5]" {
		t.Fatal(report, rejected, err)
	}
	people, err := tn.directory.People(t.Context(), []register.Ref{{Scheme: "mail", Value: "a@b.example"}})
	if err != nil || people[0] != tn.key.Person("200") {
		t.Error("the alias does not lead to whom it was told last", err)
	}
	if written := tn.written(t); fmt.Sprint(written) != "[aliases  2 2]" {
		t.Errorf("written down: %v", written)
	}
}

const token = "0123456789abcdef0123456789abcdef"

// pusher is a push handler on a real mux.
func (tn *town) pusher() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(intake.PushPattern, intake.NewPush(tn.facts, map[string]intake.Token{"cases": intake.NewToken(token)}, slog.New(slog.DiscardHandler)))
	return mux
}

// written is what was written in the ledger of facts and aliases taken in.
func (tn *town) written(t *testing.T) (entries []string) {
	t.Helper()
	for e, err := range store.NewLedger(tn.DB).Entries(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind != ledger.Imported || e.State == ledger.Roster {
			continue
		}
		if e.Digest.IsZero() || e.Account != "nadia" {
			t.Errorf("entry %d is by %q, with the digest %s", e.Number, e.Account, e.Digest)
		}
		entries = append(entries, strings.TrimSpace(fmt.Sprintf("%s %s %d %d", e.State, e.Target, e.Count, e.Rejected)))
	}
	return entries
}

func TestAPushNeedsItsSourcesToken(t *testing.T) {
	const body = "id,kind,account,from,until,scheme,person\n1,call,pauline," + period + ",dossier,100\n"
	for sentence, c := range map[string]struct {
		source, authorization, kind string
		status                      int
	}{
		"its token":             {"cases", "Bearer " + token, "text/csv", 200},
		"its token, lower case": {"cases", "bearer " + token, "text/csv; charset=UTF-8", 200},
		"no token":              {"cases", "", "text/csv", 401},
		"another token":         {"cases", "Bearer " + strings.ToUpper(token), "text/csv", 401},
		"another scheme":        {"cases", "Basic " + token, "text/csv", 401},
		"an unknown source":     {"stranger", "Bearer " + token, "text/csv", 401},
		"an unknown source, no": {"stranger", "Bearer ", "text/csv", 401},
		"another type":          {"cases", "Bearer " + token, "application/json", 415},
		"another charset":       {"cases", "Bearer " + token, "text/csv; charset=latin1", 415},
	} {
		t.Run(sentence, func(t *testing.T) {
			tn := newTown(t)
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/.poterne/facts/"+c.source, strings.NewReader(body))
			r.Header.Set("Authorization", c.authorization)
			r.Header.Set("Content-Type", c.kind)
			w := httptest.NewRecorder()
			tn.pusher().ServeHTTP(w, r)
			if w.Code != c.status {
				t.Errorf("status %d, want %d: %s", w.Code, c.status, w.Body)
			}
			if kept := len(tn.known(t, "100").Facts); (kept == 1) != (c.status == 200) || len(tn.written(t)) != kept {
				t.Errorf("%d facts kept, %v written", kept, tn.written(t))
			}
		})
	}
}

func TestAPushSaysWhatItRejected(t *testing.T) {
	tn := newTown(t)
	pusher := tn.pusher()
	for range 2 {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/.poterne/facts/cases",
			strings.NewReader("id,kind,account,from,until,scheme,person\n1,call,pauline,"+period+",dossier,100\n2,walk,,,,,\n"))
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "text/csv")
		w := httptest.NewRecorder()
		pusher.ServeHTTP(w, r)
		want := `{"kept":1,"rejected":[{"line":3,"reason":"kind: not a kind of fact: caseload, appointment, call, desk-ticket, message, enrolment, cover, protected, closed or archived"}]}`
		if got := strings.TrimSpace(w.Body.String()); got != want {
			t.Errorf("answered %s, want %s", got, want)
		}
	}
	if written := tn.written(t); fmt.Sprint(written) != "[facts cases 1 1 facts cases 1 1]" {
		t.Errorf("written down: %v", written)
	}
	if heard, err := store.NewFacts(tn.DB).Heard(t.Context()); err != nil || !heard["cases"].Equal(noon) {
		t.Errorf("heard %v, %v", heard, err)
	}
}

func TestASourceWithNothingNewWasHeard(t *testing.T) {
	tn := newTown(t)
	if _, err := tn.facts.Take(t.Context(), "cases", intake.NDJSON, strings.NewReader(""), intake.Said{}); err != nil {
		t.Fatal(err)
	}
	if heard, err := store.NewFacts(tn.DB).Heard(t.Context()); err != nil || heard["cases"].IsZero() {
		t.Error("an empty push says that the source is alive", err)
	}
	if written := tn.written(t); fmt.Sprint(written) != "[facts cases 0 0]" {
		t.Errorf("written down: %v", written)
	}
}

// everything is a ledger that counts what is taken in, a directory and a roster in which
// everybody is known.
type everything struct {
	journal.DB
	facts, covers, rejected int
}

func (e *everything) Turn(_ context.Context, do func(journal.Head) error) error {
	return do(head{e: e})
}

type head struct {
	journal.Head
	e *everything
}

func (head) Next() ledger.Number        { return 1 }
func (head) Last() time.Time            { return noon }
func (head) Generation() uint64         { return 1 }
func (head) Advance() error             { return nil }
func (head) Orders() (order.Set, error) { return nil, nil }
func (h head) Rows() any                { return h.e }
func (h head) Write(e []ledger.Entry, _ time.Time) error {
	h.e.rejected += int(e[0].Rejected)
	return nil
}

func (e *everything) UpsertFacts(b intake.FactBatch, _ ledger.Entry) error {
	for _, f := range b.Facts {
		if f.Person.IsZero() || f.ID == "" || (f.Account == "") == (f.Organisation == "") || !f.Until.After(f.From) {
			return errors.New("a fact that means nothing")
		}
	}
	for _, c := range b.Covers {
		if c.ID == "" || c.Absent == "" || c.Substitute == "" || c.DeclaredBy == c.Substitute {
			return errors.New("a cover that means nothing")
		}
	}
	e.facts, e.covers = e.facts+len(b.Facts), e.covers+len(b.Covers)
	return nil
}

func (e *everything) Account(id roster.AccountID) (roster.Account, error) {
	return roster.Account{ID: id, Organisation: "ml", Role: roster.Manager}, nil
}

func (e *everything) Covers(roster.AccountID) ([]reason.CoverDuty, error) { return nil, nil }

func (e *everything) Known(_ context.Context, accounts []roster.AccountID) (map[roster.AccountID]bool, error) {
	known := make(map[roster.AccountID]bool)
	for _, account := range accounts {
		known[account] = true
	}
	return known, nil
}

func (e *everything) People(_ context.Context, refs []register.Ref) ([]register.PersonID, error) {
	people := make([]register.PersonID, len(refs))
	for i := range people {
		people[i][0] = 1
	}
	return people, nil
}

func FuzzFacts(f *testing.F) {
	const columns = "id,kind,account,organisation,scheme,person,from,until,author,absent,substitute,declared_by\n"
	f.Add([]byte(columns+"1,call,a,,s,1,"+period+",,,,\n2,cover,,,,,"+period+",,a,b,c\n"), false)
	f.Add([]byte(columns+"\"\n"), false)
	f.Add([]byte(`{"id":"1","kind":"call","account":"a","scheme":"s","person":1,"from":"2026-11-21T08:00:00Z","until":"2026-12-21T08:00:00Z"}`), true)
	f.Add([]byte(`{"id":"1","\u0069d":"2"}`+"\n{}\n[]"), true)
	f.Fuzz(func(t *testing.T, file []byte, ndjson bool) {
		format := intake.CSV
		if ndjson {
			format = intake.NDJSON
		}
		kept, rejections, last := &everything{}, 0, 0
		report, err := intake.Facts{
			Writer: journal.Outside{DB: kept, Now: now}, Directory: kept, Schemes: schemes, Roster: kept, Sources: map[string]intake.Source{"fuzz": everyKind}, Covers: reason.Covers, Now: now,
		}.Take(t.Context(), "fuzz", format, bytes.NewReader(file), intake.Said{
			Rejected: func(r intake.Rejection) {
				rejections++
				if r.Line < last || r.Reason == "" {
					t.Fatalf("line %d after %d, reason %q", r.Line, last, r.Reason)
				}
				last = r.Line
			},
		})
		if err == nil && (report.Kept != kept.facts+kept.covers || report.Rejected != rejections || report.Rejected != kept.rejected) {
			t.Fatalf("%+v, but %d facts, %d covers and %d rejections", report, kept.facts, kept.covers, rejections)
		}
		if lines := bytes.Count(file, []byte("\n")) + 1; report.Kept+report.Rejected > lines {
			t.Fatalf("%+v out of %d lines", report, lines)
		}
	})
}
