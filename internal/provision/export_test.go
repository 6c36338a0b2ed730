package provision

import "time"

// Quick is the poller with turns of its own and short pauses.
func (p *Poller) Quick(turn time.Duration) *Poller {
	p.turn, p.first, p.pause, p.waits = turn, time.Millisecond, time.Millisecond, time.Millisecond
	return p
}
