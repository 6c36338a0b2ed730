package config

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"poterne/internal/gate"
	"poterne/internal/gate/network"
	"poterne/internal/signin"
	"poterne/internal/store"
	"poterne/internal/typed"
)

// publicTable is how people reach Poterne. Without cert and key it listens on
// this machine only, behind something that ends TLS: whoever runs that sees
// everything.
type publicTable struct {
	Origin string `toml:"origin" need:"origin = \"https://poterne.example\", the address people type"`
	Listen string `toml:"listen" need:"listen = \"127.0.0.1:8080\", or \":443\" with cert and key"`
	Cert   string `toml:"cert"`
	Key    string `toml:"key"`

	// Programmes is where partners' programmes connect that prove themselves by a client
	// certificate of their account's key, with the same cert and key. Nothing that ends TLS may
	// stand before it.
	Programmes string `toml:"programmes"`

	// Proxies are what stands between Poterne and browsers. The last address that
	// they write in X-Forwarded-For is taken for the browser's.
	Proxies []string `toml:"proxies"`

	Reading int64 `toml:"reading"` // bytes that the answers being read at any moment may take; 256 MiB

	Help wordsTable `toml:"help"` // whom to ask, in a few words

	// SecurityContact is whom to tell of a weakness, at /.well-known/security.txt on every host:
	// "mailto:…" or "https://…". Nothing is served there when it is left out.
	SecurityContact string `toml:"security_contact"`
}

func (c *config) public(s *Settings, files secretFiles) {
	wrong := files.wrong
	if c.Public.Origin != "" {
		if origin, err := url.Parse(c.Public.Origin); err != nil || origin.Host == "" || origin.Scheme+"://"+origin.Host != c.Public.Origin {
			wrong.Add("public.origin", "not an origin; write a scheme and a host only, such as https://poterne.example")
		} else if !signin.Confidential(origin) {
			wrong.Add("public.origin", "cookies and people would travel unprotected; write https://%s", origin.Host)
		}
	}
	if s.SecurityContact = c.Public.SecurityContact; s.SecurityContact != "" {
		contact, err := url.Parse(s.SecurityContact)
		if err != nil || (contact.Scheme != "https" || contact.Host == "") && (contact.Scheme != "mailto" || contact.Opaque == "") || typed.Wrong(s.SecurityContact) != typed.Nothing {
			wrong.Add("public.security_contact", "not an address to write to; write \"mailto:…\" or \"https://…\"")
		}
	}
	if s.Reading = max(0, c.Public.Reading); c.Public.Reading < 0 {
		wrong.Add("public.reading", "a limit is negative; write how many bytes the answers being read at any moment may take, such as 268435456")
	}
	if s.Facts = cmp.Or(c.Memory.Facts, gate.Remembered); s.Facts < 0 {
		wrong.Add("memory.facts", "a bound is negative; write how many bytes of facts are remembered, such as 67108864")
	}
	if s.Entries = cmp.Or(c.Memory.Entries, store.Remembered); s.Entries < 0 {
		wrong.Add("memory.entries", "a bound is negative; write how many bytes of the newest entries are remembered, such as 67108864")
	}
	address(wrong, "public.listen", c.Public.Listen)
	address(wrong, "public.programmes", c.Public.Programmes)
	switch {
	case c.Public.Programmes == "":
	case c.Public.Programmes == c.Public.Listen:
		wrong.Add("public.programmes", "browsers connect there; write another address, such as \":8444\"")
	case c.Public.Cert == "":
		wrong.Add("public.programmes", "certificates are shown where Poterne itself speaks TLS; write cert and key as well, or leave it out")
	}
	address(wrong, "metrics.listen", c.Metrics.Listen)
	host, _, err := net.SplitHostPort(c.Public.Listen)
	switch {
	case (c.Public.Cert == "") != (c.Public.Key == ""):
		wrong.Add("public", "cert and key come together; write both, or neither behind something that ends TLS")
	case c.Public.Cert != "":
		s.Pair = Pair{Cert: files.path(c.Public.Cert), Key: files.path(c.Public.Key)}
		if _, err := PrivateFile(s.Pair.Key); err != nil {
			wrong.Add("public.key", "%v", err)
		}
		pair, err := tls.LoadX509KeyPair(s.Pair.Cert, s.Pair.Key)
		if err != nil {
			wrong.Add("public.cert", "%v", err)
		}
		s.Certificate = &pair
	case err == nil && !signin.Loopback(host):
		wrong.Add("public.listen", "other machines would reach it without TLS; write cert and key, or listen on 127.0.0.1 behind something that ends TLS")
	}
}

// Pair is where a certificate and its key lie.
type Pair struct{ Cert, Key string }

// Read returns the certificate that is there now.
func (p Pair) Read() (*tls.Certificate, error) {
	if _, err := PrivateFile(p.Key); err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(p.Cert, p.Key)
	return &pair, err
}

// networkTable names the addresses that people work from. The first that has an
// address is its class; only the class is kept. Whoever asks from within looks
// familiar.
type networkTable struct {
	Name   string   `toml:"name" need:"name = \"agency\""`
	Ranges []string `toml:"ranges" need:"ranges = [\"10.20.0.0/16\"], the addresses it has"`
}

// networks wants to know the browsers' own addresses wherever it is to class them.
func (c *config) networks(s *Settings, wrong *document) {
	s.Networks.Proxies = addressRanges(wrong, "public.proxies", c.Public.Proxies)
	if len(c.Network) > 0 && len(c.Public.Proxies) == 0 && c.Public.Cert == "" && strings.HasPrefix(c.Public.Origin, "https://") {
		wrong.Add("network", "all requests come from what ends TLS before Poterne; write its address under [public], such as proxies = [\"127.0.0.1\"]")
	}
	for i, n := range c.Network {
		path := index("network", i)
		identifier(wrong, path+".name", n.Name)
		twice := slices.ContainsFunc(s.Networks.Classes, func(known network.Class) bool { return known.Name == n.Name })
		if twice || n.Name == network.Elsewhere {
			wrong.Add(path+".name", "%q is taken; write another name, or all ranges in one place", n.Name)
		}
		s.Networks.Classes = append(s.Networks.Classes, network.Class{Name: n.Name, Ranges: addressRanges(wrong, path+".ranges", n.Ranges)})
	}
}

// addressRanges reads addresses and ranges of them.
func addressRanges(wrong *document, path string, texts []string) (ranges []netip.Prefix) {
	for i, text := range texts {
		if ip, err := netip.ParseAddr(text); err == nil {
			text = netip.PrefixFrom(ip, ip.BitLen()).String()
		}
		switch prefix, err := netip.ParsePrefix(text); {
		case err != nil || prefix.Addr().Is4In6():
			wrong.Add(index(path, i), "not a range of addresses; write one such as \"10.20.0.0/16\" or \"192.0.2.7\"")
		case prefix != prefix.Masked():
			wrong.Add(index(path, i), "the address is longer than its range; write %q", prefix.Masked())
		default:
			ranges = append(ranges, prefix)
		}
	}
	return ranges
}

// controlTable is where poterne reload finds the node of its machine. Whoever may open the
// socket may have it read its configuration anew: its owner, and root.
type controlTable struct {
	Socket string `toml:"socket"` // beside an SQLite database, with ".control"; else /run/poterne/control.sock
}

// path is where the socket is.
func (t controlTable) path(files secretFiles, database string) string {
	switch {
	case t.Socket != "":
		return files.path(t.Socket)
	case database != "":
		return database + ".control"
	}
	return "/run/poterne/control.sock"
}

// Control returns where the node listens that runs by a configuration. What is wrong with that
// otherwise does not matter.
func Control(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s cannot be read: %w", file, err)
	}
	var c config
	wrong, err := readConfig(file, text, &c)
	if err != nil {
		return "", err
	}
	files := secretFiles{filepath.Dir(file), wrong}
	if c.Control.Socket == "" && c.Database.Path == "" && c.Database.Server == "" {
		c.kept(wrong)
		return "", fmt.Errorf("it does not say where the node listens: nothing was done\n%w", wrong.Err())
	}
	return c.Control.path(files, files.path(c.Database.Path)), nil
}

// Socket is where a node listens for its operator.
type Socket struct {
	Path  string
	Given bool // the configuration names it: a node that cannot listen there does not start
}

// metricsTable is where Prometheus reads; nobody else should reach it.
type metricsTable struct {
	Listen string `toml:"listen"`
}

func address(wrong *document, path, listen string) {
	if listen == "" {
		return
	}
	if _, port, err := net.SplitHostPort(listen); err != nil || port == "" {
		wrong.Add(path, "not an address to listen on; write one such as \"127.0.0.1:8080\"")
	}
}
