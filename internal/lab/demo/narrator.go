package demo

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"poterne/internal/i18n"
	"poterne/internal/journal"
	"poterne/internal/lab/town/life"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// commit plays an attack in real time against the demonstration's own address, says
// what the ledger tells of it as it happens, and what came of it. It leaves in dir what
// the thieves have.
func (a theft) commit(ctx context.Context, dir string, out io.Writer, in i18n.Language, invented *world, portal string, j *journal.Journal) error {
	thieves := a.thieves(invented)
	n := newNarrator(out, in, thieves)
	fmt.Fprintf(out, "\n%s\n\n", a.about(in))
	listening, stop := context.WithCancel(ctx)
	defer stop()
	from := j.Next()
	var told errgroup.Group
	told.Go(func() error { return n.follow(listening, j, from) })

	var all errgroup.Group
	taken := loot{kept: []byte("account,identifier\n")}
	for _, t := range thieves {
		t.Portal, t.Took = portal, func(person string) { taken.add(t.Account, person) }
		all.Go(func() error { return t.Steal(ctx) })
	}
	if err := all.Wait(); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, lootFile), taken.kept, 0o600); err != nil {
		return err
	}
	n.until(ctx, j.Next())
	stop()
	if err := told.Wait(); err != nil {
		return err
	}
	n.sum(portal)
	return nil
}

// lootFile is what the thieves have, by the answers they were given: the list of an
// incident can be held against it.
const lootFile = "loot.csv"

type loot struct {
	mu   sync.Mutex // guards kept
	kept []byte
}

func (l *loot) add(account roster.AccountID, person string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = fmt.Appendf(l.kept, "%s,%s\n", account, person)
}

// narrator says what the ledger tells of some accounts: each person seen, and each
// new ground for a refusal.
type narrator struct {
	out     io.Writer
	in      i18n.Language
	begun   time.Time
	read    chan ledger.Number // how far it has read, for until
	said    map[roster.AccountID]map[policy.Why]bool
	seen    map[register.PersonID]bool // strangers
	inside  map[register.PersonID]bool // people whom a fact explains
	frozen  map[roster.AccountID]bool
	asked   int
	newest  time.Duration // when the last stranger was seen
	stopped time.Duration // when the last account was frozen
}

func newNarrator(out io.Writer, in i18n.Language, thieves []life.Thief) *narrator {
	n := &narrator{
		out: out, in: in, begun: time.Now(), read: make(chan ledger.Number, 1), said: make(map[roster.AccountID]map[policy.Why]bool),
		seen: make(map[register.PersonID]bool), inside: make(map[register.PersonID]bool), frozen: make(map[roster.AccountID]bool),
	}
	for _, t := range thieves {
		n.said[t.Account] = make(map[policy.Why]bool)
	}
	return n
}

// follow reads on in the ledger until ctx ends.
func (n *narrator) follow(ctx context.Context, j *journal.Journal, from ledger.Number) error {
	n.read <- from
	for entry, err := range j.Follow(ctx, from) {
		if err != nil {
			return fmt.Errorf("following the ledger: %w", err)
		}
		n.hear(entry)
		select {
		case <-n.read: // nobody has asked since
		default:
		}
		n.read <- entry.Number + 1
	}
	return nil
}

// until waits for everything before an entry to be read.
func (n *narrator) until(ctx context.Context, next ledger.Number) {
	for {
		select {
		case <-ctx.Done():
			return
		case read := <-n.read:
			if read >= next {
				return
			}
		}
	}
}

// hear takes in an entry, and says it when something changes.
func (n *narrator) hear(e ledger.Entry) {
	at := e.Time.Sub(n.begun)
	if e.Kind == ledger.Placed && e.Account == journal.Itself {
		account := roster.AccountID(e.Target)
		if n.said[account] != nil && e.Effect == order.Frozen {
			n.frozen[account], n.stopped = true, at
			n.say(at, account, n.in.Say("demo.freezes"))
		}
		if e.Effect == order.Narrowed { // next to a theft
			n.say(at, account, n.in.Say("demo.narrows"))
		}
		return
	}
	said := n.said[e.Account]
	if said == nil || e.Kind != ledger.Consulted && e.Kind != ledger.Changed && e.Kind != ledger.Attempted {
		return
	}
	n.asked++
	switch {
	case e.Why == policy.Granted: // about nobody
		return
	case e.Disclosed() && e.Cost == 0:
		n.inside[e.Person] = true
		return
	}
	fresh := e.Disclosed() && !n.seen[e.Person]
	if fresh {
		n.seen[e.Person], n.newest = true, at
	}
	if fresh || !said[e.Why] {
		sentence, _, _ := strings.Cut(n.in.Sentence(e.Ruling()), ". ")
		n.say(at, e.Account, shapes[e.Verdict]+" "+strings.TrimSuffix(sentence, ".")+".")
	}
	said[e.Why] = true
}

// shapes are those of the verdicts, as on the pages.
var shapes = map[policy.Verdict]string{
	policy.Shown: "●", policy.Masked: "◐", policy.Withheld: "◌", policy.AskIdentity: "◇", policy.AskStepUp: "◇", policy.AskCosign: "◇",
	policy.Refused: "▢", policy.Freeze: "▣",
}

func (n *narrator) say(at time.Duration, account roster.AccountID, what string) {
	fmt.Fprintf(n.out, "  %6s s  %-18s %s\n", n.seconds(at), account, what)
}

// seconds writes a span to the tenth.
func (n *narrator) seconds(span time.Duration) string { return n.in.Decimal(span.Seconds(), 1) }

// sum says what came of the attack.
func (n *narrator) sum(portal string) {
	fmt.Fprint(n.out, n.in.Say("demo.end", "seen", len(n.seen), "asked", n.asked, "seconds", n.seconds(max(n.newest, n.stopped)),
		"inside", len(n.inside), "frozen", len(n.frozen), "accounts", len(n.said), "portal", portal))
}
