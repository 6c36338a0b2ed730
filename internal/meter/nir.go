package meter

import (
	"slices"
	"time"

	"poterne/internal/register"
	"poterne/internal/roster"
)

// NIRWaits is how long a NIR that was asked for waits to be shown.
const NIRWaits = 2 * time.Minute

// waitingNIRs are those that were asked for and not shown yet.
func (s *state) waitingNIRs(now time.Time) []vouched {
	return after(s.nirs, now, func(v vouched) moment { return v.until })
}

// showNIR has a NIR that was shown wait no more: it was asked for once.
func (s *state) showNIR(e Event) {
	if !e.Fields.Has(register.NIR) || len(s.nirs) == 0 {
		return
	}
	tag := tagOf(e.Person)
	s.nirs = slices.DeleteFunc(slices.Clone(s.waitingNIRs(e.At)), func(v vouched) bool { return v.tag == tag && v.service == e.Service })
}

// NIRWaiting reports whether the account has confirmed that this person's NIR is to be shown,
// through a service, and was not shown it since.
func (s *state) NIRWaiting(person register.PersonID, service roster.ServiceID, now time.Time) bool {
	tag := tagOf(person)
	return slices.ContainsFunc(s.waitingNIRs(now), func(v vouched) bool { return v.tag == tag && v.service == service })
}

// MayAskNIR reports whether there is a fresh step-up that no NIR was asked for by.
func (s *state) MayAskNIR(now time.Time) bool {
	return s.SteppedUp(now) && s.stepUps[len(s.stepUps)-1] > s.nirAsked
}
