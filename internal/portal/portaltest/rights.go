package portaltest

import (
	"context"
	"slices"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/roster"
	"poterne/internal/store"
)

// Rights are the habilitations that people of the site ask for.
func (s *Site) Rights() accounts.RightRequests {
	bounds := accounts.Bounds{Rights: make(map[accounts.Right]bool)}
	for _, service := range Services {
		for _, purpose := range service.For {
			bounds.Rights[accounts.Right{Service: service.ID, Purpose: purpose}] = true
		}
	}
	return accounts.RightRequests{Writer: s.Gate.Journal, Rows: store.NewRightRequests(s.DB), Bounds: bounds, Now: s.Now}
}

// stageRights are those of a stage.
type stageRights struct{ *Stage }

// Waiting implements rights.Requests.
func (s stageRights) Waiting(context.Context) ([]accounts.RightRequest, error) {
	return slices.Clone(s.Rights), s.Broken
}

// Ask implements rights.Requests.
func (s stageRights) Ask(_ context.Context, by roster.AccountID, right accounts.Right, because string) error {
	s.Rights = append(s.Rights, accounts.RightRequest{Number: ledger.Number(900 + len(s.Rights)), Of: by, Right: right, Because: because, Asked: Now.Add(-time.Hour)})
	return s.Broken
}

// Give implements rights.Requests.
func (s stageRights) Give(_ context.Context, number ledger.Number, by roster.AccountID) error {
	for i := range s.Rights {
		if s.Rights[i].Number == number && s.Rights[i].First != by {
			s.Rights[i].First = by
			return s.Broken
		}
	}
	return &fault.Error{Kind: fault.Absent}
}

// Drop implements rights.Requests.
func (s stageRights) Drop(_ context.Context, number ledger.Number, _ roster.AccountID) error {
	s.Rights = slices.DeleteFunc(s.Rights, func(r accounts.RightRequest) bool { return r.Number == number })
	return s.Broken
}
