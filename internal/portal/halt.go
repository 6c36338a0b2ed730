package portal

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"poterne/internal/fault"
)

// HaltPath is where a link leads that stops the recovery of an account. Nobody signs in
// there. GET looks nothing up and changes nothing: the link may be followed by whatever
// looks at mail. POST stops, and answers the same whether there was anything to stop.
const HaltPath = "/.poterne/recovery"

// haltsAMinute bounds how many tokens are tried, over all who try.
const haltsAMinute = 60

type haltPage struct {
	Page
	Token string
	Done  bool
}

// MountHalt serves HaltPath: stop is given the token.
func (p *Pages) MountHalt(mux *http.ServeMux, stop func(context.Context, string) error) {
	show := func(w http.ResponseWriter, r *http.Request, status int, shown haltPage) {
		w.Header().Set("Cache-Control", "no-store")
		shown.Page = p.page(r, Viewer{}, "halt.title")
		shown.Here = "/" // the token stays out of what a choice of language comes back to
		p.show(w, r, status, "halt.html", shown)
	}
	mux.HandleFunc("GET "+HaltPath, func(w http.ResponseWriter, r *http.Request) {
		show(w, r, http.StatusOK, haltPage{Token: r.URL.Query().Get("token")})
	})
	limit := &minute{now: p.settings.Now}
	mux.HandleFunc("POST "+HaltPath, func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
		token := r.PostFormValue("token")
		if !limit.allows(haltsAMinute) {
			show(w, r, http.StatusTooManyRequests, haltPage{Token: token})
			return
		}
		if err := stop(r.Context(), token); err != nil && !fault.Is(err, fault.Absent) {
			p.settings.Log.ErrorContext(r.Context(), "a recovery could not be stopped", slog.Any("err", err))
			p.Stops().Broke(w, r)
			return
		}
		show(w, r, http.StatusOK, haltPage{Done: true})
	})
}

// minute counts what happens within one.
type minute struct {
	now   func() time.Time
	mu    sync.Mutex // guards what follows
	since time.Time
	n     int
}

// allows reports whether there were fewer than most within the minute, and counts one more.
func (m *minute) allows(most int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := m.now(); now.Sub(m.since) >= time.Minute {
		m.since, m.n = now, 0
	}
	m.n++
	return m.n <= most
}
