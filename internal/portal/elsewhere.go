package portal

import (
	"net/http"

	"poterne/internal/fault"
	"poterne/internal/policy"
)

// AskFirst lets nothing reach next that another site had a browser read, before the
// person has chosen it: a page asks, whose link is then one of our own. What is no page
// of its own, such as an image or a frame, is refused.
func (p *Pages) AskFirst(fromElsewhere func(*http.Request) bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		if !reads || !fromElsewhere(r) {
			next.ServeHTTP(w, r)
			return
		}
		if into := r.Header.Get("Sec-Fetch-Dest"); into != "" && into != "document" || !readsPages(r) {
			p.Stops().Failed(w, r, fault.Refused, policy.OtherSite)
			return
		}
		p.show(w, r, http.StatusOK, "elsewhere.html", p.page(r, Viewer{}, "elsewhere.title"))
	})
}
