package provision_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"poterne/internal/provision"
	"poterne/internal/roster"
)

const pollToken = "a-token-of-the-stream"

// stream is a transmitter that is asked for its signals.
type stream struct {
	t     *testing.T
	mu    sync.Mutex
	sets  map[string]string // those that were neither acknowledged nor refused
	errs  map[string]string // those that were refused, and why
	told  map[string]int    // how often each was handed out
	asked int
	runs  int
	odd   func(w http.ResponseWriter, asked int) bool // answers instead
	lose  func(asked int, acknowledges bool) bool     // loses a request as it comes
	news  chan struct{}
	*httptest.Server
}

func streams(t *testing.T) *stream {
	s := &stream{t: t, sets: make(map[string]string), errs: make(map[string]string), told: make(map[string]int), news: make(chan struct{}, 1)}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *stream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		Ack  []string
		Errs map[string]struct{ Err, Description string } `json:"setErrs"`
		Now  *bool                                        `json:"returnImmediately"`
		Most int                                          `json:"maxEvents"`
	}
	text, _ := io.ReadAll(r.Body)
	if err := json.Unmarshal(text, &ask); err != nil || r.Method != http.MethodPost || r.Header.Get("Authorization") != "Bearer "+pollToken || ask.Now == nil || ask.Most == 0 {
		s.t.Errorf("it asks %s with %q: %v", text, r.Header.Get("Authorization"), err)
	}
	s.mu.Lock()
	s.asked++
	asked := s.asked
	if s.lose != nil && s.lose(asked, len(ask.Ack) > 0) {
		s.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	for _, id := range ask.Ack {
		delete(s.sets, id)
	}
	for id, e := range ask.Errs {
		delete(s.sets, id)
		s.errs[id] = e.Err
	}
	if s.odd != nil && s.odd(w, asked) {
		s.mu.Unlock()
		return
	}
	if len(s.sets) == 0 && !*ask.Now {
		s.mu.Unlock()
		select {
		case <-s.news:
		case <-r.Context().Done():
		case <-time.After(20 * time.Millisecond):
		}
		s.mu.Lock()
	}
	sets := maps.Clone(s.sets)
	for id := range sets {
		s.told[id]++
	}
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"sets": sets})
}

func (s *stream) adds(id, token string) {
	s.mu.Lock()
	s.sets[id] = token
	s.mu.Unlock()
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// left is how many signals it still has.
func (s *stream) left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sets)
}

// signed is a token of the transmitter.
func (h hearing) signed(claims map[string]any) string {
	h.t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: h.key}, (&jose.SignerOptions{}).WithType("secevent+jwt"))
	if err != nil {
		h.t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		h.t.Fatal(err)
	}
	return text
}

// polls runs a poller until something holds, and returns how often each outcome was counted.
func (h hearing) polls(from *stream, nodes int, until func() bool) map[provision.Outcome]int {
	h.t.Helper()
	ctx, stop := context.WithTimeout(h.t.Context(), 10*time.Second)
	defer stop()
	t := h.signals.Transmitters[0]
	t.Poll, t.PollToken = from.URL+"/poll", pollToken
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	from.runs++
	turn := time.Duration(from.runs) * time.Hour // another turn than that of the run before
	if nodes > 1 {
		turn = 100 * time.Millisecond
	}
	var mu sync.Mutex
	counted := make(map[provision.Outcome]int)
	var all sync.WaitGroup
	for range nodes {
		signals := *h.signals
		signals.Now = time.Now
		poller := provision.NewPoller(&signals, t, client, func(o provision.Outcome) { mu.Lock(); counted[o]++; mu.Unlock() }).Quick(turn)
		all.Go(func() { _ = poller.Run(ctx) })
	}
	for !until() && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	if ctx.Err() != nil {
		h.t.Error("it did not come about")
	}
	stop()
	all.Wait()
	return counted
}

// now is a signal's claims at the clock of this machine, which turns go by.
func (h hearing) now(id, kind, subject string) map[string]any {
	e := h.event(id, kind, subject)
	e["iat"] = time.Now().Unix()
	return e
}

// Promise: RUN-5
func TestRUN_5_ASignalIsFetchedDoneAndThenAcknowledged(t *testing.T) {
	h, from := hears(t), streams(t)
	from.adds("1", h.signed(h.now("1", revoked, "p1")))
	counted := h.polls(from, 3, func() bool { // three nodes
		if from.left() == 0 {
			from.mu.Lock()
			more := from.told["2"] == 0
			from.mu.Unlock()
			if more { // while one of them waits for news
				from.adds("2", h.signed(h.now("2", disabled, "p1")))
			}
			return !more
		}
		return false
	})
	// A turn that ends while a signal is done has the next node do it, too.
	if len(h.ended) < 2 || len(slices.Compact(slices.Clone(h.ended))) != 1 || h.ended[0] != "pauline" || !h.stopped("pauline") || counted[provision.Taken] < 2 {
		t.Errorf("sessions of %v ended, stopped %t, %v", h.ended, h.stopped("pauline"), counted)
	}
}

// An answer that is lost, an acknowledgement that is lost, a program that stops between what
// a signal tells and its acknowledgement, a database that does not answer: it is told again,
// and done once.
func TestRUN_5_ASignalThatIsFetchedTwiceIsDoneOnce(t *testing.T) {
	h, from := hears(t), streams(t)
	for i := range 5 {
		id := strconv.Itoa(i)
		from.adds(id, h.signed(h.now(id, revoked, "p1")))
	}
	lost := 0
	from.lose = func(asked int, acknowledges bool) bool {
		if acknowledges {
			lost++
		}
		return asked == 1 || acknowledges
	}
	broken := 0
	h.signals.EndAll = func(ctx context.Context, of roster.AccountID) error {
		if broken++; broken == 1 {
			return errors.New("the database does not answer")
		}
		return h.EndAll(ctx, of)
	}
	counted := h.polls(from, 1, func() bool { from.mu.Lock(); defer from.mu.Unlock(); return lost > 2 })
	if from.left() != 5 || len(h.ended) != 5 || counted[provision.Failed] < 4 {
		t.Errorf("%d are left, sessions ended %d times, %v", from.left(), len(h.ended), counted)
	}
	from.lose = nil
	if h.polls(from, 1, func() bool { return from.left() == 0 }); len(h.ended) != 5 { // after a restart
		t.Errorf("sessions ended %d times", len(h.ended))
	}
}

// Whoever answers in the transmitter's place, without its key, brings nothing about; what they
// wrote is refused and does not stand in the way of what comes after it.
func TestRUN_5_WhatIsFetchedAndNotTheTransmittersDoesNothing(t *testing.T) {
	h, from := hears(t), streams(t)
	stranger := hears(t)
	old := h.now("old", disabled, "p1")
	old["iat"] = time.Now().AddDate(0, 0, -8).Unix()
	expired := h.now("expired", disabled, "p1")
	expired["exp"] = time.Now().Add(-time.Minute).Unix()
	other := h.now("other", disabled, "p1")
	other["aud"] = "https://other.example"
	from.adds("forged", stranger.signed(h.now("forged", disabled, "p1")))
	from.adds("old", h.signed(old))
	from.adds("expired", h.signed(expired))
	from.adds("other", h.signed(other))
	from.adds("renamed", h.signed(h.now("another", disabled, "p1")))
	from.adds("", h.signed(h.now("unnamed", disabled, "p1")))
	from.adds("text", "no token")
	from.adds("long", strings.Repeat("a", 20<<10))
	from.adds("true", h.signed(h.now("true", revoked, "k1")))
	counted := h.polls(from, 1, func() bool { return from.left() == 0 })
	want := map[string]string{"forged": "invalid_key", "old": "invalid_request", "expired": "invalid_request", "other": "invalid_audience", "renamed": "invalid_request", "": "invalid_request", "text": "invalid_request", "long": "invalid_request"}
	if !maps.Equal(from.errs, want) || counted[provision.Declined] < len(want) || counted[provision.Taken] < 1 {
		t.Errorf("refused: %v, %v", from.errs, counted)
	}
	if h.stopped("pauline") || !slices.Equal(h.ended, []roster.AccountID{"karim"}) {
		t.Errorf("sessions of %v ended", h.ended)
	}
}

// A transmitter that is down for long, that sends elsewhere, or that answers what is none is
// asked again, less and less often; nothing is sent where it points.
func TestRUN_5_ATransmitterThatAnswersOddlyIsAskedAgain(t *testing.T) {
	h, from := hears(t), streams(t)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it goes where it is sent") }))
	t.Cleanup(elsewhere.Close)
	says := func(kind string, status int, text string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
		}
	}
	token := h.signed(h.now("1", disabled, "p1"))
	odd := []func(http.ResponseWriter){
		says("application/json", http.StatusTemporaryRedirect, `{"sets":{}}`),
		says("application/json", http.StatusFound, `{"sets":{}}`),
		says("application/json", http.StatusServiceUnavailable, `{"sets":{}}`),
		says("application/json", http.StatusAccepted, `{"sets":{"1":"`+token+`"}}`),
		says("text/html", http.StatusOK, `{"sets":{"1":"`+token+`"}}`),
		says("application/json", http.StatusOK, `{"error":"not here"}`),
		says("application/json", http.StatusOK, `{"sets":{"1":"`+token+`"},"sets":{}}`),
		says("application/json", http.StatusOK, `{"sets":{"1":"`+token+`"}}{}`),
		says("application/json", http.StatusOK, `{"sets":{"1":"`+token+`"}`),
		says("application/json", http.StatusOK, `{"sets":{"1":"`+strings.Repeat("a", 2<<20)+`"}}`),
	}
	from.adds("2", h.signed(h.now("2", revoked, "k1")))
	from.odd = func(w http.ResponseWriter, asked int) bool {
		if asked > len(odd) {
			return false
		}
		odd[asked-1](w)
		return true
	}
	counted := h.polls(from, 1, func() bool { return from.left() == 0 })
	if counted[provision.Failed] != len(odd) || !slices.Equal(h.ended, []roster.AccountID{"karim"}) || h.stopped("pauline") {
		t.Errorf("%d of %d failed, sessions of %v ended", counted[provision.Failed], len(odd), h.ended)
	}
}
