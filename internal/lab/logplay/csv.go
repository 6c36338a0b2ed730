package logplay

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// csv reads rows out of CSV whose first line names the columns.
func (l *log) csv(file opened, each func(row) (bool, error)) error {
	in := bufio.NewReaderSize(file.bounded, 1<<16)
	begins, err := in.Peek(in.Size())
	if err != nil && !errors.Is(err, io.EOF) {
		return lineError{l.path, 1, err}
	}
	if l.read.Delimiter == "" {
		l.read.Delimiter = delimiter(begins)
	}
	records := csv.NewReader(in)
	records.Comma = rune(l.read.Delimiter[0])
	records.ReuseRecord = true
	var places [columns]int
	for n, line := 0, 0; ; n++ {
		file.begin()
		cells, err := records.Read()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return l.malformed(line, err)
		}
		line, _ = records.FieldPos(0)
		for _, cell := range cells {
			if !utf8.ValidString(cell) {
				return lineError{l.path, line, errors.New("this is not UTF-8; save the file as UTF-8")}
			}
		}
		if n == 0 {
			if places, err = l.places(cells); err != nil {
				return lineError{l.path, line, err}
			}
			continue
		}
		r := row{line: line}
		for i, place := range places {
			if place >= 0 {
				r.cells[i] = cells[place]
			}
		}
		if goOn, err := each(r); !goOn || err != nil {
			return err
		}
	}
}

// malformed says what is wrong with the record after a line, and where it begins.
func (l *log) malformed(after int, err error) error {
	wrong, ok := errors.AsType[*csv.ParseError](err)
	if !ok {
		return lineError{l.path, after + 1, err}
	}
	said := err
	switch {
	case errors.Is(wrong.Err, csv.ErrFieldCount):
		said = fmt.Errorf("there are not as many cells as column names; is %q the delimiter, and is text that holds one quoted?", l.read.Delimiter)
	case errors.Is(wrong.Err, csv.ErrQuote), errors.Is(wrong.Err, csv.ErrBareQuote):
		said = errors.New(`a quotation mark stands in the middle of a cell; write the cell between two, and each of its own twice: "so ""called"" text"`)
	default:
		said = wrong.Err
	}
	return lineError{l.path, wrong.StartLine, said}
}

// delimiter is what stands most often in the first line.
func delimiter(begins []byte) string {
	line, _, _ := strings.Cut(string(begins), "\n")
	best := ","
	for _, one := range []string{";", "\t"} {
		if strings.Count(line, one) > strings.Count(line, best) {
			best = one
		}
	}
	return best
}

// places says in which cell each column is; -1 for none.
func (l *log) places(names []string) (places [columns]int, err error) {
	folded := make([]string, len(names))
	for i, name := range names {
		folded[i] = strings.ToLower(strings.Join(strings.FieldsFunc(name, func(r rune) bool { return r == ' ' || r == '-' || r == '_' }), "_"))
	}
	taken := make(map[int]bool)
	for i := range columns {
		named := l.read.Columns.named(i)
		places[i] = -1
		if *named != "" {
			if places[i] = slices.Index(names, *named); places[i] < 0 {
				return places, fmt.Errorf("there is no column %s; the columns are %s", quoted(*named), list(names))
			}
			taken[places[i]] = true
		}
	}
	for i := range columns {
		for _, name := range headers[i] {
			if at := slices.Index(folded, name); places[i] < 0 && at >= 0 && !taken[at] {
				places[i], taken[at] = at, true
				*l.read.Columns.named(i) = names[at]
			}
		}
		if places[i] >= 0 && slices.Contains(names[places[i]+1:], names[places[i]]) {
			return places, fmt.Errorf("two columns are called %s; give them two names", quoted(names[places[i]]))
		}
		if places[i] < 0 && i <= moment {
			return places, fmt.Errorf("no column is known to be the %s; write %s = \"…\" under [columns] in the mapping, with one of %s", columnNames[i], columnNames[i], list(names))
		}
	}
	return places, nil
}

// list is some names in an error.
func list(names []string) string {
	said := make([]string, 0, 20)
	for _, name := range names[:min(len(names), 20)] {
		said = append(said, quoted(name))
	}
	if len(names) > 20 {
		said = append(said, "…")
	}
	return strings.Join(said, ", ")
}
