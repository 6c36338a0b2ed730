// Package campaign adds evidence up over accounts that share something, since an
// attacker with many accounts takes little from each. It raises alarms for people to
// look at, and freezes no account. By itself it does one thing: a confirmed theft cuts
// its neighbours' allowances to a quarter, for a while. Its aggregates are a pure function
// of the ledger's entries of the last 28 days, so any node comes to the same.
package campaign

import (
	"time"

	"poterne/internal/policy"
	"poterne/internal/roster"
)

// Shared is what accounts have in common.
type Shared string

const (
	Organisation Shared = "organisation"
	Proposer     Shared = "proposer" // the manager who proposed them
	Device       Shared = "device"   // one browser
	Network      Shared = "network"  // a class of network that few work from
	Rhythm       Shared = "rhythm"   // strangers at the same interval
)

// Bond is one thing that accounts share.
type Bond struct {
	Shared Shared
	Name   string // of an organisation, a manager, a device, a network or an interval
}

// Interval is the interval of a rhythm.
func (b Bond) Interval() time.Duration {
	interval, _ := time.ParseDuration(b.Name) // zero for other bonds
	return interval
}

// Rules is what the aggregates cannot read in the ledger. The functions must not block.
type Rules struct {
	// Watches says what each role honestly costs a day.
	Watches map[roster.Role]policy.Watch
	// Account returns an account as the roster has it; the zero account when it has
	// none.
	Account func(roster.AccountID) roster.Account
	// Narrowed is how long a theft narrows its neighbours' allowances.
	Narrowed time.Duration
}

// NarrowedFor is how long neighbours are narrowed when the operator says nothing
// else.
const NarrowedFor = 72 * time.Hour

// Alarm says that accounts which share something opened more people without a
// reason than so many accounts honestly do.
type Alarm struct {
	Bond
	Accounts []roster.AccountID // those it rests on, the heaviest first
	People   int                // without a reason, shown or asked for, since then
	Usual    int                // what so many accounts honestly come to
	Since    time.Time          // the day on which it began
	Days     int                // since then, today included
}

// Message is what watchers are told: what was counted, what is usual, and what the
// accounts share. It names no account.
func (a Alarm) Message() (key string, values []any) {
	return "alarm." + string(a.Shared), []any{"days", a.Days, "accounts", len(a.Accounts), "people", a.People, "usual", a.Usual}
}

// Theft is an account that is held to be stolen.
type Theft struct {
	Account roster.AccountID
	At      time.Time
	Proof   Proof
}

// Message is why the account is held to be stolen. It names no account.
func (t Theft) Message() (key string, values []any) { return "theft." + string(t.Proof), nil }

// Proof is why an account is held to be stolen.
type Proof string

const (
	Suspended Proof = "suspended" // a person suspended it
	Together  Proof = "together"  // it was frozen within an hour of another that it shares something with
)

// Surge is an hour in which a role opened many more people without a reason, in the
// whole register, than in the same hour of the last weeks.
type Surge struct {
	Role   roster.Role
	From   time.Time
	People int
	Usual  int
	Weeks  int // how many it is compared with
}
