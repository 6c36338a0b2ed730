package desk

import (
	"context"
	"log/slog"
	"time"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/ledger/index"
	"poterne/internal/roster"
)

// behind is how far the index is.
type behind struct {
	Read, Of ledger.Number
	Failing  bool // it does not come further by itself
	Again    string
}

// Percent is how much of the ledger is read.
func (b behind) Percent() int { return int(b.Read * 100 / max(b.Of, 1)) }

// behind says how far the index is when that is too far behind to wait for.
func (x exact) behind(again string) *behind {
	read, next := x.index.Read(), x.journal.Next()
	if read+mostBehind >= next && !x.index.Failing() {
		return nil
	}
	return &behind{read, next, x.index.Failing(), again}
}

// notAnswered says why the index has not answered.
func (x exact) notAnswered(v visit, err error) *behind {
	x.shell.Log().ErrorContext(v.Context(), "the index of the ledger did not answer", slog.Any("err", err))
	return &behind{x.index.Read(), x.journal.Next(), !fault.Is(err, fault.Unavailable), v.URL.RequestURI()}
}

// patiently asks the index, which may be reading on in the ledger.
func (x exact) patiently(v visit, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(v.Context(), mostWait)
	defer cancel()
	return ask(ctx)
}

// totalWait is how long a page waits for the index, when it could do without.
const totalWait = 3 * time.Second

// total counts what an account was shown, or returns nil when the index is not
// there, is behind or does not answer: a part is never told as the whole.
func (x exact) total(v visit, account roster.AccountID) *index.Shown {
	if x.index == nil || x.behind("") != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(v.Context(), totalWait)
	defer cancel()
	shown, err := x.index.ShownTo(ctx, []roster.AccountID{account}, time.Time{}, time.Time{})
	if err != nil {
		x.notAnswered(v, err)
		return nil
	}
	return &shown
}
