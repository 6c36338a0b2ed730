// Package network tells from where somebody asks, as one of the classes of addresses that the operator named.
package network

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"poterne/internal/order"
)

// Elsewhere is the class of an address that no declared network has.
const Elsewhere = order.Elsewhere

// Class is a class of addresses that the operator named.
type Class struct {
	Name   string
	Ranges []netip.Prefix
}

// Map tells from where somebody asks, as a class. The address itself is kept
// nowhere.
type Map struct {
	Classes []Class        // the first that has an address is its class
	Proxies []netip.Prefix // what stands between us and browsers, and is believed about them
}

// Names returns every class there is.
func (n Map) Names() (names []string) {
	for _, class := range n.Classes {
		names = append(names, class.Name)
	}
	return append(names, Elsewhere)
}

// Of returns the class of the network that a request comes from.
func (n Map) Of(r *http.Request) string {
	client, ok := n.Client(r)
	if !ok {
		return Elsewhere
	}
	for _, class := range n.Classes {
		if within(class.Ranges, client) {
			return class.Name
		}
	}
	return Elsewhere
}

// Client is the address that a request was made from: the other end of the
// connection or, when that is one of the proxies, what it says last in
// X-Forwarded-For. What comes before that anybody could have made up.
func (n Map) Client(r *http.Request) (netip.Addr, bool) {
	peer, ok := addressIn(r.RemoteAddr)
	if !ok || !within(n.Proxies, peer) {
		return peer, ok
	}
	forwarded := strings.Join(r.Header.Values("X-Forwarded-For"), ",")
	return addressIn(strings.TrimSpace(forwarded[strings.LastIndex(forwarded, ",")+1:]))
}

// addressIn reads an address with or without a port, in its one form.
func addressIn(text string) (netip.Addr, bool) {
	ip, err := netip.ParseAddr(text)
	if err != nil {
		with, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}, false
		}
		ip = with.Addr()
	}
	return ip.Unmap().WithZone(""), true
}

func within(ranges []netip.Prefix, ip netip.Addr) bool {
	return slices.ContainsFunc(ranges, func(p netip.Prefix) bool { return p.Contains(ip) })
}
