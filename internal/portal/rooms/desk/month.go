package desk

import (
	"context"
	"net/http"
	"slices"
	"time"

	"poterne/internal/fault"
	"poterne/internal/incident"
	"poterne/internal/ledger"
	"poterne/internal/portal"
)

// monthPage answers whoever is accountable for the register: are we safe, and what does it
// cost? It fits one sheet.
type monthPage struct {
	portal.Page
	Of, Beside time.Time // the first days of the month, and of the one to compare or to go to
	Compared   bool      // the columns of the other month are known
	Begun      time.Time // when the record begins, if that is within what is shown
	Behind     bool      // the ledger is still being read
	Frozen     int
	Undone     int
	Median     time.Duration // from a freeze to its undoing
	Lines      []monthLine
	Days       monthDays
	Sources    []sourceState
	Silent     int
	Damaged    int
	Proof      proof
	Exercise   *lastExercise // nil: there was none
}

// lastExercise is when people last played an incident, and how long it took.
type lastExercise struct {
	Opened, Closed time.Time // Closed is zero while it goes on
	Took           time.Duration
	Altered        bool // its file is not as the ledger says
}

// monthLine is a figure of the month, beside the month before.
type monthLine struct {
	Key       string // of what it counts
	N, Before int
}

// monthOfPast is what is known of a month.
type monthOfPast struct {
	quarter
	Days   []quarter // one for each day that has begun
	Undone []time.Duration
}

// month sums what happened from a month's first day on.
func (p *past) month(first time.Time) (m monthOfPast) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for day := first; day.Month() == first.Month() && !day.After(p.now()); day = day.AddDate(0, 0, 1) {
		var whole quarter
		for number := quarterOf(day); number < quarterOf(day.AddDate(0, 0, 1)); number++ {
			whole.also(p.known.Quarters[number])
		}
		m.Days = append(m.Days, whole)
		m.also(whole)
	}
	after := first.AddDate(0, 1, 0)
	for _, f := range p.known.Freezes {
		if !f.Undone.IsZero() && !f.Placed.Before(first) && f.Placed.Before(after) {
			m.Undone = append(m.Undone, f.Undone.Sub(f.Placed))
		}
	}
	slices.Sort(m.Undone)
	return m
}

// begun returns when the record begins.
func (p *past) begun() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known.Begun
}

// caughtUp waits a moment for the record to hold every entry before next, and reports whether
// it does.
func (p *past) caughtUp(ctx context.Context, next ledger.Number) bool {
	return caughtUp(ctx, next, func() ledger.Number {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.follower.UpTo()
	})
}

// month shows this month, or the one before.
func (l live) month(v visit) error {
	now := l.shell.Now().In(v.Speaker.Zone())
	this := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, now.Location())
	before := this.AddDate(0, -1, 0)
	page := monthPage{Page: v.Page(path, "month.title"), Of: this, Beside: before, Compared: true}
	switch asked := v.Request.URL.Query().Get("of"); asked {
	case "", this.Format(monthLayout):
	case before.Format(monthLayout):
		page.Of, page.Beside, page.Compared = before, this, false
	default:
		return fault.Errorf(fault.Absent, "the sheet is of this month or of the one before")
	}
	page.Behind = !l.past.caughtUp(v.Context(), l.journal.Next())
	of, other := l.past.month(page.Of), monthOfPast{}
	if page.Compared {
		other = l.past.month(page.Beside)
	}
	if begun := l.past.begun(); begun.After(before) {
		page.Begun = begun
		page.Compared = page.Compared && begun.Before(this)
	}
	page.Frozen, page.Undone = of.Freezes, len(of.Undone)
	if len(of.Undone) > 0 {
		page.Median = of.Undone[len(of.Undone)/2]
	}
	page.Lines = []monthLine{
		{"shown", of.Shown, other.Shown},
		{"unexplained", of.Unexplained, other.Unexplained},
		{"stopped", of.Stopped, other.Stopped},
		{"frozen", of.Freezes, other.Freezes},
		{"undone", len(of.Undone), len(other.Undone)},
		{"asked", of.Asked, other.Asked},
		{"signed", of.Signed, other.Signed},
	}
	page.Days = drawDays(of.Days)
	var err error
	if page.Sources, err = l.heard(v); err != nil {
		return err
	}
	page.Damaged = len(l.audit.Findings())
	page.Proof = l.proof()
	if page.Exercise, err = l.exercise(v.Context()); err != nil {
		return err
	}
	l.pages.Show(v.Visit, http.StatusOK, "month.html", page)
	return nil
}

// exercise is the exercise that was opened last, in any month.
func (l live) exercise(ctx context.Context) (*lastExercise, error) {
	files, err := l.incidents.Files(ctx)
	if err != nil {
		return nil, err
	}
	f := incident.LastExercise(files)
	if f == nil {
		return nil, nil
	}
	last := lastExercise{Opened: f.Opened, Closed: f.Closed, Took: f.Closed.Sub(f.Opened)}
	if err := l.incidents.Check(ctx, *f); err != nil {
		if _, last.Altered = incident.IsAltered(err); !last.Altered {
			return nil, err
		}
	}
	return &last, nil
}

// monthLayout is how an address names a month.
const monthLayout = "2006-01"

// BesideAddress leads to the other month.
func (p monthPage) BesideAddress() string { return monthPath + "?of=" + p.Beside.Format(monthLayout) }

// monthDays draws those shown without a reason, a day a bar, on one scale.
type monthDays struct {
	Bars []bar
	Top  int // what the highest line stands for
	Peak struct{ Day, N, X, Y int }
}

const (
	monthLeft = 60
	monthStep = 20
	monthBar  = 16
	monthBase = 120
	monthHigh = 90
)

func drawDays(days []quarter) (m monthDays) {
	most := 0
	for i, d := range days {
		if d.Unexplained > most {
			most = d.Unexplained
			m.Peak.Day, m.Peak.N = i+1, most
		}
	}
	for m.Top = 10; m.Top < most; m.Top *= 2 {
	}
	for i, d := range days {
		b := bar{X: monthLeft + i*monthStep, Height: d.Unexplained * monthHigh / m.Top}
		if d.Unexplained > 0 {
			b.Height = max(2, b.Height)
		}
		b.Y = monthBase - b.Height
		m.Bars = append(m.Bars, b)
		if i+1 == m.Peak.Day {
			m.Peak.X, m.Peak.Y = b.X+monthBar/2, b.Y-6
		}
	}
	return m
}
