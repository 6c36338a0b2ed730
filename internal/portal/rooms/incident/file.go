package incident

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"poterne/internal/incident"
	"poterne/internal/ledger"
	"poterne/internal/notice"
	"poterne/internal/order"
	"poterne/internal/portal"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// filePage answers those who keep a file: what do we owe, to whom, by when?
type filePage struct {
	portal.Page
	file
	Path      string
	Opener    string
	Accounts  []held
	Loose     int // of the accounts, how many no order stops
	Whose     scopeForm
	Proposer  string     // who proposed to close the file; empty when nobody has
	Stopped   time.Time  // the last of those orders
	Marks     []markCard // in the order of their ends
	Tasks     []task
	Data      string // the categories that were shown
	Not       string // the gravest of those that were not
	Level     string // the severity that was chosen, or is proposed
	Proposed  bool   // it is
	Journal   []journalLine
	MayClose  bool        // another person proposed to close it
	Others    []mergeable // the files that it can be merged into
	Target    mergeable   // the one that it is to be merged into, or was
	Merger    string      // who proposed that; empty when nobody has
	MayMerge  bool        // another person did
	From      []mergeable // the files that were merged into it
	Rehearsal *mergeable  // the exercise as which it was opened first; nil when it was not
	Held      int         // of an exercise: how many of its accounts an order stops
	AwareAll  []string
	Form      fileForm
	Wrong     portal.Mends
	Countable bool // there is an index to count with
}

// held is an account of the file, and what is in force against it.
type held struct {
	ID                 roster.AccountID
	Name, Organisation string
	Effect             order.Effect // of the gravest order against it; empty when there is none
	Stopped            bool         // it shows nobody any more
}

// shuts reports whether whoever an order reaches is shown nobody any more. A freeze goes on
// showing people whom a reason explains.
func shuts(o order.Order) bool { return o.Effect == order.Suspended || o.Effect == order.Closed }

// Contained reports whether every account of the file is stopped.
func (p filePage) Contained() bool { return p.Loose == 0 && !p.Unsuspected() }

// Unsuspected reports whether the file is about no account, such as hours without a guard.
func (p filePage) Unsuspected() bool { return len(p.Accounts) == 0 }

// Explained is how many people were shown with a reason only.
func (p filePage) Explained() int { return p.Count.People - p.Count.WithoutReason }

// scopeForm is accounts and a period, as they are typed.
type scopeForm struct {
	Accounts, Since, Until string // the accounts one on a line
	Wrong                  portal.Mends
}

// markCard is a mark as a card of the page.
type markCard struct {
	notice.Mark
	Name, Ends string
	Left       string // how long until it ends, or how long it is over
	Over       bool
	Next       bool // it is the first that was not met
	Percent    int  // of its time that has passed
}

// task is something that is to be done, in the order in which it is.
type task struct {
	Key, Path string
	Done      bool
	Detail    string
}

// journalLine is a line of the journal, in words.
type journalLine struct {
	Number   ledger.Number
	At       time.Time
	Who      string
	Sentence string
	Because  string // what was typed
}

// fileForm is what was typed into a form of the page.
type fileForm struct{ At, From, Because, What, Since, Until, Accounts, Into string }

func (h *Handlers) page(v visit, f file) error {
	return h.show(v, f, http.StatusOK, fileForm{}, nil)
}

// show writes the page, with what was typed and is to be mended.
func (h *Handlers) show(v visit, f file, status int, form fileForm, wrong portal.Mends) error {
	now := h.shell.Now()
	shown := filePage{
		Page: f.marked(v, v.Page(path, "incident.title", "title", f.Title)), file: f, Path: f.path(), Opener: v.labels.Account(f.By),
		AwareAll: incident.AwareFrom, Form: form, Wrong: wrong, Countable: h.deps.Index != nil,
	}
	shown.MayClose = f.Proposal != nil && f.Proposal.By != v.Viewer.ID
	if f.Proposal != nil {
		shown.Proposer = v.labels.Account(f.Proposal.By)
	}
	shown.merging(v, f)
	shown.Whose = scopeForm{form.Accounts, form.Since, form.Until, wrong}
	if form.Accounts == "" {
		shown.Whose = f.scopeForm(v.words.Zone)
	}
	orders := h.deps.Gate.Orders()
	use := func(id roster.AccountID) order.Use {
		account := v.labels.Accounts[id]
		return order.Use{Account: id, Organisation: account.Organisation, Role: account.Role}
	}
	if f.Exercise && f.Closed.IsZero() {
		shown.Held = len(f.File.Stopped(orders, use, now))
	}
	for _, id := range f.Accounts() {
		account := v.labels.Accounts[id]
		one := held{ID: id, Name: v.labels.Account(id), Organisation: v.labels.Organisation(account.Organisation)}
		o, reached := orders.Against(use(id), now)
		if one.Effect = o.Effect; reached && shuts(o) {
			one.Stopped = true
			if o.Placed.After(shown.Stopped) {
				shown.Stopped = o.Placed
			}
		} else {
			shown.Loose++
		}
		shown.Accounts = append(shown.Accounts, one)
	}
	for _, m := range f.Marks() {
		begun := f.Aware.At
		card := markCard{Mark: m, Name: v.words.Mark(m), Ends: v.words.Ends(m, begun), Left: lasting(v, m.Ends.Sub(now).Abs()), Over: m.Ends.Before(now)}
		card.Percent = int(max(0, min(100, 100*now.Sub(begun)/m.Ends.Sub(begun))))
		card.Next = m.Done.IsZero() && !slices.ContainsFunc(shown.Marks, func(c markCard) bool { return c.Next })
		shown.Marks = append(shown.Marks, card)
	}
	categories := v.Speaker.Categories
	if f.Count != nil {
		shown.Not = v.Speaker.Fields(categories.Declared(register.NIRData, register.Financial, register.Medical, register.Special, register.Offences) &^ f.Shown())
	}
	shown.Data = v.Speaker.Fields(f.Shown())
	if chosen := f.Answers["severity"].Values; len(chosen) == 1 {
		shown.Level = chosen[0]
	} else if f.Count != nil && f.Count.People > 0 {
		shown.Level, shown.Proposed = notice.Propose(f.Shown(), categories).Level(), true
	}
	shown.Tasks = h.tasks(v, f, shown)
	for _, line := range slices.Backward(f.Journal) {
		shown.Journal = append(shown.Journal, journalLine{line.Number, line.At, v.labels.Account(line.By), sentence(v, line), because(line)})
	}
	h.pages.Show(v.Visit, status, "file.html", shown)
	return nil
}

// lasting says how long something lasts: to the minute while hours count.
func lasting(v visit, d time.Duration) string {
	if d > notice.Deadline {
		return v.Speaker.Span(d)
	}
	return v.words.In.Say("incident.hours", "hours", int(d/time.Hour), "minutes", fmt.Sprintf("%02d", int(d%time.Hour/time.Minute)))
}

// scopeForm is the scope of a file as it can be typed again.
func (f file) scopeForm(zone *time.Location) scopeForm {
	var form scopeForm
	for _, id := range f.Scope.Accounts {
		form.Accounts += string(id) + "\n"
	}
	typed := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.In(zone).Format("2006-01-02T15:04:05")
	}
	form.Since, form.Until = typed(f.Scope.Since), typed(f.Scope.Until)
	return form
}

// tasks are what a file asks for, in the order of the hours it is due at.
func (h *Handlers) tasks(v visit, f file, shown filePage) []task {
	of := len(f.Accounts())
	var tasks []task
	if of > 0 {
		tasks = append(tasks, task{Key: "contain", Done: shown.Contained(), Detail: v.words.In.Say("incident.contained-of", "n", of-shown.Loose, "of", of)})
	}
	tasks = append(tasks,
		task{Key: "aware", Done: f.Aware != nil, Path: "#aware"},
		task{Key: "count", Done: f.Count != nil, Path: "#exactly"})
	facts := h.facts(v, f)
	for _, form := range notice.Forms {
		if form == notice.EDPB { // a draft, which the notice to the CNIL leads to
			continue
		}
		d := document(f, facts, form, notice.Initial)
		said, of := d.Count()
		one := task{Key: string(form), Path: f.path() + "/notices/" + string(form), Detail: v.words.In.Say("incident.filled", "n", said, "of", of)}
		for _, s := range f.Sent {
			if s.Form == form {
				one.Done, one.Detail = !s.At.Before(f.Joined), v.words.In.Say("incident.sent-at", "stage", v.words.In.Say("stage."+string(s.Stage)), "at", v.words.In.Dated(s.At.In(v.words.Zone)))
			}
		}
		tasks = append(tasks, one)
	}
	lacks := h.messageTo(f, facts).Lacks()
	message := task{Key: "message", Path: f.path() + "/message", Detail: v.words.In.Say("incident.message-ready")}
	switch t := f.Telling; {
	case t.Ended != nil:
		message.Done, message.Detail = true, v.words.In.Say("mailing.line-told", "people", v.words.In.Say("n.people", "n", t.Ended.People), "mailed", v.words.In.Number(t.Ended.Mailed), "lettered", v.words.In.Number(t.Ended.Lettered), "untold", v.words.In.Number(t.Ended.Untold))
	case t.Begun != nil:
		message.Detail = v.words.In.Say("mailing.under-way")
	case len(lacks) > 0:
		message.Detail = v.words.In.Say("incident.message-lacks", "n", len(lacks))
	}
	return append(tasks, message)
}

// document fills a form in for a file of which facts are known.
func document(f file, facts notice.Facts, form notice.Form, stage notice.Stage) notice.Document {
	for _, s := range f.Sent {
		if s.Form == form {
			facts.Before = cmp.Or(s.Receipt, facts.Before)
		}
	}
	return notice.Fill(form, stage, facts, f.Answers)
}

// facts are what the program knows of a file.
func (h *Handlers) facts(v visit, f file) notice.Facts {
	facts := notice.Facts{
		Reference: f.Reference, Written: ledger.Cut(h.shell.Now()), Exercise: f.Exercise, Controller: h.deps.Controller, Authorities: f.Sent,
	}
	if f.Aware != nil {
		facts.Aware, facts.From = f.Aware.At, f.Aware.From
	}
	orders, now := h.deps.Gate.Orders(), h.shell.Now()
	var placed order.Set
	for _, id := range f.Accounts() {
		facts.Accounts = append(facts.Accounts, string(id))
		account := v.labels.Accounts[id]
		if name := v.labels.Organisation(account.Organisation); account.Organisation != "" && !slices.Contains(facts.Involved, name) {
			facts.Involved = append(facts.Involved, name)
		}
		o, reached := orders.Against(order.Use{Account: id, Organisation: account.Organisation, Role: account.Role}, now)
		facts.GoingOn = facts.GoingOn || !reached || !shuts(o)
		for _, o := range orders {
			if o.Reach != order.Service && o.Takes() && o.Reaches(order.Use{Account: id, Organisation: account.Organisation, Role: account.Role}) && !slices.ContainsFunc(placed, func(p order.Order) bool { return p.ID == o.ID }) {
				placed = append(placed, o)
			}
		}
	}
	for _, o := range placed {
		facts.Orders = append(facts.Orders, notice.Order{At: o.Placed, Effect: string(o.Effect), Reach: string(o.Reach), Target: cmp.Or(v.labels.Target(o), "—"), Entry: entryOf(o)})
	}
	if c := f.Count; c != nil {
		facts.Counted, facts.Begun, facts.Ended = true, c.First, c.Last
		facts.People, facts.WithNone, facts.Records = c.People, c.WithoutReason, c.Disclosures
		facts.Entries, facts.List = uint64(c.Before), c.List
		for _, d := range c.Data {
			facts.Data = append(facts.Data, notice.Data{Category: d.Field, Name: v.Speaker.Categories.Of(d.Field).ID, People: d.People})
		}
	}
	return facts
}

// sentence says a line of the journal.
func sentence(v visit, l incident.Line) string {
	say := v.words.In.Say
	switch step := l.Step().(type) {
	case *incident.Opening:
		switch {
		case len(step.Stopped) > 0:
			return say("incident.line-exercise-held", "title", step.Title, "n", len(step.Accounts), "held", v.words.In.Number(len(step.Stopped)))
		case step.Exercise:
			return say("incident.line-exercise", "title", step.Title, "n", len(step.Accounts))
		case step.Played != nil:
			return say("incident.line-real", "title", step.Title, "from", v.Speaker.Entry(step.Played.File))
		}
		return say("incident.line-opened", "title", step.Title, "n", len(step.Accounts))
	case *incident.Widening:
		return say("incident.line-scope", "n", len(step.Accounts))
	case *incident.Awareness:
		return say("incident.line-aware", "at", v.words.In.Dated(step.At.In(v.words.Zone)), "from", say("aware."+step.From))
	case *incident.Count:
		return say("incident.line-counted", "people", say("n.people", "n", step.People), "without", v.words.In.Number(step.WithoutReason), "number", v.Speaker.Entry(step.Before))
	case *incident.Answers:
		var labels []string
		for key := range *step {
			labels = append(labels, v.words.Label(key))
		}
		slices.Sort(labels)
		return say("incident.line-answered", "what", strings.Join(labels, " ; "))
	case *incident.Decision:
		return say("incident.line-decided", "what", step.What)
	case *incident.Sent:
		return say("incident.line-sent", "form", say("form."+string(step.Form)), "stage", say("stage."+string(step.Stage)), "at", v.words.In.Dated(step.At.In(v.words.Zone)), "number", cmp.Or(step.Receipt, "—"))
	case *incident.Proposal:
		return say("incident.line-closing")
	case *incident.Escalation:
		return say("incident.line-escalated", "into", v.Speaker.Entry(step.Into))
	case *incident.MergeProposal:
		return say("merging.line-proposed", "into", v.Speaker.Entry(step.Into))
	case *incident.Merged:
		return say("merging.line-merged", "into", v.Speaker.Entry(step.Into), "approver", v.labels.Account(l.Approver))
	case *incident.Joined:
		return say("merging.line-joined", "from", v.Speaker.Entry(step.Files[0]), "people", say("n.people", "n", step.Count.People), "without", v.words.In.Number(step.Count.WithoutReason), "approver", v.labels.Account(l.Approver))
	case *incident.Publication:
		return say("public.line-published", "people", say("n.people", "n", step.People))
	case *incident.Withdrawal:
		return say("public.line-withdrawn")
	case *incident.Naming:
		return say("mailing.line-named", "people", say("n.people", "n", step.People), "approver", v.labels.Account(l.Approver))
	case *incident.Listing:
		return say("mailing.line-listed", "people", say("n.people", "n", step.Found), "missing", v.words.In.Number(step.Missing), "invented", v.words.In.Number(step.Invented))
	case *incident.Beginning:
		return say("mailing.line-telling")
	case *incident.Pause:
		return say("mailing.line-paused")
	case *incident.Resumption:
		return say("mailing.line-resumed")
	case *incident.Settlement:
		return say("mailing.line-settled-"+map[bool]string{true: "taken", false: "again"}[step.Taken], "people", say("n.people", "n", step.People))
	case *incident.Ending:
		return say("mailing.line-told", "people", say("n.people", "n", step.People), "mailed", v.words.In.Number(step.Mailed), "lettered", v.words.In.Number(step.Lettered), "untold", v.words.In.Number(step.Untold))
	default:
		return say("incident.line-closed", "approver", v.labels.Account(l.Approver))
	}
}

// because is what was typed as the reason of a line.
func because(l incident.Line) string {
	switch step := l.Step().(type) {
	case *incident.Widening:
		return step.Because
	case *incident.Awareness:
		return step.Because
	case *incident.Decision:
		return step.Because
	case *incident.Proposal:
		return step.Because
	case *incident.MergeProposal:
		return step.Because
	case *incident.Escalation:
		return step.Because
	case *incident.Settlement:
		return step.Because
	case *incident.Withdrawal:
		return step.Because
	default:
		return ""
	}
}

// openPage is the form by which a file is opened.
type openPage struct {
	portal.Page
	scopeForm
	Named    string
	Cause    string
	Exercise bool
}

// propose shows the form, about the accounts that the address names.
func (h *Handlers) propose(v visit) error {
	q := v.URL.Query()
	shown := openPage{Page: v.Page(path, "incident.new"), scopeForm: scopeForm{Accounts: strings.Join(q["account"], "\n")}, Cause: q.Get("cause")}
	if len(q["account"]) == 1 {
		shown.Named = v.words.In.Say("incident.of-account", "name", v.labels.Account(roster.AccountID(q.Get("account"))))
	}
	h.pages.Show(v.Visit, http.StatusOK, "new.html", shown)
	return nil
}

// open opens a file, and counts who was shown.
func (h *Handlers) open(v visit) error {
	form := openPage{
		Page: v.Page(path, "incident.new"), Named: portal.Tidy(v.PostFormValue("title")), Cause: v.PostFormValue("cause"), Exercise: v.PostFormValue("exercise") != "",
		scopeForm: scopeForm{Accounts: v.PostFormValue("accounts"), Since: v.PostFormValue("since"), Until: v.PostFormValue("until")},
	}
	form.Wrong = portal.MendWords("title", form.Named)
	scope, wrong := h.scopeOf(v, form.Accounts, form.Since, form.Until)
	if form.Wrong = append(form.Wrong, wrong...); len(form.Wrong) > 0 {
		h.pages.Show(v.Visit, http.StatusUnprocessableEntity, "new.html", form)
		return nil
	}
	number, err := h.deps.Files.Do(v.Context(), incident.Write{By: v.Viewer.ID, Cause: numberOf(form.Cause), Step: &incident.Opening{Title: form.Named, Exercise: form.Exercise, Scope: scope}})
	if err != nil {
		return err
	}
	v.Back(file{File: incident.File{Number: number}}.path())
	return nil
}

// scopeOf reads accounts and times.
func (h *Handlers) scopeOf(v visit, accounts, since, until string) (scope incident.Scope, wrong portal.Mends) {
	for _, id := range strings.Fields(accounts) {
		account := roster.AccountID(id)
		if !typed.Readable(id) || roster.CheckID(id) != nil {
			wrong = append(wrong, portal.Wrong{Field: "accounts", Key: "incident.accounts-wrong"})
			break
		}
		if !slices.Contains(scope.Accounts, account) {
			scope.Accounts = append(scope.Accounts, account)
		}
	}
	if len(wrong) == 0 && len(scope.Accounts) > incident.MostAccounts {
		wrong = append(wrong, portal.Wrong{Field: "accounts", Key: "incident.accounts-wrong"})
	}
	var err error
	if scope.Since, err = v.Speaker.Typed(since); err != nil || scope.Since.After(h.shell.Now()) {
		wrong = append(wrong, portal.Wrong{Field: "since", Key: "exactly.no-moment"})
	}
	if scope.Until, err = v.Speaker.TypedEnd(until); err != nil || !scope.Until.IsZero() && !scope.Since.Before(scope.Until) {
		wrong = append(wrong, portal.Wrong{Field: "until", Key: "exactly.backwards"})
	}
	return scope, wrong
}

// scope replaces the accounts and times of a file.
func (h *Handlers) scope(v visit, f file) error {
	form := fileForm{Accounts: v.PostFormValue("accounts"), Since: v.PostFormValue("since"), Until: v.PostFormValue("until"), Because: portal.Tidy(v.PostFormValue("scope-because"))}
	scope, wrong := h.scopeOf(v, form.Accounts, form.Since, form.Until)
	if wrong = append(wrong, portal.MendTyped("scope-because", form.Because)...); len(wrong) > 0 {
		return h.show(v, f, http.StatusUnprocessableEntity, form, wrong)
	}
	return h.do(v, f, &incident.Widening{Scope: scope, Because: form.Because})
}

// aware sets since when the body knows.
func (h *Handlers) aware(v visit, f file) error {
	form := fileForm{At: v.PostFormValue("at"), From: v.PostFormValue("from"), Because: portal.Tidy(v.PostFormValue("aware-because"))}
	at, err := v.Speaker.Typed(form.At)
	var wrong portal.Mends
	if err != nil || at.IsZero() || at.After(h.shell.Now()) {
		wrong = append(wrong, portal.Wrong{Field: "at", Key: "incident.at-wrong"})
	}
	if !slices.Contains(incident.AwareFrom, form.From) {
		wrong = append(wrong, portal.Wrong{Field: "from", Key: "incident.choose"})
	}
	if wrong = append(wrong, portal.MendTyped("aware-because", form.Because)...); len(wrong) > 0 {
		return h.show(v, f, http.StatusUnprocessableEntity, form, wrong)
	}
	return h.do(v, f, &incident.Awareness{At: ledger.Cut(at), From: form.From, Because: form.Because})
}

// decide writes a decision down.
func (h *Handlers) decide(v visit, f file) error {
	form := fileForm{What: portal.Tidy(v.PostFormValue("what")), Because: portal.Tidy(v.PostFormValue("decide-because"))}
	if wrong := append(portal.MendWords("what", form.What), portal.MendTyped("decide-because", form.Because)...); len(wrong) > 0 {
		return h.show(v, f, http.StatusUnprocessableEntity, form, wrong)
	}
	return h.do(v, f, &incident.Decision{What: form.What, Because: form.Because})
}

// closing proposes that the file be closed.
func (h *Handlers) closing(v visit, f file) error {
	form := fileForm{Because: portal.Tidy(v.PostFormValue("closing-because"))}
	if wrong := portal.MendTyped("closing-because", form.Because); len(wrong) > 0 {
		return h.show(v, f, http.StatusUnprocessableEntity, form, wrong)
	}
	return h.do(v, f, &incident.Proposal{Because: form.Because})
}

// close closes a file that another person proposed to close.
func (h *Handlers) close(v visit, f file) error { return h.do(v, f, new(incident.Closing)) }

// countWait is how long a count may take; it goes on where it is as large as a country.
const countWait = 20 * time.Second

// sealedAtOnce is how many people a list may have whose digest is made with the count.
const sealedAtOnce = 200_000

// count counts who was shown, from the ledger, and writes the result in the file.
func (h *Handlers) count(v visit, f file) error {
	if h.deps.Index == nil {
		return errNoIndex
	}
	count, err := h.counted(v, f.Scopes())
	if err != nil {
		return err
	}
	return h.do(v, f, &count)
}

// counted is exactly who was shown in some scopes, under a checkpoint that covers it.
func (h *Handlers) counted(v visit, scopes []incident.Scope) (incident.Count, error) {
	ctx, cancel := context.WithTimeout(v.Context(), countWait)
	defer cancel()
	shown, err := h.shown(ctx, scopes)
	if err != nil {
		return incident.Count{}, unread(err)
	}
	count := incident.Count{
		Scope: scopes[0], Also: scopes[1:], People: shown.People, WithoutReason: shown.Unexplained, Disclosures: shown.Disclosures, Before: shown.Before,
	}
	for _, c := range shown.Categories {
		count.Data = append(count.Data, incident.Category(c))
	}
	if count.First, count.Last, err = shown.Span(ctx); err != nil {
		return count, unread(err)
	}
	if shown.People <= sealedAtOnce {
		if count.List, err = shown.WriteCSV(ctx, io.Discard); err != nil {
			return count, unread(err)
		}
	}
	checkpoint, err := h.deps.Covering(v.Context(), shown.Before)
	count.Checkpoint = string(checkpoint)
	return count, err
}
