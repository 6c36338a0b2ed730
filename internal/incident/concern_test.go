package incident_test

import (
	"context"
	"testing"
	"time"

	"poterne/internal/fault"
	"poterne/internal/incident"
	"poterne/internal/ledger"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// files is one file that is open to people.
type files struct{ file incident.File }

func (f files) Files(context.Context) ([]incident.File, error) { return []incident.File{f.file}, nil }

func (files) Check(context.Context, incident.File) error { return nil }

// lines is what the ledger has of one person since a time.
type lines struct {
	shown []ledger.Entry
	since time.Time
}

func (l lines) Shown(context.Context, register.PersonID) ([]ledger.Entry, time.Time, error) {
	return l.shown, l.since, nil
}

func TestTheAnswerIsOfTheAccountsAndThePeriodAndSaysWhenItCannotBeGiven(t *testing.T) {
	begun := time.Date(2026, time.March, 1, 0, 0, 0, 0, time.UTC)
	hour := func(n int) time.Time { return begun.Add(time.Duration(n) * time.Hour) }
	file := incident.File{
		Number: 7, Public: new(incident.Publication),
		Count: &incident.Count{Scope: incident.Scope{Accounts: []roster.AccountID{"theo"}, Since: hour(2), Until: hour(5)}, People: 4, First: hour(3)},
	}
	shown := func(account roster.AccountID, at int) ledger.Entry {
		return ledger.Entry{Kind: ledger.Consulted, Account: account, Time: hour(at), Person: register.PersonID{1}, Verdict: policy.Shown, Fields: register.Name}
	}
	for name, test := range map[string]struct {
		lines lines
		want  incident.Verdict
	}{
		"shown":                                  {lines{[]ledger.Entry{shown("theo", 3)}, begun}, incident.Yes},
		"at the first moment":                    {lines{[]ledger.Entry{shown("theo", 2)}, begun}, incident.Yes},
		"at the end, which is not of the period": {lines{[]ledger.Entry{shown("theo", 5)}, begun}, incident.No},
		"before":                                 {lines{[]ledger.Entry{shown("theo", 1)}, begun}, incident.No},
		"to another account":                     {lines{[]ledger.Entry{shown("karim", 3)}, begun}, incident.No},
		"never":                                  {lines{nil, begun}, incident.No},
		"of a period whose entries went":         {lines{nil, hour(4)}, incident.Blank},
		"in what is left of it":                  {lines{[]ledger.Entry{shown("theo", 4)}, hour(4)}, incident.Yes},
	} {
		c := incident.Concerns{Files: files{file}, Lines: test.lines}
		got, err := c.In(t.Context(), register.PersonID{1}, 7)
		if err != nil || got.Verdict != test.want {
			t.Errorf("%s: %q, %v", name, got.Verdict, err)
		}
	}
	closed := file
	closed.Public = nil
	if _, err := (incident.Concerns{Files: files{closed}, Lines: lines{nil, begun}}).In(t.Context(), register.PersonID{1}, 7); !fault.Is(err, fault.Absent) {
		t.Errorf("a file that is not open to people: %v", err)
	}
}
