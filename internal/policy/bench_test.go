package policy_test

import (
	"slices"
	"testing"
	"time"

	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// One person out of an adviser's caseload of 150, with 400 people seen.
func BenchmarkDecide(b *testing.B) {
	m := meter.New()
	for i := range 400 {
		m.Record(meter.Event{Kind: meter.Shown, Person: person(i), Fields: register.Name, At: now.Add(-time.Hour)})
	}
	f, a := facts(m), ask(1)
	b.ReportAllocs()
	for b.Loop() {
		f.Meter = m.Draft()
		rules.Decide(a, f, now)
	}
}

// An account of a call centre at work, with as many people with a reason as its ceiling holds.
func BenchmarkDecideAtTheCeiling(b *testing.B) {
	m := busy(2500)
	for _, of := range []struct {
		name  string
		ask   policy.Ask
		known int // of them, in the caseload
	}{
		{"Own", listed(0, 1, 1), 1},
		{"Stranger", listed(0, 3001, 1), 0},
		{"ListOf100", listed(meter.Listed, 1, 100), 100},
		{"SearchOf50", listed(meter.SearchRow, 3001, 50), 0},
		{"ExportOf1000", listed(meter.Exported, 1, 1000), 1000},
	} {
		b.Run(of.name, func(b *testing.B) {
			f := told(m, of.known)
			for _, opening := range of.ask.People {
				f.Exports[0].People = append(f.Exports[0].People, opening.Person)
			}
			slices.SortFunc(f.Exports[0].People, register.PersonID.Compare)
			b.ReportAllocs()
			for b.Loop() {
				f.Meter = m.Draft()
				f.Meter.Grow(len(of.ask.People)) // as the gate does
				atTheCeiling.Decide(of.ask, f, now)
			}
		})
	}
}

// atTheCeiling are the rules of an account that has been shown as many people as it may.
var atTheCeiling = func() policy.Rules {
	r := shipped
	r.Ceilings, r.Rows = map[roster.Role]int{roster.Adviser: 2500}, policy.Rows
	r.Strangers, r.Lists = policy.Strangers, policy.Lists
	return r
}()

// busy is an account that has been shown so many people with a reason, one each quarter of an hour,
// and a hundred without, in the rows of searches.
func busy(people int) *meter.Meter {
	m := meter.New()
	m.Record(meter.Event{Kind: meter.Permitted, Permit: 1, Export: meter.ExportOf("dossier", ask().Route), Cost: meter.People(5000), At: now.AddDate(0, 0, -20), Until: now.AddDate(0, 0, 20)})
	for n := range people {
		at := now.Add(-time.Duration(people-n) * 15 * time.Minute)
		m.Record(meter.Event{Kind: meter.Shown, At: at, Answer: uint64(n + 1), Person: register.PersonID{byte(n * 37), byte(n >> 8), byte(n)}, Fields: register.Name, Ground: meter.Own})
		if n%25 == 0 {
			m.Record(meter.Event{Kind: meter.Shown, At: at, Answer: uint64(n + 1), Person: register.PersonID{byte(n * 37), byte(n >> 8), byte(n), 1}, Fields: register.Name, Signs: meter.SearchRow})
		}
	}
	return m
}

// listed asks for so many people, from one on.
func listed(signs meter.Signs, from, people int) policy.Ask {
	a := ask()
	a.Signs = signs
	for n := range people {
		a.People = append(a.People, ask(from+n).People...)
	}
	return a
}

// told is that so many people, from the first on, are in the account's caseload.
func told(m *meter.Meter, people int) policy.Facts {
	f := facts(m)
	f.Evidence.Facts, f.Exports = nil, []policy.ExportList{{Permit: 1}}
	for n := range people {
		f.Evidence.Facts = append(f.Evidence.Facts, reason.Fact{Kind: reason.Caseload, Account: "pauline", Person: person(n + 1), From: now.Add(-time.Hour), Until: now.Add(time.Hour)})
	}
	return f
}
