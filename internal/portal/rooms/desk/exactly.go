package desk

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/ledger/index"
	"poterne/internal/portal"
	"poterne/internal/roster"
)

// exact are the pages that say exactly who was shown, and who saw somebody.
type exact struct {
	base
	index     Index
	covering  func(context.Context, ledger.Number) ([]byte, error)
	directory Directory
	journal   Journal
	scheme    string
	totals    *totals
}

const (
	exactlyPath = path + "/exactly"
	whoSawPath  = path + "/who-saw"
)

// exactlyPage answers the security desk: who exactly was shown to these accounts?
type exactlyPage struct {
	portal.Page
	Chosen  []chosenAccount
	Sought  string
	Found   []chosenAccount
	More    bool // more accounts match than are shown
	Anyway  *chosenAccount
	Periods []string
	Since   string // as it was typed
	Until   string
	Wrong   portal.Mends
	Waits   *behind // the index cannot answer now
	Answer  *exactAnswer
}

// chosenAccount is an account of the question, or one that can be added to it.
type chosenAccount struct {
	accountName
	Unknown bool   // to the roster
	Link    string // to the question without the account, or with it
}

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

// page asks who exactly was shown to some accounts, and answers.
func (x exact) page(v visit) (err error) {
	asked := v.URL.Query()
	shown := exactlyPage{
		Page: v.Page(path, "exactly.title"), Periods: exactPeriods,
		Sought: strings.TrimSpace(asked.Get("q")), Since: asked.Get("since"), Until: asked.Get("until"),
	}
	accounts := accountsOf(asked)
	shown.choose(v.labels, accounts)
	status := http.StatusOK
	if period := asked.Get("period"); period != "" {
		question := index.Question{Accounts: accounts}
		question.Since, question.Until, shown.Wrong = x.period(v.Speaker, period, shown.Since, shown.Until)
		if len(accounts) == 0 {
			shown.Wrong = append(shown.Wrong, portal.Wrong{Field: "q", Key: "exactly.nobody-chosen"})
		}
		if len(question.Reading(ledger.ShownTo).Target) > mostTarget {
			shown.Wrong = append(shown.Wrong, portal.Wrong{Field: "q", Key: "exactly.too-many"})
		}
		if len(shown.Wrong) > 0 {
			status = http.StatusUnprocessableEntity
		} else if status, err = x.answerExactly(v, &shown, question); err != nil {
			return err
		}
	}
	x.pages.Show(v.Visit, status, "exactly.html", shown)
	return nil
}

// accountsOf lists the accounts that an address or a form names, each once.
func accountsOf(form url.Values) (accounts []roster.AccountID) {
	for _, id := range form["account"] {
		if id := roster.AccountID(portal.Tidy(id)); id != "" && !slices.Contains(accounts, id) {
			accounts = append(accounts, id)
		}
	}
	return accounts
}

// choose says which accounts are asked about, and which can be added.
func (p *exactlyPage) choose(labels portal.Labels, accounts []roster.AccountID) {
	for i, id := range accounts {
		_, known := labels.Accounts[id]
		p.Chosen = append(p.Chosen, chosenAccount{named(labels, id), !known, exactlyAbout(slices.Delete(slices.Clone(accounts), i, i+1)...)})
	}
	if p.Sought == "" {
		return
	}
	with := func(id roster.AccountID) chosenAccount {
		_, known := labels.Accounts[id]
		return chosenAccount{named(labels, id), !known, exactlyAbout(append(slices.Clone(accounts), id)...)}
	}
	for id, a := range labels.Accounts {
		if !slices.Contains(accounts, id) && contains(p.Sought, a.Name, string(id), labels.Organisation(a.Organisation)) {
			p.Found = append(p.Found, with(id))
		}
	}
	slices.SortFunc(p.Found, func(a, b chosenAccount) int {
		return strings.Compare(a.Name+string(a.ID), b.Name+string(b.ID))
	})
	if p.More = len(p.Found) > mostFound; p.More {
		p.Found = p.Found[:mostFound]
	}
	if typed := roster.AccountID(portal.Tidy(p.Sought)); len(p.Found) == 0 && !slices.Contains(accounts, typed) {
		anyway := with(typed) // an account may be in the ledger that has left the roster
		p.Anyway = &anyway
	}
}

// exactlyAbout is the address of a question about accounts, not asked yet.
func exactlyAbout(accounts ...roster.AccountID) string {
	form := make(url.Values)
	for _, id := range accounts {
		form.Add("account", string(id))
	}
	return exactlyPath + "?" + form.Encode()
}

// period reads from when on and until when is asked. A period that ends now ends at
// this moment, so that the list is about the same time as the count.
func (x exact) period(in portal.Speaker, name, typedSince, typedUntil string) (since, until time.Time, found portal.Mends) {
	now := x.shell.Now()
	switch name {
	case "hour":
		return now.Add(-time.Hour), now, nil
	case "month":
		return now.Add(-28 * 24 * time.Hour), now, nil
	case "between":
		var err error
		if since, err = in.Typed(typedSince); err != nil {
			found = append(found, portal.Wrong{Field: "since", Key: "exactly.no-moment"})
		}
		if until, err = in.TypedEnd(typedUntil); err != nil {
			found = append(found, portal.Wrong{Field: "until", Key: "exactly.no-moment"})
		}
		if found == nil && !until.IsZero() && !since.Before(until) {
			found = append(found, portal.Wrong{Field: "until", Key: "exactly.backwards"})
		}
		return since, until, found
	default: // today
		day := now.In(in.Zone())
		return time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, in.Zone()), now, nil
	}
}

// answerExactly asks the index, once the question is written down.
func (x exact) answerExactly(v visit, shown *exactlyPage, question index.Question) (status int, err error) {
	if shown.Waits = x.behind(v.URL.RequestURI()); shown.Waits != nil {
		return http.StatusServiceUnavailable, nil
	}
	if err := v.Record(question.Reading(ledger.ShownTo)); err != nil {
		return 0, err
	}
	answer := &exactAnswer{}
	err = x.patiently(v, func(ctx context.Context) (err error) {
		if answer.Shown, err = x.index.ShownTo(ctx, question.Accounts, question.Since, question.Until); err != nil {
			return err
		}
		reached, err := answer.ByAccount(ctx)
		for _, r := range reached {
			answer.add(reachedAccount{named(v.labels, r.Account), r})
		}
		return err
	})
	if err != nil {
		shown.Waits = x.notAnswered(v, err)
		return http.StatusServiceUnavailable, nil
	}
	checkpoint, err := x.covering(v.Context(), answer.Before)
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
func questionOf(in portal.Speaker, form url.Values) (q index.Question, err error) {
	q.Accounts = accountsOf(form)
	since, errSince := in.Typed(form.Get("since"))
	until, errUntil := in.TypedEnd(form.Get("until"))
	q.Since, q.Until = since, until
	if err := errors.Join(errSince, errUntil); err != nil || len(q.Accounts) == 0 || len(q.Reading(ledger.ShownTo).Target) > mostTarget {
		return q, &fault.Error{Kind: fault.Invalid, Public: "a list is of accounts, between two moments", Err: err}
	}
	return q, nil
}

// behind is how far the index is.
type behind struct {
	Read, Of ledger.Number
	Failing  bool // it does not come further by itself
	Again    string
}

// Percent is how much of the ledger is read.
func (b behind) Percent() int { return int(b.Read * 100 / max(b.Of, 1)) }

// behind says how far the index is when that is too far behind to wait for.
func (x exact) behind(again string) *behind {
	read, next := x.index.Read(), x.journal.Next()
	if read+mostBehind >= next && !x.index.Failing() {
		return nil
	}
	return &behind{read, next, x.index.Failing(), again}
}

// notAnswered says why the index has not answered.
func (x exact) notAnswered(v visit, err error) *behind {
	x.shell.Log().ErrorContext(v.Context(), "the index of the ledger did not answer", slog.Any("err", err))
	return &behind{x.index.Read(), x.journal.Next(), !fault.Is(err, fault.Unavailable), v.URL.RequestURI()}
}

// patiently asks the index, which may be reading on in the ledger.
func (x exact) patiently(v visit, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(v.Context(), mostWait)
	defer cancel()
	return ask(ctx)
}
