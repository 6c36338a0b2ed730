package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poterne/internal/ledger"
)

// bare runs one command that needs no configuration.
func bare(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	var both bytes.Buffer
	code = run(t.Context(), args, &streams{strings.NewReader(""), &both, &both})
	return code, both.String()
}

func TestLEDGER_3_APublishedCopyIsVerifiedWithThePublicKeyAlone(t *testing.T) {
	dir, _ := written(t)
	elsewhere, key := t.TempDir(), filepath.Join(dir, "checkpoint.pub")
	for range 2 { // the second time it is up to date
		if code, out, errs := asked(t, dir, "ledger", "publish", elsewhere); code != 0 || out != "6 entries are published\n" {
			t.Fatalf("exit %d, printed %s%s", code, out, errs)
		}
	}
	kept := filepath.Join(t.TempDir(), "kept")
	if err := os.CopyFS(kept, os.DirFS(elsewhere)); err != nil {
		t.Fatal(err)
	}
	checkpoint := filepath.Join(kept, "checkpoint")
	if code, out := bare(t, "ledger", "verify-copy", elsewhere, "--key", key, "--checkpoint", checkpoint); code != 0 || out != "6 entries, 2 checkpoints\n" {
		t.Errorf("exit %d, printed %s", code, out)
	}
	if code, out := bare(t, "ledger", "verify-copy", elsewhere, "--key", checkpoint); code != 2 {
		t.Errorf("with no key, exit %d, printed %s", code, out)
	}
	bundle := filepath.Join(elsewhere, "tile", "entries", "000.p", "6")
	data, err := os.ReadFile(bundle)
	if err != nil {
		t.Fatal(err)
	}
	data[3*34+5] ^= 1
	if err := os.WriteFile(bundle, data, 0o600); err != nil {
		t.Fatal(err)
	}
	code, out := bare(t, "ledger", "verify-copy", elsewhere, "--key", key)
	if code != 1 || !strings.HasPrefix(out, "tile/entries/000.p/6: entry 3 is not the one that was signed\n") {
		t.Errorf("tampered with, exit %d, printed %s", code, out)
	}
}

func TestLEDGER_3_AnEntryIsProvedWithThePublicKeyAlone(t *testing.T) {
	dir, _ := written(t)
	key, proof := filepath.Join(dir, "checkpoint.pub"), filepath.Join(t.TempDir(), "entry.tlog-proof")
	code, out, errs := asked(t, dir, "ledger", "prove", "--as", "samir", "1")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	if err := os.WriteFile(proof, []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out = bare(t, "ledger", "verify-proof", proof, "--key", key)
	for _, said := range []string{"entry 1 of 6 in poterne.example/ledger:\n", `"account":"pauline.mercier"`, `"epoch":"` + ledger.MonthOf(time.Now()).String() + `"`} {
		if code != 0 || !strings.Contains(out, said) {
			t.Errorf("exit %d, and %s is not printed in\n%s", code, said, out)
		}
	}
	if code, out := bare(t, "ledger", "verify-proof", key, "--key", key); code != 1 {
		t.Errorf("what is no proof: exit %d, printed %s", code, out)
	}
	if code, out, _ := asked(t, dir, "ledger", "prove", "--as", "samir", "6"); code != 1 || out != "" {
		t.Errorf("what is not under a checkpoint: exit %d, printed %s", code, out)
	}
	if code, out, _ := asked(t, dir, "ledger", "tail", "--as", "samir"); code != 0 || !strings.Contains(out, "samir  proof entries from 1") {
		t.Errorf("reading it is not written: %s", out)
	}
}
