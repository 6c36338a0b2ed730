package witness_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"poterne/internal/ledger/witness"
)

// otherWitness builds a witness that we did not write, from the Go module proxy.
func otherWitness(t *testing.T) (program string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/other")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	run := func(args ...string) (said string) {
		command := exec.CommandContext(ctx, "go", args...)
		command.Dir, command.Env = dir, append(os.Environ(), "GOFLAGS=-buildvcs=false -trimpath", "GOWORK=off")
		output, err := command.CombinedOutput()
		switch {
		case err != nil && os.Getenv("CI") == "true":
			t.Fatalf("%s: %v\n%s", command, err, output)
		case err != nil:
			t.Skipf("%s: %v\n%s", command, err, output)
		}
		return strings.TrimSpace(string(output))
	}
	// Its merkle is copied and lacks one file; all else is compiled where it is, once
	// for this program and for ours.
	const merkle = "github.com/transparency-dev/merkle"
	run("mod", "download")
	if err := os.CopyFS(filepath.Join(dir, "merkle"), os.DirFS(run("list", "-m", "-f", "{{.Dir}}", merkle))); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "subtree.go.txt"), filepath.Join(dir, "merkle/proof/subtree.go")); err != nil {
		t.Fatal(err)
	}
	run("mod", "edit", "-replace="+merkle+"=./merkle")
	run("build", "-o", "other", ".")
	return filepath.Join(dir, "other")
}

// startOther starts it, over what it kept in a file, and returns its address.
func startOther(t *testing.T, program, secret, file, log string) (address string, stop func()) {
	t.Helper()
	command := exec.Command(program, secret, file, log)
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	command.Stderr = t.Output()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() { _ = command.Process.Kill(); _ = command.Wait() }
	t.Cleanup(stop)
	address, err = bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(address), stop
}

// Promise: LEDGER-4
func TestLEDGER_4_AWitnessThatWeDidNotWriteCosignsAndRefuses(t *testing.T) {
	program := otherWitness(t)
	secret, public, err := note.GenerateKey(nil, "witness.example/other")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		tamper string
		more   int
	}{
		"an entry changed":                    {rewritten, 0},
		"an entry changed, and work went on":  {rewritten, 50},
		"an older copy":                       {cutTo(200), 0},
		"an older copy that grew to the size": {cutTo(200), 100},
		"an older copy that grew beyond it":   {cutTo(200), 150},
		"an empty database":                   {cutTo(0), 0},
		"an empty database, and work went on": {cutTo(0), 20},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			file := filepath.Join(t.TempDir(), "witness.db")
			address, stop := startOther(t, program, secret, file, h.public)
			council := h.council(t, h.Ledger, member(t, public, address))
			for _, more := range []int{0, 1, 199, 100} {
				if more > 0 {
					h.write(t, more)
				}
				attend(t, council)
				if failure := council.Standing().Witnesses[0].Failure; failure != nil || more > 0 && !h.met(t, council) {
					t.Fatalf("after %d more it is not co-signed: %v", more, failure)
				}
			}
			attend(t, h.council(t, h.Ledger, member(t, public, address))) // the same again
			stop()
			address, _ = startOther(t, program, secret, file, h.public)
			h.tamper(t, test.tamper)
			h.open(t)
			if test.more > 0 {
				h.write(t, test.more)
			} else {
				h.seal(t)
			}
			err := h.council(t, h.Ledger, member(t, public, address)).Attend(t.Context())
			if _, is := errors.AsType[*witness.Contradiction](err); !is {
				t.Errorf("it is run, with %v", err)
			}
		})
	}
}
