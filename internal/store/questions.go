package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"poterne/internal/fault"
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
	return q.db.questions(ctx, q.db.read, ` where person = $1 order by number`, of[:])
}

// Questions implements person.Questions.
func (q Questions) Questions(ctx context.Context, to roster.OrganisationID) ([]person.Question, error) {
	if to == "" {
		return q.db.questions(ctx, q.db.read, ` order by number`)
	}
	return q.db.questions(ctx, q.db.read, ` where organisation = $1 order by number`, string(to))
}

const questionColumns = `number, line, person, what, organisation, account, asked_us, answered_us, answered_by, why, words, seal`

// questions reads questions; those that no node wrote are left out.
func (db *DB) questions(ctx context.Context, from querier, where string, args ...any) (list []person.Question, err error) {
	rows, err := from.QueryContext(ctx, `select `+questionColumns+` from question`+where, args...)
	if err != nil {
		return nil, db.engine.classify(err)
	}
	defer rows.Close()
	for rows.Next() {
		switch q, err := db.scanQuestion(rows); {
		case err == nil:
			list = append(list, q)
		case !errors.Is(err, sql.ErrNoRows):
			return nil, db.engine.classify(err)
		}
	}
	return list, db.engine.classify(rows.Err())
}

func (db *DB) scanQuestion(row interface{ Scan(...any) error }) (q person.Question, err error) {
	var of, seal []byte
	var asked int64
	var answered sql.NullInt64
	err = row.Scan(&q.Number, &q.Line, &of, &q.What, &q.Body, &q.Account, &asked, &answered, &q.By, &q.Why, &q.Words, &seal)
	copy(q.Person[:], of)
	q.At, q.Answered = time.UnixMicro(asked).UTC(), fromMicro(answered)
	if err == nil && !db.seals.holds(seal, questionRow(q), func() string { return "question" }) {
		err = sql.ErrNoRows
	}
	return q, err
}

func questionRow(q person.Question) *seal.Row {
	return seal.NewRow("question").Int(int64(q.Number)).Int(int64(q.Line)).Bytes(q.Person[:]).Text(string(q.What)).Text(string(q.Body)).Text(string(q.Account)).
		Time(q.At).Time(q.Answered).Text(string(q.By)).Text(string(q.Why)).Text(q.Words)
}

// questionRows is the questions, in a turn.
type questionRows struct{ *turn }

// QuestionsOf implements person.QuestionRows.
func (r questionRows) QuestionsOf(of register.PersonID) ([]person.Question, error) {
	list, err := r.db.questions(r.ctx, r.tx, ` where person = $1 order by number`, of[:])
	return list, doing("reading questions", err)
}

// Question implements person.QuestionRows.
func (r questionRows) Question(number ledger.Number) (person.Question, error) {
	list, err := r.db.questions(r.ctx, r.tx, ` where number = $1`, int64(number))
	switch {
	case err != nil:
		return person.Question{}, doing("reading a question", err)
	case len(list) != 1:
		return person.Question{}, fault.Errorf(fault.Absent, "there is no question %d", number)
	}
	return list[0], nil
}

// PutQuestion implements person.QuestionRows.
func (r questionRows) PutQuestion(q person.Question) error {
	const put = `insert into question (` + questionColumns + `) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		on conflict (number) do update set answered_us = excluded.answered_us, answered_by = excluded.answered_by, why = excluded.why, words = excluded.words, seal = excluded.seal`
	_, err := r.exec(put, int64(q.Number), int64(q.Line), q.Person[:], string(q.What), string(q.Body), string(q.Account), q.At.UnixMicro(), micro(q.Answered),
		string(q.By), string(q.Why), q.Words, r.db.seals.seal(questionRow(q)))
	return doing("writing a question", err)
}
