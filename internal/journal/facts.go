package journal

import (
	"fmt"

	"poterne/internal/ledger"
	"poterne/internal/policy"
	"poterne/internal/register"
)

// FactChange is whose facts a batch changed: whom it is about, and whom the facts that it
// replaced were about.
type FactChange struct {
	Number ledger.Number // of the batch's entry
	People map[register.PersonID]struct{}
}

// changesFacts reports whether an entry is that of a batch of facts, of people who were
// assigned, admitted or refused, of an archived file that was opened, or of rows that an audit ended. Facts change by no other way, so the ledger is their generation: what is read when the ledger has n entries
// holds until one at n or after it changes facts.
func changesFacts(entry *ledger.Entry) bool {
	switch entry.Kind {
	case ledger.Imported:
		return entry.State == ledger.Facts
	case ledger.Entrusted:
		return entry.State != ""
	case ledger.Reconciled:
		return entry.Target == "fact"
	default:
		return entry.Kind == ledger.ArchiveOpened
	}
}

// OnFacts calls fn, under a lock, whenever facts change on any node: with the number of
// the next entry and the newest changes, or none when it is not known whose facts
// changed. It MUST be called before Run.
func (j *Journal) OnFacts(fn func(next ledger.Number, changes []FactChange)) { j.onFacts = fn }

// changeFacts takes in that other nodes entered so many batches of facts from a number on.
// The caller holds mu.
func (j *Journal) changeFacts(head Head, from ledger.Number, batches int) error {
	changes, err := head.FactsChanged(from)
	if err != nil {
		return fmt.Errorf("reading whose facts changed: %w", err)
	}
	if len(changes) != batches {
		j.forgetFacts(head.Next())
		return nil
	}
	j.state.changes.add(changes)
	j.onFacts(head.Next(), changes)
	return nil
}

// forgetFacts takes in that any fact may have changed. The caller holds mu.
func (j *Journal) forgetFacts(next ledger.Number) {
	j.state.changes = factChanges{from: next}
	j.onFacts(next, nil)
}

// factChanges is the newest changes of facts.
type factChanges struct {
	from    ledger.Number // those before it are not known
	changes []FactChange
}

// changesKnown is how many changes a node keeps: what is read is decided within moments.
const changesKnown = 64

func (c *factChanges) add(changes []FactChange) {
	c.changes = append(c.changes, changes...)
	if over := len(c.changes) - changesKnown; over > 0 {
		c.from = c.changes[over-1].Number + 1
		c.changes = append([]FactChange(nil), c.changes[over:]...)
	}
}

// touch reports whether the facts about any of these people may have changed since the
// ledger had so many entries.
func (c *factChanges) touch(since ledger.Number, people []policy.Opening) bool {
	return since < c.from || touch(c.changes, since, people)
}

func touch(changes []FactChange, since ledger.Number, people []policy.Opening) bool {
	for i := len(changes) - 1; i >= 0 && changes[i].Number >= since; i-- {
		for _, opening := range people {
			if _, changed := changes[i].People[opening.Person]; changed {
				return true
			}
		}
	}
	return false
}
