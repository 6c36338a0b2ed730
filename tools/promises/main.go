// Command promises lists what Poterne promises and the tests that hold it to each
// promise, for people who work on it:
//
//	go -C tools run ./promises --results ../artifacts/test.json
//
// Its go:generate finds their tests again, and writes docs/status.md and the READMEs' line of
// state, in both languages.
//
// It exits with 1 when a test of a promise failed.
package main

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// promiseList is every promise, in a sentence.
//
//go:embed promises.toml
var promiseList []byte

// promiseTests says which test holds us to which promise: a promise, a package
// and a test on each line. A test keeps it up to date.
//
//go:generate go run . --scan ../..
//go:embed tests.txt
var promiseTests string

// promise is one of the things Poterne must do.
type promise struct {
	ID       string `toml:"id"`
	Sentence string `toml:"says"`
	Lacks    string `toml:"lacks"` // of a promise that is kept in part
}

// test names one test of one package.
type test struct{ pkg, name string }

func (t test) String() string { return t.pkg + "." + t.name }

func main() {
	results := flag.String("results", "", "what go test -json printed, for the last result of each test")
	scan := flag.String("scan", "", "find the tests again in the source below this root, and write tests.txt")
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(os.Stdout, *results, *scan); err != nil {
		fmt.Fprintf(os.Stderr, "promises: %v\n", err)
		os.Exit(1)
	}
}

// run lists the promises. One without a test is absent, whatever was built.
func run(out io.Writer, resultsFile, root string) error {
	if root != "" {
		found, err := scanPromises(os.DirFS(root))
		if err != nil {
			return err
		}
		if err := os.WriteFile("tests.txt", []byte(found), 0o644); err != nil {
			return err
		}
		return writeStatus(root, indexOfTests(found))
	}
	promises, err := readPromises()
	if err != nil {
		return err
	}
	results := map[test]string{}
	if resultsFile != "" {
		if results, err = readResults(resultsFile); err != nil {
			return err
		}
	}
	return listPromises(out, promises, indexOfTests(promiseTests), results)
}

func readPromises() ([]promise, error) {
	var list struct {
		Promise []promise `toml:"promise"`
	}
	if err := toml.NewDecoder(bytes.NewReader(promiseList)).DisallowUnknownFields().Decode(&list); err != nil {
		return nil, fmt.Errorf("the list of promises cannot be read: %w", err)
	}
	return list.Promise, nil
}

// listPromises writes them with their tests: how many, or how each went where there
// are results.
func listPromises(out io.Writer, promises []promise, tests map[string][]test, results map[test]string) error {
	w := bufio.NewWriter(out)
	absent, inPart, failed := 0, 0, map[test]bool{}
	for _, p := range promises {
		fmt.Fprintf(w, "%-9s  %s\n", p.ID, p.Sentence)
		switch {
		case len(tests[p.ID]) == 0:
			absent++
			fmt.Fprintf(w, "%-9s    absent: no test\n", "")
		case p.Lacks != "":
			inPart++
			fmt.Fprintf(w, "%-9s    in part; it lacks: %s\n", "", p.Lacks)
		}
		unknown := 0
		for _, t := range tests[p.ID] {
			result, ran := results[t]
			if !ran {
				unknown++
				continue
			}
			if result == "fail" {
				failed[t] = true
			}
			fmt.Fprintf(w, "%-9s    %s: %s\n", "", t, result)
		}
		switch {
		case unknown > 0 && len(results) == 0:
			fmt.Fprintf(w, "%-9s    tests: %d\n", "", unknown)
		case unknown > 0:
			fmt.Fprintf(w, "%-9s    tests without a result: %d\n", "", unknown)
		}
	}
	fmt.Fprintf(w, "\n%d promises: %d with tests, %d of them in part; %d absent\n", len(promises), len(promises)-absent, inPart, absent)
	if len(results) == 0 {
		fmt.Fprintln(w, "How each test went is said from what go test -json printed, such as by tools/test: --results artifacts/test.json")
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if len(failed) > 0 {
		return fmt.Errorf("%d tests of promises failed", len(failed))
	}
	return nil
}

// indexOfTests reads tests.txt.
func indexOfTests(text string) map[string][]test {
	tests := map[string][]test{}
	for line := range strings.Lines(text) {
		if parts := strings.Fields(line); len(parts) == 3 {
			tests[parts[0]] = append(tests[parts[0]], test{parts[1], parts[2]})
		}
	}
	return tests
}

// readResults reads the last result of each test from what go test -json printed.
func readResults(file string) (map[test]string, error) {
	in, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	results := map[test]string{}
	for lines := json.NewDecoder(in); ; {
		var event struct{ Action, Package, Test string }
		if err := lines.Decode(&event); errors.Is(err, io.EOF) {
			return results, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s is not what go test -json prints: %w", file, err)
		}
		switch event.Action {
		case "pass", "fail", "skip":
			if event.Test != "" {
				results[test{strings.TrimPrefix(event.Package, "poterne/"), event.Test}] = event.Action
			}
		}
	}
}

var (
	testFunc  = regexp.MustCompile(`^func (Test\w+)\(`)
	inName    = regexp.MustCompile(`^Test([A-Z]+)_(\d+)_`)
	inComment = regexp.MustCompile(`^// Promises?: (.+)$`)
	promiseID = regexp.MustCompile(`\b[A-Z]+-\d+\b`)
)

// scanPromises finds the tests of promises: those that are named TestMETER_3_…,
// and those with a line "// Promise: METER-3" above them.
func scanPromises(source fs.FS) (string, error) {
	found := map[string]bool{}
	err := fs.WalkDir(source, ".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && file != "." && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case entry.IsDir() || !strings.HasSuffix(file, "_test.go"):
			return nil
		}
		text, err := fs.ReadFile(source, file)
		if err != nil {
			return err
		}
		for _, line := range testsIn(string(text)) {
			found[line.id+" "+path.Dir(file)+" "+line.test] = true
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return strings.Join(append(slices.Sorted(maps.Keys(found)), ""), "\n"), nil
}

type promised struct{ id, test string }

func testsIn(text string) (found []promised) {
	var said []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if comment := inComment.FindStringSubmatch(line); comment != nil {
			said = append(said, promiseID.FindAllString(comment[1], -1)...)
			continue
		}
		if name := testFunc.FindStringSubmatch(line); name != nil {
			if in := inName.FindStringSubmatch(name[1]); in != nil {
				said = append(said, in[1]+"-"+in[2])
			}
			for _, id := range said {
				found = append(found, promised{id, name[1]})
			}
		}
		if !strings.HasPrefix(line, "//") {
			said = nil
		}
	}
	return found
}
