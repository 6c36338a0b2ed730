package app

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"poterne/internal/accounts"
	"poterne/internal/audit"
	"poterne/internal/config"
	"poterne/internal/config/configtest"
	"poterne/internal/containment"
	"poterne/internal/i18n"
	"poterne/internal/installed"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// A configuration that is refused late leaves the program in charge as it was: it still hears of
// rows that no node wrote.
//
// Promise: RUN-5
func TestRUN_5_AConfigurationThatIsRefusedLeavesTheProgramInCharge(t *testing.T) {
	first, o := assembled(t)
	heard := 0
	o.DB.OnBroken(func(audit.Row) { heard++ })
	if _, err := (containment.Service{Writer: o.Writer()}).Place(t.Context(), order.Order{Effect: order.Narrowed, Reach: order.Organisation, Target: "ccas", By: "samir"}); err != nil {
		t.Fatal(err)
	}
	bad := o.under(o.Settings)
	bad.AccessLog = filepath.Join(t.TempDir(), "nowhere", "access.log")
	if _, err := assemble(t.Context(), bad, first, slog.New(slog.DiscardHandler)); err == nil {
		t.Fatal("a log that cannot be written is written")
	}
	db, err := sql.Open("sqlite", o.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "update standing_order set seal = x'00'"); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Orders.InForce(t.Context()); err != nil {
		t.Fatal(err)
	}
	if heard != 1 {
		t.Errorf("the program in charge hears %d times of a row that no node wrote", heard)
	}
}

// nodeOf returns a node in charge of a program that goes by a file, until it leaves.
func nodeOf(t *testing.T, file string) (h *node, ctx context.Context, leave context.CancelFunc) {
	t.Helper()
	s, err := config.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	o, err := Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Close() })
	first, err := Assemble(t.Context(), o, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave = context.WithCancel(t.Context())
	h = &node{succession: succession{log: slog.New(slog.DiscardHandler), now: &term{Program: first, end: func() {}}}, file: file, opened: o}
	h.group, h.living = errgroup.WithContext(ctx)
	return h, ctx, leave
}

// A configuration that is refused late leaves nothing in the ledger either: not the categories that it
// declares, nor how long it would keep entries.
//
// Promises: RUN-5, RUN-10
func TestRUN_5_AConfigurationThatIsRefusedLeavesNothingWritten(t *testing.T) {
	file := filepath.Join(configtest.Secrets(t), "poterne.toml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	land := configtest.Land(config.Example)
	write(land)
	h, _, leave := nodeOf(t, file)
	defer leave()
	o := h.opened
	held := func() (entries int, categories int) {
		for _, err := range o.Ledger.Entries(t.Context(), 0) {
			if err != nil {
				t.Fatal(err)
			}
			entries++
		}
		known, err := store.NewGlossary(o.DB).Known(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return entries, len(known.Categories)
	}
	entries, categories := held()
	const more = "[[field]]\nid = \"fence\"\nnumber = 1\ncounts_as = \"other\"\nname_fr = \"clôture\"\nname_en = \"the fence\"\nyours_en = \"your fence\"\n\n"
	longer := strings.NewReplacer("months = 12\nreason = \"\"", "months = 18\nreason = \"a study\"", "yours_en = \"your holder\"\n\n", "yours_en = \"your holder\"\n\n"+more).Replace(land)
	write(strings.Replace(longer, "\n[[field]]", "\n[access_log]\nfile = \""+filepath.Join(t.TempDir(), "nowhere", "access.log")+"\"\n\n[[field]]", 1))
	if err := h.reload(t.Context()); err == nil || !strings.Contains(err.Error(), "access") {
		t.Fatalf("a log that cannot be written: %v", err)
	}
	if n, c := held(); n != entries || c != categories {
		t.Errorf("a configuration that is refused leaves %d entries and %d categories, where %d and %d were", n, c, entries, categories)
	}
	write(strings.Replace(longer, "number = 1\n", "number = 24\n", 1))
	if err := h.reload(t.Context()); err == nil {
		t.Fatal("a number comes to mean another thing")
	}
	if n, c := held(); n != entries || c != categories {
		t.Errorf("a number that is taken leaves %d entries and %d categories, where %d and %d were", n, c, entries, categories)
	}
	write(longer)
	if err := h.reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, c := held(); n < entries+3 || c != categories+1 {
		t.Errorf("a configuration that is taken up leaves %d entries and %d categories, where %d and %d were", n, c, entries, categories)
	}
	write(land)
	if err := h.reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if name := h.opened.Rules.Categories.Of(1).Name(i18n.English); name != "the fence" {
		t.Errorf("a category that is gone is read as %q", name)
	}
	leave()
	if err := h.group.Wait(); err != nil {
		t.Error(err)
	}
}

// A node whose file says what nobody allowed goes by what two people allowed last once it reads its file anew, as a
// start does: whoever edits the file does not keep it at what was in force before.
//
// Promises: RIGHTS-1, RUN-11
func TestRIGHTS_1_ANodeThatReadsAFileThatNobodyAllowedGoesByWhatWasAllowed(t *testing.T) {
	file := filepath.Join(configtest.Secrets(t), "poterne.toml")
	says := func(mail string) config.Settings {
		t.Helper()
		text := strings.NewReplacer("# [configuration]\n# by_two = true", "[configuration]\nby_two = true", `mail = ["garde@registre.example"]`, "mail = [\""+mail+"\"]").Replace(config.Example)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := config.Read(file)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	first := says("garde@registre.example")
	o, err := Open(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Close() })
	p, err := Assemble(t.Context(), o, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range []accounts.List{storetest.Staff(), storetest.Signers()} {
		if err := storetest.TakeRosterBy(t, o.Writer(), list); err != nil {
			t.Fatal(err)
		}
	}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	h := &node{succession: succession{log: slog.New(slog.DiscardHandler), now: &term{Program: p, end: func() {}}}, file: file, opened: o}
	h.group, h.living = errgroup.WithContext(ctx)
	if err := h.reload(t.Context()); err != nil { // which takes it as the first
		t.Fatal(err)
	}

	agreed := says("nuit@registre.example")
	if said := h.takeUp(t.Context()); !strings.Contains(said.Error, "it waits for them at") || h.opened.Deciding.Digest != first.Deciding.Digest {
		t.Errorf("it goes by what nobody allowed: %+v", said)
	}
	changes := o.changes(o.Writer())
	waiting, err := changes.Waiting(t.Context())
	if err != nil || len(waiting) != 1 {
		t.Fatalf("there wait %+v, %v", waiting, err)
	}
	for _, id := range []roster.AccountID{"samir", "nadia"} {
		if err := journal.Record(t.Context(), o.Writer(), ledger.Entry{Kind: ledger.SteppedUp, Account: id}); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(changes.Sign(t.Context(), installed.Sign{Number: waiting[0].Number, By: "samir", Because: "convenu"}), changes.Allow(t.Context(), waiting[0].Number, "nadia")); err != nil {
		t.Fatal(err)
	}
	for _, mail := range []string{"thief@registre.example", "garde@registre.example"} {
		says(mail)
		said := h.takeUp(t.Context())
		if !strings.HasPrefix(said.Error, "the file is refused: this node goes by what two people allowed last") || h.opened.Deciding.Digest != agreed.Deciding.Digest || !h.refused.Load() {
			t.Errorf("with %s in its file it says %+v, and goes by %s", mail, said, h.opened.Deciding.Digest)
		}
	}
	leave()
	if err := h.group.Wait(); err != nil {
		t.Error(err)
	}
}

// A start that fails after all was read, for its address is taken, leaves nothing in the ledger: neither
// categories nor how long it would keep entries.
//
// Promise: RUN-5
func TestRUN_5_AStartThatFailsLeavesNothingWritten(t *testing.T) {
	file := filepath.Join(configtest.Secrets(t), "poterne.toml")
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	land := configtest.Land(config.Example)
	write := func(text string) config.Settings {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := config.Read(file)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	held := func(o *Opened) (entries, categories int) {
		for _, err := range o.Ledger.Entries(t.Context(), 0) {
			if err != nil {
				t.Fatal(err)
			}
			entries++
		}
		known, err := store.NewGlossary(o.DB).Known(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return entries, len(known.Categories)
	}
	s := write(land)
	o, err := Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Assemble(t.Context(), o, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	entries, categories := held(o)
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	const more = "[[field]]\nid = \"fence\"\nnumber = 1\ncounts_as = \"other\"\nname_fr = \"clôture\"\nname_en = \"the fence\"\nyours_en = \"your fence\"\n\n"
	s = write(strings.NewReplacer("months = 12\nreason = \"\"", "months = 18\nreason = \"a study\"", "yours_en = \"your holder\"\n\n", "yours_en = \"your holder\"\n\n"+more, "127.0.0.1:8080\"", taken.Addr().String()+"\"").Replace(land))
	if err := Serve(t.Context(), file, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "listening") {
		t.Fatalf("an address that is taken: %v", err)
	}
	if o, err = Open(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Close() })
	if n, c := held(o); n != entries || c != categories {
		t.Errorf("a start that fails leaves %d entries and %d categories, where %d and %d were", n, c, entries, categories)
	}
}

// Promise: RUN-5
func TestRUN_5_NothingStaysOfProgramsThatWereRelieved(t *testing.T) {
	first, o := assembled(t)
	public, err := listen(t.Context(), "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	s := &succession{log: slog.New(slog.DiscardHandler)}
	take, done := make(chan *Program), make(chan error, 1)
	go func() {
		done <- s.serve(ctx, first, doors{public: public}, func(ctx context.Context) error {
			for {
				select {
				case <-ctx.Done():
					return nil
				case p := <-take:
					s.take(p)
				}
			}
		})
	}()
	last := first
	relieve := func(times int) {
		for range times {
			last = next(t, o, last)
			take <- last
			if code, _ := ask("http://" + public.Addr().String() + "/healthz"); code != http.StatusOK {
				t.Errorf("a program that took over answers %d", code)
			}
		}
	}
	relieve(2)
	settled := func() (count int) { // once nothing ends any more
		for same := 0; same < 40; time.Sleep(10 * time.Millisecond) {
			http.DefaultClient.CloseIdleConnections()
			if now := runtime.NumGoroutine(); now == count {
				same++
			} else {
				count, same = now, 0
			}
		}
		return count
	}
	before := settled()
	const reloads = 50
	relieve(reloads)
	if after := settled(); after > before+reloads/2 {
		text := make([]byte, 1<<20)
		t.Errorf("%d goroutines after %d reloads, %d before:\n%s", after, reloads, before, text[:runtime.Stack(text, true)])
	}
	leave()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
