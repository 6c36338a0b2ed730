package content

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"poterne/internal/fault"
	"poterne/internal/register"
)

type csvReader struct {
	comma  rune
	group  *Group // nil when the file speaks of nobody
	plain  []string
	places []string // the columns that name people
}

func compileCSV(l Layout) (*csvReader, error) {
	r := &csvReader{comma: l.Comma, plain: l.Plain}
	var wrong fault.Complaints
	switch r.comma {
	case 0:
		r.comma = ','
	case ',', ';', '\t':
	default:
		wrong.Add("comma", `%q does not separate cells; write ",", ";" or a tab`, string(r.comma))
	}
	if len(l.People) > 1 {
		wrong.Add("people", "every record of a CSV file is a row of one group; declare one group")
	}
	if len(l.People) > 0 {
		r.group = &l.People[0]
		if r.group.Row != "" {
			wrong.Add("people[0].row", "every record of a CSV file is a row; leave it empty")
		}
		for i, naming := range r.group.Person {
			r.places = append(r.places, naming.Path)
			if naming.Path == "" {
				wrong.Add(fmt.Sprintf("people[0].person[%d].path", i), "write the name of a column")
			}
		}
		for i, part := range r.group.Fields {
			if part.Path == "" {
				wrong.Add(fmt.Sprintf("people[0].fields[%d].path", i), "write the name of a column")
			}
		}
	}
	if slices.Contains(l.Plain, "") {
		wrong.Add("plain", "write the name of a column")
	}
	return r, wrong.Err()
}

// csvReading is a file as it was read, header included.
type csvReading struct {
	comma   rune
	mark    bool // it began with a byte order mark
	crlf    bool
	rows    bool // records are people
	columns []column
	records [][]string
	marked  *marking // nil for none
}

// marking is a column that says the same in every row.
type marking struct{ column, text string }

func (m *marking) in(record int) string {
	if record == 0 {
		return m.column
	}
	return m.text
}

// column is one that may go out.
type column struct {
	index int
	needs register.Fields
}

var byteOrderMark = []byte("\ufeff")

func (r *csvReader) read(body []byte) ([]Row, releaser, error) {
	if !utf8.Valid(body) {
		return nil, nil, errors.New("not UTF-8")
	}
	if bytes.Count(body, []byte("\r")) != bytes.Count(body, []byte("\r\n")) {
		return nil, nil, errors.New("a carriage return ends no line") // readers differ about those
	}
	reading := &csvReading{comma: r.comma, rows: r.group != nil}
	body, reading.mark = bytes.CutPrefix(body, byteOrderMark)
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
	if err := r.choose(reading); err != nil || r.group == nil {
		return nil, reading, err
	}
	rows, err := r.people(reading)
	return rows, reading, err
}

// choose keeps the declared columns.
func (r *csvReader) choose(reading *csvReading) error {
	header := reading.records[0]
	sorted := slices.Sorted(slices.Values(header))
	if len(slices.Compact(sorted)) < len(header) {
		return errors.New("two columns have the same name")
	}
	if r.group != nil && !slices.ContainsFunc(r.places, func(name string) bool { return slices.Contains(header, name) }) {
		return errors.New("no column names people; is the separator the declared one?")
	}
	for i, name := range header {
		if needs := r.needs(name); needs != 0 || slices.Contains(r.plain, name) {
			reading.columns = append(reading.columns, column{i, needs})
		}
	}
	return nil
}

func (r *csvReader) needs(name string) (needs register.Fields) {
	if r.group == nil {
		return 0
	}
	for _, part := range r.group.Fields {
		if part.Path == name {
			needs |= part.Field
		}
	}
	return needs
}

// people reads every record as a row. An empty cell names nobody, as there is no
// other way to leave one out.
func (r *csvReader) people(reading *csvReading) ([]Row, error) {
	header := reading.records[0]
	rows := make([]Row, len(reading.records)-1)
	for i, record := range reading.records[1:] {
		for _, naming := range r.group.Person {
			at := slices.Index(header, naming.Path)
			if at < 0 || record[at] == "" {
				continue
			}
			ref, err := reference(naming.Scheme, naming.Template, record[at])
			if err != nil {
				return nil, fmt.Errorf("%w (record %d)", err, i+1)
			}
			rows[i].Refs = append(rows[i].Refs, ref)
		}
		if len(rows[i].Refs) == 0 {
			return nil, fmt.Errorf("%w (record %d)", errUnnamed, i+1)
		}
		for _, c := range reading.columns {
			if strings.TrimSpace(record[c.index]) != "" {
				rows[i].Fields |= c.needs
			}
		}
	}
	return rows, nil
}

func (r *csvReading) release(dst []byte, keep Keep) ([]byte, error) {
	if len(r.columns) == 0 {
		return dst, nil
	}
	out := bytes.NewBuffer(dst)
	if r.mark {
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
