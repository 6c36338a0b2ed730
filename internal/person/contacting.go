package person

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"poterne/internal/fault"
	"poterne/internal/i18n"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/mail"
	"poterne/internal/notice/lettercode"
	"poterne/internal/notice/pdf"
	"poterne/internal/register"
)

// Held is what the register answers about where a person is reached.
type Held struct {
	Contacts
	// Name is whom a letter is addressed to.
	Name string `json:"name"`
	// Recovered is when the person's access to the register was last recovered, such as after a
	// forgotten password; zero when it never was, or the register does not know.
	Recovered time.Time `json:"recovered,omitzero"`
}

// Addresses is the register, as it keeps where people are reached.
type Addresses interface {
	// Contacts returns those of the person with an identifier; fault.Absent when there are none.
	Contacts(ctx context.Context, identifier string) (Held, error)
	// SetContacts replaces them. The register MUST ignore a number below one that it has taken
	// of the person, and MAY be told the same twice.
	SetContacts(ctx context.Context, identifier string, number ledger.Number, to Contacts) error
}

// ContactService changes where people are reached, in a way that is safe from whoever has taken
// over a session of theirs: the former address and the new one are told, either stops it without
// signing in, and for a while the former one puts itself back.
type ContactService struct {
	Writer journal.Writer
	Ledger interface {
		// Entries yields the entries from a number on, in order, without gaps.
		Entries(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error]
	}
	Rows interface {
		// Of returns the changes of a person, in the order of their numbers.
		Of(context.Context, register.PersonID) ([]ContactChange, error)
		// Open returns those of which something can come, and which hide something.
		Open(context.Context) ([]ContactChange, error)
		// One returns one; fault.Absent when there is none.
		One(context.Context, ledger.Number) (ContactChange, error)
	}
	Register Addresses
	Sender   interface {
		// Send hands a mail to the server that delivers it.
		Send(context.Context, mail.Message) error
	}
	// Post writes letters for the printer; nil where there is none. Then nobody without a mail address
	// changes anything, nor anybody their postal address.
	Post Post
	Key  register.Key
	// Tag is a keyed hash of a text, for links that nobody else can make.
	Tag func(text string) [16]byte
	// EndAll ends the sessions of a person.
	EndAll func(context.Context, register.PersonID) error
	Page   string // where the person sees their contact details
	Stop   string // where a link leads, without its token
	Letter string // where the code of a letter is typed
	Now    func() time.Time
	Log    *slog.Logger

	mu   sync.Mutex // guards what follows
	said saidOfContacts
}

// Post writes letters.
type Post interface {
	// Write leaves a letter for the printer, durably, under a name that tells nothing of its reader.
	Write(ctx context.Context, name string, address []string, parts []pdf.LetterPart) error
}

// hidden is what is kept of a change, encrypted.
type hidden struct {
	Identifier, Name string
	Old, New         Contacts
}

var (
	// ContactsNoMail is the error of a change that no former address could be told of.
	ContactsNoMail = fault.Errorf(fault.Invalid, "the register has no address to tell: the first one is given in person")
	// ContactsNoPost is the error of a change of a postal address where no letters are written.
	ContactsNoPost = fault.Errorf(fault.Invalid, "no letters are written here: a postal address is changed in person")
	// ContactsNotTold is the error of a change of which an address could not be told.
	ContactsNotTold = fault.Errorf(fault.Unavailable, "the addresses could not be told: nothing is changed, try again")
)

// Reference is what a person's session keeps of an identifier.
func (s *ContactService) Reference(of register.PersonID, identifier string) (string, error) {
	sealed, err := s.Key.Encrypt(of, []byte(identifier))
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

func (s *ContactService) identifier(of register.PersonID, reference string) (string, error) {
	sealed, err := base64.RawURLEncoding.DecodeString(reference)
	if err != nil || len(sealed) == 0 {
		return "", &fault.Error{Kind: fault.Anonymous, Err: errors.New("the session has no reference to a person")} // it was opened before there were any
	}
	text, err := s.Key.Decrypt(of, sealed)
	return string(text), err
}

// ContactView is what a person is shown of where they are reached.
type ContactView struct {
	Now     Contacts // masked
	Pending *ContactChange
	To      Contacts // of the one that is under way, masked
	Letters bool     // a postal address can be changed, and a first mail address set
}

// View returns what a person is shown.
func (s *ContactService) View(ctx context.Context, of register.PersonID, reference string) (ContactView, error) {
	identifier, err := s.identifier(of, reference)
	if err != nil {
		return ContactView{}, err
	}
	held, err := s.Register.Contacts(ctx, identifier)
	if err != nil {
		return ContactView{}, err
	}
	all, err := s.Rows.Of(ctx, of)
	if err != nil {
		return ContactView{}, err
	}
	view := ContactView{Now: held.Masked(), Letters: s.Post != nil}
	for i, c := range all {
		if !c.Waits(s.Now()) {
			continue
		}
		kept, err := s.reveal(c)
		if err != nil {
			return ContactView{}, err
		}
		view.Pending, view.To = &all[i], kept.New.Masked()
	}
	return view, nil
}

func (s *ContactService) reveal(c ContactChange) (kept hidden, err error) {
	text, err := s.Key.Decrypt(c.Person, c.Hidden)
	if err == nil {
		err = json.Unmarshal(text, &kept)
	}
	return kept, err
}

// Ask asks for a change: what is left empty stays. Both addresses are told before its time
// runs; when one cannot be, it ends, and can soon be asked again.
func (s *ContactService) Ask(ctx context.Context, of register.PersonID, reference string, typed Contacts, network string) error {
	identifier, err := s.identifier(of, reference)
	if err != nil {
		return err
	}
	held, err := s.Register.Contacts(ctx, identifier)
	if err != nil {
		return err
	}
	became, err := held.to(typed)
	if err != nil {
		return err
	}
	switch letters := s.Post != nil; {
	case held.Post != became.Post && !letters:
		return ContactsNoPost
	case held.mailTo() == "" && (held.postTo(held.Name) == nil || !letters):
		return ContactsNoMail
	}
	kept := hidden{identifier, held.Name, held.Contacts, became}
	text, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	sealed, err := s.Key.Encrypt(of, text)
	if err != nil {
		return err
	}
	asked, err := journal.Do(ctx, s.Writer, journal.Act[ContactRows](AskContacts{of, sealed, held.Recovered, network}))
	if err != nil {
		return err
	}
	if err := s.warn(ctx, asked.Number, kept); err != nil {
		_, ended := s.move(context.WithoutCancel(ctx), asked.Number, ContactsUntold)
		return &fault.Error{Kind: fault.Unavailable, Public: fault.Public(ContactsNotTold), Err: errors.Join(ContactsNotTold, err, ended)}
	}
	_, err = journal.Do(ctx, s.Writer, journal.Act[ContactRows](MoveContacts{Number: asked.Number, To: ContactsTold, Slow: kept.Old.Slow(kept.New)}))
	return err
}

// warn tells both addresses that a change was asked: the former ones by mail, and by letter where the
// postal address changes or there is no mail address. The letter comes last: a printer takes nothing
// back.
func (s *ContactService) warn(ctx context.Context, number ledger.Number, of hidden) error {
	days := int(ContactsWait.Hours() / 24)
	if of.Old.Slow(of.New) {
		days = int(ContactsSlowWait.Hours() / 24)
	}
	if former := of.Old.mailTo(); former != "" {
		if err := s.Sender.Send(ctx, mail.Bilingual(former, "mail.contacts-former", "link", s.link(number, formerAddress), "days", days)); err != nil {
			return err
		}
	}
	if !strings.EqualFold(of.New.Mail, of.Old.Mail) {
		if err := s.Sender.Send(ctx, mail.Bilingual(of.New.Mail, "mail.contacts-new", "link", s.link(number, newAddress), "days", days)); err != nil {
			return err
		}
	}
	address := of.Old.postTo(of.Name)
	if address == nil || !of.Old.Slow(of.New) {
		return nil
	}
	return s.Post.Write(ctx, fmt.Sprintf("contacts-%d", number), address, s.letter(number))
}

// letter is what the former postal address reads, in French and in English.
func (s *ContactService) letter(number ledger.Number) (parts []pdf.LetterPart) {
	code := lettercode.New(s.Tag(tagged(number, byLetter)), uint64(number))
	for _, in := range []i18n.Language{i18n.French, i18n.English} {
		parts = append(parts, pdf.LetterPart{Heading: in.Say("mail.contacts-letter"), Paragraphs: []string{
			in.Say("mail.contacts-letter-what"), in.Say("mail.contacts-letter-stop", "site", s.Letter), code.Grouped(), in.Say("mail.contacts-letter-keep"),
		}})
	}
	return parts
}

func (s *ContactService) move(ctx context.Context, number ledger.Number, to ledger.State) (ledger.Entry, error) {
	return journal.Do(ctx, s.Writer, journal.Act[ContactRows](MoveContacts{Number: number, To: to}))
}

// The addresses that a link or a code was sent to.
const (
	formerAddress = "former"
	newAddress    = "new"
	byLetter      = "letter" // to the former one, too
)

// tagged is what the keyed hash of a link or a code is of.
func tagged(number ledger.Number, from string) string {
	return fmt.Sprintf("contacts %d %s", number, from)
}

// A link says which change it stops and from which address, and has a keyed hash that nobody
// else can make.
func (s *ContactService) link(number ledger.Number, from string) string {
	return s.Stop + "?token=" + url.QueryEscape(s.token(number, from))
}

func (s *ContactService) token(number ledger.Number, from string) string {
	tag := s.Tag(tagged(number, from))
	return fmt.Sprintf("%d.%s.%s", number, from, base64.RawURLEncoding.EncodeToString(tag[:]))
}

// End stops a change by the token of a link, or puts the former details back, and says which. A
// token that does neither is fault.Absent. The person's sessions end: one of them asked.
func (s *ContactService) End(ctx context.Context, token string) (ledger.State, error) {
	first, rest, _ := strings.Cut(token, ".")
	from, _, _ := strings.Cut(rest, ".")
	n, err := strconv.ParseUint(first, 10, 63)
	number := ledger.Number(n)
	if err != nil || from != formerAddress && from != newAddress || subtle.ConstantTimeCompare([]byte(s.token(number, from)), []byte(token)) != 1 {
		return "", &fault.Error{Kind: fault.Absent}
	}
	return s.end(ctx, number, from)
}

// EndByCode does the same by the code of a letter to the former postal address, as somebody types it.
func (s *ContactService) EndByCode(ctx context.Context, typed string) (ledger.State, error) {
	code, figures, read := lettercode.Read(typed, 1)
	if !read || figures[0] == 0 || !code.Equal(lettercode.New(s.Tag(tagged(ledger.Number(figures[0]), byLetter)), figures[0])) {
		return "", &fault.Error{Kind: fault.Absent}
	}
	return s.end(ctx, ledger.Number(figures[0]), byLetter)
}

func (s *ContactService) end(ctx context.Context, number ledger.Number, from string) (ledger.State, error) {
	e, err := s.move(ctx, number, ledger.Stopped)
	if fault.Is(err, fault.Absent) && from != newAddress {
		if err = s.speaks(ctx, number); err == nil {
			e, err = s.move(ctx, number, ContactsPutBack)
		}
	}
	if err != nil {
		return "", err
	}
	if err := s.EndAll(ctx, e.Person); err != nil {
		return "", err
	}
	if e.State == ContactsPutBack {
		if c, err := s.Rows.One(ctx, number); err == nil {
			if err := s.deliver(ctx, c); err != nil { // it is tried again
				s.Log.WarnContext(ctx, "the register could not be told that contact details are put back; it is tried again", slog.Any("err", err))
			}
		}
	}
	return e.State, nil
}

// speaks reports an error where the ledger says that the former address of an older change put itself back since
// this one was asked: its own former address may be a thief's. Rows say the same, unless somebody changed them.
func (s *ContactService) speaks(ctx context.Context, number ledger.Number) error {
	c, err := s.Rows.One(ctx, number)
	if err != nil {
		return err
	}
	if _, err := s.read(ctx, number); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.ContainsFunc(s.said.back[c.Person], func(b putBack) bool { return b.of < number && b.by > number }) {
		return &fault.Error{Kind: fault.Absent}
	}
	return nil
}

// StopOwn stops the change that a person has under way, at their word.
func (s *ContactService) StopOwn(ctx context.Context, of register.PersonID) error {
	all, err := s.Rows.Of(ctx, of)
	if err != nil {
		return err
	}
	for _, c := range all {
		if c.Waits(s.Now()) {
			_, err := s.move(ctx, c.Number, ledger.Stopped)
			return err
		}
	}
	return &fault.Error{Kind: fault.Absent}
}

// Run does in time what was asked, until ctx ends.
func (s *ContactService) Run(ctx context.Context) error {
	return journal.Hourly(ctx, s.Log, "changes of contact details could not be carried out; it is tried again within the hour", s.Settle)
}

// Settle carries out what is due, tells the register what it was not told, and forgets the details
// of which nothing can come any more.
func (s *ContactService) Settle(ctx context.Context) error {
	open, err := s.Rows.Open(ctx)
	if err != nil {
		return err
	}
	var failed error
	for _, c := range open {
		if err := s.settle(ctx, c); err != nil && !fault.Is(err, fault.Absent) { // another node was quicker, or somebody stopped it
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

func (s *ContactService) settle(ctx context.Context, c ContactChange) error {
	switch {
	case c.settling():
		return s.deliver(ctx, c)
	case c.forgettable(s.Now()):
		_, err := s.move(ctx, c.Number, contactsForgotten)
		return err
	case c.State != ContactsTold || s.Now().Before(c.Due):
		return nil
	}
	if err := s.holds(ctx, c); err != nil {
		return err
	}
	kept, err := s.reveal(c)
	if err != nil {
		return err
	}
	held, err := s.Register.Contacts(ctx, kept.Identifier)
	if err != nil && !fault.Is(err, fault.Absent) {
		return err
	}
	if held.Contacts != kept.Old {
		_, err := s.move(ctx, c.Number, ContactsOvertaken)
		return err
	}
	if _, err := s.move(ctx, c.Number, ContactsInForce); err != nil {
		return err
	}
	if c, err = s.Rows.One(ctx, c.Number); err != nil {
		return err
	}
	return s.deliver(ctx, c)
}

// deliver tells the register what was decided, and then the former address.
func (s *ContactService) deliver(ctx context.Context, c ContactChange) error {
	kept, err := s.reveal(c)
	if err != nil {
		return err
	}
	to := kept.Old
	if c.State == ContactsInForce {
		to = kept.New
		if err := s.holds(ctx, c); err != nil {
			return err
		}
	}
	if err := s.Register.SetContacts(ctx, kept.Identifier, c.Decided, to); err != nil {
		return err
	}
	_, err = journal.Do(ctx, s.Writer, journal.Act[ContactRows](MoveContacts{Number: c.Number, To: contactsDelivered, Decided: c.Decided}))
	if err != nil {
		return err
	}
	s.told(ctx, c, kept)
	return nil
}

// told says to the former address what was done. The mails of the beginning have said what can be: one of these that
// is lost takes nothing from anybody.
func (s *ContactService) told(ctx context.Context, c ContactChange, kept hidden) {
	former := kept.Old.mailTo()
	if former == "" { // its letter has said it
		return
	}
	letter := mail.Bilingual(former, "mail.contacts-back", "page", s.Page)
	if c.State == ContactsInForce {
		letter = mail.Bilingual(former, "mail.contacts-done", "link", s.link(c.Number, formerAddress))
	}
	if err := s.Sender.Send(ctx, letter); err != nil {
		s.Log.WarnContext(ctx, "a mail about contact details was not taken by the mail server", slog.Any("err", err))
	}
}

// saidOfContacts is what the ledger says of changes, from one entry to another.
type saidOfContacts struct {
	from, next ledger.Number
	by         map[ledger.Number]runs // that nothing has ended, by their numbers
	back       map[register.PersonID][]putBack
}

// putBack is a change of which the former details were put back, and the entry of that.
type putBack struct{ of, by ledger.Number }

type runs struct {
	told    ledger.Entry
	inForce ledger.Number // 0 before it is
}

// read reads what was not read yet, from the entry that asked for a change on.
func (s *ContactService) read(ctx context.Context, number ledger.Number) (runs, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.said.by == nil || number < s.said.from {
		s.said = saidOfContacts{from: number, next: number, by: make(map[ledger.Number]runs), back: make(map[register.PersonID][]putBack)}
	}
	pause := journal.Pauses(ctx)
	for e, err := range s.Ledger.Entries(ctx, s.said.next) {
		if err != nil {
			return runs{}, fmt.Errorf("reading what the ledger says of contact details: %w", err)
		}
		if e.Number%1024 == 0 {
			pause()
		}
		s.said.next = e.Number + 1
		if e.Kind == ledger.Contacted && e.State == ContactsPutBack {
			s.said.back[e.Person] = append(s.said.back[e.Person], putBack{of: e.Cause, by: e.Number})
		}
		known, is := s.said.by[e.Cause]
		switch {
		case e.Kind != ledger.Contacted || e.State == ledger.Asked:
		case e.State == ContactsTold:
			s.said.by[e.Cause] = runs{told: e}
		case e.State == ContactsInForce && is:
			known.inForce = e.Number
			s.said.by[e.Cause] = known
		default:
			delete(s.said.by, e.Cause)
		}
	}
	return s.said.by[number], nil
}

// holds reports an error unless the ledger says of a change what its row does: an older row that
// somebody put back MUST NOT bring about what was stopped.
func (s *ContactService) holds(ctx context.Context, c ContactChange) error {
	r, err := s.read(ctx, c.Number)
	if err != nil {
		return err
	}
	if r.told.Person != c.Person || r.told.Digest != hiddenDigest(c.Hidden) || !r.told.Until.Equal(c.Due) || r.inForce != c.Decided || c.Due.IsZero() {
		return fmt.Errorf("change %d of contact details is not as the ledger says: it is not carried out", c.Number)
	}
	return nil
}
