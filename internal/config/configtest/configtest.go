// Package configtest makes what a configuration needs beside it.
package configtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poterne/internal/config"
	"poterne/internal/ledger/witness"
	"poterne/internal/ledger/witness/witnesstest"
)

// Secrets makes a folder with every secret that the example names.
func Secrets(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	keys, err := config.NewKeys("poterne.example/ledger", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"client.secret", "agenda.token", "mail.password", "franceconnect.secret", "register.token", "alerts.secret"} {
		keys = append(keys, config.Key{File: name, Text: strings.Repeat("0123456789abcdef", 2)})
	}
	for _, key := range keys {
		if err := os.WriteFile(filepath.Join(dir, key.File), []byte(key.Text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Witnessed is the example's settings with a witness, that witness, and where the keys
// are.
func Witnessed(t *testing.T) (s config.Settings, w *witnesstest.Witness, dir string) {
	t.Helper()
	dir = Secrets(t)
	s, err := config.Parse(filepath.Join(dir, "poterne.toml"), []byte(config.Example))
	if err != nil {
		t.Fatal(err)
	}
	w = witnesstest.New(t, "witness.example/w1", s.Verifier)
	key, err := witness.ParseKey(w.Key())
	if err != nil {
		t.Fatal(err)
	}
	s.Witnessing = config.Witnessing{Witnesses: []witness.Witness{{Key: key, Address: w.Serve(t)}}, Need: 1}
	return s, w, dir
}
