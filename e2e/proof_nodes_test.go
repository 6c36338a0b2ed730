package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"poterne/internal/journal"
	"poterne/internal/lab/town/life"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// balancer sends each request to the next node that is up, as any load balancer
// does: nobody is kept on one node.
type balancer struct {
	next  atomic.Int64
	nodes []*url.URL
	down  []atomic.Bool
}

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for {
		i := int(b.next.Add(1)) % len(b.nodes)
		if !b.down[i].Load() {
			proxy := httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
				p.SetURL(b.nodes[i])
				p.Out.Host = p.In.Host
			}}
			proxy.ServeHTTP(w, r)
			return
		}
	}
}

// Promise: RUN-3
// Promise: METER-3
func TestRUN_3_NodesBehindALoadBalancerAreOneGate(t *testing.T) {
	t.Parallel()
	connection := storetest.StartPostgreSQL(t).Database(t)
	application := httptest.NewServer(crowd())
	t.Cleanup(application.Close)
	h := newHouse(t, "application", map[string]string{
		"http://127.0.0.1:3000": application.URL, `path = "poterne.db"`: fmt.Sprintf("server = %q", connection),
	})

	balance, nodes := h.serveTwice()

	browsers := []*life.Browser{h.browser("pauline.mercier"), h.browser("pauline.mercier"), h.browser("pauline.mercier")}
	shown := h.openStrangers(browsers, 0, 60)
	if shown != 20 {
		t.Errorf("%d strangers shown over two nodes, the allowance is 20", shown)
	}

	balance.down[0].Store(true)
	nodes[0].kill()
	if again := h.openStrangers(browsers, 1000, 60); again != 0 {
		t.Errorf("after a node was killed, %d more strangers were shown", again)
	}
	if page := h.get(browsers[0], "/"); page.Status != http.StatusOK {
		t.Errorf("the other node answers %d to a session that began on both", page.Status)
	}

	db, err := store.OpenPostgreSQL(t.Context(), connection)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	unveil(t, db, h.dir)
	people := make(map[register.PersonID]bool)
	for entry, err := range store.NewLedger(db).Entries(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if entry.Disclosed() {
			people[entry.Person] = true
		}
	}
	if len(people) != shown {
		t.Errorf("the ledger has %d people, %d were shown", len(people), shown)
	}
	nodes[1].stop() // it signs a last checkpoint
	h.verified()
}

// serveTwice starts two nodes over one database, and a load balancer before them at
// the house's address.
func (h *house) serveTwice() (balance *balancer, nodes []*process) {
	h.t.Helper()
	ports := [2]int{freePort(h.t), freePort(h.t)}
	balance = &balancer{down: make([]atomic.Bool, len(ports))}
	text, err := os.ReadFile(h.config)
	if err != nil {
		h.t.Fatal(err)
	}
	home := strings.TrimPrefix(h.origin, "http://")
	for i, port := range ports {
		own := strings.Replace(string(text), fmt.Sprintf("listen = %q", home), fmt.Sprintf("listen = \"localhost:%d\"", port), 1)
		config := h.write(fmt.Sprintf("node%d.toml", i), own)
		address := &url.URL{Scheme: "http", Host: fmt.Sprintf("localhost:%d", port)}
		balance.nodes = append(balance.nodes, address)
		node := start(h.t, "serve", "--config", config)
		node.ready(address.String())
		nodes = append(nodes, node)
	}
	front := &http.Server{Addr: home, Handler: balance}
	go func() { _ = front.ListenAndServe() }()
	h.t.Cleanup(func() { _ = front.Close() })
	for up := false; !up; {
		answer, err := http.Get(h.origin + "/healthz")
		if up = err == nil; up {
			_ = answer.Body.Close()
		}
	}
	return balance, nodes
}

// Whoever goes through the register is frozen after a few, however many are asked for
// at once, in however many sessions, on whichever node.
//
// Promise: WATCH-9
func TestWATCH_9_StrangersAtOnceOverTwoNodesEndAsOneAfterTheOther(t *testing.T) {
	t.Parallel()
	const sessions = 10
	connection := storetest.StartPostgreSQL(t).Database(t)
	application := httptest.NewServer(crowd())
	t.Cleanup(application.Close)
	h := newHouse(t, "application", map[string]string{
		"http://127.0.0.1:3000": application.URL, `path = "poterne.db"`: fmt.Sprintf("server = %q", connection),
		`rules = ["doubted", "enumerating", "pace-reached"]`: "everything = false",
		// Nothing but evidence stops anybody here.
		"adviser     = { hour = 20, month = 20 }": "adviser = { hour = 500, month = 1000 }",
		"adviser = { forgiven = 1, line = 20, ":   "adviser = { forgiven = 100, line = 2000, ",
		"organisation = { hour = 100, ":           "organisation = { hour = 2000, ", "service = { hour = 500, ": "service = { hour = 5000, ",
	})
	h.serveTwice()
	signIn := func(account roster.AccountID) (browsers []*life.Browser) {
		for range sessions {
			browsers = append(browsers, h.browser(account))
		}
		return browsers
	}

	inSequence := 0
	pauline := signIn("pauline.mercier")
	for n := range 60 {
		inSequence += h.openStrangers(pauline[n%sessions:n%sessions+1], n, 1)
	}
	// Somebody of another organisation, so that nothing of the first weighs on them.
	twenty := h.openStrangers(signIn("karim.benali"), 1000, 20)
	twoHundred := h.openStrangers(signIn("marc.petit"), 2000, 200)

	db, err := store.OpenPostgreSQL(t.Context(), connection)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	unveil(t, db, h.dir)
	frozen, entered := make(map[string]int), make(map[roster.AccountID]int)
	for entry, err := range store.NewLedger(db).Entries(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if entry.Disclosed() {
			entered[entry.Account]++
		}
		if entry.Kind == ledger.Placed && entry.Account == journal.Itself {
			if entry.Effect == order.Frozen {
				frozen[entry.Target]++
			}
		}
	}
	t.Logf("one after the other %d, twenty at once %d, two hundred at once %d; frozen: %v", inSequence, twenty, twoHundred, frozen)
	if inSequence == 0 || inSequence > 5 {
		t.Errorf("one after the other, %d strangers were shown before the freeze", inSequence)
	}
	for _, c := range []struct {
		account roster.AccountID
		shown   int
	}{{"pauline.mercier", inSequence}, {"karim.benali", twenty}, {"marc.petit", twoHundred}} {
		if c.shown < inSequence-1 || c.shown > inSequence+1 {
			t.Errorf("%s was shown %d strangers, one after the other it is %d", c.account, c.shown, inSequence)
		}
		if frozen[string(c.account)] != 1 {
			t.Errorf("%s was frozen %d times", c.account, frozen[string(c.account)])
		}
		if entered[c.account] != c.shown {
			t.Errorf("the ledger says that %s was shown %d people, it is %d", c.account, entered[c.account], c.shown)
		}
	}
}

// openStrangers opens so many people at once, by turns in each browser, and returns
// how many were shown.
func (h *house) openStrangers(browsers []*life.Browser, first, count int) int {
	var shown atomic.Int64
	var wait sync.WaitGroup
	for i := range count {
		wait.Go(func() {
			page, err := browsers[i%len(browsers)].Get(h.t.Context(), "/people/files/"+crowdID(first+i))
			switch {
			case err != nil:
				h.t.Error(err)
			case strings.Contains(string(page.Body), fmt.Sprintf(`"Nom %d"`, first+i)):
				shown.Add(1)
			case page.Status != http.StatusForbidden && strings.HasPrefix(page.Address.String(), h.origin): // elsewhere they are to sign in again
				h.t.Errorf("status %d at %s", page.Status, page.Address)
			}
		})
	}
	wait.Wait()
	return int(shown.Load())
}
