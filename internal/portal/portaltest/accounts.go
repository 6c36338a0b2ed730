package portaltest

import (
	"context"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/intake"
	"poterne/internal/ledger"
	"poterne/internal/roster"
)

// Awareness is of the portal's own module, for advisers.
var Awareness = accounts.Awareness{Modules: map[roster.Role]string{roster.Adviser: accounts.OwnModule, roster.Training: "elsewhere"}, Valid: 180 * 24 * time.Hour}

// stageAccounts does nothing but what it is asked, or breaks.
type stageAccounts struct{ *Stage }

func (stageAccounts) Invites() bool { return true }

func (s stageAccounts) Propose(_ context.Context, p accounts.Proposal) (ledger.Number, error) {
	s.Write(0, ledger.Entry{Kind: ledger.Proposed, Account: p.By, Organisation: p.Organisation, State: ledger.State(p.Role), Note: p.Because})
	return 0, s.Broken
}

func (s stageAccounts) does(kind ledger.Kind, by roster.AccountID) error {
	s.Write(0, ledger.Entry{Kind: kind, Account: by})
	return s.Broken
}

func (s stageAccounts) Approve(_ context.Context, _ ledger.Number, by roster.AccountID) error {
	return s.does(ledger.Approved, by)
}

func (s stageAccounts) Decline(_ context.Context, _ ledger.Number, by roster.AccountID, _ string) error {
	return s.does(ledger.Declined, by)
}

func (s stageAccounts) Confirm(_ context.Context, _ ledger.Number, by roster.AccountID) error {
	return s.does(ledger.Joined, by)
}

func (s stageAccounts) Close(_ context.Context, _, by roster.AccountID, _ string) error {
	return s.does(ledger.Ended, by)
}

func (s stageAccounts) Review(_ context.Context, _ []roster.AccountID, by roster.AccountID) error {
	return s.does(ledger.Reviewed, by)
}

func (s stageAccounts) Pass(_ context.Context, who roster.AccountID, _ time.Time) error {
	return s.does(ledger.Certified, who)
}

func (s stageAccounts) Recover(_ context.Context, _, by roster.AccountID, _ string) error {
	return s.does(ledger.Recovery, by)
}

func (s stageAccounts) StopOwn(_ context.Context, of roster.AccountID) error {
	return s.does(ledger.Recovery, of)
}

func (s stageAccounts) Readmit(_ context.Context, _, by roster.AccountID) error {
	return s.does(ledger.Readmitted, by)
}

func (s stageAccounts) Admit(_ context.Context, _ ledger.Number, by roster.AccountID) error {
	return s.does(ledger.Admitted, by)
}

// Proposals returns one of each stage, once much has happened.
func (s stageRoster) Proposals(_ context.Context, of roster.OrganisationID) (list []accounts.Proposal, err error) {
	if len(s.Written) < 10 || of != "" && of != "ml-bourg" {
		return nil, s.Broken
	}
	p := accounts.Proposal{
		Number: 31, By: "jeanne.vidal", Organisation: "ml-bourg", Role: roster.Adviser, Name: "Alix Morel", Mail: "alix.morel@ml-bourg.example",
		Rights: []accounts.Right{{Service: "dossier", Purpose: "accompagner"}}, Until: Now.AddDate(0, 6, 0), Because: "Remplacement de Léo.",
		Stage: accounts.Waiting, Ends: Now.Add(13 * 24 * time.Hour),
	}
	list = append(list, p)
	p.Number, p.Name, p.Stage, p.Approver, p.Ends = 32, "Nour Haddad", accounts.Invited, Security, Now.Add(70*time.Hour)
	p.Identity, p.Known = roster.Identity{Issuer: "https://id.example", Subject: "n1"}, true
	list = append(list, p)
	p.Number, p.Name, p.Stage, p.Ends, p.Known = 33, "Maël Petit", accounts.Agreed, Now.Add(6*24*time.Hour), false
	p.Factor, p.ACR = "strong", "eidas1-mfa"
	list = append(list, p)
	p.Number, p.Name, p.Stage, p.Recovers, p.Ends = 34, "Théo Marchand", accounts.Delayed, "theo.marchand", Now.Add(20*time.Hour)
	return append(list, p), s.Broken
}

// stageCaseloads is people who wait, once much has happened.
type stageCaseloads struct{ *Stage }

func (s stageCaseloads) Waiting(_ context.Context, of roster.OrganisationID) ([]intake.Waiting, error) {
	if len(s.Written) < 10 || of != "" && of != "ml-bourg" {
		return nil, s.Broken
	}
	return []intake.Waiting{
		{Source: "portefeuilles", Account: "leo.perrin", UpTo: 12, People: 112},
		{Source: intake.ByHand, Account: "theo.marchand", Author: "jeanne.vidal", UpTo: 31, People: 3},
		{Source: "agenda", Account: "theo.marchand", Author: "leo.perrin", UpTo: 30, People: 41},
	}, s.Broken
}

func (s stageCaseloads) Assign(_ context.Context, a intake.Assign, _ []string) error {
	s.Write(0, ledger.Entry{Kind: ledger.Entrusted, Account: a.By, Subject: a.To, State: ledger.Asked})
	return s.Broken
}

func (s stageCaseloads) Admit(_ context.Context, by roster.AccountID, _ []intake.Waiting) error {
	s.Write(0, ledger.Entry{Kind: ledger.Entrusted, Account: by, State: ledger.SignedFor})
	return s.Broken
}

func (s stageCaseloads) Refuse(_ context.Context, by roster.AccountID, _ intake.Waiting) error {
	s.Write(0, ledger.Entry{Kind: ledger.Entrusted, Account: by, State: ledger.Refused})
	return s.Broken
}
