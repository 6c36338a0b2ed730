package ledger

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Damage says what happened to entries that do not verify.
type Damage string

const (
	Removed     Damage = "removed"    // the entry is gone
	Altered     Damage = "changed"    // the entry is not what was written
	Reordered   Damage = "re-ordered" // the entry stands in another's place
	Rewritten   Damage = "rewritten"  // the tree itself is not the one that was signed
	Forged      Damage = "forged"     // a checkpoint was not signed by this ledger's key
	ErrUnproven Damage = "unproven"   // the tree's hash of the entry is missing
	Doubled     Damage = "doubled"    // the entry is there twice
	Kept        Damage = "kept"       // the entry is there, and another says that it was dropped
)

// Finding is damage to the entries From to To, both included.
type Finding struct {
	From, To Number
	Damage   Damage
}

func (f Finding) String() string {
	switch {
	case f.Damage == Forged:
		return "a checkpoint: " + string(Forged)
	case f.From == f.To:
		return fmt.Sprintf("entry %d: %s", f.From, f.Damage)
	default:
		return fmt.Sprintf("entries %d to %d: %s", f.From, f.To, f.Damage)
	}
}

// Report is the outcome of a verification.
type Report struct {
	Entries     int64 // entries there are
	Proven      int64 // entries under the newest checkpoint
	Checkpoints int64 // checkpoints that were checked
	Dropped     []Dropping
	Findings    []Finding
}

// Dropping is the entries From to To, both included, that are rightly gone: the
// entry By, which the tree proves, says that they were dropped at their term.
type Dropping struct{ From, To, By Number }

func (d Dropping) String() string {
	return fmt.Sprintf("entries %d to %d: dropped at their term (entry %d)", d.From, d.To, d.By)
}

// Sound reports whether nothing was found.
func (r Report) Sound() bool { return len(r.Findings) == 0 }

// Verify reads the whole ledger. It compares every entry with the tree's leaf, and the
// tree with every stored checkpoint and those kept elsewhere. Dropped entries are no
// finding if the tree proves the entry that says so, and periods were dropped in order
// from the ledger's beginning. It calls progress about every thousand entries; progress
// may be nil.
func Verify(ctx context.Context, storage Storage, verifier note.Verifier, elsewhere [][]byte, progress func(done, total int64)) (Report, error) {
	v := verification{ctx: ctx, storage: storage, progress: progress}
	if err := v.gather(verifier, elsewhere); err != nil {
		return Report{}, err
	}
	for sealed, err := range storage.Sealed(ctx, 0) {
		if err != nil {
			return Report{}, fmt.Errorf("reading entry %d: %w", v.next, err)
		}
		v.skipTo(sealed.Number)
		v.hold(sealed, sealed.Leaf())
	}
	v.skipTo(Number(max(v.size, int64(v.next))))
	v.excuse()
	v.report.Proven = v.size
	return v.report, nil
}

type verification struct {
	ctx      context.Context
	storage  Storage
	progress func(done, total int64)
	report   Report

	checkpoints []witnessed // smallest first
	size        int64       // of the newest checkpoint
	trusted     int64       // size of the last checkpoint that held
	vouched     int64       // size of the last that was kept elsewhere and held
	lost        bool        // a wrong root is explained by what was found since

	there     []run // entries that are there
	leafless  []run // entries that are gone, and their leaves as well
	droppings []Entry

	next   Number // the entry expected
	edge   Edge   // over the tree's leaves so far
	tile   tlog.Tile
	leaves []byte // of tile
}

// witnessed is a checkpoint, and whether it was kept elsewhere, where an attacker who
// rewrote the ledger could not replace it.
type witnessed struct {
	Checkpoint
	elsewhere bool
}

// gather opens every checkpoint there is.
func (v *verification) gather(verifier note.Verifier, elsewhere [][]byte) error {
	open := func(signed []byte, elsewhere bool) {
		checkpoint, err := OpenCheckpoint(signed, verifier)
		if err != nil {
			v.found(0, 0, Forged)
			return
		}
		v.checkpoints = append(v.checkpoints, witnessed{checkpoint, elsewhere})
	}
	for signed, err := range v.storage.Checkpoints(v.ctx) {
		if err != nil {
			return fmt.Errorf("reading checkpoints: %w", err)
		}
		open(signed, false)
	}
	for _, signed := range elsewhere {
		open(signed, true)
	}
	slices.SortStableFunc(v.checkpoints, func(a, b witnessed) int { return int(a.Size - b.Size) })
	if n := len(v.checkpoints); n > 0 {
		v.size = v.checkpoints[n-1].Size
	}
	return nil
}

func (v *verification) found(from, to Number, damage Damage) {
	if n := len(v.report.Findings); n > 0 {
		last := &v.report.Findings[n-1]
		if last.Damage == damage && last.To+1 == from {
			last.To = to
			return
		}
	}
	v.report.Findings = append(v.report.Findings, Finding{from, to, damage})
}

// run is entries that follow each other, both included.
type run struct{ from, to Number }

// with adds the next number to runs.
func with(runs []run, number Number) []run {
	if n := len(runs); n > 0 && runs[n-1].to+1 == number {
		runs[n-1].to = number
		return runs
	}
	return append(runs, run{number, number})
}

// skipTo notes the entries missing before number.
func (v *verification) skipTo(number Number) {
	for v.next < number {
		v.found(v.next, v.next, Removed)
		leaf, proven := v.leaf() // the zero hash when it is gone as well
		if !proven {
			v.leafless = with(v.leafless, v.next)
			v.lost = true
		}
		v.step(leaf)
	}
}

// hold holds one entry, which as a leaf is own, against the tree's leaf.
func (v *verification) hold(sealed Sealed, own tlog.Hash) {
	v.report.Entries++
	if sealed.Number < v.next {
		v.found(sealed.Number, sealed.Number, Doubled)
		return
	}
	v.there = with(v.there, v.next)
	entry, err := Decode(sealed.Body)
	leaf, proven := v.leaf()
	switch {
	case err == nil && entry.Number != sealed.Number:
		v.found(v.next, v.next, Reordered)
	case err != nil || proven && leaf != own:
		v.found(v.next, v.next, Altered)
	case !proven && int64(v.next) < v.size:
		v.found(v.next, v.next, ErrUnproven)
		v.lost = true
	case int64(v.next) < v.size && entry.Kind == Dropped && entry.End <= v.next:
		v.droppings = append(v.droppings, entry)
	}
	if !proven {
		leaf = own
	}
	v.step(leaf)
}

// step takes the leaf into the tree and compares it with the checkpoints of the
// new size.
func (v *verification) step(leaf tlog.Hash) {
	v.edge.Add(leaf)
	v.next++
	if v.progress != nil && v.next%1024 == 0 {
		v.progress(int64(v.next), max(v.size, int64(v.next)))
	}
	for len(v.checkpoints) > 0 && v.checkpoints[0].Size <= v.edge.Size() {
		checkpoint := v.checkpoints[0]
		v.checkpoints = v.checkpoints[1:]
		v.report.Checkpoints++
		if checkpoint.Size == v.edge.Size() { // a smaller one is of an empty tree, and always true
			v.compare(checkpoint)
		}
	}
}

// compare holds the tree against a checkpoint of its size. What a ledger says of
// itself tells nothing against a checkpoint kept elsewhere: the signing key may be
// stolen too.
func (v *verification) compare(checkpoint witnessed) {
	switch {
	case checkpoint.Root == v.edge.Root():
		v.trusted = checkpoint.Size
		if checkpoint.elsewhere {
			v.vouched = checkpoint.Size
		}
	case !v.lost:
		from := v.trusted
		if checkpoint.elsewhere {
			from = v.vouched
		}
		v.found(Number(from), Number(checkpoint.Size-1), Rewritten)
		v.lost = true
	}
}

// leaf returns what the tree holds for the next entry.
func (v *verification) leaf() (tlog.Hash, bool) {
	index := tlog.StoredHashIndex(0, int64(v.next))
	tile := tlog.TileForIndex(TileHeight, index)
	if v.leaves == nil || v.tile.N != tile.N {
		leaves, err := v.storage.Tile(v.ctx, tile)
		if err != nil {
			leaves = []byte{}
		}
		v.tile, v.leaves = tile, leaves
	}
	hash, err := tlog.HashFromTile(tile, v.leaves, index)
	return hash, err == nil
}

// excuse takes back what was found missing and was dropped. What was dropped must
// be gone, and its leaves must not.
func (v *verification) excuse() {
	gone := v.dropped()
	found := v.report.Findings
	v.report.Findings = nil
	for _, f := range found {
		if f.Damage == Removed {
			f.From = max(f.From, gone)
		}
		if f.From <= f.To {
			v.report.Findings = append(v.report.Findings, f)
		}
	}
	v.before(gone, v.there, Kept)
	v.before(gone, v.leafless, ErrUnproven)
}

// dropped returns where what was dropped ends. Periods are dropped in their order;
// the entries that say so of the oldest are in time dropped themselves, so the first
// that is still there speaks for everything before it.
func (v *verification) dropped() (gone Number) {
	for _, entry := range v.droppings {
		from := entry.From
		if gone == 0 {
			from = 0
		}
		if from == gone && entry.End > gone {
			v.report.Dropped = append(v.report.Dropped, Dropping{from, entry.End - 1, entry.Number})
			gone = entry.End
		}
	}
	return gone
}

// before notes damage to those of some entries that are before a number.
func (v *verification) before(number Number, runs []run, damage Damage) {
	for _, r := range runs {
		if r.from < number {
			v.report.Findings = append(v.report.Findings, Finding{r.from, min(r.to, number-1), damage})
		}
	}
}
