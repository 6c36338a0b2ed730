package config_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"poterne/internal/archive"
	"poterne/internal/config"
	"poterne/internal/config/configtest"
)

// Promise: PERSON-6
func TestPERSON_6_HowLongPeopleAreKeptIsWrittenInMonthsByCategory(t *testing.T) {
	dir := configtest.Secrets(t)
	with := func(rules string) string {
		return config.Example + "\n[archive]\nkeys = \"archive-keys\"\n" + rules
	}
	for name, test := range map[string]struct{ rules, want string }{
		"nothing":                   {"", "archive.rule: missing; write [[archive.rule]]"},
		"no term":                   {"[[archive.rule]]\nof = \"facts\"", "archive.rule[0].erase: missing"},
		"of nothing that is held":   {"[[archive.rule]]\nof = \"files\"\nerase = 3", `archive.rule[0]: "files" is nothing that is held of people`},
		"at once":                   {"[[archive.rule]]\nof = \"facts\"\nerase = 2", "archive.rule[0]: facts: they are erased 3 to 600 months after their end"},
		"archived when it is gone":  {"[[archive.rule]]\nof = \"questions\"\narchive = 12\nerase = 12", "before they are erased"},
		"facts, which are not ours": {"[[archive.rule]]\nof = \"facts\"\narchive = 3\nerase = 12", "they are not archived here"},
		"twice":                     {"[[archive.rule]]\nof = \"facts\"\nerase = 3\n[[archive.rule]]\nof = \"facts\"\nerase = 6", "archive.rule[1].of: there are two rules for facts"},
	} {
		if _, err := parse(dir, with(test.rules)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	_, shown, _ := strings.Cut(config.Example, "\n# [archive]\n") // as the example has it, in comments
	shown, _, _ = strings.Cut(shown, "\n\n")
	s, err := parse(dir, config.Example+"\n[archive]\n"+strings.ReplaceAll(strings.ReplaceAll("\n"+shown, "\n# ", "\n"), "\n#\n", "\n\n"))
	want := []archive.Rule{{Of: archive.Questions, Archive: 3, Erase: 240}, {Of: archive.Contacts, Archive: 3, Erase: 13}, {Of: archive.Facts, Erase: 3}, {Of: archive.Covers, Erase: 3}, {Of: archive.Told, Erase: 12}, {Of: archive.Proposals, Erase: 6}, {Of: archive.Lists, Erase: 6}, {Of: archive.Asked, Erase: 12}, {Of: archive.Names, Erase: 12}}
	if err != nil || s.ArchiveKeys != filepath.Join(dir, "archive-keys") || !slices.Equal(s.ArchiveRules, want) {
		t.Errorf("the example is %q, %v (%v)", s.ArchiveKeys, s.ArchiveRules, err)
	}
}
