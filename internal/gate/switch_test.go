package gate_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// strict are rules under which a month of honest strangers empties every allowance,
// passes the line of drift and is evidence of enumeration, as long as nobody is
// stopped.
func strict(observed policy.Observed) policy.Rules {
	r := policy.Rules{
		Purposes: rules.Purposes, Signed: policy.Signed, Observed: observed,
		Allowances: map[roster.Role]meter.Allowance{}, Watches: map[roster.Role]policy.Watch{},
	}
	for _, role := range []roster.Role{roster.Adviser, roster.Desk} {
		r.Allowances[role] = meter.Allowance{Short: meter.People(2), Long: meter.People(12)}
		r.Watches[role] = policy.Watch{Forgiven: 20, Line: 1000, Evidence: true}
	}
	r.Wider.Organisation = meter.Allowance{Short: meter.People(5), Long: meter.People(25)}
	r.Wider.Service = meter.Allowance{Short: meter.People(6), Long: meter.People(27)}
	r.Wider.Register = meter.Allowance{Short: meter.People(7), Long: meter.People(29)}
	return r
}

// only takes every limit out but what many share.
func only(r policy.Rules) policy.Rules {
	r.Allowances = map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(1000), Long: meter.People(1000)}}
	r.Watches = nil
	r.Wider.Service, r.Wider.Register = meter.Allowance{}, meter.Allowance{}
	return r
}

// agency is a store in which one organisation has three advisers and one at the desk.
func agency(t *testing.T) func() *store.DB {
	t.Helper()
	path := filepath.Join(t.TempDir(), "poterne.db")
	open := func() *store.DB {
		s, err := store.OpenSQLite(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	list := crowd(2)
	list.Accounts[5].Role, list.Accounts[5].Organisation = roster.Desk, "org-0"
	if err := storetest.TakeRoster(t, open(), list); err != nil {
		t.Fatal(err)
	}
	return open
}

const deskColleague = "adviser-1-2"

func runGate(t *testing.T, s *store.DB, r policy.Rules, c *clock) *storetest.Node {
	t.Helper()
	g, err := storetest.OpenNode(t.Context(), store.NewLedger(s), store.NewFacts(s), r, c.now)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the gate ended with %v", err)
		}
	})
	return g
}

// A month is observed in which every limit is passed. On the day it is enforced
// everybody stands as if they began that day, on a node that starts then and on one
// that ran all along.
//
// Promise: METER-1
// Promise: METER-3
func TestMETER_3_OnTheDayOfTheSwitchEveryAllowanceIsWhole(t *testing.T) {
	whole := func(r policy.Rules) policy.Rules { return r }
	for name, test := range map[string]struct {
		observed policy.Observed
		rules    func(policy.Rules) policy.Rules
		others   string           // who is enforced meanwhile
		through  roster.ServiceID // by which service
	}{
		"everything":                    {policy.Observed{Everything: true}, whole, "", ""},
		"a role":                        {policy.Observed{Roles: map[roster.Role]bool{roster.Adviser: true}}, whole, deskColleague, "dossier"},
		"a service":                     {policy.Observed{Services: map[roster.ServiceID]bool{"dossier": true}}, whole, "adviser-0-0", "kairos"},
		"what an organisation may open": {policy.Observed{Grounds: map[policy.Why]bool{policy.OrganisationEmpty: true}}, only, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClock()
			open := agency(t)
			enforcing := test.rules(strict(policy.Observed{}))
			observing, running := runGate(t, open(), test.rules(strict(test.observed)), c), runGate(t, open(), enforcing, c)
			next := 1000
			stranger := func(account string, service roster.ServiceID) policy.Ask {
				next++
				a := ask(next)
				a.Account, a.Service = roster.AccountID(account), service
				return a
			}
			would := map[policy.Why]int{}
			for range 28 {
				c.advance(23 * time.Hour)
				for i := range 3 {
					account := fmt.Sprint("adviser-0-", i)
					c.advance(20 * time.Minute)
					a := stranger(account, "dossier")
					a.People = append(a.People, stranger(account, "dossier").People...)
					for _, ruling := range settle(t, observing, a).Decision.People {
						if !ruling.Verdict.Shows() {
							t.Fatalf("while it is observed, %v for %v", ruling.Verdict, ruling.Why)
						}
						if ruling.Observed {
							would[ruling.Why]++
						}
					}
				}
			}
			t.Logf("would have been stopped: %v", would)
			if want := policy.OrganisationEmpty; test.others == "" && would[want] < 100 { // what is shared is told first, as when it is enforced
				t.Errorf("%v is not written as observed: %v", want, would)
			}

			emptied := agency(t)
			as := func(when string, tries int, nodes []*storetest.Node, begin *storetest.Node, accounts []string, services []roster.ServiceID) {
				t.Helper()
				shown := 0
				for i := range tries {
					c.advance(9 * time.Minute)
					a := stranger(accounts[i%len(accounts)], services[i/len(accounts)%len(services)])
					got, want := settle(t, nodes[i%len(nodes)], a).Decision.People[0], settle(t, begin, a).Decision.People[0]
					if got.Verdict != want.Verdict || got.Why != want.Why || got.Counted != want.Counted || got.Limit != want.Limit {
						t.Errorf("%s, opening %d of %s through %s: %v for %v, %d of %d; from the beginning %v for %v, %d of %d",
							when, i, a.Account, a.Service, got.Verdict, got.Why, got.Counted, got.Limit, want.Verdict, want.Why, want.Counted, want.Limit)
					}
					if want.Verdict.Shows() {
						shown++
					}
				}
				if shown == 0 || shown == tries {
					t.Errorf("%s: %d of %d are shown, which shows nothing", when, shown, tries)
				}
			}
			if test.others != "" {
				c.advance(time.Hour)
				fresh := runGate(t, agency(t)(), test.rules(strict(test.observed)), c)
				as("before the switch", 5, []*storetest.Node{observing}, fresh, []string{test.others}, []roster.ServiceID{test.through})
				c.advance(meter.Reach)
				for range 28 { // and then another month
					c.advance(24 * time.Hour)
					for i := range 3 {
						settle(t, observing, stranger(fmt.Sprint("adviser-0-", i), "dossier"))
					}
				}
			}
			c.advance(time.Hour)
			started := runGate(t, open(), enforcing, c)
			as("on the day of the switch", 12, []*storetest.Node{started, running}, runGate(t, emptied(), enforcing, c),
				[]string{"adviser-0-0", "adviser-0-1", "adviser-0-2"}, []roster.ServiceID{"dossier", "kairos"})
		})
	}
}
