// Package order says what is frozen, suspended or closed, and how far each order
// reaches. An order in force can only take away, but for a bypass, which two persons place
// for hours; lifting one is a new act, never an edit.
package order

import (
	"fmt"
	"slices"
	"strings"
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
	// Reduced leaves a service, an organisation or everything to be read: changes and exports
	// are stopped. A closing is reopened by way of it.
	Reduced Effect = "reduced"
	// Suspended stops everything an account or organisation does.
	Suspended Effect = "suspended"
	// Closed stops a service, or everything, for all accounts.
	Closed Effect = "closed"
	// Bypassed is for when a source does not arrive: every account is shown its own caseload,
	// with what the source told until it fell silent, and nobody else. Two persons place it, and it ends by itself.
	Bypassed Effect = "bypassed"
	// BypassAsked is what one of them asks the other for. It changes nothing.
	BypassAsked Effect = "bypass-asked"
)

const (
	// LongestBypass bounds a bypass.
	LongestBypass = 12 * time.Hour
	// LongestSilence is how long ago its source was heard, at most: what was told before is too old to go by.
	LongestSilence = 7 * 24 * time.Hour
	// AskedFor is how long what one person asked for can be approved.
	AskedFor = 30 * time.Minute
)

// Reach is how far an order goes. A lineage is stopped by an order on each of its accounts.
type Reach string

const (
	Account      Reach = "account"
	Organisation Reach = "organisation"
	Service      Reach = "service"
	Function     Reach = "function" // exports, searches or changes everywhere, or one route of a service
	Role         Reach = "role"
	Network      Reach = "network" // a class of network, as the gate knows it
	Everything   Reach = "everything"
	Source       Reach = "source" // of a bypass, which everybody is under: the source that is silent
)

// Reaches are all of them, from the narrowest.
var Reaches = []Reach{Account, Organisation, Role, Network, Function, Service, Everything, Source}

// Elsewhere is the class of network that is none of those which the operator named.
const Elsewhere = "other"

// What an order on a function may name, besides a route.
const (
	Exports  = "exports"
	Searches = "searches"
	Changes  = "changes"
)

// Functions are those.
var Functions = []string{Exports, Searches, Changes}

// RouteOf names one route of a service, as an order on a function does.
func RouteOf(service roster.ServiceID, route string) string { return string(service) + " " + route }

// Use is who uses what, as far as it is known: an order reaches nothing by what is empty.
type Use struct {
	Account      roster.AccountID
	Organisation roster.OrganisationID
	Role         roster.Role
	Service      roster.ServiceID
	Route        string // as declared
	Function     string // exports, searches or changes
	Network      string // the class of network that it comes from
}

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
	Ends    time.Time             // zero: until lifted
	By      string                // who placed it
	Cause   uint64                // the number of the entry that brought it about; zero: none is known
	Because string                // what a person wrote, for the desk and the file of the incident
	Message Message               // shown to the accounts it stops; may be empty
	Since   time.Time             // of a bypass: when its source was heard last
	Spares  roster.OrganisationID // of what is closed: whose people read already; may be empty
	Broken  bool                  // no node wrote its row as it is: whatever it was, it closes everything
}

// Message is what the accounts that an order stops are told, by whoever placed it.
type Message struct{ French, English string }

// In returns it in a language, or in the other where it was written in that only, and says
// in which it is.
func (m Message) In(lang string) (text, in string) {
	if text = m.French; lang == "en" && m.English != "" || text == "" {
		return m.English, "en"
	}
	return text, "fr"
}

// Check says what is wrong with an order that is about to be placed.
func (o Order) Check() error {
	switch {
	case o.By == "":
		return fmt.Errorf("an order needs the name of who places it")
	case !o.Ends.IsZero() && !o.Ends.After(o.Placed):
		return fmt.Errorf("an order cannot end before it begins")
	case o.bypasses() && (o.Ends.IsZero() || o.Ends.Sub(o.Placed) > LongestBypass):
		return fmt.Errorf("a bypass ends by itself, within %d hours", int(LongestBypass.Hours()))
	case o.bypasses() && (o.Since.After(o.Placed) || o.Placed.Sub(o.Since) > LongestSilence):
		return fmt.Errorf("the source was heard more than %d days ago: what it told is too old for a bypass", int(LongestSilence.Hours())/24)
	case o.bypasses() && o.Because == "":
		return fmt.Errorf("a bypass needs its cause")
	case !o.bypasses() && !o.Since.IsZero():
		return fmt.Errorf("only a bypass has a source that fell silent")
	case !readable(o.Message.French) || !readable(o.Message.English):
		return fmt.Errorf("the message to whoever an order stops holds at most %d characters, that can be read and move no cursor: type it anew", typed.Longest)
	}
	if err := typed.Check("an order", o.Because); o.Because != "" && err != nil {
		return err
	}
	return o.check()
}

func readable(message string) bool { return message == "" || typed.Wrong(message) == typed.Nothing }

// check says what is wrong with an order's effect, reach and target.
func (o Order) check() error {
	fits := map[Reach][]Effect{
		Account: {Narrowed, Frozen, Suspended}, Organisation: {Narrowed, Frozen, Reduced, Suspended},
		Role: {Narrowed, Frozen, Suspended}, Network: {Frozen, Closed}, Function: {Closed}, Service: {Reduced, Closed}, Everything: {Frozen, Reduced, Closed},
		Source: {Bypassed, BypassAsked},
	}
	effects, known := fits[o.Reach]
	switch {
	case !known:
		return fmt.Errorf("%q is not a reach; write one of %v", o.Reach, Reaches)
	case !slices.Contains(effects, o.Effect):
		return fmt.Errorf("a %s cannot be %q; write one of %v", o.Reach, o.Effect, effects)
	case o.Reach == Everything && o.Target != "":
		return fmt.Errorf("an order on everything has no target, this one names one")
	case o.Reach != Everything && o.Target == "":
		return fmt.Errorf("which %s? an order needs its target", o.Reach)
	case o.Spares != "" && (o.Effect != Closed || o.Reach != Service && o.Reach != Everything):
		return fmt.Errorf("only a service or everything is closed to all but one organisation")
	case o.Reach == Role && !slices.Contains(roster.Given(nil), roster.Role(o.Target)) && roster.CheckRole(o.Target) != nil:
		return fmt.Errorf("%q is not a role", o.Target)
	case o.Reach == Role && roster.Role(o.Target) == roster.Security:
		return fmt.Errorf("the security desk cannot be stopped as a whole: nobody would be left to reopen it")
	case o.Reach == Function && !slices.Contains(Functions, o.Target) && strings.Count(o.Target, " ") != 2:
		return fmt.Errorf("%q is not a function; write one of %v, or a service and its route such as \"dossier GET /files/{dossier}\"", o.Target, Functions)
	}
	return nil
}

// Reaches reports whether the order concerns a use.
func (o Order) Reaches(u Use) bool {
	switch o.Reach {
	case Account:
		return o.Target == string(u.Account)
	case Organisation:
		return o.Target == string(u.Organisation)
	case Role:
		return o.Target == string(u.Role)
	case Network:
		return o.Target == u.Network
	case Function:
		return o.Target == u.Function || o.Target == RouteOf(u.Service, u.Route)
	case Service:
		return o.Target == string(u.Service)
	default: // an unknown reach reaches every account
		return true
	}
}

// Outlasts reports whether o has the effect, the reach, the target and the author of
// other, and lasts at least as long.
func (o Order) Outlasts(other Order) bool {
	same := o.Effect == other.Effect && o.Reach == other.Reach && o.Target == other.Target && o.By == other.By && o.Spares == other.Spares
	return same && (o.Ends.IsZero() || !other.Ends.IsZero() && !o.Ends.Before(other.Ends))
}

// Stops reports whether the order is in force and stops or freezes a use.
func (o Order) Stops(u Use, now time.Time) bool {
	switch {
	case !o.holds(now) || !o.Reaches(u):
		return false
	case o.on(u) == Reduced:
		return u.Function == Changes || u.Function == Exports
	default:
		return o.Takes()
	}
}

// Takes reports whether the order stops or freezes those whom it reaches.
func (o Order) Takes() bool { return o.Effect != Narrowed && !o.bypasses() }

// bypasses reports whether the order is a bypass, or asks for one.
func (o Order) bypasses() bool { return o.Effect == Bypassed || o.Effect == BypassAsked }

// on is the effect that an order has on a use which it reaches.
func (o Order) on(u Use) Effect {
	if o.Spares != "" && o.Spares == u.Organisation {
		return Reduced
	}
	return o.Effect
}

// Set is the orders placed and not lifted, in the order of their placing. Some may have
// ended.
type Set []Order

// Against returns the heaviest order in force against a use at now: one that stops everything before one that freezes. An order that only
// narrows an account is not against it: see Narrows. Its effect is the one that it has on this use.
func (s Set) Against(u Use, now time.Time) (Order, bool) {
	var found Order
	var any bool
	for _, o := range s {
		if !o.Stops(u, now) {
			continue
		}
		o.Effect = o.on(u)
		if !any || weight(found.Effect) < weight(o.Effect) {
			found, any = o, true
		}
	}
	return found, any
}

// weight orders effects by how much they take away.
func weight(e Effect) int {
	if i := slices.Index([]Effect{Narrowed, Frozen, Reduced}, e); i >= 0 {
		return i
	}
	return 3 // an unknown one stops everything
}

// Reduces returns an order in force that leaves a use to be read only.
func (s Set) Reduces(u Use, now time.Time) (Order, bool) {
	i := slices.IndexFunc(s, func(o Order) bool { return o.holds(now) && o.Reaches(u) && o.on(u) == Reduced })
	if i < 0 {
		return Order{}, false
	}
	return s[i], true
}

// Functions returns the orders in force that close part of a service: a function everywhere, or
// one of its routes.
func (s Set) Functions(service roster.ServiceID, now time.Time) (closed []Order) {
	for _, o := range s {
		of, _, route := strings.Cut(o.Target, " ")
		if o.Reach == Function && o.Effect == Closed && o.holds(now) && (!route || of == string(service)) {
			closed = append(closed, o)
		}
	}
	return closed
}

// Stop returns an order in force on an account, its organisation or its role that stops or
// freezes it. One on everything is not among them.
func (s Set) Stop(u Use, now time.Time) (Order, bool) {
	i := slices.IndexFunc(s, func(o Order) bool {
		return (o.Reach == Account || o.Reach == Organisation || o.Reach == Role) && o.Stops(u, now)
	})
	if i < 0 {
		return Order{}, false
	}
	return s[i], true
}

// Narrows reports whether an order in force cuts the allowances of a use.
func (s Set) Narrows(u Use, now time.Time) bool {
	return slices.ContainsFunc(s, func(o Order) bool {
		return o.Effect == Narrowed && o.holds(now) && o.Reaches(u)
	})
}

// Bypasses returns the bypasses in force, and those that are asked for and can be approved.
func (s Set) Bypasses(now time.Time) (in, asked []Order) {
	for _, o := range s {
		switch {
		case !o.holds(now):
		case o.Effect == Bypassed:
			in = append(in, o)
		case o.Asks(now):
			asked = append(asked, o)
		}
	}
	return in, asked
}

// BypassedUntil is when the last bypass in force ends; zero when none is.
func (s Set) BypassedUntil(now time.Time) (until time.Time) {
	in, _ := s.Bypasses(now)
	for _, o := range in {
		if o.Ends.After(until) {
			until = o.Ends
		}
	}
	return until
}

// Silent returns when each source that a bypass is for was heard last; nil while no bypass is
// in force.
func (s Set) Silent(now time.Time) map[string]time.Time {
	in, _ := s.Bypasses(now)
	if len(in) == 0 {
		return nil
	}
	silent := make(map[string]time.Time, len(in))
	for _, o := range in {
		silent[o.Target] = o.Since
	}
	return silent
}

// Asks reports whether the order asks for a bypass that can still be approved.
func (o Order) Asks(now time.Time) bool {
	return o.Effect == BypassAsked && o.holds(now) && now.Sub(o.Placed) < AskedFor
}

// holds reports whether the order has not ended.
func (o Order) holds(now time.Time) bool { return o.Ends.IsZero() || now.Before(o.Ends) }
