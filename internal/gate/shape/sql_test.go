package shape_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"poterne/internal/gate/shape"
)

// Whatever a constant is written as, it is a parameter in what is kept, and of a name only plain words are.
//
// Promise: RUN-9
func TestRUN_9_AStatementIsKeptWithoutItsConstants(t *testing.T) {
	for text, want := range map[string]string{
		"select id, surname from person where adviser = $1;":                        "select id, surname from person where adviser = $1",
		"SELECT  id\n\tFROM person p":                                               "SELECT  id\n\tFROM person p",
		"select id from person where surname = 'Fourcade'":                          "select id from person where surname = $1",
		"select id from person where surname='O''Fourcade'":                         "select id from person where surname=$1",
		`select id from person where surname = E'Four\'cade'`:                       "select id from person where surname = $1",
		"select id from person where surname = U&'Fourcade'":                        "select id from person where surname = $1",
		"select id from person where surname = $$Fourcade$$":                        "select id from person where surname = $1",
		"select id from person where surname = $elsa$Fo$$urcade$elsa$":              "select id from person where surname = $1",
		"select id from person where surname = 'Four'\n  'cade'":                    "select id from person where surname = $1",
		"select id from person where surname = fourcade":                            "select id from person where surname = _",
		`select id from person where surname = "Elsa Fourcade"`:                     "select id from person where surname = _",
		`select "firstName" as "Elsa ""x"" Fourcade" from person`:                   `select "firstName" as _ from person`,
		`select id from U&"\0046ourcade"`:                                           "select id from _",
		"select id as fourcade from dupont.person":                                  "select id as _ from _.person",
		"select id -- of Elsa Fourcade\nfrom person /* 0639981234 /* Elsa */ */ p":  "select id  \nfrom person   p",
		"select id from person where age > -5 and size - 1 < 12.5e-3 or x = - 7":    "select id from person where age > $1 and size - $2 < $3 or x = $4",
		"select id from person where nir = 990029900100134 limit 10":                "select id from person where nir = $1 limit $2",
		"select id from person where id = 0x1F and x = 1_000 and y = .5 and z = 7e": "select id from person where id = $1 and x = $2 and y = $3 and z = $4",
		"select id from person where id = $2 and surname = 'Elsa'":                  "select id from person where id = $2 and surname = $3",
		"select id from person where born = date '1990-02-03'":                      "select id from person where born = $1::date",
		"select id from person where born = '1990-02-03'::date":                     "select id from person where born = $1::date",
		"select id from person where id in (4711, 4712,4713)":                       "select id from person where id = any($1)",
		"select id from person where id not in ('a', 'b')":                          "select id from person where id <> all($1)",
		"select id from person where id in ('a')":                                   "select id from person where id in ($1)",
		"select id from person where id = any(array['a', 'b']::text[])":             "select id from person where id = any($1::text[])",
		"select id from person where id = any('{4711,4712}')":                       "select id from person where id = any($1)",
		"select data->>'name', data->'Fourcade' from person":                        "select data->>'name', data->$1 from person",
		"select id from person where active = true and (x is not true)":             "select id from person where active = $1 and (x is not true)",
		`select 'it\'s', id from person where x = ' Elsa`:                           "select $1 s $2 _",
		"select-5 from person where x in(1,2)and y=-1 or z":                         "select $1 from person where x = any($2)and y=$3 or z",
		"execute fourcade('p1', -3)":                                                "execute _($1, $2)",
	} {
		s := shape.ReadSQL(text)
		if s.Kept != want {
			t.Errorf("%s\nis kept as %q,\nnot %q", text, s.Kept, want)
		}
		if s.Exact != (s.Kept == strings.TrimSuffix(text, ";")) {
			t.Errorf("%s: to the letter: %v", text, s.Exact)
		}
	}
	s := shape.ReadSQL("select id as elsa from fourcade where x in ('01 99 00 12 34', 'elsa@boite.example')")
	if s.Asks != "select id as elsa from fourcade where x = any($1)" || len(s.Parameters) != 1 || s.Parameters[0].Kinds[shape.Telephone] != 1 || s.Parameters[0].Kinds[shape.Mail] != 1 {
		t.Errorf("it is asked as %q, of %v", s.Asks, s.Parameters)
	}
}

// What cannot be taken apart, or is too long, is kept as how it begins alone.
//
// Promise: RUN-9
func TestRUN_9_AStatementThatCannotBeReadIsItsKindAlone(t *testing.T) {
	for text, verb := range map[string]string{
		"select id from person where surname = 'Elsa":    "select",
		"select $elsa$ from person":                      "select",
		"with x as (select 1) /* Elsa":                   "with",
		"DELETE from person where x = {ts '1990-02-03'}": "delete",
		"select $4711":          "select",
		"select $1fourcade":     "select",
		"'Elsa Fourcade'":       "another statement",
		"select \xff":           "another statement",
		"select '\x00":          "select",
		"select id +!!-+!!-+ 5": "select",
		"select " + strings.Repeat("id, ", 1000) + "x":      "select",
		"select " + strings.Repeat("'Elsa'||", 100) + "'x'": "select",
		"":   "another statement",
		"\\": "another statement",
	} {
		s := shape.ReadSQL(text)
		kept, _ := json.Marshal(s)
		if s.Verb != verb || strings.Contains(string(kept), "lsa") || strings.Contains(string(kept), "ourcade") || s.Kept+s.Asks != "" && s.Kept != "$1" {
			t.Errorf("%q is kept as %s", text, kept)
		}
	}
}

// However texts are put together, what is kept of them is words that everybody uses, and signs.
func FuzzNothingOfAStatementIsKeptButPlainWords(f *testing.F) {
	for _, text := range []string{"select 'a''b' -- c\n, $x$ d $x$, E'\\'', \"e\"", "- 5 /* */ in (1,-2) array['x'] ->>'id' date '1'", "U&\"x\" N'x' $1 .5e-3 is not true"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := shape.ReadSQL(text)
		if len(s.Kept) > 2<<10 {
			t.Fatalf("%d bytes are kept", len(s.Kept))
		}
		again := shape.ReadSQL(s.Kept)
		if s.Kept != "" && again.Kept == "" {
			t.Fatalf("%q is kept as %q, which cannot be read", text, s.Kept)
		}
		for _, secret := range []string{"0639981234", "fourcade"} {
			for _, around := range []string{"'" + secret + "'", secret, `"` + secret + `"`, "$$" + secret + "$$", "/*" + secret + "*/", "--" + secret + "\n"} {
				for _, with := range []string{text + around, around + text, text[:len(text)/2] + around + text[len(text)/2:], text + " " + around + " " + text} {
					if kept := shape.ReadSQL(with).Kept; strings.Contains(strings.ToLower(kept), secret) {
						t.Fatalf("%q is kept as %q", with, kept)
					}
				}
			}
		}
	})
}

// A draft of a statement says what its columns look like, leaves what nothing speaks for to whoever reads it, and
// declares nobody harmless.
//
// Promise: RUN-9
func TestRUN_9_AStatementIsDraftedWithWhatLooksLikeAPerson(t *testing.T) {
	said := shape.ReadSQL("select id, surname, born, version, fourcade from person where adviser = '4711'")
	columns, _ := shape.Columns([]string{"id", "surname", "born", "version", "fourcade", "id", "$4711", "$fourcade"}, []uint32{23, 25, 1082, 23, 25, 25, 25, 25})
	types, _ := shape.Parameters([]uint32{25})
	one := shape.Shape{Method: shape.SQL, Path: said.Verb, Document: said.Kept, Exact: said.Exact, Query: shape.Describe(said.Parameters, types), Parts: columns, Why: "not-declared", Times: 3}
	other := shape.Shape{Method: shape.SQL, Path: "select", Document: "select 'x' \"]\nplain = 1", Why: "not-declared", Times: 1}
	draft := shape.Draft([]shape.Shape{one, other, {Method: shape.SQL, Path: "delete", Document: "delete from person", Why: "not-declared", Times: 1}, {Method: shape.SQL, Path: "select", Why: "not-declared", Times: 1}}, nil, "dossier")
	for _, want := range []string{
		`sql = "select id, surname, born, version, _ from person where adviser = $1"`, `#   $1: of type text, 1× what may be an identifier`, `# request = { "$1" = "dossier" }`,
		`person = { id = "dossier" }`, `fields = { name = "surname", birth = "born", identifier = "id" }`, `#   version: of type integer; nothing speaks`, `#   {} 5: of type text`, `#   {} 6: of type text`,
	} {
		if !strings.Contains(draft, want) {
			t.Errorf("the draft lacks %s:\n%s", want, draft)
		}
	}
	harmless(t, "a statement", draft)
	if drafted := declared(t, strings.ReplaceAll(draft, "[[sql.service.statement]]", "[[service.route]]")); len(drafted) != 2 || drafted[0]["plain"] != nil || drafted[1]["plain"] != nil {
		t.Errorf("it declares %v:\n%s", drafted, draft)
	}
	if slices.ContainsFunc(strings.Split(draft, "\n"), func(line string) bool { return strings.Contains(line, "ourcade") || strings.Contains(line, "4711") }) {
		t.Errorf("a value is in it:\n%s", draft)
	}
}
