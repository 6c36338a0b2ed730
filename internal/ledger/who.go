package ledger

import (
	"iter"
	"slices"
	"time"

	"poterne/internal/register"
	"poterne/internal/roster"
)

// Query says which disclosures are asked about. Empty parts match everything.
type Query struct {
	Accounts []roster.AccountID
	Person   register.PersonID
	Since    time.Time
	Until    time.Time // exclusive
}

func (q Query) matches(e Entry) bool {
	return e.Disclosed() &&
		(len(q.Accounts) == 0 || slices.Contains(q.Accounts, e.Account)) &&
		(q.Person.IsZero() || q.Person == e.Person) &&
		(q.Since.IsZero() || !e.Time.Before(q.Since)) &&
		(q.Until.IsZero() || e.Time.Before(q.Until))
}

// Disclosures yields the entries that the query asks about: exactly those in
// which somebody was shown.
func (q Query) Disclosures(entries iter.Seq2[Entry, error]) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for entry, err := range entries {
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if q.matches(entry) && !yield(entry, nil) {
				return
			}
		}
	}
}

// Concerned is one person in an answer to "who was shown".
type Concerned struct {
	Person      register.PersonID
	Fields      register.Fields // everything shown of them
	Times       int
	First, Last time.Time
}

// Concerned adds the disclosures up by person, in the order they were first
// shown.
func (q Query) Concerned(entries iter.Seq2[Entry, error]) ([]Concerned, error) {
	var people []Concerned
	place := make(map[register.PersonID]int)
	for entry, err := range q.Disclosures(entries) {
		if err != nil {
			return nil, err
		}
		i, known := place[entry.Person]
		if !known {
			i = len(people)
			place[entry.Person] = i
			people = append(people, Concerned{Person: entry.Person, First: entry.Time})
		}
		people[i].Fields |= entry.Fields
		people[i].Times++
		people[i].Last = entry.Time
	}
	return people, nil
}
