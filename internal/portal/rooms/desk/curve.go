package desk

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"poterne/internal/portal"
)

// curvePage answers those who decide: what do the rules let through, and what do
// they cost those who work?
type curvePage struct {
	portal.Page
	replayed
	Worst   string        // the attack on the curve that takes most under the rules as they are
	More    []curveAttack // those beside it that take more
	Turns   bool          // somewhere wider rules let less through
	Shipped curvePoint
	Points  []curvePoint
	Attacks []string
	Picture curvePicture
}

// replayed is the replay that the page shows, made by `make curve`.
type replayed struct {
	Made   time.Time `json:"made"`
	Report struct {
		Agents  int           `json:"agents"`
		Days    int           `json:"days"`
		Seeds   []uint64      `json:"seeds"`
		Attacks []curveAttack `json:"attacks"`
		Curve   []curvePoint  `json:"curve"`
	} `json:"report"`
}

// curveAttack is what an attack takes under the rules as they are, at the 95th
// percentile.
type curveAttack struct {
	Name     string `json:"name"`
	Accounts int    `json:"accounts"`
	Outside  struct {
		P95 int `json:"p95"`
	} `json:"outside"` // people without a reason
	Inside struct {
		P95 int `json:"p95"`
	} `json:"inside"` // people whom a fact explains
}

// People is how many it takes in all.
func (a curveAttack) People() int { return a.Outside.P95 + a.Inside.P95 }

// curvePoint is what the rules let through and cost, were everything that limits
// people so many times as wide.
type curvePoint struct {
	Dial      float64        `json:"dial"`
	Freezes   float64        `json:"false_freezes_per_1000_agent_days"`
	AgentDays int            `json:"agent_days"`
	StepUps   float64        `json:"step_ups_per_agent_month"`
	Cosigns   float64        `json:"co_signatures_per_agent_month"`
	Leaks     map[string]int `json:"leaks_p95"`
}

// Worst is the most that one of the attacks on the curve takes.
func (p curvePoint) Worst() int { return slices.Max(slices.Collect(maps.Values(p.Leaks))) }

// Below is what the rate of false freezes is under with 95 % confidence when none was
// seen, by the rule of three.
func (p curvePoint) Below() float64 { return 3000 / float64(p.AgentDays) }

// Asked is how often an agent is asked for something in a month.
func (p curvePoint) Asked() float64 { return p.StepUps + p.Cosigns }

//go:embed curve.json
var curveFile []byte

// theCurve reads the replay. It panics on what cannot be read: it is part of the
// program.
var theCurve = sync.OnceValue(func() (r replayed) {
	if err := json.Unmarshal(curveFile, &r); err != nil {
		panic(fmt.Sprintf("curve.json: %v", err))
	}
	return r
})

// Seeds lists the seeds that were replayed.
func (r replayed) Seeds() string {
	var list []string
	for _, seed := range r.Report.Seeds {
		list = append(list, strconv.FormatUint(seed, 10))
	}
	return strings.Join(list, ", ")
}

func (b base) curve(v visit) error {
	r := theCurve()
	shown := curvePage{Page: v.Page(path, "curve.title"), replayed: r, Points: r.Report.Curve}
	for _, p := range shown.Points {
		if p.Dial == 1 {
			shown.Shipped = p
			shown.Attacks = slices.Sorted(maps.Keys(p.Leaks))
		}
	}
	for _, name := range shown.Attacks {
		if shown.Worst == "" || shown.Shipped.Leaks[name] > shown.Shipped.Leaks[shown.Worst] {
			shown.Worst = name
		}
	}
	for _, a := range r.Report.Attacks {
		if len(shown.Attacks) > 0 && a.People() > shown.Shipped.Worst() {
			shown.More = append(shown.More, a)
		}
	}
	slices.SortFunc(shown.More, func(a, b curveAttack) int { return b.People() - a.People() })
	for i, p := range shown.Points {
		shown.Turns = shown.Turns || i > 0 && p.Worst() < shown.Points[i-1].Worst()
	}
	shown.Picture = drawCurve(shown.Points)
	b.pages.Show(v.Visit, http.StatusOK, "curve.html", shown)
	return nil
}

// curvePicture is leak against friction, a point for each width of the rules.
type curvePicture struct {
	Path           string
	Points         []curvePlace
	XTicks, YTicks []curveTick
}

type curvePlace struct {
	X, Y    float64
	Dial    float64
	Shipped bool
}

type curveTick struct {
	At   float64
	Text float64
}

// The picture is 640 by 320, its axes at 50 and 280.
const (
	curveLeft, curveRight = 50.0, 620.0
	curveTop, curveBottom = 20.0, 280.0
)

// drawCurve draws what is asked of an agent in a month across, and how many people
// the worst attack takes up, both on logarithmic scales.
func drawCurve(points []curvePoint) (c curvePicture) {
	if len(points) == 0 {
		return c
	}
	across := scale(0.1, 100, curveLeft, curveRight)
	up := scale(1, 1000, curveBottom, curveTop)
	for _, x := range []float64{0.1, 1, 10, 100} {
		c.XTicks = append(c.XTicks, curveTick{across(x), x})
	}
	for _, y := range []float64{1, 10, 100, 1000} {
		c.YTicks = append(c.YTicks, curveTick{up(y), y})
	}
	var path strings.Builder
	for i, p := range points {
		place := curvePlace{across(p.Asked()), up(float64(p.Worst())), p.Dial, p.Dial == 1}
		c.Points = append(c.Points, place)
		fmt.Fprintf(&path, "%c%g %g", "ML"[min(i, 1)], place.X, place.Y)
	}
	c.Path = path.String()
	return c
}

// scale is a logarithmic one, from a value at one end to one at the other.
func scale(from, to, first, last float64) func(float64) float64 {
	return func(x float64) float64 {
		part := math.Log(max(from, min(to, x))/from) / math.Log(to/from)
		return round(first + part*(last-first))
	}
}
