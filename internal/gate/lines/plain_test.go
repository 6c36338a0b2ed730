package lines

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"poterne/internal/roster"
)

// scripted is an application that does the same with each connection, and counts them.
func scripted(t *testing.T, serve func(nth int64, c net.Conn, in *bufio.Reader)) (address string, connections *atomic.Int64) {
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
			nth := connections.Add(1)
			go func() {
				defer c.Close()
				serve(nth, c, bufio.NewReader(c))
			}()
		}
	}()
	return l.Addr().String(), connections
}

// get asks over a kept line of one account, and reads the whole response.
func get(t *testing.T, l *Lines, address string, account roster.AccountID) (string, error) {
	t.Helper()
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/", nil)
	answer, err := l.Ask(r, true, account)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	return string(body), err
}

const fine = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"

// Promise: SCOPE-9
func TestSCOPE_9_WhatComesUnaskedIsNobodysAnswer(t *testing.T) {
	says := make(chan chan struct{})
	address, connections := scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		for {
			if _, err := http.ReadRequest(in); err != nil {
				return
			}
			_, _ = io.WriteString(c, fine)
			if said, ok := <-says; ok {
				_, _ = io.WriteString(c, strings.Replace(fine, "fine", "evil", 1))
				close(said)
			}
		}
	})
	l := New()
	t.Cleanup(l.Close)
	for n := range int64(3) {
		if body, err := get(t, l, address, "a"); body != "fine" || err != nil {
			t.Fatalf("answer %d is %q, %v", n, body, err)
		}
		said := make(chan struct{})
		says <- said
		<-said
	}
	close(says)
	if connections.Load() != 3 {
		t.Errorf("%d connections for three requests after each of which something came unasked", connections.Load())
	}
	for range 3 {
		if body, err := get(t, l, address, "b"); body != "fine" || err != nil {
			t.Fatalf("%q, %v", body, err)
		}
	}
	if connections.Load() != 4 {
		t.Errorf("%d connections, though the last one was quiet", connections.Load())
	}
}

// Promise: SCOPE-9
func TestSCOPE_9_ALineThatWasNotReadToItsEndCarriesNothingElse(t *testing.T) {
	for name, response := range map[string]string{
		"a body that is longer":         "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nfine",
		"one that says that it is over": "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nfine",
		"one that ends with the line":   "HTTP/1.1 200 OK\r\n\r\nfine",
		"another protocol":              "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nfine",
	} {
		t.Run(name, func(t *testing.T) {
			address, connections := scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
				for {
					if _, err := http.ReadRequest(in); err != nil {
						return
					}
					_, _ = io.WriteString(c, response)
				}
			})
			l := New()
			t.Cleanup(l.Close)
			for range 2 {
				r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/", nil)
				answer, err := l.Ask(r, true, "a")
				if err != nil {
					t.Fatal(err)
				}
				if answer.StatusCode == http.StatusOK {
					_, err = io.ReadFull(answer.Body, make([]byte, 4))
				} else {
					_, err = io.Copy(io.Discard, answer.Body)
				}
				if err != nil {
					t.Fatal(err)
				}
				_ = answer.Body.Close()
			}
			if connections.Load() != 2 {
				t.Errorf("%d connections", connections.Load())
			}
		})
	}
}

func TestALineIsAskedAgainOnlyWhereNothingWasSaid(t *testing.T) {
	for _, says := range []string{"", "HTTP/1.1 200"} {
		address, connections := scripted(t, func(nth int64, c net.Conn, in *bufio.Reader) {
			_, _ = http.ReadRequest(in)
			_, _ = io.WriteString(c, fine)
			_, _ = http.ReadRequest(in)
			if nth > 1 {
				return
			}
			_, _ = io.WriteString(c, says)
		})
		l := New()
		t.Cleanup(l.Close)
		if _, err := get(t, l, address, "a"); err != nil {
			t.Fatal(err)
		}
		body, err := get(t, l, address, "a")
		if again := says == ""; again != (err == nil && body == "fine") || again != (connections.Load() == 2) {
			t.Errorf("after %q: %q, %v, %d connections", says, body, err, connections.Load())
		}
	}
}

func TestOfAResponseOnlyWhatCountsIsReturned(t *testing.T) {
	for name, c := range map[string]struct{ response, body string }{
		"hints come first":       {"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + fine, "fine"},
		"hints without an end":   {strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 1000), ""},
		"a header without bound": {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2*largestHeader) + "\r\n\r\n", ""},
		"no HTTP":                {"hello\r\n\r\n", ""},
		"nothing":                {"", ""},
		"portions":               {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nfi\r\n2\r\nne\r\n0\r\nTrailer: x\r\n\r\n", "fine"},
	} {
		t.Run(name, func(t *testing.T) {
			address, _ := scripted(t, func(_ int64, conn net.Conn, in *bufio.Reader) {
				_, _ = http.ReadRequest(in)
				_, _ = io.WriteString(conn, c.response)
			})
			l := New()
			t.Cleanup(l.Close)
			if body, err := get(t, l, address, "a"); body != c.body || (err != nil) != (c.body == "") {
				t.Errorf("%q, %v", body, err)
			}
		})
	}
}

func TestWhoeverNeedNotWaitIsTold(t *testing.T) {
	asked := make(chan struct{})
	address, _ := scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		_, _ = http.ReadRequest(in)
		asked <- struct{}{}
		_, _ = io.ReadAll(in) // until it is given up
	})
	l := New()
	t.Cleanup(l.Close)
	why := errors.New("an order")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-asked
		cancel(why)
	}()
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
	if _, err := l.Ask(r, true, "a"); !errors.Is(err, why) {
		t.Errorf("it is told %v", err)
	}
	if r, _ = http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil); r != nil {
		if _, err := l.Ask(r, true, "a"); !errors.Is(err, why) {
			t.Errorf("whoever was told already is told %v", err)
		}
	}
}

func TestIdleLinesAreBoundedAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := plain{idle: make(map[owner][]*line)}
		var ends []net.Conn
		for n := range 20 {
			ours, theirs := net.Pipe()
			ends = append(ends, theirs)
			l := &line{conn: ours, of: owner{"application", roster.AccountID([]string{"a", "b"}[n%2])}, look: func() (quiet, more bool) { return true, false }}
			l.in = bufio.NewReader(l)
			p.putBack(l)
		}
		open := func() (n int) {
			for _, end := range ends {
				_ = end.SetReadDeadline(time.Now().Add(time.Millisecond))
				if _, err := end.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
					n++
				}
			}
			return n
		}
		if p.all.Len() != 2*mostIdleOfOne || open() != p.all.Len() {
			t.Errorf("%d are idle, and %d open", p.all.Len(), open())
		}
		if p.take(owner{"application", "a"}) == nil || p.take(owner{"application", "c"}) != nil {
			t.Error("a line is taken by whoever it is not of")
		}
		time.Sleep(2 * longestIdle)
		synctest.Wait()
		if p.all.Len() != 0 || len(p.idle) != 0 || open() != 1 {
			t.Errorf("%d are idle after a while, of %d owners, and %d open", p.all.Len(), len(p.idle), open())
		}
	})
}

// Of many more than may be idle, those that were used last are.
func TestTheLineThatIsIdleForLongestGivesWay(t *testing.T) {
	p := plain{idle: make(map[owner][]*line)}
	of := func(n int) owner { return owner{"application", roster.AccountID(fmt.Sprint(n / 2))} }
	for n := range mostIdle + 3 {
		ours, _ := net.Pipe()
		l := &line{conn: ours, of: of(n), look: func() (quiet, more bool) { return true, false }}
		l.in = bufio.NewReader(l)
		p.putBack(l)
	}
	for n, many := range map[int]int{0: 0, 2: 1, 4: 2, mostIdle: 2, mostIdle + 2: 1} {
		for taken := range many + 1 {
			if is := p.take(of(n)) != nil; is != (taken < many) {
				t.Errorf("of the owner of line %d, who should have %d, %d are taken, and one more: %t", n, many, taken, is)
			}
		}
	}
	if p.closeSince(time.Now()); p.all.Len() != 0 || len(p.idle) != 0 {
		t.Errorf("%d are idle at the end, of %d owners", p.all.Len(), len(p.idle))
	}
}

func TestABodyIsClosedWhileSomebodyWaitsForIt(t *testing.T) {
	address, _ := scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		_, _ = http.ReadRequest(in)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n")
		_, _ = io.ReadAll(in) // until it is given up
	})
	l := New()
	t.Cleanup(l.Close)
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/", nil)
	answer, err := l.Ask(r, true, "a")
	if err != nil {
		t.Fatal(err)
	}
	read, ended := make(chan struct{}), make(chan error)
	go func() {
		_, _ = io.ReadFull(answer.Body, make([]byte, 4))
		close(read)
		_, err := answer.Body.Read(make([]byte, 1))
		ended <- err
	}()
	<-read
	_ = answer.Body.Close()
	if err := <-ended; err == nil || err == io.EOF {
		t.Errorf("whoever waited is told %v", err)
	}
}

// Whatever is given up, and whenever, what is asked next has its own answer, on a line that waits for it as long as it takes.
//
// Promise: SCOPE-9
func TestSCOPE_9_WhatIsGivenUpLeavesNothingToWhatIsAskedNext(t *testing.T) {
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat(r.URL.Path, 100))
		if strings.HasSuffix(r.URL.Path, "0") {
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, r.URL.Path)
		}
	}))
	t.Cleanup(behind.Close)
	l := New()
	t.Cleanup(l.Close)
	var wait sync.WaitGroup
	for client := range 8 {
		account := roster.AccountID(fmt.Sprintf("a%d", client%2))
		wait.Go(func() {
			for n := range 300 {
				path := fmt.Sprintf("/%d/%d/%d", client, n, n%3)
				ctx, cancel := context.WithCancel(t.Context())
				r, _ := http.NewRequestWithContext(ctx, http.MethodGet, behind.URL+path, nil)
				way := (n + client) % 7
				if way == 0 {
					go cancel() // at whatever moment
				}
				answer, err := l.Ask(r, true, account)
				if err != nil {
					if way != 0 {
						t.Errorf("%s: %v", path, err)
					}
					cancel()
					continue
				}
				switch way {
				case 1: // nothing of it is read
				case 2:
					_, _ = io.ReadFull(answer.Body, make([]byte, 10))
				case 3:
					go answer.Body.Close()
					_, _ = io.Copy(io.Discard, answer.Body)
				case 4:
					go cancel()
					_, _ = io.Copy(io.Discard, answer.Body)
				default:
					body, err := io.ReadAll(answer.Body)
					if way != 0 && (err != nil || strings.ReplaceAll(string(body), path, "") != "") {
						t.Errorf("%s is answered with %.60q, %v", path, body, err)
					}
				}
				_ = answer.Body.Close()
				cancel()
			}
		})
	}
	wait.Wait()
}

// A request that was given up before its response was read to the end may have put an end to what is waited for on its line.
//
// Promise: SCOPE-9
func TestSCOPE_9_ALineWhoseRequestWasGivenUpIsNotKept(t *testing.T) {
	address, _ := scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		for {
			if _, err := http.ReadRequest(in); err != nil {
				return
			}
			_, _ = io.WriteString(c, fine)
		}
	})
	for _, givenUp := range []bool{true, false} {
		l := New()
		t.Cleanup(l.Close)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
		answer, err := l.Ask(r, true, "a")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.ReadFull(answer.Body, make([]byte, 3)) // the rest is here as well
		if givenUp {
			cancel()
		}
		if _, err := io.Copy(io.Discard, answer.Body); err != nil {
			t.Fatal(err)
		}
		if kept := l.plain.all.Len() == 1; kept == givenUp {
			t.Errorf("given up %t: %d lines are kept", givenUp, l.plain.all.Len())
		}
	}
}
