package ledger

import (
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// Edge is the right edge of a Merkle tree: the roots of its full subtrees, from
// the largest. It is enough to go on adding leaves and to know the root.
type Edge struct {
	size  int64
	roots []tlog.Hash
}

// Size is the number of leaves.
func (e *Edge) Size() int64 { return e.size }

// Add adds a leaf.
func (e *Edge) Add(leaf tlog.Hash) {
	for range bits.TrailingZeros64(^uint64(e.size)) {
		last := len(e.roots) - 1
		leaf = tlog.NodeHash(e.roots[last], leaf)
		e.roots = e.roots[:last]
	}
	e.roots = append(e.roots, leaf)
	e.size++
}

// Root is the root hash of the tree so far; of an empty tree, the hash RFC 6962
// gives it.
func (e *Edge) Root() tlog.Hash {
	if e.size == 0 {
		empty, _ := tlog.TreeHash(0, nil)
		return empty
	}
	last := len(e.roots) - 1
	root := e.roots[last]
	for i := last - 1; i >= 0; i-- {
		root = tlog.NodeHash(e.roots[i], root)
	}
	return root
}

// TileHeight is the height of a tile: 256 hashes, as C2SP tlog-tiles has it.
const TileHeight = 8

// growth is the hashes a tree has gained since its tiles were last stored, over
// what the tiles hold.
type growth struct {
	from, size int64
	fresh      []tlog.Hash // stored ones from StoredHashIndex(0, from) on: those of a leaf follow those of the leaf before
	load       func(tlog.Tile) ([]byte, error)
	loaded     map[tilePlace][]byte
}

type tilePlace struct {
	level    int
	position int64
}

func newGrowth(size int64, load func(tlog.Tile) ([]byte, error)) *growth {
	return &growth{from: size, size: size, load: load, loaded: make(map[tilePlace][]byte)}
}

func (g *growth) add(leaf tlog.Hash) error {
	hashes, err := tlog.StoredHashesForRecordHash(g.size, leaf, g)
	if err != nil {
		return fmt.Errorf("adding leaf %d: %w", g.size, err)
	}
	g.fresh = append(g.fresh, hashes...)
	g.size++
	return nil
}

func (g *growth) root() (tlog.Hash, error) { return tlog.TreeHash(g.size, g) }

// changed lists the tiles to store, with their hashes.
func (g *growth) changed() (map[tlog.Tile][]byte, error) {
	tiles := make(map[tlog.Tile][]byte)
	for _, tile := range tlog.NewTiles(TileHeight, g.from, g.size) {
		data, err := tlog.ReadTileData(tile, g)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", tile.Path(), err)
		}
		tiles[tile] = data
	}
	return tiles, nil
}

// ReadHashes implements tlog.HashReader.
func (g *growth) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes, first := make([]tlog.Hash, len(indexes)), tlog.StoredHashIndex(0, g.from)
	for i, index := range indexes {
		if at := index - first; at >= 0 && at < int64(len(g.fresh)) {
			hashes[i] = g.fresh[at]
			continue
		}
		var err error
		if hashes[i], err = g.stored(index); err != nil {
			return nil, err
		}
	}
	return hashes, nil
}

func (g *growth) stored(index int64) (tlog.Hash, error) {
	tile := tlog.TileForIndex(TileHeight, index)
	place := tilePlace{tile.L, tile.N}
	data, ok := g.loaded[place]
	if !ok {
		var err error
		if data, err = g.load(tile); err != nil {
			return tlog.Hash{}, err
		}
		g.loaded[place] = data
	}
	return tlog.HashFromTile(tile, data, index)
}
