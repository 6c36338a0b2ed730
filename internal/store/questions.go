package store

import (
	"context"
	"database/sql"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/person"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/seal"
)

// Questions is what people asked about lines of theirs.
type Questions struct{ db *DB }

// NewQuestions returns the questions in a database.
func NewQuestions(db *DB) Questions { return Questions{db} }

// QuestionsOf implements person.Questions.
func (q Questions) QuestionsOf(ctx context.Context, of register.PersonID) ([]person.Question, error) {
	return q.db.questions(ctx, q.db.read, `person = $1`, of[:])
}

// Questions implements person.Questions.
func (q Questions) Questions(ctx context.Context, to roster.OrganisationID) ([]person.Question, error) {
	if to == "" {
		return q.db.questions(ctx, q.db.read, `true`)
	}
	return q.db.questions(ctx, q.db.read, `organisation = $1`, string(to))
}

const questionColumns = `number, line, person, what, organisation, account, asked_us, answered_us, answered_by, why, words, seal`

// questions reads those that meet a condition; those that no node wrote are left out.
func (db *DB) questions(ctx context.Context, from querier, condition string, args ...any) ([]person.Question, error) {
	list, err := collect(ctx, from, db.scanQuestion, `select `+questionColumns+` from question where `+condition+` order by number`, args...)
	return list, db.engine.classify(err)
}

func (db *DB) scanQuestion(row scanner) (q person.Question, err error) {
	var of, sealed []byte
	var asked int64
	var answered sql.NullInt64
	err = row.Scan(&q.Number, &q.Line, &of, &q.What, &q.Body, &q.Account, &asked, &answered, &q.By, &q.Why, &q.Words, &sealed)
	copy(q.Person[:], of)
	q.At, q.Answered = time.UnixMicro(asked).UTC(), fromMicro(answered)
	return q, db.seals.admitNumber(err, sealed, questionRow(q), q.Number)
}

func questionRow(q person.Question) *seal.Row {
	return seal.NewRow("question").Int(int64(q.Number)).Int(int64(q.Line)).Bytes(q.Person[:]).Text(string(q.What)).Text(string(q.Body)).Text(string(q.Account)).
		Time(q.At).Time(q.Answered).Text(string(q.By)).Text(string(q.Why)).Text(q.Words)
}

// questionRows is the questions, in a turn.
type questionRows struct{ *turn }

// QuestionsOf implements person.QuestionRows.
func (r questionRows) QuestionsOf(of register.PersonID) ([]person.Question, error) {
	list, err := r.db.questions(r.ctx, r.tx, `person = $1`, of[:])
	return list, doing("reading questions", err)
}

// Question implements person.QuestionRows.
func (r questionRows) Question(number ledger.Number) (person.Question, error) {
	list, err := r.db.questions(r.ctx, r.tx, `number = $1`, int64(number))
	return only(list, err, "question", number)
}

// PutQuestion implements person.QuestionRows.
func (r questionRows) PutQuestion(q person.Question) error {
	const put = `insert into question (` + questionColumns + `) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		on conflict (number) do update set answered_us = excluded.answered_us, answered_by = excluded.answered_by, why = excluded.why, words = excluded.words, seal = excluded.seal`
	_, err := r.exec(put, int64(q.Number), int64(q.Line), q.Person[:], string(q.What), string(q.Body), string(q.Account), q.At.UnixMicro(), micro(q.Answered),
		string(q.By), string(q.Why), q.Words, r.db.seals.seal(questionRow(q)))
	return doing("writing a question", err)
}
