package portal_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"poterne/internal/fault"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/portal"
	"poterne/internal/portal/portaltest"
	"poterne/internal/roster"
	"poterne/internal/signin"
)

// stopped is the page of somebody who asked for a file and was stopped.
func stopped(t *testing.T, service roster.ServiceID, ruling policy.Ruling) *html.Node {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/dossier/files/4711?view=notes", nil)
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Accept-Language", "en")
	answer := httptest.NewRecorder()
	portaltest.NewStage().Pages.Stops().Refused(answer, r, portal.Refusal{Service: service, Receipt: 48213, Ruling: ruling})
	if answer.Code != http.StatusForbidden {
		t.Fatalf("status %d", answer.Code)
	}
	page, err := html.Parse(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return portaltest.All(page, "main")[0]
}

// Promises: METER-1, METER-7
func TestMETER_7_TheStoppedPageHasOneWayOn(t *testing.T) {
	three := policy.Ruling{Counted: meter.People(3), Limit: meter.People(3)}
	as := func(verdict policy.Verdict, why policy.Why) policy.Ruling {
		ruling := three
		ruling.Verdict, ruling.Why = verdict, why
		return ruling
	}
	stepUp := "POST /.poterne/step-up return=/dossier/files/4711?view=notes"
	for name, test := range map[string]struct {
		service roster.ServiceID
		ruling  policy.Ruling
		want    string // the one button that stands out
		says    string
	}{
		"the hour's allowance is empty":             {"dossier", as(policy.AskStepUp, policy.ShortEmpty), stepUp, "Confirm that it is you"},
		"a part would need a step-up":               {"dossier", as(policy.Refused, policy.ShortEmpty), stepUp, "Confirm that it is you"},
		"the hour's allowance is closed":            {"dossier", policy.Ruling{Verdict: policy.AskStepUp, Why: policy.ShortEmpty}, "GET /", "The limit is 0, and this opening would pass it."},
		"a canary was listed":                       {"dossier", as(policy.AskStepUp, policy.CanaryListed), stepUp, "Confirm that it is you"},
		"the pace is reached":                       {"dossier", as(policy.AskStepUp, policy.PaceReached), stepUp, "Writing in a file"},
		"the 28 days' allowance is empty":           {"dossier", as(policy.AskCosign, policy.LongEmpty), "GET /dossier/files/4711?view=notes", "Give them the number below; signing takes a minute."},
		"a part would need a signature":             {"dossier", as(policy.Refused, policy.LongEmpty), "GET /dossier/files/4711?view=notes", "Give them the number below"},
		"a doubt, where there is a search":          {"dossier", as(policy.AskIdentity, policy.Doubted), "GET /dossier/search", "by name and date of birth"},
		"a doubt, where there is none":              {"kairos", as(policy.AskIdentity, policy.Doubted), "GET /", "by name and date of birth"},
		"frozen before":                             {"dossier", as(policy.Withheld, policy.Frozen), "GET /", "people already seen stay open"},
		"frozen now":                                {"dossier", as(policy.Freeze, policy.Enumerating), "GET /", "people you have already seen stay open"},
		"what the organisation may open is used up": {"dossier", as(policy.Refused, policy.OrganisationEmpty), "GET /", "looking into it"},
		"nobody there":                              {"dossier", policy.Ruling{Verdict: policy.Refused, Why: policy.NobodyKnown}, "GET /", "Check the reference."},
	} {
		t.Run(name, func(t *testing.T) {
			page := stopped(t, test.service, test.ruling)
			var ways []string
			for _, n := range portaltest.All(page, "a", "button") {
				if !slices.Contains(strings.Fields(portaltest.Attr(n, "class")), "main") {
					continue
				}
				if n.Data == "a" {
					ways = append(ways, "GET "+portaltest.Attr(n, "href"))
					continue
				}
				form := n.Parent
				for form.Data != "form" {
					form = form.Parent
				}
				way := strings.ToUpper(portaltest.Attr(form, "method")) + " " + portaltest.Attr(form, "action")
				for _, field := range portaltest.All(form, "input") {
					way += " " + portaltest.Attr(field, "name") + "=" + portaltest.Attr(field, "value")
				}
				ways = append(ways, way)
			}
			if !slices.Equal(ways, []string{test.want}) {
				t.Errorf("the page leads to %q, want %q alone", ways, test.want)
			}
			if said := portaltest.Text(page); !strings.Contains(said, test.says) || !strings.Contains(said, "48213") {
				t.Errorf("the page says %s", said)
			}
		})
	}
}

func TestOnlyWhoMayWaitIsToldUntilWhen(t *testing.T) {
	for why, want := range map[policy.Why]bool{
		policy.ShortEmpty: true, policy.LongEmpty: true, policy.WallReached: true, policy.RegisterEmpty: true,
		policy.Enumerating: false, policy.Drifting: false, policy.CanaryOpened: false, policy.Doubted: false,
	} {
		ruling := policy.Ruling{Verdict: policy.Withheld, Why: why, Counted: meter.People(3), Limit: meter.People(3), Again: portaltest.Now.Add(time.Hour)}
		told := len(portaltest.All(stopped(t, "dossier", ruling), "time")) > 0
		if told != want {
			t.Errorf("%v: told when there is room again: %v, not %v", why, told, want)
		}
	}
}

// A programme is told no way that it cannot go: it is to slow down, and until when.
func TestAScriptIsToldWhatOpensTheWay(t *testing.T) {
	pace := policy.Ruling{Verdict: policy.AskStepUp, Why: policy.PaceReached, Counted: meter.People(120), Limit: meter.People(120), Again: portaltest.Now.Add(time.Hour)}
	ever := pace
	ever.Again = time.Time{}
	for name, test := range map[string]struct {
		ruling    policy.Ruling
		want      map[string]any
		programme bool
	}{
		"a step-up":               {policy.Ruling{Verdict: policy.AskStepUp, Why: policy.ShortEmpty, Limit: meter.People(3)}, map[string]any{"kind": "step-up", "method": "POST", "address": "/.poterne/step-up"}, false},
		"a co-signature":          {policy.Ruling{Verdict: policy.AskCosign, Why: policy.LongEmpty}, map[string]any{"kind": "cosign"}, false},
		"an identity":             {policy.Ruling{Verdict: policy.AskIdentity, Why: policy.Doubted}, map[string]any{"kind": "identity", "method": "GET", "address": "/dossier/search"}, false},
		"nothing":                 {policy.Ruling{Verdict: policy.Withheld, Why: policy.Frozen}, nil, false},
		"a person's pace":         {pace, map[string]any{"kind": "step-up", "method": "POST", "address": "/.poterne/step-up"}, false},
		"a programme's pace":      {pace, map[string]any{"kind": "slow", "until": portaltest.Now.Add(time.Hour).UTC().Format(time.RFC3339)}, true},
		"and nobody knows when":   {ever, map[string]any{"kind": "slow"}, true},
		"a programme's signature": {policy.Ruling{Verdict: policy.AskCosign, Why: policy.LongEmpty}, map[string]any{"kind": "cosign"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/dossier/api/files/4711", nil)
			r.Header.Set("Accept", "application/json")
			answer := httptest.NewRecorder()
			portaltest.NewStage().Pages.Stops().Refused(answer, r, portal.Refusal{Service: "dossier", Receipt: 12, Ruling: test.ruling, Programme: test.programme})
			var said struct {
				Detail  string         `json:"detail"`
				Receipt string         `json:"receipt"`
				Ask     map[string]any `json:"ask"`
			}
			if err := json.Unmarshal(answer.Body.Bytes(), &said); err != nil || said.Receipt != "12" {
				t.Fatal(err, said.Receipt)
			}
			if len(said.Ask) != len(test.want) {
				t.Fatalf("the script is told %v, want %v", said.Ask, test.want)
			}
			for key, want := range test.want {
				if said.Ask[key] != want {
					t.Errorf("%s is %v, want %v", key, said.Ask[key], want)
				}
			}
			slow := test.want["kind"] == "slow"
			if slow != strings.Contains(said.Detail, "120 personnes\u202f: la limite est de 120") || slow && strings.Contains(said.Detail, "c’est bien vous") {
				t.Errorf("it says %s", said.Detail)
			}
			if later := answer.Header().Get("Retry-After"); (later != "") != (test.want["until"] != nil) {
				t.Errorf("it is told to come back at %q", later)
			}
		})
	}
}

func TestWhoSentAFormComesBackToItsPage(t *testing.T) {
	for name, test := range map[string]struct{ method, referer, want string }{
		"a page":                          {http.MethodGet, "http://poterne.example/dossier/", "/dossier/files/1"},
		"a form":                          {http.MethodPost, "http://poterne.example/dossier/files/1/edit?part=2", "/dossier/files/1/edit?part=2"},
		"a form of another site":          {http.MethodPost, "http://else.example/dossier/", "/"},
		"a form of nobody knows where":    {http.MethodPost, "", "/"},
		"a form of an address of no kind": {http.MethodPost, "http://poterne.example:%", "/"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(test.method, "http://poterne.example/dossier/files/1", nil)
			r.RequestURI = "/dossier/files/1"
			r.URL.Scheme, r.URL.Host = "", "" // as a server has it
			r.Header.Set("Referer", test.referer)
			r.Header.Set("Accept", "text/html")
			answer := httptest.NewRecorder()
			ruling := policy.Ruling{Verdict: policy.AskStepUp, Why: policy.ShortEmpty, Counted: meter.People(3), Limit: meter.People(3)}
			portaltest.NewStage().Pages.Stops().Refused(answer, r, portal.Refusal{Service: "dossier", Ruling: ruling})
			var got string
			for _, field := range portaltest.All(portaltest.All(portaltest.Parse(t, answer.Body.String()), "main")[0], "input") {
				if portaltest.Attr(field, "name") == "return" {
					got = portaltest.Attr(field, "value")
				}
			}
			if got != test.want {
				t.Errorf("comes back to %q, want %q", got, test.want)
			}
		})
	}
}

// failing is every failure of an application.
var failing = []policy.Why{
	policy.NotAnswered, policy.NotInTime, policy.AnsweredError, policy.AnsweredLater, policy.AnsweredNo, policy.AnsweredAbsent,
	policy.NotConfirmed, policy.OtherSite, policy.TooMuchAtOnce,
}

// Whoever is stopped reads the true cause, each in its own words: not that the ledger
// could not be written when it was the application that was slow.
func TestEachFailureIsSaidByItsOwnSentence(t *testing.T) {
	for _, language := range []string{"fr", "en"} {
		said := make(map[string]string)
		failed := func(kind fault.Kind, why policy.Why, method string) string {
			r := httptest.NewRequest(method, "/dossier/files/4711", nil)
			r.Header.Set("Accept", "text/html")
			r.Header.Set("Accept-Language", language)
			answer := httptest.NewRecorder()
			portaltest.NewStage().Pages.Stops().Failed(answer, r, kind, why)
			page, err := html.Parse(answer.Body)
			if err != nil {
				t.Fatal(err)
			}
			return portaltest.Text(portaltest.All(page, "main")[0])
		}
		for _, why := range append([]policy.Why{policy.Granted}, failing...) {
			sentence := failed(fault.Unavailable, why, http.MethodGet)
			if other, twice := said[sentence]; twice {
				t.Errorf("%v and %s say the same: %s", why, other, sentence)
			}
			if ledger := strings.Contains(sentence, "ledger") || strings.Contains(sentence, "grand livre"); ledger != (why == policy.Granted) {
				t.Errorf("%v: %s", why, sentence)
			}
			said[sentence] = why.String()
		}
		kept := map[string]string{"fr": "rien n’a été compté", "en": "nothing was counted"}[language]
		if said := failed(fault.Invalid, policy.AnsweredNo, http.MethodPost); strings.Contains(said, kept) {
			t.Errorf("a change that was written and charged, and then refused by the application: %s", said)
		}
		if said := failed(fault.Invalid, policy.AnsweredError, http.MethodGet); !strings.Contains(said, kept) {
			t.Errorf("a page that was only asked for: %s", said)
		}
	}
}

// What a form sent while the session waited for a proof is in the page that gives it, and goes
// out again from there; a script and a page that is only read go by other ways.
func TestENTRY_9_WhatAFormSentBeforeAProofIsKept(t *testing.T) {
	pages := portal.NewPages(portal.Settings{})
	unproven := &fault.Error{Kind: fault.Anonymous, Err: signin.ErrUnproven}
	sends := func(method, kind, accept, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "/kairos/notes?page=2", strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		pages.Stops().SignIn(w, r, unproven)
		return w
	}
	read := sends(http.MethodGet, "", "text/html", "")
	if got := read.Header().Get("Location"); read.Code != http.StatusSeeOther || got != "/.poterne/proof?return=%2Fkairos%2Fnotes%3Fpage%3D2" {
		t.Errorf("a page that is read: %d to %s", read.Code, got)
	}
	sent := sends(http.MethodPost, "application/x-www-form-urlencoded", "text/html", "note=l%27an+%3Cb%3E&to=a&to=b").Body.String()
	for _, want := range []string{
		`method="post" action="/kairos/notes?page=2"`, `name="note" value="l&#39;an &lt;b&gt;"`, `name="to" value="a"`, `name="to" value="b"`,
	} {
		if !strings.Contains(sent, want) {
			t.Errorf("the page has no %s:\n%s", want, sent)
		}
	}
	if file := sends(http.MethodPost, "multipart/form-data; boundary=x", "text/html", "--x--").Body.String(); strings.Contains(file, "<input") && strings.Contains(file, `method="post" action="/kairos`) || !strings.Contains(file, "data-stays") {
		t.Errorf("a file that was sent:\n%s", file)
	}
	if script := sends(http.MethodPost, "application/json", "application/json", "{}"); script.Code != http.StatusUnauthorized || !strings.Contains(script.Header().Get("Content-Type"), "json") {
		t.Errorf("a script: %d %s", script.Code, script.Header())
	}
}

// Whoever did nothing for a while is asked for one confirmation on the way to the page that they
// asked for; what a form sent is said not to be kept; neither page says whose session it is.
func TestENTRY_9_WhoDidNothingForAWhileIsAskedForOneConfirmation(t *testing.T) {
	pages := portal.NewPages(portal.Settings{})
	sends := func(method, accept string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "/kairos/notes?page=2", nil)
		r.Header.Set("Accept", accept)
		r.Header.Set("Accept-Language", "en")
		w := httptest.NewRecorder()
		pages.Stops().SignIn(w, r, &fault.Error{Kind: fault.Anonymous, Err: signin.ErrLocked})
		return w
	}
	if read := sends(http.MethodGet, "text/html"); read.Code != http.StatusSeeOther || read.Header().Get("Location") != "/.poterne/unlock?return=%2Fkairos%2Fnotes%3Fpage%3D2" {
		t.Errorf("a page: %d to %s", read.Code, read.Header().Get("Location"))
	}
	if sent := sends(http.MethodPost, "text/html"); sent.Code != http.StatusUnauthorized || !strings.Contains(sent.Body.String(), `href="/.poterne/unlock"`) || !strings.Contains(sent.Body.String(), "send it again") {
		t.Errorf("a form: %d %s", sent.Code, sent.Body)
	}
	if script := sends(http.MethodGet, "application/json"); script.Code != http.StatusUnauthorized || !strings.Contains(script.Header().Get("Content-Type"), "json") {
		t.Errorf("a script: %d %s", script.Code, script.Header())
	}
	w := httptest.NewRecorder()
	pages.Passkey(w, httptest.NewRequest(http.MethodGet, "/.poterne/unlock", nil), signin.Asked{For: signin.ToGoOn, Action: signin.UnlockPath, Return: "/kairos/notes?page=2"})
	for _, want := range []string{`data-passkey="get"`, `action="/.poterne/unlock"`, `href="/.poterne/begin?return=%2fkairos%2fnotes%3fpage%3d2"`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the page has no %s: %s", want, w.Body)
		}
	}
}
