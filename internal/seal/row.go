package seal

import (
	"encoding/binary"
	"sync"
	"time"
)

// Row is the columns of a row, in the order in which they were added, so that no other
// columns read the same.
type Row struct {
	table string
	text  []byte
}

var rows = sync.Pool{New: func() any { return new(Row) }}

// NewRow begins a row of a table.
func NewRow(table string) *Row {
	r := rows.Get().(*Row)
	r.table, r.text = table, r.text[:0]
	return r.Text(table)
}

// Table is the table that the row is of.
func (r *Row) Table() string { return r.table }

func (r *Row) release() { rows.Put(r) }

// Text adds a text.
func (r *Row) Text(text string) *Row {
	r.length('t', len(text))
	r.text = append(r.text, text...)
	return r
}

// Bytes adds bytes; nil is as none.
func (r *Row) Bytes(bytes []byte) *Row {
	r.length('b', len(bytes))
	r.text = append(r.text, bytes...)
	return r
}

// Int adds a whole number.
func (r *Row) Int(n int64) *Row {
	r.text = binary.BigEndian.AppendUint64(append(r.text, 'i'), uint64(n))
	return r
}

// Time adds a moment, to the microsecond; the zero time is another than any moment.
func (r *Row) Time(at time.Time) *Row {
	if at.IsZero() {
		r.text = append(r.text, 'n')
		return r
	}
	return r.Int(at.UnixMicro())
}

func (r *Row) length(kind byte, n int) {
	r.text = binary.AppendUvarint(append(r.text, kind), uint64(n))
}
