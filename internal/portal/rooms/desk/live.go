package desk

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/portal"
	"poterne/internal/roster"
)

// live is the desk's first page, which goes on by itself.
type live struct {
	base
	settings  Settings
	journal   Journal
	calendar  Calendar
	sources   *hearing
	campaigns Campaigns
	audit     Audit
	witnesses func() (cosigned, all int)
	hour      *hour
	news      *news
	past      *past
	incidents Incidents
	exercises *exercises
	drawn     *drawn
}

// deskPage answers the security desk: is anything wrong now?
type deskPage struct {
	portal.Page
	deskParts
	Said    string    // what was just done, said by key; empty when nothing was
	At      time.Time // when it was so
	Lines   []portal.Line
	After   ledger.Number // the flow goes on from here
	Damaged []damagedRow
}

// deskParts are what the flow draws anew.
type deskParts struct {
	lookout
	Figures    []figure
	Pulse      pulse
	Rows       []accountRow
	MoreRows   int
	Orders     []measureState
	MoreOrders int
	Sources    []sourceState
	Proof      proof
}

// figure is one of the four, beside what is usual at this hour.
type figure struct {
	Key    string // of what it counts
	N      int
	Usual  span
	Weeks  int // that the usual rests on; zero: it is not known
	ByHand int // of those frozen, by a person
	Alarm  bool
}

// proof is how the record itself stands.
type proof struct {
	Looked        time.Time // rights and orders were held against the ledger; zero: not yet
	Cosigned, All int       // witnesses that co-signed lately, of all
}

// mostOrders is how many orders are said beside.
const mostOrders = 5

// parts draws what the flow draws anew. Whoever makes do with a picture of a second ago
// gets one at less cost.
func (l live) parts(v visit, makesDo bool) (p deskParts, err error) {
	now := l.shell.Now()
	if p.Sources, err = l.heard(v); err != nil {
		return p, err
	}
	caughtUp := l.hour.caughtUp(v.Context(), l.journal.Next())
	board := l.hour.boardOf(l.gate.Orders(), now, makesDo && caughtUp)
	p.lookout = l.lookout(v, board, p.Sources)
	usual := l.past.usualAt(now)
	p.Pulse = drawPulse(l.hour.minutes(now), usual)
	p.Figures = figuresFor(p.Pulse.Hour, board, usual)
	p.Rows, p.MoreRows = l.rows(v, board)
	p.Orders = slices.DeleteFunc(l.measures(v), measureState.Itself) // whom the rules froze has a row
	slices.SortStableFunc(p.Orders, func(a, b measureState) int { return compareFlags(a.ByRules(), b.ByRules()) })
	p.MoreOrders = max(0, len(p.Orders)-mostOrders)
	p.Orders = p.Orders[:len(p.Orders)-p.MoreOrders]
	p.Proof = l.proof()
	return p, nil
}

// proof is how the record stands now.
func (l live) proof() proof {
	p := proof{Looked: l.audit.Looked()}
	p.Cosigned, p.All = l.witnesses()
	return p
}

// figuresFor are the four figures of the hour.
func figuresFor(hour Figures, board []watched, u usual) []figure {
	frozen := figure{Key: "frozen", Usual: u.Freezes, Weeks: u.Weeks}
	for _, w := range board {
		if !w.Held() {
			continue
		}
		if frozen.N++; !w.byRules() {
			frozen.ByHand++
		} else {
			frozen.Alarm = true
		}
	}
	return []figure{
		{Key: "shown", N: hour.Shown, Usual: u.Shown, Weeks: u.Weeks},
		{Key: "unexplained", N: hour.Unexplained, Usual: u.Unexplained, Weeks: u.Weeks, Alarm: u.Weeks > 0 && hour.Unexplained > u.Unexplained.Most},
		{Key: "stopped", N: hour.Stopped, Usual: u.Stopped, Weeks: u.Weeks, Alarm: u.Weeks > 0 && hour.Stopped > u.Stopped.Most},
		frozen,
	}
}

// page shows the desk.
func (l live) page(v visit) error {
	if err := v.Record(ledger.Entry{State: ledger.DeskRead}); err != nil {
		return err
	}
	said, err := outcome(v)
	if err != nil {
		return err
	}
	shown := deskPage{Page: v.Page(path, "desk.title"), Said: said, At: l.shell.Now(), Damaged: damaged(v, l.audit.Findings())}
	if shown.deskParts, err = l.parts(v, false); err != nil {
		return err
	}
	shown.Page.Title = shown.lookout.Title
	newest, after := l.hour.recent()
	shown.After = after
	for _, h := range newest {
		shown.Lines = append(shown.Lines, v.labels.Line(h))
	}
	l.pages.Show(v.Visit, http.StatusOK, "desk.html", shown)
	return nil
}

// run keeps the desk's picture of the last hour and of the last weeks, until ctx ends.
// When the ledger cannot be read it tries again: the gate goes on without the desk.
func (l live) run(ctx context.Context) error {
	var all errgroup.Group
	all.Go(func() error { return l.past.follower.Run(ctx) })
	all.Go(func() error { return l.names.run(ctx, l.shell.Log()) })
	all.Go(func() error {
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
	})
	return all.Wait()
}

func (l live) watch(ctx context.Context) error {
	from, err := l.calendar.FirstAt(ctx, l.shell.Now().Add(-time.Hour))
	if err != nil {
		return err
	}
	from, first := l.hour.begin(from)
	l.news.begin(from)
	if first {
		if err := l.recall(ctx, from); err != nil {
			return err
		}
	}
	for passage, err := range portal.Passages(l.journal.Follow(ctx, from), l.journal.Next) {
		if err != nil {
			return err
		}
		notable := notableOf(passage)
		l.hour.take(passage, notable)
		l.news.take(passage, notable)
	}
	return ctx.Err()
}

const (
	mostRecalled  = 500  // accounts that were held before the picture begins
	recalledLines = 2000 // of each
)

// recall takes in what the accounts did that were held before the picture begins.
func (l live) recall(ctx context.Context, from ledger.Number) error {
	now, recalled := l.shell.Now(), 0
	for _, o := range slices.Backward(l.gate.Orders()) {
		account := roster.AccountID(o.Target)
		if o.Reach != order.Account || !o.Stops(order.Use{Account: account}, now) || recalled == mostRecalled {
			continue
		}
		recalled++
		entries, err := l.journal.RecentBy(ctx, account, recalledLines)
		if err != nil {
			return err
		}
		entries = slices.DeleteFunc(entries, func(e ledger.Entry) bool { return e.Number >= from })
		slices.Reverse(entries)
		l.hour.recall(account, o.Placed, entries)
	}
	return nil
}
