package archive_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poterne/internal/archive"

	"poterne/internal/intake"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/ledger/index"
	"poterne/internal/meter"
	"poterne/internal/person"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/indexdb"
	"poterne/internal/store/storetest"
)

// yearsRules are such that everything comes to its end within twenty years, many times over.
var yearsRules = []archive.Rule{
	{Of: archive.Questions, Archive: 3, Erase: 60}, {Of: archive.Facts, Erase: 3}, {Of: archive.Aliases, Erase: 12}, {Of: archive.Told, Erase: 6},
}

// held is something of one person as somebody would keep it on paper, beside the program.
type held struct {
	of       archive.Category
	who      int
	ended    time.Time
	people   int
	archived time.Time // of a question: since when the person's file is
	apart    bool
	erased   bool
}

// paper is all of it.
type paper []*held

// due says what a run at a time has to do, by the sentences of the rules only.
func (p paper) due(now time.Time) map[string]int {
	does := make(map[string]int)
	before := func(months int) time.Time { return now.AddDate(0, -months, 0) }
	facts := make(map[int]bool)
	for _, h := range p {
		if h.of == archive.Facts && !h.erased {
			if !h.ended.After(before(3)) {
				h.erased = true
				does["facts erased"]++
			} else {
				facts[h.who] = true
			}
		}
	}
	for _, h := range p {
		switch {
		case h.erased:
		case h.of == archive.Questions && !h.apart:
			month := 31 * 24 * time.Hour
			if !h.ended.After(before(3)) || !h.archived.IsZero() && !h.archived.After(now.Add(-month)) && !h.ended.After(now.Add(-month)) {
				h.apart = true
				does["questions archived"]++
			}
		case h.of == archive.Questions:
			if last := h.ended.AddDate(0, 60, 0); now.Year()*12+int(now.Month()) > last.Year()*12+int(last.Month()) {
				h.erased = true
				does["keys destroyed"]++
			}
		case h.of == archive.Aliases && !facts[h.who] && !h.ended.After(before(12)):
			h.erased = true
			does["aliases erased"]++
		case h.of == archive.Told && !h.ended.IsZero() && !h.ended.After(before(6)):
			h.erased = true
			does["told erased"] += h.people
		}
	}
	return does
}

// did is what a run says that it did, in the same words.
func did(lines []archive.Line) map[string]int {
	does := make(map[string]int)
	for _, l := range lines {
		for what, n := range map[string]int{"archived": l.Archived, "erased": l.Erased} {
			switch {
			case n == 0:
			case l.Until != 0:
				does["keys destroyed"] += n
			default:
				does[string(l.Of)+" "+what] += n
			}
		}
	}
	return does
}

// Twenty years go by, month after month. What each run does, and what is left after it, is what
// somebody counts who knows the rules only.
//
// Promise: PERSON-6
func TestPERSON_6_InTwentyYearsEachMonthDoesWhatTheRulesSayAndNobodyComesBack(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { twentyYears(t, newHouse(t)) })
	t.Run("postgres", func(t *testing.T) {
		cluster := storetest.StartPostgreSQL(t)
		connection := cluster.Database(t)
		db, err := store.OpenPostgreSQL(t.Context(), connection)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		if err := db.Seal(t.Context(), sealKeys); err != nil {
			t.Fatal(err)
		}
		erased := twentyYears(t, housed(t, db))
		dump := cluster.Dump(t, connection)
		for _, who := range erased {
			if strings.Contains(dump, yearsWords(who)) {
				t.Errorf("a dump has what person %d said", who)
			}
		}
	})
}

func yearsWords(who int) string { return fmt.Sprintf("Les mots de la personne %d.", who) }

// yearsMonths is twenty years.
const yearsMonths = 240

func twentyYears(t *testing.T, h *house) (erased []int) {
	was := rules
	defer func() { rules = was }()
	rules = yearsRules
	var all paper
	type copied struct {
		db *store.DB
		at time.Time
	}
	var copies []copied
	var listFile ledger.Number
	var list *held
	moved, gone := 0, 0
	for month := range yearsMonths {
		h.now = h.now.AddDate(0, 1, 0)
		h.writes()
		all = append(all, h.lives(month)...)
		if month%5 == 2 { // the file of whoever asked a month ago is archived
			all.question(month - 1).archived = h.archives(month - 1)
		}
		switch month % 24 {
		case 3:
			listFile, _ = h.listed(4)
			list = &held{of: archive.Told, people: 4}
			all = append(all, list)
		case 9:
			h.files(listFile, nil, "")
			list.ended = h.now
		}
		h.writes()
		want := all.due(h.now)
		lines, err := h.service(h.db, h.keys).Run(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		if done := did(lines); !maps.Equal(done, want) {
			t.Fatalf("in month %d a run did %v; the rules say %v", month, done, want)
		}
		moved += want["questions archived"]
		gone += want["questions erased"] + want["facts erased"] + want["aliases erased"] + want["told erased"] + want["keys destroyed"]
		if h.folder != "" && month%60 == 59 {
			db, _ := h.copied()
			copies = append(copies, copied{db, h.now})
		}
	}
	h.counts(all, moved, gone)

	// Nobody who is erased comes back: out of the database, out of copies of it from before, with
	// the keys that are left; and whoever is left is read from all of them.
	reads := func(db *store.DB, who int, want bool) {
		t.Helper()
		if said := h.reads(db, h.keys, who); strings.Contains(said, yearsWords(who)) != want {
			t.Errorf("person %d is read as %q; want %v", who, said, want)
		}
	}
	for who := 0; who < yearsMonths; who += 7 {
		q := all.question(who)
		if reads(h.db, who, q.apart && !q.erased); q.erased {
			erased = append(erased, who)
		}
	}
	for _, c := range copies {
		for who := 0; who < yearsMonths; who += 29 {
			if q := all.question(who); q.ended.Before(c.at.AddDate(0, -3, 0)) {
				reads(c.db, who, !q.erased)
			}
		}
	}
	if len(erased) < 20 {
		t.Fatalf("only %d of those looked for are erased", len(erased))
	}
	h.everyday(yearsMonths - 3)
	if h.folder != "" {
		var others []int // whom nobody has looked for, which is itself written
		for who := 3; all.question(who).erased; who += 7 {
			others = append(others, who)
		}
		h.nowhere(others)
	}
	return erased
}

// question is what a person asked.
func (p paper) question(who int) *held {
	for _, h := range p {
		if h.of == archive.Questions && h.who == who {
			return h
		}
	}
	return nil
}

// lives has a person of the month be known by another number, be called, be looked at, ask why, and
// be answered.
func (h *house) lives(who int) paper {
	h.Helper()
	calls := make([]reason.Fact, 2)
	for i := range calls {
		calls[i] = reason.Fact{Kind: reason.Call, Account: "pauline", Person: someone(who), From: h.now, Until: h.now.Add(time.Minute), ID: fmt.Sprint(who, " ", i)}
	}
	calls[1].Kind, calls[1].Until = reason.Caseload, h.now.AddDate(2, 0, 0)
	h.told(calls...)
	h.does(func(w journal.Writer) error {
		_, err := journal.Do(h.Context(), w, journal.Act[intake.AliasRows](intake.AliasBatch{By: "samir", Aliases: []intake.Alias{{Alias: register.Alias{byte(who), 1}, Person: someone(who)}}}))
		return err
	})
	shown := ledger.Entry{Kind: ledger.Consulted, Account: "pauline", Organisation: "mlv", Service: "dossier", Person: someone(who), Fields: register.Name, Verdict: policy.Shown, Why: policy.Explained}
	h.does(func(w journal.Writer) error { return journal.Record(h.Context(), w, shown) })
	h.asked(who, yearsWords(who))
	return paper{
		{of: archive.Questions, who: who, ended: h.now},
		{of: archive.Aliases, who: who, ended: h.now},
		{of: archive.Facts, who: who, ended: calls[0].Until},
		{of: archive.Facts, who: who, ended: calls[1].Until},
	}
}

// archives has the register archive a person's file.
func (h *house) archives(who int) time.Time {
	h.Helper()
	h.told(reason.Fact{Kind: reason.Archived, Organisation: reason.Everybody, Person: someone(who), From: h.now, Until: h.now.AddDate(90, 0, 0), ID: fmt.Sprint("archived ", who)})
	return h.now
}

func (h *house) told(facts ...reason.Fact) {
	h.Helper()
	h.does(func(w journal.Writer) error {
		_, err := journal.Do(h.Context(), w, journal.Act[intake.FactRows](&intake.FactBatch{By: "samir", Source: "register", Facts: facts}))
		return err
	})
}

// counts holds what is left, and what the ledger says was done, against the paper.
func (h *house) counts(all paper, moved, gone int) {
	h.Helper()
	apart, active := make(map[ledger.Month]int), 0
	for _, one := range all {
		switch {
		case one.of != archive.Questions || one.erased:
		case one.apart:
			apart[ledger.MonthOf(one.ended.AddDate(0, 60, 0))]++
		default:
			active++
		}
	}
	kept, err := make(map[ledger.Month]int), error(nil)
	for until := range apart {
		if err == nil {
			kept[until], err = store.NewArchive(h.db).Kept(h.Context(), until)
		}
	}
	months, wrong := store.NewArchive(h.db).Months(h.Context())
	if err = errors.Join(err, wrong); err != nil || !maps.Equal(kept, apart) || len(months) != len(apart) {
		h.Errorf("%v are archived; on paper %v (%v)", kept, apart, err)
	}
	left, err := store.NewQuestions(h.db).Questions(h.Context(), "")
	if err != nil || len(left) != active {
		h.Errorf("%d questions are active; on paper %d (%v)", len(left), active, err)
	}
	for e, err := range store.NewLedger(h.db).Entries(h.Context(), 0) {
		switch {
		case err != nil:
			h.Fatal(err)
		case e.Kind == ledger.ArchiveMoved:
			moved -= int(e.Count)
		case e.Kind == ledger.Erased:
			gone -= int(e.Count)
		}
	}
	if moved != 0 || gone != 0 {
		h.Errorf("the ledger says %d fewer archived and %d fewer erased than there were", moved, gone)
	}
}

// everyday looks for people whose files are archived where everybody works: in a list of their
// adviser's own people, in a search, and by their number.
func (h *house) everyday(newest int) {
	h.Helper()
	who := newest - newest%5 + 1
	node, err := storetest.OpenNode(h.Context(), store.NewLedger(h.db), store.NewFacts(h.db), policy.Rules{
		Purposes:   roster.Purposes{"accompany": register.Name},
		Allowances: map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(50), Long: meter.People(200)}},
	}, func() time.Time { return h.now })
	if err != nil {
		h.Fatal(err)
	}
	go func() { _ = node.Run(h.Context()) }()
	for name, signs := range map[string]meter.Signs{"a search": meter.SearchRow | meter.Listed, "a list": meter.Listed, "their number": 0} {
		ask := policy.Ask{Act: policy.Show, Account: "pauline", Session: "s1", Service: "dossier", Purpose: "accompany", Route: "GET /files", Signs: signs}
		for _, n := range []int{who, who - 5, who - 10} {
			ask.People = append(ask.People, policy.Opening{Person: someone(n), Fields: register.Name})
		}
		passage, err := node.Commit(h.Context(), ask)
		if err != nil {
			h.Fatal(err)
		}
		for i, ruling := range passage.Decision.People {
			if ruling.Verdict.Shows() || ruling.Why.Told() != policy.FileArchived {
				h.Errorf("%s has archived person %d: %v for %v", name, i, ruling.Verdict, ruling.Why)
			}
		}
	}
}

// nowhere looks for people whose questions were erased, once the months of the ledger are
// dropped, too: in every file, in the index, on the page of their lines, and in the log.
func (h *house) nowhere(erased []int) {
	h.Helper()
	l := storetest.NewLedger(h.T, h.db, h.db)
	l.Sign(h.T)
	periods, err := l.Periods(h.Context())
	if err != nil {
		h.Fatal(err)
	}
	for _, p := range periods[:len(periods)-12] {
		l.Drop(h.T, p.Month)
	}
	var log bytes.Buffer
	service := h.service(h.db, h.keys)
	service.Log = slog.New(slog.NewTextHandler(&log, nil))
	if err := service.Daily(h.Context(), make(marks)); err != nil {
		h.Fatal(err)
	}
	shelf, err := indexdb.OpenSQLite(h.Context(), filepath.Join(h.folder, "poterne.db"))
	if err != nil {
		h.Fatal(err)
	}
	defer shelf.Close()
	x := index.New(index.Standard, store.NewLedger(h.db), shelf)
	if err := x.CatchUp(h.Context(), nil); err != nil {
		h.Fatal(err)
	}
	reader := person.Reader{Index: x, Roster: store.NewRoster(h.db), Withheld: store.NewWithholdings(h.db), Now: func() time.Time { return h.now }}
	for _, who := range erased {
		id := someone(who)
		if read, err := reader.Read(h.Context(), id); err != nil || len(read.Lines) > 0 {
			h.Errorf("person %d has %d lines still, %v", who, len(read.Lines), err)
		}
		if asked, err := store.NewQuestions(h.db).QuestionsOf(h.Context(), id); err != nil || len(asked) > 0 {
			h.Errorf("person %d has %d questions still, %v", who, len(asked), err)
		}
		if strings.Contains(log.String(), id.Hex()) {
			h.Errorf("the log names person %d", who)
		}
		archived := who%5 == 1 // of whom the register says so still
		for _, folder := range []string{h.folder, h.keys} {
			if h.lies(folder, yearsWords(who)) || !archived && h.lies(folder, string(id[:])) {
				h.Errorf("person %d lies in a file of %s", who, filepath.Base(folder))
			}
		}
	}
}
