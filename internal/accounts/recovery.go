package accounts

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"slices"
	"time"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/mail"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// RecoveryWaits is how long a recovery that two people approved waits, so that the account's
// person can stop it.
const RecoveryWaits = 24 * time.Hour

// Recover asks that an account whose person has lost their way in be bound anew. It gives
// nobody a secret: at its end the person is invited again, at the address that is known.
type Recover struct {
	Of, By  roster.AccountID
	Because string
	Token   string // that stops it: only its digest is kept

	proposal Proposal
}

var (
	// NoMail is the error of a recovery of an account whose person cannot be told.
	NoMail = fault.Errorf(fault.Invalid, "this account has no mail address: its person could not be told, and it is not recovered; close it and propose another")
	// RecoveryWaitsAlready is the error of a second recovery of an account.
	RecoveryWaitsAlready = fault.Errorf(fault.Invalid, "a recovery of this account waits already")
)

// Decide implements journal.Act.
func (r *Recover) Decide(tx *journal.Tx, rows ProposalRows) (ledger.Entry, error) {
	by, err := approval.One(tx, rows, r.By, approval.Demand{For: "a recovery", Confirmed: true})
	if err != nil {
		return ledger.Entry{}, err
	}
	if err := typed.Check("a recovery", r.Because); err != nil {
		return ledger.Entry{}, err
	}
	a, err := rows.Account(r.Of)
	switch {
	case err != nil:
		return ledger.Entry{}, err
	case by.Role != roster.Security && by.Organisation != a.Organisation:
		return ledger.Entry{}, noAccount // one of another organisation looks like one that does not exist
	case a.ID == by.ID:
		return ledger.Entry{}, fault.Errorf(fault.Refused, "another person asks for a recovery")
	case !a.Gives(tx.Now()):
		return ledger.Entry{}, fault.Errorf(fault.Invalid, "%q gives no right: there is nothing to recover", a.ID)
	case a.Role == roster.Programme:
		return ledger.Entry{}, fault.Errorf(fault.Refused, "a programme with a new key is a new account: close this one, and propose another")
	case a.Mail == "":
		return ledger.Entry{}, NoMail
	}
	list, err := rows.Proposals(a.Organisation)
	if err != nil {
		return ledger.Entry{}, err
	}
	if slices.ContainsFunc(list, func(p Proposal) bool { return p.Recovers == a.ID && p.Open(tx.Now()) }) {
		return ledger.Entry{}, RecoveryWaitsAlready
	}
	r.proposal = Proposal{
		By: by.ID, Organisation: a.Organisation, Role: a.Role, Name: a.Name, Mail: a.Mail, Until: a.Until, Because: r.Because,
		Recovers: a.ID, Stage: Waiting, Made: tx.Now(), Ends: tx.Now().Add(ProposalWaits), Stop: TokenDigest(r.Token),
	}
	return ledger.Entry{
		Kind: ledger.Recovery, Account: by.ID, Organisation: a.Organisation, Subject: a.ID, State: ledger.Asked, Until: r.proposal.Ends,
		Digest: r.proposal.digest(), Note: r.Because,
	}, nil
}

// Apply implements journal.Act.
func (r *Recover) Apply(rows ProposalRows, e ledger.Entry) error {
	r.proposal.Number = e.Number
	return rows.PutProposal(r.proposal)
}

// approved lets one of two people approve a recovery: each of another lineage than who asked
// for it and than the other, and one of them of another organisation than who asked.
func (p *Proposal) approved(tx *journal.Tx, rows ProposalRows, by roster.AccountID, token string) (ledger.Entry, error) {
	entry := ledger.Entry{Kind: ledger.Recovery, Account: by, Organisation: p.Organisation, Subject: p.Recovers, Cause: p.Number, State: ledger.SignedFor}
	if by == p.Recovers {
		return entry, fault.Errorf(fault.Refused, "nobody approves the recovery of their own account")
	}
	if p.Approver == "" {
		p.Approver = by
		return entry, nil
	}
	first, second, err := approval.Later(tx, rows, p.Approver, by, approval.Demand{For: "a recovery", Confirmed: true})
	if err != nil {
		return entry, err
	}
	asked, err := rows.Account(p.By)
	if err != nil {
		return entry, err
	}
	if first.Organisation == asked.Organisation && second.Organisation == asked.Organisation {
		return entry, fault.Errorf(fault.Refused, "one of the two who approve a recovery is of another organisation than who asked for it: the security desk, or the manager")
	}
	p.Second, p.Stage, p.StopLater, p.Ends = by, Delayed, TokenDigest(token), tx.Now().Add(RecoveryWaits)
	entry.Approver, entry.Until = p.Approver, p.Ends
	return entry, nil
}

// Begin invites the person of an account anew, once the waiting time of its recovery is
// over. From then on the identity that the account was bound to opens nothing.
type Begin struct {
	Number ledger.Number
	Token  string

	proposal Proposal
	rights   Rights
}

// Decide implements journal.Act.
func (b *Begin) Decide(tx *journal.Tx, rows ProposalRows) (ledger.Entry, error) {
	p, err := rows.Proposal(b.Number)
	switch {
	case err != nil:
		return ledger.Entry{}, err
	case p.Stage != Delayed || tx.Now().Before(p.Ends):
		return ledger.Entry{}, journal.Unchanged
	}
	for _, approver := range []roster.AccountID{p.Approver, p.Second} { // what a thief began is not finished
		if _, _, err := approval.Later(tx, rows, p.By, approver, approval.Demand{For: "a recovery"}); err != nil {
			return ledger.Entry{}, err
		}
	}
	there, err := rows.Rights([]roster.AccountID{p.Recovers})
	if err != nil || len(there) == 0 {
		return ledger.Entry{}, cmp.Or(err, noAccount)
	}
	if b.rights = there[0]; !b.rights.Account.Gives(tx.Now()) {
		return ledger.Entry{}, noAccount
	}
	lost := b.rights.Account.Identity
	b.rights.Account.Identity = roster.Identity{Issuer: "recovery", Subject: string(p.Recovers)} // no provider has this issuer
	b.rights.Account.Opened = tx.Now()
	p.Stage, p.Invitation, p.Ends = Invited, TokenDigest(b.Token), tx.Now().Add(InvitationWaits)
	b.proposal = p
	return ledger.Entry{
		Kind: ledger.Recovery, Account: journal.Itself, Organisation: p.Organisation, Subject: p.Recovers, Approver: p.Approver, Cause: p.Number, State: ledger.Begun, Until: p.Ends, Identity: lost,
	}, nil
}

// Apply implements journal.Act.
func (b *Begin) Apply(rows ProposalRows, _ ledger.Entry) error {
	if err := rows.PutAccount(b.rights.Account); err != nil {
		return err
	}
	return rows.PutProposal(b.proposal)
}

// Details implements journal.Details.
func (b *Begin) Details() []ledger.Entry {
	return changed{b.rights}.assigned(journal.Itself)
}

// Changes implements journal.Changes.
func (*Begin) Changes() bool { return true }

// Stop ends a recovery by a link that the account's person was sent, or by the person
// themself. It only stops.
type Stop struct {
	Token string
	Of    roster.AccountID // who is signed in; empty: the token says whose it is

	proposal Proposal
}

// Decide implements journal.Act.
func (s *Stop) Decide(tx *journal.Tx, rows ProposalRows) (ledger.Entry, error) {
	list, err := rows.Proposals("")
	if err != nil {
		return ledger.Entry{}, err
	}
	digest := TokenDigest(s.Token)
	i := slices.IndexFunc(list, func(p Proposal) bool {
		return p.Recovers != "" && p.Open(tx.Now()) && (s.Of != "" && p.Recovers == s.Of || s.Of == "" && (p.Stop == digest || p.StopLater == digest))
	})
	if i < 0 {
		return ledger.Entry{}, NotWaiting
	}
	p := list[i]
	p.Stage, p.Invitation, p.Stop, p.StopLater = Ceased, ledger.Digest{}, ledger.Digest{}, ledger.Digest{}
	s.proposal = p
	return ledger.Entry{Kind: ledger.Recovery, Account: s.Of, Organisation: p.Organisation, Subject: p.Recovers, Cause: p.Number, State: ledger.Stopped}, nil
}

// Apply implements journal.Act.
func (s *Stop) Apply(rows ProposalRows, _ ledger.Entry) error { return rows.PutProposal(s.proposal) }

// NotTold is the error of a recovery whose person could not be told: it does not go on.
var NotTold = fault.Errorf(fault.Unavailable, "the person could not be told by mail, so that the recovery does not go on: ask again later")

// Recover asks for a recovery, and sends the person the link that stops it.
func (s Service) Recover(ctx context.Context, of, by roster.AccountID, because string) error {
	if !s.Invites() {
		return NoServer
	}
	act := &Recover{Of: of, By: by, Because: because, Token: rand.Text() + rand.Text()}
	if _, err := journal.Do(ctx, s.Writer, act); err != nil {
		return err
	}
	return s.warn(ctx, act.proposal, act.Token, "mail.recovery-asked")
}

// warn tells the person of an account that it is being recovered; without that, it ends.
func (s Service) warn(ctx context.Context, p Proposal, token, key string) error {
	err := s.Sender.Send(ctx, mail.Bilingual(p.Mail, key, "name", p.Name, "link", s.StopLink+"?token="+url.QueryEscape(token)))
	if err == nil {
		return nil
	}
	_, stopped := journal.Do(context.WithoutCancel(ctx), s.Writer, &Stop{Token: token})
	return &fault.Error{Kind: fault.Unavailable, Public: fault.Public(NotTold), Err: errors.Join(NotTold, err, stopped)}
}

// Stop ends a recovery by the token of a link.
func (s Service) Stop(ctx context.Context, token string) error {
	_, err := journal.Do(ctx, s.Writer, &Stop{Token: token})
	return err
}

// StopOwn ends the recovery of an account at its person's word.
func (s Service) StopOwn(ctx context.Context, of roster.AccountID) error {
	_, err := journal.Do(ctx, s.Writer, &Stop{Of: of})
	return err
}

// begin invites the people of accounts whose recovery has waited long enough.
func (n *Notices) begin(ctx context.Context) error {
	list, err := n.Roster.Proposals(ctx, "")
	if err != nil || !n.Invites() {
		return err
	}
	for _, p := range list {
		if p.Stage != Delayed || n.Now().Before(p.Ends) {
			continue
		}
		begin := &Begin{Number: p.Number, Token: rand.Text() + rand.Text()}
		switch _, err := journal.Do(ctx, n.Writer, begin); {
		case errors.Is(err, journal.Unchanged): // another node was quicker
			continue
		case fault.Is(err, fault.Refused) || fault.Is(err, fault.Absent):
			continue // one of those who approved is stopped: it waits
		case err != nil:
			return err
		}
		err := errors.Join(n.EndAll(ctx, p.Recovers), n.Sender.Send(ctx, mail.Bilingual(p.Mail, "mail.invitation", "name", p.Name, "link", n.Invite+"?token="+url.QueryEscape(begin.Token))))
		if err != nil {
			return err // who approved it can send the invitation again
		}
	}
	return nil
}
