package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/archive"
	"poterne/internal/containment"
	"poterne/internal/grants"
	"poterne/internal/installed"
	"poterne/internal/journal"
	"poterne/internal/ledger"
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

	// Round is how often each part is held against its inventory, where that takes little.
	Round time.Duration

	snapshots *journal.Snapshots // of the history; Run's own

	mu       sync.Mutex // guards what follows
	rights   []Finding
	looked   time.Time // when rights and orders were last held against the ledger
	unsealed []Finding
	stock    map[Finding]time.Time // what inventories say is wrong, and when they said so last: those of the last hour
	met      map[Row]bool          // without their seal, since every row was looked at
	anew     *history              // made from the whole ledger, to be gone on with; nil when there is none
}

// NewWatch returns a watch that has looked at nothing. A nil keeper keeps nothing of what
// it reads of the ledger.
func NewWatch(a *Audit, w journal.Writer, kept journal.Keeper, log *slog.Logger) *Watch {
	return &Watch{
		audit: a, writer: w, log: log, wake: make(chan struct{}, 1), met: make(map[Row]bool), stock: make(map[Finding]time.Time), Round: rightsEvery,
		snapshots: journal.NewSnapshots(kept, formOfHistory),
	}
}

const (
	rightsEvery   = time.Minute    // accounts, habilitations, organisations, orders and sessions
	unsealedEvery = time.Hour      // every row there is but the ledger's; at least, those that have inventories
	stockShare    = 10             // the reading of these takes this part of a processor
	stockShown    = time.Hour      // what is found by them, and is mended at once
	ledgerEvery   = 24 * time.Hour // the whole ledger
	leastPause    = time.Second    // between audits that rows without a seal ask for
	mostMet       = 1000           // rows that are remembered before every row is looked at
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

// Looked returns when rights and orders were last held against the ledger; the zero time
// before they were.
func (w *Watch) Looked() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.looked
}

// Findings returns what was found last.
func (w *Watch) Findings() []Finding {
	w.mu.Lock()
	defer w.mu.Unlock()
	findings := slices.Concat(w.rights, w.unsealed)
	findings = slices.AppendSeq(findings, maps.Keys(w.stock))
	for row := range w.met {
		if f := (Finding{Row: row, Fault: NoSeal}); !slices.Contains(findings, f) {
			findings = append(findings, f)
		}
	}
	slices.SortFunc(findings, Finding.compare)
	return findings
}

// Run audits until ctx ends: at once, every minute, and when a row without a seal is met; rows that
// have inventories one part after the other.
// It begins with what was kept of the ledger, and reads the whole of it anew in the
// background: at once when something was kept, and every day. It returns an error when the
// ledger itself holds what no node wrote: the program MUST then stop.
func (w *Watch) Run(ctx context.Context) error {
	ctx, end := context.WithCancel(ctx)
	var rereading sync.WaitGroup
	defer rereading.Wait()
	defer end()
	soon := ledgerEvery
	if w.resume(ctx) {
		soon = 0
	}
	broken := make(chan error, 2)
	rereading.Go(func() { broken <- w.reread(ctx, soon) })
	rereading.Go(func() { broken <- w.takeStock(ctx) })
	minutes, hours := time.NewTicker(rightsEvery), time.NewTicker(unsealedEvery)
	defer minutes.Stop()
	defer hours.Stop()
	defer func() { w.keep(context.WithoutCancel(ctx)) }()
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
		if w.snapshots.Due(w.audit.now()) {
			w.keep(ctx)
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-broken:
			return err
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

// resume takes up the history that was kept, where none was read yet, and reports whether
// it did.
func (w *Watch) resume(ctx context.Context) bool {
	if w.audit.history != nil {
		return false
	}
	kept := newHistory(0)
	upTo, err := w.snapshots.Load(ctx, kept, w.audit.now())
	if err != nil {
		w.log.WarnContext(ctx, "what was kept of rights and orders is not used: it is made anew from the ledger", slog.Any("err", err))
		return false
	}
	if upTo > 0 {
		w.audit.history = kept
	}
	return upTo > 0
}

// keep keeps the history, so that the next start reads what came since.
func (w *Watch) keep(ctx context.Context) {
	h := w.audit.history
	if h == nil {
		return
	}
	if err := w.snapshots.Save(ctx, h, h.UpTo, w.audit.now()); err != nil && ctx.Err() == nil {
		w.log.WarnContext(ctx, "what is known of rights and orders could not be kept: the next start reads more of the ledger", slog.Any("err", err))
	}
}

// reread makes the history anew from the whole ledger, with a quarter of a processor, every
// day until ctx ends. It returns an error when the ledger holds what no node wrote.
func (w *Watch) reread(ctx context.Context, soon time.Duration) error {
	for wait := soon; ; wait = ledgerEvery {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		h, err := w.audit.begun(ctx)
		if err == nil {
			err = w.audit.read(ctx, h, journal.Pauses(ctx))
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, seal.ErrBroken):
			return err
		case err != nil:
			w.log.WarnContext(ctx, "the whole ledger could not be read", slog.Any("err", err))
			continue
		}
		w.mu.Lock()
		w.anew = h
		w.mu.Unlock()
	}
}

// Look looks at every row once, as Run does.
func (w *Watch) Look(ctx context.Context) error {
	w.resume(ctx)
	defer w.keep(ctx)
	errs := []error{w.lookAtRights(ctx), w.lookAtAll(ctx)}
	for _, part := range w.audit.rows.Parts() {
		errs = append(errs, w.lookAtPart(ctx, part))
	}
	return errors.Join(errs...)
}

// takeStock holds one part after the other against its inventory until ctx ends: all of them as it
// begins, then each so often that it takes a part of a processor. It returns an error when an
// inventory is not the one that a node wrote.
func (w *Watch) takeStock(ctx context.Context) error {
	parts := w.audit.rows.Parts()
	for i := 0; ctx.Err() == nil; i++ {
		began := time.Now()
		err := w.lookAtPart(ctx, parts[i%len(parts)])
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, seal.ErrBroken):
			return err
		case err != nil:
			w.log.WarnContext(ctx, "rows could not be held against their inventory", slog.Any("err", err))
		}
		took := time.Since(began)
		pause := pauseAfter(took, w.Round, len(parts))
		if i < len(parts) {
			pause = took // at first, half a processor
		}
		journal.Pause(ctx, pause)
	}
	return nil
}

// pauseAfter is how long to wait after the reading of one of so many parts, each of which is read once a
// round, or less often where that takes longer.
func pauseAfter(took, round time.Duration, parts int) time.Duration {
	each := time.Duration(parts)
	return min(max((stockShare-1)*took, round/each), unsealedEvery/each)
}

// lookAtRights holds rights and orders against the ledger, and acts on what is found.
func (w *Watch) lookAtRights(ctx context.Context) error {
	w.mu.Lock()
	if before := w.audit.history; w.anew != nil && (before == nil || w.anew.First <= before.First) { // it knows all that the other does
		w.audit.history = w.anew
	}
	w.anew = nil
	w.mu.Unlock()
	findings, err := w.audit.Rights(ctx)
	if err != nil {
		return err
	}
	w.mu.Lock()
	before := w.rights
	w.rights, w.looked = findings, w.audit.now()
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
		_, err = journal.Do(ctx, w.writer, containment.Restore{ID: order.ID(f.Key), Said: w.audit.history.Orders[f.Entry]})
	case f.Fault == Missing: // a row that is gone gives nothing
	case strings.HasSuffix(f.Table, "session"): // it gives nothing either, and ends once it is shown
	case f.Table == "account":
		_, err = journal.Do(ctx, w.writer, containment.Distrust(order.Account, f.Key, f.Entry))
	case f.Table == "passkey":
		account, _, _ := strings.Cut(f.Key, " ")
		_, err = journal.Do(ctx, w.writer, containment.Distrust(order.Account, account, f.Entry))
	case f.Table == "organisation":
		_, err = journal.Do(ctx, w.writer, containment.Distrust(order.Organisation, f.Key, f.Entry))
	default:
		err = w.drop(ctx, f.Row)
	}
	if errors.Is(err, journal.Unchanged) { // it is stopped already
		return nil
	}
	return err
}

// drop refuses a request that waits by its row, and was answered by the ledger's word.
func (w *Watch) drop(ctx context.Context, row Row) error {
	n, err := strconv.ParseUint(row.Key, 10, 63)
	if err != nil {
		return err
	}
	number := ledger.Number(n)
	switch row.Table {
	case "right_request":
		_, err = journal.Do(ctx, w.writer, journal.Act[accounts.RightRows](&accounts.DropRight{Number: number, By: journal.Itself}))
	case "organisation_request":
		_, err = journal.Do(ctx, w.writer, journal.Act[accounts.OrganisationRows](&accounts.DropOrganisation{Number: number, By: journal.Itself}))
	case "configuration":
		_, err = journal.Do(ctx, w.writer, journal.Act[installed.Rows](&installed.Drop{Number: number, By: journal.Itself}))
	case "export_permit":
		_, err = journal.Do(ctx, w.writer, journal.Act[grants.PermitRows](grants.DropPermit{Number: number, By: journal.Itself}))
	case "archive_reading":
		_, err = journal.Do(ctx, w.writer, journal.Act[archive.ReadingRows](&archive.DropReading{Number: number, By: journal.Itself}))
	default:
		err = fmt.Errorf("there are no requests in %s", row.Table)
	}
	return err
}

// lookAtAll looks at the seals of every row of every table, but those that have inventories.
func (w *Watch) lookAtAll(ctx context.Context) error {
	w.mu.Lock()
	clear(w.met)
	w.mu.Unlock()
	findings, err := w.audit.unsealed(ctx)
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.unsealed = findings
	w.mu.Unlock()
	return nil
}

// lookAtPart holds the rows of a part against its inventory, ends what was put back, and puts back what
// closed a file.
func (w *Watch) lookAtPart(ctx context.Context, part Part) error {
	findings, d, err := w.audit.takeStock(ctx, part)
	if err != nil {
		return err
	}
	now := w.audit.now()
	w.mu.Lock()
	maps.DeleteFunc(w.stock, func(_ Finding, said time.Time) bool { return now.Sub(said) > stockShown })
	for _, f := range findings {
		w.stock[f] = now
	}
	w.mu.Unlock()
	for _, f := range findings {
		if f.Fault != NoSeal {
			w.log.ErrorContext(ctx, "a row is not as its inventory says", slog.String("row", f.Row.String()), slog.String("fault", string(f.Fault)))
		}
	}
	if d == nil {
		return nil
	}
	if err := w.reconcile(ctx, *d); err != nil {
		return fmt.Errorf("reconciling rows of %s: %w", d.Table, err)
	}
	return nil
}

// reconcile acts on what sets rows apart from their inventory. When it is not known whose closed
// files would be open, nothing is: two people lift that once the register has told them again.
func (w *Watch) reconcile(ctx context.Context, d Difference) error {
	if d.opens() {
		_, err := journal.Do(ctx, w.writer, containment.Place{
			Order: order.Order{Effect: order.Closed, Reach: order.Everything, By: journal.Itself}, Shares: ledger.Audited, Once: true,
		})
		if err != nil && !errors.Is(err, journal.Unchanged) {
			return err
		}
	}
	_, err := journal.Do(ctx, w.writer, journal.Act[StockRows](Reconcile{d}))
	if errors.Is(err, journal.Unchanged) {
		return nil
	}
	return err
}
