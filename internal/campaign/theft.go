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

// target is the account or organisation that an order narrows.
type target struct {
	Reach order.Reach
	Name  string
}

// theft is an account held to be stolen, and its neighbours.
type theft struct {
	Theft
	Order   ledger.Number // that confirmed it
	Until   time.Time
	Bonds   []Bond
	Targets map[target]Shared // what each shares with it
}

// freeze is one that the rules placed.
type freeze struct {
	Account roster.AccountID
	At      time.Time
	Order   ledger.Number
}

// placed learns of an order: a theft that a person or another freeze confirms, or
// neighbours that are narrowed already.
func (agg *Aggregates) placed(e *ledger.Entry) {
	itself, account := e.Account == journal.Itself, roster.AccountID(e.Target)
	switch {
	case itself && e.Effect == order.Narrowed:
		agg.isNarrowed(target{e.Reach, e.Target}, e.Time)
	case e.Reach != order.Account:
	case !itself && e.Effect == order.Suspended:
		agg.confirm(account, e.Time, e.Number, Suspended)
	case itself && e.Effect == order.Frozen:
		agg.freeze(freeze{account, e.Time, e.Number})
	}
}

// lifted forgets what an order confirmed: the person who lifted it decided otherwise.
func (agg *Aggregates) lifted(id ledger.Number) {
	agg.Frozen = slices.DeleteFunc(agg.Frozen, func(f freeze) bool { return f.Order == id })
	agg.Stolen = slices.DeleteFunc(agg.Stolen, func(t theft) bool { return t.Order == id })
}

// freeze confirms two thefts when an account that shares something with this one
// was frozen within the hour.
func (agg *Aggregates) freeze(last freeze) {
	agg.Frozen = slices.DeleteFunc(agg.Frozen, func(f freeze) bool {
		return f.Account == last.Account || last.At.Sub(f.At) > together
	})
	alone := true
	for _, f := range agg.Frozen {
		if !agg.share(f.Account, last.Account) {
			continue
		}
		alone = false
		if !slices.ContainsFunc(agg.Stolen, func(t theft) bool { return t.Order == f.Order }) {
			agg.confirm(f.Account, last.At, f.Order, Together)
		}
	}
	if !alone {
		agg.confirm(last.Account, last.At, last.Order, Together)
	}
	agg.Frozen = append(agg.Frozen, last)
}

// share reports whether two accounts share a bond that tells.
func (agg *Aggregates) share(a, b roster.AccountID) bool {
	others := agg.bondsOf(b)
	return slices.ContainsFunc(agg.bondsOf(a), func(bond Bond) bool { return slices.Contains(others, bond) })
}

// bondsOf lists the bonds of an account that tell, also of one that read nothing.
func (agg *Aggregates) bondsOf(id roster.AccountID) (bonds []Bond) {
	if a := agg.Accounts[id]; a != nil {
		for bond := range a.Bonds {
			if agg.tells(bond) {
				bonds = append(bonds, bond)
			}
		}
	}
	of := agg.rules.Account(id)
	if of.Organisation != "" {
		bonds = append(bonds, Bond{Organisation, string(of.Organisation)})
	}
	if of.Proposer != "" {
		bonds = append(bonds, Bond{Proposer, string(of.Proposer)})
	}
	return append(bonds, Bond{Proposer, string(id)}) // with those it proposed itself
}

// confirm holds an account to be stolen.
func (agg *Aggregates) confirm(account roster.AccountID, at time.Time, id ledger.Number, proof Proof) {
	t := theft{
		Theft: Theft{account, at, proof}, Order: id, Targets: make(map[target]Shared),
		Until: at.Add(agg.rules.Narrowed).Truncate(time.Hour).Add(time.Hour), // many thefts of one hour narrow once
	}
	for _, bond := range agg.bondsOf(account) {
		if bond.Shared == Rhythm || slices.Contains(t.Bonds, bond) {
			continue
		}
		t.Bonds = append(t.Bonds, bond)
		if bond.Shared == Organisation {
			t.Targets[target{order.Organisation, bond.Name}] = Organisation
		}
	}
	for _, bond := range t.Bonds {
		if p := agg.Pools[bond]; p != nil {
			for member := range p.Members {
				agg.reach(&t, member, bond)
			}
		}
	}
	agg.Stolen, agg.fresh = append(agg.Stolen, t), true
}

// reach makes an account a neighbour of a theft.
func (agg *Aggregates) reach(t *theft, account roster.AccountID, by Bond) {
	who := target{order.Account, string(account)}
	if _, known := t.Targets[who]; !known && account != t.Account && by.Shared != Organisation {
		t.Targets[who] = by.Shared
		agg.fresh = true
	}
}

// joined makes an account that comes to share something with a theft its neighbour.
func (agg *Aggregates) joined(account roster.AccountID, bond Bond, at time.Time) {
	for i := range agg.Stolen {
		if t := &agg.Stolen[i]; at.Before(t.Until) && slices.Contains(t.Bonds, bond) {
			agg.reach(t, account, bond)
		}
	}
}

// isNarrowed learns that an order narrows a target, for as long as the known thefts ask
// for. When a person lifts it, it is not placed again for these thefts.
func (agg *Aggregates) isNarrowed(who target, at time.Time) {
	until := at.Add(agg.rules.Narrowed)
	for _, t := range agg.Stolen {
		if _, reached := t.Targets[who]; reached && t.Until.After(until) {
			until = t.Until
		}
	}
	agg.Covered[who] = until
	delete(agg.settledUntil, who)
}

// settled learns that an order was placed, or did not have to be. The sums do not: they are what entries come to.
func (agg *Aggregates) settled(o order.Order) { agg.settledUntil[target{o.Reach, o.Target}] = o.Ends }

// Due lists the orders that the known thefts ask for and that are not placed yet:
// organisations first, then accounts whose organisation is not narrowed as a whole.
func (agg *Aggregates) Due(now time.Time) (due []containment.Place) {
	agg.fresh = false
	narrowed := maps.Clone(agg.Covered)
	maps.Copy(narrowed, agg.settledUntil)
	for _, reach := range []order.Reach{order.Organisation, order.Account} {
		wanted := make(map[target]containment.Place)
		for _, t := range agg.Stolen {
			for who, shared := range t.Targets {
				if who.Reach != reach || !now.Before(t.Until) || !t.Until.After(narrowed[who]) || !t.Until.After(narrowed[agg.whole(who)]) {
					continue
				}
				narrowed[who] = t.Until
				wanted[who] = containment.Place{
					Order: order.Order{
						Effect: order.Narrowed, Reach: who.Reach, Target: who.Name, Ends: t.Until, By: journal.Itself, Cause: uint64(t.Order),
					},
					Shares: ledger.State(shared), Once: true,
				}
			}
		}
		for _, who := range slices.SortedFunc(maps.Keys(wanted), func(a, b target) int { return cmp.Compare(a.Name, b.Name) }) {
			due = append(due, wanted[who])
		}
	}
	return due
}

// whole is the organisation of an account; of an organisation itself.
func (agg *Aggregates) whole(who target) target {
	if who.Reach == order.Account {
		return target{order.Organisation, string(agg.rules.Account(roster.AccountID(who.Name)).Organisation)}
	}
	return who
}

// Thefts lists the accounts that are held to be stolen and narrow their neighbours
// still, the newest first.
func (agg *Aggregates) Thefts(now time.Time) (thefts []Theft) {
	for _, t := range slices.Backward(agg.Stolen) {
		same := func(other Theft) bool { return other.Account == t.Account }
		if now.Before(t.Until) && !slices.ContainsFunc(thefts, same) {
			thefts = append(thefts, t.Theft)
		}
	}
	return thefts
}
