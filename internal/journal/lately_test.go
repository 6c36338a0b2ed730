package journal

import (
	"sync/atomic"
	"testing"
)

// Whoever asks while something is being made gets the one before, and nothing is made twice at a
// time.
func TestAPageDoesNotWaitForWhatTakesLong(t *testing.T) {
	var l Lately[int]
	if got := l.Get(func() int { return 1 }); got != 1 {
		t.Fatalf("the first is %d", got)
	}
	begun, release := make(chan struct{}), make(chan struct{})
	var times atomic.Int32
	slow := func() int {
		if times.Add(1) == 1 {
			close(begun)
		}
		<-release
		return 2
	}
	for range 3 {
		if got := l.Get(slow); got != 1 {
			t.Fatalf("while the next is being made, it is %d", got)
		}
	}
	<-begun
	close(release)
	for l.Get(func() int { return 2 }) != 2 {
	}
	if times.Load() != 1 {
		t.Errorf("it was made %d times at once", times.Load())
	}
}
