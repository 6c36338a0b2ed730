package httpgate

import (
	"errors"
	"io"
	"slices"
	"sync/atomic"

	"poterne/internal/gate/content"
)

// budget is what the responses that are being read may still take, over all requests.
type budget struct{ left atomic.Int64 }

// share is what one response takes of a budget: its bytes, and what is made of them.
type share struct {
	of     *budget
	weight int64
	bytes  int64
}

// errTooMuch is of a response that has no place at this moment. Nothing is waited for: a
// queue of responses would take what it waits for.
var errTooMuch = errors.New("too much is being read at this moment")

// grow takes what a response of so many bytes needs, if that is left.
func (s *share) grow(bytes int64) error {
	more := (bytes - s.bytes) * s.weight
	if more <= 0 {
		return nil
	}
	if s.of.left.Add(-more) < 0 {
		s.of.left.Add(more)
		return errTooMuch
	}
	s.bytes = bytes
	return nil
}

// read gives back what reading took: what is left is the response, and what goes out of
// it. Whoever takes it slowly keeps nobody else from being answered.
func (s *share) read() {
	const inAndOut = 2 * asIs
	if s.weight > inAndOut {
		s.of.left.Add(s.bytes * (s.weight - inAndOut))
		s.weight = inAndOut
	}
}

// giveBack ends the share.
func (s *share) giveBack() {
	if s.of != nil {
		s.of.left.Add(s.bytes * s.weight)
		*s = share{}
	}
}

// taking reads no byte that its share has no place for.
type taking struct {
	from  io.Reader
	share *share
	read  int64
}

func (t *taking) Read(p []byte) (int, error) {
	n, err := t.from.Read(p)
	t.read += int64(n)
	if full := t.share.grow(t.read); full != nil {
		return 0, full
	}
	return n, err
}

// drop gives back what was taken, once nothing that was read is held any more.
func (t *taking) drop() {
	of, weight := t.share.of, t.share.weight
	t.share.giveBack()
	*t.share, t.read = share{of: of, weight: weight}, 0
}

// What a byte of a response takes while it is read. A page becomes a tree, is cut, and
// is parsed once more; a workbook becomes cells; other responses are copied at most.
const (
	asTree = 16
	asCopy = 3
	asIs   = 1
)

// readers are those of the answers of a status.
func (t *route) readers(status int) map[string]*reader {
	if t.Invalid != nil && slices.Contains(t.Invalid.Status, status) {
		return t.invalid
	}
	return t.answers
}

// weight is what a byte of a response of the route takes.
func (t *route) weight(status int, media string) int64 {
	if t.isPolled() {
		return asCopy
	}
	by, read := t.readers(status)[media]
	if slices.Contains(t.Unread, media) || !read {
		return asIs
	}
	return by.weight()
}

// weight is what a byte takes that is read by it.
func (r *reader) weight() int64 {
	switch {
	case r.Charset != "" && r.Charset != "utf-8":
		return asTree
	case r.Layout.Format == content.HTML, r.Layout.Format == content.XLSX, r.Layout.Format == content.XML:
		return asTree
	default:
		return asCopy
	}
}

// needs is what the largest response of the service takes.
func (s *service) needs() int64 {
	heaviest := int64(asIs)
	for _, t := range s.declared {
		if t.isPolled() {
			heaviest = max(heaviest, asCopy)
		}
		for _, readers := range []map[string]*reader{t.answers, t.invalid} {
			for _, by := range readers {
				heaviest = max(heaviest, by.weight())
			}
		}
	}
	return heaviest * s.Largest
}
