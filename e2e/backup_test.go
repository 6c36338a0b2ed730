package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"poterne/internal/ledger/witness/witnesstest"
	"poterne/internal/store/storetest"
)

// witnessed gives the house a witness outside.
func (h *house) witnessed() *witnesstest.Witness {
	h.t.Helper()
	public, err := os.ReadFile(filepath.Join(h.dir, "checkpoint.pub"))
	if err != nil {
		h.t.Fatal(err)
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(public)))
	if err != nil {
		h.t.Fatal(err)
	}
	w := witnesstest.New(h.t, "witness.example/w1", verifier)
	text, err := os.ReadFile(h.config)
	if err != nil {
		h.t.Fatal(err)
	}
	more := fmt.Sprintf("\n[quorum]\nneed = 1\n\n[[witness]]\naddress = %q\nkey = %q\n", w.Serve(h.t), w.Key())
	h.write(filepath.Base(h.config), string(text)+more)
	return w
}

// atWork opens people of a caseload, one after the other, until ctx ends.
func (h *house) atWork(ctx context.Context) (wait func()) {
	h.t.Helper()
	browser := h.browser("pauline.mercier")
	var working sync.WaitGroup
	working.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			page, err := browser.Get(ctx, "/people/files/"+crowdID(n%crowdOwn))
			if err == nil && page.Status != http.StatusOK {
				h.t.Errorf("at work, status %d", page.Status)
			}
		}
	})
	return working.Wait
}

// comesToKnow waits until the witness knows more entries than it did.
func (h *house) comesToKnow(w *witnesstest.Witness, more int64) {
	h.t.Helper()
	const origin = "poterne.example/ledger"
	want := w.Knows(h.t, origin) + more
	for begun := time.Now(); time.Since(begun) < patience; {
		if w.Knows(h.t, origin) >= want {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	h.t.Fatalf("the witness still knows %d entries, not %d", w.Knows(h.t, origin), want)
}

// refusesToServe starts the program, which must end by itself and say why.
func (h *house) refusesToServe(why string) {
	h.t.Helper()
	p := start(h.t, "serve", "--config", h.config)
	select {
	case <-p.done:
	case <-time.After(patience):
		h.t.Fatal("it serves")
	}
	if p.err == nil || !strings.Contains(p.output.String(), why) {
		h.t.Errorf("it ended with %v and said\n%s", p.err, p.output)
	}
}

// Promise: LEDGER-4
// Promise: LEDGER-3
func TestLEDGER_4_ABackupTakenAtWorkIsWholeAndFoundOutWhenItIsRestored(t *testing.T) {
	t.Parallel()
	application := httptest.NewServer(crowd())
	t.Cleanup(application.Close)
	h := newHouse(t, "application", map[string]string{"http://127.0.0.1:3000": application.URL})
	h.takeFacts("caseloads", h.write("caseloads.csv", crowdCaseloads()))
	outside := h.witnessed()
	p := h.serve()
	ctx, rest := context.WithCancel(t.Context())
	rested := h.atWork(ctx)
	h.comesToKnow(outside, 20)

	copied := filepath.Join(h.dir, "copy.db")
	output := h.poterne("backup", "--config", h.config, "--as", "nadia", "--verify", copied)
	t.Log(output)
	if about, err := os.Stat(copied); err != nil || about.Mode().Perm() != 0o600 {
		t.Errorf("the copy is %v, %v", about.Mode(), err)
	}
	if output, code := poterne(t, "backup", "--config", h.config, "--as", "nadia", copied); code != 1 {
		t.Errorf("a copy is written over: %d\n%s", code, output)
	}
	h.comesToKnow(outside, 20) // it goes on meanwhile
	rest()
	rested()
	p.kill()

	lost := t.TempDir() // the disk is lost, and the copy put in place
	for _, part := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(h.database()+part, filepath.Join(lost, "poterne.db"+part)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(copied, h.database()); err != nil {
		t.Fatal(err)
	}
	h.verified() // by itself, nothing is missing in it
	h.refusesToServe("an older copy was put in its place. Restore the newest copy there is")
	h.verified()

	for _, part := range []string{"", "-wal", "-shm"} { // the disk is found again
		_ = os.Remove(h.database() + part)
		if err := os.Rename(filepath.Join(lost, "poterne.db"+part), h.database()+part); err != nil {
			t.Fatal(err)
		}
	}
	h.serve()
	h.comesToKnow(outside, 0)
	h.verified()
}

// Promise: LEDGER-4
// Promise: RUN-3
func TestLEDGER_4_ARestoredBaseBackupOfPostgreSQLIsFoundOut(t *testing.T) {
	t.Parallel()
	cluster := storetest.StartPostgreSQL(t)
	application := httptest.NewServer(crowd())
	t.Cleanup(application.Close)
	h := newHouse(t, "application", map[string]string{
		"http://127.0.0.1:3000": application.URL, `path = "poterne.db"`: fmt.Sprintf("server = %q", cluster.Database(t)),
	})
	h.takeFacts("caseloads", h.write("caseloads.csv", crowdCaseloads()))
	outside := h.witnessed()
	p := h.serve()
	ctx, rest := context.WithCancel(t.Context())
	rested := h.atWork(ctx)
	h.comesToKnow(outside, 20)
	if output, code := poterne(t, "backup", "--config", h.config, "--as", "nadia", filepath.Join(h.dir, "copy.db")); code != 2 || !strings.Contains(output, "pg_basebackup") {
		t.Errorf("a server is copied like a file: %d\n%s", code, output)
	}
	restore := cluster.Backup(t)
	h.comesToKnow(outside, 20)
	rest()
	rested()
	p.kill()
	restore()
	h.verified() // by itself, nothing is missing in it
	h.refusesToServe("an older copy was put in its place. Restore the newest copy there is")
}
