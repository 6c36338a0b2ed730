package store_test

import (
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"poterne/internal/ledger"
	"poterne/internal/signin"
	"poterne/internal/signin/signintest"
	"poterne/internal/store"
	"poterne/internal/store/pgrole"
	"poterne/internal/store/storetest"
)

func openPostgreSQL(t *testing.T, connection string) *store.DB {
	t.Helper()
	s, err := store.OpenPostgreSQL(t.Context(), connection)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// direct is a connection past the store.
func direct(t *testing.T, connection string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", connection)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// execute runs statements, which must succeed.
func execute(t *testing.T, connection string, statements ...string) {
	t.Helper()
	db := direct(t, connection)
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func TestPostgreSQL(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	storetest.Run(t, func(t *testing.T) *store.DB { return sealed(t, openPostgreSQL(t, cluster.Database(t))) })
	t.Run("sessions", func(t *testing.T) {
		signintest.Conformance(t, func() signin.Sessions { return store.NewSessions(sealed(t, openPostgreSQL(t, cluster.Database(t)))) })
	})
	t.Run("migrations that start together follow each other", func(t *testing.T) {
		connection := cluster.Empty(t)
		migrated := make(chan error)
		for range 4 {
			go func() { migrated <- store.MigratePostgreSQL(t.Context(), cluster.Owner(connection), connection) }()
		}
		for range 4 {
			if err := <-migrated; err != nil {
				t.Error(err)
			}
		}
		openPostgreSQL(t, connection)
	})
	t.Run("nodes that publish at once do not wait for each other", func(t *testing.T) {
		connection := cluster.Database(t)
		tiles := make(map[tlog.Tile][]byte) // of no ledger: they are stored, then refused
		for n := range int64(20) {
			tiles[tlog.Tile{H: ledger.TileHeight, N: n, W: 1}] = make([]byte, 32)
		}
		published := make(chan error)
		storetest.Write(t, openPostgreSQL(t, connection), 1, storetest.At)
		for range 2 {
			node := store.NewLedger(openPostgreSQL(t, connection))
			go func() {
				for range 20 {
					published <- node.Publish(t.Context(), tiles, ledger.Checkpoint{Size: 1})
				}
			}()
		}
		for range 40 {
			if err := <-published; err == nil || !strings.HasSuffix(err.Error(), "entry 0 is not the one that was read") {
				t.Errorf("it says %v", err)
			}
		}
	})
	t.Run("a migration waits for the turns of running nodes", func(t *testing.T) {
		connection := cluster.Database(t)
		s := openPostgreSQL(t, connection)
		turns := make(chan struct{})
		go func() {
			defer close(turns)
			for range 50 {
				storetest.Write(t, s, 3, storetest.At)
			}
		}()
		for range 5 {
			cluster.Migrate(t, connection)
		}
		<-turns
	})
}

// Promise: LEDGER-5
func TestLEDGER_5_TheProgramsRoleCanAlterNothingThatWasWritten(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	connection := cluster.Database(t)
	signer, verifier := storetest.Notary(t)
	s := openPostgreSQL(t, connection)
	signed(t, s, signer, verifier, 300)

	month := "turn_" + time.Now().UTC().Format("200601")
	for who, test := range map[string]struct {
		as         string
		statements []string
		refused    []string
	}{
		"the program": {
			connection,
			[]string{
				`update turn set body = '\x00' where first = 0`, `update turn set count = count`, `delete from turn`, `truncate turn`, `drop table turn`,
				`insert into turn (first, month, count, body) values (0, 202603, 1, '\x00') on conflict (first, month) do update set body = excluded.body`,
				`update turn_other set count = count`, `delete from turn_other`, `truncate turn_other`, `drop table turn_other`, `alter table turn detach partition turn_other`,
				`insert into turn_other (first, month, count, body) values (300, 202603, 1, '\x00')`,
				`create table turn_190001 partition of turn for values in (190001)`, `update period set dropped = 7`, `delete from period`, `delete from condensed`,
				`insert into condensed (first, commitments) values (0, '\x00')`,
				`alter table turn disable trigger all`, `alter table turn disable trigger turn_is_not_changed`, `drop trigger turn_is_not_changed on turn`,
				`create trigger nothing before insert on turn for each row execute function turn_stays()`, `create rule nothing as on insert to turn do instead nothing`,
				`alter table turn add column more text`, `alter table turn drop constraint turn_first`, `alter table turn owner to poterne`,
				`create or replace function turn_stays() returns trigger language plpgsql as 'begin return null; end'`,
				`set session_replication_role = replica`, `set role poterne_owner`,
				`create table public.turn_again (first bigint)`, `create function public.now() returns timestamptz language sql as 'select null::timestamptz'`,
				`delete from checkpoint`, `update checkpoint set note = '\x00'`, `delete from tile`, `update tile set level = 7`, `truncate tile`,
				`delete from standing_order`, `update standing_order set effect = 'frozen'`, `delete from head`, `insert into head (one, next, last_us, generation) values (1, 0, 0, 0)`,
				`update schema_version set version = 1`, `delete from account`, `delete from habilitation`, `delete from organisation`, `drop schema public cascade`,
			},
			[]string{"permission denied", "must be owner"},
		},
		"the owner, by mistake": {
			cluster.Owner(connection),
			[]string{
				`update turn set body = '\x00' where first = 0`, `delete from turn`, `truncate turn`, `truncate turn_other`, `truncate ` + month, `delete from turn_other`,
				`insert into turn (first, month, count, body) values (0, 202603, 1, '\x00') on conflict (first, month) do update set body = excluded.body`,
			},
			[]string{"an entry cannot be changed or removed"},
		},
	} {
		db := direct(t, test.as)
		for _, statement := range test.statements {
			_, err := db.ExecContext(t.Context(), statement)
			if err == nil || !slices.ContainsFunc(test.refused, func(said string) bool { return strings.Contains(err.Error(), said) }) {
				t.Errorf("%s may %s: %v", who, statement, err)
			}
		}
	}
	if report, err := ledger.Verify(t.Context(), store.NewLedger(s), verifier, nil, nil); err != nil || !report.Sound() || report.Entries != 300 {
		t.Errorf("the ledger is found to be %+v, %v", report, err)
	}
}

// Promise: LEDGER-5
func TestLEDGER_5_ARoleThatCouldAlterWhatWasWrittenIsNotLetIn(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	for name, test := range map[string]struct {
		make []string // as a superuser
		role string
		want string // empty: let in
	}{
		"the program's role":                    {nil, "poterne", ""},
		"the owner":                             {nil, "poterne_owner", `the role "poterne_owner" could alter what was written: let the program connect as a role that owns nothing`},
		"a superuser":                           {nil, "postgres", `the role "postgres" could alter what was written`},
		"a member of the owner":                 {[]string{`grant poterne_owner to poterne`}, "poterne", `"poterne" could alter what was written`},
		"a member that does not inherit":        {[]string{`alter role poterne noinherit`, `grant poterne_owner to poterne`}, "poterne", `because it may become "poterne_owner"`},
		"one who may update":                    {[]string{`grant update on turn to poterne`}, "poterne", `"poterne" could alter what was written`},
		"one who may update one column":         {[]string{`grant update (body) on turn to poterne`}, "poterne", `"poterne" could alter what was written`},
		"one who may delete":                    {[]string{`grant delete on turn to poterne`}, "poterne", `"poterne" could alter what was written`},
		"one who may delete in a month":         {[]string{`grant delete on turn_other to poterne`}, "poterne", `"poterne" could alter what was written`},
		"one who may update a month's column":   {[]string{`grant update (body) on turn_other to poterne`}, "poterne", `"poterne" could alter what was written`},
		"one who owns a month":                  {[]string{`alter table turn_other owner to poterne`}, "poterne", `"poterne" could alter what was written`},
		"one who may truncate":                  {[]string{`grant truncate on turn to poterne`}, "poterne", `"poterne" could alter what was written`},
		"one who may make triggers":             {[]string{`grant trigger on turn to poterne`}, "poterne", `"poterne" could alter what was written`},
		"everybody may update":                  {[]string{`grant update on turn to public`}, "poterne", `"poterne" could alter what was written`},
		"one who may write everything":          {[]string{`grant pg_write_all_data to poterne`}, "poterne", "could alter what was written"},
		"one who makes roles":                   {[]string{`alter role poterne createrole`}, "poterne", `"poterne" could alter what was written`},
		"the owner of the database, and of all": {[]string{`alter database current owner to poterne`}, "poterne", "could alter what was written"},
		"one who owns the table only":           {[]string{`alter table turn owner to poterne`}, "poterne", `"poterne" could alter what was written`},
	} {
		t.Run(name, func(t *testing.T) {
			connection := cluster.Database(t)
			_, database, _ := strings.Cut(connection, "dbname=")
			database, _, _ = strings.Cut(database, " ")
			for _, statement := range test.make {
				execute(t, cluster.Superuser(connection), strings.Replace(statement, "database current", "database "+database, 1))
			}
			defer execute(t, cluster.Superuser(connection), `revoke poterne_owner, pg_write_all_data from poterne`, `alter role poterne inherit nocreaterole`)
			s, err := store.OpenPostgreSQL(t.Context(), strings.Replace(connection, "user=poterne ", "user="+test.role+" ", 1))
			if err == nil {
				_ = s.Close()
			}
			if said := fmt.Sprint(err); (err == nil) != (test.want == "") || !strings.Contains(said, test.want) && err != nil {
				t.Errorf("opened with %v, want %q", err, test.want)
			}
		})
	}
}

// A table that rights does not name is one that the program cannot use; those of
// months it reaches through entry.
func TestEveryTableHasItsRights(t *testing.T) {
	connection := storetest.StartPostgreSQL(t).Database(t)
	rows, err := direct(t, connection).QueryContext(t.Context(), `select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition order by 1`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var tables []string
	for rows.Next() {
		var table string
		if err := rows.Scan(&table); err != nil {
			t.Fatal(err)
		}
		tables = append(tables, table)
	}
	if named := slices.Sorted(maps.Keys(pgrole.Rights)); !slices.Equal(named, tables) {
		t.Errorf("postgres_rights.go names the tables\n%v\nand there are\n%v", named, tables)
	}
}

// Promise: RUN-4
func TestRUN_4_ASchemaOfAnotherReleaseIsRefusedOnPostgreSQL(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	store.AddMigrations(t, 2, 3, 4)
	for name, test := range map[string]struct {
		empty bool
		make  string // as the owner
		want  string
	}{
		"an empty database":             {true, `select`, `there are no tables that the role "poterne" may use: run poterne migrate`},
		"tables of another program":     {true, `create table schema_version (version integer)`, `there are no tables that the role "poterne" may use: run poterne migrate`},
		"an older schema":               {false, `delete from schema_version where version > 3`, "the database is older than this program, and has no schema 4: run poterne migrate"},
		"a schema with a gap":           {false, `delete from schema_version where version = 2`, "the database is older than this program, and has no schema 2: run poterne migrate"},
		"a newer schema":                {false, `insert into schema_version (version) values (9999)`, fmt.Sprintf("the database has schema 9999, this program knows %d: run the newer program", store.Schema())},
		"a role that was given nothing": {false, `revoke all on all tables in schema public from poterne`, `there are no tables that the role "poterne" may use: run poterne migrate`},
	} {
		t.Run(name, func(t *testing.T) {
			connection := cluster.Empty(t)
			if !test.empty {
				cluster.Migrate(t, connection)
			}
			execute(t, cluster.Owner(connection), test.make)
			before := cluster.Dump(t, connection)
			if _, err := store.OpenPostgreSQL(t.Context(), connection); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("opened with %v", err)
			}
			if cluster.Dump(t, connection) != before {
				t.Error("something was changed")
			}
		})
	}
}

func TestAMigrationThatWouldProtectNothingIsRefused(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	newest := fmt.Sprintf("the database has schema 9999, this program knows %d: run the newer program", store.Schema())
	for name, test := range map[string]struct {
		make           string // as a superuser, after a first migration
		owner, program func(connection string) string
		want           string
	}{
		"one role for both":            {`select`, cluster.Owner, cluster.Owner, `the role "poterne_owner" would own the tables and use them`},
		"two databases":                {`select`, cluster.Owner, func(string) string { return cluster.Empty(t) }, "and the program uses"},
		"a program that is nobody":     {`select`, cluster.Owner, func(c string) string { return strings.Replace(c, "user=poterne", "user=nobody", 1) }, `there is no role "nobody": create role nobody login`},
		"a program that may do it all": {`select`, cluster.Owner, cluster.Superuser, `the role "postgres" could alter what was written`},
		"an owner who owns nothing":    {`select`, cluster.Superuser, func(c string) string { return c }, ""}, // a superuser may stand in
		"a newer schema":               {`insert into schema_version (version) values (9999)`, cluster.Owner, func(c string) string { return c }, newest},
	} {
		t.Run(name, func(t *testing.T) {
			connection := cluster.Empty(t) // the cluster's own tables may lack a month that has begun since
			cluster.Migrate(t, connection)
			execute(t, cluster.Superuser(connection), test.make)
			before := cluster.Dump(t, connection)
			err := store.MigratePostgreSQL(t.Context(), test.owner(connection), test.program(connection))
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("migrated with %v, want %q", err, test.want)
			}
			if cluster.Dump(t, connection) != before {
				t.Error("something was changed")
			}
		})
	}
}
