package accounts

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"

	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/mail"
	"poterne/internal/roster"
)

// Sender hands a mail to the server that delivers it.
type Sender interface {
	Send(context.Context, mail.Message) error
}

// Service does the acts of an account's life.
type Service struct {
	Writer   journal.Writer
	Bounds   Bounds
	Sender   Sender // nil: no mail server is configured, and nobody can be invited
	Invite   string // the address that an invitation leads to, without its token
	Home     string // the address of the managers' list of accounts
	StopLink string // the address that stops a recovery, without its token
	Module   string // the address of the portal's own module

	Awareness Awareness
}

var (
	// NoServer is the error of an invitation that nothing can send.
	NoServer = fault.Errorf(fault.Unavailable, "no mail server is configured: nobody can be invited")
	// NotSent is the error of an invitation that was made and that the mail server did not take.
	NotSent = fault.Errorf(fault.Unavailable, "it is approved, and the invitation could not be sent: send it again")
)

// Invites reports whether invitations can be sent.
func (s Service) Invites() bool { return s.Sender != nil }

// Propose asks for an account, and returns the proposal's number.
func (s Service) Propose(ctx context.Context, p Proposal) (ledger.Number, error) {
	if !s.Invites() {
		return 0, NoServer
	}
	entry, err := journal.Do(ctx, s.Writer, &Propose{Proposal: p, Bounds: s.Bounds})
	return entry.Number, err
}

// Approve approves a proposal and sends the invitation. Approving again sends another, which
// replaces the first. NotSent says that only the mail failed. A programme is not invited: it
// has its account at once.
func (s Service) Approve(ctx context.Context, number ledger.Number, by roster.AccountID) error {
	if !s.Invites() {
		return NoServer
	}
	approve := &Approve{Number: number, By: by, Token: rand.Text() + rand.Text(), Bounds: s.Bounds}
	err := s.Writer.Turn(ctx, 4, func(tx *journal.Tx) error {
		if _, err := journal.Within(tx, approve); err != nil || approve.proposal.Role != roster.Programme {
			return err
		}
		_, err := journal.Within(tx, &Join{Number: number, By: journal.Itself, Review: s.Bounds.Review})
		return err
	})
	if err != nil || approve.proposal.Role == roster.Programme {
		return err
	}
	switch approve.proposal.Stage {
	case Waiting: // the recovery waits for another, too
		return nil
	case Delayed:
		return s.warn(ctx, approve.proposal, approve.Token, "mail.recovery-approved")
	}
	link := s.Invite + "?token=" + url.QueryEscape(approve.Token)
	if err := s.Sender.Send(ctx, mail.Bilingual(approve.proposal.Mail, "mail.invitation", "link", link, "name", approve.proposal.Name)); err != nil {
		return &fault.Error{Kind: fault.Unavailable, Public: fault.Public(NotSent), Err: errors.Join(NotSent, err)}
	}
	return nil
}

// Decline withdraws or refuses a proposal.
func (s Service) Decline(ctx context.Context, number ledger.Number, by roster.AccountID, because string) error {
	_, err := journal.Do(ctx, s.Writer, &Decline{Number: number, By: by, Because: because})
	return err
}

// Accept binds an invitation to who accepted it. The account is there at once if two people
// had this very identity before them; otherwise one of them confirms it first.
func (s Service) Accept(ctx context.Context, token string, who Visitor) (p Proposal, err error) {
	err = s.Writer.Turn(ctx, 4, func(tx *journal.Tx) error {
		accept := &Accept{Token: token, Visitor: who}
		if _, err := journal.Within(tx, accept); err != nil {
			return err
		}
		if p = accept.Proposal; !p.joins() {
			return nil
		}
		join := &Join{Number: p.Number, By: journal.Itself, Review: s.Bounds.Review}
		_, err := journal.Within(tx, join)
		p = join.proposal
		return err
	})
	return p, err
}

// Confirm makes the account of who accepted an invitation.
func (s Service) Confirm(ctx context.Context, number ledger.Number, by roster.AccountID) error {
	_, err := journal.Do(ctx, s.Writer, &Join{Number: number, By: by, Review: s.Bounds.Review})
	return err
}

// Close closes an account by hand.
func (s Service) Close(ctx context.Context, of, by roster.AccountID, because string) error {
	_, err := journal.Do(ctx, s.Writer, &Close{By: by, Of: of, Why: ledger.ByHand, Because: because})
	return err
}

// CloseBy closes an account of an organisation for a system that provisions its accounts.
func (s Service) CloseBy(ctx context.Context, of, client roster.AccountID, organisation roster.OrganisationID) error {
	_, err := journal.Do(ctx, s.Writer, &Close{By: client, Of: of, Why: ledger.ByHand, Within: organisation, Because: "SCIM"})
	return err
}

// Review confirms accounts, until they must be confirmed again.
func (s Service) Review(ctx context.Context, of []roster.AccountID, by roster.AccountID) error {
	_, err := journal.Do(ctx, s.Writer, &Review{By: by, Of: of, For: s.Bounds.Review})
	return err
}

// Admit admits the accounts that a roster made or changed.
func (s Service) Admit(ctx context.Context, number ledger.Number, by roster.AccountID) error {
	_, err := journal.Do(ctx, s.Writer, &Admit{By: by, Import: number})
	return err
}

// Enrol gives an account a passkey.
func (s Service) Enrol(ctx context.Context, k roster.Passkey, in ledger.Entry) error {
	_, err := journal.Do(ctx, s.Writer, &Enrol{Passkey: k, Entry: in})
	return err
}

// Remove takes a passkey away from an account; the last one too, if so said.
func (s Service) Remove(ctx context.Context, of roster.AccountID, id []byte, last bool, in ledger.Entry) error {
	_, err := journal.Do(ctx, s.Writer, &Remove{Account: of, ID: id, Last: last, Entry: in})
	return err
}

// Use writes an entry down for which a passkey vouches. Cloned says that the passkey was
// disabled instead.
func (s Service) Use(ctx context.Context, u Use) error {
	if _, err := journal.Do(ctx, s.Writer, &u); err != nil {
		return err
	}
	if u.Cloned {
		return Cloned
	}
	return nil
}
