package internal_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// order is who may import whom: a part imports the parts before it.
var order = []string{
	"fault", "i18n", "typed", "trace", "manual", "seal", "dial", "mail", "register", "roster", "reason", "order", "meter", "policy", "ledger",
	"journal", "approval", "breakglass", "containment", "accounts", "intake", "custody", "grants", "archive", "glossary", "installed", "provision", "audit", "alert", "signin", "gate",
	"campaign", "usage", "refund", "tune", "notice", "incident", "person", "siem", "ssf", "portal", "store", "config", "app", "lab",
}

// rules are the parts that are pure: values and time in, values out.
var rules = []string{"reason", "order", "meter", "policy", "ledger/retention"}

// outside is what a rule may use of the standard library; none of it can reach
// a file, a network or a clock.
var outside = []string{"cmp", "encoding/binary", "errors", "fmt", "hash/fnv", "iter", "maps", "math", "math/bits", "slices", "sort", "strconv", "strings", "time"}

// blind is what the applications behind Poterne know nothing of, although they
// come after it: they are as foreign as anybody's.
var blind = []string{"gate", "portal", "store", "ledger", "policy", "meter", "reason", "order", "journal", "signin", "intake", "containment", "accounts", "grants", "app"}

// storing is who may know how things are stored: app opens the database, the
// laboratory fills one for the demonstration, and the configuration asks whether a
// connection is safe.
var storing = []string{"app", "lab", "config"}

// capabilities are acts with their checks and the rows they leave; none knows another.
var capabilities = []string{"containment", "accounts", "intake", "custody", "grants", "archive", "incident", "person", "breakglass"}

// source is one file and what it imports of Poterne, by path below internal/.
type source struct {
	path    string // from the root of the repository
	folder  string // below internal/, or cmd/poterne, or e2e
	imports []string
	tree    *ast.File
	lines   int
}

func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

// supports reports whether the file helps tests and is in no binary.
func (s source) supportsTests() bool { return s.isTest() || strings.HasSuffix(s.folder, "test") }

// part is the first element of a folder below internal/.
func part(folder string) string {
	first, _, _ := strings.Cut(folder, "/")
	return first
}

// objection says what is wrong with an import, or nothing.
func objection(s source, imported string) string {
	from, to := part(s.folder), part(imported)
	place := slices.Index(order, from)
	switch {
	case from == "cmd" && to == "store" && !s.supportsTests():
		return "a command is flags, a call and what is printed: app opens the database"
	case from == "cmd" || from == "e2e" || from == "docs":
		return ""
	case place < 0:
		return fmt.Sprintf("%s is no part of Poterne that the order of imports knows", from)
	case from == to:
		return sideways(s, imported)
	case to == "store" && !slices.Contains(storing, from) && !s.supportsTests():
		return "only app, config, lab and tests may know how things are stored"
	case to == "config" && from != "app" && from != "lab":
		return "only what assembles the program knows the configuration: constructors take values"
	case strings.HasPrefix(s.folder, "lab/town") && slices.Contains(blind, to) && !s.supportsTests():
		return "the town's applications know nothing of the guard before them"
	case slices.Contains(capabilities, from) && slices.Contains(capabilities, to) && !s.supportsTests():
		return "no capability knows another: what both need lies below them"
	case s.supportsTests():
		return "" // a test may put together what the program puts together
	case slices.Index(order, to) > place || !slices.Contains(order, to):
		return fmt.Sprintf("%s comes before %s", from, to)
	}
	return ""
}

// sideways judges an import within one part. A folder and its sub-folders may
// import one another, the compiler forbids circles; but helpers of tests stay out
// of the program.
func sideways(s source, imported string) string {
	if strings.HasSuffix(imported, "test") && !s.supportsTests() {
		return "helpers of tests stay out of the program"
	}
	if from, to := room(s.folder), room(imported); from != "" && to != "" && from != to && !s.supportsTests() {
		return "no room knows another: what both need is the shell's"
	}
	return ""
}

// room is which room of the portal a folder is, or is part of; empty for none.
func room(folder string) string {
	below, is := strings.CutPrefix(folder, "portal/rooms/")
	if !is {
		return ""
	}
	return part(below)
}

func TestAPartImportsOnlyThoseBeforeIt(t *testing.T) {
	for _, s := range sources(t) {
		for _, imported := range s.imports {
			if why := objection(s, imported); why != "" {
				t.Errorf("%s imports internal/%s: %s", s.path, imported, why)
			}
		}
	}
}

func TestRulesReachNothingOutside(t *testing.T) {
	for _, s := range sources(t) {
		if !slices.Contains(rules, s.folder) || s.isTest() {
			continue
		}
		for _, spec := range s.tree.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			if !strings.HasPrefix(name, "poterne/") && !slices.Contains(outside, name) {
				t.Errorf("%s imports %s: a rule takes values and gives values, and reaches nothing outside", s.path, name)
			}
		}
		for _, call := range clockReads(s.tree) {
			t.Errorf("%s calls time.%s: a rule is told the time", s.path, call)
		}
	}
}

// clockReads names the functions of package time in a file that read the clock.
func clockReads(tree *ast.File) (calls []string) {
	ast.Inspect(tree, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		from, ok := selector.X.(*ast.Ident)
		clock := []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer"}
		if ok && from.Name == "time" && slices.Contains(clock, selector.Sel.Name) {
			calls = append(calls, selector.Sel.Name)
		}
		return true
	})
	return calls
}

// machinePath is a path that exists on the machine of whoever wrote it only.
var machinePath = regexp.MustCompile(`/(work|home|Users|root)/[a-z]`)

func TestNoSourceNamesAMachine(t *testing.T) {
	for _, s := range sources(t) {
		if s.isTest() {
			continue
		}
		ast.Inspect(s.tree, func(n ast.Node) bool {
			var text string
			switch n := n.(type) {
			case *ast.BasicLit:
				text = n.Value
			case *ast.Comment:
				text = n.Text
			}
			if found := machinePath.FindString(text); found != "" {
				t.Errorf("%s has a path that begins with %s: it means nothing elsewhere", s.path, found)
			}
			return true
		})
	}
}

// The guard of the order is worth something only if it objects.
func TestTheOrderObjects(t *testing.T) {
	for name, test := range map[string]struct {
		path, folder, imported string
		allowed                bool
	}{
		"a later part":                       {"internal/meter/meter.go", "meter", "policy", false},
		"an earlier part":                    {"internal/policy/policy.go", "policy", "meter", true},
		"its own sub-folder":                 {"internal/gate/gate.go", "gate", "gate/httpgate", true},
		"its parent":                         {"internal/gate/httpgate/httpgate.go", "gate/httpgate", "gate", true},
		"a sub-folder of a later part":       {"internal/ledger/who.go", "ledger", "gate/httpgate", false},
		"the store":                          {"internal/portal/desk.go", "portal", "store", false},
		"the store, in a test":               {"internal/gate/gate_test.go", "gate", "store", true},
		"the store, in its own test helpers": {"internal/store/storetest/storetest.go", "store/storetest", "store", true},
		"the gate, in an application":        {"internal/lab/town/kairos.go", "lab/town", "gate", false},
		"the intake, in an application":      {"internal/lab/town/reasons.go", "lab/town", "intake", false},
		"a register, in an application":      {"internal/lab/town/person.go", "lab/town", "register", true},
		"an act of another capability":       {"internal/grants/grants.go", "grants", "containment", false},
		"the one writer":                     {"internal/grants/grants.go", "grants", "journal", true},
		"a capability, below it":             {"internal/journal/act.go", "journal", "grants", false},
		"a room, in another":                 {"internal/portal/rooms/staff/staff.go", "portal/rooms/staff", "portal/rooms/desk", false},
		"the shell, in a room":               {"internal/portal/rooms/staff/staff.go", "portal/rooms/staff", "portal", true},
		"a part of itself, in a room":        {"internal/portal/rooms/desk/desk.go", "portal/rooms/desk", "portal/rooms/desk/list", true},
		"the store, in helpers of tests":     {"internal/portal/portaltest/site.go", "portal/portaltest", "store", true},
		"a test helper":                      {"internal/signin/door.go", "signin", "signin/signintest", false},
		"a part that nobody knows":           {"internal/util/util.go", "util", "fault", false},
		"an unknown part":                    {"internal/portal/desk.go", "portal", "common", false},
		"the configuration":                  {"internal/gate/gate.go", "gate", "config", false},
		"anything, in the wiring":            {"internal/app/app.go", "app", "store", true},
		"the store, in a command":            {"cmd/poterne/order.go", "cmd/poterne", "store", false},
	} {
		t.Run(name, func(t *testing.T) {
			why := objection(source{path: test.path, folder: test.folder}, test.imported)
			if (why == "") != test.allowed {
				t.Errorf("objects %q", why)
			}
		})
	}
	tree, err := parser.ParseFile(token.NewFileSet(), "rule.go", "package rule\nvar late = time.Since(then)", 0)
	if err != nil || len(clockReads(tree)) != 1 {
		t.Errorf("a reading of the clock is not seen: %v", err)
	}
	if machinePath.FindString(`"/`+`home/somebody/poterne"`) == "" {
		t.Error("a path of a machine is not seen")
	}
}

// sources parses every Go file of the program.
func sources(t *testing.T) (all []source) {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	err = fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata" || entry.Name() == "tools") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(name, ".go") || path.Dir(name) == "internal" {
			return nil
		}
		tree, err := parser.ParseFile(set, filepath.Join(root, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
		s := source{path: name, folder: strings.TrimPrefix(path.Dir(name), "internal/"), tree: tree, lines: set.File(tree.FileStart).LineCount()}
		for _, spec := range tree.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return fmt.Errorf("reading the imports of %s: %w", name, err)
			}
			if below, ours := strings.CutPrefix(imported, "poterne/internal/"); ours {
				s.imports = append(s.imports, below)
			}
		}
		all = append(all, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 50 {
		t.Fatalf("found only %d files: the walk looks in the wrong place", len(all))
	}
	return all
}
