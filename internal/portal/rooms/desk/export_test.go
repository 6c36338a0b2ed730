package desk

// What is computed for the pages, for tests that hold it against what is decided, or
// against a drawing, without a page between them.
var (
	DrawPulse = drawPulse
	DrawDrift = drawDrift
	ScoreOf   = scoreOf
	OnceIn    = onceIn
)

const (
	PulseLine, PulseHigh = pulseLine, pulseHigh
	DriftZero, DriftTall = driftZero, driftTall
	MostTarget           = mostTarget
)

// A minute of the pulse, and what is usual.
type (
	Minute = minute
	Usual  = usual
)
