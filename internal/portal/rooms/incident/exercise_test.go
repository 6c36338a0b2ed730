package incident_test

import (
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"poterne/internal/fault"
	"poterne/internal/incident"
	"poterne/internal/ledger"
	"poterne/internal/notice"
	"poterne/internal/order"
	"poterne/internal/portal/portaltest"
)

// exercise opens a file as an exercise, and returns its address.
func exercise(t *testing.T, h *portaltest.Site) string {
	t.Helper()
	answer, raw := h.Goes(security, http.MethodPost, "/incidents", url.Values{"title": {"Un compte pris"}, "accounts": {string(theo)}, "exercise": {"1"}})
	if answer.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s: %s", answer.Status, portaltest.Read(t, raw))
	}
	return answer.Header.Get("Location")
}

// paper is what a document says when it is printed.
func paper(t *testing.T, h *portaltest.Site, path string) string {
	t.Helper()
	if _, err := exec.LookPath("pdftotext"); err != nil {
		t.Skip("pdftotext is not installed: it is in Debian's poppler-utils")
	}
	_, raw := h.Goes(officer, http.MethodGet, path, nil)
	printing := exec.CommandContext(t.Context(), "pdftotext", "-", "-")
	printing.Stdin = strings.NewReader(raw)
	text, err := printing.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(text)), " ")
}

// Nothing of a file that was opened as an exercise can be taken for a theft: each page, each
// document, each message and each entry says so, and people and the public are told nothing.
func TestTELL_6_AnExerciseSaysSoOnEachPageAndDocument(t *testing.T) {
	h := stolen(t)
	before := h.Gate.Next()
	at := exercise(t, h)
	h.Places(order.Order{Effect: order.Suspended, Reach: order.Account, Target: string(theo), By: string(security), Because: "exercise"})
	does(t, h, officer, at+"/aware", url.Values{"at": {local(time.Now().Add(-time.Hour))}, "from": {"ourselves"}, "aware-because": {"an alert"}})
	does(t, h, officer, at+"/count", nil)
	does(t, h, officer, at+"/notices/cnil", url.Values{"harms": {"fraud"}})
	does(t, h, officer, at+"/notices/cnil/sent", url.Values{"stage": {"initial"}, "sent": {local(time.Now().Add(-time.Minute))}})
	pages := []string{at, at + "/message"}
	for _, form := range notice.Forms {
		page := at + "/notices/" + string(form)
		pages = append(pages, page)
		if answer, raw := h.Goes(officer, http.MethodGet, page+"/json", nil); !strings.Contains(raw, `"exercise":true`) || !strings.Contains(answer.Header.Get("Content-Disposition"), "EXERCICE-") {
			t.Errorf("%s: the JSON is %.200s", form, raw)
		}
		if answer, raw := h.Goes(officer, http.MethodGet, page+"/pdf", nil); !strings.Contains(raw, "EXERCISE: ") || !strings.Contains(answer.Header.Get("Content-Disposition"), "EXERCICE-") {
			t.Errorf("%s: the PDF does not say it", form)
		}
	}
	for _, page := range pages {
		says(t, h, officer, page, "EXERCISE Nothing happened: this file is for playing an incident.")
		if _, raw := h.Goes(officer, http.MethodGet, page, nil); !strings.Contains(raw, "<title>EXERCISE: ") || !strings.Contains(raw, "<h1>EXERCISE: ") {
			t.Errorf("%s: the title does not say it", page)
		}
	}
	says(t, h, officer, at+"/message", "EXERCISE. This message is a trial. Nothing happened to your information", "EXERCISE. This message is a trial. Nobody saw your information.", "EXERCISE: a trial message.")
	for _, path := range []string{at + "/list", at + "/evidence"} {
		if answer, _ := h.Goes(officer, http.MethodPost, path, nil); !strings.Contains(answer.Header.Get("Content-Disposition"), "EXERCICE-") {
			t.Errorf("%s: the file is called %q", path, answer.Header.Get("Content-Disposition"))
		}
	}
	says(t, h, officer, "/incidents", "No incident is open.", "EXERCISE Un compte pris EXERCICE-")
	if answer, _ := h.Goes(officer, http.MethodPost, at+"/message/publish", nil); answer.StatusCode != http.StatusForbidden {
		t.Errorf("an exercise is published: %s", answer.Status)
	}
	if said := says(t, h, "", "/incident?reference=EXERCICE-2026-001-A", "That is the reference of an exercise", "No incident is announced here."); strings.Contains(said, "Information was seen") {
		t.Errorf("without any incident announced, the page says that information was seen: %s", said)
	}
	lines := 0
	for e, err := range h.Gate.Entries(t.Context(), before) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == ledger.Filed {
			lines++
			if e.Target != incident.AnExercise {
				t.Errorf("the entry %s does not say it", e.State)
			}
		}
	}
	if lines != 5 {
		t.Errorf("%d lines are written", lines)
	}
}

// The mark is said at the opening and cannot be taken off or put on: by no step, not by merging
// with another file, and not in the database.
func TestTELL_6_AnExerciseStaysOneAndARealFileBecomesNone(t *testing.T) {
	h := stolen(t)
	real, played := opened(t, h), exercise(t, h)
	says(t, h, officer, played, "EXERCISE")
	if said := says(t, h, officer, real, strconv.Itoa(time.Now().Year())+"-001-"); strings.Contains(said, "EXERCI") {
		t.Error("a real file is told as an exercise")
	}
	if reference := regexp.MustCompile(`EXERCICE-[0-9]{4}-001-[A-Z]`).FindString(says(t, h, officer, played)); reference == "" {
		t.Error("an exercise takes a number of real files")
	}
	for _, pair := range [][2]string{{real, played}, {played, real}} {
		form := url.Values{"into": {numbered(pair[1])}, "merging-because": {"one theft"}}
		if answer, _ := h.Goes(officer, http.MethodPost, pair[0]+"/merging", form); answer.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s is merged into %s: %s", pair[0], pair[1], answer.Status)
		}
	}
	do := func(at string, step incident.Step) error {
		number, err := strconv.ParseUint(numbered(at), 10, 63)
		if err != nil {
			t.Fatal(err)
		}
		_, err = h.Incidents().Do(t.Context(), incident.Write{File: ledger.Number(number), By: officer, Step: step})
		return err
	}
	sent := incident.Sent{Sending: notice.Sending{Form: notice.CNIL, Stage: notice.Initial, At: time.Now().Add(-time.Minute)}, Document: []byte(`{"facts":{}}`)}
	if err := do(played, &sent); !fault.Is(err, fault.Refused) {
		t.Errorf("a document without the mark is one of an exercise: %v", err)
	}
	sent.Document = []byte(`{"facts":{"exercise":true}}`)
	if err := do(real, &sent); !fault.Is(err, fault.Refused) {
		t.Errorf("a document with the mark is one of a real file: %v", err)
	}
	h.Tamper(
		`drop trigger incident_line_is_not_changed`,
		`update incident_line set body = cast(replace(cast(body as text), ',"exercise":true', '') as blob) where number = `+numbered(played),
		`update incident_line set body = cast(replace(cast(body as text), '"accounts"', '"exercise":true,"accounts"') as blob) where number = `+numbered(real),
	)
	for _, at := range []string{real, played} {
		says(t, h, officer, at, "is not as the ledger says")
	}
}

// A theft that somebody opened as an exercise is said to be held for real, where the desk looks first and on its
// page, and in the ledger; whoever keeps files has it go on as a real one, which has all that was known.
func TestTELL_6_AnExerciseOfARealFreezeIsSaidAndGoesOnAsARealFile(t *testing.T) {
	h := stolen(t)
	played := exercise(t, h) // before anything was stopped
	const loud, desk = "A real order stops an account of this exercise.", "If nobody is playing, it must become a real incident."
	if said := says(t, h, officer, played); strings.Contains(said, loud) {
		t.Errorf("without an order it says %q", loud)
	}
	h.Places(order.Order{Effect: order.Frozen, Reach: order.Account, Target: string(theo), By: string(security), Because: "vol"})
	says(t, h, officer, played, loud)

	before := h.Gate.Next()
	at := exercise(t, h)
	for e, err := range h.Gate.Entries(t.Context(), before) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == ledger.Filed && (e.Count != 1 || e.Target != incident.AnExercise) {
			t.Errorf("the entry says %d accounts stopped, of %q", e.Count, e.Target)
		}
	}
	if said := says(t, h, officer, at, loud, "already stopped by a real order: 1"); strings.Index(said, loud) > strings.Index(said, "Nothing happened") {
		t.Errorf("it says first that nothing happened: %s", said)
	}
	says(t, h, security, "/desk", "“Un compte pris” is open as an exercise", desk)

	aware := time.Now().Add(-30 * time.Hour)
	does(t, h, officer, at+"/aware", url.Values{"at": {local(aware)}, "from": {"ourselves"}, "aware-because": {"an alert"}})
	does(t, h, officer, at+"/count", nil)
	does(t, h, officer, at+"/notices/cnil", url.Values{"harms": {"fraud"}})
	does(t, h, officer, at+"/notices/cnil/sent", url.Values{"stage": {"initial"}, "sent": {local(time.Now().Add(-time.Minute))}})
	exercised := regexp.MustCompile(`EXERCICE-[0-9]{4}-002-[A-Z]`).FindString(says(t, h, officer, at, "Initial notice, sent "))
	if answer, _ := h.Goes(officer, http.MethodPost, at+"/escalate", url.Values{"escalate-because": {" "}}); answer.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("without a reason: %s", answer.Status)
	}
	before = h.Gate.Next()
	answer, raw := h.Goes(security, http.MethodPost, at+"/escalate", url.Values{"escalate-because": {"nobody plays"}})
	real := answer.Header.Get("Location")
	if answer.StatusCode != http.StatusSeeOther || real == at {
		t.Fatalf("%s to %q: %s", answer.Status, real, portaltest.Read(t, raw))
	}
	said := says(t, h, officer, real, strconv.Itoa(time.Now().Year())+"-001-", "Opened as an exercise first: Un compte pris "+exercised, "2 people concerned without a reason , 1 with a reason to be checked.",
		"Initial notice to the CNIL (72 hours)", "41 h 5", "6 h 0", "which exercise "+numbered(at)+" turned out to be")
	if strings.Contains(said, "EXERCISE Nothing happened") || strings.Contains(said, "Initial notice, sent ") || strings.Contains(said, "not as the ledger says") {
		t.Errorf("the real file says %s", said)
	}
	says(t, h, officer, real+"/notices/cnil", "Fraud, swindles, targeted phishing")
	for _, page := range []string{at, at + "/message", at + "/notices/cnil"} {
		if said := says(t, h, officer, page, "EXERCISE Opened as an exercise, this file turned out to be real."); strings.Contains(said, "Nothing happened: this file") {
			t.Errorf("%s says of a real theft that nothing happened: %s", page, said)
		}
	}
	for _, form := range notice.Forms {
		if said := paper(t, h, at+"/notices/"+string(form)+"/pdf"); strings.Contains(said, "Nothing happened") || !strings.Contains(said, "the incident turned out to be real. It is to be sent to nobody") {
			t.Errorf("%s says of a real theft: %s", form, said)
		}
	}
	if said := says(t, h, "", "/incident?reference="+exercised, "That is the reference of an exercise"); strings.Contains(said, "othing happened") {
		t.Errorf("people are told of a real theft that nothing happened: %s", said)
	}
	says(t, h, officer, at, "The real file is Un compte pris", "nobody plays", "finds that this is no exercise")
	says(t, h, officer, "/incidents", "1 open file.", "was no exercise: "+strconv.Itoa(time.Now().Year())+"-001-")
	var states []string
	for e, err := range h.Gate.Entries(t.Context(), before) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == ledger.Filed {
			states = append(states, string(e.State)+" "+e.Target)
		}
	}
	if want := "incident-escalated exercise, incident-opened "; strings.Join(states, ", ") != want {
		t.Errorf("the ledger says %q, not %q", states, want)
	}
	for name, path := range map[string]string{"a real file": real, "one that went on": at} {
		if answer, _ := h.Goes(officer, http.MethodPost, path+"/escalate", url.Values{"escalate-because": {"again"}}); answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s is escalated: %s", name, answer.Status)
		}
	}
	if answer, _ := h.Goes(officer, http.MethodPost, at+"/decide", url.Values{"what": {"x"}, "decide-because": {"x"}}); answer.StatusCode != http.StatusForbidden {
		t.Errorf("the exercise takes another line: %s", answer.Status)
	}
	opened(t, h) // the numbers of others stay
	says(t, h, officer, real, strconv.Itoa(time.Now().Year())+"-001-")
	says(t, h, officer, at, exercised)
	says(t, h, officer, played, "EXERCICE-"+strconv.Itoa(time.Now().Year())+"-001-")
	h.Tamper(`drop trigger incident_line_is_not_changed`, `update incident_line set body = cast(replace(cast(body as text), 'fraud', 'control') as blob) where number = `+numbered(real))
	says(t, h, officer, real, "is not as the ledger says")
}
