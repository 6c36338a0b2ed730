package lines

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"poterne/internal/roster"
)

// twice is an application that sends every answer two times on its connection.
func twice(t *testing.T) (address string, connections *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	connections = new(atomic.Int64)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			go func() {
				defer c.Close()
				for in := bufio.NewReader(c); ; {
					r, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					one := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(r.URL.Path), r.URL.Path)
					_, _ = io.WriteString(c, one)
					_, _ = io.WriteString(c, one)
				}
			}()
		}
	}()
	return l.Addr().String(), connections
}

// Promise: SCOPE-9
func TestSCOPE_9_ALineIsOneAccounts(t *testing.T) {
	const each = 100          // requests of a client
	log.SetOutput(io.Discard) // where the transport writes what came too much
	for _, reuse := range []bool{false, true} {
		t.Run(fmt.Sprintf("reuse=%t", reuse), func(t *testing.T) {
			address, connections := twice(t)
			l := New()
			t.Cleanup(l.Close)
			var wait sync.WaitGroup
			for client := range 8 {
				account := roster.AccountID(fmt.Sprintf("a%d", client%2))
				wait.Go(func() {
					for n := range each {
						path := fmt.Sprintf("/%s/%d/%d", account, client, n)
						r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
						answer, err := l.Ask(r, reuse, account)
						if err != nil {
							continue // what came too much broke the connection
						}
						body, _ := io.ReadAll(answer.Body)
						_ = answer.Body.Close()
						if !strings.HasPrefix(string(body), "/"+string(account)+"/") || !reuse && string(body) != path {
							t.Errorf("%s was answered with %s", path, body)
						}
					}
				})
			}
			wait.Wait()
			if used := connections.Load(); !reuse && used < 8*each {
				t.Errorf("%d requests took %d connections", 8*each, used)
			}
		})
	}
}
