package store_test

import (
	"database/sql"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"poterne/internal/custody"
	"poterne/internal/journal"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/ledger/retention"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// onBoth asks both engines; by is whoever may do everything in the database.
func onBoth(t *testing.T, ask func(t *testing.T, s *store.DB, by *sql.DB)) {
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "poterne.db")
		s := openAt(t, path)
		by, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = by.Close() })
		ask(t, s, by)
	})
	t.Run("postgres", func(t *testing.T) {
		cluster := storetest.StartPostgreSQL(t)
		connection := cluster.Database(t)
		ask(t, openPostgreSQL(t, connection), direct(t, cluster.Superuser(connection)))
	})
}

// Promise: LEDGER-6
func TestLEDGER_6_WhatWasSetAndHeldIsKeptAndNotBackdated(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.DB, by *sql.DB) {
		turn := func(act func(journal.Head) error) error { return store.NewLedger(s).Turn(t.Context(), act) }
		storetest.Write(t, s, 3, storetest.At) // entries 0 to 2
		want := retention.Schedule{
			Settings: []retention.Setting{{Since: 3, Months: 24, Reason: "une enquête"}, {Since: 4, Months: 6}},
			Holds: []retention.Hold{
				{Number: 5, Since: 202603, Until: 202605, Because: "une enquête", By: "samir", Approver: "nadia"},
				{Number: 6, Since: 202601, Because: "une autre", By: "nadia", Approver: "samir"},
			},
		}
		if err := turn(func(head journal.Head) error {
			for _, setting := range want.Settings {
				if err := head.Rows().(custody.Rows).InsertSetting(setting); err != nil {
					return err
				}
			}
			for _, hold := range want.Holds {
				if err := head.Rows().(custody.Rows).InsertHold(hold); err != nil {
					return err
				}
			}
			inside, err := head.Rows().(custody.Rows).Retention()
			if !reflect.DeepEqual(inside, want) {
				t.Errorf("the turn itself reads %+v", inside)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if got, err := store.NewMonths(s).Retention(t.Context()); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v", got, err)
		}
		if last, err := store.NewMonths(s).Last(t.Context()); err != nil || !last.Equal(storetest.At) {
			t.Errorf("the last entry is of %v, %v", last, err)
		}
		for refused, act := range map[string]func(journal.Head) error{
			"a setting before the last entry": func(head journal.Head) error {
				return head.Rows().(custody.Rows).InsertSetting(retention.Setting{Since: 2, Months: 6})
			},
			"a setting for ever": func(head journal.Head) error {
				return head.Rows().(custody.Rows).InsertSetting(retention.Setting{Since: 9, Months: 37})
			},
			"a setting in another's place": func(head journal.Head) error {
				return head.Rows().(custody.Rows).InsertSetting(retention.Setting{Since: 4, Months: 7})
			},
			"a hold before the last entry": func(head journal.Head) error {
				return head.Rows().(custody.Rows).InsertHold(retention.Hold{Number: 1, Since: 202603, By: "samir", Approver: "nadia"})
			},
			"a hold of one person": func(head journal.Head) error {
				return head.Rows().(custody.Rows).InsertHold(retention.Hold{Number: 9, Since: 202603, By: "samir", Approver: "samir"})
			},
			"a release before the last entry": func(head journal.Head) error { return head.Rows().(custody.Rows).ReleaseHold(5, 2) },
		} {
			if err := turn(act); err == nil {
				t.Errorf("%s is taken", refused)
			}
		}
		if err := turn(func(head journal.Head) error { return head.Rows().(custody.Rows).ReleaseHold(7, 9) }); err == nil {
			t.Errorf("releasing what is not held: %v", err)
		}
		release := func(head journal.Head) error { return head.Rows().(custody.Rows).ReleaseHold(5, 9) }
		if err := turn(release); err != nil {
			t.Fatal(err)
		}
		if err := turn(release); err == nil {
			t.Errorf("releasing twice: %v", err)
		}
		want.Holds[0].Released, want.Holds[0].Release = true, 9
		if got, err := store.NewMonths(s).Retention(t.Context()); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v", got, err)
		}
		for _, statement := range []string{
			`update retention set months = 6`,
			`delete from retention`,
			`update hold set until = 202603 where number = 6`,
			`update hold set released = null where number = 5`,
			`update hold set released = 10 where number = 5`,
			`update hold set released = 2 where number = 6`,
			`delete from hold`,
		} {
			if _, err := by.ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "a setting cannot be") && !strings.Contains(err.Error(), "a hold ") {
				t.Errorf("%s: %v", statement, err)
			}
		}
	})
}

// Promise: LEDGER-5
func TestLEDGER_5_TheProgramsRoleNeitherShortensATermNorUnholds(t *testing.T) {
	connection := storetest.StartPostgreSQL(t).Database(t)
	program := direct(t, connection)
	for _, statement := range []string{
		`update retention set months = 6`,
		`delete from retention`,
		`truncate retention`,
		`alter table retention disable trigger all`,
		`update hold set until = 202603`,
		`delete from hold`,
		`truncate hold`,
		`alter table hold disable trigger all`,
	} {
		if _, err := program.ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "permission denied") && !strings.Contains(err.Error(), "must be owner") {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

// Promise: LEDGER-6
func TestLEDGER_6_AMonthThatIsHeldAtThatMomentIsNotDropped(t *testing.T) {
	signer, verifier := storetest.Notary(t)
	ask := func(t *testing.T, s, owner *store.DB) {
		signed(t, s, signer, verifier, 3)
		storetest.Write(t, s, 1, storetest.At.AddDate(0, 1, 0))
		month := ledger.MonthOf(storetest.At)
		if findings, err := store.NewMonths(owner).Condense(t.Context(), month, nil); err != nil || len(findings) > 0 {
			t.Fatal(findings, err)
		}
		place := func(head journal.Head) error {
			return head.Rows().(custody.Rows).InsertHold(retention.Hold{Number: head.Next(), Since: month, Until: month, Because: "une enquête", By: "samir", Approver: "nadia"})
		}
		if err := store.NewLedger(s).Turn(t.Context(), place); err != nil {
			t.Fatal(err)
		}
		if err := storetest.DropMonth(t.Context(), owner, month, storetest.At); !fault.Is(err, fault.Refused) || !strings.Contains(err.Error(), "is held by hold 4") {
			t.Errorf("held: %v", err)
		}
		if first, err := store.NewLedger(s).First(t.Context()); first != 0 || err != nil {
			t.Errorf("the ledger begins with %d, %v", first, err)
		}
		if err := store.NewLedger(s).Turn(t.Context(), func(head journal.Head) error { return head.Rows().(custody.Rows).ReleaseHold(4, 5) }); err != nil {
			t.Fatal(err)
		}
		if err := storetest.DropMonth(t.Context(), owner, month, storetest.At); err != nil {
			t.Errorf("released: %v", err)
		}
		if first, err := store.NewLedger(s).First(t.Context()); first != 3 || err != nil {
			t.Errorf("the ledger begins with %d, %v", first, err)
		}
	}
	t.Run("sqlite", func(t *testing.T) {
		s := openSQLite(t)
		ask(t, s, s)
	})
	t.Run("postgres", func(t *testing.T) {
		cluster := storetest.StartPostgreSQL(t)
		connection := cluster.Database(t)
		ask(t, openPostgreSQL(t, connection), owned(t, cluster, connection))
	})
}
