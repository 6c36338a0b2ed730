package gate

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// Mission allows one account one export: what for, of how many people, until when.
type Mission struct {
	Service roster.ServiceID
	Route   string // as declared: "GET /export"
	People  int    // over all exports; whoever is exported again is one more
	Until   time.Time
	Purpose string
	List    [sha256.Size]byte // SHA-256 of the list of people that was agreed on
}

// The most people that a mission can be of, and how long it can last: meters know
// nothing that is older.
const (
	MostExported   = 100_000
	LongestMission = meter.Memory
)

// Commission opens a mission for an account, in place of one for the same export.
// Who opens it and who approves are two other people: managers of its organisation
// or the security desk, and at least one of them is of the desk.
func (g *Gate) Commission(ctx context.Context, by, approver, of Asker, m Mission) error {
	if err := m.check(by, approver, of, g.now()); err != nil {
		return err
	}
	return g.Record(ctx, m.entry(by, approver, of))
}

// Commission opens a mission from outside a running gate, as the command line does.
func Commission(ctx context.Context, book Book, now func() time.Time, by, approver, of Asker, m Mission) error {
	if err := m.check(by, approver, of, now()); err != nil {
		return err
	}
	return Record(ctx, book, now, m.entry(by, approver, of))
}

func (m Mission) check(by, approver, of Asker, now time.Time) error {
	refused := func(why string) error { return &fault.Error{Kind: fault.Refused, Public: why} }
	invalid := func(why string) error { return &fault.Error{Kind: fault.Invalid, Public: why} }
	switch {
	case !vouchesFor(by, of.Account, of.Organisation), !vouchesFor(approver, of.Account, of.Organisation):
		return notTheirs
	case by.Account == approver.Account:
		return refused("a mission is opened by one person and approved by another")
	case by.Role != roster.Security && approver.Role != roster.Security:
		return refused("of those who open and approve a mission, one is of the security desk")
	case m.Service == "" || m.Route == "":
		return invalid("a mission is for one service and route, such as GET /export")
	case m.People < 1 || m.People > MostExported:
		return invalid(fmt.Sprintf("a mission is of 1 to %d people", MostExported))
	case !m.Until.After(now) || m.Until.After(now.Add(LongestMission)):
		return invalid(fmt.Sprintf("a mission ends within %d days", int(LongestMission.Hours()/24)))
	case m.List == [sha256.Size]byte{}:
		return invalid("a mission needs the list of people it is about")
	default:
		return typed.Check("a mission", m.Purpose)
	}
}

// entry is the mission as the ledger has it. The purpose comes last: were it too
// long, nothing else is lost.
func (m Mission) entry(by, approver, of Asker) ledger.Entry {
	return ledger.Entry{
		Kind: ledger.Mission, Account: by.Account, Organisation: by.Organisation, Subject: of.Account,
		Service: m.Service, Route: m.Route, Cost: meter.People(m.People), Until: ledger.Cut(m.Until),
		Detail: fmt.Sprintf("approved by %s; list sha256:%x; %s", approver.Account, m.List, m.Purpose),
	}
}
