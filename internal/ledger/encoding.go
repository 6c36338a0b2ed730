package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
	"unicode/utf8"
)

// An entry is encoded as a version byte, its number, its time in microseconds
// since 1970 and its kind, then the fields that are not zero, each after its tag,
// tags ascending. Numbers are unsigned varints of the shortest form, texts are a
// length and UTF-8. An entry has one encoding only, and golden files hold it.
const version = 1

// maxText bounds a text in an entry, in bytes.
const maxText = 4096

// fields passes each field after the kind to c, with its tag: by this list an entry is
// written and read. Tags ascend and are never used again for another field.
func (e *Entry) fields(c *codec) {
	number(c, 1, &e.Receipt, math.MaxUint64)
	text(c, 2, "account", &e.Account)
	text(c, 3, "organisation", &e.Organisation)
	text(c, 4, "session", &e.Session)
	text(c, 5, "service", &e.Service)
	text(c, 6, "purpose", &e.Purpose)
	text(c, 7, "route", &e.Route)
	c.fixed(8, e.Person[:])
	number(c, 9, &e.Fields, math.MaxUint32)
	number(c, 10, &e.Verdict, math.MaxUint8)
	number(c, 11, &e.Why, math.MaxUint8)
	number(c, 12, &e.Reason.Kind, math.MaxUint8)
	text(c, 13, "source", &e.Reason.Source)
	text(c, 14, "fact", &e.Reason.ID)
	number(c, 15, &e.Cost, math.MaxInt32)
	number(c, 16, &e.Counted, math.MaxInt32)
	number(c, 17, &e.Limit, math.MaxInt32)
	text(c, 18, "device", &e.Device)
	text(c, 19, "network", &e.Network)
	number(c, 20, &e.Signs, math.MaxUint32)
	c.flag(21, &e.Observed)
	number(c, 22, &e.Epoch, math.MaxUint32)
	number(c, 23, &e.Spared, math.MaxUint16)
	text(c, 24, "approver", &e.Approver)
	text(c, 25, "subject", &e.Subject)
	text(c, 26, "effect", &e.Effect)
	text(c, 27, "reach", &e.Reach)
	text(c, 28, "target", &e.Target)
	number(c, 29, &e.Cause, math.MaxUint64)
	c.time(30, &e.Since)
	c.time(31, &e.Until)
	number(c, 32, &e.From, math.MaxUint64)
	number(c, 33, &e.End, math.MaxUint64)
	number(c, 34, &e.First, math.MaxUint32)
	number(c, 35, &e.Last, math.MaxUint32)
	number(c, 36, &e.Count, math.MaxUint64)
	number(c, 37, &e.Rejected, math.MaxUint64)
	c.fixed(38, e.Digest[:])
	text(c, 39, "state", &e.State)
	text(c, 40, "note", &e.Note)
	text(c, 41, "issuer", &e.Identity.Issuer)
	text(c, 42, "provider", &e.Identity.Provider)
	text(c, 43, "sub", &e.Identity.Subject)
	text(c, 44, "siret", &e.SIRET)
	text(c, 45, "acr", &e.ACR)
	text(c, 46, "amr", &e.AMR)
	text(c, 47, "factor", &e.Factor)
	text(c, 60, "spares", &e.Spares)
}

// Append appends the encoding of e to dst. Its texts MUST fit, as those of a sealed entry do.
func (e Entry) Append(dst []byte) []byte {
	dst, _ = e.encode(dst)
	return dst
}

// encode appends the encoding of e to dst. A text that is too long or not UTF-8 is an
// error: nothing is cut.
func (e *Entry) encode(dst []byte) ([]byte, error) {
	dst = append(dst, version)
	dst = binary.AppendUvarint(dst, uint64(e.Number))
	dst = binary.AppendUvarint(dst, uint64(e.Time.UnixMicro()))
	c := codec{bytes: append(dst, byte(e.Kind))}
	e.fields(&c)
	return c.bytes, c.err
}

// Decode reads what Append wrote, and nothing else.
func Decode(body []byte) (Entry, error) { return decode(codec{bytes: body}) }

func decode(c codec) (Entry, error) {
	if c.byte() != version {
		return Entry{}, errors.New("not an entry of version 1")
	}
	var e Entry
	e.Number = Number(c.number(math.MaxUint64))
	e.Time = time.UnixMicro(int64(c.number(math.MaxInt64))).UTC()
	e.Kind = Kind(c.byte())
	c.skip(0)
	e.fields(&c)
	if c.err == nil && len(c.bytes) > 0 {
		c.err = fmt.Errorf("tag %d is unknown, or not in its place", c.bytes[0])
	}
	if c.err != nil {
		return Entry{}, c.err
	}
	return e, nil
}

// texts are what entries said last, by the tag: most of it comes again in the next entry,
// and is kept once.
type texts [64]string

// codec writes an entry's fields, or reads them into an empty entry.
type codec struct {
	bytes  []byte // that were written, or that are left to read
	whole  string // what is read, if texts may be parts of it: whoever keeps one keeps it all
	before *texts // those of the entries that were read before, if any
	next   byte   // the tag that is read next; zero when writing, and at the end
	err    error
}

func number[T ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~int32 | ~int64](c *codec, tag byte, field *T, most uint64) {
	if *field != 0 || c.next == tag {
		*field = T(c.numberOf(tag, uint64(*field), most))
	}
}

func text[T ~string](c *codec, tag byte, name string, field *T) {
	if *field != "" || c.next == tag {
		*field = T(c.textOf(tag, name, string(*field)))
	}
}

func (c *codec) flag(tag byte, field *bool) {
	if *field || c.next == tag {
		*field = c.numberOf(tag, 1, 1) == 1
	}
}

func (c *codec) time(tag byte, field *time.Time) {
	var micros int64
	if !field.IsZero() {
		micros = field.UnixMicro()
	}
	if number(c, tag, &micros, math.MaxInt64); micros != 0 {
		*field = time.UnixMicro(micros).UTC()
	}
}

// fixed is a field of a fixed length.
func (c *codec) fixed(tag byte, field []byte) {
	var none [sha256.Size]byte
	zero := none[:len(field)]
	switch {
	case c.next == tag:
		n := copy(field, c.bytes[1:])
		if c.skip(1 + n); n < len(field) || bytes.Equal(field, zero) {
			c.fail("bytes of a fixed length are cut short, or all zero")
		}
	case !bytes.Equal(field, zero):
		c.bytes = append(append(c.bytes, tag), field...)
	}
}

// numberOf is a number that is not zero: zeroes are left out.
func (c *codec) numberOf(tag byte, value, most uint64) uint64 {
	if c.next != tag {
		c.bytes = binary.AppendUvarint(append(c.bytes, tag), value)
		return value
	}
	c.bytes = c.bytes[1:]
	if value = c.number(most); value == 0 {
		c.fail("a zero is written out")
	}
	c.skip(0)
	return value
}

func (c *codec) textOf(tag byte, name, value string) string {
	if c.next != tag {
		switch {
		case len(value) > maxText:
			c.err = fmt.Errorf("its %s is %d bytes long, at most %d are written", name, len(value), maxText)
		case !utf8.ValidString(value):
			c.err = fmt.Errorf("its %s is not UTF-8", name)
		}
		c.bytes = append(binary.AppendUvarint(append(c.bytes, tag), uint64(len(value))), value...)
		return value
	}
	c.bytes = c.bytes[1:]
	n := c.number(maxText)
	if n == 0 || n > uint64(len(c.bytes)) {
		c.fail("a text is empty or cut short")
		return ""
	}
	switch from := len(c.whole) - len(c.bytes); {
	case c.whole != "":
		value = c.whole[from : from+int(n)]
	case c.before != nil && c.before[tag] == string(c.bytes[:n]):
		value = c.before[tag]
	default:
		value = string(c.bytes[:n])
	}
	if !utf8.ValidString(value) {
		c.fail("a text is not UTF-8")
		return ""
	}
	if c.before != nil {
		c.before[tag] = value
	}
	c.skip(int(n))
	return value
}

// skip goes past n bytes that were read, to the next tag.
func (c *codec) skip(n int) {
	c.bytes, c.next = c.bytes[n:], 0
	if len(c.bytes) > 0 {
		c.next = c.bytes[0]
	}
}

// fail ends the reading.
func (c *codec) fail(text string) {
	if c.err == nil {
		c.err = errors.New(text)
	}
	c.bytes, c.next = nil, 0
}

func (c *codec) byte() byte {
	if len(c.bytes) == 0 {
		c.fail("the entry ends too early")
		return 0
	}
	b := c.bytes[0]
	c.bytes = c.bytes[1:]
	return b
}

func (c *codec) number(most uint64) uint64 {
	value, n := binary.Uvarint(c.bytes)
	switch {
	case n <= 0:
		c.fail("a number is cut short or too long")
		return 0
	case n > 1 && c.bytes[n-1] == 0:
		c.fail("a number is not in its shortest form")
		return 0
	case value > most:
		c.fail("a number is out of range")
		return 0
	}
	c.bytes = c.bytes[n:]
	return value
}
