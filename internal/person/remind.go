package person

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"poterne/internal/journal"
	"poterne/internal/mail"
	"poterne/internal/roster"
)

// Reminders tell a body by mail that a person waits for its answer: its managers after half a
// month, and after a month its head, the data-protection officers and the security desk as
// well. Each is told once of a question, by one node. A mail names nobody.
type Reminders struct {
	Rows interface {
		// Questions returns the questions to a body, in the order of their numbers; to all
		// bodies when it is empty.
		Questions(context.Context, roster.OrganisationID) ([]Question, error)
	}
	Roster interface {
		// Accounts returns every account, by organisation and name.
		Accounts(context.Context) ([]roster.Account, error)
		// Organisations returns every organisation, by name.
		Organisations(context.Context) ([]roster.Organisation, error)
	}
	Marks  journal.Marks
	Sender interface {
		// Send hands a mail to the server that delivers it.
		Send(context.Context, mail.Message) error
	}
	Link string // where questions are answered
	Now  func() time.Time
	Log  *slog.Logger
}

const (
	remindAfter   = 15 * 24 * time.Hour
	remindForgets = 400 * 24 * time.Hour // how long it is known who was told of a question
)

// Run reminds until ctx ends.
func (r *Reminders) Run(ctx context.Context) error {
	return journal.Hourly(ctx, r.Log, "bodies could not be reminded that people wait for answers; it is tried again within the hour", r.Remind)
}

// Remind tells everybody whom it has not told who is to be told now.
func (r *Reminders) Remind(ctx context.Context) error {
	asked, err := r.Rows.Questions(ctx, "")
	if err != nil {
		return err
	}
	now := r.Now()
	asked = slices.DeleteFunc(asked, func(q Question) bool { return !q.Waits() || now.Sub(q.At) < remindAfter })
	if len(asked) == 0 {
		return nil
	}
	people, err := r.Roster.Accounts(ctx)
	if err != nil {
		return err
	}
	bodies, err := r.Roster.Organisations(ctx)
	if err != nil {
		return err
	}
	for _, q := range asked {
		late := !now.Before(q.Due())
		key := "mail.question"
		if late {
			key = "mail.question-late"
		}
		var to []string
		name := string(q.Body)
		for _, a := range people {
			whose := a.Role == roster.Manager && a.Organisation == q.Body || late && (a.Role == roster.Privacy || a.Role == roster.Security)
			if whose && a.Gives(now) && a.Mail != "" {
				to = append(to, a.Mail)
			}
		}
		for _, o := range bodies {
			if o.ID == q.Body {
				if name = o.Name; late && o.Mail != "" {
					to = append(to, o.Mail)
				}
			}
		}
		for _, address := range slices.Compact(slices.Sorted(slices.Values(to))) {
			if err := r.tell(ctx, q, key, address, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// tell sends one mail about a question, unless it was sent.
func (r *Reminders) tell(ctx context.Context, q Question, key, address, body string) error {
	return journal.Once(ctx, r.Marks, fmt.Sprintf("%s %d %s", key, q.Number, address), r.Now().Add(remindForgets), func() error {
		return r.Sender.Send(ctx, mail.Bilingual(address, key, "number", uint64(q.Number), "organisation", body, "link", r.Link))
	})
}
