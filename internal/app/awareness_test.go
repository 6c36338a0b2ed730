package app

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"poterne/internal/accounts"
	"poterne/internal/config"
	"poterne/internal/config/configtest"
)

// A learning platform reaches the record store where its secret is configured, and nobody
// without.
func TestARecordStoreIsThereWhereItsSecretIs(t *testing.T) {
	secret := strings.Repeat("s", 32)
	for _, configured := range []bool{true, false} {
		s, err := config.Parse(filepath.Join(configtest.Secrets(t), "poterne.toml"), []byte(config.Example))
		if err != nil {
			t.Fatal(err)
		}
		s.Database = filepath.Join(t.TempDir(), "poterne.db")
		if configured {
			s.RecordStore = []byte(secret)
		}
		o, err := Open(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = o.Close() })
		p, err := Assemble(t.Context(), o, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, accounts.RecordStorePrefix+"statements", strings.NewReader(`{"actor":{},"verb":{"id":"https://w3id.org/xapi/adl/verbs/logged-in"},"object":{"id":"https://formation.example"}}`))
		r.Host = "poterne.example"
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Experience-API-Version", "1.0.3")
		r.SetBasicAuth(accounts.RecordStoreKey, secret)
		answer := httptest.NewRecorder()
		p.Public.ServeHTTP(answer, r)
		if taken := answer.Code == http.StatusOK; taken != configured {
			t.Errorf("configured %v: %d %s", configured, answer.Code, answer.Body)
		}
	}
}
