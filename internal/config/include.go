package config

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"poterne/internal/fault"
	"poterne/internal/ledger"
)

// place is where a key is written.
type place struct {
	file string
	nth  int // of the files of a configuration, in the order they are read
	line int // 0 when it is not known
}

func (p place) String() string {
	if p.line == 0 {
		return p.file
	}
	return fmt.Sprintf("%s:%d", p.file, p.line)
}

// placed are the keys of a file, each with its place.
func placed(file string, nth int, text []byte) map[string]place {
	at := make(map[string]place)
	for path, line := range keyLines(text) {
		at[path] = place{file, nth, line}
	}
	return at
}

// written is a configuration as it stands in its files: the one that is named, then those
// that its key include names, in that order, and by name where one word stands for several.
// The same files always come to the same configuration, and to the same digest: the SHA-256
// of the one file, or of the SHA-256 of each, a line of hexadecimal for each. So what is moved
// from the end of a file to the beginning of the next is another configuration.
type written struct {
	fault.Complaints
	tree   map[string]any
	at     map[string]place
	files  []string
	digest ledger.Digest
}

// readWritten reads a configuration's own text, and the files that it includes. The error means
// that one of them cannot be read as TOML at all.
func readWritten(file string, text []byte) (*written, error) {
	tree, err := treeOf(file, text)
	if err != nil {
		return nil, err
	}
	w := &written{tree: tree, at: placed(file, 0, text), files: []string{file}}
	digests := []ledger.Digest{sha256.Sum256(text)}
	for _, included := range w.included(file) {
		text, err := os.ReadFile(included)
		if err != nil {
			return nil, fmt.Errorf("%s cannot be read: %w", included, err)
		}
		tree, err := treeOf(included, text)
		if err != nil {
			return nil, err
		}
		w.files = append(w.files, included)
		at := placed(included, len(w.files)-1, text)
		if _, nested := tree[includeKey]; nested {
			return nil, fmt.Errorf("%s: include: an included file includes no other; name all of them in %s", at[includeKey], file)
		}
		w.add("", w.tree, tree, at)
		digests = append(digests, sha256.Sum256(text))
	}
	if w.digest = digests[0]; len(digests) > 1 {
		sum := sha256.New()
		for _, one := range digests {
			_, _ = fmt.Fprintf(sum, "%x\n", one[:])
		}
		w.digest = ledger.Digest(sum.Sum(nil))
	}
	return w, nil
}

// includeKey is the key that names further files.
const includeKey = "include"

// included are the files that are included, each once.
func (w *written) included(file string) (files []string) {
	list, _ := w.tree[includeKey].([]any) // another kind of value is complained of with its field
	for i, one := range list {
		pattern, _ := one.(string)
		if pattern == "" {
			continue
		}
		if !filepath.IsAbs(pattern) {
			pattern = filepath.Join(filepath.Dir(file), pattern)
		}
		found, err := filepath.Glob(pattern)
		found = slices.DeleteFunc(found, func(name string) bool { // what editors and copies leave behind
			return name != pattern && strings.HasPrefix(filepath.Base(name), ".")
		})
		switch {
		case err != nil:
			w.Add(index(includeKey, i), "not a file name; * and ? stand for any letters")
		case len(found) == 0:
			w.Add(index(includeKey, i), "there is no such file; write the name of one, or leave it out")
		}
		slices.Sort(found)
		for _, name := range found {
			if slices.Contains(files, name) || filepath.Clean(file) == filepath.Clean(name) {
				w.Add(index(includeKey, i), "%s is included twice", name)
				continue
			}
			files = append(files, name)
		}
	}
	return files
}

// add puts what an included file says beside what is there: tables join, [[lists]] grow, and a
// key that is written twice is complained of with both places.
func (w *written) add(path string, into, from map[string]any, at map[string]place) {
	for _, name := range slices.Sorted(maps.Keys(from)) {
		here := join(path, name)
		there, twice := into[name]
		table, isTable := from[name].(map[string]any)
		before, wasTable := there.(map[string]any)
		tables, isList := tablesOf(from[name])
		earlier, wasList := tablesOf(there)
		switch {
		case !twice:
			into[name] = from[name]
			w.move(at, here, 0)
		case isTable && wasTable:
			w.add(here, before, table, at)
		case isList && wasList:
			into[name] = slices.Concat(earlier, tables)
			w.move(at, here, len(earlier))
		default:
			w.Add(here, "it is written twice: in %s and in %s; write it once", w.at[here], at[here])
		}
	}
}

// tablesOf are the tables of a list that was written with [[name]], or as one of nothing but
// tables.
func tablesOf(value any) ([]any, bool) {
	list, ok := value.([]any)
	if !ok || len(list) == 0 {
		return nil, false
	}
	table := reflect.TypeFor[map[string]any]()
	return list, !slices.ContainsFunc(list, func(one any) bool { return reflect.TypeOf(one) != table })
}

// move takes over the places of what is at a path and in it; the members of a list come after
// so many others.
func (w *written) move(at map[string]place, path string, others int) {
	for one, where := range at {
		rest, inside := strings.CutPrefix(one, path)
		if !inside || rest != "" && rest[0] != '.' && rest[0] != '[' {
			continue
		}
		if others > 0 && strings.HasPrefix(rest, "[") {
			var nth int
			if _, err := fmt.Sscanf(rest, "[%d]", &nth); err == nil {
				rest = index("", nth+others) + rest[strings.IndexByte(rest, ']')+1:]
			}
		}
		if _, known := w.at[path+rest]; !known {
			w.at[path+rest] = where
		}
	}
}

// readConfig fills a configuration from its text, and the files that it includes.
func readConfig(file string, text []byte, into *config) (*document, error) {
	w, err := readWritten(file, text)
	if err != nil {
		return nil, err
	}
	c := &document{Complaints: w.Complaints, file: file, at: w.at, files: w.files, digest: w.digest, tree: w.tree}
	c.table("", w.tree, reflect.ValueOf(into).Elem())
	return c, nil
}

// readPatched is readConfig with the tables of another file in place of those of the
// same name. Its Complaints have no lines.
func readPatched(file, patch string, into *config) (*document, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", file, err)
	}
	w, err := readWritten(file, text)
	if err != nil {
		return nil, err
	}
	if text, err = os.ReadFile(patch); err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", patch, err)
	}
	tree, err := treeOf(patch, text)
	if err != nil {
		return nil, err
	}
	maps.Copy(w.tree, tree)
	c := &document{Complaints: w.Complaints, file: file + " with " + patch}
	c.table("", w.tree, reflect.ValueOf(into).Elem())
	return c, nil
}
