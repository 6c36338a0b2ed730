package meter

import (
	"time"

	"poterne/internal/register"
)

// sums is how many different people an account was shown, in some ways. People who were shown
// with a reason and those who were shown without are counted apart.
type sums struct {
	reasons int // for a reason, in whatever way
	day     int // opened for any reason, within a day
	own     int // opened for a standing reason, within an hour, since the last step-up
	first   int // for a reason, in a row, and new to the account, within a day

	strangers int // without a reason, in whatever way
	found     int // in the rows of searches only, without a reason
}

func (n *sums) add(o sums, times int) {
	n.reasons += times * o.reasons
	n.day += times * o.day
	n.own += times * o.own
	n.first += times * o.first
	n.strangers += times * o.strangers
	n.found += times * o.found
}

// windows are what people are counted by: later than which seconds since 1970 they were shown,
// and which limits are observed.
type windows struct {
	strange             bool // those without a reason
	observed            Limits
	memory, day, lately int64
}

func (p people) sums(by windows) sums {
	if by.strange {
		return p.strangers(by)
	}
	return p.explained(by)
}

// explained counts those with a reason.
func (p people) explained(by windows) (n sums) {
	counts := uint32(reasoned | uncapped)
	if by.observed.Has(CeilingLimit) {
		counts = reasoned
	}
	var day, own, first uint64 // of whom each counted last
	reasons, last := 0, uint64(0)
	past, today := by.memory, by.day
	for i := range p { // thousands, at a decision
		s := &p[i]
		if s.after(past) && s.what&counts == reasoned && s.tag != last {
			reasons, last = reasons+1, s.tag
		}
		if !s.after(today) { // most
			continue
		}
		if s.what&forCause != 0 && s.tag != day {
			n.day, day = n.day+1, s.tag
		}
		if s.what&asOwn != 0 && s.tag != own && s.after(by.lately) {
			n.own, own = n.own+1, s.tag
		}
		if s.what&firstRow != 0 && s.tag != first {
			n.first, first = n.first+1, s.tag
		}
	}
	n.reasons = reasons
	return n
}

// strangers counts those without a reason.
func (p people) strangers(by windows) (n sums) {
	for i := 0; i < len(p); i++ { // likewise
		if p[i].what&reasoned != 0 {
			continue
		}
		begin, end := i, i+1
		for begin > 0 && p[begin-1].tag == p[i].tag {
			begin--
		}
		for end < len(p) && p[end].tag == p[i].tag {
			end++
		}
		one := p[begin:end]
		if one.strange(by.observed, by.memory) {
			n.strangers++
		}
		if one.found(by.observed, by.memory) {
			n.found++
		}
		i = end - 1
	}
	return n
}

// counted is what a draft counted last, and goes on counting for what is recorded: each row of a
// list of a thousand would count all that the account was shown.
type counted struct {
	by   windows
	sums sums
}

// count returns the sums over what is written and what is drafted.
func (d *Draft) count(by windows) sums {
	c := &d.explained
	if by.strange {
		c = &d.strange
	}
	if c.by == by {
		return c.sums
	}
	*c = counted{by, d.meter.seen.sums(by)}
	for i, s := range d.seen {
		if i == 0 || d.seen[i-1].tag != s.tag {
			c.sums.add(d.meter.seen.of(s.tag).sums(by), -1)
			c.sums.add(d.of(s.tag).sums(by), 1)
		}
	}
	return c.sums
}

// of returns the sightings of one person, written and drafted.
func (d *Draft) of(tag uint64) people {
	written, drafted := d.meter.seen.of(tag), d.seen.of(tag)
	switch {
	case len(drafted) == 0:
		return written
	case len(written) == 0:
		return drafted
	default:
		return append(written[:len(written):len(written)], drafted...)
	}
}

// goOn takes what one person counts for out of the sums, or into them.
func (d *Draft) goOn(tag uint64, times int) {
	for _, c := range []*counted{&d.explained, &d.strange} {
		if c.by != (windows{}) {
			c.sums.add(d.of(tag).sums(c.by), times)
		}
	}
}

// reasons are the windows of those with a reason.
func (d *Draft) reasons(observed Limits, now time.Time) windows {
	lately, _ := d.lately(now)
	return windows{observed: observed & CeilingLimit, memory: now.Add(-Memory).Unix(), day: now.Add(-24 * time.Hour).Unix(), lately: lately.Unix()}
}

// today are the sums of those with a reason, but for one person: of who was shown within a day only,
// for whom no observed limit makes a difference.
func (d *Draft) today(but register.PersonID, now time.Time) sums {
	by := d.reasons(d.explained.by.observed, now)
	n := d.count(by)
	n.add(d.of(tagOf(but)).sums(by), -1)
	return n
}

// lately is since when openings count for the pace: an hour ago, or the last step-up. The flag
// tells whether there was one within half a day.
func (s *state) lately(now time.Time) (since time.Time, steppedUp bool) {
	since = now.Add(-Hour)
	if steppedUp = s.steppedUpToday(now); steppedUp {
		since = later(since, s.stepUps[len(s.stepUps)-1].time())
	}
	return since, steppedUp
}

// Own is how many different people the account was shown within an hour for
// standing reasons, less four for each time it wrote something; since the last
// step-up, and but for one person. The flag tells whether there was a step-up within
// half a day.
func (d *Draft) Own(but register.PersonID, now time.Time) (people int, steppedUp bool) {
	since, steppedUp := d.lately(now)
	return max(0, d.today(but, now).own-perWrite*count(d.writes, since)), steppedUp
}

// perWrite is how many of its own people an account may open for each change it makes.
const perWrite = 4

// Explained is how many different people the account was shown within a day for
// any reason, but for one person. The flag is that of Own.
func (d *Draft) Explained(but register.PersonID, now time.Time) (people int, steppedUp bool) {
	return d.today(but, now).day, d.steppedUpToday(now)
}

// FirstInRows is how many different people the account was shown for a reason, within a day, in the rows
// of lists and searches, whom it had not been shown within Memory before. The flag is that of Own.
func FirstInRows(d *Draft, now time.Time) (people int, steppedUp bool) {
	return d.today(register.PersonID{}, now).first, d.steppedUpToday(now)
}

// Reasons is how many different people the account was shown within Memory for a reason, in
// whatever way, of those that count while some limits are observed.
func (d *Draft) Reasons(observed Limits, now time.Time) int {
	return d.count(d.reasons(observed, now)).reasons
}

// Reasoned reports whether a person is one of Reasons.
func (d *Draft) Reasoned(person register.PersonID, observed Limits, now time.Time) bool {
	return d.of(tagOf(person)).sums(d.reasons(observed, now)).reasons > 0
}

// Strangers is how many different people the account was shown within Memory without a
// reason, in whatever way: opened, in rows, signed for or raised; and how many of them it was
// shown in the rows of searches only. Of those that count while some limits are observed.
func (d *Draft) Strangers(observed Limits, now time.Time) (all, found int) {
	n := d.count(windows{strange: true, observed: observed, memory: now.Add(-Memory).Unix()})
	return n.strangers, n.found
}
