package dbms

import (
	"testing"
	"time"
)

// WaitForEver lets servers say nothing for an hour, until the test ends.
func WaitForEver(t *testing.T) {
	before := longestSilence
	longestSilence = time.Hour
	t.Cleanup(func() { longestSilence = before })
}
