package tune

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"strconv"
	"strings"

	"poterne/internal/i18n"
	"poterne/internal/meter"
	"poterne/internal/roster"
)

// pictureFile is one SVG that needs nothing else.
//
//go:embed picture.svg
var pictureFile string

// WritePicture draws, for each role, what a thief takes against what honest staff
// meet, dial by dial; in French or in English.
func (s Study) WritePicture(out io.Writer, in i18n.Language) error {
	say, ok := wordsIn[in]
	if !ok {
		say, in = wordsIn[i18n.French], i18n.French
	}
	p := picture{In: in, Say: say, Width: pictureWide, Height: pictureTop}
	p.From, p.To = s.Since.Format("2006-01-02"), s.Until.Format("2006-01-02")
	for _, r := range s.Roles {
		if r.Days == 0 {
			continue
		}
		p.Rows = append(p.Rows, say.row(r, p.Height))
		p.Height += rowHigh
	}
	return template.Must(template.New("picture").Parse(pictureFile)).Execute(out, p)
}

const (
	pictureWide = 1080
	pictureTop  = 130
	rowHigh     = 280
	panelWide   = 300
	panelHigh   = 150
	panelStep   = 350
	panelLeft   = 50
	beyondLimit = 10 // how many times the limit of friction is drawn
)

type picture struct {
	In            i18n.Language
	Say           words
	From, To      string
	Width, Height int
	Rows          []pictureRow
}

type pictureRow struct {
	Y      int
	Title  string
	Panels []panel
}

// panel is one dial: people taken upwards, friction to the right, both on scales
// that widen what is small.
type panel struct {
	X             int
	Title, Across string
	Limit         float64 // where friction has its limit
	LimitText     string
	Floor         float64 // where the floor stands; zero when it does not apply
	FloorText     string
	Marks         []mark
	Ticks         []tick
	Line          string // through the marks
}

type mark struct {
	X, Y  float64
	Kind  string // tried, default or proposed
	Text  string
	Title string
}

type tick struct {
	Y    float64
	Text string
}

// words are those of the picture.
type words struct {
	Title, Desc                  string
	Hour, Month, Line            string
	Touches, Signatures, Freezes string
	Limit, Floor                 string
	Tried, Default, Proposed     string
	Days                         string
	Point                        string
	Roles                        map[roster.Role]string
}

var wordsIn = map[i18n.Language]words{
	i18n.French: {
		Title: "Ce qu’un voleur prend, et ce que le travail honnête rencontre",
		Desc:  "Pour chaque métier, trois réglages. En hauteur, les personnes sans motif que prend un voleur qui a un compte pour lui seul et connaît les règles ; vers la droite, ce que les agents auraient rencontré dans la période.",
		Hour:  "Franchise de l’heure", Month: "Franchise de 28 jours", Line: "Ligne du CUSUM",
		Touches: "gestes par agent et par mois", Signatures: "cosignatures par agent et par mois", Freezes: "gels à tort pour 1 000 jours d’agent",
		Limit: "limite", Floor: "plancher", Tried: "essayé", Default: "valeur par défaut", Proposed: "proposé",
		Days: "jours d’agent", Point: ",",
		Roles: map[roster.Role]string{roster.Adviser: "Conseil", roster.Desk: "Accueil", roster.CallCentre: "Plateforme téléphonique", roster.Training: "Formation"},
	},
	i18n.English: {
		Title: "What a thief takes, and what honest work meets",
		Desc:  "For each role, three dials. Upwards, the people without a reason taken by a thief who has an account to himself and knows the rules; to the right, what staff would have met in the period.",
		Hour:  "Allowance of the hour", Month: "Allowance of 28 days", Line: "Line of the CUSUM",
		Touches: "touches an agent-month", Signatures: "signatures an agent-month", Freezes: "false freezes in 1,000 agent-days",
		Limit: "limit", Floor: "floor", Tried: "tried", Default: "default", Proposed: "proposed",
		Days: "agent-days", Point: ".",
		Roles: map[roster.Role]string{roster.Adviser: "Advisers", roster.Desk: "Front desk", roster.CallCentre: "Call centre", roster.Training: "Training"},
	},
}

func (w words) number(x float64, decimals int) string {
	return strings.Replace(strconv.FormatFloat(x, 'f', decimals, 64), ".", w.Point, 1)
}

func (w words) row(r RoleStudy, y int) pictureRow {
	title := fmt.Sprintf("%s · %s %s · λ %s · φ %s", w.Roles[r.Role], w.number(float64(r.Days), 0), w.Days, w.number(r.Mean, 2), w.number(r.Dispersion, 2))
	return pictureRow{y, title, []panel{
		w.panel(0, w.Hour, w.Touches, r.Hours, r, MostTouches(r.Role),
			func(p Point) (float64, int, meter.Cost) { return p.Touches, p.FirstHour, p.Allowance.Short }, 0),
		w.panel(1, w.Month, w.Signatures, r.Months, r, MostCosigns,
			func(p Point) (float64, int, meter.Cost) { return p.Cosigns, p.Leak, p.Allowance.Long }, r.Floor),
		w.panel(2, w.Line, w.Freezes, r.Lines, r, 1000*Alpha,
			func(p Point) (float64, int, meter.Cost) { return p.Freezes, p.Leak, p.Watch.Line }, r.Floor),
	}}
}

// panel draws one dial; figures tell a point's friction, its leak and where the
// dial stands.
func (w words) panel(place int, title, across string, tried []Point, r RoleStudy, limit float64, figures func(Point) (float64, int, meter.Cost), floor float64) panel {
	most, highest := beyondLimit*limit, floor
	for _, p := range tried {
		_, leak, _ := figures(p)
		highest = max(highest, float64(leak))
	}
	x := func(v float64) float64 { return round(panelWide * math.Sqrt(v/most)) }
	y := func(v float64) float64 { return round(panelHigh * (1 - math.Sqrt(v/max(highest, 1)))) }
	d := panel{X: panelLeft + place*panelStep, Title: title, Across: across, Limit: x(limit), LimitText: w.Limit + " " + w.short(limit)}
	if floor > 0 {
		d.Floor, d.FloorText = y(floor), w.Floor+" "+w.number(floor, 0)
	}
	_, _, byDefault := figures(r.Default)
	_, _, proposed := figures(r.Proposed)
	for _, p := range tried {
		friction, leak, dial := figures(p)
		m := mark{X: x(min(friction, most)), Y: y(float64(leak)), Kind: "tried", Text: people(dial), Title: fmt.Sprintf("%s: %d · %s", people(dial), leak, w.number(friction, 2))}
		switch {
		case dial == proposed:
			m.Kind = "proposed"
		case dial == byDefault:
			m.Kind = "default"
		case friction > most:
			continue
		}
		d.Marks = append(d.Marks, m)
		d.Line += fmt.Sprintf("%c%g %g", "ML"[min(len(d.Marks), 2)-1], m.X, m.Y)
	}
	for _, part := range []float64{0, 0.25, 1} {
		d.Ticks = append(d.Ticks, tick{y(part * highest), w.number(part*highest, 0)})
	}
	return d
}

// short writes a limit without needless decimals.
func (w words) short(x float64) string {
	return strings.Replace(strconv.FormatFloat(x, 'f', -1, 64), ".", w.Point, 1)
}

func round(x float64) float64 { return math.Round(10*x) / 10 }
