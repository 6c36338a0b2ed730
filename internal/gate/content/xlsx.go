package content

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"poterne/internal/fault"
)

// xlsxReader reads one sheet of a workbook as records under a header line. A workbook is
// XML in a zip: whatever could be read in two ways, or says something that is not in the
// cells themselves, is an error. What goes out is a new workbook of one sheet that has
// the cells which were read, and nothing else of the old one.
type xlsxReader struct {
	sheet string // empty for the only one
	columns
}

func compileXLSX(l Layout) (*xlsxReader, error) {
	var wrong fault.Complaints
	r := &xlsxReader{l.Sheet, compileColumns(l, &wrong)}
	if len(l.Sheet) > 31 || strings.ContainsAny(l.Sheet, `[]:*?/\'`) || strings.ContainsFunc(l.Sheet, func(c rune) bool { return c < ' ' }) {
		wrong.Add("sheet", "%q cannot be the name of a sheet", l.Sheet)
	}
	return r, wrong.Err()
}

// What a workbook may take. A caller that has less to give asks for Unpacked before.
const (
	mostUnpacked = 64 << 20
	mostParts    = 1000
	mostRecords  = 10_000 // their cells are in memory, empty ones as well
	mostColumns  = 16_384 // what the format has
)

var (
	errNoWorkbook = errors.New("not a workbook")
	errTooLarge   = errors.New("a workbook that is too large when it is unpacked")
	errComputed   = errors.New("a cell is computed: its value is what a program makes of it, not what the file says")
	errOddCell    = errors.New("a cell that is not as the format has it")
	errOddNumber  = errors.New("a row names its person by a number that is shown in another way than it is stored")
)

// Unpacked is how many bytes a workbook's parts say that they have; archive/zip reads no
// more of them.
func Unpacked(body []byte) (int64, error) {
	archive, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		return 0, errNoWorkbook
	}
	return unpacked(archive)
}

func unpacked(archive *zip.Reader) (sum int64, err error) {
	for _, file := range archive.File {
		if file.UncompressedSize64 > mostUnpacked {
			return 0, errTooLarge
		}
		if sum += int64(file.UncompressedSize64); sum > mostUnpacked {
			return 0, errTooLarge
		}
	}
	return sum, nil
}

// xlsxKind is what a cell holds.
type xlsxKind uint8

const (
	xlsxText xlsxKind = iota
	xlsxNumber
	xlsxBool
)

// xlsxCell is a cell; its text is as it was stored. Format is that of a number, one of
// those that every program knows.
type xlsxCell struct {
	text   string
	kind   xlsxKind
	format uint8
}

// xlsxReading is the declared columns of a sheet, and those that name people.
type xlsxReading struct {
	sheet   string
	people  bool // records are
	header  []string
	columns []column
	records [][]xlsxCell
	marked  *marking // nil for none
}

func (r *xlsxReading) mark(m *marking) { r.marked = m }

func (r *xlsxReader) read(body []byte) ([]Row, releaser, error) {
	book, err := openWorkbook(body)
	if err != nil {
		return nil, nil, err
	}
	sheet, err := book.sheet(r.sheet)
	if err != nil {
		return nil, nil, err
	}
	reading := &xlsxReading{sheet: r.sheet, people: r.group != nil}
	if err := r.readSheet(book, sheet, reading); err != nil {
		return nil, nil, err
	}
	if reading.header == nil {
		return nil, nil, errors.New("a header line was expected")
	}
	if r.group == nil {
		return nil, reading, nil
	}
	for i, record := range reading.records {
		for at, name := range reading.header {
			if slices.Contains(r.places, name) && !record[at].names() {
				return nil, nil, fmt.Errorf("%w (record %d)", errOddNumber, i+1)
			}
		}
	}
	rows, err := r.columns.people(reading.header, len(reading.records), func(record, column int) string { return reading.records[record][column].text }, reading.columns)
	return rows, reading, err
}

var (
	isWhole   = regexp.MustCompile(`^(0|[1-9][0-9]{0,14})$`) // what every program tells apart
	isDecimal = regexp.MustCompile(`^-?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,3})?$`)
	isEscaped = regexp.MustCompile(`_x[0-9A-Fa-f]{4}_`) // which some programs read as one character
)

// names reports whether there is one way only to read a cell as an identifier.
func (c xlsxCell) names() bool {
	switch c.kind {
	case xlsxText:
		return !isEscaped.MatchString(c.text)
	case xlsxNumber:
		return isWhole.MatchString(c.text) && (c.format == formatGeneral || c.format == formatWhole || c.format == formatText)
	default:
		return false
	}
}

// workbook is the parts of an archive that say where its sheets are.
type workbook struct {
	parts   map[string]*zip.File // by their names in small letters
	strings []string
	formats []uint8 // of each style
	sheets  []xlsxSheet
}

type xlsxSheet struct {
	name, part string
	hidden     bool
}

func openWorkbook(body []byte) (*workbook, error) {
	archive, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil || len(archive.File) > mostParts {
		return nil, errNoWorkbook
	}
	if _, err := unpacked(archive); err != nil {
		return nil, err
	}
	b := &workbook{parts: make(map[string]*zip.File)}
	for _, file := range archive.File {
		name := strings.ToLower(file.Name)
		if b.parts[name] != nil || file.Flags&1 != 0 || file.Method != zip.Store && file.Method != zip.Deflate {
			return nil, errors.New("a part of the workbook is there twice, or cannot be read")
		}
		b.parts[name] = file
	}
	root, err := b.relations("")
	if err != nil {
		return nil, err
	}
	at, ok := root.only("/officeDocument")
	if !ok {
		return nil, errNoWorkbook
	}
	if err := b.readBook(at); err != nil {
		return nil, err
	}
	return b, nil
}

// sheet is the one of a name, or the only one.
func (b *workbook) sheet(name string) (xlsxSheet, error) {
	at := 0
	switch {
	case name != "":
		if at = slices.IndexFunc(b.sheets, func(s xlsxSheet) bool { return s.name == name }); at < 0 {
			return xlsxSheet{}, errors.New("the workbook has no sheet of the declared name")
		}
	case len(b.sheets) != 1:
		return xlsxSheet{}, errors.New("the workbook has not one sheet; declare which one is read")
	}
	if b.sheets[at].hidden {
		return xlsxSheet{}, errors.New("the sheet is hidden")
	}
	return b.sheets[at], nil
}

// relations are the parts that a part refers to.
type relations []relation

type relation struct{ id, kind, target string }

// only returns the part of a kind, if there is one and no other.
func (r relations) only(kind string) (target string, ok bool) {
	for _, one := range r {
		if strings.HasSuffix(one.kind, kind) {
			if ok {
				return "", false
			}
			target, ok = one.target, true
		}
	}
	return target, ok
}

// relations reads those of a part; of the whole archive for "". What lies elsewhere has
// no target.
func (b *workbook) relations(of string) (all relations, err error) {
	dir, base := path.Split(of)
	p, err := b.open(path.Join(dir, "_rels", base+".rels"))
	if err != nil {
		return nil, err
	}
	err = p.root("Relationships", func(start xml.StartElement) error {
		one := relation{ownAttribute(start, "Id"), ownAttribute(start, "Type"), ownAttribute(start, "Target")}
		if len(all) == mostParts || slices.ContainsFunc(all, func(other relation) bool { return other.id == one.id }) {
			return errNoWorkbook
		}
		if ownAttribute(start, "TargetMode") == "External" {
			one.target = ""
		} else {
			if !strings.HasPrefix(one.target, "/") {
				one.target = path.Join("/", dir, one.target)
			}
			one.target = strings.TrimPrefix(path.Clean(one.target), "/")
		}
		all = append(all, one)
		return p.skip()
	})
	return all, err
}

// readBook reads what the sheets are called, the texts they share, and their formats.
func (b *workbook) readBook(at string) error {
	related, err := b.relations(at)
	if err != nil {
		return err
	}
	p, err := b.open(at)
	if err != nil {
		return err
	}
	err = p.root("workbook", func(start xml.StartElement) error {
		switch {
		case isMain(start, "workbookPr") && ownAttribute(start, "date1904") != "" && ownAttribute(start, "date1904") != "0" && ownAttribute(start, "date1904") != "false":
			return errors.New("its dates begin in 1904")
		case isMain(start, "sheets"):
			return p.children(func(start xml.StartElement) error {
				s := xlsxSheet{name: ownAttribute(start, "name"), hidden: ownAttribute(start, "state") != "" && ownAttribute(start, "state") != "visible"}
				for _, one := range related {
					if one.id == relationID(start) && strings.HasSuffix(one.kind, "/worksheet") {
						s.part = one.target
					}
				}
				same := func(other xlsxSheet) bool { return strings.EqualFold(other.name, s.name) }
				if len(b.sheets) == mostParts || !isMain(start, "sheet") || s.part == "" || slices.ContainsFunc(b.sheets, same) {
					return errors.New("a sheet that is not one of cells, or that is there twice")
				}
				b.sheets = append(b.sheets, s)
				return p.skip()
			})
		default:
			return p.skip()
		}
	})
	if err != nil {
		return err
	}
	if at, ok := related.only("/sharedStrings"); ok {
		if err := b.readStrings(at); err != nil {
			return err
		}
	}
	if at, ok := related.only("/styles"); ok {
		return b.readFormats(at)
	}
	return nil
}

func (b *workbook) readStrings(at string) error {
	p, err := b.open(at)
	if err != nil {
		return err
	}
	return p.root("sst", func(start xml.StartElement) error {
		if !isMain(start, "si") {
			return p.skip()
		}
		text, err := p.rich()
		b.strings = append(b.strings, text)
		return err
	})
}

// The formats of numbers that are looked at; programs know those below 50 by number.
const (
	formatGeneral  = 0
	formatWhole    = 1
	formatDate     = 14
	formatTime     = 21
	formatDateTime = 22
	formatText     = 49
	formatsKnown   = 50
)

func (b *workbook) readFormats(at string) error {
	p, err := b.open(at)
	if err != nil {
		return err
	}
	own := make(map[string]uint8)
	return p.root("styleSheet", func(start xml.StartElement) error {
		switch {
		case isMain(start, "numFmts"):
			return p.children(func(start xml.StartElement) error {
				own[ownAttribute(start, "numFmtId")] = formatLike(ownAttribute(start, "formatCode"))
				return p.skip()
			})
		case isMain(start, "cellXfs"):
			return p.children(func(start xml.StartElement) error {
				id := ownAttribute(start, "numFmtId")
				format, known := own[id]
				if n, err := strconv.ParseUint(id, 10, 8); !known && err == nil && n < formatsKnown {
					format = uint8(n)
				} else if !known {
					format = formatOther
				}
				b.formats = append(b.formats, format)
				return p.skip()
			})
		default:
			return p.skip()
		}
	})
}

// formatOther is a format that does not go out: its own words could say anything.
const formatOther = 255

var (
	formatWords  = regexp.MustCompile(`"[^"]*"|\\.|_.|\*.|\[[^\]]*\]`)
	formatIsDate = regexp.MustCompile(`[yYdD]`)
	formatIsTime = regexp.MustCompile(`[hHsS]`)
)

// formatLike is the known format that a workbook's own one is like.
func formatLike(code string) uint8 {
	bare := formatWords.ReplaceAllString(code, "")
	switch date, clock := formatIsDate.MatchString(bare), formatIsTime.MatchString(bare); {
	case strings.EqualFold(code, "General"):
		return formatGeneral
	case date && clock:
		return formatDateTime
	case date:
		return formatDate
	case clock:
		return formatTime
	default:
		return formatOther
	}
}

// readSheet reads the records under the first line that has anything in it.
func (r *xlsxReader) readSheet(b *workbook, s xlsxSheet, reading *xlsxReading) error {
	p, err := b.open(s.part)
	if err != nil {
		return err
	}
	met := false
	return p.root("worksheet", func(start xml.StartElement) error {
		switch {
		case isMain(start, "sheetData"):
			if met {
				return errOddCell
			}
			met = true
			return r.readRows(b, p, reading)
		case isMain(start, "mergeCells"):
			return errors.New("cells are merged, so that one can stand for several rows")
		default:
			return p.skip()
		}
	})
}

func (r *xlsxReader) readRows(b *workbook, p *xlsxPart, reading *xlsxReading) error {
	row := 0
	var wanted []int // of each column of the sheet, its place among those that are kept, or -1
	return p.children(func(start xml.StartElement) error {
		if !isMain(start, "row") {
			return errOddCell
		}
		var err error
		if row, err = rowNumber(ownAttribute(start, "r"), row); err != nil {
			return err
		}
		if reading.header == nil {
			header, err := b.readHeader(p, row)
			if err != nil || len(header) == 0 {
				return err
			}
			wanted, err = r.want(header, reading)
			return err
		}
		record := make([]xlsxCell, len(reading.header))
		empty, err := b.readRecord(p, row, wanted, record)
		if err != nil || empty {
			return err
		}
		if len(reading.records) == mostRecords {
			return errTooLarge
		}
		reading.records = append(reading.records, record)
		return nil
	})
}

// want keeps of a header the columns that may go out, and those that name people.
func (r *xlsxReader) want(header []string, reading *xlsxReading) (wanted []int, err error) {
	kept, err := r.choose(header)
	if err != nil {
		return nil, err
	}
	wanted, reading.header = make([]int, len(header)), []string{}
	for i, name := range header {
		wanted[i] = -1
		if slices.Contains(r.places, name) || slices.ContainsFunc(kept, func(c column) bool { return c.index == i }) {
			wanted[i] = len(reading.header)
			reading.header = append(reading.header, name)
		}
	}
	for _, c := range kept {
		reading.columns = append(reading.columns, column{wanted[c.index], c.needs})
	}
	return wanted, nil
}

// readHeader reads a row of names, which stand side by side from the first column; none
// for an empty row.
func (b *workbook) readHeader(p *xlsxPart, row int) (header []string, err error) {
	gap := false
	err = p.cells(row, func(column int, start xml.StartElement) error {
		cell, err := b.readCell(p, start)
		switch {
		case err != nil:
			return err
		case cell.text == "":
			gap = true
			return nil
		case gap || column != len(header) || isEscaped.MatchString(cell.text):
			return errors.New("the header line does not name its columns one beside the other")
		}
		header = append(header, cell.text)
		return nil
	})
	return header, err
}

// readRecord reads the wanted cells of a row, and reports whether it is empty.
func (b *workbook) readRecord(p *xlsxPart, row int, wanted []int, record []xlsxCell) (empty bool, err error) {
	empty = true
	err = p.cells(row, func(column int, start xml.StartElement) error {
		if column < len(wanted) && wanted[column] >= 0 {
			cell, err := b.readCell(p, start)
			record[wanted[column]] = cell
			empty = empty && cell.text == ""
			return err
		}
		filled := false
		err := p.children(func(xml.StartElement) error {
			filled = true
			return p.skip()
		})
		if filled && column >= len(wanted) {
			return errors.New("a cell stands under no name")
		}
		empty = empty && !filled
		return err
	})
	return empty, err
}

// readCell reads a cell that may go out.
func (b *workbook) readCell(p *xlsxPart, start xml.StartElement) (cell xlsxCell, err error) {
	value, inline, values := "", "", 0
	err = p.children(func(child xml.StartElement) (err error) {
		switch {
		case isMain(child, "f"):
			return errComputed
		case isMain(child, "v"):
			values++
			value, err = p.text()
		case isMain(child, "is"):
			values++
			inline, err = p.rich()
		default:
			err = p.skip()
		}
		return err
	})
	kind := ownAttribute(start, "t")
	switch {
	case err != nil:
		return cell, err
	case values > 1 || values == 1 && (kind == "inlineStr") != (value == "") && !(kind == "str" && value == ""):
		return cell, errOddCell
	case values == 0:
		return cell, nil
	}
	switch kind {
	case "inlineStr":
		return xlsxCell{text: inline}, nil
	case "str", "d":
		return xlsxCell{text: value}, nil
	case "s":
		n, err := strconv.ParseUint(value, 10, 32)
		if err != nil || n >= uint64(len(b.strings)) {
			return cell, errOddCell
		}
		return xlsxCell{text: b.strings[n]}, nil
	case "b":
		if value != "0" && value != "1" {
			return cell, errOddCell
		}
		return xlsxCell{text: value, kind: xlsxBool}, nil
	case "", "n":
		format := uint8(formatGeneral)
		if style := ownAttribute(start, "s"); style != "" && len(b.formats) > 0 {
			n, err := strconv.ParseUint(style, 10, 32)
			if err != nil || n >= uint64(len(b.formats)) {
				return cell, errOddCell
			}
			format = b.formats[n]
		}
		if !isDecimal.MatchString(value) {
			return cell, errOddCell
		}
		return xlsxCell{text: value, kind: xlsxNumber, format: format}, nil
	default: // an error, or what nobody knows
		return cell, errOddCell
	}
}
