package sim

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"poterne/internal/i18n"
)

func TestThePageNeedsNothingElse(t *testing.T) {
	report := wholeReport(t)
	for _, in := range []i18n.Language{i18n.French, i18n.English} {
		t.Run(string(in), func(t *testing.T) {
			var page bytes.Buffer
			if err := report.WriteHTML(&page, in); err != nil {
				t.Fatal(err)
			}
			tree, err := html.Parse(&page)
			if err != nil {
				t.Fatal(err)
			}
			rows, marks := 0, 0
			for n := range tree.Descendants() {
				switch n.Data {
				case "script", "img", "link", "iframe", "a":
					t.Errorf("the page has a <%s>", n.Data)
				case "tr":
					rows++
				case "circle":
					marks++
				}
				for _, a := range n.Attr {
					if strings.Contains(a.Val, "://") || a.Key == "style" {
						t.Errorf("the page has %s=%q", a.Key, a.Val)
					}
				}
			}
			if want := len(Attacks) + len(Oddities) + len(Trades); rows < want || marks < 2*len(Attacks) {
				t.Errorf("the page has %d rows and %d marks, for %d results and %d attacks", rows, marks, want, len(Attacks))
			}
		})
	}
}
