// Package asked remembers what pages asked on connections that stay open, until it is answered: under which number, on which
// connection, and what of it decides its answer. What it holds is bounded.
package asked

import (
	"crypto/rand"
	"errors"
	"math/big"
	"slices"
	"sync"
	"time"

	"poterne/internal/gate/socket"
	"poterne/internal/roster"
)

// What is kept of questions that were not answered.
const (
	MostConnections = 8192            // of all accounts
	MostOfAccount   = 32              // connections
	MostOpen        = 32 << 10        // bytes, of the questions of one connection
	Weighs          = 256             // bytes of a question, beside what is kept of it
	KeptFor         = 2 * time.Minute // after a connection was last heard of that nobody holds
)

// Connection is what a page asks on, and is answered on. socket.io begins one by polling and goes on with it by a WebSocket, which
// SID ties together: whoever has somebody else's sees none of their questions.
type Connection struct {
	Account roster.AccountID
	Session roster.SessionID
	Service roster.ServiceID
	Path    string
	SID     string
	Own     any // what tells a connection apart that has no SID
}

// Question is what a page asked.
type Question[T any] struct {
	socket.Numbered
	Number uint64 // of the page
	Passed uint64 // by which the application knows it: at random, so that no other question has it on any connection
	Weight int    // bytes of what is kept of it
	Kept   T
}

func (q *Question[T]) weight() int { return Weighs + q.Weight }

// Memory is what was asked and not answered, on every connection. It is safe to share.
type Memory[T any] struct {
	now func() time.Time

	mu  sync.Mutex // guards what follows
	all int
	of  map[roster.AccountID]map[Connection]*asking[T]
}

// asking is what was asked on one connection.
type asking[T any] struct {
	open   []Question[T]
	weight int
	held   int       // WebSockets that are open
	used   time.Time // last
}

// New remembers nothing yet.
func New[T any](now func() time.Time) *Memory[T] {
	return &Memory[T]{now: now, of: make(map[roster.AccountID]map[Connection]*asking[T])}
}

// Why a question is not taken.
var (
	ErrTwice   = errors.New("a question has the number of one that was not answered")
	ErrTooMuch = errors.New("too many questions were not answered, on this connection, of this account or of all")
)

// Connections is how many of them something is kept of.
func (m *Memory[T]) Connections() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.all
}

// Hold keeps what is asked on a WebSocket as long as it is open. Without a place for it, no question is taken on it.
func (m *Memory[T]) Hold(c Connection) (release func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a := m.at(c, true)
	if a == nil {
		return func() {}
	}
	a.held++
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if a.held--; a.held == 0 && (len(a.open) == 0 || c.Own != nil) {
			m.drop(c)
		}
	}
}

// Ask keeps a question, and gives it the number by which it is passed on.
func (m *Memory[T]) Ask(c Connection, q *Question[T]) error {
	number, err := rand.Int(rand.Reader, big.NewInt(socket.MostNumber))
	if err != nil {
		return err
	}
	q.Passed = number.Uint64()
	m.mu.Lock()
	defer m.mu.Unlock()
	a := m.at(c, true)
	if a == nil || a.weight+q.weight() > MostOpen {
		return ErrTooMuch
	}
	if slices.ContainsFunc(a.open, func(o Question[T]) bool { return o.Number == q.Number && o.Numbered == q.Numbered }) {
		return ErrTwice
	}
	a.open, a.weight = append(a.open, *q), a.weight+q.weight()
	return nil
}

// Take forgets the question that has been passed on by a number, and returns it. It is answered with what stands before.
func (m *Memory[T]) Take(c Connection, before string, passed uint64) (q Question[T], open bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a := m.at(c, false)
	if a == nil {
		return q, false
	}
	i := slices.IndexFunc(a.open, func(q Question[T]) bool { return q.Passed == passed && q.Answers == before })
	if i < 0 {
		return q, false
	}
	q = a.open[i]
	a.open, a.weight = slices.Delete(a.open, i, i+1), a.weight-q.weight()
	if len(a.open) == 0 && a.held == 0 {
		m.drop(c)
	}
	return q, true
}

// at is what was asked on a connection; there is something from now on if it is to be made, unless there is too much.
func (m *Memory[T]) at(c Connection, makes bool) *asking[T] {
	now := m.now()
	if a := m.of[c.Account][c]; a != nil {
		a.used = now
		return a
	}
	if !makes {
		return nil
	}
	if m.forget(c.Account, now); m.all >= MostConnections {
		for account := range m.of {
			m.forget(account, now)
		}
	}
	if len(m.of[c.Account]) >= MostOfAccount || m.all >= MostConnections {
		return nil
	}
	if m.of[c.Account] == nil {
		m.of[c.Account] = make(map[Connection]*asking[T])
	}
	m.all++
	a := &asking[T]{used: now}
	m.of[c.Account][c] = a
	return a
}

// forget drops the connections of an account that nothing was heard of for long.
func (m *Memory[T]) forget(account roster.AccountID, now time.Time) {
	for c, a := range m.of[account] {
		if a.held == 0 && now.Sub(a.used) > KeptFor {
			m.drop(c)
		}
	}
}

func (m *Memory[T]) drop(c Connection) {
	m.all--
	if delete(m.of[c.Account], c); len(m.of[c.Account]) == 0 {
		delete(m.of, c.Account)
	}
}
