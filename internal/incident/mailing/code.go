package mailing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"poterne/internal/fault"
	"poterne/internal/incident"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/notice/lettercode"
	"poterne/internal/register"
)

const (
	CodeLasts = 90 * 24 * time.Hour // from when people began to be told
	CodeOpens = time.Hour           // from when it was first typed; then it is spent
	codeTries = 20                  // answers within that hour, on a node
)

// Code is what the letter to somebody on a list has for them to type.
func (s *settings) Code(list ledger.Number, part, in int) string {
	return s.bare(place{list, part, in}).Grouped()
}

func (s *settings) bare(at place) lettercode.Code {
	tag := s.Tag(fmt.Sprintf("code %d.%d.%d", at.list, at.part, at.place))
	return lettercode.New(tag, uint64(at.list), uint64(at.part), uint64(at.place))
}

// coded reads whose letter a code is of; false of one that was never made.
func (s *settings) coded(typed string) (at place, made bool) {
	code, figures, read := lettercode.Read(typed, 3)
	if !read || slices.Max(figures) >= 1<<31 {
		return at, false
	}
	at = place{ledger.Number(figures[0]), int(figures[1]), int(figures[2])}
	return at, code.Equal(s.bare(at))
}

// Code is that the code of a letter was typed.
type Code struct {
	List        ledger.Number
	Part, Place int
	At          time.Time // when it first was
}

// CodeRows are the codes that were typed, in this turn.
type CodeRows interface {
	// Code returns a code that was typed; fault.Absent when it was not.
	Code(list ledger.Number, part, place int) (Code, error)
	// PutCode adds one.
	PutCode(Code) error
}

// UseCode writes down that a code is typed for the first time.
type UseCode struct {
	Code
	File   ledger.Number
	Person register.PersonID
}

// Decide implements journal.Act.
func (u UseCode) Decide(_ *journal.Tx, rows CodeRows) (ledger.Entry, error) {
	switch _, err := rows.Code(u.List, u.Part, u.Place); {
	case err == nil:
		return ledger.Entry{}, journal.Unchanged
	case !fault.Is(err, fault.Absent):
		return ledger.Entry{}, err
	}
	return ledger.Entry{Kind: ledger.CodeTyped, Person: u.Person, Cause: u.File}, nil
}

// Apply implements journal.Act.
func (u UseCode) Apply(rows CodeRows, e ledger.Entry) error {
	u.At = e.Time
	return rows.PutCode(u.Code)
}

// Codes opens the codes of letters, each for the one person whom the letter told and for the
// one incident that it told of. It is safe to share.
type Codes struct {
	Settings
	Files interface {
		// Files returns every file, the last opened first.
		Files(context.Context) ([]incident.File, error)
	}
	Rows   Rows
	Writer journal.Writer
	Typed  interface {
		// Code returns a code that was typed; fault.Absent when it was not.
		Code(ctx context.Context, list ledger.Number, part, place int) (Code, error)
	}

	mu    sync.Mutex // guards what follows
	tries map[place]int
	since time.Time
}

// NoCode is the error of every code that opens nothing: one that was never made, one that is
// spent or too old, one that is used too often.
var NoCode = &fault.Error{Kind: fault.Absent, Public: "this code opens nothing"}

// Open returns whom the letter with a code told, and of which file.
func (c *Codes) Open(ctx context.Context, typed string) (register.PersonID, ledger.Number, error) {
	s := settings{c.Settings}
	at, made := s.coded(typed)
	if !made || !c.may(at) {
		return register.PersonID{}, 0, NoCode
	}
	files, err := c.Files.Files(ctx)
	if err != nil {
		return register.PersonID{}, 0, err
	}
	var file ledger.Number
	for _, f := range files {
		if since, told := f.ToldBy(at.list); told && f.Into == 0 && c.Now().Sub(since) < CodeLasts {
			file = f.Number
		}
	}
	if file == 0 {
		return register.PersonID{}, 0, NoCode
	}
	raw, fates, err := c.Rows.Part(ctx, at.list, at.part)
	switch {
	case fault.Is(err, fault.Absent): // the list was erased
		return register.PersonID{}, 0, NoCode
	case err != nil:
		return register.PersonID{}, 0, err
	}
	people, err := decode(raw)
	if err != nil {
		return register.PersonID{}, 0, err
	}
	if at.place >= len(people) || at.place >= len(fates) || Fate(fates[at.place]) != Printed {
		return register.PersonID{}, 0, NoCode
	}
	person := people[at.place].ID
	use := UseCode{Code: Code{List: at.list, Part: at.part, Place: at.place}, File: file, Person: person}
	_, err = journal.Do(ctx, c.Writer, journal.Act[CodeRows](use))
	switch {
	case err == nil:
		return person, file, nil
	case !errors.Is(err, journal.Unchanged):
		return register.PersonID{}, 0, err
	}
	first, err := c.Typed.Code(ctx, at.list, at.part, at.place)
	switch {
	case err != nil:
		return register.PersonID{}, 0, err
	case c.Now().Sub(first.At) >= CodeOpens:
		return register.PersonID{}, 0, NoCode
	}
	return person, file, nil
}

// may bounds how often one code is answered within an hour. Only codes that were made are
// counted.
func (c *Codes) may(at place) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.Now(); c.tries == nil || now.Sub(c.since).Abs() >= CodeOpens {
		c.since, c.tries = now, make(map[place]int)
	}
	c.tries[at]++
	return c.tries[at] <= codeTries
}
