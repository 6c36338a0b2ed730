package tiles

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"poterne/internal/ledger"
)

// Publish brings a folder up to the newest checkpoint, which it returns: a copy
// that any web server can serve and any verifier of the format reads. What is
// there stays; the checkpoint comes last, once everything under it is durable. A
// folder with another history than the ledger's, or a longer one, is refused and
// left as it is. Callers MUST NOT publish to one folder at the same time.
func Publish(ctx context.Context, source Source, verifier note.Verifier, folder *os.Root) (ledger.Checkpoint, error) {
	head, err := newest(ctx, source, verifier)
	if err != nil {
		return head, err
	}
	tree := Signed(ctx, source, head)
	before, err := published(folder, verifier)
	if err != nil {
		return head, err
	}
	if err := continues(tree, before, head); err != nil {
		return head, err
	}
	out := &copying{folder, make(map[string]bool)}
	if before.Size == head.Size {
		if bytes.Equal(before.Note, head.Note) {
			return head, nil
		}
		return head, out.finish(head.Note) // witnesses have co-signed it since
	}
	for _, tile := range tlog.NewTiles(ledger.TileHeight, before.Size, head.Size) {
		held, err := tlog.ReadTileData(tile, tree)
		if err != nil {
			return head, fmt.Errorf("reading %s: %w", pathOf(tile), err)
		}
		if err := out.write(pathOf(tile), held); err != nil {
			return head, err
		}
		if tile.L > 0 {
			continue
		}
		entries, err := bundle(ctx, source, tile, held)
		if err != nil {
			return head, err
		}
		if err := out.write(pathOf(at(bundlesLevel, tile)), entries); err != nil {
			return head, err
		}
	}
	return head, out.finish(head.Note)
}

// published is the checkpoint of a folder, of no entries when there is none.
func published(folder *os.Root, verifier note.Verifier) (ledger.Checkpoint, error) {
	signed, err := folder.ReadFile(checkpointFile)
	if errors.Is(err, fs.ErrNotExist) {
		return ledger.Checkpoint{}, nil
	}
	if err != nil {
		return ledger.Checkpoint{}, err
	}
	before, err := ledger.OpenCheckpoint(signed, verifier)
	if err != nil {
		return before, fmt.Errorf("the folder holds another ledger: %w", err)
	}
	return before, nil
}

// continues wants the tree to be what was published, and more.
func continues(tree tlog.HashReader, before, head ledger.Checkpoint) error {
	if before.Size > head.Size {
		return fmt.Errorf("the folder holds %d entries and the ledger %d: an older one was put in its place", before.Size, head.Size)
	}
	if before.Size == 0 {
		return nil
	}
	root, err := tlog.TreeHash(before.Size, tree)
	if err != nil {
		return fmt.Errorf("reading the tree of %d entries: %w", before.Size, err)
	}
	if root != before.Root {
		return fmt.Errorf("the folder holds other entries than the first %d of the ledger: its history was rewritten", before.Size)
	}
	return nil
}

// Signed gives the hashes of the tree, and only those that the checkpoint signs.
func Signed(ctx context.Context, source Source, head ledger.Checkpoint) tlog.HashReader {
	return tlog.TileHashReader(tlog.Tree{N: head.Size, Hash: head.Root}, &stored{height{}, ctx, source, make(map[tlog.Tile][]byte)})
}

// stored reads tiles for package tlog. The few above the leaves are read again and
// again.
type stored struct {
	height
	ctx    context.Context
	source Source
	above  map[tlog.Tile][]byte
}

// ReadTiles implements tlog.TileReader.
func (s *stored) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	read := make([][]byte, len(tiles))
	for i, tile := range tiles {
		held, kept := s.above[tile]
		if !kept {
			var err error
			if held, err = hashes(s.ctx, s.source, tile); err != nil {
				return nil, err
			}
			if tile.L > 0 {
				s.above[tile] = held
			}
		}
		read[i] = held
	}
	return read, nil
}

// copying writes files into a folder and remembers which folders it changed.
type copying struct {
	folder  *os.Root
	changed map[string]bool
}

// write puts a whole file in place, durable but for its name.
func (c *copying) write(name string, data []byte) error {
	dir := path.Dir(name)
	if err := c.folder.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for above := dir; !c.changed[above]; above = path.Dir(above) {
		c.changed[above] = true
	}
	fresh := name + "." + rand.Text()
	file, err := c.folder.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = c.folder.Rename(fresh, name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", name, err), c.folder.Remove(fresh))
	}
	return nil
}

// finish makes the names of all files durable, and then publishes the checkpoint.
func (c *copying) finish(checkpoint []byte) error {
	if err := c.sync(); err != nil {
		return err
	}
	if err := c.write(checkpointFile, checkpoint); err != nil {
		return err
	}
	return c.sync()
}

func (c *copying) sync() error {
	for name := range c.changed {
		dir, err := c.folder.Open(name)
		if err != nil {
			return err
		}
		if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
			return fmt.Errorf("keeping %s: %w", name, err)
		}
	}
	clear(c.changed)
	return nil
}
