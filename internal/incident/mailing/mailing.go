// Package mailing tells the people of an incident: by mail where they have an address for
// it, else by letter. Nobody is told twice by one channel and nobody is forgotten, however
// often the program is killed: that a mail is about to go is durable before its last byte
// goes, and what became of it after. A mail of which neither is known is in doubt: there is
// one of them at most for each connection, it is shown, and never sent again by itself.
//
// What people are told of is their own: what of theirs was shown, and when. Where they can
// be reached is read when it is needed, through the gate, and kept nowhere.
package mailing

import (
	"context"
	"encoding/binary"
	"errors"
	"iter"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/register"
)

// Person is somebody who is to be told.
type Person struct {
	ID          register.PersonID
	Identifier  string          // in the register
	Fields      register.Fields // what was shown of them
	First, Last time.Time
}

// Fate is what became of telling a person.
type Fate byte

const (
	Waiting   Fate = iota
	Intended       // the last byte of a mail may have gone
	Taken          // the mail server has the mail
	Refused        // the mail server does not take it
	Bounced        // it came back
	NoMail         // the register has no mail address, but another
	NoAddress      // it has none at all
	Gone           // it has nobody of that number any more
	Doubted        // the connection, or the program, ended before the server answered
	Printed        // a letter is in a batch for the printer
	fates          // how many there are
)

// Counts is how many people have which fate.
type Counts [fates]int

// People is how many there are.
func (c Counts) People() (n int) {
	for _, of := range c {
		n += of
	}
	return n
}

// Told is how many were told by mail or by letter.
func (c Counts) Told() int { return c[Taken] + c[Printed] }

// Letters is how many are to be told by letter.
func (c Counts) Letters() int { return c[NoMail] + c[Refused] + c[Bounced] }

// Untold is how many can be told by neither: the public notice is for them.
func (c Counts) Untold() int { return c[NoAddress] + c[Gone] }

// Add counts some fates more.
func (c *Counts) Add(some []byte) {
	for _, fate := range some {
		if int(fate) < len(c) {
			c[fate]++
		}
	}
}

// PerPart is how many people a part of a list has.
const PerPart = 128

// Rows are the lists of people who are to be told, by the entry that named them, in parts,
// and what became of each. Who they are is encrypted.
type Rows interface {
	// Put stores a part of a list.
	Put(ctx context.Context, list ledger.Number, part int, people, fates []byte) error
	// Part returns a part of a list; fault.Absent when there is none, or it was erased.
	Part(ctx context.Context, list ledger.Number, part int) (people, fates []byte, err error)
	// Fates yields what became of the people of each part, in order.
	Fates(ctx context.Context, list ledger.Number) iter.Seq2[[]byte, error]
	// Save replaces fates by part, all of them, and holds the list until a moment; it does
	// neither, and returns ErrLost, when another holds it. It is durable when it returns nil.
	Save(ctx context.Context, list ledger.Number, h Hold, fates map[int][]byte) error
}

// Hold is which node tells the people of a list. It lasts until a moment, unless it is
// renewed.
type Hold struct {
	Holder     string
	Now, Until time.Time
}

// ErrLost says that another node tells the people of the list.
var ErrLost = errors.New("another node tells these people")

// encode writes people as a part has them.
func encode(people []Person) (out []byte) {
	for _, p := range people {
		out = append(out, p.ID[:]...)
		out = binary.AppendUvarint(out, uint64(len(p.Identifier)))
		out = append(out, p.Identifier...)
		out = binary.AppendUvarint(out, uint64(p.Fields))
		out = binary.AppendVarint(out, p.First.Unix())
		out = binary.AppendUvarint(out, uint64(p.Last.Unix()-p.First.Unix()))
	}
	return out
}

var errPart = errors.New("a part of a list of people cannot be read")

// decode reads what encode wrote.
func decode(raw []byte) (people []Person, err error) {
	for len(raw) > 0 {
		var p Person
		if len(raw) < len(p.ID) {
			return nil, errPart
		}
		raw = raw[copy(p.ID[:], raw):]
		figure := func() uint64 {
			n, size := binary.Uvarint(raw)
			if size <= 0 {
				err, raw = errPart, nil
				return 0
			}
			raw = raw[size:]
			return n
		}
		long := figure()
		if uint64(len(raw)) < long {
			return nil, errPart
		}
		p.Identifier, raw = string(raw[:long]), raw[long:]
		p.Fields = register.Fields(figure())
		first, size := binary.Varint(raw)
		if size <= 0 {
			return nil, errPart
		}
		raw = raw[size:]
		p.First = time.Unix(first, 0).UTC()
		p.Last = time.Unix(first+int64(figure()), 0).UTC()
		if err != nil {
			return nil, err
		}
		people = append(people, p)
	}
	return people, nil
}
