package journal

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"poterne/internal/ledger"
)

// A follower is woken at once where little is written, and seldom where much is; it always hears of
// the last entry.
func TestFollowersAreWokenAtOnceOrForManyTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal(nil, time.Now)
		var woken, sees atomic.Int64
		go func() {
			for {
				j.mu.RLock()
				upTo, news := j.recent.upTo, j.news
				j.mu.RUnlock()
				sees.Store(int64(upTo))
				select {
				case <-news:
					woken.Add(1)
				case <-t.Context().Done():
					return
				}
			}
		}()
		turns := func(upTo ledger.Number) {
			j.mu.Lock()
			defer j.mu.Unlock()
			j.recent.upTo = upTo
			j.tell()
		}
		hears := func(of int64, when string) {
			t.Helper()
			if synctest.Wait(); sees.Load() != of {
				t.Errorf("%s, %d entries of %d were heard of", when, sees.Load(), of)
			}
		}
		synctest.Wait()
		turns(1)
		hears(1, "at once")
		const many = 1000
		for n := range ledger.Number(many) {
			time.Sleep(time.Millisecond)
			turns(n + 2)
		}
		time.Sleep(gathering)
		hears(many+1, "a moment after the last of many turns")
		if most := int64(many*time.Millisecond/gathering) + 2; woken.Load() > most {
			t.Errorf("woken %d times for a thousand turns in a second; %d are enough", woken.Load(), most)
		}
		time.Sleep(gathering)
		turns(many + 2)
		hears(many+2, "at once, after a pause")
	})
}
