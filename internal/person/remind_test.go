package person_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"poterne/internal/mail"
	"poterne/internal/person"
	"poterne/internal/roster"
)

// office is a small invented body, its questions, and the mails that were sent.
type office struct {
	asked []person.Question
	sent  []mail.Message
	marks map[[sha256.Size]byte]bool
	down  bool
}

func (o *office) Questions(context.Context, roster.OrganisationID) ([]person.Question, error) {
	return slices.Clone(o.asked), nil
}

func (*office) Accounts(context.Context) ([]roster.Account, error) {
	return []roster.Account{
		{ID: "jeanne", Organisation: "ml", Role: roster.Manager, Mail: "jeanne@ml.example"},
		{ID: "theo", Organisation: "ml", Role: roster.Adviser, Mail: "theo@ml.example"},
		{ID: "remi", Organisation: "cap", Role: roster.Manager, Mail: "remi@cap.example"},
		{ID: "claire", Organisation: "agence", Role: roster.Privacy, Mail: "claire@agence.example"},
		{ID: "noa", Organisation: "agence", Role: roster.Security, Mail: "noa@agence.example"},
	}, nil
}

func (*office) Organisations(context.Context) ([]roster.Organisation, error) {
	return []roster.Organisation{{ID: "ml", Name: "Mission locale", Mail: "direction@ml.example"}, {ID: "cap", Name: "Cap"}}, nil
}

func (o *office) Once(_ context.Context, mark [sha256.Size]byte, _ time.Time) (bool, error) {
	met := o.marks[mark]
	o.marks[mark] = true
	return !met, nil
}

func (o *office) Forget(_ context.Context, mark [sha256.Size]byte) error {
	delete(o.marks, mark)
	return nil
}

func (o *office) Send(_ context.Context, m mail.Message) error {
	if o.down {
		return errors.New("the server is down")
	}
	o.sent = append(o.sent, m)
	return nil
}

// A month after 31 January ends with February (Regulation 1182/71, art. 3(2)(c)).
func TestAnAnswerIsOwedByTheEndOfAMonthThatIsShorter(t *testing.T) {
	for asked, due := range map[time.Time]time.Time{
		time.Date(2027, time.January, 31, 9, 0, 0, 0, time.UTC): time.Date(2027, time.February, 28, 9, 0, 0, 0, time.UTC),
		time.Date(2028, time.January, 30, 9, 0, 0, 0, time.UTC): time.Date(2028, time.February, 29, 9, 0, 0, 0, time.UTC),
		time.Date(2027, time.August, 31, 9, 0, 0, 0, time.UTC):  time.Date(2027, time.September, 30, 9, 0, 0, 0, time.UTC),
		time.Date(2027, time.March, 3, 9, 0, 0, 0, time.UTC):    time.Date(2027, time.April, 3, 9, 0, 0, 0, time.UTC),
	} {
		if is := (person.Question{At: asked}).Due(); !is.Equal(due) {
			t.Errorf("what was asked on %s is owed on %s, not on %s", asked.Format(time.DateOnly), is.Format(time.DateOnly), due.Format(time.DateOnly))
		}
	}
}

func TestABodyIsRemindedOfAnAnswerAndItsHeadAfterAMonth(t *testing.T) {
	at := time.Date(2026, time.March, 3, 9, 0, 0, 0, time.UTC)
	now := at
	o := &office{marks: make(map[[sha256.Size]byte]bool), asked: []person.Question{
		{Number: 7, Body: "ml", What: person.AskWhy, At: at, Account: "theo"},
		{Number: 8, Body: "ml", What: person.WasMe, At: at},
		{Number: 9, Body: "cap", What: person.AskWhy, At: at, Answered: at.Add(time.Hour)},
	}}
	r := &person.Reminders{Rows: o, Roster: o, Marks: o, Sender: o, Link: "https://poterne.example/questions", Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)}
	goes := func(days int, want ...string) {
		t.Helper()
		now, o.sent = at.AddDate(0, 0, days), nil
		for range 2 { // the second tells nobody again
			if err := r.Remind(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		var to []string
		for _, m := range o.sent {
			to = append(to, m.To)
			if strings.Contains(m.Text, "theo") || !strings.Contains(m.Text, "https://poterne.example/questions") || !strings.Contains(m.Text, "Mission locale") {
				t.Errorf("the mail says %s", m.Text)
			}
		}
		if slices.Sort(to); !slices.Equal(to, want) {
			t.Errorf("after %d days %v are told, not %v", days, to, want)
		}
	}
	goes(14)
	goes(15, "jeanne@ml.example")
	goes(30)
	o.down, now = true, at.AddDate(0, 1, 0)
	if err := r.Remind(t.Context()); err == nil {
		t.Error("a server that is down is not told of")
	}
	o.down = false
	goes(31, "claire@agence.example", "direction@ml.example", "jeanne@ml.example", "noa@agence.example")
	goes(60)
	o.asked = append(o.asked, person.Question{Number: 10, Body: "nowhere", What: person.AskWhy, At: at.AddDate(0, 0, 60)})
	o.asked[0].Answered = at.AddDate(0, 0, 61)
	goes(62)
}
