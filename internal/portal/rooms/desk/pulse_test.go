package desk_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"poterne/internal/portal/portaltest"
	"poterne/internal/portal/rooms/desk"
)

func TestThePulseHasOneScaleAndItsPeakBearsItsNumber(t *testing.T) {
	var minutes [60]desk.Minute
	minutes[10] = minuteOf(238, 0)
	minutes[50] = minuteOf(999, 0)
	minutes[58] = minuteOf(0, 999)
	p := desk.DrawPulse(minutes, desk.Usual{})
	if p.Bars[50].Height != p.Bars[58].Up || p.Bars[50].Height <= p.Bars[10].Height {
		t.Errorf("999 shown are %d high, 999 stopped %d, 238 shown %d", p.Bars[50].Height, p.Bars[58].Up, p.Bars[10].Height)
	}
	if p.Peak == nil || p.Peak.N != 999 || !p.Peak.Stopped {
		t.Errorf("the peak is %+v", p.Peak)
	}
	for most, want := range map[int]string{0: "1 10 100", 3: "1 10 100", 100: "1 10 100", 101: "1 10 100 1000", 1001: "1 10 100 1000 10000"} {
		minutes = [60]desk.Minute{30: minuteOf(most, 0)}
		p := desk.DrawPulse(minutes, desk.Usual{})
		var ticks []string
		for _, tick := range p.Ticks {
			ticks = append(ticks, fmt.Sprint(tick.N))
			if tick.Y < 0 || tick.Y > desk.PulseLine {
				t.Errorf("up to %d: the tick %d is out of the picture, at %d", most, tick.N, tick.Y)
			}
		}
		if said := strings.Join(ticks, " "); said != want {
			t.Errorf("up to %d: the ticks are %s, want %s", most, said, want)
		}
		if bar := p.Bars[30]; bar.Height > desk.PulseHigh || (bar.Height > 0) != (most > 0) {
			t.Errorf("%d are %d high", most, bar.Height)
		}
	}
}

func minuteOf(shown, stopped int) (m desk.Minute) {
	m.Shown, m.Stopped = shown, stopped
	return m
}

func TestThePulseSaysItsScaleInThePage(t *testing.T) {
	h := portaltest.New(t)
	h.Opens(theo, 1, 2, 3)
	for n := range 9 { // far beyond the allowance
		asks(t, h, camille, n*10, n*10+10)
	}
	_, raw := h.Goes(security, http.MethodGet, "/desk", nil)
	for _, want := range []string{"logarithmic scale", `class="tick"`, "stopped at ", "It was "} {
		if !strings.Contains(raw, want) {
			t.Errorf("the desk does not have %q", want)
		}
	}
}
