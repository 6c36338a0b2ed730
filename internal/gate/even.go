package gate

import (
	"context"
	"time"
)

// evenly is what refusals are sent by: each that names people leaves at a whole multiple of it
// after its request came. Whether a reference led to somebody decides what is looked up, weighed
// and said, which takes some milliseconds more or less: whoever measures learns in which multiple
// that fell, and a machine that is not overloaded is always within the first. An answer of the
// application's is not: whoever is refused after it was asked may be told that by the clock. That
// is only whoever could have been shown the person.
const evenly = 20 * time.Millisecond

// Even waits until an answer to a request that took so long so far leaves.
func Even(ctx context.Context, took time.Duration) {
	timer := time.NewTimer(evenly - took%evenly)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
