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
		d, err := newWorld(1, 20_000, "http://127.0.0.1:1", started, func(string) bool { return false })
		if err != nil {
			t.Fatal(err)
		}
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
