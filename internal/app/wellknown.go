package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"poterne/internal/gate/assert"
)

const (
	securityPath = "/.well-known/security.txt"
	signalsPath  = "/.well-known/ssf-configuration"
	// contactLasts is how long what security.txt says holds from when it is read: RFC 9116 has
	// less than a year.
	contactLasts = 180 * 24 * time.Hour
)

// wellKnown is what everybody may read, on every host, without signing in: whom to tell of a
// weakness, RFC 9116, and by whom and with which keys signals are told.
func (o *Opened) wellKnown() map[string]http.HandlerFunc {
	known := make(map[string]http.HandlerFunc)
	if o.SecurityContact != "" {
		known[securityPath] = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			expires := o.Now().UTC().Add(contactLasts).Truncate(24 * time.Hour)
			fmt.Fprintf(w, "Contact: %s\nExpires: %s\nPreferred-Languages: fr, en\nCanonical: %s%s\n", o.SecurityContact, expires.Format(time.RFC3339), o.Origin, securityPath)
		}
	}
	if len(o.Receivers) > 0 {
		known[signalsPath] = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(map[string]any{ // to whom hung up, nothing is said
				"spec_version": "1_0", "issuer": o.Origin, "jwks_uri": o.Origin + assert.JWKSPath, "delivery_methods_supported": []string{"urn:ietf:rfc:8935"},
			})
		}
	}
	return known
}

// public returns what everybody may read at a request's address; nil when it is none of that.
func (s switchboard) public(r *http.Request) http.Handler {
	ours := s.hosts[strings.ToLower(r.Host)] || s.people != nil && strings.EqualFold(r.Host, s.peopleAt)
	if serve, there := s.known[r.URL.Path]; there && ours && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		return serve
	}
	return nil
}
