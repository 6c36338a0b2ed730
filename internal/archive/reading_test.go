package archive_test

import (
	"strings"
	"testing"
	"time"

	"poterne/internal/archive"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// Promise: ENTRY-6, PERSON-6
func TestENTRY_6_TheArchiveIsReadOnceAsTwoPeopleWithPasskeysHaveAgreed(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { readOnce(t, newHouse(t)) })
	t.Run("postgres", func(t *testing.T) {
		db, err := store.OpenPostgreSQL(t.Context(), storetest.StartPostgreSQL(t).Database(t))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		if err := db.Seal(t.Context(), sealKeys); err != nil {
			t.Fatal(err)
		}
		readOnce(t, housed(t, db))
	})
}

func readOnce(t *testing.T, h *house) {
	h.asked(1, first)
	h.until(2026, time.July)
	h.run(false)
	s := h.service(h.db, h.keys)
	requests := archive.Readings{Writer: s.Writer, Rows: store.NewArchive(h.db), Now: s.Now}
	there := func(who ...roster.AccountID) {
		t.Helper()
		for _, id := range who {
			if err := journal.Record(t.Context(), s.Writer, ledger.Entry{Kind: ledger.SteppedUp, Account: id}); err != nil {
				t.Fatal(err)
			}
		}
	}
	ask := func(by roster.AccountID) (ledger.Number, error) {
		e, err := journal.Do(t.Context(), s.Writer, journal.Act[archive.ReadingRows](archive.AskReading{By: by, Person: someone(1), Because: "réquisition 12"}))
		return e.Number, err
	}
	approve := func(number ledger.Number, by roster.AccountID, of int) error {
		_, err := journal.Do(t.Context(), s.Writer, journal.Act[archive.ReadingRows](&archive.ApproveReading{Number: number, By: by, Person: someone(of)}))
		return err
	}
	read := func(number ledger.Number, of int) (string, error) {
		texts, err := s.Read(t.Context(), archive.Reading{Request: number, Person: someone(of)})
		var all []string
		for _, text := range texts {
			all = append(all, string(text))
		}
		return strings.Join(all, "\n"), err
	}
	refused := func(what string, err error, says string) {
		t.Helper()
		if !fault.Is(err, fault.Refused) && !fault.Is(err, fault.Absent) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", what, err, says)
		}
	}
	waiting := func(want int) {
		t.Helper()
		if list, err := requests.All(t.Context()); err != nil || len(list) != want {
			t.Errorf("%d requests wait or may be read, want %d, %v", len(list), want, err)
		}
	}

	_, err := ask("nadia")
	refused("without a passkey", err, "has not confirmed")
	there("nadia", "samir", "chief", "pauline")
	for _, none := range []roster.AccountID{"chief", "pauline", "nobody"} {
		_, err := ask(none)
		refused(string(none), err, "")
	}
	number, err := ask("nadia")
	if err != nil {
		t.Fatal(err)
	}
	waiting(1)
	_, err = read(number, 1)
	refused("before a second person", err, "waits for a second person")
	refused("whoever asked", approve(number, "nadia", 1), "takes two people")
	refused("of somebody else", approve(number, "samir", 2), "another person")
	h.now = h.now.Add(time.Hour)
	refused("with a passkey of an hour ago", approve(number, "samir", 1), "has not confirmed")
	there("samir")
	if err := approve(number, "samir", 1); err != nil {
		t.Fatal(err)
	}
	refused("a second time", approve(number, "samir", 1), "waits for nobody")
	_, err = read(number, 2)
	refused("somebody else", err, "another person")
	_, err = read(number+1000, 1)
	refused("no request", err, "there is no request")
	if said, err := read(number, 1); err != nil || !strings.Contains(said, first) {
		t.Errorf("as they agreed: %q, %v", said, err)
	}
	if said, err := read(number, 1); err == nil || said != "" {
		t.Errorf("it is read twice: %q, %v", said, err)
	}
	waiting(0)

	// What was agreed on ends: by itself, by either of them, and with the account of one of them.
	late := h.agreed(s.Writer, 1)
	h.now = h.now.Add(archive.RequestLasts)
	_, err = read(late, 1)
	refused("a day later", err, "is over")
	dropped := h.agreed(s.Writer, 1)
	if err := requests.Drop(t.Context(), dropped, "samir"); err != nil {
		t.Fatal(err)
	}
	_, err = read(dropped, 1)
	refused("taken back", err, "taken back")
	there("nadia")
	old, err := ask("nadia")
	if err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(archive.RequestWaits)
	there("samir")
	refused("after three days", approve(old, "samir", 1), "waits for nobody")
	waiting(0)

	was := rules
	defer func() { rules = was }()
	rules = []archive.Rule{{Of: archive.Asked, Erase: 3}}
	h.until(2026, time.December)
	if told := h.run(false); told != "readings: 0 archived, 4 erased" {
		t.Errorf("months later: %q", told)
	}

	var last ledger.Entry
	for e, err := range store.NewLedger(h.db).Entries(t.Context(), number) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == ledger.ArchiveRead {
			last = e
		}
	}
	if last.Account != "nadia" || last.Approver != "samir" || last.Cause != number || last.Person != someone(1) {
		t.Errorf("the ledger says of the reading %+v", last)
	}
}
