package tune

import (
	"iter"
	"time"

	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// friction is what honest work meets under a choice of allowance and line.
type friction struct{ stepUps, cosigns, freezes int }

func (f friction) plus(o friction) friction {
	return friction{f.stepUps + o.stepUps, f.cosigns + o.cosigns, f.freezes + o.freezes}
}

// under replays an account's work. An honest account answers at once: gives the step-up,
// gets the signature, has the freeze undone; and is shown every person whom the ledger
// says was shown. What was only observed counts like the rest, since the
// question is what enforcing would have done. What another system told afterwards gives back what
// it cost, and makes room beyond the month (earned), as it would have. What happens before since is not counted.
func (w *work) under(watch policy.Watch, allowance meter.Allowance, earned int, since time.Time) (met friction) {
	m := meter.New()
	answered := make(map[policy.Why]int64)
	rules := policy.Rules{
		Allowances: map[roster.Role]meter.Allowance{w.role: allowance}, Earned: map[roster.Role]int{w.role: earned},
	}
	for _, d := range w.deeds {
		event := meter.Event{Kind: meter.Looked, At: d.time()}
		switch {
		case d.since > 0:
			opened := time.UnixMicro(d.since).UTC()
			event = meter.Event{Kind: meter.Refunded, At: d.time(), Person: d.person, Since: opened, Cost: m.Draft().Refundable(d.person, opened, d.time())}
			if event.Cost == 0 || !rules.Refunds(roster.Account{Role: w.role}, m.Draft(), d.person, event.Cost, d.time()) {
				continue
			}
		case d.cost > 0:
			event = meter.Event{Kind: meter.Shown, At: d.time(), Person: d.person, Cost: d.cost}
			allowance := allowance
			allowance.Long += rules.Earns(w.role, m.Draft(), policy.EarnedBy, d.time())
			if stops := d.pass(m, watch, allowance, answered); !event.At.Before(since) {
				met = met.plus(stops)
			}
		}
		m.Record(event)
	}
	return met
}

// pass answers the denials of a deed. One answer serves all people of the same passage.
func (d deed) pass(m *meter.Meter, watch policy.Watch, allowance meter.Allowance, answered map[policy.Why]int64) (met friction) {
	for {
		draft := m.Draft()
		stop, stopped := first(watch.Against(draft, d.cost, draft.Weigh(d.cost, allowance, 0, d.time()), 0, d.time()))
		again := answered[stop.Why] == d.at
		answered[stop.Why] = d.at
		switch {
		case !stopped:
			return met
		case stop.Why == policy.LongEmpty: // a person who is signed for is not weighed again
			m.Record(meter.Event{Kind: meter.Cosigned, At: d.time(), Person: d.person})
			if !again {
				met.cosigns++
			}
			return met
		case again:
			return met
		case stop.Why == policy.ShortEmpty:
			m.Record(meter.Event{Kind: meter.SteppedUp, At: d.time()})
			met.stepUps++
		default:
			m.Record(meter.Event{Kind: meter.Thawed, At: d.time()})
			met.freezes++
		}
	}
}

func first(stops iter.Seq[policy.Ruling]) (policy.Ruling, bool) {
	for stop := range stops {
		return stop, true
	}
	return policy.Ruling{}, false
}

// leak is how many people without a reason a thief takes in 28 days who alone uses an
// account, knows every rule, fails every step-up, and never opens the person who would be
// denied: each hour of each working day as many as pass.
func leak(watch policy.Watch, allowance meter.Allowance) (people int) {
	m := meter.New().Draft()
	monday := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for day := monday; day.Before(monday.Add(meter.Memory)); day = day.AddDate(0, 0, 1) {
		if day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
			continue
		}
		m.Record(meter.Event{Kind: meter.Looked, At: day.Add(8 * time.Hour)})
		for hour := 8; hour < 18; hour++ {
			at := day.Add(time.Duration(hour)*time.Hour + time.Minute)
			for ; people < enoughToLeak; people++ {
				if _, stopped := first(watch.Against(m, meter.Whole, m.Weigh(meter.Whole, allowance, 0, at), 0, at)); stopped {
					break
				}
				m.Record(meter.Event{Kind: meter.Shown, At: at, Person: register.PersonID{byte(people >> 8), byte(people), 1}, Cost: meter.Whole})
			}
		}
		m.Keep()
	}
	return people
}

// enoughToLeak bounds the thief where nothing else does.
const enoughToLeak = 10_000
