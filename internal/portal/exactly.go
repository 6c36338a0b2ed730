package portal

import (
	"archive/zip"
	"bufio"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/ledger/index"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Index answers exactly who was shown, and who saw somebody.
type Index interface {
	// ShownTo counts who was shown to some accounts, from one time on and before
	// another; a zero time is no bound.
	ShownTo(ctx context.Context, accounts []roster.AccountID, since, until time.Time) (index.Shown, error)
	// WhoSaw finds every entry in which a person was shown.
	WhoSaw(ctx context.Context, person register.PersonID) (index.Seen, error)
	// Read is the number of the next entry to take in.
	Read() ledger.Number
	// Failing reports whether the index cannot follow the ledger.
	Failing() bool
}

// Notary gives what an answer rests on.
type Notary interface {
	// Covering returns a signed checkpoint that covers every entry before one.
	Covering(ctx context.Context, before ledger.Number) ([]byte, error)
}

// exactlyPage answers whoever watches: who exactly was shown to these accounts?
type exactlyPage struct {
	page
	Chosen  []chosenAccount
	Sought  string
	Found   []chosenAccount
	More    bool // more accounts match than are shown
	Anyway  *chosenAccount
	Periods []string
	Since   string // as it was typed
	Until   string
	Wrong   []wrong
	Waits   *behind // the index cannot answer now
	Answer  *exactAnswer
}

// chosenAccount is an account of the question, or one that can be added to it.
type chosenAccount struct {
	accountName
	Unknown bool   // to the roster
	Link    string // to the question without the account, or with it
}

// behind is how far the index is.
type behind struct {
	Read, Of ledger.Number
	Failing  bool // it does not come further by itself
	Again    string
}

// Percent is how much of the ledger is read.
func (b behind) Percent() int { return int(b.Read * 100 / max(b.Of, 1)) }

// exactAnswer is the answer, and what it rests on.
type exactAnswer struct {
	index.Shown
	Reached     []reachedAccount
	First, Last time.Time // of the disclosures
	TooBroad    bool      // the ledger has no entry as old as the question asks about
	Checkpoint  string
	Form        url.Values // the same question, for its list
}

// reachedAccount is what one account was shown, as the desk shows it.
type reachedAccount struct {
	accountName
	index.Reached
}

const (
	mostFound  = 20
	mostTarget = 4000 // the ledger keeps no longer text: what was asked must be written whole
	mostBehind = 100_000
	mostWait   = 20 * time.Second
)

// The periods there are buttons for.
var exactPeriods = []string{"hour", "today", "month"}

func (rooms *Rooms) exactly(v *visit) error {
	naming, err := rooms.naming(v)
	if err != nil {
		return err
	}
	asked := v.URL.Query()
	shown := exactlyPage{
		page: rooms.page(v, "desk", "exactly.title"), Periods: exactPeriods,
		Sought: strings.TrimSpace(asked.Get("q")), Since: asked.Get("since"), Until: asked.Get("until"),
	}
	accounts := accountsOf(asked)
	shown.choose(naming, accounts)
	status := http.StatusOK
	if period := asked.Get("period"); period != "" {
		question := index.Question{Accounts: accounts}
		question.Since, question.Until, shown.Wrong = rooms.period(v.speaker, period, shown.Since, shown.Until)
		if len(accounts) == 0 {
			shown.Wrong = append(shown.Wrong, wrong{"q", "exactly.nobody-chosen"})
		}
		if len(asReading(ledger.ShownTo, question).Target) > mostTarget {
			shown.Wrong = append(shown.Wrong, wrong{"q", "exactly.too-many"})
		}
		if len(shown.Wrong) > 0 {
			status = http.StatusUnprocessableEntity
		} else if status, err = rooms.answerExactly(v, &shown, naming, question); err != nil {
			return err
		}
	}
	rooms.show(v, status, "exactly.html", shown)
	return nil
}

// asReading is a question as the ledger has it.
func asReading(what ledger.State, q index.Question) ledger.Entry {
	accounts := make([]string, len(q.Accounts))
	for i, account := range q.Accounts {
		accounts[i] = string(account)
	}
	return ledger.Entry{State: what, Target: strings.Join(accounts, " "), Since: ledger.Cut(q.Since), Until: ledger.Cut(q.Until)}
}

// accountsOf lists the accounts that an address or a form names, each once.
func accountsOf(form url.Values) (accounts []roster.AccountID) {
	for _, id := range form["account"] {
		if id := roster.AccountID(tidy(id)); id != "" && !slices.Contains(accounts, id) {
			accounts = append(accounts, id)
		}
	}
	return accounts
}

// choose says which accounts are asked about, and which can be added.
func (p *exactlyPage) choose(naming namer, accounts []roster.AccountID) {
	for i, id := range accounts {
		_, known := naming.accounts[id]
		p.Chosen = append(p.Chosen, chosenAccount{naming.named(id), !known, exactlyAbout(slices.Delete(slices.Clone(accounts), i, i+1)...)})
	}
	if p.Sought == "" {
		return
	}
	with := func(id roster.AccountID) chosenAccount {
		_, known := naming.accounts[id]
		return chosenAccount{naming.named(id), !known, exactlyAbout(append(slices.Clone(accounts), id)...)}
	}
	for id, a := range naming.accounts {
		if !slices.Contains(accounts, id) && contains(p.Sought, a.Name, string(id), naming.organisation(a.Organisation)) {
			p.Found = append(p.Found, with(id))
		}
	}
	slices.SortFunc(p.Found, func(a, b chosenAccount) int {
		return strings.Compare(a.Name+string(a.ID), b.Name+string(b.ID))
	})
	if p.More = len(p.Found) > mostFound; p.More {
		p.Found = p.Found[:mostFound]
	}
	if typed := roster.AccountID(tidy(p.Sought)); len(p.Found) == 0 && !slices.Contains(accounts, typed) {
		anyway := with(typed) // an account may be in the ledger that has left the roster
		p.Anyway = &anyway
	}
}

// Mend is what is wrong with a field.
func (p exactlyPage) Mend(field string) string { return wrongIn(p.Wrong, field) }

// exactlyAbout is the address of a question about accounts, not asked yet.
func exactlyAbout(accounts ...roster.AccountID) string {
	form := make(url.Values)
	for _, id := range accounts {
		form.Add("account", string(id))
	}
	return "/desk/exactly?" + form.Encode()
}

// period reads from when on and until when is asked. A period that ends now ends at
// this moment, so that the list is about the same time as the count.
func (rooms *Rooms) period(in speaker, name, typedSince, typedUntil string) (since, until time.Time, found []wrong) {
	now := rooms.pages.settings.Now()
	switch name {
	case "hour":
		return now.Add(-time.Hour), now, nil
	case "month":
		return now.Add(-28 * 24 * time.Hour), now, nil
	case "between":
		var err error
		if since, err = in.typedMoment(typedSince); err != nil {
			found = append(found, wrong{"since", "exactly.no-moment"})
		}
		if until, err = in.typedMoment(typedUntil); err != nil {
			found = append(found, wrong{"until", "exactly.no-moment"})
		}
		if found == nil && !until.IsZero() && !since.Before(until) {
			found = append(found, wrong{"until", "exactly.backwards"})
		}
		return since, until, found
	default: // today
		day := now.In(in.zone)
		return time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, in.zone), now, nil
	}
}

// typedMoment reads what a field for a day and an hour holds; nothing is no bound.
func (s speaker) typedMoment(typed string) (at time.Time, err error) {
	if typed == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", time.DateOnly, time.RFC3339} {
		if at, err = time.ParseInLocation(layout, typed, s.zone); err == nil {
			return at, nil
		}
	}
	return at, err
}

// answerExactly asks the index, once the question is written down.
func (rooms *Rooms) answerExactly(v *visit, shown *exactlyPage, naming namer, question index.Question) (status int, err error) {
	if shown.Waits = rooms.behind(v.URL.RequestURI()); shown.Waits != nil {
		return http.StatusServiceUnavailable, nil
	}
	if err := rooms.reading(v, asReading(ledger.ShownTo, question)); err != nil {
		return 0, err
	}
	answer := &exactAnswer{}
	err = rooms.patiently(v, func(ctx context.Context) (err error) {
		if answer.Shown, err = rooms.Index.ShownTo(ctx, question.Accounts, question.Since, question.Until); err != nil {
			return err
		}
		reached, err := answer.ByAccount(ctx)
		for _, r := range reached {
			answer.add(reachedAccount{naming.named(r.Account), r})
		}
		return err
	})
	if err != nil {
		shown.Waits = rooms.notAnswered(v, err)
		return http.StatusServiceUnavailable, nil
	}
	checkpoint, err := rooms.Notary.Covering(v.Context(), answer.Before)
	if err != nil {
		return 0, err
	}
	answer.Checkpoint = string(checkpoint)
	answer.TooBroad = question.Since.Before(answer.Begun)
	answer.Form = formOf(question)
	shown.Answer = answer
	return http.StatusOK, nil
}

func (a *exactAnswer) add(r reachedAccount) {
	a.Reached = append(a.Reached, r)
	if r.People > 0 && (a.First.IsZero() || r.First.Before(a.First)) {
		a.First = r.First
	}
	if r.Last.After(a.Last) {
		a.Last = r.Last
	}
}

// behind says how far the index is when that is too far behind to wait for.
func (rooms *Rooms) behind(again string) *behind {
	read, next := rooms.Index.Read(), rooms.Journal.Next()
	if read+mostBehind >= next && !rooms.Index.Failing() {
		return nil
	}
	return &behind{read, next, rooms.Index.Failing(), again}
}

// notAnswered says why the index has not answered.
func (rooms *Rooms) notAnswered(v *visit, err error) *behind {
	rooms.pages.settings.Log.ErrorContext(v.Context(), "the index of the ledger did not answer", slog.Any("err", err))
	return &behind{rooms.Index.Read(), rooms.Journal.Next(), !fault.Is(err, fault.Unavailable), v.URL.RequestURI()}
}

// patiently asks the index, which may be reading on in the ledger.
func (rooms *Rooms) patiently(v *visit, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(v.Context(), mostWait)
	defer cancel()
	return ask(ctx)
}

// formOf is a question as a form carries it.
func formOf(q index.Question) url.Values {
	form := make(url.Values)
	for _, id := range q.Accounts {
		form.Add("account", string(id))
	}
	for name, at := range map[string]time.Time{"since": q.Since, "until": q.Until} {
		if !at.IsZero() {
			form.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	return form
}

// questionOf undoes formOf.
func (s speaker) questionOf(form url.Values) (q index.Question, err error) {
	q.Accounts = accountsOf(form)
	since, errSince := s.typedMoment(form.Get("since"))
	until, errUntil := s.typedMoment(form.Get("until"))
	q.Since, q.Until = since, until
	if err := errors.Join(errSince, errUntil); err != nil || len(q.Accounts) == 0 || len(asReading(ledger.ShownTo, q).Target) > mostTarget {
		return q, &fault.Error{Kind: fault.Invalid, Public: "a list is of accounts, between two moments", Err: err}
	}
	return q, nil
}

// exactList hands over everybody of an answer, with its seal, as they are read: the
// list is as long as it is. It is an archive, so that one that was cut short opens
// nowhere.
func (rooms *Rooms) exactList(v *visit) error {
	if err := v.ParseForm(); err != nil {
		return &fault.Error{Kind: fault.Invalid, Err: err}
	}
	question, err := v.speaker.questionOf(v.PostForm)
	if err != nil {
		return err
	}
	if rooms.behind("") != nil {
		return &fault.Error{Kind: fault.Unavailable, Public: "the index is still reading the ledger"}
	}
	if err := rooms.reading(v, asReading(ledger.ShownToList, question)); err != nil {
		return err
	}
	var shown index.Shown
	if err := rooms.patiently(v, func(ctx context.Context) (err error) {
		shown, err = rooms.Index.ShownTo(ctx, question.Accounts, question.Since, question.Until)
		return err
	}); err != nil {
		return err
	}
	checkpoint, err := rooms.Notary.Covering(v.Context(), shown.Before)
	if err != nil {
		return err
	}
	rooms.pages.protect(v.w)
	name := "shown-to-" + rooms.pages.settings.Now().UTC().Format("20060102T150405Z")
	v.w.Header().Set("Cache-Control", "no-store")
	v.w.Header().Set("Content-Type", "application/zip")
	v.w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name+".zip"))
	if err := rooms.archive(v, name, shown, checkpoint); err != nil {
		rooms.pages.settings.Log.WarnContext(v.Context(), "a list was cut short", slog.Any("err", err))
		panic(http.ErrAbortHandler) // what was sent cannot be taken for the whole
	}
	return nil
}

// archive writes a list and its seal.
func (rooms *Rooms) archive(v *visit, name string, shown index.Shown, checkpoint []byte) error {
	out := bufio.NewWriterSize(&watcher{rooms: rooms, v: v, out: http.NewResponseController(v.w)}, 1<<16)
	packed := zip.NewWriter(out)
	packed.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	list, err := packed.Create(name + ".csv")
	if err != nil {
		return err
	}
	digest, err := shown.WriteCSV(v.Context(), list)
	if err != nil {
		return err
	}
	seal, err := packed.Create(name + ".csv.seal")
	if err != nil {
		return err
	}
	if _, err := io.WriteString(seal, shown.Seal(digest, checkpoint)); err != nil {
		return err
	}
	return errors.Join(packed.Close(), out.Flush())
}

// watcher is an answer to somebody who may take it only as long as they watch, and
// for as long as they read on.
type watcher struct {
	rooms *Rooms
	v     *visit
	out   *http.ResponseController
	asked time.Time // when they were last known to watch
}

func (w *watcher) Write(part []byte) (int, error) {
	if time.Since(w.asked) > refreshEvery {
		if err := w.rooms.Door.Still(w.v.Context(), w.v.session); err != nil {
			return 0, err
		}
		if !w.rooms.stillWatches(w.v) {
			return 0, &fault.Error{Kind: fault.Refused, Public: "the desk is for those who watch"}
		}
		w.asked = time.Now()
	}
	_ = w.out.SetWriteDeadline(time.Now().Add(time.Minute)) // not every writer has one
	return w.v.w.Write(part)
}
