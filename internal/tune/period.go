// Package tune proposes allowances and limits from a period of real work that the
// ledger holds: the people opened without a reason, day by day and role by role. It
// replays the period's own openings under other allowances and limits, by the code
// that decides, and says for each what honest staff would have met and what a
// thief could have taken. It reads entries and writes nothing.
package tune

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Period is what staff did between two moments. Entries are added in their order,
// from meter.Reach before it begins: what came before fills the windows, and is
// not counted.
type Period struct {
	Since, Until time.Time

	roles   map[roster.AccountID]roster.Role
	first   time.Time // entry of all, whenever it was
	works   map[roster.AccountID]*work
	unknown map[roster.AccountID]bool // asked, and are in no roster

	organisations map[roster.OrganisationID]*pool
	services      map[roster.ServiceID]*pool
	register      pool

	enforced int // openings that a rule stopped, although the period is meant to be observed
}

// work is what one account did.
type work struct {
	role  roster.Role
	deeds []deed
	met   map[policy.Why]time.Time // when a rule that is not tuned last stood against it

	day       int32 // of what follows
	charged   meter.Cost
	explained map[register.PersonID]struct{}

	days     []meter.Cost // charged on each day of work in the period
	received int          // people whom a fact explains, day by day
	stepUps  int          // asked for by rules that are not tuned
	asked    int          // for an identity
	freezes  int          // likewise
}

// deed is a person shown without a reason or, when it costs nothing, the first ask of a
// day; or one whose reason was told afterwards.
type deed struct {
	at     int64 // microseconds since 1970
	person register.PersonID
	cost   meter.Cost
	since  int64 // when the person was opened whose cost came back; zero for who is shown
}

func (d deed) time() time.Time { return time.UnixMicro(d.at).UTC() }

// pool is what many accounts were charged together.
type pool struct {
	tally       meter.Tally
	hour, month meter.Cost // the most there ever was
}

func (p *pool) add(cost meter.Common, at time.Time, counts bool) {
	p.tally.Add(cost, false, at)
	if hour, month := p.tally.Spent(false, at); counts {
		p.hour, p.month = max(p.hour, hour), max(p.month, month)
	}
}

// Ledger is where a period is read from.
type Ledger interface {
	// FirstAt is the first entry at or after a time.
	FirstAt(context.Context, time.Time) (ledger.Number, error)
	Entries(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error]
}

// Roster is every account.
type Roster interface {
	Accounts(context.Context) ([]roster.Account, error)
}

// ReadPeriod reads a ledger once, from as far back as meters reach, and reports now and
// then until when it has read.
func ReadPeriod(ctx context.Context, db Ledger, staff Roster, since, until time.Time, tell func(time.Time)) (*Period, error) {
	accounts, err := staff.Accounts(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the roster: %w", err)
	}
	from, err := db.FirstAt(ctx, since.Add(-meter.Reach))
	if err != nil {
		return nil, fmt.Errorf("finding where the period begins: %w", err)
	}
	period := NewPeriod(since.UTC(), until.UTC(), accounts)
	for entry, err := range db.Entries(ctx, from) {
		if err != nil {
			return nil, fmt.Errorf("reading the ledger: %w", err)
		}
		if !entry.Time.Before(until) {
			break
		}
		period.Add(entry)
		tell(entry.Time)
	}
	return period, nil
}

// NewPeriod returns a period without entries. The roster gives each account's role.
func NewPeriod(since, until time.Time, accounts []roster.Account) *Period {
	p := &Period{
		Since: since, Until: until, roles: make(map[roster.AccountID]roster.Role, len(accounts)),
		works: make(map[roster.AccountID]*work), unknown: make(map[roster.AccountID]bool),
		organisations: make(map[roster.OrganisationID]*pool), services: make(map[roster.ServiceID]*pool),
	}
	for _, account := range accounts {
		p.roles[account.ID] = account.Role
	}
	return p
}

// Add takes in the ledger's next entry.
func (p *Period) Add(e ledger.Entry) {
	if p.first.IsZero() {
		p.first = e.Time
	}
	switch e.Kind {
	case ledger.Attempted, ledger.Changed, ledger.Consulted, ledger.SteppedUp:
	case ledger.Refunded:
		p.refund(e)
		return
	default:
		return
	}
	role, known := p.roles[e.Account]
	counts := !e.Time.Before(p.Since)
	if !role.ReadsFiles() {
		if !known && counts && e.Account != "" {
			p.unknown[e.Account] = true
		}
		return
	}
	w, ok := p.works[e.Account]
	if !ok {
		w = &work{role: role, met: make(map[policy.Why]time.Time), explained: make(map[register.PersonID]struct{})}
		p.works[e.Account] = w
	}
	w.add(e, counts)
	if counts && e.Why.Counts() && !e.Observed && !e.Verdict.Shows() {
		p.enforced++
	}
	if e.Disclosed() && e.Cost > 0 {
		shared := meter.CommonOf(e.Cost, e.Signs)
		pooled(p.organisations, e.Organisation).add(shared, e.Time, counts)
		pooled(p.services, e.Service).add(shared, e.Time, counts)
		p.register.add(shared, e.Time, counts)
	}
}

// refund takes in that another system told the reason of an opening afterwards, so that what it
// cost came back.
func (p *Period) refund(e ledger.Entry) {
	w, ok := p.works[e.Subject]
	if !ok {
		return
	}
	w.deeds = append(w.deeds, deed{at: e.Time.UnixMicro(), person: e.Person, cost: e.Cost, since: e.Since.UnixMicro()})
	pooled(p.organisations, e.Organisation).tally.Refund(e.Cost, false, e.Since, e.Time)
	pooled(p.services, e.Service).tally.Refund(e.Cost, false, e.Since, e.Time)
	p.register.tally.Refund(e.Cost, false, e.Since, e.Time)
}

func pooled[ID comparable](pools map[ID]*pool, id ID) *pool {
	p, ok := pools[id]
	if !ok {
		p = new(pool)
		pools[id] = p
	}
	return p
}

// add takes in one entry of the account.
func (w *work) add(e ledger.Entry, counts bool) {
	if day := dayOf(e.Time); day != w.day {
		w.endDay()
		w.day = day
		w.deeds = append(w.deeds, deed{at: e.Time.UnixMicro()})
		if counts {
			w.days = append(w.days, 0)
		}
	}
	switch {
	case e.Disclosed() && e.Cost > 0:
		w.deeds = append(w.deeds, deed{at: e.Time.UnixMicro(), person: e.Person, cost: e.Cost})
		w.charged += e.Cost
	case e.Disclosed() && e.Reason.Explained() && counts:
		w.explained[e.Person] = struct{}{}
	}
	if counts && (e.Observed || !e.Verdict.Shows()) {
		w.meet(e)
	}
}

// endDay adds up a day that is over.
func (w *work) endDay() {
	if len(w.days) > 0 {
		w.days[len(w.days)-1] += w.charged
	}
	w.received += len(w.explained)
	w.charged = 0
	clear(w.explained)
}

// episode is how long one answer settles a rule that is not tuned: after a step-up
// the pace is three times as long for as long.
const episode = 12 * time.Hour

// meet counts the denials of rules that are not tuned, observed ones included. A step-up or
// an identity answers all of half a day.
func (w *work) meet(e ledger.Entry) {
	switch e.Why {
	case policy.Enumerating, policy.CanaryOpened:
		w.freezes++
	case policy.PaceReached, policy.CanaryListed, policy.Doubted:
		if last, met := w.met[e.Why]; met && e.Time.Sub(last) < episode {
			return
		}
		w.met[e.Why] = e.Time
		if e.Why == policy.Doubted {
			w.asked++
		} else {
			w.stepUps++
		}
	default:
	}
}

// dayOf is the day that the meter counts by.
func dayOf(t time.Time) int32 { return int32(t.UnixMicro() / (24 * time.Hour).Microseconds()) }

// measure is what a role's days of work are like.
type measure struct {
	accounts, days            int
	explained                 int
	stepUps, identity, frozen int
	mean, dispersion          float64 // people without a reason a day: λ, and φ, their variance over it
}

// measured adds up the works of one role.
func measured(works []*work) (m measure) {
	var sum, squares float64
	for _, w := range works {
		if len(w.days) > 0 {
			m.accounts++
		}
		m.days += len(w.days)
		m.explained += w.received
		m.stepUps, m.identity, m.frozen = m.stepUps+w.stepUps, m.identity+w.asked, m.frozen+w.freezes
		for _, charged := range w.days {
			people := charged.People()
			sum += people
			squares += people * people
		}
	}
	if m.days == 0 || sum == 0 {
		return m
	}
	m.mean = sum / float64(m.days)
	m.dispersion = (squares/float64(m.days) - m.mean*m.mean) / m.mean
	return m
}

// ofRole returns the works of a role, always in the same order.
func (p *Period) ofRole(role roster.Role) (works []*work) {
	var accounts []roster.AccountID
	for account, w := range p.works {
		if w.role == role {
			accounts = append(accounts, account)
		}
	}
	slices.Sort(accounts)
	for _, account := range accounts {
		works = append(works, p.works[account])
	}
	return works
}

// end closes the last day of every work, once.
func (p *Period) end() {
	for _, w := range p.works {
		w.endDay()
	}
}

// told is how long the ledger has told what accounts do, at the end of the period.
func (p *Period) told() time.Duration {
	if p.first.IsZero() {
		return 0
	}
	return p.Until.Sub(p.first)
}

// forgiven is λ + ½√(λφ): what a CUSUM forgives a day, so that it does not add up
// over honest days.
func (m measure) forgiven() meter.Cost {
	people := m.mean + math.Sqrt(m.mean*m.dispersion)/2
	return meter.Cost(math.Ceil(people * float64(meter.Whole)))
}

// workDays is how many days of work 28 days have.
const workDays = 20

// floor is how many people an attacker who knows every rule takes in 28 days, whatever
// the rules, beside what the account's rights allow.
func (m measure) floor(alpha float64) float64 {
	return meter.Floor(m.mean, m.dispersion, workDays, alpha)
}
