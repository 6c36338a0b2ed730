package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"poterne/internal/lab/town/life"
)

// whatALineMaySay is every key of a line, and everything that its value may be.
var whatALineMaySay = map[string]*regexp.Regexp{
	"time":    regexp.MustCompile(`^"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z"$`),
	"service": regexp.MustCompile(`^"(poterne|people)"$`),
	"route":   regexp.MustCompile(`^"(GET /list|GET /files/\{id\}|(GET |POST |PUT |HEAD )?\(not declared\))"$`),
	"status":  regexp.MustCompile(`^[1-5]\d\d$`),
	"outcome": regexp.MustCompile(`^"(shown|cut|plain|refused|failed|anonymous|aborted)"$`),
	"bytes":   regexp.MustCompile(`^\d+$`),
	"ms":      regexp.MustCompile(`^\d+(\.\d+)?$`),
	"receipt": regexp.MustCompile(`^\d+$`),
}

// Whatever is asked, and by whom: the lines say when, which declared route and how it ended. They
// hold nothing that came with a request, and nobody.
//
// Promise: RUN-5
func TestRUN_5_TheAccessLogNamesNobody(t *testing.T) {
	t.Parallel()
	application := httptest.NewServer(crowd())
	t.Cleanup(application.Close)
	h := newHouse(t, "application", map[string]string{"http://127.0.0.1:3000": application.URL})
	log := filepath.Join(h.dir, "access.log")
	rewrite(t, h.config, strings.Replace(readFile(t, h.config), "[public]", "[access_log]\nfile = \"access.log\"\n\n[public]", 1))
	p := h.serve()
	const secret = "s7gQzw"
	browsers := []*life.Browser{h.browser("pauline.mercier"), h.browser("samir.cohen")}
	asked := 0
	for _, b := range browsers {
		for _, path := range []string{
			"/people/list?from=0", "/people/list?from=" + secret, "/people/list?nom=" + secret, "/people/files/" + crowdID(3), "/people/files/" + secret, "/people/files/" + crowdID(5) + "?q=" + secret,
			"/people/" + secret + "/" + crowdID(4), "/people/%2e%2e/" + secret, "/people", "/", "/desk", "/desk/accounts/pauline.mercier", "/manager/people?q=" + secret, "/" + secret, "/.poterne/" + secret,
		} {
			if page, err := b.Get(t.Context(), path); err != nil {
				t.Fatal(err)
			} else if page.Status == http.StatusOK && strings.Contains(path, "files") {
				asked++
			}
		}
	}
	if asked == 0 {
		t.Error("nobody was shown anything")
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, secret} {
		r, err := http.NewRequestWithContext(t.Context(), method, h.origin+"/people/files/"+crowdID(7)+"?"+url.Values{"nom": {secret}}.Encode(), strings.NewReader(secret+"="+secret))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"Cookie", "Authorization", "Referer", "User-Agent", "X-Forwarded-For", "Traceparent", "Accept-Language", "X-Request-Id"} {
			r.Header.Set(name, secret)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
	}
	last, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.origin, nil)
	if err != nil {
		t.Fatal(err)
	}
	last.Host = "elsewhere.example"
	answer, err := http.DefaultClient.Do(last)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	p.ready(h.origin)
	hasLine(t, log, `"status":421`)

	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	text := readFile(t, log)
	said := make(map[string]int)
	for line := range strings.Lines(text) {
		var of map[string]json.RawMessage
		if err := json.Unmarshal([]byte(line), &of); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if string(of["node"]) != fmt.Sprintf("%q", host) {
			t.Errorf("the node is %s", of["node"])
		}
		delete(of, "node")
		for _, key := range slices.Sorted(maps.Keys(of)) {
			if may := whatALineMaySay[key]; may == nil || !may.Match(of[key]) {
				t.Errorf("a line says %s: %s", key, of[key])
			}
			said[key+" "+string(of[key])]++
		}
	}
	for _, want := range []string{`service "poterne"`, `route "GET /files/{id}"`, `route "GET (not declared)"`, `outcome "shown"`, `outcome "refused"`, `outcome "anonymous"`, `status 200`, `status 403`} {
		if said[want] == 0 {
			t.Errorf("no line says %s", want)
		}
	}
	for _, never := range []string{secret, crowdID(3), crowdID(4), crowdID(5), crowdID(7), "pauline", "samir", "mercier", "127.0.0.1", "from", "nom", "/desk", "Nom "} {
		if strings.Contains(text, never) {
			t.Errorf("the access log has %q:\n%s", never, text)
		}
	}
	if about, err := os.Stat(log); err != nil || about.Mode().Perm()&0o007 != 0 {
		t.Errorf("everybody may read it: %v %v", about.Mode(), err)
	}

	// logrotate moves it away; the next lines go into a new one. So they do after a reload.
	for _, rotate := range []func(){
		func() {
			if err := p.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(patience); !there(log); time.Sleep(5 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("the access log was not opened anew")
				}
			}
		},
		func() { p.hangUp(readAnew) },
	} {
		if err := os.Rename(log, log+".1"); err != nil {
			t.Fatal(err)
		}
		rotate()
		before := len(readFile(t, log+".1"))
		h.get(browsers[0], "/")
		hasLine(t, log, "\n")
		if text := readFile(t, log); strings.Count(text, "\n") != 1 || len(readFile(t, log+".1")) != before {
			t.Errorf("after it was moved away the access log has: %s", text)
		}
	}
}

// hasLine waits until a file has a line, which nobody waits for but a test.
func hasLine(t *testing.T, file, part string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !there(file) || !strings.Contains(readFile(t, file), part); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s has no line with %s", file, part)
		}
	}
}

func there(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}
