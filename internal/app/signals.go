package app

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"poterne/internal/ledger/witness"
	"poterne/internal/provision"
	"poterne/internal/siem"
	"poterne/internal/ssf"
	"poterne/internal/store"
)

// signals has the transmitters' signals fetched, and the receivers told. It returns who takes
// in what is pushed.
func (p *Program) signals(o *Opened, once marks, sign func(claims any) (string, error)) *provision.Signals {
	counted := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "poterne_signals_total", Help: "Shared Signals that were fetched (in) or told (out), and requests for them that failed, by the other system and what became of them.",
	}, []string{"system", "way", "outcome"})
	p.metrics.registry.MustRegister(counted)
	client := &http.Client{CheckRedirect: witness.StayPut}
	heard := &provision.Signals{
		Transmitters: o.Transmitters, Audience: o.Origin, Writer: p.Journal, Roster: o.Roster, EndAll: p.door.EndAll, Marks: once, Now: o.Now, Log: p.log,
	}
	for _, from := range o.Transmitters {
		if from.Poll == "" {
			continue
		}
		for _, outcome := range provision.Outcomes {
			counted.WithLabelValues(from.Name, "in", string(outcome))
		}
		p.parts = append(p.parts, provision.NewPoller(heard, from, client, func(outcome provision.Outcome) {
			counted.WithLabelValues(from.Name, "in", string(outcome)).Inc()
		}).Run)
	}
	for _, to := range o.Receivers {
		for _, outcome := range ssf.Outcomes {
			counted.WithLabelValues(to.Name, "out", string(outcome))
		}
		teller := ssf.New(to, ssf.Deps{
			Issuer: o.Origin, Sign: sign, Roster: o.Roster, Orders: o.Orders, Client: client, Now: o.Now, Log: p.log,
			Counted: func(outcome ssf.Outcome) { counted.WithLabelValues(to.Name, "out", string(outcome)).Inc() },
		})
		name := "ssf " + to.Name
		p.parts = append(p.parts, siem.New(teller, siem.Deps{
			Name: name, Journal: p.Journal, Ledger: o.Ledger, Kept: store.NewKept(o.DB, name), Once: once.Once, Now: o.Now, Log: p.log,
		}).Run)
	}
	return heard
}
