package witness_test

import (
	"os"
	"testing"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/ledger/tiles"
	"poterne/internal/ledger/witness"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// sizeOf is the size of the checkpoint that is published, 0 when there is none.
func sizeOf(t *testing.T, h *house, p witness.Published) int64 {
	t.Helper()
	signed, err := p.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if signed == nil {
		return 0
	}
	head, err := ledger.OpenCheckpoint(signed, h.verifier)
	if err != nil {
		t.Fatal(err)
	}
	return head.Size
}

func TestACheckpointIsPublishedWithItsQuorumOrAfterAWhileWithout(t *testing.T) {
	h := newHouse(t)
	servants, members := h.witnesses(t, 2)
	council := h.council(t, h.Ledger, members...)
	now := storetest.At
	published := witness.Published{Catalogue: h.Ledger, Quorum: council.Quorum, Verifier: h.verifier, Now: func() time.Time { return now }}
	write := func(n int) {
		storetest.Write(t, h.DB, n, now)
		h.seal(t)
	}
	expect := func(want int64, when string) {
		t.Helper()
		if got := sizeOf(t, h, published); got != want {
			t.Errorf("%s, %d entries are published and not %d", when, got, want)
		}
	}
	expect(0, "before the first checkpoint")
	write(10)
	expect(0, "before the first quorum")
	attend(t, council)
	expect(10, "with a quorum")
	now = now.Add(time.Hour)
	expect(10, "an hour later")
	for range 200 { // more than are looked at at once
		write(1)
		now = now.Add(20 * time.Millisecond)
	}
	expect(10, "while the next ones wait for theirs")
	attend(t, council)
	expect(210, "with the next quorum")

	servants[0].Down(true)
	write(1)
	attend(t, council)
	expect(210, "with one signature of two")
	now = now.Add(witness.Longest + time.Second)
	expect(211, "when it has waited long enough")
	write(1)
	expect(211, "when the next has not")
	now = now.Add(witness.Longest + time.Second)
	expect(212, "when that has, too")
}

func TestAFolderTakesCosignaturesIn(t *testing.T) {
	h := newHouse(t)
	_, members := h.witnesses(t, 2)
	council := h.council(t, h.Ledger, members...)
	h.write(t, 300)
	dir, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	published := witness.Published{Catalogue: h.Ledger, Quorum: council.Quorum, Verifier: h.verifier, Now: time.Now}
	for _, cosigned := range []bool{false, true} {
		if cosigned {
			attend(t, council)
		}
		if _, err := tiles.Publish(t.Context(), published, h.verifier, dir); err != nil {
			t.Fatal(err)
		}
		note, err := dir.ReadFile("checkpoint")
		if err != nil || council.Met(note) != cosigned {
			t.Errorf("in the folder is, %v,\n%s", err, note)
		}
	}
	report, err := tiles.Verify(t.Context(), dir.FS(), h.verifier, nil)
	if err != nil || !report.Sound() {
		t.Errorf("the folder does not verify: %v, %v", report.Findings, err)
	}
}

// Promise: LEDGER-4
func TestNodesOnOneDatabaseShareTheirCosignatures(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	connection := cluster.Database(t)
	h := newHouse(t)
	_, members := h.witnesses(t, 2)
	var nodes []*store.DB
	for range 2 {
		db, err := store.OpenPostgreSQL(t.Context(), connection)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		nodes = append(nodes, db)
	}
	h.DB, h.Ledger = nodes[0], store.NewLedger(nodes[0])
	for range 5 {
		h.write(t, 100)
		done := make(chan error, len(members))
		for i, node := range nodes { // each reaches one of the witnesses only
			council := h.council(t, store.NewLedger(node), members[i])
			go func() { done <- council.Attend(t.Context()) }()
		}
		for range nodes {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		if both := h.council(t, h.Ledger, members...); !h.met(t, both) {
			t.Fatalf("not both signatures are under it:\n%s", h.newest(t))
		}
	}
	if report, err := ledger.Verify(t.Context(), h.Ledger, h.verifier, nil, nil); err != nil || !report.Sound() {
		t.Errorf("the ledger does not verify: %v, %v", report.Findings, err)
	}
}
