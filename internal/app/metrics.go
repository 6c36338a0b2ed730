package app

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"poterne/internal/audit"
	"poterne/internal/custody"
	"poterne/internal/gate"
	"poterne/internal/gate/httpgate"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/ledger/retention"
	"poterne/internal/person"
	"poterne/internal/policy"
	"poterne/internal/roster"
	"poterne/internal/signin"
	"poterne/internal/usage"
)

// metrics are for operators. Every label comes from a short closed list: declared
// services and sources, verdicts, outcomes. Nothing in them names anybody.
type metrics struct {
	registry  *prometheus.Registry
	decisions *prometheus.CounterVec
	requests  *prometheus.CounterVec
	passages  *prometheus.HistogramVec
	settles   prometheus.Histogram
	sessions  *prometheus.CounterVec
}

// newMetrics are those of a program, which goes on counting where the one before it is.
func newMetrics(o *Opened, j *journal.Journal, g *gate.Gate, before *metrics) *metrics {
	quick := prometheus.ExponentialBuckets(0.0005, 2, 15) // half a millisecond to eight seconds
	m := &metrics{
		registry: prometheus.NewRegistry(),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "poterne_decisions_total", Help: "Decisions written down, one for each person or for an ask without people.",
		}, []string{"service", "verdict"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "poterne_requests_total", Help: "Requests to guarded services, by what became of them.",
		}, []string{"service", "outcome"}),
		passages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "poterne_passage_seconds", Help: "How long a request took through the gate, the application included.", Buckets: quick,
		}, []string{"service"}),
		settles: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "poterne_settle_seconds", Help: "How long it took to decide and durably write down.", Buckets: quick,
		}),
		sessions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "poterne_sessions_ended_total", Help: "Sessions that ended, by why.",
		}, []string{"why"}),
	}
	if before != nil {
		m.decisions, m.requests, m.passages, m.settles, m.sessions = before.decisions, before.requests, before.passages, before.settles, before.sessions
	}
	entries := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "poterne_ledger_entries_total", Help: "Entries in the ledger, as far as this node has seen.",
	}, func() float64 { return float64(j.Next()) })
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "poterne_facts_bytes", Help: "Bytes that remembered facts and accounts take; memory.facts bounds them.",
		}, func() float64 { return float64(g.Memory().Bytes) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "poterne_newest_entries_bytes", Help: "Bytes that the newest entries take in memory; memory.entries bounds them.",
		}, func() float64 { return float64(o.DB.RememberedBytes()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "poterne_spans_dropped_total", Help: "Parts of traces that nobody took in time.",
		}, func() float64 { return float64(o.Traces.Dropped()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "poterne_facts_asked_total", Help: "People about whom facts were needed.",
		}, func() float64 { return float64(g.Memory().Asked) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "poterne_facts_read_total", Help: "Those of them about whom the database was asked.",
		}, func() float64 { return float64(g.Memory().Read) }),
	)
	m.registry.MustRegister(m.decisions, m.requests, m.passages, m.settles, m.sessions, entries, observingMetric(o.Rules.Observed),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		&standing{o})
	return m
}

// audited counts the rows that are not as the ledger says.
func (m *metrics) audited(watch *audit.Watch) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "poterne_audit_findings", Help: "Rows of the database that no node wrote, or that are not as the ledger says: see poterne audit.",
	}, func() float64 { return float64(len(watch.Findings())) }))
}

// loses counts the lines that the access log is without.
func (m *metrics) loses(access *accessLog) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "poterne_access_lines_lost_total", Help: "Requests of which the access log could not be told.",
	}, func() float64 { return float64(access.Lost()) }))
}

// counted tells what the last count of people's own lines on this node came to.
func (m *metrics) counted(tally *person.Tally) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "poterne_person_differences", Help: "Lines that people miss, or see and should not, by the last daily count of this node.",
	}, func() float64 { return float64(tally.Last().Differences) }), prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "poterne_person_counted_seconds", Help: "When this node last held what people are shown against the ledger, in seconds since 1970; 0 when it has not: another node may have.",
	}, func() float64 {
		if at := tally.Last().At; !at.IsZero() {
			return float64(at.Unix())
		}
		return 0
	}))
}

// noticed counts the accounts on the short lists: of those who use nearly all that they may, and
// of those to whom a source told many people in a day.
func (m *metrics) noticed(used *usage.Watch, arrivals *usage.Arrivals) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "poterne_arrivals_noticed", Help: "Accounts to whom one source told more new people within a day than a day brings, in 28 days: see /desk/campaigns.",
	}, func() float64 { return float64(len(arrivals.List())) }))
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "poterne_usage_noticed", Help: "Accounts that for eight weeks have used far more of their limits than their role and their own past: see /desk/campaigns.",
	}, func() float64 {
		list, _, err := used.List(context.Background())
		if err != nil {
			return math.NaN()
		}
		return float64(len(list))
	}))
}

func (m *metrics) handler(log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelError), ErrorHandling: promhttp.ContinueOnError})
}

// observe counts one request to a service, and has the access log tell of it.
func (m *metrics) observe(ctx context.Context, passed httpgate.Passed) {
	m.count(passed.Service, passed.Outcome, passed.Took)
	noted(ctx, passed)
}

// count counts one request to a service, or one statement.
func (m *metrics) count(service roster.ServiceID, outcome httpgate.Outcome, took time.Duration) {
	m.requests.WithLabelValues(string(service), string(outcome)).Inc()
	m.passages.WithLabelValues(string(service)).Observe(took.Seconds())
}

func (m *metrics) sessionEnded(why signin.Why) { m.sessions.WithLabelValues(string(why)).Inc() }

// settling is a gate whose decisions are counted.
func (m *metrics) settling(g *gate.Gate) httpgate.Gate { return counted{g, m} }

type counted struct {
	*gate.Gate
	metrics *metrics
}

// Commit implements httpgate.Gate.
func (c counted) Commit(ctx context.Context, ask policy.Ask) (gate.Passage, error) {
	started := time.Now()
	passage, err := c.Gate.Commit(ctx, ask)
	if err != nil || passage.Written == 0 {
		return passage, err
	}
	c.metrics.settles.Observe(time.Since(started).Seconds())
	rulings := passage.Decision.People
	if len(rulings) == 0 {
		rulings = []policy.Ruling{passage.Decision.Whole}
	}
	for _, ruling := range rulings {
		c.metrics.decisions.WithLabelValues(string(ask.Service), ruling.Verdict.String()).Inc()
	}
	return passage, nil
}

// standing is what has to be looked up when somebody asks.
type standing struct{ *Opened }

var (
	lagDesc     = prometheus.NewDesc("poterne_checkpoint_lag_seconds", "Age of the oldest entry that no checkpoint covers yet.", nil, nil)
	silenceDesc = prometheus.NewDesc("poterne_source_silence_seconds", "How long a source has not been heard; no sample if it never was.", []string{"source"}, nil)
	silentDesc  = prometheus.NewDesc("poterne_source_silent", "1 when a source has been silent for longer than it may.", []string{"source"}, nil)
	overdueDesc = prometheus.NewDesc("poterne_ledger_months_due", "Months of the ledger that are past their term, are not held, and were not dropped.", nil, nil)
)

// Describe implements prometheus.Collector.
func (s *standing) Describe(out chan<- *prometheus.Desc) {
	out <- lagDesc
	out <- silenceDesc
	out <- silentDesc
	out <- overdueDesc
}

// Collect implements prometheus.Collector.
func (s *standing) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if lag, err := s.checkpointLag(ctx); err != nil {
		out <- prometheus.NewInvalidMetric(lagDesc, err)
	} else {
		out <- prometheus.MustNewConstMetric(lagDesc, prometheus.GaugeValue, lag.Seconds())
	}
	if _, months, err := custody.Months(ctx, s.Months, s.Now()); err != nil {
		out <- prometheus.NewInvalidMetric(overdueDesc, err)
	} else {
		due := slices.DeleteFunc(months, func(m retention.Month) bool { return m.State != retention.Due })
		out <- prometheus.MustNewConstMetric(overdueDesc, prometheus.GaugeValue, float64(len(due)))
	}
	heard, err := s.Facts.Heard(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(silentDesc, err)
		return
	}
	for source, most := range s.Silence {
		silent := 1.0
		if at, ever := heard[source]; ever {
			quiet := s.Now().Sub(at)
			out <- prometheus.MustNewConstMetric(silenceDesc, prometheus.GaugeValue, quiet.Seconds(), source)
			if quiet <= most {
				silent = 0
			}
		}
		out <- prometheus.MustNewConstMetric(silentDesc, prometheus.GaugeValue, silent, source)
	}
}

// checkpointLag is the age of the oldest entry that no checkpoint covers yet.
func (o *Opened) checkpointLag(ctx context.Context) (time.Duration, error) {
	signed, err := o.Ledger.Checkpoint(ctx)
	if err != nil {
		return 0, err
	}
	var checkpoint ledger.Checkpoint
	if signed != nil {
		if checkpoint, err = ledger.OpenCheckpoint(signed, o.Verifier); err != nil {
			return 0, err
		}
	}
	for entry, err := range o.Ledger.Entries(ctx, ledger.Number(checkpoint.Size)) {
		return max(0, o.Now().Sub(entry.Time)), err
	}
	return 0, nil
}

// longestLag is how far the checkpoints may be behind before a node is not ready.
const longestLag = 5 * time.Second

// health answers whoever watches over the process.
type health struct {
	*Opened
	witnesses attendance
}

func (h *health) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { sayHealth(w, http.StatusOK, "alive", nil) })
	mux.HandleFunc("GET /readyz", h.ready)
	return mux
}

// ready reports whether passages can be settled and proven now.
func (h *health) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if err := h.DB.Ping(ctx); err != nil {
		sayHealth(w, http.StatusServiceUnavailable, "the database does not answer", nil)
		return
	}
	lag, err := h.checkpointLag(ctx)
	if err != nil || lag > longestLag {
		sayHealth(w, http.StatusServiceUnavailable, "the newest entries are not under a checkpoint", nil)
		return
	}
	if !h.witnesses.enough() {
		sayHealth(w, http.StatusServiceUnavailable, "the witnesses' co-signatures have been lacking for too long", h.witnesses.told())
		return
	}
	sayHealth(w, http.StatusOK, "ready", h.witnesses.told())
}

func sayHealth(w http.ResponseWriter, status int, said string, witnesses *toldWitnesses) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct {
		Status    string         `json:"status"`
		Witnesses *toldWitnesses `json:"witnesses,omitempty"`
	}{said, witnesses})
}

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
