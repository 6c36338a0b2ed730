package incident

import (
	"time"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/notice"
	"poterne/internal/typed"
)

// Telling is how far the people of a file are told, by mail and by letter.
type Telling struct {
	List   ledger.Number // of the entry that had them named; zero: none did
	Named  *Naming
	Listed *Listing   // nil until each was looked for
	Begun  *Beginning // nil until it began
	At     time.Time  // when it began
	Paused bool
	Ended  *Ending // nil until it ended
}

// Running reports whether people are to be told now.
func (t Telling) Running() bool { return t.Begun != nil && !t.Paused && t.Ended == nil }

// Naming leads the pseudonyms of those whom the last count counted back to people, so that
// they are told. It is written before anybody is named, and two persons sign for it.
type Naming struct {
	People int    `json:"people"`
	Before int    `json:"before"` // of those who were counted, whom nobody tells again: they were told before files were merged
	List   string `json:"list"`   // SHA-256 of the pseudonyms, in hexadecimal
}

// Listing says whom of those named the register has.
type Listing struct {
	Found    int    `json:"found"`
	Missing  int    `json:"missing"`  // no identifier leads to them
	Invented int    `json:"invented"` // they exist for Poterne only
	List     string `json:"list"`     // SHA-256 of the list, in hexadecimal
}

// Beginning has people told: from here on the message stays as it is.
type Beginning struct {
	Message notice.Message `json:"message"` // what is each person's own left out
	Rate    int            `json:"rate"`    // mails a second; zero: as many as the server takes
}

// Pause has nobody told for the time being.
type Pause struct{}

// Resumption ends a pause.
type Resumption struct{}

// Settlement says what became of the mails in doubt: the server had them, or had not, and
// these people are told again.
type Settlement struct {
	Taken   bool   `json:"taken"`
	People  int    `json:"people"`
	Because string `json:"because"`
}

// Ending says that nobody is told any more, and what became of everybody.
type Ending struct {
	People    int    `json:"people"`
	Mailed    int    `json:"mailed"`
	Lettered  int    `json:"lettered"`
	Untold    int    `json:"untold"`    // who have no address
	Doubtful  int    `json:"doubtful"`  // it is not known whether a mail went
	Unsettled int    `json:"unsettled"` // who still waited
	Fates     string `json:"fates"`     // SHA-256 of what became of each, in hexadecimal
}

func (*Naming) State() ledger.State     { return Named }
func (*Listing) State() ledger.State    { return Listed }
func (*Beginning) State() ledger.State  { return Begun }
func (*Pause) State() ledger.State      { return Paused }
func (*Resumption) State() ledger.State { return Resumed }
func (*Settlement) State() ledger.State { return Settled }
func (*Ending) State() ledger.State     { return Told }

func (n *Naming) take(f *File, l Line)  { f.Telling = Telling{List: l.Number, Named: n} }
func (l *Listing) take(f *File, _ Line) { f.Telling.Listed = l }
func (b *Beginning) take(f *File, l Line) {
	f.Telling.Begun, f.Telling.At, f.Telling.Paused = b, l.At, false
}
func (*Pause) take(f *File, _ Line)      { f.Telling.Paused = true }
func (*Resumption) take(f *File, _ Line) { f.Telling.Paused = false }
func (*Settlement) take(*File, Line)     {}
func (e *Ending) take(f *File, _ Line)   { f.Telling.Ended = e }

func (n *Naming) count() int     { return n.People }
func (l *Listing) count() int    { return l.Found }
func (s *Settlement) count() int { return s.People }
func (e *Ending) count() int     { return e.People }
func (c *Count) count() int      { return c.People }

func (n *Naming) check(f File, _ time.Time) error {
	switch {
	case f.Telling.Begun != nil:
		return fault.Errorf(fault.Refused, "people of this file are being told: another list would tell them twice")
	case n.People == 0 && n.Before > 0:
		return fault.Errorf(fault.Refused, "each of them was told already, before the files were merged")
	case n.Before < 0 || n.Before > 0 && len(f.Told) == 0:
		return fault.Errorf(fault.Refused, "nobody of this file was told before")
	case f.Count == nil || f.Count.People != n.People+n.Before || n.People == 0:
		return fault.Errorf(fault.Refused, "the ledger has other people by now than were counted: count again")
	}
	return nil
}

func (l *Listing) check(f File, _ time.Time) error {
	if f.Telling.Named == nil || f.Telling.Begun != nil || l.Found+l.Missing+l.Invented != f.Telling.Named.People {
		return fault.Errorf(fault.Refused, "the list is not of those who were named")
	}
	return nil
}

// mostRate is more mails a second than any server takes.
const mostRate = 100_000

func (b *Beginning) check(f File, _ time.Time) error {
	switch lacks := b.Message.Lacks(); {
	case f.Telling.Listed == nil:
		return fault.Errorf(fault.Refused, "nobody is listed: name the people first")
	case f.Telling.Begun != nil:
		return fault.Errorf(fault.Refused, "people are being told already")
	case len(lacks) > 0:
		return fault.Errorf(fault.Refused, "the message is not ready: it lacks %v", lacks)
	case b.Message.Exercise != f.Exercise:
		return fault.Errorf(fault.Refused, "people are told that an exercise is one, and of nothing else that it is")
	case b.Rate < 0 || b.Rate > mostRate:
		return fault.Errorf(fault.Invalid, "a rate is of 1 to %d mails a second, or 0 for no bound", mostRate)
	}
	return nil
}

func (*Pause) check(f File, _ time.Time) error {
	if !f.Telling.Running() {
		return fault.Errorf(fault.Refused, "nobody is being told")
	}
	return nil
}

func (*Resumption) check(f File, _ time.Time) error {
	if f.Telling.Begun == nil || !f.Telling.Paused || f.Telling.Ended != nil {
		return fault.Errorf(fault.Refused, "telling people is not paused")
	}
	return nil
}

func (s *Settlement) check(f File, _ time.Time) error {
	if f.Telling.Begun == nil || f.Telling.Running() || f.Telling.Ended != nil {
		return fault.Errorf(fault.Refused, "what is in doubt is settled while telling people is paused, and before it is ended")
	}
	return typed.Check("what became of mails in doubt", s.Because)
}

func (e *Ending) check(f File, _ time.Time) error {
	if f.Telling.Begun == nil || f.Telling.Running() || f.Telling.Ended != nil {
		return fault.Errorf(fault.Refused, "telling people is ended once it is paused")
	}
	return nil
}
