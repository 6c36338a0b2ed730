package desk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/portal"
)

const (
	beatEvery    = 5 * time.Second  // how often the flow says that it is there; live.js waits for four beats
	refreshEvery = time.Second      // how often the live desk asks whether its reader may still watch, and draws its picture anew
	breatheEvery = 15 * time.Second // how often the flow asks again what people are called

	// gatherFor is how long what happens after a line waits at most, for more or for the next picture: each
	// packet costs the server more than what is in it, once for each desk that is open.
	gatherFor = refreshEvery
)

// flow sends the desk's lines as they happen. Each carries the number of its last
// entry as event id, so a reconnection misses nothing; the picture above them is
// sent whole, and carries none.
func (l live) flow(v visit) error {
	after, err := resume(v.Visit)
	if err != nil {
		return err
	}
	return l.send(v.Context(), v, deskView, &after)
}

// wallFlow sends what the wall says. It has no lines, and needs no place to go on from.
func (l live) wallFlow(v visit) error { return l.send(v.Context(), v, wallView, nil) }

// view is a page that goes on by itself: the template of its picture, and what of the
// desk's parts it shows.
type view struct {
	template string
	of       func(deskParts) deskParts
}

var (
	deskView = view{"desk-parts", func(p deskParts) deskParts { return p }}
	wallView = view{"wall-parts", deskParts.onWall}
)

// send sends one reader the picture as it changes, and the lines of what happens from an entry
// on; none when next is nil.
func (l live) send(ctx context.Context, v visit, of view, next *ledger.Number) error {
	if err := v.Record(ledger.Entry{State: ledger.DeskFollowed}); err != nil {
		return err
	}
	out := l.stream(v, of)
	out.say("retry: 1000\n\n")
	out.beat()
	err := out.flush()
	if err == nil && next != nil {
		*next, err = out.missed(ctx, *next)
	}
	seen := l.journal.Generation() // in which the reader's account was last read
	if err == nil && l.stillWatches(ctx, v.Visit) != nil {
		return nil
	}
	refresh, breathe, beat := time.NewTicker(refreshEvery), time.NewTicker(breatheEvery), time.NewTicker(beatEvery)
	defer refresh.Stop()
	defer beat.Stop()
	defer breathe.Stop()
	var gathering <-chan time.Time // nil: a line is sent when it happens
	for err == nil {
		var more <-chan struct{}
		if next != nil && gathering == nil {
			var any bool
			if *next, any, more, err = out.lines(*next); any {
				gathering, more = time.After(gatherFor), nil
			}
		}
		if err == nil {
			err = out.flush()
		}
		if err != nil {
			break
		}
		select {
		case <-ctx.Done():
			return nil
		case <-more:
		case <-gathering:
			gathering = nil
		case <-refresh.C:
			// Accounts and orders change in a new generation; that an account has come to its end is
			// seen when it breathes.
			if now := l.journal.Generation(); now != seen {
				seen = now
				if l.stillWatches(ctx, v.Visit) != nil {
					return nil
				}
			} else if v.Still(ctx) != nil || !l.mayWatch(v.Viewer) {
				return nil
			}
			gathering, err = nil, out.picture()
		case <-breathe.C:
			if l.stillWatches(ctx, v.Visit) != nil {
				return nil
			}
			out.v.labels, err = l.labels(v.Visit)
		case <-beat.C:
			out.beat()
		}
	}
	return nil // the reader left, or will come back
}

// resume says where the flow goes on: after the last event that the browser has,
// or where its page ended.
func resume(v *portal.Visit) (ledger.Number, error) {
	if last := v.Header.Get("Last-Event-ID"); last != "" {
		number, err := strconv.ParseUint(last, 10, 63)
		if err != nil {
			return 0, &fault.Error{Kind: fault.Invalid, Public: "Last-Event-ID is the number of an entry"}
		}
		return ledger.Number(number) + 1, nil
	}
	number, err := strconv.ParseUint(v.URL.Query().Get("after"), 10, 63)
	if err != nil {
		return 0, &fault.Error{Kind: fault.Invalid, Public: "after is the number of an entry"}
	}
	return ledger.Number(number), nil
}

// missed sends the lines of what happened from an entry on that the desk does not remember for all,
// and returns the number to go on from. The error also says that the desk itself has not begun to
// read: the browser comes back.
func (s *stream) missed(ctx context.Context, next ledger.Number) (ledger.Number, error) {
	select {
	case <-s.live.news.begun:
	case <-time.After(beatEvery):
		return next, errNotBegun
	case <-ctx.Done():
		return next, ctx.Err()
	}
	begins := s.live.news.begins()
	if next >= begins {
		return next, nil
	}
	for passage, err := range portal.Passages(s.live.journal.Follow(ctx, next), s.live.journal.Next) {
		if err != nil {
			return next, err
		}
		t := tidingsOf(passage, notableOf(passage))
		if text, err := s.draw(t); err != nil {
			return next, err
		} else if text != "" {
			s.say(text)
			if err := s.flush(); err != nil {
				return next, err
			}
		}
		if next = t.last + 1; next >= begins {
			return next, nil
		}
	}
	return next, ctx.Err()
}

var errNotBegun = errors.New("the desk has not begun to read the ledger")

// stream is one reader's flow.
type stream struct {
	live live
	v    visit
	view view
	out  *http.ResponseController
	last string // the picture as it was sent last

	unsent bytes.Buffer
}

func (l live) stream(v visit, of view) *stream {
	v.Protect()
	v.Writer.Header().Set("Content-Type", "text/event-stream")
	v.Writer.Header().Set("Cache-Control", "no-store")
	v.Writer.Header().Set("X-Accel-Buffering", "no")
	return &stream{live: l, v: v, view: of, out: http.NewResponseController(v.Writer)}
}

// say adds to what is sent next.
func (s *stream) say(text string) { s.unsent.WriteString(text) }

// flush sends what was said, in one packet where it fits.
func (s *stream) flush() error {
	if s.unsent.Len() == 0 {
		return nil
	}
	_ = s.out.SetWriteDeadline(time.Now().Add(10 * time.Second)) // not every writer has one
	if _, err := s.unsent.WriteTo(s.v.Writer); err != nil {
		return err
	}
	return s.out.Flush()
}

// beat says that the flow is there, and what time it is.
func (s *stream) beat() {
	s.say(eventOf("beat", "", []byte(s.v.Speaker.ClockWords(s.live.shell.Now()))))
}

// eventOf is one event; its data is one page fragment.
func eventOf(name, id string, fragment []byte) string {
	var text strings.Builder
	if id != "" {
		fmt.Fprintf(&text, "id: %s\n", id)
	}
	fmt.Fprintf(&text, "event: %s\n", name)
	for row := range bytes.Lines(fragment) {
		text.WriteString("data: ")
		text.Write(bytes.TrimRight(row, "\r\n"))
		text.WriteString("\n")
	}
	text.WriteString("\n")
	return text.String()
}

// lines says the lines of what happened from an entry on. It returns the number to go on from, whether there
// was any line, and what is closed when there is more.
func (s *stream) lines(next ledger.Number) (ledger.Number, bool, <-chan struct{}, error) {
	texts, next, more, err := s.live.news.after(next, s.v.Speaker.Language, s.draw)
	s.say(strings.Join(texts, ""))
	return next, len(texts) > 0, more, err
}

// draw says a passage as an event; nothing of one that is worth no line.
func (s *stream) draw(t *tidings) (string, error) {
	if len(t.lines) == 0 {
		return "", nil
	}
	var fragment bytes.Buffer
	for _, activity := range t.lines {
		if err := s.live.pages.Draw(&fragment, s.v.Visit, "flow-line", s.v.labels.Line(activity)); err != nil {
			return "", err
		}
	}
	return eventOf("line", strconv.FormatUint(uint64(t.last), 10), fragment.Bytes()), nil
}

// picture says what stands above the lines, when it has changed.
func (s *stream) picture() error {
	reads := readers{language: s.v.Speaker.Language, template: s.view.template}
	if s.live.past.isOnOne(s.v.Viewer.ID, s.live.shell.Now()) {
		reads.mine = s.v.Viewer.ID
	}
	text, err := s.live.drawn.by(reads, s.live.shell.Now(), func(to *bytes.Buffer) error {
		shown, err := s.live.parts(s.v, true)
		if err != nil {
			return err
		}
		return s.live.pages.Draw(to, s.v.Visit, s.view.template, s.view.of(shown))
	})
	if err != nil || s.last == text {
		return err
	}
	s.last = text
	s.say(text)
	return nil
}
