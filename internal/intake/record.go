package intake

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"poterne/internal/fault"
	"poterne/internal/register"
	"poterne/internal/typed"
)

// Bounds of what is read; nothing honest comes near them.
const (
	maxLine = 64 << 10
	maxCell = 1000
)

// record is one line, taken apart. The first thing that is wrong with it is
// kept, in words that hold nothing of the line.
type record struct {
	line  int
	cells map[string]string
	wrong string
}

func (r *record) reject(column, sentence string) {
	if r.wrong == "" {
		r.wrong = column + ": " + sentence
	}
}

// text returns a cell, empty when the line has none.
func (r *record) text(column string) string { return r.cells[column] }

// need returns a cell that may not be empty.
func (r *record) need(column string) string {
	cell := r.cells[column]
	if cell == "" {
		r.reject(column, "missing")
	}
	return cell
}

// reference returns a cell that holds an identifier of a scheme, as it is written
// there.
func (r *record) reference(as register.Schemes, scheme, column string) register.Ref {
	text := r.need(column)
	if r.wrong != "" {
		return register.Ref{}
	}
	ref, err := as.Told(scheme, text)
	if err != nil && !as.Knows(scheme) {
		column = "scheme"
	}
	if err != nil {
		r.reject(column, fault.Public(err))
	}
	return ref
}

// moment returns a cell that holds a date and time.
func (r *record) moment(column string) time.Time {
	cell := r.need(column)
	if r.wrong != "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, cell)
	if err != nil || at.Year() < 1970 || at.Year() > 9000 {
		r.reject(column, "not a date and time such as 2026-11-21T09:30:00+01:00")
	}
	return at.UTC().Truncate(time.Microsecond)
}

// period returns the moments in from and until.
func (r *record) period() (from, until time.Time) {
	from, until = r.moment("from"), r.moment("until")
	if r.wrong == "" && !until.After(from) {
		r.reject("until", "not after from")
	}
	return from, until
}

// read yields the lines of a file in either format. An error ends it: the file
// as a whole cannot be read.
func read(format Format, columns []string, from io.Reader) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		var parse func(line []byte) (map[string]string, error)
		if format == NDJSON {
			parse = func(line []byte) (map[string]string, error) { return object(line, columns) }
		}
		for line, err := range lines(from) {
			switch {
			case err != nil:
				yield(record{}, err)
				return
			case parse == nil: // the first line of a CSV file is its header
				if parse, err = header(line.text, columns); err != nil {
					yield(record{}, &fault.Error{Kind: fault.Invalid, Public: err.Error()})
					return
				}
				continue
			case len(line.text) == 0 && !line.long:
				continue
			}
			r := record{line: line.number}
			if line.long {
				r.wrong = fmt.Sprintf("longer than %d bytes", maxLine)
			} else if r.cells, err = parse(line.text); err != nil {
				r.wrong = err.Error()
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

type line struct {
	number int
	text   []byte // without its end; valid until the next line
	long   bool   // too long, and skipped
}

// lines yields lines by their number from 1. A record is never longer than its
// line, so that one broken quote spoils one line only. A line that was cut off by
// an error is not yielded: half an identifier is another person's.
func lines(from io.Reader) iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		in := bufio.NewReaderSize(from, maxLine)
		for number := 1; ; number++ {
			text, err := in.ReadSlice('\n')
			long := errors.Is(err, bufio.ErrBufferFull)
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = in.ReadSlice('\n')
			}
			ended := errors.Is(err, io.EOF)
			if err != nil && !ended {
				yield(line{}, fmt.Errorf("reading line %d: %w", number, err))
				return
			}
			if number == 1 {
				text = bytes.TrimPrefix(text, []byte("\ufeff"))
			}
			text = bytes.TrimRight(text, "\r\n")
			if ended && len(text) == 0 && !long || !yield(line{number, text, long}, nil) || ended {
				return
			}
		}
	}
}

// header reads the first line of a CSV file, and returns what reads the others.
func header(first []byte, columns []string) (func([]byte) (map[string]string, error), error) {
	comma := ','
	if bytes.ContainsRune(first, ';') && !bytes.ContainsRune(first, ',') {
		comma = ';'
	}
	cells := cutter(comma)
	names, err := cells(first)
	if err != nil {
		return nil, fmt.Errorf("the header cannot be read; write some of the columns %s", strings.Join(columns, ", "))
	}
	for i, name := range names {
		if !slices.Contains(columns, name) {
			return nil, fmt.Errorf("column %d of the header is not known; the columns are %s", i+1, strings.Join(columns, ", "))
		}
		if slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("column %d of the header comes twice", i+1)
		}
	}
	return func(text []byte) (map[string]string, error) {
		row, err := cells(text)
		if err != nil {
			return nil, err
		}
		if len(row) != len(names) {
			return nil, fmt.Errorf("%d cells, the header has %d", len(row), len(names))
		}
		found := make(map[string]string, len(row))
		for i, cell := range row {
			if found[names[i]], err = clean(names[i], cell); err != nil {
				return nil, err
			}
		}
		return found, nil
	}, nil
}

// cutter returns what cuts one line of CSV into cells.
func cutter(comma rune) func([]byte) ([]string, error) {
	var source bytes.Reader
	in := bufio.NewReader(&source)
	return func(text []byte) ([]string, error) {
		source.Reset(text)
		in.Reset(&source)
		cells := csv.NewReader(in) // takes in as it is, without a buffer of its own
		cells.Comma = comma
		row, err := cells.Read()
		if err != nil {
			return nil, errors.New("not a line of CSV: a quotation mark is not where it belongs")
		}
		return slices.Clone(row), nil
	}
}

// object reads a JSON object of texts and whole numbers. No name may come twice.
func object(text []byte, columns []string) (map[string]string, error) {
	in := jsontext.NewDecoder(bytes.NewReader(text))
	if token, err := in.ReadToken(); err != nil || token.Kind() != '{' {
		return nil, errors.New("not a JSON object")
	}
	found := make(map[string]string, len(columns))
	for in.PeekKind() != '}' {
		name, err := in.ReadToken()
		if err != nil {
			return nil, errors.New("not a JSON object that can be read to its end")
		}
		column := name.String()
		if !slices.Contains(columns, column) {
			return nil, fmt.Errorf("a name that is not one of %s", strings.Join(columns, ", "))
		}
		value, err := in.ReadToken()
		if err != nil {
			return nil, fmt.Errorf("%s: cannot be read", column)
		}
		var cell string
		switch value.Kind() {
		case '"':
			cell = value.String()
		case '0':
			cell = value.String()
			if strings.ContainsAny(cell, ".eE-") {
				return nil, fmt.Errorf("%s: neither a text nor a whole number", column)
			}
		case 'n':
		default:
			return nil, fmt.Errorf("%s: neither a text nor a whole number", column)
		}
		if found[column], err = clean(column, cell); err != nil {
			return nil, err
		}
	}
	if _, err := in.ReadToken(); err != nil {
		return nil, errors.New("not a JSON object that can be read to its end")
	}
	if _, err := in.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON object on a line")
	}
	return found, nil
}

// clean checks the text of a cell.
func clean(column, cell string) (string, error) {
	cell = strings.TrimSpace(cell)
	switch {
	case len(cell) > maxCell:
		return "", fmt.Errorf("%s: longer than %d bytes", column, maxCell)
	case !utf8.ValidString(cell):
		return "", fmt.Errorf("%s: not UTF-8", column)
	case !typed.Readable(cell):
		return "", fmt.Errorf("%s: holds a control character, or one that turns the direction of writing around", column)
	}
	return cell, nil
}
