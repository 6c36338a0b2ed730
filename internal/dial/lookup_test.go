package dial

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

func TestANameServerThatNeverAnswersHoldsNobodyUp(t *testing.T) {
	resolver := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = resolver })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, _ := net.Pipe()
		return ours, nil
	}}
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, err := Any(new(net.Dialer).DialContext)(t.Context(), "tcp", "application.example:80")
		if _, name := errors.AsType[*net.DNSError](err); !name {
			t.Error(err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}
