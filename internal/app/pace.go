package app

import "time"

// Pace returns what says, when a second has passed since it last did, that it is time
// to tell how far something is.
func Pace() (due func() bool) {
	last := time.Now()
	return func() bool {
		if time.Since(last) <= time.Second {
			return false
		}
		last = time.Now()
		return true
	}
}
