// Package archive forgets people. What Poterne itself holds of somebody is moved by dated rules
// into an archive apart, under a key of the person's own, which is wrapped under the key of the
// month at whose end it is erased. Destroying that key erases it wherever copies are.
package archive

import (
	"crypto/cipher"
	"maps"
	"slices"
	"time"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Category is a kind of what is held of people.
type Category string

// What is held of people, and when it has ended.
const (
	Questions Category = "questions" // that people asked about their lines: once they are answered
	Contacts  Category = "contacts"  // changes of contact details: once nothing can come of them
	Facts     Category = "facts"     // what sources said: once it holds no longer
	Covers    Category = "covers"    // who saw whose people while they were away: once it is over
	Aliases   Category = "aliases"   // whom identifiers lead to: since they were last told, while no fact is kept of the person
	Told      Category = "told"      // lists of people told of an incident: once its file is closed
	Proposals Category = "proposals" // accounts that were proposed: once nothing can come of it
	Lists     Category = "lists"     // who was on the lists of export permits: once the permit has ended
	Asked     Category = "readings"  // whose archived records two people wanted to read: since it was asked for
	Names     Category = "names"     // whose accounts are: since they were closed, once the ledger has nothing of the time before
)

// Categories is all of them.
var Categories = []Category{Questions, Contacts, Facts, Covers, Aliases, Told, Proposals, Lists, Asked, Names}

// apart reports whether what is held may be archived: what a person said, or had done.
func (c Category) apart() bool { return c == Questions || c == Contacts }

// Rule is for how many whole months something is held after its end, and for how many it exists
// at all. What is not archived is deleted.
type Rule struct {
	Of      Category
	Archive int // months until it is moved into the archive; 0: it is not
	Erase   int // months until it is erased
}

// The bounds of a rule, in months. What the active tables are asked about people goes back some
// weeks.
const (
	ShortestRule = 3
	LongestRule  = 50 * 12
)

// Check says what is wrong with a rule.
func (r Rule) Check() error {
	switch {
	case !slices.Contains(Categories, r.Of):
		return fault.Errorf(fault.Invalid, "%q is nothing that is held of people; write one of %q", string(r.Of), Categories)
	case r.Erase < ShortestRule || r.Erase > LongestRule:
		return fault.Errorf(fault.Invalid, "%s: they are erased %d to %d months after their end", r.Of, ShortestRule, LongestRule)
	case r.Archive != 0 && (r.Archive < ShortestRule || r.Archive >= r.Erase):
		return fault.Errorf(fault.Invalid, "%s: they are archived %d months after their end at the earliest, and before they are erased", r.Of, ShortestRule)
	case r.Archive != 0 && !r.Of.apart():
		return fault.Errorf(fault.Invalid, "%s are nothing that people said or asked: they are not archived here, only erased", r.Of)
	}
	return nil
}

// until is the month at whose end something is erased that ended at a time.
func (r Rule) until(ended time.Time) ledger.Month {
	return ledger.MonthOf(ended).Plus(r.Erase)
}

// Item is one row of what is held of a person.
type Item struct {
	Key    string // by which its category tells it from others
	Person register.PersonID
	Ended  time.Time
	Text   []byte // what it says, as JSON
	People int    // how many people it is about, where that is not one
}

// count is how many people items are about, one more often than once.
func count(items []Item) (n int) {
	for _, item := range items {
		n += max(1, item.People)
	}
	return n
}

// Stored is an item as the archive keeps it.
type Stored struct {
	Until   ledger.Month
	Tag     Tag
	Of      Category
	Key     string
	Wrapped []byte // the person's key
	Box     []byte // the item, under it
}

// Rows are what is held of people and what is archived, in this turn.
type Rows interface {
	approval.Rows
	// Remove removes items of a category, and returns how many there were.
	Remove(of Category, items []Item) (int, error)
	// Unname takes out of accounts what says whose they were, at a time, and returns the digests that
	// their rows have then. It leaves out accounts that Remove would not find.
	Unname(items []Item, at time.Time) (map[roster.AccountID]ledger.Digest, error)
	// Wrapped returns the key of a person until a month ends, wrapped; nothing when there is none.
	Wrapped(until ledger.Month, tag Tag) ([]byte, error)
	// Store keeps an item, and the person's key when it is the first.
	Store(Stored) error
	// Expired returns at most so many of the items that were kept until before a month.
	Expired(before ledger.Month, most int) ([]Stored, error)
	// Expire removes them, and with the last of them the keys of all of their people.
	Expire(items []Stored, before ledger.Month, last bool) error
}

// Move moves items into the archive: each is there or here, and never in both.
type Move struct {
	Rule  Rule
	Items []Item
	Key   func(until ledger.Month) ([]byte, error) // of a period
}

// Decide implements journal.Act.
func (m Move) Decide(*journal.Tx, Rows) (ledger.Entry, error) {
	return ledger.Entry{
		Kind: ledger.ArchiveMoved, Account: journal.Itself, State: ledger.State(m.Rule.Of), Count: uint64(count(m.Items)), Digest: digest(m.Rule.Of, m.Items),
	}, nil
}

// Apply implements journal.Act.
func (m Move) Apply(rows Rows, _ ledger.Entry) error {
	if err := all(rows, m.Rule.Of, m.Items); err != nil { // before anything is stored: another run may have
		return err
	}
	envelopes := make(map[ledger.Month]envelope)
	for _, item := range m.Items {
		until := m.Rule.until(item.Ended)
		envelope, known := envelopes[until]
		if !known {
			key, err := m.Key(until)
			if err != nil {
				return err
			}
			if envelope, err = newEnvelope(key); err != nil {
				return err
			}
			envelopes[until] = envelope
		}
		s := Stored{Until: until, Tag: envelope.of(item.Person), Of: m.Rule.Of, Key: item.Key}
		before, err := rows.Wrapped(s.Until, s.Tag)
		if err != nil {
			return err
		}
		var person cipher.AEAD
		if before != nil {
			person, err = envelope.open(s.Tag, before)
		} else {
			person, s.Wrapped, err = envelope.make(s.Tag)
		}
		if err != nil {
			return err
		}
		s.Box = person.Seal(nil, nil, item.Text, s.label())
		if err := rows.Store(s); err != nil {
			return err
		}
	}
	return nil
}

// label is what a box is sealed with, besides its text: it opens as no other item.
func (s Stored) label() []byte { return []byte(string(s.Tag[:]) + string(s.Of) + " " + s.Key) }

// all removes items, and fails unless every one was there still.
func all(rows Rows, of Category, items []Item) error {
	n, err := rows.Remove(of, items)
	if err == nil && n != len(items) {
		err = changedMeanwhile
	}
	return err
}

var changedMeanwhile = &fault.Error{Kind: fault.Unavailable, Public: "what is held of people changed meanwhile: it is tried again"}

func digest(of Category, items []Item) ledger.Digest {
	return ledger.DigestRows(func(row func(...any)) {
		for _, item := range items {
			row(of, item.Key, item.Ended.UnixMicro())
		}
	})
}

// Forget deletes items that no archive keeps. Of accounts it erases whose they were: the accounts
// stay, since entries and lineages name them.
type Forget struct {
	Of    Category
	Items []Item

	unnamed map[roster.AccountID]ledger.Digest
}

// Decide implements journal.Act.
func (f *Forget) Decide(*journal.Tx, Rows) (ledger.Entry, error) {
	return ledger.Entry{Kind: ledger.Erased, Account: journal.Itself, State: ledger.State(f.Of), Count: uint64(count(f.Items)), Digest: digest(f.Of, f.Items)}, nil
}

// Apply implements journal.Act.
func (f *Forget) Apply(rows Rows, e ledger.Entry) (err error) {
	if f.Of != Names {
		return all(rows, f.Of, f.Items)
	}
	if f.unnamed, err = rows.Unname(f.Items, e.Time); err == nil && len(f.unnamed) != len(f.Items) {
		err = changedMeanwhile
	}
	return err
}

// Details implements journal.Details: the ledger holds accounts against their digests.
func (f *Forget) Details() (entries []ledger.Entry) {
	for _, id := range slices.Sorted(maps.Keys(f.unnamed)) {
		entries = append(entries, ledger.Entry{Kind: ledger.Assigned, Account: journal.Itself, Reach: order.Account, Target: string(id), Digest: f.unnamed[id]})
	}
	return entries
}

// Changes implements journal.Changes.
func (f *Forget) Changes() bool { return f.Of == Names }

// Expire takes out of the tables some of what was kept until before a month. The keys of those
// months MUST be destroyed: the entry says that nobody can read it any more.
type Expire struct {
	Before ledger.Month
	gone   []Stored
	last   bool
}

// mostExpired is how many items one act takes out: the ledger's head is not held for long.
const mostExpired = 1000

// Decide implements journal.Act.
func (x *Expire) Decide(_ *journal.Tx, rows Rows) (ledger.Entry, error) {
	gone, err := rows.Expired(x.Before, mostExpired+1)
	if err != nil {
		return ledger.Entry{}, err
	}
	x.last = len(gone) <= mostExpired
	gone = gone[:min(len(gone), mostExpired)]
	x.gone = gone
	if len(gone) == 0 {
		return ledger.Entry{}, journal.Unchanged
	}
	return ledger.Entry{
		Kind: ledger.Erased, Account: journal.Itself, State: ledger.KeysDestroyed, First: gone[0].Until, Last: gone[len(gone)-1].Until, Count: uint64(len(gone)),
		Digest: ledger.DigestRows(func(row func(...any)) {
			for _, s := range gone {
				row(s.Until, string(s.Tag[:]), s.Of, s.Key)
			}
		}),
	}, nil
}

// Apply implements journal.Act.
func (x *Expire) Apply(rows Rows, _ ledger.Entry) error {
	return rows.Expire(x.gone, x.Before, x.last)
}

// Believed is the time by which something is due: that of the last entry or the clock's,
// whichever is earlier, and no later than the end of the last month that the ledger came to from
// the month before. A clock that leaps ahead makes nothing due.
func Believed(periods []ledger.Period, last, clock time.Time) time.Time {
	now := last
	if clock.Before(now) {
		now = clock
	}
	var lived ledger.Month
	for i, p := range periods {
		if p.Month <= ledger.MonthOf(now) && (i == 0 || periods[i-1].Month.Plus(1) == p.Month) {
			lived = p.Month
		}
	}
	if lived == 0 {
		return time.Time{}
	}
	if end := lived.Plus(1).Begins(); end.Before(now) {
		return end
	}
	return now
}
