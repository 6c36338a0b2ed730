package meter

import (
	"slices"
	"time"

	"poterne/internal/register"
	"poterne/internal/roster"
)

// NIRWaits is how long a NIR that was asked for waits to be shown.
const NIRWaits = 2 * time.Minute

// nirWaiting is a NIR, or what else is shown of one person at a time, that was asked for.
type nirWaiting struct {
	vouched
	fields register.Fields
}

// waitingNIRs are those that were asked for and not shown yet.
func (s *state) waitingNIRs(now time.Time) []nirWaiting {
	return after(s.nirs, now, func(w nirWaiting) moment { return w.until })
}

// showNIR has a NIR that was shown wait no more: it was asked for once.
func (s *state) showNIR(e Event) {
	if len(s.nirs) == 0 {
		return
	}
	tag := tagOf(e.Person)
	s.nirs = slices.DeleteFunc(slices.Clone(s.waitingNIRs(e.At)), func(w nirWaiting) bool {
		return w.tag == tag && w.service == e.Service && w.fields&e.Fields != 0
	})
}

// NIRs is where an account stands with the NIRs that it asks for.
type NIRs struct{ draft *Draft }

// NIRsOf is where the account of a draft stands.
func NIRsOf(draft *Draft) NIRs { return NIRs{draft} }

// Waiting is what the account has confirmed that it is to be shown of this person, through a
// service, and was not shown since: their NIR, or what else is shown of one person at a time.
func (n NIRs) Waiting(person register.PersonID, service roster.ServiceID, now time.Time) (fields register.Fields) {
	tag := tagOf(person)
	for _, w := range n.draft.waitingNIRs(now) {
		if w.tag == tag && w.service == service {
			fields |= w.fields
		}
	}
	return fields
}

// MayAsk reports whether there is a fresh step-up that no NIR was asked for by.
func (n NIRs) MayAsk(now time.Time) bool {
	d := n.draft
	return d.SteppedUp(now) && d.stepUps[len(d.stepUps)-1] > d.nirAsked
}
