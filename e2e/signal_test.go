package e2e

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"poterne/internal/lab/town/life"
	"poterne/internal/ledger"
	"poterne/internal/store/storetest"
)

// hangUp sends SIGHUP and waits until the log says what came of it.
func (p *process) hangUp(said string) {
	p.t.Helper()
	before := strings.Count(p.output.String(), said)
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		p.t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); strings.Count(p.output.String(), said) == before; time.Sleep(5 * time.Millisecond) {
		select {
		case <-p.done:
			p.t.Fatalf("SIGHUP ended the program: %v\n%s", p.err, p.output)
		default:
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("the log does not say %q after SIGHUP:\n%s", said, p.output)
		}
	}
}

const (
	readAnew  = "the configuration was read anew"
	unchanged = "the configuration is refused"
	waits     = "the file is refused: this node goes by what two people allowed last"
)

// write writes a file's text in place of what it has.
func rewrite(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// configurations are what the ledger says of the configurations that nodes went by.
func configurations(list []ledger.Entry) (told []ledger.Entry) {
	return slices.DeleteFunc(slices.Clone(list), func(e ledger.Entry) bool { return e.Kind != ledger.Configured })
}

// While people work, the configuration is read anew a dozen times. Nothing is lost, nobody is
// signed out, and of those without a reason no more are shown than the rules of the moment allow.
//
// Promise: RUN-5
func TestRUN_5_AConfigurationIsReadAnewWithoutLosingARequest(t *testing.T) {
	t.Parallel()
	application := httptest.NewServer(crowd())
	t.Cleanup(application.Close)
	h := newHouse(t, "application", map[string]string{"http://127.0.0.1:3000": application.URL})
	p := h.serve()
	browsers := []*life.Browser{h.browser("pauline.mercier"), h.browser("pauline.mercier"), h.browser("pauline.mercier")}
	text := readFile(t, h.config)

	// Pages without people, without a pause, by three browsers; and the one that is shown of
	// strangers what its allowance gives.
	var stop atomic.Bool
	var asked atomic.Int64
	var wait sync.WaitGroup
	for _, b := range browsers {
		wait.Go(func() {
			for !stop.Load() {
				page, err := b.Get(t.Context(), "/")
				asked.Add(1)
				if err != nil || page.Status != http.StatusOK {
					t.Errorf("while the configuration was read anew: %d %v", page.Status, err)
					return
				}
			}
		})
	}
	shown := 0
	for i := range 12 {
		rewrite(t, h.config, text+fmt.Sprintf("\n# the %dth\n", i))
		p.hangUp(readAnew)
		shown += h.openStrangers(browsers, 100*i, 6)
	}
	stop.Store(true)
	wait.Wait()
	if shown != 20 {
		t.Errorf("%d strangers were shown under a dozen programs, the allowance is 20", shown)
	}
	t.Logf("%d requests, none lost", asked.Load())

	told := configurations(h.entries(0))
	if len(told) != 13 || told[0].State != ledger.Started || told[12].State != ledger.ReadAnew || told[0].Target == "" {
		t.Errorf("the ledger tells of the configurations: %v", told)
	}
	if now := ledger.Digest(sha256.Sum256([]byte(readFile(t, h.config)))); told[len(told)-1].Digest != now {
		t.Errorf("the last entry has %s, sha256sum %s", told[len(told)-1].Digest, now)
	}
	h.verified()
	p.stop()
	if strings.Contains(p.output.String(), "panic") || !strings.Contains(p.output.String(), "left in order") {
		t.Errorf("it did not leave in order:\n%s", p.output)
	}
}

// What is under way ends as it began; what comes after goes by the new rules.
//
// Promise: RUN-5
func TestRUN_5_WhatIsUnderWayEndsByTheOldRulesAndWhatFollowsGoesByTheNew(t *testing.T) {
	t.Parallel()
	asked, release := make(chan struct{}, 16), make(chan struct{})
	inner := crowd()
	var held atomic.Bool
	application := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if held.CompareAndSwap(true, false) {
			asked <- struct{}{}
			<-release
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(application.Close)
	h := newHouse(t, "application", map[string]string{"http://127.0.0.1:3000": application.URL})
	p := h.serve()
	b := h.browser("pauline.mercier")
	text := readFile(t, h.config)
	held.Store(true)
	answered := make(chan int, 1)
	go func() { answered <- h.openStrangers([]*life.Browser{b}, 0, 1) }()
	<-asked

	// No route is declared any more but one.
	first := strings.Index(text, "[[service.route]]")
	rewrite(t, h.config, text[:first]+"[[service.route]]\nget = \"/only\"\npurpose = \"accompany\"\nhtml = { plain = \"h1\" }\n")
	p.hangUp(readAnew)
	if again := h.openStrangers([]*life.Browser{h.browser("pauline.mercier")}, 500, 3); again != 0 {
		t.Errorf("%d people were shown by routes that are not declared any more", again)
	}
	close(release)
	if shown := <-answered; shown != 1 {
		t.Error("what was under way did not end by the rules that it began under")
	}
	rewrite(t, h.config, text)
	p.hangUp(readAnew)
	if again := h.openStrangers([]*life.Browser{b}, 900, 1); again != 1 {
		t.Errorf("after the routes were declared again %d people are shown; the session went on, and its allowance", again)
	}
}

// Promise: RUN-5
func TestRUN_5_AConfigurationThatIsWrongChangesNothingAndSaysWhy(t *testing.T) {
	t.Parallel()
	application := httptest.NewServer(crowd())
	t.Cleanup(application.Close)
	h := newHouse(t, "application", map[string]string{"http://127.0.0.1:3000": application.URL})
	p := h.serve()
	b := h.browser("pauline.mercier")
	text := readFile(t, h.config)
	next := len(h.entries(0))
	other := t.TempDir()
	h.poterne("keys", other, "--origin", "other.example/ledger")
	for name, c := range map[string]struct{ from, to, said string }{
		"no TOML":             {"[public]", "[public", "this is not TOML"},
		"an unknown key":      {"[public]", "[public]\nsupervisor = true", "not a key that is known here"},
		"another listener":    {"listen = ", "listen = \"127.0.0.1:1\" #", `"key":"public.listen"`},
		"another database":    {`path = "poterne.db"`, `path = "other.db"`, `"key":"database"`},
		"another key":         {`"pseudonym.key"`, fmt.Sprintf("%q", filepath.Join(other, "pseudonym.key")), `"key":"keys.pseudonym"`},
		"another seal":        {`"seal.key"`, fmt.Sprintf("%q", filepath.Join(other, "seal.key")), `"key":"keys.seal"`},
		"another assertion":   {`"assertion.key"`, fmt.Sprintf("%q", filepath.Join(other, "assertion.key")), `"key":"keys.assertion"`},
		"another ledger":      {`"checkpoint.key"`, fmt.Sprintf("%q", filepath.Join(other, "checkpoint.key")), `"key":"keys.checkpoint"`},
		"another own address": {"origin = ", "origin = \"http://localhost:1\" #", `"key":"public.origin"`},
		"a secret is missing": {`"client.secret"`, `"no.secret"`, "no.secret cannot be read"},
	} {
		changed := strings.Replace(text, c.from, c.to, 1)
		if changed == text {
			t.Fatalf("%s: the configuration has no %s", name, c.from)
		}
		rewrite(t, h.config, changed)
		p.hangUp(unchanged)
		if !strings.Contains(p.output.String(), c.said) {
			t.Errorf("%s: the log does not say %q:\n%s", name, c.said, p.output)
		}
	}
	if now := h.entries(0); len(now) != next {
		t.Errorf("what was refused left entries: %v", now[next:])
	}
	if shown := h.openStrangers([]*life.Browser{b}, 0, 1); shown != 1 {
		t.Error("nobody is shown any more")
	}
}

// Each node reads its own configuration anew. The others go on by theirs, and the allowance is
// one.
//
// Promise: RUN-3
func TestRUN_3_EachNodeReadsItsConfigurationAnew(t *testing.T) {
	t.Parallel()
	connection := storetest.StartPostgreSQL(t).Database(t)
	application := httptest.NewServer(crowd())
	t.Cleanup(application.Close)
	h := newHouse(t, "application", map[string]string{
		"http://127.0.0.1:3000": application.URL, `path = "poterne.db"`: fmt.Sprintf("server = %q", connection),
	})
	_, nodes := h.serveTwice()
	browsers := []*life.Browser{h.browser("pauline.mercier"), h.browser("pauline.mercier")}
	shown := 0
	for i := range 6 {
		nodes[i%2].hangUp(readAnew)
		shown += h.openStrangers(browsers, 100*i, 8)
	}
	if shown != 20 {
		t.Errorf("%d strangers shown over two nodes that read their configurations anew, the allowance is 20", shown)
	}
}
