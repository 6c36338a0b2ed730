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
	agg.frozen = slices.DeleteFunc(agg.frozen, func(f freeze) bool { return f.order == id })
	agg.thefts = slices.DeleteFunc(agg.thefts, func(t theft) bool { return t.order == id })
}

// freeze confirms two thefts when an account that shares something with this one
// was frozen within the hour.
func (agg *Aggregates) freeze(last freeze) {
	agg.frozen = slices.DeleteFunc(agg.frozen, func(f freeze) bool {
		return f.account == last.account || last.at.Sub(f.at) > together
	})
	alone := true
	for _, f := range agg.frozen {
		if !agg.share(f.account, last.account) {
			continue
		}
		alone = false
		if !slices.ContainsFunc(agg.thefts, func(t theft) bool { return t.order == f.order }) {
			agg.confirm(f.account, last.at, f.order, Together)
		}
	}
	if !alone {
		agg.confirm(last.account, last.at, last.order, Together)
	}
	agg.frozen = append(agg.frozen, last)
}

// share reports whether two accounts share a bond that tells.
func (agg *Aggregates) share(a, b roster.AccountID) bool {
	others := agg.bondsOf(b)
	return slices.ContainsFunc(agg.bondsOf(a), func(bond Bond) bool { return slices.Contains(others, bond) })
}

// bondsOf lists the bonds of an account that tell, also of one that read nothing.
func (agg *Aggregates) bondsOf(id roster.AccountID) (bonds []Bond) {
	if a := agg.accounts[id]; a != nil {
		for bond := range a.bonds {
			if agg.tells(bond) {
				bonds = append(bonds, bond)
			}
		}
	}
	if organisation := agg.rules.Account(id).Organisation; organisation != "" {
		bonds = append(bonds, Bond{Organisation, string(organisation)})
	}
	if agg.rules.Lineage != nil {
		if proposer := agg.rules.Lineage(id); proposer != "" {
			bonds = append(bonds, Bond{Proposer, string(proposer)})
		}
	}
	return append(bonds, Bond{Proposer, string(id)}) // with those it proposed itself
}

// confirm holds an account to be stolen.
func (agg *Aggregates) confirm(account roster.AccountID, at time.Time, id ledger.Number, proof Proof) {
	t := theft{
		Theft: Theft{account, at, proof}, order: id, targets: make(map[target]Shared),
		until: at.Add(agg.rules.Narrowed).Truncate(time.Hour).Add(time.Hour), // many thefts of one hour narrow once
	}
	for _, bond := range agg.bondsOf(account) {
		if bond.Shared == Rhythm || slices.Contains(t.bonds, bond) {
			continue
		}
		t.bonds = append(t.bonds, bond)
		if bond.Shared == Organisation {
			t.targets[target{order.Organisation, bond.Name}] = Organisation
		}
	}
	for _, bond := range t.bonds {
		if p := agg.pools[bond]; p != nil {
			for member := range p.members {
				agg.reach(&t, member, bond)
			}
		}
	}
	agg.thefts, agg.fresh = append(agg.thefts, t), true
}

// reach makes an account a neighbour of a theft.
func (agg *Aggregates) reach(t *theft, account roster.AccountID, by Bond) {
	who := target{order.Account, string(account)}
	if _, known := t.targets[who]; !known && account != t.Account && by.Shared != Organisation {
		t.targets[who] = by.Shared
		agg.fresh = true
	}
}

// joined makes an account that comes to share something with a theft its neighbour.
func (agg *Aggregates) joined(account roster.AccountID, bond Bond, at time.Time) {
	for i := range agg.thefts {
		if t := &agg.thefts[i]; at.Before(t.until) && slices.Contains(t.bonds, bond) {
			agg.reach(t, account, bond)
		}
	}
}

// isNarrowed learns that an order narrows a target, for as long as the known thefts ask
// for. When a person lifts it, it is not placed again for these thefts.
func (agg *Aggregates) isNarrowed(who target, at time.Time) {
	until := at.Add(agg.rules.Narrowed)
	for _, t := range agg.thefts {
		if _, reached := t.targets[who]; reached && t.until.After(until) {
			until = t.until
		}
	}
	agg.covered[who] = until
}

// settled learns that an order was placed, or did not have to be.
func (agg *Aggregates) settled(o order.Order) { agg.covered[target{o.Reach, o.Target}] = o.Ends }

// Due lists the orders that the known thefts ask for and that are not placed yet:
// organisations first, then accounts whose organisation is not narrowed as a whole.
func (agg *Aggregates) Due(now time.Time) (due []containment.Place) {
	agg.fresh = false
	narrowed := maps.Clone(agg.covered)
	for _, reach := range []order.Reach{order.Organisation, order.Account} {
		wanted := make(map[target]containment.Place)
		for _, t := range agg.thefts {
			for who, shared := range t.targets {
				if who.reach != reach || !now.Before(t.until) || !t.until.After(narrowed[who]) || !t.until.After(narrowed[agg.whole(who)]) {
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
func (agg *Aggregates) whole(who target) target {
	if who.reach == order.Account {
		return target{order.Organisation, string(agg.rules.Account(roster.AccountID(who.name)).Organisation)}
	}
	return who
}

// Thefts lists the accounts that are held to be stolen and narrow their neighbours
// still, the newest first.
func (agg *Aggregates) Thefts(now time.Time) (thefts []Theft) {
	for _, t := range slices.Backward(agg.thefts) {
		same := func(other Theft) bool { return other.Account == t.Account }
		if now.Before(t.until) && !slices.ContainsFunc(thefts, same) {
			thefts = append(thefts, t.Theft)
		}
	}
	return thefts
}
