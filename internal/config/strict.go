package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"poterne/internal/typed"
)

// largestDocument bounds a configuration or roster file.
const largestDocument = 16 << 20

// Complaints gathers what is wrong with a TOML document, each with its line.
type Complaints struct {
	file string
	at   map[string]int // the line of each key, by its path: service[0].route[1].get
	list []complaint
}

type complaint struct {
	line int
	path string
	text string
}

// Add complains about a key or, when it is not there, about the table it misses
// from.
func (c *Complaints) Add(path, format string, args ...any) {
	c.list = append(c.list, complaint{c.line(path), path, fmt.Sprintf(format, args...)})
}

// about reports whether a key, something in it, or the table it is in was
// complained about: what it holds then means nothing.
func (c *Complaints) about(path string) bool {
	return slices.ContainsFunc(c.list, func(one complaint) bool {
		return one.path == path || strings.HasPrefix(one.path, path+".") || strings.HasPrefix(path, one.path+".")
	})
}

func (c *Complaints) line(path string) int {
	for path != "" {
		if line, ok := c.at[path]; ok {
			return line
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return 0
}

// Err is every complaint in the order of lines, or nil.
func (c *Complaints) Err() error {
	if len(c.list) == 0 {
		return nil
	}
	slices.SortStableFunc(c.list, func(a, b complaint) int { return cmp.Compare(a.line, b.line) })
	var all []error
	for _, one := range c.list {
		if one.line == 0 {
			all = append(all, fmt.Errorf("%s: %s: %s", c.file, one.path, one.text))
		} else {
			all = append(all, fmt.Errorf("%s:%d: %s: %s", c.file, one.line, one.path, one.text))
		}
	}
	return errors.Join(all...)
}

// readTOML fills into, a pointer to a struct, from a file. The result gathers
// everything that does not fit: keys that are not known, values of another kind,
// and keys that are missing although their field has a need tag. The error means
// that the file cannot be read as TOML at all.
func readTOML(file string, into any) (*Complaints, error) {
	document, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", file, err)
	}
	return parseTOML(file, document, into)
}

func parseTOML(file string, document []byte, into any) (*Complaints, error) {
	tree, err := treeOf(file, document)
	if err != nil {
		return nil, err
	}
	c := &Complaints{file: file, at: keyLines(document)}
	c.table("", tree, reflect.ValueOf(into).Elem())
	return c, nil
}

// readPatched is readTOML with the tables of another file in place of those of the
// same name. Its Complaints have no lines.
func readPatched(file, patch string, into any) (*Complaints, error) {
	whole := make(map[string]any)
	for _, part := range []string{file, patch} {
		document, err := os.ReadFile(part)
		if err != nil {
			return nil, fmt.Errorf("%s cannot be read: %w", part, err)
		}
		tree, err := treeOf(part, document)
		if err != nil {
			return nil, err
		}
		maps.Copy(whole, tree)
	}
	c := &Complaints{file: file + " with " + patch}
	c.table("", whole, reflect.ValueOf(into).Elem())
	return c, nil
}

func treeOf(file string, document []byte) (tree map[string]any, err error) {
	if len(document) > largestDocument {
		return nil, fmt.Errorf("%s is larger than %d bytes", file, largestDocument)
	}
	if err := toml.Unmarshal(document, &tree); err != nil {
		if at, ok := errors.AsType[*toml.DecodeError](err); ok {
			line, _ := at.Position()
			return nil, fmt.Errorf("%s:%d: this is not TOML: %w", file, line, err)
		}
		return nil, fmt.Errorf("%s is not TOML: %w", file, err)
	}
	return tree, nil
}

// value fills one value, whatever its kind.
func (c *Complaints) value(path string, value any, into reflect.Value) {
	switch target := into.Addr().Interface().(type) {
	case *time.Duration:
		text, ok := value.(string)
		d, err := time.ParseDuration(text)
		if !ok || err != nil {
			c.Add(path, `not a duration; write one such as "10m" or "36h"`)
			return
		}
		*target = d
		return
	case *time.Time:
		switch at := value.(type) {
		case time.Time:
			*target = at.UTC().Truncate(time.Microsecond)
		case toml.LocalDate:
			*target = at.AsTime(time.UTC)
		default:
			c.Add(path, "not a date; write one such as 2027-01-31 or 2027-01-31T12:00:00+01:00, without quotation marks")
		}
		return
	case *oneOrMore:
		if text, ok := value.(string); ok {
			*target = oneOrMore{text}
			return
		}
	}
	switch into.Kind() {
	case reflect.Struct:
		c.inTable(path, value, func(table map[string]any) { c.table(path, table, into) })
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		c.value(path, value, into.Elem())
	case reflect.Map:
		c.inTable(path, value, func(table map[string]any) {
			into.Set(reflect.MakeMap(into.Type()))
			for _, name := range slices.Sorted(maps.Keys(table)) {
				one := reflect.New(into.Type().Elem()).Elem()
				c.value(join(path, name), table[name], one)
				into.SetMapIndex(reflect.ValueOf(name), one)
			}
		})
	case reflect.Slice:
		list, ok := value.([]any)
		if !ok {
			c.Add(path, "not a list; write it between [ and ]")
			return
		}
		into.Set(reflect.MakeSlice(into.Type(), len(list), len(list)))
		for i, one := range list {
			c.value(fmt.Sprintf("%s[%d]", path, i), one, into.Index(i))
		}
	case reflect.String:
		scalar(c, path, value, "a text; write it between quotation marks", into.SetString)
		if !typed.Readable(strings.ReplaceAll(into.String(), "\n", " ")) {
			c.Add(path, "holds a control character, or one that turns the direction of writing around")
		}
	case reflect.Bool:
		scalar(c, path, value, "true or false", into.SetBool)
	case reflect.Int64:
		scalar(c, path, value, "a whole number", into.SetInt)
	case reflect.Float64:
		if whole, ok := value.(int64); ok {
			value = float64(whole)
		}
		scalar(c, path, value, "a number", into.SetFloat)
	default:
		panic("config: a field of kind " + into.Kind().String())
	}
}

// oneOrMore is a list that may be written as a single text.
type oneOrMore []string

func scalar[T any](c *Complaints, path string, value any, wanted string, set func(T)) {
	if fits, ok := value.(T); ok {
		set(fits)
		return
	}
	c.Add(path, "not %s", wanted)
}

func (c *Complaints) inTable(path string, value any, fill func(map[string]any)) {
	if table, ok := value.(map[string]any); ok {
		fill(table)
		return
	}
	c.Add(path, "not a table; write [%s], or its keys between { and }", path)
}

// table fills a struct by the toml tags of its fields. A struct inside it is
// looked into even when its table is missing, so that its own needs are told.
func (c *Complaints) table(path string, table map[string]any, into reflect.Value) {
	var known []string
	for i := range into.NumField() {
		field := into.Type().Field(i)
		name := field.Tag.Get("toml")
		known = append(known, name)
		value, there := table[name]
		need := field.Tag.Get("need")
		switch {
		case there && (need == "" || value != ""):
			c.value(join(path, name), value, into.Field(i))
		case there:
			c.Add(join(path, name), "empty; write %s", need)
		case need != "":
			c.Add(join(path, name), "missing; write %s", need)
		case field.Type.Kind() == reflect.Struct && field.Type != reflect.TypeFor[time.Time]():
			c.table(join(path, name), nil, into.Field(i))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(table)) {
		if !slices.Contains(known, name) {
			c.Add(join(path, name), "not a key that is known here; those are %s", strings.Join(known, ", "))
		}
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// keyLines finds the line of every key in a document that is known to be TOML.
func keyLines(document []byte) map[string]int {
	k := keys{at: make(map[string]int), tables: make(map[string]int)}
	for i, b := range document {
		if b == '\n' {
			k.ends = append(k.ends, i)
		}
	}
	k.parser.Reset(document)
	table := ""
	for k.parser.NextExpression() {
		switch node := k.parser.Expression(); node.Kind {
		case unstable.Table:
			table = k.walk("", node.Key(), false)
		case unstable.ArrayTable:
			table = k.walk("", node.Key(), true)
		case unstable.KeyValue:
			k.pair(table, node)
		}
	}
	return k.at
}

type keys struct {
	parser unstable.Parser
	ends   []int // of lines
	at     map[string]int
	tables map[string]int // how many tables each array has so far
}

// walk notes the line of each part of a dotted key that is not known yet, and
// returns the path of the last. An array's newest table is meant by its name.
func (k *keys) walk(path string, parts unstable.Iterator, opens bool) string {
	for parts.Next() {
		node := parts.Node()
		path = join(path, string(node.Data))
		line := sort.SearchInts(k.ends, int(node.Raw.Offset)) + 1
		k.note(path, line)
		if parts.IsLast() && opens {
			k.tables[path]++
		}
		if n := k.tables[path]; n > 0 {
			path = fmt.Sprintf("%s[%d]", path, n-1)
			k.note(path, line)
		}
	}
	return path
}

func (k *keys) note(path string, line int) {
	if _, known := k.at[path]; !known {
		k.at[path] = line
	}
}

func (k *keys) pair(table string, node *unstable.Node) {
	path := k.walk(table, node.Key(), false)
	k.inside(path, node.Value())
}

// inside notes the keys of inline tables, in arrays too.
func (k *keys) inside(path string, value *unstable.Node) {
	switch value.Kind {
	case unstable.InlineTable:
		for pairs := value.Children(); pairs.Next(); {
			k.pair(path, pairs.Node())
		}
	case unstable.Array:
		i := 0
		for items := value.Children(); items.Next(); {
			k.inside(fmt.Sprintf("%s[%d]", path, i), items.Node())
			i++
		}
	}
}

// PrivateFile reads a file that only its owner may read.
func PrivateFile(path string) ([]byte, error) {
	about, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", path, errors.Unwrap(err))
	}
	if about.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s may be read by others than its owner; run chmod 600 on it", path)
	}
	if about.Size() > 64<<10 {
		return nil, fmt.Errorf("%s is too large to hold a key", path)
	}
	secret, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", path, errors.Unwrap(err))
	}
	return bytes.TrimSpace(secret), nil
}
