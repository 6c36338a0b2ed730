package gate_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"poterne/internal/accounts"
	"poterne/internal/containment"
	"poterne/internal/fault"
	"poterne/internal/grants"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// generous are rules under which no account runs dry, so that only what many share
// can stop anybody.
func generous(wider func(*policy.Rules)) policy.Rules {
	r := policy.Rules{
		Purposes:   rules.Purposes,
		Allowances: map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(10_000), Long: meter.People(10_000)}},
	}
	wider(&r)
	return r
}

// crowd is a roster of organisations with three advisers each, who all use both
// services, and whose accounts stay young: none is dearer for having been silent.
func crowd(organisations int) (list accounts.List) {
	for i := range organisations {
		o := roster.Organisation{ID: roster.OrganisationID(fmt.Sprint("org-", i)), SIRET: fmt.Sprintf("9000000000%04d", i), Name: fmt.Sprint("Organisation ", i)}
		list.Organisations = append(list.Organisations, o)
		for j := range 3 {
			id := roster.AccountID(fmt.Sprintf("adviser-%d-%d", i, j))
			list.Accounts = append(list.Accounts, roster.Account{
				ID: id, Organisation: o.ID, Role: roster.Adviser, Name: string(id),
				Identity: roster.Identity{Issuer: "https://idp.example", Subject: string(id)}, Opened: storetest.At.AddDate(10, 0, 0),
			})
			for _, service := range []roster.ServiceID{"dossier", "kairos"} {
				list.Habilitations = append(list.Habilitations, roster.Habilitation{
					Account: id, Service: service, Purpose: "accompany", From: storetest.At.AddDate(0, -1, 0), Until: storetest.At.AddDate(1, 0, 0),
				})
			}
		}
	}
	return list
}

// Promise: METER-4
func TestMETER_4_WhatManyShareIsExactOverNodes(t *testing.T) {
	const organisations, asks = 3, 600
	cluster := storetest.StartPostgreSQL(t)
	for name, test := range map[string]struct {
		wider func(*policy.Rules)
		want  map[string]int64 // shown in all, and where
	}{
		"each organisation": {
			func(r *policy.Rules) {
				r.Wider.Organisation = meter.Allowance{Short: meter.People(7), Long: meter.People(50)}
			},
			map[string]int64{"all": 21, "org-0": 7, "org-1": 7, "org-2": 7},
		},
		"each service": {
			func(r *policy.Rules) {
				r.Wider.Service = meter.Allowance{Short: meter.People(11), Long: meter.People(50)}
			},
			map[string]int64{"all": 22, "dossier": 11, "kairos": 11},
		},
		"the whole register, over 28 days": {
			func(r *policy.Rules) {
				r.Wider.Register = meter.Allowance{Short: meter.People(40), Long: meter.People(13)}
			},
			map[string]int64{"all": 13},
		},
		"a fifth of each organisation's for each account": {
			func(r *policy.Rules) {
				r.Wider.Organisation, r.Share = meter.Allowance{Short: meter.People(30), Long: meter.People(300)}, 5
			},
			map[string]int64{"all": 54, "org-0": 18, "org-1": 18, "org-2": 18},
		},
	} {
		t.Run(name, func(t *testing.T) {
			connection := cluster.Database(t)
			var nodes [2]*storetest.Node
			for i := range nodes {
				s, err := store.OpenPostgreSQL(t.Context(), connection)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = s.Close() })
				if i == 0 {
					if err := storetest.TakeRoster(t, s, crowd(organisations)); err != nil {
						t.Fatal(err)
					}
				}
				if nodes[i], err = storetest.OpenNode(t.Context(), store.NewLedger(s), store.NewFacts(s), generous(test.wider), func() time.Time { return storetest.At }); err != nil {
					t.Fatal(err)
				}
				go func() { _ = nodes[i].Run(t.Context()) }()
			}
			counts := make(map[string]*atomic.Int64)
			for _, where := range []string{"all", "org-0", "org-1", "org-2", "dossier", "kairos"} {
				counts[where] = new(atomic.Int64)
			}
			var wait sync.WaitGroup
			for i := range asks {
				wait.Go(func() {
					a := ask(1000 + i)
					organisation := i % organisations
					a.Account = roster.AccountID(fmt.Sprintf("adviser-%d-%d", organisation, i/organisations%3))
					a.Service = []roster.ServiceID{"dossier", "kairos"}[i/9%2]
					passage, err := nodes[i%len(nodes)].Commit(context.Background(), a)
					if err != nil {
						t.Error(err)
						return
					}
					if passage.Decision.People[0].Verdict.Shows() {
						counts["all"].Add(1)
						counts[fmt.Sprint("org-", organisation)].Add(1)
						counts[string(a.Service)].Add(1)
					}
				})
			}
			wait.Wait()
			for where, want := range test.want {
				if got := counts[where].Load(); got != want {
					t.Errorf("%d people shown in %s over two nodes, the allowance is %d", got, where, want)
				}
			}
		})
	}
}

// tried is one opening of somebody new, and what came of it.
type tried struct {
	at           time.Time
	account      roster.AccountID
	organisation roster.OrganisationID
	service      roster.ServiceID
	why          policy.Why
}

// foretell says what a limit on many would decide, by counting everything again.
func foretell(r policy.Rules, before []tried, next tried) policy.Why {
	spent := func(counts func(tried) bool) (hour, month meter.Cost) {
		for _, b := range before {
			if b.why != policy.Counted || !counts(b) {
				continue
			}
			if next.at.Unix()/60-b.at.Unix()/60 < 60 {
				hour += meter.Whole
			}
			if next.at.Unix()/86400-b.at.Unix()/86400 < 28 {
				month += meter.Whole
			}
		}
		return hour, month
	}
	if r.Share > 0 { // none of these allowances is worth more than 12 people, so a share is 4
		var hour, month int
		for _, b := range before {
			if b.why == policy.Counted && b.account == next.account {
				if next.at.Sub(b.at) < time.Hour {
					hour++
				}
				if next.at.Sub(b.at) < meter.Memory {
					month++
				}
			}
		}
		least := func(of func(meter.Allowance) meter.Cost) int {
			return int(min(of(r.Wider.Organisation), of(r.Wider.Service), of(r.Wider.Register), meter.People(4)) / meter.Whole)
		}
		if hour >= least(func(a meter.Allowance) meter.Cost { return a.Short }) || month >= least(func(a meter.Allowance) meter.Cost { return a.Long }) {
			return policy.ShareReached
		}
	}
	for _, limit := range []struct {
		allowance meter.Allowance
		why       policy.Why
		counts    func(tried) bool
	}{
		{r.Wider.Organisation, policy.OrganisationEmpty, func(b tried) bool { return b.organisation == next.organisation }},
		{r.Wider.Service, policy.ServiceEmpty, func(b tried) bool { return b.service == next.service }},
		{r.Wider.Register, policy.RegisterEmpty, func(tried) bool { return true }},
	} {
		hour, month := spent(limit.counts)
		if hour+meter.Whole > limit.allowance.Short || month+meter.Whole > limit.allowance.Long {
			return limit.why
		}
	}
	return policy.Counted
}

// Promise: METER-4
func TestMETER_4_WhatManyShareIsWhatCountingAgainSays(t *testing.T) {
	list := crowd(2)
	rapid.Check(t, func(rt *rapid.T) {
		allowance := func(name string) meter.Allowance {
			short := rapid.IntRange(1, 5).Draw(rt, name)
			return meter.Allowance{Short: meter.People(short), Long: meter.People(short + rapid.IntRange(0, 6).Draw(rt, name+", long"))}
		}
		r := generous(func(r *policy.Rules) {
			r.Wider.Organisation, r.Wider.Service, r.Wider.Register = allowance("organisation"), allowance("service"), allowance("register")
			r.Share = rapid.SampledFrom([]int{0, 3}).Draw(rt, "share")
		})
		c := newClock()
		path := filepath.Join(t.TempDir(), "poterne.db")
		begin := func() (*storetest.Node, func()) {
			s, err := store.OpenSQLite(t.Context(), path)
			if err != nil {
				rt.Fatal(err)
			}
			if err := storetest.TakeRoster(t, s, list); err != nil {
				rt.Fatal(err)
			}
			g, err := storetest.OpenNode(t.Context(), store.NewLedger(s), store.NewFacts(s), r, c.now)
			if err != nil {
				rt.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() { ended <- g.Run(ctx) }()
			return g, func() {
				cancel()
				<-ended
				_ = s.Close()
			}
		}
		g, end := begin()
		defer func() { end() }()
		var before []tried
		for i := range rapid.IntRange(1, 25).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"ask", "ask", "ask", "minutes", "days", "restart"}).Draw(rt, "step") {
			case "minutes":
				c.advance(time.Duration(rapid.IntRange(1, 90).Draw(rt, "minutes")) * time.Minute)
			case "days":
				c.advance(time.Duration(rapid.IntRange(1, 20).Draw(rt, "days")) * 24 * time.Hour)
			case "restart":
				end()
				g, end = begin()
			default:
				account := rapid.SampledFrom(list.Accounts).Draw(rt, "account")
				a := ask()
				a.Account, a.Service = account.ID, rapid.SampledFrom([]roster.ServiceID{"dossier", "kairos"}).Draw(rt, "service")
				var want []policy.Why
				for n := range rapid.IntRange(1, 3).Draw(rt, "people") {
					a.People = append(a.People, policy.Opening{Person: storetest.Person(1000 + 10*i + n), Fields: rules.Purposes["accompany"]})
					next := tried{at: c.now(), account: account.ID, organisation: account.Organisation, service: a.Service}
					next.why = foretell(r, before, next)
					before, want = append(before, next), append(want, next.why)
				}
				for n, ruling := range settle(t, g, a).Decision.People {
					if ruling.Why != want[n] {
						rt.Fatalf("step %d, person %d: %v, counting again says %v", i, n, ruling.Why, want[n])
					}
				}
			}
		}
	})
}

// Promise: METER-4
func TestMETER_4_OneOrganisationsSpendingLeavesOthersTheirs(t *testing.T) {
	h := &house{t, filepath.Join(t.TempDir(), "poterne.db"), newClock()} // no desk that would have to admit a roster
	s := h.store()
	if err := storetest.TakeRoster(t, s, crowd(2)); err != nil {
		t.Fatal(err)
	}
	g, err := storetest.OpenNode(t.Context(), store.NewLedger(s), store.NewFacts(s), generous(func(r *policy.Rules) {
		r.Wider.Organisation = meter.Allowance{Short: meter.People(1), Long: meter.People(5)}
	}), h.clock.now)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = g.Run(t.Context()) }()
	open := func(account roster.AccountID, person int) policy.Ruling {
		a := ask(person)
		a.Account = account
		return settle(t, g, a).Decision.People[0]
	}
	if got := open("adviser-0-0", 1); got.Why != policy.Counted {
		t.Errorf("the first: %v", got.Why)
	}
	if got := open("adviser-0-1", 2); got.Why != policy.OrganisationEmpty || got.Counted != meter.Whole || got.Limit != meter.Whole {
		t.Errorf("a colleague: %v, %d of %d", got.Why, got.Counted, got.Limit)
	}
	if got := open("adviser-0-0", 1); got.Why != policy.AlreadySeen {
		t.Errorf("somebody seen already: %v", got.Why)
	}
	if got := open("adviser-1-0", 3); got.Why != policy.Counted {
		t.Errorf("the other organisation: %v", got.Why)
	}
}

// Promise: METER-4
func TestMETER_4_OneAccountNeverStopsItsColleagues(t *testing.T) {
	h := &house{t, filepath.Join(t.TempDir(), "poterne.db"), newClock()}
	staff := storetest.Staff()
	for i := range staff.Accounts {
		staff.Accounts[i].Opened = storetest.At.AddDate(-1, 0, 0)
	}
	karims := staff.Habilitations[0]
	karims.Account = "karim"
	staff.Habilitations = append(staff.Habilitations, karims)
	r := rules
	r.Allowances = map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(1), Long: meter.People(1)}}
	r.Wider.Organisation, r.Share, r.Signed = meter.Allowance{Short: meter.People(30), Long: meter.People(30)}, policy.Share, policy.Signed
	s := h.store()
	for _, list := range []accounts.List{staff, storetest.Signers()} {
		if err := storetest.TakeRoster(t, s, list); err != nil {
			t.Fatal(err)
		}
	}
	g, err := storetest.OpenNode(t.Context(), store.NewLedger(s), store.NewFacts(s), r, h.clock.now)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = g.Run(t.Context()) }()
	if err := (grants.Service{Journal: g, Now: h.clock.now}).Raise(t.Context(), grants.Raise{By: "deputy", Of: "pauline", People: 4, Until: h.clock.now().Add(time.Hour), Because: "shelter"}); err != nil {
		t.Fatal(err)
	}
	signed := 0
	for n := 1; n <= 20; n++ {
		got := settle(t, g, ask(1000+n))
		if got.Decision.People[0].Why == policy.LongEmpty {
			if err := (grants.Service{Journal: g, Most: policy.Signed, Now: h.clock.now}).Cosign(t.Context(), "chief", got.Receipt); err != nil {
				t.Fatal(err)
			}
			signed++
			got = settle(t, g, ask(1000+n))
		}
		ruling := got.Decision.People[0]
		if shown := n <= 10; ruling.Verdict.Shows() != shown {
			t.Fatalf("person %d is %v for %v, counted %v of %v", n, ruling.Verdict, ruling.Why, ruling.Counted.People(), ruling.Limit.People())
		}
		if n > 10 && (ruling.Why != policy.ShareReached || ruling.Limit != meter.People(10)) {
			t.Errorf("person %d: %v, limit %v", n, ruling.Why, ruling.Limit.People())
		}
		h.clock.advance(10 * time.Minute)
	}
	if signed == 0 {
		t.Error("nothing was signed for")
	}
	colleague := ask(2000)
	colleague.Account = "karim"
	if got := settle(t, g, colleague).Decision.People[0]; got.Why != policy.Counted {
		t.Errorf("a colleague: %v", got.Why)
	}
	if got := settle(t, g, ask(1001)).Decision.People[0]; got.Why != policy.AlreadySeen {
		t.Errorf("somebody seen already: %v", got.Why)
	}
}

func TestObservingHasAWallThatHolds(t *testing.T) {
	h := newHouse(t)
	r := rules
	r.Observed = policy.Observed{Everything: true, Most: 50}
	var nodes [2]*storetest.Node
	for i := range nodes {
		s := h.store()
		var err error
		if nodes[i], err = storetest.OpenNode(t.Context(), store.NewLedger(s), store.NewFacts(s), r, h.clock.now); err != nil {
			t.Fatal(err)
		}
		go func() { _ = nodes[i].Run(t.Context()) }()
	}
	sweep := func(first int) (shown int, last policy.Ruling) {
		show := func(node int, a policy.Ask) {
			for _, last = range settle(t, nodes[node%2], a).Decision.People {
				if last.Verdict.Shows() {
					shown++
				}
			}
		}
		for n := first; n < first+20; n++ {
			show(n, ask(n))
		}
		for n := first + 20; n < first+80; n += 20 { // the wall stands inside a search
			a := ask()
			for m := range 20 {
				a.People = append(a.People, policy.Opening{Person: storetest.Person(n + m), Fields: register.Name})
			}
			a.Signs = meter.SearchRow
			show(n/20, a)
		}
		return shown, last
	}
	shown, last := sweep(1000)
	if shown != 50 || last.Observed || !last.Why.Counts() && last.Why != policy.Frozen {
		t.Errorf("%d strangers shown to an account that is only observed, want 50; then %+v", shown, last)
	}
	if got := settle(t, nodes[0], ask(1)).Decision.People[0]; got.Why != policy.Explained {
		t.Errorf("of the caseload: %v", got.Why)
	}
	if got := settle(t, nodes[0], ask(1000)).Decision.People[0]; got.Why != policy.AlreadySeen && got.Why != policy.Frozen {
		t.Errorf("somebody seen already: %v", got.Why)
	}
	h.clock.advance(25 * time.Hour)
	if shown, _ := sweep(2000); shown > 50 {
		t.Errorf("%d the day after", shown)
	}
}

func TestAnOrderIsPlacedOnceOverNodes(t *testing.T) {
	h := newHouse(t)
	here, there := first(h.gate()), first(h.gate())
	narrowed := order.Order{Effect: order.Narrowed, Reach: order.Organisation, Target: "mlv", Ends: h.clock.now().Add(72 * time.Hour), By: journal.Itself}
	var placed atomic.Int64
	var wait sync.WaitGroup
	for i := range 20 {
		wait.Go(func() {
			did, err := []*storetest.Node{here, there}[i%2].PlaceOnce(context.Background(), narrowed)
			if err != nil {
				t.Error(err)
			}
			if did {
				placed.Add(1)
			}
		})
	}
	wait.Wait()
	if placed.Load() != 1 || len(here.Orders()) != 1 {
		t.Errorf("placed %d times, %d orders", placed.Load(), len(here.Orders()))
	}
	longer := narrowed
	longer.Ends = longer.Ends.Add(time.Hour)
	if did, err := there.PlaceOnce(t.Context(), longer); !did || err != nil {
		t.Errorf("one that lasts longer is placed: %v, %v", did, err)
	}
	told := 0
	for _, e := range entries(t, here, 0) {
		if e.Kind == ledger.Placed {
			told++
		}
	}
	if told != 2 {
		t.Errorf("the ledger tells of %d orders", told)
	}
	if _, err := here.PlaceOnce(t.Context(), order.Order{Effect: order.Narrowed, Reach: order.Everything, By: journal.Itself}); !fault.Is(err, fault.Invalid) {
		t.Errorf("an order that makes no sense: %v", err)
	}
}

func TestNarrowedAllowancesAreNotUndoneAsAFreezeIs(t *testing.T) {
	h := newHouse(t)
	g, _ := h.gate()
	placed, err := g.Place(t.Context(), order.Order{Effect: order.Narrowed, Reach: order.Account, Target: "pauline", Ends: h.clock.now().Add(time.Hour), By: journal.Itself})
	if err != nil {
		t.Fatal(err)
	}
	undo := containment.Undo{ID: placed.ID, By: "chief", Because: "she is who she is"}
	if err := (containment.Service{Writer: g.Journal}).Undo(t.Context(), undo); !fault.Is(err, fault.Absent) {
		t.Errorf("undone with %v", err)
	}
}
