package journal

import (
	"maps"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/roster"
)

// State is what decisions rest on: each account's meter, what all accounts were charged
// together, which sessions ended, which requests wait or were answered, and the orders in force. It follows from the ledger and the rows of orders,
// on any node and after any restart.
type State struct {
	meters     byAccount[*meter.Meter]
	wider      wider
	ended      ended
	requests   requests
	next       ledger.Number // everything before it is in the state
	watched    time.Time     // since when the ledger tells what accounts do
	orders     order.Set
	generation uint64
	changes    factChanges
}

func newState() *State {
	return &State{wider: newWider(), requests: newRequests()}
}

// Meter returns a copy of an account's meter; an unused one for an account without
// entries.
func (s *State) Meter(account roster.AccountID) *meter.Draft {
	if m := s.meters.of(account); m != nil {
		return m.Draft()
	}
	return meter.New().Draft()
}

// Wider returns what an organisation, a service and all accounts were charged.
func (s *State) Wider(organisation roster.OrganisationID, service roster.ServiceID) policy.Wider {
	return s.wider.of(organisation, service)
}

// Given returns how many people an account gave to others by raises and signatures, within
// 28 days.
func (s *State) Given(by roster.AccountID, now time.Time) meter.Cost {
	_, month := s.wider.giver(by).Spent(false, now)
	return month
}

// Watched is the time from which on the ledger tells what accounts do.
func (s *State) Watched() time.Time { return s.watched }

// Next is the number of the next entry.
func (s *State) Next() ledger.Number { return s.next }

// Orders returns the orders placed and not lifted. The caller MUST NOT change them.
func (s *State) Orders() order.Set { return s.orders }

// Generation changes whenever orders, accounts or covers do.
func (s *State) Generation() uint64 { return s.generation }

// Generation changes whenever an order is placed or lifted, or the roster or a cover changes,
// as far as this node has seen.
func (j *Journal) Generation() uint64 {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return j.state.generation
}

// Read lets fn ask the state as this node knows it. Another node may have written
// since: only a turn decides. fn MUST NOT keep the state.
func (j *Journal) Read(fn func(*State)) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	fn(j.state)
}

// count moves the state on by one entry of the ledger.
func (s *State) count(entry *ledger.Entry) {
	s.next = entry.Number + 1
	s.wider.count(entry)
	s.ended.count(entry)
	s.requests.count(entry)
	s.measure(entry)
}

// measure moves on the meter that the entry is about.
func (s *State) measure(entry *ledger.Entry) {
	event := entry.Event()
	if event.Kind == meter.Nothing || entry.Whose() == "" {
		return
	}
	m := s.meters.of(entry.Whose())
	if m == nil {
		m = meter.New()
		s.meters.set(entry.Whose(), m)
	}
	m.Record(event)
}

// wider is what accounts were charged together: in each organisation, through each
// service, and in the whole register; and what each has given to all others, in people without
// a reason and in people of caseloads.
type wider struct {
	organisations map[roster.OrganisationID]meter.Tally
	services      map[roster.ServiceID]meter.Tally
	givers        map[roster.AccountID]meter.Tally
	entrusters    map[roster.AccountID]meter.Tally
	register      meter.Tally
	below         *wider // what a draft begins from
}

func newWider() wider {
	return wider{
		organisations: make(map[roster.OrganisationID]meter.Tally), services: make(map[roster.ServiceID]meter.Tally), givers: make(map[roster.AccountID]meter.Tally),
		entrusters: make(map[roster.AccountID]meter.Tally),
	}
}

// draft begins a copy that a failed turn leaves no trace of.
func (w *wider) draft() wider {
	d := newWider()
	d.register, d.below = w.register, w
	return d
}

func (w *wider) of(organisation roster.OrganisationID, service roster.ServiceID) policy.Wider {
	return policy.Wider{Organisation: w.organisation(organisation), Service: w.service(service), Register: w.register}
}

func (w *wider) organisation(id roster.OrganisationID) meter.Tally {
	if tally, ok := w.organisations[id]; ok || w.below == nil {
		return tally
	}
	return w.below.organisations[id]
}

func (w *wider) service(id roster.ServiceID) meter.Tally {
	if tally, ok := w.services[id]; ok || w.below == nil {
		return tally
	}
	return w.below.services[id]
}

func (w *wider) giver(id roster.AccountID) meter.Tally {
	if tally, ok := w.givers[id]; ok || w.below == nil {
		return tally
	}
	return w.below.givers[id]
}

func (w *wider) entruster(id roster.AccountID) meter.Tally {
	if tally, ok := w.entrusters[id]; ok || w.below == nil {
		return tally
	}
	return w.below.entrusters[id]
}

// count takes in an entry of the ledger.
func (w *wider) count(entry *ledger.Entry) {
	if people := entry.Entrusted(); people > 0 {
		for _, by := range []roster.AccountID{entry.Account, entry.Approver} {
			if by != "" {
				tally := w.entruster(by)
				tally.Add(meter.CommonOf(people, 0), false, entry.Time)
				w.entrusters[by] = tally
			}
		}
	}
	if given := entry.Given(); given > 0 {
		tally := w.giver(entry.Account)
		tally.Add(meter.CommonOf(given, 0), false, entry.Time)
		w.givers[entry.Account] = tally
	}
	refunded, charged := entry.Kind == ledger.Refunded, entry.Disclosed() && entry.Cost > 0
	if !refunded && !charged {
		return
	}
	all := w.of(entry.Organisation, entry.Service)
	if refunded {
		all.Refund(entry.Cost, entry.Spared, entry.Since, entry.Time)
	} else {
		all.Add(meter.CommonOf(entry.Cost, entry.Signs), entry.Spared, entry.Time)
	}
	w.organisations[entry.Organisation], w.services[entry.Service], w.register = all.Organisation, all.Service, all.Register
}

// keep takes over what a draft counted.
func (w *wider) keep(draft wider) {
	maps.Copy(w.organisations, draft.organisations)
	maps.Copy(w.services, draft.services)
	maps.Copy(w.givers, draft.givers)
	maps.Copy(w.entrusters, draft.entrusters)
	w.register = draft.register
}
