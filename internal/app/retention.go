package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"poterne/internal/custody"
	"poterne/internal/journal"
	"poterne/internal/ledger/retention"
)

// retain writes in the ledger how long it is kept, when that has changed.
func (o *Opened) retain(ctx context.Context, log *slog.Logger) error {
	retain := custody.Retain{Setting: o.Retention}
	_, err := journal.Do(ctx, o.Writer(), retain)
	switch {
	case errors.Is(err, journal.Unchanged):
	case err != nil:
		return fmt.Errorf("writing down how long the ledger is kept: %w", err)
	default:
		log.InfoContext(ctx, "how long the ledger is kept has changed", slog.Int("months", o.Retention.Months))
	}
	return nil
}

// overdue tells whoever watches over the program that nobody drops months.
type overdue struct{ *Opened }

var overdueDesc = prometheus.NewDesc("poterne_ledger_months_due", "Months of the ledger that are past their term, are not held, and were not dropped.", nil, nil)

// Describe implements prometheus.Collector.
func (overdue) Describe(out chan<- *prometheus.Desc) { out <- overdueDesc }

// Collect implements prometheus.Collector.
func (o overdue) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, months, err := custody.Months(ctx, o.Months, o.Now())
	if err != nil {
		out <- prometheus.NewInvalidMetric(overdueDesc, err)
		return
	}
	due := 0
	for _, m := range months {
		if m.State == retention.Due {
			due++
		}
	}
	out <- prometheus.MustNewConstMetric(overdueDesc, prometheus.GaugeValue, float64(due))
}
