package meter_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"poterne/internal/meter"
	"poterne/internal/register"
)

var noon = time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)

func person(n int) register.PersonID { return register.PersonID{byte(n), byte(n >> 8), 1} }

// ledger is the naive oracle: the openings themselves, looked through each time.
type ledger []meter.Opening

func (l ledger) spent(span time.Duration, now time.Time) (sum meter.Cost) {
	for _, o := range l {
		if now.Sub(o.At) < span {
			sum += o.Cost
		}
	}
	return sum
}

func (l ledger) seen(p register.PersonID, now time.Time) (fields register.Fields, any bool) {
	var last time.Time
	for _, o := range l {
		if o.Person != p {
			continue
		}
		if any && o.At.Sub(last) >= meter.Memory {
			fields = 0
		}
		fields, last, any = fields|o.Fields, o.At, true
	}
	if any && now.Sub(last) >= meter.Memory {
		return 0, false
	}
	return fields, any
}

func openings(t *rapid.T) ledger {
	at := noon
	var l ledger
	for range rapid.IntRange(0, 60).Draw(t, "openings") {
		at = at.Add(time.Duration(rapid.Int64Range(0, int64(3*24*time.Hour)).Draw(t, "gap")) * time.Duration(rapid.IntRange(0, 1).Draw(t, "pause")))
		l = append(l, meter.Opening{
			Person: person(rapid.IntRange(0, 9).Draw(t, "person")),
			Fields: register.Fields(rapid.Uint32Range(0, 7).Draw(t, "fields")),
			Cost:   rapid.SampledFrom([]meter.Cost{0, meter.Reveal, meter.Whole}).Draw(t, "cost"),
			At:     at,
		})
	}
	return l
}

// Promise: METER-3
func TestMETER_3_CountingAtOnceEqualsCountingInTurn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := openings(t)
		now := noon
		if len(l) > 0 {
			now = l[len(l)-1].At.Add(time.Duration(rapid.Int64Range(0, int64(40*24*time.Hour)).Draw(t, "later")))
		}
		cut := rapid.IntRange(0, len(l)).Draw(t, "drafted from")
		m := meter.New()
		for _, o := range l[:cut] {
			m.Record(o)
		}
		draft := m.Draft()
		for _, o := range l[cut:] {
			draft.Record(o)
		}
		check := func(what string, spent func(time.Duration, time.Time) meter.Cost, seen func(register.PersonID, time.Time) (register.Fields, bool), at time.Time) {
			for _, span := range []time.Duration{meter.Hour, meter.Memory} {
				if got, want := spent(span, at), l.spent(span, at); got != want {
					t.Fatalf("%s: spent %d in %v, the openings say %d", what, got, span, want)
				}
			}
			for p := range 10 {
				fields, any := seen(person(p), at)
				wantFields, wantAny := l.seen(person(p), at)
				if any != wantAny || any && fields != wantFields {
					t.Fatalf("%s: person %d seen %v %v, the openings say %v %v", what, p, any, fields, wantAny, wantFields)
				}
			}
		}
		if len(l) > 0 && cut < len(l) {
			check("drafted", draft.Spent, draft.Seen, l[len(l)-1].At)
		}
		draft.Keep()
		check("kept", m.Spent, m.Seen, now)
	})
}

// Promise: METER-2
func TestMETER_2_SomebodyAlreadyShownCostsNothingMoreButNewFieldsDo(t *testing.T) {
	m := meter.New()
	m.Record(meter.Opening{Person: person(1), Fields: register.Name | register.Birth, Cost: meter.Whole, At: noon})
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
			if got := draft.Price(test.person, test.fields, test.now); got != test.want {
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
		m.Record(meter.Opening{Person: person(i), Cost: meter.Whole, At: noon.Add(time.Duration(i) * time.Minute)})
	}
	now := noon.Add(10 * time.Minute)

	got := m.Draft().Weigh(meter.Whole, allowance, now)
	want := meter.Balance{Empty: meter.Short, Counted: meter.People(3), Limit: meter.People(3), Again: noon.Add(time.Hour)}
	if got != want {
		t.Errorf("the fourth person within the hour: %+v, want %+v", got, want)
	}
	if got := m.Draft().Weigh(0, allowance, now); got.Empty != meter.Fits {
		t.Errorf("what costs nothing always fits, got %+v", got)
	}
	if got := m.Draft().Weigh(meter.Whole, allowance, noon.Add(time.Hour)); got.Empty != meter.Fits {
		t.Errorf("an hour after the first, one fits again, got %+v", got)
	}

	for i := range 17 {
		m.Record(meter.Opening{Person: person(10 + i), Cost: meter.Whole, At: noon.Add(time.Duration(i+2) * time.Hour)})
	}
	got = m.Draft().Weigh(meter.Whole, allowance, noon.Add(48*time.Hour))
	if got.Empty != meter.Long || got.Counted != meter.People(20) || !got.Again.Equal(noon.Add(meter.Memory)) {
		t.Errorf("the twenty-first person in 28 days: %+v", got)
	}
	if got := m.Draft().Weigh(meter.Whole, meter.Allowance{}, noon.Add(48*time.Hour)); got.Empty != meter.Long || !got.Again.IsZero() {
		t.Errorf("without an allowance nothing ever fits, got %+v", got)
	}
}

func TestADraftThatIsNotKeptLeavesNoTrace(t *testing.T) {
	m := meter.New()
	draft := m.Draft()
	for i := range 5 {
		draft.Record(meter.Opening{Person: person(i), Fields: register.Name, Cost: meter.Whole, At: noon})
	}
	draft.Cut(2)
	if draft.Len() != 2 || draft.Spent(meter.Hour, noon) != meter.People(2) {
		t.Errorf("after the cut %d openings, %d spent", draft.Len(), draft.Spent(meter.Hour, noon))
	}
	if _, seen := draft.Seen(person(3), noon); seen {
		t.Error("somebody who was cut is still seen")
	}
	if m.Spent(meter.Hour, noon) != 0 {
		t.Error("the meter changed before anything was kept")
	}
}

func BenchmarkRecordAndWeigh(b *testing.B) {
	m := meter.New()
	for i := range 400 {
		m.Record(meter.Opening{Person: person(i), Fields: register.Name, At: noon})
	}
	for i := range 20 {
		m.Record(meter.Opening{Person: person(1000 + i), Cost: meter.Whole, At: noon.Add(time.Duration(i) * 24 * time.Hour)})
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
		draft.Weigh(draft.Price(p, register.Name, now), allowance, now)
	}
}
