package desk

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/portal"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// lookBackPage is what an account did since a moment, before anything is decided: passage by
// passage, person by person, and what a measure would have stopped.
type lookBackPage struct {
	portal.Page
	lookBack
	Account roster.Account
	Lineage portal.Lineage
	Since   time.Time
	Period  string
	Periods []string
	Until   time.Time // the ledger was read up to then; zero: to its end
	Count   int       // entries to read, to say what each measure would have stopped of others; zero: it is said
}

// CountAddress is the page that says it, too.
func (p lookBackPage) CountAddress() string {
	return path + "/accounts/" + url.PathEscape(string(p.Account.ID)) + "/back?period=" + p.Period + "&others=1"
}

// lookBack is what the entries of an account since a moment say.
type lookBack struct {
	Passages    []passageBack // the newest first
	Sessions    []placeBack
	Devices     []placeBack
	Networks    []placeBack
	People      int // who were shown
	Unexplained int // of those, without a reason
	Stopped     int // people who were asked for and never shown, and refusals about nobody in particular
	Dropped     int // passages that the page has no room for: the oldest
	Would       []hypothesis
}

// passageBack is one answer, or one refusal.
type passageBack struct {
	portal.Line
	Session, Device, Network int // as the page numbers them
	People                   []personBack
}

// personBack is one person of a passage.
type personBack struct {
	portal.Line
	Number int // on this page; zero when it is about no one person
	Fields register.Fields
}

// placeBack is a session, a device or a network that was used.
type placeBack struct {
	Number     int // on this page
	Name       string
	From, To   time.Time
	Passages   int
	lastAnswer ledger.Number
	shown      map[register.PersonID]bool
}

// Shown is how many people were shown there.
func (p placeBack) Shown() int { return len(p.shown) }

// hypothesis is what an order would have stopped, had it been placed at the moment that is
// looked back to.
type hypothesis struct {
	order.Order
	Measure string
	Address string // of the page that places it now
	Kept    int    // people shown to the account who would not have been
	Others  int    // answers of other accounts that it would have stopped too
}

const (
	passagesShown = 200
	// mostAsked is how many entries of all accounts are read without being asked for.
	mostAsked = 20_000
	// mostRead bounds how many entries one page reads: what came after is not in it, and it
	// says so.
	mostRead = 2_000_000
)

// periods are how far a page looks back.
var periods = map[string]time.Duration{"1h": time.Hour, "4h": 4 * time.Hour, "24h": 24 * time.Hour, "168h": 7 * 24 * time.Hour}

// back takes in entries, oldest first.
type back struct {
	account  roster.Account
	labels   portal.Labels
	numbers  map[register.PersonID]int
	shown    map[register.PersonID]bool // whether without a reason
	stopped  map[register.PersonID]bool
	sessions map[string]int
	devices  map[string]int
	networks map[string]int
	entries  []ledger.Entry // of the account
	tests    []order.Order
	kept     []map[register.PersonID]bool
	others   []map[ledger.Number]bool
	l        lookBack
}

func newBack(account roster.Account, labels portal.Labels, orders []order.Order) *back {
	b := &back{
		account: account, labels: labels, numbers: make(map[register.PersonID]int), shown: make(map[register.PersonID]bool), stopped: make(map[register.PersonID]bool),
		sessions: make(map[string]int), devices: make(map[string]int), networks: make(map[string]int), tests: orders,
	}
	for range orders {
		b.kept, b.others = append(b.kept, make(map[register.PersonID]bool)), append(b.others, make(map[ledger.Number]bool))
	}
	return b
}

// useOf is what an entry says of who used what.
func (b *back) useOf(e ledger.Entry) order.Use {
	u := order.Use{Account: e.Account, Organisation: e.Organisation, Role: b.labels.Accounts[e.Account].Role, Service: e.Service, Route: e.Route, Network: e.Network}
	switch {
	case e.Signs.Has(meter.SearchRow):
		u.Function = order.Searches
	case e.Signs.Has(meter.Exported):
		u.Function = order.Exports
	case e.Kind == ledger.Changed:
		u.Function = order.Changes
	}
	return u
}

// take takes in the next entry.
func (b *back) take(e ledger.Entry) {
	mine := e.Account == b.account.ID
	if mine {
		b.entries = append(b.entries, e)
	}
	if !e.Disclosed() {
		return
	}
	use := b.useOf(e)
	for i, o := range b.tests {
		if !o.Stops(use, e.Time) || o.Effect == order.Frozen && !e.Unexplained() {
			continue
		}
		if mine {
			b.kept[i][e.Person] = true
		} else {
			b.others[i][e.Receipt] = true
		}
	}
}

// done says what was taken in.
func (b *back) done() lookBack {
	for _, e := range b.entries {
		if f := figuresOf(e); f == (Figures{}) && e.Kind != ledger.SteppedUp {
			continue
		}
		b.place(e)
	}
	for _, without := range b.shown {
		b.l.People++
		if without {
			b.l.Unexplained++
		}
	}
	for person := range b.stopped {
		if _, shown := b.shown[person]; !shown {
			b.l.Stopped++
		}
	}
	slices.Reverse(b.l.Passages)
	if over := len(b.l.Passages) - passagesShown; over > 0 {
		b.l.Dropped, b.l.Passages = over, b.l.Passages[:passagesShown]
	}
	for i, o := range b.tests {
		address := url.Values{"reach": {string(o.Reach)}, "effect": {string(o.Effect)}}
		if o.Target != "" {
			address.Set("target", o.Target)
		}
		b.l.Would = append(b.l.Would, hypothesis{o, b.labels.Measure(o), path + "/orders/new?" + address.Encode(), len(b.kept[i]), len(b.others[i])})
	}
	return b.l
}

// place puts an entry of the account into its passage.
func (b *back) place(e ledger.Entry) {
	p := passageBack{
		Line:    b.labels.Line(portal.Activity{Entry: e, People: 1}),
		Session: used(&b.l.Sessions, b.sessions, string(e.Session), e), Device: used(&b.l.Devices, b.devices, e.Device, e), Network: used(&b.l.Networks, b.networks, e.Network, e),
	}
	if last := len(b.l.Passages) - 1; last >= 0 && b.l.Passages[last].Entry.Receipt == e.Receipt {
		p = b.l.Passages[last]
		b.l.Passages = b.l.Passages[:last]
	}
	one := personBack{Line: b.labels.Line(portal.Activity{Entry: e, People: 1}), Fields: e.Fields}
	if !e.Person.IsZero() {
		if b.numbers[e.Person] == 0 {
			b.numbers[e.Person] = len(b.numbers) + 1
		}
		one.Number = b.numbers[e.Person]
	}
	switch {
	case e.Disclosed():
		b.shown[e.Person] = b.shown[e.Person] || e.Unexplained()
	case figuresOf(e).Stopped == 0:
	case e.Person.IsZero():
		b.l.Stopped++
	default:
		b.stopped[e.Person] = true
	}
	p.People = append(p.People, one)
	b.l.Passages = append(b.l.Passages, p)
}

// used numbers a session, a device or a network, and counts what was done there.
func used(list *[]placeBack, numbers map[string]int, name string, e ledger.Entry) int {
	if name == "" {
		return 0
	}
	n, known := numbers[name]
	if !known {
		*list = append(*list, placeBack{Number: len(*list) + 1, Name: name, From: e.Time, shown: make(map[register.PersonID]bool)})
		n = len(*list)
		numbers[name] = n
	}
	p := &(*list)[n-1]
	if p.To = e.Time; p.lastAnswer != e.Receipt || p.Passages == 0 {
		p.Passages, p.lastAnswer = p.Passages+1, e.Receipt
	}
	if e.Disclosed() {
		p.shown[e.Person] = true
	}
	return n
}

// hypotheses are the orders that somebody would place about an account: on itself, on its
// organisation, its role and everything.
func hypotheses(a roster.Account, since time.Time) []order.Order {
	at := func(effect order.Effect, reach order.Reach, target string) order.Order {
		return order.Order{Effect: effect, Reach: reach, Target: target, Placed: since}
	}
	return []order.Order{
		at(order.Frozen, order.Account, string(a.ID)), at(order.Suspended, order.Account, string(a.ID)),
		at(order.Frozen, order.Organisation, string(a.Organisation)), at(order.Suspended, order.Organisation, string(a.Organisation)),
		at(order.Closed, order.Function, order.Searches), at(order.Closed, order.Network, order.Elsewhere), at(order.Closed, order.Everything, ""),
	}
}

// lookBack shows what an account did since a moment.
func (a accounts) lookBack(v visit) error {
	account, _, err := a.roster.Account(v.Context(), roster.AccountID(v.PathValue("id")))
	if err != nil {
		return err
	}
	account.Name = v.labels.Account(account.ID)
	period := v.URL.Query().Get("period")
	if period == "" {
		period = "24h"
	}
	long, known := periods[period]
	if !known {
		return &fault.Error{Kind: fault.Invalid, Public: "a page looks back as far as it offers"}
	}
	since := a.shell.Now().Add(-long)
	if err := v.Record(ledger.Entry{State: ledger.AccountRead, Target: string(account.ID), Since: since}); err != nil {
		return err
	}
	from, err := a.calendar.FirstAt(v.Context(), since)
	if err != nil {
		return err
	}
	shown := lookBackPage{
		Page: v.Page(path, "back.title", "name", account.Name), Account: account, Lineage: a.lineage(v.labels, account.ID),
		Since: since, Period: period, Periods: []string{"1h", "4h", "24h", "168h"},
	}
	b, end := newBack(account, v.labels, hypotheses(account, since)), a.journal.Next()
	own, all, err := a.journal.By(v.Context(), account.ID, from)
	if err != nil {
		return err
	}
	if lines := int(end) - int(from); all && lines > mostAsked && !v.URL.Query().Has("others") {
		for _, e := range own {
			b.take(e)
		}
		shown.Count = lines
	} else if shown.Until, err = a.readBack(v.Context(), b, from, end); err != nil {
		return err
	}
	shown.lookBack = b.done()
	a.pages.Show(v.Visit, http.StatusOK, "lookback.html", shown)
	return nil
}

// readBack takes in the entries of all accounts, from a number on and before another. It returns
// when the last was written that it had patience for; zero when that was all of them.
func (a accounts) readBack(ctx context.Context, b *back, from, end ledger.Number) (until time.Time, err error) {
	if from >= end {
		return until, nil
	}
	for e, err := range a.journal.Follow(ctx, from) {
		if err != nil {
			return until, err
		}
		b.take(e)
		if e.Number+1 >= end {
			break
		}
		if e.Number-from >= mostRead {
			return e.Time, nil
		}
	}
	return until, nil
}
