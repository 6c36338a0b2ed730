package fault

import (
	"fmt"
	"runtime"
)

// Stack is where a panic happened, innermost first: names and lines, and no
// argument, which could be of a person. It is called by the deferred function
// that recovers, itself.
func Stack() (frames []string) {
	const skipped, most = 4, 64 // runtime.Callers, Stack, the deferred function and the panic itself
	callers := make([]uintptr, most)
	walk := runtime.CallersFrames(callers[:runtime.Callers(skipped, callers)])
	for {
		frame, more := walk.Next()
		frames = append(frames, fmt.Sprintf("%s:%d", frame.Function, frame.Line))
		if !more {
			return frames
		}
	}
}
