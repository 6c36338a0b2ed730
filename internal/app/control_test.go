package app

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// In a folder that anybody may write into, whoever is there first would answer in the node's place: no node listens
// there, and nobody is asked. A link that lies where the socket should be is followed by no node.
//
// Promise: RUN-11
func TestRUN_11_NobodyElseAnswersInTheNodesPlace(t *testing.T) {
	folder := t.TempDir()
	file, path := filepath.Join(t.TempDir(), "poterne.toml"), filepath.Join(folder, "node.sock")
	if err := os.WriteFile(file, fmt.Appendf(nil, "[control]\nsocket = %q\n", path), 0o600); err != nil {
		t.Fatal(err)
	}
	somebody, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer somebody.Close()
	go func() {
		for {
			connection, err := somebody.Accept()
			if err != nil {
				return
			}
			_, _ = bufio.NewReader(connection).ReadString('\n')
			_, _ = connection.Write([]byte(`{"done":"the configuration was read anew"}`))
			_ = connection.Close()
		}
	}()
	if said, err := Ask(t.Context(), file, Reload); err != nil { // in a folder of one's own it is the node
		t.Fatalf("%q, %v", said, err)
	}
	if err := os.Chmod(folder, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	if said, err := Ask(t.Context(), file, Reload); err == nil || !strings.Contains(err.Error(), "nothing was done: anybody may write into "+folder) {
		t.Errorf("somebody else is believed: %q, %v", said, err)
	}
	if _, err := control(t.Context(), filepath.Join(folder, "other.sock")); err == nil || !strings.Contains(err.Error(), "write socket under [control]") {
		t.Errorf("a node listens where anybody may write: %v", err)
	}

	own := t.TempDir()
	if err := os.Symlink(path, filepath.Join(own, "node.sock")); err != nil {
		t.Fatal(err)
	}
	if listener, err := control(t.Context(), filepath.Join(own, "node.sock")); err == nil {
		_ = listener.Close()
		t.Error("a node listens where a link leads")
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("what a link led to is gone: %v", err)
	}
}
