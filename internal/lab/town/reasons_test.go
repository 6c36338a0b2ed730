package town_test

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"poterne/internal/lab/town"
)

// What could not be delivered is sent again, in the order in which it was told; what is rejected
// is noted and holds up nothing.
func TestAnOutboxDeliversInOrderWhateverFails(t *testing.T) {
	var mu sync.Mutex
	var taken []string
	asked, all := 0, make(chan struct{})
	source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked++
		if r.Header.Get("Authorization") != "Bearer the-token" || r.Header.Get("Content-Type") != "application/x-ndjson" {
			t.Errorf("the push is not an ordinary one: %v", r.Header)
		}
		if asked == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"kept":0,"rejected":[],"problem":"not everything could be taken in"}`)
			return
		}
		for lines := bufio.NewScanner(r.Body); lines.Scan(); {
			var said town.Reason
			if err := json.Unmarshal(lines.Bytes(), &said); err != nil || strings.Contains(lines.Text(), "0001-01-01") {
				t.Errorf("%s: %v", lines.Bytes(), err)
			}
			if taken = append(taken, strings.TrimPrefix(r.URL.Path, "/facts/")+" "+said.ID); said.ID == "3" {
				close(all)
			}
		}
		_, _ = io.WriteString(w, `{"kept":0,"rejected":[{"line":1,"reason":"person: nobody has this identifier"}]}`)
	}))
	defer source.Close()
	var log bytes.Buffer
	folder := t.TempDir()
	kept, err := town.OpenDatabases(t.Context(), folder, people(t, 100))
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	db, err := sql.Open("sqlite", filepath.Join(folder, "dossier.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, told := range []struct{ source, id string }{{"agenda", "1"}, {"agenda", "2"}, {"registre", "3"}} {
		line, err := json.Marshal(town.Reason{ID: told.id, Kind: "appointment", From: time.Now().UTC()})
		if err == nil {
			_, err = db.ExecContext(t.Context(), `insert into told (source, line) values ($1, $2)`, told.source, string(line))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	outbox := town.NewOutbox(kept.Dossier, source.URL+"/facts", "the-token", source.Client(), slog.New(slog.NewTextHandler(&log, nil)))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- outbox.Run(ctx) }()
	<-all
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"agenda 1", "agenda 2", "registre 3"}; !slices.Equal(taken, want) {
		t.Errorf("%q came, not %q", taken, want)
	}
	if said := log.String(); !strings.Contains(said, "it is sent again") || !strings.Contains(said, "nobody has this identifier") {
		t.Errorf("the log says %s", said)
	}
}
