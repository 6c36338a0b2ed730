package ledger_test

import (
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"poterne/internal/ledger"
)

// The edge of a tree must give the root that the library gives.
func TestTheEdgeHasTheRootOfTheWholeTree(t *testing.T) {
	var edge ledger.Edge
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			hashes[i] = stored[index]
		}
		return hashes, nil
	})
	for size := range int64(600) {
		want, err := tlog.TreeHash(size, reader)
		if err != nil {
			t.Fatal(err)
		}
		if edge.Size() != size || edge.Root() != want {
			t.Fatalf("of %d leaves: %v, want %v", size, edge.Root(), want)
		}
		leaf := tlog.RecordHash([]byte{byte(size), byte(size >> 8)})
		hashes, err := tlog.StoredHashesForRecordHash(size, leaf, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hashes...)
		edge.Add(leaf)
	}
}
