package desk_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"poterne/internal/fault"
	"poterne/internal/i18n"
	"poterne/internal/ledger"
	"poterne/internal/policy"
	"poterne/internal/portal/portaltest"
	"poterne/internal/portal/rooms/desk"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// formIn returns the hidden fields of the form that leads somewhere.
func formIn(t *testing.T, raw, action string) url.Values {
	t.Helper()
	page, err := html.Parse(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range portaltest.All(page, "form") {
		if portaltest.Attr(form, "action") != action {
			continue
		}
		values := make(url.Values)
		for _, field := range portaltest.All(form, "input") {
			values.Add(portaltest.Attr(field, "name"), portaltest.Attr(field, "value"))
		}
		return values
	}
	t.Fatalf("no form leads to %s", action)
	return nil
}

// unpackAll returns the files of an archive, by the endings of their names.
func unpackAll(t *testing.T, packed string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	for name, body := range portaltest.Unpack(t, packed) {
		files[name[strings.Index(name, "."):]] = body
	}
	return files
}

func TestLEDGER_7_TheDeskSaysExactlyWhoAndHandsOverTheSealedList(t *testing.T) {
	h := portaltest.New(t)
	h.Opens(camille, 2)
	h.Opens(theo, 1, 2, 3)
	h.Opens(theo, 3)
	h.Opens(theo, 9) // beyond the allowance: not shown
	before := h.Gate.Next()
	answer, raw := h.Goes(security, http.MethodGet, "/desk/exactly?account="+string(theo)+"&account="+string(camille)+"&period=today", nil)
	said := portaltest.Read(t, raw)
	for _, want := range []string{
		"Exactly 3 people, 5 times.", "Théo Marchand Mission locale du Bourg 3 4 ", "Camille Aubry Mission locale du Bourg 1 1 ", "name 3",
		"The same person may have been shown to several.", fmt.Sprintf("from number 0 up to, and without, number %d.", before+1), "ledger.poterne.example",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("%s: the page does not say %q: %s", answer.Status, want, said)
		}
	}

	answer, packed := h.Goes(security, http.MethodPost, "/desk/exactly/list", formIn(t, raw, "/desk/exactly/list"))
	if answer.StatusCode != http.StatusOK || !strings.HasPrefix(answer.Header.Get("Content-Disposition"), "attachment; filename=\"shown-to-") || answer.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%s, %v", answer.Status, answer.Header)
	}
	files := unpackAll(t, packed)
	list, seal := files[".csv"], files[".csv.seal"]
	shownTo := make(map[register.PersonID]int)
	for e, err := range h.Gate.Entries(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Disclosed() {
			shownTo[e.Person]++
		}
	}
	want := make(map[string]string)
	for person, times := range shownTo {
		want[person.Hex()] = fmt.Sprintf("name,none,%d", times)
	}
	for _, line := range strings.Split(strings.TrimSpace(list), "\n")[1:] {
		columns := strings.SplitN(line, ",", 5)
		if want[columns[0]] != strings.Join(columns[1:4], ",") {
			t.Errorf("the list says %s", line)
		}
		delete(want, columns[0])
	}
	if len(want) > 0 || len(shownTo) != 3 {
		t.Errorf("%d people are not in the list", len(want))
	}
	digest := sha256.Sum256([]byte(list))
	if !strings.Contains(seal, "\nsha256 "+hex.EncodeToString(digest[:])+"\n") || !strings.HasPrefix(seal, "shown to theo.marchand, camille.aubry, from ") || !strings.Contains(seal, "\n3 people, 5 times\n") {
		t.Errorf("the seal is %s", seal)
	}
	_, signed, _ := strings.Cut(seal, "checkpoint:\n")
	head, err := ledger.OpenCheckpoint([]byte(signed), h.Verifier)
	if err != nil || head.Size < int64(before) {
		t.Errorf("a checkpoint of %d entries, %v", head.Size, err)
	}

	var written []ledger.Entry
	for e, err := range h.Gate.Entries(t.Context(), before) {
		if err != nil || e.Kind != ledger.Read || e.Account != security {
			t.Fatalf("%v by %s, %v", e.Kind, e.Account, err)
		}
		written = append(written, e)
	}
	if len(written) != 2 || written[0].State != ledger.ShownTo || written[1].State != ledger.ShownToList ||
		written[0].Target != "theo.marchand camille.aubry" || written[1].Target != written[0].Target ||
		written[0].Since.IsZero() || !written[1].Since.Equal(written[0].Since) || !written[1].Until.Equal(written[0].Until) {
		t.Errorf("what was asked is written as %+v", written)
	}
}

// Promise: LEDGER-7
func TestTheDeskSaysWhoSawAPerson(t *testing.T) {
	h := portaltest.New(t)
	const identifier = "471100815"
	person := portaltest.Key(t).Person(identifier)
	for range 2 {
		ask := policy.Ask{Act: policy.Show, Account: theo, Session: "s-1", Service: "dossier", Purpose: "accompany", Route: "GET /files/{dossier}"}
		ask.People = append(ask.People, policy.Opening{Person: person, Fields: register.Name})
		if _, err := h.Gate.Commit(t.Context(), ask); err != nil {
			t.Fatal(err)
		}
	}
	h.Opens(camille, 5)
	before := h.Gate.Next()
	answer, raw := h.Goes(security, http.MethodPost, "/desk/who-saw", url.Values{"identifier": {" " + identifier + " "}, "because": {"a complaint"}})
	said := portaltest.Read(t, raw)
	if !strings.Contains(said, "Shown 2 times, to 1 account.") || strings.Count(said, "Théo Marchand") != 2 || strings.Contains(said, "Camille Aubry") {
		t.Errorf("%s: %s", answer.Status, said)
	}
	if strings.Contains(raw, identifier) || strings.Contains(raw, person.Hex()) {
		t.Error("the page says who that is")
	}
	for e, err := range h.Gate.Entries(t.Context(), before) {
		if err != nil || e.Kind != ledger.Read || e.Person != person || e.Note != "a complaint" || strings.Contains(e.Target+e.Note+e.Route, identifier) {
			t.Errorf("written is %v about the person: %v, %q, %v", e.Kind, e.Person == person, e.Note, err)
		}
	}
	if h.Gate.Next() != before+1 {
		t.Errorf("%d entries were written", h.Gate.Next()-before)
	}
	_, raw = h.Goes(security, http.MethodPost, "/desk/who-saw", url.Values{"identifier": {"815"}, "because": {"a second complaint"}})
	if said := portaltest.Read(t, raw); !strings.Contains(said, "Nobody saw them.") || !strings.Contains(said, "check it") {
		t.Errorf("of somebody unknown: %s", said)
	}
}

func TestLEDGER_5_WhoAsksWhoSawAPersonWritesWhyAlsoWhereNobodyIsFound(t *testing.T) {
	h := portaltest.New(t)
	const identifier = "471100815"
	h.Opens(theo, 1)
	before := h.Gate.Next()
	for because, said := range map[string]string{
		"": "Say why, in a few words.", "  ": "Say why, in a few words.", "of 47-11 00815": "The reason holds the identifier", "a\u202eb": "cannot be seen",
	} {
		answer, raw := h.Goes(security, http.MethodPost, "/desk/who-saw", url.Values{"identifier": {identifier}, "because": {because}})
		if answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(portaltest.Read(t, raw), said) || strings.Contains(raw, "00815") || strings.Contains(raw, "obody saw them") {
			t.Errorf("%q: %s, %s", because, answer.Status, portaltest.Read(t, raw))
		}
	}
	if h.Gate.Next() != before {
		t.Error("a question that was not put is written as if it had been answered")
	}
	h.Goes(security, http.MethodPost, "/desk/who-saw", url.Values{"identifier": {"815"}, "because": {"a complaint of today"}})
	for e, err := range h.Gate.Entries(t.Context(), before) {
		if err != nil || e.State != ledger.WhoSaw || e.Account != security || e.Note != "a complaint of today" {
			t.Errorf("of somebody unknown is written %+v, %v", e, err)
		}
	}
	if h.Gate.Next() != before+1 {
		t.Errorf("%d entries are written of it", h.Gate.Next()-before)
	}
}

// The questions of the desk, with a form where they have one.
var exactQuestions = []struct {
	method, path string
	form         url.Values
}{
	{"GET", "/desk/exactly?account=theo.marchand&period=today", nil},
	{"POST", "/desk/exactly/list", url.Values{"account": {"theo.marchand"}}},
	{"POST", "/desk/who-saw", url.Values{"identifier": {"210"}, "because": {"a complaint"}}},
}

func TestOnlyThoseWhoWatchAskExactlyWho(t *testing.T) {
	h := portaltest.New(t)
	h.Opens(theo, 1)
	before := h.Gate.Next()
	for _, who := range []roster.AccountID{camille, theo, jeanne, "sacha.olive"} {
		for _, q := range append(exactQuestions, exactQuestions[0], exactQuestions[2]) {
			if answer, raw := h.Goes(who, q.method, q.path, q.form); answer.StatusCode != http.StatusForbidden || strings.Contains(raw, "Exactly 1 person") {
				t.Errorf("%s %s as %s: %s", q.method, q.path, who, answer.Status)
			}
		}
	}
	if h.Gate.Next() != before {
		t.Error("their questions are written as if they were asked")
	}
}

func TestWhatIsAskedExactlyIsWrittenOrNotAnswered(t *testing.T) {
	s := portaltest.NewStage()
	s.Fill()
	s.Unwritable = &fault.Error{Kind: fault.Unavailable}
	for _, q := range exactQuestions {
		answer := httptest.NewRecorder()
		s.Visits(security, q.method, q.path, q.form)(answer, httptest.NewRequest(http.MethodGet, "/", nil), i18n.English)
		if body := answer.Body.String(); answer.Code != http.StatusServiceUnavailable || !strings.Contains(body, "could not be written") || strings.Contains(body, "Théo") || strings.HasPrefix(body, "PK") {
			t.Errorf("%s: %d %s", q.path, answer.Code, body)
		}
	}
}

func TestAnIndexThatIsBehindSaysHowFarItIs(t *testing.T) {
	s := portaltest.NewStage()
	s.Fill()
	s.Unread = 3_000_000
	written := len(s.Recorded)
	for _, q := range exactQuestions {
		answer := httptest.NewRecorder()
		s.Visits(security, q.method, q.path, q.form)(answer, httptest.NewRequest(http.MethodGet, "/", nil), i18n.English)
		said := portaltest.Read(t, answer.Body.String())
		if answer.Code != http.StatusServiceUnavailable || q.method+q.path != "POST/desk/exactly/list" && !strings.Contains(said, "It has read 0 of 3,000,") || strings.Contains(said, "Exactly") {
			t.Errorf("%s: %d %s", q.path, answer.Code, said)
		}
	}
	if more := s.Recorded[written:]; len(more) != 1 || more[0].State != ledger.WhoSaw || more[0].Note != "a complaint" {
		t.Errorf("of what was not answered, the question about a person alone is written, with its reason: %v", more)
	}
}

func TestAListThatIsCutShortCannotBeTakenForTheWhole(t *testing.T) {
	h := portaltest.New(t)
	h.Opens(theo, 1, 2, 3)
	h.Door.Closed.Store(true) // the session ends while the list is written
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.URL+"/desk/exactly/list", strings.NewReader("account="+string(theo)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set(portaltest.Actor, string(security))
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		defer answer.Body.Close()
		var body []byte
		if body, err = io.ReadAll(answer.Body); err == nil {
			t.Errorf("%s, %d bytes as if they were all", answer.Status, len(body))
		}
	}
}

// Where summer time ends the clock shows an hour twice: what is asked of that hour is asked of both.
//
// Promise: LEDGER-7
func TestLEDGER_7_AnHourThatComesTwiceIsAskedAboutTwice(t *testing.T) {
	for typed, want := range map[string][2]time.Time{
		"since=2025-10-26T02:30&until=2025-10-26T02:45":       {time.Date(2025, 10, 26, 0, 30, 0, 0, time.UTC), time.Date(2025, 10, 26, 1, 45, 0, 0, time.UTC)},
		"since=2025-10-26T01:59&until=2025-10-26T03:00":       {time.Date(2025, 10, 25, 23, 59, 0, 0, time.UTC), time.Date(2025, 10, 26, 2, 0, 0, 0, time.UTC)},
		"since=2025-03-30T01:59&until=2025-03-30T03:00":       {time.Date(2025, 3, 30, 0, 59, 0, 0, time.UTC), time.Date(2025, 3, 30, 1, 0, 0, 0, time.UTC)},
		"since=2025-10-26T02:30:00&until=2025-10-26T02:30:00": {time.Date(2025, 10, 26, 0, 30, 0, 0, time.UTC), time.Date(2025, 10, 26, 1, 30, 0, 0, time.UTC)},
	} {
		s := portaltest.NewStage()
		s.Fill()
		written := len(s.Recorded)
		answer := httptest.NewRecorder()
		s.Visits(security, http.MethodGet, "/desk/exactly?account=theo.marchand&period=between&"+typed, nil)(answer, httptest.NewRequest(http.MethodGet, "/", nil), i18n.English)
		more := s.Recorded[written:]
		if answer.Code != http.StatusOK || len(more) != 1 {
			t.Errorf("%s: %d, %d entries", typed, answer.Code, len(more))
			continue
		}
		if asked := more[0]; !asked.Since.Equal(want[0]) || !asked.Until.Equal(want[1]) {
			t.Errorf("%s is asked from %v to %v", typed, asked.Since.UTC(), asked.Until.UTC())
		}
	}
}

func TestAQuestionIsMendedBesideItsField(t *testing.T) {
	h := portaltest.New(t)
	before := h.Gate.Next()
	for query, want := range map[string]string{
		"period=today": "Choose at least one account.",
		"account=theo.marchand&period=between&since=yesterday":                               "Write a day and an hour",
		"account=theo.marchand&period=between&since=2026-03-03T14:00&until=2026-03-03T14:00": "The end comes before the beginning.",
		"period=today&account=" + strings.Repeat("a", desk.MostTarget+1):                     "too many accounts",
	} {
		answer, raw := h.Goes(security, http.MethodGet, "/desk/exactly?"+query, nil)
		if said := portaltest.Read(t, raw); answer.StatusCode != http.StatusUnprocessableEntity || strings.Count(said, want) != 2 {
			t.Errorf("%s: %s", query[:min(len(query), 80)], answer.Status)
		}
	}
	if h.Gate.Next() != before {
		t.Error("what was not asked is written")
	}
}
