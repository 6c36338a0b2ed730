// Package content reads people and fields out of an application's answer, and
// cuts out of it what may not go. It knows nothing of requests, accounts or
// decisions: bytes come in, people come out, and then fewer bytes.
//
// What it promises:
//
//   - What the operator did not declare does not go out.
//   - What cannot be read whole is an error: the caller refuses the answer. There
//     is no partial reading.
//   - The client cannot see another document than the one that was read. JSON is
//     read strictly (one value, no name twice, valid UTF-8) and kept values keep
//     their bytes. CSV, XLSX and XML are written anew from what was read of them. HTML is
//     made into the tree a browser would build (package neat, or a parser where a page
//     needs repair), cut there and rendered anew; the rendering is read once more and must come out as the same page. Passing
//     untouched bytes through would be quicker, but two parsers never quite agree
//     on real pages, and a row that only the browser sees is a person nobody
//     counted. Texts are UTF-8: the caller decodes other charsets before, and
//     sends "charset=utf-8" with what it hands over, lest a browser guess.
//   - No error text holds anything of the answer.
//
// A person's row is shown or cut as a whole. Inside a shown row, a declared part
// whose category may not be seen stays as an empty place (null, an empty cell,
// dots), so that the client can tell "hidden" from "absent"; an undeclared part
// vanishes.
package content

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"poterne/internal/fault"
	"poterne/internal/register"
)

// Format is a kind of document.
type Format string

// The formats that can be read.
const (
	JSON   Format = "json"
	NDJSON Format = "ndjson" // a JSON document a line
	HTML   Format = "html"
	CSV    Format = "csv"
	XLSX   Format = "xlsx" // one sheet of a workbook of Office Open XML
	XML    Format = "xml"  // SOAP among it
)

// tabular reports whether answers are records under a header line.
func (f Format) tabular() bool { return f == CSV || f == XLSX }

// Formats are all of them.
var Formats = []Format{JSON, NDJSON, HTML, CSV, XLSX, XML}

// Layout says where people and their fields are in one kind of answer. Paths are
// JSONPath (RFC 9535, whose filters compare with a value), CSS selectors, names of
// columns of CSV and XLSX, or names and @attributes of XML, one in the other. They are matched against the answer as the application sent it, uncut.
//
// A reference goes out only where it is declared as a part, or plain, as well.
// A plain part does not reach into the rows inside it: what is in a row is the
// person's, unless it is itself declared.
type Layout struct {
	Format   Format
	Fragment bool   // HTML that is a part of a page, put into it by a script
	Under    string // HTML: the path below which browsers see the application; links that begin with a slash get it
	People   []Group
	Plain    []string // parts that speak of nobody, passed on as they are
	Keep     []string // words, besides those of the paths, that may stay around what is declared: HTML classes and ids, JSON names
	Comma    rune     // what separates CSV cells: ',' (when zero), ';' or a tab
	Sheet    string   // XLSX: the sheet that is read; the only one when empty

	Namespaces Namespaces // XML: those that it may use, besides the usual ones
	Charset    string     // XML: the caller makes UTF-8 of it, whatever a document says of itself; UTF-8 when empty
}

// Group is one kind of row in an answer, each row standing for one person.
type Group struct {
	Row    string   // "$.results[*]", a CSS selector; empty for CSV and XLSX, where each record is a row
	Person []Naming // where a row names its person; every one that is present is a reference
	Fields []Part   // which part of a row is of which category
}

// Naming says where in a row its person is named, and in which scheme.
type Naming struct {
	Scheme    string
	Path      string // "@.id", "@~" for the row's own name in an object, a CSS selector ("" or ":scope" is the row itself), a column
	Attribute string // HTML only: the attribute that holds the name; empty for the text
	Template  string // what is around the identifier there, such as Patient/{id}; nothing when empty
}

// Part says which category a part of a row belongs to. A part within a part
// needs both categories to be shown. A declared value goes out with all that is
// in it, and a declared HTML element with all its attributes, but for what is
// declared on its own: inner rows, inner parts, and what names the person.
type Part struct {
	Field     register.Fields
	Path      string
	Attribute string // HTML only: the part is this attribute alone
}

// Row is one person in an answer.
type Row struct {
	Refs   []register.Ref  // never empty, in the order of Group.Person
	Fields register.Fields // the declared categories that are in this row, empty or not; a JSON null is not there
}

// Keep says what becomes of a row, by its index in Rows: whether it is shown,
// and which categories may be seen in it. It may not be asked about a row inside
// a row that is not shown.
type Keep func(row int) (show bool, fields register.Fields)

// Reader reads answers of one Layout. It is safe to share.
type Reader struct{ format reader }

// reader is what a format must do: find the rows, and remember enough to write
// the answer anew.
type reader interface {
	read(body []byte) ([]Row, releaser, error)
}

type releaser interface {
	release(dst []byte, keep Keep) ([]byte, error)
}

// Declares reports whether a column of this name may go out.
func (l Layout) Declares(column string) bool {
	declares := func(g Group) bool {
		return slices.ContainsFunc(g.Fields, func(p Part) bool { return p.Path == column })
	}
	return slices.Contains(l.Plain, column) || slices.ContainsFunc(l.People, declares)
}

// Compile checks a layout and prepares to read by it. All complaints come at once.
func Compile(l Layout) (*Reader, error) {
	if err := check(l); err != nil {
		return nil, err
	}
	var (
		format reader
		err    error
	)
	switch l.Format {
	case JSON:
		format, err = compileJSON(l)
	case NDJSON:
		format, err = compileNDJSON(l)
	case HTML:
		format, err = compileHTML(l)
	case XLSX:
		format, err = compileXLSX(l)
	case XML:
		format, err = compileXML(l)
	default:
		format, err = compileCSV(l)
	}
	if err != nil {
		return nil, err
	}
	return &Reader{format}, nil
}

// check makes the complaints that do not depend on how a path is written.
func check(l Layout) error {
	var wrong fault.Complaints
	if !slices.Contains(Formats, l.Format) {
		wrong.Add("format", "%q is not a format; write one of %q", l.Format, Formats)
		return wrong
	}
	if l.Fragment && l.Format != HTML {
		wrong.Add("fragment", "only HTML comes in fragments; leave it out")
	}
	if len(l.People) == 0 && len(l.Plain) == 0 {
		wrong.Add("people", "nothing is declared, so nothing could go out; declare a group of people, or plain parts if the answer speaks of nobody")
	}
	if l.Comma != 0 && l.Format != CSV {
		wrong.Add("comma", "only CSV has a separator; leave it out")
	}
	if len(l.Namespaces) > 0 && l.Format != XML {
		wrong.Add("namespaces", "only XML has namespaces; leave them out")
	}
	if l.Sheet != "" && l.Format != XLSX {
		wrong.Add("sheet", "only XLSX has sheets; leave it out")
	}
	for i, group := range l.People {
		at := fmt.Sprintf("people[%d]", i)
		if group.Row == "" && !l.Format.tabular() {
			wrong.Add(at+".row", "it is not said what stands for one person; write a JSONPath such as $.results[*], or a CSS selector such as tr.person")
		}
		if len(group.Person) == 0 {
			wrong.Add(at+".person", "a row must name its person; say where, and in which scheme")
		}
		for j, naming := range group.Person {
			if naming.Scheme == "" {
				wrong.Add(fmt.Sprintf("%s.person[%d].scheme", at, j), "say which identifiers these are, such as dossier")
			}
			if naming.Attribute != "" && l.Format != HTML {
				wrong.Add(fmt.Sprintf("%s.person[%d].attribute", at, j), "only HTML has attributes; leave it out")
			}
			if err := CheckTemplate(naming.Template); err != nil {
				wrong.Add(fmt.Sprintf("%s.person[%d].template", at, j), "%v", err)
			}
		}
		for j, part := range group.Fields {
			if part.Field == 0 || !register.AllFields.Has(part.Field) {
				wrong.Add(fmt.Sprintf("%s.fields[%d].field", at, j), "write a field category, such as name or contact")
			}
			if part.Attribute != "" && l.Format != HTML {
				wrong.Add(fmt.Sprintf("%s.fields[%d].attribute", at, j), "only HTML has attributes; leave it out")
			}
		}
	}
	return wrong.Err()
}

// Reading is one answer that was read whole.
type Reading struct {
	rows   []Row
	answer releaser
}

// Read finds the people in an answer. Any error means that the answer was not
// understood, and that nothing of it may go out. The body must not change as
// long as the reading is used.
func (r *Reader) Read(body []byte) (*Reading, error) {
	rows, answer, err := r.format.read(body)
	if err != nil {
		return nil, err
	}
	return &Reading{rows: rows, answer: answer}, nil
}

// Rows lists the people in document order: a person shown in several rows comes
// several times, and a row inside a row comes after the outer one.
func (r *Reading) Rows() []Row { return r.rows }

// Root returns the row that the document as a whole is, if it is one. Only JSON can be.
func (r *Reading) Root() (row int, is bool) {
	one, ok := r.answer.(*jsonReading)
	if !ok || len(one.nodes) == 0 || one.nodes[0].row == nobody {
		return 0, false
	}
	return int(one.nodes[0].row), true
}

// Mark adds a column to what goes out of a table, which says text in every row. Only
// CSV and XLSX can be marked: others go out as they are.
func (r *Reading) Mark(column, text string) {
	if table, ok := r.answer.(interface{ mark(m *marking) }); ok {
		table.mark(&marking{column, text})
	}
}

// Release appends to dst the answer as it may go out.
func (r *Reading) Release(dst []byte, keep Keep) ([]byte, error) {
	return r.answer.release(dst, keep)
}

var (
	errUnnamed   = errors.New("a row names no person")
	errBadName   = errors.New("a row names its person by something that is not a filled-in text or a whole number")
	errTwoGroups = errors.New("one row belongs to two groups of people")
)

// reference checks what was read as a person's identifier.
func reference(scheme, template, value string) (register.Ref, error) {
	value, fits := Within(template, strings.TrimSpace(value))
	if !fits {
		return register.Ref{}, errOddTemplate
	}
	if value == "" || strings.ContainsFunc(value, unicode.IsControl) {
		return register.Ref{}, errBadName
	}
	return register.Ref{Scheme: scheme, Value: value}, nil
}

// placeOfID stands in a template for the identifier.
const placeOfID = "{id}"

var errOddTemplate = errors.New("what names a person has not the form that is declared after as")

// CheckTemplate complains of a template that does not have one {id}.
func CheckTemplate(template string) error {
	if template != "" && (strings.Count(template, placeOfID) != 1 || template == placeOfID) {
		return fmt.Errorf("%q does not say what is around one identifier; write it as in Patient/{id}", template)
	}
	return nil
}

// Within returns the identifier in a text that is made as a template says. It has no
// character that ends a part of an address: who reads the whole and who reads the part
// would differ about it.
func Within(template, text string) (identifier string, fits bool) {
	if template == "" {
		return text, true
	}
	before, after, _ := strings.Cut(template, placeOfID)
	text, begins := strings.CutPrefix(text, before)
	text, ends := strings.CutSuffix(text, after)
	return text, begins && ends && text != "" && !strings.ContainsAny(text, "/?#&%;=+|\\ ")
}

// nobody is the row of what is outside of all rows.
const nobody = -1

// placedRef is a reference, with the row it was found in and the naming it
// followed.
type placedRef struct {
	row   int32
	order int
	ref   register.Ref
}

// nameRows gives every row its references, and fails if one has none.
func nameRows(rows []Row, found []placedRef) error {
	slices.SortStableFunc(found, func(a, b placedRef) int {
		return cmp.Or(cmp.Compare(a.row, b.row), cmp.Compare(a.order, b.order))
	})
	refs := make([]register.Ref, len(found))
	next := 0
	for i := range rows {
		first := next
		for ; next < len(refs) && found[next].row == int32(i); next++ {
			refs[next] = found[next].ref
		}
		if next == first {
			return errUnnamed
		}
		rows[i].Refs = refs[first:next:next]
	}
	return nil
}
