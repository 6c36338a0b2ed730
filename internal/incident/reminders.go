package incident

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/mail"
	"poterne/internal/notice"
	"poterne/internal/order"
	"poterne/internal/roster"
)

// Marks are the moments that a file brings with it. What was complete before files were merged
// is not complete any more.
func (f File) Marks() []notice.Mark {
	if f.Aware == nil {
		return nil
	}
	sent := slices.DeleteFunc(slices.Clone(f.Sent), func(s notice.Sending) bool { return s.Stage == notice.Complete && s.At.Before(f.Joined) })
	return notice.Marks(f.Aware.At, sent)
}

// Reminders mail those who keep files that a mark of one comes, and that it has passed, when
// nothing that meets it was sent: whoever is not looking at the page is told as well. A mail
// says which file and which mark, and nothing of what was stolen.
type Reminders struct {
	Files interface {
		// Files returns every file, the last opened first.
		Files(context.Context) ([]File, error)
	}
	Roster interface {
		// Accounts returns every account.
		Accounts(context.Context) ([]roster.Account, error)
	}
	Orders func() order.Set
	// Once sets a mark until a time, and reports whether it was new: of all nodes, one mails.
	Once func(ctx context.Context, mark [sha256.Size]byte, until time.Time) (bool, error)
	// Forget takes a mark back.
	Forget func(ctx context.Context, mark [sha256.Size]byte) error
	Send   func(context.Context, mail.Message) error
	Also   []string // addresses that are told besides
	Origin string   // of the files' pages
	Zone   *time.Location
	Now    func() time.Time
	Log    *slog.Logger

	failing map[[sha256.Size]byte]failing // what did not go out; Remind's own
}

// failing is a mail that the server did not take.
type failing struct {
	tries int
	next  time.Time
}

// ahead is how long before each mark people are reminded.
var ahead = map[string]time.Duration{"early": 6 * time.Hour, "notice": 24 * time.Hour, "final": 7 * 24 * time.Hour}

const (
	remindEvery  = time.Minute
	longestPause = 6 * time.Hour
	remembered   = 5 * 365 * 24 * time.Hour // that somebody was reminded: longer than a file is open
)

// Run reminds until ctx ends.
func (r *Reminders) Run(ctx context.Context) error {
	for {
		if err := r.Remind(ctx); err != nil && ctx.Err() == nil {
			r.Log.WarnContext(ctx, "not everybody who keeps files of incidents was reminded of what is due; it is tried again in a minute", slog.Any("err", err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(remindEvery):
		}
	}
}

// Remind mails what is due now and was not mailed yet. The error is the last of those that kept a
// mail from going out.
func (r *Reminders) Remind(ctx context.Context) (failed error) {
	files, err := r.Files.Files(ctx)
	if err != nil {
		return err
	}
	var to []string
	names := References(files, r.Zone)
	for _, f := range files {
		if !f.Closed.IsZero() || f.Into != 0 {
			continue
		}
		for _, m := range f.Marks() {
			when := r.due(m)
			if when == "" {
				continue
			}
			if to == nil {
				if to, err = r.keepers(ctx); err != nil {
					return err
				}
			}
			for _, address := range to {
				if err := r.mail(ctx, f, names[f.Number], m, when, address); err != nil {
					failed = err
				}
			}
		}
	}
	return failed
}

// due says whether a mark comes soon or has passed; empty of one that was met or is far.
func (r *Reminders) due(m notice.Mark) string {
	switch left := m.Ends.Sub(r.Now()); {
	case !m.Done.IsZero() || left > ahead[m.Key]:
		return ""
	case left > 0:
		return "soon"
	default:
		return "over"
	}
}

// keepers are the addresses of whoever keeps files and is not stopped, and those that are told
// besides.
func (r *Reminders) keepers(ctx context.Context) ([]string, error) {
	list, err := r.Roster.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	to, now := slices.Clone(r.Also), r.Now()
	for _, a := range list {
		if a.Role != roster.Security && a.Role != roster.Privacy || a.Mail == "" || !a.Gives(now) {
			continue
		}
		if o, stopped := r.Orders().Against(order.Use{Account: a.ID, Organisation: a.Organisation, Role: a.Role}, now); stopped && o.Effect == order.Suspended {
			continue
		}
		to = append(to, a.Mail)
	}
	slices.Sort(to)
	return slices.Compact(to), nil
}

// mail reminds one address once of one mark that comes or has passed. A mail that the server did
// not take is tried again, less and less often.
func (r *Reminders) mail(ctx context.Context, f File, name string, m notice.Mark, when, address string) error {
	mark := sha256.Sum256(fmt.Appendf(nil, "incident %d %s %d %s %s", f.Number, m.Key, m.Ends.Unix(), when, address))
	if r.Now().Before(r.failing[mark].next) {
		return nil
	}
	first, err := r.Once(ctx, mark, r.Now().Add(remembered))
	if err != nil || !first {
		return err
	}
	at := m.Ends.In(r.Zone).Format("02/01/2006 15:04 MST")
	key := "mail.incident-" + m.Key + "-" + when
	err = r.Send(ctx, mail.Bilingual(address, key, "reference", name, "at", at, "page", r.Origin+page(f.Number)))
	if err == nil {
		delete(r.failing, mark)
	} else {
		if r.failing == nil {
			r.failing = make(map[[sha256.Size]byte]failing)
		}
		tries := r.failing[mark].tries + 1
		r.failing[mark] = failing{tries, r.Now().Add(min(remindEvery<<min(tries, 10), longestPause))}
		if forgetting := r.Forget(context.WithoutCancel(ctx), mark); forgetting != nil {
			return fmt.Errorf("%w, and it will not be tried again: %w", err, forgetting)
		}
	}
	return err
}

func page(file ledger.Number) string { return fmt.Sprintf("/incidents/%d", file) }
