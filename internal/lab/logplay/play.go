// Package logplay plays somebody's own access log through the decision that guards a
// register, before anything is installed: how many openings a reason explains, what
// staff would have been asked, and what a thief put into those very accounts would have
// been shown. It holds no rule of its own but those that make reasons of a log.
package logplay

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"poterne/internal/i18n"
	"poterne/internal/lab/sim"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/tune"
)

// MostSorted is how many events of a log are sorted in memory, in about 300 MB: those of
// XES, whose traces overlap, and those of CSV that is not in the order of time.
const MostSorted = 2_000_000

// Settings is how a log is played.
type Settings struct {
	Mapping   Mapping
	Rules     policy.Rules
	ByDefault policy.Rules // proposed where the log teaches too little
	Thieves   int          // accounts that a thief is put into; zero for every one
	Seed      uint64       // of which they are
	TheftFrom time.Time    // when they come; zero for when the log ends
	Propose   bool         // limits, too
	Progress  func(events int)
}

// Report is what came of a log.
type Report struct {
	First     time.Time       `json:"first"`
	Last      time.Time       `json:"last"`
	Since     time.Time       `json:"counted_since"`
	Events    int             `json:"events"` // read and played
	Assigned  int             `json:"assignments"`
	Systems   int             `json:"events_of_systems"` // of those read, which are facts and are not played
	Ignored   []Ignored       `json:"ignored"`
	Guesses   []Remark        `json:"guesses"` // how the log was read where the mapping does not say
	Roles     []RoleResult    `json:"roles"`
	All       Counts          `json:"all"`
	Accounts  int             `json:"accounts"`
	Worst     []AccountResult `json:"worst"`
	Refused   map[string]int  `json:"refused_by_ground,omitempty"`
	Thefts    []TheftResult   `json:"thefts"`
	TheftFrom time.Time       `json:"theft_from"`
	Seed      uint64          `json:"seed"`
	Study     *tune.Study     `json:"-"`
	Rules     []Rule          `json:"rules"`
}

// Counts is what happened, and what would have been asked.
type Counts struct {
	Days       int            `json:"agent_days"`
	Openings   int            `json:"openings"` // writings included
	Writings   int            `json:"writings"`
	Explained  int            `json:"explained"`
	By         map[string]int `json:"explained_by"`
	Strangers  int            `json:"people_without_a_reason"` // charged, once in 28 days
	StepUps    int            `json:"step_ups"`
	Identities int            `json:"identities"`
	Cosigns    int            `json:"co_signatures"`
	Freezes    int            `json:"freezes"`
	Refused    int            `json:"refused"` // openings that could not be had at all
}

func (c Counts) plus(o Counts) Counts {
	by := maps.Clone(c.By)
	if by == nil {
		by = make(map[string]int)
	}
	for rule, n := range o.By {
		by[rule] += n
	}
	return Counts{
		c.Days + o.Days, c.Openings + o.Openings, c.Writings + o.Writings, c.Explained + o.Explained, by, c.Strangers + o.Strangers,
		c.StepUps + o.StepUps, c.Identities + o.Identities, c.Cosigns + o.Cosigns, c.Freezes + o.Freezes, c.Refused + o.Refused,
	}
}

// Coverage is the share of openings that a reason explains.
func (c Counts) Coverage() float64 { return share(c.Explained, c.Openings) }

// Asked reports whether honest work was stopped at all.
func (c Counts) Asked() bool { return c.StepUps+c.Identities+c.Cosigns+c.Freezes+c.Refused > 0 }

// PerDay is a count in an agent's day of work.
func (c Counts) PerDay(n int) float64 { return share(n, c.Days) }

// PerMonth is a count in an agent's month of work.
func (c Counts) PerMonth(n int) float64 { return sim.Month * share(n, c.Days) }

func share(n, of int) float64 { return float64(n) / float64(max(of, 1)) }

// RoleResult is what the accounts of a role met.
type RoleResult struct {
	Role     roster.Role `json:"role"`
	Accounts int         `json:"accounts"`
	Counts
}

// AccountResult is what one account met in a role.
type AccountResult struct {
	Account roster.AccountID `json:"account"`
	Role    roster.Role      `json:"role"`
	Counts
}

// worker is one account at work.
type worker struct {
	AccountResult
	day  int64 // the last one counted
	free time.Time
}

type workerID struct {
	account roster.AccountID
	role    roster.Role
}

// replay is a log being played.
type replay struct {
	Settings
	log      *log
	evidence *evidence
	core     *sim.Core
	observed *sim.Core // with every rule only observed, for what is proposed; may be nil
	workers  map[workerID]*worker
	report   *Report
	robbed   bool
}

// Play plays a log.
func Play(ctx context.Context, path string, s Settings) (Report, error) {
	read, err := s.Mapping.compile(s.Rules.Roles())
	if err != nil {
		return Report{}, err
	}
	key, err := register.NewKey([]byte("a key for the people of a log, who stay on this machine"))
	if err != nil {
		return Report{}, err
	}
	l := &log{path: path, asked: s.Mapping, read: read, key: key}
	found, err := l.survey()
	if err != nil {
		return Report{}, err
	}
	report := Report{First: found.first, Last: found.last, Events: found.events, Seed: s.Seed, Refused: make(map[string]int), Rules: read.rules.list()}
	if report.Since, err = found.since(s.Mapping.WarmUp); err != nil {
		return Report{}, err
	}
	if !s.TheftFrom.IsZero() && (s.TheftFrom.Before(found.first) || s.TheftFrom.After(found.last)) {
		return Report{}, fmt.Errorf("thieves come on %s, and the log goes from %s to %s", date(s.TheftFrom), date(found.first), date(found.last))
	}
	asked := s.Rules
	s.Rules.Purposes = roster.Purposes{purpose: fields} // a log does not tell what was shown
	s.Rules.Cold, s.Rules.Observed = false, policy.Observed{}
	if !found.hasOrganisations {
		s.Rules.Wider.Organisation = meter.Allowance{}
	}
	r := &replay{Settings: s, log: l, evidence: newEvidence(read.rules), workers: make(map[workerID]*worker), report: &report}
	r.core = sim.NewCore(s.Rules, r.evidence, time.Time{})
	var period *tune.Period
	if s.Propose {
		period = tune.NewPeriod(report.Since, found.last.Add(time.Microsecond), slices.Collect(maps.Values(found.accounts)))
		rules := s.Rules
		rules.Observed.Everything = true
		r.observed = sim.NewCore(rules, r.evidence, time.Time{})
		r.observed.Heard = period.Add
	}
	if err := r.play(ctx, found.inOrder(l)); err != nil {
		return Report{}, err
	}
	r.sum(found)
	if s.Propose {
		study, err := period.Study(ctx, asked, s.ByDefault)
		if err != nil {
			return Report{}, err
		}
		report.Study = &study
	}
	return report, nil
}

// survey is what a first reading finds.
type survey struct {
	events           int
	first, last      time.Time
	accounts         map[roster.AccountID]roster.Account
	systems          map[roster.AccountID]bool // that have events
	hasOrganisations bool
	late, after      int     // the first line that is earlier than the one before it; zero for none
	sorted           []event // of XES and of what is not in order
	isXES            bool
}

// survey reads a log to its end: whether all of it can be read, from when until when it
// goes, and whether it is in order.
func (l *log) survey() (*survey, error) {
	file, err := open(l.path)
	if err != nil {
		return nil, err
	}
	s := &survey{accounts: make(map[roster.AccountID]roster.Account), systems: make(map[roster.AccountID]bool), isXES: file.isXES}
	if err := file.Close(); err != nil {
		return nil, err
	}
	var before time.Time
	line := 0
	for e, err := range l.events() {
		if err != nil {
			return nil, err
		}
		s.events++
		if e.at.Before(before) && s.late == 0 {
			s.late, s.after = e.line, line
		}
		if s.first.IsZero() || e.at.Before(s.first) {
			s.first = e.at
		}
		if e.at.After(s.last) {
			s.last = e.at
		}
		before, line = e.at, e.line
		if l.read.isSystem(e.account) {
			s.systems[e.account] = true
		} else if e.does != assigns {
			s.accounts[e.account] = roster.Account{ID: e.account, Role: e.role}
		}
		s.hasOrganisations = s.hasOrganisations || e.organisation != nowhere
		if s.isXES {
			if s.sorted = append(s.sorted, e); len(s.sorted) > MostSorted {
				return nil, lineError{l.path, e.line, fmt.Errorf("an XES log is sorted in memory, and this one has more than %d events; write it as CSV in the order of time, which has no limit", MostSorted)}
			}
		}
	}
	for _, name := range l.read.Systems {
		if !s.systems[roster.AccountID(name)] {
			return nil, fmt.Errorf("%s: no event is of the account %q, which the mapping names in systems; write it as the log does", l.path, name)
		}
	}
	if len(s.accounts) == 0 {
		return nil, fmt.Errorf("%s: no line tells that an account opened a person's file%s", l.path, l.whyNone())
	}
	if s.late > 0 && !s.isXES {
		if s.events > MostSorted {
			return nil, lineError{l.path, s.late, fmt.Errorf("this line is earlier than line %d; sort the file by time, since only %d events are sorted in memory, and there are %d", s.after, MostSorted, s.events)}
		}
		s.sorted = make([]event, 0, s.events)
		for e, err := range l.events() {
			if err != nil {
				return nil, err
			}
			s.sorted = append(s.sorted, e)
		}
	}
	slices.SortStableFunc(s.sorted, func(a, b event) int { return a.at.Compare(b.at) })
	return s, nil
}

// whyNone says what was ignored, when that is all there is.
func (l *log) whyNone() string {
	var said strings.Builder
	for _, one := range l.ignored() {
		said.WriteString("; " + i18n.English.Sentence(one))
	}
	return said.String()
}

func (l *log) ignored() (list []Ignored) {
	for _, one := range l.left {
		list = append(list, *one)
	}
	slices.SortFunc(list, func(a, b Ignored) int { return cmp.Or(cmp.Compare(a.Why, b.Why), cmp.Compare(a.Word, b.Word)) })
	return list
}

// since is where counting begins: what is before fills the windows.
func (s *survey) since(warmUp *int) (time.Time, error) {
	length := s.last.Sub(s.first)
	if warmUp == nil {
		return s.first.Add(min(length/3, meter.Memory).Truncate(day)), nil
	}
	if since := s.first.Add(time.Duration(*warmUp) * day); !since.After(s.last) {
		return since, nil
	}
	return time.Time{}, fmt.Errorf("the log goes from %s to %s, and its first %d days are not counted: write a smaller warm-up-days in the mapping; 0 counts everything", date(s.first), date(s.last), *warmUp)
}

func date(at time.Time) string { return at.Format("2006-01-02") }

// inOrder yields the log in the order of time.
func (s *survey) inOrder(l *log) iter.Seq2[event, error] {
	if s.sorted == nil {
		return l.events()
	}
	return func(yield func(event, error) bool) {
		for _, e := range s.sorted {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (r *replay) play(ctx context.Context, events iter.Seq2[event, error]) error {
	n := 0
	for e, err := range events {
		if err != nil {
			return err
		}
		if n++; n%1000 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			if r.Progress != nil && n%100_000 == 0 {
				r.Progress(n)
			}
		}
		if !r.TheftFrom.IsZero() && !e.at.Before(r.TheftFrom) && !r.robbed {
			if err := r.rob(ctx, r.TheftFrom); err != nil {
				return err
			}
		}
		r.evidence.arrive(e)
		explained := false
		switch {
		case e.does == assigns:
			if !e.at.Before(r.report.Since) {
				r.report.Assigned++
			}
		case r.log.read.isSystem(e.account):
			r.report.Systems++
		default:
			if explained, err = r.work(ctx, e); err != nil {
				return err
			}
		}
		r.evidence.done(e, explained)
	}
	if !r.robbed {
		return r.rob(ctx, r.report.Last)
	}
	return nil
}

// work plays an opening or a writing, and reports whether something explains it.
func (r *replay) work(ctx context.Context, e event) (explained bool, err error) {
	r.evidence.meet(e.account, e.organisation, e.role)
	asker := r.evidence.accounts[e.account]
	facts, err := r.evidence.Facts(ctx, asker, []register.PersonID{e.person}, e.at)
	if err != nil {
		return false, err
	}
	found := reason.Explain(asker.Account, asker.Organisation, reason.Evidence{Facts: facts}, reason.CoverBounds{}, e.at).Of(e.person)
	w, ok := r.workers[workerID{e.account, e.role}]
	if !ok {
		w = &worker{AccountResult: AccountResult{Account: e.account, Role: e.role}, day: -1}
		w.By = make(map[string]int)
		r.workers[workerID{e.account, e.role}] = w
	}
	if r.observed != nil {
		if _, err := r.observed.Decide(ctx, e.at, e.ask()); err != nil {
			return false, err
		}
	}
	met, err := r.meets(ctx, w, e)
	if e.at.Before(r.report.Since) || err != nil {
		return found.Explained(), err
	}
	_, ahead := e.at.In(r.log.read.zone).Zone()
	if today := (e.at.Unix() + int64(ahead)) / 86400; today != w.day {
		w.day = today
		w.Days++
	}
	w.Openings++
	if e.does == writes {
		w.Writings++
	}
	if found.Explained() {
		w.Explained++
		w.By[found.ID]++
	}
	w.Strangers, w.StepUps, w.Identities, w.Cosigns = w.Strangers+met.Strangers, w.StepUps+met.StepUps, w.Identities+met.Identities, w.Cosigns+met.Cosigns
	w.Freezes, w.Refused = w.Freezes+met.Freezes, w.Refused+met.Refused
	if met.Refused > 0 {
		r.report.Refused[met.ground]++
	}
	return found.Explained(), nil
}

// met is what one opening came upon.
type met struct {
	Counts
	ground string // of a refusal
}

// ask is the request that an event comes to.
func (e event) ask() policy.Ask {
	ask := policy.Ask{
		Act: policy.Show, Account: e.account, Service: service, Purpose: purpose, Route: "GET /files/{person}", About: true,
		People: []policy.Opening{{Person: e.person, Fields: fields}},
	}
	if e.does == writes {
		ask.Act, ask.Route = policy.Change, "POST /files/{person}"
	}
	return ask
}

// How long honest staff take to do what they are asked, as in package sim.
const (
	steppingUp = 15 * time.Second
	searching  = 30 * time.Second
	signing    = 2 * time.Minute
	undoing    = 4 * time.Minute
	mostTries  = 6
)

// meets has an honest account open somebody: it steps up, finds, and has others sign and
// undo, whatever it is asked.
func (r *replay) meets(ctx context.Context, w *worker, e event) (m met, err error) {
	at := e.at
	if at.Before(w.free) {
		at = w.free
	}
	defer func() { w.free = at }()
	for tries := 0; ; tries++ {
		decision, err := r.core.Decide(ctx, at, e.ask())
		if err != nil {
			return m, err
		}
		switch ruling := decision.People[0]; {
		case ruling.Verdict.Shows():
			if ruling.Cost > 0 {
				m.Strangers++
			}
			return m, nil
		case tries < mostTries && ruling.Verdict == policy.AskStepUp:
			m.StepUps++
			at = at.Add(steppingUp)
			_, err = r.core.Act(ctx, at, ledger.Entry{Kind: ledger.SteppedUp, Account: e.account})
		case tries < mostTries && ruling.Verdict == policy.AskIdentity:
			m.Identities = 1
			at = at.Add(searching)
			found := e.ask()
			found.Act, found.Route, found.Signs = policy.Show, "GET /search", meter.SearchRow
			if decision, err = r.core.Decide(ctx, at, found); err == nil && decision.People[0].Verdict == policy.AskStepUp {
				m.StepUps++
				at = at.Add(steppingUp)
				_, err = r.core.Act(ctx, at, ledger.Entry{Kind: ledger.SteppedUp, Account: e.account})
			}
		case tries < mostTries && ruling.Verdict == policy.AskCosign:
			m.Cosigns++
			at = at.Add(signing)
			_, err = r.core.Act(ctx, at, ledger.Entry{Kind: ledger.Cosigned, Account: "manager-of-" + e.account, Subject: e.account, Service: service, Person: e.person})
		case tries < mostTries && ruling.Verdict == policy.Freeze:
			m.Freezes++
			at = at.Add(undoing)
			err = r.core.Undo(ctx, at, e.account)
		default:
			m.Refused, m.ground = 1, ruling.Why.String()
			return m, nil
		}
		if err != nil {
			return m, err
		}
	}
}

// mostWorst is how many accounts are listed.
const mostWorst = 10

// sum adds up what accounts met.
func (r *replay) sum(found *survey) {
	report := r.report
	report.Ignored, report.Guesses = r.log.ignored(), r.log.guesses(found)
	roles := make(map[roster.Role]*RoleResult)
	accounts := make(map[roster.AccountID]bool)
	for _, w := range r.workers {
		if w.Openings == 0 {
			continue
		}
		accounts[w.Account] = true
		role, ok := roles[w.Role]
		if !ok {
			role = &RoleResult{Role: w.Role}
			roles[w.Role] = role
		}
		role.Accounts++
		role.Counts = role.plus(w.Counts)
		report.All = report.All.plus(w.Counts)
		report.Worst = append(report.Worst, w.AccountResult)
	}
	report.Accounts = len(accounts)
	for _, role := range r.Rules.Roles() {
		if result, ok := roles[role]; ok {
			report.Roles = append(report.Roles, *result)
		}
	}
	slices.SortFunc(report.Worst, func(a, b AccountResult) int {
		return cmp.Or(cmp.Compare(b.Freezes, a.Freezes), cmp.Compare(b.Refused, a.Refused), cmp.Compare(b.Cosigns, a.Cosigns),
			cmp.Compare(b.StepUps+b.Identities, a.StepUps+a.Identities), cmp.Compare(b.Strangers, a.Strangers),
			cmp.Compare(a.Account, b.Account), cmp.Compare(a.Role, b.Role))
	})
	report.Worst = report.Worst[:min(len(report.Worst), mostWorst)]
}

// Remark is a sentence of the catalogue about how a log was read.
type Remark struct {
	Key    string `json:"key"`
	Values []any  `json:"values,omitempty"`
}

// Message is the remark.
func (r Remark) Message() (key string, values []any) { return "logplay." + r.Key, r.Values }

func remark(key string, values ...any) Remark { return Remark{key, values} }

// guesses says how the log was read where the mapping does not say.
func (l *log) guesses(found *survey) (said []Remark) {
	asked, used := l.asked.Columns, l.read.Columns
	for i := range columns {
		if name := *used.named(i); name != "" && *asked.named(i) == "" {
			said = append(said, remark("column-"+columnNames[i], "column", name))
		}
	}
	if l.asked.Time == "" {
		said = append(said, remark("guess-time", "format", l.read.Mapping.Time))
	}
	if l.asked.Zone == "" && !strings.HasPrefix(l.read.Mapping.Time, "unix") && !strings.HasSuffix(l.read.Mapping.Time, "zz") {
		said = append(said, remark("guess-zone"))
	}
	if *used.named(role) == "" && l.asked.Role == "" {
		said = append(said, remark("guess-role", "role", string(l.read.role)))
	}
	for _, word := range slices.Sorted(maps.Keys(l.roles)) {
		said = append(said, remark("guess-word", "word", word, "role", string(l.read.role), "n", l.roles[word]))
	}
	if len(l.read.actions) == 0 {
		for _, word := range slices.Sorted(maps.Keys(l.words)) {
			said = append(said, remark([...]string{opens: "guess-opens", writes: "guess-writes", assigns: "guess-assigns", ignored: "guess-ignored"}[l.read.deed(word)], "word", word, "n", l.words[word]))
		}
	}
	if !found.hasOrganisations {
		said = append(said, remark("guess-organisation"))
	}
	if found.late > 0 && !found.isXES {
		said = append(said, remark("sorted", "line", found.late, "after", found.after))
	}
	return said
}
