package ledger

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

// Entries is how many were written.
func (p Period) Entries() int64 { return int64(p.End - p.First) }
