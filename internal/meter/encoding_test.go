package meter_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"poterne/internal/meter"
	"poterne/internal/register"
)

var update = flag.Bool("update", false, "write the golden file again")

// busy is a meter in which every field has something.
func busy() (*meter.Meter, time.Time) {
	m := meter.New()
	for day := range 3 {
		at := noon.AddDate(0, 0, day)
		for i, e := range []meter.Event{
			{Kind: meter.Looked, Device: "b", Network: "office"},
			{Kind: meter.SteppedUp, Device: "a", Network: "home"},
			{Kind: meter.Raised, Cost: meter.People(1), Until: at.Add(5 * time.Hour)},
			{Kind: meter.Permitted, Permit: 3, Export: 7, Cost: meter.People(9), Until: at.AddDate(0, 0, 9)},
			{Kind: meter.Cosigned, Person: person(3), Service: "dossier"},
			{Kind: meter.NIRAsked, Person: person(4), Service: "dossier", Fields: register.NIR},
			{Kind: meter.Shown, Person: person(1), Fields: register.Name, Ground: meter.Own, Writes: true},
			{Kind: meter.Shown, Person: person(2), Fields: register.Birth, Cost: meter.Whole, Ground: meter.Typed, Spared: meter.HourLimit},
			{Kind: meter.Shown, Person: person(4), Cost: meter.Row, Signs: meter.SearchRow | meter.Canary | meter.NextPage},
			{Kind: meter.Shown, Person: person(5), Export: 7, Signs: meter.Exported, Spared: meter.EnumerationLimit, Excused: true},
			{Kind: meter.Stopped, Person: person(6), Signs: meter.InOrder},
			{Kind: meter.Missed},
			{Kind: meter.Thawed},
			{Kind: meter.Deferred, Person: person(7), Signs: meter.SameBirth},
			{Kind: meter.Refunded, Person: person(2), Cost: meter.Whole, Since: at.Add(6 * time.Second)},
		} {
			e.At, e.Answer = at.Add(time.Duration(i)*time.Second), uint64(100*day+i+1)
			m.Record(e)
		}
	}
	return m, noon.AddDate(0, 0, 2).Add(time.Minute)
}

func TestTheEncodingOfAMeterStays(t *testing.T) {
	m, now := busy()
	var tally meter.Tally
	tally.Add(meter.CommonOf(meter.Whole, 0), false, now)
	tally.Add(meter.CommonOf(meter.Row, meter.SearchRow), true, now.Add(time.Minute))
	tally.Refund(meter.Whole, false, now, now.Add(2*time.Minute))
	got := hex.EncodeToString(m.Append(nil, now)) + "\n" + hex.EncodeToString(tally.Append(nil, now.Add(time.Hour/2))) + "\n"
	const golden = "testdata/busy.hex"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || got != string(want) {
		t.Errorf("it is\n%s, not\n%s: a change of it is a new version of what the journal keeps (%v)", got, want, err)
	}
	first, _, _ := strings.Cut(got, "\n")
	body, _ := hex.DecodeString(first)
	for i := range body {
		if _, err := meter.Decode(body[:i+1], now); (err == nil) != (i+1 == len(body)) {
			t.Errorf("cut after %d of %d bytes: %v", i+1, len(body), err)
		}
	}
}

// Promise: METER-3
func TestMETER_3_AMeterThatWasKeptAndCarriedOnIsTheOneRebuilt(t *testing.T) { rapid.Check(t, kept) }

func FuzzKept(f *testing.F) { f.Fuzz(rapid.MakeFuzz(kept)) }

// kept compares a meter that was kept at some entry, and carried on from there, with one
// that always ran, and with one that was rebuilt from the last weeks.
func kept(t *rapid.T) {
	l := events(t, 20*24*time.Hour)
	if len(l) == 0 {
		return
	}
	now := l[len(l)-1].At.Add(time.Duration(rapid.Int64Range(0, int64(30*24*time.Hour)).Draw(t, "later"))).Truncate(time.Microsecond)
	cut := rapid.IntRange(1, len(l)).Draw(t, "kept at")
	carried, anew := meter.New(), meter.New()
	for _, e := range l[:cut] {
		carried.Record(e)
	}
	at := l[cut-1].At
	body := carried.Append(nil, at)
	was := everything(carried, at)
	back, err := meter.Decode(body, at)
	if err != nil {
		t.Fatal(err)
	}
	if is := everything(back, at); !reflect.DeepEqual(was, is) {
		t.Fatalf("before:\n%v\nas it comes back:\n%v", was, is)
	}
	if again := back.Append(nil, at); !bytes.Equal(body, again) {
		t.Fatalf("%x comes back as %x", body, again)
	}
	for _, e := range l[cut:] {
		carried.Record(e)
		back.Record(e)
	}
	for _, e := range l {
		if e.At.After(now.Add(-meter.Reach)) {
			anew.Record(e)
		}
	}
	for what, other := range map[string]*meter.Meter{"carried on": carried, "rebuilt": anew} {
		if was, is := everything(other, now), everything(back, now); !reflect.DeepEqual(was, is) {
			t.Fatalf("%s:\n%v\nkept:\n%v", what, was, is)
		}
		if !other.Same(back, now) || !back.Same(other, now) {
			t.Fatalf("it decides like the one %s, and is not the same:\n%x\n%x", what, other.Append(nil, now), back.Append(nil, now))
		}
	}
}

func TestAMeterThatCountsOtherwiseIsNotTheSame(t *testing.T) {
	m, now := busy()
	other, _ := busy()
	other.Record(meter.Event{Kind: meter.Shown, Person: person(9), Cost: meter.Row, At: now, Answer: 1000})
	if m.Same(other, now) || m.Same(meter.New(), now) {
		t.Error("a person more makes no difference")
	}
	if later := now.Add(meter.Reach); !m.Same(other, later) || len(m.Append(nil, later)) > 0 {
		t.Error("what is older than counts makes a difference")
	}
}

// Promise: METER-3
func TestMETER_3_ATallyThatWasKeptAndCarriedOnIsTheOneRebuilt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var carried, back, anew meter.Tally
		at := noon
		type charge struct {
			cost   meter.Common
			spared bool
			at     time.Time
		}
		var all []charge
		for range rapid.IntRange(1, 40).Draw(t, "charges") {
			pause := rapid.SampledFrom([]time.Duration{time.Second, time.Hour, 20 * 24 * time.Hour}).Draw(t, "pause")
			at = at.Add(time.Duration(rapid.Int64Range(0, int64(pause)).Draw(t, "gap")))
			signs := rapid.SampledFrom([]meter.Signs{0, meter.SearchRow}).Draw(t, "signs")
			all = append(all, charge{meter.CommonOf(meter.Cost(rapid.IntRange(1, 200).Draw(t, "cost")), signs), rapid.Bool().Draw(t, "spared"), at})
		}
		cut := rapid.IntRange(1, len(all)).Draw(t, "kept at")
		for i, one := range all {
			carried.Add(one.cost, one.spared, one.at)
			if i >= cut {
				back.Add(one.cost, one.spared, one.at)
			}
			if i == cut-1 {
				var err error
				if back, err = meter.DecodeTally(carried.Append(nil, one.at)); err != nil {
					t.Fatal(err)
				}
			}
			if one.at.After(at.Add(-meter.Reach)) {
				anew.Add(one.cost, one.spared, one.at)
			}
		}
		if since := all[rapid.IntRange(0, len(all)-1).Draw(t, "refunded")]; at.Sub(since.at) < meter.Refunds {
			for _, tally := range []*meter.Tally{&carried, &back, &anew} {
				tally.Refund(since.cost.Month, since.spared, since.at, at)
			}
			if hour, month := carried.Spent(true, at); hour < 0 || month < 0 {
				t.Fatalf("%d in an hour and %d in 28 days are left", hour, month)
			}
		}
		want := carried.Append(nil, at)
		if got, rebuilt := back.Append(nil, at), anew.Append(nil, at); !bytes.Equal(got, want) || !bytes.Equal(rebuilt, want) {
			t.Fatalf("carried on %x\nkept %x\nrebuilt %x", want, got, rebuilt)
		}
	})
}
