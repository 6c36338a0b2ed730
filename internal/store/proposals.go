package store

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/roster"
	"poterne/internal/seal"
)

const proposalColumns = `select number, proposer, organisation, role, name, mail, rights, until_us, because, issuer, provider, subject,
	state, approver, invitation, known, made_us, ends_us, factor, acr, same_mail, account, passkey, recovers, second, stop, stop_later, seal from proposal`

func proposalRow(p accounts.Proposal) *seal.Row {
	return seal.NewRow("proposal").Int(int64(p.Number)).Text(string(p.By)).Text(string(p.Organisation)).Text(string(p.Role)).Text(p.Name).Text(p.Mail).
		Text(rightsText(p.Rights)).Time(p.Until).Text(p.Because).Text(p.Identity.Issuer).Text(p.Identity.Provider).Text(p.Identity.Subject).
		Text(string(p.Stage)).Text(string(p.Approver)).Bytes(invitationBytes(p.Invitation)).Int(flag(p.Known)).Time(p.Made).Time(p.Ends).
		Text(p.Factor).Text(p.ACR).Int(flag(p.SameMail)).Text(string(p.Account)).Bytes(p.Passkey).
		Text(string(p.Recovers)).Text(string(p.Second)).Bytes(invitationBytes(p.Stop)).Bytes(invitationBytes(p.StopLater))
}

func flag(set bool) int64 {
	if set {
		return 1
	}
	return 0
}

func invitationBytes(d ledger.Digest) []byte {
	if d.IsZero() {
		return []byte{}
	}
	return d[:]
}

// rightsText writes services and purposes, a line each.
func rightsText(rights []accounts.Right) string {
	var lines []string
	for _, r := range rights {
		lines = append(lines, string(r.Service)+"\t"+string(r.Purpose))
	}
	return strings.Join(lines, "\n")
}

// scanProposal reads a proposal; sql.ErrNoRows when no node wrote it.
func (db *DB) scanProposal(row scanner) (p accounts.Proposal, err error) {
	var rights string
	var until, made, ends sql.NullInt64
	var known, sameMail int64
	var invitation, stop, stopLater, seal []byte
	err = row.Scan(&p.Number, &p.By, &p.Organisation, &p.Role, &p.Name, &p.Mail, &rights, &until, &p.Because,
		&p.Identity.Issuer, &p.Identity.Provider, &p.Identity.Subject, &p.Stage, &p.Approver, &invitation, &known, &made, &ends,
		&p.Factor, &p.ACR, &sameMail, &p.Account, &p.Passkey, &p.Recovers, &p.Second, &stop, &stopLater, &seal)
	if err != nil {
		return p, err
	}
	for line := range strings.Lines(rights) {
		service, purpose, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		p.Rights = append(p.Rights, accounts.Right{Service: roster.ServiceID(service), Purpose: roster.Purpose(purpose)})
	}
	p.Until, p.Made, p.Ends, p.Known, p.SameMail = fromMicro(until), fromMicro(made), fromMicro(ends), known == 1, sameMail == 1
	copy(p.Invitation[:], invitation)
	copy(p.Stop[:], stop)
	copy(p.StopLater[:], stopLater)
	return p, db.seals.admitNumber(nil, seal, proposalRow(p), p.Number)
}

// proposals reads those that meet a condition, the newest first.
func (db *DB) proposals(ctx context.Context, q querier, condition string, args ...any) ([]accounts.Proposal, error) {
	return collect(ctx, q, db.scanProposal, proposalColumns+` where `+condition+` order by number desc`, args...)
}

// proposalRows are proposals, in a turn.
type proposalRows struct{ *turn }

const proposalsWaiting = `state in ('proposed', 'invited', 'accepted', 'delayed') and ($1 = '' or organisation = $1)`

// Proposals returns the proposals of an organisation that wait for something, or did when
// they lapsed; of all organisations when it is empty. The newest come first.
func (r Roster) Proposals(ctx context.Context, of roster.OrganisationID) ([]accounts.Proposal, error) {
	list, err := r.db.proposals(ctx, r.db.read, proposalsWaiting, string(of))
	return list, doing("reading proposals", r.db.engine.classify(err))
}

// Proposal returns a proposal; fault.Absent when there is none.
func (r Roster) Proposal(ctx context.Context, number ledger.Number) (accounts.Proposal, error) {
	list, err := r.db.proposals(ctx, r.db.read, `number = $1`, int64(number))
	return first(list, doing("reading a proposal", r.db.engine.classify(err)), noProposal)
}

var noProposal = fault.Errorf(fault.Absent, "no such proposal")

// Proposals implements accounts.ProposalRows.
func (r proposalRows) Proposals(of roster.OrganisationID) ([]accounts.Proposal, error) {
	list, err := r.db.proposals(r.ctx, r.tx, proposalsWaiting, string(of))
	return list, doing("reading proposals", err)
}

// Proposal implements accounts.ProposalRows.
func (r proposalRows) Proposal(number ledger.Number) (accounts.Proposal, error) {
	list, err := r.db.proposals(r.ctx, r.tx, `number = $1`, int64(number))
	return first(list, doing("reading a proposal", err), noProposal)
}

// Invited implements accounts.ProposalRows.
func (r proposalRows) Invited(token ledger.Digest) (accounts.Proposal, error) {
	list, err := r.db.proposals(r.ctx, r.tx, `state = 'invited' and invitation = $1`, token[:])
	return first(list, doing("reading an invitation", err), noProposal)
}

// PutProposal implements accounts.ProposalRows.
func (r proposalRows) PutProposal(p accounts.Proposal) error {
	const query = `
		insert into proposal (number, proposer, organisation, role, name, mail, rights, until_us, because, issuer, provider, subject,
			state, approver, invitation, known, made_us, ends_us, factor, acr, same_mail, account, passkey, recovers, second, stop, stop_later, seal)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28)
		on conflict (number) do update set issuer = excluded.issuer, provider = excluded.provider, subject = excluded.subject,
			state = excluded.state, approver = excluded.approver, invitation = excluded.invitation, ends_us = excluded.ends_us,
			factor = excluded.factor, acr = excluded.acr, same_mail = excluded.same_mail, account = excluded.account,
			passkey = excluded.passkey, second = excluded.second, stop = excluded.stop, stop_later = excluded.stop_later, seal = excluded.seal`
	_, err := r.exec(query, int64(p.Number), string(p.By), string(p.Organisation), string(p.Role), p.Name, p.Mail, rightsText(p.Rights), p.Until.UnixMicro(), p.Because,
		p.Identity.Issuer, p.Identity.Provider, p.Identity.Subject, string(p.Stage), string(p.Approver), invitationBytes(p.Invitation), flag(p.Known), p.Made.UnixMicro(), p.Ends.UnixMicro(),
		p.Factor, p.ACR, flag(p.SameMail), string(p.Account), append([]byte{}, p.Passkey...), string(p.Recovers), string(p.Second), invitationBytes(p.Stop), invitationBytes(p.StopLater), r.db.seals.seal(proposalRow(p)))
	return doing("storing a proposal", err)
}

// ProposedSince implements accounts.ProposalRows.
func (r proposalRows) ProposedSince(by roster.AccountID, since time.Time) (n int, err error) {
	err = r.tx.QueryRowContext(r.ctx, `select count(*) from proposal where proposer = $1 and made_us > $2`, string(by), since.UnixMicro()).Scan(&n)
	return n, doing("counting proposals", err)
}

// ApprovedSince implements accounts.ProposalRows.
func (r proposalRows) ApprovedSince(by roster.AccountID, since time.Time) (n int, err error) {
	err = r.tx.QueryRowContext(r.ctx, `select count(*) from proposal where approver = $1 and made_us > $2`, string(by), since.UnixMicro()).Scan(&n)
	return n, doing("counting approvals", err)
}

// ByIdentity implements accounts.ProposalRows.
func (r rosterRows) ByIdentity(identity roster.Identity) (roster.Account, error) {
	list, err := r.accounts(`a.issuer = $1 and a.provider = $2 and a.subject = $3`, identity.Issuer, identity.Provider, identity.Subject)
	one, err := first(list, err, noAccount)
	return one.Account, err
}

// ByMail implements accounts.ProposalRows.
func (r rosterRows) ByMail(mail string) (list []roster.Account, err error) {
	rights, err := r.accounts(`a.mail = $1`, mail)
	for _, one := range rights {
		list = append(list, one.Account)
	}
	return list, err
}

// ProposedBy implements containment.LineageRows.
func (r rosterRows) ProposedBy(by roster.AccountID) (list []roster.Account, err error) {
	rights, err := r.accounts(`a.proposer = $1 or a.recoverer = $1`, string(by))
	for _, one := range rights {
		list = append(list, one.Account)
	}
	return list, err
}

// AwaitingAdmission implements accounts.AdmitRows.
func (r rosterRows) AwaitingAdmission(roster ledger.Number) ([]accounts.Rights, error) {
	return r.accounts(`a.waits = $1`, int64(roster))
}

// Guards implements accounts.Rows.
func (r rosterRows) Guards() ([]accounts.Rights, error) {
	return r.accounts(`a.role = 'security' and a.closed_us is null and a.waits = 0 and a.diverged = 0`)
}

// OfOrganisation implements accounts.Rows.
func (r rosterRows) OfOrganisation(id roster.OrganisationID) ([]accounts.Rights, error) {
	return r.accounts(`a.organisation = $1 and a.closed_us is null`, string(id))
}

// OfSubject implements accounts.BindingRows.
func (r rosterRows) OfSubject(issuer, subject string) ([]accounts.Rights, error) {
	return r.accounts(`a.issuer = $1 and a.subject = $2`, issuer, subject)
}

func (r rosterRows) accounts(condition string, args ...any) ([]accounts.Rights, error) {
	list, err := r.db.rights(r.ctx, r.tx, condition, args...)
	return list, doing("reading accounts", err)
}
