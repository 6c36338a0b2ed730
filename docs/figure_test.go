package docs_test

import (
	"os"
	"regexp"
	"slices"
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
