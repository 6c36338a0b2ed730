package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"poterne/internal/containment"
	"poterne/internal/journal"
	"poterne/internal/order"
	"poterne/internal/seal"
)

// Watch audits again and again, beside a running program. What the ledger did not make
// gives no right any more: the account is suspended, the order is put back. It is safe to
// share; every node may run one.
type Watch struct {
	audit  *Audit
	writer journal.Writer
	log    *slog.Logger
	wake   chan struct{} // holds one when rows are to be looked at now

	mu       sync.Mutex // guards what follows
	rights   []Finding
	unsealed []Finding
	met      map[Row]bool // without their seal, since every row was looked at
}

// NewWatch returns a watch that has looked at nothing.
func NewWatch(a *Audit, w journal.Writer, log *slog.Logger) *Watch {
	return &Watch{audit: a, writer: w, log: log, wake: make(chan struct{}, 1), met: make(map[Row]bool)}
}

const (
	rightsEvery   = time.Minute // accounts, habilitations, organisations and orders
	unsealedEvery = time.Hour   // every row there is
	leastPause    = time.Second // between audits that rows without a seal ask for
	mostMet       = 1000        // rows that are remembered before every row is looked at
)

// Met notes a row that was met without its seal. It never waits.
func (w *Watch) Met(row Row) {
	w.mu.Lock()
	known := w.met[row] || len(w.met) >= mostMet
	if !known {
		w.met[row] = true
	}
	w.mu.Unlock()
	if known {
		return
	}
	w.log.Error("a row that no node wrote decides nothing: poterne audit says more", slog.String("row", row.String()))
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Findings returns what was found last.
func (w *Watch) Findings() []Finding {
	w.mu.Lock()
	defer w.mu.Unlock()
	findings := slices.Concat(w.rights, w.unsealed)
	for row := range w.met {
		if f := (Finding{Row: row, Fault: NoSeal}); !slices.Contains(findings, f) {
			findings = append(findings, f)
		}
	}
	slices.SortFunc(findings, Finding.compare)
	return findings
}

// Run audits until ctx ends: at once, every minute, and when a row without a seal is met.
// It returns an error when the ledger itself holds what no node wrote: the program MUST
// then stop.
func (w *Watch) Run(ctx context.Context) error {
	minutes, hours := time.NewTicker(rightsEvery), time.NewTicker(unsealedEvery)
	defer minutes.Stop()
	defer hours.Stop()
	look := []func(context.Context) error{w.lookAtRights, w.lookAtAll}
	for {
		for _, one := range look {
			err := one(ctx)
			switch {
			case ctx.Err() != nil:
				return nil
			case errors.Is(err, seal.ErrBroken):
				return err
			case err != nil:
				w.log.WarnContext(ctx, "the rows could not be held against the ledger", slog.Any("err", err))
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-w.wake:
			look = []func(context.Context) error{w.lookAtRights}
			time.Sleep(leastPause)
		case <-minutes.C:
			look = []func(context.Context) error{w.lookAtRights}
		case <-hours.C:
			look = []func(context.Context) error{w.lookAtAll}
		}
	}
}

// Look looks at every row once.
func (w *Watch) Look(ctx context.Context) error {
	return errors.Join(w.lookAtRights(ctx), w.lookAtAll(ctx))
}

// lookAtRights holds rights and orders against the ledger, and acts on what is found.
func (w *Watch) lookAtRights(ctx context.Context) error {
	findings, err := w.audit.Rights(ctx)
	if err != nil {
		return err
	}
	w.mu.Lock()
	before := w.rights
	w.rights = findings
	w.mu.Unlock()
	for _, f := range findings {
		if !slices.Contains(before, f) {
			w.log.ErrorContext(ctx, "a row is not as the ledger says", slog.String("row", f.Row.String()), slog.String("fault", string(f.Fault)), slog.Uint64("entry", uint64(f.Entry)))
		}
		if err := w.act(ctx, f); err != nil {
			return fmt.Errorf("acting on %s: %w", f.Row, err)
		}
	}
	return nil
}

// act takes away what a row gives, and gives back what it took.
func (w *Watch) act(ctx context.Context, f Finding) (err error) {
	switch {
	case f.Table == "standing_order":
		_, err = journal.Do(ctx, w.writer, containment.Restore{ID: order.ID(f.Key), Said: w.audit.history.orders[f.Entry]})
	case f.Fault == Missing: // a row that is gone gives nothing
	case f.Table == "account":
		_, err = journal.Do(ctx, w.writer, containment.Distrust(order.Account, f.Key, f.Entry))
	case f.Table == "organisation":
		_, err = journal.Do(ctx, w.writer, containment.Distrust(order.Organisation, f.Key, f.Entry))
	}
	if errors.Is(err, journal.Unchanged) { // it is stopped already
		return nil
	}
	return err
}

// lookAtAll looks for rows without their seal, in every table.
func (w *Watch) lookAtAll(ctx context.Context) error {
	w.mu.Lock()
	clear(w.met)
	w.mu.Unlock()
	findings, err := w.audit.Unsealed(ctx)
	if err == nil {
		w.mu.Lock()
		w.unsealed = findings
		w.mu.Unlock()
	}
	return err
}
