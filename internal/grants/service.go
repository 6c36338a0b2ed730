package grants

import (
	"context"
	"errors"
	"iter"
	"time"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/roster"
)

// Journal is the ledger, as it is written and read.
type Journal interface {
	journal.Writer
	// Entries yields the entries from a number on that are written now.
	Entries(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error]
}

// Service does the acts of grants, and answers what waits for them.
type Service struct {
	Journal Journal
	Most    int // people that one account can be signed for within 28 days
	Now     func() time.Time
}

// Waiting returns the opening under a receipt that waits for a co-signature which
// this person may give: NoneWaits when none does, ManyWait when it is not one
// person's.
func (s Service) Waiting(ctx context.Context, by roster.AccountID, receipt ledger.Number) (ledger.Entry, error) {
	waiting, err := Waiting(s.Journal.Entries(ctx, receipt), receipt, s.Now())
	if waiting.Account == "" {
		return waiting, err
	}
	switch asked := s.do(ctx, maySign{by, waiting.Account}); {
	case fault.Is(asked, fault.Refused):
		return ledger.Entry{}, NoneWaits
	case !errors.Is(asked, journal.Unchanged):
		return ledger.Entry{}, asked
	default:
		return waiting, err
	}
}

// Cosign signs for the one person whose opening waits under a receipt. It refuses as
// Waiting does: an account that may not sign learns nothing of the receipt.
func (s Service) Cosign(ctx context.Context, by roster.AccountID, receipt ledger.Number) error {
	waiting, err := s.Waiting(ctx, by, receipt)
	if err != nil {
		return err
	}
	return s.do(ctx, Cosign{By: by, Refused: waiting, Most: s.Most})
}

// Raise allows an account some more people without a reason, until a time.
func (s Service) Raise(ctx context.Context, raise Raise) error { return s.do(ctx, raise) }

func (s Service) do(ctx context.Context, act journal.Act[approval.Rows]) error {
	_, err := journal.Do(ctx, s.Journal, act)
	return err
}
