package app

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// shared is a log that several write to.
type shared struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// breaksFor panics as a handler does that has met a person: in its words, and with
// them among its arguments.
//
//go:noinline
func breaksFor(w http.ResponseWriter, r *http.Request, number int) {
	if r.URL.Path == "/begun" {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half of it")
		_ = http.NewResponseController(w).Flush()
	}
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", "attachment")
	w.Header().Set("Location", "/elsewhere")
	switch r.URL.Path {
	case "/aborts":
		panic(http.ErrAbortHandler)
	case "/index":
		var none []int
		_ = none[min(number, 0)]
	}
	panic("nobody knows " + r.URL.Query().Get("name"))
}

func TestAPanicIsLoggedWithoutTheRequestAndAnswered(t *testing.T) {
	p, _ := assembled(t)
	log := &shared{}
	p.log = slog.New(slog.NewJSONHandler(log, nil))
	p.Public = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { breaksFor(w, r, 424242) })
	ctx, leave := context.WithCancel(t.Context())
	address, ended := serving(ctx, t, p)
	defer func() { leave(); <-ended }()
	get := func(path string) (*http.Response, string, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, address+path+"?name=Dupond&born=1970-01-01", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "text/html")
		r.Header.Set("Accept-Language", "en")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return nil, "", err
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		return answer, string(body), err
	}
	for path, what := range map[string]string{"/words": `"what":"string"`, "/index": "index out of range"} {
		answer, body, err := get(path)
		if err != nil {
			t.Fatalf("%s: nobody answered: %v", path, err)
		}
		if answer.StatusCode != http.StatusInternalServerError || !strings.Contains(body, "<html") || answer.Header.Get("Content-Disposition")+answer.Header.Get("Location") != "" {
			t.Errorf("%s: the answer is %s, %v", path, answer.Status, answer.Header)
		}
		said := log.String()
		if !strings.Contains(said, what) || !strings.Contains(said, "app.breaksFor:") {
			t.Errorf("%s: the log does not say where it was: %s", path, said)
		}
	}
	if _, body, err := get("/begun"); err == nil {
		t.Errorf("an answer that had begun ended as if it were whole: %q", body)
	}
	if count := strings.Count(log.String(), "a handler panicked"); count != 3 {
		t.Errorf("three handlers panicked, the log has %d", count)
	}
	if _, body, err := get("/aborts"); err == nil {
		t.Errorf("an answer cut short on purpose came to %q", body)
	}
	if count := strings.Count(log.String(), "a handler panicked"); count != 3 {
		t.Error("an answer cut short on purpose is logged as a panic")
	}
	for _, person := range []string{"Dupond", "1970", "424242", "0x67932"} {
		if strings.Contains(log.String(), person) {
			t.Errorf("the log has %q: %s", person, log)
		}
	}
}
