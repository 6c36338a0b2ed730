package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	link = regexp.MustCompile(`\]\(([^)#\s]+)`)
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

func there(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func pages(t *testing.T) (all []string) {
	t.Helper()
	for _, pattern := range []string{"../*.md", "*.md", "decisions/*.md"} {
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

var block = regexp.MustCompile("(?s)```toml\n(.*?)```")

// Whoever copies the service of a README into the example configuration has one
// that is accepted.
func TestTheServiceInTheReadmeIsAccepted(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "poterne")
	run(t, "go", "build", "-o", program, "../cmd/poterne")
	run(t, program, "keys", dir, "--origin", "poterne.example/ledger")
	example, _, found := strings.Cut(run(t, program, "config", "example"), "\n[[service]]")
	if !found {
		t.Fatal("the example has no service")
	}
	for _, secret := range []string{"client.secret", "agenda.token"} {
		write(t, filepath.Join(dir, secret), strings.Repeat("secret", 6))
	}
	for _, page := range []string{"../README.md", "../README.fr.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		declared := block.FindSubmatch(text)
		if declared == nil {
			t.Fatalf("%s declares no service", page)
		}
		if lines := strings.Count(string(declared[1]), "\n"); lines > 15 {
			t.Errorf("%s needs %d lines", page, lines)
		}
		config := filepath.Join(dir, "poterne.toml")
		write(t, config, example+"\n"+string(declared[1]))
		run(t, program, "config", "check", config)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	said, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", filepath.Base(name), args, err, said)
	}
	return string(said)
}

var (
	fenced  = regexp.MustCompile("(?s)```\n(.*?)```")
	program = regexp.MustCompile("`((?:poterne|make|demo) [^`]*)`")
)

// readme is what a README lists, whatever its language.
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
		if !strings.HasPrefix(found[1], "README") {
			r.links = append(r.links, found[1])
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

// Whoever reads one README has read the other.
func TestBothReadmesHaveTheSameCommandsLinksAndRows(t *testing.T) {
	english, french := readReadme(t, "../README.md"), readReadme(t, "../README.fr.md")
	for _, compared := range []struct {
		what            string
		english, french []string
	}{
		{"commands", english.commands, french.commands},
		{"links", english.links, french.links},
		{"rows", rowsOf(english), rowsOf(french)},
	} {
		if len(compared.english) < 10 && compared.what != "commands" {
			t.Errorf("only %d %s", len(compared.english), compared.what)
		}
		for _, one := range compared.english {
			if !slices.Contains(compared.french, one) {
				t.Errorf("of the %s, README.fr.md lacks %s", compared.what, one)
			}
		}
		for _, one := range compared.french {
			if !slices.Contains(compared.english, one) {
				t.Errorf("of the %s, README.md lacks %s", compared.what, one)
			}
		}
		if len(compared.english) != len(compared.french) {
			t.Errorf("%d %s in English, %d in French", len(compared.english), compared.what, len(compared.french))
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
