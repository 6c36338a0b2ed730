package config_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/config"
	"poterne/internal/gate/httpgate"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// A roster that is written and taken in again, where it was or in an empty database, is the same: the
// names, quotas and ends that two people set, and the rights there are. An account that gives no right
// is not in it, so that none is opened by it.
func TestARosterThatIsWrittenIsTheOneThatIsTakenIn(t *testing.T) {
	open := func() (*store.DB, journal.Outside) {
		s, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "poterne.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s, journal.Outside{DB: store.NewLedger(s), Now: func() time.Time { return storetest.At }}
	}
	takes := func(w journal.Outside, list accounts.List) error {
		_, err := journal.Do(t.Context(), w, journal.Act[accounts.Rows](&accounts.Import{By: "operator", List: list}))
		return err
	}
	s, w := open()
	list, signers := storetest.Staff(), storetest.Signers()
	list.Organisations[0].Name, list.Organisations[0].Mail = `Mission 'locale' "de" l’Étang \ # 1`, "direction@mlv.example"
	list.Organisations[1].Quota, list.Organisations[1].Until = 12, storetest.At.AddDate(0, 4, 0)
	signers.Accounts[0].Until = storetest.At.AddDate(0, 2, 0)
	gone := signers.Accounts[2]
	gone.Closed = storetest.At
	signers.Accounts[2] = gone
	for _, l := range []accounts.List{list, signers} {
		if err := takes(w, l); err != nil {
			t.Fatal(err)
		}
	}
	write := func(s *store.DB) string {
		t.Helper()
		organisations, err := store.NewRoster(s).Organisations(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		people, err := store.NewRoster(s).Rights(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := config.WriteRoster(&out, organisations, people, storetest.At); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	text := write(s)
	if strings.Contains(text, string(gone.ID)) || !strings.Contains(text, "Not in it: 1 accounts") {
		t.Errorf("%q, which is closed, is written:\n%s", gone.ID, text)
	}
	file := filepath.Join(t.TempDir(), "roster.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	settings := config.Settings{Rules: policy.Rules{Purposes: roster.Purposes{}}}
	for _, h := range list.Habilitations {
		settings.Rules.Purposes[h.Purpose] = register.Name
		settings.Services = append(settings.Services, httpgate.Service{ID: h.Service})
	}
	for name, into := range map[string]func() (*store.DB, journal.Outside){"where it was": func() (*store.DB, journal.Outside) { return s, w }, "in an empty database": open} {
		t.Run(name, func(t *testing.T) {
			s, w := into()
			organisations, err := store.NewRoster(s).Organisations(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			people, err := store.NewRoster(s).Accounts(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			read, err := config.ReadRoster(file, settings, organisations, people, storetest.At)
			if err != nil {
				t.Fatal(err)
			}
			if err := takes(w, read); err != nil {
				t.Fatal(err)
			}
			if again := write(s); name == "where it was" && again != text || after(again) != after(text) {
				t.Errorf("it was\n%s\nand is\n%s", text, again)
			}
			var kinds []ledger.Kind
			for e, err := range store.NewLedger(s).Entries(t.Context(), 0) {
				if err != nil {
					t.Fatal(err)
				}
				kinds = append(kinds, e.Kind)
			}
			if last := kinds[len(kinds)-1]; name == "where it was" && (last != ledger.Imported || slices.Contains(kinds, ledger.Admitted)) {
				t.Errorf("it changes what is there: %v", kinds)
			}
		})
	}
}

// after is what follows the first line, which says how many accounts are left out.
func after(text string) string {
	_, rest, _ := strings.Cut(text, "\n")
	return rest
}
