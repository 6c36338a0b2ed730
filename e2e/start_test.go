package e2e

import (
	"cmp"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/journal"
	"poterne/internal/lab/proof"
	"poterne/internal/lab/town/life"
	"poterne/internal/lab/town/proconnect"
	"poterne/internal/ledger"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

const (
	entriesOfAccount = 833    // in 28 days: what 60,000 accounts have of fifty million
	sinceKept        = 25_000 // entries since a part of the state was kept, four minutes before: a busy hour's, on fifty million in 28 days
)

// BenchmarkStart is the time from the start of the process to the first answer that it decided, on a
// ledger of so many entries in the last 28 days: after a clean stop, after it was killed, and where what it
// had kept was changed, so that the state is made anew. POTERNE_STARTED is how many entries, and
// POTERNE_FOLDER where a folder is made for them: 250 bytes each.
func BenchmarkStart(b *testing.B) {
	entries, err := strconv.Atoi(cmp.Or(os.Getenv("POTERNE_STARTED"), "100000"))
	if err != nil {
		b.Fatal(err)
	}
	s := newStarts(b, entries)
	s.caughtUp()
	var clean, killed started // the longest of each
	for b.Loop() {
		s.leave()
		clean = clean.or(s.start())
		s.signIn()
		s.adds(sinceKept)
		s.kill()
		killed = killed.or(s.start())
		s.signIn()
	}
	s.leave()
	s.changes()
	changed := s.start()
	if said := s.said.String(); !strings.Contains(said, "the state that was kept is not used") {
		b.Errorf("what was kept is believed although it was changed:\n%s", said)
	}
	for of, one := range map[string]started{"after-stop": clean, "after-kill": killed, "changed": changed} {
		b.ReportMetric(one.took.Seconds(), "s-"+of)
		b.ReportMetric(one.memory, "MB-"+of)
	}
	b.ReportMetric(s.disk()/float64(entries), "B-disk/entry")
}

// starts is a folder with a long ledger, and a program that starts on it again and again.
type starts struct {
	b       *testing.B
	dir     string
	origin  string
	db      *store.DB // beside the program
	adviser *life.Browser
	entries int // that were written for the benchmark

	cmd  *exec.Cmd
	said *lockedBuffer
}

func newStarts(b *testing.B, entries int) *starts {
	dir, err := os.MkdirTemp(os.Getenv("POTERNE_FOLDER"), "poterne-start-")
	if err != nil {
		b.Fatal(err)
	}
	s := &starts{b: b, dir: dir, entries: entries}
	b.Cleanup(func() {
		s.kill()
		if s.db != nil {
			_ = s.db.Close()
		}
		_ = os.RemoveAll(dir)
	})
	application := httptest.NewServer(peopleApplication())
	b.Cleanup(application.Close)
	listen := fmt.Sprintf("localhost:%d", freePort(b))
	s.origin = "http://" + listen
	if out, err := exec.Command(binary, "keys", dir, "--origin", "bench.example").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	issuer := provider(b, s.origin)
	for name, text := range map[string]string{
		"client.secret": "a secret of the benchmark alone",
		"poterne.toml":  fmt.Sprintf(benchConfig, s.origin, listen, issuer, application.URL),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	if s.db, err = store.OpenSQLite(b.Context(), filepath.Join(dir, "poterne.db")); err != nil {
		b.Fatal(err)
	}
	sealed(b, s.db, dir)
	if err := proof.Unveil(b.Context(), s.db, dir); err != nil {
		b.Fatal(err)
	}
	s.write(issuer)
	return s
}

// write writes the accounts, and four weeks of what they were shown; the first of them signs in.
func (s *starts) write(issuer string) {
	s.b.Helper()
	first := time.Now().AddDate(0, 0, -27).Truncate(time.Microsecond)
	until := first.AddDate(1, 0, 0)
	list := accounts.List{Organisations: []roster.Organisation{{ID: "mlv", SIRET: benchSIRET, Name: "Mission locale"}}}
	for n := range s.accounts() {
		id := roster.AccountID(fmt.Sprint("adviser", n))
		list.Accounts = append(list.Accounts, roster.Account{
			ID: id, Organisation: "mlv", Role: roster.Adviser, Name: string(id), Opened: first.AddDate(-1, 0, 0),
			Identity: roster.Identity{Issuer: issuer, Provider: "bench", Subject: proconnect.Subject("bench", "bench", strconv.Itoa(n))},
		})
		list.Habilitations = append(list.Habilitations, roster.Habilitation{Account: id, Service: "app", Purpose: "accompany", From: first.AddDate(0, -1, 0), Until: until})
	}
	then := journal.Outside{DB: store.NewLedger(s.db), Now: func() time.Time { return first }}
	if err := storetest.TakeRosterBy(s.b, then, list); err != nil {
		s.b.Fatal(err)
	}
	began, step := time.Now(), 27*24*time.Hour/time.Duration(s.entries)
	s.disclose(s.entries, func(i int) time.Time { return first.Add(time.Duration(i) * step) })
	own := reason.Fact{Kind: reason.Caseload, Account: "adviser0", Person: pseudonymKey(s.b, s.dir).Person(benchID(0, 0)), From: first, Until: until, ID: "own"}
	if err := storetest.TakeFacts(s.b, s.db, "cases", own); err != nil {
		s.b.Fatal(err)
	}
	s.b.Logf("%d entries of %d accounts written in %v", s.entries, s.accounts(), time.Since(began).Round(time.Second))
}

// accounts is how many accounts there are.
func (s *starts) accounts() int { return max(s.entries/entriesOfAccount, 1) }

// disclose writes what the accounts were shown: a hundred people each, with a reason.
func (s *starts) disclose(entries int, at func(int) time.Time) {
	s.b.Helper()
	const turn = 4096 // a program's largest
	for from := 0; from < entries; from += turn {
		err := store.NewLedger(s.db).Turn(s.b.Context(), func(head journal.Head) error {
			list := make([]ledger.Entry, min(turn, entries-from))
			for i := range list {
				number := head.Next() + ledger.Number(i)
				account := int(uint64(number) * 2654435761 % uint64(s.accounts()))
				person := sha256.Sum256(fmt.Append(nil, account, int(number/7)%100))
				list[i] = ledger.Entry{
					Number: number, Receipt: number, Time: at(from + i).Truncate(time.Microsecond), Kind: ledger.Consulted,
					Account: roster.AccountID(fmt.Sprint("adviser", account)), Organisation: "mlv", Session: roster.SessionID(fmt.Sprint("s", account)), Device: fmt.Sprint("d", account),
					Service: "app", Purpose: "accompany", Route: "GET /people/{id}", Person: register.PersonID(person[:16]), Fields: register.Name, Verdict: policy.Shown,
					Why: policy.Explained, Reason: reason.Reason{Kind: reason.Caseload, Source: "cases", ID: "1700"},
				}
			}
			return head.Write(list, list[len(list)-1].Time)
		})
		if err != nil {
			s.b.Fatal(err)
		}
	}
}

// adds writes what another node is in the middle of.
func (s *starts) adds(entries int) {
	s.disclose(entries, func(int) time.Time { return time.Now() })
}

// started is a start: how long it took to the first answer, and the memory that the program had then, in MB.
type started struct {
	took   time.Duration
	memory float64
}

// or returns whichever took longer.
func (s started) or(other started) started {
	if other.took > s.took {
		return other
	}
	return s
}

// start starts the program, and waits for its first answer. Nobody is shown by another before.
func (s *starts) start() started {
	s.b.Helper()
	s.cmd, s.said = exec.Command(binary, "serve", "--config", filepath.Join(s.dir, "poterne.toml")), new(lockedBuffer)
	s.cmd.Stderr = s.said
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		s.b.Fatal(err)
	}
	for {
		answered := s.asks()
		if took := time.Since(began); answered {
			return started{took, s.memory()}
		} else if took > 2*time.Hour {
			s.b.Fatal("no answer: ", s.said.String())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// asks reports whether the program decides: it shows somebody who is signed in their own person, and sends
// somebody who is not to sign in.
func (s *starts) asks() bool {
	if s.adviser != nil {
		page, err := s.adviser.Get(s.b.Context(), "/app/people/"+benchID(0, 0))
		return err == nil && page.Status == http.StatusOK && strings.Contains(string(page.Body), "Durand")
	}
	answer, err := http.Get(s.origin + "/readyz")
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// signIn signs the first account in, so that its session is there at the next start.
func (s *starts) signIn() {
	s.b.Helper()
	s.adviser = life.NewBrowser(s.origin)
	if err := s.adviser.SignIn(s.b.Context(), "0"); err != nil || !s.asks() {
		s.b.Fatal(err, s.said.String())
	}
}

// leave asks the program to leave, and waits until it has.
func (s *starts) leave() {
	s.b.Helper()
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	if err := s.cmd.Wait(); err != nil {
		s.b.Fatal(err, s.said.String())
	}
}

// kill ends the program in the middle of what it does.
func (s *starts) kill() {
	if s.cmd != nil && s.cmd.ProcessState == nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	}
}

// caughtUp starts the program until the tree, and whoever follows the ledger, have taken it all in, as
// they have where it grew day by day.
func (s *starts) caughtUp() {
	s.b.Helper()
	for began, pause := time.Now(), 15*time.Second; ; pause += pause / 2 { // whoever reads what it kept takes more time than it had before
		s.start()
		behind, of := s.behind()
		if behind < sinceKept {
			s.b.Logf("all was taken in after %v", time.Since(began).Round(time.Second))
			s.signIn()
			return
		}
		if time.Since(began) > 4*time.Hour {
			s.b.Fatalf("%s is %d entries behind", of, behind)
		}
		journal.Pause(s.b.Context(), pause)
		s.leave()
	}
}

// behind is how many entries the tree, or whoever follows the ledger, has still to take in.
func (s *starts) behind() (entries int, of string) {
	s.b.Helper()
	const least = `select 'the tree', coalesce(max(size), 0) from checkpoint
		union all select whose, min(number) from kept group by whose order by 2 limit 1`
	var upTo int
	s.raw(func(db *sql.DB) error { return db.QueryRow(least).Scan(&of, &upTo) })
	return s.entries - upTo, of
}

// changes has a part of what was kept be what another is.
func (s *starts) changes() {
	s.b.Helper()
	s.raw(func(db *sql.DB) error {
		_, err := db.Exec(`update kept set state = (select state from kept where whose = 'journal' and what = 'accounts 1') where whose = 'journal' and what = 'accounts 0'`)
		return err
	})
}

func (s *starts) raw(do func(*sql.DB) error) {
	s.b.Helper()
	db, err := sql.Open("sqlite", filepath.Join(s.dir, "poterne.db")+"?_pragma=busy_timeout(60000)")
	if err != nil {
		s.b.Fatal(err)
	}
	defer db.Close()
	if err := do(db); err != nil {
		s.b.Fatal(err)
	}
}

// memory is the memory that the program has, in MB, as Linux says it; 0 elsewhere.
func (s *starts) memory() float64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	kilobytes, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, _ := strconv.ParseFloat(kilobytes, 64)
	return n / 1024
}

// disk is how many bytes the folder has.
func (s *starts) disk() (bytes float64) {
	files, _ := os.ReadDir(s.dir)
	for _, file := range files {
		if info, err := file.Info(); err == nil {
			bytes += float64(info.Size())
		}
	}
	return bytes
}
