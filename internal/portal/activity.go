package portal

import (
	"iter"

	"poterne/internal/ledger"
	"poterne/internal/policy"
	"poterne/internal/reason"
)

// Activity is what one passage did to some of its people for one reason, or one act.
type Activity struct {
	Entry  ledger.Entry // the last of those that say it
	People int
}

// Gather turns the entries of a passage into activity, in order.
func Gather(passage []ledger.Entry) []Activity {
	type ground struct {
		receipt  ledger.Number
		kind     ledger.Kind
		verdict  policy.Verdict
		why      policy.Why
		reason   reason.FactKind
		observed bool
	}
	var found []Activity
	place := make(map[ground]int)
	for _, entry := range passage {
		g := ground{entry.Receipt, entry.Kind, entry.Verdict, entry.Why, entry.Reason.Kind, entry.Observed}
		i, known := place[g]
		if !known {
			i = len(found)
			place[g] = i
			found = append(found, Activity{})
		}
		if found[i].People++; entry.Number >= found[i].Entry.Number {
			found[i].Entry = entry
		}
	}
	return found
}

// Passages puts the entries of each passage together. A turn at the ledger is
// written whole, so a passage is whole when the next begins or nothing more is
// written. The list is used again for the next passage.
func Passages(entries iter.Seq2[ledger.Entry, error], next func() ledger.Number) iter.Seq2[[]ledger.Entry, error] {
	return func(yield func([]ledger.Entry, error) bool) {
		var passage []ledger.Entry
		for entry, err := range entries {
			if err != nil {
				yield(nil, err)
				return
			}
			if len(passage) > 0 && passage[0].Receipt != entry.Receipt {
				if !yield(passage, nil) {
					return
				}
				passage = passage[:0]
			}
			passage = append(passage, entry)
			if entry.Number+1 >= next() {
				if !yield(passage, nil) {
					return
				}
				passage = passage[:0]
			}
		}
	}
}

// Notable reports whether the desk shows a line for it. Consultations that a
// fact explains are only counted, and readings stay with who read.
func (a Activity) Notable() bool {
	switch a.Entry.Kind {
	case ledger.Consulted, ledger.Changed, ledger.Attempted:
		explained := a.Entry.Why == policy.Granted || a.Entry.Why == policy.Explained || a.Entry.Why == policy.AlreadySeen
		return !explained || !a.Entry.Verdict.Shows()
	case ledger.SignIn:
		return a.Entry.State != ledger.Granted
	case ledger.Answered:
		return a.Entry.State == ledger.Unexplained
	case ledger.Tallied:
		return a.Entry.Rejected > 0
	case ledger.Opened, ledger.Read, ledger.Assigned, ledger.Matched, ledger.Questioned, ledger.CodeTyped, ledger.Contacted, ledger.Represented, ledger.ArchiveMoved: // who assigned whom is in the import's line; people come and go unwatched
		return false
	default:
		return true
	}
}

// State is the shape and word of what happened.
func (a Activity) State() string {
	switch a.Entry.Kind {
	case ledger.Consulted, ledger.Changed, ledger.Attempted:
		switch {
		case a.Entry.Observed:
			return "observed-" + wouldBe(a.Entry.Why).String()
		case a.Entry.Why == policy.Frozen:
			return "frozen"
		}
		return a.Entry.Verdict.String()
	case ledger.SteppedUp:
		return "stepped-up"
	case ledger.Placed:
		return string(a.Entry.Effect)
	case ledger.Lifted:
		return "lifted"
	default:
		return "noted"
	}
}

// wouldBe is what a ground that is only observed would have led to.
func wouldBe(why policy.Why) policy.Verdict {
	switch why {
	case policy.ShortEmpty, policy.PaceReached, policy.CanaryListed:
		return policy.AskStepUp
	case policy.LongEmpty, policy.CeilingReached:
		return policy.AskCosign
	case policy.Doubted:
		return policy.AskIdentity
	case policy.Enumerating, policy.Drifting, policy.CanaryOpened:
		return policy.Freeze
	default:
		return policy.Withheld
	}
}
