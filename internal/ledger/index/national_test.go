package index_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/ledger/index"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store/indexdb"
	"poterne/internal/store/storetest"
)

// nation is a ledger that is computed, never stored: sixty days of work on a
// register, and from the twentieth to the fiftieth three accounts that walk through
// 36.8 of its 43 million people (or the same share of a smaller one). Its entries
// are simple enough to be made by a database too.
type nation struct{ entries int }

const (
	day     = 24 * time.Hour
	stride  = 17_176_967
	advised = 50_000
)

var begins = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func (n nation) people() int { return n.entries / 100 * 43 }
func (n nation) walked() int { return n.entries / 1000 * 368 }
func (n nation) quiet() int  { return n.entries / 5 }
func (n nation) stolen() int { return n.entries / 10 * 4 } // disclosures of the three accounts

// step is the time between two entries.
func (n nation) step(d time.Duration, entries int) time.Duration {
	return (d / time.Duration(entries)).Truncate(time.Microsecond)
}

func (n nation) at(i int) time.Time {
	quiet, busy := n.quiet(), n.entries/10*7
	switch {
	case i < quiet:
		return begins.Add(time.Duration(i) * n.step(20*day, quiet))
	case i < quiet+busy:
		return begins.Add(20*day + time.Duration(i-quiet)*n.step(30*day, busy))
	default:
		return begins.Add(50*day + time.Duration(i-quiet-busy)*n.step(10*day, n.entries-quiet-busy))
	}
}

// theft returns which of the thieves' disclosures an entry is.
func (n nation) theft(i int) (j int, stolen bool) {
	since := i - n.quiet()
	if since < 0 || since >= n.entries/10*7 || since%7 >= 4 {
		return 0, false
	}
	return since/7*4 + since%7, true
}

// stealing is the entry of one of the thieves' disclosures.
func (n nation) stealing(j int) int { return n.quiet() + j/4*7 + j%4 }

func (n nation) victim(j int) int { return (j%n.walked()*stride + 123_457) % n.people() }

func screen(i int) register.Fields {
	return [...]register.Fields{register.Name | register.Birth, register.Contact | register.Residence, register.NIR | register.Status}[i%3]
}

// personOf is a pseudonym that a database can compute.
func personOf(n int) register.PersonID {
	return md5.Sum(strconv.AppendInt(make([]byte, 0, 16), int64(n), 10))
}

func (n nation) entry(i int) ledger.Entry {
	e := ledger.Entry{Number: ledger.Number(i), Time: n.at(i), Kind: ledger.Consulted, Verdict: policy.Shown}
	if j, stolen := n.theft(i); stolen {
		e.Account, e.Person, e.Fields = thieves[j%3], personOf(n.victim(j)), screen(j/3)
		return e
	}
	r := i * 7919 % advised
	e.Account = advisers[r*r/advised*r/advised] // few do much
	e.Person = personOf(n.received(i))
	e.Fields = screen(i)
	return e
}

// received is whom an adviser's entry shows.
func (n nation) received(i int) int { return int(uint32(i*2_654_435_761)) * n.people() >> 32 }

// shows is whom an entry shows.
func (n nation) shows(i int) int {
	if j, stolen := n.theft(i); stolen {
		return n.victim(j)
	}
	return n.received(i)
}

var (
	thieves  = []roster.AccountID{"thief.0", "thief.1", "thief.2"}
	advisers = func() (all [advised]roster.AccountID) {
		for i := range all {
			all[i] = roster.AccountID("adviser." + strconv.Itoa(i))
		}
		return all
	}()
)

// First implements index.Ledger.
func (n nation) First(context.Context) (ledger.Number, error) { return 0, nil }

// Entries implements index.Ledger.
func (n nation) Newest(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error] {
	return n.Entries(ctx, from)
}

func (n nation) Entries(_ context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for i := int(from); i < n.entries; i++ {
			if !yield(n.entry(i), nil) {
				return
			}
		}
	}
}

// Entry implements index.Ledger.
func (n nation) Entry(_ context.Context, number ledger.Number) (ledger.Entry, error) {
	if int(number) >= n.entries {
		return ledger.Entry{}, errors.New("no such entry")
	}
	return n.entry(int(number)), nil
}

// stolen is a person the thieves were shown, as the generator knows.
type stolen struct {
	person register.PersonID
	fields register.Fields
}

// expected is everybody they were shown between two times, in the order of
// pseudonyms.
func (n nation) expected(since, until time.Time) []stolen {
	fields := make([]register.Fields, n.people())
	for j := range n.stolen() {
		if at := n.at(n.stealing(j)); !at.Before(since) && at.Before(until) {
			fields[n.victim(j)] |= screen(j / 3)
		}
	}
	var all []stolen
	for person, set := range fields {
		if set != 0 {
			all = append(all, stolen{personOf(person), set})
		}
	}
	slices.SortFunc(all, func(a, b stolen) int { return bytes.Compare(a.person[:], b.person[:]) })
	return all
}

type question struct {
	name         string
	since, until time.Time
}

// questions about the three accounts: all they did, and ten days of it, whose bounds
// are inside segments.
var questions = []question{
	{"everything", begins.Add(15*day + 12*time.Hour), begins.Add(55*day + 12*time.Hour)},
	{"ten-days", begins.Add(30*day + 12*time.Hour), begins.Add(40*day + 12*time.Hour)},
}

// BenchmarkExactlyWho builds the index of a computed ledger on both engines, asks it
// who was shown to three accounts and who saw a person, and holds the first answer
// against the generator, person by person and field by field. PostgreSQL answers
// the same by itself, from a table with the same rows and an index that covers the
// question. POTERNE_ENTRIES says how large ledgers are.
func BenchmarkExactlyWho(b *testing.B) {
	sizes := os.Getenv("POTERNE_ENTRIES")
	if sizes == "" {
		sizes = "1000000"
	}
	for size := range strings.FieldsSeq(sizes) {
		entries, err := strconv.Atoi(size)
		if err != nil || entries < 1000 || entries%1000 != 0 {
			b.Fatalf("POTERNE_ENTRIES: %q is not a number of thousands", size)
		}
		n := nation{entries}
		b.Run("entries="+size, func(b *testing.B) {
			b.Run("sqlite", func(b *testing.B) {
				shelf, err := indexdb.OpenSQLite(b.Context(), filepath.Join(b.TempDir(), "poterne.db"))
				n.measure(b, shelf, err)
			})
			b.Run("postgres", func(b *testing.B) {
				shelf, err := indexdb.OpenPostgreSQL(b.Context(), storetest.StartPostgreSQL(b).Database(b))
				n.measure(b, shelf, err)
			})
			b.Run("select-distinct", n.selectDistinct)
			b.Run("duckdb", n.duckDB)
		})
	}
}

func (n nation) measure(b *testing.B, shelf *indexdb.DB, err error) {
	if err != nil {
		b.Fatal(err)
	}
	defer shelf.Close()
	began, used := time.Now(), processor()
	x := index.New(index.Standard, n, shelf)
	forgetPeak()
	if err := x.CatchUp(b.Context(), nil); err != nil {
		b.Fatal(err)
	}
	room, err := shelf.Bytes(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(n.entries)/time.Since(began).Seconds(), "built/s")
	b.ReportMetric(float64((processor()-used).Nanoseconds()/int64(n.entries)), "cpu-ns/entry")
	b.ReportMetric(float64(room)/float64(n.entries), "B/entry")
	b.ReportMetric(peak(), "MB-building")
	forgetPeak()
	n.measureWhoSaw(b, x)
	for _, q := range questions {
		var shown index.Shown
		used := processor()
		took := fastest(5, func() {
			if shown, err = x.ShownTo(b.Context(), thieves, q.since, q.until); err != nil {
				b.Fatal(err)
			}
		})
		b.ReportMetric(milliseconds(took), "ms-"+q.name)
		b.ReportMetric(milliseconds((processor()-used)/5), "cpu-ms-"+q.name)
		b.ReportMetric(float64(shown.People), "people-"+q.name)
		used = processor()
		took = fastest(5, func() { // as the page of an incident counts: with the first and the last time
			if shown, err = x.ShownTo(b.Context(), thieves, q.since, q.until); err == nil {
				_, _, err = shown.Span(b.Context())
			}
			if err != nil {
				b.Fatal(err)
			}
		})
		b.ReportMetric(milliseconds(took), "ms-page-"+q.name)
		b.ReportMetric(milliseconds((processor()-used)/5), "cpu-ms-page-"+q.name)
		took = fastest(1, func() {
			for _, err := range shown.All(b.Context()) {
				if err != nil {
					b.Fatal(err)
				}
			}
		})
		b.ReportMetric(milliseconds(took), "ms-listing-"+q.name)
	}
	b.ReportMetric(peak(), "MB-asking")
	for _, q := range questions {
		n.hold(b, x, q.since, q.until)
	}
}

// hold compares an answer with the generator.
func (n nation) hold(b *testing.B, x *index.Index, since, until time.Time) {
	shown, err := x.ShownTo(b.Context(), thieves, since, until)
	if err != nil {
		b.Fatal(err)
	}
	want, missing, extra, changed := n.expected(since, until), 0, 0, 0
	if shown.People != len(want) {
		b.Errorf("%d people are counted, the generator knows of %d", shown.People, len(want))
	}
	for person, err := range shown.All(b.Context()) {
		if err != nil {
			b.Fatal(err)
		}
		for len(want) > 0 && bytes.Compare(want[0].person[:], person.Person[:]) < 0 {
			missing++
			want = want[1:]
		}
		switch {
		case len(want) == 0 || want[0].person != person.Person:
			extra++
			continue
		case want[0].fields != person.Fields:
			changed++
		}
		want = want[1:]
	}
	if missing += len(want); missing+extra+changed > 0 {
		b.Errorf("%d people are missing, %d are too many, %d have other fields", missing, extra, changed)
	}
}

// Who saw somebody is what the generator knows of them, entry by entry, for a sample of the people.
// POTERNE_ENTRIES and POTERNE_PEOPLE say how many there are of both; with 10000000 and 1000000 it
// takes some minutes.
func TestWhoSawSomebodyIsWhatTheGeneratorKnows(t *testing.T) {
	n, people, shape := nation{40_000}, 4_000, index.Shape{Segment: 1 << 13, Pages: 1 << 4, Piece: 1 << 8, Portion: 1 << 9}
	if size := os.Getenv("POTERNE_PEOPLE"); size != "" {
		var err, wrong error
		people, err = strconv.Atoi(size)
		n.entries, wrong = strconv.Atoi(os.Getenv("POTERNE_ENTRIES"))
		if err != nil || wrong != nil || n.entries < 1000 || n.entries%1000 != 0 || people < 1 || people > n.people() {
			t.Fatalf("POTERNE_PEOPLE and POTERNE_ENTRIES: %q of %q is no sample", size, os.Getenv("POTERNE_ENTRIES"))
		}
		shape = index.Standard
	}
	shelf, err := indexdb.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "poterne.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer shelf.Close()
	x := index.New(shape, n, shelf)
	if err := x.CatchUp(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	sample := make(map[int][]ledger.Number, people)
	for i := range people {
		sample[i*stride%n.people()] = nil
	}
	for i := range n.entries {
		who := n.shows(i)
		if of, asked := sample[who]; asked {
			sample[who] = append(of, ledger.Number(i))
		}
	}
	if len(sample) != people {
		t.Fatalf("%d people are asked about, not %d", len(sample), people)
	}
	wrong, lines := 0, 0
	for who, want := range sample {
		seen, err := x.WhoSaw(t.Context(), personOf(who))
		if err != nil {
			t.Fatal(err)
		}
		lines += len(want)
		if !slices.Equal(seen.Numbers, want) {
			if wrong++; wrong < 5 {
				t.Errorf("person %d was shown in %v, not in %v", who, want, seen.Numbers)
			}
		}
	}
	t.Logf("%d people, %d lines of %d entries: %d wrong", len(sample), lines, n.entries, wrong)
	if wrong > 0 || lines == 0 {
		t.Errorf("%d of %d answers are wrong, about %d lines", wrong, len(sample), lines)
	}
}

func (n nation) measureWhoSaw(b *testing.B, x *index.Index) {
	var took []time.Duration
	for i := range 1000 {
		began := time.Now()
		seen, err := x.WhoSaw(b.Context(), personOf(i*7919%n.people()))
		if err != nil {
			b.Fatal(err)
		}
		for _, err := range seen.Entries(b.Context()) {
			if err != nil {
				b.Fatal(err)
			}
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(milliseconds(took[len(took)/2]), "ms-who-saw")
	b.ReportMetric(milliseconds(took[len(took)*99/100]), "ms-who-saw-p99")
}

// selectDistinct lets PostgreSQL answer by itself.
func (n nation) selectDistinct(b *testing.B) {
	server := storetest.StartPostgreSQL(b)
	db, err := sql.Open("pgx", server.Superuser(server.Empty(b)))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // settings are a connection's
	for _, statement := range []string{`set work_mem = '1GB'`, `set maintenance_work_mem = '2GB'`, `set synchronous_commit = off`, n.table(), `create index shown on disclosure (account, at) include (person, fields)`, `vacuum analyze disclosure`} {
		if _, err := db.ExecContext(b.Context(), statement); err != nil {
			b.Fatalf("%s: %v", statement, err)
		}
	}
	var room int64
	if err := db.QueryRowContext(b.Context(), `select pg_total_relation_size('disclosure')`).Scan(&room); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(room)/float64(n.entries), "B/entry")
	for _, q := range questions {
		var people int
		took := fastest(3, func() {
			if err := db.QueryRowContext(b.Context(), q.distinct()).Scan(&people); err != nil {
				b.Fatal(err)
			}
		})
		n.agrees(b, q, people, took)
	}
}

// duckDB lets DuckDB answer, through tools/duckdb, which POTERNE_DUCKDB is the path
// of; without it there is nothing to compare with.
func (n nation) duckDB(b *testing.B) {
	program := os.Getenv("POTERNE_DUCKDB")
	if program == "" {
		b.Skip("POTERNE_DUCKDB does not say where tools/duckdb is built")
	}
	path := filepath.Join(b.TempDir(), "nation.duckdb")
	integers := strings.NewReplacer(" / ", " // ", "generate_series(0::bigint, ", "range(0, 1 + ", ") i\n", ") r(i)\n", "md5(person::text)::uuid", "md5_number(person::text)")
	statements := []string{integers.Replace(n.table()), "checkpoint"}
	for _, q := range questions {
		statements = append(statements, slices.Repeat([]string{q.distinct()}, 3)...)
	}
	run := exec.CommandContext(b.Context(), program, path)
	run.Stdin, run.Stderr = strings.NewReader(strings.Join(statements, ";\n")), os.Stderr
	printed, err := run.Output()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(0, "ns/op")
	if file, err := os.Stat(path); err == nil {
		b.ReportMetric(float64(file.Size())/float64(n.entries), "B/entry")
	}
	lines := slices.Collect(strings.Lines(string(printed)))[2:]
	for i, q := range questions {
		took := time.Duration(math.MaxInt64)
		var people int
		for _, line := range lines[3*i : 3*i+3] {
			var ms int64
			if _, err := fmt.Sscan(line, &ms, &people); err != nil {
				b.Fatal(err)
			}
			took = min(took, time.Duration(ms)*time.Millisecond)
		}
		n.agrees(b, q, people, took)
	}
}

func (n nation) agrees(b *testing.B, q question, people int, took time.Duration) {
	b.ReportMetric(milliseconds(took), "ms-"+q.name)
	b.ReportMetric(float64(people), "people-"+q.name)
	if want := len(n.expected(q.since, q.until)); people != want {
		b.Errorf("%s: it counts %d, the generator knows of %d", q.name, people, want)
	}
}

// distinct is the question in SQL.
func (q question) distinct() string {
	return fmt.Sprintf(`select count(*) from (select distinct person from disclosure where account in ('thief.0', 'thief.1', 'thief.2') and at >= %d and at < %d) p`,
		q.since.UnixMicro(), q.until.UnixMicro())
}

// table is the same ledger, computed by a database; that it is the same, the counts
// show.
func (n nation) table() string {
	return strings.NewReplacer(
		"ENTRIES", strconv.Itoa(n.entries), "PEOPLE", strconv.Itoa(n.people()), "WALKED", strconv.Itoa(n.walked()),
		"QUIET", strconv.Itoa(n.quiet()), "BUSY", strconv.Itoa(n.entries/10*7),
		"BEGINS", strconv.FormatInt(begins.UnixMicro(), 10), "DAY", strconv.FormatInt(day.Microseconds(), 10),
		"STEP1", micros(n.step(20*day, n.quiet())), "STEP2", micros(n.step(30*day, n.entries/10*7)), "STEP3", micros(n.step(10*day, n.entries-n.quiet()-n.entries/10*7)),
		"SCREEN0", strconv.Itoa(int(screen(0))), "SCREEN1", strconv.Itoa(int(screen(1))), "SCREEN2", strconv.Itoa(int(screen(2))),
	).Replace(`
		create table disclosure as
		select i as number, at, account, md5(person::text)::uuid as person,
			case screen % 3 when 0 then SCREEN0 when 1 then SCREEN1 else SCREEN2 end as fields
		from (
			select i,
				BEGINS + case when i < QUIET then i * STEP1 when i < QUIET + BUSY then 20 * DAY + (i - QUIET) * STEP2 else 50 * DAY + (i - QUIET - BUSY) * STEP3 end as at,
				case when stolen then 'thief.' || j % 3 else 'adviser.' || r * r / 50000 * r / 50000 end as account,
				case when stolen then (j % WALKED * 17176967 + 123457) % PEOPLE else ((i * 2654435761) % 4294967296 * PEOPLE) >> 32 end as person,
				case when stolen then j / 3 else i end as screen
			from (
				select i, i * 7919 % 50000 as r, (i - QUIET) / 7 * 4 + (i - QUIET) % 7 as j,
					i >= QUIET and i < QUIET + BUSY and (i - QUIET) % 7 < 4 as stolen
				from generate_series(0::bigint, ENTRIES - 1) i
			) counted
		) told`)
}

func micros(d time.Duration) string { return strconv.FormatInt(d.Microseconds(), 10) }

func milliseconds(d time.Duration) float64 {
	return math.Round(float64(d.Microseconds())/10) / 100
}

// fastest is the shortest of several times: others may be at work on the machine.
func fastest(times int, do func()) time.Duration {
	took := make([]time.Duration, times)
	for i := range took {
		began := time.Now()
		do()
		took[i] = time.Since(began)
	}
	return slices.Min(took)
}

// processor is how much processor time this process has used.
func processor() time.Duration {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// peak is the most memory this process has had since forgetPeak, in megabytes.
func peak() float64 {
	status, _ := os.ReadFile("/proc/self/status")
	var kilobytes float64
	for line := range strings.Lines(string(status)) {
		if _, err := fmt.Sscanf(line, "VmHWM: %f kB", &kilobytes); err == nil {
			break
		}
	}
	return math.Round(kilobytes / 1024)
}

func forgetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o200) }
