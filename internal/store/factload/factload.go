// Package factload asks for facts about people, of all that is asked at once by one query.
package factload

import (
	"context"
	"runtime"
	"sync"
	"time"

	"poterne/internal/reason"
	"poterne/internal/register"
)

// Loader answers what is asked about people. Whatever is asked while a query runs
// is answered by one query after it, as turns do for what is written: a query costs
// far more than the people it is about.
type Loader struct {
	// About returns the facts about people that hold at a moment or later, each with the
	// place of its person in the list.
	About func(ctx context.Context, people []register.PersonID, at time.Time) ([]Told, error)

	mu      sync.Mutex // guards what follows
	waiting []*question
	running bool
}

// Told is a fact, and the place of its person in the list that was asked about.
type Told struct {
	Place int
	Fact  reason.Fact
}

// question is what one caller asks.
type question struct {
	people []register.PersonID
	at     time.Time

	facts    []reason.Fact // once answered
	err      error
	answered chan struct{}
}

// mostAsked is how many people one query is about, unless one caller asks about
// more.
const mostAsked = 2048

// Ask returns the facts about people that hold at a moment or later. It returns early when
// ctx ends; the query goes on, for others may wait for it too.
func (l *Loader) Ask(ctx context.Context, people []register.PersonID, at time.Time) ([]reason.Fact, error) {
	if len(people) == 0 {
		return nil, nil
	}
	q := &question{people: people, at: at, answered: make(chan struct{})}
	l.mu.Lock()
	l.waiting = append(l.waiting, q)
	if !l.running {
		l.running = true
		go l.run(context.WithoutCancel(ctx))
	}
	l.mu.Unlock()
	select {
	case <-q.answered:
		return q.facts, q.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// run answers until nobody waits. Whoever is about to ask at this very moment, as
// all do who were in one turn, asks before the next query.
func (l *Loader) run(ctx context.Context) {
	for {
		runtime.Gosched()
		batch := l.next()
		if len(batch) == 0 {
			return
		}
		l.answer(ctx, batch)
	}
}

// next takes the questions of the next query; none when nobody waits any more.
func (l *Loader) next() []*question {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, people := 0, 0
	for n < len(l.waiting) && (n == 0 || people+len(l.waiting[n].people) <= mostAsked) {
		people += len(l.waiting[n].people)
		n++
	}
	batch := l.waiting[:n:n]
	if l.waiting = l.waiting[n:]; n == 0 {
		l.waiting, l.running = nil, false
	}
	return batch
}

// answer asks one query and hands everyone what is theirs: the facts about their
// people that hold at their moment or later, or the error that all of them met.
func (l *Loader) answer(ctx context.Context, batch []*question) {
	var people []register.PersonID
	var whose []*question // who asked about each of them
	first := batch[0].at
	for _, q := range batch {
		people = append(people, q.people...)
		for range q.people {
			whose = append(whose, q)
		}
		if q.at.Before(first) {
			first = q.at
		}
	}
	facts, err := l.About(ctx, people, first)
	for _, t := range facts {
		if q := whose[t.Place]; q.at.Before(t.Fact.Until) {
			q.facts = append(q.facts, t.Fact)
		}
	}
	for _, q := range batch {
		if q.err = err; err != nil {
			q.facts = nil
		}
		close(q.answered)
	}
}
