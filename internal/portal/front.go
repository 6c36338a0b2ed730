package portal

import (
	"net/http"
	"slices"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/roster"
)

// frontPage answers an adviser: what can I open, and where do I stand?
type frontPage struct {
	page
	Services []serviceState
	Held     string // what stops the viewer everywhere; empty when nothing does
	Message  string // what that order says to them
	Frozen   bool
	Reads    bool // the viewer's role opens files at all
	Meter    meterPicture
	Mine     []mine
}

// serviceState is a service as one account finds it.
type serviceState struct {
	Service
	About   string
	State   string    // open, none, ended, soon, suspended or closed
	Until   time.Time // when the habilitation ends, ended or begins
	Ending  bool      // within 30 days
	Message string    // what the order that stops it says
}

// mine is something written about the viewer.
type mine struct {
	happening
	Service  string
	Sentence string
}

const (
	endsSoon    = 30 * 24 * time.Hour
	minesShown  = 20
	entriesRead = 200 // the newest entries a page looks at
)

func (rooms *Rooms) front(v *visit) error {
	habilitations, err := rooms.Roster.Habilitations(v.Context(), v.viewer.ID)
	if err != nil {
		return err
	}
	entries, err := rooms.Journal.RecentBy(v.Context(), v.viewer.ID, entriesRead)
	if err != nil {
		return err
	}
	whole, err := rooms.whole(v, entries)
	if err != nil {
		return err
	}
	now := rooms.pages.settings.Now()
	standing := rooms.Gate.Standing(v.viewer.asker(), "")
	shown := frontPage{
		page:     rooms.page(v, "front", "front.title"),
		Services: rooms.services(v, habilitations, now),
		Reads:    v.viewer.Role.ReadsFiles(),
		Meter:    pictureMeter(standing, entries, now),
		Mine:     rooms.mine(v, whole),
	}
	if standing.IsHeld {
		shown.Held, shown.Message = string(standing.Held.Effect), standing.Held.Message
		shown.Frozen = standing.Held.Effect == order.Frozen
	}
	rooms.show(v, http.StatusOK, "front.html", shown)
	return nil
}

// whole adds what is missing of the oldest passage among the newest entries, which
// may begin before them: a passage is told with all of its people.
func (rooms *Rooms) whole(v *visit, newest []ledger.Entry) ([]ledger.Entry, error) {
	if len(newest) < entriesRead {
		return newest, nil
	}
	oldest := newest[len(newest)-1]
	var missing []ledger.Entry
	for e, err := range rooms.Journal.Follow(v.Context(), oldest.Receipt) {
		if err != nil {
			return nil, err
		}
		if e.Number >= oldest.Number {
			break
		}
		missing = append(missing, e)
	}
	slices.Reverse(missing)
	return append(newest, missing...), nil
}

// services says of each service whether it is open to the viewer.
func (rooms *Rooms) services(v *visit, habilitations []roster.Habilitation, now time.Time) []serviceState {
	var states []serviceState
	for _, s := range rooms.pages.settings.Services {
		state := serviceState{Service: s, About: s.About[v.speaker.language]}
		state.State, state.Until = habilitated(s.ID, habilitations, now)
		state.Ending = state.State == "open" && state.Until.Sub(now) < endsSoon
		standing := rooms.Gate.Standing(v.viewer.asker(), s.ID)
		if standing.IsHeld && standing.Held.Effect != order.Frozen {
			state.State, state.Message = string(standing.Held.Effect), standing.Held.Message
		}
		states = append(states, state)
	}
	return states
}

// habilitated says whether a service is open now, and the date that matters: the
// latest end of what is open, else the nearest beginning, else the latest end.
func habilitated(service roster.ServiceID, habilitations []roster.Habilitation, now time.Time) (string, time.Time) {
	state, date := "none", time.Time{}
	for _, h := range habilitations {
		if h.Service != service {
			continue
		}
		switch {
		case h.Covers(service, h.Purpose, now):
			if state != "open" || h.Until.After(date) {
				state, date = "open", h.Until
			}
		case now.Before(h.From) && state != "open":
			if state != "soon" || h.From.Before(date) {
				state, date = "soon", h.From
			}
		case state == "none" || state == "ended" && h.Until.After(date):
			state, date = "ended", h.Until
		}
	}
	return state, date
}

// mine says what was just written about the viewer, by passage.
func (rooms *Rooms) mine(v *visit, entries []ledger.Entry) []mine {
	var list []mine
	naming := namer{speaker: v.speaker, services: rooms.pages.service}
	for _, h := range gather(entries) {
		if len(list) == minesShown {
			break
		}
		m := mine{happening: h, Service: rooms.pages.service(h.Entry.Service)}
		switch h.Entry.Kind {
		case ledger.Consulted, ledger.Changed, ledger.Attempted:
			m.Sentence = v.speaker.language.Sentence(h.Entry.Ruling())
			if h.Entry.Why == policy.Granted {
				m.Sentence = v.speaker.must("ground.granted")
			}
		default:
			m.Sentence = naming.sentence(h)
		}
		list = append(list, m)
	}
	return list
}
