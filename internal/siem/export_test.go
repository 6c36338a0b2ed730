package siem

import "time"

// Quick is New whose turns are short and whose pauses are shorter.
func Quick(sink Sink, d Deps) *Sender {
	s := New(sink, d)
	s.turn, s.pauses = 100*time.Millisecond, time.Millisecond
	return s
}
