package desk_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/i18n"
	"poterne/internal/intake"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/portal/portaltest"
	"poterne/internal/portal/rooms/desk"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/seal"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// large is a body of many accounts, and the ledger of its year: entry i of it can be made again.
type large struct {
	entries, accounts int
	ends              time.Time
}

const (
	largeBodies = 2000
	thief       = roster.AccountID("adviser.7")
)

func (l large) account(i int) roster.AccountID {
	if i > l.entries-l.entries/8000 && i%10 == 0 { // within the last hour
		return thief
	}
	return roster.AccountID("adviser." + strconv.Itoa(int(uint64(i)*0x9e3779b97f4a7c15>>33)%l.accounts))
}

func (l large) entry(i int) ledger.Entry {
	e := ledger.Entry{
		Number: ledger.Number(i), Time: l.ends.Add(-365 * 24 * time.Hour / time.Duration(l.entries) * time.Duration(l.entries-i)).Truncate(time.Microsecond),
		Kind: ledger.Consulted, Receipt: ledger.Number(i), Account: l.account(i), Service: "dossier", Route: "GET /files/{dossier}", Purpose: "accompany",
		Network: "agency", Session: roster.SessionID(strconv.Itoa(i % 1000)), Device: strconv.Itoa(100_000 + i%50_000),
		Fields: register.Name | register.Contact, Verdict: policy.Shown, Why: policy.Explained,
	}
	sum := sha256.Sum256(binary.AppendUvarint(nil, uint64(i)*0x9e3779b97f4a7c15>>33%uint64(l.entries/3)))
	copy(e.Person[:], sum[:])
	n, _ := strconv.Atoi(string(e.Account[len("adviser."):]))
	e.Organisation = bodyOf(n)
	switch {
	case e.Account == thief && i%20 == 0, i%1000 == 3:
		e.Verdict, e.Why = policy.Withheld, policy.ShortEmpty
	case i%33 == 5:
		e.Why, e.Cost = policy.Counted, meter.Whole
	}
	return e
}

func bodyOf(n int) roster.OrganisationID {
	return roster.OrganisationID("body." + strconv.Itoa(n%largeBodies))
}

// write writes the year, and takes the accounts in.
func (l large) write(b *testing.B, path string, seals seal.Keys) {
	db, err := store.OpenSQLite(b.Context(), path)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if err := db.Seal(b.Context(), seals); err != nil {
		b.Fatal(err)
	}
	const atOnce = 8192
	for at := 0; at < l.entries; at += atOnce {
		err := store.NewLedger(db).Turn(b.Context(), func(head journal.Head) error {
			var all []ledger.Entry
			for i := at; i < min(at+atOnce, l.entries); i++ {
				all = append(all, l.entry(i))
			}
			return head.Write(all, all[len(all)-1].Time)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	var list accounts.List
	for n := range largeBodies {
		list.Organisations = append(list.Organisations, roster.Organisation{ID: bodyOf(n), SIRET: fmt.Sprintf("9%013d", n), Name: "Mission locale " + strconv.Itoa(n)})
	}
	for n := range l.accounts {
		id := roster.AccountID("adviser." + strconv.Itoa(n))
		list.Accounts = append(list.Accounts, roster.Account{
			ID: id, Organisation: bodyOf(n), Role: roster.Adviser, Name: "Conseiller " + strconv.Itoa(n), Opened: l.ends.AddDate(-1, 0, 0),
			Identity: roster.Identity{Issuer: "https://id.example", Subject: string(id)},
		})
	}
	if err := storetest.TakeRosterBy(b, journal.Outside{DB: store.NewLedger(db), Now: time.Now}, list); err != nil {
		b.Fatal(err)
	}
}

// openLarge opens the desk over such a ledger. POTERNE_KEPT is a folder where it is kept, and
// taken up by the next run: to write a hundred million entries takes long.
func openLarge(b *testing.B) *portaltest.Site {
	l := large{number(b, "POTERNE_ENTRIES", "100000"), number(b, "POTERNE_ACCOUNTS", "3000"), time.Now().Add(-time.Minute)}
	folder, keep := os.Getenv("POTERNE_KEPT"), true
	if folder == "" {
		folder, keep = b.TempDir(), false
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		b.Fatal(err)
	}
	path, secret := filepath.Join(folder, "poterne.db"), filepath.Join(folder, "seal.key")
	seals := seal.New()
	switch text, err := os.ReadFile(secret); {
	case err == nil:
		if seals, err = seal.Parse(string(text)); err != nil {
			b.Fatal(err)
		}
	case errors.Is(err, fs.ErrNotExist):
		began := time.Now()
		l.write(b, path, seals)
		b.Logf("%d entries written in %v", l.entries, time.Since(began).Round(time.Second))
		if keep {
			if err := os.WriteFile(secret, []byte(seals.Text()), 0o600); err != nil {
				b.Fatal(err)
			}
		}
	default:
		b.Fatal(err)
	}
	began := time.Now()
	h := portaltest.Keeping(b, path, seals, portaltest.Allowing(3, 20), desk.Settings{})
	b.Logf("opened in %v", time.Since(began).Round(time.Second))
	b.Cleanup(func() {
		if err := h.Gate.Keep(context.Background()); err != nil {
			b.Error(err)
		}
	})
	began = time.Now()
	if err := h.Index().CatchUp(b.Context(), nil); err != nil {
		b.Fatal(err)
	}
	b.Logf("the index caught up in %v", time.Since(began).Round(time.Second))
	began = time.Now()
	if err := portaltest.Cover(b.Context(), h); err != nil {
		b.Fatal(err)
	}
	b.Logf("the tree caught up in %v", time.Since(began).Round(time.Second))
	for n := range 41 {
		h.Freeze(roster.AccountID("adviser." + strconv.Itoa(100+n)))
	}
	ctx, stop := context.WithCancel(context.Background())
	for _, follower := range []func(context.Context) error{h.Campaigns.Run, h.Usage.Run, h.Arrivals.Run} {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = follower(ctx)
		}()
		b.Cleanup(func() { <-ended })
	}
	b.Cleanup(stop)
	return h
}

func number(b *testing.B, name, otherwise string) int {
	n, err := strconv.Atoi(cmp.Or(os.Getenv(name), otherwise))
	if err != nil || n < 1000 {
		b.Fatalf("%s: %q is not a number, 1000 at least", name, os.Getenv(name))
	}
	return n
}

// BenchmarkDesk asks for each page of the desk, over a ledger of POTERNE_ENTRIES entries in a
// year and a roster of POTERNE_ACCOUNTS accounts, while 41 of them are frozen and one takes what
// it can get. It reports the middle and the slowest, in milliseconds of the server, the first
// request beside, and what the page itself took of a core. A profile has a label for each page.
func BenchmarkDesk(b *testing.B) {
	h := openLarge(b)
	ask := func(b *testing.B, method, target string, form url.Values) string {
		r := httptest.NewRequestWithContext(b.Context(), method, target, strings.NewReader(form.Encode()))
		r.Header.Set(portaltest.Actor, string(security))
		if form != nil {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		answer := httptest.NewRecorder()
		h.Handler.ServeHTTP(answer, portaltest.Spoken(r, i18n.English))
		if answer.Code != http.StatusOK {
			b.Fatalf("%s: %d", target, answer.Code)
		}
		return answer.Body.String()
	}
	began := time.Now()
	for strings.Contains(ask(b, http.MethodGet, "/desk", nil), "Still reading the ledger") || strings.Contains(ask(b, http.MethodGet, "/desk/campaigns", nil), "has not been read to its end") {
		if time.Since(began) > time.Duration(number(b, "POTERNE_WAIT_MS", "600000"))*time.Millisecond {
			b.Log("the weeks before are still being read: the page of accounts that act together is of a part of them")
			break
		}
		time.Sleep(time.Second)
	}
	b.Logf("the weeks before were read in %v after that", time.Since(began).Round(time.Second))
	account := "/desk/accounts/" + string(thief)
	for _, page := range []struct {
		name, method, target string
		form                 url.Values
	}{
		{"desk", http.MethodGet, "/desk", nil},
		{"wall", http.MethodGet, "/desk/wall", nil},
		{"month", http.MethodGet, "/desk/month", nil},
		{"campaigns", http.MethodGet, "/desk/campaigns", nil},
		{"directory", http.MethodGet, "/desk/directory", nil},
		{"directory-sought", http.MethodGet, "/desk/directory?q=conseiller+5999", nil},
		{"curve", http.MethodGet, "/desk/curve", nil},
		{"account", http.MethodGet, account, nil},
		{"back-1h", http.MethodGet, account + "/back?period=1h", nil},
		{"back-24h", http.MethodGet, account + "/back?period=24h", nil},
		{"back-168h", http.MethodGet, account + "/back?period=168h", nil},
		{"order-account", http.MethodGet, "/desk/orders/new?reach=account&effect=suspended&target=" + string(thief), nil},
		{"order-body", http.MethodGet, "/desk/orders/new?reach=organisation&effect=suspended&target=body.7", nil},
		{"order-everything", http.MethodGet, "/desk/orders/new?reach=everything&effect=closed", nil},
		{"exactly", http.MethodGet, "/desk/exactly?q=conseiller+77", nil},
		{"exactly-today", http.MethodGet, "/desk/exactly?account=" + string(thief) + "&period=today", nil},
		{"exactly-month", http.MethodGet, "/desk/exactly?account=" + string(thief) + "&account=adviser.8&period=month", nil},
		{"who-saw", http.MethodPost, "/desk/who-saw", url.Values{"identifier": {"000001"}, "because": {"a complaint"}}},
	} {
		b.Run(page.name, func(b *testing.B) {
			pprof.Do(b.Context(), pprof.Labels("page", page.name), func(context.Context) {
				runtime.LockOSThread() // so that what the page itself takes can be told from what goes on beside
				defer runtime.UnlockOSThread()
				var took, worked []time.Duration
				began := time.Now()
				ask(b, page.method, page.target, page.form)
				first := time.Since(began)
				for b.Loop() {
					began, before := time.Now(), spent(b, syscall.RUSAGE_THREAD)
					ask(b, page.method, page.target, page.form)
					took, worked = append(took, time.Since(began)), append(worked, spent(b, syscall.RUSAGE_THREAD)-before)
				}
				slices.Sort(took)
				slices.Sort(worked)
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(first.Seconds()*1000, "ms-first")
				b.ReportMetric(worked[len(worked)/2].Seconds()*1000, "ms-of-a-core")
				b.ReportMetric(took[len(took)/2].Seconds()*1000, "ms-middle")
				b.ReportMetric(took[len(took)-1].Seconds()*1000, "ms-slowest")
			})
		})
	}
	b.Run("flow", func(b *testing.B) { followed(b, h) })
}

// followed measures what fifty open desks take of a core while somebody opens twenty files a
// second, beyond what these openings take by themselves, by turns of POTERNE_FLOW_MS each: the middle of all turns. Over a
// large ledger one collection of garbage takes a second of a core, and so does keeping what followers know: one
// turn says nothing there.
func followed(b *testing.B, h *portaltest.Site) {
	const desks, each = 50, 20
	seconds := number(b, "POTERNE_FLOW_MS", "30000") / 1000
	var own []reason.Fact
	for n := range 256 {
		own = append(own, reason.Fact{
			Kind: reason.Caseload, Account: camille, Person: register.PersonID{1, byte(n)}, Source: "cases", ID: strconv.Itoa(n),
			From: time.Now().Add(-time.Hour), Until: time.Now().AddDate(0, 1, 0),
		})
	}
	if _, err := journal.Do(b.Context(), journal.Outside{DB: store.NewLedger(h.DB), Now: time.Now}, &intake.FactBatch{Source: "cases", Facts: own}); err != nil {
		b.Fatal(err)
	}
	person := 0
	work := func() float64 {
		before, began := spent(b, syscall.RUSAGE_SELF), time.Now()
		for range seconds * each {
			person++
			h.Opens(camille, person)
			time.Sleep(time.Second / each)
		}
		return 100 * (spent(b, syscall.RUSAGE_SELF) - before).Seconds() / time.Since(began).Seconds()
	}
	open := func(ctx context.Context) (closed func()) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/desk/flow?after=%d", h.URL, h.Gate.Next()), nil)
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set(portaltest.Actor, string(security))
		connection, err := new(net.Dialer).DialContext(ctx, "tcp", r.URL.Host)
		if err != nil {
			b.Fatal(err)
		}
		if err := r.Write(connection); err != nil {
			b.Fatal(err)
		}
		go func() { _, _ = io.Copy(io.Discard, connection) }() // the readers are in this process, too: they read nothing of it
		return func() { _ = connection.Close() }
	}
	var beyond, without []float64
	for b.Loop() {
		alone := work()
		var closing []func()
		for range desks {
			closing = append(closing, open(b.Context()))
		}
		time.Sleep(2 * time.Second)
		beyond, without = append(beyond, work()-alone), append(without, alone)
		for _, closed := range closing {
			closed()
		}
		time.Sleep(time.Second)
	}
	slices.Sort(beyond)
	slices.Sort(without)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(beyond[len(beyond)/2], "%-of-a-core")
	b.ReportMetric(beyond[0], "%-least")
	b.ReportMetric(beyond[len(beyond)-1], "%-most")
	b.ReportMetric(without[len(without)/2], "%-without")
}

// spent is the processor time of this process, or of this thread.
func spent(b *testing.B, who int) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
