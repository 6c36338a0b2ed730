package factload

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"poterne/internal/reason"
	"poterne/internal/register"
)

var noon = time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)

// shelf answers queries when it is let, and notes how many people each was about.
// It holds two facts about everybody: one of the hour before noon, one of the hour
// after.
type shelf struct {
	let     chan error
	queries []int
}

func (a *shelf) about(_ context.Context, people []register.PersonID, at time.Time) (facts []Told, err error) {
	a.queries = append(a.queries, len(people))
	if err := <-a.let; err != nil {
		return nil, err
	}
	for place, person := range people {
		for _, from := range []time.Time{noon.Add(-time.Hour), noon} {
			if until := from.Add(time.Hour); until.After(at) {
				facts = append(facts, Told{place, reason.Fact{Person: person, From: from, Until: until}})
			}
		}
	}
	return facts, nil
}

// people are numbered.
func people(from, to int) (list []register.PersonID) {
	for n := from; n < to; n++ {
		list = append(list, register.PersonID{byte(n), byte(n >> 8), 1})
	}
	return list
}

func TestWhatIsAskedWhileAQueryRunsIsAnsweredByOneQuery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &shelf{let: make(chan error)}
		i := &Loader{About: a.about}
		var asking sync.WaitGroup
		ask := func(list []register.PersonID, at time.Time) {
			asking.Go(func() {
				facts, err := i.Ask(t.Context(), list, at)
				var found []register.PersonID
				for _, fact := range facts {
					found = append(found, fact.Person)
					if !at.Before(fact.Until) {
						t.Errorf("asked at %v, told what held until %v", at, fact.Until)
					}
				}
				if !at.Before(noon) && len(found) > len(list) {
					t.Errorf("at %v, told of %d facts about %d people", at, len(found), len(list))
				}
				if found = slices.Compact(found); err != nil || !slices.Equal(found, list) {
					t.Errorf("told of %v, %v; asked about %v", found, err, list)
				}
			})
			synctest.Wait()
		}
		ask(people(0, 1), noon) // runs
		ask(people(1, 3), noon.Add(-time.Minute))
		ask(people(2, 4), noon) // the same person twice
		ask(people(4, 5), noon.Add(time.Minute))
		ask(people(0, mostAsked), noon) // as many as one query is about: alone
		ask(people(5, 6), noon)
		for range 4 {
			a.let <- nil
			synctest.Wait()
		}
		asking.Wait()
		if want := []int{1, 5, mostAsked, 1}; !slices.Equal(a.queries, want) {
			t.Errorf("queries about %v people, want %v", a.queries, want)
		}
		if i.running || i.waiting != nil {
			t.Error("nobody waits, and it runs")
		}
	})
}

func TestAnErrorMeetsWhoeverWaitsForThatQuery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &shelf{let: make(chan error)}
		i := &Loader{About: a.about}
		broken := errors.New("broken on purpose")
		var asking sync.WaitGroup
		for n, want := range []error{nil, broken, broken} {
			asking.Go(func() {
				facts, err := i.Ask(t.Context(), people(n, n+1), noon)
				if !errors.Is(err, want) || len(facts) > 0 == (want != nil) {
					t.Errorf("%d told %d facts, %v", n, len(facts), err)
				}
			})
			synctest.Wait()
		}
		a.let <- nil
		a.let <- broken
		asking.Wait()
	})
}

func TestWhoLeavesEndsNobodyElsesQuery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &shelf{let: make(chan error)}
		i := &Loader{About: a.about}
		leaving, leave := context.WithCancel(t.Context())
		var asking sync.WaitGroup
		asking.Go(func() {
			if _, err := i.Ask(leaving, people(0, 1), noon); !errors.Is(err, context.Canceled) {
				t.Errorf("who left was told %v", err)
			}
		})
		synctest.Wait()
		asking.Go(func() {
			if facts, err := i.Ask(t.Context(), people(1, 2), noon); err != nil || len(facts) != 1 {
				t.Errorf("who stayed was told %d facts, %v", len(facts), err)
			}
		})
		synctest.Wait()
		leave()
		synctest.Wait()
		a.let <- nil
		a.let <- nil
		asking.Wait()
	})
}
