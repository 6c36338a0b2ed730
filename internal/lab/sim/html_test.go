package sim

import (
	"bytes"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"poterne/internal/i18n"
)

func TestThePageNeedsNothingElse(t *testing.T) {
	report := replayed(t, small(Everything))
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

func TestThePageSaysEverythingInBothLanguages(t *testing.T) {
	for in, say := range wordsIn {
		fields := reflect.ValueOf(say)
		for i := range fields.NumField() {
			if name := fields.Type().Field(i).Name; fields.Field(i).IsZero() && !(in == i18n.English && name == "sentences") {
				t.Errorf("%s: %s is not said", in, name)
			}
		}
		for _, trade := range Trades {
			if say.trades[trade.Name] == "" {
				t.Errorf("%s: the trade %s has no name", in, trade.Name)
			}
		}
	}
	french := wordsIn[i18n.French].sentences
	for _, a := range Attacks {
		if french[a.Name] == "" {
			t.Errorf("%s is not told in French", a.Name)
		}
	}
	for _, o := range Oddities {
		if french[o.Name] == "" {
			t.Errorf("%s is not told in French", o.Name)
		}
	}
	if want := len(Attacks) + len(Oddities); len(french) != want {
		t.Errorf("%d sentences in French for %d attacks and oddities", len(french), want)
	}
	wrong := regexp.MustCompile(`'| [;:!?»]|« |\d \d{3}`)
	for name, sentence := range french {
		if wrong.MatchString(sentence) {
			t.Errorf("%s: %q is not French typography", name, sentence)
		}
	}
}

func TestThePageCountsAsPeopleDo(t *testing.T) {
	french, english := wordsIn[i18n.French], wordsIn[i18n.English]
	for got, want := range map[string]string{
		french.count(36793920): "36\u202f793\u202f920", english.count(36793920): "36,793,920", french.count(999): "999",
		french.rate(1016.14): "1\u202f016,1", english.rate(4.05): "4.0",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
