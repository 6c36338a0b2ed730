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
	t.Parallel()
	application := rawApplication(t, func(to io.Writer, r *http.Request) {
		body := onePerson(r)
		// The length is counted in characters, so that some bytes come after the answer.
		padded := body + strings.Repeat(" ", 3) + "Durand-" + strings.TrimPrefix(r.URL.Path, "/people/")
		_, _ = fmt.Fprintf(to, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), padded)
	})
	browsers, _, said := guard(t, benchConfig, application, 1, benchList)
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
	t.Parallel()
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
			browsers, _, _ := guard(t, test.config, application, 8, benchList)
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

// smuggling is what a misbehaving application is declared to answer with.
var smuggling = strings.Replace(single, "[[service.route]]", `cookies = ["sid"]
[[service.route]]
get = "/table"
html = { row = "tr.person", person = { id = ":scope@data-id" }, fields = { name = "td.name", nir = "td.nir" } }
[[service.route]]
get = "/map"
json = { row = "$.x[*]", person = { id = "@.id" }, fields = { name = "@.name" } }
[[service.route]]
get = "/leads"
query = ["page"]
html = { plain = "h1" }
[[service.route]]`, 1)

// Acceptance: A1, point 9. The application hides a number that nobody may see
// wherever an answer has room for it.
// Promise: SCOPE-10
func TestSCOPE_10_WhatNobodyDeclaredGoesOutInNoDisguise(t *testing.T) {
	t.Parallel()
	const number = "2850699"
	application := rawApplication(t, func(to io.Writer, r *http.Request) {
		status, media, location, body := "200 OK", "text/html", "", ""
		switch r.URL.Path {
		case "/table":
			body = `<!DOCTYPE html PUBLIC "-//W3C//DTD ` + number + `//EN"><html lang=x-` + number + `><body id=n` + number + ` class=n` + number + `><x-` + number + `><table role=n` + number + `>` +
				`<tr class="person n` + number + `" data-id=0-1 dir=n` + number + `><td class=name>Zoé<td class="nir MASKME-` + number + `" colspan=` + number + `>` + number + `</table></x-` + number + `>`
		case "/map":
			media, body = "application/json", `{"x":{"`+number+`":{"id":"0-2","name":"Zoé"}}}`
		case "/leads":
			status, location = "302 Found", "Location: /leads?page="+number+"\r\n"
		}
		_, _ = fmt.Fprintf(to, "HTTP/1.1 %s\r\nContent-Type: %s\r\nSet-Cookie: n%s=1\r\nSet-Cookie: sid=s; Path=/%s\r\nContent-Language: %s\r\nContent-Security-Policy: img-src https://n%s.example\r\n%sContent-Length: %d\r\n\r\n%s",
			status, media, number, number, number, number, location, len(body), body)
	})
	browsers, _, _ := guard(t, smuggling, application, 1, benchList)
	for path, want := range map[string]string{"/app/table": "Zoé", "/app/map": "", "/app/leads": ""} {
		page, err := browsers[0].Get(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if out := fmt.Sprint(page.Address, page.Header, string(page.Body)); strings.Contains(out, number) || !strings.Contains(out, want) || (want == "") != (page.Status == http.StatusForbidden) {
			t.Errorf("%s: %d %s", path, page.Status, out)
		}
	}
}
