package accounts_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/ledger"
	"poterne/internal/policy"
	"poterne/internal/roster"
)

const course = "https://formation.example/cours/12"

// recordStore is a node whose advisers pass a course at a learning platform.
func (p *post) recordStore() *accounts.RecordStore {
	service := p.aware().Service
	service.Awareness = accounts.Awareness{Modules: map[roster.Role]string{roster.Adviser: course, roster.Training: accounts.OwnModule}, Valid: halfYear}
	return &accounts.RecordStore{
		Service: service, Secret: []byte(strings.Repeat("s", 32)), Origin: "https://poterne.example",
		Now: func() time.Time { return p.at }, Log: slog.New(slog.DiscardHandler),
	}
}

// tells sends what a platform says, and returns the answer.
func tells(t *testing.T, s *accounts.RecordStore, method, address, body string, change func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("X-Experience-API-Version", "1.0.3")
	r.SetBasicAuth(accounts.RecordStoreKey, string(s.Secret))
	if change != nil {
		change(r)
	}
	w, mux := httptest.NewRecorder(), http.NewServeMux()
	s.Mount(mux)
	mux.ServeHTTP(w, r)
	return w
}

const statementsPath = accounts.RecordStorePrefix + "statements"

func says(actor, verb, object, rest string) string {
	return fmt.Sprintf(`{"actor":%s,"verb":{"id":"http://adlnet.gov/expapi/verbs/%s","display":{"fr":"x"}},"object":{"objectType":"Activity","id":%q}%s}`, actor, verb, object, rest)
}

// Promise: RIGHTS-6 (awareness): a platform's xAPI statements certify who passed the module
// of their role, and nobody else.
func TestRIGHTS_6_XAPIStatementsCertifyWhoPassedAndNothingElse(t *testing.T) {
	const pauline = `{"mbox":"mailto:Pauline@staff.example"}`
	for _, c := range []struct {
		name, body string
		status     int
		opens      bool
	}{
		{"passed", says(pauline, "passed", course, ""), http.StatusOK, true},
		{"passed, with success", says(pauline, "passed", course, `,"result":{"success":true}`), http.StatusOK, true},
		{"by the account's id", says(`{"account":{"homePage":"https://poterne.example/","name":"pauline"}}`, "passed", course, ""), http.StatusOK, true},
		{"completed with success", says(pauline, "completed", course, `,"result":{"success":true}`), http.StatusOK, true},
		{"among others", "[" + says(pauline, "experienced", course, "") + "," + says(pauline, "passed", course, "") + "]", http.StatusOK, true},
		{"completed", says(pauline, "completed", course, ""), http.StatusOK, false},
		{"failed", says(pauline, "failed", course, ""), http.StatusOK, false},
		{"passed without success", says(pauline, "passed", course, `,"result":{"success":false}`), http.StatusOK, false},
		{"another course", says(pauline, "passed", course+"/1", ""), http.StatusOK, false},
		{"the portal's module", says(pauline, "passed", accounts.OwnModule, ""), http.StatusOK, false},
		{"somebody", says(pauline, "passed", course, "")[1:], http.StatusBadRequest, false},
		{"an agent for an activity", strings.Replace(says(pauline, "passed", course, ""), "Activity", "Agent", 1), http.StatusOK, false},
		{"an id of another house", says(`{"account":{"homePage":"https://elsewhere.example","name":"pauline"}}`, "passed", course, ""), http.StatusOK, false},
		{"an id for a mail address", says(`{"mbox":"pauline"}`, "passed", course, ""), http.StatusOK, false},
		{"a year ago", says(pauline, "passed", course, `,"timestamp":"2020-01-01T00:00:00Z"`), http.StatusOK, false},
		{"in the future", says(pauline, "passed", course, `,"timestamp":"2090-01-01T00:00:00Z"`), http.StatusOK, false},
		{"nobody", says(`{"mbox":"mailto:nobody@staff.example"}`, "passed", course, ""), http.StatusOK, false},
		{"no verb", `{"actor":{},"object":{}}`, http.StatusBadRequest, false},
		{"no UUID", strings.Replace(says(pauline, "passed", course, ""), "{", `{"id":"1",`, 1), http.StatusBadRequest, false},
		{"nothing", "[]", http.StatusBadRequest, false},
		{"no JSON", "passed", http.StatusBadRequest, false},
		{"too many", "[" + strings.Repeat("{},", 500) + "{}]", http.StatusBadRequest, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := posted(t)
			answer := tells(t, p.recordStore(), http.MethodPost, statementsPath, c.body, nil)
			if answer.Code != c.status || (p.opens() == policy.Granted) != c.opens {
				t.Errorf("%d %s, and she may: %v", answer.Code, answer.Body, p.opens())
			}
			var ids []string
			if err := json.Unmarshal(answer.Body.Bytes(), &ids); c.status == http.StatusOK && (err != nil || len(ids) != strings.Count(c.body, `"actor"`)) {
				t.Errorf("it answers %s", answer.Body)
			}
		})
	}
}

// Promise: RIGHTS-6 (awareness): whoever does not know the platform's secret certifies nobody.
func TestRIGHTS_6_OnlyThePlatformSpeaksToTheRecordStore(t *testing.T) {
	p := posted(t)
	s := p.recordStore()
	passed := says(`{"mbox":"mailto:pauline@staff.example"}`, "passed", course, "")
	for name, c := range map[string]struct {
		change func(*http.Request)
		status int
	}{
		"nobody":          {func(r *http.Request) { r.Header.Del("Authorization") }, http.StatusUnauthorized},
		"another secret":  {func(r *http.Request) { r.SetBasicAuth(accounts.RecordStoreKey, "s") }, http.StatusUnauthorized},
		"no secret":       {func(r *http.Request) { r.SetBasicAuth(accounts.RecordStoreKey, "") }, http.StatusUnauthorized},
		"another key":     {func(r *http.Request) { r.SetBasicAuth("moodle", string(s.Secret)) }, http.StatusUnauthorized},
		"no version":      {func(r *http.Request) { r.Header.Del("X-Experience-API-Version") }, http.StatusBadRequest},
		"an old version":  {func(r *http.Request) { r.Header.Set("X-Experience-API-Version", "0.95") }, http.StatusBadRequest},
		"a form":          {func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }, http.StatusUnsupportedMediaType},
		"with a file":     {func(r *http.Request) { r.Header.Set("Content-Type", "multipart/mixed; boundary=x") }, http.StatusUnsupportedMediaType},
		"reading":         {func(r *http.Request) { r.Method = http.MethodGet }, http.StatusMethodNotAllowed},
		"another address": {func(r *http.Request) { r.URL.Path = accounts.RecordStorePrefix + "agents/profile" }, http.StatusNotFound},
		"PUT without id":  {func(r *http.Request) { r.Method = http.MethodPut }, http.StatusBadRequest},
	} {
		if answer := tells(t, s, http.MethodPost, statementsPath, passed, c.change); answer.Code != c.status {
			t.Errorf("%s: %d %s", name, answer.Code, answer.Body)
		}
	}
	if unset := (&accounts.RecordStore{Service: s.Service, Log: s.Log, Now: s.Now}); tells(t, unset, http.MethodPost, statementsPath, passed, func(r *http.Request) { r.SetBasicAuth(accounts.RecordStoreKey, "") }).Code != http.StatusUnauthorized {
		t.Error("without a secret everybody speaks to it")
	}
	if p.opens() != policy.NotTrained || len(p.entries(ledger.Certified)) > 0 {
		t.Error("what is refused opens something, or is in the ledger")
	}
	const id = "?statementId=6690e6c9-3ef0-4ed3-8b37-7f3964730bee"
	for range 2 {
		if answer := tells(t, s, http.MethodPut, statementsPath+id, passed, nil); answer.Code != http.StatusNoContent || p.opens() != policy.Granted {
			t.Errorf("PUT: %d %s", answer.Code, answer.Body)
		}
	}
	if made := p.entries(ledger.Certified); len(made) != 1 || made[0].State != ledger.ByPlatform || made[0].Count != 1 {
		t.Errorf("twice the same is written as %+v", made)
	}
	if answer := tells(t, s, http.MethodGet, accounts.RecordStorePrefix+"about", "", func(r *http.Request) { r.Header.Del("Authorization") }); answer.Code != http.StatusOK || !strings.Contains(answer.Body.String(), "1.0.3") {
		t.Errorf("about: %d %s", answer.Code, answer.Body)
	}
}

// A platform tells of all who learn there: of those who are nobody here, nothing is written, however
// often it tells.
//
// Promise: RIGHTS-6 (awareness)
func TestRIGHTS_6_WhoIsNobodyHereFillsNoLedgerByXAPI(t *testing.T) {
	p := posted(t)
	s := p.recordStore()
	strangers := "[" + says(`{"mbox":"mailto:somebody@elsewhere.example"}`, "passed", course, "") + "," + says(`{"mbox":"mailto:lucas@staff.example"}`, "passed", course, "") + "]"
	for range 3 {
		if answer := tells(t, s, http.MethodPost, statementsPath, strangers, nil); answer.Code != http.StatusOK {
			t.Errorf("%d %s", answer.Code, answer.Body)
		}
	}
	if made := p.entries(ledger.Certified); len(made) != 0 {
		t.Errorf("of nobody is written %+v", made)
	}
	with := strangers[:len(strangers)-1] + "," + says(`{"mbox":"mailto:pauline@staff.example"}`, "passed", course, "") + "]"
	if answer := tells(t, s, http.MethodPost, statementsPath, with, nil); answer.Code != http.StatusOK || p.opens() != policy.Granted {
		t.Errorf("with her among them: %d %s", answer.Code, answer.Body)
	}
	if made := p.entries(ledger.Certified); len(made) != 1 || made[0].Count != 1 || made[0].Rejected != 2 {
		t.Errorf("with her among them is written %+v", made)
	}
}
