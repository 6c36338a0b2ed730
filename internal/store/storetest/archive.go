package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"poterne/internal/archive"
	"poterne/internal/intake"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/store"
)

// archives asks what has ended, moves some of it, and counts what is kept.
func archives(t *testing.T, s *store.DB) {
	takeAll(t, s)
	ended := reason.Fact{Kind: reason.Call, Account: "pauline", Person: Person(1), From: At.Add(-2 * time.Hour), Until: At.Add(-time.Hour), ID: "1"}
	holds := ended
	holds.ID, holds.Until = "2", At.Add(time.Hour)
	archived := reason.Fact{Kind: reason.Archived, Organisation: reason.Everybody, Person: Person(1), From: At.AddDate(-1, 0, 0), Until: At.AddDate(20, 0, 0), ID: "3"}
	if err := TakeFacts(t, s, "cases", ended, holds, archived); err != nil {
		t.Fatal(err)
	}
	held := store.NewArchive(s)
	found := func(of archive.Category, ofArchived bool) (items []archive.Item) {
		t.Helper()
		for item, err := range held.Ended(t.Context(), of, At, ofArchived) {
			if err != nil {
				t.Fatal(err)
			}
			items = append(items, item)
		}
		return items
	}
	many := make([]reason.Fact, 2500) // more than one query reads
	for i := range many {
		many[i] = reason.Fact{Kind: reason.Call, Account: "pauline", Person: Person(5), From: At.Add(-2 * time.Hour), Until: At.Add(-time.Hour), ID: fmt.Sprint("many ", i)}
	}
	if err := TakeFacts(t, s, "calls", many...); err != nil {
		t.Fatal(err)
	}
	if all := found(archive.Facts, false); len(all) != len(many)+1 {
		t.Errorf("%d facts have ended, not %d", len(all), len(many)+1)
	}
	told := intake.AliasBatch{By: "samir", Aliases: []intake.Alias{{Alias: register.Alias{7}, Person: Person(7)}, {Alias: register.Alias{1}, Person: Person(5)}}}
	cover := &intake.FactBatch{By: "samir", Source: "hr", Bounds: reason.Covers, Covers: []reason.CoverDuty{
		{ID: "1", Absent: "pauline", Substitute: "karim", DeclaredBy: "chief", From: At.Add(-time.Hour), Until: At},
	}}
	_, err := journal.Do(t.Context(), Outside(s), journal.Act[intake.AliasRows](told))
	if err == nil {
		_, err = journal.Do(t.Context(), Outside(s), journal.Act[intake.FactRows](cover))
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, ended := range []struct {
		of   archive.Category
		want int
	}{{archive.Aliases, 1}, {archive.Covers, 1}, {archive.Facts, len(many) + 1}} { // in this order: an alias is kept with facts
		of, want := ended.of, ended.want
		items := found(of, false)
		if len(items) != want {
			t.Fatalf("%d of %s have ended, not %d", len(items), of, want)
		}
		if of == archive.Facts {
			items = slices.DeleteFunc(items, func(i archive.Item) bool { return i.Person == Person(1) })
		}
		if _, err := journal.Do(t.Context(), Outside(s), journal.Act[archive.Rows](&archive.Forget{Of: of, Items: items})); err != nil {
			t.Errorf("%s: %v", of, err)
		}
	}
	for _, of := range []archive.Category{archive.Questions, archive.Contacts, archive.Covers, archive.Told, archive.Proposals} {
		n := len(found(of, false))
		if (archive.Rule{Of: of, Archive: 3, Erase: 12}).Check() == nil {
			n += len(found(of, true))
		}
		if n > 0 {
			t.Errorf("%d of %s have ended", n, of)
		}
	}
	items := found(archive.Facts, true)
	if len(items) != 1 || items[0].Person != Person(1) || !items[0].Ended.Equal(ended.Until) {
		t.Fatalf("what has ended of archived people is %v", items)
	}
	move := archive.Move{
		Rule: archive.Rule{Of: archive.Facts, Archive: 3, Erase: 12}, Items: items,
		Key: func(ledger.Month) ([]byte, error) { return bytes.Repeat([]byte{9}, 32), nil },
	}
	if _, err := journal.Do(t.Context(), Outside(s), journal.Act[archive.Rows](move)); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Do(t.Context(), Outside(s), journal.Act[archive.Rows](move)); err == nil {
		t.Error("what is archived is archived again")
	}
	until := ledger.MonthOf(ended.Until).Plus(12)
	months, wrong := held.Months(t.Context())
	kept, err := held.Kept(t.Context(), until)
	if err = errors.Join(err, wrong); err != nil || !slices.Equal(months, []ledger.Month{until}) || kept != 1 || len(found(archive.Facts, false)) > 0 {
		t.Errorf("%d are kept until %v, %v", kept, months, err)
	}
}
