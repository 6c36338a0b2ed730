package gate

import (
	"maps"

	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/roster"
)

// wider is what everybody was charged together: in each organisation, through each
// service, and in the whole register. Like the meters it is rebuilt from the ledger.
type wider struct {
	organisations map[roster.OrganisationID]meter.Tally
	services      map[roster.ServiceID]meter.Tally
	register      meter.Tally
	below         *wider // what a draft begins from
}

func newWider() wider {
	return wider{organisations: make(map[roster.OrganisationID]meter.Tally), services: make(map[roster.ServiceID]meter.Tally)}
}

// draft begins a copy that a failed turn leaves no trace of.
func (w *wider) draft() wider {
	d := newWider()
	d.register, d.below = w.register, w
	return d
}

// of returns what weighs on an ask.
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

// count takes in an entry of the ledger.
func (w *wider) count(entry ledger.Entry) {
	if !entry.Disclosed() || entry.Cost == 0 {
		return
	}
	all := w.of(entry.Organisation, entry.Service)
	all.Add(entry.Cost, entry.Spared, entry.Time)
	w.organisations[entry.Organisation], w.services[entry.Service], w.register = all.Organisation, all.Service, all.Register
}

// keep takes over what a draft counted.
func (w *wider) keep(draft wider) {
	maps.Copy(w.organisations, draft.organisations)
	maps.Copy(w.services, draft.services)
	w.register = draft.register
}
