package logplay

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"poterne/internal/gate"
	"poterne/internal/lab/sim"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// TheftResult is what thieves are shown who are put into the accounts of a role.
type TheftResult struct {
	Role     roster.Role `json:"role"`
	Accounts int         `json:"accounts"`
	Of       int         `json:"of"`
	Fails    Loot        `json:"fails_confirmation"`
	Passes   Loot        `json:"passes_confirmation"`
}

// Loot is how many people one thief is shown in 28 days, over the accounts.
type Loot struct {
	FirstDay  Spread `json:"first_day_without_a_reason"`
	Strangers Spread `json:"without_a_reason"`
	Explained Spread `json:"with_a_reason"` // whom the log explains to the account
}

// Spread is a figure over the accounts.
type Spread struct {
	Median int `json:"median"`
	P95    int `json:"p95"`
	Most   int `json:"most"`
}

func spread(figures []int) (s Spread) {
	if slices.Sort(figures); len(figures) > 0 {
		last := len(figures) - 1
		s = Spread{figures[last/2], figures[int(math.Ceil(0.95*float64(len(figures))))-1], figures[last]}
	}
	return s
}

// haul is what one thief took.
type haul struct{ firstDay, strangers, explained int }

// rob puts a thief into accounts as they stand at a moment, once with and once without
// passing confirmations.
func (r *replay) rob(ctx context.Context, at time.Time) error {
	r.robbed, r.report.TheftFrom = true, at
	byRole := make(map[roster.Role][]roster.AccountID)
	count := make(map[roster.Role]int)
	var all []roster.AccountID
	for account := range r.evidence.accounts {
		all = append(all, account)
	}
	slices.Sort(all)
	for _, account := range all {
		count[r.evidence.accounts[account].Role]++
	}
	rng := rand.New(rand.NewPCG(r.Seed, 0))
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if r.Thieves > 0 {
		all = all[:min(len(all), r.Thieves)]
	}
	hauls := make([][2]haul, len(all))
	of, within := r.evidence.candidates(at)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, account := range all {
		asker := r.evidence.accounts[account]
		byRole[asker.Role] = append(byRole[asker.Role], account)
		group.Go(func() error {
			known, err := r.targets(ctx, asker, append(slices.Clone(of[account]), within[asker.Organisation]...), at)
			if err != nil {
				return err
			}
			for j, passes := range []bool{false, true} {
				rules := r.Rules
				rules.Wider = policy.Rules{}.Wider // the thief alone
				core, err := r.core.Alone(account, rules, known, at)
				if err != nil {
					return err
				}
				if hauls[i][j], err = (&thief{core: core, key: r.log.key, known: known, passes: passes}).take(ctx, at); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, role := range r.Rules.Roles() {
		if len(byRole[role]) == 0 {
			continue
		}
		result := TheftResult{Role: role, Accounts: len(byRole[role]), Of: count[role]}
		for j, loot := range []*Loot{&result.Fails, &result.Passes} {
			var first, strangers, explained []int
			for i, account := range all {
				if r.evidence.accounts[account].Role == role {
					h := hauls[i][j]
					first, strangers, explained = append(first, h.firstDay), append(strangers, h.strangers), append(explained, h.explained)
				}
			}
			*loot = Loot{spread(first), spread(strangers), spread(explained)}
		}
		r.report.Thefts = append(r.report.Thefts, result)
	}
	return nil
}

// targets are people whom the log explains to one account: what a thief finds there.
type targets struct {
	asker gate.Asker
	list  []register.PersonID
	facts map[register.PersonID][]reason.Fact
}

// mostTargets is how long a list a thief goes through where no ceiling holds him.
const mostTargets = 20_000

func (r *replay) targets(ctx context.Context, asker gate.Asker, candidates []register.PersonID, at time.Time) (*targets, error) {
	t := &targets{asker: asker, facts: make(map[register.PersonID][]reason.Fact)}
	most := mostTargets
	if ceiling := r.Rules.Ceilings[asker.Role]; ceiling > 0 {
		most = min(most, 2*ceiling)
	}
	for _, person := range candidates {
		if _, twice := t.facts[person]; twice {
			continue
		}
		facts, err := r.evidence.Facts(ctx, asker, []register.PersonID{person}, at)
		if err != nil {
			return nil, err
		}
		if !reason.Explain(asker.Account, asker.Organisation, reason.Evidence{Facts: facts}, reason.CoverBounds{}, at).Of(person).Explained() {
			continue
		}
		t.facts[person] = facts
		if t.list = append(t.list, person); len(t.list) == most {
			break
		}
	}
	return t, nil
}

// Asker implements gate.Files.
func (t *targets) Asker(context.Context, roster.AccountID) (gate.Asker, error) { return t.asker, nil }

// Facts implements gate.Files.
func (t *targets) Facts(_ context.Context, _ gate.Asker, people []register.PersonID, _ time.Time) (facts []reason.Fact, _ error) {
	for _, person := range people {
		facts = append(facts, t.facts[person]...)
	}
	return facts, nil
}

// thief has an account to himself and knows every rule: he asks only for what he will be
// shown, day and night.
type thief struct {
	core   *sim.Core
	key    register.Key
	known  *targets
	passes bool // whatever a confirmation is
}

// beat is how long he takes for one person, and how many he takes in an hour at most.
const (
	beat      = 5 * time.Second
	mostBeats = 350
)

// take goes on for 28 days: in each hour one person whom the log explains and one
// stranger after the other, until neither is shown any more.
func (t *thief) take(ctx context.Context, from time.Time) (h haul, err error) {
	from = from.Truncate(time.Hour).Add(time.Hour)
	var fresh []register.PersonID // strangers, numbered
	for hour := from; hour.Before(from.Add(meter.Memory)); hour = hour.Add(time.Hour) {
		if err := ctx.Err(); err != nil {
			return h, err
		}
		own, strangers := true, true
		for at, n := hour, 0; n < mostBeats && (own || strangers); n++ {
			if own = own && h.explained < len(t.known.list); own {
				at = at.Add(beat)
				if own, err = t.opens(ctx, &at, t.known.list[h.explained]); err != nil {
					return h, err
				}
				if own {
					h.explained++
				}
			}
			if !strangers {
				continue
			}
			if h.strangers == len(fresh) {
				fresh = append(fresh, t.key.Person("somebody else "+strconv.Itoa(h.strangers)))
			}
			at = at.Add(beat)
			if strangers, err = t.opens(ctx, &at, fresh[h.strangers]); err != nil {
				return h, err
			}
			if strangers {
				h.strangers++
			}
		}
		if hour.Before(from.Add(day)) {
			h.firstDay = h.strangers
		}
	}
	return h, nil
}

// opens reports whether somebody was shown.
func (t *thief) opens(ctx context.Context, at *time.Time, person register.PersonID) (bool, error) {
	account := t.known.asker.Account
	ask := event{account: account, person: person}.ask()
	foreseen, err := t.core.Foresee(ctx, *at, ask)
	if err != nil {
		return false, err
	}
	if foreseen.People[0].Verdict == policy.AskStepUp && t.passes {
		if _, err := t.core.Act(ctx, *at, ledger.Entry{Kind: ledger.SteppedUp, Account: account}); err != nil {
			return false, err
		}
		if foreseen, err = t.core.Foresee(ctx, *at, ask); err != nil {
			return false, err
		}
	}
	if !foreseen.People[0].Verdict.Shows() {
		return false, nil
	}
	decision, err := t.core.Decide(ctx, *at, ask)
	return err == nil && decision.People[0].Verdict.Shows(), err
}
