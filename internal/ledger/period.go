package ledger

import (
	"context"
	"fmt"
	"slices"

	"poterne/internal/fault"
)

// Period is the part of the ledger that was written in one month: the entries from
// First up to End, which is the first of the next period. The ledger is one tree;
// its periods are ranges of it.
type Period struct {
	Month
	First, End Number
	Open       bool   // entries may still be added; End is the next to be written
	Dropped    bool   // its entries are gone
	By         Number // the entry that says that they are
}

// Entries is the number of entries.
func (p Period) Entries() int64 { return int64(p.End - p.First) }

// Condensed is what the published tree says of entries that follow each other, the
// first of them First.
type Condensed struct {
	First       Number
	Commitments []byte // CommitmentSize of each
}

// Condense compares every entry of a closed period with the tree's leaf, and passes the
// commitments to keep, a bundle at a time, until an entry differs. It calls progress about
// every thousand entries; progress may be nil.
func Condense(ctx context.Context, storage Storage, period Period, keep func(Condensed) error, progress func(done, total int64)) ([]Finding, error) {
	v := verification{ctx: ctx, storage: storage, next: period.First, size: int64(period.End)}
	if progress != nil {
		v.progress = func(done, _ int64) { progress(done-int64(period.First), period.Entries()) }
	}
	piece := Condensed{First: period.First}
	for sealed, err := range storage.Sealed(ctx, period.First) {
		if err != nil {
			return nil, fmt.Errorf("reading entry %d: %w", v.next, err)
		}
		if sealed.Number >= period.End {
			break
		}
		v.skipTo(sealed.Number)
		commitment := sealed.Commitment()
		v.hold(sealed, leafOf(commitment))
		if !v.report.Sound() {
			continue
		}
		piece.Commitments = append(piece.Commitments, commitment[:]...)
		if v.next%(1<<TileHeight) == 0 || v.next == period.End {
			if err := keep(piece); err != nil {
				return nil, err
			}
			piece = Condensed{First: v.next}
		}
	}
	v.skipTo(period.End)
	return v.report.Findings, nil
}

// ClosedPeriod returns the period of a month to which nothing is added any more, after
// those before it.
func ClosedPeriod(periods []Period, month Month) (period Period, before []Period, err error) {
	i := slices.IndexFunc(periods, func(p Period) bool { return p.Month == month })
	switch {
	case i < 0:
		return period, nil, &fault.Error{Kind: fault.Absent, Public: fmt.Sprintf("nothing was written in %s", month)}
	case periods[i].Open:
		return period, nil, &fault.Error{Kind: fault.Invalid, Public: fmt.Sprintf("%s is still open: nothing was written after it", month)}
	}
	return periods[i], periods[:i], nil
}
