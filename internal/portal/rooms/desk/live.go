package desk

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/portal"
)

// live is the desk's first page, which goes on by itself.
type live struct {
	base
	settings  Settings
	journal   Journal
	calendar  Calendar
	sources   Sources
	campaigns Campaigns
	audit     Audit
	hour      *hour
}

// deskPage answers the security desk: is anything wrong now?
type deskPage struct {
	portal.Page
	Said    string // what was just done, said by key; empty when nothing was
	Heads   []headline
	At      time.Time // when it was so
	Pulse   pulse
	Orders  []measureState
	Lines   []portal.Line
	After   ledger.Number // the flow goes on from here
	Sources []sourceState
	Damaged []damagedRow
}

// page shows the desk.
func (l live) page(v visit) error {
	if err := v.Record(ledger.Entry{State: ledger.DeskRead}); err != nil {
		return err
	}
	sources, err := l.heard(v)
	if err != nil {
		return err
	}
	said, err := outcome(v)
	if err != nil {
		return err
	}
	heads := l.headlines(v)
	newest, after := l.hour.recent()
	shown := deskPage{
		Page: v.Page(path, "desk.title"), Said: said,
		Heads: heads, At: l.shell.Now(), Pulse: drawPulse(l.hour.minutes(l.shell.Now())),
		Orders: l.measures(v), After: after, Sources: sources, Damaged: damaged(v, l.audit.Findings()),
	}
	for _, h := range newest {
		shown.Lines = append(shown.Lines, v.labels.Line(h))
	}
	l.pages.Show(v.Visit, http.StatusOK, "desk.html", shown)
	return nil
}

// run keeps the desk's picture of the last hour, until ctx ends. When the ledger
// cannot be read it tries again: the gate goes on without the desk.
func (l live) run(ctx context.Context) error {
	for ctx.Err() == nil {
		err := l.watch(ctx)
		if ctx.Err() != nil {
			return nil
		}
		l.shell.Log().WarnContext(ctx, "the desk lost the ledger", slog.Any("err", err))
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return nil
}

func (l live) watch(ctx context.Context) error {
	from, err := l.calendar.FirstAt(ctx, l.shell.Now().Add(-time.Hour))
	if err != nil {
		return err
	}
	from = l.hour.begin(from)
	for passage, err := range portal.Passages(l.journal.Follow(ctx, from), l.journal.Next) {
		if err != nil {
			return err
		}
		l.hour.take(passage)
	}
	return ctx.Err()
}
