package content

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
)

// xlsxPart is one XML document of a workbook, read once from its beginning to its end.
// There are no document types in it, so no entities but XML's own, and nothing from
// elsewhere.
type xlsxPart struct {
	d     *xml.Decoder
	file  io.Closer
	depth int
	began bool
}

// open opens a part.
func (b *workbook) open(name string) (*xlsxPart, error) {
	file := b.parts[strings.ToLower(name)]
	if file == nil {
		return nil, errNoWorkbook
	}
	from, err := file.Open()
	if err != nil {
		return nil, errNoWorkbook
	}
	return &xlsxPart{d: xml.NewDecoder(from), file: from}, nil
}

var errOddXML = errors.New("a part of the workbook is not XML as the format has it")

// next returns the next beginning or end of an element, or text.
func (p *xlsxPart) next() (xml.Token, error) {
	const deepest, mostAttributes = 32, 64
	for {
		token, err := p.d.Token()
		if err != nil && (err != io.EOF || p.depth > 0) {
			return nil, errOddXML // its text may quote the document
		}
		if err != nil {
			return nil, io.EOF
		}
		switch token := token.(type) {
		case xml.StartElement:
			if p.depth++; p.depth > deepest || len(token.Attr) > mostAttributes {
				return nil, errOddXML
			}
			for i, one := range token.Attr {
				for _, other := range token.Attr[:i] {
					if one.Name == other.Name {
						return nil, errOddXML
					}
				}
			}
			p.began = true
			return token, nil
		case xml.EndElement:
			p.depth--
			return token, nil
		case xml.CharData:
			if p.depth > 0 {
				return token, nil
			}
			if !p.began {
				token = bytes.TrimPrefix(token, byteOrderMark)
			}
			if len(bytes.TrimSpace(token)) > 0 {
				return nil, errOddXML
			}
		case xml.ProcInst:
			if token.Target != "xml" || p.began {
				return nil, errOddXML
			}
		case xml.Directive:
			return nil, errors.New("a part of the workbook has a document type")
		}
	}
}

// root goes through the children of the document's element, and closes the part.
func (p *xlsxPart) root(name string, visit func(xml.StartElement) error) error {
	defer p.file.Close()
	token, err := p.next()
	if err != nil {
		return errOddXML
	}
	if start, ok := token.(xml.StartElement); !ok || start.Name.Local != name {
		return errNoWorkbook
	}
	if err := p.children(visit); err != nil {
		return err
	}
	if _, err := p.next(); err != io.EOF {
		return errOddXML
	}
	return nil
}

// children goes through the children of the element that was begun last, up to its end.
// A visit reads its child to the end.
func (p *xlsxPart) children(visit func(xml.StartElement) error) error {
	for {
		token, err := p.next()
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.StartElement:
			if err := visit(token); err != nil {
				return err
			}
		case xml.EndElement:
			return nil
		case xml.CharData:
			if len(bytes.TrimSpace(token)) > 0 {
				return errOddXML
			}
		}
	}
}

// skip reads an element to its end.
func (p *xlsxPart) skip() error {
	for end := p.depth - 1; p.depth > end; {
		if _, err := p.next(); err != nil {
			return err
		}
	}
	return nil
}

// text reads an element that has nothing but text.
func (p *xlsxPart) text() (string, error) {
	var text strings.Builder
	for {
		token, err := p.next()
		if err != nil {
			return "", err
		}
		switch token := token.(type) {
		case xml.CharData:
			text.Write(token)
		case xml.EndElement:
			return text.String(), nil
		default:
			return "", errOddXML
		}
	}
}

// rich reads a text that may be made of runs, without how they look and are spoken.
func (p *xlsxPart) rich() (string, error) {
	var text strings.Builder
	add := func() error {
		run, err := p.text()
		text.WriteString(run)
		return err
	}
	err := p.children(func(start xml.StartElement) error {
		switch {
		case isMain(start, "t"):
			return add()
		case isMain(start, "r"):
			return p.children(func(start xml.StartElement) error {
				if isMain(start, "t") {
					return add()
				}
				return p.skip()
			})
		case isMain(start, "rPh"), isMain(start, "phoneticPr"):
			return p.skip()
		default:
			return errOddXML
		}
	})
	return text.String(), err
}

// cells goes through the cells of a row, each with its column.
func (p *xlsxPart) cells(row int, visit func(column int, start xml.StartElement) error) error {
	last := 0
	return p.children(func(start xml.StartElement) error {
		if !isMain(start, "c") {
			return errOddCell
		}
		letters := strings.TrimRight(ownAttribute(start, "r"), "0123456789")
		column, err := columnOf(letters, last)
		if err != nil {
			return err
		}
		if letters != "" {
			if at, err := rowNumber(ownAttribute(start, "r")[len(letters):], 0); err != nil || at != row {
				return errOddCell
			}
		}
		last = column
		return visit(column-1, start)
	})
}

// rowNumber reads the number of a row; the one after the last when it does not say.
func rowNumber(text string, last int) (int, error) {
	if text == "" {
		return last + 1, nil
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil || int(n) <= last || text[0] == '0' {
		return 0, errOddCell
	}
	return int(n), nil
}

// columnOf reads the letters of a column, the first of which is 1.
func columnOf(letters string, last int) (n int, err error) {
	if letters == "" {
		n = last + 1
	}
	for _, c := range []byte(letters) {
		if c < 'A' || c > 'Z' || n > mostColumns {
			return 0, errOddCell
		}
		n = n*26 + int(c-'A'+1)
	}
	if n <= last || n > mostColumns {
		return 0, errOddCell
	}
	return n, nil
}

// The names of the format's own elements, by the two editions of its standard.
var (
	mainNames = []string{"http://schemas.openxmlformats.org/spreadsheetml/2006/main", "http://purl.oclc.org/ooxml/spreadsheetml/main"}
	linkNames = []string{"http://schemas.openxmlformats.org/officeDocument/2006/relationships", "http://purl.oclc.org/ooxml/officeDocument/relationships"}
)

func isMain(start xml.StartElement, name string) bool {
	return start.Name.Local == name && (start.Name.Space == mainNames[0] || start.Name.Space == mainNames[1])
}

// ownAttribute returns one of the format's own; nothing when it is not there.
func ownAttribute(start xml.StartElement, name string) string {
	for _, a := range start.Attr {
		if a.Name.Space == "" && a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// relationID is what leads from an element to another part.
func relationID(start xml.StartElement) string {
	for _, a := range start.Attr {
		if a.Name.Local == "id" && (a.Name.Space == linkNames[0] || a.Name.Space == linkNames[1]) {
			return a.Value
		}
	}
	return ""
}
