package httpgate

import (
	"bytes"
	"context"
	"net/http"
	"time"
)

// evenly is what refusals are sent by: each that names people leaves at a whole multiple of it
// after its request came. Whether a reference led to somebody decides what is looked up, weighed
// and said on the page, which takes some milliseconds more or less: whoever measures learns in
// which multiple that fell, and a machine that is not overloaded is always within the first.
// An answer of the application's is not: whoever is refused after it was asked may be told that
// by the clock. That is only whoever could have been shown the person.
const evenly = 20 * time.Millisecond

// held is an answer that is written, and sent later. Its header is the asker's.
type held struct {
	http.ResponseWriter
	code int
	body bytes.Buffer
}

func (h *held) WriteHeader(code int) {
	if h.code == 0 {
		h.code = code
	}
}

func (h *held) Write(part []byte) (int, error) {
	h.WriteHeader(http.StatusOK)
	return h.body.Write(part)
}

// release sends it. An asker who has gone gets nothing.
func (h *held) release() {
	h.ResponseWriter.WriteHeader(max(h.code, http.StatusOK))
	_, _ = h.ResponseWriter.Write(h.body.Bytes())
}

// even waits until an answer to a request that came at a time leaves.
func even(ctx context.Context, took time.Duration) {
	timer := time.NewTimer(evenly - took%evenly)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
