// Package configtest makes what a configuration needs beside it.
package configtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poterne/internal/config"
)

// Secrets makes a folder with every secret that the example names.
func Secrets(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	keys, err := config.NewKeys("poterne.example/ledger", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"client.secret", "agenda.token"} {
		keys = append(keys, config.Key{File: name, Text: strings.Repeat("0123456789abcdef", 2)})
	}
	for _, key := range keys {
		if err := os.WriteFile(filepath.Join(dir, key.File), []byte(key.Text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
