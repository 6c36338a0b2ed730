package retention_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/ledger/retention"
)

// Promise: LEDGER-6
func TestLEDGER_6_ASettingIsWithinBoundsAndALongOneHasAReason(t *testing.T) {
	for sentence, test := range map[string]struct {
		setting retention.Setting
		says    string // nothing: it may be set
	}{
		"the default":               {retention.Setting{Months: 12}, ""},
		"the shortest":              {retention.Setting{Months: 6}, ""},
		"a month less":              {retention.Setting{Months: 5}, "6 to 36 months"},
		"nothing":                   {retention.Setting{}, "6 to 36 months"},
		"a month more than default": {retention.Setting{Months: 13}, "takes a reason"},
		"with a blank for a reason": {retention.Setting{Months: 13, Reason: " "}, "takes a reason"},
		"with a reason":             {retention.Setting{Months: 13, Reason: "an inquiry"}, ""},
		"the longest":               {retention.Setting{Months: 36, Reason: "an inquiry"}, ""},
		"a month beyond":            {retention.Setting{Months: 37, Reason: "an inquiry"}, "6 to 36 months"},
	} {
		t.Run(sentence, func(t *testing.T) {
			err := test.setting.Check()
			if (err == nil) != (test.says == "") || err != nil && (!strings.Contains(err.Error(), test.says) || !fault.Is(err, fault.Invalid)) {
				t.Errorf("%v", err)
			}
		})
	}
}

// Promise: LEDGER-5
func TestLEDGER_5_ATermIsTheLongestThatWasSetSinceTheMonthBegan(t *testing.T) {
	set := func(since ledger.Number, months int) retention.Setting {
		return retention.Setting{Since: since, Months: months}
	}
	for sentence, test := range map[string]struct {
		settings []retention.Setting
		first    ledger.Number // of the month
		want     int
	}{
		"nothing was ever set":                          {nil, 0, 12},
		"lengthened before the month":                   {[]retention.Setting{set(50, 24)}, 100, 24},
		"lengthened within the month":                   {[]retention.Setting{set(150, 24)}, 100, 24},
		"lengthened long after the month":               {[]retention.Setting{set(5000, 24)}, 100, 24},
		"shortened before the month":                    {[]retention.Setting{set(50, 6)}, 100, 6},
		"shortened by the month's first entry":          {[]retention.Setting{set(100, 6)}, 100, 6},
		"shortened by its second":                       {[]retention.Setting{set(101, 6)}, 100, 12},
		"shortened after the month":                     {[]retention.Setting{set(5000, 6)}, 100, 12},
		"lengthened and shortened before the month":     {[]retention.Setting{set(50, 36), set(60, 12)}, 100, 12},
		"lengthened before, shortened within it":        {[]retention.Setting{set(50, 36), set(160, 6)}, 100, 36},
		"lengthened for a while after the month":        {[]retention.Setting{set(200, 36), set(300, 6)}, 100, 36},
		"shortened twice, the first before the month":   {[]retention.Setting{set(50, 9), set(150, 6)}, 100, 9},
		"shortened, and written before anything was":    {[]retention.Setting{set(3, 6)}, 0, 12},
		"shortened twice, both before the month began":  {[]retention.Setting{set(50, 9), set(70, 6)}, 100, 6},
		"shortened then lengthened, both after a month": {[]retention.Setting{set(150, 6), set(200, 9)}, 100, 12},
	} {
		t.Run(sentence, func(t *testing.T) {
			if got := (retention.Schedule{Settings: test.settings}).Term(test.first); got != test.want {
				t.Errorf("%d months, want %d", got, test.want)
			}
		})
	}
}

// naiveTerm looks at every entry since the month began, one after the other.
func naiveTerm(settings []retention.Setting, first ledger.Number) (term int) {
	last := first
	for _, s := range settings {
		last = max(last, s.Since)
	}
	for number := first; number <= last; number++ {
		months := retention.Default
		for _, s := range settings {
			if s.Since <= number {
				months = s.Months
			}
		}
		term = max(term, months)
	}
	return term
}

// Promise: LEDGER-5
func TestLEDGER_5_NoLaterSettingMakesATermShorter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var schedule retention.Schedule
		first := ledger.Number(rapid.IntRange(0, 40).Draw(t, "first"))
		next := ledger.Number(0)
		for range rapid.IntRange(0, 8).Draw(t, "settings") {
			next += ledger.Number(rapid.IntRange(1, 10).Draw(t, "later"))
			before := schedule.Term(first)
			schedule.Settings = append(schedule.Settings, retention.Setting{Since: next, Months: rapid.IntRange(retention.Shortest, retention.Longest).Draw(t, "months")})
			after := schedule.Term(first)
			if next > first && after < before {
				t.Fatalf("entry %d made the term of what was written from %d on %d months, it was %d", next, first, after, before)
			}
			if want := naiveTerm(schedule.Settings, first); after != want {
				t.Fatalf("%v: %d months from %d on, want %d", schedule.Settings, after, first, want)
			}
		}
	})
}

// month reads a month that is one.
func month(t *testing.T, text string) ledger.Month {
	t.Helper()
	m, err := ledger.ParseMonth(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// following is so many months, ten entries each; the last is open.
func following(from ledger.Month, months int) (periods []ledger.Period) {
	for i := range months {
		first := ledger.Number(10 * i)
		periods = append(periods, ledger.Period{Month: from.Plus(i), First: first, End: first + 10, Open: i == months-1})
	}
	return periods
}

func TestLEDGER_6_AMonthIsDueOnceItsTermHasPassed(t *testing.T) {
	november := month(t, "2025-11")
	due := november.Plus(13).Begins()
	for sentence, test := range map[string]struct {
		months      int // written, from November 2025 on
		last, clock time.Time
		change      func([]ledger.Period)
		schedule    retention.Schedule
		want        []retention.State // of the oldest
	}{
		"the month that is written":              {1, due.AddDate(9, 0, 0), due.AddDate(9, 0, 0), nil, retention.Schedule{}, []retention.State{retention.Open}},
		"a moment before":                        {14, due, due.Add(-time.Microsecond), nil, retention.Schedule{}, []retention.State{retention.Closed}},
		"the very moment":                        {14, due, due, nil, retention.Schedule{}, []retention.State{retention.Due, retention.Closed}},
		"a clock set ahead":                      {13, due.Add(-time.Hour), due.AddDate(9, 0, 0), nil, retention.Schedule{}, []retention.State{retention.Closed}},
		"a last entry from the future":           {14, due.AddDate(9, 0, 0), due.Add(-time.Hour), nil, retention.Schedule{}, []retention.State{retention.Closed}},
		"two months due":                         {15, due.AddDate(0, 1, 0), due.AddDate(0, 1, 0), nil, retention.Schedule{}, []retention.State{retention.Due, retention.Due, retention.Closed}},
		"a month that was dropped":               {15, due.AddDate(0, 1, 0), due.AddDate(0, 1, 0), func(p []ledger.Period) { p[0].Dropped = true }, retention.Schedule{}, []retention.State{retention.Dropped, retention.Due}},
		"a longer setting":                       {14, due, due, nil, retention.Schedule{Settings: []retention.Setting{{Since: 135, Months: 13}}}, []retention.State{retention.Closed}},
		"a shorter setting, once it was written": {14, due, due, nil, retention.Schedule{Settings: []retention.Setting{{Since: 35, Months: 6}}}, []retention.State{retention.Due, retention.Closed, retention.Closed, retention.Closed, retention.Waiting}},
		"a hold":                                 {15, due.AddDate(0, 1, 0), due.AddDate(0, 1, 0), nil, retention.Schedule{Holds: []retention.Hold{{Number: 9, Since: november, Until: november}}}, []retention.State{retention.Held, retention.Waiting}},
		"a hold on the second":                   {15, due.AddDate(0, 1, 0), due.AddDate(0, 1, 0), nil, retention.Schedule{Holds: []retention.Hold{{Number: 9, Since: november.Plus(1)}}}, []retention.State{retention.Due, retention.Held, retention.Held}},
		"a hold that was released":               {14, due, due, nil, retention.Schedule{Holds: []retention.Hold{{Number: 9, Since: november, Released: true, Release: 10}}}, []retention.State{retention.Due}},
		"one of two holds that was released":     {14, due, due, nil, retention.Schedule{Holds: []retention.Hold{{Number: 9, Since: november, Released: true, Release: 10}, {Number: 8, Since: november.Plus(-3)}}}, []retention.State{retention.Held}},
	} {
		t.Run(sentence, func(t *testing.T) {
			periods := following(november, test.months)
			if test.change != nil {
				test.change(periods)
			}
			var states []retention.State
			for _, m := range test.schedule.Months(periods, test.last, test.clock) {
				states = append(states, m.State)
			}
			if len(states) < len(test.want) || !slices.Equal(states[:len(test.want)], test.want) {
				t.Errorf("they are %v, want %v", states, test.want)
			}
		})
	}
}

// A clock that is set ahead, and a program that writes by it, make the last entry as
// wrong as the clock. What the ledger has lived through bears them out, or does not.
func TestLEDGER_5_AClockThatLeapsAheadDropsNothing(t *testing.T) {
	november := month(t, "2025-11")
	for sentence, test := range map[string]struct {
		written []int // months after November 2025
		want    retention.State
	}{
		"every month was written":                {[]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}, retention.Due},
		"a leap of nine years":                   {[]int{0, 1, 2, 3, 108}, retention.Doubted},
		"a leap in the last month of the term":   {[]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14}, retention.Doubted},
		"a leap, and a month that begins there":  {[]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 108, 109}, retention.Doubted},
		"a summer without anybody":               {[]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13}, retention.Doubted},
		"a summer without anybody, and two more": {[]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15}, retention.Due},
	} {
		t.Run(sentence, func(t *testing.T) {
			var periods []ledger.Period
			for i, after := range test.written {
				first := ledger.Number(10 * i)
				periods = append(periods, ledger.Period{Month: november.Plus(after), First: first, End: first + 10, Open: i == len(test.written)-1})
			}
			now := periods[len(periods)-1].Begins().AddDate(0, 0, 20)
			if got := (retention.Schedule{}).Months(periods, now, now)[0].State; got != test.want {
				t.Errorf("November is %s, want %s", got, test.want)
			}
		})
	}
}

// Promise: LEDGER-5
func TestLEDGER_5_NothingIsDueBeforeItsTimeHoweverTheClockLeaps(t *testing.T) {
	november := month(t, "2025-11")
	rapid.Check(t, func(t *rapid.T) {
		ahead := 0
		var periods []ledger.Period
		var truly []int // in which month each was begun
		lived := rapid.IntRange(1, 60).Draw(t, "months")
		for now := range lived {
			if rapid.IntRange(0, 15).Draw(t, "leap") == 0 {
				ahead += rapid.IntRange(2, 100).Draw(t, "by")
			}
			if rapid.IntRange(0, 15).Draw(t, "quiet") > 0 {
				periods = append(periods, ledger.Period{Month: november.Plus(now + ahead), First: ledger.Number(10 * now)})
				truly = append(truly, now)
			}
		}
		if len(periods) == 0 {
			return
		}
		periods[len(periods)-1].Open = true
		last := november.Plus(lived - 1 + ahead).Begins()
		schedule := retention.Schedule{Settings: []retention.Setting{{Months: rapid.IntRange(retention.Shortest, retention.Longest).Draw(t, "term")}}}
		for i, m := range schedule.Months(periods, last, last) {
			if m.State == retention.Due && lived-1 < truly[i]+1+m.Term {
				t.Fatalf("%s was begun in month %d, and is due in month %d at a term of %d", m.Month, truly[i], lived-1, m.Term)
			}
		}
	})
}

func TestAHoldIsFromAMonthOn(t *testing.T) {
	march := month(t, "2026-03")
	for sentence, test := range map[string]struct {
		hold retention.Hold
		says string
	}{
		"of one month":         {retention.Hold{Since: march, Until: march, Because: "a"}, ""},
		"without an end":       {retention.Hold{Since: march, Because: "a"}, ""},
		"without a beginning":  {retention.Hold{Until: march, Because: "a"}, "begins with a month"},
		"that ends before":     {retention.Hold{Since: march, Until: march.Plus(-1), Because: "a"}, "begins with 2026-03 cannot end with 2026-02"},
		"without a reason":     {retention.Hold{Since: march}, "takes a reason"},
		"with a blank for one": {retention.Hold{Since: march, Because: "\t"}, "takes a reason"},
	} {
		if err := test.hold.Check(); (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("a hold %s: %v", sentence, err)
		}
	}
	hold := retention.Hold{Since: march, Until: march.Plus(2), Approver: "samir", Because: "an inquiry"}
	for after, want := range map[int]bool{-1: false, 0: true, 2: true, 3: false} {
		if got := hold.Keeps(march.Plus(after)); got != want {
			t.Errorf("it keeps %s: %v", march.Plus(after), got)
		}
	}
	if hold.Until = 0; !hold.Keeps(march.Plus(100)) || hold.Keeps(march.Plus(-1)) {
		t.Error("without an end it does not keep what comes")
	}
}

// Promise: LEDGER-5
func TestLEDGER_5_TheTablesAreHeldAgainstTheLedger(t *testing.T) {
	march := month(t, "2026-03")
	setting := retention.Setting{Since: 5, Months: 6}
	hold := retention.Hold{Number: 7, Since: march, Approver: "samir", Because: "an inquiry", Released: true, Release: 9}
	written := map[ledger.Number]ledger.Entry{
		5: {Kind: ledger.Retained, Count: 6},
		7: {Kind: ledger.Held, Approver: "samir", First: march, Note: "an inquiry"},
		9: {Kind: ledger.Released, From: 7, End: 8},
	}
	for sentence, test := range map[string]struct {
		first  ledger.Number
		change func(*retention.Schedule)
		says   string
	}{
		"as it was written":                    {0, func(*retention.Schedule) {}, ""},
		"a setting nobody wrote":               {0, func(b *retention.Schedule) { b.Settings = append(b.Settings, retention.Setting{Since: 8, Months: 6}) }, "holding a setting against the ledger"},
		"another setting":                      {0, func(b *retention.Schedule) { b.Settings[0].Months = 7 }, "a setting as entry 5"},
		"another reason":                       {0, func(b *retention.Schedule) { b.Holds[0].Because = "none" }, "a hold as entry 7"},
		"an earlier end":                       {0, func(b *retention.Schedule) { b.Holds[0].Until = march }, "a hold as entry 7"},
		"a release nobody wrote":               {0, func(b *retention.Schedule) { b.Holds[0].Release = 8 }, "holding a release against the ledger"},
		"another hold's release":               {0, func(b *retention.Schedule) { b.Holds[0].Number, b.Holds[0].Since = 6, march.Plus(1) }, "holding a hold against the ledger"},
		"a release that is another entry":      {0, func(b *retention.Schedule) { b.Holds[0].Release = 5 }, "a release as entry 5"},
		"entries that were dropped themselves": {10, func(b *retention.Schedule) { b.Settings[0].Months = 7 }, ""},
	} {
		t.Run(sentence, func(t *testing.T) {
			schedule := retention.Schedule{Settings: []retention.Setting{setting}, Holds: []retention.Hold{hold}}
			test.change(&schedule)
			err := schedule.Vouch(test.first, func(number ledger.Number) (ledger.Entry, error) {
				if entry, ok := written[number]; ok {
					return entry, nil
				}
				return ledger.Entry{}, errors.New("there is none")
			})
			if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v", err)
			}
		})
	}
}
