package journal

import (
	"cmp"
	"sync"
	"time"
)

// Lately is what takes long to make of a state that follows the ledger, for pages that wait a
// moment only. The zero value has nothing. It is safe to share.
type Lately[T any] struct {
	Old time.Duration // an older one is worth waiting longer for; zero: ten seconds

	mu    sync.Mutex // guards what follows
	last  T
	at    time.Time     // when the last one was made; zero: there is none
	done  chan struct{} // closed when the one that is being made is made; nil: none is
	broke any           // what making it panicked with
}

const (
	moment = 100 * time.Millisecond // that whoever knows the last one waits for the next
	longer = 2 * time.Second        // that others wait, and whoever knows one that is old
	old    = 10 * time.Second
)

// Get returns what is made now, or the last one when that takes longer than a moment: one that
// is empty if there is none yet. One is made at a time. Nobody changes what is returned.
func (l *Lately[T]) Get(one func() T) T {
	l.mu.Lock()
	if l.done == nil {
		done := make(chan struct{})
		l.done = done
		go func() {
			var made T
			defer func() {
				broke := recover() // whoever asks is told: it is the page that breaks, not the program
				l.mu.Lock()
				defer l.mu.Unlock()
				if l.broke, l.done = broke, nil; broke == nil {
					l.last, l.at = made, time.Now()
				}
				close(done)
			}()
			made = one()
		}()
	}
	done, wait := l.done, moment
	if time.Since(l.at) > cmp.Or(l.Old, old) {
		wait = longer
	}
	l.mu.Unlock()
	select {
	case <-done:
	case <-time.After(wait):
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broke != nil {
		panic(l.broke)
	}
	return l.last
}
