package person_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"poterne/internal/incident"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/ledger/index"
	"poterne/internal/person"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/seal"
	"poterne/internal/store"
	"poterne/internal/store/indexdb"
)

// year is a ledger of a year: entry i of it can be made again. One entry in fifty is about one
// of those whom everybody knows, a thousandth of the people.
type year struct{ entries int }

var yearBegins = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func (y year) people() int { return y.entries / 100 * 43 }

func (y year) person(i int) int {
	n := int(uint64(i) * 0x9e3779b97f4a7c15 >> 33)
	if i%50 == 7 {
		return n % (y.people()/1000 + 1) * 1000
	}
	return n % y.people()
}

func inYear(n int) (id register.PersonID) {
	sum := sha256.Sum256(binary.AppendUvarint(nil, uint64(n)))
	copy(id[:], sum[:])
	return id
}

func (y year) entry(i int) ledger.Entry {
	return ledger.Entry{
		Number: ledger.Number(i), Time: yearBegins.Add(365 * 24 * time.Hour / time.Duration(y.entries) * time.Duration(i)).Truncate(time.Microsecond),
		Kind: ledger.Consulted, Receipt: ledger.Number(i), Account: roster.AccountID("adviser." + strconv.Itoa(i*7919%50_000)), Organisation: "mlv", Service: "dossier",
		Person: inYear(y.person(i)), Fields: register.Name | register.Contact, Verdict: policy.Shown, Why: policy.Explained,
	}
}

// write writes the year in a ledger.
func (y year) write(b *testing.B, db *store.DB) {
	const atOnce = 8192
	for at := 0; at < y.entries; at += atOnce {
		err := store.NewLedger(db).Turn(b.Context(), func(head journal.Head) error {
			var all []ledger.Entry
			for i := at; i < min(at+atOnce, y.entries); i++ {
				all = append(all, y.entry(i))
			}
			return head.Write(all, all[len(all)-1].Time)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// incidents are some that are open to people.
type incidents []incident.File

// BenchmarkAYearOfOnePerson reads people a year of theirs out of a ledger on SQLite, and answers
// them whether twenty incidents concerned them; each answer is held against the generator.
// POTERNE_ENTRIES is how many entries the ledger has.
func BenchmarkAYearOfOnePerson(b *testing.B) {
	entries, err := strconv.Atoi(cmp.Or(os.Getenv("POTERNE_ENTRIES"), "100000"))
	if err != nil || entries < 100_000 {
		b.Fatalf("POTERNE_ENTRIES: %q is not a number of entries, 100000 at least", os.Getenv("POTERNE_ENTRIES"))
	}
	y := year{entries}
	folder := b.TempDir()
	path := filepath.Join(folder, "poterne.db")
	db, err := store.OpenSQLite(b.Context(), path)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if err := db.Seal(b.Context(), seal.New()); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	y.write(b, db)
	b.ReportMetric(float64(entries)/time.Since(began).Seconds(), "written/s")
	shelf, err := indexdb.OpenSQLite(b.Context(), path)
	if err != nil {
		b.Fatal(err)
	}
	defer shelf.Close()
	x := index.New(index.Standard, store.NewLedger(db), shelf)
	began = time.Now()
	if err := x.CatchUp(b.Context(), nil); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(entries)/time.Since(began).Seconds(), "indexed/s")

	now := func() time.Time { return yearBegins.AddDate(1, 0, 0) }
	reader := person.Reader{Index: x, Roster: store.NewRoster(db), Withheld: store.NewWithholdings(db), Now: now}
	concerns := incident.Concerns{Files: y.incidents(), Lines: reader}
	sample := make(map[int][]int) // people, and their entries
	random := rand.New(rand.NewPCG(1, 2))
	for range min(2_000, entries/20) {
		sample[random.IntN(y.people())] = nil
		sample[random.IntN(y.people()/1000+1)*1000%y.people()] = nil
	}
	for i := range entries {
		n := y.person(i)
		if of, is := sample[n]; is {
			sample[n] = append(of, i)
		}
	}
	var lines, answers []time.Duration
	wrong, most := 0, 0
	for n, want := range sample {
		slices.Reverse(want)
		began := time.Now()
		read, err := reader.Read(b.Context(), inYear(n))
		lines = append(lines, time.Since(began))
		if err != nil {
			b.Fatal(err)
		}
		most = max(most, len(want))
		if !slices.EqualFunc(read.Lines, want, func(l person.Line, i int) bool { return l.Number == ledger.Number(i) }) {
			wrong++
		}
		began = time.Now()
		said, err := concerns.Of(b.Context(), inYear(n))
		answers = append(answers, time.Since(began))
		if err != nil {
			b.Fatal(err)
		}
		for k, c := range said {
			times := 0
			for _, i := range want {
				if i*7919%50_000 == k {
					times++
				}
			}
			if c.Times != times {
				wrong++
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	for name, took := range map[string][]time.Duration{"year": lines, "concerned": answers} {
		slices.Sort(took)
		b.ReportMetric(took[len(took)/2].Seconds()*1000, "ms-"+name)
		b.ReportMetric(took[len(took)*99/100].Seconds()*1000, "ms-"+name+"-p99")
	}
	b.ReportMetric(float64(len(sample)), "people-asked")
	b.ReportMetric(float64(most), "most-lines")
	b.ReportMetric(float64(wrong), "wrong")
	if wrong > 0 {
		b.Errorf("%d answers are wrong", wrong)
	}
}

// incidents are twenty thefts, each of one account's whole year.
func (y year) incidents() (all incidents) {
	for k := range 20 {
		account := roster.AccountID("adviser." + strconv.Itoa(k))
		all = append(all, incident.File{
			Number: ledger.Number(k), Public: new(incident.Publication),
			Count: &incident.Count{Scope: incident.Scope{Accounts: []roster.AccountID{account}}, People: 1, First: yearBegins},
		})
	}
	return all
}

// Files implements incident.Concerns.
func (i incidents) Files(context.Context) ([]incident.File, error) { return i, nil }

// Check implements incident.Concerns.
func (incidents) Check(context.Context, incident.File) error { return nil }
