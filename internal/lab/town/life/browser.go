package life

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Browser is a browser without a screen: it keeps cookies, follows redirections
// and signs in at the town's identity provider. It is safe to share, as the tabs
// of one browser share it.
type Browser struct {
	portal string
	client *http.Client
}

// What every browser says of itself.
const (
	Agent    = "Mozilla/5.0 (town of Valbourg)"
	Language = "fr-FR"
)

// Page is what a browser was given.
type Page struct {
	Status  int
	Header  http.Header
	Body    []byte
	Address *url.URL // after redirections
}

// NewBrowser returns a browser that nobody has used.
func NewBrowser(portal string) *Browser {
	return &Browser{portal, &http.Client{Jar: newJar(), Timeout: 30 * time.Second, Transport: local}}
}

// local takes every name below localhost for this machine, as browsers do.
var local = func() *http.Transport {
	t, dialer := http.DefaultTransport.(*http.Transport).Clone(), new(net.Dialer)
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if host, port, err := net.SplitHostPort(address); err == nil && strings.HasSuffix(host, ".localhost") {
			address = net.JoinHostPort("localhost", port)
		}
		return dialer.DialContext(ctx, network, address)
	}
	return t
}()

// SignIn goes to the portal, is sent to the identity provider, presses the button
// of one person there, and comes back.
func (b *Browser) SignIn(ctx context.Context, button string) error {
	return b.SignInFrom(ctx, "/.poterne/begin?return=%2F", button)
}

// SignInFrom signs in from a path of the portal that sends to the identity provider.
func (b *Browser) SignInFrom(ctx context.Context, path, button string) error {
	choice, err := b.Get(ctx, path)
	if err != nil {
		return err
	}
	form := url.Values{"person": {button}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, choice.Address.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", choice.Address.Scheme+"://"+choice.Address.Host)
	page, err := b.Do(request)
	if err != nil {
		return err
	}
	if page.Status != http.StatusOK || !strings.HasPrefix(page.Address.String(), b.portal) {
		return fmt.Errorf("signing in ended at %s with %d", page.Address.Path, page.Status)
	}
	return nil
}

// Host is the portal's host and port.
func (b *Browser) Host() string { return b.address().Host }

// Cookies returns what the browser sends to the portal.
func (b *Browser) Cookies() []*http.Cookie { return b.client.Jar.Cookies(b.address()) }

func (b *Browser) address() *url.URL {
	address, err := url.Parse(b.portal)
	if err != nil {
		panic("life: a browser of no address: " + err.Error())
	}
	return address
}

// Get opens a page of the portal, by its path.
func (b *Browser) Get(ctx context.Context, path string) (Page, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, b.portal+path, nil)
	if err != nil {
		return Page{}, err
	}
	return b.Do(request)
}

// Post sends a form of the portal, as its page does.
func (b *Browser) Post(ctx context.Context, path string, form url.Values) (Page, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, b.portal+path, strings.NewReader(form.Encode()))
	if err != nil {
		return Page{}, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", b.portal)
	return b.Do(request)
}

// Do sends a request, and reads the whole answer as somebody at a screen does. When
// the answer breaks off, what was received of it comes with the error.
func (b *Browser) Do(request *http.Request) (Page, error) {
	answer, err := b.Open(request)
	if err != nil {
		return Page{}, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	page := Page{answer.StatusCode, answer.Header, body, answer.Request.URL}
	if err != nil {
		return page, fmt.Errorf("reading a page: %w", err)
	}
	return page, nil
}

// Open sends a request, and leaves the reading of the answer to the caller. It takes pages and JSON, where the request
// does not say what.
func (b *Browser) Open(request *http.Request) (*http.Response, error) {
	request.Header.Set("User-Agent", Agent)
	request.Header.Set("Accept", cmp.Or(request.Header.Get("Accept"), "text/html,application/json"))
	request.Header.Set("Accept-Language", Language)
	answer, err := b.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking for a page: %w", err)
	}
	return answer, nil
}

// jar keeps cookies by host and port, and sends Secure ones to a loopback address
// without TLS as browsers do; the standard library's jar does not.
type jar struct {
	mu      sync.Mutex
	cookies map[string]map[string]*http.Cookie // guarded by mu: by host, by name
}

func newJar() *jar { return &jar{cookies: make(map[string]map[string]*http.Cookie)} }

// SetCookies implements http.CookieJar.
func (j *jar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	j.mu.Lock()
	defer j.mu.Unlock()
	host := j.cookies[u.Host]
	if host == nil {
		host = make(map[string]*http.Cookie)
		j.cookies[u.Host] = host
	}
	for _, c := range cookies {
		if c.MaxAge < 0 || c.Value == "" {
			delete(host, c.Name)
			continue
		}
		host[c.Name] = c
	}
}

// Cookies implements http.CookieJar.
func (j *jar) Cookies(u *url.URL) []*http.Cookie {
	j.mu.Lock()
	defer j.mu.Unlock()
	var cookies []*http.Cookie
	for _, c := range j.cookies[u.Host] {
		cookies = append(cookies, &http.Cookie{Name: c.Name, Value: c.Value})
	}
	return cookies
}
