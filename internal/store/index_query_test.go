package store_test

import (
	"iter"
	"slices"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/ledger/index"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// query is what the index is asked, answered by reading the whole ledger. It says
// which disclosures are asked about. Empty parts match everything.
type query struct {
	Accounts []roster.AccountID
	Person   register.PersonID
	Since    time.Time
	Until    time.Time // exclusive
	Or       *query    // what else is asked at once; nil for nothing
}

func (q query) matches(e ledger.Entry) bool {
	return q.Or != nil && q.Or.matches(e) || e.Disclosed() &&
		(len(q.Accounts) == 0 || slices.Contains(q.Accounts, e.Account)) &&
		(q.Person.IsZero() || q.Person == e.Person) &&
		(q.Since.IsZero() || !e.Time.Before(q.Since)) &&
		(q.Until.IsZero() || e.Time.Before(q.Until))
}

// disclosures yields the entries that the query asks about: exactly those in
// which somebody was shown.
func (q query) disclosures(entries iter.Seq2[ledger.Entry, error]) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for entry, err := range entries {
			if err != nil {
				yield(ledger.Entry{}, err)
				return
			}
			if q.matches(entry) && !yield(entry, nil) {
				return
			}
		}
	}
}

// concerned adds the disclosures up by person, in the order they were first
// shown.
func (q query) concerned(entries iter.Seq2[ledger.Entry, error]) ([]index.Concerned, error) {
	var people []index.Concerned
	place := make(map[register.PersonID]int)
	for entry, err := range q.disclosures(entries) {
		if err != nil {
			return nil, err
		}
		i, known := place[entry.Person]
		if !known {
			i = len(people)
			place[entry.Person] = i
			people = append(people, index.Concerned{Person: entry.Person, First: entry.Time})
		}
		people[i].Fields |= entry.Fields
		people[i].Unexplained = people[i].Unexplained || entry.Unexplained()
		people[i].Times++
		people[i].Last = entry.Time
	}
	return people, nil
}

// strangers counts those who were shown at least once without a reason.
func (q query) strangers(entries iter.Seq2[ledger.Entry, error]) (int, error) {
	met := make(map[register.PersonID]bool)
	for entry, err := range q.disclosures(entries) {
		if err != nil {
			return 0, err
		}
		if entry.Unexplained() {
			met[entry.Person] = true
		}
	}
	return len(met), nil
}
