package proof

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"poterne/internal/lab/town/life"
	"poterne/internal/roster"
)

// allowance asks for two hundred strangers at once, in ten browsers of one account, and
// for two hundred others after a kill.
func (p *Proof) allowance(ctx context.Context) ([]Note, error) {
	const sessions, asked = 10, 200
	account := CrowdStaff[0]
	browsers := make([]*life.Browser, sessions)
	for i := range browsers {
		var err error
		if browsers[i], err = p.site.Browser(ctx, account); err != nil {
			return nil, err
		}
	}
	first, answers := atOnce(ctx, browsers, account, 0, asked)
	p.serve.Kill()
	if err := p.again(ctx); err != nil {
		return nil, err
	}
	second, more := atOnce(ctx, browsers, account, asked, asked)
	p.serve.Kill()
	err := p.check(ctx, append(answers, more...))
	if err == nil {
		err = p.again(ctx)
	}
	if err == nil && (first != CrowdHour || second != 0) {
		err = fmt.Errorf("%d strangers were received, and %d after a restart; the allowance is %d", first, second, CrowdHour)
	}
	return []Note{note("allowance-came", "asked", asked, "shown", first, "allowance", CrowdHour, "again", second)}, err
}

// atOnce opens strangers' files, all at the same time. It returns how many were received.
func atOnce(ctx context.Context, browsers []*life.Browser, account roster.AccountID, from, count int) (received int, answers []Answer) {
	var mu sync.Mutex // guards received and answers
	var asking sync.WaitGroup
	begin := make(chan struct{})
	for n := range count {
		asking.Go(func() {
			<-begin
			page, err := browsers[n%len(browsers)].Get(ctx, "/people/files/"+stranger(from+n))
			mu.Lock()
			defer mu.Unlock()
			answers = append(answers, Answer{account, page, err != nil})
			for range Rows(page.Body) {
				received++
			}
		})
	}
	close(begin)
	asking.Wait()
	return received, answers
}

// exactly lets a thief take what an account can be made to give, then asks the ledger who
// that was.
func (p *Proof) exactly(ctx context.Context) ([]Note, error) {
	const strangers = 300
	account := CrowdStaff[2]
	thief, err := p.site.Browser(ctx, account)
	if err != nil {
		return nil, err
	}
	bag, outside := make(map[string]bool), 0
	take := func(path string) error {
		page, err := thief.Get(ctx, path)
		for id := range Rows(page.Body) {
			bag[p.site.Key.Person(id).Hex()] = true
		}
		return err
	}
	for from := 2 * CrowdOwn; from < 3*CrowdOwn; from += CrowdList {
		if err := take(fmt.Sprintf("/people/list?from=%d", from)); err != nil {
			return nil, err
		}
	}
	own := len(bag)
	for n := range strangers {
		if err := take("/people/files/" + stranger(CrowdSize-1-n)); err != nil {
			return nil, err
		}
	}
	outside = len(bag) - own
	begun := time.Now()
	out, err := p.site.Poterne(ctx, "ledger", "shown-to", "--config", p.site.Config, "--as", "nadia", "--account", string(account), "--json")
	took := time.Since(begun)
	if err != nil {
		return nil, err
	}
	listed := make(map[string]bool)
	for line := range strings.Lines(out) {
		var shown struct{ Person string }
		if json.Unmarshal([]byte(line), &shown) == nil && shown.Person != "" {
			listed[shown.Person] = true
		}
	}
	missing, extra := len(bag), 0
	for person := range listed {
		if bag[person] {
			missing--
		} else {
			extra++
		}
	}
	if missing+extra > 0 || outside > CrowdHour {
		err = fmt.Errorf("the ledger lists %d people, the thief has %d: %d are missing, %d too many; %d are strangers", len(listed), len(bag), missing, extra, outside)
	}
	return []Note{note("exactly-came", "bag", len(bag), "own", own, "strangers", outside, "asked", strangers, "took", milliseconds(took))}, err
}

// kills lets everybody work and kills the program in the midst of it, again and again.
func (p *Proof) kills(ctx context.Context) ([]Note, error) {
	p.serve.Kill()
	done, err := Killed(ctx, p.site, p.after, p.Kills)
	if err == nil {
		err = p.again(ctx)
	}
	return []Note{note("kill-came", "kills", done.Kills, "answers", done.Answers, "broken", done.Broken, "people", done.People, "entries", int(p.after.Next))}, err
}

// Toll is what came of kills.
type Toll struct {
	Kills   int
	Answers int // that were received, all of them or in part
	Broken  int // in part
	People  int // in them
}

// Killed starts a site's program, lets everybody work, kills it at some moment in the midst
// of that, and holds what was received against the ledger: so many times, or until
// something does not hold. The program is not running before and after.
func Killed(ctx context.Context, s *Site, after *Aftermath, kills int) (toll Toll, err error) {
	var crew []*life.Browser // of CrowdStaff, in their order; sessions outlive the program
	for toll.Kills < kills {
		child, err := s.Serve(ctx)
		if err != nil {
			return toll, err
		}
		for _, account := range CrowdStaff[len(crew):] {
			b, err := s.Browser(ctx, account)
			if err != nil {
				child.Kill()
				return toll, err
			}
			crew = append(crew, b)
		}
		answers, err := workUntil(ctx, crew, child, 1+rand.IntN(40))
		if err != nil {
			return toll, err
		}
		toll.Kills++
		toll.count(answers)
		if err := after.Check(ctx, s, answers); err != nil {
			return toll, fmt.Errorf("after kill %d: %w", toll.Kills, err)
		}
		if _, err := s.Poterne(ctx, "ledger", "verify", "--config", s.Config); err != nil {
			return toll, fmt.Errorf("after kill %d: %w", toll.Kills, err)
		}
	}
	return toll, nil
}

func (t *Toll) count(answers []Answer) {
	for _, answer := range answers {
		t.Answers++
		if answer.Broken {
			t.Broken++
		}
		for range Rows(answer.Page.Body) {
			t.People++
		}
	}
}

// workUntil lets everybody work until so many answers were received, kills the program at
// some moment of what is under way then, and returns everything that was received.
func workUntil(ctx context.Context, crew []*life.Browser, child *Child, received int) (answers []Answer, err error) {
	w := working(ctx, crew)
	late := time.After(patience)
	for range received {
		select {
		case <-w.received:
		case <-child.Done:
			return w.stop(), fmt.Errorf("poterne ended by itself: %w\n%s", child.Err(), child.Output)
		case <-late:
			child.Kill()
			return w.stop(), fmt.Errorf("nobody receives anything any more")
		}
	}
	time.Sleep(rand.N(3 * time.Millisecond)) // any moment of what is under way
	child.Kill()
	return w.stop(), nil
}

// work is a crew at work.
type work struct {
	received chan struct{} // something was, or was refused
	leave    context.CancelFunc
	hands    sync.WaitGroup

	mu      sync.Mutex // guards answers
	answers []Answer
}

func working(ctx context.Context, crew []*life.Browser) *work {
	ctx, leave := context.WithCancel(ctx)
	w := &work{received: make(chan struct{}), leave: leave}
	for i, browser := range crew {
		for range crowdWorkers {
			w.hands.Go(func() {
				for ctx.Err() == nil {
					page, err := browser.Get(ctx, anyRequest(i))
					if len(page.Body) == 0 {
						time.Sleep(time.Millisecond) // it was killed before
						continue
					}
					w.mu.Lock()
					w.answers = append(w.answers, Answer{CrowdStaff[i], page, err != nil})
					w.mu.Unlock()
					select {
					case w.received <- struct{}{}:
					case <-ctx.Done():
					}
				}
			})
		}
	}
	return w
}

// stop ends the working day and returns what was received.
func (w *work) stop() []Answer {
	w.leave()
	w.hands.Wait()
	return w.answers
}

// milliseconds is how long something took, to the millisecond.
func milliseconds(d time.Duration) int { return int(d.Round(time.Millisecond) / time.Millisecond) }

// fullDisk takes the room away under work, gives it back, and holds what was received
// against the ledger.
func (p *Proof) fullDisk(ctx context.Context) ([]Note, error) {
	var crew []*life.Browser
	for _, account := range CrowdStaff {
		b, err := p.site.Browser(ctx, account)
		if err != nil {
			return nil, err
		}
		crew = append(crew, b)
	}
	w := working(ctx, crew)
	some := func(count int) error {
		for range count {
			select {
			case <-w.received:
			case <-p.serve.Done:
				return nil // it may end: nobody is shown anything then either
			case <-time.After(patience):
				return fmt.Errorf("nobody receives anything any more")
			}
		}
		return nil
	}
	if err := some(30); err != nil {
		w.stop()
		return nil, err
	}
	if err := limitFiles(p.serve.PID(), 0); err != nil {
		w.stop()
		return []Note{note("disk-not-here")}, nil
	}
	full := time.Now()
	err := some(30)
	for time.Since(full) < time.Second && err == nil {
		err = some(1)
	}
	answers := w.stop()
	refused := 0
	for _, answer := range answers {
		if answer.Page.Status != http.StatusOK {
			refused++
		}
	}
	key := "disk-came"
	select {
	case <-p.serve.Done:
		key = "disk-ended"
	default:
	}
	p.serve.Kill()
	if checked := p.check(ctx, answers); err == nil {
		err = checked
	}
	if err == nil {
		err = p.again(ctx)
	}
	if err == nil {
		page, got := crew[0].Get(ctx, "/people/files/"+CrowdID(0))
		if err = got; err == nil && page.Status != http.StatusOK {
			err = fmt.Errorf("with room again, somebody's own people are answered with %d", page.Status)
		}
	}
	return []Note{note(key, "answers", len(answers), "refused", refused)}, err
}
