package seal

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"hash"
)

// Inventory is what rows there are of a table, or of a part of one, in the same few thousand
// bytes however many they are: an invertible Bloom lookup table. It is kept by whoever writes the
// rows, and held against an inventory of the rows that are there. Up to Names rows by which the two
// differ are named one by one, the ones that are gone too; of more only that there are some.
//
// It MUST be kept secret: whoever knows two that differ by a row could choose rows whose traces
// cancel each other. It is not safe for concurrent use.
type Inventory struct {
	key    [keySize]byte // rows are hashed under it, whatever key seals them
	turned uint64        // how often it was made to say what rows there are
	cells  [cells]cell
	mac    hash.Hash
}

// Item is what an inventory says of one row.
type Item struct {
	Row   [16]byte // a keyed hash over its columns: no two rows have the same
	Key   [8]byte  // which row of its table it is, or was before it was changed: see KeyOf
	Of    [16]byte // whom it is about
	Kind  byte
	Until int64 // microseconds since 1970
}

const (
	spots    = 4  // in how many cells a row is
	ofSpot   = 32 // how many cells each is one of
	cells    = spots * ofSpot
	itemSize = 16 + 8 + 16 + 1 + 8
	cellSize = 8 + itemSize + 8

	// Names is how many rows an inventory names, but for one choice of them in some thousands.
	Names = 16
)

// cell is the rows that are in it, one upon the other.
type cell struct {
	count int64
	items [itemSize]byte // all of them, by exclusive or
	check [8]byte        // the checks of all of them, by exclusive or: that of the item when there is but one
}

// KeyOf is what Item.Key is of a row that this text tells from the others of its table.
func KeyOf(text string) (key [8]byte) {
	digest := sha256.Sum256([]byte(text))
	return [8]byte(digest[:])
}

// NewInventory is an inventory of no rows, under a key of its own.
func NewInventory() *Inventory {
	v := new(Inventory)
	_, _ = rand.Read(v.key[:]) // never fails: crypto/rand ends the program instead
	return v
}

// Empty is an inventory of no rows that can be held against this one.
func (v *Inventory) Empty() *Inventory { return &Inventory{key: v.key, turned: v.turned} }

// Put adds a row, and Take takes it away: the item is what is said of it but for Item.Row, which they
// return. The row MUST NOT be used afterwards.
func (v *Inventory) Put(row *Row, item Item) [16]byte { return v.count(row, item, 1) }

// Take takes a row away that was put.
func (v *Inventory) Take(row *Row, item Item) [16]byte { return v.count(row, item, -1) }

func (v *Inventory) count(row *Row, item Item, by int64) [16]byte {
	defer row.release()
	if v.mac == nil {
		v.mac = hmac.New(sha256.New, v.key[:])
	}
	v.mac.Reset()
	_, _ = v.mac.Write(row.text)
	var sum [sha256.Size]byte
	item.Row = [16]byte(v.mac.Sum(sum[:0]))
	v.add(item.pack(), by)
	return item.Row
}

func (v *Inventory) add(packed [itemSize]byte, by int64) {
	check := checkOf(packed)
	for spot := range spots {
		c := &v.cells[spot*ofSpot+int(packed[spot])%ofSpot]
		c.count += by
		subtle.XORBytes(c.items[:], c.items[:], packed[:])
		subtle.XORBytes(c.check[:], c.check[:], check[:])
	}
}

func checkOf(packed [itemSize]byte) [8]byte {
	digest := sha256.Sum256(packed[:])
	return [8]byte(digest[:])
}

func (i Item) pack() (packed [itemSize]byte) {
	b := append(packed[:0], i.Row[:]...)
	b = append(append(append(b, i.Key[:]...), i.Of[:]...), i.Kind)
	binary.BigEndian.AppendUint64(b, uint64(i.Until))
	return packed
}

func unpack(p [itemSize]byte) Item {
	return Item{[16]byte(p[:16]), [8]byte(p[16:24]), [16]byte(p[24:40]), p[40], int64(binary.BigEndian.Uint64(p[41:]))}
}

// Against is what sets the rows that are there, of which there is an inventory, apart from those
// that this one says. It is added by Turn.
func (v *Inventory) Against(there *Inventory) *Inventory {
	d := v.Empty()
	for i := range d.cells {
		c, says, has := &d.cells[i], &v.cells[i], &there.cells[i]
		c.count = has.count - says.count
		subtle.XORBytes(c.items[:], has.items[:], says.items[:])
		subtle.XORBytes(c.check[:], has.check[:], says.check[:])
	}
	return d
}

// None reports whether nothing sets them apart.
func (v *Inventory) None() bool { return v.cells == [cells]cell{} }

// Rows are the rows of a difference: those that are there and should not be, and those that should
// be and are not. It reports whether these are all.
func (v *Inventory) Rows() (more, fewer []Item, all bool) {
	left := *v
	for found := true; found; {
		found = false
		for i := range left.cells {
			c := left.cells[i]
			if c.count != 1 && c.count != -1 || checkOf(c.items) != c.check {
				continue
			}
			if c.count == 1 {
				more = append(more, unpack(c.items))
			} else {
				fewer = append(fewer, unpack(c.items))
			}
			left.add(c.items, -c.count)
			found = len(more)+len(fewer) <= cells // it ends, whatever it was made of
		}
	}
	return more, fewer, left.None()
}

// Turned is how often Turn was called.
func (v *Inventory) Turned() uint64 { return v.turned }

// Turn adds a difference: rows that came or went without it are from now on as they are.
func (v *Inventory) Turn(difference *Inventory) {
	v.turned++
	for i := range v.cells {
		c, by := &v.cells[i], &difference.cells[i]
		c.count += by.count
		subtle.XORBytes(c.items[:], c.items[:], by.items[:])
		subtle.XORBytes(c.check[:], c.check[:], by.check[:])
	}
}

// Bytes is what is kept of it.
func (v *Inventory) Bytes() []byte {
	b := make([]byte, 0, keySize+8+cells*cellSize)
	b = binary.BigEndian.AppendUint64(append(b, v.key[:]...), v.turned)
	for _, c := range v.cells {
		b = binary.BigEndian.AppendUint64(b, uint64(c.count))
		b = append(append(b, c.items[:]...), c.check[:]...)
	}
	return b
}

// ParseInventory reads what Bytes wrote.
func ParseInventory(b []byte) (*Inventory, error) {
	if len(b) != keySize+8+cells*cellSize {
		return nil, errors.New("this is no inventory")
	}
	v := &Inventory{key: [keySize]byte(b), turned: binary.BigEndian.Uint64(b[keySize:])}
	for i := range v.cells {
		one := b[keySize+8+i*cellSize:]
		v.cells[i] = cell{int64(binary.BigEndian.Uint64(one)), [itemSize]byte(one[8:]), [8]byte(one[8+itemSize:])}
	}
	return v, nil
}
