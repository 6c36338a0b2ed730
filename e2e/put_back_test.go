package e2e

import (
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"poterne/internal/lab/town/life"
	"poterne/internal/ledger"
	"poterne/internal/signin"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// Somebody owns the database, as its superuser or by writing its file, and has copied a colleague's
// cookie. The colleague signs out; the row of their session is put back as it was, seal and all.
//
// Promise: RIGHTS-9
func TestRIGHTS_9_ASessionWhoseRowIsPutBackShowsNobody(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		putBackSession(t, "", "")
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		cluster := storetest.StartPostgreSQL(t)
		connection := cluster.Database(t)
		putBackSession(t, connection, cluster.Superuser(connection))
	})
}

func putBackSession(t *testing.T, connection, superuser string) {
	application := httptest.NewServer(crowd())
	t.Cleanup(application.Close)
	changes := map[string]string{"http://127.0.0.1:3000": application.URL}
	if connection != "" {
		changes[`path = "poterne.db"`] = fmt.Sprintf("server = %q", connection)
	}
	h := newHouse(t, "application", changes)
	h.takeFacts("caseloads", h.write("caseloads.csv", crowdCaseloads()))
	p := h.serve()

	driver, source := "sqlite", h.database()+"?_pragma=busy_timeout(10000)"
	if superuser != "" {
		driver, source = "pgx", superuser
	}
	owner, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close()
	does := func(statements ...string) {
		t.Helper()
		for _, statement := range statements {
			if _, err := owner.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(statement, err)
			}
		}
	}

	pauline := h.browser("pauline.mercier")
	copied := pauline.Cookies()
	shown := func() bool {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.origin+"/people/files/"+crowdID(0), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, cookie := range copied {
			request.AddCookie(cookie)
		}
		answer, err := life.NewBrowser(h.origin).Open(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		return answer.StatusCode == http.StatusOK && answer.Request.URL.Path == "/people/files/"+crowdID(0)
	}
	if !shown() {
		t.Fatal("a copy of the cookie shows nobody while its session goes on")
	}
	does(`create table older as select * from session`)
	if _, err := pauline.Post(t.Context(), signin.LeavePath, nil); err != nil {
		t.Fatal(err)
	}
	if shown() {
		t.Fatal("whoever left is signed in")
	}
	putBack := func() { does(`delete from session`, `insert into session select * from older`) }
	putBack()
	if shown() {
		t.Error("a session that ended, and is put back, shows somebody")
	}
	p.kill()
	putBack()
	p = h.serve()
	if shown() {
		t.Error("another start knows nothing of it")
	}
	p.stop()
	putBack()
	h.serve()
	if shown() {
		t.Error("a start from what was kept knows nothing of it")
	}

	putBack()
	if said, code := poterne(t, "audit", "--config", h.config); code != 1 || !strings.Contains(said, "session") {
		t.Errorf("an audit says %d: %s", code, said)
	}
	open := func() (*store.DB, error) { return store.OpenSQLite(t.Context(), h.database()) }
	if connection != "" {
		open = func() (*store.DB, error) { return store.OpenPostgreSQL(t.Context(), connection) }
	}
	db, err := open()
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	unveil(t, db, h.dir)
	var states []ledger.State
	for e, err := range store.NewLedger(db).Entries(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if _, over := e.Over(); over {
			states = append(states, e.State)
		}
	}
	if len(states) < 3 || !slices.Equal(slices.Compact(states), []ledger.State{"left", "put-back"}) {
		t.Errorf("the ledger says that sessions ended: %v", states)
	}
}
