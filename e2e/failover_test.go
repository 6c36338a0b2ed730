package e2e

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"poterne/internal/lab/proof"
	"poterne/internal/lab/town/life"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// Three machines are set up from docs/high-availability.md, with a node of Poterne
// for each, and people at work. Then everything fails in turn. Whatever fails, and
// over all nodes and machines: whoever was received is in the ledger and stays
// there, nobody is shown more strangers than allowed, a checkpoint that anybody
// fetched holds for ever, an order holds from the moment it is placed, and nobody
// is signed out. A restart of the nodes, one after the other, is seen by nobody.
//
// POTERNE_FAILOVER=10m goes on for so long with the guide's own times; without it
// each failure comes once, and Patroni is in a greater hurry. POTERNE_SEED repeats
// an order of events, POTERNE_ONLY names one of them, or a part of its name.
//
// Promises: RUN-3, METER-3, LEDGER-1, LEDGER-3, ACT-1
func TestRUN_3_WhateverFailsOfThreeMachinesNothingIsLostOrDisclosedUnwritten(t *testing.T) {
	t.Parallel()
	hurry := []string{"ttl: 20", "ttl: 5", "loop_wait: 2", "loop_wait: 1", "retry_timeout: 5", "retry_timeout: 2", "fsync: on", "fsync: off"}
	long, _ := time.ParseDuration(os.Getenv("POTERNE_FAILOVER"))
	if long > 0 {
		hurry = []string{"fsync: on", "fsync: off"} // this kills processes, never a machine
	}
	seed := cmp.Or(os.Getenv("POTERNE_SEED"), strconv.FormatUint(rand.Uint64N(1_000_000), 10))
	number, err := strconv.ParseUint(seed, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("POTERNE_SEED=%s repeats this order of events", seed)
	chance := rand.New(rand.NewPCG(number, 0))

	f := newFailing(t, max(long, time.Minute), hurry)
	list := f.failures()
	if long == 0 {
		list = slices.DeleteFunc(list, func(e failure) bool { return e.takesLong })
	}
	list = slices.DeleteFunc(list, func(e failure) bool { return !strings.Contains(e.name, os.Getenv("POTERNE_ONLY")) })
	end := time.Now().Add(long)
	defer func() { t.Logf("what people met:\n%s", f.table()) }()
	for round := 0; round == 0 || time.Now().Before(end); round++ {
		chance.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		for _, e := range list {
			if round > 0 && !time.Now().Before(end) {
				break
			}
			f.meet(e, chance)
		}
	}
	f.end()
}

// failing is three nodes on three machines, with people at work, while things fail.
type failing struct {
	*house
	machines *storetest.Patroni
	nodes    []*guarded
	balance  *healthBalancer
	crowd    *heldCrowd
	ledger   *proof.Aftermath
	written  map[proof.Shown]register.Fields // read from the ledger so far
	allowed  int                             // strangers, for each account
	met      map[string][]outage             // by failure
	ctx      context.Context
	leave    func() // ends the working day
	working  sync.WaitGroup

	mu     sync.Mutex // guards what clients note down
	answer []noted
	signed map[string]bool // checkpoints, as they were fetched
	orders []standing
}

// noted is what a client keeps of an answer.
type noted struct {
	account     roster.AccountID
	begun, over time.Time
	outcome     string // "served", or what came instead
	people      map[proof.Shown]register.Fields
	strangers   []register.PersonID
}

// standing is an order on Karim, from when it was known to be placed until
// somebody set about lifting it.
type standing struct {
	number       ledger.Number
	placed, lift time.Time
}

// outage is what a failure meant for people.
type outage struct {
	nobody time.Duration // the longest time in which nobody was served
	whole  time.Duration // until everything was there again
	lost   map[string]int
}

func newFailing(t *testing.T, work time.Duration, hurry []string) *failing {
	machines := storetest.StartPatroni(t, "../docs/high-availability.md", hurry...)
	connection := machines.Migrate(t)
	f := &failing{
		machines: machines, crowd: &heldCrowd{asked: make(chan struct{}, 16)}, allowed: int(work / time.Second), met: make(map[string][]outage),
		written: make(map[proof.Shown]register.Fields), signed: make(map[string]bool),
	}
	application := httptest.NewServer(f.crowd.handler())
	t.Cleanup(application.Close)
	server := fmt.Sprintf("server = %q", connection)
	plenty := "{ hour = 10000, month = 10000 }"
	f.house = newHouse(t, "application", map[string]string{
		"http://127.0.0.1:3000": application.URL, `path = "poterne.db"`: server,
		"adviser     = { hour = 20, month = 20 }":     fmt.Sprintf("adviser = { hour = %d, month = %[1]d }", f.allowed),
		"probation   = { hour = 20, month = 20 }":     "probation = " + plenty,
		"organisation = { hour = 100, month = 2000 }": "organisation = " + plenty,
		"service = { hour = 500, month = 20000 }":     "service = " + plenty,
		"register = { hour = 1000, month = 40000 }":   "register = " + plenty,
		"adviser = { forgiven = 1, line = 20,":        "adviser = { forgiven = 1, line = 10000,",
	})
	f.takeFacts("caseloads", f.write("caseloads.csv", crowdCaseloads()))
	f.ledger = proof.NewAftermath(f.key)
	text, err := os.ReadFile(f.config)
	if err != nil {
		t.Fatal(err)
	}
	home := strings.TrimPrefix(f.origin, "http://")
	for i := range machines.Members {
		over, wire := machines.Over(t, connection)
		address := fmt.Sprintf("localhost:%d", freePort(t))
		own := strings.NewReplacer(fmt.Sprintf("listen = %q", home), fmt.Sprintf("listen = %q", address), server, fmt.Sprintf("server = %q", over))
		f.nodes = append(f.nodes, supervised(t, f.write(fmt.Sprintf("node%d.toml", i), own.Replace(string(text))), address, wire))
	}
	f.ctx, f.leave = context.WithCancel(context.Background())
	f.balance = balanceOver(t, home, f.nodes)
	f.wait("three nodes", f.whole)
	f.work()
	return f
}

// heldCrowd is an application of many people, that never answers for one of them.
type heldCrowd struct{ asked chan struct{} }

// heldPerson is in Karim's caseload.
const heldPerson = 3*crowdOwn - 1

func (c *heldCrowd) handler() http.Handler {
	file := func(w io.Writer, n int) {
		_, _ = fmt.Fprintf(w, `{"id":"%s","name":"Nom %d","mail":"%d@courriel.example","note":"note"}`, crowdID(n), n, n)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /list", func(w http.ResponseWriter, r *http.Request) {
		from, _ := strconv.Atoi(r.FormValue("from"))
		w.Header().Set("Content-Type", "application/json")
		for i := range crowdList {
			_, _ = io.WriteString(w, map[bool]string{true: "[", false: ","}[i == 0])
			file(w, from+i)
		}
		_, _ = io.WriteString(w, "]")
	})
	mux.HandleFunc("GET /files/{id}", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.PathValue("id"))
		if n == heldPerson {
			c.asked <- struct{}{}
			<-r.Context().Done()
			return
		}
		w.Header().Set("Content-Type", "application/json")
		file(w, n)
	})
	return mux
}

// guarded is a node, with a supervisor that starts it again a second after it
// ended, and its own wire to the database.
type guarded struct {
	t       *testing.T
	config  string
	address string
	wire    *storetest.Wire
	output  lockedBuffer
	leaving atomic.Bool
	process atomic.Pointer[os.Process]
	starts  atomic.Int64
}

func supervised(t *testing.T, config, address string, wire *storetest.Wire) *guarded {
	n := &guarded{t: t, config: config, address: address, wire: wire}
	var watching sync.WaitGroup
	watching.Go(func() {
		for !n.leaving.Load() {
			n.once()
			time.Sleep(time.Second)
		}
	})
	t.Cleanup(func() {
		n.leaving.Store(true)
		n.wire.Mend()
		n.signal(syscall.SIGTERM)
		late := time.AfterFunc(20*time.Second, func() { n.signal(syscall.SIGKILL) })
		watching.Wait()
		late.Stop()
		if t.Failed() {
			said := n.output.String()
			t.Logf("a node said:\n%s", said[max(0, len(said)-2000):])
		}
	})
	return n
}

func (n *guarded) once() {
	cmd := exec.Command(binary, "serve", "--config", n.config)
	cmd.Stdout, cmd.Stderr = &n.output, &n.output
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		n.t.Error(err)
		return
	}
	n.process.Store(cmd.Process)
	n.starts.Add(1)
	_ = cmd.Wait()
}

func (n *guarded) signal(s syscall.Signal) {
	if process := n.process.Load(); process != nil {
		_ = process.Signal(s)
	}
}

// ready asks the node itself.
func (n *guarded) ready() bool {
	client := http.Client{Timeout: time.Second}
	answer, err := client.Get("http://" + n.address + "/readyz")
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// healthBalancer is what any load balancer can do: it asks each node four times a
// second whether it is ready, sends each request to the next that is, and to
// another when it cannot connect. Nobody is kept on one node.
type healthBalancer struct {
	nodes []*guarded
	up    []atomic.Bool
	next  atomic.Int64
	way   *http.Transport
}

// pinned names the node that a request must go to.
const pinned = "Test-Node"

func balanceOver(t *testing.T, address string, nodes []*guarded) *healthBalancer {
	b := &healthBalancer{nodes: nodes, up: make([]atomic.Bool, len(nodes)), way: &http.Transport{MaxIdleConnsPerHost: 32, IdleConnTimeout: time.Minute}}
	ctx, end := context.WithCancel(context.Background())
	var asking sync.WaitGroup
	for i, node := range nodes {
		asking.Go(func() {
			for ctx.Err() == nil {
				b.up[i].Store(node.ready())
				time.Sleep(250 * time.Millisecond)
			}
		})
	}
	proxy := &httputil.ReverseProxy{Transport: b, ErrorLog: log.New(io.Discard, "", 0), Rewrite: func(p *httputil.ProxyRequest) {
		p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = "http", p.In.Host, p.In.Host
	}}
	front := &http.Server{Addr: address, Handler: proxy}
	go func() { _ = front.ListenAndServe() }()
	t.Cleanup(func() {
		end()
		asking.Wait()
		_ = front.Close()
		b.way.CloseIdleConnections()
	})
	return b
}

// RoundTrip implements http.RoundTripper.
func (b *healthBalancer) RoundTrip(r *http.Request) (answer *http.Response, err error) {
	for range b.nodes {
		out := r.Clone(r.Context())
		out.URL.Host = b.nodes[b.choose(r)].address
		answer, err = b.way.RoundTrip(out)
		if failed, ok := errors.AsType[*net.OpError](err); !ok || failed.Op != "dial" {
			return answer, err
		}
	}
	return nil, err
}

func (b *healthBalancer) choose(r *http.Request) int {
	if i, err := strconv.Atoi(r.Header.Get(pinned)); err == nil {
		return i
	}
	for range b.nodes {
		if i := int(b.next.Add(1)) % len(b.nodes); b.up[i].Load() {
			return i
		}
	}
	return int(b.next.Add(1)) % len(b.nodes) // none is: one may be by now
}

// whole says what is missing for everything to be there.
func (f *failing) whole() error {
	if err := f.machines.Healthy(); err != nil {
		return err
	}
	for i, n := range f.nodes {
		if !n.ready() {
			return fmt.Errorf("node %d is not ready", i)
		}
	}
	return nil
}

func (f *failing) wait(what string, ask func() error) {
	f.t.Helper()
	var err error
	for began := time.Now(); time.Since(began) < patience; time.Sleep(100 * time.Millisecond) {
		if err = ask(); err == nil {
			return
		}
	}
	f.t.Fatalf("%s: %v\n%s", what, err, f.machines.Said())
}

// work has people begin their day. Nobody waits for anybody: what one asks for
// comes slowly or not at all, and others go on asking.
func (f *failing) work() {
	for i, account := range crowdStaff {
		browser := f.browser(account)
		f.every(100*time.Millisecond, func() {
			own := i*crowdOwn + rand.IntN(crowdOwn-crowdList-1)
			path := "/people/files/" + crowdID(own)
			if rand.IntN(5) == 0 {
				path = fmt.Sprintf("/people/list?from=%d", own)
			}
			f.ask(browser, account, path)
		})
		f.every(700*time.Millisecond, func() { // half as many again as are allowed
			f.ask(browser, account, f.anyStranger())
		})
	}
	f.every(300*time.Millisecond, f.fetchCheckpoint)
}

func (f *failing) anyStranger() string {
	return "/people/files/" + crowdID(len(crowdStaff)*crowdOwn+rand.IntN(100_000))
}

// every does something at about this pace, until the day ends.
func (f *failing) every(pace time.Duration, do func()) {
	f.working.Go(func() {
		for f.ctx.Err() == nil {
			f.working.Go(do)
			time.Sleep(pace/2 + rand.N(pace))
		}
	})
}

// ask opens a page, waits ten seconds for it at most, and notes what came.
func (f *failing) ask(b *life.Browser, account roster.AccountID, path string) noted {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	n := noted{account: account, begun: time.Now()}
	page, err := b.Get(ctx, path)
	n.over = time.Now()
	n.outcome = outcome(page, err)
	n.people, n.strangers = f.peopleIn(account, page)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = append(f.answer, n)
	return n
}

const served = "served"

// outcome is one of a few words: a refusal with a receipt is a decision, and has
// been served.
func outcome(page life.Page, err error) string {
	receipt := page.Header.Get("Poterne-Receipt") != ""
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in 10 s"
	case err != nil && page.Status != 0:
		return "broken off"
	case err != nil:
		return "no connection"
	case receipt && (page.Status == http.StatusOK || page.Status == http.StatusForbidden):
		return served
	case page.Status == http.StatusOK:
		return "signed out"
	default:
		return strconv.Itoa(page.Status)
	}
}

// peopleIn is whom an answer shows, even if it broke off.
func (f *failing) peopleIn(account roster.AccountID, page life.Page) (people map[proof.Shown]register.Fields, strangers []register.PersonID) {
	rows := bytes.Count(page.Body, []byte(`"id":"`))
	people = make(map[proof.Shown]register.Fields)
	receipt, err := strconv.ParseUint(page.Header.Get("Poterne-Receipt"), 10, 64)
	if rows > 0 && (err != nil || page.Status != http.StatusOK) {
		f.t.Errorf("status %d, without a receipt, with %d people in the body", page.Status, rows)
	}
	for id, fields := range proof.Rows(page.Body) {
		person := f.key.Person(id)
		people[proof.Shown{Receipt: ledger.Number(receipt), Account: account, Person: person}] = fields
		if n, _ := strconv.Atoi(id); n >= len(crowdStaff)*crowdOwn {
			strangers = append(strangers, person)
		}
	}
	return people, strangers
}

// fetchCheckpoint keeps what the ledger says of itself to anybody who asks.
func (f *failing) fetchCheckpoint() {
	client := http.Client{Timeout: 5 * time.Second}
	answer, err := client.Get(f.origin + "/.poterne/ledger/checkpoint")
	if err != nil {
		return
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.signed[string(text)] = true
}

// failure is something that fails, and is mended.
type failure struct {
	name      string
	unseen    bool // by people: each is served
	takesLong bool
	stops     bool // everything, until it is mended: no order can be placed either
	fail      func() (mend func())
}

// failures are what an operator has to expect. A failure that the cluster mends by
// itself leaves nothing to mend.
func (f *failing) failures() []failure {
	nothing := func() {}
	anyNode := func() *guarded { return f.nodes[rand.IntN(len(f.nodes))] }
	primary := func() (m *storetest.Member) {
		f.wait("a primary", func() error {
			if m = f.machines.Primary(); m == nil {
				return errors.New("there is none")
			}
			return nil
		})
		return m
	}
	succeeded := func(m *storetest.Member) { // by another
		f.wait("another primary than "+m.Name, func() error {
			if now := f.machines.Primary(); now == nil || now == m {
				return errors.New("there is none")
			}
			return nil
		})
	}
	return []failure{
		{name: "a node is killed", fail: func() func() {
			anyNode().signal(syscall.SIGKILL)
			return nothing
		}},
		{name: "the nodes are restarted one after the other", unseen: true, fail: func() func() {
			for _, n := range f.nodes {
				before := n.starts.Load()
				n.signal(syscall.SIGTERM)
				f.wait("the node is back", func() error {
					if n.starts.Load() == before || !n.ready() {
						return errors.New("not yet")
					}
					return nil
				})
				time.Sleep(500 * time.Millisecond) // until the balancer has noticed
			}
			return nothing
		}},
		{name: "a node is cut off from the database", fail: func() func() {
			n := anyNode()
			n.wire.Cut()
			time.Sleep(5 * time.Second)
			return n.wire.Mend
		}},
		{name: "a node is cut off for longer than it waits", takesLong: true, fail: func() func() {
			n := anyNode()
			n.wire.Cut()
			time.Sleep(25 * time.Second)
			return n.wire.Mend
		}},
		{name: "the primary's PostgreSQL is killed", fail: func() func() {
			primary().KillPostgreSQL()
			return nothing
		}},
		{name: "the primary's machine loses power", fail: func() func() {
			m := primary()
			m.Kill()
			succeeded(m)
			time.Sleep(2 * time.Second)
			return func() { m.Start(f.t) }
		}},
		{name: "the primary's machine freezes", takesLong: true, fail: func() func() {
			m := primary()
			m.Freeze()
			succeeded(m)
			time.Sleep(15 * time.Second) // nobody is helped by its waking up
			return m.Thaw
		}},
		{name: "the primary's Patroni hangs", takesLong: true, fail: func() func() {
			m := primary()
			m.FreezePatroni()
			succeeded(m)
			time.Sleep(30 * time.Second) // PostgreSQL goes on there, and nobody watches it
			return m.Thaw
		}},
		{name: "the standby's machine loses power", takesLong: true, fail: func() func() {
			m := f.machines.Standby()
			m.Kill()
			time.Sleep(5 * time.Second)
			return func() { m.Start(f.t) }
		}},
		{name: "the standby's machine freezes", takesLong: true, fail: func() func() {
			m := f.machines.Standby()
			m.Freeze()
			time.Sleep(40 * time.Second)
			return m.Thaw
		}},
		{name: "both standbys are gone", takesLong: true, stops: true, fail: func() func() {
			var standbys []*storetest.Member
			for _, m := range f.machines.Members {
				if m != primary() {
					standbys = append(standbys, m)
				}
			}
			for _, m := range standbys {
				m.KillPatroni() // etcd goes on: the primary remains the primary
			}
			from := time.Now()
			time.Sleep(20 * time.Second)
			f.nobodyShown(from.Add(time.Second), time.Now())
			return func() {
				for _, m := range standbys {
					m.StartPatroni(f.t)
				}
			}
		}},
		{name: "etcd's leader is killed", fail: func() func() {
			m := f.machines.EtcdLeader()
			m.KillEtcd()
			time.Sleep(3 * time.Second)
			return func() { m.StartEtcd(f.t) }
		}},
		{name: "etcd is gone on two machines", takesLong: true, stops: true, fail: func() func() {
			from := time.Now()
			for _, m := range f.machines.Members[:2] {
				m.KillEtcd()
			}
			time.Sleep(40 * time.Second)
			f.nobodyShown(from.Add(25*time.Second), time.Now()) // ttl at most, once Patroni has noticed
			return func() {
				for _, m := range f.machines.Members[:2] {
					m.StartEtcd(f.t)
				}
			}
		}},
		{name: "a planned switchover", fail: func() func() {
			if err := f.machines.Switchover(); err != nil {
				f.t.Error(err)
			}
			return nothing
		}},
	}
}

// meet lets one thing fail, perhaps under an order, has it mended, and holds what
// was received against the ledger.
func (f *failing) meet(e failure, chance *rand.Rand) {
	f.t.Helper()
	if f.t.Failed() {
		return // what comes after is no news
	}
	ordered := chance.IntN(2) == 0
	if ordered {
		f.suspend()
	}
	time.Sleep(time.Duration(chance.IntN(500)) * time.Millisecond)
	from := time.Now()
	mend := e.fail()
	if !ordered && !e.unseen && !e.stops {
		f.suspend() // whatever state things are in
		ordered = true
	}
	mend()
	time.Sleep(2 * time.Second) // until everybody has noticed
	f.wait(e.name, f.whole)
	whole := time.Now()
	if ordered {
		time.Sleep(time.Second)
		f.lift()
	}
	o := f.outage(from, time.Now())
	o.whole = whole.Sub(from)
	f.met[e.name] = append(f.met[e.name], o)
	f.t.Logf("%s: nobody was served for %v, everything was there after %v, not served: %v", e.name, o.nobody.Round(10*time.Millisecond), o.whole.Round(100*time.Millisecond), o.lost)
	if e.unseen && len(o.lost) > 0 {
		f.t.Errorf("%s, and people saw %v", e.name, o.lost)
	}
	f.check()
}

// suspend places an order on Karim from a terminal, as soon as one can.
func (f *failing) suspend() {
	f.t.Helper()
	f.wait("an order", func() error {
		output, code := poterne(f.t, "order", "place", "--config", f.config, "--as", "samir.cohen", "--because", "the drill", "suspend", "account", "karim.benali")
		number := proof.OrderNumber.FindStringSubmatch(output)
		if code != 0 || number == nil {
			return errors.New(output)
		}
		n, _ := strconv.ParseUint(number[1], 10, 64)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.orders = append(f.orders, standing{number: ledger.Number(n), placed: time.Now()})
		return nil
	})
}

// lift ends every order that is in force: one may stand whose placing failed, for
// all that anybody could tell.
func (f *failing) lift() {
	f.t.Helper()
	f.mu.Lock()
	f.orders[len(f.orders)-1].lift = time.Now()
	f.mu.Unlock()
	output := f.poterne("order", "list", "--config", f.config)
	for line := range strings.Lines(output) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if _, err := strconv.Atoi(fields[0]); err == nil {
			f.poterne("order", "lift", "--config", f.config, "--as", "samir.cohen", "--because", "the drill is over", fields[0])
		}
	}
}

// nobodyShown wants nobody to be in an answer that began and ended between two
// moments.
func (f *failing) nobodyShown(from, to time.Time) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	asked := 0
	for _, n := range f.answer {
		if n.begun.Before(from) || n.over.After(to) {
			continue
		}
		asked++
		if len(n.people) > 0 {
			f.t.Errorf("somebody was shown %v after nobody could be any more", n.begun.Sub(from))
		}
	}
	if asked == 0 {
		f.t.Error("nobody asked for anything")
	}
}

// outage is what people met between two moments.
func (f *failing) outage(from, to time.Time) outage {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := outage{lost: make(map[string]int)}
	times := []time.Time{from, to}
	for _, n := range f.answer {
		switch {
		case n.over.Before(from) || n.begun.After(to):
		case n.outcome == served:
			times = append(times, n.over)
		default:
			o.lost[n.outcome]++
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	for i, at := range times[1:] {
		o.nobody = max(o.nobody, at.Sub(times[i]))
	}
	return o
}

// check holds everything that was received against the ledger.
func (f *failing) check() {
	f.t.Helper()
	f.mu.Lock()
	answers := slices.Clone(f.answer)
	f.mu.Unlock()
	db, err := store.OpenPostgreSQL(f.t.Context(), f.connection())
	if err != nil {
		f.t.Fatal(err)
	}
	defer db.Close()
	unveil(f.t, db, filepath.Dir(f.config))
	written, err := f.ledger.Read(f.t.Context(), db)
	if err != nil {
		f.t.Fatal(err)
	}
	maps.Copy(f.written, written)
	f.holds(answers, f.written)
}

// connection is how commands reach all machines, over no wire.
func (f *failing) connection() string {
	text, _ := os.ReadFile(f.config)
	_, rest, _ := strings.Cut(string(text), "server = ")
	line, _, _ := strings.Cut(rest, "\n")
	connection, err := strconv.Unquote(line)
	if err != nil {
		f.t.Fatal(err)
	}
	return connection
}

// holds wants everybody who was received in the ledger, no more strangers received
// than allowed, nobody shown to Karim under an order, and nobody signed out.
func (f *failing) holds(answers []noted, written map[proof.Shown]register.Fields) {
	f.t.Helper()
	strangers := make(map[roster.AccountID]map[register.PersonID]bool)
	for _, n := range answers {
		for key, fields := range n.people {
			if !written[key].Has(fields) {
				f.t.Errorf("under receipt %d somebody was received with %b, the ledger has %b", key.Receipt, fields, written[key])
			}
		}
		if strangers[n.account] == nil {
			strangers[n.account] = make(map[register.PersonID]bool)
		}
		for _, person := range n.strangers {
			strangers[n.account][person] = true
		}
		if n.outcome == "signed out" {
			f.t.Errorf("%s was signed out", n.account)
		}
		for _, order := range f.orders {
			if n.account == "karim.benali" && len(n.people) > 0 && n.begun.After(order.placed) && (order.lift.IsZero() || n.over.Before(order.lift)) {
				f.t.Errorf("somebody was shown under order %d, %v after it was placed", order.number, n.begun.Sub(order.placed))
			}
		}
	}
	for account, people := range strangers {
		if len(people) > f.allowed {
			f.t.Errorf("%d strangers were received by %s, of %d", len(people), account, f.allowed)
		}
		if spent := f.ledger.Spent[account]; spent > meter.People(f.allowed) {
			f.t.Errorf("%d hundredths were spent by %s, of %d people", spent, account, f.allowed)
		}
	}
}

// end ends the day, reads the whole ledger anew and holds everything against it.
func (f *failing) end() {
	f.t.Helper()
	f.cuts()
	f.leave()
	f.working.Wait()
	f.ledger = proof.NewAftermath(f.key)
	f.written = make(map[proof.Shown]register.Fields)
	f.check()
	f.exhaust()
	f.ordersHeld()
	args := []string{"ledger", "verify", "--config", f.config}
	i := 0
	for checkpoint := range f.signed {
		i++
		args = append(args, "--checkpoint", f.write(fmt.Sprintf("%d.checkpoint", i), checkpoint))
	}
	began := time.Now()
	output, code := poterne(f.t, args...)
	if code != 0 {
		f.t.Errorf("the ledger does not verify:\n%s", output)
	}
	counts := make(map[string]int)
	people := 0
	for _, n := range f.answer {
		counts[n.outcome]++
		people += len(n.people)
	}
	f.t.Logf("%d entries; %d people received, each in the ledger; %v", f.ledger.Next, people, counts)
	f.t.Logf("the tree verifies against %d checkpoints that were fetched, in %v", len(f.signed), time.Since(began).Round(10*time.Millisecond))
}

// exhaust wants each account to be refused strangers exactly when its allowance is
// spent, over all nodes and all that happened to them.
func (f *failing) exhaust() {
	f.t.Helper()
	for _, account := range crowdStaff {
		browser := f.browser(account)
		for shown := true; shown; {
			n := f.ask(browser, account, f.anyStranger())
			if n.outcome != served {
				f.t.Fatalf("a stranger is answered with %s", n.outcome)
			}
			shown = len(n.people) > 0
		}
	}
	f.check()
	for _, account := range crowdStaff[:2] { // what was held for stolen may be narrowed
		if spent := f.ledger.Spent[account]; spent != meter.People(f.allowed) {
			f.t.Errorf("%s is refused at %d hundredths, of %d people", account, spent, f.allowed)
		}
	}
}

// ordersHeld wants nobody disclosed to Karim between an order and its lifting, in
// the ledger's own order.
func (f *failing) ordersHeld() {
	f.t.Helper()
	db, err := store.OpenPostgreSQL(f.t.Context(), f.connection())
	if err != nil {
		f.t.Fatal(err)
	}
	defer db.Close()
	unveil(f.t, db, filepath.Dir(f.config))
	standing := 0
	for entry, err := range store.NewLedger(db).Entries(f.t.Context(), 0) {
		if err != nil {
			f.t.Fatal(err)
		}
		suspends := entry.Effect == order.Suspended && entry.Target == "karim.benali"
		switch {
		case entry.Kind == ledger.Placed && suspends:
			standing++
		case entry.Kind == ledger.Lifted && suspends:
			standing--
		case entry.Disclosed() && entry.Account == "karim.benali" && standing > 0:
			f.t.Errorf("entry %d discloses somebody under an order", entry.Number)
		}
	}
	f.t.Logf("%d orders on one account, each of which held on every node until it was lifted", len(f.orders))
}

// cuts wants an order to end what is under way on each node.
func (f *failing) cuts() {
	f.t.Helper()
	browser := f.browser("karim.benali")
	ended := make(chan time.Time, len(f.nodes))
	for i := range f.nodes {
		go func() {
			request, _ := http.NewRequest(http.MethodGet, f.origin+"/people/files/"+crowdID(heldPerson), nil)
			request.Header.Set(pinned, strconv.Itoa(i))
			if page, err := browser.Do(request); err != nil || page.Status != http.StatusForbidden {
				f.t.Errorf("what was under way ended with %d, %v", page.Status, err)
			}
			ended <- time.Now()
		}()
		<-f.crowd.asked
	}
	began := time.Now()
	f.suspend()
	bound := aSecondOr(time.Since(began))
	db, err := store.OpenPostgreSQL(f.t.Context(), f.connection())
	if err != nil {
		f.t.Fatal(err)
	}
	defer db.Close()
	unveil(f.t, db, filepath.Dir(f.config))
	var placed time.Time
	for entry, err := range store.NewLedger(db).Entries(f.t.Context(), f.orders[len(f.orders)-1].number) {
		if err != nil {
			f.t.Fatal(err)
		}
		placed = entry.Time
		break
	}
	for range f.nodes {
		after := (<-ended).Sub(placed)
		f.t.Logf("an answer under way was cut %v after the order", after.Round(time.Millisecond))
		if after > bound {
			f.t.Errorf("which is late: it has %v", bound)
		}
	}
	f.lift()
}

// table is what an operator wants to know.
func (f *failing) table() string {
	var rows strings.Builder
	_, _ = fmt.Fprintf(&rows, "| what fails | times | nobody served: median | worst | whole again: worst | not served, of all asked meanwhile |\n")
	for _, name := range slices.Sorted(maps.Keys(f.met)) {
		all := f.met[name]
		slices.SortFunc(all, func(a, b outage) int { return cmp.Compare(a.nobody, b.nobody) })
		lost, whole := make(map[string]int), time.Duration(0)
		for _, o := range all {
			for outcome, n := range o.lost {
				lost[outcome] += n
			}
			whole = max(whole, o.whole)
		}
		_, _ = fmt.Fprintf(&rows, "| %s | %d | %.1f s | %.1f s | %.0f s | %v |\n", name, len(all),
			all[len(all)/2].nobody.Seconds(), all[len(all)-1].nobody.Seconds(), whole.Seconds(), lost)
	}
	return rows.String()
}
