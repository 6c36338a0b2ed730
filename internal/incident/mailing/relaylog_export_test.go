package mailing

import "poterne/internal/ledger"

// ReturnForTest is where the mail to somebody on a list comes back to.
func (s *Sender) ReturnForTest(list ledger.Number, part, in int) string {
	return s.envelope(place{list, part, in}, "").From
}
