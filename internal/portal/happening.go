package portal

import (
	"fmt"
	"iter"
	"strings"

	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/roster"
)

// happening is what one passage did to some of its people for one reason, or one
// act: a line of the flow.
type happening struct {
	Entry  ledger.Entry // the last of those that say it
	People int
}

// gather turns the entries of a passage into what happened, in order.
func gather(passage []ledger.Entry) []happening {
	type ground struct {
		receipt ledger.Number
		kind    ledger.Kind
		verdict policy.Verdict
		why     policy.Why
		reason  reason.Kind
		noted   bool // only
	}
	var found []happening
	place := make(map[ground]int)
	for _, entry := range passage {
		g := ground{entry.Receipt, entry.Kind, entry.Verdict, entry.Why, entry.Reason.Kind, entry.Observed}
		i, known := place[g]
		if !known {
			i = len(found)
			place[g] = i
			found = append(found, happening{})
		}
		if found[i].People++; entry.Number >= found[i].Entry.Number {
			found[i].Entry = entry
		}
	}
	return found
}

// passages puts the entries of each passage together. A turn at the ledger is
// written whole, so a passage is whole when the next begins or nothing more is
// written.
func passages(entries iter.Seq2[ledger.Entry, error], next func() ledger.Number) iter.Seq2[[]ledger.Entry, error] {
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
				passage = nil
			}
			passage = append(passage, entry)
			if entry.Number+1 >= next() {
				if !yield(passage, nil) {
					return
				}
				passage = nil
			}
		}
	}
}

// notable reports whether the desk shows a line for it. Consultations that a
// fact explains are only counted, and readings stay with who read.
func (h happening) notable() bool {
	switch h.Entry.Kind {
	case ledger.Consulted, ledger.Changed, ledger.Attempted:
		explained := h.Entry.Why == policy.Granted || h.Entry.Why == policy.Explained || h.Entry.Why == policy.AlreadySeen
		return !explained || !h.Entry.Verdict.Shows()
	case ledger.Opened, ledger.Read:
		return false
	default:
		return true
	}
}

// State is the shape and word of what happened.
func (h happening) State() string {
	switch h.Entry.Kind {
	case ledger.Consulted, ledger.Changed, ledger.Attempted:
		switch {
		case h.Entry.Observed:
			return "observed-" + wouldBe(h.Entry.Why).String()
		case h.Entry.Why == policy.Frozen:
			return "frozen"
		}
		return h.Entry.Verdict.String()
	case ledger.Touched:
		return "touched"
	case ledger.Placed:
		return string(h.Entry.Effect)
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
		return policy.AskTouch
	case policy.LongEmpty:
		return policy.AskCosign
	case policy.Doubted:
		return policy.AskIdentity
	case policy.Enumerating, policy.Drifting, policy.CanaryOpened:
		return policy.Freeze
	default:
		return policy.Withheld
	}
}

// line is a happening as the desk shows it.
type line struct {
	happening
	Account      roster.AccountID // whom it is about; empty for no account
	Who          string
	Organisation string
	Service      string
	Sentence     string
}

// namer knows what people call accounts, organisations and services.
type namer struct {
	speaker       speaker
	services      func(roster.ServiceID) string
	accounts      map[roster.AccountID]roster.Account
	organisations map[roster.OrganisationID]roster.Organisation
}

func (n namer) account(id roster.AccountID) string {
	if a, ok := n.accounts[id]; ok && a.Name != "" {
		return a.Name
	}
	return string(id)
}

func (n namer) organisation(id roster.OrganisationID) string {
	if o, ok := n.organisations[id]; ok && o.Name != "" {
		return o.Name
	}
	return string(id)
}

// line says a happening to somebody who watches. What the rules did is about the
// account they did it to.
func (n namer) line(h happening) line {
	who, organisation := h.Entry.Account, h.Entry.Organisation
	if who == journal.Itself {
		who = ""
		if h.Entry.Reach == order.Account {
			who = roster.AccountID(h.Entry.Target)
		}
	}
	if organisation == "" {
		organisation = n.accounts[who].Organisation
	}
	return line{
		happening: h, Account: who, Who: n.account(who), Organisation: n.organisation(organisation),
		Service: n.services(h.Entry.Service), Sentence: n.sentence(h),
	}
}

// sentence says what happened, of somebody else.
func (n namer) sentence(h happening) string {
	e := h.Entry
	switch e.Kind {
	case ledger.Consulted, ledger.Changed, ledger.Attempted:
		return n.ground(e, h.People)
	case ledger.Placed, ledger.Lifted:
		if e.Account == journal.Itself {
			return n.speaker.must("act.itself", "measure", n.measure(e.Order()))
		}
		return n.speaker.must("act."+e.Kind.String(), "measure", n.measure(e.Order()), "because", orDash(e.Note))
	case ledger.Read, ledger.Imported, ledger.Session:
		return n.speaker.must("act."+e.Kind.String(), "detail", n.topic(e.State))
	case ledger.Retained, ledger.Held, ledger.Released, ledger.Dropped, ledger.Named:
		return n.speaker.must("act."+e.Kind.String(), "detail", orDash(n.kept(e)))
	case ledger.Touched, ledger.Raised, ledger.Cosigned, ledger.Mission:
		return n.speaker.must("act."+e.Kind.String(), "subject", n.account(e.Subject), "people", n.speaker.people(e.Cost), "because", orDash(e.Note))
	default:
		return n.speaker.must("act.opened")
	}
}

// of says how much was counted of a limit, which may have been narrowed since.
func (n namer) of(counted, limit meter.Cost) string {
	key := "of.within"
	if counted > limit {
		key = "of.beyond"
	}
	return n.speaker.must(key, "counted", n.speaker.cost(counted), "limit", n.speaker.cost(limit))
}

func orDash(text string) string {
	if text == "" {
		return "—"
	}
	return text
}

// ground says why people were shown or not.
func (n namer) ground(e ledger.Entry, people int) string {
	switch {
	case e.Person.IsZero() && e.Why == policy.Granted:
		return n.speaker.must("ground.nobody")
	case e.Guessed() && e.Why != policy.NobodyKnown && !e.Why.Freezes(): // what the account was told is the verdict
		return n.speaker.must("ground.nobody-known", "people", n.speaker.several("n.people", people))
	}
	known, err := n.speaker.say("ground."+e.Why.String(),
		"people", n.speaker.several("n.people", people),
		"counted", n.speaker.cost(e.Counted), "limit", n.speaker.cost(e.Limit), "of", n.of(e.Counted, e.Limit),
		"reason", n.speaker.must("reason."+e.Reason.Kind.String()))
	if err != nil { // a ground written by a newer program
		return n.speaker.language.Sentence(e.Ruling())
	}
	return known
}

// measure says what an order that is in force does.
func (n namer) measure(o order.Order) string {
	return n.speaker.must("measure."+string(o.Effect)+"-"+string(o.Reach), "target", n.target(o))
}

// target is what people call whom or what an order reaches.
func (n namer) target(o order.Order) string {
	switch o.Reach {
	case order.Account:
		return n.account(roster.AccountID(o.Target))
	case order.Organisation:
		return n.organisation(roster.OrganisationID(o.Target))
	case order.Service:
		return n.services(roster.ServiceID(o.Target))
	default:
		return o.Target
	}
}

// topic says what was read or taken in, or how a session ended. A word that a newer
// program wrote is shown as it is.
func (n namer) topic(state ledger.State) string {
	said, err := n.speaker.say("topic." + string(state))
	if err != nil {
		return string(state)
	}
	return said
}

// kept says what was done about how long the ledger is kept, or whom it names.
func (n namer) kept(e ledger.Entry) string {
	var parts []string
	if e.Count > 0 {
		parts = append(parts, n.speaker.number(int(e.Count)))
	}
	if e.First != 0 {
		parts = append(parts, e.First.String())
	}
	if e.Last != 0 {
		parts = append(parts, e.Last.String())
	}
	if e.Approver != "" {
		parts = append(parts, n.account(e.Approver))
	}
	if e.Note != "" {
		parts = append(parts, e.Note)
	}
	return strings.Join(parts, " · ")
}

// receipt writes an entry's number as it is given to people.
func receipt(n ledger.Number) string { return fmt.Sprintf("%d", n) }
