package app

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"poterne/internal/config/configtest"
	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/gate/httpgate"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/policy"
)

// open is a gate that shows everything.
type open struct{ httpgate.Gate }

func (open) Commit(context.Context, policy.Ask) (gate.Passage, error) {
	return gate.Passage{Written: 1}, nil
}

// Promise: LEDGER-4
func TestAStrictProgramServesOnlyWhatIsWitnessed(t *testing.T) {
	s, w, _ := configtest.Witnessed(t)
	s.Database = filepath.Join(t.TempDir(), "poterne.db")
	o, err := OpenConcealed(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	now := time.Now()
	o.Now, w.Now = func() time.Time { return now }, func() time.Time { return now }
	council := o.Council(slog.New(slog.DiscardHandler))
	strict := attendance{council, time.Minute, o.Now}
	lenient := attendance{council, 0, o.Now}
	sequencer, err := ledger.NewSequencer(t.Context(), o.Ledger, s.Signer, s.Verifier, nil)
	if err != nil {
		t.Fatal(err)
	}
	write := func() {
		t.Helper()
		if err := journal.Record(t.Context(), o.Writer(), ledger.Entry{Kind: ledger.Read, Account: "samir"}); err != nil {
			t.Fatal(err)
		}
		if _, err := sequencer.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(served bool, when string) {
		t.Helper()
		if err := council.Attend(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, a := range []attendance{strict, lenient} {
			want := served || a.strict == 0
			_, err := witnessed{open{}, a}.Commit(t.Context(), policy.Ask{})
			if (err == nil) != want || err != nil && !fault.Is(err, fault.Unavailable) {
				t.Errorf("%s, strict %v: %v", when, a.strict, err)
			}
			present, answer := *o, httptest.NewRecorder()
			present.Now = time.Now
			(&health{&present, a}).ready(answer, httptest.NewRequest(http.MethodGet, "/readyz", nil))
			if (answer.Code == http.StatusOK) != want {
				t.Errorf("%s, strict %v: ready says %d %s", when, a.strict, answer.Code, answer.Body)
			}
		}
	}
	w.Down(true)
	write()
	expect(false, "before the witness has answered")
	w.Down(false)
	now = now.Add(time.Minute)
	expect(true, "when it has")
	w.Down(true)
	expect(true, "without it, while nothing is new")
	write()
	now = now.Add(2 * time.Second)
	expect(true, "without it for a moment")
	now = now.Add(59 * time.Second)
	expect(true, "without it for a minute less a second")
	now = now.Add(3 * time.Second)
	expect(false, "without it for too long")
	w.Down(false)
	now = now.Add(2 * time.Minute)
	expect(true, "with it again")
}
