package portaltest

import (
	"context"
	"slices"

	"poterne/internal/accounts"
	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/roster"
	"poterne/internal/store"
)

// Bodies are the organisations that people of the site ask for.
func (s *Site) Bodies() accounts.Organisations {
	return accounts.Organisations{Writer: s.Gate.Journal, Rows: store.NewOrganisationRequests(s.DB), EndAll: s.Door.EndAll, Now: s.Now}
}

// stageBodies are those of a stage.
type stageBodies struct{ *Stage }

// Waiting implements installation.Requests.
func (s stageBodies) Waiting(context.Context) ([]accounts.OrganisationRequest, error) {
	return slices.Clone(s.Bodies), s.Broken
}

// Ask implements installation.Requests.
func (s stageBodies) Ask(_ context.Context, a accounts.AskOrganisation) error {
	if slices.ContainsFunc(Organisations, func(o roster.Organisation) bool { return o.Name == a.As.Name && o.ID != a.As.ID }) {
		return accounts.OrganisationTwin
	}
	s.Bodies = append(s.Bodies, accounts.OrganisationRequest{Number: ledger.Number(950 + len(s.Bodies)), By: a.By, Does: a.Does, As: a.As, Because: a.Because, Asked: Now})
	return s.Broken
}

// Allow implements installation.Requests.
func (s stageBodies) Allow(_ context.Context, number ledger.Number, by roster.AccountID) error {
	if !slices.ContainsFunc(s.Bodies, func(r accounts.OrganisationRequest) bool { return r.Number == number && r.By != by }) {
		return &fault.Error{Kind: fault.Refused, Public: "another person allows it"}
	}
	return s.Drop(context.Background(), number, by)
}

// Drop implements installation.Requests.
func (s stageBodies) Drop(_ context.Context, number ledger.Number, _ roster.AccountID) error {
	s.Bodies = slices.DeleteFunc(s.Bodies, func(r accounts.OrganisationRequest) bool { return r.Number == number })
	return s.Broken
}
