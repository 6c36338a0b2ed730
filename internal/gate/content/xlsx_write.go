package content

import (
	"archive/zip"
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strconv"

	"poterne/internal/register"
)

const xmlBegins = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"

// xlsxFrame is every part of a written workbook that is always the same.
var xlsxFrame = [][2]string{
	{"[Content_Types].xml", xmlBegins + `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">` +
		`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
		`<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>` +
		`<Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/>` +
		`<Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>`},
	{"_rels/.rels", xmlBegins + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` +
		`<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
	{"xl/_rels/workbook.xml.rels", xmlBegins + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` +
		`<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/>` +
		`<Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>`},
}

// release writes a workbook of one sheet, with nothing hidden in it.
func (r *xlsxReading) release(dst []byte, keep Keep) ([]byte, error) {
	out := bytes.NewBuffer(dst)
	archive := zip.NewWriter(out)
	write := func(name string, body []byte) error {
		to, err := archive.Create(name)
		if err == nil {
			_, err = to.Write(body)
		}
		return err
	}
	var book bytes.Buffer
	book.WriteString(xmlBegins + `<workbook xmlns="` + mainNames[0] + `" xmlns:r="` + linkNames[0] + `"><sheets><sheet name="`)
	escape(&book, cmp.Or(r.sheet, "Sheet1"))
	book.WriteString(`" sheetId="1" r:id="rId1"/></sheets></workbook>`)
	cells, formats := r.cells(keep)
	for _, part := range slices.Concat(xlsxFrame, [][2]string{{"xl/workbook.xml", book.String()}, {"xl/styles.xml", styles(formats)}}) {
		if err := write(part[0], []byte(part[1])); err != nil {
			return dst, err
		}
	}
	if err := write("xl/worksheets/sheet1.xml", cells); err != nil {
		return dst, err
	}
	if err := archive.Close(); err != nil {
		return dst, err
	}
	return out.Bytes(), nil
}

// cells writes the sheet, and lists the formats of its styles.
func (r *xlsxReading) cells(keep Keep) (sheet []byte, formats []uint8) {
	var out bytes.Buffer
	out.WriteString(xmlBegins + `<worksheet xmlns="` + mainNames[0] + `"><sheetData>`)
	formats = []uint8{formatGeneral}
	row := 0
	line := func(record int, cell func(column) xlsxCell) {
		row++
		fmt.Fprintf(&out, `<row r="%d">`, row)
		for i, c := range r.columns {
			formats = writeCell(&out, i, row, cell(c), formats)
		}
		if r.marked != nil && len(r.columns) > 0 {
			writeCell(&out, len(r.columns), row, xlsxCell{text: r.marked.in(record)}, formats)
		}
		out.WriteString(`</row>`)
	}
	line(0, func(c column) xlsxCell { return xlsxCell{text: r.header[c.index]} })
	for i, record := range r.records {
		show, allowed := true, register.AllFields
		if r.people {
			if show, allowed = keep(i); !show {
				continue
			}
		}
		line(i+1, func(c column) xlsxCell {
			if !allowed.Has(c.needs) {
				return xlsxCell{}
			}
			return record[c.index]
		})
	}
	out.WriteString(`</sheetData></worksheet>`)
	return out.Bytes(), formats
}

// writeCell writes a cell, and adds its format to the styles.
func writeCell(out *bytes.Buffer, column, row int, cell xlsxCell, formats []uint8) []uint8 {
	if cell.text == "" {
		return formats
	}
	at := columnName(column) + strconv.Itoa(row)
	switch cell.kind {
	case xlsxText:
		out.WriteString(`<c r="` + at + `" t="inlineStr"><is><t xml:space="preserve">`)
		escape(out, cell.text)
		out.WriteString(`</t></is></c>`)
	case xlsxBool:
		out.WriteString(`<c r="` + at + `" t="b"><v>` + cell.text + `</v></c>`)
	case xlsxNumber:
		if cell.format == formatOther {
			cell.format = formatGeneral
		}
		style := slices.Index(formats, cell.format)
		if style < 0 {
			style = len(formats)
			formats = append(formats, cell.format)
		}
		out.WriteString(`<c r="` + at + `" s="` + strconv.Itoa(style) + `"><v>` + cell.text + `</v></c>`)
	}
	return formats
}

// styles writes a part with one style for each format.
func styles(formats []uint8) string {
	var out bytes.Buffer
	out.WriteString(xmlBegins + `<styleSheet xmlns="` + mainNames[0] + `"><fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>` +
		`<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>` +
		`<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>` +
		`<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>`)
	fmt.Fprintf(&out, `<cellXfs count="%d">`, len(formats))
	for _, format := range formats {
		fmt.Fprintf(&out, `<xf numFmtId="%d" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>`, format)
	}
	out.WriteString(`</cellXfs></styleSheet>`)
	return out.String()
}

// columnName is the letters of a column, the first of which is 0.
func columnName(column int) (letters string) {
	for n := column + 1; n > 0; n = (n - 1) / 26 {
		letters = string(rune('A'+(n-1)%26)) + letters
	}
	return letters
}

func escape(out io.Writer, text string) { _ = xml.EscapeText(out, []byte(text)) } // a buffer takes everything
