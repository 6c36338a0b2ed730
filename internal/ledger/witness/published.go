package witness

import (
	"context"
	"time"

	"golang.org/x/mod/sumdb/note"

	"poterne/internal/ledger"
)

// Longest is how long a checkpoint waits for its co-signatures before it is
// published without them.
const Longest = 10 * time.Second

// Catalogue is a ledger of which also the checkpoints before the newest can be had.
type Catalogue interface {
	Ledger
	// Before returns signed notes of trees smaller than size, largest first, some at a
	// time.
	Before(ctx context.Context, size int64) ([][]byte, error)
	// Entry returns an entry that is under a checkpoint.
	Entry(ctx context.Context, number ledger.Number) (ledger.Entry, error)
}

// Published is a ledger as it is published: its checkpoint is the newest that has
// its quorum, or whose last entry is so old that it has waited long enough. It
// never goes back.
type Published struct {
	Catalogue
	Quorum   Quorum
	Verifier note.Verifier // of the ledger
	Now      func() time.Time
}

// Checkpoint implements tiles.Source, with the co-signatures there are.
func (p Published) Checkpoint(ctx context.Context) ([]byte, error) {
	signed, err := p.Catalogue.Checkpoint(ctx)
	if err != nil || signed == nil {
		return signed, err
	}
	for candidates := [][]byte{signed}; len(candidates) > 0; {
		var head ledger.Checkpoint
		for _, candidate := range candidates {
			if head, err = ledger.OpenCheckpoint(candidate, p.Verifier); err != nil {
				return nil, err
			}
			lines, err := p.Cosigned(ctx, head.Size)
			if err != nil {
				return nil, err
			}
			under := p.Quorum.Under(candidate, lines)
			if p.Quorum.Met(under) {
				return under, nil
			}
			last, err := p.Entry(ctx, ledger.Number(head.Size-1))
			if err != nil || p.Now().Sub(last.Time) > Longest {
				return under, err
			}
		}
		if candidates, err = p.Before(ctx, head.Size); err != nil {
			return nil, err
		}
	}
	return nil, nil // the ledger is seconds old
}
