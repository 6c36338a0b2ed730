package storetest

import (
	"bytes"
	"testing"
	"time"

	"poterne/internal/archive"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/reason"
	"poterne/internal/store"
)

// archives asks what has ended, moves some of it, and counts what is kept.
func archives(t *testing.T, s *store.DB) {
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
	for _, of := range []archive.Category{archive.Questions, archive.Contacts} {
		if n := len(found(of, false)) + len(found(of, true)); n > 0 {
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
	kept, err := held.Kept(t.Context())
	if err != nil || len(kept) != 1 || kept[ledger.MonthOf(ended.Until).Plus(12)] != 1 || len(found(archive.Facts, false)) > 0 {
		t.Errorf("%v are kept, %v", kept, err)
	}
}
