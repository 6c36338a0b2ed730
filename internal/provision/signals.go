package provision

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"poterne/internal/containment"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/roster"
)

// SignalsPattern is where transmitters push security events, RFC 8935: one signed token in
// each request.
const SignalsPattern = "POST /.poterne/signals/{transmitter}"

// Transmitter is a system that tells of sessions, credentials and accounts, by Shared Signals.
type Transmitter struct {
	Name     string
	Issuer   string             // iss of its tokens
	Keys     jose.JSONWebKeySet // that sign them
	People   string             // issuer of the identities that it speaks of
	Provider string             // behind a federation; may be empty

	Poll      string // where its tokens are fetched; empty: it pushes them only
	PollToken string // a bearer's; empty for none
}

// ID is by whom the ledger says that what it tells is done.
func (t Transmitter) ID() roster.AccountID {
	return roster.TransmitterPrefix + roster.AccountID(t.Name)
}

// The events that have an effect, and what the ledger calls them.
var events = map[string]ledger.State{
	"https://schemas.openid.net/secevent/caep/event-type/session-revoked":   ledger.SessionRevoked,
	"https://schemas.openid.net/secevent/caep/event-type/credential-change": ledger.CredentialChanged,
	"https://schemas.openid.net/secevent/risc/event-type/account-disabled":  ledger.AccountDisabled,
}

const (
	oldestSignal  = 7 * 24 * time.Hour // a transmitter tries again for so long
	clocks        = 5 * time.Minute
	largestSignal = 16 << 10
	// mostSuspended bounds how many accounts one transmitter suspends within an hour: beyond
	// that its key is in other hands, or somebody must look.
	mostSuspended = 20
)

// Signals takes security events in.
type Signals struct {
	Transmitters []Transmitter
	Audience     string // who Poterne is to them
	Writer       journal.Writer
	Roster       interface {
		// ByIdentity returns the account bound to an identity; fault.Absent when there is none.
		ByIdentity(context.Context, roster.Identity) (roster.Account, roster.Organisation, error)
	}
	EndAll func(context.Context, roster.AccountID) error // ends an account's sessions
	Marks  interface {
		// Once sets a mark until a time, and reports whether it was new.
		Once(ctx context.Context, mark [sha256.Size]byte, until time.Time) (bool, error)
		// Marked reports whether a mark is set.
		Marked(ctx context.Context, mark [sha256.Size]byte) (bool, error)
	}
	Now func() time.Time
	Log *slog.Logger
}

// refusedSignal is why a token is not taken in, as RFC 8935 says it.
type refusedSignal struct{ code, text string }

func (e refusedSignal) Error() string { return e.text }

// ServeHTTP takes one token in. It answers 202 once what the token tells is done.
func (s *Signals) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	err := s.pushed(r)
	var refused refusedSignal
	switch {
	case err == nil:
		w.WriteHeader(http.StatusAccepted)
	case errors.As(err, &refused):
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"err": refused.code, "description": refused.text})
	default:
		s.Log.ErrorContext(r.Context(), "a signal was not taken in", slog.String("transmitter", r.PathValue("transmitter")), slog.Any("err", err))
		http.Error(w, "it could not be taken in; send the same again", http.StatusServiceUnavailable)
	}
}

// signal is a security event token, RFC 8417.
type signal struct {
	jwt.Claims
	Subject *subject                   `json:"sub_id"`
	Events  map[string]json.RawMessage `json:"events"`
}

// subject is whom an event is about, RFC 9493: a user, or what holds one.
type subject struct {
	Format string   `json:"format"`
	Issuer string   `json:"iss"`
	Name   string   `json:"sub"`
	User   *subject `json:"user"`
}

// identity is the identity that a subject names.
func (s *subject) identity() (issuer, name string, ok bool) {
	if s == nil {
		return "", "", false
	}
	if s.User != nil {
		s = s.User
	}
	return s.Issuer, s.Name, (s.Format == "iss_sub" || s.Format == "") && s.Issuer != "" && s.Name != ""
}

// pushed takes in the token of a request.
func (s *Signals) pushed(r *http.Request) error {
	i := slices.IndexFunc(s.Transmitters, func(t Transmitter) bool { return t.Name == r.PathValue("transmitter") })
	if i < 0 {
		return refusedSignal{"invalid_issuer", "no such transmitter"}
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/secevent+jwt" {
		return refusedSignal{"invalid_request", "send application/secevent+jwt"}
	}
	text, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, largestSignal))
	if err != nil {
		return refusedSignal{"invalid_request", "too long"}
	}
	told, err := s.read(s.Transmitters[i], string(text))
	if err != nil {
		return err
	}
	return s.do(r.Context(), s.Transmitters[i], told)
}

// do does what a signal tells, once.
func (s *Signals) do(ctx context.Context, from Transmitter, told signal) error {
	mark := sha256.Sum256([]byte("signal\x00" + from.Name + "\x00" + told.ID))
	if done, err := s.Marks.Marked(ctx, mark); err != nil || done {
		return err
	}
	for kind, body := range told.Events {
		if err := s.act(ctx, from, told, kind, body); err != nil {
			return err
		}
	}
	// Only now: whoever stops in between is told the same again, and does it again.
	_, err := s.Marks.Once(context.WithoutCancel(ctx), mark, s.Now().Add(2*oldestSignal))
	return err
}

// read verifies a token: signed by one of the transmitter's keys, from it, for Poterne, with
// a name of its own, neither old nor to come.
func (s *Signals) read(from Transmitter, text string) (told signal, err error) {
	token, err := jwt.ParseSigned(strings.TrimSpace(text), []jose.SignatureAlgorithm{jose.EdDSA, jose.ES256, jose.RS256, jose.PS256})
	if err != nil || len(token.Headers) != 1 {
		return told, refusedSignal{"invalid_request", "not a signed token"}
	}
	if kind, _ := token.Headers[0].ExtraHeaders["typ"].(string); !strings.EqualFold(strings.TrimPrefix(kind, "application/"), "secevent+jwt") {
		return told, refusedSignal{"invalid_request", "typ is not secevent+jwt"} // another token of the same key tells nothing
	}
	err = errors.New("no key")
	for _, key := range from.Keys.Keys {
		if id := token.Headers[0].KeyID; id != "" && key.KeyID != "" && id != key.KeyID {
			continue
		}
		if err = token.Claims(key, &told); err == nil {
			break
		}
	}
	now := s.Now()
	switch {
	case err != nil:
		return told, refusedSignal{"invalid_key", "not signed by the transmitter"}
	case told.Issuer != from.Issuer:
		return told, refusedSignal{"invalid_issuer", "from another issuer"}
	case !told.Audience.Contains(s.Audience):
		return told, refusedSignal{"invalid_audience", "for somebody else"}
	case told.ID == "" || told.IssuedAt == nil || len(told.Events) == 0 || told.Expiry != nil && !now.Before(told.Expiry.Time()):
		return told, refusedSignal{"invalid_request", "jti, iat or events are missing, or it has expired"}
	case told.IssuedAt.Time().After(now.Add(clocks)) || told.IssuedAt.Time().Before(now.Add(-oldestSignal)):
		return told, refusedSignal{"invalid_request", "iat is to come, or is too long ago"}
	}
	return told, nil
}

// act does what one event takes. Of whom Poterne does not know, and of what it does not know,
// nothing is done, and nothing is said: whether somebody has an account is not the
// transmitter's to learn.
func (s *Signals) act(ctx context.Context, from Transmitter, told signal, kind string, body json.RawMessage) error {
	state, known := events[kind]
	if !known {
		return nil // verification, and what has no effect here
	}
	who := told.Subject
	if who == nil { // in the event, as CAEP had it before RFC 9493
		var before struct {
			Subject *subject `json:"subject"`
		}
		if err := json.Unmarshal(body, &before); err != nil {
			return refusedSignal{"invalid_request", "an event cannot be read"}
		}
		who = before.Subject
	}
	issuer, name, ok := who.identity()
	if !ok || issuer != from.People {
		return refusedSignal{"invalid_request", "the subject is no identity of whom this transmitter speaks"}
	}
	account, _, err := s.Roster.ByIdentity(ctx, roster.Identity{Issuer: issuer, Provider: from.Provider, Subject: name})
	if fault.Is(err, fault.Absent) {
		return nil
	}
	if err != nil {
		return err
	}
	if state == ledger.AccountDisabled {
		if err := s.suspend(ctx, from, account); err != nil {
			return err
		}
	}
	heard := ledger.Entry{Kind: ledger.Heard, Account: from.ID(), Organisation: account.Organisation, Subject: account.ID, State: state}
	return errors.Join(s.EndAll(ctx, account.ID), journal.Record(ctx, s.Writer, heard))
}

// suspend suspends an account, once. Nobody of the security desk is suspended by a signal,
// and no more than a few accounts within an hour: whoever has a transmitter's key MUST NOT
// close the house. Their sessions end all the same.
func (s *Signals) suspend(ctx context.Context, from Transmitter, account roster.Account) error {
	err := error(fault.Errorf(fault.Refused, "somebody of the security desk"))
	if account.Role != roster.Security {
		_, err = journal.Do(ctx, s.Writer, containment.Place{Once: true, Most: mostSuspended, Order: order.Order{
			Effect: order.Suspended, Reach: order.Account, Target: string(account.ID), By: string(from.ID()), Because: fmt.Sprintf("Shared Signals: %s", from.Name),
		}})
	}
	switch {
	case errors.Is(err, journal.Unchanged):
		return nil
	case fault.Is(err, fault.Refused):
		s.Log.WarnContext(ctx, "a signal does not suspend this account: its sessions end", slog.String("transmitter", from.Name), slog.Any("err", err))
		return nil
	}
	return err
}
