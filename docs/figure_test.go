package docs_test

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var drawn = regexp.MustCompile(`(?s)<g id="([a-z0-9-]+)" data-figures="([0-9, ]+)">(.*?)</g>`)

// The figure of both READMEs says what the replay printed.
func TestWhatAStolenAccountIsWorthIsDrawnAsItWasReplayed(t *testing.T) {
	replayed, err := os.ReadFile("detection.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"img/worth.en.svg", "img/worth.fr.svg"} {
		picture, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		groups := drawn.FindAllStringSubmatch(strings.ReplaceAll(string(picture), "\u202f", ","), -1)
		if len(groups) != 4 {
			t.Errorf("%s draws %d attacks", name, len(groups))
		}
		for _, group := range groups {
			var printed []string
			for line := range strings.Lines(string(replayed)) {
				if fields := strings.Fields(line); len(fields) > 10 && fields[0] == group[1] {
					printed = fields
				}
			}
			for _, figure := range strings.Fields(group[2]) {
				if !slices.Contains(printed, figure) {
					t.Errorf("%s says %s of %s, and the replay did not", name, figure, group[1])
				}
				if figure != "0" && !strings.Contains(group[3], figure) {
					t.Errorf("%s draws no %s of %s", name, figure, group[1])
				}
			}
		}
	}
}

var ( // as English writes numbers
	thousands = regexp.MustCompile(`(\d),(\d{3})`)
	decimal   = regexp.MustCompile(`(\d)\.(\d)`)
)

// honest reads the table below a heading: of each trade how many openings were stopped in 1,000 days.
func honest(t *testing.T, replayed, heading string) map[string]string {
	t.Helper()
	_, below, found := strings.Cut(replayed, heading)
	if !found {
		t.Fatalf("detection.md has no table %q", heading)
	}
	stopped := make(map[string]string)
	for line := range strings.Lines(below) {
		if strings.HasPrefix(line, "```") {
			break
		}
		if f := strings.Fields(line); len(f) == 20 && !strings.Contains(line, "agent-days") {
			stopped[f[0]] = f[11]
		}
	}
	if len(stopped) < 6 {
		t.Fatalf("%s: %d trades", heading, len(stopped))
	}
	return stopped
}

// aimed reads the table of what was played over twenty seeds: of each row the town's cell and the hard town's.
func aimed(t *testing.T, replayed string) map[string][2]string {
	t.Helper()
	_, below, found := strings.Cut(replayed, "| | aim | the town | the hard town |\n")
	if !found {
		t.Fatal("detection.md has no table of aims")
	}
	rows := make(map[string][2]string)
	for line := range strings.Lines(below) {
		cells := strings.Split(strings.ReplaceAll(line, "**", ""), "|")
		if len(cells) != 6 {
			break
		}
		name, _, _ := strings.Cut(strings.TrimSpace(cells[1]), ",")
		rows[name] = [2]string{strings.TrimSpace(cells[3]), strings.TrimSpace(cells[4])}
	}
	return rows
}

// trades reads a cell that has a figure of each trade.
func trades(t *testing.T, cell string) map[string]float64 {
	t.Helper()
	figures := make(map[string]float64)
	for one := range strings.SplitSeq(cell, ", ") {
		at := strings.LastIndex(one, " ")
		figure, err := strconv.ParseFloat(one[at+1:], 64)
		if err != nil {
			t.Fatal(err)
		}
		figures[one[:max(at, 0)]] = figure
	}
	return figures
}

var (
	froze  = regexp.MustCompile(`^([0-9.]+) \(([0-9.]+)–([0-9.]+)\), ([0-9]+) in all$`)
	listed = regexp.MustCompile(`\(([0-9]+) of ([0-9,]+)\)`)
)

// What the file of a pilot says of honest staff is what the replay printed: whoever signs it
// decides by these figures.
func TestTheFiguresOfThePilotsFileAreTheReplays(t *testing.T) {
	body, err := os.ReadFile("detection.md")
	if err != nil {
		t.Fatal(err)
	}
	most := func(cell string) string {
		of := trades(t, cell)
		most := slices.MaxFunc(slices.Collect(maps.Keys(of)), func(a, b string) int { return cmp.Compare(of[a], of[b]) })
		return fmt.Sprintf("%.2f %s", of[most], map[string]string{"training": "en formation", "call centre": "au téléphone", "desk": "à l’accueil", "adviser": "au conseil", "benefits": "au calcul des droits"}[most])
	}
	stopped, rows := honest(t, string(body), "The town: honest work"), aimed(t, string(body))
	days, freezes, short := rows["agent-days"], rows["freezes"], rows["the short list"]
	townFroze, hardFroze, townListed := froze.FindStringSubmatch(freezes[0]), froze.FindStringSubmatch(freezes[1]), listed.FindStringSubmatch(short[0])
	signed, confirmed := rows["signatures and raises"], rows["confirmations"]
	if townFroze == nil || hardFroze == nil || townListed == nil {
		t.Fatalf("the table of aims says %q and %q", freezes, short)
	}
	townSigned, townConfirmed, hardConfirmed := trades(t, signed[0]), trades(t, confirmed[0]), trades(t, confirmed[1])
	for page, says := range map[string][]string{
		"rgpd.md": {
			fmt.Sprintf("%s gels infondés en %s jours-agent, soit %s pour 1 000, intervalle de %s à %s ;", townFroze[4], days[0], townFroze[1], townFroze[2], townFroze[3]),
			fmt.Sprintf("dans une ville rendue plus dure, %s en %s, soit %s pour 1 000, intervalle de %s à %s ", hardFroze[4], days[1], hardFroze[1], hardFroze[2], hardFroze[3]),
		},
		"representants-du-personnel.md": {
			fmt.Sprintf("un conseil est arrêté %s fois en 1 000 jours de travail, et confirme %.2f fois par mois ; à l’accueil, %s fois en 1 000 jours, et en formation %s",
				stopped["adviser"], townConfirmed["adviser"], stopped["desk"], stopped["training"]),
			fmt.Sprintf("%s comptes honnêtes en %s mois d’agent", townListed[1], townListed[2]),
			fmt.Sprintf("une ville rendue plus dure en met %s sur 1 000", short[1][strings.LastIndex(short[1], " ")+1:]),
		},
		"aipd.md": {fmt.Sprintf("%s arrêts en 1 000 jours à l’accueil et %s en formation, contre %s au conseil", stopped["desk"], stopped["training"], stopped["adviser"])},
		"plan-90-jours.md": {
			fmt.Sprintf("Tenu dans la ville inventée (%s, le plus) ; dans une ville rendue plus dure, où 3 sont visés, jusqu’à %s", most(signed[0]), most(signed[1])),
			fmt.Sprintf("**manqué dans une ville rendue plus dure** au conseil (%.2f), au calcul des droits (%.2f) et au téléphone (%.2f)", hardConfirmed["adviser"], hardConfirmed["benefits"], hardConfirmed["call centre"]),
		},
		"annexe-partenaires.md": {
			fmt.Sprintf("%.2f par conseiller et par mois, %.2f à l’accueil, %.2f en formation", townSigned["adviser"], townSigned["desk"], townSigned["training"]),
		},
	} {
		body, err := os.ReadFile(french + page)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(body), "\u202f", " ")
		for _, said := range says {
			said = decimal.ReplaceAllString(thousands.ReplaceAllString(said, "$1 $2"), "$1,$2")
			if !strings.Contains(text, said) {
				t.Errorf("%s does not say %q, as the replay does", page, said)
			}
		}
	}
}
