// Package dial connects to one of the addresses that a name has, without waiting for any of them alone: an address that never
// answers holds nobody up (RFC 8305).
package dial

import (
	"context"
	"errors"
	"io"
	"net"
	"time"
)

// delay is how long an address is waited for before the next is tried beside it, as RFC 8305 recommends. It is no time-out: one
// that is only slow is still taken.
const delay = 250 * time.Millisecond

// longestLookUp is how long a name server may take to say the addresses of a name.
const longestLookUp = 5 * time.Second

// Func connects to an address, as that of a net.Dialer does.
type Func func(ctx context.Context, network, address string) (net.Conn, error)

// Any connects by a Func to whichever address of a name answers first.
func Any(one Func) Func {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil || network != "tcp" { // a socket's file
			return one(ctx, network, address)
		}
		addresses, err := lookUp(ctx, host)
		if err != nil {
			return nil, err
		}
		return First(ctx, addresses, func(ctx context.Context, address string) (net.Conn, error) {
			return one(ctx, network, net.JoinHostPort(address, port))
		})
	}
}

func lookUp(ctx context.Context, host string) (addresses []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, longestLookUp)
	defer cancel()
	return net.DefaultResolver.LookupHost(ctx, host)
}

// First opens the first address that can be: each is tried once the one before it has failed, or has been waited for, and goes on
// beside it. What is opened too late is closed. Open MUST leave what it has opened as it is when its context ends.
func First[T io.Closer](ctx context.Context, addresses []string, open func(ctx context.Context, address string) (T, error)) (opened T, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type outcome struct {
		opened T
		err    error
	}
	outcomes := make(chan outcome)
	try := func(address string) {
		opened, err := open(ctx, address)
		select {
		case outcomes <- outcome{opened, err}:
		case <-ctx.Done():
			if err == nil {
				_ = opened.Close()
			}
		}
	}
	tried := 0
	var failed []error
	for len(failed) < len(addresses) {
		var soon <-chan time.Time
		if tried < len(addresses) {
			go try(addresses[tried])
			tried++
			soon = time.After(delay)
		}
		select {
		case o := <-outcomes:
			if o.err == nil {
				return o.opened, nil
			}
			failed = append(failed, o.err)
		case <-soon:
		case <-ctx.Done():
			return opened, ctx.Err()
		}
	}
	return opened, errors.Join(failed...)
}
