package network_test

import (
	"net/http/httptest"
	"net/netip"
	"testing"

	"poterne/internal/gate/network"
)

func ranges(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func TestTheClassOfANetworkIsOfTheLastAddressThatCanBeBelieved(t *testing.T) {
	networks := network.Map{
		Classes: []network.Class{
			{Name: "counter", Ranges: ranges("10.1.2.0/24")},
			{Name: "agency", Ranges: ranges("10.1.0.0/16", "2001:db8:1::/48")},
			{Name: "home", Ranges: ranges("198.51.100.0/24", "192.0.2.7/32")},
		},
		Proxies: ranges("127.0.0.1/32", "::1/128"),
	}
	for name, test := range map[string]struct {
		peer      string
		forwarded []string
		want      string
	}{
		"a declared range": {"10.1.9.9:4711", nil, "agency"},
		"two ranges have it: the first declared counts":            {"10.1.2.9:4711", nil, "counter"},
		"a second range of a class":                                {"[2001:db8:1::9]:4711", nil, "agency"},
		"IPv4 written as IPv6":                                     {"[::ffff:10.1.9.9]:4711", nil, "agency"},
		"an address with a zone":                                   {"[fe80::1%eth0]:4711", nil, "other"},
		"a single address":                                         {"192.0.2.7:4711", nil, "home"},
		"the address beside it":                                    {"192.0.2.8:4711", nil, "other"},
		"no declared range":                                        {"203.0.113.9:4711", nil, "other"},
		"somebody who says to have come from an agency":            {"203.0.113.9:4711", []string{"10.1.9.9"}, "other"},
		"through the proxy":                                        {"127.0.0.1:4711", []string{"10.1.9.9"}, "agency"},
		"through the proxy, over IPv6":                             {"[::1]:4711", []string{"2001:db8:1::9"}, "agency"},
		"through the proxy, after what the asker made up":          {"127.0.0.1:4711", []string{"10.1.9.9, 203.0.113.9"}, "other"},
		"through the proxy, the asker's header and the proxy's":    {"127.0.0.1:4711", []string{"10.1.9.9", "198.51.100.3"}, "home"},
		"through a proxy that writes the port":                     {"127.0.0.1:4711", []string{"198.51.100.3:50123"}, "home"},
		"through a proxy that writes the port, over IPv6":          {"127.0.0.1:4711", []string{"[2001:db8:1::9]:50123"}, "agency"},
		"through a proxy that says nothing":                        {"127.0.0.1:4711", nil, "other"},
		"through a proxy that says something else":                 {"127.0.0.1:4711", []string{"10.1.9.9, unknown"}, "other"},
		"through a proxy, with nothing after the comma":            {"127.0.0.1:4711", []string{"10.1.9.9,"}, "other"},
		"through the proxy's neighbour, who is not to be believed": {"127.0.0.2:4711", []string{"10.1.9.9"}, "other"},
		"a connection without an address":                          {"@", []string{"10.1.9.9"}, "other"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = test.peer
			r.Header["X-Forwarded-For"] = test.forwarded
			if got := networks.Of(r); got != test.want {
				t.Errorf("the class is %q, want %q", got, test.want)
			}
		})
	}
	t.Run("where nothing is declared", func(t *testing.T) {
		if got := (network.Map{}).Of(httptest.NewRequest("GET", "/", nil)); got != network.Elsewhere {
			t.Errorf("the class is %q", got)
		}
	})
}
