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
	KeptFor         = 2 * time.Minute // after the last who held a connection let go of it
)

// Connection is what a page asks on, and is answered on. socket.io begins one by polling and goes on with it by a WebSocket, which
// SID ties together: whoever has somebody else's sees none of their questions. Without a SID, each time it is held it is another.
type Connection struct {
	Account roster.AccountID
	Session roster.SessionID
	Service roster.ServiceID
	Path    string
	SID     string
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

	mu    sync.Mutex // guards what follows, and each asking
	all   int
	of    map[roster.AccountID]map[key[T]]*asking[T]
	swept time.Time // last, of every account
}

// key tells connections apart.
type key[T any] struct {
	Connection
	own *asking[T] // of one without a SID
}

// asking is what was asked on one connection.
type asking[T any] struct {
	open   []Question[T]
	weight int
	held   int       // how often
	left   time.Time // when it was let go of last
}

// New remembers nothing yet.
func New[T any](now func() time.Time) *Memory[T] {
	return &Memory[T]{now: now, of: make(map[roster.AccountID]map[key[T]]*asking[T])}
}

// Why a question is not taken.
var (
	ErrTwice   = errors.New("a question has the number of one that was not answered")
	ErrTooMuch = errors.New("too many questions were not answered, on this connection, of this account or of all")
)

// Connections is how many of them are held, or have questions.
func (m *Memory[T]) Connections() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.all
}

// Held is a connection on which somebody asks and is answered. It is not safe to share, but as many may hold one connection as want to.
type Held[T any] struct {
	of     *Memory[T]
	key    key[T]
	asking *asking[T] // nil where there was no place for it: no question is taken on it
	kept   []uint64   // the numbers of questions that were not passed on yet
}

// Hold begins to ask on a connection, or goes on, as long as a WebSocket is open or a request of one that is polled lasts. Release MUST be called
// at its end.
func (m *Memory[T]) Hold(c Connection) *Held[T] {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if m.forget(c.Account, now); m.all >= MostConnections || now.Sub(m.swept) > KeptFor {
		for account := range m.of {
			m.forget(account, now)
		}
		m.swept = now
	}
	h := &Held[T]{of: m, key: key[T]{Connection: c}}
	if h.asking = m.of[c.Account][h.key]; h.asking == nil {
		if len(m.of[c.Account]) >= MostOfAccount || m.all >= MostConnections {
			return h
		}
		h.asking = &asking[T]{}
		if c.SID == "" {
			h.key.own = h.asking
		}
		if m.of[c.Account] == nil {
			m.of[c.Account] = make(map[key[T]]*asking[T])
		}
		m.of[c.Account][h.key] = h.asking
		m.all++
	}
	h.asking.held++
	return h
}

// Release lets go of the connection. What was asked on it and passed on is kept for a while, if it can be held again.
func (h *Held[T]) Release() {
	a, m := h.asking, h.of
	if a == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, passed := range h.kept {
		a.take(func(q Question[T]) bool { return q.Passed == passed })
	}
	a.left = m.now()
	if a.held--; a.held == 0 && (len(a.open) == 0 || h.key.own != nil) {
		m.drop(h.key)
	}
}

// Ask keeps a question, and gives it the number by which it is to be passed on. Unless PassedOn is called, it is forgotten with Release.
func (h *Held[T]) Ask(q *Question[T]) error {
	number, err := rand.Int(rand.Reader, big.NewInt(socket.MostNumber))
	if err != nil {
		return err
	}
	q.Passed = number.Uint64()
	h.of.mu.Lock()
	defer h.of.mu.Unlock()
	a := h.asking
	if a == nil || a.weight+q.weight() > MostOpen {
		return ErrTooMuch
	}
	if slices.ContainsFunc(a.open, func(o Question[T]) bool { return o.Number == q.Number && o.Numbered == q.Numbered }) {
		return ErrTwice
	}
	a.open, a.weight, h.kept = append(a.open, *q), a.weight+q.weight(), append(h.kept, q.Passed)
	return nil
}

// PassedOn says that what was asked goes to the application, which may answer it. Where nothing can be asked, h may be nil.
func (h *Held[T]) PassedOn() {
	if h != nil {
		h.kept = nil
	}
}

// Take forgets the question that has been passed on by a number, and returns it. It is answered with what stands before.
func (h *Held[T]) Take(before string, passed uint64) (q Question[T], open bool) {
	h.of.mu.Lock()
	defer h.of.mu.Unlock()
	if h.asking == nil {
		return q, false
	}
	return h.asking.take(func(q Question[T]) bool { return q.Passed == passed && q.Answers == before })
}

func (a *asking[T]) take(is func(Question[T]) bool) (q Question[T], open bool) {
	i := slices.IndexFunc(a.open, is)
	if i < 0 {
		return q, false
	}
	q = a.open[i]
	a.open, a.weight = slices.Delete(a.open, i, i+1), a.weight-q.weight()
	return q, true
}

// forget drops the connections of an account that nobody has held for long.
func (m *Memory[T]) forget(account roster.AccountID, now time.Time) {
	for k, a := range m.of[account] {
		if a.held == 0 && now.Sub(a.left) > KeptFor {
			m.drop(k)
		}
	}
}

func (m *Memory[T]) drop(k key[T]) {
	m.all--
	if delete(m.of[k.Account], k); len(m.of[k.Account]) == 0 {
		delete(m.of, k.Account)
	}
}
