package content

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"poterne/internal/fault"
	"poterne/internal/register"
)

type csvReader struct {
	comma rune
	columns
}

func compileCSV(l Layout) (*csvReader, error) {
	r := &csvReader{comma: l.Comma}
	var wrong fault.Complaints
	switch r.comma {
	case 0:
		r.comma = ','
	case ',', ';', '\t':
	default:
		wrong.Add("comma", `%q does not separate cells; write ",", ";" or a tab`, string(r.comma))
	}
	r.columns = compileColumns(l, &wrong)
	return r, wrong.Err()
}

// csvReading is a file as it was read, header included.
type csvReading struct {
	comma   rune
	begins  bool // it began with a byte order mark
	crlf    bool
	rows    bool // records are people
	columns []column
	records [][]string
	marked  *marking // nil for none
}

func (r *csvReading) mark(m *marking) { r.marked = m }

var byteOrderMark = []byte("\ufeff")

func (r *csvReader) read(body []byte) ([]Row, releaser, error) {
	if !utf8.Valid(body) {
		return nil, nil, errors.New("not UTF-8")
	}
	if bytes.Count(body, []byte("\r")) != bytes.Count(body, []byte("\r\n")) {
		return nil, nil, errors.New("a carriage return ends no line") // readers differ about those
	}
	reading := &csvReading{comma: r.comma, rows: r.group != nil}
	body, reading.begins = bytes.CutPrefix(body, byteOrderMark)
	header, _, _ := bytes.Cut(body, []byte("\n"))
	reading.crlf = bytes.HasSuffix(header, []byte("\r"))

	lines := csv.NewReader(bytes.NewReader(body))
	lines.Comma = r.comma
	for {
		record, err := lines.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, nil, fmt.Errorf("not strict CSV: %w", err)
		}
		reading.records = append(reading.records, record)
	}
	if len(reading.records) == 0 {
		return nil, nil, errors.New("a header line was expected")
	}
	var err error
	if reading.columns, err = r.choose(reading.records[0]); err != nil || r.group == nil {
		return nil, reading, err
	}
	rows, err := r.people(reading.records[0], len(reading.records)-1, func(record, column int) string { return reading.records[record+1][column] }, reading.columns)
	return rows, reading, err
}

func (r *csvReading) release(dst []byte, keep Keep) ([]byte, error) {
	if len(r.columns) == 0 {
		return dst, nil
	}
	out := bytes.NewBuffer(dst)
	if r.begins {
		out.Write(byteOrderMark)
	}
	lines := csv.NewWriter(out)
	lines.Comma = r.comma
	lines.UseCRLF = r.crlf
	width := len(r.columns)
	if r.marked != nil {
		width++
	}
	cells := make([]string, width)
	for i, record := range r.records {
		show, allowed := true, register.AllFields
		if i > 0 && r.rows {
			if show, allowed = keep(i - 1); !show {
				continue
			}
		}
		for j, c := range r.columns {
			cells[j] = ""
			if allowed.Has(c.needs) || i == 0 {
				cells[j] = record[c.index]
			}
		}
		if r.marked != nil {
			cells[len(r.columns)] = r.marked.in(i)
		}
		if err := r.line(lines, out, cells); err != nil {
			return dst, err
		}
	}
	lines.Flush()
	return out.Bytes(), lines.Error()
}

// line writes one record. A lone empty cell is quoted, since readers skip empty lines.
func (r *csvReading) line(lines *csv.Writer, out *bytes.Buffer, cells []string) error {
	if len(cells) > 1 || cells[0] != "" {
		return lines.Write(cells)
	}
	lines.Flush()
	out.WriteString(`""`)
	if r.crlf {
		out.WriteByte('\r')
	}
	return out.WriteByte('\n')
}
