package tiles_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/store/storetest"
)

// fsck is a verifier of the format that we did not write.
const fsck = "github.com/transparency-dev/tessera/cmd/fsck@v1.0.4"

// install builds fsck from the Go module proxy.
func install(t *testing.T) (program string) {
	t.Helper()
	bin := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "install", "-trimpath", fsck)
	build.Env = append(os.Environ(), "GOBIN="+bin, "GOFLAGS=-buildvcs=false")
	if said, err := build.CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s: %v\n%s", build, err, said)
		}
		t.Skipf("%s: %v\n%s", build, err, said)
	}
	return filepath.Join(bin, "fsck")
}

// passes runs fsck over a log. It ends with 0 on some damage and never on some
// other: only its sentence counts, and not for ever.
func passes(t *testing.T, program, key, address string) (passed bool, said string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	check := exec.CommandContext(ctx, program, "-ui=false", "-N=4", "-public_key="+key, "-storage_url="+address)
	check.WaitDelay = time.Second
	output, _ := check.CombinedOutput()
	return strings.Contains(string(output), "Successfully fsck'd"), string(output)
}

// Promise: LEDGER-3
func TestLEDGER_3_SomebodyElsesVerifierPassesWhatIsPublishedAndNotWhatWasTamperedWith(t *testing.T) {
	program := install(t)
	l := newLog(t)
	key := filepath.Join(t.TempDir(), "checkpoint.pub")
	if err := os.WriteFile(key, []byte(l.public), 0o600); err != nil {
		t.Fatal(err)
	}
	l.write(t, 40_000)
	dir := l.folder(t)
	l.write(t, 30_000) // tiles of three levels
	if _, err := l.publish(t, dir, l.Ledger); err != nil {
		t.Fatal(err)
	}
	if said := l.verified(t, dir); said != "" {
		t.Errorf("our own: %s", said)
	}
	files := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer files.Close()
	for where, address := range map[string]string{"over HTTP": l.serve(t), "in a folder": "file://" + dir + "/", "on a web server": files.URL + "/"} {
		if passed, said := passes(t, program, key, address); !passed {
			t.Errorf("%s it does not pass:\n%s", where, said)
		}
	}
	for what, tamper := range map[string]func(*testing.T, string){
		"an entry changed":       flip("tile/entries/123", 9),
		"a newer entry changed":  flip("tile/entries/273.p/112", 9),
		"a leaf changed":         flip("tile/0/123", 9),
		"a hash above changed":   flip("tile/1/000", 9),
		"the topmost changed":    flip("tile/2/000.p/1", 9),
		"entries removed":        remove("tile/entries/123"),
		"the checkpoint changed": flip("checkpoint", 30),
	} {
		t.Run(what, func(t *testing.T) {
			tampered := t.TempDir()
			if err := os.CopyFS(tampered, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			tamper(t, tampered)
			if passed, said := passes(t, program, key, "file://"+tampered+"/"); passed {
				t.Errorf("it passes:\n%s", said)
			}
			if l.verified(t, tampered) == "" {
				t.Error("our own finds nothing")
			}
		})
	}
	storetest.Write(t, l.DB, 1, storetest.At.AddDate(0, 1, 0))
	l.write(t, 100)
	l.drop(t, ledger.MonthOf(storetest.At))
	for where, address := range map[string]string{"over HTTP": l.serve(t), "in a folder": "file://" + l.folder(t) + "/"} {
		if passed, said := passes(t, program, key, address); !passed {
			t.Errorf("without its first month it does not pass %s:\n%s", where, said)
		}
	}
}
