package portal

import (
	"time"

	"poterne/internal/gate"
	"poterne/internal/i18n"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/roster"
)

// ServiceState is a service as one account finds it.
type ServiceState struct {
	Service
	About    string
	State    string           // open, none, ended, soon, suspended, closed or reduced
	Until    time.Time        // when the habilitation ends, ended or begins; zero while an order stops the service
	Reopened time.Time        // when an order that closed it was lifted; zero: not lately
	Ending   bool             // within 30 days
	Told     Told             // what the order that stops it says
	Lang     i18n.Language    // of the page
	Shut     []ShutFunction   // what is closed of a service that is open
	Asks     []roster.Purpose // what the account can ask a habilitation for
	Waits    []Asked          // what it asked for, and waits for
	Permits  []Permit         // the exports that the account may take from it now
}

// ShutFunction is a part of a service that an order closes.
type ShutFunction struct {
	Name string // empty for one of its routes, whose name is not people's
	Told Told   // what the order says
	Lang i18n.Language
}

// Asked is a habilitation that an account asked for, as its card tells it.
type Asked struct {
	Number  ledger.Number
	Purpose roster.Purpose
	At      time.Time
	Signed  bool // one of two people has signed for it
}

// Permit is an export permit in force, as a page tells it.
type Permit struct {
	Service   Service
	Route     string
	All, Left int
	Until     time.Time
}

// Permits returns the permits in force of an account that stands so, but for exports that are not
// declared any more.
func (s *Shell) Permits(standing gate.Standing) (list []Permit) {
	for _, service := range s.Services() {
		for _, route := range service.Exports {
			for _, open := range standing.Permits {
				if open.Export == meter.ExportOf(service.ID, route) {
					list = append(list, Permit{service, route, int(open.All / meter.Whole), int(open.Left / meter.Whole), open.Until})
				}
			}
		}
	}
	return list
}

// Habilitated says whether a service is open now, and the date that matters: the
// latest end of what is open, else the nearest beginning, else the latest end.
func Habilitated(service roster.ServiceID, habilitations []roster.Habilitation, now time.Time) (string, time.Time) {
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
