package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	field   = regexp.MustCompile("(?m)^\\s+([A-Z]\\w*)\\s+([\\w.\\[\\]*]+)\\s+`([^`]*)`")
	named   = regexp.MustCompile(`name:"([a-z-]+)"`)
	capital = regexp.MustCompile(`([a-z])([A-Z])`)
	asked   = regexp.MustCompile("(?m)(?:^|`)poterne ([a-z][^`\n#]*)")
	word    = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	flag    = regexp.MustCompile(`--([a-z]+(?:-[a-z]+)*)`)
)

// A command that a page gives, and each of its flags, is one that the program takes.
func TestTheCommandsThatPagesGiveAreThePrograms(t *testing.T) {
	commands, groups, flags := make(map[string]bool), make(map[string]bool), map[string]bool{"help": true}
	files, err := filepath.Glob("../cmd/poterne/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range field.FindAllStringSubmatch(string(source), -1) {
			name := strings.ToLower(capital.ReplaceAllString(found[1], "$1-$2"))
			if given := named.FindStringSubmatch(found[3]); given != nil {
				name = given[1]
			}
			if strings.Contains(found[3], `cmd:"`) {
				commands[name] = true
				groups[name] = groups[name] || strings.HasSuffix(found[2], "Commands")
			} else {
				flags[name] = true
			}
		}
	}
	told := 0
	for _, page := range pages(t) {
		if page == "../CHANGELOG.md" { // tells of commands that were
			continue
		}
		body, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range asked.FindAllStringSubmatch(string(body), -1) {
			told++
			words := strings.Fields(found[1])
			if !commands[words[0]] || len(words) > 1 && groups[words[0]] && word.MatchString(words[1]) && !commands[words[1]] {
				t.Errorf("%s gives poterne %s, and there is no such command", page, strings.Join(words, " "))
			}
			for _, f := range flag.FindAllStringSubmatch(found[1], -1) {
				if !flags[f[1]] {
					t.Errorf("%s gives poterne %s, and there is no --%s", page, strings.Join(words, " "), f[1])
				}
			}
		}
	}
	if told < 100 {
		t.Errorf("pages give only %d commands", told)
	}
}
