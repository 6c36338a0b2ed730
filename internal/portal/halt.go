package portal

import (
	"context"
	"log/slog"
	"net/http"

	"poterne/internal/fault"
)

// HaltPath is where a link leads that stops the recovery of an account. Nobody signs in
// there. GET looks nothing up and changes nothing: the link may be followed by whatever
// looks at mail. POST stops, and answers the same whether there was anything to stop. No
// number of tries finds a token, and none is refused for their number: whoever restores an
// access in somebody's stead could use the tries up, and the owner could not stop them.
const HaltPath = "/.poterne/recovery"

type haltPage struct {
	Page
	Token string
	Done  bool
}

// MountHalt serves HaltPath: stop is given the token.
func (p *Pages) MountHalt(mux *http.ServeMux, stop func(context.Context, string) error) {
	show := func(w http.ResponseWriter, r *http.Request, shown haltPage) {
		w.Header().Set("Cache-Control", "no-store")
		shown.Page = p.page(r, Viewer{}, "halt.title")
		shown.Here = "/" // the token stays out of what a choice of language comes back to
		p.show(w, r, http.StatusOK, "halt.html", shown)
	}
	mux.HandleFunc("GET "+HaltPath, func(w http.ResponseWriter, r *http.Request) {
		show(w, r, haltPage{Token: r.URL.Query().Get("token")})
	})
	mux.HandleFunc("POST "+HaltPath, func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
		if err := stop(r.Context(), r.PostFormValue("token")); err != nil && !fault.Is(err, fault.Absent) {
			p.settings.Log.ErrorContext(r.Context(), "a recovery could not be stopped", slog.Any("err", err))
			p.Stops().Broke(w, r)
			return
		}
		show(w, r, haltPage{Done: true})
	})
}
