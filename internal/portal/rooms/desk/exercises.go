package desk

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"poterne/internal/incident"
	"poterne/internal/order"
	"poterne/internal/portal"
	"poterne/internal/roster"
)

// exercises remembers for a moment which are under way, for all who follow the desk. It is safe to share.
type exercises struct {
	mu   sync.Mutex // guards what follows
	at   time.Time
	open []incident.File
}

// heldExercise is an exercise whose accounts are stopped for real: it may be a theft that somebody called one.
type heldExercise struct {
	path, title string
	names       []string
}

// mostNamed is how many of its accounts a sentence names; a file may be about hundreds.
const mostNamed = 3

// named says which accounts they are, in a few words.
func (e heldExercise) named(speaker portal.Speaker) string {
	names := strings.Join(e.names[:min(mostNamed, len(e.names))], ", ")
	if more := len(e.names) - mostNamed; more > 0 {
		return speaker.Say("desk.names-more", "names", names, "n", more)
	}
	return names
}

// underWay are the exercises that are not closed, as they were a moment ago. Where they cannot be read, the
// desk says what else it knows.
func (l live) underWay(v visit) []incident.File {
	e, now := l.exercises, l.shell.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.at.IsZero() && now.Sub(e.at) < hearsEvery {
		return e.open
	}
	files, err := l.incidents.Files(v.Context())
	if err != nil {
		l.shell.Log().WarnContext(v.Context(), "the desk does not know which exercises are under way", slog.Any("err", err))
		return e.open
	}
	e.at, e.open = now, nil
	for _, f := range files {
		if f.Exercise && f.Closed.IsZero() {
			e.open = append(e.open, f)
		}
	}
	return e.open
}

// heldExercises are those whose accounts an order stops.
func (l live) heldExercises(v visit) (held []heldExercise) {
	use := func(id roster.AccountID) order.Use {
		account := v.labels.Accounts[id]
		return order.Use{Account: id, Organisation: account.Organisation, Role: account.Role}
	}
	for _, f := range l.underWay(v) {
		one := heldExercise{path: fmt.Sprintf("/incidents/%d", f.Number), title: f.Title}
		for _, account := range f.Stopped(l.gate.Orders(), use, l.shell.Now()) {
			one.names = append(one.names, v.labels.Account(account))
		}
		if one.names != nil {
			held = append(held, one)
		}
	}
	return held
}
