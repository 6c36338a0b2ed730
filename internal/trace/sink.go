package trace

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// sink is where spans are sent: OTLP over HTTP, in JSON.
type sink struct {
	address, token string
	client         *http.Client
}

func newSink(address, token string) sink {
	return sink{address, token, &http.Client{
		Timeout:       5 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// What of OTLP 1 is written here. Its JSON has numbers of 64 bits as texts, and the names of
// spans in hexadecimal digits.
type (
	export struct {
		Resources []resourceSpans `json:"resourceSpans"`
	}
	resourceSpans struct {
		Resource resource     `json:"resource"`
		Scopes   []scopeSpans `json:"scopeSpans"`
	}
	resource struct {
		Attributes []attribute `json:"attributes"`
	}
	scopeSpans struct {
		Scope scope  `json:"scope"`
		Spans []span `json:"spans"`
	}
	scope struct {
		Name string `json:"name"`
	}
	span struct {
		Trace      string      `json:"traceId"`
		ID         string      `json:"spanId"`
		Parent     string      `json:"parentSpanId,omitempty"`
		Name       string      `json:"name"`
		Kind       int         `json:"kind"`
		Began      string      `json:"startTimeUnixNano"`
		Ended      string      `json:"endTimeUnixNano"`
		Attributes []attribute `json:"attributes,omitempty"`
		Status     *status     `json:"status,omitempty"`
	}
	status struct {
		Code int `json:"code"`
	}
	attribute struct {
		Key   Key   `json:"key"`
		Value value `json:"value"`
	}
	value struct {
		Text string `json:"stringValue"`
	}
)

// The kinds of spans, and what says that one failed.
const (
	inside, server, client = 1, 2, 3
	failed                 = 2
)

func (s *Span) told() span {
	s.mu.Lock()
	defer s.mu.Unlock()
	told := span{
		Trace: hex.EncodeToString(s.trace[:]), ID: hex.EncodeToString(s.id[:]), Name: s.name, Kind: inside,
		Began: strconv.FormatInt(s.began.UnixNano(), 10), Ended: strconv.FormatInt(s.ended.UnixNano(), 10),
	}
	switch {
	case s.client:
		told.Kind = client
	case s.parent == [8]byte{}:
		told.Kind = server
	}
	if s.parent != [8]byte{} {
		told.Parent = hex.EncodeToString(s.parent[:])
	}
	for _, key := range slices.Sorted(maps.Keys(s.words)) {
		told.Attributes = append(told.Attributes, attribute{key, value{s.words[key]}})
	}
	if s.words[Failed] != "" {
		told.Status = &status{failed}
	}
	return told
}

// How many spans go out together, and how long the first of them waits.
const (
	together = 512
	longest  = time.Second
)

// Run sends what ended until ctx ends, and then what is left.
func (t *Tracer) Run(ctx context.Context, log *slog.Logger) error {
	tick := time.NewTicker(longest)
	defer tick.Stop()
	var batch []span
	well := true
	flush := func(ctx context.Context) {
		if len(batch) == 0 {
			return
		}
		err := t.sink.send(ctx, batch)
		if err != nil {
			t.dropped.Add(uint64(len(batch)))
		}
		if (err == nil) != well { // once, not for each batch
			well = err == nil
			log.WarnContext(ctx, "whether traces are taken has changed", slog.Bool("taken", well), slog.Any("err", err))
		}
		batch = batch[:0]
	}
	for {
		select {
		case s := <-t.ended:
			if batch = append(batch, s.told()); len(batch) >= together {
				flush(ctx)
			}
		case <-tick.C:
			flush(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), longest)
			defer cancel()
			for len(t.ended) > 0 {
				batch = append(batch, (<-t.ended).told())
			}
			flush(last)
			return nil
		}
	}
}

// send sends spans. What is answered is not read beyond whether they were taken.
func (s sink) send(ctx context.Context, spans []span) error {
	body, err := json.Marshal(export{[]resourceSpans{{
		Resource: resource{[]attribute{{"service.name", value{"poterne"}}}},
		Scopes:   []scopeSpans{{scope{"poterne"}, spans}},
	}}})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if s.token != "" {
		r.Header.Set("Authorization", "Bearer "+s.token)
	}
	answer, err := s.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10))
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("traces are answered %d", answer.StatusCode)
	}
	return nil
}
