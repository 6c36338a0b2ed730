// Package budget bounds the memory that what is being read takes at one moment, over all who read. What has no place is refused.
package budget

import (
	"errors"
	"io"
	"sync/atomic"
)

// Budget is how many bytes may still be taken. It is safe to share.
type Budget struct{ left atomic.Int64 }

// New is a budget of so many bytes.
func New(bytes int64) *Budget {
	b := new(Budget)
	b.left.Store(bytes)
	return b
}

// Left is how many bytes may be taken at this moment.
func (b *Budget) Left() int64 { return b.left.Load() }

// Share is what one reading takes of a budget: its bytes, and what is made of them. The zero value takes nothing.
type Share struct {
	of     *Budget
	weight int64
	bytes  int64
}

// Share begins to take of a budget, for each byte that is read as many as its weight.
func (b *Budget) Share(weight int64) Share { return Share{of: b, weight: weight} }

// ErrTooMuch is of what has no place at this moment. Nothing is waited for: a queue would take what it waits for.
var ErrTooMuch = errors.New("too much is being read at this moment")

// Grow takes what so many bytes need, in all, if that is left.
func (s *Share) Grow(bytes int64) error {
	more := (bytes - s.bytes) * s.weight
	if more <= 0 {
		return nil
	}
	if s.of.left.Add(-more) < 0 {
		s.of.left.Add(more)
		return ErrTooMuch
	}
	s.bytes = bytes
	return nil
}

// Lighten gives back what each byte no longer needs, if it takes more than a weight.
func (s *Share) Lighten(weight int64) {
	if s.weight > weight {
		s.of.left.Add(s.bytes * (s.weight - weight))
		s.weight = weight
	}
}

// GiveBack ends the share.
func (s *Share) GiveBack() {
	if s.of != nil {
		s.of.left.Add(s.bytes * s.weight)
		*s = Share{}
	}
}

// Reader reads no byte that its share has no place for.
type Reader struct {
	from  io.Reader
	share *Share
	read  int64
}

// NewReader reads within a share, which it MAY have grown already.
func NewReader(from io.Reader, share *Share) *Reader { return &Reader{from: from, share: share} }

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	r.read += int64(n)
	if full := r.share.Grow(r.read); full != nil {
		return 0, full
	}
	return n, err
}

// Drop gives back what was taken, once nothing that was read is held any more.
func (r *Reader) Drop() {
	of, weight := r.share.of, r.share.weight
	r.share.GiveBack()
	*r.share, r.read = Share{of: of, weight: weight}, 0
}
