package signin

import (
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A browser says in Sec-Fetch-Site who made it ask: "none" is the person, who typed an
// address or kept it; "same-origin" is one of our own pages. All else is another site,
// a neighbour in the same domain too, and may have any address opened in the person's
// name. Two chains of redirections begin elsewhere and are ours all the same:
//
//   - from the portal to a service on a host of its own. The portal's links, and no
//     others, say which origin they are on, which no other site can make a browser say;
//   - from the identity provider back to the address of the sign-in. Signing in leaves
//     a cookie with the digest of that address, and of no other. It lasts so that the
//     page can be loaded again. Another site cannot choose that address: a sign-in that
//     it begins leads to the front page.
//
// A browser too old to say, or what is no browser, is judged by Origin and Referer.
// With none of the three the request counts as a typed address, as in
// http.CrossOriginProtection.

// ArrivalCookie has the address that a sign-in, or a step-up, led back to.
const ArrivalCookie = "__Host-poterne-arrival"

const arrivalLife = 10 * time.Minute

// FromElsewhere reports whether another site had the browser send r, a request that
// only reads, without the person having chosen it here.
func (d *Door) FromElsewhere(r *http.Request) bool {
	switch site := r.Header.Get("Sec-Fetch-Site"); {
	case site == "none" || site == "same-origin":
		return false
	case site == "" && r.Header.Get("Origin") == "" && r.Header.Get("Referer") == "":
		return false
	case site == "" && d.comesFrom(r, d.ownOrigin(r)):
		return false
	}
	return !d.comesFrom(r, d.settings.Origins[0]) && !arrives(r)
}

// comesFrom reports whether r says, wherever it says anything, that a page of an
// origin had it sent, and the browser shows a page for it.
func (d *Door) comesFrom(r *http.Request, origin string) bool {
	if origin == "" || !shows(r) {
		return false
	}
	from := r.Header.Get("Origin")
	if referer := r.Header.Get("Referer"); referer != "" {
		u, err := url.Parse(referer)
		if err != nil || from != "" && from != u.Scheme+"://"+u.Host {
			return false
		}
		from = u.Scheme + "://" + u.Host
	}
	return strings.EqualFold(from, origin)
}

func (d *Door) ownOrigin(r *http.Request) string {
	origin, _ := d.origin(r)
	return origin
}

// shows reports whether the answer to r is to be the page that the person sees, not
// a part of another page. Old browsers do not say.
func shows(r *http.Request) bool {
	into := r.Header.Get("Sec-Fetch-Dest")
	return navigates(r) && (into == "" || into == "document")
}

// arrives reports whether r is for the address that a sign-in led back to.
func arrives(r *http.Request) bool {
	mark, ok := shownCookie(r, ArrivalCookie, 128)
	return ok && shows(r) && subtle.ConstantTimeCompare([]byte(mark), []byte(arrivalAt(r.URL.RequestURI()))) == 1
}

func arrivalAt(address string) string {
	mark := digest("arrival " + address)
	return hex.EncodeToString(mark[:16])
}

// returns sends the browser back to where it set out from.
func returns(w http.ResponseWriter, address string) {
	setCookie(w, ArrivalCookie, arrivalAt(address), arrivalLife)
	redirect(w, address)
}
