package portal

import (
	"cmp"
	"slices"

	"poterne/internal/roster"
)

// Kin is an account of a lineage, as a tree shows it.
type Kin struct {
	roster.Account
	Proposed  string // who proposed it, by name, where the tree shows that account elsewhere or not at all
	Approved  string // who approved it, by name; empty when none did
	Recovered string // who last asked for it to be bound anew, by name; empty when nobody did
	Held      bool   // an order stops or freezes it
	Link      string // to its page; empty for none
	Below     []Kin  // whom it proposed, or recovered
}

// Lineage is where an account comes from, and what came of it.
type Lineage struct {
	Above []Kin // its proposers, the first of them first
	Tree  Kin   // the account and whom it proposed or recovered
	Count int   // accounts below it
}

// Lineages draws lineages from all accounts that there are.
type Lineages struct {
	Labels Labels
	Held   func(roster.Account) bool
	Link   string // where an account's page is, before its id; empty: it has none

	below map[roster.AccountID][]roster.Account
}

// deepest bounds how far a tree goes down, and a lineage up.
const deepest = 64

// of is whom an account proposed or recovered, by name.
func (l *Lineages) of(id roster.AccountID) []roster.Account {
	if l.below == nil {
		if l.below = l.Labels.below; l.below == nil {
			l.below = belowOf(l.Labels.Accounts)
		}
	}
	return l.below[id]
}

// belowOf is whom each account proposed or recovered, by name.
func belowOf(accounts map[roster.AccountID]roster.Account) map[roster.AccountID][]roster.Account {
	below := make(map[roster.AccountID][]roster.Account)
	for _, a := range accounts {
		for _, above := range slices.Compact([]roster.AccountID{a.Proposer, a.Recoverer}) {
			if above != "" {
				below[above] = append(below[above], a)
			}
		}
	}
	for _, list := range below {
		slices.SortFunc(list, func(a, b roster.Account) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	}
	return below
}

// kin is an account without what is below it.
func (l *Lineages) kin(a roster.Account) Kin {
	k := Kin{Account: a, Held: l.Held(a)}
	k.Name = l.Labels.Account(a.ID)
	for said, id := range map[*string]roster.AccountID{&k.Approved: a.Approver, &k.Recovered: a.Recoverer} {
		if id != "" {
			*said = l.Labels.Account(id)
		}
	}
	if l.Link != "" {
		k.Link = l.Link + string(a.ID)
	}
	return k
}

// draw is an account and what is below it, each once.
func (l *Lineages) draw(a roster.Account, known map[roster.AccountID]bool, deep int) (k Kin, count int) {
	known[a.ID] = true
	k = l.kin(a)
	for _, made := range l.of(a.ID) {
		if known[made.ID] || deep >= deepest {
			continue
		}
		below, more := l.draw(made, known, deep+1)
		if made.Proposer != a.ID && made.Proposer != "" {
			below.Proposed = l.Labels.Account(made.Proposer)
		}
		k.Below, count = append(k.Below, below), count+more+1
	}
	return k, count
}

// Of draws the lineage of one account.
func (l *Lineages) Of(of roster.Account) (drawn Lineage) {
	known := make(map[roster.AccountID]bool)
	drawn.Tree, drawn.Count = l.draw(of, known, 0)
	for a := of; a.Proposer != "" && len(drawn.Above) < deepest; {
		above, there := l.Labels.Accounts[a.Proposer]
		if !there || known[above.ID] {
			break
		}
		known[above.ID] = true
		drawn.Above = append([]Kin{l.kin(above)}, drawn.Above...)
		a = above
	}
	return drawn
}

// Within draws who made whom in one organisation: a tree for each of its accounts that none
// of its own made, if it made others or somebody elsewhere made it.
func (l *Lineages) Within(organisation roster.OrganisationID) (trees []Kin) {
	own := func(id roster.AccountID) bool { return l.Labels.Accounts[id].Organisation == organisation && id != "" }
	known := make(map[roster.AccountID]bool)
	var roots []roster.Account
	for _, a := range l.Labels.Accounts {
		if a.Organisation != organisation {
			known[a.ID] = true // what others made is not theirs to see
		} else if !own(a.Proposer) {
			roots = append(roots, a)
		}
	}
	slices.SortFunc(roots, func(a, b roster.Account) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	for _, a := range roots {
		known[a.ID] = true
	}
	for _, a := range roots {
		k, count := l.draw(a, known, 0)
		if a.Proposer != "" {
			k.Proposed = l.Labels.Account(a.Proposer)
		}
		if count > 0 || k.Proposed != "" || k.Approved != "" || k.Recovered != "" {
			trees = append(trees, k)
		}
	}
	return trees
}

// Any reports whether there is anything to draw.
func (l Lineage) Any() bool {
	return l.Count > 0 || len(l.Above) > 0 || l.Tree.Approved != "" || l.Tree.Recovered != ""
}
