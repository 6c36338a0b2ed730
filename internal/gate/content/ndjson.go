package content

import (
	"bytes"
	"fmt"

	"poterne/internal/register"
)

// ndjsonReader reads a JSON document a line, each by the same layout: $ is the line's.
type ndjsonReader struct{ line *jsonReader }

func compileNDJSON(l Layout) (*ndjsonReader, error) {
	line, err := compileJSON(l)
	return &ndjsonReader{line}, err
}

// ndjsonReading is what of each line may go out at best.
type ndjsonReading struct {
	lines []ndjsonLine
	rows  int
}

type ndjsonLine struct {
	*jsonReading
	first int // of its rows, among all
}

func (r *ndjsonReader) read(body []byte) ([]Row, releaser, error) {
	var rows []Row
	reading := &ndjsonReading{}
	number := 0
	for line := range bytes.Lines(body) {
		number++
		if line = bytes.Trim(line, " \t\r\n"); len(line) == 0 {
			continue
		}
		s, err := scan(r.line.start, r.line.words, line)
		if err == nil {
			err = nameRows(s.rows, s.refs)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("line %d: %w", number, err)
		}
		reading.lines = append(reading.lines, ndjsonLine{&jsonReading{body: line, nodes: s.nodes, keys: s.keys, empty: emptied(line)}, len(rows)})
		rows = append(rows, s.rows...)
	}
	reading.rows = len(rows)
	return rows, reading, nil
}

// release leaves out a line whose row is not shown, and one of which nothing is declared.
func (r *ndjsonReading) release(dst []byte, keep Keep) ([]byte, error) {
	keep = once(keep, r.rows)
	for _, line := range r.lines {
		ofLine := func(row int) (bool, register.Fields) { return keep(line.first + row) }
		if len(line.nodes) == 0 {
			continue
		}
		if root := &line.nodes[0]; root.row != nobody {
			if show, _ := ofLine(int(root.row)); !show {
				continue
			}
		}
		var err error
		if dst, err = line.jsonReading.release(dst, ofLine); err != nil {
			return dst, err
		}
		dst = append(dst, '\n')
	}
	return dst, nil
}
