package app

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"poterne/internal/trace"
)

// collector takes traces as OTLP says that they are sent.
type collector struct {
	t  *testing.T
	mu sync.Mutex // guards what follows

	spans  []sentSpan
	raw    strings.Builder
	refuse bool
}

type sentSpan struct {
	TraceID, SpanID, ParentSpanID, Name string
	Kind                                int
	StartTimeUnixNano, EndTimeUnixNano  string
	Attributes                          []struct {
		Key   string
		Value struct{ StringValue string }
	}
	Status struct{ Code int }
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	var sent struct {
		ResourceSpans []struct {
			Resource   struct{ Attributes []any }
			ScopeSpans []struct{ Spans []sentSpan }
		}
	}
	if err := json.Unmarshal(text, &sent); err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Authorization") != "Bearer 0123456789abcdef" {
		c.t.Errorf("%s %s %v: %v in %s", r.Method, r.URL, r.Header, err, text)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuse {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if err != nil || len(sent.ResourceSpans) != 1 || len(sent.ResourceSpans[0].ScopeSpans) != 1 {
		c.t.Errorf("%s: %v", text, err)
		return
	}
	c.raw.Write(text)
	c.spans = append(c.spans, sent.ResourceSpans[0].ScopeSpans[0].Spans...)
}

// within waits until so many spans have come.
func (c *collector) within(n int) []sentSpan {
	c.t.Helper()
	for end := time.Now().Add(long); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		c.mu.Lock()
		spans := slices.Clone(c.spans)
		c.mu.Unlock()
		if len(spans) >= n {
			return spans
		}
	}
	c.t.Fatalf("%d spans do not come", n)
	return nil
}

// Promise: RUN-5
func TestRUN_5_ATraceGoesThroughProxyDecisionTurnAndApplicationAndNamesNobody(t *testing.T) {
	c := &collector{t: t}
	server := httptest.NewServer(c)
	defer server.Close()
	var parent string
	application := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parent = r.Header.Get("Traceparent")
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"id": r.URL.Path[len("/users/"):], "name": "Nina Fictive", "version": 1})
	}))
	defer application.Close()
	p := newPartner(t, func(o *Opened) {
		o.Traces = trace.New(server.URL+"/v1/traces", "0123456789abcdef", 1)
		o.Services[0].Upstream.Host = strings.TrimPrefix(application.URL, "http://")
	})
	p.joins()
	token, _ := p.token(p.assertion(nil))
	const theirs = "4bf92f3577b34da6a3ce929d0e0e4736"
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.origin+"/people/users/90214711", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Traceparent", "00-"+theirs+"-00f067aa0ba902b7-01")
	r.Header.Set("Tracestate", "vendor=4711")
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer, err)
	}
	_ = answer.Body.Close()

	spans := c.within(4)
	if len(spans) != 4 {
		t.Fatalf("%+v", spans)
	}
	named := make(map[string]sentSpan)
	for _, s := range spans {
		named[s.Name] = s
	}
	passage, decision, turn, asked := named["passage"], named["decision"], named["turn"], named["application"]
	for child, of := range map[string]sentSpan{decision.ParentSpanID: passage, turn.ParentSpanID: decision, asked.ParentSpanID: passage} {
		if child != of.SpanID || child == "" {
			t.Errorf("%q is not below %+v", child, of)
		}
	}
	if passage.ParentSpanID != "" || passage.Kind != 2 || decision.Kind != 1 || asked.Kind != 3 {
		t.Errorf("%+v", named)
	}
	at := func(text string) int64 {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			t.Error(err)
		}
		return n
	}
	for _, s := range spans {
		if len(s.TraceID) != 32 || len(s.SpanID) != 16 || s.TraceID != passage.TraceID || s.Status.Code != 0 || at(s.StartTimeUnixNano) > at(s.EndTimeUnixNano) ||
			at(s.StartTimeUnixNano) < at(passage.StartTimeUnixNano) || at(s.EndTimeUnixNano) > at(passage.EndTimeUnixNano) {
			t.Errorf("%+v", s)
		}
	}
	if at(asked.EndTimeUnixNano) > at(decision.StartTimeUnixNano) {
		t.Error("it was decided before the application had answered")
	}
	words := make(map[string]string)
	for _, a := range passage.Attributes {
		words[a.Key] = a.Value.StringValue
	}
	if want := map[string]string{"poterne.service": "people", "http.route": "GET /users/{id}", "poterne.outcome": "shown"}; !maps.Equal(words, want) {
		t.Errorf("it says %q", words)
	}

	// What the other side says of a trace ends here; the application hears of ours alone.
	if want := "00-" + passage.TraceID + "-" + asked.SpanID + "-01"; parent != want {
		t.Errorf("the application hears of %q, not of %q", parent, want)
	}
	c.mu.Lock()
	said := numbersOfTraces.ReplaceAllString(c.raw.String(), "")
	c.mu.Unlock()
	for _, never := range []string{theirs, "00f067aa0ba902b7", "4711", "Fictive", string(p.account), "mission", "127.0.0.1", "localhost", token, p.Pseudonym.Person("90214711").Hex()} {
		if strings.Contains(said, never) {
			t.Errorf("a trace says %q: %s", never, said)
		}
	}

	// A refusal is a trace as well, and what nobody declared has no address in it.
	p.is(http.StatusForbidden, token, "/people/elsewhere/90214711", "what nobody declared")
	spans = c.within(5)
	if !slices.ContainsFunc(spans, func(s sentSpan) bool {
		return slices.ContainsFunc(s.Attributes, func(a struct {
			Key   string
			Value struct{ StringValue string }
		},
		) bool {
			return a.Key == "http.route" && a.Value.StringValue == "GET (not declared)"
		})
	}) {
		t.Errorf("%+v", spans[4:])
	}

	// Who collects them is not waited for, and what is not taken is counted.
	c.mu.Lock()
	c.refuse = true
	c.mu.Unlock()
	p.is(http.StatusOK, token, "/people/users/90214711", "somebody shown already")
	dropped := regexp.MustCompile(`(?m)^poterne_spans_dropped_total ([1-9])`)
	for end := time.Now().Add(long); ; time.Sleep(20 * time.Millisecond) {
		w := httptest.NewRecorder()
		p.p.Private.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
		if dropped.MatchString(w.Body.String()) {
			break
		}
		if time.Now().After(end) {
			t.Fatal("what nobody took is not counted")
		}
	}
}

// numbersOfTraces are by chance, or of the clock: whatever is short can be read in them.
var numbersOfTraces = regexp.MustCompile(`"(traceId|spanId|parentSpanId|startTimeUnixNano|endTimeUnixNano)":"[0-9a-f]+"`)
