package httpgate

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unsafe"

	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/signin"
)

var noon = time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)

// asked is a passage of a session, so far as the trails look at it.
func asked(p *Proxy, session roster.SessionID, at time.Time, people ...string) *passage {
	g := &passage{proxy: p, r: httptest.NewRequest("GET", "/", nil), at: at, session: signin.Session{ID: session}, route: &route{Route: Route{Kind: People}, name: "GET /files/{n}"}}
	for i, value := range people {
		g.refs = append(g.refs, register.Ref{Scheme: "dossier", Value: value})
		g.named = append(g.named, register.PersonID{byte(i + 1), byte(len(value)), value[0], value[len(value)-1]})
	}
	return g
}

func TestATrailIsBoundedAndHoldsNoReference(t *testing.T) {
	p := &Proxy{trails: newTrails()}
	const number = "12345678901"
	for i := range 1000 {
		g := asked(p, "s1", noon, fmt.Sprintf("%s%d", number, i))
		for page := range 100 {
			g.address.query = append(g.address.query, pair{"page", fmt.Sprint(page)})
		}
		g.notice()
		g.missed()
		g.refs = nil
		g.notice()
		people := make([]policy.Opening, 1000)
		rulings := make([]policy.Ruling, len(people))
		for n := range people {
			people[n].Person, rulings[n].Verdict = register.PersonID{byte(n), byte(n >> 8), 1}, policy.Shown
		}
		g.listed(people, rulings)
	}
	s := p.trails.of["s1"]
	if len(s.listed) != mostListed || len(s.missed) != mostMissed || len(s.pages) != mostPages {
		t.Errorf("%d rows, %d misses and %d pages are remembered", len(s.listed), len(s.missed), len(s.pages))
	}
	size := int(unsafe.Sizeof(*s)) + 8*(cap(s.listed)+cap(s.missed)+cap(s.pages))
	if size > 4<<10 {
		t.Errorf("a session takes %d bytes", size)
	}
	if text := fmt.Sprintf("%+v", *s); strings.Contains(text, number[:8]) {
		t.Errorf("a trail holds a reference: %s", text)
	}
}

func TestSoManySessionsAreRememberedAndTheIdleForgotten(t *testing.T) {
	p := &Proxy{trails: newTrails()}
	for i := range mostTrails {
		at := noon
		if i%2 == 1 {
			at = noon.Add(trailIdle)
		}
		asked(p, roster.SessionID(fmt.Sprint(i)), at, "1").notice()
	}
	later := noon.Add(trailIdle + time.Minute)
	asked(p, "one more", later, "1").notice()
	if n := len(p.trails.of); n != mostTrails/2+1 {
		t.Errorf("%d sessions are remembered", n)
	}
	if got := asked(p, "1", later, "2").notice(); got != meter.InOrder {
		t.Errorf("a session at work was forgotten: %b", got)
	}
	for i := range mostTrails {
		asked(p, roster.SessionID(fmt.Sprint("busy", i)), later, "1").notice()
	}
	if n := len(p.trails.of); n > mostTrails {
		t.Errorf("%d sessions are remembered", n)
	}
}
