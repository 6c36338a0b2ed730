package demo

import (
	"testing"
	"time"

	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// The colleagues in the background are honest: whoever they receive is explained, at
// whatever hour the demonstration is started and for as long as it runs.
func TestTheTownsStaffHaveAReasonForWhomTheyReceiveAtAnyHour(t *testing.T) {
	for _, hour := range []int{0, 3, 12, 23} {
		started := time.Date(2026, time.November, 22, hour, 40, 0, 0, time.UTC) // a Sunday
		d, err := newWorld(t.Context(), t.TempDir(), 1, 20_000, "http://127.0.0.1:1", started, func(string) bool { return false })
		if err != nil {
			t.Fatal(err)
		}
		defer d.kept.Close()
		key, err := register.NewKey(make([]byte, 32))
		if err != nil {
			t.Fatal(err)
		}
		for _, told := range []time.Time{started, started.Add(7 * time.Hour)} {
			facts := d.facts(key, told)
			for _, agent := range d.staff.Agents() {
				if agent.Role != roster.Desk && agent.Role != roster.CallCentre && agent.Role != roster.Adviser {
					continue
				}
				var evidence reason.Evidence
				for _, ofSource := range facts {
					evidence.Facts = append(evidence.Facts, ofSource...)
				}
				e := reason.Explain(agent.ID, agent.Organisation, evidence, reason.Covers, told.Add(2*toldEvery))
				for _, person := range d.expected(agent.ID) {
					if !e.Of(key.Person(d.register.Dossier(person))).Explained() {
						t.Fatalf("started at %d h, told at %v: %s receives somebody without a reason", hour, told, agent.Role)
					}
				}
			}
		}
	}
}

// A newcomer sees what a closed and an archived file look like, and whoever is received is let in.
//
// Promise: SCOPE-6
func TestSCOPE_6_TheTownHasClosedAndArchivedFilesThatItsStaffKnow(t *testing.T) {
	started := time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)
	d, err := newWorld(t.Context(), t.TempDir(), 1, 20_000, "http://127.0.0.1:1", started, func(string) bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	defer d.kept.Close()
	key, err := register.NewKey(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	closed, archived, received := d.apart()
	if len(closed) != 2 || archived < 0 || received < 0 {
		t.Fatalf("%v are closed, %d archived, %d received", closed, archived, received)
	}
	d.archives = true
	var evidence reason.Evidence
	for _, ofSource := range d.facts(key, started) {
		evidence.Facts = append(evidence.Facts, ofSource...)
	}
	for _, test := range []struct {
		agent   roster.AccountID
		of      roster.OrganisationID
		person  int
		state   reason.FactKind
		opens   bool
		unknown bool
	}{
		{"pauline.mercier", "mission-locale-valbourg", closed[0], reason.Closed, false, false},
		{"pauline.mercier", "mission-locale-valbourg", closed[1], reason.Closed, false, false},
		{"pauline.mercier", "mission-locale-valbourg", archived, reason.Archived, false, false},
		{"odile.garnier", "agence-valbourg-centre", received, reason.Closed, true, true},
		{"pauline.mercier", "mission-locale-valbourg", received, reason.Closed, false, true},
	} {
		e := reason.Explain(test.agent, test.of, evidence, reason.Covers, started.Add(time.Minute))
		person := key.Person(d.register.Dossier(test.person))
		if state, opens, knows := e.Apart(person), e.Of(person).Explained(), e.Knows(person); state != test.state || opens != test.opens || knows == test.unknown {
			t.Errorf("%s and %d: %v, opens %v, known %v; want %+v", test.agent, test.person, state, opens, knows, test)
		}
	}
}
