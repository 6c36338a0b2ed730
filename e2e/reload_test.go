package e2e

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Whoever runs a node has it read its configuration anew by a command, which says whether it did
// and what is wrong if not; and the access log opened. Nobody else's node is asked.
//
// Promise: RUN-11
func TestRUN_11_ReloadSaysWhetherTheNodeTookItsConfiguration(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "application", nil)
	log := filepath.Join(h.dir, "access.log")
	text := strings.Replace(readFile(t, h.config), "[database]", "[access_log]\nfile = \"access.log\"\n\n[control]\nsocket = \"node.sock\"\n\n[database]", 1)
	rewrite(t, h.config, text)
	socket := filepath.Join(h.dir, "node.sock")
	asked := func(what string, code int, says ...string) {
		t.Helper()
		said, got := poterne(t, what, "--config", h.config)
		for _, words := range says {
			if got != code || !strings.Contains(said, words) {
				t.Errorf("poterne %s exits with %d, not %d, and says, without %q:\n%s", what, got, code, words, said)
			}
		}
	}
	asked("reload", 1, "no node listens at "+socket, "nothing was done")

	p := start(t, "serve", "--config", h.config)
	p.ready(h.origin)
	if about, err := os.Stat(socket); err != nil || about.Mode().Perm() != 0o600 {
		t.Errorf("others may open the socket: %v, %v", about, err)
	}
	asked("reload", 0, "the configuration was read anew", "1 services, digest ")
	p.says(readAnew)
	if n := strings.Count(p.output.String(), readAnew); n != 1 {
		t.Errorf("the log says %d times that it was read anew", n)
	}
	// What is wrong is the node's to say, all of it; nothing changes.
	rewrite(t, h.config, strings.Replace(text, "[database]", "[databases]", 1))
	asked("reload", 1, unchanged, "databases: not a key that is known here", "database: missing")
	rewrite(t, h.config, strings.Replace(text, `scheme = "`, `scheme = "x`, 1))
	asked("reload", 1, unchanged)
	rewrite(t, h.config, text)
	asked("reload", 0, "the configuration was read anew")

	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	asked("reopen", 0, "the access log was opened anew: "+log)
	if !there(log) {
		t.Error("there is no new access log")
	}

	// Somebody who connects and says nothing, or much, keeps nobody waiting.
	for _, words := range []string{"", "dance\n", strings.Repeat("reload", 1000)} {
		connection, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		_, _ = connection.Write([]byte(words))
	}
	asked("reload", 0, "the configuration was read anew")

	// A second node does not take the first one's place; what a killed one left is no node.
	if said, code := poterne(t, "serve", "--config", h.config); code != 1 {
		t.Errorf("a second node: %d %s", code, said)
	}
	asked("reload", 0, "the configuration was read anew")
	p.kill()
	asked("reload", 1, "no node listens at "+socket)
	p = start(t, "serve", "--config", h.config)
	p.ready(h.origin)
	asked("reload", 0, "the configuration was read anew")
	p.stop()
	for deadline := time.Now().Add(patience); there(socket); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the socket is there after the node has left")
		}
	}
}
