package app

import (
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"poterne/internal/policy"
)

// observation is something that is only observed: a kind, and a name from the
// configuration.
type observation struct{ what, name string }

func (o observation) String() string {
	if o.name == "" {
		return o.what
	}
	return o.what + " " + o.name
}

// observations lists what is decided and written down without stopping anybody.
func observations(o policy.Observed) (list []observation) {
	if o.Everything {
		list = append(list, observation{what: "everything"})
	}
	for _, service := range slices.Sorted(maps.Keys(o.Services)) {
		list = append(list, observation{"service", string(service)})
	}
	for _, role := range slices.Sorted(maps.Keys(o.Roles)) {
		list = append(list, observation{"role", string(role)})
	}
	for _, why := range slices.Sorted(maps.Keys(o.Grounds)) {
		list = append(list, observation{"rule", why.String()})
	}
	return list
}

// toldObservations are words for whoever starts the program.
func toldObservations(o policy.Observed) (words []string) {
	for _, one := range observations(o) {
		words = append(words, one.String())
	}
	return words
}

// observingMetric says what is only observed, for whoever keeps watch over the
// program: a guard that is left observing is a guard that is off.
func observingMetric(o policy.Observed) prometheus.Collector {
	gauge := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "poterne_observing", Help: "1 for what is decided and written down without stopping anybody.",
	}, []string{"what", "name"})
	gauge.WithLabelValues("everything", "").Set(0)
	for _, one := range observations(o) {
		gauge.WithLabelValues(one.what, one.name).Set(1)
	}
	return gauge
}
