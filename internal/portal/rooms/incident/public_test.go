package incident

import (
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"poterne/internal/gate/network"
)

// Whoever floods the public page from behind a proxy keeps nobody else behind it out, and
// neither does whoever makes up what a proxy would say, or has many addresses.
func TestAFloodKeepsNobodyElseOut(t *testing.T) {
	networks := network.Map{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	h := &Handlers{deps: Deps{Client: networks.Client}}
	now := time.Date(2026, 3, 3, 14, 0, 0, 0, time.UTC)
	may := func(peer, forwarded string) bool {
		r := httptest.NewRequest("GET", publicPath, nil)
		r.RemoteAddr = peer
		if forwarded != "" {
			r.Header.Set("X-Forwarded-For", forwarded)
		}
		return h.askers.may(h.asker(r), now)
	}
	flood := func(peer, forwarded string) (let int) {
		for range 3 * askedAtMost {
			if may(peer, forwarded) {
				let++
			}
		}
		return let
	}
	if n := flood("10.0.0.1:4000", "192.0.2.7"); n != askedAtMost {
		t.Errorf("one behind the proxy is let in %d times", n)
	}
	if !may("10.0.0.1:4001", "192.0.2.8") {
		t.Error("another behind the proxy is kept out")
	}
	if may("10.0.0.1:4002", "192.0.2.9, 192.0.2.7") {
		t.Error("the one who floods is let in by an address that they made up")
	}
	if n := flood("198.51.100.1:4000", "192.0.2.10"); n != askedAtMost || !may("10.0.0.1:4003", "192.0.2.10") {
		t.Errorf("who is no proxy speaks for another: %d", n)
	}
	if n := flood("[2001:db8::1]:4000", ""); n != askedAtMost || may("[2001:db8::2]:4000", "") || !may("[2001:db8:1::1]:4000", "") {
		t.Errorf("by another address of the same network one is let in again, or a neighbour is kept out: %d", n)
	}
	now = now.Add(time.Minute)
	if !may("10.0.0.1:4000", "192.0.2.7") {
		t.Error("after a minute one is kept out still")
	}
}
