package town_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"poterne/internal/lab/town"
	"poterne/internal/roster"
)

var monday = time.Date(2026, time.November, 23, 0, 0, 0, 0, time.UTC)

func TestTheCharactersOfTheDemonstrationWorkThere(t *testing.T) {
	staff := town.NewStaff(people(t, town.Demo))
	organisations := map[roster.OrganisationID]bool{}
	for _, o := range staff.Organisations() {
		organisations[o.ID] = true
		if !luhn(o.SIRET) || !luhn(o.SIRET[:9]) || len(o.SIRET) != 14 || o.SIRET[:3] != "000" {
			t.Errorf("%s: SIRET %s", o.ID, o.SIRET)
		}
	}
	for id, role := range map[roster.AccountID]roster.Role{
		"pauline.mercier": roster.Adviser, "karim.benali": roster.Adviser, "odile.garnier": roster.Desk, "lucas.ferrand": roster.Training,
		"helene.roux": roster.Manager, "samir.cohen": roster.Security, "ines.moreau": roster.CallCentre,
	} {
		if a, ok := staff.Agent(id); !ok || a.Role != role {
			t.Errorf("%s is %q, want %s", id, a.Role, role)
		}
	}
	ids, subjects := map[roster.AccountID]bool{}, map[string]bool{}
	for _, a := range staff.Agents() {
		if !organisations[a.Organisation] || a.Name == "" || a.Mail == "" {
			t.Errorf("%s works at %q", a.ID, a.Organisation)
		}
		ids[a.ID], subjects[a.Subject] = true, true
	}
	if n := len(staff.Agents()); n < 38 || n > 45 || len(ids) != n || len(subjects) != n {
		t.Errorf("%d agents, %d ids, %d subjects", n, len(ids), len(subjects))
	}
}

func luhn(number string) bool {
	sum := 0
	for i := range number {
		n := int(number[len(number)-1-i] - '0')
		if i%2 == 1 {
			n = n*2/10 + n*2%10
		}
		sum += n
	}
	return sum%10 == 0
}

func TestCaseloadsAreAboutAHundredAndFiftyFollowedPeopleAndNeverOverlap(t *testing.T) {
	r := people(t, town.Demo)
	staff := town.NewStaff(r)
	seen, sum, advisers := map[int]bool{}, 0, 0
	smallest, largest := math.MaxInt, 0
	for _, a := range staff.Agents() {
		load := staff.Caseload(a.ID)
		if a.Role != roster.Adviser {
			if len(load) > 0 {
				t.Errorf("%s, %s, has a caseload", a.ID, a.Role)
			}
			continue
		}
		advisers, sum = advisers+1, sum+len(load)
		smallest, largest = min(smallest, len(load)), max(largest, len(load))
		for _, i := range load {
			if seen[i] {
				t.Fatalf("person %d is in two caseloads", i)
			}
			seen[i] = true
			if p := r.Person(i); p.Status != town.Registered || p.Commune.Department() != "03" {
				t.Fatalf("person %d is %s and lives in %s", i, p.Status, p.Commune.Department())
			}
		}
	}
	if mean := sum / advisers; mean < 110 || mean > 190 || largest < smallest*2 {
		t.Errorf("%d advisers, mean %d, from %d to %d", advisers, mean, smallest, largest)
	}
}

func TestAnAdvisersDayIsTheirCaseload(t *testing.T) {
	r := people(t, town.Demo)
	staff := town.NewStaff(r)
	for id, kind := range map[roster.AccountID]town.Kind{"pauline.mercier": town.Meeting, "odile.garnier": town.DeskTicket, "ines.moreau": town.Call} {
		received := staff.Appointments(id, monday)
		if len(received) < 4 || !slices.Equal(received, staff.Appointments(id, monday)) {
			t.Errorf("%s receives %d people, not the same each time it is asked", id, len(received))
		}
		seen := map[int]bool{}
		for n, a := range received {
			if a.Kind != kind || a.Agent != id || a.From.Before(monday) || !a.From.Before(a.Until) || n > 0 && a.From.Before(received[n-1].Until) || a.Until.After(monday.AddDate(0, 0, 1)) {
				t.Errorf("%s: %+v", id, a)
			}
			if id == "pauline.mercier" && !slices.Contains(staff.Caseload(id), a.Person) {
				t.Errorf("person %d is not Pauline's", a.Person)
			}
			if seen[a.Person] || a.Person >= r.Size() {
				t.Errorf("person %d twice or nobody", a.Person)
			}
			seen[a.Person] = true
		}
		if len(staff.Appointments(id, monday.AddDate(0, 0, -1))) > 0 {
			t.Errorf("%s works on Sunday", id)
		}
	}
	for _, id := range []roster.AccountID{"helene.roux", "samir.cohen", "lucas.ferrand", "nobody"} {
		if len(staff.Appointments(id, monday)) > 0 {
			t.Errorf("%s receives people", id)
		}
	}
}

func TestTrainingOrganisationsTrainDifferentPeople(t *testing.T) {
	staff := town.NewStaff(people(t, town.Demo))
	horizon, tremplin := staff.Enrolments("of-horizon"), staff.Enrolments("of-tremplin")
	if len(horizon) != 60 || len(tremplin) != 48 {
		t.Errorf("%d and %d people", len(horizon), len(tremplin))
	}
	for _, i := range horizon {
		if slices.Contains(tremplin, i) {
			t.Errorf("person %d is trained by both", i)
		}
	}
	if len(staff.Enrolments("mission-locale-valbourg")) > 0 {
		t.Error("a mission locale trains nobody")
	}
}

func TestASmallTownHasSmallCaseloads(t *testing.T) {
	staff := town.NewStaff(people(t, 500))
	if n := len(staff.Caseload("pauline.mercier")); n == 0 || n > 20 {
		t.Errorf("%d people", n)
	}
	if town.NewStaff(people(t, 1)) == nil {
		t.Error("even one person is a town")
	}
}
