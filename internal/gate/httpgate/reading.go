package httpgate

import (
	"slices"

	"poterne/internal/gate/content"
)

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
