package person

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"poterne/internal/fault"
	"poterne/internal/i18n"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/mail"
	"poterne/internal/notice/pdf"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Mandates records who may read another person's page, and lets them. It is safe to share.
//
// A row of the database gives nothing unless the ledger says the same: Run reads what it says of a year,
// goes on with what is kept of that, and ends rows that were put back. Before it has read, no
// representative is shown anything.
type Mandates struct {
	Writer journal.Writer
	Ledger interface {
		// FirstAt returns the number of the first entry at or after a time.
		FirstAt(context.Context, time.Time) (ledger.Number, error)
		// Entries yields the entries from a number on, in order, without gaps.
		Entries(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error]
	}
	Rows interface {
		// Of returns the mandates of a person, in the order of their numbers.
		Of(context.Context, register.PersonID) ([]Mandate, error)
		// To returns those of a representative.
		To(context.Context, Identity) ([]Mandate, error)
		// One returns one; fault.Absent when there is none.
		One(context.Context, ledger.Number) (Mandate, error)
		// All returns every mandate of which who has it is still kept.
		All(context.Context) ([]Mandate, error)
		// Looks returns the looks under a mandate, in order.
		Looks(ctx context.Context, mandate ledger.Number) ([]Look, error)
	}
	Kept     journal.Keeper // of what was read; nil keeps nothing
	Register Register
	Contacts Addresses // where people are reached; nil: they are told on their page only
	Sender   interface {
		// Send hands a mail to the server that delivers it.
		Send(context.Context, mail.Message) error
	} // nil: likewise
	Post   Post // nil: likewise, of those without a mail address
	Person func(identifier string) (register.PersonID, error)
	Key    register.Key
	// Tag is a keyed hash of a text.
	Tag  func(text string) [16]byte
	Page string         // where the person sees who has a mandate
	Zone *time.Location // in which people come of age
	Now  func() time.Time
	Log  *slog.Logger

	asking sync.Mutex // held while the register is asked for somebody, so that each try is counted

	mu        sync.Mutex // guards what follows
	said      *mandateHistory
	snapshots *journal.Snapshots
}

// Identity is what a civil status is known by.
func (s *Mandates) Identity(civil register.Civil) Identity {
	c := civil.Normal()
	return s.Tag(strings.Join([]string{"mandate", c.Family, c.Given, c.Birth, c.Gender, c.Birthplace, c.Country}, "\n"))
}

// Parties are who a mandate is between, and by which document. It is kept encrypted.
type Parties struct {
	Identifier     string // of the represented, in the register
	Represented    register.Civil
	Representative register.Civil
	Reference      string // of the judgment or the document
}

// Format prints every verb as (parties of a mandate).
func (Parties) Format(state fmt.State, _ rune) { _, _ = state.Write([]byte("(parties of a mandate)")) }

// LogValue keeps people out of logs.
func (Parties) LogValue() slog.Value { return slog.StringValue("(parties of a mandate)") }

// MandateView is a mandate as one of those it is about is shown it, or those who record it.
type MandateView struct {
	Mandate
	Parties
	Looks []Look // the newest first; for the person
}

// Typed is a mandate as somebody of the desk types it.
type Typed struct {
	Represented, Representative register.Civil
	Kind                        ledger.State
	Reference                   string
	Begins, Until               time.Time
}

// Ask asks that a mandate be recorded. The represented person is found by their civil status, exactly,
// as whoever signs in is; the representative need not be in the register. The register is asked only for
// what would be taken of anybody, so that no answer but one that is written down tells whom it has.
func (s *Mandates) Ask(ctx context.Context, by roster.AccountID, typed Typed) error {
	parties := Parties{Represented: typed.Represented.Normal(), Representative: typed.Representative.Normal(), Reference: typed.Reference}
	switch {
	case !parties.Represented.Whole() || !parties.Representative.Whole():
		return MandateWho
	case parties.Represented == parties.Representative:
		return MandateSame
	case !parties.Representative.Spelled(): // no register is asked for them
		return MandateWith
	}
	birth, err := time.ParseInLocation(time.DateOnly, parties.Represented.Birth, s.Zone)
	if err != nil { // nobody knows when somebody without a day of birth comes of age: on the first that it can be
		if typed.Kind == ParentalAuthority {
			return MandateMinor
		}
		if birth, err = time.ParseInLocation(time.DateOnly, strings.ReplaceAll(parties.Represented.Birth, "-00", "-01"), s.Zone); err != nil {
			return MandateWho
		}
	}
	asked := AskMandate{
		By: by, Representative: s.Identity(parties.Representative), Kind: typed.Kind, Begins: typed.Begins, Until: typed.Until, OfAge: birth.AddDate(OfAge, 0, 0),
	}
	if err := asked.check(s.Now()); err != nil {
		return err
	}
	s.asking.Lock()
	defer s.asking.Unlock()
	if err := s.mayTry(ctx, by); err != nil {
		return err
	}
	found, err := s.Register.Find(ctx, parties.Represented)
	if err != nil {
		return err
	}
	if len(found) != 1 {
		miss := MissMandate{By: by, State: ledger.NobodyFound}
		if len(found) > 1 {
			miss.State = ledger.SeveralFound
		}
		if _, err := journal.Do(ctx, s.Writer, journal.Act[MandateRows](miss)); err != nil {
			return err
		}
		return MandateNone
	}
	parties.Identifier = found[0]
	of, err := s.Person(found[0])
	if err != nil {
		return err
	}
	text, err := json.Marshal(parties)
	if err != nil {
		return err
	}
	if asked.Hidden, err = s.Key.Encrypt(of, text); err != nil {
		return err
	}
	asked.Person = of
	_, err = journal.Do(ctx, s.Writer, journal.Act[MandateRows](asked))
	return err
}

// mayTry reports an error once an account has asked the register as often as it may in a day, by what the
// ledger says up to now: whom it did not find has no row.
func (s *Mandates) mayTry(ctx context.Context, by roster.AccountID) error {
	if err := s.catchUp(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	tries := s.said.Tries[by]
	if n := len(tries); n >= mandatesADay && s.Now().Sub(tries[n-mandatesADay]) < 24*time.Hour {
		return MandatesOften
	}
	return nil
}

// Approve has a second person sign for a mandate, and tells the person.
func (s *Mandates) Approve(ctx context.Context, number ledger.Number, by roster.AccountID) error {
	if _, err := journal.Do(ctx, s.Writer, journal.Act[MandateRows](ApproveMandate{number, by})); err != nil {
		return err
	}
	if err := s.tell(context.WithoutCancel(ctx), number); err != nil { // it is tried again; until then it shows nothing
		s.Log.WarnContext(ctx, "a person could not be told of a mandate; it is tried again within the minute", slog.Any("err", err))
	}
	return nil
}

// End ends a mandate at once, or takes back what was asked for.
func (s *Mandates) End(ctx context.Context, number ledger.Number, by roster.AccountID) error {
	return s.end(ctx, EndMandate{Number: number, By: by})
}

// Revoke ends a mandate that the person gave; any other is fault.Absent.
func (s *Mandates) Revoke(ctx context.Context, of register.PersonID, number ledger.Number) error {
	return s.end(ctx, EndMandate{Number: number, Person: of})
}

func (s *Mandates) end(ctx context.Context, a EndMandate) error {
	_, err := journal.Do(ctx, s.Writer, journal.Act[MandateRows](a))
	if errors.Is(err, journal.Unchanged) {
		return nil
	}
	return err
}

// All returns every mandate of which who has it is kept, as those who sign see it; the last first.
func (s *Mandates) All(ctx context.Context) ([]MandateView, error) {
	all, err := s.Rows.All(ctx)
	if err != nil {
		return nil, err
	}
	return s.views(all)
}

// Of returns the mandates of a person that somebody signed for, with who looked under them; the last first.
func (s *Mandates) Of(ctx context.Context, of register.PersonID) ([]MandateView, error) {
	all, err := s.Rows.Of(ctx, of)
	if err != nil {
		return nil, err
	}
	views, err := s.views(slices.DeleteFunc(all, func(m Mandate) bool { return m.Approver == "" || len(m.Hidden) == 0 }))
	if err != nil {
		return nil, err
	}
	for i := range views {
		if views[i].Looks, err = s.Rows.Looks(ctx, views[i].Number); err != nil {
			return nil, err
		}
		slices.Reverse(views[i].Looks)
	}
	return views, nil
}

// To returns the mandates in force that somebody with an identity has. It names the represented to them.
func (s *Mandates) To(ctx context.Context, identity Identity) ([]MandateView, error) {
	if identity.IsZero() {
		return nil, nil
	}
	all, err := s.Rows.To(ctx, identity)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	var holding []Mandate
	for _, m := range all {
		switch holds, err := s.holds(ctx, m); {
		case err != nil:
			return nil, err
		case holds && m.Representative == identity:
			holding = append(holding, m)
		}
	}
	return s.views(holding)
}

// Look returns a mandate in force of somebody with an identity, once there finds that they can be shown what they ask
// for, and that is written down: an error of it is returned, and nothing is written. What they have no mandate for is
// fault.Absent, whether there is one or not.
func (s *Mandates) Look(ctx context.Context, identity Identity, number ledger.Number, what ledger.State, network string, there func(register.PersonID) error) (MandateView, error) {
	m, err := s.Rows.One(ctx, number)
	switch {
	case fault.Is(err, fault.Absent), err == nil && (identity.IsZero() || m.Representative != identity):
		return MandateView{}, noMandate
	case err != nil:
		return MandateView{}, err
	}
	switch holds, err := s.holds(ctx, m); {
	case err != nil:
		return MandateView{}, err
	case !holds:
		return MandateView{}, noMandate
	}
	if err := there(m.Person); err != nil {
		return MandateView{}, err
	}
	if _, err := journal.Do(ctx, s.Writer, journal.Act[MandateRows](LookUnder{number, identity, what, network})); err != nil {
		return MandateView{}, err
	}
	views, err := s.views([]Mandate{m})
	if err != nil {
		return MandateView{}, err
	}
	return views[0], nil
}

// views reveals who mandates are between; the last first.
func (s *Mandates) views(all []Mandate) ([]MandateView, error) {
	views := make([]MandateView, len(all))
	for i, m := range all {
		parties, err := s.reveal(m)
		if err != nil {
			return nil, err
		}
		views[len(all)-1-i] = MandateView{Mandate: m, Parties: parties}
	}
	return views, nil
}

func (s *Mandates) reveal(m Mandate) (parties Parties, err error) {
	text, err := s.Key.Decrypt(m.Person, m.Hidden)
	if err == nil {
		err = json.Unmarshal(text, &parties)
	}
	return parties, err
}

// tell tells the person of a mandate: by mail, or by letter where they have no mail address. Of whom the
// register has neither reads it on their page. It is an error where it has one, and nothing here writes to it.
func (s *Mandates) tell(ctx context.Context, number ledger.Number) error {
	m, err := s.Rows.One(ctx, number)
	if err != nil {
		return err
	}
	parties, err := s.reveal(m)
	if err != nil {
		return err
	}
	var held Held
	if s.Contacts != nil {
		if held, err = s.Contacts.Contacts(ctx, parties.Identifier); err != nil && !fault.Is(err, fault.Absent) {
			return err
		}
	}
	address, post := held.mailTo(), held.postTo(held.Name)
	switch {
	case address != "" && s.Sender != nil:
		err = s.Sender.Send(ctx, mail.Bilingual(address, "mail.mandate", "page", s.Page))
	case post != nil && s.Post != nil:
		var parts []pdf.LetterPart
		for _, in := range []i18n.Language{i18n.French, i18n.English} {
			parts = append(parts, pdf.LetterPart{Heading: in.Say("mail.mandate-subject"), Paragraphs: strings.Split(in.Say("mail.mandate-text", "page", s.Page), "\n\n")})
		}
		err = s.Post.Write(ctx, fmt.Sprintf("mandate-%d", number), post, parts)
	case held.Mail != "" || held.Post != "":
		err = fault.Errorf(fault.Unavailable, "nothing here writes to the address of whom mandate %d is about: configure [mail], or [messages] for letters", number)
	default:
		err = nil // the register has no address of them
	}
	if err != nil {
		return err
	}
	return s.move(ctx, number, MandateTold)
}

func (s *Mandates) move(ctx context.Context, number ledger.Number, to ledger.State) error {
	_, err := journal.Do(ctx, s.Writer, journal.Act[MandateRows](MoveMandate{number, to}))
	if errors.Is(err, journal.Unchanged) { // another node was quicker
		return nil
	}
	return err
}

// mandatesEvery is how often rows are held against the ledger.
const mandatesEvery = time.Minute

// Run holds mandates against the ledger, tells people and forgets, until ctx ends.
func (s *Mandates) Run(ctx context.Context) error {
	ticker := time.NewTicker(mandatesEvery)
	defer ticker.Stop()
	for {
		if err := s.Settle(ctx); err != nil && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "mandates could not be looked after; it is tried again within the minute", slog.Any("err", err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Settle reads on in the ledger, ends rows that are not as it says, tells people who were not told, and
// forgets who had what is over for long.
func (s *Mandates) Settle(ctx context.Context) error {
	all, err := s.Rows.All(ctx) // before the ledger: whatever act made one of them is in it
	if err != nil {
		return err
	}
	if err := s.catchUp(ctx); err != nil {
		return err
	}
	var failed error
	for _, m := range all {
		failed = errors.Join(failed, s.settle(ctx, m))
	}
	return failed
}

func (s *Mandates) settle(ctx context.Context, m Mandate) error {
	now := s.Now()
	switch {
	case m.forgettable(now):
		return s.move(ctx, m.Number, MandateForgotten)
	case !m.Lasts(now):
		return nil
	}
	if said, is := s.says(m.Number); !is || !m.As(said) {
		again, err := s.Rows.One(ctx, m.Number) // an act may have come between the two
		if err != nil || !again.same(m) {
			return err
		}
		s.Log.ErrorContext(ctx, "a mandate is not as the ledger says: it is ended", slog.Uint64("mandate", uint64(m.Number)))
		return s.end(ctx, EndMandate{Number: m.Number, By: journal.Itself})
	}
	if m.Approver != "" && m.Told.IsZero() {
		return s.tell(ctx, m.Number)
	}
	return nil
}

// same reports whether nothing came of a mandate between two readings.
func (m Mandate) same(other Mandate) bool {
	return m.Approver == other.Approver && m.Told.Equal(other.Told) && m.Over.Equal(other.Over)
}

// mandateHistory is what was read of the ledger. Its fields are exported for package gob, which keeps them.
type mandateHistory struct {
	Next  ledger.Number
	By    MandatesSaid
	Tries map[roster.AccountID][]time.Time // the last with which each account asked the register, mandatesADay at most
}

func newMandateHistory() *mandateHistory {
	return &mandateHistory{By: make(MandatesSaid), Tries: make(map[roster.AccountID][]time.Time)}
}

// take takes in the next entry.
func (h *mandateHistory) take(e ledger.Entry) {
	h.Next = e.Number + 1
	h.By.Take(e)
	if e.Kind == ledger.Mandated && (e.State == ledger.Asked || e.State == ledger.NobodyFound || e.State == ledger.SeveralFound) {
		tries := append(h.Tries[e.Account], e.Time)
		h.Tries[e.Account] = slices.Clone(tries[max(0, len(tries)-mandatesADay):])
	}
}

// formOfMandates changes with what a history holds, and with what it makes of an entry.
const formOfMandates = 2

// mandatesReach is within which a mandate that lasts was asked for.
const mandatesReach = 31 * 24 * time.Hour * (MandateMonths + 1)

// catchUp reads on in the ledger: from a year ago on where nothing was read, nor kept.
func (s *Mandates) catchUp(ctx context.Context) error {
	s.mu.Lock()
	known := s.said
	s.mu.Unlock()
	snapshots := journal.NewSnapshots(s.Kept, formOfMandates)
	if known == nil { // apart, so that nobody waits for it
		var err error
		if known, err = s.begin(ctx, snapshots); err == nil {
			err = s.read(ctx, known, journal.Pauses(ctx))
		}
		if err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.said == nil {
		s.said, s.snapshots = known, snapshots
	}
	if err := s.read(ctx, s.said, func() {}); err != nil || !s.snapshots.Due(s.Now()) {
		return err
	}
	return s.snapshots.Save(ctx, s.said, s.said.Next, s.Now())
}

// begin is a history that was kept, or one that has read nothing.
func (s *Mandates) begin(ctx context.Context, snapshots *journal.Snapshots) (*mandateHistory, error) {
	h := newMandateHistory()
	upTo, err := snapshots.Load(ctx, h, s.Now())
	if err != nil {
		s.Log.WarnContext(ctx, "what was kept of mandates is not used: it is read anew from the ledger", slog.Any("err", err))
	}
	if upTo > 0 && err == nil {
		return h, nil
	}
	h = newMandateHistory()
	h.Next, err = s.Ledger.FirstAt(ctx, s.Now().Add(-mandatesReach))
	return h, err
}

func (s *Mandates) read(ctx context.Context, h *mandateHistory, pause func()) error {
	for e, err := range s.Ledger.Entries(ctx, h.Next) {
		if err != nil {
			return fmt.Errorf("reading what the ledger says of mandates: %w", err)
		}
		if e.Number%1024 == 0 {
			pause()
		}
		h.take(e)
	}
	return nil
}

func (s *Mandates) says(number ledger.Number) (MandateSaid, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	said, is := s.said.By[number]
	return said, is
}

// registered reports whether the register still has who is represented, under the civil status by which they
// were found. Of several who have it, it names two: any may be the person.
func (s *Mandates) registered(ctx context.Context, m Mandate) (bool, error) {
	parties, err := s.reveal(m)
	if err != nil {
		return false, err
	}
	found, err := s.Register.Find(ctx, parties.Represented)
	return len(found) > 1 || slices.Contains(found, parties.Identifier), err
}

// holds reports whether a mandate is in force: as the ledger says up to now, and of somebody whom the register
// has. Of whom it has no more, the mandate is ended.
func (s *Mandates) holds(ctx context.Context, m Mandate) (bool, error) {
	if is, err := s.confirmed(ctx, m); err != nil || !is {
		return false, err
	}
	registered, err := s.registered(ctx, m)
	if err == nil && !registered {
		s.Log.WarnContext(ctx, "the register no longer has whom a mandate is about: it is ended", slog.Uint64("mandate", uint64(m.Number)))
		err = s.end(ctx, EndMandate{Number: m.Number, By: journal.Itself, Gone: true})
	}
	return registered && err == nil, err
}

// confirmed reports whether a mandate is in force, as the ledger says up to now.
func (s *Mandates) confirmed(ctx context.Context, m Mandate) (bool, error) {
	if !m.InForce(s.Now()) {
		return false, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.said == nil {
		return false, &fault.Error{Kind: fault.Unavailable, Public: "mandates are being read from the ledger: try again soon", Err: errors.New("mandates were not read yet")}
	}
	if err := s.read(ctx, s.said, func() {}); err != nil {
		return false, err
	}
	said, is := s.said.By[m.Number]
	if !is || !m.As(said) {
		s.Log.ErrorContext(ctx, "a mandate is not as the ledger says: it shows nothing", slog.Uint64("mandate", uint64(m.Number)))
		return false, nil
	}
	return true, nil
}

// Visitor is who signed in: a person of the register, or somebody who represents one, or both.
type Visitor struct {
	Own      bool     // they have a page of their own
	Identity Identity // by which mandates know them; zero where there are none
	Contacts string   // what ContactService.Reference made of their identifier; may be empty
}

// Reference is what a session keeps of a visitor.
func (v Visitor) Reference() string {
	whose := "represents"
	if v.Own {
		whose = "own"
	}
	return whose + "." + hex.EncodeToString(v.Identity[:]) + "." + v.Contacts
}

// ReadVisitor reads what a session kept. What cannot be read is nobody.
func ReadVisitor(reference string) (v Visitor) {
	if reference == "" { // of a person of whom nothing is kept
		return Visitor{Own: true}
	}
	parts := strings.SplitN(reference, ".", 3)
	if len(parts) != 3 || parts[0] != "own" && parts[0] != "represents" {
		return v
	}
	raw, err := hex.DecodeString(parts[1])
	if err != nil || len(raw) != len(v.Identity) {
		return v
	}
	return Visitor{Own: parts[0] == "own", Identity: Identity(raw), Contacts: parts[2]}
}
