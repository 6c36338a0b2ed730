package person

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"poterne/internal/i18n"
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
	Marks interface {
		// Once sets a mark until a time, and reports whether it was new.
		Once(ctx context.Context, mark [sha256.Size]byte, until time.Time) (bool, error)
		// Forget takes a mark back.
		Forget(ctx context.Context, mark [sha256.Size]byte) error
	}
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
	remindLooks   = time.Hour
	remindForgets = 400 * 24 * time.Hour // how long it is known who was told of a question
)

// Run reminds until ctx ends.
func (r *Reminders) Run(ctx context.Context) error {
	tick := time.NewTicker(remindLooks)
	defer tick.Stop()
	for {
		if err := r.Remind(ctx); err != nil && ctx.Err() == nil {
			r.Log.WarnContext(ctx, "bodies could not be reminded that people wait for answers; it is tried again within the hour", slog.Any("err", err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
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
	mark := sha256.Sum256(fmt.Appendf(nil, "%s %d %s", key, q.Number, address))
	first, err := r.Marks.Once(ctx, mark, r.Now().Add(remindForgets))
	if err != nil || !first {
		return err
	}
	pairs := []any{"number", uint64(q.Number), "organisation", body, "link", r.Link}
	message := mail.Message{
		To:      address,
		Subject: i18n.French.Say(key+"-subject", pairs...) + " / " + i18n.English.Say(key+"-subject", pairs...),
		Text:    i18n.French.Say(key+"-text", pairs...) + "\n\n— — —\n\n" + i18n.English.Say(key+"-text", pairs...) + "\n",
	}
	if err := r.Sender.Send(ctx, message); err != nil {
		_ = r.Marks.Forget(context.WithoutCancel(ctx), mark) // it is tried again within the hour
		return err
	}
	return nil
}
