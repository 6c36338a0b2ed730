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

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/typed"
)

// largestDocument bounds a configuration or roster file.
const largestDocument = 16 << 20

// document gathers what is wrong with a TOML document, each with its line.
type document struct {
	fault.Complaints
	file   string
	at     map[string]place // of each key, by its path: service[0].route[1].get
	files  []string         // that were read; only of a configuration
	digest ledger.Digest    // of their texts
	tree   map[string]any   // all that they say; only of a configuration
}

// place is where a key stands or, when it is not there, the table it misses from; only the
// file when that is not known.
func (d *document) place(path string) place {
	for path != "" {
		if at, ok := d.at[path]; ok {
			return at
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return place{file: d.file}
}

// Err is every complaint in the order of lines, or nil.
func (d *document) Err() error {
	slices.SortStableFunc(d.Complaints, func(a, b fault.Complaint) int {
		one, other := d.place(a.Path), d.place(b.Path)
		return cmp.Or(cmp.Compare(one.nth, other.nth), cmp.Compare(one.line, other.line))
	})
	for i := range d.Complaints {
		one := &d.Complaints[i]
		one.Where = d.place(one.Path).String()
	}
	return d.Complaints.Err()
}

// object takes over what a part of the program says is wrong with what it is to be
// made with, but for what was complained of before.
func (d *document) object(path string, err error) {
	before := d.Complaints
	d.In(path, err)
	added := slices.DeleteFunc(slices.Clone(d.Complaints[len(before):]), func(one fault.Complaint) bool { return before.Covers(one.Path) })
	d.Complaints = append(before, added...)
}

// readTOML fills into, a pointer to a struct, from a file. The result gathers
// everything that does not fit: keys that are not known, values of another kind,
// and keys that are missing although their field has a need tag. The error means
// that the file cannot be read as TOML at all.
func readTOML(file string, into any) (*document, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", file, err)
	}
	return parseTOML(file, text, into)
}

func parseTOML(file string, text []byte, into any) (*document, error) {
	tree, err := treeOf(file, text)
	if err != nil {
		return nil, err
	}
	c := &document{file: file, at: placed(file, 0, text)}
	c.table("", tree, reflect.ValueOf(into).Elem())
	return c, nil
}

func treeOf(file string, text []byte) (tree map[string]any, err error) {
	if len(text) > largestDocument {
		return nil, fmt.Errorf("%s is larger than %d bytes", file, largestDocument)
	}
	if err := toml.Unmarshal(text, &tree); err != nil {
		if at, ok := errors.AsType[*toml.DecodeError](err); ok {
			line, _ := at.Position()
			return nil, fmt.Errorf("%s:%d: this is not TOML: %w", file, line, err)
		}
		return nil, fmt.Errorf("%s is not TOML: %w", file, err)
	}
	return tree, nil
}

// value fills one value, whatever its kind.
func (c *document) value(path string, value any, into reflect.Value) {
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
	case *choice:
		list, several := value.([]any)
		if !several {
			c.choose(path, value, target)
		}
		for i, one := range list {
			c.choose(fmt.Sprintf("%s[%d]", path, i), one, target)
		}
		return
	}
	switch into.Kind() {
	case reflect.Struct:
		c.inTable(path, value, func(table map[string]any) { c.table(path, table, into) })
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		c.value(path, value, into.Elem())
	case reflect.Map:
		c.inTable(path, value, func(table map[string]any) { c.others(path, table, into, nil) })
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

// choice is one value or a list of several: texts, and whole numbers and truth values as JSON writes them.
type choice struct{ texts, exact []string }

// choose adds a value to those that may be chosen.
func (c *document) choose(path string, value any, into *choice) {
	switch value.(type) {
	case string:
		var text string
		c.value(path, value, reflect.ValueOf(&text).Elem())
		into.texts = append(into.texts, text)
	case int64, bool:
		into.exact = append(into.exact, fmt.Sprint(value))
	default:
		c.Add(path, "not a text, a whole number, true or false")
	}
}

func scalar[T any](c *document, path string, value any, wanted string, set func(T)) {
	if fits, ok := value.(T); ok {
		set(fits)
		return
	}
	c.Add(path, "not %s", wanted)
}

func (c *document) inTable(path string, value any, fill func(map[string]any)) {
	if table, ok := value.(map[string]any); ok {
		fill(table)
		return
	}
	c.Add(path, "not a table; write [%s], or its keys between { and }", path)
}

// table fills a struct by the toml tags of its fields. A struct inside it is
// looked into even when its table is missing, so that its own needs are told.
func (c *document) table(path string, table map[string]any, into reflect.Value) {
	known := c.fields(path, table, into)
	for _, name := range slices.Sorted(maps.Keys(table)) {
		if !slices.Contains(known, name) && !slices.Contains(known, others) {
			c.Add(join(path, name), "not a key that is known here; those are %s", strings.Join(known, ", "))
		}
	}
}

// fields fills a struct, and returns the keys that it has. What it embeds has its keys here too.
func (c *document) fields(path string, table map[string]any, into reflect.Value) (known []string) {
	for i := range into.NumField() {
		field := into.Type().Field(i)
		if field.Anonymous {
			known = append(known, c.fields(path, table, into.Field(i))...)
			continue
		}
		name := field.Tag.Get("toml")
		known = append(known, name)
		if name == others {
			c.others(path, table, into.Field(i), keysOfType(into.Type()))
			continue
		}
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
	return known
}

// others is the tag of the field, a map, that has every key which no other field names.
const others = "*"

func (c *document) others(path string, table map[string]any, into reflect.Value, named []string) {
	rest := maps.Clone(table)
	maps.DeleteFunc(rest, func(name string, _ any) bool { return slices.Contains(named, name) })
	into.Set(reflect.MakeMap(into.Type()))
	for _, name := range slices.Sorted(maps.Keys(rest)) {
		one := reflect.New(into.Type().Elem()).Elem()
		c.value(join(path, name), rest[name], one)
		into.SetMapIndex(reflect.ValueOf(name), one)
	}
}

// keysOf are the keys that a table's fields name.
func keysOf[T any]() []string { return keysOfType(reflect.TypeFor[T]()) }

func keysOfType(table reflect.Type) (keys []string) {
	for i := range table.NumField() {
		if name := table.Field(i).Tag.Get("toml"); name != others {
			keys = append(keys, name)
		}
	}
	return keys
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// keyLines finds the line of every key in a text that is known to be TOML.
func keyLines(text []byte) map[string]int {
	k := keys{at: make(map[string]int), tables: make(map[string]int)}
	for i, b := range text {
		if b == '\n' {
			k.ends = append(k.ends, i)
		}
	}
	k.parser.Reset(text)
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

// LineOf is the line of a TOML document where a key stands, by its path; 0 when it does not.
func LineOf(text []byte, path string) int { return keyLines(text)[path] }
