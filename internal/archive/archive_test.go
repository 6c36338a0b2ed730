package archive_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/archive"
	"poterne/internal/fault"
	"poterne/internal/incident"
	"poterne/internal/intake"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/person"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/seal"
	"poterne/internal/store"
	"poterne/internal/store/indexdb"
	"poterne/internal/store/storetest"
)

// rules: questions are archived 3 months after their answer and exist for a year; facts for 3.
var rules = []archive.Rule{{Of: archive.Questions, Archive: 3, Erase: 12}, {Of: archive.Contacts, Erase: 13}, {Of: archive.Facts, Erase: 3}}

// house is a real database and a folder of keys, and months that go by.
type house struct {
	*testing.T
	folder string // of the database; empty where it lies elsewhere
	keys   string
	db     *store.DB
	now    time.Time
}

// someone is one of many people, whose bytes nothing else has.
func someone(n int) (id register.PersonID) {
	sum := sha256.Sum256(fmt.Append(nil, "person ", n))
	copy(id[:], sum[:])
	return id
}

var begin = time.Date(2026, 1, 10, 9, 0, 0, 0, time.UTC)

func newHouse(t *testing.T) *house {
	t.Helper()
	folder := t.TempDir()
	h := housed(t, open(t, filepath.Join(folder, "poterne.db")))
	h.folder = folder
	return h
}

// housed is a house with a database that lies elsewhere.
func housed(t *testing.T, db *store.DB) *house {
	t.Helper()
	h := &house{T: t, keys: private(t), db: db, now: begin}
	staff := storetest.Staff()
	for i := range staff.Habilitations {
		staff.Habilitations[i].Until = begin.AddDate(30, 0, 0)
	}
	for _, list := range []accounts.List{staff, storetest.Signers()} {
		h.does(func(w journal.Writer) error {
			_, err := journal.Do(t.Context(), w, journal.Act[accounts.Rows](&accounts.Import{By: "samir", List: list}))
			return err
		})
	}
	return h
}

func private(t *testing.T) string {
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	return folder
}

func open(t *testing.T, file string) *store.DB {
	t.Helper()
	db, err := store.OpenSQLite(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.Seal(t.Context(), sealKeys); err != nil {
		t.Fatal(err)
	}
	return db
}

// sealKeys are those of every node of these tests.
var sealKeys = seal.New()

func (h *house) does(do func(journal.Writer) error) {
	h.Helper()
	if err := do(journal.Outside{DB: store.NewLedger(h.db), Now: func() time.Time { return h.now }}); err != nil {
		h.Fatal(err)
	}
}

// until lets months go by, in each of which something is written.
func (h *house) until(year int, month time.Month) {
	h.Helper()
	for h.now.Before(time.Date(year, month, 10, 0, 0, 0, 0, time.UTC)) {
		h.now = h.now.AddDate(0, 1, 0)
		h.writes()
	}
}

func (h *house) writes() {
	h.Helper()
	h.does(func(w journal.Writer) error {
		return journal.Record(h.Context(), w, ledger.Entry{Kind: ledger.Read, Account: "samir", State: ledger.Tail})
	})
}

// asked has a person ask, and somebody answer with words.
func (h *house) asked(of int, words string) {
	h.Helper()
	h.does(func(w journal.Writer) error {
		line := ledger.Entry{Number: ledger.Number(1000 + of), Kind: ledger.Consulted, Account: "karim", Organisation: "mlv", Person: someone(of), Verdict: policy.Shown}
		e, err := journal.Do(h.Context(), w, journal.Act[person.QuestionRows](person.Ask{Person: someone(of), Line: line, What: person.AskWhy}))
		if err == nil {
			_, err = journal.Do(h.Context(), w, journal.Act[person.QuestionRows](person.Answer{By: "chief", Number: e.Number, Why: person.Mistake, Words: words}))
		}
		return err
	})
}

// service is the archive of a database, with the keys of a folder.
func (h *house) service(db *store.DB, folder string) archive.Service {
	h.Helper()
	keys, err := archive.OpenKeys(folder)
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { _ = keys.Close() })
	now := func() time.Time { return h.now }
	return archive.Service{
		Writer: journal.Outside{DB: store.NewLedger(db), Now: now}, Holdings: store.NewArchive(db), Calendar: store.NewMonths(db), Keys: keys, Rules: rules, Now: now,
		Log: slog.New(slog.DiscardHandler),
	}
}

func (h *house) run(dry bool) string {
	h.Helper()
	done, err := h.service(h.db, h.keys).Run(h.Context(), dry)
	if err != nil {
		h.Fatal(err)
	}
	var lines []string
	for _, line := range done {
		lines = append(lines, line.String())
	}
	return strings.Join(lines, "; ")
}

// agreed has two people agree in the portal on a reading of a person.
func (h *house) agreed(w journal.Writer, of int) ledger.Number {
	h.Helper()
	by, second := roster.AccountID("nadia"), roster.AccountID("samir")
	if of%2 == 1 { // one person asks for so many within a day
		by, second = second, by
	}
	asked, err := journal.Do(h.Context(), w, journal.Note{Kind: ledger.SteppedUp, Account: by})
	if err == nil {
		asked, err = journal.Do(h.Context(), w, journal.Act[archive.ReadingRows](archive.AskReading{By: by, Person: someone(of), Because: "réquisition 12"}))
	}
	if err == nil {
		err = journal.Record(h.Context(), w, ledger.Entry{Kind: ledger.SteppedUp, Account: second})
	}
	if err == nil {
		_, err = journal.Do(h.Context(), w, journal.Act[archive.ReadingRows](&archive.ApproveReading{Number: asked.Number, By: second, Person: someone(of)}))
	}
	if err != nil {
		h.Fatal(err)
	}
	return asked.Number
}

// reads is what the archive of a database and a folder of keys tells of a person.
func (h *house) reads(db *store.DB, folder string, of int) string {
	h.Helper()
	s := h.service(db, folder)
	texts, err := s.Read(h.Context(), archive.Reading{Request: h.agreed(s.Writer, of), Person: someone(of)})
	if err != nil {
		return err.Error()
	}
	return string(bytes.Join(texts, nil))
}

// copied is a copy of the database as it is, and one of the keys.
func (h *house) copied() (db *store.DB, keys string) {
	h.Helper()
	to := filepath.Join(h.TempDir(), "backup.db")
	if err := h.db.CopyTo(h.Context(), to); err != nil {
		h.Fatal(err)
	}
	keys = private(h.T)
	if err := os.CopyFS(keys, os.DirFS(h.keys)); err != nil {
		h.Fatal(err)
	}
	return open(h.T, to), keys
}

// lies reports whether a text is in any file of a folder, as it is.
func (h *house) lies(folder, text string) bool {
	h.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		h.Fatal(err)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		all, err := os.ReadFile(file)
		return err == nil && bytes.Contains(all, []byte(text))
	})
}

const first, second = "Un homonyme a été ouvert le 3.", "Un rendez-vous était pris."

// Promise: PERSON-6
func TestPERSON_6_AnErasedPersonComesBackByNoPathAndOneWhoseKeyIsLeftDoes(t *testing.T) {
	h := newHouse(t)
	h.asked(1, first)
	h.until(2026, time.March)
	h.asked(2, second)
	if !h.lies(h.folder, first) {
		t.Fatal("what is held is in no file: this test finds nothing")
	}
	h.until(2026, time.July)
	if told := h.run(false); told != "questions: 2 archived, 0 erased" {
		t.Fatalf("in July: %q", told)
	}
	if left, err := store.NewQuestions(h.db).Questions(t.Context(), ""); err != nil || len(left) > 0 {
		t.Errorf("%d questions are here and there, %v", len(left), err)
	}
	if h.lies(h.folder, first) || h.lies(h.folder, second) {
		t.Error("what was archived still lies in the database's files, or in the log beside it")
	}
	if !strings.Contains(h.reads(h.db, h.keys, 1), first) || !strings.Contains(h.reads(h.db, h.keys, 2), second) || h.reads(h.db, h.keys, 3) != "" {
		t.Fatal("the archive does not give back what was put into it, to each their own")
	}
	backup, then := h.copied()

	h.until(2027, time.February)
	if told := h.run(false); told != "keys of 2027-01: 1 records erased" {
		t.Fatalf("in February: %q", told)
	}
	for what, db := range map[string]*store.DB{"the database": h.db, "a backup of July": backup} {
		if said := h.reads(db, h.keys, 1); said != "" {
			t.Errorf("%s, with the keys that are left, tells of an erased person: %s", what, said)
		}
		if said := h.reads(db, h.keys, 2); !strings.Contains(said, second) {
			t.Errorf("%s, with the keys that are left, does not tell of who is not erased: %s", what, said)
		}
	}
	// It is the key that erased them: with the keys of July, the backup of July tells.
	if said := h.reads(backup, then, 1); !strings.Contains(said, first) {
		t.Errorf("with its key, a record cannot be read: %s", said)
	}
	if h.lies(h.folder, first) || h.lies(h.keys, first) {
		t.Error("what was erased lies in a file")
	}
	h.until(2027, time.April)
	if told := h.run(false); told != "keys of 2027-03: 1 records erased" {
		t.Errorf("in April: %q", told)
	}
	if told := h.run(false); told != "" {
		t.Errorf("run again: %q", told)
	}
}

// Promise: PERSON-6
func TestPERSON_6_ADryRunCountsWhatARunDoesAndARunIsWrittenWithCountAndDigest(t *testing.T) {
	h := newHouse(t)
	var facts []reason.Fact
	for n := range 250 { // more than one act takes
		facts = append(facts, reason.Fact{Kind: reason.Call, Account: "pauline", Person: someone(n), From: h.now, Until: h.now.Add(time.Minute), ID: fmt.Sprint(n)})
	}
	facts = append(facts, reason.Fact{Kind: reason.Caseload, Account: "pauline", Person: someone(1), From: h.now, Until: h.now.AddDate(1, 0, 0), ID: "kept"})
	h.does(func(w journal.Writer) error {
		_, err := journal.Do(t.Context(), w, journal.Act[intake.FactRows](&intake.FactBatch{By: "samir", Source: "calls", Facts: facts}))
		return err
	})
	h.asked(1, first)
	h.until(2026, time.April)
	h.asked(2, second)
	h.until(2026, time.May)
	before, _ := store.NewLedger(h.db).First(t.Context())
	dry := h.run(true)
	if dry != "questions: 1 archived, 0 erased; facts: 0 archived, 250 erased" || h.run(true) != dry {
		t.Fatalf("a dry run says %q", dry)
	}
	if done := h.run(false); done != dry {
		t.Errorf("a run says %q, and a dry one %q", done, dry)
	}
	var moved, erased uint64
	for e, err := range store.NewLedger(h.db).Entries(t.Context(), before) {
		switch {
		case err != nil:
			t.Fatal(err)
		case e.Kind == ledger.ArchiveMoved && e.State == "questions" && !e.Digest.IsZero():
			moved += e.Count
		case e.Kind == ledger.Erased && e.State == "facts" && !e.Digest.IsZero():
			erased += e.Count
		}
	}
	if moved != 1 || erased != 250 {
		t.Errorf("the ledger says that %d were moved and %d erased", moved, erased)
	}
	left, err := store.NewFacts(h.db).About(t.Context(), []register.PersonID{someone(1)}, begin)
	if err != nil || len(left) != 1 || left[0].ID != "kept" {
		t.Errorf("what holds still is %v, %v", left, err)
	}
}

// Promise: PERSON-6
func TestPERSON_6_AClockThatLeapsAheadErasesNobody(t *testing.T) {
	h := newHouse(t)
	h.asked(1, first)
	h.until(2026, time.June)
	h.run(false)
	h.now = time.Date(2046, 12, 1, 9, 0, 0, 0, time.UTC)
	h.writes()
	if told := h.run(false); told != "" {
		t.Errorf("a clock twenty years ahead: %q", told)
	}
	if !strings.Contains(h.reads(h.db, h.keys, 1), first) {
		t.Error("they are erased")
	}
}

// What ended on 2 March is held through 1 June: that three months before 31 May there is no 31 February makes nothing due early.
//
// Promise: PERSON-6
func TestPERSON_6_AtAMonthsEndNothingIsErasedBeforeItsTerm(t *testing.T) {
	h := newHouse(t)
	h.until(2026, time.February)
	h.now = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	h.told(reason.Fact{Kind: reason.Call, Account: "pauline", Person: someone(1), From: h.now.Add(-time.Minute), Until: h.now, ID: "1"})
	h.until(2026, time.May)
	for _, at := range []struct {
		now  time.Time
		does string
	}{
		{time.Date(2026, 5, 31, 9, 0, 0, 0, time.UTC), ""},
		{time.Date(2026, 6, 2, 8, 0, 0, 0, time.UTC), ""},
		{time.Date(2026, 6, 2, 9, 0, 0, 0, time.UTC), "facts: 0 archived, 1 erased"},
	} {
		h.now = at.now
		h.writes()
		if done := h.run(false); done != at.does {
			t.Errorf("on %s a run says %q, where %q is due", at.now.Format(time.DateTime), done, at.does)
		}
	}
}

// What ended on a leap day is archived for a year, to February's end, and not to that of March.
//
// Promise: PERSON-6
func TestPERSON_6_WhatEndedOnALeapDayIsErasedWithTheNextYearsFebruary(t *testing.T) {
	h := newHouse(t)
	h.until(2028, time.January)
	h.now = time.Date(2028, 2, 29, 9, 0, 0, 0, time.UTC)
	h.asked(1, first)
	h.until(2028, time.June)
	if done := h.run(false); done != "questions: 1 archived, 0 erased" {
		t.Fatalf("a run says %q", done)
	}
	kept, err := store.NewArchive(h.db).Months(t.Context())
	if err != nil || !slices.Equal(kept, []ledger.Month{202902}) {
		t.Errorf("it is archived until %v, %v", kept, err)
	}
}

// Promise: PERSON-6
func TestPERSON_6_WithTheWrongKeysNothingIsArchived(t *testing.T) {
	h := newHouse(t)
	h.asked(1, first)
	h.until(2026, time.May)
	running := h.service(h.db, h.keys)
	if err := os.Chmod(h.keys, 0o750); err != nil {
		t.Fatal(err)
	}
	if _, err := running.Run(t.Context(), false); err == nil {
		t.Error("a folder that others may enter since the program began is taken")
	}
	if _, err := archive.OpenKeys(h.keys); err == nil {
		t.Error("a folder that others may enter is taken")
	}
	if err := os.Chmod(h.keys, 0o700); err != nil {
		t.Fatal(err)
	}
	h.run(false)
	h.asked(2, second)
	h.until(2026, time.September)
	if _, err := h.service(h.db, private(t)).Run(context.Background(), false); err == nil {
		t.Error("another folder of keys is taken for the archive's own")
	}
}

// A node that stops between the two steps of destroying a key leaves its file, overwritten. That
// is no key: nothing is wrapped under it, even if the clock goes back, and others are read beside it.
//
// Promise: PERSON-6
func TestPERSON_6_AKeyThatWasOverwrittenIsNoKey(t *testing.T) {
	h := newHouse(t)
	h.asked(1, first)
	h.until(2026, time.March)
	h.asked(2, second)
	h.until(2026, time.July)
	h.run(false)
	gone := filepath.Join(h.keys, "2027-01.key")
	if err := os.WriteFile(gone, make([]byte, 32), 0o600); err != nil {
		t.Fatal(err)
	}
	if one, other := h.reads(h.db, h.keys, 1), h.reads(h.db, h.keys, 2); one != "" || !strings.Contains(other, second) {
		t.Errorf("beside it is read: %s, and %s", one, other)
	}
	keys, err := archive.OpenKeys(h.keys)
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	month, err := ledger.ParseMonth("2027-01")
	if err != nil {
		t.Fatal(err)
	}
	if key, err := keys.Make(month, month); err == nil {
		t.Errorf("people are archived under a key that everybody has: %x", key)
	}
	h.until(2027, time.February)
	if told := h.run(false); told != "keys of 2027-01: 1 records erased" {
		t.Errorf("the next run: %q", told)
	}
	if _, err := os.Stat(gone); err == nil {
		t.Error("its file is still there")
	}
}

// Promise: SCOPE-6, PERSON-6
func TestSCOPE_6_WhatIsHeldOfAnArchivedPersonLivesApartAtOnce(t *testing.T) {
	h := newHouse(t)
	h.asked(1, first)
	h.asked(2, second)
	h.does(func(w journal.Writer) error {
		archived := reason.Fact{Kind: reason.Archived, Organisation: reason.Everybody, Person: someone(1), From: h.now, Until: h.now.AddDate(20, 0, 0), ID: "1"}
		_, err := journal.Do(t.Context(), w, journal.Act[intake.FactRows](&intake.FactBatch{By: "samir", Source: "register", Facts: []reason.Fact{archived}}))
		return err
	})
	h.until(2026, time.March)
	if told := h.run(true) + "/" + h.run(false); told != "questions: 1 archived, 0 erased/questions: 1 archived, 0 erased" {
		t.Errorf("two months later: %q", told)
	}
	left, err := store.NewQuestions(h.db).Questions(t.Context(), "")
	if err != nil || len(left) != 1 || left[0].Person != someone(2) {
		t.Errorf("%d questions are left, %v", len(left), err)
	}
}

// Promise: PERSON-6
func TestPERSON_6_AMonthOfManyPeopleIsErasedActByAct(t *testing.T) {
	h := newHouse(t)
	const many = 1001 // one more than an act takes
	var facts []reason.Fact
	for n := range many {
		facts = append(facts, reason.Fact{Kind: reason.Call, Account: "pauline", Person: someone(n), From: h.now, Until: h.now.Add(time.Minute), ID: fmt.Sprint(n)})
	}
	h.does(func(w journal.Writer) error {
		_, err := journal.Do(t.Context(), w, journal.Act[intake.FactRows](&intake.FactBatch{By: "samir", Source: "calls", Facts: facts}))
		return err
	})
	was := rules
	t.Cleanup(func() { rules = was })
	rules = []archive.Rule{{Of: archive.Facts, Archive: 3, Erase: 12}}
	h.until(2026, time.May)
	if told := h.run(false); told != fmt.Sprintf("facts: %d archived, 0 erased", many) {
		t.Fatalf("in May: %q", told)
	}
	h.until(2027, time.March)
	if told := h.run(false); told != fmt.Sprintf("keys of 2027-01: %d records erased", many) {
		t.Errorf("in March: %q", told)
	}
	var counts []uint64
	for e, err := range store.NewLedger(h.db).Entries(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == ledger.Erased {
			counts = append(counts, e.Count)
		}
	}
	kept, err := store.NewArchive(h.db).Months(t.Context())
	if err != nil || len(kept) > 0 || !slices.Equal(counts, []uint64{1000, 1}) {
		t.Errorf("%v are kept, and the ledger says that %v were erased, %v", kept, counts, err)
	}
}

// listed opens a file, and keeps a list of the people it names.
func (h *house) listed(people int) (file, list ledger.Number) {
	h.Helper()
	file = h.files(0, &incident.Opening{Title: "vol", Scope: incident.Scope{Accounts: []roster.AccountID{"karim"}}}, "")
	h.files(file, &incident.Count{Scope: incident.Scope{Accounts: []roster.AccountID{"karim"}}, People: people}, "")
	list = h.files(file, &incident.Naming{People: people}, "nadia")
	for part := range people / 2 {
		if err := store.NewMailings(h.db).Put(h.Context(), list, part, []byte("two people"), []byte{2, 9}); err != nil {
			h.Fatal(err)
		}
	}
	return file, list
}

// files writes a line in a file, and closes it for no step.
func (h *house) files(file ledger.Number, step incident.Step, approver roster.AccountID) (number ledger.Number) {
	h.Helper()
	h.does(func(w journal.Writer) error {
		var err error
		write := func(by roster.AccountID, step incident.Step) {
			var e ledger.Entry
			if err == nil {
				e, err = journal.Do(h.Context(), w, journal.Act[incident.Rows](incident.Write{File: file, By: by, Approver: approver, Step: step}))
				number = e.Number
			}
		}
		if step == nil {
			write("samir", &incident.Proposal{Because: "c’est fini"})
			step = &incident.Closing{}
			write("nadia", step)
			return err
		}
		write("samir", step)
		return err
	})
	return number
}

// Promise: PERSON-6
func TestPERSON_6_ListsOfPeopleToldAreErasedOnceTheirFileIsClosed(t *testing.T) {
	h := newHouse(t)
	was := rules
	t.Cleanup(func() { rules = was })
	rules = []archive.Rule{{Of: archive.Told, Erase: 6}}
	file, list := h.listed(6)
	_, open := h.listed(4)
	h.until(2027, time.January)
	if told := h.run(false); told != "" {
		t.Errorf("of files that are open: %q", told)
	}
	h.files(file, nil, "")
	h.until(2027, time.June)
	if told := h.run(false); told != "" {
		t.Errorf("five months after one was closed: %q", told)
	}
	h.until(2027, time.August)
	if dry, told := h.run(true), h.run(false); told != "told: 0 archived, 6 erased" || dry != told {
		t.Errorf("seven months after: %q, %q when it is dry", told, dry)
	}
	mailings := store.NewMailings(h.db)
	if _, _, err := mailings.Part(t.Context(), list, 0); !fault.Is(err, fault.Absent) {
		t.Errorf("it is there: %v", err)
	}
	if people, _, err := mailings.Part(t.Context(), open, 1); err != nil || string(people) != "two people" {
		t.Errorf("that of the other file: %q, %v", people, err)
	}
}

// Promise: PERSON-6
func TestPERSON_6_AnAliasEndsWhenItIsNotToldAgainAndNothingIsKeptOfThePerson(t *testing.T) {
	h := newHouse(t)
	was := rules
	t.Cleanup(func() { rules = was })
	rules = []archive.Rule{{Of: archive.Facts, Erase: 3}, {Of: archive.Covers, Erase: 3}, {Of: archive.Aliases, Erase: 12}}
	tell := func(of ...int) {
		h.does(func(w journal.Writer) error {
			var batch intake.AliasBatch
			for _, n := range of {
				batch.Aliases = append(batch.Aliases, intake.Alias{Alias: register.Alias{byte(n)}, Person: someone(n)})
			}
			_, err := journal.Do(h.Context(), w, journal.Act[intake.AliasRows](batch))
			return err
		})
	}
	tell(1, 2, 3, 4)
	h.does(func(w journal.Writer) error {
		_, err := journal.Do(t.Context(), w, journal.Act[intake.FactRows](&intake.FactBatch{By: "samir", Source: "register", Facts: []reason.Fact{
			{Kind: reason.Caseload, Account: "pauline", Person: someone(2), From: h.now, Until: h.now.AddDate(3, 0, 0), ID: "2"},
			{Kind: reason.Archived, Organisation: reason.Everybody, Person: someone(3), From: h.now, Until: h.now.AddDate(90, 0, 0), ID: "3"},
		}}))
		return err
	})
	h.until(2026, time.December)
	tell(4)
	h.until(2027, time.February)
	if told := h.run(false); told != "aliases: 0 archived, 2 erased" {
		t.Errorf("a year after: %q", told)
	}
	leads := func() (left []int) {
		people, err := store.NewAliases(h.db).People(t.Context(), []register.Alias{{1}, {2}, {3}, {4}})
		if err != nil {
			t.Fatal(err)
		}
		for alias := range people {
			left = append(left, int(alias[0]))
		}
		slices.Sort(left)
		return left
	}
	if left := leads(); !slices.Equal(left, []int{2, 4}) {
		t.Errorf("who is known by another identifier still: %v", left)
	}
	h.until(2030, time.January)
	if told := h.run(false); told != "facts: 0 archived, 1 erased; aliases: 0 archived, 2 erased" || len(leads()) > 0 {
		t.Errorf("once the caseload has gone, too: %q", told)
	}
}

// A table that is new has a line in docs/archive.md: by which rule it ends, or why by none.
//
// Promise: PERSON-6
func TestPERSON_6_EveryTableIsKeptByARuleOrForAReason(t *testing.T) {
	h := newHouse(t)
	index, err := indexdb.OpenSQLite(t.Context(), filepath.Join(h.folder, "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer index.Close()
	page, err := os.ReadFile("../../docs/archive.md")
	if err != nil {
		t.Fatal(err)
	}
	_, said, _ := strings.Cut(string(page), "## What is kept, how long, by which rule")
	lines := make(map[string]string) // by table
	for line := range strings.Lines(said) {
		cells := strings.Split(line, "|")
		if len(cells) != 6 || strings.HasPrefix(cells[1], "--") {
			continue
		}
		for table := range strings.SplitSeq(cells[1], ",") {
			lines[strings.Trim(table, " `")] = cells[4]
		}
	}
	delete(lines, "tables")
	files, err := filepath.Glob(filepath.Join(h.folder, "*.db*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "-wal") || strings.HasSuffix(file, "-shm") {
			continue
		}
		db, err := sql.Open("sqlite", file)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		rows, err := db.QueryContext(t.Context(), `select name from sqlite_master where type = 'table' and name not like 'sqlite_%' and name <> 'schema_version'`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var table string
			if err := rows.Scan(&table); err != nil {
				t.Fatal(err)
			}
			if strings.Trim(lines[table], " ") == "" {
				t.Errorf("docs/archive.md does not say how long %s is kept, and by which rule", table)
			}
			delete(lines, table)
		}
	}
	for table := range lines {
		t.Errorf("docs/archive.md has %s, which is no table", table)
	}
	for _, of := range archive.Categories {
		if !strings.Contains(said, "rule `"+string(of)+"`") {
			t.Errorf("no table ends by the rule for %s", of)
		}
	}
}

// marks are what was done already.
type marks map[[sha256.Size]byte]bool

func (m marks) Once(_ context.Context, mark [sha256.Size]byte, _ time.Time) (bool, error) {
	before := m[mark]
	m[mark] = true
	return !before, nil
}

func (m marks) Forget(_ context.Context, mark [sha256.Size]byte) error {
	delete(m, mark)
	return nil
}

// Promise: PERSON-6
func TestPERSON_6_ADayThatFailedIsTriedAgainBeforeTheNext(t *testing.T) {
	h := newHouse(t)
	h.asked(1, first)
	h.until(2026, time.May)
	h.run(false)
	h.asked(2, second)
	h.until(2026, time.September)
	done := make(marks)
	if err := h.service(h.db, private(t)).Daily(t.Context(), done); err == nil {
		t.Fatal("another folder of keys is taken for the archive's own")
	}
	h.now = h.now.Add(time.Hour)
	if err := h.service(h.db, h.keys).Daily(t.Context(), done); err != nil {
		t.Fatal(err)
	}
	if left, err := store.NewQuestions(h.db).Questions(t.Context(), ""); err != nil || len(left) > 0 {
		t.Errorf("an hour later %d questions are not archived, %v", len(left), err)
	}
	h.asked(3, first)
	if err := h.service(h.db, private(t)).Daily(t.Context(), done); err != nil {
		t.Errorf("it runs twice in a day: %v", err)
	}
}

// The command line runs while the program does: each record is taken once, and whoever comes second
// does nothing or says that it is tried again.
//
// Promise: PERSON-6
func TestPERSON_6_TwoRunsAtOnceTakeEachRecordOnce(t *testing.T) {
	h := newHouse(t)
	was := rules
	t.Cleanup(func() { rules = was })
	rules = []archive.Rule{{Of: archive.Questions, Archive: 3, Erase: 12}, {Of: archive.Told, Erase: 6}}
	file, _ := h.listed(6)
	h.files(file, nil, "")
	for who := range 20 {
		h.asked(who, first)
	}
	h.until(2026, time.September)
	runs := []archive.Service{h.service(h.db, h.keys), h.service(open(t, filepath.Join(h.folder, "poterne.db")), h.keys)}
	var wait sync.WaitGroup
	for _, run := range runs {
		wait.Go(func() {
			for {
				_, err := run.Run(t.Context(), false)
				if err == nil {
					return
				}
				if !fault.Is(err, fault.Unavailable) {
					t.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	counts := make(map[ledger.Kind]uint64)
	for e, err := range store.NewLedger(h.db).Entries(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		counts[e.Kind] += e.Count
	}
	if counts[ledger.ArchiveMoved] != 20 || counts[ledger.Erased] != 6 {
		t.Errorf("the ledger says that %d were archived and %d erased", counts[ledger.ArchiveMoved], counts[ledger.Erased])
	}
}
