package store_test

import (
	"database/sql"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/audit"
	"poterne/internal/journal"
	"poterne/internal/store"
)

// Promise: RIGHTS-9. A request for an organisation that was answered, and whose older row is put
// back, is found by the ledger and ended; one that was changed in the database is nobody's, and an
// organisation that was opened again there is found, and stopped.
func TestRIGHTS_9_ARequestForAnOrganisationThatIsPutBackDoesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "poterne.db")
	s := openAt(t, path)
	prepared(t, s)
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	does := func(statement string) {
		t.Helper()
		if _, err := raw.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	found := func(table string, fault audit.Fault) bool {
		t.Helper()
		findings, err := audit.New(store.NewLedger(s), store.NewAudit(s), func() time.Time { return actAt }).Rights(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(findings, func(f audit.Finding) bool { return f.Table == table && f.Fault == fault })
	}
	does(`create table older as select * from organisation_request`)
	does(`create table bodies as select * from organisation`)
	for _, act := range []journal.Act[accounts.OrganisationRows]{&accounts.AllowOrganisation{Number: closingBody, By: "samir"}, &accounts.DropOrganisation{Number: askedBody, By: "samir"}} {
		if _, err := journal.Do(t.Context(), later(s), act); err != nil {
			t.Fatal(err)
		}
	}
	if found("organisation_request", audit.PutBack) || found("organisation", audit.PutBack) {
		t.Fatal("what was answered is called put back")
	}
	does(`delete from organisation_request`)
	does(`insert into organisation_request select * from older`)
	does(`update organisation set closed_us = null, set_by = 0, seal = (select seal from bodies where id = 'ofh') where id = 'ofh'`)
	if !found("organisation_request", audit.PutBack) || !found("organisation", audit.PutBack) {
		t.Error("no audit finds them")
	}
	watch := audit.NewWatch(audit.New(store.NewLedger(s), store.NewAudit(s), func() time.Time { return actAt }), later(s), nil, slog.New(slog.DiscardHandler))
	if err := watch.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if waiting, err := (accounts.Organisations{Rows: store.NewOrganisationRequests(s), Now: func() time.Time { return actAt }}).Waiting(t.Context()); err != nil || len(waiting) != 0 {
		t.Errorf("there wait %+v, %v", waiting, err)
	}
	if _, err := journal.Do(t.Context(), later(s), journal.Act[accounts.OrganisationRows](&accounts.AllowOrganisation{Number: askedBody, By: "samir"})); err == nil {
		t.Error("one signature more does it")
	}
}

// Promise: RIGHTS-9. A request that was answered, and whose older row is put back, half signed, is
// found by the ledger and ended: one more signature gives nothing.
func TestRIGHTS_9_ARequestForAHabilitationThatIsPutBackGivesNothing(t *testing.T) {
	for name, answer := range map[string]journal.Act[accounts.RightRows]{
		"given":   &accounts.GiveRight{Number: signedRight, By: "samir", Bounds: rightBounds},
		"refused": &accounts.DropRight{Number: signedRight, By: "chief"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "poterne.db")
			s := openAt(t, path)
			prepared(t, s)
			raw, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = raw.Close() })
			does := func(statement string) {
				t.Helper()
				if _, err := raw.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			found := func() bool {
				t.Helper()
				findings, err := audit.New(store.NewLedger(s), store.NewAudit(s), func() time.Time { return actAt }).Rights(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				return slices.ContainsFunc(findings, func(f audit.Finding) bool { return f.Table == "right_request" && f.Fault == audit.PutBack })
			}
			does(`create table older as select * from right_request`)
			if _, err := journal.Do(t.Context(), later(s), answer); err != nil || found() {
				t.Fatalf("%v, or what was answered is called put back", err)
			}
			does(`delete from right_request`)
			does(`insert into right_request select * from older`)
			if !found() {
				t.Error("no audit finds it")
			}
			watch := audit.NewWatch(audit.New(store.NewLedger(s), store.NewAudit(s), func() time.Time { return actAt }), later(s), nil, slog.New(slog.DiscardHandler))
			if err := watch.Look(t.Context()); err != nil {
				t.Fatal(err)
			}
			_, err = journal.Do(t.Context(), later(s), journal.Act[accounts.RightRows](&accounts.GiveRight{Number: signedRight, By: "nadia", Bounds: rightBounds}))
			if err == nil {
				t.Error("one more signature gives it")
			}
		})
	}
}
