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
	minutes[10] = desk.Minute{Shown: 238}
	minutes[50] = desk.Minute{Shown: 999}
	minutes[58] = desk.Minute{Stopped: 999}
	p := desk.DrawPulse(minutes)
	if p.Bars[50].Height != p.Bars[58].Up || p.Bars[50].Height <= p.Bars[10].Height {
		t.Errorf("999 shown are %d high, 999 stopped %d, 238 shown %d", p.Bars[50].Height, p.Bars[58].Up, p.Bars[10].Height)
	}
	if p.Peak == nil || p.Peak.N != 999 || !p.Peak.Stopped || !p.Log {
		t.Errorf("the peak is %+v, on a logarithmic scale: %v", p.Peak, p.Log)
	}
	for most, want := range map[int]string{0: "0 2 4", 3: "0 2 4", 12: "0 10 20", 50: "0 25 50", 51: "1 10 100", 1001: "1 10 100 1000 10000"} {
		minutes = [60]desk.Minute{30: {Shown: most}}
		p := desk.DrawPulse(minutes)
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

func TestThePulseSaysItsScaleInThePage(t *testing.T) {
	h := portaltest.New(t)
	h.Opens(theo, 1, 2, 3)
	for n := range 9 { // far beyond the allowance
		asks(t, h, camille, n*10, n*10+10)
	}
	_, raw := h.Goes(security, http.MethodGet, "/desk", nil)
	for _, want := range []string{"Logarithmic scale", `class="tick"`, "stopped at ", "It was "} {
		if !strings.Contains(raw, want) {
			t.Errorf("the desk does not have %q", want)
		}
	}
}
