package index

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Side is how a row is found: by account or by person, or as a portion of a segment
// that is not sealed yet.
type Side string

// The sides of a segment.
const (
	Accounts Side = "accounts"
	People   Side = "people"
	Open     Side = "open"
)

// Key names a row. Piece 0 is the page itself.
type Key struct {
	Side                 Side
	Page, Segment, Piece int
}

// Row is a page or a piece, in two columns so that More is read only where it is needed. A row ends with sums over its key and its columns.
type Row struct {
	Key
	Body []byte
	More []byte
}

// Damage says which row is missing, or not as it was sealed.
type Damage struct{ Key }

func (d Damage) Error() string {
	if d.Side == Open {
		return fmt.Sprintf("segment %d of the index, kept while it is open: damaged; run poterne ledger audit-index", d.Segment)
	}
	return fmt.Sprintf("segment %d of the index, page %d of %s: damaged or missing; run poterne ledger audit-index", d.Segment, d.Page, d.Side)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const sumSize = 4

func (k Key) sum(column byte, body []byte) uint32 {
	head := append(make([]byte, 0, 32), column, k.Side[0])
	for _, place := range []int{k.Page, k.Segment, k.Piece} {
		head = binary.AppendUvarint(head, uint64(place))
	}
	return crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, body)
}

// seal adds the sums.
func (r Row) seal() Row {
	r.Body = binary.LittleEndian.AppendUint32(r.Body, r.sum(1, r.Body))
	r.More = binary.LittleEndian.AppendUint32(r.More, r.sum(2, r.More))
	return r
}

// open checks the sums and takes them off.
func (r Row) open(more bool) (Row, error) {
	check := func(column byte, body []byte) []byte {
		cut := len(body) - sumSize
		if cut < 0 || binary.LittleEndian.Uint32(body[cut:]) != r.sum(column, body[:cut]) {
			return nil
		}
		return body[:cut:cut]
	}
	body := check(1, r.Body)
	if body == nil {
		return Row{}, Damage{r.Key}
	}
	r.Body = body
	if more {
		if r.More = check(2, r.More); r.More == nil {
			return Row{}, Damage{r.Key}
		}
	}
	return r, nil
}

// reader takes a row apart. After the first error it yields zeroes.
type reader struct {
	data []byte
	at   int
	bad  bool
}

func (r *reader) number() (value uint64) {
	for shift := 0; r.at < len(r.data); shift += 7 {
		b := r.data[r.at]
		r.at++
		value |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return value
		}
	}
	r.bad = true
	return 0
}

func (r *reader) bytes(n uint64) []byte {
	from := r.at
	if n > uint64(len(r.data)-from) {
		r.bad, r.at = true, len(r.data)
		return nil
	}
	r.at += int(n)
	return r.data[from:r.at:r.at]
}

// left is how many bytes have not been read.
func (r *reader) left() int { return len(r.data) - r.at }

// Segment is a sealed segment.
type Segment struct {
	Base        ledger.Number // the first entry of the first segment
	Number      int
	First, Last time.Time // of its entries
	Disclosures int
	Rows        int
	Mark        [32]byte // of its last entry
}

// body is the segment with the shape it was cut in and a sum, as it is stored.
func (s Segment) body(shape Shape) []byte {
	var body []byte
	for _, n := range []int64{
		format, int64(shape.Segment), int64(shape.Pages), int64(shape.Piece), int64(s.Number),
		s.First.UnixMicro(), s.Last.UnixMicro(), int64(s.Disclosures), int64(s.Rows),
	} {
		body = binary.AppendUvarint(body, uint64(n))
	}
	body = appendBase(append(body, s.Mark[:]...), s.Base)
	return binary.LittleEndian.AppendUint32(body, crc32.Checksum(body, castagnoli))
}

// format says what rows are made of. An index of another format is made anew.
const format = 2

var errReshaped = errors.New("the index was cut in another shape, or by an earlier program; run poterne ledger audit-index --rebuild")

func openSegment(number int, shape Shape, body []byte) (Segment, error) {
	cut := len(body) - sumSize
	if cut < 0 || binary.LittleEndian.Uint32(body[cut:]) != crc32.Checksum(body[:cut], castagnoli) {
		return Segment{}, fmt.Errorf("segment %d of the index is damaged; run poterne ledger audit-index --rebuild", number)
	}
	r := reader{data: body[:cut]}
	if r.number() != format {
		return Segment{}, errReshaped
	}
	cutAs := Shape{Segment: int(r.number()), Pages: int(r.number()), Piece: int(r.number()), Portion: shape.Portion}
	s := Segment{Number: int(r.number())}
	s.First, s.Last = fromMicro(int64(r.number())), fromMicro(int64(r.number()))
	s.Disclosures, s.Rows = int(r.number()), int(r.number())
	copy(s.Mark[:], r.bytes(uint64(len(s.Mark))))
	s.Base = r.base()
	if r.bad || cutAs != shape || s.Number != number {
		return Segment{}, errReshaped
	}
	return s, nil
}

// ErrElsewhere is wrong with an index when its ledger has lost its first months since.
var ErrElsewhere = errors.New("the ledger begins at another entry than its index")

// appendBase ends a row with the first entry of the index. Most begin with the
// ledger, and say nothing.
func appendBase(body []byte, base ledger.Number) []byte {
	if base == 0 {
		return body
	}
	return binary.AppendUvarint(body, uint64(base))
}

func (r *reader) base() ledger.Number {
	if r.left() == 0 {
		return 0
	}
	return ledger.Number(r.number())
}

func fromMicro(us int64) time.Time { return time.UnixMicro(us).UTC() }

// People have numbers: the page they are on, and their place in it. Pages divide
// pseudonyms, which are evenly spread, in their order. A person is given the next
// place of the page by the first segment in which they were shown.
const placeBits = 24

func (s Shape) personPage(p register.PersonID) int {
	return int(binary.BigEndian.Uint16(p[:])) * s.Pages >> 16
}

func (s Shape) accountPage(account roster.AccountID) int {
	return int(crc32.Checksum([]byte(account), castagnoli)) % s.Pages
}

// newcomers are the people of a page who were first shown in one segment: in the
// order of their pseudonyms, with places from base on.
type newcomers struct {
	base int
	ids  []byte // their pseudonyms, one after the other
}

const idSize = len(register.PersonID{})

// end is the first place after theirs.
func (n newcomers) end() int { return n.base + n.len() }

func (n newcomers) len() int { return len(n.ids) / idSize }

func (n newcomers) id(i int) []byte { return n.ids[i*idSize : (i+1)*idSize] }

func (n newcomers) body() []byte {
	return append(binary.AppendUvarint(nil, uint64(n.base)), n.ids...)
}

func openNewcomers(row Row) (newcomers, error) {
	r := reader{data: row.Body}
	n := newcomers{base: int(r.number())}
	n.ids = r.bytes(uint64(r.left()))
	if r.bad || len(n.ids)%idSize != 0 {
		return n, Damage{row.Key}
	}
	return n, nil
}

const nowhere = -1

// find writes down the places of those people who are among the newcomers. People
// are in the order of their pseudonyms.
func (n newcomers) find(people []register.PersonID, places []int) {
	i, count := 0, n.len()
	for p := range people {
		if places[p] != nowhere {
			continue
		}
		for i < count && bytes.Compare(n.id(i), people[p][:]) < 0 {
			i++
		}
		if i < count && bytes.Equal(n.id(i), people[p][:]) {
			places[p] = n.base + i
		}
	}
}

// welcome gives places from base on to those people who have none yet.
func welcome(base int, people []register.PersonID, places []int) newcomers {
	fresh := newcomers{base: base}
	for i, place := range places {
		if place == nowhere {
			places[i] = base + fresh.len()
			fresh.ids = append(fresh.ids, people[i][:]...)
		}
	}
	return fresh
}

// sighting is that a person, by place, is in the entry at an offset of a segment.
type sighting struct{ place, offset int }

func appendSightings(dst []byte, sightings []sighting) []byte {
	last := 0
	for _, s := range sightings {
		dst = binary.AppendUvarint(dst, uint64(s.place-last))
		dst = binary.AppendUvarint(dst, uint64(s.offset))
		last = s.place
	}
	return dst
}

// offsets returns where a person is in what appendSightings wrote.
func offsets(row Row, place int) (found []int, err error) {
	r := reader{data: row.More}
	for at := 0; r.left() > 0; {
		at += int(r.number())
		offset := int(r.number())
		if at > place {
			break
		}
		if at == place {
			found = append(found, offset)
		}
	}
	if r.bad {
		return nil, Damage{row.Key}
	}
	return found, nil
}

// posting is that an account was shown a person, by number.
type posting struct {
	number uint64
	fields register.Fields
	at     int64 // microseconds after the segment's first entry
}

// appendPostings appends postings, which are in the order of numbers, to both
// columns: first the sets of fields there are, then for each posting how far its
// number is from the one before it and which set it has; times go into more.
func appendPostings(body, more []byte, postings []posting) (whom, when []byte) {
	var sets []register.Fields
	place := make(map[register.Fields]uint64)
	for _, p := range postings {
		if _, known := place[p.fields]; !known {
			place[p.fields] = uint64(len(sets))
			sets = append(sets, p.fields)
		}
	}
	body = binary.AppendUvarint(body, uint64(len(sets)))
	for _, set := range sets {
		body = binary.AppendUvarint(body, uint64(set))
	}
	var last uint64
	for _, p := range postings {
		body = binary.AppendUvarint(body, p.number-last)
		last = p.number
		if len(sets) > 1 {
			body = binary.AppendUvarint(body, place[p.fields])
		}
		more = binary.AppendUvarint(more, uint64(p.at))
	}
	return body, more
}

// listed is what a page says of one account: its postings, or where the pieces are
// that hold them.
type listed struct {
	account  roster.AccountID
	postings int
	whom     []byte
	when     []byte
	piece    int      // the first; 0 when the postings are here
	firsts   []uint64 // the first number in each piece
}

// openAccounts reads, from a page of accounts, what it says of some.
func openAccounts(row Row, shape Shape, wanted map[roster.AccountID]bool) (found []listed, err error) {
	r, more := reader{data: row.Body}, reader{data: row.More}
	for range r.number() {
		name := r.bytes(r.number())
		l := listed{account: roster.AccountID(name), postings: int(r.number())}
		if l.postings <= shape.Piece {
			l.whom = r.bytes(r.number())
			l.when = more.bytes(r.number())
		} else {
			l.piece = int(r.number())
			for range pieces(l.postings, shape) {
				l.firsts = append(l.firsts, r.number())
			}
		}
		if r.bad || more.bad {
			break
		}
		if wanted[l.account] {
			l.whom, l.when = bytes.Clone(l.whom), bytes.Clone(l.when) // the page is large
			found = append(found, l)
		}
	}
	if r.bad || more.bad || r.left() > 0 || more.left() > 0 {
		return nil, Damage{row.Key}
	}
	return found, nil
}

func pieces(postings int, shape Shape) int { return (postings + shape.Piece - 1) / shape.Piece }
