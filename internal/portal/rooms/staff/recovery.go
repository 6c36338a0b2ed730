package staff

import (
	"slices"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/fault"
	"poterne/internal/portal"
)

const recoveryPath = "/recovery"

// recovered reports whether somebody asks for the viewer's account to be bound anew: who
// reads it has not lost their way in.
func (h *Handlers) recovered(v *portal.Visit, now time.Time) (bool, error) {
	list, err := h.deps.Roster.Proposals(v.Context(), v.Viewer.Organisation.ID)
	return slices.ContainsFunc(list, func(p accounts.Proposal) bool { return p.Recovers == v.Viewer.ID && p.Open(now) }), err
}

// stopRecovery stops the recovery of the viewer's account. It only stops, and needs no
// step-up.
func (h *Handlers) stopRecovery(v *portal.Visit) error {
	if err := h.deps.Recovery.StopOwn(v.Context(), v.Viewer.ID); err != nil && !fault.Is(err, fault.Absent) {
		return err
	}
	v.Back("/")
	return nil
}
