package desk

import (
	"maps"
	"slices"
	"strings"
	"time"

	"poterne/internal/gate"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/portal"
	"poterne/internal/roster"
)

// lookout is the first thing the desk says: whether anything is wrong now.
type lookout struct {
	Heading  string
	Title    string // of the tab, with how much waits
	Observed string // what is only observed, in a sentence; empty when everything is enforced
	Heads    []headline
	Grave    *graveAccount // the gravest account; nil when none waits
}

// headline is one of the first things the desk says.
type headline struct {
	State     string // quiet, look, closed or behind
	Sentence  string
	Campaigns bool   // several accounts act together
	Damage    bool   // rows of the database are not what the ledger says
	Sources   bool   // one that tells facts is silent
	Exercise  string // the page of an exercise whose accounts are stopped for real; empty of any other
	Wall      string // what a wall says in its place, without what a person typed; empty when it says the same
}

// graveAccount is the account to look at first.
type graveAccount struct {
	accountRow
	Sentence   string
	Because    string // what a person wrote who held it; empty of any other
	Before     int    // people without a reason in the 27 days before
	Device     bool   // it is used on a browser that is new to it
	Network    bool   // and in a kind of network that is
	Lineage    int    // accounts that came of it
	Discloses  bool   // the account reads files
	Suspending string // where it is suspended, with what it created
}

// observed says what is only observed. A desk that shows all quiet must not be
// taken for one that guards.
func observed(labels portal.Labels, o policy.Observed) string {
	if o.Everything {
		return labels.Speaker.Say("desk.observing-all")
	}
	var names []string
	for _, service := range slices.Sorted(maps.Keys(o.Services)) {
		names = append(names, labels.Service(service))
	}
	for _, role := range slices.Sorted(maps.Keys(o.Roles)) {
		names = append(names, labels.Speaker.Role(role))
	}
	for _, why := range slices.Sorted(maps.Keys(o.Grounds)) {
		names = append(names, why.String())
	}
	if names == nil {
		return ""
	}
	return labels.Speaker.Say("desk.observing-some", "names", strings.Join(names, ", "))
}

// lookout says whether anything is wrong, the gravest first, and only when the picture is
// up to date.
func (l live) lookout(v visit, board []watched, sources []sourceState) (first lookout) {
	say := v.Speaker.Say
	first.Observed = observed(v.labels, l.settings.Observed)
	if shut := l.shut(v); shut.State != "" {
		first.Heads, first.Heading = []headline{shut}, say("desk.heading-"+shut.State)
		first.Title = first.Heading
		return first
	}
	waits := 0
	head := func(h headline, heading string) {
		waits++
		first.Heads = append(first.Heads, h)
		if first.Heading == "" {
			first.Heading = heading
		}
	}
	if rows := len(l.audit.Findings()); rows > 0 {
		head(headline{State: "look", Damage: true, Sentence: say("audit.look", "n", rows)}, say("desk.heading-damage"))
	}
	asking, free := 0, 0
	for _, w := range board {
		if w.Waits() {
			asking++
			if _, taken := l.past.takenBy(w.Account, l.shell.Now()); !taken {
				free++
			}
		}
	}
	if asking > 0 {
		first.Grave = l.gravest(v, board[0])
		if first.Heading == "" {
			first.Heading = say("desk.heading-accounts", "n", asking)
		}
	}
	for _, e := range l.heldExercises(v) {
		names := e.named(v.Speaker)
		head(headline{
			State: "look", Exercise: e.path, Sentence: say("desk.exercise-held", "title", e.title, "names", names), Wall: say("desk.exercise-held-wall", "names", names),
		}, say("desk.heading-exercise"))
	}
	if alarms := len(l.campaigns.Alarms()); alarms > 0 {
		head(headline{State: "look", Campaigns: true, Sentence: say("campaign.look", "n", alarms)}, say("desk.heading-together"))
	}
	var silent []string
	for _, s := range sources {
		if s.Silent {
			silent = append(silent, s.Name)
		}
	}
	if len(silent) > 0 && first.Heading == "" {
		head(headline{State: "look", Sources: true, Sentence: say("desk.silent", "n", len(silent), "names", strings.Join(silent, ", "))}, say("desk.heading-silent", "n", len(silent)))
	}
	switch {
	case first.Heading != "":
	case first.Observed != "":
		first.Heading = say("desk.heading-observed")
	default:
		first.Heading = say("desk.heading-quiet")
	}
	if first.Heads == nil && first.Grave == nil {
		first.Heads = []headline{{State: "quiet", Sentence: say("desk.quiet")}}
	}
	if first.Title = first.Heading; waits+free > 0 {
		first.Title = "(" + v.Speaker.Number(waits+free) + ") " + first.Heading
	}
	return first
}

// shut is what stands before everything else: a picture that is behind, and a register
// that is closed. Its state is empty when neither is so.
func (l live) shut(v visit) headline {
	if !l.hour.caughtUp(v.Context(), l.journal.Next()) {
		return headline{State: "behind", Sentence: v.Speaker.Say("desk.behind")}
	}
	for _, o := range l.gate.Orders() {
		switch {
		case o.Broken:
			return headline{State: "closed", Sentence: v.Speaker.Say("order.broken")}
		case o.Reach == order.Everything && o.Effect == order.Closed:
			return headline{State: "closed", Sentence: v.Speaker.Say("desk.closed")}
		}
	}
	return headline{}
}

// gravest says what there is to know of the account to look at first.
func (l live) gravest(v visit, w watched) *graveAccount {
	g := &graveAccount{accountRow: l.row(v, w), Sentence: sentenceOf(v.labels, w)}
	if w.byRules() {
		g.Sentence = v.Speaker.Say("desk.frozen", "name", g.Name, "organisation", g.OrganisationName, "ground", l.grounds.Because(v.Context(), w.Hold, v.labels))
	}
	account := v.labels.Accounts[w.Account]
	standing := l.gate.Standing(gate.AskerOf(account), "")
	g.Device, g.Network, g.Discloses = unfamiliar(standing.Devices) > 0, unfamiliar(standing.Networks) > 0, account.Role.ReadsFiles()
	for _, day := range standing.Days[:max(0, len(standing.Days)-1)] {
		g.Before += int(day.Charged.People())
	}
	g.Lineage = l.lineage(v.labels, account.ID).Count
	g.Suspending = path + "/orders/new?reach=account&effect=suspended&target=" + string(w.Account)
	if g.Lineage > 0 {
		g.Suspending += "&lineage=1"
	}
	return g
}

// sentenceOf says what an account did beyond ordinary work.
func sentenceOf(labels portal.Labels, w watched) string {
	key := "desk.look"
	switch {
	case w.Beyond == 0 && w.Own > 0:
		key = "desk.look-own"
	case w.Beyond == 0:
		key = "desk.look-missed"
	}
	return labels.Speaker.Say(key,
		"name", labels.Account(w.Account), "organisation", labels.Organisation(w.Organisation),
		"beyond", w.Beyond, "shown", w.Shown, "own", w.Own, "missed", w.Missed)
}

// accountRow is an account that is held, or that asks for a look, as a row shows it.
type accountRow struct {
	watched
	Name             string
	OrganisationName string
	What             string // happened, in a few words
	State            string
	Since            time.Time // that it is held; zero: it is not
	TakenBy          string    // who is on it; empty: nobody
	Taken            taking
	Mine             bool // the viewer is
}

// mostRows is how many accounts have a row.
const mostRows = 8

// rows says the accounts of a board, the gravest first; more is how many have no row.
func (l live) rows(v visit, board []watched) (rows []accountRow, more int) {
	more = max(0, len(board)-mostRows)
	for _, w := range board[:len(board)-more] {
		rows = append(rows, l.row(v, w))
	}
	return rows, more
}

func (l live) row(v visit, w watched) accountRow {
	if w.Organisation == "" {
		w.Organisation = v.labels.Accounts[w.Account].Organisation
	}
	r := accountRow{watched: w, Name: v.labels.Account(w.Account), OrganisationName: v.labels.Organisation(w.Organisation), State: string(w.Hold.Effect), Since: w.Hold.Placed}
	why := w.Last.Why
	switch {
	case w.byRules():
		why = l.grounds.Why(v.Context(), w.Hold)
	case !w.Held():
		r.State = portal.Activity{Entry: w.Last}.State()
	}
	switch key := "brief." + why.String(); {
	case w.Held() && !w.byRules() && w.Hold.Because != "":
		r.What = w.Hold.Because
	case v.Speaker.Has(key):
		r.What = v.Speaker.Say(key)
	case w.Last.Kind != 0:
		r.What = v.labels.Ground(w.Last, w.Stopped())
	}
	var taken bool
	if r.Taken, taken = l.past.takenBy(w.Account, l.shell.Now()); taken {
		r.TakenBy, r.Mine = v.labels.Account(r.Taken.By), r.Taken.By == v.Viewer.ID
	}
	return r
}

// takeUp writes down that the viewer is on an account, for some hours: colleagues see it.
func (l live) takeUp(v visit) error {
	account, _, err := l.roster.Account(v.Context(), roster.AccountID(v.PostFormValue("account")))
	if err != nil {
		return err
	}
	err = l.shell.Journal.Record(v.Context(), ledger.Entry{
		Kind: ledger.TakenUp, Account: v.Viewer.ID, Organisation: v.Viewer.Organisation.ID, Session: v.Session(),
		Subject: account.ID, Until: ledger.Cut(l.shell.Now().Add(takenFor)),
	})
	if err != nil {
		return err
	}
	v.Back(path)
	return nil
}

// takenFor is how long somebody is on an account, unless they say it again.
const takenFor = 4 * time.Hour
