// Package tiles publishes the ledger's tree in the form of C2SP tlog-tiles, over
// HTTP and as a folder of files: a signed checkpoint, tiles of hashes, bundles of
// entries. Programs that know nothing of Poterne verify it.
//
// An entry is published as its commitment, which says nothing without the entry and its
// salt. Only entries in the tree are published.
package tiles

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"poterne/internal/ledger"
)

// Source is the ledger that is published.
type Source interface {
	// Checkpoint returns the newest signed note, nil when there is none yet.
	Checkpoint(ctx context.Context) ([]byte, error)
	// Tile returns the hashes of a tile, the largest stored of its level and
	// position. Under a checkpoint all its tiles are stored.
	Tile(ctx context.Context, tile tlog.Tile) ([]byte, error)
	// Sealed yields the entries from a number on, in the order of their numbers.
	Sealed(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Sealed, error]
	// Condensed returns the commitments of entries that may have been dropped: the pieces
	// that begin in a range, in order.
	Condensed(ctx context.Context, from, end ledger.Number) ([]ledger.Condensed, error)
}

const (
	checkpointFile = "checkpoint"

	width        = 1 << ledger.TileHeight // hashes in a whole tile
	bundlesLevel = -1                     // where package tlog has the bundles of entries
	bundled      = 2 + sha256.Size        // bytes of an entry in its bundle: its length, its commitment
)

// pathOf is where a tile or a bundle is published.
func pathOf(tile tlog.Tile) string {
	place := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", ledger.TileHeight))
	if bundle, ok := strings.CutPrefix(place, "data/"); ok {
		return "tile/entries/" + bundle
	}
	return "tile/" + place
}

// parsePath is the reverse of pathOf, and takes nothing else.
func parsePath(path string) (tlog.Tile, bool) {
	place := strings.TrimPrefix(path, "tile/")
	if bundle, ok := strings.CutPrefix(place, "entries/"); ok {
		place = "data/" + bundle
	}
	tile, err := tlog.ParseTilePath(fmt.Sprintf("tile/%d/%s", ledger.TileHeight, place))
	return tile, err == nil && tile.L < 64 && pathOf(tile) == path
}

// at is the tile of a place at another level: the bundle of a tile of leaves, or the other
// way around.
func at(level int, tile tlog.Tile) tlog.Tile {
	tile.L = level
	return tile
}

// under reports whether a tree of some size has a tile or a bundle.
func under(size int64, tile tlog.Tile) bool {
	hashes := size >> (ledger.TileHeight * max(tile.L, 0))
	whole, rest := hashes/width, hashes%width
	return tile.N < whole || tile.N == whole && int64(tile.W) <= rest
}

// errNothingSigned is a ledger without a checkpoint.
var errNothingSigned = errors.New("nothing is signed yet")

// newest reads the newest checkpoint and holds it against its key.
func newest(ctx context.Context, source Source, verifier note.Verifier) (ledger.Checkpoint, error) {
	signed, err := source.Checkpoint(ctx)
	if err != nil {
		return ledger.Checkpoint{}, fmt.Errorf("reading the newest checkpoint: %w", err)
	}
	if signed == nil {
		return ledger.Checkpoint{}, errNothingSigned
	}
	return ledger.OpenCheckpoint(signed, verifier)
}

// hashes reads a tile. What is stored may have grown: it is cut to the tile's
// width, which it begins with for ever.
func hashes(ctx context.Context, source Source, tile tlog.Tile) ([]byte, error) {
	stored, err := source.Tile(ctx, tile)
	if err != nil {
		return nil, err
	}
	if len(stored) < tile.W*tlog.HashSize {
		return nil, fmt.Errorf("%s is cut short", pathOf(tile))
	}
	return stored[:tile.W*tlog.HashSize], nil
}

// bundle makes the bundle of the entries under a tile of leaves. Entries that are
// not those in the tree are not published.
func bundle(ctx context.Context, source Source, leaves tlog.Tile, hashes []byte) ([]byte, error) {
	first := leaves.N * width
	commitments, err := commitments(ctx, source, ledger.Number(first), leaves.W)
	if err != nil {
		return nil, err
	}
	made := make([]byte, 0, leaves.W*bundled)
	for place, commitment := range commitments {
		switch {
		case commitment == nil:
			return nil, fmt.Errorf("entry %d is missing", first+int64(place))
		case tlog.RecordHash(commitment) != hashAt(hashes, place):
			return nil, fmt.Errorf("entry %d is not the one in the tree", first+int64(place))
		}
		made = binary.BigEndian.AppendUint16(made, uint16(len(commitment)))
		made = append(made, commitment...)
	}
	return made, nil
}

// commitments returns those of count entries from first on; where there is no entry,
// what was kept of it when it was dropped.
func commitments(ctx context.Context, source Source, first ledger.Number, count int) ([][]byte, error) {
	made := make([][]byte, count)
	missing := count
	for sealed, err := range source.Sealed(ctx, first) {
		if err != nil {
			return nil, fmt.Errorf("reading entries from %d: %w", first, err)
		}
		if sealed.Number >= first+ledger.Number(count) {
			break
		}
		commitment := sealed.Commitment()
		made[sealed.Number-first] = commitment[:]
		if missing--; missing == 0 {
			return made, nil
		}
	}
	pieces, err := source.Condensed(ctx, first, first+ledger.Number(count))
	if err != nil {
		return nil, fmt.Errorf("reading what is kept of entries from %d: %w", first, err)
	}
	for _, piece := range pieces {
		place := int(piece.First - first)
		for commitment := range slices.Chunk(piece.Commitments, ledger.CommitmentSize) {
			if place < count && made[place] == nil {
				made[place] = commitment
			}
			place++
		}
	}
	return made, nil
}

// hashAt returns one hash of a tile.
func hashAt(hashes []byte, place int) tlog.Hash {
	return tlog.Hash(hashes[place*tlog.HashSize : (place+1)*tlog.HashSize])
}

// height is what package tlog wants to know of whoever reads tiles for it.
type height struct{}

// Height implements tlog.TileReader.
func (height) Height() int { return ledger.TileHeight }

// SaveTiles implements tlog.TileReader.
func (height) SaveTiles([]tlog.Tile, [][]byte) {}
