package accounts

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"poterne/internal/i18n"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/mail"
	"poterne/internal/order"
	"poterne/internal/roster"
)

// Notices tells the head of an organisation and its managers, by mail, what is done about
// accounts there, as soon as it is in the ledger; and does in time what nobody does: closes
// accounts whose end has come or that are unused, suspends those that were not confirmed,
// after it reminded of it.
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
		// Rights returns every account with what it may use.
		Rights(context.Context) ([]Rights, error)
		// Proposals returns those of an organisation, or of all, that wait.
		Proposals(context.Context, roster.OrganisationID) ([]Proposal, error)
		// Organisations returns every organisation, by name.
		Organisations(context.Context) ([]roster.Organisation, error)
	}
	Requests interface {
		// OrganisationRequests returns those asked since a time, oldest first.
		OrganisationRequests(context.Context, time.Time) ([]OrganisationRequest, error)
	}
	Marks  journal.Marks                                 // of all nodes, one sends a mail
	EndAll func(context.Context, roster.AccountID) error // ends an account's sessions
	// Certificate returns when the certificate ends that a programme shows; zero where there is none.
	Certificate func(roster.AccountID) time.Time
	Now         func() time.Time
	Log         *slog.Logger

	mu     sync.Mutex // guards what follows
	unsent []letter   // that the mail server did not take
}

// letter is a mail that is sent once until a time: what names it on every node.
type letter struct {
	what    string
	until   time.Time
	message mail.Message
}

const (
	told        = 24 * time.Hour      // after a start, what is older is told no more
	marked      = 8 * 24 * time.Hour  // how long it is known what was told
	upkeepEvery = 10 * time.Minute    // how often ends are looked at
	unusedFor   = 90 * 24 * time.Hour // after which an account is closed
	tries       = 3                   // of a notice, each after four times the wait; then at each upkeep
	mostUnsent  = 1000
)

// reminders are how many days before an end it is reminded of.
var reminders = []int{30, 7, 1}

// notified are the acts that an organisation's head and managers are told of.
var notified = []ledger.Kind{
	ledger.Proposed, ledger.Approved, ledger.Declined, ledger.Accepted, ledger.Joined, ledger.Ended, ledger.Raised,
	ledger.Reviewed, ledger.Lapsed, ledger.Signalled, ledger.Recovery, ledger.Diverged, ledger.Readmitted, ledger.Entrusted, ledger.RightAsked, ledger.RightGiven,
}

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
				if err = n.Tell(ctx, entry); err != nil {
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

// Tell sends what an entry has to say to whoever must hear of it. The act's own author is
// told too: it may not have been them.
func (n *Notices) Tell(ctx context.Context, e ledger.Entry) error {
	if e.Kind == ledger.Enrolled || e.Kind == ledger.Unenrolled {
		return n.tellHolder(ctx, e)
	}
	if e.Kind == ledger.Session {
		return n.tellTheft(ctx, e)
	}
	if e.Kind == ledger.BrokeGlass && e.State == ledger.Granted {
		return n.tellEverybody(ctx, e)
	}
	if e.Reach == order.Source {
		return n.tellBypass(ctx, e)
	}
	if e.Kind == ledger.OrganisationAsked || e.Kind == ledger.OrganisationSet {
		return n.tellOrganisation(ctx, e)
	}
	if e.Kind == ledger.Ended && e.State == ledger.Closing { // with its organisation, of which one mail tells
		return nil
	}
	if e.Kind == ledger.PermitAsked || e.Kind == ledger.Permitted || e.Kind == ledger.PermitEnded {
		return n.tellPermit(ctx, e)
	}
	if !slices.Contains(notified, e.Kind) || e.Kind == ledger.Entrusted && e.State == "" { // what a day brings is nobody's act
		return nil
	}
	if e.Kind == ledger.RightAsked && e.State != ledger.Asked {
		return nil
	}
	people, err := n.Roster.Accounts(ctx)
	if err != nil {
		return err
	}
	named := func(id roster.AccountID) roster.Account {
		if i := slices.IndexFunc(people, func(a roster.Account) bool { return a.ID == id }); i >= 0 {
			return people[i]
		}
		return roster.Account{Name: string(id)}
	}
	if e.Organisation == "" { // a raise says whose it is
		e.Organisation = named(e.Subject).Organisation
	}
	organisation, to, err := n.heads(ctx, e.Organisation, people)
	if err != nil {
		return err
	}
	if e.Kind == ledger.Signalled || e.Kind == ledger.Diverged || e.Kind == ledger.Readmitted {
		for _, a := range people {
			if a.Role == roster.Security && a.Gives(n.Now()) {
				to = append(to, a.Mail)
			}
		}
	}
	who := i18n.French.Say("mail.itself") + " / " + i18n.English.Say("mail.itself")
	if e.Account != journal.Itself {
		who = named(e.Account).Name
	}
	for _, address := range addresses(to) {
		message := mail.Bilingual(address, "mail."+e.Kind.String(), "organisation", organisation, "who", who, "subject", named(e.Subject).Name,
			"number", uint64(e.Number), "n", int(e.Count), "people", e.Cost.People())
		n.send(ctx, letter{fmt.Sprintf("notice %d %s", e.Number, address), n.Now().Add(marked), message}, tries)
	}
	if own := named(e.Subject).Mail; own != "" && (e.Kind == ledger.RightAsked || e.Kind == ledger.RightGiven) {
		message := mail.Bilingual(own, "mail."+e.Kind.String()+"-own", "number", uint64(e.Number))
		n.send(ctx, letter{fmt.Sprintf("notice %d %s", e.Number, own), n.Now().Add(marked), message}, tries)
	}
	return nil
}

// tellHolder tells the holder of an account that a passkey was enrolled, removed or disabled;
// and of one that two authenticators have, the security desk too.
func (n *Notices) tellHolder(ctx context.Context, e ledger.Entry) error {
	people, err := n.Roster.Accounts(ctx)
	if err != nil {
		return err
	}
	key := "mail." + e.Kind.String()
	if e.State == ledger.Cloned {
		key = "mail.cloned"
	}
	for _, a := range people {
		desk := e.State == ledger.Cloned && a.Role == roster.Security && a.Gives(n.Now())
		if a.Mail == "" || a.ID != e.Subject && !desk {
			continue
		}
		message := mail.Bilingual(a.Mail, key, "account", string(e.Subject), "number", uint64(e.Number))
		n.send(ctx, letter{fmt.Sprintf("notice %d %s", e.Number, a.Mail), n.Now().Add(marked), message}, tries)
	}
	return nil
}

// tellTheft tells the holder of an account that a session of theirs was in another browser, or
// was shown without the key of its device.
func (n *Notices) tellTheft(ctx context.Context, e ledger.Entry) error {
	if e.State == ledger.Unbound {
		return nil
	}
	key := "mail.session"
	switch e.State {
	case ledger.Keyless:
		key = "mail.keyless"
	case ledger.CameBack:
		key = "mail.put-back"
	}
	people, err := n.Roster.Accounts(ctx)
	if err != nil {
		return err
	}
	for _, a := range people {
		if a.ID == e.Account && a.Mail != "" {
			message := mail.Bilingual(a.Mail, key, "account", string(a.ID), "number", uint64(e.Number))
			n.send(ctx, letter{fmt.Sprintf("notice %d %s", e.Number, a.Mail), n.Now().Add(marked), message}, tries)
		}
	}
	return nil
}

// tellBypass tells the security desk and the data-protection officer that a bypass is asked
// for, in force or ended; and of one in force or ended the heads and managers of every
// organisation, since everybody is under it.
func (n *Notices) tellBypass(ctx context.Context, e ledger.Entry) error {
	var key string
	switch {
	case e.Kind == ledger.Placed && e.Effect == order.BypassAsked:
		key = "mail.bypass-asked"
	case e.Kind == ledger.Placed && e.Effect == order.Bypassed:
		key = "mail.bypassed"
	case e.Kind == ledger.Lifted && e.Effect == order.Bypassed:
		key = "mail.bypass-ended"
	default: // what asked for one is not asked any more
		return nil
	}
	people, err := n.Roster.Accounts(ctx)
	if err != nil {
		return err
	}
	names := make(map[roster.AccountID]string, len(people))
	var to []string
	for _, a := range people {
		names[a.ID] = a.Name
		hears := a.Role == roster.Security || a.Role == roster.Privacy || a.Role == roster.Manager && e.Effect == order.Bypassed
		if hears && a.Gives(n.Now()) {
			to = append(to, a.Mail)
		}
	}
	if e.Effect == order.Bypassed {
		bodies, err := n.Roster.Organisations(ctx)
		if err != nil {
			return err
		}
		for _, o := range bodies {
			to = append(to, o.Mail)
		}
	}
	name := func(id roster.AccountID) string { return cmp.Or(names[id], string(id)) }
	hours := int((e.Until.Sub(e.Time) + time.Hour - 1) / time.Hour)
	for _, address := range addresses(to) {
		message := mail.Bilingual(address, key, "source", e.Target, "who", name(e.Account), "approver", name(e.Approver), "n", hours, "number", uint64(e.Number))
		n.send(ctx, letter{fmt.Sprintf("notice %d %s", e.Number, address), n.Now().Add(marked), message}, tries)
	}
	return nil
}

// tellPermit tells the security desk, and the head and managers of the account's organisation,
// that an export permit is asked for, in force, dropped or ended: among them whoever asked and
// whoever may approve; and, unless nothing came of it, who may export.
func (n *Notices) tellPermit(ctx context.Context, e ledger.Entry) error {
	people, err := n.Roster.Accounts(ctx)
	if err != nil {
		return err
	}
	names := make(map[roster.AccountID]string, len(people))
	var of roster.Account
	for _, a := range people {
		if names[a.ID] = a.Name; a.ID == e.Subject {
			of = a
		}
	}
	organisation, to, err := n.heads(ctx, of.Organisation, people)
	if err != nil {
		return err
	}
	key := "mail." + e.Kind.String()
	switch {
	case e.Kind != ledger.PermitAsked:
		to = append(to, of.Mail)
	case e.State != ledger.Asked:
		key = "mail.permit-dropped"
	}
	for _, a := range people {
		if a.Role == roster.Security && a.Gives(n.Now()) {
			to = append(to, a.Mail)
		}
	}
	name := func(id roster.AccountID) string { return cmp.Or(names[id], string(id)) }
	for _, address := range addresses(to) {
		message := mail.Bilingual(address, key, "organisation", organisation, "who", name(e.Account), "approver", name(e.Approver), "subject", name(e.Subject),
			"service", string(e.Service), "route", e.Route, "people", e.Cost.People(), "number", uint64(e.Number))
		n.send(ctx, letter{fmt.Sprintf("notice %d %s", e.Number, address), n.Now().Add(marked), message}, tries)
	}
	return nil
}

// tellOrganisation tells the security desk, the data-protection officer, and an organisation's head
// and managers, that it is to be added, changed or closed, or was: and whoever was its head before.
func (n *Notices) tellOrganisation(ctx context.Context, e ledger.Entry) error {
	switch e.State {
	case ledger.Adding, ledger.Altering, ledger.Closing, ledger.Expired:
	default: // what was asked is not asked any more
		return nil
	}
	people, err := n.Roster.Accounts(ctx)
	if err != nil {
		return err
	}
	organisation, to, err := n.heads(ctx, e.Organisation, people)
	if err != nil {
		return err
	}
	names := make(map[roster.AccountID]string, len(people))
	for _, a := range people {
		names[a.ID] = a.Name
		closed := a.Organisation == e.Organisation && a.Role == roster.Manager && a.Closed.Equal(e.Time) && e.Kind == ledger.OrganisationSet // with it
		if closed || (a.Role == roster.Security || a.Role == roster.Privacy) && a.Gives(n.Now()) {
			to = append(to, a.Mail)
		}
	}
	asked, err := n.Requests.OrganisationRequests(ctx, e.Time.Add(-OrganisationWaits-told))
	if err != nil {
		return err
	}
	for _, r := range asked {
		if r.Number == e.Number || r.Number == e.Cause {
			to = append(to, r.Former)
			if e.State == ledger.Adding {
				organisation = r.As.Name
			}
		}
	}
	name := func(id roster.AccountID) string { return cmp.Or(names[id], string(id)) }
	for _, address := range addresses(to) {
		message := mail.Bilingual(address, "mail."+e.Kind.String()+"-"+string(e.State), "organisation", organisation, "who", name(e.Account), "approver", name(e.Approver), "n", int(e.Count), "number", uint64(e.Number))
		n.send(ctx, letter{fmt.Sprintf("notice %d %s", e.Number, address), n.Now().Add(marked), message}, tries)
	}
	return nil
}

// endOrganisations closes those whose end has come, and reminds of the end of the others.
func (n *Notices) endOrganisations(ctx context.Context, people []roster.Account) error {
	bodies, err := n.Roster.Organisations(ctx)
	if err != nil {
		return err
	}
	for _, o := range bodies {
		if o.Until.IsZero() || !o.Closed.IsZero() {
			continue
		}
		if n.Now().Before(o.Until) {
			name, to, err := n.heads(ctx, o.ID, people)
			if err != nil {
				return err
			}
			n.remind(ctx, "mail.organisation-end", string(o.ID), o.Until, to, "organisation", name)
			continue
		}
		act := &EndOrganisation{Of: o.ID}
		switch _, err := journal.Do(ctx, n.Writer, journal.Act[Rows](act)); {
		case errors.Is(err, journal.Unchanged): // another node was quicker
		case err != nil:
			return err
		default:
			if err := endAll(ctx, act.closed, n.EndAll); err != nil {
				return err
			}
		}
	}
	return nil
}

// tellEverybody tells the head of each organisation and the security desk that somebody is in by
// the break-glass access.
func (n *Notices) tellEverybody(ctx context.Context, e ledger.Entry) error {
	people, err := n.Roster.Accounts(ctx)
	if err != nil {
		return err
	}
	bodies, err := n.Roster.Organisations(ctx)
	if err != nil {
		return err
	}
	var to []string
	for _, o := range bodies {
		to = append(to, o.Mail)
	}
	for _, a := range people {
		if a.Role == roster.Security && a.Gives(n.Now()) {
			to = append(to, a.Mail)
		}
	}
	for _, address := range addresses(to) {
		message := mail.Bilingual(address, "mail.broke-glass", "number", uint64(e.Number))
		n.send(ctx, letter{fmt.Sprintf("notice %d %s", e.Number, address), n.Now().Add(marked), message}, tries)
	}
	return nil
}

// heads returns an organisation's name, and the addresses of its head and its managers.
func (n *Notices) heads(ctx context.Context, of roster.OrganisationID, people []roster.Account) (name string, to []string, err error) {
	bodies, err := n.Roster.Organisations(ctx)
	if err != nil {
		return "", nil, err
	}
	name = string(of)
	if i := slices.IndexFunc(bodies, func(o roster.Organisation) bool { return o.ID == of }); i >= 0 {
		name, to = bodies[i].Name, append(to, bodies[i].Mail)
	}
	for _, a := range people {
		if a.Organisation == of && a.Role == roster.Manager && a.Gives(n.Now()) {
			to = append(to, a.Mail)
		}
	}
	return name, to, nil
}

// addresses are those that are some, each once.
func addresses(list []string) []string {
	return slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(list))), func(address string) bool { return address == "" })
}

// send sends a letter that no node has sent. One that the server does not take is tried
// again at the next upkeep.
func (n *Notices) send(ctx context.Context, l letter, tries int) {
	mark := sha256.Sum256([]byte(l.what))
	first, err := n.Marks.Once(ctx, mark, l.until)
	if !first || err != nil {
		if err != nil && ctx.Err() == nil {
			n.Log.WarnContext(ctx, "a mail was not sent", slog.Any("err", err))
		}
		return
	}
	for try := range tries {
		if try > 0 {
			wait(ctx, time.Second<<(2*(try-1)))
		}
		if err = n.Sender.Send(ctx, l.message); err == nil {
			return
		}
	}
	n.Log.WarnContext(ctx, "a mail was not taken by the mail server; it is tried again", slog.Any("err", err))
	if err := n.Marks.Forget(context.WithoutCancel(ctx), mark); err != nil {
		n.Log.WarnContext(ctx, "a mail will not be tried again", slog.Any("err", err))
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.unsent) < mostUnsent {
		n.unsent = append(n.unsent, l)
	}
}

// again sends what the server did not take, while it is worth telling.
func (n *Notices) again(ctx context.Context) {
	n.mu.Lock()
	unsent := n.unsent
	n.unsent = nil
	n.mu.Unlock()
	for _, l := range unsent {
		if n.Now().Before(l.until) {
			n.send(ctx, l, 1)
		}
	}
}

// Entered is when an account was last signed in to, and since when that is known.
type Entered func(roster.AccountID) (last, since time.Time)

// RunUpkeep does what time brings, until ctx ends.
func (n *Notices) RunUpkeep(ctx context.Context, entered Entered) error {
	return journal.Every(ctx, upkeepEvery, func(ctx context.Context) error { return n.Upkeep(ctx, entered) }, func(err error) {
		n.Log.WarnContext(ctx, "accounts could not be looked at", slog.Any("err", err))
	})
}

// Upkeep looks at every account once.
func (n *Notices) Upkeep(ctx context.Context, entered Entered) error {
	n.again(ctx)
	if err := n.begin(ctx); err != nil {
		return err
	}
	all, err := n.Roster.Rights(ctx)
	if err != nil {
		return err
	}
	now := n.Now()
	guards := 0 // of the security desk: the last two stay, used or not
	var people []roster.Account
	for _, r := range all {
		people = append(people, r.Account)
		if r.Account.Role == roster.Security && r.Account.Gives(now) {
			guards++
		}
	}
	for _, r := range all {
		a := r.Account
		if !a.Open() {
			continue
		}
		last, since := entered(a.ID)
		idle := now.Sub(latest(a.Opened, last, since)) >= unusedFor
		switch {
		case !a.Until.IsZero() && !now.Before(a.Until):
			err = n.end(ctx, &Close{By: journal.Itself, Of: a.ID, Why: ledger.Expired}, a.ID)
		case idle && (a.Role != roster.Security || guards > 2):
			err = n.end(ctx, &Close{By: journal.Itself, Of: a.ID, Why: ledger.Unused}, a.ID)
			if a.Role == roster.Security {
				guards--
			}
		case a.Lapsed(now):
			err = n.lapse(ctx, a)
		default:
			if ends := r.ends(now); !ends.IsZero() {
				n.remind(ctx, "mail.reminder", string(a.ID), ends, []string{a.Mail})
			}
			if n.Certificate != nil {
				if ends := n.Certificate(a.ID); ends.After(now) {
					n.remind(ctx, "mail.certificate", string(a.ID), ends, []string{a.Mail}, "account", string(a.ID))
				}
			}
			n.remindTraining(ctx, a)
		}
		if err != nil {
			return err
		}
	}
	if err := n.endOrganisations(ctx, people); err != nil {
		return err
	}
	return n.remindReviews(ctx, people)
}

// ends is when the first of an account's rights ends that has not ended; zero when none does.
func (r Rights) ends(now time.Time) time.Time {
	end := r.Account.Until
	for _, h := range r.Habilitations {
		if h.Until.After(now) && (end.IsZero() || h.Until.Before(end)) {
			end = h.Until
		}
	}
	return end
}

func latest(times ...time.Time) time.Time {
	return slices.MaxFunc(times, time.Time.Compare)
}

// end closes an account and ends its sessions.
func (n *Notices) end(ctx context.Context, act *Close, of roster.AccountID) error {
	_, err := journal.Do(ctx, n.Writer, act)
	if errors.Is(err, journal.Unchanged) { // another node was quicker
		return nil
	}
	if err != nil {
		return err
	}
	return n.EndAll(ctx, of)
}

// lapse writes down, once, that an account is suspended for want of a confirmation, and
// ends its sessions.
func (n *Notices) lapse(ctx context.Context, a roster.Account) error {
	lapsed := fmt.Sprintf("lapse %s %d", a.ID, a.Review.Unix())
	return journal.Once(ctx, n.Marks, lapsed, n.Now().Add(2*unusedFor), func() error { // by then it is closed
		_, err := journal.Do(ctx, n.Writer, Lapse{a.ID})
		if errors.Is(err, journal.Unchanged) {
			return nil
		}
		if err != nil {
			return err
		}
		return n.EndAll(ctx, a.ID)
	})
}

// remindReviews tells the managers of each organisation when the first of its accounts must
// have been confirmed, and how many there are within the month.
func (n *Notices) remindReviews(ctx context.Context, people []roster.Account) error {
	type review struct {
		at time.Time
		n  int
	}
	due, now := make(map[roster.OrganisationID]review), n.Now()
	for _, a := range people {
		if !a.Gives(now) || a.Review.IsZero() || a.Review.Sub(now) > day*time.Duration(reminders[0]) {
			continue
		}
		d := due[a.Organisation]
		if d.n++; d.at.IsZero() || a.Review.Before(d.at) {
			d.at = a.Review
		}
		due[a.Organisation] = d
	}
	for of, d := range due {
		name, to, err := n.heads(ctx, of, people)
		if err != nil {
			return err
		}
		n.remind(ctx, "mail.review", string(of), d.at, to, "accounts", d.n, "organisation", name)
	}
	return nil
}

const day = 24 * time.Hour

// remind tells, once for each of the reminders, how many days are left before an end: what
// names whose it is.
func (n *Notices) remind(ctx context.Context, key, what string, end time.Time, to []string, pairs ...any) {
	if !n.Invites() {
		return
	}
	left := end.Sub(n.Now())
	for _, days := range slices.Backward(reminders) { // the nearest only
		if left > time.Duration(days)*day {
			continue
		}
		pairs = append(pairs, "n", int((left+day-1)/day), "link", n.Home)
		for _, address := range addresses(to) {
			l := letter{strings.Join([]string{key, what, address, fmt.Sprint(end.Unix(), days)}, " "), end.Add(marked), mail.Bilingual(address, key, pairs...)}
			n.send(ctx, l, 1)
		}
		return
	}
}
