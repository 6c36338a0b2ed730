package journal

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"
)

// Alone is what one node at a time does, such as sending: for each turn the first that sets
// its mark. When that one dies, another goes on with the next turn.
type Alone struct {
	Name string // of what is done, which no other has
	Turn time.Duration
	// Once sets a mark until a time, and reports whether it was new.
	Once func(ctx context.Context, mark [sha256.Size]byte, until time.Time) (bool, error)
	Now  func() time.Time
}

// Run has do done until ctx ends. The context of do ends with the turn; what it fails with,
// failed is told, and the next turn begins as any other.
func (a Alone) Run(ctx context.Context, do func(context.Context) error, failed func(error)) {
	for ctx.Err() == nil {
		now := a.Now()
		period := now.UnixNano() / int64(a.Turn)
		ends := time.Unix(0, (period+1)*int64(a.Turn))
		mine, err := a.Once(ctx, sha256.Sum256(fmt.Appendf(nil, "%s %d", a.Name, period)), ends.Add(a.Turn))
		if err == nil && mine {
			turn, stop := context.WithTimeout(ctx, ends.Sub(now))
			err = do(turn)
			stop()
		}
		if err != nil && ctx.Err() == nil {
			failed(err)
		}
		Pause(ctx, ends.Sub(a.Now()))
	}
}

// Every has something done now, and again after each time, until ctx ends. What it fails with,
// failed is told, and the next time comes as any other.
func Every(ctx context.Context, each time.Duration, do func(context.Context) error, failed func(error)) error {
	tick := time.NewTicker(each)
	defer tick.Stop()
	for {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			failed(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Pause waits, or until ctx ends.
func Pause(ctx context.Context, long time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(long):
	}
}
