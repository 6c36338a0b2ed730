// Package fault sorts errors into the six kinds a caller must tell apart. An
// error is sorted where its meaning is known; whatever nobody sorted is Broken.
package fault

import (
	"errors"
	"fmt"
	"runtime"
)

// Kind says what an error means for whoever asked.
type Kind uint8

const (
	// Broken is ours to mend; the asker learns only that it failed.
	Broken Kind = iota
	// Invalid is the asker's to mend: the request cannot be understood.
	Invalid
	// Anonymous means that nobody is signed in.
	Anonymous
	// Refused means that the asker may not; it never says whether the thing exists.
	Refused
	// Absent means that the thing does not exist, said only to who may know.
	Absent
	// Unavailable means that nothing was done and asking again later may help.
	Unavailable
)

func (k Kind) String() string {
	switch k {
	case Invalid:
		return "invalid"
	case Anonymous:
		return "anonymous"
	case Refused:
		return "refused"
	case Absent:
		return "absent"
	case Unavailable:
		return "unavailable"
	default:
		return "broken"
	}
}

// Error is a sorted error. Public may be shown to the asker; Err may not.
type Error struct {
	Kind   Kind
	Public string
	Err    error
}

func (e *Error) Error() string {
	text := e.Public
	if text == "" {
		text = e.Kind.String()
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf returns a sorted error whose text the asker may read. An error that it wraps
// with %w stays for errors.Is and errors.AsType; only what is formatted is shown.
func Errorf(kind Kind, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: kind, Public: err.Error(), Err: errors.Unwrap(err)}
}

// Is reports whether err is there and of a kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }

// KindOf returns the kind err was sorted into, or Broken.
func KindOf(err error) Kind {
	if sorted, ok := errors.AsType[*Error](err); ok {
		return sorted.Kind
	}
	return Broken
}

// Public returns what the asker may read about err; it is empty for errors that
// nobody sorted.
func Public(err error) string {
	if sorted, ok := errors.AsType[*Error](err); ok {
		return sorted.Public
	}
	return ""
}

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
