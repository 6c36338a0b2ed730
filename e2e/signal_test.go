package e2e

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestSIGHUPIsSaidAndEndsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "application", nil)
	p := h.serve()
	for range 2 { // the second does not either
		if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		deadline := time.Now().Add(patience)
		for !strings.Contains(p.output.String(), "SIGHUP does nothing yet") {
			select {
			case <-p.done:
				t.Fatalf("SIGHUP ended the program: %v", p.err)
			case <-time.After(10 * time.Millisecond):
			}
			if time.Now().After(deadline) {
				t.Fatal("no line of the log says that SIGHUP came")
			}
		}
	}
	answer, err := http.Get(h.origin + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("after SIGHUP the program answers %s", answer.Status)
	}
}
