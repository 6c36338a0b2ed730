package app

import "log/slog"

// KeptBack is the standard logger's output. Nothing of ours writes there; the
// standard library does, when an application sends bytes that nobody waits for, and
// quotes them, with whoever they speak of. It is said that it happened.
type KeptBack struct{ Log *slog.Logger }

// Write implements io.Writer.
func (k KeptBack) Write(p []byte) (int, error) {
	k.Log.Warn("an application sent bytes after its answer: its connection is closed, and the bytes are not repeated here")
	return len(p), nil
}
