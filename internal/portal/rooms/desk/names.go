package desk

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"poterne/internal/portal"
	"poterne/internal/roster"
)

// names remembers all accounts and organisations, for whoever is at the desk: there may be
// tens of thousands of accounts, and each is held against its seal when it is read. They are
// read anew in a new generation; where that takes long, in the background, and pages make do
// with what was read before. It is safe to share.
type names struct {
	roster     Roster
	generation func() uint64

	reading chan struct{} // held by whoever reads

	mu   sync.Mutex // guards what follows
	last *namesRead // nil: nothing was read yet
}

// namesRead is all accounts and organisations, as they were in a generation.
type namesRead struct {
	portal.Named
	accounts      []roster.Account      // by organisation and name
	organisations []roster.Organisation // by name
	generation    uint64
	at            time.Time     // when they had been read
	took          time.Duration // to read them
}

const (
	namesAtOnce = 50 * time.Millisecond // what takes no longer is read while a page waits
	namesRest   = 20                    // times as long as the reading took, nothing is read again
	namesEvery  = time.Second           // how often the background looks for a new generation
)

func newNames(r Roster, generation func() uint64) *names {
	return &names{roster: r, generation: generation, reading: make(chan struct{}, 1)}
}

// known returns all names: those of this generation, or of some seconds ago where there are
// many.
func (n *names) known(ctx context.Context) (*namesRead, error) {
	if last := n.before(); last != nil && (last.generation == n.generation() || last.took > namesAtOnce) {
		return last, nil
	}
	return n.read(ctx)
}

// before returns what was read last.
func (n *names) before() *namesRead {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.last
}

// read reads the names, unless somebody else has read those of this generation meanwhile.
func (n *names) read(ctx context.Context) (*namesRead, error) {
	select {
	case n.reading <- struct{}{}:
		defer func() { <-n.reading }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	generation, began := n.generation(), time.Now()
	if last := n.before(); last != nil && last.generation == generation {
		return last, nil
	}
	accounts, err := n.roster.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	organisations, err := n.roster.Organisations(ctx)
	if err != nil {
		return nil, err
	}
	read := &namesRead{Named: portal.ByID(accounts, organisations), accounts: accounts, organisations: organisations, generation: generation, took: time.Since(began)}
	read.at = time.Now()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.last = read
	return read, nil
}

// run reads names anew in the background until ctx ends, the first time at once, so that no
// page waits for many.
func (n *names) run(ctx context.Context, log *slog.Logger) error {
	for ctx.Err() == nil {
		last := n.before()
		if last == nil || last.generation != n.generation() && time.Since(last.at) >= namesRest*last.took {
			if _, err := n.read(ctx); err != nil && ctx.Err() == nil {
				log.WarnContext(ctx, "the desk could not read what accounts are called", slog.Any("err", err))
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(namesEvery):
		}
	}
	return nil
}
