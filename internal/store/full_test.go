package store_test

import (
	"database/sql/driver"
	"path/filepath"
	"testing"

	"modernc.org/sqlite"

	"poterne/internal/fault"
	"poterne/internal/register"
	"poterne/internal/store/storetest"
)

// smallDisk is SQLite on a disk that holds little more than the empty tables.
type smallDisk struct{ sqlite.Driver }

func (d *smallDisk) Open(dsn string) (driver.Conn, error) {
	return d.Driver.Open(dsn + "&_pragma=max_page_count(120)")
}

// Promise: LEDGER-1
func TestLEDGER_1_NothingIsHandedOverWhenTheDiskIsFull(t *testing.T) {
	s := &stage{t: t, path: filepath.Join(t.TempDir(), "poterne.db"), handed: make(map[register.PersonID]register.Fields)}
	s.open(&smallDisk{})
	if err := storetest.TakeRoster(t, s.store, storetest.Staff()); err != nil {
		t.Fatal(err)
	}
	var err error
	for asks := 0; err == nil; asks++ {
		if asks == 10_000 {
			t.Fatal("the disk never filled")
		}
		err = s.ask(1, 2, 3)
	}
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("a full disk is told as %v", err)
	}
	_ = s.store.Close()
	s.open(&sqlite.Driver{}) // somebody made room
	if err := s.ask(1, 2, 3); err != nil {
		t.Error(err)
	}
	s.check()
}
