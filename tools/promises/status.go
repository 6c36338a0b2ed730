package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// frenchList is the promises in French.
//
//go:embed french.toml
var frenchList []byte

// translation is a promise in French.
type translation struct {
	Sentence string `toml:"says"`
	Lacks    string `toml:"lacks"`
	Of       string `toml:"of"` // what it lacks in English, when this was translated
}

// language is how one language's pages say it.
type language struct {
	status, readme  string // the pages
	counts          string // kept, in part, absent
	kept, part, not string // headings
	columns, lacks  [2]string
}

var languages = []language{
	{
		"docs/status.md", "README.md", "%d promises kept, %d in part, %d absent",
		"Kept", "In part", "Absent",
		[2]string{"promise", "tests"},
		[2]string{"promise", "what it lacks"},
	},
	{
		"docs/status.fr.md", "README.fr.md", "%d promesses tenues, %d en partie, %d absentes",
		"Tenues", "En partie", "Absentes",
		[2]string{"promesse", "essais"},
		[2]string{"promesse", "ce qui manque"},
	},
}

// writeStatus writes what is kept, in part and absent into the pages below root that say it.
func writeStatus(root string, tests map[string][]test) error {
	for _, in := range languages {
		for page, between := range map[string]func() (string, error){
			in.status: func() (string, error) { return in.list(tests) },
			in.readme: func() (string, error) { return in.count(tests) },
		} {
			path := filepath.Join(root, page)
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			made, err := between()
			if err != nil {
				return err
			}
			written, err := replaced(string(text), made)
			if err != nil {
				return fmt.Errorf("%s: %w", page, err)
			}
			if err := os.WriteFile(path, []byte(written), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

const begins, ends = "<!-- promises -->", "<!-- /promises -->"

// replaced puts what is made between the marks of a page.
func replaced(page, made string) (string, error) {
	before, rest, begun := strings.Cut(page, begins)
	_, after, ended := strings.Cut(rest, ends)
	if !begun || !ended {
		return "", fmt.Errorf("the page has no %s and %s", begins, ends)
	}
	return before + begins + made + ends + after, nil
}

// sorted are the promises that are kept, in part and absent, in one language.
func (in language) sorted(tests map[string][]test) (kept, part, absent []promise, err error) {
	promises, err := readPromises()
	if err != nil {
		return nil, nil, nil, err
	}
	french := make(map[string]translation)
	if err := toml.NewDecoder(bytes.NewReader(frenchList)).DisallowUnknownFields().Decode(&french); err != nil {
		return nil, nil, nil, fmt.Errorf("the French list of promises cannot be read: %w", err)
	}
	for _, p := range promises {
		lacks := p.Lacks
		if in.readme == "README.fr.md" {
			p = p.translated(french[p.ID])
		}
		switch {
		case len(tests[p.ID]) == 0:
			absent = append(absent, p)
		case lacks != "":
			part = append(part, p)
		default:
			kept = append(kept, p)
		}
	}
	return kept, part, absent, nil
}

// translated is the promise in French; what was not translated since it changed stays in
// English, and says so.
func (p promise) translated(f translation) promise {
	switch {
	case f.Sentence != "":
		p.Sentence = f.Sentence
	default:
		p.Sentence += " *(en anglais)*"
	}
	switch {
	case p.Lacks == "":
	case f.Of == p.Lacks:
		p.Lacks = f.Lacks
	default:
		p.Lacks += " *(en anglais)*"
	}
	return p
}

// count is the line of state.
func (in language) count(tests map[string][]test) (string, error) {
	kept, part, absent, err := in.sorted(tests)
	return fmt.Sprintf(in.counts, len(kept), len(part), len(absent)), err
}

// list is every promise, in three tables.
func (in language) list(tests map[string][]test) (string, error) {
	kept, part, absent, err := in.sorted(tests)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n**"+in.counts+".**\n", len(kept), len(part), len(absent))
	table := func(heading string, columns [2]string, promises []promise, last func(promise) string) {
		fmt.Fprintf(&b, "\n### %s\n\n| | %s | %s |\n|---|---|---|\n", heading, columns[0], columns[1])
		for _, p := range promises {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", p.ID, p.Sentence, last(p))
		}
	}
	table(in.kept, in.columns, kept, func(p promise) string { return fmt.Sprint(len(tests[p.ID])) })
	table(in.part, in.lacks, part, func(p promise) string { return p.Lacks })
	fmt.Fprintf(&b, "\n### %s\n\n", in.not)
	for _, p := range absent {
		fmt.Fprintf(&b, "- %s: %s\n", p.ID, p.Sentence)
	}
	return b.String(), nil
}
