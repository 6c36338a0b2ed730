package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
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
