package store_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poterne/internal/journal"

	"modernc.org/sqlite"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

const (
	first  = ledger.Month(202603)
	second = ledger.Month(202604)
)

// told writes entries that say a word, in a month.
func told(t *testing.T, s *store.DB, month ledger.Month, word string, entries int) {
	t.Helper()
	err := store.NewLedger(s).Turn(t.Context(), func(head journal.Head) error {
		var told []ledger.Entry
		for n := range entries {
			number := head.Next() + ledger.Number(n)
			told = append(told, ledger.Entry{Number: number, Receipt: number, Time: month.Begins(), Kind: ledger.Read, Account: "samir", Note: word + fmt.Sprint(n)})
		}
		return head.Write(told, month.Begins())
	})
	if err != nil {
		t.Fatal(err)
	}
}

// says counts the files under a path in which a word stands.
func says(t *testing.T, path, word string) (files int) {
	t.Helper()
	err := filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
		if os.IsNotExist(err) || err == nil && entry.IsDir() {
			return nil
		}
		data, err := os.ReadFile(file)
		if bytes.Contains(data, []byte(word)) {
			files++
		}
		if os.IsNotExist(err) { // the server has just removed it
			return nil
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Promise: LEDGER-6
func TestLEDGER_6_NoByteOfADroppedMonthStaysInTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "poterne.db")
	s := openAt(t, path)
	l := storetest.NewLedger(t, s, s)
	told(t, s, first, "what was in March ", 700)
	told(t, s, second, "what was in April ", 300)
	l.Sign(t)
	if says(t, filepath.Dir(path), "what was in March") == 0 {
		t.Fatal("it is not in the file even before")
	}
	l.Drop(t, first)
	if says(t, filepath.Dir(path), "what was in March") != 0 {
		t.Error("March is still in the file")
	}
	if says(t, filepath.Dir(path), "what was in April") == 0 {
		t.Error("April is not in the file")
	}
}

// Promise: LEDGER-6
func TestLEDGER_6_NoByteOfADroppedMonthStaysInAServersTables(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	for name, tables := range map[string]bool{"in a table of its own": true, "in turn_other": false} {
		t.Run(name, func(t *testing.T) {
			connection := cluster.Database(t)
			l := storetest.NewLedger(t, openPostgreSQL(t, connection), owned(t, cluster, connection))
			if tables {
				if err := store.NewMonths(l.Owner).Make(t.Context(), first); err != nil {
					t.Fatal(err)
				}
			}
			told(t, l.DB, first, "what was in March "+name, 700)
			told(t, l.DB, second, "what was in April "+name, 300)
			l.Sign(t)
			admin := direct(t, cluster.Superuser(connection))
			var folder string
			if err := admin.QueryRow(`show data_directory`).Scan(&folder); err != nil {
				t.Fatal(err)
			}
			in := func(month string) int {
				t.Helper()
				if _, err := admin.Exec(`checkpoint`); err != nil {
					t.Fatal(err)
				}
				return says(t, filepath.Join(folder, "base"), "what was in "+month+" "+name)
			}
			if in("March") == 0 {
				t.Fatal("it is not in a table even before")
			}
			l.Drop(t, first)
			if in("March") != 0 {
				t.Error("March is still in a table")
			}
			if in("April") == 0 {
				t.Error("April is in no table")
			}
			if said := l.Verified(t); said != "entries 0 to 699: dropped at their term (entry 1000)" {
				t.Errorf("verified: %s", said)
			}
		})
	}
}

// whole holds a ledger of a month of 300 entries and one of 10 against the promise:
// the first month is dropped, or it is not, and nothing between.
func whole(t *testing.T, l *storetest.Ledger) (dropped bool) {
	t.Helper()
	periods, err := l.Periods(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	entries := 0
	for entry, err := range l.Entries(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if entry.Kind == ledger.Dropped {
			dropped = true
		}
		entries++
	}
	want := 310
	if dropped {
		want = 11
	}
	if entries != want || periods[0].Dropped != dropped {
		t.Errorf("there are %d entries; March is %+v", entries, periods[0])
	}
	l.Sign(t)
	if said := l.Verified(t); (said == "") == dropped || dropped && said != "entries 0 to 299: dropped at their term (entry 310)" {
		t.Errorf("verified: %s", said)
	}
	return dropped
}

// Whatever breaks while a month is dropped, it is dropped or it is not.
//
// Promise: LEDGER-6
func TestLEDGER_6_ADropThatBreaksIsDoneOrNotDone(t *testing.T) {
	for _, how := range []moment{undone, unheard} {
		done, notDone := 0, 0
		for n := 0; ; n++ {
			path := filepath.Join(t.TempDir(), "poterne.db")
			breaks := &breaking{Driver: sqlite.Driver{}}
			s, err := store.OpenSQLiteThrough(t.Context(), path, breaks)
			if err != nil {
				t.Fatal(err)
			}
			l := storetest.NewLedger(t, s, s)
			storetest.Write(t, s, 300, first.Begins())
			storetest.Write(t, s, 10, second.Begins())
			l.Sign(t)
			if findings, err := store.NewMonths(s).Condense(t.Context(), first, nil); err != nil || len(findings) > 0 {
				t.Fatal(findings, err)
			}
			breaks.arm(n, how)
			err = storetest.DropMonth(t.Context(), s, first, storetest.At)
			broke := breaks.disarm()
			_ = s.Close()
			again := storetest.NewLedger(t, openAt(t, path), nil)
			again.Owner, again.Signer, again.Verifier = again.DB, l.Signer, l.Verifier
			l = again
			switch dropped := whole(t, l); {
			case dropped:
				done++
			case err == nil:
				t.Errorf("%s, at %s: it was called done", how, broke)
			default:
				notDone++
			}
			if err := storetest.DropMonth(t.Context(), l.Owner, first, storetest.At); err != nil {
				t.Errorf("%s, at %s: dropped again: %v", how, broke, err)
			}
			if !whole(t, l) {
				t.Errorf("%s, at %s: dropped again, it is there", how, broke)
			}
			if broke == "" {
				break
			}
		}
		if done < 2 || notDone < 5 {
			t.Errorf("%s: broken %d times before the commit and %d after", how, notDone, done)
		}
	}
}

// Promise: LEDGER-6
func TestLEDGER_6_AnOwnerWhoIsCutOffLeavesTheMonthOrTakesIt(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	done, notDone := 0, 0
	for try := 0; try < 12 && (done < 2 || notDone < 2); try++ {
		connection := cluster.Database(t)
		l := storetest.NewLedger(t, openPostgreSQL(t, connection), owned(t, cluster, connection))
		if err := store.NewMonths(l.Owner).Make(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		storetest.Write(t, l.DB, 300, first.Begins())
		storetest.Write(t, l.DB, 10, second.Begins())
		l.Sign(t)
		if findings, err := store.NewMonths(l.Owner).Condense(t.Context(), first, nil); err != nil || len(findings) > 0 {
			t.Fatal(findings, err)
		}
		admin := direct(t, cluster.Superuser(connection))
		if err := admin.Ping(); err != nil {
			t.Fatal(err)
		}
		go func() {
			time.Sleep(time.Duration(try) * 4 * time.Millisecond)
			_, _ = admin.Exec(`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'poterne_owner' and datname = current_database()`)
		}()
		err := storetest.DropMonth(t.Context(), l.Owner, first, storetest.At)
		switch dropped := whole(t, l); {
		case dropped:
			done++
		case err == nil:
			t.Error("it was called done")
		default:
			notDone++
		}
	}
	t.Logf("cut off before %d times, after %d times", notDone, done)
}

// A turn never waits long for somebody who reads.
//
// Promise: LEDGER-6
func TestLEDGER_6_AMonthIsNotDroppedUnderAReader(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	connection := cluster.Database(t)
	l := storetest.NewLedger(t, openPostgreSQL(t, connection), owned(t, cluster, connection))
	if err := store.NewMonths(l.Owner).Make(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	l.Lived(t, first, 300, 10)
	reader, err := direct(t, connection).BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var one int
	if err := reader.QueryRow(`select first from turn limit 1`).Scan(&one); err != nil {
		t.Fatal(err)
	}
	if findings, err := store.NewMonths(l.Owner).Condense(t.Context(), first, nil); err != nil || len(findings) > 0 {
		t.Fatal(findings, err)
	}
	begun := time.Now()
	err = storetest.DropMonth(t.Context(), l.Owner, first, storetest.At)
	if !fault.Is(err, fault.Unavailable) || fault.Public(err) != "somebody reads the ledger; try again" {
		t.Errorf("after %v: %v", time.Since(begun), err)
	}
	if err := store.NewMonths(l.Owner).Make(t.Context(), first.Plus(10)); fault.Public(err) != "somebody reads the ledger; try again" {
		t.Errorf("tables are made: %v", err)
	}
	if whole(t, l) {
		t.Error("it was dropped")
	}
	_ = reader.Rollback()
	if err := storetest.DropMonth(t.Context(), l.Owner, first, storetest.At); err != nil {
		t.Error(err)
	}
	if !whole(t, l) {
		t.Error("it was not dropped")
	}
}

// Promise: LEDGER-5
func TestLEDGER_5_TheProgramsRoleDropsNothing(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	connection := cluster.Database(t)
	program := openPostgreSQL(t, connection)
	l := storetest.NewLedger(t, program, owned(t, cluster, connection))
	l.Lived(t, first, 300, 10)
	denied := func(what string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), "permission denied") && !strings.Contains(err.Error(), "must be owner") {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := store.NewMonths(program).Condense(t.Context(), first, nil)
	denied("condensing", err)
	if findings, err := store.NewMonths(l.Owner).Condense(t.Context(), first, nil); err != nil || len(findings) > 0 {
		t.Fatal(findings, err)
	}
	denied("dropping", storetest.DropMonth(t.Context(), program, first, storetest.At))
	denied("making tables", store.NewMonths(program).Make(t.Context(), first.Plus(10)))
	if whole(t, l) {
		t.Error("it was dropped")
	}
}

// Promise: LEDGER-5
func TestLEDGER_5_OnlyTheOwnerOpensAsOwner(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	connection := cluster.Database(t)
	for name, test := range map[string]struct{ owner, program, want string }{
		"the program twice":           {connection, connection, `the role "poterne" would own the tables and use them`},
		"two databases":               {cluster.Owner(cluster.Database(t)), connection, "and the program uses"},
		"a program that owns":         {cluster.Superuser(connection), cluster.Owner(connection), `the role "poterne_owner" could alter what was written`},
		"the program for the owner":   {connection, cluster.Owner(connection), `the role "poterne" does not own the tables of entries`},
		"a database without tables":   {cluster.Owner(cluster.Empty(t)), "", "schema_version"},
		"a connection that is no one": {"port=nothing", connection, "cannot be understood"},
	} {
		if test.program == "" {
			test.program = strings.Replace(test.owner, "user=poterne_owner", "user=poterne", 1)
		}
		s, err := store.OpenAsOwner(t.Context(), test.owner, test.program)
		if err == nil {
			_ = s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: opened with %v, want %q", name, err, test.want)
		}
	}
}

func TestTablesAreMadeForTheMonthsToCome(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	connection := cluster.Empty(t) // the cluster's own tables may be of last month
	cluster.Migrate(t, connection)
	tables := func() (names string) {
		t.Helper()
		const query = `select string_agg(relid::regclass::text, ' ' order by relid::regclass::text) from pg_partition_tree('turn') where isleaf`
		if err := direct(t, connection).QueryRow(query).Scan(&names); err != nil {
			t.Fatal(err)
		}
		return names
	}
	now := ledger.MonthOf(time.Now())
	want := "turn_other"
	for n := 3; n >= 0; n-- {
		want = fmt.Sprintf("turn_%d %s", now.Plus(n), want)
	}
	if made := tables(); made != want {
		t.Errorf("a migration makes %s, want %s", made, want)
	}
	s, owner := openPostgreSQL(t, connection), owned(t, cluster, connection)
	storetest.Write(t, s, 3, first.Begins()) // nobody made a table for it
	for range 2 {
		if err := store.NewMonths(owner).Make(t.Context(), first); err != nil {
			t.Fatal(err)
		}
	}
	if made, want := tables(), "turn_202604 turn_202605 turn_202606 "+want; made != want {
		t.Errorf("there are %s, want %s", made, want)
	}
	storetest.Write(t, s, 3, second.Begins())
	var other, own int
	if err := direct(t, cluster.Owner(connection)).QueryRow(`select (select sum(count) from turn_other), (select sum(count) from turn_202604)`).Scan(&other, &own); err != nil || other != 3 || own != 3 {
		t.Errorf("%d entries lie elsewhere and %d in April's table, %v", other, own, err)
	}
}

// Promise: LEDGER-3
func TestLEDGER_3_WhatIsSaidToBeDroppedAndIsNotIsFound(t *testing.T) {
	forged := ledger.Entry{Number: 310, Receipt: 310, Time: second.Begins(), Kind: ledger.Dropped, Account: "samir", From: 0, End: 300, First: 202603}
	const gone = "entries 0 to 299: dropped at their term (entry 310)"
	for name, test := range map[string]struct {
		dropped bool // as it should be, before
		tamper  func(*testing.T, *sql.DB)
		want    string
	}{
		"nothing":                          {true, func(*testing.T, *sql.DB) {}, gone},
		"removed, and nobody says so":      {false, byEntry(`delete from entry where number < 300`), "entries 0 to 299: removed"},
		"removed, and a row is added":      {false, forge(`delete from entry where number < 300`, forged), "entries 0 to 299: removed"},
		"removed, and another is replaced": {false, forge(`delete from entry where number < 300 or number = 305`, replaced(forged, 305)), "entries 0 to 299: removed; entry 305: changed"},
		"one is put back":                  {true, forge(`select 1`, ledger.Entry{Number: 7, Time: first.Begins(), Kind: ledger.Read}), gone + "; entry 7: changed; entry 7: kept"},
		"more is removed":                  {true, byEntry(`delete from entry where number between 300 and 304`), gone + "; entries 300 to 304: removed"},
		"its leaves are removed":           {true, run(`delete from tile where level = 0 and position = 0`), gone + "; entries 0 to 255: unproven"},
		"its entry is removed":             {true, byEntry(`delete from entry where number = 310`), "entries 0 to 299: removed; entry 310: removed"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "poterne.db")
			s := openAt(t, path)
			l := storetest.NewLedger(t, s, s)
			l.Lived(t, first, 300, 10)
			if test.dropped {
				l.Drop(t, first)
			}
			beside, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			defer beside.Close()
			test.tamper(t, beside)
			if said := l.Verified(t); said != test.want {
				t.Errorf("verified: %q, want %q", said, test.want)
			}
		})
	}
}

func replaced(entry ledger.Entry, number ledger.Number) ledger.Entry {
	entry.Number = number
	return entry
}

// forge tampers with entries, and puts one among them.
func forge(statements string, entry ledger.Entry) func(*testing.T, *sql.DB) {
	return byEntry(fmt.Sprintf(`%s; insert into entry (number, salt, body) values (%d, zeroblob(16), x'%x')`, statements, entry.Number, entry.Append(nil)))
}

func TestAGateOpensOnALedgerWhoseFirstMonthsAreGone(t *testing.T) {
	s := openSQLite(t)
	l := storetest.NewLedger(t, s, s)
	l.Lived(t, first, 300, 10)
	l.Drop(t, first)
	for _, now := range []time.Time{first.Begins(), second.Begins().AddDate(0, 0, 2)} { // also one that reaches back to what is gone
		if _, err := storetest.OpenNode(t.Context(), store.NewLedger(s), store.NewFacts(s), rules, func() time.Time { return now }); err != nil {
			t.Errorf("at %v: %v", now, err)
		}
	}
}
