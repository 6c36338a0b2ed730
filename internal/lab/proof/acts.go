package proof

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"poterne/internal/lab/tamper"
	"poterne/internal/lab/town/life"
	"poterne/internal/ledger"
	"poterne/internal/store"
)

// OrderNumber is what a terminal prints of an order.
var OrderNumber = regexp.MustCompile(`order ([0-9]+) is in force`)

// Place places an order, as somebody at a terminal does, and returns its number.
func (s *Site) Place(ctx context.Context, order ...string) (n ledger.Number, err error) {
	out, err := s.Poterne(ctx, append([]string{"order", "place", "--config", s.Config, "--as", "samir.cohen", "--because", "the drill"}, order...)...)
	if err != nil {
		return 0, err
	}
	number := OrderNumber.FindStringSubmatch(out)
	if number == nil {
		return 0, fmt.Errorf("no order: %s", out)
	}
	_, err = fmt.Sscan(number[1], &n)
	return n, err
}

// order suspends an account whose answer is under way and will never come. It measures how
// long its next request takes, and from the order's entry until the browser has the refusal
// of the one under way.
func (p *Proof) order(ctx context.Context) ([]Note, error) {
	const times = 5
	account := CrowdStaff[1]
	b, err := p.site.Browser(ctx, account)
	if err != nil {
		return nil, err
	}
	held, crowd := NewHeld(), Crowd()
	defer p.app.to(crowd)
	var took, next []time.Duration
	for range times {
		p.app.to(held)
		type end struct {
			page life.Page
			at   time.Time
			err  error
		}
		ended := make(chan end, 1)
		go func() {
			page, err := b.Get(ctx, "/people/files/"+CrowdID(CrowdOwn))
			ended <- end{page, time.Now(), err}
		}()
		select {
		case <-held.Asked:
		case <-time.After(patience):
			return nil, errors.New("the application was not asked")
		}
		number, err := p.site.Place(ctx, "suspend", "account", string(account))
		if err != nil {
			return nil, err
		}
		p.app.to(crowd) // which answers at once
		begun := time.Now()
		if page, err := b.Get(ctx, "/people/files/"+CrowdID(CrowdOwn)); err != nil || page.Status != http.StatusForbidden {
			return nil, fmt.Errorf("the next request is answered with %d: %w", page.Status, err)
		}
		next = append(next, time.Since(begun))
		var e end
		select {
		case e = <-ended:
		case <-time.After(patience):
			return nil, errors.New("the order did not end the answer under way")
		}
		if e.err != nil || e.page.Status != http.StatusForbidden {
			return nil, fmt.Errorf("the answer under way came with %d: %w", e.page.Status, e.err)
		}
		placed, err := p.entry(ctx, number)
		if err != nil {
			return nil, err
		}
		took = append(took, e.at.Sub(placed.Time))
		if _, err := p.site.Poterne(ctx, "order", "lift", "--config", p.site.Config, "--as", "samir.cohen", "--because", "the drill is over", fmt.Sprint(number)); err != nil {
			return nil, err
		}
	}
	slices.Sort(took)
	slices.Sort(next)
	return []Note{
		note("order-came", "times", times, "half", fine(p, next[times/2]), "worst", fine(p, next[times-1])),
		note("order-cut", "half", milliseconds(took[times/2]), "worst", milliseconds(took[times-1])),
	}, nil
}

// entry reads one entry of the running program's ledger.
func (p *Proof) entry(ctx context.Context, number ledger.Number) (ledger.Entry, error) {
	db, err := p.site.Open(ctx)
	if err != nil {
		return ledger.Entry{}, err
	}
	e, err := store.NewLedger(db).Entry(ctx, number)
	return e, errors.Join(err, db.Close())
}

// Planted is the account that somebody puts into the database.
const Planted = "planted.account"

// Tamperings are what somebody with the database does to a ledger of more than 300 entries,
// and what names it.
var Tamperings = []struct {
	Name  string // the catalogue says what it is: prove.did-NAME
	Do    string // to entries
	Names string // what poterne ledger verify, or poterne audit, says
}{
	{"deleted", `delete from entry where number = 257`, "entry 257: removed"},
	{"altered", `update entry set body = cast(substr(body, 1, length(body) - 1) || x'7a' as blob) where number = 300`, "entry 300: changed"},
	{"swapped", `update entry set number = -1 where number = 5; update entry set number = 5 where number = 6; update entry set number = 6 where number = -1`, "entries 5 to 6: re-ordered"},
}

// tampering keeps a copy, goes on, and has each kind of damage done to copies of what is
// there then: to the database, and to the folder that everybody may verify.
func (p *Proof) tampering(ctx context.Context) (notes []Note, err error) {
	if err := p.signed(ctx); err != nil {
		return nil, err
	}
	p.serve.Stop()
	old := p.folder("copies/before")
	if err := copyOf(p.site.Dir, old); err != nil {
		return nil, err
	}
	folder := p.folder("published")
	publish := func() error {
		_, err := p.site.Poterne(ctx, "ledger", "publish", "--config", p.site.Config, folder)
		return err
	}
	if err := errors.Join(os.MkdirAll(folder, 0o700), publish(), copyOf(folder, p.folder("copies/published-old"))); err != nil {
		return nil, err
	}
	if err := p.again(ctx); err != nil {
		return nil, err
	}
	b, err := p.site.Browser(ctx, CrowdStaff[1])
	if err != nil {
		return nil, err
	}
	for n := range 40 {
		if _, err := b.Get(ctx, "/people/files/"+CrowdID(CrowdOwn+n)); err != nil {
			return nil, err
		}
	}
	if err := p.signed(ctx); err != nil {
		return nil, err
	}
	p.serve.Stop()
	if err := publish(); err != nil {
		return nil, err
	}
	kept := filepath.Join(folder, "checkpoint")
	held := func(n Note, errs ...error) { // a note is of what holds
		if failed := errors.Join(errs...); failed != nil {
			err = errors.Join(err, failed)
			return
		}
		notes = append(notes, n)
	}
	for _, t := range Tamperings {
		dir := p.folder("copies/" + t.Name)
		held(note("did-"+t.Name, "named", t.Names), copyOf(p.site.Dir, dir),
			inDatabase(dir, func(db *sql.DB) error { return tamper.Entries(ctx, db, t.Do) }),
			p.named(ctx, t.Names, "ledger", "verify", "--config", filepath.Join(dir, "poterne.toml")))
	}
	held(note("did-old", "named", "removed"),
		p.sound(ctx, "ledger", "verify", "--config", filepath.Join(old, "poterne.toml")), // by itself it is whole
		p.named(ctx, ": removed", "ledger", "verify", "--config", filepath.Join(old, "poterne.toml"), "--checkpoint", kept))
	const plant = `insert into account (id, organisation, role, name, issuer, provider, subject, opened_us) select $1, organisation, role, 'Planted', issuer, provider, 'planted', opened_us from account where id = $2`
	dir := p.folder("copies/planted")
	held(note("did-planted", "named", Planted+" has no seal"), copyOf(p.site.Dir, dir),
		inDatabase(dir, func(db *sql.DB) error {
			_, err := db.ExecContext(ctx, plant, Planted, string(CrowdStaff[0]))
			return err
		}),
		p.named(ctx, Planted+"  has no seal", "audit", "--config", filepath.Join(dir, "poterne.toml")))
	damaged := []error{p.named(ctx, "which are not here", "ledger", "verify-copy", "--key", p.key(), "--checkpoint", kept, p.folder("copies/published-old"))}
	for _, damage := range Damages {
		copied := p.folder("copies/published-" + damage.Name)
		damaged = append(damaged, copyOf(folder, copied), damage.Do(copied), p.named(ctx, "", "ledger", "verify-copy", "--key", p.key(), copied))
	}
	held(note("did-copies", "count", len(Damages)+1), damaged...)
	held(note("did-nothing"), p.sound(ctx, "ledger", "verify-copy", "--key", p.key(), "--checkpoint", kept, folder),
		p.sound(ctx, "audit", "--config", p.site.Config), p.sound(ctx, "ledger", "verify", "--config", p.site.Config, "--checkpoint", kept))
	return notes, errors.Join(err, p.again(ctx))
}

// Damages are what is done to copies of a published folder, in the first bundle of entries.
var Damages = []struct {
	Name string
	Do   func(folder string) error
}{
	{"deleted", onBundle(func(b []byte) []byte { return b[bundled:] })},
	{"altered", onBundle(func(b []byte) []byte { b[5*bundled+10] ^= 1; return b })},
	{"swapped", onBundle(func(b []byte) []byte {
		one := slices.Clone(b[5*bundled : 6*bundled])
		copy(b[5*bundled:], b[6*bundled:7*bundled])
		copy(b[6*bundled:], one)
		return b
	})},
	{"planted", onBundle(func(b []byte) []byte {
		return append(binary.BigEndian.AppendUint16(slices.Clone(b[:5*bundled]), 32), append(make([]byte, 32), b[6*bundled:]...)...)
	})},
	{"resigned", func(folder string) error {
		path := filepath.Join(folder, "checkpoint")
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		lines := strings.SplitN(string(text), "\n", 4)
		lines[2] = base64.StdEncoding.EncodeToString(make([]byte, 32))
		return os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600)
	}},
}

const bundled = 2 + 32 // bytes of an entry in its bundle: its length, its commitment

// onBundle changes the first bundle of entries.
func onBundle(change func([]byte) []byte) func(string) error {
	return func(folder string) error {
		path := filepath.Join(folder, "tile", "entries", "000")
		bundle, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.Chmod(path, 0o600); err != nil {
			return err
		}
		return os.WriteFile(path, change(bundle), 0o600)
	}
}

// key is the public half of the key that signs checkpoints.
func (p *Proof) key() string { return filepath.Join(p.site.Dir, "checkpoint.pub") }

// inDatabase does something to a copy, past the program.
func inDatabase(dir string, do func(*sql.DB) error) error {
	db, err := sql.Open("sqlite", filepath.Join(dir, "poterne.db"))
	if err != nil {
		return err
	}
	return errors.Join(do(db), db.Close())
}

// named wants a command to answer no, with these words.
func (p *Proof) named(ctx context.Context, words string, command ...string) error {
	_, err := p.site.Poterne(ctx, command...)
	said, no := errors.AsType[Said](err)
	if !no || said.Code != 1 || !strings.Contains(said.Output, words) {
		return fmt.Errorf("poterne %s should say %q: %w", strings.Join(command, " "), words, err)
	}
	return nil
}

// sound wants a command to answer yes.
func (p *Proof) sound(ctx context.Context, command ...string) error {
	_, err := p.site.Poterne(ctx, command...)
	return err
}

// signed waits until the newest entry is under a signed checkpoint.
func (p *Proof) signed(ctx context.Context) error {
	end, err := p.end(ctx)
	if err != nil {
		return err
	}
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(20 * time.Millisecond) {
		answer, err := http.Get(p.site.Origin + "/.poterne/ledger/checkpoint")
		if err != nil {
			return err
		}
		text, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		var size ledger.Number
		if lines := strings.Split(string(text), "\n"); err == nil && len(lines) > 1 {
			if _, err := fmt.Sscan(lines[1], &size); err == nil && size >= end {
				return nil
			}
		}
	}
	return errors.New("no checkpoint comes for the newest entry")
}

// end is how many entries there are.
func (p *Proof) end(ctx context.Context) (ledger.Number, error) {
	db, err := p.site.Open(ctx)
	if err != nil {
		return 0, err
	}
	end, err := store.NewLedger(db).FirstAt(ctx, time.Now().AddDate(1000, 0, 0)) // beyond every entry
	return end, errors.Join(err, db.Close())
}

// copyOf copies a folder; what its owner alone may read, their own copy alone.
func copyOf(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(to, below), 0o700)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, below), text, 0o600)
	})
}
