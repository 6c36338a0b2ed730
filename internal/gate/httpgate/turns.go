package httpgate

import (
	"context"
	"runtime"

	"poterne/internal/fault"
)

// turns lets few responses be read and cut at once. More are not done sooner by the processors
// there are, and an order that another node placed would be heard only after all of them: a
// goroutine that becomes ready waits behind those that are. Responses that take long wait for
// each other, and keep no short one waiting. It is safe to share.
type turns struct{ short, long chan struct{} }

// long is from how many bytes on a response takes long.
const long = 256 << 10

func newTurns() turns {
	processors := runtime.GOMAXPROCS(0)
	return turns{short: make(chan struct{}, 2*processors), long: make(chan struct{}, processors)}
}

// inTurn does what takes the processor for so many bytes of a response, when it is its turn.
// It is not done at all if ctx ends before: by an order, or because nobody waits for it.
func (x *exchange) inTurn(ctx context.Context, size int, do func()) error {
	place := x.proxy.turns.short
	if size >= long {
		place = x.proxy.turns.long
	}
	select {
	case place <- struct{}{}:
	case <-ctx.Done():
		return &fault.Error{Kind: fault.Unavailable, Err: context.Cause(ctx)}
	}
	defer func() { <-place }()
	if ctx.Err() != nil {
		return &fault.Error{Kind: fault.Unavailable, Err: context.Cause(ctx)}
	}
	do()
	return nil
}
