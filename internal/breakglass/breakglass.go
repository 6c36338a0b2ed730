// Package breakglass is the way in that is left when the identity provider is away: one
// sealed password, for whoever breaks the seal. It stops, and reads nobody. Five wrong tries on all
// nodes together lock it, until one of the security desk unlocks it or another password
// is sealed. Each try is an entry, and everybody who watches is told.
package breakglass

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"time"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/roster"
)

// ID is who acts, whoever it is: no account of the roster has it.
const ID roster.AccountID = "break-glass"

const (
	Life  = time.Hour // of a session
	Tries = 5         // wrong ones that are answered
)

// State is what is kept of it, for all nodes.
type State struct {
	Sealed  ledger.Digest // the password that the rest is about: another one begins anew
	Wrong   int           // tries since the last right one, or since it was unlocked
	Session roster.SessionID
	Token   ledger.Digest // of the session's; zero when there is none
	Until   time.Time     // when it ends
}

// Locked reports whether even the right password opens nothing.
func (s State) Locked() bool { return s.Wrong >= Tries }

// Open reports whether somebody is in at a moment.
func (s State) Open(at time.Time) bool { return s.Token != (ledger.Digest{}) && at.Before(s.Until) }

// of is the state as far as it is about a sealed password.
func (s State) of(sealed ledger.Digest) State {
	if s.Sealed != sealed {
		return State{Sealed: sealed}
	}
	return s
}

// Rows are that state, in this turn.
type Rows interface {
	approval.Rows
	// BreakGlass returns the state.
	BreakGlass() (State, error)
	// PutBreakGlass replaces it.
	PutBreakGlass(State) error
}

// Try is a password that somebody typed. It is decided under the head, so that tries at
// once, on any nodes, are answered as tries one after the other are.
type Try struct {
	Sealed  ledger.Digest
	Right   bool
	Token   ledger.Digest // of the session that it opens
	Session roster.SessionID
	Network string

	state State
}

// Decide implements journal.Act.
func (t *Try) Decide(tx *journal.Tx, rows Rows) (ledger.Entry, error) {
	kept, err := rows.BreakGlass()
	if err != nil {
		return ledger.Entry{}, err
	}
	t.state = kept.of(t.Sealed)
	entry := ledger.Entry{Kind: ledger.BrokeGlass, Account: ID, Network: t.Network, Digest: t.Sealed}
	switch {
	case t.state.Locked():
		entry.State = ledger.Locked
	case !t.Right:
		t.state.Wrong++
		entry.State, entry.Count = ledger.WrongPassword, uint64(t.state.Wrong)
	default:
		t.state = State{Sealed: t.Sealed, Session: t.Session, Token: t.Token, Until: ledger.Cut(tx.Now().Add(Life))}
		entry.State, entry.Session, entry.Until = ledger.Granted, t.Session, t.state.Until
	}
	return entry, nil
}

// Apply implements journal.Act.
func (t *Try) Apply(rows Rows, _ ledger.Entry) error { return rows.PutBreakGlass(t.state) }

// Leave ends the session, by whoever is in.
type Leave struct {
	Session roster.SessionID

	state State
}

// Decide implements journal.Act.
func (l *Leave) Decide(tx *journal.Tx, rows Rows) (ledger.Entry, error) {
	kept, err := rows.BreakGlass()
	if err != nil {
		return ledger.Entry{}, err
	}
	if !kept.Open(tx.Now()) || kept.Session != l.Session {
		return ledger.Entry{}, journal.Unchanged
	}
	l.state = State{Sealed: kept.Sealed, Wrong: kept.Wrong}
	return ledger.Entry{Kind: ledger.BrokeGlass, Account: ID, Session: kept.Session, State: ledger.Ceased}, nil
}

// Apply implements journal.Act.
func (l *Leave) Apply(rows Rows, _ ledger.Entry) error { return rows.PutBreakGlass(l.state) }

// Secure ends a session that is open, and unlocks what wrong tries locked. Somebody of the security
// desk does it, who is there now.
type Secure struct {
	By roster.AccountID

	state State
}

// Decide implements journal.Act.
func (s *Secure) Decide(tx *journal.Tx, rows Rows) (ledger.Entry, error) {
	by, err := approval.One(tx, rows, s.By, approval.Demand{For: "the break-glass access", Desk: true, Confirmed: true})
	if err != nil {
		return ledger.Entry{}, err
	}
	kept, err := rows.BreakGlass()
	if err != nil {
		return ledger.Entry{}, err
	}
	state := ledger.Unlocked
	if kept.Open(tx.Now()) {
		state = ledger.Ceased
	}
	s.state = State{Sealed: kept.Sealed}
	return ledger.Entry{Kind: ledger.Secured, Account: by.ID, Organisation: by.Organisation, State: state, Count: uint64(kept.Wrong)}, nil
}

// Apply implements journal.Act.
func (s *Secure) Apply(rows Rows, _ ledger.Entry) error { return rows.PutBreakGlass(s.state) }

// present holds, under the head, that a session is still open: it does nothing itself.
type present struct {
	sealed  ledger.Digest
	session roster.SessionID
}

// Decide implements journal.Act.
func (p present) Decide(tx *journal.Tx, rows Rows) (ledger.Entry, error) {
	kept, err := rows.BreakGlass()
	if err != nil {
		return ledger.Entry{}, err
	}
	if kept = kept.of(p.sealed); !kept.Open(tx.Now()) || kept.Session != p.session {
		return ledger.Entry{}, &fault.Error{Kind: fault.Anonymous}
	}
	return ledger.Entry{}, journal.Unchanged
}

// Apply implements journal.Act.
func (present) Apply(Rows, ledger.Entry) error { return nil }

// inside does turns for a session, while it is open.
type inside struct {
	journal.Writer
	present
}

// Turn implements journal.Writer.
func (i inside) Turn(ctx context.Context, size int, do func(*journal.Tx) error) error {
	return i.Writer.Turn(ctx, size, func(tx *journal.Tx) error {
		if _, err := journal.Within(tx, i.present); !errors.Is(err, journal.Unchanged) {
			return err
		}
		return do(tx)
	})
}

// Service is the break-glass access of a node. It is safe to share.
type Service struct {
	Writer journal.Writer
	Rows   interface {
		// BreakGlass returns the state.
		BreakGlass(context.Context) (State, error)
	}
	Sealed Sealed
	Now    func() time.Time

	hashing chan struct{} // one at a time: a hash takes much memory
}

// New returns the break-glass access that a sealed password opens.
func New(s Service) *Service {
	s.hashing = make(chan struct{}, 1)
	return &s
}

// queue is how long somebody waits for others whose passwords are being looked at.
const queue = 5 * time.Second

// Refused is the error of every try that opened nothing: it does not say why.
var Refused = fault.Errorf(fault.Refused, "the break-glass access stays shut")

// Open opens a session by the sealed password, and returns its token. The password is hashed
// whatever the state, so that time tells nothing either.
func (s *Service) Open(ctx context.Context, password, network string) (token string, err error) {
	waiting, stop := context.WithTimeout(ctx, queue)
	defer stop()
	select {
	case s.hashing <- struct{}{}:
	case <-waiting.Done():
		return "", fault.Errorf(fault.Unavailable, "others are trying")
	}
	defer func() { <-s.hashing }()
	token = rand.Text() + rand.Text()
	entry, err := journal.Do(ctx, s.Writer, &Try{
		Sealed: s.Sealed.digest(), Right: s.Sealed.opens(password), Token: tokenDigest(token), Session: roster.SessionID(rand.Text()[:16]), Network: network,
	})
	switch {
	case err != nil:
		return "", err
	case entry.State != ledger.Granted:
		return "", Refused
	}
	return token, nil
}

func tokenDigest(token string) ledger.Digest { return sha256.Sum256([]byte("break-glass " + token)) }

// Who returns the session that a token is of; fault.Anonymous when it is of none that is open.
func (s *Service) Who(ctx context.Context, token string) (State, error) {
	state, err := s.State(ctx)
	if err != nil {
		return State{}, err
	}
	shown := tokenDigest(token)
	if !state.Open(s.Now()) || subtle.ConstantTimeCompare(shown[:], state.Token[:]) != 1 {
		return State{}, &fault.Error{Kind: fault.Anonymous}
	}
	return state, nil
}

// State returns how the access stands.
func (s *Service) State(ctx context.Context) (State, error) {
	kept, err := s.Rows.BreakGlass(ctx)
	return kept.of(s.Sealed.digest()), err
}

// Inside does turns for a session: what is done through it is done before the session ends, or
// is fault.Anonymous.
func (s *Service) Inside(session roster.SessionID) journal.Writer {
	return inside{s.Writer, present{s.Sealed.digest(), session}}
}

// Leave ends a session.
func (s *Service) Leave(ctx context.Context, session roster.SessionID) error {
	_, err := journal.Do(ctx, s.Writer, &Leave{Session: session})
	return err
}

// Secure ends what is open and unlocks what is locked.
func (s *Service) Secure(ctx context.Context, by roster.AccountID) error {
	_, err := journal.Do(ctx, s.Writer, &Secure{By: by})
	return err
}
