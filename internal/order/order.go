// Package order says what is frozen, suspended or closed, and how far each order
// reaches. An order in force can only take away; lifting one is a new act, never an
// edit.
package order

import (
	"fmt"
	"slices"
	"time"

	"poterne/internal/roster"
	"poterne/internal/typed"
)

// Effect is what an order does to the accounts it reaches.
type Effect string

const (
	// Frozen stops new people without a reason, and nothing else: the caseload, tickets
	// and people already seen stay open.
	Frozen Effect = "frozen"
	// Narrowed cuts allowances to a quarter, next to a theft.
	Narrowed Effect = "narrowed"
	// Suspended stops everything an account or organisation does.
	Suspended Effect = "suspended"
	// Closed stops a service, or everything, for all accounts.
	Closed Effect = "closed"
)

// Reach is how far an order goes. Lineage, network and function come with the
// parts that know them.
type Reach string

const (
	Account      Reach = "account"
	Organisation Reach = "organisation"
	Service      Reach = "service"
	Everything   Reach = "everything"
)

// ID names an order.
type ID string

// Order is a measure of containment. It is in force from the turn at the
// ledger's head that placed it until it ends or is lifted.
type Order struct {
	ID      ID
	Effect  Effect
	Reach   Reach
	Target  string // an account, organisation or service; empty for everything
	Placed  time.Time
	Ends    time.Time // zero: until lifted
	By      string    // who placed it
	Cause   uint64    // the number of the entry that brought it about; zero: none is known
	Because string    // what a person wrote, for the desk and the file of the incident
	Message string    // shown to the accounts it stops; may be empty
	Broken  bool      // no node wrote its row as it is: whatever it was, it closes everything
}

// Check says what is wrong with an order that is about to be placed.
func (o Order) Check() error {
	switch {
	case o.By == "":
		return fmt.Errorf("an order needs the name of who places it")
	case !o.Ends.IsZero() && !o.Ends.After(o.Placed):
		return fmt.Errorf("an order cannot end before it begins")
	case o.Message != "" && typed.Wrong(o.Message) != typed.Nothing:
		return fmt.Errorf("the message to whoever an order stops holds at most %d characters, that can be read and move no cursor: type it anew", typed.Longest)
	}
	if err := typed.Check("an order", o.Because); o.Because != "" && err != nil {
		return err
	}
	return o.check()
}

// check says what is wrong with an order's effect, reach and target.
func (o Order) check() error {
	fits := map[Reach][]Effect{
		Account: {Narrowed, Frozen, Suspended}, Organisation: {Narrowed, Frozen, Suspended},
		Service: {Closed}, Everything: {Frozen, Closed},
	}
	effects, known := fits[o.Reach]
	switch {
	case !known:
		return fmt.Errorf("%q is not a reach; write account, organisation, service or everything", o.Reach)
	case !slices.Contains(effects, o.Effect):
		return fmt.Errorf("a %s cannot be %q; write one of %v", o.Reach, o.Effect, effects)
	case o.Reach == Everything && o.Target != "":
		return fmt.Errorf("an order on everything has no target, this one names one")
	case o.Reach != Everything && o.Target == "":
		return fmt.Errorf("which %s? an order needs its target", o.Reach)
	}
	return nil
}

// Reaches reports whether the order concerns this account using this service.
func (o Order) Reaches(account roster.AccountID, organisation roster.OrganisationID, service roster.ServiceID) bool {
	switch o.Reach {
	case Account:
		return o.Target == string(account)
	case Organisation:
		return o.Target == string(organisation)
	case Service:
		return o.Target == string(service)
	default: // an unknown reach reaches every account
		return true
	}
}

// Outlasts reports whether o has the effect, the reach, the target and the author of
// other, and lasts at least as long.
func (o Order) Outlasts(other Order) bool {
	same := o.Effect == other.Effect && o.Reach == other.Reach && o.Target == other.Target && o.By == other.By
	return same && (o.Ends.IsZero() || !other.Ends.IsZero() && !o.Ends.Before(other.Ends))
}

// Stops reports whether the order is in force and stops or freezes an account, by
// whatever it uses.
func (o Order) Stops(account roster.AccountID, organisation roster.OrganisationID, now time.Time) bool {
	return o.Effect != Narrowed && o.holds(now) && o.Reaches(account, organisation, "")
}

// Set is the orders placed and not lifted, in the order of their placing. Some may have
// ended.
type Set []Order

// Against returns the heaviest order in force against this account using this
// service at now: one that stops everything before one that freezes. An order that only
// narrows an account is not against it: see Narrows.
func (s Set) Against(account roster.AccountID, organisation roster.OrganisationID, service roster.ServiceID, now time.Time) (Order, bool) {
	var found Order
	var any bool
	for _, o := range s {
		if o.Effect == Narrowed || !o.holds(now) || !o.Reaches(account, organisation, service) {
			continue
		}
		if !any || found.Effect == Frozen && o.Effect != Frozen {
			found, any = o, true
		}
	}
	return found, any
}

// Stop returns an order in force on an account or its organisation that stops or freezes
// it. One on everything is not among them.
func (s Set) Stop(account roster.AccountID, organisation roster.OrganisationID, now time.Time) (Order, bool) {
	i := slices.IndexFunc(s, func(o Order) bool {
		return (o.Reach == Account || o.Reach == Organisation) && o.Stops(account, organisation, now)
	})
	if i < 0 {
		return Order{}, false
	}
	return s[i], true
}

// Narrows reports whether an order in force cuts this account's allowances.
func (s Set) Narrows(account roster.AccountID, organisation roster.OrganisationID, service roster.ServiceID, now time.Time) bool {
	return slices.ContainsFunc(s, func(o Order) bool {
		return o.Effect == Narrowed && o.holds(now) && o.Reaches(account, organisation, service)
	})
}

// holds reports whether the order has not ended.
func (o Order) holds(now time.Time) bool { return o.Ends.IsZero() || now.Before(o.Ends) }
