package internal_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/doc"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of packages in ARCHITECTURE.md anew")

// How large a part of the program may grow before it has to be cut.
const (
	commandLines    = 2500 // of cmd/poterne: flags, one call, print
	packageLines    = 6000
	exportedMethods = 20 // of one type
)

func TestNoPartOutgrowsItsReader(t *testing.T) {
	lines, methods := make(map[string]int), make(map[string]int)
	for _, s := range sources(t) {
		if s.isTest() {
			continue
		}
		lines[s.folder] += s.lines
		for _, declaration := range s.tree.Decls {
			if method, ok := declaration.(*ast.FuncDecl); ok && method.Recv != nil && method.Name.IsExported() {
				methods[s.folder+"."+receiver(method.Recv.List[0].Type)]++
			}
		}
	}
	for folder, n := range lines {
		if most := map[bool]int{true: commandLines, false: packageLines}[folder == "cmd/poterne"]; n > most {
			t.Errorf("%s has %d lines, more than %d: cut it", folder, n, most)
		}
	}
	for name, n := range methods {
		if n > exportedMethods {
			t.Errorf("%s has %d exported methods, more than %d: it is several types", name, n, exportedMethods)
		}
	}
	if lines["cmd/poterne"] == 0 || len(methods) < 50 {
		t.Errorf("found %d folders and %d types: the count looks in the wrong place", len(lines), len(methods))
	}
}

// receiver names the type that a method is of.
func receiver(of ast.Expr) string {
	switch of := of.(type) {
	case *ast.StarExpr:
		return receiver(of.X)
	case *ast.IndexExpr:
		return receiver(of.X)
	case *ast.Ident:
		return of.Name
	}
	return ""
}

// The table's lines are rounded, and may be off by a fifth before it has to be
// written anew: go test ./internal -run Table -update.
func TestTheTableOfPackagesIsTrue(t *testing.T) {
	const begin, end = "| package | what it is | lines | imported by |\n|---|---|---|---|\n", "\n\n"
	file := filepath.Join("..", "ARCHITECTURE.md")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	table, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatal("ARCHITECTURE.md has no table of packages")
	}
	want := packages(t)
	if *update {
		if err := os.WriteFile(file, []byte(before+begin+strings.Join(want, "\n")+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	written := strings.Split(table, "\n")
	if !slices.EqualFunc(written, want, sameRow) {
		t.Errorf("the table of packages in ARCHITECTURE.md is not true any more: go test ./internal -run Table -update")
	}
}

// sameRow compares two rows of the table, lines roughly.
func sameRow(a, b string) bool {
	one, two := strings.Split(a, " | "), strings.Split(b, " | ")
	if len(one) != 4 || len(two) != 4 {
		return a == b
	}
	was, err := strconv.Atoi(one[2])
	is, alsoErr := strconv.Atoi(two[2])
	one[2], two[2] = "", ""
	return slices.Equal(one, two) && err == nil && alsoErr == nil && 10*max(was-is, is-was) <= 2*max(is, 250)
}

// packages returns the table's rows: each package of the program, its first sentence,
// its lines without tests, and the packages that import it.
func packages(t *testing.T) (rows []string) {
	type part struct {
		about string
		lines int
		users map[string]bool
	}
	parts := make(map[string]*part)
	of := func(folder string) *part {
		if parts[folder] == nil {
			parts[folder] = &part{users: make(map[string]bool)}
		}
		return parts[folder]
	}
	for _, s := range sources(t) {
		if s.supportsTests() || s.folder == "e2e" || s.folder == "docs" {
			continue
		}
		p := of(s.folder)
		p.lines += s.lines
		if s.tree.Doc != nil {
			p.about = new(doc.Package).Synopsis(s.tree.Doc.Text())
		}
		for _, imported := range s.imports {
			if imported != s.folder {
				of(imported).users[s.folder] = true
			}
		}
	}
	for folder, p := range parts {
		about := strings.TrimPrefix(strings.TrimPrefix(p.about, "Package "+path.Base(folder)+" "), "Command "+path.Base(folder)+" ")
		var users []string
		for user := range p.users {
			users = append(users, user)
		}
		slices.Sort(users)
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %d | %s |", folder, strings.ReplaceAll(about, "|", "/"), (p.lines+25)/50*50, strings.Join(users, ", ")))
	}
	slices.Sort(rows)
	return rows
}
