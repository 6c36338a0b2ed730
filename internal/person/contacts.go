package person

import (
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/mail"
	"poterne/internal/register"
	"poterne/internal/typed"
)

// Contacts is where a person is reached. The register keeps it; Poterne guards how it changes.
type Contacts struct {
	Mail  string `json:"mail"`
	Phone string `json:"phone"`
	Post  string `json:"post"` // the lines of the postal address below the name
}

// Format prints every verb as (contact details).
func (Contacts) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, "(contact details)") }

// LogValue keeps people out of logs.
func (Contacts) LogValue() slog.Value { return slog.StringValue("(contact details)") }

// Masked is the contact details as they are shown: enough for their owner to know them again, and
// nothing to write to for somebody who has taken a session over.
func (c Contacts) Masked() Contacts {
	masked := Contacts{}
	if local, host, is := strings.Cut(c.Mail, "@"); is {
		first := []rune(local)
		masked.Mail = string(first[:min(1, len(first))]) + "•••@" + host
	}
	if digits := onlyDigits(c.Phone); len(digits) > 4 {
		masked.Phone = "•• •• •• " + digits[len(digits)-4:len(digits)-2] + " " + digits[len(digits)-2:]
	}
	if first := []rune(c.Post); len(first) > 0 {
		masked.Post = string(first[0]) + "•••"
	}
	return masked
}

func onlyDigits(phone string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, phone)
}

var (
	phoneForm = regexp.MustCompile(`^\+?[0-9][0-9 .-]{5,18}[0-9]$`)
	postLine  = regexp.MustCompile(`^[\p{L}\p{M}0-9][\p{L}\p{M}0-9 '’.,/()°-]{0,37}$`)
)

// Faults of what somebody typed, each said beside its field.
var (
	WrongMail  = fault.Errorf(fault.Invalid, "this is no mail address that can be written to")
	WrongPhone = fault.Errorf(fault.Invalid, "this is no telephone number")
	WrongPost  = fault.Errorf(fault.Invalid, "this is no postal address: two to %d lines of at most 38 signs", mostPostLines)
	NothingNew = fault.Errorf(fault.Invalid, "nothing was typed that changes")
)

// to returns what the contact details become by what was typed: what is left empty stays. What
// they are already is taken as anything else is, since a refusal would tell a guess from a miss.
func (c Contacts) to(typed Contacts) (Contacts, error) {
	became := c
	if strings.TrimSpace(typed.Mail) != "" {
		address, written := mail.Address(typed.Mail)
		if !written {
			return c, WrongMail
		}
		became.Mail = address
	}
	if text := strings.TrimSpace(typed.Phone); text != "" {
		if !phoneForm.MatchString(text) {
			return c, WrongPhone
		}
		became.Phone = text
	}
	if strings.TrimSpace(typed.Post) != "" {
		post, err := postal(typed.Post)
		if err != nil {
			return c, err
		}
		became.Post = post
	}
	if strings.TrimSpace(typed.Mail+typed.Phone+typed.Post) == "" {
		return c, NothingNew
	}
	return became, nil
}

// mostPostLines is how many lines an address has below the name, as French post reads it.
const mostPostLines = 5

// postal is a postal address as letters have it: its lines, each with one space between words.
func postal(text string) (string, error) {
	lines := typed.Lines(text)
	post := strings.Join(lines, "\n")
	if len(lines) < 2 || len(lines) > mostPostLines || onlyDigits(post) == "" || slices.ContainsFunc(lines, func(line string) bool { return !postLine.MatchString(line) }) {
		return "", WrongPost
	}
	return post, nil
}

// Slow reports whether a change of these details to others is told by letter, which takes longer to
// be read: the postal address changes, or no mail address was there to write to.
func (c Contacts) Slow(became Contacts) bool { return c.Post != became.Post || c.mailTo() == "" }

// mailTo is the mail address where the person is written to; empty where the register has none, or what nobody can write to.
func (c Contacts) mailTo() string {
	address, written := mail.Address(c.Mail)
	if !written {
		return ""
	}
	return address
}

// postTo is how a letter to somebody of a name is addressed; nothing where the register has no postal address.
func (c Contacts) postTo(name string) []string {
	lines := typed.Lines(c.Post)
	if len(lines) == 0 {
		return nil
	}
	return append([]string{typed.Line(name)}, lines...)
}

// ContactChange is what a person asked their contact details to become, and what came of it.
type ContactChange struct {
	Number    ledger.Number // of the entry that asked it
	Person    register.PersonID
	Hidden    []byte       // who it is and both details, encrypted; empty once nothing can come of it any more
	State     ledger.State // one of ContactStates
	Asked     time.Time
	Due       time.Time     // when it takes effect; zero until both addresses were told
	Since     time.Time     // when it came to its state
	Decided   ledger.Number // the entry that the register is, or was, to be told of; 0 while there is none
	Delivered bool          // and nothing is to be told
}

// ContactStates are what becomes of a change.
var ContactStates = []ledger.State{ledger.Asked, ContactsTold, ContactsInForce, ledger.Stopped, ContactsPutBack, ContactsOvertaken, ContactsUntold}

// What becomes of a change of contact details, besides that it is asked and stopped.
const (
	ContactsTold      ledger.State = "told"      // both addresses were told, and its time runs
	ContactsInForce   ledger.State = "in-force"  // the register is to have the new details
	ContactsPutBack   ledger.State = "put-back"  // and then the former ones again
	ContactsOvertaken ledger.State = "overtaken" // the register has others meanwhile: nothing is done
	ContactsUntold    ledger.State = "untold"    // an address could not be told: it is as if it was not asked

	contactsDelivered ledger.State = "delivered" // the register has what was decided; the state stays
	contactsForgotten ledger.State = "forgotten" // and so does it when the details are
)

// The times of a change of contact details.
const (
	ContactsWait      = 72 * time.Hour      // from when both addresses were told
	ContactsSlowWait  = 10 * 24 * time.Hour // and where one of them was told by letter
	ContactsPutBackIn = 30 * 24 * time.Hour // from when it took effect, by the former address
	contactsTellIn    = 15 * time.Minute    // both addresses are told, or it was never asked
	contactsRest      = 24 * time.Hour      // nothing is asked so soon after a recovery
	contactsMost      = 5                   // are asked within contactsWithin
	contactsWithin    = 30 * 24 * time.Hour

	// After a change of which an address could not be told, the next is asked no sooner than contactsAgain later,
	// twice as long with each more within contactsRest, and at most contactsAgainMost: the address that could be
	// told is written to each time.
	contactsAgain     = time.Minute
	contactsAgainMost = time.Hour
)

// Waits reports whether it is to take effect.
func (c ContactChange) Waits(now time.Time) bool {
	return c.State == ContactsTold || c.State == ledger.Asked && now.Sub(c.Asked) < contactsTellIn
}

// forgettable reports whether what it hides can be forgotten: time has gone over it.
func (c ContactChange) forgettable(now time.Time) bool {
	switch c.State {
	case ledger.Asked:
		return !c.Waits(now)
	case ContactsInForce:
		return c.Delivered && now.Sub(c.Since) >= ContactsPutBackIn
	default:
		return false
	}
}

// settling reports whether the register is still to be told of it.
func (c ContactChange) settling() bool { return c.Decided != 0 && !c.Delivered }

// ContactRows are the changes of contact details, in this turn.
type ContactRows interface {
	// ContactChanges returns those of a person, in the order of their numbers.
	ContactChanges(register.PersonID) ([]ContactChange, error)
	// ContactChange returns one; fault.Absent when there is none.
	ContactChange(number ledger.Number) (ContactChange, error)
	// PutContactChange adds one, or changes what came of it.
	PutContactChange(ContactChange) error
}

// Faults of a change that is not taken now.
var (
	ContactsBusy    = fault.Errorf(fault.Refused, "a change of contact details is under way already")
	ContactsResting = fault.Errorf(fault.Refused, "contact details are not changed on the day after a recovery")
	ContactsLately  = fault.Errorf(fault.Refused, "the addresses could not be told a moment ago: a change can be asked again within the hour")
	ContactsOften   = fault.Errorf(fault.Refused, "at most %d changes are asked within 30 days", contactsMost)
)

// AskContacts asks that contact details change. Nothing runs until both addresses are told.
type AskContacts struct {
	Person    register.PersonID
	Hidden    []byte
	Recovered time.Time // when the person's access to the register was last recovered; zero for never
	Network   string
}

// Decide implements journal.Act.
func (a AskContacts) Decide(tx *journal.Tx, rows ContactRows) (ledger.Entry, error) {
	before, err := rows.ContactChanges(a.Person)
	if err != nil {
		return ledger.Entry{}, err
	}
	now, lately, untold := tx.Now(), 0, 0
	if now.Sub(a.Recovered) < contactsRest {
		return ledger.Entry{}, ContactsResting
	}
	for _, c := range before {
		switch {
		case c.Waits(now), c.settling():
			return ledger.Entry{}, ContactsBusy
		case (c.State == ledger.Stopped || c.State == ContactsPutBack) && now.Sub(c.Since) < contactsRest:
			return ledger.Entry{}, ContactsResting
		case c.State == ContactsUntold && now.Sub(c.Since) < contactsRest:
			if untold++; now.Sub(c.Since) < againAfter(untold) {
				return ledger.Entry{}, ContactsLately
			}
		case c.State == ContactsUntold: // it is none of those that are asked within contactsWithin
		case now.Sub(c.Asked) < contactsWithin:
			lately++
		}
	}
	if lately >= contactsMost {
		return ledger.Entry{}, ContactsOften
	}
	return ledger.Entry{Kind: ledger.Contacted, Person: a.Person, State: ledger.Asked, Digest: hiddenDigest(a.Hidden), Network: a.Network}, nil
}

// againAfter is how long to wait after so many changes of which an address could not be told, one or more.
func againAfter(untold int) time.Duration {
	wait := contactsAgain
	for ; untold > 1 && wait < contactsAgainMost; untold-- {
		wait *= 2
	}
	return min(wait, contactsAgainMost)
}

// Apply implements journal.Act.
func (a AskContacts) Apply(rows ContactRows, e ledger.Entry) error {
	return rows.PutContactChange(ContactChange{Number: e.Number, Person: a.Person, Hidden: a.Hidden, State: e.State, Asked: e.Time, Since: e.Time, Delivered: true})
}

func hiddenDigest(hidden []byte) ledger.Digest { return ledger.Digest(sha256.Sum256(hidden)) }

// MoveContacts takes a change from one state to the next. Its caller knows who may: the holder of
// a link, the person, or time.
type MoveContacts struct {
	Number ledger.Number
	To     ledger.State

	Slow    bool          // of what is told: a letter is under way
	Decided ledger.Number // the entry that the register was told of, when it was
}

// Decide implements journal.Act.
func (m MoveContacts) Decide(tx *journal.Tx, rows ContactRows) (ledger.Entry, error) {
	c, err := rows.ContactChange(m.Number)
	if err != nil {
		return ledger.Entry{}, err
	}
	now, may := tx.Now(), false
	e := ledger.Entry{Kind: ledger.Contacted, Person: c.Person, State: m.To, Cause: c.Number, Digest: hiddenDigest(c.Hidden)}
	switch m.To {
	case ContactsTold:
		may = c.State == ledger.Asked && c.Waits(now)
		wait := ContactsWait
		if m.Slow {
			wait = ContactsSlowWait
		}
		e.Until = ledger.Cut(now.Add(wait))
	case ledger.Stopped:
		may = c.Waits(now)
	case ContactsUntold:
		may = c.State == ledger.Asked
	case ContactsInForce, ContactsOvertaken:
		may = c.State == ContactsTold && !now.Before(c.Due)
	case ContactsPutBack:
		if c.State == ContactsInForce && now.Sub(c.Since) < ContactsPutBackIn {
			may, err = stands(c, rows)
		}
	case contactsDelivered:
		may = c.settling() && c.Decided == m.Decided
	case contactsForgotten:
		may = c.forgettable(now) && len(c.Hidden) > 0
	}
	switch {
	case err != nil:
		return ledger.Entry{}, err
	case !may:
		return ledger.Entry{}, &fault.Error{Kind: fault.Absent, Public: "there is nothing to change here any more"}
	}
	return e, nil
}

// stands reports whether a change was asked by whom no former address has turned out since: of
// a thief's second change, the former address is the thief's.
func stands(c ContactChange, rows ContactRows) (bool, error) {
	all, err := rows.ContactChanges(c.Person)
	return err == nil && !slices.ContainsFunc(all, func(other ContactChange) bool {
		return other.Number < c.Number && other.State == ContactsPutBack && !other.Since.Before(c.Asked)
	}), err
}

// Apply implements journal.Act.
func (m MoveContacts) Apply(rows ContactRows, e ledger.Entry) error {
	c, err := rows.ContactChange(m.Number)
	if err != nil {
		return err
	}
	switch m.To {
	case contactsDelivered:
		if c.Delivered = true; c.State == ContactsPutBack {
			c.Hidden = nil
		}
		return rows.PutContactChange(c)
	case contactsForgotten:
		c.Hidden = nil
		return rows.PutContactChange(c)
	case ledger.Stopped, ContactsOvertaken, ContactsUntold:
		c.Hidden = nil
	case ContactsTold:
		c.Due = e.Until
	case ContactsInForce, ContactsPutBack:
		c.Decided, c.Delivered = e.Number, false
	}
	c.State, c.Since = e.State, e.Time
	return rows.PutContactChange(c)
}
