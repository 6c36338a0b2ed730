package siem_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"poterne/internal/incident"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/siem"
)

// schema is the extract of OCSF that events are held against.
type schema struct {
	Classes map[string]object
	Objects map[string]object
}

type object struct {
	Constraints struct {
		AtLeastOne []string `json:"at_least_one"`
	}
	Attributes map[string]struct {
		Type, Requirement string
		Array             bool
		Enum              []int
	}
}

func readSchema(t *testing.T) (s schema) {
	t.Helper()
	text, err := os.ReadFile("testdata/ocsf-1.8.0.json")
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// check returns what of a value is not as its object says.
func (s schema) check(path string, o object, value map[string]any) (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, path+": "+fmt.Sprintf(format, args...)) }
	for name, a := range o.Attributes {
		if _, there := value[name]; a.Requirement == "required" && !there {
			say("%s is required", name)
		}
	}
	if any := o.Constraints.AtLeastOne; len(any) > 0 && !slices.ContainsFunc(any, func(name string) bool { _, there := value[name]; return there }) {
		say("it needs one of %v", any)
	}
	for name, v := range value {
		a, known := o.Attributes[name]
		if !known {
			say("%s is no attribute", name)
			continue
		}
		list := []any{v}
		if many, is := v.([]any); is != a.Array {
			say("%s is one, or many", name)
			continue
		} else if is {
			list = many
		}
		for _, one := range list {
			switch one := one.(type) {
			case string:
				if a.Type != "string_t" || one == "" {
					say("%s is %q, of type %s", name, one, a.Type)
				}
			case float64:
				if !slices.Contains([]string{"integer_t", "long_t", "timestamp_t"}, a.Type) || len(a.Enum) > 0 && !slices.Contains(a.Enum, int(one)) {
					say("%s is %v, of type %s, one of %v", name, one, a.Type, a.Enum)
				}
			case map[string]any:
				inner, known := s.Objects[a.Type]
				if !known {
					say("%s is an object, of type %s", name, a.Type)
				}
				wrong = append(wrong, s.check(path+"."+name, inner, one)...)
			default:
				say("%s is a %T", name, one)
			}
		}
	}
	return wrong
}

// entries is an entry of every kind there is, with all that may be said of it.
func entries() (all []ledger.Entry) {
	add := func(e ledger.Entry) {
		e.Number = ledger.Number(len(all))
		e.Time = time.Date(2026, 3, 3, 10, 0, len(all), 0, time.UTC)
		e.Receipt = e.Number
		all = append(all, e)
	}
	for kind := ledger.Kind(1); kind < 255; kind++ {
		if kind.String() == "unknown kind" || kind.String() == "" {
			continue
		}
		add(ledger.Entry{Kind: kind})
		add(ledger.Entry{Kind: kind, Account: "karim", Organisation: "mlv", Session: "s1", Subject: "pauline", Note: "doute", Cause: 3, Person: register.PersonID{1}, Network: "agency", Device: "ab"})
	}
	for _, verdict := range []policy.Verdict{policy.Shown, policy.Refused, policy.Withheld} {
		for why := policy.Why(0); why < 80; why++ {
			add(ledger.Entry{Kind: ledger.Consulted, Account: "karim", Service: "dossier", Person: register.PersonID{1}, Verdict: verdict, Why: why})
		}
	}
	for _, reach := range order.Reaches {
		for _, effect := range []order.Effect{order.Narrowed, order.Frozen, order.Reduced, order.Suspended, order.Closed} {
			for _, by := range []ledger.Kind{ledger.Placed, ledger.Lifted} {
				add(ledger.Entry{Kind: by, Account: "samir", Reach: reach, Effect: effect, Target: "x"})
				add(ledger.Entry{Kind: by, Account: journal.Itself, Reach: reach, Effect: effect, Why: policy.Enumerating})
			}
		}
	}
	for _, state := range []ledger.State{incident.Opened, incident.Closed, incident.Proposed, incident.MergedInto, incident.Escalated} {
		add(ledger.Entry{Kind: ledger.Filed, Account: "samir", State: state, From: 2})
		add(ledger.Entry{Kind: ledger.Filed, Account: "samir", State: state, From: 2, Target: incident.AnExercise})
		add(ledger.Entry{Kind: ledger.Filed, Account: "samir", State: state, Target: incident.AnExercise, Count: 1})
	}
	for _, state := range []ledger.State{ledger.Granted, ledger.NoAccount, ledger.TooWeak} {
		add(ledger.Entry{Kind: ledger.SignIn, State: state, Network: "other"})
	}
	return all
}

// Promise: RUN-5
func TestRUN_5_EveryEntryIsAnEventOfThePublishedSchema(t *testing.T) {
	s := readSchema(t)
	met := make(map[string]bool)
	for _, e := range entries() {
		line, err := json.Marshal(siem.EventOf(e))
		if err != nil {
			t.Fatal(err)
		}
		var value map[string]any
		if err := json.Unmarshal(line, &value); err != nil {
			t.Fatal(err)
		}
		class := strconv.Itoa(int(value["class_uid"].(float64)))
		o, known := s.Classes[class]
		if !known {
			t.Fatalf("%s is no class: %s", class, line)
		}
		met[class] = true
		for _, wrong := range s.check(class, o, value) {
			t.Errorf("%v: %s", e.Kind, wrong)
		}
		if value["type_uid"] != value["class_uid"].(float64)*100+value["activity_id"].(float64) {
			t.Errorf("%v: type %v", e.Kind, value["type_uid"])
		}
		if uid := value["metadata"].(map[string]any)["uid"]; uid != fmt.Sprint(e.Number) {
			t.Errorf("entry %d is event %v", e.Number, uid)
		}
		if strings.Contains(string(line), "0100000000") {
			t.Errorf("a person is named: %s", line)
		}
	}
	if len(met) != len(s.Classes) {
		t.Errorf("only %v are met", met)
	}
}

// book is a ledger of so many entries, read by a follower that may lose it.
type book struct {
	mu  sync.Mutex
	all []ledger.Entry
	at  ledger.Number // what was kept
}

func (b *book) Follow(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		b.mu.Lock()
		all := b.all
		b.mu.Unlock()
		for _, e := range all[min(int(from), len(all)):] {
			if ctx.Err() != nil || !yield(e, nil) {
				return
			}
		}
		<-ctx.Done()
	}
}

func (b *book) FirstAt(context.Context, time.Time) (ledger.Number, error) { return 0, nil }

func (b *book) Keep(_ context.Context, parts []journal.Kept) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at = parts[0].Number
	return nil
}

func (b *book) Parts(context.Context) iter.Seq2[journal.Kept, error] {
	return func(yield func(journal.Kept, error) bool) {
		b.mu.Lock()
		at := b.at
		b.mu.Unlock()
		if at > 0 {
			yield(journal.Kept{What: "position", Number: at}, nil)
		}
	}
}

func (b *book) UpTo(context.Context, string) (ledger.Number, error) { return 0, nil }

func (b *book) Discard(context.Context) error { return nil }

// flaky is a sink that fails every other time: before or after it took everything, or in the
// middle.
type flaky struct {
	siem.Sink
	random *rand.Rand
	kills  *atomic.Int64
}

func (f flaky) Send(ctx context.Context, entries []ledger.Entry) error {
	switch f.random.IntN(3) {
	case 0:
		f.kills.Add(1)
		return io.ErrClosedPipe
	case 1: // a part is taken, and the connection lost
		f.kills.Add(1)
		_ = f.Sink.Send(ctx, entries[:f.random.IntN(len(entries))+1])
		return io.ErrClosedPipe
	default:
		return f.Sink.Send(ctx, entries)
	}
}

// received counts events by their identity.
func received(t *testing.T, text []byte) map[string]int {
	t.Helper()
	times := make(map[string]int)
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var v struct{ Metadata struct{ UID string } }
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			continue // a line that was cut comes again
		}
		times[v.Metadata.UID]++
	}
	return times
}

// receiver takes syslog in, and dies now and then with what it has read of a batch.
type receiver struct {
	mu   sync.Mutex
	text bytes.Buffer
	dies func() bool
}

func (r *receiver) serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go r.take(conn)
	}
}

func (r *receiver) take(conn net.Conn) {
	defer conn.Close()
	from := bufio.NewReader(conn)
	for {
		length, err := from.ReadString(' ')
		if err != nil {
			return
		}
		n, _ := strconv.Atoi(strings.TrimSpace(length))
		message := make([]byte, n)
		if _, err := io.ReadFull(from, message); err != nil {
			return
		}
		r.mu.Lock()
		dies := r.dies()
		if dies {
			r.mu.Unlock()
			_ = conn.(*net.TCPConn).SetLinger(0) // as when the process is killed with bytes unread
			return
		}
		r.text.Write(message[bytes.IndexByte(message, '{'):])
		r.text.WriteByte('\n')
		r.mu.Unlock()
	}
}

// A receiver is killed over and over, before it took anything, in the middle, and after it took
// all without a word; and so is the program. POTERNE_KILLS is how often the receiver is.
//
// Promise: RUN-5
func TestRUN_5_AReceiverThatIsKilledLosesNoEvent(t *testing.T) {
	const more = 5_000 // entries, until it was killed often enough
	wanted, err := strconv.ParseInt(cmp.Or(os.Getenv("POTERNE_KILLS"), "60"), 10, 32)
	if err != nil {
		t.Fatalf("POTERNE_KILLS: %v", err)
	}
	for name, open := range map[string]func(*testing.T, *rand.Rand, *atomic.Int64) (siem.Sink, func() []byte){
		"a file": func(t *testing.T, random *rand.Rand, kills *atomic.Int64) (siem.Sink, func() []byte) {
			path := filepath.Join(t.TempDir(), "events.ndjson")
			return flaky{siem.File{Path: path}, random, kills}, func() []byte { text, _ := os.ReadFile(path); return text }
		},
		"HTTP": func(t *testing.T, random *rand.Rand, kills *atomic.Int64) (siem.Sink, func() []byte) {
			var mu sync.Mutex
			var text bytes.Buffer
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				mu.Lock()
				defer mu.Unlock()
				switch random.IntN(3) {
				case 0:
					kills.Add(1)
					panic(http.ErrAbortHandler)
				case 1: // it has taken them, and nobody heard
					kills.Add(1)
					text.Write(body)
					panic(http.ErrAbortHandler)
				}
				text.Write(body)
			}))
			server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
			t.Cleanup(server.Close)
			return siem.Post{URL: server.URL, Client: server.Client(), Token: "t"}, func() []byte { mu.Lock(); defer mu.Unlock(); return bytes.Clone(text.Bytes()) }
		},
		"syslog": func(t *testing.T, random *rand.Rand, kills *atomic.Int64) (siem.Sink, func() []byte) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			r := &receiver{dies: func() bool {
				dies := random.IntN(250) == 0
				if dies {
					kills.Add(1)
				}
				return dies
			}}
			go r.serve(l)
			return siem.Syslog{Address: l.Addr().String(), Host: "node"}, func() []byte { r.mu.Lock(); defer r.mu.Unlock(); return bytes.Clone(r.text.Bytes()) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, many := new(book), 0
			grow := func() {
				b.mu.Lock()
				defer b.mu.Unlock()
				for range more {
					n := many
					many++
					b.all = append(b.all, ledger.Entry{Number: ledger.Number(n), Receipt: ledger.Number(n), Kind: ledger.Consulted, Account: "karim", Service: "dossier", Time: time.Unix(int64(n), 0), Verdict: policy.Shown})
				}
			}
			grow()
			kills := new(atomic.Int64)
			sink, taken := open(t, rand.New(rand.NewPCG(1, 2)), kills)
			d := siem.Deps{
				Name: "siem", Journal: b, Ledger: b, Kept: b, Now: time.Now, Log: slog.New(slog.DiscardHandler),
				Once: func(context.Context, [sha256.Size]byte, time.Time) (bool, error) { return true, nil },
			}
			deadline, restarts := time.Now().Add(2*time.Minute+time.Duration(wanted)*time.Second), 0
			for ; ; restarts++ { // the program itself is stopped over and over, and goes on where it was
				ctx, stop := context.WithTimeout(t.Context(), 700*time.Millisecond)
				_ = siem.Quick(sink, d).Run(ctx)
				stop()
				b.mu.Lock()
				done := int(b.at) == many
				b.mu.Unlock()
				if done && kills.Load() >= wanted {
					break
				}
				if done {
					grow()
				}
				if time.Now().After(deadline) {
					t.Fatalf("at %d after %d starts", b.at, restarts)
				}
			}
			times := received(t, taken())
			repeated := 0
			for n := range many {
				switch times[strconv.Itoa(n)] {
				case 0:
					t.Fatalf("event %d is lost", n)
				case 1:
				default:
					repeated++
				}
			}
			t.Logf("the receiver was killed %d times, the program %d times: %d events, none lost, %d of them more than once", kills.Load(), restarts, len(times), repeated)
		})
	}
}
