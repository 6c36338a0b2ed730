// Package witness has the ledger's checkpoints co-signed by witnesses outside the
// organisation, by C2SP tlog-witness and cosignature/v1.
//
// A witness remembers the largest tree it has co-signed, and co-signs only what
// continues it. So an attacker with the database and the checkpoint key can still not
// rewrite what was witnessed, nor put an older copy in its place: Attend and Run
// find that out and say so. A ledger that a witness contradicts is not run.
//
// A witness that cannot be reached stops nothing by itself; Standing tells it.
package witness

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"poterne/internal/ledger"
	"poterne/internal/ledger/tiles"
)

// Witness is an independent party that co-signs checkpoints.
type Witness struct {
	Key     Key
	Address string // below which it takes add-checkpoint
}

// Ledger is the ledger that witnesses co-sign.
type Ledger interface {
	tiles.Source
	// Cosigned returns the lines that witnesses have put under the checkpoint of that
	// size.
	Cosigned(ctx context.Context, size int64) ([][]byte, error)
	// Cosign MUST durably store a witness's line, unless the witness has one already.
	Cosign(ctx context.Context, size int64, witness string, line []byte) error
}

const (
	// Pace is how often witnesses are asked, at most.
	Pace = time.Second
	// patience is how long one round of asking may take.
	patience = 5 * time.Second
	// longestRest is how long a witness that fails is left alone, at most.
	longestRest = time.Minute
)

// Council is the witnesses of a ledger.
type Council struct {
	Quorum
	ledger   Ledger
	signer   note.Signer
	verifier note.Verifier
	log      *slog.Logger
	now      func() time.Time
	seats    []*seat

	mu       sync.Mutex
	standing Standing // guarded by mu
}

// seat is one witness's place. Only the round under way touches it.
type seat struct {
	asked
	rest  time.Duration // that the next failure costs
	until time.Time     // left alone until then
}

// Standing is how far the witnesses have come.
type Standing struct {
	Need      int
	Size      int64     // entries under the newest checkpoint that has its quorum
	Lacking   time.Time // since when the newest checkpoint has lacked it; zero when it does not
	Witnesses []Attendance
}

// Attendance is how one witness stands.
type Attendance struct {
	Name     string
	Size     int64 // entries it has co-signed
	Attended bool  // it has answered since this process began
	Failure  error // of the last asking; nil when it co-signed
}

// Attended reports whether a quorum has answered since this process began.
func (s Standing) Attended() bool {
	answered := 0
	for _, w := range s.Witnesses {
		if w.Attended {
			answered++
		}
	}
	return answered >= s.Need
}

var errNotAsked = errors.New("it was not asked yet")

// StayPut keeps a client from following redirections: a witness is where it was
// configured to be.
func StayPut(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// New returns the council of a ledger's witnesses, need of which make a quorum. They are
// asked through client.
func New(witnesses []Witness, need int, witnessed Ledger, signer note.Signer, verifier note.Verifier, client *http.Client, now func() time.Time, log *slog.Logger) *Council {
	c := &Council{Quorum: Quorum{Need: need}, ledger: witnessed, signer: signer, verifier: verifier, log: log, now: now}
	c.standing.Need = need
	for _, w := range witnesses {
		c.Keys = append(c.Keys, w.Key)
		c.seats = append(c.seats, &seat{asked: asked{Witness: w, client: client, now: now}})
		c.standing.Witnesses = append(c.standing.Witnesses, Attendance{Name: w.Key.Name(), Failure: errNotAsked})
	}
	return c
}

// Standing returns how far the witnesses have come.
func (c *Council) Standing() Standing {
	c.mu.Lock()
	defer c.mu.Unlock()
	standing := c.standing
	standing.Witnesses = append([]Attendance(nil), standing.Witnesses...)
	return standing
}

// Attend asks every witness what it knows of the ledger. It MUST return before anything is
// signed or served. Its error is a *Contradiction, or the ledger cannot be read; a witness
// that cannot be reached is logged, and contradicts nothing.
func (c *Council) Attend(ctx context.Context) error { return c.round(ctx) }

// Run has new checkpoints co-signed until ctx ends. Its error is a *Contradiction: the
// program MUST then stop.
func (c *Council) Run(ctx context.Context) error {
	if len(c.seats) == 0 {
		<-ctx.Done()
		return nil
	}
	ticker := time.NewTicker(Pace)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		err := c.round(ctx)
		if _, contradicted := errors.AsType[*Contradiction](err); contradicted {
			return err
		}
		if err != nil && ctx.Err() == nil {
			c.log.ErrorContext(ctx, "no witness could be asked", slog.Any("err", err))
		}
	}
}

// mostOvertakings bounds how often other nodes may be faster in one round.
const mostOvertakings = 3

// round has the newest checkpoint co-signed. That a witness knows a longer ledger
// is no contradiction if there is a checkpoint that long by now: another node has
// signed it meanwhile.
func (c *Council) round(ctx context.Context) error {
	for range mostOvertakings {
		contradiction, err := c.ask(ctx)
		if contradiction == nil {
			return err
		}
		head, err := c.newest(ctx)
		if err != nil || !contradiction.longer() || contradiction.Known > head.Size {
			return contradiction
		}
	}
	return nil
}

// ask has the newest checkpoint co-signed, unless it is.
func (c *Council) ask(ctx context.Context) (*Contradiction, error) {
	head, err := c.newest(ctx)
	if err != nil {
		return nil, err
	}
	if c.Met(head.Note) && c.Standing().Attended() {
		c.reached(head.Size)
		return nil, nil
	}
	c.lacking()
	lines, contradiction := c.collect(ctx, head)
	if contradiction == nil && c.Met(c.Under(head.Note, lines)) {
		c.reached(head.Size)
	}
	return contradiction, nil
}

// newest is the newest checkpoint with the co-signatures it has, or that of an empty
// ledger: a witness knows when the ledger was not always empty.
func (c *Council) newest(ctx context.Context) (ledger.Checkpoint, error) {
	signed, err := c.ledger.Checkpoint(ctx)
	if err != nil {
		return ledger.Checkpoint{}, fmt.Errorf("reading the newest checkpoint: %w", err)
	}
	if signed == nil {
		return ledger.SignEmpty(c.signer)
	}
	head, err := ledger.OpenCheckpoint(signed, c.verifier)
	if err != nil {
		return head, err
	}
	lines, err := c.ledger.Cosigned(ctx, head.Size)
	if err != nil {
		return head, fmt.Errorf("reading the co-signatures of %d entries: %w", head.Size, err)
	}
	head.Note = c.Under(signed, lines)
	return head, nil
}

// collect asks all witnesses at once, but for those that are left alone, and keeps
// the lines that they put under the checkpoint. Of several contradictions it
// returns the weightiest.
func (c *Council) collect(ctx context.Context, head ledger.Checkpoint) (lines [][]byte, contradiction *Contradiction) {
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	prove := func(old int64) (tlog.TreeProof, error) {
		return tlog.ProveTree(head.Size, old, tiles.Signed(bounded, c.ledger, head))
	}
	var (
		group sync.WaitGroup
		mu    sync.Mutex // guards both results
	)
	for place, seat := range c.seats {
		if c.now().Before(seat.until) {
			continue
		}
		group.Go(func() {
			signature, err := seat.cosign(bounded, head, prove)
			if err == nil && head.Size > 0 {
				err = c.ledger.Cosign(context.WithoutCancel(ctx), head.Size, seat.Key.Name(), signature.line())
			}
			if ctx.Err() != nil {
				return // the program is leaving
			}
			c.told(ctx, place, err)
			mu.Lock()
			defer mu.Unlock()
			if contradicts, is := errors.AsType[*Contradiction](err); is {
				contradiction = weightier(contradiction, contradicts)
			} else if err == nil {
				lines = append(lines, signature.line())
			}
		})
	}
	group.Wait()
	return lines, contradiction
}

// told notes the outcome of asking a witness. A witness that fails is left alone for a
// while, each time for longer; one that contradicts is not, so that it can be asked about
// another node's checkpoint at once.
func (c *Council) told(ctx context.Context, place int, err error) {
	seat := c.seats[place]
	_, contradicts := errors.AsType[*Contradiction](err)
	if err == nil || contradicts {
		seat.rest, seat.until = 0, time.Time{}
	} else {
		seat.rest = min(max(Pace, 2*seat.rest), longestRest)
		seat.until = c.now().Add(seat.rest)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	w := &c.standing.Witnesses[place]
	before := w.Failure
	w.Size, w.Failure, w.Attended = seat.knows, err, w.Attended || err == nil
	switch name := slog.String("witness", w.Name); {
	case err != nil && (before == nil || before == errNotAsked):
		c.log.WarnContext(ctx, "a witness does not co-sign", name, slog.Any("err", err))
	case err == nil && before != nil:
		c.log.InfoContext(ctx, "a witness co-signs", name)
	}
}

func (c *Council) reached(size int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.standing.Size, c.standing.Lacking = size, time.Time{}
}

func (c *Council) lacking() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.standing.Lacking.IsZero() {
		c.standing.Lacking = c.now()
	}
}
