package person

import (
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// Question is what a person asked about one line, and what came of it.
type Question struct {
	Number   ledger.Number // of the entry that asked it
	Line     ledger.Number // that is asked about; a line is asked about once
	Person   register.PersonID
	What     ledger.State          // one of Asks
	Body     roster.OrganisationID // that is asked
	Account  roster.AccountID      // that looked: the body and the desk see it, the person does not
	At       time.Time
	Answered time.Time // zero while it waits
	By       roster.AccountID
	Why      ledger.State // one of Answers
	Words    string       // what the body wrote, for the person
}

// What a person can ask, each by a click.
const (
	AskWhy      ledger.State = "why"
	UnknownBody ledger.State = "unknown-body" // they do not know the body, and ask why
	WasMe       ledger.State = "was-me"       // it was they who asked to be looked up: nobody needs to answer
)

// Asks is what a person can ask.
var Asks = []ledger.State{AskWhy, UnknownBody, WasMe}

// What a body answers. A line that nobody can explain is seen at the desk, with its account.
const (
	ForYou    ledger.State = "for-you"    // somebody was working for the person
	AtRequest ledger.State = "at-request" // the person, or somebody for them, had asked
	Mistake   ledger.State = "mistake"    // the wrong file was opened
	Control   ledger.State = "control"    // the file was checked, as the law has it
)

// Answers is what a body can answer.
var Answers = []ledger.State{ForYou, AtRequest, Mistake, Control, ledger.Unexplained}

// Due is when an answer is owed: a month after the question (Regulation (EU) 2016/679, art. 12(3)).
func (q Question) Due() time.Time { return ledger.MonthsAfter(q.At, 1) }

// Waits reports whether somebody has to answer.
func (q Question) Waits() bool { return q.Answered.IsZero() && q.What != WasMe }

// MostAsked is how many questions a person asks within AskedWithin.
const (
	MostAsked   = 20
	AskedWithin = 30 * 24 * time.Hour
)

// QuestionRows are the questions, in this turn.
type QuestionRows interface {
	approval.Rows
	// QuestionsOf returns the questions of a person, in the order of their numbers.
	QuestionsOf(register.PersonID) ([]Question, error)
	// Question returns one; fault.Absent when there is none.
	Question(number ledger.Number) (Question, error)
	// PutQuestion adds a question, or answers it.
	PutQuestion(Question) error
}

// Ask asks about a line of the person's. Whoever does it has read that it is theirs.
type Ask struct {
	Person register.PersonID
	Line   ledger.Entry // that the person was shown in
	What   ledger.State
}

// Decide implements journal.Act.
func (a Ask) Decide(tx *journal.Tx, rows QuestionRows) (ledger.Entry, error) {
	if !slices.Contains(Asks, a.What) {
		return ledger.Entry{}, fault.Errorf(fault.Invalid, "%q is no question", string(a.What))
	}
	if a.Line.Person != a.Person || !a.Line.Disclosed() {
		return ledger.Entry{}, fault.Errorf(fault.Absent, "you have no line of this number")
	}
	asked, err := rows.QuestionsOf(a.Person)
	if err != nil {
		return ledger.Entry{}, err
	}
	lately := 0
	for _, q := range asked {
		if q.Line == a.Line.Number {
			return ledger.Entry{}, journal.Unchanged
		}
		if tx.Now().Sub(q.At) < AskedWithin {
			lately++
		}
	}
	if lately >= MostAsked {
		return ledger.Entry{}, fault.Errorf(fault.Refused, "at most %d questions are asked within 30 days", MostAsked)
	}
	return ledger.Entry{Kind: ledger.Questioned, Person: a.Person, Organisation: a.Line.Organisation, Cause: a.Line.Number, State: a.What}, nil
}

// Apply implements journal.Act.
func (a Ask) Apply(rows QuestionRows, e ledger.Entry) error {
	return rows.PutQuestion(Question{
		Number: e.Number, Line: a.Line.Number, Person: a.Person, What: a.What, Body: a.Line.Organisation, Account: a.Line.Account, At: e.Time,
	})
}

// Answer answers a question, once. A manager of the body that is asked does, wherever whoever looked works since,
// or the security desk; never the account that looked, nor one of its lineage.
type Answer struct {
	By     roster.AccountID
	Number ledger.Number // of the question
	Why    ledger.State
	Words  string // may be empty
}

const answering = "an answer to a person"

// answers refuses who may not answer the question, of those who may sign.
func (q Question) answers(rows QuestionRows, signer roster.Account) error {
	if signer.Role != roster.Security && signer.Organisation != q.Body {
		return fault.Errorf(fault.Refused, "a manager of the body that is asked signs for %s, or the security desk", answering)
	}
	looked, err := rows.Account(q.Account)
	if err != nil {
		return err
	}
	return approval.Apart(rows, signer, looked, answering)
}

// Decide implements journal.Act.
func (a Answer) Decide(tx *journal.Tx, rows QuestionRows) (ledger.Entry, error) {
	if !slices.Contains(Answers, a.Why) {
		return ledger.Entry{}, fault.Errorf(fault.Invalid, "%q is no answer", string(a.Why))
	}
	if a.Words != "" {
		if err := typed.Check("an answer", a.Words); err != nil {
			return ledger.Entry{}, err
		}
	}
	q, err := rows.Question(a.Number)
	if err != nil {
		return ledger.Entry{}, err
	}
	by, err := approval.One(tx, rows, a.By, approval.Demand{For: answering})
	if err == nil {
		err = q.answers(rows, by)
	}
	switch {
	case err != nil:
		return ledger.Entry{}, err
	case !q.Waits():
		return ledger.Entry{}, fault.Errorf(fault.Refused, "question %d was answered", q.Number)
	}
	return ledger.Entry{
		Kind: ledger.Answered, Account: by.ID, Organisation: by.Organisation, Subject: q.Account, Cause: q.Number, State: a.Why,
		Digest: ledger.Digest(sha256.Sum256([]byte(a.Words))),
	}, nil
}

// Apply implements journal.Act.
func (a Answer) Apply(rows QuestionRows, e ledger.Entry) error {
	q, err := rows.Question(a.Number)
	if err != nil {
		return err
	}
	q.Answered, q.By, q.Why, q.Words = e.Time, a.By, a.Why, a.Words
	return rows.PutQuestion(q)
}

// Questions asks and answers.
type Questions struct {
	Writer journal.Writer
	Reader Reader
	Ledger interface {
		// Entry returns one entry.
		Entry(context.Context, ledger.Number) (ledger.Entry, error)
	}
	Rows interface {
		// QuestionsOf returns the questions of a person, in the order of their numbers.
		QuestionsOf(context.Context, register.PersonID) ([]Question, error)
		// Questions returns the questions to a body, in the order of their numbers; to all
		// bodies when it is empty.
		Questions(context.Context, roster.OrganisationID) ([]Question, error)
	}
}

// Ask asks about a line. An entry that is no line of the person's is fault.Absent, and nothing
// is written.
func (s Questions) Ask(ctx context.Context, person register.PersonID, line ledger.Number, what ledger.State) error {
	if _, err := s.Reader.One(ctx, person, line); err != nil {
		return err
	}
	e, err := s.Ledger.Entry(ctx, line)
	if err != nil {
		return err
	}
	_, err = journal.Do(ctx, s.Writer, journal.Act[QuestionRows](Ask{Person: person, Line: e, What: what}))
	return err
}

// Answer answers a question.
func (s Questions) Answer(ctx context.Context, a Answer) error {
	_, err := journal.Do(ctx, s.Writer, journal.Act[QuestionRows](a))
	return err
}

// Of returns the questions of a person, by the line that each is about.
func (s Questions) Of(ctx context.Context, person register.PersonID) (map[ledger.Number]Question, error) {
	asked, err := s.Rows.QuestionsOf(ctx, person)
	by := make(map[ledger.Number]Question, len(asked))
	for _, q := range asked {
		by[q.Line] = q
	}
	return by, err
}

// To returns the questions to a body, or to all.
func (s Questions) To(ctx context.Context, body roster.OrganisationID) ([]Question, error) {
	return s.Rows.Questions(ctx, body)
}
