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

	"poterne/internal/register"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
	"poterne/internal/town/life"
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
	connection := storetest.StartPostgreSQL(t).Database(t)
	application := httptest.NewServer(crowd())
	t.Cleanup(application.Close)
	h := newHouse(t, "application", map[string]string{
		"http://127.0.0.1:3000": application.URL, `path = "poterne.db"`: fmt.Sprintf("server = %q", connection),
	})

	ports := [2]int{freePort(t), freePort(t)}
	balance := &balancer{down: make([]atomic.Bool, len(ports))}
	text, err := os.ReadFile(h.config)
	if err != nil {
		t.Fatal(err)
	}
	home := strings.TrimPrefix(h.origin, "http://")
	var nodes []*process
	for i, port := range ports {
		own := strings.Replace(string(text), fmt.Sprintf("listen = %q", home), fmt.Sprintf("listen = \"localhost:%d\"", port), 1)
		config := h.write(fmt.Sprintf("node%d.toml", i), own)
		address := &url.URL{Scheme: "http", Host: fmt.Sprintf("localhost:%d", port)}
		balance.nodes = append(balance.nodes, address)
		node := start(t, "serve", "--config", config)
		node.ready(address.String())
		nodes = append(nodes, node)
	}
	front := &http.Server{Addr: home, Handler: balance}
	go func() { _ = front.ListenAndServe() }()
	t.Cleanup(func() { _ = front.Close() })
	for up := false; !up; {
		answer, err := http.Get(h.origin + "/healthz")
		if up = err == nil; up {
			_ = answer.Body.Close()
		}
	}

	browsers := []*life.Browser{h.browser("pauline.mercier"), h.browser("pauline.mercier"), h.browser("pauline.mercier")}
	shown := h.openStrangers(browsers, 0)
	if shown != 20 {
		t.Errorf("%d strangers shown over two nodes, the allowance is 20", shown)
	}

	balance.down[0].Store(true)
	nodes[0].kill()
	if again := h.openStrangers(browsers, 1000); again != 0 {
		t.Errorf("after a node was killed, %d more strangers were shown", again)
	}
	if page := h.get(browsers[0], "/"); page.Status != http.StatusOK {
		t.Errorf("the other node answers %d to a session that began on both", page.Status)
	}

	kept, err := store.OpenPostgreSQL(t.Context(), connection)
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	unveil(t, kept, h.dir)
	people := make(map[register.PersonID]bool)
	for entry, err := range kept.Entries(t.Context(), 0) {
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

// openStrangers opens sixty people at once, by turns in each browser, and returns
// how many were shown.
func (h *house) openStrangers(browsers []*life.Browser, first int) int {
	var shown atomic.Int64
	var wait sync.WaitGroup
	for i := range 60 {
		wait.Go(func() {
			page, err := browsers[i%len(browsers)].Get(h.t.Context(), "/people/files/"+crowdID(first+i))
			switch {
			case err != nil:
				h.t.Error(err)
			case page.Status == http.StatusOK:
				shown.Add(1)
			case page.Status != http.StatusForbidden:
				h.t.Errorf("status %d", page.Status)
			}
		})
	}
	wait.Wait()
	return int(shown.Load())
}
