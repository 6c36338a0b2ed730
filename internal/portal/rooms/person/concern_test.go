package person_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"poterne/internal/fault"
	"poterne/internal/incident"
	"poterne/internal/incident/mailing"
	"poterne/internal/ledger"
	"poterne/internal/ledger/index"
	"poterne/internal/notice"
	"poterne/internal/portal/portaltest"
	"poterne/internal/portal/rooms/desk"
	"poterne/internal/register"
	"poterne/internal/register/lookup"
	"poterne/internal/roster"
	"poterne/internal/store"
)

// theft is a site on which an account was taken over, which was shown the first three people.
type theft struct {
	*portaltest.Site
	t      *testing.T
	people http.Handler
	moved  atomic.Int64 // by how much the clock of people's own pages is ahead
	file   ledger.Number
	list   ledger.Number
}

func stolen(t *testing.T) *theft {
	t.Helper()
	h := &theft{Site: portaltest.Open(t, portaltest.Allowing(40, 40), desk.Settings{}), t: t}
	h.people = h.People(func() time.Time { return time.Now().Add(time.Duration(h.moved.Load())) })
	h.Opens(theo, 1, 2, 3)
	h.Opens(theo, 1)
	h.Opens(portaltest.Camille, 3, 4)
	h.file = h.writes(&incident.Opening{Title: "Compte de Théo", Scope: incident.Scope{Accounts: []roster.AccountID{theo}}})
	return h
}

// writes adds a line to the file.
func (h *theft) writes(step incident.Step) ledger.Number {
	h.t.Helper()
	w := incident.Write{File: h.file, By: claire, Step: step}
	if w.File == 0 {
		w.By = portaltest.Security
	}
	number, err := h.Incidents().Do(h.t.Context(), w)
	if err != nil {
		h.t.Fatalf("%s: %v", step.State(), err)
	}
	return number
}

// counts counts whom the file is about.
func (h *theft) counts() index.Shown {
	h.t.Helper()
	shown, err := h.Index().ShownTo(h.t.Context(), []roster.AccountID{theo}, time.Time{}, time.Time{})
	if err != nil {
		h.t.Fatal(err)
	}
	count := incident.Count{Scope: incident.Scope{Accounts: []roster.AccountID{theo}}, People: shown.People, Disclosures: shown.Disclosures, Last: time.Now(), Before: shown.Before}
	for c, err := range shown.All(h.t.Context()) {
		if err != nil {
			h.t.Fatal(err)
		}
		if count.First.IsZero() || c.First.Before(count.First) {
			count.First = c.First
		}
	}
	h.writes(&count)
	return shown
}

func written() notice.Message {
	return notice.Message{
		Reference: notice.Reference(2026, 1), Controller: portaltest.Controller, First: time.Now(), Last: time.Now(), Shown: register.Name, Held: register.AllFields,
		Harms: []string{"fraud"}, Contained: true, Notified: true,
	}
}

// numbers are a register of which the n-th person has the number n.
type numbers struct{}

func (numbers) People(_ context.Context, refs []register.Ref) (people []register.PersonID, err error) {
	for _, ref := range refs {
		n, err := strconv.Atoi(ref.Value)
		if err != nil {
			return nil, err
		}
		people = append(people, somebody(byte(n)))
	}
	return people, nil
}

// fiveNumbers is the register's list of identifiers.
func fiveNumbers() (*lookup.Column, error) {
	return lookup.NewColumn("register.csv", strings.NewReader("number\n1\n2\n3\n4\n5\n"), "number")
}

// tells has the people of the file told by letter, in the order of their numbers.
func (h *theft) tells() {
	h.t.Helper()
	rows := store.NewMailings(h.DB)
	lister := mailing.Lister{Files: h.Incidents(), Index: h.Index(), Rows: rows, Directory: numbers{}, Scheme: "dossier", Reserved: func(register.PersonID) bool { return false }}
	listed, err := lister.List(h.t.Context(), h.file, claire, portaltest.Security, fiveNumbers, io.Discard, func(int) {})
	if err != nil || listed.Found != 3 {
		h.t.Fatalf("%+v, %v", listed, err)
	}
	h.writes(&incident.Beginning{Message: written()})
	files, err := h.Incidents().Files(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	h.list = files[0].Telling.List
	hold := mailing.Hold{Holder: "test", Now: time.Now(), Until: time.Now().Add(time.Minute)}
	if err := rows.Save(h.t.Context(), h.list, hold, map[int][]byte{0: bytes.Repeat([]byte{byte(mailing.Printed)}, listed.Found)}); err != nil {
		h.t.Fatal(err)
	}
}

// code is the code of the letter to somebody by their place in the list.
func (h *theft) code(in int) string {
	return mailing.NewSender(mailing.Settings{Tag: portaltest.Tag}, mailing.Deps{}).Code(h.list, 0, in)
}

// types types a code without signing in.
func (h *theft) types(path, code string) (int, string) {
	h.t.Helper()
	form := url.Values{"code": {code}}
	r := httptest.NewRequestWithContext(h.t.Context(), http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Accept-Language", "en")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.people.ServeHTTP(w, r)
	if strings.HasPrefix(w.Body.String(), "%PDF") {
		return w.Code, "%PDF"
	}
	return w.Code, portaltest.Read(h.t, w.Body.String())
}

// Each person is answered as the exact list has it, and reads of nobody else. Nobody is
// answered while the file is not open to people.
//
// Promise: PERSON-3
func TestPERSON_3_APersonIsToldWhetherAnIncidentConcernedThem(t *testing.T) {
	h := stolen(t)
	shown := h.counts()
	complaint := fmt.Sprintf("/concerned/%d/complaint", h.file)
	for n := range byte(6) { // before it is public, a file is nothing to anybody
		if code, said := mine(t, h.people, somebody(n), http.MethodGet, "/concerned", nil); code != http.StatusOK || !strings.Contains(said, "No theft of information is known.") {
			t.Errorf("person %d, before: %d %s", n, code, said)
		}
		if code, _ := mine(t, h.people, somebody(n), http.MethodGet, complaint, nil); code != http.StatusNotFound {
			t.Errorf("person %d has a complaint before: %d", n, code)
		}
	}
	h.writes(&incident.Publication{Message: written(), People: shown.People})

	concerned := make(map[register.PersonID]int)
	for c, err := range shown.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		concerned[c.Person] = c.Times
	}
	if len(concerned) != 3 {
		t.Fatalf("the list has %d people", len(concerned))
	}
	var no string
	for n := range byte(30) {
		times, is := concerned[somebody(n)]
		code, said := mine(t, h.people, somebody(n), http.MethodGet, "/concerned", nil)
		if yes := strings.Contains(said, "Yes, you are concerned."); code != http.StatusOK || yes != is || strings.Contains(said, "No, you are not concerned.") == is {
			t.Fatalf("person %d is told %d %q; the list says %v", n, code, said, is)
		}
		how := map[int]string{1: "looked at once by", 2: "looked at 2 times by"}[times]
		if !strings.Contains(said, how) || strings.Contains(said, "Théo") || strings.Contains(said, "people,") {
			t.Errorf("person %d, shown %d times, reads %q", n, times, said)
		}
		if !is && no == "" {
			no = said
		} else if !is && said != no {
			t.Errorf("two people whom it does not concern read two answers: %q and %q", no, said)
		}
		status, file := mine(t, h.people, somebody(n), http.MethodGet, complaint, nil)
		if is != (status == http.StatusOK) || is != strings.HasPrefix(file, "%PDF-1.7") {
			t.Errorf("person %d, whom it concerns or not (%v), and the complaint: %d", n, is, status)
		}
	}
	_, nobodys := mine(t, h.people, somebody(4), http.MethodGet, "/concerned/99999/complaint", nil)
	if _, theirs := mine(t, h.people, somebody(4), http.MethodGet, complaint, nil); theirs != nobodys {
		t.Errorf("a complaint that is not theirs answers %q, one of nothing %q", theirs, nobodys)
	}

	// A file that was altered answers nobody.
	h.Tamper(`drop trigger incident_line_is_not_changed`, `update incident_line set body = cast(replace(cast(body as text), 'theo.marchand', 'camille.aubry') as blob) where what = 'incident-counted'`)
	if code, _ := mine(t, h.people, somebody(4), http.MethodGet, "/concerned", nil); code != http.StatusServiceUnavailable {
		t.Errorf("an altered file answers %d", code)
	}
}

// The code of a letter answers for its person and its incident, for an hour, and says nothing
// else; every other code is one answer.
//
// Promise: PERSON-3
func TestPERSON_3_TheCodeOfALetterAnswersForOnePersonAndOneIncidentOnly(t *testing.T) {
	h := stolen(t)
	h.counts()
	h.tells()
	code, other := h.code(0), h.code(1)
	if code == other || len(strings.ReplaceAll(code, " ", "")) < 16+3 {
		t.Fatalf("the codes %q and %q", code, other)
	}
	_, nothing := h.types("/code", "0000")
	swapped := []byte(strings.ReplaceAll(code, " ", ""))
	swapped[len(swapped)-1] ^= 1
	for name, wrong := range map[string]string{
		"empty": "", "one letter is another": string(swapped), "cut short": code[:len(code)-1], "long": code + "0", "of another list": mailing.NewSender(mailing.Settings{Tag: portaltest.Tag}, mailing.Deps{}).Code(h.list+1, 0, 0),
		"of a place that nobody has":              h.code(3),
		"the head of one and the tail of another": strings.ReplaceAll(code, " ", "")[:8] + strings.ReplaceAll(other, " ", "")[8:], "a number": "1", "very long": strings.Repeat("A", 4000),
		"of another key": mailing.NewSender(mailing.Settings{Tag: func(string) [16]byte { return [16]byte{} }}, mailing.Deps{}).Code(h.list, 0, 0),
	} {
		if status, said := h.types("/code", wrong); status != http.StatusNotFound || said != nothing {
			t.Errorf("a code %s: %d %q", name, status, said)
		}
		if status, _ := h.types("/code/complaint", wrong); status != http.StatusNotFound {
			t.Errorf("a complaint by a code %s: %d", name, status)
		}
	}
	for range 100 { // whoever tries takes nothing from the person
		h.types("/code", string(swapped))
	}
	if n := h.kinds(ledger.CodeTyped); n != 0 {
		t.Errorf("%d codes are written down as typed", n)
	}

	answered := func(said string) bool { return strings.Contains(said, "Yes, you are concerned.") }
	for _, spelling := range []string{code, strings.ToLower(code), strings.NewReplacer(" ", "-", "0", "o", "1", "l").Replace(code)} {
		status, said := h.types("/code", spelling)
		if status != http.StatusOK || !answered(said) || !strings.Contains(said, "looked at 2 times by") {
			t.Fatalf("%q: %d %s", spelling, status, said)
		}
		for _, never := range []string{"Théo", "Adviser", "Sign out", "Ask why"} {
			if strings.Contains(said, never) {
				t.Errorf("the answer says %q: %s", never, said)
			}
		}
	}
	if status, said := h.types("/code/complaint", code); status != http.StatusOK || said != "%PDF" {
		t.Errorf("the complaint: %d", status)
	}
	if n := h.kinds(ledger.CodeTyped); n != 1 {
		t.Errorf("%d entries say that the code was typed", n)
	}
	for _, path := range []string{"/", "/lines.json", "/concerned"} { // it opens nothing else
		w := httptest.NewRecorder()
		h.people.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path+"?code="+url.QueryEscape(code), nil))
		if w.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d", path, w.Code)
		}
	}

	// Within its hour it answers some times, then no more; the other code is as good as before.
	for range 40 {
		h.types("/code", code)
	}
	if status, said := h.types("/code", code); status != http.StatusNotFound || said != nothing {
		t.Errorf("a code that is used too often: %d", status)
	}
	if status, said := h.types("/code", other); status != http.StatusOK || !answered(said) || !strings.Contains(said, "looked at once by") {
		t.Errorf("the other code: %d %s", status, said)
	}
	h.moved.Store(int64(mailing.CodeOpens + time.Minute))
	for _, spent := range []string{code, other} {
		if status, said := h.types("/code", spent); status != http.StatusNotFound || said != nothing {
			t.Errorf("a code that is spent: %d", status)
		}
	}
	h.moved.Store(int64(mailing.CodeLasts + time.Minute))
	if status, _ := h.types("/code", h.code(2)); status != http.StatusNotFound {
		t.Errorf("a code that is too old: %d", status)
	}
	h.moved.Store(0)
	h.Tamper(`update letter_code set typed_us = typed_us + 3600000000`)
	if status, _ := h.types("/code", other); status == http.StatusOK {
		t.Errorf("a spent code whose row was moved on: %d", status)
	}
}

// asksWhetherTrue is what the public page says of a message with a reference.
func (h *theft) asksWhetherTrue(reference string) string {
	h.t.Helper()
	_, raw := h.Goes("", http.MethodGet, "/incident?reference="+url.QueryEscape(reference), nil)
	said := portaltest.Read(h.t, raw)
	for state, sentence := range map[string]string{
		"true": "We have sent messages under the reference " + reference, "begun": "We have begun to send messages under the reference " + reference,
		"announced": reference + " is the reference of an incident that is announced here. No message sent under it is known here yet",
	} {
		if strings.Contains(said, sentence) && !strings.Contains(said, "No message is announced") {
			return state
		}
	}
	if strings.Contains(said, "No message is announced under the reference") {
		return "false"
	}
	return said
}

// Whoever has a true message is told that it is, whether its incident is announced, or not any more.
//
// Promise: TELL-3
func TestTELL_3_ATrueMessageIsTrueOnceItsIncidentIsAnnouncedNoMore(t *testing.T) {
	h := stolen(t)
	reference, other := notice.Reference(2026, 1), notice.Reference(2026, 2)
	is := func(want, when string) {
		t.Helper()
		if got := h.asksWhetherTrue(reference); got != want {
			t.Errorf("%s it is %s, not %s", when, got, want)
		}
		if got := h.asksWhetherTrue(other); got != "false" {
			t.Errorf("%s another is %s", when, got)
		}
	}
	is("false", "before anybody is told")
	people := h.counts().People
	is("false", "once people are counted")
	says := func(sentence string) {
		t.Helper()
		if _, raw := h.Goes("", http.MethodGet, "/incident", nil); !strings.Contains(portaltest.Read(t, raw), sentence) {
			t.Errorf("the page does not say %q: %s", sentence, portaltest.Read(t, raw))
		}
	}
	publish := &incident.Publication{Message: written(), People: people}
	h.writes(publish)
	is("announced", "once it is published")
	says("No message sent to the people is known here yet.")
	h.tells()
	is("begun", "while people are told")
	says("and not all have left.")
	h.writes(new(incident.Pause))
	is("begun", "while that is paused")
	h.writes(&incident.Ending{People: people, Mailed: 1, Lettered: 1, Untold: people - 2})
	is("true", "once they were told")
	says(fmt.Sprintf("to 2 people of %d.", people))
	h.writes(&incident.Withdrawal{Because: "a figure is wrong"})
	is("true", "after the page was taken away")
}

// Whom one file told by letter is not told again by the one that it was merged into; the code of
// the letter leads there, and so does the reference.
//
// Promises: TELL-4, PERSON-3
func TestTELL_4_AfterAMergingNobodyIsToldAgainAndLettersLeadToTheFileThatGoesOn(t *testing.T) {
	h := stolen(t)
	h.counts()
	h.tells()
	files, code, from := h.Incidents(), h.code(2), h.file
	into, err := files.Do(t.Context(), incident.Write{By: portaltest.Security, Step: &incident.Opening{Title: "Compte de Camille", Scope: incident.Scope{Accounts: []roster.AccountID{portaltest.Camille}}}})
	if err != nil {
		t.Fatal(err)
	}
	proposes := func() error {
		_, err := files.Do(t.Context(), incident.Write{File: from, By: claire, Step: &incident.MergeProposal{Into: into, Because: "the same address"}})
		return err
	}
	if err := proposes(); !fault.Is(err, fault.Refused) { // people are being told
		t.Fatalf("while a sending runs: %v", err)
	}
	h.writes(new(incident.Pause))
	if err := proposes(); !fault.Is(err, fault.Refused) {
		t.Fatalf("while a sending is paused: %v", err)
	}
	h.writes(&incident.Ending{People: 3, Lettered: 3})
	settles := incident.Write{File: from, By: claire, Step: &incident.Settlement{Because: "no line in the log"}}
	if _, err := files.Do(t.Context(), settles); !fault.Is(err, fault.Refused) { // what became of each was sealed
		t.Errorf("mails are settled after the end: %v", err)
	}
	if err := proposes(); err != nil {
		t.Fatal(err)
	}
	scopes := []incident.Scope{{Accounts: []roster.AccountID{portaltest.Camille}}, {Accounts: []roster.AccountID{theo}}}
	questions := mailing.Questions(scopes)
	shown, err := h.Index().ShownToAny(t.Context(), questions[0], questions[1])
	if err != nil || shown.People != 4 {
		t.Fatalf("%d people, %v", shown.People, err)
	}
	merge := incident.Merge{File: from, Into: into, By: portaltest.Security, Reference: notice.Reference(2026, 2), Count: incident.Count{Scope: scopes[0], Also: scopes[1:], People: shown.People, Before: shown.Before, First: time.Now().Add(-time.Hour), Last: time.Now()}}
	short := merge
	short.Count.Also = nil
	if err := files.Merge(t.Context(), short); !fault.Is(err, fault.Refused) {
		t.Fatalf("with a count of one of both: %v", err)
	}
	if err := files.Merge(t.Context(), merge); err != nil {
		t.Fatal(err)
	}
	all, err := files.Files(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if err := files.Check(t.Context(), f); err != nil {
			t.Errorf("file %d: %v", f.Number, err)
		}
	}
	if err := proposes(); !fault.Is(err, fault.Refused) { // it takes no more lines
		t.Errorf("a file that was merged: %v", err)
	}

	if got := h.asksWhetherTrue(notice.Reference(2026, 1)); got != "true" {
		t.Errorf("a message of the file that was merged is %s", got)
	}
	status, said := h.types("/code", code)
	if status != http.StatusOK || !strings.Contains(said, "Yes, you are concerned.") || !strings.Contains(said, "looked at 2 times by") || !strings.Contains(said, "another reference, of an incident that is now part of this one: "+notice.Reference(2026, 1)) {
		t.Errorf("the code of a letter of the file that was merged: %d %s", status, said)
	}
	if code, said := mine(t, h.people, somebody(4), http.MethodGet, "/concerned", nil); code != http.StatusOK || strings.Count(said, "Yes, you are concerned.") != 1 || !strings.Contains(said, notice.Reference(2026, 2)) {
		t.Errorf("somebody of the other file: %d %s", code, said)
	}
	if status, _ := mine(t, h.people, somebody(1), http.MethodGet, fmt.Sprintf("/concerned/%d/complaint", from), nil); status != http.StatusOK {
		t.Errorf("a complaint from a page that was open before: %d", status)
	}

	rows := store.NewMailings(h.DB)
	lister := mailing.Lister{Files: files, Index: h.Index(), Rows: rows, Directory: numbers{}, Scheme: "dossier", Reserved: func(register.PersonID) bool { return false }}
	listed, err := lister.List(t.Context(), into, claire, portaltest.Security, fiveNumbers, io.Discard, func(int) {})
	if err != nil || listed.Found != 1 || listed.Missing != 0 {
		t.Fatalf("of four, three were told: %+v, %v", listed, err)
	}
}

// kinds counts the entries of a kind.
func (h *theft) kinds(kind ledger.Kind) (n int) {
	h.t.Helper()
	for e, err := range store.NewLedger(h.DB).Entries(h.t.Context(), 0) {
		if err != nil {
			h.t.Fatal(err)
		}
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// More people than are looked for at once are listed all the same, each once. A list of
// identifiers that can be read only once is refused before anybody is named.
//
// Promise: TELL-4
func TestTELL_4_ALongListIsMadeInPortionsAndNamesNobodyWhenItCannotBe(t *testing.T) {
	h := stolen(t)
	h.counts()
	named := h.kinds(ledger.Filed)
	rows := store.NewMailings(h.DB)
	lister := mailing.Lister{Files: h.Incidents(), Index: h.Index(), Rows: rows, Directory: numbers{}, Scheme: "dossier", Reserved: func(register.PersonID) bool { return false }, Portion: 2}
	errOnce := errors.New("it can be read once")
	read := 0
	once := func() (*lookup.Column, error) {
		if read++; read > 1 {
			return nil, errOnce
		}
		return fiveNumbers()
	}
	if _, err := lister.List(t.Context(), h.file, claire, portaltest.Security, once, io.Discard, func(int) {}); !errors.Is(err, errOnce) {
		t.Errorf("a list that can be read once: %v", err)
	}
	if h.kinds(ledger.Filed) != named {
		t.Error("it was written that people are named, and nobody was")
	}
	var missing strings.Builder
	lastTwo := func() (*lookup.Column, error) {
		return lookup.NewColumn("register.csv", strings.NewReader("number\n2\n3\n2\n"), "number")
	}
	listed, err := lister.List(t.Context(), h.file, claire, portaltest.Security, lastTwo, &missing, func(int) {})
	if err != nil || listed.Found != 2 || listed.Missing != 1 || missing.String() != "person\n"+somebody(1).Hex()+"\n" {
		t.Errorf("of three people the register has two: %+v, %v; missing: %s", listed, err, missing.String())
	}
	h.writes(&incident.Beginning{Message: written()})
	files, err := h.Incidents().Files(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	people := 0
	for fates, err := range rows.Fates(t.Context(), files[0].Telling.List) {
		if err != nil {
			t.Fatal(err)
		}
		people += len(fates)
	}
	if people != 2 {
		t.Errorf("%d people are on the list", people)
	}
}
