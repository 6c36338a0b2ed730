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

// Pseudonyms conceals people in entries where these are stored. Each month is an epoch
// with a key of its own: the table alone does not tell whether somebody of one month and
// somebody of another are the same person. Reveal and Entries read entries as they were
// written.
//
// The zero value conceals nobody, and cannot reveal. It is safe to share.
type Pseudonyms struct{ months *months }

// NewPseudonyms takes the oldest month that can be read, and its key.
func NewPseudonyms(first Month, key register.EpochKey) Pseudonyms {
	return Pseudonyms{&months{first: first, key: key, next: key}}
}

// ParsePseudonyms reads what Text wrote: the oldest month that can be read, and its key.
func ParsePseudonyms(text string) (Pseudonyms, error) {
	broken := errors.New("an epoch key is a month and a key, such as 2026-11 and 44 characters, as poterne keys makes it")
	words := strings.Fields(text)
	if len(words) != 2 {
		return Pseudonyms{}, broken
	}
	first, err := ParseMonth(words[0])
	if err != nil {
		return Pseudonyms{}, broken
	}
	key, err := register.ParseEpochKey(words[1])
	if err != nil {
		return Pseudonyms{}, broken
	}
	return NewPseudonyms(first, key), nil
}

// Text is what is kept in the key file, as ParsePseudonyms reads it.
func (p Pseudonyms) Text() string { return p.months.first.String() + " " + p.months.key.Text() }

// Conceals reports whether people are concealed at all.
func (p Pseudonyms) Conceals() bool { return p.months != nil }

// Same reports whether both conceal people under the same keys, as far back as both can read.
func (p Pseudonyms) Same(other Pseudonyms) bool {
	if p.months == nil || other.months == nil {
		return p.months == other.months
	}
	from := max(p.First(), other.First())
	one, err := p.Key(from)
	two, others := other.Key(from)
	return err == nil && others == nil && one.Text() == two.Text()
}

// First is the oldest month that can be read.
func (p Pseudonyms) First() Month {
	if p.months == nil {
		return 0
	}
	return p.months.first
}

// Key is the key of a month.
func (p Pseudonyms) Key(of Month) (register.EpochKey, error) {
	place, err := p.place(of)
	if err != nil {
		return register.EpochKey{}, err
	}
	key := p.months.key
	for range place {
		key = key.Next()
	}
	return key, nil
}

// Advance returns the pseudonyms that begin with a month, or when until is 0 with the
// oldest month that the ledger still has, by the months that it has and the time. They
// reveal nobody of an earlier month, in whatever copy of it.
func (p Pseudonyms) Advance(periods []Period, until Month, now time.Time) (Pseudonyms, error) {
	if !p.Conceals() {
		return p, errors.New("there is none; write epoch under [keys]")
	}
	oldest := MonthOf(now) // never one to come: the database knows no key of those
	if i := slices.IndexFunc(periods, func(p Period) bool { return !p.Dropped }); i >= 0 {
		oldest = min(oldest, periods[i].Month)
	}
	switch first := p.First(); {
	case until == 0:
		until = max(oldest, first)
	case until > oldest:
		return p, fmt.Errorf("the ledger still has entries of %s, which nobody could read any more; drop them first, with poterne retention run", oldest)
	case until < first:
		return p, fmt.Errorf("it begins with %s, and nothing leads back to earlier months", first)
	}
	key, err := p.Key(until)
	return NewPseudonyms(until, key), err
}

// months are the epochs that were needed so far: keys follow one from another.
type months struct {
	first Month
	key   register.EpochKey // of first

	mu         sync.Mutex
	pseudonyms []register.Pseudonyms // of first and of each month after it
	next       register.EpochKey     // of the month after those
}

// farthest is how many months after the first there are keys for. What claims to be
// of a later month is damaged.
const farthest = 100 * 12

// place counts the months from the first to another.
func (p Pseudonyms) place(of Month) (int, error) {
	switch {
	case p.months == nil:
		return 0, fmt.Errorf("people are hidden under the key of %s, and there is none here: write epoch = \"epoch.key\" under [keys], the file that was there when the ledger was written", of)
	case of < p.months.first:
		return 0, fmt.Errorf("people of %s are asked for, and the epoch key begins with %s", of, p.months.first)
	}
	at, first := of.Begins(), p.months.first.Begins()
	place := (at.Year()-first.Year())*12 + int(at.Month()-first.Month())
	if MonthOf(at) != of || place > farthest {
		return 0, fmt.Errorf("there is no key of month %d", of)
	}
	return place, nil
}

// of returns the pseudonyms of a month.
func (p Pseudonyms) of(month Month) (register.Pseudonyms, error) {
	place, err := p.place(month)
	if err != nil {
		return register.Pseudonyms{}, err
	}
	m := p.months
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.pseudonyms) <= place {
		m.pseudonyms = append(m.pseudonyms, m.next.Pseudonyms())
		m.next = m.next.Next()
	}
	return m.pseudonyms[place], nil
}

// epoch is the month that was needed last, and the entry that is at hand: one place
// for many entries, since what a cipher touches is not kept on the stack.
type epoch struct {
	of         Pseudonyms
	month      Month
	pseudonyms register.Pseudonyms
	entry      Entry
	texts      texts // of those before
}

func (e *epoch) turnTo(month Month) (err error) {
	if month != e.month {
		e.month = 0
		if e.pseudonyms, err = e.of.of(month); err == nil {
			e.month = month
		}
	}
	return err
}

// mostConcealed is how much of a text can be concealed: in base64 it grows by a third.
const mostConcealed = maxText / 4 * 3

// conceal conceals the person in the entry at hand, and the number of the fact behind
// it: the same fact explains the same person in many months. An entry from before the
// oldest key is concealed under that key.
func (e *epoch) conceal() error {
	if !e.of.Conceals() || e.entry.Person.IsZero() {
		return nil
	}
	if err := e.turnTo(max(MonthOf(e.entry.Time), e.of.First())); err != nil {
		return err
	}
	e.entry.Epoch = e.month
	e.pseudonyms.Conceal(&e.entry.Person)
	if fact := &e.entry.Reason.ID; *fact != "" {
		*fact = e.pseudonyms.ConcealText((*fact)[:min(len(*fact), mostConcealed)], uint64(e.entry.Number))
	}
	return nil
}

// reveal undoes conceal.
func (e *epoch) reveal() (err error) {
	if e.entry.Epoch == 0 {
		return nil
	}
	if err := e.turnTo(e.entry.Epoch); err != nil {
		return err
	}
	e.entry.Epoch = 0
	e.pseudonyms.Reveal(&e.entry.Person)
	if fact := &e.entry.Reason.ID; *fact != "" {
		*fact, err = e.pseudonyms.RevealText(*fact, uint64(e.entry.Number))
	}
	return err
}

// open decodes an entry and reveals the person in it.
func (e *epoch) open(body []byte) (err error) {
	if e.entry, err = decode(codec{bytes: body, before: &e.texts}); err != nil {
		return err
	}
	if err = e.reveal(); err != nil {
		return fmt.Errorf("entry %d cannot be read: %w", e.entry.Number, err)
	}
	return nil
}

// Reveal reads the body of an entry as it was before it was sealed.
func (p Pseudonyms) Reveal(body []byte) (Entry, error) {
	at := epoch{of: p}
	err := at.open(body)
	return at.entry, err
}

// Open reads entries as they were before they were sealed.
func (p Pseudonyms) Open(sealed []Sealed) ([]Entry, error) {
	at := epoch{of: p}
	entries := make([]Entry, len(sealed))
	for i := range sealed {
		if err := at.open(sealed[i].Body); err != nil {
			return nil, err
		}
		entries[i] = at.entry
	}
	return entries, nil
}

// Entries reads what is yielded as it was before it was sealed.
func (p Pseudonyms) Entries(sealed iter.Seq2[Sealed, error]) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		at := epoch{of: p}
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
