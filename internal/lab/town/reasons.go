package town

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
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

// Outbox tells what was written in an application that gives somebody a reason: in the order it
// came in, as soon as it does, and after a restart what was not delivered before.
type Outbox struct {
	from    *Database
	address string // of the sources, such as https://porte.example/.poterne/facts
	token   string
	client  *http.Client
	log     *slog.Logger
}

// NewOutbox returns an outbox that sends to an address below which each source has its own.
func NewOutbox(from *Database, address, token string, client *http.Client, log *slog.Logger) *Outbox {
	return &Outbox{from: from, address: address, token: token, client: client, log: log}
}

// batch is lines of one source that wait, one after the other.
type batch struct {
	source string
	lines  strings.Builder
	last   int64 // the number of the last
	ended  bool  // another source's lines follow
}

// again is how long an outbox waits after it could not deliver.
const again = time.Second

// Run delivers until ctx ends. What was delivered and could not be taken off is delivered again:
// a reason replaces itself.
func (o *Outbox) Run(ctx context.Context) error {
	for {
		next, err := o.next(ctx)
		switch {
		case err == nil && next.last == 0:
			select {
			case <-ctx.Done():
				return nil
			case <-o.from.wake:
			}
			continue
		case err == nil:
			err = o.send(ctx, next)
		}
		if err == nil {
			err = o.from.set(ctx, `delete from told where number <= $1`, next.last)
		}
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return nil
		}
		o.log.WarnContext(ctx, "a reason was not delivered; it is sent again", slog.String("source", next.source), slog.Any("err", err))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(again):
		}
	}
}

// most is how many lines are sent at once.
const most = 1000

// next returns the first that wait and are of one source; none has the number 0.
func (o *Outbox) next(ctx context.Context) (*batch, error) {
	b := new(batch)
	err := o.from.each(ctx, fmt.Sprintf(`select number, source, line from told order by number limit %d`, most), func(scan func(...any) error) error {
		var number int64
		var source, line string
		if err := scan(&number, &source, &line); err != nil {
			return err
		}
		if b.last == 0 {
			b.source = source
		}
		if source == b.source && !b.ended {
			b.lines.WriteString(line + "\n")
			b.last = number
		} else {
			b.ended = true
		}
		return nil
	})
	return b, err
}

// send sends a batch of one source. A line that is rejected stays so, however often it is
// sent: it is noted, and counts as delivered.
func (o *Outbox) send(ctx context.Context, b *batch) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, o.address+"/"+b.source, strings.NewReader(b.lines.String()))
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
		o.log.WarnContext(ctx, "a reason was rejected", slog.String("source", b.source), slog.String("why", line.Reason))
	}
	return nil
}
