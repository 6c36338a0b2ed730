package app

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"poterne/internal/provision"
)

// served are the patterns of all addresses that the program answers at itself, as its source
// has them: each text that begins with a method and a path, from whatever constants it is put
// together. So an address that somebody adds is walked without anybody adding it here.
func served(t *testing.T) (patterns []string) {
	t.Helper()
	source := source{constants: make(map[string]ast.Expr)}
	fset := token.NewFileSet()
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "lab" || strings.HasSuffix(entry.Name(), "test")): // what stands for other programs
			return fs.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		source.files = append(source.files, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range source.files {
		source.learn(file)
	}
	for _, file := range source.files {
		ast.Inspect(file, func(n ast.Node) bool {
			source.mounts(t, fset, file.Name.Name, n)
			expression, ok := n.(ast.Expr)
			if !ok || !begins(expression) {
				return true
			}
			pattern, known := source.value(file.Name.Name, expression)
			switch {
			case !known:
				t.Errorf("%s: it is not known which address this is", fset.Position(n.Pos()))
			case address.MatchString(pattern) && !slices.Contains(patterns, pattern):
				patterns = append(patterns, pattern)
			}
			return false
		})
	}
	slices.Sort(patterns)
	return patterns
}

// mounts complains of a handler that is put anywhere under an address that names no method:
// served would not find it.
func (s source) mounts(t *testing.T, fset *token.FileSet, in string, n ast.Node) {
	t.Helper()
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) != 2 {
		return
	}
	of, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || of.Sel.Name != "Handle" && of.Sel.Name != "HandleFunc" {
		return
	}
	pattern, known := s.value(in, call.Args[0])
	// Where it is no constant, it is the pattern of a list, and the list is found.
	if catchAll := pattern == "/" || pattern == provision.Prefix; known && !catchAll && !method.MatchString(pattern) {
		t.Errorf("%s: %q is answered for every method: write which", fset.Position(n.Pos()), pattern)
	}
}

var (
	method  = regexp.MustCompile(`^(GET|POST|PUT|PATCH|DELETE) `)
	address = regexp.MustCompile(`^[A-Z]+ /[a-zA-Z0-9/._{}$-]*$`)
)

// begins reports whether the first text of an expression begins with a method.
func begins(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return e.Kind == token.STRING && err == nil && method.MatchString(text)
	case *ast.BinaryExpr:
		return e.Op == token.ADD && begins(e.X)
	}
	return false
}

// source is the program's, with its constants by package and name.
type source struct {
	files     []*ast.File
	constants map[string]ast.Expr
}

func (s source) learn(file *ast.File) {
	ast.Inspect(file, func(n ast.Node) bool {
		if values, ok := n.(*ast.ValueSpec); ok {
			for i, name := range values.Names {
				if i < len(values.Values) {
					s.constants[file.Name.Name+"."+name.Name] = values.Values[i]
				}
			}
		}
		return true
	})
}

// value is what a constant expression of a package comes to.
func (s source) value(in string, e ast.Expr) (text string, known bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		one, first := s.value(in, e.X)
		other, second := s.value(in, e.Y)
		return one + other, first && second
	case *ast.Ident:
		named, there := s.constants[in+"."+e.Name]
		if !there {
			return "", false
		}
		return s.value(in, named)
	case *ast.SelectorExpr:
		of, ok := e.X.(*ast.Ident)
		if !ok {
			return "", false
		}
		named, there := s.constants[of.Name+"."+e.Sel.Name]
		if !there {
			return "", false
		}
		return s.value(of.Name, named)
	}
	return "", false
}
