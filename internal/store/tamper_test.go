package store_test

import (
	"cmp"
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"poterne/internal/ledger"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// signed writes portions of entries and signs a checkpoint after each.
func signed(t *testing.T, s *store.DB, signer note.Signer, verifier note.Verifier, portions ...int) {
	t.Helper()
	sequencer, err := ledger.NewSequencer(t.Context(), store.NewLedger(s), signer, verifier, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range portions {
		storetest.Write(t, s, n, storetest.At)
		if advanced, err := sequencer.Step(t.Context()); err != nil || !advanced {
			t.Fatal(advanced, err)
		}
	}
}

func findings(t *testing.T, s *store.DB, verifier note.Verifier, elsewhere ...[]byte) string {
	t.Helper()
	report, err := ledger.Verify(t.Context(), store.NewLedger(s), verifier, elsewhere, nil)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, f := range report.Findings {
		texts = append(texts, f.String())
	}
	return strings.Join(texts, "; ")
}

// Promise: LEDGER-3
func TestLEDGER_3_ARemovedChangedOrReorderedEntryIsFoundAndNamed(t *testing.T) {
	signer, verifier := storetest.Notary(t)
	other, _ := storetest.Notary(t)
	for name, test := range map[string]struct {
		tamper func(t *testing.T, db *sql.DB)
		want   string
	}{
		"nothing":                 {func(*testing.T, *sql.DB) {}, ""},
		"a byte of an entry":      {byEntry(`update entry set body = cast(substr(body, 1, length(body) - 1) || x'7a' as blob) where number = 300`), "entry 300: changed"},
		"the salt of an entry":    {byEntry(`update entry set salt = zeroblob(16) where number = 0`), "entry 0: changed"},
		"an entry removed":        {byEntry(`delete from entry where number = 257`), "entry 257: removed"},
		"several entries removed": {byEntry(`delete from entry where number between 10 and 20`), "entries 10 to 20: removed"},
		"the last entry removed":  {byEntry(`delete from entry where number = 799`), "entry 799: removed"},
		"two entries exchanged": {
			byEntry(`update entry set number = -1 where number = 5; update entry set number = 5 where number = 6; update entry set number = 6 where number = -1`),
			"entries 5 to 6: re-ordered",
		},
		"an entry and its leaf":   {forgeLeaf, "entries 256 to 555: rewritten"},
		"a leaf of the tree gone": {run(`delete from tile where level = 0 and position = 1`), "entries 256 to 511: unproven"},
		"a checkpoint of another": {func(t *testing.T, db *sql.DB) {
			forged, err := note.Sign(&note.Note{Text: "ledger.poterne.example\n800\nAAAA\n"}, other)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec(`update checkpoint set note = $1 where size = 800`, forged); err != nil {
				t.Fatal(err)
			}
		}, "a checkpoint: forged"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "poterne.db")
			s := openAt(t, path)
			signed(t, s, signer, verifier, 256, 300, 244)
			direct, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			defer direct.Close()
			test.tamper(t, direct)
			if got := findings(t, s, verifier); got != test.want {
				t.Errorf("found %q, want %q", got, test.want)
			}
		})
	}
}

func run(statements string) func(*testing.T, *sql.DB) {
	return func(t *testing.T, db *sql.DB) {
		for statement := range strings.SplitSeq(statements, ";") {
			if _, err := db.Exec(statement); err != nil {
				t.Fatal(statement, err)
			}
		}
	}
}

// byEntry tampers with entries.
func byEntry(statements string) func(*testing.T, *sql.DB) {
	return func(t *testing.T, db *sql.DB) { storetest.Tamper(t, db, statements) }
}

// forgeLeaf changes an entry and puts the right leaf for it into the tiles.
func forgeLeaf(t *testing.T, db *sql.DB) {
	storetest.TamperWith(t, db, func(conn *sql.Conn) {
		const number = 300
		row := ledger.Sealed{Number: number}
		var salt, hashes []byte
		if err := conn.QueryRowContext(t.Context(), `select salt, body from entry where number = $1`, number).Scan(&salt, &row.Body); err != nil {
			t.Fatal(err)
		}
		entry, err := ledger.Decode(row.Body)
		if err != nil {
			t.Fatal(err)
		}
		entry.Account = "karim"
		row.Salt, row.Body = ledger.Salt(salt), entry.Append(nil)
		leaf := row.Leaf()
		if err := conn.QueryRowContext(t.Context(), `select hashes from tile where level = 0 and position = $1`, number/256).Scan(&hashes); err != nil {
			t.Fatal(err)
		}
		copy(hashes[number%256*len(leaf):], leaf[:])
		for statement, args := range map[string][]any{
			`update entry set body = $1 where number = $2`:                  {row.Body, number},
			`update tile set hashes = $1 where level = 0 and position = $2`: {hashes, number / 256},
		} {
			if _, err := conn.ExecContext(t.Context(), statement, args...); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestACheckpointKeptElsewhereFindsARolledBackLedger(t *testing.T) {
	signer, verifier := storetest.Notary(t)
	path := filepath.Join(t.TempDir(), "poterne.db")
	s := openAt(t, path)
	signed(t, s, signer, verifier, 10, 20)
	kept, err := store.NewLedger(s).Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := findings(t, s, verifier, kept); got != "" {
		t.Errorf("before: %q", got)
	}
	direct, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close()
	byEntry(`delete from entry where number >= 10; delete from checkpoint where size > 10; delete from tile`)(t, direct)
	if got := findings(t, s, verifier, kept); !strings.Contains(got, "entries 10 to 29: removed") {
		t.Errorf("after: %q", got)
	}
}

// What a superuser of PostgreSQL does, whom no right and no trigger stops.
//
// Promise: LEDGER-3
func TestLEDGER_3_WhatASuperuserDoesToTheLedgerIsFoundAndNamed(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	signer, verifier := storetest.Notary(t)
	const unguarded = `alter table turn disable trigger all; alter table turn_202603 disable trigger all; alter table turn_other disable trigger all; `
	for name, test := range map[string]struct {
		tamper func(t *testing.T, db *sql.DB)
		alone  string // what the ledger shows by itself
		kept   string // what it shows beside a checkpoint kept elsewhere, when that is more
	}{
		"nothing":                   {func(*testing.T, *sql.DB) {}, "", ""},
		"an entry deleted":          {byEntry(`delete from entry where number = 257`), "entry 257: removed", ""},
		"several entries deleted":   {byEntry(`delete from entry where number between 10 and 20`), "entries 10 to 20: removed", ""},
		"the newest entry deleted":  {byEntry(`delete from entry where number = 799`), "entry 799: removed", ""},
		"an entry updated":          {byEntry(`update entry set body = overlay(body placing '\x7a' from length(body)) where number = 300`), "entry 300: changed", ""},
		"the salt of an entry":      {byEntry(`update entry set salt = decode(repeat('00', 16), 'hex') where number = 0`), "entry 0: changed", ""},
		"an entry in other words":   {byEntry(again(`salt, overlay(body placing '\x7a' from length(body))`)), "entry 300: changed", ""},
		"an entry under a new salt": {byEntry(again(`decode(repeat('01', 16), 'hex'), body`)), "entry 300: changed", ""},
		"an entry just as it was":   {byEntry(again(`salt, body`)), "", ""},
		"two entries exchanged": {
			byEntry(`update entry set number = -1 where number = 5; update entry set number = 5 where number = 6; update entry set number = 6 where number = -1`),
			"entries 5 to 6: re-ordered", "",
		},
		"an entry and its leaf":     {forgeLeaf, "entries 256 to 555: rewritten", ""},
		"all entries emptied":       {run(unguarded + `truncate turn_202603, turn_other`), "entries 0 to 799: removed", ""},
		"a month emptied":           {run(unguarded + `truncate turn_202603`), "entries 0 to 799: removed", ""},
		"a month's table gone":      {run(`drop table turn_202603`), "entries 0 to 799: removed", ""},
		"a month's table aside":     {run(`alter table turn detach partition turn_202603`), "entries 0 to 799: removed", ""},
		"an entry in a newer month": {byEntry(`update entry set month = 202604 where number = 300`), "", ""},
		"an entry twice": {
			byEntry(`create temporary table held as select * from entry where number = 300; update held set month = 202604; insert into entry select * from held`),
			"entry 300: doubled", "",
		},
		"entries, tree and checkpoints emptied": {
			run(unguarded + `truncate turn_202603, tile, checkpoint; update head set next = 0, last_us = 0`),
			"", "entries 0 to 799: removed",
		},
		"the end of everything cut off": {
			byEntry(`delete from entry where number >= 556; delete from checkpoint where size > 556;
				update tile set hashes = substr(hashes, 1, 44 * 32) where level = 0 and position = 2;
				delete from tile where level = 0 and position > 2; update head set next = 556`),
			"", "entries 556 to 799: removed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			connection := cluster.Database(t)
			if err := store.NewMonths(owned(t, cluster, connection)).Make(t.Context(), ledger.MonthOf(storetest.At)); err != nil {
				t.Fatal(err)
			}
			s := openPostgreSQL(t, connection)
			signed(t, s, signer, verifier, 256, 300, 244)
			kept := checkpoint(t, s)
			test.tamper(t, direct(t, cluster.Superuser(connection)))
			if got := findings(t, s, verifier); got != test.alone {
				t.Errorf("by itself it shows %q, want %q", got, test.alone)
			}
			if got, want := findings(t, s, verifier, kept), cmp.Or(test.kept, test.alone); got != want {
				t.Errorf("beside a checkpoint kept elsewhere it shows %q, want %q", got, want)
			}
		})
	}
}

// again deletes an entry and inserts it once more, with this salt and body.
func again(columns string) string {
	return `create table held as select * from entry where number = 300; delete from entry where number = 300; insert into entry (number, month, salt, body) select number, month, ` + columns + ` from held`
}

func checkpoint(t *testing.T, s *store.DB) []byte {
	t.Helper()
	signed, err := store.NewLedger(s).Checkpoint(t.Context())
	if err != nil || signed == nil {
		t.Fatalf("no checkpoint: %v", err)
	}
	return signed
}

// A whole server put back to yesterday, and then gone on with: two histories from
// one point, both signed with the right key.
//
// Promise: LEDGER-3
func TestLEDGER_3_ARestoredBackupAndAForkAreFoundByACheckpointKeptElsewhere(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	connection := cluster.Database(t)
	signer, verifier := storetest.Notary(t)
	s := openPostgreSQL(t, connection)
	signed(t, s, signer, verifier, 256, 300)
	yesterday := checkpoint(t, s)
	restore := cluster.Backup(t)
	signed(t, s, signer, verifier, 100, 144)
	today := checkpoint(t, s)
	shows := func(when, want string, elsewhere ...[]byte) {
		t.Helper()
		if got := findings(t, openPostgreSQL(t, connection), verifier, elsewhere...); got != want {
			t.Errorf("%s it shows %q, want %q", when, got, want)
		}
	}
	shows("before,", "", yesterday, today)

	restore()
	shows("restored, by itself", "") // which is why one is kept elsewhere
	shows("restored, beside yesterday's,", "", yesterday)
	shows("restored, beside today's,", "entries 556 to 799: removed", today)
	shows("restored, beside both,", "entries 556 to 799: removed", yesterday, today)

	signed(t, openPostgreSQL(t, connection), signer, verifier, 144, 200) // the program goes on, and signs
	shows("forked, by itself", "")
	shows("forked, beside yesterday's,", "", yesterday)
	shows("forked, beside today's alone,", "entries 0 to 799: rewritten", today)
	shows("forked, beside both,", "entries 556 to 799: rewritten", yesterday, today)
}

func TestTheTreeGoesOnAfterARestart(t *testing.T) {
	signer, verifier := storetest.Notary(t)
	s := openSQLite(t)
	for i := range 5 { // a new sequencer each time
		signed(t, s, signer, verifier, 100+i*57)
	}
	if got := findings(t, s, verifier); got != "" {
		t.Errorf("found %q", got)
	}
}

func TestASequencerRefusesAnotherLedgersTree(t *testing.T) {
	signer, verifier := storetest.Notary(t)
	_, stranger := storetest.Notary(t)
	s := openSQLite(t)
	signed(t, s, signer, verifier, 3)
	if _, err := ledger.NewSequencer(t.Context(), store.NewLedger(s), signer, stranger, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("went on under another key")
	}
}

func TestTwoSequencersOnOneLedgerMakeOneTree(t *testing.T) {
	signer, verifier := storetest.Notary(t)
	s := openSQLite(t)
	var both [2]*ledger.Sequencer
	for i := range both {
		var err error
		if both[i], err = ledger.NewSequencer(t.Context(), store.NewLedger(s), signer, verifier, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 20 {
		storetest.Write(t, s, 100+i, storetest.At)
		for _, sequencer := range both {
			if _, err := sequencer.Step(t.Context()); err != nil { // one of them comes second
				t.Error(err)
			}
		}
	}
	if got := findings(t, s, verifier); got != "" {
		t.Errorf("found %q", got)
	}
	signed, err := store.NewLedger(s).Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if head, err := ledger.OpenCheckpoint(signed, verifier); err != nil || head.Size != 20*100+19*20/2 {
		t.Errorf("the newest checkpoint is of %d entries, %v", head.Size, err)
	}
}

// Promise: LEDGER-3
func TestLEDGER_3_CheckpointsAreAtMostASecondBehind(t *testing.T) {
	signer, verifier := storetest.Notary(t)
	s := openSQLite(t)
	sequencer, err := ledger.NewSequencer(t.Context(), store.NewLedger(s), signer, verifier, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if ledger.Pace > time.Second/2 {
		t.Errorf("the sequencer looks every %v", ledger.Pace)
	}
	go func() { _ = sequencer.Run(t.Context()) }()
	storetest.Write(t, s, 1000, storetest.At)
	for size := int64(0); size < 1000; time.Sleep(10 * time.Millisecond) {
		signed, err := store.NewLedger(s).Checkpoint(t.Context())
		if err != nil || signed == nil {
			continue
		}
		checkpoint, err := ledger.OpenCheckpoint(signed, verifier)
		if err != nil {
			t.Fatal(err)
		}
		size = checkpoint.Size
	}
	if got := findings(t, s, verifier); got != "" {
		t.Error(fmt.Sprint(got))
	}
}
