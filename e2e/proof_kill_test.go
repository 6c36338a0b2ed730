package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"poterne/internal/gate"
	"poterne/internal/lab/town/life"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// Acceptance A6 of the spine: the program is killed under load, fifty times. Each
// time, whoever is in a body that was received, even in part, is in the ledger under
// that answer's receipt with at least those fields; numbers have no gap, the tree
// verifies, and the meters are what the ledger says.
//
// Promises: LEDGER-1, LEDGER-2, LEDGER-3, METER-3
func TestLEDGER_1_KilledUnderLoadNothingReceivedIsUnwritten(t *testing.T) {
	t.Parallel()
	kills := 50
	if testing.Short() {
		kills = 5
	}
	application := httptest.NewServer(crowd())
	t.Cleanup(application.Close)
	h := newHouse(t, "application", map[string]string{"http://127.0.0.1:3000": application.URL})
	h.takeFacts("caseloads", h.write("caseloads.csv", crowdCaseloads()))
	a := &aftermath{house: h, seen: make(map[openedBy]register.Fields), spent: make(map[roster.AccountID]meter.Cost)}
	p := h.serve()
	crew := newCrew(h) // sessions outlive the program
	broken := 0
	for range kills {
		answers := crew.workUntil(p)
		for _, answer := range answers {
			if answer.broken {
				broken++
			}
		}
		a.check(answers)
		p = h.serve()
		h.verified()
		if t.Failed() {
			break
		}
	}
	t.Logf("%d kills, %d entries, %d bodies received in part; spent %v", kills, a.next, broken, a.spent)
}

const (
	crowdSize    = 5000
	crowdOwn     = 300 // people in each account's caseload
	crowdList    = 12
	crowdHour    = 20 // strangers, as testdata/application allows
	crowdWorkers = 2  // of each account
)

// crowdStaff is whose caseloads are the first people of the crowd, in this order.
var crowdStaff = []roster.AccountID{"pauline.mercier", "marc.petit", "karim.benali"}

func crowdID(n int) string { return fmt.Sprintf("%06d", n) }

// crowd is an application of many people with long notes, so that answers take a
// while to be sent. What it sends is written without a copy: the race detector follows
// each byte of one.
func crowd() http.Handler {
	note := []byte(`"note":"` + strings.Repeat("long note ", 5000) + `"}`)
	file := func(w io.Writer, n int, more string) {
		_, _ = fmt.Fprintf(w, `{"id":"%s","name":"Nom %d",%s`, crowdID(n), n, more)
		_, _ = w.Write(note)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /list", func(w http.ResponseWriter, r *http.Request) {
		from, _ := strconv.Atoi(r.FormValue("from"))
		w.Header().Set("Content-Type", "application/json")
		for i := range crowdList {
			_, _ = io.WriteString(w, map[bool]string{true: "[", false: ","}[i == 0])
			file(w, from+i, "")
		}
		_, _ = io.WriteString(w, "]")
	})
	mux.HandleFunc("GET /files/{id}", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.PathValue("id"))
		w.Header().Set("Content-Type", "application/json")
		file(w, n, fmt.Sprintf(`"mail":"%d@courriel.example",`, n))
	})
	return mux
}

func crowdCaseloads() string {
	var file strings.Builder
	file.WriteString("id,kind,account,scheme,person,from,until\n")
	for i, account := range crowdStaff {
		for n := i * crowdOwn; n < (i+1)*crowdOwn; n++ {
			fmt.Fprintf(&file, "%d,caseload,%s,dossier,%s,2026-01-01T00:00:00Z,2099-01-01T00:00:00Z\n", n, account, crowdID(n))
		}
	}
	return file.String()
}

// crew is the staff at work on the crowd.
type crew struct {
	*house
	browsers []*life.Browser // of crowdStaff, in their order
}

func newCrew(h *house) *crew {
	c := &crew{house: h}
	for _, account := range crowdStaff {
		c.browsers = append(c.browsers, h.browser(account))
	}
	return c
}

// crewAnswer is what somebody received, all of it or not.
type crewAnswer struct {
	account roster.AccountID
	page    life.Page
	broken  bool // in the middle of its body
}

// workUntil lets everybody work, kills the program at some moment in the midst of
// it, and returns everything that was received.
func (c *crew) workUntil(p *process) (answers []crewAnswer) {
	ctx, stop := context.WithCancel(c.t.Context())
	defer stop()
	var mu sync.Mutex // guards answers
	var working sync.WaitGroup
	received := make(chan struct{})
	for i, account := range crowdStaff {
		for range crowdWorkers {
			working.Go(func() {
				for ctx.Err() == nil {
					page, err := c.browsers[i].Get(ctx, anyRequest(i))
					if len(page.Body) == 0 {
						continue // it was killed before
					}
					mu.Lock()
					answers = append(answers, crewAnswer{account, page, err != nil})
					mu.Unlock()
					select {
					case received <- struct{}{}:
					case <-ctx.Done():
					}
				}
			})
		}
	}
	late := time.After(patience)
	for range 1 + rand.IntN(40) {
		select {
		case <-received:
		case <-p.done:
			c.t.Errorf("poterne ended by itself: %v", p.err)
		case <-late:
			c.t.Fatal("nobody receives anything any more")
		}
	}
	time.Sleep(rand.N(3 * time.Millisecond)) // any moment of what is under way
	p.kill()
	stop()
	working.Wait()
	return answers
}

// anyRequest is a list or a file, of one's own people mostly.
func anyRequest(member int) string {
	own := member*crowdOwn + rand.IntN(crowdOwn-crowdList)
	switch rand.IntN(20) {
	case 0:
		return "/people/files/" + crowdID(len(crowdStaff)*crowdOwn+rand.IntN(crowdSize))
	case 1: // some of them a colleague's, or strangers
		return fmt.Sprintf("/people/list?from=%d", (member+1)*crowdOwn-crowdList+rand.IntN(3))
	case 2, 3, 4, 5, 6, 7:
		return "/people/files/" + crowdID(own)
	default:
		return fmt.Sprintf("/people/list?from=%d", own)
	}
}

// aftermath holds what was received against the ledger, from kill to kill.
type aftermath struct {
	*house
	next  ledger.Number // the first entry not read yet
	seen  map[openedBy]register.Fields
	spent map[roster.AccountID]meter.Cost
}

// openedBy is a person without a reason, and who was shown them.
type openedBy struct {
	account roster.AccountID
	person  register.PersonID
}

// check opens the database that the kill left behind.
func (a *aftermath) check(answers []crewAnswer) {
	a.t.Helper()
	db, err := store.OpenSQLite(a.t.Context(), a.database())
	if err != nil {
		a.t.Fatal(err)
	}
	defer db.Close()
	unveil(a.t, db, a.dir)
	written := a.read(db)
	for _, answer := range answers {
		a.covered(answer, written)
	}
	a.meters(db)
}

// shownUnder is somebody in the answer with a receipt.
type shownUnder struct {
	receipt ledger.Number
	account roster.AccountID
	person  register.PersonID
}

// read reads what was written since the last kill, and works out anew what each
// account has spent.
func (a *aftermath) read(db *store.DB) map[shownUnder]register.Fields {
	a.t.Helper()
	written := make(map[shownUnder]register.Fields)
	for entry, err := range store.NewLedger(db).Entries(a.t.Context(), a.next) {
		if err != nil {
			a.t.Fatal(err)
		}
		if entry.Number != a.next {
			a.t.Fatalf("entry %d comes after entry %d", entry.Number, a.next-1)
		}
		a.next++
		if !entry.Disclosed() {
			continue
		}
		written[shownUnder{entry.Receipt, entry.Account, entry.Person}] |= entry.Fields
		if entry.Reason.Explained() {
			continue
		}
		by := openedBy{entry.Account, entry.Person}
		fields, met := a.seen[by]
		switch {
		case !met:
			a.spent[entry.Account] += meter.Whole
		case !fields.Has(entry.Fields):
			a.spent[entry.Account] += meter.Reveal
		}
		a.seen[by] = fields | entry.Fields
	}
	return written
}

// rowMembers says which category each member of a row is, after its identifier.
var rowMembers = map[register.Fields][]byte{
	register.Name: []byte(`"name":"`), register.Contact: []byte(`"mail":"`), register.Note: []byte(`"note":"`),
}

// covered wants an entry for everybody in what was received.
func (a *aftermath) covered(answer crewAnswer, written map[shownUnder]register.Fields) {
	a.t.Helper()
	rows := bytes.Split(answer.page.Body, []byte(`"id":"`))[1:]
	if answer.page.Status != http.StatusOK {
		if len(rows) > 0 || answer.page.Status != http.StatusForbidden {
			a.t.Errorf("status %d, with %d people in the body", answer.page.Status, len(rows))
		}
		return
	}
	receipt, err := strconv.ParseUint(answer.page.Header.Get("Poterne-Receipt"), 10, 64)
	if err != nil {
		a.t.Errorf("an answer has no receipt: %v", err)
		return
	}
	for _, row := range rows {
		id, rest, whole := bytes.Cut(row, []byte(`"`))
		if !whole { // broken off in the middle of it
			continue
		}
		fields := register.Identifier
		for field, member := range rowMembers {
			if _, value, met := bytes.Cut(rest, member); met && len(value) > 0 {
				fields |= field
			}
		}
		key := shownUnder{ledger.Number(receipt), answer.account, a.key.Person(string(id))}
		if !written[key].Has(fields) {
			a.t.Errorf("under receipt %d somebody was received with %s, the ledger has %q", receipt, fields, written[key])
		}
	}
}

// meters wants a gate that opens on this database to know what was spent.
func (a *aftermath) meters(db *store.DB) {
	a.t.Helper()
	opened, err := storetest.OpenNode(a.t.Context(), store.NewLedger(db), store.NewFacts(db), policy.Rules{}, time.Now)
	if err != nil {
		a.t.Fatal(err)
	}
	for _, account := range crowdStaff {
		standing := opened.Standing(gate.Asker{Account: account, Role: roster.Adviser}, "people")
		if standing.Hour != a.spent[account] || standing.Month != a.spent[account] {
			a.t.Errorf("the meter says %d and %d, the ledger %d", standing.Hour, standing.Month, a.spent[account])
		}
		if a.spent[account] > meter.People(crowdHour) {
			a.t.Errorf("%d hundredths were spent, of %d people", a.spent[account], crowdHour)
		}
	}
}
