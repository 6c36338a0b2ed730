package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

// The pages that say what is there say it as the tests have it.
func TestTheStatusThatPagesGiveIsUpToDate(t *testing.T) {
	there := "../.."
	made := t.TempDir()
	if err := os.Mkdir(filepath.Join(made, "docs"), 0o700); err != nil {
		t.Fatal(err)
	}
	pages := []string{"docs/status.md", "docs/status.fr.md", "README.md", "README.fr.md"}
	for _, page := range pages {
		text, err := os.ReadFile(filepath.Join(there, page))
		if err == nil {
			err = os.WriteFile(filepath.Join(made, page), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := writeStatus(made, indexOfTests(promiseTests)); err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		is, err := os.ReadFile(filepath.Join(there, page))
		if err != nil {
			t.Fatal(err)
		}
		if should, err := os.ReadFile(filepath.Join(made, page)); err != nil || string(should) != string(is) {
			t.Errorf("%s is not as the promises are: run go -C tools generate ./promises (%v)", page, err)
		}
	}
}

// Each promise is said in French, and nothing is that is not promised.
func TestEveryPromiseIsSaidInFrench(t *testing.T) {
	promises, err := readPromises()
	if err != nil {
		t.Fatal(err)
	}
	french := make(map[string]translation)
	if err := toml.Unmarshal(frenchList, &french); err != nil {
		t.Fatal(err)
	}
	for _, p := range promises {
		if french[p.ID].Sentence == "" {
			t.Errorf("%s is not said in french.toml", p.ID)
		}
		delete(french, p.ID)
	}
	for id := range french {
		t.Errorf("french.toml speaks of %s, which is not promised", id)
	}
}

// What was translated of words that are no longer said is not shown as if it were.
func TestATranslationThatIsOutOfDateIsNotShown(t *testing.T) {
	p := promise{ID: "RUN-1", Sentence: "It runs.", Lacks: "legs"}
	if got := p.translated(translation{"Il court.", "des jambes", "legs"}); got.Sentence != "Il court." || got.Lacks != "des jambes" {
		t.Errorf("%+v", got)
	}
	if got := p.translated(translation{"Il court.", "des bras", "arms"}); !strings.HasPrefix(got.Lacks, "legs") {
		t.Errorf("%+v", got)
	}
}
