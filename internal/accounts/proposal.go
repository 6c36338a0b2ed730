package accounts

import (
	"cmp"
	"crypto/sha256"
	"strconv"
	"time"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// Stage is how far a proposal has come.
type Stage string

const (
	Waiting  Stage = "proposed" // for a second person
	Invited  Stage = "invited"  // that person approved, and an invitation was sent
	Agreed   Stage = "accepted" // an identity accepted it, and waits to be confirmed
	HasBegun Stage = "joined"   // it has an account
	Ceased   Stage = "declined" // it was withdrawn, refused or stopped
	Delayed  Stage = "delayed"  // a recovery that two people approved, while the account's person can stop it
)

// Right is what a proposed account may use.
type Right struct {
	Service roster.ServiceID
	Purpose roster.Purpose
}

// Proposal is an account that is asked for.
type Proposal struct {
	Number       ledger.Number // of the entry that made it
	By           roster.AccountID
	Organisation roster.OrganisationID
	Role         roster.Role
	Name, Mail   string
	Rights       []Right
	Until        time.Time // when the account ends
	Because      string
	Identity     roster.Identity // whom it is for, of those refused at the door, or who accepted it
	Known        bool            // the identity was named by whoever proposed it

	Made       time.Time
	Stage      Stage
	Approver   roster.AccountID
	Invitation ledger.Digest // of the newest invitation's token
	Ends       time.Time     // when what it waits for must have come
	Factor     string        // with which the invitation was accepted
	ACR        string
	Passkey    []byte           // the ID of the passkey that its identity enrolled in accepting; nil for none
	SameMail   bool             // the provider gave the address that the invitation was sent to
	Account    roster.AccountID // that it became

	Recovers  roster.AccountID // the account that is to be bound anew; empty: it is for a new one
	Second    roster.AccountID // of a recovery, the other who approved it
	Stop      ledger.Digest    // of the tokens that stop a recovery
	StopLater ledger.Digest
}

// Open reports whether the proposal still waits for something at now.
func (p Proposal) Open(now time.Time) bool {
	return (p.Stage == Waiting || p.Stage == Invited || p.Stage == Agreed) && now.Before(p.Ends) || p.Stage == Delayed
}

// digest is what the ledger has of a proposal's row.
func (p Proposal) digest() ledger.Digest {
	return ledger.DigestRows(func(row func(...any)) {
		row("proposal", p.By, p.Organisation, p.Role, p.Name, p.Mail, p.Until.UnixMicro(), p.Identity.Issuer, p.Identity.Provider, p.Identity.Subject, p.Recovers)
		for _, r := range p.Rights {
			row("right", r.Service, r.Purpose)
		}
	})
}

// How long a proposal waits for a second person, an invitation to be accepted, and who
// accepted it to be confirmed.
const (
	ProposalWaits   = 14 * 24 * time.Hour
	InvitationWaits = 72 * time.Hour
	AcceptedWaits   = 7 * 24 * time.Hour
)

// LongestAccount is how far ahead an account's end may be.
const LongestAccount = 366 * 24 * time.Hour

// How many accounts one person approves within 28 days: a manager, and one of the desk.
const (
	mostApproved     = 30
	mostDeskApproves = 300
)

// What may wait at once: more would hide the one that matters.
const (
	mostOfOne          = 10 // proposals of one account
	mostOfOrganisation = 50
)

// ProposalRows are proposals and the accounts there are, in this turn.
type ProposalRows interface {
	Rows
	PasskeyRows
	// ByIdentity returns the account bound to an identity; fault.Absent when there is none.
	ByIdentity(roster.Identity) (roster.Account, error)
	// Proposal returns a proposal; fault.Absent when there is none.
	Proposal(ledger.Number) (Proposal, error)
	// Invited returns the proposal whose newest invitation has a digest; fault.Absent when
	// there is none.
	Invited(ledger.Digest) (Proposal, error)
	// Proposals returns those of an organisation that wait for something, or did when they
	// lapsed; of all organisations when it is empty.
	Proposals(roster.OrganisationID) ([]Proposal, error)
	// ProposedSince returns how many proposals an account made since a time.
	ProposedSince(roster.AccountID, time.Time) (int, error)
	// ApprovedSince returns how many proposals made since a time an account approved.
	ApprovedSince(roster.AccountID, time.Time) (int, error)
	// PutProposal replaces a proposal, or makes it.
	PutProposal(Proposal) error
}

// Bounds are what organisations may have.
type Bounds struct {
	Quota  func(roster.OrganisationID) int
	Rights map[Right]bool // that can be proposed: each service with its purpose
	Roles  []roster.Role  // of people who read files
	Review time.Duration  // after which managers must have confirmed an account; zero: they need not
}

// Propose asks for an account. Nothing comes of it before a second person approves.
type Propose struct {
	Proposal
	Bounds Bounds

	lately int // proposals of the same account within a day, this one included
}

// manyWithin and many are how many proposals of one account within how long are a signal.
const (
	manyWithin = 24 * time.Hour
	many       = 2
)

var (
	// MailTaken is the error of a person who has an account, or is proposed for one.
	MailTaken = fault.Errorf(fault.Invalid, "this address has an account, or is proposed for one: one person has one account")
	// QuotaReached is the error of an organisation that has all accounts it may have.
	QuotaReached = fault.Errorf(fault.Invalid, "this organisation has as many accounts as it may have: close one, or ask the operator for more")
	// ManyWait is the error of a proposer, or an organisation, with many proposals.
	ManyWait = fault.Errorf(fault.Invalid, "too many proposals wait: have them approved or withdrawn first")
	// ApprovedMost is the error of somebody who has approved as many accounts as one person may.
	ApprovedMost = fault.Errorf(fault.Refused, "you have approved as many accounts as one person may within 28 days: another person looks at this one")
	// IdentityTaken is the error of an identity that has an account.
	IdentityTaken = fault.Errorf(fault.Refused, "this identity has an account already")
	// NoInvitation is the error of a token that invites nobody any more.
	NoInvitation = fault.Errorf(fault.Absent, "this invitation is over: it was used, withdrawn or replaced, or its 72 hours have passed")
	// OtherOrganisation is the error of an identity that its provider says to be of another.
	OtherOrganisation = fault.Errorf(fault.Refused, "the identity provider says that this identity is of another organisation")
	// OtherIdentity is the error of another identity than the one that is invited.
	OtherIdentity = fault.Errorf(fault.Refused, "this invitation is for another identity")
	// NotWaiting is the error of a proposal that does not wait for this.
	NotWaiting = fault.Errorf(fault.Absent, "this proposal does not wait for that any more")
)

// Decide implements journal.Act.
func (p *Propose) Decide(tx *journal.Tx, rows ProposalRows) (ledger.Entry, error) {
	var by roster.Account
	var err error
	if p.By.Client() {
		by, err = roster.Account{ID: p.By, Organisation: p.Organisation}, client(tx, p.By)
	} else {
		by, err = approval.One(tx, rows, p.By, approval.Demand{For: "a new account", Confirmed: true})
	}
	if err != nil {
		return ledger.Entry{}, err
	}
	if err := p.check(tx.Now()); err != nil {
		return ledger.Entry{}, err
	}
	if p.By.Client() && !p.Role.ReadsFiles() {
		return ledger.Entry{}, fault.Errorf(fault.Refused, "a person proposes whoever signs for others")
	}
	if by.Role != roster.Security && (by.Organisation != p.Organisation || p.Role == roster.Security) {
		return ledger.Entry{}, fault.Errorf(fault.Refused, "a manager proposes accounts of their own organisation, and none of the security desk")
	}
	if list, err := rows.Organisations([]roster.OrganisationID{p.Organisation}); err != nil || len(list) == 0 {
		return ledger.Entry{}, cmp.Or(err, fault.Errorf(fault.Invalid, "there is no such organisation"))
	}
	if err := p.room(tx.Now(), rows); err != nil {
		return ledger.Entry{}, err
	}
	if err := p.anew(rows, p.Mail, p.Identity); err != nil {
		return ledger.Entry{}, err
	}
	if err := p.stranger(rows, p.Mail, by); err != nil {
		return ledger.Entry{}, err
	}
	if p.lately, err = rows.ProposedSince(p.By, tx.Now().Add(-manyWithin)); err != nil {
		return ledger.Entry{}, err
	}
	p.lately++
	return ledger.Entry{
		Kind: ledger.Proposed, Account: p.By, Organisation: p.Organisation, Until: p.Until, Identity: p.Identity,
		State: ledger.State(p.Role), Count: uint64(len(p.Rights)), Digest: p.digest(), Note: p.Because,
	}, nil
}

// check says what is wrong with what was typed.
func (p *Propose) check(now time.Time) error {
	if err := typed.Check("a proposal", p.Because); err != nil {
		return err
	}
	if err := roster.CheckTypedName(p.Name); err != nil {
		return fault.Errorf(fault.Invalid, "the account's name %w", err)
	}
	if _, err := roster.ParseRole(string(p.Role), p.Bounds.Roles); err != nil {
		return fault.Errorf(fault.Invalid, "%w", err)
	}
	if !p.Role.Fits(p.Identity) {
		return fault.Errorf(fault.Invalid, "a programme is proposed with the public key that it has, and nobody else with one")
	}
	if mail, err := roster.Mail(p.Mail); err != nil || mail != p.Mail {
		return fault.Errorf(fault.Invalid, "the address is no mail address in its one spelling")
	}
	if !p.Until.After(now) || p.Until.Sub(now) > LongestAccount {
		return fault.Errorf(fault.Invalid, "an account ends, within a year")
	}
	if p.Role.ReadsFiles() != (len(p.Rights) > 0) {
		return fault.Errorf(fault.Invalid, "whoever reads files needs a service, and whoever manages or watches has none")
	}
	for _, r := range p.Rights {
		if !p.Bounds.Rights[r] {
			return fault.Errorf(fault.Invalid, "no service %q is declared for that purpose", r.Service)
		}
	}
	return nil
}

// room refuses more than may wait at once, and more accounts than the organisation may have.
func (p *Propose) room(now time.Time, rows ProposalRows) error {
	list, err := rows.Proposals(p.Organisation)
	if err != nil {
		return err
	}
	waiting, own := 0, 0
	for _, other := range list {
		if !other.Open(now) {
			continue
		}
		waiting++
		if other.By == p.By {
			own++
		}
		if other.Mail == p.Mail {
			return MailTaken
		}
	}
	if own >= mostOfOne && !p.By.Client() || waiting >= mostOfOrganisation {
		return ManyWait
	}
	return p.Bounds.quota(rows, p.Organisation, waiting+1)
}

// quota refuses so many accounts more than there are.
func (b Bounds) quota(rows ProposalRows, of roster.OrganisationID, more int) error {
	list, err := rows.Organisations([]roster.OrganisationID{of})
	if err != nil {
		return err
	}
	most := b.Quota(of)
	if len(list) == 1 && list[0].Quota != 0 { // two people gave it one of its own
		most = list[0].Quota
	}
	used, err := rows.OfOrganisation(of)
	if err == nil && len(used)+more > most {
		err = QuotaReached
	}
	return err
}

// anew refuses a person who has an account that is not closed, by mail or by identity; and an
// organisation that is closed.
func (p Proposal) anew(rows ProposalRows, mail string, identity roster.Identity) error {
	if list, err := rows.Organisations([]roster.OrganisationID{p.Organisation}); err != nil || len(list) == 1 && !list[0].Closed.IsZero() {
		return cmp.Or(err, OrganisationShut)
	}
	if mail != "" {
		list, err := rows.ByMail(mail)
		if err != nil {
			return err
		}
		for _, a := range list {
			if a.Closed.IsZero() && a.ID != p.Recovers {
				return MailTaken
			}
		}
	}
	if identity == (roster.Identity{}) {
		return nil
	}
	switch a, err := rows.ByIdentity(identity); {
	case fault.Is(err, fault.Absent):
		return nil
	case err != nil:
		return err
	case a.Closed.IsZero():
		return IdentityTaken
	}
	return nil
}

// stranger refuses a person who is in the lineage of those who make the account.
func (p Proposal) stranger(rows approval.Rows, mail string, makers ...roster.Account) error {
	if p.Recovers != "" {
		return nil
	}
	for _, maker := range makers {
		if err := approval.Stranger(rows, roster.Account{Organisation: p.Organisation, Name: p.Name, Mail: mail}, maker); err != nil {
			return err
		}
	}
	return nil
}

// Apply implements journal.Act.
func (p *Propose) Apply(rows ProposalRows, e ledger.Entry) error {
	made := p.Proposal
	made.Number, made.Made, made.Stage, made.Ends = e.Number, e.Time, Waiting, e.Time.Add(ProposalWaits)
	made.Known = made.Identity != roster.Identity{}
	return rows.PutProposal(made)
}

// Details implements journal.Details: several proposals of one account within a day are a
// signal, which the security desk is told of, too.
func (p *Propose) Details() []ledger.Entry {
	if p.lately < many || p.By.Client() { // a system proposes whoever was hired
		return nil
	}
	return []ledger.Entry{{Kind: ledger.Signalled, Account: p.By, Organisation: p.Organisation, State: ledger.ManyProposals, Count: uint64(p.lately)}}
}

// Approve lets a second person approve a proposal. The invitation's token is not kept: only
// its digest is. Approving again replaces the invitation.
type Approve struct {
	Number ledger.Number
	By     roster.AccountID
	Token  string
	Bounds Bounds

	proposal Proposal
}

// TokenDigest is what is kept of an invitation's token.
func TokenDigest(token string) ledger.Digest { return ledger.Digest(sha256.Sum256([]byte(token))) }

// Decide implements journal.Act.
func (a *Approve) Decide(tx *journal.Tx, rows ProposalRows) (ledger.Entry, error) {
	p, err := rows.Proposal(a.Number)
	if err != nil {
		return ledger.Entry{}, err
	}
	if !p.Open(tx.Now()) || p.Stage == Agreed || p.Stage == Delayed {
		return ledger.Entry{}, NotWaiting
	}
	if err := p.second(tx, rows, a.By); err != nil {
		return ledger.Entry{}, err
	}
	if p.Recovers != "" && p.Stage == Waiting {
		entry, err := p.approved(tx, rows, a.By, a.Token)
		a.proposal = p
		return entry, err
	}
	if err := p.anew(rows, p.Mail, p.Identity); err != nil {
		return ledger.Entry{}, err
	}
	if p.Recovers == "" {
		if err := a.Bounds.quota(rows, p.Organisation, 1); err != nil {
			return ledger.Entry{}, err
		}
		if err := a.bounded(tx, rows); err != nil {
			return ledger.Entry{}, err
		}
	}
	p.Stage, p.Approver, p.Invitation, p.Ends = Invited, a.By, TokenDigest(a.Token), tx.Now().Add(InvitationWaits)
	if p.Role == roster.Programme { // two people had its key before them, and nobody is to be invited
		p.Stage, p.Invitation = Agreed, ledger.Digest{}
	}
	a.proposal = p
	return ledger.Entry{
		Kind: ledger.Approved, Account: a.By, Organisation: p.Organisation, Subject: p.By, Cause: p.Number, Until: p.Ends, Digest: p.digest(),
	}, nil
}

// bounded refuses one more than a person may approve.
func (a *Approve) bounded(tx *journal.Tx, rows ProposalRows) error {
	by, err := rows.Account(a.By)
	if err != nil {
		return err
	}
	approved, err := rows.ApprovedSince(a.By, tx.Now().Add(-meter.Memory))
	most := mostApproved
	if by.Role == roster.Security {
		most = mostDeskApproves
	}
	if err == nil && approved >= most {
		err = ApprovedMost
	}
	return err
}

// second lets a person approve a proposal, or confirm who accepted it: one who is not of the
// proposer's lineage, of the same organisation or of the security desk. Whoever signs for
// others is approved by the security desk.
func (p Proposal) second(tx *journal.Tx, rows approval.Rows, by roster.AccountID) error {
	second, err := p.signer(tx, rows, by, p.Mail, true)
	switch {
	case err != nil:
		return err
	case second.Role == roster.Security:
		return nil
	case second.Organisation != p.Organisation:
		return NotWaiting // one of another organisation looks like one that does not exist
	case !p.Role.ReadsFiles():
		return fault.Errorf(fault.Refused, "the security desk approves whoever signs for others")
	}
	return nil
}

// Apply implements journal.Act.
func (a *Approve) Apply(rows ProposalRows, _ ledger.Entry) error { return rows.PutProposal(a.proposal) }

// Decline ends a proposal: its proposer withdraws it, or another refuses it.
type Decline struct {
	Number  ledger.Number
	By      roster.AccountID
	Because string

	proposal Proposal
}

// Decide implements journal.Act.
func (d *Decline) Decide(tx *journal.Tx, rows ProposalRows) (ledger.Entry, error) {
	var by roster.Account
	var err error
	if d.By.Client() {
		err = client(tx, d.By)
	} else {
		by, err = approval.One(tx, rows, d.By, approval.Demand{For: "ending a proposal"})
	}
	if err != nil {
		return ledger.Entry{}, err
	}
	if err := typed.Check("ending a proposal", d.Because); d.Because != "" && err != nil {
		return ledger.Entry{}, err
	}
	p, err := rows.Proposal(d.Number)
	switch {
	case err != nil:
		return ledger.Entry{}, err
	case !p.Open(tx.Now()) || d.By.Client() && d.By != p.By || !d.By.Client() && by.Role != roster.Security && by.Organisation != p.Organisation:
		return ledger.Entry{}, NotWaiting
	}
	state := ledger.Refused
	if d.By == p.By {
		state = ledger.Withdrawn
	}
	p.Stage, p.Invitation = Ceased, ledger.Digest{}
	d.proposal = p
	return ledger.Entry{
		Kind: ledger.Declined, Account: d.By, Organisation: p.Organisation, Subject: p.By, Cause: p.Number, State: state, Note: d.Because,
	}, nil
}

// Apply implements journal.Act.
func (d *Decline) Apply(rows ProposalRows, _ ledger.Entry) error { return rows.PutProposal(d.proposal) }

// Visitor is an identity that a provider vouches for, and by what.
type Visitor struct {
	Identity roster.Identity
	Mail     string // as the provider gives it; it may be empty
	SIRET    string
	ACR, AMR string
	Factor   string
	Device   string
	Network  string
	Of       func(siret string) bool // whether the provider's word fits an organisation's SIRET
	Passkey  *roster.Passkey         // that they enrol in accepting; nil for none
}

// Accept binds an invitation to the identity that accepts it. It makes no account.
type Accept struct {
	Token   string
	Visitor Visitor

	Proposal Proposal // as it is once accepted
}

// Decide implements journal.Act.
func (a *Accept) Decide(tx *journal.Tx, rows ProposalRows) (ledger.Entry, error) {
	p, err := rows.Invited(TokenDigest(a.Token))
	switch {
	case fault.Is(err, fault.Absent) || err == nil && (p.Stage != Invited || !p.Open(tx.Now())):
		return ledger.Entry{}, NoInvitation
	case err != nil:
		return ledger.Entry{}, err
	case p.Known && p.Identity != a.Visitor.Identity:
		return ledger.Entry{}, OtherIdentity
	}
	mail, _ := roster.Mail(a.Visitor.Mail) // one that is none is no one's
	if err := p.makers(tx, rows, mail); err != nil {
		return ledger.Entry{}, err
	}
	list, err := rows.Organisations([]roster.OrganisationID{p.Organisation})
	if err != nil || len(list) == 0 || !a.Visitor.Of(list[0].SIRET) {
		return ledger.Entry{}, cmp.Or(err, OtherOrganisation)
	}
	if err := p.anew(rows, mail, a.Visitor.Identity); err != nil {
		return ledger.Entry{}, err
	}
	p.Stage, p.Identity, p.Invitation, p.Ends = Agreed, a.Visitor.Identity, ledger.Digest{}, tx.Now().Add(AcceptedWaits)
	p.Factor, p.ACR, p.SameMail = a.Visitor.Factor, a.Visitor.ACR, mail == p.Mail
	v := a.Visitor
	entry := ledger.Entry{
		Kind: ledger.Accepted, Organisation: p.Organisation, Approver: p.Approver, Subject: p.By, Cause: p.Number, Device: v.Device, Network: v.Network,
		Identity: v.Identity, SIRET: v.SIRET, ACR: v.ACR, AMR: v.AMR, Factor: v.Factor,
	}
	if k := v.Passkey; k != nil {
		if err := newPasskey(rows, *k); err != nil {
			return ledger.Entry{}, err
		}
		p.Passkey, entry.Target, entry.Digest = k.ID, k.Print(), DigestPasskey(*k)
	}
	a.Proposal = p
	return entry, nil
}

// makers fails while an order stops who proposed the account or who approved it, or either
// is closed: what a thief began is not finished. Whoever has an address is not in their
// lineage.
func (p Proposal) makers(tx *journal.Tx, rows approval.Rows, mail string) error {
	_, err := p.signer(tx, rows, p.Approver, mail, false)
	return err
}

// client fails while an order stops a system that provisions accounts.
func client(tx *journal.Tx, id roster.AccountID) error {
	if o, stopped := tx.Orders().Stop(order.Use{Account: id}, tx.Now()); stopped {
		return fault.Errorf(fault.Refused, "%q does nothing while order %s is in force", id, o.ID)
	}
	return nil
}

// signer returns the second person of a proposal, if they may sign and whoever proposed it
// still may. Where a system did, one person approves and another recognises who accepted:
// neither its word nor theirs makes a reader alone.
func (p Proposal) signer(tx *journal.Tx, rows approval.Rows, by roster.AccountID, mail string, confirmed bool) (roster.Account, error) {
	d := approval.Demand{For: "a new account", Confirmed: confirmed}
	one := p.By
	if p.By.Client() {
		if err := client(tx, p.By); err != nil {
			return roster.Account{}, err
		}
		if p.Stage != Agreed {
			second, err := approval.One(tx, rows, by, d)
			if err == nil {
				err = p.stranger(rows, mail, second)
			}
			return second, err
		}
		one = p.Approver
	}
	first, second, err := approval.Later(tx, rows, one, by, d)
	if err == nil {
		err = p.stranger(rows, mail, first, second)
	}
	return second, err
}

// Apply implements journal.Act.
func (a *Accept) Apply(rows ProposalRows, e ledger.Entry) error {
	if k := a.Visitor.Passkey; k != nil {
		held := *k // it serves once there is an account
		held.Account, held.Enrolled = "", e.Time
		if err := rows.PutPasskey(held); err != nil {
			return err
		}
	}
	return rows.PutProposal(a.Proposal)
}

// Join makes the account of an identity that accepted an invitation. A second person
// confirms who accepted it; the program does it by itself for an identity that two people
// had before them when they proposed and approved it, unless a password and a passkey of a
// minute's age were all that it had.
type Join struct {
	Number ledger.Number
	By     roster.AccountID
	Review time.Duration // after which the account must be confirmed; zero: it need not

	proposal Proposal
	rights   Rights
	passkey  *roster.Passkey  // that came with the acceptance
	before   []roster.Passkey // that the account had before it was closed
}

// Decide implements journal.Act.
func (j *Join) Decide(tx *journal.Tx, rows ProposalRows) (ledger.Entry, error) {
	p, err := rows.Proposal(j.Number)
	switch {
	case err != nil:
		return ledger.Entry{}, err
	case p.Stage != Agreed || !p.Open(tx.Now()):
		return ledger.Entry{}, NotWaiting
	case j.By == journal.Itself && !p.joins():
		return ledger.Entry{}, fault.Errorf(fault.Refused, "a second person confirms who accepted the invitation")
	case j.By == journal.Itself:
		err = p.makers(tx, rows, p.Mail)
	default:
		err = p.second(tx, rows, j.By)
	}
	if err != nil {
		return ledger.Entry{}, err
	}
	if err := p.anew(rows, p.Mail, p.Identity); err != nil {
		return ledger.Entry{}, err
	}
	id, err := p.accountID(rows)
	if err != nil {
		return ledger.Entry{}, err
	}
	if err := p.above(rows, id, j.By); err != nil {
		return ledger.Entry{}, err
	}
	p.Stage, p.Account = HasBegun, id
	if j.before, err = rows.Passkeys(id); err != nil {
		return ledger.Entry{}, err
	}
	if j.passkey, err = settled(rows, p, tx.Now()); err != nil {
		return ledger.Entry{}, err
	}
	j.proposal, j.rights = p, p.rights(id, tx.Now())
	if p.Recovers != "" {
		there, err := rows.Rights([]roster.AccountID{id})
		if err != nil || len(there) == 0 || !there[0].Account.Open() {
			return ledger.Entry{}, cmp.Or(err, noAccount)
		}
		j.rights = there[0]
		j.rights.Account.Identity, j.rights.Account.Opened, j.rights.Account.Recoverer = p.Identity, tx.Now(), p.By
	}
	if j.Review > 0 && p.Recovers == "" && p.Role != roster.Security {
		j.rights.Account.Review = tx.Now().Add(j.Review)
	}
	return ledger.Entry{
		Kind: ledger.Joined, Account: j.By, Organisation: p.Organisation, Approver: p.Approver, Subject: id, Cause: p.Number, Until: p.Until, Identity: p.Identity,
	}, nil
}

// above refuses an account that is opened again by those whom it made: it would be in its own
// lineage.
func (p Proposal) above(rows ProposalRows, id, by roster.AccountID) error {
	old, err := rows.Account(id)
	if fault.Is(err, fault.Absent) || p.Recovers != "" {
		return nil
	}
	if err != nil {
		return err
	}
	for _, maker := range []roster.AccountID{p.By, p.Approver, by} {
		if maker == journal.Itself || maker.Client() {
			continue
		}
		a, err := rows.Account(maker)
		if err != nil {
			return err
		}
		if err := approval.Stranger(rows, old, a); err != nil {
			return err
		}
	}
	return nil
}

// joins reports whether an acceptance needs nobody to confirm it: two people had the identity
// before them, and neither of them is a system.
func (p Proposal) joins() bool { return p.Known && len(p.Passkey) == 0 && !p.By.Client() }

// accountID is the account's name: that of the account the identity had before, or one made
// of the proposal's number.
func (p Proposal) accountID(rows ProposalRows) (roster.AccountID, error) {
	if p.Recovers != "" {
		return p.Recovers, nil
	}
	before, err := rows.ByIdentity(p.Identity)
	if err == nil {
		return before.ID, nil
	}
	if !fault.Is(err, fault.Absent) {
		return "", err
	}
	for id := roster.AccountID("a" + strconv.FormatUint(uint64(p.Number), 10)); ; id += "a" {
		if _, err := rows.Account(id); fault.Is(err, fault.Absent) {
			return id, nil
		} else if err != nil {
			return "", err
		}
	}
}

// rights are the rows of the account, young from now on.
func (p Proposal) rights(id roster.AccountID, now time.Time) Rights {
	r := Rights{Account: roster.Account{
		ID: id, Organisation: p.Organisation, Role: p.Role, Name: p.Name, Identity: p.Identity, Opened: now,
		Proposer: p.By, Approver: p.Approver, Mail: p.Mail, Until: p.Until,
	}}
	for _, right := range p.Rights {
		r.Habilitations = append(r.Habilitations, roster.Habilitation{Account: id, Service: right.Service, Purpose: right.Purpose, From: now, Until: p.Until})
	}
	return r
}

// Apply implements journal.Act.
func (j *Join) Apply(rows ProposalRows, _ ledger.Entry) error {
	id := j.rights.Account.ID
	before, err := rows.Rights([]roster.AccountID{id})
	if err != nil {
		return err
	}
	list := List{Accounts: []roster.Account{j.rights.Account}, Habilitations: j.rights.Habilitations}
	if j.proposal.Recovers != "" {
		before = nil
	}
	for _, old := range before { // what it had before it was closed ends
		for _, h := range old.Habilitations {
			if h.Until.After(j.rights.Account.Opened) && !j.proposal.has(h) {
				h.From, h.Until = earlier(h.From, j.rights.Account.Opened.Add(-time.Microsecond)), j.rights.Account.Opened
				list.Habilitations = append(list.Habilitations, h)
			}
		}
	}
	if err := rows.UpsertRoster(list); err != nil {
		return err
	}
	after, err := rows.Rights([]roster.AccountID{id})
	if err != nil {
		return err
	}
	j.rights = after[0]
	for i := range j.before { // an account that is opened again begins without the keys it had
		j.before[i].Ended = j.rights.Account.Opened
		if err := rows.PutPasskey(j.before[i]); err != nil {
			return err
		}
	}
	if j.passkey != nil {
		if err := rows.PutPasskey(*j.passkey); err != nil {
			return err
		}
	}
	return rows.PutProposal(j.proposal)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (p Proposal) has(h roster.Habilitation) bool {
	for _, r := range p.Rights {
		if r.Service == h.Service && r.Purpose == h.Purpose {
			return true
		}
	}
	return false
}

// Details implements journal.Details.
func (j *Join) Details() []ledger.Entry {
	account := j.rights.Account
	list := changed{j.rights}.assigned(j.By)
	entry := ledger.Entry{Account: j.By, Organisation: account.Organisation, Subject: account.ID}
	for _, k := range j.before {
		entry.Kind, entry.State, entry.Target, entry.Digest = ledger.Unenrolled, ledger.Reopened, k.Print(), DigestPasskey(k)
		list = append(list, entry)
	}
	if k := j.passkey; k != nil {
		entry.Kind, entry.State, entry.Target, entry.Digest = ledger.Enrolled, "", k.Print(), DigestPasskey(*k)
		list = append(list, entry)
	}
	return list
}

// Changes implements journal.Changes.
func (*Join) Changes() bool { return true }
