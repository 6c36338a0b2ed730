package town_test

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"poterne/internal/lab/town"
	"poterne/internal/roster"
)

// What is written in the applications is there when they begin again, with what others are still to
// be told of it and with what their operator said.
func TestTheApplicationsKeepWhatIsWrittenInThem(t *testing.T) {
	p := newPlace(t)
	caseload := p.staff.Caseload("pauline.mercier")
	who, closed := p.register.Person(caseload[0]), p.register.Dossier(caseload[1])
	file, trainee, mail := "/files/"+who.Dossier, "/trainees/"+who.FT, who.Mail
	const course = "/courses/caces-chariots"
	day := time.Now().AddDate(0, 0, 7).Format(time.DateOnly)
	first := p.register.FT(p.staff.Enrolments("of-horizon")[0])
	for _, write := range []struct {
		agent         roster.AccountID
		service, on   string
		path          string
		fields        []string
		change, taken string // what the answer leads to, below the service
	}{
		{"pauline.mercier", "dossier", file, file + "/notes", []string{"text", "Un projet de soudure.", "how", "Visite"}, "note", file},
		{"pauline.mercier", "dossier", file, file + "/appointments", []string{"day", day, "clock", "09:30", "with", "pauline.mercier"}, "appointment", file},
		{"pauline.mercier", "dossier", "/files/" + closed, "/files/" + closed + "/closing", []string{"why", "Retraite"}, "closed", "/closed"},
		{"pauline.mercier", "ouiform", course, course + "/enrolments", []string{"mail", mail}, "enrolled", course},
		{"lucas.ferrand", "kairos", trainee, trainee + "/attendance", []string{"day", "2026-09-14", "present", "yes"}, "attendance", trainee},
		{"lucas.ferrand", "kairos", trainee, trainee + "/attendance", []string{"day", "2026-09-15", "present", "no"}, "attendance", trainee},
		{"lucas.ferrand", "kairos", trainee, trainee + "/quotes", []string{"rate", "9,50"}, "quote", trainee},
		{"pauline.mercier", "ouiform", "/mine", course + "/quotes", []string{"mail", mail, "answer", "accepted"}, "accepted", "/mine"},
		{"lucas.ferrand", "kairos", trainee, trainee + "/invoices", nil, "invoice", trainee},
		{"pauline.mercier", "ouiform", "/mine", "/courses/caces-chariots/withdrawals", []string{"mail", p.register.Mail(caseload[2])}, "", ""},
		{"karim.benali", "suivi", file, file + "/situation", []string{"licence", "Permis B"}, "1", file},
		{"pauline.mercier", "dossier", file, file + "/contact", []string{"mail", "nouvelle@courriel.example", "phone", "02 61 91 00 01"}, "", file},
	} {
		got := p.send(write.agent, write.service, write.on, write.path, write.fields...)
		want, status := "/"+write.service+write.taken, http.StatusSeeOther
		if write.change != "" {
			want += "?done=" + write.change
		}
		if write.taken == "" {
			want, status = "", http.StatusNotFound // nobody enrolled them
		}
		if got.status != status || got.header.Get("Location") != want {
			t.Fatalf("%s: status %d to %q, not %q", write.path, got.status, got.header.Get("Location"), want)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, p.servers["kairos"].URL+"/operator/read-only", strings.NewReader("Reprise à midi."))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+operator)
	if got := p.do(r); got.status != http.StatusNoContent {
		t.Fatalf("making Kairos read-only: %d", got.status)
	}
	told := p.told()
	if len(told) != 3 {
		t.Fatalf("others are told %q", told)
	}

	p.end()
	p.begin()

	if again := p.told(); !slices.Equal(again, told) {
		t.Errorf("begun again, others are told %q, not %q", again, told)
	}
	for _, page := range []struct {
		agent         roster.AccountID
		service, path string
		says          []string
	}{
		{"pauline.mercier", "dossier", file, []string{"Un projet de soudure.", "Visite", "à 09:30, avec Pauline Mercier", "nouvelle@courriel.example", "02 61 91 00 01"}},
		{"pauline.mercier", "dossier", "/closed", []string{"Retraite"}},
		{"pauline.mercier", "ouiform", "/mine", []string{who.Name(), "accepté"}},
		{"lucas.ferrand", "kairos", trainee, []string{"14/09/2026, présence", "15/09/2026, absence", "66,50\u00a0€", "Reprise à midi."}},
		{"pauline.mercier", "suivi", file, []string{"Permis B donné par Cap emploi Valbourg"}},
	} {
		said := plain(text(p.page(p.ask(page.agent, page.service, "GET", page.path, nil), 200)))
		for _, want := range page.says {
			if !strings.Contains(said, plain(want)) {
				t.Errorf("%s%s does not say %q: %s", page.service, page.path, want, said)
			}
		}
	}
	if got := p.send("lucas.ferrand", "kairos", "/trainees/"+first, "/trainees/"+first+"/quotes", "rate", "8"); got.status != http.StatusConflict {
		t.Errorf("Kairos is read-only no more: %d", got.status)
	}
	if rows := all(p.page(p.ask("lucas.ferrand", "ouiform", "GET", course, nil), 200), "tr.enrolled"); len(rows) != len(p.staff.Courses()[0].Enrolled)+1 {
		t.Errorf("%d are enrolled: those of the beginning came twice, or not at all", len(rows))
	}
}

// Somebody whose training ended does not come back with the next start, though they were there when
// the town began; and numbers of bills go on.
func TestATrainingThatEndedStaysEnded(t *testing.T) {
	p := newPlace(t)
	course := p.staff.Courses()[0]
	who := course.Enrolled[slices.IndexFunc(course.Enrolled, func(i int) bool { return adviserOf(p, i) != "" })]
	adviser, mail := adviserOf(p, who), p.register.Mail(who)
	if got := p.send(adviser, "ouiform", "/mine", "/courses/"+course.ID+"/withdrawals", "mail", mail); got.status != http.StatusSeeOther {
		t.Fatalf("ending it: %d", got.status)
	}
	p.end()
	p.begin()
	if rows := all(p.page(p.ask("lucas.ferrand", "ouiform", "GET", "/courses/"+course.ID, nil), 200), "tr.enrolled"); len(rows) != len(course.Enrolled)-1 {
		t.Errorf("%d of %d are enrolled", len(rows), len(course.Enrolled))
	}
	number := func(i int) string {
		ft := "/trainees/" + p.register.FT(course.Enrolled[i])
		if got := p.send("lucas.ferrand", "kairos", ft, ft+"/quotes", "rate", "9"); got.status != http.StatusSeeOther {
			t.Fatalf("a quote: %d", got.status)
		}
		return strings.Fields(text(all(p.page(p.ask("lucas.ferrand", "kairos", "GET", ft, nil), 200), "[data-field=billing]")[0]))[1]
	}
	var left []int
	for i, person := range course.Enrolled {
		if person != who {
			left = append(left, i)
		}
	}
	before := number(left[0])
	p.end()
	p.begin()
	if after := number(left[1]); after <= before {
		t.Errorf("after a restart the number %s follows %s", after, before)
	}
}

func adviserOf(p *place, person int) roster.AccountID {
	for _, a := range p.staff.Agents() {
		if slices.Contains(p.staff.Caseload(a.ID), person) {
			return a.ID
		}
	}
	return ""
}

// Rows name people by their place in the register: read with another register they would speak of
// somebody else.
func TestFilesOfAnotherTownAreRefused(t *testing.T) {
	folder := t.TempDir()
	kept, err := town.OpenDatabases(t.Context(), folder, people(t, 100))
	if err != nil {
		t.Fatal(err)
	}
	if err := kept.Close(); err != nil {
		t.Fatal(err)
	}
	another, err := town.NewRegister("another", 100)
	if err != nil {
		t.Fatal(err)
	}
	_, err = town.OpenDatabases(t.Context(), folder, another)
	if err == nil || !strings.Contains(err.Error(), filepath.Join(folder, "contacts.db")) || !strings.Contains(err.Error(), "another seed") {
		t.Errorf("opened with another seed: %v", err)
	}
}
