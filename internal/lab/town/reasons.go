package town

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"poterne/internal/roster"
)

// Reason is why somebody has to do with a person, as an application tells it to whoever
// guards the register: a line of NDJSON.
type Reason struct {
	ID           string                `json:"id"` // the same again replaces it
	Kind         string                `json:"kind"`
	Account      roster.AccountID      `json:"account,omitempty"`
	Organisation roster.OrganisationID `json:"organisation,omitempty"`
	Author       roster.AccountID      `json:"author,omitempty"` // who wrote it
	Scheme       string                `json:"scheme"`
	Person       string                `json:"person"`
	From         time.Time             `json:"from"`
	Until        time.Time             `json:"until,omitzero"` // zero: until it is told to end
}

// Outbox tells reasons, in the order they came in and as soon as they do. What cannot be
// delivered is tried again until it is. It is safe to share.
type Outbox struct {
	address string // of the sources, such as https://porte.example/.poterne/facts
	token   string
	client  *http.Client
	log     *slog.Logger
	wake    chan struct{}

	mu      sync.Mutex // guards waiting
	waiting []told
}

type told struct {
	source string
	reason Reason
}

// NewOutbox returns an outbox that sends to an address below which each source has its own.
func NewOutbox(address, token string, client *http.Client, log *slog.Logger) *Outbox {
	return &Outbox{address: address, token: token, client: client, log: log, wake: make(chan struct{}, 1)}
}

// Tell puts a reason in. It returns before it was delivered.
func (o *Outbox) Tell(source string, r Reason) {
	o.mu.Lock()
	o.waiting = append(o.waiting, told{source, r})
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default: // it is awake
	}
}

// again is how long an outbox waits after it could not deliver.
const again = time.Second

// Run delivers until ctx ends.
func (o *Outbox) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-o.wake:
		}
		for {
			next, any := o.next()
			if !any {
				break
			}
			if err := o.send(ctx, next); err != nil {
				if ctx.Err() != nil {
					return nil
				}
				o.log.WarnContext(ctx, "a reason was not delivered; it is sent again", slog.String("source", next[0].source), slog.Any("err", err))
				select {
				case <-ctx.Done():
					return nil
				case <-time.After(again):
				}
				continue
			}
			o.mu.Lock()
			o.waiting = slices.Delete(o.waiting, 0, len(next))
			o.mu.Unlock()
		}
	}
}

// next returns the first that wait and are of one source.
func (o *Outbox) next() (batch []told, any bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, t := range o.waiting {
		if len(batch) > 0 && t.source != batch[0].source {
			break
		}
		batch = append(batch, t)
	}
	return batch, len(batch) > 0
}

// send sends a batch of one source. A line that is rejected stays so, however often it is
// sent: it is noted, and counts as delivered.
func (o *Outbox) send(ctx context.Context, batch []told) error {
	var body bytes.Buffer
	for _, t := range batch {
		if err := json.NewEncoder(&body).Encode(t.reason); err != nil {
			return err
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, o.address+"/"+batch[0].source, &body)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+o.token)
	request.Header.Set("Content-Type", "application/x-ndjson")
	reply, err := o.client.Do(request)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	var said struct {
		Rejected []struct {
			Reason string `json:"reason"`
		} `json:"rejected"`
		Problem string `json:"problem"`
	}
	if err := json.NewDecoder(io.LimitReader(reply.Body, 1<<20)).Decode(&said); err != nil {
		return fmt.Errorf("status %d: %w", reply.StatusCode, err)
	}
	if reply.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d: %s", reply.StatusCode, said.Problem)
	}
	for _, line := range said.Rejected {
		o.log.WarnContext(ctx, "a reason was rejected", slog.String("source", batch[0].source), slog.String("why", line.Reason))
	}
	return nil
}
