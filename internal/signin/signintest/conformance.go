package signintest

import (
	"crypto/sha256"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"poterne/internal/fault"
	"poterne/internal/roster"
	"poterne/internal/signin"
)

// Conformance holds an implementation of signin.Sessions to what sign-in relies on; empty returns a new, empty one.
func Conformance(t *testing.T, empty func() signin.Sessions) {
	for name, ask := range map[string]func(*testing.T, signin.Sessions){
		"what serves once is marked once":                        markedOnce,
		"of many who mark at once, one is the first":             markedByOne,
		"a session is found as it was opened":                    foundAsOpened,
		"open sessions are found by their account":               ofAnAccount,
		"a session nobody opened is absent":                      absent,
		"two sessions cannot share a key or an identifier":       noSharing,
		"a swap changes what may change, and nothing else":       swapChanges,
		"of many who swap one version, one does":                 swappedByOne,
		"ending all ends the account's open sessions, no others": endsAll,
		"of a person's sessions, those that are meant end":       endsMeant,
		"a swap begun before an end is lost":                     endBeatsSwap,
		"a sweep forgets what began before, and keeps the rest":  sweeps,
	} {
		t.Run(name, func(t *testing.T) { ask(t, empty()) })
	}
}

var noon = time.Date(2026, 3, 3, 12, 0, 0, 123_000, time.UTC)

func mark(text string) signin.Digest { return sha256.Sum256([]byte(text)) }

func row(name string, account roster.AccountID, started time.Time) signin.Row {
	return signin.Row{
		Key: mark(name), ID: roster.SessionID("id of " + name), Account: account, Organisation: "mission-locale", Factor: signin.Strong,
		Agent: mark(name + " agent"), Browser: mark(name + " browser"), Started: started, Version: 0,
		Current: mark(name + " current"), Next: mark(name + " next"), Seed: "seed of " + name,
		Rotated: started, Seen: started, Hint: "hint of " + name, Subject: mark(string(account)), Named: mark("provider's " + name),
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantAbsent(t *testing.T, err error) {
	t.Helper()
	if !fault.Is(err, fault.Absent) {
		t.Fatalf("error = %v, want absent", err)
	}
}

func wantRow(t *testing.T, sessions signin.Sessions, want signin.Row) {
	t.Helper()
	got, err := sessions.Find(t.Context(), want.Key)
	must(t, err)
	if got != want {
		t.Errorf("found\n%+v, want\n%+v", got, want)
	}
}

func wantOnce(t *testing.T, sessions signin.Sessions, name string, until time.Time, want bool) {
	t.Helper()
	first, err := sessions.Once(t.Context(), mark(name), until)
	if must(t, err); first != want {
		t.Errorf("%s is marked for the first time: %v, want %v", name, first, want)
	}
}

func markedOnce(t *testing.T, sessions signin.Sessions) {
	wantOnce(t, sessions, "one", noon, true)
	wantOnce(t, sessions, "two", noon, true)
	wantOnce(t, sessions, "one", noon.Add(time.Hour), false)
	wantOnce(t, sessions, "two", noon, false)
}

func markedByOne(t *testing.T, sessions signin.Sessions) {
	if n := race(t, func() (bool, error) { return sessions.Once(t.Context(), mark("one"), noon) }); n != 1 {
		t.Errorf("%d were the first, want 1", n)
	}
}

// race runs do at once many times, and returns how often it was true.
func race(t *testing.T, do func() (bool, error)) int64 {
	t.Helper()
	var (
		wins  atomic.Int64
		group sync.WaitGroup
	)
	for range 16 {
		group.Go(func() {
			won, err := do()
			if err != nil {
				t.Error(err)
			}
			if won {
				wins.Add(1)
			}
		})
	}
	group.Wait()
	return wins.Load()
}

func foundAsOpened(t *testing.T, sessions signin.Sessions) {
	first, second := row("first", "a", noon), row("second", "b", noon.Add(time.Hour))
	must(t, sessions.Open(t.Context(), first))
	must(t, sessions.Open(t.Context(), second))
	wantRow(t, sessions, first)
	wantRow(t, sessions, second)
}

func ofAnAccount(t *testing.T, sessions signin.Sessions) {
	first, second, ended, other := row("first", "a", noon), row("second", "a", noon.Add(time.Hour)), row("ended", "a", noon), row("other", "b", noon)
	for _, one := range []signin.Row{first, second, ended, other} {
		must(t, sessions.Open(t.Context(), one))
	}
	ended.Why, ended.Ended = signin.Left, noon.Add(time.Minute)
	if swapped, err := sessions.Swap(t.Context(), ended); !swapped || err != nil {
		t.Fatalf("%v, %v", swapped, err)
	}
	got, err := sessions.Of(t.Context(), "a")
	if err != nil || !slices.Equal(got, []signin.Row{second, first}) {
		t.Errorf("open sessions of a: %+v (%v)", got, err)
	}
	if got, err := sessions.Of(t.Context(), "nobody"); err != nil || len(got) != 0 {
		t.Errorf("open sessions of nobody: %+v (%v)", got, err)
	}
}

func absent(t *testing.T, sessions signin.Sessions) {
	_, err := sessions.Find(t.Context(), mark("nobody"))
	wantAbsent(t, err)
	swapped, err := sessions.Swap(t.Context(), row("nobody", "a", noon))
	if swapped || err != nil {
		t.Errorf("swapped a session nobody opened: %v, %v", swapped, err)
	}
}

func noSharing(t *testing.T, sessions signin.Sessions) {
	kept := row("kept", "a", noon)
	must(t, sessions.Open(t.Context(), kept))
	sameKey, sameID := row("other", "b", noon), row("another", "b", noon)
	sameKey.Key, sameID.ID = kept.Key, kept.ID
	for _, other := range []signin.Row{sameKey, sameID} {
		if err := sessions.Open(t.Context(), other); err == nil {
			t.Error("a second session took the first one's place")
		}
	}
	wantRow(t, sessions, kept)
}

func swapChanges(t *testing.T, sessions signin.Sessions) {
	opened := row("one", "a", noon)
	must(t, sessions.Open(t.Context(), opened))
	must(t, sessions.Open(t.Context(), row("bystander", "a", noon)))

	changed := row("changed", "b", noon.Add(time.Minute)) // differs in everything
	changed.Key, changed.Previous, changed.SteppedUp = opened.Key, mark("previous"), noon.Add(time.Second)
	changed.Bound, changed.Proven = "key", noon.Add(2*time.Second)
	swapped, err := sessions.Swap(t.Context(), changed)
	if must(t, err); !swapped {
		t.Fatal("a first swap did not happen")
	}
	want := changed
	want.ID, want.Account, want.Organisation, want.Factor = opened.ID, opened.Account, opened.Organisation, opened.Factor
	want.Agent, want.Browser, want.Started, want.Version = opened.Agent, opened.Browser, opened.Started, 1
	want.Subject, want.Named = opened.Subject, opened.Named
	wantRow(t, sessions, want)
	wantRow(t, sessions, row("bystander", "a", noon))

	if swapped, err = sessions.Swap(t.Context(), changed); swapped || err != nil {
		t.Errorf("a version was swapped twice: %v, %v", swapped, err)
	}
	want.Why, want.Ended, want.Hint = signin.Idle, noon.Add(time.Hour), ""
	if swapped, err = sessions.Swap(t.Context(), want); !swapped || err != nil {
		t.Errorf("ending: %v, %v", swapped, err)
	}
	want.Version = 2
	wantRow(t, sessions, want)
}

func swappedByOne(t *testing.T, sessions signin.Sessions) {
	opened := row("one", "a", noon)
	must(t, sessions.Open(t.Context(), opened))
	if n := race(t, func() (bool, error) { return sessions.Swap(t.Context(), opened) }); n != 1 {
		t.Errorf("%d swapped one version, want 1", n)
	}
}

func endsAll(t *testing.T, sessions signin.Sessions) {
	over := row("over", "a", noon)
	over.Why, over.Ended, over.Hint = signin.Left, noon, ""
	one, two, other := row("one", "a", noon), row("two", "a", noon), row("other", "A", noon)
	for _, r := range []signin.Row{over, one, two, other} {
		must(t, sessions.Open(t.Context(), r))
	}
	at := noon.Add(time.Minute)
	ended, err := sessions.End(t.Context(), signin.Whose{Account: "a"}, signin.Dismissed, at)
	must(t, err)
	if len(ended) != 2 {
		t.Fatalf("%d sessions ended, want 2", len(ended))
	}
	for _, r := range []*signin.Row{&one, &two} {
		r.Why, r.Ended, r.Hint, r.Version = signin.Dismissed, at, "", 1
		wantRow(t, sessions, *r)
		if ended[0] != *r && ended[1] != *r {
			t.Errorf("%s is not among those said to have ended, as it now is", r.ID)
		}
	}
	wantRow(t, sessions, over)
	wantRow(t, sessions, other)
	if ended, err = sessions.End(t.Context(), signin.Whose{Account: "a"}, signin.Dismissed, at); err != nil || len(ended) != 0 {
		t.Errorf("ended again: %d, %v", len(ended), err)
	}
}

func endsMeant(t *testing.T, sessions signin.Sessions) {
	one, two, late, nameless, other := row("one", "a", noon), row("two", "a", noon), row("late", "a", noon.Add(time.Hour)), row("nameless", "a", noon), row("other", "b", noon)
	nameless.Named = signin.Digest{}
	for _, r := range []signin.Row{one, two, late, nameless, other} {
		must(t, sessions.Open(t.Context(), r))
	}
	at := noon.Add(time.Minute)
	ends := func(whose signin.Whose, want ...signin.Row) {
		t.Helper()
		ended, err := sessions.End(t.Context(), whose, signin.Recalled, at)
		if must(t, err); len(ended) != len(want) {
			t.Fatalf("%d sessions ended, want %d", len(ended), len(want))
		}
		for _, r := range want {
			r.Why, r.Ended, r.Hint, r.Version = signin.Recalled, at, "", 1
			wantRow(t, sessions, r)
		}
	}
	ends(signin.Whose{Subject: mark("b"), Named: &one.Named})
	ends(signin.Whose{Named: &late.Named, Until: noon})
	ends(signin.Whose{Named: &one.Named, Until: noon}, one)
	ends(signin.Whose{Subject: mark("a"), Named: &signin.Digest{}}, nameless)
	ends(signin.Whose{Subject: mark("a"), Until: noon}, two)
	wantRow(t, sessions, late)
	wantRow(t, sessions, other)
}

func endBeatsSwap(t *testing.T, sessions signin.Sessions) {
	read := row("one", "a", noon)
	must(t, sessions.Open(t.Context(), read))
	_, err := sessions.End(t.Context(), signin.Whose{Account: "a"}, signin.Dismissed, noon)
	must(t, err)
	if swapped, err := sessions.Swap(t.Context(), read); swapped || err != nil {
		t.Errorf("a session that had ended was opened again: %v, %v", swapped, err)
	}
}

func sweeps(t *testing.T, sessions signin.Sessions) {
	wantOnce(t, sessions, "old", noon, true)
	wantOnce(t, sessions, "new", noon.Add(time.Second), true)
	must(t, sessions.Open(t.Context(), row("old", "a", noon.Add(time.Minute))))
	must(t, sessions.Open(t.Context(), row("new", "a", noon.Add(time.Minute+time.Second))))
	must(t, sessions.Sweep(t.Context(), noon.Add(time.Second), noon.Add(time.Minute+time.Second)))
	wantOnce(t, sessions, "old", noon, true)
	wantOnce(t, sessions, "new", noon, false)
	_, err := sessions.Find(t.Context(), mark("old"))
	wantAbsent(t, err)
	wantRow(t, sessions, row("new", "a", noon.Add(time.Minute+time.Second)))
}
