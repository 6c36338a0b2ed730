package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A hole that is made up, in what every program of Poterne calls: any signature is good.
const madeUp = `{
  "schema_version": "1.3.1", "id": "GO-2026-9999", "modified": "2026-11-01T00:00:00Z", "published": "2026-11-01T00:00:00Z",
  "summary": "Made up by a test", "details": "Any signature is good.",
  "database_specific": {"url": "https://poterne.example/GO-2026-9999"},
  "affected": [{
    "package": {"name": "stdlib", "ecosystem": "Go"},
    "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}],
    "ecosystem_specific": {"imports": [{"path": "crypto/ed25519", "symbols": ["SYMBOL"]}]}
  }]
}`

// A hole that the program reaches is named and ends the check; one that it does not reach
// is none. Where nobody can be asked that is said, and is not taken for an answer.
//
// Promise: RUN-11
func TestRUN_11_AKnownHoleIsNamedAndNoAnswerIsNone(t *testing.T) {
	database := func(symbol string) string {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "GO-2026-9999.json"), []byte(strings.Replace(madeUp, "SYMBOL", symbol, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		return "file://" + dir
	}
	for name, c := range map[string]struct {
		database string
		code     int
		said     string
	}{
		"reached":       {database("Verify"), 3, "GO-2026-9999"},
		"not reached":   {database("GenerateKey"), 0, "1 known holes, the newest GO-2026-9999"},
		"no copy":       {"file://" + t.TempDir(), 2, "NOT CHECKED"},
		"nobody there":  {"http://127.0.0.1:1", 2, "NOT CHECKED"},
		"no such place": {"file:///nowhere/at/all", 2, "NOT CHECKED"},
	} {
		command := exec.CommandContext(t.Context(), filepath.Join("..", "vulns"), "./cmd/poterne-verify")
		command.Env = append(os.Environ(), "GOVULNDB="+c.database)
		out, err := command.CombinedOutput()
		code := 0
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			code = exit.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		if code != c.code || !strings.Contains(string(out), c.said) {
			t.Errorf("%s: it ends with %d, want %d, and says\n%s", name, code, c.code, out)
		}
	}
}
