package i18n

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestBothLanguagesSayTheSame(t *testing.T) {
	for key, french := range catalogue[French] {
		english, ok := catalogue[English][key]
		if !ok {
			t.Errorf("%s is not said in English", key)
			continue
		}
		if french.counted != english.counted || !slices.Equal(holes(french), holes(english)) {
			t.Errorf("%s differs in its forms or placeholders: %q and %q", key, holes(french), holes(english))
		}
	}
	for key := range catalogue[English] {
		if !French.Has(key) {
			t.Errorf("%s is not said in French", key)
		}
	}
}

// holes are the placeholders of a text, in order. A singular may leave out {n}.
func holes(t text) []string {
	return slices.Compact(slices.Sorted(slices.Values(append(placeholder.FindAllString(t.plural, -1), placeholder.FindAllString(t.singular, -1)...))))
}

func TestPlaceholdersLeadSomewhere(t *testing.T) {
	stray := regexp.MustCompile(`[{}]`)
	for _, in := range Languages {
		for key, text := range catalogue[in] {
			if stray.MatchString(placeholder.ReplaceAllString(text.singular+text.plural, "")) {
				t.Errorf("%s: %s has a brace that is in no placeholder", in, key)
			}
			for _, hole := range holes(text) {
				_, counted, other := parse(hole)
				if counted != "" && !catalogue[in][counted].counted || other != "" && !in.Has(other) {
					t.Errorf("%s: %s has %s, which leads nowhere", in, key, hole)
				}
			}
		}
	}
}

func TestFrenchTypography(t *testing.T) {
	wrong := regexp.MustCompile(`[^\s\x{202f}\x{a0}:/][;!?»]|[\p{L}\d)}] ?[;:!?»](\s|$)|«[^\x{202f}]|\p{L}'\p{L}|\d \d{3}`)
	for key, text := range catalogue[French] {
		for _, form := range []string{text.singular, text.plural} {
			if found := wrong.FindString(form); found != "" {
				t.Errorf("%s: %q in %q", key, found, form)
			}
		}
	}
}

// A key is written whole, or its beginning is, up to a point or a dash, where its end
// is a code; the packages that write such beginnings test that each code has its text.
func TestEachTextIsUsedAndWhatIsUsedIsThere(t *testing.T) {
	used := make(map[string]bool)
	mentions := func(where, literal string, certain bool) {
		found := French.Has(literal)
		used[literal] = true
		if strings.HasSuffix(literal, ".") || strings.HasSuffix(literal, "-") {
			for key := range catalogue[French] {
				if strings.HasPrefix(key, literal) {
					used[key], found = true, true
				}
			}
		}
		if certain && !found && key.MatchString(literal) {
			t.Errorf("%s says %q, which is not in the catalogue", where, literal)
		}
	}
	for file, tree := range goFiles(t) {
		inGo(tree, func(literal string, certain bool) { mentions(file, literal, certain) })
	}
	for file, template := range templates(t) {
		inTemplate(template, func(literal string, certain bool) { mentions(file, literal, certain) })
	}
	for _, text := range catalogue[French] {
		for _, hole := range holes(text) {
			_, counted, other := parse(hole)
			used[counted], used[other] = true, true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(catalogue[French])) {
		if !used[key] {
			t.Errorf("%s is never said", key)
		}
	}
}

// key is the shape of a key, or of the beginning of one.
var key = regexp.MustCompile(`^[a-z]+\.[a-z0-9-]*$`)

// keyAt is which argument of a method is a key: of what says a text, and of what begins
// a page with its title.
var keyAt = map[string]int{"Say": 0, "Has": 0, "Page": 1, "page": 2}

// inGo yields the strings of a file. Those that a text is asked for by are certain to
// be keys: those of keyAt, and what a method Message returns.
func inGo(tree *ast.File, yield func(literal string, certain bool)) {
	certain := make(map[*ast.BasicLit]bool)
	literals := func(n ast.Node, each func(*ast.BasicLit)) {
		ast.Inspect(n, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				each(literal)
			}
			return true
		})
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Name.Name == "Message" && n.Recv != nil && n.Body != nil {
				literals(n.Body, func(literal *ast.BasicLit) { certain[literal] = true })
			}
		case *ast.CallExpr:
			if called, ok := n.Fun.(*ast.SelectorExpr); ok {
				if place, says := keyAt[called.Sel.Name]; says && len(n.Args) > place {
					literals(n.Args[place], func(literal *ast.BasicLit) { certain[literal] = true })
				}
			}
		}
		return true
	})
	literals(tree, func(literal *ast.BasicLit) {
		if text, err := strconv.Unquote(literal.Value); err == nil {
			yield(text, certain[literal])
		}
	})
}

var (
	action = regexp.MustCompile(`(?s)\{\{.*?\}\}`)
	quoted = regexp.MustCompile(`(\b[sS]ay \(?(?:print )?)?"([^"]*)"`)
)

// inTemplate yields the strings in the actions of a template; those after say are
// certain to be keys.
func inTemplate(template string, yield func(literal string, certain bool)) {
	for _, found := range action.FindAllString(template, -1) {
		for _, match := range quoted.FindAllStringSubmatch(found, -1) {
			yield(match[2], match[1] != "")
		}
	}
}

// The search is worth something only if it finds.
func TestTheSearchFindsWhatIsSaid(t *testing.T) {
	tree, err := parser.ParseFile(token.NewFileSet(), "said.go", `package said
func (t thing) Message() (string, []any) { return "thing." + t.name, nil }
var said, page, file = in.Say("thing.whole", "n", 3), visit.Page("/", "thing.title"), "thing.html"`, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]bool)
	inGo(tree, func(literal string, certain bool) { got[literal] = certain })
	inTemplate(`<p class="thing.css">{{say "thing.page"}} {{with say (print "thing.state-" .)}}{{.}}{{end}} {{template "thing.row"}}`,
		func(literal string, certain bool) { got[literal] = certain })
	want := map[string]bool{"thing.": true, "thing.whole": true, "n": false, "/": false, "thing.title": true, "thing.html": false, "thing.page": true, "thing.state-": true, "thing.row": false}
	if !maps.Equal(got, want) {
		t.Errorf("found %v", got)
	}
}

// goFiles parses the program, without its tests.
func goFiles(t *testing.T) map[string]*ast.File {
	trees := make(map[string]*ast.File)
	for file, source := range repository(t, ".go") {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		trees[file] = tree
	}
	return trees
}

// templates reads what text is put into.
func templates(t *testing.T) map[string]string { return repository(t, ".html", ".svg") }

func repository(t *testing.T, extensions ...string) map[string]string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]string)
	err = fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") || slices.Contains([]string{"testdata", "docs", "tools"}, entry.Name())):
			return fs.SkipDir
		case entry.IsDir() || !slices.Contains(extensions, path.Ext(name)):
			return nil
		}
		raw, err := os.ReadFile(filepath.Join(root, name))
		found[name] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatal("found no files: the walk looks in the wrong place")
	}
	return found
}
