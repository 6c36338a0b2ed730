package desk

import (
	"maps"
	"slices"
	"strings"

	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/portal"
	"poterne/internal/roster"
)

// headline is one of the first things the desk says.
type headline struct {
	State     string // quiet, look, frozen, closed or behind
	Sentence  string
	Account   roster.AccountID // the one to look at
	Campaigns bool             // several act together
	Damage    bool             // rows of the database are not what the ledger says
	Observed  string           // what is only observed, in a sentence; empty when everything is enforced
}

// headlines says whether all is quiet, and first what would be let through.
func (l live) headlines(v visit) []headline {
	heads := l.lookout(v)
	heads[0].Observed = observed(v.labels, l.settings.Observed)
	return heads
}

// observed says what is only observed. A desk that shows all quiet must not be
// taken for one that guards.
func observed(labels portal.Labels, o policy.Observed) string {
	if o.Everything {
		return labels.Speaker.Say("desk.observing-all")
	}
	var names []string
	for _, service := range slices.Sorted(maps.Keys(o.Services)) {
		names = append(names, labels.Service(service))
	}
	for _, role := range slices.Sorted(maps.Keys(o.Roles)) {
		names = append(names, labels.Speaker.Say("role."+string(role)))
	}
	for _, why := range slices.Sorted(maps.Keys(o.Grounds)) {
		names = append(names, why.String())
	}
	if names == nil {
		return ""
	}
	return labels.Speaker.Say("desk.observing-some", "names", strings.Join(names, ", "))
}

// lookout says whether all is quiet, and only when the picture is up to date.
func (l live) lookout(v visit) (heads []headline) {
	now, orders := l.shell.Now(), l.gate.Orders()
	if !l.hour.caughtUp(v.Context(), l.journal.Next()) {
		return []headline{{State: "behind", Sentence: v.Speaker.Say("desk.behind")}}
	}
	for _, o := range orders {
		if o.Broken {
			return []headline{{State: "closed", Sentence: v.Speaker.Say("order.broken")}}
		}
		if o.Reach == order.Everything && o.Effect == order.Closed {
			return []headline{{State: "closed", Sentence: v.Speaker.Say("desk.closed")}}
		}
	}
	if rows := len(l.audit.Findings()); rows > 0 {
		heads = append(heads, headline{State: "look", Damage: true, Sentence: v.Speaker.Say("audit.look", "n", rows)})
	}
	if freezes := frozen(orders, now); len(freezes) > 0 {
		heads = append(heads, l.frozenHeadline(v, freezes))
	}
	if c, found := l.hour.lookAt(orders, now); found {
		heads = append(heads, concernHeadline(v.labels, c))
	}
	if alarms := len(l.campaigns.Alarms()); alarms > 0 {
		heads = append(heads, headline{State: "look", Campaigns: true, Sentence: v.Speaker.Say("campaign.look", "n", alarms)})
	}
	if len(heads) == 0 {
		heads = []headline{{State: "quiet", Sentence: v.Speaker.Say("desk.quiet")}}
	}
	return heads
}

// frozenHeadline says whom the rules froze last, and why.
func (l live) frozenHeadline(v visit, freezes []order.Order) headline {
	last := freezes[0]
	account := roster.AccountID(last.Target)
	sentence := v.Speaker.Say("desk.frozen", "name", v.labels.Account(account),
		"organisation", v.labels.Organisation(v.labels.Accounts[account].Organisation), "ground", l.grounds.Because(v.Context(), last, v.labels))
	if others := len(freezes) - 1; others > 0 {
		sentence += " " + v.Speaker.Say("desk.frozen-others", "n", others)
	}
	return headline{State: "frozen", Sentence: sentence, Account: account}
}

// concernHeadline says which account to look at.
func concernHeadline(labels portal.Labels, c concern) headline {
	key := "desk.look"
	switch {
	case c.Beyond == 0 && c.Own > 0:
		key = "desk.look-own"
	case c.Beyond == 0:
		key = "desk.look-missed"
	}
	return headline{State: "look", Account: c.Account, Sentence: labels.Speaker.Say(key,
		"name", labels.Account(c.Account), "organisation", labels.Organisation(c.Organisation),
		"beyond", c.Beyond, "shown", c.Shown, "own", c.Own, "missed", c.Missed)}
}
