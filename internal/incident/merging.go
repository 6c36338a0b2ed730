package incident

import (
	"slices"
	"strings"
	"time"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/notice"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// Two files turn out to be of one theft. One person proposes to merge a file into another,
// and a second does it: what the file knew of whom, since when and who was told goes over,
// and it takes no more lines. Both journals stay whole.

// MergeProposal proposes to merge the file whose line it is into another.
type MergeProposal struct {
	Into    ledger.Number `json:"into"`
	Because string        `json:"because"`
}

// Merger is who proposed to merge a file, into which and why.
type Merger struct {
	MergeProposal
	By roster.AccountID
}

// Merged ends a file: it goes on as another.
type Merged struct {
	Into ledger.Number `json:"into"`
}

// Joined is what a file takes over from one that is merged into it.
type Joined struct {
	Files      []ledger.Number  `json:"files"`      // that file, and those that were merged into it before
	References []string         `json:"references"` // under which people were told of them
	Scopes     []Scope          `json:"scopes"`
	Aware      *Awareness       `json:"aware"`
	Sent       []notice.Sending `json:"sent"`
	Told       []Round          `json:"told"`
	Public     *Publication     `json:"public"`
	Since      time.Time        `json:"since"`     // of that public page
	Reference  string           `json:"reference"` // what people outside call the file that goes on
	Count      Count            `json:"count"`     // of both, each person once
}

// Round is people of a file who were told, before the file was merged with another.
type Round struct {
	List    ledger.Number  `json:"list"`
	At      time.Time      `json:"at"` // when it began
	Message notice.Message `json:"message"`
}

// The steps of a merging, as the ledger names them.
const (
	MergeProposed ledger.State = "incident-merging"
	MergedInto    ledger.State = "incident-merged"
	JoinedBy      ledger.State = "incident-joined"
)

func (*MergeProposal) State() ledger.State { return MergeProposed }
func (*Merged) State() ledger.State        { return MergedInto }
func (*Joined) State() ledger.State        { return JoinedBy }

func (j *Joined) count() int { return j.Count.People }

func (m *MergeProposal) check(f File, _ time.Time) error {
	if m.Into == f.Number || m.Into == 0 {
		return fault.Errorf(fault.Invalid, "a file is merged into another")
	}
	if err := f.mayMerge(); err != nil {
		return err
	}
	return typed.Check("merging incidents", m.Because)
}

// Only Merge writes what follows, and has checked it.

func (*Merged) check(File, time.Time) error { return byMerge }
func (*Joined) check(File, time.Time) error { return byMerge }

var byMerge = fault.Errorf(fault.Invalid, "two files are merged at once, by two persons")

// mayMerge fails while people of the file are being told: some would be told twice, or by
// nobody.
func (f File) mayMerge() error {
	if t := f.Telling; t.Begun != nil && t.Ended == nil {
		return fault.Errorf(fault.Refused, "people of incident %d are being told: end that before it is merged", f.Number)
	}
	return nil
}

func (m *MergeProposal) take(f *File, l Line) { f.Merger = &Merger{*m, l.By} }
func (m *Merged) take(f *File, l Line)        { f.Into, f.Closed = m.Into, l.At }

func (j *Joined) take(f *File, l Line) {
	f.Told = append(f.rounds(), j.Told...)
	for i := range f.Told {
		f.Told[i].Message.Reference = j.Reference
	}
	f.Telling = Telling{} // who was not told yet is named anew
	f.Also = append(f.Also, j.Scopes...)
	if j.Aware != nil && (f.Aware == nil || j.Aware.At.Before(f.Aware.At)) {
		f.Aware = j.Aware
	}
	f.Sent = append(f.Sent, j.Sent...)
	slices.SortStableFunc(f.Sent, func(a, b notice.Sending) int { return a.At.Compare(b.At) })
	f.Count, f.Counted = &j.Count, l.At
	f.References = append(f.References, j.References...)
	f.Files, f.Joined = append(f.Files, j.Files...), l.At
	public, since := f.Public, f.PublicSince
	if public == nil {
		public, since = j.Public, j.Since
	}
	if public != nil { // its text stays, and says the figure of both
		public := *public
		public.People, public.Message.Reference = j.Count.People, j.Reference
		if j.Count.People > 0 {
			public.Message.Shown, public.Message.First, public.Message.Last = f.Shown(), j.Count.First, j.Count.Last
		}
		f.Public, f.PublicSince = &public, since
	}
}

// rounds are the people of the file who were told, those that are being told now among them.
func (f File) rounds() []Round {
	rounds := slices.Clone(f.Told)
	if t := f.Telling; t.Begun != nil {
		rounds = append(rounds, Round{t.List, t.At, t.Begun.Message})
	}
	return rounds
}

// ToldBy returns when it began that those of a list were told of the file, or of one that was
// merged into it; false of any other list.
func (f File) ToldBy(list ledger.Number) (time.Time, bool) {
	for _, r := range f.rounds() {
		if r.List == list {
			return r.At, true
		}
	}
	return time.Time{}, false
}

// ToldUnder reports whether messages with a reference were sent: of the file, or of one that was merged into it. Of an
// exercise nothing true was.
func (f File) ToldUnder(reference string) bool {
	if f.Exercise || f.Into != 0 {
		return false
	}
	rounds := f.rounds()
	return slices.ContainsFunc(rounds, func(r Round) bool { return r.Message.Reference == reference }) || len(rounds) > 0 && slices.Contains(f.References, reference)
}

// Messages is how far the messages to the people of a file have come.
type Messages int

const (
	NoMessages    Messages = iota // none has been sent
	MessagesBegun                 // they are being sent, or that is paused
	MessagesSent
)

// Messages says how far they have come.
func (f File) Messages() Messages {
	switch t := f.Telling; {
	case t.Begun != nil && t.Ended == nil:
		return MessagesBegun
	case len(f.rounds()) > 0:
		return MessagesSent
	default:
		return NoMessages
	}
}

// ToldSince is since when people are told; zero before.
func (f File) ToldSince() (since time.Time) {
	for _, r := range f.rounds() {
		if since.IsZero() || r.At.Before(since) {
			since = r.At
		}
	}
	return since
}

// Scopes are whose consultations the file is about: its own scope, and those of the files that
// were merged into it.
func (f File) Scopes() []Scope { return append([]Scope{f.Scope}, f.Also...) }

// Accounts are those that the file is about, each once.
func (f File) Accounts() (accounts []roster.AccountID) {
	for _, scope := range f.Scopes() {
		for _, account := range scope.Accounts {
			if !slices.Contains(accounts, account) {
				accounts = append(accounts, account)
			}
		}
	}
	return accounts
}

// Scopes are those that were counted.
func (c Count) Scopes() []Scope { return append([]Scope{c.Scope}, c.Also...) }

// Covers reports whether what an account was shown at a time is in one of the scopes.
func Covers(scopes []Scope, account roster.AccountID, at time.Time) bool {
	return slices.ContainsFunc(scopes, func(s Scope) bool {
		return slices.Contains(s.Accounts, account) && !at.Before(s.Since) && (s.Until.IsZero() || at.Before(s.Until))
	})
}

// same reports whether two scopes ask the same.
func (s Scope) same(as Scope) bool {
	return slices.Equal(s.Accounts, as.Accounts) && s.Since.Equal(as.Since) && s.Until.Equal(as.Until)
}

// references are those under which people were told of the file, or could read of it.
func (f File) references() []string {
	found := slices.Clone(f.References)
	add := func(reference string) {
		if reference != "" && !slices.Contains(found, reference) {
			found = append(found, reference)
		}
	}
	for _, r := range f.rounds() {
		add(r.Message.Reference)
	}
	if f.Public != nil {
		add(f.Public.Message.Reference)
	}
	return found
}

// Merge merges a file into another, as somebody proposed: another person does it, of another
// lineage.
type Merge struct {
	File, Into ledger.Number
	By         roster.AccountID
	Reference  string // what people outside call the file that goes on
	Count      Count  // of both, by the index

	joined Joined
	entry  ledger.Entry // that the file which goes on has
}

// Decide implements journal.Act.
func (m *Merge) Decide(tx *journal.Tx, rows Rows) (ledger.Entry, error) {
	from, err := openFile(rows, m.File)
	if err != nil {
		return ledger.Entry{}, err
	}
	if from.Merger == nil || from.Merger.Into != m.Into {
		return ledger.Entry{}, fault.Errorf(fault.Refused, "somebody proposes first that incident %d be merged into incident %d, and another person does it", m.File, m.Into)
	}
	into, err := openFile(rows, m.Into)
	if err != nil {
		return ledger.Entry{}, err
	}
	signer, err := approval.Two(tx, rows, m.By, from.Merger.By, demand)
	if err != nil {
		return ledger.Entry{}, err
	}
	m.joined = Joined{
		Files: append([]ledger.Number{from.Number}, from.Files...), References: from.references(), Scopes: from.Scopes(), Aware: from.Aware, Sent: from.Sent,
		Told: from.rounds(), Public: from.Public, Since: from.PublicSince, Reference: m.Reference, Count: m.Count,
	}
	if err := m.joined.fits(from, into); err != nil {
		return ledger.Entry{}, err
	}
	e := ledger.Entry{
		Kind: ledger.Filed, Account: m.By, Organisation: signer.Organisation, Approver: from.Merger.By, State: MergedInto, From: from.Number, End: from.Number + 1, Cause: from.last(),
		Target: from.target(),
	}
	m.entry = e
	m.entry.State, m.entry.From, m.entry.End, m.entry.Cause, m.entry.Count = JoinedBy, into.Number, into.Number+1, into.last(), uint64(m.Count.People)
	e.Digest, m.entry.Digest = lineOf(e, &Merged{Into: into.Number}).Digest(), lineOf(m.entry, &m.joined).Digest()
	return e, nil
}

// Apply implements journal.Act.
func (m *Merge) Apply(rows Rows, e ledger.Entry) error {
	if err := rows.InsertIncidentLine(lineOf(e, &Merged{Into: m.Into})); err != nil {
		return err
	}
	next := m.entry
	next.Number, next.Time = e.Number+1, e.Time
	return rows.InsertIncidentLine(lineOf(next, &m.joined))
}

// Details implements journal.Details.
func (m *Merge) Details() []ledger.Entry { return []ledger.Entry{m.entry} }

// fits fails when two files cannot be merged, or were not counted as they are now.
func (j *Joined) fits(from, into File) error {
	for _, f := range []File{from, into} {
		if err := f.mayMerge(); err != nil {
			return err
		}
	}
	all, accounts := append(into.Scopes(), j.Scopes...), 0
	for _, scope := range all {
		accounts += len(scope.Accounts)
	}
	switch {
	case from.Exercise != into.Exercise:
		return fault.Errorf(fault.Refused, "incident %d and incident %d are an exercise and a real one: neither becomes the other", from.Number, into.Number)
	case accounts > MostAccounts:
		return fault.Errorf(fault.Invalid, "an incident is about at most %d accounts", MostAccounts)
	case !notice.IsReference(strings.TrimPrefix(j.Reference, notice.OfExercise)):
		return fault.Errorf(fault.Invalid, "%q is no reference of an incident", j.Reference)
	case !slices.EqualFunc(j.Count.Scopes(), all, Scope.same):
		return fault.Errorf(fault.Refused, "the accounts or periods of one of the files are others by now than were counted: try again")
	}
	return nil
}
