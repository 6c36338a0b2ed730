package meter_test

import (
	"bytes"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"poterne/internal/meter"
)

// An account that comes from another device each time keeps the last ones only: of thousands,
// each decision would go through all.
func TestEverNewDevicesAreBounded(t *testing.T) {
	m, at := meter.New(), noon
	for n := range 5000 {
		at = at.Add(5 * time.Minute)
		m.Record(meter.Event{Kind: meter.Looked, At: at, Answer: uint64(n + 1), Device: "another browser " + strconv.Itoa(n)})
	}
	if n, size := len(m.Draft().Devices().Used(at)), len(m.Append(nil, at)); n != 32 || size > 2000 {
		t.Errorf("%d devices are kept, in %d bytes", n, size)
	}
}

// Whoever comes from one new device after another until all others fell out is on a new one still.
func TestNewDevicesDoNotMakeEachOtherFamiliar(t *testing.T) {
	m := meter.New()
	m.Record(meter.Event{Kind: meter.SteppedUp, At: noon, Answer: 1, Device: "the holder's"})
	at := noon.AddDate(0, 0, 10)
	for n := range 100 {
		m.Record(meter.Event{Kind: meter.Looked, At: at, Answer: uint64(n + 2), Device: strconv.Itoa(n)})
		for _, device := range []string{strconv.Itoa(n), strconv.Itoa(n / 2), "the next", ""} {
			if !m.Draft().Devices().New(device, at) {
				t.Fatalf("after %d devices in a day, %q is not new", n+1, device)
			}
		}
	}
}

// usedOn are the days on which a device was used, or stepped up on, as the events say them.
func (l ledger) usedOn(device string, now time.Time) (first time.Time, proved bool) {
	today := now.Truncate(24 * time.Hour)
	for _, e := range l {
		if day := e.At.Truncate(24 * time.Hour); e.Device != "" && (device == "" || e.Device == device) && today.Sub(day) < meter.Memory {
			if first.IsZero() {
				first = day
			}
			proved = proved || e.Kind == meter.SteppedUp
		}
	}
	return first, proved
}

// isNew says of a device what it is when none is forgotten.
func (l ledger) isNew(device string, now time.Time) bool {
	today := now.Truncate(24 * time.Hour)
	earliest, _ := l.usedOn("", now)
	if earliest.IsZero() {
		earliest = today
	}
	first, proved := time.Time{}, false
	if device != "" {
		first, proved = l.usedOn(device, now)
	}
	if first.IsZero() {
		first = today
	}
	return !proved && today.Sub(first) < 7*24*time.Hour && earliest.Before(first)
}

// Promise: METER-3. However many devices an account is used from, none is less new than if none
// fell out; the last ones are what they were; and a meter that was kept, or rebuilt, knows the same.
func TestMETER_3_ADeviceThatFellOutIsNewAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SampledFrom([]int{3, 40, 40, 120}).Draw(t, "names")
		carried, at := meter.New(), noon
		var l ledger
		for n := range rapid.IntRange(1, 300).Draw(t, "events") {
			at = at.Add(rapid.SampledFrom([]time.Duration{0, 0, 0, time.Second, time.Second, time.Minute, time.Minute, time.Hour, 3 * 24 * time.Hour}).Draw(t, "pause"))
			e := meter.Event{Kind: rapid.SampledFrom([]meter.EventKind{meter.Looked, meter.Looked, meter.Looked, meter.SteppedUp}).Draw(t, "kind"), At: at, Answer: uint64(n + 1)}
			if i := rapid.IntRange(0, names).Draw(t, "device"); i > 0 {
				e.Device = strconv.Itoa(i)
			}
			carried.Record(e)
			if l = append(l, e); rapid.IntRange(0, 99).Draw(t, "kept") == 0 {
				back, err := meter.Decode(carried.Append(nil, at), at)
				if err != nil {
					t.Fatal(err)
				}
				carried = back
			}
		}
		now := at.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "days later")) * 24 * time.Hour)
		anew := meter.New()
		for _, e := range l {
			if e.At.After(now.Add(-meter.Reach)) {
				anew.Record(e)
			}
		}
		if was, is := carried.Append(nil, now), anew.Append(nil, now); !bytes.Equal(was, is) {
			t.Fatalf("carried on\n%x\nrebuilt\n%x", was, is)
		}
		devices, kept := carried.Draft().Devices(), make(map[string]bool)
		for _, one := range devices.Used(now) {
			kept[one.Name] = true
		}
		for i := range names + 2 {
			name := ""
			if i > 0 {
				name = strconv.Itoa(i)
			}
			is, want := devices.New(name, now), l.isNew(name, now)
			_, proved := l.usedOn(name, now)
			switch first, _ := l.usedOn(name, now); {
			case want && !is:
				t.Fatalf("device %q is not new, and would be if none fell out", name)
			case is != want && (name == "" || first.IsZero()):
				t.Fatalf("device %q was never used, and is new: %v", name, is)
			case is != want && names < 32:
				t.Fatalf("none fell out, and device %q is new: %v (proved: %v)", name, is, proved)
			}
		}
		if len(kept) > 32 || names < 32 && len(kept) > names {
			t.Fatalf("%d devices are kept", len(kept))
		}
	})
}
