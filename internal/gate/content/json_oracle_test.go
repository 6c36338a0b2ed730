package content_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"poterne/internal/gate/content"
	"poterne/internal/register"
)

// oracle does naively, on the decoded tree, what the reader does while reading
// on: it evaluates each path by itself and keeps sets of places.
type oracle struct {
	tree   any
	layout content.Layout
	row    map[string]int // place -> group
	rows   []string       // places in document order
	found  []content.Row
	needs  map[string]register.Fields
	plain  map[string]bool
	names  map[string]bool
	leads  map[string]bool
}

func at(parent, child string) string { return parent + "/" + child }

// children lists what is directly beneath a value, names sorted as the
// generated documents have them.
func children(value any) (keys []string, of map[string]any) {
	of = map[string]any{}
	switch v := value.(type) {
	case map[string]any:
		keys, of = slices.Sorted(maps.Keys(v)), v
	case []any:
		for i, element := range v {
			keys = append(keys, "#"+strconv.Itoa(i))
			of[keys[i]] = element
		}
	}
	return keys, of
}

// eval returns the places a path leads to, and those it leads through. The paths
// here know .name, .*, [*], and .. before a name.
func (o *oracle) eval(path string, root string, value any, within func(place string) bool) (ends, through []string) {
	type spot struct {
		place string
		value any
	}
	below := func(s spot) (all []spot) {
		keys, of := children(s.value)
		for _, key := range keys {
			if child := (spot{at(s.place, key), of[key]}); within(child.place) {
				all = append(all, child)
			}
		}
		return all
	}
	var all func(s spot) []spot
	all = func(s spot) []spot {
		found := []spot{s}
		for _, child := range below(s) {
			found = append(found, all(child)...)
		}
		return found
	}
	spots := []spot{{root, value}}
	path = strings.ReplaceAll(strings.ReplaceAll(path[1:], "[*]", ".*"), "..", ".~")
	for _, segment := range strings.Split(path, ".")[1:] {
		var next []spot
		for _, s := range spots {
			through = append(through, s.place)
			from := []spot{s}
			name, descend := strings.CutPrefix(segment, "~")
			if descend {
				from = all(s)
			}
			for _, f := range from {
				for _, child := range below(f) {
					if name == "*" || child.place == at(f.place, name) {
						next = append(next, child)
					}
				}
			}
		}
		spots = next
	}
	for _, s := range spots {
		ends = append(ends, s.place)
	}
	return ends, through
}

func anywhere(string) bool { return true }

func newOracle(layout content.Layout, tree any) (*oracle, error) {
	o := &oracle{
		tree: tree, layout: layout, row: map[string]int{}, needs: map[string]register.Fields{},
		plain: map[string]bool{}, names: map[string]bool{}, leads: map[string]bool{},
	}
	values := map[string]any{}
	var order []string
	var visit func(place string, v any)
	visit = func(place string, v any) {
		values[place] = v
		order = append(order, place)
		keys, of := children(v)
		for _, key := range keys {
			visit(at(place, key), of[key])
		}
	}
	visit("", tree)
	lead := func(through []string) {
		for _, place := range through {
			o.leads[place] = true
		}
	}
	for g, group := range layout.People {
		ends, through := o.eval(group.Row, "", tree, anywhere)
		lead(through)
		for _, place := range ends {
			if values[place] == nil {
				continue
			}
			if other, taken := o.row[place]; taken && other != g {
				return nil, fmt.Errorf("two groups")
			}
			o.row[place] = g
		}
	}
	for _, path := range layout.Plain {
		ends, through := o.eval(path, "", tree, anywhere)
		lead(through)
		for _, place := range ends {
			o.plain[place] = true
		}
	}
	for _, place := range order {
		g, isRow := o.row[place]
		if !isRow {
			continue
		}
		o.rows = append(o.rows, place)
		var row content.Row
		outside := func(other string) bool { _, inner := o.row[other]; return !inner }
		for _, naming := range layout.People[g].Person {
			ends, through := o.eval(naming.Path, place, values[place], outside)
			lead(through)
			slices.SortFunc(ends, func(a, b string) int { return slices.Index(order, a) - slices.Index(order, b) })
			for _, end := range slices.Compact(ends) {
				o.names[end] = true
				switch v := values[end].(type) {
				case nil:
				case json.Number:
					if strings.ContainsAny(v.String(), ".eE") {
						return nil, fmt.Errorf("bad name")
					}
					row.Refs = append(row.Refs, register.Ref{Scheme: naming.Scheme, Value: v.String()})
				case string:
					if strings.TrimSpace(v) == "" {
						return nil, fmt.Errorf("bad name")
					}
					row.Refs = append(row.Refs, register.Ref{Scheme: naming.Scheme, Value: strings.TrimSpace(v)})
				default:
					return nil, fmt.Errorf("bad name")
				}
			}
		}
		if len(row.Refs) == 0 {
			return nil, fmt.Errorf("no name")
		}
		for _, part := range layout.People[g].Fields {
			ends, through := o.eval(part.Path, place, values[place], outside)
			lead(through)
			for _, end := range ends {
				o.needs[end] |= part.Field
				if values[end] != nil {
					row.Fields |= part.Field
				}
			}
		}
		o.found = append(o.found, row)
	}
	return o, nil
}

func scalarFilled(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v) != ""
	case json.Number, bool:
		return true
	default:
		return false
	}
}

// gone marks what is cut.
type gone struct{}

func (o *oracle) release(place string, value any, whole bool, allowed register.Fields, keep content.Keep) any {
	_, isRow := o.row[place]
	if isRow {
		var show bool
		if show, allowed = keep(slices.Index(o.rows, place)); !show {
			return gone{}
		}
		whole = false
	}
	if value == nil && !isRow && o.nobodyAt(place) {
		return nil
	}
	switch {
	case o.needs[place] != 0 || o.plain[place]:
		whole = true
	case o.names[place]:
		whole = false
	}
	if !allowed.Has(o.needs[place]) {
		return nil
	}
	keys, of := children(value)
	kept := 0
	var out any
	switch value.(type) {
	case map[string]any:
		members := map[string]any{}
		for _, key := range keys {
			if v := o.release(at(place, key), of[key], whole, allowed, keep); v != any(gone{}) {
				members[key] = v
			}
			if o.survives(at(place, key), of[key], whole) {
				kept++
			}
		}
		out = members
	case []any:
		elements := []any{}
		for _, key := range keys {
			if v := o.release(at(place, key), of[key], whole, allowed, keep); v != any(gone{}) {
				elements = append(elements, v)
			}
			if o.survives(at(place, key), of[key], whole) {
				kept++
			}
		}
		out = elements
	default:
		if whole {
			return value
		}
		return gone{}
	}
	if whole || isRow || o.leads[place] || kept > 0 {
		return out
	}
	return gone{}
}

// survives reports whether a value would go out if everything were allowed.
func (o *oracle) survives(place string, value any, whole bool) bool {
	return o.release(place, value, whole, register.AllFields, everything) != any(gone{})
}

// nobodyAt reports whether a null stands where a row was looked for.
func (o *oracle) nobodyAt(place string) bool {
	for _, group := range o.layout.People {
		if ends, _ := o.eval(group.Row, "", o.tree, anywhere); slices.Contains(ends, place) {
			return true
		}
	}
	return false
}

func decode(tb rapid.TB, body []byte) any {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		tb.Fatalf("not JSON: %v\n%s", err, body)
	}
	return v
}

func drawValue(t *rapid.T, depth int) any {
	kinds := 8
	if depth == 0 {
		kinds = 6
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return nil
	case 1:
		return rapid.SampledFrom([]any{"", " ", true, json.Number("1.5")}).Draw(t, "odd")
	case 2, 3, 4, 5:
		return rapid.SampledFrom([]any{"P1", "P2", "é\"\\ü", json.Number("7")}).Draw(t, "scalar")
	case 6:
		list := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "length") {
			list = append(list, drawValue(t, depth-1))
		}
		return list
	default:
		members := map[string]any{}
		for _, name := range []string{"a", "b", "id"} {
			if rapid.IntRange(0, 3).Draw(t, name) > 0 {
				members[name] = drawValue(t, depth-1)
			}
		}
		return members
	}
}

func drawLayout(t *rapid.T) content.Layout {
	rows := rapid.SampledFrom([]string{"$", "$[*]", "$.a", "$.a[*]", "$.a.*.b", "$..a", "$..b", "$.*", "$.b.b", "$.a..b"})
	parts := rapid.SampledFrom([]string{"@", "@.a", "@.b", "@.id", "@.*", "@..a", "@.a.b", "@.b[*]", "@.a..id", "@.a.id"})
	plain := rapid.SampledFrom([]string{"$", "$.a", "$.b", "$..a", "$.*.b", "$.a.id", "$..id"})
	fields := rapid.SampledFrom([]register.Fields{register.Name, register.Contact, register.NIR | register.Name, register.Identifier})
	l := content.Layout{Format: content.JSON, Plain: rapid.SliceOfN(plain, 0, 2).Draw(t, "plain"), Keep: []string{"a b id"}}
	for range rapid.IntRange(1, 2).Draw(t, "groups") {
		g := content.Group{Row: rows.Draw(t, "row")}
		for _, path := range append([]string{rapid.SampledFrom([]string{"@.id", "@.id", "@", "@..id"}).Draw(t, "name")},
			rapid.SliceOfN(rapid.SampledFrom([]string{"@.b", "@.a"}), 0, 1).Draw(t, "names")...) {
			g.Person = append(g.Person, content.Naming{Scheme: "s" + path, Path: path})
		}
		for _, path := range rapid.SliceOfN(parts, 0, 4).Draw(t, "parts") {
			g.Fields = append(g.Fields, content.Part{Field: fields.Draw(t, "field"), Path: path})
		}
		l.People = append(l.People, g)
	}
	return l
}

func TestTheJSONReaderDoesWhatTheNaiveOneDoes(t *testing.T) {
	read := 0
	rapid.Check(t, func(t *rapid.T) {
		layout := drawLayout(t)
		body, err := json.Marshal(drawValue(t, 4))
		if err != nil {
			t.Fatal(err)
		}
		tree := decode(t, body)
		want, wrong := newOracle(layout, tree)
		r, err := content.Compile(layout)
		if err != nil {
			t.Fatal(err)
		}
		reading, err := r.Read(body)
		if (err != nil) != (wrong != nil) {
			t.Fatalf("%s\n%+v\nreader says %v, oracle says %v", body, layout, err, wrong)
		}
		if err != nil {
			return
		}
		read++
		if got, want := told(reading.Rows()), told(want.found); got != want {
			t.Fatalf("%s\n%+v\nrows:\n%s\nwant:\n%s", body, layout, got, want)
		}
		shown := rapid.SliceOfN(rapid.Bool(), len(want.rows), len(want.rows)).Draw(t, "shown")
		allowed := rapid.SampledFrom([]register.Fields{register.AllFields, register.Name, register.Name | register.NIR, register.Contact, 0}).Draw(t, "allowed")
		keep := func(row int) (bool, register.Fields) { return shown[row], allowed }
		out, err := reading.Release(nil, keep)
		if err != nil {
			t.Fatal(err)
		}
		expected := want.release("", tree, false, 0, keep)
		if expected == any(gone{}) {
			expected = decode(t, out) // the root is emptied, as the examples show
			if keys, _ := children(expected); len(keys) > 0 || scalarFilled(expected) {
				t.Fatalf("%s\n%+v\nreleased %s, want nothing", body, layout, out)
			}
		}
		if got := decode(t, out); !reflect.DeepEqual(got, expected) {
			spelled, _ := json.Marshal(expected)
			t.Fatalf("%s\n%+v\nshown %v allowed %v\nreleased %s\nwant     %s", body, layout, shown, allowed, out, spelled)
		}
	})
	if read == 0 {
		t.Error("no generated answer could be read: the test shows nothing")
	}
	t.Logf("%d answers read", read)
}
