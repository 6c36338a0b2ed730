package store_test

import (
	"database/sql"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"poterne/internal/gate"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/signin"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

var dump = flag.Bool("dump", false, "write dumps of the present schema, with some rows, into testdata/released; once for each release, never again")

const released = "testdata/released"

// releasedOn is one engine, as the dumps of released schemas need it.
type releasedOn struct {
	name   string
	open   func(t *testing.T) *store.Store                // a new database
	replay func(t *testing.T, script string) *store.Store // a released one, brought up to date
	dump   func(t *testing.T, s *store.Store) string
	schema func(t *testing.T, s *store.Store) string
}

func bothEngines(t *testing.T) []releasedOn {
	cluster := storetest.StartPostgreSQL(t)
	places := make(map[*store.Store]string) // where each lies
	file := func(t *testing.T) string { return filepath.Join(t.TempDir(), "poterne.db") }
	remember := func(s *store.Store, place string) *store.Store {
		places[s] = place
		return s
	}
	return []releasedOn{
		{
			name: "sqlite",
			open: func(t *testing.T) *store.Store {
				path := file(t)
				return remember(openAt(t, path), path)
			},
			replay: func(t *testing.T, script string) *store.Store {
				path := file(t)
				direct, err := sql.Open("sqlite", path)
				if err != nil {
					t.Fatal(err)
				}
				defer direct.Close()
				if _, err := direct.Exec(script); err != nil {
					t.Fatal(err)
				}
				return remember(openAt(t, path), path)
			},
			dump: func(t *testing.T, s *store.Store) string {
				script, err := exec.CommandContext(t.Context(), "sqlite3", places[s], ".dump").Output()
				if err != nil {
					t.Fatal(err)
				}
				return string(script)
			},
			schema: func(t *testing.T, s *store.Store) string { return sqliteSchema(t, places[s]) },
		},
		{
			name: "postgres",
			open: func(t *testing.T) *store.Store {
				connection := cluster.Database(t)
				return remember(openPostgreSQL(t, connection), connection)
			},
			replay: func(t *testing.T, script string) *store.Store {
				connection := cluster.Empty(t)
				cluster.Replay(t, connection, script)
				cluster.Migrate(t, connection)
				return remember(openPostgreSQL(t, connection), connection)
			},
			dump: func(t *testing.T, s *store.Store) string { return cluster.Dump(t, places[s]) },
			schema: func(t *testing.T, s *store.Store) string {
				return cluster.Dump(t, places[s], "--schema-only", "--exclude-table=entry_2*")
			}, // those of months are others each month
		},
	}
}

func sqliteSchema(t *testing.T, path string) string {
	direct, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close()
	rows, err := direct.Query(`select coalesce(sql, name) from sqlite_master order by type, name`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var schema []string
	for rows.Next() {
		var one string
		if err := rows.Scan(&one); err != nil {
			t.Fatal(err)
		}
		schema = append(schema, one)
	}
	return strings.Join(schema, "\n")
}

// lived writes something into every table.
func lived(t *testing.T, s *store.Store, signer note.Signer, verifier note.Verifier) {
	t.Helper()
	duty := reason.CoverDuty{Absent: "karim", Substitute: "pauline", DeclaredBy: "helene", From: storetest.At, Until: storetest.At.Add(time.Hour), ID: "c1"}
	fact := reason.Fact{Kind: reason.Caseload, Account: "pauline", Person: storetest.Person(1), From: storetest.At, Until: storetest.At.Add(time.Hour), ID: "1"}
	place := func(head gate.Head) error {
		for _, id := range []order.ID{"7", "8"} {
			if err := head.Place(order.Order{ID: id, Effect: order.Suspended, Reach: order.Account, Target: "pauline", Placed: storetest.At, By: "samir", Because: "vol"}); err != nil {
				return err
			}
		}
		_, err := head.Lift("8", "samir", storetest.At)
		return err
	}
	sessions := store.NewSessions(s)
	for _, err := range []error{
		s.TakeRoster(t.Context(), storetest.Staff()),
		s.TakeFacts(t.Context(), "cases", []reason.Fact{fact}, []reason.CoverDuty{duty}, storetest.At),
		s.TakeAliases(t.Context(), []store.Named{{Alias: register.Alias{1}, Person: storetest.Person(1)}}),
		s.Turn(t.Context(), place),
		sessions.Open(t.Context(), signin.Row{Key: signin.Digest{1}, ID: "s1", Account: "pauline", Started: storetest.At, Rotated: storetest.At, Seen: storetest.At}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	signed(t, s, signer, verifier, 20, 12)
}

// lives holds a store against what lived wrote.
func lives(t *testing.T, s *store.Store, verifier note.Verifier) {
	t.Helper()
	report, err := ledger.Verify(t.Context(), s, verifier, nil, nil)
	if err != nil || !report.Sound() || report.Entries != 32 || report.Proven != 32 || report.Checkpoints != 2 {
		t.Errorf("the ledger is found to be %+v, %v", report, err)
	}
	periods, err := s.Periods(t.Context())
	if march := (ledger.Period{Month: 202603, End: 32, Open: true}); err != nil || len(periods) != 1 || periods[0] != march {
		t.Errorf("its months are %+v, %v", periods, err)
	}
	account, organisation, err := s.Account(t.Context(), "pauline")
	if staff := storetest.Staff(); err != nil || !slices.Contains(staff.Accounts, account) || !slices.Contains(staff.Organisations, organisation) {
		t.Errorf("the roster has %+v of %+v, %v", account, organisation, err)
	}
	asker, err := s.Asker(t.Context(), "pauline")
	if err != nil || len(asker.Habilitations) != 1 || len(asker.Covers) != 1 || asker.Role != roster.Adviser {
		t.Errorf("the asker is %+v, %v", asker, err)
	}
	facts, err := s.Facts(t.Context(), asker, []register.PersonID{storetest.Person(1)}, storetest.At)
	if err != nil || len(facts) != 1 {
		t.Errorf("facts %+v, %v", facts, err)
	}
	people, err := s.People(t.Context(), []register.Alias{{1}})
	if err != nil || people[register.Alias{1}] != storetest.Person(1) {
		t.Errorf("%d aliases, %v", len(people), err)
	}
	orders, err := gate.Orders(t.Context(), s)
	if err != nil || len(orders) != 1 || orders[0].ID != "7" {
		t.Errorf("orders %+v, %v", orders, err)
	}
	sessions := store.NewSessions(s)
	if row, err := sessions.Find(t.Context(), signin.Digest{1}); err != nil || row.Account != "pauline" {
		t.Errorf("the session is %+v, %v", row, err)
	}
}

func TestADatabaseOfAnyReleaseIsBroughtUpToDate(t *testing.T) {
	engines := bothEngines(t)
	if *dump {
		writeDumps(t, engines)
	}
	keys, err := filepath.Glob(released + "/*.pub")
	if err != nil || len(keys) == 0 {
		t.Fatalf("no dumps: %v", err)
	}
	for _, engine := range engines {
		present := engine.schema(t, engine.open(t))
		for _, key := range keys {
			release := strings.TrimSuffix(key, ".pub")
			t.Run(engine.name+" "+filepath.Base(release), func(t *testing.T) {
				public, err := os.ReadFile(key)
				if err != nil {
					t.Fatal(err)
				}
				verifier, err := note.NewVerifier(strings.TrimSpace(string(public)))
				if err != nil {
					t.Fatal(err)
				}
				script, err := os.ReadFile(release + "." + engine.name + ".sql")
				if err != nil {
					t.Fatal(err)
				}
				s := engine.replay(t, string(script))
				if schema := engine.schema(t, s); schema != present {
					t.Errorf("it has become\n%s\nand a new database is\n%s", schema, present)
				}
				lives(t, s, verifier)
			})
		}
	}
}

// writeDumps keeps the present schema for ever. The key that signed is thrown away.
func writeDumps(t *testing.T, engines []releasedOn) {
	private, public, err := note.GenerateKey(nil, "ledger.poterne.example")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	migrations, err := filepath.Glob("migrations/*.sqlite.sql")
	if err != nil {
		t.Fatal(err)
	}
	newest, _, _ := strings.Cut(filepath.Base(slices.Max(migrations)), "_")
	release := filepath.Join(released, newest)
	if _, err := os.Stat(release + ".pub"); err == nil {
		t.Fatalf("%s is kept already", release)
	}
	keep := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, engine := range engines {
		s := engine.open(t)
		lived(t, s, signer, verifier)
		keep(release+"."+engine.name+".sql", engine.dump(t, s))
	}
	keep(release+".pub", public+"\n")
}
