package config

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"net/url"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/pelletier/go-toml/v2"

	"poterne/internal/ledger"
	"poterne/internal/typed"
)

// configurationTable is who changes the configuration. With by_two a node goes by what two people
// allowed in the portal: whoever edits the file proposes.
type configurationTable struct {
	ByTwo bool `toml:"by_two"`
}

// Deciding is the part of a configuration that decides who is shown what, and who is told: all of
// it but what is of one machine. Several nodes have it in common, however their files are cut.
type Deciding struct {
	ByTwo  bool          // a change of it takes two people
	Text   string        // as TOML, without comments and includes
	Digest ledger.Digest // of what Text says, however it is written

	file string
	own  map[string]any // what is of this machine
}

// LargestDeciding bounds the text of what two people allow, in bytes.
const LargestDeciding = 4 << 20

// ofMachine are the keys that are of one machine: where it listens and reaches its database, where
// its keys and its own files are, how much it remembers. Every other key decides, and so does one
// that comes with a later release until it is written here.
var ofMachine = []string{
	includeKey, "public.listen", "public.programmes", "public.cert", "public.key", "public.reading", "metrics", "control", "access_log", "memory", "database", "keys",
	"archive.keys", "sql.listen", "sql.cert", "sql.key", "sql.holding",
}

// decidingOf cuts what decides out of all that files say.
func decidingOf(file string, tree map[string]any, byTwo bool) (Deciding, error) {
	d := Deciding{ByTwo: byTwo, file: file}
	var decides map[string]any
	decides, d.own = cut("", tree)
	text, err := toml.Marshal(decides)
	if err != nil {
		return d, fmt.Errorf("writing down what decides: %w", err)
	}
	d.Text = string(text)
	d.Digest = digestOf(decides)
	return d, nil
}

// cut tells what decides from what is of this machine. A table of which nothing is left is left out.
func cut(path string, tree map[string]any) (decides, own map[string]any) {
	decides, own = make(map[string]any), make(map[string]any)
	for name, value := range tree {
		here := join(path, name)
		table, isTable := value.(map[string]any)
		switch {
		case slices.Contains(ofMachine, here):
			own[name] = value
		case isTable && slices.ContainsFunc(ofMachine, func(key string) bool { return strings.HasPrefix(key, here+".") }):
			inside, machine := cut(here, table)
			decides[name] = inside
			if len(machine) > 0 {
				own[name] = machine
			}
		default:
			decides[name] = value
		}
	}
	return decides, own
}

// digestOf is the digest of what a tree says.
func digestOf(tree map[string]any) ledger.Digest {
	sum := sha256.New()
	spell(sum, tree)
	return ledger.Digest(sum.Sum(nil))
}

// spell writes a value so that no other value is written the same.
func spell(w io.Writer, value any) {
	switch v := value.(type) {
	case map[string]any:
		_, _ = fmt.Fprintf(w, "table %d\n", len(v))
		for _, name := range slices.Sorted(maps.Keys(v)) {
			_, _ = fmt.Fprintf(w, "%q\n", name)
			spell(w, v[name])
		}
	case []any:
		_, _ = fmt.Fprintf(w, "list %d\n", len(v))
		for _, one := range v {
			spell(w, one)
		}
	case string:
		_, _ = fmt.Fprintf(w, "%q\n", v)
	default: // a number, true or false, a date
		_, _ = fmt.Fprintf(w, "%v\n", v)
	}
}

// Under is this machine's own part under another deciding one, such as two people allowed. What that
// names of this machine, such as files with secrets, MUST be there.
func (s Settings) Under(deciding string) (Settings, error) {
	const named = "the configuration that two people allowed"
	tree, err := treeOf(named, []byte(deciding))
	if err != nil {
		return Settings{}, err
	}
	put(tree, s.Deciding.own)
	var c config
	wrong := &document{file: named, tree: tree, files: s.Files}
	wrong.table("", tree, reflect.ValueOf(&c).Elem())
	under := c.compile(wrong, filepath.Dir(s.Deciding.file))
	if err := wrong.Err(); err != nil {
		return Settings{}, err
	}
	under.Deciding, err = decidingOf(s.Deciding.file, tree, c.Configuration.ByTwo)
	under.Files, under.Digest = s.Files, under.Deciding.Digest
	return under, err
}

// put puts what a machine has of its own beside what decides.
func put(into, own map[string]any) {
	for name, value := range own {
		there, wasTable := into[name].(map[string]any)
		if table, isTable := value.(map[string]any); isTable && wasTable {
			put(there, table)
		} else {
			into[name] = value
		}
	}
}

// DigestOfText is the digest of a deciding part, as its text says it.
func DigestOfText(deciding string) (ledger.Digest, error) {
	tree, err := treeOf("a configuration", []byte(deciding))
	return digestOf(tree), err
}

// Difference is a key of two configurations whose values differ. Is and Would are what people read;
// an empty one is not there.
type Difference struct{ Key, Is, Would string }

// Differences returns every key that differs between two deciding parts: first what another value
// stands for, then what would be gone, then what would be added. A table of a list is known by its
// name or address, and where only the order differs, the order is. What a value hides, such as the
// password in an address, is not in it: such a key differs in a way that is said and not shown.
func Differences(is, would string) ([]Difference, error) {
	before, err := flat(is)
	if err != nil {
		return nil, err
	}
	after, err := flat(would)
	if err != nil {
		return nil, err
	}
	var changed, gone, added []Difference
	keys := make(map[string]bool, len(before)+len(after))
	for key := range before {
		keys[key] = true
	}
	for key := range after {
		keys[key] = true
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		old, was := before[key]
		new, is := after[key]
		switch {
		case old == new:
		case !is:
			gone = append(gone, Difference{Key: seen(key), Is: old.open})
		case !was:
			added = append(added, Difference{Key: seen(key), Would: new.open})
		case old.open == new.open:
			changed = append(changed, Difference{seen(key), old.open, new.open + " " + hidden})
		default:
			changed = append(changed, Difference{seen(key), old.open, new.open})
		}
	}
	return slices.Concat(changed, gone, added), nil
}

// hidden stands for what an address or a connection has that nobody is shown.
const hidden = "•••"

var (
	// An address begins a text, or comes after a sign that ends what was before.
	addresses = regexp.MustCompile(`(?i)(?:^|[\s,;'"(<])[a-z][a-z0-9+.-]*://`)
	// A password of PostgreSQL's that does not end as it should hides all that comes after it.
	passwords = regexp.MustCompile(`(?is)(password\s*=\s*)(?:'(?:[^'\\]|\\.)*'(\s|$)|(?:[^\s'\\]|\\.)+(\s|$)|.*$)`)
)

// open is a text without what it hides.
func open(text string) string {
	text = passwords.ReplaceAllString(text, "${1}"+hidden+"${2}${3}")
	at := addresses.FindAllStringIndex(text, -1)
	var out strings.Builder
	done := 0
	for i, where := range at {
		begins, ends := where[0], len(text)
		if b := text[begins] | 0x20; b < 'a' || b > 'z' {
			begins++ // the sign before it
		}
		if i+1 < len(at) {
			ends = at[i+1][0]
		}
		if begins > 0 { // among words, it ends with its own
			if space := strings.IndexFunc(text[begins:ends], unicode.IsSpace); space >= 0 {
				ends = begins + space
			}
		}
		out.WriteString(text[done:begins])
		out.WriteString(openAddress(text[begins:ends]))
		done = ends
	}
	out.WriteString(text[done:])
	return out.String()
}

// openAddress is an address without what it hides: who one is there, what is asked there, and all of it where it
// cannot be read as an address.
func openAddress(text string) string {
	address, err := url.Parse(text)
	switch {
	case err != nil:
		scheme, _, _ := strings.Cut(text, "://")
		return scheme + "://" + hidden
	case address.User == nil && address.RawQuery == "" && address.Fragment == "":
		return text
	}
	plain := *address
	plain.User, plain.RawQuery, plain.ForceQuery, plain.Fragment, plain.RawFragment = nil, "", false, "", ""
	said := plain.String()
	if address.User != nil {
		said = strings.Replace(said, "://", "://"+hidden+"@", 1)
	}
	if address.RawQuery != "" {
		said += "?" + hidden
	}
	if address.Fragment != "" {
		said += "#" + hidden
	}
	return said
}

// flatValue is a value as no other is written, and as people read it.
type flatValue struct{ full, open string }

func flatValueOf(value any) flatValue {
	var full strings.Builder
	spell(&full, value)
	return flatValue{full.String(), said(value)}
}

// seen is a text as people are shown it: what nobody sees in it is spelled out.
func seen(text string) string {
	var out strings.Builder
	for _, r := range typed.Printed(text) {
		if unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) {
			fmt.Fprintf(&out, `\u%04x`, r)
		} else {
			out.WriteRune(r)
		}
	}
	return out.String()
}

// flat is each key of a deciding part with its value, as people read them.
func flat(deciding string) (map[string]flatValue, error) {
	tree, err := treeOf("a configuration", []byte(deciding))
	if err != nil {
		return nil, err
	}
	all := make(map[string]flatValue)
	flatten(all, "", tree)
	return all, nil
}

func flatten(all map[string]flatValue, path string, table map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(table)) {
		here := join(path, name)
		switch v := table[name].(type) {
		case map[string]any:
			if len(v) == 0 {
				entered(all, here, flatValue{"()", "()"})
			}
			flatten(all, here, v)
		case []any:
			if tables, is := tablesOf(v); is {
				flattenList(all, here, tables)
			} else {
				entered(all, here, flatValueOf(v))
			}
		default:
			entered(all, here, flatValueOf(v))
		}
	}
}

// entered adds a key. One that another key reads like, such as a name with a point in it, hides nothing.
func entered(all map[string]flatValue, key string, value flatValue) {
	for _, there := all[key]; there; _, there = all[key] {
		key += " (bis)"
	}
	all[key] = value
}

// flattenList names each table of a list, and says in which order they come.
func flattenList(all map[string]flatValue, path string, tables []any) {
	times := make(map[string]int)
	var order []string
	for i, one := range tables {
		table := one.(map[string]any)
		name := cmp.Or(nameOf(table), strconv.Itoa(i+1))
		if times[name]++; times[name] > 1 {
			name = fmt.Sprintf("%s (%d)", name, times[name])
		}
		order = append(order, name)
		flatten(all, path+"["+name+"]", table)
	}
	names := strings.Join(order, ", ")
	entered(all, path, flatValue{names, seen(names)})
}

// nameOf is what people know a table of a list by; empty when nothing in it tells.
func nameOf(table map[string]any) string {
	text := func(key string) string {
		value, _ := table[key].(string)
		return open(value)
	}
	for _, key := range []string{"id", "name"} {
		if text(key) != "" {
			return text(key)
		}
	}
	for _, method := range []string{"get", "post", "put", "patch", "delete"} {
		if path := text(method); path != "" {
			return strings.TrimSpace(strings.ToUpper(method) + " " + path + " " + text("operation"))
		}
	}
	return cmp.Or(text("path"), text("address"), text("url"), text("issuer"))
}

// said is a value as people read it, without what it hides. A quotation mark in a text ends nothing.
func said(value any) string {
	switch v := value.(type) {
	case string:
		text := seen(open(v))
		if strings.Contains(text, `"`) {
			text = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text)
		}
		return `"` + text + `"`
	case []any:
		if len(v) == 0 {
			return "[]"
		}
		members := make([]string, len(v))
		for i, one := range v {
			members[i] = said(one)
			if inner, isList := one.([]any); isList && len(inner) > 0 {
				members[i] = "[" + members[i] + "]"
			}
		}
		return strings.Join(members, ", ")
	case map[string]any:
		var members []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			members = append(members, seen(name)+" = "+said(v[name]))
		}
		return "(" + strings.Join(members, ", ") + ")"
	default:
		return fmt.Sprint(v)
	}
}
