package life

import (
	"net/http"
	"net/url"
	"sync"
)

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
