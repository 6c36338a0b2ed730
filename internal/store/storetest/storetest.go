// Package storetest asks every engine the same questions: order, emptiness,
// precision, conflicts, and what may never change.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/containment"
	"poterne/internal/intake"
	"poterne/internal/journal"

	"golang.org/x/mod/sumdb/tlog"

	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
)

// At is a moment with microseconds, to see whether they survive.
var At = time.Date(2026, 3, 3, 10, 0, 0, 123_456_000, time.UTC)

// Person returns the n-th of many people.
func Person(n int) register.PersonID {
	return register.PersonID{byte(n), byte(n >> 8), byte(n >> 16), 1}
}

// Run asks an engine everything. open returns a new, empty store; it closes it
// itself when the test ends.
func Run(t *testing.T, open func(*testing.T) *store.DB) {
	for name, ask := range map[string]func(*testing.T, *store.DB){
		"entries keep their numbers, their bytes and their order":  entriesKeep,
		"entries are read whole, however many":                     readWhole,
		"a turn that fails leaves nothing":                         failingTurn,
		"turns do not overlap":                                     turnsAreAlone,
		"the first entry at a time is found":                       firstAt,
		"orders are placed and lifted once":                        orders,
		"tiles grow and checkpoints add up":                        tiles,
		"a witness co-signs a checkpoint once":                     cosignatures,
		"a roster is taken whole or not at all":                    rosters,
		"facts are told that hold, whomever they concern":          facts,
		"a fact told twice is one fact":                            factsTwice,
		"what comes twice in a batch is its last":                  twiceInABatch,
		"a change of the roster or of a cover makes a generation":  generations,
		"aliases lead to one person":                               aliases,
		"an account nobody opened has no role and no habilitation": nobody,
		"text compares exactly":                                    exactText,
		"what has ended is found, and archived once":               archives,
	} {
		t.Run(name, func(t *testing.T) { ask(t, open(t)) })
	}
}

func entry(number int, at time.Time) ledger.Entry {
	return ledger.Entry{
		Number: ledger.Number(number), Time: at, Kind: ledger.Consulted, Receipt: ledger.Number(number),
		Account: "pauline", Service: "dossier", Person: Person(number), Fields: register.Name,
		Verdict: policy.Shown, Why: policy.Counted,
	}
}

// Write writes n more entries in one turn.
func Write(t testing.TB, s *store.DB, n int, at time.Time) {
	t.Helper()
	err := store.NewLedger(s).Turn(t.Context(), func(head journal.Head) error {
		var entries []ledger.Entry
		for i := range n {
			entries = append(entries, entry(int(head.Next())+i, at))
		}
		return head.Write(entries, at)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func all(t *testing.T, s *store.DB, from ledger.Number) (entries []ledger.Entry) {
	t.Helper()
	for e, err := range store.NewLedger(s).Entries(t.Context(), from) {
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	return entries
}

func entriesKeep(t *testing.T, s *store.DB) {
	for _, n := range []int{1, 200, 3, 64} { // across what one statement inserts
		Write(t, s, n, At)
	}
	entries := all(t, s, 0)
	if len(entries) != 268 {
		t.Fatalf("%d entries, want 268", len(entries))
	}
	for i, e := range entries {
		if e != entry(i, At) {
			t.Fatalf("entry %d came back as %+v", i, e)
		}
	}
	if got := all(t, s, 260); len(got) != 8 || got[0].Number != 260 {
		t.Errorf("from 260: %d entries", len(got))
	}
	one, err := store.NewLedger(s).Entry(t.Context(), 7)
	if err != nil || one.Number != 7 {
		t.Errorf("entry 7: %v, %v", one.Number, err)
	}
	if _, err := store.NewLedger(s).Entry(t.Context(), 268); err == nil {
		t.Error("an entry that was never written was found")
	}
	err = store.NewLedger(s).Turn(t.Context(), func(head journal.Head) error {
		if head.Next() != 268 || !head.Last().Equal(At) {
			t.Errorf("the head stands at %d, %v", head.Next(), head.Last())
		}
		return head.Write([]ledger.Entry{entry(5, At)}, At)
	})
	if err == nil {
		t.Error("a number was written twice")
	}
}

// Entries are read in portions: none is left out or told twice where two meet.
func readWhole(t *testing.T, s *store.DB) {
	written := 0
	for _, n := range []int{31, 32, 33, 159, 160, 161, 671, 672, 673} {
		for ; written < n; written++ {
			Write(t, s, 1, At) // a row
		}
		entries := all(t, s, 0)
		if len(entries) != n || entries[n-1].Number != ledger.Number(n-1) {
			t.Errorf("of %d entries, %d are read", n, len(entries))
		}
		if rest := all(t, s, ledger.Number(n)); len(rest) != 0 {
			t.Errorf("beyond %d entries, %d are read", n, len(rest))
		}
	}
	Write(t, s, 600, At) // three rows
	for from := ledger.Number(660); from < 1280; from += 7 {
		if entries := all(t, s, from); len(entries) != max(0, 1273-int(from)) || len(entries) > 0 && entries[0].Number != from {
			t.Errorf("from %d on, %d are read", from, len(entries))
		}
	}
}

func failingTurn(t *testing.T, s *store.DB) {
	Write(t, s, 2, At)
	refuse := errors.New("no")
	err := store.NewLedger(s).Turn(t.Context(), func(head journal.Head) error {
		if err := head.Write([]ledger.Entry{entry(2, At)}, At.Add(time.Second)); err != nil {
			return err
		}
		if err := head.Rows().(containment.Rows).InsertOrder(order.Order{ID: "2", Effect: order.Frozen, Reach: order.Account, Target: "pauline", Placed: At, By: "samir"}); err != nil {
			return err
		}
		return refuse
	})
	if !errors.Is(err, refuse) || errors.Is(err, journal.ErrOutcomeUnknown) {
		t.Fatalf("the turn ended with %v", err)
	}
	err = store.NewLedger(s).Turn(t.Context(), func(head journal.Head) error {
		book, err := head.Orders()
		if head.Next() != 2 || !head.Last().Equal(At) || head.Generation() != 0 || len(book) != 0 {
			t.Errorf("something of it stayed: next %d, last %v, generation %d, %d orders", head.Next(), head.Last(), head.Generation(), len(book))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Promise: METER-3
func turnsAreAlone(t *testing.T, s *store.DB) {
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 10 {
				err := store.NewLedger(s).Turn(context.Background(), func(head journal.Head) error {
					return head.Write([]ledger.Entry{entry(int(head.Next()), At)}, At)
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	if got := len(all(t, s, 0)); got != 80 {
		t.Errorf("%d entries, want 80", got)
	}
}

func firstAt(t *testing.T, s *store.DB) {
	if first, err := store.NewLedger(s).FirstAt(t.Context(), At); first != 0 || err != nil {
		t.Errorf("in an empty ledger: %d, %v", first, err)
	}
	for i := range 5 {
		Write(t, s, 2, At.Add(time.Duration(i)*time.Minute))
	}
	for name, test := range map[string]struct {
		at   time.Time
		want ledger.Number
	}{
		"long before":          {At.AddDate(-1, 0, 0), 0},
		"exactly then":         {At.Add(2 * time.Minute), 4},
		"a microsecond after":  {At.Add(2*time.Minute + time.Microsecond), 6},
		"after the last entry": {At.Add(time.Hour), 10},
	} {
		if got, err := store.NewLedger(s).FirstAt(t.Context(), test.at); got != test.want || err != nil {
			t.Errorf("%s: %d, %v; want %d", name, got, err, test.want)
		}
	}
}

func orders(t *testing.T, s *store.DB) {
	turn := func(act func(journal.Head) error) error { return store.NewLedger(s).Turn(t.Context(), act) }
	placed := order.Order{
		ID: "12", Effect: order.Suspended, Reach: order.Account, Target: "pauline", Placed: At, Ends: At.Add(time.Hour),
		By: "samir", Because: "vol de session", Message: order.Message{French: "Appelez le poste de garde.", English: "Call the desk."},
	}
	if err := turn(func(head journal.Head) error {
		return errors.Join(head.Rows().(containment.Rows).InsertOrder(placed), head.Advance())
	}); err != nil {
		t.Fatal(err)
	}
	read := func() (book order.Set, generation uint64) {
		err := turn(func(head journal.Head) (err error) {
			book, err = head.Orders()
			generation = head.Generation()
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return book, generation
	}
	book, generation := read()
	if len(book) != 1 || book[0] != placed || generation != 1 {
		t.Fatalf("the order came back as %+v, generation %d", book, generation)
	}
	lift := func() error {
		return turn(func(head journal.Head) error {
			return errors.Join(head.Rows().(containment.Rows).LiftOrder("12", "samir", At.Add(time.Minute)), head.Advance())
		})
	}
	if err := lift(); err != nil {
		t.Fatal(err)
	}
	if book, generation = read(); len(book) != 0 || generation != 2 {
		t.Errorf("after lifting: %+v, generation %d", book, generation)
	}
	if err := lift(); err == nil {
		t.Errorf("lifted twice: %v", err)
	}
}

// firstTile has the leaves of the first entries.
var firstTile = tlog.Tile{H: ledger.TileHeight, L: 0, N: 0, W: 1}

func leavesOf(t *testing.T, s *store.DB) (leaves []byte) {
	t.Helper()
	for row, err := range store.NewLedger(s).Sealed(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		leaf := row.Leaf()
		leaves = append(leaves, leaf[:]...)
	}
	return leaves
}

func tiles(t *testing.T, s *store.DB) {
	if note, err := store.NewLedger(s).Checkpoint(t.Context()); note != nil || err != nil {
		t.Errorf("a checkpoint before the first: %q, %v", note, err)
	}
	Write(t, s, 3, At)
	tile, leaves := firstTile, leavesOf(t, s)
	for size := range int64(3) {
		checkpoint := ledger.Checkpoint{Size: size + 1, Note: fmt.Appendf(nil, "note %d", size)}
		if err := store.NewLedger(s).Publish(t.Context(), map[tlog.Tile][]byte{tile: leaves[:tlog.HashSize*(size+1)]}, checkpoint); err != nil {
			t.Fatal(err)
		}
	}
	hashes, err := store.NewLedger(s).Tile(t.Context(), tile)
	if err != nil || len(hashes) != 96 {
		t.Errorf("the tile has %d bytes, %v", len(hashes), err)
	}
	if _, err := store.NewLedger(s).Tile(t.Context(), tlog.Tile{H: ledger.TileHeight, L: 1}); err == nil {
		t.Error("a tile that was never stored was found")
	}
	note, err := store.NewLedger(s).Checkpoint(t.Context())
	if string(note) != "note 2" || err != nil {
		t.Errorf("the newest checkpoint is %q, %v", note, err)
	}
	var notes []string
	for note, err := range store.NewLedger(s).Checkpoints(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		notes = append(notes, string(note))
	}
	if !slices.Equal(notes, []string{"note 0", "note 1", "note 2"}) {
		t.Errorf("checkpoints %q", notes)
	}
}

func cosignatures(t *testing.T, s *store.DB) {
	for _, c := range []struct {
		size          int64
		witness, line string
	}{{100, "w2", "— w2 a\n"}, {100, "w1", "— w1 b\n"}, {100, "w2", "— w2 c\n"}, {200, "w2", "— w2 d\n"}} {
		if err := store.NewLedger(s).Cosign(t.Context(), c.size, c.witness, []byte(c.line)); err != nil {
			t.Fatal(err)
		}
	}
	for size, want := range map[int64]string{100: "— w1 b\n— w2 a\n", 200: "— w2 d\n", 300: ""} {
		lines, err := store.NewLedger(s).Cosigned(t.Context(), size)
		if got := string(bytes.Join(lines, nil)); err != nil || got != want {
			t.Errorf("under %d entries stands %q, %v", size, got, err)
		}
	}
	Write(t, s, 70, At)
	leaves := leavesOf(t, s)
	for size := range int64(70) {
		grown := map[tlog.Tile][]byte{firstTile: leaves[:tlog.HashSize*(size+1)]}
		if err := store.NewLedger(s).Publish(t.Context(), grown, ledger.Checkpoint{Size: size + 1, Note: fmt.Appendf(nil, "note %d", size+1)}); err != nil {
			t.Fatal(err)
		}
	}
	for below, want := range map[int64]string{71: "note 70", 3: "note 2", 1: ""} {
		notes, err := store.NewLedger(s).Before(t.Context(), below)
		if len(notes) == 0 {
			notes = [][]byte{nil}
		}
		if err != nil || string(notes[0]) != want {
			t.Errorf("before %d entries comes %q, %v", below, notes[0], err)
		}
	}
}

// TakeRoster takes a roster in, as the command line does, at At.
func TakeRoster(t testing.TB, s *store.DB, list accounts.List) error {
	t.Helper()
	return TakeRosterBy(t, Outside(s), list)
}

// TakeRosterBy takes a roster in through a writer.
func TakeRosterBy(t testing.TB, w journal.Writer, list accounts.List) error {
	t.Helper()
	_, err := journal.Do(t.Context(), w, &accounts.Import{By: "samir", List: list})
	return err
}

// TakeFacts takes facts in, as the command line does, at At.
func TakeFacts(t testing.TB, s *store.DB, source string, facts ...reason.Fact) error {
	t.Helper()
	_, err := journal.Do(t.Context(), Outside(s), &intake.FactBatch{Source: source, Facts: facts})
	return err
}

// Outside writes in a store as the command line does, at At.
func Outside(s *store.DB) journal.Outside {
	return journal.Outside{DB: store.NewLedger(s), Now: func() time.Time { return At }}
}

// Staff is a roster of two organisations and three accounts.
func Staff() accounts.List {
	identity := func(subject string) roster.Identity {
		return roster.Identity{Issuer: "https://idp.example", Provider: "p", Subject: subject}
	}
	return accounts.List{
		Organisations: []roster.Organisation{{ID: "mlv", SIRET: "90000000000017", Name: "Mission locale"}, {ID: "ofh", SIRET: "90000000000025", Name: "Horizon"}},
		Accounts: []roster.Account{
			{ID: "pauline", Organisation: "mlv", Role: roster.Adviser, Name: "Pauline Mercier", Identity: identity("p1"), Opened: At},
			{ID: "karim", Organisation: "mlv", Role: roster.Adviser, Name: "Karim Benali", Identity: identity("k1"), Opened: At},
			{ID: "lucas", Organisation: "ofh", Role: roster.Training, Name: "Lucas Ferrand", Identity: identity("l1"), Opened: At},
		},
		Habilitations: []roster.Habilitation{
			{Account: "pauline", Service: "dossier", Purpose: "accompany", From: At.AddDate(0, -1, 0), Until: At.AddDate(0, 11, 0)},
			{Account: "lucas", Service: "kairos", Purpose: "train", From: At.AddDate(0, -1, 0), Until: At.AddDate(0, 11, 0)},
		},
	}
}

// Signers is managers and people of the security desk, who sign for others: two
// managers of mlv, one of ofh, and three of the desk.
func Signers() accounts.List {
	list := accounts.List{Organisations: []roster.Organisation{{ID: "garde", SIRET: "90000000000033", Name: "Poste de garde"}}}
	for _, a := range []roster.Account{
		{ID: "chief", Organisation: "mlv", Role: roster.Manager},
		{ID: "deputy", Organisation: "mlv", Role: roster.Manager},
		{ID: "other", Organisation: "ofh", Role: roster.Manager},
		{ID: "samir", Organisation: "garde", Role: roster.Security},
		{ID: "nadia", Organisation: "garde", Role: roster.Security},
		{ID: "suspended", Organisation: "garde", Role: roster.Security},
	} {
		a.Name, a.Opened = string(a.ID), At
		a.Identity = roster.Identity{Issuer: "https://idp.example", Provider: "p", Subject: "signs-" + string(a.ID)}
		list.Accounts = append(list.Accounts, a)
	}
	return list
}

func rosters(t *testing.T, s *store.DB) {
	staff := Staff()
	if err := TakeRoster(t, s, staff); err != nil {
		t.Fatal(err)
	}
	account, organisation, err := store.NewRoster(s).ByIdentity(t.Context(), roster.Identity{Issuer: "https://idp.example", Provider: "p", Subject: "p1"})
	if err != nil || account != staff.Accounts[0] || organisation != staff.Organisations[0] {
		t.Errorf("%+v of %+v, %v", account, organisation, err)
	}
	for _, other := range []roster.Identity{{Issuer: "https://idp.example", Provider: "q", Subject: "p1"}, {Issuer: "https://other.example", Provider: "p", Subject: "p1"}, {}} {
		if _, _, err := store.NewRoster(s).ByIdentity(t.Context(), other); !fault.Is(err, fault.Absent) {
			t.Errorf("%+v has an account: %v", other, err)
		}
	}
	spoilt := accounts.List{
		Accounts: []roster.Account{
			{ID: "new", Organisation: "mlv", Role: roster.Adviser, Identity: roster.Identity{Subject: "n"}, Opened: At},
			{ID: "lost", Organisation: "nowhere", Role: roster.Adviser, Identity: roster.Identity{Subject: "m"}, Opened: At},
		},
	}
	if err := TakeRoster(t, s, spoilt); err == nil {
		t.Error("an account of an unknown organisation was taken")
	}
	if _, _, err := store.NewRoster(s).Account(t.Context(), "new"); !fault.Is(err, fault.Absent) {
		t.Errorf("half of a spoilt roster stayed: %v", err)
	}
	accounts, err := store.NewRoster(s).Accounts(t.Context())
	if err != nil || len(accounts) != 3 || accounts[0].ID != "karim" {
		t.Errorf("%d accounts, %v", len(accounts), err)
	}
	organisations, err := store.NewRoster(s).Organisations(t.Context())
	if err != nil || len(organisations) != 2 || organisations[0].ID != "ofh" {
		t.Errorf("%d organisations, %v", len(organisations), err)
	}
}

func live(change func(*reason.Fact)) reason.Fact {
	f := reason.Fact{Kind: reason.Caseload, Account: "pauline", Person: Person(1), From: At.Add(-time.Hour), Until: At.Add(time.Hour), Source: "cases", ID: "1"}
	if change != nil {
		change(&f)
	}
	return f
}

// known is what a gate would be told of an account and some people.
func known(t *testing.T, s *store.DB, account roster.AccountID, people []register.PersonID) (gate.Asker, []reason.Fact) {
	t.Helper()
	asker, err := store.NewFacts(s).Asker(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	facts, err := store.NewFacts(s).Facts(t.Context(), asker, people, At)
	if err != nil {
		t.Fatal(err)
	}
	return asker, facts
}

func facts(t *testing.T, s *store.DB) {
	takeAll(t, s)
	told := []reason.Fact{
		live(nil),
		live(func(f *reason.Fact) { f.ID, f.Account, f.Person = "2", "karim", Person(2) }),
		live(func(f *reason.Fact) {
			f.ID, f.Account, f.Organisation, f.Kind, f.Person = "3", "", "mlv", reason.Message, Person(3)
		}),
		live(func(f *reason.Fact) { f.ID, f.Account, f.Organisation, f.Person = "4", "", "ofh", Person(4) }),
		live(func(f *reason.Fact) { f.ID, f.Kind, f.Author = "5", reason.DeskTicket, "pauline" }),
		live(func(f *reason.Fact) { f.ID, f.Until = "6", At }),
		live(func(f *reason.Fact) { f.ID, f.From = "7", At.Add(time.Microsecond) }),
		live(func(f *reason.Fact) { f.ID, f.Person = "8", Person(5000) }),
	}
	duty := reason.CoverDuty{Absent: "karim", Substitute: "pauline", DeclaredBy: "chief", From: At, Until: At.Add(time.Hour), Source: "cases", ID: "c1"}
	if _, err := journal.Do(t.Context(), Outside(s), &intake.FactBatch{Source: "cases", Facts: told, Covers: []reason.CoverDuty{duty}, Bounds: reason.Covers}); err != nil {
		t.Fatal(err)
	}
	var everybody []register.PersonID
	for i := range 1200 { // more than one portion
		everybody = append(everybody, Person(i))
	}
	asker, found := known(t, s, "pauline", everybody)
	if asker.Role != roster.Adviser || asker.Organisation != "mlv" || len(asker.Habilitations) != 1 || asker.Habilitations[0] != Staff().Habilitations[0] {
		t.Errorf("asker %+v", asker)
	}
	slices.SortFunc(found, func(a, b reason.Fact) int { return int(a.ID[0]) - int(b.ID[0]) })
	want := append(slices.Clone(told[:5]), told[6]) // not what is over, or is about somebody else
	if !slices.Equal(found, want) {
		t.Errorf("facts %+v, want %+v", found, want)
	}
	if !slices.Equal(asker.Covers, []reason.Duty{inMLV(duty)}) {
		t.Errorf("covers %+v", asker.Covers)
	}
	heard, err := store.NewFacts(s).Heard(t.Context())
	if err != nil || len(heard) != 1 || !heard["cases"].Equal(At) {
		t.Errorf("heard %v, %v", heard, err)
	}
}

// takeAll takes in the staff, and those who sign for them.
func takeAll(t *testing.T, s *store.DB) {
	t.Helper()
	for _, list := range []accounts.List{Staff(), Signers()} {
		if err := TakeRoster(t, s, list); err != nil {
			t.Fatal(err)
		}
	}
}

// inMLV is a cover as it stands among the staff of one organisation.
func inMLV(c reason.CoverDuty) reason.Duty {
	return reason.Duty{CoverDuty: c, AbsentIn: "mlv", DeclaredIn: "mlv", Managed: true}
}

func factsTwice(t *testing.T, s *store.DB) {
	if err := TakeRoster(t, s, Staff()); err != nil {
		t.Fatal(err)
	}
	later := live(func(f *reason.Fact) { f.Until = At.Add(2 * time.Hour) })
	for _, told := range []reason.Fact{live(nil), live(nil), later} {
		if err := TakeFacts(t, s, "cases", told); err != nil {
			t.Fatal(err)
		}
	}
	if _, found := known(t, s, "pauline", []register.PersonID{Person(1)}); len(found) != 1 || found[0] != later {
		t.Errorf("facts %+v", found)
	}
	minuteLater := journal.Outside{DB: store.NewLedger(s), Now: func() time.Time { return At.Add(time.Minute) }}
	if _, err := journal.Do(t.Context(), minuteLater, &intake.FactBatch{Source: "cases"}); err != nil {
		t.Fatal(err)
	}
	if heard, err := store.NewFacts(s).Heard(t.Context()); err != nil || !heard["cases"].Equal(At.Add(time.Minute)) {
		t.Errorf("a source with nothing new is heard all the same: %v, %v", heard, err)
	}
}

// What comes twice in one batch is as if it came in two: the last counts.
func twiceInABatch(t *testing.T, s *store.DB) {
	takeAll(t, s)
	duty := reason.CoverDuty{Absent: "karim", Substitute: "pauline", DeclaredBy: "chief", From: At, Until: At.Add(time.Hour), Source: "cases", ID: "1"}
	batch := &intake.FactBatch{Source: "cases", Bounds: reason.Covers}
	var told []intake.Alias
	for i := range 250 { // more than one statement
		batch.Facts = append(batch.Facts, live(func(f *reason.Fact) { f.ID, f.Person = fmt.Sprint(i%200), Person(i) }))
		batch.Covers = append(batch.Covers, duty)
		told = append(told, intake.Alias{Alias: register.Alias(Person(i % 200)), Person: Person(i)})
	}
	batch.Covers[249].Until = At.Add(2 * time.Hour)
	if _, err := journal.Do(t.Context(), Outside(s), batch); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Do(t.Context(), Outside(s), intake.AliasBatch{Aliases: told}); err != nil {
		t.Fatal(err)
	}
	people := make([]register.PersonID, 250)
	for i := range people {
		people[i] = Person(i)
	}
	asker, found := known(t, s, "pauline", people)
	missing := slices.DeleteFunc(slices.Clone(batch.Facts[50:]), func(f reason.Fact) bool { return slices.Contains(found, f) })
	if len(found) != 200 || len(missing) > 0 {
		t.Errorf("%d facts, without %+v", len(found), missing)
	}
	if !slices.Equal(asker.Covers, []reason.Duty{inMLV(batch.Covers[249])}) {
		t.Errorf("covers %+v", asker.Covers)
	}
	for i, a := range told[50:] {
		leads, err := store.NewAliases(s).People(t.Context(), []register.Alias{a.Alias})
		if err != nil || leads[a.Alias] != a.Person {
			t.Fatalf("alias %d leads astray, %v", i+50, err)
		}
	}
}

func generations(t *testing.T, s *store.DB) {
	takeAll(t, s)
	generation := func() (generation uint64) {
		if err := store.NewLedger(s).Turn(t.Context(), func(head journal.Head) error { generation = head.Generation(); return nil }); err != nil {
			t.Fatal(err)
		}
		return generation
	}
	duty := reason.CoverDuty{Absent: "karim", Substitute: "pauline", DeclaredBy: "chief", From: At, Until: At.Add(time.Hour), ID: "c1"}
	for name, test := range map[string]struct {
		change func() error
		makes  bool
	}{
		"a roster": {func() error { return TakeRoster(t, s, Staff()) }, true},
		"a cover": {func() error {
			_, err := journal.Do(t.Context(), Outside(s), &intake.FactBatch{Source: "planning", Covers: []reason.CoverDuty{duty}, Bounds: reason.Covers})
			return err
		}, true},
		"a fact": {func() error { return TakeFacts(t, s, "cases", live(nil)) }, false},
	} {
		before := generation()
		if err := test.change(); err != nil {
			t.Fatal(err)
		}
		if made := generation() != before; made != test.makes {
			t.Errorf("%s makes a generation: %v", name, made)
		}
	}
}

func aliases(t *testing.T, s *store.DB) {
	var told []intake.Alias
	var asked []register.Alias
	for i := range 1201 {
		told = append(told, intake.Alias{Alias: register.Alias(Person(i)), Person: Person(i / 2)})
		asked = append(asked, register.Alias(Person(i)))
	}
	for range 2 {
		if _, err := journal.Do(t.Context(), Outside(s), intake.AliasBatch{Aliases: told}); err != nil {
			t.Fatal(err)
		}
	}
	found, err := store.NewAliases(s).People(t.Context(), append(asked, register.Alias(Person(5000))))
	if err != nil || len(found) != len(told) {
		t.Fatalf("%d found, %v", len(found), err)
	}
	for i := range told {
		if found[asked[i]] != Person(i/2) {
			t.Fatalf("alias %d leads astray", i)
		}
	}
	if found, err := store.NewAliases(s).People(t.Context(), nil); len(found) != 0 || err != nil {
		t.Errorf("nobody asked for: %d, %v", len(found), err)
	}
}

func nobody(t *testing.T, s *store.DB) {
	asker, found := known(t, s, "nobody", []register.PersonID{Person(1)})
	if asker.Role != "" || asker.Organisation != "" || len(asker.Habilitations) != 0 || len(found) != 0 {
		t.Errorf("%+v, %d facts", asker, len(found))
	}
}

func exactText(t *testing.T, s *store.DB) {
	if err := TakeRoster(t, s, Staff()); err != nil {
		t.Fatal(err)
	}
	for _, id := range []roster.AccountID{"Pauline", "pauline ", "pau_ine", "paulin%"} {
		if _, _, err := store.NewRoster(s).Account(t.Context(), id); !fault.Is(err, fault.Absent) {
			t.Errorf("%q was taken for pauline: %v", id, err)
		}
	}
	asked := []roster.AccountID{"Pauline", "pauline ", "pauline"}
	for i := range 1200 { // more than one portion
		asked = append(asked, roster.AccountID(fmt.Sprintf("nobody-%d", i)))
	}
	known, err := store.NewRoster(s).Known(t.Context(), append(asked, "karim"))
	if err != nil || len(known) != 2 || !known["pauline"] || !known["karim"] {
		t.Errorf("known are %v, %v", known, err)
	}
	if known, err := store.NewRoster(s).Known(t.Context(), nil); err != nil || len(known) != 0 {
		t.Errorf("of nobody, %v are known, %v", known, err)
	}
}
