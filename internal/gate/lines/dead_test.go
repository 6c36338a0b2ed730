package lines

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"poterne/internal/dial/dialtest"
)

// Of an application whose name has several addresses, those that never answer hold nobody up who asks it.
//
// Promise: RUN-2
func TestRUN_2_AnAddressThatNeverAnswersHoldsNobodyUp(t *testing.T) {
	app := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here") }))
	_, port, _ := net.SplitHostPort(app.Listener.Addr().String()) // of 127.0.0.1
	for _, dead := range []string{"127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"} {
		dialtest.Deaf(t, net.JoinHostPort(dead, port))
	}
	app.Start()
	t.Cleanup(app.Close)
	dialtest.Named(t, "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.1")
	for name, reuse := range map[string]bool{"for one request": false, "for more": true} {
		t.Run(name, func(t *testing.T) {
			l := New()
			t.Cleanup(l.Close)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://application.example:"+port+"/", nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := l.Ask(r, reuse, "adviser")
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if body, err := io.ReadAll(answer.Body); err != nil || string(body) != "here" {
				t.Errorf("answered %q, %v", body, err)
			}
		})
	}
}
