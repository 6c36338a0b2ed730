package alert_test

import (
	"context"
	"crypto/sha256"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"poterne/internal/alert"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/mail"
	"poterne/internal/policy"
	"poterne/internal/portal/portaltest"
	"poterne/internal/register"
	"poterne/internal/signin"
	"poterne/internal/store"
)

var secret = []byte("0123456789abcdef0123456789abcdef")

// outside is where alerts arrive.
type outside struct {
	t     *testing.T
	mu    sync.Mutex
	mails []mail.Message
	calls []string
	fails int // calls that are answered with an error first
}

func (o *outside) take(_ context.Context, m mail.Message) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mails = append(o.mails, m)
	return nil
}

func (o *outside) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fails > 0 {
		o.fails--
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	var seconds int64
	signature := r.Header.Get(alert.Header)
	if stamp, _, found := strings.Cut(strings.TrimPrefix(signature, "t="), ","); found {
		for _, digit := range stamp {
			seconds = 10*seconds + int64(digit-'0')
		}
	}
	if signature != alert.Sign(secret, time.Unix(seconds, 0), body) || time.Since(time.Unix(seconds, 0)) > time.Minute {
		o.t.Errorf("the call is signed %q", signature)
	}
	o.calls = append(o.calls, string(body))
}

// has waits until so many mails and calls came, and a moment more for others.
func (o *outside) has(mails, calls int) {
	o.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		o.mu.Lock()
		m, c := len(o.mails), len(o.calls)
		o.mu.Unlock()
		if m == mails && c == calls || time.Now().After(deadline) {
			break
		}
	}
	time.Sleep(150 * time.Millisecond)
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.mails) != mails || len(o.calls) != calls {
		o.t.Fatalf("%d mails %v and %d calls %v, not %d and %d", len(o.mails), o.mails, len(o.calls), o.calls, mails, calls)
	}
}

// Two nodes watch one ledger. Whoever is not looking is told once an hour about each
// account and source, by whichever node; and nobody of the register is named.
func TestWhoIsNotLookingIsToldOnceAnHourOfEach(t *testing.T) {
	h := portaltest.New(t)
	out := &outside{t: t, fails: 1}
	address := httptest.NewServer(out)
	t.Cleanup(address.Close)
	sessions := store.NewSessions(h.DB)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	t.Cleanup(stop)
	for range 2 {
		teller := alert.New(alert.Settings{
			Mail: []string{"garde@registre.example"}, URL: address.URL, Secret: secret, Origin: "https://poterne.example",
			Silence: map[string]time.Duration{"agenda": time.Hour},
		}, alert.Deps{
			Journal: h.Gate, Ledger: store.NewLedger(h.DB), Roster: store.NewRoster(h.DB), Sources: store.NewFacts(h.DB), Mail: out.take, Client: address.Client(), Now: time.Now, Log: slog.New(slog.DiscardHandler),
			Once: func(ctx context.Context, mark [sha256.Size]byte, until time.Time) (bool, error) {
				return sessions.Once(ctx, signin.Digest(mark), until)
			},
		})
		running.Go(func() { _ = teller.Run(ctx) })
	}
	out.has(1, 1) // a source was never heard

	person := register.PersonID{7, 7, 7, 7}
	err := h.Gate.Record(t.Context(), ledger.Entry{
		Kind: ledger.Consulted, Account: portaltest.Camille, Organisation: "ml-bourg", Service: "dossier", Person: person, Verdict: policy.Freeze, Why: policy.CanaryOpened,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Freeze(portaltest.Camille) // of the same account: nothing new
	h.Freeze(portaltest.Theo)
	h.Opens(portaltest.Theo, 1)
	out.has(3, 3)
	h.Freeze(portaltest.Theo)
	out.has(3, 3)
	var text strings.Builder
	for _, m := range out.mails {
		text.WriteString(m.Subject + m.Text)
	}
	text.WriteString(strings.Join(out.calls, ""))
	for _, want := range []string{"Poterne has frozen the account of Théo Marchand (ml-bourg).", "La source agenda ne parle plus", "Camille Aubry", "https://poterne.example/desk/accounts/theo.marchand", `"kind":"canary"`} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in %s", want, text.String())
		}
	}
	if strings.Contains(text.String(), person.Hex()) || strings.Contains(text.String(), "07070707") {
		t.Error("an alert names a person")
	}
	if !slices.ContainsFunc(out.mails, func(m mail.Message) bool {
		return m.To == "garde@registre.example" && strings.Contains(m.Subject, "un compte est gelé / ")
	}) {
		t.Error("the mail is not in both languages")
	}
}

// Whoever can write the configuration of a node can loosen every limit: who is on call is told of
// another configuration, read anew or at a start, once for all nodes that go by it; and is not told
// that a node was started again.
func TestWhoIsOnCallIsToldThatANodeGoesByAnotherConfiguration(t *testing.T) {
	h := portaltest.New(t)
	out := &outside{t: t}
	address := httptest.NewServer(out)
	t.Cleanup(address.Close)
	sessions := store.NewSessions(h.DB)
	goes := func(node string, how ledger.State, digest byte) {
		t.Helper()
		err := h.Gate.Record(t.Context(), ledger.Entry{Kind: ledger.Configured, Account: journal.Itself, State: how, Target: node, Count: 3, Digest: ledger.Digest{digest}})
		if err != nil {
			t.Fatal(err)
		}
	}
	goes("north", ledger.Started, 1) // the first of all: nobody knows what was before
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	t.Cleanup(stop)
	for range 2 {
		teller := alert.New(alert.Settings{Mail: []string{"garde@registre.example"}, URL: address.URL, Secret: secret, Origin: "https://poterne.example"}, alert.Deps{
			Journal: h.Gate, Ledger: store.NewLedger(h.DB), Roster: store.NewRoster(h.DB), Sources: store.NewFacts(h.DB), Mail: out.take, Client: address.Client(), Now: time.Now, Log: slog.New(slog.DiscardHandler),
			Once: func(ctx context.Context, mark [sha256.Size]byte, until time.Time) (bool, error) {
				return sessions.Once(ctx, signin.Digest(mark), until)
			},
		})
		running.Go(func() { _ = teller.Run(ctx) })
	}
	out.has(1, 1)
	goes("north", ledger.Started, 1) // started again
	goes("north", ledger.ReadAnew, 1)
	out.has(1, 1)
	goes("north", ledger.ReadAnew, 2)
	goes("south", ledger.ReadAnew, 2) // the second node of the same body
	out.has(2, 2)
	goes("north", ledger.Started, 3)
	out.has(3, 3)
	goes("north", ledger.ReadAnew, 2) // back, and forth again within the hour: neither is hidden by what was told before
	out.has(4, 4)
	goes("north", ledger.ReadAnew, 3)
	out.has(5, 5)
	goes("south", ledger.Started, 3)
	out.has(5, 5)
	last := out.mails[2]
	for _, want := range []string{"Poterne : la configuration a changé / Poterne: the configuration has changed", "Node north goes by another configuration", ledger.Digest{3}.String()} {
		if !strings.Contains(strings.ReplaceAll(last.Subject+last.Text, "\u202f", " "), want) {
			t.Errorf("%q is not in %s: %s", want, last.Subject, last.Text)
		}
	}
	if !strings.Contains(out.calls[2], `"kind":"configured"`) || !strings.Contains(out.calls[2], `"node":"north"`) || strings.Contains(out.calls[2], `"account"`) {
		t.Errorf("the call says %s", out.calls[2])
	}
}
