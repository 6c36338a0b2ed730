// Package sim replays honest days and attacks through the decision that guards
// the register, in virtual time. It holds no rule of its own: every opening goes
// through policy.Rules.Decide with a real meter, or through gate.Settle over a
// real ledger, and both give the same answers. The same seed gives the same table.
package sim

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"poterne/internal/gate"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// walk is somebody opening people one after the other.
type walk interface {
	// next says when the next person is opened; false when the walk is over.
	next() (time.Time, bool)
	// open says whom.
	open() register.PersonID
	// heard tells how it went, and moves the walk on.
	heard(policy.Ruling)
}

// scene is one account and all who use it: its owner, a thief, or both.
type scene struct {
	agent *agent
	walks []walk
}

// decider decides one ask at one moment. Moments never go back.
type decider interface {
	decide(ctx context.Context, at time.Time, ask policy.Ask) (policy.Decision, error)
}

// play has every walk of the scenes take place, in the order of time.
func play(ctx context.Context, through decider, scenes ...scene) error {
	for {
		var first walk
		var who *agent
		var when time.Time
		for _, s := range scenes {
			for _, w := range s.walks {
				if at, ok := w.next(); ok && (first == nil || at.Before(when)) {
					first, who, when = w, s.agent, at
				}
			}
		}
		if first == nil {
			return nil
		}
		use := useOf(who.asker.Role)
		decision, err := through.decide(ctx, when, policy.Ask{
			Act: policy.Show, Account: who.asker.Account, Service: use.service, Purpose: use.purpose, Route: "GET /files/{person}",
			About: true, People: []policy.Opening{{Person: first.open(), Fields: use.fields}},
		})
		if err != nil {
			return err
		}
		first.heard(decision.People[0])
	}
}

// core is the decision alone, with nothing written down.
type core struct {
	rules  policy.Rules
	staff  staff
	meters map[roster.AccountID]*meter.Meter
}

func newCore(rules policy.Rules, scenes ...scene) *core {
	return &core{rules, staffOf(scenes), make(map[roster.AccountID]*meter.Meter)}
}

func (c *core) decide(ctx context.Context, at time.Time, ask policy.Ask) (policy.Decision, error) {
	asker, err := c.staff.Asker(ctx, ask.Account)
	if err != nil {
		return policy.Decision{}, err
	}
	ask.Organisation, ask.Role = asker.Organisation, asker.Role
	facts, err := c.staff.Facts(ctx, asker, []register.PersonID{ask.People[0].Person}, at)
	if err != nil {
		return policy.Decision{}, err
	}
	counted, ok := c.meters[ask.Account]
	if !ok {
		counted = meter.New()
		c.meters[ask.Account] = counted
	}
	decision := c.rules.Decide(ask, policy.Facts{
		Habilitations: asker.Habilitations, Evidence: reason.Evidence{Facts: facts, Covers: asker.Covers}, Meter: counted.Draft(),
	}, ledger.Cut(at))
	for _, entry := range ledger.Of(ask, decision, 0, ledger.Cut(at)) {
		counted.Record(entry.Event())
	}
	return decision, nil
}

// settled is the gate itself, over a ledger, at a time that the replay sets.
type settled struct {
	gate *gate.Gate
	us   *atomic.Int64
}

// throughGate opens a gate over the book and runs it until stop.
func throughGate(ctx context.Context, book gate.Book, rules policy.Rules, scenes ...scene) (through settled, stop func() error, err error) {
	through.us = new(atomic.Int64)
	through.us.Store(Beginning.UnixMicro())
	now := func() time.Time { return time.UnixMicro(through.us.Load()).UTC() }
	if through.gate, err = gate.Open(ctx, book, staffOf(scenes), rules, now); err != nil {
		return settled{}, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- through.gate.Run(ctx) }()
	return through, func() error { cancel(); return <-ended }, nil
}

func (s settled) decide(ctx context.Context, at time.Time, ask policy.Ask) (policy.Decision, error) {
	s.us.Store(at.UnixMicro())
	passage, err := s.gate.Settle(ctx, ask)
	return passage.Decision, err
}

// staff is what the roster and other systems say, for the gate.
type staff map[roster.AccountID]*agent

func staffOf(scenes []scene) staff {
	all := make(staff, len(scenes))
	for _, s := range scenes {
		all[s.agent.asker.Account] = s.agent
	}
	return all
}

// Asker implements gate.Files.
func (s staff) Asker(_ context.Context, account roster.AccountID) (gate.Asker, error) {
	a, ok := s[account]
	if !ok {
		return gate.Asker{}, fmt.Errorf("nobody in the town has this account")
	}
	return a.asker, nil
}

// Facts implements gate.Files.
func (s staff) Facts(_ context.Context, asker gate.Asker, people []register.PersonID, _ time.Time) ([]reason.Fact, error) {
	facts := s[asker.Account].facts
	if len(people) == 1 {
		return facts[people[0]], nil
	}
	var found []reason.Fact
	for _, person := range people {
		found = append(found, facts[person]...)
	}
	return found, nil
}

// day is honest work, opening by opening. Who is stopped goes on with the next
// person.
type day struct {
	openings  []opening
	done      int
	stopped   int
	toldStops int // of those that a fact was told for
}

func (d *day) next() (time.Time, bool) {
	if d.done == len(d.openings) {
		return time.Time{}, false
	}
	return d.openings[d.done].at, true
}

func (d *day) open() register.PersonID { return d.openings[d.done].person }

func (d *day) heard(ruling policy.Ruling) {
	if !ruling.Verdict.Shows() {
		d.stopped++
		if d.openings[d.done].told {
			d.toldStops++
		}
	}
	d.done++
}

// beyondCap is how many of the openings a cap on distinct people a day stops.
func beyondCap(openings []opening, most int) (stopped int) {
	today := make(map[register.PersonID]bool)
	var date time.Time
	for _, o := range openings {
		if d := o.at.Truncate(24 * time.Hour); !d.Equal(date) {
			date = d
			clear(today)
		}
		switch {
		case today[o.person]:
		case len(today) >= most:
			stopped++
		default:
			today[o.person] = true
		}
	}
	return stopped
}

// beyondRate is how many of the openings a limit of requests a minute stops.
func beyondRate(openings []opening, most int) (stopped int) {
	var minute time.Time
	count := 0
	for _, o := range openings {
		if m := o.at.Truncate(time.Minute); !m.Equal(minute) {
			minute, count = m, 0
		}
		if count++; count > most {
			stopped++
		}
	}
	return stopped
}
