package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// rawApplication is an application that writes its answers to the wire by itself:
// each request is answered by whatever say writes.
func rawApplication(t *testing.T, say func(to io.Writer, r *http.Request)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				in := bufio.NewReader(c)
				for {
					r, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, r.Body)
					say(c, r)
					if r.Close {
						return
					}
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// single is the benchmark's configuration with a connection for each request, as it
// is when nothing is said.
var single = strings.Replace(benchConfig, "reuse = true\n", "", 1)

// onePerson answers with the file that a path such as /people/3-14 asks for.
func onePerson(r *http.Request) string {
	id := strings.TrimPrefix(r.URL.Path, "/people/")
	return fmt.Sprintf(`{"id":%q,"surname":"Éléonore-%s","first":"Zoé","birth":"1990-05-01"}`, id, id)
}

// Promise: SCOPE-9
func TestSCOPE_9_BytesAfterAnAnswerAreInNoOutput(t *testing.T) {
	application := rawApplication(t, func(to io.Writer, r *http.Request) {
		body := onePerson(r)
		// The length is counted in characters, so that some bytes come after the answer.
		padded := body + strings.Repeat(" ", 3) + "Durand-" + strings.TrimPrefix(r.URL.Path, "/people/")
		_, _ = fmt.Fprintf(to, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), padded)
	})
	browsers, _, said := guard(t, benchConfig, application, 1)
	for n := range 50 {
		page, err := browsers[0].Get(t.Context(), "/app/people/"+benchID(0, n))
		if err != nil || page.Status != http.StatusOK || !strings.Contains(string(page.Body), benchID(0, n)) {
			t.Errorf("person %d: %d %s %v", n, page.Status, page.Body, err)
		}
		if strings.Contains(string(page.Body), "Durand") {
			t.Errorf("what followed an answer went out: %s", page.Body)
		}
	}
	if strings.Contains(said.String(), "Durand") {
		t.Errorf("a person is in the program's output: %s", said)
	}
	if !strings.Contains(said.String(), "bytes after its answer") {
		t.Errorf("the output does not say that it happened: %s", said)
	}
}

// Promise: SCOPE-9
func TestSCOPE_9_NobodyIsAnsweredWithAnothersAnswer(t *testing.T) {
	for name, test := range map[string]struct {
		config string
		owner  func(client, n int) string // whose answer it must be
	}{
		"a connection for each request":   {single, func(client, n int) string { return fmt.Sprintf(`"id":"%d-%d"`, client, n) }},
		"connections that are used again": {benchConfig, func(client, _ int) string { return fmt.Sprintf(`"id":"%d-`, client) }},
	} {
		t.Run(name, func(t *testing.T) {
			application := rawApplication(t, func(to io.Writer, r *http.Request) {
				body := onePerson(r)
				one := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
				_, _ = io.WriteString(to, one) // twice, one soon after the other
				_, _ = io.WriteString(to, one)
			})
			browsers, _, _ := guard(t, test.config, application, 8)
			var wait sync.WaitGroup
			for client, browser := range browsers {
				for range 4 {
					wait.Go(func() {
						for n := range 20 {
							page, err := browser.Get(t.Context(), "/app/people/"+benchID(client, n))
							if err != nil {
								t.Error(err)
								return
							}
							if body := string(page.Body); page.Status == http.StatusOK && !strings.Contains(body, test.owner(client, n)) {
								t.Errorf("client %d asked for %d and got %s", client, n, body)
							}
						}
					})
				}
			}
			wait.Wait()
		})
	}
}
