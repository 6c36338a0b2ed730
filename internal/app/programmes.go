package app

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/roster"
	"poterne/internal/signin"
	"poterne/internal/store"
)

// listenForCertificates opens the listener of programmes that prove themselves by a client
// certificate. Browsers connect elsewhere: nobody is asked there for a certificate.
//
// Whoever connects proves to have a certificate's key, and that is all that the connection says
// of them: no authority is asked, since an account is bound to its key. Tickets would resume a
// connection without that proof; there are none.
func listenForCertificates(ctx context.Context, address string, certificate func() *tls.Certificate) (*Listening, error) {
	l, err := listen(ctx, address, certificate)
	if err != nil {
		return nil, err
	}
	before := l.tls
	l.tls = func(server *http.Server) {
		before(server)
		server.TLSConfig.ClientAuth, server.TLSConfig.MinVersion, server.TLSConfig.SessionTicketsDisabled = tls.RequireAnyClientCert, tls.VersionTLS13, true
	}
	return l, nil
}

// forProgrammes answers there: tokens are given, and whoever has one is served, by services, as
// elsewhere; serves says whether one would answer. There is no room, no way to sign in and no session
// of a person's, whatever looks like a token. No proxy that ends TLS is before it, so that
// nothing is believed of a header that one would write; the names are those that are declared,
// whatever the port.
func forProgrammes(hosts map[string]bool, serves func(*http.Request) bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"X-Forwarded-For", "Cookie"} {
			r.Header.Del(name)
		}
		if host := strings.ToLower(r.Host); !hosts[host] {
			r.Host = sameName(hosts, host)
		}
		guarded := signin.Bears(r) && serves(r) && !strings.HasPrefix(r.URL.Path, signin.Prefix)
		if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 || r.URL.Path != signin.TokenPath && !guarded {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "programmes only, with a token from "+signin.TokenPath, http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// sameName is the one host of those declared that has a name, whatever its port; what was given
// where there is none, or more than one.
func sameName(hosts map[string]bool, given string) string {
	found := given
	for host := range hosts {
		if bare(host) == bare(given) {
			if found != given {
				return given
			}
			found = host
		}
	}
	return found
}

// ProgrammesCertificates returns when the certificates end that programmes signed in with last,
// of those whose accounts are open, as a node that serves kept it lately.
func ProgrammesCertificates(ctx context.Context, o *Opened) (map[roster.AccountID]time.Time, error) {
	ends, err := accounts.Certificates(ctx, store.NewKept(o.DB, "used"), o.Now())
	for id := range ends {
		account, _, missing := o.Roster.Account(ctx, id)
		if missing != nil || !account.Open() {
			delete(ends, id)
		}
	}
	return ends, err
}

func bare(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}
