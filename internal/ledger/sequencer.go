package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Storage stores the ledger. Entries and checkpoints MUST come in order.
type Storage interface {
	// Sealed yields the entries from a number on, in the order of their numbers.
	Sealed(ctx context.Context, from Number) iter.Seq2[Sealed, error]
	// NewestSealed yields what Sealed does. It may remember the newest entries instead of
	// reading them back.
	NewestSealed(ctx context.Context, from Number) iter.Seq2[Sealed, error]
	// Tile returns the hashes of a tile, the largest stored of its level and
	// position; an error when there is none.
	Tile(ctx context.Context, tile tlog.Tile) ([]byte, error)
	// Checkpoint returns the newest signed note, nil when there is none yet.
	Checkpoint(ctx context.Context) ([]byte, error)
	// Checkpoints yields every signed note, oldest first.
	Checkpoints(ctx context.Context) iter.Seq2[[]byte, error]
	// Publish MUST store tiles and their checkpoint together and durably.
	Publish(ctx context.Context, tiles map[tlog.Tile][]byte, checkpoint Checkpoint) error
}

// Pace is how often the sequencer looks for new entries; a checkpoint is at most
// a second behind.
const Pace = 250 * time.Millisecond

// stride bounds the entries of one step, so that a long backlog is signed in
// portions.
const stride = 1 << 16

// Sequencer gives the tree its leaves in number order and signs its head.
type Sequencer struct {
	storage  Storage
	signer   note.Signer
	verifier note.Verifier
	log      *slog.Logger
	head     Checkpoint
}

// NewSequencer continues the tree from its newest checkpoint.
func NewSequencer(ctx context.Context, storage Storage, signer note.Signer, verifier note.Verifier, log *slog.Logger) (*Sequencer, error) {
	s := &Sequencer{storage: storage, signer: signer, verifier: verifier, log: log}
	if err := s.takeUp(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// takeUp finds the newest checkpoint, which may be another process's.
func (s *Sequencer) takeUp(ctx context.Context) error {
	signed, err := s.storage.Checkpoint(ctx)
	if err != nil {
		return fmt.Errorf("looking for the newest checkpoint: %w", err)
	}
	if signed == nil {
		return nil
	}
	head, err := OpenCheckpoint(signed, s.verifier)
	if err != nil {
		return err
	}
	s.head = head
	return nil
}

// Run steps until ctx ends. It retries a step that fails: entries are durable without it,
// only their proof waits.
func (s *Sequencer) Run(ctx context.Context) error {
	ticker := time.NewTicker(Pace)
	defer ticker.Stop()
	for {
		for {
			advanced, err := s.Step(ctx)
			if err != nil && !errors.Is(err, context.Canceled) {
				s.log.ErrorContext(ctx, "no checkpoint could be signed", slog.Any("err", err))
			}
			if err != nil || !advanced {
				break
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Step takes in what was written since the last checkpoint, up to a bounded
// number of entries, and signs the new head. It reports whether there was any.
func (s *Sequencer) Step(ctx context.Context) (advanced bool, err error) {
	tree := newGrowth(s.head.Size, func(tile tlog.Tile) ([]byte, error) { return s.storage.Tile(ctx, tile) })
	for sealed, err := range s.storage.NewestSealed(ctx, Number(s.head.Size)) {
		if err != nil {
			return false, fmt.Errorf("reading entries from %d: %w", tree.size, err)
		}
		if sealed.Number != Number(tree.size) {
			return false, fmt.Errorf("entry %d is missing: the next there is %d", tree.size, sealed.Number)
		}
		if err := tree.add(sealed.Leaf()); err != nil {
			return false, err
		}
		if tree.size-tree.from == stride {
			break
		}
	}
	if tree.size == tree.from {
		return false, nil
	}
	return true, s.publish(ctx, tree)
}

func (s *Sequencer) publish(ctx context.Context, tree *growth) error {
	root, err := tree.root()
	if err != nil {
		return fmt.Errorf("computing the root of %d entries: %w", tree.size, err)
	}
	tiles, err := tree.changed()
	if err != nil {
		return err
	}
	head, err := sign(s.signer, tree.size, root)
	if err != nil {
		return err
	}
	if err := s.storage.Publish(ctx, tiles, head); err != nil {
		return s.comeSecond(ctx, fmt.Errorf("publishing the checkpoint of %d entries: %w", tree.size, err))
	}
	s.head = head
	return nil
}

// comeSecond takes up the tree of another node that published at the same time.
// If none did, failed stands.
func (s *Sequencer) comeSecond(ctx context.Context, failed error) error {
	before := s.head.Size
	if err := s.takeUp(ctx); err != nil {
		return errors.Join(failed, err)
	}
	if s.head.Size == before {
		return failed
	}
	return nil
}
