package meter_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"poterne/internal/meter"
	"poterne/internal/register"
)

var noon = time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)

func person(n int) register.PersonID { return register.PersonID{byte(n), byte(n >> 8), 1} }

// counts says whether an event counts for a limit: not when it was only observed then,
// and is enforced now.
func counts(e meter.Event, limit, observed meter.Limits) bool {
	return e.Spared&limit == 0 || observed&limit != 0
}

// ledger is the naive oracle: the events themselves, looked through each time.
type ledger []meter.Event

func (l ledger) spent(span time.Duration, observed meter.Limits, now time.Time) (sum meter.Cost) {
	limit := meter.MonthLimit
	if span == meter.Hour {
		limit = meter.HourLimit
	}
	since := now.Add(-span).UnixMicro()
	var charged []meter.Cost
	back := l.refunded()
	for i, e := range l {
		switch {
		case e.At.UnixMicro() <= since, back[i]:
		case span != meter.Hour && l[:i].signed(e):
		case e.Kind == meter.Shown && e.Cost > 0 && counts(e, limit, observed):
			charged = append(charged, e.Cost)
		case e.Kind == meter.SteppedUp && span == meter.Hour:
			for i := range charged {
				charged[i] /= 2
			}
		}
	}
	for _, cost := range charged {
		sum += cost
	}
	return sum
}

func (l ledger) seen(p register.PersonID, now time.Time) (fields register.Fields, any bool) {
	for _, e := range l {
		if e.Kind == meter.Shown && e.Person == p && e.At.Unix() > now.Add(-meter.Memory).Unix() {
			fields, any = fields|e.Fields, true
		}
	}
	return fields, any
}

// reasons counts the people shown for a reason.
func (l ledger) reasons(observed meter.Limits, now time.Time) int {
	people := make(map[register.PersonID]bool)
	for _, e := range l {
		if e.Kind == meter.Shown && (e.Ground == meter.Own || e.Ground == meter.Ticketed) && e.At.Unix() > now.Add(-meter.Memory).Unix() && counts(e, meter.CeilingLimit, observed) {
			people[e.Person] = true
		}
		if e.Kind == meter.Refunded && e.Since.Unix() > now.Add(-meter.Memory).Unix() && counts(e, meter.CeilingLimit, observed) {
			people[e.Person] = true
		}
	}
	return len(people)
}

// first counts the people shown for a reason in rows within a day, whom the account had not been
// shown within 28 days.
func (l ledger) first(now time.Time) int {
	people := make(map[register.PersonID]bool)
	for i, e := range l {
		if e.Kind != meter.Shown || e.Ground != meter.Own && e.Ground != meter.Ticketed || e.At.Unix() <= now.Add(-24*time.Hour).Unix() || e.At.After(now) || !e.Signs.InRow() {
			continue
		}
		if _, seen := l[:i].seen(e.Person, e.At); !seen {
			people[e.Person] = true
		}
	}
	return len(people)
}

// refunded are the places of the openings whose cost came back.
func (l ledger) refunded() map[int]bool {
	back := make(map[int]bool)
	for n, r := range l {
		for i, e := range l[:n] {
			if r.Kind == meter.Refunded && paid(e) && e.Person == r.Person && e.At.Equal(r.Since) && !back[i] && !l[:i].signed(e) {
				back[i] = true
				break
			}
		}
	}
	return back
}

// paid reports whether what a person cost can come back.
func paid(e meter.Event) bool {
	return e.Kind == meter.Shown && e.Cost > 0 && e.Signs.Opens() && e.Ground != meter.Allowed
}

// signed reports whether another person signed for what an event opens.
func (l ledger) signed(e meter.Event) bool {
	return e.Signs.Opens() && slices.ContainsFunc(l, func(s meter.Event) bool {
		return s.Kind == meter.Cosigned && s.Person == e.Person && e.At.Before(s.At.Add(time.Hour))
	})
}

// rows counts the people who stood in rows of searches without a reason, and were never
// shown otherwise.
func (l ledger) rows(observed meter.Limits, now time.Time) (n int) {
	row, whole := make(map[register.PersonID]bool), make(map[register.PersonID]bool)
	for _, e := range l {
		if e.Kind != meter.Shown || e.At.Unix() <= now.Add(-meter.Memory).Unix() {
			continue
		}
		whole[e.Person] = whole[e.Person] || !e.Signs.Has(meter.SearchRow)
		row[e.Person] = row[e.Person] || e.Signs.Has(meter.SearchRow) && e.Ground != meter.Own && e.Ground != meter.Ticketed && counts(e, meter.RowsLimit, observed)
	}
	for person := range row {
		if row[person] && !whole[person] {
			n++
		}
	}
	return n
}

// strangers counts the people who were shown without a reason, and never with one.
func (l ledger) strangers(observed meter.Limits, now time.Time) (n int) {
	strange, known := make(map[register.PersonID]bool), make(map[register.PersonID]bool)
	for _, e := range l {
		at := e.At
		if e.Kind == meter.Refunded {
			at = e.Since
		}
		if e.Kind != meter.Shown && e.Kind != meter.Refunded || at.Unix() <= now.Add(-meter.Memory).Unix() {
			continue
		}
		explained := e.Kind == meter.Refunded || e.Ground == meter.Own || e.Ground == meter.Ticketed
		known[e.Person] = known[e.Person] || explained
		strange[e.Person] = strange[e.Person] || !explained && counts(e, meter.StrangersLimit, observed)
	}
	for person := range strange {
		if strange[person] && !known[person] {
			n++
		}
	}
	return n
}

// drift is the CUSUM over the days, as the textbook has it.
func (l ledger) drift(forgiven meter.Cost, observed meter.Limits, now time.Time) (sum meter.Cost) {
	day := func(t time.Time) int64 { return t.UnixMicro() / (24 * time.Hour).Microseconds() }
	back := l.refunded()
	for d := day(now) - 27; d <= day(now); d++ {
		active := false
		for i, e := range l {
			if day(e.At) != d || e.At.After(now) {
				continue
			}
			active = active || e.Kind != meter.Thawed && e.Kind != meter.Raised && e.Kind != meter.Cosigned && e.Kind != meter.Permitted && e.Kind != meter.Refunded
			switch {
			case e.Kind == meter.Shown && counts(e, meter.DriftLimit, observed) && !l[:i].signed(e) && !back[i]:
				sum += e.Cost
			case e.Kind == meter.Thawed:
				sum = 0
			}
			if e.Excused && e.Spared&observed&meter.DriftLimit != 0 {
				sum = 0
				for n, same := range l[:i+1] { // of one answer, which is one event
					if !back[n] && same.Kind == meter.Shown && same.At.Equal(e.At) && counts(same, meter.DriftLimit, observed) && !l[:i].signed(same) {
						sum += same.Cost
					}
				}
			}
		}
		if active && d < day(now) {
			sum = max(0, sum-forgiven)
		}
	}
	return sum
}

var kinds = []meter.EventKind{meter.Looked, meter.Shown, meter.Shown, meter.Shown, meter.Shown, meter.Stopped, meter.Deferred, meter.Unsigned, meter.Missed, meter.Cosigned, meter.SteppedUp, meter.NIRAsked, meter.Thawed, meter.Permitted, meter.Refunded, meter.Refunded}

func events(t *rapid.T, most time.Duration) ledger {
	at, answer := noon, uint64(1)
	var l ledger
	for range rapid.IntRange(0, 60).Draw(t, "events") {
		pause := rapid.SampledFrom([]time.Duration{0, time.Second, time.Minute, time.Hour, 24 * time.Hour, most}).Draw(t, "pause")
		at = at.Add(time.Duration(rapid.Int64Range(0, int64(pause)).Draw(t, "gap"))).Truncate(time.Microsecond)
		kind := rapid.SampledFrom(kinds).Draw(t, "kind")
		if n := len(l); n > 0 && max(kind, l[n-1].Kind) >= meter.SteppedUp {
			at = at.Add(time.Microsecond) // what comes in the same instant as a step-up counts as before it
		}
		if rapid.IntRange(0, 3).Draw(t, "another answer") > 0 || len(l) > 0 && !l[len(l)-1].At.Equal(at) {
			answer++ // one answer is of one moment, and one moment may have many
		}
		e := meter.Event{
			Kind: kind, At: at, Answer: answer,
			Device: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "device"), Writes: rapid.IntRange(0, 9).Draw(t, "writes") == 0,
			Signs: rapid.SampledFrom([]meter.Signs{0, 0, meter.SearchRow, meter.Listed, meter.Listed, meter.NextPage, meter.InOrder, meter.OutOfOrder, meter.Again}).Draw(t, "signs"),
		}
		if e.Kind == meter.Shown || e.Kind == meter.Stopped || e.Kind == meter.Deferred || e.Kind == meter.Unsigned || e.Kind == meter.Cosigned || e.Kind == meter.NIRAsked {
			e.Person = person(rapid.IntRange(0, 9).Draw(t, "person"))
		}
		if e.Kind != meter.Shown && e.Kind != meter.Cosigned && e.Kind != meter.NIRAsked && rapid.Bool().Draw(t, "nobody") {
			e.Person = register.PersonID{}
		}
		if e.Kind == meter.Shown {
			e.Fields = register.Fields(rapid.Uint32Range(0, 7).Draw(t, "fields")) | rapid.SampledFrom([]register.Fields{0, register.NIR}).Draw(t, "a NIR")
			e.Ground = meter.Ground(rapid.IntRange(0, 4).Draw(t, "ground"))
			e.Cost = rapid.SampledFrom([]meter.Cost{0, meter.Reveal, meter.Whole, 2 * meter.Whole}).Draw(t, "cost")
		}
		if e.Kind == meter.NIRAsked {
			e.Fields = register.NIR
		}
		if e.Kind == meter.Shown && rapid.Bool().Draw(t, "exported") {
			e.Signs |= meter.Exported
		}
		if e.Kind == meter.Permitted || e.Signs.Has(meter.Exported) {
			e.Export = meter.Export(rapid.IntRange(1, 2).Draw(t, "export"))
		}
		if e.Kind == meter.Permitted {
			e.Permit = rapid.Uint64Range(0, 3).Draw(t, "asked")
			e.Cost = meter.People(rapid.IntRange(1, 3).Draw(t, "permit"))
			e.Until = at.Add(time.Duration(rapid.Int64Range(1, int64(40*24*time.Hour)).Draw(t, "lasts"))).Truncate(time.Microsecond)
		}
		if e.Kind == meter.Refunded {
			openings := slices.DeleteFunc(slices.Clone(l), func(e meter.Event) bool { return !paid(e) })
			if len(openings) == 0 {
				continue
			}
			o := openings[rapid.IntRange(0, len(openings)-1).Draw(t, "refunded")]
			e.Person, e.Cost, e.Since = o.Person, o.Cost, o.At
		}
		if rapid.Bool().Draw(t, "observed") {
			e.Spared = meter.Limits(rapid.Uint16Range(0, uint16(meter.AllLimits)).Draw(t, "spared"))
			e.Excused = e.Kind == meter.Shown && e.Spared != 0 && rapid.IntRange(0, 9).Draw(t, "excused") == 0
		}
		l = append(l, e)
	}
	return l
}

// Promise: METER-3
func TestMETER_3_CountingAtOnceEqualsCountingInTurn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := events(t, 3*24*time.Hour)
		now := noon
		if len(l) > 0 {
			now = l[len(l)-1].At
		}
		cut := rapid.IntRange(0, len(l)).Draw(t, "drafted from")
		m := meter.New()
		for _, e := range l[:cut] {
			m.Record(e)
		}
		draft := m.Draft()
		for _, e := range l[cut:] {
			draft.Record(e)
		}
		check := func(what string, draft *meter.Draft, at time.Time) {
			for _, span := range []time.Duration{meter.Hour, meter.Memory} {
				for _, observed := range []meter.Limits{0, meter.HourLimit, meter.MonthLimit, meter.AllLimits} {
					if got, want := draft.Spent(span, observed, at), l.spent(span, observed, at); got != want {
						t.Fatalf("%s: spent %d in %v while %b is observed, the events say %d", what, got, span, observed, want)
					}
				}
			}
			for _, observed := range []meter.Limits{0, meter.DriftLimit} {
				if got, want := draft.Drift(70, observed, at), l.drift(70, observed, at); got != want {
					t.Fatalf("%s: the CUSUM stands at %d while %b is observed, the events say %d", what, got, observed, want)
				}
			}
			for _, observed := range []meter.Limits{0, meter.CeilingLimit} {
				if got, want := draft.Reasons(observed, at), l.reasons(observed, at); got != want {
					t.Fatalf("%s: %d people with a reason while %b is observed, the events say %d", what, got, observed, want)
				}
			}
			if got, _ := meter.FirstInRows(draft, at); got != l.first(at) {
				t.Fatalf("%s: %d people with a reason are new in rows, the events say %d", what, got, l.first(at))
			}
			for _, observed := range []meter.Limits{0, meter.RowsLimit, meter.StrangersLimit} {
				all, found := draft.Strangers(observed, at)
				if wantAll, wantFound := l.strangers(observed, at), l.rows(observed, at); all != wantAll || found != wantFound {
					t.Fatalf("%s: %d people without a reason, %d of them found, while %b is observed; the events say %d and %d", what, all, found, observed, wantAll, wantFound)
				}
			}
			for p := range 10 {
				fields, any := draft.Seen(person(p), at)
				wantFields, wantAny := l.seen(person(p), at)
				if any != wantAny || fields != wantFields {
					t.Fatalf("%s: person %d seen %v %v, the events say %v %v", what, p, any, fields, wantAny, wantFields)
				}
			}
		}
		check("drafted", draft, now)
		draft.Keep()
		check("kept", draft, now)
		check("later", m.Draft(), now.Add(time.Duration(rapid.Int64Range(0, int64(40*24*time.Hour)).Draw(t, "later"))))
	})
}

// everything is all that a decision can ask of a meter, whatever is observed.
func everything(m *meter.Meter, now time.Time) (all []any) {
	for _, observed := range []meter.Limits{0, meter.HourLimit | meter.DoubtLimit | meter.CanaryListedLimit, meter.AllLimits} {
		all = append(all, under(m, observed, now)...)
	}
	return all
}

func under(m *meter.Meter, observed meter.Limits, now time.Time) []any {
	d := m.Draft()
	left, _ := d.Raise(now)
	all := []any{
		d.Spent(meter.Hour, observed, now), d.Spent(meter.Memory, observed, now), d.Drift(70, observed, now), d.EvidenceNow(observed, now), d.Noticed(observed, now), d.Undone(now),
		d.SteppedUp(now), d.Awakened(now), left, d.Raised(now), d.Refunded(meter.Memory, now), d.Refunded(24*time.Hour, now), d.Confirmed(now), d.Tickets(meter.Memory, observed, now), d.Tickets(meter.Hour, observed, now),
		d.Devices().New("a", now), d.Devices().New("b", now), d.Devices().New("", now),
		d.Weigh(meter.Whole, meter.Allowance{Short: meter.People(3), Long: meter.People(20)}, observed, now),
	}
	for export := range meter.Export(3) {
		permit, live := d.Permit(export, now)
		all = append(all, permit, live)
	}
	own, steppedUp := d.Own(person(0), now)
	met, proved := d.CanariesListed(meter.CanaryListedLimit, observed, now)
	again, _ := d.CanariesListed(meter.CanaryLimit, observed, now)
	explained, _ := d.Explained(person(0), now)
	strangers, found := d.Strangers(observed, now)
	all = append(all, d.Reasons(observed, now), strangers, found, d.Reasoned(person(1), observed, now))
	first, _ := meter.FirstInRows(d, now)
	all = append(all, own, steppedUp, met, proved, again, explained, first)
	for p := range 10 {
		fields, any := d.Seen(person(p), now)
		all = append(all, d.Refundable(person(p), noon, now), fields, any, d.Found(person(p), now), d.Vouched(person(p), "", now),
			d.Price(person(p), register.Name, false, now), d.Price(person(p), register.Name, true, now), d.Price(person(p), register.AllFields, true, now),
			d.Evidence(meter.Event{Kind: meter.Stopped, Person: person(p), At: now, Answer: 1000}, meter.EnumerationLimit, observed),
			d.Evidence(meter.Event{Kind: meter.Stopped, Person: person(p), At: now, Answer: 1000}, meter.DoubtLimit, observed))
	}
	return all
}

// rebuilt compares a meter that was carried on with one that was rebuilt from what
// the ledger of its last weeks says.
func rebuilt(t *rapid.T) {
	l := events(t, 20*24*time.Hour)
	if len(l) == 0 {
		return
	}
	now := l[len(l)-1].At.Add(time.Duration(rapid.Int64Range(0, int64(2*24*time.Hour)).Draw(t, "later"))).Truncate(time.Microsecond)
	carried, anew := meter.New(), meter.New()
	for _, e := range l {
		carried.Record(e)
		if e.At.After(now.Add(-meter.Reach)) {
			anew.Record(e)
		}
	}
	if was, is := everything(carried, now), everything(anew, now); !reflect.DeepEqual(was, is) {
		t.Fatalf("carried on:\n%v\nrebuilt:\n%v", was, is)
	}
}

// Promise: METER-3
func TestMETER_3_AMeterRebuiltFromTheLedgerIsTheOneCarriedOn(t *testing.T) {
	rapid.Check(t, rebuilt)
}

func FuzzRebuilt(f *testing.F) { f.Fuzz(rapid.MakeFuzz(rebuilt)) }

// Promise: METER-2
func TestMETER_2_SomebodyAlreadyShownCostsNothingMoreButNewFieldsDo(t *testing.T) {
	m := meter.New()
	m.Record(meter.Event{Kind: meter.Shown, Person: person(1), Fields: register.Name | register.Birth, Cost: meter.Whole, At: noon})
	draft := m.Draft()
	later := noon.Add(meter.Memory - time.Microsecond)
	for name, test := range map[string]struct {
		person register.PersonID
		fields register.Fields
		now    time.Time
		want   meter.Cost
	}{
		"the same fields":             {person(1), register.Name, later, 0},
		"no fields at all":            {person(1), 0, later, 0},
		"a new field":                 {person(1), register.Name | register.Contact, later, meter.Reveal},
		"somebody new":                {person(2), register.Name, later, meter.Whole},
		"the same after 28 days":      {person(1), register.Name, noon.Add(meter.Memory), meter.Whole},
		"somebody new without fields": {person(3), 0, later, meter.Whole},
	} {
		t.Run(name, func(t *testing.T) {
			if got := draft.Price(test.person, test.fields, false, test.now); got != test.want {
				t.Errorf("costs %d, want %d", got, test.want)
			}
		})
	}
}

// Promise: METER-1
func TestMETER_1_TheShortAndTheLongAllowance(t *testing.T) {
	allowance := meter.Allowance{Short: meter.People(3), Long: meter.People(20)}
	m := meter.New()
	for i := range 3 {
		m.Record(meter.Event{Kind: meter.Shown, Person: person(i), Cost: meter.Whole, At: noon.Add(time.Duration(i) * time.Minute)})
	}
	now := noon.Add(10 * time.Minute)

	got := m.Draft().Weigh(meter.Whole, allowance, 0, now)
	want := meter.Balance{Empty: meter.Short, Counted: meter.People(3), Limit: meter.People(3), Again: noon.Add(time.Hour)}
	if got != want {
		t.Errorf("the fourth person within the hour: %+v, want %+v", got, want)
	}
	if got := m.Draft().Weigh(0, allowance, 0, now); got.Empty != meter.Fits {
		t.Errorf("what costs nothing always fits, got %+v", got)
	}
	if got := m.Draft().Weigh(meter.Whole, allowance, 0, noon.Add(time.Hour)); got.Empty != meter.Fits {
		t.Errorf("an hour after the first, one fits again, got %+v", got)
	}

	for i := range 17 {
		m.Record(meter.Event{Kind: meter.Shown, Person: person(10 + i), Cost: meter.Whole, At: noon.Add(time.Duration(i+2) * time.Hour)})
	}
	got = m.Draft().Weigh(meter.Whole, allowance, 0, noon.Add(48*time.Hour))
	if got.Empty != meter.Long || got.Counted != meter.People(20) || !got.Again.Equal(noon.Add(meter.Memory)) {
		t.Errorf("the twenty-first person in 28 days: %+v", got)
	}
	if got := m.Draft().Weigh(meter.Whole, meter.Allowance{}, 0, noon.Add(48*time.Hour)); got.Empty != meter.Long || !got.Again.IsZero() {
		t.Errorf("without an allowance nothing ever fits, got %+v", got)
	}
}

func TestADraftThatIsNotKeptLeavesNoTrace(t *testing.T) {
	m := meter.New()
	draft := m.Draft()
	for i := range 5 {
		draft.Record(meter.Event{Kind: meter.Shown, Person: person(i), Fields: register.Name, Cost: meter.Whole, At: noon})
	}
	draft.Cut(2)
	if draft.Len() != 2 || draft.Spent(meter.Hour, 0, noon) != meter.People(2) {
		t.Errorf("after the cut %d openings, %d spent", draft.Len(), draft.Spent(meter.Hour, 0, noon))
	}
	if _, seen := draft.Seen(person(3), noon); seen {
		t.Error("somebody who was cut is still seen")
	}
	if m.Spent(meter.Hour, 0, noon) != 0 {
		t.Error("the meter changed before anything was kept")
	}
}

func BenchmarkRecordAndWeigh(b *testing.B) {
	m := meter.New()
	for i := range 400 {
		m.Record(meter.Event{Kind: meter.Shown, Person: person(i), Fields: register.Name, At: noon})
	}
	for i := range 20 {
		m.Record(meter.Event{Kind: meter.Shown, Person: person(1000 + i), Cost: meter.Whole, At: noon.Add(time.Duration(i) * 24 * time.Hour)})
	}
	now := noon.Add(21 * 24 * time.Hour)
	allowance := meter.Allowance{Short: meter.People(3), Long: meter.People(20)}
	strangers := slices.Collect(func(yield func(register.PersonID) bool) {
		for i := range 100 {
			if !yield(person(5000 + i)) {
				return
			}
		}
	})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		draft := m.Draft()
		p := strangers[i%len(strangers)]
		draft.Weigh(draft.Price(p, register.Name, false, now), allowance, 0, now)
	}
}

// Promise: METER-10
func TestMETER_10_WhatSearchesShowOfSomebodyCostsAnOpeningTogether(t *testing.T) {
	row := func(fields register.Fields) meter.Event {
		return meter.Event{Kind: meter.Shown, Person: person(1), Fields: fields, Signs: meter.SearchRow}
	}
	const name, birth, contact = register.Name, register.Birth, register.Contact
	for what, test := range map[string]struct {
		shown    []meter.Event
		fields   register.Fields
		inSearch bool
		want     meter.Cost
	}{
		"a row":                             {nil, name, true, meter.Row},
		"the row again":                     {[]meter.Event{row(name)}, name, true, 0},
		"other fields in another search":    {[]meter.Event{row(name)}, birth, true, meter.Whole - meter.Row},
		"more fields in another search":     {[]meter.Event{row(name)}, name | birth, true, meter.Whole - meter.Row},
		"opened from a row":                 {[]meter.Event{row(name)}, name, false, meter.Whole - meter.Row},
		"a third search, other fields":      {[]meter.Event{row(name), row(birth)}, contact, true, meter.Reveal},
		"both again":                        {[]meter.Event{row(name), row(birth)}, name | birth, true, 0},
		"opened after two searches":         {[]meter.Event{row(name), row(birth)}, name | birth, false, 0},
		"opened after them, other fields":   {[]meter.Event{row(name), row(birth)}, name | contact, false, meter.Reveal},
		"one search showed all of another":  {[]meter.Event{row(name | birth), row(name)}, name, false, meter.Whole - meter.Row},
		"other fields after it was for one": {[]meter.Event{func() meter.Event { e := row(name); e.Ground = meter.Own; return e }(), row(birth)}, contact, true, meter.Whole - meter.Row},
	} {
		m := meter.New()
		for i, e := range test.shown {
			e.At, e.Answer = noon.Add(time.Duration(i)*time.Minute), uint64(i+1)
			m.Record(e)
		}
		if got := m.Draft().Price(person(1), test.fields, test.inSearch, noon.Add(time.Hour)); got != test.want {
			t.Errorf("%s costs %d, want %d", what, got, test.want)
		}
	}
}
