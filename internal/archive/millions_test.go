package archive_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"poterne/internal/archive"
	"poterne/internal/ledger"
)

// A register of many millions is archived for twenty years, and the first to be erased have a record
// each. POTERNE_WRAPPED says how many people; without it, a few are. A whole year is erased at once, as after a node that was
// off for so long: its keys, which is what makes them unreadable, and then its rows.
//
// Promise: PERSON-6
func TestPERSON_6_AYearOfManyPeopleIsErasedByItsTwelveKeys(t *testing.T) {
	people := 24_000
	if n, err := strconv.Atoi(os.Getenv("POTERNE_WRAPPED")); err == nil {
		people = n
	}
	h := newHouse(t)
	h.until(2026, time.April)
	now := ledger.MonthOf(h.now)
	keys, err := archive.OpenKeys(h.keys)
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	db, err := sql.Open("sqlite", filepath.Join(h.folder, "poterne.db")+"?_pragma=synchronous(off)&_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	bytes := func() int64 {
		if _, err := db.ExecContext(t.Context(), `pragma wal_checkpoint(truncate)`); err != nil {
			t.Fatal(err)
		}
		about, err := os.Stat(filepath.Join(h.folder, "poterne.db"))
		if err != nil {
			t.Fatal(err)
		}
		return about.Size()
	}
	empty := bytes()
	month := people / 240
	fill := func(months int, query string) {
		t.Helper()
		for i := range months {
			if _, err := db.ExecContext(t.Context(), query, int64(now.Plus(i)), month); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range 240 {
		if _, err := keys.Make(now.Plus(i), now); err != nil {
			t.Fatal(err)
		}
	}
	// As the archive writes them, but for what they say: random bytes of the same size.
	fill(240, `with recursive n(i) as (select 1 union all select i + 1 from n where i < $2)
		insert into archived_key (until, tag, wrapped) select $1, randomblob(16), randomblob(60) from n`)
	wrapped := bytes() - empty
	fill(12, `insert into archived (until, tag, what, key, box) select until, tag, 'questions', '1234567', randomblob(100) from archived_key where until = $1 and $2 > 0`)
	t.Logf("%d people: %d bytes of wrapped keys, %.1f each; %d more for a record of 100 bytes of each of the %d of a year",
		month*240, wrapped, float64(wrapped)/float64(month*240), bytes()-empty-wrapped, 12*month)

	h.until(2027, time.April)
	before := h.service(h.db, h.keys)
	began := time.Now()
	dry, err := before.Run(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	looked := time.Since(began)
	began = time.Now()
	for i := range 12 {
		if err := keys.Destroy(now.Plus(i)); err != nil {
			t.Fatal(err)
		}
	}
	destroyed := time.Since(began)
	began = time.Now()
	done, err := before.Run(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	erased := 0
	for _, line := range done {
		erased += line.Erased
	}
	t.Logf("a dry run took %s; a year's twelve keys were destroyed in %s, and the %d records they had wrapped taken out in %s", looked, destroyed, erased, time.Since(began))
	if erased != 12*month || len(dry) != len(done) {
		t.Errorf("%d records were erased by %d lines, not %d; a dry run has %d lines", erased, len(done), 12*month, len(dry))
	}
	var left int
	if err := db.QueryRowContext(t.Context(), `select count(*) from archived_key where until < $1`, int64(now.Plus(12))).Scan(&left); err != nil || left > 0 {
		t.Errorf("the wrapped keys of %d people are left, %v", left, err)
	}
}
