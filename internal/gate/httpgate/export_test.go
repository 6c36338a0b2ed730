package httpgate

import (
	"context"
	"net/http"

	"poterne/internal/roster"
	"poterne/internal/signin"
)

// Assert is assert, for tests.
func (s *Signer) Assert(ctx context.Context, session signin.Session, service roster.ServiceID, purpose roster.Purpose) (string, error) {
	return s.assert(ctx, session, service, purpose)
}

// ReadByNothing reads with a reader that panics.
func ReadByNothing(p *Proxy, r *http.Request) error {
	_, err := (&exchange{proxy: p, r: r}).parse(&reader{}, nil)
	return err
}

// ReadAddress and ReadPairs are for fuzzing.
func ReadAddress(path, query string) (segments []string, err error) {
	a, err := readAddress(path, query)
	return a.segments, err
}

// LeftToRead is what more answers may take at this moment.
func (p *Proxy) LeftToRead() int64 { return p.reading.left.Load() }
