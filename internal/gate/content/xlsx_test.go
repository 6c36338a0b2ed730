package content_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"poterne/internal/gate/content"
	"poterne/internal/register"
)

// inSheet is enrolled, in a workbook.
func inSheet(sheet string) content.Layout {
	l := enrolled
	l.Format, l.Comma, l.Sheet = content.XLSX, 0, sheet
	return l
}

// workbook is what another program writes: a value a cell, line by line.
func workbook(t testing.TB, lines [][]any, more ...func(*excelize.File)) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	for i, line := range lines {
		if err := f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &line); err != nil {
			t.Fatal(err)
		}
	}
	for _, change := range more {
		change(f)
	}
	out, err := f.WriteToBuffer()
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// cellsOf is what another program reads.
func cellsOf(t testing.TB, body []byte) (sheets []string, lines [][]string) {
	t.Helper()
	f, err := excelize.OpenReader(bytes.NewReader(body))
	if err != nil {
		t.Fatalf("another program cannot read it: %v", err)
	}
	defer f.Close()
	sheets = f.GetSheetList()
	if lines, err = f.GetRows(sheets[0]); err != nil {
		t.Fatal(err)
	}
	return sheets, lines
}

// parts takes an archive apart, and archive puts one together.
func parts(t testing.TB, body []byte) map[string]string {
	t.Helper()
	all := make(map[string]string)
	archive, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range archive.File {
		from, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(from)
		if err != nil {
			t.Fatal(err)
		}
		all[file.Name] = string(text)
	}
	return all
}

func archive(t testing.TB, all map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		to, err := w.Create(name)
		if err == nil {
			_, err = io.WriteString(to, all[name])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

var (
	header = []any{"dossier", "nom", "secret", "mail", "session", "note"}
	born   = time.Date(1994, 3, 2, 0, 0, 0, 0, time.UTC)
)

// Promise: SCOPE-11
func TestSCOPE_11_AWorkbookOfAnotherProgramIsReadAndCut(t *testing.T) {
	body := workbook(t, [][]any{
		header,
		{"A1", "Durand <Léa>", "x", nil, "S1", born},
		{105001, "Le Goff", "y", "b@b.example", "S1", " two\nlines "},
		{"C3", "=cmd|'/c calc'!A1", "z", "c@c.example", true, 0.25},
	}, func(f *excelize.File) {
		style, _ := f.NewStyle(&excelize.Style{CustomNumFmt: new(`dd"ZZSECRET"mmm\.yyyy`)})
		_ = f.SetCellStyle("Sheet1", "F2", "F2", style)
		style, _ = f.NewStyle(&excelize.Style{NumFmt: 9})
		_ = f.SetCellStyle("Sheet1", "F4", "F4", style)
		_ = f.AddComment("Sheet1", excelize.Comment{Cell: "B2", Text: "ZZSECRET"})
		_ = f.SetCellHyperLink("Sheet1", "B2", "https://ZZSECRET.example/", "External")
		_ = f.SetRowVisible("Sheet1", 3, false)
		_ = f.SetColVisible("Sheet1", "B", false)
		_ = f.SetDocProps(&excelize.DocProperties{Creator: "ZZSECRET"})
		_ = f.SetDefinedName(&excelize.DefinedName{Name: "ZZSECRET", RefersTo: "Sheet1!$A$1"})
	})
	const all = "dossier:A1 name+identifier+note\ndossier:105001 mail:b@b.example name+identifier+note\ndossier:C3 mail:c@c.example name+identifier+note"
	const line0 = "dossier|nom|session|note"
	for sentence, check := range map[string]struct {
		keep content.Keep
		want []string
	}{
		"everything declared goes out, nothing else": {everything, []string{
			line0, "A1|Durand <Léa>|S1|03-02-94", "105001|Le Goff|S1| two\nlines ", "C3|=cmd|'/c calc'!A1|TRUE|25%",
		}},
		"withheld records vanish":       {nothing, []string{line0}},
		"one goes":                      {without(0), []string{line0, "105001|Le Goff|S1| two\nlines ", "C3|=cmd|'/c calc'!A1|TRUE|25%"}},
		"what may not be seen is empty": {only(register.Name), []string{line0, "|Durand <Léa>|S1", "|Le Goff|S1", "|=cmd|'/c calc'!A1|TRUE"}},
	} {
		t.Run(sentence, func(t *testing.T) {
			reading, err := compile(t, inSheet("")).Read(body)
			if err != nil {
				t.Fatal(err)
			}
			if got := told(reading.Rows()); got != all {
				t.Errorf("rows:\n%s\nwant:\n%s", got, all)
			}
			got, err := reading.Release([]byte("before "), check.keep)
			if err != nil || !bytes.HasPrefix(got, []byte("before ")) {
				t.Fatalf("%v: %q", err, got)
			}
			got = got[len("before "):]
			var lines []string
			sheets, cells := cellsOf(t, got)
			for _, line := range cells {
				lines = append(lines, strings.Join(line, "|"))
			}
			if !slices.Equal(lines, check.want) || !slices.Equal(sheets, []string{"Sheet1"}) {
				t.Errorf("released %q of %q, want %q", lines, sheets, check.want)
			}
			for name, text := range parts(t, got) {
				if strings.Contains(text, "ZZSECRET") || strings.Contains(text, "hidden") || strings.Contains(text, "<f>") {
					t.Errorf("%s has what was not declared: %s", name, text)
				}
			}
		})
	}
}

// Promise: SCOPE-11
func TestSCOPE_11_OnlyTheDeclaredSheetGoesOut(t *testing.T) {
	two := workbook(t, [][]any{header, {"A1", "Durand"}}, func(f *excelize.File) {
		_, _ = f.NewSheet("People")
		_ = f.SetSheetRow("People", "A1", &header)
		_ = f.SetSheetRow("People", "A2", &[]any{"B2", "Le Goff"})
	})
	if _, err := compile(t, inSheet("")).Read(two); err == nil {
		t.Error("one of two sheets was read, and nobody said which")
	}
	for sheet, want := range map[string]string{"People": "B2", "Sheet1": "A1"} {
		reading, err := compile(t, inSheet(sheet)).Read(two)
		if err != nil {
			t.Fatal(err)
		}
		out, err := reading.Release(nil, everything)
		sheets, lines := cellsOf(t, out)
		if err != nil || !slices.Equal(sheets, []string{sheet}) || len(lines) != 2 || lines[1][0] != want {
			t.Errorf("%s: %q %q %v", sheet, sheets, lines, err)
		}
	}
}

// Promise: SCOPE-11
func TestSCOPE_11_AWorkbookThatCanBeReadInTwoWaysIsRefused(t *testing.T) {
	r := compile(t, inSheet(""))
	good := parts(t, workbook(t, [][]any{header, {"A1", sentinel}}))
	const sheet, book, shared = "xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/sharedStrings.xml"
	with := func(part, old, new string) []byte {
		changed := maps.Clone(good)
		if !strings.Contains(changed[part], old) {
			t.Fatalf("%s has no %s: %s", part, old, changed[part])
		}
		changed[part] = strings.Replace(changed[part], old, new, 1)
		return archive(t, changed)
	}
	row := func(cells string) []byte {
		return with(sheet, "</sheetData>", `<row r="3">`+cells+"</row></sheetData>")
	}
	if _, err := r.Read(archive(t, good)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(row(`<c t="inlineStr"><is><r><t>B</t></r><rPh sb="0" eb="1"><t>x</t></rPh><r><t>2</t></r></is></c>`)); err != nil {
		t.Fatalf("a cell without its place, in runs: %v", err)
	}
	var twice bytes.Buffer
	w := zip.NewWriter(&twice)
	for _, name := range []string{"_rels/.rels", book, "xl/_rels/workbook.xml.rels", sheet, shared, "XL/Worksheets/Sheet1.xml"} {
		to, _ := w.Create(name)
		_, _ = io.WriteString(to, good[name])
	}
	_ = w.Close()
	hide := func(f *excelize.File) {
		_, _ = f.NewSheet("x")
		_ = f.SetSheetVisible("Sheet1", false)
	}
	for sentence, body := range map[string][]byte{
		"empty":                          {},
		"no archive":                     []byte(sentinel),
		"an archive of something else":   archive(t, map[string]string{"x": sentinel}),
		"cut short":                      archive(t, good)[:900],
		"a part twice":                   twice.Bytes(),
		"no sheet":                       archive(t, map[string]string{"_rels/.rels": good["_rels/.rels"], book: good[book]}),
		"a document type":                with(sheet, "<worksheet", `<!DOCTYPE x [<!ENTITY e "`+sentinel+`">]><worksheet`),
		"an entity":                      with(shared, sentinel, "&e;"),
		"an entity from elsewhere":       with(shared, "<sst", `<!DOCTYPE sst [<!ENTITY e SYSTEM "file:///etc/passwd">]><sst`),
		"another charset":                with(shared, "UTF-8", "ISO-8859-1"),
		"not UTF-8":                      with(shared, sentinel, sentinel+"\xe9"),
		"XML that does not end":          with(sheet, "</worksheet>", ""),
		"something after its end":        with(sheet, "</worksheet>", "</worksheet><x/>"),
		"an attribute twice":             row(`<c r="A3" r="A3"><v>1</v></c>`),
		"a sheet from elsewhere":         with("xl/_rels/workbook.xml.rels", `Target="worksheets/sheet1.xml"`, `Target="https://x.example/sheet1.xml" TargetMode="External"`),
		"a relation twice":               with("xl/_rels/workbook.xml.rels", "</Relationships>", `<Relationship Id="rId1" Type="x" Target="y"/></Relationships>`),
		"dates since 1904":               with(book, "<workbookPr", `<workbookPr date1904="1"`),
		"a hidden sheet":                 with(book, `name="Sheet1"`, `name="Sheet1" state="veryHidden"`),
		"cells that are merged":          with(sheet, "</sheetData>", `</sheetData><mergeCells count="1"><mergeCell ref="A2:A3"/></mergeCells>`),
		"two tables of cells":            with(sheet, "</sheetData>", "</sheetData><sheetData></sheetData>"),
		"rows out of order":              row(`<c r="A3"><v>1</v></c></row><row r="2"><c r="A2"><v>1</v></c>`),
		"a row twice":                    row(`<c r="A3"><v>1</v></c></row><row r="3"><c r="A3"><v>2</v></c>`),
		"a cell in another row":          row(`<c r="A4"><v>1</v></c>`),
		"a cell twice":                   row(`<c r="A3"><v>1</v></c><c r="A3"><v>2</v></c>`),
		"cells out of order":             row(`<c r="B3"><v>1</v></c><c r="A3"><v>2</v></c>`),
		"a cell beyond all columns":      row(`<c r="A3"><v>1</v></c><c r="XFE3"><v>2</v></c>`),
		"a cell under no name":           row(`<c r="A3"><v>1</v></c><c r="Z3"><v>2</v></c>`),
		"a cell of another format":       row(`<c r="A3"><v>1</v></c><x xmlns="y"/>`),
		"a computed identifier":          row(`<c r="A3"><f>A2</f><v>1</v></c>`),
		"a computed field":               row(`<c r="A3"><v>1</v></c><c r="B3" t="str"><f>A2</f><v>x</v></c>`),
		"an error":                       row(`<c r="A3"><v>1</v></c><c r="B3" t="e"><v>#REF!</v></c>`),
		"two values":                     row(`<c r="A3"><v>1</v><v>2</v></c>`),
		"a value and a text":             row(`<c r="A3" t="inlineStr"><v>1</v><is><t>2</t></is></c>`),
		"a text that is not shared":      row(`<c r="A3" t="s"><v>99</v></c>`),
		"a number that is none":          row(`<c r="A3"><v>0x1</v></c>`),
		"a style that is not there":      row(`<c r="A3" s="99"><v>1</v></c>`),
		"an identifier in halves":        row(`<c r="A3"><v>1.5</v></c>`),
		"an identifier by powers of ten": row(`<c r="A3"><v>1E5</v></c>`),
		"an identifier that is rounded":  row(`<c r="A3"><v>1234567890123456</v></c>`),
		"an identifier that is true":     row(`<c r="A3" t="b"><v>1</v></c>`),
		"an identifier in escapes":       row(`<c r="A3" t="inlineStr"><is><t>_x0041_1</t></is></c>`),
		"a record without a name":        row(`<c r="B3" t="inlineStr"><is><t>` + sentinel + `</t></is></c>`),
		"a total below the rows":         row(`<c r="C3"><v>1</v></c>`),
		"no header line":                 workbook(t, [][]any{{sentinel, "x"}, {sentinel, "y"}}),
		"a title above it":               workbook(t, [][]any{{sentinel}, header, {"A1"}}),
		"a gap in the header line":       workbook(t, [][]any{{"dossier", nil, "nom"}, {"A1", "x", sentinel}}),
		"a column twice":                 workbook(t, [][]any{{"dossier", "nom", "nom"}, {"A1", "x", sentinel}}),
		"a date as an identifier":        workbook(t, [][]any{header, {born, sentinel}}),
		"leading zeros by a format": workbook(t, [][]any{header, {123, sentinel}}, func(f *excelize.File) {
			style, _ := f.NewStyle(&excelize.Style{CustomNumFmt: new("00000000")})
			_ = f.SetCellStyle("Sheet1", "A2", "A2", style)
		}),
		"no sheet that is seen": workbook(t, [][]any{header, {"A1", sentinel}}, hide),
		"no header at all":      workbook(t, nil),
	} {
		t.Run(sentence, func(t *testing.T) {
			_, err := r.Read(body)
			if err == nil {
				t.Error("it was read")
			} else if strings.Contains(err.Error(), sentinel) || strings.Contains(err.Error(), "passwd") {
				t.Errorf("the error quotes it: %v", err)
			}
		})
	}
}

// A small file can say that it is a large one, or be it.
//
// Promise: SCOPE-11
func TestSCOPE_11_AWorkbookThatUnpacksToTooMuchIsRefusedUnread(t *testing.T) {
	all := parts(t, workbook(t, [][]any{header, {"A1", "x"}}))
	all["xl/media/x"] = strings.Repeat("0", 65<<20)
	bomb := archive(t, all)
	if _, err := content.Unpacked(bomb); err == nil || len(bomb) > 1<<20 {
		t.Errorf("%d bytes, %v", len(bomb), err)
	}
	if _, err := compile(t, inSheet("")).Read(bomb); err == nil {
		t.Error("it was read")
	}
	delete(all, "xl/media/x")
	all["xl/worksheets/sheet1.xml"] = strings.Replace(all["xl/worksheets/sheet1.xml"], "</sheetData>", strings.Repeat("<row><c><v>1</v></c></row>", 10_001)+"</sheetData>", 1)
	if _, err := compile(t, inSheet("")).Read(archive(t, all)); err == nil {
		t.Error("more records were read than may be")
	}
	n, err := content.Unpacked(archive(t, all))
	sum := 0
	for _, text := range all {
		sum += len(text)
	}
	if err != nil || n != int64(sum) {
		t.Errorf("%d bytes, want %d: %v", n, sum, err)
	}
}

func TestSheetsAreOfWorkbooksOnly(t *testing.T) {
	for want, change := range map[string]func(*content.Layout){
		"only XLSX has sheets":        func(l *content.Layout) { l.Format = content.CSV },
		"cannot be the name":          func(l *content.Layout) { l.Sheet = "a/b" },
		"only CSV has a separator":    func(l *content.Layout) { l.Comma = ';' },
		"every record of a table is":  func(l *content.Layout) { l.People[0].Row = "$" },
		"declare one group":           func(l *content.Layout) { l.People = append(l.People, l.People[0]) },
		"write the name of a column":  func(l *content.Layout) { l.Plain = []string{""} },
		"only HTML has attributes; l": func(l *content.Layout) { l.People[0].Person[0].Attribute = "x" },
	} {
		l := inSheet("People")
		l.People = []content.Group{{Person: slices.Clone(l.People[0].Person), Fields: l.People[0].Fields}}
		change(&l)
		if _, err := content.Compile(l); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// FuzzXLSX puts anything into the parts of a workbook: a file that is damaged as a whole
// is refused by its checksums.
func FuzzXLSX(f *testing.F) {
	layout := inSheet("")
	layout.People = []content.Group{layout.People[0]}
	layout.People[0].Person = layout.People[0].Person[:1]
	r, err := content.Compile(layout)
	if err != nil {
		f.Fatal(err)
	}
	all := parts(f, workbook(f, [][]any{header, {"A1", "x", "y", "z", "S1", born}, {105001, nil, "", nil, true, 0.5}}))
	frame := func(t *testing.T, sheet, shared, styles, book string) []byte {
		changed := maps.Clone(all)
		changed["xl/worksheets/sheet1.xml"], changed["xl/sharedStrings.xml"], changed["xl/styles.xml"], changed["xl/workbook.xml"] = sheet, shared, styles, book
		return archive(t, changed)
	}
	sheet, shared, styles, book := all["xl/worksheets/sheet1.xml"], all["xl/sharedStrings.xml"], all["xl/styles.xml"], all["xl/workbook.xml"]
	f.Add(sheet, shared, styles, book)
	for _, cells := range []string{
		`<c><v>1</v></c>`, `<c r="A9" t="inlineStr"><is><t xml:space="preserve"> B </t></is></c><c r="F9" t="d"><v>2026-11-30</v></c>`,
		`<c r="A9" s="1"><v>1</v></c>`, `<c r="A9" t="s"><v>0</v></c><c t="b"><v>1</v></c>`, `<c r="A9"><f>1</f></c>`, `<c r="C9"/>`,
	} {
		f.Add(strings.Replace(sheet, "</sheetData>", `<row r="9">`+cells+"</row></sheetData>", 1), shared, styles, book)
	}
	f.Add(sheet, shared, `<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><numFmts><numFmt numFmtId="170" formatCode="yyyy hh"/></numFmts><cellXfs><xf numFmtId="170"/><xf numFmtId="14"/></cellXfs></styleSheet>`, book)
	f.Fuzz(func(t *testing.T, sheet, shared, styles, book string) {
		always(t, r, frame(t, sheet, shared, styles, book), func(t *testing.T, released []byte) int {
			_, lines := cellsOf(t, released)
			return max(0, len(lines)-1)
		})
	})
}
