package ledger

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"poterne/internal/register"
)

// Veil hides people in entries where these are stored. Each month is an epoch with
// a key of its own: whoever has the table alone cannot tell whether somebody of one
// month and somebody of another are the same person. Whoever reads through the veil
// finds entries as they were written.
//
// Its zero value hides nobody, and cannot read what was hidden. It is safe to share.
type Veil struct{ months *months }

// NewVeil takes the oldest month that can be read, and its key.
func NewVeil(first Month, key register.EpochKey) Veil {
	return Veil{&months{first: first, key: key, next: key}}
}

// ParseVeil reads what is kept of a veil: the oldest month that can be read, and its
// key.
func ParseVeil(text string) (Veil, error) {
	broken := errors.New("an epoch key is a month and a key, such as 2026-11 and 44 characters, as poterne keys makes it")
	words := strings.Fields(text)
	if len(words) != 2 {
		return Veil{}, broken
	}
	first, err := ParseMonth(words[0])
	if err != nil {
		return Veil{}, broken
	}
	key, err := register.ParseEpochKey(words[1])
	if err != nil {
		return Veil{}, broken
	}
	return NewVeil(first, key), nil
}

// Text is what is kept of a veil, as ParseVeil reads it.
func (v Veil) Text() string { return v.months.first.String() + " " + v.months.key.Text() }

// Hides reports whether v hides people at all.
func (v Veil) Hides() bool { return v.months != nil }

// First is the oldest month that v can read.
func (v Veil) First() Month {
	if v.months == nil {
		return 0
	}
	return v.months.first
}

// Key is the key of a month.
func (v Veil) Key(of Month) (register.EpochKey, error) {
	place, err := v.place(of)
	if err != nil {
		return register.EpochKey{}, err
	}
	key := v.months.key
	for range place {
		key = key.Next()
	}
	return key, nil
}

// Advance returns the veil that begins with a month, or when until is 0 with the
// oldest that the ledger still has, by the months that it has and the time: nobody can
// tell with it any more who the people of earlier months were, in whatever copy of
// them.
func (v Veil) Advance(periods []Period, until Month, now time.Time) (Veil, error) {
	if !v.Hides() {
		return v, errors.New("there is none; write epoch under [keys]")
	}
	oldest := MonthOf(now) // never one to come: the database knows no key of those
	if i := slices.IndexFunc(periods, func(p Period) bool { return !p.Dropped }); i >= 0 {
		oldest = min(oldest, periods[i].Month)
	}
	switch first := v.First(); {
	case until == 0:
		until = max(oldest, first)
	case until > oldest:
		return v, fmt.Errorf("the ledger still has entries of %s, which nobody could read any more; drop them first, with poterne retention run", oldest)
	case until < first:
		return v, fmt.Errorf("it begins with %s, and nothing leads back to earlier months", first)
	}
	key, err := v.Key(until)
	return NewVeil(until, key), err
}

// months are the epochs that were needed so far: keys follow one from another.
type months struct {
	first Month
	key   register.EpochKey // of first

	mu   sync.Mutex
	veil []register.Veil   // of first and of each month after it
	next register.EpochKey // of the month after those
}

// farthest is how many months after the first there are keys for. What claims to be
// of a later month is damaged.
const farthest = 100 * 12

// place counts the months from the first to another.
func (v Veil) place(of Month) (int, error) {
	switch {
	case v.months == nil:
		return 0, fmt.Errorf("people are hidden under the key of %s, and there is none here: write epoch = \"epoch.key\" under [keys], the file that was there when the ledger was written", of)
	case of < v.months.first:
		return 0, fmt.Errorf("people of %s are asked for, and the epoch key begins with %s", of, v.months.first)
	}
	at, first := of.Begins(), v.months.first.Begins()
	place := (at.Year()-first.Year())*12 + int(at.Month()-first.Month())
	if MonthOf(at) != of || place > farthest {
		return 0, fmt.Errorf("there is no key of month %d", of)
	}
	return place, nil
}

// of returns the veil of a month.
func (v Veil) of(month Month) (register.Veil, error) {
	place, err := v.place(month)
	if err != nil {
		return register.Veil{}, err
	}
	m := v.months
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.veil) <= place {
		m.veil = append(m.veil, m.next.Veil())
		m.next = m.next.Next()
	}
	return m.veil[place], nil
}

// epoch is the month that was needed last, and the entry that is at hand: one place
// for many entries, since what a cipher touches is not kept on the stack.
type epoch struct {
	of    Veil
	month Month
	veil  register.Veil
	entry Entry
}

func (e *epoch) turnTo(month Month) (err error) {
	if month != e.month {
		e.month = 0
		if e.veil, err = e.of.of(month); err == nil {
			e.month = month
		}
	}
	return err
}

// mostHidden is how much of a text can be hidden: in base64 it grows by a third.
const mostHidden = maxText / 4 * 3

// hide hides the person in the entry at hand, and the number of the fact behind it:
// the same fact explains the same person in many months. A clock that is behind the
// oldest key hides under that.
func (e *epoch) hide() error {
	if !e.of.Hides() || e.entry.Person.IsZero() {
		return nil
	}
	if err := e.turnTo(max(MonthOf(e.entry.Time), e.of.First())); err != nil {
		return err
	}
	e.entry.Epoch = e.month
	e.veil.Hide(&e.entry.Person)
	if fact := &e.entry.Reason.ID; *fact != "" {
		*fact = e.veil.HideText((*fact)[:min(len(*fact), mostHidden)], uint64(e.entry.Number))
	}
	return nil
}

// lift undoes hide.
func (e *epoch) lift() (err error) {
	if e.entry.Epoch == 0 {
		return nil
	}
	if err := e.turnTo(e.entry.Epoch); err != nil {
		return err
	}
	e.entry.Epoch = 0
	e.veil.Lift(&e.entry.Person)
	if fact := &e.entry.Reason.ID; *fact != "" {
		*fact, err = e.veil.LiftText(*fact, uint64(e.entry.Number))
	}
	return err
}

// open decodes an entry and lifts the veil from it.
func (e *epoch) open(body []byte) (err error) {
	if e.entry, err = Decode(body); err != nil {
		return err
	}
	if err = e.lift(); err != nil {
		return fmt.Errorf("entry %d cannot be read: %w", e.entry.Number, err)
	}
	return nil
}

// Open reads the body of an entry as it was before it was sealed.
func (v Veil) Open(body []byte) (Entry, error) {
	at := epoch{of: v}
	err := at.open(body)
	return at.entry, err
}

// Entries reads what a shelf yields as it was before it was sealed.
func (v Veil) Entries(sealed iter.Seq2[Sealed, error]) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		at := epoch{of: v}
		for row, err := range sealed {
			if err == nil {
				err = at.open(row.Body)
			}
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if !yield(at.entry, nil) {
				return
			}
		}
	}
}
