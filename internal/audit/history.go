// Package audit holds the rows that give rights, and those that take them away, against
// the ledger. A row without its seal decides nothing anyway; what a seal cannot tell is a
// row that a node wrote once and that was put back since, and a row that is gone. The
// ledger tells: the entry that makes a row has its digest.
package audit

import (
	"maps"
	"time"

	"poterne/internal/containment"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/roster"
)

// history is what the ledger says of rights and orders. Its fields are exported for package
// gob, which keeps them.
type history struct {
	First, UpTo   ledger.Number // what was read of it
	Accounts      map[roster.AccountID]*made
	Organisations map[roster.OrganisationID]*made
	Orders        map[ledger.Number]order.Order // placed and not lifted
	Passkeys      map[passkey]ledger.Number     // that serve, and the entries that made them
	Removed       map[passkey]ledger.Number     // that serve no more
	Lifted        map[ledger.Number]bool
	Answered      map[ledger.Number]ledger.Number // requests of which nothing comes any more, and the entries that say so
	Over          map[roster.SessionID]ending     // sessions that ended, and would not have by their age
	Dropped       time.Time                       // when those that are too old were last left out
}

// ending is the entry that says that a session has ended, and its time.
type ending struct {
	Entry ledger.Number
	At    time.Time
}

// formOfHistory changes with what a history holds, and with what it makes of an entry.
const formOfHistory = 8

// passkey is a passkey as its entries name it.
type passkey struct {
	Account roster.AccountID
	Print   string
	Digest  ledger.Digest
}

// made is the digests that the rows of one account or organisation had, the newest last,
// and the entry that says so of the newest.
type made struct {
	Digests []ledger.Digest
	Entry   ledger.Number
}

// newest returns the newest digest and its entry; nil was never made.
func (m *made) newest() (ledger.Digest, ledger.Number) {
	if m == nil {
		return ledger.Digest{}, 0
	}
	return m.Digests[len(m.Digests)-1], m.Entry
}

func newHistory(first ledger.Number) *history {
	return &history{
		First: first, UpTo: first,
		Accounts: make(map[roster.AccountID]*made), Organisations: make(map[roster.OrganisationID]*made),
		Orders: make(map[ledger.Number]order.Order), Lifted: make(map[ledger.Number]bool),
		Passkeys: make(map[passkey]ledger.Number), Removed: make(map[passkey]ledger.Number),
		Answered: make(map[ledger.Number]ledger.Number), Over: make(map[roster.SessionID]ending),
	}
}

// count takes in the next entry.
func (h *history) count(e ledger.Entry) {
	h.UpTo = e.Number + 1
	if session, over := e.Over(); over {
		h.Over[session] = ending{e.Number, e.Time}
		if e.Time.Sub(h.Dropped) >= time.Hour {
			h.Dropped = e.Time
			maps.DeleteFunc(h.Over, func(_ roster.SessionID, then ending) bool { return e.Time.Sub(then.At) > roster.SessionLife })
		}
	}
	switch e.Kind {
	case ledger.Assigned:
		if e.Reach == order.Organisation {
			assign(h.Organisations, roster.OrganisationID(e.Target), e)
		} else {
			assign(h.Accounts, roster.AccountID(e.Target), e)
		}
	case ledger.Enrolled:
		h.Passkeys[passkey{e.Subject, e.Target, e.Digest}] = e.Number
	case ledger.Unenrolled:
		k := passkey{e.Subject, e.Target, e.Digest}
		delete(h.Passkeys, k)
		h.Removed[k] = e.Number
	case ledger.RightGiven, ledger.OrganisationSet, ledger.ConfigurationSet, ledger.Permitted, ledger.ArchiveRead:
		h.Answered[e.Cause] = e.Number
	case ledger.RightAsked, ledger.OrganisationAsked, ledger.ConfigurationAsked, ledger.PermitAsked, ledger.ReadingAsked:
		if e.State == ledger.Withdrawn || e.State == ledger.Refused || e.State == ledger.Found && e.Cause != 0 { // which a later one replaced
			h.Answered[e.Cause] = e.Number
		}
	case ledger.Placed:
		o := e.Order()
		o.ID, o.Placed = containment.IDOf(e.Number), e.Time
		h.Orders[e.Number] = o
	case ledger.Lifted:
		if e.End > e.From {
			delete(h.Orders, e.From)
			h.Lifted[e.From] = true
		}
	}
}

func assign[ID comparable](to map[ID]*made, id ID, e ledger.Entry) {
	m := to[id]
	if m == nil {
		m = new(made)
		to[id] = m
	}
	m.Digests, m.Entry = append(m.Digests, e.Digest), e.Number
}

// complete reports whether the ledger is there from its beginning: what it does not say
// then never was.
func (h *history) complete() bool { return h.First == 0 }

// judge says what is wrong with a row whose digest is this, if anything is.
func (h *history) judge(m *made, digest ledger.Digest) (Fault, bool) {
	newest, _ := m.newest()
	switch {
	case m == nil:
		return Unmade, h.complete()
	case digest == newest:
		return "", false
	}
	for _, before := range m.Digests {
		if digest == before {
			return PutBack, true
		}
	}
	return Changed, true
}
