package signin

import (
	"context"
	"crypto/sha256"
	"time"

	"poterne/internal/roster"
)

// Digest is the SHA-256 of a secret. The secrets themselves are never kept.
type Digest [sha256.Size]byte

func digest(secret string) Digest { return sha256.Sum256([]byte(secret)) }

// Sessions stores sessions and single-use marks for all nodes. A read MUST see every
// write of this node that returned before it began, and those of other nodes within a
// second, or at once where nodes are told of each other. A write that returned MUST be
// durable. Times are UTC, in microseconds. It MUST be safe for concurrent use.
type Sessions interface {
	// Once sets a mark until a time, and reports whether it was new. Of several callers,
	// on any nodes, exactly one MUST get true.
	Once(ctx context.Context, mark Digest, until time.Time) (bool, error)
	// Open keeps a new session.
	Open(ctx context.Context, row Row) error
	// Find returns a session, also one that has ended. The error is fault.Absent
	// when there is none.
	Find(ctx context.Context, key Digest) (Row, error)
	// Of returns the open sessions of an account, the last begun first.
	Of(ctx context.Context, account roster.AccountID) ([]Row, error)
	// Swap replaces what may change in a session and raises its version by one, if the
	// stored version is still row.Version. It reports whether it did.
	Swap(ctx context.Context, row Row) (bool, error)
	// End ends the open sessions that are meant, raising their versions, and returns
	// those it ended, as they are afterwards.
	End(ctx context.Context, whose Whose, why Why, at time.Time) ([]Row, error)
	// Sweep forgets the marks that last until before marks, and the sessions started
	// before sessions.
	Sweep(ctx context.Context, marks, sessions time.Time) error
}

// Whose selects sessions by all of its fields that are set. Account or Subject MUST be
// set.
type Whose struct {
	Account roster.AccountID
	Subject Digest
	Named   *Digest   // the provider's name of its session; zero for sessions that it gave none
	Until   time.Time // started then at the latest
}

// Row is a stored session.
type Row struct {
	Key          Digest // of the part of the cookie that never changes
	ID           roster.SessionID
	Account      roster.AccountID
	Organisation roster.OrganisationID
	Factor       Factor
	Agent        Digest // of the browser's name
	Browser      Digest // of what else the browser says of itself when it navigates; of a password's session, the key of the one that it was given in
	Started      time.Time
	Subject      Digest // the subject that the identity provider vouched for
	Named        Digest // the provider's own name of the session; zero when it gave none

	// The rest may change.
	Version   int64
	Current   Digest // of the newest token the browser has shown
	Next      Digest // of the token that will follow it
	Previous  Digest // of the token it followed; zero at first
	Seed      string // with the current token, gives the next one; of a password's session, the browser that it was given in, by its name in the ledger
	Rotated   time.Time
	Seen      time.Time
	SteppedUp time.Time // when the person last proved to be there; zero before they did
	Bound     string    // the browser's key, see proof.go; empty while it may still be bound
	Proven    time.Time // when the browser was last asked for a proof that it then gave, or the password was used; zero before
	Hint      string    // the ID token, for signing out at the provider; emptied at the end
	Why       Why       // why it ended; empty while it is open
	Ended     time.Time
}
