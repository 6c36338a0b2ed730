package docs_test

import (
	"cmp"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

var (
	link = regexp.MustCompile(`\]\(([^)#\s]+)`)
	part = regexp.MustCompile(`\]\(([^)#\s]*)#([^)\s]+)\)`) // of a page
	test = regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Za-z0-9_]+)`")
	file = regexp.MustCompile("`((?:[a-z]+/)+[a-z_]+\\.(?:go|toml))`")
)

// What a page points to is there: a document that names a test which was renamed
// promises something that nobody holds any more.
func TestWhatTheDocumentsNameIsThere(t *testing.T) {
	tests := testNames(t)
	for _, page := range pages(t) {
		body, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		text := string(body)
		for _, found := range link.FindAllStringSubmatch(text, -1) {
			target := found[1]
			if strings.Contains(target, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), target)); err != nil {
				t.Errorf("%s links to %s, which is not there", page, target)
			}
		}
		for _, found := range part.FindAllStringSubmatch(text, -1) {
			target := filepath.Join(filepath.Dir(page), cmp.Or(found[1], filepath.Base(page)))
			if !strings.Contains(found[1], "://") && !headings(t, target)[found[2]] {
				t.Errorf("%s links to %s#%s, and there is no such heading", page, target, found[2])
			}
		}
		for _, found := range test.FindAllStringSubmatch(text, -1) {
			if !tests[found[1]] {
				t.Errorf("%s names %s, and there is no such test", page, found[1])
			}
		}
		for _, found := range file.FindAllStringSubmatch(text, -1) {
			if !there("../"+found[1]) && !there("../internal/"+found[1]) {
				t.Errorf("%s names %s, and there is no such file", page, found[1])
			}
		}
	}
}

var (
	heading   = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	unlinked  = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	unslugged = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// headings are the names by which links lead to a page's headings, as hosts of repositories
// make them: of a title that is there twice, the first.
func headings(t *testing.T, page string) map[string]bool {
	t.Helper()
	body, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, found := range heading.FindAllStringSubmatch(string(body), -1) {
		title := unlinked.ReplaceAllString(found[1], "$1")
		names[strings.ReplaceAll(unslugged.ReplaceAllString(strings.ToLower(title), ""), " ", "-")] = true
	}
	return names
}

// Each failure names the test that showed what comes of it, or says that none did.
func TestEachFailureWasTriedOrIsSaidNotToBe(t *testing.T) {
	body, err := os.ReadFile("failures.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for line := range strings.Lines(string(body)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) < 5 || strings.HasPrefix(cells[1], "--") || strings.TrimSpace(cells[len(cells)-2]) == "shown by" {
			continue
		}
		lines++
		if by := cells[len(cells)-2]; !test.MatchString(by) && !strings.Contains(by, "not tried") && !strings.Contains(by, "the same test") {
			t.Errorf("%q is shown by no test, and is not said to be untried", cells[1])
		}
	}
	if lines < 30 {
		t.Errorf("only %d failures are listed", lines)
	}
}

func there(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// french is where pages are in French.
const french = "pilote/"

func pages(t *testing.T) (all []string) {
	t.Helper()
	for _, pattern := range []string{"../*.md", "*.md", "decisions/*.md", french + "*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("no pages like %s: %v", pattern, err)
		}
		all = append(all, found...)
	}
	return all
}

var declaration = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)[A-Za-z0-9_]+)\(`)

// testNames finds the tests, benchmarks and fuzz targets of the program.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	err := filepath.WalkDir("..", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, found := range declaration.FindAllSubmatch(source, -1) {
			names[string(found[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

var (
	fenced  = regexp.MustCompile("(?s)```\n(.*?)```")
	program = regexp.MustCompile("`((?:poterne|make|demo) [^`]*)`")
)

// readme is what a page lists, whatever its language.
type readme struct {
	commands []string // of blocks, and those named in the text
	links    []string
	rows     [][]string // of its tables; of each, the commands and links in it, and how many cells
}

func readReadme(t *testing.T, page string) (r readme) {
	t.Helper()
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for _, block := range fenced.FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(block[1]) {
			command, _, _ := strings.Cut(line, "#")
			r.commands = append(r.commands, strings.TrimSpace(command))
		}
	}
	for _, found := range program.FindAllStringSubmatch(text, -1) {
		r.commands = append(r.commands, found[1])
	}
	for _, found := range link.FindAllStringSubmatch(text, -1) {
		if !slices.Contains([]string{"README.md", "README.fr.md", "status.md", "status.fr.md"}, found[1]) { // the page in the other language
			r.links = append(r.links, strings.ReplaceAll(found[1], ".fr.md", ".md"))
		}
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "|") {
			row := []string{strings.Repeat("|", strings.Count(line, "|"))}
			for _, found := range append(program.FindAllStringSubmatch(line, -1), link.FindAllStringSubmatch(line, -1)...) {
				row = append(row, found[1])
			}
			r.rows = append(r.rows, row)
		}
	}
	return r
}

// bilingual are the pages that there are in French, too.
var bilingual = map[string]string{"../README.md": "../README.fr.md", "status.md": "status.fr.md"}

// Whoever reads a page in one language has read it in the other.
func TestAPageInTwoLanguagesHasTheSameCommandsLinksAndRows(t *testing.T) {
	for page, translated := range bilingual {
		english, french := readReadme(t, page), readReadme(t, translated)
		for _, compared := range []struct {
			what            string
			english, french []string
		}{
			{"commands", english.commands, french.commands},
			{"links", english.links, french.links},
			{"rows", rowsOf(english), rowsOf(french)},
		} {
			if len(compared.english) < 5 && compared.what == "links" {
				t.Errorf("%s has only %d %s", page, len(compared.english), compared.what)
			}
			for _, one := range compared.english {
				if !slices.Contains(compared.french, one) {
					t.Errorf("of the %s, %s lacks %s", compared.what, translated, one)
				}
			}
			for _, one := range compared.french {
				if !slices.Contains(compared.english, one) {
					t.Errorf("of the %s, %s lacks %s", compared.what, page, one)
				}
			}
			if len(compared.english) != len(compared.french) {
				t.Errorf("%s and %s: %d %s in English, %d in French", page, translated, len(compared.english), compared.what, len(compared.french))
			}
		}
	}
}

func rowsOf(r readme) (rows []string) {
	for _, row := range r.rows {
		rows = append(rows, strings.Join(row, " "))
	}
	return rows
}

// The first commands of a README are those that continuous integration and the
// trial in an empty root run.
func TestTheReadmesSecondCommandIsWhatContinuousIntegrationRuns(t *testing.T) {
	commands := readReadme(t, "../README.md").commands
	if len(commands) < 2 || commands[0] != "go run ./cmd/poterne demo" || !there("../"+commands[1]) {
		t.Fatalf("the first commands are %q: one needs no more than Go, the other a file of the repository", commands[:min(2, len(commands))])
	}
	script, err := os.ReadFile("../.ci/run")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(strings.TrimSpace(string(script)), "exec "+commands[1]) {
		t.Errorf(".ci/run does not end with %s", commands[1])
	}
}

// missing is what the pages say is not there yet: words of what they say, and the
// promises it belongs to. Each of these has no test or says what it lacks, so that
// this list is out of date the day one of them is held. What belongs to no promise
// has none.
var missing = []struct {
	english, french string
	promises        []string
}{
	{"a repository", "", nil}, // of packages and images
	{"reminders outside the page", "", nil},
	{"planned and not built", "", nil},        // what the words mean
	{"not yet in the one that runs", "", nil}, // advice

	// The tables of what is there.
	{"statements that nobody declared", "requêtes que personne n’a déclarées", []string{"RUN-6"}},
	{"clients that ask the catalogue", "clients qui lisent le catalogue", []string{"RUN-6"}},
	{"more than one head", "plus d’une tête", nil},
	{"devices bound by keys", "appareils liés par une clé", []string{"ENTRY-9", "WATCH-2"}},
	{"figures of a real register", "chiffres d’un fichier réel", []string{"WATCH-7"}},
	{"a first address of somebody who has none", "la première adresse de qui n’en a aucune", nil},
}

var (
	notYet    = regexp.MustCompile(`(?i)\bnot yet\b|\bpas encore\b`)
	separator = regexp.MustCompile(`[,;]`)
)

// What is said not to be there stands beside no promise that a test holds: a page
// that says so of something built is as wrong as one that promises too much.
func TestNotYetStandsBesideNoTestedPromise(t *testing.T) {
	held := heldPromises(t)
	used := make(map[string]bool)
	judge := func(page, said string, among func(i int) string) {
		known := false
		for i, m := range missing {
			words := among(i)
			if words == "" || !strings.Contains(said, words) {
				continue
			}
			known, used[words] = true, true
			for _, promise := range m.promises {
				if held[promise] {
					t.Errorf("%s says that %q is not there yet, but %s has tests and lacks nothing", page, said, promise)
				}
			}
		}
		if !known {
			t.Errorf("%s says that %q is not there yet: say in this test of which promise that speaks, if of any", page, said)
		}
	}
	inEnglish, inFrench := func(i int) string { return missing[i].english }, func(i int) string { return missing[i].french }
	for _, page := range pages(t) {
		among := inEnglish
		if strings.HasPrefix(page, french) || strings.HasSuffix(page, ".fr.md") {
			among = inFrench
		}
		for _, said := range notYetIn(t, page) {
			judge(page, said, among)
		}
	}
	for page, among := range map[string]func(int) string{"status.md": inEnglish, "status.fr.md": inFrench} {
		absent := notThere(t, page)
		if len(absent) < 5 { // the table is read wrongly
			t.Errorf("%s has a table of what is not there, of %d items", page, len(absent))
		}
		for _, said := range absent {
			judge(page, said, among)
		}
	}
	for i, m := range missing {
		if !used[m.english] || m.french != "" && !used[m.french] {
			t.Errorf("no page says any more that there is no %q, %q: entry %d of this list can go", m.english, m.french, i)
		}
	}
}

// heldPromises are the promises that have tests and lack nothing.
func heldPromises(t *testing.T) map[string]bool {
	t.Helper()
	var list struct {
		Promise []struct{ ID, Lacks string }
	}
	raw, err := os.ReadFile("../tools/promises/promises.toml")
	if err == nil {
		err = toml.Unmarshal(raw, &list)
	}
	if err != nil {
		t.Fatal(err)
	}
	lists, err := os.ReadFile("../tools/promises/tests.txt")
	if err != nil {
		t.Fatal(err)
	}
	held := make(map[string]bool)
	for line := range strings.Lines(string(lists)) {
		promise, _, _ := strings.Cut(line, " ")
		held[promise] = true
	}
	known := make(map[string]bool)
	for _, p := range list.Promise {
		known[p.ID] = true
		held[p.ID] = held[p.ID] && p.Lacks == ""
	}
	for _, m := range missing {
		for _, promise := range m.promises {
			if !known[promise] {
				t.Errorf("%s, of which %q speaks, is not promised", promise, m.english)
			}
		}
	}
	return held
}

// notYetIn are the sentences of a page, or cells of its tables, that say "not yet".
// What a heading or the head of a table says is said of what stands below it.
func notYetIn(t *testing.T, page string) (said []string) {
	t.Helper()
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, paragraph := range strings.Split(strings.ReplaceAll(string(raw), "|", "\n\n"), "\n\n") {
		folded := strings.Join(strings.Fields(paragraph), " ")
		for sentence := range strings.SplitSeq(folded, ". ") {
			if notYet.MatchString(sentence) && sentence != "n’existe pas encore" {
				said = append(said, sentence)
			}
		}
	}
	return said
}

// notThere are the items of the right column of a page's table of what is there.
func notThere(t *testing.T, page string) (items []string) {
	t.Helper()
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	inTable := false
	for line := range strings.Lines(string(raw)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		switch {
		case len(cells) != 4:
			inTable = false
		case strings.Contains(cells[2], "not there yet") || strings.Contains(cells[2], "n’existe pas encore"):
			inTable = true
		case inTable && !strings.HasPrefix(cells[2], "--"):
			for _, item := range separator.Split(cells[2], -1) {
				if item = strings.TrimSpace(item); item != "" { // nothing of it is missing
					items = append(items, item)
				}
			}
		}
	}
	return items
}
