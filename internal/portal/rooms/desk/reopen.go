package desk

import (
	"net/http"
	"strconv"

	"poterne/internal/containment"
	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/portal"
	"poterne/internal/roster"
)

// reopening is how people come from an order in force to what was before, step by step.
type reopening struct {
	Kind     string // "steps", or "two" where it is lifted at once
	Step     ledger.State
	Steps    []stepState
	Lines    []tickState
	Missing  int // lines that this step waits for
	Waits    *proposed
	Dropped  *proposed             // the newest step, if nobody waits for it since somebody took it back or refused it
	Choice   []roster.Organisation // who may read first
	Asks     bool                  // of this step
	ByViewer bool                  // it waits for somebody else than the viewer
	MaySign  bool                  // the viewer is shown what to propose and to confirm
}

// stepState is one step, as a row of them shows it.
type stepState struct {
	What      ledger.State
	Done, Now bool
}

// tickState is one line of the checklist.
type tickState struct {
	What   ledger.State
	Needed bool // by this step
	Ticked bool
	containment.Line
	ByName string
}

// proposed is a step that waits for a second person, or who dropped it.
type proposed struct {
	containment.Line
	ByName, First string
}

// way says where a reopening stands.
func (b base) way(v visit, m measureState) (w reopening, err error) {
	lines, err := b.reopenings.LinesOf(v.Context(), m.ID)
	if err != nil {
		return w, err
	}
	ticks := lines
	if root := containment.Root(m.Order); root != m.ID {
		if ticks, err = b.reopenings.LinesOf(v.Context(), root); err != nil {
			return w, err
		}
	}
	w.MaySign = v.MaySign()
	step := containment.Steps(m.Order)[0]
	w.Kind, w.Step, w.Asks = "two", step.What, step.What == ledger.Trial
	ticked := containment.Ticked(ticks)
	for _, what := range containment.Checklist(m.Order) {
		w.Kind = "steps"
		line, done := ticked[what]
		t := tickState{What: what, Ticked: done, Line: line, ByName: v.labels.Account(line.By)}
		for _, need := range step.Needs {
			t.Needed = t.Needed || need == what
		}
		if t.Needed && !done {
			w.Missing++
		}
		w.Lines = append(w.Lines, t)
	}
	if w.Kind == "steps" {
		done := true
		for _, what := range []ledger.State{ledger.Trial, ledger.Reading, ledger.Lifting} {
			if what == ledger.Trial && m.Reach == order.Organisation {
				continue
			}
			done = done && what != step.What
			w.Steps = append(w.Steps, stepState{what, done, what == step.What})
		}
	}
	if waiting, one := containment.Waiting(lines, b.shell.Now()); one {
		w.Waits = &proposed{waiting, v.labels.Account(waiting.By), v.labels.Organisation(waiting.Spares)}
		w.ByViewer = waiting.By == v.Viewer.ID
	} else if dropped, one := containment.Dropped(lines); one {
		w.Dropped = &proposed{Line: dropped, ByName: v.labels.Account(dropped.By)}
	}
	if w.Asks {
		w.Choice, err = b.roster.Organisations(v.Context())
	}
	return w, err
}

// wayOf returns the order that the address names, and how it is ended.
func (h orders) wayOf(v visit) (measureState, liftPage, error) {
	m, err := h.inForce(v)
	if err != nil {
		return m, liftPage{}, err
	}
	shown, err := h.lifting(v, m)
	if err == nil && m.Itself() {
		err = &fault.Error{Kind: fault.Invalid, Public: "what the rules placed takes one person only"}
	}
	return m, shown, err
}

// proposeStep proposes the next step, which another person confirms.
func (h orders) proposeStep(v visit) error {
	m, shown, err := h.wayOf(v)
	if err != nil {
		return err
	}
	first := roster.OrganisationID(v.PostFormValue("first"))
	if _, known := v.labels.Organisations[first]; shown.Way.Asks != (first != "") || first != "" && !known {
		return &fault.Error{Kind: fault.Invalid, Public: "name the organisation that reads first"}
	}
	if shown.Typed = portal.Tidy(v.PostFormValue("because")); !h.said(v, &shown) {
		return nil
	}
	if confirmed, err := v.Confirm(shown.Return, "confirm.lift", "measure", m.Sentence); !confirmed {
		return err
	}
	err = h.containment.Propose(v.Context(), containment.Propose{ID: m.ID, What: shown.Way.Step, Spares: first, By: v.Viewer.ID, Because: shown.Typed})
	if err == nil {
		v.Back(shown.Return)
	}
	return err
}

// said reports whether a reason was typed that can be written; otherwise it has said what to
// mend.
func (h orders) said(v visit, shown *liftPage) bool {
	if shown.Wrong = portal.MendTyped(shown.Field, shown.Typed); len(shown.Wrong) == 0 {
		return true
	}
	h.pages.Show(v.Visit, http.StatusUnprocessableEntity, "lift.html", *shown)
	return false
}

// waitingStep is wayOf where a step waits for a second person, with the number that the form says it has.
func (h orders) waitingStep(v visit) (m measureState, shown liftPage, proposed ledger.Number, err error) {
	m, shown, err = h.wayOf(v)
	if err != nil {
		return m, shown, 0, err
	}
	number, err := strconv.ParseUint(v.PostFormValue("proposed"), 10, 63)
	if err != nil || shown.Way.Waits == nil {
		return m, shown, 0, &fault.Error{Kind: fault.Absent, Public: "nothing waits to be confirmed"}
	}
	return m, shown, ledger.Number(number), nil
}

// confirmStep takes the step that a colleague proposed.
func (h orders) confirmStep(v visit) error {
	m, shown, proposed, err := h.waitingStep(v)
	if err != nil {
		return err
	}
	if confirmed, err := v.Confirm(shown.Return, "confirm.lift", "measure", m.Sentence); !confirmed {
		return err
	}
	if err := h.containment.Confirm(v.Context(), containment.Confirm{ID: m.ID, Proposed: proposed, By: v.Viewer.ID}); err != nil {
		return err
	}
	said := map[ledger.State]string{ledger.Trial: "trial", ledger.Reading: "reduced", ledger.Lifting: "lifted"}[shown.Way.Step]
	v.Back(about(m.Order) + "?said=" + said)
	return nil
}

// dropStep takes back the step that the viewer proposed, or refuses a colleague's. It takes no
// confirmation, since it opens nothing.
func (h orders) dropStep(v visit) error {
	m, shown, proposed, err := h.waitingStep(v)
	if err != nil {
		return err
	}
	err = h.containment.Drop(v.Context(), containment.Drop{ID: m.ID, Proposed: proposed, By: v.Viewer.ID})
	if err == nil {
		v.Back(shown.Return)
	}
	return err
}

// tick ticks a line of the checklist, in the viewer's name.
func (h orders) tick(v visit) error {
	m, shown, err := h.wayOf(v)
	if err != nil {
		return err
	}
	line := v.PostFormValue("line")
	shown.Field = "tick-" + line
	if shown.Typed = portal.Tidy(v.PostFormValue("because")); !h.said(v, &shown) {
		return nil
	}
	err = h.containment.Tick(v.Context(), containment.Tick{ID: m.ID, What: ledger.State(line), By: v.Viewer.ID, Because: shown.Typed})
	if err == nil {
		v.Back(shown.Return)
	}
	return err
}
