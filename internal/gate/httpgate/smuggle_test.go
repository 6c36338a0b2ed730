package httpgate_test

import (
	"bufio"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"poterne/internal/gate/httpgate"
)

// spoken is an application that answers with these very bytes, and keeps its connections open.
type spoken struct {
	mu     sync.Mutex // guards what follows
	answer string
	conns  []net.Conn
}

// speaksBytes puts one behind a gate that asks over kept lines.
func (w *world) speaksBytes(routes ...httpgate.Route) *spoken {
	w.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = l.Close() })
	s := &spoken{}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, c)
			s.mu.Unlock()
			go func() {
				defer c.Close()
				for in := bufio.NewReader(c); ; {
					if _, err := http.ReadRequest(in); err != nil {
						return
					}
					s.mu.Lock()
					answer, ends := strings.CutSuffix(s.answer, "<end>")
					s.mu.Unlock()
					if _, err := io.WriteString(c, answer); err != nil || ends {
						return
					}
				}
			}()
		}
	}()
	w.upstream = &url.URL{Scheme: "http", Host: l.Addr().String()}
	service := w.service(routes...)
	service.Reuse = true
	if w.proxy, err = httpgate.New([]httpgate.Service{service}, w.dependencies(w.t)); err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (s *spoken) says(answer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// adds says something more on every connection that there is.
func (s *spoken) adds(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		_, _ = io.WriteString(c, text)
	}
}

// What an application sends beside a response, or with two lengths, is never the response to what is asked next, and
// nothing goes out of what does not say where it ends.
//
// Promises: SCOPE-9, LEDGER-1
func TestSCOPE_9_AResponseWithinAResponseIsNobodys(t *testing.T) {
	const ok, asJSON = "HTTP/1.1 200 OK\r\n", "Content-Type: application/json\r\n"
	good, evil := sayAll("p1"), sayAll("p30")
	length := func(body string) string { return fmt.Sprintf("Content-Length: %d\r\n", len(body)) }
	plain := func(body string) string { return ok + asJSON + length(body) + "\r\n" + body }
	chunks := func(body string) string { return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body) }
	const chunked = "Transfer-Encoding: chunked\r\n"
	csv := "id,name\np1,‹p1›\n"

	const passes, refused = "passes", "refused"
	for name, test := range map[string]struct{ answer, becomes string }{
		"another after it":                  {plain(good) + plain(evil), passes},
		"a length and chunks":               {ok + asJSON + "Content-Length: 3\r\n" + chunked + "\r\n" + chunks(good) + plain(evil), passes},
		"chunks and a length":               {ok + asJSON + chunked + length(good) + "\r\n" + chunks(good) + plain(evil), passes},
		"two lengths":                       {ok + asJSON + length(good) + "Content-Length: 3\r\n\r\n" + good + plain(evil), refused},
		"one length twice":                  {ok + asJSON + length(good) + length(good) + "\r\n" + good + plain(evil), passes},
		"a list of lengths":                 {ok + asJSON + fmt.Sprintf("Content-Length: %d, 3\r\n\r\n", len(good)) + good + plain(evil), refused},
		"a length with a sign":              {ok + asJSON + fmt.Sprintf("Content-Length: +%d\r\n\r\n", len(good)) + good + plain(evil), refused},
		"a length below zero":               {ok + asJSON + "Content-Length: -1\r\n\r\n" + good + plain(evil), refused},
		"a length that is folded":           {ok + asJSON + "Content-Length: 3\r\n 0\r\n\r\n" + good + plain(evil), refused},
		"a coding that is folded":           {ok + asJSON + "Transfer-Encoding:\r\n chunked\r\n\r\n" + chunks(good) + plain(evil), passes},
		"a space before the colon":          {ok + asJSON + "Content-Length : 3\r\n\r\n" + good + plain(evil), refused},
		"a bare return":                     {ok + asJSON + "X: 1\rContent-Length: 3\r\n" + length(good) + "\r\n" + good + plain(evil), refused},
		"chunks twice":                      {ok + asJSON + "Transfer-Encoding: chunked, chunked\r\n\r\n" + chunks(good), refused},
		"another coding":                    {ok + asJSON + "Transfer-Encoding: xchunked\r\n\r\n" + chunks(good), refused},
		"a coding with a tab":               {ok + asJSON + "Transfer-Encoding: \x0bchunked\r\n" + length(good) + "\r\n" + good, refused},
		"a chunk longer than any":           {ok + asJSON + chunked + "\r\nfffffffffffffffff\r\n" + good, refused},
		"a chunk in other figures":          {ok + asJSON + chunked + "\r\n0x" + chunks(good), refused},
		"a chunk longer than it says":       {ok + asJSON + chunked + "\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(good)-1, good), refused},
		"extensions of a chunk":             {ok + asJSON + chunked + "\r\n" + fmt.Sprintf("%x;a=%s\r\n%s\r\n0\r\n\r\n", len(good), strings.Repeat("x", 1000), good) + plain(evil), passes},
		"extensions without bound":          {ok + asJSON + chunked + "\r\n" + strings.Repeat("1;a="+strings.Repeat("x", 3000)+"\r\n[\r\n", 100), refused},
		"a trailer that says another thing": {ok + asJSON + chunked + "Trailer: Content-Type\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\nContent-Type: text/html\r\nSet-Cookie: sid=9\r\n\r\n", len(good), good) + plain(evil), passes},
		"trailers without bound":            {ok + asJSON + chunked + "\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n", len(good), good) + strings.Repeat("X: y\r\n", 10000) + "\r\n", refused},
		"no content, and some":              {"HTTP/1.1 204 No Content\r\n" + length(evil) + "\r\n" + plain(evil), passes},
		"not modified, and some":            {"HTTP/1.1 304 Not Modified\r\n" + length(evil) + "\r\n" + plain(evil), refused},
		"hints before it":                   {strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </‹p30›>\r\n\r\n", 3) + plain(good), passes},
		"hints with a body":                 {"HTTP/1.1 103 Early Hints\r\n" + length(plain(evil)) + "\r\n" + plain(good), passes},
		"hints without an end":              {strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 10000), refused},
		"a status of no class":              {strings.Repeat("HTTP/1.1 000 Nothing\r\n\r\n", 10), refused},
		"a header of 256 KB":                {ok + asJSON + "X: " + strings.Repeat("x", 256<<10) + "\r\n" + length(good) + "\r\n" + good, refused},
		"a header without an end":           {ok + strings.Repeat("X: y\r\n", 1<<17), refused},
		"another protocol":                  {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n" + plain(evil), refused},
		"HTTP/1.0 that is kept":             {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + asJSON + length(good) + "\r\n" + good + plain(evil), passes},
		"HTTP/1.0 in chunks":                {"HTTP/1.0 200 OK\r\n" + asJSON + chunked + "\r\n" + chunks(good) + "<end>", refused},
		"kept and closed":                   {ok + "Connection: keep-alive, close\r\n" + asJSON + length(good) + "\r\n" + good + plain(evil), passes},
		"cut short":                         {ok + asJSON + length(good) + "\r\n" + good[:len(good)-1] + "<end>", refused},
		"chunks cut short":                  {ok + asJSON + chunked + "\r\n" + fmt.Sprintf("%x\r\n%s\r\n", len(good), good) + "<end>", refused},
		"no length":                         {ok + "Content-Type: text/csv\r\n\r\n" + csv + "<end>", refused},
		"no length, of HTTP/2":              {"HTTP/2.0 200 OK\r\nContent-Type: text/csv\r\n\r\n" + csv + "<end>", refused},
		"no length, of HTTP/3":              {"HTTP/3.0 200 OK\r\nContent-Type: text/csv\r\n\r\n" + csv + "<end>", refused},
		"no length, of HTTP/0.9":            {"HTTP/0.9 200 OK\r\nContent-Type: text/csv\r\n\r\n" + csv + "<end>", refused},
		"no HTTP":                           {"ICY 200 OK\r\n" + asJSON + length(good) + "\r\n" + good, refused},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, list())
			s := w.speaksBytes(list())
			s.says(plain(good)) // so that there is a line to go on with
			if got := w.get("/list"); !slices.Equal(shown(got.body), []string{"p1"}) {
				t.Fatal(got)
			}
			s.says(test.answer)
			switch got := w.get("/list"); {
			case strings.Contains(fmt.Sprint(got.header, got.body), "p30"), got.header.Get("Set-Cookie") != "":
				t.Errorf("what is not the response went out: %v", got)
			case (got.status < 300) != (test.becomes == passes):
				t.Errorf("%s: %v", test.becomes, got)
			}
			s.says(plain(sayAll("p2")))
			if got := w.get("/list"); !slices.Equal(shown(got.body), []string{"p2"}) {
				t.Errorf("what is asked next is answered with %v", got)
			}
			s.adds(plain(evil))
			if got := w.get("/list"); !slices.Equal(shown(got.body), []string{"p2"}) {
				t.Errorf("after what came unasked: %v", got)
			}
		})
	}
}

// By HTTP/2 a response ends where the protocol says so: it needs no length, and one that is broken off is none.
//
// Promise: SCOPE-9
func TestSCOPE_9_AResponseOfHTTP2SaysByItselfWhereItEnds(t *testing.T) {
	w := newWorld(t)
	breaks := false
	behind := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("asked by %s", r.Proto)
		}
		rw.Header().Set("Content-Type", "text/csv")
		_, _ = io.WriteString(rw, "id,name\np1,‹p1›\n")
		_ = http.NewResponseController(rw).Flush()
		if breaks {
			panic(http.ErrAbortHandler)
		}
	}))
	behind.EnableHTTP2 = true
	behind.StartTLS()
	t.Cleanup(behind.Close)
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: behind.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", roots) // read once, and by no other test here
	w.upstream, _ = url.Parse(behind.URL)
	for _, reuse := range []bool{false, true} {
		service := w.service(list())
		service.Reuse = reuse
		var err error
		if w.proxy, err = httpgate.New([]httpgate.Service{service}, w.dependencies(t)); err != nil {
			t.Fatal(err)
		}
		breaks = false
		if got := w.get("/list"); !slices.Equal(shown(got.body), []string{"p1"}) {
			t.Errorf("reuse=%t: %v", reuse, got)
		}
		breaks = true
		if got := w.get("/list"); got.status < 400 {
			t.Errorf("reuse=%t, broken off: %v", reuse, got)
		}
	}
}
