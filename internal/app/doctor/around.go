package doctor

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"poterne/internal/signin"
)

// hearing is what answers said beside their bodies.
type hearing struct {
	clocks       []clock
	certificates map[string]*x509.Certificate // by host
}

// clock is how far another machine's is ahead of this one's, and by how much that may be
// wrong.
type clock struct {
	whose         string
	ahead, unsure time.Duration
}

// listening is a transport that remembers whose certificates it saw.
type listening struct {
	http.RoundTripper
	heard *hearing
}

// RoundTrip implements http.RoundTripper.
func (l listening) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := l.RoundTripper.RoundTrip(r)
	if err == nil && answer.TLS != nil && len(answer.TLS.PeerCertificates) > 0 {
		l.heard.certificates[r.URL.Host] = answer.TLS.PeerCertificates[0]
	}
	return answer, err
}

// largest is how much of an answer is read.
const largest = 1 << 20

// ask asks once. Nothing of the answer's body goes into an error.
func ask(ctx context.Context, client *http.Client, method, address string) (status int, body []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return 0, nil, err
	}
	answer, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	body, err = io.ReadAll(io.LimitReader(answer.Body, largest))
	return answer.StatusCode, body, err
}

// provider looks at what an identity provider publishes, as the program will need it, and
// at the Date of its answer.
func (x *examination) provider(ctx context.Context, issuer string) {
	const about = "provider"
	again := "look at issuer under [signin], or under its [[signin.other]], and whether this machine reaches it"
	asked := x.now()
	address := strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		x.say(Wrong, about, err.Error(), again)
		return
	}
	answer, err := x.client.Do(request)
	if err != nil {
		x.say(Wrong, about, err.Error(), again)
		return
	}
	defer answer.Body.Close()
	took := x.now().Sub(asked)
	if at, err := http.ParseTime(answer.Header.Get("Date")); err == nil && answer.Header.Get("Age") == "" {
		// A Date has whole seconds.
		x.heard.clocks = append(x.heard.clocks, clock{"the provider", at.Add(time.Second / 2).Sub(asked.Add(took / 2)), took/2 + time.Second/2})
	}
	var published struct {
		Issuer string `json:"issuer"`
		Auth   string `json:"authorization_endpoint"`
		Token  string `json:"token_endpoint"`
		Keys   string `json:"jwks_uri"`
	}
	err = json.NewDecoder(io.LimitReader(answer.Body, largest)).Decode(&published)
	switch {
	case answer.StatusCode != http.StatusOK:
		x.say(Wrong, about, fmt.Sprintf("%s answers %d", address, answer.StatusCode), again)
		return
	case err != nil:
		x.say(Wrong, about, address+" is no JSON", again)
		return
	case published.Issuer != issuer:
		x.say(Wrong, about, fmt.Sprintf("it calls itself %q", published.Issuer), "write that as its issuer, to the letter, if it is the one you mean")
		return
	}
	for _, endpoint := range [][2]string{{"authorization_endpoint", published.Auth}, {"token_endpoint", published.Token}, {"jwks_uri", published.Keys}} {
		if parsed, err := url.Parse(endpoint[1]); err != nil || parsed.Host == "" || !signin.Confidential(parsed) {
			x.say(Wrong, about, fmt.Sprintf("its %s is %q", endpoint[0], endpoint[1]), "secrets would travel unprotected, or nowhere: ask whoever runs it")
			return
		}
	}
	status, body, err := ask(ctx, x.client, http.MethodGet, published.Keys)
	var keys jose.JSONWebKeySet
	switch {
	case err != nil:
		x.say(Wrong, about, "its keys: "+err.Error(), "nobody can sign in: look whether this machine reaches them")
	case status != http.StatusOK || json.Unmarshal(body, &keys) != nil:
		x.say(Wrong, about, fmt.Sprintf("%s answers %d, and no keys", published.Keys, status), "nobody can sign in: ask whoever runs it")
	case !slices.ContainsFunc(keys.Keys, func(k jose.JSONWebKey) bool { return k.IsPublic() && k.Use != "enc" }):
		x.say(Wrong, about, published.Keys+" has no public key that signs", "nobody can sign in: ask whoever runs it")
	default:
		x.say(OK, about, published.Issuer+", whose keys it gave", "")
	}
}

// applications asks each for nothing, and looks whether it answers.
func (x *examination) applications(ctx context.Context) {
	for _, service := range x.Services {
		about := "application " + string(service.ID)
		began := x.now()
		status, _, err := ask(ctx, x.direct, http.MethodHead, service.Upstream.String())
		switch took := x.now().Sub(began).Round(time.Millisecond); {
		case err != nil:
			x.say(Wrong, about, err.Error(), "start it, or look at its upstream")
		case status >= http.StatusInternalServerError:
			x.say(Check, about, fmt.Sprintf("it answers %d after %s", status, took), "look at its own log")
		default:
			x.say(OK, about, fmt.Sprintf("it answers %d after %s", status, took), "")
		}
	}
}

// How far clocks may be apart.
const (
	apart  = 2 * time.Second
	farOff = 30 * time.Second
)

// clock compares this machine's with what others said. What may be a matter of the way is
// not held against it.
func (x *examination) clock() {
	for _, c := range x.heard.clocks {
		by := max(0, c.ahead.Abs()-c.unsure)
		x.judge("clock", fmt.Sprintf("%s from that of %s", round(by), c.whose), by > apart, by > farOff, "have both follow NTP: habilitations, sessions and deadlines go by it")
	}
	if len(x.heard.clocks) == 0 {
		x.say(Check, "clock", "nobody said what time it is", "look whether it follows NTP")
	}
}

// soon is when the end of a certificate is near.
const soon = 21 * 24 * time.Hour

// certificates looks when those end that were seen.
func (x *examination) certificates() {
	type seen struct {
		about string
		*x509.Certificate
	}
	var all []seen
	if x.Certificate != nil && x.Certificate.Leaf != nil {
		all = append(all, seen{"certificate of " + x.Origin, x.Certificate.Leaf})
		if origin, err := url.Parse(x.Origin); err == nil {
			if err := x.Certificate.Leaf.VerifyHostname(origin.Hostname()); err != nil {
				x.say(Wrong, "certificate of "+x.Origin, err.Error(), "have one made for the address that people type")
			}
		}
	}
	for host, certificate := range x.heard.certificates {
		all = append(all, seen{"certificate of " + host, certificate})
	}
	slices.SortFunc(all, func(a, b seen) int { return cmp.Compare(a.about, b.about) })
	for _, one := range all {
		left := one.NotAfter.Sub(x.now())
		x.judge(one.about, "it ends on "+one.NotAfter.UTC().Format(time.DateOnly), left < soon, left <= 0 || x.now().Before(one.NotBefore), "renew it")
	}
}
