package desk

import (
	"net/http"

	"poterne/internal/containment"
	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/order"
	"poterne/internal/portal"
	"poterne/internal/roster"
)

// liftPage asks the security desk to confirm that a measure ends. Undoing a freeze
// takes a fresh step-up, and undoing one that the rules placed takes another person.
type liftPage struct {
	portal.Page
	Measure measureState
	Alone   bool      // the viewer's word is enough
	Way     reopening // by two persons; of what the rules placed there is none
	Own     bool      // the rules froze the viewer's own account
	StepUp  bool      // the viewer has to prove to be there first
	Undone  int       // freezes of the account undone within a week
	Return  string    // where a step-up comes back to
	Field   string    // what the reason's field is called on the page
	Typed   string
	Wrong   portal.Mends
}

// lifting is how the viewer may end a measure.
func (b base) lifting(v visit, m measureState) (liftPage, error) {
	shown := liftPage{Page: v.Page(path, "lift.title"), Measure: m, StepUp: m.Effect == order.Frozen && !v.MaySign(), Return: path + "/orders/" + string(m.ID), Field: "because"}
	if !m.Itself() {
		var err error
		shown.Way, err = b.way(v, m)
		if shown.Alone = containment.Alone(m.Order, v.Viewer.ID, b.gate.Orders(), b.shell.Now()); !shown.Alone {
			shown.Page = v.Page(path, "reopen.title-"+string(shown.Way.Kind), "target", v.labels.Target(m.Order))
		}
		return shown, err
	}
	shown.Alone = true
	account, _, err := b.roster.Account(v.Context(), roster.AccountID(m.Target))
	shown.Own = account.ID == v.Viewer.ID
	shown.Undone = b.gate.Standing(gate.AskerOf(account), "").Undone
	return shown, err
}

func (h orders) proposeLift(v visit) error {
	m, err := h.inForce(v)
	if err != nil {
		return err
	}
	shown, err := h.lifting(v, m)
	if err != nil {
		return err
	}
	h.pages.Show(v.Visit, http.StatusOK, "lift.html", shown)
	return nil
}

// inForce returns the measure that the address names.
func (h orders) inForce(v visit) (measureState, error) {
	for _, m := range h.measures(v) {
		if string(m.ID) == v.PathValue("id") {
			return m, nil
		}
	}
	return measureState{}, &fault.Error{Kind: fault.Absent, Public: "no such order is in force"}
}

func (h orders) lift(v visit) error {
	m, err := h.inForce(v)
	if err != nil {
		return err
	}
	shown, err := h.lifting(v, m)
	if err != nil {
		return err
	}
	if !shown.Alone {
		return &fault.Error{Kind: fault.Refused, Public: "a colleague placed this order: two people lift it"}
	}
	shown.Typed = portal.Tidy(v.PostFormValue("because"))
	if status := shown.mend(); status != http.StatusOK {
		h.pages.Show(v.Visit, status, "lift.html", shown)
		return nil
	}
	if m.Effect == order.Frozen {
		if confirmed, err := v.Confirm(shown.Return, "confirm.lift", "measure", m.Sentence); !confirmed {
			return err
		}
	}
	if err := h.end(v, m, shown.Typed); err != nil {
		return err
	}
	v.Back(about(m.Order) + "?said=lifted")
	return nil
}

// mend notes what is missing or too long, and what the viewer may not do, or not
// yet.
func (p *liftPage) mend() (status int) {
	if p.Own || p.StepUp {
		return http.StatusForbidden
	}
	if p.Wrong = append(p.Wrong, portal.MendTyped(p.Field, p.Typed)...); len(p.Wrong) > 0 {
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}

// end ends a measure.
func (h orders) end(v visit, m measureState, because string) error {
	if !m.Itself() {
		return h.containment.Lift(v.Context(), containment.Lift{ID: m.ID, By: v.Viewer.ID, Because: because})
	}
	return h.containment.Undo(v.Context(), containment.Undo{ID: m.ID, By: v.Viewer.ID, Because: because})
}
