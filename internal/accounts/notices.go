package accounts

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"time"

	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/roster"
)

// Notices tells the head of an organisation and its managers, by mail, what is done about
// accounts there, as soon as it is in the ledger; and does in time what nobody does: closes
// accounts whose end has come or that are unused, after it reminded of it.
type Notices struct {
	Service
	Journal interface {
		// Follow yields the entries from a number on, then each new one, until ctx ends.
		Follow(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error]
	}
	Ledger interface {
		// FirstAt returns the number of the first entry at or after a time.
		FirstAt(context.Context, time.Time) (ledger.Number, error)
	}
	Roster interface {
		// Accounts returns every account, by organisation and name.
		Accounts(context.Context) ([]roster.Account, error)
		// Organisations returns every organisation, by name.
		Organisations(context.Context) ([]roster.Organisation, error)
	}
	// Once sets a mark until a time, and reports whether it was new: of all nodes, one
	// sends a mail.
	Once   func(ctx context.Context, mark [sha256.Size]byte, until time.Time) (bool, error)
	EndAll func(context.Context, roster.AccountID) error // ends an account's sessions
	Now    func() time.Time
	Log    *slog.Logger
}

const (
	told        = 24 * time.Hour      // what is older was told, or is told no more
	marked      = 8 * 24 * time.Hour  // how long it is known what was told
	upkeepEvery = 10 * time.Minute    // how often ends are looked at
	unusedFor   = 90 * 24 * time.Hour // after which an account is closed
	tries       = 5                   // of one mail, each after twice the wait
)

// reminders are how many days before its end an account is reminded of it.
var reminders = []int{30, 7, 1}

// Run tells until ctx ends.
func (n *Notices) Run(ctx context.Context) error {
	if !n.Invites() {
		<-ctx.Done()
		return nil
	}
	for ctx.Err() == nil {
		from, err := n.Ledger.FirstAt(ctx, n.Now().Add(-told))
		if err == nil {
			for entry, e := range n.Journal.Follow(ctx, from) {
				if err = e; err != nil {
					break
				}
				if err = n.tell(ctx, entry); err != nil {
					break
				}
			}
		}
		if err != nil && ctx.Err() == nil {
			n.Log.WarnContext(ctx, "notices could not be sent; they are tried again", slog.Any("err", err))
			wait(ctx, time.Minute)
		}
	}
	return nil
}

func wait(ctx context.Context, long time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(long):
	}
}

// tell sends what an entry has to say to whoever must hear of it. The act's own author is
// told too: it may not have been them.
func (n *Notices) tell(ctx context.Context, e ledger.Entry) error {
	if !slices.Contains([]ledger.Kind{ledger.Proposed, ledger.Approved, ledger.Declined, ledger.Accepted, ledger.Joined, ledger.Ended}, e.Kind) {
		return nil
	}
	people, err := n.Roster.Accounts(ctx)
	if err != nil {
		return err
	}
	bodies, err := n.Roster.Organisations(ctx)
	if err != nil {
		return err
	}
	organisation := roster.Organisation{ID: e.Organisation, Name: string(e.Organisation)}
	if i := slices.IndexFunc(bodies, func(o roster.Organisation) bool { return o.ID == e.Organisation }); i >= 0 {
		organisation = bodies[i]
	}
	name := func(id roster.AccountID) string {
		if i := slices.IndexFunc(people, func(a roster.Account) bool { return a.ID == id }); i >= 0 {
			return people[i].Name
		}
		return string(id)
	}
	to := []string{organisation.Mail}
	for _, a := range people {
		if a.Organisation == e.Organisation && a.Role == roster.Manager && a.Gives(n.Now()) {
			to = append(to, a.Mail)
		}
	}
	slices.Sort(to)
	for _, address := range slices.Compact(to) {
		if address == "" {
			continue
		}
		message := bilingual(address, "mail."+e.Kind.String(), "organisation", organisation.Name, "who", name(e.Account), "subject", name(e.Subject), "number", uint64(e.Number))
		n.send(ctx, fmt.Sprintf("notice %d %s", e.Number, address), func() error { return n.Sender.Send(ctx, message) })
	}
	return nil
}

// send sends a mail that no node has sent, and tries again while the server does not take it.
func (n *Notices) send(ctx context.Context, what string, send func() error) {
	first, err := n.Once(ctx, sha256.Sum256([]byte(what)), n.Now().Add(marked))
	for try := 0; err == nil && first && try < tries; try++ {
		if err := send(); err == nil {
			return
		} else if ctx.Err() == nil {
			n.Log.WarnContext(ctx, "a notice was not taken by the mail server", slog.Int("try", try+1), slog.Any("err", err))
		}
		wait(ctx, time.Second<<(2*try))
	}
	if err != nil && ctx.Err() == nil {
		n.Log.WarnContext(ctx, "a notice was not sent", slog.Any("err", err))
	}
}

// RunUpkeep closes accounts at their end and reminds of it, until ctx ends. used returns
// when an account was last signed in to, and since when that is known.
func (n *Notices) RunUpkeep(ctx context.Context, used func(roster.AccountID) (last, since time.Time)) error {
	tick := time.NewTicker(upkeepEvery)
	defer tick.Stop()
	for {
		if err := n.Upkeep(ctx, used); err != nil && ctx.Err() == nil {
			n.Log.WarnContext(ctx, "accounts could not be looked at", slog.Any("err", err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Upkeep looks at every account once.
func (n *Notices) Upkeep(ctx context.Context, used func(roster.AccountID) (last, since time.Time)) error {
	people, err := n.Roster.Accounts(ctx)
	if err != nil {
		return err
	}
	now := n.Now()
	guards := 0 // of the security desk: the last two stay, used or not
	for _, a := range people {
		if a.Role == roster.Security && a.Gives(now) {
			guards++
		}
	}
	for _, a := range people {
		if !a.Open() {
			continue
		}
		last, since := used(a.ID)
		idle := now.Sub(latest(a.Opened, last, since)) >= unusedFor
		switch {
		case !a.Gives(now):
			err = n.end(ctx, a, ledger.Expired)
		case idle && (a.Role != roster.Security || guards > 2):
			err = n.end(ctx, a, ledger.Unused)
			if a.Role == roster.Security {
				guards--
			}
		case !a.Until.IsZero():
			n.remind(ctx, a, now)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func latest(times ...time.Time) time.Time {
	return slices.MaxFunc(times, time.Time.Compare)
}

func (n *Notices) end(ctx context.Context, a roster.Account, why ledger.State) error {
	_, err := journal.Do(ctx, n.Writer, &Close{By: journal.Itself, Of: a.ID, Why: why})
	if errors.Is(err, journal.Unchanged) { // another node was quicker
		return nil
	}
	if err != nil {
		return err
	}
	return n.EndAll(ctx, a.ID)
}

// remind tells a person, once for each of the reminders, how many days their account has.
func (n *Notices) remind(ctx context.Context, a roster.Account, now time.Time) {
	if a.Mail == "" || !n.Invites() {
		return
	}
	left := a.Until.Sub(now)
	for _, days := range slices.Backward(reminders) { // the nearest only
		if left <= time.Duration(days)*24*time.Hour {
			message := bilingual(a.Mail, "mail.reminder", "n", days)
			n.send(ctx, fmt.Sprintf("reminder %s %d %d", a.ID, a.Until.Unix(), days), func() error { return n.Sender.Send(ctx, message) })
			return
		}
	}
}
