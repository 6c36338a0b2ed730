package portal

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/roster"
)

// deskPage answers whoever watches: is anything wrong now?
type deskPage struct {
	page
	Said    string // what was just done, said by key; empty when nothing was
	Heads   []headline
	At      time.Time // when it was so
	Pulse   pulse
	Orders  []measureState
	Lines   []line
	After   ledger.Number // the flow goes on from here
	Sources []sourceState
}

// headline is one of the first things the desk says.
type headline struct {
	State     string // quiet, look, frozen, closed or behind
	Sentence  string
	Account   roster.AccountID // the one to look at
	Campaigns bool             // several act together
	Observed  string           // what stops nobody for now, in a sentence; empty when everything is enforced
}

// measureState is an order in force, as the desk shows it.
type measureState struct {
	order.Order
	Sentence string
	ByName   string
}

// Itself reports whether the rules placed it on an account.
func (m measureState) Itself() bool { return byItself(m.Order) }

// sourceState is a system that tells facts, and whether it still does.
type sourceState struct {
	Name   string
	Heard  time.Time
	Never  bool
	Silent bool
	Limit  time.Duration // how long it may be silent; zero when nobody said
}

func (rooms *Rooms) desk(v *visit) error {
	if err := rooms.reading(v, ledger.Entry{State: ledger.DeskRead}); err != nil {
		return err
	}
	naming, err := rooms.naming(v)
	if err != nil {
		return err
	}
	sources, err := rooms.sources(v)
	if err != nil {
		return err
	}
	said, err := rooms.outcome(v)
	if err != nil {
		return err
	}
	heads := rooms.headlines(v, naming)
	newest, after := rooms.hour.recent()
	shown := deskPage{
		page: rooms.page(v, "desk", "desk.title"), Said: said,
		Heads: heads, At: rooms.pages.settings.Now(), Pulse: drawPulse(rooms.hour.minutes(rooms.pages.settings.Now())),
		Orders: rooms.measures(v, naming), After: after, Sources: sources,
	}
	for _, h := range newest {
		shown.Lines = append(shown.Lines, naming.line(h))
	}
	rooms.show(v, http.StatusOK, "desk.html", shown)
	return nil
}

// reading writes down that the viewer reads what the ledger says of others. What
// cannot be written is not shown.
func (rooms *Rooms) reading(v *visit, what ledger.Entry) error {
	what.Kind, what.Account, what.Organisation = ledger.Read, v.viewer.ID, v.viewer.Organisation.ID
	what.Session, what.Route = v.viewer.Session, v.Pattern
	return rooms.Journal.Record(v.Context(), what)
}

func (rooms *Rooms) naming(v *visit) (namer, error) {
	accounts, organisations, err := rooms.accountNames(v)
	return namer{v.speaker, rooms.pages.service, accounts, organisations}, err
}

// headlines says whether all is quiet, and first what would be let through.
func (rooms *Rooms) headlines(v *visit, naming namer) []headline {
	heads := rooms.lookout(v, naming)
	heads[0].Observed = naming.observed(rooms.pages.settings.Observed)
	return heads
}

// observed says what is only observed. A desk that shows all quiet must not be
// taken for one that guards.
func (n namer) observed(o policy.Observed) string {
	if o.Everything {
		return n.speaker.must("desk.observing-all")
	}
	var names []string
	for _, service := range slices.Sorted(maps.Keys(o.Services)) {
		names = append(names, n.services(service))
	}
	for _, role := range slices.Sorted(maps.Keys(o.Roles)) {
		names = append(names, n.speaker.must("role."+string(role)))
	}
	for _, why := range slices.Sorted(maps.Keys(o.Grounds)) {
		names = append(names, why.String())
	}
	if names == nil {
		return ""
	}
	return n.speaker.must("desk.observing-some", "names", strings.Join(names, ", "))
}

// lookout says whether all is quiet, and only when the picture is up to date.
func (rooms *Rooms) lookout(v *visit, naming namer) (heads []headline) {
	now, orders := rooms.pages.settings.Now(), rooms.Gate.Orders()
	if !rooms.hour.caughtUp(v.Context(), rooms.Journal.Next()) {
		return []headline{{State: "behind", Sentence: v.speaker.must("desk.behind")}}
	}
	for _, o := range orders {
		if o.Reach == order.Everything && o.Effect == order.Closed {
			return []headline{{State: "closed", Sentence: v.speaker.must("desk.closed")}}
		}
	}
	if freezes := frozen(orders, now); len(freezes) > 0 {
		heads = append(heads, rooms.frozenHeadline(v, naming, freezes))
	}
	if c, found := rooms.hour.lookAt(orders, now); found {
		heads = append(heads, naming.concern(c))
	}
	if alarms := len(rooms.Campaigns.Alarms()); alarms > 0 {
		heads = append(heads, headline{State: "look", Campaigns: true, Sentence: v.speaker.several("campaign.look", alarms)})
	}
	if len(heads) == 0 {
		heads = []headline{{State: "quiet", Sentence: v.speaker.must("desk.quiet")}}
	}
	return heads
}

// frozenHeadline says whom the rules froze last, and why.
func (rooms *Rooms) frozenHeadline(v *visit, naming namer, freezes []order.Order) headline {
	last := freezes[0]
	account := roster.AccountID(last.Target)
	sentence := v.speaker.must("desk.frozen", "name", naming.account(account),
		"organisation", naming.organisation(naming.accounts[account].Organisation), "ground", rooms.because(v.Context(), last, naming))
	if others := len(freezes) - 1; others > 0 {
		sentence += " " + v.speaker.several("desk.frozen-others", others)
	}
	return headline{State: "frozen", Sentence: sentence, Account: account}
}

// concern says which account to look at.
func (n namer) concern(c concern) headline {
	key := "desk.look"
	switch {
	case c.Beyond == 0 && c.Own > 0:
		key = "desk.look-own"
	case c.Beyond == 0:
		key = "desk.look-missed"
	}
	return headline{State: "look", Account: c.Account, Sentence: n.speaker.must(key,
		"name", n.account(c.Account), "organisation", n.organisation(c.Organisation),
		"beyond", n.speaker.several("n.people", c.Beyond), "shown", n.speaker.several("n.people", c.Shown), "own", n.speaker.several("n.people", c.Own), "missed", n.speaker.number(c.Missed))}
}

// measures says the orders in force, newest first.
func (rooms *Rooms) measures(v *visit, naming namer) []measureState {
	now := rooms.pages.settings.Now()
	var states []measureState
	for _, o := range slices.Backward(rooms.Gate.Orders()) {
		if !o.Ends.IsZero() && !now.Before(o.Ends) {
			continue
		}
		m := measureState{o, naming.measure(o), naming.account(roster.AccountID(o.By))}
		if o.By == journal.Itself {
			m.ByName = v.speaker.must("measures.itself")
		}
		m.Because = rooms.because(v.Context(), o, naming)
		states = append(states, m)
	}
	return states
}

// sources lists those we expect and those we heard, the silent ones first.
func (rooms *Rooms) sources(v *visit) ([]sourceState, error) {
	heard, err := rooms.Sources.Heard(v.Context())
	if err != nil {
		return nil, err
	}
	limits, now := rooms.pages.settings.Silence, rooms.pages.settings.Now()
	names := slices.Collect(maps.Keys(heard))
	for name := range limits {
		if _, known := heard[name]; !known {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	states := make([]sourceState, 0, len(names))
	for _, name := range names {
		at, known := heard[name]
		limit := limits[name]
		states = append(states, sourceState{name, at, !known, !known || limit > 0 && now.Sub(at) > limit, limit})
	}
	slices.SortStableFunc(states, func(a, b sourceState) int {
		switch {
		case a.Silent == b.Silent:
			return 0
		case a.Silent:
			return -1
		default:
			return 1
		}
	})
	return states, nil
}

const (
	beatEvery    = 5 * time.Second  // how often the flow says that it is there; live.js waits for four beats
	refreshEvery = time.Second      // how often the live desk asks whether its reader may still watch, and draws its picture anew
	breatheEvery = 15 * time.Second // how often the flow asks again what people are called
)

// flow sends the desk's lines as they happen. Each carries the number of its last
// entry as event id, so a reconnection misses nothing; the picture above them is
// sent whole, and carries none.
func (rooms *Rooms) flow(v *visit) error {
	after, err := resume(v)
	if err != nil {
		return err
	}
	if err := rooms.reading(v, ledger.Entry{State: ledger.DeskFollowed}); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(v.Context())
	defer cancel()
	follow := rooms.follow(ctx, after)
	out, err := rooms.stream(v)
	if err != nil {
		return err
	}
	if err = out.write("retry: 1000\n\n"); err == nil {
		err = out.beat()
	}
	refresh, breathe, beat := time.NewTicker(refreshEvery), time.NewTicker(breatheEvery), time.NewTicker(beatEvery)
	defer refresh.Stop()
	defer beat.Stop()
	defer breathe.Stop()
	for err == nil {
		select {
		case <-ctx.Done():
			return nil
		case passage, more := <-follow:
			if !more {
				return nil // the ledger cannot be read: the browser comes back
			}
			err = out.lines(passage)
		case <-refresh.C:
			if rooms.Door.Still(ctx, v.session) != nil || !rooms.stillWatches(v) {
				return nil
			}
			err = out.picture()
		case <-breathe.C:
			out.naming, err = rooms.naming(v)
		case <-beat.C:
			err = out.beat()
		}
	}
	return nil // the reader left, or will come back
}

// stillWatches asks the roster and the orders again.
func (rooms *Rooms) stillWatches(v *visit) bool {
	account, organisation, err := rooms.Roster.Account(v.Context(), v.viewer.ID)
	return err == nil && rooms.mayWatch(viewer{account.ID, account.Name, organisation, account.Role, v.viewer.Session, account.Opened})
}

// resume says where the flow goes on: after the last event that the browser has,
// or where its page ended.
func resume(v *visit) (ledger.Number, error) {
	if last := v.Header.Get("Last-Event-ID"); last != "" {
		number, err := strconv.ParseUint(last, 10, 63)
		if err != nil {
			return 0, &fault.Error{Kind: fault.Invalid, Public: "Last-Event-ID is the number of an entry"}
		}
		return ledger.Number(number) + 1, nil
	}
	number, err := strconv.ParseUint(v.URL.Query().Get("after"), 10, 63)
	if err != nil {
		return 0, &fault.Error{Kind: fault.Invalid, Public: "after is the number of an entry"}
	}
	return ledger.Number(number), nil
}

// follow reads on in the ledger until ctx ends, passage by passage.
func (rooms *Rooms) follow(ctx context.Context, from ledger.Number) <-chan []ledger.Entry {
	read := make(chan []ledger.Entry)
	go func() {
		defer close(read)
		for passage, err := range passages(rooms.Journal.Follow(ctx, from), rooms.Journal.Next) {
			if err != nil {
				return
			}
			select {
			case read <- passage:
			case <-ctx.Done():
				return
			}
		}
	}()
	return read
}

// stream is one reader's flow.
type stream struct {
	rooms  *Rooms
	v      *visit
	out    *http.ResponseController
	naming namer
	last   string // the picture as it was sent last
}

func (rooms *Rooms) stream(v *visit) (*stream, error) {
	naming, err := rooms.naming(v)
	if err != nil {
		return nil, err
	}
	rooms.pages.protect(v.w)
	v.w.Header().Set("Content-Type", "text/event-stream")
	v.w.Header().Set("Cache-Control", "no-store")
	v.w.Header().Set("X-Accel-Buffering", "no")
	return &stream{rooms: rooms, v: v, out: http.NewResponseController(v.w), naming: naming}, nil
}

func (s *stream) write(text string) error {
	_ = s.out.SetWriteDeadline(time.Now().Add(10 * time.Second)) // not every writer has one
	if _, err := s.v.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.out.Flush()
}

// beat says that the flow is there, and what time it is.
func (s *stream) beat() error {
	return s.event("beat", "", []byte(s.v.speaker.clockWords(s.rooms.pages.settings.Now())))
}

// event writes one event; its data is one page fragment.
func (s *stream) event(name, id string, fragment []byte) error {
	var text strings.Builder
	if id != "" {
		fmt.Fprintf(&text, "id: %s\n", id)
	}
	fmt.Fprintf(&text, "event: %s\n", name)
	for row := range bytes.Lines(fragment) {
		fmt.Fprintf(&text, "data: %s\n", bytes.TrimRight(row, "\r\n"))
	}
	text.WriteString("\n")
	return s.write(text.String())
}

func (s *stream) lines(passage []ledger.Entry) error {
	var notable []happening
	for _, h := range gather(passage) {
		if h.notable() {
			notable = append(notable, h)
		}
	}
	if len(notable) == 0 {
		return nil
	}
	var fragment bytes.Buffer
	for _, h := range notable {
		if err := s.draw(&fragment, "flow-line", s.naming.line(h)); err != nil {
			return err
		}
	}
	return s.event("line", receipt(passage[len(passage)-1].Number), fragment.Bytes())
}

// picture sends what stands above the lines, when it has changed.
func (s *stream) picture() error {
	var fragment bytes.Buffer
	shown := deskPage{
		Heads: s.rooms.headlines(s.v, s.naming), Pulse: drawPulse(s.rooms.hour.minutes(s.rooms.pages.settings.Now())),
		Orders: s.rooms.measures(s.v, s.naming),
	}
	if err := s.draw(&fragment, "desk-parts", shown); err != nil {
		return err
	}
	if s.last == fragment.String() {
		return nil
	}
	s.last = fragment.String()
	return s.event("picture", "", fragment.Bytes())
}

func (s *stream) draw(to *bytes.Buffer, name string, data any) error {
	return s.rooms.pages.sets[s.v.speaker.language].ExecuteTemplate(to, name, data)
}

// directoryPage is where the desk finds accounts, organisations and services.
type directoryPage struct {
	page
	Sought        string
	Accounts      []accountState
	More          bool // there are more accounts than are shown
	Organisations []organisationState
	Services      []serviceHeld
	Everything    []measureState
}

type accountState struct {
	roster.Account
	OrganisationName string
	Measures         []measureState
}

type organisationState struct {
	roster.Organisation
	Accounts int
	Measures []measureState
}

type serviceHeld struct {
	Service
	Measures []measureState
}

const accountsShown = 100

func (rooms *Rooms) directory(v *visit) error {
	accounts, err := rooms.Roster.Accounts(v.Context())
	if err != nil {
		return err
	}
	organisations, err := rooms.Roster.Organisations(v.Context())
	if err != nil {
		return err
	}
	naming, err := rooms.naming(v)
	if err != nil {
		return err
	}
	shown := directoryPage{page: rooms.page(v, "directory", "directory.title"), Sought: strings.TrimSpace(v.URL.Query().Get("q"))}
	inForce := rooms.measures(v, naming)
	against := func(reach order.Reach, target string) (found []measureState) {
		for _, m := range inForce {
			if m.Reach == reach && m.Target == target {
				found = append(found, m)
			}
		}
		return found
	}
	counts := make(map[roster.OrganisationID]int)
	for _, a := range accounts {
		counts[a.Organisation]++
		name := naming.organisation(a.Organisation)
		if !contains(shown.Sought, a.Name, string(a.ID), name) {
			continue
		}
		if shown.More = len(shown.Accounts) == accountsShown; !shown.More {
			shown.Accounts = append(shown.Accounts, accountState{a, name, against(order.Account, string(a.ID))})
		}
	}
	for _, o := range organisations {
		if contains(shown.Sought, o.Name, string(o.ID)) {
			shown.Organisations = append(shown.Organisations, organisationState{o, counts[o.ID], against(order.Organisation, string(o.ID))})
		}
	}
	for _, s := range rooms.pages.settings.Services {
		shown.Services = append(shown.Services, serviceHeld{s, against(order.Service, string(s.ID))})
	}
	shown.Everything = against(order.Everything, "")
	rooms.show(v, http.StatusOK, "directory.html", shown)
	return nil
}

// contains reports whether one of the texts has sought in it, in any case.
func contains(sought string, texts ...string) bool {
	return slices.ContainsFunc(texts, func(text string) bool {
		return strings.Contains(strings.ToLower(text), strings.ToLower(sought))
	})
}
