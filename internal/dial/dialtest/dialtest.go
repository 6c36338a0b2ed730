// Package dialtest has names with several addresses, some of which never answer.
package dialtest

import (
	"context"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Named has every name of this process lead to these addresses, in this order, until the test ends: a server of DNS says so. The
// test MUST NOT run beside others.
func Named(t testing.TB, addresses ...string) {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	was := net.DefaultResolver
	t.Cleanup(func() {
		net.DefaultResolver = was
		_ = server.Close()
	})
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(buffer)
			if err != nil {
				return
			}
			var asked dnsmessage.Message
			if asked.Unpack(buffer[:n]) != nil || len(asked.Questions) != 1 {
				continue
			}
			q := asked.Questions[0]
			said := dnsmessage.Message{Header: dnsmessage.Header{ID: asked.ID, Response: true, Authoritative: true}, Questions: asked.Questions}
			for _, address := range addresses {
				if q.Type == dnsmessage.TypeA {
					said.Answers = append(said.Answers, dnsmessage.Resource{
						Header: dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 1},
						Body:   &dnsmessage.AResource{A: netip.MustParseAddr(address).As4()},
					})
				}
			}
			if packed, err := said.Pack(); err == nil {
				_, _ = server.WriteTo(packed, from)
			}
		}
	}()
}

// Deaf has an address of IPv4 listen at which no connection is ever made: it accepts none, and no more fit before it.
func Deaf(t testing.TB, address string) {
	t.Helper()
	at := netip.MustParseAddrPort(address)
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	t.Fatalf("%s takes every connection", address)
}
