package content_test

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"poterne/internal/gate/content"
	"poterne/internal/register"
)

var enrolled = content.Layout{
	Format: content.CSV,
	Comma:  ';',
	People: []content.Group{{
		Person: []content.Naming{{Scheme: "dossier", Path: "dossier"}, {Scheme: "mail", Path: "mail"}},
		Fields: []content.Part{
			{Field: register.Identifier, Path: "dossier"},
			{Field: register.Name, Path: "nom"},
			{Field: register.Name, Path: "note"},
			{Field: register.Note, Path: "note"},
		},
	}},
	Plain: []string{"session"},
}

func TestACSVAnswerIsReadAndCut(t *testing.T) {
	const body = "\ufeffdossier;nom;secret;mail;session;note\r\n" +
		"A1;\"Durand; \"\"Léa\"\"\";x;;S1;\r\n" +
		"\r\n" +
		"B2;Le Goff;y;b@b.example;S1;\"two\r\nlines\"\r\n"
	for sentence, check := range map[string]struct {
		keep content.Keep
		want string
	}{
		"everything declared goes out, nothing else": {everything, "\ufeffdossier;nom;session;note\r\nA1;\"Durand; \"\"Léa\"\"\";S1;\r\nB2;Le Goff;S1;\"two\r\nlines\"\r\n"},
		"withheld records vanish":                    {nothing, "\ufeffdossier;nom;session;note\r\n"},
		"one goes":                                   {without(0), "\ufeffdossier;nom;session;note\r\nB2;Le Goff;S1;\"two\r\nlines\"\r\n"},
		"what may not be seen is empty":              {only(register.Name), "\ufeffdossier;nom;session;note\r\n;\"Durand; \"\"Léa\"\"\";S1;\r\n;Le Goff;S1;\r\n"},
	} {
		t.Run(sentence, func(t *testing.T) {
			reading, err := compile(t, enrolled).Read([]byte(body))
			if err != nil {
				t.Fatal(err)
			}
			if got, want := told(reading.Rows()), "dossier:A1 name+identifier\ndossier:B2 mail:b@b.example name+identifier+note"; got != want {
				t.Errorf("rows:\n%s\nwant:\n%s", got, want)
			}
			got, err := reading.Release([]byte("before "), check.keep)
			if err != nil || string(got) != "before "+check.want {
				t.Errorf("released %v\n%q\nwant\n%q", err, got, "before "+check.want)
			}
		})
	}
}

func TestACSVAnswerThatCannotBeReadWholeIsRefused(t *testing.T) {
	r := compile(t, enrolled)
	for sentence, body := range map[string]string{
		"empty":                        "",
		"only a mark":                  "\ufeff",
		"another separator":            "dossier,nom\n" + sentinel + ",x\n",
		"no header line":               sentinel + ";x\n" + sentinel + ";y\n",
		"a column twice":               "dossier;nom;nom\nA;" + sentinel + ";x\n",
		"a short record":               "dossier;nom\n" + sentinel + "\n",
		"a long record":                "dossier;nom\n" + sentinel + ";x;y\n",
		"a quote inside a cell":        "dossier;nom\nA;" + sentinel + "\"x\n",
		"text after a quote":           "dossier;nom\nA;\"" + sentinel + "\"x\n",
		"a quote that is not closed":   "dossier;nom\nA;\"" + sentinel + "\n",
		"invalid UTF-8":                "dossier;nom\nA;" + sentinel + "\xe9\n",
		"UTF-16":                       "\xff\xfed\x00;\x00",
		"a record without a name":      "dossier;nom;mail\n;" + sentinel + ";\n",
		"a record named by spaces":     "dossier;nom\n  ;" + sentinel + "\n",
		"a record named by two lines":  "dossier;nom\n\"" + sentinel + "\nx\";y\n",
		"a lone carriage return":       "dossier;nom\r" + sentinel + ";x\r",
		"a second mark hides the name": "\ufeff\ufeffdossier;nom\n" + sentinel + ";x\n",
	} {
		t.Run(sentence, func(t *testing.T) {
			_, err := r.Read([]byte(body))
			if err == nil {
				t.Fatal("was read")
			}
			if strings.Contains(err.Error(), sentinel) {
				t.Errorf("the error quotes the answer: %v", err)
			}
		})
	}
}

func TestACSVFileMaySpeakOfNobody(t *testing.T) {
	r := compile(t, content.Layout{Format: content.CSV, Plain: []string{"course", "none"}})
	reading, err := r.Read([]byte("course,teacher\nGo,x\n\"\",y\n"))
	if err != nil || len(reading.Rows()) != 0 {
		t.Fatalf("%d rows, %v", len(reading.Rows()), err)
	}
	if got, err := reading.Release(nil, nothing); string(got) != "course\nGo\n\"\"\n" {
		t.Errorf("released %q, %v", got, err)
	}
}

func TestACSVFileOfWhichNothingIsDeclaredIsEmptied(t *testing.T) {
	r := compile(t, content.Layout{Format: content.CSV, People: []content.Group{{Person: []content.Naming{{Scheme: "d", Path: "id"}}}}})
	reading, err := r.Read([]byte("id,name\n1,x\n"))
	if err != nil || told(reading.Rows()) != "d:1 " {
		t.Fatalf("rows %q, %v", told(reading.Rows()), err)
	}
	if got, err := reading.Release(nil, everything); len(got) > 0 || err != nil {
		t.Errorf("released %q, %v", got, err)
	}
}

func TestCSVLayoutsAreCheckedAtOnce(t *testing.T) {
	_, err := content.Compile(content.Layout{Format: content.CSV, Comma: '|', Plain: []string{""}, People: []content.Group{
		{Row: "x", Person: []content.Naming{{Scheme: "d"}}, Fields: []content.Part{{Field: register.Name}}},
		{Person: []content.Naming{{Scheme: "d", Path: "id"}}},
	}})
	for _, want := range []string{"comma:", "one group", "people[0].row:", "people[0].person[0].path:", "people[0].fields[0].path:", "plain:"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no complaint about %s in: %v", want, err)
		}
	}
}

// TestReleasedCSVHoldsTheKeptCells compares with what encoding/csv reads out of
// the released file.
func TestReleasedCSVHoldsTheKeptCells(t *testing.T) {
	cell := rapid.SampledFrom([]string{"", " ", "x", "é", "a;b", "\"", "l\nm", "\\.", "=1+1", " lead", "\t"})
	rapid.Check(t, func(t *rapid.T) {
		var body bytes.Buffer
		lines := csv.NewWriter(&body)
		lines.Comma = ';'
		lines.UseCRLF = rapid.Bool().Draw(t, "crlf")
		header := rapid.Permutation([]string{"dossier", "nom", "secret", "mail", "session", "note"}).Draw(t, "header")
		_ = lines.Write(header)
		var records []map[string]string
		for range rapid.IntRange(0, 4).Draw(t, "records") {
			cells := map[string]string{"dossier": "P" + rapid.StringMatching(`[0-9]{3}`).Draw(t, "dossier")}
			var line []string
			for _, name := range header {
				if name != "dossier" && name != "mail" {
					cells[name] = cell.Draw(t, name)
				}
				line = append(line, cells[name])
			}
			_ = lines.Write(line)
			records = append(records, cells)
		}
		lines.Flush()
		reading, err := compile(t, enrolled).Read(body.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		shown := rapid.SliceOfN(rapid.Bool(), len(records), len(records)).Draw(t, "shown")
		allowed := rapid.SampledFrom([]register.Fields{register.AllFields, register.Name, register.Identifier}).Draw(t, "allowed")
		out, err := reading.Release(nil, func(row int) (bool, register.Fields) { return shown[row], allowed })
		if err != nil {
			t.Fatal(err)
		}
		back := csv.NewReader(bytes.NewReader(out))
		back.Comma = ';'
		got, err := back.ReadAll()
		if err != nil {
			t.Fatalf("%v\n%q", err, out)
		}
		needs := map[string]register.Fields{"dossier": register.Identifier, "nom": register.Name, "note": register.Name | register.Note, "session": 0}
		want := [][]string{{}}
		for _, name := range header {
			if _, declared := needs[name]; declared {
				want[0] = append(want[0], name)
			}
		}
		for i, cells := range records {
			if !shown[i] {
				continue
			}
			var line []string
			for _, name := range want[0] {
				if allowed.Has(needs[name]) {
					line = append(line, cells[name])
				} else {
					line = append(line, "")
				}
			}
			want = append(want, line)
		}
		if len(got) != len(want) {
			t.Fatalf("%d records, want %d\n%q", len(got), len(want), out)
		}
		for i := range want {
			if strings.Join(got[i], "|") != strings.Join(want[i], "|") {
				t.Fatalf("record %d: %q, want %q", i, got[i], want[i])
			}
		}
	})
}
