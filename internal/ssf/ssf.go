// Package ssf tells other systems what Poterne does to accounts, by the Shared Signals
// Framework: each act as security event tokens of CAEP and RISC, pushed as RFC 8935 says, at
// least once, in order, with the entry's number as their jti. It speaks of accounts only, and
// of no person of the register.
package ssf

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"

	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/roster"
)

// Format is how an account is named, RFC 9493.
type Format string

const (
	IssSub Format = "iss_sub" // by the identity that its provider vouches for
	Email  Format = "email"   // by its person's address
	Opaque Format = "opaque"  // by what the ledger calls it
)

// Receiver is a system that is told.
type Receiver struct {
	Name         string
	URL          string // where tokens are pushed
	Token        string // a bearer's; empty for none
	Audience     string // who it is to itself
	Format       Format
	Organisation roster.OrganisationID // of whose accounts alone it is told; empty: of all
}

// Outcome is what became of a token.
type Outcome string

const (
	Told    Outcome = "told"    // it was taken
	Refused Outcome = "refused" // for its own sake: it is not sent again
	Failed  Outcome = "failed"  // it is sent again
	Unnamed Outcome = "unnamed" // the account has no name of the receiver's format: it is told nothing of it
)

// Outcomes are all of them.
var Outcomes = []Outcome{Told, Refused, Failed, Unnamed}

// Deps are what telling relies on.
type Deps struct {
	Issuer string // of the tokens
	// Sign signs claims as a security event token.
	Sign   func(claims any) (string, error)
	Roster interface {
		// Account returns an account and its organisation; fault.Absent when there is none.
		Account(context.Context, roster.AccountID) (roster.Account, roster.Organisation, error)
	}
	Orders interface {
		// InForce returns the orders that are placed and not lifted.
		InForce(context.Context) (order.Set, error)
	}
	Client  *http.Client // which follows no redirection: the token is the receiver's alone
	Counted func(Outcome)
	Now     func() time.Time
	Log     *slog.Logger
}

const (
	patience   = 20 * time.Second // for a receiver
	mostAnswer = 4 << 10          // of an answer that is read
)

// Teller tells one receiver. It is a sink of siem.Sender, which calls it once at a time.
type Teller struct {
	Receiver
	Deps
	taken map[string]bool // of the entries that are to be sent again: what was taken of them
}

// New returns what tells a receiver.
func New(r Receiver, d Deps) *Teller { return &Teller{r, d, make(map[string]bool)} }

// Send implements siem.Sink. What was taken before something failed is not sent again by
// this node.
func (t *Teller) Send(ctx context.Context, entries []ledger.Entry) error {
	for _, e := range entries {
		if err := t.tell(ctx, e); err != nil {
			return fmt.Errorf("telling of entry %d: %w", e.Number, err)
		}
	}
	clear(t.taken)
	return nil
}

// token is the claims of one.
type token struct {
	Issuer   string            `json:"iss"`
	Audience string            `json:"aud"`
	ID       string            `json:"jti"`
	Issued   *jwt.NumericDate  `json:"iat"`
	Subject  map[string]string `json:"sub_id"`
	Events   map[string]body   `json:"events"`
}

// tell tells of one entry, in as many tokens as there are events: a receiver may know one kind
// only.
func (t *Teller) tell(ctx context.Context, e ledger.Entry) error {
	of, events := eventsOf(e)
	if len(events) == 0 || of == "" || e.Account == roster.TransmitterPrefix+roster.AccountID(t.Name) { // it has told so itself
		return nil
	}
	account, _, err := t.Roster.Account(ctx, of)
	switch {
	case fault.Is(err, fault.Absent):
		return nil
	case err != nil:
		return err
	case t.Organisation != "" && t.Organisation != account.Organisation:
		return nil
	}
	if e.Kind == ledger.Recovery {
		account.Identity = e.Identity // the one that was lost; it has no other yet
	}
	subject := t.subject(account)
	if subject == nil {
		t.Counted(Unnamed)
		return nil
	}
	for i, one := range events {
		if one.kind == Enabled {
			if stopped, err := t.stopped(ctx, account); err != nil || stopped {
				return err
			}
		}
		id := strconv.FormatUint(uint64(e.Number), 10)
		if i > 0 {
			id += "." + strconv.Itoa(i)
		}
		if t.taken[id] {
			continue
		}
		signed, err := t.Sign(token{t.Issuer, t.Audience, id, jwt.NewNumericDate(t.Now()), subject, map[string]body{one.kind: one.body}})
		if err != nil {
			return err
		}
		outcome, err := t.push(ctx, signed)
		if ctx.Err() == nil || err == nil {
			t.Counted(outcome)
		}
		if err != nil {
			return err
		}
		t.taken[id] = true
		if outcome == Refused {
			t.Log.ErrorContext(ctx, "a receiver refuses a signal: it is not told of this entry", slog.String("receiver", t.Name), slog.Uint64("entry", uint64(e.Number)))
		}
	}
	return nil
}

// subject names an account; nil when it has no such name.
func (t *Teller) subject(a roster.Account) map[string]string {
	switch {
	case t.Format == IssSub && strings.Contains(a.Identity.Issuer, "://"): // a programme has none, nor has who is being recovered
		return map[string]string{"format": string(IssSub), "iss": a.Identity.Issuer, "sub": a.Identity.Subject}
	case t.Format == Email && a.Mail != "":
		return map[string]string{"format": string(Email), "email": a.Mail}
	case t.Format == Opaque:
		return map[string]string{"format": string(Opaque), "id": string(a.ID)}
	default:
		return nil
	}
}

// stopped reports whether an account is disabled for another act than the one that is told:
// who lifts that one too brings an entry of its own.
func (t *Teller) stopped(ctx context.Context, a roster.Account) (bool, error) {
	if !a.Closed.IsZero() || a.Diverged != 0 {
		return true, nil
	}
	set, err := t.Orders.InForce(ctx)
	for _, o := range set {
		if disables(o) && o.Target == string(a.ID) {
			return true, err
		}
	}
	return false, err
}

// push hands one token over. RFC 8935 has 202 for what was taken, and nothing else is taken
// for it. A receiver that refuses the token itself would refuse it for ever; one that does not
// know Poterne, or its key, will when somebody has looked, and nothing is lost until then.
func (t *Teller) push(ctx context.Context, signed string) (Outcome, error) {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL, bytes.NewReader([]byte(signed)))
	if err != nil {
		return Failed, err
	}
	r.Header.Set("Content-Type", "application/secevent+jwt")
	r.Header.Set("Accept", "application/json")
	if t.Token != "" {
		r.Header.Set("Authorization", "Bearer "+t.Token)
	}
	answer, err := t.Client.Do(r)
	if err != nil {
		return Failed, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, mostAnswer))
	var said struct{ Err string }
	switch {
	case answer.StatusCode == http.StatusAccepted:
		return Told, nil
	case answer.StatusCode != http.StatusBadRequest:
		return Failed, fmt.Errorf("the receiver answers %s", answer.Status)
	case err != nil || json.Unmarshal(text, &said) != nil:
		return Failed, errors.New("the receiver refuses, and does not say why")
	case said.Err == "invalid_request":
		return Refused, nil
	default:
		return Failed, fmt.Errorf("the receiver refuses what Poterne sends: %.40q", said.Err)
	}
}

// body is what an event says besides its kind.
type body struct {
	At     int64  `json:"event_timestamp"`
	By     string `json:"initiating_entity"`
	Change string `json:"change_type,omitempty"`
	What   string `json:"credential_type,omitempty"`
}

// The events that are told, as CAEP and RISC name them.
const (
	Revoked    = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
	Credential = "https://schemas.openid.net/secevent/caep/event-type/credential-change"
	Disabled   = "https://schemas.openid.net/secevent/risc/event-type/account-disabled"
	Enabled    = "https://schemas.openid.net/secevent/risc/event-type/account-enabled"
)

// event is one event about an account.
type event struct {
	kind string
	body body
}

// disables reports whether an order disables the account that is its target, until somebody
// lifts it. One that ends by itself does not: nothing would say that it has ended.
func disables(o order.Order) bool {
	return o.Effect == order.Suspended && o.Reach == order.Account && o.Ends.IsZero()
}

// eventsOf is what an entry tells of an account, if anything. What another system told is not
// handed on, and so goes round no circle; a disabled account is told of where its opening
// will be, and else as sessions that ended.
func eventsOf(e ledger.Entry) (of roster.AccountID, events []event) {
	tell := func(account roster.AccountID, kinds ...string) (roster.AccountID, []event) {
		for _, kind := range kinds {
			b := body{At: e.Time.Unix(), By: "admin"}
			switch e.Account {
			case journal.Itself:
				b.By = "policy"
			case account:
				b.By = "user"
			}
			if kind == Credential {
				b.Change, b.What = "revoke", "fido2-roaming"
			}
			events = append(events, event{kind, b})
		}
		return account, events
	}
	suspends := e.Reach == order.Account && e.Effect == order.Suspended
	switch {
	case e.Kind == ledger.Placed && suspends && disables(e.Order()):
		return tell(roster.AccountID(e.Target), Disabled, Revoked)
	case e.Kind == ledger.Placed && suspends:
		return tell(roster.AccountID(e.Target), Revoked)
	case e.Kind == ledger.Lifted && suspends:
		return tell(roster.AccountID(e.Target), Enabled)
	case e.Kind == ledger.Ended || e.Kind == ledger.Diverged:
		return tell(e.Subject, Disabled, Revoked)
	case e.Kind == ledger.Lapsed:
		return tell(e.Subject, Revoked)
	case e.Kind == ledger.Joined || e.Kind == ledger.Readmitted && e.State == ledger.Granted:
		return tell(e.Subject, Enabled)
	case e.Kind == ledger.Recovery && e.State == ledger.Begun:
		return tell(e.Subject, Credential, Revoked)
	case e.Kind == ledger.Session && e.State != ledger.Unbound && e.State != ledger.Keyless:
		return tell(e.Account, Revoked)
	default:
		return "", nil
	}
}
