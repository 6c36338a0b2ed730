package journal

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"time"

	"poterne/internal/ledger"
)

// Snapshots keeps the whole state of something that follows the ledger, in one part: what
// is small beside the entries that it comes from. Of several nodes one keeps it. It is not
// safe for concurrent use.
type Snapshots struct {
	kept    Keeper
	version byte
	known   ledger.Number // how far what is kept had seen the ledger when this node last looked
	last    time.Time     // when that was
}

// snapshotEvery is how often a running node keeps a snapshot.
const snapshotEvery = 10 * time.Minute

// snapshot names the part.
const snapshot = "snapshot"

// NewSnapshots returns what keeps snapshots. version MUST change with their form, and with
// what their owner makes of an entry. A nil keeper keeps nothing.
func NewSnapshots(kept Keeper, version byte) *Snapshots {
	return &Snapshots{kept: kept, version: version}
}

// Load reads the newest snapshot into a state, and returns the number of the first entry
// that it has not seen. It returns 0, and leaves the state as it is, when there is none,
// or one in another form. A snapshot that no node kept for this ledger is an error, which
// is seal.ErrBroken.
func (s *Snapshots) Load(ctx context.Context, state any, now time.Time) (ledger.Number, error) {
	if s.kept == nil {
		return 0, nil
	}
	s.last = now
	for kept, err := range s.kept.Parts(ctx) {
		if err != nil {
			return 0, fmt.Errorf("reading what was kept: %w", err)
		}
		s.known = kept.Number
		if kept.What != snapshot || len(kept.State) == 0 || kept.State[0] != s.version {
			continue
		}
		if err := gob.NewDecoder(bytes.NewReader(kept.State[1:])).Decode(state); err != nil {
			return 0, fmt.Errorf("reading what was kept: %w", errors.Join(errOtherForm, err))
		}
		return kept.Number, nil
	}
	return 0, nil
}

// Due reports whether it is time for another snapshot.
func (s *Snapshots) Due(now time.Time) bool {
	return s.kept != nil && now.Sub(s.last) >= snapshotEvery
}

// Save keeps a state that has seen the entries before a number, unless another node kept
// one meanwhile.
func (s *Snapshots) Save(ctx context.Context, state any, number ledger.Number, now time.Time) error {
	if s.kept == nil || number == 0 {
		return nil
	}
	s.last = now
	upTo, err := s.kept.UpTo(ctx, snapshot)
	if err != nil {
		return fmt.Errorf("looking for what is kept: %w", err)
	}
	if upTo > s.known || upTo >= number {
		s.known = upTo
		return nil
	}
	b := bytes.NewBuffer([]byte{s.version})
	if err := gob.NewEncoder(b).Encode(state); err != nil {
		return fmt.Errorf("encoding what is to be kept: %w", err)
	}
	if err := s.kept.Keep(ctx, []Kept{{snapshot, number, b.Bytes()}}); err != nil {
		return fmt.Errorf("keeping the state: %w", err)
	}
	s.known = number
	return nil
}
