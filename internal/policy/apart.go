package policy

import (
	"poterne/internal/meter"
	"poterne/internal/reason"
)

// A closed file opens to somebody who is there for it: a live ticket of another system, or
// another person's signature for this one person. That it is in one's own caseload is no
// reason any more. An archived file opens to an account for which two people opened the
// archive, until a time; it is in no list, no search and no export, not even then.

// apart denies a person whose file is closed or archived, and whom nothing opens; false for
// anybody else.
func (w *weighing) apart(opening Opening, found reason.Reason) (Ruling, bool) {
	state, opens := w.explainer.Apart(opening.Person), w.ask.Signs.Opens()
	switch {
	case state == reason.None, found.Kind == reason.Told:
		return Ruling{}, false
	case w.exports():
		return Ruling{Verdict: Withheld, Why: NoPermit}, true
	case state == reason.Closed && (found.Explained() || opens && w.meter.Vouched(opening.Person, w.ask.Service, w.now)):
		return Ruling{}, false
	case state == reason.Archived && found.Explained() && opens:
		return Ruling{}, false
	}
	told, untold := FileClosed, ClosedUntold
	if state == reason.Archived {
		told, untold = FileArchived, ArchivedUntold
	}
	_, seen := w.meter.Seen(opening.Person, w.now)
	switch known := seen || w.explainer.Knows(opening.Person) || found.Explained(); {
	case known && opens && state == reason.Closed:
		return w.signable(Ruling{Cost: meter.Whole}.as(AskCosign, told)), true
	case known:
		return Ruling{Verdict: Withheld, Why: told}, true
	case !opens: // the row is cut out, and the asker named nobody
		return Ruling{Verdict: Withheld, Why: untold}, true
	}
	// Whoever does not know the person MUST get what a reference to nobody gets, with its
	// consequences.
	denial := w.nonexistent()
	if denial.Why == NobodyKnown {
		denial.Why = untold
	}
	return denial, true
}
