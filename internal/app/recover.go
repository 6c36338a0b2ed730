package app

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strings"

	"poterne/internal/fault"
)

// recovering serves what next serves, and does not leave a panic of it to net/http:
// where it happened is logged, and whoever asked is told by failed, which writes
// an answer of status 500. What has begun to go out is cut short instead.
func recovering(next http.Handler, failed http.HandlerFunc, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := &begun{ResponseWriter: w}
		defer func() {
			said := recover()
			if said == nil {
				return
			}
			if said == http.ErrAbortHandler { // an answer is cut short on purpose
				panic(said)
			}
			log.ErrorContext(r.Context(), "a handler panicked", slog.String("what", what(said)), slog.Any("stack", fault.Stack()))
			if out.begun {
				panic(http.ErrAbortHandler) // what was sent cannot be taken for the whole
			}
			for name := range w.Header() {
				if strings.HasPrefix(name, "Content-") || name == "Location" {
					w.Header().Del(name)
				}
			}
			failed(w, r)
		}()
		next.ServeHTTP(out, r)
	})
}

// what says of what kind a panic is. Only the runtime's own words are repeated:
// others may quote the request.
func what(said any) string {
	if err, ok := said.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", said)
}

// begun is an answer, and whether it has begun to go out.
type begun struct {
	http.ResponseWriter
	begun bool
}

func (b *begun) WriteHeader(status int) {
	b.begun = b.begun || status >= 200
	b.ResponseWriter.WriteHeader(status)
}

func (b *begun) Write(part []byte) (int, error) {
	b.begun = true
	return b.ResponseWriter.Write(part)
}

// FlushError is for http.ResponseController.
func (b *begun) FlushError() error {
	b.begun = true // the header goes out, if nothing else
	return http.NewResponseController(b.ResponseWriter).Flush()
}

// Unwrap is for http.ResponseController.
func (b *begun) Unwrap() http.ResponseWriter { return b.ResponseWriter }
