package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"poterne/internal/lab/proof"
	"poterne/internal/lab/town/life"
	"poterne/internal/ledger"
	"poterne/internal/store/storetest"
)

var oneTimePassword = regexp.MustCompile(`psq_[A-Z2-7]{52}`)

// connects confirms in a browser, takes a password, and returns how a client connects with it.
func (h *house) connects(b *life.Browser, who string, port int) string {
	h.t.Helper()
	page, err := b.Post(h.t.Context(), "/.poterne/step-up", url.Values{"return": {"/"}})
	if err != nil {
		h.t.Fatal(err)
	}
	button := slices.IndexFunc(proof.Members, func(m proof.Member) bool { return string(m.Account) == who })
	r, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, page.Address.String(), strings.NewReader(url.Values{"person": {strconv.Itoa(button)}}.Encode()))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", page.Address.Scheme+"://"+page.Address.Host)
	if page, err = b.Do(r); err != nil || page.Status != http.StatusOK {
		h.t.Fatalf("confirming: %d %v", page.Status, err)
	}
	if page, err = b.Post(h.t.Context(), "/databases", nil); err != nil || !oneTimePassword.Match(page.Body) {
		h.t.Fatalf("no password: %d %v\n%s", page.Status, err, page.Body)
	}
	return fmt.Sprintf("host=127.0.0.1 port=%d user=%s dbname=reports sslmode=disable password=%s", port, who, oneTimePassword.Find(page.Body))
}

// The program is killed while people are asked for by SQL, one after the other: whoever a client
// has received is in the ledger of the next start.
//
// Promises: RUN-6, LEDGER-1
func TestRUN_6_KilledWhileAClientAsksNothingReceivedIsUnwritten(t *testing.T) {
	t.Parallel()
	cluster := storetest.StartPostgreSQL(t)
	server := cluster.Empty(t)
	owner, err := pgx.Connect(t.Context(), cluster.Superuser(server))
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close(context.Background())
	if _, err := owner.Exec(t.Context(), `create table person (id int primary key, name text); insert into person select n, 'Fictive' from generate_series(700001, 700099) n; grant select on person to poterne`); err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	h := newHouse(t, "application", map[string]string{
		`habilitation = [{ service = "people", purpose = "accompany", until = 2099-01-31 }]`: `habilitation = [{ service = "people", purpose = "accompany", until = 2099-01-31 }, { service = "reports", purpose = "accompany", until = 2099-01-31 }]`,
		"\n[watch]\n": fmt.Sprintf(`
[sql]
listen = "127.0.0.1:%d"

[[sql.service]]
id = "reports"
server = "%s"
purpose = "accompany"

[[sql.service.statement]]
name = "one"
sql = "select id, name from person where id = $1"
person = { id = "dossier" }
fields = { name = "name" }
plain = "id"

[watch]
`, port, server),
	})
	var received []int
	for range 3 {
		program := h.serve()
		c, err := pgx.Connect(t.Context(), h.connects(h.browser("pauline.mercier"), "pauline.mercier", port))
		if err != nil {
			t.Fatal(err)
		}
		some, ended := make(chan struct{}), make(chan struct{})
		before, last := len(received), error(nil)
		go func() {
			defer close(ended)
			for n := before; ; n++ { // until the program is gone
				var id int
				var name string
				if err := c.QueryRow(context.Background(), "execute one("+strconv.Itoa(700001+n%20)+")").Scan(&id, &name); err != nil {
					last = err
					return
				}
				received = append(received, id)
				if len(received) == before+5 {
					close(some)
				}
			}
		}()
		select {
		case <-some:
		case <-ended:
			t.Fatalf("after %d the program gives no more: %v", len(received), last)
		}
		program.kill()
		<-ended
		_ = c.Close(context.Background())
	}
	program := h.serve()
	program.stop()
	disclosed := 0
	for _, e := range h.entries(1) {
		if e.Disclosed() && e.Service == "reports" {
			disclosed++
		}
	}
	all := h.entries(1)
	slices.Sort(received)
	for _, id := range slices.Compact(slices.Clone(received)) {
		person := h.key.Person(strconv.Itoa(id))
		if !slices.ContainsFunc(all, func(e ledger.Entry) bool { return e.Person == person && e.Disclosed() }) {
			t.Errorf("%d was received, and is not in the ledger", id)
		}
	}
	if disclosed < len(received) {
		t.Errorf("%d answers were received, and %d are in the ledger", len(received), disclosed)
	}
	h.verified()
}
