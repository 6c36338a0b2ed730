package town_test

import (
	"encoding/csv"
	"net/http"
	"slices"
	"strings"
	"testing"

	"poterne/internal/lab/town"
	"poterne/internal/roster"
)

// A body that accompanies people asks for a price before it enrols anybody. Whoever offers it is not
// told for whom; accepting it enrols the person, and only then are others told.
func TestAQuoteIsAskedForBeforeAnybodyIsEnrolled(t *testing.T) {
	p := newPlace(t)
	const course = "/courses/caces-chariots"
	i, j := p.staff.Caseload("pauline.mercier")[0], p.staff.Caseload("pauline.mercier")[1]
	who, mail, another := p.register.Person(i), p.register.Mail(i), p.register.Mail(j)
	tremplin := p.staff.Agents()[slices.IndexFunc(p.staff.Agents(), func(a town.Agent) bool { return a.Organisation == "of-tremplin" && a.Role == roster.Training })].ID
	asks := func(agent roster.AccountID, mail string, want int) {
		t.Helper()
		if got := p.send(agent, "ouiform", course, course+"/requests", "mail", mail); got.status != want {
			t.Errorf("%s asks for %s: status %d, want %d", agent, mail, got.status, want)
		}
	}
	answers := func(agent roster.AccountID, mail, answer string, want int) {
		t.Helper()
		if got := p.send(agent, "ouiform", course, course+"/quotes", "mail", mail, "answer", answer); got.status != want {
			t.Errorf("%s answers %s: status %d, want %d: %s", agent, answer, got.status, want, got.body)
		}
	}
	offers := func(agent roster.AccountID, number, rate string, want int) {
		t.Helper()
		own := "/trainees/" + p.register.FT(p.staff.Enrolments("of-horizon")[0])
		if agent == tremplin {
			own = "/trainees/" + p.register.FT(p.staff.Enrolments("of-tremplin")[0])
		}
		if got := p.send(agent, "kairos", own, "/quotes/"+number, "rate", rate); got.status != want {
			t.Errorf("%s offers %s for %s: status %d, want %d", agent, rate, number, got.status, want)
		}
	}
	asks("lucas.ferrand", mail, 403)
	asks("odile.garnier", mail, 422) // she has no form
	asks("pauline.mercier", "nobody@courriel.example", 422)
	asks("pauline.mercier", mail, 303)
	asks("pauline.mercier", mail, 422)
	asks("pauline.mercier", another, 303)
	answers("pauline.mercier", mail, "accepted", 422) // nobody offered a price

	page := p.ask("lucas.ferrand", "kairos", "GET", "/quotes", nil)
	rows := all(p.page(page, 200), "table.quotes tbody tr")
	if len(rows) != 2 || !strings.Contains(page.body, "Mission locale de Valbourg") {
		t.Fatalf("%d requests: %s", len(rows), page.body)
	}
	for _, name := range []string{who.Surname, who.FT, who.Mail, who.Dossier} {
		if strings.Contains(page.body, name) {
			t.Errorf("who offers is told for whom: %s", name)
		}
	}
	if len(all(p.page(p.ask(tremplin, "kairos", "GET", "/quotes", nil), 200), "table.quotes")) > 0 {
		t.Error("another organisation has them")
	}
	newest := strings.Fields(text(one(t, rows[0], "th")))[0]
	oldest := strings.Fields(text(one(t, rows[1], "th")))[0]
	offers(tremplin, oldest, "9", 404)
	offers("lucas.ferrand", oldest, "neuf", 422)
	offers("lucas.ferrand", "D2026-9999", "9", 404)
	offers("lucas.ferrand", oldest, "9,50", 303)
	offers("lucas.ferrand", oldest, "8", 422) // it was offered
	if len(p.told()) > 0 {
		t.Errorf("before anybody is enrolled others are told %q", p.told())
	}

	p.end()
	p.begin()

	said := plain(text(p.page(p.ask("pauline.mercier", "ouiform", "GET", "/mine", nil), 200)))
	for _, want := range []string{who.Name(), "pas encore", oldest, "665,00", newest, "demandé à l’organisme", "Retirer la demande"} {
		if !strings.Contains(said, want) {
			t.Errorf("her page does not say %q: %s", want, said)
		}
	}
	answers("karim.benali", mail, "accepted", 404)
	answers("lucas.ferrand", mail, "accepted", 404)
	answers("pauline.mercier", mail, "accepted", 303)
	answers("pauline.mercier", mail, "accepted", 422) // it was
	if told := []string{"inscriptions enrolment of-horizon " + mail}; !slices.Equal(p.told(), told) {
		t.Errorf("others are told %q, not %q", p.told(), told)
	}
	said = plain(text(p.page(p.ask("lucas.ferrand", "kairos", "GET", "/trainees/"+who.FT, nil), 200)))
	if !strings.Contains(said, "Devis "+oldest) || !strings.Contains(said, "accepté, 70 h à 9,50") {
		t.Errorf("the trainee's page does not have the quote: %s", said)
	}
	answers("pauline.mercier", another, "refused", 303)
	offers("lucas.ferrand", newest, "9", 422)
	if got := p.send("lucas.ferrand", "kairos", "/trainees/"+who.FT, "/trainees/"+who.FT+"/attendance", "day", "2026-09-14", "present", "yes"); got.status != 303 {
		t.Errorf("attendance: %d", got.status)
	}
	if got := p.send("lucas.ferrand", "kairos", "/trainees/"+who.FT, "/trainees/"+who.FT+"/invoices"); got.status != 303 {
		t.Errorf("what was accepted before the enrolment is not charged: %d", got.status)
	}
	asks("pauline.mercier", mail, 422) // she is in training there

	// Read-only, it takes no offer, and says why.
	asks("pauline.mercier", another, 303)
	rows = all(p.page(p.ask("lucas.ferrand", "kairos", "GET", "/quotes", nil), 200), "table.quotes tbody tr")
	last := strings.Fields(text(one(t, rows[0], "th")))[0]
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, p.servers["kairos"].URL+"/operator/read-only", strings.NewReader("Reprise à midi."))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+operator)
	if got := p.do(r); got.status != 204 {
		t.Fatalf("making it read-only: %d", got.status)
	}
	offers("lucas.ferrand", last, "9", 409)
	if root := p.page(p.ask("lucas.ferrand", "kairos", "GET", "/quotes", nil), 200); len(all(root, "table.quotes form")) > 0 {
		t.Error("a form is offered while nothing can be changed")
	}
}

// A course's sheet has who came on which day of a week, on a page and as a file; for its own
// organisation only.
func TestKairosHasAnAttendanceSheetForACourse(t *testing.T) {
	p := newPlace(t)
	course := p.staff.Courses()[slices.IndexFunc(p.staff.Courses(), func(c town.Course) bool { return c.Organisation == "of-horizon" })]
	path := "/courses/" + course.ID + "/attendance"
	came := p.register.FT(course.Enrolled[0])
	for day, present := range map[string]string{"2026-09-14": "yes", "2026-09-15": "no", "2026-09-18": "yes", "2026-09-21": "yes"} {
		if got := p.send("lucas.ferrand", "kairos", "/trainees/"+came, "/trainees/"+came+"/attendance", "day", day, "present", present); got.status != 303 {
			t.Fatalf("attendance: %d", got.status)
		}
	}
	for _, from := range []string{"2026-09-14", "2026-09-16", "2026-09-20"} { // any day of the week
		root := p.page(p.ask("lucas.ferrand", "kairos", "GET", path+"?from="+from, nil), 200)
		if rows := all(root, "tr.trainee"); len(rows) != len(course.Enrolled) {
			t.Errorf("%d of %d are on the sheet", len(rows), len(course.Enrolled))
		}
		row := plain(text(one(t, root, "tr.trainee[data-ftid='"+came+"']")))
		if !strings.HasSuffix(row, "présence absence présence 14") {
			t.Errorf("%s: the row says %q", from, row)
		}
		if said := text(one(t, root, "caption")); !strings.Contains(said, "14/09/2026") || !strings.Contains(said, "14 heures") {
			t.Errorf("%s: the caption says %q", from, said)
		}
	}
	quiet := p.page(p.ask("lucas.ferrand", "kairos", "GET", path+"?from=2026-12-07", nil), 200)
	if said := text(one(t, quiet, "caption")); !strings.HasSuffix(said, "0 heure suivie") {
		t.Errorf("of a week in which nobody came, the caption says %q", said)
	}
	if said := text(one(t, quiet, "thead")); !strings.Contains(said, "lun. 07/12") || strings.Contains(said, "2026") { // with their year, the days do not fit a tablet
		t.Errorf("the head says %q", said)
	}
	got := p.ask("lucas.ferrand", "kairos", "GET", path+".csv?from=2026-09-21", nil)
	lines, err := csv.NewReader(strings.NewReader(got.body)).ReadAll()
	if err != nil || got.status != 200 || len(lines) != len(course.Enrolled)+1 {
		t.Fatalf("the file: status %d, %d lines, %v", got.status, len(lines), err)
	}
	at := slices.IndexFunc(lines, func(l []string) bool { return l[0] == came })
	if want := []string{"2026-09-21", "présence", "", "", "", "", "7"}; at < 0 || !slices.Equal(lines[at][3:], want) {
		t.Errorf("the file says %q", lines[max(at, 0)])
	}
	tremplin := p.staff.Agents()[slices.IndexFunc(p.staff.Agents(), func(a town.Agent) bool { return a.Organisation == "of-tremplin" && a.Role == roster.Training })].ID
	for _, address := range []string{path, path + ".csv"} {
		if got := p.ask(tremplin, "kairos", "GET", address, nil); got.status != 404 || strings.Contains(got.body, came) {
			t.Errorf("another organisation reads %s: %d", address, got.status)
		}
	}
	p.page(p.ask("lucas.ferrand", "kairos", "GET", path+"?from=hier", nil), 422)
	one(t, p.page(p.ask("lucas.ferrand", "kairos", "GET", "/", nil), 200), "a[href='/kairos"+path+"']")
}
