package provision

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"mime"
	"net/http"
	"slices"
	"time"

	"poterne/internal/journal"
)

// Outcome is what became of a signal that was fetched, or of a request for some.
type Outcome string

const (
	Taken    Outcome = "taken"   // what it tells is done
	Declined Outcome = "refused" // it is not the transmitter's, or cannot be read
	Failed   Outcome = "failed"  // a request brought no answer that can be read, or what it told could not be done
)

// Outcomes are all of them.
var Outcomes = []Outcome{Taken, Declined, Failed}

const (
	pollTurn     = 30 * time.Second // for which one node asks
	pollPause    = time.Second      // after what failed; twice as long each time
	longestPause = 30 * time.Second
	pollIdle     = 5 * time.Second  // after an answer that told nothing
	pollPatience = 15 * time.Second // for an answer that is not waited for
	mostSignals  = 40
	largestPoll  = 1 << 20 // bytes of an answer
)

// Poller fetches what one transmitter tells, RFC 8936. A signal is acknowledged with the
// request that follows, once what it tells is done and marked: whoever stops before is told
// the same again.
type Poller struct {
	*Signals
	From    Transmitter
	Client  *http.Client // which follows no redirection: the token is the transmitter's alone
	Counted func(Outcome)

	owed               owed
	pause              time.Duration // after the next failure
	turn, first, waits time.Duration
}

// owed is what the transmitter is to be told of its signals.
type owed struct {
	Ack  []string               `json:"ack,omitempty"`
	Errs map[string]pollRefusal `json:"setErrs,omitempty"`
}

type pollRefusal struct {
	Code string `json:"err"`
	Text string `json:"description"`
}

// NewPoller returns what fetches the signals of one transmitter.
func NewPoller(s *Signals, from Transmitter, client *http.Client, counted func(Outcome)) *Poller {
	return &Poller{Signals: s, From: from, Client: client, Counted: counted, pause: pollPause, turn: pollTurn, first: pollPause, waits: pollIdle}
}

// Run fetches until ctx ends, on one node at a time.
func (p *Poller) Run(ctx context.Context) error {
	alone := journal.Alone{Name: "poll " + p.From.Name, Turn: p.turn, Once: p.Marks.Once, Now: p.Now}
	alone.Run(ctx, p.during, func(err error) { p.fails(ctx, err) })
	return nil
}

func (p *Poller) fails(ctx context.Context, err error) {
	p.Counted(Failed)
	p.Log.WarnContext(ctx, "signals could not be fetched; they are asked for again", slog.String("transmitter", p.From.Name), slog.Any("err", err))
}

// during fetches for a turn. Its first request is answered at once, which shows that there is
// somebody; the others wait for what comes.
func (p *Poller) during(ctx context.Context) error {
	waiting := false
	for ctx.Err() == nil {
		came, err := p.poll(ctx, waiting)
		switch {
		case err != nil && ctx.Err() != nil: // the turn is over, and nothing was acknowledged
		case err != nil:
			p.fails(ctx, err)
			journal.Pause(ctx, p.pause)
			p.pause, waiting = min(2*p.pause, longestPause), false
		default:
			p.pause = p.first
			if !came && waiting { // it does not wait, or not for long
				journal.Pause(ctx, p.waits)
			}
			waiting = true
		}
	}
	return nil
}

// poll makes one request, and does what its answer tells. It reports whether any came.
func (p *Poller) poll(ctx context.Context, waiting bool) (came bool, err error) {
	sets, err := p.ask(ctx, waiting)
	if err != nil {
		return false, err
	}
	p.owed = owed{Errs: make(map[string]pollRefusal)} // the transmitter has answered: it has what was owed
	for _, id := range slices.Sorted(maps.Keys(sets)) {
		err := p.fetched(ctx, id, sets[id])
		var refused refusedSignal
		switch {
		case err == nil:
			p.owed.Ack = append(p.owed.Ack, id)
			p.Counted(Taken)
		case errors.As(err, &refused):
			p.owed.Errs[id] = pollRefusal{refused.code, refused.text}
			p.Counted(Declined)
			p.Log.WarnContext(ctx, "a signal that was fetched is refused", slog.String("transmitter", p.From.Name), slog.String("because", refused.text))
		default:
			return true, fmt.Errorf("doing what a signal tells: %w", err)
		}
	}
	return len(sets) > 0, nil
}

// fetched does what one token tells, which the answer calls by its name.
func (p *Poller) fetched(ctx context.Context, id, text string) error {
	if len(text) > largestSignal {
		return refusedSignal{"invalid_request", "too long"}
	}
	told, err := p.read(p.From, text)
	if err != nil {
		return err
	}
	if told.ID != id {
		return refusedSignal{"invalid_request", "jti is not what it is called"}
	}
	return p.do(context.WithoutCancel(ctx), p.From, told) // which the end of a turn does not cut in two
}

// ask asks for signals, and says what is owed. It returns tokens by their names.
func (p *Poller) ask(ctx context.Context, waiting bool) (map[string]string, error) {
	if !waiting {
		patient, stop := context.WithTimeout(ctx, pollPatience)
		defer stop()
		ctx = patient
	}
	body, err := json.Marshal(struct {
		owed
		Most int  `json:"maxEvents"`
		Now  bool `json:"returnImmediately"`
	}{p.owed, mostSignals, !waiting})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.From.Poll, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	if p.From.PollToken != "" {
		r.Header.Set("Authorization", "Bearer "+p.From.PollToken)
	}
	answer, err := p.Client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the transmitter answers %s", answer.Status)
	}
	if kind, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, errors.New("the transmitter answers something else than JSON")
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, largestPoll+1))
	if err != nil {
		return nil, err
	}
	var told struct {
		Sets map[string]string `json:"sets"`
	}
	if err := unmarshal(text, &told); err != nil || len(text) > largestPoll || told.Sets == nil {
		return nil, errors.New("the transmitter answers what cannot be read as signals")
	}
	return told.Sets, nil
}
