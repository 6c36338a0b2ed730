package campaign

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"poterne/internal/containment"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/roster"
)

// together is how close two freezes must be to be of one campaign.
const together = time.Hour

// target is whom an order narrows.
type target struct {
	reach order.Reach
	name  string
}

// theft is an account held to be stolen, and its neighbours.
type theft struct {
	Theft
	order   ledger.Number // that confirmed it
	until   time.Time
	bonds   []Bond
	targets map[target]Shared // what each shares with it
}

// freeze is one that the rules placed.
type freeze struct {
	account roster.AccountID
	at      time.Time
	order   ledger.Number
}

// placed learns of an order: a theft that a person or another freeze confirms, or
// neighbours that are narrowed already.
func (s *Sums) placed(e ledger.Entry) {
	itself, account := e.Account == journal.Itself, roster.AccountID(e.Target)
	switch {
	case itself && e.Effect == order.Narrowed:
		s.isNarrowed(target{e.Reach, e.Target}, e.Time)
	case e.Reach != order.Account:
	case !itself && e.Effect == order.Suspended:
		s.confirm(account, e.Time, e.Number, Suspended)
	case itself && e.Effect == order.Frozen:
		s.freeze(freeze{account, e.Time, e.Number})
	}
}

// lifted forgets what an order confirmed: whoever lifted it knew better.
func (s *Sums) lifted(id ledger.Number) {
	s.frozen = slices.DeleteFunc(s.frozen, func(f freeze) bool { return f.order == id })
	s.thefts = slices.DeleteFunc(s.thefts, func(t theft) bool { return t.order == id })
}

// freeze confirms two thefts when an account that shares something with this one
// was frozen within the hour.
func (s *Sums) freeze(last freeze) {
	s.frozen = slices.DeleteFunc(s.frozen, func(f freeze) bool {
		return f.account == last.account || last.at.Sub(f.at) > together
	})
	alone := true
	for _, f := range s.frozen {
		if !s.share(f.account, last.account) {
			continue
		}
		alone = false
		if !slices.ContainsFunc(s.thefts, func(t theft) bool { return t.order == f.order }) {
			s.confirm(f.account, last.at, f.order, Together)
		}
	}
	if !alone {
		s.confirm(last.account, last.at, last.order, Together)
	}
	s.frozen = append(s.frozen, last)
}

// share reports whether two accounts share something that tells.
func (s *Sums) share(a, b roster.AccountID) bool {
	others := s.bondsOf(b)
	return slices.ContainsFunc(s.bondsOf(a), func(bond Bond) bool { return slices.Contains(others, bond) })
}

// bondsOf lists what an account shared lately that tells, whether it read anything
// or not.
func (s *Sums) bondsOf(id roster.AccountID) (bonds []Bond) {
	if a := s.accounts[id]; a != nil {
		for bond := range a.bonds {
			if s.tells(bond) {
				bonds = append(bonds, bond)
			}
		}
	}
	if organisation := s.rules.Account(id).Organisation; organisation != "" {
		bonds = append(bonds, Bond{Organisation, string(organisation)})
	}
	if s.rules.Lineage != nil {
		if proposer := s.rules.Lineage(id); proposer != "" {
			bonds = append(bonds, Bond{Proposer, string(proposer)})
		}
	}
	return append(bonds, Bond{Proposer, string(id)}) // with those it proposed itself
}

// confirm holds an account to be stolen.
func (s *Sums) confirm(account roster.AccountID, at time.Time, id ledger.Number, proof Proof) {
	t := theft{
		Theft: Theft{account, at, proof}, order: id, targets: make(map[target]Shared),
		until: at.Add(s.rules.Narrowed).Truncate(time.Hour).Add(time.Hour), // many thefts of one hour narrow once
	}
	for _, bond := range s.bondsOf(account) {
		if bond.Shared == Rhythm || slices.Contains(t.bonds, bond) {
			continue
		}
		t.bonds = append(t.bonds, bond)
		if bond.Shared == Organisation {
			t.targets[target{order.Organisation, bond.Name}] = Organisation
		}
	}
	for _, bond := range t.bonds {
		if p := s.pools[bond]; p != nil {
			for member := range p.members {
				s.reach(&t, member, bond)
			}
		}
	}
	s.thefts, s.fresh = append(s.thefts, t), true
}

// reach makes an account a neighbour of a theft.
func (s *Sums) reach(t *theft, account roster.AccountID, by Bond) {
	who := target{order.Account, string(account)}
	if _, known := t.targets[who]; !known && account != t.Account && by.Shared != Organisation {
		t.targets[who] = by.Shared
		s.fresh = true
	}
}

// joined makes an account that comes to share something with a theft its neighbour.
func (s *Sums) joined(account roster.AccountID, bond Bond, at time.Time) {
	for i := range s.thefts {
		if t := &s.thefts[i]; at.Before(t.until) && slices.Contains(t.bonds, bond) {
			s.reach(t, account, bond)
		}
	}
}

// isNarrowed learns that an order narrows somebody: for as long as the thefts that
// are known ask for. Should a person lift it, it is not placed again for them.
func (s *Sums) isNarrowed(who target, at time.Time) {
	until := at.Add(s.rules.Narrowed)
	for _, t := range s.thefts {
		if _, reached := t.targets[who]; reached && t.until.After(until) {
			until = t.until
		}
	}
	s.covered[who] = until
}

// settled learns that an order was placed, or did not have to be.
func (s *Sums) settled(o order.Order) { s.covered[target{o.Reach, o.Target}] = o.Ends }

// Due lists the orders that the thefts known so far ask for and that nobody has
// placed yet: organisations first, and accounts whose organisation is not narrowed as
// a whole.
func (s *Sums) Due(now time.Time) (due []containment.Place) {
	s.fresh = false
	narrowed := maps.Clone(s.covered)
	for _, reach := range []order.Reach{order.Organisation, order.Account} {
		wanted := make(map[target]containment.Place)
		for _, t := range s.thefts {
			for who, shared := range t.targets {
				if who.reach != reach || !now.Before(t.until) || !t.until.After(narrowed[who]) || !t.until.After(narrowed[s.whole(who)]) {
					continue
				}
				narrowed[who] = t.until
				wanted[who] = containment.Place{
					Order: order.Order{
						Effect: order.Narrowed, Reach: who.reach, Target: who.name, Ends: t.until, By: journal.Itself, Cause: uint64(t.order),
					},
					Shares: ledger.State(shared), Once: true,
				}
			}
		}
		for _, who := range slices.SortedFunc(maps.Keys(wanted), func(a, b target) int { return cmp.Compare(a.name, b.name) }) {
			due = append(due, wanted[who])
		}
	}
	return due
}

// whole is the organisation of an account; of an organisation itself.
func (s *Sums) whole(who target) target {
	if who.reach == order.Account {
		return target{order.Organisation, string(s.rules.Account(roster.AccountID(who.name)).Organisation)}
	}
	return who
}

// Thefts lists the accounts that are held to be stolen and narrow their neighbours
// still, the newest first.
func (s *Sums) Thefts(now time.Time) (thefts []Theft) {
	for _, t := range slices.Backward(s.thefts) {
		same := func(other Theft) bool { return other.Account == t.Account }
		if now.Before(t.until) && !slices.ContainsFunc(thefts, same) {
			thefts = append(thefts, t.Theft)
		}
	}
	return thefts
}
