package docs_test

import (
	"fmt"
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

// month is a line of a table that the replay of honest work printed.
type month struct {
	agentDays, perThousand, within, stepUps, stopped, listed, of string
	freezes                                                      int
	others                                                       float64 // co-signatures and raises
}

// honest reads the table below a heading: of each trade its line.
func honest(t *testing.T, replayed, heading string) map[string]month {
	t.Helper()
	_, below, found := strings.Cut(replayed, heading)
	if !found {
		t.Fatalf("detection.md has no table %q", heading)
	}
	number := func(text string) float64 {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	trades := make(map[string]month)
	for line := range strings.Lines(below) {
		if strings.HasPrefix(line, "```") {
			break
		}
		if f := strings.Fields(line); len(f) == 20 && !strings.Contains(line, "agent-days") {
			trades[f[0]] = month{
				agentDays: f[1], freezes: int(number(f[4])), perThousand: f[5], within: f[6], stepUps: f[7],
				others: number(f[9]) + number(f[10]), stopped: f[11], listed: f[16], of: f[17],
			}
		}
	}
	if len(trades) < 6 {
		t.Fatalf("%s: %d trades", heading, len(trades))
	}
	return trades
}

// What the file of a pilot says of honest staff is what the replay printed: whoever signs it
// decides by these figures.
func TestTheFiguresOfThePilotsFileAreTheReplays(t *testing.T) {
	body, err := os.ReadFile("detection.md")
	if err != nil {
		t.Fatal(err)
	}
	town, hard := honest(t, string(body), "The town: honest work"), honest(t, string(body), "The hard town, as the real logs are")
	most := func(trades map[string]month) (trade string, others float64) {
		for name, m := range trades {
			if name != "all" && m.others > others {
				trade, others = name, m.others
			}
		}
		return trade, others
	}
	if town["all"].listed != "0" {
		t.Errorf("the town puts %s honest accounts on the short list, and the note to staff representatives says none", town["all"].listed)
	}
	inFrench := map[string]string{"training": "en formation", "call-centre": "au téléphone", "desk": "à l’accueil", "adviser": "au conseil"}
	atMost, mostOthers := most(town)
	atMostHard, mostOthersHard := most(hard)
	from, to, _ := strings.Cut(town["all"].within, "–")
	for page, says := range map[string][]string{
		"rgpd.md": {
			fmt.Sprintf("%d gel infondé en %s jours-agent, soit %s pour 1 000, intervalle de %s à %s ;", town["all"].freezes, town["all"].agentDays, town["all"].perThousand, from, to),
			fmt.Sprintf("dans une ville rendue plus dure, %s pour 1 000", hard["all"].perThousand),
		},
		"representants-du-personnel.md": {
			fmt.Sprintf("un conseil est arrêté %s fois en 1 000 jours de travail, et confirme %s fois par mois ; à l’accueil, %s fois en 1 000 jours, et en formation %s",
				town["adviser"].stopped, town["adviser"].stepUps, town["desk"].stopped, town["training"].stopped),
			fmt.Sprintf("aucun compte honnête en %s mois d’agent ; une ville rendue plus dure, %s en %s", town["all"].of, hard["all"].listed, hard["all"].of),
		},
		"aipd.md": {fmt.Sprintf("%s arrêts en 1 000 jours à l’accueil et %s en formation, contre %s au conseil", town["desk"].stopped, town["training"].stopped, town["adviser"].stopped)},
		"plan-90-jours.md": {
			fmt.Sprintf("Tenu dans la ville inventée (%.2f %s, le plus) ; **manqué dans une ville rendue plus dure** %s (%.2f)", mostOthers, inFrench[atMost], inFrench[atMostHard], mostOthersHard),
		},
		"annexe-partenaires.md": {
			fmt.Sprintf("%.2f par conseiller et par mois, %.2f à l’accueil, %.2f en formation", town["adviser"].others, town["desk"].others, town["training"].others),
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
