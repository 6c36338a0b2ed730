package staff

import (
	"log/slog"
	"net/http"
	"slices"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/portal"
	"poterne/internal/roster"
)

// frontPage answers an adviser: what can I open, and where do I stand?
type frontPage struct {
	portal.Page
	Services []portal.ServiceState
	Held     string // what stops the viewer everywhere; empty when nothing does
	Told     portal.Told
	Frozen   bool
	Reads    bool // the viewer's role opens files at all
	Meter    portal.Meter
	Mine     []mine
	Recovery bool   // somebody asks for the viewer's account to be bound anew
	Training string // of the viewer's certificate: "late" or "soon"; empty when nothing is to be done
	Trained  time.Time
}

// mine is something written about the viewer.
type mine struct {
	portal.Activity
	Service  string
	Sentence string
	NIR      bool // the NIR of the person may be asked for
}

const (
	endsSoon   = 30 * 24 * time.Hour
	minesShown = 20
	newlyOpen  = 24 * time.Hour // how long a card says that a service was reopened
)

func (h *Handlers) front(v *portal.Visit) error {
	habilitations, err := h.deps.Roster.Habilitations(v.Context(), v.Viewer.ID)
	if err != nil {
		return err
	}
	entries, err := h.deps.Journal.RecentBy(v.Context(), v.Viewer.ID, portal.EntriesRead)
	if err != nil {
		return err
	}
	whole, err := h.whole(v, entries)
	if err != nil {
		return err
	}
	now := h.shell.Now()
	standing := h.deps.Gate.Standing(v.Viewer.Asker(), "")
	shown := frontPage{
		Page:     v.Page("/", "front.title"),
		Services: h.services(v, habilitations, h.shell.Permits(standing), now),
		Reads:    v.Viewer.Role.ReadsFiles(),
		Meter:    portal.DrawMeter(standing, entries, now),
		Mine:     h.mine(v, whole),
	}
	if standing.IsHeld {
		shown.Held, shown.Told = string(standing.Held.Effect), portal.Tell(standing.Held.Message, v.Speaker.Language)
		shown.Frozen = standing.Held.Effect == order.Frozen
	}
	if shown.Recovery, err = h.recovered(v, now); err != nil {
		return err
	}
	if shown.Training, shown.Trained, err = h.training(v, now); err != nil {
		return err
	}
	h.pages.Show(v, http.StatusOK, "front.html", shown)
	return nil
}

// whole adds what is missing of the oldest passage among the newest entries, which
// may begin before them: a passage is told with all of its people.
func (h *Handlers) whole(v *portal.Visit, newest []ledger.Entry) ([]ledger.Entry, error) {
	if len(newest) < portal.EntriesRead {
		return newest, nil
	}
	oldest := newest[len(newest)-1]
	var missing []ledger.Entry
	for e, err := range h.deps.Journal.Follow(v.Context(), oldest.Receipt) {
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
func (h *Handlers) services(v *portal.Visit, habilitations []roster.Habilitation, permits []portal.Permit, now time.Time) []portal.ServiceState {
	var states []portal.ServiceState
	reopened, err := h.deps.Reopened(v.Context(), now.Add(-newlyOpen))
	if err != nil { // a card without it still says what is open
		h.shell.Log().ErrorContext(v.Context(), "which services were reopened could not be read", slog.Any("err", err))
	}
	waiting, err := h.deps.Waiting(v.Context())
	if err != nil { // nor does it need that
		h.shell.Log().ErrorContext(v.Context(), "which habilitations were asked for could not be read", slog.Any("err", err))
	}
	for _, s := range h.shell.Services() {
		state := portal.ServiceState{Service: s, About: s.About[v.Speaker.Language], Lang: v.Speaker.Language}
		state.State, state.Until = portal.Habilitated(s.ID, habilitations, now)
		state.Ending = state.State == "open" && state.Until.Sub(now) < endsSoon
		standing := h.deps.Gate.Standing(v.Viewer.Asker(), s.ID)
		if standing.IsHeld && standing.Held.Effect != order.Frozen {
			state.State, state.Told = string(standing.Held.Effect), portal.Tell(standing.Held.Message, v.Speaker.Language)
		} else if standing.IsReduced && state.State == "open" {
			state.State, state.Told = string(order.Reduced), portal.Tell(standing.Reduced.Message, v.Speaker.Language)
		}
		switch state.State {
		case "open":
			state.Reopened = reopened[string(s.ID)]
			state.Shut = shut(v, standing.Functions)
		case string(order.Reduced):
			state.Shut = shut(v, standing.Functions)
			fallthrough
		case string(order.Suspended), string(order.Closed):
			state.Until, state.Ending = time.Time{}, false // which date it is of would not be understood
		}
		if err == nil && (state.State == "none" || state.State == "ended") && !standing.IsHeld && v.Viewer.Role.ReadsFiles() {
			asks(&state, v.Viewer.ID, waiting)
		}
		for _, p := range permits {
			if p.Service.ID == s.ID {
				state.Permits = append(state.Permits, p)
			}
		}
		states = append(states, state)
	}
	return states
}

// shut says which functions orders close.
func shut(v *portal.Visit, orders []order.Order) (closed []portal.ShutFunction) {
	for _, o := range orders {
		f := portal.ShutFunction{Told: portal.Tell(o.Message, v.Speaker.Language), Lang: v.Speaker.Language}
		if key := "function." + o.Target; v.Speaker.Has(key) {
			f.Name = v.Speaker.Say(key)
		}
		closed = append(closed, f)
	}
	return closed
}

// asks says what an account has asked for of a service, and what it can ask for.
func asks(state *portal.ServiceState, who roster.AccountID, waiting []accounts.RightRequest) {
	state.Asks = slices.Clone(state.For)
	for _, r := range waiting {
		if r.Of == who && r.Right.Service == state.ID {
			state.Waits = append(state.Waits, portal.Asked{Number: r.Number, Purpose: r.Right.Purpose, At: r.Asked, Signed: r.First != ""})
			state.Asks = slices.DeleteFunc(state.Asks, func(p roster.Purpose) bool { return p == r.Right.Purpose })
		}
	}
}

// mine says what was just written about the viewer, by passage.
func (h *Handlers) mine(v *portal.Visit, entries []ledger.Entry) []mine {
	var list []mine
	labels, offered := h.shell.Labels(v, nil, nil), h.offered(entries)
	for _, a := range portal.Gather(entries) {
		if len(list) == minesShown {
			break
		}
		m := mine{Activity: a, Service: h.shell.ServiceName(a.Entry.Service)}
		m.NIR = offered[a.Entry.Receipt]
		switch a.Entry.Kind {
		case ledger.Consulted, ledger.Changed, ledger.Attempted:
			m.Sentence = v.Speaker.Sentence(a.Entry.Ruling())
			if a.Entry.Why == policy.Granted {
				m.Sentence = v.Speaker.Say("ground.granted")
			}
		default:
			m.Sentence = labels.Sentence(a)
		}
		list = append(list, m)
	}
	return list
}
