// Package trace says where the time of a request went, to whoever collects traces. A span
// has a name, two moments and a few words of closed lists or of the configuration: no
// person, no account, no address can be put into one. Traces begin here: what a browser
// says of one is not read, and whom it belongs to is nobody's to say.
package trace

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Key is what a span may say of itself.
type Key string

// The keys. Their values are declared in the configuration, or come from closed lists.
const (
	Service Key = "poterne.service"
	Route   Key = "http.route" // as it is declared: GET /files/{dossier}
	Outcome Key = "poterne.outcome"
	Failed  Key = "error.type"
)

// Span is a part of a trace. A nil span is one that nobody collects: all it can do is
// nothing, and costs nothing.
type Span struct {
	of     *Tracer
	trace  [16]byte
	id     [8]byte
	parent [8]byte // zero of a trace's first span
	name   string
	client bool // it is about a call to another program
	began  time.Time

	mu    sync.Mutex // guards what follows
	words map[Key]string
	ended time.Time
}

// Tracer begins traces. A nil tracer begins none.
type Tracer struct {
	share float64
	now   func() time.Time

	ended   chan *Span // those that wait to be sent
	dropped atomic.Uint64
	sink    sink
}

// waiting is how many spans wait to be sent, at most: the next are dropped and counted.
// Nobody waits for whoever collects them.
const waiting = 4096

// New begins the share of traces that is collected at an address.
func New(address, token string, share float64) *Tracer {
	return &Tracer{share: share, now: time.Now, ended: make(chan *Span, waiting), sink: newSink(address, token)}
}

// Dropped is how many spans were given up, since nobody took them in time.
func (t *Tracer) Dropped() uint64 {
	if t == nil {
		return 0
	}
	return t.dropped.Load()
}

// Begin begins a trace, if this one is of the share that is collected. Whatever ctx has of
// another trace is forgotten.
func (t *Tracer) Begin(ctx context.Context, name string) (context.Context, *Span) {
	if t == nil || t.share < 1 && rand.Float64() >= t.share {
		return ctx, nil
	}
	s := &Span{of: t, name: name, began: t.now()}
	random(s.trace[:8])
	random(s.trace[8:])
	random(s.id[:])
	return context.WithValue(ctx, key{}, s), s
}

// Begin begins a part of the trace that ctx is in, if it is in one.
func Begin(ctx context.Context, name string) (context.Context, *Span) {
	parent, _ := ctx.Value(key{}).(*Span)
	if parent == nil {
		return ctx, nil
	}
	s := &Span{of: parent.of, trace: parent.trace, parent: parent.id, name: name, began: parent.of.now()}
	random(s.id[:])
	return context.WithValue(ctx, key{}, s), s
}

// Call is Begin for a call to another program.
func Call(ctx context.Context, name string) (context.Context, *Span) {
	ctx, s := Begin(ctx, name)
	if s != nil {
		s.client = true
	}
	return ctx, s
}

type key struct{}

// random fills eight bytes, which are not all zero. They are names, and no secrets.
func random(into []byte) {
	n := rand.Uint64() | 1
	for i := range into {
		into[i] = byte(n >> (8 * i))
	}
}

// Set says something of a span.
func (s *Span) Set(key Key, value string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.words == nil {
		s.words = make(map[Key]string)
	}
	s.words[key] = value
}

// Fail notes that what a span is about came to no good end. What went wrong is for the log:
// an error may name somebody.
func (s *Span) Fail(err error) {
	if err != nil {
		s.Set(Failed, "failed")
	}
}

// Traceparent names a span to the program that is called, as W3C Trace Context writes it.
func (s *Span) Traceparent() string { return fmt.Sprintf("00-%x-%x-01", s.trace, s.id) }

// TraceID names the trace that a span is in.
func (s *Span) TraceID() string { return fmt.Sprintf("%x", s.trace) }

// End ends a span, once, and has it sent.
func (s *Span) End() {
	if s == nil {
		return
	}
	s.mu.Lock()
	first := s.ended.IsZero()
	if first {
		s.ended = s.of.now()
	}
	s.mu.Unlock()
	if !first {
		return
	}
	select {
	case s.of.ended <- s:
	default:
		s.of.dropped.Add(1)
	}
}
