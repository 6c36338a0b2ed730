// Package roster says who may use what, until when: organisations, accounts and
// habilitations. Being signed in gives no right; a habilitation does, for one
// service and one purpose, and it ends by itself.
package roster

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"

	"poterne/internal/register"
	"poterne/internal/typed"
)

type (
	// AccountID names one member of staff in one organisation.
	AccountID string
	// OrganisationID names a mission locale, a Cap emploi, an agency…
	OrganisationID string
	// ServiceID names an application behind Poterne.
	ServiceID string
	// Purpose names why a service is used; it decides which fields may be shown.
	Purpose string
	// SessionID names a session in the ledger. It is not the session's secret.
	SessionID string
)

// SessionLife is the longest that a session lives.
const SessionLife = 10 * time.Hour

// CheckID says what keeps a text from being the id of an account or an organisation. Its
// characters are those that RFC 8265 allows in the names of accounts.
func CheckID(id string) error {
	plain, err := precis.UsernameCasePreserved.String(id)
	switch {
	case strings.ContainsFunc(id, unicode.IsSpace):
		return errors.New("holds a space; write it without")
	case !norm.NFC.IsNormalString(id):
		return errors.New("its letters and their accents are written apart; write them as one")
	case Alike(id) == Itself:
		return errors.New("is the name under which the program itself acts; write another")
	case strings.HasPrefix(Alike(id), string(ClientPrefix)), strings.HasPrefix(Alike(id), string(TransmitterPrefix)):
		return errors.New("begins like the name of a system that provisions or signals; write another")
	case err != nil || plain != id:
		return errors.New("holds a character that cannot be seen, or that is another way of writing one; write it with letters, digits and the signs of a keyboard")
	}
	return oneScript(id)
}

// CheckName says what keeps a text from being the name of a person or an organisation. Its characters
// are those that RFC 8265 allows in free text, and its middle dot wherever it stands: in GAL·LA as in gal·la,
// and between two names written in Chinese.
func CheckName(name string) error {
	switch _, err := precis.OpaqueString.String(strings.ReplaceAll(name, "·", "-")); {
	case typed.Wrong(name) == typed.Missing:
		return errors.New("is empty; write a name")
	case err != nil || !utf8.ValidString(name) || strings.ContainsRune(name, '\u2800'): // a pattern without dots
		return errors.New("holds a character that cannot be seen, or that turns the direction of writing around; type it anew")
	}
	return oneScript(name)
}

// LongestName is how many characters a name has at most that somebody types.
const LongestName = 100

// CheckTypedName is CheckName of a name that somebody types, which is short enough for a page.
func CheckTypedName(name string) error {
	if utf8.RuneCountInString(name) > LongestName {
		return fmt.Errorf("has more than %d characters; shorten it", LongestName)
	}
	return CheckName(name)
}

// oneScript refuses words in which a letter of one script passes for one of another.
func oneScript(text string) error {
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) }) {
		scripts := 0
		for _, script := range []*unicode.RangeTable{unicode.Latin, unicode.Greek, unicode.Cyrillic} {
			if strings.ContainsFunc(word, func(r rune) bool { return unicode.Is(script, r) }) {
				scripts++
			}
		}
		if scripts > 1 {
			return errors.New("holds a word with letters of several alphabets, such as a Cyrillic \u0430 for a; type it anew")
		}
	}
	return nil
}

// Itself is the account of what the program does by itself. No account is named so: see CheckID.
const Itself = "poterne"

// The names of systems that act without an account begin so; no account's does: see CheckID.
const (
	ClientPrefix      AccountID = "provision/" // it proposes accounts and closes them
	TransmitterPrefix AccountID = "signals/"   // it ends sessions and suspends accounts
)

// Client reports whether a system that provisions accounts is named, and no account.
func (id AccountID) Client() bool { return strings.HasPrefix(string(id), string(ClientPrefix)) }

// Alike is the same for ids and names that people read as one: in capitals or not, in full
// width or not, whatever their accents, apostrophes, hyphens and spaces are made of. Ids are
// compared letter by letter, so a roster MUST NOT have two that are alike.
func Alike(text string) string {
	return cases.Fold().String(norm.NFKC.String(signs.Replace(typed.Line(text))))
}

// signs are written in several ways; before NFKC, which makes a space and an accent of ´.
var signs = strings.NewReplacer("’", "'", "‘", "'", "ʼ", "'", "ʻ", "'", "′", "'", "´", "'", "`", "'", "‐", "-", "‑", "-", "–", "-", "−", "-")

// Role says what an account's work is; allowances are given by role. Who reads files has a
// role that the operator names: see CheckRole. The others stand in code, since they act in
// Poterne itself.
type Role string

const (
	Manager   Role = "manager"   // proposes accounts, reads no file
	Security  Role = "security"  // watches the desk and contains, reads no file
	Privacy   Role = "privacy"   // keeps the files of incidents and tells who must be told, reads no file
	Messages  Role = "messages"  // no person's: the program reads where people can be reached who are told of an incident
	Programme Role = "programme" // no person's: a partner's programme, which proves itself by a key
)

// The roles of people who read files where the operator names none.
const (
	Adviser    Role = "adviser"     // accompanies people of a caseload
	Desk       Role = "desk"        // receives walk-in visitors
	CallCentre Role = "call-centre" // answers callers
	Training   Role = "training"    // trains people enrolled with its organisation
)

// Readers lists these four.
var Readers = []Role{Adviser, Desk, CallCentre, Training}

// fixed are the roles that mean the same whoever operates.
var fixed = []Role{Manager, Security, Privacy, Programme, Messages}

// Given lists every role of accounts that are proposed, where these are the roles of people
// who read files: those that people have, and the programmes'.
func Given(readers []Role) []Role {
	return append(slices.Clip(readers), Manager, Security, Privacy, Programme)
}

// ReadsFiles reports whether the role is of those that are shown people: managing and watching
// cannot be held together with reading. A role that the operator no longer names stays one of
// them: it never manages, and the policy shows it nobody.
func (r Role) ReadsFiles() bool {
	return r == Messages || r == Programme || CheckRole(string(r)) == nil
}

var roleIDs = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// CheckRole says why an id cannot be a role of people who read files. The ledger keeps it.
func CheckRole(id string) error {
	if !roleIDs.MatchString(id) {
		return fmt.Errorf("%q is not the id of a role; write at most 32 small letters, digits and hyphens, a letter first", id)
	}
	if slices.Contains(fixed, Role(id)) {
		return fmt.Errorf("the role %q is Poterne's own; write another id", id)
	}
	return nil
}

// ParseRole returns the role called name, where these are the roles of people who read files.
func ParseRole(name string, readers []Role) (Role, error) {
	if role := Role(name); role == Messages || slices.Contains(Given(readers), role) {
		return role, nil
	}
	return "", fmt.Errorf("%q is not a role; write one of %v", name, Given(readers))
}

// Organisation is a partner whose staff consult the register.
type Organisation struct {
	ID    OrganisationID
	SIRET string // 14 digits
	Name  string
	Mail  string // where its head is told of what its managers do; may be empty

	Quota  int       // of accounts; zero: as the configuration says
	Until  time.Time // from when its accounts are closed; zero: no end is set
	Closed time.Time // since when they are, and none comes into it; zero while it is open
	Set    uint64    // the entry by which two people set it last; zero: a roster did
}

// Identity is how an identity provider names a person. An account is bound to all of it,
// and to its organisation's SIRET.
type Identity struct {
	Issuer   string // the provider's issuer URL
	Provider string // idp_id: the provider behind a federation; may be empty
	Subject  string // sub
}

// Code is what a person reads out to whoever is to find their identity in a list: 8 letters
// and digits, the same for the same identity. It proves nothing.
func (i Identity) Code() string {
	sum := sha256.New()
	for _, part := range []string{i.Issuer, i.Provider, i.Subject} {
		fmt.Fprintf(sum, "%d:%s,", len(part), part)
	}
	code := base32.StdEncoding.EncodeToString(sum.Sum(nil))
	return code[:4] + "-" + code[4:8]
}

// Account is one member of staff in one organisation.
type Account struct {
	ID           AccountID
	Organisation OrganisationID
	Role         Role
	Name         string // shown to colleagues and to the desk, never written in the ledger
	Identity     Identity
	Opened       time.Time
	Proposer     AccountID // who proposed it; empty when it came with a roster from outside
	Approver     AccountID // who approved it; empty when it came with a roster
	Recoverer    AccountID // who last asked for it to be bound anew; empty when nobody did
	Mail         string    // of the person, as Mail writes it; may be empty, and is never written in the ledger
	Until        time.Time // exclusive; zero: no end is set
	Closed       time.Time // since when it gives no right any more; zero while it is open
	Review       time.Time // when its managers must have confirmed it, exclusive; zero: they need not
	Trained      time.Time // until when its certificate of awareness lasts, exclusive; zero: it has none
	Waits        uint64    // the entry of the roster that made or changed it, until a second person admits that; zero: it waits for none
	Diverged     uint64    // the entry that suspended it, since what it is bound to has changed, until two people approve it again; zero: none did
	Voucher      AccountID // who approved it again first, of the two; empty while nobody has
	Vouched      time.Time // when they did; zero while nobody has
	Erased       time.Time // since when nothing says any more whose it was; zero while something does
}

// Nameless is the account without what says whose it was, erased at a time. It MUST be closed: its
// identity is nobody's from then on.
func (a Account) Nameless(at time.Time) Account {
	a.Name, a.Mail, a.Identity, a.Erased = "", "", Identity{Subject: string(a.ID)}, at
	return a
}

// Gives reports whether the account gives any right at now: it is open, it waits for no
// second person, its managers confirmed it in time, and its end has not come.
func (a Account) Gives(now time.Time) bool {
	return a.Open() && (a.Until.IsZero() || now.Before(a.Until)) && !a.Lapsed(now)
}

// Lapsed reports whether the account is suspended until its managers confirm it.
func (a Account) Lapsed(now time.Time) bool { return !a.Review.IsZero() && !now.Before(a.Review) }

// Open reports whether the account was not closed, waits for nobody, and is still bound to
// what it was bound to.
func (a Account) Open() bool { return a.Closed.IsZero() && a.Waits == 0 && a.Diverged == 0 }

// SamePerson reports whether two accounts are known to be one person's: they have one mail
// address, or one name in one organisation.
func (a Account) SamePerson(b Account) bool {
	name := Alike(a.Name)
	return a.Mail != "" && a.Mail == b.Mail || a.Organisation == b.Organisation && name != "" && name == Alike(b.Name)
}

// Mail returns the one spelling of a mail address, so that two of them are compared as
// text. An address with a tag after a plus is refused: it is another spelling of one.
func Mail(typed string) (string, error) {
	typed = strings.ToLower(norm.NFKC.String(strings.TrimSpace(typed)))
	local, domain, found := strings.Cut(typed, "@")
	plain := func(text, more string) bool {
		return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune(more, r)
		})
	}
	switch {
	case strings.Contains(local, "+"):
		return "", errors.New("holds a plus sign; write the address without it and what follows it")
	case !found || len(typed) > 254 || !plain(local, "._'-") || !plain(domain, ".-") || !strings.Contains(domain, ".") || strings.Contains(typed, ".."):
		return "", errors.New("is no mail address; write one such as prenom.nom@structure.example")
	}
	return typed, nil
}

// Habilitation is the right of an account to use a service for a purpose. It
// always ends.
type Habilitation struct {
	Account AccountID
	Service ServiceID
	Purpose Purpose
	From    time.Time
	Until   time.Time // exclusive
}

// Covers reports whether the habilitation allows service and purpose at now.
func (h Habilitation) Covers(service ServiceID, purpose Purpose, now time.Time) bool {
	return h.Service == service && h.Purpose == purpose && !now.Before(h.From) && now.Before(h.Until)
}

// Purposes says which field categories each purpose may be shown. A purpose that
// is not in it may be shown nothing.
type Purposes map[Purpose]register.Fields
