package app

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/gate/httpgate"
	"poterne/internal/ledger/witness"
	"poterne/internal/policy"
)

// attendance is how a program stands with its witnesses.
type attendance struct {
	council *witness.Council
	strict  time.Duration
	now     func() time.Time
}

// lacking is for how long the newest checkpoints have lacked their quorum.
func (a attendance) lacking() time.Duration {
	since := a.council.Standing().Lacking
	if since.IsZero() {
		return 0
	}
	return max(0, a.now().Sub(since))
}

// holding returns how many witnesses co-signed when they were last asked, of all.
func (a attendance) holding() (cosigned, all int) {
	witnesses := a.council.Standing().Witnesses
	for _, w := range witnesses {
		if w.Failure == nil {
			cosigned++
		}
	}
	return cosigned, len(witnesses)
}

// enough reports whether consultations may go on. A strict program waits for a
// quorum before its first one.
func (a attendance) enough() bool {
	return a.strict == 0 || a.council.Standing().Attended() && a.lacking() <= a.strict
}

// errUnwitnessed is why a strict program shows nobody to anybody.
var errUnwitnessed = &fault.Error{Kind: fault.Unavailable, Err: errors.New("the witnesses' co-signatures have been lacking for too long")}

// witnessed is a gate that opens only while there are enough witnesses.
type witnessed struct {
	httpgate.Gate
	attendance attendance
}

// Commit implements httpgate.Gate.
func (w witnessed) Commit(ctx context.Context, ask policy.Ask) (gate.Passage, error) {
	if !w.attendance.enough() {
		return gate.Passage{}, errUnwitnessed
	}
	return w.Gate.Commit(ctx, ask)
}

var (
	cosignsDesc = prometheus.NewDesc("poterne_witness_cosigns", "1 when a witness co-signed what it was asked last.", []string{"witness"}, nil)
	knowsDesc   = prometheus.NewDesc("poterne_witness_entries", "Entries that a witness has co-signed, as far as this node knows.", []string{"witness"}, nil)
	lackingDesc = prometheus.NewDesc("poterne_witness_quorum_lacking_seconds", "How long the newest checkpoints have lacked their quorum.", nil, nil)
)

// Describe implements prometheus.Collector.
func (a attendance) Describe(out chan<- *prometheus.Desc) {
	out <- cosignsDesc
	out <- knowsDesc
	out <- lackingDesc
}

// Collect implements prometheus.Collector.
func (a attendance) Collect(out chan<- prometheus.Metric) {
	standing := a.council.Standing()
	for _, w := range standing.Witnesses {
		cosigns := 1.0
		if w.Failure != nil {
			cosigns = 0
		}
		out <- prometheus.MustNewConstMetric(cosignsDesc, prometheus.GaugeValue, cosigns, w.Name)
		out <- prometheus.MustNewConstMetric(knowsDesc, prometheus.GaugeValue, float64(w.Size), w.Name)
	}
	if standing.Need > 0 {
		out <- prometheus.MustNewConstMetric(lackingDesc, prometheus.GaugeValue, a.lacking().Seconds())
	}
}

// toldWitnesses is what a probe reads of them.
type toldWitnesses struct {
	Need    int     `json:"need"`
	Cosign  int     `json:"cosign"`          // how many did what they were asked last
	Lacking float64 `json:"lacking_seconds"` // how long the newest checkpoints have lacked their quorum
}

// told is what a probe reads; nil when there are no witnesses.
func (a attendance) told() *toldWitnesses {
	standing := a.council.Standing()
	if standing.Need == 0 {
		return nil
	}
	said := &toldWitnesses{Need: standing.Need, Lacking: a.lacking().Round(time.Second).Seconds()}
	for _, w := range standing.Witnesses {
		if w.Failure == nil {
			said.Cosign++
		}
	}
	return said
}
