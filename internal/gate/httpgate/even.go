package httpgate

import (
	"bytes"
	"net/http"
)

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
