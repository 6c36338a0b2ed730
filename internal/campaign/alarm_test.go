package campaign_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"poterne/internal/campaign"
	"poterne/internal/i18n"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/roster"
)

// region is a town of three honest organisations of advisers, on honest devices, over
// three weeks; what is done to it then is up to a test.
func region(seed uint64) (*town, []*ledger.Entry) {
	t := newTown(seed)
	for _, organisation := range []roster.OrganisationID{"north", "south", "east"} {
		for range 20 {
			t.join(organisation, advising, 1)
		}
	}
	var entries []*ledger.Entry
	for d := range 19 {
		entries = append(entries, t.write(t.day(monday.AddDate(0, 0, d)))...)
	}
	return t, entries
}

// friday is the last of those days, in the evening.
var friday = monday.AddDate(0, 0, 18).Add(19 * time.Hour)

// steal has an account open strangers at even intervals from a time on.
func (t *town) steal(a roster.Account, from time.Time, every time.Duration, people int, change func(*ledger.Entry)) (entries []*ledger.Entry) {
	for i := range people {
		e := t.shown(a, from.Add(time.Duration(i)*every), meter.Whole)
		if i >= 3 { // the hour's allowance is empty
			e.Verdict, e.Why, e.Cost, e.Fields = policy.AskStepUp, policy.ShortEmpty, 0, 0
		}
		change(e)
		entries = append(entries, e)
	}
	return entries
}

func aggregatesOf(t *town, entries []*ledger.Entry) *campaign.Aggregates {
	aggregates := campaign.NewAggregates(t.rules())
	for _, e := range entries {
		aggregates.Take(e)
	}
	return aggregates
}

// Alarms that are added up of the busy bonds alone are those of all, after each hour of a theft by many.
func TestWATCH_4_AlarmsOfBusyBondsAreThoseOfAll(t *testing.T) {
	town, entries := region(7)
	kept, whole := aggregatesOf(town, entries), aggregatesOf(town, entries)
	from, ever := friday.Add(time.Hour), 0
	last := kept.Alarms(from)
	for hour := range 12 {
		at := from.Add(time.Duration(hour) * time.Hour)
		for i := range 1 + hour%4 {
			who := town.staff[(hour*7+i*3)%20].Account
			for _, e := range town.steal(who, at.Add(time.Duration(i)*time.Minute), 7*time.Minute, 6, func(e *ledger.Entry) { e.Device = "stolen" }) {
				kept.Take(e)
				whole.Take(e)
			}
		}
		last = kept.AlarmsSince(last, at)
		if want := whole.Alarms(at); !reflect.DeepEqual(last, want) {
			t.Fatalf("in hour %d %+v alarms; of all it is %+v", hour, last, want)
		}
		ever = max(ever, len(last))
	}
	if ever < 2 {
		t.Fatalf("%d alarms at most: nothing was held against anything", ever)
	}
}

// Where nobody looks at alarms for months, no more bonds wait to be judged than are known.
func TestWATCH_4_BondsThatAreForgottenWaitForNobody(t *testing.T) {
	town, entries := region(8)
	aggregates := aggregatesOf(town, entries)
	for d := range 90 {
		aggregates.Take(town.steal(town.staff[0].Account, friday.AddDate(0, 0, d+1), time.Minute, 1, func(e *ledger.Entry) { e.Device = fmt.Sprint("device-", d) })[0])
	}
	if known, busy := aggregates.Remembered(); busy > known || known == 0 {
		t.Errorf("%d bonds are known, and %d wait to be judged", known, busy)
	}
}

// Promise: WATCH-4
func TestWATCH_4_EvidenceIsAddedUpOverAccountsThatShareSomething(t *testing.T) {
	proposedBy := func(manager roster.AccountID, who ...int) func(*campaign.Rules) {
		return func(r *campaign.Rules) {
			known := r.Account
			r.Account = func(id roster.AccountID) roster.Account {
				a := known(id)
				if slices.ContainsFunc(who, func(i int) bool { return id == roster.AccountID(fmt.Sprint("a-", i)) }) {
					a.Proposer = manager
				}
				return a
			}
		}
	}
	nothing := func(int, *ledger.Entry) {}
	across := []int{0, 1, 2, 20, 21, 22, 40, 41, 42}
	for name, test := range map[string]struct {
		thieves []int // of the accounts; twenty of each organisation
		people  int   // each
		every   time.Duration
		change  func(int, *ledger.Entry)
		rules   func(*campaign.Rules)
		want    []campaign.Bond
	}{
		"nobody steals": {nil, 0, 0, nothing, nil, nil},
		"nine thieves who share nothing that tells": {across, 5, 0, func(i int, e *ledger.Entry) {
			e.Time = e.Time.Add(time.Duration(i*i) * time.Minute)
		}, nil, nil},
		"one account steals much, which is its meter's business":   {[]int{3}, 60, 7 * time.Second, nothing, nil, nil},
		"ten accounts of one organisation":                         {[]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 6, 0, nothing, nil, []campaign.Bond{{Shared: campaign.Organisation, Name: "north"}}},
		"accounts of three organisations on one device":            {across, 5, 0, func(_ int, e *ledger.Entry) { e.Device = "thief" }, nil, []campaign.Bond{{Shared: campaign.Device, Name: "thief"}}},
		"accounts of three organisations on a rare network":        {across[:6], 8, 0, func(_ int, e *ledger.Entry) { e.Network = "hosting" }, nil, []campaign.Bond{{Shared: campaign.Network, Name: "hosting"}}},
		"on a network from which many work":                        {across[:6], 6, 0, nothing, nil, nil},
		"accounts of three organisations that one manager made":    {across, 5, 0, nothing, proposedBy("jeanne", across...), []campaign.Bond{{Shared: campaign.Proposer, Name: "jeanne"}}},
		"accounts of three organisations in the same even rhythm":  {across, 9, 20 * time.Second, nothing, nil, []campaign.Bond{{Shared: campaign.Rhythm, Name: "20s"}}},
		"accounts of three organisations, each in its own rhythm":  {across[:6], 7, 20 * time.Second, stretched, nil, nil},
		"nine accounts that are made by as many managers, or none": {across, 5, 0, nothing, proposedBy("jeanne", 0), nil},
	} {
		t.Run(name, func(t *testing.T) {
			town, entries := region(1)
			var theft []*ledger.Entry
			for i, thief := range test.thieves {
				theft = append(theft, town.steal(town.staff[thief].Account, friday, test.every, test.people, func(e *ledger.Entry) { test.change(i, e) })...)
			}
			rules := town.rules()
			if test.rules != nil {
				test.rules(&rules)
			}
			aggregates := campaign.NewAggregates(rules)
			for _, e := range append(entries, town.write(theft)...) {
				aggregates.Take(e)
			}
			var got []campaign.Bond
			for _, a := range aggregates.Alarms(friday.Add(time.Hour)) {
				got = append(got, a.Bond)
				if a.Days != int(friday.Sub(a.Since).Hours()/24)+1 || a.People <= a.Usual || len(a.Accounts) < 2 {
					t.Errorf("%+v", a)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("alarms for %v, want %v", got, test.want)
			}
		})
	}
}

// How many people a campaign is shown before the desk is told. Freezes and what they
// narrow come sooner, when the thieves are fast; this is what is left for slow ones.
func TestHowFarACampaignGetsBeforeItAlarms(t *testing.T) {
	for _, test := range []struct {
		name    string
		thieves []int
		daily   int // strangers for each
		change  func(*ledger.Entry)
		most    int // people shown before the alarm
	}{
		{"10 of 20 accounts of an organisation, 3 a day each", []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 3, func(*ledger.Entry) {}, 60},
		{"9 accounts on one device, 1 a day each", []int{0, 1, 2, 20, 21, 22, 40, 41, 42}, 1, func(e *ledger.Entry) { e.Device = "thief" }, 130},
		{"9 accounts on one device, 3 a day each", []int{0, 1, 2, 20, 21, 22, 40, 41, 42}, 3, func(e *ledger.Entry) { e.Device = "thief" }, 45},
		{"5 accounts on a rare network, 3 a day each", []int{0, 1, 20, 21, 40}, 3, func(e *ledger.Entry) { e.Network = "hosting" }, 45},
	} {
		t.Run(test.name, func(t *testing.T) {
			town, entries := region(1)
			aggregates := aggregatesOf(town, entries)
			people := 0
			for d := range 28 {
				today := monday.AddDate(0, 0, 21+d)
				honest := town.day(today)
				for _, thief := range test.thieves {
					if len(honest) > 0 {
						honest = append(honest, town.steal(town.staff[thief].Account, today.Add(19*time.Hour), 7*time.Minute, test.daily, test.change)...)
					}
				}
				for _, e := range town.write(honest) {
					aggregates.Take(e)
					if e.Time.Hour() < 19 {
						continue
					}
					people++
					if alarms := aggregates.Alarms(e.Time); len(alarms) > 0 {
						t.Logf("%s: the desk is told after %d people, on day %d: %s", test.name, people, d+1, i18n.English.Sentence(alarms[0]))
						if people > test.most {
							t.Errorf("after %d people, at most %d are accepted", people, test.most)
						}
						return
					}
				}
			}
			t.Errorf("nobody is told in 28 days and %d people", people)
		})
	}
}

// stretched gives each account an interval of its own.
func stretched(i int, e *ledger.Entry) {
	since := e.Time.Sub(friday)
	e.Time = friday.Add(since * time.Duration(1+3*i))
}

func TestADayThatIsBusyEverywhereAlarmsNobody(t *testing.T) {
	for name, test := range map[string]struct {
		busy []roster.OrganisationID
		want int
	}{
		"everywhere":               {[]roster.OrganisationID{"north", "south", "east"}, 0},
		"in one organisation only": {[]roster.OrganisationID{"north"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			town := newTown(3)
			for _, organisation := range []roster.OrganisationID{"north", "south", "east"} {
				for range 60 {
					town.join(organisation, desk, 1)
				}
			}
			var entries []*ledger.Entry
			for d := range 19 {
				if d == 14 {
					for i := range town.staff {
						if slices.Contains(test.busy, town.staff[i].Organisation) {
							town.staff[i].factor = 1.9
						}
					}
				}
				entries = append(entries, town.write(town.day(monday.AddDate(0, 0, d)))...)
			}
			rules := town.rules()
			rules.Watches = map[roster.Role]policy.Watch{roster.Desk: {Forgiven: 320}} // a mean of 2
			aggregates := campaign.NewAggregates(rules)
			for _, e := range entries {
				aggregates.Take(e)
			}
			if alarms := aggregates.Alarms(friday); len(alarms) != test.want {
				t.Errorf("%d alarms, want %d: %v", len(alarms), test.want, alarms)
			}
		})
	}
}

func TestWhatAnApplicationListsNobodyAskedFor(t *testing.T) {
	town, entries := region(1)
	var lists []*ledger.Entry
	for i := range 10 {
		list := town.steal(town.staff[i].Account, friday, 0, 40, func(*ledger.Entry) {})
		lists = append(lists, list[3:]...) // 37 whom the answer would have listed are withheld
	}
	for i, e := range town.write(lists) {
		e.Receipt = ledger.Number(i / 37 * 37)
		entries = append(entries, e)
	}
	if alarms := aggregatesOf(town, entries).Alarms(friday); len(alarms) != 0 {
		t.Errorf("%v", alarms)
	}
}

// resumedAt returns aggregates that were kept and resumed after so many of the entries.
func resumedAt(t *testing.T, town *town, entries []*ledger.Entry, after int) *campaign.Aggregates {
	t.Helper()
	resumed, err := campaign.Resumed(aggregatesOf(town, entries[:after]))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries[after:] {
		resumed.Take(e)
	}
	return resumed
}

// What is rebuilt from the entries of the last weeks, or goes on from what was kept on any
// of its days, is what was carried on.
func TestSumsRebuiltFromTheLedgerAreTheSameAsThoseCarriedOn(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		town := newTown(rapid.Uint64Range(0, 1000).Draw(rt, "seed"))
		for i := range 3 {
			for range 8 {
				town.join(roster.OrganisationID(fmt.Sprint("o-", i)), []trade{advising, desk, training}[i], 1)
			}
		}
		var all []*ledger.Entry
		for d := range 45 {
			today := monday.AddDate(0, 0, d)
			entries := town.day(today)
			for range rapid.IntRange(0, 2).Draw(rt, "thefts") {
				thief := town.staff[rapid.IntRange(0, len(town.staff)-1).Draw(rt, "thief")]
				entries = append(entries, town.steal(thief.Account, today.Add(19*time.Hour), 30*time.Second, rapid.IntRange(1, 30).Draw(rt, "people"), func(e *ledger.Entry) {
					e.Device, e.Network = "thief", "hosting"
				})...)
			}
			all = append(all, town.write(entries)...)
		}
		now := monday.AddDate(0, 0, 44).Add(20 * time.Hour)
		first, _ := slices.BinarySearchFunc(all, now.Add(-campaign.Reach), func(e *ledger.Entry, at time.Time) int { return e.Time.Compare(at) })
		carried, rebuilt := aggregatesOf(town, all), campaign.NewAggregates(town.rules())
		rebuilt.Since(now.Add(-campaign.Reach))
		for _, e := range all[first:] {
			rebuilt.Take(e)
		}
		cut := rapid.IntRange(0, len(all)).Draw(rt, "kept")
		resumed := resumedAt(t, town, all, cut)
		if a, b := carried.Alarms(now), resumed.Alarms(now); !reflect.DeepEqual(a, b) {
			rt.Errorf("carried on: %v\nresumed: %v", a, b)
		}
		if a, b := carried.Surges(now), resumed.Surges(now); !reflect.DeepEqual(a, b) {
			rt.Errorf("carried on: %v\nresumed: %v", a, b)
		}
		if a, b := carried.Alarms(now), rebuilt.Alarms(now); !reflect.DeepEqual(a, b) {
			rt.Errorf("carried on: %v\nrebuilt: %v", a, b)
		}
		if a, b := carried.Surges(now), rebuilt.Surges(now); !reflect.DeepEqual(a, b) {
			rt.Errorf("carried on: %v\nrebuilt: %v", a, b)
		}
	})
}

// A page that is looked at while the weeks before are still being read changes nothing of them:
// neither what alarms later, nor since when hours are compared.
// Promise: WATCH-4
func TestWATCH_4_WhoeverLooksWhileTheWeeksAreReadChangesNothing(t *testing.T) {
	town := newTown(7)
	for i := range 60 {
		town.join(roster.OrganisationID(fmt.Sprint("o-", i%20)), desk, 1)
	}
	var entries []*ledger.Entry
	last := monday.AddDate(0, 0, 18)
	for d := range 19 {
		today := town.day(monday.AddDate(0, 0, d))
		if d == 18 {
			for _, w := range town.staff {
				for i := range 2 {
					today = append(today, town.shown(w.Account, last.Add(15*time.Hour+time.Duration(i)*time.Minute), meter.Whole))
				}
			}
		}
		entries = append(entries, town.write(today)...)
	}
	now := last.Add(18 * time.Hour)
	alone, looked := aggregatesOf(town, entries), campaign.NewAggregates(town.rules())
	for i, e := range entries {
		if i%100 == 0 {
			looked.Alarms(now)
			looked.Thefts(now)
			looked.Surges(now)
			looked.Compares(now)
		}
		looked.Take(e)
	}
	if !alone.Compares(now) || len(alone.Surges(now)) != 1 {
		t.Fatalf("the hour does not stand out: %+v", alone.Surges(now))
	}
	if !looked.Compares(now) || !reflect.DeepEqual(looked.Surges(now), alone.Surges(now)) {
		t.Errorf("looked at meanwhile, it compares: %t, with %+v", looked.Compares(now), looked.Surges(now))
	}
	if !looked.Same(alone) {
		t.Error("the sums are others")
	}
}

// Promise: WATCH-4
func TestWATCH_4_AnHourThatStandsOutOfTheWholeRegisterIsSeen(t *testing.T) {
	for name, test := range map[string]struct {
		days   int
		people int // by each desk in one hour more
		want   int
	}{
		"an ordinary day":             {33, 0, 0},
		"many more in one hour":       {33, 2, 1},
		"too early to say":            {12, 2, 0},
		"with two weeks to look back": {19, 2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			town := newTown(7)
			for i := range 100 {
				town.join(roster.OrganisationID(fmt.Sprint("o-", i%20)), desk, 1)
			}
			var entries []*ledger.Entry
			last := monday.AddDate(0, 0, test.days-1)
			for d := range test.days {
				today := town.day(monday.AddDate(0, 0, d))
				if d == test.days-1 {
					for _, w := range town.staff {
						for i := range test.people {
							today = append(today, town.shown(w.Account, last.Add(15*time.Hour+time.Duration(i)*time.Minute), meter.Whole))
						}
					}
				}
				entries = append(entries, town.write(today)...)
			}
			surges := aggregatesOf(town, entries).Surges(last.Add(18 * time.Hour))
			if len(surges) != test.want {
				t.Fatalf("%+v, want %d", surges, test.want)
			}
			for _, s := range surges {
				if !s.From.Equal(last.Add(15*time.Hour)) || s.Role != roster.Desk || s.People <= 2*s.Usual || s.Weeks < 2 {
					t.Errorf("%+v", s)
				}
			}
		})
	}
}

// Promise: WATCH-6
func TestWATCH_6_AnAlarmIsSaidInASentence(t *testing.T) {
	alarm := campaign.Alarm{
		Bond: campaign.Bond{Shared: campaign.Device, Name: "d"}, Accounts: []roster.AccountID{"a", "b", "c"}, People: 41, Usual: 6, Days: 3,
	}
	for in, want := range map[i18n.Language]string{
		i18n.French:  "En 3 jours, 3 comptes sur le même appareil ont demandé à eux tous 41 personnes sans motif ; autant de comptes en demandent d’ordinaire 6.",
		i18n.English: "In 3 days, 3 accounts on one device asked for 41 people without a reason, in all; 6 would be usual for so many.",
	} {
		if got := in.Sentence(alarm); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for _, shared := range []campaign.Shared{campaign.Organisation, campaign.Proposer, campaign.Device, campaign.Network, campaign.Rhythm} {
		alarm.Shared, alarm.Days = shared, 1
		if fr, en := i18n.French.Sentence(alarm), i18n.English.Sentence(alarm); !strings.HasPrefix(fr, "Aujourd’hui, 3 comptes ") || !strings.HasPrefix(en, "Today, 3 accounts ") {
			t.Errorf("%s, %s", fr, en)
		}
	}
}
