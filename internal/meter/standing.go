package meter

import "time"

// What an account's state says without its people. A Draft is asked.

// Fresh is how long a step-up is fresh.
const Fresh = 15 * time.Minute

// SteppedUp reports whether a step-up is fresh.
func (s *state) SteppedUp(now time.Time) bool { return count(s.stepUps, now.Add(-Fresh)) > 0 }

// justSteppedUp reports whether nothing was charged since a fresh step-up.
func (s *state) justSteppedUp(observed Limits, now time.Time) bool {
	return s.SteppedUp(now) && len(counting(after(s.charges, s.stepUps[len(s.stepUps)-1].time().Add(-time.Microsecond), charge.when), HourLimit, observed)) == 0
}

// Raise is what is left of the last raise that another person gave, and when it ends or
// ended.
func (s *state) Raise(now time.Time) (left Cost, until time.Time) {
	return s.raise.holds(now), s.raise.until
}

// Raised is how many people other people allowed within Memory, used or not.
func (s *state) Raised(now time.Time) (sum Cost) {
	for _, c := range after(s.raises, now.Add(-Memory), charge.when) {
		sum += c.cost
	}
	return sum
}

// Tickets is how many people were shown for tickets that the asker typed.
func (s *state) Tickets(span time.Duration, observed Limits, now time.Time) int {
	return len(counting(after(s.tickets, now.Add(-span), charge.when), limitOf(span), observed))
}

// CanariesListed is how many canaries the account was shown in searches within Memory,
// of those that count for a limit, and whether a step-up followed the last.
func (s *state) CanariesListed(limit, observed Limits, now time.Time) (times int, proved bool) {
	canaries := counting(after(s.canaries, now.Add(-Memory), charge.when), limit, observed)
	times = len(canaries)
	proved = times > 0 && len(s.stepUps) > 0 && s.stepUps[len(s.stepUps)-1] > canaries[times-1].at
	return times, proved
}

// Undone is how many freezes were undone within a week.
func (s *state) Undone(now time.Time) int { return count(s.thaws, now.AddDate(0, 0, -7)) }

// EvidenceNow is the evidence of enumeration as it stands, of what counts for a freeze.
func (s *state) EvidenceNow(observed Limits, now time.Time) Evidence {
	return s.evidence(EnumerationLimit, observed, now)
}

// Days is how the CUSUM came to where it stands, today last.
func (s *state) Days(forgiven Cost, observed Limits, now time.Time) []Day {
	days := s.drifting(forgiven, observed, now)
	return days[:]
}

// Awakened reports whether the account was silent for the most of Memory, began
// again within three days, and was not stepped up since.
func (s *state) Awakened(now time.Time) bool {
	first, any := s.active.first(now)
	if !any {
		return true
	}
	return first > dayOf(now)-3 && count(s.stepUps, now.Add(-Memory)) == 0
}
