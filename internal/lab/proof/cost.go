package proof

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"poterne/internal/journal"
	"poterne/internal/lab/town/life"
	"poterne/internal/store"
)

// cost measures what passages cost on this machine, beside an application that answers at
// once, and how long a start takes with what they left in the ledger.
func (p *Proof) cost(ctx context.Context) ([]Note, error) {
	const singles, together, lists = 400, 16, 30 // lists of each of them
	p.app.to(crowd(CrowdOwn, ""))
	defer p.app.to(Crowd())
	b, err := p.site.Browser(ctx, CrowdStaff[1])
	if err != nil {
		return nil, err
	}
	var took []time.Duration
	for n := range singles {
		begun := time.Now()
		if _, err := b.Get(ctx, "/people/files/"+CrowdID(CrowdOwn+n%CrowdOwn)); err != nil {
			return nil, err
		}
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	begun := time.Now()
	var asking sync.WaitGroup
	failed := make([]error, together)
	for i := range together {
		member := i % len(CrowdStaff)
		browser := b
		if member != 1 {
			if browser, err = p.site.Browser(ctx, CrowdStaff[member]); err != nil {
				return nil, err
			}
		}
		asking.Go(func() { failed[i] = readLists(ctx, browser, member, lists) })
	}
	asking.Wait()
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	spent := time.Since(begun)
	shown := together * lists * CrowdOwn
	if err := p.signed(ctx); err != nil {
		return nil, err
	}
	p.serve.Stop()
	begun = time.Now()
	if err := p.again(ctx); err != nil {
		return nil, err
	}
	start := time.Since(begun)
	entries, whole, err := p.readAgain(ctx)
	if err != nil {
		return nil, err
	}
	about, err := os.Stat(p.site.Database())
	if err != nil {
		return nil, err
	}
	return []Note{
		note("cost-one", "half", fine(p, took[singles/2]), "most", fine(p, took[singles*99/100])),
		note("cost-many", "rate", int(float64(shown)/spent.Seconds()), "shown", shown, "cores", runtime.NumCPU()),
		note("cost-start", "entries", entries, "as", milliseconds(start), "whole", milliseconds(whole), "million", p.In.Decimal(whole.Seconds()/float64(entries)*1e6, 1)),
		note("cost-disk", "bytes", int(about.Size())/entries),
	}, nil
}

// readLists goes through one's own list again and again.
func readLists(ctx context.Context, b *life.Browser, member, times int) error {
	for range times {
		page, err := b.Get(ctx, fmt.Sprintf("/people/list?from=%d", member*CrowdOwn))
		if err != nil {
			return err
		}
		people := 0
		for range Rows(page.Body) {
			people++
		}
		if people != CrowdOwn {
			return fmt.Errorf("status %d, with %d people in a list of %d", page.Status, people, CrowdOwn)
		}
	}
	return nil
}

// fine is a time in milliseconds, to a tenth.
func fine(p *Proof, d time.Duration) string {
	return p.In.Decimal(float64(d)/float64(time.Millisecond), 1)
}

// readAgain measures what a start takes that finds nothing of its state: it reads every
// entry of four weeks, which here are all of them.
func (p *Proof) readAgain(ctx context.Context) (entries int, took time.Duration, err error) {
	db, err := p.site.Open(ctx)
	if err != nil {
		return 0, 0, err
	}
	begun := time.Now()
	_, err = journal.Open(ctx, store.NewLedger(db), nil, time.Now)
	took = time.Since(begun)
	end, failed := store.NewLedger(db).FirstAt(ctx, time.Now().AddDate(1000, 0, 0)) // beyond every entry
	return int(end), took, errors.Join(err, failed, db.Close())
}
