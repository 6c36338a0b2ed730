package index

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/register"
)

// Seen is the answer to "who saw this person".
type Seen struct {
	From    ledger.Number   // the answer holds for the entries from this one on
	Begun   time.Time       // the time of that entry
	Before  ledger.Number   // and before this one
	Numbers []ledger.Number // of the entries in which the person was shown, in order

	person register.PersonID
	ledger Ledger
}

// WhoSaw finds every entry in which a person was shown. It holds for every entry
// written when it is called.
func (x *Index) WhoSaw(ctx context.Context, person register.PersonID) (Seen, error) {
	now, err := x.now(ctx)
	if err != nil {
		return Seen{}, err
	}
	seen := Seen{From: now.base, Begun: now.begun(), Before: now.open.next, person: person, ledger: x.ledger}
	place := []int{nowhere}
	page := x.shape.personPage(person)
	for row, err := range x.pages(ctx, People, page, 0, len(now.sealed), true) {
		if err != nil {
			return Seen{}, err
		}
		n, err := openNewcomers(row)
		if err != nil {
			return Seen{}, err
		}
		n.find([]register.PersonID{person}, place)
		if place[0] == nowhere {
			continue
		}
		found, err := offsets(row, place[0])
		if err != nil {
			return Seen{}, err
		}
		for _, offset := range found {
			seen.Numbers = append(seen.Numbers, now.base+ledger.Number(row.Segment*x.shape.Segment+offset))
		}
	}
	sealed := len(seen.Numbers)
	for offset := range now.open.of(person, page) {
		seen.Numbers = append(seen.Numbers, now.open.start+ledger.Number(offset))
	}
	slices.Reverse(seen.Numbers[sealed:])
	return seen, nil
}

// Entries yields the entries themselves, read from the ledger.
func (s Seen) Entries(ctx context.Context) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for _, number := range s.Numbers {
			entry, err := s.ledger.Entry(ctx, number)
			if err == nil && (!entry.Disclosed() || entry.Person != s.person) {
				err = fmt.Errorf("entry %d is not what the index says; verify the ledger, then run poterne ledger audit-index", number)
			}
			if !yield(entry, err) || err != nil {
				return
			}
		}
	}
}
