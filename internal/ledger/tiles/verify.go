package tiles

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"poterne/internal/ledger"
)

// Finding is a file of a published copy that is not what was signed.
type Finding struct{ File, Says string }

func (f Finding) String() string { return f.File + ": " + f.Says }

// Report is the outcome of a verification.
type Report struct {
	Entries     int64 // entries under the copy's checkpoint
	Checkpoints int   // checkpoints that were held against it
	Findings    []Finding
}

// Sound reports whether nothing was found.
func (r Report) Sound() bool { return len(r.Findings) == 0 }

const (
	elsewhere = "a checkpoint kept elsewhere" // in place of a file's name
	notSigned = "is not signed by this ledger's key"
)

// Verify recomputes the tree of a published copy from its entries and holds every
// file of it against that, and the tree against the copy's checkpoint and those
// that were kept elsewhere. It needs the key's public half and nothing else.
func Verify(ctx context.Context, copied fs.FS, verifier note.Verifier, kept [][]byte) (Report, error) {
	signed, err := fs.ReadFile(copied, checkpointFile)
	if err != nil {
		return Report{}, fmt.Errorf("there is no checkpoint to hold this against: %w", err)
	}
	v := &verification{copied: copied}
	if v.head, err = ledger.OpenCheckpoint(signed, verifier); err != nil {
		v.found(checkpointFile, notSigned)
		return v.report, nil
	}
	v.signed = tlog.TileHashReader(tlog.Tree{N: v.head.Size, Hash: v.head.Root}, files{FS: copied})
	v.gather(kept, verifier)
	for start := int64(0); start < v.head.Size; start += width {
		if err := ctx.Err(); err != nil {
			return Report{}, err
		}
		if err := v.bundle(tlog.Tile{H: ledger.TileHeight, N: start / width, W: int(min(v.head.Size-start, width))}); err != nil {
			return Report{}, err
		}
	}
	err = v.finish()
	return v.report, err
}

type verification struct {
	copied fs.FS
	head   ledger.Checkpoint
	signed tlog.HashReader     // over the copy's tiles; gives only what the checkpoint signs
	kept   []ledger.Checkpoint // still to be met, smallest first
	report Report

	edge   ledger.Edge // over the leaves so far
	levels []level     // of tiles, from the leaves up
}

// level is where the tiles of one level stand.
type level struct {
	whole int64  // tiles that are done
	next  []byte // hashes of the tile that is growing
}

func (v *verification) found(file, says string) {
	v.report.Findings = append(v.report.Findings, Finding{file, says})
}

// gather opens the checkpoints that were kept elsewhere.
func (v *verification) gather(kept [][]byte, verifier note.Verifier) {
	v.report.Entries, v.report.Checkpoints = v.head.Size, 1
	for _, signed := range kept {
		v.report.Checkpoints++
		checkpoint, err := ledger.OpenCheckpoint(signed, verifier)
		switch {
		case err != nil:
			v.found(elsewhere, notSigned)
		case checkpoint.Size > v.head.Size:
			v.found(elsewhere, fmt.Sprintf("has entries %d to %d, which are not here", v.head.Size, checkpoint.Size-1))
		case checkpoint.Size > 0: // an empty tree is always true
			v.kept = append(v.kept, checkpoint)
		}
	}
	slices.SortFunc(v.kept, func(a, b ledger.Checkpoint) int { return cmp.Compare(a.Size, b.Size) })
}

// bundle holds a bundle against its tile of leaves, and takes the leaves into the
// tree. Where the two differ, the checkpoint says which of them is right.
func (v *verification) bundle(tile tlog.Tile) error {
	file := pathOf(at(bundlesLevel, tile))
	entries, err := v.read(file, tile.W*bundled)
	if err != nil {
		return err
	}
	held, err := v.read(pathOf(tile), tile.W*tlog.HashSize)
	if err != nil {
		return err
	}
	leaves := leavesIn(entries)
	switch {
	case entries == nil && held == nil:
		leaves = make([]byte, tile.W*tlog.HashSize) // both are named already
	case entries == nil:
		leaves = held
	case held == nil || bytes.Equal(leaves, held):
	case v.vouched(tile):
		v.compare(file, tile.N*width, leaves, held)
		leaves = held
	default:
		v.found(pathOf(tile), "does not hold the hashes of its entries")
	}
	for place := range tile.W {
		if err := v.add(hashAt(leaves, place)); err != nil {
			return err
		}
	}
	return nil
}

// vouched reports whether the copy's checkpoint signs a tile as the copy has it.
func (v *verification) vouched(tile tlog.Tile) bool {
	_, err := tlog.ReadTileData(tile, v.signed)
	return err == nil
}

// compare names the entries whose leaves are not those that were signed.
func (v *verification) compare(file string, first int64, leaves, signed []byte) {
	for place := range len(signed) / tlog.HashSize {
		if hashAt(leaves, place) != hashAt(signed, place) {
			v.found(file, fmt.Sprintf("entry %d is not the one that was signed", first+int64(place)))
		}
	}
}

// read reads a file whose size is known. When it is missing or of another size,
// that is found, and nothing is read.
func (v *verification) read(file string, size int) ([]byte, error) {
	data, err := fs.ReadFile(v.copied, file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		v.found(file, "is missing")
		return nil, nil
	case err != nil:
		return nil, err
	case len(data) != size:
		v.found(file, fmt.Sprintf("has %d bytes in place of %d", len(data), size))
		return nil, nil
	}
	return data, nil
}

// leavesIn hashes the entries of a bundle. What is no commitment has the hash of
// no leaf.
func leavesIn(entries []byte) []byte {
	leaves := make([]byte, 0, len(entries)/bundled*tlog.HashSize)
	for entry := range slices.Chunk(entries, bundled) {
		var leaf tlog.Hash
		if binary.BigEndian.Uint16(entry) == sha256.Size {
			leaf = tlog.RecordHash(entry[2:])
		}
		leaves = append(leaves, leaf[:]...)
	}
	return leaves
}

// add takes a leaf into the tree and meets the checkpoints of the new size.
func (v *verification) add(leaf tlog.Hash) error {
	v.edge.Add(leaf)
	for ; len(v.kept) > 0 && v.kept[0].Size == v.edge.Size(); v.kept = v.kept[1:] {
		if v.kept[0].Root != v.edge.Root() {
			v.found(elsewhere, fmt.Sprintf("signs other entries than the first %d here", v.kept[0].Size))
		}
	}
	return v.grow(0, leaf)
}

// grow takes a hash into a level. A tile that is whole gives its hash to the level
// above.
func (v *verification) grow(at int, hash tlog.Hash) error {
	if at == len(v.levels) {
		v.levels = append(v.levels, level{})
	}
	l := &v.levels[at]
	l.next = append(l.next, hash[:]...)
	if len(l.next) < width*tlog.HashSize {
		return nil
	}
	if err := v.hold(at); err != nil {
		return err
	}
	var tile ledger.Edge
	for place := range width {
		tile.Add(hashAt(l.next, place))
	}
	l.whole, l.next = l.whole+1, nil
	return v.grow(at+1, tile.Root())
}

// hold holds the growing tile of a level against the copy's. The leaves were held
// against their entries already.
func (v *verification) hold(at int) error {
	l := v.levels[at]
	if at == 0 || len(l.next) == 0 {
		return nil
	}
	file := pathOf(tlog.Tile{H: ledger.TileHeight, L: at, N: l.whole, W: len(l.next) / tlog.HashSize})
	held, err := v.read(file, len(l.next))
	if err == nil && held != nil && !bytes.Equal(held, l.next) {
		v.found(file, "does not hold the hashes of the tiles below it")
	}
	return err
}

// finish holds what is not whole, and the root.
func (v *verification) finish() error {
	for at := range v.levels {
		if err := v.hold(at); err != nil {
			return err
		}
	}
	if v.edge.Root() != v.head.Root {
		v.found(checkpointFile, "signs another tree than the one here")
	}
	return nil
}

// files are a copy's tiles, as package tlog reads them.
type files struct {
	height
	fs.FS
}

// ReadTiles implements tlog.TileReader.
func (f files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	read := make([][]byte, len(tiles))
	for i, tile := range tiles {
		var err error
		if read[i], err = fs.ReadFile(f, pathOf(tile)); err != nil {
			return nil, err
		}
	}
	return read, nil
}
