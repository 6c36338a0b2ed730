package provision

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// oracles answers cases by two libraries of npm's, which are no part of the program.
const oracles = `
const { parse, filter } = require("scim2-parse-filter");
const { scimPatch } = require("scim-patch");
const answers = JSON.parse(require("fs").readFileSync(0, "utf8")).map(c => {
	try {
		return c.filter !== undefined ? { holds: filter(parse(c.filter))(c.resource) } : { resource: scimPatch(c.resource, c.operations) };
	} catch (e) { return { wrong: String(e.message || e) }; }
});
process.stdout.write(JSON.stringify(answers));
`

// asked is a case, and told what an oracle says of it.
type asked struct {
	Filter     *string     `json:"filter,omitempty"`
	Resource   resource    `json:"resource"`
	Operations []operation `json:"operations,omitempty"`
}

type told struct {
	Holds    bool
	Resource resource
	Wrong    string
}

func ask(t *testing.T, cases []asked) []told {
	t.Helper()
	node, err := exec.LookPath("node")
	npm, none := exec.LookPath("npm")
	if err != nil || none != nil {
		t.Skip("node and npm are not here: filters and patches are held against nobody")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = t.TempDir()
	}
	folder := filepath.Join(cache, "poterne", "scim-0.8.3")
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "scim-patch")); err != nil {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		install := exec.Command(npm, "install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts", "scim-patch@0.8.3", "scim2-parse-filter@0.2.10")
		if output, err := install.CombinedOutput(); err != nil {
			t.Skipf("%v: %s", err, output)
		}
	}
	text, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	run := exec.Command(node, "-e", oracles)
	run.Dir, run.Stdin = folder, bytes.NewReader(text)
	output, err := run.Output()
	if err != nil {
		t.Fatal(err)
	}
	var answers []told
	if err := json.Unmarshal(output, &answers); err != nil || len(answers) != len(cases) {
		t.Fatal(len(answers), err)
	}
	return answers
}

// random is a source of users, filters and patches.
type random struct{ *rand.Rand }

func (r random) of(list ...string) string { return list[r.IntN(len(list))] }

func (r random) word() string {
	return r.of("a", "ab", "abc", "b", "bc", "work", "home", "x y", "é", "q\"q")
}

func (r random) user() resource {
	u := resource{"userName": r.word(), "active": r.IntN(2) == 0, "age": float64(r.IntN(5))}
	if r.IntN(2) == 0 {
		u["title"] = r.word()
	}
	if r.IntN(2) == 0 {
		u["name"] = resource{"familyName": r.word(), "givenName": r.word()}
	}
	if r.IntN(3) > 0 {
		emails := []any{}
		for _, kind := range []string{"work", "home", "other"}[:1+r.IntN(3)] {
			emails = append(emails, resource{"type": kind, "value": r.word(), "primary": r.IntN(2) == 0})
		}
		u["emails"] = emails
	}
	return u
}

func quote(text string) string {
	quoted, _ := json.Marshal(text)
	return string(quoted)
}

func (r random) comparison(names ...string) string {
	name := r.of(names...)
	switch {
	case r.IntN(6) == 0:
		return name + " pr"
	case name == "age":
		return fmt.Sprintf("age %s %d", r.of("eq", "ne", "gt", "ge", "lt", "le", "GT"), r.IntN(5))
	case name == "active" || name == "primary":
		return name + " " + r.of("eq", "ne", "Eq") + " " + r.of("true", "false")
	}
	return name + " " + r.of("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "EQ") + " " + quote(r.word())
}

func (r random) filter(deep int) string {
	if deep == 0 || r.IntN(3) == 0 {
		if r.IntN(5) == 0 {
			return "emails[" + r.inner(1) + "]"
		}
		return r.comparison("userName", "USERNAME", "age", "active", "title", "name.familyName", "emails.value", "emails.type", "nothing")
	}
	return r.joined(func() string { return r.filter(deep - 1) })
}

// inner is a filter on the values of an attribute. The oracle holds each comparison of it
// against any value, and not all of them against one, as RFC 7644 has it: of alternatives,
// that is the same.
func (r random) inner(deep int) string {
	if deep == 0 || r.IntN(2) == 0 {
		return r.comparison("type", "value", "primary")
	}
	return r.inner(deep-1) + " or " + r.inner(deep-1)
}

func (r random) joined(one func() string) string {
	switch r.IntN(4) {
	case 0:
		return "not (" + one() + ")"
	case 1:
		return "(" + one() + ")"
	}
	return one() + " " + r.of("and", "or", "AND") + " " + one()
}

func (r random) operation() operation {
	op := r.of("add", "replace", "remove", "Add", "Replace", "Remove")
	remove := strings.EqualFold(op, "remove")
	o := operation{Op: op}
	switch r.IntN(6) {
	case 0:
		o.Path, o.Value = r.of("userName", "title"), r.word()
	case 1:
		o.Path, o.Value = "name."+r.of("familyName", "givenName"), r.word()
	case 2:
		o.Path, o.Value = "emails[type eq "+quote(r.of("work", "home", "fax"))+"]."+r.of("value", "display"), r.word()
	case 3:
		o.Path, o.Value = "emails", []any{resource{"type": r.of("work", "fax"), "value": r.word(), "primary": false}}
		if !strings.EqualFold(op, "add") {
			o.Op = "replace"
		}
		return o
	case 4:
		if remove {
			o.Path = "emails[" + r.inner(0) + "]"
			return o
		}
		o.Value = resource{"title": r.word(), "name.familyName": r.word(), "active": r.IntN(2) == 0}
		return o
	case 5:
		if remove {
			o.Path = "name"
			return o
		}
		o.Path, o.Value = "name", resource{"familyName": r.word()}
	}
	if remove {
		o.Value = nil
	}
	return o
}

// cases is how many filters, and patches, are held against the oracles.
const cases = 100_000

func TestRUN_5_RandomFiltersHoldAsAnotherLibrarySays(t *testing.T) {
	r := random{rand.New(rand.NewPCG(1, 2))}
	list := make([]asked, cases)
	for i := range list {
		text := r.filter(4)
		list[i] = asked{Filter: &text, Resource: r.user()}
	}
	wrong := 0
	for i, want := range ask(t, list) {
		f, err := parseFilter(*list[i].Filter)
		if (err != nil) != (want.Wrong != "") || err == nil && f.holds(list[i].Resource) != want.Holds {
			if wrong++; wrong < 10 {
				t.Errorf("%s for %v: %t, %v; the oracle says %+v", *list[i].Filter, list[i].Resource, err == nil && f.holds(list[i].Resource), err, want)
			}
		}
	}
}

func TestRUN_5_RandomPatchesLeaveWhatAnotherLibraryDoes(t *testing.T) {
	r := random{rand.New(rand.NewPCG(3, 4))}
	list := make([]asked, cases)
	for i := range list {
		list[i] = asked{Resource: r.user()}
		for range 1 + r.IntN(3) {
			list[i].Operations = append(list[i].Operations, r.operation())
		}
	}
	wrong := 0
	for i, want := range ask(t, list) {
		before, _ := json.Marshal(list[i])
		err := patch(list[i].Resource, list[i].Operations)
		if (err != nil) != (want.Wrong != "") || err == nil && !reflect.DeepEqual(list[i].Resource, want.Resource) {
			if wrong++; wrong < 10 {
				t.Errorf("%s leaves %v, %v; the oracle says %+v", before, list[i].Resource, err, want)
			}
		}
	}
}
