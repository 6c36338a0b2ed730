package incident_test

import (
	"archive/zip"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"golang.org/x/mod/sumdb/note"

	"poterne/internal/fault"
	"poterne/internal/glossary"
	"poterne/internal/incident"
	"poterne/internal/incident/evidence"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/notice"
	"poterne/internal/order"
	"poterne/internal/portal/portaltest"
	"poterne/internal/portal/rooms/desk"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

const (
	theo     = portaltest.Theo
	jeanne   = portaltest.Jeanne
	security = portaltest.Security
	officer  = roster.AccountID("claire.noir")
)

// stolen is a house in which an account was shown two people without a reason and one with.
func stolen(t *testing.T) *portaltest.Site {
	t.Helper()
	h := portaltest.Open(t, portaltest.Allowing(3, 20), desk.Settings{})
	own := reason.Fact{
		Kind: reason.Caseload, Account: theo, Person: register.PersonID{1, 9}, Source: "agenda", ID: "9", From: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour),
	}
	if err := storetest.TakeFacts(t, h.DB, "agenda", own); err != nil {
		t.Fatal(err)
	}
	h.Opens(theo, 1)
	h.Opens(theo, 2)
	h.Opens(theo, 9)
	h.Opens(theo, 9)
	return h
}

// opened opens a file about the account, and returns its address.
func opened(t *testing.T, h *portaltest.Site) string {
	t.Helper()
	answer, raw := h.Goes(security, http.MethodPost, "/incidents", url.Values{"title": {"Kairos, compte de Théo"}, "accounts": {string(theo)}})
	at := answer.Header.Get("Location")
	if answer.StatusCode != http.StatusSeeOther || !regexp.MustCompile(`^/incidents/[0-9]+$`).MatchString(at) {
		t.Fatalf("%s to %q: %s", answer.Status, at, portaltest.Read(t, raw))
	}
	return at
}

// does sends a form, which must be taken.
func does(t *testing.T, h *portaltest.Site, who roster.AccountID, path string, form url.Values) {
	t.Helper()
	if answer, raw := h.Goes(who, http.MethodPost, path, form); answer.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s: %s: %s", path, answer.Status, portaltest.Read(t, raw))
	}
}

func says(t *testing.T, h *portaltest.Site, who roster.AccountID, path string, want ...string) string {
	t.Helper()
	answer, raw := h.Goes(who, http.MethodGet, path, nil)
	said := portaltest.Read(t, raw)
	for _, w := range want {
		if answer.StatusCode != http.StatusOK || !strings.Contains(said, w) {
			t.Errorf("%s, %s, does not say %q: %s", path, answer.Status, w, said)
		}
	}
	return said
}

func local(at time.Time) string { return at.In(time.UTC).Format("2006-01-02T15:04:05") }

// Promises: TELL-1, LEDGER-7
func TestTELL_1_AFileKeepsTimeAndCountsWhatTheLedgerSays(t *testing.T) {
	h := stolen(t)
	at := opened(t, h)
	says(t, h, officer, at, "The people have not been counted yet.", "1 account has not been stopped.")
	aware := time.Now().Add(-30 * time.Minute)
	does(t, h, officer, at+"/aware", url.Values{"at": {local(aware)}, "from": {"ourselves"}, "aware-because": {"an alert"}})
	does(t, h, officer, at+"/count", nil)
	said := says(t, h, officer, at, "2 people concerned without a reason , 1 with a reason to be checked.", "Early warning to ANSSI (24 hours)", "Initial notice to the CNIL (72 hours)", "71 h 2", "sets awareness", "has people counted: 3 people, 2 of them without a reason")
	if strings.Contains(said, "late") {
		t.Errorf("something is late: %s", said)
	}
	does(t, h, officer, at+"/aware", url.Values{"at": {local(time.Now().Add(-80 * time.Hour))}, "from": {"press"}, "aware-because": {"it was in the paper before"}})
	says(t, h, officer, at, "8 h 00 min late", "an alert", "it was in the paper before") // the old value stays in the journal
	for _, wrong := range []url.Values{
		{"at": {local(time.Now().Add(time.Hour))}, "from": {"press"}, "aware-because": {"x"}},
		{"at": {""}, "from": {"press"}, "aware-because": {"x"}},
		{"at": {local(aware)}, "from": {"nobody"}, "aware-because": {"x"}},
		{"at": {local(aware)}, "from": {"press"}, "aware-because": {" "}},
	} {
		if answer, _ := h.Goes(officer, http.MethodPost, at+"/aware", wrong); answer.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%v is taken: %s", wrong, answer.Status)
		}
	}
	says(t, h, officer, "/incidents", "1 open file.", "Kairos, compte de Théo")
}

func TestTheListIsOfExactlyThesePeopleWithAndWithoutAReason(t *testing.T) {
	h := stolen(t)
	at := opened(t, h)
	does(t, h, officer, at+"/count", nil)
	answer, raw := h.Goes(officer, http.MethodPost, at+"/list", nil)
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", answer.Status, raw)
	}
	list := ""
	for name, body := range portaltest.Unpack(t, raw) {
		if strings.HasSuffix(name, ".csv") {
			list = body
		}
	}
	for person, reason := range map[byte]string{1: "none,1,", 2: "none,1,", 9: "known,2,"} {
		if !strings.Contains(list, (register.PersonID{1, person}).Hex()+",name,"+reason) {
			t.Errorf("person %d is not there as %q:\n%s", person, reason, list)
		}
	}
	if n := strings.Count(list, "\n"); n != 4 {
		t.Errorf("the list has %d lines:\n%s", n, list)
	}
}

// Promises: TELL-2, TELL-3
func TestTELL_2_ANoticeIsFilledFromTheLedgerAndACompleteOneWaitsForWhatIsMissing(t *testing.T) {
	h := stolen(t)
	at := opened(t, h)
	h.Places(order.Order{Effect: order.Suspended, Reach: order.Account, Target: string(theo), By: string(security), Because: "vol"})
	does(t, h, officer, at+"/aware", url.Values{"at": {local(time.Now().Add(-time.Hour))}, "from": {"ourselves"}, "aware-because": {"an alert"}})
	does(t, h, officer, at+"/count", nil)
	cnil := at + "/notices/cnil"
	says(t, h, officer, cnil, "3 distinct people, exactly", "of whom 2 were looked up without a reason", "Civil status: surname, first names: 3 people", "4 consultations of a person’s file",
		"No: each of the accounts has been stopped.", "What happened, in detail", "Agence du registre de Valbourg", "An initial notice may go out with what is known.")
	says(t, h, officer, at+"/message", "2 parts are missing", "the possible consequences", "that the CNIL was told")

	sent := url.Values{"stage": {"complete"}, "sent": {local(time.Now().Add(-time.Minute))}, "number": {"FR-118"}}
	if answer, raw := h.Goes(officer, http.MethodPost, cnil+"/sent", sent); answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(portaltest.Read(t, raw), "A complete notice does not go out while a field is missing.") {
		t.Errorf("a complete one that lacks fields: %s", answer.Status)
	}
	answers := url.Values{
		"nature": {"confidentiality"}, "harms": {"fraud", "control"}, "severity": {"limited"}, "origin.unknown": {"not-yet"},
		"description": {"Un compte a été pris.\nIl a servi une heure."},
	}
	does(t, h, officer, cnil, answers)
	said := says(t, h, officer, cnil, "Loss of confidentiality", "Fraud, swindles, targeted phishing", "Il a servi une heure.", "Not known yet.")
	if strings.Contains(said, "Missing: What happened, in detail") {
		t.Error("what was answered is missing")
	}
	answers.Set("description", "")
	answers.Del("severity")
	does(t, h, officer, cnil, answers) // an answer can be taken back
	says(t, h, officer, cnil, "What happened, in detail To be filled in.")
	answers.Set("description", "Un compte a été pris.")
	does(t, h, officer, cnil, answers)
	sent.Set("stage", "initial")
	does(t, h, officer, cnil+"/sent", sent)
	says(t, h, officer, at, "Initial notice, sent ", "sent: Notice to the data-protection authority (CNIL), Initial notice", "number FR-118")
	says(t, h, officer, cnil+"?stage=complete", "Follows notice FR-118")
	says(t, h, officer, at+"/message", "Agence du registre de Valbourg is writing to you", "your surname and first names", "That account has been stopped.", "01 99 00 10 12", "In plain English", "Easy to read: a draft", "For the press", "people are concerned. This figure is exact")
	// The EDPB's form has what was answered in the CNIL's, and asks what follows from it.
	edpb := at + "/notices/edpb"
	if said := says(t, h, officer, edpb, "Were the data taken or disclosed?", "Un compte a été pris.", "by ourselves"); strings.Contains(said, "Type of integrity breach") {
		t.Error("it asks how the data were altered, which they were not")
	}
	does(t, h, officer, edpb, url.Values{"nature": {"confidentiality"}, "taken": {"likely"}, "altered": {"final"}, "description": {"Un compte a été pris."}})
	if _, raw := h.Goes(officer, http.MethodGet, edpb+"/json", nil); !strings.Contains(raw, `"taken":{"values":["likely"]}`) || strings.Contains(raw, `"altered"`+":{") {
		t.Errorf("the JSON is %s", raw)
	}
	if _, raw := h.Goes(officer, http.MethodGet, edpb+"/pdf", nil); !strings.HasPrefix(raw, "%PDF-1.7") {
		t.Errorf("the PDF is %.20q", raw)
	}
	for ending, begins := range map[string]string{"pdf": "%PDF-1.7", "json": `{"form":"cnil","stage":"initial","facts":{"reference":"`} {
		if answer, raw := h.Goes(officer, http.MethodGet, cnil+"/"+ending, nil); answer.StatusCode != http.StatusOK || !strings.HasPrefix(raw, begins) {
			t.Errorf("%s: %s, %.80q", ending, answer.Status, raw)
		}
	}
}

// Promise: TELL-5
func TestTELL_5_TheEvidenceIsVerifiedByItselfAndEveryFlippedByteIsFound(t *testing.T) {
	h := stolen(t)
	at := opened(t, h)
	h.Places(order.Order{Effect: order.Suspended, Reach: order.Account, Target: string(theo), By: string(security), Because: "vol"})
	does(t, h, officer, at+"/count", nil)
	does(t, h, officer, at+"/decide", url.Values{"what": {"to wait"}, "decide-because": {"one more account"}})
	answer, raw := h.Goes(officer, http.MethodPost, at+"/evidence", nil)
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %.300s", answer.Status, raw)
	}
	bundle := []byte(raw)
	r, err := evidence.Verify(bundle, h.Verifier)
	if err != nil || r.Lines != 3 || r.Disclosures != 4 || r.WithNone != 2 || r.Orders != 1 || r.Entries != 8 || !strings.HasPrefix(r.Reference, "2026-001-") {
		t.Fatalf("it proves %+v, %v", r, err)
	}
	found, tried, whole := 0, 0, portaltest.Unpack(t, raw)
	for i := 0; i < len(bundle); i += 5 {
		tried++
		changed := bytes.Clone(bundle)
		changed[i] ^= 1
		if said, err := evidence.Verify(changed, h.Verifier); err != nil || said.Manifest != r.Manifest {
			found++
		} else if !maps.Equal(portaltest.Unpack(t, string(changed)), whole) {
			t.Fatalf("byte %d of %d changes a file, and nobody sees it", i, len(bundle))
		}
	}
	if found < tried/2 {
		t.Errorf("of %d bytes, %d are seen to be flipped", tried, found)
	}
	_, key, err := note.GenerateKey(rand.Reader, "other.example/ledger")
	if err != nil {
		t.Fatal(err)
	}
	strange, err := note.NewVerifier(key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := evidence.Verify(bundle, strange); err == nil {
		t.Error("it is taken under another key")
	}
}

// The evidence is sealed for whoever receives it, before it leaves: their secret key opens it, and
// it is verified as ever. What is no public key, or is the secret one, is told, shown to nobody
// again, and hands over nothing.
//
// Promise: TELL-5
func TestTELL_5_TheEvidenceIsSealedForItsReader(t *testing.T) {
	h := stolen(t)
	at := opened(t, h)
	reader, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	second, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	quantum, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	keys := reader.Recipient().String() + " " + second.Recipient().String()
	answer, raw := h.Goes(officer, http.MethodPost, at+"/evidence", url.Values{"reader": {keys}})
	if answer.StatusCode != http.StatusOK || !strings.Contains(answer.Header.Get("Content-Disposition"), `-evidence.zip.age"`) || strings.Contains(raw, "PK\x03\x04") {
		t.Fatalf("%s, %q: %.100q", answer.Status, answer.Header.Get("Content-Disposition"), raw)
	}
	for _, opens := range []age.Identity{reader, second} {
		clear, err := age.Decrypt(strings.NewReader(raw), opens)
		if err != nil {
			t.Fatal(err)
		}
		bundle, err := io.ReadAll(clear)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := evidence.Verify(bundle, h.Verifier); err != nil || r.Lines == 0 {
			t.Errorf("it proves %+v, %v", r, err)
		}
	}
	readings := func() (n int) {
		for e, err := range store.NewLedger(h.DB).Entries(t.Context(), 0) {
			if err != nil {
				t.Fatal(err)
			}
			if e.State == ledger.EvidenceRead {
				n++
			}
		}
		return n
	}
	for _, typed := range []string{"age1", reader.String(), keys + " ssh-ed25519 AAAA", keys + " " + quantum.Recipient().String(), "# a comment", strings.Repeat(keys+" ", 40)} {
		answer, raw := h.Goes(officer, http.MethodPost, at+"/evidence", url.Values{"reader": {typed}})
		if answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(raw, "This is no public key of age") || strings.Contains(raw, "AGE-SECRET-KEY") {
			t.Errorf("%.40q: %s", typed, answer.Status)
		}
	}
	if n := readings(); n != 1 {
		t.Errorf("%d readings are written, and one was handed over", n)
	}
}

// Promise: RUN-10, TELL-5. A bundle says what the categories of fields mean, as the ledger declares
// it: whoever changes these words in it is found out.
func TestRUN_10_TheEvidenceSaysWhatItsCategoriesMean(t *testing.T) {
	h := stolen(t)
	declared := register.Categories{{Number: 1, ID: "holder", Class: register.Identity, Names: register.Words{"fr": "titulaire", "en": "holder"}}, {Number: 2, ID: "parcel", Class: register.Other}}
	if _, err := journal.Do(t.Context(), journal.Outside{DB: store.NewLedger(h.DB), Now: h.Now}, &glossary.Declare{Categories: declared}); err != nil {
		t.Fatal(err)
	}
	_, raw := h.Goes(officer, http.MethodPost, opened(t, h)+"/evidence", nil)
	r, err := evidence.Verify([]byte(raw), h.Verifier)
	if err != nil || !r.Glossed || len(r.Shown) != 1 || r.Shown[0].ID != "holder" {
		t.Fatalf("it proves %+v, %v", r, err)
	}
	files := portaltest.Unpack(t, raw)
	files["categories.json"] = strings.Replace(files["categories.json"], "holder", "nobody", 1)
	var changed, manifest bytes.Buffer
	packed := zip.NewWriter(&changed)
	put := func(name, body string) {
		file, err := packed.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = file.Write([]byte(body)) // a buffer takes everything
	}
	for name, body := range files {
		if name != "manifest.txt" {
			put(name, body)
			fmt.Fprintf(&manifest, "%x  %s\n", sha256.Sum256([]byte(body)), name)
		}
	}
	put("manifest.txt", manifest.String())
	if err := packed.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := evidence.Verify(changed.Bytes(), h.Verifier); err == nil || !strings.Contains(err.Error(), "categories.json is not what entry") {
		t.Errorf("other words are taken: %v", err)
	}
}

func TestAFileIsClosedByAnotherPersonThanTheOneWhoProposedIt(t *testing.T) {
	h := stolen(t)
	at := opened(t, h)
	refused := func(who roster.AccountID, path string, form url.Values) {
		t.Helper()
		if answer, _ := h.Goes(who, http.MethodPost, path, form); answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s does %s: %s", who, path, answer.Status)
		}
	}
	refused(officer, at+"/close", nil) // nobody has proposed it
	does(t, h, officer, at+"/closing", url.Values{"closing-because": {"everybody was told"}})
	refused(officer, at+"/close", nil)
	does(t, h, security, at+"/decide", url.Values{"what": {"to wait"}, "decide-because": {"one more account"}})
	refused(security, at+"/close", nil) // what was written since takes the proposal back
	does(t, h, officer, at+"/closing", url.Values{"closing-because": {"everybody was told"}})
	does(t, h, security, at+"/close", nil)
	says(t, h, officer, at, "File closed", "closes the file, which Claire Noir proposed to close")
	refused(officer, at+"/decide", url.Values{"what": {"more"}, "decide-because": {"late"}})
}

func TestOnlyThoseWhoKeepFilesSeeThemAndNoneWhoIsSuspended(t *testing.T) {
	h := stolen(t)
	at := opened(t, h)
	for _, who := range []roster.AccountID{theo, jeanne} {
		for _, path := range []string{"/incidents", at, at + "/notices/cnil", at + "/message", at + "/notices/cnil/json"} {
			if answer, raw := h.Goes(who, http.MethodGet, path, nil); answer.StatusCode != http.StatusForbidden || strings.Contains(raw, "Kairos, compte") {
				t.Errorf("%s sees %s: %s", who, path, answer.Status)
			}
		}
		if answer, _ := h.Goes(who, http.MethodPost, at+"/list", nil); answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s downloads the list: %s", who, answer.Status)
		}
	}
	h.Places(order.Order{Effect: order.Closed, Reach: order.Everything, By: string(security), Because: "vol"})
	says(t, h, officer, at, "Kairos, compte de Théo")
	h.Places(order.Order{Effect: order.Suspended, Reach: order.Account, Target: string(officer), By: string(security), Because: "vol"})
	if answer, _ := h.Goes(officer, http.MethodGet, at, nil); answer.StatusCode != http.StatusForbidden {
		t.Errorf("one who is suspended sees a file: %s", answer.Status)
	}
}

// Whoever owns the database can change a line, or take one out; the page says so.
func TestALineThatWasChangedOrTakenOutIsNamed(t *testing.T) {
	for how, statements := range map[string][]string{
		"changed":   {`drop trigger incident_line_is_not_changed`, `update incident_line set body = cast(replace(cast(body as text), 'an alert', 'nothing') as blob) where what = 'incident-aware'`},
		"put in":    {`insert into incident_line (number, file, at_us, author, approver, what, body) select 999999, file, at_us, 'noa.lambert', '', 'incident-decided', cast('{"what":"to tell nobody","because":"no risk"}' as blob) from incident_line where what = 'incident-aware'`},
		"taken out": {`drop trigger incident_line_is_not_removed`, `delete from incident_line where what = 'incident-aware'`},
		"moved":     {`drop trigger incident_line_is_not_changed`, `update incident_line set at_us = at_us - 3600000000 where what = 'incident-aware'`},
		"ascribed":  {`drop trigger incident_line_is_not_changed`, `update incident_line set author = 'noa.lambert' where what = 'incident-aware'`},
	} {
		t.Run(how, func(t *testing.T) {
			h := stolen(t)
			at := opened(t, h)
			does(t, h, officer, at+"/aware", url.Values{"at": {local(time.Now().Add(-time.Hour))}, "from": {"ourselves"}, "aware-because": {"an alert"}})
			does(t, h, officer, at+"/decide", url.Values{"what": {"to wait"}, "decide-because": {"one more account"}})
			h.Tamper(statements...)
			says(t, h, officer, at, "This file is not as the ledger says")
		})
	}
}

// The act itself refuses a notice that is called complete and is not, whoever asks for it.
//
// Promise: TELL-2
func TestTELL_2_NothingIsWrittenDownAsCompleteThatIsNot(t *testing.T) {
	h := stolen(t)
	at := opened(t, h)
	number, err := strconv.ParseUint(strings.TrimPrefix(at, "/incidents/"), 10, 63)
	if err != nil {
		t.Fatal(err)
	}
	files := incident.Service{Writer: h.Gate.Journal, Rows: store.NewIncidents(h.DB), Ledger: h.Gate}
	sends := func(stage notice.Stage, document string) error {
		_, err := files.Do(t.Context(), incident.Write{File: ledger.Number(number), By: officer, Step: &incident.Sent{
			Sending: notice.Sending{Form: notice.CNIL, Stage: stage, At: time.Now().Add(-time.Minute)}, Document: []byte(document),
		}})
		return err
	}
	if err := sends(notice.Complete, `{"form":"cnil","stage":"complete","facts":{},"answers":{},"missing":[]}`); !fault.Is(err, fault.Refused) {
		t.Errorf("a complete notice of nothing: %v", err)
	}
	if err := sends(notice.Initial, `{"facts":{}}`); err != nil {
		t.Errorf("an initial one: %v", err)
	}
}

// Everybody reads the same page, before anybody signs in: how many, what they receive, and
// whether a message is true. It names nobody, and is taken away again.
func TestThePublicPageSaysTheFigureAndWhetherAMessageIsTrueAndNamesNobody(t *testing.T) {
	h := stolen(t)
	at := opened(t, h)
	reference := regexp.MustCompile(`[0-9]{4}-001-[A-Z]`).FindString(says(t, h, officer, at))
	says(t, h, "", "/incident?reference="+reference, "No message is announced under the reference "+reference)
	if answer, _ := h.Goes(officer, http.MethodPost, at+"/message/publish", nil); answer.StatusCode != http.StatusForbidden {
		t.Errorf("a page is published that lacks everything: %s", answer.Status)
	}
	h.Places(order.Order{Effect: order.Suspended, Reach: order.Account, Target: string(theo), By: string(security), Because: "vol"})
	does(t, h, officer, at+"/aware", url.Values{"at": {local(time.Now().Add(-time.Hour))}, "from": {"ourselves"}, "aware-because": {"an alert"}})
	does(t, h, officer, at+"/count", nil)
	does(t, h, officer, at+"/notices/cnil", url.Values{"harms": {"fraud"}})
	does(t, h, officer, at+"/notices/cnil/sent", url.Values{"stage": {"initial"}, "sent": {local(time.Now().Add(-time.Minute))}})
	does(t, h, officer, at+"/message/publish", nil)
	for _, who := range []roster.AccountID{"", theo} {
		said := says(t, h, who, "/incident?reference="+strings.ToLower(reference), "3 people, exactly.", reference+" is the reference of an incident that is announced here. No message sent under it is known here yet", "Agence du registre de Valbourg is writing to you", "01 99 00 10 12")
		for _, never := range []string{"Théo", "theo", "Kairos", "Claire Noir", "Sign out"} {
			if strings.Contains(said, never) {
				t.Errorf("the page says %q", never)
			}
		}
	}
	says(t, h, "", "/incident?reference="+reference[:9]+"?", "This is none of our references")
	says(t, h, officer, at, "publishes the incident’s page: 3 people")
	does(t, h, officer, at+"/message/withdraw", url.Values{"withdraw-because": {"a figure is wrong"}})
	says(t, h, "", "/incident?reference="+reference, "No incident is announced here.", "No message is announced")
	refused := 0
	for range 100 {
		if answer, _ := h.Goes("", http.MethodGet, "/incident", nil); answer.StatusCode == http.StatusServiceUnavailable {
			refused++
		}
	}
	if refused < 30 {
		t.Errorf("of 100 within a moment, %d are refused", refused)
	}
}

// What docs/pilote/sans-poterne.md asks for once Poterne is back from hours in which the
// applications went unguarded: a file without an account, with what was decided, which the ledger
// keeps and another person closes.
func TestHoursWithoutPoterneAreWrittenInAFileWithoutAnAccount(t *testing.T) {
	h := stolen(t)
	answer, raw := h.Goes(security, http.MethodPost, "/incidents", url.Values{"title": {"Dossier sans garde, de 9 h à 13 h"}, "accounts": {""}})
	at := answer.Header.Get("Location")
	if answer.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s: %s", answer.Status, portaltest.Read(t, raw))
	}
	const decided = "Dossier ouvert sans garde"
	does(t, h, security, at+"/decide", url.Values{"what": {decided}, "decide-because": {"panne du registre, feuille signée par deux personnes"}})
	does(t, h, officer, at+"/count", nil)
	said := says(t, h, officer, at, decided, "panne du registre", "No account is suspected", "0 people concerned without a reason")
	for _, untrue := range []string{"has been stopped", "accounts stopped", "these accounts"} {
		if strings.Contains(said, untrue) {
			t.Errorf("of no account it says %q", untrue)
		}
	}
	if h.Writes(security, ledger.Filed) == 0 {
		t.Error("the ledger has nothing of it")
	}
	does(t, h, officer, at+"/closing", url.Values{"closing-because": {"le journal de l’application est joint"}})
	does(t, h, security, at+"/close", nil)
	says(t, h, officer, at, "File closed")
}

func TestAFileWithoutATitleAsksForOneAndNotForAReason(t *testing.T) {
	h := stolen(t)
	at := opened(t, h)
	for path, form := range map[string]url.Values{"/incidents": {"title": {" "}}, at + "/decide": {"what": {""}, "decide-because": {"x y"}}} {
		answer, raw := h.Goes(security, http.MethodPost, path, form)
		if said := portaltest.Read(t, raw); answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(said, "Fill this in, in a few words.") || strings.Contains(said, "Say why, in a few words.") {
			t.Errorf("%s: %s, %s", path, answer.Status, said)
		}
	}
}
